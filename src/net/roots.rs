//! The roots that are trusted by default.
//!
//! `SSL_CERT_FILE` and `SSL_CERT_DIR` take the place of the system's roots, as in OpenSSL. Without them, the system's
//! bundle is read first: a folder often holds the same certificates once more, in a hundred files that take ten times as
//! long. If the bundle does not verify a certificate, everything is read, so that no root is missed.

use std::collections::HashSet;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

use super::witness::fail;
use crate::error::{Failure, Result};
use crate::file;
use crate::sys;

/// The most that is read to find roots, in bytes. The bundle of a system has less than 1 MiB.
const MAX_ROOTS: u64 = 16 << 20;

/// A verifier with the default roots, and a warning about them.
pub(super) type Verified = (Arc<dyn ServerCertVerifier>, Option<String>);

/// Reads the system's roots.
pub(super) fn system(provider: &Arc<CryptoProvider>) -> Result<Verified> {
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
        .map_err(|error| fail(format!("cannot use the root certificates: {error}")))
}

/// Roots, and a warning about them.
pub(super) type Found = (Arc<RootCertStore>, Option<String>);

/// The roots of `SSL_CERT_FILE` and `SSL_CERT_DIR`, read once a process; `None` if neither is set. Other roots would be
/// trusted against the user's will, so naming none is an error.
pub(super) fn named() -> Option<Result<Found>> {
    static LOADED: OnceLock<Option<Result<Found>>> = OnceLock::new();
    let load = || {
        // An empty variable counts as unset, as for curl and Go.
        let var = |name| env::var_os(name).filter(|value| !value.is_empty());
        let file = var("SSL_CERT_FILE").map(PathBuf::from);
        let folders = var("SSL_CERT_DIR");
        let folders: Vec<PathBuf> = folders.iter().flat_map(env::split_paths).collect();
        if file.is_none() && folders.is_empty() {
            return None;
        }
        let mut store = Store::new();
        if let Some(file) = &file {
            store.add("SSL_CERT_FILE", file, Store::file);
        }
        folders.iter().for_each(|folder| store.add("SSL_CERT_DIR", folder, Store::folder));
        let problems = (!store.problems.is_empty()).then(|| store.problems.join("; "));
        Some(match problems {
            Some(problems) if store.roots.is_empty() => Err(Failure::usage(problems)
                .hint("name PEM files with root certificates, or unset SSL_CERT_FILE and SSL_CERT_DIR")),
            problems => Ok((Arc::new(store.roots), problems)),
        })
    };
    LOADED.get_or_init(load).clone()
}

/// The roots of the system's bundle, read once a process; `None` if there is no such file or nothing in it.
fn bundle() -> Option<&'static Arc<RootCertStore>> {
    static LOADED: OnceLock<Option<Arc<RootCertStore>>> = OnceLock::new();
    let load = || {
        let file = if sys::HAS_ROOT_FILES { openssl_probe::probe().cert_file } else { None };
        let mut store = Store::new();
        store.file(&file?).ok()?;
        Some(Arc::new(store.roots))
    };
    LOADED.get_or_init(load).as_ref()
}

/// All of the system's roots, read once a process; Mozilla's, as built in, if the system has none, as in a bare
/// container.
fn everything() -> Found {
    static LOADED: OnceLock<Found> = OnceLock::new();
    let load = || {
        let mut store = Store::new();
        if sys::HAS_ROOT_FILES {
            let paths = openssl_probe::probe();
            paths.cert_file.iter().for_each(|file| store.add("the system", file, Store::file));
            paths.cert_dir.iter().for_each(|folder| store.add("the system", folder, Store::folder));
        } else {
            let found = rustls_native_certs::load_native_certs();
            store.roots.add_parsable_certificates(found.certs);
            store.problems.extend(found.errors.iter().map(ToString::to_string));
        }
        if !store.roots.is_empty() {
            return (Arc::new(store.roots), None);
        }
        store.roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        let why = store.problems.first().map(|problem| {
            format!("no root certificates found on this system ({problem}); using the built-in Mozilla roots")
        });
        (Arc::new(store.roots), why)
    };
    LOADED.get_or_init(load).clone()
}

/// Roots as they are collected.
struct Store {
    roots: RootCertStore,
    /// Paths that had no roots, and why.
    problems: Vec<String>,
    /// How many more bytes may be read.
    left: u64,
    /// The files that were read: folders hold several links to each.
    read: HashSet<sys::Identity>,
}

impl Store {
    fn new() -> Self {
        let (roots, problems, read) = (RootCertStore::empty(), Vec::new(), HashSet::new());
        Self { roots, problems, left: MAX_ROOTS, read }
    }

    /// Adds the roots of a path, or notes why it has none.
    fn add(&mut self, source: &str, path: &Path, read: fn(&mut Self, &Path) -> Result<(), String>) {
        if let Err(why) = read(self, path) {
            self.problems.push(format!("{source}: {}: {why}", path.display()));
        }
    }

    fn file(&mut self, path: &Path) -> Result<(), String> {
        let facts = std::fs::metadata(path).map_err(|error| error.to_string())?;
        let identity = sys::identity(path).map_err(|error| error.to_string())?;
        if facts.is_file() && !self.read.insert(identity) {
            return Ok(());
        }
        let text = file::bytes(path, self.left).map_err(|error| error.to_string())?;
        self.left -= text.len() as u64;
        // A bundle may hold certificates that this library cannot use.
        let found = CertificateDer::pem_slice_iter(&text).filter_map(Result::ok);
        match self.roots.add_parsable_certificates(found) {
            (0, _) => Err("no root certificate found (PEM)".to_owned()),
            _ => Ok(()),
        }
    }

    fn folder(&mut self, path: &Path) -> Result<(), String> {
        let mut why = "no root certificate found in its files (PEM)".to_owned();
        let mut is_empty = true;
        for entry in std::fs::read_dir(path).map_err(|error| error.to_string())?.flatten() {
            let path = entry.path();
            // Links lead to certificates, devices and pipes do not.
            let Ok(facts) = std::fs::metadata(&path) else { continue };
            if !facts.is_file() {
                continue;
            }
            match self.file(&path) {
                Ok(()) => is_empty = false,
                Err(error) if facts.len() > self.left => why = error,
                Err(_) => {}
            }
        }
        if is_empty { Err(why) } else { Ok(()) }
    }
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
