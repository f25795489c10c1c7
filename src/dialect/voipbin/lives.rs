//! What happens in the mock's world, and the events that tell of it: the lives of calls, queues, conferences, recordings,
//! messages and agents.
//!
//! Payloads and value formats are those of the documents (Structures, "Event Type Reference"). For the events
//! that are named there without an example — `call.ended`, `call.assigned`, `message.sent`, `queue.left`,
//! `conference.ended`, `recording.started`, `transcription.completed` — the fields follow their siblings': a
//! guess, marked "guess" below.

use std::collections::VecDeque;
use std::sync::Arc;

use fastrand::Rng;

use super::topic::ResourceKind;
use super::world::{Id, Room, SECOND, ScopeWorld, Task, timestamp, uuid};
use crate::dialect::made::JsonObject;

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

/// A call and what is still to happen to it, in order.
pub(super) struct Call {
    id: Id,
    flow: Id,
    template: Id,
    status: &'static str,
    queue: usize,
    joined_at: i64,
    agent: Option<usize>,
    recording: Id,
    recorded_at: i64,
    script: VecDeque<CallStep>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum CallStep {
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

/// Calls.
impl ScopeWorld {
    pub(super) fn new_call(&mut self) {
        let call = Box::new(Call {
            id: self.id(ResourceKind::Call),
            flow: self.id(ResourceKind::Activeflow),
            template: uuid(&mut self.rng),
            status: "ringing",
            queue: self.rng.usize(0..self.queues.len()),
            joined_at: 0,
            agent: None,
            recording: self.id(ResourceKind::Recording),
            recorded_at: 0,
            script: self.script(),
        });
        // The documents show only `inbound`; `outbound` is its evident opposite.
        let direction = if self.rng.u8(0..4) == 0 { "outbound" } else { "inbound" };
        let (source, destination) = (tel(&mut self.rng), tel(&mut self.rng));
        self.emit(ResourceKind::Call, &call.id, "call.created", |world, data| {
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
    fn script(&mut self) -> VecDeque<CallStep> {
        let one_in = |rng: &mut Rng, n: u8| rng.u8(0..n) == 0;
        let answered = !one_in(&mut self.rng, 10);
        let [recorded, queued, conference] = [2, 2, 3].map(|n| one_in(&mut self.rng, n));
        // A resource that is looked at has a part in every call.
        let recorded =
            recorded || self.pinned(ResourceKind::Recording) || self.pinned(ResourceKind::Transcription);
        let queued = queued || self.pinned(ResourceKind::Queue) || self.pinned(ResourceKind::Agent);
        let conference = conference || self.pinned(ResourceKind::Conference);
        let mut script = VecDeque::new();
        let mut add = |when: bool, steps: &[CallStep]| {
            if answered && when {
                script.extend(steps);
            }
        };
        add(true, &[CallStep::Answered, CallStep::Flow(0), CallStep::Flow(1)]);
        add(recorded, &[CallStep::RecordingStarted]);
        add(
            queued,
            &[CallStep::Flow(2), CallStep::QueueJoined, CallStep::QueueConnected, CallStep::QueueLeft],
        );
        add(conference, &[CallStep::Flow(3), CallStep::ConferenceJoined, CallStep::ConferenceLeft]);
        add(recorded, &[CallStep::RecordingCompleted]);
        add(true, &[CallStep::FlowCompleted]);
        script.extend([CallStep::Hangup, CallStep::Ended]);
        if answered && recorded {
            script.push_back(CallStep::Transcribed);
        }
        script
    }

    pub(super) fn call_goes_on(&mut self, mut call: Box<Call>) {
        let Some(step) = call.script.front().copied() else {
            // Only where one resource is looked at: the next call begins when the last one is over.
            if self.view.pin.is_some() {
                self.after(1, 5, Task::NewCall);
            }
            return;
        };
        let nobody_free = || !self.agents.iter().any(|agent| agent.status == "available");
        if step == CallStep::QueueConnected && nobody_free() {
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
            CallStep::Hangup => (0, 1),
            CallStep::QueueConnected | CallStep::ConferenceJoined => (10, 60),
            _ => (1, 6),
        };
        self.after(least, most, Task::Call(call));
    }

    fn play(&mut self, call: &mut Call, step: CallStep) {
        match step {
            CallStep::Answered => self.call_status(call, "answered"),
            CallStep::Hangup => self.call_status(call, "hangup"),
            CallStep::Ended => self.call_ended(call),
            CallStep::Flow(action) => self.flow_updated(call, action),
            CallStep::FlowCompleted => self.flow_completed(call),
            CallStep::QueueJoined => self.queue_joined(call),
            CallStep::QueueConnected => self.queue_connected(call),
            CallStep::QueueLeft => self.queue_left(call),
            CallStep::ConferenceJoined => self.conference_joined(call),
            CallStep::ConferenceLeft => self.conference_left(call),
            CallStep::RecordingStarted => self.recording_started(call),
            CallStep::RecordingCompleted => self.recording_completed(call),
            CallStep::Transcribed => self.transcribed(call),
        }
    }

    fn call_status(&mut self, call: &mut Call, status: &'static str) {
        let previous = std::mem::replace(&mut call.status, status);
        self.emit(ResourceKind::Call, &call.id, "call.status", |world, data| {
            data.text("id", &call.id)
                .text("status", status)
                .text("previous_status", previous)
                .text("tm_update", &timestamp(world.now))
        });
    }

    /// Guess.
    fn call_ended(&mut self, call: &Call) {
        self.emit(ResourceKind::Call, &call.id, "call.ended", |world, data| {
            data.text("id", &call.id)
                .text("customer_id", &world.customer)
                .text("status", call.status)
                .text("tm_end", &timestamp(world.now))
        });
    }

    fn flow_updated(&mut self, call: &Call, action: usize) {
        let (kind, name) = ACTIONS[action];
        let action_id = uuid(&mut self.rng);
        self.emit(ResourceKind::Activeflow, &call.flow, "activeflow.updated", |world, data| {
            let action = JsonObject::default().text("id", &action_id).text("type", kind).text("name", name);
            data.text("id", &call.flow)
                .text("flow_id", &call.template)
                .text("status", "executing")
                .object("current_action", action)
                .text("tm_update", &timestamp(world.now))
        });
    }

    fn flow_completed(&mut self, call: &Call) {
        self.emit(ResourceKind::Activeflow, &call.flow, "activeflow.completed", |world, data| {
            data.text("id", &call.flow)
                .text("flow_id", &call.template)
                .text("status", "completed")
                .text("result", "success")
                .text("tm_end", &timestamp(world.now))
        });
    }
}

/// Queues, conferences and recordings.
impl ScopeWorld {
    fn queue_joined(&mut self, call: &mut Call) {
        call.joined_at = self.now;
        let queue = &mut self.queues[call.queue];
        queue.waiting += 1;
        let (id, position) = (Arc::clone(&queue.id), queue.waiting);
        self.emit(ResourceKind::Queue, &id, "queue.joined", |world, data| {
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
        self.emit(ResourceKind::Call, &call.id, "call.assigned", |world, data| {
            data.text("id", &call.id)
                .text("customer_id", &world.customer)
                .text("agent_id", &agent)
                .text("status", call.status)
                .text("tm_update", &timestamp(world.now))
        });
        self.emit(ResourceKind::Queue, &id, "queue.connected", |world, data| {
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
        self.emit(ResourceKind::Queue, &id, "queue.left", |world, data| {
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
        let fresh = self.id(ResourceKind::Conference);
        let room = self.room.get_or_insert(Room { id: fresh, participants: 0 });
        room.participants += 1;
        let (id, count) = (Arc::clone(&room.id), room.participants);
        self.emit(ResourceKind::Conference, &id, "conference.joined", |world, data| {
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
        self.emit(ResourceKind::Conference, &id, "conference.left", |world, data| {
            data.text("conference_id", &id)
                .text("call_id", &call.id)
                .number("participant_count", count.into())
                .text("reason", "hangup")
                .text("tm_leave", &timestamp(world.now))
        });
        if count == 0 {
            self.room = None;
            // Guess.
            self.emit(ResourceKind::Conference, &id, "conference.ended", |world, data| {
                data.text("conference_id", &id)
                    .number("participant_count", 0)
                    .text("tm_end", &timestamp(world.now))
            });
        }
    }

    /// Guess: `recording.completed`'s fields that are known by then.
    fn recording_started(&mut self, call: &mut Call) {
        call.recorded_at = self.now;
        self.emit(ResourceKind::Recording, &call.recording, "recording.started", |world, data| {
            data.text("id", &call.recording)
                .text("call_id", &call.id)
                .text("format", "wav")
                .text("tm_start", &timestamp(world.now))
        });
    }

    fn recording_completed(&mut self, call: &Call) {
        let duration = (self.now - call.recorded_at) / SECOND;
        self.emit(ResourceKind::Recording, &call.recording, "recording.completed", |world, data| {
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
        let id = self.id(ResourceKind::Transcription);
        let text = TEXTS[self.rng.usize(0..TEXTS.len())];
        self.emit(ResourceKind::Transcription, &id, "transcription.completed", |world, data| {
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
impl ScopeWorld {
    pub(super) fn new_message(&mut self) {
        let id = self.id(ResourceKind::Message);
        let (source, destination) = (tel(&mut self.rng), tel(&mut self.rng));
        let text = TEXTS[self.rng.usize(0..TEXTS.len())];
        let inbound = self.rng.bool();
        // Guess: the documents give `message.sent` no example, so it has the fields of `message.received`.
        let (name, direction) =
            if inbound { ("message.received", "inbound") } else { ("message.sent", "outbound") };
        self.emit(ResourceKind::Message, &id, name, |world, data| {
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

    pub(super) fn delivered(&mut self, id: &Id) {
        self.emit(ResourceKind::Message, id, "message.delivery", |world, data| {
            data.text("id", id).text("status", "delivered").text("tm_update", &timestamp(world.now))
        });
        self.after(2, 15, Task::NewMessage);
    }

    pub(super) fn agent_moves(&mut self) {
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
        self.emit(ResourceKind::Agent, &id, "agent.status", |world, data| {
            data.text("agent_id", &id)
                .text("status", status)
                .text("previous_status", previous)
                .text("tm_update", &timestamp(world.now))
        });
    }
}

fn party(number: &str) -> JsonObject {
    JsonObject::default().text("type", "tel").text("target", number)
}

fn tel(rng: &mut Rng) -> String {
    format!("+1555{:07}", rng.u32(0..10_000_000))
}
