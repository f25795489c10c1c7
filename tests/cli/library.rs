//! The dialect files that are built in: the client of each against its own mock.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::{fs, thread};

use serde::Deserialize;
use serde_json::Value;
use wstap::testing::{DIALECT_FILES, duration};

use crate::clients::{control, serve};
use crate::harness::{Output, Wstap, wstap};
use crate::pty::on_pty;

/// What a file says that tests need.
#[derive(Deserialize)]
struct FileHead {
    dialect: Head,
}

#[derive(Deserialize)]
struct Head {
    examples: Vec<String>,
}

/// The example of a file that runs against its mock, in words.
pub(crate) fn example(text: &str) -> Vec<String> {
    let head: FileHead = toml::from_str(text).unwrap();
    let examples = head.dialect.examples;
    let shown = examples.into_iter().find(|example| example.contains("--mock")).unwrap();
    shlex::split(&shown).unwrap()
}

/// The same with these options of the mock, and of the client.
pub(crate) fn run(text: &str, mock: &str, args: &[&str]) -> Output {
    let mock = format!("--mock=--rate 1000 {mock}");
    let words = example(text);
    let mut kept: Vec<&str> = Vec::new();
    let mut given = words.iter().map(String::as_str);
    while let Some(word) = given.next() {
        match word {
            "--count" | "-f" => _ = given.next(),
            "--mock" => kept.push(&mock),
            word => kept.push(word),
        }
    }
    wstap(&kept).args(args).run()
}

#[test]
fn examples_of_every_file_run_against_its_mock() {
    for file in DIALECT_FILES {
        let words = example(file.text);
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let out = wstap(&words).run();
        let count = words.iter().skip_while(|word| **word != "--count").nth(1).unwrap();
        let lines = out.exits(0).stdout.lines().count();
        assert_eq!(lines.to_string(), *count, "{}: {}", file.name, out.stdout);
        assert!(
            !out.stderr.contains("jq:") && !out.stderr.contains("acknowledgment"),
            "{}: {}",
            file.name,
            out.stderr
        );
    }
}

/// Does this with the name and the text of every file, several at a time: most of it is spent waiting.
pub(crate) fn for_every_file(test: fn(&str, &str)) {
    thread::scope(|scope| {
        for files in DIALECT_FILES.chunks(DIALECT_FILES.len().div_ceil(15)) {
            scope.spawn(move || files.iter().for_each(|file| test(file.name, file.text)));
        }
    });
}

/// Messages in the form of each service, written by hand, and what they mean to its file:
/// `tests/fixtures/dialects/NAME.txt`. With `UPDATE`, the meanings are written again.
#[test]
fn messages_of_every_service_mean_what_its_fixture_says() {
    for_every_file(|name, file| {
        let path = format!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/dialects/{}.txt"), name);
        let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
        let explained = explained(name, &text);
        if std::env::var_os("UPDATE").is_some() {
            fs::write(&path, &explained).unwrap();
        } else {
            assert_eq!(explained, text, "{path}");
        }
        for rule in 1..=rules(file) {
            let met = |line: &str| line.split([' ', ':']).next() == Some(&rule.to_string());
            assert!(explained.lines().any(met), "{path}: no message meets rule {rule}");
        }
    });
}

/// How many rules a file has for messages.
fn rules(text: &str) -> usize {
    let file: toml::Table = toml::from_str(text).unwrap();
    file.get("on").and_then(toml::Value::as_array).map_or(0, Vec::len)
}

/// A fixture with what `--check` says to its messages.
fn explained(name: &str, fixture: &str) -> String {
    let topic = fixture.lines().next().unwrap().strip_prefix("topic ").unwrap();
    let messages: Vec<&str> = fixture.lines().filter_map(|line| line.strip_prefix("> ")).collect();
    let mut args =
        vec!["subscribe", "-d", name, "--check", "--url", "ws://service.invalid/app/key", "--from", "-"];
    args.extend(Some(topic).filter(|topic| !topic.is_empty()));
    let out = wstap(&args).stdin(messages.join("\n") + "\n").run();
    let mut text = format!("topic {topic}\n");
    let mut number = 0;
    for line in out.exits(0).lines() {
        if let Some(said) = line.strip_prefix(&format!("message {}: ", number + 1)) {
            let message = messages[number];
            number += 1;
            // Without the line in the file, and the beginning of the message.
            let meaning =
                said.rsplit_once(&format!(": {}", &message[..1])).map_or(said, |(meaning, _)| meaning);
            let meaning = meaning.split_once(" rule ").map_or(meaning, |(_, rule)| rule);
            text.push_str(&format!("> {message}\n{meaning}\n"));
        } else if number > 0 {
            text.push_str(&format!("{line}\n"));
        }
    }
    text
}

