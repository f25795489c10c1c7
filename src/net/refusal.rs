//! An HTTP answer that opens no WebSocket, explained: pure, from head and body to the failure.

use std::time::Duration;

use super::{OpenReport, digest};
use crate::clock;
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::handshake::checks::{Finding, Verdict};
use crate::handshake::client::{EXTENSIONS, ResponseHead, list_items};
use crate::handshake::extensions::is_deflate;
use crate::secret::{Secrets, mask_by_place};

/// Headers of a refusal that help to understand it.
const TELLING: &[&str] = &[
    "Server",
    "Via",
    "Content-Type",
    "Location",
    "WWW-Authenticate",
    "Retry-After",
    "Sec-WebSocket-Version",
    "Upgrade",
    "X-Request-Id",
];

/// Headers that help to understand a 429.
const TELLING_LIMITS: &[&str] = &["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset"];

/// How many lines of a web page are shown: enough for its title and message.
const HTML_LINES: usize = 20;

/// How much of a server's own words stands in the first line, in characters.
const SAID: usize = 200;

/// What the request had, so that no hint names it.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sent {
    /// A token, a password or the like.
    pub(crate) credentials: bool,
    /// A client certificate.
    pub(crate) certificate: bool,
    /// An `Origin`.
    pub(crate) origin: bool,
}

/// The failure for an answer with another status than 101. `shown` is the URL without secrets.
pub(crate) fn refusal(
    shown: &str,
    head: &ResponseHead,
    body: &[u8],
    secrets: &Secrets,
    sent: Sent,
) -> Failure {
    let exit = match head.status {
        401 | 403 => Exit::Credentials,
        404 => Exit::NotFound,
        _ => Exit::Refused,
    };
    let mut what = format!("handshake refused: {} from {shown}", head.status_text());
    let said = said(body, secrets);
    if let Some(said) = &said {
        what.push_str(&format!(" ({said})"));
    }
    let failure = Failure::new(exit, what).details(details(head, body));
    // Who has been told the reason needs no guess at it.
    match hint(shown, head, body, sent).filter(|(id, _)| *id != "bad-request" || said.is_none()) {
        Some((id, hint)) => failure.known_hint(id, hint),
        None => failure,
    }
}

/// The failure for a 101 with violations, if there are any.
pub(crate) fn violations(shown: &str, findings: &[Finding]) -> Option<Failure> {
    let failed: Vec<&Finding> = findings.iter().filter(|finding| finding.verdict == Verdict::Fail).collect();
    if failed.is_empty() {
        return None;
    }
    let names: Vec<&str> = failed.iter().map(|finding| finding.id).collect();
    let what = format!("{shown} answered 101, but breaks RFC 6455: {}", names.join(", "));
    let failure = Failure::new(Exit::BadUpgrade, what).details(failed.iter().map(|f| line(f)).collect());
    // An Upgrade that is there, but wrong, has been stripped by nobody.
    let stripped = |f: &&Finding| f.id == "connection-token" || f.id == "upgrade-header" && f.got == "none";
    Some(if failed.iter().any(stripped) {
        let text = "configure reverse proxies in between to forward the headers Upgrade and Connection";
        failure.known_hint("hop-by-hop", text)
    } else if names.contains(&"accept-key") {
        failure.known_hint("wrong-accept", "check for a cache or proxy that answers instead of the server")
    } else {
        failure
    })
}

/// The failure for an extension that the server accepted since a header of the user's offered it, and that is not spoken
/// here.
pub(super) fn spoken(report: &OpenReport) -> Result<()> {
    let headers = report.headers.iter().filter(|(name, _)| name.eq_ignore_ascii_case(EXTENSIONS));
    let mut accepted = headers.flat_map(|(_, value)| list_items(value));
    let Some(accepted) = accepted.find(|extension| !is_deflate(extension)) else { return Ok(()) };
    let what = format!("{} accepted {accepted}, which wstap does not support", report.url);
    Err(Failure::new(Exit::BadUpgrade, what).hint(format!("remove the {EXTENSIONS} header")))
}

/// What is odd about an answer, without being wrong.
pub(super) fn oddities(findings: &[Finding]) -> Vec<String> {
    findings.iter().filter(|finding| finding.verdict == Verdict::Warn).map(line).collect()
}

/// A server that asks for more patience than this gets no more: it may be wrong about its clock, or about us.
const LONGEST_PATIENCE: Duration = Duration::from_secs(3600);

