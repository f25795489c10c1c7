//! `probe-handshake` and TLS: certificates that are wrong in one way each, and what becomes of the handshake.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use rcgen::{CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::server::WebPkiClientVerifier;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};

use crate::harness::{Output, Server, upgrade, wstap};

pub(crate) type Authority = CertifiedIssuer<'static, KeyPair>;

/// A root, and a folder with its certificate in `ca.pem`.
pub(crate) struct Root {
    pub(crate) authority: Authority,
    folder: tempfile::TempDir,
}

/// What a server presents.
pub(crate) struct Leaf {
    pub(crate) chain: Vec<CertificateDer<'static>>,
    pub(crate) key: KeyPair,
}

impl Root {
    pub(crate) fn new() -> Self {
        Self::named("root")
    }

    pub(crate) fn named(name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let authority = CertifiedIssuer::self_signed(ca(name), key).unwrap();
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("ca.pem"), authority.pem()).unwrap();
        Self { authority, folder }
    }

    pub(crate) fn file(&self) -> String {
        self.path("ca.pem").display().to_string()
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A certificate for `name` from the first of one year to that of another.
    pub(crate) fn sign(&self, name: &str, from: i32, until: i32) -> Leaf {
        signed(&self.authority, name, from, until)
    }

    /// A probe of a server with this certificate.
    fn probe(&self, leaf: &Leaf, args: &[&str]) -> Output {
        probed(config(leaf), &[&["--cacert", &self.file()], args].concat())
    }
}

pub(crate) fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params
}

pub(crate) fn signed(authority: &Authority, name: &str, from: i32, until: i32) -> Leaf {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.distinguished_name.push(rcgen::DnType::CommonName, "leaf");
    params.not_before = rcgen::date_time_ymd(from, 1, 1);
    params.not_after = rcgen::date_time_ymd(until, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, authority).unwrap();
    Leaf { chain: vec![certificate.der().clone()], key }
}

pub(crate) fn config(leaf: &Leaf) -> ServerConfig {
    config_with(leaf, rustls::ALL_VERSIONS, None)
}

pub(crate) fn config_with(
    leaf: &Leaf,
    versions: &[&'static rustls::SupportedProtocolVersion],
    clients: Option<&Authority>,
) -> ServerConfig {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_protocol_versions(versions).unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add(authority.der().clone()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(leaf.key.serialize_der()));
    builder.with_single_cert(leaf.chain.clone(), key).unwrap()
}

/// A probe of `wss://localhost` at a server that accepts one connection and the upgrade on it, if it comes to that.
/// What it reads goes to the output's end: a request that is sent to a server that is not trusted fails the test.
fn probed(config: ServerConfig, args: &[&str]) -> Output {
    let (url, server) = serve(config);
    let out = wstap(&["probe-handshake", &url, "-4"]).args(args).run();
    let request = server.join().unwrap();
    let verified = !out.stdout.contains("\"verified\":false") || args.contains(&"-k");
    assert!(verified || request.is_empty(), "a request was sent: {request}");
    out
}

pub(crate) fn serve(config: ServerConfig) -> (String, thread::JoinHandle<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("wss://localhost:{}/x", listener.local_addr().unwrap().port());
    let server = thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let mut stream = StreamOwned::new(ServerConnection::new(Arc::new(config)).unwrap(), stream);
        let (mut head, mut byte) = (Vec::new(), [0]);
        while !head.ends_with(b"\r\n\r\n") {
            // A client that does not like what it sees leaves.
            if stream.read_exact(&mut byte).is_err() {
                return String::from_utf8_lossy(&head).into_owned();
            }
            head.push(byte[0]);
        }
        let head = String::from_utf8(head).unwrap();
        let close = [0x88, 2, 0x03, 0xe8];
        let _ = stream.write_all(&[upgrade(&head, "").as_bytes(), &close].concat());
        let _ = stream.read_to_end(&mut Vec::new());
        head
    });
    (url, server)
}

