//! What waits to be written to a WebSocket.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::Sink as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::tungstenite::{Error, Message as Frame};

use super::{Head, WebSocket};

/// What a queued frame costs in memory: its payload, and what holds it. Empty messages are not free.
fn cost(frame: &Frame) -> usize {
    frame.len() + size_of::<Frame>()
}

/// Something to be written.
#[derive(Debug)]
pub enum Outgoing {
    /// A frame; for data, a whole message.
    Frame(Frame),
    /// Bytes as they are, between whole frames.
    Raw(Bytes),
}

impl Outgoing {
    /// Bytes that it takes while it waits.
    fn cost(&self) -> usize {
        match self {
            Self::Frame(frame) => cost(frame),
            Self::Raw(bytes) => bytes.len() + size_of::<Self>(),
        }
    }

    fn is_close(&self) -> bool {
        matches!(self, Self::Frame(frame) if frame.is_close())
    }

    fn is_message(&self) -> bool {
        matches!(self, Self::Frame(frame) if frame.is_text() || frame.is_binary())
    }
}

/// A byte stream that takes bytes past the frames.
pub trait RawWrite: AsyncRead + AsyncWrite + Unpin {
    /// Writes bytes between whole frames, whatever they are. Until all of them are written, the stream takes no frames:
    /// the frame layer may answer a ping at any time.
    fn poll_write_raw(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(self).poll_write(context, bytes)
    }
}

/// Frames on their way to a WebSocket, in order.
#[derive(Debug, Default)]
pub struct Outbox {
    waiting: VecDeque<Outgoing>,
    /// Bytes of what waits.
    bytes: usize,
    /// Raw bytes that have been written in part.
    raw: Bytes,
    /// Something was handed to the frame layer and not flushed.
    dirty: bool,
    /// Messages among that.
    handed: usize,
    /// Bytes of the frames that were handed to the frame layer since it was last flushed, or a little more.
    in_flight: usize,
    /// A close frame is on its way: nothing may follow it (RFC 6455 §5.5.1).
    closing: bool,
}

impl Outbox {
    /// Queues something, unless a close frame has been queued before it. `false` then.
    pub fn push(&mut self, item: Outgoing) -> bool {
        if self.closing {
            return false;
        }
        self.closing = item.is_close();
        self.bytes += item.cost();
        self.waiting.push_back(item);
        true
    }

    /// Answers the peer's close frame before all that waits, unless ours is on its way.
    pub fn answer_close(&mut self, answer: Frame) {
        if !self.closing {
            self.closing = true;
            let answer = Outgoing::Frame(answer);
            self.bytes += answer.cost();
            self.waiting.push_front(answer);
        }
    }

    /// Drops what waits, but for a close frame.
    pub fn keep_close_frame(&mut self) {
        self.waiting.retain(Outgoing::is_close);
        self.bytes = self.waiting.iter().map(Outgoing::cost).sum();
    }

    /// Is there anything that the network has not taken yet?
    #[must_use]
    pub fn has_backlog(&self) -> bool {
        self.dirty || !self.waiting.is_empty()
    }

    /// Is something in the frame layer that the network has not taken yet?
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.dirty
    }

    /// Bytes of what waits.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Raw bytes that are being written.
    #[must_use]
    pub fn raw_bytes(&self) -> usize {
        self.raw.len()
    }

    /// Bytes in the frame layer that are ours, or a little more.
    #[must_use]
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// Messages that the network has not taken, or not whole.
    #[must_use]
    pub fn unsent(&self) -> usize {
        self.handed + self.waiting.iter().filter(|item| item.is_message()).count()
    }

    /// The network has taken everything.
    pub fn flushed(&mut self) {
        (self.dirty, self.handed, self.in_flight) = (false, 0, 0);
    }

    /// Moves what waits towards the network. Where the network has taken everything, that is to be told by
    /// [`Outbox::flushed`].
    ///
    /// # Errors
    /// If the connection is over.
    pub fn poll_write<S: RawWrite>(
        &mut self,
        ws: &mut WebSocket<S>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        ready!(self.poll_write_raw(ws, context))?;
        while let Some(next) = self.waiting.front() {
            match next {
                Outgoing::Frame(_) => ready!(Pin::new(&mut *ws).poll_ready(context))?,
                // What is before it in the buffers has to be out: the bytes go past these.
                Outgoing::Raw(_) => ready!(Pin::new(&mut *ws).poll_flush(context))?,
            }
            let Some(item) = self.waiting.pop_front() else { break };
            self.bytes -= item.cost();
            self.dirty = true;
            self.handed += usize::from(item.is_message());
            match item {
                Outgoing::Frame(frame) => {
                    self.in_flight += cost(&frame) + Head::LONGEST;
                    let frame = ws.get_mut().outgoing(frame);
                    Pin::new(&mut *ws).start_send(frame)?;
                }
                Outgoing::Raw(bytes) => {
                    self.raw = bytes;
                    ready!(self.poll_write_raw(ws, context))?;
                }
            }
        }
        if self.dirty { Pin::new(ws).poll_flush(context) } else { Poll::Ready(Ok(())) }
    }

    /// Writes the rest of raw bytes that have been written in part.
    ///
    /// # Errors
    /// If the connection is over.
    pub fn poll_write_raw<S: RawWrite>(
        &mut self,
        ws: &mut WebSocket<S>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        while !self.raw.is_empty() {
            match ready!(ws.get_mut().inner_mut().poll_write_raw(context, &self.raw))? {
                0 => return Poll::Ready(Err(Error::ConnectionClosed)),
                written => drop(self.raw.split_to(written)),
            }
        }
        Poll::Ready(Ok(()))
    }
}
