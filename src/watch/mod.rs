//! Watching campaigns: sessions side by side, what they tell in one place, and what comes of it.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::event::{Event, Summary};
use crate::exit::Exit;
use crate::pipeline::{Stop, Totals};
use crate::report::Report;
use crate::session::Order;
use crate::session::policy::{Asked, Outcome};
use crate::sessions::{Lead, MemberController, total};
use crate::signals::Signals;
use crate::waiting::{if_any, until};

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

/// A model that its links share.
pub type Shared = Rc<RefCell<Model>>;

/// The controller of a link's session: it takes the model's orders, and the model looks at its events.
#[must_use]
pub fn link_controller(model: &Shared, link: usize, signals: Signals) -> MemberController {
    let seen = Rc::clone(model);
    let look = move |events: &mut Vec<Event>| seen.borrow_mut().look(link, events, Instant::now());
    let (controller, orders) = MemberController::new(signals, Box::new(look));
    model.borrow_mut().hold(link, orders);
    controller
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

/// Leads the sessions of a watch.
pub struct Watch {
    /// What is watched.
    pub model: Shared,
    /// The drawing, where there is one.
    pub view: Option<View>,
    /// Where notices go.
    pub report: Report,
}

impl Watch {
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
}

impl Lead for Watch {
    async fn work(&mut self) {
        let changed = Rc::clone(&self.model.borrow().changed);
        loop {
            let drawn_at = self.view.as_ref().map(View::deadline);
            let deadline = [self.model.borrow().deadline(), drawn_at].into_iter().flatten().min();
            tokio::select! {
                // There may be a deadline now where there was none.
                () = changed.notified() => self.view.iter_mut().for_each(View::note),
                wish = if_any(self.view.as_mut().map(View::wish)) => self.wished(wish),
                () = until(deadline) => self.tick(Instant::now()),
            }
        }
    }

    fn order_all(&self, order: &Order) {
        self.model.borrow().order_all(order);
    }

    /// What all links are told, or nobody cares about any more, is not said for each, and no failure of the link.
    fn ended(&mut self, number: usize, outcome: &Outcome, by_itself: bool) {
        let mut model = self.model.borrow_mut();
        let failed = Some(outcome.exit).filter(|_| by_itself && link_decided(&model, number, outcome));
        model.ended(number, failed);
        if failed.is_some() {
            let name = model.link_name(number).unwrap_or_default();
            outcome.report(&self.report.prefixed(&name));
        }
    }

    fn all_ended(&mut self) {
        if let Some(view) = self.view.take() {
            view.finish(&self.model.borrow(), Instant::now());
        }
    }

    fn verdict(&self, outcomes: &[Outcome], stop: Option<&Stop>, asked: Asked, totals: &Totals) -> Outcome {
        verdict(&self.model.borrow(), outcomes, stop, asked, totals)
    }

    fn summary(&self, outcome: &Outcome, totals: &Totals) -> Summary {
        total(self.model.borrow().accounts(), outcome, totals)
    }

    fn close(&self, outcome: &Outcome, stopped: bool) {
        if !stopped && outcome.exit == Exit::Assertion {
            self.model.borrow().tell_unfinished();
        }
    }
}
