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
        let path = self.target.split('?').next().unwrap_or_default();
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn url(text: &str) -> WsUrl {
        WsUrl::parse(text).unwrap()
    }

    fn parts(text: &str) -> (bool, String, u16, String) {
        let url = url(text);
        (url.is_tls(), url.host().to_owned(), url.port(), url.target().to_owned())
    }

    fn mistake(text: &str) -> (String, String, usize) {
        let failure = WsUrl::parse(text).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        let caret = failure.details[1].find('^').unwrap();
        (
            format!("{} | {}", failure.what, failure.hint.unwrap_or_default()),
            failure.details[0].clone(),
            caret,
        )
    }

    #[test]
    fn every_form_is_read() {
        type Parts<'a> = (bool, &'a str, u16, &'a str);
        let cases: &[(&str, Parts<'_>)] = &[
            ("ws://Example.com", (false, "example.com", 80, "/")),
            ("wss://h/a?b=c", (true, "h", 443, "/a?b=c")),
            ("WSS://h?b", (true, "h", 443, "/?b")),
            ("http://h:1/", (false, "h", 1, "/")),
            ("https://h", (true, "h", 443, "/")),
            (":8080/x", (false, "localhost", 8080, "/x")),
            ("host:9000", (false, "host", 9000, "/")),
            ("host:443/x", (true, "host", 443, "/x")),
            ("[::1]:8080/p", (false, "::1", 8080, "/p")),
            ("ws://[2001:DB8::1]/", (false, "2001:db8::1", 80, "/")),
            ("ws://[FE80::1%25Eth0]:81/", (false, "fe80::1%Eth0", 81, "/")),
            ("ws://[fe80::1%eth0]/", (false, "fe80::1%eth0", 80, "/")),
            ("ws://B\u{fc}cher.test/", (false, "xn--bcher-kva.test", 80, "/")),
            ("ws://h:/", (false, "h", 80, "/")),
            (" ws://h/a \n", (false, "h", 80, "/a")),
            ("ws://h/a b/\u{e9}?q=\"{}", (false, "h", 80, "/a%20b/%C3%A9?q=%22%7B%7D")),
            ("ws://h/%41", (false, "h", 80, "/%41")),
            ("h:1/?next=http://x", (false, "h", 1, "/?next=http://x")),
        ];
        for (text, (tls, host, port, target)) in cases {
            assert_eq!(parts(text), (*tls, (*host).to_owned(), *port, (*target).to_owned()), "{text}");
        }
    }

    #[test]
    fn a_unix_socket_has_a_path_and_a_target() {
        let both = url("ws+unix:/run/a.sock:/ws?x=1");
        assert_eq!(both.socket(), Some(Path::new("/run/a.sock")));
        assert_eq!((both.target(), both.host_header().as_str()), ("/ws?x=1", "localhost"));
        assert_eq!(both.to_string(), "ws+unix:/run/a.sock:/ws?x=1");
        assert_eq!(url("ws+unix:///run/a.sock").socket(), Some(Path::new("/run/a.sock")));
        assert_eq!(url("ws+unix:/run/a.sock").target(), "/");
    }

    #[test]
    fn the_host_header_has_the_port_only_when_needed() {
        assert_eq!(url("ws://h:80").host_header(), "h");
        assert_eq!(url("wss://h:80").host_header(), "h:80");
        assert_eq!(url("ws://[::1]:81").host_header(), "[::1]:81");
        assert_eq!(url("ws://[fe80::1%25eth0]:81").host_header(), "[fe80::1]:81");
        assert_eq!(url("ws://[fe80::1%eth0]:81/x").to_string(), "ws://[fe80::1%25eth0]:81/x");
    }

    #[test]
    fn a_name_that_mixes_scripts_is_shown_in_both_forms() {
        let warning = url("wss://\u{430}pple.test/").look_alike().unwrap();
        assert!(warning.contains("\u{430}pple.test (xn--pple-43d.test)"), "{warning}");
        for one_script in
            ["wss://b\u{fc}cher.test", "wss://\u{65e5}\u{672c}\u{306e}.test", "wss://apple.test"]
        {
            assert_eq!(url(one_script).look_alike(), None, "{one_script}");
        }
    }

    #[test]
    fn userinfo_is_decoded_and_never_shown() {
        let url = url("ws://us%40er:p%3Ass%%@h/x");
        let (user, password) = url.userinfo().unwrap();
        assert_eq!((user.as_str(), password.expose()), ("us@er", "p:ss%%"));
        assert_eq!(url.to_string(), "ws://h/x");
        assert!(!format!("{url:?}").contains("p:ss"));
        let url = WsUrl::parse("ws://h/?token=s3cr3t").unwrap();
        let url = url.with_secret_param("sesame", &Secret::new("hunter2"));
        assert_eq!(format!("{url:?}"), format!("WsUrl({url})"));
        assert!(!format!("{url:?}").contains("s3cr3t") && !format!("{url:?}").contains("hunter2"));
    }

    #[test]
    fn mistakes_are_shown_with_a_caret_and_a_hint() {
        let cases: &[(&str, &str, usize)] = &[
            ("wss:/host/p", "write wss://host/p", 3),
            ("ws//host", "write ws://host", 2),
            ("ftp://host", "unknown scheme \"ftp\"", 0),
            ("example.com/ws", "wss://example.com/ws (with TLS)", 0),
            ("ws://ho st/", "a space in the host", 7),
            ("ws://h\u{f6} st/", "not a valid internationalized name", 5),
            ("ws://h:99999/", "1 to 65535", 7),
            ("ws://h:0", "1 to 65535", 7),
            ("ws://h:+1", "not a number", 7),
            ("ws://h:8x/", "not a number", 7),
            ("ws://::1:80/", "in brackets", 5),
            ("ws://[fe80::1%25]/", "missing zone", 13),
            ("ws://[::1/", "without ']'", 5),
            ("ws://h/a#b", "%23", 8),
            ("ws:///path", "missing host", 5),
            ("ws://h/a\rb", "control character", 8),
            ("ws://h]/", "invalid character ']'", 6),
        ];
        for (text, say, at) in cases {
            let (said, _, caret) = mistake(text);
            assert!(said.contains(say), "{text}: {said}");
            assert_eq!(caret, *at, "{text}");
        }
        assert_eq!(WsUrl::parse("").unwrap_err().exit, Exit::Usage);
    }

    #[test]
    fn mistakes_show_no_secrets() {
        let (said, shown, caret) = mistake("ws://user:hunter2@ho st/?token=hunter2&a=1#x");
        assert_eq!(shown, "ws://***@ho st/?token=***&a=1#***");
        assert_eq!(caret, shown.find('#').unwrap());
        assert!(!said.contains("hunter2"));
        for text in [
            "ws://user:hun/ter2@host/",
            "wss:/u:hunter2@h",
            "wss//u:hunter2@h",
            "h/?token=hunter2",
            "wss:h?token=hunter2",
            "wss://user:hunter2",
            "wss:/user:hunter2/x",
            "wss://h/x#access_token=hunter2",
        ] {
            let failure = WsUrl::parse(text).unwrap_err();
            assert!(!format!("{failure:?}").contains("ter2"), "{failure:?}");
        }
    }

    #[test]
    fn credentials_in_every_place_become_known() {
        for text in [
            "ws://h/?to%6ben=s3cr3t",
            "ws://h/?a=1;sig=s3cr3t",
            "ws://h/?auth[key]=s3cr3t",
            "ws://h/?next=%2Fx%3Ftoken%3Ds3cr3t%26a%3D1",
            "ws://user:s3cr3t@h/",
            "ws://s3cr3t@h/",
        ] {
            let secrets = Secrets::default();
            url(text).add_to(&secrets);
            assert_eq!(secrets.mask("bad s3cr3t"), "bad ***", "{text}");
        }
    }

    #[test]
    fn parameters_are_added_encoded_and_secret_ones_masked() {
        let plain = url("ws://h/p").with_query_param("a b", "c&d=\u{e9}");
        assert_eq!(plain.target(), "/p?a%20b=c%26d%3D%C3%A9");
        let secret = plain.with_secret_param("sesame", &Secret::new("s3cr3t/"));
        assert_eq!(secret.target(), "/p?a%20b=c%26d%3D%C3%A9&sesame=s3cr3t%2F");
        assert_eq!(secret.to_string(), "ws://h/p?a%20b=c%26d%3D%C3%A9&sesame=***");
        let replaced = url("ws://h/p?token=old&b=1").with_secret_param("token", &Secret::new("new"));
        assert_eq!(replaced.target(), "/p?b=1&token=new");
        assert!(secret.has_query_param("a b") && !secret.has_query_param("c"));
        assert_eq!(url("ws://h/?token=x").to_string(), "ws://h/?token=***");
        assert!(secret.has_secret() && !plain.has_secret());
    }

    #[test]
    fn targets_below_go_on_with_path_and_query() {
        for (base, target, expected) in [
            ("ws://h", "/", "/"),
            ("ws://h", "/a/b?c=d", "/a/b?c=d"),
            ("ws://h/v1/ws", "/", "/v1/ws"),
            ("ws://h/v1/", "/ws?x=%20", "/v1/ws?x=%20"),
            ("ws://h/v1?k=1", "/?x", "/v1?k=1&x"),
            ("ws://h/v1?k=1", "/y", "/v1/y?k=1"),
        ] {
            assert_eq!(url(base).below(target).unwrap().target(), expected, "{base} {target}");
        }
    }

    #[test]
    fn redirects_lead_where_rfc_3986_says() {
        let base = url("wss://h:1/a/b/c?q=1");
        let cases = [
            ("https://other/x", "wss://other/x"),
            ("//other/x", "wss://other/x"),
            ("/x?y", "wss://h:1/x?y"),
            ("x", "wss://h:1/a/b/x"),
            ("../x", "wss://h:1/a/x"),
            ("../../../../x/.", "wss://h:1/x/"),
            ("?z", "wss://h:1/a/b/c?z"),
            ("/x#frag", "wss://h:1/x"),
            ("/x?u=http://y", "wss://h:1/x?u=http://y"),
            ("ws://u:p@h/", "ws://h/"),
        ];
        for (location, to) in cases {
            assert_eq!(base.join(location).unwrap().to_string(), to, "{location}");
        }
        assert_eq!(base.join("file:///etc/passwd").unwrap_err().exit, Exit::Usage);
        assert!(base.join("/a\r\nX: y").is_err());
        assert!(!base.same_origin(&base.join("//h/x").unwrap()));
        assert!(base.same_origin(&base.join("/x").unwrap()));
    }

    #[test]
    fn arguments_that_are_urls_are_told_from_topics() {
        for yes in [
            "ws://x",
            "foo://x",
            "ws+unix:/x",
            ":8080",
            ":8080/x",
            "host:80",
            "host:80/x",
            "[::1]:80",
            "h:1?x",
        ] {
            assert!(looks_like_url(yes), "{yes}");
        }
        for no in [
            "customer_id:1234-5:call:*",
            "42",
            "agent_id:42",
            "host",
            "a:b",
            ":",
            "host:99999",
            "[x]:80",
            "h:",
        ] {
            assert!(!looks_like_url(no), "{no}");
        }
    }
}
