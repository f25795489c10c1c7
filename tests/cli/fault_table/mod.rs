//! Every client command meets every fault of the mock: what it ends with, what it tells a person, and what it tells a
//! program. [`table`] says what is expected; here it is compared with what happens. The faults are taken from the
//! mock's own list and the commands from the parser, so that one that is not in the table fails.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wstap::testing::{Cli, DIALECT_FILES, Fault};

use crate::clients::{self, serve};
use crate::harness::{Output, Wstap, wstap};
use crate::interop::{Peer, libraries};
use table::TABLE;
use terms::{After, Flow, Row, Seen};

mod files;
mod table;
#[rustfmt::skip]
mod terms;

/// A way to be a client.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    Connect,
    /// With this dialect.
    Subscribe(&'static str),
    /// `watch-campaign`, over a link of the campaign's own.
    Link,
    /// The same over the one that shows all.
    Monitor,
    Probe,
    /// The same with `--live`.
    Live,
}

impl Way {
    fn all() -> Vec<Self> {
        let subscribe = clients::all().map(|client| Self::Subscribe(client.dialect));
        [Self::Connect, Self::Link, Self::Monitor, Self::Probe, Self::Live]
            .into_iter()
            .chain(subscribe)
            .collect()
    }

    fn command(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Subscribe(_) => "subscribe",
            Self::Link | Self::Monitor => "watch-campaign",
            Self::Probe | Self::Live => "probe-handshake",
        }
    }

    /// What the table calls it where it differs from its column.
    fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Subscribe(dialect) => dialect,
            Self::Link => "link",
            Self::Monitor => "monitor",
            Self::Probe => "probe",
            Self::Live => "live",
        }
    }

    fn expected(self, row: &Row) -> Seen {
        let column = match self {
            Self::Connect | Self::Subscribe(_) => row.session,
            Self::Link | Self::Monitor => row.watch,
            Self::Probe => row.probe,
            Self::Live => row.live,
        };
        row.seen_by(self.name(), column)
    }

    /// The mock that it is for.
    fn mock(self) -> Vec<&'static str> {
        match self {
            Self::Subscribe(dialect) => vec![dialect],
            Self::Link | Self::Monitor => vec!["burki", "--contacts", "8"],
            Self::Connect | Self::Probe | Self::Live => vec!["plain"],
        }
    }

    fn client(self, port: u16) -> Wstap {
        let campaigns = format!("ws://127.0.0.1:{port}/ws/campaigns/monitor?token=k");
        let echo = format!("ws://127.0.0.1:{port}/echo");
        let records = ["--envelope", "--max-time", "100s"];
        match self {
            Self::Connect => wstap(&["connect", &echo]).args(clients::WORDS).args(&records),
            Self::Subscribe(dialect) => clients::of(dialect).subscribe(port).args(&records),
            Self::Link => wstap(&["watch-campaign", "--url", &campaigns, "42"]).args(&records),
            Self::Monitor => {
                wstap(&["watch-campaign", "--url", &campaigns, "--monitor", "42"]).args(&records)
            }
            Self::Probe => wstap(&["probe-handshake", &echo]),
            Self::Live => wstap(&["probe-handshake", &echo, "--live"]).args(clients::WORDS),
        }
    }

    /// What comes of it, with a fault or without.
    fn run(self, place: Place<'_>, mock: &[&str], args: &[&str], fault: Option<&str>) -> Output {
        // A probe leaves with the first message.
        let fault = fault.map(|fault| if self == Self::Live { fault.trim_end_matches("@3") } else { fault });
        let fault: Vec<&str> = fault.into_iter().flat_map(|fault| ["--fault", fault]).collect();
        let own = [&self.mock()[..], &["--rate", "max"], mock].concat();
        let tap = |url: &str| serve(&[&["--upstream", url], mock, &fault].concat());
        let (_servers, port) = match place {
            Place::Mock => {
                let (mock, port) = serve(&[own, fault].concat());
                (vec![mock], port)
            }
            Place::TapBeforeMock => {
                let (mock, port) = serve(&own);
                let (tap, port) = tap(&format!("ws://127.0.0.1:{port}"));
                (vec![mock, tap], port)
            }
            Place::TapBefore(url) => {
                let (tap, port) = tap(url);
                (vec![tap], port)
            }
        };
        self.client(port).args(args).run()
    }
}

/// Where a fault is.
#[derive(Clone, Copy, Debug)]
enum Place<'a> {
    Mock,
    /// In a tap whose upstream is a mock without faults.
    TapBeforeMock,
    /// In a tap in front of this echo.
    TapBefore(&'a str),
}

#[test]
fn every_client_meets_every_fault() {
    the_table_is_complete();
    // All at a time: most of it is spent waiting.
    std::thread::scope(|scope| {
        for way in Way::all() {
            scope.spawn(move || meets_every_fault(way, Place::Mock));
        }
    });
}

/// What a tap does to real traffic looks as if the mock had done it.
#[test]
fn every_fault_shows_through_a_tap_as_with_the_mock() {
    let ws = libraries().into_iter().find(|library| library.name == "ws" && library.is_here());
    let echo =
        ws.as_ref().map(Peer::any_length).map(|mut echo| (format!("ws://127.0.0.1:{}", echo.line()), echo));
    let ways = [Way::Connect, Way::Live, Way::Link, Way::Subscribe("voipbin")];
    std::thread::scope(|scope| {
        for way in ways {
            scope.spawn(move || meets_every_fault(way, Place::TapBeforeMock));
        }
        let url = echo.as_ref().map(|(url, _)| url);
        if let Some(url) = url {
            scope.spawn(move || meets_every_fault(Way::Connect, Place::TapBefore(url)));
        }
    });
}

