//! The dialect file of version 2, as it is written. Expressions are jq programs in strings; their places in the file are
//! kept for error messages.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use super::kept;
use crate::dialect::CredentialPlace;
use crate::exit::Exit;
use crate::text::duration;

/// A jq program as it is written, with its place in the file.
pub(super) type Source = Spanned<String>;

/// A dialect file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RulesFile {
    pub(super) dialect: DialectHead,
    pub(super) credential: Option<CredentialTable>,
    /// Further credentials: the name in `$keys`, and the environment variable.
    #[serde(default)]
    pub(super) keys: BTreeMap<String, String>,
    pub(super) topics: Option<TopicsTable>,
    pub(super) connect: Option<ConnectTable>,
    pub(super) open: Option<OpenTable>,
    pub(super) subscribe: Option<RequestTable>,
    pub(super) unsubscribe: Option<RequestTable>,
    /// Tried in order on every message that comes.
    #[serde(default)]
    pub(super) on: Vec<RuleTable>,
    pub(super) keepalive: Option<KeepaliveTable>,
    /// Close codes that mean something of their own.
    #[serde(default)]
    pub(super) close: BTreeMap<String, CloseTable>,
    pub(super) mock: Option<MockTable>,
}

/// Where the credential goes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CredentialTable {
    /// `query:NAME`, `header:NAME`, `bearer`, or `message` for `{token}` in a greeting and `$token` in expressions.
    #[serde(rename = "in", deserialize_with = "place")]
    pub(super) place: CredentialPlace,
    /// The environment variable that it is looked for in.
    pub(super) env: String,
}

/// What the dialect is.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DialectHead {
    /// The version of the format: 2.
    pub(super) version: Spanned<u32>,
    /// The dialect's name, for people.
    pub(super) name: String,
    /// One line about it.
    #[serde(default)]
    pub(super) summary: String,
    /// The heading of the help text that it stands below.
    #[serde(default)]
    pub(super) group: String,
    /// The document that it was written from.
    #[serde(default)]
    pub(super) source: String,
    /// When that was read, as in 2026-11-30.
    #[serde(default)]
    pub(super) date: String,
    /// What the file leaves out, and other remarks.
    #[serde(default)]
    pub(super) notes: String,
    /// Command lines that show it at work, without the program's name.
    #[serde(default, deserialize_with = "one_or_many")]
    pub(super) examples: Vec<String>,
    /// Where to connect when no URL is given.
    pub(super) url: Option<Spanned<String>>,
    /// Hosts whose URLs belong to it; `*.example.com` is every host below that one.
    #[serde(default)]
    pub(super) hosts: Vec<String>,
    /// Subprotocols to offer (RFC 6455 §1.9), unless `--subprotocol` says others.
    #[serde(default)]
    pub(super) subprotocols: Vec<String>,
    /// The client pings by itself.
    #[serde(default = "yes")]
    pub(super) pings: bool,
    /// Is what clients send JSON?
    #[serde(default = "yes")]
    pub(super) json: bool,
    /// How many ids of events are remembered.
    pub(super) dedupe: Option<usize>,
    /// The steps that decode messages, as `--decode` names them, and those that encode what is sent.
    #[serde(default, deserialize_with = "one_or_many")]
    pub(super) decode: Vec<String>,
    #[serde(default, deserialize_with = "one_or_many")]
    pub(super) encode: Vec<String>,
}

/// What can be subscribed to.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TopicsTable {
    /// What a topic is, for people.
    #[serde(default)]
    pub(super) what: String,
    /// Nothing is sent before something has been subscribed to.
    #[serde(default = "yes")]
    pub(super) required: bool,
    /// Has an output, which says why, for a topic that is wrong.
    pub(super) check: Option<Source>,
    /// The most topics in one message.
    pub(super) per_message: Option<Spanned<usize>>,
    /// The most topics on one connection.
    pub(super) per_connection: Option<usize>,
}

