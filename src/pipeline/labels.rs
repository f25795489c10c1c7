//! What brokers need to know about each line: the id and the cursor of its event, its key and its headers.

use std::sync::Arc;

use serde_json::Value as Json;

use super::filter::Value;
use super::output::Address;
use crate::event::{Direction, Event, Facts, Kind, Role};
use crate::message::Message;

/// Reads the provider's id and cursor from a message.
pub type Identify = Box<dyn FnMut(&Message) -> Facts + Send>;

/// The labels of the lines that the current event becomes.
pub(super) struct Labeler {
    identify: Identify,
    id: Option<String>,
    /// Lines of the event so far.
    lines: u32,
    pub(super) address: Option<Arc<Address>>,
    /// The cursor after the events that have been taken.
    cursor: Option<String>,
}

impl Labeler {
    pub(super) fn new(identify: Identify) -> Self {
        Self { identify, id: None, lines: 0, address: None, cursor: None }
    }

    /// The next lines come of this event.
    pub(super) fn begin(&mut self, event: &Event) {
        (self.id, self.lines, self.address) = (None, 0, None);
        let Kind::Message { dir: Direction::In, message, role, .. } = &event.kind else { return };
        if *role == Role::Bookkeeping {
            return;
        }
        let Facts { id, cursor } = (self.identify)(message);
        self.id = id;
        // On another connection, a duplicate may be far behind.
        if let Some(cursor) = cursor.filter(|_| *role == Role::Data) {
            self.cursor = Some(cursor);
        }
    }

    /// The id of the next line.
    pub(super) fn next_id(&mut self) -> Option<String> {
        self.lines += 1;
        let id = self.id.as_ref()?;
        Some(if self.lines == 1 { id.clone() } else { format!("{id}/{}", self.lines) })
    }

    /// The cursor after the last event that was taken, if it has moved.
    pub(super) fn take_cursor(&mut self) -> Option<String> {
        self.cursor.take()
    }
}

/// Reads an output of `--to-key`: a string is the key, an object may have `key` and `headers`, any other value is the
/// key as JSON, and `null` is no key.
///
/// # Errors
/// If an object has other fields, or headers that are not text.
pub(super) fn address(value: &Value) -> Result<Address, String> {
    if let Some(key) = value.as_str() {
        return Ok(Address { key: Some(key.to_owned()), headers: Vec::new() });
    }
    let mut text = Vec::new();
    value.write(&mut text)?;
    match serde_json::from_slice(&text).map_err(|error| error.to_string())? {
        Json::Null => Ok(Address::default()),
        Json::Object(fields) => {
            let mut address = Address::default();
            for (name, value) in fields {
                match (&*name, value) {
                    ("key", value) => address.key = word(value),
                    ("headers", Json::Object(headers)) => {
                        let texts =
                            headers.into_iter().filter_map(|(name, value)| Some((name, word(value)?)));
                        address.headers = texts.collect();
                    }
                    _ => return Err(format!("--to-key: expected the fields key and headers, not {name}")),
                }
            }
            Ok(address)
        }
        other => Ok(Address { key: word(other), headers: Vec::new() }),
    }
}

/// A string as it is, `null` as nothing, another value as JSON.
fn word(value: Json) -> Option<String> {
    match value {
        Json::Null => None,
        Json::String(text) => Some(text),
        other => Some(other.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_and_headers_are_read_from_any_output() {
        let of = |text: &str| address(&Value::parse(text).unwrap());
        let key = |key: &str| Ok(Address { key: Some(key.to_owned()), headers: Vec::new() });
        assert_eq!(of(r#""a b""#), key("a b"));
        assert_eq!(of("7"), key("7"));
        assert_eq!(of("[1,\"x\"]"), key("[1,\"x\"]"));
        assert_eq!(of("null"), Ok(Address::default()));
        let both = of(r#"{"key":"k","headers":{"b":"2","a":1,"c":null}}"#).unwrap();
        let mut headers = both.headers;
        headers.sort();
        assert_eq!(both.key.as_deref(), Some("k"));
        assert_eq!(headers, [("a".to_owned(), "1".to_owned()), ("b".to_owned(), "2".to_owned())]);
        assert!(of(r#"{"kye":"k"}"#).unwrap_err().contains("kye"));
        assert!(of(r#"{"headers":"k"}"#).is_err());
    }
}
