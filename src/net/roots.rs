//! The roots of the system, read as far as they are needed.
//!
//! Where there is a bundle, one file with all of them, it is read first: a folder often holds the same certificates
//! once more, in a hundred files that take ten times as long. Only a certificate that the bundle does not verify has
//! everything read, so that no root is missed.

use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::tls::fail;
use crate::error::Result;

/// A verifier with the system's roots, and a warning if there are none.
pub(super) type System = (Arc<dyn ServerCertVerifier>, Option<String>);

/// Reads the system's roots.
pub(super) fn system(provider: &Arc<CryptoProvider>) -> Result<System> {
    match bundle() {
        Some(roots) => {
            let bundle = verifier(roots.clone(), provider)?;
            Ok((Arc::new(InSteps { bundle, provider: provider.clone(), load: everything }), None))
        }
        None => {
            let (roots, warning) = everything();
            Ok((verifier(roots, provider)?, warning))
        }
    }
}

/// A verifier with these roots.
pub(super) fn verifier(
    roots: Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<WebPkiServerVerifier>> {
    WebPkiServerVerifier::builder_with_provider(roots, provider.clone())
        .build()
        .map_err(|error| fail(format!("the root certificates cannot be used: {error}")))
}

/// The roots of the system's bundle, read once a process; `None` if there is no such file or nothing in it.
fn bundle() -> Option<&'static Arc<RootCertStore>> {
    static LOADED: OnceLock<Option<Arc<RootCertStore>>> = OnceLock::new();
    let load = || {
        let found = rustls_native_certs::load_certs_from_paths(Some(&bundle_file()?), None);
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        (!roots.is_empty()).then(|| Arc::new(roots))
    };
    LOADED.get_or_init(load).as_ref()
}

/// Where the bundle is, by the rules by which everything is found.
fn bundle_file() -> Option<PathBuf> {
    let (file, folders) = (std::env::var_os("SSL_CERT_FILE"), std::env::var_os("SSL_CERT_DIR"));
    if file.is_some() || folders.is_some() {
        return file.map(PathBuf::from);
    }
    // There, the system has them in a store and not in files.
    if cfg!(target_os = "macos") { None } else { openssl_probe::probe().cert_file }
}

/// All of the system's roots (`SSL_CERT_FILE` and `SSL_CERT_DIR` count), read once a process; Mozilla's, as built
/// in, where the system has none, as in a bare container.
fn everything() -> (Arc<RootCertStore>, Option<String>) {
    static LOADED: OnceLock<(Arc<RootCertStore>, Option<String>)> = OnceLock::new();
    let load = || {
        let found = rustls_native_certs::load_native_certs();
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(found.certs);
        if !roots.is_empty() {
            return (Arc::new(roots), None);
        }
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let why = found.errors.first().map(|error| {
            format!("no root certificates on this system ({error}): the built-in Mozilla roots are used")
        });
        (Arc::new(roots), why)
    };
    LOADED.get_or_init(load).clone()
}

/// Verifies with the bundle, and with everything what that does not verify.
#[derive(Debug)]
struct InSteps {
    bundle: Arc<WebPkiServerVerifier>,
    provider: Arc<CryptoProvider>,
    load: fn() -> (Arc<RootCertStore>, Option<String>),
}

impl ServerCertVerifier for InSteps {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verify = |verifier: &WebPkiServerVerifier| {
            verifier.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
        };
        verify(&self.bundle).or_else(|error| {
            // Whatever the error is: another root may make another path, such as one without an expired link.
            match verifier((self.load)().0, &self.provider) {
                Ok(whole) => verify(&whole),
                Err(_) => Err(error),
            }
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.bundle.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.bundle.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.bundle.supported_verify_schemes()
    }
}
