//! The public schema of records: what `--envelope` prints, `--record` stores and `--from` reads.
//!
//! Every record is one JSON object on one line: `v` (1), `ts` (RFC 3339 with microseconds, UTC), `type`, `conn`,
//! and the fields of its type. A message's `data` is the message's own JSON, spelled as received; `"duplicate":true`
//! marks an event that came before, and `part` counts the messages that one was made of. A `gap` says with `replayed` whether the provider was asked for what was missed,
//! and with `catch_up`, where that is known, how to get it otherwise. The `data` of a `derived` record was made of
//! messages; recordings have none.

use std::cell::RefCell;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::event::{Close, ConnectionInfo, Direction, Event, Gap, Kind, Role, Summary, Unreadable};
use crate::json::{self, Checked};
use crate::message::{Message, without_mark};
use crate::secret::Secrets;

/// The version of the schema, in every record as `v`.
pub const VERSION: u32 = 1;

/// The types of records.
const TYPES: &[&str] = &[
    "message",
    "open",
    "ping",
    "pong",
    "close",
    "reconnect",
    "gap",
    "subscribed",
    "error",
    "summary",
    "derived",
];

/// Appends the record of an event, without a newline. Secrets are masked in its values, so that a record is valid
/// whatever they are. A record of an earlier session is left as it was written then.
pub fn write(event: &Event, secrets: &Secrets, out: &mut Vec<u8>) {
    write_as(event, secrets, false, None, out);
}

/// The same for an event whose text was checked already, without the byte order mark that it may begin with.
pub fn write_checked(event: &Event, checked: Option<Checked>, secrets: &Secrets, out: &mut Vec<u8>) {
    write_as(event, secrets, false, checked, out);
}

/// The same for a recording from which messages are to come as they were, byte by byte: JSON that would be embedded with
/// other white space around or between is written as text.
pub fn write_exact(event: &Event, secrets: &Secrets, out: &mut Vec<u8>) {
    write_as(event, secrets, true, None, out);
}

fn write_as(event: &Event, secrets: &Secrets, exact: bool, checked: Option<Checked>, out: &mut Vec<u8>) {
    if let Kind::Recorded(line) = &event.kind {
        return out.extend_from_slice(line.as_bytes());
    }
    begin(event.at, out);
    word(out, "type", type_word(&event.kind));
    number(out, "conn", u64::from(event.conn));
    match &event.kind {
        Kind::Message { dir, seq, message, role, part } => {
            word(out, "dir", dir.word());
            number(out, "seq", *seq);
            if let Some(part) = part {
                number(out, "part", u64::from(part.number));
            }
            if *role == Role::Duplicate {
                boolean(out, "duplicate", true);
            }
            write_content(message, secrets, exact, checked, out);
        }
        Kind::Open(open) => write_open(open, secrets, out),
        Kind::Ping(dir, payload) => {
            word(out, "dir", dir.word());
            write_payload(payload, secrets, out);
        }
        Kind::Pong(payload, rtt) => {
            word(out, "dir", "in");
            write_payload(payload, secrets, out);
            if let Some(rtt) = rtt {
                number(out, "rtt_us", micros(*rtt));
            }
        }
        Kind::Close(close) => write_close(close, secrets, out),
        Kind::Reconnect(reconnect) => {
            number(out, "attempt", u64::from(reconnect.attempt));
            number(out, "delay_ms", millis(reconnect.delay));
            string(out, "cause", &secrets.mask_text(&reconnect.cause));
        }
        Kind::Gap(gap) => write_gap(gap, secrets, out),
        Kind::Subscribed { action, topics } => {
            string(out, "action", &secrets.mask(action));
            strings(out, "topics", topics, secrets);
        }
        Kind::Error { what, text } => {
            string(out, "error", what);
            string(out, "text", &secrets.mask_text(text));
        }
        Kind::Unreadable(message) => write_unreadable(message, secrets, out),
        Kind::Summary(summary) => write_summary(summary, secrets, out),
        Kind::Derived(json) => {
            key(out, "data");
            out.extend_from_slice(secrets.mask_json(json).as_bytes());
        }
        Kind::Recorded(_) => {}
    }
    out.push(b'}');
}