/// `Retry-After` (RFC 9110 §10.2.3): seconds, or a date, of which the past means now. Where there is none and
/// the server has had enough, `X-RateLimit-Reset` says the same.
pub(super) fn asked_wait(head: &ResponseHead) -> Option<Duration> {
    let Some(value) = head.value("Retry-After") else {
        return (head.status == 429).then(|| rate_limit_reset(head)).flatten();
    };
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(date.duration_since(clock::now())).unwrap_or_default())
}

/// The wait that it gets, [`LONGEST_PATIENCE`] at most.
pub(super) fn retry_after(head: &ResponseHead) -> Option<Duration> {
    asked_wait(head).map(|wait| wait.min(LONGEST_PATIENCE))
}

/// `X-RateLimit-Reset`, which has no standard: services give the Unix time or the seconds until then. No wait
/// is as long as the time since 1970.
fn rate_limit_reset(head: &ResponseHead) -> Option<Duration> {
    let value: u64 = head.value("X-RateLimit-Reset")?.parse().ok()?;
    let now = u64::try_from(clock::now().as_second()).unwrap_or_default();
    let seconds = if value < 1_000_000_000 { value } else { value.saturating_sub(now) };
    Some(Duration::from_secs(seconds))
}

/// What a JSON body says in words: `message`, at the top or in `error`, or `error` itself.
pub(super) fn said(body: &[u8], secrets: &Secrets) -> Option<String> {
    let body: serde_json::Value = serde_json::from_slice(body).ok()?;
    let words = [&body["error"]["message"], &body["message"], &body["error"], &body["detail"]];
    let text = words.into_iter().find_map(serde_json::Value::as_str)?.trim();
    let most = text.char_indices().nth(SAID).map_or(text.len(), |(at, _)| at);
    (!text.is_empty()).then(|| secrets.beginning(text, most).0.into_owned())
}

fn line(finding: &Finding) -> String {
    let Finding { id, expected, got, clause, .. } = finding;
    format!("{id}: expected {expected}; got {got} ({clause})")
}

/// What is telling in a head, and the body.
pub(super) fn details(head: &ResponseHead, body: &[u8]) -> Vec<String> {
    let limits = if head.status == 429 { TELLING_LIMITS } else { &[] };
    let telling = |name: &String| TELLING.iter().chain(limits).any(|known| known.eq_ignore_ascii_case(name));
    let headers = head.headers.iter().filter(|(name, _)| telling(name));
    // Where a redirect leads may have credentials in it.
    let mut lines: Vec<String> =
        headers.map(|(name, value)| format!("{name}: {}", mask_by_place(value))).collect();
    match std::str::from_utf8(body) {
        Ok(text) => {
            let most = if is_html(head, body) { HTML_LINES } else { usize::MAX };
            let all: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
            lines.extend(all.iter().take(most).map(|line| (*line).to_owned()));
            if all.len() > most {
                lines.push(format!("… {} more lines", all.len() - most));
            }
        }
        // The end may have been cut in the middle of a character.
        Err(error) if error.error_len().is_none() => {
            lines.extend(String::from_utf8_lossy(body).lines().map(str::to_owned));
        }
        Err(_) => lines.push(format!("a binary body of {} bytes", body.len())),
    }
    lines
}

/// What servers say of a plain request to a TLS port: nginx, Go's (which Caddy and Traefik are), Apache.
const PLAIN_ON_TLS: &[&str] = &[
    "HTTP request was sent to HTTPS port",
    "sent an HTTP request to an HTTPS server",
    "speaking plain HTTP to an SSL-enabled server port",
];

/// What to try, and a stable word for it.
fn hint(shown: &str, head: &ResponseHead, body: &[u8], sent: Sent) -> Option<(&'static str, String)> {
    let plain_on_tls = PLAIN_ON_TLS.iter().any(|words| contains(body, words));
    let (id, text) = match head.status {
        400 if plain_on_tls => ("tls-port", "use wss://: the port speaks TLS"),
        // As nginx says it, which asks for one without insisting on it in the handshake.
        400 if contains(body, "No required SSL certificate was sent") && !sent.certificate => {
            ("client-certificate", "give a client certificate with --cert and --key")
        }
        400 if contains(body, "The SSL certificate error")
            || contains(body, "No required SSL certificate was sent") =>
        {
            ("client-certificate", "check the client certificate: the server does not accept it")
        }
        400 if saw_no_upgrade(head, body) => ("hop-by-hop", NO_UPGRADE),
        400 => ("bad-request", "check that the URL is a WebSocket endpoint and has all parameters"),
        401 => return Some(("unauthorized", unauthorized(head, sent))),
        403 if sent.origin => (
            "forbidden",
            "check the permissions of the credentials, and that the server accepts the value of --origin",
        ),
        403 => ("forbidden", "check the permissions of the credentials; some servers require --origin"),
        404 => ("not-found", "check the path of the URL"),
        405 | 501 => ("no-websocket-here", "check the path: it exists, but is not a WebSocket endpoint"),
        408 | 504 => ("timed-out", "try again later: the server or its backend took too long"),
        426 => return Some(upgrade_required(head)),
        429 => {
            return Some(("rate-limited", format!("{}: too many connections or requests", when(head))));
        }
        502 | 503 => {
            let text = format!("{}: the server behind the proxy is down or overloaded", when(head));
            return Some(("backend-down", text));
        }
        505 => (
            "http-1.0",
            "configure proxies in between to speak HTTP/1.1 to the server (nginx: proxy_http_version 1.1)",
        ),
        200..=299 if is_html(head, body) => {
            ("html", "check the path: a web server answered, not a WebSocket endpoint")
        }
        200..=299 => ("http", "check the path: a plain HTTP endpoint answered, not a WebSocket endpoint"),
        300..=399 => return redirected(shown, head.value("Location")?),
        _ => return None,
    };
    Some((id, text.into()))
}

