//! The frames that are not events, for both halves (Structures, "Subscribe Message" to "Error Codes").

use serde::Serialize;
use serde_json::Value;

use crate::dialect::Meaning;
use crate::message::Message;

/// What every acknowledgment has in it.
pub(super) const ACK_MARK: &[u8] = b"\"ack\"";

/// What every error has in it.
pub(super) const ERROR_MARK: &[u8] = b"\"error\"";

/// The error codes with the texts of the documents: the example's for the first, the table's for the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Code {
    PermissionDenied,
    InvalidTopic,
    InvalidMessage,
    RateLimited,
}

impl Code {
    fn name(self) -> &'static str {
        match self {
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::InvalidTopic => "INVALID_TOPIC",
            Self::InvalidMessage => "INVALID_MESSAGE",
            Self::RateLimited => "RATE_LIMITED",
        }
    }

    fn text(self) -> &'static str {
        match self {
            Self::PermissionDenied => "You do not have permission to subscribe to this topic",
            Self::InvalidTopic => "Topic format is invalid",
            Self::InvalidMessage => "Message structure is invalid",
            Self::RateLimited => "Too many subscription requests",
        }
    }
}

#[derive(Serialize)]
struct RequestFrame<'a> {
    r#type: &'a str,
    topics: &'a [String],
}

#[derive(Serialize)]
struct AckFrame<'a> {
    r#type: &'a str,
    action: &'a str,
    topics: &'a [String],
    status: &'a str,
}

#[derive(Serialize)]
struct ErrorFrame<'a> {
    r#type: &'a str,
    action: &'a str,
    topics: &'a [String],
    code: &'a str,
    message: &'a str,
}

/// About how many bytes of topics one message has at most: servers limit the size of messages, often to 1 MiB.
const TOPICS: usize = 768 << 10;

/// The client's `subscribe` or `unsubscribe`: one message, unless the topics are too many for it.
pub(super) fn requests(action: &str, topics: &[String]) -> Vec<Message> {
    let (mut requests, mut start, mut bytes) = (Vec::new(), 0, 0);
    for (at, topic) in topics.iter().enumerate() {
        // With quotes and a comma.
        let length = topic.len() + 3;
        bytes += length;
        if bytes > TOPICS && at > start {
            requests.push(frame(&RequestFrame { r#type: action, topics: &topics[start..at] }));
            (start, bytes) = (at, length);
        }
    }
    if start < topics.len() {
        requests.push(frame(&RequestFrame { r#type: action, topics: &topics[start..] }));
    }
    requests
}

/// What the server makes of a client's message: its action, and its topics unless the message is invalid.
/// One that is valid has a known `type` and `topics` as an array of strings.
pub(super) fn read_request(message: &Message) -> (String, Option<Vec<String>>) {
    let value = match message {
        Message::Text(text) => serde_json::from_str(text).unwrap_or(Value::Null),
        Message::Binary(_) => Value::Null,
    };
    let action = value.get("type").and_then(Value::as_str).unwrap_or("unknown").to_owned();
    let topics = value.get("topics").and_then(Value::as_array).and_then(|topics| {
        topics.iter().map(|topic| topic.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()
    });
    let known = matches!(action.as_str(), "subscribe" | "unsubscribe");
    let topics = topics.filter(|topics| known && !topics.is_empty());
    (action, topics)
}

/// The server's acknowledgment.
pub(super) fn ack(action: &str, topics: &[String]) -> Message {
    frame(&AckFrame { r#type: "ack", action, topics, status: "success" })
}

/// The server's error.
pub(super) fn error(action: &str, topics: &[String], code: Code) -> Message {
    frame(&ErrorFrame { r#type: "error", action, topics, code: code.name(), message: code.text() })
}

/// What the client makes of an acknowledgment or error; `None` for anything else. "Always check for both
/// `type` and `event_type`" (Structures): what has an `event_type` is an event. Fields that are missing or of
/// another kind do not make it unintelligible.
pub(super) fn answer(bytes: &[u8]) -> Option<Meaning> {
    let value: Value = serde_json::from_slice(bytes).ok()?;
    let object = value.as_object().filter(|object| !object.contains_key("event_type"))?;
    let word = |name: &str| match object.get(name) {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text.clone(),
        Some(other) => other.to_string(),
    };
    let topics = match object.get("topics") {
        Some(Value::Array(topics)) => topics.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        Some(Value::String(topic)) => vec![topic.clone()],
        _ => Vec::new(),
    };
    let status = word("status");
    match object.get("type")?.as_str()? {
        "ack" if matches!(status.as_str(), "success" | "") => {
            Some(Meaning::Confirmed { action: word("action"), topics })
        }
        "ack" => Some(Meaning::Refused {
            action: word("action"),
            topics,
            code: status,
            message: word("message"),
            retry: false,
        }),
        "error" => {
            let code = word("code");
            let retry = code == Code::RateLimited.name();
            Some(Meaning::Refused { action: word("action"), topics, code, message: word("message"), retry })
        }
        _ => None,
    }
}

fn frame(value: &impl Serialize) -> Message {
    // Strings and arrays of strings cannot fail to serialise.
    Message::text(serde_json::to_string(value).unwrap_or_default())
}
