//! Faults of the messages of one connection: what is said goes in, what goes out comes out when it is due. Told
//! the time, and without I/O.

use std::collections::VecDeque;
use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use super::shape::Shape;
use super::{Act, ConnFaults, FaultKind, Lag, Manner, When, frames};
use crate::limits;
use crate::message::Message;
use crate::provider::{Cut, Say};

/// How long a message that is to come after the next waits for one.
const REORDER: Duration = Duration::from_secs(1);

/// Messages that may be on their way before no more events are made.
const ROOM: usize = 4096;

/// Places that are kept when nothing is on its way.
const IDLE: usize = 32;

#[derive(Debug)]
pub(in crate::mock) struct Course {
    entry: ConnFaults,
    rng: Rng,
    plan: FaultPlan,
    /// What is on its way, with the time at which it is due, in order of that.
    queue: VecDeque<(Instant, Say)>,
    bytes: usize,
    /// What is said from now on is not due before this.
    not_before: Option<Instant>,
    /// A message that will come after the next one, or at this time.
    held: Option<(Instant, Message)>,
    last: Option<Message>,
    messages: u64,
    /// No more messages, for good.
    silent: bool,
    /// The end is on its way: nothing comes after it.
    ending: bool,
}

/// The faults of a connection, sorted by where they matter.
#[derive(Debug, Default)]
struct FaultPlan {
    latency: Vec<Lag>,
    duplicate: f64,
    reorder: f64,
    fragment: Option<usize>,
    no_heartbeat: bool,
    shape: Shape,
    counted: Vec<(u64, Act)>,
    timed: Vec<(Instant, Act)>,
    by_chance: Vec<(f64, Act)>,
}

impl FaultPlan {
    fn new(entry: &ConnFaults, now: Instant) -> Self {
        let mut plan = Self::default();
        for kind in entry.kinds() {
            match kind {
                FaultKind::Door(..) => {}
                FaultKind::Manner(manner) => plan.add_manner(manner),
                FaultKind::Act(act, When::After(count)) => plan.counted.push((*count, act.clone())),
                FaultKind::Act(act, When::At(time)) => {
                    plan.timed.push((now + entry.scaled(*time), act.clone()));
                }
                FaultKind::Act(act, When::Chance(chance)) => plan.by_chance.push((*chance, act.clone())),
            }
        }
        plan
    }

    /// True if a later fault needs the last message (truncate, broken).
    fn is_eventful(&self) -> bool {
        !(self.counted.is_empty() && self.timed.is_empty() && self.by_chance.is_empty())
    }

    fn add_manner(&mut self, manner: &Manner) {
        match manner {
            Manner::Latency(lag) => self.latency.push(*lag),
            Manner::Bandwidth(rate) => self.shape.bandwidth = Some(*rate),
            Manner::NoPong => self.shape.no_pong = true,
            Manner::NoHeartbeat => self.no_heartbeat = true,
            Manner::Fragment(size) => self.fragment = Some(*size),
            Manner::Duplicate(chance) => self.duplicate = *chance,
            Manner::Reorder(chance) => self.reorder = *chance,
        }
    }
}

impl Course {
    /// The course of a connection that has just been upgraded.
    pub(in crate::mock) fn new(entry: ConnFaults, now: Instant) -> Self {
        let mut course = Self {
            rng: Rng::with_seed(entry.seed),
            plan: FaultPlan::new(&entry, now),
            entry,
            queue: VecDeque::new(),
            bytes: 0,
            not_before: None,
            held: None,
            last: None,
            messages: 0,
            silent: false,
            ending: false,
        };
        course.count_off(now);
        course
    }

    /// Waits until the faults of the server are exchanged.
    pub(in crate::mock) async fn exchanged(&mut self) {
        if self.entry.updates.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }

    /// Goes on with the faults that the server has now; messages and time count from now.
    pub(in crate::mock) fn restart(&mut self, now: Instant) {
        self.entry.update();
        self.plan = FaultPlan::new(&self.entry, now);
        self.messages = 0;
        self.silent = false;
        self.count_off(now);
    }

