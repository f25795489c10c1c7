//! `probe-handshake`: what it reports, judges and advises, against servers that do exactly one thing wrong.

use std::io::{Read as _, Write as _};

use serde_json::{Value, json};

use crate::harness::{Output, Peer, Server, accept_for, wstap};
use crate::servers::closed_port;

/// A probe of a server that reads the request and then plays the script.
fn probed(args: &[&str], script: impl FnOnce(&mut Peer, &str) + Send + 'static) -> Output {
    let server = Server::once(move |mut peer| {
        let request = peer.request();
        script(&mut peer, &request);
    });
    let out = wstap(&["probe-handshake", &server.url()]).args(args).run();
    server.join();
    out
}

/// A probe that gets these bytes as its answer, in which `ACCEPT` stands for the right digest.
fn answered(args: &[&str], answer: &str) -> Output {
    let answer = answer.to_owned();
    probed(args, move |peer, request| peer.write(answer.replace("ACCEPT", &accept_for(request))))
}

const GOOD: &str = "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                    Sec-WebSocket-Accept: ACCEPT\r\n\r\n";

#[track_caller]
fn record(out: &Output) -> Value {
    let mut records = out.json();
    assert_eq!(records.len(), 1, "{}", out.stdout);
    records.remove(0)
}

fn ids<'a>(record: &'a Value, list: &str) -> Vec<&'a str> {
    record[list].as_array().unwrap().iter().map(|note| note["id"].as_str().unwrap()).collect()
}

/// The checks that are not `ok`, with their verdicts.
fn faults(record: &Value) -> Vec<(String, String)> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let checks = record["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 8);
    checks
        .iter()
        .filter(|check| check["verdict"] != "ok")
        .map(|check| (text(&check["id"]), text(&check["verdict"])))
        .collect()
}

#[test]
fn a_good_answer_is_reported_whole() {
    let args = ["-H", "Cookie: session=s3cr3t", "--bearer", "t0ken", "-H", "X-Api-Token: other"];
    let out = answered(&args, GOOD);
    out.exits(0);
    let record = record(&out);
    assert_eq!((&record["v"], &record["type"], &record["ok"]), (&json!(1), &json!("probe"), &json!(true)));
    assert_eq!(record["http"]["status"], 101);
    assert_eq!(record["http"]["headers"][0], json!({"name": "Upgrade", "value": "websocket"}));
    assert_eq!(faults(&record), []);
    for phase in ["tcp", "upgrade", "total"] {
        assert!(record["phases"][phase].as_f64().unwrap() > 0.0, "{phase}");
    }
    assert_eq!(record["phases"]["tls"], Value::Null);
    assert_eq!(record["tcp"]["tried"][0]["ok"], true);
    let headers = record["request"]["headers"].as_array().unwrap();
    let sent = |name: &str| headers.iter().find(|header| header["name"] == name).unwrap()["value"].clone();
    assert_eq!(sent("Sec-WebSocket-Version"), "13");
    for name in ["Cookie", "Authorization", "X-Api-Token"] {
        assert_eq!(sent(name), "***", "{name}");
    }
    for secret in ["s3cr3t", "t0ken", "other"] {
        assert!(!out.stdout.contains(secret), "{}", out.stdout);
    }
}

