//! What the control API is sent. Unknown fields are refused: a misspelt `to` would mean everybody.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::message::Message;
use crate::provider::{Conn, Say};
use crate::text::duration;

/// The longest reason that fits into a close frame (RFC 6455 §5.5).
const LONGEST_REASON: usize = 123;

/// The longest time that a request may wait.
const LONGEST_WAIT: Duration = Duration::from_secs(600);

/// Which connections are meant: a number, some numbers, a path, or all.
#[derive(Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(untagged, expecting = "`to` must be a client id, a list of ids, or a path")]
pub(super) enum To {
    #[default]
    All,
    One(u64),
    These(Vec<u64>),
    Path(String),
}

impl To {
    pub(super) fn means(&self, conn: &Conn) -> bool {
        match self {
            Self::All => true,
            Self::One(id) => *id == conn.id,
            Self::These(ids) => ids.contains(&conn.id),
            Self::Path(path) => *path == conn.path,
        }
    }
}

/// `push`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Push<'a> {
    #[serde(borrow, default, deserialize_with = "present")]
    data: Option<&'a RawValue>,
    text: Option<String>,
    base64: Option<String>,
    /// For the provider to publish, in its own words.
    #[serde(borrow)]
    pub(super) publish: Option<&'a RawValue>,
    /// Only to the provider of this name.
    pub(super) dialect: Option<String>,
    #[serde(default)]
    pub(super) to: To,
}

impl Push<'_> {
    /// The message, if one was given as it is to go out.
    pub(super) fn message(&self) -> Result<Option<Message>, String> {
        let given = [self.data.is_some(), self.text.is_some(), self.base64.is_some(), self.publish.is_some()];
        if given.iter().filter(|given| **given).count() != 1 {
            return Err("give exactly one of data, text, base64 and publish".to_owned());
        }
        if self.publish.is_some() && self.to != To::All {
            return Err("remove `to`: the provider decides who receives a published message".to_owned());
        }
        if let Some(text) = self.data.map(RawValue::get).or(self.text.as_deref()) {
            return Ok(Some(Message::text(text.to_owned())));
        }
        let decoded = self.base64.as_ref().map(|base64| STANDARD.decode(base64)).transpose();
        let bytes = decoded.map_err(|error| format!("base64: {error}"))?;
        Ok(bytes.map(|bytes| Message::Binary(bytes.into())))
    }
}

/// `close`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CloseBody {
    #[serde(default = "normal")]
    code: Option<u16>,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    pub(super) to: To,
}

impl CloseBody {
    /// The close frame, if it is one that may be sent (RFC 6455 §7.4). Other frames are a matter for faults.
    pub(super) fn say(self) -> Result<Say, String> {
        if self.code.is_some_and(|code| !(1000..5000).contains(&code) || matches!(code, 1005 | 1006 | 1015)) {
            return Err(
                "invalid close code (expected 1000 to 4999 except 1005, 1006 and 1015, or null)".to_owned()
            );
        }
        if self.reason.len() > LONGEST_REASON || (self.code.is_none() && !self.reason.is_empty()) {
            return Err(format!("invalid reason (at most {LONGEST_REASON} bytes, and only with a code)"));
        }
        Ok(Say::Close { code: self.code, reason: self.reason })
    }
}

/// `drop`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Aim {
    pub(super) to: To,
}

/// `drain`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Drain {
    pub(super) dialect: Option<String>,
}

/// `command`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CommandBody {
    /// One of those that the provider has.
    pub(super) name: String,
    /// What it is about.
    #[serde(default)]
    pub(super) argument: String,
    /// Only to the provider of this name.
    pub(super) dialect: Option<String>,
}

/// `faults`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NewFaults {
    /// As `--fault` takes them.
    pub(super) faults: Vec<String>,
}

/// `wait`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Wait {
    pub(super) jq: Option<String>,
    pub(super) count: Option<usize>,
    timeout: Option<serde_json::Value>,
    pub(super) since: u64,
    pub(super) path: Option<String>,
    pub(super) conn: Option<u64>,
}

