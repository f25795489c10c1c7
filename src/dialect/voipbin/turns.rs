//! Whose event is next, among the sources of events behind the topics of one client. To find it takes the same for a
//! hundred sources and for a hundred thousand, and to add one takes no more than to note it: a source is made when it
//! is its turn for the first time. When they do not all fit into memory, those that have told some events make room
//! for those that have told none.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;

use crate::limits;

/// Sources that are made at once, as soon as somebody asks for an event; of more, one with each event.
const AT_ONCE: usize = 64;

/// Events that a source tells before it makes room for another, where they do not all fit.
const TURN: u32 = 8;

/// Something that tells events in the order of their times.
pub(super) trait EventSource {
    /// When its next event happens, if there is one.
    fn next_at(&mut self) -> Option<i64>;

    /// About the bytes that it takes in memory.
    fn cost(&self) -> usize;
}

/// What is wanted of a source.
pub(super) trait Wants: Default {
    /// Nothing is.
    fn is_nothing(&self) -> bool;
}

impl Wants for usize {
    fn is_nothing(&self) -> bool {
        *self == 0
    }
}

/// The sources, by key, with what is wanted of each.
pub(super) struct Turns<K, W, S> {
    numbers: HashMap<Arc<K>, u64>,
    slots: HashMap<u64, TurnSlot<K, W, S>>,
    next_number: u64,
    /// The times of their next events. An entry that is not what the source says now is of no account.
    times: BinaryHeap<Reverse<(i64, u64)>>,
    /// Those that are not made.
    waiting: VecDeque<u64>,
    /// The source whose event was taken last. When its next one happens is asked when somebody wants to know: what
    /// is wanted of it may have changed by then.
    last: Option<u64>,
    made: usize,
    bytes: usize,
    limit: usize,
}

struct TurnSlot<K, W, S> {
    key: Arc<K>,
    wants: W,
    source: Option<S>,
    at: Option<i64>,
    bytes: usize,
    told: u32,
    /// How often it has been made.
    round: u64,
}

impl<K: Hash + Eq, W: Wants, S: EventSource> Default for Turns<K, W, S> {
    fn default() -> Self {
        Self {
            numbers: HashMap::new(),
            slots: HashMap::new(),
            next_number: 0,
            times: BinaryHeap::new(),
            waiting: VecDeque::new(),
            last: None,
            made: 0,
            bytes: 0,
            limit: limits::MOCK_WORLDS,
        }
    }
}

impl<K: Hash + Eq, W: Wants, S: EventSource> Turns<K, W, S> {
    /// Changes what is wanted of a source, and tells it if it is made. It is there as long as anything is.
    pub(super) fn change(&mut self, key: K, change: impl FnOnce(&mut W), tell: impl FnOnce(&mut S, &W)) {
        let number = self.numbers.get(&key).copied().unwrap_or_else(|| self.add(key));
        let Some(slot) = self.slots.get_mut(&number) else { return };
        change(&mut slot.wants);
        if slot.wants.is_nothing() {
            return self.remove(number);
        }
        let Some(source) = &mut slot.source else { return };
        tell(source, &slot.wants);
        if self.last != Some(number) {
            let at = source.next_at();
            if at != slot.at {
                slot.at = at;
                self.enqueue(at, number);
            }
        }
    }

    fn remove(&mut self, number: u64) {
        let Some(gone) = self.slots.remove(&number) else { return };
        self.numbers.remove(&gone.key);
        self.bytes -= gone.bytes;
        self.made -= usize::from(gone.source.is_some());
    }

    /// The source whose event is next, and when that happens. Its event is to be taken. `make` makes one that is
    /// wanted for this; with how often it has been made before.
    pub(super) fn next(&mut self, mut make: impl FnMut(&K, &W, u64) -> S) -> Option<(i64, &K, &mut S)> {
        self.put_back();
        self.make_some(&mut make);
        let (at, number) = self.soonest()?;
        self.last = Some(number);
        let slot = self.slots.get_mut(&number)?;
        Some((at, &slot.key, slot.source.as_mut()?))
    }

