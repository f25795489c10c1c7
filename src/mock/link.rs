//! One client's WebSocket, read and written at the same time: a client that writes without reading is still
//! read, up to a bound, so that two ends that both write first do not wait for each other.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::{Sink as _, SinkExt as _, Stream as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{self, Bytes, Utf8Bytes};

use super::Limits;
use super::wire::Wire;
use crate::message::{Message, cost};

/// Thousands of idle clients must be cheap, and each costs its read buffer.
const READ_BUFFER: usize = 4 * 1024;

/// How long a client has to take the last bytes.
const PARTING: Duration = Duration::from_secs(3);

pub(super) struct Link {
    ws: WebSocketStream<Wire>,
    waiting: VecDeque<tungstenite::Message>,
    /// Bytes in `waiting`.
    bytes: usize,
    limit: usize,
    /// Something was written and not flushed.
    dirty: bool,
    /// Our close frame is on its way, or the client's was read: nothing may follow.
    closing: bool,
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
}

impl Link {
    pub(super) async fn new(stream: Wire, tail: Vec<u8>, limits: Limits) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(READ_BUFFER)
            .max_message_size(Some(limits.message))
            .max_frame_size(Some(limits.message));
        let ws = WebSocketStream::from_partially_read(stream, tail, Role::Server, Some(config)).await;
        Self { ws, waiting: VecDeque::new(), bytes: 0, limit: limits.waiting, dirty: false, closing: false }
    }

    /// Has everything been written?
    pub(super) fn drained(&self) -> bool {
        self.waiting.is_empty() && !self.dirty
    }

    pub(super) fn send(&mut self, message: Message) {
        self.queue(message.into());
    }

    pub(super) fn ping(&mut self) {
        self.queue(tungstenite::Message::Ping(Bytes::new()));
    }

    /// Begins the closing handshake. What waits is still written before.
    pub(super) fn close(&mut self, code: Option<u16>, reason: &str) {
        self.queue(close_frame(code, reason));
        self.closing = true;
    }

    /// Waits for the next thing to happen, writing meanwhile. Dropping the future loses nothing: all state is
    /// in the link.
    pub(super) async fn turn(&mut self) -> Turn {
        poll_fn(|context| self.poll_turn(context)).await
    }

    /// Takes leave: says why if the rules were broken, and lets the client read that. Closing a socket with
    /// unread bytes in it resets the connection, and the reset can overtake the close frame.
    pub(super) async fn leave(mut self, ending: Ending) {
        if ending == Ending::Gone {
            return;
        }
        if let Ending::Broken(code) = ending {
            let _ = timeout(PARTING, self.ws.send(close_frame(Some(code.into()), ""))).await;
        }
        let mut stream = self.ws.into_inner();
        let _ = stream.shutdown().await;
        let drain = async {
            let mut rest = [0; READ_BUFFER];
            while matches!(stream.read(&mut rest).await, Ok(1..)) {}
        };
        let _ = timeout(PARTING, drain).await;
    }

    fn queue(&mut self, message: tungstenite::Message) {
        if !self.closing {
            self.bytes += cost(&message);
            self.waiting.push_back(message);
        }
    }

    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<Turn> {
        let was_drained = self.drained();
        if let Poll::Ready(Err(error)) = self.poll_write(context) {
            return Poll::Ready(Turn::Ended(ending(&error)));
        }
        // Reading comes before the news that all is written: a client that reads as fast as it is written to
        // must still be heard.
        if self.bytes <= self.limit
            && let Poll::Ready(turn) = self.poll_read(context)
        {
            return Poll::Ready(turn);
        }
        if self.drained() && !was_drained { Poll::Ready(Turn::Drained) } else { Poll::Pending }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while !self.waiting.is_empty() {
            std::task::ready!(Pin::new(&mut self.ws).poll_ready(context))?;
            let Some(message) = self.waiting.pop_front() else { break };
            self.bytes -= cost(&message);
            self.dirty = true;
            Pin::new(&mut self.ws).start_send(message)?;
        }
        if self.dirty {
            std::task::ready!(Pin::new(&mut self.ws).poll_flush(context))?;
            self.dirty = false;
        }
        Poll::Ready(Ok(()))
    }

    fn poll_read(&mut self, context: &mut Context<'_>) -> Poll<Turn> {
        loop {
            let turn = match std::task::ready!(Pin::new(&mut self.ws).poll_next(context)) {
                Some(Ok(tungstenite::Message::Text(text))) => Turn::Data(Message::Text(text)),
                Some(Ok(tungstenite::Message::Binary(bytes))) => Turn::Data(Message::Binary(bytes)),
                Some(Ok(tungstenite::Message::Pong(_))) => Turn::Pong,
                Some(Ok(tungstenite::Message::Close(_))) => {
                    // tungstenite answers on the next read; nothing of ours may come after that.
                    self.waiting.clear();
                    self.bytes = 0;
                    self.dirty = false;
                    self.closing = true;
                    continue;
                }
                // It answers pings as well.
                Some(Ok(_)) => continue,
                Some(Err(error)) => Turn::Ended(ending(&error)),
                None => Turn::Ended(Ending::Closed),
            };
            return Poll::Ready(turn);
        }
    }
}

fn close_frame(code: Option<u16>, reason: &str) -> tungstenite::Message {
    tungstenite::Message::Close(
        code.map(|code| CloseFrame { code: code.into(), reason: Utf8Bytes::from(reason) }),
    )
}

/// RFC 6455 §7.4.1 has a code for each way of breaking the rules.
fn ending(error: &Error) -> Ending {
    match error {
        Error::ConnectionClosed | Error::AlreadyClosed => Ending::Closed,
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ending::Gone,
        Error::Protocol(_) => Ending::Broken(CloseCode::Protocol),
        Error::Utf8(_) => Ending::Broken(CloseCode::Invalid),
        Error::Capacity(_) => Ending::Broken(CloseCode::Size),
        _ => Ending::Gone,
    }
}
