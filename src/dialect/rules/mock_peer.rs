//! The server's end of one connection, by the rules of a file.

use std::collections::VecDeque;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use super::expr::{Expr, message_of, value_of};
use super::mock::MockShared;
use super::mock_rules::{MockRule, MockVar};
use super::vars::{RulesState, change, texts};
use crate::codec::{Chain, Decoded, Reader};
use crate::dialect::made::mix;
use crate::limits;
use crate::message::Message;
use crate::pipeline::filter::{Globals, Reads, Value};
use crate::provider::budget::Use;
use crate::provider::{Conn, Member, Peer, Say};
use crate::text;

/// When the made-up events begin: 2026-01-01T00:00:00Z, in milliseconds since 1970.
const BEGIN: u64 = 1_767_225_600_000;

/// Milliseconds from one made-up event to the next.
const STEP: u64 = 100;

/// The key of all connections in their hub.
const PRESENT: &str = "present";

/// The longest message of a client.
const MAX: usize = 1 << 20;

/// The server's end of a connection.
pub(super) struct RulesPeer {
    shared: Arc<MockShared>,
    globals: Globals,
    state: RulesState,
    topics: Vec<String>,
    topic_bytes: usize,
    /// The number of the next event.
    next: u64,
    /// Its name, by which calls subscribe it, and how many topics of theirs it has taken.
    session: Option<String>,
    called: usize,
    /// Events that were made with another.
    made: VecDeque<Message>,
    reader: Reader,
    writer: Chain,
    present: Option<Member>,
    /// When the connection was made: an announcement is due at once, and a time that is asked for twice must not move.
    begun: Instant,
    /// The announcements that have been said here, or were made before.
    told: u64,
}

/// Why a connection cannot go on: a mistake in an expression.
type Broken = String;

impl RulesPeer {
    pub(super) fn new(shared: Arc<MockShared>, globals: Globals) -> Self {
        let next = shared.furthest.load(Ordering::Relaxed);
        Self {
            globals,
            state: RulesState::new(),
            topics: Vec::new(),
            topic_bytes: 0,
            next,
            session: None,
            called: 0,
            made: VecDeque::new(),
            reader: Reader::new(&shared.into, Some(MAX)),
            writer: shared.out.start(None),
            present: None,
            begun: Instant::now(),
            told: shared.drains.load(Ordering::Relaxed),
            shared,
        }
    }

    fn set(&mut self, var: MockVar, value: Value) {
        self.globals.set(var as usize, value);
    }

    /// What expressions see of the next event, and of time and chance, which depend on its number alone.
    fn note_next(&mut self) {
        let topics = self.topics.len() as u64;
        let topic =
            usize::try_from(self.next % topics.max(1)).ok().and_then(|at| self.topics.get(at)).cloned();
        let seed = mix(self.shared.settings.seed, topic.as_deref().unwrap_or_default());
        let mut random = Rng::with_seed(mix(seed, &self.next.to_string()));
        let chance: Vec<Value> = (0..4).map(|_| Value::float(random.f64())).collect();
        let (number, index) = (self.next, self.next / topics.max(1));
        self.set(MockVar::Topic, topic.map_or_else(Value::null, |topic| Value::string(&topic)));
        self.set(MockVar::Number, Value::integer(number));
        self.set(MockVar::Index, Value::integer(index));
        self.set(MockVar::Now, Value::integer(BEGIN + STEP * number));
        self.set(MockVar::Random, Value::array(chance));
        self.set(MockVar::Uuid, Value::string(&text::uuid(&mut random)));
    }

    fn messages(&mut self, expr: Option<&Expr>, input: &Value) -> Result<Vec<Message>, Broken> {
        let Some(expr) = expr else { return Ok(Vec::new()) };
        let outputs = expr.all(&self.globals, input)?;
        outputs
            .iter()
            .map(|output| message_of(output).map_err(|why| format!("{}: {why}", expr.place())))
            .collect()
    }

    /// Messages as clients of the provider get them.
    fn says(&mut self, messages: Vec<Message>) -> Result<Vec<Say>, Broken> {
        let encoded = |message| self.writer.encode(message).map(Say::from).map_err(|error| error.to_string());
        messages.into_iter().map(encoded).collect()
    }

