//! `--replay`: what was recorded comes again, and HARs in both directions.

use serde_json::Value;

use crate::harness::{Output, Peer, Server, wstap};

const BINARY: &str = env!("CARGO_BIN_EXE_wstap");

/// All that a message can be, a question in between, and an end with a code.
fn session(peer: &mut Peer) {
    peer.text(r#"{"price":1.10,"big":100000000000000000000}"#);
    assert_eq!(peer.read_text().as_deref(), Some(r#"{"more":true}"#));
    peer.text("no JSON \u{1}\n");
    peer.frame(2, [0, 255, 10]);
    peer.text("null");
    peer.close_well(4100);
}

const ASK: [&str; 5] =
    ["--no-reconnect", "--until", ". == null", "--reply", "objects | select(.price) | {more: true}"];

fn record(file: &str) -> Output {
    let server = Server::websocket(session);
    let out = wstap(&["connect", &server.url(), "--record", file]).args(&ASK).run();
    server.join();
    out
}

/// Runs `connect` against a replay, with the same options.
fn replay(args: &[&str], client: &[&str]) -> Output {
    let exec = ["--exec", BINARY, "connect", "{}"];
    wstap(&["serve-mock", "-q"]).args(args).args(&exec).args(client).run()
}

fn file(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

#[test]
fn a_replayed_recording_gives_the_same_lines() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["session.ndjson", "session.har"] {
        let file = file(&folder, name);
        let recorded = record(&file);
        assert_eq!(recorded.lines().len(), 4, "{recorded:?}");
        for args in [["--speed", "max"].as_slice(), &["--sync"], &["--speed", "10", "--sync"]] {
            let args = [args, &["--replay", &file]].concat();
            let replayed = replay(&args, &ASK);
            assert_eq!(replayed.stdout, recorded.stdout, "{name} {args:?}: {}", replayed.stderr);
            assert_eq!(replayed.code, recorded.code, "{name} {args:?}: {}", replayed.stderr);
        }
    }
}

#[test]
fn the_recorded_close_is_the_last_word() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["session.ndjson", "session.har"] {
        let file = file(&folder, name);
        let server = Server::websocket(|peer| {
            peer.text("1");
            peer.close_well(4100);
        });
        wstap(&["connect", &server.url(), "--no-reconnect", "--record", &file]).run().exits(20);
        server.join();
        let out = replay(&["--replay", &file, "--speed", "max"], &["--no-reconnect", "--envelope"]);
        assert_eq!(out.exits(20).records("close")[0]["code"], 4100, "{name}");
    }
}

#[test]
fn a_har_has_what_browsers_insist_on() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(&folder, "session.har");
    record(&file);
    let har: Value = serde_json::from_str(&std::fs::read_to_string(&file).unwrap()).unwrap();
    let log = &har["log"];
    assert_eq!((&log["version"], &log["creator"]["name"]), (&"1.2".into(), &"wstap".into()));
    let entry = &log["entries"][0];
    assert_eq!(entry["_resourceType"], "websocket");
    for field in ["startedDateTime", "time", "request", "response", "cache", "timings"] {
        assert!(!entry[field].is_null(), "{field}");
    }
    for field in
        ["method", "url", "httpVersion", "cookies", "headers", "queryString", "headersSize", "bodySize"]
    {
        assert!(!entry["request"][field].is_null(), "request.{field}");
    }
    for field in
        ["status", "statusText", "httpVersion", "cookies", "headers", "content", "redirectURL", "bodySize"]
    {
        assert!(!entry["response"][field].is_null(), "response.{field}");
    }
    let messages = entry["_webSocketMessages"].as_array().unwrap();
    let shape = |message: &Value| {
        let text = |field: &str| message[field].as_str().unwrap().to_owned();
        (text("type"), message["opcode"].as_u64().unwrap(), text("data"))
    };
    let shapes: Vec<_> = messages.iter().map(shape).filter(|(kind, ..)| kind == "receive").collect();
    assert_eq!(shapes[0].2, r#"{"price":1.10,"big":100000000000000000000}"#);
    assert_eq!(shapes[1], ("receive".into(), 1, "no JSON \u{1}\n".into()));
    assert_eq!(shapes[2], ("receive".into(), 2, "AP8K".into()));
    let times: Vec<f64> = messages.iter().map(|message| message["time"].as_f64().unwrap()).collect();
    assert!(times.is_sorted() && times[0] > 1e9, "{times:?}");
}

#[test]
fn a_har_is_read_offline_and_a_recording_becomes_one() {
    let folder = tempfile::tempdir().unwrap();
    let (recording, har) = (file(&folder, "a.ndjson"), file(&folder, "a.har"));
    let recorded = record(&recording);
    let out = wstap(&["connect", "--from", &recording, "--envelope", "--record", &har]).run();
    out.exits(0);
    let read = wstap(&["connect", "--from", &har]).run();
    assert_eq!(read.exits(0).stdout, recorded.stdout);
    let records = wstap(&["connect", "--from", &har, "--envelope"]).run();
    let messages: Vec<Value> = records.exits(0).records("message");
    assert_eq!(messages.iter().filter(|message| message["dir"] == "out").count(), 1);
    let originals = wstap(&["connect", "--from", &recording, "--envelope"]).run().records("message");
    let times = |records: &[Value]| records.iter().map(|record| record["ts"].to_string()).collect::<Vec<_>>();
    assert_eq!(times(&messages), times(&originals), "to the microsecond");
}

#[test]
fn a_browsers_har_is_played_at_its_paths() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(&folder, "browser.har");
    let entry = |path: &str, data: &str| {
        format!(
            r#"{{"startedDateTime":"2026-01-01T00:00:00.000Z","request":{{"url":"wss://host{path}?token=t"}},
                "_webSocketMessages":[{{"type":"receive","time":1767225600.1,"opcode":1,"data":"{data}"}},
                {{"type":"error","time":1767225601,"opcode":-1,"data":"net::ERR"}}]}}"#
        )
    };
    let page =
        r#"{"startedDateTime":"2026-01-01T00:00:00.000Z","request":{"url":"https://host/"},"response":{}}"#;
    let entries = [page.to_owned(), entry("/a", "from a"), entry("/b", "from b")].join(",");
    std::fs::write(&file, format!(r#"{{"log":{{"version":"1.2","entries":[{entries}]}}}}"#)).unwrap();
    let mut mock = wstap(&["serve-mock", "--replay", &file, "--speed", "max"]).spawn();
    let base = mock.line();
    for (path, text) in
        [("/b", "from b"), ("/a", "from a"), ("/b", "from b"), ("/", "from a"), ("/x", "from b")]
    {
        let out = wstap(&["connect", &format!("{}{path}", base.trim()), "--count", "1", "-r"]).run();
        assert_eq!(out.exits(0).stdout, format!("{text}\n"), "{path}");
    }
    // What belongs to a provider still does.
    wstap(&["connect", &format!("{}/echo", base.trim()), "-x", "1", "--count", "1"]).run().exits(0);
}

#[test]
fn what_cannot_be_played_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let (empty, bad) = (file(&folder, "empty"), file(&folder, "bad.har"));
    std::fs::write(&empty, "\n").unwrap();
    std::fs::write(&bad, r#"{"log":1}"#).unwrap();
    wstap(&["serve-mock", "--replay", &empty]).run().exits(2).says("no messages found");
    wstap(&["serve-mock", "--replay", &bad]).run().exits(2).says("not a HAR");
    wstap(&["connect", "--from", &bad]).run().exits(2).says("not a HAR");
    wstap(&["serve-mock", "--replay", "/nonexistent"]).run().exits(2).says("/nonexistent");
    wstap(&["serve-mock", "--speed", "2"]).run().exits(2).says("--replay");
}

#[test]
fn lines_that_are_no_records_are_messages() {
    let folder = tempfile::tempdir().unwrap();
    let file = file(&folder, "lines");
    std::fs::write(&file, "{\"a\":1}\nplain\n").unwrap();
    let out = replay(&["--replay", &file, "--then", "close"], &["--no-reconnect"]);
    assert_eq!(out.exits(0).stdout, "{\"a\":1}\n\"plain\"\n");
}
