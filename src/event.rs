//! What happens in a session, in the order in which it happened: the currency between session and pipeline.

use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;

use crate::codec::StepFailure;
use crate::message::Message;
use crate::text::counted;

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

impl Event {
    /// About the bytes that it takes in memory, with all that it holds.
    #[must_use]
    pub fn cost(&self) -> usize {
        size_of::<Self>() + self.kind.held()
    }
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
        message: Message,
        /// What it is to whoever reads standard output.
        role: Role,
        /// Which part it is, if it came as a part of a message.
        part: Option<MessagePart>,
    },
    /// A message came that could not be read. Its record is an error, with the bytes as they came.
    Unreadable(Box<Unreadable>),
    /// A connection is open.
    Open(Box<ConnectionInfo>),
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

impl Kind {
    /// About the bytes that it holds outside of itself.
    fn held(&self) -> usize {
        let texts = |texts: &[Option<&String>]| texts.iter().flatten().map(|text| text.len()).sum::<usize>();
        match self {
            Self::Message { message, .. } => message.len(),
            Self::Ping(_, payload) | Self::Pong(payload, _) => payload.len(),
            Self::Open(open) => {
                size_of::<ConnectionInfo>()
                    + texts(&[Some(&open.url), open.remote.as_ref(), open.subprotocol.as_ref()])
            }
            Self::Close(close) => size_of::<Close>() + close.reason.len(),
            Self::Reconnect(reconnect) => size_of::<Reconnect>() + reconnect.cause.len(),
            Self::Gap(gap) => {
                let stream = gap.missing.as_ref().map(|missing| &missing.stream);
                size_of::<Gap>()
                    + texts(&[
                        gap.last_id.as_ref(),
                        gap.catch_up.as_ref(),
                        gap.taken_over_from.as_ref(),
                        stream,
                    ])
            }
            Self::Subscribed { action, topics } => {
                action.len() + topics.iter().map(|topic| topic.len() + size_of::<String>()).sum::<usize>()
            }
            Self::Error { text, .. } | Self::Derived(text) | Self::Recorded(text) => text.len(),
            Self::Unreadable(message) => size_of::<Unreadable>() + message.bytes.len() + message.text.len(),
            Self::Summary(_) => size_of::<Summary>(),
        }
    }
}

/// What a message is to whoever reads standard output. Records have them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    Data,
    /// The provider's own bookkeeping: an acknowledgement, say, or a heartbeat.
    Bookkeeping,
    /// An event that has come before.
    Duplicate,
}

/// What there is to know about an event. Nothing, where the provider neither replays nor wants to be answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Its id, by which it is known when it comes again, and acknowledged.
    pub id: Option<String>,
    /// Where to go on from after this event.
    pub cursor: Option<String>,
}

/// One of the messages that another was made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessagePart {
    /// Counted from 1.
    pub number: u32,
    /// No other follows.
    pub last: bool,
}

/// A message that could not be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// Its number among the messages received.
    pub seq: u64,
    /// A stable word for the reason.
    pub what: &'static str,
    /// The reason, for people.
    pub text: String,
    /// The first byte that is not as it should be.
    pub at: usize,
    /// `text` or `binary`.
    pub opcode: &'static str,
    /// The message.
    pub bytes: Bytes,
}

/// How many messages that could not be decoded people are told of; the rest is only counted.
const SHOWN_ERRORS: u64 = 5;

impl Unreadable {
    /// A message that a step could not read.
    #[must_use]
    pub fn undecoded(seq: u64, unread: &StepFailure, message: Message) -> Self {
        let text = format!("cannot decode message {seq}: {unread}");
        let (at, opcode) = (unread.error.at, message.opcode());
        Self { seq, what: "decode", text, at, opcode, bytes: message.into_bytes() }
    }

    /// What people are told of it, as the `number`th of its kind.
    #[must_use]
    pub fn notice(&self, number: u64) -> Option<String> {
        match number {
            SHOWN_ERRORS => Some(format!("{} (further errors are counted, not shown)", self.text)),
            number => (number < SHOWN_ERRORS).then(|| self.text.clone()),
        }
    }
}

impl MessagePart {
    /// Numbers the parts of a message.
    pub fn number(parts: Vec<Message>) -> impl Iterator<Item = (Self, Message)> {
        let last = parts.len();
        parts
            .into_iter()
            .zip(1..)
            .map(move |(message, number)| (Self { number, last: number as usize == last }, message))
    }