#[track_caller]
fn record(out: &Output) -> Value {
    out.json().pop().unwrap_or_else(|| panic!("{}", out.stderr))
}

#[track_caller]
fn hints(record: &Value) -> Vec<&str> {
    record["hints"].as_array().unwrap().iter().map(|hint| hint["id"].as_str().unwrap()).collect()
}

#[test]
fn a_good_certificate_is_reported_field_by_field() {
    let root = Root::new();
    let leaf = root.sign("localhost", 2020, 2100);
    let out = root.probe(&leaf, &["--expect", ".tls.days_left > 14", "--min-cert-days", "30"]);
    out.exits(0);
    let tls = &record(&out)["tls"];
    assert_eq!(
        (&tls["version"], &tls["sni"], &tls["verified"]),
        (&json!("TLSv1.3"), &json!("localhost"), &json!(true))
    );
    assert!(tls["cipher"].as_str().unwrap().starts_with("TLS_"));
    assert_eq!((&tls["hostname_match"], &tls["verify_error"]), (&json!(true), &Value::Null));
    assert_eq!(tls["not_after"], "2100-01-01T00:00:00Z");
    assert_eq!(tls["chain"][0]["subject"], "CN=leaf");
    assert_eq!(tls["chain"][0]["issuer"], "CN=root");
    assert_eq!(tls["chain"][0]["sans"], json!(["localhost"]));
    assert!(tls["pin"].as_str().unwrap().starts_with("sha256//"));
    assert!(record(&out)["phases"]["tls"].as_f64().unwrap() > 0.0);
    assert_eq!(hints(&record(&out)), [""; 0]);
}

#[test]
fn what_is_wrong_with_a_certificate_is_told_with_all_its_fields_and_nothing_is_sent() {
    let root = Root::new();
    let between =
        CertifiedIssuer::signed_by(ca("between"), KeyPair::generate().unwrap(), &*root.authority).unwrap();
    let own = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_after = rcgen::date_time_ymd(2100, 1, 1);
    let own = Leaf { chain: vec![params.self_signed(&own).unwrap().der().clone()], key: own };
    let key = KeyPair::generate().unwrap();
    let mut params = ca("own");
    params.subject_alt_names.push(rcgen::SanType::DnsName("localhost".try_into().unwrap()));
    let own_ca = Leaf { chain: vec![params.self_signed(&key).unwrap().der().clone()], key };
    let cases = [
        (own_ca, "ca-as-leaf", "self-signed", true),
        (root.sign("localhost", 2000, 2001), "expired", "expired", true),
        (root.sign("localhost", 2090, 2100), "not-yet-valid", "not-yet-valid", true),
        (root.sign("other.test", 2000, 2100), "wrong-host", "wrong-host", false),
        (own, "unknown-issuer", "self-signed", true),
        (signed(&between, "localhost", 2000, 2100), "unknown-issuer", "missing-intermediate", true),
    ];
    for (leaf, id, hint, is_for_host) in cases {
        for (args, exit) in [(&[][..], 13), (&["-k"][..], 0)] {
            let out = root.probe(&leaf, args);
            out.exits(exit);
            let record = record(&out);
            let tls = &record["tls"];
            assert_eq!((&tls["verified"], &tls["verify_id"]), (&json!(false), &json!(id)), "{tls}");
            assert!(tls["verify_error"].is_string() && tls["version"].is_string(), "{tls}");
            assert_eq!(tls["hostname_match"], is_for_host);
            assert!(tls["days_left"].is_i64() && tls["chain"][0]["not_after"].is_string(), "{tls}");
            assert!(hints(&record).contains(&hint), "{id}: {}", record["hints"]);
            assert_eq!(record["http"].is_null(), exit == 13);
        }
        root.probe(&leaf, &["--min-cert-days", "0"]).exits(i32::from(id == "expired"));
    }
    let key = KeyPair::generate().unwrap();
    let nameless = CertificateParams::default().signed_by(&key, &root.authority).unwrap();
    let out = root.probe(&Leaf { chain: vec![nameless.der().clone()], key }, &[]);
    out.exits(13).says("has no subjectAltName");
    assert_eq!(hints(&record(&out)), ["wrong-host"]);
    // With what is missing sent along, all is well.
    let mut leaf = signed(&between, "localhost", 2000, 2100);
    leaf.chain.push(between.der().clone());
    let out = root.probe(&leaf, &[]);
    out.exits(0);
    assert_eq!(record(&out)["tls"]["chain"].as_array().unwrap().len(), 2);
}

