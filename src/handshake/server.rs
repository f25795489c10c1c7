//! The server half of the upgrade: reads a request head from a growing buffer, judges it by RFC 6455 §4.2.1,
//! and writes the answer. Pure: the mock decides what to send and may bend any value on the way.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;

use super::client::{EXTENSIONS, list_items};
use super::extensions::Agreement;
use super::{accept_key, values};

/// The longest request head that is read. Go's servers stop at 1 MiB, nginx at 8 KiB a line; no WebSocket
/// client needs more than this, and a client that never ends its head costs no more memory.
pub const MAX_HEAD: usize = 16 * 1024;

/// The longest request body that is read.
pub const MAX_BODY: usize = 4 << 20;

/// The most headers a request may have; it bounds the table that the parser fills.
pub const MAX_HEADERS: usize = 100;

/// The head of an HTTP request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    method: String,
    minor_version: u8,
    target: String,
    path: String,
    query: Vec<(String, String)>,
    headers: Vec<(String, String)>,
    /// The body, once it has been read.
    pub body: Vec<u8>,
}

impl Request {
    /// Reads a request head from the start of `bytes`. `None` means that more bytes are needed; otherwise the
    /// request and the length of its head come back. The error is the response that refuses it.
    ///
    /// # Errors
    /// 431 for a head over [`MAX_HEAD`] or with more than [`MAX_HEADERS`] headers, 400 for what is not HTTP.
    pub fn parse(bytes: &[u8]) -> Result<Option<(Self, usize)>, Response> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Request::new(&mut headers);
        match head.parse(bytes) {
            Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD => {
                Ok(Some((Self::from_parsed(&head), length)))
            }
            Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => Ok(None),
            Ok(_) => Err(Response::text(431, "request head too large")),
            Err(httparse::Error::TooManyHeaders) => Err(Response::text(431, "too many headers")),
            Err(error) => Err(Response::text(400, &format!("not an HTTP request: {error}"))),
        }
    }

    fn from_parsed(head: &httparse::Request<'_, '_>) -> Self {
        let target = origin_form(head.path.unwrap_or("/"));
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let pairs = query.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name, true), decode(value, true))
        });
        let headers = head
            .headers
            .iter()
            .map(|header| (header.name.to_owned(), String::from_utf8_lossy(header.value).trim().to_owned()));
        Self {
            method: head.method.unwrap_or_default().to_owned(),
            minor_version: head.version.unwrap_or(0),
            target: target.to_owned(),
            path: decode(path, false),
            query: pairs.collect(),
            headers: headers.collect(),
            body: Vec::new(),
        }
    }

    /// The length of the body that follows the head (RFC 9112 §6.3).
    ///
    /// # Errors
    /// 411 for a body without a length, 400 for a length that is none, 413 for one over [`MAX_BODY`].
    pub fn body_length(&self) -> Result<usize, Response> {
        if self.header("Transfer-Encoding").is_some() {
            return Err(Response::text(411, "send the body with a Content-Length"));
        }
        let mut lengths = self.list("Content-Length");
        let Some(length) = lengths.next().or(self.header("Content-Length")) else { return Ok(0) };
        if lengths.any(|other| other != length) {
            return Err(Response::text(400, "more than one Content-Length"));
        }
        let digits = !length.is_empty() && length.bytes().all(|byte| byte.is_ascii_digit());
        match length.parse() {
            Ok(length) if digits && length <= MAX_BODY => Ok(length),
            _ if digits => Err(Response::text(413, "request body too large")),
            _ => Err(Response::text(400, "Content-Length is not a number")),
        }
    }

    /// May another request follow on the same connection (RFC 9112 §9.3)?
    #[must_use]
    pub fn keeps_alive(&self) -> bool {
        self.minor_version >= 1 && !self.list("Connection").any(|token| token.eq_ignore_ascii_case("close"))
    }

    /// The method, as sent.
    #[must_use]
    pub fn method(&self) -> &str {
        &self.method
    }

    /// Path and query as they were sent.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// The path without the query, percent-decoded.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The first query parameter of this name, percent-decoded.
    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The names of the query parameters, percent-decoded.
    pub fn query_names(&self) -> impl Iterator<Item = &str> {
        self.query.iter().map(|(name, _)| name.as_str())
    }

    /// The query parameters in order, percent-decoded.
    #[must_use]
    pub fn query_pairs(&self) -> &[(String, String)] {
        &self.query
    }

    /// The headers in order, as sent.
    #[must_use]
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The first header of this name, without the white space around its value.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        values(&self.headers, name).next()
    }

    /// The items of a header that is a comma-separated list (RFC 9110 §5.6.1), over all its occurrences.
    pub fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        values(&self.headers, name).flat_map(list_items)
    }

    /// Judges the request as an opening handshake (RFC 6455 §4.2.1).
    ///
    /// # Errors
    /// The refusal. Order, statuses and texts are those of gorilla/websocket, which stands behind most of the
    /// services that the mock plays, with `Sec-WebSocket-Version` on each as RFC 6455 §4.2.2 step 4 asks.
    pub fn upgrade(&self) -> Result<Upgrade, Response> {
        if !self.list("Connection").any(|token| token.eq_ignore_ascii_case("upgrade")) {
            return Err(refusal(400, "'upgrade' token not found in 'Connection' header"));
        }
        if !self.list("Upgrade").any(|token| token.eq_ignore_ascii_case("websocket")) {
            return Err(refusal(426, "'websocket' token not found in 'Upgrade' header")
                .header("Upgrade", "websocket"));
        }
        if self.method != "GET" {
            return Err(refusal(405, "request method is not GET").header("Allow", "GET"));
        }
        if self.minor_version < 1 {
            return Err(refusal(400, "HTTP/1.1 is needed"));
        }
        if self.header("Host").is_none() {
            return Err(refusal(400, "missing 'Host' header"));
        }
        if self.header("Sec-WebSocket-Version") != Some("13") {
            return Err(refusal(400, "unsupported version: 13 not found in 'Sec-WebSocket-Version' header"));
        }
        let key = self.header("Sec-WebSocket-Key").unwrap_or_default();
        if STANDARD.decode(key).map(|bytes| bytes.len()) != Ok(16) {
            return Err(refusal(400, "'Sec-WebSocket-Key' header must be 16 bytes in base64"));
        }
        Ok(Upgrade {
            key: key.to_owned(),
            protocols: self.list("Sec-WebSocket-Protocol").map(str::to_owned).collect(),
        })
    }
}

