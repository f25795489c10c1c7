//! The phases of opening a link, in order, under one deadline.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::BytesMut;
use tokio::time::Instant;

use super::cookies::Jar;
use super::credentials::{RequestState, cross_origin};
use super::digest::Challenge;
use super::link::{Tap, link};
use super::proxy::Goal;
use super::upgrade::Question;
use super::url::{literal, without_zone};
use super::witness::Witness;
use super::{
    Attempt, OpenReport, Options, Proxy, ProxyScheme, StreamAttempt, TlsOptions, TokenPlace, Transport,
    WsUrl, dns, proxy, refusal, tcp, tls, upgrade, witness,
};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::handshake::checks::{agreement, examine};
use crate::handshake::client::ResponseHead;
use crate::secret::{Place, Secret};

/// Opens a link: name resolution, TCP, proxy, TLS and upgrade, redirects included, within
/// [`Options::connect_timeout`]. What was seen is reported whether or not it worked.
///
/// A phase that the deadline hits names itself, with its own exit status; an upgrade that gets no answer is
/// [`Exit::LinkSilent`].
pub async fn open(url: &WsUrl, options: &Options) -> Attempt {
    let StreamAttempt { report, stream } = open_stream(url, options).await;
    let link = match stream.and_then(|tap| refusal::spoken(&report).map(|()| tap)) {
        Ok(tap) => {
            let compression = report.agreement.map(|agreement| agreement.compression);
            Ok(link(tap, options.max_message_size, compression).await)
        }
        Err(failure) => Err(failure),
    };
    Attempt { report, link }
}

/// A stream to the server of a URL that does not speak WebSocket, with TLS if the URL says so.
///
/// # Errors
/// The failure of the phase: name resolution, TCP, proxy or TLS.
#[cfg(feature = "brokers")]
pub async fn open_bare(url: &WsUrl, options: &Options) -> Result<Box<dyn Transport>> {
    Ok(Opening::new(options).connect(url, options).await?.0)
}

/// [`open`] up to the stream under the link.
pub async fn open_stream(url: &WsUrl, options: &Options) -> StreamAttempt {
    let started = Instant::now();
    let mut opening = Opening::new(options);
    let stream = opening.follow(url, options).await;
    opening.report.total = started.elapsed();
    StreamAttempt { report: opening.report, stream }
}

/// The addresses that a connection to `url` could be made to, in the order of trial.
///
/// # Errors
/// A name that does not resolve, within [`Options::connect_timeout`].
pub async fn addresses(url: &WsUrl, options: &Options) -> Result<Vec<SocketAddr>> {
    let (host, port) = connect_to(url, options);
    Opening::new(options).phase(Phase::Dns, &host, dns::resolve(&host, port, options)).await
}

/// An attempt under way.
pub(super) struct Opening {
    report: OpenReport,
    deadline: Instant,
    limit: Duration,
    /// What redirects to other origins left out, of every hop.
    withheld: Vec<String>,
    /// The cookies that redirects have set.
    jar: Jar,
    /// The answer to a challenge of the server that is asked.
    answer: Option<Secret>,
}

/// Where one hop led.
enum Hop {
    Open(Box<Tap>),
    Redirect(WsUrl),
    /// The same request again, with the answer to a challenge.
    Again,
}

#[derive(Clone, Copy)]
pub(super) enum Phase {
    Dns,
    Tcp,
    Proxy,
    Tls,
    Upgrade,
    /// A call that is no upgrade.
    Call,
}

impl Opening {
    /// An attempt whose time starts now.
    pub(super) fn new(options: &Options) -> Self {
        let limit = options.connect_timeout;
        let (report, deadline) = (OpenReport::default(), Instant::now() + limit);
        Self { report, deadline, limit, withheld: Vec::new(), jar: Jar::default(), answer: None }
    }

