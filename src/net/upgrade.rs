//! The HTTP upgrade over a connected stream: the request out, the response head in, and the body of a
//! refusal.

use std::io;
use std::time::Duration;

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::Transport;
use super::witness::Witness;
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::handshake::client::{HeadError, MAX_HEAD, MAX_HEADERS, ResponseHead, list_items, parse_head};
use crate::secret::Secrets;

/// How much of the body of a refusal is kept.
const MAX_BODY: usize = 64 * 1024;

/// How long the body of a refusal is waited for after its head. It explains the refusal, but a server that
/// holds it back must not hold back the failure.
const BODY_TIME: Duration = Duration::from_secs(2);

/// How much of an answer that is no HTTP is shown, in bytes.
const SHOWN: usize = 200;

/// What a request asks, in the words of its failures.
pub(super) struct Question<'a> {
    /// Such as `the upgrade`.
    pub(super) what: &'a str,
    /// The URL without secrets.
    pub(super) shown: &'a str,
    /// The scheme of such a URL with TLS.
    pub(super) tls_scheme: &'a str,
    /// What is not repeated of an answer.
    pub(super) secrets: &'a Secrets,
}

/// Writes the request and reads the head of the answer: the head, and the bytes that came after it.
pub(super) async fn ask(
    stream: &mut Box<dyn Transport>,
    request: &[u8],
    question: &Question<'_>,
    witness: Option<&Witness>,
) -> Result<(ResponseHead, BytesMut)> {
    let mut received = BytesMut::with_capacity(4096);
    let head = ask_after(stream, request, &mut received, question, witness).await?;
    Ok((head, received))
}

/// As [`ask`], with bytes that are already received. Bytes after the head stay in `received`.
pub(super) async fn ask_after(
    stream: &mut Box<dyn Transport>,
    request: &[u8],
    received: &mut BytesMut,
    question: &Question<'_>,
    witness: Option<&Witness>,
) -> Result<ResponseHead> {
    // A server may answer and close before it has read everything, so a failed write is not the end: what it
    // said is worth more than that it hung up.
    let written = async {
        stream.write_all(request).await?;
        stream.flush().await
    };
    let written = written.await;
    loop {
        match parse_head(received) {
            Ok(Some((head, length))) => {
                received.advance(length);
                // Interim answers (RFC 9110 §15.2) announce another; 101 is the one that is final.
                if (100..200).contains(&head.status) && head.status != 101 {
                    continue;
                }
                return Ok(head);
            }
            Ok(None) => {}
            Err(error) => return Err(no_http(error, received, question)),
        }
        match stream.read_buf(received).await {
            Ok(0) => return Err(closed(received, None, question, witness)),
            Ok(_) => {}
            Err(read) => {
                return Err(closed(received, Some(written.err().unwrap_or(read)), question, witness));
            }
        }
    }
}

/// Reads the body of a refusal as far as size and time allow, and decodes it. `true`: there is more of it.
pub(super) async fn read_body(
    stream: &mut Box<dyn Transport>,
    head: &ResponseHead,
    tail: BytesMut,
) -> (Vec<u8>, bool) {
    let framing = Framing::of(head);
    let mut raw = tail;
    let late = tokio::time::timeout(BODY_TIME, framing.read(stream, &mut raw)).await.is_err();
    let cut = late || framing.is_cut(&raw);
    (framing.decode(&raw).0, cut)
}

/// Reads the body of an answer as far as size allows, and decodes it. `true`: the answer has come to its end, and the
/// next one may follow on the same stream; what has been received of it is left in `received`.
pub(super) async fn read_answer(
    stream: &mut Box<dyn Transport>,
    head: &ResponseHead,
    received: &mut BytesMut,
) -> (Vec<u8>, bool) {
    let framing = Framing::of(head);
    framing.read(stream, received).await;
    let (body, end) = framing.decode(received);
    received.advance(end.unwrap_or(received.len()));
    (body, end.is_some())
}

/// How the end of a body is told (RFC 9112 §6.3).
enum Framing {
    Length(usize),
    Chunked,
    UntilClose,
}

impl Framing {
    fn of(head: &ResponseHead) -> Self {
        if matches!(head.status, 204 | 304) {
            return Self::Length(0);
        }
        let mut codings = head.values("Transfer-Encoding").flat_map(list_items);
        if codings.any(|coding| coding.eq_ignore_ascii_case("chunked")) {
            return Self::Chunked;
        }
        match head.value("Content-Length").and_then(|length| length.parse().ok()) {
            Some(length) => Self::Length(length),
            None => Self::UntilClose,
        }
    }

    /// Reads until everything has come, or enough, or nothing more will.
    async fn read(&self, stream: &mut Box<dyn Transport>, raw: &mut BytesMut) {
        while !self.is_complete(raw) && matches!(stream.read_buf(raw).await, Ok(1..)) {}
    }

    /// Has everything come, or enough?
    fn is_complete(&self, raw: &[u8]) -> bool {
        match self {
            Self::Length(length) => raw.len() >= (*length).min(MAX_BODY),
            // Chunk sizes and extensions take room too, but a body of tiny chunks need not be read whole.
            Self::Chunked => raw.len() >= 2 * MAX_BODY || dechunk(raw).ended,
            Self::UntilClose => raw.len() >= MAX_BODY,
        }
    }

    /// Is this, as far as it was read, not all of the body?
    fn is_cut(&self, raw: &[u8]) -> bool {
        match self {
            Self::Length(length) => raw.len() < *length || *length > MAX_BODY,
            Self::Chunked => {
                let chunks = dechunk(raw);
                !chunks.ended || chunks.body.len() > MAX_BODY
            }
            // The end may be just where the room is.
            Self::UntilClose => raw.len() >= MAX_BODY,
        }
    }

