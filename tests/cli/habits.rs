//! What people who know curl, jq, wscat and websocat type, and what they expect of it.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::thread;

use crate::harness::{Output, Peer, Server, header, wstap};
use crate::probe_tls::{Leaf, Root, ca, config, pem, serve};
use crate::servers::{connect, greeted};

/// One message through `connect --from -`.
fn piped(message: &str, args: &[&str]) -> Output {
    wstap(&["connect", "-q", "--from", "-"]).args(args).stdin(message).run()
}

#[test]
fn a_url_or_a_profile_alone_is_connect() {
    let greeted = |words: &[&str], config: &str| {
        let home = tempfile::tempdir().unwrap();
        fs::create_dir(home.path().join("wstap")).unwrap();
        let server = Server::websocket(|peer| peer.close_well(1000));
        let filled = |text: &str| text.replace("PORT", &server.port.to_string());
        fs::write(home.path().join("wstap/config.toml"), filled(config)).unwrap();
        let words: Vec<String> = words.iter().map(|word| filled(word)).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        wstap(&words).env("XDG_CONFIG_HOME", &home.path().display().to_string()).run().exits(0);
        server.join();
    };
    greeted(&["ws://127.0.0.1:PORT/"], "");
    greeted(&["127.0.0.1:PORT"], "");
    greeted(&["-q", "--log-format", "json", "ws://127.0.0.1:PORT/"], "");
    greeted(&["-x", "hi", "ws://127.0.0.1:PORT/"], "");
    greeted(&["-c", "ws://127.0.0.1:PORT/"], "");
    greeted(&["@p"], "[profile.p]\nurl = 'ws://127.0.0.1:PORT/'");
    wstap(&["nonsense"]).run().exits(2).says("nonsense");
    wstap(&["-x", "subscribe", "ws://127.0.0.1:9/"]).run().exits(2);
}

#[test]
fn commands_have_short_names() {
    for (short, long) in [
        ("sub", "subscribe"),
        ("watch", "watch-campaign"),
        ("probe", "probe-handshake"),
        ("mock", "serve-mock"),
    ] {
        let help = |name: &str| wstap(&[name, "-h"]).run().exits(0).stdout.clone();
        assert_eq!(help(short), help(long));
    }
    let run = wstap(&["sub", "-d", "voipbin", "--mock=--events 1 --then close", "customer_id:c:call:*"]);
    let run = run.args(&["--count", "1"]).env("WSTAP_NO_RECONNECT", "1");
    assert_eq!(run.run().exits(0).lines().len(), 1);
}

#[test]
fn mistakes_on_the_command_line_are_errors_like_all_others() {
    for (words, what, hint) in [
        (&["connect", "--filtr", "."][..], "unknown option '--filtr'", "use --filter"),
        (&["connect", "--raw"], "unknown option '--raw'", "use --raw-output"),
        (&["connect", "--oauth2-bearer", "t"], "unknown option '--oauth2-bearer'", "use --bearer TOKEN"),
        (
            &["connect", "--bogus"],
            "unknown option '--bogus'",
            "run `wstap connect --help` to list all options",
        ),
        (&["serve-mock", "-Z"], "unknown option '-Z'", "run `wstap serve-mock --help` to list all options"),
        (&["connect", "ws://x", "more"], "unexpected argument 'more'", "run `wstap connect --help`"),
        (&["conect"], "unknown command 'conect'", "use `wstap connect`"),
        (
            &["connect", "--overflow", "no"],
            "invalid value 'no' for '--overflow <WHAT>'",
            "use one of: block, spill",
        ),
        (
            &["connect", "--count", "x"],
            "invalid value 'x' for '--count <N>': expected a whole number",
            "--help",
        ),
        (&["connect", "--count", "0"], "invalid value '0' for '--count <N>': 0 is less than 1", "--help"),
        (&["connect", "--until"], "a value is required for '--until <EXPR>'", "run `wstap connect --help`"),
        (&["--bogus"], "unknown option '--bogus'", "run `wstap --help` to list commands and options"),
    ] {
        let out = wstap(words).run();
        out.exits(2).says(&format!("wstap: error: {what}\n  hint: ")).says(hint);
        assert!(!out.stderr.contains("Usage:") && !out.stderr.contains("tip:"), "{}", out.stderr);
    }
    let out = wstap(&["connect", "--log-format", "json", "--filtr"]).run();
    let error: serde_json::Value = serde_json::from_str(&out.exits(2).stderr).unwrap();
    assert_eq!((&error["level"], &error["hint"]), (&"error".into(), &"use --filter".into()));
    let out = wstap(&["connect", "--log-format=json", "-f", ".a |", "--mock"]).run();
    let error: serde_json::Value = serde_json::from_str(&out.exits(3).stderr).unwrap();
    assert!(error["details"].is_array(), "one error is one object: {error}");
}

