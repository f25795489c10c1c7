//! Reading URLs as people write them, with what is wrong shown at its place.

use std::net::Ipv6Addr;
use std::ops::Range;

use super::{WsUrl, ascii_host, decoded_userinfo, encode_target, tls_of, with_zone, without_zone};
use crate::error::Failure;
use crate::secret::{MASK, Secret, secret_parameters};

/// Is a positional argument meant as a URL? Topics (`customer_id:1234-5678:call:*`) and numbers are not.
#[must_use]
pub fn looks_like_url(text: &str) -> bool {
    if text.contains("://") || has_prefix_ignore_case(text, UNIX_PREFIX) {
        return true;
    }
    let authority = text.split(['/', '?']).next().unwrap_or_default();
    let Some((host, port)) = authority.rsplit_once(':') else { return false };
    let is_port = !port.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0);
    let is_v6 = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    // A name with an underscore is a topic's (`agent_id:42`): host names have none.
    let is_host = match is_v6 {
        Some(address) => without_zone(address).parse::<Ipv6Addr>().is_ok(),
        None => host.chars().all(|c| c.is_alphanumeric() || c == '-' || c == '.'),
    };
    is_port && is_host
}

const UNIX_PREFIX: &str = "ws+unix:";

/// What is wrong with a text, and at which byte.
pub(super) struct Mistake {
    at: usize,
    what: String,
    hint: Option<String>,
}

