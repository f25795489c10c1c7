//! Where the events of a session go: a pipeline of its own, or one that it shares.

use super::Progress;
use super::merge::Branch;
use super::worker::OutputWorker;
use crate::event::Event;

/// The way out of a session.
pub enum OutputQueue {
    /// A pipeline of its own.
    Own(Box<OutputWorker>),
    /// A pipeline that several sessions share.
    Shared(Branch),
}

impl OutputQueue {
    /// Can a batch be pushed without waiting?
    #[must_use]
    pub fn has_room(&self) -> bool {
        match self {
            Self::Own(worker) => worker.has_room(),
            Self::Shared(branch) => branch.has_room(),
        }
    }

    /// Is everything that was pushed done with? Where the pipeline is shared: is it on its way?
    #[must_use]
    pub fn is_idle(&self) -> bool {
        match self {
            Self::Own(worker) => worker.is_idle(),
            Self::Shared(branch) => branch.is_idle(),
        }
    }

    /// Is work left for a recording even if the output is lost? A shared pipeline answers for itself.
    #[must_use]
    pub fn may_record(&self) -> bool {
        match self {
            Self::Own(worker) => worker.may_record(),
            Self::Shared(_) => false,
        }
    }

    /// Hands over a batch and leaves an empty one. See [`OutputWorker::push`].
    pub fn push(&mut self, batch: &mut Vec<Event>) -> Option<Progress> {
        match self {
            Self::Own(worker) => worker.push(batch),
            Self::Shared(branch) => {
                branch.push(batch);
                None
            }
        }
    }

    /// Waits until something has been achieved. `None`: nothing more will be.
    pub async fn progress(&mut self) -> Option<Progress> {
        match self {
            Self::Own(worker) => worker.progress().await,
            Self::Shared(branch) => branch.progress().await,
        }
    }

    /// Nothing more will come.
    pub fn close(&mut self) {
        match self {
            Self::Own(worker) => worker.close(),
            Self::Shared(branch) => branch.close(),
        }
    }
}
