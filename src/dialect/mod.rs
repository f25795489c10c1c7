//! What the tool knows about a provider. A dialect is rules as data and pure functions: it does no I/O and
//! keeps no clock. One file a provider holds both halves of its wire, the client's and the mock's; the list
//! below is the only place that names them all.

use std::time::Duration;

use crate::campaign::Said;
use crate::error::Result;
pub use crate::event::Facts;
use crate::event::MissingNumbers;
use crate::exit::Exit;
use crate::message::Message;
use crate::net::WsUrl;
use crate::net::http::{HttpAnswer, HttpCall};
use crate::provider::{Named, Provider};
use crate::secret::Secret;

pub mod burki;
pub mod custom;
pub mod format;
#[cfg(test)]
mod format_tests;
pub mod kadoa;
mod made;
pub mod plain;
pub mod rules;
pub mod ryze;
#[cfg(test)]
mod testing;
pub mod voipbin;

/// Hostile input to the grammars of topics.
#[cfg(any(test, fuzzing))]
pub(crate) use voipbin::hostile_topic;

/// Every dialect, in the order in which they are offered and asked whether a URL is theirs.
#[rustfmt::skip]
pub const ALL: &[&dyn Dialect] = &[
    &burki::Burki,
    &kadoa::Kadoa,
    &voipbin::Voipbin,
    &ryze::Ryze,
    &plain::Plain,
];

/// The dialect of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Dialect> {
    ALL.iter().copied().find(|dialect| dialect.name() == name)
}

/// The dialect that a URL belongs to: the first that recognises it.
#[must_use]
pub fn for_url(host: &str, path: &str) -> Option<&'static dyn Dialect> {
    ALL.iter().copied().find(|dialect| dialect.owns(host, path))
}

/// The mock halves of the dialects that have one, those of files that are built in among them.
#[must_use]
pub fn providers() -> Vec<Named> {
    let files = rules::library::FILES.iter().filter_map(|file| file.dialect().ok());
    ALL.iter()
        .copied()
        .chain(files)
        .filter_map(|dialect| Some((dialect.name(), dialect.provider()?)))
        .collect()
}

/// The mock halves that a mock of these dialects needs, and the echo: no other files are read for it.
#[must_use]
pub fn providers_for(names: &[String], also: &dyn Dialect) -> Vec<Named> {
    let files = rules::library::FILES.iter().filter(|file| names.iter().any(|name| name == file.name));
    let dialects = ALL.iter().copied().chain(files.filter_map(|file| file.dialect().ok()));
    let mut named: Vec<Named> =
        dialects.filter_map(|dialect| Some((dialect.name(), dialect.provider()?))).collect();
    if let Some(provider) = also.provider() {
        named.retain(|(name, _)| *name != also.name());
        named.push((also.name(), provider));
    }
    named
}

/// The names of all dialects, without reading a file.
pub fn names() -> impl Iterator<Item = &'static str> {
    let in_rust = ALL.iter().map(|dialect| dialect.name());
    in_rust.chain(rules::library::FILES.iter().map(|file| file.name))
}

/// The names of the dialects that have a mock, without reading a file.
pub fn mocked_names() -> impl Iterator<Item = &'static str> {
    let in_rust = ALL.iter().filter(|dialect| dialect.provider().is_some()).map(|dialect| dialect.name());
    in_rust.chain(rules::library::FILES.iter().map(|file| file.name))
}

/// A provider's rules.
pub trait Dialect: Sync {
    /// The word that `-d` takes.
    fn name(&self) -> &'static str;

    /// One line for the help text.
    fn summary(&self) -> &'static str;

