//! The client half of the upgrade: the request as bytes, and the response head read from bytes.

use std::mem::MaybeUninit;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::extensions::Deflate;
use super::values;
use crate::error::{Failure, Result};
use crate::secret::Secret;

/// The largest response head that is read. Servers stop at 8 to 16 KiB for requests; more than four times
/// that is no answer but a stream of something else.
pub const MAX_HEAD: usize = 64 * 1024;

/// The most header lines that are read; the largest answers seen behind CDNs have about sixty.
pub const MAX_HEADERS: usize = 200;

/// The header of extensions (RFC 6455 §11.3.2).
pub const EXTENSIONS: &str = "Sec-WebSocket-Extensions";

/// What a request asks for besides what every upgrade has.
#[derive(Clone, Debug, Default)]
pub struct Ask<'a> {
    /// Path and query.
    pub target: &'a str,
    /// Value of `Host`.
    pub host: String,
    /// Value of `Origin`.
    pub origin: Option<&'a str>,
    /// Subprotocols to offer.
    pub subprotocols: &'a [String],
    /// The compression to offer.
    pub compression: Option<Deflate>,
    /// Value of `Authorization`.
    pub authorization: Option<Secret>,
    /// Headers that replace, remove (where empty) or add to the others.
    pub headers: &'a [(String, Secret)],
}

/// An upgrade request (RFC 6455 §4.1), ready to be written.
#[derive(Clone, Debug)]
pub struct UpgradeRequest {
    target: String,
    /// Headers in the order they are sent.
    headers: Vec<(String, Secret)>,
}

impl UpgradeRequest {
    /// Puts a request together. `key` is the value of `Sec-WebSocket-Key`, see [`new_key`].
    pub fn new(ask: &Ask<'_>, key: &str) -> Result<Self> {
        check_subprotocols(ask.subprotocols)?;
        let headers = merge(&standard_headers(ask, key), ask.headers);
        // All of them: a credential may come from a file or a variable with a line break in it.
        check_headers(&headers)?;
        Ok(Self { target: ask.target.to_owned(), headers })
    }

    /// The headers in the order they are sent.
    #[must_use]
    pub fn headers(&self) -> &[(String, Secret)] {
        &self.headers
    }

    /// The bytes for the wire, secrets included.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut text = format!("GET {} HTTP/1.1\r\n", self.target);
        for (name, value) in &self.headers {
            text.extend([name, ": ", value.expose(), "\r\n"]);
        }
        text.push_str("\r\n");
        text.into_bytes()
    }

    /// What an answer to this request is measured by. Taken from what is really sent, so a key or
    /// subprotocol list set by a custom header counts.
    #[must_use]
    pub fn expectation(&self) -> Offered {
        let values = |name: &'static str| {
            self.headers
                .iter()
                .filter(move |(sent, _)| sent.eq_ignore_ascii_case(name))
                .map(|(_, v)| v.expose())
        };
        Offered {
            key: values("Sec-WebSocket-Key").next().unwrap_or_default().to_owned(),
            subprotocols: values("Sec-WebSocket-Protocol").flat_map(list_items).map(str::to_owned).collect(),
            extensions: values(EXTENSIONS).collect::<Vec<_>>().join(", "),
        }
    }
}

/// What an answer is measured by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offered {
    /// The `Sec-WebSocket-Key` that was sent.
    pub key: String,
    /// The subprotocols that were offered.
    pub subprotocols: Vec<String>,
    /// The extensions that were offered.
    pub extensions: String,
}

/// A new `Sec-WebSocket-Key`: 16 random bytes in base64 (RFC 6455 §4.1, point 7). The bytes come from the
/// operating system, through the generator that TLS uses: the RFC asks for a nonce, and that generator is
/// linked anyway.
pub fn new_key() -> Result<String> {
    let mut nonce = [0; 16];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut nonce)
        .map_err(|_| Failure::usage("cannot get random bytes from the operating system"))?;
    Ok(STANDARD.encode(nonce))
}

/// Refuses header names that are no tokens and values with CR, LF or NUL (RFC 9110 §5.1, §5.5): they would
/// let a value smuggle further headers in. The value is not repeated, since it may be secret.
pub fn check_headers(headers: &[(String, Secret)]) -> Result<()> {
    for (name, value) in headers {
        if !is_token(name) {
            // Nor is the name: it may be a credential in its place.
            return Err(Failure::usage("invalid header name")
                .hint("use only letters, digits and -_.!#$%&'*+^`|~ in header names"));
        }
        check_value(name, value.expose())?;
    }
    Ok(())
}

/// The head of an HTTP response as it came: order and case of the headers are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResponseHead {
    /// The minor version: 1 for `HTTP/1.1`.
    pub version_minor: u8,
    pub status: u16,
    /// The reason phrase, often empty.
    pub reason: String,
    /// Header names and values.
    pub headers: Vec<(String, String)>,
}

impl ResponseHead {
    /// The values of every header of this name.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        values(&self.headers, name)
    }

    /// The first value of the header of this name.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<&str> {
        values(&self.headers, name).next()
    }

    /// `404 Not Found`, or only the number where the server gave no reason.
    #[must_use]
    pub fn status_text(&self) -> String {
        format!("{} {}", self.status, self.reason).trim_end().to_owned()
    }
}

