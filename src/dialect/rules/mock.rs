//! The server's half of a dialect file as a provider of the mock server.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;
use serde_json::{Value as Json, json};

use super::expr::{Expr, message_of};
use super::kept;
use super::mock_peer::{RulesPeer, names};
use super::mock_rules::{MOCK_VARS, MockCallRule, MockRules, MockVar};
use super::schema::MockTable;
use crate::codec::Steps;
use crate::dialect::CredentialPlace;
use crate::error::Result;
use crate::handshake::server::{Request, Response};
use crate::limits;
use crate::message::Message;
use crate::pipeline::filter::{Globals, Value};
use crate::provider::{Answer, Hub, Provider, Say, Service, Settings};

/// How long connections stay open after it was announced that they will be closed.
const GRACE: Duration = Duration::from_secs(5);

/// The mock of a dialect file as a provider.
#[derive(Debug)]
pub(super) struct RulesMock {
    pub(super) file: Arc<MockFile>,
    paths: &'static [&'static str],
}

/// The mock of a dialect file.
#[derive(Debug)]
pub(super) struct MockFile {
    pub(super) table: MockTable,
    pub(super) summary: &'static str,
    pub(super) place: Option<CredentialPlace>,
    pub(super) subprotocols: Vec<String>,
    /// The steps of messages to clients, and of messages from clients.
    pub(super) decode: Vec<String>,
    pub(super) encode: Vec<String>,
    /// Nothing happens before something has been subscribed to.
    pub(super) needs_topics: bool,
    pub(super) shown: String,
    pub(super) text: String,
    pub(super) rules: OnceLock<Arc<MockRules>>,
}

impl MockFile {
    /// The rules, compiled when they are first needed.
    ///
    /// # Errors
    /// A mistake in an expression.
    pub(super) fn rules(&self) -> Result<&Arc<MockRules>> {
        if let Some(rules) = self.rules.get() {
            return Ok(rules);
        }
        let rules = MockRules::compile(&self.table, &self.shown, &self.text)?;
        Ok(self.rules.get_or_init(|| Arc::new(rules)))
    }

    /// Is the socket at this path?
    fn is_at(&self, path: &str) -> bool {
        match self.table.path.strip_suffix('*') {
            Some(start) => path.starts_with(start),
            None => path == self.table.path,
        }
    }
}

impl RulesMock {
    pub(super) fn new(file: MockFile) -> Self {
        let calls = file.table.http.iter().map(|call| kept(&call.path));
        let paths: Vec<&'static str> = std::iter::once(kept(&file.table.path)).chain(calls).collect();
        Self { file: Arc::new(file), paths: Box::leak(paths.into_boxed_slice()) }
    }
}

impl Provider for RulesMock {
    fn paths(&self) -> &'static [&'static str] {
        self.paths
    }

    fn target(&self, token: Option<&str>) -> String {
        let path = self.file.table.path.trim_end_matches('*');
        match (self.file.place, token) {
            (Some(CredentialPlace::Query(name)), Some(token)) => format!("{path}?{name}={token}"),
            _ => path.to_owned(),
        }
    }

    fn about(&self) -> &'static str {
        self.file.summary
    }

    fn service(&self, settings: &Arc<Settings>) -> Arc<dyn Service> {
        let file = &self.file;
        let steps = Steps::outgoing(&file.decode).and_then(|out| Ok((out, Steps::new(&file.encode)?)));
        match (file.rules(), steps) {
            (Ok(rules), Ok((out, into))) => Arc::new(RulesService(Arc::new(MockShared {
                file: Arc::clone(file),
                rules: Arc::clone(rules),
                settings: Arc::clone(settings),
                out,
                into,
                furthest: AtomicU64::new(settings.history),
                made: AtomicU64::new(0),
                drains: AtomicU64::new(0),
                called: Mutex::default(),
                present: Arc::default(),
            }))),
            (Err(failure), _) => Arc::new(Unusable(failure.what)),
            (_, Err(failure)) => Arc::new(Unusable(failure.what)),
        }
    }
}

