//! What goes over the wire besides events, for both halves. Taken from the provider's official clients (Node and
//! Python), since its documents leave out how to connect, subscribe and acknowledge.

use std::borrow::Cow;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::dialect::{Facts, Meaning};
use crate::message::Message;

/// Where an API key is exchanged for an access token, with `POST` and an empty body.
pub(super) const TOKEN_PATH: &str = "/v4/oauth2/token";

/// Where an event is acknowledged, with `POST` and [`ack`]. It takes no credential.
pub(super) const ACK_PATH: &str = "/api/v1/events/ack";

/// The query parameter of the access token.
pub(super) const TOKEN_PARAM: &str = "access_token";

/// How long to wait after `control.draining` where it does not say: as long as in the documents' example.
const DRAIN_WAIT: f64 = 1000.0;

/// No wait is longer, whatever `control.draining` says; the official clients have the same bound.
const LONGEST_DRAIN_WAIT: f64 = 60_000.0;

#[derive(Serialize)]
struct SubscribeFrame<'a> {
    action: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    channel: Option<&'a str>,
    #[serde(rename = "lastCursor", skip_serializing_if = "Option::is_none")]
    last_cursor: Option<&'a str>,
}

#[derive(Serialize)]
struct AckBody<'a> {
    id: &'a str,
}

/// What the token exchange gives.
#[derive(Deserialize)]
pub(super) struct TokenAnswer {
    pub(super) access_token: Option<String>,
    pub(super) team_id: Option<String>,
}

/// The client's `subscribe`; no answer is expected.
pub(super) fn subscribe(channel: Option<&str>, last_cursor: Option<&str>) -> Message {
    // Strings cannot fail to serialise, here and below.
    let frame = SubscribeFrame { action: "subscribe", channel, last_cursor };
    Message::text(serde_json::to_string(&frame).unwrap_or_default())
}

/// The body of an acknowledgement.
pub(super) fn ack(id: &str) -> Vec<u8> {
    serde_json::to_vec(&AckBody { id }).unwrap_or_default()
}

/// The fields that matter to a client; their values may be of any kind.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Envelope<'a> {
    #[serde(borrow, rename = "type")]
    kind: Option<&'a RawValue>,
    /// Another name for it, in the newest documents.
    #[serde(borrow, rename = "eventType")]
    event_type: Option<&'a RawValue>,
    #[serde(borrow)]
    id: Option<&'a RawValue>,
    #[serde(borrow, rename = "_cursor")]
    cursor: Option<&'a RawValue>,
    #[serde(borrow, rename = "retryAfterMs")]
    retry_after: Option<&'a RawValue>,
}

/// What a message from the server means. What is not an object, has no known type, or lacks fields is an event.
pub(super) fn read(text: &str) -> Meaning {
    // An array would be read as the fields in their order.
    if !text.trim_ascii_start().starts_with('{') {
        return Meaning::EVENT;
    }
    let Ok(envelope) = serde_json::from_str::<Envelope<'_>>(text) else { return Meaning::EVENT };
    let kind = envelope.kind.or(envelope.event_type).and_then(string);
    match kind.as_deref() {
        Some("heartbeat") => Meaning::Heartbeat,
        Some("control.draining") => Meaning::Draining { after: drain_wait(envelope.retry_after) },
        _ => Meaning::Event(Facts { id: word(envelope.id), cursor: word(envelope.cursor) }),
    }
}

fn drain_wait(value: Option<&RawValue>) -> Duration {
    let number = value.and_then(|value| serde_json::from_str::<f64>(value.get()).ok());
    Duration::from_secs_f64(number.unwrap_or(DRAIN_WAIT).clamp(0.0, LONGEST_DRAIN_WAIT) / 1e3)
}

fn string(value: &RawValue) -> Option<Cow<'_, str>> {
    // Borrowed where there is no escape in it, as in every type that is known.
    #[derive(Deserialize)]
    struct Text<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_str(value.get()).ok().map(|Text(text)| text)
}

/// A string that is not empty.
fn word(value: Option<&RawValue>) -> Option<String> {
    value.and_then(string).filter(|text| !text.is_empty()).map(Cow::into_owned)
}
