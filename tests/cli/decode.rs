//! Messages that are compressed, binary, or several in one.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;

use crate::harness::{Output, Peer, Server, connect, frame, wstap};

fn gzip(text: impl AsRef<[u8]>) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_ref()).unwrap();
    encoder.finish().unwrap()
}

/// Sends binary messages and closes.
fn binary(messages: Vec<Vec<u8>>) -> impl FnOnce(&mut Peer) + Send + 'static {
    move |peer| {
        messages.iter().for_each(|message| peer.frame(2, message));
        peer.close_well(1000);
    }
}

/// As HTX, BingX and BitMart do it: the ping is inside, and has to be answered with its number.
#[test]
fn a_ping_inside_gzip_is_answered_and_the_filter_sees_the_rest() {
    for (args, opcode) in [(&[][..], 0x81), (&["--encode", "gzip"], 0x82)] {
        let server = Server::websocket(move |peer| {
            peer.frame(2, gzip(r#"{"ping":1492420473027}"#));
            let pong = peer.read_frame().unwrap();
            assert_eq!(pong.first, opcode);
            let expected = br#"{"pong":1492420473027}"#;
            assert!(pong.payload == expected || opcode == 0x82 && pong.payload.starts_with(&[0x1f, 0x8b]));
            peer.frame(2, gzip(r#"{"ch":"ticker","tick":{"close":1.50}}"#));
            peer.close_well(1000);
        });
        let out = wstap(&[
            "connect",
            &server.url(),
            "--decode",
            "auto",
            "--reply",
            "select(.ping) | {pong: .ping}",
        ])
        .args(&["-f", "select(.tick) | .tick.close"])
        .args(args)
        .run();
        assert_eq!(out.exits(0).stdout, "1.50\n");
        server.join();
    }
}

#[test]
fn everything_that_looks_at_messages_sees_them_decoded() {
    let messages = || binary(vec![gzip(r#"{"n": 1}"#), gzip(r#"{"n": 2}"#), gzip(r#"{"n":3}"#)]);
    let run = |args: &[&str]| connect(&[&["--decode", "gzip"], args].concat(), messages());
    assert_eq!(run(&[]).exits(0).stdout, "{\"n\": 1}\n{\"n\": 2}\n{\"n\":3}\n");
    assert_eq!(run(&["--until", ".n == 2"]).exits(0).lines().len(), 2);
    run(&["--fail-if", ".n == 3"]).exits(1);
    assert_eq!(run(&["-n", "-f", "[inputs.n] | add"]).exits(0).stdout, "6\n");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("r").display().to_string();
    run(&["--record", &file]).exits(0);
    let records = std::fs::read_to_string(&file).unwrap();
    assert!(records.contains(r#""seq":2,"opcode":"text","bytes":8,"data":{"n": 2}"#), "{records}");
    // What was recorded undecoded is decoded later.
    connect(&["--record", &file], messages()).exits(0);
    let later = wstap(&["connect", "--from", &file, "--decode", "auto", "-f", ".n"]).run();
    assert_eq!(later.exits(0).stdout, "1\n2\n3\n");
}

#[test]
fn binary_messages_stay_binary_with_one_hint() {
    let out = connect(&[], binary(vec![vec![0, 255], br#"{"a":1}"#.to_vec(), gzip("{}")]));
    assert_eq!(
        out.exits(0).lines(),
        ["\"AP8=\"", "\"eyJhIjoxfQ==\"", &format!("\"{}\"", base64(&gzip("{}")))]
    );
    assert_eq!(out.stderr.matches("--decode auto").count(), 1, "{}", out.stderr);
    let out = connect(&["--decode", "auto", "-f", "."], binary(vec![vec![0, 255], br#"{"a":1}"#.to_vec()]));
    assert_eq!(out.exits(0).lines(), ["\"AP8=\"", "{\"a\":1}"]);
    assert!(!out.stderr.contains("--decode auto"));
    let silent = connect(&[], binary(vec![vec![0, 255], vec![0, 1, 2]]));
    assert!(!silent.exits(0).stderr.contains("decode"), "{}", silent.stderr);
}

#[test]
fn the_parts_of_a_message_are_numbered() {
    let args = ["--decode", "lines", "--envelope"];
    let out = connect(&args, |peer| {
        peer.text("{\"a\":1}\n{\"a\":2}\n\n3\n");
        peer.text("4");
        peer.text("\n");
        peer.close_well(1000);
    });
    let messages = out.exits(0).records("message");
    let facts: Vec<_> =
        messages.iter().map(|m| (m["seq"].as_u64(), m["part"].as_u64(), m["data"].clone())).collect();
    assert_eq!(facts[0], (Some(1), Some(1), serde_json::json!({"a":1})));
    assert_eq!(facts[2], (Some(1), Some(3), serde_json::json!(3)));
    assert_eq!(facts[3], (Some(2), None, serde_json::json!(4)));
    // A message that holds none is recorded as it came.
    assert_eq!((messages.len(), messages[4]["text"].as_str()), (5, Some("\n")));
    assert_eq!((out.summary()["received"].as_u64(), out.summary()["lines"].as_u64()), (Some(3), Some(7)));
    let lines = connect(&["--decode", "lines", "--count", "2"], |peer| {
        peer.text("1\n2\n3\n");
        peer.wait_for_end();
    });
    assert_eq!(lines.exits(0).stdout, "1\n2\n");
}

#[test]
fn what_cannot_be_decoded_is_reported_recorded_and_counted() {
    let messages = || binary(vec![b"\x00broken".to_vec(), gzip("{\"a\":1}"), gzip("{}")[..12].to_vec()]);
    let out = connect(&["--decode", "gzip", "--envelope", "-v"], messages());
    out.exits(0).says("cannot decode message 1: gzip: not gzip at byte 0").says("AGJyb2tlbg==");
    out.says("cannot decode message 3: gzip: ");
    let errors = out.records("error");
    assert_eq!(errors.len(), 2);
    assert_eq!(
        (errors[0]["error"].as_str(), errors[0]["base64"].as_str()),
        (Some("decode"), Some("AGJyb2tlbg=="))
    );
    assert_eq!((errors[0]["seq"].as_u64(), errors[0]["bytes"].as_u64()), (Some(1), Some(7)));
    assert_eq!(out.summary()["decode_errors"], 2);
    // Without records, only what could be decoded is printed.
    let plain = connect(&["--decode", "gzip"], messages());
    assert_eq!(plain.exits(0).stdout, "{\"a\":1}\n");
    assert!(!plain.stderr.contains("AGJy"), "bytes are for -v");
    let failed = connect(&["--decode", "gzip", "--decode-errors", "fail"], |peer| {
        peer.frame(2, b"\x00broken");
        assert_eq!(peer.read_close(), Some(1000));
    });
    failed.exits(21).says("cannot decode message 1: gzip: not gzip at byte 0");
}

#[test]
fn errors_after_the_fifth_are_counted_only() {
    let out = connect(&["--decode", "cbor", "--envelope"], binary(vec![vec![0xff]; 9]));
    assert_eq!(out.exits(0).stderr.matches("cannot decode").count(), 5);
    assert_eq!(out.summary()["decode_errors"], 9);
}

#[test]
fn a_bomb_meets_the_limit_of_messages() {
    let args = ["--decode", "auto", "--max-message-size", "64K"];
    let out = connect(&args, binary(vec![gzip("x".repeat(1 << 20)), gzip("\"after\"")]));
    out.exits(0).says("more than 65536 bytes (--max-message-size)");
    assert_eq!(out.stdout, "\"after\"\n");
}

/// A server that masks the credential with base64 does not get it into records or notices.
#[test]
fn secrets_are_masked_in_what_cannot_be_decoded() {
    let args = ["--decode", "gzip", "--envelope", "-v", "--bearer", "s3cr3t-t0ken-123456"];
    let out = connect(&args, binary(vec![b"\x00s3cr3t-t0ken-123456".to_vec()]));
    let leak = "czNjcjN0LXQwa2VuLTEyMzQ1N";
    for shown in [&out.exits(0).stdout, &out.stderr] {
        for shift in 0..3 {
            let spelled = base64(&[&vec![0; shift][..], b"s3cr3t-t0ken-123456"].concat());
            assert!(!shown.contains(&spelled[4..20]) && !shown.contains(leak), "{shown}");
        }
    }
}

#[test]
fn what_is_sent_is_encoded() {
    let server = Server::websocket(|peer| {
        // {"op":"hello"}, ["x",1.5] and {"n":1}
        for expected in [&b"\x81\xa2op\xa5hello"[..], b"\x92\xa1x\xcb\x3f\xf8\0\0\0\0\0\0"] {
            let frame = peer.read_frame().unwrap();
            assert_eq!((frame.first, &frame.payload[..]), (0x82, expected));
        }
        peer.frame(2, b"\x81\xa1n\x01");
        let reply = peer.read_frame().unwrap();
        assert_eq!((reply.first, &reply.payload[..]), (0x82, &b"\x81\xa1n\x02"[..]));
        peer.close_well(1000);
    });
    let out = wstap(&["connect", &server.url(), "-x", r#"{"op":"hello"}"#, "--decode", "msgpack"])
        .args(&["--encode", "msgpack", "--reply", ".n += 1", "--envelope"])
        .stdin("[\"x\",1.5]\nnot json\n")
        .run();
    out.exits(0).says("message not sent: msgpack: not JSON: expected a value at byte 0");
    let sent: Vec<_> = out.records("message").into_iter().filter(|m| m["dir"] == "out").collect();
    assert_eq!(
        (sent.len(), sent[0]["data"]["op"].as_str()),
        (3, Some("hello")),
        "records have what was meant"
    );
    server.join();
    wstap(&["connect", "ws://127.0.0.1:9/", "-x", "{", "--encode", "cbor"])
        .run()
        .exits(2)
        .says("--send: cbor: not JSON");
    wstap(&["connect", "ws://127.0.0.1:9/", "--encode", "auto"]).run().exits(2).says("name the steps");
    wstap(&["connect", "ws://127.0.0.1:9/", "--decode", "gunzip"])
        .run()
        .exits(2)
        .says("unknown step 'gunzip'");
    wstap(&["connect", "ws://127.0.0.1:9/", "--decode", "zstd:/no/such"])
        .run()
        .exits(2)
        .says("/no/such: No such file");
}

#[test]
fn an_echo_is_what_came() {
    let out = connect(&["--echo", "--decode", "gzip", "--encode", "gzip"], |peer| {
        let sent = gzip("{}");
        peer.frame(2, &sent);
        assert_eq!(peer.read_frame().unwrap().payload, sent);
        peer.close_well(1000);
    });
    assert_eq!(out.exits(0).stdout, "{}\n");
}

/// Bluesky's Jetstream: a dictionary beside the file of the dialect.
#[test]
fn a_dialect_names_its_steps() {
    let folder = tempfile::tempdir().unwrap();
    let dictionary = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/codec/commits.zdict");
    std::fs::copy(dictionary, folder.path().join("commits.zdict")).unwrap();
    let file = folder.path().join("feed.toml");
    std::fs::write(&file, "name = \"feed\"\ndecode = [\"zstd:commits.zdict\"]\nencode = [\"text\"]\n")
        .unwrap();
    let file = file.display().to_string();
    let frame = b"\x28\xb5\x2f\xfd\x23\xcc\x53\x3b\x51\x84\x6d\x00\x00\x10\x30\x30\x03\xfc\xc6\xc9\x5c\x66\x3f\x98\x17\x06";
    for (args, printed) in [(&[][..], "7\n"), (&["--decode", "none"], "null\n")] {
        let args =
            [&["-d", &file, "-x", "{}", "-f", "try (.did | split(\":\")[2] | tonumber) catch null"], args]
                .concat();
        let out = connect(&args, move |peer| {
            assert_eq!(peer.read_frame().unwrap().first, 0x82, "the dialect encodes");
            peer.frame(2, frame);
            peer.close_well(1000);
        });
        assert_eq!(out.exits(0).stdout, printed);
    }
    std::fs::write(folder.path().join("feed.toml"), "name = \"x\"\n\ndecode = [\"gunzip\"]\n").unwrap();
    wstap(&["connect", "-d", &file, "ws://127.0.0.1:9/"])
        .run()
        .exits(2)
        .says("feed.toml:3: unknown step 'gunzip'");
}

#[test]
fn offline_the_same_holds() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "1\n[2,3]\nx\n4\n").unwrap();
    let path = file.path().display().to_string();
    let run = |args: &[&str]| wstap(&["connect", "--from", &path, "--decode", "json-array"]).args(args).run();
    let out = run(&[]);
    assert_eq!(out.exits(0).says("cannot decode message 3: json-array: not JSON").stdout, "1\n2\n3\n4\n");
    let out = run(&["--decode-errors", "fail"]);
    assert_eq!(out.exits(21).stdout, "1\n2\n3\n");
}

/// A connection has a stream of its own.
#[test]
fn a_stream_begins_anew_with_each_connection() {
    let messages = [&b"\x78\x9c\xaaV\xca/P\xb224\xa8\x05\x00\x00\x00\xff\xff"[..]];
    let script = move |code: u16| {
        move |mut peer: Peer| {
            peer.accept();
            messages.iter().for_each(|message| peer.frame(2, message));
            peer.close_well(code);
        }
    };
    let server = Server::scripts(vec![Box::new(script(1012)), Box::new(script(1000))]);
    let out = wstap(&[
        "connect",
        &server.url(),
        "--reconnect",
        "--reconnect-delay",
        "1ms",
        "--decode",
        "zlib-stream",
    ])
    .run();
    assert_eq!(out.exits(0).stdout, "{\"op\":10}\n{\"op\":10}\n");
    server.join();
}

const MALFORMED: &[u8] = b"{\"name\":\"J\xfcrgen\"}";

fn malformed(args: &[&str], frames: Vec<Vec<u8>>) -> Output {
    connect(args, move |peer| {
        frames.iter().for_each(|frame| peer.write(frame));
        peer.text("\"after\"");
        peer.close(1000, "");
        peer.wait_for_end();
    })
}

#[test]
fn the_bytes_of_a_text_that_is_not_utf8_are_kept() {
    let whole = vec![frame(0x81, MALFORMED)];
    let parts = vec![frame(0x01, &MALFORMED[..4]), frame(0x89, b"p"), frame(0x80, &MALFORMED[4..])];
    for frames in [whole, parts] {
        let out = malformed(&["--envelope", "-v"], frames.clone());
        out.exits(21).says("a text message is not UTF-8 (byte 10)").says(&base64(MALFORMED));
        let error = &out.records("error")[0];
        assert_eq!((error["error"].as_str(), error["opcode"].as_str()), (Some("not_utf8"), Some("text")));
        assert_eq!(
            (error["base64"].as_str(), error["offset"].as_u64()),
            (Some(&*base64(MALFORMED)), Some(10))
        );
        assert_eq!(out.records("close")[0]["code"], 1007);
        let out = malformed(&["--invalid-utf8", "replace", "-f", "."], frames);
        assert_eq!(out.exits(0).says("byte 10").stdout, "{\"name\":\"J\u{fffd}rgen\"}\n\"after\"\n");
    }
}

#[test]
fn texts_and_binary_messages_are_told_apart_in_any_order() {
    let out = connect(&["--envelope", "-f", "select(.dir) | .opcode"], |peer| {
        let mixed =
            [frame(0x81, b"a"), frame(0x82, b"b"), frame(0x01, b"c"), frame(0x80, b"d"), frame(0x02, b"e")];
        let rest = [frame(0x89, b""), frame(0x80, b"f"), frame(0x81, b""), frame(0x82, b"g")];
        peer.write([mixed.concat(), rest.concat()].concat());
        peer.close_well(1000);
    });
    let opcodes: Vec<&str> = out.exits(0).lines().into_iter().filter(|word| *word != "null").collect();
    assert_eq!(
        opcodes,
        ["text", "binary", "text", "binary", "text", "binary"].map(|word| format!("\"{word}\""))
    );
}

#[test]
fn a_byte_order_mark_hides_no_json() {
    let message = "\u{feff}{\"a\": 1}";
    let run = |args: &[&str]| {
        connect(args, move |peer| {
            peer.text(message);
            peer.close_well(1000);
        })
    };
    assert_eq!(run(&["-f", ".a"]).exits(0).stdout, "1\n");
    run(&["--until", ".a == 1"]).exits(0);
    assert_eq!(run(&["--envelope", "-f", "select(.dir) | .data.a"]).exits(0).stdout, "1\n");
    // Unfiltered, it stays what it is.
    assert_eq!(run(&["-r"]).exits(0).stdout, format!("{message}\n"));
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine as _;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
