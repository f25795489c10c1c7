//! Who listens to what: subscriptions by key, for events that several connections share. Publishing looks up
//! the few keys that an event can be subscribed by, so its cost depends on who listens to it and not on how many
//! subscriptions there are.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::budget::Use;
use super::{Conn, Say};
use crate::limits;

/// About the bytes that a subscription takes besides two copies of its key: its places in the index, in the member,
/// and in what the provider keeps of it.
const SUBSCRIPTION: usize = 400;

/// The subscriptions of one provider's connections.
#[derive(Debug, Default)]
pub struct Hub {
    index: Mutex<Index>,
    joined: Notify,
}

#[derive(Debug, Default)]
struct Index {
    keys: HashMap<Arc<str>, Members>,
    /// Everybody who is subscribed to something, with the number of subscriptions.
    everybody: BTreeMap<u64, (Arc<Conn>, usize)>,
}

/// In order of connection, so that everybody is told in the same order. Most keys have one.
type Members = Vec<Arc<Conn>>;

/// A connection's subscriptions; they end with it.
#[derive(Debug)]
pub struct Member {
    hub: Arc<Hub>,
    conn: Arc<Conn>,
    keys: HashSet<Arc<str>>,
    bytes: usize,
}

impl Hub {
    /// A member without subscriptions.
    #[must_use]
    pub fn member(self: &Arc<Self>, conn: &Arc<Conn>) -> Member {
        Member { hub: Arc::clone(self), conn: Arc::clone(conn), keys: HashSet::new(), bytes: 0 }
    }

    /// Says something to everybody who is subscribed to one of these keys, once to each. How many that is.
    pub fn publish<'a>(&self, keys: impl IntoIterator<Item = &'a str>, say: &Say) -> usize {
        let index = self.index();
        let mut found = keys.into_iter().filter_map(|key| index.keys.get(key));
        let Some(first) = found.next() else { return 0 };
        for conn in first {
            conn.post(say.clone());
        }
        let mut told: Option<HashSet<u64>> = None;
        for members in found {
            let told = told.get_or_insert_with(|| first.iter().map(|conn| conn.id).collect());
            for conn in members {
                if told.insert(conn.id) {
                    conn.post(say.clone());
                }
            }
        }
        told.map_or(first.len(), |told| told.len())
    }

    /// Says something to everybody.
    pub fn publish_to_all(&self, say: &Say) -> usize {
        let index = self.index();
        for (conn, _) in index.everybody.values() {
            conn.post(say.clone());
        }
        index.everybody.len()
    }

    /// Is anybody subscribed to this?
    #[must_use]
    pub fn has_listener(&self, key: &str) -> bool {
        self.index().keys.contains_key(key)
    }

    /// Is anybody subscribed to anything?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index().keys.is_empty()
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
        let index = self.index();
        index.everybody.is_empty() || index.everybody.values().any(|(conn, _)| conn.is_idle())
    }

    fn index(&self) -> MutexGuard<'_, Index> {
        self.index.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    fn add(&mut self, key: &str, conn: &Arc<Conn>) -> Arc<str> {
        let known = self.keys.get_key_value(key);
        let key = known.map_or_else(|| Arc::from(key), |(known, _)| Arc::clone(known));
        let members = self.keys.entry(Arc::clone(&key)).or_insert_with(|| Vec::with_capacity(1));
        if let Err(place) = members.binary_search_by_key(&conn.id, |member| member.id) {
            members.insert(place, Arc::clone(conn));
        }
        self.everybody.entry(conn.id).or_insert_with(|| (Arc::clone(conn), 0)).1 += 1;
        key
    }

    fn remove(&mut self, key: &str, conn: &Conn) {
        if let Some(members) = self.keys.get_mut(key) {
            members.retain(|member| member.id != conn.id);
            if members.is_empty() {
                self.keys.remove(key);
            }
        }
        if let Some((_, count)) = self.everybody.get_mut(&conn.id) {
            *count -= 1;
            if *count == 0 {
                self.everybody.remove(&conn.id);
            }
        }
    }
}

impl Member {
    /// Subscribes to a key; again changes nothing. `false`: the connection is subscribed to as much as it may be, which
    /// is [`limits::MOCK_SUBSCRIPTIONS`].
    pub fn join(&mut self, key: &str) -> bool {
        if self.keys.contains(key) {
            return true;
        }
        let bytes = self.bytes + cost(key);
        if bytes > limits::MOCK_SUBSCRIPTIONS {
            return false;
        }
        self.bytes = bytes;
        let key = self.hub.index().add(key, &self.conn);
        self.keys.insert(key);
        self.conn.share.set(Use::Topics, self.bytes);
        self.hub.joined.notify_one();
        true
    }

    /// Ends the subscription to a key. `false`: there was none.
    pub fn leave(&mut self, key: &str) -> bool {
        let left = self.keys.remove(key);
        if left {
            self.bytes -= cost(key);
            self.conn.share.set(Use::Topics, self.bytes);
            self.hub.index().remove(key, &self.conn);
        }
        left
    }

    /// So many bytes are made up for this connection at the moment.
    pub fn note_made(&self, bytes: usize) {
        self.conn.share.set(Use::Made, bytes);
    }

    /// The connection.
    #[must_use]
    pub fn conn(&self) -> &Arc<Conn> {
        &self.conn
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        let mut index = self.hub.index();
        self.keys.drain().for_each(|key| index.remove(&key, &self.conn));
        self.conn.share.set(Use::Topics, 0);
        self.conn.share.set(Use::Made, 0);
    }
}

/// About the bytes that a subscription takes.
fn cost(key: &str) -> usize {
    2 * key.len() + SUBSCRIPTION
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::Message;
    use crate::provider::conn::tests::conn;

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

    #[test]
    fn what_one_client_may_subscribe_to_is_bounded_in_bytes() {
        for length in [10, 1000, 60_000] {
            let hub = Arc::new(Hub::default());
            let mut member = hub.member(&conn(1));
            let key = |n: usize| format!("{n:0length$}");
            let most = limits::MOCK_SUBSCRIPTIONS / cost(&key(0));
            assert!((0..most).all(|n| member.join(&key(n))), "{length}");
            assert!(!member.join(&key(most)) && !hub.has_listener(&key(most)), "{length}");
            assert!(member.join(&key(0)), "what it has it keeps");
            // Another client has its own.
            assert!(hub.member(&conn(2)).join(&key(most)));
            assert!(member.leave(&key(0)) && member.join(&key(most)));
            drop(member);
            assert!(hub.is_empty() && hub.index().everybody.is_empty());
        }
    }

    #[test]
    fn everybody_is_found_however_many_subscriptions_they_have() {
        let hub = Arc::new(Hub::default());
        let (one, two) = (conn(1), conn(2));
        let (mut first, mut second) = (hub.member(&one), hub.member(&two));
        for n in 0..1000 {
            first.join(&n.to_string());
        }
        second.join("1");
        // What is looked through is who is there, and not what they are subscribed to.
        assert_eq!(hub.index().everybody.len(), 2);
        assert_eq!(hub.publish_to_all(&hello()), 2);
        assert_eq!((one.take().len(), two.take().len()), (1, 1));
        (0..999).for_each(|n| _ = first.leave(&n.to_string()));
        assert_eq!(hub.publish_to_all(&hello()), 2);
        first.leave("999");
        assert_eq!((hub.publish_to_all(&hello()), hub.is_hungry()), (1, false));
    }
}
