//! `auto`: what a binary message shows of itself. Compression by its first bytes; what is text then is read as text by
//! the [chain](super::chain), and what nothing fits stays as it is.

use super::{Step, StepError, gzip, zlib, zstd};
use crate::message::Message;

/// The step.
pub(super) struct Auto {
    zstd: zstd::Zstd,
}

impl Auto {
    pub(super) fn new() -> Self {
        Self { zstd: zstd::Zstd::new(None) }
    }

    /// What the message is compressed with, and holds.
    fn unzip(&mut self, bytes: &[u8], limit: usize) -> Option<(&'static str, Result<Message, StepError>)> {
        let (name, read) = if bytes.starts_with(gzip::MAGIC) {
            ("gzip", gzip::unzip(bytes, limit))
        } else if bytes.starts_with(zstd::MAGIC) {
            ("zstd", self.zstd.unzip(bytes, limit))
        } else if zlib::begins(bytes) {
            ("zlib", zlib::unzip(bytes, true, limit))
        } else {
            return None;
        };
        // First bytes can mislead; what is only too long does not.
        read.as_ref().map_or_else(|error| error.too_long, |_| true).then_some((name, read))
    }
}

impl Step for Auto {
    fn decode(&mut self, message: Message, limit: usize, out: &mut Vec<Message>) -> Result<(), StepError> {
        let unzipped = match &message {
            Message::Binary(bytes) => self.unzip(bytes, limit),
            Message::Text(_) => None,
        };
        out.push(unzipped.map_or(Ok(message), |(_, read)| read)?);
        Ok(())
    }

    /// There is nothing to guess: the list of steps does not take it for the way out.
    fn encode(&mut self, message: Message) -> Result<Message, StepError> {
        Ok(message)
    }
}

/// What `auto` would read a binary message as, if as anything.
#[must_use]
pub fn recognized(message: &Message, limit: usize) -> Option<&'static str> {
    let Message::Binary(bytes) = message else { return None };
    if let Some((name, read)) = Auto::new().unzip(bytes, limit) {
        return read.is_ok().then_some(name);
    }
    let mut message = message.clone();
    message.turn_to_text();
    message.as_text().map(|text| if crate::json::scan_str(text).is_ok() { "JSON" } else { "text" })
}
