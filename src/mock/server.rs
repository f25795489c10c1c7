//! The port: accepts connections, reads their requests and finds who answers them.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::control::{self, Guard};
use super::faults::{self, Faults, UpgradeReply};
use super::on::OnService;
use super::registry::Entered;
use super::replay::Replay;
use super::scenario::{self, Ledger, Scenario, ScenarioService};
use super::script::Clock;
use super::tap::{TapService, Tapped};
use super::tls::{Accepted, TlsAccept};
use super::wire::Wire;
use super::{ClientRegistry, MockSettings, TapRecorder, client, stopped, stream};
use crate::error::Failure;
use crate::frames::Compression;
use crate::handshake::client::EXTENSIONS;
use crate::handshake::extensions::Deflate;
use crate::handshake::server::{Request, Response};
use crate::message::Message;
use crate::provider::budget::{Share, Use};
use crate::provider::{ANY_TOKEN, Answer, Conn, Named, Peer, Service, Settings};
use crate::report::Level;

/// Bodies up to this size are written with their heads.
const WRITTEN_AT_ONCE: usize = 64 << 10;

/// The size of the read buffer after the first request.
const READ_AT_ONCE: usize = 4 << 10;

/// How long a client has to send its request.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was scripted for this server alone.
pub(super) struct Scripts(Option<Vec<Scenario>>);

impl Scripts {
    /// Reads the scenarios; the faults of their file join those of the settings.
    pub(super) fn load(settings: &mut MockSettings) -> Result<Self, Failure> {
        let Some(path) = &settings.scenario else { return Ok(Self(None)) };
        let (scenarios, faults) = scenario::read(path)?;
        settings.faults.extend(faults);
        Ok(Self(Some(scenarios)))
    }
}

