//! What waits to be written to one end of a tap: bytes of frames, in order.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};

use crate::frames::RawWrite;

/// Pieces of at least this size are kept as they are; smaller ones are gathered.
const OWN: usize = 16 << 10;

/// Bytes on their way to one end.
#[derive(Debug, Default)]
pub(super) struct Outlet {
    waiting: VecDeque<OutletPiece>,
    bytes: usize,
    is_dirty: bool,
    is_ending: bool,
    is_shut: bool,
}

#[derive(Debug)]
enum OutletPiece {
    /// Bytes of frames; more can be added.
    Gathered(BytesMut),
    /// The same, whole.
    Own(Bytes),
    /// Bytes that are no frames.
    Raw(Bytes),
}

impl OutletPiece {
    fn bytes(&self) -> &[u8] {
        match self {
            Self::Gathered(bytes) => bytes,
            Self::Own(bytes) | Self::Raw(bytes) => bytes,
        }
    }

    fn advance(&mut self, by: usize) {
        match self {
            Self::Gathered(bytes) => bytes.advance(by),
            Self::Own(bytes) | Self::Raw(bytes) => bytes.advance(by),
        }
    }
}

impl Outlet {
    /// Adds bytes of frames, unless the stream has been ended.
    pub(super) fn add(&mut self, bytes: &[u8]) {
        if self.is_shut {
            return;
        }
        self.bytes += bytes.len();
        match self.waiting.back_mut() {
            Some(OutletPiece::Gathered(last)) => last.extend_from_slice(bytes),
            _ if bytes.is_empty() => {}
            _ => self.waiting.push_back(OutletPiece::Gathered(BytesMut::from(bytes))),
        }
    }

    /// The same for bytes that need not be copied.
    pub(super) fn add_own(&mut self, bytes: Bytes) {
        if bytes.len() < OWN || self.is_shut {
            return self.add(&bytes);
        }
        self.bytes += bytes.len();
        self.waiting.push_back(OutletPiece::Own(bytes));
    }

    /// Adds bytes that are no frames, or broken ones.
    pub(super) fn add_raw(&mut self, bytes: Bytes) {
        if self.is_shut {
            return;
        }
        self.bytes += bytes.len();
        self.waiting.push_back(OutletPiece::Raw(bytes));
    }

    /// Bytes that wait.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Ends the stream once all is written.
    pub(super) fn end(&mut self) {
        self.is_ending = true;
    }

    /// Has the stream been ended?
    pub(super) fn is_shut(&self) -> bool {
        self.is_shut
    }

    /// Has everything been written?
    pub(super) fn is_drained(&self) -> bool {
        self.waiting.is_empty() && !self.is_dirty
    }

    /// Writes what waits, and ends the stream if that comes next.
    pub(super) fn poll_write<S: RawWrite>(
        &mut self,
        stream: &mut S,
        context: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        while let Some(piece) = self.waiting.front_mut() {
            if !piece.bytes().is_empty() {
                let written = match piece {
                    OutletPiece::Raw(bytes) => ready!(stream.poll_write_raw(context, bytes))?,
                    OutletPiece::Gathered(bytes) => {
                        ready!(Pin::new(&mut *stream).poll_write(context, bytes))?
                    }
                    OutletPiece::Own(bytes) => ready!(Pin::new(&mut *stream).poll_write(context, bytes))?,
                };
                if written == 0 {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                self.is_dirty = true;
                self.bytes -= written;
                piece.advance(written);
            }
            if piece.bytes().is_empty() {
                self.waiting.pop_front();
            }
        }
        if self.is_dirty {
            ready!(Pin::new(&mut *stream).poll_flush(context))?;
            self.is_dirty = false;
        }
        if self.is_ending && !self.is_shut {
            ready!(Pin::new(&mut *stream).poll_shutdown(context))?;
            self.is_shut = true;
        }
        Poll::Ready(Ok(()))
    }
}
