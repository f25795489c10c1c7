//! How fast contacts are done: over a sliding window, and as a row of slots for a sparkline. Told the time.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

/// Parts of the window that are told apart. More would say nothing more, and take memory.
const PARTS: u32 = 60;

/// Slots of the sparkline that are kept.
const SLOTS: usize = 60;

/// Slots that make one window.
const SLOTS_A_WINDOW: u32 = 12;

/// Contacts done over time.
#[derive(Clone, Debug)]
pub struct ContactRate {
    window: Duration,
    /// Counts with their times, at most one a part of the window but for the last; the oldest is the one that the
    /// rate is measured from.
    samples: VecDeque<(Instant, u64)>,
    slots: Slots,
}

impl ContactRate {
    /// Over this window.
    #[must_use]
    pub fn new(window: Duration) -> Self {
        Self { window, samples: VecDeque::new(), slots: Slots::new(window / SLOTS_A_WINDOW) }
    }

    /// So many are done by now.
    pub fn note(&mut self, done: u64, now: Instant) {
        match self.samples.back() {
            // The provider counts anew. What was measured before says nothing about that.
            Some((_, before)) if *before > done => self.samples.clear(),
            Some((_, before)) => self.slots.add(done - before, now),
            None => self.slots.add(0, now),
        }
        let part = self.window / PARTS;
        let crowded = self.samples.len() >= 2
            && self.samples.iter().nth_back(1).is_some_and(|(at, _)| now.duration_since(*at) < part);
        if crowded {
            self.samples.pop_back();
        }
        self.samples.push_back((now, done));
        self.forget(now);
    }

    /// Contacts per minute; unknown until it has been watched for a while.
    #[must_use]
    pub fn per_minute(&self, now: Instant) -> Option<f64> {
        let (last_at, done) = *self.samples.back()?;
        // What was before the window counts only as what is measured from.
        let from = self.samples.iter().rev().find(|(at, _)| now.duration_since(*at) >= self.window);
        let (since, before) = *from.or(self.samples.front())?;
        let time = now.duration_since(since);
        let told_once = last_at == since && time < self.window;
        if told_once || time < self.window / PARTS {
            return None;
        }
        #[expect(clippy::cast_precision_loss, reason = "2^53 contacts are enough")]
        let contacts = (done - before) as f64;
        Some(contacts * 60.0 / time.as_secs_f64())
    }

    /// Contacts done in the last slots of time that are over, the latest last; at most so many. Before the first one
    /// is over, it is all there is.
    #[must_use]
    pub fn slots(&self, most: usize, now: Instant) -> Vec<u64> {
        self.slots.last(most, now)
    }

    /// Of what lies before the window, only the latest matters.
    fn forget(&mut self, now: Instant) {
        let outside = |at: Instant| now.duration_since(at) >= self.window;
        while self.samples.get(1).is_some_and(|(at, _)| outside(*at)) {
            self.samples.pop_front();
        }
    }
}

/// Counts in slots of equal length.
#[derive(Clone, Debug)]
struct Slots {
    length: Duration,
    /// When the last of them began.
    last: Option<Instant>,
    counts: VecDeque<u64>,
}

impl Slots {
    fn new(length: Duration) -> Self {
        Self { length: length.max(Duration::from_nanos(1)), last: None, counts: VecDeque::new() }
    }

    fn add(&mut self, count: u64, now: Instant) {
        let last = *self.last.get_or_insert(now);
        let passed = self.passed(now);
        for _ in 0..passed.min(SLOTS) {
            self.counts.push_back(0);
        }
        if self.counts.is_empty() {
            self.counts.push_back(0);
        }
        while self.counts.len() > SLOTS {
            self.counts.pop_front();
        }
        if let Some(slot) = self.counts.back_mut() {
            // Nothing keeps a provider from telling of any number, again and again.
            *slot = slot.saturating_add(count);
        }
        let slots = u32::try_from(passed).unwrap_or(u32::MAX);
        self.last = Some(last + self.length.saturating_mul(slots));
    }

