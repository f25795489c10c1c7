//! The mock half: instances with their WebSocket configuration, who may connect to them, and the events that all
//! clients of an instance share.
//!
//! Two instances are there from the start: `demo`, which is configured, and `idle`, which is not. Configuring
//! another one creates it, since the call that really does is no part of this document.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::json;
use serde_json::value::RawValue;

use super::events::{self, InstanceWorld};
use super::gate::{Allowance, MINUTE, RateLimit, origin_is_fine};
use crate::dialect::Dialect as _;
use crate::dialect::made::{JsonObject, fields};
use crate::handshake::server::{Request, Response};
use crate::limits;
use crate::message::Message;
use crate::provider::{
    Answer, Conn, ConnLimits, Hub, Member, OutboxOverflow, Peer, Provider, Say, ServerPings, Service,
    Settings, Stream, Unread,
};

/// The instance that can be connected to without doing anything first.
const DEMO: &str = "demo";

/// The instance that exists and has no configuration.
const IDLE: &str = "idle";

const SOCKET: &str = "/ws/";
const CONFIGURE: &str = "/api/events/websocket/";
const READ: &str = "/api/events/getWebsocket/";

/// About the bytes that an instance takes, with what is made up for it.
pub(super) const INSTANCE: usize = 16 << 10;

/// More instances than any test needs.
const INSTANCES: usize = limits::MOCK_INSTANCES / INSTANCE;

/// How many events are looked through for one that the filter lets pass. Every kind comes again within a few
/// hundred, so the bound is never met.
const PATIENCE: usize = 100_000;

/// The mock half of the dialect.
pub(super) struct RyzeMock;

impl Provider for RyzeMock {
    fn paths(&self) -> &'static [&'static str] {
        &["/ws/:instance"]
    }

    fn target(&self, token: Option<&str>) -> String {
        token.map_or_else(|| format!("{SOCKET}{DEMO}"), |token| format!("{SOCKET}{DEMO}?token={token}"))
    }

    fn about(&self) -> &'static str {
        super::Ryze.summary()
    }

    fn service(&self, settings: &Arc<Settings>) -> Arc<dyn Service> {
        Arc::new(RyzeService(Arc::new(RyzeState::new(settings))))
    }
}

struct RyzeService(Arc<RyzeState>);

struct RyzeState {
    settings: Arc<Settings>,
    gate: RateLimit,
    hub: Arc<Hub>,
    instances: Mutex<BTreeMap<String, Instance>>,
}

#[derive(Default)]
struct Instance {
    config: Option<InstanceConfig>,
    /// From when the first client listens.
    world: Option<InstanceWorld>,
}

/// The WebSocket configuration of an instance, as it is sent and read back.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq)]
struct InstanceConfig {
    enabled: bool,
    #[serde(default)]
    events: Vec<String>,
    #[serde(default, rename = "mediaBase64")]
    media: bool,
}

impl Service for RyzeService {
    fn answer(&self, request: &Request) -> Option<Answer> {
        let path = request.path();
        let named = |prefix| path.strip_prefix(prefix).filter(|name: &&str| !name.contains('/'));
        if let Some(instance) = named(SOCKET) {
            return Some(self.connect(request, instance));
        }
        let allowance = self.0.gate.look(credential(request).unwrap_or_default(), false);
        let response = if let Some(instance) = named(CONFIGURE) {
            self.configure(request, instance)
        } else {
            self.read(request, named(READ)?)
        };
        Some(Answer::Http(limited(response.unwrap_or_else(|refusal| refusal), allowance)))
    }

    fn stream(&self) -> Option<&dyn Stream> {
        Some(&*self.0)
    }

    /// One of the six events, as `{"event":…,"data":…}`, goes to the clients of every instance whose configuration
    /// lets it pass, or of the one that its `instanceData` names. `instanceData` is the mock's own in any case.
    fn push(&self, event: &RawValue) -> Option<usize> {
        let pushed: Pushed<'_> = fields(event)?;
        let name = events::NAMES.into_iter().find(|name| *name == pushed.event)?;
        let only = pushed.about.and_then(|about| fields::<InstanceRef>(about)?.instance);
        let instances = self.0.instances();
        let meant =
            instances.iter().filter(|(instance, _)| only.as_ref().is_none_or(|only| only == *instance));
        let wanting =
            meant.filter(|(_, known)| known.config.as_ref().is_some_and(|config| config.wants(name)));
        let data = pushed.data.map_or("{}", RawValue::get);
        let sent = wanting.map(|(instance, _)| {
            let token = events::token(self.0.settings.seed, instance);
            let frame = events::envelope(name, data, instance, &token);
            self.0.hub.publish([instance.as_str()], &Message::text(frame).into())
        });
        Some(sent.sum())
    }

