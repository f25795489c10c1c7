//! Every step against what other implementations write: Python's `msgpack`, `cbor2`, `zstandard`, `brotli`, `zlib` and
//! `protobuf`.

use proptest::prelude::*;

use super::*;
use crate::hostile::cases::values;

const LIMIT: usize = 1 << 20;

fn chain(names: &str, limit: usize) -> Chain {
    let names: Vec<String> = names.split(',').map(str::to_owned).collect();
    Steps::new(&names).unwrap().start(Some(limit))
}

fn hex(text: &str) -> Message {
    Message::Binary(crate::input::decode_hex(text.as_bytes()).unwrap().into())
}

fn texts(decoded: &Decoded) -> Vec<String> {
    let text = |message: &Message| message.as_text().unwrap_or("(binary)").to_owned();
    match decoded {
        Decoded::One(message) => vec![text(message)],
        Decoded::Nothing(_) => Vec::new(),
        Decoded::Parts(messages) => messages.iter().map(text).collect(),
        Decoded::Unread(unread, _) => vec![format!("unread: {unread}")],
    }
}

/// What these steps read in bytes in hexadecimal.
fn read(names: &str, bytes: &str) -> Vec<String> {
    texts(&chain(names, LIMIT).decode(hex(bytes)))
}

/// The bytes that they write of a text, in hexadecimal.
fn written(names: &str, text: &str) -> String {
    let written = chain(names, LIMIT).encode(Message::text(text.to_owned()));
    crate::text::hex(written.unwrap().as_bytes())
}

