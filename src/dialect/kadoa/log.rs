//! The mock's event log: every event in order, so that a client can go on after the last one it has seen.

use std::collections::{HashMap, VecDeque};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fastrand::Rng;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::events::TeamWorld;
use super::wire;
use crate::dialect::Meaning;
use crate::dialect::made::{JsonObject, fields, mix};
use crate::json::quoted;
use crate::limits;
use crate::message::Message;
use crate::provider::Behave;
use crate::text::uuid;

/// How many events are kept, as long as they fit into [`limits::MOCK_LOG`]. The oldest go first. There are no more in
/// `--history`.
const KEPT: usize = 100_000;

/// How many events are handed out at once.
const BATCH: usize = 256;

/// The log.
pub(super) struct Log {
    world: TeamWorld,
    rng: Rng,
    shape: Behave,
    /// What makes cursors look like nothing in particular.
    key: u64,
    /// Events that there ever were. They are numbered from 1.
    made: u64,
    /// Those of them that somebody else made up, and where their ids come from: what this log makes up itself stays
    /// the same with them.
    pushed: u64,
    /// Those that there were when it began.
    history: u64,
    push_rng: Rng,
    kept: VecDeque<Message>,
    /// Bytes of these.
    bytes: usize,
    bound: usize,
}

impl Log {
    pub(super) fn new(seed: u64, shape: Behave) -> Self {
        Self {
            world: TeamWorld::new(seed),
            rng: Rng::with_seed(mix(seed, "ids")),
            shape,
            key: mix(seed, "cursors"),
            made: 0,
            pushed: 0,
            history: 0,
            push_rng: Rng::with_seed(mix(seed, "pushed")),
            kept: VecDeque::new(),
            bytes: 0,
            bound: KEPT,
        }
    }

    /// The same once so many events have happened.
    pub(super) fn after_events(mut self, history: u64) -> Self {
        (0..history).for_each(|_| drop(self.append()));
        Self { history, ..self }
    }

    /// Events that were made up here since it began.
    pub(super) fn made(&self) -> u64 {
        self.made - self.pushed - self.history
    }

    /// The time, in milliseconds since 1970.
    pub(super) fn now(&self) -> i64 {
        self.world.now()
    }

    /// Lets the next event happen.
    pub(super) fn append(&mut self) -> Message {
        let event = self.world.next();
        self.made += 1;
        // The documents' word, or that of the official clients' types.
        let payload = match self.shape {
            Behave::Documented => "data",
            Behave::Real => "message",
        };
        let frame = JsonObject::default()
            .text("type", event.kind)
            .number("timestamp", event.at)
            .text("id", &uuid(&mut self.rng))
            .raw(payload, &event.data)
            .text("_cursor", &self.cursor(self.made));
        self.keep(Message::text(frame.end()))
    }

    /// Takes in an event that somebody made up; what every event has and this one has not is added to it. `None`:
    /// it is no object, or nothing that is logged.
    pub(super) fn push(&mut self, event: &RawValue) -> Option<Message> {
        let known: HashMap<String, IgnoredAny> = fields(event)?;
        let named = known.contains_key("type") || known.contains_key("eventType");
        if !named || !matches!(wire::read(event.get()), Meaning::Event(_)) {
            return None;
        }
        let mut text = event.get().strip_suffix('}')?.trim_end().to_owned();
        (self.made, self.pushed) = (self.made + 1, self.pushed + 1);
        let common = [
            ("timestamp", self.now().to_string()),
            ("id", quoted(&uuid(&mut self.push_rng))),
            ("_cursor", quoted(&self.cursor(self.made))),
        ];
        for (name, value) in common.into_iter().filter(|(name, _)| !known.contains_key(*name)) {
            text.push_str(&format!(",\"{name}\":{value}"));
        }
        text.push('}');
        Some(self.keep(Message::text(text)))
    }

    fn keep(&mut self, message: Message) -> Message {
        self.bytes += cost(&message);
        self.kept.push_back(message.clone());
        while self.kept.len() > self.bound || self.bytes > limits::MOCK_LOG {
            let Some(oldest) = self.kept.pop_front() else { break };
            self.bytes -= cost(&oldest);
        }
        message
    }

    /// The number of the last event.
    pub(super) fn last(&self) -> u64 {
        self.made
    }

    /// The number of the event with this cursor. A cursor that was never given, or whose event is gone, is
    /// followed by everything there is: to deliver something twice is allowed, to leave something out is not. What the
    /// service does then is not known.
    pub(super) fn place(&self, cursor: &str) -> u64 {
        self.number(cursor).filter(|number| (1..=self.made).contains(number)).unwrap_or(0)
    }

