//! The stream of frames that a peer sends, below the frame layer. Data messages and the peer's close frame are taken out
//! here; all other frames go up as they are, and so does what breaks the rules, so that the frame layer answers pings and
//! judges the rest.
//!
//! - A message of one frame is not copied: it stays in the memory that it was read to.
//! - Compressed messages are inflated, if the two ends have agreed on compression (RFC 7692).
//! - The close frame is kept whatever is wrong with it, and what follows it is discarded (RFC 6455 §1.4). Whoever holds
//!   the stream answers it.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::{Sink as _, Stream as _};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, ReadBuf};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{Data, OpCode};
use tokio_tungstenite::tungstenite::protocol::frame::{Frame, FrameHeader};
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Error};

use super::close::KEPT;
use super::deflate::{Compression, Deflater};
use super::messages::{Assembled, MessageReader};
use super::{CLOSE, FrameFault, Head, PeerClose};
use crate::message::Message;

/// The read buffer of the frame layer. Nothing but control frames goes through it.
const CONTROL_FRAMES: usize = 256;

/// How much a client reads at once after a read that filled the buffer, as a multiple of it. A server, which may have ten
/// thousand connections, does not.
const GROWTH: usize = 4;

/// What a peer sent.
#[derive(Debug, PartialEq, Eq)]
pub enum FromPeer {
    /// A data message.
    Message(Message),
    /// A text message, or what has come of one, that is not UTF-8 from this byte on.
    NotUtf8(Bytes, usize),
    /// A ping or a pong. Pings are answered.
    Control(tungstenite::Message),
    /// The close frame.
    Close(PeerClose),
}

/// A WebSocket over a byte stream, to be read by [`poll_receive`] alone: data messages do not come through its own
/// `Stream`.
pub type WebSocket<S> = WebSocketStream<FrameStream<S>>;

/// How the messages of a peer are read.
#[derive(Clone, Copy, Debug)]
pub struct ReadOptions {
    /// Bytes of a message at most.
    pub most: Option<usize>,
    /// How much is read at once, at first.
    pub buffer: usize,
    /// What the two ends have agreed on.
    pub compression: Option<Compression>,
}

/// A WebSocket over an upgraded stream. `rest` is what was read of the frames already.
pub async fn websocket<S: AsyncRead + AsyncWrite + Unpin>(
    inner: S,
    role: Role,
    rest: Bytes,
    options: ReadOptions,
) -> WebSocket<S> {
    let config = WebSocketConfig::default()
        .read_buffer_size(CONTROL_FRAMES)
        .max_message_size(options.most)
        .max_frame_size(options.most);
    WebSocketStream::from_raw_socket(FrameStream::new(inner, role, rest, options), role, Some(config)).await
}

/// What comes next; `None` after the end.
pub fn poll_receive<S: AsyncRead + AsyncWrite + Unpin>(
    websocket: &mut WebSocket<S>,
    context: &mut Context<'_>,
) -> Poll<Option<Result<FromPeer, Error>>> {
    if let Some(received) = websocket.get_mut().take() {
        return Poll::Ready(Some(Ok(received)));
    }
    let polled = Pin::new(&mut *websocket).poll_next(context);
    if polled.is_pending()
        && let Some(received) = websocket.get_mut().take()
    {
        return Poll::Ready(Some(Ok(received)));
    }
    if matches!(polled, Poll::Ready(Some(Ok(tungstenite::Message::Ping(_))))) {
        // The answer leaves although nothing more may be read. An error shows with the next read.
        let _ = Pin::new(websocket).poll_flush(context);
    }
    polled.map_ok(FromPeer::Control)
}

/// A byte stream whose incoming frames are looked at.
pub struct FrameStream<S> {
    inner: S,
    /// Our side; a server reads masked frames.
    role: Role,
    /// How much is read at once, at first.
    buffer: usize,
    /// The last read has filled it: much is coming.
    filled: bool,
    /// Bytes that were read and not handed up.
    raw: BytesMut,
    /// They have more room than for a read: it is not kept for the messages after a long one.
    stretched: bool,
    /// Bytes that are still to go up of the present frame.
    passing: u64,
    messages: MessageReader,
    /// What was received and has not been taken.
    received: Option<FromPeer>,
    /// The close frame has come: what follows is discarded.
    closed: bool,
    /// Compresses what is sent.
    deflater: Option<Box<Deflater>>,
    /// Why nothing more can be read.
    broken: Option<FrameFault>,
}

