//! Parses the SPEC of `--fault`.

use std::time::Duration;

use super::{Act, Broken, Door, Fault, FaultKind, Lag, Manner, When};
use crate::did_you_mean;
use crate::text::duration;

/// Help text of the faults.
pub const GRAMMAR: &str = "\
Faults (--fault SPEC, repeatable; --seed and the connection number decide):
  refuse=STATUS[:NAME=VALUE;…][;body=TEXT]
                            refuse the upgrade with STATUS
  delay=TIME[±TIME]         answer the upgrade late
  never-answer              never answer the upgrade
  bad-accept                send a wrong Sec-WebSocket-Accept
  extension[=NAME]          accept an extension that was not offered
  fail-first=N[:SPEC]       inject SPEC (or refuse=503) into the first N
                            connections only
  latency=TIME[±TIME]       delay each message
  bandwidth=BYTES           limit bytes per second, such as 10k
  no-pong                   ignore pings, both frames and JSON
  no-heartbeat              send no heartbeats or pings
  fragment=BYTES            split messages into frames of this size
  duplicate=P, reorder=P    duplicate or delay messages (probability P)
  stall[=TIME]              stop sending messages (for TIME)
  half-open                 stop reading and writing; keep TCP open
  close[=CODE[:REASON]]     close the connection
  close-no-handshake[=CODE[:REASON]]
                            close without waiting for the answer
  drop                      end TCP (FIN) without a close frame
  reset                     reset TCP (RST)
  truncate                  send half a frame, then FIN
  malformed-json            send truncated JSON
  invalid-utf8, masked, bad-opcode, oversized-control, fragmented-control
                            send an invalid frame of this kind
  rsv                       set RSV1; compression is declined
  rsv-continuation, rsv-control
                            set RSV1 on a frame that must not have it
  bad-deflate               send an invalid compressed message
  bomb[=BYTES]              send a message that inflates to BYTES (128m)

Faults from stall on accept a trigger: @N after N messages, @TIME after a time, or ~P with probability P after each message. Without one, they start when the connection opens. Faults of the upgrade accept ~P. --time-scale divides all times.";

const NAMES: [&str; 31] = [
    "refuse",
    "delay",
    "never-answer",
    "bad-accept",
    "extension",
    "fail-first",
    "latency",
    "bandwidth",
    "no-pong",
    "no-heartbeat",
    "fragment",
    "duplicate",
    "reorder",
    "stall",
    "half-open",
    "close",
    "close-no-handshake",
    "drop",
    "reset",
    "truncate",
    "malformed-json",
    "invalid-utf8",
    "masked",
    "rsv",
    "rsv-continuation",
    "rsv-control",
    "bad-deflate",
    "bomb",
    "bad-opcode",
    "oversized-control",
    "fragmented-control",
];

/// Everything that a fault can be.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    NAMES.into_iter()
}

/// The extension that is announced if none is named. No client offers it.
const EXTENSION: &str = "x-not-offered";

/// What a small message becomes if no size is named: twice the default of `--max-message-size`.
const BOMB: u64 = 128 << 20;

/// The most that it may become; it takes a thousandth of that in the mock.
const MOST_BOMB: u64 = 16 << 30;

/// The longest reason of a close frame: 125 bytes of a control frame without the code (RFC 6455 §5.5).
const REASON: usize = 123;

pub(super) fn fault(text: &str) -> Result<Fault, String> {
    let (first, rest) = match text.strip_prefix("fail-first") {
        Some(rest) => fail_first(rest)?,
        None => (None, text),
    };
    Ok(Fault { text: text.to_owned(), kind: kind(rest)?, first })
}

fn fail_first(rest: &str) -> Result<(Option<u64>, &str), String> {
    let rest = rest.strip_prefix('=').unwrap_or_default();
    let (count, fault) = rest.split_once(':').unwrap_or((rest, "refuse=503"));
    match count.parse() {
        Ok(count @ 1..) if !fault.starts_with("fail-first") => Ok((Some(count), fault)),
        _ => Err("expected fail-first=N or fail-first=N:FAULT, such as fail-first=3:drop".to_owned()),
    }
}

fn kind(text: &str) -> Result<FaultKind, String> {
    let name = text.split(['=', '@', '~']).next().unwrap_or_default();
    if !names().any(|known| known == name) {
        return Err(unknown(name));
    }
    if let Some(door) = door(name, text)? {
        return Ok(door);
    }
    let (body, when) = split_when(name, text)?;
    let value = body.split_once('=').map(|(_, value)| value);
    match (manner(name, value)?, when) {
        (Some(manner), None) => return Ok(FaultKind::Manner(manner)),
        (Some(_), Some(_)) => {
            return Err(format!("{name} does not accept @ or ~: it is always active"));
        }
        (None, _) => {}
    }
    Ok(FaultKind::Act(act(name, value)?, when.unwrap_or(When::After(0))))
}

