//! What is sent: standard input, `-x`, `--reply` and `--echo`, as the server sees it.

use std::io::Write as _;
use std::sync::mpsc;

use crate::harness::{Output, Peer, Server, WireFrame, connect, frame, wstap};

/// Data frames of a run of `connect`, up to its close frame, and the run.
fn sent(args: &[&str], stdin: impl Into<Vec<u8>>) -> (Vec<WireFrame>, Output) {
    let (tell, told) = mpsc::channel();
    let server = Server::websocket(move |peer| {
        let data = |frame: &WireFrame| frame.first & 15 != 8;
        let frames: Vec<WireFrame> = std::iter::from_fn(|| peer.read_frame()).take_while(data).collect();
        tell.send(frames).expect("the test listens");
        peer.close(1000, "");
    });
    let out = wstap(&["connect", &server.url(), "--linger", "100ms"]).args(args).stdin(stdin).run();
    server.join();
    (told.recv().expect("frames were seen"), out)
}

fn texts(frames: &[WireFrame]) -> Vec<&str> {
    let text = |frame: &'_ WireFrame| -> bool { frame.first == 0x81 && frame.masked };
    assert!(frames.iter().all(text), "{frames:?}");
    frames.iter().map(|frame| std::str::from_utf8(&frame.payload).expect("text")).collect()
}

#[test]
fn what_goes_down_with_the_connection_is_counted() {
    let (tell, sent) = std::sync::mpsc::channel::<()>();
    let server = Server::websocket(move |peer| {
        // Nothing is read, so the network fills up; then the connection is cut.
        sent.recv().expect("the test tells");
        peer.text("last");
    });
    let big = "x".repeat(8 << 20);
    let (mut run, mut stdin) =
        wstap(&["connect", &server.url(), "--envelope", "--ping-interval", "0s"]).spawn_fed();
    let feeding = std::thread::spawn(move || {
        use std::io::Write as _;
        for _ in 0..3 {
            // The binary may be gone before it has read all of it.
            let _ = stdin.write_all(format!("{big}\n").as_bytes());
        }
    });
    run.line();
    run.line();
    tell.send(()).expect("the server listens");
    let out = run.finish();
    out.exits(20).says(" not sent");
    feeding.join().expect("no panic");
    server.join();
}

#[test]
fn a_line_is_a_message_without_its_line_end() {
    let (frames, out) = sent(&[], "a\r\n\n b \n\"\u{20ac}\"\nlast");
    out.exits(0);
    assert_eq!(texts(&frames), ["a", "", " b ", "\"\u{20ac}\"", "last"]);
}

#[test]
fn a_line_that_is_not_utf8_is_skipped_with_a_warning() {
    let (frames, out) = sent(&[], b"one\n\xff\xfe\nthree\n");
    out.exits(0).says("line 2").says("--binary-in");
    assert_eq!(texts(&frames), ["one", "three"]);
}

#[test]
fn a_long_line_is_one_message() {
    let line = "0123456789abcdef".repeat(65_536);
    let (frames, out) = sent(&[], format!("{line}\nshort\n"));
    out.exits(0);
    assert!(texts(&frames) == [line.as_str(), "short"], "{} frames", frames.len());
}

#[test]
fn a_hundred_thousand_lines_arrive_in_order() {
    let lines: Vec<String> = (0..100_000).map(|number| number.to_string()).collect();
    let (frames, out) = sent(&["-q"], lines.join("\n"));
    out.exits(0);
    assert!(texts(&frames) == lines, "{} frames", frames.len());
}

#[test]
fn lines_before_the_connection_is_open_are_kept() {
    let (open, wait) = mpsc::channel::<()>();
    let server = Server::once(move |mut peer: Peer| {
        let request = peer.request();
        wait.recv().expect("the test says when");
        peer.write(crate::harness::upgrade(&request, ""));
        assert_eq!(peer.read_text().as_deref(), Some("early"));
        assert_eq!(peer.read_text().as_deref(), Some("bird"));
        peer.text("1");
        assert_eq!(peer.read_close(), Some(1000));
        peer.close(1000, "");
    });
    let (run, mut stdin) = wstap(&["connect", &server.url(), "--linger", "100ms"]).spawn_fed();
    stdin.write_all(b"early\nbird\n").expect("it takes input");
    drop(stdin);
    open.send(()).expect("the server waits");
    assert_eq!(run.finish().exits(0).stdout, "1\n");
    server.join();
}

