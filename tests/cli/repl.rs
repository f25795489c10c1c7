//! The prompt, on a pseudo-terminal.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::harness::{Peer, Server, wstap};
use super::pty::on_pty;

/// A server that answers every text message with itself.
fn echo(peer: &mut Peer) {
    while let Some(text) = peer.read_text() {
        peer.text(&text);
    }
}

#[test]
fn lines_go_out_and_messages_appear_above_the_prompt() {
    let server = Server::websocket(echo);
    let mut pty = on_pty(&["connect", &server.url()]).spawn();
    pty.line("hello");
    pty.shows("← 2 hello");
    pty.line("//slash");
    pty.shows("← 4 /slash");
    pty.line("/quit");
    pty.exits(0);
}

#[test]
fn control_d_closes_cleanly_and_leaves_the_terminal_as_it_was() {
    let server = Server::websocket(|peer| assert_eq!(peer.read_close(), Some(1000)));
    let mut pty = on_pty(&["connect", &server.url()]).spawn();
    pty.prompt();
    pty.keys("\x04");
    pty.exits(0);
    server.join();
}

#[test]
fn control_c_clears_the_line_then_asks_then_ends() {
    let server = Server::websocket(|peer| assert_eq!(peer.read_close(), Some(1000)));
    let mut pty = on_pty(&["connect", &server.url()]).spawn();
    pty.prompt();
    pty.keys("half");
    pty.types("open> half");
    pty.keys("\x03");
    pty.prompt();
    assert!(!pty.contents().contains("once more"));
    pty.keys("\x03");
    pty.shows("Ctrl-C once more ends the session");
    pty.prompt();
    pty.keys("x");
    pty.types("open> x");
    pty.keys("\x03");
    pty.prompt();
    pty.keys("\x03");
    pty.wait("the question again", |screen| screen.contents().matches("once more").count() == 2);
    pty.prompt();
    pty.keys("\x03");
    pty.exits(130);
    server.join();
}

#[test]
fn without_a_terminal_there_is_no_prompt_and_no_escape_code() {
    for args in [&["connect"][..], &["connect", "-i"]] {
        let server = Server::websocket(echo);
        let url = server.url();
        let run = wstap(args).args(&[&url, "--count", "1"]).stdin("hello\n").run();
        run.exits(0);
        assert_eq!(run.stdout, "\"hello\"\n");
        assert!(!run.stderr.contains('\x1b') && !run.stderr.contains("> "), "{}", run.stderr);
        server.join();
    }
}

#[test]
fn with_standard_output_elsewhere_the_prompt_is_on_the_terminal_and_the_data_is_not() {
    let server = Server::websocket(echo);
    let file = tempfile::NamedTempFile::new().unwrap();
    let mut pty = on_pty(&["connect", "-i", &server.url()]).stdout(file.reopen().unwrap()).spawn();
    pty.line("{\"a\":1.0}");
    pty.shows("← 2 {\"a\":1.0}");
    pty.line("/quit");
    pty.exits(0);
    assert_eq!(fs::read_to_string(file.path()).unwrap(), "{\"a\":1.0}\n");
}

#[test]
fn nothing_is_lost_of_a_stream_that_is_too_fast_to_be_read_and_typing_stays_what_it_is() {
    const MESSAGES: usize = 20_000;
    let server = Server::websocket(|peer| {
        peer.read_text();
        let mut batch = Vec::new();
        for n in 1..=MESSAGES {
            batch.extend(super::harness::frame(0x81, format!("{{\"n\":{n}}}").as_bytes()));
            if batch.len() > 8192 {
                peer.write(std::mem::take(&mut batch));
            }
        }
        peer.write(batch);
        assert_eq!(peer.read_text().as_deref(), Some("what I typed meanwhile"));
        peer.text("done");
        echo(peer);
    });
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let (lines, record) = (path("lines"), path("record"));
    let mut pty = on_pty(&["connect", &server.url(), "-o", &lines, "--record", &record]).spawn();
    pty.line("go");
    for word in ["what", " I", " typed", " mean", "while"] {
        pty.keys(word);
    }
    pty.types("open> what I typed meanwhile");
    pty.shows(&format!("{{\"n\":{MESSAGES}}}"));
    pty.types("open> what I typed meanwhile");
    pty.keys("\r");
    pty.shows("done");
    assert!(pty.bytes().contains(" more"), "the stream was shown whole");
    pty.line("/quit");
    pty.exits(0);
    let text = fs::read_to_string(lines).unwrap();
    assert_eq!(text.lines().count(), MESSAGES + 1);
    assert!(text.lines().take(MESSAGES).enumerate().all(|(n, line)| line == format!("{{\"n\":{}}}", n + 1)));
    let records = fs::read_to_string(record).unwrap();
    assert_eq!(records.matches("\"type\":\"message\"").count(), MESSAGES + 3);
}

