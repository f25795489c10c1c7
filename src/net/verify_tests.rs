//! Handshakes whose signature is not made by the key of the certificate: none is accepted, whatever may be lenient.

use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519, PublicKeyData as _};
use rustls::client::WebPkiServerVerifier;
use rustls::crypto::ring::{default_provider, sign::any_supported_type};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, Signer, SigningKey};
use rustls::version::{TLS12, TLS13};
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, SignatureAlgorithm,
    SupportedProtocolVersion,
};
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};

use super::*;

/// Every scheme that the client offers.
const SCHEMES: [SignatureScheme; 9] = [
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_SHA256,
    SignatureScheme::RSA_PSS_SHA384,
    SignatureScheme::RSA_PSS_SHA512,
    SignatureScheme::RSA_PKCS1_SHA256,
    SignatureScheme::RSA_PKCS1_SHA384,
    SignatureScheme::RSA_PKCS1_SHA512,
];

const VERSIONS: [&SupportedProtocolVersion; 2] = [&TLS12, &TLS13];

/// A private key for these tests alone: the library that makes the other keys makes none for RSA.
const RSA: &str = "\
    MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQDVnuB3IfOoPTRPFOwNApZfpsbqxPte+KLimgkxcUejQRPDiHCJ\
    516lD8VL8AY2jzXFTQZVdBSjqxa80jHrsBd2v/zYC2T6E8MrJlwxxSvYt2YwWk99FxoZpJPVVJTfo6iFi30FWKrIZAoaGIg9yOcA\
    GVHxROHpjVq2jkgrOG/qvl84CuDAhWpgh256hph/Tv8aLQ543RjRfyrCuqgchQrZ+xenK3toVI7Co6SjFQoRw+tFlb516snlVwR0\
    L9ra2N3LKlZfREUYh7z7iGz4R0b9JsKTc5UkfdXOG6Fx1QMGOiycykyO/vNVI/joyAZ5CZZrdih6gVd4yt7wkhKFsbAzAgMBAAEC\
    ggEAATeqFNO7NULACRFX9Q0GOV5UdOMRga2OFBeHpOH95AbLa4pcBdUtO2iXGcMw7d+sEUdKmXMTaQlhFEtoYGz8/T7D3KFX/nrd\
    WmIaFWiHwvDsoqrpGA/pJKtE8mrMfGfM3pH4cO7b7k9vpU1tfVinRF9gkazwUqntEexGqgRk0uQnMVoNF0q0dQuLlDkg2FHQo/xL\
    tG4cO55NHVFq/f0OvtmdD7aNr3mqgaJZpcseQL4RUDz31hzMwLu/q3Lp2XSbB37hfOKunCwJaE2iOyFrPtG4Vl+VepPe53jBXqa5\
    D7ZSLnzp18ON1aC5X1WR0Vf9XxVLdtxCjtB/QIwYhc9HJQKBgQDsiaYVCJD8JkywCyFGXQ3ohj6+HPyrQ6rkjTE4BSIRZO5R3U+m\
    zKhpeIPlD9GxPXkfuOFF9GOuCJthXIDLwJtjV7yI4EwUPUKtqjnqdgAR+I8Y0tvIyuJVUzaCWpIinNgDEI6hJ4XdxsGWxCrxHkGl\
    mbafnkMGgQnPUSBdvrkHxQKBgQDnMoKmeLHGeUkNanSyIG5aOi+j0uv32YseX6rPbV8LV1TNGqh+kdX32MmJVF20FYdqWtHkZwvT\
    3yF8kwATTgTxTMPVMhZaFL5SmOdVF0BwJHzTJ80EyRbjSW+uv3cqIzWu/ZpfM8ubxYT/D7+XpEBs1Ah/gD63CuhtJpLmiLxflwKB\
    gDKGiJpvlQC3caQdDIOKNwFXQ6m6aWJv9t4RJtVPi2Jpy9piyrPXfZXh71KLmYAhoHDdPgmCVZSENCSM7NoZD1geEqCuQLIGD+sm\
    tG5XvFYaYP6tc9MlO0l8l+UqUZLhK+cjr0PPPHIOFaYNyxpsGxuzhOX9mVWXVLAbJS3BIqb9AoGAcfarAkZCU3Rbtzo/lcJ4ww8l\
    hpqk6IKamflMaH0gOaXtzkCSx/k5QLfi+EfW/LsUCjAEgJLu+JxnlFGd2uY9d3iAm+nZrMPG4U4v0fjpMZ46zZcz72T0XEtJuxj0\
    M5gxkTW/T6hneDyQB26K4cP8YejO25Kq122QDqXSCcNjH7cCgYEAs76kVwSqTXETXTHQewJADO079hcJqhmRs+pav0RzCnqsgTDq\
    IoPAEWngBE3c2nkJqNW4jLPjYHY7KsAVBAdI7Trvx6ScF2YJKjXaJ1oaWRDfXV8OPcBYy4Nce9iFqhecxvjjR3TD93L1K7fybZQU\
    wh6Gy3YmBbdU5GhWn+CvDC8=";