    async fn follow(&mut self, url: &WsUrl, options: &Options) -> Result<Tap> {
        let basic = options.basic.as_ref().or(url.userinfo()).cloned();
        let mut options = Options { basic, ..options.clone() };
        // The token that was asked for takes the place of one that is written out in the URL.
        let mut here = options.in_query(url.clone());
        loop {
            let next = match self.hop(&here, &options).await? {
                Hop::Open(tap) => return Ok(*tap),
                Hop::Again => continue,
                Hop::Redirect(next) => next,
            };
            self.answer = None;
            let mut withheld = std::mem::take(&mut self.withheld);
            if !next.same_origin(&here) {
                let (others, warning) = cross_origin(&here, &next, &options)?;
                options = others;
                withheld.extend(warning);
            }
            let mut redirects = std::mem::take(&mut self.report.redirects);
            redirects.push(next.to_string());
            let cautions = std::mem::take(&mut self.report.cautions);
            let warnings = withheld.clone();
            self.withheld = withheld;
            self.report = OpenReport { redirects, cautions, warnings, ..OpenReport::default() };
            here = options.in_query_after_redirect(next);
            self.report.warnings.extend(here.look_alike());
        }
    }

    async fn hop(&mut self, url: &WsUrl, options: &Options) -> Result<Hop> {
        self.report.url = url.to_string();
        self.report.exposed_url = Some(url.exposed());
        let state = RequestState { answer: self.answer.as_ref(), jar: &self.jar };
        let request = options.request(url, &state)?;
        let (mut stream, witness) = self.connect(url, options).await?;
        let shown = url.to_string();
        let secrets = &options.secrets;
        let question = Question { what: "the upgrade", shown: &shown, tls_scheme: "wss://", secrets };
        let bytes = request.bytes();
        self.report.request = Some(options.shown(url, &request));
        let asking = upgrade::ask(&mut stream, &bytes, &question, witness.as_ref());
        let (head, tail) = self.phase(Phase::Upgrade, &shown, asking).await?;
        self.report.status = Some(head.status);
        self.report.version_minor = head.version_minor;
        self.report.reason.clone_from(&head.reason);
        self.report.headers.clone_from(&head.headers);
        if head.status != 101 {
            return self.refused(url, options, stream, &head, tail).await;
        }
        let expectation = request.expectation();
        self.report.findings = examine(&head, &expectation);
        if let Some(failure) = refusal::violations(&shown, &self.report.findings) {
            return Err(failure);
        }
        self.report.warnings.extend(refusal::oddities(&self.report.findings));
        self.report.agreement = agreement(&head, &expectation.extensions).ok().flatten();
        self.report.subprotocol = head.value("Sec-WebSocket-Protocol").map(str::to_owned);
        Ok(Hop::Open(Box::new(Tap::new(stream, tail.freeze()))))
    }

    /// A stream that speaks with the server, through TLS where the URL says so.
    pub(super) async fn connect(
        &mut self,
        url: &WsUrl,
        options: &Options,
    ) -> Result<(Box<dyn Transport>, Option<Witness>)> {
        if !url.is_tls() && !options.tls.pins.is_empty() {
            return Err(witness::fail(format!("--pinnedpubkey: {url} does not use TLS"))
                .hint("use a wss:// URL, or remove --pinnedpubkey"));
        }
        let setup = if url.is_tls() { Some(tls::TlsSetup::start(&options.tls)?) } else { None };
        let stream = self.dial(url, options).await?;
        let Some(setup) = setup else { return Ok((stream, None)) };
        let (stream, witness) = self.secure(setup, stream, url, &options.tls).await?;
        Ok((stream, Some(witness)))
    }

    /// A stream to the server, or to the unix socket, or through the proxy.
    async fn dial(&mut self, url: &WsUrl, options: &Options) -> Result<Box<dyn Transport>> {
        if let Some(path) = options.unix_socket.as_deref().or(url.socket()) {
            let shown = path.display().to_string();
            return Ok(Box::new(self.phase(Phase::Tcp, &shown, tcp::connect_unix(path)).await?));
        }
        let (host, port) = connect_to(url, options);
        let Some(proxy) = &options.proxy else { return self.reach(&host, port, options).await };
        self.report.via = Some(proxy.shown());
        let goal = self.goal(proxy, &host, port, options).await?;
        let mut stream = self
            .reach(&proxy.host, proxy.port, options)
            .await
            .map_err(|failure| proxy::unreachable(proxy, failure))?;
        self.phase(Phase::Proxy, &proxy.shown(), proxy::tunnel(&mut stream, proxy, &goal)).await?;
        Ok(stream)
    }

