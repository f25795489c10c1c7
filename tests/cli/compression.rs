//! permessage-deflate (RFC 7692) as the client offers and speaks it, as the mock accepts it and as the probe reports it.

use serde_json::{Value, json};
use wstap::testing::{DeflateFlow, Deflater, Inflater, TAIL};

use crate::clients::serve;
use crate::harness::{Output, Peer, Server, frame, header, wstap};

const EXTENSIONS: &str = "Sec-WebSocket-Extensions";
const OFFER: &str = "permessage-deflate; client_max_window_bits";
const FLOW: DeflateFlow = DeflateFlow { window_bits: 15, takeover: true };

/// `Hello` as RFC 7692 §7.2.3.1 compresses it.
const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";

/// Runs `connect` against a server that answers the offer with this and then plays the script.
fn agreed(answer: &str, args: &[&str], script: impl FnOnce(&mut Peer) + Send + 'static) -> Output {
    let answer = format!("{EXTENSIONS}: {answer}\r\n");
    let server = Server::once(move |mut peer| {
        peer.accept_with(&answer);
        script(&mut peer);
    });
    let out = wstap(&["connect", &server.url()]).args(args).run();
    server.join();
    out
}

/// The offer of a command.
fn offered(args: &[&str]) -> Option<String> {
    let server = Server::once(|mut peer| {
        let request = peer.accept();
        let offer = header(&request, EXTENSIONS).unwrap_or("none");
        peer.text(&format!("{offer:?}"));
        peer.close_well(1000);
    });
    let out = wstap(&["connect", &server.url(), "-r", "-f", "."]).args(args).run();
    server.join();
    Some(out.exits(0).lines()[0].to_owned()).filter(|offer| offer != "none")
}

#[test]
fn compression_is_offered_unless_the_options_say_otherwise() {
    assert_eq!(offered(&[]).as_deref(), Some(OFFER));
    assert_eq!(offered(&["--no-compress"]), None);
    assert_eq!(offered(&["--compress", ""]).as_deref(), Some("permessage-deflate"));
    let all = "server_no_context_takeover,client_no_context_takeover,server_max_window_bits=9,client_max_window_bits=10";
    let spelled = format!("permessage-deflate; {}", all.replace(',', "; "));
    assert_eq!(offered(&["--compress", all]), Some(spelled));
    assert_eq!(offered(&["-H", &format!("{EXTENSIONS}:")]), None);
    let out = wstap(&["connect", "ws://127.0.0.1:1/", "--compress", "window=9"]).run();
    out.exits(2).says("window=9 is not allowed (expected server_no_context_takeover");
}

