//! The mock half: tokens for API keys, one channel for a team, a log that is replayed from a cursor, a journal of
//! acknowledgements, and a server that can announce its own end.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use fastrand::Rng;
use serde_json::value::RawValue;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::events::object_id;
use super::log::Log;
use super::wire::{ACK_PATH, TOKEN_PARAM, TOKEN_PATH};
use crate::dialect::Dialect as _;
use crate::dialect::made::{JsonObject, mix};
use crate::handshake::server::{Request, Response};
use crate::key::BoundedKey;
use crate::limits;
use crate::message::Message;
use crate::provider::{
    ANY_TOKEN, Answer, Conn, Hub, Member, Peer, Provider, Rate, Say, Service, Settings, Stream,
};

const SOCKET_PATH: &str = "/";

/// "This message is sent every 15 seconds."
const HEARTBEAT: Duration = Duration::from_secs(15);

/// What clients are told to wait before they connect again: the documents' example.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// How long the old connections stay open, so that a new one can be there before: a guess.
const GRACE: Duration = Duration::from_secs(5);

/// Characters of a token before its seal.
const TOKEN_TEXT: usize = 32;

/// The key of all subscribers in their hub: there is one channel.
const CHANNEL: &str = "channel";

/// The mock half of the dialect.
pub(super) struct KadoaMock;

impl Provider for KadoaMock {
    fn paths(&self) -> &'static [&'static str] {
        &[SOCKET_PATH, TOKEN_PATH, ACK_PATH]
    }

    fn target(&self, token: Option<&str>) -> String {
        token.map_or_else(|| SOCKET_PATH.to_owned(), |token| format!("{SOCKET_PATH}?{TOKEN_PARAM}={token}"))
    }

    fn about(&self) -> &'static str {
        super::Kadoa.summary()
    }

    fn service(&self, settings: &Arc<Settings>) -> Arc<dyn Service> {
        Arc::new(KadoaService(Arc::new(KadoaState::new(settings))))
    }
}

struct KadoaService(Arc<KadoaState>);

struct KadoaState {
    settings: Arc<Settings>,
    team: String,
    log: Mutex<Log>,
    subscribers: Arc<Hub>,
    /// All connections, subscribed or not.
    present: Arc<Hub>,
    tokens: Tokens,
    acks: Mutex<AckedIds>,
}

/// The ids that were acknowledged, in order, up to [`limits::MOCK_ACKS`]. The oldest go first, and long ones are kept by
/// their hash.
#[derive(Default)]
struct AckedIds {
    ids: VecDeque<BoundedKey>,
    bytes: usize,
}

impl AckedIds {
    fn note(&mut self, id: &str) {
        let key = BoundedKey::of(id);
        self.bytes += key.cost();
        self.ids.push_back(key);
        while self.bytes > limits::MOCK_ACKS {
            let Some(oldest) = self.ids.pop_front() else { break };
            self.bytes -= oldest.cost();
        }
    }
}

/// The tokens that are handed out. Those of an earlier server with the same seed are good, too: it is another service
/// of the provider's that hands them out, so they outlive a server.
struct Tokens {
    key: u64,
    rng: Mutex<Rng>,
}

impl Service for KadoaService {
    fn answer(&self, request: &Request) -> Option<Answer> {
        let answer = match request.path() {
            // Everybody's path: what has no credential of ours is for the programs that answer, if there are any.
            SOCKET_PATH if request.query("access_token").is_none() && self.0.settings.answers_itself => {
                return None;
            }
            SOCKET_PATH => return Some(self.connect(request)),
            TOKEN_PATH => self.exchange(request),
            ACK_PATH => self.acknowledge(request),
            _ => return None,
        };
        Some(Answer::Http(answer.unwrap_or_else(|refusal| refusal)))
    }

    fn stream(&self) -> Option<&dyn Stream> {
        Some(&*self.0)
    }

    /// An event with a `type` (or `eventType`); it goes into the log like any other, with what it lacks of
    /// `timestamp`, `id` and `_cursor`. With a cursor of its own, it cannot be gone on from.
    fn push(&self, event: &RawValue) -> Option<usize> {
        let mut log = self.0.log();
        let message = log.push(event)?;
        Some(self.0.subscribers.publish([CHANNEL], &message.into()))
    }

