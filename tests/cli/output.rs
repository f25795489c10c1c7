//! What reaches standard output, when, and what does not.

use std::fs::File;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::mpsc;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{Peer, Server, connect, frame, wstap};

/// Many messages in one write, and their lines.
fn numbers(count: usize) -> (Vec<u8>, String) {
    let texts: Vec<String> = (0..count).map(|number| format!("{{\"number\":{number}}}")).collect();
    let frames = texts.iter().flat_map(|text| frame(0x81, text.as_bytes())).collect();
    (frames, texts.join("\n") + "\n")
}

#[test]
fn a_reader_that_goes_away_ends_the_session_though_nothing_comes() {
    for args in [&[][..], &["-f", "."], &["--envelope"], &["-n", "-f", "inputs"]] {
        let server = Server::websocket(|peer| {
            peer.text("1");
            peer.wait_for_end();
        });
        let mut run = wstap(&["connect", &server.url(), "--ping-interval", "0s"]).args(args).spawn();
        run.line();
        drop(run.take_stdout());
        run.finish().exits(0);
        server.join();
    }
}

#[test]
fn head_ends_a_session() {
    let server = Server::websocket(|peer| {
        peer.text("1");
        peer.wait_for_end();
    });
    let script = "\"$0\" connect \"$1\" -q | head -1";
    let shell = std::process::Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_wstap"), &server.url()])
        .output()
        .expect("a shell");
    assert_eq!((shell.stdout.as_slice(), shell.stderr.as_slice()), (b"1\n".as_slice(), b"".as_slice()));
    server.join();
}

#[test]
fn a_slow_reader_gets_every_line_in_order() {
    for args in [&[][..], &["-f", "del(.none)"]] {
        let (frames, lines) = numbers(50_000);
        let (tell, sent) = mpsc::channel();
        let server = Server::websocket(move |peer| {
            let mut writer = peer.stream.try_clone().expect("a second handle");
            let close = frame(0x88, &1000_u16.to_be_bytes());
            let writing = std::thread::spawn(move || writer.write_all(&[frames, close].concat()));
            tell.send(()).expect("the test listens");
            peer.read_close();
            writing.join().expect("no panic").expect("everything is taken");
        });
        let mut run = wstap(&["connect", &server.url()]).args(args).spawn();
        let mut stdout = run.take_stdout();
        sent.recv().expect("the server writes");
        let (mut read, mut buffer) = (Vec::new(), [0; 8192]);
        loop {
            std::thread::sleep(Duration::from_micros(300));
            match stdout.read(&mut buffer).expect("a pipe can be read") {
                0 => break,
                count => read.extend_from_slice(&buffer[..count]),
            }
        }
        run.finish().exits(0);
        assert!(read == lines.as_bytes(), "{} bytes of {}", read.len(), lines.len());
        server.join();
    }
}

#[test]
fn standard_output_that_does_not_block_loses_nothing() {
    // Whoever shares the pipe or the terminal may have set O_NONBLOCK.
    for args in [&["-r"][..], &["-j"], &["--binary", "raw"], &["-r", "-f", "."]] {
        let server = Server::websocket(|peer| {
            for _ in 0..40 {
                peer.frame(2, vec![b'x'; 66_000]);
            }
            peer.close_well(1000);
        });
        let (mut reader, writer) = std::io::pipe().expect("a pipe");
        rustix::fs::fcntl_setfl(&writer, rustix::fs::OFlags::NONBLOCK).expect("it can be set");
        let run = wstap(&["connect", &server.url()]).args(args).stdout(writer).spawn();
        let reading = std::thread::spawn(move || {
            let (mut total, mut buffer) = (0, [0; 65_536]);
            while let Ok(count @ 1..) = reader.read(&mut buffer) {
                total += buffer[..count].iter().filter(|byte| **byte != b'\n').count();
                std::thread::sleep(Duration::from_millis(1));
            }
            total
        });
        run.finish().exits(0);
        let expected = if args.contains(&"raw") { 40 * 66_000 } else { 40 * 88_000 };
        assert_eq!(reading.join().expect("no panic"), expected, "{args:?}");
        server.join();
    }
}

