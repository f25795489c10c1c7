//! Proxies: which one to use, by curl's rules, and how to get through it.

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::dns::authority;
use super::url::{WsUrl, ascii_host, decoded_userinfo, literal, without_zone};
use super::{Proxy, ProxyScheme, Transport};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::handshake::client::{MAX_HEAD, ResponseHead, USER_AGENT, parse_head};
use crate::secret::Secret;

/// The port of a proxy that names none: 1080 for every kind, as in curl.
const DEFAULT_PORT: u16 = 1080;

impl Proxy {
    /// Reads `[SCHEME://][USER:PASSWORD@]HOST[:PORT]`. Schemes are `http` (also without one), `socks5` (also
    /// as `socks`) and `socks5h`.
    pub fn parse(text: &str) -> Result<Self> {
        // The text may have a password, so it is shown nowhere.
        let wrong = |what: &str| {
            Failure::usage(format!("not a proxy: {what}"))
                .hint("write http://user:password@host:3128 or socks5h://host:1080")
        };
        let (scheme, rest) = text.trim().split_once("://").unwrap_or(("http", text.trim()));
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => ProxyScheme::Http,
            // GNOME's settings export `socks://`.
            "socks5" | "socks" => ProxyScheme::Socks5,
            "socks5h" => ProxyScheme::Socks5h,
            other => return Err(wrong(&format!("{other}:// is not supported"))),
        };
        let rest = rest.split('/').next().unwrap_or_default();
        let (auth, host_port) = match rest.rsplit_once('@') {
            Some((auth, host_port)) => {
                (Some(decoded_userinfo(auth).ok_or_else(|| wrong("unreadable user name"))?), host_port)
            }
            None => (None, rest),
        };
        let (host, port) = split_port(host_port).ok_or_else(|| wrong("unreadable host or port"))?;
        Ok(Self { scheme, host, port: port.unwrap_or(DEFAULT_PORT), auth })
    }

    /// The proxy without its credentials.
    #[must_use]
    pub fn shown(&self) -> String {
        let scheme = match self.scheme {
            ProxyScheme::Http => "http",
            ProxyScheme::Socks5 => "socks5",
            ProxyScheme::Socks5h => "socks5h",
        };
        format!("{scheme}://{}", authority(&self.host, self.port))
    }
}

