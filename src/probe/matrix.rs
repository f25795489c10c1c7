//! The same endpoint asked in several ways: one connection and one record a row.

use std::net::SocketAddr;

use serde::Serialize;

use super::Target;
use super::record::{Check, Failed, Note, ProbeRecord};
use crate::exit::Exit;
use crate::handshake::checks::Verdict;
use crate::net::{ConnectToEntry, Options, TokenPlace, addresses};
use crate::secret::{Secret, is_secret_name};

/// A version that no server speaks.
const NO_VERSION: u8 = 99;

/// A credential that no server takes.
const WRONG: &str = "wstap-wrong-credential";

/// What a parameter or header for a credential is called where nothing else is known.
const USUAL_NAME: &str = "token";

#[derive(Clone, Debug, Default)]
pub(crate) struct Matrix {
    pub origins: Vec<Origin>,
    pub auth: bool,
    pub version: bool,
    pub addresses: bool,
}

/// An entry of `--origins`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// `none`: no header.
    None,
    /// `same`: that of the URL.
    Same,
    /// Any other, `null` among them, which browsers send from files and sandboxes.
    Other(String),
}

impl Origin {
    #[must_use]
    pub(crate) fn parse(text: &str) -> Self {
        match text.trim() {
            "none" => Self::None,
            "same" => Self::Same,
            other => Self::Other(other.to_owned()),
        }
    }
}

/// A row: what is different in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(crate) enum Case {
    /// Of `--origins`.
    Origin {
        /// The value of `Origin`; `null` where none is sent.
        origin: Option<String>,
        /// Is it another one than that of the URL?
        foreign: bool,
    },
    /// Of `--auth-matrix`.
    Credential {
        /// `none`, `wrong` or `right`.
        credential: &'static str,
        /// `query`, `header` or `bearer`.
        place: Option<&'static str>,
    },
    /// Of `--version-check`.
    Version { version: u8 },
    /// Of `--all-addresses`.
    Address {
        /// The address connected to.
        address: String,
    },
}

impl Case {
    /// The name of the row for people.
    #[must_use]
    pub(crate) fn label(&self) -> String {
        match self {
            Self::Origin { origin: None, .. } => "no Origin".into(),
            Self::Origin { origin: Some(origin), .. } => format!("Origin: {origin}"),
            Self::Credential { credential: "none", .. } | Self::Credential { place: None, .. } => {
                "no credential".into()
            }
            Self::Credential { credential, place: Some(place) } => {
                format!("{credential} credential, {place}")
            }
            Self::Version { version } => format!("version {version}"),
            Self::Address { address } => address.clone(),
        }
    }
}

impl Matrix {
    #[must_use]
    pub(crate) fn any(&self) -> bool {
        self.auth || self.version || self.addresses || !self.origins.is_empty()
    }

    pub(super) async fn rows(&self, target: &Target) -> Vec<Target> {
        let mut rows: Vec<Target> = self.origins.iter().map(|origin| with_origin(target, origin)).collect();
        if self.auth {
            rows.extend(credentials(target));
        }
        if self.version {
            rows.push(with_version(target));
        }
        if self.addresses {
            rows.extend(at_addresses(target).await);
        }
        rows
    }
}

/// A row for each address that the name has. One that does not resolve gives one row, which tells that, and so does a
/// socket, which has no address.
async fn at_addresses(target: &Target) -> Vec<Target> {
    let Target { url, options, .. } = target;
    let found = if options.unix_socket.is_some() || url.socket().is_some() {
        None
    } else {
        addresses(url, options).await.ok()
    };
    let Some(found) = found else { return vec![target.clone()] };
    let at = |address: &SocketAddr| {
        let entry = ConnectToEntry {
            from: (Some(url.host().to_owned()), Some(url.port())),
            to: (Some(address.ip().to_string()), Some(address.port())),
        };
        let case = Case::Address { address: address.to_string() };
        row(target, case, |options| options.connect_to = vec![entry])
    };
    found.iter().map(at).collect()
}

fn row(target: &Target, case: Case, change: impl FnOnce(&mut Options)) -> Target {
    let mut row = Target { case: Some(case), ..target.clone() };
    change(&mut row.options);
    row
}

fn with_origin(target: &Target, origin: &Origin) -> Target {
    let same = same_origin(target);
    let value = match origin {
        Origin::None => None,
        Origin::Same => Some(same.clone()),
        Origin::Other(value) => Some(value.clone()),
    };
    let foreign = value.as_ref().is_some_and(|value| !value.eq_ignore_ascii_case(&same));
    row(target, Case::Origin { origin: value.clone(), foreign }, |options| {
        // A header of the user's would stand in the place of the row's.
        options.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("Origin"));
        options.origin = value;
    })
}

/// What a browser sends from a page of the same host (RFC 6454 §6.2), which is the one that `Host` names.
fn same_origin(Target { url, options, .. }: &Target) -> String {
    let scheme = if url.is_tls() { "https" } else { "http" };
    let given = options.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("Host"));
    let given = given.map(|(_, host)| host.expose().to_owned()).filter(|host| !host.is_empty());
    format!("{scheme}://{}", given.unwrap_or_else(|| url.host_header()))
}