    /// Bytes that the sources take.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    fn add(&mut self, key: K) -> u64 {
        let (number, key) = (self.next_number, Arc::new(key));
        self.next_number += 1;
        self.numbers.insert(Arc::clone(&key), number);
        let slot = TurnSlot { key, wants: W::default(), source: None, at: None, bytes: 0, told: 0, round: 0 };
        self.slots.insert(number, slot);
        self.waiting.push_back(number);
        if self.waiting.len() > most_entries(self.slots.len()) {
            let slots = &self.slots;
            self.waiting.retain(|number| slots.contains_key(number));
        }
        number
    }

    /// The source whose event was taken last takes its place again, or makes room.
    fn put_back(&mut self) {
        let Some(number) = self.last.take() else { return };
        let (crowded, over) = (self.is_full() && !self.waiting.is_empty(), self.bytes > self.limit);
        let Some(slot) = self.slots.get_mut(&number) else { return };
        slot.told += 1;
        if over || (crowded && slot.told >= TURN) {
            (slot.source, slot.at) = (None, None);
            self.bytes -= std::mem::take(&mut slot.bytes);
            self.made -= 1;
            return self.waiting.push_back(number);
        }
        self.note(number);
    }

    fn make_some(&mut self, make: &mut impl FnMut(&K, &W, u64) -> S) {
        let least = if self.made < AT_ONCE { AT_ONCE - self.made } else { 1 };
        for _ in 0..least {
            if self.made > 0 && self.is_full() {
                return;
            }
            let Some(number) = self.waiting.pop_front() else { return };
            // It may be gone by now.
            let Some(slot) = self.slots.get_mut(&number) else { continue };
            slot.source = Some(make(&slot.key, &slot.wants, slot.round));
            (slot.told, slot.round) = (0, slot.round + 1);
            self.made += 1;
            self.note(number);
        }
    }

    /// Notes what a source takes, and when its next event happens.
    fn note(&mut self, number: u64) {
        let Some(slot) = self.slots.get_mut(&number) else { return };
        let Some(source) = &mut slot.source else { return };
        let at = source.next_at();
        slot.at = at;
        self.bytes -= std::mem::replace(&mut slot.bytes, source.cost().max(1));
        self.bytes += slot.bytes;
        self.enqueue(at, number);
    }

    fn enqueue(&mut self, at: Option<i64>, number: u64) {
        self.times.extend(at.map(|at| Reverse((at, number))));
        if self.times.len() > most_entries(self.slots.len()) {
            let slots = &self.slots;
            self.times
                .retain(|Reverse((at, number))| slots.get(number).is_some_and(|slot| slot.at == Some(*at)));
        }
    }

    fn soonest(&mut self) -> Option<(i64, u64)> {
        while let Some(Reverse((at, number))) = self.times.pop() {
            if self.slots.get(&number).is_some_and(|slot| slot.at == Some(at)) {
                return Some((at, number));
            }
        }
        None
    }

    /// May no more be made? Those that are there may still grow.
    fn is_full(&self) -> bool {
        self.bytes >= self.limit / 4 * 3
    }
}

/// Entries of a queue for so many sources, of which some may be of no account. It is looked through when there are more,
/// which is seldom enough to cost nothing.
fn most_entries(sources: usize) -> usize {
    2 * sources + 2 * AT_ONCE
}

#[cfg(test)]
mod tests {
    use super::*;

    thread_local! {
        /// How often a source was asked for anything.
        static WORK: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
    }

    /// An event every `step`, of 100 bytes.
    struct Ticks(i64, i64);

    impl EventSource for Ticks {
        fn next_at(&mut self) -> Option<i64> {
            WORK.set(WORK.get() + 1);
            Some(self.0)
        }

        fn cost(&self) -> usize {
            100
        }
    }

    type Many = Turns<i64, usize, Ticks>;

    fn of(count: i64, limit: usize) -> Many {
        let mut turns = Many { limit, ..Many::default() };
        for key in 0..count {
            turns.change(key, |wants| *wants += 1, |_, _| {});
        }
        turns
    }

    fn next(turns: &mut Many) -> Option<(i64, i64)> {
        let (at, key, source) = turns.next(|key, _, round| Ticks(*key + round as i64, 100))?;
        source.0 += source.1;
        Some((at, *key))
    }

    #[test]
    fn events_come_in_the_order_of_their_times() {
        let mut turns = of(50, usize::MAX);
        let told: Vec<_> = (0..150).map(|_| next(&mut turns).unwrap()).collect();
        let expected = (0..3).flat_map(|round| (0..50).map(move |key| (100 * round + key, key)));
        assert_eq!(told, expected.collect::<Vec<_>>());
        turns.change(7, |wants| *wants += 1, |source, _| source.0 = 0);
        turns.change(7, |wants| *wants -= 1, |_, _| {});
        assert_eq!(next(&mut turns), Some((0, 7)), "what it says has changed");
        turns.change(7, |wants| *wants -= 1, |_, _| panic!("it is gone"));
        assert!((0..49).all(|_| next(&mut turns).unwrap().1 != 7));
    }

    /// Counts what is done, and not how long it takes.
    #[test]
    fn an_event_and_a_source_take_the_same_work_however_many_there_are() {
        let mut first = None;
        for count in [100, 1000, 10_000, 100_000] {
            WORK.set(0);
            let mut turns = of(count, usize::MAX);
            assert_eq!(WORK.get(), 0, "nothing is made when it is added");
            (0..1000).for_each(|_| _ = next(&mut turns).unwrap());
            let work = WORK.get();
            // One that is made with each event, and the one that was told.
            assert!(work <= 2 * *first.get_or_insert(work), "{count}: {work}");
        }
    }

    #[test]
    fn coming_and_going_and_changing_leave_nothing_behind() {
        let mut turns = of(10, usize::MAX);
        next(&mut turns);
        for n in 0..100_000 {
            turns.change(n % 10, |wants| *wants += 1, |source, _| source.0 += 1);
            turns.change(1000 + n, |wants| *wants += 1, |_, _| {});
            turns.change(1000 + n, |wants| *wants -= 1, |_, _| {});
            assert!(turns.times.len() + turns.waiting.len() <= 2 * most_entries(11), "{n}");
        }
        assert_eq!((turns.slots.len(), turns.numbers.len()), (10, 10));
    }

    #[test]
    fn sources_take_turns_when_they_do_not_fit() {
        let mut turns = of(1000, 20 * 100);
        let mut seen = std::collections::HashSet::new();
        for _ in 0..100_000 {
            seen.insert(next(&mut turns).unwrap().1);
            assert!(turns.bytes() <= turns.limit && turns.made <= 20, "{} bytes", turns.bytes());
        }
        assert_eq!(seen.len(), 1000, "each had its turn");
        for key in 0..1000 {
            turns.change(key, |wants| *wants -= 1, |_, _| panic!("it is gone"));
        }
        assert!(turns.bytes() == 0 && turns.made == 0 && next(&mut turns).is_none());
    }
}
