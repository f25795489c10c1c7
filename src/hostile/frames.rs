//! Frames, read by the client's link and by the probe, and written by the mock and the probe.

use futures_util::{FutureExt as _, StreamExt as _};

use crate::frames::close::may_be_sent;
use crate::frames::reader;
use crate::message::Message;
use crate::mock::faults::frames::fragments;
use crate::net::link::{Tap, link};

/// The largest message that is let through.
const MOST: usize = 1000;

/// Frames of a server: both readers agree on the messages in them, up to the first mistake. And what the mock and the
/// probe write is read again.
pub fn frames(bytes: &[u8]) {
    let read = messages(bytes, Some(MOST));
    assert!(read.iter().all(|message| message.len() <= MOST));
    let parts = reader::hostile(bytes);
    assert_eq!(read, assembled(parts).into_iter().take(read.len()).collect::<Vec<_>>());

    reader::hostile_payload(bytes);
    let size = usize::from(bytes.first().copied().unwrap_or_default()).max(1);
    let binary = Message::Binary(bytes.to_vec().into());
    assert_eq!(messages(&fragments(&binary, size), None), [binary]);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let text = Message::text(text.to_owned());
        assert_eq!(messages(&fragments(&text, size), None), [text]);
    }
}

/// The data messages that the link finds.
fn messages(bytes: &[u8], most: Option<usize>) -> Vec<Message> {
    let stream = tokio::io::join(std::io::Cursor::new(bytes.to_vec()), tokio::io::sink());
    let mut all = Vec::new();
    let read = async {
        let mut link = link(Tap::new(Box::new(stream), bytes::Bytes::new()), most).await;
        while let Some(Some(Ok(message))) = link.next().now_or_never() {
            use tokio_tungstenite::tungstenite::Message as Frame;
            match message {
                Frame::Text(text) => all.push(Message::Text(text)),
                Frame::Binary(bytes) => all.push(Message::Binary(bytes)),
                Frame::Ping(payload) | Frame::Pong(payload) => assert!(payload.len() <= 125),
                Frame::Close(_) | Frame::Frame(_) => panic!("close frames do not come through"),
            }
        }
        if let Some(close) = link.get_mut().take_close() {
            assert!(close.answer().is_none_or(|answer| may_be_sent(answer.code.into())));
        }
    };
    // What is in memory is never waited for, but for the answer to a close frame.
    read.now_or_never().expect("an end");
    all
}

/// The data messages of well-formed frames.
fn assembled(frames: Vec<(bool, u8, Vec<u8>)>) -> Vec<Message> {
    let (mut all, mut first, mut payload) = (Vec::new(), 0, Vec::new());
    for (fin, opcode, piece) in frames.into_iter().filter(|(_, opcode, _)| *opcode < 8) {
        if opcode != 0 {
            first = opcode;
        }
        payload.extend(piece);
        if fin {
            let bytes = std::mem::take(&mut payload);
            all.push(match std::str::from_utf8(&bytes) {
                Ok(text) if first == 1 => Message::text(text.to_owned()),
                _ => Message::Binary(bytes.into()),
            });
        }
    }
    all
}
