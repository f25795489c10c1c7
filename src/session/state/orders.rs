//! What a session does for its orders, but for those that end it.

use std::collections::VecDeque;
use std::mem;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message as Frame;

use super::{Now, SessionPhase, State, short};
use crate::event::{Direction, EndReason, Kind, Reconnect};
use crate::exit::Exit;
use crate::limits;
use crate::message::Message;
use crate::report::Level;
use crate::session::policy::Outcome;
use crate::text::counted;

/// Messages that may wait for a connection: more than anybody types.
const MOST_QUEUED: usize = 1000;

/// How a session stands, for whoever watches it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The connection.
    pub link: LinkState,
    /// How many connections there have been.
    pub conn: u32,
    /// The round trip time of the last ping that was answered.
    pub rtt: Option<Duration>,
    /// Messages that wait for a connection.
    pub queued: usize,
}

/// How a connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// It is being made.
    Connecting,
    /// It is there.
    Open,
    /// It is lost, and made again at this time.
    Waiting(Instant),
    /// It is lost, and made again when somebody asks for it.
    Lost,
    /// The session is ending.
    Ending,
}

/// What is remembered of orders.
#[derive(Default)]
pub(super) struct Ordered {
    queue: VecDeque<Message>,
    queued_bytes: usize,
    /// The payload of a ping whose pong is waited for.
    ping: Option<Bytes>,
    rtt: Option<Duration>,
    /// The connection is being closed only to be made again.
    again: bool,
    /// Topics that were ordered.
    topics: Vec<String>,
    topics_changed: bool,
}