#[test]
fn the_short_help_is_short() {
    for command in ["connect", "subscribe", "watch-campaign", "probe-handshake", "serve-mock"] {
        let help = |flag: &str| wstap(&[command, flag]).run().exits(0).stdout.clone();
        let is_option = |line: &&str| line.starts_with("  -") || line.starts_with("      --");
        let short = help("-h");
        // Fifteen, and --help, --quiet and --verbose.
        assert_eq!(short.lines().filter(is_option).count(), 18, "{short}");
        assert!(short.contains(&format!("Run `wstap {command} --help` to list all options.")), "{short}");
        assert!(help("--help").lines().filter(is_option).count() > 30);
    }
}

#[test]
fn a_tip_leads_to_nothing_that_is_unsafe() {
    for slip in ["--insecur", "--insecured", "--no-chek", "--show-secret"] {
        let out = wstap(&["connect", "ws://127.0.0.1:9/", slip]).run();
        out.exits(2).says(slip);
        assert!(!out.stderr.contains("--insecure ") && !out.stderr.contains("--insecure'"), "{}", out.stderr);
        assert!(
            !out.stderr.contains("--show-secrets ") && !out.stderr.contains("--show-secrets'"),
            "{}",
            out.stderr
        );
    }
    wstap(&["connect", "ws://127.0.0.1:9/", "--max-tim", "1"]).run().exits(2).says("--max-time");
    let out = wstap(&["connect", "ws://127.0.0.1:9/", "-E"]).run();
    out.exits(2).says("--linger 0").says("-x '-E'");
    assert!(!out.stderr.contains("use '-- -E'"), "{}", out.stderr);
    wstap(&["serve-mock", "-Z"]).run().exits(2).says("--help");
    wstap(&["host.test"]).run().exits(2).says("wss://host.test (with TLS)");
    let out = wstap(&["connect", "--mock", "-x", "hi", "--count", "1"]).env("WSTAP_INSECUR", "1").run();
    assert!(
        !out.exits(0).says("WSTAP_INSECUR is ignored").stderr.contains("WSTAP_INSECURE"),
        "{}",
        out.stderr
    );
}

#[test]
fn a_bare_number_is_seconds() {
    let ended = |args: &[&str], env: &[(&str, &str)]| {
        let run = wstap(&["connect", "--mock"]).args(args);
        env.iter().fold(run, |run, (name, value)| run.env(name, value)).run()
    };
    ended(&["--max-time", "1"], &[]).exits(0);
    ended(&[], &[("WSTAP_MAX_TIME", "1")]).exits(0);
    assert_eq!(wstap(&["connect", "--mock", "-w", ".2"]).stdin("a\n").run().exits(0).lines(), ["\"a\""]);
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    // In files, a number is one as well.
    let scenario = write("s.toml", "[[scenario]]\npath = '/*'\nsteps = [{ wait = 0.01 }, { close = 1000 }]");
    ended(&[&format!("--mock=--scenario {scenario}")], &[]).exits(0);
    let dialect = write("d.toml", "name = 'd'\n[keepalive]\nsend = 'ping'\nevery = 0.05");
    let out = ended(&["-d", &dialect, "--count", "1"], &[]);
    out.exits(2);
    let server = Server::websocket(|peer| {
        assert_eq!(peer.read_text().as_deref(), Some("ping"));
        peer.close_well(1000);
    });
    wstap(&["connect", &server.url(), "-d", &dialect]).run().exits(0);
    server.join();
}