/// The proxy for a URL, from `--proxy` and the environment, as curl chooses:
///
/// - the flag goes before the environment, and an empty flag means no proxy;
/// - `https_proxy`/`HTTPS_PROXY` for `wss`, `http_proxy` for `ws` (lower case only: `HTTP_PROXY` can be set by
///   the client of a CGI program), then `all_proxy`/`ALL_PROXY`; lower case goes first;
/// - a host in `no_proxy`/`NO_PROXY` is reached directly, even where the flag names a proxy;
/// - loopback hosts are not special.
pub fn choose_proxy(
    flag: Option<&str>,
    env: &dyn Fn(&str) -> Option<String>,
    url: &WsUrl,
) -> Result<Option<Proxy>> {
    let first = |names: &[&str]| names.iter().find_map(|name| env(name));
    let names: &[&str] = if url.is_tls() {
        &["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]
    } else {
        &["http_proxy", "all_proxy", "ALL_PROXY"]
    };
    let excepted = first(&["no_proxy", "NO_PROXY"]).is_some_and(|list| is_excepted(&list, url));
    if url.socket().is_some() || excepted {
        return Ok(None);
    }
    match flag.map(str::to_owned).or_else(|| first(names)) {
        Some(proxy) if !proxy.trim().is_empty() => Proxy::parse(&proxy).map(Some),
        _ => Ok(None),
    }
}

/// What [`choose_proxy`] decides by, kept for URLs that are not known yet. The default is no proxy.
#[derive(Clone, Debug, Default)]
pub struct ProxyRules {
    flag: Option<Secret>,
    vars: Vec<(&'static str, Secret)>,
}

impl ProxyRules {
    /// The rules of this flag and this environment.
    #[must_use]
    pub fn new(flag: Option<&str>, env: &dyn Fn(&str) -> Option<String>) -> Self {
        let vars = VARIABLES.iter().filter_map(|name| Some((*name, Secret::new(env(name)?))));
        Self { flag: flag.map(Secret::new), vars: vars.collect() }
    }

    /// The proxy for a URL.
    ///
    /// # Errors
    /// As [`choose_proxy`].
    pub fn choose(&self, url: &WsUrl) -> Result<Option<Proxy>> {
        let found = |name: &str| self.vars.iter().find(|(known, _)| *known == name);
        let env = |name: &str| found(name).map(|(_, value)| value.expose().to_owned());
        choose_proxy(self.flag.as_ref().map(Secret::expose), &env, url)
    }

    /// Every proxy that may be chosen.
    pub fn proxies(&self) -> impl Iterator<Item = Proxy> {
        let vars = self.vars.iter().filter(|(name, _)| !name.eq_ignore_ascii_case("no_proxy"));
        self.flag
            .iter()
            .chain(vars.map(|(_, value)| value))
            .filter_map(|text| Proxy::parse(text.expose()).ok())
    }
}

/// The variables that [`choose_proxy`] reads.
const VARIABLES: &[&str] =
    &["https_proxy", "HTTPS_PROXY", "http_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"];

/// Where the proxy is asked to connect to.
pub(super) enum Goal<'a> {
    /// A name, resolved by the proxy.
    Name(&'a str, u16),
    /// An address, resolved here.
    Address(SocketAddr),
}

impl Goal<'_> {
    fn authority(&self) -> String {
        match self {
            Self::Name(host, port) => authority(host, *port),
            Self::Address(address) => address.to_string(),
        }
    }
}

/// Names the proxy in the error: it may come from the environment, so the user may not know about it.
pub(super) fn unreachable(proxy: &Proxy, failure: Failure) -> Failure {
    let what = format!("cannot reach proxy {}: {}", proxy.shown(), failure.what);
    Failure { exit: Exit::Proxy, what, ..failure }.hint(
        "check the proxy, choose another with --proxy URL, or use none with --proxy '' or --noproxy HOST",
    )
}

/// Asks a connected proxy for a tunnel. After it, the stream is the goal's.
pub(super) async fn tunnel(stream: &mut Box<dyn Transport>, proxy: &Proxy, goal: &Goal<'_>) -> Result<()> {
    match proxy.scheme {
        ProxyScheme::Http => connect(stream, proxy, goal).await,
        ProxyScheme::Socks5 | ProxyScheme::Socks5h => socks(stream, proxy, goal).await,
    }
}

/// HTTP `CONNECT` (RFC 9110 §9.3.6).
async fn connect(stream: &mut Box<dyn Transport>, proxy: &Proxy, goal: &Goal<'_>) -> Result<()> {
    let to = goal.authority();
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nHost: {to}\r\nUser-Agent: {USER_AGENT}\r\n");
    if let Some((user, password)) = &proxy.auth {
        let value = Secret::new(STANDARD.encode(format!("{user}:{}", password.expose())));
        request.extend(["Proxy-Authorization: Basic ", value.expose(), "\r\n"]);
    }
    request.push_str("\r\n");
    stream.write_all(request.as_bytes()).await.map_err(|error| broken(proxy, &error))?;
    let head = read_head(stream, proxy).await?;
    if (200..300).contains(&head.status) { Ok(()) } else { Err(refused(proxy, &to, &head)) }
}

/// The head of the proxy's answer. Nothing may follow it yet: on both sides of the tunnel the client speaks
/// first.
async fn read_head(stream: &mut Box<dyn Transport>, proxy: &Proxy) -> Result<ResponseHead> {
    let mut bytes = Vec::with_capacity(1024);
    loop {
        let count = stream.read_buf(&mut bytes).await.map_err(|error| broken(proxy, &error))?;
        if count == 0 {
            return Err(fail(proxy, "closed the connection without an answer"));
        }
        match parse_head(&bytes) {
            Ok(Some((head, length))) if head.status >= 300 || length == bytes.len() => return Ok(head),
            Ok(Some(_)) => return Err(fail(proxy, "sent data before the tunnel was used")),
            Ok(None) if bytes.len() < MAX_HEAD => {}
            Ok(None) | Err(_) => {
                return Err(fail(proxy, "does not answer as an HTTP proxy")
                    .hint("if it is a SOCKS proxy, use socks5h://"));
            }
        }
    }
}

fn refused(proxy: &Proxy, to: &str, head: &ResponseHead) -> Failure {
    let details = ["Proxy-Authenticate", "Via", "Server", "X-Squid-Error"]
        .iter()
        .filter_map(|name| head.value(name).map(|value| format!("{name}: {value}")))
        .collect();
    let failure = fail(proxy, &format!("refused a tunnel to {to}: {}", head.status_text())).details(details);
    match (head.status, &proxy.auth) {
        (407, None) => failure.hint("give user and password: http://user:password@host:port"),
        (407, Some(_)) => failure.hint("check the user name and password of the proxy"),
        (403 | 405, _) => failure.hint("use another proxy or port: this proxy does not allow tunnels to it"),
        (502..=504, _) => failure.hint("check that the proxy can reach the host"),
        _ => failure,
    }
}

/// SOCKS5 (RFC 1928) with no authentication or user name and password (RFC 1929).
async fn socks(stream: &mut Box<dyn Transport>, proxy: &Proxy, goal: &Goal<'_>) -> Result<()> {
    const NONE: u8 = 0;
    const PASSWORD: u8 = 2;
    let methods: &[u8] = if proxy.auth.is_some() { &[5, 2, NONE, PASSWORD] } else { &[5, 1, NONE] };
    stream.write_all(methods).await.map_err(|error| broken(proxy, &error))?;
    let [version, method] = read_array(stream, proxy).await?;
    match (version, method, &proxy.auth) {
        (5, NONE, _) => {}
        (5, PASSWORD, Some((user, password))) => socks_password(stream, proxy, user, password).await?,
        (5, _, None) => {
            return Err(
                fail(proxy, "requires a user name and password").hint("socks5h://user:password@host:port")
            );
        }
        (5, _, Some(_)) => return Err(fail(proxy, "does not support user name and password")),
        _ => {
            return Err(
                fail(proxy, "does not answer as a SOCKS5 proxy").hint("if it is an HTTP proxy, use http://")
            );
        }
    }
    stream.write_all(&socks_request(proxy, goal)?).await.map_err(|error| broken(proxy, &error))?;
    let [_, reply, _, kind] = read_array(stream, proxy).await?;
    if reply != 0 {
        let why = socks_reply(reply);
        return Err(fail(proxy, &format!("refused a tunnel to {}: {why}", goal.authority())));
    }
    // The address that the proxy is bound to is of no use, but has to be taken off the stream.
    let length = match kind {
        1 => 4,
        3 => usize::from(read_array::<1>(stream, proxy).await?[0]),
        4 => 16,
        _ => return Err(fail(proxy, "answered with an unknown kind of address")),
    };
    let mut bound = vec![0; length + 2];
    stream.read_exact(&mut bound).await.map(drop).map_err(|error| broken(proxy, &error))
}

async fn socks_password(
    stream: &mut Box<dyn Transport>,
    proxy: &Proxy,
    user: &str,
    password: &Secret,
) -> Result<()> {
    let mut request = vec![1];
    for part in [user, password.expose()] {
        let length = u8::try_from(part.len()).ok().filter(|&length| length > 0);
        request.push(length.ok_or_else(|| fail(proxy, "cannot be used: user name or password is too long"))?);
        request.extend(part.as_bytes());
    }
    stream.write_all(&request).await.map_err(|error| broken(proxy, &error))?;
    match read_array(stream, proxy).await? {
        [_, 0] => Ok(()),
        [_, _] => Err(fail(proxy, "does not accept this user name and password")),
    }
}

fn socks_request(proxy: &Proxy, goal: &Goal<'_>) -> Result<Vec<u8>> {
    let (ip, port) = match goal {
        Goal::Address(address) => (Ok(address.ip()), address.port()),
        Goal::Name(host, port) => (literal(host).ok_or(*host), *port),
    };
    let mut request = vec![5, 1, 0];
    match ip {
        Ok(IpAddr::V4(ip)) => {
            request.push(1);
            request.extend(ip.octets());
        }
        Ok(IpAddr::V6(ip)) => {
            request.push(4);
            request.extend(ip.octets());
        }
        Err(host) => {
            let length = u8::try_from(host.len())
                .map_err(|_| fail(proxy, "cannot be used: the host name is too long"))?;
            request.extend([3, length]);
            request.extend(host.as_bytes());
        }
    }
    request.extend(port.to_be_bytes());
    Ok(request)
}

/// RFC 1928 §6.
fn socks_reply(reply: u8) -> &'static str {
    match reply {
        1 => "general failure",
        2 => "not allowed by its rules",
        3 => "network unreachable",
        4 => "host unreachable",
        5 => "connection refused",
        6 => "TTL expired",
        7 => "command not supported",
        8 => "address type not supported",
        _ => "unknown reason",
    }
}

