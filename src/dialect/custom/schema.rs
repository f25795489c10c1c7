//! The file that describes a dialect, as it is written. Every field is optional but `name`; what is left out is
//! as in the plain dialect.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

use super::mask::Mask;
use crate::exit::Exit;
use crate::text::duration;

/// A dialect in TOML.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    /// The dialect's name, for people.
    pub(super) name: String,
    /// One line about it.
    #[serde(default)]
    pub(super) summary: String,
    /// Where to connect when no URL is given.
    pub(super) url: Option<String>,
    /// Hosts whose URLs belong to it; `*.example.com` is every host below that one.
    #[serde(default)]
    pub(super) hosts: Vec<String>,
    /// Subprotocols to offer (RFC 6455 §1.9), unless `--subprotocol` says others.
    #[serde(default)]
    pub(super) subprotocols: Vec<String>,
    /// The client pings by itself; `false` where it may not.
    #[serde(default = "yes")]
    pub(super) pings: bool,
    /// The steps that decode messages, as `--decode` names them, and those that encode what is sent. Files that they need
    /// are looked for from the folder of this one.
    #[serde(default)]
    pub(super) decode: Vec<String>,
    #[serde(default)]
    pub(super) encode: Vec<String>,
    pub(super) credential: Option<CredentialTable>,
    pub(super) greeting: Option<Greeting>,
    pub(super) subscribe: Option<SubscribeTable>,
    pub(super) unsubscribe: Option<SubscribeTable>,
    pub(super) keepalive: Option<Keepalive>,
    #[serde(default)]
    pub(super) reply: Vec<Reply>,
    #[serde(default)]
    pub(super) recognise: Recognise,
    pub(super) event: Option<EventTable>,
    /// Close codes that mean something of their own.
    #[serde(default)]
    pub(super) close: BTreeMap<String, CloseTable>,
}

/// Where the credential goes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dialect) struct CredentialTable {
    /// `query:NAME`, `header:NAME`, `bearer`, or `message` for `{token}` in a greeting and `$token` in expressions.
    #[serde(rename = "in", deserialize_with = "place")]
    pub(in crate::dialect) place: PlaceOption,
    /// The environment variable that it is looked for in.
    pub(in crate::dialect) env: String,
}

/// A place for the credential.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::dialect) enum PlaceOption {
    Query(String),
    Header(String),
    Bearer,
    Message,
}

/// What is said first on every connection.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Greeting {
    /// Messages, with `{token}` for the credential.
    #[serde(deserialize_with = "one_or_many")]
    pub(super) send: Vec<String>,
    /// Nothing is subscribed to before this has come.
    pub(super) wait_for: Option<Mask>,
}

/// A message for every topic, or one for all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SubscribeTable {
    /// With `{topics}` it is sent once; else once a topic, with `{topic}`. `{n}` is a number of its own for each.
    pub(super) send: String,
    /// What is sent in its place once there is a cursor, as `{cursor}`.
    pub(super) resume: Option<String>,
}

/// What keeps a connection alive.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Keepalive {
    /// What is sent, and how often.
    pub(super) send: Option<String>,
    #[serde(default, deserialize_with = "positive")]
    pub(super) every: Option<Duration>,
    /// The connection is lost after this time without a sign of life: a heartbeat where one is recognised, else
    /// any frame.
    #[serde(default, deserialize_with = "positive")]
    pub(super) silence: Option<Duration>,
}

/// What is sent back whenever something comes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reply {
    pub(super) to: Mask,
    pub(super) send: String,
}

/// What messages mean that are not events. A message that fits several is the first of them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Recognise {
    pub(super) pong: Vec<Mask>,
    pub(super) heartbeat: Vec<Mask>,
    pub(super) ack: Vec<Mask>,
    pub(super) refusal: Vec<Mask>,
    /// Where a refusal has its code and its text (JSON pointers, RFC 6901).
    pub(super) refusal_code: Option<String>,
    pub(super) refusal_text: Option<String>,
    /// Bookkeeping that is not worth a notice.
    pub(super) ignore: Vec<Mask>,
}

/// What there is to know of an event (JSON pointers, RFC 6901).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventTable {
    /// Its id, by which it is known when it comes again.
    pub(super) id: Option<String>,
    /// Where to go on from after it.
    pub(super) cursor: Option<String>,
    /// Ids that are remembered.
    #[serde(default = "thousand")]
    pub(super) dedupe: usize,
}

/// What a close code means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::dialect) struct CloseTable {
    pub(in crate::dialect) meaning: String,
    #[serde(default)]
    pub(in crate::dialect) retry: bool,
    #[serde(default = "closed", deserialize_with = "exit")]
    pub(in crate::dialect) exit: Exit,
}

fn yes() -> bool {
    true
}

fn thousand() -> usize {
    1000
}

fn closed() -> Exit {
    Exit::ClosedAbnormally
}

fn place<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PlaceOption, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.split_once(':') {
        Some(("query", name)) if !name.is_empty() => Ok(PlaceOption::Query(name.to_owned())),
        Some(("header", name)) if !name.is_empty() => Ok(PlaceOption::Header(name.to_owned())),
        None if text == "bearer" => Ok(PlaceOption::Bearer),
        None if text == "message" => Ok(PlaceOption::Message),
        _ => Err(D::Error::custom("expected query:NAME, header:NAME, bearer or message")),
    }
}

/// A time as it is written: a text, or a number of seconds.
fn time_text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match toml::Value::deserialize(deserializer)? {
        toml::Value::String(text) => Ok(text),
        toml::Value::Integer(seconds) => Ok(seconds.to_string()),
        toml::Value::Float(seconds) => Ok(seconds.to_string()),
        other => Err(D::Error::custom(format!("expected a time such as \"30s\", got {}", other.type_str()))),
    }
}

pub(in crate::dialect) fn positive<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    match duration(&time_text(deserializer)?) {
        Ok(time) if !time.is_zero() => Ok(Some(time)),
        Ok(_) => Err(D::Error::custom("expected a time greater than zero, such as 30s")),
        Err(why) => Err(D::Error::custom(why)),
    }
}

pub(in crate::dialect) fn one_or_many<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged, expecting = "expected a message or an array of messages")]
    enum OneOrMany {
        One(String),
        Many(Vec<String>),
    }
    Ok(match OneOrMany::deserialize(deserializer)? {
        OneOrMany::One(one) => vec![one],
        OneOrMany::Many(many) => many,
    })
}

fn exit<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Exit, D::Error> {
    match String::deserialize(deserializer)?.as_str() {
        "clean" => Ok(Exit::Ok),
        "credentials" => Ok(Exit::Credentials),
        "not-found" => Ok(Exit::NotFound),
        "refused" => Ok(Exit::SubscriptionRefused),
        "abnormal" => Ok(Exit::ClosedAbnormally),
        _ => Err(D::Error::custom("expected clean, credentials, not-found, refused or abnormal")),
    }
}
