//! Reads scenario files. Every mistake is told with its place: FILE:LINE.

use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::did_you_mean;
use crate::error::{Failure, Result, line_of};
use crate::file;
use crate::handshake::server::Request;
use crate::json::quoted;
use crate::message::Message;
use crate::mock::faults::{Fault, Faults};
use crate::mock::script;
use crate::net::url::percent_decode;
use crate::pipeline::filter::Program;
use crate::provider::{Cut, matches_glob};
use crate::text::duration;

/// How long an expectation waits if it does not say.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest time that can be waited for.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 3600);

/// What some connections do.
#[derive(Debug)]
pub(in crate::mock) struct Scenario {
    /// The path, in which `*` stands for any text, and the query parameters that there have to be, if any.
    pub(super) path: String,
    /// The first and the last connection that follow it.
    connections: (u64, Option<u64>),
    /// Where there is an upstream, its traffic goes on while the steps run.
    pub(super) is_beside_upstream: bool,
    pub(super) faults: Arc<Faults>,
    pub(super) steps: Vec<Step>,
}

impl Scenario {
    /// Is it for such a request? A query in the pattern is about the parameters that it names, in any order; others may
    /// be there too.
    pub(super) fn is_for(&self, request: &Request) -> bool {
        let (path, query) = self.path.split_once('?').unwrap_or((&self.path, ""));
        let decoded = |text: &str| percent_decode(text).unwrap_or_else(|| text.to_owned());
        let is_there = |pair: &str| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, "*"));
            let (name, value) = (decoded(name), decoded(value));
            request.query_pairs().iter().any(|(known, text)| *known == name && matches_glob(&value, text))
        };
        matches_glob(path, request.path()) && query.split('&').filter(|pair| !pair.is_empty()).all(is_there)
    }

    /// Is it for the connection of this number?
    pub(super) fn follows(&self, number: u64) -> bool {
        number >= self.connections.0 && self.connections.1.is_none_or(|last| number <= last)
    }

    /// How many connections follow it; one, if any number does.
    pub(super) fn runs(&self) -> u64 {
        self.connections.1.map_or(1, |last| last - self.connections.0 + 1)
    }
}

#[derive(Debug)]
pub(super) struct Step {
    /// FILE:LINE.
    pub(super) place: String,
    pub(super) what: StepAction,
}

#[derive(Debug)]
pub(super) enum StepAction {
    Send(Message),
    Jq(Program),
    Expect(Expect),
    Wait(Duration),
    Repeat(Rounds, Vec<Step>),
    Ping,
    Raw(Bytes),
    /// For this long, or for good.
    Stall(Option<Duration>),
    Close(Option<u16>, String),
    Cut(Cut),
}

/// How often; `None` without end.
pub(super) type Rounds = Option<u64>;

#[derive(Debug)]
pub(super) struct Expect {
    pub(super) program: Program,
    /// The program as it was written.
    pub(super) source: String,
    pub(super) timeout: Duration,
    pub(super) optional: bool,
}

/// Reads a file: its scenarios, and the faults that it has for all connections.
///
/// # Errors
/// A file that cannot be read, and the first mistake in one that can.
pub(in crate::mock) fn read(path: &Path) -> Result<(Vec<Scenario>, Vec<Fault>)> {
    let text = file::text(path, file::MAX_WRITTEN)
        .map_err(|error| Failure::usage_of_system(format!("--scenario {}", path.display()), &error))?;
    parse(&path.display().to_string(), &text)
}

/// Reads the text of a file that is called `name`.
pub(super) fn parse(name: &str, text: &str) -> Result<(Vec<Scenario>, Vec<Fault>)> {
    let reader = ScenarioReader { name, text };
    let root = DeTable::parse(text).map_err(|error| {
        reader.fail(error.span().unwrap_or_default(), error.message().lines().next().unwrap_or_default())
    })?;
    let span = root.span();
    let table = KnownTable::new(&reader, root.get_ref(), span.clone(), "the file", &["faults", "scenario"])?;
    let faults = table.faults()?;
    let Some(scenarios) = table.get("scenario") else {
        return Err(reader.fail(span, "missing [[scenario]]"));
    };
    let scenarios = reader.array(scenarios, "scenario")?.iter().map(|value| reader.scenario(value));
    Ok((scenarios.collect::<Result<_>>()?, faults))
}

/// Hostile files: a mistake is always in a line that there is.
#[cfg(any(test, fuzzing))]
pub(crate) fn hostile(text: &str) {
    if let Err(failure) = parse("f", text) {
        let place = failure.what.strip_prefix("f:").and_then(|rest| rest.split(':').next());
        let line: usize = place.and_then(|line| line.parse().ok()).unwrap_or_else(|| panic!("{failure}"));
        assert!(line >= 1 && line <= text.split('\n').count(), "{failure}");
    }
}

