//! The mock's world: a small contact centre whose calls, queues, conferences, recordings, messages and agents
//! run by a clock of their own. It is a pure function of its seed, so that the same seed gives the same bytes
//! however fast they are asked for, and a subscription is only a filter on it: what `call:*` delivers does not
//! change because `message:*` is subscribed to as well.
//!
//! Payloads and value formats are those of the documents (Structures, "Event Type Reference"). For the events
//! that are named there without an example — `call.ended`, `call.assigned`, `message.sent`, `queue.left`,
//! `conference.ended`, `recording.started`, `transcription.completed` — the fields follow their siblings': a
//! guess, marked "guess" below.

use std::collections::VecDeque;
use std::sync::Arc;

use fastrand::Rng;

use super::topic::Kind;
use super::turns::EventSource;
use crate::dialect::made::{self, Object};
use crate::text;

/// The instant at which every world begins: 2024-01-15T10:30:00Z, the documents' own example.
pub(super) const EPOCH: i64 = 1_705_314_600_000_000;

const SECOND: i64 = 1_000_000;

/// How long a caller waits in a queue. Without an end to that, a busy agent's queue would grow for ever.
const WAIT: i64 = 120 * SECOND;

const TEXTS: [&str; 5] = [
    "Hello, I need help with my order",
    "What are your hours?",
    "STOP",
    "Thanks for reaching out! Our team will respond soon.",
    "Schöne Grüße ☎",
];

const ACTIONS: [(&str, &str); 4] = [
    ("answer", "answer_call"),
    ("play", "welcome_message"),
    ("queue_join", "sales_queue"),
    ("conference_join", "support_room"),
];

pub(super) type Id = Arc<str>;

/// About the bytes that an id takes.
const ID: usize = 64;

/// An event, still in its parts.
pub(super) struct Event {
    /// When it happened, in microseconds since 1970.
    pub(super) at: i64,
    pub(super) kind: Kind,
    /// The resource that it happened to.
    pub(super) id: Id,
    /// Its `event_type`.
    pub(super) name: &'static str,
    /// Its `data`, as JSON.
    pub(super) data: String,
}

/// The scope of a world and what of it somebody wants to see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct View {
    pub(super) scope: &'static str,
    pub(super) scope_id: String,
    /// The one resource that is looked at; without it, everything of the wanted kinds.
    pub(super) pin: Option<(Kind, String)>,
}

/// One scope's world, or the part of it around one resource.
pub(super) struct World {
    view: View,
    wanted: Vec<Kind>,
    rng: Rng,
    now: i64,
    customer: Id,
    agents: Vec<Agent>,
    queues: Vec<Queue>,
    room: Option<Room>,
    pending: Vec<(i64, u64, Task)>,
    scheduled: u64,
    ready: VecDeque<Event>,
}

struct Agent {
    id: Id,
    status: &'static str,
}

struct Queue {
    id: Id,
    waiting: u32,
}

struct Room {
    id: Id,
    participants: u32,
}

enum Task {
    NewCall,
    NewMessage,
    Delivered(Id),
    AgentMoves,
    Call(Box<Call>),
}

/// A call and what is still to happen to it, in order.
struct Call {
    id: Id,
    flow: Id,
    template: Id,
    status: &'static str,
    queue: usize,
    joined_at: i64,
    agent: Option<usize>,
    recording: Id,
    recorded_at: i64,
    script: VecDeque<Step>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Answered,
    Flow(usize),
    RecordingStarted,
    QueueJoined,
    QueueConnected,
    QueueLeft,
    ConferenceJoined,
    ConferenceLeft,
    RecordingCompleted,
    FlowCompleted,
    Hangup,
    Ended,
    Transcribed,
}

