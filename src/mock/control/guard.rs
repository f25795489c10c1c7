//! Who may use the control API: programs on this machine, or those that know the token. Never a page that a browser
//! shows, whatever name it has given this machine.

use std::net::IpAddr;

use crate::handshake::server::{Request, Response};
use crate::secret::Secret;

/// The rules.
#[derive(Debug, Default)]
pub(in crate::mock) struct Guard {
    /// The token that a request must bring, if there is one. Without it the server listens on loopback only.
    pub(in crate::mock) token: Option<Secret>,
}

impl Guard {
    /// May this be answered?
    ///
    /// # Errors
    /// The refusal, with its reason.
    pub(super) fn check(&self, request: &Request, public: bool) -> Result<(), Response> {
        if request.header("Origin").is_some() {
            return Err(super::error(403, "requests with an Origin are not allowed"));
        }
        let site = request.header("Sec-Fetch-Site");
        if site.is_some_and(|site| !matches!(site, "none" | "same-origin")) {
            return Err(super::error(403, "requests from other sites are not allowed (Sec-Fetch-Site)"));
        }
        if let Some(token) = &self.token {
            return if public || brings(request, token) { Ok(()) } else { Err(unauthorized()) };
        }
        // A page whose name was made to resolve to this machine is on the same origin, but the name tells.
        if !request.header("Host").is_some_and(is_loopback) {
            return Err(super::error(403, "the Host must be localhost or a loopback address"));
        }
        Ok(())
    }
}

fn brings(request: &Request, token: &Secret) -> bool {
    let given = request.header("Authorization").and_then(|value| value.split_once(' '));
    let Some((scheme, given)) = given else { return false };
    scheme.eq_ignore_ascii_case("Bearer") && same(given.trim().as_bytes(), token.expose().as_bytes())
}

/// Compares without telling by the time it takes how much is right.
fn same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |difference, (a, b)| difference | (a ^ b)) == 0
}

fn unauthorized() -> Response {
    super::error(401, "missing or wrong token: send Authorization: Bearer TOKEN")
        .header("WWW-Authenticate", "Bearer")
}

/// Is this `Host` a name or an address of this machine alone?
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(address, _)| address),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    name.eq_ignore_ascii_case("localhost")
        || name.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(guard: &Guard, headers: &str) -> u16 {
        let text = format!("GET /__wstap/clients HTTP/1.1\r\n{headers}\r\n");
        let (request, _) = Request::parse(text.as_bytes()).unwrap().unwrap();
        guard.check(&request, false).map_or_else(|refusal| refusal.status, |()| 200)
    }

    #[test]
    fn pages_and_foreign_names_are_refused() {
        let open = Guard::default();
        for (headers, expected) in [
            ("Host: 127.0.0.1:80\r\n", 200),
            ("Host: localhost\r\n", 200),
            ("Host: LOCALHOST:1\r\n", 200),
            ("Host: [::1]:80\r\n", 200),
            ("Host: 127.9.9.9\r\n", 200),
            ("Host: localhost\r\nSec-Fetch-Site: none\r\n", 200),
            ("Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", 403),
            ("Host: localhost\r\nSec-Fetch-Site: same-site\r\n", 403),
            ("Host: localhost\r\nOrigin: http://localhost\r\n", 403),
            ("Host: localhost\r\nOrigin: null\r\n", 403),
            ("Host: evil.example\r\n", 403),
            ("Host: localhost.evil.example\r\n", 403),
            ("Host: 127.0.0.1.evil.example\r\n", 403),
            ("Host: 192.168.0.1\r\n", 403),
            ("Host: [::1\r\n", 403),
            ("", 403),
        ] {
            assert_eq!(status(&open, headers), expected, "{headers}");
        }
    }

    #[test]
    fn a_token_opens_under_any_name_but_not_for_pages() {
        let guard = Guard { token: Some(Secret::new("s3cret")) };
        for (headers, expected) in [
            ("Host: mock:80\r\nAuthorization: Bearer s3cret\r\n", 200),
            ("Host: mock:80\r\nAuthorization: bearer  s3cret\r\n", 200),
            ("Host: localhost\r\n", 401),
            ("Host: localhost\r\nAuthorization: Bearer s3cre\r\n", 401),
            ("Host: localhost\r\nAuthorization: Bearer s3cres\r\n", 401),
            ("Host: localhost\r\nAuthorization: s3cret\r\n", 401),
            ("Host: mock\r\nOrigin: http://mock\r\nAuthorization: Bearer s3cret\r\n", 403),
        ] {
            assert_eq!(status(&guard, headers), expected, "{headers}");
        }
    }
}
