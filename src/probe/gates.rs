//! Conditions that a record has to meet: they turn a report into an exit status for CI.

use std::ops::ControlFlow;
use std::thread;
use std::time::Duration;

use serde::Serialize;

use super::record::{ProbeRecord, ms};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::pipeline::filter::{Program, STACK, Value, Vars};
use crate::text::shortened;

/// What `--max` can bound; the last three are of `--live`.
const PHASES: &[&str] = &["dns", "tcp", "proxy", "tls", "upgrade", "total", "message", "pong", "close"];

/// How much of a value is shown, in columns.
const SHOWN: usize = 200;

/// All gates of a run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Gates {
    /// `--expect`: the texts and their programs.
    expect: Vec<(String, Program)>,
    /// `--expect-status`: any of these.
    status: Vec<u16>,
    min_cert_days: Option<i64>,
    max: Vec<Limit>,
}

/// One part of `--max`, such as `tls=200ms`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limit {
    phase: String,
    most: Duration,
}

/// What became of a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Judgement {
    /// The option, as it was given.
    pub gate: String,
    /// Does it hold?
    pub ok: bool,
    /// What it saw.
    pub saw: String,
}

impl Limit {
    /// Reads `PHASE=DURATION`.
    ///
    /// # Errors
    /// The text for people.
    pub fn parse(text: &str, duration: impl Fn(&str) -> Result<Duration, String>) -> Result<Self, String> {
        let (phase, most) = text.split_once('=').ok_or("expected PHASE=DURATION, such as tls=200ms")?;
        if !PHASES.contains(&phase) {
            return Err(format!("unknown phase {phase:?} (known phases: {})", PHASES.join(", ")));
        }
        Ok(Self { phase: phase.to_owned(), most: duration(most)? })
    }
}

impl Gates {
    /// Compiles the expressions.
    ///
    /// # Errors
    /// An expression that does not compile.
    pub(crate) fn new(
        expect: &[String],
        status: &[u16],
        min_cert_days: Option<i64>,
        max: &[Limit],
    ) -> Result<Self> {
        let compile =
            |text: &String| Ok((text.clone(), Program::compile("--expect", text, &Vars::default())?));
        Ok(Self {
            expect: expect.iter().map(compile).collect::<Result<_>>()?,
            status: status.to_vec(),
            min_cert_days,
            max: max.to_vec(),
        })
    }

    /// The longest that this phase may take.
    #[must_use]
    pub(crate) fn most(&self, phase: &str) -> Option<Duration> {
        self.max.iter().filter(|limit| limit.phase == phase).map(|limit| limit.most).min()
    }

    /// The days that the certificate has to be good for.
    #[must_use]
    pub(crate) fn min_cert_days(&self) -> Option<i64> {
        self.min_cert_days
    }

    #[must_use]
    pub(crate) fn any(&self) -> bool {
        !(self.expect.is_empty()
            && self.status.is_empty()
            && self.min_cert_days.is_none()
            && self.max.is_empty())
    }

    /// Judges a record by every gate.
    ///
    /// # Errors
    /// If the system gives no thread.
    pub(crate) fn judge(&self, record: &ProbeRecord) -> Result<Vec<Judgement>> {
        let mut judgements = Vec::new();
        if !self.expect.is_empty() {
            judgements.extend(self.expected(record)?);
        }
        if !self.status.is_empty() {
            judgements.push(self.judge_status(record));
        }
        judgements.extend(self.min_cert_days.map(|least| judge_days(least, record)));
        judgements.extend(self.max.iter().map(|limit| judge_time(limit, record)));
        Ok(judgements)
    }

    /// On a thread with the stack that deep JSON in a body takes.
    fn expected(&self, record: &ProbeRecord) -> Result<Vec<Judgement>> {
        let json = record.to_json();
        let expect = self.expect.clone();
        let work = move || match Value::parse(&json) {
            Ok(input) => expect.iter().map(|(text, program)| judge_program(text, program, &input)).collect(),
            Err(error) => vec![Judgement { gate: "--expect".into(), ok: false, saw: error }],
        };
        let thread = thread::Builder::new().name("expect".into()).stack_size(STACK).spawn(work);
        let thread = thread.map_err(|error| crate::system("cannot start a thread for --expect", &error))?;
        thread.join().map_err(|_| Failure::new(Exit::Assertion, "--expect: the program failed"))
    }

    fn judge_status(&self, record: &ProbeRecord) -> Judgement {
        let wanted: Vec<String> = self.status.iter().map(u16::to_string).collect();
        let got = record.status();
        Judgement {
            gate: format!("--expect-status {}", wanted.join(",")),
            ok: got.is_some_and(|got| self.status.contains(&got)),
            saw: got.map_or("no response".into(), |got| got.to_string()),
        }
    }
}

fn judge_days(least: i64, record: &ProbeRecord) -> Judgement {
    let days = record.tls.as_ref().and_then(|tls| tls.days_left);
    Judgement {
        gate: format!("--min-cert-days {least}"),
        ok: days.is_some_and(|days| days >= least),
        saw: days.map_or("no certificate".into(), |days| format!("{days} days left")),
    }
}

