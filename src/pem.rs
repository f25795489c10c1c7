//! Certificates and private keys from PEM files (RFC 7468).

use std::path::Path;

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};

use crate::error::{Failure, Result};
use crate::file;

/// The certificates of a file, at least one.
///
/// # Errors
/// A usage failure that names the file if it cannot be read or holds no certificate.
pub(crate) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>> {
    let found: Vec<_> = CertificateDer::pem_slice_iter(&read(path)?)
        .collect::<Result<_, _>>()
        .map_err(|error| Failure::usage(format!("{}: not PEM: {error}", path.display())))?;
    if found.is_empty() {
        let what = format!("{}: no certificate found", path.display());
        return Err(Failure::usage(what).hint("use a PEM file (-----BEGIN CERTIFICATE-----)"));
    }
    Ok(found)
}

/// The private key of a file.
///
/// # Errors
/// A usage failure that names the file if it cannot be read or holds no private key.
pub(crate) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|error| {
        let hint = "use a PEM file without a passphrase (-----BEGIN PRIVATE KEY-----)";
        Failure::usage(format!("{}: no usable private key: {error}", path.display())).hint(hint)
    })
}

fn read(path: &Path) -> Result<Vec<u8>> {
    file::bytes(path, file::MAX_WRITTEN)
        .map(|bytes| file::without_mark(&bytes).to_vec())
        .map_err(|error| Failure::usage_of_system(format!("cannot read {}", path.display()), &error))
}
