//! The mock server: one port, told apart by path, on which the mock halves of providers can be reached. It is what
//! `serve-mock` runs and what `--mock` runs inside a client command.
//!
//! `server` accepts and reads the request, a service decides on it, `client` carries one connection: it asks the
//! peer what a message means and what happens next, `pace` when, and writes through `link`. Services and peers are
//! the [`provider`](crate::provider)s', which whoever starts the server hands in.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::net::url::encoded;
use crate::provider::{ANY_TOKEN, Named};
use crate::report::Report;
use crate::secret::Secret;

mod client;
pub(crate) mod control;
mod expect;
pub(crate) mod faults;
mod journal;
mod link;
mod matcher;
mod metrics;
mod on;
mod pace;
mod registry;
pub(crate) mod replay;
pub(crate) mod scenario;
mod script;
mod server;
mod settings;
mod stream;
mod tap;
#[cfg(test)]
pub(crate) mod tests;
mod tls;
mod wire;

pub use control::ControlSettings;
pub use faults::{Fault, Faults, GRAMMAR as FAULTS_HELP};
use registry::ClientRegistry;
pub use replay::{ReplaySettings, Speed};
pub use scenario::Ledger;
pub use script::VARIABLES_HELP;
pub use settings::MockSettings;
pub use tap::{TapRecorder, UpstreamSettings};
pub use tls::TlsSettings;

use expect::Expectation;
use replay::Replay;
use server::{Extras, Site};
use tls::TlsAccept;

/// A running mock server. Dropping it ends it at once, with every connection; [`Mock::shutdown`] says goodbye.
#[derive(Debug)]
pub struct Mock {
    local_addr: SocketAddr,
    served: Vec<Named>,
    /// The one dialect that was asked for, if it was one.
    only: Option<&'static str>,
    /// What is played or scripted is at the base of all URLs.
    at_base: bool,
    token: Option<Secret>,
    #[cfg(test)]
    site: Arc<Site>,
    registry: Arc<ClientRegistry>,
    secure: bool,
    ca: Option<tls::CaFile>,
    controlled: bool,
    expectations: Vec<Expectation>,
    stop: watch::Sender<bool>,
    accepting: JoinHandle<()>,
    ledger: Option<Arc<Ledger>>,
    recorder: Option<Arc<TapRecorder>>,
}

