//! Pings, and when their silence means that the peer is gone.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

/// The pings of a session. Any frame shows that the peer is there; a link is dead when nothing at all comes for
/// the timeout after a ping was sent.
pub struct Liveness {
    interval: Option<Duration>,
    timeout: Duration,
    next: Option<Instant>,
    deadline: Option<Instant>,
    sent: Option<(Instant, Bytes)>,
    number: u64,
    reading: bool,
    /// The ping that the deadline is about may still be on its way to the network.
    queued: bool,
    written: u64,
}

impl Liveness {
    /// Pings every `interval`, or never, and waits for `timeout`.
    #[must_use]
    pub fn new(interval: Option<Duration>, timeout: Duration) -> Self {
        Self {
            interval,
            timeout,
            next: None,
            deadline: None,
            sent: None,
            number: 0,
            reading: true,
            queued: false,
            written: 0,
        }
    }

    /// How long the peer may be silent after a ping.
    #[must_use]
    pub fn timeout(&self) -> Duration {
        self.timeout
    }

    /// A connection is open.
    pub fn opened(&mut self, now: Instant) {
        self.next = self.interval.map(|interval| now + interval);
        self.deadline = None;
        self.written = 0;
    }

    /// A frame came.
    pub fn heard(&mut self) {
        self.deadline = None;
    }

    /// A pong came. The round trip time, if it answers the last ping.
    pub fn pong(&mut self, payload: &Bytes, now: Instant) -> Option<Duration> {
        self.sent.take_if(|(_, sent)| sent == payload).map(|(at, _)| now - at)
    }

    /// A ping is due: its payload. From now on the deadline runs.
    pub fn ping(&mut self, now: Instant) -> Bytes {
        self.number += 1;
        let payload = Bytes::from(self.number.to_string());
        self.sent = Some((now, payload.clone()));
        self.next = self.interval.map(|interval| now + interval);
        if self.deadline.is_none() {
            self.deadline = Some(now + self.timeout);
            self.queued = true;
        }
        payload
    }

    /// Everything queued has been handed to the network.
    pub fn flushed(&mut self) {
        self.queued = false;
    }

    /// Bytes that the network has taken so far. As long as it takes more, a ping may still be under way behind a
    /// large message, so its deadline starts anew.
    pub fn set_written(&mut self, written: u64, now: Instant) {
        let moving = written != self.written;
        self.written = written;
        if moving && self.queued && self.deadline.is_some() {
            self.deadline = Some(now + self.timeout);
        }
    }

    /// Is the socket being read? While it is not, because the reader of the output is slow, the peer's silence
    /// says nothing about the peer.
    pub fn set_reading(&mut self, reading: bool, now: Instant) {
        if reading && !self.reading && self.deadline.is_some() {
            self.deadline = Some(now + self.timeout);
        }
        self.reading = reading;
    }

    /// When the next ping is due.
    #[must_use]
    pub fn ping_at(&self) -> Option<Instant> {
        self.next
    }

    /// When the link is dead, if nothing comes before.
    #[must_use]
    pub fn dead_at(&self) -> Option<Instant> {
        self.deadline.filter(|_| self.reading)
    }
}