#[test]
fn a_file_of_ones_own_has_its_mock_too() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("mine.toml").display().to_string();
    let text = DIALECT_FILES.iter().find(|file| file.name == "kraken").unwrap().text;
    fs::write(&path, text.replace("name = \"kraken\"", "name = \"mine\"").replace("/v2\"", "/mine\""))
        .unwrap();
    wstap(&["subscribe", "-d", &path, "--mock", "trade:BTC/USD", "--count", "2"]).run().exits(0);
    let (_mock, port) = serve(&["-d", &path, "--deny", "ticker:*"]);
    let url = format!("ws://127.0.0.1:{port}/mine");
    let run = |topic: &str| wstap(&["subscribe", "-d", &path, "--url", &url, topic, "--count", "2"]).run();
    run("trade:BTC/USD").exits(0).says("subscribe confirmed: trade:BTC/USD");
    run("ticker:BTC/USD").exits(24).says("not supported ticker:BTC/USD");
    run("nonsense").exits(2).says("expected CHANNEL:SYMBOL");
}

/// A provider with everything that a file can say, and its mock.
const EVERYTHING: &str = r#"
[dialect]
version = 2
name = "everything"
url = "wss://never.invalid/feed"

[credential]
in = "message"
env = "EVERYTHING_TOKEN"

[keys]
user = "EVERYTHING_USER"

[topics]
what = "letters"
per_connection = 3

[connect]
url = '$s.url'
messages_per_second = 3

[[connect.before]]
purpose = "the session"
url = 'https://never.invalid/session?user=\(1 + 1)'
headers.Authorization = 'Bearer \($token)'
body = '{scope: "all"}'
keep = '{url: .url, session: .session}'
secret = '.session'

[open]
send = '{hello: $s.session}'

[subscribe]
each = '{want: $topic, n: $n}'

[[on]]
when = '.welcome'
set = '{beat: .welcome}'
ready = true

[[on]]
when = '.n and .topic'
event = '.'
id = '.n'
sequence = '[.topic, .i]'
ack = '{got: .n}'

[[on]]
when = '.got'
ignore = true

[keepalive]
send = '{alive: $s.session}'
every_ms = '$s.beat'
answered = false

[mock]
path = "/feed"
event = '{n: $n, topic: $topic, i: (if $n < 6 then $i else $i + 2 end)}'

[[mock.http]]
path = "/session"
method = "POST"
token = '$headers.authorization | ltrimstr("Bearer ")'
body = '{url: "ws://\($headers.host)/feed?x=1", session: "s3ss10n-\(.scope)"}'

[[mock.on]]
when = '.hello == "s3ss10n-all"'
send = '{welcome: 60}'

[[mock.on]]
when = '.want'
subscribe = '.want'

[[mock.on]]
when = '.got'
send = '{got: .got}'
"#;