/// How to connect.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ConnectTable {
    /// The URL, if it has an output: for servers that say where to connect to.
    pub(super) url: Option<Source>,
    /// The path, as a template.
    pub(super) path: Option<Source>,
    /// Query parameters: one for each output that is not null.
    pub(super) query: BTreeMap<String, Source>,
    /// HTTP calls that are made first, in order.
    pub(super) before: Vec<CallTable>,
    /// A number that grows by one with every message of a connection.
    pub(super) sequence: Option<Source>,
    /// Messages that may be sent in a second.
    pub(super) messages_per_second: Option<u32>,
    /// Another connection takes over after this time, before the provider ends the first one.
    #[serde(deserialize_with = "positive")]
    pub(super) replace_after: Option<Duration>,
}

/// An HTTP call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CallTable {
    /// What it is for, as in `the session token`.
    pub(super) purpose: String,
    #[serde(default = "post")]
    pub(super) method: String,
    /// A template.
    pub(super) url: Source,
    #[serde(default)]
    pub(super) headers: BTreeMap<String, Source>,
    pub(super) body: Option<Source>,
    /// What to keep of the answer.
    pub(super) keep: Option<Source>,
    /// What in the answer is secret.
    pub(super) secret: Option<Source>,
}

/// What is said first on every connection.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OpenTable {
    pub(super) send: Source,
}

/// How to subscribe, or to end that.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RequestTable {
    /// Messages for all of `$topics`.
    pub(super) send: Option<Source>,
    /// Messages for each topic, `$topic`.
    pub(super) each: Option<Source>,
    /// An HTTP call for each topic.
    pub(super) call: Option<CallTable>,
}

/// What a message means that meets a condition, and what follows.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct RuleTable {
    /// For people, in `--check`.
    pub(super) name: String,
    pub(super) when: Option<Source>,
    /// Fields to change in the state of the connection, and of the session.
    pub(super) set: Option<Source>,
    pub(super) keep: Option<Source>,
    pub(super) send: Option<Source>,
    /// The events in the message.
    pub(super) event: Option<Source>,
    pub(super) id: Option<Source>,
    pub(super) cursor: Option<Source>,
    pub(super) sequence: Option<Source>,
    /// A message to send when the event's line is written.
    pub(super) ack: Option<Source>,
    /// The same as an HTTP call.
    pub(super) ack_call: Option<CallTable>,
    /// The server is there.
    pub(super) heartbeat: bool,
    /// It is the answer to a keep-alive message.
    pub(super) pong: bool,
    /// What was opened is ready to be subscribed on.
    pub(super) ready: bool,
    /// Topics that are confirmed.
    pub(super) confirm: Option<Source>,
    /// Confirms a subscription without naming its topics.
    #[serde(skip)]
    pub(super) confirm_unnamed: bool,
    /// Why something is refused.
    pub(super) refuse: Option<Source>,
    /// A refusal without a text is shown as it came.
    #[serde(skip)]
    pub(super) refuse_as_it_came: bool,
    /// The server will close the connection.
    pub(super) drain: Option<Source>,
    /// Nothing that anybody needs to know.
    pub(super) ignore: bool,
}

/// What keeps a connection alive.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct KeepaliveTable {
    pub(super) send: Option<Source>,
    #[serde(default, deserialize_with = "positive")]
    pub(super) every: Option<Duration>,
    /// Milliseconds that the server names, in place of `every`.
    pub(super) every_ms: Option<Source>,
    /// The connection is lost after this time without a sign of life.
    #[serde(default, deserialize_with = "positive")]
    pub(super) silence: Option<Duration>,
    pub(super) silence_ms: Option<Source>,
    /// Any frame is a sign of life, heartbeats or not.
    #[serde(skip)]
    pub(super) any_frame: bool,
    /// Must the message be answered within the ping timeout?
    #[serde(default = "yes")]
    pub(super) answered: bool,
}