impl Wait {
    /// How long to wait; 5 s if nothing is said.
    pub(super) fn timeout(&self) -> Result<Duration, String> {
        let text = match &self.timeout {
            None => return Ok(Duration::from_secs(5)),
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        match duration(&text) {
            Ok(time) if time <= LONGEST_WAIT => Ok(time),
            Ok(_) => Err(format!("timeout too long (at most {} s)", LONGEST_WAIT.as_secs())),
            Err(error) => Err(format!("timeout: {error}")),
        }
    }
}

/// Reads a body; none at all is an empty object.
pub(super) fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, String> {
    let body = if body.trim_ascii().is_empty() { b"{}" } else { body };
    if !body.trim_ascii_start().starts_with(b"{") {
        // An array would be taken for the fields in their order.
        return Err("the body is not a JSON object".to_owned());
    }
    serde_json::from_slice(body).map_err(|error| error.to_string())
}

/// A field that is there, also if it is `null`.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<&'de RawValue>, D::Error> {
    <&RawValue>::deserialize(deserializer).map(Some)
}

/// Hostile bodies: what comes of them is what may be sent.
#[cfg(any(test, fuzzing))]
pub(crate) fn hostile(bytes: &[u8]) {
    if let Ok(push) = read::<Push<'_>>(bytes) {
        drop(push.message());
    }
    if let Ok(Say::Close { code, reason }) = read::<CloseBody>(bytes).and_then(CloseBody::say) {
        assert!(reason.len() <= LONGEST_REASON && code.is_none_or(|code| (1000..5000).contains(&code)));
    }
    if let Ok(wait) = read::<Wait>(bytes).and_then(|wait| wait.timeout()) {
        assert!(wait <= LONGEST_WAIT);
    }
    let _ = (read::<Aim>(bytes).is_ok(), read::<Drain>(bytes).is_ok());
    let _ = (read::<CommandBody>(bytes).is_ok(), read::<NewFaults>(bytes).is_ok());
}

fn normal() -> Option<u16> {
    Some(1000)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(body: &str) -> Result<Option<Message>, String> {
        read::<Push<'_>>(body.as_bytes())?.message()
    }

    #[test]
    fn depth_is_passed_on_or_refused() {
        let deep = "[".repeat(100_000);
        assert!(message(&deep).is_err() && message(&format!("{{\"data\":{deep}")).is_err());
        let closed = format!("{deep}{}", "]".repeat(100_000));
        assert_eq!(message(&format!("{{\"data\":{closed}}}")), Ok(Some(Message::text(closed))));
    }

    #[test]
    fn a_message_goes_out_as_it_was_spelled() {
        for (body, expected) in [
            (r#"{"data":{"a": 1.0,"b":100000000000000000000}}"#, r#"{"a": 1.0,"b":100000000000000000000}"#),
            (r#"{"data":null}"#, "null"),
            (r#"{"text":"a\nb","to":3}"#, "a\nb"),
        ] {
            assert_eq!(message(body), Ok(Some(Message::text(expected.to_owned()))), "{body}");
        }
        assert_eq!(message(r#"{"base64":"AP8="}"#), Ok(Some(Message::Binary(vec![0, 255].into()))));
        assert_eq!(message(r#"{"publish":{"topic":"t"}}"#), Ok(None));
        for wrong in
            ["", "{", "[]", "{}", r#"{"text":"a","data":1}"#, r#"{"text":"a","too":1}"#, r#"{"base64":"?"}"#]
        {
            assert!(message(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn connections_are_named_in_four_ways() {
        let to = |text: &str| read::<Aim>(text.as_bytes()).unwrap().to;
        assert_eq!([to(""), to("{}"), to(r#"{"to":null}"#)], [To::All, To::All, To::All]);
        assert_eq!(to(r#"{"to":3}"#), To::One(3));
        assert_eq!(to(r#"{"to":[3,4]}"#), To::These(vec![3, 4]));
        assert_eq!(to(r#"{"to":"/echo"}"#), To::Path("/echo".into()));
        let wrong = |text: &str| read::<Aim>(text.as_bytes()).unwrap_err();
        assert!(wrong(r#"{"to":-1}"#).contains("a list of ids"), "{}", wrong(r#"{"to":-1}"#));
        assert_eq!(wrong("[[3]]"), "the body is not a JSON object");
    }

    #[test]
    fn only_close_frames_that_are_allowed() {
        let say = |text: &str| read::<CloseBody>(text.as_bytes()).unwrap().say();
        assert_eq!(say("{}"), Ok(Say::close(1000, "")));
        assert_eq!(say(r#"{"code":4004,"reason":"gone"}"#), Ok(Say::close(4004, "gone")));
        assert_eq!(say(r#"{"code":null}"#), Ok(Say::Close { code: None, reason: String::new() }));
        for wrong in
            [r#"{"code":999}"#, r#"{"code":1006}"#, r#"{"code":5000}"#, r#"{"code":null,"reason":"x"}"#]
        {
            assert!(say(wrong).is_err(), "{wrong}");
        }
    }
}
