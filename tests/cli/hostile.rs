//! Servers that break the protocol, go away, fall silent, or take every liberty the protocol leaves them.

use std::sync::mpsc;

use crate::harness::{Peer, Server, connect, frame, upgrade, wstap};

const SIXTEEN_MIB: usize = 16 << 20;

fn letters(length: usize) -> String {
    ('a'..='z').cycle().take(length).collect()
}

#[test]
fn broken_framing_is_the_peers_fault() {
    let mut sixty_four_bits = vec![0x81, 127];
    sixty_four_bits.extend_from_slice(&(1_u64 << 63).to_be_bytes());
    let cases: Vec<(&str, Vec<u8>, u16)> = vec![
        ("a masked frame", vec![0x81, 0x81, 1, 2, 3, 4, b'a' ^ 1], 1002),
        ("RSV1", frame(0xc1, b"a"), 1002),
        ("RSV2", frame(0xa1, b"a"), 1002),
        ("RSV3 on a ping", frame(0x99, b"a"), 1002),
        ("a reserved data opcode", frame(0x83, b""), 1002),
        ("a reserved control opcode", frame(0x8b, b""), 1002),
        ("a ping of 126 bytes", frame(0x89, &[b'a'; 126]), 1002),
        ("a fragmented ping", frame(0x09, b"a"), 1002),
        ("a continuation of nothing", frame(0x80, b"a"), 1002),
        ("a message within a message", [frame(0x01, b"a"), frame(0x81, b"b")].concat(), 1002),
        ("text that is not UTF-8", frame(0x81, b"\xff\xfe"), 1007),
        ("half a character", frame(0x81, b"\xe2\x82"), 1007),
        ("half a character in fragments", [frame(0x01, b"\xe2"), frame(0x80, b"\x82")].concat(), 1007),
        ("a length of 64 bits", sixty_four_bits, 1009),
    ];
    for (what, bytes, code) in cases {
        let out = connect(&["--envelope"], move |peer| {
            peer.text("before");
            peer.write(bytes);
            assert_eq!(peer.read_close(), Some(code), "{what}");
        });
        out.exits(21).says("protocol error");
        assert_eq!(out.records("message").len(), 1, "{what}");
        assert_eq!(
            (&out.summary()["reason"], &out.summary()["code"]),
            (&"peer_protocol".into(), &code.into())
        );
    }
}

#[test]
fn a_message_over_the_limit_is_refused_with_1009() {
    for (what, bytes) in [
        ("one frame", frame(0x81, &[b'a'; 1025])),
        ("fragments", [frame(0x01, &[b'a'; 1000]), frame(0x80, &[b'a'; 25])].concat()),
        ("a lot behind it", [frame(0x81, &[b'a'; 1025]), vec![0; 1 << 20]].concat()),
    ] {
        let out = connect(&["--max-message-size", "1K"], move |peer| {
            peer.write(frame(0x81, &[b'b'; 1024]));
            peer.write(bytes);
            assert_eq!(peer.read_close(), Some(1009), "{what}");
        });
        out.exits(21).says("--max-message-size");
        assert_eq!(out.lines().len(), 1, "{what}: what is just under the limit arrives");
    }
}

#[test]
fn every_close_code_has_its_status() {
    let clean = [1000, 1001].map(|code| (code, 0));
    let named = [(1008, 16), (4004, 17)];
    let other = [1002, 1003, 1007, 1009, 1010, 1011, 1012, 1013, 3000, 4000, 4999].map(|code| (code, 20));
    for (code, status) in clean.into_iter().chain(named).chain(other) {
        let out = connect(&["--envelope"], move |peer| {
            peer.close(code, "because");
            assert_eq!(peer.read_close(), Some(code), "the answer repeats the code");
        });
        out.exits(status);
        let close = &out.records("close")[0];
        assert_eq!(close["code"], code);
        assert_eq!(close["reason"], "because");
        assert_eq!(close["by"], "peer");
        assert_eq!(close["clean"], true);
        assert_eq!(out.summary()["exit"], status);
        assert_eq!(out.summary()["reason"], "closed");
    }
}

#[test]
fn a_close_without_a_code_is_clean() {
    let out = connect(&["--envelope"], |peer| {
        peer.frame(8, b"");
        assert_eq!(peer.read_close(), Some(1005));
    });
    out.exits(0);
    assert_eq!(out.summary()["code"], 1005);
}

