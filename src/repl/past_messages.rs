//! The past messages of a session, as many as are worth keeping.

use jiff::Timestamp;

use crate::event::{Direction, Event, Kind, MessagePart, Role};
use crate::limits;
use crate::message::Message;
use crate::ring::Ring;

/// Messages that are kept.
const MOST: usize = 10_000;

/// A message with its number.
#[derive(Clone, Debug)]
pub(super) struct PastMessage {
    /// Counted from 1 over both directions.
    pub(super) number: u64,
    pub(super) at: Timestamp,
    pub(super) conn: u32,
    pub(super) dir: Direction,
    /// Its number in its direction, as records have it.
    pub(super) seq: u64,
    pub(super) role: Role,
    pub(super) part: Option<MessagePart>,
    pub(super) message: Message,
}

impl PastMessage {
    /// The event that it was.
    pub(super) fn event(&self) -> Event {
        let Self { at, conn, dir, seq, role, part, .. } = *self;
        Event { at, conn, kind: Kind::Message { dir, seq, message: self.message.clone(), role, part } }
    }
}

/// The last messages, oldest first.
pub(super) struct PastMessages {
    ring: Ring<PastMessage>,
    next: u64,
}

impl PastMessages {
    pub(super) fn new() -> Self {
        Self::holding(MOST, limits::PAST)
    }

    fn holding(most: usize, most_bytes: usize) -> Self {
        Self { ring: Ring::holding(most, most_bytes, |past| past.message.len()), next: 1 }
    }

    /// Keeps a message, if the event is one that the prompt shows; its number. The dialect's own messages, such as
    /// heartbeats, and duplicates have none, so that the numbers on the screen have no holes.
    pub(super) fn push(&mut self, event: &Event) -> Option<u64> {
        let Kind::Message { dir, seq, message, role: role @ Role::Data, part } = &event.kind else {
            return None;
        };
        let number = self.next;
        self.next += 1;
        self.ring.push(PastMessage {
            number,
            at: event.at,
            conn: event.conn,
            dir: *dir,
            seq: *seq,
            role: *role,
            part: *part,
            message: message.unshared(),
        });
        Some(number)
    }

    /// The message of this number, if it is still there.
    pub(super) fn get(&self, number: u64) -> Option<&PastMessage> {
        let first = self.ring.items().front()?.number;
        self.ring.items().get(usize::try_from(number.checked_sub(first)?).ok()?)
    }

    /// All that are still there, oldest first.
    pub(super) fn iter(&self) -> impl DoubleEndedIterator<Item = &PastMessage> {
        self.ring.items().iter()
    }

    /// The numbers of the first and the last.
    pub(super) fn numbers(&self) -> Option<(u64, u64)> {
        Some((self.ring.items().front()?.number, self.ring.items().back()?.number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> Event {
        let message = Message::text(text.to_owned());
        let kind = Kind::Message { dir: Direction::In, seq: 1, message, role: Role::Data, part: None };
        Event { at: Timestamp::UNIX_EPOCH, conn: 1, kind }
    }

    #[test]
    fn numbers_stay_what_they_are_when_old_messages_go() {
        let mut past = PastMessages::holding(2, 100);
        for (n, text) in ["a", "b", "c"].into_iter().enumerate() {
            assert_eq!(past.push(&event(text)), Some(n as u64 + 1));
        }
        assert!(past.get(1).is_none() && past.get(4).is_none() && past.get(0).is_none());
        assert_eq!(past.get(3).unwrap().message.as_text(), Some("c"));
        assert_eq!(past.numbers(), Some((2, 3)));
    }

    #[test]
    fn only_messages_are_kept() {
        let mut past = PastMessages::new();
        assert_eq!(past.push(&Event { kind: Kind::Recorded(String::new()), ..event("") }), None);
    }
}
