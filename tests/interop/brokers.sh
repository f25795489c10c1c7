#!/usr/bin/env bash
# Servers that tests/cli/dialect_servers.rs needs and that take long to start: `brokers.sh start FOLDER` starts those that are
# installed, on free ports of loopback, and prints the variables that tell the tests. `brokers.sh stop FOLDER` ends them.
#
# They are RabbitMQ with its plugin rabbitmq_web_stomp, and FOLDER/../crossbar and FOLDER/../nostr-relay, which are virtual
# environments of Python with these packages.
set -euo pipefail
mkdir -p "$2"
folder=$(cd "$2" && pwd)
crossbar=$folder/../crossbar/bin
nostr=$folder/../nostr-relay/bin

free_ports() {
  python3 -c 'import socket, sys
sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(int(sys.argv[1]))]
print(*[s.getsockname()[1] for s in sockets])' "$1"
}

# Waits until something listens on a port.
listens() {
  for _ in $(seq 300); do
    if (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; then return 0; fi
    sleep 0.1
  done
  return 1
}

# Is this command installed? Says so if it is not.
installed() {
  command -v "$1" >/dev/null || { echo "brokers.sh: ${1##*/} is not installed" >&2; return 1; }
}

# start NAME PORT COMMAND… : its process is the leader of a group.
start() {
  local name=$1 port=$2
  shift 2
  setsid "$@" >"$folder/$name.log" 2>&1 &
  echo $! >"$folder/$name.pid"
  if ! listens "$port"; then
    echo "brokers.sh: $name does not listen, see $folder/$name.log" >&2
    return 1
  fi
}

rabbitmq() {
  installed rabbitmq-server || return 0
  local amqp web dist epmd
  read -r amqp web dist epmd <<<"$(free_ports 4)"
  rm -rf "$folder/rabbitmq"
  mkdir -p "$folder/rabbitmq"
  cat >"$folder/rabbitmq/rabbitmq.conf" <<END
listeners.tcp.1 = 127.0.0.1:$amqp
stomp.listeners.tcp = none
web_stomp.tcp.ip = 127.0.0.1
web_stomp.tcp.port = $web
END
  echo '[rabbitmq_web_stomp].' >"$folder/rabbitmq/enabled_plugins"
  # The name of the node is its own, so that a RabbitMQ of the system is left alone. The script of Debian would change
  # the user.
  export RABBITMQ_NODENAME="wstap$web@localhost" RABBITMQ_DIST_PORT=$dist ERL_EPMD_PORT=$epmd ERL_EPMD_ADDRESS=127.0.0.1 \
    RABBITMQ_MNESIA_BASE="$folder/rabbitmq/mnesia" RABBITMQ_LOG_BASE="$folder/rabbitmq/log" HOME="$folder/rabbitmq" \
    RABBITMQ_ENABLED_PLUGINS_FILE="$folder/rabbitmq/enabled_plugins" RABBITMQ_CONFIG_FILE="$folder/rabbitmq/rabbitmq.conf"
  local server=/usr/lib/rabbitmq/bin/rabbitmq-server
  [ -x "$server" ] || server=rabbitmq-server
  echo "$epmd" >"$folder/epmd.port"
  start rabbitmq "$web" "$server" && echo "export WSTAP_TEST_STOMP=ws://127.0.0.1:$web/ws"
}

crossbar() {
  installed "$crossbar/crossbar" || return 0
  local port
  port=$(free_ports 1)
  mkdir -p "$folder/crossbar"
  cat >"$folder/crossbar/config.json" <<END
{"version": 2, "workers": [{"type": "router",
  "realms": [{"name": "realm1", "roles": [{"name": "anonymous", "permissions": [
    {"uri": "", "match": "prefix", "allow": {"publish": true, "subscribe": true}}]}]}],
  "transports": [{"type": "websocket", "endpoint": {"type": "tcp", "port": $port, "interface": "127.0.0.1"}}]}]}
END
  start crossbar "$port" "$crossbar/crossbar" start --cbdir "$folder/crossbar" && echo "export WSTAP_TEST_WAMP=ws://127.0.0.1:$port/"
}

nostr() {
  installed "$nostr/nostr-relay" || return 0
  local port
  port=$(free_ports 1)
  rm -f "$folder/nostr.sqlite3"
  cat >"$folder/nostr.yaml" <<END
storage:
  sqlalchemy.url: sqlite+aiosqlite:///$folder/nostr.sqlite3
  validators: [nostr_relay.validators.is_signed]
authentication: {enabled: false}
gunicorn: {bind: "127.0.0.1:$port", workers: 1}
END
  start nostr "$port" "$nostr/nostr-relay" --config "$folder/nostr.yaml" serve &&
    echo "export WSTAP_TEST_NOSTR=ws://127.0.0.1:$port/ WSTAP_TEST_NOSTR_PYTHON=$nostr/python"
}

case $1 in
  start)
    for broker in rabbitmq crossbar nostr; do ($broker || true) & done
    wait
    ;;
  stop)
    for file in "$folder"/*.pid; do
      [ -e "$file" ] || continue
      kill -- "-$(cat "$file")" 2>/dev/null || true
      rm -f "$file"
    done
    # The names of Erlang's nodes are kept by a daemon that outlives them.
    if [ -e "$folder/epmd.port" ]; then
      for _ in $(seq 50); do
        if ERL_EPMD_PORT=$(cat "$folder/epmd.port") epmd -kill >/dev/null 2>&1; then break; fi
        sleep 0.1
      done
      rm -f "$folder/epmd.port"
    fi
    ;;
esac
