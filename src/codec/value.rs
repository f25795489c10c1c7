//! Values of MessagePack and CBOR as JSON, so that they can be read back as what they were:
//!
//! | value | JSON |
//! | --- | --- |
//! | nil, booleans, strings, arrays | the same in JSON |
//! | integers, of 64 bits too | a number with all its digits |
//! | floats | a number with a point or an exponent: `1.0`, `1e300` |
//! | NaN, infinities | `{"$float":"NaN"}`, `"Infinity"`, `"-Infinity"` |
//! | binary | `{"$binary":"BASE64"}` |
//! | timestamps | `{"$timestamp":"2026-01-02T03:04:05Z"}`; CBOR's number of seconds: `{"$timestamp":1767323045}` |
//! | a key that is not a string | `$` and its JSON: `{1: true}` is `{"$1":true}` |
//! | other extensions of MessagePack | `{"$ext":[TYPE,"BASE64"]}` |
//! | other tags and simple values of CBOR | `{"$tag":[NUMBER,VALUE]}`, `{"$simple":NUMBER}`; undefined is 23 |
//!
//! A string key that looks like one of these has one more `$` in front.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;

use super::byte_reader::ByteReader;
use super::{MOST_PARTS, StepError, json_of};
use crate::json::{self, MAX_DEPTH, Visit};
use crate::message::Message;

/// What an object with one key stands for, without the `$`.
const WORDS: &[&str] = &["binary", "timestamp", "float", "ext", "tag", "simple"];

/// How deep what is sent may nest.
const MOST_NESTED: usize = 256;

/// One step through a value.
pub(super) enum ValueToken<'a> {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    Time(Timestamp),
    Ext(i8, &'a [u8]),
    Simple(u8),
    /// So many items follow, or as many as there are before the end.
    Array(Option<u64>),
    /// The same for pairs of a key and a value.
    Map(Option<u64>),
    /// The value that follows has this tag. `true`: which makes a time of it.
    Tag(u64, bool),
    /// The end of an array or a map whose length was not said.
    End,
}

/// Reads all values of a binary message, each as a message. Text stays what it is.
pub(super) fn read_all<'a>(
    message: Message,
    limit: usize,
    out: &mut Vec<Message>,
    token: impl for<'b> Fn(&mut ByteReader<'b>) -> Result<ValueToken<'b>, StepError>,
) -> Result<(), StepError> {
    let Message::Binary(bytes) = &message else {
        out.push(message);
        return Ok(());
    };
    let mut input = ByteReader::new(bytes);
    let mut left = limit;
    while !input.is_at_end() {
        if out.len() == MOST_PARTS {
            return Err(StepError::new(input.at, format!("more than {MOST_PARTS} parts in one message")));
        }
        let mut writer = Writer { out: Vec::new(), open: Vec::new() };
        loop {
            let at = input.at;
            let complete = writer.put(token(&mut input)?).map_err(|why| StepError::new(at, why))?;
            if writer.out.len() > left {
                return Err(StepError::too_long(at, limit));
            }
            if complete {
                break;
            }
        }
        // Together they are no longer than one may be.
        left -= writer.out.len();
        let text = Message::from_utf8(writer.out.into());
        out.push(text.map_err(|(_, at)| StepError::new(at, "not UTF-8"))?);
    }
    Ok(())
}

/// Writes JSON, token by token. What is open waits on a stack, so that depth costs no recursion.
struct Writer {
    out: Vec<u8>,
    open: Vec<OpenContainer>,
}