#[test]
fn messagepack_becomes_json_and_back() {
    for (bytes, json) in [
        (
            "82a16101a16296c3c0ffcf8000000000000000cfffffffffffffffffd38000000000000000",
            r#"{"a":1,"b":[true,null,-1,9223372036854775808,18446744073709551615,-9223372036854775808]}"#,
        ),
        (
            "8501a178c002c4010103a2243104a42472656605",
            r#"{"$1":"x","$null":2,"${\"$binary\":\"AQ==\"}":3,"$$1":4,"$ref":5}"#,
        ),
        ("cb3ff0000000000000", "1.0"),
        ("cb7ff8000000000000", r#"{"$float":"NaN"}"#),
        ("c40200ff", r#"{"$binary":"AP8="}"#),
        ("d7ff77359400695735a5", r#"{"$timestamp":"2026-01-02T03:04:05.5Z"}"#),
        ("d6ff00000001", r#"{"$timestamp":"1970-01-01T00:00:01Z"}"#),
        ("c70cff00000000ffffffffffffffff", r#"{"$timestamp":"1969-12-31T23:59:59Z"}"#),
        ("d5056869", r#"{"$ext":[5,"aGk="]}"#),
        ("81a724626967626172", r#"unread: msgpack: message ends in the middle of a value at byte 9"#),
        ("81a624626967626101", r#"{"$bigba":1}"#),
        ("81a72462696e61727901", r#"{"$$binary":1}"#),
        ("8190c0", r#"{"$[]":null}"#),
        ("818101c2c3", r#"{"${\"$1\":false}":true}"#),
        ("9190", "[[]]"),
    ] {
        assert_eq!(read("msgpack", bytes), [json], "{bytes}");
        if !json.starts_with("unread") {
            assert_eq!(written("msgpack", json), bytes, "{json}");
        }
    }
    assert_eq!(read("msgpack", "0181a16102"), ["1", r#"{"a":2}"#]);
    // Old writers have strings for everything, and others have numbers of 32 bits.
    assert_eq!(read("msgpack", "a2ff00"), [r#"{"$binary":"/wA="}"#]);
    assert_eq!(read("msgpack", "ca3dcccccd"), ["0.10000000149011612"]);
    assert_eq!(read("msgpack", "c1"), ["unread: msgpack: invalid byte 0xc1 at byte 0"]);
}

#[test]
fn cbor_becomes_json_and_back() {
    for (bytes, json) in [
        (
            "a2616101616285f5f6201bffffffffffffffff3bffffffffffffffff",
            r#"{"a":1,"b":[true,null,-1,18446744073709551615,-18446744073709551616]}"#,
        ),
        ("a1016178", r#"{"$1":"x"}"#),
        ("fb3ff8000000000000", "1.5"),
        ("fb7e37e43c8800759c", "1e300"),
        ("4200ff", r#"{"$binary":"AP8="}"#),
        (
            "c0781b323032362d30312d30325430333a30343a30352e3530303030305a",
            r#"{"$timestamp":"2026-01-02T03:04:05.500000Z"}"#,
        ),
        ("c1fb41da55cd69600000", r#"{"$timestamp":1767323045.5}"#),
        ("c101", r#"{"$timestamp":1}"#),
        ("d82069687474703a2f2f782f", r#"{"$tag":[32,"http://x/"]}"#),
        ("c249400000000000000000", r#"{"$tag":[2,{"$binary":"QAAAAAAAAAAA"}]}"#),
        ("f7", r#"{"$simple":23}"#),
        ("62c3a9", r#""é""#),
    ] {
        assert_eq!(read("cbor", bytes), [json], "{bytes}");
        assert_eq!(written("cbor", json), bytes, "{json}");
    }
    for (bytes, json) in [
        ("f97c00", r#"{"$float":"Infinity"}"#),
        ("f93c00", "1.0"),
        ("f90001", "5.960464477539063e-8"),
        ("fa47c35000", "100000.0"),
        ("d9d9f783010203", "[1,2,3]"),
        ("9f018202039f0405ffff", "[1,[2,3],[4,5]]"),
        ("bf61610161629f0203ffff", r#"{"a":1,"b":[2,3]}"#),
        ("7f657374726561646d696e67ff", r#""streaming""#),
        ("5f42010243030405ff", r#"{"$binary":"AQIDBAU="}"#),
        ("ff", "unread: cbor: unexpected break at byte 0"),
        ("bf01ff", "unread: cbor: unexpected break at byte 2"),
        ("62ff00", "unread: cbor: text is not UTF-8 at byte 1"),
        ("1c", "unread: cbor: invalid initial byte at byte 0"),
        ("f818", "unread: cbor: simple value in a longer form than allowed at byte 0"),
    ] {
        assert_eq!(read("cbor", bytes), [json], "{bytes}");
    }
    assert_eq!(read("cbor", "01a1616102"), ["1", r#"{"a":2}"#]);
}

#[test]
fn compression_is_undone() {
    let plain = [r#"{"a":1}"#];
    assert_eq!(read("brotli", "0b03807b2261223a317d03"), plain);
    assert_eq!(read("zstd", "28b52ffd20073900007b2261223a317d"), plain);
    for step in ["gzip", "zlib", "deflate", "zstd", "brotli", "zlib-stream"] {
        let bytes = written(step, plain[0]);
        assert_eq!(read(step, &bytes), plain, "{step}");
        let half = chain(step, LIMIT).decode(hex(&bytes[..bytes.len() / 4 * 2]));
        let unread = matches!(&half, Decoded::Unread(unread, _) if unread.step == step);
        // A stream may go on in the next message.
        assert!(unread || step == "zlib-stream" && matches!(half, Decoded::Nothing(_)), "{step}: {half:?}");
        let broken = chain(step, LIMIT).decode(hex("12345678"));
        assert!(matches!(broken, Decoded::Unread(..)) || step == "zlib-stream", "{step}: {broken:?}");
        // Text came as it is.
        assert_eq!(texts(&chain(step, LIMIT).decode(Message::text(plain[0]))), plain);
        // Nothing is a message, too.
        if step != "zlib-stream" {
            assert_eq!(chain(step, LIMIT).decode(hex(&written(step, ""))), Decoded::One(hex("")), "{step}");
        }
    }
    assert_eq!(read("gzip", &(written("gzip", "a") + &written("gzip", "b"))), ["ab"]);
    for length in [1, 65_535, 65_536, 65_537, 200_000] {
        let text = Message::text("é".repeat(length / 2) + &"x".repeat(length % 2));
        let sent = chain("brotli", LIMIT).encode(text.clone()).unwrap();
        assert_eq!(chain("brotli", LIMIT).decode(sent), Decoded::One(text), "{length}");
    }
    // Flushed instead of ended.
    assert_eq!(read("deflate", "aa56ca2f50b23234a805000000ffff"), [r#"{"op":10}"#]);
    assert_eq!(read("zlib", "789caa56ca2f50b23234a805000000ffff"), [r#"{"op":10}"#]);
}

#[test]
fn a_dictionary_is_used() {
    let step = format!("zstd:{}", concat!(env!("CARGO_MANIFEST_DIR"), "/tests/codec/commits.zdict"));
    let frame = "28b52ffd23cc533b51846d000010303003fcc6c95c663f981706";
    let plain = r#"{"kind": "commit", "did": "did:plc:7", "time_us": 1700000007, "commit": {"collection": "app.bsky.feed.post", "operation": "create"}}"#;
    let mut with = chain(&step, LIMIT);
    for _ in 0..2 {
        assert_eq!(texts(&with.decode(hex(frame))), [plain]);
    }
    assert!(read("zstd", frame)[0].starts_with("unread: zstd: "));
    assert_eq!(texts(&with.decode(hex(&written("zstd", plain)))), [plain]);
}

#[test]
fn a_stream_spans_messages_and_has_no_second_beginning() {
    let mut stream = chain("zlib-stream", LIMIT);
    let messages =
        ["789caa56ca2f50b23234a805000000ffff", "aa06330c", "74944a94ac94825c1d5d22956a01000000ffff"];
    let decoded: Vec<_> = messages.iter().map(|bytes| texts(&stream.decode(hex(bytes)))).collect();
    assert_eq!(decoded, [vec![r#"{"op":10}"#], vec![], vec![r#"{"op":0,"t":"READY"}"#]]);
    let mut writer = chain("zlib-stream", LIMIT);
    let mut reader = chain("zlib-stream", LIMIT);
    for text in ["a", "b", &"c".repeat(100_000)] {
        let sent = writer.encode(Message::text(text.to_owned())).unwrap();
        assert_eq!(reader.decode(sent), Decoded::One(Message::text(text)));
    }
    assert!(matches!(reader.decode(hex("ffffff")), Decoded::Unread(..)));
    let Decoded::Unread(after, _) = reader.decode(hex("00")) else { panic!("it goes on") };
    assert!(after.error.why.contains("failed in an earlier message"), "{after}");
}

#[test]
fn one_message_becomes_several() {
    let split = |names, text: &str| texts(&chain(names, LIMIT).decode(Message::text(text.to_owned())));
    assert_eq!(split("lines", "{\"a\":1}\r\n\n2\n3"), [r#"{"a":1}"#, "2", "3"]);
    assert_eq!(split("rs", "{}\u{1e}{\"type\":6}\u{1e}"), ["{}", r#"{"type":6}"#]);
    assert_eq!(split("rs", "\u{1e}1\n\u{1e}2\n"), ["1\n", "2\n"]);
    assert_eq!(split("nul", "CONNECTED\n\n\0\nMESSAGE\n\nhi\0\n"), ["CONNECTED\n\n", "\nMESSAGE\n\nhi"]);
    assert_eq!(split("nul", "\n"), [""; 0]);
    assert_eq!(split("json-array", " [1.0, {\"a\": [2]} ,\"x\"] "), ["1.0", r#"{"a": [2]}"#, r#""x""#]);
    assert_eq!(split("json-array", "[]"), [""; 0]);
    assert_eq!(split("json-array", "{\"a\":1}"), [r#"{"a":1}"#]);
    assert_eq!(split("json-array", "[1"), ["unread: json-array: not JSON: unexpected end at byte 2"]);
    assert_eq!(split("lines,json-array", "[1,2]\n[3]\n"), ["1", "2", "3"]);
    let many = "1\n".repeat(MOST_PARTS + 1);
    assert!(split("lines", &many)[0].contains("more than 262144 parts in one message"));
    for (step, text) in [("lines", "a\n"), ("rs", "a\u{1e}"), ("nul", "a\0"), ("json-array", "[1]")] {
        let plain = if step == "json-array" { "1" } else { "a" };
        assert_eq!(chain(step, LIMIT).encode(Message::text(plain)), Ok(Message::text(text)));
    }
    assert!(chain("lines", LIMIT).encode(Message::text("a\nb")).is_err());
}

#[test]
fn auto_reads_what_shows_what_it_is() {
    for step in ["gzip", "zlib", "zstd"] {
        let bytes = written(step, r#"{"a":1}"#);
        assert_eq!(read("auto", &bytes), [r#"{"a":1}"#], "{step}");
        assert_eq!(recognized(&hex(&bytes), LIMIT), Some(step));
    }
    assert_eq!(read("auto", "7b2261223a317d"), [r#"{"a":1}"#]);
    assert_eq!(recognized(&hex("7b2261223a317d"), LIMIT), Some("JSON"));
    // x^2, which begins as zlib does.
    assert_eq!(read("auto", "785e32"), ["x^2"]);
    for binary in ["ff00", "000102", "1f8b0800", ""] {
        assert_eq!(chain("auto", LIMIT).decode(hex(binary)), Decoded::One(hex(binary)), "{binary}");
        assert_eq!(recognized(&hex(binary), LIMIT), None);
    }
    assert_eq!(read("auto,msgpack", &written("msgpack,gzip", r#"{"a":[1]}"#)), [r#"{"a":[1]}"#]);
}

#[cfg(feature = "protobuf")]
#[test]
fn protobuf_is_read_by_its_descriptors() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/codec/tick.binpb");
    let step = format!("protobuf:{file}:demo.Tick");
    let bytes = "0a0342544310818080808080801019000000000000f83f220200ff2a050807120178";
    let json = r#"{"symbol":"BTC","volume":9007199254740993,"price":1.5,"raw":"AP8=","names":{"7":"x"}}"#;
    assert_eq!(read(&step, bytes), [json]);
    assert_eq!(written(&step, json), bytes);
    assert!(read(&step, "0aff")[0].starts_with("unread: protobuf:"));
    let wrong = chain(&step, LIMIT).encode(Message::text("{\n\"price\": \"x\"}")).unwrap_err();
    assert!(wrong.error.at >= 11, "{wrong}");
    let missing = Steps::new(&[format!("protobuf:{file}:demo.Tock")]).unwrap_err();
    assert!(missing.what.contains("demo.Tick"), "{missing}");
}

#[test]
fn every_step_keeps_to_the_limit_while_it_reads() {
    let bomb = "0".repeat(LIMIT);
    for step in ["gzip", "zlib", "deflate", "zstd", "brotli", "zlib-stream"] {
        // That step does not compress by itself.
        let sent = match step {
            "brotli" => hex("5bffff8f5f02261e0b0472ef1f00"),
            step => chain(step, LIMIT).encode(Message::text(bomb.clone())).unwrap(),
        };
        assert!(sent.len() < LIMIT / 10, "{step}");
        assert!(matches!(chain(step, LIMIT).decode(sent.clone()), Decoded::One(_)), "{step}");
        let Decoded::Unread(unread, _) = chain(step, LIMIT - 1).decode(sent.clone()) else {
            panic!("{step}")
        };
        assert!(unread.error.too_long, "{unread}");
        if ["gzip", "zlib", "zstd"].contains(&step) {
            assert!(matches!(chain("auto", LIMIT - 1).decode(sent), Decoded::Unread(..)), "{step}");
        }
    }
    // A million values of one byte each, which takes more as JSON.
    let nils = Message::Binary([&[0xdd, 0, 15, 0x42, 0x40][..], &vec![0xc0; 1_000_000]].concat().into());
    let Decoded::Unread(unread, _) = chain("msgpack", LIMIT).decode(nils) else { panic!("5 MB of null") };
    assert!(unread.error.too_long && unread.error.at < 250_000, "{unread}");
}

#[test]
fn depth_and_lengths_that_are_lies_are_no_danger() {
    let deep = |byte: u8| Message::Binary(vec![byte; 1_000_000].into());
    for (step, byte) in [("msgpack", 0x91), ("msgpack", 0x81), ("cbor", 0x81), ("cbor", 0xa1), ("cbor", 0xc6)]
    {
        let Decoded::Unread(unread, _) = chain(step, LIMIT).decode(deep(byte)) else {
            panic!("{step} {byte}")
        };
        assert!(unread.error.why.starts_with("nested deeper") || unread.error.too_long, "{unread}");
    }
    for (step, bytes) in
        [("msgpack", "dbffffffff61"), ("msgpack", "ddffffffff01"), ("cbor", "7bffffffffffffffff61")]
    {
        assert_eq!(read(step, bytes).len(), 1);
        assert!(read(step, bytes)[0].contains("message ends in the middle of a value"), "{step} {bytes}");
    }
    let nested = format!("{}1{}", "[".repeat(257), "]".repeat(257));
    assert!(chain("cbor", LIMIT).encode(Message::text(nested)).is_err());
}

#[test]
fn names_are_checked() {
    let wrong = |name: &str| check(&[name.to_owned()]).unwrap_err();
    assert!(wrong("gunzip").contains("unknown step 'gunzip'"));
    assert!(wrong("gzip:x").contains("does not take a file"));
    assert!(wrong("zstd:").contains("missing"));
    assert!(wrong("protobuf").contains("descriptor file") && wrong("protobuf:a").contains("message"));
    assert!(Steps::new(&["zstd:/dev/null".to_owned()]).unwrap_err().what.contains("not a zstd dictionary"));
    assert!(Steps::outgoing(&["auto".to_owned()]).is_err());
    assert!(Steps::new(&["none".to_owned()]).unwrap().is_empty());
}

proptest! {
    /// What is sent and comes back is the same, whatever it looks like.
    #[test]
    fn json_survives_the_way_there_and_back(value in values()) {
        let text = value.to_string();
        for step in ["msgpack", "cbor"] {
            let sent = chain(step, LIMIT).encode(Message::text(text.clone())).unwrap();
            let read = texts(&chain(step, LIMIT).decode(sent.clone()));
            let again = chain(step, LIMIT).encode(Message::text(read[0].clone())).unwrap();
            prop_assert_eq!(&sent, &again, "{}", read[0]);
            prop_assert_eq!(read, [text.clone()]);
        }
    }
}
