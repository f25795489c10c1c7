//! Judging a server's certificate beyond its chain: pinned keys, and verification that goes on to be told about.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use sha2::{Digest as _, Sha256};

use super::KeyPin;

/// The verifier of `-k`, of surveys and of pinned keys: it verifies and keeps what it saw. Where it is lenient, it
/// goes on whatever that was.
#[derive(Debug)]
pub(super) struct Recorder {
    inner: Arc<dyn ServerCertVerifier>,
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
    /// Verifies as `inner` does; where there are pins, the key has to be one of them as well.
    pub(super) fn new(inner: Arc<dyn ServerCertVerifier>, lenience: Lenience, pins: Vec<KeyPin>) -> Self {
        Self { inner, lenience, pins, seen: Mutex::default() }
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

    /// A certificate that cannot even be read has no key to check a signature with; a signature that was
    /// checked and is wrong means that the peer does not own the certificate, and stays an error. Where a key is
    /// pinned, only a signature shows that the peer has it.
    fn judge(
        &self,
        checked: Result<HandshakeSignatureValid, Error>,
    ) -> Result<HandshakeSignatureValid, Error> {
        match checked {
            Err(Error::InvalidCertificate(error)) if error != CertificateError::BadSignature => {
                let error = Error::InvalidCertificate(error);
                self.record(&error);
                let goes_on = self.lenience != Lenience::None && self.pins.is_empty();
                if goes_on { Ok(HandshakeSignatureValid::assertion()) } else { Err(error) }
            }
            checked => checked,
        }
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
        self.judge(self.inner.verify_tls12_signature(message, cert, dss))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.judge(self.inner.verify_tls13_signature(message, cert, dss))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}
