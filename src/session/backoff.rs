//! How long to wait before the next attempt: exponential, with full jitter.

use std::time::Duration;

/// Limits of the waiting time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackoffLimits {
    /// The bound of the first wait; it doubles with every attempt.
    pub first: Duration,
    /// The bound that is never exceeded.
    pub most: Duration,
}

impl Default for BackoffLimits {
    /// 1 s doubling to 30 s, as the providers' documents ask their clients to.
    fn default() -> Self {
        Self { first: Duration::from_secs(1), most: Duration::from_secs(30) }
    }
}

/// Counts attempts in a row.
#[derive(Clone, Debug)]
pub struct Backoff {
    limits: BackoffLimits,
    attempts: u32,
    random: fastrand::Rng,
}

impl Backoff {
    /// A fresh count.
    #[must_use]
    pub fn new(limits: BackoffLimits, random: fastrand::Rng) -> Self {
        Self { limits, attempts: 0, random }
    }

    /// How many waits have been handed out since the last reset.
    #[must_use]
    pub fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The next wait: anything up to the bound, so that clients that were cut off together do not come back
    /// together, but never less than what the server asked for.
    pub fn next(&mut self, at_least: Option<Duration>) -> Duration {
        let bound = self
            .limits
            .first
            .saturating_mul(1_u32.checked_shl(self.attempts).unwrap_or(u32::MAX))
            .min(self.limits.most);
        self.attempts += 1;
        bound.mul_f64(self.random.f64()).max(at_least.unwrap_or_default())
    }

    /// The wait before the attempt that a server asks for by announcing its end. The first is made when the server says;
    /// if attempts have been made in a row already, it waits as every other.
    pub fn announced(&mut self, after: Duration) -> Duration {
        if self.attempts == 0 {
            self.attempts = 1;
            return after;
        }
        self.next(Some(after))
    }

    /// The link was stable: the next loss starts from the first bound again.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }

    /// How long a link must have been open to count as stable: as long as the longest wait, so that a server
    /// that drops every connection quickly is not asked ever more often.
    #[must_use]
    pub fn stable_after(&self) -> Duration {
        self.limits.most
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_under_a_bound_that_doubles_to_the_limit() {
        let mut backoff = Backoff::new(BackoffLimits::default(), fastrand::Rng::with_seed(1));
        for bound in [1, 2, 4, 8, 16, 30, 30, 30] {
            assert!(backoff.next(None) <= Duration::from_secs(bound));
        }
        for _ in 0..100 {
            assert!(backoff.next(None) <= Duration::from_secs(30));
        }
        assert_eq!(backoff.attempts(), 108);
        backoff.reset();
        assert!(backoff.next(None) <= Duration::from_secs(1));
    }

    #[test]
    fn waits_differ_and_honour_the_server() {
        let mut backoff = Backoff::new(BackoffLimits::default(), fastrand::Rng::with_seed(1));
        let waits: Vec<Duration> = (0..10).map(|_| backoff.next(None)).collect();
        assert!(waits.windows(2).any(|pair| pair[0] > pair[1]), "no jitter in {waits:?}");
        assert_eq!(backoff.next(Some(Duration::from_secs(77))), Duration::from_secs(77));
    }
}