#[test]
fn every_fault_has_its_check_and_the_others_are_judged_all_the_same() {
    let with = |more: &str| GOOD.replace("\r\n\r\n", &format!("\r\n{more}\r\n\r\n"));
    type Case<'a> = (String, i32, &'a [(&'a str, &'a str)], Option<&'a str>);
    let cases: &[Case<'_>] = &[
        (GOOD.replace("ACCEPT", "wrong"), 15, &[("accept-key", "fail")], Some("wrong-accept")),
        (GOOD.replace("Upgrade: websocket\r\n", ""), 15, &[("upgrade-header", "fail")], Some("hop-by-hop")),
        (
            GOOD.replace("Upgrade: websocket\r\nConnection: Upgrade\r\n", ""),
            15,
            &[("upgrade-header", "fail"), ("connection-token", "fail")],
            Some("hop-by-hop"),
        ),
        (GOOD.replace("n: Upgrade", "n: close"), 15, &[("connection-token", "fail")], Some("hop-by-hop")),
        (GOOD.replace(": websocket", ": h2c, websocket"), 15, &[("upgrade-header", "fail")], None),
        (with("Sec-WebSocket-Protocol: chat"), 15, &[("subprotocol", "fail")], None),
        (with("Sec-WebSocket-Protocol:"), 15, &[("subprotocol", "fail")], None),
        (with("Sec-WebSocket-Extensions: x-other"), 15, &[("extensions", "fail")], None),
        (with("Content-Length: 5"), 0, &[("no-body", "warn")], None),
        (with("Server: a\r\nServer: b"), 0, &[("duplicate-headers", "warn")], None),
        (
            with("Sec-WebSocket-Accept: ACCEPT"),
            15,
            &[("accept-key", "fail"), ("duplicate-headers", "fail")],
            None,
        ),
        (GOOD.replace("HTTP/1.1", "HTTP/1.0"), 15, &[("http-version", "fail")], Some("http-1.0")),
    ];
    for (answer, exit, expected, hint) in cases {
        let out = answered(&[], answer);
        out.exits(*exit);
        let record = record(&out);
        let expected: Vec<_> =
            expected.iter().map(|(id, verdict)| ((*id).to_owned(), (*verdict).to_owned())).collect();
        assert_eq!(faults(&record), expected, "{answer}");
        let checks = record["checks"].as_array().unwrap();
        assert!(checks.iter().all(|check| check["got"] != ""), "{answer}: {}", record["checks"]);
        if let Some(hint) = hint {
            assert!(ids(&record, "hints").contains(hint), "{answer}: {}", record["hints"]);
        }
        // What is there, but wrong, has been stripped by nobody.
        assert_eq!(ids(&record, "hints").contains(&"hop-by-hop"), *hint == Some("hop-by-hop"), "{answer}");
        assert_eq!(record["failed"].is_null(), *exit == 0);
    }
    let out = answered(&["-s", "chat"], GOOD);
    assert_eq!(faults(&record(&out)), [("subprotocol".to_owned(), "warn".to_owned())]);
    assert_eq!(record(&out)["warnings"], json!([]));
}

