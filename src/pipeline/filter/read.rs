//! From JSON text to a value, in the one pass that also checks it.

use std::sync::Arc;

use jaq_json::Num;

use super::object::Object;
use super::value::Val;
use crate::json::{self, Visit};

/// Longer integers are kept as text: turning digits into a number takes time that grows with their square.
const MAX_DIGITS: usize = 400;

/// The value of a text that is one JSON value.
pub(super) fn one(text: &str) -> Result<Val, json::Error> {
    let mut build = Build::default();
    let (_, end) = json::walk(text, 0, &mut build)?;
    json::end_of_text(text, end)?;
    Ok(build.done)
}

/// The values that follow each other in a text.
pub(super) fn many(text: &str) -> Result<Vec<Val>, json::Error> {
    let (mut values, mut at) = (Vec::new(), 0);
    while json::end_of_text(text, at).is_err() {
        let mut build = Build::default();
        (_, at) = json::walk(text, at, &mut build)?;
        values.push(build.done);
    }
    Ok(values)
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

/// The visitor that builds. What is open waits on a stack, so that depth costs no recursion.
#[derive(Default)]
struct Build {
    open: Vec<Open>,
    done: Val,
}

enum Open {
    Array(Vec<Val>),
    Object(Object, Arc<str>),
}

impl Build {
    fn put(&mut self, value: Val) {
        match self.open.last_mut() {
            None => self.done = value,
            Some(Open::Array(items)) => items.push(value),
            Some(Open::Object(fields, key)) => {
                fields.insert(std::mem::take(key), value);
            }
        }
    }
}

impl Visit for Build {
    fn open(&mut self, object: bool) {
        self.open.push(if object {
            Open::Object(Object::default(), Arc::default())
        } else {
            Open::Array(Vec::new())
        });
    }

    fn close(&mut self, _: bool) {
        let value = match self.open.pop() {
            Some(Open::Array(items)) => Val::Arr(Arc::new(items)),
            Some(Open::Object(fields, _)) => Val::object(fields),
            None => return,
        };
        self.put(value);
    }

    fn key(&mut self, raw: &str, escaped: bool) -> Result<(), &'static str> {
        let name = unescape(raw, escaped)?;
        if let Some(Open::Object(_, key)) = self.open.last_mut() {
            *key = name;
        }
        Ok(())
    }

    fn string(&mut self, raw: &str, escaped: bool) -> Result<(), &'static str> {
        let text = unescape(raw, escaped)?;
        self.put(Val::Str(text));
        Ok(())
    }

    fn number(&mut self, raw: &str, integer: bool) {
        self.put(Val::Num(number(raw, integer)));
    }

    fn word(&mut self, word: Option<bool>) {
        self.put(word.map_or(Val::Null, Val::Bool));
    }
}

fn unescape(raw: &str, escaped: bool) -> Result<Arc<str>, &'static str> {
    if !escaped {
        return Ok(raw.into());
    }
    let mut text = String::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((plain, after)) = rest.split_once('\\') {
        text.push_str(plain);
        let mut chars = after.chars();
        rest = match chars.next() {
            Some('u') => {
                let (c, rest) = unicode(chars.as_str())?;
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
    Ok(text.into())
}

/// The character of the four digits at the start, or of a surrogate pair, and what follows.
fn unicode(text: &str) -> Result<(char, &str), &'static str> {
    const LONE: &str = "a lone surrogate is no character";
    let digits = |text: &str| text.get(..4).and_then(|hex| u32::from_str_radix(hex, 16).ok());
    let high = digits(text).ok_or(LONE)?;
    if let Some(c) = char::from_u32(high) {
        return Ok((c, &text[4..]));
    }
    let low = text[4..].strip_prefix("\\u").and_then(digits).ok_or(LONE)?;
    if high >= 0xdc00 || !(0xdc00..0xe000).contains(&low) {
        return Err(LONE);
    }
    let c = char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00)).ok_or(LONE)?;
    Ok((c, &text[10..]))
}
