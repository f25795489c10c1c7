//! Whether text messages are UTF-8 (RFC 6455 §5.6, §8.1): a character may lie across frames.

use crate::frames::TEXT;
use crate::frames::reader::RawFrame;

/// What has been read of the present message.
#[derive(Default)]
pub(super) struct Utf8(Utf8State);

#[derive(Default)]
enum Utf8State {
    /// No text, or one that is compressed: that is judged when it is inflated.
    #[default]
    Other,
    /// A text, and the beginning of a character at the end of its last frame.
    Text(Vec<u8>),
}

impl Utf8 {
    /// Takes the next frame. `false`: it has bytes that are none.
    pub(super) fn takes(&mut self, frame: &RawFrame) -> bool {
        let head = &frame.head;
        if head.is_control() {
            return true;
        }
        let begun = match std::mem::take(&mut self.0) {
            _ if head.opcode == TEXT && head.rsv == 0 && frame.is_first() => Vec::new(),
            Utf8State::Text(begun) if head.opcode == 0 || !frame.is_first() => begun,
            _ => return true,
        };
        let bytes = [begun, frame.payload.clone()].concat();
        let rest = match std::str::from_utf8(&bytes) {
            Ok(_) => &[],
            Err(error) if error.error_len().is_none() && !frame.ends_message() => {
                &bytes[error.valid_up_to()..]
            }
            Err(_) => return false,
        };
        if !frame.ends_message() {
            self.0 = Utf8State::Text(rest.to_vec());
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::Head;

    /// Which of these frames, with their opcodes and whether they are the last of their message, are taken.
    fn taken(frames: &[(u8, bool, &[u8])]) -> Vec<bool> {
        let mut utf8 = Utf8::default();
        let frame = |(opcode, fin, payload): &(u8, bool, &[u8])| RawFrame {
            head: Head { fin: *fin, ..Head::new(*opcode, payload.len()) },
            offset: 0,
            payload: payload.to_vec(),
        };
        frames.iter().map(|one| utf8.takes(&frame(one))).collect()
    }

    #[test]
    fn characters_may_lie_across_frames_and_not_across_messages() {
        let euro = "€".as_bytes();
        assert_eq!(taken(&[(1, false, &euro[..1]), (9, true, b"\xff"), (0, true, &euro[1..])]), [true; 3]);
        assert_eq!(taken(&[(1, true, &euro[..1]), (1, true, euro)]), [false, true]);
        assert_eq!(
            taken(&[(1, false, &euro[..2]), (0, true, b"x"), (0, true, b"\xff")]),
            [true, false, true]
        );
        assert_eq!(taken(&[(2, false, b"\xff"), (0, true, b"\xff")]), [true; 2]);
        assert_eq!(taken(&[(1, true, b"a\xffb")]), [false]);
    }
}
