//! What is known of the subscription on the present connection.

use std::collections::HashSet;
use std::time::Duration;

use tokio::time::Instant;

use super::backoff::{Backoff, BackoffLimits};
use crate::limits;

/// How long an acknowledgement may take before its absence is mentioned.
pub const ACK_WAIT: Duration = Duration::from_secs(5);

/// A connection that drops this soon after subscribing probably did so because of the subscription.
pub const EARLY_DROP: Duration = Duration::from_secs(1);

/// The least wait before a refused subscription is tried again, whatever the jitter says.
const LEAST_WAIT: Duration = Duration::from_millis(100);

/// The state of a subscription.
pub struct Subscription {
    sent_at: Option<Instant>,
    ack_deadline: Option<Instant>,
    retry: Option<Retry>,
    backoff: Backoff,
    answered: bool,
}

/// Topics to try again.
struct Retry {
    at: Instant,
    topics: Vec<String>,
    known: HashSet<String>,
    bytes: usize,
}

impl Retry {
    /// A refusal may name any topics, again and again: each is taken once, as long as they fit.
    fn add(&mut self, topics: Vec<String>) {
        for topic in topics {
            let bytes = self.bytes + 2 * (topic.len() + size_of::<String>());
            if bytes <= limits::REFUSED_TOPICS && self.known.insert(topic.clone()) {
                self.bytes = bytes;
                self.topics.push(topic);
            }
        }
    }
}

impl Subscription {
    /// Nothing has been subscribed to.
    #[must_use]
    pub fn new(random: fastrand::Rng) -> Self {
        let backoff = Backoff::new(BackoffLimits::default(), random);
        Self { sent_at: None, ack_deadline: None, retry: None, backoff, answered: false }
    }

    /// A subscription was sent; an acknowledgement may be expected.
    pub fn sent(&mut self, expects_ack: bool, now: Instant) {
        self.sent_at = Some(now);
        self.answered = false;
        self.retry = None;
        self.ack_deadline = expects_ack.then(|| now + ACK_WAIT);
    }

    /// An event came, so something is subscribed to.
    pub fn delivers(&mut self) {
        self.answered = true;
    }

    /// The provider confirmed it.
    pub fn confirmed(&mut self) {
        self.answered = true;
        self.ack_deadline = None;
        self.backoff.reset();
    }

    /// The provider refused it.
    pub fn refused(&mut self) {
        self.answered = true;
        self.ack_deadline = None;
    }

    /// The topics are to be tried again, with those that are waiting for that already; returns how long it takes.
    pub fn retry(&mut self, topics: Vec<String>, now: Instant) -> Duration {
        let retry = self.retry.get_or_insert_with(|| {
            let at = now + self.backoff.next(Some(LEAST_WAIT));
            Retry { at, topics: Vec::new(), known: HashSet::new(), bytes: 0 }
        });
        retry.add(topics);
        retry.at - now
    }

    /// The topics whose time to be tried again has come.
    pub fn due(&mut self, now: Instant) -> Option<Vec<String>> {
        self.retry.take_if(|retry| retry.at <= now).map(|retry| retry.topics)
    }

    /// Has the acknowledgement just become late? True once.
    pub fn ack_is_late(&mut self, now: Instant) -> bool {
        self.ack_deadline.take_if(|at| *at <= now).is_some()
    }

    /// True shortly after an unanswered subscribe message: a drop is then probably the provider's answer.
    #[must_use]
    pub fn explains_drop(&self, now: Instant) -> bool {
        !self.answered && self.sent_at.is_some_and(|at| now - at <= EARLY_DROP)
    }

    /// When there is something to do.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let retry = self.retry.as_ref().map(|retry| retry.at);
        [retry, self.ack_deadline].into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_to_try_again_are_bounded_in_bytes() {
        let (mut subscription, now) = (Subscription::new(fastrand::Rng::with_seed(1)), Instant::now());
        for n in 0..10_000 {
            let topic = |n: usize| format!("{n:01000}");
            let wait = subscription.retry(vec!["a".to_owned(), topic(n), "a".to_owned()], now);
            assert!(wait >= LEAST_WAIT);
        }
        let topics = subscription.due(now + Duration::from_secs(3600)).unwrap();
        assert_eq!(topics.iter().filter(|topic| *topic == "a").count(), 1);
        let bytes: usize = topics.iter().map(String::len).sum();
        assert!(bytes <= limits::REFUSED_TOPICS && topics.len() > 100, "{bytes} bytes");
    }
}