fn unknown(name: &str) -> String {
    match did_you_mean::nearest(name, names()) {
        Some(near) => format!("unknown fault '{name}' (did you mean {near}?)"),
        None => {
            format!("unknown fault '{name}' (known faults: {})", names().collect::<Vec<_>>().join(", "))
        }
    }
}

/// A fault of the answer to an upgrade.
fn door(name: &str, text: &str) -> Result<Option<FaultKind>, String> {
    let (body, chance) = match text.rsplit_once('~') {
        Some((body, chance)) => (body, probability(chance)),
        None => (text, Ok(1.0)),
    };
    // What follows the last ~ of a body that is sent may be part of it.
    let (body, chance) = match (name, chance) {
        ("refuse", Err(_)) => (text, 1.0),
        (_, chance) => (body, chance.clone().unwrap_or(1.0)),
    };
    let value = body.split_once('=').map(|(_, value)| value);
    let door = match (name, value) {
        ("refuse", Some(value)) => refusal(value)?,
        ("refuse", None) => return Err("refuse needs a status, such as refuse=503".to_owned()),
        ("delay", Some(value)) => Door::Delay(lag(value)?),
        ("delay", None) => return Err("delay needs a time, such as delay=2s".to_owned()),
        ("never-answer", None) => Door::NeverAnswer,
        ("bad-accept", None) => Door::BadAccept,
        ("extension", value) => Door::Extension(value.unwrap_or(EXTENSION).to_owned()),
        ("never-answer" | "bad-accept", Some(_)) => return Err(format!("{name} does not take a value")),
        _ => return Ok(None),
    };
    let whole = text.split_once('=').map_or(text, |(name, _)| name);
    if whole.contains('@') {
        return Err(format!("{name} does not accept @: it happens before the first message"));
    }
    Ok(Some(FaultKind::Door(door, chance)))
}

fn refusal(value: &str) -> Result<Door, String> {
    let (status, rest) = value.split_once([':', ';']).unwrap_or((value, ""));
    let status = match status.parse() {
        Ok(status @ 200..=599) => status,
        _ => return Err(format!("invalid status '{status}' (expected 200 to 599)")),
    };
    let (mut headers, mut body, mut rest) = (Vec::new(), String::new(), rest);
    while !rest.is_empty() {
        if let Some(text) = rest.strip_prefix("body=") {
            text.clone_into(&mut body);
            break;
        }
        let (header, more) = rest.split_once(';').unwrap_or((rest, ""));
        match header.split_once('=') {
            Some((name, value)) if is_token(name) => headers.push((name.to_owned(), value.to_owned())),
            _ => {
                return Err(format!(
                    "invalid header '{header}' (expected NAME=VALUE, or body=TEXT at the end)"
                ));
            }
        }
        rest = more;
    }
    Ok(Door::Refuse { status, headers, body })
}

/// Can this be the name of a header (RFC 9110 §5.6.2)?
fn is_token(name: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !name.is_empty() && name.bytes().all(allowed)
}

fn manner(name: &str, value: Option<&str>) -> Result<Option<Manner>, String> {
    let share = |example: f64| match value.map(probability) {
        Some(Ok(share)) => Ok(share),
        _ => Err(format!("{name} needs a probability, such as {name}={example}")),
    };
    Ok(Some(match (name, value) {
        ("latency", Some(value)) => Manner::Latency(lag(value)?),
        ("latency", None) => return Err("latency needs a time, such as latency=50ms±20ms".to_owned()),
        ("bandwidth", _) => Manner::Bandwidth(bytes(name, value)?),
        ("fragment", _) => Manner::Fragment(usize::try_from(bytes(name, value)?).unwrap_or(usize::MAX)),
        ("no-pong", None) => Manner::NoPong,
        ("no-heartbeat", None) => Manner::NoHeartbeat,
        ("no-pong" | "no-heartbeat", Some(_)) => return Err(format!("{name} does not take a value")),
        ("duplicate", _) => Manner::Duplicate(share(0.1)?),
        ("reorder", _) => Manner::Reorder(share(0.1)?),
        _ => return Ok(None),
    }))
}

