//! `subscribe`: topics in, one message out, and what a provider may answer.

use serde_json::{Value, json};

use crate::harness::{Output, Peer, Server, given_time, wstap};

const CALLS: &str = "customer_id:12345678-1234-1234-1234-123456789012:call:*";
const QUEUES: &str = "agent_id:12345678-1234-1234-1234-123456789012:queue:*";
const MESSAGES: &str = "customer_id:12345678-1234-1234-1234-123456789012:message:*";

/// `subscribe -d voipbin` with the built-in mock.
fn mocked(mock: &str, args: &[&str]) -> Output {
    wstap(&["subscribe", "-d", "voipbin", &format!("--mock={mock}")]).args(args).run()
}

/// `subscribe -d voipbin` with a server that accepts and plays the script.
fn served(args: &[&str], script: impl FnOnce(&mut Peer) + Send + 'static) -> Output {
    let server = Server::websocket(script);
    let out = wstap(&["subscribe", "-d", "voipbin", &server.url()]).args(args).run();
    server.join();
    out
}

fn request(topics: &[&str]) -> String {
    format!("{{\"type\":\"subscribe\",\"topics\":{}}}", json!(topics))
}

fn refusal(code: &str) -> String {
    json!({"type": "error", "action": "subscribe", "topics": [CALLS], "code": code, "message": "because"})
        .to_string()
}

const ACK: &str = r#"{"type":"ack","action":"subscribe","topics":["t"],"status":"success"}"#;

#[test]
fn a_file_may_have_a_hundred_thousand_topics() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("topics").display().to_string();
    let topics: Vec<String> = (0..100_000).map(|n| format!("customer_id:{n:036}:call:*\n")).collect();
    std::fs::write(&file, topics.concat()).unwrap();
    let server = Server::websocket(|peer| {
        let mut left = 100_000;
        while left > 0 {
            let text = peer.read_text().unwrap();
            assert!(text.len() < 1 << 20, "{} bytes", text.len());
            let request: Value = serde_json::from_str(&text).unwrap();
            left -= request["topics"].as_array().unwrap().len();
            peer.text(&text.replacen(
                r#""subscribe""#,
                r#""ack","action":"subscribe","status":"success""#,
                1,
            ));
        }
        peer.text("{}");
    });
    let run = wstap(&["subscribe", "-d", "voipbin", &server.url(), "--topics-file", &file, "--count", "1"]);
    let out = run.run();
    assert_eq!(out.exits(0).says("more").stdout, "{}\n");
    // None of these customers is a UUID.
    assert!(out.says("99990 topics more").stderr.len() < 40_000, "{} bytes of notices", out.stderr.len());
    server.join();
}

#[test]
fn all_topics_go_into_one_message_wherever_they_come_from() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("topics").display().to_string();
    std::fs::write(&file, format!("# the agent's\n\n {QUEUES} \n{CALLS}\n")).unwrap();
    for (args, stdin, topics) in [
        (vec![CALLS], "", vec![CALLS]),
        (vec![CALLS, QUEUES, CALLS], "", vec![CALLS, QUEUES]),
        (vec![MESSAGES, "--topics-file", &file], "", vec![MESSAGES, QUEUES, CALLS]),
        (vec!["--topics-file", &file], "", vec![QUEUES, CALLS]),
        (vec![MESSAGES, "@-"], CALLS, vec![MESSAGES, CALLS]),
    ] {
        let expected = request(&topics);
        let server = Server::websocket(move |peer| {
            assert_eq!(peer.read_text().as_deref(), Some(expected.as_str()));
            peer.text("{}");
            assert_eq!(peer.read_text(), Some(expected.replace("subscribe", "unsubscribe")));
            assert_eq!(peer.read_close(), Some(1000));
        });
        let run = wstap(&["subscribe", "-d", "voipbin", &server.url(), "--count", "1"]).args(&args);
        assert_eq!(run.stdin(stdin).run().exits(0).stdout, "{}\n", "{args:?}");
        server.join();
    }
}

#[test]
fn the_url_comes_first_or_by_its_option() {
    let play = |peer: &mut Peer| {
        peer.read_text();
        peer.text("{}");
        peer.read_close();
    };
    for by_option in [false, true] {
        let server = Server::websocket(play);
        let url = server.url() + "v1.0/ws";
        let args = if by_option { vec![CALLS, "--url", &url] } else { vec![url.as_str(), CALLS] };
        // The dialect is guessed from the path.
        wstap(&["subscribe", "--count", "1"]).args(&args).run().exits(0);
        server.join();
    }
    // No URL: the provider's own, here on another machine.
    let server = Server::websocket(play);
    let out = wstap(&["subscribe", "-d", "voipbin", CALLS, "--no-reconnect", "--connect-timeout", "5s"])
        .args(&["--connect-to", &format!("api.voipbin.net:443:127.0.0.1:{}", server.port)])
        .run();
    out.exits(13).says("api.voipbin.net");
}