/// What the bytes that were read are.
enum Ahead {
    /// Something that was received.
    Received,
    /// A frame, or the rest of one, that goes up.
    Passes,
    /// A part of a frame, which takes so many bytes more.
    Needs(usize),
}

impl<S> FrameStream<S> {
    fn new(inner: S, role: Role, rest: Bytes, options: ReadOptions) -> Self {
        let flows = options.compression.map(|agreed| match role {
            Role::Client => (agreed.server, agreed.client),
            Role::Server => (agreed.client, agreed.server),
        });
        Self {
            inner,
            role,
            buffer: options.buffer,
            filled: false,
            raw: rest.into(),
            stretched: false,
            passing: 0,
            messages: MessageReader::new(role, flows.map(|(incoming, _)| incoming), options.most),
            received: None,
            closed: false,
            deflater: flows.map(|(_, outgoing)| Box::new(Deflater::new(outgoing))),
            broken: None,
        }
    }

    /// A message as it is handed to the frame layer: compressed, if that was agreed on. Messages have to be sent in the
    /// order in which they come out of here.
    pub fn outgoing(&mut self, message: tungstenite::Message) -> tungstenite::Message {
        let Some(deflater) = &mut self.deflater else { return message };
        let (data, payload) = match &message {
            tungstenite::Message::Text(text) => (Data::Text, text.as_bytes()),
            tungstenite::Message::Binary(bytes) => (Data::Binary, &bytes[..]),
            _ => return message,
        };
        let Some(payload) = deflater.deflate(payload) else { return message };
        let header = FrameHeader { rsv1: true, opcode: OpCode::Data(data), ..FrameHeader::default() };
        tungstenite::Message::Frame(Frame::from_payload(header, payload.into()))
    }

    /// Are messages compressed that are sent?
    pub fn compresses(&self) -> bool {
        self.deflater.is_some()
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

    /// From now on, a text in several frames is read to its end, although it is not UTF-8.
    pub fn take_whole_texts(&mut self) {
        self.messages.take_whole_texts();
    }

    /// What was received and needs no reading, unless something goes up before it.
    fn take(&mut self) -> Option<FromPeer> {
        if self.received.is_none() && !self.closed && self.broken.is_none() {
            self.look();
        }
        self.received.take()
    }

    /// Looks at the bytes that were read. What is wrong with them is kept.
    fn look(&mut self) -> Ahead {
        match self.digest() {
            Ok(next) => next,
            Err(fault) => {
                self.broken = Some(fault);
                Ahead::Received
            }
        }
    }

    fn digest(&mut self) -> Result<Ahead, FrameFault> {
        if self.passing > 0 {
            return Ok(if self.raw.is_empty() { Ahead::Needs(0) } else { Ahead::Passes });
        }
        loop {
            let step = if self.messages.is_within_frame() {
                self.messages.go_on(&mut self.raw)?
            } else {
                let Some((head, start)) = Head::read(&self.raw) else { return Ok(Ahead::Needs(0)) };
                if head.opcode == CLOSE {
                    return Ok(self.close(&head, start));
                }
                if !self.messages.takes(&head) {
                    self.messages.check_length(head.length)?;
                    self.passing = head.length.saturating_add(start as u64);
                    return Ok(Ahead::Passes);
                }
                self.messages.begin(head, start, &mut self.raw)?
            };
            match step {
                Assembled::NoMessage => {}
                Assembled::Needs(more) => return Ok(Ahead::Needs(more)),
                Assembled::Done(received) => {
                    self.received = Some(received);
                    return Ok(Ahead::Received);
                }
            }
        }
    }

    /// The peer's close frame, as far as it is kept.
    fn close(&mut self, head: &Head, start: usize) -> Ahead {
        let kept = usize::try_from(head.length).map_or(KEPT, |length| length.min(KEPT));
        let Some(payload) = self.raw.get_mut(start..start + kept) else { return Ahead::Needs(0) };
        head.mask_payload(payload, 0);
        self.received = Some(FromPeer::Close(PeerClose::read(head, payload, self.role == Role::Server)));
        self.closed = true;
        self.raw = BytesMut::new();
        Ahead::Received
    }

    /// Hands up as much of the present frame as there is room for. What follows it waits until the frame layer has it.
    fn hand_up(&mut self, buffer: &mut ReadBuf<'_>) {
        let passing = usize::try_from(self.passing).unwrap_or(usize::MAX);
        let here = passing.min(self.raw.len()).min(buffer.remaining());
        buffer.put_slice(&self.raw[..here]);
        self.raw.advance(here);
        self.passing -= here as u64;
    }
}

impl<S: AsyncRead + Unpin> FrameStream<S> {
    /// Reads more than is at hand, where so much is needed. `false`: there is no more.
    fn poll_more(&mut self, context: &mut Context<'_>, needed: usize) -> Poll<io::Result<bool>> {
        if self.raw.is_empty() && std::mem::take(&mut self.stretched) {
            self.raw = BytesMut::new();
        }
        // Whatever a head says, there is no more room than for what has come already, now or as the last message.
        let most = if self.role == Role::Client { GROWTH * self.buffer } else { self.buffer };
        let usual = if self.filled { most } else { self.buffer };
        let room = needed.min(self.raw.len().max(self.messages.last())).max(usual);
        self.stretched |= room > most;
        self.raw.reserve(room);
        let read = ready!(pin!(self.inner.read_buf(&mut self.raw)).poll(context))?;
        self.filled = read >= self.buffer;
        Poll::Ready(Ok(read > 0))
    }

