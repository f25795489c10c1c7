//! `cbor`: one CBOR value or a sequence of them (RFC 8949, RFC 8742). What becomes of it as JSON says
//! [`super::value`].

use std::borrow::Cow;

use super::byte_reader::ByteReader;
use super::value::{self, Time, TypedValue, ValueToken};
use super::{Step, StepError};
use crate::message::Message;

const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;
const OTHER: u8 = 7;

/// The end of something whose length was not said.
const BREAK: u8 = 0xff;

/// A tag in front that says no more than that this is CBOR (RFC 8949 §3.4.6).
const CBOR_ITSELF: &[u8] = &[0xd9, 0xd9, 0xf7];

/// The step.
pub(super) struct Cbor;

impl Step for Cbor {
    fn decode(&mut self, message: Message, limit: usize, out: &mut Vec<Message>) -> Result<(), StepError> {
        let message = match message {
            Message::Binary(bytes) if bytes.starts_with(CBOR_ITSELF) => {
                Message::Binary(bytes.slice(CBOR_ITSELF.len()..))
            }
            other => other,
        };
        value::read_all(message, limit, out, token)
    }

    fn encode(&mut self, message: Message) -> Result<Message, StepError> {
        value::write(message, put)
    }
}

fn token<'a>(input: &mut ByteReader<'a>) -> Result<ValueToken<'a>, StepError> {
    let at = input.at;
    let first = input.byte()?;
    let (major, info) = (first >> 5, first & 31);
    if first == BREAK {
        return Ok(ValueToken::End);
    }
    let number = argument(input, info, at)?;
    let known = || number.ok_or_else(|| StepError::new(at, "reserved number encoding"));
    Ok(match major {
        UNSIGNED => ValueToken::Int(known()?.into()),
        NEGATIVE => ValueToken::Int(-1 - i128::from(known()?)),
        BYTES => ValueToken::Bytes(string(input, BYTES, number)?),
        TEXT => match string(input, TEXT, number)? {
            Cow::Borrowed(bytes) => ValueToken::Text(utf8(bytes, input.at)?.into()),
            Cow::Owned(bytes) => ValueToken::Text(utf8(&bytes, input.at)?.to_owned().into()),
        },
        ARRAY => ValueToken::Array(number),
        MAP => ValueToken::Map(number),
        TAG => {
            let tag = known()?;
            ValueToken::Tag(tag, says_time(tag, input.peek()))
        }
        _ => other(info, number, at)?,
    })
}

/// What stands in the first byte or in those after it; `None` where the length is left open.
fn argument(input: &mut ByteReader<'_>, info: u8, at: usize) -> Result<Option<u64>, StepError> {
    match info {
        0..=23 => Ok(Some(info.into())),
        24..=27 => input.number(1 << (info - 24)).map(Some),
        31 => Ok(None),
        _ => Err(StepError::new(at, "invalid initial byte")),
    }
}

/// A string of a known length, or the parts of one up to its end.
fn string<'a>(
    input: &mut ByteReader<'a>,
    major: u8,
    length: Option<u64>,
) -> Result<Cow<'a, [u8]>, StepError> {
    if let Some(length) = length {
        return input.take_long(length).map(Cow::Borrowed);
    }
    let mut whole = Vec::new();
    loop {
        let at = input.at;
        let first = input.byte()?;
        if first == BREAK {
            return Ok(whole.into());
        }
        let length = argument(input, first & 31, at)?.filter(|_| first >> 5 == major);
        let length = length.ok_or_else(|| StepError::new(at, "chunk of a string has another type"))?;
        whole.extend_from_slice(input.take_long(length)?);
    }
}

fn utf8(bytes: &[u8], end: usize) -> Result<&str, StepError> {
    let start = end.saturating_sub(bytes.len());
    std::str::from_utf8(bytes)
        .map_err(|error| StepError::new(start + error.valid_up_to(), "text is not UTF-8"))
}

