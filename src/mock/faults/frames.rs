//! Frames by the byte (RFC 6455 §5.2), whole and broken.

use super::Broken;
use crate::frames::{BINARY, CLOSE, Head, PING, TEXT, apply_mask};
use crate::message::Message;

const FIN: u8 = 0x80;

/// What a broken frame carries when nothing has been said yet.
const SAMPLE: &str = r#"{"mock":"fault"}"#;

/// A close frame, with any code and reason.
pub(super) fn close_frame(code: Option<u16>, reason: &str) -> Vec<u8> {
    let mut payload = code.map(u16::to_be_bytes).map(Vec::from).unwrap_or_default();
    payload.extend(reason.as_bytes());
    frame(FIN | CLOSE, &payload)
}

/// The message in frames of at most this size (RFC 6455 §5.4).
pub(crate) fn fragments(message: &Message, size: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(message.len() * 2);
    let pieces: Vec<&[u8]> = message.as_bytes().chunks(size).collect();
    for (n, piece) in pieces.iter().enumerate() {
        let fin = if n + 1 == pieces.len() { FIN } else { 0 };
        let opcode = if n == 0 { opcode(message) } else { 0 };
        bytes.extend(frame(fin | opcode, piece));
    }
    if pieces.is_empty() { frame(FIN | opcode(message), b"") } else { bytes }
}

/// Half a frame; `last` is what was said before it, if anything was.
pub(super) fn truncated(last: Option<&Message>) -> Vec<u8> {
    let (opcode, payload) = content(last);
    let whole = frame(FIN | opcode, payload);
    let head = whole.len() - payload.len();
    whole[..head + payload.len() / 2].to_vec()
}

/// A frame that no server may send, or a content that no provider would.
pub(super) fn broken(kind: Broken, last: Option<&Message>) -> Vec<u8> {
    let (opcode, payload) = content(last);
    match kind {
        Broken::Json => frame(FIN | TEXT, half(last.and_then(Message::as_text).unwrap_or(SAMPLE)).as_bytes()),
        Broken::Utf8 => frame(FIN | TEXT, b"{\"mock\":\"\xce\xba\xff\"}"),
        Broken::Masked => masked(FIN | opcode, payload),
        Broken::OversizedControl => frame(FIN | PING, &[b'x'; 126]),
        Broken::FragmentedControl => frame(PING, b"x"),
        Broken::Opcode => frame(FIN | 0x3, payload),
        Broken::Rsv => frame(FIN | 0x40 | opcode, payload),
    }
}

/// A frame as a server sends it.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    with_head(first, None, payload)
}

/// A frame as only a client may send it (RFC 6455 §5.1).
fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x6d, 0x61, 0x73, 0x6b];
    let mut payload = payload.to_vec();
    apply_mask(&mut payload, mask, 0);
    with_head(first, Some(mask), &payload)
}

fn with_head(first: u8, mask: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let (fin, rsv, opcode) = (first & FIN != 0, (first >> 4) & 7, first & 15);
    let mut bytes = Vec::with_capacity(Head::LONGEST + payload.len());
    Head { fin, rsv, opcode, mask, length: payload.len() as u64 }.write(&mut bytes);
    bytes.extend_from_slice(payload);
    bytes
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