#[test]
fn a_stalled_reader_costs_no_memory_and_no_control() {
    let (tell, blocked) = mpsc::channel();
    let server = Server::websocket(move |peer| {
        let message = frame(0x81, &[b'1'; 60_000]);
        peer.stream.set_write_timeout(Some(Duration::from_millis(500))).expect("it can be set");
        let mut written = 0;
        while peer.stream.write_all(&message).is_ok() && written < 200 << 20 {
            written += message.len();
        }
        // The client still does what needs no reader.
        let pings = std::iter::from_fn(|| peer.read_frame()).filter(|frame| frame.first == 0x89);
        assert_eq!(pings.take(20).count(), 20);
        tell.send(written).expect("the test listens");
        peer.wait_for_end();
    });
    let run = wstap(&["connect", &server.url(), "--ping-interval", "10ms", "--buffer", "8M"]).spawn();
    let written = blocked.recv().expect("the server is blocked");
    assert!(written < 100 << 20, "{written} bytes were taken in");
    let resident = run.resident();
    assert!(resident < 64 << 10, "{resident} KiB");
    run.interrupt_and_wait();
    server.join();
}

#[test]
fn the_time_is_up_for_a_stalled_reader_too() {
    let server = Server::websocket(|peer| {
        let message = frame(0x81, &[b'1'; 60_000]);
        while peer.stream.write_all(&message).is_ok() {}
    });
    let mut run = wstap(&["connect", &server.url(), "--max-time", "300ms"]).spawn();
    // Held open and never read.
    let stdout = run.take_stdout();
    run.finish().exits(30).says("not read in time");
    drop(stdout);
    server.join();
}

#[test]
fn standard_input_waits_for_a_stalled_reader() {
    let server = Server::websocket(|peer| {
        while let Some(line) = peer.read_text() {
            peer.text(&line);
        }
    });
    let (run, mut stdin) = wstap(&["connect", &server.url(), "--envelope", "--buffer", "8M"]).spawn_fed();
    let feeding = std::thread::spawn(move || {
        let line = [[b'x'; 999].as_slice(), b"\n"].concat();
        (0..200_000).take_while(|_| stdin.write_all(&line).is_ok()).count()
    });
    let before = run.settled();
    assert!(before < 64 << 10, "{before} KiB");
    run.interrupt_and_wait();
    assert!(feeding.join().expect("no panic") < 200_000);
    server.join();
}

#[test]
fn a_full_device_is_an_error() {
    for args in [&[][..], &["-f", "."], &["--envelope"], &["-n", "-f", "inputs"]] {
        let server = Server::websocket(|peer| {
            peer.text("1");
            peer.wait_for_end();
        });
        let full = File::options().write(true).open("/dev/full").expect("Linux has it");
        let out = wstap(&["connect", &server.url()]).args(args).stdout(full).run();
        out.exits(30).says("standard output");
        server.join();
    }
    let commands: [&[&str]; 6] = [
        &["--help"],
        &["--version"],
        &["man"],
        &["completions", "bash"],
        &["serve-mock"],
        &["probe-handshake", "--mock"],
    ];
    for args in commands {
        let full = File::options().write(true).open("/dev/full").expect("Linux has it");
        let out = wstap(args).stdout(full).run();
        out.exits(30).says("standard output").says("No space left on device").says("hint: free some space");
    }
}

#[test]
fn a_recording_that_cannot_be_written_is_an_error() {
    connect(&["--record", "/dev/full"], |peer| {
        peer.text("1");
        peer.wait_for_end();
    })
    .exits(30)
    .says("cannot write --record /dev/full: No space left")
    .says("free some space");
}

#[test]
fn data_goes_to_stdout_and_notices_to_stderr() {
    let script = |peer: &mut crate::harness::Peer| {
        peer.text("\"data\"");
        peer.close_well(1000);
    };
    let out = connect(&["-vv"], script);
    assert_eq!(out.exits(0).stdout, "\"data\"\n");
    assert!(!out.stderr.contains("\"data\""), "{}", out.stderr);
    out.says("connected");
    assert_eq!(connect(&["-q"], script).exits(0).stderr, "");
    assert_eq!(connect(&["-q"], |peer| peer.close_well(1011)).exits(20).stderr.lines().count(), 1);
}