    /// Slots that have begun since the last.
    fn passed(&self, now: Instant) -> usize {
        let Some(last) = self.last else { return 0 };
        let slots = now.duration_since(last).as_nanos() / self.length.as_nanos();
        usize::try_from(slots).unwrap_or(usize::MAX)
    }

    fn last(&self, most: usize, now: Instant) -> Vec<u64> {
        let empty = self.passed(now).min(SLOTS + 1);
        let all = self.counts.iter().copied().chain(std::iter::repeat_n(0, empty));
        // The last one is not over yet, and would look like a drop.
        let length = (self.counts.len() + empty).saturating_sub(1).max(1);
        all.take(length).skip(length.saturating_sub(most.min(SLOTS))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn rate() -> (ContactRate, Instant) {
        (ContactRate::new(MINUTE), Instant::now())
    }

    fn seconds(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn a_steady_pace_is_that_pace() {
        let (mut rate, start) = rate();
        rate.note(0, start);
        assert_eq!(rate.per_minute(start), None, "nothing has been seen to happen");
        for second in 1..=600_u64 {
            let now = start + Duration::from_secs(second);
            rate.note(2 * second, now);
            let found = rate.per_minute(now).unwrap();
            assert!((found - 120.0).abs() < 0.1, "{second}: {found}");
        }
    }

    #[test]
    fn what_stands_still_comes_to_nothing_and_is_forgotten() {
        let (mut rate, start) = rate();
        rate.note(0, start);
        rate.note(30, start + seconds(30.0));
        let at = |after: f64| rate.per_minute(start + seconds(after)).unwrap();
        assert!((at(30.0) - 60.0).abs() < 0.1);
        assert!((at(60.0) - 30.0).abs() < 0.1);
        assert_eq!(at(90.0), 0.0, "a minute after the last change");
        assert_eq!(at(1e6), 0.0);
    }

    #[test]
    fn one_number_is_no_pace_and_counting_anew_starts_anew() {
        let (mut rate, start) = rate();
        rate.note(7, start);
        assert_eq!(rate.per_minute(start + seconds(5.0)), None);
        assert_eq!(rate.per_minute(start + seconds(60.0)), Some(0.0), "nothing for a whole window");
        rate.note(9, start + seconds(10.0));
        assert!(rate.per_minute(start + seconds(10.0)).is_some());
        rate.note(3, start + seconds(20.0));
        assert_eq!(rate.per_minute(start + seconds(21.0)), None);
    }

    #[test]
    fn numbers_of_any_size_and_order_are_borne() {
        let (mut rate, start) = rate();
        for (at, done) in [0, u64::MAX, 0, u64::MAX, u64::MAX - 1, u64::MAX].into_iter().enumerate() {
            let now = start + Duration::from_millis(600 * at as u64);
            rate.note(done, now);
            assert!(rate.per_minute(now).is_none_or(|found| found >= 0.0));
        }
        assert_eq!(rate.slots(9, start + seconds(3.0)), [u64::MAX]);
    }

    #[test]
    fn the_memory_is_bounded_however_fast_and_long_it_goes() {
        let (mut rate, start) = rate();
        for step in 0..200_000_u64 {
            rate.note(step, start + Duration::from_millis(7 * step));
            assert!(rate.samples.len() <= PARTS as usize + 3, "{}", rate.samples.len());
            assert!(rate.slots.counts.len() <= SLOTS);
        }
    }

    #[test]
    fn slots_follow_time_with_and_without_contacts() {
        let (mut rate, start) = rate();
        rate.note(0, start);
        rate.note(3, start + seconds(1.0));
        assert_eq!(rate.slots(9, start + seconds(1.0)), [3], "the first is shown as it goes");
        rate.note(5, start + seconds(6.0));
        assert_eq!(rate.slots(9, start + seconds(6.0)), [3]);
        assert_eq!(rate.slots(9, start + seconds(16.0)), [3, 2, 0]);
        rate.note(9, start + seconds(17.0));
        assert_eq!(rate.slots(3, start + seconds(17.0)), [3, 2, 0]);
        assert_eq!(rate.slots(2, start + seconds(20.0)), [0, 4]);
        assert_eq!(rate.slots(99, start + seconds(1e6)).iter().sum::<u64>(), 0);
    }
}
