//! The first messages in the record of a probe, and its reports for monitoring.

use serde_json::{Value, json};

use crate::harness::{Output, Peer, Server, frame, keep_closed, wstap};
use crate::servers::Authority;

fn live(args: &[&str], script: impl FnOnce(&mut Peer) + Send + 'static) -> Output {
    let server = Server::websocket(script);
    let out = wstap(&["probe-handshake", &server.url(), "--live"]).args(args).run();
    server.join();
    out
}

/// Answers the ping, and closes when asked to.
fn end(peer: &mut Peer) {
    let ping = peer.read_frame().expect("a ping comes");
    peer.frame(10, ping.payload);
    peer.read_close();
    peer.close(1000, "");
}

fn messages(out: &Output) -> Vec<Value> {
    let record: Value = serde_json::from_str(&out.stdout).expect("a record");
    record["live"]["messages"].as_array().expect("messages").clone()
}

#[test]
fn the_first_messages_are_in_the_record_and_expressions_see_them() {
    let args = ["--expect", ".live.messages[0].data.clients == 5", "--token-env", "T"];
    let server = Server::websocket(|peer| {
        // In two fragments, with a ping between them.
        peer.write(
            [frame(0x01, b"{\"clients\": 5, "), frame(0x89, b"p"), frame(0x80, b"\"t\": \"s3cr3t-t0ken\"}")]
                .concat(),
        );
        peer.text("not JSON");
        peer.frame(2, b"\x00\xff");
        end(peer);
    });
    let out = wstap(&["probe-handshake", &server.url(), "--live"]).args(&args).env("T", "s3cr3t-t0ken").run();
    let messages = messages(out.exits(0));
    assert_eq!(
        (&messages[0]["data"], &messages[0]["bytes"]),
        (&json!({"clients": 5, "t": "***"}), &json!(35))
    );
    assert!(messages[0]["ms"].is_f64() && messages[0].get("cut").is_none(), "{}", messages[0]);
    assert_eq!((&messages[1]["text"], &messages[1]["opcode"]), (&json!("not JSON"), &json!("text")));
    assert_eq!((&messages[2]["base64"], &messages[2]["opcode"]), (&json!("AP8="), &json!("binary")));
    server.join();
    live(&["--expect", ".live.messages[0].text == \"no\""], |peer| {
        peer.text("yes");
        end(peer);
    })
    .exits(1);
    let silent = live(&["--max-time", "1s", "--expect", ".live.messages == []"], end);
    assert!(self::messages(silent.exits(0)).is_empty());
}

#[test]
fn compressed_messages_are_inflated_and_the_providers_tokens_are_masked() {
    let out = wstap(&[
        "probe-handshake",
        "--mock",
        "--live",
        "-x",
        "{\"a\": \"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
    ])
    .run();
    let record: Value = serde_json::from_str(&out.exits(0).stdout).expect("a record");
    assert_eq!(record["compression"]["verdict"], "agreed");
    assert_eq!(record["live"]["messages"][0]["data"], json!({"a": "a".repeat(40)}));
    // Every frame of this provider carries a token of its own.
    let mock = ["probe-handshake", "--mock=--rate max", "-d", "ryze", "--live"];
    let out = wstap(&mock).env("RYZE_TOKEN", "k3y").run();
    let messages = messages(out.exits(0));
    assert_eq!(messages[0]["data"]["instanceData"]["token"], "***");
}

#[test]
fn a_large_message_is_cut() {
    let out = live(&[], |peer| {
        peer.write(frame(0x81, &vec![b'x'; 100_000]));
        end(peer);
    });
    let messages = messages(out.exits(0));
    assert_eq!((&messages[0]["cut"], &messages[0]["bytes"]), (&json!(true), &json!(100_000)));
    assert_eq!(messages[0]["text"].as_str().map(str::len), Some(65536));
}

