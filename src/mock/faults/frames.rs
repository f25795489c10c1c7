//! Frames that a mock sends by the byte, whole and broken.

use super::Broken;
use crate::frames::deflate::{Deflater, TAIL};
use crate::frames::{BINARY, CLOSE, CONTINUATION, DeflateFlow, Head, PING, RSV1, TEXT};
use crate::message::Message;

/// What a broken frame carries when nothing has been said yet.
const SAMPLE: &str = r#"{"mock":"fault"}"#;

/// A close frame, with any code and reason.
pub(super) fn close_bytes(code: Option<u16>, reason: &str) -> Vec<u8> {
    let mut payload = code.map(u16::to_be_bytes).map(Vec::from).unwrap_or_default();
    payload.extend(reason.as_bytes());
    frame(CLOSE, &payload)
}

/// The message in frames of at most this size (RFC 6455 §5.4).
pub(crate) fn fragments(message: &Message, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len() * 2);
    let pieces: Vec<&[u8]> = message.as_bytes().chunks(size).collect();
    for (n, piece) in pieces.iter().enumerate() {
        let opcode = if n == 0 { opcode(message) } else { 0 };
        let head = Head { fin: n + 1 == pieces.len(), ..Head::new(opcode, piece.len()) };
        bytes.extend(head.frame(piece));
    }
    if pieces.is_empty() { frame(opcode(message), b"") } else { bytes }
}

/// Half a frame; `last` is what was said before it, if anything was.
pub(super) fn truncated(last: Option<&Message>) -> Vec<u8> {
    let (opcode, payload) = content(last);
    let whole = frame(opcode, payload);
    let head = whole.len() - payload.len();
    whole[..head + payload.len() / 2].to_vec()
}

/// A frame that no server may send, or a content that no provider would.
pub(super) fn broken(kind: Broken, last: Option<&Message>) -> Vec<u8> {
    let (opcode, payload) = content(last);
    let head = Head::new(opcode, payload.len());
    match kind {
        Broken::Json => frame(TEXT, half(last.and_then(Message::as_text).unwrap_or(SAMPLE)).as_bytes()),
        Broken::Utf8 => frame(TEXT, b"{\"mock\":\"\xce\xba\xff\"}"),
        // Only a client may send such a frame (RFC 6455 §5.1).
        Broken::Masked => Head { mask: Some(*b"mask"), ..head }.frame(payload),
        Broken::OversizedControl => frame(PING, &[b'x'; 126]),
        Broken::FragmentedControl => Head { fin: false, ..Head::new(PING, 1) }.frame(b"x"),
        Broken::Opcode => Head { opcode: 3, ..head }.frame(payload),
        Broken::Rsv => compressed(opcode, payload),
        Broken::RsvContinuation => {
            let (first, rest) = payload.split_at(payload.len() / 2);
            let first = Head { fin: false, ..Head::new(opcode, first.len()) }.frame(first);
            [first, compressed(CONTINUATION, rest)].concat()
        }
        Broken::RsvControl => compressed(PING, b"x"),
        // A block of a type that there is not (RFC 1951 §3.2.3).
        Broken::Deflate => compressed(opcode, &[7]),
    }
}

/// A compressed message of so many zeros.
pub(super) fn bomb(bytes: u64) -> Vec<u8> {
    const PIECE: u64 = 1 << 20;
    let mut deflater = Deflater::new(DeflateFlow { window_bits: 15, takeover: false });
    let mut zeros = |length: u64| {
        let length = usize::try_from(length).unwrap_or_default();
        deflater
            .deflate(&vec![0; length])
            .map(|deflated| [deflated, TAIL.to_vec()].concat())
            .unwrap_or_default()
    };
    let whole = zeros(PIECE.min(bytes)).repeat(usize::try_from(bytes / PIECE).unwrap_or_default());
    let mut payload = [whole, zeros(bytes % PIECE)].concat();
    payload.truncate(payload.len().saturating_sub(TAIL.len()));
    compressed(BINARY, &payload)
}

/// A frame with RSV1, which says that the message is compressed (RFC 7692 §6).
fn compressed(opcode: u8, payload: &[u8]) -> Vec<u8> {
    Head { rsv: RSV1, ..Head::new(opcode, payload.len()) }.frame(payload)
}

/// A frame as a server sends it.
fn frame(opcode: u8, payload: &[u8]) -> Vec<u8> {
    Head::new(opcode, payload.len()).frame(payload)
}

fn content(last: Option<&Message>) -> (u8, &[u8]) {
    last.map_or((TEXT, SAMPLE.as_bytes()), |message| (opcode(message), message.as_bytes()))
}

fn opcode(message: &Message) -> u8 {
    if message.as_text().is_some() { TEXT } else { BINARY }
}

/// The first half of a text. Of a JSON object or array that is never JSON; anything short of that is replaced.
fn half(text: &str) -> &str {
    let text = if text.trim().starts_with(['{', '[']) { text.trim() } else { SAMPLE };
    &text[..text.floor_char_boundary(text.len() / 2)]
}
