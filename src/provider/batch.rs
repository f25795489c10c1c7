//! Several messages that go to many clients together.

use bytes::Bytes;

use super::Say;
use crate::frames::{BINARY, Head, TEXT};
use crate::message::Message;

/// Messages for many clients, with their frames. The frames are made once, however many clients get them.
#[derive(Debug, PartialEq, Eq)]
pub struct EventBatch {
    messages: Vec<Message>,
    /// Bytes of all payloads.
    payload: usize,
    frames: Bytes,
}

impl EventBatch {
    pub(super) fn new(messages: Vec<Message>) -> Self {
        let payload = messages.iter().map(Message::len).sum();
        let mut frames = Vec::with_capacity(payload + messages.len() * Head::LONGEST);
        let mut starts = Vec::with_capacity(messages.len());
        for message in &messages {
            let opcode = if message.as_text().is_some() { TEXT } else { BINARY };
            Head::new(opcode, message.len()).write(&mut frames);
            starts.push(frames.len());
            frames.extend_from_slice(message.as_bytes());
        }
        let frames = Bytes::from(frames);
        // The messages move into the memory of the frames, so a batch holds each payload once.
        let moved = |(message, start): (Message, usize)| {
            let payload = frames.slice(start..start + message.len());
            match message {
                Message::Text(_) => Message::from_utf8(payload).unwrap_or(message),
                Message::Binary(_) => Message::Binary(payload),
            }
        };
        let messages = messages.into_iter().zip(starts).map(moved).collect();
        Self { messages, payload, frames }
    }

    /// The messages, in order.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// Bytes of all payloads.
    #[must_use]
    pub fn payload(&self) -> usize {
        self.payload
    }

    /// What goes over a connection without compression.
    #[must_use]
    pub fn frames(&self) -> &Bytes {
        &self.frames
    }

    /// Bytes that a mailbox counts for it: as many as for its messages one by one.
    pub(super) fn cost(&self) -> usize {
        self.payload + self.messages.len() * size_of::<Say>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_frames_are_those_of_the_messages_one_after_the_other() {
        let text = |length: usize| Message::text("x".repeat(length));
        let messages = vec![text(0), text(125), Message::Binary(vec![7; 126].into()), text(70_000)];
        let batch = EventBatch::new(messages.clone());
        let mut rest = &batch.frames()[..];
        for message in &messages {
            let (head, start) = Head::read(rest).unwrap();
            let opcode = if message.as_text().is_some() { TEXT } else { BINARY };
            assert_eq!(head, Head::new(opcode, message.len()));
            let (payload, after) = rest[start..].split_at(message.len());
            assert_eq!(payload, message.as_bytes());
            rest = after;
        }
        assert!(rest.is_empty());
        let one_by_one: usize = messages.into_iter().map(|message| Say::from(message).cost()).sum();
        assert_eq!(batch.cost(), one_by_one);
    }
}
