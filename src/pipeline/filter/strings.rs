//! Filters on strings, and those from and to strings.

use std::sync::Arc;

use jaq_core::native::{Filter, bome, unary, v};
use jaq_core::{RunPtr, ValR, ValT as _};

use super::natives::{EngineTypes, not_for};
use super::value::{Error, Val};
use super::{read, write};

pub(super) fn filters() -> Box<[Filter<RunPtr<EngineTypes>>]> {
    let mut all = parts().into_vec();
    all.extend(conversions());
    all.into_boxed_slice()
}

fn parts() -> Box<[Filter<RunPtr<EngineTypes>>]> {
    Box::new([
        ("startswith", v(1), |cv| unary(cv, |text, part| Ok(Val::from(begins(&text, &part)?)))),
        ("endswith", v(1), |cv| unary(cv, |text, part| Ok(Val::from(ends(&text, &part)?)))),
        ("ltrimstr", v(1), |cv| unary(cv, |text, part| without_start(text, &part))),
        ("rtrimstr", v(1), |cv| unary(cv, |text, part| without_end(text, &part))),
        ("trimstr", v(1), |cv| unary(cv, |text, part| without_end(without_start(text, &part)?, &part))),
        ("trim", v(0), |cv| bome(trimmed(cv.1, str::trim))),
        ("ltrim", v(0), |cv| bome(trimmed(cv.1, str::trim_start))),
        ("rtrim", v(0), |cv| bome(trimmed(cv.1, str::trim_end))),
        ("split", v(1), |cv| {
            unary(cv, |text, by| match (&text, &by) {
                (Val::Str(_), Val::Str(_)) => text / by,
                _ => Err(Error::str("split input and separator must be strings")),
            })
        }),
        ("join", v(1), |cv| unary(cv, |list, between| join(list, &between))),
        ("ascii_downcase", v(0), |cv| {
            bome(
                text_of(&cv.1, "explode input must be a string")
                    .map(|text| Val::from(text.to_ascii_lowercase())),
            )
        }),
        ("ascii_upcase", v(0), |cv| {
            bome(
                text_of(&cv.1, "explode input must be a string")
                    .map(|text| Val::from(text.to_ascii_uppercase())),
            )
        }),
        ("explode", v(0), |cv| {
            bome(
                text_of(&cv.1, "explode input must be a string")
                    .map(|text| text.chars().map(|c| Val::from(u32::from(c) as usize)).collect()),
            )
        }),
        ("implode", v(0), |cv| bome(implode(&cv.1))),
        ("utf8bytelength", v(0), |cv| {
            bome(match &cv.1 {
                Val::Str(text) => Ok(Val::from(text.len())),
                other => Err(not_for(other, "only strings have UTF-8 byte length")),
            })
        }),
        ("_strindices", v(1), |cv| {
            unary(cv, |text, part| match (&text, &part) {
                (Val::Str(_), Val::Str(_)) => super::arrays::indices(&text, &part),
                (Val::Str(_), _) => Err(not_for(&part, "is not a string")),
                _ => Err(not_for(&text, "cannot be searched, as it is not a string")),
            })
        }),
    ])
}

fn conversions() -> Box<[Filter<RunPtr<EngineTypes>>]> {
    Box::new([
        ("type", v(0), |cv| bome(Ok(Val::string(cv.1.kind())))),
        ("tostring", v(0), |cv| bome(Ok(cv.1.into_string()))),
        ("tojson", v(0), |cv| bome(to_json(&cv.1))),
        ("fromjson", v(0), |cv| bome(from_json(&cv.1))),
        ("tonumber", v(0), |cv| bome(to_number(cv.1))),
        ("toboolean", v(0), |cv| {
            bome(match &cv.1 {
                Val::Bool(_) => Ok(cv.1),
                Val::Str(text) if matches!(&**text, "true" | "false") => Ok(Val::from(&**text == "true")),
                other => Err(not_for(other, "cannot be parsed as a boolean")),
            })
        }),
        ("true", v(0), |_| bome(Ok(Val::Bool(true)))),
        ("false", v(0), |_| bome(Ok(Val::Bool(false)))),
        ("null", v(0), |_| bome(Ok(Val::Null))),
        ("not", v(0), |cv| bome(Ok(Val::Bool(!cv.1.as_bool())))),
    ])
}

