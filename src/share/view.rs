//! What a process knows of the group: who is alive, and who holds what. The rules are pure; the time is an argument.

use std::collections::HashMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::rendezvous;

/// The value of a slot's key.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SlotValue {
    /// The process that holds it; `None`: nobody does.
    pub member: Option<String>,
    /// The provider's cursor up to which everything is stored.
    pub cursor: Option<String>,
    /// When this was written, by the writer's clock (RFC 3339). Only gaps are reported by it.
    pub at: String,
}

/// A slot as it was last seen.
#[derive(Clone, Debug)]
pub struct SeenSlot {
    pub revision: u64,
    pub value: SlotValue,
    /// When this revision was first seen.
    since: Instant,
}

/// The group, as one process sees it.
pub struct GroupView {
    me: String,
    lease: Duration,
    members: HashMap<String, Instant>,
    slots: HashMap<String, SeenSlot>,
}

impl GroupView {
    /// Nothing is known but this process.
    #[must_use]
    pub fn new(me: String, lease: Duration) -> Self {
        Self { me, lease, members: HashMap::new(), slots: HashMap::new() }
    }

    /// A member has shown that it is alive.
    pub fn saw_member(&mut self, id: &str, now: Instant) {
        self.members.insert(id.to_owned(), now);
    }

    /// A member has left.
    pub fn member_left(&mut self, id: &str) {
        self.members.remove(id);
    }

    /// A slot has this value now.
    pub fn saw_slot(&mut self, name: &str, revision: u64, value: SlotValue, now: Instant) {
        let is_newer = self.slots.get(name).is_none_or(|seen| seen.revision < revision);
        if is_newer {
            self.slots.insert(name.to_owned(), SeenSlot { revision, value, since: now });
        }
    }

    fn alive(&self, now: Instant) -> Vec<&str> {
        let others = self.members.iter().filter(|(id, at)| **id != self.me && now - **at < self.lease);
        let mut alive: Vec<&str> = others.map(|(id, _)| id.as_str()).collect();
        alive.push(&self.me);
        alive.sort_unstable();
        alive
    }

    /// Should this process hold the slot?
    #[must_use]
    pub fn is_mine(&self, slot: &str, now: Instant) -> bool {
        let alive = self.alive(now);
        let hashes: Vec<u64> = alive.iter().map(|id| rendezvous::hash(id)).collect();
        rendezvous::owner(rendezvous::hash(slot), &hashes).is_some_and(|index| alive[index] == self.me)
    }

    /// The slot, if it may be taken: nobody holds it, or its holder's lease is over.
    #[must_use]
    pub fn free(&self, slot: &str, now: Instant) -> Option<SeenSlot> {
        let none = || SeenSlot { revision: 0, value: SlotValue::default(), since: now };
        let seen = self.slots.get(slot).cloned().unwrap_or_else(none);
        let is_free = match &seen.value.member {
            None => true,
            Some(_) => now - seen.since >= self.lease,
        };
        is_free.then_some(seen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(10);

    fn held(by: &str) -> SlotValue {
        SlotValue { member: Some(by.to_owned()), cursor: Some("c".to_owned()), at: String::new() }
    }

    #[test]
    fn a_lease_is_over_when_its_key_has_not_changed_for_its_time() {
        let start = Instant::now();
        let mut view = GroupView::new("me".to_owned(), LEASE);
        assert_eq!(view.free("s", start).unwrap().revision, 0, "nobody ever held it");
        view.saw_slot("s", 7, held("other"), start);
        assert!(view.free("s", start + LEASE - Duration::from_millis(1)).is_none());
        // The same revision, seen again after a lost connection, is no sign of life.
        view.saw_slot("s", 7, held("other"), start + LEASE / 2);
        let free = view.free("s", start + LEASE).unwrap();
        assert_eq!((free.revision, free.value.cursor.as_deref()), (7, Some("c")));
        view.saw_slot("s", 8, held("other"), start + LEASE);
        assert!(view.free("s", start + LEASE).is_none());
        view.saw_slot("s", 9, SlotValue { member: None, ..held("other") }, start + LEASE);
        assert_eq!(view.free("s", start + LEASE).unwrap().revision, 9);
    }

    #[test]
    fn every_slot_belongs_to_one_of_those_that_are_alive() {
        let start = Instant::now();
        let ids = ["a", "b", "c"];
        let views = |alive: &[&str]| -> Vec<GroupView> {
            let view = |me: &&str| {
                let mut view = GroupView::new((*me).to_owned(), LEASE);
                ids.iter().for_each(|id| view.saw_member(id, start));
                ids.iter().filter(|id| !alive.contains(id)).for_each(|id| view.member_left(id));
                view
            };
            alive.iter().map(view).collect()
        };
        for alive in [&ids[..], &ids[..2], &ids[1..2]] {
            for slot in 0..100 {
                let slot = slot.to_string();
                let owners = views(alive).iter().filter(|view| view.is_mine(&slot, start)).count();
                assert_eq!(owners, 1, "{slot} of {alive:?}");
            }
        }
        // One that has shown no sign of life for as long as a lease is not counted.
        let mut view = GroupView::new("a".to_owned(), LEASE);
        view.saw_member("b", start);
        assert_eq!((view.alive(start).len(), view.alive(start + LEASE).len()), (2, 1));
    }
}
