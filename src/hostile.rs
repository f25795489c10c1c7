//! Input that nobody who means well would send, made by proptest, through everything that reads what comes from
//! outside: nothing panics, hangs or lets a control character out. What cannot be reached from here has its cases where
//! it stands, made of the same stuff.
//!
//! The cases are the same every time. `PROPTEST_RNG_SEED` asks for others, `PROPTEST_CASES` for more.

use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::RngSeed;
use serde_json::Value;

use crate::dialect::{self, Client, ClientSetup, Dialect, Known, Meaning};
use crate::event::{Direction, Event, Kind, Role};
use crate::handshake::client::{self, Expectation};
use crate::handshake::server::Request;
use crate::message::Message;
use crate::net::WsUrl;
use crate::pipeline::record::{self, Moment, What};
use crate::report::escape_controls;
use crate::{har, json, secret};

/// As many cases as take no time, of a fixed seed unless the environment has one.
pub(crate) fn config() -> ProptestConfig {
    let default = ProptestConfig::default();
    let rng_seed = match default.rng_seed {
        RngSeed::Random => RngSeed::Fixed(6455),
        fixed => fixed,
    };
    ProptestConfig { rng_seed, failure_persistence: None, ..default }
}

/// Characters that mean something to a terminal, a parser or a counter of columns, and others.
pub(crate) fn text() -> impl Strategy<Value = String> {
    let odd =
        "[\u{0}-\u{1f}\u{7f}-\u{9f}\u{200e}\u{202e}\u{2028}\u{fffd}é€𝄞\"\\\\{}\\[\\]:,./*#%=&?@~a1-]{0,24}";
    prop_oneof![odd, "\\PC{0,24}", any::<String>()]
}

/// Numbers as they are spelled: the first and the last of their kinds, and what is beyond them.
const NUMBERS: &[&str] = &[
    "0",
    "-0",
    "-1",
    "1e308",
    "1e999",
    "-1e999",
    "1e-999",
    "0.1",
    "4294967296",
    "9223372036854775807",
    "9223372036854775808",
    "18446744073709551615",
    "18446744073709551616",
];

