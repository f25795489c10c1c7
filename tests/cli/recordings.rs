//! What `--from` reads: values as jq reads them, HAR files of many tools, files with a byte order mark.

use serde_json::{Value, json};

use crate::harness::{Output, wstap};

const MARK: &str = "\u{feff}";

/// Reads this text from a file of this name, and from standard input.
fn read(name: &str, text: &str, args: &[&str]) -> [Output; 2] {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join(name);
    std::fs::write(&file, text).unwrap();
    let from = |path: &str| wstap(&["connect", "--from", path]).args(args);
    [from(&file.display().to_string()).run(), from("-").stdin(text).run()]
}

fn har(entries: &[Value]) -> String {
    json!({"log": {"version": "1.2", "entries": entries}}).to_string()
}

/// The entry of a WebSocket with this status, and what else stands in it.
fn websocket(status: u16, more: &Value) -> Value {
    let mut entry = json!({
        "startedDateTime": "2026-01-01T00:00:00Z",
        "request": {"url": "wss://h/ws"},
        "response": {"status": status, "headers": []},
    });
    entry.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    entry
}

fn message(text: &str) -> Value {
    json!({"type": "receive", "time": 1_767_225_600, "opcode": 1, "data": text})
}

#[test]
fn values_are_read_as_jq_reads_them() {
    for text in [
        "{\n  \"a\": 1\n}\n{\n  \"a\": 2\n}\n",
        "{\"a\":1}{\"a\":2}\n",
        "\u{1e}{\"a\":1}\n\u{1e}{\"a\":2}\n",
        "{\"a\":1}\n\n  {\"a\":\n2}",
    ] {
        for out in read("values", text, &["-f", ".a"]) {
            assert_eq!(out.exits(0).stdout, "1\n2\n", "{text:?}");
        }
    }
    let text = "{\n  \"a\": 1\n}\nplain [text\n{\"b\":\n";
    for out in read("mixed", text, &[]) {
        assert_eq!(out.exits(0).stdout, "{\"a\":1}\n\"plain [text\"\n\"{\\\"b\\\":\"\n");
    }
}

/// `jq .` of a recording is still that recording.
#[test]
fn records_over_several_lines_are_records() {
    let record = "{\n\"v\":1,\n\"ts\":\"2026-01-01T00:00:00Z\",\n\"type\":\"message\",\"conn\":1,\"dir\":\"in\",\"seq\":1,\"opcode\":\"text\",\"bytes\":10,\n\"data\":{\"a\":\n1.0}}\n";
    for out in read("records", record, &[]) {
        assert_eq!(out.exits(0).stdout, "{\"a\":1.0}\n");
    }
    for out in read("records", record, &["--envelope"]) {
        assert_eq!(out.exits(0).lines().len(), 1);
        assert_eq!(out.json()[0]["data"]["a"], 1.0);
    }
    // Blanks around a record are not part of its line.
    let line = record.replace('\n', "");
    for out in read("records", &format!("  {line} \t\r\n {line}\n"), &["--envelope"]) {
        assert_eq!(out.exits(0).lines()[..2], [&line, &line]);
    }
}

#[test]
fn a_har_is_known_by_its_content() {
    let entries = [websocket(101, &json!({"_webSocketMessages": [message("{\"n\":1}")]}))];
    let compact = har(&entries);
    let pretty = serde_json::to_string_pretty(&serde_json::from_str::<Value>(&compact).unwrap()).unwrap();
    for text in [compact.clone(), pretty, format!("{MARK}{compact}")] {
        for name in ["a.har", "a.json"] {
            for out in read(name, &text, &[]) {
                assert_eq!(out.exits(0).stdout, "{\"n\":1}\n");
            }
        }
    }
    // What only looks like one is data.
    let other = r#"{"log":{"entries":"none"}}"#;
    for out in read("a.json", other, &[]) {
        assert_eq!(out.exits(0).stdout, format!("{other}\n"));
    }
}

#[test]
fn one_odd_message_of_a_har_does_not_cost_the_others() {
    let messages = json!([
        message("1"),
        {"type": "receive", "time": 1, "opcode": 2, "data": "not base64"},
        {"type": "receive", "time": 1},
        {"type": "receive", "opcode": 1, "data": {"a": 1}},
        "odd",
        {"type": "receive", "time": "2026-01-01T00:00:01Z", "opcode": "1", "data": "2"},
        {"type": "receive", "opcode": 1.0, "data": "3"},
        {"type": "receive", "time": null, "data": "4"},
        {"type": "receive", "opcode": 9, "data": ""},
    ]);
    let entries = [
        json!({"request": 1, "_webSocketMessages": []}),
        websocket(101, &json!({"_webSocketMessages": messages})),
        websocket(101, &json!({"_webSocketMessages": [message("5")]})),
    ];
    for out in read("a.har", &har(&entries), &[]) {
        assert_eq!(out.exits(0).stdout, "1\n2\n3\n4\n5\n");
        out.says("--from: entry 1: ")
            .says("--from: WebSocket 1, message 2: base64: ")
            .says("WebSocket 1, message 5: ");
    }
}