/// Close frames that break the rules, and what is said of them: the answer, the code and the reason.
fn wrong_closes() -> Vec<(u16, Vec<u8>, u16, String)> {
    let codes = [0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535];
    let with = |code: u16, reason: &[u8]| frame(0x88, &[&code.to_be_bytes(), reason].concat());
    let mut cases: Vec<_> = codes.map(|code| (1002, with(code, b"why"), code, "why".to_owned())).into();
    let long = "x".repeat(200);
    cases.extend([
        (1007, with(1001, b"a\xffb"), 1001, "a\u{fffd}b".to_owned()),
        (1002, with(1001, long.as_bytes()), 1001, long),
        (1002, frame(0x08, b"\x03\xe9part"), 1001, "part".to_owned()),
        (1002, frame(0xc8, b"\x03\xe9bits"), 1001, "bits".to_owned()),
        (1002, frame(0x88, &[3]), 1005, String::new()),
    ]);
    cases
}

#[test]
fn a_close_that_must_not_be_is_a_violation_that_says_what_the_peer_said() {
    // Whatever follows, and in the middle of a message.
    let around: [(&[u8], &[u8]); 3] = [(b"", b""), (b"", b"\x89\x00"), (b"\x01\x04part", b"\x81\x02hi")];
    for ((answer, bytes, code, reason), (before, after)) in
        wrong_closes().into_iter().zip(around.into_iter().cycle())
    {
        let out = connect(&["--envelope"], {
            let bytes = [before, &bytes, after].concat();
            move |peer| {
                peer.write(&bytes);
                assert_eq!(peer.read_close(), Some(answer), "{bytes:?}");
            }
        });
        assert_eq!(out.code, Some(21), "{bytes:?}: {}", out.stderr);
        let (summary, close) = (out.summary(), &out.records("close")[0]);
        assert_eq!((&summary["reason"], &summary["code"]), (&"peer_protocol".into(), &code.into()));
        assert_eq!(summary["close_reason"], reason);
        assert_eq!((&close["by"], &close["code"]), (&"peer".into(), &code.into()), "{bytes:?}");
        assert_eq!((&close["reason"], &close["clean"]), (&reason.clone().into(), &false.into()));
        out.says(&code.to_string()).says(&reason);
    }
}

#[test]
fn a_close_frame_does_not_hide_what_was_wrong_before_it() {
    let wrong: [(Vec<u8>, u16); 3] = [
        (frame(0x81, b"a\xff"), 1007),
        (frame(0x81, &[b'x'; 2000]), 1009),
        (frame(0x80, b"continued"), 1002),
    ];
    for (bytes, code) in wrong {
        let out = connect(&["--max-message-size", "1k"], move |peer| {
            peer.write([bytes, frame(0x88, b"\x03\xe8")].concat());
            assert_eq!(peer.read_close(), Some(code));
        });
        out.exits(21);
    }
}

#[test]
fn a_code_that_the_frame_layer_does_not_know_is_told_and_answered() {
    for after in [b"".as_slice(), b"\x89\x00", b"\x88\x02\x03\xe8"] {
        let out = connect(&["--envelope"], move |peer| {
            peer.write([frame(0x88, b"\x03\xf6upstream gone").as_slice(), after].concat());
            assert_eq!(peer.read_close(), Some(1014));
        });
        out.exits(20).says("1014 (bad gateway, \"upstream gone\")");
        let summary = out.summary();
        assert_eq!((&summary["code"], &summary["closed_by"]), (&1014.into(), &"peer".into()));
        assert_eq!(summary["clean"], true);
    }
}

#[test]
fn the_reason_of_a_close_does_not_hide_its_code() {
    // Its end has the bytes of a close frame with another code.
    let reason = format!("\u{5148} {:32}", "and then 32 bytes");
    let out = connect(&["--envelope"], {
        let reason = reason.clone();
        move |peer| {
            peer.close(1000, &reason);
            assert_eq!(peer.read_close(), Some(1000));
        }
    });
    out.exits(0);
    assert_eq!(out.summary()["close_reason"], reason);
}

#[test]
fn what_follows_a_close_frame_is_discarded() {
    let late: [(&str, Vec<u8>); 6] = [
        ("a ping", frame(0x89, b"")),
        ("a message", frame(0x81, b"late")),
        ("another close frame", frame(0x88, &4001_u16.to_be_bytes())),
        ("a close frame with half a code", frame(0x88, &[3])),
        ("broken framing", vec![0xff; 64]),
        ("a lot", frame(0x82, &vec![0; 1 << 20])),
    ];
    for ((what, bytes), (code, status)) in late.into_iter().zip([(1000, 0), (1011, 20)].into_iter().cycle()) {
        let out = connect(&["--envelope"], move |peer| {
            peer.text("before");
            peer.write([frame(0x88, &u16::to_be_bytes(code)), bytes].concat());
            assert_eq!(peer.read_close(), Some(code), "{what}");
        });
        assert_eq!(out.code, Some(status), "{what}: {}", out.stderr);
        assert_eq!(out.records("message").len(), 1, "{what}");
        let summary = out.summary();
        assert_eq!((&summary["reason"], &summary["code"]), (&"closed".into(), &code.into()), "{what}");
        assert_eq!(summary["clean"], true, "{what}");
    }
}

