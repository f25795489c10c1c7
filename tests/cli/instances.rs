//! A provider that only talks, keeps nothing, and drops who is slow: its client and its mock, as processes.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::clients::{self, control, serve, until};
use crate::harness::{HUNG, Wstap};

fn subscribe(port: u16, args: &[&str]) -> Wstap {
    clients::of("ryze").subscribe(port).args(args)
}

/// Sends a request and reads the head of the answer.
fn ask(port: u16, request: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.set_read_timeout(Some(HUNG)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        head.push(byte[0]);
    }
    (stream, String::from_utf8(head).unwrap())
}

fn upgrade(port: u16, token: &str) -> (TcpStream, String) {
    let request = format!(
        "GET /ws/demo HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\ntoken: {token}\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    ask(port, &request)
}

/// Lets events come with the bytes of their media.
fn with_media(port: u16) {
    let body = r#"{"enabled":true,"mediaBase64":true}"#;
    let request = format!(
        "POST /api/events/websocket/demo HTTP/1.1\r\nHost: h\r\ntoken: t\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert!(ask(port, &request).1.starts_with("HTTP/1.1 200 "));
}

#[test]
fn a_gap_names_the_call_that_fills_it() {
    let (_mock, port) = serve(&["ryze", "--rate", "max", "--fault", "fail-first=2:drop@3"]);
    let out = subscribe(port, &["--reconnect-delay", "10ms", "--envelope", "--count", "40"]).run();
    let gaps = out.exits(0).says("to catch up: GET /api/chat/history/demo").records("gap");
    assert_eq!((gaps.len(), out.records("reconnect").len()), (2, 2));
    for gap in gaps {
        assert!(gap["catch_up"].as_str().unwrap().contains("GET /api/chat/history/demo "), "{gap}");
        assert_eq!((&gap["replayed"], &gap["last_id"]), (&json!(false), &Value::Null));
        assert!(gap["from"].as_str() <= gap["to"].as_str());
    }
}

/// A tenth of the documents' times leaves room for a busy machine.
#[test]
fn a_client_that_answers_pings_is_kept_and_one_that_does_not_is_dropped() {
    let (_mock, port) = serve(&["ryze", "--events", "0", "--time-scale", "10"]);
    let client =
        subscribe(port, &["--no-reconnect", "--time-scale", "5", "--envelope", "--max-time", "12s"]).spawn();
    let (mut silent, head) = upgrade(port, "t");
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    let mut bytes = Vec::new();
    silent.read_to_end(&mut bytes).unwrap();
    assert_eq!(bytes, [0x89, 0], "one ping, and no close frame");
    let out = client.finish();
    let pings = out.exits(0).records("ping");
    assert!(pings.len() >= 2 && pings.iter().all(|ping| ping["dir"] == "in"), "{pings:?}");
}

#[test]
fn a_client_that_is_too_slow_is_dropped_and_the_others_are_not() {
    // Not so many that one who reads is too slow as well.
    let (_mock, port) = serve(&["ryze", "--rate", "300"]);
    with_media(port);
    let clients = || -> Vec<u64> {
        let all = control(port, "clients", &Value::Null)["clients"].clone();
        all.as_array().unwrap().iter().map(|client| client["id"].as_u64().unwrap()).collect()
    };
    let blocked = ["--no-reconnect", "--envelope", "--overflow", "block", "--buffer", "0"];
    let mut slow = subscribe(port, &blocked).spawn();
    let mut unread = BufReader::new(slow.take_stdout());
    until("the slow one is there", || clients().len() == 1);
    let slow_id = clients()[0];
    let mut quick = subscribe(port, &["--no-reconnect"]).spawn();
    let mut read = BufReader::new(quick.take_stdout());
    let mut line = String::new();
    read.read_line(&mut line).unwrap();
    while clients().contains(&slow_id) {
        for _ in 0..20 {
            line.clear();
            assert!(read.read_line(&mut line).unwrap() > 0, "the quick one is dropped");
        }
    }
    assert_eq!(clients().len(), 1);
    let mut text = String::new();
    unread.read_to_string(&mut text).unwrap();
    slow.finish().exits(20);
    let close = text.lines().rev().find(|line| line.contains(r#""type":"close""#)).unwrap();
    assert!(close.contains(r#""code":1005"#) || close.contains(r#""code":1006"#), "{close}");
}

#[test]
fn a_client_that_is_not_read_itself_is_kept_and_loses_nothing() {
    const EVENTS: u64 = 1500;
    // At the client's own pace: with a rate, a busy machine makes it too slow, and it is dropped for that.
    let (_mock, port) = serve(&["ryze", "--rate", "max", "--events", &EVENTS.to_string()]);
    with_media(port);
    let mut run = subscribe(port, &["--no-reconnect", "--envelope", "--buffer", "2M"]).spawn();
    let sent = || control(port, "clients", &Value::Null)["clients"][0]["sent"].as_u64().unwrap_or(0);
    until("all is sent", || sent() >= EVENTS);
    let mut stdout = BufReader::new(run.take_stdout());
    let mut seqs = Vec::new();
    while seqs.len() < EVENTS as usize {
        let mut line = String::new();
        assert!(stdout.read_line(&mut line).unwrap() > 0, "it ends after {}", seqs.len());
        let record: Value = serde_json::from_str(&line).unwrap();
        assert_ne!(record["type"], "close", "{record}");
        seqs.extend(record["seq"].as_u64().filter(|_| record["type"] == "message"));
    }
    assert!(seqs.into_iter().eq(1..=EVENTS));
    run.signal("INT");
    run.finish().exits(130);
}

#[test]
fn what_is_sent_has_4096_bytes_at_most() {
    let (_mock, port) = serve(&["ryze", "--rate", "max"]);
    let fits = "x".repeat(4096);
    subscribe(port, &["-x", &fits, "--no-reconnect", "--count", "50"]).run().exits(0);
    let out = subscribe(port, &["-x", &format!("{fits}x"), "--envelope", "--max-time", "100s"]).run();
    let close = &out.exits(20).says("sent a message of more than 4096 bytes").records("close")[0];
    assert_eq!((&close["by"], &close["code"]), (&json!("peer"), &json!(1009)));
    assert!(out.records("reconnect").is_empty(), "it would be too long again");
}

#[test]
fn a_hundred_connections_a_minute() {
    let (_mock, port) = serve(&["ryze", "--events", "0"]);
    for left in (0..100).rev() {
        let (_, head) = upgrade(port, "k3y");
        assert!(
            head.starts_with("HTTP/1.1 101 ") && head.contains(&format!("X-RateLimit-Remaining: {left}\r\n"))
        );
    }
    let out = subscribe(port, &["--no-reconnect"]).run();
    out.exits(14).says("429 Too Many Requests").says("(Rate limit exceeded. Try again later.)");
    let (_, head) = upgrade(port, "k3y");
    let header = |name: &str| crate::harness::header(&head, name).unwrap().to_owned();
    assert_eq!((header("X-RateLimit-Limit"), header("X-RateLimit-Remaining")), ("100".into(), "0".into()));
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let reset: u64 = header("X-RateLimit-Reset").parse().unwrap();
    assert!((now..=now + 61).contains(&reset), "{reset} is not within a minute of {now}");
    assert!(upgrade(port, "other").1.starts_with("HTTP/1.1 101 "), "another token has a minute of its own");
}
