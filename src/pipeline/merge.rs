//! One pipeline for several sessions: each session pushes into a branch, and learns when an end condition is met.
//!
//! The merge numbers connections and messages anew, in the order in which they go on: each session counts its own. A
//! shared pipeline supports neither acknowledgments nor replies, because a session does not learn what is written. The
//! merge itself reports dropped messages, because the session may have ended.

use std::collections::VecDeque;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::backlog::{DROPPING, full};
use super::worker::OutputWorker;
use super::{FactsLedger, Progress, Stop, Totals, received};
use crate::clock;
use crate::event::{Direction, Event, Facts, Kind};
use crate::limits;
use crate::report::Report;

/// Batches of one session that wait at the merge at most.
const WAITING: usize = 2;

/// A session's way into a shared pipeline.
pub struct Branch {
    number: usize,
    to: UnboundedSender<(usize, Vec<Event>)>,
    from: UnboundedReceiver<BranchNews>,
    /// The batches that wait, in order: the bytes that each takes, and the number of its last received message.
    waiting: VecDeque<(usize, u64)>,
    closed: bool,
}

enum BranchNews {
    /// A batch has gone on.
    Taken,
    Stop(Stop),
}

impl Branch {
    /// Can a batch be pushed?
    #[must_use]
    pub fn has_room(&self) -> bool {
        // A message that is larger than all of them may be waits alone.
        self.waiting.len() < WAITING
            && self.waiting.iter().map(|(bytes, _)| bytes).sum::<usize>() < limits::ON_THE_WAY
    }

    /// Has everything that was pushed gone on?
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Hands over a batch and leaves an empty one.
    pub fn push(&mut self, batch: &mut Vec<Event>) {
        let bytes = batch.iter().map(Event::cost).sum();
        let last = batch.iter().filter_map(received).max().unwrap_or_default();
        // A merge that has gone needs no events.
        if self.to.send((self.number, std::mem::take(batch))).is_ok() {
            self.waiting.push_back((bytes, last));
        }
    }

    /// Waits until something has been achieved. `None`: nothing more will be told. What has gone on counts as written.
    pub async fn progress(&mut self) -> Option<Progress> {
        if self.closed && self.is_idle() {
            return None;
        }
        Some(match self.from.recv().await? {
            BranchNews::Taken => {
                let (_, written) = self.waiting.pop_front().unwrap_or_default();
                Progress { written, ..Progress::default() }
            }
            BranchNews::Stop(stop) => Progress { stop: Some(stop), ..Progress::default() },
        })
    }

    /// Nothing more will come.
    pub fn close(&mut self) {
        self.closed = true;
    }
}

/// Where the branches meet.
pub struct Merge {
    worker: OutputWorker,
    /// Received messages that were passed on.
    came: u64,
    numbering: Numbering,
    /// Where the pipeline learns the ids and cursors of events, and where each session puts them.
    facts: Option<(FactsLedger, Vec<FactsLedger>)>,
    batches: UnboundedReceiver<(usize, Vec<Event>)>,
    tell: Vec<UnboundedSender<BranchNews>>,
    /// What has been written so far.
    pub totals: Totals,
    /// The end condition that was met.
    pub stop: Option<Stop>,
    report: Report,
}

impl Merge {
    /// A merge in front of `worker`, and its branches; what is lost there, `report` is told.
    #[must_use]
    pub fn new(worker: OutputWorker, branches: usize, report: Report) -> (Self, Vec<Branch>) {
        let (to, batches) = unbounded_channel();
        let numbering =
            Numbering { branches: vec![BranchNumbers::default(); branches], ..Numbering::default() };
        let (tell, branches) = (0..branches)
            .map(|number| {
                let (tell, from) = unbounded_channel();
                (tell, Branch { number, to: to.clone(), from, waiting: VecDeque::new(), closed: false })
            })
            .unzip();
        let merge = Self {
            worker,
            came: 0,
            numbering,
            facts: None,
            batches,
            tell,
            totals: Totals::default(),
            stop: None,
            report,
        };
        (merge, branches)
    }

    /// Has ids and cursors of events put into the ledger that the pipeline reads. Returns a ledger for each session.
    pub fn share_facts(&mut self, ledger: FactsLedger) -> Vec<FactsLedger> {
        let own: Vec<FactsLedger> = self.tell.iter().map(|_| FactsLedger::default()).collect();
        self.facts = Some((ledger, own.clone()));
        own
    }

    /// The last connection that was opened.
    #[must_use]
    pub fn last_conn(&self) -> u32 {
        self.numbering.conn
    }

