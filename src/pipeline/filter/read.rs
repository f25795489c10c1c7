//! From JSON text to a value, in the one pass that also checks it.

use std::cell::RefCell;
use std::sync::Arc;

use jaq_json::Num;

use super::object::Object;
use super::plan::{PartsPlan, Reads};
use super::value::Val;
use crate::json::{self, Visit};

/// Longer integers are kept as text: turning digits into a number takes time that grows with their square.
const MAX_DIGITS: usize = 400;

/// What some put before their text.
const BYTE_ORDER_MARK: char = '\u{feff}';

/// The value of a text that is one JSON value, or what jq takes for one.
pub(super) fn one(text: &str) -> Result<Val, json::Error> {
    let mut build = Build::default();
    let (_, end) = json::walk(text, start(text), &mut build)?;
    json::end_of_text(text, end)?;
    Ok(build.done)
}

/// [`one`] that builds only the parts in `reads`. The whole text is checked.
pub(super) fn parts(text: &str, reads: &Reads) -> Result<Val, json::Error> {
    if reads.is_everything() {
        return one(text);
    }
    let mut build = Build { next: Next::Parts(reads), ..Build::default() };
    let (_, end) = json::walk(text, start(text), &mut build)?;
    json::end_of_text(text, end)?;
    Ok(build.done)
}

/// [`parts`], or `None` if what is built is nested deeper than this.
pub(super) fn within(text: &str, reads: &Reads, depth: usize) -> Result<Option<Val>, json::Error> {
    let next = if reads.is_everything() { Next::Whole } else { Next::Parts(reads) };
    let mut build = Build { next, most: depth, ..Build::default() };
    let (_, end) = json::walk(text, start(text), &mut build)?;
    json::end_of_text(text, end)?;
    Ok((!build.too_deep).then_some(build.done))
}

/// The values of the parts that a plan runs on. `None` if the message is no object, if something else than an object
/// has a part in it, or if the text is not JSON: the program then runs on the message, which tells what is wrong.
pub(super) fn apart(text: &str, plan: &PartsPlan) -> Option<Vec<Val>> {
    if !text.starts_with('{') {
        return None;
    }
    let apart = Some(vec![Val::Null; plan.count]);
    let mut build = Build { next: Next::Parts(&plan.reads), apart, ..Build::default() };
    let (_, end) = json::walk(text, 0, &mut build).ok()?;
    json::end_of_text(text, end).ok()?;
    build.apart
}

/// The values that follow each other in a text.
pub(super) fn many(text: &str) -> Result<Vec<Val>, json::Error> {
    let (mut values, mut at) = (Vec::new(), start(text));
    while json::end_of_text(text, at).is_err() {
        let mut build = Build::default();
        (_, at) = json::walk(text, at, &mut build)?;
        values.push(build.done);
    }
    Ok(values)
}

/// What is wrong with a text, with the character that should not be there.
pub(super) fn explained(text: &str, error: json::Error) -> String {
    let found = text.get(error.at..).and_then(|rest| rest.chars().next());
    match found.filter(|c| error.what.starts_with("expected") && !c.is_control()) {
        Some(c) => format!("unexpected `{c}` at byte {} ({})", error.at, error.what),
        None => error.to_string(),
    }
}

/// Where the first value is looked for.
fn start(text: &str) -> usize {
    if text.starts_with(BYTE_ORDER_MARK) { BYTE_ORDER_MARK.len_utf8() } else { 0 }
}

/// A number as C's `strtod` reads it: `+1`, `.5`, `5.`, `01`, `NaN` and `-Infinity` besides those of JSON.
pub(super) fn number_text(text: &str) -> Option<Num> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let named = ["nan", "inf", "infinity"].iter().any(|name| unsigned.eq_ignore_ascii_case(name));
    let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
    if !named && !unsigned.chars().all(numeric) {
        return None;
    }
    // What is JSON keeps its digits.
    let plain = json::scan_str(text).is_ok_and(|_| !text.starts_with([' ', '\t', '\r', '\n']));
    if plain && text.ends_with(numeric) {
        return Some(literal(text));
    }
    text.parse().ok().map(Num::Float)
}