/// The mock of a file that cannot be used.
struct Unusable(String);

impl Service for Unusable {
    fn answer(&self, _: &Request) -> Option<Answer> {
        Some(Answer::Http(Response::text(500, &self.0)))
    }
}

struct RulesService(Arc<MockShared>);

/// What all connections share.
pub(super) struct MockShared {
    pub(super) file: Arc<MockFile>,
    pub(super) rules: Arc<MockRules>,
    pub(super) settings: Arc<Settings>,
    pub(super) out: Steps,
    pub(super) into: Steps,
    /// The number that the next event of a new connection has: events go on where the connections before it ended.
    pub(super) furthest: AtomicU64,
    /// Events made by now.
    pub(super) made: AtomicU64,
    /// How many times the end of all connections has been announced.
    pub(super) drains: AtomicU64,
    /// What calls have subscribed to.
    pub(super) called: Mutex<CalledTopics>,
    pub(super) present: Arc<Hub>,
}

impl Service for RulesService {
    fn answer(&self, request: &Request) -> Option<Answer> {
        let shared = &self.0;
        let globals = request_globals(request);
        let here = |call: &&MockCallRule| {
            call.path == request.path()
                && call.method.as_ref().is_none_or(|method| method == request.method())
        };
        if let Some(call) = shared.rules.http.iter().find(here) {
            return Some(Answer::Http(shared.answer_call(call, request, &globals)));
        }
        if !shared.file.is_at(request.path()) {
            return None;
        }
        if !shared.lets_in(shared.rules.token.as_ref(), &globals, &Value::null()) {
            return Some(Answer::Http(Response::json(
                401,
                json!({"error": "invalid credential"}).to_string(),
            )));
        }
        let known = |offered: &&str| shared.file.subprotocols.iter().any(|known| known == offered);
        let protocol = request.list("Sec-WebSocket-Protocol").find(known).map(str::to_owned);
        let peer = RulesPeer::new(Arc::clone(shared), globals);
        Some(Answer::Upgrade { protocol, peer: Box::new(peer) })
    }

    /// Sends it to all connections, if there are any: whatever it is, it may be an event of this provider's.
    fn push(&self, event: &RawValue) -> Option<usize> {
        let message = Message::text(event.get().to_owned());
        let takes = self.0.out.is_empty() && !self.0.present.is_empty();
        takes.then(|| self.0.present.publish_to_all(&message.into()))
    }

    fn command(&self, name: &str, _argument: &str) -> Option<Json> {
        (name == "drain" && self.0.rules.drain.is_some()).then(|| json!({"told": self.0.drain()}))
    }
}

impl MockShared {
    /// Is the credential that an expression finds accepted? A missing one is, unless one alone is.
    pub(super) fn lets_in(&self, expr: Option<&Expr>, globals: &Globals, input: &Value) -> bool {
        let Some(expr) = expr else { return true };
        match expr.first(globals, input) {
            Ok(Some(token)) if !token.is_null() => self.settings.accepts(&token.text()),
            _ => self.settings.token.is_none(),
        }
    }

    fn answer_call(&self, call: &MockCallRule, request: &Request, globals: &Globals) -> Response {
        let body = String::from_utf8_lossy(&request.body);
        let input = Value::parse(&body).unwrap_or_else(|_| Value::string(&body));
        if !self.lets_in(call.token.as_ref(), globals, &input) {
            return Response::json(401, json!({"error": "invalid credential"}).to_string());
        }
        let answer = self.subscribe_by_call(call, globals, &input).and_then(|refused| match refused {
            None => Ok((call.status, body_of(call.body.as_ref(), globals, &input)?)),
            Some(topic) => {
                let mut globals = globals.clone();
                globals.set(MockVar::Topic as usize, Value::string(&topic));
                Ok((403, body_of(call.refuse.as_ref(), &globals, &input)?))
            }
        });
        match answer {
            Ok((status, body)) => Response::json(status, body),
            Err(why) => Response::text(500, &why),
        }
    }

