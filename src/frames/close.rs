//! The peer's close frame: what it says, and what is wrong with it (RFC 6455 §5.5.1, §7.4).
//!
//! The frame layer replaces codes that it does not know by 1002, 1014 among them, and ends with an error if the frame is
//! wrong. A person who looks for the cause wants what the peer said, whatever is wrong with it.

use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;

use super::{FrameFault, Head};

/// Close codes that a close frame may carry, for people.
pub const MAY_BE_SENT: &str =
    "invalid close code (expected 1000-1003, 1007-1014 or 3000-4999, RFC 6455 §7.4)";

/// May a close frame carry this code (RFC 6455 §7.4 and the IANA registry)?
#[must_use]
pub fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

/// A close frame to send, an empty one where there is no code (RFC 6455 §5.5.1).
#[must_use]
pub fn close_frame(code: Option<u16>, reason: &str) -> Message {
    Message::Close(code.map(|code| CloseFrame { code: code.into(), reason: reason.to_owned().into() }))
}

/// The longest payload of a control frame (RFC 6455 §5.5).
pub const LONGEST: u64 = 125;

/// How much is kept of a close frame that is longer than it may be.
pub(super) const KEPT: usize = 4 * 1024;

/// What the peer's close frame says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PeerClose {
    /// The code, whatever it is; 1005 if there is none (RFC 6455 §7.1.5).
    pub code: u16,
    /// The reason; what is not UTF-8 in it is replaced.
    pub reason: String,
    /// What is wrong with the frame.
    pub fault: Option<FrameFault>,
}

impl PeerClose {
    /// An empty close frame.
    #[cfg(test)]
    pub fn empty() -> Self {
        Self { code: 1005, ..Self::default() }
    }

    /// Reads a close frame; `payload` is unmasked.
    pub(crate) fn read(head: &Head, payload: &[u8], masked: bool) -> Self {
        let code = payload.first_chunk().map(|code| u16::from_be_bytes(*code));
        let reason = payload.get(2..).unwrap_or_default();
        Self {
            code: code.unwrap_or(1005),
            reason: String::from_utf8_lossy(reason).into_owned(),
            fault: fault(head, code, reason, masked),
        }
    }

    /// What to answer with: the same, or what is wrong with it.
    #[must_use]
    pub fn answer(&self) -> Option<CloseFrame> {
        match &self.fault {
            Some(fault) => Some(CloseFrame { code: fault.code.into(), reason: "".into() }),
            None if self.code == 1005 => None,
            None => Some(CloseFrame { code: self.code.into(), reason: self.reason.as_str().into() }),
        }
    }
}

fn fault(head: &Head, code: Option<u16>, reason: &[u8], masked: bool) -> Option<FrameFault> {
    let text = match code {
        _ if head.rsv != 0 => format!("the close frame has the reserved bits {:03b}", head.rsv),
        _ if !head.fin => "the close frame is a fragment".to_owned(),
        _ if head.mask.is_some() && !masked => "the close frame is masked".to_owned(),
        _ if head.mask.is_none() && masked => "the close frame is not masked".to_owned(),
        _ if head.length > LONGEST => format!("the close frame has {} bytes", head.length),
        None if head.length == 1 => "the close frame has an incomplete code".to_owned(),
        Some(code) if !may_be_sent(code) => format!("code {code} must not be sent"),
        _ if std::str::from_utf8(reason).is_err() => {
            return Some(FrameFault { code: 1007, text: "the reason is not UTF-8".to_owned() });
        }
        _ => return None,
    };
    Some(FrameFault { code: 1002, text })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(bytes: &[u8]) -> PeerClose {
        let (head, start) = Head::read(bytes).unwrap();
        PeerClose::read(&head, &bytes[start..], false)
    }

    #[test]
    fn a_close_frame_is_read_whatever_is_wrong_with_it() {
        type Case<'a> = (&'a [u8], u16, &'a str, Option<(u16, &'a str)>);
        let cases: [Case<'_>; 10] = [
            (b"\x88\x00", 1005, "", None),
            (b"\x88\x05\x03\xf6bye", 1014, "bye", None),
            (b"\x88\x04\x03\xee\xce\xba", 1006, "\u{3ba}", Some((1002, "1006 must not"))),
            (b"\x88\x02\x00\x00", 0, "", Some((1002, "0 must not"))),
            (b"\x88\x04\x03\xe8a\xff", 1000, "a\u{fffd}", Some((1007, "UTF-8"))),
            (b"\x88\x01\x03", 1005, "", Some((1002, "an incomplete code"))),
            (b"\x08\x02\x03\xe8", 1000, "", Some((1002, "fragment"))),
            (b"\xc8\x02\x03\xe8", 1000, "", Some((1002, "100"))),
            (b"\x88\x82\x00\x00\x00\x00\x03\xe8", 1000, "", Some((1002, "masked"))),
            (b"\x88\x7e\x00\x80\x03\xe8...", 1000, "...", Some((1002, "128 bytes"))),
        ];
        for (bytes, code, reason, fault) in cases {
            let close = read(bytes);
            assert_eq!((close.code, close.reason.as_str()), (code, reason), "{bytes:?}");
            let found = close.fault.as_ref().map(|fault| (fault.code, fault.text.as_str()));
            assert_eq!(found.map(|(code, _)| code), fault.map(|(code, _)| code), "{bytes:?}");
            assert!(found.unwrap_or_default().1.contains(fault.unwrap_or_default().1), "{found:?}");
            let answer = close.answer().map(|frame| u16::from(frame.code));
            let expected = fault.map_or(code, |(code, _)| code);
            assert_eq!(answer, Some(expected).filter(|code| *code != 1005), "{bytes:?}");
        }
    }

    #[test]
    fn codes_that_stand_for_no_frame_are_not_sent() {
        for code in [1000, 1003, 1007, 1014, 3000, 4999] {
            assert!(may_be_sent(code), "{code}");
        }
        for code in [0, 999, 1004, 1005, 1006, 1015, 2999, 5000, u16::MAX] {
            assert!(!may_be_sent(code), "{code}");
        }
    }
}