/// Everything that can be reached on the port.
pub(super) struct Site {
    pub(super) registry: Arc<ClientRegistry>,
    settings: Arc<Settings>,
    served: Vec<Named>,
    services: Vec<(&'static str, Arc<dyn Service>)>,
    /// Several providers are served to clients with any token, and no programs answer: the base of all URLs is nobody's.
    is_shared: bool,
    paths: Vec<&'static str>,
    /// Comes before the providers.
    scenario: Option<ScenarioService>,
    /// Where all goes that nobody else answers.
    tap: Option<Arc<TapService>>,
    /// The compression that is accepted.
    compression: Option<Deflate>,
    /// What goes wrong on purpose.
    pub(super) faults: Arc<faults::Switch>,
    extras: Extras,
}

/// Who answers a request.
enum Decision {
    Mock(Answer),
    /// The upstream, with a scenario that runs beside it.
    Upstream(Arc<TapService>, Option<Box<dyn Peer>>),
}

impl From<Answer> for Decision {
    fn from(answer: Answer) -> Self {
        Self::Mock(answer)
    }
}

/// What is there besides the providers.
#[derive(Default)]
pub(super) struct Extras {
    /// Who may use the control API; `None` if it is switched off.
    pub(super) control: Option<Guard>,
    /// TLS, if the port speaks it.
    pub(super) tls: Option<TlsAccept>,
    /// What is played on all paths that no provider owns.
    pub(super) replay: Option<Replay>,
}

impl Site {
    pub(super) fn new(
        providers: &[Named],
        settings: MockSettings,
        registry: &Arc<ClientRegistry>,
        (scripts, extras): (Scripts, Extras),
    ) -> Result<Self, Failure> {
        let is_shared =
            settings.dialects.len() != 1 && settings.on.is_empty() && settings.common.token.is_none();
        let is_shared = is_shared && settings.upstream.is_none();
        let MockSettings { common, on, faults, compression, upstream, .. } = settings;
        let (clock, settings) = (Clock::new(common.time_scale), Arc::new(common));
        let mut services: Vec<(&'static str, Arc<dyn Service>)> =
            providers.iter().map(|(name, provider)| (*name, provider.service(&settings))).collect();
        // Programs come after the providers. Before an upstream, they answer only what they have an answer to.
        let tap = upstream.map(|upstream| TapService::new(upstream, &on, clock)).transpose()?.map(Arc::new);
        if tap.is_none()
            && let Some(on) = OnService::new(&on, &settings, clock)?
        {
            services.push(("--on", Arc::new(on)));
        }
        let scenario = scripts.0.map(|scenarios| ScenarioService::new(scenarios, &settings, registry, clock));
        Ok(Self {
            registry: Arc::clone(registry),
            served: providers.to_vec(),
            services,
            is_shared,
            scenario,
            tap,
            compression,
            paths: providers.iter().flat_map(|(_, provider)| provider.paths()).copied().collect(),
            faults: Arc::new(faults::Switch::new(faults, &settings)),
            settings,
            extras,
        })
    }

    /// What became of scenarios.
    pub(super) fn ledger(&self) -> Option<Arc<Ledger>> {
        self.scenario.as_ref().map(|scenario| Arc::clone(scenario.ledger()))
    }

    /// What is recorded of the upstream.
    pub(super) fn recorder(&self) -> Option<Arc<TapRecorder>> {
        self.tap.as_ref().and_then(|tap| tap.recorder()).cloned()
    }

    /// The provider of this name, or all of them.
    pub(super) fn services_of(&self, name: Option<&str>) -> impl Iterator<Item = &Arc<dyn Service>> {
        let wanted = move |known: &str| name.is_none_or(|name| name == known);
        self.services.iter().filter(move |(known, _)| wanted(known)).map(|(_, service)| service)
    }

    /// The answer to a request, with the faults of this connection alone.
    fn answer(&self, request: &Request) -> (Decision, Option<Arc<Faults>>) {
        let replay = || self.extras.replay.as_ref().map(|replay| replay.answer(request));
        // A replay has the root to itself; elsewhere the scenarios and the providers come first.
        if request.path() == "/"
            && let Some(answer) = replay()
        {
            return (answer.into(), None);
        }
        if let Some(scripted) = self.scenario.as_ref().and_then(|scenario| scenario.answer(request)) {
            let (answer, is_beside, faults) = scripted;
            let decision = match (answer, &self.tap) {
                (Answer::Upgrade { peer, .. }, Some(tap)) if is_beside => {
                    Decision::Upstream(Arc::clone(tap), Some(peer))
                }
                (answer, _) => answer.into(),
            };
            return (decision, Some(faults));
        }
        if request.path() == "/"
            && let Some(answer) = self.root(request)
        {
            return (answer.into(), None);
        }
        let provided = self.services.iter().find_map(|(_, service)| service.answer(request));
        let provided = provided.or_else(replay).map(Decision::from);
        (provided.unwrap_or_else(|| self.left_over(request)), None)
    }

    /// What nobody here answers: upgrades are for the upstream, if there is one.
    fn left_over(&self, request: &Request) -> Decision {
        let Some(tap) = &self.tap else { return Answer::Http(self.not_found(request)).into() };
        match request.upgrade() {
            Ok(_) => Decision::Upstream(Arc::clone(tap), None),
            Err(refusal) if request.header("Upgrade").is_some() => Answer::Http(refusal).into(),
            Err(_) => {
                let text = "only WebSocket connections are passed on to the upstream";
                Answer::Http(Response::text(501, text)).into()
            }
        }
    }

    /// The base of all URLs: a page for people, and an echo for clients that are given this URL alone. With one dialect,
    /// and where programs answer, it is theirs.
    fn root(&self, request: &Request) -> Option<Answer> {
        if request.method() == "GET" && request.header("Upgrade").is_none() {
            return Some(Answer::Http(self.page()));
        }
        let is_bare = request.query_pairs().is_empty() && request.header("Authorization").is_none();
        let mut services = self.services.iter().filter(|_| self.is_shared && is_bare);
        services.find_map(|(_, service)| service.answer_bare(request))
    }

    /// What the server is and which paths it has.
    fn page(&self) -> Response {
        let token = self.settings.token.is_none().then_some(ANY_TOKEN);
        let mut text = format!("wstap {}: a mock WebSocket server\n\n", env!("CARGO_PKG_VERSION"));
        for (name, provider) in &self.served {
            text.push_str(&format!("{name:<8} {}\n         {}\n", provider.target(token), provider.about()));
        }
        text.push_str(&format!("\nAll paths: {}\n", self.paths.join(" ")));
        text.push_str("Connect with: wstap connect ws://HOST:PORT/PATH");
        Response::text(200, &text)
    }

    fn not_found(&self, request: &Request) -> Response {
        let body = serde_json::json!({
            "error": "unknown path", "path": request.path(), "paths": self.paths
        });
        Response::json(404, body.to_string())
    }

    fn tell_answer(&self, request: &Request, response: &Response) {
        if control::owns(request.path()) {
            return;
        }
        self.registry.tell(Level::Verbose, || {
            let body = Message::Binary(response.body.clone().into());
            format!(
                "{} {}: {} {}",
                request.method(),
                request.path(),
                response.status,
                body.shortened(&self.registry.secrets())
            )
        });
    }

    /// The next connection, which is about to be upgraded.
    fn enter(&self, request: &Request, remote: SocketAddr, share: &Arc<Share>) -> Entered {
        let (id, taken) = (self.registry.next_id(), &self.registry.taken);
        self.registry.enter(Arc::new(Conn::of_server(id, request.path(), remote, share, taken)))
    }
}

impl std::fmt::Debug for Site {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Site").field("paths", &self.paths).finish_non_exhaustive()
    }
}

/// Accepts until told to stop, then waits for the connections to end. Dropping the future drops them all.
pub(super) async fn run(listener: TcpListener, site: Arc<Site>, mut stop: watch::Receiver<bool>) {
    let mut streams = JoinSet::new();
    for (_, service) in &site.services {
        let registry = Arc::clone(&site.registry);
        streams.spawn(stream::run(Arc::clone(service), Arc::clone(&site.settings), registry));
    }
    let mut clients = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, remote)) => {
                    clients.spawn(serve(stream, remote, Arc::clone(&site), stop.clone()));
                }
                // Out of descriptors, most likely: what helps is that a client leaves.
                Err(_) => sleep(Duration::from_millis(50)).await,
            },
            Some(_) = clients.join_next() => {}
            () = stopped(&mut stop) => break,
        }
    }
    drop(listener);
    while clients.join_next().await.is_some() {}
}

