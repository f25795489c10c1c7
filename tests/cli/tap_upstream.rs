//! The way of `serve-mock --upstream` to its upstream: the handshake passes, refusals reach the client, and the connection
//! is made as the options say.

use std::io::{Read as _, Write as _};
use std::sync::mpsc;

use crate::harness::{Peer, Server, accept_for, header, keep_closed, wstap};
use crate::hostile_clients::{connected, request};
use crate::probe_tls::{Root, config, config_with, pem, serve};
use crate::tap::{Mock, tap};
use crate::tls::pin;

#[test]
fn the_handshake_passes_both_ways_but_for_what_was_asked() {
    let server = Server::once(|mut peer| {
        let request = peer.accept_with("Sec-WebSocket-Protocol: b\r\nX-Served-By: node-7\r\n");
        assert!(request.starts_with("GET /v1/ws/x%20y?own=1&token=t0ken HTTP/1.1\r\n"), "{request}");
        for (name, value) in [
            ("host", Some("real.example")),
            ("origin", Some("https://real.example")),
            ("cookie", Some("session=s3ss10n")),
            ("sec-websocket-key", Some("dGhlIHNhbXBsZSBub25jZQ==")),
            ("sec-websocket-protocol", Some("a, b")),
            ("sec-websocket-extensions", Some("permessage-deflate; client_max_window_bits")),
            ("x-added", Some("yes")),
            ("user-agent", None),
            ("x-removed", None),
        ] {
            assert_eq!(header(&request, name), value, "{name}");
        }
        peer.wait_for_end();
    });
    let upstream = format!("{}v1/ws?own=1", server.url());
    let replaced = ["Host: real.example", "Origin: https://real.example", "X-Added: yes", "X-Removed:"];
    let args: Vec<&str> = replaced.iter().flat_map(|header| ["--upstream-header", header]).collect();
    let tap = tap(&upstream, &args);
    let mut client = Peer { stream: connected(tap.port) };
    let more = "Origin: http://localhost:3000\r\nCookie: session=s3ss10n\r\nSec-WebSocket-Protocol: a, b\r\nX-Removed: x\r\n\
        Sec-WebSocket-Extensions: x-webkit-deflate-frame, permessage-deflate; client_max_window_bits\r\n\r\n";
    let asked = request("/x%20y?token=t0ken").replace("\r\n\r\n", &format!("\r\n{more}"));
    client.write(&asked);
    let answer = client.request();
    assert!(answer.starts_with("HTTP/1.1 101 "), "{answer}");
    assert_eq!(header(&answer, "sec-websocket-protocol"), Some("b"));
    assert_eq!(header(&answer, "x-served-by"), Some("node-7"));
    assert_eq!(header(&answer, "sec-websocket-accept"), Some(&accept_for(&asked)[..]));
    drop(client);
    server.join();
}

