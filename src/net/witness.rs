//! What failures of TLS mean, in words and with hints.

use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use rustls::{AlertDescription, CertificateError, Error, PeerMisbehaved};
use x509_parser::asn1_rs::FromDer as _;
use x509_parser::certificate::X509Certificate;

use super::tls::{ClientCert, Versions};
use super::verify::{OtherKey, WeakKey};
use crate::error::Failure;
use crate::exit::Exit;

/// What TLS knows besides the stream, for the report and for later failures.
pub(super) struct Witness {
    pub(super) client: Arc<ClientCert>,
    pub(super) versions: Versions,
    /// No hint names what was given already.
    pub(super) has_cacert: bool,
    pub(super) insecure: bool,
    /// The server's certificates, leaf first.
    pub(super) certificates: Vec<Vec<u8>>,
}

impl Witness {
    /// The failure, if this I/O error is TLS's. With TLS 1.3 a server refuses a missing client certificate only
    /// after the handshake is over for the client, so it shows at the first read or write (RFC 8446 §4.4.2.4);
    /// some servers then just hang up.
    pub(super) fn failure(&self, error: &io::Error, shown: &str) -> Option<Failure> {
        let tls = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
        match tls {
            Some(tls) => Some(self.explain(tls, shown)),
            None => self.hung_up(shown),
        }
    }

    /// The failure of a peer that hung up without a word, if a missing client certificate explains it.
    pub(super) fn hung_up(&self, shown: &str) -> Option<Failure> {
        self.lacks_client_cert().then(|| {
            fail(format!("{shown} closed the connection because it got no client certificate"))
                .known_hint(CLIENT_CERT, CLIENT_CERT_HINT)
        })
    }

    fn lacks_client_cert(&self) -> bool {
        self.client.certified.is_none() && self.client.asked.load(Ordering::Relaxed)
    }

    pub(super) fn explain(&self, error: &Error, shown: &str) -> Failure {
        let (what, hint) = match error {
            Error::InvalidCertificate(error) => {
                let CertificateRefusal { id, what, hint } = certificate(error);
                if let CertificateError::UnknownIssuer = error {
                    let (id, hint) = self.unknown_issuer();
                    return fail(format!("TLS with {shown} failed: {what}")).known_hint(id, hint);
                }
                (what, hint.filter(|hint| !(self.insecure && hint.contains("-k "))).map(|hint| (id, hint)))
            }
            Error::InvalidMessage(_) => (
                "the server does not speak TLS on this port".into(),
                Some(("tls-on-plain-port", "check the port, or connect without TLS with ws://")),
            ),
            Error::AlertReceived(alert) if self.lacks_client_cert() => (
                format!("the server requires a client certificate ({})", words(alert)),
                Some((CLIENT_CERT, CLIENT_CERT_HINT)),
            ),
            Error::AlertReceived(alert) => {
                (format!("the server sent the alert '{}'", words(alert)), self.alert_hint(*alert))
            }
            Error::NoApplicationProtocol => {
                (error.to_string(), self.alert_hint(AlertDescription::NoApplicationProtocol))
            }
            Error::PeerMisbehaved(PeerMisbehaved::SelectedUnofferedApplicationProtocol) => {
                ("the server chose an ALPN protocol that was not offered".into(), Some(("h2-alpn", H2_HINT)))
            }
            Error::PeerIncompatible(why) => {
                (format!("no common TLS version or cipher: {}", words(why)), Some(self.versions.hint()))
            }
            Error::PeerMisbehaved(why) => (format!("TLS protocol violation: {}", words(why)), None),
            Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
                ("the server sent an unexpected TLS message".into(), None)
            }
            other => (other.to_string(), None),
        };
        let failure = fail(format!("TLS with {shown} failed: {what}"));
        match hint {
            Some((id, hint)) => failure.known_hint(id, hint),
            None => failure,
        }
    }

    fn alert_hint(&self, alert: AlertDescription) -> Option<(&'static str, &'static str)> {
        match alert {
            AlertDescription::ProtocolVersion => Some(self.versions.hint()),
            AlertDescription::CertificateRequired if self.client.certified.is_some() => {
                Some((CLIENT_CERT, "check the client certificate: the server does not accept it"))
            }
            alert => alert_hint(alert),
        }
    }
}

