//! `brotli`: RFC 7932.

use brotli_decompressor::Decompressor;

use super::inflate::read_all;
use super::{Step, StepError};
use crate::message::Message;

/// The most bytes of a block whose length is in 16 bits.
const BLOCK: usize = 1 << 16;

/// A last block that is empty; and the same where nothing stands before it, after a window of 64 KiB (§9.1, §9.2).
const END: u8 = 0b11;
const NOTHING: u8 = END << 1;

/// The step.
pub(super) struct Brotli;

impl Step for Brotli {
    fn decode(&mut self, message: Message, limit: usize, out: &mut Vec<Message>) -> Result<(), StepError> {
        let Message::Binary(bytes) = message else {
            out.push(message);
            return Ok(());
        };
        let mut rest = &bytes[..];
        let mut decoder = Decompressor::new(&mut rest, bytes.len().max(1));
        let plain = read_all(&mut decoder, limit);
        drop(decoder);
        // The decoder has the message as a whole, and does not say how far it has come in it.
        out.push(plain.map_err(|why| why.at(bytes.len() - rest.len(), limit))?);
        Ok(())
    }

    /// Blocks that are stored as they are: every reader takes them, and a compressor would be larger than all other
    /// steps together.
    fn encode(&mut self, message: Message) -> Result<Message, StepError> {
        let bytes = message.as_bytes();
        let mut written = Vec::with_capacity(bytes.len() + bytes.len() / BLOCK * 3 + 4);
        for (number, block) in bytes.chunks(BLOCK).enumerate() {
            // The size of the window stands before the first. Then: not the last, four digits of a length, stored.
            let start = usize::from(number == 0);
            let head = (block.len() - 1) << (start + 3) | 1 << (start + 19);
            written.extend_from_slice(&head.to_le_bytes()[..3]);
            written.extend_from_slice(block);
        }
        written.push(if bytes.is_empty() { NOTHING } else { END });
        Ok(Message::Binary(written.into()))
    }
}
