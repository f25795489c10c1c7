//! What a certificate says, whether or not it is trusted.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rustls::client::verify_server_name;
use rustls::server::ParsedCertificate;
use rustls_pki_types::{CertificateDer, ServerName};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::objects::{oid_registry, oid2sn};
use x509_parser::prelude::{FromDer as _, X509Certificate};
use x509_parser::public_key::PublicKey;
use x509_parser::time::ASN1Time;

use crate::text::hex;

const DAY: i64 = 24 * 3600;

/// One certificate of the chain that the server sent.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Certificate {
    /// Whom it is for, such as `CN=example.test`.
    pub subject: String,
    pub issuer: String,
    /// The names and addresses that it is good for (RFC 5280 §4.2.1.6). Those that are neither, and are good for no
    /// host, have a word before them, such as `email:`.
    pub sans: Vec<String>,
    /// The serial number, in hexadecimal with colons.
    pub serial: String,
    /// From when it is valid, RFC 3339.
    pub not_before: Option<String>,
    /// Until when it is valid, RFC 3339.
    pub not_after: Option<String>,
    /// Whole days until then; negative once it is over.
    pub days_left: Option<i64>,
    /// How long it is valid altogether, in whole days.
    pub days_valid: Option<i64>,
    /// The kind and size of its key, such as `EC 256` or `RSA 2048`.
    pub key: String,
    /// The algorithm of its signature.
    pub signature: String,
    /// May it sign others?
    pub ca: bool,
    /// Is it signed by itself, as far as its names tell?
    pub self_signed: bool,
    /// SHA-256 of the whole certificate, in hexadecimal.
    pub sha256: String,
    /// The pin of its key: SHA-256 of the SubjectPublicKeyInfo in base64, as curl's `--pinnedpubkey` takes it.
    pub pin: String,
}

impl Certificate {
    /// Reads a certificate. Of one that cannot be read only the fingerprint is known.
    #[must_use]
    pub(crate) fn read(der: &[u8], now: Timestamp) -> Self {
        let sha256 = hex(&Sha256::digest(der));
        let Ok((_, parsed)) = X509Certificate::from_der(der) else {
            return Self { sha256, ..Self::default() };
        };
        let validity = parsed.validity();
        let (from, until) = (validity.not_before.timestamp(), validity.not_after.timestamp());
        Self {
            subject: parsed.subject().to_string(),
            issuer: parsed.issuer().to_string(),
            sans: sans(&parsed),
            serial: parsed.raw_serial_as_string(),
            not_before: Some(date(validity.not_before)),
            not_after: Some(date(validity.not_after)),
            days_left: Some((until - now.as_second()).div_euclid(DAY)),
            days_valid: Some((until - from).div_euclid(DAY)),
            key: key(&parsed),
            signature: algorithm(&parsed),
            ca: parsed.is_ca(),
            self_signed: parsed.subject().as_raw() == parsed.issuer().as_raw(),
            sha256,
            pin: format!("sha256//{}", STANDARD.encode(Sha256::digest(parsed.public_key().raw))),
        }
    }
}

/// Is the certificate good for this host (RFC 9525)? `None` if it or the host cannot be read.
#[must_use]
pub(crate) fn is_for(der: &[u8], host: &str) -> Option<bool> {
    let der = CertificateDer::from(der);
    let certificate = ParsedCertificate::try_from(&der).ok()?;
    let name = ServerName::try_from(host).ok()?;
    Some(verify_server_name(&certificate, &name).is_ok())
}

fn sans(certificate: &X509Certificate<'_>) -> Vec<String> {
    let names = certificate.extensions().iter().filter_map(|extension| match extension.parsed_extension() {
        ParsedExtension::SubjectAlternativeName(names) => Some(&names.general_names),
        _ => None,
    });
    names.flatten().map(name).collect()
}

