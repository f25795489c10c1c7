//! TLS over whatever carries it: rustls with its ring provider named explicitly, so that no other crate's
//! features can change or break the choice.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rustls::client::ResolvesClientCert;
use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls::{
    ClientConfig, ClientConnection, Error, RootCertStore, SignatureScheme, SupportedProtocolVersion,
};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::keylog::KeyLogFile;
use super::verify::{Lenience, Recorder, SeenCertificates};
use super::witness::{CertificateRefusal, Witness, broken_off, certificate, fail, other_protocol, words};
use super::{KeyPin, TlsInfo, TlsOptions, TlsVersion, Transport};
use super::{identity, roots};
use crate::error::{Failure, Result};
use crate::pem;

/// TLS made ready before anything connects: the named files are read, so a mistake in them costs no
/// connection, and the system's roots (some ms to read) are on their way while names are resolved.
pub(super) struct TlsSetup {
    provider: Arc<CryptoProvider>,
    verifier: Verifier,
    client: Arc<ClientCert>,
    versions: Versions,
    insecure: bool,
    survey: bool,
    pins: Vec<KeyPin>,
    keylog: Option<KeyLogFile>,
    alpn: Vec<Vec<u8>>,
    /// The certificates of `--cacert`, one of which may be the server's own.
    own: Vec<CertificateDer<'static>>,
    has_cacert: bool,
}

enum Verifier {
    Given(roots::Verified),
    System(tokio::task::JoinHandle<Result<roots::Verified>>),
}

/// The versions that are spoken. None is older than TLS 1.2 (RFC 8996).
#[derive(Clone, Copy)]
pub(super) struct Versions {
    min: TlsVersion,
    max: TlsVersion,
}

impl Versions {
    fn of(options: &TlsOptions) -> Result<Self> {
        let (min, max) = (options.min.unwrap_or(TlsVersion::V1_2), options.max.unwrap_or(TlsVersion::V1_3));
        if min > max {
            return Err(Failure::usage("--tls-min is above --tls-max"));
        }
        Ok(Self { min, max })
    }

    fn list(self) -> Vec<&'static SupportedProtocolVersion> {
        let all = [(TlsVersion::V1_3, &rustls::version::TLS13), (TlsVersion::V1_2, &rustls::version::TLS12)];
        let within = |version: &TlsVersion| (self.min..=self.max).contains(version);
        all.into_iter().filter(|(version, _)| within(version)).map(|(_, version)| version).collect()
    }

    /// What to say where no common version was found.
    pub(super) fn hint(self) -> (&'static str, &'static str) {
        match (self.min, self.max) {
            (TlsVersion::V1_2, TlsVersion::V1_3) => {
                ("tls-too-old", "update the server: it does not support TLS 1.2 or 1.3")
            }
            (_, TlsVersion::V1_2) => ("tls-version", "raise or remove --tls-max: it allows only TLS 1.2"),
            (TlsVersion::V1_3, _) => ("tls-version", "lower or remove --tls-min: it allows only TLS 1.3"),
        }
    }
}

impl TlsSetup {
    /// Reads the files of the options, and starts to load the system's roots where they are needed.
    pub(super) fn start(options: &TlsOptions) -> Result<Self> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let client = Arc::new(ClientCert {
            certified: client_cert(options, &provider)?,
            asked: AtomicBool::new(false),
        });
        let versions = Versions::of(options)?;
        let own = options.cacert.as_deref().map(pem::certificates).transpose()?.unwrap_or_default();
        let given = match &options.cacert {
            Some(path) => Some((Arc::new(roots_of(&own, path)?), None)),
            None => roots::named().transpose()?,
        };
        let verifier = match given {
            Some((roots, warning)) => Verifier::Given((roots::verifier(roots, &provider)?, warning)),
            None => {
                let provider = provider.clone();
                Verifier::System(tokio::task::spawn_blocking(move || roots::system(&provider)))
            }
        };
        let keylog = options.keylog.as_deref().map(KeyLogFile::open).transpose()?;
        let alpn = if options.alpn.is_empty() {
            // A WebSocket needs HTTP/1.1; without ALPN some servers would choose HTTP/2 (RFC 9113 §3.3).
            vec![b"http/1.1".to_vec()]
        } else {
            options.alpn.iter().map(|name| name.clone().into_bytes()).collect()
        };
        let TlsOptions { insecure, survey, .. } = *options;
        let pins = options.pins.clone();
        let has_cacert = options.cacert.is_some();
        Ok(Self {
            provider,
            verifier,
            client,
            versions,
            insecure,
            survey,
            pins,
            keylog,
            alpn,
            own,
            has_cacert,
        })
    }

    /// Waits for the roots. Warnings about them go to `warnings`.
    pub(super) async fn ready(self, warnings: &mut Vec<String>) -> Result<Ready> {
        let (verifier, warning) = match self.verifier {
            Verifier::Given(given) => given,
            Verifier::System(task) => {
                task.await.map_err(|_| fail("cannot read the system's root certificates"))??
            }
        };
        warnings.extend(warning);
        let lenience = match (self.survey && self.client.certified.is_none(), self.insecure) {
            (true, _) => Lenience::All,
            (_, true) => Lenience::Trust,
            _ => Lenience::None,
        };
        let algorithms = self.provider.signature_verification_algorithms;
        let recorder = Arc::new(Recorder::new(verifier, algorithms, lenience, self.pins).trusting(self.own));
        let mut config = ClientConfig::builder_with_provider(self.provider)
            .with_protocol_versions(&self.versions.list())
            .map_err(|error| fail(format!("cannot set up TLS: {error}")))?
            // Not less safe than the usual way: without `insecure` this has the verifier it would build decide.
            .dangerous()
            .with_custom_certificate_verifier(recorder.clone())
            .with_client_cert_resolver(self.client.clone());
        if let Some(keylog) = self.keylog {
            config.key_log = Arc::new(keylog);
        }
        config.alpn_protocols = self.alpn;
        let witness = Witness {
            client: self.client,
            versions: self.versions,
            has_cacert: self.has_cacert,
            insecure: self.insecure,
            certificates: Vec::new(),
        };
        Ok(Ready { config: Arc::new(config), recorder, witness, insecure: self.insecure })
    }
}

