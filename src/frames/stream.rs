//! The stream of frames that a peer sends, below the frame layer. All bytes pass as they are, so that the frame layer
//! judges them, but for three kinds of frames:
//!
//! - The peer's close frame is read here and kept, and what follows it is discarded (RFC 6455 §1.4). Whoever holds the
//!   stream answers it.
//! - The frames of compressed messages, if the two ends have agreed on compression, become those of the messages without
//!   it (RFC 7692).
//! - Text messages come up as binary ones where [`FrameStream::take_texts_up`] asks for it.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};

use super::close::KEPT;
use super::compressed::Compressed;
use super::deflate::{Compression, Deflater};
use super::texts::Texts;
use super::{CLOSE, FrameFault, Head, PeerClose};

/// How much is read at once if it cannot be read in place.
const READ: usize = 16 * 1024;

/// A byte stream whose incoming frames are looked at.
pub struct FrameStream<S> {
    inner: S,
    /// Our side; a server reads masked frames.
    role: Role,
    /// Bytes that were read and not handed up.
    raw: BytesMut,
    /// How many of them may be handed up as they are.
    passable: usize,
    /// Bytes of the present frame's payload that are still to pass.
    left: u64,
    close: Close,
    /// Compressed messages, in and out.
    compressed: Option<Box<(Compressed, Deflater)>>,
    /// Why nothing more can be read.
    broken: Option<FrameFault>,
    texts: Option<Texts>,
}

/// The peer's close frame.
enum Close {
    /// It has not come.
    None,
    Here(PeerClose),
    /// It is known; what follows is discarded.
    Taken,
}

impl<S> FrameStream<S> {
    /// `rest` is what was read of the frames already.
    pub fn new(inner: S, role: Role, rest: Bytes, compression: Option<Compression>) -> Self {
        let compressed = compression.map(|agreed| {
            let (incoming, outgoing) = match role {
                Role::Client => (agreed.server, agreed.client),
                Role::Server => (agreed.client, agreed.server),
            };
            Box::new((Compressed::new(incoming, role), Deflater::new(outgoing)))
        });
        let raw = rest.into();
        Self {
            inner,
            role,
            raw,
            passable: 0,
            left: 0,
            close: Close::None,
            compressed,
            broken: None,
            texts: None,
        }
    }

    /// A message as it is handed to the frame layer: compressed, if that was agreed on. Messages have to be sent in the
    /// order in which they come out of here.
    pub fn outgoing(&mut self, message: Message) -> Message {
        let Some((_, deflater)) = self.compressed.as_deref_mut() else { return message };
        let (data, payload) = match &message {
            Message::Text(text) => (Data::Text, text.as_bytes()),
            Message::Binary(bytes) => (Data::Binary, &bytes[..]),
            _ => return message,
        };
        let Some(payload) = deflater.deflate(payload) else { return message };
        let header = FrameHeader { rsv1: true, opcode: OpCode::Data(data), ..FrameHeader::default() };
        Message::Frame(Frame::from_payload(header, payload.into()))
    }

    /// The stream below.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    /// The stream below.
    pub fn inner_mut(&mut self) -> &mut S {
        &mut self.inner
    }

    /// The stream below, without what was read of it.
    pub fn into_inner(self) -> S {
        self.inner
    }

    /// The peer's close frame, once. While it is here and everything before it has been read, a read is pending: it is to
    /// be looked for then, before the frame layer sees the end of the stream and lets nothing more out.
    pub fn take_close(&mut self) -> Option<PeerClose> {
        match std::mem::replace(&mut self.close, Close::Taken) {
            Close::Here(close) => Some(close),
            other => {
                self.close = other;
                None
            }
        }
    }

    /// From now on text messages come up as binary ones, for [`FrameStream::was_text`] to tell apart: those of one frame,
    /// or `all`.
    pub fn take_texts_up(&mut self, all: bool) {
        self.texts = Some(Texts::new(all));
    }

    /// Was the binary message that has just come up a text?
    pub fn was_text(&mut self) -> bool {
        self.texts.as_mut().is_some_and(Texts::was_text)
    }

    /// A text message that comes up as one has come up, or is not UTF-8: what has come of it.
    pub fn take_kept_text(&mut self) -> Option<Vec<u8>> {
        self.texts.as_mut().and_then(Texts::take_kept)
    }

