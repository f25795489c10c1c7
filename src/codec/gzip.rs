//! `gzip`: RFC 1952, of one member or several.

use std::io::Write as _;

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;

use super::inflate::read_all;
use super::{Step, StepError};
use crate::message::Message;

/// What every member begins with.
pub(super) const MAGIC: &[u8] = &[0x1f, 0x8b];

/// The step.
pub(super) struct Gzip;

impl Step for Gzip {
    fn decode(&mut self, message: Message, limit: usize, out: &mut Vec<Message>) -> Result<(), StepError> {
        out.push(match message {
            Message::Binary(bytes) => unzip(&bytes, limit)?,
            text => text,
        });
        Ok(())
    }

    fn encode(&mut self, message: Message) -> Result<Message, StepError> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        let written = encoder.write_all(message.as_bytes()).and_then(|()| encoder.finish());
        written
            .map(|bytes| Message::Binary(bytes.into()))
            .map_err(|error| StepError::new(0, error.to_string()))
    }
}

pub(super) fn unzip(bytes: &[u8], limit: usize) -> Result<Message, StepError> {
    if !bytes.starts_with(MAGIC) {
        return Err(StepError::new(0, "not gzip"));
    }
    let mut rest = bytes;
    read_all(MultiGzDecoder::new(&mut rest), limit).map_err(|why| why.at(bytes.len() - rest.len(), limit))
}
