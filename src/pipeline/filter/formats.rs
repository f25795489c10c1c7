//! The formats, such as `@base64`, as far as they are not written in jq.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig, general_purpose};
use jaq_core::native::{Filter, bome, v};
use jaq_core::{RunPtr, ValR, ValT as _};

use super::natives::{EngineTypes, not_for};
use super::strings::raw;
use super::value::{Error, Val, float};

pub(super) fn filters() -> Box<[Filter<RunPtr<EngineTypes>>]> {
    Box::new([
        ("@text", v(0), |cv| bome(Ok(cv.1.into_string()))),
        ("@json", v(0), |cv| bome(super::strings::to_json(&cv.1))),
        ("@csv", v(0), |cv| bome(row(&cv.1, &CSV))),
        ("@tsv", v(0), |cv| bome(row(&cv.1, &TSV))),
        ("@html", v(0), |cv| bome(Ok(escape(&cv.1, html)))),
        ("@uri", v(0), |cv| bome(Ok(uri(&raw(&cv.1))))),
        ("@urid", v(0), |cv| bome(decode_uri(&cv.1))),
        ("@sh", v(0), |cv| bome(sh(&cv.1))),
        ("@base64", v(0), |cv| bome(Ok(Val::from(general_purpose::STANDARD.encode(raw(&cv.1)))))),
        ("@base64d", v(0), |cv| bome(decode_base64(&cv.1))),
        ("@base32", v(0), |cv| bome(Ok(Val::from(base32(raw(&cv.1).as_bytes()))))),
        ("@base32d", v(0), |cv| bome(decode_base32(&cv.1))),
        ("format", v(1), |mut cv| {
            let name = cv.0.pop_var();
            bome(format(cv.1, &name))
        }),
    ])
}

/// What a character becomes, if it does not stay.
type Escape = fn(char) -> Option<&'static str>;

fn escape(val: &Val, escape: Escape) -> Val {
    let mut out = String::new();
    for c in raw(val).chars() {
        match escape(c) {
            Some(text) => out.push_str(text),
            None => out.push(c),
        }
    }
    Val::from(out)
}

fn html(c: char) -> Option<&'static str> {
    Some(match c {
        '&' => "&amp;",
        '<' => "&lt;",
        '>' => "&gt;",
        '\'' => "&apos;",
        '"' => "&quot;",
        _ => return None,
    })
}

/// The format that a program names by its text.
fn format(val: Val, name: &Val) -> ValR<Val> {
    let Val::Str(known) = name else { return Err(not_for(name, "is not a valid format")) };
    match &**known {
        "text" => Ok(val.into_string()),
        "json" => super::strings::to_json(&val),
        "csv" => row(&val, &CSV),
        "tsv" => row(&val, &TSV),
        "html" => Ok(escape(&val, html)),
        "uri" => Ok(uri(&raw(&val))),
        "urid" => decode_uri(&val),
        "sh" => sh(&val),
        "base64" => Ok(Val::from(general_purpose::STANDARD.encode(raw(&val)))),
        "base64d" => decode_base64(&val),
        "base32" => Ok(Val::from(base32(raw(&val).as_bytes()))),
        "base32d" => decode_base32(&val),
        other => Err(Error::str(format!("{other} is not a valid format"))),
    }
}

fn uri(text: &str) -> Val {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let digit = |four: u8| char::from(HEX[usize::from(four & 15)]);
            out.extend(['%', digit(byte >> 4), digit(byte)]);
        }
    }
    Val::from(out)
}

fn decode_uri(val: &Val) -> ValR<Val> {
    let fail = || not_for(&Val::from(raw(val)), "is not a valid uri encoding");
    let text = raw(val);
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| byte.and_then(|byte| char::from(byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(bytes.next()), digit(bytes.next())) else { return Err(fail()) };
        out.push((high * 16 + low) as u8);
    }
    String::from_utf8(out).map(Val::from).map_err(|_| fail())
}

fn sh(val: &Val) -> ValR<Val> {
    let one = std::slice::from_ref(val);
    let items = if let Val::Arr(items) = val { &items[..] } else { one };
    let word = |item: &Val| match item {
        Val::Str(text) => Ok(format!("'{}'", text.replace('\'', "'\\''"))),
        Val::Arr(_) | Val::Obj(_) => Err(not_for(item, "can not be escaped for shell")),
        other => Ok(other.text()),
    };
    Ok(Val::from(items.iter().map(word).collect::<Result<Vec<_>, Error>>()?.join(" ")))
}

/// How the cells of a row are written.
struct Row {
    name: &'static str,
    quote: &'static str,
    between: &'static str,
    escape: Escape,
}

const CSV: Row =
    Row { name: "csv", quote: "\"", between: ",", escape: |c| if c == '"' { Some("\"\"") } else { None } };

const TSV: Row = Row {
    name: "tsv",
    quote: "",
    between: "\t",
    escape: |c| {
        Some(match c {
            '\t' => "\\t",
            '\r' => "\\r",
            '\n' => "\\n",
            '\\' => "\\\\",
            _ => return None,
        })
    },
};

/// An array as a row: null is an empty cell, and strings have quotes.
fn row(val: &Val, row: &Row) -> ValR<Val> {
    let Val::Arr(items) = val else {
        return Err(not_for(val, &format!("cannot be {}-formatted, only array", row.name)));
    };
    let mut out = String::new();
    for (n, item) in items.iter().enumerate() {
        if n > 0 {
            out.push_str(row.between);
        }
        match item {
            Val::Null => {}
            Val::Num(num) if float(num).is_nan() => {}
            Val::Bool(_) | Val::Num(_) => out.push_str(&item.text()),
            Val::Str(text) => {
                out.push_str(row.quote);
                for c in text.chars() {
                    match (row.escape)(c) {
                        Some(escaped) => out.push_str(escaped),
                        None => out.push(c),
                    }
                }
                out.push_str(row.quote);
            }
            other => return Err(not_for(other, "is not valid in a csv row")),
        }
    }
    Ok(Val::from(out))
}

fn decode_base64(val: &Val) -> ValR<Val> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let text = raw(val);
    let digits = text.trim_end_matches('=');
    let fail = |why| Err(not_for(&Val::string(&text), why));
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"+/".contains(&byte);
    if !digits.bytes().all(known) {
        return fail("is not valid base64 data");
    }
    match GeneralPurpose::new(&alphabet::STANDARD, config).decode(digits) {
        Ok(bytes) => Ok(Val::string(&String::from_utf8_lossy(&bytes))),
        Err(_) => fail("trailing base64 byte found"),
    }
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn base32(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(5) {
        let bits =
            chunk.iter().enumerate().fold(0_u64, |bits, (n, byte)| bits | u64::from(*byte) << (32 - 8 * n));
        for n in 0..8 {
            let used = n * 5 < chunk.len() * 8;
            out.push(if used { char::from(BASE32[(bits >> (35 - 5 * n)) as usize & 31]) } else { '=' });
        }
    }
    out
}

fn decode_base32(val: &Val) -> ValR<Val> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for c in raw(val).trim_end_matches('=').bytes() {
        let Some(digit) = BASE32.iter().position(|known| *known == c) else {
            return Err(Error::str(format!("{} is not valid base32 data", val.describe())));
        };
        bits = bits << 5 | digit as u32;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Ok(Val::string(&String::from_utf8_lossy(&bytes)))
}
