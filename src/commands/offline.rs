//! `--from`: the pipeline of a session over messages that were received earlier.

use std::path::Path;
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::mpsc;
use tokio::time::Instant;

use super::no_thread;
use crate::cli::options::SessionArgs;
use crate::clock;
use crate::codec::{self, Coding, Decoded};
use crate::config::output;
use crate::dialect::{Client, MadeEvent, Meaning};
use crate::error::Result;
use crate::event::{Direction, EndReason, Event, Facts, Gap, Kind, MessagePart, Role, Unreadable};
use crate::exit::Exit;
use crate::input::recording::{LastConn, RecordedItem, Recording, Take};
use crate::message::Message;
use crate::pipeline::worker::{BATCH_BYTES, BATCH_EVENTS, OutputWorker};
use crate::pipeline::{FactsLedger, Pipeline, Progress, Stop, Totals, stdout};
use crate::report::Report;
use crate::session::delivery::Seen;
use crate::session::policy::Outcome;
use crate::session::show_bytes;
use crate::session::state::redact;
use crate::waiting::until;

/// How long the reader of the output may take for the rest when the time is up.
const LAST_DRAIN: Duration = Duration::from_secs(1);

/// How much of what is odd in a file is shown.
const SHOWN: u64 = 5;

/// Ends after which nothing more can be written.
const LOST: &[EndReason] = &[EndReason::ReaderGone, EndReason::OutputFailed];

/// Runs the pipeline over a file.
///
/// # Errors
/// If the file cannot be read. What could be read has been written then.
pub async fn run(
    path: &Path,
    args: &SessionArgs,
    mut reader: OfflineReader,
    pipeline: Pipeline,
    report: &Report,
) -> Result<Exit> {
    // Records are shown whole or not at all: without --envelope only received messages are.
    let take = if args.output.envelope { Take::Records } else { Take::Received };
    let (recording, odd) = Recording::open(path, take)?;
    odd.iter().for_each(|what| reader.odd(what, report));
    let mut items = recording.spawn().map_err(|e| no_thread(&e))?;
    let mut run = OfflineRun::start(pipeline, args).map_err(|e| no_thread(&e))?;
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
            bytes += reader.events(item, &mut events, report);
            if events.len() >= BATCH_EVENTS || bytes >= BATCH_BYTES {
                bytes = 0;
                run.push(reader.looked(&mut events)).await;
            }
            if let Some(text) = reader.failed.take() {
                run.outcome.get_or_insert(Outcome::told(EndReason::DecodeFailed, Exit::PeerProtocol, text));
                break;
            }
        }
        run.push_last(reader.looked(&mut events)).await;
    }
    run.drain().await;
    if reader.came == 0 && run.outcome.is_none() && failed.is_none() {
        report.warning(&format!("--from {}: no messages found", path.display()));
    }
    match (run.outcome, failed) {
        // An end that came before the line that could not be read.
        (Some(outcome), _) => Ok(outcome.settled(output::asked(args), &run.totals).report(report)),
        (None, Some(failure)) => Err(failure),
        (None, None) => {
            let outcome = Outcome::new(EndReason::InputEnded, Exit::Ok);
            Ok(outcome.settled(output::asked(args), &run.totals).report(report))
        }
    }
}

struct OfflineRun {
    worker: OutputWorker,
    outcome: Option<Outcome>,
    totals: Totals,
    reader: Option<stdout::StdoutWatch>,
    /// When the time is up, and after that, when the wait for the output is.
    until: Option<Instant>,
    idle_timeout: Option<Duration>,
}

impl OfflineRun {
    fn start(pipeline: Pipeline, args: &SessionArgs) -> std::io::Result<Self> {
        Ok(Self {
            worker: OutputWorker::start(pipeline)?,
            outcome: None,
            totals: Totals::default(),
            reader: stdout::watch_stdout(),
            until: args.end.max_time.map(|time| Instant::now() + time),
            idle_timeout: args.end.idle_timeout,
        })
    }