impl Witness {
    /// Why the issuer is not known, and what to do about it.
    fn unknown_issuer(&self) -> (&'static str, String) {
        let leaf = self.certificates.first().and_then(|leaf| X509Certificate::from_der(leaf).ok());
        let (subject, issuer) =
            leaf.map(|(_, leaf)| (leaf.subject().to_string(), leaf.issuer().to_string())).unwrap_or_default();
        let without = if self.insecure { "" } else { ", or skip verification with -k (insecure)" };
        match (self.certificates.len(), self.has_cacert) {
            _ if subject == issuer && !self.has_cacert => {
                ("self-signed", format!("trust the self-signed certificate with --cacert FILE{without}"))
            }
            _ if subject == issuer => {
                ("self-signed", format!("add the self-signed certificate to the --cacert file{without}"))
            }
            (1, has_cacert) => {
                let other =
                    if has_cacert { "add it to the --cacert file" } else { "trust it with --cacert FILE" };
                let text = format!(
                    "configure the server to send the intermediate certificate of {issuer}, which may be missing. \
                     If {issuer} is your own root CA, {other}{without}"
                );
                ("missing-intermediate", text)
            }
            (_, true) => {
                ("unknown-issuer", format!("add the CA of the certificate to the --cacert file{without}"))
            }
            (_, false) => {
                ("unknown-issuer", format!("trust the CA of the certificate with --cacert FILE{without}"))
            }
        }
    }
}

/// The name of an error of the library as words: `BadCertificate` is `bad certificate`. Of an error within others the
/// innermost is the reason.
pub(super) fn words(error: &impl std::fmt::Debug) -> String {
    let text = format!("{error:?}");
    let name = text.trim_end_matches(')').rsplit('(').next().unwrap_or_default();
    let name = name.split([' ', '{']).next().unwrap_or_default();
    let mut words = String::new();
    for c in name.chars() {
        if c.is_ascii_uppercase()
            && !words.is_empty()
            && !words.ends_with(|last: char| last.is_ascii_uppercase())
        {
            words.push(' ');
        }
        words.push(c);
    }
    words.to_ascii_lowercase()
}

const CLIENT_CERT: &str = "client-certificate";
const CLIENT_CERT_HINT: &str = "give a client certificate with --cert and --key";
const H2_HINT: &str =
    "configure the server to choose http/1.1 by ALPN; WebSocket does not work over its HTTP/2";

/// TLS is what failed.
pub(super) fn fail(what: impl Into<String>) -> Failure {
    Failure::new(Exit::Tls, what)
}

/// Anything but HTTP/1.1 was offered because that was asked for, and chosen.
pub(super) fn other_protocol(name: &str, shown: &str) -> Failure {
    fail(format!("{shown} chose {name} by ALPN, which does not support the HTTP/1.1 upgrade"))
        .known_hint("h2-alpn", H2_HINT)
}

/// The peer went away in the middle of the handshake.
pub(super) fn broken_off(error: &io::Error, shown: &str) -> Failure {
    let why = match error.kind() {
        io::ErrorKind::UnexpectedEof => "the server closed the connection during the handshake".into(),
        _ => super::tcp::reason(error),
    };
    fail(format!("TLS with {shown} failed: {why}"))
        .transient()
        .known_hint("tls-on-plain-port", "check that the server speaks TLS on this port, or use ws://")
}

/// Why a certificate is refused.
pub(super) struct CertificateRefusal {
    /// As in `TlsInfo::verify_id`.
    pub(super) id: &'static str,
    pub(super) what: String,
    pub(super) hint: Option<&'static str>,
}

