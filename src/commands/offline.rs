//! `--from`: the pipeline of a session over messages that were received earlier.

use std::path::Path;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

use super::{no_thread, tell};
use crate::cli::options::SessionArgs;
use crate::clock;
use crate::config::output;
use crate::dialect::{Client, Facts, Meaning};
use crate::error::Result;
use crate::event::{Direction, Event, Kind, Role};
use crate::exit::Exit;
use crate::input::recording::{Item, Recording, Take};
use crate::message::Message;
use crate::pipeline::stage::{BATCH_BYTES, BATCH_EVENTS, Stage};
use crate::pipeline::{Pipeline, Progress, Stop, Totals, sink};
use crate::report::Report;
use crate::session::Tap;
use crate::session::delivery::Seen;
use crate::session::policy::Outcome;

/// How long the reader of the output may take for the rest when the time is up.
const LAST_DRAIN: Duration = Duration::from_secs(1);

/// Ends after which nothing more can be written.
const LOST: &[&str] = &["reader_gone", "output_failed"];

/// Runs the pipeline over a file.
///
/// # Errors
/// If the file cannot be read. What could be read has been written then.
pub async fn run(
    path: &Path,
    args: &SessionArgs,
    mut reader: Reader,
    pipeline: Pipeline,
    report: &Report,
) -> Result<Exit> {
    // Records are shown whole or not at all: without --envelope only received messages are.
    let take = if args.output.envelope { Take::Records } else { Take::Received };
    let mut items = Recording::open(path, take)?.spawn().map_err(|e| no_thread(&e))?;
    let mut run = Run::start(pipeline, args).map_err(|e| no_thread(&e))?;
    let mut failed = None;
    while let Some(batch) = run.next(&mut items).await {
        let batch = match batch {
            Ok(batch) => batch,
            Err(failure) => {
                failed = Some(failure);
                break;
            }
        };
        let (mut events, mut bytes) = (Vec::new(), 0);
        for item in batch {
            let (event, length) = reader.event(item);
            bytes += length;
            events.push(event);
            if events.len() >= BATCH_EVENTS || bytes >= BATCH_BYTES {
                bytes = 0;
                run.push(reader.looked(&mut events)).await;
            }
        }
        run.push(reader.looked(&mut events)).await;
    }
    run.drain().await;
    match (run.outcome, failed) {
        // An end that came before the line that could not be read.
        (Some(outcome), _) => Ok(tell(report, outcome.settled(output::asked(args), &run.totals))),
        (None, Some(failure)) => Err(failure),
        (None, None) => {
            let outcome = Outcome::new("input_ended", Exit::Ok);
            Ok(tell(report, outcome.settled(output::asked(args), &run.totals)))
        }
    }
}

struct Run {
    stage: Stage,
    outcome: Option<Outcome>,
    totals: Totals,
    reader: Option<sink::Watch>,
    /// When the time is up, and after that, when the wait for the output is.
    until: Option<Instant>,
    idle_timeout: Option<Duration>,
}

impl Run {
    fn start(pipeline: Pipeline, args: &SessionArgs) -> std::io::Result<Self> {
        Ok(Self {
            stage: Stage::start(pipeline)?,
            outcome: None,
            totals: Totals::default(),
            reader: sink::watch_stdout(),
            until: args.end.max_time.map(|time| Instant::now() + time),
            idle_timeout: args.end.idle_timeout,
        })
    }

    /// What comes next; `None` when there is nothing or no more is wanted.
    async fn next(&mut self, items: &mut mpsc::Receiver<Result<Vec<Item>>>) -> Option<Result<Vec<Item>>> {
        let idle = self.idle_timeout.map(|time| Instant::now() + time);
        while self.outcome.is_none() {
            tokio::select! {
                biased;
                () = up(self.until) => self.time_is_up(),
                progress = self.stage.progress() => self.note(&progress?),
                batch = items.recv() => return batch,
                () = sink::reader_gone(&self.reader) => self.outcome = Some(Outcome::from_stop(&Stop::ReaderGone)),
                () = up(idle) => self.outcome = Some(Outcome::new("idle_timeout", Exit::Ok)),
            }
        }
        None
    }

