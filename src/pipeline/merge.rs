//! One pipeline for several sessions: each session pushes into a branch, and learns when an end condition is met.
//!
//! A shared pipeline supports neither acknowledgments nor replies. The merge itself reports dropped messages, because the
//! session may have ended.

use std::collections::VecDeque;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use super::backlog::{DROPPING, full};
use super::worker::OutputWorker;
use super::{Progress, Stop, Totals, received};
use crate::clock;
use crate::event::{Event, Kind};
use crate::limits;
use crate::report::Report;

/// Batches of one session that wait at the merge at most.
const WAITING: usize = 2;

/// A session's way into a shared pipeline.
pub struct Branch {
    number: usize,
    to: UnboundedSender<(usize, Vec<Event>)>,
    from: UnboundedReceiver<BranchNews>,
    /// The batches that wait, in order: the bytes that each takes.
    waiting: VecDeque<usize>,
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
        self.waiting.len() < WAITING && self.waiting.iter().sum::<usize>() < limits::ON_THE_WAY
    }

    /// Has everything that was pushed gone on?
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Hands over a batch and leaves an empty one.
    pub fn push(&mut self, batch: &mut Vec<Event>) {
        let bytes = batch.iter().map(Event::cost).sum();
        // A merge that has gone needs no events.
        if self.to.send((self.number, std::mem::take(batch))).is_ok() {
            self.waiting.push_back(bytes);
        }
    }

    /// Waits until something has been achieved. `None`: nothing more will be told.
    pub async fn progress(&mut self) -> Option<Progress> {
        if self.closed && self.is_idle() {
            return None;
        }
        let stop = match self.from.recv().await? {
            BranchNews::Taken => {
                self.waiting.pop_front();
                None
            }
            BranchNews::Stop(stop) => Some(stop),
        };
        Some(Progress { stop, ..Progress::default() })
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
        let (tell, branches) = (0..branches)
            .map(|number| {
                let (tell, from) = unbounded_channel();
                (tell, Branch { number, to: to.clone(), from, waiting: VecDeque::new(), closed: false })
            })
            .unzip();
        (Self { worker, came: 0, batches, tell, totals: Totals::default(), stop: None, report }, branches)
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
                batch = self.batches.recv(), if self.worker.has_room() => match batch {
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

    async fn wait_for_room(&mut self) {
        while !self.worker.has_room() && self.progress().await {}
    }

    fn pass(&mut self, number: usize, mut batch: Vec<Event>) {
        self.came += batch.iter().filter(|event| received(event).is_some()).count() as u64;
        let progress = self.worker.push(&mut batch);
        // A session that has ended needs no telling, here and below.
        let _ = self.tell[number].send(BranchNews::Taken);
        progress.into_iter().for_each(|progress| self.note(progress));
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
}