/// A number in a program, which is spelled as in JSON.
pub(super) fn literal(text: &str) -> Num {
    number(text, !text.contains(['.', 'e', 'E']))
}

/// A number that is spelled as in JSON. The spelling of what is not a plain integer is kept.
pub(super) fn number(raw: &str, integer: bool) -> Num {
    if integer
        && raw != "-0"
        && raw.len() <= MAX_DIGITS
        && let Some(n) = Num::from_str_radix(raw, 10)
    {
        return n;
    }
    Num::Dec(Arc::new(raw.to_owned()))
}

/// Stands for an object or an array of which only the truth counts.
const TRUE: Val = Val::Bool(true);

/// The visitor that builds. What is open waits on a stack, so that depth costs no recursion.
#[derive(Default)]
struct Build<'r> {
    open: Vec<Open<'r>>,
    done: Val,
    /// What to build of the next value.
    next: Next<'r>,
    /// The number of arrays and objects that are open within a value that is left out.
    left_out: usize,
    /// How deep values may be nested; 0 for as deep as in JSON.
    most: usize,
    /// They are nested deeper, and what is deeper is left out.
    too_deep: bool,
    /// The parts, where they are kept apart and no object is built for what leads to them.
    apart: Option<Vec<Val>>,
}

enum Open<'r> {
    Array(Vec<Val>),
    /// The last field is what is read of the object, unless all of it is.
    Object(Object, Arc<str>, Option<&'r Reads>),
    /// An object with parts that are kept apart, and the number of the next one.
    Parts(&'r Reads, Option<usize>),
}

#[derive(Clone, Copy, Default)]
enum Next<'r> {
    #[default]
    Whole,
    Parts(&'r Reads),
    Nothing,
}

impl Build<'_> {
    fn put(&mut self, value: Val) {
        match self.open.last_mut() {
            None => self.done = value,
            Some(Open::Array(items)) => items.push(value),
            Some(Open::Object(fields, key, _)) => {
                fields.insert(std::mem::take(key), value);
            }
            Some(Open::Parts(_, part)) => {
                let has_parts = matches!(self.next, Next::Parts(reads) if reads.len() > 0);
                if has_parts && !matches!(value, Val::Null) {
                    self.apart = None;
                } else if let (Some(part), Some(parts)) = (part.take(), &mut self.apart) {
                    parts[part] = value;
                }
            }
        }
    }

    /// Returns true if this value is not built.
    fn leaves_out(&self) -> bool {
        // Where the parts have been given up, the rest is only checked.
        let given_up = self.apart.is_none() && matches!(self.open.first(), Some(Open::Parts(..)));
        self.left_out > 0 || matches!(self.next, Next::Nothing) || given_up
    }
}

impl<'r> Visit for Build<'r> {
    const LENIENT: bool = true;

    fn open(&mut self, object: bool) {
        let deep = self.most > 0 && self.open.len() >= self.most;
        if self.leaves_out() || deep {
            self.too_deep |= deep && !self.leaves_out();
            self.left_out += 1;
            return;
        }
        let reads = if let Next::Parts(reads) = self.next { Some(reads) } else { None };
        match reads {
            Some(reads) if self.apart.is_some() && object => return self.open.push(Open::Parts(reads, None)),
            Some(_) if self.apart.is_some() => {
                self.put(TRUE);
                self.left_out += 1;
                return;
            }
            _ => self.next = Next::Whole,
        }
        self.open.push(if object {
            let room = reads.map_or(8, Reads::len);
            Open::Object(Object::with_capacity(room), Arc::default(), reads)
        } else {
            Open::Array(Vec::new())
        });
    }

    fn close(&mut self, _: bool) {
        if self.left_out > 0 {
            self.left_out -= 1;
            return;
        }
        let value = match self.open.pop() {
            Some(Open::Array(items)) => Val::Arr(Arc::new(items)),
            Some(Open::Object(fields, ..)) => Val::object(fields),
            Some(Open::Parts(..)) => {
                self.next = Next::Whole;
                TRUE
            }
            None => return,
        };
        self.put(value);
    }

