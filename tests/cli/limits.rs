//! What is read has a limit: at it all is well, and one byte or one step more is refused and told.

use std::path::Path;
use std::time::Duration;

use crate::harness::{Peer, Server, keep_closed, wstap};

const MIB: usize = 1 << 20;

/// A file of this size that begins like this, and goes on with lines that mean nothing.
fn padded(folder: &Path, name: &str, text: &str, size: usize) -> String {
    let path = folder.join(name);
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(size, b'\n');
    std::fs::write(&path, bytes).unwrap();
    path.display().to_string()
}

/// Every file that a person writes, as it is named on a command line that ends at once.
#[test]
fn files_that_people_write_have_a_size_that_is_read_and_no_larger_one() {
    let folder = tempfile::tempdir().unwrap();
    let messages = padded(folder.path(), "messages", "{\"a\":1}", 8);
    let port = keep_closed(0);
    let url = format!("ws://127.0.0.1:{port}/");
    let token = "--token-file";
    let cases: &[(&str, usize, &str, &[&str], i32)] = &[
        ("own.toml", MIB, "name = 'own'", &["subscribe", "-d", "FILE", "--from", &messages], 0),
        ("headers", MIB, "A: b", &["connect", &url, "-H", "@FILE", "--no-reconnect"], 11),
        ("token", MIB, "t-123456", &["connect", &url, token, "FILE", "--no-reconnect"], 11),
        (
            "topics",
            16 * MIB,
            "a",
            &["subscribe", &url, "-d", OWN, "--topics-file", "FILE", "--no-reconnect"],
            11,
        ),
        ("ca.pem", MIB, "", &["connect", "wss://127.0.0.1:1/", "--cacert", "FILE"], 2),
        (
            "play.toml",
            MIB,
            "[[scenario]]\npath = '/'\nsteps = []",
            &["serve-mock", "--scenario", "FILE", "--exec", "true"],
            0,
        ),
    ];
    for (name, most, text, args, status) in cases {
        for (size, status, fits) in [(*most, *status, true), (most + 1, 2, false)] {
            let file = padded(folder.path(), name, text, size);
            let args: Vec<String> = args.iter().map(|arg| arg.replace("FILE", &file)).collect();
            let args: Vec<&str> = args.iter().map(String::as_str).collect();
            let out = wstap(&args).run();
            assert_eq!(out.code, Some(status), "{args:?}: {}", out.stderr);
            assert_eq!(
                out.stderr.contains(&format!("larger than {most} bytes")),
                !fits,
                "{args:?}: {}",
                out.stderr
            );
        }
    }
}

/// A dialect that has topics.
const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/dialects/graphql-transport-ws.toml");

#[test]
fn a_program_has_a_length() {
    let folder = tempfile::tempdir().unwrap();
    for (size, status) in [(64 << 10, 0), ((64 << 10) + 1, 3)] {
        let file = padded(folder.path(), "filter.jq", ".a", size);
        let out = wstap(&["connect", "--from", "/dev/null", "--filter-file", &file]).run();
        assert_eq!(
            out.exits(status).stderr.contains("longer than 65536 bytes"),
            status != 0,
            "{}",
            out.stderr
        );
    }
}

#[test]
fn a_configuration_has_a_size_that_is_read_and_no_larger_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("wstap")).unwrap();
    for (size, status) in [(MIB, 0), (MIB + 1, 2)] {
        padded(
            &folder.path().join("wstap"),
            "config.toml",
            "[profile.a]\nfilter = '.a'\nfrom = '/dev/null'",
            size,
        );
        let out = wstap(&["connect", "@a"]).env("XDG_CONFIG_HOME", folder.path().to_str().unwrap()).run();
        assert_eq!(out.code, Some(status), "{size}: {}", out.stderr);
    }
}

