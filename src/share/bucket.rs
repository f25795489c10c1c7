//! The bucket of a group: its keys, and what is seen of them.
//!
//! `GROUP.member.ID` shows that a process is alive. `GROUP.slot.NAME` is a lease.

use std::time::Duration;

use async_nats::jetstream::kv::{self, Operation};
use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::time::{Instant, sleep};

use super::view::{GroupView, SlotValue};

/// The bucket, unless the URL names another.
pub const BUCKET: &str = "wstap-share";

/// How long a request may take.
pub const PATIENCE: Duration = Duration::from_secs(2);

/// The time before the group is followed again.
const PAUSE: Duration = Duration::from_millis(200);

/// The keys of a group.
#[derive(Clone)]
pub struct GroupBucket {
    pub(super) store: kv::Store,
    group: String,
}

impl GroupBucket {
    /// The keys of this group in a bucket.
    #[must_use]
    pub fn new(store: kv::Store, group: &str) -> Self {
        Self { store, group: group.to_owned() }
    }

    pub(super) fn slot_key(&self, slot: &str) -> String {
        format!("{}.slot.{slot}", self.group)
    }

    fn member_key(&self, id: &str) -> String {
        format!("{}.member.{id}", self.group)
    }

    /// Shows that a process is alive. A failure shows by the lease that is not renewed.
    pub async fn show_member(&self, id: &str) {
        let shown = self.store.put(self.member_key(id), Bytes::new());
        let _ = tokio::time::timeout(PATIENCE, shown).await;
    }

    /// The process leaves. If nobody hears it, the others notice after a lease's time.
    pub async fn remove_member(&self, id: &str) {
        let _ = tokio::time::timeout(PATIENCE, self.store.purge(self.member_key(id))).await;
    }

    /// Waits for the next change, and notes it. `true`: everything that there was is known. Without a watch it begins
    /// one, with how everything stands.
    pub async fn follow(&self, watch: &mut Option<kv::Watch>, view: &mut GroupView) -> bool {
        let Some(open) = watch else {
            match self.store.watch_with_history(format!("{}.>", self.group)).await {
                Ok(begun) => *watch = Some(begun),
                Err(_) => sleep(PAUSE).await,
            }
            return false;
        };
        let Some(Ok(entry)) = open.next().await else {
            *watch = None;
            return false;
        };
        let now = Instant::now();
        let key = entry.key.strip_prefix(&self.group).and_then(|key| key.strip_prefix('.'));
        match key.and_then(|key| key.split_once('.')) {
            Some(("member", id)) if entry.operation == Operation::Put => view.saw_member(id, now),
            Some(("member", id)) => view.member_left(id),
            Some(("slot", name)) => {
                let value = serde_json::from_slice::<SlotValue>(&entry.value).unwrap_or_default();
                view.saw_slot(name, entry.revision, value, now);
            }
            _ => {}
        }
        entry.seen_current
    }
}