#[test]
fn a_writer_that_says_nothing_keeps_the_session() {
    let server = Server::websocket(|peer| {
        peer.text("1");
        assert_eq!(peer.read_text().as_deref(), Some("at last"));
        peer.close_well(1000);
    });
    let (mut run, mut stdin) = wstap(&["connect", &server.url(), "--linger", "1ms"]).spawn_fed();
    assert_eq!(run.line(), "1\n");
    stdin.write_all(b"at last\n").expect("it takes input");
    run.finish().exits(0);
    server.join();
    drop(stdin);
}

#[test]
fn a_line_is_sent_before_the_next_is_typed() {
    let server = Server::websocket(|peer| {
        while let Some(line) = peer.read_text() {
            peer.text(&line);
            if line == "3" {
                return peer.close_well(1000);
            }
        }
    });
    let (mut run, mut stdin) = wstap(&["connect", &server.url()]).spawn_fed();
    for line in ["1\n", "2\n", "3\n"] {
        stdin.write_all(line.as_bytes()).expect("it takes input");
        assert_eq!(run.line(), line);
    }
    run.finish().exits(0);
    server.join();
}

#[test]
fn binary_input_has_three_forms() {
    let cases = [
        ("base64", "/wo=\n\nYQ==", vec!["\u{ff}\n", "", "a"]),
        ("hex", "ff 0A\n61\n", vec!["\u{ff}\n", "a"]),
        ("raw", "\u{80}\na", vec!["\u{c2}\u{80}\na"]),
    ];
    for (form, input, messages) in cases {
        let (frames, out) = sent(&["--binary-in", form], input);
        out.exits(0);
        assert!(frames.iter().all(|frame| frame.first == 0x82 && frame.masked), "{frames:?}");
        // A byte is shown as the character of its number.
        let latin1 = |frame: &WireFrame| frame.payload.iter().map(|byte| char::from(*byte)).collect();
        let payloads: Vec<String> = frames.iter().map(latin1).collect();
        assert_eq!(payloads, messages, "{form}");
    }
    let (frames, out) = sent(&["--binary-in", "hex"], "zz\n00\n");
    out.exits(0).says("line 1");
    assert_eq!(frames.len(), 1);
}

#[test]
fn messages_on_the_command_line_go_first_and_in_order() {
    let (frames, out) = sent(&["-x", "one", "-x", "-2", "--send", ""], "three\n");
    out.exits(0);
    assert_eq!(texts(&frames), ["one", "-2", "", "three"]);
}

#[test]
fn what_is_sent_is_counted_and_recorded() {
    let (_, out) = sent(&["-x", "[1]", "--envelope"], "text\n");
    let out_records = out.records("message");
    assert_eq!(out_records.len(), 2);
    assert!(out_records.iter().all(|record| record["dir"] == "out"), "{}", out.stdout);
    assert_eq!((&out_records[0]["data"][0], &out_records[1]["text"]), (&1.into(), &"text".into()));
    assert_eq!((&out.summary()["sent"], &out.summary()["bytes_out"]), (&2.into(), &7.into()));
}