/// The configuration of TLS for a client that makes its connections itself.
///
/// # Errors
/// As for a connection: files that cannot be read, options that exclude each other.
#[cfg(feature = "brokers")]
pub async fn client_config(options: &TlsOptions) -> Result<ClientConfig> {
    let Ready { config, .. } = TlsSetup::start(options)?.ready(&mut Vec::new()).await?;
    let mut config = Arc::unwrap_or_clone(config);
    config.alpn_protocols.clear();
    Ok(config)
}

/// TLS with everything it needs.
pub(super) struct Ready {
    config: Arc<ClientConfig>,
    recorder: Arc<Recorder>,
    witness: Witness,
    insecure: bool,
}

impl Ready {
    /// The handshake. `host` is the name for SNI and for the certificate, `shown` what failures call the peer.
    /// What is known of the server in the end goes to `info`, also where it fails.
    pub(super) async fn connect(
        self,
        stream: Box<dyn Transport>,
        host: &str,
        shown: &str,
        info: &mut Option<TlsInfo>,
    ) -> Result<(TlsStream<Box<dyn Transport>>, Witness)> {
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| fail(format!("{host} is not a valid host name for TLS")))?;
        let sni = matches!(name, ServerName::DnsName(_)).then(|| host.to_owned());
        let mut witness = self.witness;
        let outcome = TlsConnector::from(self.config).connect(name, stream).await;
        let connection = outcome.as_ref().ok().map(|stream| stream.get_ref().1);
        let seen = self.recorder.take();
        witness.certificates.clone_from(&seen.certificates);
        *info = facts(connection, &seen).map(|facts| TlsInfo { sni, ..facts });
        let stream = outcome
            .map_err(|error| witness.failure(&error, shown).unwrap_or_else(|| broken_off(&error, shown)))?;
        let untrusted = seen.error.filter(|_| !self.insecure);
        if let Some(error) = untrusted.or(seen.pin_error) {
            return Err(witness.explain(&error, shown));
        }
        match stream.get_ref().1.alpn_protocol() {
            Some(b"http/1.1") | None => Ok((stream, witness)),
            Some(other) => Err(other_protocol(&String::from_utf8_lossy(other), shown)),
        }
    }
}

/// What is known of the server: from the connection, or else from what was seen on the way to none.
fn facts(connection: Option<&ClientConnection>, seen: &SeenCertificates) -> Option<TlsInfo> {
    let refusal = seen.error.as_ref().or(seen.pin_error.as_ref()).map(|error| match error {
        Error::InvalidCertificate(error) => certificate(error),
        other => CertificateRefusal { id: "invalid", what: words(other), hint: None },
    });
    let (verify_id, verify_error) = refusal.map(|refusal| (refusal.id, refusal.what)).unzip();
    if let Some(connection) = connection {
        return Some(TlsInfo { verify_error, verify_id, ..info(connection) });
    }
    let certificates = seen.certificates.clone();
    (!certificates.is_empty()).then(|| TlsInfo {
        certificates,
        verify_error,
        verify_id,
        ..TlsInfo::default()
    })
}