    /// `delete`, with the name of an instance: it exists no more, and its connections are closed.
    fn command(&self, name: &str, argument: &str) -> Option<serde_json::Value> {
        (name == "delete").then_some(())?;
        self.0.instances().remove(argument)?;
        let closed = self.0.hub.publish([argument], &Say::Close { code: None, reason: String::new() });
        Some(json!({"deleted": argument, "closed": closed}))
    }
}

/// What matters of an event that is pushed.
#[derive(Deserialize)]
struct Pushed<'a> {
    event: String,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    #[serde(borrow, rename = "instanceData")]
    about: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct InstanceRef {
    instance: Option<String>,
}

impl RyzeService {
    /// The refusals are the document's (Errors before the upgrade). Which is looked at first is inferred; the
    /// one for the origin is said to come from the upgrade itself, so it is last.
    fn connect(&self, request: &Request, instance: &str) -> Answer {
        let token = credential(request);
        let allowance = self.0.gate.look(token.unwrap_or_default(), true);
        if allowance.exceeded {
            return Answer::Http(limited(refusal(429, "Rate limit exceeded. Try again later."), allowance));
        }
        match self.admit(request, instance, token) {
            Err(refusal) => Answer::Http(limited(refusal, allowance)),
            Ok(()) => {
                let shared = Arc::clone(&self.0);
                let peer =
                    Box::new(RyzePeer { shared, instance: instance.to_owned(), allowance, member: None });
                Answer::Upgrade { protocol: None, peer }
            }
        }
    }

    fn admit(&self, request: &Request, instance: &str, token: Option<&str>) -> Result<(), Response> {
        self.authenticate(instance, token)?;
        let instances = self.0.instances();
        let known = instances.get(instance).ok_or_else(|| refusal(404, "Instance not found"))?;
        if !known.config.as_ref().is_some_and(|config| config.enabled) {
            return Err(refusal(
                400,
                &format!(
                    "WebSocket is not enabled for this instance. Configure it first using POST {CONFIGURE}{instance}"
                ),
            ));
        }
        if !origin_is_fine(request, &self.0.settings.allow_origin) {
            return Err(Response::new(403));
        }
        Ok(())
    }

    /// An account's token opens everything, an instance's that instance.
    fn authenticate(&self, instance: &str, token: Option<&str>) -> Result<(), Response> {
        let token = token.ok_or_else(|| {
            refusal(401, "Missing token in header, Authorization header, or query parameter")
        })?;
        let settings = &self.0.settings;
        let good = settings.accepts(token) || token == events::token(settings.seed, instance);
        if good { Ok(()) } else { Err(refusal(401, "Invalid token")) }
    }

    /// Sets the configuration of an instance (Configure WebSocket). What is answered to a body that is wrong is
    /// a guess.
    fn configure(&self, request: &Request, instance: &str) -> Result<Response, Response> {
        only(request, "POST")?;
        self.authenticate(instance, credential(request))?;
        if !matches!(super::check_name(instance), crate::dialect::TopicCheck::Fine) {
            return Err(refusal(400, "Invalid instance name"));
        }
        let config: InstanceConfig = serde_json::from_slice(&request.body)
            .map_err(|error| refusal(400, &format!("Invalid request body: {error}")))?;
        if let Some(unknown) = config.events.iter().find(|name| !events::NAMES.contains(&name.as_str())) {
            return Err(refusal(400, &format!("Invalid event: {unknown}")));
        }
        let config = config.stored();
        let mut instances = self.0.instances();
        if instances.len() >= INSTANCES && !instances.contains_key(instance) {
            return Err(refusal(400, &format!("This mock has no room for more than {INSTANCES} instances")));
        }
        instances.entry(instance.to_owned()).or_default().config = Some(config.clone());
        drop(instances);
        self.0.hub.wake();
        Ok(told("WebSocket configured successfully", &config))
    }

    /// Reads the configuration back. 404 means that there was never one; its text is a guess.
    fn read(&self, request: &Request, instance: &str) -> Result<Response, Response> {
        only(request, "GET")?;
        self.authenticate(instance, credential(request))?;
        let instances = self.0.instances();
        let known = instances.get(instance).ok_or_else(|| refusal(404, "Instance not found"))?;
        let config =
            known.config.as_ref().ok_or_else(|| refusal(404, "WebSocket configuration not found"))?;
        Ok(told("WebSocket configuration retrieved successfully", config))
    }
}

impl InstanceConfig {
    fn wants(&self, event: &str) -> bool {
        self.enabled && self.events.iter().any(|wanted| wanted == event)
    }