/// What a 401 asks for, and does not have yet.
fn unauthorized(head: &ResponseHead, sent: Sent) -> String {
    let schemes = digest::schemes(head);
    let wants = |name: &str| schemes.iter().any(|scheme| scheme.eq_ignore_ascii_case(name));
    let password = wants("Basic") || wants("Digest");
    match (sent.credentials, password) {
        (false, true) => "give user and password with -u".to_owned(),
        (false, false) => "give credentials with --token-env, --bearer, -u or -H".to_owned(),
        (true, _) if schemes.is_empty() => {
            "check the credentials and where they are sent (--token-in)".to_owned()
        }
        (true, _) => format!("check the credentials; the server requests {}", schemes.join(" or ")),
    }
}

fn redirected(shown: &str, location: &str) -> Option<(&'static str, String)> {
    let to_tls = ["https:", "wss:"]
        .iter()
        .any(|scheme| location.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)));
    Some(if to_tls && shown.starts_with("ws:") {
        ("https-redirect", "use wss://, or follow the redirect with -L".to_owned())
    } else {
        ("redirect", "follow redirects with -L".to_owned())
    })
}

/// When to try again, as the server wants it.
fn when(head: &ResponseHead) -> String {
    match asked_wait(head) {
        Some(wait) => format!("try again in {} s", wait.as_secs().max(1)),
        None => "try again later".into(),
    }
}

const NO_UPGRADE: &str = "configure proxies in between to forward the headers Upgrade and Connection \
                          (nginx: proxy_http_version 1.1, and proxy_set_header for both)";

/// Does a 400 say that the upgrade came without what was sent? In words, or by the version that was asked for: who
/// speaks it (RFC 6455 §4.4) and finds no handshake has not got all of it. gorilla/websocket says no more than that.
fn saw_no_upgrade(head: &ResponseHead, body: &[u8]) -> bool {
    let text = body.to_ascii_lowercase();
    let about = ["header", "connection", "websocket"].iter().any(|word| contains(&text, word));
    let speaks = head.values("Sec-WebSocket-Version").flat_map(list_items).any(|version| version == "13");
    speaks || about && contains(&text, "upgrade")
}

/// RFC 6455 §4.4: a server that does not speak our version says which it does.
fn upgrade_required(head: &ResponseHead) -> (&'static str, String) {
    match head.value("Sec-WebSocket-Version") {
        // Some say so wherever they refuse, also because of another header.
        Some(versions) if !list_items(versions).any(|version| version == "13") => (
            "version",
            format!("use another client: the server speaks WebSocket version {versions}, wstap only 13"),
        ),
        _ => ("hop-by-hop", NO_UPGRADE.into()),
    }
}

fn is_html(head: &ResponseHead, body: &[u8]) -> bool {
    let by_type = head.value("Content-Type").is_some_and(|kind| kind.to_ascii_lowercase().contains("html"));
    let start = body.trim_ascii_start();
    by_type
        || start.get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"<html"))
        || start.starts_with(b"<!")
}