impl World {
    /// A world of this seed, whose clock begins at `now`.
    pub(super) fn new(seed: u64, view: View, now: i64) -> Self {
        let mut rng = Rng::with_seed(mix(seed, &view));
        let customer = match view.scope {
            "customer_id" => Id::from(view.scope_id.as_str()),
            _ => uuid(&mut rng),
        };
        let mut world = Self {
            wanted: Vec::new(),
            now,
            customer,
            agents: Vec::new(),
            queues: Vec::new(),
            room: None,
            pending: Vec::new(),
            scheduled: 0,
            ready: VecDeque::new(),
            rng,
            view,
        };
        world.populate();
        world
    }

    /// Sets which kinds of resources are delivered.
    pub(super) fn want(&mut self, kinds: Vec<Kind>) {
        self.ready.retain(|event| kinds.contains(&event.kind));
        self.wanted = kinds;
    }

    /// The next event that is wanted, as the text of its message.
    pub(super) fn next(&mut self) -> Option<String> {
        let event = self.next_event()?;
        let topic = format!("{}:{}:{}:{}", self.view.scope, self.view.scope_id, event.kind.name(), event.id);
        let text = Object::default().text("event_type", event.name).text("timestamp", &timestamp(event.at));
        Some(text.text("topic", &topic).raw("data", &event.data).end())
    }

    /// The next event that is wanted.
    pub(super) fn next_event(&mut self) -> Option<Event> {
        self.next_at()?;
        self.ready.pop_front()
    }

    /// The customer whose world it is; an agent's is made up.
    pub(super) fn customer(&self) -> &Id {
        &self.customer
    }

    fn populate(&mut self) {
        // In an agent's own scope there is no other agent to be seen.
        let agents = match (self.view.scope, &self.view.pin) {
            (_, Some((Kind::Agent, id))) => vec![Id::from(id.as_str())],
            ("agent_id", _) => vec![Id::from(self.view.scope_id.as_str())],
            _ => (0..3).map(|_| uuid(&mut self.rng)).collect(),
        };
        self.agents = agents.into_iter().map(|id| Agent { id, status: "available" }).collect();
        let queues = if self.pinned(Kind::Queue) { 1 } else { 2 };
        self.queues = (0..queues).map(|_| Queue { id: self.id(Kind::Queue), waiting: 0 }).collect();
        self.after(0, 0, Task::NewCall);
        self.after(1, 3, Task::NewMessage);
        self.after(20, 60, Task::AgentMoves);
    }

    /// Lets the next thing happen.
    fn step(&mut self) {
        let next = self.pending.iter().enumerate().min_by_key(|(_, (at, order, _))| (*at, *order));
        let Some(index) = next.map(|(index, _)| index) else { return };
        let (at, _, task) = self.pending.swap_remove(index);
        self.now = at;
        match task {
            Task::NewCall => self.new_call(),
            Task::NewMessage => self.new_message(),
            Task::Delivered(id) => self.delivered(&id),
            Task::AgentMoves => self.agent_moves(),
            Task::Call(call) => self.call_goes_on(call),
        }
    }

    /// Schedules a task between `least` and `most` seconds from now, at a whole millisecond.
    fn after(&mut self, least: i64, most: i64, task: Task) {
        let wait = self.rng.i64(least * 1000..=most * 1000) * (SECOND / 1000);
        self.scheduled += 1;
        self.pending.push((self.now + wait, self.scheduled, task));
    }

    fn pinned(&self, kind: Kind) -> bool {
        self.view.pin.as_ref().is_some_and(|(pinned, _)| *pinned == kind)
    }

    /// A new resource's id: the one that is looked at, if it is of this kind. Where one resource is looked at
    /// there is one call at a time, so that it never leads two lives at once.
    fn id(&mut self, kind: Kind) -> Id {
        let fresh = uuid(&mut self.rng);
        match &self.view.pin {
            Some((pinned, id)) if *pinned == kind => Id::from(id.as_str()),
            _ => fresh,
        }
    }

    /// Delivers an event if somebody wants it. Chance must be asked before, never in `fill`: what happens may
    /// not depend on who is looking.
    fn emit(&mut self, kind: Kind, id: &Id, name: &'static str, fill: impl FnOnce(&Self, Object) -> Object) {
        let in_view = self.view.pin.as_ref().is_none_or(|(pinned, it)| *pinned == kind && **it == **id);
        if in_view && self.wanted.contains(&kind) {
            let data = fill(self, Object::default()).end();
            let event = Event { at: self.now, kind, id: Arc::clone(id), name, data };
            self.ready.push_back(event);
        }
    }
}

