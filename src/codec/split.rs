//! `lines`, `rs` and `nul`: several messages in one, each with a byte after it.

use bytes::Bytes;

use super::{MOST_PARTS, Step, StepError};
use crate::message::Message;

/// The step.
pub(super) struct Split {
    /// What ends a message.
    pub(super) end: u8,
}

impl Step for Split {
    /// The last one may have no end. What is empty but for line breaks is no message: it keeps connections open.
    fn decode(&mut self, message: Message, _: usize, out: &mut Vec<Message>) -> Result<(), StepError> {
        let is_text = message.as_text().is_some();
        let bytes = message.into_bytes();
        let mut start = 0;
        while start < bytes.len() {
            let end = memchr::memchr(self.end, &bytes[start..]).map_or(bytes.len(), |length| start + length);
            let piece = self.piece(&bytes, start, end);
            start = end + 1;
            if piece.iter().all(|byte| matches!(byte, b'\r' | b'\n')) {
                continue;
            }
            if out.len() == MOST_PARTS {
                return Err(StepError::new(end, format!("more than {MOST_PARTS} parts in one message")));
            }
            // Between two characters, it is still UTF-8.
            let text = if is_text { Message::from_utf8(piece) } else { Ok(Message::Binary(piece)) };
            out.push(text.unwrap_or_else(|(bytes, _)| Message::Binary(bytes)));
        }
        Ok(())
    }

    fn encode(&mut self, message: Message) -> Result<Message, StepError> {
        if let Some(at) = memchr::memchr(self.end, message.as_bytes()) {
            return Err(StepError::new(at, "message contains the delimiter"));
        }
        let is_text = message.as_text().is_some();
        let bytes: Bytes = [message.as_bytes(), &[self.end]].concat().into();
        let ended = if is_text { Message::from_utf8(bytes) } else { Ok(Message::Binary(bytes)) };
        Ok(ended.unwrap_or_else(|(bytes, _)| Message::Binary(bytes)))
    }
}

impl Split {
    fn piece(&self, bytes: &Bytes, start: usize, end: usize) -> Bytes {
        let carriage_return = self.end == b'\n' && bytes[start..end].ends_with(b"\r");
        bytes.slice(start..end - usize::from(carriage_return))
    }
}
