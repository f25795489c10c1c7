//! `--output FILE`: what it has stays, what is half there is put right, and it can be moved away.

use std::fs;
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::clients::until;
use crate::harness::{Server, connect, wstap};
use crate::interop::works;

fn path(folder: &tempfile::TempDir, name: &str) -> String {
    folder.path().join(name).to_str().expect("it is UTF-8").to_owned()
}

fn text(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[test]
fn lines_are_added() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines = path(&folder, "lines");
    for n in 1..=3 {
        let out = connect(&["-o", &lines], move |peer| {
            peer.text(&n.to_string());
            peer.close_well(1000);
        });
        assert_eq!((out.exits(0).stdout.as_str(), out.stderr.contains("last line")), ("", false));
    }
    assert_eq!(text(&lines), "1\n2\n3\n");
}

#[test]
fn a_line_that_is_half_there_is_put_right_and_told() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines = path(&folder, "lines");
    for (before, args, told, after) in [
        ("{\"a\":1}\n{\"a\":", &[][..], "removed an incomplete last line (5 bytes)", "{\"a\":1}\n2\n"),
        ("{\"a\":1}", &[], "added the missing newline", "{\"a\":1}\n2\n"),
        ("{see", &["-r"], "added the missing newline", "{see\n2\n"),
        ("12", &["-j"], "connected", "122"),
    ] {
        fs::write(&lines, before).expect("it can be written");
        let out = connect(&[&["-o", &lines], args].concat(), |peer| {
            peer.text("2");
            peer.close_well(1000);
        });
        out.exits(0).says(told);
        assert_eq!(text(&lines), after);
    }
}

/// Nothing listens there, as long as nobody takes a privileged port.
const NOBODY: &str = "ws://127.0.0.1:1";

#[test]
fn a_run_that_finds_no_connection_hides_no_part_of_a_gap() {
    let folder = tempfile::tempdir().expect("a folder");
    let records = path(&folder, "records");
    let subscribe =
        |url: &str| wstap(&["subscribe", url, "--no-reconnect", "--envelope", "-o", &records]).run();
    let session = || {
        let server = Server::websocket(|peer| {
            peer.text("1");
            peer.close_well(1000);
        });
        subscribe(&server.url()).exits(0);
        server.join();
    };
    session();
    subscribe(NOBODY).exits(11);
    session();
    let text = text(&records);
    let of = |kind: &str| {
        let all = text.lines().map(|line| serde_json::from_str::<Value>(line).expect("a record"));
        all.filter(|record| record["type"] == kind).collect::<Vec<_>>()
    };
    assert_eq!((of("summary").len(), of("gap").len()), (3, 1));
    assert_eq!(of("gap")[0]["from"], of("close")[0]["ts"], "{text}");
}

#[test]
fn a_run_that_finds_no_connection_makes_no_file_younger() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines = path(&folder, "lines");
    fs::write(&lines, "{\"a\":1}\n{\"a\":").expect("it can be written");
    let then = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000_000);
    let file = fs::File::options().append(true).open(&lines).expect("it can be opened");
    file.set_modified(then).expect("it is ours");
    let out = wstap(&["subscribe", NOBODY, "--no-reconnect", "-o", &lines]).run();
    out.exits(11).says("removed an incomplete last line");
    let facts = fs::metadata(&lines).expect("it is there");
    assert_eq!((facts.len(), facts.modified().ok()), (8, Some(then)));
}

#[test]
fn a_hangup_opens_the_file_anew_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (lines, moved) = (path(&folder, "lines"), path(&folder, "lines.1"));
    let (go_on, moved_away) = channel();
    let server = Server::websocket(move |peer| {
        for n in 1..=3000 {
            peer.text(&n.to_string());
            if n == 1000 {
                moved_away.recv().expect("the test goes on");
            }
        }
        moved_away.recv().expect("the test goes on");
        peer.text("3001");
        peer.close_well(1000);
    });
    let run = wstap(&["connect", &server.url(), "-o", &lines]).spawn();
    until("lines are there", || text(&lines).ends_with("\n1000\n"));
    fs::rename(&lines, &moved).expect("it can be moved");
    // Before and after the signal, lines may go to either file; none may be lost or torn.
    go_on.send(()).expect("the server goes on");
    run.signal("HUP");
    until("there is a file of that name again", || fs::exists(&lines).expect("it can be asked"));
    go_on.send(()).expect("the server goes on");
    run.finish().exits(0);
    let all: Vec<String> = (1..=3001).map(|n| n.to_string()).collect();
    let (before, after) = (text(&moved), text(&lines));
    assert_eq!(before.lines().chain(after.lines()).collect::<Vec<_>>(), all);
    assert!(before.ends_with('\n') && after.ends_with("3001\n"), "{after:?}");
    server.join();
}

#[test]
fn the_recipe_for_logrotate_loses_nothing() {
    if hangups_are_ignored() || !works(Command::new("logrotate").arg("--version"), "logrotate") {
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| path(&folder, name);
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/reliability.md")).unwrap();
    let recipe = page.split("```").find(|block| block.trim_start().starts_with("/var/log/")).unwrap();
    let recipe = recipe.replace("/var/log/", &path("")).replace("/run/", &path(""));
    fs::write(path("recipe"), recipe).unwrap();
    let (go_on, rotated) = channel::<()>();
    let server = Server::websocket(move |peer| {
        peer.text("1");
        rotated.recv().expect("the test goes on");
        peer.text("2");
        peer.close_well(1000);
    });
    let lines = path("events.ndjson");
    let run = wstap(&["connect", &server.url(), "-o", &lines]).spawn();
    fs::write(path("events.pid"), run.id().to_string()).unwrap();
    until("the first line is there", || text(&lines) == "1\n");
    let rotate =
        Command::new("logrotate").args(["--force", "--state", &path("state"), &path("recipe")]).output();
    assert!(rotate.as_ref().unwrap().status.success(), "{rotate:?}");
    until("there is a file of that name again", || fs::exists(&lines).expect("it can be asked"));
    go_on.send(()).expect("the server goes on");
    run.finish().exits(0);
    assert_eq!((text(&path("events.ndjson.1")), text(&lines)), ("1\n".to_owned(), "2\n".to_owned()));
    server.join();
}

#[test]
fn without_a_file_a_hangup_is_the_end() {
    if hangups_are_ignored() {
        return;
    }
    let server = Server::websocket(|peer| {
        peer.text("1");
        peer.wait_for_end();
    });
    let mut run = wstap(&["connect", &server.url()]).spawn();
    assert_eq!(run.line(), "1\n");
    run.signal("HUP");
    assert_eq!(run.finish().code, None);
    server.join();
}

/// Was this started with `nohup`? Who starts with SIGHUP ignored keeps it so.
fn hangups_are_ignored() -> bool {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    ignored.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).is_some_and(|set| set & 1 == 1)
}

#[test]
fn a_campaign_is_written_there_as_well() {
    let folder = tempfile::tempdir().expect("a folder");
    let lines = path(&folder, "lines");
    let args = ["watch-campaign", "--mock=--rate max --contacts 20", "7", "--progress", "-o", &lines];
    let out = wstap(&args).run();
    assert_eq!(out.exits(0).stdout, "");
    assert!(text(&lines).lines().count() > 20);
}
