//! TLS, for every command that connects: what is refused, pinned keys, versions, and the log of keys.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, KeyPair, PublicKeyData as _};
use rustls::server::ResolvesServerCertUsingSni;
use rustls::sign::CertifiedKey;
use rustls::{ServerConfig, SupportedProtocolVersion};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::harness::{Output, Server, Wstap, wstap};
use crate::probe_tls::{Leaf, Root, ca, config, config_with, pem, serve, signed};

/// Every command that connects, on its way to `url`.
fn commands(url: &str) -> [Wstap; 4] {
    [
        wstap(&["connect", url]),
        wstap(&["subscribe", "-d", "burki", "--url", url, "--token-env", "T", "7"]).env("T", "t"),
        wstap(&["watch-campaign", "--url", url, "--token-env", "T", "7"]).env("T", "t"),
        wstap(&["probe-handshake", url]),
    ]
}

/// One run of a command at a server with this configuration, and whether anything was sent to it.
fn run(index: usize, config: ServerConfig, args: &[&str]) -> (Output, bool) {
    let (url, server) = serve(config);
    let out = commands(&url).into_iter().nth(index).unwrap().args(&["-4"]).args(args).run();
    (out, !server.join().unwrap().is_empty())
}

/// `connect`, which ends once it is connected.
fn connect(config: ServerConfig, args: &[&str]) -> Output {
    run(0, config, args).0
}

/// Every command refuses this server, says so, and sends nothing.
#[track_caller]
fn all_refuse(config: impl Fn() -> ServerConfig, args: &[&str], say: &str) {
    for index in 0..4 {
        let (out, is_sent) = run(index, config(), args);
        out.exits(13);
        assert!(out.stderr.contains(say) || out.stdout.contains(say), "{}{}", out.stdout, out.stderr);
        assert!(!is_sent, "{}", out.stderr);
    }
}

pub(crate) fn pin(leaf: &Leaf) -> String {
    format!("sha256//{}", STANDARD.encode(Sha256::digest(leaf.key.subject_public_key_info())))
}

/// A certificate for localhost that is changed before it is signed.
fn changed(root: &Root, change: impl FnOnce(&mut CertificateParams)) -> Leaf {
    let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    Leaf { chain: vec![params.signed_by(&key, &root.authority).unwrap().der().clone()], key }
}

#[test]
fn no_command_takes_a_certificate_that_cannot_be_verified() {
    let (root, stranger, namesake) = (Root::new(), Root::named("stranger"), Root::new());
    let authority =
        |params| CertifiedIssuer::signed_by(params, KeyPair::generate().unwrap(), &*root.authority).unwrap();
    let mut elsewhere = ca("elsewhere");
    elsewhere.name_constraints = Some(rcgen::NameConstraints {
        permitted_subtrees: vec![rcgen::GeneralSubtree::DnsName("other.test".into())],
        excluded_subtrees: Vec::new(),
    });
    let elsewhere = authority(elsewhere);
    let mut over = ca("over");
    over.not_after = rcgen::date_time_ymd(2001, 1, 1);
    over.not_before = rcgen::date_time_ymd(2000, 1, 1);
    let over = authority(over);
    let mut no_ca = ca("no CA");
    no_ca.is_ca = rcgen::IsCa::ExplicitNoCa;
    let no_ca = authority(no_ca);
    let below = |between: &CertifiedIssuer<'static, KeyPair>| {
        let mut leaf = signed(between, "localhost", 2000, 2100);
        leaf.chain.push(between.der().clone());
        leaf
    };
    let clients_only = changed(&root, |params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let cases = [
        (stranger.sign("localhost", 2000, 2100), "unknown issuer"),
        (namesake.sign("localhost", 2000, 2100), "signature is wrong"),
        (root.sign("localhost", 2000, 2001), "has expired"),
        (root.sign("localhost", 2090, 2100), "not valid yet"),
        (root.sign("other.test", 2000, 2100), "not for localhost"),
        (below(&elsewhere), "not acceptable"),
        (below(&over), "has expired"),
        (below(&no_ca), "not acceptable"),
        (clients_only, "not acceptable"),
    ];
    for (leaf, say) in cases {
        all_refuse(|| config(&leaf), &["--cacert", &root.file()], say);
    }
    all_refuse(|| config(&root.sign("localhost", 2000, 2100)), &[], "unknown issuer");
}

