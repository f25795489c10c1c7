//! Faults: what a mock does wrong on purpose, each at its layer and decided by the seed.
//!
//! ```text
//! handshake   before the answer to an upgrade      refuse delay never-answer bad-accept extension
//! course      between the peer and the link        latency stall close drop duplicate broken frames …
//! shape       on the bytes of the connection       bandwidth no-pong
//! ```
//!
//! `parse` reads them; a [`Switch`] holds those of a running server and can exchange them. The same seed, faults
//! and order of connections give the same faults, for everything that is counted and not timed.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use fastrand::Rng;
use tokio::sync::watch;

use crate::provider::Settings;

mod course;
pub(crate) mod frames;
mod handshake;
mod parse;
mod shape;

pub(super) use course::Course;
pub(super) use handshake::UpgradeReply;
pub use parse::GRAMMAR;
pub(super) use shape::{Part, Shape, Shaper};

/// One fault, as `--fault` takes it. [`GRAMMAR`] says how it is written.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    text: String,
    kind: FaultKind,
    /// Only on this many connections, counted from when the fault was set.
    first: Option<u64>,
}

impl Fault {
    /// Everything that a fault can be: the words that [`GRAMMAR`] explains.
    pub fn names() -> impl Iterator<Item = &'static str> {
        parse::names()
    }
}

impl FromStr for Fault {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse::fault(text)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[derive(Clone, Debug, PartialEq)]
enum FaultKind {
    /// Instead of, or in, the answer to an upgrade; with this probability.
    Door(Door, f64),
    /// All the time.
    Manner(Manner),
    /// Once, or again and again by chance.
    Act(Act, When),
}

#[derive(Clone, Debug, PartialEq)]
enum Door {
    Refuse { status: u16, headers: Vec<(String, String)>, body: String },
    Delay(Lag),
    NeverAnswer,
    BadAccept,
    Extension(String),
}

#[derive(Clone, Debug, PartialEq)]
enum Manner {
    Latency(Lag),
    /// Bytes per second.
    Bandwidth(u64),
    NoPong,
    NoHeartbeat,
    /// The longest payload of a frame.
    Fragment(usize),
    Duplicate(f64),
    Reorder(f64),
}

#[derive(Clone, Debug, PartialEq)]
enum Act {
    /// No more messages, for this long or for good.
    Stall(Option<Duration>),
    Close(Option<u16>, String),
    CloseNoHandshake(Option<u16>, String),
    Drop,
    Reset,
    HalfOpen,
    Truncate,
    Frame(Broken),
    /// A small compressed message that becomes so many bytes.
    Bomb(u64),
}

/// A frame, or the content of one, that no server may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Broken {
    Json,
    Utf8,
    Masked,
    OversizedControl,
    FragmentedControl,
    Opcode,
    Rsv,
    RsvContinuation,
    RsvControl,
    Deflate,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum When {
    /// After so many messages.
    After(u64),
    /// After this time on the connection.
    At(Duration),
    /// After any message, with this probability.
    Chance(f64),
}

/// A time with something added or taken by chance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lag {
    base: Duration,
    jitter: Duration,
}

impl Lag {
    fn draw(self, rng: &mut Rng) -> Duration {
        let swing = self.jitter.mul_f64(2.0 * rng.f64());
        (self.base + swing).saturating_sub(self.jitter)
    }
}

/// Faults that are set together.
#[derive(Debug, Default)]
pub struct Faults {
    list: Vec<Fault>,
    /// Connections that asked to be upgraded since then.
    entered: AtomicU64,
}

impl Faults {
    /// Faults that count connections from now on.
    #[must_use]
    pub fn new(list: Vec<Fault>) -> Self {
        Self { list, entered: AtomicU64::new(0) }
    }

