//! The core connection module: the one way to open a link, for every command. [`open()`] runs the phases in
//! order — name resolution, TCP, proxy, TLS, HTTP upgrade — times each, bounds all by one deadline, and gives
//! back what it saw whether or not it worked.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use crate::error::Failure;
use crate::handshake::checks::Finding;
use crate::handshake::extensions::{Agreement, Deflate};
use crate::secret::{self, Secret, Secrets};

pub(crate) mod certificate;
mod cookies;
mod credentials;
mod digest;
mod dns;
pub mod http;
pub mod identity;
mod keylog;
pub(crate) mod link;
mod open;
mod proxy;
pub(crate) mod refusal;
mod roots;
pub(crate) mod sources;
mod tcp;
#[cfg(test)]
mod tests;
mod tls;
mod trace;
pub(crate) mod upgrade;
pub mod url;
mod verify;
mod witness;

pub use link::{Link, Tap};
#[cfg(feature = "brokers")]
pub use open::open_bare;
pub use open::{addresses, open, open_stream};
pub use proxy::{ProxyRules, choose_proxy};
pub use sources::{HeaderSource, Renewed, Sources, TokenSource};
#[cfg(feature = "brokers")]
pub use tls::client_config;
pub use url::{WsUrl, looks_like_url};

/// Everything that decides how a connection is opened, resolved from what was typed.
#[derive(Clone, Debug)]
pub struct Options {
    /// What this run keeps secret, for redirects and for what is shown of a request.
    pub secrets: Secrets,
    /// Headers to send besides those of the upgrade, in order; repeated names are sent as often as given. A
    /// name that the upgrade itself sets (such as `Host` or `User-Agent`) replaces that value; an empty
    /// value (`K:` in curl's notation) removes it.
    pub headers: Vec<(String, Secret)>,
    /// `Origin`; none is sent by default.
    pub origin: Option<String>,
    /// Subprotocols to offer, in order of preference.
    pub subprotocols: Vec<String>,
    /// The compression to offer.
    pub compression: Option<Deflate>,
    /// User name and password for `Authorization: Basic`, or for Digest where the server asks for it.
    pub basic: Option<(String, Secret)>,
    /// Never send the password itself: only answer a challenge to prove it.
    pub digest: bool,
    /// A credential and its place in the request.
    pub token: Option<(TokenPlace, Secret)>,
    /// What of these is read anew for every connection.
    pub sources: Sources,
    /// TLS settings.
    pub tls: TlsOptions,
    /// curl's `--resolve HOST:PORT:ADDR[,ADDR]`: addresses used instead of name resolution. `*` is any host.
    pub resolve: Vec<ResolveEntry>,
    /// curl's `--connect-to HOST1:PORT1:HOST2:PORT2`: connect elsewhere, keep Host and SNI. Empty parts of
    /// the first pair match anything, empty parts of the second keep what was there.
    pub connect_to: Vec<ConnectToEntry>,
    /// Connect to this unix socket instead of TCP.
    pub unix_socket: Option<PathBuf>,
    /// Use only IPv4 (`Some(false)`) or only IPv6 (`Some(true)`) addresses.
    pub only_ipv6: Option<bool>,
    /// The proxy to go through, already chosen from flag and environment.
    pub proxy: Option<Proxy>,
    /// What chooses the proxy for HTTP calls beside the WebSocket, which may go elsewhere.
    pub call_proxies: ProxyRules,
    /// How many redirects to follow; 0 makes a redirect a refusal.
    pub max_redirects: u32,
    /// The time for all phases together, each redirect included.
    pub connect_timeout: Duration,
    /// The largest message, and frame, accepted from the peer, in bytes; `None` sets no limit.
    pub max_message_size: Option<usize>,
}

impl Default for Options {
    /// What a run without any option uses.
    fn default() -> Self {
        Self {
            secrets: Secrets::default(),
            headers: Vec::new(),
            origin: None,
            subprotocols: Vec::new(),
            compression: Some(Deflate::default_offer()),
            basic: None,
            digest: false,
            token: None,
            sources: Sources::default(),
            tls: TlsOptions::default(),
            resolve: Vec::new(),
            connect_to: Vec::new(),
            unix_socket: None,
            only_ipv6: None,
            proxy: None,
            call_proxies: ProxyRules::default(),
            max_redirects: 0,
            connect_timeout: Duration::from_secs(10),
            max_message_size: Some(64 << 20),
        }
    }
}