#[test]
fn a_server_without_the_key_of_its_certificate_is_refused_whatever_is_trusted() {
    let root = Root::new();
    let (leaf, other) = (root.sign("localhost", 2000, 2100), KeyPair::generate().unwrap());
    let another_kind = KeyPair::generate_for(&rcgen::PKCS_ED25519).unwrap();
    let impostor = |key: &KeyPair, versions: &[&'static SupportedProtocolVersion]| {
        let key = rustls::crypto::ring::sign::any_supported_type(&rustls_pki_types::PrivateKeyDer::Pkcs8(
            key.serialize_der().into(),
        ));
        let mut names = ResolvesServerCertUsingSni::new();
        names.add("localhost", CertifiedKey::new(leaf.chain.clone(), key.unwrap())).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        ServerConfig::builder_with_provider(provider)
            .with_protocol_versions(versions)
            .unwrap()
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(names))
    };
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        for key in [&other, &another_kind] {
            let server = || impostor(key, &[version]);
            all_refuse(server, &["--cacert", &root.file()], "TLS with localhost");
            all_refuse(server, &["-k"], "TLS with localhost");
            all_refuse(server, &["-k", "--pinnedpubkey", &pin(&leaf)], "TLS with localhost");
        }
    }
}

#[test]
fn a_pinned_key_is_asked_for_besides_all_else() {
    let (root, stranger) = (Root::new(), Root::named("stranger"));
    let leaf = root.sign("localhost", 2000, 2100);
    let other = pin(&root.sign("localhost", 2000, 2100));
    let ca = root.file();
    let right = format!("{other};{}", pin(&leaf));
    connect(config(&leaf), &["--cacert", &ca, "--pinnedpubkey", &right]).exits(0);
    let say = format!("the server's key {} does not match --pinnedpubkey", pin(&leaf));
    all_refuse(|| config(&leaf), &["--cacert", &ca, "--pinnedpubkey", &other], &say);
    // It is no trust of its own, and `-k` does not take it away.
    all_refuse(|| config(&leaf), &["--cacert", &stranger.file(), "--pinnedpubkey", &right], "unknown issuer");
    all_refuse(|| config(&leaf), &["-k", "--pinnedpubkey", &other], &say);
    let out = connect(config(&leaf), &["-q", "-k", "--cacert", &stranger.file(), "--pinnedpubkey", &right]);
    out.exits(0).says("its key is the pinned one");
}

#[test]
fn a_probe_tells_the_key_that_is_not_pinned() {
    let root = Root::new();
    let leaf = root.sign("localhost", 2000, 2100);
    let other = pin(&root.sign("localhost", 2000, 2100));
    let (out, _) = run(3, config(&leaf), &["--cacert", &root.file(), "--pinnedpubkey", &other]);
    let record = out.exits(13).json().pop().unwrap();
    let tls = &record["tls"];
    assert_eq!((&tls["verified"], &tls["verify_id"]), (&json!(false), &json!("other-key")));
    assert_eq!((&tls["pin"], &record["hints"][0]["id"]), (&json!(pin(&leaf)), &json!("other-key")));
    assert!(record["http"].is_null());
}

#[test]
fn nothing_is_opened_without_tls_where_a_key_is_pinned() {
    let pin = format!("sha256//{}", STANDARD.encode([7; 32]));
    for command in commands("ws://127.0.0.1:9/x") {
        let out = command.args(&["--pinnedpubkey", &pin]).run();
        out.exits(13);
        assert!(format!("{}{}", out.stdout, out.stderr).contains("does not use TLS"), "{}", out.stderr);
    }
    wstap(&["connect", "wss://localhost:9/", "--pinnedpubkey", "key.pem"])
        .run()
        .exits(2)
        .says("sha256//BASE64");
    // A mock in this process is not the server that was meant.
    wstap(&["connect", "--mock", "--pinnedpubkey", &pin, "-x", "hi", "--count", "1"]).run().exits(0);
}

