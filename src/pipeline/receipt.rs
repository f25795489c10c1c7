//! How far what was written to an output has arrived.

use std::collections::VecDeque;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::output::OutputFailure;

/// A place among the received messages: the number of one, and how many there were up to it. Numbers alone do not tell
/// where several sessions share a pipeline.
pub(super) type Mark = (u64, u64);

/// The account of an output. It is told what is handed to the output, and what of that has arrived; in between are the
/// marks of the messages whose lines are on their way. Clones are the same account.
#[derive(Clone)]
pub struct Receipt {
    shared: Arc<Arrivals>,
    /// Which of the outputs it is for, if it was split.
    part: usize,
}

struct Arrivals {
    lines: Mutex<Lines>,
    /// Something has arrived, or failed, after it was taken.
    changed: Notify,
}

/// The lines of an output.
#[derive(Default)]
struct Lines {
    /// Bytes that it was given.
    given: u64,
    /// Bytes of them that have arrived at every output.
    arrived: u64,
    /// The outputs: their names, for people, and the bytes that have arrived there.
    parts: Vec<(String, u64)>,
    /// Where the lines of messages end that have not arrived.
    marks: VecDeque<(u64, Mark)>,
    /// The last message whose lines have arrived, if it had any.
    reached: Mark,
    failure: Option<OutputFailure>,
    /// Does somebody know of the failure?
    told: bool,
}

impl Receipt {
    pub(super) fn new(name: String) -> Self {
        let lines = Lines { parts: vec![(name, 0)], ..Lines::default() };
        let shared = Arrivals { lines: Mutex::new(lines), changed: Notify::new() };
        Self { shared: Arc::new(shared), part: 0 }
    }

    /// Makes it the account of several outputs that are all given the same: one for each of these names. A line has
    /// arrived when it has arrived at all of them. Call it before anything is written.
    #[must_use]
    pub fn split(&self, names: Vec<String>) -> Vec<Self> {
        let parts = (0..names.len()).map(|part| Self { shared: Arc::clone(&self.shared), part }).collect();
        self.lines().parts = names.into_iter().map(|name| (name, 0)).collect();
        parts
    }

    /// Everything up to this byte, counted from the first that was ever written, has arrived.
    pub fn arrived(&self, bytes: u64) {
        self.lines().reach_at(self.part, bytes);
        self.shared.changed.notify_one();
    }

    /// What has not arrived by now never will.
    pub fn failed(&self, error: &io::Error) {
        self.fail(error);
        self.shared.changed.notify_one();
    }

    /// The same, for a reason that is described already.
    pub fn failed_as(&self, failure: OutputFailure) {
        self.lines().failure.get_or_insert(failure);
        self.shared.changed.notify_one();
    }

    /// So many bytes are about to be written, with these marks among them. Where they begin; `None` if the output has
    /// failed.
    pub(super) fn give(&self, bytes: usize, marks: impl Iterator<Item = (usize, Mark)>) -> Option<u64> {
        let mut lines = self.lines();
        if lines.failure.is_some() {
            return None;
        }
        let start = lines.given;
        lines.marks.extend(marks.map(|(at, mark)| (start + at as u64, mark)));
        lines.given += bytes as u64;
        let arrived = lines.arrived;
        lines.reach(arrived);
        Some(start)
    }

    /// Everything that was given has arrived at once.
    pub(super) fn all_arrived(&self) {
        let mut lines = self.lines();
        let given = lines.given;
        lines.reach_at(self.part, given);
    }

    /// Only this much of what was given has arrived.
    pub(super) fn cut(&self, bytes: u64, error: &io::Error) {
        self.lines().reach_at(self.part, bytes);
        self.fail(error);
    }

    /// The last message whose lines have arrived.
    pub(super) fn reached(&self) -> Mark {
        self.lines().reached
    }

    /// Is nothing on its way any more?
    pub(super) fn is_settled(&self) -> bool {
        let lines = self.lines();
        lines.arrived == lines.given || lines.failure.is_some()
    }

    /// The failure, for the first who asks.
    pub(super) fn take_failure(&self) -> Option<OutputFailure> {
        let mut lines = self.lines();
        let failure = lines.failure.clone().filter(|_| !lines.told);
        lines.told |= failure.is_some();
        failure
    }

    /// Waits until something has arrived, or failed, after it was taken.
    pub(super) async fn changed(&self) {
        self.shared.changed.notified().await;
    }

    fn fail(&self, error: &io::Error) {
        let mut lines = self.lines();
        let failure = OutputFailure::new(&lines.parts[self.part].0, error);
        lines.failure.get_or_insert(failure);
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.shared.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
    /// So many bytes have arrived at an output. What has arrived at the slowest has arrived.
    fn reach_at(&mut self, part: usize, bytes: u64) {
        let of_part = &mut self.parts[part].1;
        *of_part = bytes.max(*of_part);
        let slowest = self.parts.iter().map(|(_, bytes)| *bytes).min();
        self.reach(slowest.unwrap_or_default());
    }

    fn reach(&mut self, bytes: u64) {
        if self.failure.is_some() {
            return;
        }
        self.arrived = self.arrived.max(bytes.min(self.given));
        while let Some((_, mark)) = self.marks.pop_front_if(|(at, _)| *at <= self.arrived) {
            self.reached = mark;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_arrived_when_it_has_arrived_at_all_outputs() {
        let whole = Receipt::new("both".to_owned());
        let parts = whole.split(vec!["one".to_owned(), "other".to_owned()]);
        whole.give(20, [(10, (1, 1)), (20, (2, 2))].into_iter());
        parts[0].arrived(20);
        assert_eq!((whole.reached(), whole.is_settled()), ((0, 0), false));
        parts[1].arrived(10);
        assert_eq!((whole.reached(), whole.is_settled()), ((1, 1), false));
        parts[1].failed(&io::Error::other("no"));
        assert_eq!(whole.take_failure().unwrap().text, "cannot write other: no");
        assert!(whole.is_settled());
    }
}
