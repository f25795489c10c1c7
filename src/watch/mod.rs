//! Watching campaigns: sessions side by side, what they tell in one place, and what comes of it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use tokio::time::Instant;

use crate::clock;
use crate::event::{Event, Kind};
use crate::exit::Exit;
use crate::pipeline::junction::Junction;
use crate::pipeline::{Stop, backlog, sink};
use crate::report::Report;
use crate::session::policy::{Asked, Outcome};
use crate::session::{self, Order, Setup, Tap};
use crate::signals::Signals;

pub mod board;
pub mod draw;
pub mod keys;
pub mod link;
pub mod plan;
pub mod row;
pub mod screen;
pub mod verdict;
pub mod view;

use board::Board;
use keys::Key;
use verdict::{link_decided, verdict};
use view::{View, Wish};

/// How long output may take to be written after a signal or `--max-time` asked for the end.
const LAST_DRAIN: Duration = Duration::from_secs(1);

/// A board that its links share.
pub type Shared = Rc<RefCell<Board>>;

/// One link's way to the board.
pub struct LinkTap {
    board: Shared,
    link: usize,
}

impl LinkTap {
    /// The tap of this link.
    #[must_use]
    pub fn new(board: &Shared, link: usize) -> Self {
        Self { board: Rc::clone(board), link }
    }
}

impl Tap for LinkTap {
    fn look(&mut self, events: &mut Vec<Event>) {
        self.board.borrow_mut().look(self.link, events, Instant::now());
    }
}

/// A recording's way to the board: time passes as it did then, or else there would be no rate.
pub struct RecordedTap {
    board: Shared,
    first: Option<(Timestamp, Instant)>,
}

impl RecordedTap {
    /// The tap of a recording.
    #[must_use]
    pub fn new(board: &Shared) -> Self {
        Self { board: Rc::clone(board), first: None }
    }

    /// When that would be, had the recording begun when this did. Before its beginning there is nothing.
    fn moment(&mut self, at: Timestamp) -> Instant {
        let (first, start) = *self.first.get_or_insert_with(|| (at, Instant::now()));
        let after = Duration::try_from(at.duration_since(first)).unwrap_or_default();
        start.checked_add(after).unwrap_or(start)
    }
}

impl Tap for RecordedTap {
    fn look(&mut self, events: &mut Vec<Event>) {
        let mut shown = Vec::with_capacity(events.len());
        for event in events.drain(..) {
            let now = self.moment(event.at);
            let mut of_one = vec![event];
            self.board.borrow_mut().look(0, &mut of_one, now);
            shown.append(&mut of_one);
        }
        *events = shown;
    }
}

/// What a watch is made of.
pub struct Watch {
    /// What is watched.
    pub board: Shared,
    /// Where all events meet.
    pub junction: Junction,
    /// What was asked of the output.
    pub asked: Asked,
    /// The reader of standard output, if it may go away.
    pub stdout: Option<sink::Watch>,
    /// The drawing, where there is one.
    pub view: Option<View>,
    /// Where notices go.
    pub report: Report,
}

impl Watch {
    /// Runs the sessions, one a link, to the end of all of them.
    pub async fn run(mut self, setups: Vec<Setup>) -> Outcome {
        let mut outcomes: Vec<Outcome> = setups.iter().map(|_| Outcome::new("closed", Exit::Ok)).collect();
        let sessions = setups.into_iter().enumerate();
        let mut sessions: FuturesUnordered<_> =
            sessions.map(|(number, setup)| async move { (number, session::run(setup).await) }).collect();
        let changed = Rc::clone(&self.board.borrow().changed);
        // From the beginning, or one that comes between the end of the sessions and that of the output would be lost.
        let signals = Signals::listen().ok();
        loop {
            let drawn_at = self.view.as_ref().map(View::deadline);
            let deadline = [self.board.borrow().deadline(), drawn_at].into_iter().flatten().min();
            tokio::select! {
                ended = sessions.next() => match ended {
                    Some((number, outcome)) => {
                        self.ended(number, &outcome);
                        outcomes[number] = outcome;
                    }
                    None => break,
                },
                () = self.junction.run() => {}
                () = sink::reader_gone(&self.stdout), if self.stdout.is_some() => {
                    self.stdout = None;
                    self.junction.decide(Stop::ReaderGone);
                    self.board.borrow().order_all(&Order::ReaderGone);
                }
                // There may be a deadline now where there was none.
                () = changed.notified() => self.view.iter_mut().for_each(View::note),
                wish = next_wish(&mut self.view), if self.view.is_some() => self.wished(wish),
                () = until(deadline), if deadline.is_some() => self.tick(Instant::now()),
            }
        }
        drop(sessions);
        if let Some(view) = self.view.take() {
            view.finish(&self.board.borrow(), Instant::now());
        }
        self.finish(&mut outcomes, signals).await
    }

