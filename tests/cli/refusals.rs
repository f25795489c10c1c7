//! Connections that do not come about: the exit status says in which phase, stderr says why.

use crate::harness::{Output, Server, accept_for, wstap};
use crate::servers::{answered, closed_port, connect};

/// A `connect` whose request gets these bytes as its answer.
fn refused(answer: &'static str) -> Output {
    answered(&["URL"], move |peer, _| peer.write(answer))
}

#[test]
fn a_name_that_does_not_exist_is_10_and_a_closed_port_11() {
    wstap(&["connect", "ws://nonexistent.invalid/"]).run().exits(10).says("nonexistent.invalid");
    let port = closed_port();
    connect(&["URL"], &[], port).exits(11).says(&port.to_string()).says("refused");
}

#[test]
fn every_status_has_its_exit() {
    for (head, exit, say) in [
        (
            "401 Unauthorized\r\nWWW-Authenticate: Bearer realm=\"x\"",
            16,
            "WWW-Authenticate: Bearer realm=\"x\"",
        ),
        ("403 Forbidden\r\nServer: nginx", 16, "--origin"),
        ("404 Not Found\r\nVia: 1.1 cdn", 17, "Via: 1.1 cdn"),
        ("400 Bad Request\r\nX-Request-Id: r1", 14, "X-Request-Id: r1"),
        ("426 Upgrade Required\r\nSec-WebSocket-Version: 8", 14, "version 8"),
        ("429 Too Many Requests\r\nRetry-After: 7", 14, "Retry-After: 7"),
        ("500 Oops\r\nServer: s", 14, "Server: s"),
        ("503 Busy\r\nRetry-After: 9", 14, "Retry-After: 9"),
        ("301 Moved\r\nLocation: /there", 14, "Location: /there"),
        ("200 OK\r\nContent-Type: text/html", 14, "a web server answered"),
        ("204 No Content", 14, "plain HTTP endpoint"),
    ] {
        let status = head.split("\r\n").next().unwrap();
        let out = answered(&["URL"], move |peer, _| {
            peer.write(format!("HTTP/1.1 {head}\r\nContent-Length: 16\r\n\r\n{{\"error\":\"told\"}}"));
        });
        out.exits(exit).says(&format!("handshake refused: {status}")).says(say);
        assert_eq!(out.stderr.contains("{\"error\":\"told\"}"), !status.starts_with("204"), "{}", out.stderr);
        assert_eq!(out.stdout, "");
    }
}

#[test]
fn the_body_is_shown_however_it_comes() {
    // The head and the body in packets of their own: the second is only written when the client waits for it.
    let out = answered(&["URL"], |peer, _| {
        peer.write("HTTP/1.1 400 No\r\nContent-Length: 9\r\n\r\n");
        peer.write("in a ");
        peer.write("body");
    });
    out.exits(14).says("in a body");
    let out =
        refused("HTTP/1.1 400 No\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nin ch\r\n4\r\nunks\r\n0\r\n\r\n");
    out.exits(14).says("in chunks");
    refused("HTTP/1.1 400 No\r\n\r\nuntil the end").exits(14).says("until the end");
    let out = answered(&["URL"], |peer, _| {
        peer.write("HTTP/1.1 500 Big\r\nContent-Length: 1048576\r\n\r\n");
        peer.write("begin ".to_owned() + &"x".repeat((1 << 20) - 9) + "end");
    });
    out.exits(14).says("begin xxx");
    assert!(out.stderr.len() < 80_000, "{} bytes", out.stderr.len());
}

