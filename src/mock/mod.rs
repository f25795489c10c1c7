//! The mock server: one port, told apart by path, on which every dialect's mock half can be reached. It is what
//! `serve-mock` runs and what `--mock` runs inside a client command.
//!
//! `server` accepts and reads the request, a [`Service`] decides on it, `client` carries one connection: it
//! asks the [`Peer`] what a message means and what happens next, `pace` when, and writes through `link`. What
//! several connections share comes from a [`Stream`], is published through a [`Hub`] and reaches a client by
//! the mailbox of its [`Conn`].

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde_json::value::RawValue;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::dialect;
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::handshake::extensions::Deflate;
use crate::handshake::server::{Request, Response};
use crate::limits;
use crate::message::Message;
use crate::net::url::encoded;
use crate::report::Report;
use crate::secret::Secret;

mod args;
mod budget;
mod client;
mod conn;
pub(crate) mod control;
mod desk;
mod echo;
mod expect;
pub(crate) mod faults;
mod hub;
mod journal;
mod judge;
mod link;
mod metrics;
mod on;
mod pace;
mod process;
pub(crate) mod replay;
pub(crate) mod scenario;
mod script;
mod server;
mod stream;
#[cfg(test)]
pub(crate) mod tests;
mod tls;
mod wire;

pub use args::MockArgs;
pub use conn::{Conn, Overflow, Unread};
pub use control::ControlSettings;
pub use desk::Desk;
pub use echo::Echo;
pub use faults::{Fault, Faults, GRAMMAR as FAULTS_HELP, Switch};
pub use hub::{Hub, Member};
pub use pace::Rate;
pub use process::{Announce, ExitAfter, ProcessArgs};
pub use replay::{ReplaySettings, Speed};
pub use scenario::{Ledger, Unmet, Verdict};
pub use script::VARIABLES_HELP;
pub use stream::Stream;
pub use tls::TlsSettings;

use expect::Expectation;
use replay::Replay;
use server::{Extras, Site};
use tls::Tls;

/// The token in the URLs of a mock that accepts any. No word that messages have in them: a client masks it there.
pub const ANY_TOKEN: &str = "mock-token";

/// Tokens that are refused although any is accepted, so that a client's handling of it can be tried.
const REFUSED_TOKENS: [&str; 2] = ["invalid", "expired"];

/// What a mock is like.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The dialects to serve; none named means all that have a mock. The echo is always there.
    pub dialects: Vec<String>,
    /// The address to listen on.
    pub host: String,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// The one token that is accepted. Without it, any is, but for the empty one, `invalid` and `expired`.
    pub token: Option<Secret>,
    /// Events per second and client.
    pub rate: Rate,
    /// Events per client, or of a stream that clients share, if not without end.
    pub events: Option<u64>,
    /// For how long there are events, from the first.
    pub duration: Option<Duration>,
    /// What follows the last event.
    pub then: Then,
    /// Decides on everything that is made up.
    pub seed: u64,
    /// Topics that nobody may subscribe to; `*` stands for any text.
    pub deny: Vec<String>,
    /// Subscribe messages that a connection may send in ten seconds.
    pub subscribe_limit: u32,
    /// The compression that is accepted, if clients offer it.
    pub compression: Option<Deflate>,
    /// Are subscriptions acknowledged?
    pub ack: bool,
    /// How many times as fast as documented the provider's own timers run: heartbeats, pings, patience.
    pub time_scale: f64,
    /// Whom to follow where documents and running services differ.
    pub behave: Behave,
    /// Pages whose requests are let in, besides those that the mock itself would have served. Only providers
    /// that look at `Origin` ask.
    pub allow_origin: Vec<String>,
    /// After how many events the clients are told to connect again, by providers that have a word for it.
    pub drain_after: Option<u64>,
    /// How many events there have been when the server starts, for providers that keep a log of them.
    pub history: u64,
    /// How a campaign ends.
    pub outcome: Outcome,
    /// Contacts in a campaign.
    pub contacts: u32,
    /// What it does wrong on purpose.
    pub faults: Vec<Fault>,
    /// A file of scenarios.
    pub scenario: Option<PathBuf>,
    /// jq programs that answer where nobody else does.
    pub on: Vec<String>,
    /// The control API.
    pub control: ControlSettings,
    /// TLS on the port.
    pub tls: TlsSettings,
    /// What is played to clients.
    pub replay: Option<ReplaySettings>,
    /// jq programs, each of which is to match some message of a client before the server stops.
    pub expect: Vec<String>,
}