    /// As it is kept: no events named means all, and switching it off clears the rest.
    fn stored(mut self) -> Self {
        if !self.enabled {
            return Self { enabled: false, events: Vec::new(), media: false };
        }
        if self.events.is_empty() {
            self.events = events::NAMES.map(str::to_owned).to_vec();
        }
        // Each once: a list of names may be as long as a body.
        let mut once = BTreeSet::new();
        self.events.retain(|name| once.insert(name.clone()));
        self.events.shrink_to_fit();
        self
    }
}

impl RyzeState {
    fn new(settings: &Arc<Settings>) -> Self {
        let all = InstanceConfig { enabled: true, events: Vec::new(), media: false }.stored();
        let demo = Instance { config: Some(all), world: None };
        Self {
            settings: Arc::clone(settings),
            gate: RateLimit::new(settings.scaled(MINUTE)),
            hub: Arc::default(),
            instances: Mutex::new(BTreeMap::from([
                (DEMO.to_owned(), demo),
                (IDLE.to_owned(), Instance::default()),
            ])),
        }
    }

    fn instances(&self) -> MutexGuard<'_, BTreeMap<String, Instance>> {
        self.instances.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Stream for RyzeState {
    /// One event of every instance that somebody has listened to and that is not switched off. Without a limit
    /// to the rate, whoever reads sets the pace, so nothing happens where nobody does.
    fn step(&self) -> bool {
        let mut made = false;
        let unlimited = self.settings.rate == crate::provider::Rate::Max;
        for (name, instance) in self.instances().iter_mut() {
            let listened = self.hub.has_listener(name);
            let Some(config) = instance.config.as_ref().filter(|config| config.enabled) else { continue };
            if !listened && (unlimited || instance.world.is_none()) {
                continue;
            }
            let (seed, shape) = (self.settings.seed, self.settings.behave);
            let world = instance.world.get_or_insert_with(|| InstanceWorld::new(seed, name, shape));
            let wanted = |event: &events::RyzeEvent| config.wants(event.name);
            let Some(event) = (0..PATIENCE).find_map(|_| world.next().filter(wanted)) else { continue };
            made = true;
            if listened {
                let frame = world.frame(&event, config.media);
                self.hub.publish([name.as_str()], &Message::text(frame).into());
            }
        }
        made
    }

    fn hub(&self) -> &Hub {
        &self.hub
    }
}

/// One client of an instance. "Sending JSON payloads from the client to the server has no effect."
struct RyzePeer {
    shared: Arc<RyzeState>,
    instance: String,
    allowance: Allowance,
    member: Option<Member>,
}

impl Peer for RyzePeer {
    /// "Read buffer 4096 bytes", "send buffer per client 256 messages: slow client is dropped" (Buffers and
    /// backpressure).
    fn limits(&self) -> ConnLimits {
        let unread = Unread { messages: 256, overflow: OutboxOverflow::Disconnect };
        ConnLimits { message: 4096, unread, ..ConnLimits::default() }
    }

    fn headers(&self) -> Vec<(&'static str, String)> {
        self.allowance.headers().into()
    }

    /// "PING every ~54s", "no PONG within 60s: the server drops the connection" (Heartbeat).
    fn keepalive(&self) -> Option<ServerPings> {
        Some(ServerPings { every: Duration::from_secs(54), patience: Duration::from_secs(60) })
    }

    fn opened(&mut self, conn: &Arc<Conn>) -> Vec<Say> {
        let mut member = self.shared.hub.member(conn);
        member.join(&self.instance);
        self.member = Some(member);
        Vec::new()
    }
}

/// The token from one of its three places, in the document's order.
fn credential(request: &Request) -> Option<&str> {
    let header = request.header("token");
    let bearer = || {
        let (scheme, token) = request.header("Authorization")?.split_once(' ')?;
        scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
    };
    let found = |token: Option<&'_ str>| token.is_some_and(|token| !token.is_empty());
    [header, bearer(), request.query("token")].into_iter().find(|token| found(*token)).flatten()
}

fn only(request: &Request, method: &str) -> Result<(), Response> {
    if request.method() == method {
        return Ok(());
    }
    Err(refusal(405, "Method not allowed").header("Allow", method))
}

fn refusal(status: u16, message: &str) -> Response {
    let error = JsonObject::default().text("message", message);
    Response::json(status, JsonObject::default().flag("success", false).object("error", error).end())
}

fn told(message: &str, config: &InstanceConfig) -> Response {
    let config = serde_json::to_string(config).unwrap_or_default();
    let body = JsonObject::default().flag("success", true).text("message", message).raw("websocket", &config);
    Response::json(200, body.end())
}

fn limited(response: Response, allowance: Allowance) -> Response {
    allowance.headers().iter().fold(response, |response, (name, value)| response.header(name, value))
}