#[test]
fn a_plugin_prints_one_line_and_exits_with_the_state_of_the_service() {
    let run = |args: &[&str]| {
        let out = wstap(&["probe-handshake", "--format", "nagios"]).args(args).run();
        assert_eq!(
            (out.stdout.lines().count(), out.stdout.matches('|').count() < 2),
            (1, true),
            "{}",
            out.stdout
        );
        out
    };
    let out = run(&["--mock", "--live", "-x", "hi", "--max", "total=100s,message=90s"]);
    let line = &out.exits(0).stdout;
    assert!(line.starts_with("WSTAP OK - ws://127.0.0.1:") && line.contains(": status 101 in "), "{line}");
    let data = line.split_once(" | ").expect("performance data").1;
    let labels: Vec<&str> =
        data.split_whitespace().filter_map(|item| item.split_once('=')).map(|pair| pair.0).collect();
    assert_eq!(labels, ["tcp", "upgrade", "total", "message", "pong", "close", "messages"]);
    assert!(
        data.contains("s;;100;0 message=") && data.contains("s;;90;0 ") && data.contains("messages=1;;;0"),
        "{data}"
    );

    for mistake in
        [&["--no-such-option"][..], &["--max", "total=soon"], &["not a url"], &["--profile", "none"]]
    {
        let out = run(mistake);
        assert!(out.exits(3).stdout.starts_with("WSTAP UNKNOWN - "), "{}", out.stdout);
    }

    let server = Server::websocket(|_| {});
    let out = run(&[&server.url(), "-s", "nobody"]);
    assert!(out.exits(1).stdout.starts_with("WSTAP WARNING - "), "{}", out.stdout);
    let closed = format!("ws://127.0.0.1:{}/", keep_closed(0));
    let out = run(&[&closed]);
    assert!(out.exits(2).stdout.starts_with("WSTAP CRITICAL - "), "{}", out.stdout);
    let out = run(&["--mock", "--expect-status", "200"]);
    assert!(
        out.exits(2).stdout.contains("CRITICAL") && out.stdout.contains("--expect-status 200"),
        "{}",
        out.stdout
    );
    // Nothing is known of the service.
    for wrong in [&["--mock", "--repeat", "2"][..], &["--mock", "--expect", "("], &["ws://h/%zz\u{1}"], &[]] {
        let out = run(wrong);
        assert!(out.exits(3).stdout.starts_with("WSTAP UNKNOWN - "), "{wrong:?} {}", out.stdout);
    }
}

#[test]
fn a_certificate_has_its_days_in_both_reports() {
    let authority = Authority::new();
    let run = |format: &str| {
        let server = authority.serve("localhost", 2050, false);
        let url = format!("wss://localhost:{}/", server.port);
        let args = ["--format", format, "--cacert", &authority.file("ca.pem"), "--min-cert-days", "14"];
        wstap(&["probe-handshake", &url]).args(&args).run().stdout
    };
    let line = run("nagios");
    assert!(line.contains(" cert_days=") && line.contains(";;14:"), "{line}");
    let metrics = run("prometheus");
    assert!(
        metrics.contains("\nwstap_probe_cert_not_after_timestamp_seconds{url=\"wss://localhost"),
        "{metrics}"
    );
    assert!(metrics.contains(",gate=\"--min-cert-days 14\"} 1\n"), "{metrics}");
}

#[test]
fn metrics_are_in_the_text_format() {
    let run = |args: &[&str]| wstap(&["probe-handshake", "--format", "prometheus"]).args(args).run();
    let out = run(&["--mock", "--live", "-x", "hi"]);
    let text = &out.exits(0).stdout;
    for family in text.split("# HELP ").skip(1) {
        let (name, rest) = family.split_once(' ').expect("a name and its help");
        let mut lines = rest.lines().skip(1);
        assert_eq!(lines.next(), Some(&*format!("# TYPE {name} gauge")));
        for line in lines {
            let (labels, value) = line.rsplit_once(' ').expect("a value");
            assert!(
                labels.starts_with(&format!("{name}{{url=\"ws://127.0.0.1:")) && labels.ends_with('}'),
                "{line}"
            );
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
    for metric in ["success", "http_status", "phase_seconds", "messages", "check_passed", "timestamp_seconds"]
    {
        assert!(text.contains(&format!("\nwstap_probe_{metric}{{")), "{metric} {text}");
    }
    let closed = format!("ws://127.0.0.1:{}/", keep_closed(0));
    let out = run(&[&closed]);
    assert!(
        out.exits(11).stdout.contains(&format!("wstap_probe_success{{url=\"{closed}\"}} 0\n")),
        "{}",
        out.stdout
    );
    run(&["--mock", "--repeat", "2"]).exits(2).says("support only one connection");
}