#[test]
fn the_flags_of_jq_do_what_they_do_in_jq() {
    let message = "{\"b\":[1.0],\"a\":\"\u{e9}\"}\n";
    let shown = |args: &[&str]| piped(message, args).exits(0).stdout.clone();
    assert_eq!(shown(&["-c", "--unbuffered", "-f", ".b"]), "[1.0]\n");
    assert_eq!(shown(&["-S"]), "{\"a\":\"\u{e9}\",\"b\":[1.0]}\n");
    assert_eq!(shown(&["-S", "-f", "{c: ., a: 1}"]), "{\"a\":1,\"c\":{\"a\":\"\u{e9}\",\"b\":[1.0]}}\n");
    assert_eq!(shown(&["-a", "-f", ".a"]), "\"\\u00e9\"\n");
    assert_eq!(shown(&["--tab", "-f", ".b"]), "[\n\t1.0\n]\n");
    assert_eq!(shown(&["--indent", "3", "-f", ".b"]), "[\n   1.0\n]\n");
    assert_eq!(shown(&["--tab", "--indent", "1", "-f", ".b"]), "[\n 1.0\n]\n");
    assert_eq!(shown(&["--pretty", "-c", "-f", ".b"]), "[1.0]\n");
    assert_eq!(shown(&["--seq", "-f", ".b"]), "\u{1e}[1.0]\n");
    let positional = ["-c", "-f", "$ARGS.positional", "--args", "x", "y", "--jsonargs", "1", "{}"];
    assert_eq!(shown(&positional), "[\"x\",\"y\",1,{}]\n");
    piped(message, &["--indent", "8"]).exits(2);
    piped(message, &["--jsonargs", "x"]).exits(2).says("--jsonargs");
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        fs::write(folder.path().join(name), text).unwrap();
        folder.path().join(name).display().to_string()
    };
    let text = file("text", "x\ny\n");
    assert_eq!(shown(&["--rawfile", "t", &text, "-f", "$t"]), "\"x\\ny\\n\"\n");
    let program = file("prog.jq", ".b");
    piped(message, &["-f", &program]).exits(3).says(&format!("--filter-file {program}"));
    // Sorting goes as deep as a message may.
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    assert_eq!(piped(&deep, &["-S"]).exits(0).stdout.trim_end(), deep);
}

