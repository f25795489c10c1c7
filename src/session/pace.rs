//! Messages of a dialect that wait because the provider allows only so many in a second.

use std::collections::VecDeque;
use std::time::Duration;

use tokio::time::Instant;

use crate::message::Message;

/// The time that the limit is for.
const WINDOW: Duration = Duration::from_secs(1);

/// The messages that wait, and when the last ones were sent.
#[derive(Default)]
pub struct SendPace {
    waiting: VecDeque<Message>,
    sent: VecDeque<Instant>,
    most: usize,
}

impl SendPace {
    /// Another connection is open: what waited was for the one before.
    pub fn renew(&mut self) {
        *self = Self::default();
    }

    /// Sends these after those that wait, at most `most` in a second.
    pub fn put(&mut self, messages: Vec<Message>, most: u32) {
        self.most = usize::try_from(most).unwrap_or(usize::MAX).max(1);
        self.waiting.extend(messages);
    }

    /// The next message, if it may be sent.
    pub fn take(&mut self, now: Instant) -> Option<Message> {
        while self.sent.front().is_some_and(|at| *at + WINDOW <= now) {
            self.sent.pop_front();
        }
        let message = if self.sent.len() < self.most { self.waiting.pop_front()? } else { return None };
        self.sent.push_back(now);
        Some(message)
    }

    /// When the next message may be sent, if one waits.
    #[must_use]
    pub fn next_at(&self) -> Option<Instant> {
        self.waiting.front()?;
        let full = self.sent.len() >= self.most;
        self.sent.front().filter(|_| full).map(|at| *at + WINDOW)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_leave_in_a_second_than_may() {
        let (mut pace, start) = (SendPace::default(), Instant::now());
        pace.put((0..5).map(|n| Message::text(n.to_string())).collect(), 2);
        let mut taken = Vec::new();
        let mut now = start;
        loop {
            while let Some(message) = pace.take(now) {
                taken.push((message, now - start));
            }
            match pace.next_at() {
                Some(next) => now = next,
                None => break,
            }
        }
        let times: Vec<u64> = taken.iter().map(|(_, time)| time.as_secs()).collect();
        assert_eq!(times, [0, 0, 1, 1, 2]);
        assert_eq!(taken[4].0, Message::text("4"));
        pace.put(vec![Message::text("x"); 3], 2);
        pace.renew();
        assert_eq!((pace.take(now), pace.next_at()), (None, None));
    }
}