#[test]
fn compressed_messages_come_as_they_were_in_whatever_frames() {
    let out = agreed("permessage-deflate", &["--envelope"], |peer| {
        let mut deflater = Deflater::new(FLOW);
        let mut deflate = |text: &str| deflater.deflate(text.as_bytes()).unwrap();
        peer.write(frame(0xc1, &deflate("one")));
        peer.write(frame(0xc2, &deflate("\u{1}two")));
        // In pieces, with a ping between them; the first piece holds nothing, and a text that is not compressed follows.
        let three = deflate("three");
        peer.write(frame(0x41, b""));
        peer.write(frame(0x00, &three[..2]));
        peer.write(frame(0x89, b"ping"));
        peer.write(frame(0x80, &three[2..]));
        peer.text("four");
        peer.write([frame(0x01, b"fi"), frame(0x80, b"ve")].concat());
        peer.write(frame(0xc1, &deflate(&"six".repeat(100_000))));
        // RFC 7692 §7.2.3.6 and §7.2.3.4: an empty message, and the end of a stream.
        peer.write(frame(0xc1, b"\x00"));
        peer.write(frame(0xc1, b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00"));
        peer.close_well(1000);
    });
    let messages = out.exits(0).records("message");
    let texts: Vec<&Value> = messages.iter().map(|message| &message["text"]).collect();
    let six = json!("six".repeat(100_000));
    assert_eq!(
        texts,
        [
            &json!("one"),
            &json!(null),
            &json!("three"),
            &json!("four"),
            &json!("five"),
            &six,
            &json!(""),
            &json!("Hello")
        ]
    );
    assert_eq!(messages[1]["base64"], "AXR3bw==");
    assert_eq!(out.records("ping").len(), 1);
    assert_eq!(out.records("open")[0]["compression"], "permessage-deflate");
    let summary = out.summary();
    assert_eq!(summary["compression"], "permessage-deflate");
    assert_eq!(summary["bytes_in"], 300_000 + 3 + 4 + 5 + 4 + 4 + 5);
    assert!(summary["wire_in"].as_u64() < Some(10_000), "{summary}");
    assert!(summary["wire_out"].as_u64() > Some(0), "{summary}");
}

#[test]
fn what_is_sent_is_compressed_as_was_agreed() {
    // The server may leave the client so small a window that nothing is compressed for it.
    for (answer, window_bits, takeover, compressed) in [
        ("permessage-deflate", 15, true, true),
        ("permessage-deflate; client_max_window_bits=9", 9, true, true),
        ("permessage-deflate; client_no_context_takeover", 15, false, true),
        ("permessage-deflate; client_max_window_bits=8", 15, true, false),
    ] {
        let long = "a message of some length, ".repeat(100);
        let args = ["-x", &long, "-x", "", "-x", &long, "--count", "1"];
        let expected = [long.clone(), String::new(), long.clone()];
        agreed(answer, &args, move |peer| {
            let mut inflater = Inflater::new(DeflateFlow { window_bits, takeover });
            for text in &expected {
                let frame = peer.read_frame().unwrap();
                assert_eq!(frame.first, if compressed && !text.is_empty() { 0xc1 } else { 0x81 });
                assert!(
                    frame.masked && (!compressed || frame.payload.len() < 500),
                    "{}",
                    frame.payload.len()
                );
                let mut out = Vec::new();
                if frame.first == 0xc1 {
                    let payload = [&frame.payload[..], &TAIL].concat();
                    assert!(inflater.inflate(&mut &payload[..], &mut out, 1 << 20).unwrap());
                    if !takeover {
                        inflater = Inflater::new(FLOW);
                    }
                } else {
                    out = frame.payload;
                }
                assert!(out == text.as_bytes(), "{answer}");
            }
            peer.text("{}");
            peer.read_close();
        })
        .exits(0);
    }
}

#[test]
fn an_answer_that_is_not_allowed_is_refused_by_name() {
    for (args, answer, named) in [
        (&[][..], "permessage-deflate; server_max_window_bits=16", "server_max_window_bits=16"),
        (&[], "permessage-deflate; client_max_window_bits", "client_max_window_bits"),
        (&[], "permessage-deflate; odd=1", "odd=1"),
        (&["--compress", ""], "permessage-deflate; client_max_window_bits=10", "client_max_window_bits=10"),
        (&["--compress", "server_max_window_bits=10"], "permessage-deflate", "server_max_window_bits"),
        (&["--no-compress"], "permessage-deflate", "permessage-deflate was not offered"),
    ] {
        let header = format!("{EXTENSIONS}: {answer}\r\n");
        let server = Server::once(move |mut peer| {
            peer.accept_with(&header);
            peer.wait_for_end();
        });
        let out = wstap(&["connect", &server.url()]).args(args).run();
        out.exits(15).says(named);
        server.join();
    }
    let header = format!("{EXTENSIONS}: x-other\r\n");
    let server = Server::once(move |mut peer| {
        peer.accept_with(&header);
        peer.wait_for_end();
    });
    let offer = format!("{EXTENSIONS}: x-other");
    wstap(&["connect", &server.url(), "-H", &offer])
        .run()
        .exits(15)
        .says("x-other, which wstap does not support");
    server.join();
}

#[test]
fn what_breaks_the_rules_of_compression_is_a_violation() {
    let hello = |first| frame(first, HELLO);
    let broken: [(&str, Vec<u8>, u16); 8] = [
        ("a block of no type", frame(0xc1, b"\x07"), 1007),
        ("a distance before the window", frame(0xc1, b"\x02\x5e\x00\x00"), 1007),
        ("RSV2", hello(0xa1), 1002),
        ("RSV1 and RSV3", hello(0xd1), 1002),
        ("RSV1 on a ping", frame(0xc9, b"x"), 1002),
        ("RSV1 on a continuation", [frame(0x41, &HELLO[..2]), frame(0xc0, &HELLO[2..])].concat(), 1002),
        ("a message in a message", [frame(0x41, &HELLO[..2]), hello(0xc1)].concat(), 1002),
        ("text that is not UTF-8", frame(0xc1, &Deflater::new(FLOW).deflate(b"a\xff").unwrap()), 1007),
    ];
    for (what, bytes, code) in broken {
        let out = agreed("permessage-deflate", &["--envelope"], move |peer| {
            peer.write(frame(0xc1, HELLO));
            peer.write(&bytes);
            assert_eq!(peer.read_close(), Some(code), "{what}");
        });
        assert_eq!(out.code, Some(21), "{what}: {}", out.stderr);
        assert_eq!(out.records("message").len(), 1, "{what}: what came before is written");
    }
    // Without an agreement RSV1 is wrong.
    let server = Server::websocket(|peer| {
        peer.write(frame(0xc1, HELLO));
        assert_eq!(peer.read_close(), Some(1002));
    });
    wstap(&["connect", &server.url()]).run().exits(21).says("reserved bits");
    server.join();
}

#[test]
fn a_bomb_meets_the_limit_while_it_is_inflated() {
    let bomb = Deflater::new(FLOW).deflate(&vec![b' '; 64 << 20]).unwrap();
    assert!(bomb.len() < 1 << 20);
    for (args, first) in [(["--max-message-size", "1M"], 0xc1), (["--max-message-size", "100K"], 0x41)] {
        let bomb = bomb.clone();
        let out = agreed("permessage-deflate", &args, move |peer| {
            peer.write(frame(first, &bomb));
            assert_eq!(peer.read_close(), Some(1009));
        });
        out.exits(21).says("exceeds the limit").says("--max-message-size");
    }
}

#[test]
fn a_mock_agrees_to_what_it_is_asked_for() {
    let all = "server_no_context_takeover,client_no_context_takeover,server_max_window_bits=9,client_max_window_bits=10";
    let spelled = format!("permessage-deflate; {}", all.replace(',', "; "));
    let numbers = json!(vec![1; 1001]);
    let text = numbers.to_string();
    for (mock, client, agreement) in [
        (&[][..], &[][..], json!("permessage-deflate")),
        (&["--compress", all], &[], json!(spelled)),
        (&[], &["--compress", all], json!(spelled)),
        (&["--compress", "client_max_window_bits=9"], &["--compress", ""], json!(null)),
        (&["--no-compress"], &[], json!(null)),
        (&[], &["--no-compress"], json!(null)),
    ] {
        let (_mock, port) = serve(&[&["plain"], mock].concat());
        let url = format!("ws://127.0.0.1:{port}/echo");
        let out = wstap(&["connect", &url, "--envelope", "-x", &text, "-x", &text, "--count", "2"])
            .args(client)
            .run();
        assert_eq!(out.exits(0).records("open")[0]["compression"], agreement, "{mock:?} {client:?}");
        let echoes: Vec<Value> =
            out.records("message").into_iter().filter(|record| record["dir"] == "in").collect();
        assert!(echoes.len() == 2 && echoes.iter().all(|echo| echo["data"] == numbers));
        let summary = out.summary();
        let small = summary["wire_in"].as_u64() < Some(200);
        assert_eq!(small, !agreement.is_null(), "{summary}");
    }
}

#[test]
fn a_probe_reports_what_was_offered_and_answered() {
    let probe = |mock: &[&str], args: &[&str]| {
        let (_mock, port) = serve(&[&["plain"], mock].concat());
        let url = format!("ws://127.0.0.1:{port}/echo");
        let out = wstap(&["probe-handshake", &url]).args(args).run();
        out.json().remove(0)
    };
    let agreed = probe(&[], &["--live", "-x", &format!("[{}]", "1,".repeat(1000) + "1")]);
    assert_eq!(
        agreed["compression"],
        json!({"offered": OFFER, "answered": "permessage-deflate", "verdict": "agreed"})
    );
    let savings = &agreed["live"]["compression"];
    assert_eq!((&savings["messages"], &savings["bytes"]), (&json!(1), &json!(2003)), "{agreed}");
    assert!(savings["ratio"].as_f64() > Some(10.0), "{savings}");
    let check = |record: &Value| {
        let checks = record["checks"].as_array().unwrap();
        checks.iter().find(|check| check["id"] == "compressed-messages").map(|check| check["verdict"].clone())
    };
    assert_eq!(check(&agreed), Some(json!("ok")));
    let declined = probe(&["--no-compress"], &["--live", "-x", "[1]"]);
    assert_eq!(declined["compression"]["verdict"], "declined");
    assert_eq!((check(&declined), &declined["live"]["compression"]), (None, &json!(null)));
    assert_eq!(probe(&[], &["--no-compress"])["compression"], json!(null));
    let wrong = probe(&["--fault", "extension=permessage-deflate; odd"], &[]);
    assert_eq!((&wrong["compression"]["verdict"], &wrong["exit"]), (&json!("wrong"), &json!(15)));
    let broken = probe(&["--fault", "bad-deflate"], &["--live"]);
    assert_eq!((check(&broken), &broken["exit"]), (Some(json!("fail")), &json!(21)));
    let bomb = probe(&["--fault", "bomb"], &["--live", "--max-message-size", "1M"]);
    assert_eq!((check(&bomb), &bomb["exit"]), (Some(json!("fail")), &json!(21)));
}
