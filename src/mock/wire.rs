//! The bytes under one connection.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use super::faults::{Part, Shape, Shaper};

/// A client's byte stream.
pub(super) struct Wire {
    stream: TcpStream,
    shaper: Shaper,
}

impl Wire {
    pub(super) fn plain(stream: TcpStream) -> Self {
        Self { stream, shaper: Shaper::default() }
    }

    /// What happens to the bytes that are written from now on.
    pub(super) fn shape(&mut self, shape: Shape) {
        self.shaper.set(shape);
    }

    /// Ends the connection with an RST once it is dropped.
    pub(super) fn reset(&self) {
        let _ = self.stream.set_zero_linger();
    }

    /// Writes bytes between whole frames, whatever they are.
    pub(super) fn poll_write_raw(
        &mut self,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let length = ready!(self.shaper.poll_line(context, bytes.len()));
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..length]))?;
        self.shaper.occupy(written);
        Poll::Ready(Ok(written))
    }
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let length = match ready!(self.shaper.poll_part(context, bytes)) {
            Part::Skip(length) => return Poll::Ready(Ok(length)),
            Part::Write(length) => length,
        };
        let written = ready!(Pin::new(&mut self.stream).poll_write(context, &bytes[..length]))?;
        self.shaper.wrote(&bytes[..written]);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