    /// `drain` announces the server's end to all connections; `acks` gives the ids that were acknowledged, in
    /// order.
    fn command(&self, name: &str, _argument: &str) -> Option<Value> {
        match name {
            "drain" => Some(json!({"told": self.0.drain()})),
            "acks" => Some(self.0.acks().ids.iter().map(BoundedKey::to_string).collect()),
            _ => None,
        }
    }
}

impl KadoaService {
    /// Statuses and bodies of refusals are guesses: no document has them.
    fn connect(&self, request: &Request) -> Answer {
        if self.0.lets_in(request.query(TOKEN_PARAM).unwrap_or_default()) {
            let peer =
                KadoaPeer { shared: Arc::clone(&self.0), present: None, subscriber: None, behind: None };
            return Answer::Upgrade { protocol: None, peer: Box::new(peer) };
        }
        Answer::Http(refusal(401, "Invalid or expired access token"))
    }

    /// An API key for a token, a fresh one each time.
    fn exchange(&self, request: &Request) -> Result<Response, Response> {
        only_post(request)?;
        if !self.0.settings.accepts(request.header("x-api-key").unwrap_or_default()) {
            return Err(refusal(401, "Invalid API key"));
        }
        let token = self.0.tokens.fresh();
        let body = JsonObject::default().text("access_token", &token).text("team_id", &self.0.team);
        Ok(Response::json(200, body.end()))
    }

    /// Takes an acknowledgement, with no credential, as the official clients send it; they do not look at the
    /// answer.
    fn acknowledge(&self, request: &Request) -> Result<Response, Response> {
        only_post(request)?;
        let body: Option<Value> = serde_json::from_slice(&request.body).ok();
        match body.as_ref().and_then(|body| body["id"].as_str()) {
            Some(id) => {
                self.0.acks().note(id);
                Ok(Response::json(200, JsonObject::default().flag("success", true).end()))
            }
            None => Err(refusal(400, "The body needs an id")),
        }
    }
}

impl KadoaState {
    fn new(settings: &Arc<Settings>) -> Self {
        let seed = settings.seed;
        Self {
            settings: Arc::clone(settings),
            team: object_id(&mut Rng::with_seed(mix(seed, "team"))),
            log: Mutex::new(Log::new(seed, settings.behave).after_events(settings.history)),
            subscribers: Arc::default(),
            present: Arc::default(),
            tokens: Tokens { key: mix(seed, "seals"), rng: Rng::with_seed(mix(seed, "tokens")).into() },
            acks: Mutex::default(),
        }
    }

    /// A token that was handed out is good, and the one in the URL that is announced.
    fn lets_in(&self, token: &str) -> bool {
        let announced = self.settings.token.is_some() || token == ANY_TOKEN;
        announced && self.settings.accepts(token) || self.tokens.is_good(token)
    }

    /// Tells all connections that there are to come back, and closes them when there was time for that. Those
    /// that come now are served as ever.
    fn drain(&self) -> usize {
        let wait = self.settings.scaled(RETRY_AFTER).as_millis();
        let frame = JsonObject::default()
            .text("type", "control.draining")
            .number("timestamp", self.log().now())
            .number("retryAfterMs", i64::try_from(wait).unwrap_or(i64::MAX));
        self.present.publish_to_all(&Message::text(frame.end()).into());
        let after = self.settings.scaled(GRACE);
        self.present.publish_to_all(&Say::CloseIn { after, code: 1001, reason: "Server shutting down" })
    }

    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn acks(&self) -> MutexGuard<'_, AckedIds> {
        self.acks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream for KadoaState {
    fn step(&self) -> bool {
        self.steps(1) > 0
    }

    /// Without a limit to the rate, whoever reads sets the pace, so nothing happens while nobody does. A drain follows
    /// its event at once: a batch ends there.
    fn steps(&self, most: u64) -> u64 {
        if most == 0 || self.settings.rate == Rate::Max && self.subscribers.is_empty() {
            return 0;
        }
        let mut log = self.log();
        let until_drain = self.settings.drain_after.and_then(|after| after.checked_sub(log.made()));
        let count = until_drain.filter(|left| *left > 0).map_or(most, |left| left.min(most));
        let events = (0..count).map(|_| log.append()).collect();
        // The log stays locked: who subscribes gets these events from one of the two, and from one only.
        self.subscribers.publish([CHANNEL], &Say::batch(events));
        let made = log.made();
        drop(log);
        if self.settings.drain_after == Some(made) {
            self.drain();
        }
        count
    }

    fn hub(&self) -> &Hub {
        &self.subscribers
    }
}

impl Tokens {
    /// Nothing in it needs an escape in a URL: the official clients write it there as it is.
    fn fresh(&self) -> String {
        let mut bytes = [0; TOKEN_TEXT / 4 * 3];
        self.rng.lock().unwrap_or_else(PoisonError::into_inner).fill(&mut bytes);
        let text = URL_SAFE_NO_PAD.encode(bytes);
        let seal = self.seal(&text);
        text + &seal
    }