impl EventSource for World {
    /// When the next event that is wanted happens. Everything before it that nobody wants has then happened.
    fn next_at(&mut self) -> Option<i64> {
        // Every kind of event comes again within a few calls, so the bound is never met; it only makes sure
        // that a mistake above could not hang a server.
        for _ in 0..100_000 {
            if let Some(event) = self.ready.front() {
                return Some(event.at);
            }
            self.step();
        }
        None
    }

    fn cost(&self) -> usize {
        let pinned = self.view.pin.as_ref().map_or(0, |(_, id)| 2 * id.len());
        let people = (self.agents.len() + self.queues.len()) * (size_of::<Agent>() + ID);
        let tasks = self.pending.capacity() * size_of::<(i64, u64, Task)>();
        let calls = self.pending.len() * (size_of::<Call>() + 4 * ID);
        let ready = self.ready.capacity() * size_of::<Event>();
        let data: usize = self.ready.iter().map(|event| event.data.len()).sum();
        size_of::<Self>() + 2 * self.view.scope_id.len() + pinned + people + tasks + calls + ready + data
    }
}

/// Calls.
impl World {
    fn new_call(&mut self) {
        let call = Box::new(Call {
            id: self.id(Kind::Call),
            flow: self.id(Kind::Activeflow),
            template: uuid(&mut self.rng),
            status: "ringing",
            queue: self.rng.usize(0..self.queues.len()),
            joined_at: 0,
            agent: None,
            recording: self.id(Kind::Recording),
            recorded_at: 0,
            script: self.script(),
        });
        // The documents show only `inbound`; `outbound` is its evident opposite.
        let direction = if self.rng.u8(0..4) == 0 { "outbound" } else { "inbound" };
        let (source, destination) = (tel(&mut self.rng), tel(&mut self.rng));
        self.emit(Kind::Call, &call.id, "call.created", |world, data| {
            data.text("id", &call.id)
                .text("customer_id", &world.customer)
                .text("direction", direction)
                .object("source", party(&source))
                .object("destination", party(&destination))
                .text("status", "ringing")
                .text("tm_create", &timestamp(world.now))
        });
        self.after(2, 8, Task::Call(call));
        if self.view.pin.is_none() {
            self.after(5, 25, Task::NewCall);
        }
    }

    /// What is going to happen to a call. One in ten is never answered.
    fn script(&mut self) -> VecDeque<Step> {
        let one_in = |rng: &mut Rng, n: u8| rng.u8(0..n) == 0;
        let answered = !one_in(&mut self.rng, 10);
        let [recorded, queued, conference] = [2, 2, 3].map(|n| one_in(&mut self.rng, n));
        // A resource that is looked at has a part in every call.
        let recorded = recorded || self.pinned(Kind::Recording) || self.pinned(Kind::Transcription);
        let queued = queued || self.pinned(Kind::Queue) || self.pinned(Kind::Agent);
        let conference = conference || self.pinned(Kind::Conference);
        let mut script = VecDeque::new();
        let mut add = |when: bool, steps: &[Step]| {
            if answered && when {
                script.extend(steps);
            }
        };
        add(true, &[Step::Answered, Step::Flow(0), Step::Flow(1)]);
        add(recorded, &[Step::RecordingStarted]);
        add(queued, &[Step::Flow(2), Step::QueueJoined, Step::QueueConnected, Step::QueueLeft]);
        add(conference, &[Step::Flow(3), Step::ConferenceJoined, Step::ConferenceLeft]);
        add(recorded, &[Step::RecordingCompleted]);
        add(true, &[Step::FlowCompleted]);
        script.extend([Step::Hangup, Step::Ended]);
        if answered && recorded {
            script.push_back(Step::Transcribed);
        }
        script
    }

