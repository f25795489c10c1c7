//! Sessions side by side, whose events go to one output. Whoever leads them knows what they are for, and what comes of
//! all of them.

use std::future::Future;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

pub mod topics;

use crate::clock;
use crate::event::{EndReason, Event, Kind, Summary};
use crate::exit::Exit;
use crate::pipeline::merge::Merge;
use crate::pipeline::{Stop, Totals, backlog, stdout};
use crate::report::Report;
use crate::session::policy::{Asked, Outcome};
use crate::session::{self, Controller, News, Order, Setup};
use crate::signals::Signals;
use crate::waiting::{if_any, until};

/// How long output may take to be written after a signal or `--max-time` asked for the end.
const LAST_DRAIN: Duration = Duration::from_secs(1);

/// Whoever leads sessions.
pub trait Lead {
    /// Does what is to be done meanwhile, for ever. It is dropped and called again whenever something happens.
    fn work(&mut self) -> impl Future<Output = ()>;

    /// Sends an order to every session.
    fn order_all(&self, order: &Order);

    /// A session is over. `by_itself`: neither the output nor a signal asked for the end.
    fn ended(&mut self, number: usize, outcome: &Outcome, by_itself: bool);

    /// All sessions are over. The rest of the output is still to be written.
    fn all_ended(&mut self) {}

    /// The end of everything, from the end of every session.
    fn verdict(&self, outcomes: &[Outcome], stop: Option<&Stop>, asked: Asked, totals: &Totals) -> Outcome;

    /// The account of all sessions together, for this end.
    fn summary(&self, outcome: &Outcome, totals: &Totals) -> Summary;

    /// Says what is left to say once everything is written. `stopped`: the output asked for the end.
    fn close(&self, outcome: &Outcome, stopped: bool) {
        let _ = (outcome, stopped);
    }
}

/// What looks at the events of a session before they go to the output, and may change them.
pub type EventLook = Box<dyn FnMut(&mut Vec<Event>)>;

/// Controls a session among others: by the orders of whoever leads, and by signals.
pub struct MemberController {
    orders: UnboundedReceiver<Order>,
    signals: Signals,
    look: EventLook,
}

impl MemberController {
    /// The controller of a session, and where it takes orders.
    #[must_use]
    pub fn new(signals: Signals, look: EventLook) -> (Self, UnboundedSender<Order>) {
        let (send, orders) = unbounded_channel();
        (Self { orders, signals, look }, send)
    }
}

impl Controller for MemberController {
    fn poll_order(&mut self, context: &mut Context<'_>) -> Poll<Order> {
        if let Poll::Ready(order) = self.signals.poll_order(context) {
            return Poll::Ready(order);
        }
        match self.orders.poll_recv(context) {
            Poll::Ready(Some(order)) => Poll::Ready(order),
            Poll::Ready(None) | Poll::Pending => Poll::Pending,
        }
    }

    fn news(&mut self, news: News<'_>) {
        if let News::Events(events) = news {
            (self.look)(events);
        }
    }
}

/// Sessions side by side.
pub struct SessionGroup<L> {
    /// Who leads them.
    pub lead: L,
    /// Where all events meet.
    pub merge: Merge,
    /// What was asked of the output.
    pub asked: Asked,
    /// The reader of standard output, if it may go away.
    pub stdout: Option<stdout::StdoutWatch>,
    /// Where notices go.
    pub report: Report,
}

