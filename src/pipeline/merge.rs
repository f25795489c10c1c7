//! One pipeline for several sessions: each session pushes into a branch, and learns when an end condition is met.
//!
//! The merge numbers connections and messages anew, in the order in which they go on: each session counts its own.
//! A session for which something follows from its lines, such as acknowledgments, learns what is written of its own
//! messages ([`Merge::follow_lines`]); for the others, what has gone on counts as written. A shared pipeline has no
//! replies. The merge itself reports dropped messages, because the session may have ended.

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
    /// Is what was written reported? What was pushed, and what is done with.
    lines: Option<BranchLines>,
}

/// What a branch knows of its lines.
#[derive(Default)]
struct BranchLines {
    /// Batches that were pushed, and the last received message in them.
    pushed: (u64, u64),
    /// The received message up to which all are written.
    written: u64,
    /// Batches that are done with, whether their lines were written or not.
    settled: u64,
}

impl BranchLines {
    fn are_settled(&self) -> bool {
        self.written >= self.pushed.1 || self.settled == self.pushed.0
    }
}

enum BranchNews {
    /// A batch has gone on.
    Taken,
    /// The received messages up to this one are written.
    Written(u64),
    /// So many batches are done with.
    Settled(u64),
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

    /// Has everything that was pushed gone on? If something follows from lines, is it written, too?
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.lines.as_ref().is_none_or(BranchLines::are_settled)
    }

    /// Hands over a batch and leaves an empty one.
    pub fn push(&mut self, batch: &mut Vec<Event>) {
        let bytes = batch.iter().map(Event::cost).sum();
        let last = batch.iter().filter_map(received).max().unwrap_or_default();
        // A merge that has gone needs no events.
        if self.to.send((self.number, std::mem::take(batch))).is_ok() {
            self.waiting.push_back((bytes, last));
            if let Some(lines) = &mut self.lines {
                lines.pushed = (lines.pushed.0 + 1, lines.pushed.1.max(last));
            }
        }
    }

    /// Waits until something has been achieved. `None`: nothing more will be told.
    pub async fn progress(&mut self) -> Option<Progress> {
        if self.closed && self.is_idle() {
            return None;
        }
        let news = self.from.recv().await?;
        let mut gone_on = 0;
        let stop = match (news, &mut self.lines) {
            (BranchNews::Stop(stop), _) => Some(stop),
            (BranchNews::Taken, _) => {
                (_, gone_on) = self.waiting.pop_front().unwrap_or_default();
                None
            }
            (BranchNews::Written(written), Some(lines)) => {
                lines.written = written;
                None
            }
            (BranchNews::Settled(batches), Some(lines)) => {
                lines.settled = batches;
                None
            }
            (BranchNews::Written(_) | BranchNews::Settled(_), None) => None,
        };
        let written = self.lines.as_ref().map_or(gone_on, |lines| lines.written);
        Some(Progress { stop, written, ..Progress::default() })
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
    /// What is told of the lines of each branch, if something follows from them.
    lines: Option<Vec<MergedLines>>,
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
                (
                    tell,
                    Branch {
                        number,
                        to: to.clone(),
                        from,
                        waiting: VecDeque::new(),
                        closed: false,
                        lines: None,
                    },
                )
            })
            .unzip();
        let merge = Self {
            worker,
            came: 0,
            numbering,
            facts: None,
            lines: None,
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

    /// Has each branch told which of its messages are written.
    pub fn follow_lines(&mut self, branches: &mut [Branch]) {
        branches.iter_mut().for_each(|branch| branch.lines = Some(BranchLines::default()));
        self.lines = Some(self.tell.iter().map(|_| MergedLines::default()).collect());
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
        let known = self.facts.as_ref().map_or(0, |(ledger, _)| ledger.cost())
            + self.lines.iter().flatten().map(MergedLines::cost).sum::<usize>();
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
        if let Some(lines) = &mut self.lines {
            lines[number].passed += 1;
        }
        match progress {
            Some(progress) => self.note(progress),
            None => self.tell_lines(0),
        }
    }

    /// Tells the branches which of their messages are written, if those up to `written` are, and what is done with.
    fn tell_lines(&mut self, written: u64) {
        let Some(lines) = &mut self.lines else { return };
        let idle = self.worker.is_idle();
        for (lines, tell) in lines.iter_mut().zip(&self.tell) {
            if let Some(own) = lines.written(written) {
                let _ = tell.send(BranchNews::Written(own));
            }
            if idle && lines.passed != std::mem::replace(&mut lines.settled, lines.passed) {
                let _ = tell.send(BranchNews::Settled(lines.passed));
            }
        }
    }

    /// Gives an event of a branch its numbers.
    fn number(&mut self, branch: usize, event: &mut Event) {
        let facts = match (&event.kind, &self.facts) {
            (Kind::Message { dir: Direction::In, seq, part, .. }, Some((_, own))) => {
                own[branch].take(*seq, *part)
            }
            _ => Facts::default(),
        };
        let own = received(event);
        self.numbering.number(branch, event);
        if let (Some(lines), Some(own), Some(merged)) = (&mut self.lines, own, received(event)) {
            lines[branch].came(own, merged);
        }
        if let (Kind::Message { seq, part, .. }, Some((ledger, _))) = (&event.kind, &self.facts) {
            ledger.put(*seq, *part, &facts);
        }
    }

    fn note(&mut self, progress: Progress) {
        let first_drop = self.totals.dropped == 0 && progress.totals.dropped > 0;
        self.totals = progress.totals;
        // Before the end that it may bring: what is written is acknowledged.
        self.tell_lines(progress.written);
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

/// Which messages of a branch are which of all.
#[derive(Default)]
struct MergedLines {
    /// Those that are not known to be written, in order.
    runs: VecDeque<NumberRun>,
    /// Batches that have gone on, and those of them of which it was told that they are done with.
    passed: u64,
    settled: u64,
}

/// Messages that follow each other for the session and in the merge.
struct NumberRun {
    own: u64,
    merged: u64,
    count: u64,
}

impl MergedLines {
    /// Bytes of memory for messages that are not known to be written.
    fn cost(&self) -> usize {
        self.runs.len() * size_of::<NumberRun>()
    }

    /// A message has gone on.
    fn came(&mut self, own: u64, merged: u64) {
        match self.runs.back_mut() {
            Some(run) if (own, merged) == (run.own + run.count, run.merged + run.count) => run.count += 1,
            _ => self.runs.push_back(NumberRun { own, merged, count: 1 }),
        }
    }

    /// All up to this one are written. Returns how far that is for the session, if it is news.
    fn written(&mut self, merged: u64) -> Option<u64> {
        let mut own = None;
        while let Some(run) = self.runs.front_mut().filter(|run| run.merged <= merged) {
            let count = run.count.min(merged + 1 - run.merged);
            own = Some(run.own + count - 1);
            if count == run.count {
                self.runs.pop_front();
            } else {
                *run =
                    NumberRun { own: run.own + count, merged: run.merged + count, count: run.count - count };
            }
        }
        own
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

    #[tokio::test]
    async fn what_could_not_be_written_is_not_forgotten_over_what_comes_later() {
        let report = Report::silent();
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

    #[test]
    fn a_branch_learns_which_of_its_own_messages_are_written() {
        let mut lines = MergedLines::default();
        // There are messages of other branches between, and the session counts some that it does not pass on.
        for (own, merged) in [(1, 1), (2, 2), (3, 5), (4, 6), (6, 7), (7, 9)] {
            lines.came(own, merged);
        }
        let told = [0, 1, 1, 4, 5, 8, 8, 20].map(|merged| lines.written(merged));
        assert_eq!(told, [None, Some(1), None, Some(2), Some(3), Some(6), None, Some(7)]);
        assert!(lines.runs.is_empty());
    }

    #[tokio::test]
    async fn connections_and_messages_are_numbered_as_they_go_on() {
        let report = Report::silent();
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
