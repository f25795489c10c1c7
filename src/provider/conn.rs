//! One connection as the rest of the server knows it: who it is, and a mailbox through which it can be reached.
//! The mailbox is bounded, so that a client that does not read costs no more than its bound and slows nobody.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::Notify;
use tokio::time::Instant;

use super::Say;
use super::budget::{Budget, Share, Use};
use crate::clock;
use crate::limits;

/// How many messages leave the mailbox at a time. What has left it does not count as waiting any more, so a
/// small number keeps the bound of [`Unread`] honest.
const HANDFUL: usize = 32;

/// A connection.
#[derive(Debug)]
pub struct Conn {
    /// Number among all connections of the server, from 1.
    pub id: u64,
    /// The path of its request.
    pub path: String,
    /// The client's address.
    pub remote: SocketAddr,
    /// When its request came.
    pub since: Timestamp,
    /// Messages that it sent.
    pub received: AtomicU64,
    /// Messages that were sent to it.
    pub sent: AtomicU64,
    mailbox: Mutex<Mailbox>,
    posted: Notify,
    /// Its part of the memory that all clients may take.
    pub(crate) share: Arc<Share>,
    /// Somebody on the server has read what waited.
    taken: Arc<Notify>,
}

#[derive(Debug, Default)]
struct Mailbox {
    waiting: VecDeque<Say>,
    /// Messages that wait, those in batches too.
    messages: usize,
    /// Bytes of what waits.
    bytes: usize,
    bound: Unread,
    /// Nothing is taken any more: the connection ends with what is in here.
    shut: bool,
    /// Disconnect the client even if it does not read.
    leaving: bool,
    /// A scheduled close.
    parting: Option<Parting>,
    discarded: u64,
}

/// A close frame that is due at some time.
pub(crate) type Parting = (Instant, u16, &'static str);

/// How much may wait for a client that does not read, and what happens to more. Whatever it is, no more than
/// [`limits::MOCK_MAILBOX`] waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unread {
    /// Messages that may wait.
    pub messages: usize,
    /// What happens when there are more.
    pub overflow: OutboxOverflow,
}

impl Default for Unread {
    /// More than any test needs, and no more than a runaway test should get.
    fn default() -> Self {
        Self { messages: 65_536, overflow: OutboxOverflow::Disconnect }
    }
}

/// What happens to a message for which there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutboxOverflow {
    /// The client is dropped, with an empty close frame that it may never read, and what waits with it.
    Disconnect,
    /// The message is.
    Discard,
}

impl Conn {
    /// A connection that shares nothing with any other.
    #[must_use]
    pub fn new(id: u64, path: &str, remote: SocketAddr) -> Self {
        Self::of_server(id, path, remote, &Arc::new(Budget::default()).share(), &Arc::default())
    }

    /// A connection that has just made its request, and what it shares with the others of the server.
    pub(crate) fn of_server(
        id: u64,
        path: &str,
        remote: SocketAddr,
        share: &Arc<Share>,
        taken: &Arc<Notify>,
    ) -> Self {
        Self {
            id,
            path: path.to_owned(),
            remote,
            since: clock::now(),
            received: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            mailbox: Mutex::default(),
            posted: Notify::new(),
            share: Arc::clone(share),
            taken: Arc::clone(taken),
        }
    }

    /// Says something to the client; it goes out after all that waits already, but for a close that is due later,
    /// which waits for nothing but its time. `false`: there was no room.
    pub fn post(&self, say: Say) -> bool {
        let mut mailbox = self.mailbox();
        if mailbox.shut {
            return false;
        }
        if let Say::CloseIn { after, code, reason } = say {
            mailbox.parting.get_or_insert((Instant::now() + after, code, reason));
            drop(mailbox);
            self.posted.notify_one();
            return true;
        }
        let room = mailbox.has_room(&say);
        if let Say::Batch(_) = say
            && !room
        {
            drop(mailbox);
            // Some of its messages may have room.
            return say.singly().map(|say| self.post(say)).filter(|posted| !posted).count() == 0;
        }
        match (room, mailbox.bound.overflow) {
            (true, _) => mailbox.put(say),
            (false, OutboxOverflow::Discard) => mailbox.discarded += 1,
            (false, OutboxOverflow::Disconnect) => {
                mailbox.empty();
                mailbox.put(Say::Close { code: None, reason: String::new() });
                (mailbox.shut, mailbox.leaving) = (true, true);
            }
        }
        self.share.set(Use::Mailbox, mailbox.bytes);
        drop(mailbox);
        self.posted.notify_one();
        room
    }

