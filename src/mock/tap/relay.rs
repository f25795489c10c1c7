//! Bytes on their way between a client and its upstream, both ways at once. What is told of them is told after they have
//! been passed on.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::io;
use std::mem::MaybeUninit;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, ReadBuf};
use tokio::time::timeout;

use super::outlet::Outlet;
use super::way::{RelayEvent, Way};
use crate::event::Direction;
use crate::frames::RawWrite;
use crate::mock::ClientRegistry;
use crate::mock::wire::Wire;
use crate::net::Tap;
use crate::provider::Conn;
use crate::provider::budget::Use;

/// How much is read at once.
const READ: usize = 32 << 10;

/// How long an end has to take the last bytes.
const PARTING: Duration = Duration::from_secs(3);

/// A client and its upstream.
pub(super) struct Relay {
    client: Wire,
    upstream: Tap,
    /// From the client to the upstream.
    pub(super) up: Way,
    /// From the upstream to the client.
    pub(super) down: Way,
    events: VecDeque<RelayEvent>,
    conn: Arc<Conn>,
    registry: Arc<ClientRegistry>,
    /// Bytes that were counted last.
    counted: usize,
    was_drained: bool,
}

/// What a turn ended with.
#[derive(Debug)]
pub(super) enum RelayTurn {
    /// There are events to take.
    Events,
    /// A message may begin in the direction of the client, as was asked for.
    Between,
    /// All that was to be written to the client has been.
    Drained,
    /// Both directions are over.
    Over,
    /// An end has gone without ending its side: the client, if that is `Out`.
    Lost(Direction, io::Error),
}

impl Relay {
    pub(super) fn new(
        (client, upstream): (Wire, Tap),
        (up, down): (Way, Way),
        (conn, registry): (&Arc<Conn>, &Arc<ClientRegistry>),
    ) -> Self {
        Self {
            client,
            upstream,
            up,
            down,
            events: VecDeque::new(),
            conn: Arc::clone(conn),
            registry: Arc::clone(registry),
            counted: 0,
            was_drained: true,
        }
    }

    /// Takes in what was read of the client before.
    pub(super) fn begin(&mut self, tail: &[u8]) {
        self.up.read(tail, &mut self.down.out, &mut self.events);
    }

    pub(super) fn client(&mut self) -> &mut Wire {
        &mut self.client
    }

    /// What has happened, in order.
    pub(super) fn take_events(&mut self) -> VecDeque<RelayEvent> {
        std::mem::take(&mut self.events)
    }

    /// Waits for something to happen, passing on what comes meanwhile. Dropping the future loses nothing.
    pub(super) async fn turn(&mut self) -> RelayTurn {
        poll_fn(|context| self.poll_turn(context)).await
    }

    fn poll_turn(&mut self, context: &mut Context<'_>) -> Poll<RelayTurn> {
        loop {
            let Self { client, upstream, up, down, events, .. } = self;
            let is_idle = events.is_empty();
            let upwards =
                poll_way(up, (&mut *client, &mut *upstream), &mut down.out, events, is_idle, context);
            let downwards = poll_way(down, (upstream, client), &mut up.out, events, is_idle, context);
            // What one direction has to answer in the other is written at once.
            let answered = self.up.out.poll_write(&mut self.upstream, context);
            let written = self.down.out.poll_write(&mut self.client, context);
            self.count();
            if !self.events.is_empty() {
                return Poll::Ready(RelayTurn::Events);
            }
            let moved = match (upwards, downwards, answered, written) {
                (Err(error), ..) | (.., Poll::Ready(Err(error))) => {
                    return Poll::Ready(RelayTurn::Lost(Direction::Out, error));
                }
                (_, Err(error), ..) | (_, _, Poll::Ready(Err(error)), _) => {
                    return Poll::Ready(RelayTurn::Lost(Direction::In, error));
                }
                (Ok(upwards), Ok(downwards), ..) => upwards || downwards,
            };
            if self.up.out.is_shut() && self.down.out.is_shut() {
                return Poll::Ready(RelayTurn::Over);
            }
            if self.down.has_stopped() {
                return Poll::Ready(RelayTurn::Between);
            }
            let is_drained = self.down.out.is_drained();
            if std::mem::replace(&mut self.was_drained, is_drained) != is_drained && is_drained {
                return Poll::Ready(RelayTurn::Drained);
            }
            if !moved {
                return Poll::Pending;
            }
        }
    }

