//! The mock half: who may connect, what a subscription is, and which events it gets.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::real::{self, RealSession};
use super::topic::{Pattern, ResourceKind};
use super::turns::{Turns, Wants};
use super::wire::{self, Code};
use super::world::{EPOCH, ScopeView, ScopeWorld};
use crate::dialect::Dialect as _;
use crate::dialect::made::fields;
use crate::handshake::server::{Request, Response};
use crate::message::Message;
use crate::provider::{
    Answer, Behave, Conn, Hub, Member, Peer, Provider, Say, ServerPings, Service, Settings,
};

/// The endpoint of the documents (Overview, "Connection Endpoint").
pub(super) const PATH: &str = "/v1.0/ws";

/// The window in which subscribe messages are counted. The documents name `RATE_LIMITED` without numbers.
const LIMIT_WINDOW: Duration = Duration::from_secs(10);

/// The service pings every 10 s and gives up after 60 s without a pong.
pub(super) const PINGS: ServerPings =
    ServerPings { every: Duration::from_secs(10), patience: Duration::from_secs(60) };

/// The mock half of the dialect.
pub(super) struct VoipbinMock;

impl Provider for VoipbinMock {
    fn paths(&self) -> &'static [&'static str] {
        &[PATH]
    }

    fn target(&self, token: Option<&str>) -> String {
        token.map_or_else(|| PATH.to_owned(), |token| format!("{PATH}?token={token}"))
    }

    fn about(&self) -> &'static str {
        super::Voipbin.summary()
    }

    fn service(&self, settings: &Arc<Settings>) -> Arc<dyn Service> {
        let (settings, hub) = (Arc::clone(settings), Arc::default());
        Arc::new(VoipbinService { settings, hub, requests: AtomicU64::new(0) })
    }
}

struct VoipbinService {
    settings: Arc<Settings>,
    hub: Arc<Hub>,
    requests: AtomicU64,
}

impl Service for VoipbinService {
    /// "The token is passed as a query parameter, not a header" (Tutorial). The service looks at the
    /// credential before it looks whether the request is an upgrade at all.
    fn answer(&self, request: &Request) -> Option<Answer> {
        if request.path() != PATH {
            return None;
        }
        let token = self.credential(request).unwrap_or_default();
        let refused = |reason, text| Some(Answer::Http(self.unauthenticated(request, reason, text)));
        if token.is_empty() {
            return refused("AUTHENTICATION_REQUIRED", "Authentication is required.");
        }
        if !self.settings.accepts(&token) {
            return refused("INVALID_CREDENTIALS", "The provided credentials are invalid or expired.");
        }
        let (settings, hub) = (Arc::clone(&self.settings), Arc::clone(&self.hub));
        let peer: Box<dyn Peer> = match settings.behave {
            Behave::Documented => Box::new(VoipbinSession::new(settings, hub)),
            Behave::Real => Box::new(RealSession::new(settings, hub)),
        };
        Some(Answer::Upgrade { protocol: None, peer })
    }

    /// An event with the `topic` that it is found by. As the running service behaves, what goes out is only its
    /// `data`.
    fn push(&self, event: &RawValue) -> Option<usize> {
        let pushed: Pushed<'_> = fields(event)?;
        let topic = pushed.topic.as_str();
        let sent = match self.settings.behave {
            Behave::Documented => {
                let keys = keys(topic);
                self.hub.publish(keys.iter().map(String::as_str), &Message::text(event.get()).into())
            }
            Behave::Real => {
                let bare = pushed.data.unwrap_or(event);
                self.hub.publish(real::keys(topic), &Message::text(bare.get()).into())
            }
        };
        Some(sent)
    }
}

/// What matters of an event that is pushed.
#[derive(Deserialize)]
struct Pushed<'a> {
    topic: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
}