#[test]
fn what_is_typed_is_remembered_for_its_owner_alone_and_without_credentials() {
    let run = |home, lines: &[&str]| {
        let server = Server::websocket(echo);
        let mut pty = on_pty(&["connect", &server.url()]);
        if let Some(home) = home {
            pty = pty.home(home);
        }
        let mut pty = pty.spawn();
        for line in lines {
            pty.line(line);
        }
        pty.line("/quit");
        pty.ends().1
    };
    let home = run(None, &["first", "{\"token\":\"abcdef\"}", "second"]);
    let file = home.path().join(".local/state/wstap/history/default");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("first\nsecond") && !text.contains("abcdef"), "{text}");

    let server = Server::websocket(echo);
    let mut pty = on_pty(&["connect", &server.url()]).home(home).spawn();
    pty.prompt();
    pty.keys("\x12fir");
    pty.shows("reverse-i-search");
    pty.keys("\r");
    pty.shows("← 2 first");
    pty.prompt();
    pty.keys("\x1b[A\x1b[A");
    pty.types("open> /quit");
    pty.keys("\r");
    pty.exits(0);
}

#[test]
fn no_history_leaves_nothing_behind() {
    let server = Server::websocket(echo);
    let mut pty = on_pty(&["connect", &server.url(), "--no-history"]).spawn();
    pty.line("first");
    pty.line("/quit");
    let (_, home) = pty.ends();
    assert!(!home.path().join(".local").exists());
}

#[test]
fn a_pasted_page_is_one_message() {
    let server = Server::websocket(echo);
    let mut pty = on_pty(&["connect", &server.url()]).spawn();
    pty.prompt();
    pty.keys("\x1b[200~one\r\ntwo\rthree\x1b[201~");
    pty.shows("three");
    pty.keys("\r");
    pty.shows("← 2 one⏎two⏎three");
    pty.line("/quit");
    pty.exits(0);
}

#[test]
fn a_hundred_kilobytes_can_be_pasted() {
    let page = "0123456789 ".repeat(10_000);
    let expected = page.clone();
    let server = Server::websocket(move |peer| {
        assert_eq!(peer.read_text(), Some(expected));
        peer.text("got it");
        echo(peer);
    });
    let mut pty = on_pty(&["connect", &server.url(), "--no-history"]).spawn();
    pty.prompt();
    pty.keys(&format!("\x1b[200~{page}\x1b[201~\r"));
    pty.shows("got it");
    pty.line("/quit");
    pty.exits(0);
    server.join();
}

#[test]
fn another_size_keeps_what_is_being_typed() {
    let server = Server::websocket(echo);
    let mut pty = on_pty(&["connect", &server.url()]).size(24, 80).spawn();
    pty.prompt();
    pty.keys(&"long words ".repeat(6));
    pty.types(format!("open> {}", "long words ".repeat(6)).trim_end());
    pty.resize(24, 40);
    pty.keys("and more");
    pty.shows("and more");
    pty.resize(24, 120);
    pty.keys("!\r");
    pty.shows(&format!("← 2 {}and more!", "long words ".repeat(6)));
    pty.line("/quit");
    pty.exits(0);
}

#[test]
fn colours_can_be_switched_off() {
    let server = Server::websocket(echo);
    let mut pty = on_pty(&["connect", &server.url()]).env("NO_COLOR", "1").spawn();
    pty.line("{\"a\":1}");
    pty.shows("← 2 {\"a\":1}");
    pty.line("/quit");
    pty.shows("/quit");
    let bytes = pty.bytes();
    let colored = bytes
        .split("\x1b[")
        .skip(1)
        .any(|rest| rest.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';').starts_with('m'));
    assert!(!colored, "{bytes:?}");
    pty.exits(0);
}

#[test]
fn control_characters_do_nothing_to_the_terminal() {
    let server = Server::websocket(|peer| {
        peer.text("\u{1b}[2J\u{1b}]0;title\u{7}\u{9b}5n");
        echo(peer);
    });
    let mut pty = on_pty(&["connect", &server.url()]).spawn();
    pty.shows("\\u{1b}[2J");
    assert!(!pty.bytes().contains("\u{1b}[2J") && !pty.bytes().contains("]0;title\u{7}"));
    pty.line("/quit");
    pty.exits(0);
}