#[test]
fn a_file_may_call_sign_pace_acknowledge_and_find_gaps() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("everything.toml").display().to_string();
    fs::write(&path, EVERYTHING).unwrap();
    let subscribe = |args: &[&str]| {
        let args = [&["subscribe", "-d", &path][..], args].concat();
        wstap(&args).env("EVERYTHING_USER", "me").run()
    };
    let records = ["--mock=--rate 20", "--envelope", "--count", "30", "a", "b", "c"];
    let out = subscribe(&records);
    out.exits(0).says("gap of a: 2 numbers missing (3 to 4)");
    assert!(!out.stdout.contains("s3ss10n") && !out.stderr.contains("s3ss10n"), "{}", out.stdout);
    let gaps = out.records("gap");
    assert_eq!(
        (&gaps[0]["stream"], &gaps[0]["first_missing"], &gaps[0]["last_missing"]),
        (&"a".into(), &3.into(), &4.into())
    );
    let sent: Vec<_> = out.records("message").into_iter().filter(|record| record["dir"] == "out").collect();
    let has = |field: &str| sent.iter().filter(|record| !record["data"][field].is_null()).count();
    assert!(has("hello") == 1 && has("want") == 3 && has("got") >= 10 && has("alive") >= 1, "{sent:#?}");
    // The limit of a second lets the third topic wait.
    let at = |n: usize| {
        sent.iter().filter(|record| !record["data"]["want"].is_null()).nth(n).unwrap()["ts"].clone()
    };
    let second = |ts: serde_json::Value| ts.as_str().unwrap().parse::<jiff::Timestamp>().unwrap();
    assert!(second(at(2)).duration_since(second(at(0))).as_millis() >= 900, "{sent:#?}");
    subscribe(&["--mock=--token other", "a", "--token", "wrong"]).exits(16).says("the session was refused");
}

/// A provider that is asked by HTTP calls. Its mock makes an event for each acknowledgment.
const CALLS: &str = r#"
[dialect]
version = 2
name = "calls"
url = "wss://never.invalid/calls"

[credential]
in = "message"
env = "CALLS_TOKEN"

[subscribe.call]
purpose = "the subscription"
url = 'https://never.invalid/topics'
headers.Authorization = 'Bearer \($token)'
body = '{session: $s.id, topic: $topic}'

[unsubscribe.call]
purpose = "the end of the subscription"
url = 'https://never.invalid/topics'
method = "DELETE"
headers.Authorization = 'Bearer \($token)'
body = '{session: $s.id, topic: $topic}'

[[on]]
when = '.id'
set = '{id}'
ready = true

[[on]]
event = '.'

[on.ack_call]
purpose = "the acknowledgment"
url = 'https://never.invalid/acks\(if .topic == "a" then "" else empty end)'
body = '{session: $s.id, n}'

[mock]
path = "/calls"
set = '{id: "s\($n)"}'
session = '$s.id'
open = '$s'
event = '{n: $n, topic: $topic}'

[[mock.http]]
path = "/topics"
method = "DELETE"
token = '$headers.authorization | ltrimstr("Bearer ")'
session = '.session'

[[mock.http]]
path = "/topics"
token = '$headers.authorization | ltrimstr("Bearer ")'
session = '.session'
subscribe = '.topic'
refuse = '{message: "there is nothing called \($topic)"}'

[[mock.http]]
path = "/acks"
session = '.session'
subscribe = '"acked-\(.n)"'
"#;

#[test]
fn topics_and_acknowledgments_may_be_calls() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("calls.toml").display().to_string();
    fs::write(&path, CALLS).unwrap();
    let subscribe = |args: &[&str]| {
        wstap(&["subscribe", "-d", &path, "--max-time", "60s"]).args(args).env("CALLS_TOKEN", "k").run()
    };
    let out = subscribe(&["--mock=--rate 200", "a", "--until", ".topic != \"a\""]);
    out.exits(0).says("subscribe confirmed: a");
    assert!(!out.stderr.contains("acknowledg"), "{}", out.stderr);
    let refused = "subscribe refused with 403 Forbidden: there is nothing called b (b)";
    subscribe(&["--mock=--deny b", "a", "b"]).exits(24).says(refused);
    let unknown = "subscribe refused with 401 Unauthorized: invalid credential (a)";
    subscribe(&["--mock=--token other", "a", "--token", "wrong"]).exits(24).says(unknown);
}

/// A provider that takes two topics on a connection.
const PARTS: &str = r#"
[dialect]
version = 2
name = "parts"
url = "wss://never.invalid/parts"

[topics]
what = "letters"
per_connection = 2

[subscribe]
send = '{want: $topics}'

[[on]]
when = '.got'
confirm = '.got'

[[on]]
when = '.no'
refuse = '{topic: .no, message: "no such letter"}'

[[on]]
event = '.'
id = '"\(.topic)\(.n)"'

[mock]
path = "/parts"
event = '{topic: $topic, n: $n}'

