//! The mock half as the running service behaves, for `--behave real`. Where it differs from the documents:
//! subscriptions are never answered, topics are prefixes, an event is the bare resource, published on two
//! topics, and a topic that is not allowed costs the connection. Read off the service's source
//! (voipbin/monorepo, August 2026).
//!
//! What happens is what happens in [`ScopeWorld`]; here it is told in the service's words.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::mock::PINGS;
use super::topic::{self, ResourceKind};
use super::turns::{EventSource, Turns};
use super::wire;
use super::world::{EPOCH, Id, ScopeView, ScopeWorld, VoipbinEvent, timestamp};
use crate::message::Message;
use crate::provider::{
    Conn, ConnLimits, Hub, Member, OutboxOverflow, Peer, Say, ServerPings, Settings, Unread,
};

/// Messages that wait for a client; more are dropped without a word (`pkg/websockhandler/subscription.go`).
const BUFFER: usize = 2000;

/// One connection.
pub(super) struct RealSession {
    settings: Arc<Settings>,
    hub: Arc<Hub>,
    member: Option<Member>,
    prefixes: HashSet<Box<str>>,
    /// One world a scope, and the resources in it as they are now; with the number of prefixes that look at it.
    worlds: Turns<Scope, usize, Shown>,
    ready: VecDeque<Message>,
}

impl RealSession {
    pub(super) fn new(settings: Arc<Settings>, hub: Arc<Hub>) -> Self {
        Self {
            settings,
            hub,
            member: None,
            prefixes: HashSet::new(),
            worlds: Turns::default(),
            ready: VecDeque::new(),
        }
    }

    /// All or nothing: "one invalid or forbidden topic in the list" ends the connection.
    fn subscribe(&mut self, topics: Vec<String>) -> Vec<Say> {
        if topics.iter().any(|topic| topic::scope(topic).is_none() || self.settings.denies(topic)) {
            return vec![Say::Drop];
        }
        for topic in topics {
            // What is more than a client may be subscribed to is as good as forbidden.
            if self.member.as_mut().is_some_and(|member| !member.join(&topic)) {
                return vec![Say::Drop];
            }
            if let Some((scope, id)) = topic::scope(&topic)
                && !self.prefixes.contains(topic.as_str())
            {
                self.worlds.change((scope, id.to_owned()), |prefixes| *prefixes += 1, |_, _| {});
                self.prefixes.insert(topic.into());
            }
        }
        Vec::new()
    }

    /// "Exact string match; unknown pattern is a no-op."
    fn unsubscribe(&mut self, topics: &[String]) {
        for topic in topics {
            self.member.iter_mut().for_each(|member| _ = member.leave(topic));
            let Some((scope, id)) = topic::scope(topic) else { continue };
            if self.prefixes.remove(topic.as_str()) {
                self.worlds.change((scope, id.to_owned()), |prefixes| *prefixes -= 1, |_, _| {});
            }
        }
    }

    /// Goes on until something happens that somebody wants.
    fn advance(&mut self) {
        // A prefix may match nothing at all, such as one that ends in `*`; the bound makes that a silence.
        let seed = self.settings.seed;
        for _ in 0..1000 {
            let make = |scope: &Scope, _: &usize, round: u64| Shown::new(seed.wrapping_add(round), scope);
            let Some((_, (scope, id), shown)) = self.worlds.next(make) else { return };
            let scope = format!("{scope}:{id}");
            let Some(told) = shown.next() else { continue };
            let message = Message::text(told.resource.to_string());
            for topic in told.topics(&scope) {
                if keys(&topic).any(|prefix| self.prefixes.contains(prefix)) {
                    self.ready.push_back(message.clone());
                }
            }
            if !self.ready.is_empty() {
                return;
            }
        }
    }
}

impl Peer for RealSession {
    fn limits(&self) -> ConnLimits {
        let unread = Unread { messages: BUFFER, overflow: OutboxOverflow::Discard };
        ConnLimits { unread, ..ConnLimits::default() }
    }