    fn call_goes_on(&mut self, mut call: Box<Call>) {
        let Some(step) = call.script.front().copied() else {
            // Only where one resource is looked at: the next call begins when the last one is over.
            if self.view.pin.is_some() {
                self.after(1, 5, Task::NewCall);
            }
            return;
        };
        let nobody_free = || !self.agents.iter().any(|agent| agent.status == "available");
        if step == Step::QueueConnected && nobody_free() {
            if self.now - call.joined_at >= WAIT {
                // The next step is to leave, and without an agent that is to give up.
                call.script.pop_front();
            }
            self.after(3, 6, Task::Call(call));
            return;
        }
        call.script.pop_front();
        self.play(&mut call, step);
        let (least, most) = match step {
            Step::Hangup => (0, 1),
            Step::QueueConnected | Step::ConferenceJoined => (10, 60),
            _ => (1, 6),
        };
        self.after(least, most, Task::Call(call));
    }

    fn play(&mut self, call: &mut Call, step: Step) {
        match step {
            Step::Answered => self.call_status(call, "answered"),
            Step::Hangup => self.call_status(call, "hangup"),
            Step::Ended => self.call_ended(call),
            Step::Flow(action) => self.flow_updated(call, action),
            Step::FlowCompleted => self.flow_completed(call),
            Step::QueueJoined => self.queue_joined(call),
            Step::QueueConnected => self.queue_connected(call),
            Step::QueueLeft => self.queue_left(call),
            Step::ConferenceJoined => self.conference_joined(call),
            Step::ConferenceLeft => self.conference_left(call),
            Step::RecordingStarted => self.recording_started(call),
            Step::RecordingCompleted => self.recording_completed(call),
            Step::Transcribed => self.transcribed(call),
        }
    }

    fn call_status(&mut self, call: &mut Call, status: &'static str) {
        let previous = std::mem::replace(&mut call.status, status);
        self.emit(Kind::Call, &call.id, "call.status", |world, data| {
            data.text("id", &call.id)
                .text("status", status)
                .text("previous_status", previous)
                .text("tm_update", &timestamp(world.now))
        });
    }

    /// Guess.
    fn call_ended(&mut self, call: &Call) {
        self.emit(Kind::Call, &call.id, "call.ended", |world, data| {
            data.text("id", &call.id)
                .text("customer_id", &world.customer)
                .text("status", call.status)
                .text("tm_end", &timestamp(world.now))
        });
    }

    fn flow_updated(&mut self, call: &Call, action: usize) {
        let (kind, name) = ACTIONS[action];
        let action_id = uuid(&mut self.rng);
        self.emit(Kind::Activeflow, &call.flow, "activeflow.updated", |world, data| {
            let action = Object::default().text("id", &action_id).text("type", kind).text("name", name);
            data.text("id", &call.flow)
                .text("flow_id", &call.template)
                .text("status", "executing")
                .object("current_action", action)
                .text("tm_update", &timestamp(world.now))
        });
    }

    fn flow_completed(&mut self, call: &Call) {
        self.emit(Kind::Activeflow, &call.flow, "activeflow.completed", |world, data| {
            data.text("id", &call.flow)
                .text("flow_id", &call.template)
                .text("status", "completed")
                .text("result", "success")
                .text("tm_end", &timestamp(world.now))
        });
    }
}

/// Queues, conferences and recordings.
impl World {
    fn queue_joined(&mut self, call: &mut Call) {
        call.joined_at = self.now;
        let queue = &mut self.queues[call.queue];
        queue.waiting += 1;
        let (id, position) = (Arc::clone(&queue.id), queue.waiting);
        self.emit(Kind::Queue, &id, "queue.joined", |world, data| {
            data.text("queue_id", &id)
                .text("call_id", &call.id)
                .number("position", position.into())
                .number("estimated_wait", i64::from(position) * 40)
                .text("tm_join", &timestamp(world.now))
        });
    }

