//! TLS on the port, with a certificate of one's own or one that a throw-away authority signs: the authority is made
//! when the server starts, its certificate is written to a file for clients to trust, and its key is never stored.

use std::io::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::wire::Wire;
use crate::clock;
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::pem;
use crate::replace::{Access, replace};
use crate::sys;

/// Is there TLS on the port, and whose certificate is it?
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TlsSettings {
    /// Use a throw-away authority.
    pub on: bool,
    /// Write the authority's certificate here rather than to a temporary file.
    pub ca_file: Option<PathBuf>,
    /// A certificate chain of one's own.
    pub cert: Option<PathBuf>,
    /// Its key; when absent it is looked for in the file of `cert`.
    pub key: Option<PathBuf>,
}

impl TlsSettings {
    /// Is there TLS at all?
    #[must_use]
    pub fn wanted(&self) -> bool {
        self.on || self.cert.is_some()
    }
}

/// Accepts TLS connections.
pub(super) struct TlsAccept {
    acceptor: TlsAcceptor,
}

/// The file with the authority's certificate.
#[derive(Debug)]
pub(super) struct CaFile {
    pub(super) path: PathBuf,
    /// It was made for this run and goes with it.
    _temporary: Option<tempfile::TempPath>,
}

/// What the first byte of a connection said.
pub(super) enum Accepted {
    /// TLS is established.
    Tls(Wire),
    /// This is not TLS; a readable answer is in place.
    NotTls(Wire),
}

impl TlsAccept {
    /// TLS as the settings want it, if they do, with the authority's file if there is an authority. `host` is the
    /// address that is listened on.
    pub(super) fn new(settings: &TlsSettings, host: &str) -> Result<Option<(Self, Option<CaFile>)>> {
        if !settings.wanted() {
            return Ok(None);
        }
        let (chain, key, ca) = match &settings.cert {
            Some(cert) => {
                let key = pem::private_key(settings.key.as_deref().unwrap_or(cert))?;
                (pem::certificates(cert)?, key, None)
            }
            None => {
                let made =
                    make(host).map_err(|error| fail(&format!("cannot create a certificate: {error}")))?;
                (made.chain, made.key, Some(ca_file(settings.ca_file.as_deref(), &made.authority)?))
            }
        };
        let mut config =
            ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
                .with_safe_default_protocol_versions()
                .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
                .map_err(|error| fail(&format!("cannot use the certificate: {error}")))?;
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Some((Self { acceptor: TlsAcceptor::from(Arc::new(config)) }, ca)))
    }

    /// The handshake. `None`: it failed, and the client has been told so in its own way.
    pub(super) async fn accept(&self, stream: TcpStream) -> Option<Accepted> {
        let mut first = [0];
        // The first record of TLS is a handshake (RFC 8446 §5.1), whose type is no letter.
        match stream.peek(&mut first).await {
            Ok(1) if first[0].is_ascii_alphabetic() => return Some(Accepted::NotTls(Wire::plain(stream))),
            Ok(1) => {}
            _ => return None,
        }
        self.acceptor.accept(stream).await.ok().map(|stream| Accepted::Tls(Wire::tls(stream)))
    }
}

/// A certificate and what stands behind it.
struct Made {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    /// The authority's certificate in PEM.
    authority: String,
}

/// A throw-away authority and a certificate from it, for this machine and the address that is listened on. Both are
/// good for a year from yesterday: clients on some systems refuse certificates that last longer than 825 days.
fn make(host: &str) -> std::result::Result<Made, rcgen::Error> {
    let mut authority = params(&["wstap serve-mock, temporary CA"], Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let issuer = CertifiedIssuer::self_signed(authority, KeyPair::generate()?)?;
    let mut leaf = params(&["wstap serve-mock"], names(host))?;
    leaf.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    leaf.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    leaf.use_authority_key_identifier_extension = true;
    let key = KeyPair::generate()?;
    let certificate = leaf.signed_by(&key, &issuer)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(|_| rcgen::Error::CouldNotParseKeyPair)?;
    Ok(Made { chain: vec![certificate.der().clone()], key, authority: issuer.pem() })
}

fn params(
    common_name: &[&str; 1],
    names: Vec<String>,
) -> std::result::Result<CertificateParams, rcgen::Error> {
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, common_name[0]);
    let today = clock::now().to_zoned(jiff::tz::TimeZone::UTC).date();
    let date = |date: jiff::civil::Date| {
        let (month, day) = (date.month().unsigned_abs(), date.day().unsigned_abs());
        rcgen::date_time_ymd(date.year().into(), month, day)
    };
    if let (Ok(yesterday), Ok(next_year)) =
        (today.yesterday(), today.checked_add(jiff::Span::new().days(365)))
    {
        (params.not_before, params.not_after) = (date(yesterday), date(next_year));
    }
    Ok(params)
}

fn names(host: &str) -> Vec<String> {
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).into();
    let anywhere = host.parse::<IpAddr>().is_ok_and(|address| address.is_unspecified());
    if !anywhere && !names.iter().any(|name| name == host) {
        names.push(host.to_owned());
    }
    names
}

fn ca_file(path: Option<&Path>, pem: &str) -> Result<CaFile> {
    let failed = |path: &Path, error: std::io::Error| {
        let what = format!("the CA certificate: {}", path.display());
        Failure::system(Exit::OutputFailed, what, &error)
    };
    if let Some(path) = path {
        let pem = pem.to_owned();
        replace(path, Access::Kept, move |file| file.write_all(pem.as_bytes()))
            .map_err(|error| failed(path, error))?;
        return Ok(CaFile { path: path.to_owned(), _temporary: None });
    }
    let folder = std::env::temp_dir();
    // Clients of other users are to trust it as well.
    let mut builder = tempfile::Builder::new();
    builder.prefix("wstap-ca-").suffix(".pem");
    let made = sys::with_mode(&mut builder, 0o644).tempfile_in(&folder);
    let made = made.and_then(|mut file| file.write_all(pem.as_bytes()).map(|()| file.into_temp_path()));
    let temporary = made.map_err(|error| failed(&folder, error))?;
    Ok(CaFile { path: temporary.to_path_buf(), _temporary: Some(temporary) })
}

fn fail(what: &str) -> Failure {
    Failure::new(Exit::Tls, format!("--tls: {what}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_certificate_is_for_this_machine_and_the_host() {
        assert_eq!(names("127.0.0.1"), ["localhost", "127.0.0.1", "::1"]);
        assert_eq!(names("0.0.0.0"), ["localhost", "127.0.0.1", "::1"]);
        assert_eq!(names("mock.test"), ["localhost", "127.0.0.1", "::1", "mock.test"]);
    }

    #[test]
    fn a_temporary_file_goes_with_its_owner() {
        let file = ca_file(None, "x").unwrap();
        let path = file.path.clone();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "x");
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn files_that_hold_nothing_are_named() {
        let empty = tempfile::NamedTempFile::new().unwrap();
        let settings = TlsSettings { cert: Some(empty.path().to_owned()), ..TlsSettings::default() };
        let failure = TlsAccept::new(&settings, "127.0.0.1").map(drop).unwrap_err();
        assert_eq!(failure.exit, Exit::Usage);
        assert!(failure.what.contains(&empty.path().display().to_string()), "{}", failure.what);
    }
}
