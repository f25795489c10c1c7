//! The bytes under one connection.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, Interest, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::sleep;
use tokio_rustls::server::TlsStream;

use super::faults::{Part, Shape, Shaper};
use crate::frames::RawWrite;
use crate::provider::budget::{Share, Use};

/// How often it is looked whether a client has left whose bytes are not read.
const LOOK: Duration = Duration::from_secs(1);

/// A client's byte stream.
pub(super) struct Wire {
    stream: PlainOrTls,
    shaper: Shaper,
    unsent: usize,
    /// How many raw bytes are still to be written. Frames wait for them.
    raw_left: usize,
    /// Bytes that were read of what has not come whole.
    incoming: usize,
    share: Option<Arc<Share>>,
}

enum PlainOrTls {
    Plain(TcpStream),
    /// Boxed: connections without TLS should not pay for its size.
    Tls(Box<TlsStream<TcpStream>>),
}

impl Wire {
    pub(super) fn plain(stream: TcpStream) -> Self {
        Self::new(PlainOrTls::Plain(stream))
    }

    pub(super) fn tls(stream: TlsStream<TcpStream>) -> Self {
        Self::new(PlainOrTls::Tls(Box::new(stream)))
    }

    fn new(stream: PlainOrTls) -> Self {
        Self { stream, shaper: Shaper::default(), unsent: 0, raw_left: 0, incoming: 0, share: None }
    }

    /// Bytes that were not taken when they were last to be written, and that are still kept above.
    pub(super) fn unsent(&self) -> usize {
        self.unsent
    }

    /// What is read counts here from now on.
    pub(super) fn count_in(&mut self, share: &Arc<Share>) {
        self.share = Some(Arc::clone(share));
    }

    /// What is read from now on is thrown away.
    pub(super) fn count_no_more(&mut self) {
        self.taken(usize::MAX);
        self.share = None;
    }

    /// Where it counts.
    pub(super) fn share(&self) -> Option<&Arc<Share>> {
        self.share.as_ref()
    }

    /// So many of the bytes that were read are not kept any more.
    pub(super) fn taken(&mut self, bytes: usize) {
        self.incoming = self.incoming.saturating_sub(bytes);
        self.count();
    }

    fn count(&self) {
        self.share.iter().for_each(|share| share.set(Use::Incoming, self.incoming));
    }

    /// The bytes from here on are frames: what was written before is not for the shaper to count.
    pub(super) fn begin_frames(&mut self) {
        self.shaper = Shaper::default();
    }

    /// What happens to the bytes that are written from now on.
    pub(super) fn shape(&mut self, shape: Shape) {
        self.shaper.set(shape);
    }

    /// Ends the connection with an RST once it is dropped.
    pub(super) fn reset(&self) {
        let _ = self.stream.tcp().set_zero_linger();
    }

    /// Writes as much of these bytes as their shape lets pass at once.
    fn poll_write_part(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let length = match ready!(self.shaper.poll_part(context, bytes)) {
            Part::Skip(length) => return Poll::Ready(Ok(length)),
            Part::Write(length) => length,
        };
        let written = ready!(self.stream.poll_write(context, &bytes[..length]))?;
        self.shaper.wrote(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    /// Waits until the client has ended its side, whether what it sent before is read or not.
    pub(super) async fn left(&self) {
        // Bytes that nobody reads keep the socket ready, so the news is looked for now and then.
        while self.stream.tcp().ready(Interest::READABLE).await.is_ok_and(|ready| !ready.is_read_closed()) {
            sleep(LOOK).await;
        }
    }
}

impl RawWrite for Wire {
    /// Past what happens to frames.
    fn poll_write_raw(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.raw_left = bytes.len();
        let length = ready!(self.shaper.poll_line(context, bytes.len()));
        let written = ready!(self.stream.poll_write(context, &bytes[..length]))?;
        self.shaper.occupy(written);
        self.raw_left -= written;
        Poll::Ready(Ok(written))
    }
}

impl PlainOrTls {
    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream.as_mut()).poll_write(context, bytes),
        }
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = match &mut self.stream {
            PlainOrTls::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            PlainOrTls::Tls(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
        };
        let read = buffer.filled().len() - before;
        if read > 0 {
            self.incoming += read;
            self.count();
        }
        result
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        // Whoever writes the raw bytes is woken to go on.
        let result = if self.raw_left > 0 { Poll::Pending } else { self.poll_write_part(context, bytes) };
        self.unsent = match result {
            Poll::Pending => bytes.len(),
            Poll::Ready(Ok(written)) => bytes.len() - written,
            Poll::Ready(Err(_)) => 0,
        };
        result
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            PlainOrTls::Plain(stream) => Pin::new(stream).poll_flush(context),
            PlainOrTls::Tls(stream) => Pin::new(stream.as_mut()).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            PlainOrTls::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            PlainOrTls::Tls(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use std::future::poll_fn;
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn frames_wait_for_the_rest_of_raw_bytes() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut wire = Wire::plain(listener.accept().await.unwrap().0);
        assert_eq!(poll_fn(|context| wire.poll_write_raw(context, b"ra")).await.unwrap(), 2);
        // A line of 50 bytes a second takes one byte at a time.
        wire.shape(Shape { bandwidth: Some(50), ..Shape::default() });
        assert_eq!(poll_fn(|context| wire.poll_write_raw(context, b"raw")).await.unwrap(), 1);
        wire.shape(Shape::default());
        let pong = |wire: &mut Wire| {
            poll_fn(|context| Pin::new(&mut *wire).poll_write(context, b"\x8a\0")).now_or_never()
        };
        assert!(pong(&mut wire).is_none());
        assert_eq!(wire.unsent(), 2);
        assert_eq!(poll_fn(|context| wire.poll_write_raw(context, b"aw")).await.unwrap(), 2);
        assert_eq!(pong(&mut wire).unwrap().unwrap(), 2);
    }
}