fn with_version(target: &Target) -> Target {
    const NAME: &str = "Sec-WebSocket-Version";
    row(target, Case::Version { version: NO_VERSION }, |options| {
        options.headers.retain(|(name, _)| !name.eq_ignore_ascii_case(NAME));
        options.headers.push((NAME.to_owned(), Secret::new(NO_VERSION.to_string())));
    })
}

/// No credential, then a wrong one and the right one, if there is one, in each of the places.
fn credentials(target: &Target) -> Vec<Target> {
    let mut bare = target.clone();
    let in_url = target.url.secret_params().into_iter().next();
    bare.url = target.url.without_secrets();
    bare.options = target.options.without_credentials();
    let token = target.options.token.clone();
    let given = token.or_else(|| in_header(&target.options.headers).filter(|_| in_url.is_none()));
    let name = |wanted: fn(&TokenPlace) -> Option<&String>| {
        let given = given.as_ref().and_then(|(place, _)| wanted(place));
        given.cloned().unwrap_or_else(|| USUAL_NAME.to_owned())
    };
    let query = match &in_url {
        Some((name, _)) if given.is_none() => name.clone(),
        _ => name(|place| if let TokenPlace::Query(name) = place { Some(name) } else { None }),
    };
    let header = name(|place| if let TokenPlace::Header(name) = place { Some(name) } else { None });
    let places = [
        ("query", TokenPlace::Query(query)),
        ("header", TokenPlace::Header(header)),
        ("bearer", TokenPlace::Bearer),
    ];
    let right = given.as_ref().map(|(_, token)| token.clone()).or(in_url.map(|(_, token)| token));
    let mut rows = vec![row(&bare, Case::Credential { credential: "none", place: None }, |_| {})];
    for (credential, token) in [("wrong", Some(Secret::new(WRONG))), ("right", right)] {
        let Some(token) = token else { continue };
        rows.extend(places.iter().map(|(word, place)| {
            let case = Case::Credential { credential, place: Some(word) };
            row(&bare, case, |options| options.token = Some((place.clone(), token.clone())))
        }));
    }
    rows
}

/// A credential that was given as a header; cookies and passwords have no place elsewhere.
fn in_header(headers: &[(String, Secret)]) -> Option<(TokenPlace, Secret)> {
    headers.iter().find_map(|(name, value)| {
        let value = value.expose().trim();
        match name.to_ascii_lowercase().as_str() {
            "authorization" => {
                let (scheme, token) = value.split_once(' ')?;
                scheme.eq_ignore_ascii_case("bearer").then(|| (TokenPlace::Bearer, Secret::new(token.trim())))
            }
            "cookie" | "proxy-authorization" => None,
            other if is_secret_name(other) && !value.is_empty() => {
                Some((TokenPlace::Header(name.clone()), Secret::new(value)))
            }
            _ => None,
        }
    })
}

/// What a row means beyond what every record tells.
pub(super) fn judge(record: &mut ProbeRecord) {
    let Some(case) = record.case.clone() else { return };
    let accepted = record.status() == Some(101);
    match case {
        Case::Origin { origin: Some(origin), foreign: true } if accepted && sent_cookie(record) => {
            let whose = if origin == "null" { "files and sandboxes".to_owned() } else { origin };
            let text = format!(
                "cross-site WebSocket hijacking: pages of {whose} can connect with their visitors' cookies; the server \
                 must check Origin, or must not rely on cookies alone"
            );
            record.warnings.push(Note { id: "cross-site-websocket-hijacking", text });
        }
        Case::Credential { credential: "none", .. } if accepted => {
            let text = "the endpoint accepts connections without a credential".to_owned();
            record.warnings.push(Note { id: "no-credential-needed", text });
        }
        Case::Credential { credential: "wrong", .. } if accepted => {
            let text = "the endpoint accepts a wrong credential".to_owned();
            record.warnings.push(Note { id: "wrong-credential-accepted", text });
        }
        Case::Version { version } => judge_version(record, version),
        _ => {}
    }
}

fn sent_cookie(record: &ProbeRecord) -> bool {
    let headers = record.request.iter().flat_map(|request| &request.headers);
    headers.into_iter().any(|header| header.name.eq_ignore_ascii_case("Cookie"))
}

/// To be refused is what is wanted here, so it is no failure of the row.
fn judge_version(record: &mut ProbeRecord, version: u8) {
    let Some(http) = &record.http else { return };
    let speaks = http.value("Sec-WebSocket-Version").unwrap_or_default().to_owned();
    let (verdict, exit) = match http.status {
        426 if speaks.split(',').any(|known| known.trim() == "13") => (Verdict::Ok, Exit::Ok),
        101 => (Verdict::Fail, Exit::BadUpgrade),
        _ => (Verdict::Warn, Exit::Ok),
    };
    let with =
        if speaks.is_empty() { String::new() } else { format!(" with Sec-WebSocket-Version: {speaks}") };
    let got = format!("{}{with}", http.status);
    record.failed = (verdict == Verdict::Fail).then(|| Failed {
        phase: "upgrade",
        what: format!("the server accepted WebSocket version {version}, which does not exist"),
        details: Vec::new(),
    });
    record.ok = verdict != Verdict::Fail;
    record.exit = exit.code();
    record.checks.push(Check {
        id: "version-negotiation",
        verdict: verdict.word(),
        expected: "426 with Sec-WebSocket-Version: 13".to_owned(),
        got,
        clause: "RFC 6455 §4.2.2, §4.4",
    });
    record.hints.clear();
}