[[mock.on]]
when = '.want'
subscribe = '.want[]'
ack = '{got: $topics}'
refuse = '{no: $topic}'
"#;

/// Subscribes to five letters, over three connections.
fn parts(home: &Path, mock: &str, args: &[&str]) -> Wstap {
    let path = home.join("parts.toml").display().to_string();
    fs::write(&path, PARTS).unwrap();
    let mock = format!("--mock=--rate 200 {mock}");
    wstap(&["subscribe", "-d", &path, &mock, "a", "b", "c", "d", "e", "--max-time", "60s"]).args(args)
}

/// The topics of each connection, by its number.
fn topics_by_connection(out: &Output) -> BTreeMap<u64, BTreeSet<String>> {
    let mut topics: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    for record in out.records("message").iter().filter(|record| record["data"]["topic"].is_string()) {
        let topic = record["data"]["topic"].as_str().unwrap().to_owned();
        topics.entry(record["conn"].as_u64().unwrap()).or_default().insert(topic);
    }
    topics
}

#[test]
fn topics_that_one_connection_does_not_take_come_over_several() {
    let home = tempfile::tempdir().unwrap();
    let run = |mock: &str, args: &[&str]| parts(home.path(), mock, args).run();
    let out = run("", &["--envelope", "--count", "60"]);
    out.exits(0).says("topics 1 to 2: connected").says("topic 5: subscribe confirmed: e");
    let conns: Vec<_> = out.records("open").iter().map(|record| record["conn"].clone()).collect();
    assert_eq!(conns, [1, 2, 3], "{}", out.stdout);
    let mut topics: Vec<_> = topics_by_connection(&out).into_values().collect();
    topics.sort();
    assert_eq!(
        topics,
        [vec!["a", "b"], vec!["c", "d"], vec!["e"]].map(|part| part.into_iter().map(str::to_owned).collect())
    );
    for (dir, least) in [("in", 60), ("out", 3)] {
        let of_dir = |record: &Value| record["dir"] == dir;
        let numbers: Vec<_> = out
            .records("message")
            .into_iter()
            .filter(of_dir)
            .map(|record| record["seq"].as_u64().unwrap())
            .collect();
        assert!(
            numbers.len() >= least && numbers.iter().copied().eq(1..=numbers.len() as u64),
            "{numbers:?}"
        );
    }
    let (summary, closed) = (out.summary(), out.records("close").len());
    assert_eq!((&summary["reason"], &summary["connections"], closed), (&"count".into(), &3.into(), 3));
    assert_eq!(out.records("summary").len(), 1);
    run("", &["--until", ".topic == \"e\""]).exits(0);
    run("", &["--fail-if", ".topic == \"c\""]).exits(1).says("--fail-if matched");
    run("--deny e", &[]).exits(24).says("error: topic 5: subscribe refused");
    run("--deny e", &["--keep-going", "--count", "5"]).exits(0);
    run("--events 0", &["--idle-timeout", "300ms", "--count", "1"]).exits(1).says("limit reached after 0");
    run("--fault refuse=401", &[]).exits(16);
}

#[test]
fn each_of_several_connections_is_made_again() {
    let home = tempfile::tempdir().unwrap();
    let args = ["--envelope", "--count", "200", "--reconnect-delay", "10ms"];
    let out = parts(home.path(), "--fault fail-first=2:drop@20", &args).run();
    out.exits(0);
    assert_eq!((out.records("open").len(), out.records("gap").len()), (5, 2), "{}", out.stdout);
    assert_eq!(out.summary()["reconnects"], 2);
    let (gap, opened) = (out.records("gap")[0]["conn"].as_u64(), topics_by_connection(&out));
    assert!(gap > Some(3) && opened.len() == 5, "{gap:?} {opened:?}");
}

