//! An upgraded stream as a link: the WebSocket, and what the session wants to know about the bytes under it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::Transport;

/// An open WebSocket.
pub type Link = WebSocketStream<Tap>;

/// How much is read at once. With more, a flood is hardly any faster; but the frame layer clears all of it before every
/// read, and the memory counts per link.
const READ_BUFFER: usize = 32 * 1024;

/// The longest control frame that a server sends: two bytes of head and 125 of payload (RFC 6455 §5.5).
const LONGEST_CONTROL: usize = 127;

/// A link over an upgraded stream.
///
/// The frame layer can be handed what came with the response head too, but then it sizes every later buffer after that
/// one: as soon as a message is still in use when the next arrives, it reads message by message.
pub(crate) async fn link(tap: Tap, max_message_size: Option<usize>) -> Link {
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .max_message_size(max_message_size)
        .max_frame_size(max_message_size);
    WebSocketStream::from_raw_socket(tap, Role::Client, Some(config)).await
}

/// A transport that starts with bytes that were read already, counts what it writes, and remembers the end of
/// what it reads.
///
/// Once a write has failed, it seems to take everything: the frame layer answers pings and close frames while it reads,
/// and if it was told, it would give up what the peer has said before it left.
pub struct Tap {
    inner: Box<dyn Transport>,
    rest: Bytes,
    written: u64,
    unsent: usize,
    write_error: Option<io::ErrorKind>,
    tail: Vec<u8>,
}

impl Tap {
    /// `rest` is what came with the response head.
    pub(crate) fn new(inner: Box<dyn Transport>, rest: Bytes) -> Self {
        Self {
            inner,
            rest,
            written: 0,
            unsent: 0,
            write_error: None,
            tail: Vec::with_capacity(2 * LONGEST_CONTROL),
        }
    }

    /// Bytes that the transport has taken.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written
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

    /// The code of a close frame that is the last thing that was read. The frame layer replaces codes that it
    /// does not know, 1014 among them, by its own.
    #[must_use]
    pub fn close_code(&self) -> Option<u16> {
        const FIN_CLOSE: u8 = 0x88;
        let tail = &self.tail;
        (2..=125).find_map(|length: u8| {
            let start = tail.len().checked_sub(2 + usize::from(length))?;
            let frame = &tail[start..];
            let is_close = frame[0] == FIN_CLOSE && frame[1] == length;
            is_close.then(|| u16::from_be_bytes([frame[2], frame[3]]))
        })
    }

    fn remember(&mut self, read: &[u8]) {
        let kept = &read[read.len().saturating_sub(LONGEST_CONTROL)..];
        let surplus = (self.tail.len() + kept.len()).saturating_sub(LONGEST_CONTROL);
        self.tail.drain(..surplus);
        self.tail.extend_from_slice(kept);
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let result = if this.rest.is_empty() {
            Pin::new(&mut this.inner).poll_read(context, buffer)
        } else {
            let fits = this.rest.len().min(buffer.remaining());
            buffer.put_slice(&this.rest[..fits]);
            this.rest.advance(fits);
            Poll::Ready(Ok(()))
        };
        this.remember(&buffer.filled()[before..]);
        result
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
    use futures_util::StreamExt as _;
    use tokio::io::AsyncWriteExt as _;

    use super::*;

    #[tokio::test]
    async fn what_came_with_the_head_comes_first() {
        let (near, mut far) = tokio::io::duplex(64);
        let mut link = link(Tap::new(Box::new(near), b"\x81\x02a".to_vec().into()), None).await;
        far.write_all(b"b\x81\x01c").await.unwrap();
        assert_eq!(link.next().await.unwrap().unwrap().into_text().unwrap(), "ab");
        assert_eq!(link.next().await.unwrap().unwrap().into_text().unwrap(), "c");
    }

    /// A peer that has gone: what it said can be read, and nothing can be written.
    #[tokio::test]
    async fn what_a_peer_said_before_it_left_is_read() {
        let peer = tokio::io::join(&b"\x89\x01p\x81\x01a\x81\x01b"[..], Gone);
        let mut link = link(Tap::new(Box::new(peer), Bytes::new()), None).await;
        for text in ["p", "a", "b"] {
            assert_eq!(link.next().await.unwrap().unwrap().into_text().unwrap(), text);
        }
        assert!(link.next().await.unwrap().is_err());
        assert_eq!(link.get_ref().write_error(), Some(io::ErrorKind::BrokenPipe));
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

    fn code(reads: &[&[u8]]) -> Option<u16> {
        let mut tap = Tap::new(Box::new(tokio::io::empty()), Bytes::new());
        reads.iter().for_each(|read| tap.remember(read));
        tap.close_code()
    }

    #[test]
    fn the_code_of_the_last_frame_is_found() {
        assert_eq!(code(&[b"\x81\x02hi\x88\x02\x03\xf6"]), Some(1014));
        assert_eq!(code(&[&[0; 500], b"\x88\x07\x03\xed", b"gone.", b""]), Some(1005));
        assert_eq!(code(&[b"\x81\x02hi"]), None);
        assert_eq!(code(&[b"\x88\x00"]), None);
    }
}