    /// Reads faults as `--fault` takes them.
    ///
    /// # Errors
    /// What is wrong with the first that is wrong, and what would be right.
    pub fn parse(texts: &[String]) -> Result<Self, String> {
        texts.iter().map(|text| text.parse()).collect::<Result<_, _>>().map(Self::new)
    }

    /// The faults, as they were written.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        self.list.iter().map(|fault| fault.text.as_str())
    }
}

/// The faults of a running server.
#[derive(Debug)]
pub struct Switch {
    current: watch::Sender<Arc<Faults>>,
    seed: u64,
    time_scale: f64,
    connections: AtomicU64,
}

impl Switch {
    pub(super) fn new(faults: Vec<Fault>, settings: &Settings) -> Self {
        Self {
            current: watch::Sender::new(Arc::new(Faults::new(faults))),
            seed: settings.seed,
            time_scale: settings.time_scale,
            connections: AtomicU64::new(0),
        }
    }

    /// Exchanges the faults, for new connections and for those that are open. On the latter, messages and time
    /// count from now, so a fault without `@` happens at once.
    pub fn set(&self, faults: Faults) {
        self.current.send_replace(Arc::new(faults));
    }

    /// The faults that are set.
    #[must_use]
    pub fn current(&self) -> Arc<Faults> {
        Arc::clone(&self.current.borrow())
    }

    /// The next connection that is to be upgraded, with faults of its own beside the server's.
    pub(super) fn enter(&self, own: Option<Arc<Faults>>) -> ConnFaults {
        let number = self.connections.fetch_add(1, Ordering::Relaxed) + 1;
        let mut updates = self.current.subscribe();
        let current = Arc::clone(&updates.borrow_and_update());
        ConnFaults {
            server: FaultedConn::new(current),
            own: own.map(FaultedConn::new),
            updates,
            seed: mix(self.seed, number),
            time_scale: self.time_scale,
        }
    }
}

/// One connection as the faults know it.
#[derive(Debug)]
pub(super) struct ConnFaults {
    server: FaultedConn,
    own: Option<FaultedConn>,
    updates: watch::Receiver<Arc<Faults>>,
    seed: u64,
    time_scale: f64,
}

/// A connection among those that the same faults were set for.
#[derive(Debug)]
struct FaultedConn {
    faults: Arc<Faults>,
    ordinal: u64,
}

impl FaultedConn {
    fn new(faults: Arc<Faults>) -> Self {
        let ordinal = faults.entered.fetch_add(1, Ordering::Relaxed) + 1;
        Self { faults, ordinal }
    }

    fn kinds(&self) -> impl Iterator<Item = &FaultKind> {
        let met = |fault: &&Fault| fault.first.is_none_or(|first| self.ordinal <= first);
        self.faults.list.iter().filter(met).map(|fault| &fault.kind)
    }
}

impl ConnFaults {
    /// The faults that this connection meets.
    fn kinds(&self) -> impl Iterator<Item = &FaultKind> {
        self.server.kinds().chain(self.own.iter().flat_map(FaultedConn::kinds))
    }

    /// Is compression declined, since a fault needs that? With it, a frame with RSV1 is right.
    pub(super) fn declines_compression(&self) -> bool {
        self.kinds().any(|kind| {
            matches!(
                kind,
                FaultKind::Door(Door::Extension(_), _) | FaultKind::Act(Act::Frame(Broken::Rsv), _)
            )
        })
    }

    fn scaled(&self, time: Duration) -> Duration {
        time.div_f64(self.time_scale)
    }

    /// Takes over what the faults have been exchanged for. The connection is not one of the first any more.
    fn update(&mut self) {
        let faults = Arc::clone(&self.updates.borrow_and_update());
        self.server = FaultedConn { faults, ordinal: u64::MAX };
        self.own = None;
    }
}

/// A seed of its own for each connection; neighbours must not look alike.
pub(super) fn mix(seed: u64, number: u64) -> u64 {
    Rng::with_seed(seed ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15)).u64(..)
}

#[cfg(test)]
mod tests;