    /// Reads until the peer ends the connection, however it does.
    fn poll_discard(&mut self, context: &mut Context<'_>) -> Poll<()> {
        while let Ok(true) = ready!(self.poll_more(context, 0)) {
            self.raw.clear();
        }
        Poll::Ready(())
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for FrameStream<S> {
    /// Where something was received, this waits until it has been taken, without a wake-up: whoever polls looks for it then.
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            if this.received.is_some() {
                return Poll::Pending;
            }
            if let Some(fault) = &this.broken {
                return Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, fault.clone())));
            }
            if this.closed {
                return this.poll_discard(context).map(Ok);
            }
            match this.look() {
                Ahead::Received => {}
                Ahead::Passes => {
                    this.hand_up(buffer);
                    return Poll::Ready(Ok(()));
                }
                Ahead::Needs(more) => {
                    if !ready!(this.poll_more(context, more))? {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
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
    use std::future::poll_fn;

    use futures_util::FutureExt as _;

    use super::*;
    use crate::hostile::frames::Pieces;

    const READ_OPTIONS: ReadOptions = ReadOptions { most: Some(100_000), buffer: 1024, compression: None };

    /// What is received of a stream that comes in pieces of this size, and why nothing more is.
    fn received(bytes: &[u8], piece: usize) -> (Vec<FromPeer>, Option<String>) {
        let stream = tokio::io::join(Pieces(bytes.to_vec(), piece), tokio::io::sink());
        let mut all = Vec::new();
        let read = async {
            let mut websocket = websocket(stream, Role::Client, Bytes::new(), READ_OPTIONS).await;
            while let Some(next) = poll_fn(|context| poll_receive(&mut websocket, context)).await {
                match next {
                    Ok(received) => all.push(received),
                    Err(error) => return Some(error.to_string()),
                }
            }
            None
        };
        // What is in memory is never waited for, but for the end after a close frame.
        let end = read.now_or_never().flatten();
        (all, end)
    }

    fn binary(bytes: &[u8]) -> FromPeer {
        FromPeer::Message(Message::Binary(Bytes::copy_from_slice(bytes)))
    }

    fn text(text: &str) -> FromPeer {
        FromPeer::Message(Message::text(text.to_owned()))
    }

    fn ping(payload: &'static [u8]) -> FromPeer {
        FromPeer::Control(tungstenite::Message::Ping(payload.into()))
    }

    fn close(code: u16, reason: &str) -> FromPeer {
        FromPeer::Close(PeerClose { code, reason: reason.to_owned(), fault: None })
    }

    #[test]
    fn all_is_received_in_order_however_it_comes_and_nothing_after_a_close_frame() {
        let mut long = vec![0x82, 126, 1, 4];
        long.extend([0x88; 260]);
        let mut longer = vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0];
        longer.extend([0x88; 65536]);
        let before: [&[u8]; 6] = [
            b"\x81\x02hi",
            &long,
            b"\x01\x01a\x89\x00\x00\x00\x80\x01b",
            b"\x89\x01p\x89\x01q",
            b"\x81\x00",
            &longer,
        ];
        let expected = [
            text("hi"),
            binary(&[0x88; 260]),
            ping(b""),
            text("ab"),
            ping(b"p"),
            ping(b"q"),
            text(""),
            binary(&[0x88; 65536]),
        ];
        for piece in [1, 2, 3, 7, 100, 1 << 20] {
            for after in [&b""[..], b"\x89\x00", b"\x88\x02\x03\xe8\xff\xff\xff"] {
                let all = [&before.concat(), b"\x88\x07\x03\xf6gone.".as_slice(), after].concat();
                let (mut received, _) = received(&all, piece);
                assert_eq!(received.pop(), Some(close(1014, "gone.")), "in pieces of {piece}");
                assert_eq!(received, expected, "in pieces of {piece}");
            }
            let cut = [&before.concat(), b"\x88\x07\x03\xf6gone".as_slice()].concat();
            assert_eq!(received(&cut, piece).0, expected, "in pieces of {piece}");
        }
    }

    #[test]
    fn what_breaks_the_rules_is_a_fault() {
        let too_long = "message of 100001 bytes exceeds the limit of 100000 bytes (--max-message-size)";
        let rows: [(&[u8], &str); 8] = [
            (b"\x89\x7f\x00\x00\x00\x00\x00\x01\x86\xa1", too_long),
            (b"\x82\x7f\x00\x00\x00\x00\x00\x01\x86\xa1", too_long),
            (b"\x01\x01a\x80\x7f\x00\x00\x00\x00\x00\x01\x86\xa0", too_long),
            (b"\x01\x01a\x81\x01b", "a new message begins before the last one has ended"),
            (b"\x80\x01a", "Continue frame but nothing to continue"),
            (b"\xc1\x01a", "Reserved bits are non-zero"),
            (b"\x83\x01a", "Encountered invalid opcode: 3"),
            (b"\x81\x81\x00\x00\x00\x00a", "Received a masked frame from server"),
        ];
        for (bytes, expected) in rows {
            for piece in [1, 1000] {
                let (received, end) = received(&[b"\x81\x01a", bytes].concat(), piece);
                assert_eq!(received, [text("a")], "{expected}");
                let end = end.unwrap();
                assert!(end.contains(expected), "{end}");
            }
        }
    }

    #[test]
    fn a_text_that_is_not_utf8_is_known_at_its_first_wrong_byte() {
        for piece in [1, 100] {
            let single = received(b"\x81\x03a\xffb\x81\x01c", piece).0;
            assert_eq!(single, [FromPeer::NotUtf8(Bytes::from_static(b"a\xffb"), 1), text("c")]);
            // A character may be in two frames.
            let split = received(b"\x01\x01\xc3\x80\x01\xa9", piece).0;
            assert_eq!(split, [text("é")]);
        }
        // The rest of its frame is passed over, and its next frame belongs to nothing.
        for (piece, begun) in [(1, &b"a\xff"[..]), (100, b"a\xffbc")] {
            let (all, end) = received(b"\x01\x04a\xffbc\x80\x01d", piece);
            assert_eq!(all, [FromPeer::NotUtf8(Bytes::copy_from_slice(begun), 1)]);
            assert!(end.unwrap().contains("nothing to continue"));
        }
    }

    #[test]
    fn a_close_frame_that_is_too_long_is_read_as_far_as_it_is_kept() {
        let mut frame = b"\x88\x7f\x7f\xff\xff\xff\xff\xff\xff\xff\x03\xe8".to_vec();
        frame.extend(vec![b'x'; KEPT + 10]);
        let mut received = received(&frame, 1000).0;
        let Some(FromPeer::Close(close)) = received.pop() else { panic!("{received:?}") };
        assert_eq!((close.code, close.reason.len()), (1000, KEPT - 2));
        assert!(close.fault.is_some());
    }

    #[tokio::test]
    async fn what_was_read_before_comes_first() {
        let stream = tokio::io::join(&b"b\x88\x00"[..], tokio::io::sink());
        let mut websocket =
            websocket(stream, Role::Client, Bytes::from_static(b"\x81\x02a"), READ_OPTIONS).await;
        let mut next = || poll_fn(|context| poll_receive(&mut websocket, context)).now_or_never().flatten();
        assert_eq!(next().unwrap().unwrap(), text("ab"));
        assert_eq!(next().unwrap().unwrap(), FromPeer::Close(PeerClose::empty()));
        assert!(next().unwrap().is_err());
    }
}
