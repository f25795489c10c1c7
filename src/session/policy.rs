//! What a session is asked to do, resolved from the options, and how its end maps to an exit status.

use std::ops::RangeInclusive;
use std::time::Duration;

use jiff::Timestamp;

use super::backoff::BackoffLimits;
use crate::codec::Coding;
use crate::error::Failure;
use crate::event::EndReason;
use crate::exit::Exit;
use crate::message::Message;
use crate::pipeline::{FactsLedger, Stop, Totals};
use crate::report::Report;

/// Everything that decides the course of a session.
#[derive(Clone, Debug)]
pub struct Policy {
    /// Topics to subscribe to on every connection.
    pub topics: Vec<String>,
    /// Messages to send on every connection, before anything else.
    pub greeting: Vec<Message>,
    /// Send every data message back as it came.
    pub echo: bool,
    /// Go on when the provider refuses a subscription.
    pub keep_going: bool,
    /// When to end.
    pub end: EndPolicy,
    /// How often to ping; `None` never does.
    pub ping_interval: Option<Duration>,
    /// How long to wait, from a ping sent, for any sign of life.
    pub ping_timeout: Duration,
    /// Whether and how to reconnect.
    pub reconnect: Option<ReconnectPolicy>,
    /// Code and reason of our close frame.
    pub close: (u16, String),
    /// How many times as fast as in the documents the provider's own times run.
    pub time_scale: f64,
    /// Tell events that come twice, if the provider's events have ids.
    pub dedupe: bool,
    /// Where to go on from, if the provider replays.
    pub cursor: Option<String>,
    /// What came since then is missing in the output, because an earlier session that wrote to it has ended.
    pub missed_since: Option<Timestamp>,
    /// The process of a group that had the topics until then, if it was another.
    pub taken_over_from: Option<String>,
    /// Where the pipeline learns the ids and cursors of events, if it asks.
    pub facts: Option<FactsLedger>,
    /// Credentials in messages are shown.
    pub show_secrets: bool,
    /// Somebody at a prompt can ask for another connection.
    pub prompt: bool,
    /// How messages are read and written.
    pub coding: Coding,
}

/// When to end. The first that applies wins.
#[derive(Clone, Debug, Default)]
pub struct EndPolicy {
    /// After this time without a message.
    pub idle_timeout: Option<Duration>,
    /// After this time in any case.
    pub max_time: Option<Duration>,
    /// After standard input ended: stay until nothing has come for this long. `None` is for ever.
    pub linger: Linger,
    /// Close codes that end the session cleanly, besides 1000, 1001 and 1005.
    pub ok_close: Vec<u16>,
    /// Close codes that are a loss, whatever else is known of them.
    pub retry_close: Vec<RangeInclusive<u16>>,
}

/// How long to stay after standard input ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Linger {
    /// When it held at least one line.
    pub fed: Option<Duration>,
    /// When it held none, as under cron.
    pub unfed: Option<Duration>,
}

/// How to reconnect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReconnectPolicy {
    /// Bounds of the waits.
    pub limits: BackoffLimits,
    /// Give up after this many attempts in a row.
    pub retries: Option<u32>,
    /// Also retry a first connection that fails.
    pub first_too: bool,
}

/// What was asked of the output, as far as the exit status depends on it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Asked {
    /// `--until` was given.
    pub until: bool,
    /// `--count`.
    pub count: Option<Count>,
    /// `--exit-status` was given.
    pub exit_status: bool,
}

/// The goal of `--count`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// How many.
    pub goal: u64,
    /// What is counted: `message` or `line`.
    pub unit: &'static str,
}

impl Count {
    /// How far it has come, for people.
    fn progress(self, totals: &Totals) -> String {
        let plural = if self.goal == 1 { "" } else { "s" };
        format!("{} of {} {}{plural}", totals.counted, self.goal, self.unit)
    }
}

/// What helps a reader that is so slow that the disk is full.
const MORE_ROOM: &str = "set TMPDIR to a larger disk, or raise --spill-limit";

/// Why a session ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// For the summary.
    pub reason: EndReason,
    /// The exit status, before what was asked of the output is looked at.
    pub exit: Exit,
    /// What a person should be told, if the end is not what was asked for.
    pub text: Option<String>,
    /// What can be tried.
    pub hint: Option<String>,
    /// Further lines to show.
    pub details: Vec<String>,
}

