//! What the tool knows about a provider. A dialect is rules as data and pure functions: it does no I/O and
//! keeps no clock. One file a provider holds both halves of its wire, the client's and the mock's; the list
//! below is the only place that names them all.

use crate::message::Message;
use crate::mock::Provider;

pub mod plain;
pub mod voipbin;

/// Every dialect, in the order in which they are offered and asked whether a URL is theirs.
pub const ALL: &[&dyn Dialect] = &[&voipbin::Voipbin, &plain::Plain];

/// The dialect of this name.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Dialect> {
    ALL.iter().copied().find(|dialect| dialect.name() == name)
}

/// The dialect that a URL belongs to: the first that recognises it, else the plain one.
#[must_use]
pub fn for_url(host: &str, path: &str) -> &'static dyn Dialect {
    ALL.iter().copied().find(|dialect| dialect.owns(host, path)).unwrap_or(&plain::Plain)
}

/// A provider's rules.
pub trait Dialect: Sync {
    /// The word that `-d` takes.
    fn name(&self) -> &'static str;

    /// One line for the help text.
    fn summary(&self) -> &'static str;

    /// Command lines that show it at work, without the program's name; for the help text.
    fn examples(&self) -> &'static [&'static str];

    /// The endpoint that the provider's documents give, if there is one for all.
    fn default_url(&self) -> Option<&'static str>;

    /// Does a URL with this host and path belong to the provider?
    fn owns(&self, host: &str, path: &str) -> bool;

    /// Where the provider wants its credential by default.
    fn credential(&self) -> Option<Credential>;

    /// Is this something that can be subscribed to?
    fn check_topic(&self, topic: &str) -> TopicCheck;

    /// Does the provider send nothing before something has been subscribed to?
    fn needs_topics(&self) -> bool;

    /// The client half, one for a session; it outlives the connections of the session.
    fn client(&self) -> Box<dyn Client>;

    /// The mock half, for dialects that have one.
    fn provider(&self) -> Option<&'static dyn Provider>;
}

/// Where a credential travels, and the environment variable it is looked for in when no option names one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The place in the upgrade request.
    pub place: Place,
    /// The environment variable that holds it by convention.
    pub variable: &'static str,
}

/// A place for a credential in the upgrade request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// A query parameter of this name.
    Query(&'static str),
    /// A header of this name.
    Header(&'static str),
    /// `Authorization: Bearer`.
    Bearer,
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

/// The client half of a dialect: what to send, and what an incoming message means.
pub trait Client: Send {
    /// The messages that subscribe to these topics. Called on every connection.
    fn subscribe(&mut self, topics: &[String]) -> Vec<Message>;

    /// The messages that end the subscription to these topics. Called before a graceful close.
    fn unsubscribe(&mut self, topics: &[String]) -> Vec<Message>;

    /// Does the provider's document promise an answer to a subscription?
    fn expects_ack(&self) -> bool;

    /// What an incoming message means.
    fn understand(&mut self, message: &Message) -> Meaning;

    /// Why a connection that dropped without a close frame just after subscribing probably did so.
    fn early_drop_hint(&self) -> Option<&'static str>;
}

/// What an incoming message means to the session. Only [`Meaning::Event`] is data for standard output; the
/// others are the provider's own bookkeeping and appear as notices and records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Data, including everything that is not recognised.
    Event,
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
