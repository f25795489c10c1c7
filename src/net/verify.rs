//! Judging a server's certificate beyond its chain: pinned keys, and verification that goes on to be told about.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::WebPkiSupportedAlgorithms;
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use rustls_pki_types::{
    CertificateDer, ServerName, SignatureVerificationAlgorithm, SubjectPublicKeyInfoDer, UnixTime,
};
use sha2::{Digest as _, Sha256};
use webpki::RawPublicKeyEntity;
use x509_parser::asn1_rs::{Any, FromDer as _, Tag};

use super::KeyPin;

/// The verifier of `-k`, of surveys and of pinned keys: it verifies and keeps what it saw. Where it is lenient, it
/// goes on whatever that was.
#[derive(Debug)]
pub(super) struct Recorder {
    inner: Arc<dyn ServerCertVerifier>,
    algorithms: WebPkiSupportedAlgorithms,
    lenience: Lenience,
    pins: Vec<KeyPin>,
    seen: Mutex<Seen>,
}

/// What does not end the handshake at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Lenience {
    /// Nothing.
    None,
    /// A certificate that is not trusted; a key that is not the pinned one does.
    Trust,
    /// Neither: nothing will be sent over the connection.
    All,
}

/// What a [`Recorder`] saw.
#[derive(Debug, Default)]
pub(super) struct Seen {
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
                write!(f, "the server's key is not a pinned one, but sha256//{}", STANDARD.encode(pin))
            }
            None => write!(f, "the server's key cannot be read, and is not a pinned one"),
        }
    }
}

impl std::error::Error for OtherKey {}

impl Recorder {
    /// Verifies as `inner` does, with these algorithms for signatures. If there are pins, the key has to be one of them
    /// as well.
    pub(super) fn new(
        inner: Arc<dyn ServerCertVerifier>,
        algorithms: WebPkiSupportedAlgorithms,
        lenience: Lenience,
        pins: Vec<KeyPin>,
    ) -> Self {
        Self { inner, algorithms, lenience, pins, seen: Mutex::default() }
    }

    /// What was seen.
    pub(super) fn take(&self) -> Seen {
        std::mem::take(&mut *self.seen())
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
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
        if ParsedCertificate::try_from(cert).is_ok() {
            return checked;
        }
        self.record(error);
        // A pin asks for proof that the peer has the pinned key, and that one could not be read.
        if self.lenience == Lenience::None || !self.pins.is_empty() {
            return checked;
        }
        let Some(key) = public_key(cert) else { return Ok(HandshakeSignatureValid::assertion()) };
        let Ok(key) = RawPublicKeyEntity::try_from(&key) else {
            return Ok(HandshakeSignatureValid::assertion());
        };
        match verify(&key) {
            Ok(()) => Ok(HandshakeSignatureValid::assertion()),
            Err(_) => Err(Error::InvalidCertificate(CertificateError::BadSignature)),
        }
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
    let key = ParsedCertificate::try_from(certificate).ok()?.subject_public_key_info();
    Some(Sha256::digest(&key).into())
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