    /// Subscribes the session that a call names. The first topic that is refused, if one is.
    fn subscribe_by_call(
        &self,
        call: &MockCallRule,
        globals: &Globals,
        input: &Value,
    ) -> std::result::Result<Option<String>, String> {
        let (Some(subscribe), Some(session)) = (&call.subscribe, &call.session) else { return Ok(None) };
        let topics = names(subscribe.all(globals, input)?);
        let session = session.first(globals, input)?.map(|session| session.text()).unwrap_or_default();
        let mut called = self.called.lock().unwrap_or_else(PoisonError::into_inner);
        for topic in topics {
            if self.settings.denies(&topic) || !called.add(&session, &topic) {
                return Ok(Some(topic));
            }
        }
        drop(called);
        // No bytes for the clients, but their connections look for events again.
        self.present.publish_to_all(&Say::Raw(Bytes::new()));
        Ok(None)
    }

    /// Announces the end of all connections. How many there are.
    pub(super) fn drain(&self) -> usize {
        self.drains.fetch_add(1, Ordering::Relaxed);
        let after = self.settings.scaled(GRACE);
        // This also wakes them, so that they say what their provider says.
        self.present.publish_to_all(&Say::CloseIn { after, code: 1001, reason: "server shutting down" })
    }
}

/// Topics that calls have subscribed to, by the name of the session.
#[derive(Default)]
pub(super) struct CalledTopics {
    by_session: HashMap<String, Vec<String>>,
    bytes: usize,
}

impl CalledTopics {
    /// `false`: there is no room for it.
    fn add(&mut self, session: &str, topic: &str) -> bool {
        self.bytes += session.len() + topic.len() + size_of::<String>();
        let fits = self.bytes <= limits::MOCK_SUBSCRIPTIONS;
        if fits {
            self.by_session.entry(session.to_owned()).or_default().push(topic.to_owned());
        }
        fits
    }

    /// The topics of a session after the first so many.
    pub(super) fn after(&self, session: &str, count: usize) -> Vec<String> {
        self.by_session.get(session).and_then(|topics| topics.get(count..)).unwrap_or_default().to_vec()
    }
}

/// The output of an expression as a body.
fn body_of(expr: Option<&Expr>, globals: &Globals, input: &Value) -> std::result::Result<String, String> {
    let Some(value) = expr.map(|expr| expr.first(globals, input)).transpose()?.flatten() else {
        return Ok(String::new());
    };
    message_of(&value).map(|text| String::from_utf8_lossy(text.as_bytes()).into_owned())
}

/// What expressions know of a request.
fn request_globals(request: &Request) -> Globals {
    let mut globals = Globals::new(MOCK_VARS);
    let pairs = request.query_pairs();
    // A parameter that is there several times is a list.
    let all = |name: &str| -> Vec<&String> {
        pairs.iter().filter(|(known, _)| known == name).map(|(_, value)| value).collect()
    };
    let query = pairs.iter().map(|(name, value)| match &all(name)[..] {
        [_] => (name.as_str(), Value::string(value)),
        several => (name.as_str(), Value::array(several.iter().map(|value| Value::string(value)))),
    });
    globals.set(MockVar::Query as usize, Value::object(query));
    let headers: Vec<(String, Value)> = request
        .headers()
        .iter()
        .map(|(name, value)| (name.to_ascii_lowercase(), Value::string(value)))
        .collect();
    globals.set(
        MockVar::Headers as usize,
        Value::object(headers.iter().map(|(name, value)| (name.as_str(), value.clone()))),
    );
    globals.set(MockVar::Path as usize, Value::string(request.path()));
    globals.set(MockVar::Topics as usize, Value::array([]));
    globals
}