/// Makes a byte stream of a connection.
async fn serve(stream: TcpStream, remote: SocketAddr, site: Arc<Site>, mut stop: watch::Receiver<bool>) {
    // An event is a small write that somebody waits for.
    let _ = stream.set_nodelay(true);
    let Some(tls) = &site.extras.tls else { return answer(Wire::plain(stream), remote, site, stop).await };
    let accepted = tokio::select! {
        accepted = timeout(PATIENCE, tls.accept(stream)) => accepted,
        () = stopped(&mut stop) => return,
    };
    match accepted {
        Ok(Some(Accepted::Tls(wire))) => answer(wire, remote, site, stop).await,
        Ok(Some(Accepted::NotTls(wire))) => {
            respond(
                wire,
                BytesMut::new(),
                &Response::text(400, "this port speaks TLS: use wss:// or https://"),
            )
            .await;
        }
        Ok(None) | Err(_) => {}
    }
}

/// Answers requests until one is upgraded or the client has no more.
async fn answer(mut stream: Wire, remote: SocketAddr, site: Arc<Site>, mut stop: watch::Receiver<bool>) {
    let mut bytes = Vec::with_capacity(1024);
    // Answers to calls that came together leave together.
    let mut answers = BytesMut::new();
    let share = site.registry.budget.share();
    stream.count_in(&share);
    loop {
        let request = tokio::select! {
            request = next_request(&mut stream, &mut bytes, &mut answers, &share) => request,
            () = share.has_to_leave() => {
                drop(bytes);
                return respond(stream, answers, &greedy()).await;
            }
            () = stopped(&mut stop) => return,
        };
        let request = match request {
            Ok(Some(request)) => request,
            Ok(None) => return,
            Err(refusal) => return respond(stream, answers, &refusal).await,
        };
        let upgraded = tokio::select! {
            upgraded = decide(&mut stream, &mut answers, &site, &request, &share) => upgraded,
            () = share.has_to_leave() => Upgraded::No(greedy()),
            () = stopped(&mut stop) => return,
        };
        stream.taken(usize::MAX);
        let response = match upgraded {
            Upgraded::Yes(far, entry) => {
                stream.begin_frames();
                let entered = site.enter(&request, remote, &share);
                return converse((stream, bytes), (far, entry), (&site, &entered), stop).await;
            }
            Upgraded::Refused(response) => response,
            Upgraded::No(response) => {
                site.tell_answer(&request, &response);
                response
            }
            Upgraded::Unanswered => return,
        };
        share.set(Use::Outgoing, answers.len() + response.body.len());
        if !request.keeps_alive() || response.status >= 400 {
            return respond(stream, answers, &response).await;
        }
        drop(request);
        let written = tokio::select! {
            written = queue_response(&mut stream, &mut answers, &response, true) => written,
            () = share.has_to_leave() => return,
            () = stopped(&mut stop) => return,
        };
        if written.is_err() {
            return;
        }
        share.set(Use::Outgoing, answers.len());
    }
}