#[test]
fn the_versions_of_tls_have_bounds() {
    let root = Root::new();
    let leaf = root.sign("localhost", 2000, 2100);
    let ca = root.file();
    let speaking = |version: &'static SupportedProtocolVersion| config_with(&leaf, &[version], None);
    let (old, new) = (|| speaking(&rustls::version::TLS12), || speaking(&rustls::version::TLS13));
    connect(old(), &["--cacert", &ca, "--tls-max", "1.2"]).exits(0);
    connect(new(), &["--cacert", &ca, "--tls-min", "1.3", "--tls-max", "1.3"]).exits(0);
    all_refuse(
        old,
        &["--cacert", &ca, "--tls-min", "1.3"],
        "lower or remove --tls-min: it allows only TLS 1.3",
    );
    all_refuse(
        new,
        &["--cacert", &ca, "--tls-max", "1.2"],
        "raise or remove --tls-max: it allows only TLS 1.2",
    );
    let (out, _) = run(3, config(&leaf), &["--cacert", &ca, "--tls-max", "1.2"]);
    assert_eq!(out.exits(0).json()[0]["tls"]["version"], "TLSv1.2");
    let none = ["connect", "wss://localhost:9/", "--tls-min", "1.3", "--tls-max", "1.2"];
    wstap(&none).run().exits(2).says("--tls-min is above --tls-max");
    wstap(&["connect", "wss://localhost:9/", "--tls-min", "1.1"]).run().exits(2).says("1.2, 1.3");
}

#[test]
fn an_older_version_of_tls_is_refused_even_where_the_server_insists() {
    // ServerHello of TLS 1.0 and 1.1 (RFC 4346 §7.4.1.3): no session, TLS_RSA_WITH_AES_128_CBC_SHA.
    for minor in [1, 2] {
        let mut hello = vec![3, minor];
        hello.extend([0x42; 32]);
        hello.extend([0, 0x00, 0x2f, 0]);
        let length = u8::try_from(hello.len()).unwrap();
        let record = [&[0x16, 3, minor, 0, length + 4, 2, 0, 0, length], &hello[..]].concat();
        for args in [&[][..], &["-k"]] {
            let record = record.clone();
            let server = Server::once(move |mut peer| {
                peer.first_byte();
                peer.write(&record);
                peer.wait_for_end();
            });
            let out = wstap(&["connect", &server.url().replace("ws:", "wss:")]).args(args).run();
            server.join();
            out.exits(13).says("does not support TLS 1.2 or 1.3");
        }
    }
}

#[test]
fn session_keys_are_written_only_where_that_is_asked_for() {
    let root = Root::new();
    let leaf = root.sign("localhost", 2000, 2100);
    let (ca, keys) = (root.file(), root.path("keys"));
    let connect = |args: &[&str]| {
        let (url, server) = serve(config(&leaf));
        let keys = keys.to_str().unwrap();
        let out =
            wstap(&["connect", "-4", &url, "--cacert", &ca]).args(args).env("SSLKEYLOGFILE", keys).run();
        server.join().unwrap();
        out
    };
    connect(&[]).exits(0);
    assert!(!keys.exists());
    for times in 1..3 {
        let out = connect(&["--tls-keylog", "-q"]);
        out.exits(0).says("warning: ").says("can decrypt this connection");
        let text = std::fs::read_to_string(&keys).unwrap();
        assert_eq!(text.lines().filter(|line| line.starts_with("CLIENT_TRAFFIC_SECRET_0 ")).count(), times);
    }
    assert_eq!(std::fs::metadata(&keys).unwrap().permissions().mode() & 0o777, 0o600);
    wstap(&["connect", "wss://localhost:9/", "--tls-keylog"]).run().exits(2).says("SSLKEYLOGFILE");
}

