//! `zstd` (RFC 8878), and `zstd:FILE` with a dictionary that was made for a service, as Bluesky's Jetstream has one.

use std::sync::Arc;

use ruzstd::decoding::{Dictionary, FrameDecoder, StreamingDecoder};
use ruzstd::encoding::{CompressionLevel, compress_to_vec};

use super::inflate::read_all;
use super::{Step, StepError};
use crate::message::Message;

/// What every frame begins with.
pub(super) const MAGIC: &[u8] = &[0x28, 0xb5, 0x2f, 0xfd];

/// What the largest window is that a frame may ask for, whatever the limit of messages is: memory for it is taken
/// before anything is decompressed. The first is what every decoder should support (RFC 8878 §3.1.1.1.2).
const WINDOWS: (usize, usize) = (8 << 20, 128 << 20);

/// The step.
pub(super) struct Zstd {
    decoder: FrameDecoder,
}

/// A dictionary, checked.
pub(super) type Dict = Arc<[u8]>;

/// Reads a dictionary.
///
/// # Errors
/// What is wrong with it.
pub(super) fn dictionary(bytes: Vec<u8>) -> Result<Dict, String> {
    match Dictionary::decode_dict(&bytes) {
        Ok(_) => Ok(bytes.into()),
        Err(error) => Err(format!("not a zstd dictionary: {error}")),
    }
}

impl Zstd {
    pub(super) fn new(dictionary: Option<&Dict>) -> Self {
        let mut decoder = FrameDecoder::new();
        // It was read before, so neither fails.
        if let Some(Ok(dictionary)) = dictionary.map(|bytes| Dictionary::decode_dict(bytes)) {
            let _ = decoder.add_dict(dictionary);
        }
        Self { decoder }
    }

    /// All frames of a message.
    pub(super) fn unzip(&mut self, bytes: &[u8], limit: usize) -> Result<Message, StepError> {
        self.decoder.set_max_window_size(limit.clamp(WINDOWS.0, WINDOWS.1) as u64);
        let (mut rest, mut plain) = (bytes, Vec::new());
        loop {
            if !rest.starts_with(MAGIC) {
                let why = if plain.is_empty() { "not zstd" } else { "not another zstd frame" };
                return Err(StepError::new(bytes.len() - rest.len(), why));
            }
            let left = limit - plain.len();
            let frame = StreamingDecoder::new_with_decoder(&mut rest, &mut self.decoder)
                .map_err(|error| StepError::new(bytes.len(), error.to_string()));
            let read = frame.map(|frame| read_all(frame, left));
            let at = bytes.len() - rest.len();
            let message =
                read.map_err(|error| StepError { at, ..error })?.map_err(|why| why.at(at, limit))?;
            if rest.is_empty() && plain.is_empty() {
                return Ok(message);
            }
            plain.extend_from_slice(message.as_bytes());
            if rest.is_empty() {
                return Ok(Message::Binary(plain.into()));
            }
        }
    }
}

impl Step for Zstd {
    fn decode(&mut self, message: Message, limit: usize, out: &mut Vec<Message>) -> Result<(), StepError> {
        out.push(match message {
            Message::Binary(bytes) => self.unzip(&bytes, limit)?,
            text => text,
        });
        Ok(())
    }

    /// Without the dictionary, which a reader that has it does not mind.
    fn encode(&mut self, message: Message) -> Result<Message, StepError> {
        Ok(Message::Binary(compress_to_vec(message.as_bytes(), CompressionLevel::Fastest).into()))
    }
}
