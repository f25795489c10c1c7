//! Scenarios and `--on` as processes, with their exit statuses.

use serde_json::Value;

use crate::harness::{Running, wstap};

/// A mock that follows the scenario in this text, and the address of a path on it.
fn follow(text: &str, path: &str) -> (Running, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.toml");
    std::fs::write(&file, text).unwrap();
    let mut mock =
        wstap(&["serve-mock", "--announce", "json", "--scenario", &file.display().to_string()]).spawn();
    let announcement: Value = serde_json::from_str(&mock.line()).unwrap();
    (mock, format!("ws://127.0.0.1:{}{path}", announcement["port"]))
}

#[test]
fn the_scenario_of_the_docs_runs() {
    let page = include_str!("../../docs/mock.md");
    let mut blocks = page.split("```toml\n").map(|rest| rest.split("```").next().unwrap());
    let block = blocks.find(|block| block.contains("\n[[scenario]]")).unwrap();
    let (mock, url) = follow(block, "/stream/1");
    let out = wstap(&["connect", &url, "-r", "-x", r#"{"op":"sub","id":7}"#, "--no-reconnect"]).run();
    let expected =
        "hello\n{\"ack\":7,\"n\":2,\"conn\":1,\"path\":\"/stream/1\"}\n{\"tick\":true}\n{\"tick\":true}\n";
    assert_eq!(out.exits(20).says("again").stdout, expected);
    let out = wstap(&["connect", &url, "-r", "--no-reconnect", "--linger", "20s"]).run();
    assert_eq!(out.exits(20).stdout, "bye\n");
    mock.signal("TERM");
    mock.finish().exits(0);
}

#[test]
fn an_expectation_that_is_not_met_decides_the_status() {
    let text = "[[scenario]]\npath = '/'\nsteps = [\n{ expect = '.a', timeout = '50ms' }]";
    let (mock, url) = follow(text, "/");
    let out = wstap(&["connect", &url, "-x", "{}", "--no-reconnect", "--linger", "20s"]).run();
    out.exits(16).says("1008").says("scenario.toml:4: no message matched .a");
    mock.signal("TERM");
    mock.finish().exits(1).says("scenario.toml:4: connection 1: no message matched .a within 50ms");
}

#[test]
fn mistakes_are_told_before_it_listens() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bad.toml");
    let told = |text: &str, exit: i32, says: &str| {
        std::fs::write(&file, text).unwrap();
        let out = wstap(&["serve-mock", "--scenario", &file.display().to_string()]).run();
        assert_eq!(out.exits(exit).says(says).stdout, "");
    };
    told("[[scenario]]\npth = '/'\n", 2, "bad.toml:2: [[scenario]]: unknown key 'pth' (did you mean path?)");
    told("[[scenario]]\npath = '/'\nsteps = [{ jq = '.a |' }]", 3, "bad.toml:3: ");
    wstap(&["serve-mock", "--scenario", "/nonexistent"]).run().exits(2).says("/nonexistent");
    wstap(&["serve-mock", "--on", ".a | slect(.)"]).run().exits(3).says("select/1");
}