type Value<'i> = Spanned<DeValue<'i>>;

struct ScenarioReader<'a> {
    name: &'a str,
    text: &'a str,
}

impl ScenarioReader<'_> {
    fn place(&self, span: &Range<usize>) -> String {
        format!("{}:{}", self.name, line_of(self.text, span.start))
    }

    fn fail(&self, span: Range<usize>, what: impl AsRef<str>) -> Failure {
        Failure::usage(format!("{}: {}", self.place(&span), what.as_ref()))
    }

    fn wrong<T>(&self, value: &Value<'_>, what: impl AsRef<str>) -> Result<T> {
        Err(self.fail(value.span(), what))
    }

    fn scenario(&self, value: &Value<'_>) -> Result<Scenario> {
        let table =
            self.table(value, "[[scenario]]", &["path", "connection", "upstream", "faults", "steps"])?;
        let path = self.path(table.need("path", "a path, such as path = \"/stream\"")?)?;
        let connections = table.get("connection").map(|value| self.connections(value)).transpose()?;
        let upstream = table.get("upstream").map(|value| self.boolean(value, "upstream")).transpose()?;
        let steps = table.need("steps", "steps, such as steps = [{ send = \"hello\" }]")?;
        Ok(Scenario {
            path,
            connections: connections.unwrap_or((1, None)),
            is_beside_upstream: upstream.unwrap_or(true),
            faults: Arc::new(Faults::new(table.faults()?)),
            steps: self.steps(steps)?,
        })
    }

    fn path(&self, value: &Value<'_>) -> Result<String> {
        let path = self.string(value, "path")?;
        if !path.starts_with(['/', '*']) {
            return self.wrong(value, format!("path '{path}' does not start with a slash"));
        }
        Ok(path)
    }

    fn connections(&self, value: &Value<'_>) -> Result<(u64, Option<u64>)> {
        let text = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::String(text) => text.to_string(),
            _ => String::new(),
        };
        let range = match text.split_once("..") {
            None => text.parse().ok().map(|only| (only, Some(only))),
            Some((first, "")) => first.parse().ok().map(|first| (first, None)),
            Some((first, last)) => first.parse().ok().zip(last.parse().ok().map(Some)),
        };
        match range {
            Some((first @ 1.., last)) if last.is_none_or(|last| last >= first) => Ok((first, last)),
            _ => self
                .wrong(value, "connection must be a number from 1, or a range such as \"2..4\" or \"2..\""),
        }
    }

    fn steps(&self, value: &Value<'_>) -> Result<Vec<Step>> {
        self.array(value, "steps")?.iter().map(|value| self.step(value)).collect()
    }

    fn step(&self, value: &Value<'_>) -> Result<Step> {
        let keys = [&VERBS[..], &DETAILS.map(|(key, _)| key)].concat();
        let table = self.table(value, "a step", &keys)?;
        let named: Vec<&str> = VERBS.into_iter().filter(|verb| table.get(verb).is_some()).collect();
        let [verb] = named[..] else {
            let what = match &named[..] {
                [] => format!("a step must have one of {}", VERBS.join(", ")),
                several => format!("a step must have one action, not {}", several.join(" and ")),
            };
            return self.wrong(value, what);
        };
        for (key, of) in DETAILS {
            if let Some(stray) = table.get(key).filter(|_| verb != of) {
                return self.wrong(stray, format!("{key} works only with {of}, not with {verb}"));
            }
        }
        let argument = table.need(verb, "")?;
        Ok(Step { place: self.place(&argument.span()), what: self.what(verb, argument, &table)? })
    }

    fn what(&self, verb: &str, value: &Value<'_>, table: &KnownTable<'_, '_>) -> Result<StepAction> {
        Ok(match verb {
            "send" => StepAction::Send(self.message(value)?),
            "jq" | "send_jq" => StepAction::Jq(self.program(value, verb)?.0),
            "binary" => StepAction::Send(Message::Binary(self.bytes(value, verb)?)),
            "raw" => StepAction::Raw(self.bytes(value, verb)?),
            "expect" => StepAction::Expect(self.expect(value, table)?),
            "wait" => StepAction::Wait(self.time(value, verb)?),
            "repeat" => self.repeat(value, table)?,
            "close" => self.close(value, table)?,
            "stall" if value.get_ref().as_str().is_some() => StepAction::Stall(Some(self.time(value, verb)?)),
            _ => {
                if self.boolean(value, verb)? {
                    flag(verb)
                } else {
                    return self.wrong(value, format!("{verb} must be true (or removed)"));
                }
            }
        })
    }

    fn expect(&self, value: &Value<'_>, table: &KnownTable<'_, '_>) -> Result<Expect> {
        let (program, source) = self.program(value, "expect")?;
        let timeout = table.get("timeout").map(|value| self.time(value, "timeout")).transpose()?;
        let optional = table.get("optional").map(|value| self.boolean(value, "optional")).transpose()?;
        Ok(Expect {
            program,
            source,
            timeout: timeout.unwrap_or(TIMEOUT),
            optional: optional.unwrap_or_default(),
        })
    }

    fn repeat(&self, value: &Value<'_>, table: &KnownTable<'_, '_>) -> Result<StepAction> {
        let rounds = match value.get_ref() {
            DeValue::Integer(number) => number.as_str().parse().ok().map(Some),
            DeValue::String(text) if text == "forever" => Some(None),
            _ => None,
        };
        let Some(rounds) = rounds else {
            return self.wrong(value, "repeat must be a number or \"forever\"");
        };
        let steps = self.steps(table.need("steps", "steps, such as { repeat = 3, steps = [ … ] }")?)?;
        if steps.is_empty() {
            return self.wrong(value, "steps is empty");
        }
        Ok(StepAction::Repeat(rounds, steps))
    }

    fn close(&self, value: &Value<'_>, table: &KnownTable<'_, '_>) -> Result<StepAction> {
        let code = match value.get_ref() {
            DeValue::Boolean(true) => None,
            DeValue::Integer(number) if number.as_str().parse::<u16>().is_ok() => {
                number.as_str().parse().ok()
            }
            _ => {
                return self.wrong(
                    value,
                    "close must be a code from 0 to 65535, or true for a frame without a code",
                );
            }
        };
        let Some(stated) = table.get("reason") else { return Ok(StepAction::Close(code, String::new())) };
        let reason = self.string(stated, "reason")?;
        match (code, reason.len()) {
            (None, _) => self.wrong(stated, "a reason needs a code"),
            (_, 124..) => self.wrong(stated, "close reason too long (at most 123 bytes)"),
            _ => Ok(StepAction::Close(code, reason)),
        }
    }

    /// A text as it is; a table or an array as JSON.
    fn message(&self, value: &Value<'_>) -> Result<Message> {
        match value.get_ref() {
            DeValue::String(text) => Ok(Message::text(text.to_string())),
            DeValue::Table(_) | DeValue::Array(_) => {
                let mut json = String::new();
                self.write_json(value, &mut json)?;
                Ok(Message::text(json))
            }
            _ => self.wrong(value, "send must be a string, or a table or array to send as JSON"),
        }
    }

    fn write_json(&self, value: &Value<'_>, out: &mut String) -> Result<()> {
        match value.get_ref() {
            DeValue::String(text) => out.push_str(&quoted(text)),
            DeValue::Boolean(boolean) => out.push_str(if *boolean { "true" } else { "false" }),
            DeValue::Datetime(time) => out.push_str(&quoted(&time.to_string())),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => out.push_str(&number.to_string()),
                Err(_) => return self.wrong(value, "number too large"),
            },
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(finite) if finite.is_finite() => {
                    out.push_str(number.as_str().trim_start_matches('+'));
                }
                _ => return self.wrong(value, "not a valid JSON number"),
            },
            DeValue::Array(values) => {
                out.push('[');
                for (n, value) in values.iter().enumerate() {
                    out.push_str(if n == 0 { "" } else { "," });
                    self.write_json(value, out)?;
                }
                out.push(']');
            }
            DeValue::Table(table) => {
                // The order of the file, which the parser does not keep.
                let mut fields: Vec<_> = table.iter().collect();
                fields.sort_by_key(|(key, _)| key.span().start);
                out.push('{');
                for (n, (key, value)) in fields.into_iter().enumerate() {
                    out.push_str(if n == 0 { "" } else { "," });
                    out.push_str(&quoted(key.get_ref()));
                    out.push(':');
                    self.write_json(value, out)?;
                }
                out.push('}');
            }
        }
        Ok(())
    }

    fn program(&self, value: &Value<'_>, key: &str) -> Result<(Program, String)> {
        let source = self.string(value, key)?;
        let program = script::compile(key, &source).map_err(|failure| Failure {
            what: format!("{}: {}", self.place(&value.span()), failure.what),
            ..failure
        })?;
        Ok((program, source))
    }

    /// Hexadecimal digits in pairs, with spaces where the writer likes them; or `{ base64 = "…" }`.
    fn bytes(&self, value: &Value<'_>, key: &str) -> Result<Bytes> {
        let what = format!("{key} must be hexadecimal, such as \"00 ff\", or {{ base64 = \"AP8=\" }}");
        if value.get_ref().is_table() {
            let table = self.table(value, key, &["base64"])?;
            let text = self.string(table.need("base64", &what)?, "base64")?;
            return STANDARD.decode(text).map(Bytes::from).or_else(|_| self.wrong(value, what));
        }
        let text = self.string(value, key)?;
        let digits: Option<Vec<u32>> =
            text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16)).collect();
        match digits {
            // Two digits make at most 255.
            Some(digits) if digits.len() % 2 == 0 => Ok(digits
                .chunks_exact(2)
                .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap_or(u8::MAX))
                .collect()),
            _ => self.wrong(value, what),
        }
    }

    fn time(&self, value: &Value<'_>, key: &str) -> Result<Duration> {
        let text = match value.get_ref() {
            DeValue::Integer(seconds) => seconds.as_str().to_owned(),
            DeValue::Float(seconds) => seconds.as_str().to_owned(),
            _ => self.string(value, key)?,
        };
        match duration(&text) {
            Ok(time) if time <= LONGEST => Ok(time),
            _ => self.wrong(value, format!("{key} must be a time such as \"250ms\" or \"2s\", up to a year")),
        }
    }

    fn string(&self, value: &Value<'_>, key: &str) -> Result<String> {
        match value.get_ref() {
            DeValue::String(text) => Ok(text.to_string()),
            other => self.wrong(value, format!("{key} must be a string, not {}", other.type_str())),
        }
    }

    fn boolean(&self, value: &Value<'_>, key: &str) -> Result<bool> {
        match value.get_ref() {
            DeValue::Boolean(boolean) => Ok(*boolean),
            other => self.wrong(value, format!("{key} must be true or false, not {}", other.type_str())),
        }
    }

    fn array<'v, 'i>(&self, value: &'v Value<'i>, key: &str) -> Result<&'v [Value<'i>]> {
        match value.get_ref() {
            DeValue::Array(values) => Ok(values),
            other => self.wrong(value, format!("{key} must be an array of tables, not {}", other.type_str())),
        }
    }

    fn table<'a, 'i>(
        &'a self,
        value: &'a Value<'i>,
        name: &str,
        keys: &[&'static str],
    ) -> Result<KnownTable<'a, 'i>> {
        match value.get_ref() {
            DeValue::Table(table) => KnownTable::new(self, table, value.span(), name, keys),
            other => self.wrong(value, format!("{name} must be a table, not {}", other.type_str())),
        }
    }
}