fn info(connection: &ClientConnection) -> TlsInfo {
    TlsInfo {
        version: connection
            .protocol_version()
            .and_then(|version| version.as_str())
            .unwrap_or_default()
            .replacen("TLSv1_", "TLSv1.", 1),
        cipher: connection
            .negotiated_cipher_suite()
            .and_then(|suite| suite.suite().as_str())
            .unwrap_or_default()
            // The library tells those of TLS 1.3 from others by a name that is not the registered one.
            .replacen("TLS13_", "TLS_", 1),
        group: connection.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name())),
        alpn: connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()),
        certificates: connection.peer_certificates().unwrap_or_default().iter().map(|c| c.to_vec()).collect(),
        ..TlsInfo::default()
    }
}

fn roots_of(certificates: &[CertificateDer<'static>], path: &Path) -> Result<RootCertStore> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates {
        roots.add(certificate.clone()).map_err(|error| {
            let why = words(&error);
            Failure::usage(format!("{}: not a valid root certificate: {why}", path.display()))
        })?;
    }
    Ok(roots)
}

fn client_cert(options: &TlsOptions, provider: &CryptoProvider) -> Result<Option<Arc<CertifiedKey>>> {
    let Some((certificates, key)) = identity::read(options)? else { return Ok(None) };
    let own = [options.cert.as_deref(), options.key.as_deref()].into_iter().flatten();
    let names = own.map(|path| path.display().to_string()).collect::<Vec<_>>().join(" and ");
    // A PKCS#12 file may have its certificates in any order.
    let firsts = if options.is_pkcs12 == Some(false) { 1 } else { certificates.len() };
    let mut failure = None;
    for first in 0..firsts {
        let mut chain = certificates.clone();
        chain[..=first].rotate_right(1);
        match CertifiedKey::from_der(chain, key.clone_key(), provider) {
            Ok(certified) => return Ok(Some(Arc::new(certified))),
            Err(error) => failure = failure.or(Some(error)),
        }
    }
    let why = match failure {
        Some(Error::InconsistentKeys(_)) | None => "the key does not match the certificate".to_owned(),
        Some(other) => words(&other),
    };
    Err(Failure::usage(format!("{names}: cannot use client certificate and key: {why}")))
}

/// Gives the client certificate, if there is one, and remembers that it was asked for: the only way to explain
/// a server that hangs up for the lack of it.
#[derive(Debug)]
pub(super) struct ClientCert {
    pub(super) certified: Option<Arc<CertifiedKey>>,
    pub(super) asked: AtomicBool,
}

impl ResolvesClientCert for ClientCert {
    fn resolve(&self, _issuers: &[&[u8]], _schemes: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        self.asked.store(true, Ordering::Relaxed);
        self.certified.clone()
    }

    fn has_certs(&self) -> bool {
        self.certified.is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exit::Exit;

    fn start(options: &TlsOptions) -> Failure {
        match TlsSetup::start(options) {
            Ok(_) => panic!("a setup that should fail"),
            Err(failure) => failure,
        }
    }

    #[test]
    fn files_that_do_not_serve_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let empty = folder.path().join("empty.pem");
        std::fs::write(&empty, "nothing").unwrap();
        let missing = folder.path().join("missing.pem");
        let cases = [
            (TlsOptions { cacert: Some(missing.clone()), ..TlsOptions::default() }, "missing.pem"),
            (
                TlsOptions { cacert: Some(empty.clone()), ..TlsOptions::default() },
                "empty.pem: no certificate",
            ),
            (TlsOptions { cert: Some(missing.clone()), ..TlsOptions::default() }, "missing.pem"),
            (
                TlsOptions { cert: Some(empty.clone()), ..TlsOptions::default() },
                "empty.pem: no usable private key",
            ),
            (TlsOptions { key: Some(empty), ..TlsOptions::default() }, "--key without --cert"),
        ];
        for (options, say) in cases {
            let failure = start(&options);
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.what.contains(say), "{failure}");
        }
    }

    #[test]
    fn a_key_that_does_not_fit_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let one = rcgen::generate_simple_self_signed(["a".to_owned()]).unwrap();
        let other = rcgen::generate_simple_self_signed(["b".to_owned()]).unwrap();
        let (cert, key) = (folder.path().join("c.pem"), folder.path().join("k.pem"));
        std::fs::write(&cert, one.cert.pem()).unwrap();
        std::fs::write(&key, other.signing_key.serialize_pem()).unwrap();
        let failure = start(&TlsOptions { cert: Some(cert), key: Some(key), ..TlsOptions::default() });
        assert!(failure.what.contains("the key does not match the certificate"), "{failure}");
    }
}
