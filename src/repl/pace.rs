//! How much of a stream is shown: all that a person can read, and of more the newest and the rate.

use std::time::{Duration, Instant};

/// Messages a second that a person can follow.
const READABLE: f64 = 20.0;

/// As many may come at once.
const BURST: f64 = 40.0;

/// Of a stream that is faster, this many are shown each time.
const NEWEST: usize = 5;

/// How often that is.
const EVERY: Duration = Duration::from_secs(1);

/// What is to be shown now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DisplayPace {
    /// Everything that waits.
    All,
    /// Nothing yet.
    Later,
    /// This many of the newest, and the rate of all of them if it is known.
    Newest(usize, Option<u64>),
}

/// Decides it.
pub(super) struct Pacer {
    allowance: f64,
    at: Instant,
    /// Since the stream is too fast: when something was shown last.
    fast: Option<Instant>,
}

impl Pacer {
    pub(super) fn new(now: Instant) -> Self {
        Self { allowance: BURST, at: now, fast: None }
    }

    /// This many messages wait.
    pub(super) fn decide(&mut self, pending: u64, now: Instant) -> DisplayPace {
        let passed = now.saturating_duration_since(self.at).as_secs_f64();
        self.at = now;
        self.allowance = (self.allowance + passed * READABLE).min(BURST);
        #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
        let count = pending as f64;
        match self.fast {
            None if count <= self.allowance => {
                self.allowance -= count;
                DisplayPace::All
            }
            None => {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "between 0 and the burst"
                )]
                let some = self.allowance as usize;
                (self.fast, self.allowance) = (Some(now), 0.0);
                DisplayPace::Newest(some.max(NEWEST), None)
            }
            Some(last) if now.saturating_duration_since(last) < EVERY => DisplayPace::Later,
            Some(last) => {
                let rate = count / now.saturating_duration_since(last).as_secs_f64();
                if rate <= READABLE {
                    (self.fast, self.allowance) = (None, 0.0);
                    return DisplayPace::All;
                }
                (self.fast, self.allowance) = (Some(now), 0.0);
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    reason = "a positive number that is far smaller"
                )]
                let rate = rate.round() as u64;
                DisplayPace::Newest(NEWEST, Some(rate))
            }
        }
    }

    /// Is more shown as time passes, without anything else happening?
    pub(super) fn is_fast(&self) -> bool {
        self.fast.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_readable_stream_is_shown_whole() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start);
        for tenth in 0..100 {
            assert_eq!(pacer.decide(2, start + Duration::from_millis(tenth * 100)), DisplayPace::All);
        }
        assert_eq!(pacer.decide(30, start + Duration::from_secs(20)), DisplayPace::All);
    }

    #[test]
    fn of_a_fast_one_the_newest_and_the_rate() {
        let start = Instant::now();
        let mut pacer = Pacer::new(start);
        let at = |ms| start + Duration::from_millis(ms);
        assert_eq!(pacer.decide(500, at(50)), DisplayPace::Newest(40, None));
        assert_eq!(pacer.decide(500, at(100)), DisplayPace::Later);
        assert_eq!(pacer.decide(10_000, at(1050)), DisplayPace::Newest(5, Some(10_000)));
        assert_eq!(pacer.decide(10_000, at(3050)), DisplayPace::Newest(5, Some(5000)));
        assert!(pacer.is_fast());
        assert_eq!(pacer.decide(3, at(4050)), DisplayPace::All);
        assert!(!pacer.is_fast());
    }
}
