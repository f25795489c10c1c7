//! The client's certificate and its private key, from PEM files or a PKCS#12 file (RFC 7292), with a passphrase or
//! without.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pkcs5::EncryptionScheme;
use pkcs5::der::Decode as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use x509_parser::asn1_rs::{Any, FromDer as _};

use super::TlsOptions;
use crate::error::{Failure, Result};
use crate::file;
use crate::pem;
use crate::secret::Secret;

/// The certificates of the client, and the key of one of them.
pub(super) type Identity = (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>);

/// Why something is not decrypted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sealed {
    /// The passphrase is missing or wrong.
    Passphrase,
    /// It is encrypted in a way that only old programs write.
    Outdated,
    /// It is not what it should be.
    Broken,
}

/// Reads the client certificate that the options name; `None` if they name none.
///
/// # Errors
/// A usage failure that names the file.
pub(super) fn read(options: &TlsOptions) -> Result<Option<Identity>> {
    let Some(cert) = &options.cert else {
        return match &options.key {
            None => Ok(None),
            Some(_) => Err(Failure::usage("--key without --cert")),
        };
    };
    let pass = options.pass.as_ref();
    if is_pkcs12(cert, options)? {
        return pkcs12(&bytes(cert)?, pass)
            .map(Some)
            .map_err(|sealed| sealed.failure(cert, pass.is_some(), "PKCS#12"));
    }
    let path = options.key.as_ref().unwrap_or(cert);
    let key = private_key(path, pass)?;
    Ok(Some((pem::certificates(cert)?, key)))
}

/// Is there a file that only a passphrase opens, and which is it?
///
/// # Errors
/// A file that cannot be read.
pub fn locked(options: &TlsOptions) -> Result<Option<&Path>> {
    let Some(cert) = &options.cert else { return Ok(None) };
    let (path, is_locked) = if is_pkcs12(cert, options)? {
        (cert, pkcs12(&bytes(cert)?, None).is_err_and(|sealed| sealed == Sealed::Passphrase))
    } else {
        let path = options.key.as_ref().unwrap_or(cert);
        (path, section(&bytes(path)?, ENCRYPTED).is_some())
    };
    Ok(is_locked.then_some(path.as_path()))
}

impl Sealed {
    fn failure(self, path: &Path, has_pass: bool, kind: &str) -> Failure {
        let shown = path.display();
        match self {
            Self::Passphrase if has_pass => Failure::usage(format!("{shown}: the passphrase is wrong"))
                .hint("check the passphrase of --pass"),
            Self::Passphrase => Failure::usage(format!("{shown}: a passphrase is needed"))
                .hint("use --pass @FILE, or run wstap on a terminal to type it"),
            Self::Outdated => Failure::usage(format!("{shown}: encrypted with an outdated algorithm")).hint(
                if kind == "PKCS#12" {
                    "convert the file: openssl pkcs12 -legacy -in OLD -out new.pem, then openssl pkcs12 -export -in new.pem -out NEW"
                } else {
                    "convert the file: openssl pkcs8 -topk8 -in OLD -out NEW"
                },
            ),
            Self::Broken => Failure::usage(format!("{shown}: not a valid {kind} file")),
        }
    }
}

fn bytes(path: &Path) -> Result<Vec<u8>> {
    file::bytes(path, file::MAX_WRITTEN)
        .map_err(|error| Failure::usage_of_system(format!("cannot read {}", path.display()), &error))
}

/// As the options say, or else by its content: PKCS#12 is DER, which begins with a sequence.
fn is_pkcs12(path: &Path, options: &TlsOptions) -> Result<bool> {
    match options.is_pkcs12 {
        Some(is_pkcs12) => Ok(is_pkcs12),
        None => Ok(bytes(path)?.first() == Some(&0x30)),
    }
}

const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

fn private_key(path: &Path, pass: Option<&Secret>) -> Result<PrivateKeyDer<'static>> {
    let text = bytes(path)?;
    let failure = |sealed: Sealed| sealed.failure(path, pass.is_some(), "key");
    if text.windows(ENCRYPTED_BODY.len()).any(|window| window == ENCRYPTED_BODY) {
        return Err(failure(Sealed::Outdated));
    }
    let Some(der) = section(&text, ENCRYPTED) else { return pem::private_key(path) };
    let key = decrypted(&der, pass).map_err(failure)?;
    Ok(PrivatePkcs8KeyDer::from(key).into())
}

/// How the files of OpenSSL before PKCS#8 say that they are encrypted (RFC 1421 §4.6.1.1).
const ENCRYPTED_BODY: &[u8] = b"Proc-Type: 4,ENCRYPTED";