impl Outcome {
    /// An end that needs no words.
    #[must_use]
    pub fn new(reason: EndReason, exit: Exit) -> Self {
        Self { reason, exit, text: None, hint: None, details: Vec::new() }
    }

    /// An end that needs some.
    #[must_use]
    pub fn told(reason: EndReason, exit: Exit, text: impl Into<String>) -> Self {
        Self { text: Some(text.into()), ..Self::new(reason, exit) }
    }

    /// The end by SIGINT, or by a key that stands for it.
    #[must_use]
    pub fn interrupted() -> Self {
        Self::new(EndReason::Interrupted, Exit::Interrupted)
    }

    /// Reports what there is to say about it, and gives its exit status.
    pub fn report(&self, report: &Report) -> Exit {
        if let Some(what) = &self.text {
            if self.exit == Exit::Ok {
                report.warning(what);
            } else {
                let (hint, details) = (self.hint.clone(), self.details.clone());
                report.failure(&Failure { hint, details, ..Failure::new(self.exit, what) });
            }
        }
        self.exit
    }

    /// Did a signal end it?
    #[must_use]
    pub fn is_signal(&self) -> bool {
        matches!(self.reason, EndReason::Interrupted | EndReason::Terminated)
    }

    /// Is this still the end, whatever `later` was achieved? Something could not be written.
    #[must_use]
    pub fn prevails_over(&self, later: &Self) -> bool {
        self.exit == Exit::OutputFailed && later.exit != Exit::OutputFailed
    }

    /// The end that the pipeline asks for.
    #[must_use]
    pub fn from_stop(stop: &Stop) -> Self {
        match stop {
            Stop::Count | Stop::CountAtEnd => Self::new(EndReason::Count, Exit::Ok),
            Stop::Until => Self::new(EndReason::Until, Exit::Ok),
            Stop::FailIf => Self::told(EndReason::FailIf, Exit::Assertion, "--fail-if matched"),
            Stop::FilterDone => Self::new(EndReason::FilterDone, Exit::Ok),
            Stop::FilterError(text) => {
                Self::told(EndReason::FilterError, Exit::FilterRuntime, format!("jq: {text}"))
            }
            Stop::ReaderGone => Self::new(EndReason::ReaderGone, Exit::Ok),
            Stop::OutputFailed(text, remedy) => Self::unwritten(EndReason::OutputFailed, text, *remedy),
            Stop::RecordingFailed(text, remedy) => Self::unwritten(EndReason::RecordingFailed, text, *remedy),
            Stop::Overflow { text, .. } => Self::unwritten(EndReason::Overflow, text, Some(MORE_ROOM)),
        }
    }

    fn unwritten(reason: EndReason, text: &str, remedy: Option<&str>) -> Self {
        Self { hint: remedy.map(str::to_owned), ..Self::told(reason, Exit::OutputFailed, text) }
    }

    /// The same end, once it is known what was written: goals that were not met turn success into failure.
    #[must_use]
    pub fn settled(self, asked: Asked, totals: &Totals) -> Self {
        if self.exit != Exit::Ok || self.reason == EndReason::ReaderGone {
            return self;
        }
        if asked.until && self.reason != EndReason::Until {
            return Self::told(self.reason, Exit::Assertion, "--until never matched");
        }
        // A program that ran once over the stream and ended has decided by itself.
        let reached = matches!(self.reason, EndReason::Count | EndReason::Until | EndReason::FilterDone);
        if let Some(count) = asked.count.filter(|_| !reached) {
            let what = match self.reason {
                EndReason::Closed => "connection closed",
                EndReason::InputEnded => "input ended",
                EndReason::MaxTime | EndReason::IdleTimeout => "time limit reached",
                _ => "session ended",
            };
            let text = format!("{what} after {}", count.progress(totals));
            return Self::told(self.reason, Exit::Assertion, text);
        }
        self.with_exit_status(asked, totals)
    }

    fn with_exit_status(self, asked: Asked, totals: &Totals) -> Self {
        match totals.last_output {
            None if asked.exit_status => Self { exit: Exit::NoOutput, ..self },
            Some(false) if asked.exit_status => Self { exit: Exit::Assertion, ..self },
            _ => self,
        }
    }
}