#[test]
fn everything_that_is_wrong_with_a_certificate_is_told() {
    for (until, id, told) in [
        (2001, "expired", ["expired", "wrong-host"]),
        (2100, "unknown-issuer", ["self-signed", "wrong-host"]),
    ] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(["other.test".to_owned()]).unwrap();
        params.not_after = rcgen::date_time_ymd(until, 1, 1);
        let leaf = Leaf { chain: vec![params.self_signed(&key).unwrap().der().clone()], key };
        for args in [&[][..], &["-k"][..]] {
            let record = record(&Root::new().probe(&leaf, args));
            assert_eq!(record["tls"]["verify_id"], id);
            assert_eq!(hints(&record), told);
        }
    }
}

#[test]
fn a_certificate_that_runs_out_soon_is_a_hint() {
    let root = Root::new();
    let now = std::time::SystemTime::now();
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    params.not_before = (now - std::time::Duration::from_secs(80 * 86_400)).into();
    params.not_after = (now + std::time::Duration::from_secs(5 * 86_400 + 3600)).into();
    let key = KeyPair::generate().unwrap();
    let leaf = Leaf { chain: vec![params.signed_by(&key, &root.authority).unwrap().der().clone()], key };
    let out = root.probe(&leaf, &["--min-cert-days", "14"]);
    out.exits(1).says("--min-cert-days 14 (actual: 5 days left)");
    assert_eq!((&record(&out)["tls"]["days_left"], hints(&record(&out))), (&json!(5), vec!["expires-soon"]));
}

#[test]
fn a_client_certificate_that_is_wanted_is_told() {
    let root = Root::new();
    let leaf = root.sign("localhost", 2000, 2100);
    for versions in [&[&rustls::version::TLS12][..], &[&rustls::version::TLS13]] {
        let out = probed(config_with(&leaf, versions, Some(&root.authority)), &["--cacert", &root.file()]);
        out.exits(13);
        let record = record(&out);
        assert_eq!(hints(&record), ["client-certificate"]);
        // The certificates of the server are known all the same.
        assert_eq!(record["tls"]["chain"][0]["subject"], "CN=leaf");
        assert_eq!(record["failed"]["phase"], "tls");
    }
}

#[test]
fn the_version_is_that_of_the_server() {
    let root = Root::new();
    let leaf = root.sign("localhost", 2000, 2100);
    let out = probed(config_with(&leaf, &[&rustls::version::TLS12], None), &["--cacert", &root.file()]);
    out.exits(0);
    assert_eq!(record(&out)["tls"]["version"], "TLSv1.2");
}

#[test]
fn a_server_that_prefers_http_2_is_explained() {
    let root = Root::new();
    let leaf = root.sign("localhost", 2000, 2100);
    let speaking = |names: &[&str]| {
        let mut config = config(&leaf);
        config.alpn_protocols = names.iter().map(|name| name.as_bytes().to_vec()).collect();
        config
    };
    let http2 = || speaking(&["h2", "http/1.1"]);
    let cacert = root.file();
    // As offered by other clients, it is chosen; as offered by this one, it cannot be.
    let out = probed(http2(), &["--cacert", &cacert, "--alpn", "h2,http/1.1"]);
    out.exits(13);
    assert_eq!((&record(&out)["tls"]["alpn"], hints(&record(&out))), (&json!("h2"), vec!["h2-alpn"]));
    let out = probed(http2(), &["--cacert", &cacert]);
    out.exits(0);
    assert_eq!(record(&out)["tls"]["alpn"], "http/1.1");
    let out = probed(speaking(&["h2"]), &["--cacert", &cacert]);
    out.exits(13);
    assert_eq!(hints(&record(&out)), ["http2-only"]);
}

