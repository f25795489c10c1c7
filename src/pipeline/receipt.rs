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
pub struct Receipt(Arc<Arrivals>);

struct Arrivals {
    /// The output, for people.
    name: String,
    lines: Mutex<Lines>,
    /// Something has arrived, or failed, after it was taken.
    changed: Notify,
}

/// The lines of an output.
#[derive(Default)]
struct Lines {
    /// Bytes that it was given.
    given: u64,
    /// Bytes of them that have arrived.
    arrived: u64,
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
        Self(Arc::new(Arrivals { name, lines: Mutex::default(), changed: Notify::new() }))
    }

    /// Everything up to this byte, counted from the first that was ever written, has arrived.
    #[cfg_attr(not(test), expect(dead_code, reason = "every output of this process knows at once"))]
    pub fn arrived(&self, bytes: u64) {
        self.lines().reach(bytes);
        self.0.changed.notify_one();
    }

    /// What has not arrived by now never will.
    #[cfg_attr(not(test), expect(dead_code, reason = "every output of this process knows at once"))]
    pub fn failed(&self, error: &io::Error) {
        self.fail(error);
        self.0.changed.notify_one();
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
        lines.reach(given);
    }

    /// Only this much of what was given has arrived.
    pub(super) fn cut(&self, bytes: u64, error: &io::Error) {
        self.lines().reach(bytes);
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
        self.0.changed.notified().await;
    }

    fn fail(&self, error: &io::Error) {
        let failure = OutputFailure::new(&self.0.name, error);
        self.lines().failure.get_or_insert(failure);
    }

    fn lines(&self) -> MutexGuard<'_, Lines> {
        self.0.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lines {
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