#[test]
fn wrong_topics_are_all_told_before_anything_connects() {
    let out = wstap(&["subscribe", "-d", "voipbin", "ws://127.0.0.1:1/"])
        .args(&["customer_id:a:cal:*", CALLS, "custmer_id:a:call:*", "customer_id:*:call:*", "x"])
        .run();
    out.exits(2)
        .says("did you mean 'call'")
        .says("did you mean 'customer_id'")
        .says("'x'")
        .says("is only valid");
    assert!(!out.stderr.contains(CALLS), "{}", out.stderr);
    mocked("", &["--topics-file", "/nonexistent"]).exits(2).says("/nonexistent");
    // Ids that are no UUIDs are odd, not wrong.
    let out = mocked("--rate max", &["customer_id:abc:call:*", "--count", "1"]);
    out.exits(0).says("warning").says("'abc' is not a UUID");
}

#[test]
fn an_acknowledgement_is_a_record_and_no_data() {
    let out = mocked("--rate max", &[CALLS, "--count", "1"]);
    assert!(out.exits(0).says("subscribe confirmed").json()[0]["event_type"].is_string());
    let out = mocked(
        "--rate max",
        &[CALLS, "--envelope", "--max-time", "100s", "--until", ".type == \"subscribed\""],
    );
    out.exits(0);
    assert_eq!(out.records("subscribed")[0]["topics"], json!([CALLS]));
    assert_eq!(out.records("subscribed")[0]["action"], "subscribe");
    // Without one, events come all the same.
    mocked("--rate max --no-ack", &[CALLS, "--count", "1"]).exits(0);
}

#[test]
fn a_refusal_ends_it_unless_told_otherwise() {
    for code in ["PERMISSION_DENIED", "INVALID_TOPIC", "INVALID_MESSAGE"] {
        let out = served(&[CALLS], move |peer| {
            peer.read_text();
            peer.text(&refusal(code));
            peer.read_close();
        });
        out.exits(24).says(code).says("because").says(CALLS);
        assert_eq!(out.stdout, "");
    }
    let out = served(&[CALLS, QUEUES, "--keep-going", "--count", "1"], |peer| {
        peer.read_text();
        peer.text(&refusal("PERMISSION_DENIED"));
        peer.text("{}");
        peer.read_close();
    });
    assert_eq!(out.exits(0).says("PERMISSION_DENIED").stdout, "{}\n");
    mocked("--deny *:queue:*", &[QUEUES]).exits(24).says("PERMISSION_DENIED").says(QUEUES);
    let out = mocked("--deny *:queue:* --rate max", &[QUEUES, CALLS, "--keep-going", "--count", "3"]);
    assert!(out.exits(0).lines().iter().all(|line| line.contains(":call:")), "{}", out.stdout);
}

#[test]
fn too_many_requests_are_tried_again() {
    let out = served(&[CALLS, "--count", "1"], |peer| {
        peer.read_text();
        peer.text(&refusal("RATE_LIMITED"));
        assert_eq!(peer.read_text(), Some(request(&[CALLS])));
        peer.text(ACK);
        peer.text("{}");
        peer.read_close();
    });
    assert_eq!(out.exits(0).says("RATE_LIMITED").says("subscribe confirmed").stdout, "{}\n");
}

#[test]
fn all_shapes_of_events_are_lines() {
    let shapes = [
        r#"{"event_type":"call.status","timestamp":"2026-01-01T00:00:00Z","topic":"t","data":{"status":"error"}}"#,
        r#"{"type":"call_created","data":{"id":"a","type":"ack"}}"#,
        r#"{"id":"a","type":"flow","status":"ringing"}"#,
    ];
    let out = served(&[CALLS, "--count", "3"], move |peer| {
        peer.read_text();
        shapes.iter().for_each(|shape| peer.text(shape));
        peer.read_close();
    });
    assert_eq!(out.exits(0).lines(), shapes);
}

#[test]
fn a_drop_right_after_subscribing_is_explained() {
    let out = served(&[CALLS, "--no-reconnect"], |peer| {
        peer.read_text();
        let _ = peer.stream.shutdown(std::net::Shutdown::Both);
    });
    out.exits(20).says("invalid or not permitted");
}

#[test]
fn a_refused_token_is_16_and_the_right_one_is_taken_over() {
    mocked("--token right --rate max", &[CALLS, "--count", "1"]).exits(0);
    let out = served_by_status(401);
    out.exits(16).says("401");
    // Of the real credential, the mock gets nothing.
    let out = wstap(&["subscribe", "-d", "voipbin", "--mock=--rate max", CALLS, "--count", "1"])
        .env("VOIPBIN_TOKEN", "expired")
        .run();
    out.exits(0);
}