    fn queue_connected(&mut self, call: &mut Call) {
        let Some(free) = self.agents.iter().position(|agent| agent.status == "available") else { return };
        call.agent = Some(free);
        let agent = Arc::clone(&self.agents[free].id);
        let queue = &mut self.queues[call.queue];
        queue.waiting = queue.waiting.saturating_sub(1);
        let id = Arc::clone(&queue.id);
        // Guess: only scenario 2 of the Overview names this event, on an agent's desktop.
        self.emit(Kind::Call, &call.id, "call.assigned", |world, data| {
            data.text("id", &call.id)
                .text("customer_id", &world.customer)
                .text("agent_id", &agent)
                .text("status", call.status)
                .text("tm_update", &timestamp(world.now))
        });
        self.emit(Kind::Queue, &id, "queue.connected", |world, data| {
            data.text("queue_id", &id)
                .text("call_id", &call.id)
                .text("agent_id", &agent)
                .number("wait_time", (world.now - call.joined_at) / SECOND)
                .text("tm_connect", &timestamp(world.now))
        });
        self.agent_becomes(free, "busy");
    }

    /// Guess: `queue.joined`'s fields, and `reason` as in `conference.left`.
    fn queue_left(&mut self, call: &mut Call) {
        let agent = call.agent.take();
        let queue = &mut self.queues[call.queue];
        if agent.is_none() {
            queue.waiting = queue.waiting.saturating_sub(1);
        }
        let id = Arc::clone(&queue.id);
        let reason = if agent.is_some() { "serviced" } else { "abandoned" };
        self.emit(Kind::Queue, &id, "queue.left", |world, data| {
            data.text("queue_id", &id)
                .text("call_id", &call.id)
                .text("reason", reason)
                .text("tm_leave", &timestamp(world.now))
        });
        if let Some(agent) = agent {
            self.agent_becomes(agent, "available");
        }
    }

    fn conference_joined(&mut self, call: &Call) {
        let fresh = self.id(Kind::Conference);
        let room = self.room.get_or_insert(Room { id: fresh, participants: 0 });
        room.participants += 1;
        let (id, count) = (Arc::clone(&room.id), room.participants);
        self.emit(Kind::Conference, &id, "conference.joined", |world, data| {
            data.text("conference_id", &id)
                .text("call_id", &call.id)
                .number("participant_count", count.into())
                .text("tm_join", &timestamp(world.now))
        });
    }

    fn conference_left(&mut self, call: &Call) {
        let Some(room) = &mut self.room else { return };
        room.participants -= 1;
        let (id, count) = (Arc::clone(&room.id), room.participants);
        self.emit(Kind::Conference, &id, "conference.left", |world, data| {
            data.text("conference_id", &id)
                .text("call_id", &call.id)
                .number("participant_count", count.into())
                .text("reason", "hangup")
                .text("tm_leave", &timestamp(world.now))
        });
        if count == 0 {
            self.room = None;
            // Guess.
            self.emit(Kind::Conference, &id, "conference.ended", |world, data| {
                data.text("conference_id", &id)
                    .number("participant_count", 0)
                    .text("tm_end", &timestamp(world.now))
            });
        }
    }

    /// Guess: `recording.completed`'s fields that are known by then.
    fn recording_started(&mut self, call: &mut Call) {
        call.recorded_at = self.now;
        self.emit(Kind::Recording, &call.recording, "recording.started", |world, data| {
            data.text("id", &call.recording)
                .text("call_id", &call.id)
                .text("format", "wav")
                .text("tm_start", &timestamp(world.now))
        });
    }

    fn recording_completed(&mut self, call: &Call) {
        let duration = (self.now - call.recorded_at) / SECOND;
        self.emit(Kind::Recording, &call.recording, "recording.completed", |world, data| {
            let url = format!("https://storage.voipbin.net/recordings/{}.wav", call.recording);
            data.text("id", &call.recording)
                .text("call_id", &call.id)
                .number("duration", duration)
                .text("format", "wav")
                // 8,000 bytes a second, as in the documents: 300 s are 2,400,000 bytes.
                .number("size", duration * 8000)
                .text("reference_url", &url)
                .text("tm_complete", &timestamp(world.now))
        });
    }

