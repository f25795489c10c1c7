//! HAR 1.2 with `_webSocketMessages`, as browsers export and import it: `type` is `send` or `receive`, `time` seconds
//! since 1970, `opcode` 1 or 2, `data` the text or base64. Chrome 76 began it; other tools followed its shape.
//!
//! HAR has no place for how a WebSocket ended. It stands in a field of ours, `_close`, which others skip: names
//! that begin with an underscore are free. `_webSocketClose` is read as well, which is what other tools write.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Read as _, Seek, SeekFrom};
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Value, json};

use crate::error::Failure;
use crate::event::{Close, ConnectionInfo, Direction, Event, Kind, Role};
use crate::file;
use crate::json::write_string;
use crate::message::{MARK, Message};
use crate::pipeline::record::{self, Ended, What};
use crate::replace::{self, Access, Regular};
use crate::secret::{Secrets, mask_by_place};

/// Is this the name of a HAR?
#[must_use]
pub fn is_har(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("har"))
}

/// What a HAR holds.
#[derive(Debug, Default)]
pub struct Har {
    /// Its WebSockets as records, one connection after the other.
    pub records: String,
    /// What is odd in it, and was left out.
    pub odd: Vec<String>,
}

/// Reads a HAR, which errors call `what`; or the records that are in its place where a recording was cut off.
///
/// # Errors
/// What is wrong with the file.
pub fn read(path: &Path, what: &str) -> Result<Har, Failure> {
    let bytes =
        file::bytes(path, file::MAX_RECORDED).map_err(|error| Failure::usage_of_system(what, &error))?;
    let wrong = |why: String| Failure::usage(format!("{what}: {why}"));
    let not_text = |error: std::string::FromUtf8Error| wrong(error.utf8_error().to_string());
    match whole_records(&bytes) {
        Some(records) => {
            let records = String::from_utf8(records.to_vec()).map_err(not_text)?;
            Ok(Har { records, odd: Vec::new() })
        }
        None => har_of(&String::from_utf8(bytes).map_err(not_text)?).map_err(wrong),
    }
}

/// The HAR that a text is, if it is one.
#[must_use]
pub fn har_in(text: &str) -> Option<Har> {
    let may_be = text.trim_start_matches(MARK).trim_ascii_start().starts_with('{')
        && ["\"log\"", "\"entries\""]
            .iter()
            .all(|key| memchr::memmem::find(text.as_bytes(), key.as_bytes()).is_some());
    may_be.then(|| har_of(text).ok()).flatten()
}

/// The whole lines of what is still a recording, since it was cut off before [`convert`] made a HAR of it.
fn whole_records(bytes: &[u8]) -> Option<&[u8]> {
    let first = bytes.split(|byte| *byte == b'\n').next()?;
    record::read_moment(std::str::from_utf8(first).ok()?)?;
    let end = memchr::memrchr(b'\n', bytes).map_or(bytes.len(), |at| at + 1);
    Some(&bytes[..end])
}

/// The same for the text of one.
pub(crate) fn har_of(text: &str) -> Result<Har, String> {
    let text = text.trim_start_matches(MARK);
    let file: Whole<'_> = serde_json::from_str(text).map_err(|error| format!("not a HAR: {error}"))?;
    let (mut out, mut odd) = (Vec::new(), Vec::new());
    let mut conn = 0;
    for (number, entry) in (1..).zip(file.log.entries) {
        match serde_json::from_str::<HarEntry<'_>>(entry.get()) {
            Ok(entry) if entry.is_websocket() => {
                conn += 1;
                entry.write(conn, &mut out, &mut odd);
            }
            Ok(_) => {}
            Err(_) if !entry.get().contains("_webSocketMessages") => {}
            Err(error) => odd.push(format!("entry {number}: {error}")),
        }
    }
    String::from_utf8(out).map(|records| Har { records, odd }).map_err(|error| error.to_string())
}

/// Turns a recording into a HAR, in its place. The recording is read twice and never held whole.
///
/// # Errors
/// A file that cannot be read or written; the recording is still there then.
pub fn convert(path: &Path) -> io::Result<()> {
    let place = Regular::at(path)?;
    replace::sweep(place.path());
    // Half a HAR is of no use to anybody, and the recording is still there if it cannot be written.
    place.replace(Access::Kept, |to| {
        // Windows replaces only a file that nobody has open, so this is closed before.
        let mut recording = BufReader::new(File::open(place.path())?);
        let mut out = BufWriter::new(to);
        write_har(&mut recording, &mut out)?;
        out.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
    })
}