    /// What comes next; `None` when there is nothing or no more is wanted.
    async fn next(
        &mut self,
        items: &mut mpsc::Receiver<Result<Vec<RecordedItem>>>,
    ) -> Option<Result<Vec<RecordedItem>>> {
        let idle = self.idle_timeout.map(|time| Instant::now() + time);
        while self.outcome.is_none() {
            tokio::select! {
                biased;
                () = until(self.until) => self.time_is_up(),
                progress = self.worker.progress() => self.note(&progress?),
                batch = items.recv() => return batch,
                () = stdout::reader_gone(&self.reader) => self.outcome = Some(Outcome::from_stop(&Stop::ReaderGone)),
                () = until(idle) => self.outcome = Some(Outcome::new(EndReason::IdleTimeout, Exit::Ok)),
            }
        }
        None
    }

    /// Waits until everything is written, or the reader has gone, or has had its time.
    async fn drain(&mut self) {
        self.worker.close();
        let lost = |outcome: &Option<Outcome>| {
            outcome.as_ref().is_some_and(|outcome| LOST.contains(&outcome.reason))
        };
        while !lost(&self.outcome) && self.progress().await {}
    }

    fn time_is_up(&mut self) {
        self.until = Some(Instant::now() + LAST_DRAIN);
        self.outcome = Some(Outcome::new(EndReason::MaxTime, Exit::Ok));
    }

    /// The last of a batch, which may be what comes before an end that was decided just now.
    async fn push_last(&mut self, events: &mut Vec<Event>) {
        let ended = self.outcome.take_if(|outcome| outcome.reason == EndReason::DecodeFailed);
        self.push(events).await;
        self.outcome = self.outcome.take().or(ended);
    }

    async fn push(&mut self, events: &mut Vec<Event>) {
        while !self.worker.has_room() {
            if !self.progress().await {
                return;
            }
        }
        if self.outcome.is_some() {
            return;
        }
        if let Some(progress) = self.worker.push(events) {
            self.note(&progress);
        }
    }

