//! Faults of the mock as the client of this tool tells them.

use crate::harness::wstap;

/// Three messages to the echo of a mock with these faults.
#[track_caller]
fn told(fault: &str, exit: i32, says: &str) {
    let mock = format!("--mock=--fault '{fault}'");
    let connect = ["connect", &mock, "--no-reconnect", "-x", "1", "-x", "2", "-x", "3", "--linger", "20s"];
    // Only who has to find out by pings is in a hurry: a slow machine is not a silent link.
    let pings = ["--ping-interval", "100ms", "--ping-timeout", "200ms"];
    let out = wstap(&connect).args(if exit == 22 { &pings } else { &[] }).run();
    out.exits(exit).says(says);
}

/// Faults that end a connection, the exit status that comes of it, and what is said.
const ENDS: [(&str, i32, &str); 21] = [
    ("refuse=503:Retry-After=2;body=busy", 14, "503"),
    ("refuse=401", 16, "401"),
    ("refuse=404", 17, "404"),
    ("bad-accept", 15, "accept-key"),
    ("extension", 15, "x-not-offered"),
    ("close=1000@2", 0, "1000"),
    ("close=1011:so what@2", 20, "so what"),
    ("close=1008:no@2", 16, "1008"),
    ("close=4004@2", 17, "4004"),
    ("close-no-handshake=1012@2", 20, "1012"),
    ("drop@2", 20, ""),
    ("reset@2", 20, ""),
    ("truncate@2", 20, ""),
    ("invalid-utf8@2", 21, ""),
    ("masked@2", 21, ""),
    ("rsv@2", 21, ""),
    ("bad-opcode@2", 21, ""),
    ("oversized-control@2", 21, ""),
    ("fragmented-control@2", 21, ""),
    ("no-pong", 22, ""),
    ("half-open@2", 22, ""),
];

#[test]
fn every_end_has_its_status() {
    for (fault, exit, says) in ENDS {
        told(fault, exit, says);
    }
}

#[test]
fn who_tries_again_gets_in() {
    let out = wstap(&["connect", "--mock=--fault fail-first=2", "--reconnect", "-x", "hi", "--count", "1"])
        .args(&["--reconnect-delay", "10ms"])
        .run();
    assert_eq!(out.exits(0).stdout, "\"hi\"\n");
}

#[test]
fn what_is_legal_changes_nothing() {
    let mock = "--mock=--fault fragment=2 --fault latency=5ms±5ms --fault bandwidth=100k";
    let out = wstap(&["connect", mock, "-x", "[1,2,3]", "-x", "{}", "--count", "2"]).run();
    assert_eq!(out.exits(0).stdout, "[1,2,3]\n{}\n");
}

#[test]
fn a_slip_is_told_before_anything_starts() {
    wstap(&["serve-mock", "--fault", "latancy=5ms"]).run().exits(2).says("did you mean latency?");
}

#[test]
fn a_provider_fails_as_the_echo_does() {
    let topic = "customer_id:12345678-1234-1234-1234-123456789012:call:*";
    let subscribe = |fault: &str, more: &[&str]| {
        let mock = format!("--mock=--rate max --fault '{fault}'");
        wstap(&["subscribe", &mock, "-d", "voipbin", topic, "-r", "-f", ".event_type? // \"broken\""])
            .args(more)
            .run()
    };
    // The acknowledgement is a message as well.
    let out = subscribe("drop@3", &["--no-reconnect"]);
    assert_eq!(out.exits(20).stdout, "call.created\ncall.status\n");
    let out = subscribe("reset@3", &["--reconnect-delay", "10ms", "--count", "4"]);
    assert_eq!(out.exits(0).stdout, "call.created\ncall.status\n".repeat(2));
    let out = subscribe("malformed-json@3", &["--count", "4"]);
    assert_eq!(out.exits(0).stdout.lines().nth(2), Some("broken"));
    subscribe("fail-first=1:refuse=401", &[]).exits(16);
}