    /// The body as far as it has come, and where it ends if that is known and all of it has come.
    fn decode(&self, raw: &[u8]) -> (Vec<u8>, Option<usize>) {
        let (mut body, end) = match self {
            Self::Length(length) => {
                (raw[..raw.len().min(*length)].to_vec(), Some(*length).filter(|length| *length <= raw.len()))
            }
            Self::Chunked => {
                let chunks = dechunk(raw);
                (chunks.body, chunks.end)
            }
            Self::UntilClose => (raw.to_vec(), None),
        };
        body.truncate(MAX_BODY);
        (body, end)
    }
}

/// A body that is sent in chunks, as far as it has come.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Dechunked {
    pub(crate) body: Vec<u8>,
    /// All has come, or the chunks are broken so that nothing more can be had.
    ended: bool,
    /// Where the next answer begins, after the last chunk and the trailer section.
    end: Option<usize>,
}

/// Takes the chunks apart (RFC 9112 §7.1).
pub(crate) fn dechunk(raw: &[u8]) -> Dechunked {
    let mut chunks = Dechunked::default();
    let mut at = 0;
    loop {
        match httparse::parse_chunk_size(&raw[at..]) {
            Ok(httparse::Status::Complete((start, 0))) => {
                at += start;
                // The trailer section ends with an empty line; mostly that is all of it.
                let rest = &raw[at..];
                let trailer = if rest.starts_with(b"\r\n") { Some(2) } else { end_of_lines(rest) };
                chunks.end = trailer.map(|length| at + length);
                chunks.ended = chunks.end.is_some();
                return chunks;
            }
            Ok(httparse::Status::Complete((start, size))) => {
                at += start;
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                let rest = &raw[at..];
                chunks.body.extend(&rest[..size.min(rest.len())]);
                match size.checked_add(2).filter(|next| *next <= rest.len()) {
                    Some(next) => at += next,
                    None => return chunks,
                }
            }
            Ok(httparse::Status::Partial) => return chunks,
            Err(_) => {
                chunks.ended = true;
                return chunks;
            }
        }
    }
}

/// Where an empty line ends.
fn end_of_lines(bytes: &[u8]) -> Option<usize> {
    memchr::memmem::find(bytes, b"\r\n\r\n").map(|at| at + 4)
}

fn closed(
    bytes: &[u8],
    error: Option<io::Error>,
    question: &Question<'_>,
    witness: Option<&Witness>,
) -> Failure {
    let Question { what, shown, tls_scheme, .. } = question;
    let as_tls = witness.and_then(|witness| match &error {
        Some(error) => witness.failure(error, shown),
        None => witness.hung_up(shown),
    });
    if let Some(failure) = as_tls {
        return failure;
    }
    let when = if bytes.is_empty() { "without a response" } else { "in the middle of its response" };
    let why = match error {
        Some(error) if error.kind() != io::ErrorKind::UnexpectedEof => {
            format!(" ({})", super::tcp::reason(&error))
        }
        _ => String::new(),
    };
    let failure = Failure::new(Exit::Refused, format!("{shown} closed the connection {when} to {what}{why}"))
        .transient();
    if witness.is_none() && bytes.is_empty() {
        return failure
            .known_hint("tls-port", format!("if the server speaks TLS on this port, use {tls_scheme}"));
    }
    failure
}

/// The answer is no HTTP: what it may be instead.
fn no_http(error: HeadError, bytes: &[u8], question: &Question<'_>) -> Failure {
    let Question { what, shown, tls_scheme, secrets } = question;
    let what = match error {
        HeadError::TooLarge => format!(
            "{shown} answered {what} with more than {} KiB or {MAX_HEADERS} lines of headers",
            MAX_HEAD / 1024
        ),
        HeadError::Malformed(place) => {
            format!("{shown} answered {what} with invalid HTTP: error {place}")
        }
        HeadError::NotHttp => format!("{shown} answered {what} with something other than HTTP/1"),
    };
    // The first bytes of a TLS record (RFC 8446 §5.1: alert, version 3.x) and of an HTTP/2 SETTINGS frame.
    let hint = match bytes {
        [0x15, 3, ..] => Some(("tls-port", format!("use {tls_scheme}: the port speaks TLS"))),
        [0, 0, _, 4, ..] => Some((
            "http2-only",
            "use a port that speaks HTTP/1.1: this one seems to speak only HTTP/2".to_owned(),
        )),
        _ if error == HeadError::NotHttp => Some(("not-http", "check the port".to_owned())),
        _ => None,
    };
    let text = String::from_utf8_lossy(bytes);
    let text = secrets.mask_cut(&text);
    let (start, _) = secrets.beginning(&text, SHOWN);
    let failure = Failure::new(Exit::BadUpgrade, what).details(vec![format!("it starts with {start:?}")]);
    match hint {
        Some((id, hint)) => failure.known_hint(id, hint),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_are_taken_apart_as_far_as_they_came() {
        for (raw, body, ended, end) in [
            ("3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\nHTTP", "abcde", true, Some(24)),
            ("3\r\nabc\r\n0\r\n", "abc", false, None),
            ("3\r\nabc\r\n0\r\n\r", "abc", false, None),
            ("3\r\nabc\r\n0\r\nExpires: 0\r\n\r\nHTTP", "abc", true, Some(25)),
            ("3\r\nabc\r\n5\r\nde", "abcde", false, None),
            ("3\r\nab", "ab", false, None),
            ("", "", false, None),
            ("zz\r\n", "", true, None),
            ("ffffffffffffffff\r\nab", "ab", false, None),
        ] {
            assert_eq!(dechunk(raw.as_bytes()), Dechunked { body: body.into(), ended, end }, "{raw:?}");
        }
    }
}
