//! `msgpack`: one MessagePack value or several after each other (<https://github.com/msgpack/msgpack>). What becomes of
//! it as JSON says [`super::value`].

use std::borrow::Cow;

use jiff::Timestamp;

use super::byte_reader::ByteReader;
use super::value::{self, Time, TypedValue, ValueToken};
use super::{Step, StepError};
use crate::message::Message;

/// The type of an extension that is a time.
const TIME: i8 = -1;

/// The step.
pub(super) struct MsgPack;

impl Step for MsgPack {
    fn decode(&mut self, message: Message, limit: usize, out: &mut Vec<Message>) -> Result<(), StepError> {
        value::read_all(message, limit, out, token)
    }

    fn encode(&mut self, message: Message) -> Result<Message, StepError> {
        value::write(message, put)
    }
}

fn token<'a>(input: &mut ByteReader<'a>) -> Result<ValueToken<'a>, StepError> {
    let at = input.at;
    let head = input.byte()?;
    Ok(match head {
        0x00..=0x7f => ValueToken::Int(head.into()),
        0x80..=0x8f => ValueToken::Map(Some((head & 15).into())),
        0x90..=0x9f => ValueToken::Array(Some((head & 15).into())),
        0xa0..=0xbf => text(input.take((head & 31).into())?),
        0xc0 => ValueToken::Null,
        0xc1 => return Err(StepError::new(at, "invalid byte 0xc1")),
        0xc2 | 0xc3 => ValueToken::Bool(head == 0xc3),
        0xc4..=0xc6 => ValueToken::Bytes(sized(input, 1 << (head - 0xc4))?.into()),
        0xc7..=0xc9 => {
            let length = input.number(1 << (head - 0xc7))?;
            extension(input, length)?
        }
        0xca => ValueToken::Float(f32::from_bits(u32::try_from(input.number(4)?).unwrap_or_default()).into()),
        0xcb => ValueToken::Float(f64::from_bits(input.number(8)?)),
        0xcc..=0xcf => ValueToken::Int(input.number(1 << (head - 0xcc))?.into()),
        0xd0..=0xd3 => {
            let length = 1 << (head - 0xd0);
            let shift = 64 - 8 * length;
            ValueToken::Int(((input.number(length)? << shift).cast_signed() >> shift).into())
        }
        0xd4..=0xd8 => extension(input, 1 << (head - 0xd4))?,
        0xd9..=0xdb => text(sized(input, 1 << (head - 0xd9))?),
        0xdc | 0xdd => ValueToken::Array(Some(input.number(2 << (head - 0xdc))?)),
        0xde | 0xdf => ValueToken::Map(Some(input.number(2 << (head - 0xde))?)),
        0xe0..=0xff => ValueToken::Int(head.cast_signed().into()),
    })
}

/// As many bytes as a length of so many bytes says.
fn sized<'a>(input: &mut ByteReader<'a>, length: usize) -> Result<&'a [u8], StepError> {
    let length = input.number(length)?;
    input.take_long(length)
}

/// Writers that do not know of binary values write those as strings.
fn text(bytes: &[u8]) -> ValueToken<'_> {
    match std::str::from_utf8(bytes) {
        Ok(text) => ValueToken::Text(text.into()),
        Err(_) => ValueToken::Bytes(bytes.into()),
    }
}

fn extension<'a>(input: &mut ByteReader<'a>, length: u64) -> Result<ValueToken<'a>, StepError> {
    let kind = input.byte()?.cast_signed();
    let bytes = input.take_long(length)?;
    let time = (kind == TIME).then(|| time_of(bytes)).flatten();
    Ok(time.map_or_else(|| ValueToken::Ext(kind, bytes), ValueToken::Time))
}

/// Seconds, perhaps with nanoseconds beside them, in 4, 8 or 12 bytes.
fn time_of(bytes: &[u8]) -> Option<Timestamp> {
    let mut input = ByteReader::new(bytes);
    let (seconds, nanos) = match bytes.len() {
        4 => (input.number(4).ok()?, 0),
        8 => {
            let both = input.number(8).ok()?;
            (both & ((1 << 34) - 1), both >> 34)
        }
        12 => {
            let nanos = input.number(4).ok()?;
            (input.number(8).ok()?, nanos)
        }
        _ => return None,
    };
    Timestamp::new(seconds.cast_signed(), i32::try_from(nanos).ok()?).ok()
}

