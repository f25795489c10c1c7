//! From a value to JSON text.

use std::borrow::Cow;
use std::io::Write as _;

use jaq_json::Num;

use super::value::Val;
use super::work;
use crate::json;

/// How numbers that were read are spelled.
#[derive(Clone, Copy)]
enum Spelling {
    /// As they came.
    Kept,
    /// As jq's `tojson` and `tostring` have them.
    Canonical,
}

/// Appends the value on one line. Fails when it nests deeper than a reader would take; what was appended by
/// then has to be thrown away.
pub(super) fn value(val: &Val, out: &mut Vec<u8>) -> Result<(), String> {
    nested(val, 0, Spelling::Kept, out)
}

/// The value as the text that `tojson` gives.
pub(super) fn json(val: &Val) -> Result<String, String> {
    let mut out = Vec::new();
    nested(val, 0, Spelling::Canonical, &mut out)?;
    String::from_utf8(out).map_err(|error| error.to_string())
}

/// For messages: what is too deep is cut off.
pub(super) fn lossy(val: &Val) -> String {
    json(val).unwrap_or_else(|error| format!("<{error}>"))
}

fn nested(val: &Val, depth: usize, spelling: Spelling, out: &mut Vec<u8>) -> Result<(), String> {
    work::spend(if let Val::Str(text) = val { 2 + text.len() } else { 16 });
    match val {
        Val::Null => out.extend_from_slice(b"null"),
        Val::Bool(true) => out.extend_from_slice(b"true"),
        Val::Bool(false) => out.extend_from_slice(b"false"),
        Val::Num(num) => number(num, spelling, out),
        Val::Str(text) => json::write_string(text, out),
        Val::Arr(_) | Val::Obj(_) if depth == json::MAX_DEPTH => {
            return Err(format!("a value nested deeper than {} cannot be written", json::MAX_DEPTH));
        }
        Val::Arr(items) => {
            out.push(b'[');
            for (n, item) in items.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                nested(item, depth + 1, spelling, out)?;
            }
            out.push(b']');
        }
        Val::Obj(fields) => {
            out.push(b'{');
            for (n, (key, item)) in fields.iter().enumerate() {
                if n > 0 {
                    out.push(b',');
                }
                json::write_string(key, out);
                out.push(b':');
                nested(item, depth + 1, spelling, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

/// Computed numbers are spelled as jq does: whole numbers without `.0`, NaN as null, infinities as the largest
/// number there is.
fn number(num: &Num, spelling: Spelling, out: &mut Vec<u8>) {
    match (num, spelling) {
        (Num::Int(n), _) => integer(*n, out),
        (Num::Dec(text), Spelling::Canonical) => out.extend_from_slice(canonical(text).as_bytes()),
        (Num::Dec(text), Spelling::Kept) => out.extend_from_slice(text.as_bytes()),
        // Writing to a vector cannot fail.
        (Num::BigInt(n), _) => drop(write!(out, "{n}")),
        (Num::Float(n), _) if n.is_nan() => out.extend_from_slice(b"null"),
        (Num::Float(n), _) if n.is_infinite() => {
            out.extend_from_slice(float(f64::MAX.copysign(*n)).as_bytes());
        }
        (Num::Float(n), _) if n.fract() == 0.0 && n.abs() < 1e15 && (*n != 0.0 || n.is_sign_positive()) => {
            integer(*n as isize, out);
        }
        (Num::Float(n), _) => out.extend_from_slice(float(*n).as_bytes()),
    }
}

/// The fewest digits that read back the same, laid out as jq does.
fn float(n: f64) -> String {
    let sign = if n.is_sign_negative() { "-" } else { "" };
    let text = format!("{:e}", n.abs());
    let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits: String = mantissa.chars().filter(char::is_ascii_digit).collect();
    let length = digits.len() as isize;
    // Where the point is, counted in digits.
    let point = exponent.parse::<isize>().unwrap_or(0) + 1;
    if point <= -4 || point > length + 15 {
        let (first, rest) = digits.split_at(1);
        let rest = if rest.is_empty() { String::new() } else { format!(".{rest}") };
        let power = point - 1;
        let direction = if power < 0 { '-' } else { '+' };
        return format!("{sign}{first}{rest}e{direction}{:02}", power.unsigned_abs());
    }
    if point <= 0 {
        return format!("{sign}0.{}{digits}", "0".repeat(point.unsigned_abs()));
    }
    if point >= length {
        return format!("{sign}{digits}{}", "0".repeat((point - length).unsigned_abs()));
    }
    let (whole, fraction) = digits.split_at(point.unsigned_abs());
    format!("{sign}{whole}.{fraction}")
}

/// A number that was read, as decimal arithmetic spells it: every digit is kept, and an exponent is written where
/// the number would not do with a few zeros.
fn canonical(text: &str) -> Cow<'_, str> {
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    if !unsigned.contains(['e', 'E']) && !unsigned.starts_with("0.00000") {
        return Cow::Borrowed(text);
    }
    let sign = &text[..text.len() - unsigned.len()];
    let (mantissa, power) = unsigned.split_once(['e', 'E']).unwrap_or((unsigned, "0"));
    let Ok(power) = power.parse::<i64>() else { return Cow::Borrowed(text) };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let all = [whole, fraction].concat();
    let digits = all.trim_start_matches('0');
    let digits = if digits.is_empty() { "0" } else { digits };
    let exponent = power.saturating_sub(fraction.len() as i64);
    let adjusted = exponent.saturating_add(digits.len() as i64 - 1);
    if exponent <= 0 && adjusted >= -6 {
        let places = exponent.unsigned_abs() as usize;
        let padded = format!("{}{digits}", "0".repeat((places + 1).saturating_sub(digits.len())));
        let (whole, fraction) = padded.split_at(padded.len() - places);
        let point = if places == 0 { "" } else { "." };
        return Cow::Owned(format!("{sign}{whole}{point}{fraction}"));
    }
    let (first, rest) = digits.split_at(1);
    let rest = if rest.is_empty() { String::new() } else { format!(".{rest}") };
    Cow::Owned(format!("{sign}{first}{rest}E{adjusted:+}"))
}

fn integer(n: isize, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    let mut rest = n.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if n < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}
