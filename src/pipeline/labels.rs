//! What brokers need to know about each line: the id and the cursor of its event, its key and its headers.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::Value as Json;

use super::filter::Value;
use super::output::Address;
use crate::event::{Direction, Event, Facts, Kind, MessagePart, Role};

/// Ids and cursors of events on their way to the pipeline, in the order of the events. Whoever understands messages puts
/// them in; clones are the same ledger.
#[derive(Clone, Debug, Default)]
pub struct FactsLedger(Arc<Mutex<VecDeque<(Place, Facts)>>>);

/// The number of a received message, and of its part.
type Place = (u64, Option<u32>);

impl FactsLedger {
    /// Notes what is known of the event that is emitted next.
    pub fn put(&self, seq: u64, part: Option<MessagePart>, facts: &Facts) {
        if facts.id.is_some() || facts.cursor.is_some() {
            self.entries().push_back(((seq, part.map(|part| part.number)), facts.clone()));
        }
    }

    /// What is known of an event. What is known of events before it that never came, because they were dropped, goes
    /// with it.
    pub(super) fn take(&self, seq: u64, part: Option<MessagePart>) -> Facts {
        let place = (seq, part.map(|part| part.number));
        let mut entries = self.entries();
        while entries.front().is_some_and(|(at, _)| at.0 < seq || (at.0 == seq && *at != place)) {
            // Parts of parts may have a number twice: the first is the one that comes first.
            let is_later = entries.front().is_some_and(|(at, _)| at.0 == seq && at.1 > place.1);
            if is_later {
                return Facts::default();
            }
            entries.pop_front();
        }
        let found = entries.pop_front_if(|(at, _)| *at == place);
        found.map(|(_, facts)| facts).unwrap_or_default()
    }

    /// About the bytes that it takes.
    #[must_use]
    pub fn cost(&self) -> usize {
        self.entries().len() * (size_of::<(Place, Facts)>() + ENTRY)
    }

    fn entries(&self) -> MutexGuard<'_, VecDeque<(Place, Facts)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What an id and a cursor take beside their entry, more or less.
const ENTRY: usize = 64;

/// The labels of the lines that the current event becomes.
pub(super) struct Labeler {
    ledger: FactsLedger,
    id: Option<String>,
    /// Lines of the event so far.
    lines: u32,
    pub(super) address: Option<Arc<Address>>,
    /// The cursor after the events that have been taken.
    cursor: Option<String>,
}

impl Labeler {
    pub(super) fn new(ledger: FactsLedger) -> Self {
        Self { ledger, id: None, lines: 0, address: None, cursor: None }
    }

    /// The next lines come of this event.
    pub(super) fn begin(&mut self, event: &Event) {
        (self.id, self.lines, self.address) = (None, 0, None);
        let Kind::Message { dir: Direction::In, seq, role, part, .. } = &event.kind else { return };
        if *role == Role::Bookkeeping {
            return;
        }
        let Facts { id, cursor } = self.ledger.take(*seq, *part);
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
    fn facts_are_found_by_the_place_of_their_event() {
        let ledger = FactsLedger::default();
        let part = |number, last| Some(MessagePart { number, last });
        let facts = |id: &str| Facts { id: Some(id.to_owned()), cursor: None };
        ledger.put(1, None, &facts("a"));
        ledger.put(2, None, &facts("dropped"));
        ledger.put(3, part(1, false), &facts("b"));
        ledger.put(3, part(2, true), &facts("c"));
        ledger.put(5, None, &facts("d"));
        assert_eq!(ledger.take(1, None), facts("a"));
        assert_eq!(ledger.take(3, part(1, false)), facts("b"));
        assert_eq!(ledger.take(3, part(2, true)), facts("c"));
        assert_eq!(ledger.take(4, None), Facts::default(), "nothing was known of it");
        assert_eq!(ledger.take(5, None), facts("d"));
        assert_eq!(ledger.cost(), 0);
    }

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