/// Does a tag make a time of what follows: of a text (0), or of a number (1)?
fn says_time(tag: u64, next: Option<u8>) -> bool {
    match (tag, next.map(|first| (first >> 5, first & 31))) {
        (0, Some((TEXT, _))) | (1, Some((UNSIGNED | NEGATIVE, _))) => true,
        (1, Some((OTHER, info))) => (25..=27).contains(&info),
        _ => false,
    }
}

fn other(info: u8, number: Option<u64>, at: usize) -> Result<ValueToken<'static>, StepError> {
    let number = number.ok_or_else(|| StepError::new(at, "unexpected break"))?;
    let small = |number: u64| u32::try_from(number).unwrap_or_default();
    Ok(match (info, number) {
        (20 | 21, _) => ValueToken::Bool(info == 21),
        (22, _) => ValueToken::Null,
        (25, half) => ValueToken::Float(half_float(small(half))),
        (26, single) => ValueToken::Float(f32::from_bits(small(single)).into()),
        (27, double) => ValueToken::Float(f64::from_bits(double)),
        (24, 0..=31) => return Err(StepError::new(at, "simple value in a longer form than allowed")),
        (_, simple) => ValueToken::Simple(u8::try_from(simple).unwrap_or_default()),
    })
}

/// A number of 16 bits: a sign, five bits of an exponent, ten of a fraction (RFC 8949, appendix D).
fn half_float(bits: u32) -> f64 {
    let (exponent, fraction) = (bits >> 10 & 31, f64::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2f64.powi(-24),
        31 if fraction == 0.0 => f64::INFINITY,
        31 => f64::NAN,
        _ => (1024.0 + fraction) * 2f64.powi(i32::try_from(exponent).unwrap_or_default() - 25),
    };
    if bits >> 15 == 0 { size } else { -size }
}

fn put(value: &TypedValue, out: &mut Vec<u8>) -> Result<(), String> {
    match value {
        TypedValue::Null => out.push(OTHER << 5 | 22),
        TypedValue::Bool(is) => out.push(OTHER << 5 | (20 + u8::from(*is))),
        TypedValue::Int(number) => match (u64::try_from(*number), u64::try_from(-1 - *number)) {
            (Ok(number), _) => head(UNSIGNED, number, out),
            (_, Ok(number)) => head(NEGATIVE, number, out),
            _ => return Err(format!("{number} does not fit into 64 bits")),
        },
        TypedValue::Float(number) => {
            out.push(OTHER << 5 | 27);
            out.extend_from_slice(&number.to_be_bytes());
        }
        TypedValue::Text(text) | TypedValue::Time(Time::Text(text)) => {
            if matches!(value, TypedValue::Time(_)) {
                head(TAG, 0, out);
            }
            head(TEXT, text.len() as u64, out);
            out.extend_from_slice(text.as_bytes());
        }
        TypedValue::Time(Time::Number(number)) => {
            head(TAG, 1, out);
            put(number, out)?;
        }
        TypedValue::Bytes(bytes) => {
            head(BYTES, bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
        TypedValue::Array(items) => {
            head(ARRAY, items.len() as u64, out);
            items.iter().try_for_each(|item| put(item, out))?;
        }
        TypedValue::Map(fields) => {
            head(MAP, fields.len() as u64, out);
            fields.iter().try_for_each(|(key, value)| put(key, out).and_then(|()| put(value, out)))?;
        }
        TypedValue::Tag(tag, value) => {
            head(TAG, *tag, out);
            put(value, out)?;
        }
        TypedValue::Simple(24..=31) => return Err("simple values 24 to 31 do not exist".to_owned()),
        TypedValue::Simple(number) => head(OTHER, (*number).into(), out),
        TypedValue::Ext(..) => return Err("$ext works only with MessagePack".to_owned()),
    }
    Ok(())
}

/// The shortest head for a number.
fn head(major: u8, number: u64, out: &mut Vec<u8>) {
    match u8::try_from(number) {
        Ok(small @ 0..24) => out.push(major << 5 | small),
        _ => {
            let power = [8, 16, 32].iter().take_while(|bits| number >> **bits != 0).count();
            out.push(major << 5 | [24, 25, 26, 27][power]);
            out.extend_from_slice(&number.to_be_bytes()[8 - (1 << power)..]);
        }
    }
}
