//! The contract between the mock server and the providers whose servers it plays: what a provider's mock half has to
//! answer, and what it is given to do so. The server (`mock`) knows no provider, and a provider (`dialect`) knows
//! nothing of the server but this.
//!
//! A [`Service`] decides on a request, and a [`Peer`] on what a message means and what happens next. What several
//! connections share comes from a [`Stream`], is published through a [`Hub`] and reaches a client by the mailbox of
//! its [`Conn`].

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::time::Instant;

use crate::handshake::server::{Request, Response};
use crate::limits;
use crate::message::Message;

mod batch;
pub(crate) mod budget;
pub(crate) mod conn;
mod hub;
mod say;
mod settings;

pub use batch::EventBatch;
pub use conn::{Conn, OutboxOverflow, Unread};
pub use hub::{Hub, Member};
pub use say::{Cut, Say};
pub use settings::{ANY_TOKEN, Behave, CampaignOutcome, Rate, Settings, Then, matches_glob};

/// A provider with the name of its dialect.
pub type Named = (&'static str, &'static dyn Provider);

/// The mock half of a dialect. Whatever it makes has no I/O and no tasks: it answers questions, and `client`
/// does the waiting.
pub trait Provider: Sync {
    /// The paths that exist, for the person who asked for another one.
    fn paths(&self) -> &'static [&'static str];

    /// A path to connect to, with a credential in it if one is given.
    fn target(&self, token: Option<&str>) -> String;

    /// What it is, for people.
    fn about(&self) -> &'static str;

    /// Is it served whatever was asked for, beside the others?
    fn is_always_served(&self) -> bool {
        false
    }

    /// What all connections to one mock server share.
    fn service(&self, settings: &Arc<Settings>) -> Arc<dyn Service>;
}

impl fmt::Debug for dyn Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider").field("paths", &self.paths()).finish_non_exhaustive()
    }
}

/// The mock half of a dialect in one running server.
pub trait Service: Send + Sync {
    /// What to do with a request; `None` if its path belongs to another.
    fn answer(&self, request: &Request) -> Option<Answer>;

    /// What to do with a request for the base of all URLs, on a server with several providers.
    fn answer_bare(&self, request: &Request) -> Option<Answer> {
        let _ = request;
        None
    }

    /// Sends an event that somebody made up to whoever is subscribed to it, spelled as it is, and says to how many
    /// that was. `None`: it is no event of this provider's.
    fn push(&self, event: &RawValue) -> Option<usize> {
        let _ = event;
        None
    }

    /// The events that all connections share, if there are any.
    fn stream(&self) -> Option<&dyn Stream> {
        None
    }

    /// Does something that no client can ask for, or tells what was seen. `None`: there is no such command, or
    /// its argument is about nothing that exists. Which commands there are, the provider's mock says.
    fn command(&self, name: &str, argument: &str) -> Option<serde_json::Value> {
        let _ = (name, argument);
        None
    }

    /// Announces to all clients that their connections are about to end, as the provider does before it takes a
    /// server out of service. `false`: it announces no such thing.
    fn drain(&self) -> bool {
        self.command("drain", "").is_some()
    }
}

/// What to do with a request.
pub enum Answer {
    /// Answer it.
    Http(Response),
    /// Upgrade it, if it is a proper opening handshake.
    Upgrade {
        /// The subprotocol to choose.
        protocol: Option<String>,
        /// The server's end of the conversation.
        peer: Box<dyn Peer>,
    },
}

/// The source of shared events.
pub trait Stream: Send + Sync {
    /// Makes the next event and publishes it. `false`: there is nothing to make as long as nobody else joins.
    fn step(&self) -> bool;

    /// Makes so many events, or fewer, and publishes them. A source whose events all go to the same clients overrides
    /// this and publishes them as a batch. Returns how many it made; 0: there is nothing to make as long as nobody else
    /// joins.
    fn steps(&self, most: u64) -> u64 {
        (0..most).take_while(|_| self.step()).count() as u64
    }

    /// How many times as fast as `--rate` says the events come, for streams whose events have a time of their own.
    fn haste(&self) -> f64 {
        1.0
    }

    /// Those who listen.
    fn hub(&self) -> &Hub;
}

/// The server's end of one connection. Dropping it ends what it is subscribed to.
pub trait Peer: Send {
    /// The bounds of this connection.
    fn limits(&self) -> ConnLimits {
        ConnLimits::default()
    }

    /// Headers of the answer to the upgrade, besides those that every one has.
    fn headers(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// How the connection is kept alive, if the server does that; in the provider's own time.
    fn keepalive(&self) -> Option<ServerPings> {
        None
    }

    /// How often [`Peer::heartbeat`] is to be asked, if ever; in the provider's own time.
    fn heartbeat_every(&self) -> Option<Duration> {
        None
    }

    /// The connection is open: what the server says first. The mailbox of `conn` reaches this client from now
    /// on, after what is said here.
    fn opened(&mut self, conn: &Arc<Conn>) -> Vec<Say> {
        let _ = conn;
        Vec::new()
    }

    /// The answers to a message.
    fn received(&mut self, message: Message) -> Vec<Say> {
        let _ = message;
        Vec::new()
    }

    /// What keeps the connection alive, for servers that do it with messages.
    fn heartbeat(&mut self) -> Vec<Say> {
        Vec::new()
    }

    /// The next event for this client alone; `None` as long as there is nothing that it asked for. Events come
    /// one after the other, without regard to the time of day: when they are sent is the pace's business.
    fn next_event(&mut self) -> Option<Message> {
        None
    }

    /// When [`Peer::due`] is to be asked, for a server's end with a timetable of its own; `None` as long as nothing
    /// is planned.
    fn due_at(&self) -> Option<Instant> {
        None
    }

    /// What the timetable says now.
    fn due(&mut self) -> Vec<Say> {
        Vec::new()
    }
}

/// The bounds of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnLimits {
    /// The longest message that is accepted, in bytes.
    pub message: usize,
    /// Answers that may wait to be written, in bytes, before the client is not listened to any more.
    pub waiting: usize,
    /// What may wait in its mailbox.
    pub unread: Unread,
}

impl Default for ConnLimits {
    fn default() -> Self {
        Self { message: 1 << 20, waiting: limits::MOCK_ANSWERS, unread: Unread::default() }
    }
}

/// A server's pings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ServerPings {
    /// How often it pings.
    pub every: Duration,
    /// How long it lives without a pong before it drops the connection, without a close frame.
    pub patience: Duration,
}