/// What a client is told whose request takes too much memory.
fn greedy() -> Response {
    Response::text(503, "the memory limit of the mock is reached")
}

/// Adds a response to the answers that are to leave. A large body leaves at once, and is not copied for it.
async fn queue_response(
    stream: &mut Wire,
    answers: &mut BytesMut,
    response: &Response,
    keep_alive: bool,
) -> std::io::Result<()> {
    let body = &response.body;
    answers.extend_from_slice(&response.head_bytes(keep_alive));
    if body.len() > WRITTEN_AT_ONCE {
        flush_answers(stream, answers).await?;
        return stream.write_all(body).await;
    }
    answers.extend_from_slice(body);
    if answers.len() > WRITTEN_AT_ONCE { flush_answers(stream, answers).await } else { Ok(()) }
}

/// Writes the answers that are to leave. If it is cancelled, what was not written is still there.
async fn flush_answers(stream: &mut Wire, answers: &mut BytesMut) -> std::io::Result<()> {
    while !answers.is_empty() {
        if stream.write_buf(answers).await? == 0 {
            return Err(std::io::ErrorKind::WriteZero.into());
        }
    }
    *answers = BytesMut::new();
    Ok(())
}

/// The next request: one that has come already, or what comes once the answers so far are written. `None` if the client
/// left.
async fn next_request(
    stream: &mut Wire,
    bytes: &mut Vec<u8>,
    answers: &mut BytesMut,
    share: &Share,
) -> Result<Option<Request>, Response> {
    if let Some(request) = take_request(bytes)? {
        return Ok(Some(request));
    }
    if flush_answers(stream, answers).await.is_err() {
        return Ok(None);
    }
    share.set(Use::Outgoing, 0);
    let late = |_| Err(Response::text(408, "no request received in time"));
    timeout(PATIENCE, read_request(stream, bytes)).await.unwrap_or_else(late)
}

/// Reads a request with its body; what came after it stays in `bytes`. `None` if the client left before its end.
async fn read_request(stream: &mut Wire, bytes: &mut Vec<u8>) -> Result<Option<Request>, Response> {
    loop {
        if let Some(request) = take_request(bytes)? {
            return Ok(Some(request));
        }
        if !matches!(stream.read_buf(bytes).await, Ok(1..)) {
            return Ok(None);
        }
    }
}

/// Takes a request with its body out of what has come, if all of it has.
fn take_request(bytes: &mut Vec<u8>) -> Result<Option<Request>, Response> {
    let Some((mut request, length)) = Request::parse(bytes)? else { return Ok(None) };
    let end = length + request.body_length()?;
    if bytes.len() < end {
        return Ok(None);
    }
    request.body = bytes[length..end].to_vec();
    bytes.drain(..end);
    // A large request does not keep its memory; who has made one call may send the next ones together.
    bytes.shrink_to(READ_AT_ONCE);
    bytes.reserve(READ_AT_ONCE - bytes.len().min(READ_AT_ONCE));
    Ok(Some(request))
}

/// Who speaks with a client.
enum FarEnd {
    Mock(Box<dyn Peer>, Option<Compression>),
    Upstream(Arc<TapService>, Box<Tapped>),
}

/// Speaks with a client until it is over.
async fn converse(
    (stream, bytes): (Wire, Vec<u8>),
    (far, entry): (FarEnd, faults::ConnFaults),
    (site, entered): (&Site, &Entered),
    stop: watch::Receiver<bool>,
) {
    let (conn, registry) = (Arc::clone(&entered.conn), Arc::clone(&site.registry));
    let of = (conn, registry, Arc::clone(&site.settings), entry);
    match far {
        FarEnd::Mock(peer, compression) => {
            client::converse((stream, bytes, compression), peer, of, stop).await;
        }
        FarEnd::Upstream(tap, tapped) => Box::pin(tap.converse((stream, bytes), *tapped, of, stop)).await,
    }
}

/// What became of a request.
enum Upgraded {
    Yes(FarEnd, faults::ConnFaults),
    No(Response),
    /// The upstream has refused it, which people were told.
    Refused(Response),
    /// The client left without an answer.
    Unanswered,
}