impl VoipbinService {
    /// The credential. "No header auth" (Overview); the running service looks in five places, in this order, and
    /// takes an access key only from the last two.
    fn credential(&self, request: &Request) -> Option<String> {
        let query = |name| request.query(name).map(str::to_owned);
        if self.settings.behave == Behave::Documented {
            return query("token");
        }
        let bearer = || request.header("Authorization")?.strip_prefix("Bearer ").map(str::to_owned);
        cookie(request, "token")
            .or_else(|| query("token"))
            .or_else(bearer)
            .or_else(|| cookie(request, "accesskey"))
            .or_else(|| query("accesskey"))
    }

    /// The body of a refusal, as the service's source has it. The documents only say "authentication failure".
    fn unauthenticated(&self, request: &Request, reason: &str, text: &str) -> Response {
        let id = self.request_id(request);
        let body = serde_json::json!({
            "error": {"status": "UNAUTHENTICATED", "reason": reason, "message": text, "request_id": id}
        });
        Response::json(401, body.to_string()).header("X-Request-Id", &id)
    }

    /// `req_` and 26 base32 characters, or the client's own id if it is harmless.
    fn request_id(&self, request: &Request) -> String {
        let safe = |id: &&str| {
            (1..=64).contains(&id.len())
                && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
        };
        if let Some(id) = request.header("X-Request-Id").filter(safe) {
            return id.to_owned();
        }
        let number = self.requests.fetch_add(1, Ordering::Relaxed);
        let mut rng = fastrand::Rng::with_seed(self.settings.seed ^ number.rotate_left(32));
        let digits = (0..26).map(|_| char::from(b"0123456789ABCDEFGHJKMNPQRSTVWXYZ"[rng.usize(0..32)]));
        format!("req_{}", digits.collect::<String>())
    }
}

fn cookie(request: &Request, name: &str) -> Option<String> {
    let cookies = request.header("Cookie")?.split(';').filter_map(|cookie| cookie.trim().split_once('='));
    cookies.into_iter().find(|(known, _)| *known == name).map(|(_, value)| value.to_owned())
}

/// The keys under which a subscription is found for an event on `topic`: the topic, and `*` in the places where
/// the documents allow it.
fn keys(topic: &str) -> Vec<String> {
    let mut keys = vec![topic.to_owned()];
    let parts: Vec<&str> = topic.splitn(4, ':').collect();
    if let [scope, id, kind, _] = parts[..] {
        keys.push(format!("{scope}:{id}:{kind}:*"));
        keys.push(format!("{scope}:{id}:*:*"));
    }
    keys
}

/// One connection. Subscriptions are lost with it (Tutorial).
struct VoipbinSession {
    settings: Arc<Settings>,
    hub: Arc<Hub>,
    member: Option<Member>,
    /// The subscribed patterns, as spelled: unsubscribing needs the exact text.
    topics: HashSet<Box<str>>,
    /// The worlds behind them, one a scope and one a single resource.
    worlds: Turns<ScopeView, Kinds, ScopeWorld>,
    clock: i64,
    window: Option<Instant>,
    requests: u32,
}

impl Peer for VoipbinSession {
    fn keepalive(&self) -> Option<ServerPings> {
        Some(PINGS)
    }

    fn opened(&mut self, conn: &Arc<Conn>) -> Vec<Say> {
        self.member = Some(self.hub.member(conn));
        Vec::new()
    }

    fn received(&mut self, message: Message) -> Vec<Say> {
        self.answers(&message).into_iter().map(Say::from).collect()
    }

    fn next_event(&mut self) -> Option<Message> {
        let (seed, clock) = (self.settings.seed, self.clock);
        let make = |view: &ScopeView, wants: &Kinds, round: u64| {
            let mut world = ScopeWorld::new(seed.wrapping_add(round), view.clone(), clock);
            world.want(wants.kinds());
            world
        };
        let (time, _, world) = self.worlds.next(make)?;
        self.clock = time;
        let event = world.next();
        self.note_made();
        event.map(Message::text)
    }
}