/// A request that was found to be a proper opening handshake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upgrade {
    /// `Sec-WebSocket-Key`.
    pub key: String,
    /// The subprotocols that the client offers, best first.
    pub protocols: Vec<String>,
}

impl Upgrade {
    /// The 101 response (RFC 6455 §4.2.2 step 5).
    #[must_use]
    pub fn response(&self, protocol: Option<&str>, agreement: Option<&Agreement>) -> Response {
        let mut response = Response::new(101)
            .header("Upgrade", "websocket")
            .header("Connection", "Upgrade")
            .header("Sec-WebSocket-Accept", &accept_key(&self.key));
        if let Some(agreement) = agreement {
            response = response.header(EXTENSIONS, &agreement.answer.to_string());
        }
        match protocol {
            Some(protocol) => response.header("Sec-WebSocket-Protocol", protocol),
            None => response,
        }
    }
}

/// An HTTP response, complete with its body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Response {
    pub status: u16,
    /// The reason phrase, if it is another than the usual one.
    pub phrase: Option<String>,
    /// The headers, in order, besides those that frame the body.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Response {
    /// A response without headers and body.
    #[must_use]
    pub fn new(status: u16) -> Self {
        Self { status, phrase: None, headers: Vec::new(), body: Vec::new() }
    }

    /// A response with a line of text.
    #[must_use]
    pub fn text(status: u16, text: &str) -> Self {
        let mut response = Self::new(status).header("Content-Type", "text/plain; charset=utf-8");
        response.body = format!("{text}\n").into_bytes();
        response
    }

    /// A response with a JSON body.
    #[must_use]
    pub fn json(status: u16, body: String) -> Self {
        let mut response = Self::new(status).header("Content-Type", "application/json; charset=utf-8");
        response.body = body.into_bytes();
        response
    }

    /// Adds a header.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The bytes for the wire. Everything but a 101 carries its length and ends the connection.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.bytes(false)
    }

    /// The bytes for the wire, on a connection that another request may follow on.
    #[must_use]
    pub fn to_bytes_kept_alive(&self) -> Vec<u8> {
        self.bytes(true)
    }

    fn bytes(&self, keep_alive: bool) -> Vec<u8> {
        [self.head_bytes(keep_alive).as_slice(), &self.body].concat()
    }

    /// The bytes before the body, on a connection that another request may follow on or not.
    #[must_use]
    pub fn head_bytes(&self, keep_alive: bool) -> Vec<u8> {
        // What came from somebody else must not be able to add a header of its own.
        let on_one_line = |text: &str| text.chars().filter(|c| !c.is_control()).collect::<String>();
        let phrase = self.phrase.as_deref().map_or_else(|| reason(self.status).to_owned(), on_one_line);
        let mut head = format!("HTTP/1.1 {} {phrase}\r\n", self.status);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {}\r\n", on_one_line(value)));
        }
        if self.status != 101 {
            let after = if keep_alive { "keep-alive" } else { "close" };
            head.push_str(&format!("Content-Length: {}\r\nConnection: {after}\r\n", self.body.len()));
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}