/// Answers a request for the control API, on which no fault has an influence, and hands on all others. Upgrades and control
/// requests may take long, so earlier answers are sent first.
async fn decide(
    stream: &mut Wire,
    answers: &mut BytesMut,
    site: &Site,
    request: &Request,
    share: &Share,
) -> Upgraded {
    let is_call = request.header("Upgrade").is_none() && !control::owns(request.path());
    if !is_call && flush_answers(stream, answers).await.is_err() {
        return Upgraded::Unanswered;
    }
    match site.extras.control.as_ref().filter(|_| control::owns(request.path())) {
        Some(guard) => Upgraded::No(control::answer(site, guard, request, share).await),
        None => upgrade(stream, site, request).await,
    }
}

/// Upgrades the connection if the path's owner, RFC 6455 and the faults allow it. A write that fails shows up
/// again at the first read.
async fn upgrade(stream: &mut Wire, site: &Site, request: &Request) -> Upgraded {
    let (decision, faults) = site.answer(request);
    let (protocol, peer) = match decision {
        Decision::Mock(Answer::Http(response)) => {
            site.registry.journal.note_body(request.path(), &request.body);
            return Upgraded::No(response);
        }
        Decision::Mock(Answer::Upgrade { protocol, peer }) => (protocol, peer),
        Decision::Upstream(tap, script) => {
            let entry = site.faults.enter(faults);
            // Boxed, as its conversation is: clients of the mock alone should not pay for its size.
            return Box::pin(upgrade_upstream(stream, site, request, (tap, script, entry))).await;
        }
    };
    let upgrade = match request.upgrade() {
        Ok(upgrade) => upgrade,
        Err(refusal) => return Upgraded::No(refusal),
    };
    let entry = site.faults.enter(faults);
    let own = site.compression.filter(|_| !entry.declines_compression());
    let agreement = own.and_then(|own| own.accept(request.list(EXTENSIONS)));
    let response = upgrade.response(protocol.as_deref(), agreement.as_ref());
    let response =
        peer.headers().iter().fold(response, |response, (name, value)| response.header(name, value));
    match entry.answer(response).await {
        UpgradeReply::Refuse(response) => Upgraded::No(response),
        UpgradeReply::Silence => silence(stream).await,
        UpgradeReply::Upgrade(response) => {
            let _ = stream.write_all(&response.to_bytes()).await;
            let compression = agreement.map(|agreement| agreement.compression);
            Upgraded::Yes(FarEnd::Mock(peer, compression), entry)
        }
    }
}

/// Upgrades the connection if the upstream and the faults allow it. What a fault refuses, the upstream never sees.
async fn upgrade_upstream(
    stream: &mut Wire,
    site: &Site,
    request: &Request,
    (tap, script, entry): (Arc<TapService>, Option<Box<dyn Peer>>, faults::ConnFaults),
) -> Upgraded {
    let upgrade = match request.upgrade() {
        Ok(upgrade) => upgrade,
        Err(refusal) => return Upgraded::No(refusal),
    };
    match entry.answer(Response::new(101)).await {
        UpgradeReply::Refuse(response) => return Upgraded::No(response),
        UpgradeReply::Silence => return silence(stream).await,
        UpgradeReply::Upgrade(_) => {}
    }
    let compresses = site.compression.is_some() && !entry.declines_compression();
    let opened = tokio::select! {
        opened = tap.open((request, &upgrade), compresses, script, &site.registry) => opened,
        // The upstream need not be connected to for a client that has given up.
        () = stream.left() => return Upgraded::Unanswered,
    };
    let (response, tapped) = match opened {
        Ok(opened) => opened,
        Err(response) => return Upgraded::Refused(response),
    };
    let _ = stream.write_all(&entry.spoil(response).to_bytes()).await;
    Upgraded::Yes(FarEnd::Upstream(tap, Box::new(tapped)), entry)
}

/// Reads on and never answers.
async fn silence(stream: &mut Wire) -> Upgraded {
    let mut rest = [0; 1024];
    while matches!(stream.read(&mut rest).await, Ok(1..)) {}
    Upgraded::Unanswered
}

/// Answers and closes, reading on for a moment so that bytes the client still sends do not reset the
/// connection under the answer.
async fn respond(mut stream: Wire, mut answers: BytesMut, response: &Response) {
    stream.count_no_more();
    let all = async {
        queue_response(&mut stream, &mut answers, response, false).await?;
        flush_answers(&mut stream, &mut answers).await?;
        stream.shutdown().await?;
        let mut rest = [0; 4096];
        while stream.read(&mut rest).await? > 0 {}
        Ok::<(), std::io::Error>(())
    };
    let _ = timeout(Duration::from_secs(2), all).await;
}