    /// Command lines that show it at work, without the program's name; for the help text.
    fn examples(&self) -> &'static [&'static str];

    /// What else there is to know about it, as rows of a name and a text; for people.
    fn about(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// The endpoint that the provider's documents give, if there is one for all, or that a variable of the
    /// provider's own names.
    fn default_url(&self, var: Var<'_>) -> Option<String>;

    /// Does a URL with this host and path belong to the provider?
    fn owns(&self, host: &str, path: &str) -> bool;

    /// Where a session about these topics connects to, and the topics that are left to subscribe to there: some
    /// providers want a topic in the path. Called before every session, with the URL that was given or
    /// [`Dialect::default_url`].
    ///
    /// # Errors
    /// A usage failure for topics that make no URL.
    fn address(&self, url: WsUrl, topics: &[String]) -> Result<(WsUrl, Vec<String>)> {
        Ok((url, topics.to_vec()))
    }

    /// Where the provider wants its credential by default.
    fn credential(&self) -> Option<Credential>;

    /// Other kinds of credential that it takes, each looked for in a variable of its own.
    fn other_credentials(&self) -> &'static [Credential] {
        &[]
    }

    /// Further credentials that the environment has, for its messages.
    fn secrets(&self, _var: Var<'_>) -> Vec<Secret> {
        Vec::new()
    }

    /// Is this something that can be subscribed to?
    fn check_topic(&self, topic: &str) -> TopicCheck;

    /// The most topics that one connection can be subscribed to.
    fn most_topics(&self) -> Option<usize> {
        None
    }

    /// Does the provider send nothing before something has been subscribed to?
    fn needs_topics(&self) -> bool;

    /// The subprotocols to offer when no option says otherwise.
    fn subprotocols(&self) -> Vec<String> {
        Vec::new()
    }

    /// May pings be sent although nobody asked for them? Not where the document says that the client sends
    /// nothing.
    fn pings(&self) -> bool {
        true
    }

    /// Does the general limit of an incoming message's size hold? Not where the document says that messages
    /// have none.
    fn bounds_messages(&self) -> bool {
        true
    }

    /// The steps that decode its messages, unless an option says others.
    fn decode(&self) -> &[String] {
        &[]
    }

    /// The steps that encode messages to it, unless an option says others.
    fn encode(&self) -> &[String] {
        &[]
    }

    /// Is what clients send JSON? Then what is typed at a prompt is checked before it is sent.
    fn speaks_json(&self) -> bool {
        true
    }

    /// Does `connect` follow all of its rules, as `subscribe` does? Otherwise a raw session uses them only to get in, and
    /// shows everything as it comes.
    fn rules_raw_sessions(&self) -> bool {
        false
    }

    /// Can a session subscribe to topics, and to others while it runs?
    fn takes_topics(&self) -> bool {
        true
    }

    /// The commands of a prompt that are the provider's own; [`Client::command`] carries them out.
    fn commands(&self) -> &'static [Verb] {
        &[]
    }

    /// What a topic that begins like this can go on as: whole topics, or up to the end of the next part of one.
    fn complete_topic(&self, typed: &str, known: &Known<'_>) -> Vec<String> {
        known.topics.iter().filter(|topic| topic.starts_with(typed)).cloned().collect()
    }

    /// The client half, one for a session; it outlives the connections of the session.
    ///
    /// # Errors
    /// A usage failure for something that is missing, such as a credential that it cannot do without.
    fn client(&self, setup: &ClientSetup<'_>) -> Result<Box<dyn Client>>;

    /// The mock half, for dialects that have one.
    fn provider(&self) -> Option<&'static dyn Provider>;

    /// What it knows of campaigns, for providers that run some.
    fn campaigns(&self) -> Option<&'static dyn Campaigns> {
        None
    }
}

/// What a provider that runs campaigns says of them, and what it can be asked.
pub trait Campaigns: Sync {
    /// The campaign that this text names, if it can be one.
    fn id(&self, text: &str) -> Option<u64>;

    /// The campaign that is shown at this URL, if it is one alone.
    fn shown_at(&self, url: &WsUrl) -> Option<u64>;

    /// Where one campaign is shown, on the server of this URL.
    ///
    /// # Errors
    /// If it makes no URL.
    fn one(&self, url: &WsUrl, campaign: u64) -> Result<WsUrl>;

