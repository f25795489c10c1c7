//! The client half: one for a session, which follows the rules of its file.

use std::sync::Arc;
use std::time::Duration;

use super::compile::{CallRule, ClientRules, EventRule, RequestRule, Rule};
use super::expr::{Expr, message_of, value_of};
use super::guess::RuleGuesses;
use super::sequence::Sequences;
use super::vars::{CLIENT_VARS, ClientVar, RulesState, SentNumbers, change, texts};
use crate::dialect::{
    Beat, Client, ClientSetup, CloseRule, EventAck, Facts, MadeEvent, Meaning, Rhythm, Sign, Silence,
    TopicCall, Var,
};
use crate::error::{Failure, Result};
use crate::event::MissingNumbers;
use crate::exit::Exit;
use crate::message::Message;
use crate::net::WsUrl;
use crate::net::http::{HttpAnswer, HttpCall};
use crate::pipeline::filter::{Globals, Reads, Value};
use crate::secret::Secret;

/// How many mistakes of expressions are reported; the rest is not.
const SHOWN_MISTAKES: usize = 5;

/// The shortest time that a server may name, in milliseconds: what it names is not to flood it.
const SHORTEST_TIME: f64 = 50.0;

/// The longest time that a server may name, in milliseconds: a day.
const LONGEST_TIME: f64 = 86_400_000.0;

/// The client half of a dialect file.
pub(super) struct RulesClient {
    rules: Arc<ClientRules>,
    globals: Globals,
    guesses: RuleGuesses,
    /// The URL is another than the file's: calls go to its host.
    base: Option<WsUrl>,
    /// What outlives a connection.
    kept: RulesState,
    /// The present connection, and the one that was handed over.
    conn: ConnState,
    old: Option<ConnState>,
    answers: Vec<Message>,
    /// The next of the calls before a connection.
    call: usize,
    secrets: Vec<Secret>,
    notices: Vec<String>,
    mistakes: usize,
    rhythm: Rhythm,
    /// The state has changed since the rhythm was made of it.
    rhythm_stale: bool,
    calls: Vec<TopicCall>,
    missing: Vec<MissingNumbers>,
}

/// What belongs to one connection.
#[derive(Clone, Debug)]
struct ConnState {
    state: RulesState,
    sent: SentNumbers,
    sequences: Sequences,
    /// What is to be subscribed to once the server is ready.
    waiting: Option<(Vec<String>, Option<String>)>,
    /// Something was subscribed to, besides what `open` sends by itself.
    subscribes: bool,
}

impl ConnState {
    fn new(kept: &RulesState) -> Self {
        Self {
            state: kept.clone(),
            sent: SentNumbers::default(),
            sequences: Sequences::default(),
            waiting: None,
            subscribes: false,
        }
    }
}

impl RulesClient {
    pub(super) fn new(rules: &Arc<ClientRules>, keys: &[(String, Secret)], setup: &ClientSetup<'_>) -> Self {
        let mut globals = Globals::new(CLIENT_VARS);
        let kept = RulesState::new();
        let own = rules.default_url.as_ref().and_then(|url| WsUrl::parse(url).ok());
        let moved = |url: &&WsUrl| own.as_ref().is_none_or(|own| !own.same_origin(url));
        let keys = keys.iter().map(|(name, key)| (name.as_str(), Value::string(key.expose())));
        globals.set(ClientVar::Keys as usize, Value::object(keys));
        globals.set(ClientVar::State as usize, kept.value());
        let mut client = Self {
            rules: Arc::clone(rules),
            globals,
            guesses: RuleGuesses::default(),
            base: setup.url.filter(moved).cloned(),
            conn: ConnState::new(&kept),
            old: None,
            kept,
            answers: Vec::new(),
            call: 0,
            secrets: Vec::new(),
            notices: Vec::new(),
            mistakes: 0,
            rhythm: Rhythm::default(),
            rhythm_stale: false,
            calls: Vec::new(),
            missing: Vec::new(),
        };
        if let Some(url) = setup.url {
            client.set(ClientVar::Url, Value::string(&url.to_string()));
        }
        setup.credential.iter().for_each(|credential| client.note_token(credential));
        client.rhythm = client.current_rhythm();
        client
    }

