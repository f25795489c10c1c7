//! What people, the journal and the recording are told of a tap's traffic. They see what the client sees: its messages as
//! it sent them, and those for it as they are before the faults.

use bytes::Bytes;
use tokio::time::Instant;

use super::talk::{LEAVING, Talk};
use crate::event::{Close, Direction, Kind, Unreadable};
use crate::frames::PeerClose;
use crate::message::Message;
use crate::report::Level;

impl Talk {
    /// A message of the client.
    pub(super) fn note_sent_by_client(&mut self, message: &Message) {
        self.registry.journal.note(&self.conn, message);
        self.tell(|talk| format!("client {} sent {}", talk.conn.id, talk.registry.shortened(message)));
        if let Some(recorder) = &self.recorder {
            recorder.message(self.conn.id, Direction::Out, message.clone());
        }
        let said = self.script.as_mut().map(|script| script.received(message.clone()));
        self.say(said.into_iter().flatten());
    }

    /// A message for the client.
    pub(super) fn note_for_client(&self, message: &Message) {
        self.tell(|talk| format!("client {} received {}", talk.conn.id, talk.registry.shortened(message)));
        if let Some(recorder) = &self.recorder {
            recorder.message(self.conn.id, Direction::In, message.clone());
        }
    }

    /// A text message that is none.
    pub(super) fn note_unreadable(&self, direction: Direction, text: String, at: usize, bytes: Bytes) {
        let Some(recorder) = self.recorder.as_ref().filter(|_| direction == Direction::In) else {
            return self.note_error(direction, "utf8", &text);
        };
        self.tell(|talk| format!("client {}, {}: {text}", talk.conn.id, sender(direction)));
        let seq = recorder.count_unreadable();
        let unreadable = Unreadable { seq, what: "utf8", text, at, opcode: "text", bytes };
        recorder.event(self.conn.id, Kind::Unreadable(Box::new(unreadable)));
    }

    /// Something that passes, or does not, and of which there is no message.
    pub(super) fn note_error(&self, direction: Direction, what: &'static str, text: &str) {
        self.tell(|talk| format!("client {}, {}: {text}", talk.conn.id, sender(direction)));
        self.record(Kind::Error { what, text: format!("{}: {text}", sender(direction)) });
    }

    /// A message that is too large to be put together.
    pub(super) fn note_too_large(&self, direction: Direction, text: &str) {
        self.registry
            .tell(Level::Warning, || format!("client {}, {}: {text}", self.conn.id, sender(direction)));
        self.record(Kind::Error { what: "too-large", text: format!("{}: {text}", sender(direction)) });
    }

    /// A program failed on a message, which goes on as it is.
    pub(super) fn note_failed(&self, why: &str) {
        self.registry.tell(Level::Warning, || format!("client {}: {why}", self.conn.id));
    }

    pub(super) fn note_close(&mut self, direction: Direction, close: PeerClose) {
        match &self.end.first {
            None => {
                self.tell(|talk| {
                    let reason = talk.registry.secrets().mask_cut(&close.reason).into_owned();
                    let (id, who) = (talk.conn.id, sender(direction));
                    format!("client {id}: {who} closes with {} {reason}", close.code).trim_end().to_owned()
                });
                self.end.first = Some((direction, close));
            }
            Some((first, _)) if *first != direction => {
                self.end.is_answered = true;
                self.end.deadline.get_or_insert_with(|| Instant::now() + LEAVING);
            }
            Some(_) => {}
        }
    }

    /// The connection has ended.
    pub(super) fn note_end(&self) {
        let close = match &self.end.first {
            Some((direction, close)) => Close {
                by: if *direction == Direction::In { "peer" } else { "us" },
                code: close.code,
                reason: close.reason.clone(),
                clean: self.end.is_answered,
            },
            None => Close { by: "network", code: 1006, reason: self.end.why.clone(), clean: false },
        };
        self.record(Kind::Close(Box::new(close)));
    }

    pub(super) fn record(&self, kind: Kind) {
        if let Some(recorder) = &self.recorder {
            recorder.event(self.conn.id, kind);
        }
    }

    fn tell(&self, what: impl FnOnce(&Self) -> String) {
        self.registry.tell(Level::Verbose, || what(self));
    }
}

fn sender(direction: Direction) -> &'static str {
    match direction {
        Direction::In => "the upstream",
        Direction::Out => "the client",
    }
}