    /// Guess, after `recording.completed`.
    fn transcribed(&mut self, call: &Call) {
        let id = self.id(Kind::Transcription);
        let text = TEXTS[self.rng.usize(0..TEXTS.len())];
        self.emit(Kind::Transcription, &id, "transcription.completed", |world, data| {
            data.text("id", &id)
                .text("call_id", &call.id)
                .text("recording_id", &call.recording)
                .text("language", "en-US")
                .text("text", text)
                .text("tm_complete", &timestamp(world.now))
        });
    }
}

/// Messages and agents.
impl World {
    fn new_message(&mut self) {
        let id = self.id(Kind::Message);
        let (source, destination) = (tel(&mut self.rng), tel(&mut self.rng));
        let text = TEXTS[self.rng.usize(0..TEXTS.len())];
        let inbound = self.rng.bool();
        // Guess: the documents give `message.sent` no example, so it has the fields of `message.received`.
        let (name, direction) =
            if inbound { ("message.received", "inbound") } else { ("message.sent", "outbound") };
        self.emit(Kind::Message, &id, name, |world, data| {
            data.text("id", &id)
                .text("customer_id", &world.customer)
                .text("direction", direction)
                .object("source", party(&source))
                .object("destination", party(&destination))
                .text("text", text)
                .text("tm_create", &timestamp(world.now))
        });
        if inbound {
            self.after(2, 15, Task::NewMessage);
        } else {
            self.after(1, 3, Task::Delivered(id));
        }
    }

    fn delivered(&mut self, id: &Id) {
        self.emit(Kind::Message, id, "message.delivery", |world, data| {
            data.text("id", id).text("status", "delivered").text("tm_update", &timestamp(world.now))
        });
        self.after(2, 15, Task::NewMessage);
    }

    fn agent_moves(&mut self) {
        let index = self.rng.usize(0..self.agents.len());
        match self.agents[index].status {
            "available" => self.agent_becomes(index, "away"),
            "away" => self.agent_becomes(index, "available"),
            _ => {}
        }
        self.after(20, 60, Task::AgentMoves);
    }

    /// `available` and `busy` are the documents' words; `away` is the service's.
    fn agent_becomes(&mut self, index: usize, status: &'static str) {
        let agent = &mut self.agents[index];
        let previous = std::mem::replace(&mut agent.status, status);
        let id = Arc::clone(&agent.id);
        self.emit(Kind::Agent, &id, "agent.status", |world, data| {
            data.text("agent_id", &id)
                .text("status", status)
                .text("previous_status", previous)
                .text("tm_update", &timestamp(world.now))
        });
    }
}