#[test]
fn retries_ask_to_reconnect() {
    let refuse = |mut peer: Peer| {
        peer.request();
        peer.write(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
    };
    let greet = |mut peer: Peer| {
        peer.accept();
        peer.text("up");
        peer.close_well(1000);
    };
    let server = Server::scripts(vec![Box::new(refuse), Box::new(greet)]);
    let run = wstap(&["connect", &server.url(), "--retries", "5", "--reconnect-max-delay", "10ms"]);
    let out = run.run();
    assert_eq!(out.exits(0).stdout, "\"up\"\n");
    assert!(!out.stderr.contains("no effect"), "{}", out.stderr);
    server.join();
    // A delay alone does not reconnect, and that is said.
    let server = Server::once(refuse);
    let out = wstap(&["connect", &server.url(), "--reconnect-delay", "10ms"]).run();
    out.exits(14).says("no effect without --reconnect");
    server.join();
    let server = Server::once(|mut peer| {
        peer.request();
        peer.write(b"HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n");
    });
    wstap(&["connect", &server.url(), "--retries", "5", "--no-reconnect"]).run().exits(14);
    server.join();
}

#[test]
fn a_mock_beside_a_url_is_a_mistake() {
    for words in [
        &["connect", "ws://127.0.0.1:9/"][..],
        &["subscribe", "-d", "voipbin", "ws://127.0.0.1:9/", "customer_id:c:call:*"],
        &["watch-campaign", "--url", "ws://127.0.0.1:9/", "42"],
        &["probe-handshake", "ws://127.0.0.1:9/"],
    ] {
        wstap(words).args(&["--mock"]).run().exits(2).says("--mock").says("remove the URL");
    }
    // A URL that was not typed is only a default.
    let run = wstap(&["connect", "--mock", "-x", "hi", "--count", "1"]).env("WSTAP_URL", "ws://127.0.0.1:9/");
    assert_eq!(run.run().exits(0).stdout, "\"hi\"\n");
}

#[test]
fn a_variable_that_no_option_reads_is_a_warning() {
    let run = |name: &str, args: &[&str]| {
        wstap(&["connect", "--mock", "-x", "hi", "--count", "1"]).args(args).env(name, "1").run()
    };
    run("WSTAP_MAX_TYME", &[])
        .exits(0)
        .says("WSTAP_MAX_TYME is ignored")
        .says("did you mean WSTAP_MAX_TIME?");
    run("WSTAP_ARG", &[]).exits(0).says("WSTAP_ARG is ignored");
    for known in ["WSTAP_RATE", "WSTAP_MOCK_URL", "WSTAP_VERBOSE", "NOT_WSTAP_X"] {
        let out = run(known, &[]);
        assert!(!out.exits(0).stderr.contains("is ignored"), "{known}: {}", out.stderr);
    }
    assert_eq!(run("WSTAP_MAX_TYME", &["-q"]).stderr, "");
}

#[test]
fn connect_follows_the_whole_file_of_a_dialect() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("d.toml");
    let server = Server::websocket(|peer| {
        assert_eq!(peer.read_text().as_deref(), Some("hello s3cr3t77"));
        peer.text(r#"{"type":"ping"}"#);
        assert_eq!(peer.read_text().as_deref(), Some("pong"));
        peer.text(r#"{"type":"news","id":"a"}"#);
        peer.text(r#"{"type":"news","id":"a"}"#);
        peer.close(4401, "");
        peer.read_close();
    });
    let text = format!(
        "name = 'd'\nurl = '{}'\n[credential]\nin = 'message'\nenv = 'D_KEY'\n\
         [greeting]\nsend = 'hello {{token}}'\n[subscribe]\nsend = '{{topics}}'\n\
         [[reply]]\nto = {{ type = 'ping' }}\nsend = 'pong'\n[event]\nid = '/id'\n\
         [close]\n4401 = {{ meaning = 'not allowed', exit = 'credentials' }}\n",
        server.url()
    );
    fs::write(&path, text).unwrap();
    let out = wstap(&["connect", "-v", "-d", &path.display().to_string()]).env("D_KEY", "s3cr3t77").run();
    // It has a URL, greets, answers, knows an event that comes twice, and what the code means.
    assert_eq!(out.exits(16).says("not allowed").stdout, "{\"type\":\"news\",\"id\":\"a\"}\n");
    assert!(!out.stderr.contains("s3cr3t77"), "{}", out.stderr);
    server.join();
}

#[test]
fn a_mock_sees_query_headers_and_subprotocols() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.toml");
    let text = "[[scenario]]\npath = '/room/*?user=7&a=x*'\nsteps = [{ send = 'seven' }]\n\
                [[scenario]]\npath = '/room/*'\nsteps = [{ jq = '[$query, $headers[\"x-a\"], $subprotocols]' }]";
    fs::write(&file, text).unwrap();
    let mut mock =
        wstap(&["serve-mock", "--announce", "json", "--scenario", &file.display().to_string()]).spawn();
    let announcement: serde_json::Value = serde_json::from_str(&mock.line()).unwrap();
    let first = |target: &str, args: &[&str]| {
        let url = format!("ws://127.0.0.1:{}{target}", announcement["port"]);
        wstap(&["connect", &url, "--count", "1"]).args(args).run().exits(0).stdout.clone()
    };
    assert_eq!(first("/room/1?b=1&a=x%20y&user=7", &[]), "\"seven\"\n");
    let others = first("/room/1?user=8&q=a+b", &["-H", "X-A: 1", "-H", "x-a: 2", "-s", "p,q"]);
    assert_eq!(others, "[{\"q\":\"a b\",\"user\":\"8\"},\"1, 2\",[\"p\",\"q\"]]\n");
    drop(mock);
    let run = wstap(&["connect", "--mock=--on '$query.a'", "-x", "hi", "--count", "1"]);
    assert_eq!(run.run().exits(0).stdout, "null\n");
}

#[test]
fn proxies_are_chosen_as_their_variables_are_written() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let proxy = thread::spawn(move || {
        let mut first = [0];
        std::io::Read::read_exact(&mut listener.accept().unwrap().0, &mut first).unwrap();
        first[0]
    });
    connect(&["ws://192.0.2.1:9/"], &[("ALL_PROXY", "socks://127.0.0.1:PORT/")], port).exits(12);
    assert_eq!(proxy.join().unwrap(), 5);
    let around = [("http_proxy", "http://127.0.0.1:1"), ("no_proxy", "*.corp.test")];
    greeted(&["--resolve", "a.corp.test:PORT:127.0.0.1", "ws://a.corp.test:PORT/"], &around);
}

#[test]
fn an_ipv6_address_may_have_a_zone() {
    let listener = TcpListener::bind("[::1]:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = thread::spawn(move || {
        let hosts = (0..2).map(|_| {
            let (mut stream, _) = listener.accept().unwrap();
            let lines: Vec<String> = BufReader::new(&stream)
                .lines()
                .map_while(Result::ok)
                .take_while(|line| !line.is_empty())
                .collect();
            stream.write_all(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n").unwrap();
            header(&lines.join("\r\n"), "Host").unwrap().to_owned()
        });
        hosts.collect::<Vec<_>>()
    });
    connect(&["ws://[::1%25lo]:PORT/"], &[], port).exits(17).says("[::1%25lo]");
    connect(&["ws://h.test/", "--connect-to", "h.test:80:[::1%lo]:PORT"], &[], port).exits(17);
    assert_eq!(server.join().unwrap(), [format!("[::1]:{port}"), "h.test".to_owned()]);
    wstap(&["connect", "ws://[fe80::1%25nosuch]:9/"])
        .run()
        .exits(10)
        .says("unknown network interface nosuch");
}

#[test]
fn international_names_are_converted_and_look_alikes_shown() {
    let (out, request) =
        greeted(&["--resolve", "b\u{fc}cher.test:PORT:127.0.0.1", "ws://B\u{dc}cher.test:PORT/"], &[]);
    assert!(header(&request, "Host").unwrap().starts_with("xn--bcher-kva.test:"), "{request}");
    assert!(!out.stderr.contains("mixes scripts"), "{}", out.stderr);
    let (out, _) = greeted(&["--connect-to", "::127.0.0.1:PORT", "ws://\u{430}pple.test/"], &[]);
    out.says("\u{430}pple.test (xn--pple-43d.test) mixes scripts");
}

/// A server that wants Digest and checks no more than that it gets it; the `Authorization` of each request.
fn wants_digest(args: &[&str], challenges: &'static str) -> (Output, Vec<Option<String>>) {
    let (sender, seen) = std::sync::mpsc::channel();
    let script = move |is_last: bool| {
        let sender = sender.clone();
        let script: Box<dyn FnOnce(Peer) + Send> = Box::new(move |mut peer: Peer| {
            if is_last {
                sender.send(header(&peer.accept(), "Authorization").map(str::to_owned)).unwrap();
                return peer.close_well(1000);
            }
            sender.send(header(&peer.request(), "Authorization").map(str::to_owned)).unwrap();
            peer.write(format!("HTTP/1.1 401 No\r\n{challenges}Content-Length: 0\r\n\r\n").as_bytes());
        });
        script
    };
    let server = Server::scripts(vec![script(false), script(true)]);
    let out = connect(&[&["URL?x=1"], args].concat(), &[], server.port);
    server.join();
    (out, seen.try_iter().collect())
}

#[test]
fn digest_is_answered_where_the_server_asks_for_it() {
    const ASKS: &str =
        "WWW-Authenticate: Basic realm=\"x\", Digest realm=\"cam\", nonce=\"abc\", qop=\"auth\"\r\n";
    let (out, seen) = wants_digest(&["-u", "admin:s3cr3t77", "-v"], ASKS);
    out.exits(0);
    let digest = seen[1].as_deref().unwrap();
    assert!(seen[0].as_deref().unwrap().starts_with("Basic "), "{seen:?}");
    assert!(
        digest.starts_with("Digest username=\"admin\", realm=\"cam\", nonce=\"abc\", uri=\"/?x=1\""),
        "{digest}"
    );
    assert!(!out.stderr.contains("s3cr3t77"), "{}", out.stderr);
    let (out, seen) = wants_digest(&["-u", "admin:s3cr3t77", "--digest"], ASKS);
    out.exits(0);
    assert_eq!(seen[0], None);
    wstap(&["connect", "ws://127.0.0.1:9/", "--digest"]).run().exits(2).says("--user");
}

#[test]
fn credentials_that_were_given_are_not_asked_for() {
    let refused = |args: &[&str], challenge: &str| {
        let challenge = challenge.to_owned();
        let server = Server::once(move |mut peer| {
            peer.request();
            peer.write(format!("HTTP/1.1 401 No\r\n{challenge}Content-Length: 0\r\n\r\n").as_bytes());
        });
        let out = connect(&[&["URL"], args].concat(), &[], server.port);
        server.join();
        out.exits(16);
        out
    };
    refused(&[], "WWW-Authenticate: Digest nonce=\"n\"\r\n").says("give user and password with -u");
    refused(&[], "").says("--token-env");
    for (args, challenge) in [
        (&["-u", "a:b"][..], "WWW-Authenticate: Basic realm=\"r\"\r\n"),
        (&["-u", "a:b"], "WWW-Authenticate: Digest nonce=\"n\", algorithm=SHA-512-256\r\n"),
        (&["--bearer", "t"], ""),
        (&["-H", "Authorization: Bearer t"], ""),
    ] {
        let out = refused(args, challenge);
        out.says("check the credentials");
        assert!(!out.stderr.contains(" -u") && !out.stderr.contains("--bearer"), "{}", out.stderr);
    }
}

#[test]
fn cookies_are_sent_and_follow_a_redirect_on_the_same_site() {
    let (out, request) = greeted(&["URL", "-v", "-b", "a=s3cr3t77", "-b", "b=2; c=3"], &[]);
    assert_eq!(header(&request, "Cookie"), Some("a=s3cr3t77; b=2; c=3"));
    assert!(!out.stderr.contains("s3cr3t77"), "{}", out.stderr);
    wstap(&["connect", "ws://127.0.0.1:9/", "-b", "s3cr3t77"]).run().exits(2).says("--cookie").says("NAME=");
    let (sender, seen) = std::sync::mpsc::channel();
    let redirect = |mut peer: Peer| {
        peer.request();
        let head = "HTTP/1.1 302 There\r\nLocation: /in\r\nSet-Cookie: s=1; Path=/\r\nSet-Cookie: x=1; Path=/other\r\n";
        peer.write(format!("{head}Set-Cookie: a=new\r\nContent-Length: 0\r\n\r\n").as_bytes());
    };
    let greet = move |mut peer: Peer| {
        sender.send(peer.accept()).unwrap();
        peer.close_well(1000);
    };
    let server = Server::scripts(vec![Box::new(redirect), Box::new(greet)]);
    connect(&["URL", "-L", "-b", "a=old; b=2"], &[], server.port).exits(0);
    assert_eq!(header(&seen.recv().unwrap(), "Cookie"), Some("b=2; s=1; a=new"));
    server.join();
}

/// A certificate of its own, for signing others or not, and its file.
fn own(name: &str, is_ca: bool) -> (Leaf, tempfile::NamedTempFile) {
    let mut params = if is_ca { ca("own") } else { rcgen::CertificateParams::default() };
    params.subject_alt_names = vec![rcgen::SanType::DnsName(name.try_into().unwrap())];
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), certificate.pem()).unwrap();
    (Leaf { chain: vec![certificate.der().clone()], key }, file)
}

