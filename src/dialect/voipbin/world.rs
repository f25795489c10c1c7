//! The mock's world: a small contact centre whose calls, queues, conferences, recordings, messages and agents
//! run by a clock of their own. It is a pure function of its seed, so that the same seed gives the same bytes
//! however fast they are asked for, and a subscription is only a filter on it: what `call:*` delivers does not
//! change because `message:*` is subscribed to as well.

use std::collections::VecDeque;
use std::sync::Arc;

use fastrand::Rng;

use super::lives::Call;
use super::topic::ResourceKind;
use super::turns::EventSource;
use crate::dialect::made::{self, JsonObject};
use crate::text;

/// The instant at which every world begins: 2024-01-15T10:30:00Z, the documents' own example.
pub(super) const EPOCH: i64 = 1_705_314_600_000_000;

pub(super) const SECOND: i64 = 1_000_000;

pub(super) type Id = Arc<str>;

/// About the bytes that an id takes.
const ID: usize = 64;

/// An event, still in its parts.
pub(super) struct VoipbinEvent {
    /// When it happened, in microseconds since 1970.
    pub(super) at: i64,
    pub(super) kind: ResourceKind,
    /// The resource that it happened to.
    pub(super) id: Id,
    /// Its `event_type`.
    pub(super) name: &'static str,
    /// Its `data`, as JSON.
    pub(super) data: String,
}

/// The scope of a world and what of it somebody wants to see.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct ScopeView {
    pub(super) scope: &'static str,
    pub(super) scope_id: String,
    /// The one resource that is looked at; without it, everything of the wanted kinds.
    pub(super) pin: Option<(ResourceKind, String)>,
}

/// One scope's world, or the part of it around one resource.
pub(super) struct ScopeWorld {
    pub(super) view: ScopeView,
    wanted: Vec<ResourceKind>,
    pub(super) rng: Rng,
    pub(super) now: i64,
    pub(super) customer: Id,
    pub(super) agents: Vec<Agent>,
    pub(super) queues: Vec<Queue>,
    pub(super) room: Option<Room>,
    pending: Vec<(i64, u64, Task)>,
    scheduled: u64,
    ready: VecDeque<VoipbinEvent>,
}

pub(super) struct Agent {
    pub(super) id: Id,
    pub(super) status: &'static str,
}

pub(super) struct Queue {
    pub(super) id: Id,
    pub(super) waiting: u32,
}

pub(super) struct Room {
    pub(super) id: Id,
    pub(super) participants: u32,
}

pub(super) enum Task {
    NewCall,
    NewMessage,
    Delivered(Id),
    AgentMoves,
    Call(Box<Call>),
}

impl ScopeWorld {
    /// A world of this seed, whose clock begins at `now`.
    pub(super) fn new(seed: u64, view: ScopeView, now: i64) -> Self {
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
    pub(super) fn want(&mut self, kinds: Vec<ResourceKind>) {
        self.ready.retain(|event| kinds.contains(&event.kind));
        self.wanted = kinds;
    }

    /// The next event that is wanted, as the text of its message.
    pub(super) fn next(&mut self) -> Option<String> {
        let event = self.next_event()?;
        let topic = format!("{}:{}:{}:{}", self.view.scope, self.view.scope_id, event.kind.name(), event.id);
        let text =
            JsonObject::default().text("event_type", event.name).text("timestamp", &timestamp(event.at));
        Some(text.text("topic", &topic).raw("data", &event.data).end())
    }

    /// The next event that is wanted.
    pub(super) fn next_event(&mut self) -> Option<VoipbinEvent> {
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
            (_, Some((ResourceKind::Agent, id))) => vec![Id::from(id.as_str())],
            ("agent_id", _) => vec![Id::from(self.view.scope_id.as_str())],
            _ => (0..3).map(|_| uuid(&mut self.rng)).collect(),
        };
        self.agents = agents.into_iter().map(|id| Agent { id, status: "available" }).collect();
        let queues = if self.pinned(ResourceKind::Queue) { 1 } else { 2 };
        self.queues = (0..queues).map(|_| Queue { id: self.id(ResourceKind::Queue), waiting: 0 }).collect();
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
    pub(super) fn after(&mut self, least: i64, most: i64, task: Task) {
        let wait = self.rng.i64(least * 1000..=most * 1000) * (SECOND / 1000);
        self.scheduled += 1;
        self.pending.push((self.now + wait, self.scheduled, task));
    }

    pub(super) fn pinned(&self, kind: ResourceKind) -> bool {
        self.view.pin.as_ref().is_some_and(|(pinned, _)| *pinned == kind)
    }

    /// A new resource's id: the one that is looked at, if it is of this kind. Where one resource is looked at
    /// there is one call at a time, so that it never leads two lives at once.
    pub(super) fn id(&mut self, kind: ResourceKind) -> Id {
        let fresh = uuid(&mut self.rng);
        match &self.view.pin {
            Some((pinned, id)) if *pinned == kind => Id::from(id.as_str()),
            _ => fresh,
        }
    }

    /// Delivers an event if somebody wants it. Chance must be asked before, never in `fill`: what happens may
    /// not depend on who is looking.
    pub(super) fn emit(
        &mut self,
        kind: ResourceKind,
        id: &Id,
        name: &'static str,
        fill: impl FnOnce(&Self, JsonObject) -> JsonObject,
    ) {
        let in_view = self.view.pin.as_ref().is_none_or(|(pinned, it)| *pinned == kind && **it == **id);
        if in_view && self.wanted.contains(&kind) {
            let data = fill(self, JsonObject::default()).end();
            let event = VoipbinEvent { at: self.now, kind, id: Arc::clone(id), name, data };
            self.ready.push_back(event);
        }
    }
}

impl EventSource for ScopeWorld {
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
        let ready = self.ready.capacity() * size_of::<VoipbinEvent>();
        let data: usize = self.ready.iter().map(|event| event.data.len()).sum();
        size_of::<Self>() + 2 * self.view.scope_id.len() + pinned + people + tasks + calls + ready + data
    }
}