    fn begin(&mut self) -> Result<Vec<Say>, Broken> {
        let (rules, null) = (Arc::clone(&self.shared.rules), Value::null());
        self.note_next();
        if let Some(topics) = &rules.topics {
            let topics = names(topics.all(&self.globals, &null)?);
            self.subscribe(topics);
        }
        if let Some(set) = &rules.set {
            change(&mut [&mut self.state], set, (&self.globals, &null))?;
            self.set(MockVar::State, self.state.value());
        }
        if let Some(session) = &rules.session {
            self.session = session.first(&self.globals, &null)?.map(|session| session.text());
        }
        self.start(rules.start.as_ref(), &null)?;
        let opening = self.messages(rules.open.as_ref(), &null)?;
        self.says(opening)
    }

    /// Goes on from the number that an expression finds, if it finds one.
    fn start(&mut self, expr: Option<&Expr>, input: &Value) -> Result<(), Broken> {
        let Some(expr) = expr else { return Ok(()) };
        if let Some(number) = expr.first(&self.globals, input)?.and_then(|number| number.as_f64())
            && (0.0..9e15).contains(&number)
        {
            self.next = number as u64;
        }
        Ok(())
    }

    /// Subscribes to those that may be, and returns them and the others.
    fn subscribe(&mut self, topics: Vec<String>) -> (Vec<String>, Vec<String>) {
        let (mut accepted, mut refused) = (Vec::new(), Vec::new());
        for topic in topics {
            let bytes = self.topic_bytes + topic.len() + size_of::<String>();
            if self.shared.settings.denies(&topic) || bytes > limits::MOCK_SUBSCRIPTIONS {
                refused.push(topic);
                continue;
            }
            if !self.topics.contains(&topic) {
                self.topic_bytes = bytes;
                self.topics.push(topic.clone());
            }
            accepted.push(topic);
        }
        self.note_topics();
        (accepted, refused)
    }

    fn note_topics(&mut self) {
        self.set(MockVar::Topics, texts(&self.topics));
        if let Some(present) = &self.present {
            present.conn().share.set(Use::Topics, self.topic_bytes);
        }
    }

    fn take(&mut self, message: &Message) -> Result<Vec<Say>, Broken> {
        let rules = Arc::clone(&self.shared.rules);
        let Some(input) = value_of(message, &Reads::everything()) else { return Ok(Vec::new()) };
        self.note_next();
        let Some(rule) = rules.rule_for(&self.globals, &input) else { return Ok(Vec::new()) };
        if !self.shared.lets_in(rule.token.as_ref(), &self.globals, &input) {
            let refusal = self.messages(rule.refuse.as_ref(), &input)?;
            let mut says = self.says(refusal)?;
            says.extend(self.close(rule, &input)?);
            return Ok(says);
        }
        self.follow(rule, &input)
    }

    fn follow(&mut self, rule: &MockRule, input: &Value) -> Result<Vec<Say>, Broken> {
        if let Some(set) = &rule.set {
            change(&mut [&mut self.state], set, (&self.globals, input))?;
            self.set(MockVar::State, self.state.value());
        }
        self.start(rule.start.as_ref(), input)?;
        let mut messages = Vec::new();
        if let Some(subscribe) = &rule.subscribe {
            let topics = names(subscribe.all(&self.globals, input)?);
            let (accepted, refused) = self.subscribe(topics);
            if self.shared.settings.ack && !accepted.is_empty() {
                self.set(MockVar::Topics, texts(&accepted));
                messages.extend(self.messages(rule.ack.as_ref(), input)?);
            }
            for topic in refused {
                self.set(MockVar::Topic, Value::string(&topic));
                messages.extend(self.messages(rule.refuse.as_ref(), input)?);
            }
            self.note_topics();
        }
        if let Some(unsubscribe) = &rule.unsubscribe {
            let gone = names(unsubscribe.all(&self.globals, input)?);
            self.topics.retain(|topic| !gone.contains(topic));
            self.topic_bytes = self.topics.iter().map(|topic| topic.len() + size_of::<String>()).sum();
            self.note_topics();
        }
        messages.extend(self.messages(rule.send.as_ref(), input)?);
        let mut says = self.says(messages)?;
        let pongs = self.messages(rule.pong.as_ref(), input)?;
        let pongs = self.says(pongs)?.into_iter();
        says.extend(pongs.map(|say| if let Say::Message(message) = say { Say::Pong(message) } else { say }));
        if rule.token.is_none() {
            says.extend(self.close(rule, input)?);
        }
        Ok(says)
    }

