//! The head of a frame (RFC 6455 §5.2).

use super::{BINARY, CLOSE, TEXT};

/// What comes before the payload of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Is it the last frame of its message?
    pub fin: bool,
    /// The three reserved bits, 0 if they are clear.
    pub rsv: u8,
    pub opcode: u8,
    /// The masking key, if the payload is masked.
    pub mask: Option<[u8; 4]>,
    /// The length of the payload.
    pub length: u64,
}

impl Head {
    /// Bytes of a head at most.
    pub const LONGEST: usize = 14;

    /// Reads a head from the start of these bytes: the head and its length, or `None` until it has come whole.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<(Self, usize)> {
        let (&first, &second) = (bytes.first()?, bytes.get(1)?);
        let (mut end, length) = match second & 0x7f {
            126 => (4, u64::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?))),
            127 => (10, u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)),
            short => (2, u64::from(short)),
        };
        let mut mask = None;
        if second & 0x80 != 0 {
            mask = Some(*bytes.get(end..)?.first_chunk()?);
            end += 4;
        }
        let head = Self { fin: first & 0x80 != 0, rsv: (first >> 4) & 7, opcode: first & 15, mask, length };
        Some((head, end))
    }

    /// Appends the head as it goes over the wire.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.push(u8::from(self.fin) << 7 | self.rsv << 4 | self.opcode);
        let masked = if self.mask.is_some() { 0x80 } else { 0 };
        match (u8::try_from(self.length), u16::try_from(self.length)) {
            (Ok(length @ 0..=125), _) => out.push(masked | length),
            (_, Ok(length)) => {
                out.push(masked | 126);
                out.extend(length.to_be_bytes());
            }
            _ => {
                out.push(masked | 127);
                out.extend(self.length.to_be_bytes());
            }
        }
        out.extend(self.mask.into_iter().flatten());
    }

    /// The head of an unmasked frame that is a whole message.
    pub(crate) fn new(opcode: u8, length: usize) -> Self {
        Self { fin: true, rsv: 0, opcode, mask: None, length: length as u64 }
    }

    /// A frame with this head, whose payload is as long as the head says.
    pub(crate) fn frame(&self, payload: &[u8]) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(Self::LONGEST + payload.len());
        self.write(&mut bytes);
        let start = bytes.len();
        bytes.extend_from_slice(payload);
        self.mask_payload(&mut bytes[start..], 0);
        bytes
    }

    /// Masks a payload, or takes its mask off (RFC 6455 §5.3); `offset` is the place of its first byte in the whole one.
    pub(crate) fn mask_payload(&self, payload: &mut [u8], offset: u64) {
        let Some(mut mask) = self.mask else { return };
        mask.rotate_left(usize::try_from(offset % 4).unwrap_or_default());
        // Four bytes at a time, which the compiler makes as many as the machine has room for.
        let (fours, rest) = payload.as_chunks_mut::<4>();
        for four in fours {
            *four = std::array::from_fn(|at| four[at] ^ mask[at]);
        }
        rest.iter_mut().zip(mask).for_each(|(byte, key)| *byte ^= key);
    }

    pub(crate) fn is_control(&self) -> bool {
        self.opcode >= CLOSE
    }

    /// Is it the first frame of a data message?
    pub(crate) fn starts_message(&self) -> bool {
        matches!(self.opcode, TEXT | BINARY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_that_was_written_is_read_again() {
        for length in [0, 125, 126, 65_535, 65_536, u64::MAX] {
            for mask in [None, Some([1, 2, 3, 4])] {
                let head = Head { fin: length % 2 == 0, rsv: 5, opcode: 2, mask, length };
                let mut bytes = Vec::new();
                head.write(&mut bytes);
                assert_eq!(Head::read(&bytes), Some((head, bytes.len())));
                assert!(bytes.len() <= Head::LONGEST);
                assert!((0..bytes.len()).all(|end| Head::read(&bytes[..end]).is_none()));
            }
        }
    }
}
