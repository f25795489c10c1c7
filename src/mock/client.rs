//! One client's connection from its upgrade to its end.

use std::time::Duration;

use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until, timeout};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use super::link::{Ending, Link, Turn};
use super::pace::Pace;
use super::{Keepalive, Peer, Then, stopped};

/// How long a client has to answer a close frame.
const CLOSING: Duration = Duration::from_secs(3);

/// Speaks with a client until one of the two ends it, or the server stops.
pub(super) async fn converse(
    stream: TcpStream,
    tail: Vec<u8>,
    peer: Box<dyn Peer>,
    (pace, then): (Pace, Then),
    mut stop: watch::Receiver<bool>,
) {
    let link = Link::new(stream, tail, peer.limits()).await;
    let alive = peer.keepalive().map(Alive::new);
    let mut conversation = Conversation { link, peer, pace, then, alive };
    let ending = loop {
        if conversation.send_due() {
            break conversation.say_goodbye(CloseCode::Normal, "").await;
        }
        tokio::select! {
            turn = conversation.next() => match turn {
                Wake::Turn(Turn::Ended(ending)) => break ending,
                Wake::Turn(turn) => conversation.heard(turn),
                Wake::Time => if conversation.lost() { break Ending::Gone },
            },
            () = stopped(&mut stop) => {
                break conversation.say_goodbye(CloseCode::Away, "the mock server stops").await;
            }
        }
    };
    conversation.link.leave(ending).await;
}

struct Conversation {
    link: Link,
    peer: Box<dyn Peer>,
    pace: Pace,
    then: Then,
    alive: Option<Alive>,
}

/// The keep-alive of a connection.
struct Alive {
    rule: Keepalive,
    next_ping: Instant,
    last_pong: Instant,
}

enum Wake {
    Turn(Turn),
    Time,
}

impl Conversation {
    /// Hands over the events that are due; true if the connection is to be closed after them. Nothing is made
    /// while the client has yet to take what was made before, so a slow client costs a batch and no more.
    fn send_due(&mut self) -> bool {
        if !self.link.drained() {
            return false;
        }
        let mut made = 0;
        for _ in 0..self.pace.due(Instant::now()) {
            let Some(event) = self.peer.next_event() else {
                self.pace.pause();
                break;
            };
            self.link.send(event);
            made += 1;
        }
        self.pace.sent(made);
        self.pace.finished() && self.then == Then::Close
    }

    /// Waits for the client or the clock. The clock only matters for events once all is written.
    async fn next(&mut self) -> Wake {
        let event = self.pace.next_at().filter(|_| self.link.drained());
        let ping = self.alive.as_ref().map(Alive::next_at);
        let wake = event.into_iter().chain(ping).min();
        tokio::select! {
            turn = self.link.turn() => Wake::Turn(turn),
            () = sleep_until(wake.unwrap_or_else(Instant::now)), if wake.is_some() => Wake::Time,
        }
    }

    fn heard(&mut self, turn: Turn) {
        match turn {
            Turn::Data(message) => {
                for answer in self.peer.received(message) {
                    self.link.send(answer);
                }
            }
            Turn::Pong => {
                if let Some(alive) = &mut self.alive {
                    alive.last_pong = Instant::now();
                }
            }
            Turn::Drained | Turn::Ended(_) => {}
        }
    }

    /// Pings if it is time to; true if the client has not answered for too long.
    fn lost(&mut self) -> bool {
        let Some(alive) = &mut self.alive else { return false };
        let now = Instant::now();
        if now - alive.last_pong >= alive.rule.patience {
            return true;
        }
        if now >= alive.next_ping {
            alive.next_ping = now + alive.rule.every;
            self.link.ping();
        }
        false
    }

    async fn say_goodbye(&mut self, code: CloseCode, reason: &'static str) -> Ending {
        self.link.close(code, reason);
        let closed = async {
            loop {
                if let Turn::Ended(ending) = self.link.turn().await {
                    break ending;
                }
            }
        };
        timeout(CLOSING, closed).await.unwrap_or(Ending::Gone)
    }
}

impl Alive {
    fn new(rule: Keepalive) -> Self {
        let now = Instant::now();
        Self { rule, next_ping: now + rule.every, last_pong: now }
    }

    fn next_at(&self) -> Instant {
        self.next_ping.min(self.last_pong + self.rule.patience)
    }
}
