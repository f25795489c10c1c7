//! Frames one by one, whatever they are, so that what is wrong with them can be reported.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::Head;
#[cfg(any(test, fuzzing))]
use super::{CLOSE, PING, PONG, TEXT};

/// How much of a payload is kept, in bytes; the rest of a longer one is passed over.
const KEPT: u64 = 64 * 1024;

/// A frame as a client sends it. The payload of a control frame has at most 125 bytes.
pub(crate) fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    // The mask is against confused proxies, and needs no better chance than this (RFC 6455 §10.3).
    let mask = Some(fastrand::u32(..).to_be_bytes());
    Head { mask, ..Head::new(opcode, payload.len()) }.frame(payload)
}

/// A frame as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawFrame {
    pub(crate) head: Head,
    /// Unmasked; empty if it is longer than what is kept.
    pub(crate) payload: Vec<u8>,
}

/// Reads frames. Nothing is lost when a read is given up and started again.
#[derive(Default)]
pub(crate) struct FrameReader {
    buffer: Vec<u8>,
    /// How much of a long payload is still to come.
    skip: u64,
}

impl FrameReader {
    /// The next frame; `None` at the end of the stream.
    pub(crate) async fn next(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<Option<RawFrame>> {
        loop {
            let skipped = usize::try_from(self.skip).unwrap_or(usize::MAX).min(self.buffer.len());
            self.buffer.drain(..skipped);
            self.skip -= skipped as u64;
            if self.skip == 0
                && let Some(frame) = self.take()
            {
                return Ok(Some(frame));
            }
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Is there a part of a frame, of which the rest has not come?
    pub(crate) fn within_one(&self) -> bool {
        self.skip > 0 || !self.buffer.is_empty()
    }

    /// A frame that has come whole, or whose payload is not wanted.
    fn take(&mut self) -> Option<RawFrame> {
        let (head, start) = Head::read(&self.buffer)?;
        if head.length > KEPT {
            self.buffer.drain(..start);
            self.skip = head.length;
            return Some(RawFrame { head, payload: Vec::new() });
        }
        let end = start + usize::try_from(head.length).ok()?;
        let mut payload = self.buffer.get(start..end)?.to_vec();
        head.mask_payload(&mut payload);
        self.buffer.drain(..end);
        Some(RawFrame { head, payload })
    }
}

/// Hostile frames: read in any pieces they are the same. What comes back of each is whether it is the last of its
/// message, its opcode and its payload.
#[cfg(any(test, fuzzing))]
pub(crate) fn hostile(bytes: &[u8]) -> Vec<(bool, u8, Vec<u8>)> {
    let whole = all(bytes, bytes.len());
    assert_eq!(whole, all(bytes, 1));
    assert!(whole.len() <= bytes.len() / 2);
    whole.into_iter().map(|frame| (frame.head.fin, frame.head.opcode, frame.payload)).collect()
}

/// What a client writes, read again.
#[cfg(any(test, fuzzing))]
pub(crate) fn hostile_payload(payload: &[u8]) {
    for opcode in [TEXT, CLOSE, PING, PONG] {
        let most = if opcode == TEXT { payload.len() } else { payload.len().min(125) };
        let read = all(&masked(opcode, &payload[..most]), 3);
        assert_eq!(read.len(), 1);
        let RawFrame { head, payload: kept } = &read[0];
        assert!(head.mask.is_some());
        assert_eq!(Head { mask: None, ..*head }, Head::new(opcode, most));
        assert!(head.length > KEPT || *kept == payload[..most]);
    }
}

/// All frames of a stream that comes in pieces of this size.
#[cfg(any(test, fuzzing))]
fn all(bytes: &[u8], piece: usize) -> Vec<RawFrame> {
    use futures_util::FutureExt as _;

    let (mut reader, mut read) = (FrameReader::default(), Vec::new());
    let mut pieces = bytes.chunks(piece.max(1));
    let mut stream: &[u8] = pieces.next().unwrap_or_default();
    loop {
        // What is in memory is never waited for.
        match reader.next(&mut stream).now_or_never() {
            Some(Ok(Some(frame))) => read.push(frame),
            _ => match pieces.next() {
                Some(piece) => stream = piece,
                None => return read,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_bit_of_a_head_is_read() {
        let read = all(b"\x81\x02hi\x48\x00\x82\x7e\x00\x01x", 64);
        let heads: Vec<_> = read
            .iter()
            .map(|f| (f.head.fin, f.head.rsv, f.head.opcode, f.head.mask, f.head.length))
            .collect();
        assert_eq!(heads, [(true, 0, 1, None, 2), (false, 4, 8, None, 0), (true, 0, 2, None, 1)]);
        assert_eq!((read[0].payload.as_slice(), read[2].payload.as_slice()), (&b"hi"[..], &b"x"[..]));
    }

    #[test]
    fn masked_frames_are_unmasked() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let read = all(&masked(TEXT, &vec![b'x'; length]), 1 << 20);
            assert!(read[0].head.mask.is_some());
            assert_eq!(read[0].payload, vec![b'x'; length]);
        }
    }

    #[test]
    fn a_long_payload_is_passed_over() {
        let mut bytes = b"\x82\x7f\x00\x00\x00\x00\x00\x02\x00\x00".to_vec();
        bytes.extend(vec![0; 0x20000]);
        bytes.extend(b"\x89\x00");
        let read = all(&bytes, 1 << 20);
        assert_eq!((read.len(), read[0].head.length, read[0].payload.len()), (2, 0x20000, 0));
        assert_eq!(read[1].head.opcode, PING);
    }
}
