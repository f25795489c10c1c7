//! The URL forms that wstap takes.
//!
//! | form | meaning |
//! |---|---|
//! | `ws://host[:port]/path?query` | plain, port 80 |
//! | `wss://…` | TLS, port 443 |
//! | `http://…`, `https://…` | taken as `ws://`, `wss://` |
//! | `host:port[/path]`, `[::1]:port` | `ws://`; `wss://` where the port is 443 |
//! | `:port[/path]` | `ws://localhost:port` |
//! | `ws+unix:/path/to.sock[:/request/target]` | a unix socket, as npm's `ws` writes it |
//!
//! A host without scheme and without port is refused rather than guessed: the guess would decide whether a
//! token travels in the clear.

use std::fmt;
use std::net::IpAddr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use percent_encoding::{AsciiSet, CONTROLS, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use unicode_security::MixedScript as _;

use crate::error::{Failure, Result};
use crate::secret::{MASK, Place, Secret, Secrets, is_secret_name, merged, secret_parameters};

mod parse;
#[cfg(test)]
mod tests;

pub use parse::looks_like_url;
pub(crate) use parse::secret_ranges;
use parse::{Mistake, parse};

/// What RFC 3986 does not allow in a request target. A `%` stays, since the text may be encoded already.
const NOT_IN_TARGET: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'<')
    .add(b'>')
    .add(b'\\')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// All but the unreserved characters (RFC 3986 §2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A WebSocket URL (RFC 6455 §3), valid and ready to be connected to. `Display` shows it without user name
/// and password, and with secret query parameters masked; so does `Debug`, whose text may end up in a panic.
#[derive(Clone, PartialEq, Eq)]
pub struct WsUrl {
    tls: bool,
    host: String,
    port: Option<u16>,
    target: String,
    userinfo: Option<(String, Secret)>,
    socket: Option<PathBuf>,
    /// Query parameters that are secret besides those known by name.
    secret_params: Vec<String>,
}