fn served_by_status(status: u16) -> Output {
    let server = Server::once(move |mut peer| {
        peer.request();
        peer.write(format!("HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n"));
    });
    wstap(&["subscribe", "-d", "voipbin", &server.url(), CALLS]).run()
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let run = |seed: &str| {
        mocked(&format!("--rate max --seed {seed}"), &[CALLS, QUEUES, "--count", "200"])
            .exits(0)
            .stdout
            .clone()
    };
    let first = run("7");
    assert_eq!(first, run("7"));
    assert_ne!(first, run("8"));
    assert_eq!(first.lines().count(), 200);
}

#[test]
fn every_event_belongs_to_a_topic_that_was_asked_for() {
    for event in mocked("--rate max", &[MESSAGES, QUEUES, "--count", "100"]).exits(0).json() {
        let topic = event["topic"].as_str().unwrap();
        let of = |pattern: &str| topic.starts_with(pattern.trim_end_matches('*'));
        assert!(of(MESSAGES) || of(QUEUES), "{event}");
        assert!(
            event["event_type"].is_string() && event["timestamp"].is_string() && event["data"].is_object()
        );
    }
}

#[test]
fn mistakes_in_the_mocks_arguments_are_usage() {
    for (mock, say) in [
        ("--rate", "--rate"),
        ("--rate 0", "--events 0"),
        ("--nosuch", "--nosuch"),
        ("'open", "quote"),
        ("nosuch", "nosuch"),
    ] {
        mocked(mock, &[CALLS]).exits(2).says("--mock").says(say);
    }
}

#[test]
fn without_a_provider_the_greeting_subscribes() {
    let server = Server::websocket(|peer| {
        assert_eq!(peer.read_text().as_deref(), Some(r#"{"subscribe":"all"}"#));
        assert_eq!(peer.read_text().as_deref(), Some("-second"));
        peer.text("one");
        peer.close_well(1000);
    });
    let run = wstap(&["subscribe", "-d", "plain", &server.url(), "--no-reconnect"]);
    let out = run.args(&["-x", r#"{"subscribe":"all"}"#, "-x", "-second"]).run();
    assert_eq!(out.exits(0).stdout, "\"one\"\n");
    server.join();
    wstap(&["subscribe", "-d", "plain", "ws://127.0.0.1:1/", "topic"]).run().exits(2);
    wstap(&["subscribe", "topic"]).run().exits(2);
    wstap(&["subscribe", "-d", "nosuch", CALLS]).run().exits(2).says("nosuch").says("voipbin");
}

#[test]
fn the_summary_counts_what_was_said() {
    let filter = ["--envelope", "-f", "select(.type == \"summary\")"];
    given_time(|limit| {
        let out = mocked("--rate 50", &[&[CALLS, "--max-time", limit], &filter[..]].concat());
        let summary: &Value = &out.json()[0];
        assert_eq!(summary["reason"], "max_time");
        // The time may be up before there is anything to count.
        summary["received"].as_u64().filter(|received| *received > 1)?;
        assert_eq!(out.exits(0).json()[0]["exit"], 0);
        assert!(summary["sent"].as_u64() > Some(0), "{summary}");
        Some(())
    });
}

#[test]
fn a_typed_url_beats_the_environments() {
    let server = Server::websocket(|peer| {
        assert_eq!(peer.read_text(), Some(request(&[CALLS])));
        peer.text("{}");
        peer.wait_for_end();
    });
    let run = wstap(&["subscribe", "-d", "voipbin", &server.url(), CALLS, "--count", "1"]);
    assert_eq!(run.env("WSTAP_URL", "ws://127.0.0.1:1/").run().exits(0).stdout, "{}\n");
    server.join();
}

#[test]
fn a_mock_of_something_else_is_refused() {
    mocked("plain", &[CALLS]).exits(2).says("does not serve").says("voipbin");
    mocked("--port-file /nonexistent/f", &[CALLS]).exits(2).says("serve-mock");
    wstap(&["connect", "--mock=voipbin", "--count", "1"]).stdin("1\n").run().exits(0);
}

/// The running service differs from the documents (protocol notes in `src/dialect/voipbin/real.rs`).
#[test]
fn the_running_services_habits_are_coped_with() {
    let prefix = "customer_id:12345678-1234-1234-1234-123456789012:call";
    // Every event comes twice for a prefix, and is printed once; no acknowledgement is waited for.
    let out = wstap(&["subscribe", "-d", "voipbin", "--mock=--behave real --rate max", prefix])
        .args(&["--count", "20", "-f", "[.id, .tm_update]"])
        .run();
    let lines: Vec<Value> = out.exits(0).says("twice").json();
    let mut unique = lines.clone();
    unique.sort_by_key(Value::to_string);
    unique.dedup();
    assert_eq!((lines.len(), unique.len()), (20, 20));
    // A topic that is not allowed costs the connection, without a word.
    let out = wstap(&[
        "subscribe",
        "-d",
        "voipbin",
        "--mock=--behave real --deny *:queue",
        &prefix.replace("call", "queue"),
    ])
    .args(&["--no-reconnect"])
    .run();
    out.exits(20).says("subscribes to none of them");
}
