//! Connection options, as the server sees them.

use std::io::Read;
use std::os::unix::net::UnixListener;
use std::thread;

use crate::harness::{Server, header, wstap};
use crate::servers::{Authority, answered, closed_port, connect, greeted};

/// The values of a header, in order.
fn values<'a>(request: &'a str, name: &str) -> Vec<&'a str> {
    let pairs = request.lines().filter_map(|line| line.split_once(": "));
    pairs.filter(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
}

#[test]
fn headers_arrive_and_never_eat_the_url() {
    let cases: &[(&[&str], &str, &[&str])] = &[
        (&["-H", "X-A: b", "URL"], "X-A", &["b"]),
        (&["URL", "-H", "X-A: b"], "X-A", &["b"]),
        (&["-H", "X-A: b", "-H", "x-a: c", "URL"], "X-A", &["b", "c"]),
        (&["-H", "User-Agent:", "URL"], "User-Agent", &[]),
        (&["-H", "User-Agent: me", "URL"], "User-Agent", &["me"]),
        (&["-H", "Host: other.test", "URL"], "Host", &["other.test"]),
        (&["--origin", "https://app.test", "URL"], "Origin", &["https://app.test"]),
        (&["URL"], "Origin", &[]),
        (&["-s", "a", "-s", "b,c", "URL"], "Sec-WebSocket-Protocol", &["a, b, c"]),
        (&["-u", "u:p", "URL"], "Authorization", &["Basic dTpw"]),
        (&["--auth", "u:p:q", "URL"], "Authorization", &["Basic dTpwOnE="]),
        (&["ws://u:p@127.0.0.1:PORT/"], "Authorization", &["Basic dTpw"]),
        (&["-u", "u:p", "ws://x:y@127.0.0.1:PORT/"], "Authorization", &["Basic dTpw"]),
        (&["--bearer", "tok", "URL"], "Authorization", &["Bearer tok"]),
        (&["--token", "tok", "URL"], "Authorization", &["Bearer tok"]),
        (&["--token", "tok", "--token-in", "header", "URL"], "token", &["tok"]),
        (&["--token", "tok", "--token-in", "header:X-Key", "URL"], "X-Key", &["tok"]),
        (
            &["--token", "tok", "--token-in", "bearer", "-d", "voipbin", "URL"],
            "Authorization",
            &["Bearer tok"],
        ),
        (&["ws://localhost:PORT/", "-4"], "Host", &["localhost:PORT"]),
        (&["--resolve", "h.test:PORT:127.0.0.1", "ws://h.test:PORT/"], "Host", &["h.test:PORT"]),
        (&["--connect-to", "h.test:80:127.0.0.1:PORT", "ws://h.test/"], "Host", &["h.test"]),
        (&["--connect-to", "::127.0.0.1:PORT", "ws://h.test/"], "Host", &["h.test"]),
    ];
    for (args, name, expected) in cases {
        let (_, request) = greeted(args, &[]);
        let host = header(&request, "host").unwrap_or_default();
        let port = host.rsplit(':').next().unwrap_or_default();
        let expected: Vec<String> = expected.iter().map(|value| value.replace("PORT", port)).collect();
        assert_eq!(values(&request, name), expected, "{args:?}\n{request}");
    }
}

#[test]
fn headers_and_credentials_come_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let headers = format!("@{}", file("headers", "X-A: 1\r\n\nX-A: 2\nCookie: c=d\n"));
    let (_, request) = greeted(&["-H", &headers, "URL"], &[]);
    assert_eq!((values(&request, "X-A"), values(&request, "Cookie")), (vec!["1", "2"], vec!["c=d"]));
    let user = format!("@{}", file("user", "u:p\n"));
    let (_, request) = greeted(&["-u", &user, "URL"], &[]);
    assert_eq!(values(&request, "Authorization"), ["Basic dTpw"]);
    let (_, request) = greeted(&["--token-file", &file("token", "from-file\nmore\n"), "URL"], &[]);
    assert_eq!(values(&request, "Authorization"), ["Bearer from-file"]);
    let out = wstap(&["connect", "-H", "@/nonexistent/x", "ws://127.0.0.1:1/"]).run();
    out.exits(2).says("--header: cannot read the file");
    wstap(&["connect", "--token-file", &file("empty", "\n"), "ws://h/"])
        .run()
        .exits(2)
        .says("first line is empty");
}