/// Where the credential goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TokenPlace {
    /// A query parameter of this name, percent-encoded as needed.
    Query(String),
    /// A header of this name.
    Header(String),
    /// `Authorization: Bearer`.
    Bearer,
}

impl TokenPlace {
    /// Where such a credential travels.
    #[must_use]
    pub fn of(&self) -> secret::Place {
        match self {
            Self::Query(_) => secret::Place::Query,
            Self::Header(_) | Self::Bearer => secret::Place::Header,
        }
    }
}

/// TLS settings; files are PEM, if nothing else is said.
#[derive(Clone, Debug, Default)]
pub struct TlsOptions {
    /// Use only these certificates as roots, instead of the system's (curl's `--cacert`).
    pub cacert: Option<PathBuf>,
    /// The client certificate chain.
    pub cert: Option<PathBuf>,
    /// The client's private key; when absent it is looked for in the file of `cert`.
    pub key: Option<PathBuf>,
    /// The passphrase of the key, or of the PKCS#12 file that `cert` is.
    pub pass: Option<Secret>,
    /// Is `cert` a PKCS#12 file? `None`: its content says.
    pub is_pkcs12: Option<bool>,
    /// Accept any certificate. What was wrong with it is still recorded in the report.
    pub insecure: bool,
    /// Finish the handshake even where the certificate is refused, to report what it would have come to. Nothing
    /// is sent over such a connection. Where there is a client certificate, it is not shown to such a server: the
    /// handshake ends as it always does.
    pub survey: bool,
    /// What to offer by ALPN; `http/1.1` where it is empty.
    pub alpn: Vec<String>,
    /// The server's key has to be one of these, besides all else that is verified and also where `insecure` lets
    /// that pass (curl's `--pinnedpubkey`). Where there are any, nothing is opened without TLS.
    pub pins: Vec<KeyPin>,
    /// The oldest version to speak; TLS 1.2 by default.
    pub min: Option<TlsVersion>,
    /// The newest version to speak; TLS 1.3 by default.
    pub max: Option<TlsVersion>,
    /// Append the keys of the sessions to this file, in the format of `SSLKEYLOGFILE`.
    pub keylog: Option<PathBuf>,
}

/// The pin of a key: SHA-256 of its SubjectPublicKeyInfo.
pub type KeyPin = [u8; 32];

/// A version of TLS that is spoken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TlsVersion {
    /// TLS 1.2 (RFC 5246).
    V1_2,
    /// TLS 1.3 (RFC 8446).
    V1_3,
}

/// One `--resolve`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolveEntry {
    /// Host name, or `*`.
    pub host: String,
    pub port: u16,
    /// Addresses to use.
    pub addresses: Vec<IpAddr>,
}

/// One `--connect-to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectToEntry {
    /// Host and port it applies to; `None` is any.
    pub from: (Option<String>, Option<u16>),
    /// Host and port to connect to instead; `None` keeps.
    pub to: (Option<String>, Option<u16>),
}

/// A proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proxy {
    /// How it is spoken to.
    pub scheme: ProxyScheme,
    /// Host name or address.
    pub host: String,
    pub port: u16,
    /// User name and password.
    pub auth: Option<(String, Secret)>,
}

/// The protocol of a proxy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProxyScheme {
    /// HTTP `CONNECT`.
    Http,
    /// SOCKS5 with names resolved here.
    Socks5,
    /// SOCKS5 with names resolved by the proxy.
    Socks5h,
}

/// A byte stream under the WebSocket: TCP, TLS or a unix socket.
pub trait Transport: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send {}
impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send> Transport for T {}

/// One attempt to open a link: what was seen in every phase, and the link or why there is none.
pub struct Attempt {
    /// What was seen, complete as far as the attempt came.
    pub report: OpenReport,
    /// The link, or the failure with the phase's exit status.
    pub link: Result<Link, Failure>,
}

/// The same with the stream under the link, for whoever reads frames by the byte.
pub struct StreamAttempt {
    /// What was seen, complete as far as the attempt came.
    pub report: OpenReport,
    /// The upgraded stream, or the failure with the phase's exit status.
    pub stream: Result<Tap, Failure>,
}