#[test]
fn the_servers_own_certificate_can_be_trusted_alone() {
    let tried = |leaf: &Leaf, file: &std::path::Path| {
        let (url, server) = serve(config(leaf));
        let out = wstap(&["connect", "-4", &url, "--cacert", &file.display().to_string()]).run();
        server.join().unwrap();
        out
    };
    for is_ca in [true, false] {
        let (leaf, file) = own("localhost", is_ca);
        tried(&leaf, file.path()).exits(0);
        // Another one of the same name is not that certificate, and has no -k in its hint where nothing else helps.
        let (other, _) = own("localhost", is_ca);
        tried(&other, file.path()).exits(13);
        let (elsewhere, file) = own("other.test", is_ca);
        tried(&elsewhere, file.path()).exits(13).says("not for localhost");
    }
    // One that somebody else has signed is as good.
    let leaf = Root::new().sign("localhost", 2000, 2100);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), pem(&leaf.chain[0])).unwrap();
    tried(&leaf, file.path()).exits(0);
    let over = Root::new().sign("localhost", 2000, 2001);
    fs::write(file.path(), pem(&over.chain[0])).unwrap();
    tried(&over, file.path()).exits(13).says("expired");
}

#[test]
fn a_missing_intermediate_is_named_and_what_was_given_is_not() {
    let root = Root::new();
    let between = rcgen::CertifiedIssuer::signed_by(
        ca("between"),
        rcgen::KeyPair::generate().unwrap(),
        &*root.authority,
    );
    let leaf = crate::probe_tls::signed(&between.unwrap(), "localhost", 2000, 2100);
    let refused = |args: &[&str]| {
        let (url, server) = serve(config(&leaf));
        let out = wstap(&["connect", "-4", &url]).args(args).run();
        server.join().unwrap();
        out.exits(13).says("intermediate certificate of").says("between");
        out
    };
    refused(&[]).says("--cacert FILE");
    let out = refused(&["--cacert", &root.file()]);
    assert!(!out.stderr.contains("--cacert FILE"), "{}", out.stderr);
}

