//! One client's WebSocket, read and written at the same time: a client that writes without reading is still
//! read, up to a bound, so that two ends that both write first do not wait for each other.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::{Sink as _, SinkExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{self, Bytes};

use super::faults::Shape;
use super::wire::Wire;
use crate::frames::{
    Compression, FrameFault, FromPeer, Outbox, Outgoing, PeerClose, ReadOptions, WebSocket, close_frame,
    poll_receive, websocket,
};
use crate::limits;
use crate::message::Message;
use crate::provider::budget::Use;
use crate::provider::{ConnLimits, EventBatch};

/// Thousands of idle clients must be cheap, and each costs its read buffer.
const READ_BUFFER: usize = 4 * 1024;

/// How long a client has to take the last bytes.
const PARTING: Duration = Duration::from_secs(3);

/// Bytes of a control frame from a client that are not its payload (RFC 6455 §5.2).
const CONTROL_HEAD: usize = 6;

pub(super) struct Link {
    ws: WebSocket<Wire>,
    outbox: Outbox,
    /// Bytes that somebody else keeps for this client, and that count against the limit as well.
    backlog: usize,
    limit: usize,
    /// The client's close frame was read.
    client_closed: bool,
}

/// What a turn ended with.
#[derive(Debug)]
pub(super) enum Turn {
    /// A message came.
    Data(Message),
    /// A pong came.
    Pong,
    /// Everything that waited has been written.
    Drained,
    /// The connection is over.
    Ended(Ending),
}

/// How a connection came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// By the closing handshake.
    Closed,
    /// The client is gone.
    Gone,
    /// The client broke the rules, and this is the code that tells it so.
    Broken(CloseCode),
    /// The server resets the connection.
    Reset,
}

impl Link {
    pub(super) async fn new(
        stream: Wire,
        tail: Vec<u8>,
        limits: ConnLimits,
        compression: Option<Compression>,
    ) -> Self {
        let options = ReadOptions { most: Some(limits.message), buffer: READ_BUFFER, compression };
        let ws = websocket(stream, Role::Server, tail.into(), options).await;
        Self { ws, outbox: Outbox::default(), backlog: 0, limit: limits.waiting, client_closed: false }
    }

    /// What happens to the bytes from now on.
    pub(super) fn shape(&mut self, shape: Shape) {
        self.ws.get_mut().inner_mut().shape(shape);
    }

    /// How much is kept elsewhere for this client.
    pub(super) fn set_backlog(&mut self, bytes: usize) {
        self.backlog = bytes;
        self.count();
    }

    /// Counts what waits for the client.
    fn count(&self) {
        let wire = self.ws.get_ref().inner();
        let waiting = self.outbox.bytes() + self.outbox.raw_bytes();
        let bytes = waiting + self.backlog + wire.unsent();
        wire.share().into_iter().for_each(|share| share.set(Use::Outgoing, bytes));
    }

    /// Has everything been written?
    pub(super) fn drained(&self) -> bool {
        !self.outbox.has_backlog()
    }

    pub(super) fn send(&mut self, message: Message) {
        self.queue(Outgoing::Frame(message.into()));
    }

    /// Sends a batch. Its frames are shared with other clients, unless each has to compress the messages for itself.
    pub(super) fn send_batch(&mut self, batch: &EventBatch) {
        if self.ws.get_ref().compresses() {
            batch.messages().iter().for_each(|message| self.send(message.clone()));
        } else {
            self.send_raw(batch.frames().clone());
        }
    }

    pub(super) fn ping(&mut self) {
        self.queue(Outgoing::Frame(tungstenite::Message::Ping(Bytes::new())));
    }

    /// Bytes that go out as they are, between whole frames.
    pub(super) fn send_raw(&mut self, bytes: Bytes) {
        self.queue(Outgoing::Raw(bytes));
    }

    /// Begins the closing handshake. What waits is still written before.
    pub(super) fn close(&mut self, code: Option<u16>, reason: &str) {
        self.queue(Outgoing::Frame(close_frame(code, reason)));
    }

    /// Waits for the next thing to happen, writing meanwhile. Dropping the future loses nothing: all state is
    /// in the link.
    pub(super) async fn turn(&mut self) -> Turn {
        poll_fn(|context| self.poll_turn(context)).await
    }

    /// Waits until the client has said its last byte, without reading what came before it.
    pub(super) async fn left(&self) {
        self.ws.get_ref().inner().left().await;
    }

