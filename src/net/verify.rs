//! Judging a server's certificate beyond its chain: pinned keys, and verification that goes on to be told about.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use rustls_pki_types::{
    CertificateDer, ServerName, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer, UnixTime,
};
use sha2::{Digest as _, Sha256};
use webpki::RawPublicKeyEntity;
use x509_parser::asn1_rs::{Any, FromDer as _, Tag};
use x509_parser::certificate::X509Certificate;
use x509_parser::public_key::PublicKey;
use x509_parser::x509::SubjectPublicKeyInfo;

use super::KeyPin;

/// The verifier of every connection: it verifies and keeps what it saw. Where it is lenient, as for `-k` and surveys, it
/// goes on whatever that was.
#[derive(Debug)]
pub(super) struct Recorder {
    inner: Arc<dyn ServerCertVerifier>,
    algorithms: WebPkiSupportedAlgorithms,
    lenience: Lenience,
    pins: Vec<KeyPin>,
    /// Certificates that are trusted themselves, whoever signed them.
    own: Vec<CertificateDer<'static>>,
    seen: Mutex<SeenCertificates>,
}

/// Which verification errors are tolerated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lenience {
    /// None.
    None,
    /// An untrusted chain (`-k`); a wrong pin still fails.
    Trust,
    /// All, because no data is sent (probe only).
    All,
}

/// What a [`Recorder`] saw.
#[derive(Debug, Default)]
pub(super) struct SeenCertificates {
    /// DER, leaf first.
    pub(super) certificates: Vec<Vec<u8>>,
    /// The first finding is the reason; later ones follow from it.
    pub(super) error: Option<Error>,
    /// The key is not a pinned one.
    pub(super) pin_error: Option<Error>,
}

/// The key of the server is none of the pinned ones.
#[derive(Debug)]
pub(super) struct OtherKey {
    /// Its own pin, unless it cannot be read.
    found: Option<KeyPin>,
}

impl fmt::Display for OtherKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.found {
            Some(pin) => {
                write!(f, "the server's key sha256//{} does not match --pinnedpubkey", STANDARD.encode(pin))
            }
            None => write!(f, "cannot read the server's key to compare it with --pinnedpubkey"),
        }
    }
}

impl std::error::Error for OtherKey {}

/// The RSA key of the server is smaller than those that signatures are verified with.
#[derive(Debug)]
pub(super) struct WeakKey {
    bits: usize,
}

impl WeakKey {
    /// The smallest RSA key that signatures are verified with, in bits.
    const LEAST: usize = 2048;

    fn of(certificate: &CertificateDer<'_>) -> Option<Self> {
        let key = public_key(certificate)?;
        let (_, key) = SubjectPublicKeyInfo::from_der(&key).ok()?;
        let Ok(PublicKey::RSA(key)) = key.parsed() else { return None };
        let bits = key.key_size();
        (bits < Self::LEAST).then_some(Self { bits })
    }
}

impl fmt::Display for WeakKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the server's RSA key is too small: {} bits (at least {})", self.bits, Self::LEAST)
    }
}

impl std::error::Error for WeakKey {}

impl Recorder {
    /// Verifies as `inner` does, with these algorithms for signatures. If there are pins, the key has to be one of them
    /// as well.
    pub(super) fn new(
        inner: Arc<dyn ServerCertVerifier>,
        algorithms: WebPkiSupportedAlgorithms,
        lenience: Lenience,
        pins: Vec<KeyPin>,
    ) -> Self {
        Self { inner, algorithms, lenience, pins, own: Vec::new(), seen: Mutex::default() }
    }

    /// Trusts exactly these certificates of servers besides, as OpenSSL does: also one that is for signing others, or of
    /// X.509 version 1, which the usual verifier takes from no server.
    #[must_use]
    pub(super) fn trusting(self, own: Vec<CertificateDer<'static>>) -> Self {
        Self { own, ..self }
    }

    fn is_own(&self, certificate: &CertificateDer<'_>) -> bool {
        self.own.iter().any(|own| own == certificate)
    }

    /// What was seen.
    pub(super) fn take(&self) -> SeenCertificates {
        std::mem::take(&mut *self.seen())
    }