    /// The part that one of `most` events is, which were made of a message or of this part of it.
    #[must_use]
    pub fn of_event(number: u32, most: usize, part: Option<Self>) -> Option<Self> {
        let last = number as usize == most && part.is_none_or(|part| part.last);
        if most > 1 { Some(Self { number, last }) } else { part }
    }
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
pub struct ConnectionInfo {
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
    /// The process of the group that had the topics before, if it was another (`--share`).
    pub taken_over_from: Option<String>,
    /// So many messages were dropped because the output was not taken. Then the connection was there, and the
    /// times are those of the first and the last of them.
    pub dropped: u64,
    /// Or these numbers of a numbered stream are missing. Then, too, the connection was there.
    pub missing: Option<MissingNumbers>,
}

impl Gap {
    /// The time between these, of which nothing else is known.
    #[must_use]
    pub fn between(from: Timestamp, to: Timestamp) -> Self {
        Self {
            from,
            to,
            last_id: None,
            replayed: false,
            catch_up: None,
            taken_over_from: None,
            dropped: 0,
            missing: None,
        }
    }
}

/// Numbers that were left out in a numbered stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingNumbers {
    /// The name of the stream; empty if the provider has one alone.
    pub stream: String,
    /// The first number that is missing.
    pub from: u64,
    /// The last one.
    pub to: u64,
}

impl MissingNumbers {
    /// What people are told.
    #[must_use]
    pub fn notice(&self) -> String {
        let of = if self.stream.is_empty() { String::new() } else { format!(" of {}", self.stream) };
        let count = counted(self.to - self.from + 1, "number");
        format!("gap{of}: {count} missing ({} to {})", self.from, self.to)
    }
}

/// Bytes that went over the wire, compressed and with the heads of frames; TLS and HTTP do not count.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WireBytes {
    /// Received.
    pub bytes_in: u64,
    /// Sent.
    pub bytes_out: u64,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum EndReason {
    /// The connection was closed, and there is to be no other.
    #[default]
    Closed,
    /// There was no connection, and no further attempt is worth making.
    ConnectFailed,
    /// The peer broke the WebSocket protocol.
    PeerProtocol,
    /// A message could not be decoded, and that counts.
    DecodeFailed,
    /// Nothing came back in time.
    Silent,
    /// Too many attempts to reconnect failed in a row.
    GaveUp,
    /// The provider refused a subscription.
    Refused,
    /// Standard input or the recording came to its end.
    InputEnded,
    /// `--idle-timeout`: nothing came for so long.
    IdleTimeout,
    /// `--max-time` has passed.
    MaxTime,
    /// `--count` lines are written.
    Count,
    /// `--until` matched.
    Until,
    /// `--fail-if` matched.
    FailIf,
    /// The filter has said all it will say.
    FilterDone,
    /// A jq program failed, and that counts.
    FilterError,
    /// The reader of standard output went away.
    ReaderGone,
    /// Lines could not be written.
    OutputFailed,
    /// The recording could not be written.
    RecordingFailed,
    /// No more events can wait for the output.
    Overflow,
    /// A person at the terminal ended it.
    Quit,
    /// All campaigns of a watch are over.
    CampaignsOver,
    /// SIGINT, or Ctrl-C at the prompt.
    Interrupted,
    /// SIGTERM.
    Terminated,
}

impl EndReason {
    /// Its name in records: part of the public contract.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::ConnectFailed => "connect_failed",
            Self::PeerProtocol => "peer_protocol",
            Self::DecodeFailed => "decode_failed",
            Self::Silent => "silent",
            Self::GaveUp => "gave_up",
            Self::Refused => "refused",
            Self::InputEnded => "input_ended",
            Self::IdleTimeout => "idle_timeout",
            Self::MaxTime => "max_time",
            Self::Count => "count",
            Self::Until => "until",
            Self::FailIf => "fail_if",
            Self::FilterDone => "filter_done",
            Self::FilterError => "filter_error",
            Self::ReaderGone => "reader_gone",
            Self::OutputFailed => "output_failed",
            Self::RecordingFailed => "recording_failed",
            Self::Overflow => "overflow",
            Self::Quit => "quit",
            Self::CampaignsOver => "campaigns_over",
            Self::Interrupted => "interrupted",
            Self::Terminated => "terminated",
        }
    }
}

/// The account of a session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// What ended it.
    pub reason: EndReason,
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
    /// Messages that could not be decoded.
    pub decode_errors: u64,
    /// From start to end.
    pub duration: Duration,
}

impl Summary {
    /// Adds the account of a session that took place beside others.
    pub fn add(&mut self, one: &Self) {
        self.close = one.close.clone().or(self.close.take());
        self.connections += one.connections;
        self.reconnects += one.reconnects;
        self.received += one.received;
        self.sent += one.sent;
        self.duplicates += one.duplicates;
        self.bytes_in += one.bytes_in;
        self.bytes_out += one.bytes_out;
        self.compression = one.compression.clone().or(self.compression.take());
        self.wire.bytes_in += one.wire.bytes_in;
        self.wire.bytes_out += one.wire.bytes_out;
        self.decode_errors += one.decode_errors;
        self.duration = self.duration.max(one.duration);
    }
}