#[test]
fn more_close_codes_can_be_declared_fine() {
    for code in [1011, 4000, 4004] {
        let args = ["--ok-close", &code.to_string(), "--ok-close", "3999"];
        connect(&args, move |peer| peer.close_well(code)).exits(0);
    }
    connect(&["--ok-close", "4001"], |peer| peer.close_well(4002)).exits(20);
}

#[test]
fn a_connection_that_is_cut_is_1006() {
    let out = connect(&["--envelope"], |peer| peer.text("1"));
    out.exits(20).says("connection lost");
    assert_eq!(out.records("message").len(), 1);
    let summary = out.summary();
    assert_eq!((&summary["code"], &summary["closed_by"]), (&1006.into(), &"network".into()));
    assert_eq!(summary["clean"], false);
}

#[test]
fn a_connection_that_is_cut_within_a_message_is_1006() {
    let out = connect(&["--envelope"], |peer| peer.write([0x81, 100, b'a']));
    out.exits(20);
    assert_eq!(out.summary()["code"], 1006);
    assert!(out.records("message").is_empty());
}

#[test]
fn a_peer_that_answers_no_ping_is_given_up() {
    let args = ["--envelope", "--ping-interval", "50ms", "--ping-timeout", "100ms"];
    let out = connect(&args, Peer::wait_for_end);
    out.exits(22).says("timed out");
    assert_eq!(out.summary()["reason"], "silent");
    assert!(!out.records("ping").is_empty());
}

#[test]
fn a_peer_that_answers_pings_is_kept() {
    // A pong that comes after the next ping has no time: it may be an answer to either.
    for interval in ["20ms", "200ms", "2s"] {
        let args = ["--envelope", "--ping-interval", interval, "--ping-timeout", "100s"];
        let out = connect(&args, |peer| {
            for _ in 0..5 {
                let ping = peer.read_frame().expect("a ping comes");
                assert_eq!((ping.first, ping.masked), (0x89, true));
                peer.frame(10, &ping.payload);
            }
            peer.close_well(1000);
        });
        let pongs = out.exits(0).records("pong");
        assert_eq!(pongs.len(), 5);
        if pongs.iter().all(|pong| pong["rtt_us"].is_u64()) {
            return;
        }
    }
    panic!("no answer within two seconds");
}

#[test]
fn a_peer_that_never_answers_a_close_is_left() {
    let out = connect(&["--envelope", "--until", ".data == 1"], |peer| {
        peer.text("1");
        assert_eq!(peer.read_close(), Some(1000));
        peer.wait_for_end();
    });
    out.exits(0);
    assert_eq!(out.summary()["clean"], false);
    assert_eq!(out.summary()["reason"], "until");
}

#[test]
fn a_peer_that_never_ends_the_connection_is_left() {
    let out = connect(&["--envelope"], |peer| {
        peer.close(1000, "");
        peer.read_close();
        peer.wait_for_end();
    });
    out.exits(0);
    assert_eq!(out.summary()["clean"], true);
}

#[test]
fn what_comes_between_our_close_and_its_answer_does_no_harm() {
    let out = connect(&["--count", "1"], |peer| {
        peer.text("1");
        assert_eq!(peer.read_close(), Some(1000));
        peer.text("late");
        peer.frame(9, b"ping");
        peer.close(1000, "");
        peer.wait_for_end();
    });
    out.exits(0);
}

#[test]
fn a_close_within_a_fragmented_message_ends_it() {
    let out = connect(&[], |peer| {
        peer.write(frame(0x01, b"half"));
        peer.close_well(1000);
    });
    assert_eq!(out.exits(0).stdout, "");
}

#[test]
fn a_server_may_close_while_a_big_message_is_on_its_way_to_it() {
    let server = Server::websocket(|peer| {
        peer.close(1000, "enough");
        assert_eq!(peer.read_close(), Some(1000));
    });
    let out = wstap(&["connect", &server.url(), "--envelope"]).stdin(letters(SIXTEEN_MIB)).run();
    out.exits(0);
    assert_eq!(out.summary()["close_reason"], "enough");
    server.join();
}

