//! What the tool knows about a provider. A dialect is rules as data and pure functions: it does no I/O and
//! keeps no clock. One file a provider holds both halves of its wire, the client's and the mock's; the list
//! below is the only place that names them all.

use crate::campaign::Said;
use crate::error::Result;
pub use crate::event::Facts;
use crate::message::Message;
use crate::net::WsUrl;
use crate::provider::{Named, Provider};
use crate::secret::Secret;

pub mod burki;
mod client;
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

pub use client::{Beat, Client, CloseRule, EventAck, MadeEvent, Meaning, Rhythm, Sign, Silence, TopicCall};

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

impl dyn Dialect + '_ {
    /// All kinds of credential that it takes.
    pub fn credentials(&self) -> impl Iterator<Item = Credential> + '_ {
        self.credential().into_iter().chain(self.other_credentials().iter().copied())
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
    /// The credential for its own HTTP calls, or messages, where the dialect's place for it is [`CredentialPlace::Call`]
    /// or [`CredentialPlace::Message`].
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
    pub place: CredentialPlace,
    /// The environment variable that holds it by convention.
    pub variable: &'static str,
}

/// A place for a credential: in the upgrade request, or elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialPlace {
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