    fn set(&mut self, var: ClientVar, value: Value) {
        self.globals.set(var as usize, value);
    }

    fn note_token(&mut self, token: &Secret) {
        self.set(ClientVar::Token, Value::string(token.expose()));
    }

    fn note_state(&mut self) {
        let (state, sent) = (self.conn.state.value(), self.conn.sent.value());
        self.set(ClientVar::State, state);
        self.set(ClientVar::Sent, sent);
    }

    fn set_cursor(&mut self, cursor: Option<&str>) {
        self.set(ClientVar::Cursor, cursor.map_or_else(Value::null, Value::string));
    }

    /// A mistake in an expression that shows only at work.
    fn mistake(&mut self, why: String) {
        self.mistakes += 1;
        match self.mistakes {
            ..SHOWN_MISTAKES => self.notices.push(why),
            SHOWN_MISTAKES => self.notices.push(format!("{why} (further mistakes are not shown)")),
            _ => {}
        }
    }

    /// The outputs of an expression; none if it fails.
    fn all(&mut self, expr: &Expr, input: &Value) -> Vec<Value> {
        expr.all(&self.globals, input).unwrap_or_else(|why| {
            self.mistake(why);
            Vec::new()
        })
    }

    fn first(&mut self, expr: Option<&Expr>, input: &Value) -> Option<Value> {
        match expr?.first(&self.globals, input) {
            Ok(value) => value.filter(|value| !value.is_null()),
            Err(why) => {
                self.mistake(why);
                None
            }
        }
    }

    /// The outputs of an expression as messages.
    fn messages(&mut self, expr: &Expr, input: &Value) -> Vec<Message> {
        let made: Vec<_> = self.all(expr, input).iter().map(message_of).collect();
        made.into_iter()
            .filter_map(|message| match message {
                Ok(message) => Some(message),
                Err(why) => {
                    self.mistake(format!("{}: {why}", expr.place()));
                    None
                }
            })
            .collect()
    }

    /// The messages that ask for these topics, or end that.
    fn requests(&mut self, ends: bool, topics: &[String], cursor: Option<&str>) -> Vec<Message> {
        let rules = Arc::clone(&self.rules);
        let request = if ends { &rules.unsubscribe } else { &rules.subscribe };
        if topics.is_empty() && (ends || rules.topics_required) {
            return Vec::new();
        }
        self.conn.subscribes |= !ends;
        self.set_cursor(cursor);
        let mut messages = Vec::new();
        let chunks: Vec<&[String]> =
            if topics.is_empty() { vec![topics] } else { topics.chunks(rules.per_message).collect() };
        for chunk in chunks {
            messages.extend(self.request(request, ends, chunk));
        }
        self.note_state();
        messages
    }

    fn request(&mut self, request: &RequestRule, ends: bool, topics: &[String]) -> Vec<Message> {
        let mut messages = Vec::new();
        self.set(ClientVar::Topics, texts(topics));
        if let Some(send) = &request.send {
            self.number(ends, topics);
            messages.extend(self.messages(send, &Value::null()));
        }
        if let Some(each) = &request.each {
            for topic in topics {
                self.set(ClientVar::Topic, Value::string(topic));
                self.number(ends, std::slice::from_ref(topic));
                messages.extend(self.messages(each, &Value::null()));
            }
        }
        if let Some(call) = &request.call {
            for topic in topics {
                self.set(ClientVar::Topic, Value::string(topic));
                let call = self.http_call(call, &Value::null());
                let action = if ends { "unsubscribe" } else { "subscribe" };
                self.calls.extend(call.map(|call| TopicCall { action, topic: topic.clone(), call }));
            }
        }
        messages
    }

    /// Gives the next message its number, and notes what it is about.
    fn number(&mut self, ends: bool, topics: &[String]) {
        let number = self.conn.sent.next();
        let known = topics.first().and_then(|topic| self.conn.sent.of_topic(topic));
        self.set(ClientVar::Number, Value::integer(number));
        let subscription = if ends { known.unwrap_or(number) } else { number };
        self.set(ClientVar::Subscription, Value::integer(subscription));
        if !ends {
            self.conn.sent.note(number, topics);
        }
    }