#[test]
fn a_plain_url_to_a_tls_port_is_told() {
    let root = Root::new();
    let (url, server) = serve(config(&root.sign("localhost", 2000, 2100)));
    let out = wstap(&["probe-handshake", "-4", &url.replace("wss:", "ws:")]).run();
    server.join().unwrap();
    out.exits(15);
    assert_eq!(hints(&record(&out)), ["tls-port"]);
}

#[test]
fn a_handshake_that_breaks_off_is_explained() {
    // Alerts of a server that is asked for what it does not have (RFC 8446 §6).
    for (answer, hint) in [
        (&b"\x15\x03\x01\x00\x02\x02\x46"[..], "tls-too-old"),
        (b"\x15\x03\x03\x00\x02\x02\x70", "unknown-host"),
        (b"\x15\x03\x03\x00\x02\x02\x28", "no-cipher"),
        (b"\x15\x03\x03\x00\x02\x02\x78", "http2-only"),
        (b"220 mail ESMTP\r\n", "tls-on-plain-port"),
        (b"", "tls-on-plain-port"),
    ] {
        let server = Server::once(move |mut peer| {
            peer.first_byte();
            peer.write(answer);
        });
        let out = wstap(&["probe-handshake", &server.url().replace("ws:", "wss:")]).run();
        server.join();
        out.exits(13);
        let record = record(&out);
        assert_eq!(hints(&record), [hint], "{answer:x?}");
        // Nothing is known of TLS but the time it took.
        assert_eq!((&record["tls"]["verified"], &record["tls"]["chain"]), (&Value::Null, &json!([])));
        assert!(record["phases"]["tls"].is_f64());
    }
    let server = Server::once(|mut peer| peer.wait_for_end());
    let url = server.url().replace("ws:", "wss:");
    let out = wstap(&["probe-handshake", &url, "--connect-timeout", "200ms"]).run();
    server.join();
    out.exits(13);
    assert_eq!(hints(&record(&out)), ["tls-on-plain-port"]);
}

#[test]
fn a_client_certificate_is_not_shown_to_a_server_that_is_not_trusted() {
    let root = Root::new();
    let stranger = Root::named("stranger");
    let me = root.sign("me", 2000, 2100);
    std::fs::write(root.path("me.pem"), pem(&me.chain[0])).unwrap();
    std::fs::write(root.path("me.key"), me.key.serialize_pem()).unwrap();
    let files =
        [root.file(), root.path("me.pem").display().to_string(), root.path("me.key").display().to_string()];
    let args = ["--cacert", &files[0], "--cert", &files[1], "--key", &files[2]];
    let trusted =
        config_with(&root.sign("localhost", 2000, 2100), rustls::ALL_VERSIONS, Some(&root.authority));
    probed(trusted, &args).exits(0);
    let leaf = stranger.sign("localhost", 2000, 2100);
    let out = probed(config_with(&leaf, rustls::ALL_VERSIONS, Some(&root.authority)), &args);
    out.exits(13);
    // The handshake was not finished, but the certificate is told.
    let tls = &record(&out)["tls"];
    assert_eq!((&tls["version"], &tls["verify_id"]), (&Value::Null, &json!("unknown-issuer")));
    assert_eq!(tls["chain"][0]["subject"], "CN=leaf");
}

pub(crate) fn pem(der: &[u8]) -> String {
    let body = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, der);
    format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
}