/// What a client gets that asks the tap for an upgrade and is refused.
fn refusal(tap: &Mock) -> String {
    let mut stream = connected(tap.port);
    stream.write_all(request("/x?token=t0ken").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn what_the_upstream_refuses_reaches_the_client_as_it_is() {
    for status in ["401 Who Are You", "404 Not Here"] {
        let server = Server::once(move |mut peer| {
            peer.request();
            peer.write(format!(
                "HTTP/1.1 {status}\r\nWWW-Authenticate: Bearer\r\nRetry-After: 7\r\n\
                 Transfer-Encoding: chunked\r\n\r\n5\r\nagain\r\n0\r\n\r\n"
            ));
        });
        let tap = tap(&server.url(), &[]);
        let answer = refusal(&tap);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
        assert_eq!(header(&answer, "www-authenticate"), Some("Bearer"));
        assert_eq!(header(&answer, "retry-after"), Some("7"));
        assert!(answer.ends_with("\r\n\r\nagain"), "{answer}");
        server.join();
        let out = tap.end();
        let says = format!("the upstream refused a client: handshake refused: {status} from ws://");
        out.exits(0).says(&says);
        assert!(!out.stderr.contains("t0ken"), "{}", out.stderr);
    }
}

#[test]
fn an_upstream_that_cannot_be_reached_is_a_bad_gateway() {
    let tap = tap(&format!("ws://127.0.0.1:{}", keep_closed(0)), &[]);
    let answer = refusal(&tap);
    assert!(answer.starts_with("HTTP/1.1 502 Bad Gateway\r\n"), "{answer}");
    assert!(answer.contains("\r\n\r\nupstream: ") && answer.contains("refused"), "{answer}");
    tap.end().says("cannot connect a client to the upstream: ").says("(the client got 502)");
}

#[test]
fn tls_on_both_sides_and_a_certificate_that_is_not_trusted() {
    let folder = tempfile::tempdir().unwrap();
    let [theirs, ours] =
        ["theirs.pem", "ours.pem"].map(|name| folder.path().join(name).display().to_string());
    let upstream = Mock::start(&["plain", "--tls", "--ca-file", &theirs]);
    let url = format!("wss://127.0.0.1:{}", upstream.port);
    let untrusting = tap(&url, &[]);
    let answer = refusal(&untrusting);
    assert!(answer.starts_with("HTTP/1.1 502 ") && answer.contains("certificate"), "{answer}");
    untrusting.end().says("cannot connect a client to the upstream: TLS");
    let tap = tap(&url, &["--cacert", &theirs, "--tls", "--ca-file", &ours]);
    let echo = format!("wss://127.0.0.1:{}/echo", tap.port);
    let out = wstap(&["connect", "-q", "--cacert", &ours, &echo, "-x", "1", "--count", "1"]).run();
    assert_eq!(out.exits(0).stdout, "1\n");
    tap.end().exits(0);
    let careless = self::tap(&url, &["-k", "-q"]);
    assert_eq!(careless.connect(&["-x", "1", "--count", "1"]).exits(0).stdout, "1\n");
    careless.end().says("anyone may be listening");
}

/// What a client sees of a tap before this upstream, which accepts one connection and closes it with 1000.
fn seen(url: &str, args: &[&str]) -> (Option<i32>, String) {
    let tap = tap(url, args);
    let client = wstap(&["connect", "-q", &tap.base(), "--no-reconnect"]).run();
    let out = tap.end();
    out.exits(0);
    (client.code, out.stderr)
}

#[test]
fn the_upstream_gets_a_client_certificate_and_has_to_have_the_pinned_key() {
    let root = Root::new();
    let (leaf, me) = (root.sign("localhost", 2000, 2100), root.sign("me", 2000, 2100));
    std::fs::write(root.path("me.pem"), pem(&me.chain[0]) + &me.key.serialize_pem()).unwrap();
    let (ca, me) = (root.file(), root.path("me.pem").display().to_string());
    let (pinned, other) = (pin(&leaf), pin(&root.sign("localhost", 2000, 2100)));
    let with_clients = || config_with(&leaf, rustls::ALL_VERSIONS, Some(&root.authority));
    for (config, args, says) in [
        (with_clients(), &["--upstream-cert", &me][..], None),
        (with_clients(), &[], Some("client certificate")),
        (config(&leaf), &["--pinnedpubkey", &pinned], None),
        (config(&leaf), &["--pinnedpubkey", &other], Some("pin")),
    ] {
        let (url, server) = serve(config);
        let (code, notices) = seen(&url, &[&["--cacert", &ca], args].concat());
        assert_eq!(code, Some(if says.is_some() { 14 } else { 0 }), "{args:?}: {notices}");
        let says = says.unwrap_or_default();
        assert!(notices.contains(says), "{args:?} {says:?}: {notices}");
        assert_eq!(
            notices.contains("cannot connect a client to the upstream"),
            !says.is_empty(),
            "{notices}"
        );
        // Nothing is sent to an upstream that is not the right one.
        assert_eq!(server.join().unwrap().is_empty(), !says.is_empty(), "{args:?}");
    }
}

#[test]
fn the_upstream_is_reached_by_way_of_a_proxy_or_at_another_address() {
    let proxy = Server::once(|mut peer| {
        let asked = peer.request();
        assert!(asked.starts_with("CONNECT h.test:80 HTTP/1.1\r\n"), "{asked}");
        assert_eq!(header(&asked, "proxy-authorization"), Some("Basic dTpwcjB4eQ=="));
        peer.write("HTTP/1.1 200 OK\r\n\r\n");
        let request = peer.accept();
        assert_eq!(header(&request, "host"), Some("h.test"));
        peer.close_well(1000);
    });
    let (code, notices) =
        seen("ws://h.test/", &["--proxy", &format!("http://u:pr0xy@127.0.0.1:{}", proxy.port), "-v"]);
    assert_eq!(code, Some(0), "{notices}");
    assert!(!notices.contains("pr0xy"), "{notices}");
    proxy.join();

    // What a proxy refuses is not the answer of the upstream.
    let proxy = Server::once(|mut peer| {
        peer.request();
        peer.write("HTTP/1.1 407 Who\r\nProxy-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n");
    });
    let tap = tap("ws://h.test/", &["--proxy", &format!("127.0.0.1:{}", proxy.port)]);
    let answer = refusal(&tap);
    assert!(answer.starts_with("HTTP/1.1 502 ") && answer.contains("proxy"), "{answer}");
    tap.end().says("cannot connect a client to the upstream: ").says("407 Who");
    proxy.join();

    let server = Server::websocket(|peer| peer.close_well(1000));
    let resolve = format!("h.test:{}:127.0.0.1", server.port);
    let (code, notices) = seen(&format!("ws://h.test:{}/", server.port), &["--resolve", &resolve]);
    assert_eq!(code, Some(0), "{notices}");
    server.join();
}

#[test]
fn an_upstream_that_does_not_answer_is_a_gateway_timeout() {
    let server = Server::once(|mut peer| {
        peer.request();
        peer.wait_for_end();
    });
    let tap = tap(&server.url(), &["--connect-timeout", "200ms"]);
    let answer = refusal(&tap);
    assert!(answer.starts_with("HTTP/1.1 504 Gateway Timeout\r\n"), "{answer}");
    assert!(answer.contains("\r\n\r\nupstream: ") && answer.contains("no answer"), "{answer}");
    server.join();
    tap.end().exits(0).says("cannot connect a client to the upstream: ").says("(the client got 504)");
}

#[test]
fn an_upstream_that_breaks_the_handshake_is_a_bad_gateway() {
    let echo = Mock::start(&["plain", "--fault", "bad-accept"]);
    let tap = echo.tap(&[]);
    let out = tap.connect(&["--no-reconnect"]);
    out.exits(14).says("502").says("accept-key");
    tap.end().says("cannot connect a client to the upstream: ").says("(the client got 502)");
}

#[test]
fn a_client_that_gives_up_leaves_no_connection_behind() {
    let (asked, is_asked) = mpsc::channel();
    let server = Server::once(move |mut peer| {
        peer.request();
        asked.send(()).unwrap();
        assert_eq!(peer.stream.read(&mut [0]).ok(), Some(0), "the client has gone");
    });
    let tap = tap(&server.url(), &["--connect-timeout", "1h"]);
    let mut client = connected(tap.port);
    client.write_all(request("/").as_bytes()).unwrap();
    is_asked.recv().unwrap();
    drop(client);
    server.join();
}
