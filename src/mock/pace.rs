//! When the next events are due. Pure: it is told the time.

use std::time::Duration;

use tokio::time::Instant;

use crate::provider::{Rate, Settings};

/// The most events that are handed over at once. Between two batches the client is listened to.
const BATCH: u64 = 256;

/// The pace of one connection, or of a stream that many share.
#[derive(Debug)]
pub(super) struct Pace {
    rate: Rate,
    left: Option<u64>,
    /// How long it lasts from its first event.
    duration: Option<Duration>,
    first: Option<Instant>,
    /// When the current run of events began, and how many of it were sent. Event `n` is due at
    /// `begin + n / rate`: a schedule, not a pause after each, so that the rate holds however late a timer is.
    run: Option<(Instant, u64)>,
}

impl Pace {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            rate: settings.rate,
            left: settings.events,
            duration: settings.duration,
            first: None,
            run: None,
        }
    }

    /// The same with so many times as many events per second.
    pub(super) fn faster(mut self, factor: f64) -> Self {
        if let Rate::PerSecond(rate) = &mut self.rate {
            *rate *= factor;
        }
        self
    }

    /// Has it begun?
    pub(super) fn begun(&self) -> bool {
        self.first.is_some()
    }

    /// Have all events been sent, or is the time for them up?
    pub(super) fn finished(&self, now: Instant) -> bool {
        self.left == Some(0) || self.end().is_some_and(|end| end <= now)
    }

    /// How many events are due by now, but for more than a batch.
    pub(super) fn due(&mut self, now: Instant) -> u64 {
        self.first.get_or_insert(now);
        if self.finished(now) {
            return 0;
        }
        let (begin, sent) = *self.run.get_or_insert((now, 0));
        let due = match self.rate {
            Rate::Max => BATCH,
            Rate::PerSecond(rate) => {
                (0..BATCH).take_while(|n| at(begin, sent + n, rate) <= now).count() as u64
            }
        };
        self.left.map_or(due, |left| due.min(left))
    }

    /// Forgets what is overdue beyond a batch: a server that was held up would make up for it faster than its clients
    /// can read.
    pub(super) fn forgive(&mut self, now: Instant) {
        let (Rate::PerSecond(rate), Some((begin, sent))) = (self.rate, self.run) else { return };
        let batch = at(now, BATCH, rate) - now;
        if at(begin, sent + BATCH, rate) < now
            && let Some(begin) = now.checked_sub(batch)
        {
            self.run = Some((begin, 0));
        }
    }

    /// Notes that events were sent.
    pub(super) fn sent(&mut self, events: u64) {
        self.left = self.left.map(|left| left.saturating_sub(events));
        if let Some((_, sent)) = &mut self.run {
            *sent += events;
        }
    }

    /// Marks the pacer idle. The schedule restarts at the next event instead of catching up.
    pub(super) fn pause(&mut self) {
        self.run = None;
    }

    /// Was there nothing to send when it was last asked for?
    pub(super) fn is_paused(&self) -> bool {
        self.run.is_none()
    }

    /// When to look again; `None` if there is nothing to wait for.
    pub(super) fn next_at(&self) -> Option<Instant> {
        if self.left == Some(0) {
            return None;
        }
        let next = self.run.map(|(begin, sent)| match self.rate {
            Rate::Max => begin,
            Rate::PerSecond(rate) => at(begin, sent, rate),
        });
        next.into_iter().chain(self.end()).min()
    }

    fn end(&self) -> Option<Instant> {
        Some(self.first? + self.duration?)
    }
}

#[expect(clippy::cast_precision_loss, reason = "2^53 events are enough")]
fn at(begin: Instant, n: u64, rate: f64) -> Instant {
    let after = Duration::try_from_secs_f64(n as f64 / rate).unwrap_or(Duration::MAX);
    // A century from now is as good as never, and can still be added to.
    begin + after.min(Duration::from_secs(100 * 365 * 24 * 3600))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_read() {
        assert_eq!("max".parse(), Ok(Rate::Max));
        assert_eq!("0.5".parse(), Ok(Rate::PerSecond(0.5)));
        for text in ["0", "-1", "nan", "inf", "", "fast"] {
            assert!(text.parse::<Rate>().is_err(), "{text}");
        }
    }

    #[test]
    fn events_are_due_on_schedule_and_catch_up() {
        let begin = Instant::now();
        let mut pace = pace(50_000.0, Some(120), None);
        assert_eq!(pace.due(begin), 1);
        pace.sent(1);
        assert_eq!(pace.next_at(), Some(begin + Duration::from_micros(20)));
        assert_eq!(pace.due(begin + Duration::from_micros(19)), 0);
        assert_eq!(pace.due(begin + Duration::from_millis(1)), 50);
        pace.sent(50);
        assert_eq!(pace.due(begin + Duration::from_secs(1)), 69);
        pace.sent(69);
        assert!(pace.finished(begin));
        assert_eq!(pace.next_at(), None);
    }

    fn pace(rate: f64, events: Option<u64>, duration: Option<Duration>) -> Pace {
        Pace::new(&Settings { rate: Rate::PerSecond(rate), events, duration, ..Settings::default() })
    }

    #[test]
    fn the_duration_runs_from_the_first_event() {
        let (begin, second) = (Instant::now(), Duration::from_secs(1));
        let mut pace = pace(0.5, None, Some(second));
        assert!(!pace.begun() && !pace.finished(begin + 10 * second));
        assert_eq!(pace.due(begin), 1);
        pace.sent(1);
        assert_eq!(pace.next_at(), Some(begin + second));
        assert!(!pace.finished(begin) && pace.finished(begin + second));
        assert_eq!(pace.due(begin + 3 * second), 0);
    }

    #[test]
    fn silence_is_not_made_up_for() {
        let begin = Instant::now();
        let mut pace = pace(10.0, None, None);
        assert_eq!(pace.due(begin), 1);
        pace.pause();
        assert_eq!(pace.next_at(), None);
        assert_eq!(pace.due(begin + Duration::from_secs(60)), 1);
    }
}