    fn current_rhythm(&mut self) -> Rhythm {
        let rules = Arc::clone(&self.rules);
        let Some(keepalive) = &rules.keepalive else { return Rhythm::default() };
        let every = self.time(keepalive.every_ms.as_ref()).or(keepalive.every);
        let silence = self.time(keepalive.silence_ms.as_ref()).or(keepalive.silence);
        let beat = keepalive.send.as_ref().and(every);
        Rhythm {
            beat: beat.map(|every| Beat { every, message: Message::text(""), answered: keepalive.answered }),
            silence: silence.map(|limit| Silence {
                limit,
                counts: if rules.heartbeats { Sign::Heartbeat } else { Sign::Frame },
            }),
        }
    }

    fn time(&mut self, expr: Option<&Expr>) -> Option<Duration> {
        let ms = self.first(expr, &Value::null())?.as_f64()?;
        (SHORTEST_TIME..=LONGEST_TIME).contains(&ms).then(|| Duration::from_secs_f64(ms / 1000.0))
    }

    fn follow(&mut self, rule: &Rule, input: &Value) -> Meaning {
        self.change_states(rule, input);
        if let Some(send) = &rule.send {
            let messages = self.messages(send, input);
            self.answers.extend(messages);
        }
        if rule.ready
            && let Some((topics, cursor)) = self.conn.waiting.take()
        {
            let requests = self.requests(false, &topics, cursor.as_deref());
            self.answers.extend(requests);
        }
        if let Some(event) = &rule.event {
            return self.events(event, input);
        }
        if let Some(confirm) = &rule.confirm {
            let topics = self.named(confirm, input);
            // Without topics, it answers another request, such as the one that unsubscribes.
            if topics.is_empty() {
                return Meaning::Ignored;
            }
            return Meaning::Confirmed { action: "subscribe".into(), topics };
        }
        if rule.confirm_unnamed {
            return Meaning::Confirmed { action: "subscribe".into(), topics: Vec::new() };
        }
        if let Some(refuse) = &rule.refuse {
            return self.refusal(refuse, input);
        }
        if let Some(drain) = &rule.drain {
            let ms = self.first(Some(drain), input).and_then(|value| value.as_f64()).unwrap_or(0.0);
            return Meaning::Draining {
                after: Duration::from_secs_f64(ms.clamp(0.0, LONGEST_TIME) / 1000.0),
            };
        }
        match (rule.pong, rule.heartbeat, rule.ready) {
            (true, ..) => Meaning::Pong,
            (_, true, _) => Meaning::Heartbeat,
            (_, _, true) => Meaning::Confirmed { action: "greeting".into(), topics: Vec::new() },
            _ => Meaning::Ignored,
        }
    }

    fn change_states(&mut self, rule: &Rule, input: &Value) {
        if let Some(set) = &rule.set {
            let changed = change(&mut [&mut self.conn.state], set, (&self.globals, input));
            changed.unwrap_or_else(|why| self.mistake(why));
        }
        if let Some(keep) = &rule.keep {
            let states = &mut [&mut self.kept, &mut self.conn.state];
            change(states, keep, (&self.globals, input)).unwrap_or_else(|why| self.mistake(why));
        }
        if rule.set.is_some() || rule.keep.is_some() {
            self.rhythm_stale = true;
            let state = self.conn.state.value();
            self.set(ClientVar::State, state);
        }
    }

    /// Texts that an expression names: strings, or arrays of them.
    fn named(&mut self, expr: &Expr, input: &Value) -> Vec<String> {
        let outputs = self.all(expr, input);
        let flat = outputs.into_iter().flat_map(|output| output.items().unwrap_or_else(|| vec![output]));
        flat.filter_map(|item| item.as_str().map(str::to_owned)).collect()
    }