impl State {
    /// How the session stands.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let link = match self.phase {
            _ if self.outcome.is_some() => LinkState::Ending,
            SessionPhase::Connecting => LinkState::Connecting,
            SessionPhase::Open => LinkState::Open,
            SessionPhase::Waiting(until) => LinkState::Waiting(until),
            SessionPhase::Lost => LinkState::Lost,
            SessionPhase::Closing(_) | SessionPhase::Ended => LinkState::Ending,
        };
        Standing { link, conn: self.conn, rtt: self.ordered.rtt, queued: self.ordered.queue.len() }
    }

    /// The topics, if they have changed since this was last asked.
    pub fn changed_topics(&mut self) -> Option<&[String]> {
        mem::take(&mut self.ordered.topics_changed).then_some(&self.policy.topics)
    }

    /// Sends a message, now or once there is a connection.
    pub fn send_or_queue(&mut self, message: Message, now: Now) {
        if self.phase == SessionPhase::Open {
            return self.send(message, now);
        }
        let bytes = self.ordered.queued_bytes + message.len();
        if self.ordered.queue.len() >= MOST_QUEUED || bytes > limits::QUEUED {
            let text = format!("not sent: the queue is full ({} messages)", self.ordered.queue.len());
            return self.answer(text);
        }
        self.ordered.queued_bytes = bytes;
        self.ordered.queue.push_back(message);
        let text = format!("queued for the next connection ({} in /queue)", self.ordered.queue.len());
        self.answer(text);
    }

    /// Something to say to whoever gave the order, even if notices are not wanted.
    fn answer(&mut self, text: impl Into<String>) {
        self.todo.answers.push(text.into());
    }

    /// Sends what has waited for the connection.
    pub(super) fn send_queued(&mut self, now: Now) {
        let queue = mem::take(&mut self.ordered.queue);
        self.ordered.queued_bytes = 0;
        if !queue.is_empty() {
            self.answer(format!("sending {}", counted(queue.len(), "queued message")));
        }
        for message in queue {
            self.send(message, now);
        }
    }

    /// The messages that wait for a connection, in order.
    pub fn queued(&self) -> impl Iterator<Item = &Message> {
        self.ordered.queue.iter()
    }

    /// Forgets them, and says how many there were.
    pub fn clear_queue(&mut self) -> usize {
        self.ordered.queued_bytes = 0;
        mem::take(&mut self.ordered.queue).len()
    }

    /// A ping, whose pong is to be told of.
    pub fn order_ping(&mut self, payload: Option<Bytes>, now: Now) {
        if self.phase != SessionPhase::Open {
            return self.answer("not connected".to_owned());
        }
        let payload = match payload {
            Some(payload) => self.liveness.ping_with(payload, now.mono),
            None => self.liveness.ping(now.mono),
        };
        self.ordered.ping = Some(payload.clone());
        self.todo.frames.push(Frame::Ping(payload.clone()));
        self.emit(Kind::Ping(Direction::Out, payload), now);
    }

    /// A pong came.
    pub(super) fn note_pong(&mut self, payload: &Bytes, rtt: Option<Duration>) {
        self.ordered.rtt = rtt.or(self.ordered.rtt);
        let Some(rtt) = rtt else { return };
        let text = format!("pong after {}", short(rtt));
        match self.ordered.ping.take_if(|ping| ping == payload) {
            Some(_) => self.answer(text),
            None => self.notice(Level::Debug, text),
        }
    }

    /// More topics, on this connection and on those to come.
    pub fn order_subscribe(&mut self, topics: Vec<String>, now: Now) {
        let (known, new): (Vec<_>, Vec<_>) =
            topics.into_iter().partition(|topic| self.policy.topics.contains(topic));
        for topic in known {
            self.answer(format!("already subscribed to {topic}"));
        }
        if new.is_empty() {
            return;
        }
        self.policy.topics.extend(new.iter().cloned());
        self.ordered.topics.extend(new.iter().cloned());
        self.ordered.topics_changed = true;
        if self.phase == SessionPhase::Open {
            self.subscribe_more(&new, now);
        } else {
            self.answer("will subscribe with the next connection".to_owned());
        }
    }

    /// Fewer topics.
    pub fn order_unsubscribe(&mut self, topics: &[String], now: Now) {
        let (gone, unknown): (Vec<String>, Vec<String>) =
            topics.iter().cloned().partition(|topic| self.policy.topics.contains(topic));
        for topic in unknown {
            self.answer(format!("not subscribed to {topic}; /topics lists subscribed topics"));
        }
        if gone.is_empty() {
            return;
        }
        self.forget(&gone);
        if self.phase != SessionPhase::Open {
            return;
        }
        let messages = self.dialect.unsubscribe(&gone);
        let calls = self.dialect.topic_calls();
        if messages.is_empty() && calls.is_empty() {
            let text = "the provider cannot unsubscribe; this takes effect with the next connection";
            self.answer(text.to_owned());
        }
        self.todo.topic_calls.extend(calls);
        for message in messages {
            self.send(message, now);
        }
    }

    /// The provider refuses these. Those that were ordered can be ordered again.
    pub(super) fn forget_refused(&mut self, topics: &[String]) {
        let ordered: Vec<String> =
            topics.iter().filter(|topic| self.ordered.topics.contains(topic)).cloned().collect();
        if !ordered.is_empty() {
            self.forget(&ordered);
        }
    }

    fn forget(&mut self, gone: &[String]) {
        self.policy.topics.retain(|topic| !gone.contains(topic));
        self.ordered.topics.retain(|topic| !gone.contains(topic));
        self.ordered.topics_changed = true;
    }

    /// A command of the dialect's own.
    pub fn order_command(&mut self, name: &str, arguments: &[String], now: Now) {
        match self.dialect.command(name, arguments) {
            Ok(messages) => messages.into_iter().for_each(|message| self.send_or_queue(message, now)),
            Err(why) => self.answer(format!("/{name}: {why}")),
        }
    }

    /// The end, in good order, with this code and reason in the close frame.
    pub fn order_close(&mut self, close: Option<(u16, String)>, now: Now) {
        self.policy.close = close.unwrap_or_else(|| self.policy.close.clone());
        self.finish(Outcome::new(EndReason::Quit, Exit::Ok), now);
    }

    /// Another connection in the place of this one, or at once instead of later.
    pub fn order_reconnect(&mut self, now: Now) {
        match self.phase {
            SessionPhase::Open => {
                self.ordered.again = true;
                self.send_close(now);
            }
            SessionPhase::Waiting(_) => self.phase = SessionPhase::Waiting(now.mono),
            SessionPhase::Lost => {
                self.backoff.reset();
                self.phase = SessionPhase::Waiting(now.mono);
            }
            _ => self.answer("already connecting".to_owned()),
        }
    }

    /// The connection is over. Was that only for the sake of another?
    pub(super) fn closed_to_reconnect(&mut self, now: Now) -> bool {
        if !mem::take(&mut self.ordered.again) {
            return false;
        }
        self.lost_at = Some(now.wall);
        let reconnect =
            Reconnect { attempt: 1, delay: Duration::ZERO, cause: "requested by the user".to_owned() };
        self.emit(Kind::Reconnect(Box::new(reconnect)), now);
        self.phase = SessionPhase::Waiting(now.mono);
        true
    }
}