/// What a close code means.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CloseTable {
    pub(super) meaning: String,
    #[serde(default)]
    pub(super) retry: bool,
    #[serde(default = "closed", deserialize_with = "exit")]
    pub(super) exit: Exit,
}

/// The server's half.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MockTable {
    /// The path that it is served at; a `*` at the end stands for any text.
    pub(super) path: String,
    /// The credential in the request, if it has to have one.
    pub(super) token: Option<Source>,
    /// The first topics, of a request that names them.
    pub(super) topics: Option<Source>,
    /// The number of the first event, for clients that go on from a cursor.
    pub(super) start: Option<Source>,
    /// The state at first.
    pub(super) set: Option<Source>,
    /// What is said first.
    pub(super) open: Option<Source>,
    /// The next event.
    pub(super) event: Option<Source>,
    /// What is said now and then.
    pub(super) beat: Option<Source>,
    #[serde(default, deserialize_with = "positive")]
    pub(super) every: Option<Duration>,
    /// What announces that the server is about to close.
    pub(super) drain: Option<Source>,
    /// The name of the connection, by which calls subscribe it.
    pub(super) session: Option<Source>,
    #[serde(default)]
    pub(super) on: Vec<MockRuleTable>,
    #[serde(default)]
    pub(super) http: Vec<MockCallTable>,
}

/// What the mock does with a message of a client.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct MockRuleTable {
    pub(super) when: Option<Source>,
    pub(super) set: Option<Source>,
    pub(super) send: Option<Source>,
    /// The answer to a keep-alive message.
    pub(super) pong: Option<Source>,
    /// The credential; one that is not accepted is answered with `refuse`.
    pub(super) token: Option<Source>,
    /// Topics that events are made for from now on, and no longer.
    pub(super) subscribe: Option<Source>,
    pub(super) unsubscribe: Option<Source>,
    /// The answer to those that were accepted, in `$topics`.
    pub(super) ack: Option<Source>,
    /// The answer for each topic that was not, `$topic`.
    pub(super) refuse: Option<Source>,
    /// The number of the next event.
    pub(super) start: Option<Source>,
    /// A close code, or an array of code and reason.
    pub(super) close: Option<Source>,
}

/// What the mock answers to an HTTP call.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MockCallTable {
    pub(super) path: String,
    #[serde(default)]
    pub(super) method: Option<String>,
    pub(super) token: Option<Source>,
    #[serde(default = "ok")]
    pub(super) status: u16,
    pub(super) body: Option<Source>,
    /// Topics that events are made for from now on, on the connections of the name in `session`.
    pub(super) subscribe: Option<Source>,
    pub(super) session: Option<Source>,
    /// The body of the answer, with 403, for the first topic that is refused, `$topic`.
    pub(super) refuse: Option<Source>,
}

pub(super) fn yes() -> bool {
    true
}

fn ok() -> u16 {
    200
}

fn post() -> String {
    "POST".to_owned()
}

fn closed() -> Exit {
    Exit::ClosedAbnormally
}

fn place<'de, D: Deserializer<'de>>(deserializer: D) -> Result<CredentialPlace, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.split_once(':') {
        Some(("query", name)) if !name.is_empty() => Ok(CredentialPlace::Query(kept(name))),
        Some(("header", name)) if !name.is_empty() => Ok(CredentialPlace::Header(kept(name))),
        None if text == "bearer" => Ok(CredentialPlace::Bearer),
        None if text == "message" => Ok(CredentialPlace::Message),
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

pub(super) fn positive<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    match duration(&time_text(deserializer)?) {
        Ok(time) if !time.is_zero() => Ok(Some(time)),
        Ok(_) => Err(D::Error::custom("expected a time greater than zero, such as 30s")),
        Err(why) => Err(D::Error::custom(why)),
    }
}

pub(super) fn one_or_many<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
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
