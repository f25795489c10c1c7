//! The main job, as the README shows it.

use crate::harness::wstap;

const TOPIC: &str = "customer_id:12345678-1234-1234-1234-123456789012:call:*";

#[test]
fn five_events_of_the_mock_as_five_lines() {
    let out = wstap(&["subscribe", "--mock=--rate max", "-d", "voipbin", TOPIC])
        .args(&["-f", "{id: .data.id, status: .data.status}", "--count", "5"])
        .run();
    out.exits(0);
    assert_eq!(out.lines().len(), 5);
    for line in out.json() {
        assert!(line["id"].is_string() && line["status"].is_string(), "{line}");
    }
}

#[test]
fn what_is_piped_into_connect_comes_back_from_an_echo() {
    let out = wstap(&["connect", "--mock", "--linger", "500ms"]).stdin("a\nb\n").run();
    out.exits(0);
    assert_eq!(out.stdout, "\"a\"\n\"b\"\n");
}