impl VoipbinSession {
    fn new(settings: Arc<Settings>, hub: Arc<Hub>) -> Self {
        Self {
            settings,
            hub,
            member: None,
            topics: HashSet::new(),
            worlds: Turns::default(),
            clock: EPOCH,
            window: None,
            requests: 0,
        }
    }

    fn answers(&mut self, message: &Message) -> Vec<Message> {
        let (action, topics) = wire::read_request(message);
        let Some(topics) = topics else { return vec![wire::error(&action, &[], Code::InvalidMessage)] };
        if action == "unsubscribe" {
            topics.iter().for_each(|topic| self.leave(topic));
            self.note_made();
            return self.acknowledge(&action, &topics);
        }
        if self.too_many() {
            return vec![wire::error(&action, &topics, Code::RateLimited)];
        }
        self.subscribe(&action, topics)
    }

    /// Each topic is judged by itself, since an answer names the topics it is about. What is more than a client may be
    /// subscribed to is denied: to be limited would be an invitation to try again.
    fn subscribe(&mut self, action: &str, topics: Vec<String>) -> Vec<Message> {
        let (mut accepted, mut denied, mut invalid) = (Vec::new(), Vec::new(), Vec::new());
        for topic in topics {
            match Pattern::parse(&topic) {
                None => invalid.push(topic),
                Some(_) if self.settings.denies(&topic) => denied.push(topic),
                Some(pattern) => {
                    let fits = self.join(&topic, pattern);
                    if fits { &mut accepted } else { &mut denied }.push(topic);
                }
            }
        }
        let mut answers = self.acknowledge(action, &accepted);
        for (refused, code) in [(invalid, Code::InvalidTopic), (denied, Code::PermissionDenied)] {
            if !refused.is_empty() {
                answers.push(wire::error(action, &refused, code));
            }
        }
        answers
    }

    fn acknowledge(&self, action: &str, topics: &[String]) -> Vec<Message> {
        if topics.is_empty() || !self.settings.ack {
            return Vec::new();
        }
        vec![wire::ack(action, topics)]
    }

    fn too_many(&mut self) -> bool {
        let now = Instant::now();
        if self.window.is_none_or(|start| now - start >= LIMIT_WINDOW) {
            self.window = Some(now);
            self.requests = 0;
        }
        self.requests = self.requests.saturating_add(1);
        self.requests > self.settings.subscribe_limit
    }

    /// `false`: the client is subscribed to as much as it may be.
    fn join(&mut self, topic: &str, pattern: Pattern) -> bool {
        if self.topics.contains(topic) {
            return true;
        }
        if self.member.as_mut().is_some_and(|member| !member.join(topic)) {
            return false;
        }
        self.topics.insert(topic.into());
        let kind = pattern.kind;
        let tell = |world: &mut ScopeWorld, wants: &Kinds| world.want(wants.kinds());
        self.worlds.change(view(pattern), |wants| wants.add(kind), tell);
        true
    }

    fn leave(&mut self, topic: &str) {
        if !self.topics.remove(topic) {
            return;
        }
        self.member.iter_mut().for_each(|member| _ = member.leave(topic));
        let Some(pattern) = Pattern::parse(topic) else { return };
        let (kind, view) = (pattern.kind, view(pattern));
        let tell = |world: &mut ScopeWorld, wants: &Kinds| world.want(wants.kinds());
        self.worlds.change(view, |wants| wants.remove(kind), tell);
    }

    fn note_made(&self) {
        self.member.iter().for_each(|member| member.note_made(self.worlds.bytes()));
    }
}

/// What a pattern looks at.
fn view(pattern: Pattern) -> ScopeView {
    let pin = pattern.kind.zip(pattern.id);
    ScopeView { scope: pattern.scope, scope_id: pattern.scope_id, pin }
}

/// How many subscriptions there are to each kind of resource in a world.
#[derive(Default)]
struct Kinds([u32; ResourceKind::ALL.len()]);

impl Wants for Kinds {
    fn is_nothing(&self) -> bool {
        self.0.iter().all(|count| *count == 0)
    }
}