    /// What happens to the bytes.
    pub(in crate::mock) fn shape(&self) -> Shape {
        self.plan.shape
    }

    /// Are heartbeats and pings kept back?
    pub(in crate::mock) fn withholds_heartbeat(&self) -> bool {
        self.plan.no_heartbeat
    }

    /// Does nothing happen to messages, so that they may pass without being looked at?
    pub(in crate::mock) fn is_plain(&self) -> bool {
        self.passes_batches() && self.not_before.is_none()
    }

    /// True if no fault counts or changes single messages.
    pub(in crate::mock) fn passes_batches(&self) -> bool {
        let FaultPlan { latency, duplicate, reorder, fragment, .. } = &self.plan;
        let changes = !latency.is_empty() || *duplicate > 0.0 || *reorder > 0.0 || fragment.is_some();
        !(changes || self.plan.is_eventful() || self.silent || self.held.is_some())
    }

    /// Lets no more messages out, for this long or for good.
    pub(in crate::mock) fn stall(&mut self, time: Option<Duration>, now: Instant) {
        self.happen(&Act::Stall(time), now);
    }

    /// Is there room for more, or is enough on its way?
    pub(in crate::mock) fn has_room(&self) -> bool {
        self.queue.len() < ROOM && self.bytes < limits::MOCK_ANSWERS
    }

    /// Bytes that are on their way.
    pub(in crate::mock) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Is the end on its way?
    pub(in crate::mock) fn ending(&self) -> bool {
        self.ending
    }

    /// Will no message come through any more, until the faults are exchanged? Nothing need be made up then; to make
    /// it as fast as nobody takes it would leave no time to listen.
    pub(in crate::mock) fn silent(&self) -> bool {
        self.silent
    }

    /// Takes what is said.
    pub(in crate::mock) fn take(&mut self, say: Say, now: Instant) {
        match say {
            Say::Message(message) => self.take_message(message, now),
            other => {
                self.release(now);
                self.enqueue(other, now);
            }
        }
    }

    /// What is due, if anything is.
    pub(in crate::mock) fn next(&mut self, now: Instant) -> Option<Say> {
        while let Some(at) = self.plan.timed.iter().position(|(due, _)| *due <= now) {
            let (_, act) = self.plan.timed.swap_remove(at);
            self.happen_now(&act, now);
        }
        if self.held.as_ref().is_some_and(|(due, _)| *due <= now) {
            self.release(now);
        }
        let (_, say) = self.queue.pop_front_if(|(due, _)| *due <= now)?;
        self.bytes -= size(&say);
        if self.queue.is_empty() && self.queue.capacity() > IDLE {
            // Thousands of clients that are idle must not keep the memory of their busiest moment.
            self.queue.shrink_to(IDLE);
        }
        Some(say)
    }

    /// When to look again; `None` if there is nothing to wait for.
    pub(in crate::mock) fn next_at(&self) -> Option<Instant> {
        let timed = self.plan.timed.iter().map(|(due, _)| *due);
        let held = self.held.iter().map(|(due, _)| *due);
        timed.chain(held).chain(self.queue.front().map(|(due, _)| *due)).min()
    }

    fn take_message(&mut self, message: Message, now: Instant) {
        if self.silent || self.ending {
            return;
        }
        if self.held.is_none() && self.chance(self.plan.reorder) {
            self.held = Some((now + self.entry.scaled(REORDER), message));
            return;
        }
        self.give(&message, now);
        self.release(now);
    }

    fn release(&mut self, now: Instant) {
        if let Some((_, message)) = self.held.take() {
            self.give(&message, now);
        }
    }

    fn give(&mut self, message: &Message, now: Instant) {
        let copies = if self.chance(self.plan.duplicate) { 2 } else { 1 };
        for _ in 0..copies {
            let say = match self.plan.fragment {
                Some(size) => Say::Raw(frames::fragments(message, size).into()),
                None => Say::Message(message.clone()),
            };
            self.enqueue(say, now);
            self.messages += 1;
            // Kept only for what may need it: it can hold on to a whole read buffer.
            self.last = self.plan.is_eventful().then(|| message.clone());
            self.count_off(now);
            self.try_luck(now);
        }
    }