/// What is signed with.
#[derive(Clone, Debug)]
enum Pen {
    Key(Arc<dyn SigningKey>),
    /// No key at all: these bytes are the signature.
    Bytes(Vec<u8>),
}

/// A key of a server that claims this scheme, whatever it signs with.
#[derive(Clone, Debug)]
struct Claim(SignatureScheme, Pen);

impl SigningKey for Claim {
    fn choose_scheme(&self, _: &[SignatureScheme]) -> Option<Box<dyn Signer>> {
        Some(Box::new(self.clone()))
    }

    fn algorithm(&self) -> SignatureAlgorithm {
        match self.0 {
            SignatureScheme::ED25519 => SignatureAlgorithm::ED25519,
            SignatureScheme::ECDSA_NISTP256_SHA256 | SignatureScheme::ECDSA_NISTP384_SHA384 => {
                SignatureAlgorithm::ECDSA
            }
            _ => SignatureAlgorithm::RSA,
        }
    }
}

impl Signer for Claim {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        match &self.1 {
            Pen::Key(key) => key.choose_scheme(&[self.0]).expect("a key for the scheme").sign(message),
            Pen::Bytes(bytes) => Ok(bytes.clone()),
        }
    }

    fn scheme(&self) -> SignatureScheme {
        self.0
    }
}

#[derive(Debug)]
struct Presents(Arc<CertifiedKey>);

impl ResolvesServerCert for Presents {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.0.clone())
    }
}

/// A private key, and its public half as a SubjectPublicKeyInfo.
struct Pair {
    private: Arc<dyn SigningKey>,
    public: Vec<u8>,
}

impl Pair {
    fn of(key: &KeyPair) -> Self {
        let private = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        Self { private: any_supported_type(&private).unwrap(), public: key.subject_public_key_info() }
    }

    /// A key that signs by this scheme. Those of RSA share one.
    fn new(scheme: SignatureScheme) -> Self {
        let made = |algorithm| Self::of(&KeyPair::generate_for(algorithm).unwrap());
        match scheme {
            SignatureScheme::ECDSA_NISTP256_SHA256 => made(&PKCS_ECDSA_P256_SHA256),
            SignatureScheme::ECDSA_NISTP384_SHA384 => made(&PKCS_ECDSA_P384_SHA384),
            SignatureScheme::ED25519 => made(&PKCS_ED25519),
            _ => Self::of(&KeyPair::try_from(STANDARD.decode(RSA).unwrap()).unwrap()),
        }
    }
}

fn der(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u16::try_from(content.len()).unwrap().to_be_bytes();
    let head = match content.len() {
        0..0x80 => vec![tag, length[1]],
        0x80..0x100 => vec![tag, 0x81, length[1]],
        _ => vec![tag, 0x82, length[0], length[1]],
    };
    [head, content].concat()
}