    /// A close code, or an array of code and reason.
    fn close(&mut self, rule: &MockRule, input: &Value) -> Result<Option<Say>, Broken> {
        let Some(close) = &rule.close else { return Ok(None) };
        let Some(output) = close.first(&self.globals, input)? else { return Ok(None) };
        let (code, reason) = match output.items().as_deref() {
            Some([code, reason]) => (code.as_f64(), reason.text()),
            _ => (output.as_f64(), String::new()),
        };
        let code = code.filter(|code| (1000.0..5000.0).contains(code)).unwrap_or(1000.0);
        Ok(Some(Say::close(code as u16, reason)))
    }

    /// Subscribes to what calls have named since.
    fn take_called(&mut self) {
        let Some(session) = &self.session else { return };
        let called = self.shared.called.lock().unwrap_or_else(PoisonError::into_inner);
        let topics = called.after(session, self.called);
        drop(called);
        if !topics.is_empty() {
            self.called += topics.len();
            self.subscribe(topics);
        }
    }

    fn make(&mut self) -> Result<Option<Message>, Broken> {
        self.take_called();
        let rules = Arc::clone(&self.shared.rules);
        if rules.event.is_none() || self.shared.file.needs_topics && self.topics.is_empty() {
            return Ok(None);
        }
        self.note_next();
        let made = self.messages(rules.event.as_ref(), &Value::null())?;
        if made.is_empty() {
            return Ok(None);
        }
        self.next += 1;
        for message in made {
            let encoded = self.writer.encode(message).map_err(|error| error.to_string())?;
            self.made.push_back(encoded);
        }
        let before = self.shared.made.fetch_add(1, Ordering::Relaxed);
        if self.shared.settings.drain_after == Some(before + 1) && rules.drain.is_some() {
            self.shared.drain();
        }
        Ok(self.made.pop_front())
    }

    /// The end of a connection whose rules cannot be followed. Whoever wrote them looks at the client.
    fn broken(&self, why: &str) -> Vec<Say> {
        let why = format!("mock: {why}");
        vec![Say::close(1011, why[..why.floor_char_boundary(123)].to_owned())]
    }
}

/// Strings, or arrays of them.
pub(super) fn names(outputs: Vec<Value>) -> Vec<String> {
    let flat = outputs.into_iter().flat_map(|output| output.items().unwrap_or_else(|| vec![output]));
    flat.filter_map(|item| item.as_str().map(str::to_owned)).collect()
}

impl Peer for RulesPeer {
    fn heartbeat_every(&self) -> Option<Duration> {
        self.shared.rules.every
    }

    fn opened(&mut self, conn: &Arc<Conn>) -> Vec<Say> {
        let mut present = self.shared.present.member(conn);
        present.join(PRESENT);
        self.present = Some(present);
        self.begin().unwrap_or_else(|why| self.broken(&why))
    }

    fn received(&mut self, message: Message) -> Vec<Say> {
        let messages = match self.reader.read(message) {
            Decoded::One(message) => vec![message],
            Decoded::Parts(parts) => parts,
            Decoded::Nothing(_) => Vec::new(),
            Decoded::Unread(failure, _) => return vec![Say::close(1007, failure.to_string())],
        };
        let mut says = Vec::new();
        for message in &messages {
            match self.take(message) {
                Ok(more) => says.extend(more),
                Err(why) => return self.broken(&why),
            }
        }
        says
    }

    fn heartbeat(&mut self) -> Vec<Say> {
        let rules = Arc::clone(&self.shared.rules);
        self.note_next();
        let beat = self.messages(rules.beat.as_ref(), &Value::null());
        beat.and_then(|beat| self.says(beat)).unwrap_or_else(|why| self.broken(&why))
    }

    fn next_event(&mut self) -> Option<Message> {
        if let Some(made) = self.made.pop_front() {
            return Some(made);
        }
        match self.make() {
            Ok(made) => made,
            Err(why) => {
                let say = self.broken(&why).pop()?;
                self.present.as_ref()?.conn().post(say);
                None
            }
        }
    }

    fn due_at(&self) -> Option<Instant> {
        let due = self.shared.drains.load(Ordering::Relaxed) > self.told;
        due.then_some(self.begun)
    }

    fn due(&mut self) -> Vec<Say> {
        self.told = self.shared.drains.load(Ordering::Relaxed);
        let rules = Arc::clone(&self.shared.rules);
        let said = self.messages(rules.drain.as_ref(), &Value::null());
        said.and_then(|said| self.says(said)).unwrap_or_else(|why| self.broken(&why))
    }
}

impl Drop for RulesPeer {
    fn drop(&mut self) {
        self.shared.furthest.fetch_max(self.next, Ordering::Relaxed);
    }
}