pub(crate) fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e9..1e9).prop_map(Value::from),
        text().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 6, |inner| {
        let key = prop_oneof!["type|event|data|id|action|topics|a", text()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::vec((key, inner), 0..6)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// One of these texts, with some of it gone, doubled, or replaced.
pub(crate) fn mutated(samples: Vec<String>) -> impl Strategy<Value = String> {
    let edit = (any::<Index>(), 0..12_usize, 0..4_u8, any::<Index>(), text());
    (prop::sample::select(samples), prop::collection::vec(edit, 1..5)).prop_map(|(mut sample, edits)| {
        for (at, length, how, number, text) in edits {
            let start = sample.floor_char_boundary(at.index(sample.len() + 1));
            let end = sample.ceil_char_boundary((start + length).min(sample.len()));
            match how {
                0 => sample.replace_range(start..end, ""),
                1 => sample = [&sample[..end], &sample[start..]].concat(),
                2 => sample.replace_range(start..end, &text),
                _ => replace_number(&mut sample, start, number.get::<&str>(NUMBERS)),
            }
        }
        sample
    })
}

fn replace_number(text: &mut String, from: usize, by: &str) {
    let Some(start) = text[from..].find(|c: char| c.is_ascii_digit()).map(|at| from + at) else { return };
    let end = text[start..].find(|c: char| !c.is_ascii_digit()).map_or(text.len(), |at| start + at);
    text.replace_range(start..end, by);
}

/// The providers' messages of `tests/fixtures`.
fn samples() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| std::fs::read_to_string(entry.unwrap().path()).unwrap());
    let mut all: Vec<String> = files
        .flat_map(|text| {
            text.lines().filter(|line| line.starts_with('{')).map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    all.sort();
    assert!(all.len() > 40);
    all
}

fn dialects() -> Vec<&'static dyn Dialect> {
    let file = |name| format!("{}/examples/dialects/{name}.toml", env!("CARGO_MANIFEST_DIR"));
    let own = ["graphql-transport-ws", "rpc-websockets"]
        .map(|name| dialect::custom::find(&file(name), None).unwrap().unwrap());
    dialect::ALL.iter().copied().chain(own).collect()
}

fn client(dialect: &dyn Dialect) -> Box<dyn Client> {
    dialect.client(&ClientSetup::default()).unwrap()
}

/// What comes from the server goes through all that a client makes of it.
fn understood(dialect: &dyn Dialect, client: &mut dyn Client, message: &Message) {
    match client.understand(message) {
        Meaning::Event(facts) => {
            facts.id.iter().for_each(|id| drop(client.ack(id)));
            drop(client.subscribe_more(&["a".to_owned()], facts.cursor.as_deref()));
        }
        Meaning::Draining { after } => {
            assert!(Instant::now().checked_add(after).is_some(), "{after:?} is no time to wait");
        }
        Meaning::Heartbeat | Meaning::Pong | Meaning::Confirmed { .. } | Meaning::Refused { .. } => {}
    }
    drop(client.answers());
    // What is masked is still what it was: JSON stays JSON.
    if let (Some(masked), Some(text)) = (client.redact(message), message.as_text()) {
        assert_eq!(json::scan_str(masked.as_text().unwrap()).is_ok(), json::scan_str(text).is_ok(), "{text}");
    }
    dialect.campaigns().iter().for_each(|campaigns| drop(campaigns.read(message)));
    drop(message.shortened());
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn responses(bytes in heads("HTTP/1.1 101 Switching Protocols")) {
        if let Ok(Some((head, length))) = client::parse_head(&bytes) {
            prop_assert!(length <= bytes.len() && head.headers.len() <= client::MAX_HEADERS);
            prop_assert_eq!(client::examine(&head, &Expectation::default()).len(), 8);
        }
    }

    #[test]
    fn requests(bytes in heads("GET /ws?a=%41&%zz#x HTTP/1.1")) {
        match Request::parse(&bytes) {
            Ok(Some((request, length))) => {
                prop_assert!(length <= bytes.len());
                let _ = (request.upgrade().map(|upgrade| upgrade.response(None).to_bytes()), request.body_length());
            }
            Ok(None) => {}
            Err(refusal) => prop_assert!([400, 431].contains(&refusal.status)),
        }
    }

    #[test]
    fn messages_of_a_server(text in text(), value in values(), sample in mutated(samples()), bytes: Vec<u8>) {
        let texts = [text, value.to_string(), sample].map(Message::text);
        for dialect in dialects() {
            let mut client = client(dialect);
            for message in texts.iter().chain([&Message::Binary(bytes.clone().into())]) {
                understood(dialect, &mut *client, message);
            }
        }
    }

    #[test]
    fn topics_and_commands(text in text(), topic in mutated(vec![
        "customer_id:12345678-1234-1234-1234-123456789012:call:*".to_owned(), "agent_id:abc:flow:1".to_owned(), "42".to_owned(),
    ])) {
        let known = Known { topics: std::slice::from_ref(&topic), messages: std::slice::from_ref(&text) };
        for dialect in dialects() {
            for topic in [&text, &topic] {
                let _ = (dialect.check_topic(topic), dialect.complete_topic(topic, &known));
                let url = WsUrl::parse("ws://h/").unwrap();
                drop(dialect.address(url, std::slice::from_ref(topic)));
            }
            let (mut client, words) = (client(dialect), [text.clone(), topic.clone()]);
            for message in client.subscribe(&words, Some(&text)).into_iter().chain(client.unsubscribe(&words)) {
                prop_assert!(!dialect.speaks_json() || json::scan(message.as_bytes()).is_ok(), "{message:?}");
            }
            dialect.commands().iter().for_each(|verb| drop(client.command(verb.name, &words)));
        }
    }

    #[test]
    fn records_come_back_as_they_went(text in text(), value in values(), bytes: Vec<u8>, seq: u64) {
        for message in [Message::text(text), Message::text(value.to_string()), Message::Binary(bytes.into())] {
            let (mut line, at) = (Vec::new(), jiff::Timestamp::UNIX_EPOCH);
            let kind = Kind::Message { dir: Direction::In, seq, message: message.clone(), role: Role::Data };
            record::write(&Event { at, conn: 1, kind }, &mut line);
            let line = String::from_utf8(line).unwrap();
            prop_assert!(!json::scan_str(&line).unwrap().line_break);
            let Some(Moment { what: What::Message(Direction::In, back), .. }) = record::read_moment(&line) else {
                return Err(TestCaseError::fail(line));
            };
            prop_assert_eq!(normal(&back), normal(&message));
        }
    }

    #[test]
    fn lines_of_recordings(text in text(), value in values(), line in mutated(vec![
        r#"{"v":1,"ts":"2026-01-01T00:00:00.000000Z","type":"message","conn":1,"dir":"in","seq":1,"base64":"AA=="}"#.to_owned(),
        r#"{"v":1,"ts":"2026-01-01T00:00:00.000000Z","type":"close","conn":1,"by":"peer","code":1000,"reason":"","clean":true}"#.to_owned(),
        r#"{"v":1,"ts":"2026-01-01T00:00:00.000000Z","type":"open","conn":1,"url":"ws://h/a?b","subprotocol":null}"#.to_owned(),
    ])) {
        for line in [text, value.to_string(), line] {
            drop(record::read(&line));
        }
    }

    #[test]
    fn hars(text in mutated(vec![
        r#"{"log":{"version":"1.2","entries":[{"startedDateTime":"2026-01-01T00:00:00Z","request":{"url":"wss://h/a?token=x"},"response":{"headers":[{"name":"Sec-WebSocket-Protocol","value":"p"}]},"_webSocketMessages":[{"type":"receive","time":1700000000.5,"opcode":1,"data":"{}"},{"type":"send","time":1700000001,"opcode":2,"data":"AA=="}],"_close":{"by":"peer","code":1000,"reason":"","clean":true}}]}}"#.to_owned(),
    ])) {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        for line in har::to_records(file.path()).unwrap_or_default().lines() {
            prop_assert!(record::read_moment(line).is_some(), "{line}");
        }
    }

    #[test]
    fn addresses(text in text(), url in mutated(vec![
        "wss://user:pass@example.com:443/a/b?token=x&c=%20#f".to_owned(), "ws://[::1]:80/".to_owned(), "ws+unix:/run/s:/p".to_owned(),
    ])) {
        for text in [&text, &url] {
            let masked = secret::mask_in_text(text);
            prop_assert!(masked.len() <= 4 * text.len() + 16);
            if let Ok(url) = WsUrl::parse(text) {
                prop_assert!(!url.target().contains(|c: char| c.is_ascii_control() || c == ' '), "{url}");
                let _ = (url.join(text), url.shown_as_http(), url.host_header(), url.masked_target());
            }
        }
    }

    #[test]
    fn what_is_shown_is_escaped(text in text()) {
        let shown = escape_controls(&text);
        let acts = |c: char| c.is_control() && c != '\t' || ('\u{202a}'..='\u{202e}').contains(&c);
        prop_assert!(!shown.contains(acts));
        let mut out = Vec::new();
        json::write_string(&text, &mut out);
        prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        prop_assert!(!out.iter().any(|byte| *byte < b' '));
    }
}

/// Of JSON, a record keeps all but the white space around it and its line breaks.
fn normal(message: &Message) -> Message {
    let json = message.as_text().filter(|text| json::scan_str(text).is_ok());
    json.map_or(message.clone(), |text| {
        let mut out = Vec::new();
        json::compact_into(text, &mut out);
        Message::text(String::from_utf8(out).unwrap())
    })
}

/// A head that begins like this, whole or cut, and what follows it.
fn heads(first: &str) -> impl Strategy<Value = Vec<u8>> {
    let whole = format!(
        "{first}\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nContent-Length: 1\r\n\r\n"
    );
    let noise = any::<Vec<u8>>();
    (mutated(vec![whole]), noise, any::<bool>(), any::<bool>()).prop_map(|(head, noise, before, after)| {
        let noise = |there| if there { noise.as_slice() } else { &[] };
        [noise(before), head.as_bytes(), noise(after)].concat()
    })
}

/// Hostile depth: what reads JSON reads or refuses it within its stack, and in no time.
#[test]
fn depth_is_no_danger() {
    let deep = "[".repeat(100_000);
    let closed = format!("{deep}{}", "]".repeat(100_000));
    let fields = format!("{}1{}", "{\"data\":".repeat(100_000), "}".repeat(100_000));
    let begun = Instant::now();
    for text in [&deep, &closed, &fields] {
        assert!(json::scan_str(text).is_err());
        for dialect in dialects() {
            understood(dialect, &mut *client(dialect), &Message::text(text.clone()));
        }
        let line = format!(
            r#"{{"v":1,"ts":"2026-01-01T00:00:00Z","type":"message","conn":1,"dir":"in","data":{text}}}"#
        );
        let _ = (record::read(text), record::read(&line));
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), format!(r#"{{"log":{{"entries":[],"x":{text}}}}}"#)).unwrap();
        drop(har::to_records(file.path()));
    }
    // What is quadratic takes many times as long.
    assert!(begun.elapsed() < Duration::from_secs(60));
}