    /// Takes leave: says why if the rules were broken, and lets the client read that. Closing a socket with
    /// unread bytes in it resets the connection, and the reset can overtake the close frame.
    pub(super) async fn leave(mut self, ending: Ending) {
        match ending {
            Ending::Gone => return,
            Ending::Reset => return self.ws.get_ref().inner().reset(),
            _ => {}
        }
        if let Ending::Broken(code) = ending {
            let said = async {
                poll_fn(|context| self.outbox.poll_write_raw(&mut self.ws, context)).await?;
                self.ws.send(close_frame(Some(code.into()), "")).await
            };
            let _ = timeout(PARTING, said).await;
        }
        let mut stream = self.ws.into_inner().into_inner();
        let _ = stream.shutdown().await;
        let drain = async {
            let mut rest = [0; READ_BUFFER];
            while matches!(stream.read(&mut rest).await, Ok(1..)) {}
        };
        let _ = timeout(PARTING, drain).await;
    }

    fn queue(&mut self, item: Outgoing) {
        if self.outbox.push(item) {
            self.count();
        }
    }

    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<Turn> {
        let was_drained = self.drained();
        let written = self.poll_write(context);
        self.count();
        match written {
            Poll::Ready(Err(error)) => return Poll::Ready(Turn::Ended(ending(&error))),
            // That was the answer to the client's close frame.
            Poll::Ready(Ok(())) if self.client_closed => return Poll::Ready(Turn::Ended(Ending::Closed)),
            Poll::Pending if self.client_closed => return Poll::Pending,
            _ => {}
        }
        // Reading comes before the news that all is written: a client that reads as fast as it is written to
        // must still be heard.
        if !self.is_full()
            && let Poll::Ready(turn) = self.poll_read(context)
        {
            return Poll::Ready(turn);
        }
        if self.drained() && !was_drained { Poll::Ready(Turn::Drained) } else { Poll::Pending }
    }

    /// Does so much wait for the client that it is not listened to? Where nothing waits but the answers to its pings,
    /// that is less; and so it is where much waits for others too.
    fn is_full(&self) -> bool {
        let wire = self.ws.get_ref().inner();
        let unsent = wire.unsent();
        let tight = wire.share().is_some_and(|share| share.is_tight());
        let limit = if tight { self.limit.min(limits::MOCK_ANSWERS) } else { self.limit };
        let ours = self.outbox.bytes() + self.outbox.raw_bytes() + self.backlog;
        ours + unsent > limit || (!self.outbox.is_dirty() && unsent > limits::UNREAD_PONGS)
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.outbox.poll_write(&mut self.ws, context))?;
        self.outbox.flushed();
        // Answers to pings are the frame layer's.
        if self.ws.get_ref().inner().unsent() > 0 {
            return Pin::new(&mut self.ws).poll_flush(context);
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Turn> {
        loop {
            let next = ready!(poll_receive(&mut self.ws, context));
            self.ws.get_mut().inner_mut().taken(match &next {
                // It may have come between the parts of a message, which are still kept.
                Some(Ok(FromPeer::Control(frame))) => frame.len() + CONTROL_HEAD,
                _ => usize::MAX,
            });
            let turn = match next {
                Some(Ok(FromPeer::Message(message))) => Turn::Data(message),
                Some(Ok(FromPeer::NotUtf8(..))) => Turn::Ended(Ending::Broken(CloseCode::Invalid)),
                Some(Ok(FromPeer::Close(close))) => return self.answer(context, &close),
                Some(Ok(FromPeer::Control(tungstenite::Message::Pong(_)))) => Turn::Pong,
                // What is left of the answers to pings is written before it is read on.
                Some(Ok(FromPeer::Control(_))) if self.is_full() => return Poll::Pending,
                Some(Ok(FromPeer::Control(_))) => continue,
                Some(Err(error)) => Turn::Ended(ending(&error)),
                None => Turn::Ended(Ending::Closed),
            };
            return Poll::Ready(turn);
        }
    }

    /// The client's close frame came. Only its answer is still written, or ours where that came first.
    fn answer(&mut self, context: &mut Context<'_>, close: &PeerClose) -> Poll<Turn> {
        if let Some(fault) = &close.fault {
            return Poll::Ready(Turn::Ended(Ending::Broken(fault.code.into())));
        }
        self.outbox.keep_close_frame();
        self.outbox.answer_close(tungstenite::Message::Close(close.answer()));
        self.client_closed = true;
        match ready!(self.poll_write(context)) {
            Ok(()) => Poll::Ready(Turn::Ended(Ending::Closed)),
            Err(error) => Poll::Ready(Turn::Ended(ending(&error))),
        }
    }
}

/// RFC 6455 §7.4.1 has a code for each way of breaking the rules.
fn ending(error: &Error) -> Ending {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => Ending::Closed,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ending::Gone,
        Error::Protocol(_) => Ending::Broken(CloseCode::Protocol),
        Error::Io(error) => match error.get_ref().and_then(|inner| inner.downcast_ref::<FrameFault>()) {
            Some(fault) => Ending::Broken(fault.code.into()),
            None => Ending::Gone,
        },
        _ => Ending::Gone,
    }
}