async fn read_array<const N: usize>(stream: &mut Box<dyn Transport>, proxy: &Proxy) -> Result<[u8; N]> {
    let mut bytes = [0; N];
    stream.read_exact(&mut bytes).await.map_err(|error| broken(proxy, &error))?;
    Ok(bytes)
}

fn fail(proxy: &Proxy, what: &str) -> Failure {
    Failure::new(Exit::Proxy, format!("proxy {} {what}", proxy.shown()))
}

fn broken(proxy: &Proxy, error: &std::io::Error) -> Failure {
    match error.kind() {
        std::io::ErrorKind::UnexpectedEof => fail(proxy, "closed the connection in the middle of its answer"),
        _ => fail(proxy, &format!("failed: {}", super::tcp::reason(error))),
    }
}

/// Host (without brackets) and port; `None` if either cannot be.
fn split_port(text: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(rest) => {
            let (host, port) = rest.split_once(']')?;
            without_zone(host).parse::<std::net::Ipv6Addr>().ok()?;
            (host, port.strip_prefix(':').unwrap_or(port))
        }
        None => text.split_once(':').unwrap_or((text, "")),
    };
    let port = if port.is_empty() { None } else { Some(port.parse().ok().filter(|&port| port > 0)?) };
    let host = ascii_host(host)?;
    let is_name = host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_' | ':' | '%'));
    (is_name && !host.is_empty()).then_some((host, port))
}

