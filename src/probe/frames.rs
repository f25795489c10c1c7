//! Frames by the byte (RFC 6455 §5.2): read whatever they are, so that what is wrong with them can be told.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt as _};

/// How much of a payload is kept, in bytes; the rest of a longer one is passed over.
const KEPT: u64 = 64 * 1024;

/// Opcodes (RFC 6455 §11.8).
pub(super) const TEXT: u8 = 1;
pub(super) const CLOSE: u8 = 8;
pub(super) const PING: u8 = 9;
pub(super) const PONG: u8 = 10;

/// A frame as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    pub(super) fin: bool,
    /// The three reserved bits, 0 where they are clear.
    pub(super) rsv: u8,
    pub(super) opcode: u8,
    pub(super) masked: bool,
    /// The length that its head tells.
    pub(super) length: u64,
    /// Unmasked; empty where it is longer than what is kept.
    pub(super) payload: Vec<u8>,
}

impl Frame {
    pub(super) fn is_control(&self) -> bool {
        self.opcode >= CLOSE
    }

    /// The first frame of a data message.
    pub(super) fn starts_message(&self) -> bool {
        matches!(self.opcode, 1 | 2)
    }
}

/// Reads frames. Nothing is lost when a read is given up and started again.
#[derive(Default)]
pub(super) struct Frames {
    buffer: Vec<u8>,
    /// How much of a long payload is still to come.
    skip: u64,
}

impl Frames {
    /// The next frame; `None` at the end of the stream.
    pub(super) async fn next(&mut self, stream: &mut (impl AsyncRead + Unpin)) -> io::Result<Option<Frame>> {
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
    pub(super) fn within_one(&self) -> bool {
        self.skip > 0 || !self.buffer.is_empty()
    }

    /// A frame that has come whole, or whose payload is not wanted.
    fn take(&mut self) -> Option<Frame> {
        let (head, mut frame) = head(&self.buffer)?;
        let mask: Option<[u8; 4]> =
            if frame.masked { Some(*self.buffer.get(head..)?.first_chunk()?) } else { None };
        let start = head + mask.map_or(0, |mask| mask.len());
        if frame.length > KEPT {
            self.buffer.drain(..start);
            self.skip = frame.length;
            return Some(frame);
        }
        let end = start + usize::try_from(frame.length).ok()?;
        frame.payload = self.buffer.get(start..end)?.to_vec();
        if let Some(mask) = mask {
            frame.payload.iter_mut().zip(mask.iter().cycle()).for_each(|(byte, mask)| *byte ^= mask);
        }
        self.buffer.drain(..end);
        Some(frame)
    }
}

/// The length of a head without its mask, and what it says.
fn head(bytes: &[u8]) -> Option<(usize, Frame)> {
    let (&first, &second) = (bytes.first()?, bytes.get(1)?);
    let (head, length) = match second & 0x7f {
        126 => (4, u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
        127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
        short => (2, u64::from(short)),
    };
    let frame = Frame {
        fin: first & 0x80 != 0,
        rsv: (first >> 4) & 7,
        opcode: first & 15,
        masked: second & 0x80 != 0,
        length,
        payload: Vec::new(),
    };
    Some((head, frame))
}

/// A frame as a client sends it: final and masked (RFC 6455 §5.3). The payload of a control frame has at most 125
/// bytes.
pub(super) fn masked(opcode: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0x80 | opcode];
    match (u8::try_from(payload.len()), u16::try_from(payload.len())) {
        (Ok(length @ 0..=125), _) => bytes.push(0x80 | length),
        (_, Ok(length)) => {
            bytes.push(0x80 | 126);
            bytes.extend(length.to_be_bytes());
        }
        _ => {
            bytes.push(0x80 | 127);
            bytes.extend((payload.len() as u64).to_be_bytes());
        }
    }
    // The mask is against confused proxies, and needs no better chance than this (RFC 6455 §10.3).
    let mask: [u8; 4] = fastrand::u32(..).to_be_bytes();
    bytes.extend(mask);
    bytes.extend(payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask));
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    async fn all(bytes: &[u8]) -> Vec<Frame> {
        let (mut frames, mut read, mut stream) = (Frames::default(), Vec::new(), bytes);
        while let Some(frame) = frames.next(&mut stream).await.unwrap() {
            read.push(frame);
        }
        read
    }

    #[tokio::test]
    async fn every_bit_of_a_head_is_read() {
        let read = all(b"\x81\x02hi\x48\x00\x82\x7e\x00\x01x").await;
        let heads: Vec<_> = read.iter().map(|f| (f.fin, f.rsv, f.opcode, f.masked, f.length)).collect();
        assert_eq!(heads, [(true, 0, 1, false, 2), (false, 4, 8, false, 0), (true, 0, 2, false, 1)]);
        assert_eq!((read[0].payload.as_slice(), read[2].payload.as_slice()), (&b"hi"[..], &b"x"[..]));
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let read = runtime.block_on(all(&bytes));
            prop_assert!(read.len() <= bytes.len() / 2);
        }
    }

    #[tokio::test]
    async fn masked_frames_are_unmasked() {
        for length in [0, 125, 126, 65_535, 65_536] {
            let read = all(&masked(TEXT, &vec![b'x'; length])).await;
            assert!(read[0].masked);
            assert_eq!(read[0].payload, vec![b'x'; length]);
        }
    }

    #[tokio::test]
    async fn a_long_payload_is_passed_over() {
        let mut bytes = b"\x82\x7f\x00\x00\x00\x00\x00\x02\x00\x00".to_vec();
        bytes.extend(vec![0; 0x20000]);
        bytes.extend(b"\x89\x00");
        let read = all(&bytes).await;
        assert_eq!((read.len(), read[0].length, read[0].payload.len()), (2, 0x20000, 0));
        assert_eq!(read[1].opcode, PING);
    }
}