/// Starts a mock server on the current runtime, with those of these providers that the settings ask for.
///
/// # Errors
/// A dialect that has no mock, a mistake in a scenario or a program, an address that cannot be listened on, files that
/// cannot be read or written.
pub async fn start(mut settings: MockSettings, providers: &[Named]) -> Result<Mock> {
    let served = served(&settings, providers)?;
    let scripts = server::Scripts::load(&mut settings)?;
    let listener = TcpListener::bind((settings.host.as_str(), settings.port)).await;
    let cannot = |error: std::io::Error| {
        let (host, port) = (&settings.host, settings.port);
        Failure::new(Exit::Tcp, format!("the mock cannot listen on {host} port {port}: {error}"))
    };
    let listener = listener.map_err(cannot)?;
    let local_addr = listener.local_addr().map_err(cannot)?;
    let control = settings.control.guard(local_addr.ip())?;
    let then = settings.common.then;
    let replay = settings.replay.as_ref().map(|replay| Replay::load(replay, then)).transpose()?;
    let (tls, ca) = TlsAccept::new(&settings.tls, &settings.host)?.unzip();
    let registry = Arc::new(ClientRegistry::new(control.is_some() || !settings.expect.is_empty()));
    let mut expectations = Vec::new();
    for source in &settings.expect {
        expectations.push(Expectation::begin(source, &registry).await?);
    }
    let (stop, stopped) = watch::channel(false);
    let at_base = at_base(&settings, &served);
    let only = only(&settings, &served).filter(|_| !at_base);
    let (token, secure, controlled) = (settings.common.token.clone(), tls.is_some(), control.is_some());
    let extras = Extras { control, tls, replay };
    let site = Arc::new(Site::new(&served, settings, &registry, (scripts, extras))?);
    let (ledger, recorder) = (site.ledger(), site.recorder());
    let accepting = tokio::spawn(server::run(listener, Arc::clone(&site), stopped));
    let ca = ca.flatten();
    Ok(Mock {
        local_addr,
        served,
        only,
        at_base,
        token,
        #[cfg(test)]
        site,
        registry,
        secure,
        ca,
        controlled,
        expectations,
        stop,
        accepting,
        ledger,
        recorder,
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
        self.registry.tell_to(report);
        self.recorder.iter().for_each(|recorder| recorder.tell_to(report));
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
        self.served.iter().map(|provider| (provider.0, self.url_for(*provider, token))).collect()
    }

    /// What the mock of a dialect is, for people.
    #[must_use]
    pub fn about(&self, dialect: &str) -> &'static str {
        let provider = self.served.iter().find(|(name, _)| *name == dialect);
        provider.map(|(_, provider)| provider.about()).unwrap_or_default()
    }

    /// The URL for a client of this dialect in the same process, with a good token in it; the base where a recording or a
    /// script is played.
    #[must_use]
    pub fn url(&self, dialect: &str) -> Option<String> {
        if self.at_base {
            return Some(self.base("ws"));
        }
        let provider = self.served.iter().find(|(name, _)| *name == dialect)?;
        let token = self.token.as_ref().map_or(ANY_TOKEN, Secret::expose);
        Some(self.url_for(*provider, Some(&encoded(token))))
    }

    /// Gives a command to whichever provider knows it: see [`Service::command`](crate::provider::Service::command).
    #[cfg(test)]
    pub fn command(&self, name: &str, argument: &str) -> Option<serde_json::Value> {
        self.site.services_of(None).find_map(|service| service.command(name, argument))
    }

    /// What it does wrong on purpose, which can be exchanged.
    #[cfg(test)]
    pub fn faults(&self) -> &faults::Switch {
        &self.site.faults
    }

    /// What became of the expectations of its scenarios, if it has any.
    #[must_use]
    pub fn ledger(&self) -> Option<Arc<Ledger>> {
        self.ledger.clone()
    }

    /// What is recorded of an upstream, to be finished after the last connection.
    #[must_use]
    pub fn recorder(&self) -> Option<Arc<TapRecorder>> {
        self.recorder.clone()
    }

    /// Waits until this many connections have come and gone.
    pub async fn gone(&self, connections: u64) {
        self.registry.gone(connections).await;
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

    fn url_for(&self, (_, provider): Named, token: Option<&str>) -> String {
        format!("{}{}", self.base("ws"), provider.target(token))
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

/// The providers to serve.
fn served(settings: &MockSettings, providers: &[Named]) -> Result<Vec<Named>> {
    let wanted = &settings.dialects;
    let is_known = |wanted: &&String| providers.iter().any(|(name, _)| name == wanted);
    if let Some(unknown) = wanted.iter().find(|name| !is_known(name)) {
        let known: Vec<&str> = providers.iter().map(|(name, _)| *name).collect();
        return Err(Failure::usage(format!("dialect '{unknown}' has no mock"))
            .hint(format!("use one of: {}", known.join(", "))));
    }
    // With an upstream, its paths are its own: what is mocked beside it has to be named.
    let all = settings.upstream.is_none();
    let is_served = |(name, provider): &Named| {
        let by_itself = wanted.is_empty() || provider.is_always_served();
        all && by_itself || wanted.iter().any(|wanted| wanted == name)
    };
    Ok(providers.iter().copied().filter(is_served).collect())
}

/// The dialect that was asked for alone.
fn only(settings: &MockSettings, served: &[Named]) -> Option<&'static str> {
    let [only] = settings.dialects.as_slice() else { return None };
    served.iter().find(|(name, _)| name == only).map(|(name, _)| *name)
}

/// Is what is played or scripted found at the base of all URLs? It is, unless a provider's path is scripted.
fn at_base(settings: &MockSettings, served: &[Named]) -> bool {
    let is_scripted = settings.scenario.is_some() || !settings.on.is_empty();
    let is_plain =
        |wanted: &String| served.iter().any(|(name, provider)| name == wanted && provider.is_always_served());
    let is_played = settings.replay.is_some() || settings.upstream.is_some();
    is_played || (is_scripted && settings.dialects.iter().all(is_plain))
}