    /// An output is the text of the refusal, or an object with `topic` or `topics`, `code`, `message`, `action`, `retry`.
    fn refusal(&mut self, refuse: &Expr, input: &Value) -> Meaning {
        let output = self.first(Some(refuse), input).unwrap_or_else(Value::null);
        let field = |name: &str| Some(output.field(name)).filter(|value| !value.is_null());
        let text = |name: &str| field(name).map(|value| value.text());
        let topics =
            field("topics").and_then(|topics| topics.items()).or(field("topic").map(|topic| vec![topic]));
        let message = if output.is_object() { text("message") } else { Some(output.text()) };
        Meaning::Refused {
            action: text("action").unwrap_or_else(|| "subscribe".into()),
            topics: topics.unwrap_or_default().iter().map(Value::text).collect(),
            code: text("code").unwrap_or_default(),
            message: message.unwrap_or_default(),
            retry: field("retry").is_some_and(|retry| retry.is_truthy()),
        }
    }

    fn events(&mut self, rule: &EventRule, input: &Value) -> Meaning {
        if rule.event.is_identity() {
            let event = self.event(rule, None, input);
            return match event {
                MadeEvent { facts, ack: None, .. } => Meaning::Event(facts),
                event => Meaning::Events(vec![event]),
            };
        }
        let outputs = self.all(&rule.event, input);
        let mut events = Vec::with_capacity(outputs.len());
        for output in &outputs {
            match message_of(output) {
                Ok(message) => events.push(self.event(rule, Some(message), output)),
                Err(why) => self.mistake(format!("{}: {why}", rule.event.place())),
            }
        }
        if events.is_empty() { Meaning::Ignored } else { Meaning::Events(events) }
    }

    fn event(&mut self, rule: &EventRule, message: Option<Message>, input: &Value) -> MadeEvent {
        let id = self.first(rule.id.as_ref(), input).map(|id| id.text());
        let cursor = self.first(rule.cursor.as_ref(), input).map(|cursor| cursor.text());
        let ack = rule.ack.as_ref().and_then(|ack| self.messages(ack, input).into_iter().next());
        let call = rule.ack_call.as_ref().and_then(|call| self.http_call(call, input));
        let ack = ack.map(EventAck::Message).or(call.map(|call| EventAck::Call(Box::new(call))));
        self.count(rule.sequence.as_ref(), input);
        MadeEvent { message, facts: Facts { id, cursor }, ack }
    }

    /// Takes the number of an event or a message in its stream.
    fn count(&mut self, sequence: Option<&Expr>, input: &Value) {
        let Some((expr, number)) = sequence.zip(self.first(sequence, input)) else { return };
        match self.conn.sequences.take(&number) {
            Ok(missing) => self.missing.extend(missing),
            Err(why) => self.mistake(format!("{}: {why}", expr.place())),
        }
    }

    /// The call, unless its URL has no output or is none.
    fn http_call(&mut self, rule: &CallRule, input: &Value) -> Option<HttpCall> {
        let url = self.first(Some(&rule.url), input)?.text();
        let parsed = WsUrl::parse(&url).map_err(|failure| self.mistake(failure.what));
        let url = parsed.ok()?;
        let mut headers = Vec::new();
        for (name, header) in &rule.headers {
            if let Some(value) = self.first(Some(header), input) {
                headers.push((name.clone(), Secret::new(value.text())));
            }
        }
        let body = rule.body.as_ref().map(|body| self.messages(body, input));
        let body = body.and_then(|body| body.into_iter().next()).map(|body| body.as_bytes().to_vec());
        Some(HttpCall {
            purpose: rule.purpose,
            method: rule.method,
            // With another URL than the file's, such as a mock's, its host is the service.
            url: Arc::new(self.base.as_ref().map_or_else(|| url.clone(), |base| base.at(url.target()))),
            headers: headers.into(),
            body: body.unwrap_or_default(),
        })
    }
}

impl Client for RulesClient {
    fn renew(&mut self, credential: Secret) {
        self.note_token(&credential);
    }

    fn prepare(&mut self) -> Option<HttpCall> {
        self.call = 0;
        self.conn_begins();
        self.prepare_next()
    }

    fn prepare_next(&mut self) -> Option<HttpCall> {
        let rules = Arc::clone(&self.rules);
        let rule = rules.before.get(self.call)?;
        self.http_call(rule, &Value::null())
    }

