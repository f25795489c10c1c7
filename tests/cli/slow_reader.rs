//! A reader of the output that stands still: what waits for it, where, and how it ends.

use std::io;
use std::sync::mpsc::{Receiver, channel};

use serde_json::Value;

use crate::harness::{Output, Peer, Running, Server, Wstap, frame, wstap};

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
    let summary = out.exits(0).says("dropping the oldest messages").summary();
    let dropped = summary["dropped"].as_u64().expect("a number");
    out.says(&format!("{dropped} messages dropped"));
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
    run.finish().exits(30).says("the 1 MiB buffer is full (--overflow exit)").says("messages lost");
}

#[test]
fn a_full_file_is_an_error_and_what_waits_is_still_written() {
    for (args, folder, text) in [
        (["--spill-limit", "1M"], "", "the spill file has reached 1 MiB (--spill-limit)"),
        (["--spill-limit", "1G"], "/dev/null/no", "/dev/null/no: "),
    ] {
        let (server, _) = numbers();
        let run = connect(&server, &["--overflow", "spill", "--buffer", "1M"]).args(&args);
        let mut run = if folder.is_empty() { run } else { run.env("TMPDIR", folder) }.spawn();
        assert!(run.notice("the buffered output will still be written").contains(text));
        let out = run.finish();
        let count = in_order(out.exits(30), 1);
        assert!((1000..=MESSAGES).contains(&count), "{count}");
    }
}

/// Updates of each of two campaigns, a thousand bytes each, before the last.
const UPDATES: u64 = 5_000;

/// `watch-campaign` for two campaigns, with nobody who reads its output: until both are over, and all is read.
fn watched(args: &[&str]) -> Running {
    let (tell, over) = channel();
    let script = |_| {
        let tell = tell.clone();
        Box::new(move |mut peer: Peer| {
            let head = peer.accept();
            let id = if head.contains("/41/") { 41 } else { 42 };
            run_campaign(&mut peer, id);
            let _ = tell.send(());
        }) as Box<dyn FnOnce(Peer) + Send>
    };
    let server = Server::scripts((0..2).map(script).collect());
    let url = format!("{}ws/campaigns/monitor?token=k", server.url());
    // One after the other: by the time the second has what it wants, the first is long over.
    let links = ["watch-campaign", "--url", &url, "41", "42", "--buffer", "500K", "--connect-timeout", "1m"];
    let run = wstap(&links).args(args).spawn();
    for _ in 0..2 {
        over.recv().expect("everything is read although nothing is written");
    }
    let resident = run.resident();
    assert!(resident < 40 << 10, "{resident} KiB");
    run
}