    /// Where all campaigns are shown, on the server of this URL.
    ///
    /// # Errors
    /// If it makes no URL.
    fn monitor(&self, url: &WsUrl) -> Result<WsUrl>;

    /// What a message says of campaigns.
    fn read(&self, message: &Message) -> Vec<Said>;

    /// The message that asks for the present state.
    fn request_update(&self) -> Message;

    /// The message that asks for the states of the last hours.
    fn request_history(&self, hours: u32) -> Message;

    /// Where all campaigns are shown: the message that asks for the changes of one.
    fn follow(&self, campaign: u64) -> Message;
}

/// A command of a provider's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verb {
    /// Its name, without the slash.
    pub name: &'static str,
    /// What follows it, as shown to people.
    pub arguments: &'static str,
    /// What it does, in one line.
    pub help: &'static str,
}

/// What a completion may draw on.
pub struct Known<'a> {
    /// Topics that are or were subscribed to.
    pub topics: &'a [String],
    /// Recent messages that are text, newest first.
    pub messages: &'a [String],
}

/// Looks up an environment variable.
pub type Var<'a> = &'a dyn Fn(&str) -> Option<String>;

/// What a client half is made for. The default is a run over a file: there is no connection.
pub struct ClientSetup<'a> {
    /// Where it connects to, after [`Dialect::address`].
    pub url: Option<&'a WsUrl>,
    /// The credential for its own HTTP calls, or messages, where the dialect's place for it is [`Place::Call`]
    /// or [`Place::Message`].
    pub credential: Option<Secret>,
    /// The environment.
    pub var: Var<'a>,
}

impl Default for ClientSetup<'_> {
    fn default() -> Self {
        Self { url: None, credential: None, var: &|_| None }
    }
}

/// Where a credential travels, and the environment variable it is looked for in when no option names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credential {
    pub place: Place,
    /// The environment variable that holds it by convention.
    pub variable: &'static str,
}

/// A place for a credential: in the upgrade request, or elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A query parameter of this name.
    Query(&'static str),
    /// A header of this name.
    Header(&'static str),
    /// `Authorization: Bearer`.
    Bearer,
    /// Not in the upgrade: [`ClientSetup::credential`] gives it to the client half, for an HTTP call before it.
    Call,
    /// The same for a message that is sent once the connection is open.
    Message,
}

/// What a dialect thinks of a topic before anything connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicCheck {
    /// Nothing to say.
    Fine,
    /// Unusual; the text says why. It is sent all the same.
    Odd(String),
    /// Wrong; the text says why and what would be right. It is not sent.
    Wrong(String),
}

/// The client half of a dialect: what to send, and what an incoming message means. It is told nothing but what
/// the provider sent, does nothing itself, and keeps neither time nor account: the session knows what was seen,
/// written and acknowledged.
pub trait Client: Send {
    /// The credential for the next connection, in the place of [`ClientSetup::credential`].
    fn renew(&mut self, _credential: Secret) {}

    /// The HTTP call to make before a connection, for a fresh token. Asked before every one of them.
    fn prepare(&mut self) -> Option<HttpCall> {
        None
    }

    /// What a call that succeeded (2xx) gave: query parameters for the upgrade, which are shown nowhere. Other
    /// answers are failures without asking.
    ///
    /// # Errors
    /// If the answer is not what it should be.
    fn prepared(&mut self, _answer: &HttpAnswer) -> Result<Vec<(String, Secret)>> {
        Ok(Vec::new())
    }

    /// The call to make after the one that [`Client::prepared`] was given the answer of.
    fn prepare_next(&mut self) -> Option<HttpCall> {
        None
    }

    /// What the answers of calls hold that must not be shown as long as the next connection lives.
    fn secrets(&mut self) -> Vec<Secret> {
        Vec::new()
    }

    /// Where the next connection goes if that is not this URL. Asked before every connection, after the calls.
    ///
    /// # Errors
    /// For what is not a URL.
    fn target(&mut self, _url: &WsUrl, _topics: &[String], _cursor: Option<&str>) -> Result<Option<WsUrl>> {
        Ok(None)
    }