fn put(value: &TypedValue, out: &mut Vec<u8>) -> Result<(), String> {
    match value {
        TypedValue::Null => out.push(0xc0),
        TypedValue::Bool(is) => out.push(0xc2 + u8::from(*is)),
        TypedValue::Int(number) => put_int(*number, out)?,
        TypedValue::Float(number) => {
            out.push(0xcb);
            out.extend_from_slice(&number.to_be_bytes());
        }
        TypedValue::Text(text) => {
            head(text.len(), Some((0xa0, 32)), &[(0xd9, 1), (0xda, 2), (0xdb, 4)], out)?;
            out.extend_from_slice(text.as_bytes());
        }
        TypedValue::Bytes(bytes) => {
            head(bytes.len(), None, &[(0xc4, 1), (0xc5, 2), (0xc6, 4)], out)?;
            out.extend_from_slice(bytes);
        }
        TypedValue::Time(time) => put_extension(TIME, &bytes_of(time)?, out)?,
        TypedValue::Ext(kind, bytes) => put_extension(*kind, bytes, out)?,
        TypedValue::Array(items) => {
            head(items.len(), Some((0x90, 16)), &[(0xdc, 2), (0xdd, 4)], out)?;
            items.iter().try_for_each(|item| put(item, out))?;
        }
        TypedValue::Map(fields) => {
            head(fields.len(), Some((0x80, 16)), &[(0xde, 2), (0xdf, 4)], out)?;
            fields.iter().try_for_each(|(key, value)| put(key, out).and_then(|()| put(value, out)))?;
        }
        TypedValue::Tag(..) | TypedValue::Simple(_) => {
            return Err("$tag and $simple work only with CBOR".to_owned());
        }
    }
    Ok(())
}

/// The shortest head for a length: within a byte below `short`, else with the length in so many bytes after it.
fn head(
    length: usize,
    short: Option<(u8, u8)>,
    long: &[(u8, usize)],
    out: &mut Vec<u8>,
) -> Result<(), String> {
    if let (Some((first, most)), Ok(length)) = (short, u8::try_from(length))
        && length < most
    {
        out.push(first + length);
        return Ok(());
    }
    let fits = |size: usize| length as u64 >> (8 * size) == 0;
    let Some((first, size)) = long.iter().find(|(_, size)| fits(*size)) else {
        return Err("too long for MessagePack".to_owned());
    };
    out.push(*first);
    out.extend_from_slice(&(length as u64).to_be_bytes()[8 - size..]);
    Ok(())
}

fn put_int(number: i128, out: &mut Vec<u8>) -> Result<(), String> {
    match (u64::try_from(number), i64::try_from(number)) {
        (Ok(small), _) if small < 0x80 => out.extend_from_slice(&small.to_be_bytes()[7..]),
        (Ok(number), _) => {
            let power = [8, 16, 32].iter().take_while(|bits| number >> **bits != 0).count();
            out.push([0xcc, 0xcd, 0xce, 0xcf][power]);
            out.extend_from_slice(&number.to_be_bytes()[8 - (1 << power)..]);
        }
        (_, Ok(number)) if number >= -32 => out.extend_from_slice(&number.to_be_bytes()[7..]),
        (_, Ok(number)) => {
            let power = [7, 15, 31].iter().take_while(|bits| number >> **bits != -1).count();
            out.push([0xd0, 0xd1, 0xd2, 0xd3][power]);
            out.extend_from_slice(&number.to_be_bytes()[8 - (1 << power)..]);
        }
        _ => return Err(format!("{number} does not fit into 64 bits")),
    }
    Ok(())
}

fn put_extension(kind: i8, bytes: &[u8], out: &mut Vec<u8>) -> Result<(), String> {
    match [1, 2, 4, 8, 16].iter().position(|length| bytes.len() == *length) {
        Some(power) => out.push([0xd4, 0xd5, 0xd6, 0xd7, 0xd8][power]),
        None => head(bytes.len(), None, &[(0xc7, 1), (0xc8, 2), (0xc9, 4)], out)?,
    }
    out.extend_from_slice(&kind.to_be_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

fn bytes_of(time: &Time) -> Result<Cow<'static, [u8]>, String> {
    let time = time.timestamp()?;
    // Of times before 1970, both parts are negative.
    let nanos = i64::from(time.subsec_nanosecond());
    let seconds = time.as_second() - i64::from(nanos < 0);
    let nanos = u64::try_from(nanos.rem_euclid(1_000_000_000)).unwrap_or_default();
    Ok(match u64::try_from(seconds) {
        Ok(seconds) if seconds >> 32 == 0 && nanos == 0 => seconds.to_be_bytes()[4..].to_vec().into(),
        Ok(seconds) if seconds >> 34 == 0 => (nanos << 34 | seconds).to_be_bytes().to_vec().into(),
        _ => [&nanos.to_be_bytes()[4..], &seconds.to_be_bytes()].concat().into(),
    })
}