/// No fault, and no command that connects, is without its place.
fn the_table_is_complete() {
    let name = |row: &Row| row.fault.split(['=', '@']).next().unwrap_or_default();
    let rows: BTreeSet<&str> = TABLE.iter().map(name).collect();
    assert_eq!(rows, Fault::names().collect::<BTreeSet<_>>(), "one row for each fault, at least");
    let parser = Cli::describe();
    // All that connect can be given a mock.
    let connects =
        |command: &&clap::Command| command.get_arguments().any(|arg| arg.get_long() == Some("mock"));
    let clients: BTreeSet<&str> =
        parser.get_subcommands().filter(connects).map(clap::Command::get_name).collect();
    let ways: BTreeSet<&str> = Way::all().into_iter().map(Way::command).collect();
    assert_eq!(ways, clients, "one way to give each command that connects, at least");
    let files = DIALECT_FILES.iter().map(|file| file.name);
    let names: BTreeSet<&str> = Way::all().into_iter().map(Way::name).chain(files).collect();
    let but = TABLE.iter().flat_map(|row| row.but.iter().map(|(name, _)| *name));
    let unlike = TABLE.iter().flat_map(|row| row.unlike.iter().map(|(name, _)| *name));
    assert_eq!(but.chain(unlike).find(|name| !names.contains(name)), None, "it is no way to be a client");
}

fn meets_every_fault(way: Way, place: Place<'_>) {
    let count = ["--count", "8"];
    let args = if matches!(way, Way::Connect | Way::Subscribe(_)) { &count[..] } else { &[] };
    let reference = way.run(Place::Mock, &[], args, None);
    let reference = messages(reference.exits(0));
    for row in TABLE {
        meets(way, place, row, &reference);
        if matches!(way, Way::Subscribe(_) | Way::Link) && row.after != After::Nothing {
            comes_back(way, place, row);
        }
    }
}

fn meets(way: Way, place: Place<'_>, row: &Row, reference: &[Value]) {
    let seen = way.expected(row);
    // A raw session does not reconnect by itself.
    let args =
        if way == Way::Connect { without(seen.client, "--no-reconnect") } else { seen.client.to_vec() };
    let out = way.run(place, seen.mock, &args, Some(row.fault));
    let case = format!("{way:?} {place:?} {}\nstdout:\n{}\nstderr:\n{}", row.fault, out.stdout, out.stderr);
    let records = shows(&out, &seen, &case);
    let messages = messages(&out);
    let flows = flows(seen.flow, &messages, reference);
    assert!(flows, "not {:?} of {reference:#?} but {messages:#?}: {case}", seen.flow);
    if row.fault == "no-heartbeat" {
        let ping = json!({"type": "ping", "dir": "in"});
        assert!(!records.iter().any(|record| holds(record, &ping)), "{case}");
    }
}

/// The end and the records are as expected.
fn shows(out: &Output, seen: &Seen, case: &str) -> Vec<Value> {
    out.exits(seen.exit).says(seen.says);
    assert_eq!(out.stderr.contains("wstap: error: "), seen.exit != 0, "{case}");
    let records = out.json();
    assert_eq!(told(&records), seen.told.0, "{case}");
    let expected: Value = serde_json::from_str(seen.told.1).unwrap();
    assert!(records.iter().any(|record| holds(record, &expected)), "no {expected}: {case}");
    assert_eq!(records.last().unwrap()["exit"], seen.exit, "{case}");
    records
}

/// Those that reconnect unless they are told not to, when only the first connection has the fault.
fn comes_back(way: Way, place: Place<'_>, row: &Row) {
    let seen = way.expected(row);
    let own = without(seen.client, "--no-reconnect");
    let count = if way == Way::Link { &[][..] } else { &["--count", "5"] };
    let args = [&own[..], &["--reconnect-delay", "10ms"], count].concat();
    let out = way.run(place, &[], &args, Some(&format!("fail-first=1:{}", row.fault)));
    let after = row.after(way.name());
    let case = format!("{way:?} {place:?} {}\nstdout:\n{}\nstderr:\n{}", row.fault, out.stdout, out.stderr);
    if after == After::Another {
        out.exits(0);
        assert!(told(&out.json()).starts_with("open close reconnect open gap"), "{case}");
    } else {
        // A clean end comes before the count is reached.
        out.exits(if seen.exit == 0 { 1 } else { seen.exit });
        assert_eq!(told(&out.json()), seen.told.0, "{case}");
    }
}

fn without<'a>(args: &[&'a str], one: &str) -> Vec<&'a str> {
    args.iter().copied().filter(|arg| *arg != one).collect()
}

/// The records besides those of messages and signs of life, by type; of a report, the checks that found fault.
fn told(records: &[Value]) -> String {
    let flow = ["message", "ping", "pong", "subscribed"];
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let words: Vec<String> = match records {
        [report] if report["type"] == "probe" => {
            let checks = report["checks"].as_array().unwrap().iter();
            checks
                .filter(|check| check["verdict"] != "ok" && check["verdict"] != "skipped")
                .map(|check| word(&check["id"]))
                .collect()
        }
        _ => records
            .iter()
            // Numbers that are missing are a matter of the messages.
            .filter(|record| record["first_missing"].is_null())
            .map(|record| word(&record["type"]))
            .filter(|kind| !flow.contains(&&**kind))
            .collect(),
    };
    words.join(" ")
}

/// Has it all these fields, and they theirs?
fn holds(value: &Value, expected: &Value) -> bool {
    match expected {
        Value::Object(fields) => fields.iter().all(|(name, expected)| holds(&value[name], expected)),
        expected => value == expected,
    }
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
        Flow::Same => told == reference,
        Flow::First => begins(&told[..told.len().min(1)]),
        Flow::Begins => told.len() <= 3 && begins(told),
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