/// Writes a recording as a HAR.
pub(crate) fn write_har(recording: &mut (impl BufRead + Seek), out: &mut impl io::Write) -> io::Result<()> {
    let connections = survey(recording)?;
    let creator = json!({"name": "wstap", "version": env!("CARGO_PKG_VERSION")});
    write!(out, r#"{{"log":{{"version":"1.2","creator":{creator},"pages":[],"entries":["#)?;
    for (index, (conn, span)) in connections.iter().enumerate() {
        if index > 0 {
            out.write_all(b",")?;
        }
        write_entry(out, recording, *conn, span)?;
    }
    out.write_all(b"]}}\n")
}

#[derive(Deserialize)]
struct Whole<'a> {
    #[serde(borrow)]
    log: HarLog<'a>,
}

/// What is odd in an entry does not cost the others.
#[derive(Deserialize)]
struct HarLog<'a> {
    #[serde(borrow)]
    entries: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct HarEntry<'a> {
    #[serde(rename = "startedDateTime")]
    started: Option<String>,
    #[serde(default)]
    request: HarRequest,
    #[serde(default)]
    response: HarResponse,
    #[serde(borrow, rename = "_webSocketMessages")]
    messages: Option<Vec<&'a RawValue>>,
    #[serde(rename = "_close")]
    close: Option<Ended>,
    /// How other tools say that: HTTP Toolkit, and what follows it.
    #[serde(rename = "_webSocketClose")]
    other_close: Option<Value>,
}

impl HarEntry<'_> {
    fn is_websocket(&self) -> bool {
        self.messages.is_some() || self.close.is_some() || self.other_close.is_some()
    }

    /// Writes its records, and what is odd in it.
    fn write(self, conn: u32, out: &mut Vec<u8>, odd: &mut Vec<String>) {
        let started = self.started.and_then(|text| text.parse().ok());
        let mut writer = Records { out, conn, seq: [0; 2], last: started.unwrap_or_default(), opened: true };
        let read = |message: &&RawValue| serde_json::from_str::<Frame>(message.get());
        let messages: Vec<_> = self.messages.iter().flatten().map(read).collect();
        let carried = messages.iter().flatten().any(Frame::is_message);
        writer.opened = carried || matches!(self.response.status, None | Some(101));
        if writer.opened {
            let url = mask_by_place(&self.request.url).into_owned();
            let open =
                ConnectionInfo { url, subprotocol: self.response.subprotocol(), ..ConnectionInfo::default() };
            writer.write(Kind::Open(Box::new(open)));
        } else if !messages.iter().flatten().any(Frame::is_error) {
            let status = self.response.status.unwrap_or_default();
            writer.error(format!("the connection was not opened: status {status}"));
        }
        for (number, message) in (1..).zip(messages) {
            let written = message.map_err(|error| error.to_string()).and_then(|frame| writer.message(&frame));
            if let Err(why) = written {
                odd.push(format!("WebSocket {conn}, message {number}: {why}"));
            }
        }
        writer.end(self.close.or_else(|| ended(self.other_close.as_ref()?)));
    }
}

/// How a connection ended, in the words of others: the close frame of the peer, or `aborted`.
fn ended(close: &Value) -> Option<Ended> {
    let code = close["code"].as_u64().and_then(|code| u16::try_from(code).ok());
    let reason = close["reason"].as_str().unwrap_or_default().to_owned();
    match (close, code) {
        (Value::Object(_), Some(code)) => Some(Ended { by: "peer".to_owned(), code, reason, clean: true }),
        (Value::Object(_), None) => Some(Ended { by: "peer".to_owned(), code: 1005, reason, clean: true }),
        (Value::String(text), _) => {
            Some(Ended { by: "network".to_owned(), code: 1006, reason: text.clone(), clean: false })
        }
        _ => None,
    }
}

#[derive(Default, Deserialize)]
struct HarRequest {
    #[serde(default)]
    url: String,
}

#[derive(Default, Deserialize)]
struct HarResponse {
    status: Option<i64>,
    #[serde(default)]
    headers: Vec<HarHeader>,
}

#[derive(Deserialize)]
struct HarHeader {
    name: String,
    value: String,
}