    /// Has the client been written all there is? If not, a turn ends once it has.
    pub(super) fn is_drained(&mut self) -> bool {
        self.was_drained = self.down.out.is_drained();
        self.was_drained
    }

    /// Counts what has passed and what is kept.
    fn count(&mut self) {
        let (messages, bytes) = self.up.take_tally();
        if bytes + messages > 0 {
            self.registry.count_received(&self.conn, messages, bytes);
        }
        let (messages, bytes) = self.down.take_tally();
        // What is put together is counted when it is sent.
        if bytes + messages > 0 && !self.down.is_whole() {
            self.registry.count_sent(&self.conn, messages, bytes);
        }
        // Reading counts by itself; what is kept of it is here.
        self.client.taken(usize::MAX);
        let bytes = self.up.bytes() + self.down.bytes();
        if bytes != self.counted {
            self.counted = bytes;
            self.conn.share.set(Use::Outgoing, bytes);
        }
    }

    /// Waits until the client has been written all there is, or does not take it.
    pub(super) async fn drain(&mut self) {
        let (out, client) = (&mut self.down.out, &mut self.client);
        let written = poll_fn(|context| out.poll_write(client, context));
        let _ = timeout(PARTING, written).await;
    }

    /// Waits until the client has said its last byte, without reading what came before it.
    pub(super) async fn left(&mut self) {
        self.client.left().await;
    }

    /// Ends both connections in order, and lets the client read what it was sent.
    pub(super) async fn part(self) {
        let Self { mut client, mut upstream, mut up, mut down, .. } = self;
        let farewell = async {
            up.out.end();
            let _ = timeout(PARTING, poll_fn(|context| up.out.poll_write(&mut upstream, context))).await;
        };
        let parting = async {
            down.out.end();
            let _ = timeout(PARTING, poll_fn(|context| down.out.poll_write(&mut client, context))).await;
            // Closing a socket with unread bytes in it resets the connection, and the reset can overtake what was sent.
            let drain = async {
                let mut rest = [0; 4096];
                while matches!(client.read(&mut rest).await, Ok(1..)) {}
            };
            let _ = timeout(PARTING, drain).await;
        };
        tokio::join!(farewell, parting);
    }

    /// Ends the client's connection with an RST.
    pub(super) fn reset(self) {
        self.client.reset();
    }
}

/// Moves what there is in one direction. `true`: something was read, and there may be more. The error is that of the
/// end where the bytes come from.
fn poll_way<R: AsyncRead + Unpin, W: RawWrite>(
    way: &mut Way,
    (source, sink): (&mut R, &mut W),
    back: &mut Outlet,
    events: &mut VecDeque<RelayEvent>,
    may_read: bool,
    context: &mut Context<'_>,
) -> io::Result<bool> {
    // Errors of the sink are found again by whoever asks next.
    let _ = way.out.poll_write(sink, context);
    if !may_read || way.is_held() {
        return Ok(false);
    }
    if way.go_on(back, events) {
        return Ok(true);
    }
    if way.has_stopped() {
        return Ok(false);
    }
    let mut space = [MaybeUninit::uninit(); READ];
    let mut buffer = ReadBuf::uninit(&mut space);
    match Pin::new(source).poll_read(context, &mut buffer) {
        Poll::Pending => return Ok(false),
        // Many end TCP without the end of TLS.
        Poll::Ready(Err(error)) if error.kind() == io::ErrorKind::UnexpectedEof => {}
        Poll::Ready(Err(error)) => return Err(error),
        Poll::Ready(Ok(())) => {}
    }
    if buffer.filled().is_empty() {
        way.end(events);
        return Ok(false);
    }
    way.read(buffer.filled(), back, events);
    let _ = way.out.poll_write(sink, context);
    Ok(true)
}