#[test]
fn the_token_stands_where_it_was_asked_for() {
    let env = [("MY", "a b/c&d+é"), ("VOIPBIN_TOKEN", "from-env")];
    let encoded = "a%20b%2Fc%26d%2B%C3%A9";
    let cases: &[(&[&str], String)] = &[
        (&["--token-env", "MY", "--token-in", "query", "URL"], format!("/?token={encoded}")),
        (&["--token-env", "MY", "--token-in", "query:key", "URL"], format!("/?key={encoded}")),
        (
            &["--token-env", "MY", "--token-in", "query", "ws://127.0.0.1:PORT/p?a=b"],
            format!("/p?a=b&token={encoded}"),
        ),
        (&["--token-env", "MY", "-d", "voipbin", "URL"], format!("/?token={encoded}")),
        (&["-d", "voipbin", "URL"], "/?token=from-env".into()),
        (&["ws://127.0.0.1:PORT/v1.0/ws"], "/v1.0/ws?token=from-env".into()),
        (&["ws://127.0.0.1:PORT/v1.0/ws?token=typed"], "/v1.0/ws?token=typed".into()),
        (&["-d", "plain", "URL"], "/".into()),
        (&["--token-env", "MY", "--accesskey", "-d", "voipbin", "URL"], format!("/?accesskey={encoded}")),
        (
            &["--token", "new", "--token-in", "query", "ws://127.0.0.1:PORT/p?token=old&a=b"],
            "/p?a=b&token=new".into(),
        ),
    ];
    for (args, target) in cases {
        let (_, request) = greeted(args, &env);
        assert_eq!(request.split(' ').nth(1), Some(target.as_str()), "{args:?}");
    }
    // A provider may know several kinds of credential, each with its variable.
    let (_, request) = greeted(&["-d", "voipbin", "URL"], &[("VOIPBIN_ACCESSKEY", "k")]);
    assert_eq!(request.split(' ').nth(1), Some("/?accesskey=k"));
    let out = wstap(&["connect", "--token-env", "UNSET", "ws://h/"]).run();
    out.exits(2).says("--token-env").says("environment variable is not set");
    wstap(&["connect", "--token", "t", "--token-in", "cookie", "ws://h/"]).run().exits(2).says("query:NAME");
}

#[test]
fn the_chosen_subprotocol_is_in_the_open_record() {
    let server = Server::once(|mut peer| {
        peer.accept_with("Sec-WebSocket-Protocol: b\r\n");
        peer.close_well(1000);
    });
    let out = wstap(&["connect", &server.url(), "--envelope", "-s", "a,b"]).run();
    out.exits(0);
    assert_eq!(out.records("open")[0]["subprotocol"], "b");
    // None chosen is legal, and worth a word.
    let (out, _) = greeted(&["-s", "a", "URL"], &[]);
    out.says("subprotocol");
}

#[test]
fn only_addresses_of_the_asked_family_are_used() {
    let (_, _) = greeted(&["-4", "--resolve", "h.test:PORT:[::1],127.0.0.1", "ws://h.test:PORT/"], &[]);
    let port = closed_port();
    let both = ["--resolve", "h.test:PORT:127.0.0.1,[::1]", "ws://h.test:PORT/"];
    let out = connect(&[&["-6"], &both[..]].concat(), &[], port);
    assert!(out.stderr.contains("::1") && !out.stderr.contains("127.0.0.1"), "{}", out.stderr);
    let out = connect(&[&["-4"], &both[..]].concat(), &[], port);
    assert!(out.stderr.contains("127.0.0.1") && !out.stderr.contains("::1"), "{}", out.stderr);
}

