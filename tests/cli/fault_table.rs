//! Every dialect's client half against its mock half, for every fault of the mock: what the client ends with, what it
//! tells a person, and what it tells a program. The faults are taken from the mock's own list, so that one without a
//! row here fails.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wstap::mock::Fault;

use crate::clients::{self, Client, serve};
use crate::harness::Output;

/// What becomes of the messages, as against those of a mock without faults.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Flow {
    /// None comes.
    Nothing,
    /// They come as ever.
    Same,
    /// The first three come as ever, as far as they come.
    Begins,
    /// The first comes, if any does.
    First,
    /// The first three come.
    Three,
    /// Each comes twice.
    Twice,
    /// Each pair comes the other way round.
    Swapped,
    /// After the third comes something that is no JSON.
    Garbage,
}

/// A fault, and what is expected of each client.
struct Row {
    fault: &'static str,
    mock: &'static [&'static str],
    client: &'static [&'static str],
    seen: Seen,
    /// Dialects for which it is something else.
    but: &'static [(&'static str, Seen)],
}

/// What a client shows of a fault.
#[derive(Clone, Copy)]
struct Seen {
    exit: i32,
    /// On stderr.
    says: &'static str,
    /// These fields are in some record.
    record: &'static str,
    flow: Flow,
}

const fn seen(exit: i32, says: &'static str, record: &'static str, flow: Flow) -> Seen {
    Seen { exit, says, record, flow }
}

const ONCE: &[&str] = &["--no-reconnect"];
const AGAIN: &[&str] = &["--reconnect", "--reconnect-delay", "10ms", "--count", "8"];
const COUNT: &[&str] = &["--no-reconnect", "--count", "8"];
const HURRY: &[&str] = &["--no-reconnect", "--connect-timeout", "1s"];
const PINGS: &[&str] = &["--no-reconnect", "--ping-interval", "200ms", "--ping-timeout", "500ms"];
const IDLE: &[&str] = &["--no-reconnect", "--idle-timeout", "1s"];
const IDLE_FAST: &[&str] = &["--no-reconnect", "--idle-timeout", "1s", "--time-scale", "100"];
const SILENT: &[&str] = &["--events", "0"];
const SILENT_FAST: &[&str] = &["--events", "0", "--time-scale", "100"];

const COUNTED: &str = r#"{"type":"summary","reason":"count","exit":0,"closed_by":"us","code":1000}"#;
const REFUSED: &str = r#"{"type":"summary","reason":"connect_failed","exit":14,"connections":0}"#;
const NOT_101: &str = r#"{"type":"summary","reason":"connect_failed","exit":15,"connections":0}"#;
const UNANSWERED: &str = r#"{"type":"summary","reason":"connect_failed","exit":22,"connections":0}"#;
const RETRIED: &str = r#"{"type":"reconnect","attempt":1}"#;
const SILENCE: &str = r#"{"type":"summary","reason":"silent","exit":22,"code":1006,"clean":false}"#;
const BORED: &str = r#"{"type":"summary","reason":"idle_timeout","exit":0,"closed_by":"us"}"#;
const LOST: &str = r#"{"type":"close","by":"network","code":1006,"clean":false}"#;
const NO_RULES: &str = r#"{"type":"close","by":"us","code":1002,"clean":false}"#;
const NO_UTF8: &str = r#"{"type":"close","by":"us","code":1007,"clean":false}"#;
const CLOSED_1011: &str = r#"{"type":"close","by":"peer","code":1011,"reason":"so what","clean":true}"#;
const CLOSED_1008: &str = r#"{"type":"close","by":"peer","code":1008,"reason":"","clean":true}"#;
const CLOSED_1012: &str = r#"{"type":"close","by":"peer","code":1012,"reason":"bye"}"#;
const CLOSED_4000: &str = r#"{"type":"close","by":"peer","code":4000}"#;
const CLOSED_4004: &str = r#"{"type":"close","by":"peer","code":4004}"#;
const CLOSED_1005: &str = r#"{"type":"close","by":"peer","code":1005,"clean":true}"#;
const ABANDONED: &str = r#"{"type":"summary","exit":20,"code":1005}"#;
const MEANS_4000: &str = "4000 (internal server error)";