/// Appends how every record begins, which is the same for all that came at once.
fn begin(at: Timestamp, out: &mut Vec<u8>) {
    thread_local! {
        static LAST: RefCell<(Timestamp, Vec<u8>)> = const { RefCell::new((Timestamp::MIN, Vec::new())) };
    }
    LAST.with_borrow_mut(|(last, text)| {
        if *last != at || text.is_empty() {
            (*last, *text) = (at, format!(r#"{{"v":{VERSION},"ts":"{at:.6}""#).into_bytes());
        }
        out.extend_from_slice(text);
    });
}

/// Appends the fields of a message as its record carries it, each after a comma: `opcode`, `bytes`, and embedded
/// JSON, text, or base64.
pub fn write_message(message: &Message, secrets: &Secrets, out: &mut Vec<u8>) {
    write_content(message, secrets, false, None, out);
}

/// `exact`: JSON that cannot be embedded as it is is written as text.
fn write_content(
    message: &Message,
    secrets: &Secrets,
    exact: bool,
    checked: Option<Checked>,
    out: &mut Vec<u8>,
) {
    word(out, "opcode", message.opcode());
    number(out, "bytes", message.len() as u64);
    match message {
        Message::Text(text) => match checked.unwrap_or_else(|| json::scan_str(without_mark(text))) {
            Ok(scan) if !exact || (!scan.line_break && text.trim_ascii() == without_mark(text)) => {
                let text = secrets.mask_json(without_mark(text));
                out.extend_from_slice(br#","data":"#);
                if !scan.line_break {
                    out.extend_from_slice(text.trim_ascii().as_bytes());
                } else {
                    json::compact_into(&text, out);
                }
            }
            _ => string(out, "text", &secrets.mask(text)),
        },
        Message::Binary(bytes) => base64(secrets.mask_bytes(bytes).as_deref().unwrap_or(bytes), out),
    }
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    string(out, "base64", &STANDARD.encode(bytes));
}

fn write_open(open: &ConnectionInfo, secrets: &Secrets, out: &mut Vec<u8>) {
    string(out, "url", &secrets.mask(&open.url));
    optional(out, "remote", open.remote.as_deref(), secrets);
    optional(out, "subprotocol", open.subprotocol.as_deref(), secrets);
    optional(out, "compression", open.compression.as_deref(), secrets);
    optional(out, "tls", open.tls.as_deref(), secrets);
    out.extend_from_slice(br#","phases_us":{"#);
    for (i, (phase, time)) in open.phases.iter().enumerate() {
        let comma = if i == 0 { "" } else { "," };
        // Writing to a Vec cannot fail, here and below.
        let _ = write!(out, r#"{comma}"{phase}":{}"#, micros(*time));
    }
    out.push(b'}');
}

/// The payload of a control frame, which may have had room for a part of a secret only.
fn write_payload(payload: &[u8], secrets: &Secrets, out: &mut Vec<u8>) {
    match std::str::from_utf8(payload) {
        Ok(text) => string(out, "text", &secrets.mask_cut(text)),
        Err(_) => base64(secrets.mask_payload(payload).as_deref().unwrap_or(payload), out),
    }
}

fn write_close(close: &Close, secrets: &Secrets, out: &mut Vec<u8>) {
    string(out, "by", close.by);
    number(out, "code", u64::from(close.code));
    string(out, "reason", &secrets.mask_cut(&close.reason));
    boolean(out, "clean", close.clean);
}

fn write_gap(gap: &Gap, secrets: &Secrets, out: &mut Vec<u8>) {
    let _ = write!(out, r#","from":"{:.6}","to":"{:.6}""#, gap.from, gap.to);
    optional(out, "last_id", gap.last_id.as_deref(), secrets);
    boolean(out, "replayed", gap.replayed);
    if let Some(text) = &gap.catch_up {
        string(out, "catch_up", &secrets.mask_text(text));
    }
    if let Some(member) = &gap.taken_over_from {
        string(out, "taken_over_from", member);
    }
    if gap.dropped > 0 {
        number(out, "dropped", gap.dropped);
    }
    if let Some(missing) = &gap.missing {
        string(out, "stream", &secrets.mask(&missing.stream));
        number(out, "first_missing", missing.from);
        number(out, "last_missing", missing.to);
    }
}

fn write_unreadable(message: &Unreadable, secrets: &Secrets, out: &mut Vec<u8>) {
    string(out, "error", message.what);
    string(out, "text", &secrets.mask_text(&message.text));
    word(out, "dir", "in");
    number(out, "seq", message.seq);
    string(out, "opcode", message.opcode);
    number(out, "bytes", message.bytes.len() as u64);
    number(out, "offset", message.at as u64);
    base64(secrets.mask_bytes(&message.bytes).as_deref().unwrap_or(&message.bytes), out);
}

fn write_summary(summary: &Summary, secrets: &Secrets, out: &mut Vec<u8>) {
    string(out, "reason", summary.reason.name());
    number(out, "exit", u64::from(summary.exit));
    match &summary.close {
        Some(close) => {
            string(out, "closed_by", close.by);
            number(out, "code", u64::from(close.code));
            string(out, "close_reason", &secrets.mask_cut(&close.reason));
            boolean(out, "clean", close.clean);
        }
        None => out.extend_from_slice(br#","closed_by":null,"code":null,"close_reason":null,"clean":false"#),
    }
    number(out, "connections", u64::from(summary.connections));
    number(out, "reconnects", u64::from(summary.reconnects));
    number(out, "received", summary.received);
    number(out, "sent", summary.sent);
    number(out, "duplicates", summary.duplicates);
    if summary.dropped > 0 {
        number(out, "dropped", summary.dropped);
    }
    number(out, "lines", summary.lines);
    number(out, "bytes_in", summary.bytes_in);
    number(out, "bytes_out", summary.bytes_out);
    optional(out, "compression", summary.compression.as_deref(), secrets);
    number(out, "wire_in", summary.wire.bytes_in);
    number(out, "wire_out", summary.wire.bytes_out);
    number(out, "filter_errors", summary.filter_errors);
    number(out, "decode_errors", summary.decode_errors);
    number(out, "duration_ms", millis(summary.duration));
}

fn type_word(kind: &Kind) -> &'static str {
    match kind {
        Kind::Message { .. } => "message",
        Kind::Open(_) => "open",
        Kind::Ping(..) => "ping",
        Kind::Pong(..) => "pong",
        Kind::Close(_) => "close",
        Kind::Reconnect(_) => "reconnect",
        Kind::Gap(_) => "gap",
        Kind::Subscribed { .. } => "subscribed",
        Kind::Error { .. } | Kind::Unreadable(_) => "error",
        Kind::Summary(_) => "summary",
        Kind::Derived(_) => "derived",
        // Written above, with the type it came with.
        Kind::Recorded(_) => "recorded",
    }
}

fn key(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// A field with a value that needs no escapes.
fn word(out: &mut Vec<u8>, name: &str, value: &str) {
    key(out, name);
    out.push(b'"');
    out.extend_from_slice(value.as_bytes());
    out.push(b'"');
}

fn string(out: &mut Vec<u8>, name: &str, value: &str) {
    key(out, name);
    json::write_string(value, out);
}

fn strings(out: &mut Vec<u8>, name: &str, values: &[String], secrets: &Secrets) {
    key(out, name);
    out.push(b'[');
    for (i, value) in values.iter().enumerate() {
        if i > 0 {
            out.push(b',');
        }
        json::write_string(&secrets.mask(value), out);
    }
    out.push(b']');
}

fn optional(out: &mut Vec<u8>, name: &str, value: Option<&str>, secrets: &Secrets) {
    match value {
        Some(value) => string(out, name, &secrets.mask(value)),
        None => {
            key(out, name);
            out.extend_from_slice(b"null");
        }
    }
}

fn number(out: &mut Vec<u8>, name: &str, value: u64) {
    key(out, name);
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

fn boolean(out: &mut Vec<u8>, name: &str, value: bool) {
    let _ = write!(out, r#","{name}":{value}"#);
}

fn micros(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

fn millis(time: std::time::Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// A line of a recording, read back. Only what a replay of messages needs is kept.
#[derive(Debug, PartialEq)]
pub enum Line {
    /// A message that was received (`dir` is `in`).
    Received(Message),
    /// Another record: a message that was sent, or an event without a message.
    Other,
    /// No record at all: plain NDJSON or text.
    Foreign,
}

/// Is this line a record, does it hold a received message, and when was that?
#[must_use]
pub fn read(line: &str) -> (Line, Option<Timestamp>) {
    match read_moment(line) {
        None => (Line::Foreign, None),
        Some(Moment { what: What::Message(Direction::In, message), at, .. }) => (Line::Received(message), at),
        Some(Moment { at, .. }) => (Line::Other, at),
    }
}

/// A record, read back as far as it takes to play it again.
#[derive(Debug, PartialEq)]
pub struct Moment {
    /// `ts`; `None` if it is no time.
    pub at: Option<Timestamp>,
    /// `conn`.
    pub conn: u32,
    /// What happened.
    pub what: What,
}

/// What happened, as far as it matters to the other end.
#[derive(Debug, PartialEq)]
pub enum What {
    /// A connection was opened.
    Open {
        /// The URL, with its secrets masked.
        url: String,
        /// The subprotocol that was chosen.
        subprotocol: Option<String>,
    },
    /// A message came or went.
    Message(Direction, Message),
    /// A connection ended.
    Close(Ended),
    /// Anything else.
    Other,
}

/// How a connection ended, by its record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// `peer`, `us` or `network`.
    pub by: String,
    /// The close code.
    pub code: u16,
    pub reason: String,
    /// Were close frames exchanged?
    pub clean: bool,
}

/// Reads a record back; `None` if the line is none.
#[must_use]
pub fn read_moment(line: &str) -> Option<Moment> {
    let fields = serde_json::from_str::<Fields<'_>>(line).ok()?;
    if !fields.is_record() {
        return None;
    }
    let (at, conn) = (fields.ts.parse().ok(), fields.conn);
    Some(Moment { at, conn, what: fields.what() })
}

/// When a record was made, and does it show that there was a connection until then? `None` if the line is none.
#[must_use]
pub fn connected(line: &str) -> Option<(Timestamp, bool)> {
    let fields = serde_json::from_str::<Fields<'_>>(line).ok()?;
    if !fields.is_record() {
        return None;
    }
    let shown = matches!(fields.kind.as_str(), "open" | "message" | "ping" | "pong" | "close");
    Some((fields.ts.parse().ok()?, shown))
}

#[derive(Deserialize)]
struct Fields<'a> {
    v: u32,
    ts: String,
    #[serde(rename = "type")]
    kind: String,
    conn: u32,
    dir: Option<String>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    text: Option<String>,
    base64: Option<String>,
    url: Option<String>,
    subprotocol: Option<String>,
    by: Option<String>,
    code: Option<u16>,
    reason: Option<String>,
    clean: Option<bool>,
}

impl Fields<'_> {
    /// Others number versions and name types as well: theirs is not to be taken for a record of ours.
    fn is_record(&self) -> bool {
        self.v == VERSION && TYPES.contains(&self.kind.as_str())
    }

    fn what(self) -> What {
        match self.kind.as_str() {
            "message" => self.message(),
            "open" => What::Open { url: self.url.unwrap_or_default(), subprotocol: self.subprotocol },
            "close" => What::Close(Ended {
                by: self.by.unwrap_or_default(),
                code: self.code.unwrap_or_default(),
                reason: self.reason.unwrap_or_default(),
                clean: self.clean.unwrap_or_default(),
            }),
            _ => What::Other,
        }
    }

    fn message(self) -> What {
        let dir = match self.dir.as_deref() {
            Some("in") => Direction::In,
            Some("out") => Direction::Out,
            _ => return What::Other,
        };
        let message = match (self.data, self.text, self.base64) {
            // `data: null` reads as absent, and is the message `null`.
            (Some(data), _, _) => Message::text(data.get().to_owned()),
            (None, Some(text), _) => Message::text(text),
            (None, None, Some(base64)) => match STANDARD.decode(base64) {
                Ok(bytes) => Message::Binary(bytes.into()),
                Err(_) => return What::Other,
            },
            (None, None, None) => Message::text("null"),
        };
        What::Message(dir, message)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::event::Reconnect;

    fn line(kind: Kind) -> String {
        let at = "2026-01-02T03:04:05.678901Z".parse().unwrap();
        let mut out = Vec::new();
        write(&Event { at, conn: 1, kind }, &Secrets::default(), &mut out);
        let line = String::from_utf8(out).unwrap();
        serde_json::from_str::<serde_json::Value>(&line).unwrap();
        line
    }

    fn received(message: Message) -> Kind {
        Kind::Message { dir: Direction::In, seq: 7, message, role: Role::Data, part: None }
    }

    #[test]
    fn a_message_is_embedded_as_json_spelled_as_received() {
        let text = "{\n \"a\": 1.0, \"b\": 100000000000000000000 }";
        assert_eq!(
            line(received(Message::text(text))),
            format!(
                r#"{{"v":1,"ts":"2026-01-02T03:04:05.678901Z","type":"message","conn":1,"dir":"in","seq":7,"opcode":"text","bytes":{},"data":{{"a":1.0,"b":100000000000000000000}}}}"#,
                text.len()
            )
        );
    }

    #[test]
    fn messages_survive_a_round_trip() {
        let messages = [
            Message::text(r#"{"a":1.0}"#),
            Message::text("null"),
            Message::text("not json \u{1}"),
            Message::text(""),
            Message::Binary(vec![0, 255].into()),
        ];
        for message in messages {
            assert_eq!(read(&line(received(message.clone()))).0, Line::Received(message));
        }
    }

    #[test]
    fn an_exact_record_has_the_white_space_of_json() {
        for text in ["{\n \"a\": 1.0 }", " 1", "1 ", "1\n", "\u{feff}1", "{\"a\": 1}", "no json"] {
            let event = Event { at: Timestamp::UNIX_EPOCH, conn: 1, kind: received(Message::text(text)) };
            let mut out = Vec::new();
            write_exact(&event, &Secrets::default(), &mut out);
            let line = String::from_utf8(out).unwrap();
            assert_eq!(line.contains(r#""data""#), text == "{\"a\": 1}", "{line}");
            assert_eq!(read(&line).0, Line::Received(Message::text(text)));
        }
    }

    #[test]
    fn other_lines_are_told_apart() {
        let reconnect = Reconnect { attempt: 1, delay: Duration::from_millis(5), cause: "x".into() };
        assert_eq!(read(&line(Kind::Reconnect(Box::new(reconnect)))).0, Line::Other);
        for foreign in [
            r#"{"v":1,"type":"message"}"#,
            r#"{"v":1,"ts":"2026","type":"trade","p":1}"#,
            r#"{"v":1,"ts":"2026","type":"message","dir":"in"}"#,
            r#"{"v":1,"ts":"2026","type":"trade","conn":1}"#,
            r#"{"v":2,"ts":"2026","type":"open","conn":1}"#,
        ] {
            assert_eq!(read(foreign), (Line::Foreign, None), "{foreign}");
        }
        assert_eq!(read("plain text"), (Line::Foreign, None));
    }
}