impl HarResponse {
    fn subprotocol(&self) -> Option<String> {
        let chosen = |header: &&HarHeader| header.name.eq_ignore_ascii_case("Sec-WebSocket-Protocol");
        self.headers.iter().find(chosen).map(|header| header.value.clone())
    }
}

/// One of `_webSocketMessages`, as different tools write it.
#[derive(Deserialize)]
struct Frame {
    #[serde(rename = "type")]
    kind: String,
    #[serde(default)]
    time: Value,
    #[serde(default)]
    opcode: Value,
    #[serde(default)]
    data: Value,
}

impl Frame {
    fn is_message(&self) -> bool {
        matches!(self.kind.as_str(), "receive" | "send")
    }

    /// Chrome notes here what went wrong.
    fn is_error(&self) -> bool {
        self.kind == "error"
    }

    fn opcode(&self) -> Option<i64> {
        match &self.opcode {
            Value::Null => Some(1),
            Value::String(text) => text.parse().ok(),
            other => other.as_i64().or_else(|| other.as_f64().map(|number| number as i64)),
        }
    }

    fn time(&self) -> Option<Timestamp> {
        match &self.time {
            Value::String(text) => text.parse().ok().or_else(|| timestamp(text.parse().ok()?)),
            other => timestamp(other.as_f64()?),
        }
    }
}

/// Writes the records of one connection.
struct Records<'a> {
    out: &'a mut Vec<u8>,
    conn: u32,
    seq: [u64; 2],
    last: Timestamp,
    opened: bool,
}

impl Records<'_> {
    fn message(&mut self, frame: &Frame) -> Result<(), String> {
        self.last = frame.time().unwrap_or(self.last);
        let text = || frame.data.as_str().ok_or("the data is not a string");
        let (dir, seq) = match frame.kind.as_str() {
            "receive" => (Direction::In, &mut self.seq[0]),
            "send" => (Direction::Out, &mut self.seq[1]),
            "error" => {
                self.error(text()?.to_owned());
                return Ok(());
            }
            other => return Err(format!("unknown message type {other:?}")),
        };
        let message = match frame.opcode() {
            Some(1) => Message::text(text()?.to_owned()),
            Some(2) => {
                Message::Binary(STANDARD.decode(text()?).map_err(|error| format!("base64: {error}"))?.into())
            }
            // Frames that hold no message.
            Some(0 | 8..=10) => return Ok(()),
            _ => return Err(format!("unsupported opcode {}", frame.opcode)),
        };
        *seq += 1;
        let seq = *seq;
        self.write(Kind::Message { dir, seq, message, role: Role::Data, part: None });
        Ok(())
    }

    /// What went wrong: with the connection, or before there was one.
    fn error(&mut self, text: String) {
        self.write(Kind::Error { what: if self.opened { "network" } else { "connect" }, text });
    }

    fn end(&mut self, ended: Option<Ended>) {
        let Some(Ended { by, code, reason, clean }) = ended else { return };
        let by = ["peer", "us"].into_iter().find(|known| *known == by).unwrap_or("network");
        self.write(Kind::Close(Box::new(Close { by, code, reason, clean })));
    }

    fn write(&mut self, kind: Kind) {
        record::write(&Event { at: self.last, conn: self.conn, kind }, &Secrets::default(), self.out);
        self.out.push(b'\n');
    }
}

/// To the microsecond: more does not fit into the number. Browsers write seconds, Playwright milliseconds; what would
/// be seconds of the year 5138 is milliseconds of 1973.
#[expect(clippy::cast_possible_truncation, reason = "a time that does not fit is none")]
fn timestamp(time: f64) -> Option<Timestamp> {
    let micros = if time > 1e11 { time * 1e3 } else { time * 1e6 };
    Timestamp::from_microsecond(micros.round() as i64).ok()
}

/// Where a connection stands in a recording, and what is said about it there.
#[derive(Default)]
struct Span {
    /// The first byte of its first record, and the one after its last.
    begin: u64,
    end: u64,
    url: String,
    subprotocol: Option<String>,
    started: Option<Timestamp>,
    ended: Option<Timestamp>,
    close: Option<Ended>,
}