    /// What the proxy is asked for: `socks5` gets the first address, as resolved here, the others the name.
    async fn goal<'a>(
        &mut self,
        proxy: &Proxy,
        host: &'a str,
        port: u16,
        options: &Options,
    ) -> Result<Goal<'a>> {
        if proxy.scheme != ProxyScheme::Socks5 {
            return Ok(Goal::Name(host, port));
        }
        let addresses = self.phase(Phase::Dns, host, dns::resolve(host, port, options)).await?;
        Ok(addresses.first().map_or(Goal::Name(host, port), |address| Goal::Address(*address)))
    }

    async fn reach(&mut self, host: &str, port: u16, options: &Options) -> Result<Box<dyn Transport>> {
        host.clone_into(&mut self.report.host);
        let addresses = if literal(host).is_some() {
            dns::resolve(host, port, options).await?
        } else {
            self.phase(Phase::Dns, host, dns::resolve(host, port, options)).await?
        };
        self.report.addresses.clone_from(&addresses);
        let shown = dns::authority(host, port);
        let mut trace = tcp::Trace::default();
        let connected = self.phase(Phase::Tcp, &shown, tcp::connect(&addresses, &shown, &mut trace)).await;
        self.report.tried = trace.tried();
        let (stream, remote) = connected.map_err(|mut failure| {
            // A literal address is named by the failure itself.
            if literal(host).is_none() {
                failure.details = trace.lines();
            }
            failure
        })?;
        self.report.remote = Some(remote);
        self.report.local = stream.local_addr().ok();
        Ok(Box::new(stream))
    }

    async fn secure(
        &mut self,
        setup: tls::TlsSetup,
        stream: Box<dyn Transport>,
        url: &WsUrl,
        options: &TlsOptions,
    ) -> Result<(Box<dyn Transport>, Witness)> {
        let shown = dns::authority(url.host(), url.port());
        // Reading the roots is work of this machine; it is not counted as TLS.
        let mut warnings = Vec::new();
        let ready = setup.ready(&mut warnings).await?;
        self.report.warnings.extend(warnings);
        let mut info = None;
        let connecting = ready.connect(stream, without_zone(url.host()), &shown, &mut info);
        let connected = self.phase(Phase::Tls, &shown, connecting).await;
        let verify_error = info.as_ref().and_then(|info| info.verify_error.clone());
        self.report.tls_info = info;
        let (stream, witness) = connected?;
        if let Some(path) = &options.keylog {
            let path = path.display();
            self.report.cautions.push(format!("anyone who can read {path} can decrypt this connection"));
        }
        let is_pinned = !options.pins.is_empty();
        if let Some(error) = verify_error {
            let but = if is_pinned { "its key is the pinned one" } else { "anyone may be listening" };
            self.report.cautions.push(format!("-k: connected to {shown} although {error}: {but}"));
        }
        Ok((Box::new(stream), witness))
    }

    /// An answer other than 101: a redirect to follow, or a failure with the body.
    async fn refused(
        &mut self,
        url: &WsUrl,
        options: &Options,
        mut stream: Box<dyn Transport>,
        head: &ResponseHead,
        tail: BytesMut,
    ) -> Result<Hop> {
        let location = head.value("Location").filter(|_| matches!(head.status, 301 | 302 | 303 | 307 | 308));
        if let Some(location) = location.filter(|_| options.max_redirects > 0) {
            let followed = u32::try_from(self.report.redirects.len()).unwrap_or(u32::MAX);
            if followed >= options.max_redirects {
                let what = format!("more than {} redirects, the last from {url}", options.max_redirects);
                return Err(Failure::new(Exit::Refused, what).details(self.report.redirects.clone()));
            }
            self.jar.store(url, head);
            self.jar.values().for_each(|value| options.secrets.add(value, Place::Header));
            return url.join(location).map(Hop::Redirect).map_err(|failure| {
                let what = format!("{url} redirects to an invalid WebSocket URL: {}", failure.what);
                Failure { exit: Exit::Refused, what, ..failure }
            });
        }
        if self.answers(url, options, head)? {
            return Ok(Hop::Again);
        }
        self.report.asked_wait = refusal::asked_wait(head);
        self.report.retry_after = refusal::retry_after(head);
        (self.report.body, self.report.body_cut) = upgrade::read_body(&mut stream, head, tail).await;
        if self.report.body_cut {
            options.secrets.mask_end(&mut self.report.body);
        }
        let sent = refusal::Sent {
            credentials: options.has_credentials(url),
            certificate: options.tls.cert.is_some(),
            origin: options.origin.is_some(),
        };
        Err(refusal::refusal(&url.to_string(), head, &self.report.body, &options.secrets, sent))
    }

    /// Can a 401 be answered with user name and password? Once, and again if only the nonce was too old.
    fn answers(&mut self, url: &WsUrl, options: &Options, head: &ResponseHead) -> Result<bool> {
        let has_other_token = matches!(options.token, Some((TokenPlace::Bearer, _)));
        let Some((user, password)) =
            options.basic.as_ref().filter(|_| head.status == 401 && !has_other_token)
        else {
            return Ok(false);
        };
        let challenge = Challenge::of(head).filter(|found| self.answer.is_none() || found.is_stale);
        let Some(challenge) = challenge else { return Ok(false) };
        self.answer = Some(challenge.answer(user, password, url.target())?);
        Ok(true)
    }

    /// Runs one phase: its time goes into the report, however it ends, and the deadline ends it by name.
    pub(super) async fn phase<T>(
        &mut self,
        phase: Phase,
        shown: &str,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let started = Instant::now();
        let outcome = tokio::time::timeout_at(self.deadline, work).await;
        let place = match phase {
            Phase::Dns => &mut self.report.dns,
            Phase::Tcp => &mut self.report.tcp,
            Phase::Proxy => &mut self.report.proxy,
            Phase::Tls => &mut self.report.tls,
            Phase::Upgrade | Phase::Call => &mut self.report.upgrade,
        };
        *place = Some(started.elapsed());
        outcome.unwrap_or_else(|_| Err(late(phase, shown, self.limit)))
    }
}