#[test]
fn ten_redirects_are_followed_and_no_eleventh() {
    for (count, status) in [(10, 0), (11, 14)] {
        let redirect = |mut peer: Peer| {
            peer.request();
            peer.write("HTTP/1.1 302 Found\r\nLocation: /next\r\nContent-Length: 0\r\n\r\n");
        };
        let mut scripts: Vec<Box<dyn FnOnce(Peer) + Send>> = Vec::new();
        for _ in 0..count {
            scripts.push(Box::new(redirect));
        }
        if status == 0 {
            scripts.push(Box::new(|mut peer| {
                peer.accept();
                peer.close_well(1000);
            }));
        }
        let server = Server::scripts(scripts);
        let out = wstap(&["connect", "-L", &server.url()]).run();
        out.exits(status);
        assert_eq!(out.stderr.contains("more than 10 redirects"), status != 0, "{}", out.stderr);
        server.join();
    }
}

/// A head that is exactly as large as it may be, or has exactly as many lines; or one more.
#[test]
fn a_head_has_a_size_and_a_number_of_lines() {
    const MOST_BYTES: usize = 64 * 1024;
    const MOST_LINES: usize = 200;
    for (bytes, lines, status) in
        [(MOST_BYTES, 0, 0), (MOST_BYTES + 1, 0, 15), (0, MOST_LINES, 0), (0, MOST_LINES + 1, 15)]
    {
        let server = Server::once(move |mut peer| {
            let request = peer.request();
            let head = crate::harness::upgrade(&request, "");
            let head = head.strip_suffix("\r\n").unwrap();
            let there = head.lines().count() - 1;
            let more = "X: y\r\n".repeat(lines.saturating_sub(there));
            let filling = bytes.checked_sub(head.len() + "Long: \r\n\r\n".len());
            let long = filling.map(|length| format!("Long: {}\r\n", "x".repeat(length))).unwrap_or_default();
            peer.write(format!("{head}{more}{long}\r\n"));
            if status == 0 {
                peer.close_well(1000);
            } else {
                peer.wait_for_end();
            }
        });
        let out = wstap(&["connect", &server.url()]).run();
        assert_eq!(out.code, Some(status), "{bytes} bytes, {lines} lines: {}", out.stderr);
        server.join();
    }
}

/// What a message makes a program do is not bounded by the message's size: what is bounded is said, and what is not is
/// the program's business.
#[test]
fn a_program_is_stopped_where_a_value_would_be_too_large() {
    let folder = tempfile::tempdir().unwrap();
    let cases = [
        (r#"{"n":268435456}"#, "\"xx\" * .n | length", "too long"),
        (r#"{"n":536870912}"#, "[] | .[$m.n] = 1 | length", "too large"),
        (r#"{"p":"((a{1000}){1000}){1000}"}"#, "\"a\" | test($m.p)", "the pattern is too large"),
        (
            r#"{"p":"(((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((((("}"#,
            "\"a\" | test($m.p)",
            "unmatched parenthesis",
        ),
    ];
    for (message, program, why) in cases {
        let file = padded(folder.path(), "message", message, message.len() + 1);
        let program = format!(". as $m | {program}");
        let begun = std::time::Instant::now();
        let out = wstap(&["connect", "--from", &file, "-f", &program, "--filter-errors", "fail"]).run();
        out.exits(5).says(why);
        assert!(begun.elapsed() < Duration::from_secs(60));
    }
}

/// Half a minute of a backtracking engine's time for each would not be enough.
#[test]
fn no_pattern_takes_exponential_time() {
    let folder = tempfile::tempdir().unwrap();
    let text = format!("\"{}!\"\n", "a".repeat(5000));
    let file = padded(folder.path(), "message", &text, text.len());
    for pattern in ["^(a+)+$", "^(a|a)*$", "^(a|aa)+$", "(.*a){20}b", "^(([a-z])+.)+[A-Z]([a-z])+$"] {
        let program = format!("test(\"{pattern}\")");
        let out = wstap(&["connect", "--from", &file, "-f", &program]).run();
        assert_eq!(out.exits(0).lines(), ["false"], "{pattern}");
    }
}