/// What one attempt saw. Times are durations of the phase alone; `None` means that it was not reached or not
/// needed; a phase that failed has the time it took to fail. With redirects, all but `total` and `redirects`
/// are of the last hop. Secrets of the request are masked; what the server sent is as it came.
#[derive(Clone, Debug, Default)]
pub struct OpenReport {
    /// The URL that was opened in the end (after redirects), with secrets masked.
    pub url: String,
    /// The same URL with them, for those who ask for secrets.
    pub exposed_url: Option<Secret>,
    /// Name resolution.
    pub dns: Option<Duration>,
    /// The host that was resolved, which `--connect-to` or a proxy may have made another than that of the URL.
    pub host: String,
    /// What the name resolved to, in the order of trial.
    pub addresses: Vec<SocketAddr>,
    /// TCP connection, from the first attempt to the one that won.
    pub tcp: Option<Duration>,
    /// The addresses that were tried, in order.
    pub tried: Vec<Tried>,
    /// The address that is connected to.
    pub remote: Option<SocketAddr>,
    /// The address that is connected from.
    pub local: Option<SocketAddr>,
    /// The proxy gone through, without its credentials.
    pub via: Option<String>,
    /// Proxy negotiation.
    pub proxy: Option<Duration>,
    /// TLS handshake.
    pub tls: Option<Duration>,
    /// TLS facts, also where it failed, as far as it came.
    pub tls_info: Option<TlsInfo>,
    /// The request as it was sent.
    pub request: Option<SentRequest>,
    /// HTTP upgrade, from the first byte sent to the end of the response head.
    pub upgrade: Option<Duration>,
    /// All phases, redirects included.
    pub total: Duration,
    /// HTTP status.
    pub status: Option<u16>,
    /// The minor version of the answer: 1 for `HTTP/1.1`.
    pub version_minor: u8,
    /// Reason phrase of the status line.
    pub reason: String,
    /// Response headers in order, as sent.
    pub headers: Vec<(String, String)>,
    /// Every check of a 101 answer, whatever it says; empty for other answers.
    pub findings: Vec<Finding>,
    /// The body of a refusal, as far as it was read.
    pub body: Vec<u8>,
    /// Is there more of the body than was read?
    pub body_cut: bool,
    /// The subprotocol that the server chose.
    pub subprotocol: Option<String>,
    /// What the two ends have agreed on about compression.
    pub agreement: Option<Agreement>,
    /// Where redirects led, in order, masked.
    pub redirects: Vec<String>,
    /// Things that are odd but not fatal, such as offered subprotocols of which none was chosen.
    pub warnings: Vec<String>,
    /// Security warnings of every hop, such as of `-k` and the key log. They are shown even with `-q`.
    pub cautions: Vec<String>,
    /// `Retry-After` of a refusal, or its like.
    pub asked_wait: Option<Duration>,
    /// The part of it that is worth waiting: an hour at most.
    pub retry_after: Option<Duration>,
}

/// What became of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tried {
    pub address: SocketAddr,
    /// The time until it was connected or had failed; `None` where another one was faster.
    pub time: Option<Duration>,
    /// Why it failed.
    pub error: Option<String>,
}

/// A request, with secrets masked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SentRequest {
    /// Path and query.
    pub target: String,
    /// Headers in the order they were sent.
    pub headers: Vec<(String, String)>,
}

/// What TLS negotiated.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsInfo {
    /// The name that was sent as SNI; none is for an address.
    pub sni: Option<String>,
    /// Such as `TLSv1.3`; empty where the handshake was not finished.
    pub version: String,
    /// The registered name of the cipher suite, such as `TLS_AES_256_GCM_SHA384`.
    pub cipher: String,
    /// The group of the key exchange, such as `X25519`.
    pub group: Option<String>,
    /// The protocol chosen by ALPN.
    pub alpn: Option<String>,
    /// The server's certificates, DER, leaf first.
    pub certificates: Vec<Vec<u8>>,
    /// Why the certificate is refused, or would have been where `insecure` let it pass.
    pub verify_error: Option<String>,
    /// The same as a stable word: `weak-key`, `expired`, `not-yet-valid`, `unknown-issuer`, `wrong-host`, `ca-as-leaf`,
    /// `bad-signature`, `revoked`, `other-key`, or `invalid`.
    pub verify_id: Option<&'static str>,
}