    /// Lets happen what was to happen after this many messages.
    fn count_off(&mut self, now: Instant) {
        let messages = self.messages;
        let due: Vec<Act> =
            self.plan.counted.extract_if(.., |(count, _)| *count <= messages).map(|(_, act)| act).collect();
        for act in due {
            self.happen(&act, now);
        }
    }

    fn try_luck(&mut self, now: Instant) {
        for at in 0..self.plan.by_chance.len() {
            let (chance, act) = self.plan.by_chance[at].clone();
            if self.chance(chance) {
                self.happen(&act, now);
            }
        }
    }

    /// What the clock brings does not wait for what is on its way; if it is the end, that is lost.
    fn happen_now(&mut self, act: &Act, now: Instant) {
        if !matches!(act, Act::Stall(_) | Act::Frame(_) | Act::Bomb(_)) && !self.ending {
            self.queue.clear();
            self.bytes = 0;
            self.held = None;
            self.not_before = None;
        }
        self.happen(act, now);
    }

    /// An act takes its place after what was said before it.
    fn happen(&mut self, act: &Act, now: Instant) {
        let last = self.last.clone();
        match act {
            Act::Stall(None) => self.silent = true,
            Act::Stall(Some(time)) => {
                let from = self.not_before.map_or(now, |due| due.max(now));
                self.not_before = Some(from + self.entry.scaled(*time));
            }
            Act::Close(code, reason) => self.enqueue(Say::Close { code: *code, reason: reason.clone() }, now),
            Act::CloseNoHandshake(code, reason) => {
                self.enqueue(Say::Raw(frames::close_bytes(*code, reason).into()), now);
                self.enqueue(Say::Cut(Cut::Fin), now);
            }
            Act::Drop => self.enqueue(Say::Cut(Cut::Fin), now),
            Act::Reset => self.enqueue(Say::Cut(Cut::Reset), now),
            Act::HalfOpen => self.enqueue(Say::Cut(Cut::Silence), now),
            Act::Truncate => {
                self.enqueue(Say::Raw(frames::truncated(last.as_ref()).into()), now);
                self.enqueue(Say::Cut(Cut::Fin), now);
            }
            Act::Bomb(bytes) => self.enqueue(Say::Raw(frames::bomb(*bytes).into()), now),
            Act::Frame(kind) => self.enqueue(Say::Raw(frames::broken(*kind, last.as_ref()).into()), now),
        }
    }

    /// Lets something go out, late if there is latency, and never before what was said earlier.
    fn enqueue(&mut self, say: Say, now: Instant) {
        if self.ending {
            return;
        }
        self.ending = say.ends();
        let mut due = now;
        for at in 0..self.plan.latency.len() {
            let lag = self.plan.latency[at].draw(&mut self.rng);
            due += self.entry.scaled(lag);
        }
        let due = self.not_before.map_or(due, |earliest| due.max(earliest));
        self.not_before = Some(due);
        self.bytes += size(&say);
        self.queue.push_back((due, say));
    }

    fn chance(&mut self, chance: f64) -> bool {
        chance > 0.0 && self.rng.f64() < chance
    }
}

/// Bytes that it takes while it is on its way. Empty messages are not free.
fn size(say: &Say) -> usize {
    say.cost() + size_of::<Instant>()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::mock::faults::{Faults, Switch};
    use crate::provider::Settings;

    #[test]
    fn what_is_late_counts_with_all_that_it_takes() {
        let now = Instant::now();
        let faults = Faults::parse(&["latency=1h".to_owned()]).unwrap();
        let entry = Switch::new(Vec::new(), &Settings::default()).enter(Some(Arc::new(faults)));
        let mut course = Course::new(entry, now);
        for _ in 0..1000 {
            course.take(Message::text("").into(), now);
        }
        assert!(course.bytes() >= 1000 * size_of::<(Instant, Say)>(), "{} bytes", course.bytes());
        assert!(course.next(now).is_none());
        while course.next(now + Duration::from_secs(3600)).is_some() {}
        assert_eq!(course.bytes(), 0);
    }
}