    /// Goes on with what was read already. `false`: that takes more bytes.
    fn digest(&mut self) -> Result<bool, FrameFault> {
        let mut compressed = self.compressed.as_deref_mut().map(|(compressed, _)| compressed);
        if let Some(compressed) = compressed.as_mut().filter(|compressed| compressed.is_within_frame()) {
            return compressed.step(&mut self.raw);
        }
        self.passable = passes(&mut self.left, &self.raw, compressed.as_deref());
        if self.passable > 0 {
            return Ok(true);
        }
        let Some((head, start)) = Head::read(&self.raw) else { return Ok(false) };
        if let Some(compressed) = compressed.filter(|_| head.opcode != CLOSE) {
            self.raw.advance(start);
            compressed.begin(head);
            return Ok(true);
        }
        let kept = usize::try_from(head.length).map_or(KEPT, |length| length.min(KEPT));
        let Some(payload) = self.raw.get_mut(start..start + kept) else { return Ok(false) };
        head.mask_payload(payload, 0);
        self.close = Close::Here(PeerClose::read(&head, payload, self.role == Role::Server));
        self.raw = BytesMut::new();
        Ok(true)
    }

    /// Hands up what is ready.
    fn hand_up(&mut self, buffer: &mut ReadBuf<'_>) {
        if let Some((compressed, _)) = self.compressed.as_deref_mut() {
            compressed.hand_up(buffer);
        }
        let here = self.passable.min(buffer.remaining());
        buffer.put_slice(&self.raw[..here]);
        self.raw.advance(here);
        self.passable -= here;
    }

    /// Is nothing at hand that was read?
    fn is_at_rest(&self) -> bool {
        let within = self.compressed.as_deref().is_some_and(|(compressed, _)| compressed.is_within_frame());
        self.raw.is_empty() && !within
    }
}

impl<S: AsyncRead + Unpin> FrameStream<S> {
    /// Reads more than is at hand. `false`: there is no more.
    fn poll_more(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        let mut bytes = [0; READ];
        let mut buffer = ReadBuf::new(&mut bytes);
        ready!(Pin::new(&mut self.inner).poll_read(context, &mut buffer))?;
        self.raw.extend_from_slice(buffer.filled());
        Poll::Ready(Ok(!buffer.filled().is_empty()))
    }

    /// Reads into the buffer, and keeps what must not pass. `false`: there is no more.
    fn poll_in_place(
        &mut self,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<bool>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.inner).poll_read(context, buffer))?;
        let read = &buffer.filled()[before..];
        let compressed = self.compressed.as_deref().map(|(compressed, _)| compressed);
        let passed = passes(&mut self.left, read, compressed);
        self.raw.extend_from_slice(&read[passed..]);
        let more = !read.is_empty();
        buffer.set_filled(before + passed);
        Poll::Ready(Ok(more))
    }

    /// Reads until the peer ends the connection, however it does.
    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Ok(true) = ready!(self.poll_more(context)) {
            self.raw.clear();
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> FrameStream<S> {
    /// Reads frames as they go up, but for the opcodes of texts.
    fn poll_pass(&mut self, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        // Goes on as long as there is room and nothing to wait for.
        loop {
            self.hand_up(buffer);
            let has_some = buffer.filled().len() > before;
            if buffer.remaining() == 0 {
                return Poll::Ready(Ok(()));
            }
            if self.broken.is_none() && matches!(self.close, Close::None) && !self.is_at_rest() {
                match self.digest() {
                    Ok(true) => continue,
                    Ok(false) => {}
                    Err(fault) => self.broken = Some(fault),
                }
            }
            if has_some {
                return Poll::Ready(Ok(()));
            }
            if let Some(fault) = &self.broken {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault.clone())));
            }
            match self.close {
                Close::None => {}
                Close::Here(_) => return Poll::Pending,
                Close::Taken => return self.poll_discard(context).map(Ok),
            }
            let more = if self.is_at_rest() {
                // Most bytes pass, so they are read to where they go.
                ready!(self.poll_in_place(context, buffer))?
            } else {
                ready!(self.poll_more(context))?
            };
            if !more {
                return Poll::Ready(Ok(()));
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FrameStream<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        let before = buffer.filled().len();
        let polled = this.poll_pass(context, buffer);
        if let Some(texts) = &mut this.texts {
            texts.pass(&mut buffer.filled_mut()[before..]);
        }
        polled
    }
}

