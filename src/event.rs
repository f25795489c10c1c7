//! What happens in a session, in the order in which it happened: the currency between session and pipeline.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use crate::message::Message;

/// One thing that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// When it reached the session.
    pub at: Timestamp,
    /// The connection it belongs to, counted from 1; 0 before the first one.
    pub conn: u32,
    /// What it is.
    pub kind: Kind,
}

/// The kinds of event. All but [`Kind::Message`] are rare, and boxed where they are large.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A data message, in or out.
    Message {
        /// Which way it went.
        dir: Direction,
        /// Number of the message in its direction, over all connections, from 1.
        seq: u64,
        /// The message.
        message: Message,
        /// What it is to whoever reads standard output.
        role: Role,
    },
    /// A connection is open.
    Open(Box<Open>),
    /// A ping was sent or received (RFC 6455 §5.5.2).
    Ping(Direction, Bytes),
    /// A pong was received; with the round trip time where it answers a ping of ours.
    Pong(Bytes, Option<Duration>),
    /// A connection ended.
    Close(Box<Close>),
    /// A new attempt to connect is planned.
    Reconnect(Box<Reconnect>),
    /// There was no connection for a while: what the provider sent meanwhile is lost unless it can replay. Or the
    /// output was not taken, and what waited for it was dropped.
    Gap(Box<Gap>),
    /// The provider confirmed a subscription, or its end.
    Subscribed {
        /// `subscribe` or `unsubscribe`.
        action: String,
        /// The topics that were confirmed.
        topics: Vec<String>,
    },
    /// Something went wrong that the session goes on from, or ends with.
    Error {
        /// A stable word for the kind of error.
        what: &'static str,
        /// The text for people.
        text: String,
    },
    /// The session is over.
    Summary(Box<Summary>),
    /// What was made of messages, as a JSON text: it is data, and no recording has it, since it can be made again.
    Derived(String),
    /// A record of an earlier session: the line itself, as it was written then.
    Recorded(String),
}

/// What a message is to whoever reads standard output. Records have them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Data.
    Data,
    /// The provider's own bookkeeping: an acknowledgement, say, or a heartbeat.
    Bookkeeping,
    /// An event that has come before.
    Duplicate,
}

/// The way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From the peer to us.
    In,
    /// From us to the peer.
    Out,
}

impl Direction {
    /// The word used in records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::In => "in",
            Self::Out => "out",
        }
    }
}

/// What is told about a connection that opened. Secrets are masked.
#[derive(Clone, Debug, Default)]
pub struct Open {
    /// The URL.
    pub url: String,
    /// The address connected to.
    pub remote: Option<String>,
    /// The subprotocol chosen by the server.
    pub subprotocol: Option<String>,
    /// The extension for compression as it was agreed on, with its parameters.
    pub compression: Option<String>,
    /// TLS version, where there is TLS.
    pub tls: Option<String>,
    /// The phases with their durations, in order.
    pub phases: Vec<(&'static str, Duration)>,
}

/// How a connection ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Close {
    /// Who started it: `peer`, `us`, or `network` when there was no close frame.
    pub by: &'static str,
    /// The close code; 1005 for an empty close frame, 1006 for none (RFC 6455 §7.1.5).
    pub code: u16,
    /// The reason from the close frame, or the error.
    pub reason: String,
    /// Were close frames exchanged in both directions?
    pub clean: bool,
}

/// A planned attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reconnect {
    /// How many attempts have been made in a row, this one included.
    pub attempt: u32,
    /// The time until then.
    pub delay: Duration,
    /// Why the last connection or attempt ended.
    pub cause: String,
}

/// A time without connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gap {
    /// When the last connection was lost. If that was an earlier session's: when the file of lines was last written to.
    pub from: Timestamp,
    /// When the next was open.
    pub to: Timestamp,
    /// The provider's id of the last event before, or its cursor, where it has one.
    pub last_id: Option<String>,
    /// Was the provider asked to send what was missed?
    pub replayed: bool,
    /// Else, what a person can do to catch up, where the provider offers something.
    pub catch_up: Option<String>,
    /// So many messages were dropped because the output was not taken. Then the connection was there, and the
    /// times are those of the first and the last of them.
    pub dropped: u64,
}

/// Bytes that went over the wire, compressed and with the heads of frames; TLS and HTTP do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WireBytes {
    /// Received.
    pub bytes_in: u64,
    /// Sent.
    pub bytes_out: u64,
}

/// The account of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// What ended it, a stable word such as `count` or `closed`.
    pub reason: &'static str,
    /// The exit status.
    pub exit: u8,
    /// How the last connection ended, if there was one.
    pub close: Option<Close>,
    /// Connections that were open.
    pub connections: u32,
    /// Those of them that followed another to the same place.
    pub reconnects: u32,
    /// Messages received and sent.
    pub received: u64,
    /// Messages sent.
    pub sent: u64,
    /// Events that had come before.
    pub duplicates: u64,
    /// Messages that were dropped because the output was not taken.
    pub dropped: u64,
    /// Lines written to standard output.
    pub lines: u64,
    /// Payload bytes of the messages received.
    pub bytes_in: u64,
    /// Payload bytes of the messages sent.
    pub bytes_out: u64,
    /// The compression of the last connection.
    pub compression: Option<String>,
    /// Bytes of the frames that went over the wire.
    pub wire: WireBytes,
    /// Run-time errors of jq programs.
    pub filter_errors: u64,
    /// From start to end.
    pub duration: Duration,
}
