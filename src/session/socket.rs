//! A WebSocket as the session sees it: frames come in, frames queue to go out, and neither direction ever waits
//! for the other.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{FutureExt as _, Sink as _};
use tokio_tungstenite::tungstenite::error::ProtocolError;
use tokio_tungstenite::tungstenite::{Error, Message as Frame};

use crate::frames::{FrameFault, FromPeer, Outbox, Outgoing, PeerClose, poll_receive};
use crate::limits;
use crate::net::Link;
use crate::secret::Lease;

/// What comes from a socket.
#[derive(Debug)]
pub enum Incoming {
    /// A frame; for data, a whole message.
    Frame(Frame),
    /// The peer's close frame. It is answered already, and nothing but the end follows.
    Closed(PeerClose),
    /// A text message, or what has come of one, that is not UTF-8 from this byte on.
    NotUtf8(Bytes, usize),
    /// Everything queued has been handed to the network.
    Flushed,
    /// The connection is over.
    Ended(End),
}

/// How a connection ended, below the close frames.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// The closing handshake was completed (RFC 6455 §7.1.4).
    Clean,
    /// The stream ended without it.
    Dropped(String),
    /// The peer broke the protocol; `code` is the close code that says so.
    Violation {
        /// 1002, 1007 or 1009 (RFC 6455 §7.4.1).
        code: u16,
        /// What it did.
        text: String,
    },
}

/// An open WebSocket with its queue of outgoing frames.
pub struct Socket {
    link: Link,
    outbox: Outbox,
    write_failed: bool,
    peer_closed: bool,
    /// Keeps the tokens of this connection masked.
    _lease: Lease,
}

impl Socket {
    /// Takes over an open link. `replace` says that texts that are not UTF-8 are to be passed over.
    #[must_use]
    pub fn new(mut link: Link, lease: Lease, replace: bool) -> Self {
        if replace {
            link.get_mut().take_whole_texts();
        }
        Self { link, outbox: Outbox::default(), write_failed: false, peer_closed: false, _lease: lease }
    }

    /// Queues a frame; it goes out while waiting in [`Socket::next`]. After a close frame it does not.
    pub fn send(&mut self, frame: Frame) {
        self.outbox.push(Outgoing::Frame(frame));
    }

    /// Is there anything that the network has not taken yet?
    #[must_use]
    pub fn has_backlog(&self) -> bool {
        self.outbox.has_backlog()
    }

    /// Bytes that the network has taken.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.link.get_ref().inner().written()
    }

    /// Bytes of frames that have come.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.link.get_ref().inner().read()
    }

    /// Messages that the network has not taken, or not whole.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.outbox.unsent()
    }

    /// Payload bytes that are queued, as long as any can be written.
    #[must_use]
    pub fn backlog_bytes(&self) -> usize {
        if self.write_failed { 0 } else { self.outbox.bytes() }
    }

    /// Waits for what comes, and meanwhile writes what is queued. Cancelling it loses nothing.
    pub async fn next(&mut self, read: bool) -> Incoming {
        poll_fn(|context| self.poll(context, read)).await
    }

    /// What has come already.
    pub fn next_now(&mut self) -> Option<Incoming> {
        self.next(true).now_or_never()
    }

    fn poll(&mut self, context: &mut Context<'_>, read: bool) -> Poll<Incoming> {
        let flushed = self.poll_write(context);
        if flushed {
            return Poll::Ready(Incoming::Flushed);
        }
        if !read {
            return Poll::Pending;
        }
        if self.pongs_wait() && Pin::new(&mut self.link).poll_flush(context).is_pending() {
            return Poll::Pending;
        }
        Poll::Ready(match std::task::ready!(poll_receive(&mut self.link, context)) {
            Some(Ok(received)) => self.came(received),
            Some(Err(error)) if !self.peer_closed => Incoming::Ended(end_of(&error)),
            _ => Incoming::Ended(End::Clean),
        })
    }

    fn came(&mut self, received: FromPeer) -> Incoming {
        match received {
            FromPeer::Message(message) => Incoming::Frame(message.into()),
            FromPeer::NotUtf8(bytes, at) => Incoming::NotUtf8(bytes, at),
            FromPeer::Control(frame) => Incoming::Frame(frame),
            FromPeer::Close(close) => {
                self.answer(&close);
                Incoming::Closed(close)
            }
        }
    }

    /// Answers the peer's close frame, unless ours is on its way. What is queued is not sent any more.
    fn answer(&mut self, close: &PeerClose) {
        self.peer_closed = true;
        self.outbox.answer_close(Frame::Close(close.answer()));
    }

    /// Does the peer not take the answers to its pings? The frame layer keeps one for each.
    fn pongs_wait(&self) -> bool {
        self.link.get_ref().inner().unsent() > self.outbox.in_flight() + limits::UNREAD_PONGS
    }

    /// Moves the queue towards the network. `true` if that completed it.
    fn poll_write(&mut self, context: &mut Context<'_>) -> bool {
        if !self.has_backlog() || self.write_failed {
            return false;
        }
        let result = self.outbox.poll_write(&mut self.link, context);
        let failed = self.link.get_ref().inner().write_error().is_some();
        match result {
            Poll::Pending if !failed => false,
            Poll::Ready(Ok(())) if !failed => {
                self.outbox.flushed();
                true
            }
            _ => {
                // What the peer still had to say, perhaps why it left, is worth reading; the end will show there.
                // What is queued stays as the backlog that it is: nothing more is taken, and what is lost is known.
                self.write_failed = true;
                false
            }
        }
    }
}

fn end_of(error: &Error) -> End {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => End::Clean,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            End::Dropped("the connection ended without a close frame".into())
        }
        Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<FrameFault>()) {
            Some(fault) => End::Violation { code: fault.code, text: fault.text.clone() },
            None => End::Dropped(error.to_string()),
        },
        Error::Protocol(error) => End::Violation { code: 1002, text: lowercase_first(&error.to_string()) },
        error => End::Violation { code: 1002, text: lowercase_first(&error.to_string()) },
    }
}

fn lowercase_first(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map(|first| first.to_lowercase().chain(chars).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

    use super::*;
    use crate::net::link::{Tap, link};
    use crate::secret::Secrets;

    /// A peer that sends pings without end, and takes answers only while it listens.
    struct Pinging {
        listens: Arc<AtomicBool>,
    }

    impl AsyncRead for Pinging {
        fn poll_read(
            self: Pin<&mut Self>,
            _: &mut Context<'_>,
            buffer: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            buffer.put_slice(b"\x89\x04ping");
            Poll::Ready(Ok(()))
        }
    }

    impl AsyncWrite for Pinging {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
            if self.listens.load(Ordering::Relaxed) { Poll::Ready(Ok(bytes.len())) } else { Poll::Pending }
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn a_peer_that_does_not_take_the_answers_to_its_pings_is_not_read_meanwhile() {
        let listens = Arc::new(AtomicBool::new(false));
        let peer = Pinging { listens: Arc::clone(&listens) };
        let link = link(Tap::new(Box::new(peer), Bytes::new()), None, None).await;
        let mut socket = Socket::new(link, Secrets::default().lend([]), false);
        let mut pings = || (0..100_000).take_while(|_| socket.next_now().is_some()).count();
        // Head, mask and payload.
        let answer = 2 + 4 + 4;
        assert!(pings().abs_diff(limits::UNREAD_PONGS / answer) < 10);
        assert_eq!(pings(), 0);
        listens.store(true, Ordering::Relaxed);
        assert_eq!(pings(), 100_000);
    }
}
