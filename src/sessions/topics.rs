//! Leads the sessions of a subscription whose topics one connection does not take.

use std::cell::RefCell;
use std::future::pending;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep_until};

use super::{Lead, MemberController, total};
use crate::event::{Direction, EndReason, Event, Kind, Role, Summary};
use crate::exit::Exit;
use crate::pipeline::{Stop, Totals};
use crate::report::Report;
use crate::session::Order;
use crate::session::policy::{Asked, Outcome};
use crate::signals::Signals;

/// Sessions that have a part of the topics each. The end of one is the end of all.
pub struct TopicSessions {
    members: Vec<TopicMember>,
    seen: Rc<RefCell<SeenEvents>>,
    idle_timeout: Option<Duration>,
    /// How the first session ended.
    first: Option<Outcome>,
    report: Report,
}

struct TopicMember {
    /// Prefix of notices.
    name: String,
    orders: UnboundedSender<Order>,
}

/// What is known from the events of all sessions.
#[derive(Default)]
struct SeenEvents {
    accounts: Vec<Summary>,
    /// When one of them last had something to say, once there was a connection.
    heard: Option<Instant>,
}

impl TopicSessions {
    /// Sessions that end once none has received a message for this time.
    #[must_use]
    pub fn new(idle_timeout: Option<Duration>, report: Report) -> Self {
        Self { members: Vec::new(), seen: Rc::default(), idle_timeout, first: None, report }
    }

    /// The controller of another session, and where it reports to.
    pub fn member(&mut self, name: String, signals: Signals) -> (MemberController, Report) {
        let seen = Rc::clone(&self.seen);
        let look = move |events: &mut Vec<Event>| seen.borrow_mut().look(events, Instant::now());
        let (controller, orders) = MemberController::new(signals, Box::new(look));
        let report = self.report.prefixed(&name);
        self.members.push(TopicMember { name, orders });
        (controller, report)
    }
}

impl SeenEvents {
    /// Takes out the account of a session: there is to be one of all.
    fn look(&mut self, events: &mut Vec<Event>, now: Instant) {
        events.retain_mut(|event| match &mut event.kind {
            Kind::Summary(account) => {
                self.accounts.push(std::mem::take(&mut **account));
                false
            }
            Kind::Open(_) => {
                self.heard.get_or_insert(now);
                true
            }
            Kind::Message { dir: Direction::In, role, .. } => {
                if *role != Role::Bookkeeping {
                    self.heard = Some(now);
                }
                true
            }
            Kind::Subscribed { .. } | Kind::Unreadable(_) => {
                self.heard = Some(now);
                true
            }
            _ => true,
        });
    }
}

impl Lead for TopicSessions {
    async fn work(&mut self) {
        let Some(idle) = self.idle_timeout else { return pending().await };
        loop {
            let heard = self.seen.borrow().heard.unwrap_or_else(Instant::now);
            sleep_until(heard + idle).await;
            if self.seen.borrow().heard.is_some_and(|heard| heard + idle <= Instant::now()) {
                self.order_all(&Order::End(Outcome::new(EndReason::IdleTimeout, Exit::Ok)));
                return pending().await;
            }
        }
    }

    fn order_all(&self, order: &Order) {
        for member in &self.members {
            // A session that has ended takes no orders.
            let _ = member.orders.send(order.clone());
        }
    }

    fn ended(&mut self, number: usize, outcome: &Outcome, by_itself: bool) {
        if self.first.is_some() {
            return;
        }
        self.first = Some(outcome.clone());
        if by_itself {
            outcome.report(&self.report.prefixed(&self.members[number].name));
            self.order_all(&Order::End(Outcome::new(outcome.reason, Exit::Ok)));
        }
    }

    fn verdict(&self, outcomes: &[Outcome], stop: Option<&Stop>, asked: Asked, totals: &Totals) -> Outcome {
        if let Some(signal) = outcomes.iter().find(|outcome| outcome.is_signal()) {
            return signal.clone();
        }
        let first = self.first.as_ref().map_or((EndReason::Closed, Exit::Ok), |end| (end.reason, end.exit));
        // A count that the record of a failure completed makes no success of it.
        let end = match stop.filter(|stop| **stop != Stop::CountAtEnd || first.1 == Exit::Ok) {
            Some(stop) => Outcome::from_stop(stop),
            None => Outcome::new(first.0, first.1),
        };
        end.settled(asked, totals)
    }

    fn summary(&self, outcome: &Outcome, totals: &Totals) -> Summary {
        total(self.seen.borrow().accounts.iter(), outcome, totals)
    }
}