fn survey(recording: &mut impl BufRead) -> io::Result<BTreeMap<u32, Span>> {
    let mut connections: BTreeMap<u32, Span> = BTreeMap::new();
    let (mut line, mut at) = (String::new(), 0);
    loop {
        line.clear();
        let length = recording.read_line(&mut line)? as u64;
        if length == 0 {
            return Ok(connections);
        }
        let begin = at;
        at += length;
        let Some(moment) = record::read_moment(&line).filter(|moment| moment.conn > 0) else { continue };
        if moment.what == What::Other {
            continue;
        }
        let span = connections.entry(moment.conn).or_insert_with(|| Span { begin, ..Span::default() });
        span.end = at;
        span.started = span.started.or(moment.at);
        span.ended = moment.at.or(span.ended);
        match moment.what {
            What::Open { url, subprotocol } => (span.url, span.subprotocol) = (url, subprotocol),
            What::Close(ended) => span.close = Some(ended),
            What::Message(..) | What::Other => {}
        }
    }
}

fn write_entry(
    out: &mut impl io::Write,
    recording: &mut (impl BufRead + Seek),
    conn: u32,
    span: &Span,
) -> io::Result<()> {
    let head = head(span).to_string();
    write!(out, r#"{},"_webSocketMessages":["#, head.strip_suffix('}').unwrap_or(&head))?;
    recording.seek(SeekFrom::Start(span.begin))?;
    let mut lines = recording.by_ref().take(span.end - span.begin);
    let (mut line, mut first) = (String::new(), true);
    loop {
        line.clear();
        if lines.read_line(&mut line)? == 0 {
            return out.write_all(b"]}");
        }
        let Some(moment) = record::read_moment(&line).filter(|moment| moment.conn == conn) else { continue };
        if let What::Message(dir, message) = moment.what {
            out.write_all(if first { b"\n" } else { b",\n" })?;
            first = false;
            out.write_all(&frame(dir, &message, moment.at.unwrap_or_default()))?;
        }
    }
}

fn frame(dir: Direction, message: &Message, at: Timestamp) -> Vec<u8> {
    let kind = if dir == Direction::In { "receive" } else { "send" };
    let micros = at.as_microsecond();
    let (seconds, micros) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
    let opcode = if message.as_text().is_some() { 1 } else { 2 };
    let head = format!(r#"{{"type":"{kind}","time":{seconds}.{micros:06},"opcode":{opcode},"data":"#);
    let mut bytes = head.into_bytes();
    match message {
        Message::Text(text) => write_string(text, &mut bytes),
        Message::Binary(binary) => write_string(&STANDARD.encode(binary), &mut bytes),
    }
    bytes.push(b'}');
    bytes
}

/// The entry without its messages. Whatever reads HAR insists on all that the specification demands of a request
/// and a response.
fn head(span: &Span) -> Value {
    let started = span.started.unwrap_or_default();
    let time = span.ended.map_or(0, |ended| ended.duration_since(started).as_millis());
    let protocol =
        span.subprotocol.iter().map(|chosen| json!({"name": "Sec-WebSocket-Protocol", "value": chosen}));
    let mut headers = vec![json!({"name": "Upgrade", "value": "websocket"})];
    headers.push(json!({"name": "Connection", "value": "Upgrade"}));
    let request_headers = headers.clone();
    headers.extend(protocol);
    let mut entry = json!({
        "startedDateTime": format!("{started:.3}"),
        "time": time,
        "_resourceType": "websocket",
        "request": {
            "method": "GET", "url": span.url, "httpVersion": "HTTP/1.1", "cookies": [], "queryString": [],
            "headers": request_headers, "headersSize": -1, "bodySize": 0
        },
        "response": {
            "status": 101, "statusText": "Switching Protocols", "httpVersion": "HTTP/1.1", "cookies": [],
            "headers": headers, "content": {"size": 0, "mimeType": "x-unknown"}, "redirectURL": "",
            "headersSize": -1, "bodySize": 0
        },
        "cache": {},
        "timings": {"send": 0, "wait": 0, "receive": time}
    });
    if let (Some(close), Some(entry)) = (&span.close, entry.as_object_mut()) {
        entry.insert("_close".to_owned(), json!(close));
    }
    entry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_seconds_or_milliseconds() {
        let expected: Timestamp = "2026-11-21T16:42:08.936245Z".parse().unwrap();
        assert_eq!(timestamp(1_795_279_328.936_245), Some(expected));
        assert_eq!(timestamp(1_795_279_328_936.245), Some(expected));
        assert_eq!(timestamp(f64::NAN), Some(Timestamp::UNIX_EPOCH));
        assert_eq!(timestamp(1e300), None);
    }
}