impl WsUrl {
    /// Reads any of the forms above. What is wrong with a text is shown in the failure's details, with a
    /// caret under the place.
    pub fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.is_empty() {
            return Err(Failure::usage("the URL is empty").hint("write wss://host/path"));
        }
        parse(text).map_err(|mistake| mistake.failure(text))
    }

    /// Is it `wss://`?
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.tls
    }

    /// Host name or address, in lower case and without the brackets of an IPv6 address, which may have a zone behind a
    /// `%`. An international name is in its ASCII form.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port, given or the scheme's own.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(self.default_port())
    }

    /// The port of the scheme: 80, or 443 with TLS.
    #[must_use]
    pub fn default_port(&self) -> u16 {
        if self.tls { 443 } else { 80 }
    }

    /// What goes into the request line: path and query, percent-encoded, always with a slash in front.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The value of the `Host` header: the port only where it is not the scheme's own (RFC 6455 §4.1), and no zone, which
    /// means nothing to another machine (RFC 6874 §1).
    #[must_use]
    pub fn host_header(&self) -> String {
        let host = bracketed(without_zone(&self.host));
        if self.port() == self.default_port() { host } else { format!("{host}:{}", self.port()) }
    }

    /// The unix socket to connect to, if the URL names one.
    #[must_use]
    pub fn socket(&self) -> Option<&Path> {
        self.socket.as_deref()
    }

    /// User name and password of the URL, percent-decoded.
    #[must_use]
    pub fn userinfo(&self) -> Option<&(String, Secret)> {
        self.userinfo.as_ref()
    }

    /// The same URL with another path, which has to be percent-encoded already.
    #[must_use]
    pub fn with_path(&self, path: &str) -> Self {
        let query = self.target.find('?').map_or("", |at| &self.target[at..]);
        Self { target: format!("{path}{query}"), ..self.clone() }
    }

    /// The same URL with one more query parameter, percent-encoded as needed.
    #[must_use]
    pub fn with_query_param(&self, name: &str, value: &str) -> Self {
        let before = if self.target.contains('?') { '&' } else { '?' };
        let target = format!("{}{before}{}={}", self.target, encoded(name), encoded(value));
        Self { target, ..self.clone() }
    }

    /// The same URL with a query parameter that is never shown, whatever its name. It takes the place of one of
    /// that name.
    #[must_use]
    pub fn with_secret_param(&self, name: &str, value: &Secret) -> Self {
        let mut url = self.without_query_param(name).with_query_param(name, value.expose());
        url.secret_params.push(encoded(name));
        url
    }

    fn without_query_param(&self, name: &str) -> Self {
        let Some((path, query)) = self.target.split_once('?') else { return self.clone() };
        let rest: Vec<&str> = query.split('&').filter(|pair| !is_named(pair, name)).collect();
        let target = if rest.is_empty() { path.to_owned() } else { format!("{path}?{}", rest.join("&")) };
        Self { target, ..self.clone() }
    }

    /// Names and values of its secret query parameters, decoded.
    #[must_use]
    pub fn secret_params(&self) -> Vec<(String, Secret)> {
        let decoded = |text: &str| percent_decode(text).unwrap_or_else(|| text.to_owned());
        let pair = |range: Range<usize>| {
            let name = self.target[..range.start - 1].rsplit(PARAMETER_STARTS).next().unwrap_or_default();
            (decoded(name), Secret::new(decoded(&self.target[range])))
        };
        self.secret_ranges().into_iter().map(pair).collect()
    }

    /// Makes known what is secret in it.
    pub fn add_to(&self, secrets: &Secrets) {
        self.userinfo.iter().for_each(|(user, password)| secrets.add_user(user, password, Place::User));
        self.secret_params().iter().for_each(|(_, value)| secrets.add(value, Place::Query));
        // There may be another URL within it.
        secrets.add_shown(&self.target, Place::Query);
    }

    /// Where in the target the values of its secret parameters stand.
    fn secret_ranges(&self) -> Vec<Range<usize>> {
        let mut ranges = secret_parameters(&self.target);
        for (start, pair) in query_pairs(&self.target) {
            let is_own = |name: &str| self.secret_params.iter().any(|own| own == name);
            let secret = pair.split_once('=').filter(|(name, _)| is_secret_name(name) || is_own(name));
            ranges.extend(secret.map(|(name, _)| start + name.len() + 1..start + pair.len()));
        }
        merged(ranges)
    }

    /// The same URL without user name, password and secret query parameters.
    #[must_use]
    pub fn without_secrets(&self) -> Self {
        let names: Vec<String> = self.secret_params().into_iter().map(|(name, _)| name).collect();
        let bare = names.iter().fold(self.clone(), |url, name| url.without_query_param(name));
        Self { userinfo: None, ..bare }
    }

    /// The URL as `Display` shows it, but with its secret query parameters.
    #[must_use]
    pub fn exposed(&self) -> Secret {
        Secret::new(self.shown(&self.target))
    }

    /// Is there a query parameter of this name?
    #[must_use]
    pub fn has_query_param(&self, name: &str) -> bool {
        query_pairs(&self.target).any(|(_, pair)| is_named(pair, name))
    }

    /// A warning about a host name with letters of several scripts, which may look like another name: both of its forms.
    #[must_use]
    pub fn look_alike(&self) -> Option<String> {
        if !self.host.split('.').any(|label| label.starts_with("xn--")) {
            return None;
        }
        let (unicode, _) = idna::domain_to_unicode(&self.host);
        let is_mixed = unicode.split('.').any(|label| !label.is_single_script());
        is_mixed.then(|| {
            format!("host name {unicode} ({}) mixes scripts: check that it is the server you mean", self.host)
        })
    }

    /// Is there a query parameter that `Display` masks?
    #[must_use]
    pub fn has_secret(&self) -> bool {
        self.masked_target() != self.target
    }

    /// Where a `Location` leads from here (RFC 3986 §5.2): absolute, `//host/path`, `/path`, `?query`, or
    /// relative to this path. A fragment is dropped and user name and password are ignored, since a server
    /// has no say in which credentials are sent. Only `ws`, `wss`, `http` and `https` are followed.
    pub fn join(&self, location: &str) -> Result<Self> {
        let location = location.trim().split('#').next().unwrap_or_default();
        let mut url = if let Some(rest) = location.strip_prefix("//") {
            Self::parse(&format!("{}://{rest}", self.scheme()))?
        } else if let Some((scheme, _)) = location.split_once("://").filter(|(scheme, _)| is_scheme(scheme)) {
            if tls_of(scheme).is_none() {
                return Err(Failure::usage(format!("redirects to {scheme}:// are not followed")));
            }
            Self::parse(location)?
        } else {
            let target = encode_target(&self.relative(location)).map_err(|at| {
                Mistake::new(at, "a control character in a redirect").failure(&self.relative(location))
            })?;
            Self { target, ..self.clone() }
        };
        url.secret_params.clone_from(&self.secret_params);
        url.userinfo = None;
        Ok(url)
    }

    /// Do both lead to the same server, over the same kind of connection? Credentials meant for one may then
    /// be sent to the other (RFC 6454 §5).
    #[must_use]
    pub fn same_origin(&self, other: &Self) -> bool {
        self.tls == other.tls
            && self.host == other.host
            && self.port() == other.port()
            && self.socket == other.socket
    }

    /// The URL of something else on the same server: path and query, already encoded. It keeps neither the user
    /// name nor the query of this one.
    #[must_use]
    pub fn at(&self, target: &str) -> Self {
        let target = target.to_owned();
        Self { target, userinfo: None, secret_params: Vec::new(), ..self.clone() }
    }

    /// The URL of a target below this one: the path goes on, and so does the query. The target is as somebody else has
    /// encoded it.
    ///
    /// # Errors
    /// A control character in the target.
    pub fn below(&self, target: &str) -> Result<Self> {
        let (base, own) = self.target.split_once('?').unwrap_or((&self.target, ""));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let path =
            if path == "/" { base.to_owned() } else { format!("{}{path}", base.trim_end_matches('/')) };
        let query = [own, query].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("&");
        let target = if query.is_empty() { path } else { format!("{path}?{query}") };
        let target =
            encode_target(&target).map_err(|at| Mistake::new(at, "a control character").failure(&target))?;
        Ok(Self { target, ..self.clone() })
    }

    /// The path, encoded.
    #[must_use]
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// What `Display` shows, for a URL that is called and not upgraded: `http` and `https`.
    #[must_use]
    pub fn shown_as_http(&self) -> String {
        let shown = self.to_string();
        shown
            .strip_prefix("ws")
            .filter(|_| self.socket.is_none())
            .map_or(shown.clone(), |rest| format!("http{rest}"))
    }

    /// `ws` or `wss`.
    #[must_use]
    pub fn scheme(&self) -> &'static str {
        if self.tls { "wss" } else { "ws" }
    }

    /// The target that a relative reference leads to.
    fn relative(&self, reference: &str) -> String {
        let path = self.path();
        if reference.is_empty() {
            return self.target.clone();
        }
        if reference.starts_with('?') {
            return format!("{path}{reference}");
        }
        let (to, query) = reference.split_at(reference.find('?').unwrap_or(reference.len()));
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        let merged = if to.starts_with('/') { to.to_owned() } else { format!("{folder}/{to}") };
        format!("{}{query}", without_dots(&merged))
    }

    fn shown(&self, target: &str) -> String {
        match &self.socket {
            Some(socket) => format!("ws+unix:{}:{target}", socket.display()),
            None => {
                let zone = self.host.split_once('%').map(|(_, zone)| format!("%25{zone}]"));
                let host = self.host_header();
                let host = zone.map_or(host.clone(), |zone| host.replacen(']', &zone, 1));
                format!("{}://{host}{target}", self.scheme())
            }
        }
    }

    /// Path and query as `Display` shows them.
    #[must_use]
    pub fn masked_target(&self) -> String {
        let mut masked = self.target.clone();
        for range in self.secret_ranges().into_iter().rev() {
            masked.replace_range(range, MASK);
        }
        masked
    }
}