#[test]
fn files_and_signals_are_for_all_connections() {
    let home = tempfile::tempdir().unwrap();
    let file = |name: &str| home.path().join(name).display().to_string();
    let (lines, recording) = (file("lines"), file("recording"));
    let args = ["-o", &lines, "--record", &recording, "-f", "[.topic, .n]", "--count", "50"];
    parts(home.path(), "", &args).run().exits(0);
    let lines = fs::read_to_string(lines).unwrap();
    assert_eq!(lines.lines().count(), 50);
    let again = ["--from", &recording, "-f", "[.topic, .n]", "--count", "50"];
    let path = file("parts.toml");
    assert_eq!(wstap(&["subscribe", "-d", &path]).args(&again).run().exits(0).stdout, lines);
    let mut running = parts(home.path(), "", &["--envelope"]).spawn();
    running.notice("topic 5: subscribe confirmed");
    running.signal("INT");
    let out = running.finish();
    out.exits(130);
    assert_eq!((out.records("close").len(), &out.summary()["reason"]), (3, &"interrupted".into()));
    for option in [&["--interactive"][..], &["--reply", "."], &["--linger", "1s"], &["--cursor-in-sink"]] {
        parts(home.path(), "", option).run().exits(2).says("5 topics need 3 connections of parts");
    }
    let many: Vec<String> = (0..40).map(|n| n.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    parts(home.path(), "", &many).run().exits(2).says("more than 20 connections");
}

#[test]
fn a_topic_may_be_left_by_a_call() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("calls.toml").display().to_string();
    fs::write(&path, CALLS).unwrap();
    let mut pty = on_pty(&["subscribe", "-d", &path, "--interactive", "--mock=--events 0", "a", "b"]).spawn();
    pty.shows("subscribe confirmed: b");
    pty.line("/unsubscribe b");
    pty.shows("unsubscribe confirmed: b");
    pty.line("/quit");
    pty.exits(0);
}

#[test]
fn each_subscription_of_a_node_has_its_kind_of_result() {
    let topics = ["newHeads", "logs {\"address\":\"0x1\"}", "newPendingTransactions", "syncing"];
    let kinds =
        "foreach inputs as $event ({}; .[$event.topic] = ($event.result | type); select(length == 4))";
    let args = ["--mock=--rate 1000", "--count", "1", "-n", "-S", "-f", kinds];
    let out = wstap(&["subscribe", "-d", "ethereum"]).args(&topics).args(&args).run();
    let expected = r#"{"logs {\"address\":\"0x1\"}":"object","newHeads":"object","newPendingTransactions":"string","syncing":"boolean"}"#;
    assert_eq!(out.exits(0).stdout.trim_end(), expected);
}

#[test]
fn subscriptions_move_with_a_connection_and_are_made_again_after_a_loss() {
    let run = |mock: &str| {
        let mock = format!("--mock=--rate 100 {mock}");
        let args = ["--envelope", "--count", "30", "--reconnect-delay", "10ms", "--max-time", "60s"];
        wstap(&["subscribe", "-d", "twitch", &mock, "stream.online?broadcaster_user_id=1"]).args(&args).run()
    };
    for (mock, calls) in [("--drain-after 5", 1), ("--fault fail-first=1:drop@5", 2)] {
        let out = run(mock);
        out.exits(0);
        assert_eq!(out.records("open").len(), 2, "{mock}: {}", out.stderr);
        assert_eq!(
            out.records("subscribed").iter().filter(|record| record["topics"][0].is_string()).count(),
            calls
        );
        assert_eq!(out.records("gap").len(), calls - 1, "{mock}: {}", out.stderr);
    }
}

#[test]
fn a_connection_is_replaced_before_its_time_is_up() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("limited.toml").display().to_string();
    let text = "[dialect]\nversion = 2\nname = 'limited'\n[connect]\nreplace_after = '24h'\n\
        [[on]]\nevent = '.'\nid = '.n'\n[mock]\npath = '/limited'\nevent = '{n: $n}'";
    fs::write(&path, text).unwrap();
    // A day takes half a second.
    let args = ["--mock=--rate 20", "--time-scale", "172800", "--envelope", "--count", "30"];
    let out = wstap(&["subscribe", "-d", &path]).args(&args).run();
    out.exits(0).says("the provider limits the time of a connection").says("connection 2 takes over");
    assert!(out.records("gap").is_empty() && out.records("open").len() >= 2, "{}", out.stdout);
}