enum OpenContainer {
    Array {
        left: Option<u64>,
        any: bool,
    },
    /// `value`: the key has been written.
    Map {
        left: Option<u64>,
        any: bool,
        value: bool,
    },
    /// A key that is not a string, from here on.
    Key(usize),
    /// A value with something around it.
    Wrapped(&'static [u8]),
}

impl Writer {
    /// `true`: the value is complete.
    fn put(&mut self, token: ValueToken<'_>) -> Result<bool, String> {
        if matches!(token, ValueToken::End) {
            return self.end();
        }
        if self.open.len() >= MAX_DEPTH {
            return Err(format!("nested deeper than {MAX_DEPTH}"));
        }
        if self.begin(&token) {
            return Ok(false);
        }
        match token {
            ValueToken::Null => self.text("null"),
            ValueToken::Bool(is) => self.text(if is { "true" } else { "false" }),
            ValueToken::Int(number) => self.text(&number.to_string()),
            ValueToken::Float(number) => self.float(number),
            ValueToken::Text(text) => json::write_string(&text, &mut self.out),
            ValueToken::Bytes(bytes) => self.text(&format!(r#"{{"$binary":"{}"}}"#, STANDARD.encode(bytes))),
            ValueToken::Time(time) => self.text(&format!(r#"{{"$timestamp":"{time}"}}"#)),
            ValueToken::Ext(kind, bytes) => {
                self.text(&format!(r#"{{"$ext":[{kind},"{}"]}}"#, STANDARD.encode(bytes)));
            }
            ValueToken::Simple(number) => self.text(&format!(r#"{{"$simple":{number}}}"#)),
            ValueToken::Array(Some(0)) => self.text("[]"),
            ValueToken::Map(Some(0)) => self.text("{}"),
            ValueToken::Array(left) => return Ok(self.opened("[", OpenContainer::Array { left, any: false })),
            ValueToken::Map(left) => {
                return Ok(self.opened("{", OpenContainer::Map { left, any: false, value: false }));
            }
            ValueToken::Tag(_, true) => {
                return Ok(self.opened(r#"{"$timestamp":"#, OpenContainer::Wrapped(b"}")));
            }
            ValueToken::Tag(tag, false) => {
                return Ok(self.opened(&format!(r#"{{"$tag":[{tag},"#), OpenContainer::Wrapped(b"]}")));
            }
            ValueToken::End => {}
        }
        Ok(self.completed())
    }

    fn text(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    /// As Rust shows it for debugging: with a point or an exponent, and as short as it can be read back.
    fn float(&mut self, number: f64) {
        let text = match number {
            number if number.is_finite() => return self.text(&format!("{number:?}")),
            number if number.is_nan() => "NaN",
            number if number > 0.0 => "Infinity",
            _ => "-Infinity",
        };
        self.text(&format!(r#"{{"$float":"{text}"}}"#));
    }

    fn opened(&mut self, head: &str, open: OpenContainer) -> bool {
        self.text(head);
        self.open.push(open);
        false
    }

    /// What stands before a value. `true`: it was a key, and is written.
    fn begin(&mut self, token: &ValueToken<'_>) -> bool {
        let (any, value) = match self.open.last_mut() {
            Some(OpenContainer::Array { any, .. }) => (any, None),
            Some(OpenContainer::Map { any, value: value @ false, .. }) => (any, Some(value)),
            _ => return false,
        };
        if std::mem::replace(any, true) {
            self.out.push(b',');
        }
        let Some(value) = value else { return false };
        if let ValueToken::Text(name) = token {
            *value = true;
            json::write_string(&escaped(name), &mut self.out);
            self.out.push(b':');
            return true;
        }
        self.open.push(OpenContainer::Key(self.out.len()));
        false
    }

    /// A value is complete, and perhaps what it stands in.
    fn completed(&mut self) -> bool {
        loop {
            match self.open.last_mut() {
                None => return true,
                Some(OpenContainer::Array { left, .. } | OpenContainer::Map { left, value: true, .. })
                    if *left == Some(1) =>
                {
                    let end = if matches!(self.open.pop(), Some(OpenContainer::Array { .. })) {
                        b']'
                    } else {
                        b'}'
                    };
                    self.out.push(end);
                }
                Some(OpenContainer::Array { left, .. }) => {
                    *left = left.map(|left| left - 1);
                    return false;
                }
                Some(OpenContainer::Map { left, value, .. }) => {
                    (*left, *value) = (left.map(|left| left - 1), false);
                    return false;
                }
                Some(OpenContainer::Key(start)) => {
                    let name = format!("${}", String::from_utf8_lossy(&self.out.split_off(*start)));
                    self.open.pop();
                    json::write_string(&name, &mut self.out);
                    self.out.push(b':');
                    if let Some(OpenContainer::Map { value, .. }) = self.open.last_mut() {
                        *value = true;
                    }
                    return false;
                }
                Some(OpenContainer::Wrapped(end)) => {
                    self.out.extend_from_slice(end);
                    self.open.pop();
                }
            }
        }
    }

    fn end(&mut self) -> Result<bool, String> {
        let end = match self.open.last() {
            Some(OpenContainer::Array { left: None, .. }) => b']',
            Some(OpenContainer::Map { left: None, value: false, .. }) => b'}',
            _ => return Err("unexpected break".to_owned()),
        };
        self.open.pop();
        self.out.push(end);
        Ok(self.completed())
    }
}

/// A string key, so that it is not taken for something else.
fn escaped(name: &str) -> Cow<'_, str> {
    if is_special(name) { format!("${name}").into() } else { name.into() }
}

fn is_special(name: &str) -> bool {
    let rest = name.trim_start_matches('$');
    rest.len() < name.len() && (WORDS.contains(&rest) || json::scan_str(rest).is_ok())
}

/// A value that is to be written.
#[derive(Debug)]
pub(super) enum TypedValue {
    Null,
    Bool(bool),
    Int(i128),
    Float(f64),
    Text(String),
    Bytes(Vec<u8>),
    Time(Time),
    Ext(i8, Vec<u8>),
    Tag(u64, Box<TypedValue>),
    Simple(u8),
    Array(Vec<TypedValue>),
    Map(Vec<(TypedValue, TypedValue)>),
}

/// A time, as a text or as seconds since 1970.
#[derive(Debug)]
pub(super) enum Time {
    Text(String),
    Number(Box<TypedValue>),
}

impl Time {
    pub(super) fn timestamp(&self) -> Result<Timestamp, String> {
        let nanos = match self {
            Self::Text(text) => return text.parse().map_err(|error| format!("$timestamp: {error}")),
            Self::Number(number) => match **number {
                TypedValue::Int(seconds) => seconds.saturating_mul(1_000_000_000),
                #[expect(clippy::cast_possible_truncation, reason = "a time that does not fit is none")]
                TypedValue::Float(seconds) => (seconds * 1e9).round() as i128,
                _ => 0,
            },
        };
        Timestamp::from_nanosecond(nanos).map_err(|error| format!("$timestamp: {error}"))
    }
}

/// Writes the JSON of a text message as a binary one. Binary stays what it is.
pub(super) fn write(
    message: Message,
    put: impl Fn(&TypedValue, &mut Vec<u8>) -> Result<(), String>,
) -> Result<Message, StepError> {
    if matches!(message, Message::Binary(_)) {
        return Ok(message);
    }
    let message = json_of(message)?;
    let text = message.as_text().unwrap_or_default();
    let mut out = Vec::new();
    let value = read(text)?;
    put(&value, &mut out).map_err(|why| StepError::new(0, why))?;
    Ok(Message::Binary(out.into()))
}

/// The value of a JSON text.
fn read(text: &str) -> Result<TypedValue, StepError> {
    let failed = |error: json::Error| StepError::new(error.at, error.what);
    if json::scan_str(text).map_err(failed)?.depth > MOST_NESTED {
        return Err(StepError::new(0, format!("nested deeper than {MOST_NESTED}")));
    }
    let mut build = ValueBuilder { open: vec![OpenValue::default()], failed: None };
    json::walk(text, 0, &mut build).map_err(failed)?;
    match (build.failed, build.open.pop().and_then(|mut level| level.values.pop())) {
        (Some(why), _) => Err(StepError::new(0, why)),
        (None, value) => Ok(value.map_or(TypedValue::Null, |(_, value)| value)),
    }
}

/// The visitor that builds.
struct ValueBuilder {
    open: Vec<OpenValue>,
    failed: Option<String>,
}

/// What is open, with the key that its next value is for.
#[derive(Default)]
struct OpenValue {
    key: Option<String>,
    values: Vec<(String, TypedValue)>,
}

impl ValueBuilder {
    fn put(&mut self, value: Result<TypedValue, String>) {
        match (value, self.open.last_mut()) {
            (Ok(value), Some(level)) => level.values.push((level.key.take().unwrap_or_default(), value)),
            (Err(why), _) => self.failed = self.failed.take().or(Some(why)),
            _ => {}
        }
    }
}

impl Visit for ValueBuilder {
    fn open(&mut self, _: bool) {
        self.open.push(OpenValue::default());
    }

    fn close(&mut self, object: bool) {
        let Some(OpenValue { values, .. }) = self.open.pop() else { return };
        self.put(if object {
            object_of(values)
        } else {
            Ok(TypedValue::Array(values.into_iter().map(|(_, value)| value).collect()))
        });
    }

    fn key(&mut self, raw: &str, escaped: bool) {
        match (unescaped(raw, escaped), self.open.last_mut()) {
            (Ok(name), Some(level)) => level.key = Some(name),
            (Err(why), _) => self.failed = self.failed.take().or(Some(why)),
            _ => {}
        }
    }

    fn string(&mut self, raw: &str, escaped: bool) {
        self.put(unescaped(raw, escaped).map(TypedValue::Text));
    }

    fn number(&mut self, raw: &str, integer: bool) {
        self.put(number(raw, integer));
    }

    fn word(&mut self, word: Option<bool>) {
        self.put(Ok(word.map_or(TypedValue::Null, TypedValue::Bool)));
    }
}

fn unescaped(raw: &str, escaped: bool) -> Result<String, String> {
    if !escaped {
        return Ok(raw.to_owned());
    }
    serde_json::from_str(&format!("\"{raw}\"")).map_err(|_| "lone surrogate".to_owned())
}

fn number(raw: &str, integer: bool) -> Result<TypedValue, String> {
    if integer && raw != "-0" {
        return raw.parse().map(TypedValue::Int).map_err(|_| format!("{raw} does not fit into 64 bits"));
    }
    match raw.parse::<f64>() {
        Ok(number) if number.is_finite() => Ok(TypedValue::Float(number)),
        _ => Err(format!("{raw} does not fit into a float")),
    }
}

fn object_of(mut fields: Vec<(String, TypedValue)>) -> Result<TypedValue, String> {
    if fields.len() == 1
        && let Some((name, value)) = fields.pop_if(|(name, _)| is_word(name))
    {
        return special(&name[1..], value);
    }
    let fields = fields.into_iter().map(|(name, value)| Ok((key_of(name)?, value)));
    fields.collect::<Result<_, String>>().map(TypedValue::Map)
}

fn is_word(name: &str) -> bool {
    name.strip_prefix('$').is_some_and(|word| WORDS.contains(&word))
}

fn key_of(name: String) -> Result<TypedValue, String> {
    let Some(rest) = name.strip_prefix('$').filter(|_| is_special(&name) && !is_word(&name)) else {
        return Ok(TypedValue::Text(name));
    };
    if rest.starts_with('$') {
        Ok(TypedValue::Text(rest.to_owned()))
    } else {
        read(rest).map_err(|error| error.why)
    }
}

fn special(word: &str, value: TypedValue) -> Result<TypedValue, String> {
    let wrong = || format!("invalid ${word}");
    let base64 = |text: &str| STANDARD.decode(text).map_err(|error| format!("${word}: {error}"));
    match (word, value) {
        ("binary", TypedValue::Text(text)) => base64(&text).map(TypedValue::Bytes),
        ("timestamp", TypedValue::Text(text)) => Ok(TypedValue::Time(Time::Text(text))),
        ("timestamp", number @ (TypedValue::Int(_) | TypedValue::Float(_))) => {
            Ok(TypedValue::Time(Time::Number(Box::new(number))))
        }
        ("float", TypedValue::Text(text)) => match text.as_str() {
            "NaN" => Ok(TypedValue::Float(f64::NAN)),
            "Infinity" => Ok(TypedValue::Float(f64::INFINITY)),
            "-Infinity" => Ok(TypedValue::Float(f64::NEG_INFINITY)),
            _ => Err(wrong()),
        },
        ("simple", TypedValue::Int(number)) => {
            u8::try_from(number).map(TypedValue::Simple).map_err(|_| wrong())
        }
        ("ext", TypedValue::Array(parts)) => match <[TypedValue; 2]>::try_from(parts) {
            Ok([TypedValue::Int(kind), TypedValue::Text(text)]) => {
                Ok(TypedValue::Ext(i8::try_from(kind).map_err(|_| wrong())?, base64(&text)?))
            }
            _ => Err(wrong()),
        },
        ("tag", TypedValue::Array(parts)) => match <[TypedValue; 2]>::try_from(parts) {
            Ok([TypedValue::Int(tag), value]) => {
                Ok(TypedValue::Tag(u64::try_from(tag).map_err(|_| wrong())?, Box::new(value)))
            }
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    }
}