/// What a step can do.
const VERBS: [&str; 14] = [
    "send",
    "jq",
    "send_jq",
    "binary",
    "raw",
    "expect",
    "wait",
    "repeat",
    "ping",
    "stall",
    "half_open",
    "close",
    "abort",
    "drop",
];

/// The other keys of a step, and the verb that each belongs to.
const DETAILS: [(&str, &str); 4] =
    [("timeout", "expect"), ("optional", "expect"), ("steps", "repeat"), ("reason", "close")];

fn flag(verb: &str) -> StepAction {
    match verb {
        "ping" => StepAction::Ping,
        "stall" => StepAction::Stall(None),
        "half_open" => StepAction::Cut(Cut::Silence),
        "abort" => StepAction::Cut(Cut::Reset),
        _ => StepAction::Cut(Cut::Fin),
    }
}

/// A table whose keys are all known.
struct KnownTable<'a, 'i> {
    reader: &'a ScenarioReader<'a>,
    table: &'a DeTable<'i>,
    span: Range<usize>,
    name: String,
}

impl<'a, 'i> KnownTable<'a, 'i> {
    fn new(
        reader: &'a ScenarioReader<'a>,
        table: &'a DeTable<'i>,
        span: Range<usize>,
        name: &str,
        keys: &[&'static str],
    ) -> Result<Self> {
        let stray = table.keys().filter(|key| !keys.contains(&&**key.get_ref()));
        if let Some(stray) = stray.min_by_key(|key| key.span().start) {
            let what = match did_you_mean::nearest(stray.get_ref(), keys.iter().copied()) {
                Some(near) => format!("{name}: unknown key '{}' (did you mean {near}?)", stray.get_ref()),
                None => {
                    format!("{name}: unknown key '{}' (known keys: {})", stray.get_ref(), keys.join(", "))
                }
            };
            return Err(reader.fail(stray.span(), what));
        }
        Ok(Self { reader, table, span, name: name.to_owned() })
    }

    fn get(&self, key: &str) -> Option<&'a Value<'i>> {
        self.table.get(key)
    }

    fn need(&self, key: &str, what: &str) -> Result<&'a Value<'i>> {
        self.get(key)
            .ok_or_else(|| self.reader.fail(self.span.clone(), format!("{} needs {what}", self.name)))
    }

    fn faults(&self) -> Result<Vec<Fault>> {
        let Some(value) = self.get("faults") else { return Ok(Vec::new()) };
        let one = |value: &Value<'_>| {
            let text = self.reader.string(value, "a fault")?;
            text.parse().or_else(|why: String| self.reader.wrong(value, why))
        };
        self.reader.array(value, "faults")?.iter().map(one).collect()
    }
}