/// What stands between the lines of PEM that name this (RFC 7468).
fn section(text: &[u8], name: &str) -> Option<Vec<u8>> {
    let text = std::str::from_utf8(text).ok()?;
    let (_, rest) = text.split_once(&format!("-----BEGIN {name}-----"))?;
    let (body, _) = rest.split_once(&format!("-----END {name}-----"))?;
    STANDARD.decode(body.split_whitespace().collect::<String>()).ok()
}

/// The plain form of what is encrypted with a passphrase: a sequence of algorithm and text (RFC 5958 §3).
fn decrypted(der: &[u8], pass: Option<&Secret>) -> Result<Vec<u8>, Sealed> {
    let [algorithm, text] = Field::of(der)?.parts()?;
    open(algorithm.whole, text.content, pass)
}

fn open(algorithm: &[u8], text: &[u8], pass: Option<&Secret>) -> Result<Vec<u8>, Sealed> {
    let scheme = EncryptionScheme::from_der(algorithm).map_err(|_| Sealed::Outdated)?;
    if scheme.pbes2().is_none() {
        return Err(Sealed::Outdated);
    }
    let pass = pass.map(Secret::expose).unwrap_or_default();
    scheme.decrypt(pass, text).map_err(|_| Sealed::Passphrase)
}

/// The contents of PKCS#12: certificates and one private key. Its checksum is not looked at: who can change the file can
/// change the certificate.
fn pkcs12(der: &[u8], pass: Option<&Secret>) -> Result<Identity, Sealed> {
    let mut contents = Contents::default();
    let [_, outer] = Field::of(der)?.parts()?;
    let [kind, content] = outer.parts()?;
    if kind.content != DATA {
        return Err(Sealed::Broken);
    }
    for safe in Field::of(content.inner()?.content)?.fields()? {
        contents.read_safe(&safe, pass)?;
    }
    let key = contents.key.ok_or(Sealed::Broken)?;
    if contents.certificates.is_empty() {
        return Err(Sealed::Broken);
    }
    Ok((contents.certificates, PrivatePkcs8KeyDer::from(key).into()))
}

#[derive(Default)]
struct Contents {
    certificates: Vec<CertificateDer<'static>>,
    key: Option<Vec<u8>>,
}

// Object identifiers (RFC 2315 §14, RFC 7292 §4.2), as they are encoded.
const DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 1];
const ENCRYPTED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, 6];
const KEY_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1, 1];
const SHROUDED_KEY_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1, 2];
const CERTIFICATE_BAG: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1, 3];

impl Contents {
    fn read_safe(&mut self, safe: &Field<'_>, pass: Option<&Secret>) -> Result<(), Sealed> {
        let [kind, content] = safe.parts()?;
        let opened;
        let bags = match kind.content {
            DATA => content.inner()?.content,
            ENCRYPTED_DATA => {
                // Version, then the content: its type, the algorithm, and the text in an implicit tag.
                let [_, inner] = content.inner()?.parts()?;
                let [_, algorithm, text] = inner.parts()?;
                opened = open(algorithm.whole, text.content, pass)?;
                &opened
            }
            _ => return Ok(()),
        };
        // What was decrypted with a wrong passphrase is anything but this.
        for bag in Field::of(bags).map_err(|_| Sealed::Passphrase)?.fields()? {
            self.read_bag(&bag, pass)?;
        }
        Ok(())
    }

    fn read_bag(&mut self, bag: &Field<'_>, pass: Option<&Secret>) -> Result<(), Sealed> {
        let [kind, value] = bag.parts()?;
        let value = value.inner()?;
        match kind.content {
            KEY_BAG => self.key = Some(value.whole.to_vec()),
            SHROUDED_KEY_BAG => self.key = Some(decrypted(value.whole, pass)?),
            CERTIFICATE_BAG => {
                let [_, certificate] = value.parts()?;
                self.certificates.push(certificate.inner()?.content.to_vec().into());
            }
            _ => {}
        }
        Ok(())
    }
}

/// A field of DER.
struct Field<'a> {
    /// With its tag and length.
    whole: &'a [u8],
    content: &'a [u8],
}

impl<'a> Field<'a> {
    /// The first field of these bytes.
    fn of(der: &'a [u8]) -> Result<Self, Sealed> {
        let (rest, any) = Any::from_der(der).map_err(|_| Sealed::Broken)?;
        Ok(Self { whole: &der[..der.len() - rest.len()], content: any.data })
    }

    /// The fields within it.
    fn fields(&self) -> Result<Vec<Self>, Sealed> {
        let (_, any) = Any::from_der(self.whole).map_err(|_| Sealed::Broken)?;
        if !any.header.is_constructed() {
            return Err(Sealed::Broken);
        }
        let (mut fields, mut rest) = (Vec::new(), self.content);
        while !rest.is_empty() {
            let field = Self::of(rest)?;
            rest = &rest[field.whole.len()..];
            fields.push(field);
        }
        Ok(fields)
    }