/// A skipped phase took 0 ms. A failed or unreached phase exceeds every bound.
fn judge_time(limit: &Limit, record: &ProbeRecord) -> Judgement {
    let time = record.times().into_iter().find(|(name, _)| *name == limit.phase).map(|(_, time)| time);
    let needed = matches!(limit.phase.as_str(), "upgrade" | "message" | "pong" | "close");
    let failed = record.failed.as_ref().map(|failed| failed.phase);
    let answered = record.http.is_some();
    let most = ms(Some(limit.most)).unwrap_or_default();
    let is_broken = failed == Some(limit.phase.as_str()) && !answered;
    let (ok, saw) = match time {
        Some(time) if is_broken => (false, format!("failed after {time} ms")),
        _ if limit.phase == "total" && !answered => (false, "no response".to_owned()),
        Some(time) => (time <= most, format!("{time} ms")),
        None if answered && !needed => (true, "not needed".into()),
        None => (false, "not reached".into()),
    };
    Judgement { gate: format!("--max {}={}", limit.phase, humantime::format_duration(limit.most)), ok, saw }
}

/// Every output has to be true, and there has to be one.
fn judge_program(text: &str, program: &Program, input: &Value) -> Judgement {
    let (mut outputs, mut all) = (0, true);
    let ended = program.run(input, &mut |value| {
        outputs += 1;
        all &= value.is_truthy();
        ControlFlow::Continue(())
    });
    let saw = match &ended {
        Err(error) => format!("error: {error}"),
        Ok(()) if outputs == 0 => "no output".to_owned(),
        Ok(()) => sides(text, input).unwrap_or_else(|| values(text, input)),
    };
    Judgement { gate: format!("--expect '{text}'"), ok: ended.is_ok() && outputs > 0 && all, saw }
}

/// What the sides of a comparison came to; `None` for any other expression.
fn sides(text: &str, input: &Value) -> Option<String> {
    let (left, right) = comparison(text)?;
    let side = |name: &str, side: &str| {
        let name = if paths(side) == [side] { side } else { name };
        Some(format!("{name} is {}", value(side, input)?))
    };
    let left = side("the left side", left)?;
    // A constant needs no telling.
    match paths(right).is_empty() {
        true => Some(left),
        false => Some(format!("{left}, {}", side("the right side", right)?)),
    }
}

/// The two sides of an expression that is one comparison: what stands before, pipes included, is a value of its own,
/// since nothing in jq binds less than a pipe.
fn comparison(text: &str) -> Option<(&str, &str)> {
    const WORDS: &[&str] = &["and", "or", "if", "reduce", "foreach", "def", "try", "label"];
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_i32);
    let mut found = None;
    while let Some(&byte) = bytes.get(at) {
        let mut end = at + 1;
        let next = bytes.get(end).copied().unwrap_or_default();
        match byte {
            b'"' => end = string_end(bytes, at),
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth -= 1,
            b'#' => return None,
            _ if depth > 0 => {}
            b'.' | b'$' | b'@' | b'_' | b'a'..=b'z' | b'A'..=b'Z' => {
                end = word_end(bytes, at);
                if WORDS.contains(&&text[at..end]) {
                    return None;
                }
            }
            b'<' | b'>' | b'=' | b'!' if next == b'=' || byte == b'<' || byte == b'>' => {
                end += usize::from(next == b'=');
                if found.replace((at, end)).is_some() {
                    return None;
                }
            }
            // What binds less than a comparison, but for a pipe before it, or assigns.
            b',' | b'=' | b';' => return None,
            b'/' if next == b'/' => return None,
            b'|' if found.is_some() || next == b'=' => return None,
            _ => {}
        }
        at = end;
    }
    let (start, end) = found?;
    Some((text[..start].trim(), text[end..].trim()))
}

/// The end of a name with what marks it as a path or variable.
fn word_end(bytes: &[u8], start: usize) -> usize {
    let rest = bytes[start + 1..].iter();
    start + 1 + rest.take_while(|byte| byte.is_ascii_alphanumeric() || **byte == b'_').count()
}

/// The values of the paths that an expression starts from: what it saw, in a word.
fn values(text: &str, input: &Value) -> String {
    let known: Vec<(String, String)> =
        paths(text).into_iter().filter_map(|path| Some((path.clone(), value(&path, input)?))).collect();
    // A path within something else, as in `any(.checks[]; .verdict == "fail")`, leads nowhere from the start.
    let some = known.iter().any(|(_, value)| value != "null");
    let shown: Vec<String> = known
        .iter()
        .filter(|(_, value)| !some || value != "null")
        .map(|(path, value)| format!("{path} is {value}"))
        .collect();
    if shown.is_empty() { "false".into() } else { shown.join(", ") }
}

fn value(path: &str, input: &Value) -> Option<String> {
    let program = Program::compile("--expect", path, &Vars::default()).ok()?;
    let mut values = Vec::new();
    let ended = program.run(input, &mut |value| {
        let mut text = Vec::new();
        if value.write(&mut text).is_ok() {
            values.push(String::from_utf8_lossy(&text).into_owned());
        }
        ControlFlow::Continue(())
    });
    ended.ok()?;
    Some(shortened(&values.join(", "), SHOWN))
}