    fn keepalive(&self) -> Option<ServerPings> {
        Some(PINGS)
    }

    fn opened(&mut self, conn: &Arc<Conn>) -> Vec<Say> {
        self.member = Some(self.hub.member(conn));
        Vec::new()
    }

    /// "Non-JSON: ignored. Unknown `type` or missing topics: no-op. Binary frame: connection dropped."
    fn received(&mut self, message: Message) -> Vec<Say> {
        if matches!(message, Message::Binary(_)) {
            return vec![Say::Drop];
        }
        match wire::read_request(&message) {
            (_, None) => Vec::new(),
            (action, Some(topics)) if action == "unsubscribe" => {
                self.unsubscribe(&topics);
                Vec::new()
            }
            (_, Some(topics)) => self.subscribe(topics),
        }
    }

    fn next_event(&mut self) -> Option<Message> {
        if self.ready.is_empty() {
            self.advance();
            self.member.iter().for_each(|member| member.note_made(self.worlds.bytes()));
        }
        self.ready.pop_front()
    }
}

/// The keys under which a prefix subscription is found for an event on `topic`: every prefix of it.
pub(super) fn keys(topic: &str) -> impl Iterator<Item = &str> {
    topic.char_indices().map(|(at, _)| &topic[..at]).skip(1).chain([topic])
}