    fn tick(&mut self, now: Instant) {
        self.board.borrow_mut().tick(now);
        if let Some(view) = &mut self.view {
            view.tick(&self.board.borrow(), now);
        }
    }

    fn wished(&mut self, wish: Wish) {
        let board = self.board.borrow();
        match wish {
            Wish::Key(Key::Quit) => {
                board.order_all(&Order::End(Outcome::new("interrupted", Exit::Interrupted)));
            }
            Wish::Key(Key::Refresh) => board.refresh(),
            Wish::Suspend => self.view.iter_mut().for_each(|view| {
                view.suspend();
                view.draw(&board, Instant::now());
            }),
            Wish::Resume => self.view.iter_mut().for_each(View::resume),
            Wish::Resized => self.view.iter_mut().for_each(|view| view.draw(&board, Instant::now())),
        }
    }

    /// A link has come to its end. What all of them are told, or nobody cares about any more, is not said for each, and
    /// no failure of the link.
    fn ended(&self, number: usize, outcome: &Outcome) {
        let mut board = self.board.borrow_mut();
        let decided = self.junction.stop.as_ref().is_some_and(|stop| *stop != Stop::CountAtEnd);
        let by_itself = !decided && !outcome.is_signal();
        let failed = Some(outcome.exit).filter(|_| by_itself && link_decided(&board, number, outcome));
        board.ended(number, failed);
        if failed.is_some() {
            let name = board.link_name(number).unwrap_or_default();
            crate::commands::tell(&self.report.prefixed(&name), outcome.clone());
        }
    }

    /// The rest of the output, with the summary as its last record.
    async fn finish(mut self, outcomes: &mut Vec<Outcome>, signals: Option<Signals>) -> Outcome {
        let patience = outcomes.iter().any(|outcome| outcome.is_signal() || outcome.reason == "max_time");
        let give_up = patience.then(|| Instant::now() + LAST_DRAIN);
        // One that has ended the sessions is not meant.
        let seen = outcomes.iter().any(Outcome::is_signal);
        let mut signals = if seen { Signals::listen().ok() } else { signals };
        let mut lost = false;
        tokio::select! {
            () = last_words(&mut self.junction, &self.board, outcomes, self.asked) => {}
            outcome = next_signal(&mut signals) => {
                outcomes.push(outcome);
                lost = true;
            }
            () = sink::reader_gone(&self.stdout), if self.stdout.is_some() => {
                self.junction.decide(Stop::ReaderGone);
            }
            () = until(give_up), if give_up.is_some() => lost = true,
        }
        // The exit status tells of the signal alone.
        let by_signal = outcomes.iter().any(Outcome::is_signal);
        if let Some(Stop::OutputFailed(text, _) | Stop::RecordingFailed(text, _)) = &self.junction.stop
            && by_signal
        {
            self.report.warning(text);
        }
        if lost {
            let text = "output was not finished in time, and what was left of it is lost";
            if by_signal {
                self.report.warning(text);
            }
            self.junction.stop.get_or_insert(Stop::OutputFailed(text.to_owned(), None));
        }
        let board = self.board.borrow();
        let Junction { stop, totals, .. } = &self.junction;
        backlog::dropped(totals.dropped).iter().for_each(|text| self.report.warning(text));
        let mut outcome = verdict(&board, outcomes, stop.as_ref(), self.asked, totals);
        if outcome.reason == "output_failed" {
            outcome.details.extend(backlog::missing(self.junction.unwritten()));
        }
        // The links have said what they had to say, and their words are not in it.
        if outcome.text.is_some() {
            crate::commands::tell(&self.report, outcome.clone());
        }
        if stop.is_none() && outcome.exit == Exit::Assertion {
            board.tell_unfinished();
        }
        outcome
    }
}

async fn last_words(junction: &mut Junction, board: &Shared, outcomes: &[Outcome], asked: Asked) {
    junction.settle().await;
    let last = {
        let board = board.borrow();
        let outcome = verdict(&board, outcomes, junction.stop.as_ref(), asked, &junction.totals);
        let summary = board.summary(&outcome, &junction.totals);
        Event { at: clock::now(), conn: board.last_conn(), kind: Kind::Summary(Box::new(summary)) }
    };
    junction.close(vec![last]).await;
    while junction.progress().await {}
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