#[test]
fn how_a_connection_of_a_har_failed_or_ended_is_in_records() {
    let error = |text: &str| json!({"type": "error", "time": 1_767_225_600.5, "opcode": -1, "data": text});
    let entries = [
        websocket(0, &json!({"_webSocketMessages": [error("Unexpected response code: 403")]})),
        websocket(403, &json!({"_webSocketMessages": []})),
        websocket(101, &json!({"_webSocketMessages": [message("1"), error("Invalid frame header")]})),
        websocket(
            101,
            &json!({"_webSocketMessages": [message("2")], "_webSocketClose": {"code": 4001, "reason": "kicked"}}),
        ),
        websocket(101, &json!({"_webSocketMessages": [message("3")], "_webSocketClose": "aborted"})),
    ];
    for out in read("a.har", &har(&entries), &["--envelope"]) {
        let of = |conn: u32| {
            let records = out.json().into_iter().filter(move |record| record["conn"] == conn);
            records.map(|record| record["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(of(1), ["error"]);
        assert_eq!(of(2), ["error"]);
        assert_eq!(of(3), ["open", "message", "error"]);
        let errors = out.exits(0).records("error");
        assert_eq!(errors[0]["text"], "Unexpected response code: 403");
        assert_eq!(errors[1]["text"], "the connection was not opened: status 403");
        assert_eq!(
            (&errors[2]["error"], &errors[2]["text"]),
            (&json!("network"), &json!("Invalid frame header"))
        );
        let closes = out.records("close");
        assert_eq!(
            (&closes[0]["by"], &closes[0]["code"], &closes[0]["reason"]),
            (&json!("peer"), &json!(4001), &json!("kicked"))
        );
        assert_eq!((&closes[1]["by"], &closes[1]["code"]), (&json!("network"), &json!(1006)));
    }
}

#[test]
fn a_replay_ends_as_the_har_of_another_tool_says() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.json").display().to_string();
    let close =
        json!({"_webSocketMessages": [message("1")], "_webSocketClose": {"code": 4001, "reason": "kicked"}});
    std::fs::write(&file, har(&[websocket(101, &close)])).unwrap();
    let out = wstap(&[
        "serve-mock",
        "-q",
        "--replay",
        &file,
        "--speed",
        "max",
        "--exec",
        env!("CARGO_BIN_EXE_wstap"),
    ])
    .args(&["connect", "-q", "{}", "--envelope", "-f", "select(.type==\"close\") | [.by,.code]"])
    .run();
    assert_eq!(out.stdout, "[\"peer\",4001]\n", "{}", out.stderr);
}

#[test]
fn a_file_without_messages_says_so() {
    for text in [&har(&[websocket(101, &json!({}))]), "", "\n\n", MARK] {
        for out in read("a.har", text, &[]).into_iter().skip(usize::from(!text.contains("log"))) {
            out.exits(0).says("no messages found");
            assert_eq!(out.stdout, "");
        }
    }
    for out in read("some", "1\n", &[]) {
        assert!(!out.exits(0).stderr.contains("no messages"), "{}", out.stderr);
    }
}

#[test]
fn a_byte_order_mark_is_skipped_in_every_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, format!("{MARK}{text}")).unwrap();
        path.display().to_string()
    };
    for out in read("a.ndjson", &format!("{MARK}{{\"n\":1}}\n{{\"n\":2}}\n"), &["-f", ".n"]) {
        assert_eq!(out.exits(0).stdout, "1\n2\n");
    }
    let (filter, data) = (file("a.jq", ".n + $a[0].n"), file("a.json", "{\"n\": 6}"));
    let out = wstap(&["connect", "--from", "-", "--filter-file", &filter, "--slurpfile", "a", &data])
        .stdin("{\"n\":1}")
        .run();
    assert_eq!(out.exits(0).stdout, "7\n");
    let dialect = file("d.toml", "name = \"d\"\n[subscribe]\nsend = \"{topic}\"\n");
    let (topics, token, header) =
        (file("topics", "a\n"), file("token", "t0ken\n"), file("header", "X-A: b\n"));
    let out = wstap(&["subscribe", "-d", &dialect, "--topics-file", &topics, "--mock=plain --on '.'"])
        .args(&[
            "--token-file",
            &token,
            "--token-in",
            "header:X-T",
            "-H",
            &format!("@{header}"),
            "--count",
            "1",
        ])
        .run();
    assert!(!out.stderr.contains('\u{feff}') && !out.stderr.contains("invalid"), "{}", out.stderr);
    let message = file("message", "{\"a\":1}");
    let out = wstap(&["connect", "--mock", "-x", &format!("@{message}"), "--count", "1"]).run();
    assert_eq!(out.exits(0).stdout, "{\"a\":1}\n");
}