    fn seen(&self) -> MutexGuard<'_, SeenCertificates> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn record(&self, error: &Error) {
        self.seen().error.get_or_insert(error.clone());
    }

    /// Judges a handshake whose certificate the usual verifier could not read, such as one of X.509 version 1. Its key
    /// has to have signed the handshake all the same: without that, the peer need not own the certificate. Only a
    /// certificate in which no key can be read has nothing to check the signature with.
    fn judge(
        &self,
        checked: Result<HandshakeSignatureValid, Error>,
        cert: &CertificateDer<'_>,
        verify: impl Fn(&RawPublicKeyEntity<'_>) -> Result<(), webpki::Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        let Err(error @ Error::InvalidCertificate(_)) = &checked else { return checked };
        if let Some(weak) = WeakKey::of(cert) {
            return self.judge_weak(weak);
        }
        if ParsedCertificate::try_from(cert).is_ok() {
            return checked;
        }
        if !self.is_own(cert) {
            self.record(error);
            if self.lenience == Lenience::None {
                return checked;
            }
        }
        let key = public_key(cert);
        let Some(key) = key.as_ref().and_then(|key| RawPublicKeyEntity::try_from(key).ok()) else {
            // A pin, and a certificate that is trusted itself, ask for proof that the peer has the key.
            let needs_proof = self.is_own(cert) || !self.pins.is_empty();
            return if needs_proof { checked } else { Ok(HandshakeSignatureValid::assertion()) };
        };
        match verify(&key) {
            Ok(()) => Ok(HandshakeSignatureValid::assertion()),
            Err(_) => Err(Error::InvalidCertificate(CertificateError::BadSignature)),
        }
    }

    /// A signature by a key that is too small is not verified at all. Where nothing is trusted, that is no loss, but it is
    /// worth knowing; where a key is pinned, there is no proof of it.
    fn judge_weak(&self, weak: WeakKey) -> Result<HandshakeSignatureValid, Error> {
        let error = Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(weak))));
        match self.lenience {
            Lenience::Trust => self.seen().error = Some(error.clone()),
            _ => self.record(&error),
        }
        if self.lenience == Lenience::None || !self.pins.is_empty() {
            return Err(error);
        }
        Ok(HandshakeSignatureValid::assertion())
    }

    /// The algorithms that a signature of this scheme may have.
    fn algorithms_of(
        &self,
        scheme: SignatureScheme,
    ) -> &'static [&'static dyn SignatureVerificationAlgorithm] {
        self.algorithms.mapping.iter().find(|(of, _)| *of == scheme).map_or(&[], |(_, algorithms)| algorithms)
    }

    fn check_pin(&self, leaf: &CertificateDer<'_>) -> Result<(), Error> {
        let found = pin_of(leaf);
        if self.pins.is_empty() || found.is_some_and(|found| self.pins.contains(&found)) {
            return Ok(());
        }
        let other = CertificateError::Other(OtherError(Arc::new(OtherKey { found })));
        let error = Error::InvalidCertificate(other);
        self.seen().pin_error = Some(error.clone());
        if self.lenience == Lenience::All { Ok(()) } else { Err(error) }
    }
}

/// SHA-256 of the SubjectPublicKeyInfo (RFC 7469 §2.4, which is what curl pins as well).
fn pin_of(certificate: &CertificateDer<'_>) -> Option<KeyPin> {
    Some(Sha256::digest(&public_key(certificate)?).into())
}

/// The key of a certificate, found by its place alone (RFC 5280 §4.1): no other field need be valid.
fn public_key<'a>(certificate: &'a CertificateDer<'_>) -> Option<SubjectPublicKeyInfoDer<'a>> {
    let (_, certificate) = Any::from_der(certificate).ok()?;
    let (_, to_be_signed) = Any::from_der(certificate.data).ok()?;
    let mut rest = to_be_signed.data;
    // Serial number, algorithm, issuer, validity and subject, after the version of all but version 1.
    let is_versioned = Any::from_der(rest).ok()?.1.tag() == Tag(0);
    for _ in 0..if is_versioned { 6 } else { 5 } {
        rest = Any::from_der(rest).ok()?.0;
    }
    let (after, _) = Any::from_der(rest).ok()?;
    Some(rest[..rest.len() - after.len()].into())
}

/// Is a certificate that is trusted itself valid now, and for this name? Without names for hosts, as in version 1, its
/// common name counts.
fn is_for(certificate: &CertificateDer<'_>, name: &ServerName<'_>, now: UnixTime) -> Result<(), Error> {
    let fail = |error| Err(Error::InvalidCertificate(error));
    let Ok((_, read)) = X509Certificate::from_der(certificate) else {
        return fail(CertificateError::BadEncoding);
    };
    let second = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if second > read.validity().not_after.timestamp() {
        return fail(CertificateError::Expired);
    }
    if second < read.validity().not_before.timestamp() {
        return fail(CertificateError::NotValidYet);
    }
    if read.subject_alternative_name().is_ok_and(|names| names.is_some()) {
        return verify_server_name(&ParsedCertificate::try_from(certificate)?, name);
    }
    let common: Vec<String> =
        read.subject().iter_common_name().filter_map(|name| name.as_str().ok().map(str::to_owned)).collect();
    if common.iter().any(|common| common.eq_ignore_ascii_case(&name.to_str())) {
        return Ok(());
    }
    fail(CertificateError::NotValidForNameContext { expected: name.to_owned(), presented: common })
}

impl ServerCertVerifier for Recorder {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        self.seen().certificates =
            std::iter::once(end_entity).chain(intermediates).map(|c| c.to_vec()).collect();
        let verified =
            self.inner.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        let verified = match verified {
            Err(_) if self.is_own(end_entity) => is_for(end_entity, server_name, now),
            other => other.map(drop),
        };
        if let Err(error) = verified {
            self.record(&error);
            if self.lenience == Lenience::None {
                return Err(error);
            }
        }
        self.check_pin(end_entity)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // The scheme leaves the curve open (RFC 5246 §7.4.1.4.1), so each of its algorithms may be the right one.
        self.judge(self.inner.verify_tls12_signature(message, cert, dss), cert, |key| {
            let verify = |algorithm: &&dyn SignatureVerificationAlgorithm| {
                key.verify_signature(*algorithm, message, dss.signature())
            };
            let unknown = webpki::Error::InvalidSignatureForPublicKey;
            self.algorithms_of(dss.scheme).iter().map(verify).fold(Err(unknown), Result::or)
        })
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge(self.inner.verify_tls13_signature(message, cert, dss), cert, |key| {
            let algorithm = self.algorithms_of(dss.scheme).first();
            let algorithm = algorithm.ok_or(webpki::Error::InvalidSignatureForPublicKey)?;
            key.verify_signature(*algorithm, message, dss.signature())
        })
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

#[cfg(test)]
#[path = "verify_tests.rs"]
mod tests;