/// How many of these bytes go up as they are: up to a close frame, a frame of a compressed message, or a head that is not
/// complete. `left` bytes belong to the payload of a frame that passes.
fn passes(left: &mut u64, bytes: &[u8], compressed: Option<&Compressed>) -> usize {
    let passes =
        |head: &Head| head.opcode != CLOSE && !compressed.is_some_and(|compressed| compressed.takes(head));
    let mut at = 0;
    loop {
        let here = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len() - at);
        at += here;
        *left -= here as u64;
        match Head::read(&bytes[at..]) {
            Some((head, length)) if passes(&head) => {
                at += length;
                *left = head.length;
            }
            _ => return at,
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for FrameStream<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use tokio::io::AsyncReadExt as _;

    use super::*;
    use crate::hostile::frames::Pieces;

    /// What is handed up of a stream that comes in pieces of this size, to a reader that takes as much at once.
    fn read(bytes: &[u8], piece: usize) -> (Vec<u8>, Option<PeerClose>) {
        let mut stream = in_pieces(bytes, piece);
        let mut passed = Vec::new();
        let mut buffer = vec![0; piece];
        let read = async {
            loop {
                match stream.read(&mut buffer).await {
                    Ok(0) | Err(_) => break,
                    Ok(read) => passed.extend(&buffer[..read]),
                }
            }
        };
        // What is in memory is never waited for, and a close frame ends the reading.
        read.now_or_never();
        (passed, stream.take_close())
    }

    fn in_pieces(bytes: &[u8], piece: usize) -> FrameStream<Pieces> {
        FrameStream::new(Pieces(bytes.to_vec(), piece), Role::Client, Bytes::new(), None)
    }

    #[test]
    fn all_passes_up_to_a_close_frame_however_it_comes() {
        let mut long = vec![0x82, 126, 1, 4];
        long.extend([0x88; 260]);
        let mut longer = vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0];
        longer.extend([0x88; 65536]);
        let before = [b"\x81\x02\x88\x88", long.as_slice(), b"\x01\x01a\x89\x00", &longer].concat();
        let after: [&[u8]; 3] = [b"", b"\x89\x00", b"\x88\x02\x03\xe8\xff\xff\xff"];
        for piece in [1, 2, 3, 7, 100, 1 << 20] {
            for after in after {
                let all = [&before, b"\x88\x07\x03\xf6gone.".as_slice(), after].concat();
                let (passed, close) = read(&all, piece);
                assert!(passed == before, "in pieces of {piece}");
                let said = close.map(|close| (close.code, close.reason));
                assert_eq!(said, Some((1014, "gone.".to_owned())), "in pieces of {piece}");
            }
            let cut = [&before, b"\x88\x07\x03\xf6gone".as_slice()].concat();
            assert_eq!(read(&cut, piece), (before.clone(), None), "in pieces of {piece}");
        }
    }

    #[test]
    fn a_close_frame_that_is_too_long_is_read_as_far_as_it_is_kept() {
        let mut frame = b"\x88\x7f\x7f\xff\xff\xff\xff\xff\xff\xff\x03\xe8".to_vec();
        frame.extend(vec![b'x'; KEPT + 10]);
        let close = read(&frame, 1000).1.unwrap();
        assert_eq!((close.code, close.reason.len()), (1000, KEPT - 2));
        assert!(close.fault.is_some());
    }

    #[tokio::test]
    async fn what_was_read_before_comes_first() {
        let mut stream =
            FrameStream::new(&b"b\x88\x00"[..], Role::Client, Bytes::from_static(b"\x81\x02a"), None);
        let mut all = Vec::new();
        assert!(stream.read_to_end(&mut all).now_or_never().is_none());
        assert_eq!((all.as_slice(), stream.take_close()), (&b"\x81\x02ab"[..], Some(PeerClose::empty())));
        assert_eq!((stream.read(&mut [0]).await.unwrap(), stream.take_close()), (0, None));
    }
}