/// Whom the mock follows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Behave {
    /// The provider's documents.
    #[default]
    Documented,
    /// What the running service is known to do.
    Real,
}

/// How a campaign ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Outcome {
    /// All contacts were called.
    #[default]
    Completed,
    /// It fails half-way.
    Failed,
    /// It is cancelled half-way.
    Cancelled,
    /// It is paused half-way, and nobody resumes it.
    Paused,
}

/// What a connection does after its last event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Then {
    /// Stay open and silent.
    #[default]
    Stay,
    /// Close with 1000.
    Close,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            dialects: Vec::new(),
            host: "127.0.0.1".to_owned(),
            port: 0,
            token: None,
            rate: Rate::PerSecond(10.0),
            events: None,
            duration: None,
            then: Then::Stay,
            seed: 0,
            deny: Vec::new(),
            subscribe_limit: 20,
            compression: Some(Deflate::default()),
            ack: true,
            time_scale: 1.0,
            behave: Behave::Documented,
            allow_origin: Vec::new(),
            drain_after: None,
            history: 0,
            outcome: Outcome::Completed,
            contacts: 200,
            faults: Vec::new(),
            scenario: None,
            on: Vec::new(),
            control: ControlSettings::default(),
            tls: TlsSettings::default(),
            replay: None,
            expect: Vec::new(),
        }
    }
}

impl Settings {
    /// Is this credential good?
    #[must_use]
    pub fn accepts(&self, token: &str) -> bool {
        match &self.token {
            Some(good) => good.expose() == token,
            None => !token.is_empty() && !REFUSED_TOKENS.contains(&token),
        }
    }

    /// One of the provider's own times, as it is on this mock's clock.
    #[must_use]
    pub fn scaled(&self, time: Duration) -> Duration {
        // Not zero: a timer that is always due would leave no time for anything else.
        time.div_f64(self.time_scale).max(Duration::from_micros(100))
    }

    /// Are there programs that answer where no provider does?
    #[must_use]
    pub fn answers_itself(&self) -> bool {
        !self.on.is_empty()
    }

    /// Is a subscription to this topic to be refused?
    #[must_use]
    pub fn denies(&self, topic: &str) -> bool {
        self.deny.iter().any(|pattern| matches_glob(pattern, topic))
    }
}

/// The mock half of a dialect. Whatever it makes has no I/O and no tasks: it answers questions, and `client`
/// does the waiting.
pub trait Provider: Sync {
    /// The paths that exist, for the person who asked for another one.
    fn paths(&self) -> &'static [&'static str];

    /// A path to connect to, with a credential in it if one is given.
    fn target(&self, token: Option<&str>) -> String;

    /// What all connections to one mock server share.
    fn service(&self, settings: &Arc<Settings>) -> Arc<dyn Service>;
}

/// The mock half of a dialect in one running server.
pub trait Service: Send + Sync {
    /// What to do with a request; `None` if its path belongs to another.
    fn answer(&self, request: &Request) -> Option<Answer>;

    /// Sends an event that somebody made up to whoever is subscribed to it, spelled as it is, and says to how many
    /// that was. `None`: it is no event of this provider's.
    fn push(&self, event: &RawValue) -> Option<usize> {
        let _ = event;
        None
    }

    /// The events that all connections share, if there are any.
    fn stream(&self) -> Option<&dyn Stream> {
        None
    }

    /// Does something that no client can ask for, or tells what was seen. `None`: there is no such command, or
    /// its argument is about nothing that exists. Which commands there are, the provider's mock says.
    fn command(&self, name: &str, argument: &str) -> Option<serde_json::Value> {
        let _ = (name, argument);
        None
    }

    /// Announces to all clients that their connections are about to end, as the provider does before it takes a
    /// server out of service. `false`: it announces no such thing.
    fn drain(&self) -> bool {
        self.command("drain", "").is_some()
    }
}

