//! What is known of the events of a session: which have come before, which are written, and where to go on from.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use crate::dialect::{EventAck, Facts};
use crate::key::BoundedKey;
use crate::limits;

/// The account of events. What waits in it is on its way through the pipeline, where most of it may be in a file:
/// [`Delivery::waiting_bytes`] tells what it takes here.
pub struct Delivery {
    seen: Seen,
    /// Do ids of events that are written have to be told to the provider?
    acknowledges: bool,
    /// Events that are not written yet, in order.
    pending: VecDeque<Pending>,
    pending_bytes: usize,
    cursor: Option<String>,
    last_id: Option<String>,
    duplicates: u64,
}

struct Pending {
    seq: u64,
    id: Option<String>,
    cursor: Option<String>,
    /// What acknowledges it, and the connection that it came on.
    ack: Option<(u32, EventAck)>,
}

impl Pending {
    fn cost(&self) -> usize {
        let texts = [&self.id, &self.cursor].into_iter().flatten();
        let ack = self.ack.as_ref().map_or(0, |(_, ack)| ack.cost());
        size_of::<Self>() + texts.map(String::capacity).sum::<usize>() + ack
    }
}

/// What follows from events being written.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// The ids to acknowledge, in order.
    pub ids: Vec<String>,
    /// What acknowledges events, in order, with the connections that they came on.
    pub acks: Vec<(u32, EventAck)>,
    /// The cursor that has been reached, if it moved.
    pub cursor: Option<String>,
}

impl Delivery {
    /// Remembers so many ids, and starts at this cursor. `acknowledges` says whether the ids of what is written are
    /// asked for.
    #[must_use]
    pub fn new(remember: usize, cursor: Option<String>, acknowledges: bool) -> Self {
        Self {
            seen: Seen::new(remember),
            acknowledges,
            pending: VecDeque::new(),
            pending_bytes: 0,
            cursor,
            last_id: None,
            duplicates: 0,
        }
    }

    /// An event came, as this message. `true`: it has come before. It is acknowledged all the same, since the
    /// provider seems not to know, but it moves no cursor: on another connection it may stand far behind.
    pub fn received(&mut self, seq: u64, facts: &Facts) -> bool {
        self.received_with(seq, facts, None)
    }

    /// [`Delivery::received`] of an event that is acknowledged in its own way, on the connection that it came on.
    pub fn received_with(&mut self, seq: u64, facts: &Facts, ack: Option<(u32, EventAck)>) -> bool {
        let Facts { id, cursor } = facts;
        let duplicate = id.as_deref().is_some_and(|id| !self.seen.insert(id));
        let cursor = cursor.as_ref().filter(|_| !duplicate);
        if duplicate {
            self.duplicates += 1;
        } else if let Some(last) = id.as_ref().or(cursor) {
            replace(&mut self.last_id, last);
        }
        if let Some(cursor) = cursor {
            replace(&mut self.cursor, cursor);
        }
        let (id, cursor) = (id.as_ref().filter(|_| self.acknowledges).cloned(), cursor.cloned());
        if id.is_some() || cursor.is_some() || ack.is_some() {
            let event = Pending { seq, id, cursor, ack };
            self.pending_bytes += event.cost();
            self.pending.push_back(event);
        }
        duplicate
    }

    /// Everything up to this message is written, or was not meant to be.
    pub fn written(&mut self, seq: u64) -> Written {
        let mut written = Written::default();
        while let Some(event) = self.pending.pop_front_if(|event| event.seq <= seq) {
            self.pending_bytes -= event.cost();
            written.ids.extend(event.id);
            written.acks.extend(event.ack);
            written.cursor = event.cursor.or(written.cursor);
        }
        written
    }

    /// Are there events that are not known to be written?
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Bytes of memory that the events take that are not known to be written.
    #[must_use]
    pub fn waiting_bytes(&self) -> usize {
        self.pending_bytes
    }

    /// Where to go on from. What has been received will be written before this session ends well, so it need
    /// not come again.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.cursor.as_deref()
    }

    /// What the last event is known by.
    #[must_use]
    pub fn last_id(&self) -> Option<&str> {
        self.last_id.as_deref()
    }

    /// How many events came more than once.
    #[must_use]
    pub fn duplicates(&self) -> u64 {
        self.duplicates
    }
}

/// Uses the memory of the text before.
fn replace(place: &mut Option<String>, text: &String) {
    place.get_or_insert_default().clone_from(text);
}

/// The ids that were seen last, up to a number of them, and up to [`limits::SEEN`] bytes.
pub struct Seen {
    most: usize,
    ids: HashSet<Arc<BoundedKey>>,
    order: VecDeque<Arc<BoundedKey>>,
    bytes: usize,
}