#[test]
fn notices_can_be_json() {
    let out = connect(&["--log-format", "json", "-vv"], |peer| peer.close_well(4001));
    out.exits(20);
    let notices: Vec<Value> =
        out.stderr.lines().map(|line| serde_json::from_str(line).expect("a line is JSON")).collect();
    assert!(notices.iter().all(|n| n["ts"].is_string() && n["level"].is_string() && n["text"].is_string()));
    assert_eq!(notices.last().expect("notices")["level"], "error");
}

#[test]
fn json_stays_as_it_was_written() {
    let cases: &[(&str, &str)] = &[
        ("1.0", "1.0"),
        ("-0", "-0"),
        ("1E+2", "1E+2"),
        ("100000000000000000000", "100000000000000000000"),
        (r#"{"b":1,"a":2,"b":3}"#, r#"{"b":1,"a":2,"b":3}"#),
        (r#""\u00e9\/\ud83d\ude00é""#, r#""\u00e9\/\ud83d\ude00é""#),
        ("{\n  \"a\" : [ 1.10 ,\r\n\t2 ]\n}\n", r#"{"a":[1.10,2]}"#),
        (" 7 ", "7"),
        ("null", "null"),
        // What is no JSON is a JSON string.
        ("NaN", "\"NaN\""),
        ("01", "\"01\""),
        ("{\"a\":1", "\"{\\\"a\\\":1\""),
        ("two\nlines \u{1}", "\"two\\nlines \\u0001\""),
        ("1 2", "\"1 2\""),
    ];
    let out = connect(&[], |peer| {
        cases.iter().for_each(|(text, _)| peer.text(text));
        peer.close_well(1000);
    });
    let expected: Vec<&str> = cases.iter().map(|(_, line)| *line).collect();
    assert_eq!(out.exits(0).lines(), expected);
}

#[test]
fn strings_and_binary_have_forms() {
    let cases: &[(&[&str], &str)] = &[
        (&[], "\"a\\tb\"\n\"c\"\n{\"d\":\"e\"}\n\"/wo=\"\n"),
        (&["-r"], "a\tb\nc\n{\"d\":\"e\"}\n/wo=\n"),
        (&["-j"], "a\tbc{\"d\":\"e\"}/wo="),
        (&["--binary", "hex"], "\"a\\tb\"\n\"c\"\n{\"d\":\"e\"}\n\"ff0a\"\n"),
        (&["--pretty"], "\"a\\tb\"\n\"c\"\n{\n  \"d\": \"e\"\n}\n\"/wo=\"\n"),
        (&["-r", "-f", ".d? // ."], "a\tb\nc\ne\n/wo=\n"),
    ];
    for (args, stdout) in cases {
        let out = connect(args, |peer| {
            ["a\tb", "\"c\"", "{\"d\":\"e\"}"].into_iter().for_each(|text| peer.text(text));
            peer.frame(2, b"\xff\n");
            peer.close_well(1000);
        });
        assert_eq!(out.exits(0).stdout, *stdout, "{args:?}");
    }
}

#[test]
fn raw_binary_is_the_bytes_and_nothing_else() {
    let server = Server::websocket(|peer| {
        peer.frame(2, b"\xff\n\0");
        peer.frame(2, b"a");
        peer.close_well(1000);
    });
    let mut run = wstap(&["connect", &server.url(), "--binary", "raw"]).spawn();
    let mut bytes = Vec::new();
    run.take_stdout().read_to_end(&mut bytes).expect("a pipe can be read");
    assert_eq!(bytes, b"\xff\n\0a");
    run.finish().exits(0);
}

#[test]
fn records_have_their_fields() {
    let out = connect(&["--envelope", "-x", "hello"], |peer| {
        peer.text("{\"a\": 1.0}");
        peer.text("text");
        peer.frame(2, b"\xff");
        peer.frame(9, b"ping");
        peer.close(1000, "done");
        peer.read_close();
    });
    let records = out.exits(0).json();
    let kinds: Vec<&Value> = records.iter().map(|record| &record["type"]).collect();
    assert_eq!(kinds, ["open", "message", "message", "message", "message", "ping", "close", "summary"]);
    for record in &records {
        assert_eq!((&record["v"], &record["conn"]), (&json!(1), &json!(1)));
        let ts = record["ts"].as_str().expect("a time");
        assert!(ts.len() == "2026-01-02T03:04:05.678901Z".len() && ts.ends_with('Z'), "{ts}");
    }
    let fields = |record: &Value, names: &[&str]| -> Vec<Value> {
        names.iter().map(|name| record[name].clone()).collect()
    };
    let message = ["dir", "seq", "opcode", "bytes"];
    assert_eq!(fields(&records[1], &message), [json!("out"), json!(1), json!("text"), json!(5)]);
    assert_eq!(fields(&records[2], &message), [json!("in"), json!(1), json!("text"), json!(10)]);
    assert_eq!(fields(&records[4], &message), [json!("in"), json!(3), json!("binary"), json!(1)]);
    assert!(out.lines()[2].contains(r#""data":{"a": 1.0}"#), "{}", out.lines()[2]);
    assert_eq!((&records[3]["text"], &records[4]["base64"]), (&json!("text"), &json!("/w==")));
    assert_eq!(fields(&records[5], &["dir", "text"]), [json!("in"), json!("ping")]);
    let summary = ["reason", "exit", "closed_by", "code", "close_reason", "clean"];
    let end = [json!("closed"), json!(0), json!("peer"), json!(1000), json!("done"), json!(true)];
    assert_eq!(fields(&records[7], &summary), end);
    let counts = ["connections", "reconnects", "received", "sent", "bytes_in", "bytes_out"];
    assert_eq!(fields(&records[7], &counts), [1, 0, 3, 1, 15, 5].map(|n| json!(n)));
    assert!(records[7]["duration_ms"].is_u64());
}

#[test]
fn a_recording_is_the_records_and_can_be_read_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("recording.ndjson");
    let path = path.to_str().expect("a path");
    let script = |peer: &mut crate::harness::Peer| {
        ["{\"a\": 1.0}", "null", "{\n\"b\":2}", "text"].into_iter().for_each(|text| peer.text(text));
        peer.frame(2, b"\xff\0");
        peer.close_well(1000);
    };
    let live = connect(&["--record", path, "-x", "out"], script);
    assert_eq!(live.exits(0).lines().len(), 5);
    let mode = std::fs::metadata(path).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    for args in [&[][..], &["-f", "."], &["-r"], &["-f", "[.]"]] {
        let live = connect(args, script);
        let offline = wstap(&["connect", "--from", path]).args(args).run();
        assert_eq!(offline.exits(0).stdout, live.stdout, "{args:?}");
    }
    let both = connect(&["--envelope", "--record", path], script);
    assert_eq!(std::fs::read_to_string(path).expect("a recording"), both.exits(0).stdout);
}

#[test]
fn a_recording_holds_no_token() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("recording.ndjson");
    let server = Server::websocket(|peer| peer.close_well(1000));
    let run = wstap(&["connect", &format!("{}?token=topsecret1", server.url()), "-vv", "--envelope"])
        .args(&[
            "--bearer",
            "topsecret2",
            "-H",
            "Cookie: topsecret3",
            "--record",
            path.to_str().expect("a path"),
        ])
        .run();
    run.exits(0);
    let recording = std::fs::read_to_string(&path).expect("a recording");
    for place in [&recording, &run.stdout, &run.stderr] {
        assert!(!place.contains("topsecret"), "{place}");
    }
    server.join();
}

#[test]
fn ndjson_on_standard_input_can_stand_for_a_connection() {
    let from =
        |args: &[&str]| wstap(&["connect", "--from", "-"]).args(args).stdin("{\"a\":1.0}\n\n2\nx\n").run();
    assert_eq!(from(&[]).exits(0).stdout, "{\"a\":1.0}\n2\n\"x\"\n");
    assert_eq!(from(&["-f", ".a?"]).exits(0).stdout, "1.0\n");
    assert_eq!(from(&["--count", "1"]).exits(0).lines().len(), 1);
    assert_eq!(from(&["--until", ". == 2"]).exits(0).lines().len(), 2);
    from(&["--until", ". == 3"]).exits(1);
    from(&["-e", "-f", "empty"]).exits(4);
}

#[test]
fn a_line_is_there_before_the_next_message_is_sent() {
    for args in [&[][..], &["-f", "."], &["-f", ".a"], &["--envelope"], &["-n", "-f", "inputs"], &["-r"]] {
        let (next, wait) = mpsc::channel::<()>();
        let server = Server::websocket(move |peer| {
            for number in 0..20 {
                peer.text(&format!("{{\"a\":{number}}}"));
                wait.recv().expect("the test has the line");
            }
            peer.close_well(1000);
        });
        let mut run = wstap(&["connect", &server.url()]).args(args).spawn();
        let mut lines = BufReader::new(run.take_stdout()).lines().map(|line| line.expect("text"));
        if args.contains(&"--envelope") {
            assert!(lines.next().expect("a record").contains("\"open\""));
        }
        for number in 0..20 {
            let line = lines.next().expect("a line comes");
            assert!(line.contains(&number.to_string()), "{line}");
            next.send(()).expect("the server waits");
        }
        run.finish().exits(0);
        server.join();
    }
}

#[test]
fn a_pipe_in_place_of_a_connection_is_followed_line_by_line() {
    for args in [&[][..], &["-f", "."], &["-n", "-f", "inputs"]] {
        let (mut run, mut stdin) = wstap(&["connect", "--from", "-", "--count", "3"]).args(args).spawn_fed();
        for line in ["1\n", "2\n", "3\n"] {
            stdin.write_all(line.as_bytes()).expect("it takes input");
            assert_eq!(run.line(), line);
        }
        // The writer still holds the pipe open.
        run.finish().exits(0);
        drop(stdin);
    }
}

#[test]
fn the_records_of_the_end_come_after_every_end() {
    for rule in [["--until", ".type==\"message\""], ["--fail-if", ".type==\"message\""], ["--count", "1"]] {
        let out = connect(&["--envelope", "--reply", "empty", rule[0], rule[1]], |peer| {
            peer.text("1");
            peer.read_close();
            peer.close(1000, "");
        });
        let kinds: Vec<Value> = out.json().into_iter().map(|record| record["type"].clone()).collect();
        assert_eq!(kinds, ["open", "message", "close", "summary"], "{rule:?}");
    }
}

#[test]
fn a_recording_does_not_overwrite_what_it_is_made_from() {
    let dir = tempfile::tempdir().expect("a folder");
    let file = dir.path().join("r.ndjson");
    std::fs::write(&file, "1\n").expect("it is written");
    let name = file.to_str().expect("UTF-8");
    wstap(&["connect", "--from", name, "--record", name]).run().exits(2).says("overwrite");
    assert_eq!(std::fs::read_to_string(&file).expect("it is there"), "1\n");
}

#[test]
fn credentials_are_masked_wherever_they_stand_in_a_record() {
    let server = Server::websocket(|peer| {
        peer.read_text();
        peer.text(r#"{"you":"s3cr3t-tok"}"#);
        peer.close_well(1000);
    });
    let args =
        ["connect", &server.url(), "--token", "s3cr3t-tok", "--envelope", "-x", r#"{"token":"s3cr3t-tok"}"#];
    let out = wstap(&args).run();
    assert!(!out.exits(0).stdout.contains("s3cr3t-tok"), "{}", out.stdout);
    assert_eq!(out.records("message").len(), 2);
    server.join();
}

#[test]
fn credentials_are_masked_as_json_spells_them() {
    let server = Server::websocket(|peer| {
        peer.read_text();
        peer.text(r#"{"you":"s3\"cr\/3t"}"#);
        peer.close_well(1000);
    });
    let args =
        ["connect", &server.url(), "--token", "s3\"cr/3t", "--envelope", "-x", r#"{"token":"s3\"cr/3t"}"#];
    let out = wstap(&args).run();
    let messages = out.exits(0).records("message");
    assert_eq!((&messages[0]["data"]["token"], &messages[1]["data"]["you"]), (&json!("***"), &json!("***")));
    server.join();
}

#[test]
fn a_recording_is_a_file() {
    wstap(&["connect", "--mock", "--record", "-"]).run().exits(2).says("--envelope");
}

/// The mock's own token is masked like any other, so it must not be a word.
#[test]
fn a_mocks_token_hides_nothing_in_messages() {
    let out = wstap(&["subscribe", "--mock", "-d", "voipbin", "--envelope", "--count", "1"])
        .args(&["customer_id:12345678-1234-1234-1234-123456789012:call:*", "-x", r#"{"mock":"a mock-up"}"#])
        .run();
    assert_eq!(out.exits(0).records("message")[0]["data"], json!({"mock": "a mock-up"}));
}

#[test]
fn a_url_loses_its_credentials_whatever_they_are_called() {
    let url =
        "ws://127.0.0.1:1/?jwt=s3cr3t&client_secret=s3cr3t&X-Amz-Signature=s3cr3t&api-key=s3cr3t&plan=free";
    let server = Server::websocket(|peer| peer.close_well(1000));
    let url = url.replace("ws://127.0.0.1:1/", &server.url());
    let out = wstap(&["connect", &url, "-vv", "--envelope"]).run();
    let open = out.exits(0).records("open");
    assert!(open[0]["url"].as_str().unwrap().contains("client_secret=***"), "{open:?}");
    assert!(!format!("{}{}", out.stdout, out.stderr).contains("s3cr3t"), "{}{}", out.stdout, out.stderr);
    assert!(out.stderr.contains("plan=free"), "{}", out.stderr);
    server.join();
}

#[test]
fn notices_that_nobody_reads_hold_nothing_up() {
    let server = Server::websocket(|peer| {
        (0..3000).for_each(|_| peer.text("1"));
        peer.close_well(1000);
    });
    // Held open and never read, so that it fills up.
    let (reader, writer) = std::io::pipe().expect("a pipe");
    let out = wstap(&["connect", &server.url(), "-f", "debug(\"x\" * 100)"]).stderr(writer).run();
    out.exits(0);
    assert_eq!(out.lines().len(), 3000);
    drop(reader);
    server.join();
}

#[test]
fn lines_may_go_to_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (lines, recording) = (path("lines"), path("recording"));
    let send = |peer: &mut Peer| {
        peer.text("{\"a\":1.0}");
        peer.close_well(1000);
    };
    let run = connect(&["-o", &lines, "--record", &recording], send);
    run.exits(0);
    assert_eq!(
        (run.stdout.as_str(), std::fs::read_to_string(&lines).unwrap().as_str()),
        ("", "{\"a\":1.0}\n")
    );
    assert_eq!(connect(&["-o", "-"], send).stdout, "{\"a\":1.0}\n");
    connect(&["-o", "/dev/full"], send).exits(30).says("cannot write --output /dev/full");
    wstap(&["connect", "--from", &recording, "-o", &recording]).run().exits(2).says("would change");
}

#[test]
fn one_file_is_not_written_in_two_ways() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let refused = |args: &[&str], described: &str| {
        let words = ["subscribe", "-d", "kadoa", "--url", "ws://127.0.0.1:1/", "--no-reconnect"];
        wstap(&words).args(args).run().exits(2).says("would overwrite the file that").says(described);
    };
    std::os::unix::fs::symlink("new", path("link")).unwrap();
    std::fs::write(path("old"), "1\n").unwrap();
    std::fs::hard_link(path("old"), path("hard")).unwrap();
    let pairs = [
        ("-o", "--record", "--output"),
        ("-o", "--cursor-file", "--output"),
        ("--record", "--cursor-file", "--record"),
    ];
    for (one, two, described) in pairs {
        for (a, b) in [("new", "new"), ("new", "./new"), ("link", "new"), ("old", "old"), ("old", "hard")] {
            refused(&[one, &path(a), two, &path(b)], described);
            refused(&[two, &path(a), one, &path(b)], described);
        }
    }
    assert!(!dir.path().join("new").exists(), "nothing was opened");
    assert_eq!(std::fs::read_to_string(path("old")).unwrap(), "1\n");
    let script = r#""$0" connect ws://127.0.0.1:1/ -o "$1" --record /dev/fd/3 3>> "$1""#;
    let shell = std::process::Command::new("sh")
        .args(["-c", script, env!("CARGO_BIN_EXE_wstap"), &path("old")])
        .output()
        .expect("a shell");
    assert_eq!(shell.status.code(), Some(2), "{}", String::from_utf8_lossy(&shell.stderr));
    let campaign =
        ["watch-campaign", "--url", "ws://127.0.0.1:1/", "7", "-o", &path("new"), "--record", &path("new")];
    wstap(&campaign).run().exits(2).says("would overwrite");
    // What goes to a device is not overwritten there.
    let run = connect(&["-o", "/dev/null", "--record", "/dev/null"], |peer| peer.close_well(1000));
    run.exits(0);
}