    /// Some of what followed the event of this number, with the number of the last; and whether that is all. A client
    /// that is long in coming back does not get all at once: it may be a hundred thousand messages.
    pub(super) fn after(&self, number: u64) -> (Vec<Message>, u64, bool) {
        let gone = self.made - u64::try_from(self.kept.len()).unwrap_or(self.made);
        let from = number.max(gone);
        let rest = self.kept.iter().skip(usize::try_from(from - gone).unwrap_or(usize::MAX));
        let (mut batch, mut bytes) = (Vec::new(), 0);
        for message in rest.take(BATCH) {
            if bytes >= limits::MOCK_REPLAY {
                break;
            }
            bytes += cost(message);
            batch.push(message.clone());
        }
        let last = from + batch.len() as u64;
        (batch, last, last == self.made)
    }

    fn cursor(&self, number: u64) -> String {
        URL_SAFE_NO_PAD.encode((number.rotate_left(40) ^ self.key).to_be_bytes())
    }

    fn number(&self, cursor: &str) -> Option<u64> {
        let bytes = URL_SAFE_NO_PAD.decode(cursor).ok()?.try_into().ok()?;
        Some((u64::from_be_bytes(bytes) ^ self.key).rotate_right(40))
    }
}

/// Bytes that an event takes.
fn cost(message: &Message) -> usize {
    message.len() + size_of::<Message>()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    fn filled(count: usize, bound: usize) -> (Log, Vec<Message>) {
        let mut log = Log { bound, ..Log::new(5, Behave::Documented) };
        let all = (0..count).map(|_| log.append()).collect();
        (log, all)
    }

    fn cursor(message: &Message) -> String {
        let value: Value = serde_json::from_slice(message.as_bytes()).unwrap();
        value["_cursor"].as_str().unwrap().to_owned()
    }

    /// All that followed the event with this cursor, batch by batch.
    fn all_after(log: &Log, cursor: &str) -> Vec<Message> {
        let (mut all, mut place) = (Vec::new(), log.place(cursor));
        loop {
            let (batch, last, done) = log.after(place);
            assert!(batch.len() <= BATCH);
            all.extend(batch);
            place = last;
            if done {
                return all;
            }
        }
    }

    #[test]
    fn the_log_is_bounded_in_bytes() {
        for size in [100, 1 << 20, 4 << 20] {
            let mut log = Log::new(5, Behave::Documented);
            let event = format!(r#"{{"type":"x","data":"{}"}}"#, "x".repeat(size));
            let event: Box<RawValue> = serde_json::from_str(&event).unwrap();
            for _ in 0..2 * limits::MOCK_LOG / size.max(1000) + 2 {
                log.push(&event).unwrap();
            }
            assert!(log.bytes <= limits::MOCK_LOG && log.bytes == log.kept.iter().map(cost).sum::<usize>());
            assert_eq!(all_after(&log, "").len(), log.kept.len());
            let (batch, ..) = log.after(0);
            assert!(batch.iter().map(Message::len).sum::<usize>() < limits::MOCK_REPLAY + size + 1000);
        }
    }

    #[test]
    fn whoever_goes_on_from_a_cursor_gets_what_followed() {
        let (log, all) = filled(50, KEPT);
        for (at, message) in all.iter().enumerate() {
            assert_eq!(all_after(&log, &cursor(message)), all[at + 1..]);
        }
        for unknown in ["", "x", "????", &log.cursor(0), &log.cursor(51), &log.cursor(u64::MAX)] {
            assert_eq!(all_after(&log, unknown).len(), 50, "{unknown}");
        }
    }

    #[test]
    fn a_log_that_begins_with_events_is_the_one_that_they_were_made_in() {
        let (_, all) = filled(50, KEPT);
        let mut log = Log::new(5, Behave::Documented).after_events(30);
        assert_eq!(log.made(), 0);
        assert_eq!((log.append(), log.made()), (all[30].clone(), 1));
        assert_eq!(all_after(&log, &cursor(&all[20])), all[21..31]);
    }

    #[test]
    fn the_log_is_bounded_and_what_is_gone_is_followed_by_all_there_is() {
        let (log, all) = filled(50, 20);
        assert_eq!(log.kept.len(), 20);
        assert_eq!(all_after(&log, &cursor(&all[3])).len(), 20);
        assert_eq!(all_after(&log, &cursor(&all[29])).len(), 20);
        assert_eq!(all_after(&log, &cursor(&all[30])).len(), 19);
        assert_eq!(all_after(&log, &cursor(&all[49])).len(), 0);
    }

    #[test]
    fn frames_are_the_documents() {
        let (_, all) = filled(1, KEPT);
        let text = all[0].as_text().unwrap();
        let start = r#"{"type":"workflow_data_change","timestamp":1767225600000,"id":""#;
        assert!(text.starts_with(start), "{text}");
        let event: Value = serde_json::from_str(text).unwrap();
        assert_ne!(event["id"], event["data"]["id"]);
        let mut real = Log::new(5, Behave::Real);
        let real: Value = serde_json::from_slice(real.append().as_bytes()).unwrap();
        assert!(real.get("data").is_none());
        assert_eq!(real["message"], event["data"]);
    }
}