/// A SubjectPublicKeyInfo.
fn spki(algorithm: &[&[u8]], key: &[u8]) -> Vec<u8> {
    der(0x30, &[&der(0x30, algorithm), &der(0x03, &[&[0], key])])
}

/// What is odd about a certificate.
#[derive(Clone, Copy, Debug)]
enum Form {
    Usual,
    Version1,
    /// An extension that nobody knows and that everybody has to (RFC 5280 §4.2).
    Critical,
    /// Not even the times can be read.
    Broken,
}

const FORMS: [Form; 4] = [Form::Usual, Form::Version1, Form::Critical, Form::Broken];

/// A certificate with this key. Its own signature is not looked at: nobody trusts it.
fn certificate(form: Form, spki: &[u8]) -> CertificateDer<'static> {
    let algorithm = der(0x30, &[&der(0x06, &[&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02]])]);
    let version = if let Form::Version1 = form { Vec::new() } else { der(0xa0, &[&der(0x02, &[&[2]])]) };
    let time = |text: &[u8]| der(0x17, &[text]);
    let validity = match form {
        Form::Broken => der(0x30, &[b"whenever"]),
        _ => der(0x30, &[&time(b"200101000000Z"), &time(b"490101000000Z")]),
    };
    let unknown =
        der(0x30, &[&der(0x06, &[&[0x2a, 0x03, 0x04]]), &der(0x01, &[&[0xff]]), &der(0x04, &[&[5, 0]])]);
    let extensions =
        if let Form::Critical = form { der(0xa3, &[&der(0x30, &[&unknown])]) } else { Vec::new() };
    let common = der(0x30, &[&der(0x06, &[&[0x55, 0x04, 0x03]]), &der(0x0c, &[b"localhost"])]);
    let (serial, name) = (der(0x02, &[&[1]]), der(0x30, &[&der(0x31, &[&common])]));
    let parts: [&[u8]; 8] = [&version, &serial, &algorithm, &name, &validity, &name, spki, &extensions];
    der(0x30, &[&der(0x30, &parts), &algorithm, &der(0x03, &[&[0, 1]])]).into()
}

fn recorder(lenience: Lenience) -> Recorder {
    let mut roots = RootCertStore::empty();
    roots.add(rcgen::generate_simple_self_signed(["x".to_owned()]).unwrap().cert.der().clone()).unwrap();
    let provider = Arc::new(default_provider());
    let inner =
        WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider.clone()).build().unwrap();
    Recorder::new(inner, provider.signature_verification_algorithms, lenience, Vec::new())
}

/// The client's view of a handshake with a server that presents this certificate and signs like this.
fn handshake(
    version: &'static SupportedProtocolVersion,
    lenience: Lenience,
    certificate: &CertificateDer<'static>,
    claim: Claim,
) -> Result<(), Error> {
    handshake_with(version, recorder(lenience), "localhost", certificate, claim)
}

fn handshake_with(
    version: &'static SupportedProtocolVersion,
    recorder: Recorder,
    name: &'static str,
    certificate: &CertificateDer<'static>,
    claim: Claim,
) -> Result<(), Error> {
    let provider = Arc::new(default_provider());
    let key = CertifiedKey::new(vec![certificate.clone()], Arc::new(claim));
    let server = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(Presents(Arc::new(key))));
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(recorder))
        .with_no_client_auth();
    let mut client = ClientConnection::new(Arc::new(client), ServerName::try_from(name).unwrap()).unwrap();
    let mut server = ServerConnection::new(Arc::new(server)).unwrap();
    while client.is_handshaking() {
        let mut sent = Vec::new();
        client.write_tls(&mut sent).unwrap();
        server.read_tls(&mut &sent[..]).unwrap();
        server.process_new_packets().expect("the server has nothing against it");
        let mut answer = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut answer).unwrap();
        }
        client.read_tls(&mut &answer[..]).unwrap();
        client.process_new_packets()?;
    }
    Ok(())
}

