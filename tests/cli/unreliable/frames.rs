//! What a server says, as far as a network has to know it to cut it off in the wrong place.

/// The bytes that a server has sent on one connection.
#[derive(Clone, Default)]
pub(super) struct Frames {
    /// Has the answer to the upgrade come to its end? It is no use to know more if it refuses.
    pub(super) opened: bool,
    refused: bool,
    /// What is not whole yet.
    rest: Vec<u8>,
}

impl Frames {
    /// Takes bytes in. Returns the text messages that are whole now.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Vec<String> {
        if self.refused {
            return Vec::new();
        }
        self.rest.extend_from_slice(bytes);
        if !self.opened && !self.take_head() {
            return Vec::new();
        }
        let mut texts = Vec::new();
        let mut at = 0;
        while let Some((head, length)) = lengths(&self.rest[at..])
            && self.rest.len() - at >= head + length
        {
            // No mock sends fragments.
            if self.rest[at] == 0x81 {
                let payload = self.rest[at + head..at + head + length].to_vec();
                texts.push(String::from_utf8(payload).expect("a text message is UTF-8"));
            }
            at += head + length;
        }
        self.rest.drain(..at);
        texts
    }

    fn take_head(&mut self) -> bool {
        let Some(end) = self.rest.windows(4).position(|four| four == b"\r\n\r\n") else { return false };
        self.refused |= !self.rest.starts_with(b"HTTP/1.1 101");
        if self.refused {
            return false;
        }
        self.opened = true;
        self.rest.drain(..end + 4);
        true
    }

    /// How many of the next bytes leave a frame in the middle; the search begins with so many.
    pub(super) fn cut(&self, bytes: &[u8], first: usize) -> Option<usize> {
        let in_the_middle = |most: &usize| {
            let mut frames = self.clone();
            frames.take(&bytes[..*most]);
            frames.opened && !frames.rest.is_empty()
        };
        (first..=bytes.len()).chain(1..first).find(in_the_middle)
    }
}

/// The lengths of a frame's head and of its payload; servers do not mask.
fn lengths(bytes: &[u8]) -> Option<(usize, usize)> {
    match bytes.get(1)? {
        126 => Some((4, usize::from(u16::from_be_bytes(*bytes.get(2..)?.first_chunk()?)))),
        127 => Some((10, usize::try_from(u64::from_be_bytes(*bytes.get(2..)?.first_chunk()?)).ok()?)),
        short => Some((2, usize::from(*short))),
    }
}
