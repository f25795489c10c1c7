//! Watching campaigns: sessions side by side, what they tell in one place, and what comes of it.

use std::cell::RefCell;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::time::Instant;

use crate::clock;
use crate::event::{EndReason, Event, Kind};
use crate::exit::Exit;
use crate::pipeline::merge::Merge;
use crate::pipeline::{Stop, backlog, stdout};
use crate::report::Report;
use crate::session::policy::{Asked, Outcome};
use crate::session::{self, Controller, News, Order, Setup};
use crate::signals::Signals;

pub mod draw;
pub mod keys;
pub mod link;
pub mod model;
pub mod plan;
pub mod row;
pub mod screen;
pub mod verdict;
pub mod view;

use keys::Key;
use model::Model;
use verdict::{link_decided, verdict};
use view::{View, Wish};

/// How long output may take to be written after a signal or `--max-time` asked for the end.
const LAST_DRAIN: Duration = Duration::from_secs(1);

/// A model that its links share.
pub type Shared = Rc<RefCell<Model>>;

/// Controls the session of a link: it takes the model's orders, and the model looks at its events.
pub struct LinkController {
    model: Shared,
    link: usize,
    orders: UnboundedReceiver<Order>,
    signals: Signals,
}

impl LinkController {
    /// The controller of this link.
    #[must_use]
    pub fn new(model: &Shared, link: usize, signals: Signals) -> Self {
        let (send, orders) = unbounded_channel();
        model.borrow_mut().hold(link, send);
        Self { model: Rc::clone(model), link, orders, signals }
    }
}

impl Controller for LinkController {
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
            self.model.borrow_mut().look(self.link, events, Instant::now());
        }
    }
}

/// A recording in the place of a link: time passes as it did then, or else there would be no rate.
pub struct RecordedLink {
    model: Shared,
    first: Option<(Timestamp, Instant)>,
}

impl RecordedLink {
    /// A recording whose events this model looks at.
    #[must_use]
    pub fn new(model: &Shared) -> Self {
        Self { model: Rc::clone(model), first: None }
    }

    /// Looks at events, and changes them to what the pipeline is to have.
    pub fn look(&mut self, events: &mut Vec<Event>) {
        let mut shown = Vec::with_capacity(events.len());
        for event in events.drain(..) {
            let now = self.moment(event.at);
            let mut of_one = vec![event];
            self.model.borrow_mut().look(0, &mut of_one, now);
            shown.append(&mut of_one);
        }
        *events = shown;
    }

    /// When that would be, had the recording begun when this did. Before its beginning there is nothing.
    fn moment(&mut self, at: Timestamp) -> Instant {
        let (first, start) = *self.first.get_or_insert_with(|| (at, Instant::now()));
        let after = Duration::try_from(at.duration_since(first)).unwrap_or_default();
        start.checked_add(after).unwrap_or(start)
    }
}

/// What a watch is made of.
pub struct Watch {
    /// What is watched.
    pub model: Shared,
    /// Where all events meet.
    pub merge: Merge,
    /// What was asked of the output.
    pub asked: Asked,
    /// The reader of standard output, if it may go away.
    pub stdout: Option<stdout::Watch>,
    /// The drawing, where there is one.
    pub view: Option<View>,
    /// Where notices go.
    pub report: Report,
}

impl Watch {
    /// Runs the sessions, one a link, to the end of all of them.
    pub async fn run(mut self, setups: Vec<Setup>) -> Outcome {
        let mut outcomes: Vec<Outcome> =
            setups.iter().map(|_| Outcome::new(EndReason::Closed, Exit::Ok)).collect();
        let sessions = setups.into_iter().enumerate();
        let mut sessions: FuturesUnordered<_> =
            sessions.map(|(number, setup)| async move { (number, session::run(setup).await) }).collect();
        let changed = Rc::clone(&self.model.borrow().changed);
        // Listen from the start, so that a signal during the final drain is not lost.
        let signals = Signals::listen().ok();
        loop {
            let drawn_at = self.view.as_ref().map(View::deadline);
            let deadline = [self.model.borrow().deadline(), drawn_at].into_iter().flatten().min();
            tokio::select! {
                ended = sessions.next() => match ended {
                    Some((number, outcome)) => {
                        self.ended(number, &outcome);
                        outcomes[number] = outcome;
                    }
                    None => break,
                },
                () = self.merge.run() => {}
                () = stdout::reader_gone(&self.stdout), if self.stdout.is_some() => {
                    self.stdout = None;
                    self.merge.decide(Stop::ReaderGone);
                    self.model.borrow().order_all(&Order::ReaderGone);
                }
                // There may be a deadline now where there was none.
                () = changed.notified() => self.view.iter_mut().for_each(View::note),
                wish = next_wish(&mut self.view), if self.view.is_some() => self.wished(wish),
                () = until(deadline), if deadline.is_some() => self.tick(Instant::now()),
            }
        }
        drop(sessions);
        if let Some(view) = self.view.take() {
            view.finish(&self.model.borrow(), Instant::now());
        }
        self.finish(&mut outcomes, signals).await
    }