#[test]
fn unix_sockets_by_option_and_by_url() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("s").display().to_string();
    for (args, first) in [
        (vec![format!("ws+unix:{path}:/x")], "GET /x HTTP/1.1\r\nHost: localhost\r\n"),
        (
            vec!["--unix-socket".into(), path.clone(), "ws://h.test/y".into()],
            "GET /y HTTP/1.1\r\nHost: h.test\r\n",
        ),
    ] {
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let mut head = [0; 4096];
            let length = stream.read(&mut head).unwrap();
            String::from_utf8_lossy(&head[..length]).into_owned()
        });
        let args: Vec<&str> = args.iter().map(String::as_str).collect();
        wstap(&["connect"]).args(&args).run().exits(14);
        let request = server.join().unwrap();
        assert!(request.starts_with(first), "{request}");
    }
    let missing = format!("ws+unix:{}/missing", folder.path().display());
    wstap(&["connect", &missing]).run().exits(11).says("missing");
}

#[test]
fn redirects_are_followed_only_when_asked() {
    let redirect = |peer: &mut crate::harness::Peer, to: &str| {
        peer.write(format!("HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n"));
    };
    let out = answered(&["URL"], move |peer, _| redirect(peer, "/next"));
    out.exits(14).says("302 Found").says("Location: /next").says("-L");
    let server = Server::scripts(vec![
        Box::new(move |mut peer| {
            peer.request();
            redirect(&mut peer, "/next");
        }),
        Box::new(|mut peer| {
            assert!(peer.accept().starts_with("GET /next "));
            peer.close_well(1000);
        }),
    ]);
    wstap(&["connect", "-L", &server.url()]).run().exits(0);
    server.join();
    let again = move |mut peer: crate::harness::Peer| {
        peer.request();
        redirect(&mut peer, "/again");
    };
    let server = Server::scripts(vec![Box::new(again), Box::new(again)]);
    wstap(&["connect", "-L", "--max-redirects", "1", &server.url()])
        .run()
        .exits(14)
        .says("more than 1 redirect");
    server.join();
}

#[test]
fn a_silent_server_is_given_up_on_in_a_named_phase() {
    let cases: &[(&[&str], i32, &str)] = &[
        (&["URL"], 22, "upgrade"),
        (&["--proxy", "http://127.0.0.1:PORT", "ws://h.test/"], 12, "proxy"),
        (&["-k", "wss://127.0.0.1:PORT/"], 13, "TLS"),
    ];
    for (args, status, phase) in cases {
        let server = Server::once(|mut peer| peer.wait_for_end());
        let out = connect(&[args, &["--connect-timeout", "200ms"][..]].concat(), &[], server.port);
        out.exits(*status).says(phase).says("200ms");
        server.join();
    }
}

#[test]
fn a_message_beyond_the_limit_ends_the_session() {
    let big = || {
        Server::websocket(|peer| {
            peer.text(&"x".repeat(2000));
            peer.close_well(1000);
        })
    };
    let out = wstap(&["connect", "--max-message-size", "1k", &big().url()]).run();
    assert_ne!(out.code, Some(0));
    out.says("--max-message-size");
    assert_eq!(out.stdout, "");
    for size in ["2k", "0"] {
        wstap(&["connect", "--max-message-size", size, &big().url()]).run().exits(0);
    }
}

