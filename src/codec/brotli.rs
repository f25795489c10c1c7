//! `brotli`: RFC 7932.

use std::io::Write as _;

use brotli::{CompressorWriter, Decompressor};

use super::inflate::read_all;
use super::{Step, StepError};
use crate::message::Message;

/// What is compressed at once.
const BUFFER: usize = 4096;

/// How hard to try, of 11, and how far back to look, as a power of two: fast, and as good as gzip.
const LEVEL: (u32, u32) = (5, 18);

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

    fn encode(&mut self, message: Message) -> Result<Message, StepError> {
        let mut encoder = CompressorWriter::new(Vec::new(), BUFFER, LEVEL.0, LEVEL.1);
        encoder.write_all(message.as_bytes()).map_err(|error| StepError::new(0, error.to_string()))?;
        Ok(Message::Binary(encoder.into_inner().into()))
    }
}