/// Why bytes are no response head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadError {
    /// They do not start as HTTP/1 does.
    NotHttp,
    /// They start as HTTP/1 does, but go on otherwise. The text says where.
    Malformed(&'static str),
    /// More than [`MAX_HEAD`] bytes or [`MAX_HEADERS`] headers.
    TooLarge,
}

/// Reads a response head from what has come so far: the head and its length, or `None` if it is not complete.
pub fn parse_head(bytes: &[u8]) -> Result<Option<(ResponseHead, usize)>, HeadError> {
    let mut headers = [const { MaybeUninit::uninit() }; MAX_HEADERS];
    let mut response = httparse::Response::new(&mut []);
    let mut config = httparse::ParserConfig::default();
    // Folded lines are obsolete but legal to receive (RFC 9112 §5.2).
    config.allow_obsolete_multiline_headers_in_responses(true);
    match config.parse_response_with_uninit_headers(&mut response, bytes, &mut headers) {
        Ok(httparse::Status::Complete(length)) if length <= MAX_HEAD => Ok(Some((owned(&response), length))),
        Ok(httparse::Status::Partial) if bytes.len() < MAX_HEAD => Ok(None),
        Ok(_) | Err(httparse::Error::TooManyHeaders) => Err(HeadError::TooLarge),
        Err(httparse::Error::Version) => Err(HeadError::NotHttp),
        Err(httparse::Error::Status) => Err(HeadError::Malformed("in the status line")),
        Err(httparse::Error::HeaderName) => Err(HeadError::Malformed("in the name of a header")),
        Err(httparse::Error::HeaderValue) => Err(HeadError::Malformed("in the value of a header")),
        Err(_) => Err(HeadError::Malformed("at the end of a line")),
    }
}

/// The items of a comma-separated header value (RFC 9110 §5.6.1).
pub fn list_items(value: &str) -> impl Iterator<Item = &str> {
    value.split(',').map(str::trim).filter(|item| !item.is_empty())
}

fn standard_headers(ask: &Ask<'_>, key: &str) -> Vec<(String, Secret)> {
    let mut headers = vec![
        ("Host", Secret::new(ask.host.as_str())),
        ("Upgrade", Secret::new("websocket")),
        ("Connection", Secret::new("Upgrade")),
        ("Sec-WebSocket-Key", Secret::new(key)),
        ("Sec-WebSocket-Version", Secret::new("13")),
    ];
    if !ask.subprotocols.is_empty() {
        headers.push(("Sec-WebSocket-Protocol", Secret::new(ask.subprotocols.join(", "))));
    }
    headers.extend(ask.compression.map(|offer| (EXTENSIONS, Secret::new(offer.to_string()))));
    headers.extend(ask.origin.map(|origin| ("Origin", Secret::new(origin))));
    headers.extend(ask.authorization.clone().map(|value| ("Authorization", value)));
    headers.push(("User-Agent", Secret::new(USER_AGENT)));
    headers.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}

/// What wstap calls itself.
pub const USER_AGENT: &str = concat!("wstap/", env!("CARGO_PKG_VERSION"));

/// Custom headers take the place of a standard one of the same name; the others follow at the end. An empty
/// value sends nothing.
fn merge(standard: &[(String, Secret)], custom: &[(String, Secret)]) -> Vec<(String, Secret)> {
    let same = |a: &str, b: &str| a.eq_ignore_ascii_case(b);
    let mut merged = Vec::with_capacity(standard.len() + custom.len());
    for (name, value) in standard {
        let before = merged.len();
        let replacing = || custom.iter().filter(|(given, _)| same(given, name));
        merged.extend(replacing().filter(|(_, value)| !value.expose().is_empty()).cloned());
        if merged.len() == before && replacing().next().is_none() {
            merged.push((name.clone(), value.clone()));
        }
    }
    let added = custom.iter().filter(|(name, value)| {
        !value.expose().is_empty() && !standard.iter().any(|(known, _)| same(known, name))
    });
    merged.extend(added.cloned());
    merged
}

fn check_value(name: &str, value: &str) -> Result<()> {
    if value.contains(['\r', '\n', '\0']) {
        return Err(Failure::usage(format!("the value of header {name} has a line break or a NUL"))
            .hint("if the value comes from a file, remove the line break at its end"));
    }
    Ok(())
}

/// RFC 6455 §4.1, point 10: tokens, each once.
fn check_subprotocols(offered: &[String]) -> Result<()> {
    for (index, name) in offered.iter().enumerate() {
        if !is_token(name) {
            return Err(Failure::usage(format!("invalid subprotocol name {name:?}"))
                .hint("use one -s option per subprotocol"));
        }
        if offered[..index].contains(name) {
            return Err(Failure::usage(format!("subprotocol {name:?} is given twice")));
        }
    }
    Ok(())
}

/// RFC 9110 §5.6.2.
fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b))
}