    /// The messages that subscribe to these topics, of which there may be none; no messages where the URL is the
    /// subscription. Called on every connection; `cursor` is where a provider that replays is to go on from.
    fn subscribe(&mut self, _topics: &[String], _cursor: Option<&str>) -> Vec<Message> {
        Vec::new()
    }

    /// Another connection begins, of which only messages that were received earlier are known.
    fn begin(&mut self) {}

    /// The messages that subscribe to these topics on a connection on which [`Client::subscribe`] has been called.
    fn subscribe_more(&mut self, topics: &[String], cursor: Option<&str>) -> Vec<Message> {
        self.subscribe(topics, cursor)
    }

    /// The messages that end the subscription to these topics. Called before a graceful close.
    fn unsubscribe(&mut self, _topics: &[String]) -> Vec<Message> {
        Vec::new()
    }

    /// The messages of one of [`Dialect::commands`].
    ///
    /// # Errors
    /// Arguments that it does not take, in words for people.
    fn command(&mut self, _name: &str, _arguments: &[String]) -> std::result::Result<Vec<Message>, String> {
        Err("unknown command".to_owned())
    }

    /// Does the provider's document promise an answer to a subscription?
    fn expects_ack(&self) -> bool {
        false
    }

    /// What an incoming message means; an event where nothing else is known.
    fn understand(&mut self, _message: &Message) -> Meaning {
        Meaning::EVENT
    }

    /// The same of a message that came on the connection that was handed over. Nothing is answered there.
    fn understand_old(&mut self, message: &Message) -> Meaning {
        self.understand(message)
    }

    /// What is missing before the message that was understood last, in numbered streams.
    fn missing(&mut self) -> Vec<MissingNumbers> {
        Vec::new()
    }

    /// The HTTP calls that go with the last messages for topics; whether they succeed confirms or refuses each topic.
    fn topic_calls(&mut self) -> Vec<TopicCall> {
        Vec::new()
    }

    /// Messages that may be sent in a second, if the provider names a limit.
    fn messages_per_second(&self) -> Option<u32> {
        None
    }

    /// After which time another connection has to take over, because the provider ends every connection a little later.
    fn replace_after(&self) -> Option<Duration> {
        None
    }

    /// Which rule of a dialect file a message meets, for people.
    fn rule_of(&self, _message: &Message) -> Option<String> {
        None
    }

    /// What is sent at which occasion, for people.
    fn sends(&mut self, topics: &[String]) -> Vec<(String, Vec<Message>)> {
        vec![("subscribe".to_owned(), self.subscribe(topics, None))]
    }

    /// What people should know of the message that was understood last.
    fn notices(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// What is to be sent in answer to the message that was understood last.
    fn answers(&mut self) -> Vec<Message> {
        Vec::new()
    }

    /// The HTTP call that tells the provider that the event of this [`Facts::id`] has arrived. It is made once
    /// the event's line is written; only whether it succeeds matters.
    fn ack(&self, _id: &str) -> Option<HttpCall> {
        None
    }

    /// Does it acknowledge events?
    fn acknowledges(&self) -> bool {
        self.ack("").is_some()
    }

    /// What keeps the connection alive, and what shows that it is.
    fn rhythm(&self) -> Rhythm {
        Rhythm::default()
    }

    /// The rhythm, if the message that was understood last has changed it.
    fn new_rhythm(&mut self) -> Option<Rhythm> {
        None
    }

    /// The keep-alive messages that are due, in the place of [`Beat::message`].
    fn beat(&mut self) -> Option<Vec<Message>> {
        None
    }

    /// What the provider's document says of a close code, where it differs from what holds for all.
    fn close_rule(&self, _code: u16) -> Option<CloseRule> {
        None
    }

    /// Can a subscription go on from a cursor, so that what was missed comes again?
    fn replays(&self) -> bool {
        false
    }

    /// How many ids of events are remembered, to tell the ones that come twice. The provider delivers at least
    /// once, then.
    fn dedupe(&self) -> usize {
        0
    }

    /// For providers that replay nothing: what a person can do to catch up after a gap, such as the call that
    /// gives the history.
    fn catch_up(&self) -> Option<String> {
        None
    }

    /// The message with the credentials in it masked, if there are any. Asked for every message, so what finds
    /// none must cost next to nothing.
    fn redact(&mut self, _message: &Message) -> Option<Message> {
        None
    }

    /// Why a connection that dropped without a close frame just after subscribing probably did so.
    fn early_drop_hint(&self) -> Option<&'static str> {
        None
    }
}

