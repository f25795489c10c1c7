//! Delivery to a command: what is stored is done, what is not is delivered again, and what is refused is kept.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{Wstap, wstap};

/// Stores lines in `$OUT/lines`, and says so.
const STORE: &str =
    r#"n=0; while IFS= read -r line; do printf '%s\n' "$line" >> "$OUT/lines"; n=$((n+1)); echo $n; done"#;

/// The same for a command that dies after three lines, the last of which it has stored and not reported.
const DIES: &str = r#"n=0; while IFS= read -r line; do printf '%s\n' "$line" >> "$OUT/lines"; n=$((n+1)); [ $n = 3 ] && exit 9; echo $n; done"#;

/// The same for a command that refuses every second line.
const PICKY: &str = r#"n=0; while IFS= read -r line; do n=$((n+1)); if [ $((n%2)) = 0 ]; then echo $n it is even; else printf '%s\n' "$line" >> "$OUT/lines"; echo $n; fi; done"#;

fn numbers(count: u32) -> String {
    (1..=count).map(|n| format!("{{\"n\":{n}}}\n")).collect()
}

/// Lines of numbers from a recording, delivered to this command.
fn deliver(command: &str, count: u32, out: &Path) -> Wstap {
    let from = out.join("from");
    fs::write(&from, numbers(count)).unwrap();
    let from = from.display().to_string();
    let out = out.display().to_string();
    wstap(&["connect", "--from", &from, "--to-cmd", command, "--reconnect-delay", "5ms"]).env("OUT", &out)
}

fn lines(out: &Path) -> String {
    fs::read_to_string(out.join("lines")).unwrap()
}

#[test]
fn every_line_reaches_a_command_and_only_the_command() {
    let out = tempfile::tempdir().unwrap();
    let run = deliver(STORE, 1000, out.path()).run();
    run.exits(0);
    assert_eq!((run.stdout.as_str(), lines(out.path())), ("", numbers(1000)));
    assert_eq!(run.stderr, "");
}

#[test]
fn lines_go_to_several_commands_and_to_standard_output() {
    let out = tempfile::tempdir().unwrap();
    let other = r#"n=0; while read -r line; do n=$((n+1)); echo "$line" >> "$OUT/other"; echo $n; done"#;
    let run = deliver(STORE, 10, out.path()).args(&["--to-cmd", other, "--tee"]).run();
    run.exits(0);
    assert_eq!(run.stdout, numbers(10));
    assert_eq!(lines(out.path()), numbers(10));
    assert_eq!(fs::read_to_string(out.path().join("other")).unwrap(), numbers(10));
}

#[test]
fn a_command_that_dies_is_started_again_and_given_what_it_has_not_reported() {
    let out = tempfile::tempdir().unwrap();
    let run = deliver(DIES, 8, out.path()).run();
    run.exits(0);
    run.says("the command ended with status 9; retrying");
    run.says("works again");
    let numbers: Vec<u64> = lines(out.path())
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["n"].as_u64().unwrap())
        .collect();
    // It stores three lines each time, and reports two of them.
    assert_eq!(numbers, [1, 2, 3, 3, 4, 5, 5, 6, 7, 7, 8]);
}

#[test]
fn a_command_that_never_works_is_given_up_after_as_many_attempts_as_asked_for() {
    let out = tempfile::tempdir().unwrap();
    let run = deliver("read line; exit 3", 5, out.path()).args(&["--retries", "2"]).run();
    run.exits(30);
    run.says("the command ended with status 3; gave up after 2 attempts");
    let run = deliver("no-such-command-9", 5, out.path()).run();
    run.exits(30);
    run.says("the command ended with status 127");
    run.says("hint: check the command of --to-cmd");
}

#[test]
fn a_refused_line_ends_the_session_in_the_words_of_the_command() {
    let out = tempfile::tempdir().unwrap();
    let run = deliver(PICKY, 5, out.path()).run();
    run.exits(30);
    run.says("it is even");
    run.says("hint: to keep refused lines in a file and continue, use --dead-letter FILE");
    assert!(lines(out.path()).starts_with("{\"n\":1}\n"));
}

