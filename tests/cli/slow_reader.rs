//! A reader of the output that stands still: what waits for it, where, and how it ends.

use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;

use crate::harness::{Output, Server, Wstap, wstap};

/// A thousand bytes each: far more than the network and the pipe hold, and no more than a test has time for.
const MESSAGES: u64 = 40_000;

/// A server that sends numbered messages, tells when the client has read them all, and closes.
fn numbers() -> (Server, Receiver<()>) {
    let (tell, read) = channel();
    let server = Server::websocket(move |peer| {
        let pad = "x".repeat(980);
        for n in 1..=MESSAGES {
            peer.text(&format!(r#"{{"n":{n},"pad":"{pad}"}}"#));
        }
        // The answer shows that a client whose reader stands still answers pings, too.
        peer.frame(9, "read");
        if std::iter::from_fn(|| peer.read_frame()).any(|frame| frame.payload == b"read") {
            let _ = tell.send(());
            peer.close(1000, "");
        }
        peer.wait_for_end();
    });
    (server, read)
}

fn connect(server: &Server, args: &[&str]) -> Wstap {
    wstap(&["connect", &server.url()]).args(args)
}

fn number(line: &str) -> u64 {
    let value: Value = serde_json::from_str(line).expect("every line is whole");
    value["n"].as_u64().unwrap_or_else(|| panic!("a number: {line:.80}"))
}

/// The numbers that were written: without a hole.
#[track_caller]
fn in_order(out: &Output, first: u64) -> u64 {
    let numbers = out.lines().into_iter().map(number);
    let count = numbers.zip(first..).map(|(got, expected)| assert_eq!(got, expected)).count();
    count as u64
}

#[test]
fn what_does_not_fit_in_memory_waits_in_a_file_and_comes_in_order() {
    let (server, read) = numbers();
    let run = connect(&server, &["--overflow", "spill", "--buffer", "1M"]).spawn();
    read.recv().expect("everything is read although nothing is written");
    let resident = run.resident();
    assert!(resident < 32 << 10, "{resident} KiB");
    let out = run.finish();
    assert_eq!(in_order(out.exits(0), 1), MESSAGES);
}

#[test]
fn what_fits_waits_in_memory() {
    let (server, read) = numbers();
    let run = connect(&server, &["--spill-limit", "0"]).spawn();
    read.recv().expect("everything is read although nothing is written");
    let resident = run.resident();
    assert!(resident < 90 << 10, "{resident} KiB for {MESSAGES} KB");
    assert_eq!(in_order(run.finish().exits(0), 1), MESSAGES);
}

#[test]
fn a_program_that_is_slow_is_waited_for_as_well() {
    let (server, read) = numbers();
    let args = ["--overflow", "spill", "--buffer", "100K", "-f", "{n: (.n + 0)}"];
    let run = connect(&server, &args).spawn();
    read.recv().expect("everything is read although nothing is written");
    assert_eq!(in_order(run.finish().exits(0), 1), MESSAGES);
}

#[test]
fn the_oldest_are_dropped_and_counted() {
    let (server, read) = numbers();
    let run = connect(&server, &["--overflow", "drop-oldest", "--buffer", "1M", "--envelope"]).spawn();
    read.recv().expect("everything is read although nothing is written");
    let resident = run.resident();
    assert!(resident < 32 << 10, "{resident} KiB");
    let out = run.finish();
    let summary = out.exits(0).says("the oldest messages that wait for it are dropped").summary();
    let dropped = summary["dropped"].as_u64().expect("a number");
    out.says(&format!("{dropped} messages were dropped"));
    assert!(dropped > MESSAGES / 2, "{dropped}");
    let mut next = 1;
    for record in out.json() {
        match record["type"].as_str() {
            Some("message") => {
                assert_eq!((&record["seq"], &record["data"]["n"]), (&next.into(), &next.into()));
            }
            Some("gap") => {
                next += record["dropped"].as_u64().expect("a number");
                assert!(record["from"].as_str() <= record["to"].as_str() && record["replayed"] == false);
                continue;
            }
            _ => continue,
        }
        next += 1;
    }
    assert_eq!(next, MESSAGES + 1, "what was not dropped is there");
    assert_eq!(out.records("message").len() as u64 + dropped, MESSAGES);
    assert_eq!((out.records("open").len(), out.records("close").len()), (1, 1), "these are not dropped");
}

#[test]
fn the_session_ends_if_that_is_asked_for() {
    let (server, _) = numbers();
    let mut run = connect(&server, &["--overflow", "exit", "--buffer", "1M"]).spawn();
    // Held open and never read.
    let _stdout = run.take_stdout();
    run.finish()
        .exits(30)
        .says("1 MiB of memory are full (--overflow exit)")
        .says("messages that wait are lost");
}

#[test]
fn a_full_file_is_an_error_and_what_waits_is_still_written() {
    for (args, folder, text) in [
        (["--spill-limit", "1M"], "", "1 MiB on the disk are full (--spill-limit)"),
        (["--spill-limit", "1G"], "/dev/null/no", "/dev/null/no: "),
    ] {
        let (server, _) = numbers();
        let run = connect(&server, &["--overflow", "spill", "--buffer", "1M"]).args(&args);
        let mut run = if folder.is_empty() { run } else { run.env("TMPDIR", folder) }.spawn();
        assert!(run.notice("what waits is still written").contains(text));
        let out = run.finish();
        let count = in_order(out.exits(30), 1);
        assert!((1000..=MESSAGES).contains(&count), "{count}");
    }
}
