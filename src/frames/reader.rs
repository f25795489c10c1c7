//! Frames one by one, whatever they are, so that what is wrong with them can be reported.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

use super::Head;
#[cfg(any(test, fuzzing))]
use super::{CLOSE, CONTINUATION, PING, PONG, TEXT};

/// The longest piece of a payload: a longer one comes in several.
const PIECE: u64 = 64 * 1024;

/// A frame as a client sends it. The payload of a control frame has at most 125 bytes.
pub(crate) fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    // The mask is against confused proxies, and needs no better chance than this (RFC 6455 §10.3).
    let mask = Some(fastrand::u32(..).to_be_bytes());
    Head { mask, ..Head::new(opcode, payload.len()) }.frame(payload)
}

/// A frame as it came, or a piece of a long one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct RawFrame {
    pub(crate) head: Head,
    /// Where in the whole payload this piece of it begins.
    pub(crate) offset: u64,
    /// Unmasked.
    pub(crate) payload: Vec<u8>,
}

impl RawFrame {
    /// Is it the first piece of the frame?
    pub(crate) fn is_first(&self) -> bool {
        self.offset == 0
    }

    /// Is it the beginning of a data message?
    pub(crate) fn starts_message(&self) -> bool {
        self.is_first() && self.head.starts_message()
    }

    /// Is it the end of a data message?
    pub(crate) fn ends_message(&self) -> bool {
        let end = self.offset + self.payload.len() as u64;
        self.head.fin && !self.head.is_control() && end == self.head.length
    }
}

/// Reads frames. Nothing is lost when a read is given up and started again.
#[derive(Default)]
pub(crate) struct FrameReader {
    buffer: Vec<u8>,
    /// A frame of which the beginning has been taken, and how much of its payload that is.
    begun: Option<(Head, u64)>,
}

impl FrameReader {
    /// The next frame, or the next piece of a long one; `None` at the end of the stream.
    pub(crate) async fn next(
        &mut self,
        stream: &mut (impl AsyncRead + Unpin),
    ) -> io::Result<Option<RawFrame>> {
        loop {
            if let Some(frame) = self.take() {
                return Ok(Some(frame));
            }
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Is there a part of a frame, of which the rest has not come?
    pub(crate) fn within_one(&self) -> bool {
        self.begun.is_some() || !self.buffer.is_empty()
    }

    /// A frame that has come whole, or a whole piece.
    fn take(&mut self) -> Option<RawFrame> {
        let (head, offset, start) = match self.begun {
            Some((head, offset)) => (head, offset, 0),
            None => Head::read(&self.buffer).map(|(head, start)| (head, 0, start))?,
        };
        let length = (head.length - offset).min(PIECE);
        let end = start + usize::try_from(length).ok()?;
        let mut payload = self.buffer.get(start..end)?.to_vec();
        head.mask_payload(&mut payload, offset);
        self.buffer.drain(..end);
        self.begun = Some((head, offset + length)).filter(|(head, taken)| *taken < head.length);
        Some(RawFrame { head, offset, payload })
    }
}

/// Hostile frames: read in any pieces they are the same. What comes back of each is whether it is the last of its
/// message, its opcode and its payload.
#[cfg(any(test, fuzzing))]
pub(crate) fn hostile(bytes: &[u8]) -> Vec<(bool, u8, Vec<u8>)> {
    let whole = all(bytes, bytes.len());
    assert_eq!(whole, all(bytes, 1));
    assert!(whole.len() <= bytes.len() / 2);
    let part = |frame: RawFrame| {
        let last = frame.head.is_control() || frame.ends_message();
        (last, if frame.is_first() { frame.head.opcode } else { CONTINUATION }, frame.payload)
    };
    whole.into_iter().map(part).collect()
}

/// What a client writes, read again.
#[cfg(any(test, fuzzing))]
pub(crate) fn hostile_payload(payload: &[u8]) {
    for opcode in [TEXT, CLOSE, PING, PONG] {
        let most = if opcode == TEXT { payload.len() } else { payload.len().min(125) };
        let read = all(&masked(opcode, &payload[..most]), 3);
        assert_eq!(read.len() as u64, (most as u64).div_ceil(PIECE).max(1));
        let head = read[0].head;
        assert!(head.mask.is_some());
        assert_eq!(Head { mask: None, ..head }, Head::new(opcode, most));
        assert!(read.iter().flat_map(|frame| &frame.payload).eq(&payload[..most]));
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
    use crate::frames::BINARY;

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
        for length in [0, 125, 126, 65_535, 65_536, 100_001] {
            let read = all(&masked(TEXT, &vec![b'x'; length]), 1 << 20);
            assert!(read[0].head.mask.is_some());
            assert_eq!(
                read.into_iter().flat_map(|frame| frame.payload).collect::<Vec<_>>(),
                vec![b'x'; length]
            );
        }
    }

    #[test]
    fn a_long_payload_comes_in_pieces() {
        let mut bytes = b"\x82\x7f\x00\x00\x00\x00\x00\x02\x00\x01".to_vec();
        bytes.extend(vec![0; 0x20001]);
        bytes.extend(b"\x89\x00");
        let read = all(&bytes, 1 << 20);
        let pieces: Vec<_> =
            read.iter().map(|f| (f.head.opcode, f.offset, f.payload.len(), f.ends_message())).collect();
        let expected = [
            (BINARY, 0, 0x10000, false),
            (BINARY, 0x10000, 0x10000, false),
            (BINARY, 0x20000, 1, true),
            (PING, 0, 0, false),
        ];
        assert_eq!(pieces, expected);
    }
}
