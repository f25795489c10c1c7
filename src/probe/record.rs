//! The public schema of a probe: one JSON object a connection. Fields are only ever added; `v` changes when one
//! changes its meaning. Times are milliseconds. What was not reached, or not needed, is `null`.

use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::value::RawValue;

use super::Target;
use super::gates::Judgement;
use super::live::Live;
use super::matrix::Case;
use crate::clock;
use crate::error::Failure;
use crate::exit::Exit;
use crate::handshake::checks::{Finding, Verdict, unexamined};
use crate::handshake::client::{EXTENSIONS, Offered, list_items};
use crate::handshake::extensions::is_deflate;
use crate::json;
use crate::net::certificate::{self, Certificate};
use crate::net::{OpenReport, SentRequest, TlsInfo, Tried, WsUrl};
use crate::report::Report;
use crate::secret::Secrets;

/// The version of the schema.
pub(crate) const VERSION: u8 = 1;

/// Everything that is known after one probe.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct ProbeRecord {
    pub v: u8,
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// When it began, RFC 3339.
    pub ts: String,
    /// Which row of a matrix it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub case: Option<Case>,
    /// Which round of `--repeat` it is, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub round: Option<u32>,
    /// The URL, after redirects.
    pub url: String,
    /// Did everything that was tried succeed?
    pub ok: bool,
    /// The exit status that this probe leads to on its own.
    pub exit: u8,
    pub failed: Option<Failed>,
    /// The time of each phase.
    pub phases: Phases,
    /// Name resolution; `null` for an address, a unix socket, or where the proxy resolves.
    pub dns: Option<Dns>,
    /// TCP, or the unix socket.
    pub tcp: Option<Tcp>,
    pub proxy: Option<Proxy>,
    pub tls: Option<Tls>,
    /// The request as it was sent, secrets masked.
    pub request: Option<ProbedRequest>,
    pub http: Option<Http>,
    /// The subprotocol that the server chose.
    pub subprotocol: Option<String>,
    /// Compression, if it was offered.
    pub compression: Option<CompressionRecord>,
    /// Where redirects led, in order.
    pub redirects: Vec<String>,
    /// Every check, whatever it says. Those of `--live` come last.
    pub checks: Vec<Check>,
    /// What `--live` measured.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub live: Option<Live>,
    /// What to try, and what else may explain what was seen.
    pub hints: Vec<Note>,
    /// What is odd or dangerous without being a failure.
    pub warnings: Vec<Note>,
    /// What became of the gates. They are judged by the record without this field.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub gates: Vec<Judgement>,
}

/// Compression, as it was offered and answered.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct CompressionRecord {
    /// `Sec-WebSocket-Extensions` of the request.
    pub offered: String,
    /// The same of the answer.
    pub answered: Option<String>,
    /// `agreed`, `declined`, or `wrong` if the answer is not allowed; `unknown` without an upgrade.
    pub verdict: &'static str,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Failed {
    /// `dns`, `tcp`, `proxy`, `tls`, `upgrade` or `live`.
    pub phase: &'static str,
    pub what: String,
    /// Further lines, such as an address and its error each.
    pub details: Vec<String>,
}

/// The time of each phase, in milliseconds.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Phases {
    pub dns: Option<f64>,
    pub tcp: Option<f64>,
    /// Negotiation with the proxy.
    pub proxy: Option<f64>,
    pub tls: Option<f64>,
    /// From the first byte of the request to the end of the response head.
    pub upgrade: Option<f64>,
    /// Everything, redirects included.
    pub total: Option<f64>,
}