/// `2024-01-15T10:30:00.000000Z`: UTC with six digits of a second, as in every example.
pub(super) fn timestamp(at: i64) -> String {
    crate::clock::at_microsecond(at).strftime("%Y-%m-%dT%H:%M:%S%.6fZ").to_string()
}

pub(super) fn uuid(rng: &mut Rng) -> Id {
    Id::from(text::uuid(rng))
}

/// Mixes the view into the seed, so that two scopes do not live the same lives.
fn mix(seed: u64, view: &ScopeView) -> u64 {
    let pin = view.pin.as_ref().map_or_else(String::new, |(kind, id)| format!("{}:{id}", kind.name()));
    made::mix(seed, &format!("{}:{}:{pin}", view.scope, view.scope_id))
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use serde_json::Value;

    use super::*;

    const CUSTOMER: &str = "12345678-1234-1234-1234-123456789012";

    fn world(
        seed: u64,
        scope: &'static str,
        pin: Option<(ResourceKind, &str)>,
        kinds: &[ResourceKind],
    ) -> ScopeWorld {
        let pin = pin.map(|(kind, id)| (kind, id.to_owned()));
        let mut world = ScopeWorld::new(seed, ScopeView { scope, scope_id: CUSTOMER.into(), pin }, EPOCH);
        world.want(kinds.to_vec());
        world
    }

    fn texts(world: &mut ScopeWorld, count: usize) -> Vec<String> {
        (0..count).map(|_| world.next().unwrap()).collect()
    }

    fn events(world: &mut ScopeWorld, count: usize) -> Vec<Value> {
        texts(world, count).iter().map(|text| serde_json::from_str(text).unwrap()).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes_and_another_others() {
        let run = |seed| texts(&mut world(seed, "customer_id", None, &ResourceKind::ALL), 500);
        assert_eq!(run(7), run(7));
        assert_ne!(run(7), run(8));
    }

    #[test]
    fn a_filter_changes_nothing_but_what_is_seen() {
        let all = events(&mut world(1, "customer_id", None, &ResourceKind::ALL), 800);
        let calls = events(&mut world(1, "customer_id", None, &[ResourceKind::Call]), 100);
        let seen: Vec<Value> = all
            .into_iter()
            .filter(|event| event["event_type"].as_str().unwrap().starts_with("call."))
            .take(100)
            .collect();
        assert_eq!(seen, calls);
    }

    #[test]
    fn the_first_event_is_spelled_as_in_the_documents() {
        let first = world(1, "customer_id", None, &[ResourceKind::Call]).next().unwrap();
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
        let events = events(&mut world(3, "customer_id", None, &ResourceKind::ALL), 3000);
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
        let events = events(&mut world(5, "customer_id", None, &ResourceKind::ALL), 500);
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
        let events = events(
            &mut world(5, "customer_id", None, &[ResourceKind::Conference, ResourceKind::Message]),
            500,
        );
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
        for kind in ResourceKind::ALL {
            let events = events(&mut world(2, "customer_id", Some((kind, "x\"y")), &[kind]), 40);
            let topic = format!("customer_id:{CUSTOMER}:{}:x\"y", kind.name());
            assert!(events.iter().all(|event| event["topic"] == topic.as_str()), "{}", kind.name());
        }
        let mut expected = ["call.created", "call.status"].iter();
        let events =
            events(&mut world(2, "customer_id", Some((ResourceKind::Call, "a")), &[ResourceKind::Call]), 2);
        assert!(events.iter().all(|event| event["event_type"] == *expected.next().unwrap()));
    }

    /// One agent has more calls than it can take; what waits for it must not pile up.
    #[test]
    fn a_long_run_needs_no_more_room_than_a_short_one() {
        for scope in ["customer_id", "agent_id"] {
            let mut world = world(4, scope, None, &ResourceKind::ALL);
            for _ in 0..20_000 {
                world.next().unwrap();
                assert!(world.pending.len() < 40 && world.ready.len() < 10, "{}", world.pending.len());
            }
        }
    }

    #[test]
    fn an_agent_sees_itself() {
        for event in events(&mut world(2, "agent_id", None, &[ResourceKind::Agent, ResourceKind::Queue]), 60)
        {
            if let Some(agent) = event["data"].get("agent_id") {
                assert_eq!(agent, CUSTOMER);
            }
            assert!(event["topic"].as_str().unwrap().starts_with("agent_id:"));
        }
    }
}