/// Is openssl there, which makes the files that people have?
#[expect(clippy::print_stderr, reason = "whoever runs the tests should know")]
fn has_openssl() -> bool {
    let is_there = std::process::Command::new("openssl").arg("version").output().is_ok();
    if !is_there {
        eprintln!("not tested: openssl");
    }
    is_there
}

/// Runs it.
fn openssl(folder: &std::path::Path, args: &[&str]) {
    let run = std::process::Command::new("openssl").args(args).current_dir(folder).output().unwrap();
    assert!(run.status.success(), "{args:?}: {}", String::from_utf8_lossy(&run.stderr));
}

/// Locks the client's key.
const LOCK: [&str; 10] =
    ["pkcs8", "-topk8", "-in", "me.key", "-out", "aes.key", "-passout", "pass:s3cr3t77", "-iter", "100"];

/// An authority with a client whose key is also there locked, as `aes.key`, and its folder. `None` without openssl.
fn with_locked_key() -> Option<(crate::servers::Authority, std::path::PathBuf)> {
    if !has_openssl() {
        return None;
    }
    let authority = crate::servers::Authority::new();
    authority.sign_client();
    let folder = authority.path("me.pem").parent().unwrap().to_owned();
    openssl(&folder, &LOCK);
    Some((authority, folder))
}