impl Kinds {
    fn add(&mut self, kind: Option<ResourceKind>) {
        self.counts(kind).for_each(|count| *count += 1);
    }

    fn remove(&mut self, kind: Option<ResourceKind>) {
        self.counts(kind).for_each(|count| *count = count.saturating_sub(1));
    }

    /// Without a kind, those of all.
    fn counts(&mut self, kind: Option<ResourceKind>) -> impl Iterator<Item = &mut u32> {
        let all = ResourceKind::ALL.into_iter().zip(&mut self.0);
        all.filter(move |(known, _)| kind.is_none_or(|kind| kind == *known)).map(|(_, count)| count)
    }

    fn kinds(&self) -> Vec<ResourceKind> {
        ResourceKind::ALL
            .into_iter()
            .zip(self.0)
            .filter(|(_, count)| *count > 0)
            .map(|(kind, _)| kind)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::limits;

    const CALLS: &str = "customer_id:12345678-1234-1234-1234-123456789012:call:*";

    fn session() -> VoipbinSession {
        VoipbinSession::new(Arc::new(Settings::default()), Arc::default())
    }

    fn ask(session: &mut VoipbinSession, action: &str, topics: &[&str]) -> Vec<Value> {
        let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        let requests = wire::requests(action, &topics);
        json(&requests.iter().flat_map(|request| session.answers(request)).collect::<Vec<_>>())
    }

    fn json(messages: &[Message]) -> Vec<Value> {
        messages.iter().map(|message| serde_json::from_slice(message.as_bytes()).unwrap()).collect()
    }

    fn topics_of_next(session: &mut VoipbinSession, count: usize) -> Vec<String> {
        let events: Vec<Message> = (0..count).map(|_| session.next_event().unwrap()).collect();
        json(&events).iter().map(|event| event["topic"].as_str().unwrap().to_owned()).collect()
    }

    #[test]
    fn nothing_before_a_subscription_and_nothing_after_its_end() {
        let mut session = session();
        assert_eq!(session.next_event(), None);
        ask(&mut session, "subscribe", &[CALLS]);
        assert!(session.next_event().is_some());
        // Only the exact pattern ends it.
        ask(&mut session, "unsubscribe", &[&CALLS.replace('*', "x")]);
        assert!(session.next_event().is_some());
        ask(&mut session, "unsubscribe", &[CALLS]);
        assert_eq!(session.next_event(), None);
    }

    #[test]
    fn what_was_unsubscribed_is_never_delivered_even_if_it_was_next() {
        let mut session = session();
        let messages = CALLS.replace("call", "message");
        ask(&mut session, "subscribe", &[CALLS, &messages]);
        topics_of_next(&mut session, 7);
        ask(&mut session, "unsubscribe", &[CALLS]);
        assert!(topics_of_next(&mut session, 50).iter().all(|topic| topic.contains(":message:")));
    }

    #[test]
    fn one_resource_beside_all_of_its_type_is_delivered_once() {
        let mut session = session();
        let one = CALLS.replace('*', "a1b2c3d4-e5f6-7890-abcd-ef1234567890");
        ask(&mut session, "subscribe", &[CALLS, &one, CALLS]);
        let events: Vec<Message> = (0..200).map(|_| session.next_event().unwrap()).collect();
        let unique: std::collections::HashSet<&[u8]> = events.iter().map(Message::as_bytes).collect();
        assert_eq!(unique.len(), events.len());
        assert!(json(&events).iter().any(|event| event["topic"] == one.as_str()));
    }

    #[test]
    fn each_topic_is_judged_by_itself() {
        let settings = Settings { deny: vec!["agent_id:*".into()], ..Settings::default() };
        let mut session = VoipbinSession::new(Arc::new(settings), Arc::default());
        let answers = ask(&mut session, "subscribe", &["agent_id:a:queue:*", CALLS, "customer_id:c:call"]);
        assert_eq!(
            answers[0],
            serde_json::json!(
                {"type": "ack", "action": "subscribe", "topics": [CALLS], "status": "success"}
            )
        );
        assert_eq!(answers[1]["code"], "INVALID_TOPIC");
        assert_eq!(
            answers[2],
            serde_json::json!({
                "type": "error", "action": "subscribe", "topics": ["agent_id:a:queue:*"],
                "code": "PERMISSION_DENIED", "message": "You do not have permission to subscribe to this topic"
            })
        );
    }

    #[test]
    fn what_is_no_request_is_an_invalid_message() {
        for text in [
            "",
            "x",
            "[]",
            "{}",
            r#"{"type":"hello","topics":["a"]}"#,
            r#"{"type":"subscribe"}"#,
            r#"{"type":"subscribe","topics":"a"}"#,
            r#"{"type":"subscribe","topics":[1]}"#,
            r#"{"type":"subscribe","topics":[]}"#,
        ] {
            let answers = json(&session().answers(&Message::text(text)));
            assert_eq!(answers[0]["code"], "INVALID_MESSAGE", "{text}");
        }
        let binary = Message::Binary(bytes::Bytes::from_static(br#"{"type":"subscribe","topics":["a"]}"#));
        assert_eq!(json(&session().answers(&binary))[0]["code"], "INVALID_MESSAGE");
    }

    #[test]
    fn all_of_a_customer_is_possible() {
        let mut session = session();
        ask(&mut session, "subscribe", &["customer_id:abc123:*:*"]);
        let topics = topics_of_next(&mut session, 300);
        for kind in ResourceKind::ALL {
            assert!(topics.iter().any(|topic| topic.contains(&format!(":{}:", kind.name()))));
        }
    }

    /// A resource of a customer of its own.
    fn single(n: usize) -> String {
        format!("customer_id:{n:08x}-1234-1234-1234-123456789012:call:{n:08x}-1234-1234-1234-123456789012")
    }

    #[test]
    fn a_client_of_many_topics_is_answered_for_each_and_hears_of_many() {
        let mut session = session();
        let topics: Vec<String> = (0..12_000).map(single).collect();
        let few: Vec<&str> = topics.iter().map(String::as_str).collect();
        let answers = ask(&mut session, "subscribe", &few);
        let answered = answers.iter().map(|answer| answer["topics"].as_array().unwrap().len());
        assert_eq!(answered.sum::<usize>(), 12_000);
        assert_eq!(session.worlds.bytes(), 0, "subscribing makes nothing");
        let mut heard = HashSet::new();
        for _ in 0..2000 {
            let event = session.next_event().unwrap();
            let event: Value = serde_json::from_slice(event.as_bytes()).unwrap();
            heard.insert(event["topic"].as_str().unwrap().to_owned());
        }
        assert!(heard.len() > 1000 && session.worlds.bytes() < limits::MOCK_WORLDS, "{}", heard.len());
        ask(&mut session, "unsubscribe", &few);
        assert_eq!((session.next_event(), session.worlds.bytes(), session.topics.len()), (None, 0, 0));
    }

    #[test]
    fn what_is_more_than_a_client_may_be_subscribed_to_is_denied() {
        let mut session = session();
        session.opened(&Arc::new(Conn::new(1, PATH, ([127, 0, 0, 1], 1).into())));
        let long = |n: usize| format!("customer_id:{n:060000}:call:*");
        let denied = (0..1000).find(|n| {
            let answer = &ask(&mut session, "subscribe", &[&long(*n)])[0];
            session.requests = 0;
            answer["code"] == "PERMISSION_DENIED"
        });
        let most = limits::MOCK_SUBSCRIPTIONS / 120_400;
        assert!(denied.is_some_and(|denied| denied.abs_diff(most) < 10), "{denied:?}");
        // What was there stays, and makes room when it goes.
        assert_eq!(ask(&mut session, "unsubscribe", &[&long(0)])[0]["type"], "ack");
        assert_eq!(ask(&mut session, "subscribe", &[&long(1000)])[0]["type"], "ack");
    }
}