#[rustfmt::skip]
const TABLE: &[Row] = &[
    Row { fault: "refuse=503:Retry-After=2;body=busy", mock: &[], client: ONCE, seen: seen(14, "busy", REFUSED, Flow::Nothing), but: &[] },
    Row { fault: "refuse=401", mock: &[], client: ONCE, seen: seen(16, "401", r#"{"type":"summary","exit":16}"#, Flow::Nothing), but: &[] },
    Row { fault: "delay=50ms±20ms", mock: &[], client: COUNT, seen: seen(0, "connected", COUNTED, Flow::Same), but: &[] },
    Row { fault: "never-answer", mock: &[], client: HURRY, seen: seen(22, "no answer to the upgrade", UNANSWERED, Flow::Nothing), but: &[] },
    Row { fault: "bad-accept", mock: &[], client: ONCE, seen: seen(15, "accept-key", NOT_101, Flow::Nothing), but: &[] },
    Row { fault: "extension", mock: &[], client: ONCE, seen: seen(15, "x-not-offered", NOT_101, Flow::Nothing), but: &[] },
    Row { fault: "fail-first=2", mock: &[], client: AGAIN, seen: seen(0, "503", RETRIED, Flow::Same), but: &[] },
    Row { fault: "latency=2ms±2ms", mock: &[], client: COUNT, seen: seen(0, "connected", COUNTED, Flow::Same), but: &[] },
    Row { fault: "bandwidth=100k", mock: &[], client: COUNT, seen: seen(0, "connected", COUNTED, Flow::Same), but: &[] },
    Row { fault: "no-pong", mock: SILENT, client: PINGS, seen: seen(22, "no answer to a ping", SILENCE, Flow::First), but: &[] },
    Row { fault: "no-heartbeat", mock: SILENT_FAST, client: IDLE_FAST, seen: seen(0, "connected", BORED, Flow::First), but: &[
        ("kadoa", seen(22, "no heartbeat for 300 ms", SILENCE, Flow::Nothing)),
        ("ryze", seen(22, "nothing for 600 ms", SILENCE, Flow::Nothing)),
    ] },
    Row { fault: "fragment=7", mock: &[], client: COUNT, seen: seen(0, "connected", COUNTED, Flow::Same), but: &[] },
    Row { fault: "duplicate=1", mock: &[], client: COUNT, seen: seen(0, "connected", COUNTED, Flow::Twice), but: &[] },
    Row { fault: "reorder=1", mock: &[], client: COUNT, seen: seen(0, "connected", COUNTED, Flow::Swapped), but: &[] },
    Row { fault: "stall@3", mock: &[], client: IDLE, seen: seen(0, "connected", BORED, Flow::Begins), but: &[] },
    Row { fault: "half-open@3", mock: &[], client: PINGS, seen: seen(22, "no answer to a ping", SILENCE, Flow::Begins), but: &[] },
    Row { fault: "close=1011:so what@3", mock: &[], client: ONCE, seen: seen(20, "so what", CLOSED_1011, Flow::Three), but: &[] },
    Row { fault: "close=1008@3", mock: &[], client: ONCE, seen: seen(16, "1008", CLOSED_1008, Flow::Three), but: &[
        ("burki", seen(16, "1008 (authentication failed)", CLOSED_1008, Flow::Three)),
    ] },
    Row { fault: "close=4000@3", mock: &[], client: ONCE, seen: seen(20, "4000 (private code)", CLOSED_4000, Flow::Three), but: &[
        ("burki", seen(20, MEANS_4000, CLOSED_4000, Flow::Three)),
    ] },
    Row { fault: "close=4004@3", mock: &[], client: ONCE, seen: seen(17, "4004", CLOSED_4004, Flow::Three), but: &[] },
    Row { fault: "close@3", mock: &[], client: ONCE, seen: seen(0, "1005 (no status)", CLOSED_1005, Flow::Three), but: &[
        ("ryze", seen(20, "1005 (dropped by the server", ABANDONED, Flow::Three)),
    ] },
    Row { fault: "close-no-handshake=1012:bye@3", mock: &[], client: ONCE, seen: seen(20, "bye", CLOSED_1012, Flow::Three), but: &[] },
    Row { fault: "drop@3", mock: &[], client: ONCE, seen: seen(20, "without a close frame", LOST, Flow::Three), but: &[] },
    Row { fault: "reset@3", mock: &[], client: ONCE, seen: seen(20, "connection lost", LOST, Flow::Three), but: &[] },
    Row { fault: "truncate@3", mock: &[], client: ONCE, seen: seen(20, "without a close frame", LOST, Flow::Three), but: &[] },
    Row { fault: "malformed-json@3", mock: &[], client: COUNT, seen: seen(0, "connected", COUNTED, Flow::Garbage), but: &[] },
    Row { fault: "invalid-utf8@3", mock: &[], client: ONCE, seen: seen(21, "not UTF-8", NO_UTF8, Flow::Three), but: &[] },
    Row { fault: "masked@3", mock: &[], client: ONCE, seen: seen(21, "masked", NO_RULES, Flow::Three), but: &[] },
    Row { fault: "rsv@3", mock: &[], client: ONCE, seen: seen(21, "reserved bits", NO_RULES, Flow::Three), but: &[] },
    Row { fault: "bad-opcode@3", mock: &[], client: ONCE, seen: seen(21, "opcode", NO_RULES, Flow::Three), but: &[] },
    Row { fault: "oversized-control@3", mock: &[], client: ONCE, seen: seen(21, "control frame", NO_RULES, Flow::Three), but: &[] },
    Row { fault: "fragmented-control@3", mock: &[], client: ONCE, seen: seen(21, "control frame", NO_RULES, Flow::Three), but: &[] },
];

#[test]
fn the_table_is_complete() {
    let name = |row: &Row| row.fault.split(['=', '@']).next().unwrap_or_default();
    let rows: BTreeSet<&str> = TABLE.iter().map(name).collect();
    assert_eq!(rows, Fault::names().collect::<BTreeSet<_>>(), "one row for each fault, at least");
    for (dialect, _) in TABLE.iter().flat_map(|row| row.but) {
        clients::of(dialect);
    }
}

#[test]
fn every_dialect_meets_every_fault() {
    // All at a time: most of it is spent waiting.
    let clients: Vec<&Client> = clients::all().collect();
    std::thread::scope(|scope| {
        for client in clients {
            scope.spawn(move || meets_every_fault(client));
        }
    });
}

fn meets_every_fault(client: &Client) {
    let reference = run(client, &[], &["--no-reconnect", "--count", "8"], None);
    let reference = messages(&reference);
    assert!(reference.len() >= 6, "{}: {reference:?}", client.dialect);
    for row in TABLE {
        let seen = row.but.iter().find(|(dialect, _)| *dialect == client.dialect);
        let seen = seen.map_or(row.seen, |(_, seen)| *seen);
        let out = run(client, row.mock, row.client, Some(row.fault));
        out.exits(seen.exit).says(seen.says);
        let records = out.json();
        let expected: Value = serde_json::from_str(seen.record).unwrap();
        let found = records.iter().any(|record| holds(record, &expected));
        assert!(found, "{} {}: no {expected} in\n{}", client.dialect, row.fault, out.stdout);
        let told = messages(&out);
        let flows = flows(seen.flow, &told, &reference);
        assert!(flows, "{} {}: not {:?}:\n{told:#?}", client.dialect, row.fault, seen.flow);
        if row.fault == "no-heartbeat" {
            assert!(!records.iter().any(|record| holds(record, &json!({"type": "ping", "dir": "in"}))));
        }
    }
}

fn run(client: &Client, mock: &[&str], args: &[&str], fault: Option<&str>) -> Output {
    let fault: Vec<&str> = fault.into_iter().flat_map(|fault| ["--fault", fault]).collect();
    let (_mock, port) = serve(&[&[client.dialect, "--rate", "max"][..], mock, &fault].concat());
    client.subscribe(port).args(&["--envelope", "--max-time", "25s"]).args(args).run()
}

/// Has it all these fields?
fn holds(record: &Value, expected: &Value) -> bool {
    let expected = expected.as_object().expect("an object");
    expected.iter().all(|(name, value)| record[name] == *value)
}

/// The messages that came, as they were.
fn messages(out: &Output) -> Vec<Value> {
    let incoming = out.records("message").into_iter().filter(|record| record["dir"] == "in");
    incoming
        .map(|record| if record["text"].is_null() { record["data"].clone() } else { record["text"].clone() })
        .collect()
}

/// Are the messages what the fault makes of those without it?
fn flows(flow: Flow, told: &[Value], reference: &[Value]) -> bool {
    let begins = |told: &[Value]| told.iter().zip(reference).all(|(one, other)| one == other);
    match flow {
        Flow::Nothing => told.is_empty(),
        Flow::Same => told.len() >= 4 && begins(told),
        Flow::First => begins(&told[..told.len().min(1)]),
        Flow::Begins => begins(&told[..told.len().min(3)]),
        Flow::Three => told.len() == 3 && begins(told),
        Flow::Twice => {
            let one: Vec<Value> = told.iter().step_by(2).cloned().collect();
            told.len() >= 4 && begins(&one) && told.chunks_exact(2).all(|pair| pair[0] == pair[1])
        }
        Flow::Swapped => {
            let back: Vec<Value> =
                told.chunks_exact(2).flat_map(|pair| [pair[1].clone(), pair[0].clone()]).collect();
            told.len() >= 4 && begins(&back)
        }
        Flow::Garbage => {
            let mut rest = told.to_vec();
            told.len() >= 5 && rest.remove(3).is_string() && begins(&rest)
        }
    }
}