/// The two parts of a topic that every one has.
type Scope = (&'static str, String);

/// A scope as it is shown.
struct Shown {
    world: ScopeWorld,
    resources: Resources,
}

/// About the bytes that a resource takes.
const RESOURCE: usize = 2048;

impl Shown {
    fn new(seed: u64, (scope, id): &Scope) -> Self {
        let view = ScopeView { scope, scope_id: id.clone(), pin: None };
        let mut world = ScopeWorld::new(seed, view, EPOCH);
        world.want(ResourceKind::ALL.to_vec());
        Self { world, resources: Resources::default() }
    }

    /// The next event, if the service has one for it.
    fn next(&mut self) -> Option<ServiceEvent> {
        let event = self.world.next_event()?;
        self.resources.tell(&event, self.world.customer())
    }
}

impl EventSource for Shown {
    fn next_at(&mut self) -> Option<i64> {
        self.world.next_at()
    }

    fn cost(&self) -> usize {
        self.world.cost() + self.resources.0.len() * RESOURCE
    }
}

/// An event in the service's words.
struct ServiceEvent {
    /// Such as `call_hangup`.
    name: &'static str,
    id: String,
    resource: Value,
}

impl ServiceEvent {
    /// "Each event is published on two topics"; the resource is the part of the name before the first `_`.
    fn topics(&self, scope: &str) -> [String; 2] {
        let resource = self.name.split('_').next().unwrap_or_default();
        let Self { name, id, .. } = self;
        [format!("{scope}:{resource}:{id}"), format!("{scope}:{resource}:{name}:{id}")]
    }
}

/// The resources of a scope as they are now: an event shows its whole resource.
#[derive(Default)]
struct Resources(HashMap<String, Map<String, Value>>);

impl Resources {
    /// What the service says of an event; `None` for what it has no event for.
    fn tell(&mut self, event: &VoipbinEvent, customer: &Id) -> Option<ServiceEvent> {
        let data: Map<String, Value> = serde_json::from_str(&event.data).ok()?;
        let (name, changes) = change(event, &data)?;
        let id = key(event, &data);
        let resource = self.0.entry(id.clone()).or_insert_with(|| {
            let mut new = Map::new();
            new.insert("id".into(), json!(id));
            new.insert("customer_id".into(), json!(**customer));
            new.insert("tm_create".into(), json!(timestamp(event.at)));
            new
        });
        resource.extend(changes);
        resource.insert("tm_update".into(), json!(timestamp(event.at)));
        let told = ServiceEvent { name, id: id.clone(), resource: Value::Object(resource.clone()) };
        if is_last(event) {
            self.0.remove(&id);
        }
        Some(told)
    }
}

/// The id of the resource that the service's event is about: a call's part in a queue or conference is a resource
/// of its own there, and here it goes by the call's id.
fn key(event: &VoipbinEvent, data: &Map<String, Value>) -> String {
    match (event.kind, data.get("call_id").and_then(Value::as_str)) {
        (ResourceKind::Queue | ResourceKind::Conference, Some(call)) => call.chars().rev().collect(),
        _ => event.id.to_string(),
    }
}

/// Is nothing more going to happen to the resource?
fn is_last(event: &VoipbinEvent) -> bool {
    let last = [
        "call.ended",
        "message.received",
        "message.delivery",
        "transcription.completed",
        "activeflow.completed",
        "queue.left",
        "conference.left",
        "recording.completed",
    ];
    last.contains(&event.name)
}

/// The name of the service's event, and the fields of the resource that it changes.
fn change(event: &VoipbinEvent, data: &Map<String, Value>) -> Option<(&'static str, Map<String, Value>)> {
    let get = |name: &str| data.get(name).cloned().unwrap_or_default();
    let at = timestamp(event.at);
    let (name, changes) = match event.name {
        "call.created" => (
            "call_created",
            json!({"owner_type": "", "type": "flow", "source": get("source"), "destination": get("destination"),
                "status": "ringing", "direction": direction(&get("direction")), "tm_ringing": at}),
        ),
        "call.status" if get("status") == "hangup" => (
            "call_hangup",
            json!({"status": "hangup", "hangup_by": "remote", "hangup_reason": "normal", "tm_hangup": at}),
        ),
        "call.status" => ("call_progressing", json!({"status": "progressing", "tm_progressing": at})),
        "call.ended" => ("call_deleted", json!({"tm_delete": at})),
        "message.received" => ("message_created", message(data, "inbound")),
        "message.sent" => ("message_created", message(data, "outbound")),
        "message.delivery" => ("message_updated", json!({"targets": [{"status": "delivered"}]})),
        "activeflow.updated" => (
            "activeflow_updated",
            json!({"flow_id": get("flow_id"), "status": "running", "current_action": get("current_action")}),
        ),
        "activeflow.completed" => ("activeflow_updated", json!({"status": "ended"})),
        "queue.joined" => ("queuecall_created", queuecall(data, "waiting")),
        "queue.connected" => ("queuecall_serviced", queuecall(data, "service")),
        "queue.left" => ("queuecall_done", queuecall(data, "done")),
        "conference.joined" => ("conferencecall_joined", conferencecall(data, "joined")),
        "conference.left" => ("conferencecall_leaved", conferencecall(data, "leaved")),
        "agent.status" => ("agent_status_updated", json!({"status": get("status")})),
        "recording.started" => ("recording_started", json!({"format": "wav", "status": "recording"})),
        "recording.completed" => ("recording_finished", json!({"status": "ended"})),
        "transcription.completed" => (
            "transcript_created",
            json!({"transcribe_id": get("call_id"), "direction": "in", "message": get("text"), "offset_ms": 0}),
        ),
        _ => return None,
    };
    let Value::Object(changes) = changes else { return None };
    Some((name, changes))
}

/// "Calls: `incoming`/`outgoing`; messages: `inbound`/`outbound`."
fn direction(documented: &Value) -> &'static str {
    if documented == "outbound" { "outgoing" } else { "incoming" }
}

fn message(data: &Map<String, Value>, direction: &str) -> Value {
    let get = |name: &str| data.get(name).cloned().unwrap_or_default();
    json!({"type": "sms", "source": get("source"), "text": get("text"), "direction": direction,
        "targets": [{"destination": get("destination"), "status": "sent"}]})
}

fn queuecall(data: &Map<String, Value>, status: &str) -> Value {
    json!({"queue_id": data.get("queue_id"), "reference_type": "call", "reference_id": data.get("call_id"),
        "status": status})
}

fn conferencecall(data: &Map<String, Value>, status: &str) -> Value {
    json!({"conference_id": data.get("conference_id"), "reference_type": "call",
        "reference_id": data.get("call_id"), "status": status})
}