#[test]
fn escape_codes_of_a_server_do_not_reach_the_terminal() {
    let out = connect(&[], |peer| {
        peer.close(4001, "\u{1b}[31m\u{9b}2J\u{202e}red\r\n");
        peer.read_close();
    });
    out.exits(20).says("red");
    assert!(!out.stderr.contains(['\u{1b}', '\u{9b}', '\u{202e}', '\r']), "{:?}", out.stderr);
}

#[test]
fn frames_in_the_packet_of_the_upgrade_are_not_lost() {
    let server = Server::once(|mut peer: Peer| {
        let response = upgrade(&peer.request(), "");
        let close =
            [frame(0x81, b"first"), frame(0x82, b"\0"), frame(0x88, &1000_u16.to_be_bytes())].concat();
        peer.write([response.as_bytes(), &close].concat());
        peer.read_close();
    });
    let out = wstap(&["connect", &server.url()]).run();
    assert_eq!(out.exits(0).stdout, "\"first\"\n\"AA==\"\n");
    server.join();
}

#[test]
fn a_server_may_write_one_byte_at_a_time() {
    let server = Server::once(|mut peer: Peer| {
        let response = upgrade(&peer.request(), "");
        let long = [br#"{"a":""#, [b'x'; 200].as_slice()].concat();
        let frames = [frame(0x01, &long), frame(0x89, b"?"), frame(0x80, br#""}"#)].concat();
        for byte in response.as_bytes().iter().chain(&frames) {
            peer.write([*byte]);
        }
        peer.close_well(1000);
    });
    let out = wstap(&["connect", &server.url()]).run();
    assert_eq!(out.exits(0).stdout, format!("{{\"a\":\"{}\"}}\n", "x".repeat(200)));
    server.join();
}

#[test]
fn a_character_may_be_split_over_fragments() {
    let out = connect(&[], |peer| {
        let [a, b, c] = *"€".as_bytes() else { unreachable!("the euro sign has three bytes") };
        peer.write([frame(0x01, &[a]), frame(0x00, &[b]), frame(0x00, b""), frame(0x80, &[c])].concat());
        peer.close_well(1000);
    });
    assert_eq!(out.exits(0).stdout, "\"€\"\n");
}

#[test]
fn a_ping_between_fragments_is_answered_and_the_message_stays_whole() {
    let out = connect(&[], |peer| {
        peer.write([frame(0x01, b"one "), frame(0x89, b"\0ping\xff"), frame(0x80, b"two")].concat());
        let pong = peer.read_frame().expect("a pong comes");
        assert_eq!((pong.first, pong.masked, pong.payload), (0x8a, true, b"\0ping\xff".to_vec()));
        peer.close_well(1000);
    });
    assert_eq!(out.exits(0).stdout, "\"one two\"\n");
}

#[test]
fn every_ping_of_a_burst_is_answered() {
    connect(&[], |peer| {
        peer.write((0..10_u8).flat_map(|number| frame(0x89, &[number])).collect::<Vec<u8>>());
        for number in 0..10 {
            assert_eq!(peer.read_frame().expect("a pong comes").payload, [number]);
        }
        peer.close_well(1000);
    })
    .exits(0);
}

#[test]
fn sixteen_mib_arrive_whole_in_one_frame_and_in_many() {
    let text = letters(SIXTEEN_MIB);
    let whole = frame(0x81, text.as_bytes());
    let mut pieces: Vec<Vec<u8>> = text.as_bytes().chunks(65_536).map(|piece| frame(0x00, piece)).collect();
    pieces[0][0] = 0x01;
    pieces.push(frame(0x80, b""));
    for bytes in [whole, pieces.concat()] {
        let out = connect(&["--raw-output"], move |peer| {
            peer.write(bytes);
            peer.close_well(1000);
        });
        assert!(out.exits(0).stdout.trim_end() == text, "{} bytes arrived", out.stdout.len());
    }
}

#[test]
fn empty_messages_are_messages() {
    let out = connect(&[], |peer| {
        peer.write([frame(0x81, b""), frame(0x82, b""), frame(0x01, b""), frame(0x80, b"")].concat());
        peer.close_well(1000);
    });
    assert_eq!(out.exits(0).stdout, "\"\"\n\"\"\n\"\"\n");
}

#[test]
fn a_server_that_stops_reading_does_not_hold_the_end_up() {
    let (ended, end) = mpsc::channel::<()>();
    let server = Server::websocket(move |_peer| assert!(end.recv().is_err()));
    let out = wstap(&["connect", &server.url(), "--max-time", "300ms"]).stdin(letters(SIXTEEN_MIB)).run();
    out.exits(0);
    drop(ended);
    server.join();
}