    fn tick(&mut self, now: Instant) {
        self.model.borrow_mut().tick(now);
        if let Some(view) = &mut self.view {
            view.tick(&self.model.borrow(), now);
        }
    }

    fn wished(&mut self, wish: Wish) {
        let model = self.model.borrow();
        match wish {
            Wish::Key(Key::Quit) => model.order_all(&Order::End(Outcome::interrupted())),
            Wish::Key(Key::Refresh) => model.refresh(),
            Wish::Key(Key::Help) => self.view.iter().for_each(View::help),
            Wish::Suspend => self.view.iter_mut().for_each(|view| {
                view.suspend();
                view.draw(&model, Instant::now());
            }),
            Wish::Resume => self.view.iter_mut().for_each(View::resume),
            Wish::Resized => self.view.iter_mut().for_each(|view| view.draw(&model, Instant::now())),
        }
    }

    /// A link has come to its end. What all of them are told, or nobody cares about any more, is not said for each, and
    /// no failure of the link.
    fn ended(&self, number: usize, outcome: &Outcome) {
        let mut model = self.model.borrow_mut();
        let decided = self.merge.stop.as_ref().is_some_and(|stop| *stop != Stop::CountAtEnd);
        let by_itself = !decided && !outcome.is_signal();
        let failed = Some(outcome.exit).filter(|_| by_itself && link_decided(&model, number, outcome));
        model.ended(number, failed);
        if failed.is_some() {
            let name = model.link_name(number).unwrap_or_default();
            outcome.report(&self.report.prefixed(&name));
        }
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
            () = last_words(&mut self.merge, &self.model, outcomes, self.asked) => {}
            outcome = next_signal(&mut signals) => {
                outcomes.push(outcome);
                lost = true;
            }
            () = stdout::reader_gone(&self.stdout), if self.stdout.is_some() => {
                self.merge.decide(Stop::ReaderGone);
            }
            () = until(give_up), if give_up.is_some() => lost = true,
        }
        // The exit status tells of the signal alone.
        let by_signal = outcomes.iter().any(Outcome::is_signal);
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
        let model = self.model.borrow();
        let Merge { stop, totals, .. } = &self.merge;
        backlog::dropped(totals.dropped).iter().for_each(|text| self.report.warning(text));
        let mut outcome = verdict(&model, outcomes, stop.as_ref(), self.asked, totals);
        if outcome.reason == EndReason::OutputFailed {
            outcome.details.extend(backlog::missing(self.merge.unwritten()));
        }
        // The links have said what they had to say, and their words are not in it.
        if outcome.text.is_some() {
            outcome.report(&self.report);
        }
        if stop.is_none() && outcome.exit == Exit::Assertion {
            model.tell_unfinished();
        }
        outcome
    }
}

async fn last_words(merge: &mut Merge, model: &Shared, outcomes: &[Outcome], asked: Asked) {
    merge.settle().await;
    let last = {
        let model = model.borrow();
        let outcome = verdict(&model, outcomes, merge.stop.as_ref(), asked, &merge.totals);
        let summary = model.summary(&outcome, &merge.totals);
        Event { at: clock::now(), conn: model.last_conn(), kind: Kind::Summary(Box::new(summary)) }
    };
    merge.close(vec![last]).await;
    while merge.progress().await {}
}

async fn next_wish(view: &mut Option<View>) -> Wish {
    match view {
        Some(view) => view.wish().await,
        None => std::future::pending().await,
    }
}

async fn next_signal(signals: &mut Option<Signals>) -> Outcome {
    match signals {
        Some(signals) => signals.next().await,
        None => std::future::pending().await,
    }
}

async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline).await,
        None => std::future::pending().await,
    }
}