/// Keys of which no test has the private half: those of every kind that can be verified, and some of other kinds.
fn strange_keys() -> Vec<(&'static str, Vec<u8>)> {
    const ELLIPTIC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
    let curve = |oid: &[u8], length| {
        spki(&[&der(0x06, &[ELLIPTIC]), &der(0x06, &[oid])], &[&[4], &vec![7; length][..]].concat())
    };
    let mut rsa = Pair::new(SignatureScheme::RSA_PSS_SHA256).public;
    let middle = rsa.len() / 2;
    rsa[middle] ^= 1;
    vec![
        ("P-256", Pair::new(SignatureScheme::ECDSA_NISTP256_SHA256).public),
        ("P-384", Pair::new(SignatureScheme::ECDSA_NISTP384_SHA384).public),
        ("Ed25519", Pair::new(SignatureScheme::ED25519).public),
        ("RSA", rsa),
        ("P-521", curve(&[0x2b, 0x81, 0x04, 0x00, 0x23], 132)),
        ("P-256 off its curve", curve(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07], 64)),
        ("Ed448", spki(&[&der(0x06, &[&[0x2b, 0x65, 0x71]])], &[7; 57])),
        ("an unknown kind", spki(&[&der(0x06, &[&[0x2a, 0x03, 0x04]])], b"key")),
    ]
}