fn act(name: &str, value: Option<&str>) -> Result<Act, String> {
    Ok(match (name, value) {
        ("stall", value) => Act::Stall(value.map(time).transpose()?),
        ("close", value) => {
            let (code, reason) = close(value)?;
            Act::Close(code, reason)
        }
        ("close-no-handshake", value) => {
            let (code, reason) = close(value)?;
            Act::CloseNoHandshake(code, reason)
        }
        ("bomb", None) => Act::Bomb(BOMB),
        ("bomb", value) => match bytes(name, value)? {
            size if size <= MOST_BOMB => Act::Bomb(size),
            _ => return Err(format!("{name} is limited to {} MiB", MOST_BOMB >> 20)),
        },
        (_, Some(_)) => {
            return Err(format!("{name} does not take a value (use @N or ~P to set when it happens)"));
        }
        ("drop", _) => Act::Drop,
        ("reset", _) => Act::Reset,
        ("half-open", _) => Act::HalfOpen,
        ("truncate", _) => Act::Truncate,
        ("malformed-json", _) => Act::Frame(Broken::Json),
        ("invalid-utf8", _) => Act::Frame(Broken::Utf8),
        ("masked", _) => Act::Frame(Broken::Masked),
        ("oversized-control", _) => Act::Frame(Broken::OversizedControl),
        ("fragmented-control", _) => Act::Frame(Broken::FragmentedControl),
        ("bad-opcode", _) => Act::Frame(Broken::Opcode),
        ("rsv", _) => Act::Frame(Broken::Rsv),
        ("rsv-continuation", _) => Act::Frame(Broken::RsvContinuation),
        ("rsv-control", _) => Act::Frame(Broken::RsvControl),
        ("bad-deflate", _) => Act::Frame(Broken::Deflate),
        _ => return Err(unknown(name)),
    })
}

fn close(value: Option<&str>) -> Result<(Option<u16>, String), String> {
    let Some(value) = value else { return Ok((None, String::new())) };
    let (code, reason) = value.split_once(':').unwrap_or((value, ""));
    let code = code.parse().map_err(|_| format!("invalid close code '{code}' (expected 0 to 65535)"))?;
    if reason.len() > REASON {
        return Err(format!("close reason too long: {} bytes (at most {REASON})", reason.len()));
    }
    Ok((Some(code), reason.to_owned()))
}

/// Splits off `@N`, `@TIME` or `~P`. A reason may contain these characters as well.
fn split_when<'a>(name: &str, text: &'a str) -> Result<(&'a str, Option<When>), String> {
    let Some(at) = text.rfind(['@', '~']) else { return Ok((text, None)) };
    let (body, suffix) = (&text[..at], &text[at + 1..]);
    let when = match text.as_bytes()[at] {
        b'~' => probability(suffix).map(When::Chance),
        _ => suffix.parse().map(When::After).or_else(|_| time(suffix).map(When::At)),
    };
    match when {
        Ok(when) => Ok((body, Some(when))),
        Err(_) if name.starts_with("close") && body.contains(':') => Ok((text, None)),
        Err(_) => Err(format!(
            "invalid trigger '{}' (expected @N messages, @TIME such as @2s, or ~P from 0 to 1)",
            &text[at..]
        )),
    }
}

fn probability(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if (0.0..=1.0).contains(&share) => Ok(share),
        _ => Err(format!("invalid probability '{text}' (expected 0 to 1)")),
    }
}

fn bytes(name: &str, value: Option<&str>) -> Result<u64, String> {
    let text = value.unwrap_or_default();
    let (digits, unit) = match text.char_indices().last() {
        Some((at, 'k' | 'K')) => (&text[..at], 1 << 10),
        Some((at, 'm' | 'M')) => (&text[..at], 1 << 20),
        _ => (text, 1),
    };
    match digits.parse::<u64>().ok().and_then(|number| number.checked_mul(unit)) {
        Some(bytes @ 1..) => Ok(bytes),
        _ => Err(format!("{name} needs a number of bytes, such as {name}=10k")),
    }
}

fn lag(text: &str) -> Result<Lag, String> {
    let (base, jitter) = text.split_once('±').or_else(|| text.split_once("+-")).unwrap_or((text, "0s"));
    Ok(Lag { base: time(base)?, jitter: time(jitter)? })
}

fn time(text: &str) -> Result<Duration, String> {
    // More would overflow when it is added to a point in time.
    let longest = Duration::from_secs(365 * 24 * 3600);
    match duration(text) {
        Ok(time) if time <= longest => Ok(time),
        _ => Err(format!("invalid time '{text}' (expected 50ms, 2s or a number of seconds, up to a year)")),
    }
}
