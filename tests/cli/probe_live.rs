//! `probe-handshake --live`: every check of an open connection, against servers that get one thing wrong.

use serde_json::{Value, json};

use crate::harness::{Output, Peer, Server, frame, given_time, wstap};

/// A live probe of a server that accepts the upgrade and then plays the script.
fn live(args: &[&str], script: impl FnOnce(&mut Peer) + Send + 'static) -> (Output, Value) {
    let server = Server::websocket(script);
    let out = wstap(&["probe-handshake", &server.url(), "--live", "--max-time", "100s"]).args(args).run();
    server.join();
    let record = out.json().pop().unwrap_or_else(|| panic!("{}", out.stderr));
    (out, record)
}

/// The checks of the open connection that are neither `ok` nor skipped, with their verdicts.
fn faults(record: &Value) -> Vec<(&str, &str)> {
    let checks = record["checks"].as_array().unwrap();
    assert_eq!(checks.len(), 16, "{checks:#?}");
    checks[8..]
        .iter()
        .map(|check| (check["id"].as_str().unwrap(), check["verdict"].as_str().unwrap()))
        .filter(|(_, verdict)| !matches!(*verdict, "ok" | "skipped"))
        .collect()
}

/// Answers the ping, sends a message and closes when asked to.
fn behave(peer: &mut Peer) {
    let ping = peer.read_frame().unwrap();
    peer.text("hello");
    peer.frame(10, ping.payload);
    peer.read_close();
    peer.close(1000, "bye");
}

#[test]
fn a_server_that_behaves_is_measured() {
    let (out, record) = live(&["--max", "message=100s,pong=100s,close=100s"], behave);
    out.exits(0);
    assert_eq!(faults(&record), []);
    let live = &record["live"];
    assert!(live["message"].is_f64() && live["pong"].is_f64() && live["close"]["ms"].is_f64(), "{live}");
    let close = &live["close"];
    assert_eq!((&close["by"], &close["code"]), (&json!("us"), &json!(1000)));
    assert_eq!((&close["reason"], &close["tcp_by"]), (&json!("bye"), &json!("peer")));
    assert_eq!((&live["frames"], &live["message_count"]), (&json!(3), &json!(1)));
}

#[test]
fn what_is_sent_is_masked_and_pings_are_answered() {
    let (out, _) = live(&["-x", "{\"op\":1}"], |peer| {
        let ping = peer.read_frame().unwrap();
        assert_eq!((ping.first, ping.masked), (0x89, true));
        assert_eq!(peer.read_text().unwrap(), "{\"op\":1}");
        peer.frame(9, "are you there");
        let pong = peer.read_frame().unwrap();
        assert_eq!((pong.first, pong.masked, pong.payload.as_slice()), (0x8a, true, &b"are you there"[..]));
        peer.text("{}");
        peer.frame(10, ping.payload);
        assert_eq!(peer.read_close(), Some(1000));
        peer.close(1000, "");
    });
    out.exits(0);
}

#[test]
fn frames_that_break_the_rfc_are_named_and_the_rest_is_judged() {
    let cases: [(&[u8], &str); 7] = [
        (b"\x81\x82\x00\x00\x00\x00hi", "frames-unmasked"),
        (b"\xc1\x02hi", "rsv-clear"),
        (b"\x83\x00", "rsv-clear"),
        (b"\x09\x00", "control-frames"),
        (b"\x89\x7e\x00\x7e", "control-frames"),
        (b"\x91\x00", "rsv-clear"),
        (b"\x81\x03a\xffb", "text-utf8"),
    ];
    for (bytes, check) in cases {
        let (out, record) = live(&[], move |peer| {
            peer.write(bytes);
            if bytes == b"\x89\x7e\x00\x7e" {
                peer.write(vec![b'x'; 126]);
            }
            // The answer to the server's own ping may come before the close.
            behave(peer);
        });
        out.exits(21).says(check);
        assert_eq!(faults(&record), [(check, "fail")], "{bytes:x?}");
        assert_eq!(record["failed"]["phase"], "live");
        assert_eq!(record["live"]["close"]["code"], 1000);
    }
}

#[test]
fn a_pong_has_to_come_and_to_have_the_payload() {
    for (pong, got) in [(None, "none within"), (Some("other"), "another payload")] {
        let (out, record) = within_time(&[], 2 + pong.iter().len() as u64, move |peer| {
            peer.text("hello");
            pong.iter().for_each(|pong| peer.frame(10, pong));
            peer.read_close();
            peer.close(1000, "");
        });
        out.exits(22).says(got);
        assert_eq!(faults(&record), [("ping-pong", "fail")]);
    }
}

/// A live probe that has to wait until a part of its time is up, with enough of it for all the frames of the server.
fn within_time(
    args: &[&str],
    frames: u64,
    script: impl Fn(&mut Peer) + Clone + Send + 'static,
) -> (Output, Value) {
    given_time(|limit| {
        let (out, record) = live(&[args, &["--max-time", limit]].concat(), script.clone());
        (record["live"]["frames"] == frames).then_some((out, record))
    })
}