/// What a close code means for the exit status (RFC 6455 §7.4; 4004 is "not found" where a provider documents it).
#[must_use]
pub fn close_exit(code: u16, ok_close: &[u16]) -> Exit {
    match code {
        code if ok_close.contains(&code) => Exit::Ok,
        1000 | 1001 | 1005 => Exit::Ok,
        1008 => Exit::Credentials,
        4004 => Exit::NotFound,
        _ => Exit::ClosedAbnormally,
    }
}

/// Is a connection that ended with this code worth another attempt?
#[must_use]
pub fn close_retries(code: u16) -> bool {
    matches!(code, 1001 | 1005 | 1006 | 1011..=1014 | 4000)
}

/// Is a refused handshake with this status worth another attempt?
#[must_use]
pub fn status_retries(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500..=599)
}

/// The registered meaning of a close code, for people (RFC 6455 §7.4.1 and the IANA registry).
#[must_use]
pub fn close_meaning(code: u16) -> &'static str {
    match code {
        1000 => "normal closure",
        1001 => "going away",
        1002 => "protocol error",
        1003 => "unsupported data",
        1005 => "no status",
        1006 => "abnormal closure",
        1007 => "invalid payload",
        1008 => "policy violation",
        1009 => "message too big",
        1010 => "extension required",
        1011 => "internal error",
        1012 => "service restart",
        1013 => "try again later",
        1014 => "bad gateway",
        3000..=3999 => "registered code",
        4000..=4999 => "private code",
        _ => "reserved code",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goals_that_were_not_met_are_failures() {
        let closed = || Outcome::new(EndReason::Closed, Exit::Ok);
        let exit = |outcome: Outcome, asked, totals: Totals| outcome.settled(asked, &totals).exit;
        let until = Asked { until: true, ..Asked::default() };
        let goal = Some(Count { goal: 5, unit: "message" });
        let count = Asked { count: goal, ..Asked::default() };
        let status = Asked { exit_status: true, ..Asked::default() };
        let last = |last_output| Totals { last_output, ..Totals::default() };
        assert_eq!(exit(closed(), Asked::default(), Totals::default()), Exit::Ok);
        assert_eq!(exit(closed(), until, Totals::default()), Exit::Assertion);
        assert_eq!(exit(Outcome::from_stop(&Stop::Until), until, Totals::default()), Exit::Ok);
        for reason in [
            EndReason::Closed,
            EndReason::InputEnded,
            EndReason::MaxTime,
            EndReason::IdleTimeout,
            EndReason::Quit,
            EndReason::CampaignsOver,
        ] {
            let unmet =
                Outcome::new(reason, Exit::Ok).settled(count, &Totals { counted: 1, ..Totals::default() });
            assert_eq!((unmet.reason, unmet.exit), (reason, Exit::Assertion));
            assert!(unmet.text.is_some_and(|text| text.ends_with("after 1 of 5 messages")), "{reason:?}");
        }
        assert_eq!(exit(Outcome::from_stop(&Stop::Count), count, Totals::default()), Exit::Ok);
        assert_eq!(
            exit(Outcome::from_stop(&Stop::Until), Asked { count: goal, ..until }, Totals::default()),
            Exit::Ok
        );
        assert_eq!(exit(closed(), status, last(None)), Exit::NoOutput);
        assert_eq!(exit(closed(), status, last(Some(false))), Exit::Assertion);
        assert_eq!(exit(closed(), status, last(Some(true))), Exit::Ok);
        assert_eq!(
            exit(Outcome::new(EndReason::ConnectFailed, Exit::Tcp), until, Totals::default()),
            Exit::Tcp
        );
        assert_eq!(exit(Outcome::from_stop(&Stop::ReaderGone), until, Totals::default()), Exit::Ok);
    }

    #[test]
    fn close_codes_have_one_meaning_each() {
        assert_eq!(close_exit(1001, &[]), Exit::Ok);
        assert_eq!(close_exit(1011, &[]), Exit::ClosedAbnormally);
        assert_eq!(close_exit(1011, &[1011]), Exit::Ok);
        assert_eq!(close_exit(1008, &[]), Exit::Credentials);
        assert_eq!(close_exit(4004, &[]), Exit::NotFound);
        assert!([1005, 1012, 4000].into_iter().all(close_retries));
        assert!(![1000, 4004].into_iter().any(close_retries));
        assert!(status_retries(429) && status_retries(503) && !status_retries(403));
    }
}
