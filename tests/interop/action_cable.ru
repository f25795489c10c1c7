# Action Cable without the rest of Rails, for `puma`. Sends numbered messages all the time, and closes every connection that
# is older than a second, as a restart does.
require 'logger'
require 'action_cable'

module Rails
  def self.env = 'test'
  def self.logger = Logger.new(File::NULL)
end

class CableConnection < ActionCable::Connection::Base
  def connect
    reject_unauthorized_connection if request.params['token'] == 'wrong'
    Thread.new { sleep 1; close(reason: 'server_restart', reconnect: true) }
  end
end

class NewsChannel < ActionCable::Channel::Base
  def subscribed = stream_from('news')
end

class ClosedChannel < ActionCable::Channel::Base
  def subscribed = reject
end

ActionCable.server.config.tap do |config|
  config.cable = { 'adapter' => 'async' }
  config.connection_class = -> { CableConnection }
  config.logger = Rails.logger
  config.disable_request_forgery_protection = true
end
Thread.new { (0..).each { |n| ActionCable.server.broadcast('news', { n: n }); sleep 0.05 } }
run ActionCable.server
