//! Frames, read by the client's link and by the probe, and written by the mock and the probe.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use tokio::io::{AsyncRead, ReadBuf};

use crate::frames::close::may_be_sent;
use crate::frames::{Compression, FromPeer, lane, poll_receive, reader};
use crate::message::Message;
use crate::mock::faults::frames::fragments;
use crate::net::link::{Tap, link};

/// The largest message that is let through.
const MOST: usize = 1000;

/// Frames of a server: both readers agree on the messages in them, up to the first mistake. And what the mock and the
/// probe write is read again.
pub fn frames(bytes: &[u8]) {
    let read = messages((bytes, bytes.len()), Some(MOST), None);
    assert!(read.iter().all(|message| message.len() <= MOST));
    let parts = reader::hostile(bytes);
    assert_eq!(read, assembled(parts).into_iter().take(read.len()).collect::<Vec<_>>());

    lane::hostile(bytes);
    reader::hostile_payload(bytes);
    let size = usize::from(bytes.first().copied().unwrap_or_default()).max(1);
    let binary = Message::Binary(bytes.to_vec().into());
    assert_eq!(messages((&fragments(&binary, size), 1000), None, None), [binary]);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let text = Message::text(text.to_owned());
        assert_eq!(messages((&fragments(&text, size), 1000), None, None), [text]);
    }
}

/// A stream of these bytes that comes in pieces of a size.
pub(crate) struct Pieces(pub(crate) Vec<u8>, pub(crate) usize);

impl AsyncRead for Pieces {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let here = self.1.max(1).min(self.0.len()).min(buffer.remaining());
        buffer.put_slice(&self.0[..here]);
        self.0.drain(..here);
        Poll::Ready(Ok(()))
    }
}

/// The data messages that the link finds in bytes that come in pieces of a size.
pub(super) fn messages(
    (bytes, piece): (&[u8], usize),
    most: Option<usize>,
    compression: Option<Compression>,
) -> Vec<Message> {
    let stream = tokio::io::join(Pieces(bytes.to_vec(), piece), tokio::io::sink());
    let mut all = Vec::new();
    let read = async {
        let mut link = link(Tap::new(Box::new(stream), bytes::Bytes::new()), most, compression).await;
        let mut next = || poll_fn(|context| poll_receive(&mut link, context)).now_or_never();
        while let Some(Some(Ok(received))) = next() {
            match received {
                FromPeer::Message(message) => all.push(message),
                FromPeer::NotUtf8(bytes, at) => {
                    assert!(std::str::from_utf8(&bytes[..at]).is_ok());
                    return;
                }
                FromPeer::Control(frame) => assert!(frame.len() <= 125),
                FromPeer::Close(close) => {
                    assert!(close.answer().is_none_or(|answer| may_be_sent(answer.code.into())));
                    return;
                }
            }
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
