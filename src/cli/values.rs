//! Values of options: how they are read, and what is said of those that are none.

use std::ops::RangeInclusive;
use std::time::Duration;

use clap::ValueEnum;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};

use crate::campaign::CampaignStatus;
use crate::codec;
use crate::frames::close::{MAY_BE_SENT, may_be_sent};
use crate::probe::gates::Limit;
use crate::rendezvous::Shard;
use crate::text::duration;

/// The form of notices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Plain text
    Text,
    /// One JSON object per line
    Json,
}

/// When to use color.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set or TERM is dumb
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

/// The form of a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// One JSON record per line
    Json,
    /// A page to read
    Text,
    /// One line with performance data, and exit status 0 to 3, for Nagios, Icinga and Checkmk
    Nagios,
    /// Metrics for the textfile collector of Prometheus' node exporter
    Prometheus,
}

/// The names of steps that read or write messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepNames(pub Vec<String>);

/// What an error does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum OnError {
    /// Warn and continue
    #[default]
    Warn,
    /// End the session
    Fail,
}

/// What a text message does that is not UTF-8.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum InvalidUtf8 {
    /// End the session
    #[default]
    Fail,
    /// Replace the invalid bytes with U+FFFD and continue
    Replace,
}

/// What ends a message on standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delimiter {
    /// This character.
    Char(char),
    /// The end of the input.
    End,
}

/// What to do when a jq program fails on a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum FilterErrors {
    /// Warn and continue
    #[default]
    Warn,
    /// Exit with status 5
    Fail,
}

/// What to do when the buffer is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OverflowChoice {
    /// Stop reading from the server, which may drop a slow client
    Block,
    /// Buffer in an unlinked file in TMPDIR
    Spill,
    /// Drop the oldest messages, and count them
    DropOldest,
    /// Exit with status 30
    Exit,
}

/// How long to stay after standard input ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LingerTime {
    /// Until nothing has come for this long.
    For(Duration),
    /// Until something else ends the session.
    Forever,
}

/// The format of a client certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CertType {
    /// PEM files
    #[value(name = "PEM")]
    Pem,
    /// PKCS#12: certificates and key in one file
    #[value(name = "P12")]
    P12,
}

/// A version of TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TlsChoice {
    /// TLS 1.2
    #[value(name = "1.2")]
    V1_2,
    /// TLS 1.3
    #[value(name = "1.3")]
    V1_3,
}

/// A status that is not final; a final one ends the watch anyway.
pub(super) fn status_that_may_end_a_watch() -> impl TypedValueParser<Value = CampaignStatus> {
    let known = [
        (CampaignStatus::Draft, "Not started yet"),
        (CampaignStatus::Scheduled, "Waiting for its start time"),
        (CampaignStatus::Running, "Calling contacts"),
        (CampaignStatus::Paused, "Paused; may resume"),
    ];
    let words = known.map(|(status, help)| PossibleValue::new(status.name().to_owned()).help(help));
    PossibleValuesParser::new(words).map(|name| CampaignStatus::from_name(&name))
}

pub(super) fn limit(text: &str) -> Result<Limit, String> {
    Limit::parse(text, duration)
}

pub(super) fn time_scale(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(scale) if (0.001..=1e6).contains(&scale) => Ok(scale),
        _ => Err("expected a number from 0.001 to 1000000".to_owned()),
    }
}

pub(super) fn linger(text: &str) -> Result<LingerTime, String> {
    if text == "forever" {
        return Ok(LingerTime::Forever);
    }
    duration(text).map(LingerTime::For)
}

pub(super) fn steps(text: &str) -> Result<StepNames, String> {
    let names: Vec<String> = text.split(',').map(|name| name.trim().to_owned()).collect();
    codec::check(&names).map(|()| StepNames(names))
}

pub(super) fn delimiter(text: &str) -> Result<Delimiter, String> {
    let mut chars = text.chars();
    match (text, chars.next(), chars.next()) {
        ("none", ..) => Ok(Delimiter::End),
        ("nul" | "\\0", ..) => Ok(Delimiter::Char('\0')),
        ("\\n", ..) => Ok(Delimiter::Char('\n')),
        ("\\t", ..) => Ok(Delimiter::Char('\t')),
        (_, Some(only), None) => Ok(Delimiter::Char(only)),
        _ => match text.strip_prefix("\\x").and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte @ 0..0x80) => Ok(Delimiter::Char(byte.into())),
            _ => Err("expected one character, \\n, \\t, \\xHH, nul or none".to_owned()),
        },
    }
}

pub(super) fn shard(text: &str) -> Result<Shard, String> {
    let parts =
        text.split_once('/').and_then(|(index, count)| Some((index.parse().ok()?, count.parse().ok()?)));
    let (index, count) = parts.ok_or("expected two numbers, such as 0/3")?;
    match Shard::new(index, count) {
        Some(shard) => Ok(shard),
        None if count > Shard::MOST => Err(format!("at most {} shards", Shard::MOST)),
        None => Err(format!("shards of {count} are numbered from 0 to {}", i64::from(count) - 1)),
    }
}

pub(super) fn size(text: &str) -> Result<usize, String> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let unit = match text[digits.len()..].to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        unit => return Err(format!("unknown unit {unit:?} (write sizes as 65536, 64K, 16M or 1G)")),
    };
    let number: usize = digits.parse().map_err(|error| format!("{error}"))?;
    number.checked_mul(unit).ok_or_else(|| "too large".to_owned())
}

/// Codes that may be sent in a close frame (RFC 6455 §7.4).
pub(super) fn close_code(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(code) if may_be_sent(code) => Ok(code),
        _ => Err(MAY_BE_SENT.to_owned()),
    }
}

/// A close code, or the first and the last of several.
pub(super) fn close_codes(text: &str) -> Result<RangeInclusive<u16>, String> {
    let code = |text: &str| text.trim().parse().ok().filter(|code| (1000..5000).contains(code));
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    match (code(first), code(last)) {
        (Some(first), Some(last)) if first <= last => Ok(first..=last),
        _ => Err("expected close codes from 1000 to 4999, or ranges such as 4000-4999".to_owned()),
    }
}

/// A control frame's payload is at most 125 bytes, two of them the code (RFC 6455 §5.5).
pub(super) fn close_reason(text: &str) -> Result<String, String> {
    if text.len() > 123 {
        return Err(format!("close reason too long: {} bytes (at most 123)", text.len()));
    }
    Ok(text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn standard_input_may_linger_forever() {
        assert_eq!(linger("forever"), Ok(LingerTime::Forever));
    }

    #[test]
    fn close_codes_come_alone_or_in_ranges() {
        assert_eq!(close_codes("1005"), Ok(1005..=1005));
        assert_eq!(close_codes("4000-4999"), Ok(4000..=4999));
        for wrong in ["", "-", "999", "5000", "4000-", "-4000", "4001-4000", "x"] {
            assert!(close_codes(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn sizes_take_units() {
        assert_eq!(size("64K"), Ok(65536));
        assert_eq!(size("16MiB"), Ok(16 << 20));
        assert!(size("1X").is_err());
        assert!(size("99999999999999999999").is_err());
    }

    #[test]
    fn close_frames_carry_only_what_the_rfc_allows() {
        assert!(close_code("1000").is_ok() && close_code("4999").is_ok());
        for wrong in ["999", "1005", "1006", "1015", "2000", "5000", "x"] {
            assert!(close_code(wrong).is_err(), "{wrong}");
        }
        assert!(close_reason(&"é".repeat(62)).is_err());
    }
}
