//! `serve-mock --upstream`: what passes is what was sent, and faults, programs, scenarios and the control API act on real
//! traffic.

use std::collections::BTreeSet;
use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::path::Path;
use std::sync::mpsc;
use std::thread;

use serde_json::{Value, json};
use wstap::testing::{DeflateFlow, Deflater};

use crate::clients::{control, until};
use crate::harness::{Output, Peer, Running, Server, frame, keep_closed, wstap};
use crate::hostile_clients::{connected, masked, request, upgraded};

/// A mock as a process, with the base of its URLs.
pub(crate) struct Mock {
    pub(crate) running: Running,
    pub(crate) port: u16,
}

impl Mock {
    pub(crate) fn start(args: &[&str]) -> Self {
        let mut running = wstap(&["serve-mock"]).args(args).spawn();
        let line = running.line();
        let port = line.trim().rsplit(':').next().and_then(|rest| rest.split('/').next());
        let port = port.and_then(|port| port.parse().ok());
        Self { port: port.unwrap_or_else(|| panic!("{args:?}: {:?}", running.notice(""))), running }
    }

    /// The echo.
    pub(crate) fn echo() -> Self {
        Self::start(&["plain"])
    }

    /// A tap in front of this one, or of another server.
    pub(crate) fn tap(&self, args: &[&str]) -> Self {
        tap(&self.base(), args)
    }

    pub(crate) fn base(&self) -> String {
        format!("ws://127.0.0.1:{}", self.port)
    }

    /// What a client gets that sends messages to the echo.
    pub(crate) fn connect(&self, args: &[&str]) -> Output {
        wstap(&["connect", "-q", &format!("{}/echo", self.base())]).args(args).run()
    }

    pub(crate) fn end(self) -> Output {
        self.running.signal("TERM");
        self.running.finish()
    }
}

/// A tap in front of this endpoint.
pub(crate) fn tap(upstream: &str, args: &[&str]) -> Mock {
    Mock::start(&[&["--upstream", upstream], args].concat())
}

fn records(path: &Path) -> Vec<Value> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The frame with a mask, as a client sends it.
fn with_mask(frame: &[u8]) -> Vec<u8> {
    let start = match frame[1] {
        126 => 4,
        127 => 10,
        _ => 2,
    };
    let mask = [1, 2, 3, 4];
    let payload = frame[start..].iter().zip(mask.iter().cycle()).map(|(byte, key)| byte ^ key);
    [&[frame[0], frame[1] | 0x80], &frame[2..start], &mask].concat().into_iter().chain(payload).collect()
}

/// Fragments with a ping between them, compressed bits, empty frames, long ones, and what no rule allows.
fn odd_frames() -> Vec<Vec<u8>> {
    vec![
        frame(0x01, b"frag"),
        frame(0x89, b"ping"),
        frame(0x80, b"ment"),
        frame(0x82, &[7; 70_000]),
        frame(0x81, b""),
        frame(0x8a, b"pong"),
        frame(0x81, b"not \xff utf-8"),
        frame(0xc1, b"\xf2\x48\xcd\xc9\xc9\x07\x00"),
        frame(0x83, b"a reserved opcode"),
        frame(0xf2, b"reserved bits"),
        frame(0x89, &[1; 200]),
        frame(0x88, b"\x03\xecan odd code"),
    ]
}