    fn prepared(&mut self, answer: &HttpAnswer) -> Result<Vec<(String, Secret)>> {
        let rules = Arc::clone(&self.rules);
        let Some(rule) = rules.before.get(self.call) else { return Ok(Vec::new()) };
        self.call += 1;
        let text = Message::text(String::from_utf8_lossy(&answer.body).into_owned());
        let input = value_of(&text, &Reads::everything()).unwrap_or_else(Value::null);
        let unexpected = |why: String| Failure::new(Exit::Refused, format!("{}: {why}", rule.purpose));
        if let Some(keep) = &rule.keep {
            let states = &mut [&mut self.kept, &mut self.conn.state];
            change(states, keep, (&self.globals, &input)).map_err(unexpected)?;
            self.note_state();
        }
        if let Some(secret) = &rule.secret {
            let secrets = self.named(secret, &input);
            self.secrets.extend(secrets.into_iter().map(Secret::new));
        }
        Ok(Vec::new())
    }

    fn secrets(&mut self) -> Vec<Secret> {
        std::mem::take(&mut self.secrets)
    }

    fn target(&mut self, url: &WsUrl, topics: &[String], cursor: Option<&str>) -> Result<Option<WsUrl>> {
        let rules = Arc::clone(&self.rules);
        if rules.url.is_none() && rules.path.is_none() && rules.query.is_empty() {
            return Ok(None);
        }
        self.set(ClientVar::Topics, texts(topics));
        self.set_cursor(cursor);
        let null = Value::null();
        let mut target = match self.first(rules.url.as_ref(), &null) {
            Some(learned) => WsUrl::parse(&learned.text())?,
            None => url.clone(),
        };
        if let Some(path) = self.first(rules.path.as_ref(), &null) {
            target = target.with_path(&path.text());
        }
        for (name, expr) in &rules.query {
            for value in self.all(expr, &null).iter().filter(|value| !value.is_null()) {
                target = target.with_query_param(name, &value.text());
            }
        }
        Ok(Some(target))
    }

    fn begin(&mut self) {
        self.old = Some(std::mem::replace(&mut self.conn, ConnState::new(&self.kept)));
        self.note_state();
    }

    fn subscribe(&mut self, topics: &[String], cursor: Option<&str>) -> Vec<Message> {
        let rules = Arc::clone(&self.rules);
        self.begin();
        self.set(ClientVar::Topics, texts(topics));
        self.set_cursor(cursor);
        let mut messages = Vec::new();
        if let Some(open) = &rules.open {
            messages.extend(self.messages(open, &Value::null()));
        }
        // Where nothing was said, as without a credential to log in with, nothing is answered.
        if rules.waits && (rules.open.is_none() || !messages.is_empty()) {
            self.conn.waiting = Some((topics.to_vec(), cursor.map(str::to_owned)));
        } else {
            messages.extend(self.requests(false, topics, cursor));
        }
        messages
    }

    fn subscribe_more(&mut self, topics: &[String], cursor: Option<&str>) -> Vec<Message> {
        if let Some((waiting, _)) = &mut self.conn.waiting {
            waiting.extend_from_slice(topics);
            return Vec::new();
        }
        self.requests(false, topics, cursor)
    }

    fn unsubscribe(&mut self, topics: &[String]) -> Vec<Message> {
        self.requests(true, topics, None)
    }

    fn expects_ack(&self) -> bool {
        let confirms = self.rules.confirms || self.rules.subscribe.call.is_some();
        self.rules.waits || confirms && self.conn.subscribes
    }

    fn understand(&mut self, message: &Message) -> Meaning {
        self.answers.clear();
        let rules = Arc::clone(&self.rules);
        self.missing.clear();
        let Some((input, rule)) = self.guesses.rule_for(&rules, &self.globals, message) else {
            return Meaning::EVENT;
        };
        self.count(rules.sequence.as_ref(), &input);
        match rule {
            Some(rule) => {
                let mut meaning = self.follow(rule, &input);
                if rule.refuse_as_it_came
                    && let Meaning::Refused { message: why, .. } = &mut meaning
                    && why.is_empty()
                {
                    *why = String::from_utf8_lossy(message.as_bytes()).into_owned();
                }
                meaning
            }
            None => Meaning::EVENT,
        }
    }

