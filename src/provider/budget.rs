//! What clients make the server keep, over all of them: what they have begun to send, what waits to be written to
//! them, what they are subscribed to. When it is too much, whoever takes the most has to leave, so that one client's
//! appetite is not another one's end.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use crate::limits;

/// The memory of all clients.
#[derive(Debug)]
pub(crate) struct Budget {
    limit: usize,
    used: AtomicUsize,
    next: AtomicU64,
    accounts: Mutex<BTreeMap<u64, Arc<ClientBytes>>>,
}

/// One client's part in it; it ends with this value.
#[derive(Debug)]
pub(crate) struct Share {
    budget: Arc<Budget>,
    number: u64,
    account: Arc<ClientBytes>,
}

/// What a client takes memory for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Use {
    /// A message or a request that has not come whole, or is being answered.
    Incoming,
    /// Frames and answers that wait to be written.
    Outgoing,
    Mailbox,
    /// Messages that a program has not looked at.
    Inbox,
    /// What it is subscribed to.
    Topics,
    /// What is made up for it.
    Made,
}

const USES: usize = 6;

#[derive(Debug, Default)]
struct ClientBytes {
    bytes: [AtomicUsize; USES],
    leaving: AtomicBool,
    told: Notify,
}

impl ClientBytes {
    fn total(&self) -> usize {
        self.bytes.iter().map(|bytes| bytes.load(Ordering::Relaxed)).sum()
    }

    fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::of(limits::MOCK_CLIENTS)
    }
}

impl Budget {
    fn of(limit: usize) -> Self {
        Self { limit, used: AtomicUsize::new(0), next: AtomicU64::new(0), accounts: Mutex::default() }
    }

    /// The part of a client that has just come.
    pub(crate) fn share(self: &Arc<Self>) -> Arc<Share> {
        let (number, account) = (self.next.fetch_add(1, Ordering::Relaxed), Arc::<ClientBytes>::default());
        self.accounts().insert(number, Arc::clone(&account));
        Arc::new(Share { budget: Arc::clone(self), number, account })
    }

    /// Is more than half of it used?
    fn is_tight(&self) -> bool {
        self.used.load(Ordering::Relaxed) > self.limit / 2
    }

    /// Sends away whoever takes the most, until the rest fits.
    fn make_room(&self) {
        let accounts = self.accounts();
        let leaving = accounts.values().filter(|account| account.is_leaving());
        let leaving: usize = leaving.map(|account| account.total()).sum();
        let mut used = self.used.load(Ordering::Relaxed).saturating_sub(leaving);
        while used > self.limit {
            let staying = accounts.values().filter(|account| !account.is_leaving());
            let Some(most) = staying.max_by_key(|account| account.total()) else { return };
            most.leaving.store(true, Ordering::Relaxed);
            most.told.notify_one();
            used = used.saturating_sub(most.total());
        }
    }

    /// Bytes that all clients take.
    #[cfg(test)]
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn accounts(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<ClientBytes>>> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Share {
    /// It takes so many bytes for this now.
    pub(crate) fn set(&self, what: Use, bytes: usize) {
        let before = self.account.bytes[what as usize].swap(bytes, Ordering::Relaxed);
        if bytes <= before {
            self.budget.used.fetch_sub(before - bytes, Ordering::Relaxed);
        } else if self.budget.used.fetch_add(bytes - before, Ordering::Relaxed) + (bytes - before)
            > self.budget.limit
        {
            self.budget.make_room();
        }
    }

    /// Does so much wait for all clients that each should keep to its least?
    pub(crate) fn is_tight(&self) -> bool {
        self.budget.is_tight()
    }

    /// Waits until the client has to leave.
    pub(crate) async fn has_to_leave(&self) {
        while !self.account.is_leaving() {
            self.account.told.notified().await;
        }
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.budget.accounts().remove(&self.number);
        self.budget.used.fetch_sub(self.account.total(), Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_takes_the_most_has_to_leave() {
        let budget = Arc::new(Budget::of(100));
        let shares: Vec<_> = (0..4).map(|_| budget.share()).collect();
        let leaving = || shares.iter().map(|share| share.account.is_leaving()).collect::<Vec<_>>();
        shares[0].set(Use::Incoming, 10);
        shares[1].set(Use::Incoming, 30);
        shares[1].set(Use::Mailbox, 30);
        assert!(shares[0].is_tight());
        shares[2].set(Use::Topics, 40);
        assert_eq!(leaving(), [false, true, false, false], "it is over by 10");
        shares[3].set(Use::Outgoing, 50);
        assert_eq!(leaving(), [false, true, false, false], "what leaves is as good as gone");
        shares[3].set(Use::Outgoing, 51);
        assert_eq!(leaving(), [false, true, false, true]);
        drop(shares);
        assert_eq!((budget.used.load(Ordering::Relaxed), budget.accounts().len()), (0, 0));
    }
}