#[test]
fn every_byte_passes_both_ways() {
    let folder = tempfile::tempdir().unwrap();
    let down = odd_frames().concat();
    let up: Vec<u8> = odd_frames().iter().flat_map(|frame| with_mask(frame)).collect();
    let record = folder.path().join("record.ndjson").display().to_string();
    for args in [&["--no-control"][..], &["-v", "--record", &record]] {
        let (expected, sent) = (up.clone(), down.clone());
        let server = Server::websocket(move |peer| {
            let mut came = vec![0; expected.len()];
            peer.stream.read_exact(&mut came).unwrap();
            assert!(came == expected, "what the client sent");
            peer.write(&sent);
            peer.wait_for_end();
        });
        let tap = tap(&server.url(), args);
        let mut client = upgraded(tap.port, "/");
        client.write(&up);
        let mut came = vec![0; down.len()];
        client.stream.read_exact(&mut came).unwrap();
        assert!(came == down, "what the server sent");
        drop(client);
        server.join();
        let out = tap.end();
        out.exits(0);
        for notice in ["client 1: connected to ws://", "client 1 sent fragment", "client 1 received fragment"]
        {
            assert_eq!(out.stderr.contains(notice), args.contains(&"-v"), "{notice}: {}", out.stderr);
        }
    }
    // What has no rule is no message, and is told.
    let records = records(Path::new(&record));
    let errors: Vec<&Value> = records.iter().filter(|record| record["type"] == "error").collect();
    assert!(
        errors.iter().any(|record| record["error"] == "utf8" && record["base64"].is_string()),
        "{errors:?}"
    );
    assert!(errors.iter().any(|record| record["error"] == "protocol"), "{errors:?}");
    let close = records.iter().find(|record| record["type"] == "close").unwrap();
    assert_eq!((&close["code"], &close["reason"]), (&json!(1004), &json!("an odd code")));
}

