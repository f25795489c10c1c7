//! Where the events of a session go: a pipeline of its own, or one that it shares.

use super::Progress;
use super::junction::Branch;
use super::stage::Stage;
use crate::event::Event;

/// The way out of a session.
pub enum Outlet {
    /// A pipeline of its own.
    Own(Box<Stage>),
    /// A pipeline that several sessions share.
    Shared(Branch),
}

impl Outlet {
    /// Can a batch be pushed without waiting?
    #[must_use]
    pub fn has_room(&self) -> bool {
        match self {
            Self::Own(stage) => stage.has_room(),
            Self::Shared(branch) => branch.has_room(),
        }
    }

    /// Is everything that was pushed done with? Where the pipeline is shared: is it on its way?
    #[must_use]
    pub fn is_idle(&self) -> bool {
        match self {
            Self::Own(stage) => stage.is_idle(),
            Self::Shared(branch) => branch.is_idle(),
        }
    }

    /// Hands over a batch and leaves an empty one. See [`Stage::push`].
    pub fn push(&mut self, batch: &mut Vec<Event>) -> Option<Progress> {
        match self {
            Self::Own(stage) => stage.push(batch),
            Self::Shared(branch) => {
                branch.push(batch);
                None
            }
        }
    }

    /// Waits until something has been achieved. `None`: nothing more will be.
    pub async fn progress(&mut self) -> Option<Progress> {
        match self {
            Self::Own(stage) => stage.progress().await,
            Self::Shared(branch) => branch.progress().await,
        }
    }

    /// Nothing more will come.
    pub fn close(&mut self) {
        match self {
            Self::Own(stage) => stage.close(),
            Self::Shared(branch) => branch.close(),
        }
    }
}