#[test]
fn a_client_certificate_may_be_locked() {
    let Some((authority, folder)) = with_locked_key() else { return };
    openssl(&folder, &[&LOCK[..5], &["des.key", "-v2", "des3"], &LOCK[6..]].concat());
    let p12 = [
        "pkcs12",
        "-export",
        "-in",
        "me.pem",
        "-inkey",
        "me.key",
        "-passout",
        "pass:s3cr3t77",
        "-iter",
        "100",
    ];
    openssl(&folder, &[&p12[..], &["-certfile", "ca.pem", "-out", "me.p12"]].concat());
    openssl(&folder, &["ec", "-in", "me.key", "-aes128", "-passout", "pass:s3cr3t77", "-out", "old.key"]);
    fs::write(folder.join("pass"), "s3cr3t77\n").unwrap();
    let file = |name: &str| folder.join(name).display().to_string();
    let tried = |args: &[&str]| {
        let server = authority.serve("localhost", 2100, true);
        let args: Vec<String> =
            args.iter().map(|arg| arg.strip_prefix('/').map_or_else(|| (*arg).to_owned(), &file)).collect();
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        let url = format!("wss://localhost:{}/", server.port);
        let out = wstap(&["connect", "-4", &url, "--cacert", &file("ca.pem")]).args(&args).run();
        assert!(!out.stderr.contains("s3cr3t77"), "{}", out.stderr);
        out
    };
    let pass = format!("@{}", file("pass"));
    for key in ["/aes.key", "/des.key"] {
        tried(&["--cert", "/me.pem", "--key", key, "--pass", "s3cr3t77"]).exits(0);
        tried(&["--cert", "/me.pem", "--key", key, "--pass", &pass]).exits(0);
        tried(&["--cert", "/me.pem", "--key", key, "--pass", "n0t-this"])
            .exits(2)
            .says("the passphrase is wrong");
        tried(&["--cert", "/me.pem", "--key", key]).exits(2).says("a passphrase is needed").says("--pass");
    }
    tried(&["--cert", "/me.p12", "--pass", "s3cr3t77"]).exits(0);
    tried(&["--cert", "/me.p12", "--cert-type", "P12", "--pass", "s3cr3t77"]).exits(0);
    tried(&["--cert", "/me.p12", "--pass", "n0t-this"]).exits(2).says("the passphrase is wrong");
    tried(&["--cert", "/me.pem", "--cert-type", "P12"]).exits(2).says("not a valid PKCS#12 file");
    tried(&["--cert", "/me.pem", "--key", "/old.key", "--pass", "s3cr3t77"]).exits(2).says("openssl pkcs8");
}