    /// The first fields within it, if there are so many.
    fn parts<const N: usize>(&self) -> Result<[Self; N], Sealed> {
        let mut fields = self.fields()?;
        fields.truncate(N);
        fields.try_into().map_err(|_| Sealed::Broken)
    }

    /// The only field within an explicit tag.
    fn inner(&self) -> Result<Self, Sealed> {
        self.parts().map(|[inner]| inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What no byte of a file can do is panic, or open without the passphrase.
    #[test]
    fn a_broken_file_is_told() {
        let good = STANDARD.decode(P12.split_whitespace().collect::<String>()).unwrap();
        let pass = Secret::new("s3cr3t");
        let (certificates, _) = pkcs12(&good, Some(&pass)).unwrap();
        assert_eq!(certificates.len(), 1);
        assert_eq!(pkcs12(&good, None).unwrap_err(), Sealed::Passphrase);
        assert_eq!(pkcs12(&good, Some(&Secret::new("wrong"))).unwrap_err(), Sealed::Passphrase);
        for end in (0..good.len()).step_by(7) {
            assert!(pkcs12(&good[..end], Some(&pass)).is_err(), "{end}");
        }
        assert_eq!(pkcs12(b"nothing", Some(&pass)).unwrap_err(), Sealed::Broken);
        assert_eq!(pkcs12(&[0x30, 0], Some(&pass)).unwrap_err(), Sealed::Broken);
    }

    /// `openssl pkcs12 -export -passout pass:s3cr3t -iter 100`.
    const P12: &str = "
    MIID+QIBAzCCA7AGCSqGSIb3DQEHAaCCA6EEggOdMIIDmTCCAlEGCSqGSIb3DQEHBqCCAkIwggI+AgEAMIICNwYJKoZIhvcNAQcBMFYGCSqGSI
    b3DQEFDTBJMCgGCSqGSIb3DQEFDDAbBAgEZEPn3l+ufgIBZDAMBggqhkiG9w0CCQUAMB0GCWCGSAFlAwQBKgQQbHJjGPqmcg6ocqETW16ALoCC
    AdApBVDlPFfdFkqm2ummiiKFjvB0+SyOS4+r77CfLk8XovLdn5VSJI2fEL08hr5OH6DHZPrRSjNIeZHiVMcLVXZUpOKLq1fRzoVdeswbDYQD4R
    mkurapOpT37heXU5uG/7+U/TwvT+JTP/BKrgQx2RtLebX1L4kyB5QWCm/E9Xcl2h5a3aBMti9DAofRahVz5FcuadvQ/mxrBlU1ThMfyT/fjkYf
    93pN7ErDn5ShzTzRqP3E0d8sjrIjgMZRz1KAB5bks2NW2w+aiFG4eOZAQ1QU04nrv2lwXXyeRQ7kupw5H2nH2BgKYTy41DlpOyrrvnwMzAG460
    q1oxea/QWs3TUA+INM6pszU4piF0c0HVQHM0gelXqEjdJy4bmOTQe9Igrw/dXxewDO13kaBbILSE3CoeLv+oxJ9gvepIoRn4g0x+ojNxUU3t6x
    852IvQnW2V/IDaDc6I9xoncOlWZRY9RjhWripHJWsZrGvjE4MRP0zK0tfLqW9GoHW0dNOUWMFBPl5J+t94DWtG6YCDBq/Tt47zBjyScbT8L+wi
    aWO0YOkPyqIQ+tZGOoFqjJnD+0G77EUJJWozyjk17YLMn5QVQY+JC4ZV4PpecWfwTUWjmykjCCAUAGCSqGSIb3DQEHAaCCATEEggEtMIIBKTCC
    ASUGCyqGSIb3DQEMCgECoIHuMIHrMFYGCSqGSIb3DQEFDTBJMCgGCSqGSIb3DQEFDDAbBAiOyObvBYDZoAIBZDAMBggqhkiG9w0CCQUAMB0GCW
    CGSAFlAwQBKgQQlEQAPdYVWc+fT/Umq8/xbwSBkBuzyrkFpIQV6IWOnV6X/cWX89Ns37V+ACqbKN8qXQSTrtaaYTmGKIDoT9MGp5dNIU7oGg+8
    1smfDMp8JdvhULCxYQITRHi1ZRqC2oaZnp+mLvY7mKBGH5l7aKt+CFOHNQfJ9GD+P4oP1RRBW1yP7rM7Mtf8NV9IPbIIOjrcwOL+VAEdufSqeh
    CdB9X4LNieyDElMCMGCSqGSIb3DQEJFTEWBBRNqnHAYf5EvxkO2406c2kpkyAwDTBAMDEwDQYJYIZIAWUDBAIBBQAEILXoKq0orb1QjoqHbm3i
    huwPKQ1FdV72YTs8/6Pj345BBAgKec2QwcocpQIBZA==";
}