impl fmt::Debug for WsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WsUrl({self})")
    }
}

impl fmt::Display for WsUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.shown(&self.masked_target()))
    }
}

/// What may stand before the name of a parameter.
const PARAMETER_STARTS: [char; 4] = ['?', '&', ';', '#'];

/// The parameters of a query, and where they begin in the target.
fn query_pairs(target: &str) -> impl Iterator<Item = (usize, &str)> {
    let start = target.find('?').map_or(target.len(), |at| at + 1);
    target[start..].split('&').scan(start, |next, pair| {
        let at = *next;
        *next += pair.len() + 1;
        Some((at, pair))
    })
}

/// Is this the name of a parameter, decoded?
fn is_named(pair: &str, name: &str) -> bool {
    let found = pair.split('=').next().unwrap_or_default();
    percent_decode(found).as_deref().unwrap_or(found) == name
}

/// A host as it stands in a URL or a `Host` header: an IPv6 address gets brackets.
#[must_use]
pub fn bracketed(host: &str) -> String {
    if host.contains(':') { format!("[{host}]") } else { host.to_owned() }
}

/// An address in lower case; its zone keeps its case, and is written behind a `%` alone.
fn with_zone(host: &str) -> String {
    match host.split_once('%') {
        Some((address, zone)) => {
            let zone = zone.strip_prefix("25").filter(|zone| !zone.is_empty()).unwrap_or(zone);
            format!("{}%{}", address.to_ascii_lowercase(), percent_decode(zone).as_deref().unwrap_or(zone))
        }
        None => host.to_ascii_lowercase(),
    }
}