#[test]
fn certificates_are_checked() {
    let (ours, namesake, stranger) = (Authority::new(), Authority::new(), Authority::named("stranger"));
    let cases = [
        (ours.serve("localhost", 2100, false), stranger.file("ca.pem"), "unknown issuer"),
        (ours.serve("localhost", 2100, false), namesake.file("ca.pem"), "a different one with the same name"),
        (ours.serve("other.test", 2100, false), ours.file("ca.pem"), "other.test"),
        (ours.serve("localhost", 2001, false), ours.file("ca.pem"), "expired"),
    ];
    for (server, ca, say) in cases {
        connect(&["--cacert", &ca, "wss://localhost:PORT/"], &[], server.port).exits(13).says(say);
    }
    let server = ours.serve("localhost", 2100, false);
    let out = connect(&["--ca", &ours.file("ca.pem"), "wss://localhost:PORT/"], &[], server.port);
    assert_eq!(out.exits(0).stdout, "\"hello\"\n");
    let server = ours.serve("other.test", 2001, false);
    let out = connect(&["-k", "wss://localhost:PORT/"], &[], server.port);
    assert_eq!(out.exits(0).says("warning").says("certificate").stdout, "\"hello\"\n");
    for (option, file) in [("--cacert", "missing.pem"), ("--cert", "missing.pem")] {
        let out = connect(&[option, &ours.file(file), "wss://localhost:PORT/"], &[], closed_port());
        out.exits(2).says("missing.pem");
    }
}

#[test]
fn a_client_certificate_is_given_when_asked_for() {
    let ours = Authority::new();
    ours.sign_client();
    let (ca, cert, key) = (ours.file("ca.pem"), ours.file("me.pem"), ours.file("me.key"));
    let server = ours.serve("localhost", 2100, true);
    let out = connect(&["--cacert", &ca, "wss://localhost:PORT/"], &[], server.port);
    out.exits(13).says("client certificate");
    let server = ours.serve("localhost", 2100, true);
    let out = connect(
        &["--cacert", &ca, "--cert", &cert, "--key", &key, "wss://localhost:PORT/"],
        &[],
        server.port,
    );
    assert_eq!(out.exits(0).stdout, "\"hello\"\n");
}

#[test]
fn plain_and_tls_ports_are_told_apart() {
    let ours = Authority::new();
    let out = connect(&["ws://localhost:PORT/"], &[], ours.serve("localhost", 2100, false).port);
    out.says("wss://");
    assert!(matches!(out.code, Some(14 | 15)), "{out:?}");
    let server = Server::once(|mut peer| {
        let _ = peer.stream.read(&mut [0; 100]);
        peer.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    });
    connect(&["-k", "wss://localhost:PORT/"], &[], server.port)
        .exits(13)
        .says("does not speak TLS")
        .says("ws://");
}

#[test]
fn a_wrong_url_is_shown_with_its_mistake() {
    for (url, say) in [
        ("wss:/host/p", "write wss://host/p"),
        ("ftp://host", "unknown scheme"),
        ("example.com/ws", "wss://example.com/ws"),
        ("ws://ho st/", "a space in the host"),
        ("ws://h:99999/", "1 to 65535"),
        ("ws://::1:80/", "in brackets"),
        ("ws://h/a#b", "%23"),
        ("", "URL"),
    ] {
        let out = wstap(&["connect", url]).run();
        out.exits(2).says(say);
        assert!(url.is_empty() || out.stderr.lines().any(|line| line.trim() == "^"), "{}", out.stderr);
    }
    wstap(&["connect"]).run().exits(2).says("no URL given").says("--mock");
}

#[test]
fn urls_without_a_scheme_are_understood() {
    for url in ["http://127.0.0.1:PORT/p?q", "127.0.0.1:PORT/p?q", ":PORT/p?q", " URLp?q"] {
        let (_, request) = greeted(&[url], &[]);
        assert!(request.starts_with("GET /p?q HTTP/1.1\r\n"), "{url}: {request}");
    }
}

#[test]
fn a_credential_smuggles_no_header_in() {
    for args in [
        &["--bearer", "t\r\nX-Evil: 1"][..],
        &["--token-env", "V", "--token-in", "bearer"],
        &["-u", "a\r\n:b"],
    ] {
        let out = wstap(&["connect", "ws://127.0.0.1:1/"]).args(args).env("V", "t\nX-Evil: 1").run();
        if args[0] == "-u" {
            // In base64 it does no harm.
            out.exits(11);
        } else {
            out.exits(2).says("line break");
        }
    }
}
