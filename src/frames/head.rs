//! The head of a frame (RFC 6455 §5.2).

/// What comes before the payload of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Is it the last frame of its message?
    pub fin: bool,
    /// The three reserved bits, 0 if they are clear.
    pub rsv: u8,
    /// The opcode.
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
}

/// Masks a payload, or unmasks it (RFC 6455 §5.3); `offset` is the place of its first byte in the whole payload.
pub(crate) fn apply_mask(payload: &mut [u8], mask: [u8; 4], offset: usize) {
    let key = mask.iter().cycle().skip(offset % 4);
    payload.iter_mut().zip(key).for_each(|(byte, key)| *byte ^= key);
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