fn run_campaign(peer: &mut Peer, id: u64) {
    let pad = "x".repeat(800);
    for done in 1..=UPDATES {
        let counts = format!(r#""total_contacts":{UPDATES},"completed":{done},"failed":0,"processing":0"#);
        let pending = UPDATES - done;
        let status = if done < UPDATES { "running" } else { "completed" };
        peer.text(&format!(
            r#"{{"type":"progress_update","data":{{"campaign_id":{id},"status":"{status}","progress":{{{counts},"pending":{pending}}},"pad":"{pad}"}}}}"#
        ));
    }
    if let Some(code) = peer.read_close() {
        peer.close(code, "");
    }
    peer.wait_for_end();
}

/// The updates that were written, by campaign: how many contacts were done.
fn updates(records: &[Value], id: u64) -> Vec<u64> {
    let of_one = records.iter().filter(|record| record["campaign_id"] == id);
    of_one.map(|record| record["progress"]["completed"].as_u64().expect("a number")).collect()
}

#[test]
fn what_several_links_bring_waits_in_one_file() {
    for args in [&["--overflow", "spill"][..], &["--envelope"]] {
        let out = watched(args).finish();
        let records = out.exits(0).json().into_iter();
        // A message is the line, or is in the record.
        let records: Vec<Value> = records
            .map(
                |record| {
                    if record["v"] == 1 { record["data"]["data"].clone() } else { record["data"].clone() }
                },
            )
            .collect();
        for id in [41, 42] {
            assert_eq!(updates(&records, id), (1..=UPDATES).collect::<Vec<_>>(), "{args:?}");
        }
        assert!(!out.stderr.contains("dropped"), "{}", out.stderr);
        if args == ["--envelope"] {
            let summary = out.summary();
            assert_eq!((&summary["received"], &summary["dropped"]), (&(2 * UPDATES).into(), &Value::Null));
        }
    }
}

#[test]
fn what_several_links_lose_is_told_once_and_counted() {
    for args in [&["--envelope"][..], &[], &["--progress"], &["--progress", "--envelope"]] {
        let out = watched(&[&["--overflow", "drop-oldest"], args].concat()).finish();
        let told = out.exits(0).stderr.matches("dropping the oldest messages").count();
        assert_eq!(told, 1, "{}", out.stderr);
        let records = out.json();
        let number = |record: &Value| record["dropped"].as_u64().expect("a number");
        let of = |kind: &str| records.iter().filter(|record| record["type"] == kind).collect::<Vec<_>>();
        let (written, shown) = match args {
            ["--envelope"] => (of("message").len(), true),
            ["--progress", "--envelope"] => (of("derived").len(), true),
            _ => (records.len(), false),
        };
        let lost = 2 * UPDATES - written as u64;
        // How much the pipe and the batches on their way hold depends on the size of the lines.
        assert!(lost > UPDATES / 2, "{args:?}: {lost}");
        assert_eq!(out.stderr.matches(&format!("{lost} messages dropped")).count(), 1, "{}", out.stderr);
        if shown {
            assert_eq!(number(&out.summary()), lost);
            assert_eq!(of("gap").into_iter().map(number).sum::<u64>(), lost);
            assert_eq!(of("error").len(), 1, "{:?}", of("error"));
            assert_eq!((of("open").len(), of("close").len()), (2, 2), "these are not dropped");
        }
    }
}

#[test]
fn a_full_file_is_told_once_for_all_links() {
    let limits = ["--overflow", "spill", "--buffer", "100K", "--spill-limit", "1M", "--envelope"];
    let links = ["watch-campaign", "--mock=--rate max --contacts 5000", "1", "2", "3"];
    let mut run = wstap(&links).args(&limits).spawn();
    assert!(run.notice("the buffered output will still be written").contains("warning: output buffer full"));
    let out = run.finish();
    assert_eq!(out.exits(30).summary()["reason"], "overflow");
    assert!(!out.stderr.contains("still be written"), "{}", out.stderr);
    assert_eq!(out.summary()["received"], out.records("message").len());
}

#[test]
fn all_links_end_if_that_is_asked_for() {
    let limits = ["--overflow", "exit", "--buffer", "100K"];
    let links = ["watch-campaign", "--mock=--rate max --contacts 5000", "1", "2", "3"];
    let mut run = wstap(&links).args(&limits).spawn();
    // Held open and never read.
    let _stdout = run.take_stdout();
    let out = run.finish();
    out.exits(30).says("the 100 KiB buffer is full (--overflow exit)").says("messages lost");
}

#[test]
fn an_interrupt_is_not_kept_waiting_and_the_loss_is_told() {
    let mut run = watched(&[]);
    // Held open and never read.
    let _stdout = run.take_stdout();
    run.signal("INT");
    run.finish().exits(130).says("the remaining output is lost");
}

#[test]
#[cfg(target_os = "linux")]
fn a_burst_gets_a_larger_pipe_and_a_single_message_does_not() {
    for (messages, larger) in [(1, false), (2000, true)] {
        let server = Server::websocket(move |peer| {
            let pad = "x".repeat(980);
            let block: Vec<u8> =
                (0..messages).flat_map(|_| frame(0x81, format!("\"{pad}\"").as_bytes())).collect();
            peer.write(block);
            peer.wait_for_end();
        });
        let mut run = connect(&server, &["--count", &messages.to_string()]).spawn();
        let mut stdout = run.take_stdout();
        let usual =
            rustix::pipe::pipe().and_then(|(pipe, _)| rustix::pipe::fcntl_getpipe_size(&pipe)).unwrap();
        // The pipe's size stays when its writer has gone.
        let lines = io::copy(&mut stdout, &mut io::sink()).unwrap();
        assert_eq!(lines, 983 * messages);
        let size = rustix::pipe::fcntl_getpipe_size(&stdout).unwrap();
        assert_eq!(size > usual, larger, "{messages} messages: {size} bytes");
    }
}