#[test]
fn a_refusal_has_its_headers_its_body_and_a_hint() {
    let cases = [
        ("200 OK\r\nContent-Type: text/html", "<html>", 14, "html"),
        ("200 OK", "fine", 14, "http"),
        ("301 Moved\r\nLocation: https://h/", "", 14, "https-redirect"),
        ("302 Found\r\nLocation: /there", "", 14, "redirect"),
        ("400 Bad Request", "no", 14, "bad-request"),
        ("400 Bad", "The plain HTTP request was sent to HTTPS port", 14, "tls-port"),
        ("400 Bad Request\r\nSec-Websocket-Version: 13", "Bad Request", 14, "hop-by-hop"),
        ("400 Bad Request", "Connection header did not include 'upgrade'", 14, "hop-by-hop"),
        ("400 Bad Request", r#"{"error":"Invalid Upgrade header"}"#, 14, "hop-by-hop"),
        ("400 Bad Request", "upgrade your plan", 14, "bad-request"),
        (
            "400 Bad",
            "Reason: You're speaking plain HTTP to an SSL-enabled server port.<br />",
            14,
            "tls-port",
        ),
        ("401 Unauthorized\r\nWWW-Authenticate: Bearer", "", 16, "unauthorized"),
        ("403 Forbidden", "", 16, "forbidden"),
        ("404 Not Found", "", 17, "not-found"),
        ("405 Method Not Allowed", "", 14, "no-websocket-here"),
        ("426 Upgrade Required\r\nSec-WebSocket-Version: 8", "", 14, "version"),
        ("426 Upgrade Required\r\nUpgrade: websocket", "", 14, "hop-by-hop"),
        ("429 Too Many Requests\r\nRetry-After: 7", "", 14, "rate-limited"),
        ("502 Bad Gateway", "", 14, "backend-down"),
        ("400 Bad Request", "<h1>No required SSL certificate was sent</h1>", 14, "client-certificate"),
        ("505 HTTP Version Not Supported", "", 14, "http-1.0"),
        ("504 Gateway Timeout", "", 14, "timed-out"),
        ("200 OK\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT", "", 14, "clock-skew"),
    ];
    for (head, body, exit, hint) in cases {
        let answer = format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let out = answered(&[], &answer);
        out.exits(exit);
        let record = record(&out);
        assert!(ids(&record, "hints").contains(&hint), "{head}: {}", record["hints"]);
        assert_eq!(record["checks"][0]["verdict"], "skipped");
        assert_eq!(record["http"]["status"].to_string(), head[..3]);
        assert_eq!(record["failed"]["phase"], "upgrade");
        if !body.is_empty() {
            let got = &record["http"]["body"];
            match serde_json::from_str::<Value>(body) {
                Ok(json) => assert_eq!(got["json"], json),
                Err(_) => assert_eq!(got["text"], body),
            }
        }
    }
}

#[test]
fn a_clock_that_is_wrong_is_told_with_what_comes_of_it() {
    let hints = |ahead: i64| {
        let time = jiff::Timestamp::try_from(std::time::SystemTime::now()).unwrap()
            + jiff::SignedDuration::from_secs(ahead);
        let date = jiff::fmt::rfc2822::to_string(&time.to_zoned(jiff::tz::TimeZone::UTC)).unwrap();
        let out = answered(&[], &GOOD.replace("\r\n\r\n", &format!("\r\nDate: {date}\r\n\r\n")));
        out.exits(0);
        record(&out)["hints"].clone()
    };
    // Some seconds pass until the answer is there.
    let text = hints(-5400)[0]["text"].to_string();
    assert!(
        text.contains("machine is 1h 3") && text.contains("ahead of the server") && text.contains("expired"),
        "{text}"
    );
    let text = hints(5400)[0]["text"].to_string();
    assert!(text.contains("machine is 1h ") && text.contains("behind the server"), "{text}");
    assert!(text.contains("not yet valid"), "{text}");
    assert_eq!(hints(0), json!([]));
}

#[test]
fn what_a_refusal_says_is_told_as_it_says_it() {
    let body = "Client sent an HTTP request to an HTTPS server.\n";
    let out = answered(&[], &format!("HTTP/1.0 400 Bad Request\r\n\r\n{body}"));
    assert_eq!(ids(&record(&out), "hints"), ["tls-port"]);
    // The report says what was asked for, and not how long a session would wait.
    for status in [429, 503] {
        let out =
            answered(&[], &format!("HTTP/1.1 {status} No\r\nRetry-After: 7200\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(record(&out)["http"]["retry_after"], 7200);
        out.says("try again in 7200 s");
    }
    let out = answered(&[], "HTTP/1.1 429 No\r\nRetry-After: 7\r\nContent-Length: 12\r\n\r\n{\"a\":  [1.0]}");
    let http = &record(&out)["http"];
    assert_eq!(http["retry_after"], 7);
    assert!(
        out.stdout.contains(r#""body":{"bytes":12,"cut":false,"text":"{\"a\":  [1.0]"}"#),
        "{}",
        out.stdout
    );
    let out = answered(&[], "HTTP/1.1 429 No\r\nContent-Length: 13\r\n\r\n{\"a\":  [1.0]}");
    assert!(out.stdout.contains(r#""json":{"a":[1.0]}"#), "{}", out.stdout);
}

#[test]
fn a_large_body_is_cut_and_secrets_in_it_are_masked() {
    let out = probed(&["--bearer", "t0p/s3cret", "-H", "X-Session-Id: of-mine"], |peer, _| {
        peer.write("HTTP/1.1 500 Big t0p/s3cret\r\nX-Quote: t0p/s3cret of-mine\r\nSet-Cookie: a=b\r\n");
        peer.write("Location: /x?token=abc\r\n\r\n{\"bad\":\"t0p\\/s3cret and t0p/s3cret\"}");
        peer.write("x".repeat(1 << 18));
    });
    out.exits(14);
    let record = record(&out);
    assert_eq!(
        (&record["http"]["body"]["bytes"], &record["http"]["body"]["cut"]),
        (&json!(65536), &json!(true))
    );
    for secret in ["s3cret", "a=b", "abc", "of-mine"] {
        assert!(!out.stdout.contains(secret) && !out.stderr.contains(secret), "{}", &out.stdout[..3000]);
    }
}

#[test]
fn what_is_no_answer_names_its_phase_and_hints() {
    let port = closed_port();
    let out = wstap(&["probe-handshake", &format!("ws://127.0.0.1:{port}/")]).run();
    out.exits(11).says("connection refused");
    let seen = record(&out);
    assert_eq!((&seen["failed"]["phase"], ids(&seen, "hints")), (&json!("tcp"), vec!["nothing-listening"]));
    assert_eq!(seen["tcp"]["tried"][0]["error"], "connection refused");
    assert_eq!((&seen["http"], &seen["checks"][0]["verdict"]), (&Value::Null, &json!("skipped")));

    let out = wstap(&["probe-handshake", "ws://nonexistent.invalid/"]).run();
    out.exits(10);
    let seen = record(&out);
    assert_eq!(
        (&seen["failed"]["phase"], &seen["dns"]["host"]),
        (&json!("dns"), &json!("nonexistent.invalid"))
    );

    // A TLS alert, an HTTP/2 SETTINGS frame, another protocol, and silence.
    for (answer, exit, hint) in [
        (&b"\x15\x03\x01\x00\x02\x02\x46"[..], 15, "tls-port"),
        (b"\x00\x00\x06\x04\x00\x00\x00\x00\x00", 15, "http2-only"),
        (b"SSH-2.0-OpenSSH_9\r\n", 15, "not-http"),
        (b"", 14, "tls-port"),
    ] {
        let out = probed(&[], move |peer, _| peer.write(answer));
        out.exits(exit);
        assert_eq!(ids(&record(&out), "hints"), [hint]);
    }
    let out = probed(&["--connect-timeout", "200ms"], |peer, _| peer.wait_for_end());
    out.exits(22);
    assert_eq!(ids(&record(&out), "hints"), ["silent"]);
    // A URL that asks for TLS where there is none.
    let server = Server::once(|mut peer| peer.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
    let out = wstap(&["probe-handshake", &server.url().replace("ws:", "wss:")]).run();
    out.exits(13);
    assert_eq!(ids(&record(&out), "hints"), ["tls-on-plain-port"]);
}

#[test]
fn gates_decide_and_tell_what_they_saw() {
    let forbidden = "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n";
    answered(&["--expect-status", "403"], forbidden).exits(0);
    answered(&["--expect-status", "101,403"], forbidden).exits(0);
    answered(&["--expect-status", "101"], forbidden)
        .exits(1)
        .says("check failed: --expect-status 101 (actual: 403)");
    answered(&["--expect", ".http.status == 403"], forbidden).exits(0);
    answered(&["--max", "upgrade=10s,total=10s,dns=1ms"], forbidden).exits(0);
    let out = answered(&["--max", "upgrade=0s", "--expect", ".ok"], forbidden);
    out.exits(1).says("--max upgrade=0s (actual: ").says("--expect '.ok' (actual: .ok is false)");
    let gates = record(&out)["gates"].clone();
    assert_eq!((&gates[0]["gate"], &gates[0]["ok"]), (&json!("--expect '.ok'"), &json!(false)));
    answered(&["--min-cert-days", "1"], GOOD).exits(1).says("no certificate");
    let port = closed_port();
    let url = format!("ws://127.0.0.1:{port}/");
    let gone = |args: &[&str]| wstap(&["probe-handshake", &url]).args(args).run();
    gone(&["--max", "total=10s"]).exits(1).says("no response");
    gone(&["--max", "tls=10s"]).exits(1).says("not reached");
    gone(&["--expect", ".failed.phase == \"tcp\""]).exits(0);
    gone(&["--expect", ".a ="]).exits(3);
    gone(&["--max", "sing=1s"]).exits(2).says("known phases: dns, tcp");
}

#[test]
fn the_page_shows_everything_and_no_escape_of_the_server() {
    let odd = GOOD.replace("\r\n\r\n", "\r\nServer: \u{202e}x\r\n\r\n");
    let out = answered(&["--format", "text"], &odd);
    out.exits(0);
    for text in ["✔ ws://127.0.0.1", "answer   HTTP/1.1 101", "✔ accept-key", "upgrade  ", "█"] {
        assert!(out.stdout.contains(text), "{text}\n{}", out.stdout);
    }
    assert!(!out.stdout.contains('\u{202e}'), "{}", out.stdout);
    let out = answered(
        &["--format", "text", "--color", "always"],
        "HTTP/1.1 404 No\r\nX: \u{9b}31m\r\n\r\nbody \x1b[2J",
    );
    out.exits(17);
    assert!(out.stdout.contains("\x1b[31m✘") && !out.stdout.contains('\u{9b}'), "{}", out.stdout);
    assert!(out.stdout.contains("body \\u{1b}[2J"), "{}", out.stdout);
    assert!(out.stdout.contains("check the path"));
}

#[test]
fn extensions_are_judged_by_what_was_offered() {
    let offer = ["-H", "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits, x-other"];
    let answer = |extensions: &str| {
        GOOD.replace("\r\n\r\n", &format!("\r\nSec-WebSocket-Extensions: {extensions}\r\n\r\n"))
    };
    let out = answered(&offer, &answer("permessage-deflate; client_max_window_bits=12"));
    out.exits(0);
    assert_eq!(faults(&record(&out)), []);
    let out = answered(&offer, &answer("permessage-deflate; server_max_window_bits=7"));
    out.exits(15);
    assert!(out.stdout.contains("server_max_window_bits=7 is not allowed"), "{}", out.stdout);
    assert_eq!(faults(&record(&out)), [("extensions".to_owned(), "fail".to_owned())]);
    // A session cannot do anything with it.
    let accepting = answer("permessage-deflate, x-other");
    let server = Server::once(move |mut peer| {
        let request = peer.request();
        peer.write(accepting.replace("ACCEPT", &accept_for(&request)));
    });
    wstap(&["connect", &server.url()]).args(&offer).run().exits(15).says("does not support");
    server.join();
}

#[test]
fn redirects_are_followed_and_told() {
    let second = Server::once(|mut peer| {
        peer.accept();
    });
    let to = format!(
        "HTTP/1.1 302 Found\r\nLocation: {}next?token=abc\r\nContent-Length: 0\r\n\r\n",
        second.url()
    );
    let out = answered(&["-L"], &to);
    second.join();
    out.exits(0);
    let record = record(&out);
    assert_eq!(record["http"]["status"], 101);
    let url = record["url"].as_str().unwrap();
    assert!(url.ends_with("/next?token=***"), "{url}");
    assert_eq!(record["redirects"], json!([url]));
    assert_eq!(record["request"]["target"], "/next?token=***");
    let second = Server::once(|mut peer| {
        peer.accept();
    });
    let to = format!("HTTP/1.1 302 Found\r\nLocation: {}next\r\nContent-Length: 0\r\n\r\n", second.url());
    let out = answered(&["-L", "--format", "text"], &to);
    let line = format!("redirect → {}next", second.url());
    second.join();
    assert!(out.lines().contains(&line.as_str()), "{}", out.stdout);
}

#[test]
fn proxies_and_unix_sockets_have_their_place() {
    let proxy = Server::once(|mut peer| {
        peer.request();
        peer.write("HTTP/1.1 200 OK\r\n\r\n");
        peer.accept();
    });
    let via = format!("http://me:s3cr3t@127.0.0.1:{}", proxy.port);
    let out = wstap(&["probe-handshake", "ws://host.test/", "--proxy", &via]).run();
    proxy.join();
    out.exits(0);
    let seen = record(&out);
    assert_eq!(seen["proxy"]["via"], format!("http://127.0.0.1:{}", via.rsplit(':').next().unwrap()));
    assert!(seen["phases"]["proxy"].is_f64() && !out.stdout.contains("s3cr3t"), "{}", out.stdout);
    let proxy = Server::once(|mut peer| {
        peer.request();
        peer.write("HTTP/1.1 407 Who\r\nContent-Length: 0\r\n\r\n");
    });
    let via = format!("127.0.0.1:{}", proxy.port);
    let out = wstap(&["probe-handshake", "ws://host.test/", "--proxy", &via, "--max", "proxy=9s"]).run();
    proxy.join();
    out.exits(1).says("--max proxy=9s (actual: failed after");
    assert_eq!((&record(&out)["failed"]["phase"], &record(&out)["exit"]), (&json!("proxy"), &json!(12)));

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    let url = format!("ws+unix:{}:/x", path.display());
    // A socket has no addresses to ask at.
    for args in [&[][..], &["--all-addresses"]] {
        let probe = wstap(&["probe-handshake", &url]).args(args).spawn();
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = [0; 4096];
        let length = stream.read(&mut request).unwrap();
        let head = String::from_utf8_lossy(&request[..length]).into_owned();
        stream.write_all(GOOD.replace("ACCEPT", &accept_for(&head)).as_bytes()).unwrap();
        let out = probe.finish();
        out.exits(0);
        let seen = record(&out);
        assert_eq!((&seen["tcp"]["remote"], &seen["request"]["target"]), (&Value::Null, &json!("/x")));
        assert!(seen["tcp"]["ms"].is_f64());
    }
}

#[test]
fn a_profile_and_the_environment_have_options_for_it() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("wstap")).unwrap();
    let server = Server::once(|mut peer| peer.write("HTTP/1.1 403 No\r\n\r\n"));
    let config = format!("[profile.p]\nurl = \"{}\"\nexpect-status = [\"101\", \"403\"]\n", server.url());
    std::fs::write(folder.path().join("wstap/config.toml"), config).unwrap();
    let home = folder.path().display().to_string();
    let run = wstap(&["probe-handshake", "@p"]).env("XDG_CONFIG_HOME", &home).env("WSTAP_FORMAT", "text");
    let out = run.run();
    server.join();
    out.exits(0);
    assert!(out.stdout.contains("✔ --expect-status 101,403 (403)"), "{}", out.stdout);
    wstap(&["probe-handshake"]).run().exits(2).says("no URL given");
}

#[test]
fn a_page_in_a_pipe_is_as_wide_as_columns_says() {
    for (columns, widest) in [("60", 60), ("130", 130), ("", 100), ("wide", 100)] {
        let out = wstap(&["probe-handshake", "--mock", "--format", "text"]).env("COLUMNS", columns).run();
        let widths = out.exits(0).stdout.lines().map(|line| line.chars().count());
        let width = widths.max().unwrap_or(0);
        assert!(width <= widest && width > widest - 20, "COLUMNS={columns}: {width}");
    }
}