fn contains(body: &[u8], needle: &str) -> bool {
    memchr::memmem::find(body, needle.as_bytes()).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(status: u16, headers: &[(&str, &str)]) -> ResponseHead {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect();
        ResponseHead { version_minor: 1, status, reason: "Why".into(), headers }
    }

    #[test]
    fn statuses_lead_to_exits_and_hints() {
        let html = [("Content-Type", "text/html")];
        let cases: &[(ResponseHead, &str, Exit, &str)] = &[
            (head(401, &[]), "", Exit::Credentials, "give "),
            (head(403, &[]), "", Exit::Credentials, "--origin"),
            (head(404, &[]), "", Exit::NotFound, "path"),
            (head(200, &html), "<p>", Exit::Refused, "a web server answered"),
            (head(302, &[("Location", "/x")]), "", Exit::Refused, "-L"),
            (head(426, &[("Sec-WebSocket-Version", "8")]), "", Exit::Refused, "version 8"),
            (head(400, &[]), "The plain HTTP request was sent to HTTPS port", Exit::Refused, "wss://"),
        ];
        for (head, body, exit, say) in cases {
            let failure = refusal("ws://h/", head, body.as_bytes(), &Secrets::default(), Sent::default());
            assert_eq!(failure.exit, *exit);
            assert_eq!(failure.what, format!("handshake refused: {} Why from ws://h/", head.status));
            assert!(failure.hint.as_ref().unwrap().contains(say), "{failure:?}");
        }
    }

    #[test]
    fn details_are_telling_headers_and_the_body() {
        let headers = [("server", "s"), ("Date", "d"), ("Content-Type", "text/html")];
        let page = "<p>\n".repeat(HTML_LINES + 3);
        let lines =
            refusal("u", &head(500, &headers), page.as_bytes(), &Secrets::default(), Sent::default()).details;
        assert_eq!(lines[..2], ["server: s", "Content-Type: text/html"]);
        assert_eq!(lines.last().unwrap(), "… 3 more lines");
        assert_eq!(
            refusal("u", &head(500, &[]), b"\xff\xfe", &Secrets::default(), Sent::default()).details,
            ["a binary body of 2 bytes"]
        );
        assert_eq!(
            refusal("u", &head(500, &[]), "ab\n\n{}".as_bytes(), &Secrets::default(), Sent::default())
                .details,
            ["ab", "{}"]
        );
    }

    #[test]
    fn the_servers_own_words_come_first() {
        let what =
            |body: &str| refusal("u", &head(400, &[]), body.as_bytes(), &Secrets::default(), Sent::default());
        for body in [
            r#"{"success":false,"error":{"message":"not enabled"}}"#,
            r#"{"error":"x","message":" not enabled "}"#,
            r#"{"error":"not enabled"}"#,
            r#"{"detail":"not enabled"}"#,
        ] {
            let failure = what(body);
            assert_eq!(failure.what, "handshake refused: 400 Why from u (not enabled)");
            assert_eq!((failure.hint, &failure.details[..]), (None, &[body.to_owned()][..]));
        }
        for body in ["", "not enabled", "{}", "[]", r#"{"message":5}"#, r#"{"error":{"message":""}}"#] {
            assert_eq!(what(body).what, "handshake refused: 400 Why from u");
        }
        let long = what(&format!("{{\"message\":\"{}\"}}", "é".repeat(SAID + 1)));
        assert!(long.what.ends_with(&format!("({})", "é".repeat(SAID))));
    }

    #[test]
    fn a_rate_limit_tells_when_it_ends() {
        let now = clock::now().as_second();
        let wait = |headers: &[(&str, &str)]| retry_after(&head(429, headers)).map(|wait| wait.as_secs());
        let soon = wait(&[("X-RateLimit-Reset", &(now + 30).to_string())]).unwrap();
        assert!((25..=30).contains(&soon), "{soon}");
        assert_eq!(wait(&[("X-RateLimit-Reset", "17")]), Some(17));
        assert_eq!(wait(&[("X-RateLimit-Reset", "17"), ("Retry-After", "5")]), Some(5));
        assert_eq!(wait(&[("X-RateLimit-Reset", "1500000000")]), Some(0));
        assert_eq!(wait(&[("X-RateLimit-Reset", "soon")]), None);
        assert_eq!(retry_after(&head(200, &[("X-RateLimit-Reset", "17")])), None);
        let hint = refusal(
            "u",
            &head(429, &[("X-RateLimit-Reset", "17")]),
            b"",
            &Secrets::default(),
            Sent::default(),
        )
        .hint;
        assert_eq!(hint.as_deref(), Some("try again in 17 s: too many connections or requests"));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let after = |value| retry_after(&head(503, &[("Retry-After", value)]));
        assert_eq!(after("7"), Some(Duration::from_secs(7)));
        assert_eq!(after("Sun, 06 Nov 1994 08:49:37 GMT"), Some(Duration::ZERO));
        assert_eq!(after("Fri, 01 Jan 2100 00:00:00 GMT"), Some(LONGEST_PATIENCE));
        assert_eq!(after("18446744073709551615"), Some(LONGEST_PATIENCE));
        assert_eq!(after("soon"), None);
    }
}