impl<L: Lead> SessionGroup<L> {
    /// Runs the sessions to the end of all of them.
    pub async fn run(mut self, setups: Vec<Setup>) -> Outcome {
        let mut outcomes: Vec<Outcome> =
            setups.iter().map(|_| Outcome::new(EndReason::Closed, Exit::Ok)).collect();
        let sessions = setups.into_iter().enumerate();
        let mut sessions: FuturesUnordered<_> =
            sessions.map(|(number, setup)| async move { (number, session::run(setup).await) }).collect();
        // Listen from the start, so that a signal during the final drain is not lost.
        let signals = Signals::listen().ok();
        loop {
            let Self { lead, merge, stdout, .. } = &mut self;
            tokio::select! {
                ended = sessions.next() => match ended {
                    Some((number, outcome)) => {
                        let decided = merge.stop.as_ref().is_some_and(|stop| *stop != Stop::CountAtEnd);
                        lead.ended(number, &outcome, !decided && !outcome.is_signal());
                        outcomes[number] = outcome;
                    }
                    None => break,
                },
                () = merge.run() => {}
                () = stdout::reader_gone(stdout) => {
                    *stdout = None;
                    merge.decide(Stop::ReaderGone);
                    lead.order_all(&Order::ReaderGone);
                }
                () = lead.work() => {}
            }
        }
        drop(sessions);
        self.lead.all_ended();
        self.finish(&mut outcomes, signals).await
    }

    /// The rest of the output, with the summary as its last record.
    async fn finish(mut self, outcomes: &mut Vec<Outcome>, signals: Option<Signals>) -> Outcome {
        let patience = matches!(self.merge.stop, Some(Stop::OutputFailed(..)))
            || outcomes.iter().any(|outcome| outcome.is_signal() || outcome.reason == EndReason::MaxTime);
        let give_up = patience.then(|| Instant::now() + LAST_DRAIN);
        // If a signal already ended the sessions, wait for a new one.
        let seen = outcomes.iter().any(Outcome::is_signal);
        let mut signals = if seen { Signals::listen().ok() } else { signals };
        let mut lost = false;
        tokio::select! {
            () = last_words(&mut self.merge, &self.lead, outcomes, self.asked) => {}
            outcome = if_any(signals.as_mut().map(Signals::next)) => {
                outcomes.push(outcome);
                lost = true;
            }
            () = stdout::reader_gone(&self.stdout) => {
                self.merge.decide(Stop::ReaderGone);
            }
            () = until(give_up) => lost = true,
        }
        self.tell_loss(lost, outcomes.iter().any(Outcome::is_signal));
        let Merge { stop, totals, .. } = &self.merge;
        backlog::dropped(totals.dropped).iter().for_each(|text| self.report.warning(text));
        let mut outcome = self.lead.verdict(outcomes, stop.as_ref(), self.asked, totals);
        if outcome.reason == EndReason::OutputFailed {
            outcome.details.extend(backlog::missing(self.merge.unwritten()));
        }
        // The sessions have said what they had to say, and their words are not in it.
        if outcome.text.is_some() {
            outcome.report(&self.report);
        }
        self.lead.close(&outcome, stop.is_some());
        outcome
    }

    /// Says what could not be written. The exit status tells of a signal alone.
    fn tell_loss(&mut self, lost: bool, by_signal: bool) {
        if let Some(Stop::OutputFailed(text, _) | Stop::RecordingFailed(text, _)) = &self.merge.stop
            && by_signal
        {
            self.report.warning(text);
        }
        if lost {
            let text = "output was not read in time: the remaining output is lost";
            if by_signal {
                self.report.warning(text);
            }
            self.merge.stop.get_or_insert(Stop::OutputFailed(text.to_owned(), None));
        }
    }
}

/// The account of sessions together, from the account of each.
pub fn total<'s>(accounts: impl Iterator<Item = &'s Summary>, outcome: &Outcome, totals: &Totals) -> Summary {
    let mut all = Summary {
        reason: outcome.reason,
        exit: outcome.exit.code(),
        lines: totals.lines,
        dropped: totals.dropped,
        filter_errors: totals.filter_errors,
        ..Summary::default()
    };
    accounts.for_each(|one| all.add(one));
    all
}

async fn last_words<L: Lead>(merge: &mut Merge, lead: &L, outcomes: &[Outcome], asked: Asked) {
    merge.settle().await;
    let outcome = lead.verdict(outcomes, merge.stop.as_ref(), asked, &merge.totals);
    let summary = lead.summary(&outcome, &merge.totals);
    let last = Event { at: clock::now(), conn: merge.last_conn(), kind: Kind::Summary(Box::new(summary)) };
    merge.close(vec![last]).await;
    while merge.progress().await {}
}
