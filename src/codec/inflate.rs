//! What the steps that decompress have in common: reading up to a limit, and saying where that failed.

use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};

use super::StepError;
use crate::message::Message;

/// What ends a stream that was flushed: an empty block, without its first bits (RFC 1951 §3.2.4).
pub(super) const FLUSHED: &[u8] = &[0, 0, 0xff, 0xff];

/// What is made room for at first, and then at a time.
const CHUNK: usize = 16 * 1024;

/// Why something was not decompressed.
pub(super) enum Why {
    TooLong,
    Broken(String),
}

impl Why {
    pub(super) fn at(self, at: usize, limit: usize) -> StepError {
        match self {
            Self::TooLong => StepError::too_long(at, limit),
            Self::Broken(why) => StepError::new(at, why),
        }
    }
}

/// All that a decompressor yields, as long as that is not more than `limit`.
pub(super) fn read_all(reader: impl Read, limit: usize) -> Result<Message, Why> {
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    reader.take(most).read_to_end(&mut bytes).map_err(|error| Why::Broken(error.to_string()))?;
    if bytes.len() > limit {
        return Err(Why::TooLong);
    }
    Ok(Message::Binary(bytes.into()))
}

/// Appends what a part of a stream holds. `true`: the stream has come to its end with it.
pub(super) fn inflate(
    stream: &mut Decompress,
    input: &[u8],
    limit: usize,
    out: &mut Vec<u8>,
) -> Result<bool, StepError> {
    let begun = stream.total_in();
    let consumed = |stream: &Decompress| usize::try_from(stream.total_in() - begun).unwrap_or(input.len());
    loop {
        if out.len() == out.capacity() {
            out.reserve(CHUNK);
        }
        let (before, at) = (out.len(), consumed(stream));
        let rest = input.get(at..).unwrap_or_default();
        let status = stream
            .decompress_vec(rest, out, FlushDecompress::None)
            .map_err(|_| StepError::new(consumed(stream), "invalid deflate stream"))?;
        if out.len() > limit {
            return Err(StepError::too_long(consumed(stream), limit));
        }
        let at = consumed(stream);
        match status {
            Status::StreamEnd if at < input.len() => {
                return Err(StepError::new(at, "stream ends before the message"));
            }
            Status::StreamEnd => return Ok(true),
            // There was room for more, so there is no more.
            _ if at == input.len() && out.len() < out.capacity() => return Ok(false),
            _ if out.len() == before && rest.len() == input.len() - at && out.len() < out.capacity() => {
                return Err(StepError::new(at, "invalid deflate stream"));
            }
            _ => {}
        }
    }
}
