//! The dialect files that are built in: the client of each against its own mock.

use std::{fs, thread};

use serde::Deserialize;
use wstap::testing::DIALECT_FILES;

use crate::clients::serve;
use crate::harness::{Output, wstap};

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
fn example(text: &str) -> Vec<String> {
    let head: FileHead = toml::from_str(text).unwrap();
    let examples = head.dialect.examples;
    let shown = examples.into_iter().find(|example| example.contains("--mock")).unwrap();
    shlex::split(&shown).unwrap()
}

/// The same with these options of the mock, and of the client.
fn run(text: &str, mock: &str, args: &[&str]) -> Output {
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

#[test]
fn every_file_survives_what_its_mock_does_wrong() {
    thread::scope(|scope| {
        for file in DIALECT_FILES {
            scope.spawn(|| survives(file.name, file.text));
        }
    });
}

fn survives(name: &str, text: &str) {
    let args =
        ["--envelope", "--no-dedupe", "--count", "12", "--reconnect-delay", "10ms", "--max-time", "60s"];
    for fault in ["fragment=2", "latency=1ms", "no-heartbeat", "no-pong", "duplicate=0.2"] {
        run(text, &format!("--fault {fault}"), &args).exits(0);
    }
    for fault in ["close=1011@5", "close-no-handshake=1011@5", "drop@5", "reset@5", "truncate@5"] {
        let out = run(text, &format!("--fault fail-first=1:{fault}"), &args);
        out.exits(0);
        let opened = out.records("open").len();
        assert_eq!(opened, 2, "{name} {fault}: {}\n{}", out.stdout, out.stderr);
    }
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
