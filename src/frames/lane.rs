//! One direction of a stream of frames as it passes by: where frames and messages begin and end, in bytes that come in
//! any pieces. Nothing is changed or judged, and nothing is kept but what it takes to read heads and control frames
//! whole.

use super::{Head, close};

/// One direction of frames.
#[derive(Debug, Default)]
pub(crate) struct Lane {
    /// The beginning of a head or of a control frame, of which the rest has not come.
    held: Vec<u8>,
    /// What is held was handed out.
    is_spent: bool,
    /// The data frame that passes, and how much of its payload has.
    frame: Option<(Head, u64)>,
    /// A message has begun and not ended.
    within_message: bool,
}

/// What comes next in a lane. The bytes are as they came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Passing<'a> {
    /// A whole control frame (RFC 6455 §5.5).
    Control(Head, &'a [u8]),
    /// The head of any other frame.
    Head(Head, &'a [u8]),
    /// A piece of that frame's payload, and where in the payload it begins.
    Payload(Head, &'a [u8], u64),
}

impl<'a> Passing<'a> {
    pub(crate) fn bytes(&self) -> &'a [u8] {
        match self {
            Self::Control(_, bytes) | Self::Head(_, bytes) | Self::Payload(_, bytes, _) => bytes,
        }
    }

    /// Is it the last of its frame?
    pub(crate) fn ends_frame(&self) -> bool {
        match self {
            Self::Control(..) => true,
            Self::Head(head, _) => head.length == 0,
            Self::Payload(head, bytes, offset) => offset + bytes.len() as u64 == head.length,
        }
    }
}

impl Lane {
    /// Takes what comes next off the beginning of `input`. `None`: all of it has been taken, and that is not enough.
    pub(crate) fn next<'s, 'i: 's>(&'s mut self, input: &mut &'i [u8]) -> Option<Passing<'s>> {
        if std::mem::take(&mut self.is_spent) {
            self.held.clear();
        }
        if let Some((head, offset)) = self.frame {
            let left = usize::try_from(head.length - offset).unwrap_or(usize::MAX);
            let (here, rest) = input.split_at_checked(left).unwrap_or((input, &[]));
            *input = rest;
            self.reach(head, offset + here.len() as u64);
            return (!here.is_empty()).then_some(Passing::Payload(head, here, offset));
        }
        if self.held.is_empty()
            && let Some((head, length)) = whole(input)
        {
            let (bytes, rest) = input.split_at(length);
            *input = rest;
            self.begin(head);
            return Some(passing(head, bytes));
        }
        while let Some((first, rest)) = input.split_first() {
            self.held.push(*first);
            *input = rest;
            if let Some((head, _)) = whole(&self.held) {
                self.is_spent = true;
                self.begin(head);
                return Some(passing(head, &self.held));
            }
        }
        None
    }

    /// May another message begin here?
    pub(crate) fn is_between_messages(&self) -> bool {
        !self.within_message && self.is_between_frames()
    }

    /// May another frame begin here?
    pub(crate) fn is_between_frames(&self) -> bool {
        self.frame.is_none() && (self.held.is_empty() || self.is_spent)
    }

    fn begin(&mut self, head: Head) {
        if !is_control(&head) {
            self.within_message |= head.starts_message();
            self.reach(head, 0);
        }
    }

    /// So much of the payload has passed.
    fn reach(&mut self, head: Head, offset: u64) {
        let is_over = offset == head.length;
        self.frame = (!is_over).then_some((head, offset));
        self.within_message &= !(is_over && head.fin && !head.is_control());
    }
}

fn passing(head: Head, bytes: &[u8]) -> Passing<'_> {
    if is_control(&head) { Passing::Control(head, bytes) } else { Passing::Head(head, bytes) }
}

/// A control frame that is longer than it may be passes in pieces, as data does.
fn is_control(head: &Head) -> bool {
    head.is_control() && head.length <= close::LONGEST
}

/// The head at the beginning of these bytes, and how many of them belong together: the head, or a control frame.
fn whole(bytes: &[u8]) -> Option<(Head, usize)> {
    let (head, start) = Head::read(bytes)?;
    let payload = if is_control(&head) { usize::try_from(head.length).ok()? } else { 0 };
    (bytes.len() >= start + payload).then_some((head, start + payload))
}

/// Hostile frames: in whatever pieces they come, they pass as they are, and end at the same places.
#[cfg(any(test, fuzzing))]
pub(crate) fn hostile(bytes: &[u8]) {
    let whole = passed(bytes, bytes.len());
    assert!(bytes.starts_with(&whole.0));
    assert!(bytes.len() - whole.0.len() < Head::LONGEST + 125);
    for piece in [1, 3, 130] {
        assert_eq!(passed(bytes, piece), whole);
    }
}

/// What passes of bytes that come in pieces of this size, and after which of them a message may begin.
#[cfg(any(test, fuzzing))]
fn passed(bytes: &[u8], piece: usize) -> (Vec<u8>, Vec<usize>) {
    let (mut lane, mut out, mut ends) = (Lane::default(), Vec::new(), Vec::new());
    for mut input in bytes.chunks(piece.max(1)) {
        while let Some(passing) = lane.next(&mut input) {
            out.extend_from_slice(passing.bytes());
            if passing.ends_frame() && lane.is_between_messages() {
                ends.push(out.len());
            }
        }
    }
    (out, ends)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_end_where_they_end_in_whatever_pieces_they_come() {
        let long = [&b"\x82\x7e\x01\x00"[..], &[0x88; 256]].concat();
        let frames: [(&[u8], bool); 8] = [
            (b"\x81\x02hi", true),
            (b"\x01\x01a", false),
            (b"\x89\x03abc", false),
            (b"\x80\x84mask....", true),
            (&long, true),
            (b"\x82\x00", true),
            (b"\x8a\x00", true),
            (b"\x88\x02\x03\xe8", true),
        ];
        let all: Vec<u8> = frames.iter().flat_map(|(bytes, _)| bytes.to_vec()).collect();
        let mut at = 0;
        let ends: Vec<usize> = frames
            .iter()
            .filter_map(|(bytes, ends)| {
                at += bytes.len();
                ends.then_some(at)
            })
            .collect();
        for piece in [1, 2, 3, 7, 1000] {
            assert_eq!(passed(&all, piece), (all.clone(), ends.clone()), "in pieces of {piece}");
        }
    }

    #[test]
    fn what_is_against_the_rules_passes_as_well() {
        for bytes in [&b"\xff\x01x"[..], b"\x80\x00", b"\x89\x7e\x00\x80", b"\x03\x01x\x81\x00", b"\x09\x01x"]
        {
            hostile(&[bytes, &[7; 300]].concat());
        }
    }
}