#[test]
fn what_breaks_the_rfc_is_named_with_what_was_expected() {
    let good = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: KEY\r\n";
    let cases = [
        (good.replace("KEY", "d3Jvbmc="), "accept-key", "got d3Jvbmc="),
        (good.replace("Sec-WebSocket-Accept: KEY\r\n", ""), "accept-key", "got none"),
        (good.to_owned() + "Sec-WebSocket-Accept: KEY\r\n", "accept-key", "2"),
        (good.replace("Upgrade: websocket\r\n", ""), "upgrade-header", "hop-by-hop"),
        (good.replace("websocket", "h2c"), "upgrade-header", "got h2c"),
        (good.replace("Connection: Upgrade\r\n", ""), "connection-token", "hop-by-hop"),
        (good.replace("n: Upgrade", "n: close"), "connection-token", "got close"),
        (
            good.to_owned() + "Sec-WebSocket-Extensions: permessage-deflate; odd\r\n",
            "extensions",
            "odd is not allowed",
        ),
        (good.to_owned() + "Sec-WebSocket-Protocol: chat\r\n", "subprotocol", "chat"),
    ];
    for (headers, check, say) in cases {
        let out = answered(&["URL"], move |peer, request| {
            let headers = headers.replace("KEY", &accept_for(request));
            peer.write(format!("HTTP/1.1 101 Switching Protocols\r\n{headers}\r\n"));
        });
        out.exits(15).says("breaks RFC 6455").says(check).says("expected").says(say);
    }
}

#[test]
fn legal_spellings_are_accepted() {
    for (upgrade, connection) in
        [("websocket", "keep-alive, Upgrade"), ("WebSocket", "UPGRADE"), ("websocket", "upgrade ,close")]
    {
        let out = answered(&["URL"], move |peer, request| {
            let accept = accept_for(request);
            peer.write(format!(
                "HTTP/1.1 101 X\r\nupgrade: {upgrade}\r\nconnection: {connection}\r\n\
                 sec-websocket-accept:{accept}\r\n\r\n"
            ));
            peer.close_well(1000);
        });
        out.exits(0);
    }
}

#[test]
fn an_early_end_and_garbage_are_told_apart() {
    refused("").exits(14).says("closed the connection without a response");
    refused("HTTP/1.1 101 Switc").exits(14).says("in the middle of its response");
    refused("SSH-2.0-OpenSSH_9\r\n").exits(15).says("other than HTTP").says("SSH-2.0-OpenSSH_9");
    refused("HTTP/1.1 101 X\r\nbroken line\r\n\r\n").exits(15).says("invalid HTTP");
}

#[test]
fn nothing_of_an_answer_reaches_the_terminal_unescaped() {
    let out = refused(
        "HTTP/1.1 400 \x1b[31mRed\r\nServer: a\x1b]52;c;eA==\x07b\r\nContent-Type: text/plain\r\n\r\nx\x1b[2Jy\u{9b}z\u{202e}",
    );
    assert!(matches!(out.code, Some(14 | 15)));
    let out_of_body = refused("HTTP/1.1 400 No\r\nServer: \u{9b}a\r\n\r\nx\x1b[2Jy\u{9b}z\u{202e}");
    out_of_body.exits(14).says("x\\u{1b}[2Jy\\u{9b}z\\u{202e}");
    for out in [out, out_of_body] {
        let raw = |c: char| matches!(c, '\x1b' | '\x07' | '\u{9b}' | '\u{202e}');
        assert!(!out.stderr.contains(raw), "{:?}", out.stderr);
    }
}

/// Every place for a credential, each with the token that must not be seen, in the arguments of `connect`.
const PLACES: &[&[&str]] = &[
    &["ws://127.0.0.1:PORT/?token=s3cr3t.Tok/en"],
    &["ws://127.0.0.1:PORT/?a=b&access_token=s3cr3t.Tok%2Fen"],
    &["ws://user:s3cr3t.Tok%2Fen@127.0.0.1:PORT/"],
    &["--token", "s3cr3t.Tok/en", "--token-in", "query", "URL"],
    &["--token", "s3cr3t.Tok/en", "--token-in", "query:sesame", "URL"],
    &["--token", "s3cr3t.Tok/en", "--token-in", "header:X-Any", "URL"],
    &["--token", "s3cr3t.Tok/en", "--token-in", "bearer", "URL"],
    &["--bearer", "s3cr3t.Tok/en", "URL"],
    &["-u", "user:s3cr3t.Tok/en", "URL"],
    &["-H", "Authorization: Bearer s3cr3t.Tok/en", "URL"],
    &["-H", "Authorization: s3cr3t.Tok/en", "URL"],
    &["-H", "Cookie: a=1; session=s3cr3t.Tok/en", "URL"],
    &["-H", "X-API-Key: s3cr3t.Tok/en", "URL"],
    &["-H", "Authorization: Basic dXNlcjpzM2NyM3QuVG9rL2Vu", "URL"],
];