/// Is the host in a `no_proxy` list? Entries are separated by commas or blanks: `*`, a domain (with or without
/// a leading dot or `*.`, and with all its subdomains), an address, a network in CIDR notation, each with an optional
/// `:port`.
fn is_excepted(list: &str, url: &WsUrl) -> bool {
    let host = url.host().trim_end_matches('.');
    let matches = |entry: &str| {
        if entry == "*" {
            return true;
        }
        if let (Some((network, bits)), Some(ip)) = (entry.split_once('/'), literal(host)) {
            return in_network(ip, network, bits);
        }
        if let Some(address) = literal(entry) {
            return literal(host) == Some(address);
        }
        let Some((name, port)) = split_port(entry.trim_start_matches("*.").trim_start_matches('.')) else {
            return false;
        };
        let name = name.trim_end_matches('.');
        let same_port = port.is_none_or(|port| port == url.port());
        let inside =
            || literal(host).is_none() && host.strip_suffix(name).is_some_and(|front| front.ends_with('.'));
        same_port && (host == name || inside())
    };
    list.split([',', ' ', '\t']).filter(|entry| !entry.is_empty()).any(matches)
}

fn in_network(ip: IpAddr, network: &str, bits: &str) -> bool {
    let Ok(bits) = bits.parse::<u32>() else { return false };
    match (ip, network.parse()) {
        (IpAddr::V4(ip), Ok(IpAddr::V4(network))) if bits <= 32 => {
            let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
            ip.to_bits() & mask == network.to_bits() & mask
        }
        (IpAddr::V6(ip), Ok(IpAddr::V6(network))) if bits <= 128 => {
            let mask = u128::MAX.checked_shl(128 - bits).unwrap_or(0);
            ip.to_bits() & mask == network.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn choose(flag: Option<&str>, env: &[(&str, &str)], url: &str) -> Option<String> {
        let get = |name: &str| env.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned());
        choose_proxy(flag, &get, &WsUrl::parse(url).unwrap()).unwrap().map(|proxy| proxy.shown())
    }

    #[test]
    fn proxies_are_read() {
        let proxy = Proxy::parse("socks5h://us%3Aer:p%40ss@[::1]:99/").unwrap();
        assert_eq!(proxy.shown(), "socks5h://[::1]:99");
        let (user, password) = proxy.auth.unwrap();
        assert_eq!((user.as_str(), password.expose()), ("us:er", "p@ss"));
        assert_eq!(Proxy::parse("host").unwrap().shown(), "http://host:1080");
        assert_eq!(Proxy::parse("socks://host:1/").unwrap().shown(), "socks5://host:1");
        for wrong in ["socks4://h", "https://h", "http://", "h:0", "h:x", "h st:1", "http://u:hunter2@"] {
            let failure = Proxy::parse(wrong).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(!failure.what.contains("hunter2"));
        }
    }

    #[test]
    fn the_environment_is_read_as_curl_reads_it() {
        let env = [("https_proxy", "s"), ("HTTPS_PROXY", "S"), ("HTTP_PROXY", "never"), ("ALL_PROXY", "a")];
        assert_eq!(choose(None, &env, "wss://h"), Some("http://s:1080".into()));
        assert_eq!(choose(None, &env, "ws://h"), Some("http://a:1080".into()));
        assert_eq!(choose(None, &[("http_proxy", "p:3128")], "ws://localhost"), Some("http://p:3128".into()));
        assert_eq!(choose(None, &[("HTTP_PROXY", "p")], "ws://h"), None);
        assert_eq!(choose(Some("f"), &env, "wss://h"), Some("http://f:1080".into()));
        assert_eq!(choose(Some(""), &env, "wss://h"), None);
        assert_eq!(choose(None, &env, "ws+unix:/x"), None);
    }

    #[test]
    fn exceptions_match_domains_addresses_networks_and_ports() {
        let is = |list: &str, url: &str| choose(Some("f"), &[("NO_PROXY", list)], url).is_none();
        for (list, url) in [
            ("*", "ws://h"),
            ("a.test, h.test", "ws://h.test"),
            (".h.test", "ws://h.test"),
            ("*.h.test", "ws://x.h.test"),
            ("*.h.test:81", "ws://x.h.test:81"),
            ("*.b\u{fc}cher.test", "ws://x.xn--bcher-kva.test"),
            ("h.test", "ws://x.y.H.test"),
            ("h.test:81", "ws://h.test:81"),
            ("192.0.2.1", "ws://192.0.2.1"),
            ("192.0.2.0/24", "ws://192.0.2.77"),
            ("2001:db8::/32", "ws://[2001:db8::5]"),
            ("::1", "ws://[::1]:80"),
            ("0.0.0.0/0", "ws://192.0.2.77"),
        ] {
            assert!(is(list, url), "{list} {url}");
        }
        for (list, url) in [
            ("", "ws://h"),
            ("h.test", "ws://xh.test"),
            ("h.test:81", "ws://h.test"),
            ("x.h.test", "ws://h.test"),
            ("192.0.2.0/24", "ws://192.0.3.1"),
            ("0.2.1", "ws://192.0.2.1"),
        ] {
            assert!(!is(list, url), "{list} {url}");
        }
    }
}