/// What to do with a request.
pub enum Answer {
    /// Answer it.
    Http(Response),
    /// Upgrade it, if it is a proper opening handshake.
    Upgrade {
        /// The subprotocol to choose.
        protocol: Option<String>,
        /// The server's end of the conversation.
        peer: Box<dyn Peer>,
    },
}

/// Something that the server says to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Say {
    /// A message.
    Message(Message),
    /// The same, as the answer to a keep-alive message of the client's: it is withheld where pongs are.
    Pong(Message),
    /// A close frame, empty without a code, after which the closing handshake is waited for.
    Close {
        /// The close code.
        code: Option<u16>,
        /// The reason; only with a code.
        reason: String,
    },
    /// A close frame like that, but after a time in which the conversation goes on.
    CloseIn {
        /// On this mock's clock.
        after: Duration,
        /// The close code.
        code: u16,
        /// The reason.
        reason: &'static str,
    },
    /// Nothing: the TCP connection is ended without a close frame.
    Drop,
    /// A ping frame.
    Ping,
    /// These bytes between whole frames, whatever they are.
    Raw(Bytes),
    /// The end of the conversation, in a way that the client cannot expect.
    Cut(Cut),
}

/// How a conversation breaks off. What was said before still goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// TCP ends in order (FIN), without a close frame; what the client still sends is read and ignored.
    Fin,
    /// TCP is reset (RST).
    Reset,
    /// TCP stays, and nothing is written or read any more.
    Silence,
}

impl Say {
    /// Is this the last that can be said?
    #[must_use]
    pub fn ends(&self) -> bool {
        matches!(self, Self::Close { .. } | Self::Drop | Self::Cut(_))
    }

    /// Bytes that it takes in memory.
    #[must_use]
    pub fn cost(&self) -> usize {
        let held = match self {
            Self::Message(message) | Self::Pong(message) => message.len(),
            Self::Raw(bytes) => bytes.len(),
            Self::Close { reason, .. } => reason.len(),
            Self::CloseIn { .. } | Self::Drop | Self::Ping | Self::Cut(_) => 0,
        };
        size_of::<Self>() + held
    }

    /// A close frame.
    pub fn close(code: u16, reason: impl Into<String>) -> Self {
        Self::Close { code: Some(code), reason: reason.into() }
    }
}

impl From<Message> for Say {
    fn from(message: Message) -> Self {
        Self::Message(message)
    }
}

/// The server's end of one connection. Dropping it ends what it is subscribed to.
pub trait Peer: Send {
    /// The bounds of this connection.
    fn limits(&self) -> Limits {
        Limits::default()
    }

    /// Headers of the answer to the upgrade, besides those that every one has.
    fn headers(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }

    /// Faults of this connection alone, beside those of the server.
    fn faults(&self) -> Option<Arc<Faults>> {
        None
    }

    /// How the connection is kept alive, if the server does that; in the provider's own time.
    fn keepalive(&self) -> Option<Keepalive> {
        None
    }

    /// How often [`Peer::heartbeat`] is to be asked, if ever; in the provider's own time.
    fn heartbeat_every(&self) -> Option<Duration> {
        None
    }

    /// The connection is open: what the server says first. The mailbox of `conn` reaches this client from now
    /// on, after what is said here.
    fn opened(&mut self, conn: &Arc<Conn>) -> Vec<Say> {
        let _ = conn;
        Vec::new()
    }

    /// The answers to a message.
    fn received(&mut self, message: Message) -> Vec<Say>;

    /// What keeps the connection alive, for servers that do it with messages.
    fn heartbeat(&mut self) -> Vec<Say> {
        Vec::new()
    }

    /// The next event for this client alone; `None` as long as there is nothing that it asked for. Events come
    /// one after the other, without regard to the time of day: when they are sent is the pace's business.
    fn next_event(&mut self) -> Option<Message> {
        None
    }

    /// When [`Peer::due`] is to be asked, for a server's end with a timetable of its own; `None` as long as nothing
    /// is planned.
    fn due_at(&self) -> Option<Instant> {
        None
    }

    /// What the timetable says now.
    fn due(&mut self) -> Vec<Say> {
        Vec::new()
    }
}

/// The bounds of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The longest message that is accepted, in bytes.
    pub message: usize,
    /// Answers that may wait to be written, in bytes, before the client is not listened to any more.
    pub waiting: usize,
    /// What may wait in its mailbox.
    pub unread: Unread,
}

