//! Text messages on their way to the frame layer. That layer ends the session at the first byte that is not UTF-8, and
//! then nobody knows what the message was. So a text message of one frame goes through it as a binary one and is looked
//! at behind it. Of one in several frames, whose first wrong byte ends the session before the last frame has come, what
//! has come is kept here; or it goes through as binary, too, where wrong bytes are to be passed over.

use std::collections::VecDeque;

use super::{BINARY, Head, TEXT};

const FIN: u8 = 0x80;
const RSV: u8 = 0x70;
const OPCODE: u8 = 0x0f;

/// What is known of the frames that have gone by.
pub(super) struct Texts {
    /// Texts in several frames become binary, too.
    all: bool,
    /// What has come of a head.
    head: [u8; Head::LONGEST],
    have: usize,
    /// What is to come of a payload.
    payload: u64,
    /// The present message is a text in several frames, which is kept.
    keep: bool,
    /// Such texts, as far as they have come, until they have gone up. Several can come with one read.
    kept: VecDeque<Vec<u8>>,
    /// Of the binary messages that go up, in order: is it a text?
    texts: VecDeque<bool>,
}

impl Texts {
    pub(super) fn new(all: bool) -> Self {
        let (kept, texts) = (VecDeque::new(), VecDeque::new());
        Self { all, head: [0; Head::LONGEST], have: 0, payload: 0, keep: false, kept, texts }
    }

    /// Looks at bytes that were read, and changes the opcodes among them.
    pub(super) fn pass(&mut self, bytes: &mut [u8]) {
        let mut at = 0;
        while at < bytes.len() {
            if self.payload > 0 {
                let left = bytes.len() - at;
                let here = usize::try_from(self.payload).map_or(left, |payload| payload.min(left));
                if self.keep
                    && self.head[0] & OPCODE < 8
                    && let Some(kept) = self.kept.back_mut()
                {
                    kept.extend_from_slice(&bytes[at..at + here]);
                }
                self.payload -= here as u64;
                at += here;
                continue;
            }
            if self.have == 0 {
                bytes[at] = self.begin(bytes[at]);
            }
            self.head[self.have] = bytes[at];
            self.have += 1;
            at += 1;
            if let Some((head, _)) = Head::read(&self.head[..self.have]) {
                self.payload = head.length;
                self.have = 0;
            }
        }
    }

    /// The first byte of a frame, as it goes up.
    fn begin(&mut self, first: u8) -> u8 {
        let (opcode, whole) = (first & OPCODE, first & FIN != 0);
        if first & RSV != 0 || !matches!(opcode, TEXT | BINARY) {
            return first;
        }
        self.keep = opcode == TEXT && !whole && !self.all;
        if self.keep {
            self.kept.push_back(Vec::new());
            return first;
        }
        self.texts.push_back(opcode == TEXT);
        first & !OPCODE | BINARY
    }

    /// Was the binary message that has just come up a text?
    pub(super) fn was_text(&mut self) -> bool {
        self.texts.pop_front().unwrap_or_default()
    }

    /// A text in several frames has gone up, or could not: what has come of it.
    pub(super) fn take_kept(&mut self) -> Option<Vec<u8>> {
        self.kept.pop_front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What goes up of these bytes, however they are read, and which messages were texts.
    fn passed(all: bool, bytes: &[u8]) -> (Vec<u8>, Vec<bool>, Option<Vec<u8>>) {
        let mut results = (1..=bytes.len()).map(|chunk| {
            let mut texts = Texts::new(all);
            let mut up = bytes.to_vec();
            up.chunks_mut(chunk).for_each(|chunk| texts.pass(chunk));
            let were: Vec<bool> = texts.texts.iter().copied().collect();
            (up, were, texts.take_kept())
        });
        let first = results.next().unwrap();
        assert!(results.all(|result| result == first));
        first
    }

    #[test]
    fn texts_of_one_frame_go_up_as_binary() {
        let long = [&[0x81, 126, 1, 0][..], &[b'x'; 256], &[0x82, 1, 9, 0x89, 1, b'p', 0x81, 0]].concat();
        let (up, were, kept) = passed(false, &long);
        assert_eq!((up[0], up[260], up[263], up[266]), (0x82, 0x82, 0x89, 0x82));
        assert_eq!((were, kept), (vec![true, false, true], None));
    }

    #[test]
    fn texts_of_several_frames_are_kept_or_go_up_as_binary() {
        // Between the frames, a ping.
        let frames = b"\x01\x02ab\x89\x01p\x00\x02c\xff\x80\x01d";
        let (up, were, kept) = passed(false, frames);
        assert_eq!((&up[..], were.len(), kept.as_deref()), (&frames[..], 0, Some(&b"abc\xffd"[..])));
        let (up, were, kept) = passed(true, frames);
        assert_eq!((up[0], were, kept), (0x02, vec![true], None));
    }

    #[test]
    fn texts_of_several_frames_are_kept_until_they_have_gone_up() {
        let mut texts = Texts::new(false);
        texts.pass(&mut b"\x01\x01a\x80\x01b\x81\x01c\x01\x01d\x80\x01e".to_vec());
        assert_eq!(
            [texts.take_kept(), texts.take_kept(), texts.take_kept()],
            [Some(b"ab".to_vec()), Some(b"de".to_vec()), None]
        );
    }

    #[test]
    fn what_is_compressed_is_not_touched() {
        let frames = b"\xc1\x01a";
        assert_eq!(passed(true, frames), (frames.to_vec(), vec![], None));
    }
}
