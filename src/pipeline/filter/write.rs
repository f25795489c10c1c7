//! From a value to JSON text.

use std::io::Write as _;

use jaq_json::Num;

use super::value::Val;
use crate::json;

/// Appends the value on one line. Fails when it nests deeper than a reader would take; what was appended by
/// then has to be thrown away.
pub(super) fn value(val: &Val, out: &mut Vec<u8>) -> Result<(), String> {
    nested(val, 0, out)
}

/// For messages: what is too deep is cut off.
pub(super) fn lossy(val: &Val) -> String {
    let mut out = Vec::new();
    if let Err(e) = value(val, &mut out) {
        return format!("<{e}>");
    }
    String::from_utf8(out).unwrap_or_default()
}

fn nested(val: &Val, depth: usize, out: &mut Vec<u8>) -> Result<(), String> {
    match val {
        Val::Null => out.extend_from_slice(b"null"),
        Val::Bool(true) => out.extend_from_slice(b"true"),
        Val::Bool(false) => out.extend_from_slice(b"false"),
        Val::Num(num) => number(num, out),
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
                nested(item, depth + 1, out)?;
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
                nested(item, depth + 1, out)?;
            }
            out.push(b'}');
        }
    }
    Ok(())
}

/// Numbers that were read are spelled as they came. Computed ones are spelled as jq does: whole numbers
/// without `.0`, NaN as null, infinities as the largest number there is.
fn number(num: &Num, out: &mut Vec<u8>) {
    match num {
        Num::Int(n) => integer(*n, out),
        Num::Dec(text) => out.extend_from_slice(text.as_bytes()),
        Num::Float(n) if n.is_nan() => out.extend_from_slice(b"null"),
        Num::Float(n) if n.is_infinite() => number(&Num::Float(f64::MAX.copysign(*n)), out),
        Num::Float(n) if n.fract() == 0.0 && n.abs() < 1e17 && (*n != 0.0 || n.is_sign_positive()) => {
            integer(*n as isize, out);
        }
        // Writing to a vector cannot fail. `{:?}` is the shortest text that reads back the same.
        Num::Float(n) if *n == 0.0 => out.extend_from_slice(b"-0"),
        Num::Float(n) => drop(write!(out, "{}", exponent(format!("{n:?}")))),
        Num::BigInt(n) => drop(write!(out, "{n}")),
    }
}

/// `1e+300` rather than `1e300`, as jq has it.
fn exponent(text: String) -> String {
    match text.split_once('e') {
        Some((digits, power)) if !power.starts_with('-') => format!("{digits}e+{power}"),
        _ => text,
    }
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
