//! What can be changed of a pipeline that is running, by a person at a prompt.

use std::mem;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::filter::Program;
use super::recorder::RecordFile;

/// One change. It holds from the next event on.
pub enum Change {
    /// Another filter, or none.
    Filter(Option<Program>),
    /// Records instead of messages, or messages again.
    Envelope(bool),
    /// Another recording, or none.
    Record(Option<RecordFile>),
}

/// Changes on their way to the pipeline. Clones share them.
#[derive(Clone, Default)]
pub struct Changes(Arc<PendingChanges>);

#[derive(Default)]
struct PendingChanges {
    pending: AtomicBool,
    changes: Mutex<Vec<Change>>,
}

impl Changes {
    /// Asks for a change.
    pub fn push(&self, change: Change) {
        self.0.changes.lock().unwrap_or_else(PoisonError::into_inner).push(change);
        self.0.pending.store(true, Ordering::Release);
    }

    /// Has one been asked for that is not made yet? A program that runs on and on is to stop for it.
    #[must_use]
    pub fn pending(&self) -> bool {
        self.0.pending.load(Ordering::Acquire)
    }

    /// Those that have been asked for.
    pub(super) fn take(&self) -> Vec<Change> {
        if !self.pending() {
            return Vec::new();
        }
        self.0.pending.store(false, Ordering::Release);
        mem::take(&mut self.0.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
