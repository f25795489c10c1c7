//! Pings and the provider's own keep-alives, and when silence means that the peer is gone.

use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use crate::dialect::{Rhythm, Sign};
use crate::message::Message;
use crate::text::short;

/// What keeps the connections of a session alive. Any frame shows that the peer is there; a link is dead when
/// nothing at all comes for the timeout after a ping was sent. A provider that speaks by itself may be held to
/// its word besides.
pub struct Liveness {
    interval: Option<Duration>,
    timeout: Duration,
    rhythm: Rhythm,
    next: Option<Instant>,
    next_beat: Option<Instant>,
    deadline: Option<Instant>,
    /// What the deadline waits for an answer to.
    asked: &'static str,
    /// The last of the signs that the provider's own rule is about.
    last_sign: Option<Instant>,
    sent: Option<(Instant, Bytes)>,
    number: u64,
    reading: bool,
    /// The ping that the deadline is about may still be on its way to the network.
    queued: bool,
    written: u64,
}

impl Liveness {
    /// Pings every `interval`, or never, and waits for `timeout`; and does what the provider wants.
    #[must_use]
    pub fn new(interval: Option<Duration>, timeout: Duration, rhythm: Rhythm) -> Self {
        Self {
            interval,
            timeout,
            rhythm,
            next: None,
            next_beat: None,
            deadline: None,
            asked: "",
            last_sign: None,
            sent: None,
            number: 0,
            reading: true,
            queued: false,
            written: 0,
        }
    }

    /// A connection is open.
    pub fn opened(&mut self, now: Instant) {
        self.next = self.interval.map(|interval| now + interval);
        self.next_beat = self.rhythm.beat.as_ref().map(|beat| now + beat.every);
        self.last_sign = Some(now);
        self.deadline = None;
        self.written = 0;
    }

    /// A frame came.
    pub fn heard(&mut self, now: Instant) {
        self.deadline = None;
        self.sign(Sign::Frame, now);
    }

    /// The provider's heartbeat came.
    pub fn heartbeat(&mut self, now: Instant) {
        self.sign(Sign::Heartbeat, now);
    }

    /// A pong came. The round trip time, if it answers the last ping.
    pub fn pong(&mut self, payload: &Bytes, now: Instant) -> Option<Duration> {
        self.sent.take_if(|(_, sent)| sent == payload).map(|(at, _)| now - at)
    }

    /// A ping is due: its payload. From now on the deadline runs.
    pub fn ping(&mut self, now: Instant) -> Bytes {
        self.number += 1;
        self.ping_with(Bytes::from(self.number.to_string()), now)
    }

    /// The same with this payload.
    pub fn ping_with(&mut self, payload: Bytes, now: Instant) -> Bytes {
        self.sent = Some((now, payload.clone()));
        self.next = self.interval.map(|interval| now + interval);
        self.ask("ping", now);
        payload
    }

    /// The provider's keep-alive is due: the message. From now on the deadline runs.
    pub fn beat(&mut self, now: Instant) -> Option<Message> {
        let beat = self.rhythm.beat.clone()?;
        self.next_beat = Some(now + beat.every);
        if beat.answered {
            self.ask("keep-alive message", now);
        }
        Some(beat.message)
    }

    /// The provider has named other times. They hold from now on.
    pub fn set_rhythm(&mut self, rhythm: Rhythm, now: Instant) {
        self.next_beat = rhythm.beat.as_ref().map(|beat| now + beat.every);
        self.last_sign = Some(now);
        self.rhythm = rhythm;
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
        if reading && !self.reading {
            self.deadline = self.deadline.map(|_| now + self.timeout);
            self.last_sign = self.last_sign.map(|_| now);
        }
        self.reading = reading;
    }

    /// When the next ping is due.
    #[must_use]
    pub fn ping_at(&self) -> Option<Instant> {
        self.next
    }

    /// When the provider's next keep-alive is due.
    #[must_use]
    pub fn beat_at(&self) -> Option<Instant> {
        self.next_beat
    }

    /// When the link is dead, if nothing comes before.
    #[must_use]
    pub fn dead_at(&self) -> Option<Instant> {
        let ends = [self.deadline, self.silent_at()].into_iter().flatten();
        ends.min().filter(|_| self.reading)
    }

    /// Why the link is dead, if it is by now.
    #[must_use]
    pub fn dead(&self, now: Instant) -> Option<String> {
        self.dead_at().filter(|at| *at <= now)?;
        if self.deadline.is_some_and(|at| at <= now) {
            return Some(format!("no answer to a {} within {}", self.asked, short(self.timeout)));
        }
        let silence = self.rhythm.silence?;
        let what = match silence.counts {
            Sign::Heartbeat => "no heartbeat",
            Sign::Frame => "nothing",
        };
        Some(format!("{what} for {}", short(silence.limit)))
    }

    fn ask(&mut self, what: &'static str, now: Instant) {
        if self.deadline.is_none() {
            self.deadline = Some(now + self.timeout);
            self.asked = what;
            self.queued = true;
        }
    }

    fn sign(&mut self, sign: Sign, now: Instant) {
        if self.rhythm.silence.is_some_and(|silence| silence.counts == sign) {
            self.last_sign = Some(now);
        }
    }

    fn silent_at(&self) -> Option<Instant> {
        Some(self.last_sign? + self.rhythm.silence?.limit)
    }
}