/// The paths in a jq expression, up to its first pipe, each once.
fn paths(text: &str) -> Vec<String> {
    let mut paths: Vec<String> = Vec::new();
    let bytes = text.as_bytes();
    let (mut at, mut depth) = (0, 0_i32);
    let mut before = b' ';
    while let Some(&byte) = bytes.get(at) {
        let mut end = at + 1;
        match byte {
            b'"' => end = string_end(bytes, at),
            b'(' => depth += 1,
            b')' => depth -= 1,
            b'|' if depth == 0 => break,
            b'.' if !(before.is_ascii_alphanumeric() || b")]_".contains(&before)) => {
                end = path_end(bytes, at);
                let path = &text[at..end];
                if path.len() > 1 && !paths.iter().any(|known| known == path) {
                    paths.push(path.to_owned());
                }
            }
            _ => {}
        }
        before = bytes[end - 1];
        at = end;
    }
    paths
}

/// The end of `.a.b[0]["c"]?`.
fn path_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    loop {
        match (bytes.get(at), bytes.get(at + 1)) {
            (Some(b'.'), Some(next)) if next.is_ascii_alphabetic() || *next == b'_' => {
                at += 1;
                while bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
                    at += 1;
                }
            }
            (Some(b'.'), Some(b'"')) => at = string_end(bytes, at + 1),
            (Some(b'.'), Some(b'[')) if at == start => at = bracket_end(bytes, at + 1),
            (Some(b'['), _) if at > start => at = bracket_end(bytes, at),
            (Some(b'?'), _) if at > start => at += 1,
            _ => return at.max(start + 1),
        }
    }
}

fn bracket_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'"' => at = string_end(bytes, at),
            b']' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The place after the string that starts here.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            _ => at += 1,
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_paths_of_an_expression_are_found() {
        let cases: &[(&str, &[&str])] = &[
            (".tls.days_left > 14", &[".tls.days_left"]),
            (".a == 1.5 and .b[0].c == \".x\"", &[".a", ".b[0].c"]),
            (".http.headers[] | select(.name == \"x\")", &[".http.headers[]"]),
            ("(.a | length) > 2", &[".a"]),
            (".[\"odd name\"] and .\"other\".x?", &[".[\"odd name\"]", ".\"other\".x?"]),
            (".", &[]),
            ("é.ü", &[]),
            (".\"unfinished", &[".\"unfinished"]),
        ];
        for (text, expected) in cases {
            assert_eq!(&paths(text), expected, "{text}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn no_text_breaks_the_search_for_paths(text in "[.a\"\\\\\\[\\]()|? é1_<=>!]{0,12}") {
            for path in paths(&text) {
                prop_assert!(text.contains(&path));
            }
            let _ = comparison(&text);
        }
    }

    #[test]
    fn the_sides_of_a_comparison_are_found() {
        let cases = [
            (".a > 1", Some((".a", "1"))),
            ("[.a[] | select(.b == 1)]==[]", Some(("[.a[] | select(.b == 1)]", "[]"))),
            (".a | map(.b) | length <= 3", Some((".a | map(.b) | length", "3"))),
            (".order.and != \"a == b\"", Some((".order.and", "\"a == b\""))),
            (".a as $or | $or < 2", Some((".a as $or | $or", "2"))),
            (".a == 1 and .b == 2", None),
            (".a == 1 | not", None),
            (".a // 0 > 1", None),
            ("any(.a[]; . == 1)", None),
            (".a = 1", None),
            ("if .a then 1 else 2 end == 2", None),
            (".a, .b == 1", None),
            ("é == \"", Some(("é", "\""))),
        ];
        for (text, expected) in cases {
            assert_eq!(comparison(text), expected, "{text}");
        }
    }

    #[test]
    fn a_gate_tells_what_it_saw() {
        let input = Value::parse(r#"{"tls":{"days_left":3},"checks":[{"verdict":"fail"}]}"#).unwrap();
        let judge = |text: &str| {
            judge_program(text, &Program::compile("--expect", text, &Vars::default()).unwrap(), &input)
        };
        assert_eq!(judge(".tls.days_left > 14").saw, ".tls.days_left is 3");
        assert!(judge(".tls.days_left > 1").ok);
        let any = judge("any(.checks[]; .verdict == \"ok\")");
        assert_eq!((any.ok, any.saw.as_str()), (false, ".checks[] is {\"verdict\":\"fail\"}"));
        assert_eq!(judge(".nothing").saw, ".nothing is null");
        let none = "[.checks[] | select(.verdict == \"fail\") | .verdict] == []";
        assert_eq!(judge(none).saw, "the left side is [\"fail\"]");
        assert_eq!(
            judge("(.checks | length) > .tls.days_left").saw,
            "the left side is 1, .tls.days_left is 3"
        );
        assert_eq!(judge("empty").saw, "no output");
        assert!(judge("error(\"x\")").saw.contains('x'));
        assert!(!judge("true, false").ok);
    }
}
