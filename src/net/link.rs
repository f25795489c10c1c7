//! An upgraded stream as a link: the WebSocket, and what the session wants to know about the bytes under it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::protocol::Role;

use super::Transport;
use crate::frames::{Compression, RawWrite, ReadOptions, WebSocket, websocket};

/// An open WebSocket.
pub type Link = WebSocket<Tap>;

/// How much is read at once. With more, a flood is hardly any faster, and the memory counts per link.
const READ_BUFFER: usize = 64 * 1024;

/// A link over an upgraded stream.
pub(crate) async fn link(tap: Tap, most: Option<usize>, compression: Option<Compression>) -> Link {
    let options = ReadOptions { most, buffer: READ_BUFFER, compression };
    websocket(tap, Role::Client, Bytes::new(), options).await
}

/// A transport that starts with bytes that were read already, and counts what it reads and writes.
///
/// After a write error, `poll_write` reports success: tungstenite flushes pongs while reading, and would otherwise drop
/// data that the peer sent before it closed.
pub struct Tap {
    inner: Box<dyn Transport>,
    rest: Bytes,
    written: u64,
    read: u64,
    unsent: usize,
    write_error: Option<io::ErrorKind>,
}

impl Tap {
    /// `rest` is what came with the response head.
    pub(crate) fn new(inner: Box<dyn Transport>, rest: Bytes) -> Self {
        Self { inner, rest, written: 0, read: 0, unsent: 0, write_error: None }
    }

    /// Bytes that the transport has taken.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Bytes that have come, those with the response head included.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.read
    }

    /// Bytes that the transport did not take when it was last offered them, and that are still kept above.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.unsent
    }

    /// Why nothing more is written.
    #[must_use]
    pub fn write_error(&self) -> Option<io::ErrorKind> {
        self.write_error
    }
}

impl RawWrite for Tap {}

impl AsyncRead for Tap {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        if this.rest.is_empty() {
            ready!(Pin::new(&mut this.inner).poll_read(context, buffer))?;
        } else {
            let fits = this.rest.len().min(buffer.remaining());
            buffer.put_slice(&this.rest[..fits]);
            this.rest.advance(fits);
        }
        this.read += (buffer.filled().len() - before) as u64;
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Tap {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        if this.write_error.is_some() {
            return Poll::Ready(Ok(bytes.len()));
        }
        this.unsent = bytes.len();
        match ready!(Pin::new(&mut this.inner).poll_write(context, bytes)) {
            Ok(written) => {
                this.written += written as u64;
                this.unsent -= written;
                Poll::Ready(Ok(written))
            }
            Err(error) => {
                this.write_error = Some(error.kind());
                this.unsent = 0;
                Poll::Ready(Ok(bytes.len()))
            }
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.write_error.is_none()
            && let Err(error) = ready!(Pin::new(&mut this.inner).poll_flush(context))
        {
            this.write_error = Some(error.kind());
        }
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncWriteExt as _;

    use super::*;
    use crate::frames::{FromPeer, poll_receive};
    use crate::message::Message;

    /// What comes next; `None` if the connection is over.
    async fn next(link: &mut Link) -> Option<FromPeer> {
        poll_fn(|context| poll_receive(link, context)).await?.ok()
    }

    fn text(text: &str) -> FromPeer {
        FromPeer::Message(Message::text(text.to_owned()))
    }

    #[tokio::test]
    async fn what_came_with_the_head_comes_first() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut link = link(Tap::new(Box::new(near), b"\x81\x02a".to_vec().into()), None, None).await;
        far.write_all(b"b\x81\x01c").await.unwrap();
        assert_eq!(next(&mut link).await, Some(text("ab")));
        assert_eq!(next(&mut link).await, Some(text("c")));
    }

    /// A peer that has gone: what it said can be read, and nothing can be written.
    #[tokio::test]
    async fn what_a_peer_said_before_it_left_is_read() {
        let peer = tokio::io::join(&b"\x89\x01p\x81\x01a\x81\x01b"[..], Gone);
        let mut link = link(Tap::new(Box::new(peer), Bytes::new()), None, None).await;
        assert!(matches!(next(&mut link).await, Some(FromPeer::Control(_))));
        for expected in ["a", "b"] {
            assert_eq!(next(&mut link).await, Some(text(expected)));
        }
        assert_eq!(next(&mut link).await, None);
        assert_eq!(link.get_ref().inner().write_error(), Some(io::ErrorKind::BrokenPipe));
    }

    struct Gone;

    impl AsyncWrite for Gone {
        fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
}