    /// Passes on what comes, for ever: whoever waits for the sessions drops it when they have ended. Nothing is lost
    /// by that.
    pub async fn run(&mut self) {
        loop {
            tokio::select! {
                biased;
                progress = self.worker.progress() => match progress {
                    Some(progress) => self.note(progress),
                    None => return self.died().await,
                },
                batch = self.batches.recv(), if self.has_room() => match batch {
                    Some((number, batch)) => self.pass(number, batch),
                    None => std::future::pending().await,
                },
            }
        }
    }

    /// Waits until everything that was pushed is done with, or can be no more. Nobody pushes any more.
    pub async fn settle(&mut self) {
        while let Ok((number, batch)) = self.batches.try_recv() {
            self.wait_for_room().await;
            self.pass(number, batch);
        }
        while !self.worker.is_idle() && self.progress().await {}
    }

    /// Hands the last events over and tells the pipeline that there are no more.
    pub async fn close(&mut self, last: Vec<Event>) {
        self.wait_for_room().await;
        self.pass(0, last);
        self.worker.close();
    }

    /// There is no more to be done, for this reason, unless an earlier one prevails.
    pub fn decide(&mut self, stop: Stop) {
        stop.supersede(&mut self.stop, &self.report);
    }

    /// Waits until the pipeline has got something done. `false`: it has ended, or its output is not waited for.
    pub async fn progress(&mut self) -> bool {
        if matches!(self.stop, Some(Stop::OutputFailed(..))) && !self.worker.may_record() {
            return false;
        }
        let progress = self.worker.progress().await;
        let more = progress.is_some();
        progress.into_iter().for_each(|progress| self.note(progress));
        more
    }

    /// How many messages have come that are not known to be written.
    #[must_use]
    pub fn unwritten(&self) -> u64 {
        self.came.saturating_sub(self.totals.messages + self.totals.dropped)
    }

    fn has_room(&self) -> bool {
        let known = self.facts.as_ref().map_or(0, |(ledger, _)| ledger.cost());
        self.worker.has_room() && known <= limits::UNWRITTEN
    }

    async fn wait_for_room(&mut self) {
        while !self.worker.has_room() && self.progress().await {}
    }

    fn pass(&mut self, number: usize, mut batch: Vec<Event>) {
        batch.iter_mut().for_each(|event| self.number(number, event));
        self.came += batch.iter().filter(|event| received(event).is_some()).count() as u64;
        let progress = self.worker.push(&mut batch);
        // A session that has ended needs no telling, here and below.
        let _ = self.tell[number].send(BranchNews::Taken);
        progress.into_iter().for_each(|progress| self.note(progress));
    }

    /// Gives an event of a branch its numbers.
    fn number(&mut self, branch: usize, event: &mut Event) {
        let facts = match (&event.kind, &self.facts) {
            (Kind::Message { dir: Direction::In, seq, part, .. }, Some((_, own))) => {
                own[branch].take(*seq, *part)
            }
            _ => Facts::default(),
        };
        self.numbering.number(branch, event);
        if let (Kind::Message { seq, part, .. }, Some((ledger, _))) = (&event.kind, &self.facts) {
            ledger.put(*seq, *part, &facts);
        }
    }

    fn note(&mut self, progress: Progress) {
        let first_drop = self.totals.dropped == 0 && progress.totals.dropped > 0;
        self.totals = progress.totals;
        if first_drop {
            self.tell_dropping();
        }
        let Some(mut stop) = progress.stop else { return };
        if let Stop::Overflow { text, told } = &mut stop {
            self.report.warning(&full(text));
            *told = true;
        }
        for tell in &self.tell {
            let _ = tell.send(BranchNews::Stop(stop.clone()));
        }
        self.decide(stop);
    }

    fn tell_dropping(&mut self) {
        self.report.warning(DROPPING);
        let kind = Kind::Error { what: "overflow", text: DROPPING.to_owned() };
        // Whoever drops has room.
        let progress = self.worker.push(&mut vec![Event { at: clock::now(), conn: 0, kind }]);
        progress.into_iter().for_each(|progress| self.note(progress));
    }

    async fn died(&mut self) {
        let stop = Some(Stop::OutputFailed("the output thread ended unexpectedly".to_owned(), None));
        self.note(Progress { stop, totals: self.totals, ..Progress::default() });
        std::future::pending::<()>().await;
    }
}

/// Numbers connections and messages over all branches.
#[derive(Default)]
struct Numbering {
    conn: u32,
    received: u64,
    sent: u64,
    branches: Vec<BranchNumbers>,
}