    /// Waits until everything is written, or the reader has gone, or has had its time.
    async fn drain(&mut self) {
        self.stage.close();
        let lost = |outcome: &Option<Outcome>| {
            outcome.as_ref().is_some_and(|outcome| LOST.contains(&outcome.reason))
        };
        while !lost(&self.outcome) && self.progress().await {}
    }

    fn time_is_up(&mut self) {
        self.until = Some(Instant::now() + LAST_DRAIN);
        self.outcome = Some(Outcome::new("max_time", Exit::Ok));
    }

    async fn push(&mut self, events: &mut Vec<Event>) {
        while !self.stage.has_room() {
            if !self.progress().await {
                return;
            }
        }
        if self.outcome.is_some() {
            return;
        }
        if let Some(progress) = self.stage.push(events) {
            self.note(&progress);
        }
    }

    /// Waits for the pipeline. `false`: it has ended, or is not waited for any more.
    async fn progress(&mut self) -> bool {
        loop {
            tokio::select! {
                biased;
                progress = self.stage.progress() => match progress {
                    Some(progress) => {
                        self.note(&progress);
                        return true;
                    }
                    None => return false,
                },
                () = up(self.until) => match &self.outcome {
                    None => self.time_is_up(),
                    Some(outcome) if outcome.reason == "max_time" => {
                        let text = "standard output was not written in time, and what was left of it is lost";
                        self.outcome = Some(Outcome::from_stop(&Stop::OutputFailed(text.to_owned(), None)));
                        self.until = None;
                        return false;
                    }
                    // Whatever else ended it has all the time that its output takes.
                    Some(_) => self.until = None,
                },
            }
        }
    }

    fn note(&mut self, progress: &Progress) {
        self.totals = progress.totals;
        let Some(stop) = &progress.stop else { return };
        let outcome = Outcome::from_stop(stop);
        if self.outcome.as_ref().is_none_or(|earlier| !earlier.prevails_over(&outcome)) {
            self.outcome = Some(outcome);
        }
    }
}

async fn up(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// Reads messages as a session does.
pub struct Reader {
    dialect: Box<dyn Client>,
    seen: Seen,
    show_secrets: bool,
    seq: u64,
    tap: Option<Box<dyn Tap>>,
}

impl Reader {
    /// Reads with this dialect; events that come twice are told, or not.
    #[must_use]
    pub fn new(dialect: Box<dyn Client>, dedupe: bool, show_secrets: bool) -> Self {
        let seen = Seen::new(if dedupe { dialect.dedupe() } else { 0 });
        Self { dialect, seen, show_secrets, seq: 0, tap: None }
    }

    /// With somebody who looks at the events.
    #[must_use]
    pub fn with_tap(self, tap: Box<dyn Tap>) -> Self {
        Self { tap: Some(tap), ..self }
    }

    fn looked<'a>(&mut self, events: &'a mut Vec<Event>) -> &'a mut Vec<Event> {
        if let Some(tap) = &mut self.tap {
            tap.look(events);
        }
        events
    }

    /// The event, and how many bytes it takes along.
    fn event(&mut self, item: Item) -> (Event, usize) {
        let (kind, at, length) = match item {
            Item::Message(message, at) => {
                let length = message.len();
                (self.received(message), at, length)
            }
            Item::Record(line, at) => {
                let length = line.len();
                (Kind::Recorded(line), at, length)
            }
        };
        (Event { at: at.unwrap_or_else(clock::now), conn: 1, kind }, length)
    }

    fn received(&mut self, message: Message) -> Kind {
        self.seq += 1;
        let role = match self.dialect.understand(&message) {
            Meaning::Event(Facts { id: Some(id), .. }) if !self.seen.insert(&id) => Role::Duplicate,
            Meaning::Event(_) => Role::Data,
            _ => Role::Bookkeeping,
        };
        let redacted = if self.show_secrets { None } else { self.dialect.redact(&message) };
        let message = redacted.unwrap_or(message);
        Kind::Message { dir: Direction::In, seq: self.seq, message, role }
    }
}
