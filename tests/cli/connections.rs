//! Several connections of one dialect file, for more topics than one takes: acknowledgments and cursors.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{Output, Wstap, wstap};

/// A provider that takes two topics on a connection, repeats what was missed, and ends a connection that acknowledges an
/// event of another.
const ACKED: &str = r#"
[dialect]
version = 2
name = "acked"
url = "wss://never.invalid/acked"

[topics]
what = "letters"
per_connection = 2

[subscribe]
send = '{want: $topics, after: $cursor}'

[[on]]
when = '.got'
confirm = '.got'

[[on]]
when = '.topic'
event = '.'
id = '"\(.topic)/\(.n)"'
cursor = '.n'
ack = '{ack: .n, on}'

[[on]]
when = '.announced'
drain = '0'

[close]
4000 = { meaning = "an acknowledgment of another connection" }

[mock]
path = "/acked"
event = '{topic: $topic, n: $n, on: $s.id}'
drain = '{announced: true}'

[[mock.on]]
when = '.want'
set = '{id: "\(.want[0]) after \(.after)"}'
start = '.after | values | tonumber + 1'
subscribe = '.want[]'
ack = '{got: $topics}'

[[mock.on]]
when = '.ack and .on != $s.id'
close = '[4000, "\(.on), not \($s.id)"]'

[[mock.on]]
when = '.ack'
"#;

/// Subscribes to these topics.
fn acked(home: &Path, mock: &str, topics: &[&str], args: &[&str]) -> Wstap {
    let path = home.join("acked.toml").display().to_string();
    fs::write(&path, ACKED).unwrap();
    let mock = format!("--mock=--rate 200 {mock}");
    let common = ["subscribe", "-d", &path, &mock, "--max-time", "60s", "--reconnect-delay", "10ms"];
    wstap(&common).args(topics).args(args)
}

/// Numbers by topic, in the order in which they came.
fn numbers(lines: impl IntoIterator<Item = Value>) -> BTreeMap<String, Vec<u64>> {
    let mut numbers: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    for line in lines.into_iter().filter(|line| line["topic"].is_string()) {
        let topic = line["topic"].as_str().unwrap().to_owned();
        numbers.entry(topic).or_default().push(line["n"].as_u64().unwrap());
    }
    numbers
}

/// The events and the acknowledgments of each connection, each as numbers of the provider.
fn acks(out: &Output) -> BTreeMap<u64, (Vec<u64>, Vec<u64>)> {
    let mut acks: BTreeMap<u64, (Vec<u64>, Vec<u64>)> = BTreeMap::new();
    for record in out.records("message") {
        let of = acks.entry(record["conn"].as_u64().unwrap()).or_default();
        of.0.extend(record["data"]["n"].as_u64());
        of.1.extend(record["data"]["ack"].as_u64());
    }
    acks
}

#[test]
fn events_are_acknowledged_on_the_connection_that_they_came_on() {
    let home = tempfile::tempdir().unwrap();
    let topics = ["a", "b", "c", "d", "e"];
    for mock in ["", "--fault fail-first=2:drop@20", "--drain-after 20"] {
        let out = acked(home.path(), mock, &topics, &["--envelope", "--count", "200"]).run();
        out.exits(0);
        let acks = acks(&out);
        assert!(acks.len() >= if mock.is_empty() { 3 } else { 5 }, "{mock}: {acks:?}");
        for (conn, (events, acks)) in &acks {
            assert!(events.starts_with(acks), "{mock}, connection {conn}: {events:?} {acks:?}");
        }
        let told: usize = acks.values().map(|(_, acks)| acks.len()).sum();
        assert!(told > 100, "{mock}: {told}");
    }
}

/// Says that lines are stored once `$OUT/go` is there.
const PATIENT: &str = r#"n=0; while IFS= read -r line; do while [ ! -e "$OUT/go" ]; do sleep 0.01; done; printf '%s\n' "$line" >> "$OUT/lines"; n=$((n+1)); echo $n; done"#;

#[test]
fn what_is_written_after_its_connection_was_lost_is_not_acknowledged_on_another() {
    let home = tempfile::tempdir().unwrap();
    let out = home.path().display().to_string();
    for topics in [&["a", "b"][..], &["a", "b", "c"]] {
        for name in ["go", "lines"] {
            let _ = fs::remove_file(home.path().join(name));
        }
        let args = ["--to-cmd", PATIENT, "--count", "100"];
        let mut run =
            acked(home.path(), "--fault fail-first=1:drop@20", topics, &args).env("OUT", &out).spawn();
        run.notice("retry 1");
        run.notice("subscribe confirmed");
        fs::write(home.path().join("go"), "").unwrap();
        run.finish().exits(0);
        assert_eq!(fs::read_to_string(home.path().join("lines")).unwrap().lines().count(), 100);
    }
}