#[test]
fn a_passphrase_is_asked_for_on_the_terminal_and_not_shown() {
    let Some((authority, _)) = with_locked_key() else { return };
    let server = authority.serve("localhost", 2100, true);
    let url = format!("wss://localhost:{}/", server.port);
    let (ca, cert, key) = (authority.file("ca.pem"), authority.file("me.pem"), authority.file("aes.key"));
    let args = ["connect", "-4", &url, "--cacert", &ca, "--cert", &cert, "--key", &key, "--count", "1"];
    let mut terminal = crate::pty::on_pty(&args).spawn();
    terminal.shows("Passphrase of");
    terminal.keys("s3cr3t7x\x7f7\r");
    terminal.shows("\"hello\"");
    assert!(!terminal.all_bytes().contains("s3cr3t7"), "{}", terminal.all_bytes());
    terminal.exits(0);
}

#[test]
fn errors_of_the_system_have_no_numbers_and_a_hint() {
    for (words, what, hint) in [
        (
            &["connect", "--from", "nofile"][..],
            "--from nofile: No such file or directory\n",
            "check the path",
        ),
        (
            &["connect", "--mock", "--record", "/no/x"],
            "--record /no/x: No such file or directory\n",
            "check the path",
        ),
        (&["connect", "--mock", "-o", "/"], "--output /: Is a directory\n", "name a file, not a directory"),
        (
            &["connect", "wss://127.0.0.1:1", "--cacert", "/no/x"],
            "/no/x: No such file or directory\n",
            "check the path",
        ),
        (&["connect", "ws://"], "missing host\n", "give a URL such as wss://host/path"),
    ] {
        let out = wstap(words).run();
        assert_ne!(out.code, Some(0));
        out.says(what).says(&format!("  hint: {hint}"));
    }
    let out = wstap(&["connect", "ws://127.0.0.1:1"]).run();
    assert_eq!(out.exits(11).stderr.matches("connection refused").count(), 1);
}