    /// Says something to the client once it has read most of what waits. `false`: the connection is over.
    pub async fn post_in_turn(&self, say: Say) -> bool {
        loop {
            let taken = self.taken.notified();
            {
                let mailbox = self.mailbox();
                if mailbox.shut {
                    return false;
                }
                if mailbox.messages < HANDFUL {
                    break;
                }
            }
            taken.await;
        }
        self.post(say)
    }

    /// Ends the connection with this, after what waits already, and even if the client reads nothing. `false`: it is
    /// ending already.
    pub(crate) fn dismiss(&self, last: Say) -> bool {
        let mut mailbox = self.mailbox();
        if mailbox.shut {
            return false;
        }
        mailbox.put(last);
        (mailbox.shut, mailbox.leaving) = (true, true);
        drop(mailbox);
        self.posted.notify_one();
        true
    }

    /// Messages for which there was no room.
    #[must_use]
    pub fn discarded(&self) -> u64 {
        self.mailbox().discarded
    }

    /// Is nothing waiting?
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.mailbox().waiting.is_empty()
    }

    /// Sets the bound of the mailbox.
    pub(crate) fn set_bound(&self, bound: Unread) {
        self.mailbox().bound = bound;
    }

    /// Waits until there is something to take, or a parting: for a client that is behind with reading, only what ends
    /// the connection.
    pub(crate) async fn has_post(&self, behind: bool) {
        while !self.mailbox().has_some(behind) {
            self.posted.notified().await;
        }
    }

    /// Is there something to take? See [`Conn::has_post`].
    pub(crate) fn has_some(&self, behind: bool) -> bool {
        self.mailbox().has_some(behind)
    }

    /// Takes some of what waits.
    pub(crate) fn take(&self) -> Vec<Say> {
        let mut mailbox = self.mailbox();
        let (mut taken, mut room) = (Vec::new(), HANDFUL);
        while let Some(say) = mailbox.waiting.pop_front_if(|say| taken.is_empty() || say.count() <= room) {
            room = room.saturating_sub(say.count());
            mailbox.messages -= say.count();
            mailbox.bytes -= say.cost();
            taken.push(say);
        }
        self.share.set(Use::Mailbox, mailbox.bytes);
        if mailbox.waiting.is_empty() {
            // Thousands of clients that are idle must not keep the memory of their busiest moment.
            mailbox.waiting.shrink_to(HANDFUL);
            self.taken.notify_waiters();
        }
        taken
    }

    /// When the client is to leave, if somebody has said so since this was last asked.
    pub(crate) fn parting(&self) -> Option<Parting> {
        self.mailbox().parting.take()
    }

    /// Nothing more will be taken: the connection is over.
    pub(crate) fn shut(&self) {
        let mut mailbox = self.mailbox();
        mailbox.shut = true;
        mailbox.empty();
        self.share.set(Use::Mailbox, 0);
        self.taken.notify_waiters();
    }

    fn mailbox(&self) -> MutexGuard<'_, Mailbox> {
        self.mailbox.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mailbox {
    fn has_room(&self, say: &Say) -> bool {
        self.messages + say.count() <= self.bound.messages && self.bytes + say.cost() <= limits::MOCK_MAILBOX
    }

    fn put(&mut self, say: Say) {
        self.messages += say.count();
        self.bytes += say.cost();
        self.waiting.push_back(say);
    }

    fn empty(&mut self) {
        (self.waiting, self.messages, self.bytes) = (VecDeque::new(), 0, 0);
    }

    fn has_some(&self, behind: bool) -> bool {
        self.parting.is_some() || !self.waiting.is_empty() && (self.leaving || !behind)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::message::Message;

    pub(crate) fn conn(id: u64) -> Arc<Conn> {
        Arc::new(Conn::new(id, "/", ([127, 0, 0, 1], 1).into()))
    }

    fn hello() -> Say {
        Message::text("hello").into()
    }

    #[test]
    fn a_full_mailbox_drops_the_client_or_the_message() {
        let slow = conn(1);
        slow.set_bound(Unread { messages: 2, overflow: OutboxOverflow::Disconnect });
        assert!(slow.post(hello()) && slow.post(hello()));
        assert!(!slow.has_some(true));
        assert!(!slow.post(hello()) && !slow.post(hello()) && slow.has_some(true));
        assert_eq!(slow.take(), [Say::Close { code: None, reason: String::new() }]);
        let lossy = conn(2);
        lossy.set_bound(Unread { messages: 1, overflow: OutboxOverflow::Discard });
        assert!(lossy.post(hello()) && !lossy.post(hello()));
        assert_eq!((lossy.take(), lossy.discarded()), (vec![hello()], 1));
        assert!(lossy.post(hello()));
    }

    #[test]
    fn a_batch_counts_as_its_messages_and_is_divided_where_not_all_fit() {
        let batch = Say::batch(vec![Message::text("hello"); 3]);
        let lossy = conn(1);
        lossy.set_bound(Unread { messages: 5, overflow: OutboxOverflow::Discard });
        assert!(lossy.post(batch.clone()) && !lossy.post(batch.clone()));
        assert_eq!(lossy.take(), [batch.clone(), hello(), hello()]);
        assert_eq!(lossy.discarded(), 1);
        let mailbox = lossy.mailbox();
        assert_eq!((mailbox.messages, mailbox.bytes), (0, 0));
        let slow = conn(2);
        slow.set_bound(Unread { messages: 5, overflow: OutboxOverflow::Disconnect });
        assert!(slow.post(batch.clone()) && !slow.post(batch));
        assert_eq!(slow.take(), [Say::Close { code: None, reason: String::new() }]);
    }

    #[test]
    fn no_more_than_a_handful_of_messages_leaves_at_a_time() {
        let conn = conn(1);
        let batches = [HANDFUL - 1, 2, HANDFUL + 1].map(|size| Say::batch(vec![Message::text("x"); size]));
        assert!(batches.iter().all(|batch| conn.post(batch.clone())) && conn.post(hello()));
        for expected in
            [vec![batches[0].clone()], vec![batches[1].clone()], vec![batches[2].clone()], vec![hello()]]
        {
            assert_eq!(conn.take(), expected);
        }
        assert!(conn.is_idle());
    }

    #[test]
    fn a_mailbox_is_bounded_in_bytes() {
        for overflow in [OutboxOverflow::Disconnect, OutboxOverflow::Discard] {
            for size in [0, 1000, 4 << 20, limits::MOCK_MAILBOX] {
                let slow = conn(1);
                slow.set_bound(Unread { messages: usize::MAX, overflow });
                let text = Message::text("x".repeat(size));
                let mut posted = 0;
                while slow.post(text.clone().into()) {
                    posted += 1;
                }
                assert!(posted * (size + size_of::<Say>()) <= limits::MOCK_MAILBOX, "{posted} of {size}");
                assert!(
                    (posted + 1) * (size + size_of::<Say>()) > limits::MOCK_MAILBOX,
                    "{posted} of {size}"
                );
                while !slow.take().is_empty() {}
                assert_eq!(slow.mailbox().bytes, 0);
            }
        }
    }

    #[tokio::test]
    async fn post_is_noticed_whenever_it_came() {
        let conn = conn(1);
        conn.post(hello());
        conn.has_post(false).await;
        assert_eq!(conn.take().len(), 1);
        let waiting = tokio::spawn({
            let conn = Arc::clone(&conn);
            async move { conn.has_post(false).await }
        });
        tokio::task::yield_now().await;
        conn.post(hello());
        waiting.await.unwrap();
    }

    #[tokio::test]
    async fn a_dismissal_reaches_those_who_read_nothing() {
        let conn = conn(1);
        conn.post(hello());
        let parting = Say::CloseIn { after: std::time::Duration::ZERO, code: 1001, reason: "" };
        assert!(conn.post(parting.clone()) && conn.post(parting));
        assert!(conn.parting().is_some() && conn.parting().is_none() && !conn.has_some(true));
        assert!(conn.dismiss(Say::Drop) && !conn.dismiss(Say::Drop) && !conn.post(hello()));
        let news = conn.has_post(true);
        tokio::time::timeout(std::time::Duration::from_secs(20), news).await.unwrap();
        assert_eq!(conn.take(), [hello(), Say::Drop]);
    }
}