#[test]
fn an_end_without_a_close_is_told_as_what_it_is() {
    // A connection that ends at once is not a silent one, however long is waited for a pong.
    let (out, record) = live(&["--max-time", "1m"], |peer| {
        peer.read_frame();
    });
    out.exits(20).says("got the end of the connection without one");
    assert_eq!(faults(&record), [("close-handshake", "fail")]);
    let got = |id: &str| {
        let checks = record["checks"].as_array().unwrap();
        checks.iter().find(|check| check["id"] == id).unwrap()["got"].clone()
    };
    for id in ["ping-pong", "first-message"] {
        assert_eq!(got(id), "the end of the connection");
    }
    assert_eq!(record["live"]["close"]["by"], "network");
    for cut in [&b"\x81\x05hel"[..], b"\x82\x7f\x00\x00\x00\x00\x00\x02\x00\x00hel", b"\x81"] {
        let (out, record) = live(&["--max-time", "1m"], move |peer| {
            peer.read_frame();
            peer.write(cut);
        });
        out.exits(20).says("got the end of the connection in the middle of a frame");
        assert_eq!(faults(&record), [("close-handshake", "fail")]);
    }
}

#[test]
fn the_close_is_judged_by_who_code_and_end() {
    let closing = |bytes: &'static [u8]| {
        live(&[], move |peer| {
            let ping = peer.read_frame().unwrap();
            peer.text("hello");
            peer.frame(10, ping.payload);
            peer.read_close();
            peer.write(frame(0x88, bytes));
        })
    };
    for bytes in
        [&b"\x03\xee"[..], b"\x03\xed", b"\x03\xf7", b"\x00\x01", b"\x13\x88", b"\x03", b"\x03\xe8\xff"]
    {
        let (out, record) = closing(bytes);
        out.exits(21);
        assert_eq!(faults(&record), [("close-code", "fail")], "{bytes:x?}");
    }
    let (out, record) = closing(b"");
    out.exits(0);
    assert_eq!(record["live"]["close"]["code"], 1005);

    // The peer closes first.
    for (code, exit, verdict) in
        [(1001, 0, "warn"), (1008, 16, "fail"), (4004, 17, "fail"), (1011, 20, "fail")]
    {
        let (out, record) = live(&[], move |peer| {
            peer.close_well(code);
        });
        out.exits(exit);
        assert_eq!(faults(&record), [("close-handshake", verdict)]);
        assert_eq!(
            (&record["live"]["close"]["by"], &record["live"]["close"]["code"]),
            (&json!("peer"), &json!(code))
        );
    }
    // No close frame at all.
    let (out, record) = live(&[], |peer| {
        let ping = peer.read_frame().unwrap();
        peer.frame(10, ping.payload);
        peer.text("hello");
        peer.read_close();
    });
    out.exits(20);
    assert_eq!(faults(&record), [("close-handshake", "fail")]);
    // A connection that stays open after both have closed.
    let (out, record) = within_time(&[], 3, |peer| {
        behave(peer);
        peer.wait_for_end();
    });
    out.exits(0);
    assert_eq!(record["live"]["close"]["tcp_by"], "us");
}

#[test]
fn a_server_that_waits_to_be_asked_is_no_failure() {
    let (out, record) = within_time(&[], 2, |peer| {
        let ping = peer.read_frame().unwrap();
        peer.frame(10, ping.payload);
        peer.read_close();
        peer.close(1000, "");
    });
    out.exits(0);
    let message = &record["checks"].as_array().unwrap()[13];
    assert_eq!((&message["id"], &message["verdict"]), (&json!("first-message"), &json!("skipped")));
    let (out, _) = within_time(&["--max", "message=1s"], 2, |peer| {
        let ping = peer.read_frame().unwrap();
        peer.frame(10, ping.payload);
        peer.read_close();
        peer.close(1000, "");
    });
    out.exits(1).says("not reached");
}

#[test]
fn the_page_has_it_too() {
    let server = Server::websocket(behave);
    let args = ["--live", "--max-time", "100s", "--format", "text"];
    let out = wstap(&["probe-handshake", &server.url()]).args(&args).run();
    out.exits(0);
    for text in ["✔ ping-pong", "first message ", "by us, 1000 bye, TCP ended by peer"] {
        assert!(out.stdout.contains(text), "{text}\n{}", out.stdout);
    }
}

#[test]
fn a_bit_that_was_negotiated_is_no_mistake() {
    let deflated = |peer: &mut Peer| {
        // "hello", as RFC 7692 §7.2.3.1 has it, in two frames.
        peer.write(b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00");
        let ping = peer.read_frame().unwrap();
        peer.frame(10, ping.payload);
        peer.read_close();
        peer.close(1000, "");
    };
    let server = Server::once(move |mut peer| {
        peer.accept_with("Sec-WebSocket-Extensions: permessage-deflate\r\n");
        deflated(&mut peer);
    });
    let offer = ["--live", "--max-time", "100s", "-H", "Sec-WebSocket-Extensions: permessage-deflate"];
    wstap(&["probe-handshake", &server.url()]).args(&offer).run().exits(0);
    server.join();
    let (out, record) = live(&[], deflated);
    out.exits(21);
    assert_eq!(faults(&record), [("rsv-clear", "fail")]);
}

#[test]
fn a_flood_ends_in_time() {
    let server = Server::websocket(|peer| {
        let flood = frame(0x82, &[0; 100]).repeat(1000);
        while std::io::Write::write_all(&mut peer.stream, &flood).is_ok() {}
    });
    let out = wstap(&["probe-handshake", &server.url(), "--live", "--max-time", "300ms"]).run();
    server.join();
    out.exits(22);
}