    fn key(&mut self, raw: &str, escaped: bool) {
        if self.left_out > 0 {
            return;
        }
        let found = |reads: &'r Reads| if escaped { reads.field(&unescape(raw)) } else { reads.field(raw) };
        let field = match self.open.last_mut() {
            Some(Open::Object(_, key, None)) => {
                *key = if escaped { unescape(raw).into() } else { known_key(raw) };
                self.next = Next::Whole;
                return;
            }
            Some(Open::Object(_, key, Some(reads))) => found(reads).map(|(name, reads)| {
                *key = Arc::clone(name);
                reads
            }),
            Some(Open::Parts(reads, part)) => found(reads).map(|(_, reads)| {
                *part = reads.part();
                // The field may have come before: the last one counts, with all that it lacks.
                self.apart.iter_mut().for_each(|parts| reads.forget(parts));
                reads
            }),
            _ => return,
        };
        self.next = match field {
            Some(reads) if reads.is_everything() => Next::Whole,
            Some(reads) => Next::Parts(reads),
            None => Next::Nothing,
        };
    }

    fn string(&mut self, raw: &str, escaped: bool) {
        if !self.leaves_out() {
            let text = if escaped { unescape(raw).into() } else { raw.into() };
            self.put(Val::Str(text));
        }
    }

    fn number(&mut self, raw: &str, integer: bool) {
        if !self.leaves_out() {
            self.put(Val::Num(number(raw, integer)));
        }
    }

    fn odd_number(&mut self, raw: &str) -> bool {
        let number = number_text(raw);
        let known = number.is_some();
        if let (Some(number), false) = (number, self.leaves_out()) {
            self.put(Val::Num(number));
        }
        known
    }

    fn word(&mut self, word: Option<bool>) {
        if !self.leaves_out() {
            self.put(word.map_or(Val::Null, Val::Bool));
        }
    }
}

/// The longest key that is cached, in bytes.
const LONGEST_KEY: usize = 48;

/// A key from a small cache: most messages have the same keys.
fn known_key(raw: &str) -> Arc<str> {
    thread_local! {
        static KEYS: RefCell<Vec<Arc<str>>> = RefCell::new(vec![Arc::default(); 256]);
    }
    if raw.len() > LONGEST_KEY {
        return raw.into();
    }
    let hash = raw.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    KEYS.with_borrow_mut(|keys| {
        let slot = &mut keys[(hash >> 32) as usize % 256];
        if **slot != *raw {
            *slot = raw.into();
        }
        Arc::clone(slot)
    })
}

fn unescape(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, after)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut chars = after.chars();
        rest = match chars.next() {
            Some('u') => {
                let (c, rest) = unicode(chars.as_str());
                text.push(c);
                rest
            }
            Some(c) => {
                text.push(match c {
                    'b' => '\u{8}',
                    'f' => '\u{c}',
                    'n' => '\n',
                    'r' => '\r',
                    't' => '\t',
                    c => c,
                });
                chars.as_str()
            }
            None => "",
        };
    }
    text.push_str(rest);
    text
}

/// The character of the four digits at the start, or of a surrogate pair, and what follows. Half of a pair is the
/// replacement character, as in jq.
fn unicode(text: &str) -> (char, &str) {
    let digits = |text: &str| text.get(..4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let Some(high) = digits(text) else { return (char::REPLACEMENT_CHARACTER, "") };
    let rest = &text[4..];
    if let Some(c) = char::from_u32(high) {
        return (c, rest);
    }
    let low = rest.strip_prefix("\\u").and_then(digits).filter(|low| (0xdc00..0xe000).contains(low));
    match low
        .filter(|_| high < 0xdc00)
        .and_then(|low| char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)))
    {
        Some(c) => (c, &rest[6..]),
        None => (char::REPLACEMENT_CHARACTER, rest),
    }
}