    fn is_good(&self, token: &str) -> bool {
        token.split_at_checked(TOKEN_TEXT).is_some_and(|(text, seal)| seal == self.seal(text))
    }

    fn seal(&self, text: &str) -> String {
        URL_SAFE_NO_PAD.encode(mix(self.key, text).to_be_bytes())
    }
}

/// One connection.
struct KadoaPeer {
    shared: Arc<KadoaState>,
    present: Option<Member>,
    subscriber: Option<Member>,
    /// The number of the last event that it got of those that it missed, and since when; until it has them all.
    behind: Option<(u64, Instant)>,
}

impl Peer for KadoaPeer {
    fn heartbeat_every(&self) -> Option<Duration> {
        Some(HEARTBEAT)
    }

    fn opened(&mut self, conn: &Arc<Conn>) -> Vec<Say> {
        let mut present = self.shared.present.member(conn);
        present.join(CHANNEL);
        self.present = Some(present);
        Vec::new()
    }

    fn received(&mut self, message: Message) -> Vec<Say> {
        let Ok(frame) = serde_json::from_slice::<Value>(message.as_bytes()) else { return Vec::new() };
        let action = frame["action"].as_str().or(frame["type"].as_str());
        match action {
            Some("subscribe") => self.subscribe(&frame),
            // Acknowledgements come by HTTP; that the socket takes them too harms nobody.
            Some("ack") => {
                frame["id"].as_str().into_iter().for_each(|id| self.shared.acks().note(id));
                Vec::new()
            }
            _ => Vec::new(),
        }
    }

    /// Whether these begin before a subscription is not known.
    fn heartbeat(&mut self) -> Vec<Say> {
        let frame =
            JsonObject::default().text("type", "heartbeat").number("timestamp", self.shared.log().now());
        vec![Message::text(frame.end()).into()]
    }

    fn due_at(&self) -> Option<Instant> {
        self.behind.map(|(_, since)| since)
    }

    fn due(&mut self) -> Vec<Say> {
        self.catch_up()
    }
}

impl KadoaPeer {
    /// What was missed, and from now on whatever happens. Guesses: a channel that is not the team's stays
    /// silent, no channel means the team's, and a second subscription changes nothing.
    fn subscribe(&mut self, frame: &Value) -> Vec<Say> {
        let channel = frame.get("channel").and_then(Value::as_str).unwrap_or(&self.shared.team);
        let denied = channel != self.shared.team || self.shared.settings.denies(channel);
        let Some(present) = self.present.as_ref().filter(|_| !denied && self.subscriber.is_none()) else {
            return Vec::new();
        };
        self.subscriber = Some(self.shared.subscribers.member(present.conn()));
        let log = self.shared.log();
        let place = frame["lastCursor"].as_str().map_or(log.last(), |cursor| log.place(cursor));
        self.behind = Some((place, Instant::now()));
        drop(log);
        self.catch_up()
    }

    /// Some of what was missed. With the last of it, the client hears of what happens; the log stays locked until then.
    fn catch_up(&mut self) -> Vec<Say> {
        let (Some((behind, since)), Some(subscriber)) = (self.behind, &mut self.subscriber) else {
            return Vec::new();
        };
        let log = self.shared.log();
        let (missed, last, all) = log.after(behind);
        self.behind = (!all).then_some((last, since));
        if all {
            subscriber.join(CHANNEL);
        }
        missed.into_iter().map(Say::from).collect()
    }
}

fn only_post(request: &Request) -> Result<(), Response> {
    if request.method() == "POST" {
        return Ok(());
    }
    Err(refusal(405, "Method not allowed").header("Allow", "POST"))
}

fn refusal(status: u16, message: &str) -> Response {
    Response::json(status, JsonObject::default().text("error", message).end())
}