/// The host without its zone.
#[must_use]
pub(crate) fn without_zone(host: &str) -> &str {
    host.split_once('%').map_or(host, |(address, _)| address)
}

/// The host in lower case, an international name in its ASCII form (UTS 46); `None` if it has none.
pub(crate) fn ascii_host(host: &str) -> Option<String> {
    if host.is_ascii() {
        return Some(host.to_ascii_lowercase());
    }
    idna::domain_to_ascii_cow(host.as_bytes(), idna::AsciiDenyList::URL)
        .ok()
        .map(std::borrow::Cow::into_owned)
}

/// `Some(true)` for the schemes with TLS, `Some(false)` for those without, `None` for others.
fn tls_of(scheme: &str) -> Option<bool> {
    match scheme.to_ascii_lowercase().as_str() {
        "ws" | "http" => Some(false),
        "wss" | "https" => Some(true),
        _ => None,
    }
}

fn is_scheme(text: &str) -> bool {
    !text.is_empty() && text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'))
}

/// RFC 3986 §5.2.4.
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut segments = path.split('/').skip(1).peekable();
    while let Some(segment) = segments.next() {
        let last = segments.peek().is_none();
        match segment {
            "." | ".." => {
                if segment == ".." {
                    kept.pop();
                }
                // A trailing dot segment names a folder.
                if last {
                    kept.push("");
                }
            }
            segment => kept.push(segment),
        }
    }
    format!("/{}", kept.join("/"))
}

/// Makes a request target of path and query: a slash in front, and percent-encoding. Control characters are an error,
/// at their place.
fn encode_target(text: &str) -> Result<String, usize> {
    if let Some(at) = text.find(char::is_control) {
        return Err(at);
    }
    let slash = if text.starts_with('/') { "" } else { "/" };
    Ok(format!("{slash}{}", utf8_percent_encode(text, NOT_IN_TARGET)))
}

/// The text as a part of a query.
pub(crate) fn encoded(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// Decodes `%XX`; a `%` that starts no such triplet stays. `None` if the outcome is not UTF-8.
pub(crate) fn percent_decode(text: &str) -> Option<String> {
    Some(percent_decode_str(text).decode_utf8().ok()?.into_owned())
}

/// `USER:PASSWORD` as it stands in a URL, decoded; `None` if that is not UTF-8.
pub(crate) fn decoded_userinfo(text: &str) -> Option<(String, Secret)> {
    let (user, password) = text.split_once(':').unwrap_or((text, ""));
    Some((percent_decode(user)?, Secret::new(percent_decode(password)?)))
}

/// Is the host an address rather than a name?
pub(crate) fn literal(host: &str) -> Option<IpAddr> {
    without_zone(host).parse().ok()
}