#[test]
fn a_recorded_client_gets_the_same_from_the_recording() {
    let folder = tempfile::tempdir().unwrap();
    let binary = env!("CARGO_BIN_EXE_wstap");
    for name in ["session.ndjson", "session.har"] {
        let file = folder.path().join(name).display().to_string();
        let server = Server::websocket(|peer| {
            peer.text(r#"{"price":1.10,"big":100000000000000000000}"#);
            assert_eq!(peer.read_text().as_deref(), Some(r#"{"more":true}"#));
            peer.text("no JSON \u{1}\n");
            peer.frame(2, [0, 255, 10]);
            peer.text("{\n  \"pretty\": true\n}");
            peer.text(" null ");
            peer.close_well(4100);
        });
        let client = ["--no-reconnect", "--raw-output", "--reply", "objects | select(.price) | {more: true}"];
        let tap = tap(&server.url(), &["--record", &file]);
        let recorded = wstap(&["connect", &tap.base()]).args(&client).run();
        server.join();
        tap.end().exits(0);
        assert_eq!(recorded.exits(20).lines().len(), 6, "{recorded:?}");
        for args in [&["--speed", "max"][..], &["--sync"]] {
            let exec = ["--replay", &file, "--exec", binary, "connect", "{}"];
            let replayed = wstap(&["serve-mock", "-q"]).args(args).args(&exec).args(&client).run();
            assert_eq!(replayed.exits(20).stdout, recorded.stdout, "{name} {args:?}");
        }
        let from = wstap(&["connect", "--from", &file, "--raw-output"]).run();
        assert_eq!(from.exits(0).stdout, recorded.stdout, "{name}");
    }
}

#[test]
fn credentials_pass_and_are_masked_in_records_and_notices() {
    let folder = tempfile::tempdir().unwrap();
    let echo = Mock::start(&["voipbin", "--token", "t0k3n-s3cr3t", "--events", "0"]);
    for name in ["record.ndjson", "record.har"] {
        let file = folder.path().join(name);
        let tap = echo.tap(&["-vv", "--record", &file.display().to_string()]);
        let url = format!("{}/v1.0/ws?token=t0k3n-s3cr3t", tap.base());
        let hello = r#"{"type":"auth","token":"t0k3n-s3cr3t"}"#;
        let header = "Authorization: Bearer h34d3r-s3cr3t";
        wstap(&["connect", "-q", &url, "-H", header, "-x", hello, "--count", "1"]).run().exits(0);
        let (out, recorded) = (tap.end(), std::fs::read_to_string(&file).unwrap());
        for kept in [&out.exits(0).stderr, &recorded] {
            assert!(!kept.contains("s3cr3t") && kept.contains("***"), "{name}: {kept}");
        }
        assert!(recorded.replace('\\', "").contains(r#""token":"***""#), "{name}: {recorded}");
    }
}

#[test]
fn faults_combine_and_what_they_refuse_the_upstream_never_sees() {
    let echo = Mock::echo();
    let faults = ["fragment=2", "latency=5ms±5ms", "bandwidth=100k", "duplicate=1", "fail-first=1"];
    let tap = echo.tap(&faults.iter().flat_map(|fault| ["--fault", fault]).collect::<Vec<_>>());
    let again = ["--reconnect", "--reconnect-delay", "1ms"];
    let out = tap.connect(&[&again[..], &["-x", "[1,2,3]", "-x", "{}", "--count", "4"]].concat());
    assert_eq!(out.exits(0).stdout, "[1,2,3]\n[1,2,3]\n{}\n{}\n");
    // There is no upstream, and nobody notices.
    let tap = self::tap(&format!("ws://127.0.0.1:{}", keep_closed(0)), &["--fault", "refuse=401"]);
    tap.connect(&["--no-reconnect"]).exits(16);
}

#[test]
fn programs_answer_instead_of_the_upstream_or_change_what_passes() {
    let echo = Mock::echo();
    let on = r#"select(.op == "price") | {price: 42, n: $n}"#;
    let tap = echo.tap(&[
        "--on",
        on,
        "--map-out",
        ".seen = true",
        "--map-in",
        ".from = \"real\" | select(.drop | not)",
    ]);
    let sends =
        ["-x", r#"{"op":"price"}"#, "-x", r#"{"op":"other"}"#, "-x", r#"{"drop":true}"#, "-x", "no json"];
    let out = tap.connect(
        &[&sends[..], &["-x", "[1]", "-x", r#"{"op":"last"}"#, "--until", r#".op? == "last""#]].concat(),
    );
    let mut lines = out.exits(0).lines();
    lines.sort_unstable();
    let mut expected = [
        r#"{"price":42,"n":1}"#,
        r#"{"op":"other","seen":true,"from":"real"}"#,
        "\"no json\"",
        "[1]",
        r#"{"op":"last","seen":true,"from":"real"}"#,
    ];
    expected.sort_unstable();
    assert_eq!(lines, expected);
    // A program that fails on a message lets it pass, and says so.
    tap.end().exits(0).says("--on: ").says("--map-out: ").says("--map-in: ");
}

#[test]
fn the_control_api_acts_on_real_traffic() {
    let echo = Mock::echo();
    let tap = echo.tap(&[]);
    let mut client =
        wstap(&["connect", "-q", &format!("{}/echo", tap.base()), "-x", "1", "--linger", "forever"]).spawn();
    assert_eq!(client.line(), "1\n");
    assert_eq!(control(tap.port, "push", &json!({"data": {"pushed": 1.5}}))["sent"], 1);
    assert_eq!(client.line(), "{\"pushed\":1.5}\n");
    let journal = control(tap.port, "wait", &json!({"jq": ". == 1"}));
    assert_eq!(journal["messages"][0]["data"], 1);
    // Each client has a connection of its own to the upstream.
    let other = wstap(&["connect", "-q", &format!("{}/echo", tap.base()), "--linger", "forever"]).spawn();
    let clients = |port| control(port, "clients", &Value::Null)["clients"].as_array().map(Vec::len);
    until("both are there", || (clients(tap.port), clients(echo.port)) == (Some(2), Some(2)));
    drop(other);
    until("one has gone", || clients(echo.port) == Some(1));
    let listed = &control(tap.port, "clients", &Value::Null)["clients"][0];
    assert_eq!((&listed["received"], &listed["sent"]), (&json!(1), &json!(2)));
    control(tap.port, "close", &json!({"code": 4444, "reason": "enough"}));
    client.finish().exits(20).says("4444");
    until("the upstream has seen the end", || {
        control(echo.port, "clients", &Value::Null)["clients"] == json!([])
    });
}

#[test]
fn what_is_pushed_waits_for_the_end_of_a_message() {
    let (pushed, is_pushed) = mpsc::channel();
    let server = Server::websocket(move |peer| {
        peer.write(frame(0x01, b"frag"));
        is_pushed.recv().unwrap();
        peer.write([frame(0x89, b"ping"), frame(0x80, b"ment")].concat());
        peer.wait_for_end();
    });
    let tap = tap(&server.url(), &[]);
    let mut client = upgraded(tap.port, "/");
    assert_eq!(client.read_frame().unwrap().first, 0x01);
    assert_eq!(control(tap.port, "push", &json!({"data": 1}))["sent"], 1);
    pushed.send(()).unwrap();
    for (first, payload) in [(0x89, &b"ping"[..]), (0x80, b"ment"), (0x81, b"1")] {
        let frame = client.read_frame().unwrap();
        assert_eq!((frame.first, &frame.payload[..]), (first, payload));
    }
    drop(client);
    server.join();
}

#[test]
fn the_end_of_the_tap_is_told_to_both_ends() {
    let server = Server::websocket(|peer| assert_eq!(peer.read_close(), Some(1001)));
    let tap = tap(&server.url(), &[]);
    let mut client = upgraded(tap.port, "/");
    tap.running.signal("TERM");
    assert_eq!(client.read_close(), Some(1001));
    client.write(masked(0x88, &1001_u16.to_be_bytes()));
    server.join();
    tap.running.finish().exits(0);
}

#[test]
fn clients_have_connections_of_their_own_and_are_told_apart_in_the_recording() {
    const CLIENTS: usize = 12;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("record.ndjson");
    let echo = Mock::echo();
    let tap = echo.tap(&["--record", &file.display().to_string()]);
    thread::scope(|scope| {
        for client in 0..CLIENTS {
            let tap = &tap;
            scope.spawn(move || {
                let said: Vec<String> = (0..20).map(|n| format!("[{client},{n}]")).collect();
                let sends: Vec<&str> = said.iter().flat_map(|text| ["-x", text]).collect();
                let out = tap.connect(&[&sends[..], &["--count", "20"]].concat());
                assert_eq!(out.exits(0).lines(), said);
            });
        }
    });
    tap.end().exits(0);
    let records = records(&file);
    let conns: BTreeSet<u64> = records.iter().filter_map(|record| record["conn"].as_u64()).collect();
    assert_eq!(conns.len(), CLIENTS);
    for conn in conns {
        let said = |dir: &str| -> Vec<&Value> {
            let own = records.iter().filter(|record| record["conn"] == conn && record["dir"] == dir);
            own.map(|record| &record["data"]).collect()
        };
        assert!(said("out").len() == 20 && said("out") == said("in"), "{:?}", said("in"));
    }
}

#[test]
fn scenarios_run_beside_the_upstream_or_instead() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("s.toml");
    let scenarios = r#"
        [[scenario]]
        path = "/echo"
        connection = 1
        steps = [
          { send = "beside" }, { expect = ". == 2" }, { send = { more = true } }, { expect = ". == 3" },
          { close = 4000, reason = "by the scenario" },
        ]
        [[scenario]]
        path = "/echo"
        connection = 2
        upstream = false
        steps = [{ expect = ". == 1" }, { send = "instead" }, { close = 4001 }]
        [[scenario]]
        path = "/echo"
        connection = 3
        faults = ["close=4003@2"]
        steps = []
        [[scenario]]
        path = "/echo"
        connection = 4
        steps = [{ stall = "1h" }]
    "#;
    std::fs::write(&file, scenarios).unwrap();
    let echo = Mock::echo();
    let tap = echo.tap(&["--scenario", &file.display().to_string()]);
    let send = ["--no-reconnect", "--linger", "20s", "-x", "1", "-x", "2", "-x", "3"];
    let first = tap.connect(&send);
    let mut lines = first.exits(20).says("by the scenario").lines();
    lines.retain(|line| line.starts_with(['"', '{']));
    assert_eq!(lines, ["\"beside\"", "{\"more\":true}"]);
    assert_eq!(tap.connect(&send).exits(20).stdout, "\"instead\"\n");
    assert_eq!(tap.connect(&send).exits(20).stdout, "1\n2\n");
    assert_eq!(tap.connect(&["-x", "1", "--max-time", "500ms"]).stdout, "");
    // The fifth is nobody's but the upstream's.
    let last = tap.connect(&["-x", "1", "-x", "2", "--count", "2"]);
    assert_eq!(last.exits(0).stdout, "1\n2\n");
    tap.end().exits(0);
}

#[test]
fn faults_that_are_set_later_meet_compressed_traffic_in_the_middle() {
    let echo = Mock::echo();
    let tap = echo.tap(&[]);
    let url = format!("{}/echo", tap.base());
    let (mut client, mut stdin) = wstap(&["connect", "-q", &url, "--linger", "forever"]).spawn_fed();
    let long = json!("the same words again, ".repeat(50)).to_string();
    for _ in 0..3 {
        stdin.write_all(format!("{long}\n").as_bytes()).unwrap();
        assert_eq!(client.line().trim_end(), long);
    }
    let put = |faults: Value| {
        let body = json!({ "faults": faults }).to_string();
        let mut stream = connected(tap.port);
        let head = format!(
            "PUT /__wstap/faults HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
             Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    };
    put(json!(["duplicate=1"]));
    stdin.write_all(format!("{long}\n").as_bytes()).unwrap();
    assert_eq!([client.line(), client.line()].map(|line| line.trim_end() == long), [true, true]);
    put(json!([]));
    stdin.write_all(format!("{long}\n1\n").as_bytes()).unwrap();
    assert_eq!([client.line().trim_end(), &client.line()], [&long[..], "1\n"]);
    put(json!(["close=4002"]));
    client.finish().exits(20).says("4002");
}

#[test]
fn pings_pass_or_are_answered_here() {
    for own in [false, true] {
        let server = Server::websocket(move |peer| {
            peer.frame(0x9, b"from the server");
            if own {
                let pong = peer.read_frame().unwrap();
                assert_eq!((pong.first, &pong.payload[..]), (0x8a, &b"from the server"[..]));
            } else {
                let ping = peer.read_frame().unwrap();
                assert_eq!((ping.first, &ping.payload[..]), (0x89, &b"from the client"[..]));
                peer.frame(0xa, b"late");
            }
            peer.text("done");
            peer.wait_for_end();
        });
        let tap = tap(&server.url(), if own { &["--own-pings"] } else { &[] });
        let mut client = upgraded(tap.port, "/");
        client.write(masked(0x89, b"from the client"));
        let mut frames: Vec<(u8, Vec<u8>)> = (0..2 + usize::from(!own))
            .map(|_| client.read_frame().map(|frame| (frame.first, frame.payload)).unwrap())
            .collect();
        // The message and the answer of the mock come by different ways.
        if own {
            frames.sort_by_key(|(first, _)| std::cmp::Reverse(*first));
        }
        let expected: &[(u8, &[u8])] = if own {
            &[(0x8a, b"from the client"), (0x81, b"done")]
        } else {
            &[(0x89, b"from the server"), (0x8a, b"late"), (0x81, b"done")]
        };
        let found: Vec<(u8, &[u8])> = frames.iter().map(|(first, payload)| (*first, &payload[..])).collect();
        assert_eq!(found, expected, "own: {own}");
        drop(client);
        server.join();
    }
}

#[test]
fn half_an_end_passes() {
    let server = Server::websocket(|peer| {
        assert_eq!(peer.read_text().as_deref(), Some("the last word"));
        assert!(peer.read_frame().is_none(), "the client has said all");
        peer.text("an answer all the same");
    });
    let tap = tap(&server.url(), &[]);
    let mut client = upgraded(tap.port, "/");
    client.write(masked(0x81, b"the last word"));
    client.stream.shutdown(Shutdown::Write).unwrap();
    assert_eq!(client.read_frame().unwrap().payload, b"an answer all the same");
    assert!(client.read_frame().is_none());
    server.join();

    let server = Server::websocket(|peer| {
        peer.text("the last word");
        peer.stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(peer.read_text().as_deref(), Some("an answer all the same"));
    });
    let tap = self::tap(&server.url(), &[]);
    let mut client = upgraded(tap.port, "/");
    assert_eq!(client.read_frame().unwrap().payload, b"the last word");
    assert!(client.read_frame().is_none(), "the server has said all");
    client.write(masked(0x81, b"an answer all the same"));
    server.join();
}

#[test]
fn a_slow_reader_slows_the_other_end_and_memory_stays_bounded() {
    const PIECE: usize = 1 << 20;
    const PIECES: usize = 64;
    let server = Server::websocket(|peer| {
        let message = frame(0x82, &vec![7; PIECE]);
        for _ in 0..PIECES {
            peer.write(&message);
        }
        let mut came = vec![0; PIECE];
        for _ in 0..PIECES {
            peer.stream.read_exact(&mut came).unwrap();
        }
    });
    let tap = tap(&server.url(), &["--no-control"]);
    let before = tap.running.resident();
    let mut client = upgraded(tap.port, "/");
    // Neither reads what the other writes.
    let mut writer = client.stream.try_clone().unwrap();
    let writing = thread::spawn(move || writer.write_all(&vec![0; PIECES * PIECE]));
    let settled = tap.running.settled();
    assert!(settled < before + 4096, "{before} KiB became {settled}");
    for _ in 0..PIECES {
        assert_eq!(client.read_frame().unwrap().payload.len(), PIECE);
    }
    writing.join().unwrap().unwrap();
    server.join();
}

#[test]
fn a_message_of_more_than_a_quarter_of_the_buffer_is_neither_recorded_nor_changed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("record.ndjson");
    let long = json!("x".repeat(17 << 10)).to_string();
    let echo = Mock::echo();
    let tap = echo.tap(&["--buffer", "64K", "--record", &file.display().to_string()]);
    let out = tap.connect(&["-x", &long, "-x", "1", "--count", "2"]);
    assert_eq!(out.exits(0).lines(), [&long, "1"]);
    tap.end().exits(0).says("warning").says("a message is larger than 16384 bytes, a quarter of --buffer");
    let records = records(&file);
    let of = |kind: &str| records.iter().filter(|record| record["type"] == kind).count();
    assert_eq!((of("message"), of("error")), (2, 2));
    assert!(records.iter().any(|record| record["error"] == "too-large"));
    let tap = echo.tap(&["--buffer", "64K", "--map-in", "."]);
    tap.connect(&["--no-reconnect", "-x", &long, "--linger", "forever"]).exits(20).says("1009");
}

#[test]
fn a_recording_that_cannot_be_written_ends_and_the_traffic_goes_on() {
    let echo = Mock::echo();
    let mut tap = echo.tap(&["--record", "/dev/full"]);
    tap.connect(&["-x", "1", "--count", "1"]).exits(0);
    tap.running.notice("recording stopped");
    assert_eq!(tap.connect(&["-x", "2", "--count", "1"]).exits(0).stdout, "2\n");
    tap.end().exits(30).says("/dev/full");
}

/// What is compressed becomes a thousand times as much.
#[test]
fn memory_for_compressed_messages_stays_within_the_buffer() {
    const MESSAGES: usize = 200;
    const EXTENSION: &str = "Sec-WebSocket-Extensions: permessage-deflate; server_no_context_takeover\r\n";
    let server = Server::once(|mut peer| {
        peer.accept_with(EXTENSION);
        let mut deflater = Deflater::new(DeflateFlow { window_bits: 15, takeover: false });
        let message = deflater.deflate(json!("x".repeat(900_000)).to_string().as_bytes()).unwrap();
        peer.write(frame(0xc1, &message).repeat(MESSAGES));
        peer.wait_for_end();
    });
    let tap = tap(&server.url(), &["--map-in", ".", "--buffer", "4M"]);
    let before = tap.running.resident();
    let mut client = Peer { stream: connected(tap.port) };
    client.write(request("/").replace("\r\n\r\n", &format!("\r\n{EXTENSION}\r\n")));
    client.request();
    assert_eq!(client.read_frame().unwrap().first, 0xc1);
    let settled = tap.running.settled();
    assert!(settled < before + (12 << 10), "{before} KiB became {settled}");
    for _ in 1..MESSAGES {
        assert_eq!(client.read_frame().unwrap().first, 0xc1);
    }
    drop(client);
    server.join();
}

#[test]
fn options_of_the_upstream_need_one() {
    for option in [
        &["--record", "f"][..],
        &["--map-in", "."],
        &["--own-pings"],
        &["-k"],
        &["--upstream-header", "A: b"],
    ] {
        wstap(&["serve-mock"]).args(option).run().exits(2).says("--upstream");
    }
    wstap(&["serve-mock", "--upstream", "ws://h/", "--replay", "f"]).run().exits(2);
    wstap(&["serve-mock", "--upstream", "nope"]).run().exits(2).says("--upstream: not a WebSocket URL");
    wstap(&["serve-mock", "--upstream", "ws://h/", "--map-in", ".["]).run().exits(3).says("--map-in");
    wstap(&["connect", "--mock=--upstream ws://h/"]).run().exits(2).says("works only with serve-mock");
}