#[test]
fn numbers_that_a_recording_leaves_out_are_reported() {
    let depth = |first: u32, last: u32| format!(r#"{{"e":"depthUpdate","s":"A","U":{first},"u":{last}}}"#);
    let run = |lines: &[String], args: &[&str]| {
        wstap(&["subscribe", "-d", "binance", "--from", "-"]).args(args).stdin(lines.join("\n")).run()
    };
    let out = run(&[depth(1, 5), depth(8, 9)], &["--envelope"]);
    out.exits(0).says("gap of A@depth: 2 numbers missing (6 to 7)");
    let gap = &out.records("gap")[0];
    assert_eq!((&gap["last_id"], &gap["first_missing"]), (&"A@depth/5".into(), &6.into()));
    // A connection has numbers of its own, and the one before it may go on for a while.
    let record = |conn: u32, data: String| {
        let head = r#""v":1,"ts":"2026-01-01T00:00:00.000000Z","type":"message""#;
        format!(r#"{{{head},"conn":{conn},"dir":"in","data":{data}}}"#)
    };
    let merged = [(1, 1, 5), (2, 20, 25), (1, 6, 9), (2, 28, 30), (1, 12, 12)];
    let lines = merged.map(|(conn, first, last)| record(conn, depth(first, last)));
    let out = run(&lines, &[]);
    out.exits(0).says("(26 to 27)").says("(10 to 11)");
    assert_eq!(out.stderr.matches("gap of").count(), 2, "{}", out.stderr);
}

#[test]
fn a_file_is_explained_without_a_connection() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("messages").display().to_string();
    let lines = [
        r#"{"channel":"trade","data":[{"symbol":"A/B","trade_id":7},{"symbol":"A/B","trade_id":8}]}"#,
        r#"{"channel":"heartbeat"}"#,
        r#"{"method":"subscribe","req_id":1,"success":false,"error":"no"}"#,
        r#"{"other":1}"#,
    ];
    fs::write(&path, lines.join("\n")).unwrap();
    let out = wstap(&["subscribe", "-d", "kraken", "--check", "trade:A/B", "--from", &path]).run();
    let lines = out.exits(0).lines();
    assert_eq!(lines[0], "connect to wss://ws.kraken.com/v2");
    assert!(lines[1].starts_with(
        r#"once connected, send {"method":"subscribe","params":{"channel":"trade","symbol":["A/B"]}"#
    ));
    assert!(
        lines[2].starts_with(r#"every 15s, send {"method":"ping","#)
            && lines[3].starts_with("before closing, send ")
    );
    assert!(lines[4].contains("rule 2 (trades): event id=A/B/7, event id=A/B/8: "), "{}", lines[4]);
    assert!(lines[5].contains("rule 1 (heartbeat): ignored: "), "{}", lines[5]);
    assert!(lines[6].contains("(refusal): subscribe refused trade:A/B: no: "), "{}", lines[6]);
    assert!(lines[7].starts_with("message 4: no rule: event: "), "{}", lines[7]);
    let file = home.path().join("bad.toml").display().to_string();
    fs::write(&file, "[dialect]\nversion = 2\nname = 'x'\n[[on]]\nwhen = '.a == .b | nosuch'\nignore = true")
        .unwrap();
    let out = wstap(&["subscribe", "-d", &file, "--check"]).run();
    out.exits(3)
        .says("bad.toml:5: `when` of rule 1 does not compile: unknown filter `nosuch/0`")
        .says("  ^^^^^^");
    wstap(&["subscribe", "-d", "kraken", "--describe"]).run().exits(0).lines();
}

/// A built-in file under another name, with another event of its mock.
fn with_event(home: &Path, name: &str, event: &str) -> String {
    let text = DIALECT_FILES.iter().find(|file| file.name == name).unwrap().text;
    let mut file: toml::Table = text.parse().unwrap();
    file["dialect"]["name"] = format!("other-{name}").into();
    file["mock"]["event"] = event.into();
    let path = home.join(format!("other-{name}.toml")).display().to_string();
    fs::write(&path, toml::to_string(&file).unwrap()).unwrap();
    path
}

#[test]
fn channels_that_a_server_closes_are_refused_and_those_that_crash_are_joined_again() {
    let home = tempfile::tempdir().unwrap();
    let says = |event: &str| {
        let event = format!(
            r#"if $i == 3 then ["1", "1", $topic, "{event}", {{}}] else [null, null, $topic, "new_msg", {{n: $i}}] end"#
        );
        with_event(home.path(), "phoenix", &event)
    };
    let run = |path: &str, args: &[&str]| {
        let common = ["subscribe", "-d", path, "--mock=--rate 200", "room:a", "--max-time", "60s"];
        wstap(&common).args(&["-f", ".payload.n"]).args(args).run()
    };
    let out = run(&says("phx_error"), &["--count", "6"]);
    out.exits(0).says("the channel crashed (room:a); retrying in");
    assert_eq!(out.stdout, "0\n1\n2\n4\n5\n6\n");
    let closed = says("phx_close");
    let out = run(&closed, &[]);
    out.exits(24).says("subscription refused with the server closed the channel (room:a)");
    assert_eq!(out.stdout, "0\n1\n2\n");
    run(&closed, &["--keep-going", "--count", "5"]).exits(0).says("the server closed the channel (room:a)");
    // A channel that was left is closed, too.
    let mut pty =
        on_pty(&["subscribe", "-d", "phoenix", "--interactive", "--mock=--events 0", "room:a", "room:b"])
            .spawn();
    pty.shows("subscribe confirmed: room:b");
    pty.line("/unsubscribe room:b");
    pty.line("/subscribe room:b");
    pty.shows("subscribe confirmed: room:b");
    pty.line("/quit");
    pty.exits(0);
}

#[test]
fn a_namespace_that_the_server_disconnects_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let event = r#"if $s.ready | not then empty elif $i == 3 then "41" + ($topic | if . == "/" then "" else . + "," end)
else "42" + ($topic | if . == "/" then "" else . + "," end) + (["n", $i] | tojson) end"#;
    let path = with_event(home.path(), "socket.io", event);
    for topic in ["/", "/chat"] {
        let common =
            ["subscribe", "-d", &path, "--mock=--rate 200", topic, "--max-time", "60s", "-f", ".[1]"];
        let out = wstap(&common).run();
        let text = format!("subscription refused with the server disconnected the namespace ({topic})");
        out.exits(24).says(&text);
        assert_eq!(out.stdout, "0\n1\n2\n");
        wstap(&common).args(&["--keep-going", "--count", "5"]).run().exits(0).says(&text);
    }
}

#[test]
fn an_operation_that_the_server_completes_is_over() {
    let home = tempfile::tempdir().unwrap();
    let event = r#"$s.ids[$topic] as $id | if $i == 3 then {id: $id, type: "complete"} else {id: $id, type: "next", payload: {data: {n: $i}}} end"#;
    let path = with_event(home.path(), "graphql-transport-ws", event);
    let common = [
        "subscribe",
        "-d",
        &path,
        "--mock=--rate 200",
        "subscription { n }",
        "--max-time",
        "60s",
        "-f",
        ".n",
    ];
    let text = "subscription refused with the server completed the operation (subscription { n })";
    let out = wstap(&common).run();
    out.exits(24).says(text);
    assert_eq!(out.stdout, "0\n1\n2\n");
    wstap(&common).args(&["--keep-going", "--count", "5"]).run().exits(0).says(text);
}

#[test]
fn a_snapshot_begins_a_numbered_stream_again() {
    let book = |kind: &str, number: u32| {
        format!(r#"{{"topic":"orderbook.50.A","type":"{kind}","data":{{"s":"A","u":{number}}}}}"#)
    };
    let run = |books: &[(&str, u32)]| {
        let lines: Vec<String> = books.iter().map(|(kind, number)| book(kind, *number)).collect();
        wstap(&["subscribe", "-d", "bybit", "--from", "-"]).stdin(lines.join("\n")).run()
    };
    let (snapshot, delta) = ("snapshot", "delta");
    let out = run(&[(snapshot, 10), (delta, 11), (snapshot, 50), (delta, 51), (snapshot, 1), (delta, 2)]);
    out.exits(0);
    assert!(!out.stderr.contains("gap"), "{}", out.stderr);
    run(&[(snapshot, 10), (delta, 12)]).exits(0).says("gap of orderbook.50.A: 1 number missing");
}

#[test]
fn a_server_that_sends_events_need_not_send_heartbeats() {
    for (name, topic) in [("kraken", "trade:BTC/USD"), ("bitfinex", "ticker:tBTCUSD")] {
        // A second takes ten milliseconds, and 150 events more than a minute.
        let args = [
            "--mock=--rate 200 --fault no-heartbeat",
            "--time-scale",
            "100",
            "--count",
            "150",
            "--no-reconnect",
        ];
        wstap(&["subscribe", "-d", name, topic]).args(&args).run().exits(0);
    }
}

#[test]
fn a_server_may_be_silent_until_something_is_subscribed_to() {
    for_every_file(|name, text| {
        let file: toml::Table = text.parse().unwrap();
        let keepalive = file.get("keepalive").and_then(toml::Value::as_table);
        let time = |key: &str| Some(duration(keepalive?.get(key)?.as_str().unwrap()).unwrap());
        let Some(silence) = time("silence") else { return };
        assert!(time("every").is_none_or(|every| every < silence), "{name}: answers to pings come too late");
        // At this speed the limit is 4 s, and a busy machine may take most of a second for an answer.
        let mock = format!("--mock=--events 0 --time-scale {}", silence.as_secs_f64() / 4.0);
        let args = ["--linger", "forever", "--no-reconnect", "--max-time", "6s"];
        let out = wstap(&["connect", "-d", name, &mock]).args(&args).run();
        assert!(!out.exits(0).stderr.contains("acknowledgment"), "{name}: {}", out.stderr);
    });
}

#[test]
fn topics_are_left_by_calls_when_the_session_ends() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("calls.toml").display().to_string();
    fs::write(&path, CALLS).unwrap();
    let (_mock, port) = serve(&["-d", &path, "--rate", "200"]);
    let url = format!("ws://127.0.0.1:{port}/calls");
    let subscribe = |args: &[&str]| {
        wstap(&["subscribe", "-d", &path, "--url", &url, "b", "c", "--max-time", "60s"])
            .args(args)
            .env("CALLS_TOKEN", "k")
    };
    let calls = || {
        let journal = control(port, "journal?jq=.session", &Value::Null);
        let messages = journal["messages"].as_array().unwrap().clone();
        messages.iter().map(|message| message["data"]["topic"].clone()).collect::<Vec<_>>()
    };
    let out = subscribe(&["--count", "3"]).run();
    out.exits(0);
    assert!(!out.stderr.contains("unsubscribed"), "{}", out.stderr);
    assert_eq!(calls(), ["b", "c", "b", "c"], "subscribed to, and left");
    let mut running = subscribe(&[]).spawn();
    running.notice("subscribe confirmed: c");
    running.signal("INT");
    running.finish().exits(130);
    assert_eq!(calls(), ["b", "c", "b", "c"].repeat(2));
}

#[test]
fn a_mattermost_connection_is_resumed_by_each_new_process() {
    let home = tempfile::tempdir().unwrap();
    let cursor = home.path().join("cursor").display().to_string();
    let text = DIALECT_FILES.iter().find(|file| file.name == "mattermost").unwrap().text;
    let forgetful = home.path().join("forgetful.toml").display().to_string();
    let known = "$query.connection_id";
    let without_memory = text
        .replace("name = \"mattermost\"", "name = \"forgetful\"")
        .replace(&format!("if {known} then"), "if false then")
        .replace(&format!("{known} // \"mock-"), "\"another-");
    fs::write(&forgetful, without_memory).unwrap();
    let run = |dialect: &str| {
        let args = ["--mock=--rate 200", "--cursor-file", &cursor, "--count", "3", "-f", "[.event, .seq]"];
        wstap(&["subscribe", "-d", dialect, "--max-time", "60s"]).args(&args).run().exits(0).stdout.clone()
    };
    let posted = |numbers: [u32; 3]| numbers.map(|n| format!("[\"posted\",{n}]\n")).concat();
    for numbers in [[1, 2, 3], [4, 5, 6], [7, 8, 9]] {
        assert_eq!(run("mattermost"), posted(numbers));
    }
    let lost = run(&forgetful);
    assert!(lost.starts_with("[\"hello\",0]\n[\"posted\","), "{lost}");
}