#[cfg(test)]
mod tests {
    use super::*;

    const CUSTOMER: &str = "customer_id:12345678-1234-1234-1234-123456789012";

    fn session() -> RealSession {
        RealSession::new(Arc::new(Settings::default()), Arc::default())
    }

    fn ask(session: &mut RealSession, action: &str, topics: &[&str]) -> Vec<Say> {
        let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        session.received(wire::requests(action, &topics).remove(0))
    }

    fn next(session: &mut RealSession) -> Value {
        serde_json::from_slice(session.next_event().unwrap().as_bytes()).unwrap()
    }

    #[test]
    fn a_prefix_of_three_parts_gets_everything_twice_and_one_with_an_event_once() {
        let mut session = session();
        assert!(ask(&mut session, "subscribe", &[&format!("{CUSTOMER}:call")]).is_empty());
        for _ in 0..50 {
            let (first, second) = (session.next_event(), session.next_event());
            assert_eq!(first, second);
        }
        let mut session = self::session();
        ask(&mut session, "subscribe", &[&format!("{CUSTOMER}:call:call_hangup")]);
        let (first, second) = (next(&mut session), next(&mut session));
        assert_ne!(first["id"], second["id"]);
        assert_eq!((&first["status"], &second["status"]), (&json!("hangup"), &json!("hangup")));
    }

    #[test]
    fn events_are_bare_resources_that_keep_what_is_known() {
        let mut session = session();
        ask(&mut session, "subscribe", &[&format!("{CUSTOMER}:call:call_progressing")]);
        let call = next(&mut session);
        assert!(call.get("event_type").is_none() && call.get("topic").is_none(), "{call}");
        assert_eq!((&call["type"], &call["status"]), (&json!("flow"), &json!("progressing")));
        assert!(call["source"].is_object() && call["tm_ringing"].is_string());
        assert!(matches!(call["direction"].as_str(), Some("incoming" | "outgoing")));
    }

    #[test]
    fn a_star_matches_nothing() {
        let mut session = session();
        assert!(ask(&mut session, "subscribe", &[&format!("{CUSTOMER}:call:*")]).is_empty());
        assert_eq!(session.next_event(), None);
    }

    #[test]
    fn a_bad_topic_costs_the_connection_and_other_nonsense_nothing() {
        let good = format!("{CUSTOMER}:call");
        for bad in ["customer_id:abc:call", "x:y", "", "customer_id"] {
            let mut session = session();
            assert_eq!(ask(&mut session, "subscribe", &[&good, bad]), [Say::Drop], "{bad}");
            assert_eq!(session.next_event(), None);
        }
        for text in ["", "[]", "{}", r#"{"type":"hello","topics":["a"]}"#, r#"{"type":"subscribe"}"#] {
            assert!(session().received(Message::text(text)).is_empty(), "{text}");
        }
        let binary = Message::Binary(bytes::Bytes::from_static(b"{}"));
        assert_eq!(session().received(binary), [Say::Drop]);
    }

    #[test]
    fn unsubscribing_needs_the_exact_text() {
        let mut session = session();
        let topic = format!("{CUSTOMER}:call");
        ask(&mut session, "subscribe", &[&topic]);
        ask(&mut session, "unsubscribe", &[&format!("{topic}:")]);
        assert!(session.next_event().is_some());
        session.ready.clear();
        ask(&mut session, "unsubscribe", &[&topic]);
        assert_eq!(session.next_event(), None);
    }

    #[test]
    fn keys_are_all_prefixes() {
        assert_eq!(keys("a:b").collect::<Vec<_>>(), ["a", "a:", "a:b"]);
    }

    #[test]
    fn a_long_run_needs_no_more_room_than_a_short_one() {
        let mut session = session();
        ask(&mut session, "subscribe", &[CUSTOMER]);
        let mut most = 0;
        for _ in 0..20_000 {
            session.next_event().unwrap();
            most = most.max(session.worlds.bytes());
        }
        assert!(most < 200 * RESOURCE, "{most} bytes");
    }
}