impl Phases {
    /// Names and times, in the order in which they come, without the total.
    #[must_use]
    pub(crate) fn in_order(&self) -> [(&'static str, Option<f64>); 5] {
        [
            ("dns", self.dns),
            ("tcp", self.tcp),
            ("proxy", self.proxy),
            ("tls", self.tls),
            ("upgrade", self.upgrade),
        ]
    }
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Dns {
    pub host: String,
    /// What it resolved to, in the order of trial.
    pub addresses: Vec<String>,
    /// The address that was connected to.
    pub used: Option<String>,
    pub ms: Option<f64>,
}

/// TCP, or the unix socket.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Tcp {
    /// From the first attempt to the one that won.
    pub ms: Option<f64>,
    /// The address connected to; `null` for a unix socket.
    pub remote: Option<String>,
    /// The address connected from.
    pub local: Option<String>,
    /// The addresses that were tried.
    pub tried: Vec<Attempt>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Attempt {
    pub address: String,
    /// Was it connected?
    pub ok: bool,
    /// The time until it was, or failed; `null` where another was faster, or the time was up.
    pub ms: Option<f64>,
    pub error: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Proxy {
    /// Which, without its credentials.
    pub via: String,
    /// The time of the negotiation.
    pub ms: Option<f64>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Tls {
    /// The time of the handshake.
    pub ms: Option<f64>,
    /// Such as `TLSv1.3`; `null` where the handshake was not finished.
    pub version: Option<String>,
    /// The registered name of the cipher suite, such as `TLS_AES_256_GCM_SHA384`.
    pub cipher: Option<String>,
    /// The group of the key exchange, such as `X25519`.
    pub group: Option<String>,
    /// What the server chose by ALPN.
    pub alpn: Option<String>,
    /// The name that was asked for; `null` for an address.
    pub sni: Option<String>,
    /// Is the certificate trusted, also under `-k`? `null` where none came.
    pub verified: Option<bool>,
    /// Why not.
    pub verify_error: Option<String>,
    /// The same as a stable word.
    pub verify_id: Option<&'static str>,
    /// Is the certificate for the host of the URL?
    pub hostname_match: Option<bool>,
    /// Of the server's own certificate: whole days until it expires, negative after.
    pub days_left: Option<i64>,
    /// Of the same: when it expires.
    pub not_after: Option<String>,
    /// Of the same: the pin of its key.
    pub pin: Option<String>,
    /// The certificates that the server sent, its own first.
    pub chain: Vec<Certificate>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct ProbedRequest {
    /// Always `GET`.
    pub method: &'static str,
    /// Path and query.
    pub target: String,
    /// Headers in the order they were sent.
    pub headers: Vec<Header>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Header {
    /// Its name, as it was written.
    pub name: String,
    pub value: String,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Http {
    /// Such as `1.1`.
    pub version: String,
    pub status: u16,
    pub reason: String,
    /// Headers in the order they came, repeated ones as often.
    pub headers: Vec<Header>,
    /// The wait that the server asks for, in seconds.
    pub retry_after: Option<u64>,
    /// The body of a refusal.
    pub body: Option<Body>,
}

impl Http {
    /// The first value of a header.
    #[must_use]
    pub(crate) fn value(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|header| header.name.eq_ignore_ascii_case(name));
        found.map(|header| header.value.as_str())
    }
}

/// The body of a refusal.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Body {
    /// Bytes that were read.
    pub bytes: usize,
    /// Was there more?
    pub cut: bool,
    /// A body that is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub json: Option<Box<RawValue>>,
    /// Any other; bytes that are no UTF-8 are replaced.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

#[derive(Clone, Debug, Serialize)]
pub(crate) struct Check {
    pub id: &'static str,
    /// `ok`, `warn`, `fail`, or `skipped` where there was nothing to judge.
    pub verdict: &'static str,
    /// What would have been right.
    pub expected: String,
    pub got: String,
    /// Where it is demanded.
    pub clause: &'static str,
}

/// A hint or a warning.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Note {
    /// A stable word.
    pub id: &'static str,
    pub text: String,
}

/// Takes what is secret out of texts.
#[derive(Clone)]
pub(crate) struct SecretMask(pub Report);

impl SecretMask {
    /// Text from the network or about it.
    #[must_use]
    pub(crate) fn text(&self, text: &str) -> String {
        self.0.secrets().mask_text(text).into_owned()
    }

    /// The reason of a close frame, which may have had room for a part of a secret only.
    pub(super) fn reason(&self, text: &str) -> String {
        self.text(&self.0.secrets().mask_cut(text))
    }

    fn header(&self, name: &str, value: &str) -> Header {
        Header { name: self.text(name), value: self.0.secrets().mask_header(name, value) }
    }

    fn headers(&self, headers: &[(String, String)]) -> Vec<Header> {
        headers.iter().map(|(name, value)| self.header(name, value)).collect()
    }

    fn check(&self, finding: &Finding) -> Check {
        Check {
            id: finding.id,
            verdict: finding.verdict.word(),
            expected: self.text(&finding.expected),
            got: self.text(&finding.got),
            clause: finding.clause,
        }
    }
}

impl ProbeRecord {
    /// The record of an attempt, without hints.
    pub(super) fn new(
        started: Timestamp,
        report: &OpenReport,
        failure: Option<&Failure>,
        target: &Target,
        mask: &SecretMask,
    ) -> Self {
        let exit = failure.map_or(Exit::Ok, |failure| failure.exit);
        Self {
            v: VERSION,
            kind: "probe",
            ts: format!("{started:.6}"),
            case: target.case.clone(),
            round: None,
            url: mask.text(&report.url),
            ok: exit == Exit::Ok,
            exit: exit.code(),
            failed: failure.map(|failure| failed(failure, mask)),
            phases: phases(report),
            dns: dns(report),
            tcp: tcp(report),
            proxy: report.via.as_ref().map(|via| Proxy { via: mask.text(via), ms: ms(report.proxy) }),
            tls: report.tls.map(|_| tls(report, &host(report, target), mask)),
            request: report.request.as_ref().map(|request| sent(request, mask)),
            http: http(report, mask),
            subprotocol: report.subprotocol.as_deref().map(|name| mask.text(name)),
            compression: compression(report, mask),
            redirects: report.redirects.iter().map(|url| mask.text(url)).collect(),
            checks: checks(report, target, mask),
            live: None,
            hints: Vec::new(),
            warnings: warnings(report, mask),
            gates: Vec::new(),
        }
    }

    /// Names and times of all that took time, in the order in which it came.
    #[must_use]
    pub(crate) fn times(&self) -> Vec<(&'static str, f64)> {
        let live = self
            .live
            .iter()
            .flat_map(|live| [("message", live.message), ("pong", live.pong), ("close", live.close.ms)]);
        let phases = self.phases.in_order().into_iter().chain([("total", self.phases.total)]).chain(live);
        phases.filter_map(|(name, ms)| Some((name, ms?))).collect()
    }

    /// Did the server answer, and not with an upgrade?
    #[must_use]
    pub(crate) fn is_refusal(&self) -> bool {
        self.status().is_some_and(|status| status != 101)
    }

    /// Which of several records it is, for people.
    #[must_use]
    pub(crate) fn place(&self) -> Option<String> {
        let round = self.round.map(|round| format!("round {round}"));
        self.case.as_ref().map(Case::label).or(round)
    }

    /// The status of the answer.
    #[must_use]
    pub(crate) fn status(&self) -> Option<u16> {
        self.http.as_ref().map(|http| http.status)
    }

    /// One line of JSON, without the line break.
    #[must_use]
    pub(crate) fn to_json(&self) -> String {
        to_json(self)
    }
}

/// A value that is made of names, texts and numbers as one line of JSON.
pub(super) fn to_json(value: &impl Serialize) -> String {
    // Neither maps with other keys than texts nor anything else that can fail is in these values.
    serde_json::to_string(value).unwrap_or_default()
}

/// Milliseconds, to the microsecond.
pub(super) fn ms(time: Option<Duration>) -> Option<f64> {
    time.map(|time| (time.as_secs_f64() * 1e6).round() / 1e3)
}

fn phases(report: &OpenReport) -> Phases {
    Phases {
        dns: ms(report.dns),
        tcp: ms(report.tcp),
        proxy: ms(report.proxy),
        tls: ms(report.tls),
        upgrade: ms(report.upgrade),
        total: ms(Some(report.total)),
    }
}

fn failed(failure: &Failure, mask: &SecretMask) -> Failed {
    Failed {
        phase: match failure.exit {
            Exit::Dns => "dns",
            Exit::Tcp => "tcp",
            Exit::Proxy => "proxy",
            Exit::Tls => "tls",
            _ => "upgrade",
        },
        what: mask.text(&failure.what),
        // Headers and body of a refusal have their own places.
        details: match failure.exit {
            Exit::Refused | Exit::Credentials | Exit::NotFound => Vec::new(),
            _ => failure.details.iter().map(|line| mask.text(line)).collect(),
        },
    }
}

/// The host that a certificate has to be for, after redirects.
fn host(report: &OpenReport, target: &Target) -> String {
    WsUrl::parse(&report.url).as_ref().unwrap_or(&target.url).host().to_owned()
}

fn dns(report: &OpenReport) -> Option<Dns> {
    report.dns.map(|time| Dns {
        host: report.host.clone(),
        addresses: report.addresses.iter().map(|address| address.ip().to_string()).collect(),
        used: report.remote.map(|address| address.ip().to_string()),
        ms: ms(Some(time)),
    })
}

fn tcp(report: &OpenReport) -> Option<Tcp> {
    report.tcp.map(|time| Tcp {
        ms: ms(Some(time)),
        remote: report.remote.map(|address| address.to_string()),
        local: report.local.map(|address| address.to_string()),
        tried: report.tried.iter().map(|tried| attempt(tried, report)).collect(),
    })
}

fn attempt(tried: &Tried, report: &OpenReport) -> Attempt {
    Attempt {
        address: tried.address.to_string(),
        ok: report.remote == Some(tried.address),
        ms: ms(tried.time),
        error: tried.error.clone(),
    }
}

fn tls(report: &OpenReport, host: &str, mask: &SecretMask) -> Tls {
    let info = report.tls_info.clone().unwrap_or_default();
    let TlsInfo { sni, version, cipher, group, alpn, certificates, verify_error, verify_id } = info;
    let known = |text: String| Some(text).filter(|text| !text.is_empty());
    let now = clock::now();
    let chain: Vec<Certificate> = certificates.iter().map(|der| Certificate::read(der, now)).collect();
    let leaf = chain.first();
    Tls {
        ms: ms(report.tls),
        version: known(version),
        cipher: known(cipher),
        group,
        alpn: alpn.map(|name| mask.text(&name)),
        sni,
        verified: leaf.map(|_| verify_error.is_none()),
        verify_error: verify_error.map(|error| mask.text(&error)),
        verify_id,
        hostname_match: certificates.first().and_then(|der| certificate::is_for(der, host)),
        days_left: leaf.and_then(|leaf| leaf.days_left),
        not_after: leaf.and_then(|leaf| leaf.not_after.clone()),
        pin: leaf.map(|leaf| leaf.pin.clone()).filter(|pin| !pin.is_empty()),
        chain,
    }
}

fn sent(request: &SentRequest, mask: &SecretMask) -> ProbedRequest {
    ProbedRequest {
        method: "GET",
        target: mask.text(&request.target),
        headers: mask.headers(&request.headers),
    }
}

fn compression(report: &OpenReport, mask: &SecretMask) -> Option<CompressionRecord> {
    let value = |headers: &[(String, String)]| {
        let values: Vec<&str> = headers
            .iter()
            .filter(|(name, _)| name.eq_ignore_ascii_case(EXTENSIONS))
            .map(|(_, value)| value.as_str())
            .collect();
        (!values.is_empty()).then(|| mask.text(&values.join(", ")))
    };
    let offered = value(&report.request.as_ref()?.headers)?;
    let answered = value(&report.headers);
    let verdict = match (&answered, report.agreement) {
        _ if report.status != Some(101) => "unknown",
        (_, Some(_)) => "agreed",
        (Some(answer), None) if list_items(answer).any(is_deflate) => "wrong",
        _ => "declined",
    };
    Some(CompressionRecord { offered, answered, verdict })
}

fn http(report: &OpenReport, mask: &SecretMask) -> Option<Http> {
    report.status.map(|status| Http {
        version: format!("1.{}", report.version_minor),
        status,
        reason: mask.text(&report.reason),
        headers: mask.headers(&report.headers),
        retry_after: report.asked_wait.map(|wait| wait.as_secs()),
        body: body(report, mask),
    })
}

fn body(report: &OpenReport, mask: &SecretMask) -> Option<Body> {
    if report.body.is_empty() {
        return None;
    }
    let text = String::from_utf8_lossy(&report.body);
    let body = Body { bytes: report.body.len(), cut: report.body_cut, json: None, text: None };
    Some(match embedded(&text, mask.0.secrets()) {
        Some(json) => Body { json: Some(json), ..body },
        None => Body { text: Some(mask.text(&text)), ..body },
    })
}

/// The text as JSON on one line, with the secrets in it masked, if it is JSON.
pub(super) fn embedded(text: &str, secrets: &Secrets) -> Option<Box<RawValue>> {
    json::scan_str(text).ok()?;
    let mut compact = Vec::with_capacity(text.len());
    json::compact_into(&secrets.mask_json(text), &mut compact);
    RawValue::from_string(String::from_utf8(compact).ok()?).ok()
}

fn checks(report: &OpenReport, target: &Target, mask: &SecretMask) -> Vec<Check> {
    if !report.findings.is_empty() {
        return report.findings.iter().map(|finding| mask.check(finding)).collect();
    }
    let instead = report.status.map_or("no response".to_owned(), |status| format!("status {status}"));
    let subprotocols = target.options.subprotocols.clone();
    let extensions = target.options.compression.map(|offer| offer.to_string()).unwrap_or_default();
    let expectation = Offered { subprotocols, extensions, ..Offered::default() };
    unexamined(&expectation, &instead).iter().map(|finding| mask.check(finding)).collect()
}

/// What was odd, but for the checks, which have their own place.
fn warnings(report: &OpenReport, mask: &SecretMask) -> Vec<Note> {
    let odd = report.findings.iter().filter(|finding| finding.verdict == Verdict::Warn).count();
    let others = report.warnings.len().saturating_sub(odd);
    let note = |text: &String| Note { id: "connection", text: mask.text(text) };
    report.cautions.iter().chain(&report.warnings[..others]).map(note).collect()
}
