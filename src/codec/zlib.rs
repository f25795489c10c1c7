//! `zlib` (RFC 1950) and `deflate`, which is the same without head and checksum (RFC 1951).

use std::io::Write as _;

use flate2::write::{DeflateEncoder, ZlibEncoder};
use flate2::{Compression, Decompress};

use super::inflate::{FLUSHED, inflate};
use super::{Step, StepError};
use crate::message::Message;

/// The step.
pub(super) struct Zlib {
    /// With head and checksum.
    pub(super) framed: bool,
}

impl Step for Zlib {
    fn decode(&mut self, message: Message, limit: usize, out: &mut Vec<Message>) -> Result<(), StepError> {
        out.push(match message {
            Message::Binary(bytes) => unzip(&bytes, self.framed, limit)?,
            text => text,
        });
        Ok(())
    }

    fn encode(&mut self, message: Message) -> Result<Message, StepError> {
        let (bytes, level) = (message.as_bytes(), Compression::default());
        let written = if self.framed {
            let mut encoder = ZlibEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).and_then(|()| encoder.finish())
        } else {
            let mut encoder = DeflateEncoder::new(Vec::new(), level);
            encoder.write_all(bytes).and_then(|()| encoder.finish())
        };
        written
            .map(|bytes| Message::Binary(bytes.into()))
            .map_err(|error| StepError::new(0, error.to_string()))
    }
}

/// Is this how a stream begins: deflate, with a window and a level, in a number that 31 divides (RFC 1950 §2.2)?
pub(super) fn begins(bytes: &[u8]) -> bool {
    match bytes {
        [method, flags, ..] => {
            method & 15 == 8 && method >> 4 <= 7 && (u16::from(*method) << 8 | u16::from(*flags)) % 31 == 0
        }
        _ => false,
    }
}

/// A message that was flushed instead of ended is whole, too.
pub(super) fn unzip(bytes: &[u8], framed: bool, limit: usize) -> Result<Message, StepError> {
    if framed && !begins(bytes) {
        return Err(StepError::new(0, "not zlib"));
    }
    let mut plain = Vec::new();
    let ended = inflate(&mut Decompress::new(framed), bytes, limit, &mut plain)?;
    if !ended && !bytes.ends_with(FLUSHED) {
        return Err(StepError::new(bytes.len(), "message ends before the stream"));
    }
    Ok(Message::Binary(plain.into()))
}