fn late(phase: Phase, shown: &str, limit: Duration) -> Failure {
    let within = format!("within {}", humantime::format_duration(limit));
    let (exit, what) = match phase {
        Phase::Dns => (Exit::Dns, format!("name resolution of {shown} timed out {within}")),
        Phase::Tcp => (Exit::Tcp, format!("no connection to {shown} {within}")),
        Phase::Proxy => (Exit::Proxy, format!("no tunnel from proxy {shown} {within}")),
        Phase::Tls => (Exit::Tls, format!("TLS with {shown} was not finished {within}")),
        Phase::Upgrade => (Exit::LinkSilent, format!("no answer to the upgrade {within} from {shown}")),
        Phase::Call => (Exit::LinkSilent, format!("no answer {within} from {shown}")),
    };
    let (id, hint) = match phase {
        Phase::Tcp => ("no-answer", "check the address and firewalls, or wait longer with --connect-timeout"),
        Phase::Tls => ("tls-on-plain-port", "check that the server speaks TLS on this port, or use ws://"),
        Phase::Upgrade | Phase::Call => (
            "silent",
            "check that the server speaks HTTP on this port, or wait longer with --connect-timeout",
        ),
        Phase::Dns | Phase::Proxy => ("no-answer", "wait longer with --connect-timeout"),
    };
    Failure::new(exit, what).known_hint(id, hint).transient()
}

/// Where to connect for a URL: the first `--connect-to` that fits decides, as in curl.
fn connect_to(url: &WsUrl, options: &Options) -> (String, u16) {
    let (host, port) = (url.host(), url.port());
    let fits = |from: &(Option<String>, Option<u16>)| {
        from.0.as_deref().is_none_or(|from| bare(from).eq_ignore_ascii_case(host))
            && from.1.is_none_or(|p| p == port)
    };
    match options.connect_to.iter().find(|entry| fits(&entry.from)) {
        Some(entry) => (entry.to.0.as_deref().map_or(host, bare).to_owned(), entry.to.1.unwrap_or(port)),
        None => (host.to_owned(), port),
    }
}

fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}
