//! The way from a client's request to its own connection to the upstream: what is asked there, and what of the answer
//! the client gets.

use crate::error::Failure;
use crate::exit::Exit;
use crate::handshake::client::EXTENSIONS;
use crate::handshake::extensions::is_deflate;
use crate::handshake::server::{Request, Response, Upgrade};
use crate::net::{self, OpenReport, Options, Renewed, StreamAttempt, Tap, WsUrl};
use crate::secret::{Lease, Secret, Secrets};

/// Headers that are about one connection only (RFC 9110 §7.6.1), or that each upgrade has of its own.
const OF_ONE_HOP: [&str; 13] = [
    "Host",
    "Connection",
    "Upgrade",
    "Keep-Alive",
    "Proxy-Connection",
    "Proxy-Authorization",
    "Proxy-Authenticate",
    "TE",
    "Trailer",
    "Transfer-Encoding",
    "Content-Length",
    "Sec-WebSocket-Version",
    "Sec-WebSocket-Accept",
];

/// A connection to the upstream.
pub(super) struct UpstreamOpened {
    pub(super) stream: Tap,
    pub(super) report: OpenReport,
    /// The answer for the client.
    pub(super) response: Response,
    /// Keeps the credentials of this connection masked.
    pub(super) leases: Vec<Lease>,
}

/// The client's request did not lead to a connection.
pub(super) struct NotOpened {
    /// What happened, for people.
    pub(super) what: String,
    /// The answer for the client.
    pub(super) response: Response,
    /// Keeps the credentials of the attempt masked.
    pub(super) leases: Vec<Lease>,
}

/// Asks the upstream what the client has asked.
pub(super) async fn open(
    url: &WsUrl,
    options: &Options,
    (request, upgrade): (&Request, &Upgrade),
    compresses: bool,
) -> Result<UpstreamOpened, Box<NotOpened>> {
    let mut leases = vec![options.secrets.lend(secrets(request))];
    let url = match url.below(request.target()) {
        Ok(url) => url,
        Err(failure) => return Err(Box::new(unreachable(&failure, leases))),
    };
    let Renewed { mut options, lease, .. } = match options.renewed().await {
        Ok(renewed) => renewed,
        Err(failure) => return Err(Box::new(unreachable(&failure, leases))),
    };
    leases.push(lease);
    options.headers = headers(request, options.headers, compresses);
    let StreamAttempt { report, stream } = net::open_stream(&url, &options).await;
    match stream {
        Ok(stream) => {
            let response = passed_on(&report, upgrade.response(None, None));
            Ok(UpstreamOpened { stream, report, response, leases })
        }
        Err(failure) if report.status.is_some_and(|status| status != 101) => {
            Err(Box::new(refused(&failure, report, leases)))
        }
        Err(failure) => Err(Box::new(unreachable(&failure, leases))),
    }
}

/// The credentials in a request.
fn secrets(request: &Request) -> Vec<Secret> {
    let mut found: Vec<Secret> = Secrets::in_text(request.target()).collect();
    for (name, value) in request.headers() {
        found.extend(Secrets::in_header(name, &Secret::new(value.as_str())).1);
    }
    found
}

/// The headers for the upstream: those of the client, but for what is about its own connection, and those that were asked
/// for, which take the place of others of the same name.
fn headers(request: &Request, own: Vec<(String, Secret)>, compresses: bool) -> Vec<(String, Secret)> {
    let is = |name: &str, known: &str| name.eq_ignore_ascii_case(known);
    let mut headers = Vec::new();
    for (name, value) in request.headers() {
        let is_replaced = own.iter().any(|(known, _)| is(name, known));
        if is_replaced || OF_ONE_HOP.iter().any(|known| is(name, known)) || is(name, EXTENSIONS) {
            continue;
        }
        headers.push((name.clone(), Secret::new(value.as_str())));
    }
    // Other extensions would change frames in ways that nobody here knows.
    let offers: Vec<&str> =
        request.list(EXTENSIONS).filter(|offer| compresses && is_deflate(offer)).collect();
    if !offers.is_empty() && !own.iter().any(|(name, _)| is(name, EXTENSIONS)) {
        headers.push((EXTENSIONS.to_owned(), Secret::new(offers.join(", "))));
    }
    if request.header("User-Agent").is_none() {
        headers.push(("User-Agent".to_owned(), Secret::new("")));
    }
    headers.extend(own);
    headers
}

/// The response with the headers of the upstream's answer.
fn passed_on(report: &OpenReport, response: Response) -> Response {
    let is_own = |name: &str| OF_ONE_HOP.iter().any(|known| name.eq_ignore_ascii_case(known));
    let headers = report.headers.iter().filter(|(name, _)| !is_own(name));
    headers.fold(response, |response, (name, value)| response.header(name, value))
}

/// The upstream's refusal, as it is.
fn refused(failure: &Failure, mut report: OpenReport, leases: Vec<Lease>) -> NotOpened {
    let mut response = passed_on(&report, Response::new(report.status.unwrap_or(502)));
    response.phrase = Some(report.reason.clone());
    response.body = std::mem::take(&mut report.body);
    let cut = if report.body_cut { " (body truncated)" } else { "" };
    NotOpened { what: format!("the upstream refused a client{cut}: {}", failure.what), response, leases }
}

/// There is no answer of the upstream to pass on: 502, or 504 where it took too long.
fn unreachable(failure: &Failure, leases: Vec<Lease>) -> NotOpened {
    let status = if failure.exit == Exit::LinkSilent { 504 } else { 502 };
    let what = format!("cannot connect a client to the upstream: {}", failure.what);
    let response = Response::text(status, &format!("upstream: {}", failure.what));
    NotOpened { what, response, leases }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &str) -> Request {
        let text = format!("GET /a?token=t0ken-1 HTTP/1.1\r\n{headers}\r\n");
        Request::parse(text.as_bytes()).unwrap().unwrap().0
    }

    fn asked(headers: &str, own: &[(&str, &str)], compresses: bool) -> Vec<String> {
        let own = own.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value))).collect();
        let asked = self::headers(&request(headers), own, compresses);
        asked.iter().map(|(name, value)| format!("{name}: {}", value.expose())).collect()
    }

    #[test]
    fn headers_pass_but_for_those_of_one_hop() {
        let headers = "Host: h\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: k\r\n\
            Sec-WebSocket-Version: 13\r\nOrigin: http://o\r\nUser-Agent: ua\r\nCookie: a=b\r\n\
            Sec-WebSocket-Extensions: x-other, permessage-deflate; client_max_window_bits\r\n";
        let passed = ["Sec-WebSocket-Key: k", "Origin: http://o", "User-Agent: ua", "Cookie: a=b"];
        let offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits";
        assert_eq!(asked(headers, &[], true), [&passed[..], &[offer]].concat());
        assert_eq!(asked(headers, &[], false), passed);
        let own = asked(headers, &[("origin", "https://other"), ("Host", "x")], false);
        assert_eq!(own, [passed[0], passed[2], passed[3], "origin: https://other", "Host: x"]);
        assert_eq!(asked("Host: h\r\n", &[], true), ["User-Agent: "]);
    }

    #[test]
    fn the_credentials_of_a_request_are_known() {
        let headers =
            "Authorization: Bearer t0ken-2\r\nSec-WebSocket-Protocol: access_token, t0ken-3\r\nA: b\r\n";
        let found = secrets(&request(headers));
        for secret in ["t0ken-1", "t0ken-2", "t0ken-3"] {
            assert!(found.iter().any(|found| found.expose() == secret), "{secret}");
        }
    }
}