/// What a session's own numbers have become.
#[derive(Clone, Default)]
struct BranchNumbers {
    /// Its present connection, and the one before, which may still have something to say.
    conns: [(u32, u32); 2],
    /// The last received message, by the session's number.
    received: u64,
}

impl Numbering {
    fn number(&mut self, branch: usize, event: &mut Event) {
        let own = &mut self.branches[branch];
        if matches!(event.kind, Kind::Open(_)) {
            self.conn += 1;
            own.conns = [(event.conn, self.conn), own.conns[0]];
        }
        if let Some((_, conn)) = own.conns.iter().find(|(own, _)| *own == event.conn) {
            event.conn = *conn;
        }
        let received = match &mut event.kind {
            Kind::Message { dir: Direction::In, seq, .. } => seq,
            Kind::Unreadable(message) => &mut message.seq,
            Kind::Message { seq, .. } => {
                self.sent += 1;
                *seq = self.sent;
                return;
            }
            _ => return,
        };
        // The parts of a message have its number.
        if *received > own.received {
            own.received = *received;
            self.received += 1;
        }
        *received = self.received;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::output::Discard;
    use crate::pipeline::{Config, Pipeline};
    use crate::report::Level;

    #[tokio::test]
    async fn what_could_not_be_written_is_not_forgotten_over_what_comes_later() {
        let report = Report::to(Box::new(std::io::sink()), Level::Error, false, false);
        let recording = Stop::RecordingFailed("the disk is full".to_owned(), None);
        let output = Stop::OutputFailed("that of the output, too".to_owned(), None);
        let overflow = Stop::Overflow { text: "output buffer full".to_owned(), told: true };
        for (earlier, later, counts) in [
            (&recording, &Stop::Count, &recording),
            (&recording, &Stop::ReaderGone, &recording),
            (&overflow, &Stop::Until, &overflow),
            (&recording, &output, &output),
            (&Stop::Count, &recording, &recording),
            (&Stop::Count, &Stop::ReaderGone, &Stop::ReaderGone),
        ] {
            let pipeline = Pipeline::new(Config::default(), Box::new(Discard), report.clone());
            let (mut merge, _branches) =
                Merge::new(OutputWorker::start(pipeline).unwrap(), 1, report.clone());
            for stop in [earlier, later] {
                merge.note(Progress { stop: Some(stop.clone()), ..Progress::default() });
            }
            assert_eq!(merge.stop.as_ref(), Some(counts), "{earlier:?}, {later:?}");
        }
    }

    fn event(conn: u32, kind: Kind) -> Event {
        Event { at: clock::now(), conn, kind }
    }

    fn message(dir: Direction, seq: u64) -> Kind {
        let message = crate::message::Message::text("x");
        Kind::Message { dir, seq, message, role: crate::event::Role::Data, part: None }
    }

    #[tokio::test]
    async fn connections_and_messages_are_numbered_as_they_go_on() {
        let report = Report::to(Box::new(std::io::sink()), Level::Error, false, false);
        let pipeline = Pipeline::new(Config::default(), Box::new(Discard), report.clone());
        let (mut merge, _branches) = Merge::new(OutputWorker::start(pipeline).unwrap(), 2, report);
        let ledger = FactsLedger::default();
        let own = merge.share_facts(ledger.clone());
        let facts = |id: &str| Facts { id: Some(id.to_owned()), cursor: None };
        own[0].put(1, None, &facts("a1"));
        own[1].put(1, None, &facts("b1"));
        own[1].put(2, None, &facts("b2"));
        let open = || Kind::Open(Box::default());
        let mut numbers = Vec::new();
        for (branch, conn, kind) in [
            (1, 1, open()),
            (0, 1, open()),
            (1, 1, message(Direction::Out, 1)),
            (1, 1, message(Direction::In, 1)),
            (0, 1, message(Direction::In, 1)),
            // A connection takes over, and the one before it says something more.
            (1, 2, open()),
            (1, 1, message(Direction::In, 2)),
            (1, 2, message(Direction::Out, 2)),
        ] {
            let mut event = event(conn, kind);
            merge.number(branch, &mut event);
            let seq = if let Kind::Message { seq, .. } = event.kind { seq } else { 0 };
            numbers.push((event.conn, seq));
        }
        assert_eq!(numbers, [(1, 0), (2, 0), (1, 1), (1, 1), (2, 2), (3, 0), (1, 3), (3, 2)]);
        let ids = [1, 2, 3].map(|seq| ledger.take(seq, None).id.unwrap());
        assert_eq!((ids, merge.last_conn()), (["b1", "a1", "b2"].map(str::to_owned), 3));
    }
}