impl Mistake {
    pub(super) fn new(at: usize, what: impl Into<String>) -> Self {
        Self { at, what: what.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    pub(super) fn failure(self, text: &str) -> Failure {
        let (shown, column) = show(text, self.at);
        let mut failure = Failure::usage(format!("not a WebSocket URL: {}", self.what))
            .details(vec![shown, format!("{}^", " ".repeat(column))]);
        failure.hint = self.hint;
        failure
    }
}

/// Reads any of the forms.
pub(super) fn parse(text: &str) -> Result<WsUrl, Mistake> {
    if let Some(at) = text.find(char::is_control) {
        return Err(Mistake::new(at, "a control character"));
    }
    if let Some(at) = text.find('#') {
        return Err(Mistake::new(at, "fragments are not allowed in WebSocket URLs")
            .hint("write '#' in the path or query as %23"));
    }
    if has_prefix_ignore_case(text, UNIX_PREFIX) {
        return parse_unix(text);
    }
    let (tls, start) = parse_scheme(text)?;
    let end = text[start..].find(['/', '?']).map_or(text.len(), |at| start + at);
    let (userinfo, start) = parse_userinfo(text, start, end)?;
    let (host, port) = parse_host_port(text, start, end)?;
    let tls = match tls {
        Some(tls) => tls,
        None if port.is_none() => {
            return Err(Mistake::new(0, "missing scheme or port")
                .hint(format!("write wss://{0} (with TLS) or ws://{0} (without)", show(text, 0).0)));
        }
        None => port == Some(443),
    };
    let target = encode_target(&text[end..]).map_err(|at| Mistake::new(end + at, "a control character"))?;
    Ok(WsUrl { tls, host, port, target, userinfo, socket: None, secret_params: Vec::new() })
}

/// npm `ws`'s form: `ws+unix:` path of the socket, then `:` and the request target.
fn parse_unix(text: &str) -> Result<WsUrl, Mistake> {
    let rest = &text[UNIX_PREFIX.len()..];
    let rest = rest.strip_prefix("//").filter(|rest| rest.starts_with('/')).unwrap_or(rest);
    let (path, target) = rest.split_once(':').unwrap_or((rest, "/"));
    if path.is_empty() {
        return Err(Mistake::new(UNIX_PREFIX.len(), "missing socket path")
            .hint("write ws+unix:/run/app.sock:/request/path"));
    }
    let target = encode_target(target).map_err(|at| Mistake::new(at, "a control character"))?;
    Ok(WsUrl {
        tls: false,
        host: "localhost".into(),
        port: None,
        target,
        userinfo: None,
        socket: Some(path.into()),
        secret_params: Vec::new(),
    })
}

/// Whether TLS is asked for, if a scheme is given, and where the authority starts.
fn parse_scheme(text: &str) -> Result<(Option<bool>, usize), Mistake> {
    if let Some((scheme, _)) = text.split_once("://").filter(|(scheme, _)| !scheme.contains(['/', '?', '@']))
    {
        let start = scheme.len() + 3;
        return match tls_of(scheme) {
            Some(tls) => Ok((Some(tls), start)),
            None => Err(Mistake::new(0, format!("unknown scheme {scheme:?}"))
                .hint("use ws://, wss://, http://, https:// or ws+unix:")),
        };
    }
    for scheme in ["wss", "ws", "https", "http"] {
        let slipped = has_prefix_ignore_case(text, scheme)
            .then(|| &text[scheme.len()..])
            .and_then(|rest| rest.strip_prefix(':').or_else(|| rest.strip_prefix("//")));
        if let Some(rest) = slipped {
            let rest = rest.trim_start_matches('/');
            return Err(Mistake::new(scheme.len(), "the scheme is not followed by ://")
                .hint(format!("write {scheme}://{}", show(rest, 0).0)));
        }
    }
    Ok((None, 0))
}

/// User name and password in front of the last `@` of the authority, and where the host starts.
fn parse_userinfo(
    text: &str,
    start: usize,
    end: usize,
) -> Result<(Option<(String, Secret)>, usize), Mistake> {
    let Some(at) = text[start..end].rfind('@') else { return Ok((None, start)) };
    let decoded = decoded_userinfo(&text[start..start + at]).ok_or_else(|| {
        Mistake::new(start, "user name or password is not UTF-8 after decoding %XX").hint("write '%' as %25")
    })?;
    Ok((Some(decoded), start + at + 1))
}

fn parse_host_port(text: &str, start: usize, end: usize) -> Result<(String, Option<u16>), Mistake> {
    let authority = &text[start..end];
    if authority.starts_with('[') {
        let close = authority.find(']').ok_or_else(|| Mistake::new(start, "'[' without ']'"))?;
        let host = &authority[1..close];
        check_v6(host, start + 1)?;
        let port = match authority[close + 1..].strip_prefix(':') {
            Some(port) => parse_port(port, text, start + close + 2)?,
            None if close + 1 == authority.len() => None,
            None => return Err(Mistake::new(start + close + 1, "unexpected text after ']'")),
        };
        return Ok((with_zone(host), port));
    }
    let (host, port) = match authority.split_once(':') {
        Some((_, rest)) if rest.contains(':') => {
            return Err(Mistake::new(start, "more than one ':' in host and port")
                .hint("put IPv6 addresses in brackets: ws://[::1]:8080/"));
        }
        Some((host, port)) => (host, parse_port(port, text, start + host.len() + 1)?),
        None => (authority, None),
    };
    if host.is_empty() && start == 0 && port.is_some() {
        return Ok(("localhost".into(), port));
    }
    let ascii = ascii_host(host).ok_or_else(|| {
        Mistake::new(start, "the host is not a valid internationalized name")
            .hint("check the spelling of the host")
    })?;
    // What is wrong with a name of ASCII letters is shown at its place.
    check_name(if host.is_ascii() { host } else { &ascii }, start)?;
    Ok((ascii, port))
}

fn check_v6(host: &str, at: usize) -> Result<(), Mistake> {
    let zone = host.find('%');
    if let Some(place) = zone.filter(|place| matches!(&host[*place..], "%" | "%25")) {
        return Err(Mistake::new(at + place, "missing zone after '%' in the IPv6 address")
            .hint("add a network interface, as in [fe80::1%25eth0]"));
    }
    let host = without_zone(host);
    host.parse::<Ipv6Addr>().map(drop).map_err(|_| Mistake::new(at, "not an IPv6 address"))
}

fn check_name(host: &str, at: usize) -> Result<(), Mistake> {
    if host.is_empty() {
        return Err(Mistake::new(at, "missing host").hint("give a URL such as wss://host/path"));
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
    let Some((place, wrong)) = host.char_indices().find(|&(_, c)| !allowed(c)) else { return Ok(()) };
    let at = at + place;
    Err(match wrong {
        ' ' => Mistake::new(at, "a space in the host"),
        wrong if !wrong.is_ascii() => Mistake::new(at, format!("invalid character {wrong:?} in the host"))
            .hint("write an internationalized name in its ASCII form (punycode, xn--…)"),
        wrong => Mistake::new(at, format!("invalid character {wrong:?} in the host")),
    })
}

fn parse_port(port: &str, text: &str, at: usize) -> Result<Option<u16>, Mistake> {
    // RFC 3986 §3.2.3: an empty port is the scheme's own.
    if port.is_empty() {
        return Ok(None);
    }
    match port.parse::<u16>() {
        Ok(number) if number > 0 && port.bytes().all(|b| b.is_ascii_digit()) => Ok(Some(number)),
        _ if port.bytes().all(|b| b.is_ascii_digit()) => {
            Err(Mistake::new(at, "the port is out of range").hint("use a port from 1 to 65535"))
        }
        _ if text[at..].contains('@') => Err(Mistake::new(at, "the port is not a number")
            .hint("in a password, write '/' as %2F and '?' as %3F")),
        _ => Err(Mistake::new(at, "the port is not a number")),
    }
}

fn has_prefix_ignore_case(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix))
}

/// The text with its secrets masked and its control characters replaced, and the column at which the byte
/// `at` is shown.
fn show(text: &str, at: usize) -> (String, usize) {
    let secrets = secret_ranges(text);
    let mut shown = String::new();
    let mut column = None;
    for (index, c) in text.char_indices() {
        if index >= at && column.is_none() {
            column = Some(shown.chars().count());
        }
        match secrets.iter().find(|range| range.contains(&index)) {
            Some(range) if range.start == index => shown.push_str(MASK),
            Some(_) => {}
            None => shown.push(if c.is_control() { '\u{fffd}' } else { c }),
        }
    }
    let column = column.unwrap_or(shown.chars().count());
    (shown, column)
}

/// Where a text, right or wrong, has credentials: in front of an `@`, behind a `:` if that is no port, in secret query
/// parameters, and in a fragment, where OAuth puts them (RFC 6749 §4.2.2).
pub(crate) fn secret_ranges(text: &str) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let head = &text[..text.find('?').unwrap_or(text.len())];
    let start = head.find("//").or_else(|| head.find(":/")).map_or(0, |at| at + 2);
    let query = text[start..].find('?').map_or(text.len(), |at| start + at);
    let authority = text[start..query].find('/').map_or(query, |at| start + at);
    // A password with a raw '/' or '?' ends the authority early; what follows its ':' is then no port.
    let cut_password = || {
        let colon = text[start..authority].find(':').map(|at| start + at + 1)?;
        let is_port = text[colon..authority].bytes().all(|b| b.is_ascii_digit());
        (!is_port).then(|| text.rfind('@')).flatten().filter(|&at| at > colon)
    };
    if let Some(at) = text[start..authority].rfind('@').map(|at| start + at).or_else(cut_password)
        && at > start
    {
        ranges.push(start..at);
    } else {
        ranges.extend(password_without_host(text, start, authority));
    }
    if let Some(at) = text.find('#').filter(|at| at + 1 < text.len()) {
        ranges.push(at + 1..text.len());
    }
    // One without a value has nothing to hide.
    ranges.extend(secret_parameters(text).into_iter().filter(|range| !range.is_empty()));
    ranges
}

/// What stands in the place of a port, if it is none, not one that is mistyped either, and no part of an IPv6 address.
fn password_without_host(text: &str, start: usize, end: usize) -> Option<Range<usize>> {
    let colon = text[start..end].find(':').map(|at| start + at + 1)?;
    let port = &text[colon..end];
    let is_v6 = port.bytes().all(|b| b.is_ascii_hexdigit() || b == b':') && port.contains(':');
    let is_number = port.bytes().all(|b| b.is_ascii_digit()) && port.len() <= 5;
    (port.len() >= 4 && !is_v6 && !is_number && !text[start..].starts_with('[')).then_some(colon..end)
}
