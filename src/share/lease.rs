//! A lease on a slot: taken, kept, and given back, each by compare-and-set.

use std::time::Duration;

use async_nats::jetstream::kv::UpdateErrorKind;
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::bucket::{GroupBucket, PATIENCE};
use super::view::{SeenSlot, SlotValue};
use super::{DROPPED, USED};
use crate::clock;

/// The least time from one write of a cursor to the next.
const PACE: Duration = Duration::from_millis(200);

/// A slot that this process holds.
pub struct SlotLease {
    bucket: GroupBucket,
    key: String,
    value: SlotValue,
    revision: u64,
    /// When the last write was sent that succeeded: the lease counts from there at the earliest.
    renewed: Instant,
    time: Duration,
    /// Another process holds the slot.
    is_taken: bool,
}

impl SlotLease {
    /// Takes a slot. `None`: another process was faster, or the server does not answer.
    pub async fn take(
        bucket: &GroupBucket,
        slot: &str,
        me: &str,
        seen: &SeenSlot,
        time: Duration,
    ) -> Option<Self> {
        let value = SlotValue { member: Some(me.to_owned()), ..seen.value.clone() };
        let key = bucket.slot_key(slot);
        let mut lease = Self {
            bucket: bucket.clone(),
            key,
            value,
            revision: seen.revision,
            renewed: Instant::now(),
            time,
            is_taken: false,
        };
        lease.write().await.ok()?;
        Some(lease)
    }

    /// The cursor up to which everything is stored.
    #[must_use]
    pub fn cursor(&self) -> Option<&str> {
        self.value.cursor.as_deref()
    }

    /// When everything about the slot has to be over.
    #[must_use]
    pub fn last_moment(&self) -> Instant {
        if self.is_taken { Instant::now() } else { self.renewed + self.time.mul_f64(DROPPED) }
    }

    /// Renews the lease and stores each new cursor, until the lease is lost. Returns why.
    pub async fn keep(&mut self, cursors: &mut watch::Receiver<Option<String>>) -> &'static str {
        loop {
            let until = self.renewed + self.time / 3;
            tokio::select! {
                () = sleep_until(until) => {}
                changed = cursors.changed() => match changed {
                    Ok(()) => sleep_until(self.renewed + PACE).await,
                    // The session is over and stores nothing more.
                    Err(_) => sleep_until(until).await,
                },
            }
            self.value.cursor.clone_from(&cursors.borrow());
            match self.write().await {
                Ok(()) => {}
                Err(Refusal::Taken) => {
                    self.is_taken = true;
                    return "another process has taken it";
                }
                Err(Refusal::Unknown) if self.renewed.elapsed() >= self.time.mul_f64(USED) => {
                    return "it could not be renewed in time";
                }
                Err(Refusal::Unknown) => sleep(PACE).await,
            }
        }
    }

    /// Gives the slot back, with this cursor. If that fails, it is free after a lease's time.
    pub async fn release(mut self, cursor: Option<String>) {
        self.value = SlotValue { member: None, cursor, at: String::new() };
        for _ in 0..3 {
            match self.write().await {
                Err(Refusal::Unknown) => sleep(PACE).await,
                _ => return,
            }
        }
    }

    /// Writes the value over the revision that is known.
    async fn write(&mut self) -> Result<(), Refusal> {
        let sent = Instant::now();
        self.value.at = format!("{:.3}", clock::now());
        let bytes = serde_json::to_vec(&self.value).map_err(|_| Refusal::Unknown)?;
        // An answer that comes later than the lease may be used is of no use.
        let left = self.time.mul_f64(USED).saturating_sub(self.renewed.elapsed());
        if left.is_zero() {
            return Err(Refusal::Unknown);
        }
        let most = PATIENCE.min(left);
        match timeout(most, self.bucket.store.update(&self.key, bytes.into(), self.revision)).await {
            Ok(Ok(revision)) => {
                (self.revision, self.renewed) = (revision, sent);
                Ok(())
            }
            Ok(Err(error)) if error.kind() == UpdateErrorKind::WrongLastRevision => self.compare().await,
            _ => Err(Refusal::Unknown),
        }
    }

    /// The revision is another: perhaps by a write of this process whose answer was lost.
    async fn compare(&mut self) -> Result<(), Refusal> {
        match timeout(PATIENCE, self.bucket.store.entry(&self.key)).await {
            Ok(Ok(Some(entry))) => {
                let value = serde_json::from_slice::<SlotValue>(&entry.value).unwrap_or_default();
                if value.member.is_none() || value.member != self.value.member {
                    return Err(Refusal::Taken);
                }
                // It is ours, and the next write renews it.
                self.revision = entry.revision;
                Err(Refusal::Unknown)
            }
            Ok(Ok(None)) => Err(Refusal::Taken),
            _ => Err(Refusal::Unknown),
        }
    }
}

/// Why a write failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Refusal {
    /// Another process has written.
    Taken,
    /// There was no answer.
    Unknown,
}