    fn understand_old(&mut self, message: &Message) -> Meaning {
        let Some(old) = self.old.take() else { return self.understand(message) };
        let present = std::mem::replace(&mut self.conn, old);
        self.note_state();
        let meaning = self.understand(message);
        self.answers.clear();
        self.old = Some(std::mem::replace(&mut self.conn, present));
        self.note_state();
        meaning
    }

    fn missing(&mut self) -> Vec<MissingNumbers> {
        std::mem::take(&mut self.missing)
    }

    fn topic_calls(&mut self) -> Vec<TopicCall> {
        std::mem::take(&mut self.calls)
    }

    fn messages_per_second(&self) -> Option<u32> {
        self.rules.messages_per_second
    }

    fn replace_after(&self) -> Option<Duration> {
        self.rules.replace_after
    }

    fn rule_of(&self, message: &Message) -> Option<String> {
        let (_, rule) = RuleGuesses::default().rule_for(&self.rules, &self.globals, message)?;
        Some(rule.map_or_else(|| "no rule".to_owned(), |rule| rule.place.clone()))
    }

    fn sends(&mut self, topics: &[String]) -> Vec<(String, Vec<Message>)> {
        let first = self.subscribe(topics, None);
        let mut sends = vec![("once connected".to_owned(), first)];
        if let Some((topics, cursor)) = self.conn.waiting.take() {
            let requests = self.requests(false, &topics, cursor.as_deref());
            sends.push(("once the server is ready".to_owned(), requests));
        }
        for TopicCall { call, .. } in self.topic_calls() {
            let what = format!("{} {}", call.method, call.url.shown_as_http());
            sends.push((
                format!("by HTTP, {what}"),
                vec![Message::text(String::from_utf8_lossy(&call.body).into_owned())],
            ));
        }
        if let Some(beat) = self.beat() {
            let every =
                self.rhythm.beat.as_ref().map(|beat| humantime::format_duration(beat.every).to_string());
            let every = every.unwrap_or_else(|| "the time that the server names".to_owned());
            sends.push((format!("every {every}"), beat));
        }
        let ends = self.requests(true, topics, None);
        sends.push(("before closing".to_owned(), ends));
        sends
    }

    fn answers(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.answers)
    }

    fn notices(&mut self) -> Vec<String> {
        std::mem::take(&mut self.notices)
    }

    fn rhythm(&self) -> Rhythm {
        self.rhythm.clone()
    }

    fn new_rhythm(&mut self) -> Option<Rhythm> {
        if !std::mem::take(&mut self.rhythm_stale) {
            return None;
        }
        let rhythm = self.current_rhythm();
        (rhythm != self.rhythm).then(|| {
            self.rhythm = rhythm.clone();
            rhythm
        })
    }

    fn beat(&mut self) -> Option<Vec<Message>> {
        let rules = Arc::clone(&self.rules);
        let send = rules.keepalive.as_ref()?.send.as_ref()?;
        let number = self.conn.sent.next();
        self.set(ClientVar::Number, Value::integer(number));
        Some(self.messages(send, &Value::null()))
    }

    fn close_rule(&self, code: u16) -> Option<CloseRule> {
        self.rules.close.iter().find(|(known, _)| *known == code).map(|(_, rule)| *rule)
    }

    fn replays(&self) -> bool {
        self.rules.replays
    }

    fn acknowledges(&self) -> bool {
        let mut events = self.rules.rules.iter().filter_map(|rule| rule.event.as_ref());
        events.any(|event| event.ack.is_some() || event.ack_call.is_some())
    }

    fn dedupe(&self) -> usize {
        self.rules.dedupe
    }
}

impl RulesClient {
    /// What calls before a connection see is the state that outlives connections.
    fn conn_begins(&mut self) {
        let kept = self.kept.value();
        self.set(ClientVar::State, kept);
    }
}

/// The further credentials that the environment has.
pub(super) fn keys(variables: &[(String, String)], var: Var<'_>) -> Vec<(String, Secret)> {
    let known =
        variables.iter().filter_map(|(name, variable)| Some((name.clone(), Secret::new(var(variable)?))));
    known.collect()
}
