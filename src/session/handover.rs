//! From a connection that the server is about to close to another one, without a gap: the second is opened while
//! the first is still read, and the first is read until the server ends it.

use std::time::Duration;

use tokio::time::Instant;

use crate::codec::{Chain, Reader};
use crate::event::Close;

/// How long the old connection is read at most, once there is another.
pub const OLD_LIMIT: Duration = Duration::from_secs(10);

/// The state of a hand-over. How long to wait before an attempt is the session's to say, as for every other attempt.
#[derive(Default)]
pub struct Handover {
    stage: HandoverStage,
    /// The connection that was handed over, as long as it is read.
    pub old: Option<Old>,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum HandoverStage {
    #[default]
    None,
    /// Until then nothing is tried.
    Waiting(Instant),
    Opening,
}

/// A connection that was handed over.
pub struct Old {
    /// Its number.
    pub conn: u32,
    /// It is not read any longer than this.
    pub until: Instant,
    /// What its close frame said.
    pub close: Option<Close>,
    /// What reads its messages.
    pub reader: Reader,
    /// What encodes messages for it.
    pub writer: Chain,
}

/// How far a hand-over was when the connection was lost after all.
#[derive(Debug, PartialEq, Eq)]
pub enum InterruptedHandover {
    /// There was none.
    None,
    /// It was to start in this time.
    Waiting(Duration),
    /// The attempt to open the second connection is under way, and goes on.
    Opening,
}

impl Handover {
    /// Is none going on?
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.stage == HandoverStage::None
    }

    /// The second connection is to be opened in this time.
    pub fn plan(&mut self, wait: Duration, now: Instant) {
        self.stage = HandoverStage::Waiting(now + wait);
    }

    /// Is it time to open the second connection? True once.
    pub fn due(&mut self, now: Instant) -> bool {
        let due = matches!(self.stage, HandoverStage::Waiting(at) if at <= now);
        if due {
            self.stage = HandoverStage::Opening;
        }
        due
    }

    /// Is the second connection being opened?
    #[must_use]
    pub fn is_opening(&self) -> bool {
        self.stage == HandoverStage::Opening
    }

    /// The second connection is open, and the first one old.
    pub fn done(&mut self, conn: u32, close: Option<Close>, (reader, writer): (Reader, Chain), now: Instant) {
        self.stage = HandoverStage::None;
        self.old = Some(Old { conn, until: now + OLD_LIMIT, close, reader, writer });
    }

    /// There is nothing to hand over any more.
    pub fn cut(&mut self, now: Instant) -> InterruptedHandover {
        match std::mem::replace(&mut self.stage, HandoverStage::None) {
            HandoverStage::None => InterruptedHandover::None,
            HandoverStage::Waiting(at) => InterruptedHandover::Waiting(at.saturating_duration_since(now)),
            HandoverStage::Opening => InterruptedHandover::Opening,
        }
    }

    /// When the second connection is to be opened.
    #[must_use]
    pub fn start_at(&self) -> Option<Instant> {
        match self.stage {
            HandoverStage::Waiting(at) => Some(at),
            HandoverStage::None | HandoverStage::Opening => None,
        }
    }

    /// How long the old connection is read.
    #[must_use]
    pub fn old_until(&self) -> Option<Instant> {
        self.old.as_ref().map(|old| old.until)
    }
}