/// The body begins with the text of the status, as gorilla's does, and goes on with the reason, so that a person
/// who debugs a handshake sees it.
fn refusal(status: u16, why: &str) -> Response {
    Response::text(status, &format!("{}: websocket: {why}", reason(status)))
        .header("Sec-WebSocket-Version", "13")
}

fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        303 => "See Other",
        307 => "Temporary Redirect",
        308 => "Permanent Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        411 => "Length Required",
        413 => "Content Too Large",
        415 => "Unsupported Media Type",
        425 => "Too Early",
        426 => "Upgrade Required",
        429 => "Too Many Requests",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}

/// The path and query of a request target; a proxy-minded client may send the absolute form, which a server
/// has to accept (RFC 9112 §3.2.2).
fn origin_form(target: &str) -> &str {
    let Some((_, rest)) = target.split_once("://").filter(|_| !target.starts_with('/')) else {
        return target;
    };
    rest.find(['/', '?']).map_or("/", |start| &rest[start..])
}

/// Decodes `%XX`, and `+` in a query as browsers encode a space there. What is not a valid escape stays as it
/// is, and bytes that are not UTF-8 become U+FFFD.
fn decode(text: &str, plus: bool) -> String {
    let text = if plus { Cow::from(text.replace('+', " ")) } else { Cow::from(text) };
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "GET /v1.0/ws?token=a%20b+c&x HTTP/1.1\r\nHost: h\r\nUpgrade: WebSocket\r\n\
        Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Protocol: c\r\n\r\n";

    fn request(text: &str) -> Request {
        Request::parse(text.as_bytes()).unwrap().unwrap().0
    }

    #[test]
    fn a_status_has_its_text() {
        let first_line = |status| String::from_utf8(Response::new(status).to_bytes()).unwrap();
        assert!(first_line(502).starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
        assert!(first_line(302).starts_with("HTTP/1.1 302 Found\r\n"));
    }

    #[test]
    fn a_good_request_is_read_whole_and_upgraded() {
        let (request, length) = Request::parse(format!("{GOOD}tail").as_bytes()).unwrap().unwrap();
        assert_eq!(length, GOOD.len());
        assert_eq!((request.method(), request.path()), ("GET", "/v1.0/ws"));
        assert_eq!(request.query("token"), Some("a b c"));
        assert_eq!(request.query("x"), Some(""));
        assert_eq!(request.query("y"), None);
        let upgrade = request.upgrade().unwrap();
        assert_eq!(upgrade.protocols, ["a", "b", "c"]);
        let answer = String::from_utf8(upgrade.response(Some("b"), None).to_bytes()).unwrap();
        assert_eq!(
            answer,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSec-WebSocket-Protocol: b\r\n\r\n"
        );
    }

    #[test]
    fn every_prefix_asks_for_more() {
        for end in 0..GOOD.len() {
            assert_eq!(Request::parse(&GOOD.as_bytes()[..end]), Ok(None), "at {end}");
        }
    }

    #[test]
    fn each_fault_has_its_status() {
        let cases = [
            ("GET /v1.0", "POST /v1.0", 405),
            ("HTTP/1.1", "HTTP/1.0", 400),
            ("Host: h\r\n", "", 400),
            ("Upgrade: WebSocket", "Upgrade: h2c", 426),
            ("Connection: keep-alive, Upgrade", "Connection: close", 400),
            ("dGhlIHNhbXBsZSBub25jZQ==", "dGhlIHNhbXBsZQ==", 400),
            ("dGhlIHNhbXBsZSBub25jZQ==", "*", 400),
            ("Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n", "", 400),
            ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Version: 8", 400),
        ];
        for (from, to, status) in cases {
            assert!(GOOD.contains(from), "{from}");
            let refused = request(&GOOD.replace(from, to)).upgrade().unwrap_err();
            assert_eq!(refused.status, status, "{from} -> {to}");
            assert!(refused.headers.contains(&("Sec-WebSocket-Version".into(), "13".into())));
        }
    }

    #[test]
    fn limits_and_garbage() {
        let long = format!("GET / HTTP/1.1\r\nA: {}", "x".repeat(MAX_HEAD));
        assert_eq!(Request::parse(long.as_bytes()).unwrap_err().status, 431);
        let ended = format!("{long}\r\n\r\n");
        assert_eq!(Request::parse(ended.as_bytes()).unwrap_err().status, 431);
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(MAX_HEADERS + 1));
        assert_eq!(Request::parse(many.as_bytes()).unwrap_err().status, 431);
        assert_eq!(Request::parse(b"\x16\x03\x01\x02\x00").unwrap_err().status, 400);
    }

    #[test]
    fn what_is_just_within_the_limits_is_read() {
        let fill = MAX_HEAD - "GET / HTTP/1.1\r\nA: \r\n\r\n".len();
        let long = |more: usize| format!("GET / HTTP/1.1\r\nA: {}\r\n\r\n", "x".repeat(fill + more));
        assert_eq!(Request::parse(long(0).as_bytes()).unwrap().unwrap().1, MAX_HEAD);
        assert_eq!(Request::parse(long(1).as_bytes()).unwrap_err().status, 431);
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(MAX_HEADERS));
        assert!(Request::parse(many.as_bytes()).unwrap().is_some());
        let body = |length: usize| {
            request(&format!("POST / HTTP/1.1\r\nContent-Length: {length}\r\n\r\n")).body_length()
        };
        assert_eq!(body(MAX_BODY), Ok(MAX_BODY));
        assert_eq!(body(MAX_BODY + 1).unwrap_err().status, 413);
    }

    #[test]
    fn odd_targets() {
        let at = |target: &str| request(&format!("GET {target} HTTP/1.1\r\n\r\n"));
        assert_eq!(at("http://h:1/a/b?c=d").path(), "/a/b");
        assert_eq!(at("http://h").path(), "/");
        assert_eq!(at("/a?u=http://x/y").query("u"), Some("http://x/y"));
        assert_eq!(at("/%zz%4").path(), "/%zz%4");
        assert_eq!(at("/?a=%ff%e2%82%ac").query("a"), Some("\u{fffd}€"));
    }

    #[test]
    fn a_value_cannot_add_a_header() {
        let bytes = Response::new(200).header("X-Id", "a\r\nX-Evil: b").to_bytes();
        assert!(!String::from_utf8(bytes).unwrap().contains("\r\nX-Evil"));
    }
}