#[test]
fn a_reply_program_answers() {
    let reply = r#"select(.type == "ping") | {type: "pong", id}, "plain""#;
    let out = connect(&["--reply", reply], |peer| {
        peer.text(r#"{"type":"event"}"#);
        peer.text(r#"{"type":"ping","id":100000000000000000000}"#);
        assert_eq!(peer.read_text().as_deref(), Some(r#"{"type":"pong","id":100000000000000000000}"#));
        assert_eq!(peer.read_text().as_deref(), Some("plain"));
        peer.close_well(1000);
    });
    assert_eq!(out.exits(0).lines().len(), 2);
}

#[test]
fn a_reply_program_sees_the_message_also_under_envelope() {
    let out = connect(&["--reply", ".n", "--envelope", "-f", "select(.type == \"message\").dir"], |peer| {
        peer.text(r#"{"n":7}"#);
        assert_eq!(peer.read_text().as_deref(), Some("7"));
        peer.close_well(1000);
    });
    assert_eq!(out.exits(0).stdout, "\"in\"\n\"out\"\n");
}

#[test]
fn echo_sends_back_what_came_as_it_came() {
    connect(&["--echo"], |peer| {
        let big: Vec<u8> = (0..=255).cycle().take(5 << 20).collect();
        let spaced = " { \"a\" : 1.0 }\n";
        for (first, payload) in [(0x81, spaced.as_bytes()), (0x81, b""), (0x82, b"\0\xff"), (0x82, &big)] {
            peer.write(frame(first, payload));
            let echo = peer.read_frame().expect("an echo comes");
            assert!(echo == WireFrame { first, masked: true, payload: payload.to_vec() }, "{first:x}");
        }
        peer.write([frame(0x01, "€".as_bytes()), frame(0x00, b""), frame(0x80, b"!")].concat());
        assert_eq!(peer.read_text().as_deref(), Some("€!"));
        peer.close_well(1000);
    })
    .exits(0);
}

#[test]
fn echo_survives_a_server_that_writes_much_before_it_reads() {
    let out = connect(&["--echo", "-q", "-f", "empty"], |peer| {
        let mut writer = peer.stream.try_clone().expect("a second handle");
        let messages: Vec<u8> = (0..2000).flat_map(|_| frame(0x82, &[7; 8192])).collect();
        let writing = std::thread::spawn(move || writer.write_all(&messages));
        for _ in 0..2000 {
            assert_eq!(peer.read_frame().expect("an echo comes").payload.len(), 8192);
        }
        writing.join().expect("no panic").expect("all is written");
        peer.close_well(1000);
    });
    out.exits(0);
}

const STOMP: &str = "CONNECT\naccept-version:1.2\nhost:/\n\n\0";

#[test]
fn a_file_is_one_message() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("frame");
    std::fs::write(&file, STOMP).expect("it is written");
    let named = format!("@{}", file.display());
    let (frames, out) = sent(&["-x", &named, "-x", "@@x"], "line\n");
    out.exits(0);
    assert_eq!(texts(&frames), [STOMP, "@x", "line"]);
    // Then standard input is taken, and the session stays for what the server says.
    let server = Server::websocket(|peer| {
        assert_eq!(peer.read_text().as_deref(), Some("a\nb\n"));
        peer.text("1");
        peer.close_well(1000);
    });
    let out = wstap(&["connect", &server.url(), "-x", "@-"]).stdin("a\nb\n").run();
    assert_eq!(out.exits(0).stdout, "1\n");
    server.join();
    let missing = wstap(&["connect", "ws://127.0.0.1:9/", "-x", "@/no/such"]).run();
    missing.exits(2).says("--send @/no/such: No such file").says("@@");
}

#[test]
fn a_delimiter_ends_a_message() {
    for (delimiter, input, messages) in [
        ("nul", "a\nb\0\0c", vec!["a\nb", "", "c"]),
        (";", "a;b\nc;\n", vec!["a", "b\nc"]),
        ("\\x1e", "{}\u{1e}[]\u{1e}", vec!["{}", "[]"]),
        ("none", STOMP, vec![STOMP]),
        ("none", "", vec![]),
    ] {
        let (frames, out) = sent(&["--delimiter", delimiter], input);
        out.exits(0);
        assert_eq!(texts(&frames), messages, "{delimiter}");
    }
    let (frames, out) = sent(&["--delimiter", "none", "--binary-in", "raw"], vec![0xff; 100_000]);
    out.exits(0);
    assert_eq!((frames.len(), frames[0].payload.len()), (1, 100_000));
    wstap(&["connect", "ws://127.0.0.1:9/", "--delimiter", "ab"]).run().exits(2).says("one character");
}

/// More than any buffer between, in one message and in many.
#[test]
fn nothing_is_lost_of_much() {
    let line = "0123456789abcdef".repeat(512 << 10);
    let (frames, out) = sent(&["--delimiter", "none", "-q"], line.clone());
    out.exits(0);
    assert!(frames.len() == 1 && frames[0].payload == line.as_bytes(), "{} frames", frames.len());
    let lines = vec![&line[..70_000]; 100];
    let (frames, out) = sent(&["-q"], lines.join("\n"));
    out.exits(0);
    assert!(texts(&frames) == lines, "{} frames", frames.len());
}