    /// Waits for the pipeline. `false`: it has ended, or is not waited for any more.
    async fn progress(&mut self) -> bool {
        loop {
            tokio::select! {
                biased;
                progress = self.worker.progress() => match progress {
                    Some(progress) => {
                        self.note(&progress);
                        return true;
                    }
                    None => return false,
                },
                () = until(self.until) => match &self.outcome {
                    None => self.time_is_up(),
                    Some(outcome) if outcome.reason == EndReason::MaxTime => {
                        let text = "standard output was not read in time: the remaining output is lost";
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

/// Looks at events on their way to the pipeline, and may change them.
pub type Observer = Box<dyn FnMut(&mut Vec<Event>)>;

/// Reads messages as a session does.
pub struct OfflineReader {
    dialect: Box<dyn Client>,
    seen: Seen,
    show_secrets: bool,
    messages: codec::Reader,
    errors_fail: bool,
    seq: u64,
    /// Messages and records that came.
    came: u64,
    undecoded: u64,
    odd: u64,
    /// What ends the run.
    failed: Option<String>,
    observer: Option<Observer>,
    /// Where the pipeline learns the ids of events, if it asks.
    facts: Option<FactsLedger>,
    /// The id of the last event, or its cursor.
    last_id: Option<String>,
    /// The last connection of the recording.
    conn: LastConn,
    /// The message came on a connection before that one.
    is_old: bool,
}

impl OfflineReader {
    /// Reads with this dialect; events that come twice are told, or not.
    #[must_use]
    pub fn new(dialect: Box<dyn Client>, dedupe: bool, show_secrets: bool, coding: &Coding) -> Self {
        let seen = Seen::new(if dedupe { dialect.dedupe() } else { 0 });
        let messages = codec::Reader::new(&coding.decode, coding.limit);
        let errors_fail = coding.errors_fail;
        Self {
            dialect,
            seen,
            show_secrets,
            messages,
            errors_fail,
            seq: 0,
            came: 0,
            undecoded: 0,
            odd: 0,
            failed: None,
            observer: None,
            facts: None,
            last_id: None,
            conn: LastConn::new(),
            is_old: false,
        }
    }

    /// Notes the ids of events for the pipeline.
    #[must_use]
    pub fn with_facts(self, facts: Option<FactsLedger>) -> Self {
        Self { facts, ..self }
    }

    /// With somebody who looks at the events.
    #[must_use]
    pub fn with_observer(self, observer: Observer) -> Self {
        Self { observer: Some(observer), ..self }
    }

    fn looked<'a>(&mut self, events: &'a mut Vec<Event>) -> &'a mut Vec<Event> {
        if let Some(observe) = &mut self.observer {
            observe(events);
        }
        events
    }

    /// Appends the events, and says how many bytes they take along.
    fn events(&mut self, item: RecordedItem, events: &mut Vec<Event>, report: &Report) -> usize {
        match item {
            RecordedItem::Message(message, at, conn) => {
                let (length, at, first) = (message.len(), at.unwrap_or_else(clock::now), events.len());
                if self.conn.begins(conn) {
                    self.dialect.begin();
                }
                self.is_old = self.conn.is_old(conn);
                self.received(message, at, report, |kind| events.push(Event { at, conn: 1, kind }));
                length.max(256 * (events.len() - first))
            }
            RecordedItem::Odd(what) => {
                self.odd(&what, report);
                0
            }
            RecordedItem::Record(line, at) => {
                self.came += 1;
                let length = line.len();
                let kind = Kind::Recorded(line);
                events.push(Event { at: at.unwrap_or_else(clock::now), conn: 1, kind });
                length
            }
        }
    }

    fn odd(&mut self, what: &str, report: &Report) {
        self.odd += 1;
        match self.odd {
            SHOWN => report.warning(&format!("--from: {what} (further warnings are not shown)")),
            ..SHOWN => report.warning(&format!("--from: {what}")),
            _ => {}
        }
    }

    fn received(&mut self, message: Message, at: Timestamp, report: &Report, mut emit: impl FnMut(Kind)) {
        self.seq += 1;
        self.came += 1;
        if let Some(hint) = self.messages.hint(&message) {
            report.notice(&hint);
        }
        match self.messages.read(message) {
            Decoded::One(message) => self.understood(message, None, (at, report), &mut emit),
            Decoded::Parts(parts) => MessagePart::number(parts).for_each(|(part, message)| {
                self.understood(message, Some(part), (at, report), &mut emit);
            }),
            Decoded::Nothing(message) => emit(self.message(message, Role::Bookkeeping, None)),
            Decoded::Unread(unread, message) => {
                let mut message = Unreadable::undecoded(self.seq, &unread, message);
                if !self.show_secrets {
                    redact(&mut message, &mut *self.dialect);
                }
                self.undecoded += 1;
                if self.errors_fail {
                    self.failed = Some(message.text.clone());
                } else if let Some(text) = message.notice(self.undecoded) {
                    report.warning(&text);
                }
                show_bytes(&message, report);
                emit(Kind::Unreadable(Box::new(message)));
            }
        }
    }

    fn understood(
        &mut self,
        message: Message,
        part: Option<MessagePart>,
        (at, report): (Timestamp, &Report),
        emit: &mut impl FnMut(Kind),
    ) {
        let plain = message.without_mark();
        let meaning = match self.is_old {
            false => self.dialect.understand(&plain),
            true => self.dialect.understand_old(&plain),
        };
        drop(plain);
        for missing in self.dialect.missing() {
            report.warning(&missing.notice());
            let last_id = self.last_id.clone();
            emit(Kind::Gap(Box::new(Gap { last_id, missing: Some(missing), ..Gap::between(at, at) })));
        }
        let events = match meaning {
            Meaning::Events(events) => events,
            Meaning::Event(facts) => vec![MadeEvent { facts, ..MadeEvent::default() }],
            _ => return emit(self.redacted(message, Role::Bookkeeping, part)),
        };
        let most = events.len();
        for (event, number) in events.into_iter().zip(1..) {
            let seen = event.facts.id.as_ref().is_some_and(|id| !self.seen.insert(id));
            if !seen {
                let Facts { id, cursor } = &event.facts;
                self.last_id = id.clone().or_else(|| cursor.clone()).or(self.last_id.take());
            }
            let role = if seen { Role::Duplicate } else { Role::Data };
            let part = MessagePart::of_event(number, most, part);
            self.facts.iter().for_each(|ledger| ledger.put(self.seq, part, &event.facts));
            emit(self.redacted(event.message.unwrap_or_else(|| message.clone()), role, part));
        }
    }

    fn redacted(&mut self, message: Message, role: Role, part: Option<MessagePart>) -> Kind {
        let redacted = if self.show_secrets { None } else { self.dialect.redact(&message) };
        self.message(redacted.unwrap_or(message), role, part)
    }

    fn message(&self, message: Message, role: Role, part: Option<MessagePart>) -> Kind {
        Kind::Message { dir: Direction::In, seq: self.seq, message, role, part }
    }
}