impl Default for Limits {
    fn default() -> Self {
        Self { message: 1 << 20, waiting: limits::MOCK_ANSWERS, unread: Unread::default() }
    }
}

/// A server's pings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keepalive {
    /// How often it pings.
    pub every: Duration,
    /// How long it lives without a pong before it drops the connection, without a close frame.
    pub patience: Duration,
}

/// A running mock server. Dropping it ends it at once, with every connection; [`Mock::shutdown`] says goodbye.
#[derive(Debug)]
pub struct Mock {
    local_addr: SocketAddr,
    names: Vec<&'static str>,
    /// The one dialect that was asked for, if it was one.
    only: Option<&'static str>,
    token: Option<Secret>,
    site: Arc<server::Site>,
    desk: Arc<Desk>,
    secure: bool,
    ca: Option<tls::CaFile>,
    controlled: bool,
    expectations: Vec<Expectation>,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
    faults: Arc<Switch>,
    ledger: Option<Arc<Ledger>>,
}

/// Starts a mock server on the current runtime.
///
/// # Errors
/// A dialect that has no mock, a mistake in a scenario or a program, an address that cannot be listened on, files that
/// cannot be read or written.
pub async fn start(mut settings: Settings) -> Result<Mock> {
    let names = served(&settings.dialects)?;
    let scripts = server::Scripts::load(&mut settings)?;
    let listener = TcpListener::bind((settings.host.as_str(), settings.port)).await;
    let cannot = |error: std::io::Error| {
        let (host, port) = (&settings.host, settings.port);
        Failure::new(Exit::Tcp, format!("the mock cannot listen on {host} port {port}: {error}"))
    };
    let listener = listener.map_err(cannot)?;
    let local_addr = listener.local_addr().map_err(cannot)?;
    let control = settings.control.guard(local_addr.ip())?;
    let replay = settings.replay.as_ref().map(|replay| Replay::load(replay, settings.then)).transpose()?;
    let (tls, ca) = Tls::new(&settings.tls, &settings.host)?.unzip();
    let desk = Arc::new(Desk::new(control.is_some() || !settings.expect.is_empty()));
    let mut expectations = Vec::new();
    for source in &settings.expect {
        expectations.push(Expectation::begin(source, &desk).await?);
    }
    let (stop, stopped) = watch::channel(false);
    let only = only(&settings, &names);
    let (token, secure, controlled) = (settings.token.clone(), tls.is_some(), control.is_some());
    let extras = Extras { control, tls, replay };
    let site = Arc::new(Site::new(&names, &Arc::new(settings), &desk, (scripts, extras))?);
    let (faults, ledger) = (Arc::clone(&site.faults), site.ledger.clone());
    let accepting = tokio::spawn(server::run(listener, Arc::clone(&site), stopped));
    let ca = ca.flatten();
    Ok(Mock {
        local_addr,
        names,
        only,
        token,
        site,
        desk,
        secure,
        ca,
        controlled,
        expectations,
        stop,
        accepting,
        faults,
        ledger,
    })
}

impl Mock {
    /// Where it listens.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// From now on tells this report, on its verbose levels, who comes, is refused, says something and leaves.
    pub fn tell(&self, report: &Report) {
        self.desk.tell_to(report);
    }

    /// The URL that a client can use as it is: that of the dialect, if one was asked for, and otherwise the base of
    /// them all, where what is played or scripted is found.
    #[must_use]
    pub fn main_url(&self) -> String {
        let of = self.only.and_then(|only| self.urls().into_iter().find(|(name, _)| *name == only));
        of.map_or_else(|| self.base("ws"), |(_, url)| url)
    }

    /// The URL of the control API, if it is switched on.
    #[must_use]
    pub fn control_url(&self) -> Option<String> {
        self.controlled.then(|| format!("{}{}", self.base("http"), control::BASE))
    }