/// The token and the forms in which it goes over the wire: percent-encoded, and `user:TOKEN` in base64.
const FORMS: &[&str] = &["s3cr3t", "dXNlcjpzM2NyM3QuVG9rL2Vu"];

#[track_caller]
fn keeps_secrets(out: &Output, file: &str, described: &str) {
    for form in FORMS {
        for (name, text) in
            [("stdout", out.stdout.as_str()), ("stderr", &out.stderr), ("the recording", file)]
        {
            assert!(!text.contains(form), "{described}: {name} has the token:\n{text}");
        }
    }
}

#[test]
fn credentials_are_shown_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("record").display().to_string();
    let extras: [&[&str]; 3] =
        [&["-vv"], &["-v", "--log-format", "json"], &["-vv", "--envelope", "--record", &file]];
    for place in PLACES {
        for (answer, extra) in ["401 No", "500 No", "302 Away\r\nLocation: /x?token=s3cr3t", "101 Bad"]
            .iter()
            .zip(extras.iter().cycle())
        {
            let args = [place, *extra].concat();
            // The server repeats all it was told, as debugging servers do.
            let out = answered(&args, move |peer, request| {
                peer.write(format!("HTTP/1.1 {answer}\r\nServer: x\r\n\r\n{request}"));
            });
            assert_ne!(out.code, Some(0));
            let recorded = std::fs::read_to_string(&file).unwrap_or_default();
            keeps_secrets(&out, &recorded, &format!("{answer} {args:?}"));
        }
        let out = connect(&[place, &["-vv"][..]].concat(), &[], closed_port());
        keeps_secrets(out.exits(11), "", &format!("{place:?}"));
    }
}

#[test]
fn a_proxys_credentials_are_shown_nowhere() {
    for (scheme, exit) in [("http", 12), ("socks5h", 12)] {
        let proxy = Server::once(|mut peer| {
            let request = if peer.first_byte() == 5 { String::new() } else { peer.request() };
            peer.write(format!(
                "HTTP/1.1 407 Who\r\nProxy-Authenticate: x {}\r\n\r\n{request}",
                request.len()
            ));
        });
        let proxy_url = format!("{scheme}://user:s3cr3t.Tok%2Fen@127.0.0.1:{}", proxy.port);
        let out = wstap(&["connect", "-vv", "--proxy", &proxy_url, "ws://h.test/"]).run();
        keeps_secrets(out.exits(exit), "", scheme);
    }
    let out = wstap(&["connect", "--proxy", "ftp://user:s3cr3t@h", "ws://h/"]).run();
    keeps_secrets(out.exits(2), "", "ftp");
}

#[test]
fn credentials_of_a_session_are_shown_only_when_asked_for() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("record").display().to_string();
    for place in PLACES {
        let session = |extra: &[&str]| {
            let server = Server::websocket(|peer| {
                peer.text("{}");
                peer.close(1008, "bad token s3cr3t.Tok/en");
                peer.read_close();
            });
            let more = ["-vv", "--envelope", "--record", &file];
            let out = connect(&[place, &more[..], extra].concat(), &[], server.port);
            server.join();
            out
        };
        let out = session(&[]);
        keeps_secrets(out.exits(16), &std::fs::read_to_string(&file).unwrap(), &format!("{place:?}"));
        let out = session(&["--show-secrets"]);
        let url = out.records("open")[0]["url"].as_str().unwrap().to_owned();
        let in_query = place.iter().any(|arg| arg.contains("token="))
            || place.iter().any(|arg| arg.starts_with("query"));
        assert_eq!(url.contains("s3cr3t"), in_query, "{place:?}: {url}");
    }
}