/// Bytes that an id takes: the key, its reference counts, and its places in the set and in the order.
fn cost(key: &BoundedKey) -> usize {
    key.cost() + 2 * size_of::<usize>() + 4 * size_of::<Arc<BoundedKey>>()
}

impl Seen {
    /// Remembers so many; with 0, every id is new.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self { most, ids: HashSet::new(), order: VecDeque::new(), bytes: 0 }
    }

    /// Notes an id. `false`: it is among those that were noted.
    pub fn insert(&mut self, id: &str) -> bool {
        if self.most == 0 {
            return true;
        }
        let key = Arc::new(BoundedKey::of(id));
        if self.ids.contains(&key) {
            return false;
        }
        self.bytes += cost(&key);
        self.ids.insert(Arc::clone(&key));
        self.order.push_back(key);
        while self.order.len() > self.most || self.bytes > limits::SEEN {
            let Some(oldest) = self.order.pop_front() else { break };
            self.bytes -= cost(&oldest);
            self.ids.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, cursor: &str) -> Facts {
        let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        Facts { id: some(id), cursor: some(cursor) }
    }

    #[test]
    fn as_many_ids_as_asked_for_are_remembered() {
        let mut seen = Seen::new(1000);
        assert!((0..1000).all(|n| seen.insert(&n.to_string())));
        assert!((0..1000).all(|n| !seen.insert(&n.to_string())));
        assert!(seen.insert("1000"));
        assert!(seen.insert("0"), "the oldest was forgotten");
        assert!(!seen.insert("2"));
        let mut none = Seen::new(0);
        assert!(none.insert("a") && none.insert("a"));
    }

    #[test]
    fn ids_are_bounded_in_bytes_however_long_they_are() {
        let mut seen = Seen::new(usize::MAX);
        let long = |n: usize| format!("{n:08}{}", "i".repeat(100_000));
        assert!((0..100).all(|n| seen.insert(&long(n))) && (0..100).all(|n| !seen.insert(&long(n))));
        assert!(seen.bytes < 100 * 200, "{} bytes for 100 ids of 100 KB", seen.bytes);
        let mut count = 0;
        while seen.insert(&format!("{count:064}")) && seen.order.len() == count + 100 + 1 {
            count += 1;
        }
        assert!(seen.bytes <= limits::SEEN && count > 50_000, "{count} ids in {} bytes", seen.bytes);
        assert_eq!((seen.ids.len(), seen.order.len()), (count + 100, count + 100));
        assert!(seen.insert(&long(0)), "the oldest is forgotten");
    }

    #[test]
    fn what_waits_is_counted_in_bytes() {
        let mut delivery = Delivery::new(10, None, true);
        let (id, cursor) = ("i".repeat(1000), "c".repeat(500));
        for seq in 0..10 {
            delivery.received(seq, &event(&format!("{id}{seq}"), &cursor));
        }
        assert!(delivery.waiting_bytes() >= 10 * 1500, "{}", delivery.waiting_bytes());
        delivery.written(9);
        assert_eq!(delivery.waiting_bytes(), 0);
    }

    fn written(ids: &[&str], cursor: Option<&str>) -> Written {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        Written { ids, acks: Vec::new(), cursor: cursor.map(str::to_owned) }
    }

    #[test]
    fn an_event_may_be_acknowledged_by_a_message() {
        let mut delivery = Delivery::new(10, None, false);
        let ack = |n: u64| (1, EventAck::Message(crate::message::Message::text(format!("ack {n}"))));
        for seq in [1, 2] {
            delivery.received_with(seq, &Facts::default(), Some(ack(seq)));
        }
        assert!(delivery.is_waiting());
        assert_eq!(delivery.written(1).acks, [ack(1)]);
        assert_eq!(delivery.written(2).acks, [ack(2)]);
        assert_eq!(delivery.waiting_bytes(), 0);
    }

    #[test]
    fn what_is_written_is_told_once_and_in_order() {
        let mut delivery = Delivery::new(10, Some("start".into()), true);
        assert_eq!(delivery.cursor(), Some("start"));
        for (seq, id, cursor, duplicate) in
            [(1, "a", "c1", false), (2, "", "", false), (4, "b", "", false), (5, "a", "c0", true)]
        {
            assert_eq!(delivery.received(seq, &event(id, cursor)), duplicate, "{seq}");
        }
        assert_eq!((delivery.cursor(), delivery.last_id()), (Some("c1"), Some("b")));
        assert_eq!(delivery.written(0), Written::default());
        assert_eq!(delivery.written(3), written(&["a"], Some("c1")));
        assert_eq!(delivery.written(9), written(&["b", "a"], None));
        assert_eq!((delivery.written(9), delivery.duplicates()), (Written::default(), 1));
    }
}
