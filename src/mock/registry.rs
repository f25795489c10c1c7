//! What all connections of a server share besides their providers: who is there, what they sent, whether the
//! traffic flows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::{Notify, watch};

use super::journal::Journal;
use crate::limits;
use crate::message::Message;
use crate::provider::Conn;
use crate::provider::budget::Budget;
use crate::report::{Level, Report};
use crate::secret::Secrets;

/// What the connections of a server share.
#[derive(Debug, Default)]
pub(super) struct ClientRegistry {
    pub(super) journal: Journal,
    pub(super) budget: Arc<Budget>,
    pub(super) gate: Gate,
    pub(super) traffic: Traffic,
    /// Told whenever a client has read everything.
    pub(super) taken: Arc<Notify>,
    clients: Mutex<BTreeMap<u64, Arc<Conn>>>,
    opened: AtomicU64,
    ended: watch::Sender<u64>,
    report: OnceLock<Report>,
}

/// Counts over all connections, those that ended too.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    pub(super) received: AtomicU64,
    pub(super) received_bytes: AtomicU64,
    pub(super) sent: AtomicU64,
    pub(super) sent_bytes: AtomicU64,
}

/// A connection that is on the list for as long as this is kept.
#[derive(Debug)]
pub(super) struct Entered {
    registry: Arc<ClientRegistry>,
    pub(super) conn: Arc<Conn>,
}

impl ClientRegistry {
    /// Of a server that is asked what its clients sent, or that never is.
    pub(super) fn new(journal: bool) -> Self {
        let journal = if journal { Journal::default() } else { Journal::off() };
        Self { journal, ..Self::default() }
    }

    /// From now on tells people what happens. The first report that is given stays.
    pub(super) fn tell_to(&self, report: &Report) {
        let _ = self.report.set(report.clone());
    }

    /// Tells people, if they asked for as much.
    pub(super) fn tell(&self, level: Level, what: impl FnOnce() -> String) {
        if let Some(report) = self.report.get().filter(|report| report.shows(level)) {
            report.say(level, &what());
        }
    }

    /// Would people be told of this?
    pub(super) fn tells(&self, level: Level) -> bool {
        self.report.get().is_some_and(|report| report.shows(level))
    }

    /// Tells people of a risk, even if they asked for as little as possible.
    pub(super) fn caution(&self, text: &str) {
        self.report.get().iter().for_each(|report| report.caution(text));
    }

    /// Tells of a client that has to leave because of the memory that it takes.
    pub(super) fn tell_greedy(&self, id: u64) {
        let limit = limits::MOCK_CLIENTS >> 20;
        self.tell(Level::Warning, || {
            format!("disconnected client {id}: it uses the most of the {limit} MiB that all clients share")
        });
    }

    /// Counts messages that a client sent, and their bytes.
    pub(super) fn count_received(&self, conn: &Conn, messages: u64, bytes: u64) {
        conn.received.fetch_add(messages, Ordering::Relaxed);
        self.traffic.received.fetch_add(messages, Ordering::Relaxed);
        self.traffic.received_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Notes a message that a client sent.
    pub(super) fn note_received(&self, conn: &Conn, message: &Message) {
        self.count_received(conn, 1, message.len() as u64);
        self.journal.note(conn, message);
        self.tell(Level::Debug, || format!("client {} sent {}", conn.id, self.shortened(message)));
    }

    /// Notes messages that are sent to one, and their bytes.
    pub(super) fn count_sent(&self, conn: &Conn, messages: u64, bytes: u64) {
        conn.sent.fetch_add(messages, Ordering::Relaxed);
        self.traffic.sent.fetch_add(messages, Ordering::Relaxed);
        self.traffic.sent_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A message as people are told of it.
    pub(super) fn shortened(&self, message: &Message) -> String {
        message.shortened(&self.secrets())
    }

    /// What people are not told.
    pub(super) fn secrets(&self) -> Secrets {
        self.report.get().map(|report| report.secrets().clone()).unwrap_or_default()
    }

    /// The number of the next connection, from 1.
    pub(super) fn next_id(&self) -> u64 {
        self.opened.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Puts a connection on the list.
    pub(super) fn enter(self: &Arc<Self>, conn: Arc<Conn>) -> Entered {
        self.list().insert(conn.id, Arc::clone(&conn));
        self.tell(Level::Verbose, || {
            format!("client {} connected to {} from {}", conn.id, conn.path, conn.remote)
        });
        Entered { registry: Arc::clone(self), conn }
    }

    /// All connections, oldest first.
    pub(super) fn clients(&self) -> Vec<Arc<Conn>> {
        self.list().values().cloned().collect()
    }

    /// Connections since the start.
    pub(super) fn opened(&self) -> u64 {
        self.opened.load(Ordering::Relaxed)
    }

    /// Waits until this many connections have come and gone.
    pub(super) async fn gone(&self, connections: u64) {
        let _ = self.ended.subscribe().wait_for(|ended| *ended >= connections).await;
    }

    fn list(&self) -> MutexGuard<'_, BTreeMap<u64, Arc<Conn>>> {
        self.clients.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        let conn = &self.conn;
        self.registry.list().remove(&conn.id);
        self.registry.tell(Level::Verbose, || {
            let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
            let (received, sent) = (count(&conn.received), count(&conn.sent));
            format!("client {} disconnected: received {received} messages, sent {sent}", conn.id)
        });
        self.registry.ended.send_modify(|ended| *ended += 1);
    }
}

/// Does the traffic flow? While it does not, nobody gets an event; answers, pings and what is pushed go out.
#[derive(Debug, Default)]
pub(super) struct Gate {
    shut: watch::Sender<bool>,
}

impl Gate {
    pub(super) fn set(&self, shut: bool) {
        self.shut.send_replace(shut);
    }

    pub(super) fn is_shut(&self) -> bool {
        *self.shut.borrow()
    }

    /// Waits until the traffic flows.
    pub(super) async fn open(&self) {
        let _ = self.shut.subscribe().wait_for(|shut| !shut).await;
    }
}