/// A string without its quotes, anything else as JSON.
pub(super) fn raw(val: &Val) -> String {
    match val {
        Val::Str(text) => text.to_string(),
        other => other.text(),
    }
}

/// The text of a string, or an error in these words.
pub(super) fn text_of<'v>(val: &'v Val, why: &str) -> Result<&'v Arc<str>, Error> {
    match val {
        Val::Str(text) => Ok(text),
        _ => Err(Error::str(why)),
    }
}

fn both<'v>(text: &'v Val, part: &'v Val, why: &str) -> Result<(&'v str, &'v str), Error> {
    Ok((text_of(text, why)?, text_of(part, why)?))
}

fn begins(text: &Val, part: &Val) -> Result<bool, Error> {
    both(text, part, "startswith() requires string inputs").map(|(text, part)| text.starts_with(part))
}

fn ends(text: &Val, part: &Val) -> Result<bool, Error> {
    both(text, part, "endswith() requires string inputs").map(|(text, part)| text.ends_with(part))
}

fn without_start(val: Val, part: &Val) -> ValR<Val> {
    let (text, part) = both(&val, part, "startswith() requires string inputs")?;
    let rest = text.strip_prefix(part).map(Val::string);
    Ok(rest.unwrap_or(val))
}

fn without_end(val: Val, part: &Val) -> ValR<Val> {
    let (text, part) = both(&val, part, "endswith() requires string inputs")?;
    let rest = text.strip_suffix(part).map(Val::string);
    Ok(rest.unwrap_or(val))
}

fn trimmed(val: Val, trim: fn(&str) -> &str) -> ValR<Val> {
    let text = text_of(&val, "trim input must be a string")?;
    let rest = trim(text);
    Ok(if rest.len() == text.len() { val } else { Val::string(rest) })
}

/// The characters from the last to the first.
pub(super) fn reverse(text: &str) -> Val {
    Val::from(text.chars().rev().collect::<String>())
}

/// The items with something between them; null counts as an empty string.
fn join(list: Val, between: &Val) -> ValR<Val> {
    let items = list.values().collect::<Result<Vec<_>, _>>()?;
    if let Val::Str(between) = between
        && items.iter().all(|item| !matches!(item, Val::Arr(_) | Val::Obj(_)))
    {
        let mut text = String::new();
        for (n, item) in items.iter().enumerate() {
            if n > 0 {
                text.push_str(between);
            }
            match item {
                Val::Null => {}
                Val::Str(item) => text.push_str(item),
                other => text.push_str(&other.text()),
            }
        }
        return Ok(Val::from(text));
    }
    // As jq adds them up, for its errors.
    let mut sum: Option<Val> = None;
    for item in items {
        let before = match sum {
            None => Val::string(""),
            Some(sum) => (sum + between.clone())?,
        };
        let item = match item {
            Val::Null => Val::string(""),
            item @ (Val::Bool(_) | Val::Num(_)) => item.into_string(),
            item => item,
        };
        sum = Some((before + item)?);
    }
    Ok(sum.unwrap_or_else(|| Val::string("")))
}

/// Numbers that are no characters become the replacement character.
fn implode(val: &Val) -> ValR<Val> {
    let Val::Arr(items) = val else { return Err(Error::str("implode input must be an array")) };
    let char = |item: &Val| match item.float() {
        Some(point) if !point.is_nan() => {
            let point = if (0.0..=1_114_111.0).contains(&point) { point as u32 } else { u32::MAX };
            Ok(char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER))
        }
        _ => Err(not_for(item, "can't be imploded, unicode codepoint needs to be numeric")),
    };
    items.iter().map(char).collect::<Result<String, _>>().map(Val::from)
}

pub(super) fn to_json(val: &Val) -> ValR<Val> {
    write::json(val).map(Val::from).map_err(Error::str)
}

fn from_json(val: &Val) -> ValR<Val> {
    let Val::Str(text) = val else { return Err(not_for(val, "only strings can be parsed")) };
    read::one(text).map_err(|error| Error::str(format!("{error} (while parsing '{text}')")))
}

/// Everything that `strtod` reads, as jq takes it, but no spaces around it.
fn to_number(val: Val) -> ValR<Val> {
    match &val {
        Val::Num(_) => return Ok(val),
        Val::Str(text) => {
            if let Some(num) = read::number_text(text) {
                return Ok(Val::Num(num));
            }
        }
        _ => {}
    }
    Err(not_for(&val, "cannot be parsed as a number"))
}