pub(super) fn certificate(error: &CertificateError) -> CertificateRefusal {
    use CertificateError as E;
    let refusal = |id, what: String, hint| CertificateRefusal { id, what, hint };
    match error {
        E::UnknownIssuer => {
            refusal("unknown-issuer", "the certificate is from an unknown issuer".into(), None)
        }
        E::Expired | E::ExpiredContext { .. } => refusal(
            "expired",
            format!("the certificate has expired{}", since(error)),
            Some("renew the certificate, or skip verification with -k (insecure)"),
        ),
        E::NotValidYet | E::NotValidYetContext { .. } => refusal(
            "not-yet-valid",
            format!("the certificate is not valid yet{}", since(error)),
            Some("check the clock of this machine"),
        ),
        E::NotValidForName | E::NotValidForNameContext { .. } => refusal(
            "wrong-host",
            wrong_name(error),
            Some("connect with a name in the certificate; --connect-to can keep the address"),
        ),
        E::BadSignature => refusal(
            "bad-signature",
            "the certificate's signature is wrong".into(),
            Some("check the trusted CA: it may be a different one with the same name"),
        ),
        E::Revoked => refusal("revoked", "the certificate has been revoked".into(), None),
        E::Other(other) if other.0.is::<OtherKey>() => refusal(
            "other-key",
            other.0.to_string(),
            Some("if the server has a new key for certain, give its pin to --pinnedpubkey"),
        ),
        other if other.to_string().contains("CaUsedAsEndEntity") => refusal(
            "ca-as-leaf",
            "the server presents a CA certificate as its own".into(),
            Some("trust exactly this certificate with --cacert FILE, or use a certificate signed by that CA"),
        ),
        E::Other(other) if other.0.is::<WeakKey>() => refusal(
            "weak-key",
            other.0.to_string(),
            Some("use a larger key on the server, or skip verification with -k (insecure)"),
        ),
        other if words(other).contains("unsupported cert version") => refusal(
            "invalid",
            "the certificate has X.509 version 1, which is not supported".into(),
            Some("trust exactly this certificate with --cacert FILE, or its key with -k and --pinnedpubkey"),
        ),
        other => refusal("invalid", format!("the certificate is not acceptable: {}", words(other)), None),
    }
}

fn since(error: &CertificateError) -> String {
    let time = match error {
        CertificateError::ExpiredContext { not_after, .. } => not_after,
        CertificateError::NotValidYetContext { not_before, .. } => not_before,
        _ => return String::new(),
    };
    let time = i64::try_from(time.as_secs()).ok().and_then(|secs| jiff::Timestamp::from_second(secs).ok());
    time.map(|time| format!(" ({time})")).unwrap_or_default()
}

fn wrong_name(error: &CertificateError) -> String {
    let CertificateError::NotValidForNameContext { expected, presented } = error else {
        return "the certificate is for another name".into();
    };
    // webpki writes names as `DnsName("x")` and `IpAddress(192.0.2.1)`.
    let names: Vec<&str> = presented
        .iter()
        .map(|name| {
            name.split_once('(')
                .map_or(name.as_str(), |(_, rest)| rest.trim_end_matches(')').trim_matches('"'))
        })
        .collect();
    let names = if names.is_empty() { "no name".into() } else { names.join(", ") };
    format!("the certificate is not for {}, but for {names}", expected.to_str())
}

fn alert_hint(alert: AlertDescription) -> Option<(&'static str, &'static str)> {
    match alert {
        AlertDescription::NoApplicationProtocol => {
            Some(("http2-only", "enable HTTP/1.1 on the server: it offers only HTTP/2"))
        }
        AlertDescription::UnrecognisedName => {
            Some(("unknown-host", "check the host name: the server has no certificate for it"))
        }
        AlertDescription::HandshakeFailure => Some((
            "no-cipher",
            "check the ciphers of the server; it may also require a client certificate (--cert)",
        )),
        AlertDescription::CertificateRequired => Some((CLIENT_CERT, CLIENT_CERT_HINT)),
        AlertDescription::UnknownCA
        | AlertDescription::BadCertificate
        | AlertDescription::CertificateUnknown => {
            Some((CLIENT_CERT, "check the client certificate: the server does not accept it"))
        }
        _ => None,
    }
}
