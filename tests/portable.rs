//! The core jobs through the binary, with nothing that only some systems have: these tests run on Linux, macOS and
//! Windows. `tests/cli` has all the rest, and needs Unix.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

const TOPIC: &str = "customer_id:12345678-1234-1234-1234-123456789012:call:*";

fn wstap(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_wstap"));
    command.args(args).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    for (name, _) in std::env::vars_os() {
        // Settings and proxies of whoever runs the tests.
        let upper = name.to_string_lossy().to_ascii_uppercase();
        if upper.starts_with("WSTAP_") || upper.starts_with("XDG_") || upper.ends_with("_PROXY") {
            command.env_remove(name);
        }
    }
    command
}

fn run(args: &[&str]) -> (i32, String) {
    finish(wstap(args).spawn().unwrap(), args)
}

fn run_with_input(args: &[&str], input: &str) -> (i32, String) {
    let mut child = wstap(args).stdin(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    finish(child, args)
}

/// Its exit status and standard output. What it says on stderr is shown if the test fails.
fn finish(child: Child, args: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    eprintln!("{args:?}: {status}\n{}", String::from_utf8_lossy(&stderr));
    (status.code().unwrap(), String::from_utf8(stdout).unwrap())
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn messages_are_sent_and_printed() {
    let (status, out) =
        run_with_input(&["connect", "--mock", "-q", "--count", "2"], "{\"price\": 1.10}\nhé\n");
    assert_eq!((status, out.as_str()), (0, "{\"price\": 1.10}\n\"hé\"\n"));
}

#[test]
fn a_filter_shapes_messages() {
    let program = "select(.ok | not) | {id}";
    let (status, out) = run_with_input(
        &["connect", "--mock", "-q", "--count", "1", "-f", program],
        "{\"id\":1,\"ok\":true}\n{\"id\":2,\"ok\":false}\n",
    );
    assert_eq!((status, out.as_str()), (0, "{\"id\":2}\n"));
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("program.jq");
    fs::write(&file, "\u{feff}# a comment\r\n.id\r\n").unwrap();
    let args = ["connect", "--mock", "-q", "--count", "1", "--filter-file", text(&file)];
    assert_eq!(run_with_input(&args, "{\"id\":1}\r\n"), (0, "1\n".to_owned()));
}

#[test]
fn a_topic_is_subscribed_to_until_a_condition_holds() {
    let until = ".data.status == \"answered\"";
    let shown = r#""\(.event_type) \(.data.status)""#;
    let (status, out) =
        run(&["subscribe", "--mock", "-q", "-d", "voipbin", TOPIC, "--until", until, "-r", "-f", shown]);
    assert_eq!((status, out.as_str()), (0, "call.created ringing\ncall.status answered\n"));
}

#[test]
fn exit_statuses_tell_causes_apart() {
    assert_eq!(run(&["connect", "--mock=--fault refuse=401", "-q"]).0, 16);
    assert_eq!(run(&["connect", "--mock", "-q", "-f", ".a |"]).0, 3);
    assert_eq!(run(&["connect", "--nonsense"]).0, 2);
    let failed =
        ["subscribe", "--mock=--rate max --outcome failed", "-q", "-d", "burki", "42", "-f", "empty"];
    let fail_if = ["--fail-if", ".data.status == \"failed\""];
    assert_eq!(run(&[&failed[..], &fail_if].concat()).0, 1);
}

#[test]
fn an_endpoint_is_probed() {
    let (status, out) = run(&["probe-handshake", "--mock", "-q", "--expect-status", "101"]);
    assert_eq!(status, 0);
    assert!(out.contains("101"), "{out}");
}

#[test]
fn a_mock_serves_other_processes_until_they_have_gone() {
    let mut mock = wstap(&["serve-mock", "plain", "--exit-after", "2"]).spawn().unwrap();
    let mut url = String::new();
    BufReader::new(mock.stdout.as_mut().unwrap()).read_line(&mut url).unwrap();
    for message in ["one", "two"] {
        let (status, out) = run(&["connect", "-q", url.trim(), "-x", message, "--count", "1"]);
        assert_eq!((status, out), (0, format!("\"{message}\"\n")));
    }
    assert_eq!(finish(mock, &["serve-mock"]).0, 0);
}

#[test]
fn a_mock_runs_a_client_over_tls() {
    let folder = tempfile::tempdir().unwrap();
    let authority = folder.path().join("ca.pem");
    let binary = env!("CARGO_BIN_EXE_wstap");
    let client = ["connect", "-q", "{}", "-x", "1", "--count", "1", "--cacert", text(&authority)];
    let mock = ["serve-mock", "-q", "plain", "--tls", "--ca-file", text(&authority), "--exec", binary];
    assert_eq!(run(&[&mock[..], &client].concat()), (0, "1\n".to_owned()));
    let without = ["connect", "-q", "{}", "-x", "1", "--count", "1"];
    assert_eq!(run(&[&mock[..], &without].concat()).0, 13, "the authority is not one of the system's");
}

#[test]
fn a_recording_is_read_without_a_connection() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["session.ndjson", "session.har"] {
        let path = folder.path().join(name);
        let record =
            ["connect", "--mock", "-q", "-x", "{\"a\":1.10}", "--count", "1", "--record", text(&path)];
        assert_eq!(run(&record).0, 0);
        assert_eq!(
            run(&["connect", "-q", "--from", text(&path), "-f", ".a"]),
            (0, "1.10\n".to_owned()),
            "{name}"
        );
    }
}

#[test]
fn a_run_resumes_after_its_cursor_and_appends_to_its_file() {
    let folder = tempfile::tempdir().unwrap();
    let (cursor, lines) = (folder.path().join("cursor"), folder.path().join("lines"));
    // What a crash leaves is ended before anything is appended.
    fs::write(&lines, "begun").unwrap();
    for _ in 0..2 {
        let status = run(&[
            "subscribe",
            "--mock=--rate max --seed 1",
            "-q",
            "-d",
            "kadoa",
            "--cursor-file",
            text(&cursor),
            "-o",
            text(&lines),
            "--count",
            "3",
        ]);
        assert_eq!(status.0, 0);
        assert!(!fs::read_to_string(&cursor).unwrap().trim().is_empty());
    }
    let all = fs::read_to_string(&lines).unwrap();
    assert_eq!((all.lines().count(), all.lines().next()), (7, Some("begun")), "{all}");
    // Nothing else is left beside them.
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
}

#[test]
fn a_slow_reader_gets_everything_from_the_disk() {
    let input: String = (0..400).map(|n| format!("[{n},\"{}\"]\n", "x".repeat(4096))).collect();
    let args = ["connect", "--mock", "-q", "--count", "400", "--buffer", "64KiB", "--overflow", "spill"];
    let mut child = wstap(&args).stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let written = input.clone();
    // It has sent and received all of this before the first line is read.
    std::thread::spawn(move || stdin.write_all(written.as_bytes())).join().unwrap().unwrap();
    let (status, out) = finish(child, &args);
    assert!((status, out.as_str()) == (0, input.as_str()));
}

#[test]
fn a_command_gives_the_token() {
    let args = ["connect", "--mock", "-q", "-x", "1", "--count", "1"];
    assert_eq!(run(&[&args[..], &["--token-command", "echo a token"]].concat()), (0, "1\n".to_owned()));
    assert_eq!(run(&[&args[..], &["--token-command", "exit 3"]].concat()).0, 16);
}

#[test]
fn a_profile_is_found_in_the_folder_of_configurations() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().join("wstap");
    fs::create_dir(&home).unwrap();
    fs::write(home.join("config.toml"), "[profile.here]\nmock = \"\"\ncount = 1\n").unwrap();
    let name = if cfg!(windows) { "APPDATA" } else { "XDG_CONFIG_HOME" };
    let child = wstap(&["connect", "@here", "-q", "-x", "1"]).env(name, folder.path()).spawn().unwrap();
    assert_eq!(finish(child, &["connect", "@here"]), (0, "1\n".to_owned()));
}

#[test]
fn a_unix_socket_is_connected_to_or_refused_with_its_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.sock");
    let out = wstap(&["connect", "-q", "--unix-socket", text(&path), "ws://h/"]).output().unwrap();
    let told = String::from_utf8(out.stderr).unwrap();
    assert_eq!(out.status.code(), Some(11), "{told}");
    assert!(told.contains("cannot connect to unix socket") && told.contains(text(&path)), "{told}");
}

#[test]
fn scripts_and_pages_are_written() {
    for (args, what) in [(["completions", "powershell"], "wstap"), (["man", "connect"], ".TH")] {
        let (status, out) = run(&args);
        assert!(status == 0 && out.contains(what), "{args:?}");
    }
}