fn owned(response: &httparse::Response<'_, '_>) -> ResponseHead {
    let header = |header: &httparse::Header<'_>| {
        (header.name.to_owned(), String::from_utf8_lossy(header.value).trim().to_owned())
    };
    ResponseHead {
        version_minor: response.version.unwrap_or_default(),
        status: response.code.unwrap_or_default(),
        reason: response.reason.unwrap_or_default().trim().to_owned(),
        headers: response.headers.iter().map(header).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    const KEY: &str = "dGhlIHNhbXBsZSBub25jZQ==";

    fn custom(pairs: &[(&str, &str)]) -> Vec<(String, Secret)> {
        pairs.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect()
    }

    #[test]
    fn a_plain_request() {
        let offers = ["a".to_owned(), "b".to_owned()];
        let ask = Ask {
            target: "/x?y",
            host: "h:1".into(),
            origin: Some("https://o"),
            subprotocols: &offers,
            compression: Some(Deflate::default_offer()),
            authorization: Some(Secret::new("Bearer t")),
            headers: &custom(&[("X-A", "1"), ("X-A", "2")]),
        };
        let text = String::from_utf8(UpgradeRequest::new(&ask, KEY).unwrap().bytes()).unwrap();
        let agent = format!("User-Agent: {USER_AGENT}");
        let lines = [
            "GET /x?y HTTP/1.1",
            "Host: h:1",
            "Upgrade: websocket",
            "Connection: Upgrade",
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version: 13",
            "Sec-WebSocket-Protocol: a, b",
            "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits",
            "Origin: https://o",
            "Authorization: Bearer t",
            &agent,
            "X-A: 1",
            "X-A: 2",
        ];
        assert_eq!(text, format!("{}\r\n\r\n", lines.join("\r\n")));
    }

    #[test]
    fn custom_headers_replace_and_remove() {
        let headers = custom(&[
            ("host", "other"),
            ("user-agent", ""),
            ("Sec-WebSocket-Key", "mine"),
            ("Sec-WebSocket-Protocol", "p, q"),
            ("X-None", ""),
        ]);
        let ask = Ask { target: "/", host: "h".into(), headers: &headers, ..Ask::default() };
        let request = UpgradeRequest::new(&ask, KEY).unwrap();
        let text = String::from_utf8(request.bytes()).unwrap();
        assert!(text.starts_with("GET / HTTP/1.1\r\nhost: other\r\nUpgrade:"), "{text}");
        for gone in ["ser-agent", "ser-Agent", "X-None", KEY] {
            assert!(!text.contains(gone), "{text}");
        }
        let subprotocols = vec!["p".into(), "q".into()];
        let expected = Offered { key: "mine".into(), subprotocols, ..Offered::default() };
        assert_eq!(request.expectation(), expected);
    }

    #[test]
    fn headers_that_would_smuggle_are_refused_without_their_value() {
        for (name, value) in [("A", "x\r\nB: y"), ("A", "x\0"), ("A B", "x"), ("", "x"), ("A:", "x")] {
            let failure = check_headers(&custom(&[(name, value)])).unwrap_err();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(!failure.what.contains('x'), "{failure}");
        }
        assert!(check_subprotocols(&["a".into(), "a".into()]).is_err());
        assert!(check_subprotocols(&["a, b".into()]).is_err());
    }

    #[test]
    fn keys_are_sixteen_bytes_and_differ() {
        let (one, two) = (new_key().unwrap(), new_key().unwrap());
        assert_eq!(STANDARD.decode(&one).unwrap().len(), 16);
        assert_ne!(one, two);
    }

    #[test]
    fn heads_are_read_byte_by_byte_in_order_and_case() {
        let text = b"HTTP/1.1 401 No\r\nb-B: 1 \r\nA: \xe9\r\nB-b: 2\r\n\r\nrest";
        for end in 0..text.len() - 4 {
            assert_eq!(parse_head(&text[..end]), Ok(None), "{end}");
        }
        let (head, length) = parse_head(text).unwrap().unwrap();
        assert_eq!(&text[length..], b"rest");
        assert_eq!((head.status, head.status_text().as_str(), head.version_minor), (401, "401 No", 1));
        let names: Vec<&str> = head.headers.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["b-B", "A", "B-b"]);
        assert_eq!(head.values("B-B").collect::<Vec<_>>(), ["1", "2"]);
    }

    #[test]
    fn what_is_no_head_is_named() {
        assert_eq!(parse_head(b"SSH-2.0-x\r\n"), Err(HeadError::NotHttp));
        assert_eq!(parse_head(b"HTTP/1.1 abc\r\n"), Err(HeadError::Malformed("in the status line")));
        assert_eq!(
            parse_head(b"HTTP/1.1 200 \r\na b: c\r\n"),
            Err(HeadError::Malformed("in the name of a header"))
        );
        let many = format!("HTTP/1.1 200 \r\n{}\r\n", "a: b\r\n".repeat(MAX_HEADERS + 1));
        assert_eq!(parse_head(many.as_bytes()), Err(HeadError::TooLarge));
        let long = format!("HTTP/1.1 200 \r\na: {}", "b".repeat(MAX_HEAD));
        assert_eq!(parse_head(long.as_bytes()), Err(HeadError::TooLarge));
    }
}