/// `2024-01-15T10:30:00.000000Z`: UTC with six digits of a second, as in every example.
pub(super) fn timestamp(at: i64) -> String {
    crate::clock::at_microsecond(at).strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

fn party(number: &str) -> Object {
    Object::default().text("type", "tel").text("target", number)
}

fn uuid(rng: &mut Rng) -> Id {
    Id::from(text::uuid(rng))
}

fn tel(rng: &mut Rng) -> String {
    format!("+1555{:07}", rng.u32(0..10_000_000))
}

/// Mixes the view into the seed, so that two scopes do not live the same lives.
fn mix(seed: u64, view: &View) -> u64 {
    let pin = view.pin.as_ref().map_or_else(String::new, |(kind, id)| format!("{}:{id}", kind.name()));
    made::mix(seed, &format!("{}:{}:{pin}", view.scope, view.scope_id))
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use serde_json::Value;

    use super::*;

    const CUSTOMER: &str = "12345678-1234-1234-1234-123456789012";

    fn world(seed: u64, scope: &'static str, pin: Option<(Kind, &str)>, kinds: &[Kind]) -> World {
        let pin = pin.map(|(kind, id)| (kind, id.to_owned()));
        let mut world = World::new(seed, View { scope, scope_id: CUSTOMER.into(), pin }, EPOCH);
        world.want(kinds.to_vec());
        world
    }

    fn texts(world: &mut World, count: usize) -> Vec<String> {
        (0..count).map(|_| world.next().unwrap()).collect()
    }

    fn events(world: &mut World, count: usize) -> Vec<Value> {
        texts(world, count).iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_others() {
        let run = |seed| texts(&mut world(seed, "customer_id", None, &Kind::ALL), 500);
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn a_filter_changes_nothing_but_what_is_seen() {
        let all = events(&mut world(1, "customer_id", None, &Kind::ALL), 800);
        let calls = events(&mut world(1, "customer_id", None, &[Kind::Call]), 100);
        let seen: Vec<Value> = all
            .into_iter()
            .filter(|event| event["event_type"].as_str().unwrap().starts_with("call."))
            .take(100)
            .collect();
        assert_eq!(seen, calls);
    }

    #[test]
    fn the_first_event_is_spelled_as_in_the_documents() {
        let first = world(1, "customer_id", None, &[Kind::Call]).next().unwrap();
        let pattern = format!(
            r#"{{"event_type":"call.created","timestamp":"2024-01-15T10:30:00.000000Z","topic":"customer_id:{CUSTOMER}:call:"#
        );
        assert!(first.starts_with(&pattern), "{first}");
        let event: Value = serde_json::from_str(&first).unwrap();
        assert_eq!(event["data"]["tm_create"], event["timestamp"]);
        assert_eq!(event["data"]["source"]["type"], "tel");
        assert!(event["topic"].as_str().unwrap().ends_with(event["data"]["id"].as_str().unwrap()));
    }

    #[test]
    fn every_event_of_the_catalogue_occurs_with_its_fields() {
        let catalogue: &[(&str, &[&str])] = &[
            (
                "call.created",
                &["id", "customer_id", "direction", "source", "destination", "status", "tm_create"],
            ),
            ("call.status", &["id", "status", "previous_status", "tm_update"]),
            ("call.ended", &["id"]),
            ("call.assigned", &["id", "agent_id"]),
            (
                "message.received",
                &["id", "customer_id", "direction", "source", "destination", "text", "tm_create"],
            ),
            ("message.sent", &["id", "text"]),
            ("message.delivery", &["id", "status", "tm_update"]),
            ("activeflow.updated", &["id", "flow_id", "status", "current_action", "tm_update"]),
            ("activeflow.completed", &["id", "flow_id", "status", "result", "tm_end"]),
            ("queue.joined", &["queue_id", "call_id", "position", "estimated_wait", "tm_join"]),
            ("queue.connected", &["queue_id", "call_id", "agent_id", "wait_time", "tm_connect"]),
            ("queue.left", &["queue_id", "call_id"]),
            ("conference.joined", &["conference_id", "call_id", "participant_count", "tm_join"]),
            ("conference.left", &["conference_id", "call_id", "participant_count", "reason", "tm_leave"]),
            ("conference.ended", &["conference_id"]),
            ("agent.status", &["agent_id", "status", "previous_status", "tm_update"]),
            ("recording.started", &["id", "call_id"]),
            (
                "recording.completed",
                &["id", "call_id", "duration", "format", "size", "reference_url", "tm_complete"],
            ),
            ("transcription.completed", &["id", "call_id"]),
        ];
        let events = events(&mut world(3, "customer_id", None, &Kind::ALL), 3000);
        for (name, fields) in catalogue {
            let event = events.iter().find(|event| event["event_type"] == *name);
            let data = event.unwrap_or_else(|| panic!("no {name}"))["data"].as_object().unwrap();
            for field in *fields {
                assert!(data.contains_key(*field), "{name} has no {field}");
            }
        }
        let known: HashSet<&str> = catalogue.iter().map(|(name, _)| *name).collect();
        assert!(events.iter().all(|event| known.contains(event["event_type"].as_str().unwrap())));
    }

    /// The order in which things happen to a call, and that time never runs backwards.
    #[test]
    fn lives_are_consistent() {
        let events = events(&mut world(5, "customer_id", None, &Kind::ALL), 500);
        let mut calls: HashMap<String, &str> = HashMap::new();
        let mut last = String::new();
        let mut ended = 0;
        for event in &events {
            let at = event["timestamp"].as_str().unwrap();
            assert!(at >= last.as_str());
            at.clone_into(&mut last);
            let data = &event["data"];
            if let Some(call) = data["call_id"].as_str() {
                assert!(calls.contains_key(call), "{event}");
            }
            let id = data["id"].as_str().unwrap_or_default().to_owned();
            match event["event_type"].as_str().unwrap() {
                "call.created" => assert_eq!(calls.insert(id, "ringing"), None),
                "call.status" => {
                    let status = data["status"].as_str().unwrap();
                    let before = calls.insert(id, status);
                    assert_eq!(before, data["previous_status"].as_str());
                    assert!(matches!(
                        (before, status),
                        (Some("ringing"), "answered" | "hangup") | (Some("answered"), "hangup")
                    ));
                }
                "call.ended" => {
                    assert_eq!(calls.insert(id, "ended"), Some("hangup"));
                    ended += 1;
                }
                _ => {}
            }
        }
        assert!(ended > 20, "{ended}");
    }

    #[test]
    fn counts_of_a_conference_add_up_and_messages_are_sent_before_delivered() {
        let events = events(&mut world(5, "customer_id", None, &[Kind::Conference, Kind::Message]), 500);
        let (mut rooms, mut sent) = (HashMap::new(), HashSet::new());
        for event in &events {
            let data = &event["data"];
            let room = data["conference_id"].as_str().unwrap_or_default();
            let count = data["participant_count"].as_i64();
            match event["event_type"].as_str().unwrap() {
                "conference.joined" => {
                    let before = rooms.insert(room, count.unwrap()).unwrap_or(0);
                    assert_eq!(count, Some(before + 1));
                }
                "conference.left" => assert_eq!(rooms.insert(room, count.unwrap()), count.map(|n| n + 1)),
                "conference.ended" => assert_eq!(rooms.get(room), Some(&0)),
                "message.sent" => assert!(sent.insert(data["id"].as_str())),
                "message.delivery" => assert!(sent.contains(&data["id"].as_str())),
                _ => {}
            }
        }
        assert!(!sent.is_empty() && !rooms.is_empty());
    }

    #[test]
    fn a_resource_that_is_looked_at_lives_its_life_again_and_again() {
        for kind in Kind::ALL {
            let events = events(&mut world(2, "customer_id", Some((kind, "x\"y")), &[kind]), 40);
            let topic = format!("customer_id:{CUSTOMER}:{}:x\"y", kind.name());
            assert!(events.iter().all(|event| event["topic"] == topic.as_str()), "{}", kind.name());
        }
        let mut expected = ["call.created", "call.status"].iter();
        let events = events(&mut world(2, "customer_id", Some((Kind::Call, "a")), &[Kind::Call]), 2);
        assert!(events.iter().all(|event| event["event_type"] == *expected.next().unwrap()));
    }

    /// One agent has more calls than it can take; what waits for it must not pile up.
    #[test]
    fn a_long_run_needs_no_more_room_than_a_short_one() {
        for scope in ["customer_id", "agent_id"] {
            let mut world = world(4, scope, None, &Kind::ALL);
            for _ in 0..20_000 {
                world.next().unwrap();
                assert!(world.pending.len() < 40 && world.ready.len() < 10, "{}", world.pending.len());
            }
        }
    }

    #[test]
    fn an_agent_sees_itself() {
        for event in events(&mut world(2, "agent_id", None, &[Kind::Agent, Kind::Queue]), 60) {
            if let Some(agent) = event["data"].get("agent_id") {
                assert_eq!(agent, CUSTOMER);
            }
            assert!(event["topic"].as_str().unwrap().starts_with("agent_id:"));
        }
    }
}
