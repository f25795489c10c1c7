//! Who listens to what: subscriptions by key, for events that several connections share. Publishing looks up
//! the few keys that an event can be subscribed by, so its cost depends on who listens to it and not on how many
//! subscriptions there are.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::{Conn, Say};

/// The subscriptions of one provider's connections.
#[derive(Debug, Default)]
pub struct Hub {
    keys: Mutex<HashMap<Arc<str>, Members>>,
    joined: Notify,
}

/// In order of connection, so that everybody is told in the same order.
type Members = BTreeMap<u64, Arc<Conn>>;

/// A connection's subscriptions; they end with it.
#[derive(Debug)]
pub struct Member {
    hub: Arc<Hub>,
    conn: Arc<Conn>,
    keys: HashSet<Arc<str>>,
}

impl Hub {
    /// A member without subscriptions.
    #[must_use]
    pub fn member(self: &Arc<Self>, conn: &Arc<Conn>) -> Member {
        Member { hub: Arc::clone(self), conn: Arc::clone(conn), keys: HashSet::new() }
    }

    /// Says something to everybody who is subscribed to one of these keys, once to each. How many that is.
    pub fn publish<'a>(&self, keys: impl IntoIterator<Item = &'a str>, say: &Say) -> usize {
        let index = self.index();
        let mut found = keys.into_iter().filter_map(|key| index.get(key));
        let Some(first) = found.next() else { return 0 };
        for conn in first.values() {
            conn.post(say.clone());
        }
        let mut told: Option<HashSet<u64>> = None;
        for members in found {
            let told = told.get_or_insert_with(|| first.keys().copied().collect());
            for (id, conn) in members {
                if told.insert(*id) {
                    conn.post(say.clone());
                }
            }
        }
        told.map_or(first.len(), |told| told.len())
    }

    /// Says something to everybody.
    pub fn publish_to_all(&self, say: &Say) -> usize {
        let everybody = self.everybody();
        for conn in everybody.values() {
            conn.post(say.clone());
        }
        everybody.len()
    }

    /// Is anybody subscribed to this?
    #[must_use]
    pub fn has_listener(&self, key: &str) -> bool {
        self.index().contains_key(key)
    }

    /// Is anybody subscribed to anything?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index().is_empty()
    }

    /// Waits until somebody subscribes to something.
    pub async fn joined(&self) {
        self.joined.notified().await;
    }

    /// Lets the stream look again, as if somebody had subscribed: what there is to make has changed.
    pub fn wake(&self) {
        self.joined.notify_one();
    }

    /// Has somebody read all there was, or is there nobody to wait for?
    #[must_use]
    pub fn is_hungry(&self) -> bool {
        let everybody = self.everybody();
        everybody.is_empty() || everybody.values().any(|conn| conn.is_idle())
    }

    fn everybody(&self) -> Members {
        let index = self.index();
        index.values().flatten().map(|(id, conn)| (*id, Arc::clone(conn))).collect()
    }

    fn index(&self) -> MutexGuard<'_, HashMap<Arc<str>, Members>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Member {
    /// Subscribes to a key; again changes nothing.
    pub fn join(&mut self, key: &str) {
        if self.keys.contains(key) {
            return;
        }
        let mut index = self.hub.index();
        let key = index.get_key_value(key).map_or_else(|| Arc::from(key), |(known, _)| Arc::clone(known));
        index.entry(Arc::clone(&key)).or_default().insert(self.conn.id, Arc::clone(&self.conn));
        drop(index);
        self.keys.insert(key);
        self.hub.joined.notify_one();
    }

    /// Ends the subscription to a key. `false`: there was none.
    pub fn leave(&mut self, key: &str) -> bool {
        let left = self.keys.remove(key);
        if left {
            self.forget(key);
        }
        left
    }

    /// The connection.
    #[must_use]
    pub fn conn(&self) -> &Arc<Conn> {
        &self.conn
    }

    fn forget(&self, key: &str) {
        let mut index = self.hub.index();
        if let Some(members) = index.get_mut(key) {
            members.remove(&self.conn.id);
            if members.is_empty() {
                index.remove(key);
            }
        }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        for key in std::mem::take(&mut self.keys) {
            self.forget(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use crate::mock::conn::tests::conn;

    fn hello() -> Say {
        Message::text("hello").into()
    }

    #[test]
    fn everybody_is_told_once_and_nobody_after_leaving() {
        let hub = Arc::new(Hub::default());
        let (one, two) = (conn(1), conn(2));
        let (mut first, mut second) = (hub.member(&one), hub.member(&two));
        assert_eq!(hub.publish(["a"], &hello()), 0);
        first.join("a");
        first.join("a");
        first.join("b");
        second.join("b");
        assert_eq!(hub.publish(["a", "b", "c"], &hello()), 2);
        assert_eq!((one.take().len(), two.take().len()), (1, 1));
        assert!(first.leave("a") && !first.leave("a"));
        assert_eq!(hub.publish(["a"], &hello()), 0);
        drop(first);
        assert_eq!(hub.publish(["b"], &hello()), 1);
        assert_eq!((one.take().len(), two.take().len()), (0, 1));
        drop(second);
        assert!(hub.is_empty());
    }
}