#[test]
fn each_connection_has_a_cursor_of_its_own() {
    let home = tempfile::tempdir().unwrap();
    let cursor = home.path().join("cursor").display().to_string();
    let run = |mock: &str, topics: &[&str], count: &str| {
        let out = acked(home.path(), mock, topics, &["--cursor-file", &cursor, "--count", count]).run();
        out.exits(0);
        numbers(out.json())
    };
    let all = ["a", "b", "c", "d", "e"];
    let mut came = run("--fault fail-first=1:drop@20", &all, "120");
    for (topic, more) in run("", &all, "120") {
        came.get_mut(&topic).unwrap().extend(more);
    }
    // Two topics share a connection, and its numbers: none is missing, and none comes twice, over the end of a connection
    // and the end of the process.
    for pair in [&["a", "b"][..], &["c", "d"], &["e"]] {
        let mut numbers: Vec<u64> = pair.iter().flat_map(|topic| came[*topic].clone()).collect();
        numbers.sort_unstable();
        assert!(numbers.iter().copied().eq(0..numbers.len() as u64), "{pair:?}: {numbers:?}");
    }
    // Topics that shared a connection stay together, and new ones have no cursor.
    let saved = |path: &str| -> Vec<(Vec<String>, String)> {
        let saved: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
        let of = |part: &Value| {
            let topics = part["topics"].as_array().unwrap().iter();
            let topics = topics.map(|topic| topic.as_str().unwrap().to_owned()).collect();
            (topics, part["cursor"].as_str().unwrap().to_owned())
        };
        saved["connections"].as_array().unwrap().iter().map(of).collect()
    };
    let before = saved(&cursor);
    let out = acked(
        home.path(),
        "",
        &["f", "e", "d", "g"],
        &["--cursor-file", &cursor, "--count", "80", "--envelope"],
    )
    .run();
    out.exits(0).says("topic 2: ").says("topic 1 and 1 other: ");
    let wants: Vec<Value> = out
        .records("message")
        .into_iter()
        .map(|record| record["data"].clone())
        .filter(|data| data["want"].is_array())
        .collect();
    for (topics, after) in
        [(&["d"][..], Some(&before[1].1)), (&["e"], Some(&before[2].1)), (&["f", "g"], None)]
    {
        let want = serde_json::json!({"want": topics, "after": after});
        assert!(wants.contains(&want), "{want}: {wants:?}");
    }
    let after: Vec<_> = saved(&cursor).into_iter().map(|(topics, _)| topics.concat()).collect();
    assert_eq!(after, ["d", "e", "fg"]);
}

#[test]
fn a_cursor_of_one_connection_is_for_all_and_not_the_other_way_round() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("cursor");
    let cursor = path.display().to_string();
    for (file, option) in [("41", None), ("7", Some("41")), ("", Some("41"))] {
        fs::write(&path, file).unwrap();
        let from = option.map_or_else(Vec::new, |cursor| vec!["--from-cursor", cursor]);
        let args = [&["--cursor-file", &cursor, "--count", "60"][..], &from].concat();
        let out = acked(home.path(), "", &["a", "b", "c"], &args).run();
        out.exits(0);
        let least: Vec<u64> = numbers(out.json()).into_values().map(|numbers| numbers[0]).collect();
        assert!(least.iter().all(|n| *n >= 42) && least.contains(&42), "{least:?}");
    }
    let one = home.path().join("one.toml").display().to_string();
    fs::write(&one, ACKED.replace("per_connection = 2", "").replace("\"acked\"", "\"one\"")).unwrap();
    wstap(&["subscribe", "-d", &one, "--mock", "a", "--cursor-file", &cursor])
        .run()
        .exits(2)
        .says("--cursor-file: saved by several connections; one uses one");
}

/// A provider that takes one topic on a connection, and is told by HTTP calls what has arrived. Its mock makes events of
/// that.
const CALLED: &str = r#"
[dialect]
version = 2
name = "called"
url = "wss://never.invalid/called"

[topics]
what = "letters"
per_connection = 1

[connect]
query.name = '$topics[]'

[[on]]
when = '.id'
set = '{id}'
ignore = true

[[on]]
event = '.'

[on.ack_call]
purpose = "the acknowledgment"
url = 'https://never.invalid/acks\(if .topic | startswith("acked") then empty else "" end)'
body = '{session: $s.id, topic}'

[mock]
path = "/called"
set = '{id: "session of \($query.name)"}'
session = '$s.id'
topics = '$query.name'
open = '$s'
event = '{n: $n, topic: $topic}'

[[mock.http]]
path = "/acks"
session = '.session'
subscribe = '"acked-\(.topic)"'
"#;

#[test]
fn events_of_several_connections_are_acknowledged_by_calls() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("called.toml").display().to_string();
    fs::write(&path, CALLED).unwrap();
    let out = wstap(&["subscribe", "-d", &path, "--mock=--rate 200", "a", "b", "c", "--max-time", "60s"])
        .args(&[
            "--envelope",
            "-n",
            "-f",
            "foreach inputs as $in ({}; .[$in.data.topic // \"\"] = $in.conn; .) | select(length >= 7)",
            "--count",
            "1",
        ])
        .run();
    out.exits(0);
    let conns = &out.json()[0];
    for topic in ["a", "b", "c"] {
        assert_eq!(conns[topic], conns[format!("acked-{topic}")], "{conns}");
    }
    assert!(!out.stderr.contains("acknowledg"), "{}", out.stderr);
}