#[test]
fn named_roots_that_cannot_be_used_are_an_error_and_no_others_take_their_place() {
    let root = Root::new();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    let [nowhere, empty, notes, endless, huge, folders] =
        ["nowhere", "empty", "notes.pem", "endless", "huge", "folders"].map(at);
    std::fs::create_dir(&empty).unwrap();
    std::fs::write(&notes, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n").unwrap();
    for name in [&endless, &folders] {
        std::fs::create_dir(name).unwrap();
    }
    std::os::unix::fs::symlink("/dev/zero", format!("{endless}/0a1b2c3d.0")).unwrap();
    std::fs::File::create(&huge).unwrap().set_len((16 << 20) + 1).unwrap();
    let mine = root.file();
    let both = format!("{empty}:{folders}");
    // A connection would be refused, with another status.
    let run = |file: &str, folder: &str| {
        let run = wstap(&["connect", "wss://127.0.0.1:1/", "--no-reconnect"]);
        run.env("SSL_CERT_FILE", file).env("SSL_CERT_DIR", folder).run()
    };
    for file in [&nowhere, &notes, &empty, &huge, "/dev/zero", "/dev/null"] {
        run(file, "").exits(2).says("SSL_CERT_FILE").says(file);
    }
    for folder in [&nowhere, &notes, &empty, &endless, &both, "/dev/null"] {
        run("", folder).exits(2).says("SSL_CERT_DIR").says(folder.split(':').next().unwrap());
        run(&notes, folder).exits(2).says("SSL_CERT_FILE").says("SSL_CERT_DIR");
        run(&mine, folder).exits(11).says("connection refused");
    }
    run("", "").exits(11);
    // If one of them can be used, the other is a warning.
    let leaf = root.sign("localhost", 2000, 2100);
    for (file, folder, name) in [(&mine, &nowhere, "SSL_CERT_DIR"), (&nowhere, &empty, "SSL_CERT_FILE")] {
        std::fs::write(format!("{empty}/root.pem"), pem(root.authority.der())).unwrap();
        let (url, server) = serve(config(&leaf));
        let out =
            wstap(&["connect", "-4", &url]).env("SSL_CERT_FILE", file).env("SSL_CERT_DIR", folder).run();
        server.join().unwrap();
        out.exits(0).says("warning: ").says(&format!("{name}: {nowhere}: "));
    }
}

#[test]
fn roots_of_the_system_are_found_in_its_bundle_and_in_its_folder() {
    let (root, stranger) = (Root::new(), Root::named("stranger"));
    let leaf = root.sign("localhost", 2000, 2100);
    let folder = tempfile::tempdir().unwrap();
    let folder_of = |root: &Root, name: &str| {
        let folder = folder.path().join(name);
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("root.pem"), pem(root.authority.der())).unwrap();
        folder.display().to_string()
    };
    let (with, without) = (folder_of(&root, "with"), folder_of(&stranger, "without"));
    let empty = folder.path().join("empty.pem");
    std::fs::File::create(&empty).unwrap().write_all(b"nothing").unwrap();
    let (mine, theirs, empty) = (root.file(), stranger.file(), empty.display().to_string());
    let cases = [
        (Some(&mine), None, 0),
        (Some(&mine), Some(&without), 0),
        (None, Some(&with), 0),
        (Some(&theirs), Some(&with), 0),
        (Some(&empty), Some(&with), 0),
        (Some(&theirs), Some(&without), 13),
        (Some(&theirs), None, 13),
        (None, Some(&without), 13),
    ];
    for (file, folder, exit) in cases {
        let (url, server) = serve(config(&leaf));
        let mut run = wstap(&["connect", "-4", &url]);
        for (name, value) in [("SSL_CERT_FILE", file), ("SSL_CERT_DIR", folder)] {
            if let Some(value) = value {
                run = run.env(name, value);
            }
        }
        let out = run.run();
        server.join().unwrap();
        out.exits(exit);
    }
}