#[test]
fn refused_lines_are_kept_and_can_be_read_again() {
    let out = tempfile::tempdir().unwrap();
    let dead = out.path().join("dead.ndjson").display().to_string();
    let args = ["--dead-letter", &dead, "--to-key", ".n"];
    let run = deliver(PICKY, 6, out.path()).args(&args).run();
    run.exits(0);
    assert_eq!(run.stderr.matches("refused a line: it is even").count(), 1, "{}", run.stderr);
    assert_eq!(lines(out.path()), "1\t{\"n\":1}\n3\t{\"n\":3}\n5\t{\"n\":5}\n");
    let records = fs::read_to_string(&dead).unwrap();
    let first: Value = serde_json::from_str(records.lines().next().unwrap()).unwrap();
    assert_eq!(
        (&first["refused"], &first["key"], &first["data"]["n"]),
        (&"it is even".into(), &"2".into(), &2.into())
    );
    let again = wstap(&["connect", "--from", &dead]).run();
    assert_eq!(again.stdout, "{\"n\":2}\n{\"n\":4}\n{\"n\":6}\n");
}

#[test]
fn what_a_command_prints_besides_numbers_is_an_error() {
    let out = tempfile::tempdir().unwrap();
    for (command, words) in [
        (
            "read line; echo done; cat >/dev/null",
            "the command printed \"done\", not how many lines it has stored",
        ),
        ("read line; echo 7000; cat >/dev/null", "the command reports line 7000, but was given 5"),
    ] {
        deliver(command, 5, out.path()).run().exits(30).says(words);
    }
}

#[test]
fn options_of_delivery_need_something_to_deliver_to() {
    for option in [&["--tee"][..], &["--to-key", "."], &["--dead-letter", "x"]] {
        wstap(&["connect", "ws://127.0.0.1:9/"]).args(option).run().exits(2).says("needs --to or --to-cmd");
    }
    let args = ["connect", "ws://127.0.0.1:9/", "--to-cmd", "cat", "-o", "x"];
    wstap(&args).run().exits(2).says("add --tee");
}

#[cfg(not(feature = "brokers"))]
#[test]
fn a_build_without_brokers_says_so() {
    let run = wstap(&["connect", "--from", "/dev/null", "--to", "redis://u:s3cr3t@h/stream"]).run();
    run.exits(2).says("--to redis://h:6379/stream: this wstap was built without brokers");
    assert!(!run.stderr.contains("s3cr3t"), "{}", run.stderr);
    wstap(&["connect", "--from", "/dev/null", "--to", "kafla://h/x"])
        .run()
        .exits(2)
        .says("redis://HOST/STREAM");
}

/// The provider is told of an event once the command has stored it, and the cursor follows.
#[test]
fn acknowledgments_the_cursor_and_the_count_follow_the_command() {
    let out = tempfile::tempdir().unwrap();
    let (gate, cursor) = (out.path().join("gate"), out.path().join("cursor"));
    // It stores what it reads, and reports nothing before there is a gate.
    let command = r#"n=0; while IFS= read -r line; do printf '%s\n' "$line" >> "$OUT/lines"; n=$((n+1)); while [ ! -e "$OUT/gate" ]; do sleep 0.02; done; echo $n; done"#;
    let mut running = wstap(&["subscribe", "-d", "kadoa", "--mock=--rate 100", "--count", "3", "--envelope"])
        .args(&["--cursor-file", &cursor.display().to_string(), "--to-cmd", command, "--tee"])
        .args(&["-f", "select(.type == \"message\" and .data._cursor) | .data._cursor"])
        .env("OUT", &out.path().display().to_string())
        .spawn();
    let seen: Vec<String> = (0..3).map(|_| running.line()).collect();
    assert!(!cursor.exists(), "nothing is stored yet");
    assert!(running.child.try_wait().unwrap().is_none(), "the count is not reached before all is stored");
    fs::write(gate, "").unwrap();
    running.finish().exits(0);
    let last: String = serde_json::from_str(&seen[2]).unwrap();
    assert_eq!(fs::read_to_string(cursor).unwrap().trim(), last);
    assert_eq!(lines(out.path()), seen.concat());
}
