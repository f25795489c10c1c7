//! What `-v` and `-vv` print of a client.

use crate::harness::{Peer, Server, keep_closed, wstap};
use crate::servers::Authority;

fn session(peer: &mut Peer) {
    peer.text("hello");
    assert_eq!(peer.read_text().as_deref(), Some("hi"));
    peer.frame(9, b"ping");
    peer.read_frame();
    peer.close(1000, "bye");
    peer.read_close();
}

fn lines(stderr: &str) -> Vec<&str> {
    stderr.lines().filter_map(|line| line.strip_prefix("wstap: ")).collect()
}

#[test]
fn one_v_shows_the_way_to_the_connection_and_its_end() {
    for command in [&["connect"][..], &["subscribe", "-d", "plain", "--no-reconnect"]] {
        let server = Server::once(|mut peer| {
            peer.accept_with("Set-Cookie: id=s3cr3t-c00kie\r\nX-Served-By: a\r\n");
            session(&mut peer);
        });
        let url = format!("ws://localhost:{}/p?token=s3cr3t-t0ken", server.port);
        let args = ["-v", "-4", "-x", "hi", "-H", "Authorization: Bearer s3cr3t-bearer", "-H", "X-Own: b"];
        let out = wstap(command).args(&[&url]).args(&args).run();
        let lines = lines(&out.exits(0).stderr);
        let expected = [
            "* resolved localhost to 127.0.0.1 in ",
            &format!("* tried 127.0.0.1:{}: connected after ", server.port),
            &format!("* connected to 127.0.0.1:{} from 127.0.0.1:", server.port),
            "> GET /p?token=*** HTTP/1.1",
            &format!("> Host: localhost:{}", server.port),
            "> Authorization: ***",
            "> X-Own: b",
            "< HTTP/1.1 101 ",
            "< Set-Cookie: ***",
            "< X-Served-By: a",
            "* upgrade ",
            "connected to ws://localhost:",
            "< close 1000 (normal closure, \"bye\")",
            "> close 1000 (normal closure)",
        ];
        let mut rest = lines.iter();
        for start in expected {
            assert!(rest.any(|line| line.starts_with(start)), "{start}\n{}", out.stderr);
        }
        for absent in ["s3cr3t", "hello", " ping", " text"] {
            assert!(!out.stderr.contains(absent), "{absent}\n{}", out.stderr);
        }
        server.join();
    }
}

#[test]
fn two_show_frames_as_well() {
    let server = Server::websocket(session);
    let out = wstap(&["connect", &server.url(), "-vv", "-x", "hi", "--ping-interval", "0s"]).run();
    let frames: Vec<&str> = lines(&out.exits(0).stderr)
        .into_iter()
        .filter(|line| line.starts_with(['<', '>']) && line.contains(" bytes"))
        .collect();
    assert_eq!(frames.iter().filter(|frame| **frame == "> text, 2 bytes").count(), 1, "{frames:?}");
    for frame in ["< text, 5 bytes", "< ping, 4 bytes", "> pong, 4 bytes"] {
        assert!(frames.contains(&frame), "{frames:?}");
    }
    server.join();
}

#[test]
fn a_certificate_and_its_trust_are_a_line() {
    let authority = Authority::new();
    let server = authority.serve("localhost", 2050, false);
    let url = format!("wss://localhost:{}/", server.port);
    let out = wstap(&["connect", &url, "-v", "--cacert", &authority.file("ca.pem")]).run();
    out.exits(0).says("* TLSv1.3, TLS_").says(", for localhost, issued by CN=ours, valid until 2050-01-01");
    out.says(", trusted\n");
    let server = authority.serve("localhost", 2050, false);
    let url = format!("wss://localhost:{}/", server.port);
    wstap(&["connect", &url, "-v"]).run().exits(13).says("* certificate ").says(", not trusted: ");
}

#[test]
fn what_fails_is_shown_as_far_as_it_came() {
    let closed = keep_closed(0);
    let out = wstap(&["connect", "-v", &format!("ws://127.0.0.1:{closed}/")]).run();
    out.exits(11).says(&format!("* tried 127.0.0.1:{closed}: "));
    let server = Server::once(|mut peer| {
        peer.request();
        peer.write("HTTP/1.1 403 Forbidden\r\nX-Why: no\r\nContent-Length: 0\r\n\r\n");
    });
    let out = wstap(&["connect", "-v", &server.url()]).run();
    out.exits(16).says("< HTTP/1.1 403 Forbidden").says("< X-Why: no");
    server.join();
    let out = wstap(&["probe-handshake", "-v", "--mock"]).run();
    out.exits(0).says("> GET /echo HTTP/1.1");
}