fn name(name: &GeneralName<'_>) -> String {
    match name {
        GeneralName::DNSName(name) => (*name).to_owned(),
        GeneralName::RFC822Name(name) => format!("email:{name}"),
        GeneralName::URI(name) => format!("URI:{name}"),
        GeneralName::IPAddress(bytes) => address(bytes),
        other => other.to_string(),
    }
}

fn address(bytes: &[u8]) -> String {
    if let Ok(v4) = <[u8; 4]>::try_from(bytes) {
        return std::net::Ipv4Addr::from(v4).to_string();
    }
    match <[u8; 16]>::try_from(bytes) {
        Ok(v6) => std::net::Ipv6Addr::from(v6).to_string(),
        Err(_) => format!("an address of {} bytes", bytes.len()),
    }
}

fn key(certificate: &X509Certificate<'_>) -> String {
    let info = certificate.public_key();
    match info.parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA {}", key.key_size()),
        Ok(PublicKey::EC(point)) => format!("EC {}", point.key_size()),
        _ => short_name(&info.algorithm.algorithm),
    }
}

fn algorithm(certificate: &X509Certificate<'_>) -> String {
    short_name(&certificate.signature_algorithm.algorithm)
}

fn short_name(oid: &x509_parser::der_parser::oid::Oid<'_>) -> String {
    oid2sn(oid, oid_registry()).map_or_else(|_| oid.to_string(), str::to_owned)
}

/// RFC 3339. A certificate that never runs out is written as ending with the year 9999 (RFC 5280 §4.1.2.5), which is
/// later than the last [`Timestamp`].
fn date(time: ASN1Time) -> String {
    let time = time.to_datetime();
    let (year, month, day) = (time.year(), u8::from(time.month()), time.day());
    let (hour, minute, second) = time.to_hms();
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::clock;

    #[test]
    fn a_certificate_is_read_field_by_field() {
        let mut params = rcgen::CertificateParams::new(["a.test".into(), "192.0.2.1".into()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, "me");
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2030, 1, 1);
        let key = rcgen::KeyPair::generate().unwrap();
        let der = params.self_signed(&key).unwrap().der().to_vec();
        let now: Timestamp = "2029-12-22T12:00:00Z".parse().unwrap();
        let read = Certificate::read(&der, now);
        assert!(read.subject.contains("CN=me"), "{}", read.subject);
        assert_eq!(read.sans, ["a.test", "192.0.2.1"]);
        assert_eq!(read.not_after.as_deref(), Some("2030-01-01T00:00:00Z"));
        assert_eq!((read.days_left, read.days_valid), (Some(9), Some(3653)));
        assert_eq!((read.key.as_str(), read.self_signed, read.ca), ("EC 256", true, false));
        assert_eq!((read.sha256.len(), read.pin.len()), (64, 52));
        let after = Certificate::read(&der, "2030-01-01T00:00:01Z".parse().unwrap());
        assert_eq!(after.days_left, Some(-1));
        assert_eq!(is_for(&der, "a.test"), Some(true));
        assert_eq!(is_for(&der, "192.0.2.1"), Some(true));
        assert_eq!(is_for(&der, "b.test"), Some(false));
        assert_eq!(Certificate::read(b"nothing", now).subject, "");
    }

    #[test]
    fn a_certificate_without_an_end_has_its_date() {
        let mut params = rcgen::CertificateParams::new(["a.test".into()]).unwrap();
        params.not_after = rcgen::date_time_ymd(9999, 12, 31) + Duration::from_secs(24 * 3600 - 1);
        let der = params.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap().der().to_vec();
        let read = Certificate::read(&der, clock::now());
        assert_eq!(read.not_after.as_deref(), Some("9999-12-31T23:59:59Z"));
    }

    #[test]
    fn a_broken_certificate_is_read_as_far_as_it_goes() {
        let der = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap().cert.der().to_vec();
        for at in 0..der.len() {
            let mut broken = der.clone();
            broken[at] ^= 0x41;
            assert_eq!(Certificate::read(&broken, clock::now()).sha256.len(), 64);
            let _ = is_for(&broken, "a.test");
        }
    }
}
