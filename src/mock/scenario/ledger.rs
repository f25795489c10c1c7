//! What became of the expectations of scenarios.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// How many unmet expectations are kept; the rest is only counted.
const KEPT: usize = 100;

/// The expectations of one server.
#[derive(Debug)]
pub struct Ledger {
    /// How often each scenario has to be run before all is done.
    wanted: Vec<u64>,
    tally: Mutex<Tally>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct Tally {
    verdict: ExpectationTally,
    running: u64,
    ended: Vec<u64>,
}

/// How expectations fared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExpectationTally {
    /// Expectations that were met; optional ones count only then.
    pub held: u64,
    /// Expectations that were not.
    pub failed: u64,
    /// The first of these.
    pub unmet: Vec<Unmet>,
}

/// An expectation that was not met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    /// FILE:LINE of the expectation.
    pub place: String,
    /// The number of the connection among all of the server.
    pub connection: u64,
    /// What happened instead.
    pub why: String,
}

impl Ledger {
    pub(super) fn new(wanted: Vec<u64>) -> Self {
        let tally = Tally { ended: vec![0; wanted.len()], ..Tally::default() };
        Self { wanted, tally: Mutex::new(tally), changed: Notify::new() }
    }

    /// How expectations have fared until now.
    #[must_use]
    pub fn verdict(&self) -> ExpectationTally {
        self.tally().verdict.clone()
    }

    /// Waits until every scenario has been run to its end by as many connections as it is for (once, if it is
    /// for any number), and none is being run.
    pub async fn finished(&self) {
        self.wait(|tally| {
            let done = tally.ended.iter().zip(&self.wanted).all(|(ended, wanted)| ended >= wanted);
            done && tally.running == 0
        })
        .await;
    }

    /// Waits until no scenario is being run. Every run ends soon after its client has gone.
    pub async fn settled(&self) {
        self.wait(|tally| tally.running == 0).await;
    }

    pub(super) fn began(&self) {
        self.tally().running += 1;
    }

    pub(super) fn ended(&self, scenario: usize) {
        let mut tally = self.tally();
        tally.running = tally.running.saturating_sub(1);
        if let Some(ended) = tally.ended.get_mut(scenario) {
            *ended += 1;
        }
        drop(tally);
        self.changed.notify_waiters();
    }

    pub(super) fn held(&self) {
        self.tally().verdict.held += 1;
    }

    pub(super) fn failed(&self, unmet: Unmet) {
        let verdict = &mut self.tally().verdict;
        verdict.failed += 1;
        if verdict.unmet.len() < KEPT {
            verdict.unmet.push(unmet);
        }
    }

    async fn wait(&self, done: impl Fn(&Tally) -> bool) {
        loop {
            let changed = self.changed.notified();
            if done(&self.tally()) {
                return;
            }
            changed.await;
        }
    }

    fn tally(&self) -> MutexGuard<'_, Tally> {
        self.tally.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