/// What keeps a connection alive besides pings. The times are the provider's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rhythm {
    /// What the client sends.
    pub beat: Option<Beat>,
    /// What the server sends.
    pub silence: Option<Silence>,
}

impl Rhythm {
    /// The same, this many times as fast.
    #[must_use]
    pub fn faster(self, scale: f64) -> Self {
        Self {
            beat: self.beat.map(|beat| Beat { every: beat.every.div_f64(scale), ..beat }),
            silence: self.silence.map(|silence| Silence { limit: silence.limit.div_f64(scale), ..silence }),
        }
    }
}

/// A keep-alive message of the provider's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// From one to the next.
    pub every: Duration,
    pub message: Message,
    /// Like a ping, it is answered by anything that comes within the ping timeout.
    pub answered: bool,
}

/// When a connection on which the server should be heard is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// After this time without a sign.
    pub limit: Duration,
    /// What is a sign.
    pub counts: Sign,
}

/// What shows that the server is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// [`Meaning::Heartbeat`], and nothing else.
    Heartbeat,
    /// Any frame.
    Frame,
}

/// What a close code means to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseRule {
    /// For people.
    pub meaning: &'static str,
    /// Is another attempt worth it?
    pub retry: bool,
    /// The exit status, where there is none.
    pub exit: Exit,
}

/// What an incoming message means to the session. Only [`Meaning::Event`] is data for standard output; the
/// others are the provider's own bookkeeping and appear as notices and records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Data, including everything that is not recognised.
    Event(Facts),
    /// One event or several that were made of the message.
    Events(Vec<MadeEvent>),
    /// Bookkeeping from which nothing follows.
    Ignored,
    /// The provider is there.
    Heartbeat,
    /// The answer to a [`Beat`].
    Pong,
    /// The server will close the connection; another one should be opened, but not before this time.
    Draining {
        /// From now.
        after: Duration,
    },
    /// The provider confirmed a subscription or its end.
    Confirmed {
        /// What was confirmed, in the provider's word: `subscribe` or `unsubscribe`.
        action: String,
        /// The topics it names.
        topics: Vec<String>,
    },
    /// The provider refused something.
    Refused {
        /// What was refused, in the provider's word.
        action: String,
        /// The topics it names.
        topics: Vec<String>,
        /// The provider's code.
        code: String,
        /// The provider's text.
        message: String,
        /// Asking again later may work.
        retry: bool,
    },
}

impl Meaning {
    /// An event about which there is nothing to know.
    pub const EVENT: Self = Self::Event(Facts { id: None, cursor: None });
}

/// An HTTP call that subscribes to a topic, or ends that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicCall {
    /// `subscribe` or `unsubscribe`.
    pub action: &'static str,
    pub topic: String,
    pub call: HttpCall,
}

/// How an event is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventAck {
    /// By a message.
    Message(Message),
    /// By an HTTP call.
    Call(Box<HttpCall>),
}

impl EventAck {
    /// About the bytes that it takes in memory.
    #[must_use]
    pub fn cost(&self) -> usize {
        match self {
            Self::Message(message) => message.len(),
            Self::Call(call) => call.cost(),
        }
    }
}

/// An event that was made of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MadeEvent {
    /// What it says; `None` for the message as it came.
    pub message: Option<Message>,
    pub facts: Facts,
    /// What is done once its line is written.
    pub ack: Option<EventAck>,
}