    /// The file with the certificate of the authority to trust, if one was made.
    #[must_use]
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca.as_ref().map(|ca| ca.path.as_path())
    }

    /// Each dialect with the URL to connect to, to be announced. A token that was set is a secret and is left
    /// out; where any will do, one stands there, so that the URL works as it is.
    #[must_use]
    pub fn urls(&self) -> Vec<(&'static str, String)> {
        let token = self.token.is_none().then_some(ANY_TOKEN);
        self.names.iter().map(|name| (*name, self.url_for(name, token))).collect()
    }

    /// The URL of one dialect with a good token in it, for a client in the same process.
    #[must_use]
    pub fn url(&self, dialect: &str) -> Option<String> {
        let name = self.names.iter().find(|name| **name == dialect)?;
        let token = self.token.as_ref().map_or(ANY_TOKEN, Secret::expose);
        Some(self.url_for(name, Some(&encoded(token))))
    }

    /// Gives a command to whichever provider knows it: see [`Service::command`].
    #[must_use]
    pub fn command(&self, name: &str, argument: &str) -> Option<serde_json::Value> {
        self.site.command(name, argument)
    }

    /// What it does wrong on purpose, which can be exchanged.
    #[must_use]
    pub fn faults(&self) -> &Switch {
        &self.faults
    }

    /// What became of the expectations of its scenarios, if it has any.
    #[must_use]
    pub fn ledger(&self) -> Option<Arc<Ledger>> {
        self.ledger.clone()
    }

    /// Waits until this many connections have come and gone.
    pub async fn gone(&self, connections: u64) {
        self.desk.gone(connections).await;
    }

    /// What was expected of clients by now, with `--expect`, and did not come.
    pub async fn failures(&self) -> Vec<String> {
        let mut failures = Vec::new();
        for expectation in &self.expectations {
            failures.extend(expectation.failure().await);
        }
        failures
    }

    /// Takes no more connections, closes those there are with 1001 and waits a few seconds for the clients to
    /// agree.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        // Every connection bounds its own goodbye, so this ends; a task that panicked has nothing to wait for.
        let _ = (&mut self.accepting).await;
    }

    fn url_for(&self, name: &str, token: Option<&str>) -> String {
        let target = provider(name).map_or_else(|| "/".to_owned(), |provider| provider.target(token));
        format!("{}{target}", self.base("ws"))
    }

    fn base(&self, scheme: &str) -> String {
        let mut address = self.local_addr;
        if address.ip().is_unspecified() {
            // 0.0.0.0 can be listened on and not be connected to everywhere.
            address.set_ip(match address {
                SocketAddr::V4(_) => std::net::Ipv4Addr::LOCALHOST.into(),
                SocketAddr::V6(_) => std::net::Ipv6Addr::LOCALHOST.into(),
            });
        }
        let s = if self.secure { "s" } else { "" };
        format!("{scheme}{s}://{address}")
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Waits for the server to be told to stop. A sender that is gone means the same.
async fn stopped(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

/// The names of all dialects that have a mock.
fn mockable() -> impl Iterator<Item = &'static str> {
    dialect::ALL.iter().filter(|dialect| dialect.provider().is_some()).map(|dialect| dialect.name())
}

fn provider(name: &str) -> Option<&'static dyn Provider> {
    dialect::by_name(name)?.provider()
}

/// The dialects to serve. The plain one's echo answers beside any other.
fn served(wanted: &[String]) -> Result<Vec<&'static str>> {
    if let Some(unknown) = wanted.iter().find(|name| provider(name).is_none()) {
        let known: Vec<&str> = mockable().collect();
        return Err(Failure::usage(format!("there is no mock of '{unknown}'"))
            .hint(format!("there is one of: {}", known.join(", "))));
    }
    Ok(mockable()
        .filter(|name| wanted.is_empty() || *name == plain() || wanted.iter().any(|w| w == name))
        .collect())
}

/// The dialect whose URL is the one to use, if there is one. What is played or scripted is found at the base of all
/// URLs, unless a provider's path is scripted.
fn only(settings: &Settings, names: &[&'static str]) -> Option<&'static str> {
    let [only] = settings.dialects.as_slice() else { return None };
    let is_scripted = settings.scenario.is_some() || !settings.on.is_empty();
    if settings.replay.is_some() || (is_scripted && only == plain()) {
        return None;
    }
    names.iter().find(|name| *name == only).copied()
}

fn plain() -> &'static str {
    dialect::Dialect::name(&dialect::plain::Plain)
}

/// Does the text match a pattern in which `*` stands for any text?
fn matches_glob(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}
