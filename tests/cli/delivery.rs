//! What was written is what is acknowledged and gone on from: a client and its mock, whatever ends between them.

use std::collections::HashSet;
use std::io::{BufRead as _, BufReader, Read as _};

use serde_json::{Value, json};

use crate::clients::{self, control, serve, until};
use crate::harness::{Wstap, wstap};

/// What a pipe holds at most.
const PIPE: usize = 512 << 10;

fn subscribe(port: u16, args: &[&str]) -> Wstap {
    clients::of("kadoa").subscribe(port).args(args)
}

fn id(line: &str) -> String {
    let event: Value = serde_json::from_str(line).unwrap();
    event["id"].as_str().unwrap().to_owned()
}

fn ids(text: &str) -> Vec<String> {
    text.lines().map(id).collect()
}

/// The first events of the mock's log.
pub(crate) fn logged(port: u16, count: usize) -> Vec<String> {
    let out = subscribe(port, &["--from-cursor", "", "--count", &count.to_string()]).run();
    ids(&out.exits(0).stdout)
}

/// The ids that were acknowledged, in order.
fn acknowledged(port: u16) -> Vec<String> {
    let acks = control(port, "command", &json!({"name": "acks"}));
    acks["result"].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

#[test]
fn what_was_written_is_acknowledged_and_nothing_else() {
    let (_mock, port) = serve(&["kadoa", "--rate", "max"]);
    let out = subscribe(port, &["--count", "60"]).run();
    assert_eq!(acknowledged(port), ids(&out.exits(0).stdout));
}

#[test]
fn an_interruption_leaves_no_line_without_its_acknowledgement() {
    // A machine that is behind with the acknowledgements has two seconds for the rest of them, and tells what is left.
    let all = ["400", "50", "5"].into_iter().any(|rate| {
        let (_mock, port) = serve(&["kadoa", "--rate", rate]);
        let file = tempfile::NamedTempFile::new().unwrap();
        let run = subscribe(port, &[]).stdout(file.reopen().unwrap()).spawn();
        until("some lines were written", || std::fs::read(file.path()).is_ok_and(|text| text.len() > 10_000));
        run.signal("INT");
        let out = run.finish();
        let all = !out.exits(130).stderr.contains("events were not acknowledged");
        let (acks, lines) = (acknowledged(port), ids(&std::fs::read_to_string(file.path()).unwrap()));
        assert!(lines.starts_with(&acks) && (!all || acks == lines), "{acks:?} of {lines:?}");
        all
    });
    assert!(all, "not even of five a second");
}

#[test]
fn a_reader_that_goes_away_leaves_acknowledged_what_it_could_have_read() {
    let (_mock, port) = serve(&["kadoa", "--rate", "max"]);
    let mut run = subscribe(port, &["-q"]).spawn();
    let mut stdout = BufReader::with_capacity(1, run.take_stdout());
    let mut read = String::new();
    for _ in 0..5 {
        stdout.read_line(&mut read).unwrap();
    }
    drop(stdout);
    run.finish().exits(0);
    let acks = acknowledged(port);
    assert!(acks.len() >= 5, "{acks:?}");
    let log = subscribe(port, &["--from-cursor", "", "--count", &acks.len().to_string()]).run();
    let log = &log.exits(0).stdout;
    assert_eq!(acks, ids(log));
    assert_eq!(acks[..5], ids(&read));
    assert!(log.len() <= read.len() + PIPE, "{} bytes after {}", log.len(), read.len());
}

#[test]
fn a_cursor_file_goes_on_where_the_run_before_ended() {
    let (_mock, port) = serve(&["kadoa", "--rate", "500"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cursor").display().to_string();
    let mut seen = Vec::new();
    for count in ["20", "1", "39"] {
        let out = subscribe(port, &["--cursor-file", &file, "--count", count]).run();
        seen.extend(ids(&out.exits(0).stdout));
    }
    assert_eq!(seen, logged(port, 60));
}

#[test]
fn a_server_that_is_started_again_with_the_same_log_repeats_nothing() {
    let (mut first, port) = serve(&["kadoa", "--rate", "max", "--events", "30"]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cursor").display().to_string();
    let args = [
        "--cursor-file",
        &file,
        "--count",
        "60",
        "--reconnect-delay",
        "10ms",
        "--reconnect-max-delay",
        "50ms",
    ];
    let mut run = subscribe(port, &args).spawn();
    let mut stdout = BufReader::new(run.take_stdout());
    let mut text = String::new();
    for _ in 0..30 {
        stdout.read_line(&mut text).unwrap();
    }
    first.child.kill().unwrap();
    first.child.wait().unwrap();
    // The one that follows knows no cursor of the first, and gives everything: the ids tell what is known.
    let port = port.to_string();
    let mut second = None;
    until("the port is free", || {
        let mut mock =
            wstap(&["serve-mock", "kadoa", "--port", &port, "--rate", "max", "--events", "60"]).spawn();
        let listens = mock.line().starts_with("ws://");
        second = listens.then_some(mock);
        listens
    });
    stdout.read_to_string(&mut text).unwrap();
    run.finish().exits(0).says("connection lost");
    let all = ids(&text);
    let unique: HashSet<&String> = all.iter().collect();
    assert_eq!((all.len(), unique.len()), (60, 60));
    let last: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap().trim(), last["_cursor"]);
}

#[test]
fn a_client_that_reads_nothing_is_drained_and_misses_nothing() {
    let (_mock, port) = serve(&["kadoa", "--rate", "max", "--time-scale", "100"]);
    let args =
        ["-q", "--reconnect-delay", "10ms", "--count", "20000", "--overflow", "block", "--buffer", "1M"];
    let mut run = subscribe(port, &args).spawn();
    let mut stdout = BufReader::new(run.take_stdout());
    let sent = || control(port, "clients", &Value::Null)["clients"][0]["sent"].as_u64().unwrap_or(0);
    let mut before = 0;
    until("the client is stuck", || {
        let stuck = before > 0 && before == sent();
        before = sent();
        stuck
    });
    control(port, "drain", &json!({}));
    let connected = || control(port, "clients", &Value::Null)["clients"].as_array().unwrap().len();
    until("the old connection is gone", || connected() == 0);
    let mut text = String::new();
    stdout.read_to_string(&mut text).unwrap();
    run.finish().exits(0);
    assert_eq!(ids(&text), logged(port, 20_000));
}