#[test]
fn no_handshake_signed_by_another_key_is_accepted() {
    let keys = strange_keys();
    for scheme in SCHEMES {
        let other = Pair::new(scheme).private;
        for pen in [Pen::Key(other), Pen::Bytes(vec![1; 64]), Pen::Bytes(Vec::new())] {
            for (kind, spki) in &keys {
                for form in FORMS {
                    let certificate = certificate(form, spki);
                    for version in VERSIONS {
                        let done =
                            handshake(version, Lenience::All, &certificate, Claim(scheme, pen.clone()));
                        assert!(done.is_err(), "{kind}, {form:?}, {scheme:?}, {version:?}, {pen:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn a_handshake_signed_by_the_key_of_an_odd_certificate_is_accepted_if_trust_is_not_asked_for() {
    for scheme in SCHEMES {
        let Pair { private, public } = Pair::new(scheme);
        for form in FORMS {
            let certificate = certificate(form, &public);
            for version in VERSIONS {
                // RFC 8446 §4.2.3 leaves the old signatures of RSA to certificates.
                let is_spoken = version.version == rustls::ProtocolVersion::TLSv1_2
                    || !format!("{scheme:?}").starts_with("RSA_PKCS1");
                for (lenience, fits) in
                    [(Lenience::Trust, is_spoken), (Lenience::All, is_spoken), (Lenience::None, false)]
                {
                    let claim = Claim(scheme, Pen::Key(private.clone()));
                    let done = handshake(version, lenience, &certificate, claim);
                    assert_eq!(
                        done.is_ok(),
                        fits,
                        "{form:?}, {scheme:?}, {version:?}, {lenience:?}: {done:?}"
                    );
                }
            }
        }
    }
}

#[test]
fn a_certificate_in_which_no_key_can_be_read_goes_on_if_trust_is_not_asked_for() {
    let nothing =
        [CertificateDer::from(b"nothing".to_vec()), certificate(Form::Usual, &der(0x04, &[b"key"]))];
    for certificate in &nothing {
        for version in VERSIONS {
            for (lenience, fits) in [(Lenience::Trust, true), (Lenience::All, true), (Lenience::None, false)]
            {
                let claim = Claim(SignatureScheme::ED25519, Pen::Bytes(vec![1; 64]));
                assert_eq!(handshake(version, lenience, certificate, claim).is_ok(), fits, "{lenience:?}");
            }
        }
    }
}

#[test]
fn a_certificate_that_is_trusted_itself_needs_its_key_and_its_name() {
    let scheme = SignatureScheme::ECDSA_NISTP256_SHA256;
    let (own, other) = (Pair::new(scheme), Pair::new(scheme));
    for form in [Form::Usual, Form::Version1] {
        let (ours, theirs) = (certificate(form, &own.public), certificate(form, &other.public));
        for version in VERSIONS {
            let fits = |name, certificate, key: &Pair| {
                let recorder = recorder(Lenience::None).trusting(vec![ours.clone()]);
                let claim = Claim(scheme, Pen::Key(key.private.clone()));
                handshake_with(version, recorder, name, certificate, claim).is_ok()
            };
            assert!(fits("localhost", &ours, &own), "{form:?} {version:?}");
            assert!(!fits("localhost", &ours, &other), "{form:?} {version:?}");
            assert!(!fits("localhost", &theirs, &other), "{form:?} {version:?}");
            assert!(!fits("other.test", &ours, &own), "{form:?} {version:?}");
        }
    }
}

/// A certificate of an RSA key of 1024 bits, which no library here makes.
const WEAK: &str = "\
    MIICBjCCAW+gAwIBAgIUSubvn7jizu8sNd3a5X+N1vaCZhMwDQYJKoZIhvcNAQELBQAwFDESMBAGA1UEAwwJbG9jYWxob3N0MCAX\
    DTI2MTEzMDAyNDc0N1oYDzIxMjYxMTA2MDI0NzQ3WjAUMRIwEAYDVQQDDAlsb2NhbGhvc3QwgZ8wDQYJKoZIhvcNAQEBBQADgY0A\
    MIGJAoGBAMINbtATeE6W2BIzdqcCMyxvHWZxfTNctaQazvSHyqkssviDEiHfLL568knLqjbwnF+mxwHyByZR992YFwRUy3P5kc+z\
    A2xll98EY92Av27NLg/x/vTXxW6TTKBe8mfKDDLh6zsQaIF4XzZ4Zd8HuyNeDm0BlrdnkLpmVNtQhhLXAgMBAAGjUzBRMB0GA1Ud\
    DgQWBBT8uu7TsFEZ9naQF9s82OxQPO4n+zAfBgNVHSMEGDAWgBT8uu7TsFEZ9naQF9s82OxQPO4n+zAPBgNVHRMBAf8EBTADAQH/\
    MA0GCSqGSIb3DQEBCwUAA4GBAEFbbwpO1/l4kpmtJ0+byM/6h/8kT5NMkMU9wx4gh5AL3mb8Zzxgb+CwIbryQpi2fFgLWE8OAL7o\
    cI7Di0BaKcPlxoAp+apEr3/idXwKlG91MRxNzOT4PVQ3UkvsgtHWUqKZx2eX1sRhsIlEHAi8ncGWdUN++fRA8ZiJ7okTji1C";

#[test]
fn a_key_that_is_too_small_is_named_and_taken_only_where_nothing_is_trusted() {
    let weak = CertificateDer::from(STANDARD.decode(WEAK).unwrap());
    let claim = || Claim(SignatureScheme::RSA_PSS_SHA256, Pen::Bytes(vec![1; 128]));
    for version in VERSIONS {
        let done = |recorder| handshake_with(version, recorder, "localhost", &weak, claim());
        done(recorder(Lenience::Trust)).unwrap();
        let refused = done(recorder(Lenience::None).trusting(vec![weak.clone()])).unwrap_err();
        assert!(refused.to_string().contains("1024"), "{refused}");
        let pin = pin_of(&weak).unwrap();
        let pinned = Recorder { pins: vec![pin], ..recorder(Lenience::Trust) };
        assert!(done(pinned).unwrap_err().to_string().contains("1024"));
    }
    let seen = recorder(Lenience::Trust);
    let signature = seen.judge_weak(WeakKey::of(&weak).unwrap());
    assert!(signature.is_ok() && seen.take().error.unwrap().to_string().contains("1024"));
}
