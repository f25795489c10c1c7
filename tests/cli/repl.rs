//! The prompt, on a pseudo-terminal.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::harness::{Peer, Server, wstap};
use super::pty::on_pty;

/// A server that answers every text message, and a close frame, with itself.
fn echo(peer: &mut Peer) {
    while let Some(frame) = peer.read_frame() {
        let opcode = frame.first & 15;
        if matches!(opcode, 1 | 8) {
            peer.frame(opcode, frame.payload);
        }
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
    assert!(!pty.contents().contains("press Ctrl-C again"));
    pty.keys("\x03");
    pty.shows("press Ctrl-C again");
    pty.prompt();
    pty.keys("x");
    pty.types("open> x");
    pty.keys("\x03");
    pty.prompt();
    pty.keys("\x03");
    pty.wait("the question again", |screen| screen.contents().matches("press Ctrl-C again").count() == 2);
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
    let home = run(None, &["first", "{\"token\":\"abcdef\"}"]);
    let file = home.path().join(".local/state/wstap/history/default");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    // As a copy from somewhere else may be.
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let home = run(Some(home), &["second"]);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains("first\n/quit\nsecond") && !text.contains("abcdef"), "{text}");

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
fn lines_that_cannot_be_remembered_are_told_and_sent_all_the_same() {
    let server = Server::websocket(echo);
    let pty = on_pty(&["connect", &server.url()]);
    let state = pty.at_home().join(".local/state");
    fs::create_dir_all(&state).unwrap();
    fs::write(state.join("wstap"), "no folder").unwrap();
    let mut pty = pty.spawn();
    pty.line("first");
    pty.shows("cannot save the history in");
    pty.shows("← 2 first");
    pty.line("second");
    pty.shows("← 4 second");
    pty.line("/quit");
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
    pty.prompt();
    pty.keys("/filter ");
    pty.types("open> /filter");
    assert!(!pty.contents().contains("EXPR"));
    pty.keys("\x03");
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

#[test]
fn completion_lists_nothing_that_could_act_on_the_terminal() {
    let server = Server::websocket(|peer| {
        peer.text("{\"good\":1,\"god\u{9b}2J\":2,\"gold\u{202e}\":3,\"goal\":4}");
        peer.read_close();
    });
    let mut pty = on_pty(&["connect", &server.url()]).spawn();
    pty.shows("← 1 ");
    pty.prompt();
    pty.keys("/filter .");
    pty.types("open> /filter .");
    pty.keys("\t\t");
    pty.wait("the keys", |screen| screen.contents().contains(".goal") && screen.contents().contains(".good"));
    pty.types("open> /filter .go");
    let bytes = pty.bytes();
    assert!(!bytes.contains(['\u{9b}', '\u{202e}']), "{bytes:?}");
    pty.keys("\x03");
    pty.line("/quit");
    pty.exits(0);
}

const TOPIC: &str = "customer_id:12345678-1234-1234-1234-123456789012:call:*";

#[test]
fn topics_come_and_go_while_the_session_runs() {
    let mock = "--mock=--rate 0.1 --deny '*:recording:*'";
    let mut pty = on_pty(&["subscribe", "-i", mock, "-d", "voipbin", TOPIC]).spawn();
    pty.shows("subscribe confirmed");
    pty.line("/subscribe customer_id:12345678-1234-1234-1234-123456789012:recording:*");
    pty.shows("subscribe refused with PERMISSION_DENIED");
    pty.wait("one topic again", |screen| screen.contents().contains("open> 1 topic"));
    pty.line("/subscribe customer_id:12345678-1234-1234-1234-123456789012:queue:*");
    pty.shows("confirmed: customer_id:12345678-1234-1234-1234-123456789012:queue:*");
    pty.line("/unsubscribe nonsense");
    pty.shows("not subscribed to nonsense");
    pty.line(&format!("/unsubscribe {TOPIC}"));
    pty.shows("unsubscribe confirmed");
    pty.line("/topics");
    pty.wait("the one topic that is left, alone in its row", |screen| {
        screen.contents().lines().any(|row| row == "customer_id:12345678-1234-1234-1234-123456789012:queue:*")
    });
    pty.line("/subscribe customer:x:call:*");
    pty.shows("unknown scope 'customer'");
    pty.line("/quit");
    pty.exits(0);
}

#[test]
fn the_tab_key_follows_the_grammar_of_the_provider() {
    let mut pty = on_pty(&["subscribe", "-i", "--mock=--rate 0.1", "-d", "voipbin", TOPIC]).spawn();
    pty.prompt();
    pty.keys("/subs\t");
    pty.types("open> /subscribe TOPIC…");
    pty.keys("cu\t");
    pty.types("open> /subscribe customer_id:");
    pty.keys("1\t");
    pty.types("open> /subscribe customer_id:12345678-1234-1234-1234-123456789012:");
    pty.keys("rec\t");
    pty.types("open> /subscribe customer_id:12345678-1234-1234-1234-123456789012:recording:");
    pty.keys("\t");
    pty.types("open> /subscribe customer_id:12345678-1234-1234-1234-123456789012:recording:*");
    pty.keys("\x03");
    pty.prompt();
    pty.keys("/un\t");
    pty.types("open> /unsubscribe TOPIC…");
    pty.keys("\x03");
    pty.line("/quit");
    pty.exits(0);
}

#[test]
fn a_dialect_brings_its_own_commands_and_checks_what_is_typed() {
    let mut pty = on_pty(&["connect", "--mock=--rate 0.1", "-d", "burki"]).spawn();
    pty.line("/history 0");
    pty.shows("invalid number of hours: 0");
    pty.line("/subscribe 42");
    pty.shows("progress_update");
    pty.keys("/sub\t4\t");
    pty.types("open> /subscribe 42");
    pty.keys("\x03");
    pty.line("/update");
    pty.shows("{\"type\":\"request_update\"}");
    pty.line("{\"type\": \"ping\",}");
    pty.shows("not sent: not valid JSON");
    // The next line is a line of its own, and the one that was not sent is one key away.
    pty.prompt();
    pty.line("{\"type\": \"ping\"}");
    pty.shows("\"pong\"");
    pty.prompt();
    pty.keys("\x1b[A\x1b[A");
    pty.types("open> {\"type\": \"ping\",}");
    pty.keys("\x03");
    pty.prompt();
    pty.line("!loose");
    pty.shows("→");
    pty.line("/quit");
    pty.exits(0);

    let server = Server::websocket(echo);
    let mut plain = on_pty(&["connect", &server.url()]).spawn();
    plain.line("/update");
    plain.shows("unknown command /update");
    plain.line("/subscribe a");
    plain.shows("unknown command /subscribe");
    plain.line("/pin");
    plain.shows("did you mean /ping?");
    // Lines that are typed ahead are not taken for the rest of one that was rejected.
    plain.keys("/close 1\rhello\r");
    plain.shows("/close: ");
    plain.shows("← 2 hello");
    plain.line("/filter length");
    plain.line("/filter");
    plain.shows("filter: length");
    plain.line("/filter off");
    plain.line("/filter");
    plain.shows("no filter");
    plain.line("/exit");
    plain.exits(0);
}

#[test]
fn a_filter_can_be_changed_and_a_wrong_one_changes_nothing() {
    let server = Server::websocket(echo);
    let mut pty = on_pty(&["connect", &server.url(), "-f", ".a"]).spawn();
    pty.line("{\"a\":1,\"b\":{\"c\":2}}");
    pty.shows("← 2 1\n");
    pty.line("/filter");
    pty.shows("filter: .a");
    pty.line("/filter .b |");
    pty.shows("the filter is unchanged");
    pty.line("{\"a\":5}");
    pty.shows("← 4 5\n");
    pty.prompt();
    pty.keys("/filter {x: .b.\t}\r");
    pty.line("{\"b\":{\"c\":9}}");
    pty.shows("← 6 {\"x\":9}");
    pty.line("/filter .");
    pty.line("plain again");
    pty.shows("← 8 plain again");
    pty.line("/show 2");
    pty.shows("  \"b\": {\n    \"c\": 2\n  }");
    pty.line("/quit");
    pty.exits(0);
}

#[test]
fn what_is_sent_without_a_connection_waits_for_one() {
    let server = Server::scripts(vec![
        Box::new(|mut peer: Peer| {
            peer.accept();
            peer.close_well(1001);
        }),
        Box::new(|mut peer: Peer| {
            peer.accept();
            for expected in ["one", "two"] {
                assert_eq!(peer.read_text().as_deref(), Some(expected));
            }
            peer.text("both came");
            echo(&mut peer);
        }),
    ]);
    let options = ["--reconnect", "--reconnect-delay", "1h", "--reconnect-max-delay", "1h"];
    let mut pty = on_pty(&[&["connect", &server.url()], &options[..]].concat()).spawn();
    pty.shows("retry 1 in");
    pty.prompts("lost> ");
    pty.keys("one\r");
    pty.shows("queued for the next connection (1 in /queue)");
    pty.keys("two\r");
    pty.shows("(2 in /queue)");
    pty.keys("/queue\r");
    pty.shows("\none\ntwo\n");
    pty.keys("/reconnect\r");
    pty.shows("both came");
    pty.line("/quit");
    pty.exits(0);
    server.join();
}

#[test]
fn reconnect_makes_another_connection_and_typing_goes_on() {
    let server = Server::scripts(vec![
        Box::new(|mut peer: Peer| {
            peer.accept();
            assert_eq!(peer.read_close(), Some(1000));
            peer.close_well(1000);
        }),
        Box::new(|mut peer: Peer| {
            peer.accept();
            echo(&mut peer);
        }),
    ]);
    let mut pty = on_pty(&["connect", &server.url()]).spawn();
    pty.line("/reconnect");
    pty.keys("typed all the while");
    pty.wait("a second connection", |screen| screen.contents().matches("connected to").count() == 2);
    pty.types("open> typed all the while");
    pty.keys("\r");
    pty.shows("← 2 typed all the while");
    pty.line("/close 4001 enough");
    pty.exits(0);
    server.join();
}

#[test]
fn several_lines_are_one_message_when_they_are_meant_to_be() {
    let server = Server::websocket(echo);
    let mut pty = on_pty(&["connect", &server.url()]).env("EDITOR", "printf 'from\\nthe editor' >").spawn();
    pty.prompt();
    pty.keys("one\\\r");
    pty.keys("two\r");
    pty.shows("← 2 one⏎two");
    pty.line("/edit");
    pty.shows("the editor");
    pty.keys("\r");
    pty.shows("← 4 from⏎the editor");
    pty.prompt();
    pty.keys("/send a\\\r b \r");
    pty.shows("← 6 a⏎ b ");
    pty.prompt();
    pty.keys("/filter length \\\r| . + 1000\r");
    pty.line("four");
    pty.shows("← 8 1004");
    pty.line("/quit");
    pty.exits(0);
}

#[test]
fn an_interrupt_of_somebodys_editor_does_not_end_the_session() {
    let server = Server::websocket(echo);
    // As Ctrl-C does: every process of the terminal's foreground gets it.
    let editor = "trap '' INT; kill -INT 0; printf edited >";
    let mut pty = on_pty(&["connect", &server.url()]).env("EDITOR", editor).spawn();
    pty.line("/edit");
    pty.types("open> edited");
    pty.keys("\r");
    pty.shows("← 2 edited");
    pty.line("/quit");
    pty.exits(0);
}

#[test]
fn what_is_typed_when_nothing_is_sent_any_more_is_told() {
    let server = Server::websocket(|peer| {
        peer.read_text();
        peer.frame(1, vec![b'x'; 1_000_000]);
        peer.close_well(1000);
    });
    let (mut reader, writer) = std::io::pipe().unwrap();
    let stdout = fs::File::from(std::os::fd::OwnedFd::from(writer));
    let mut pty = on_pty(&["connect", "-i", &server.url()]).stdout(stdout).spawn();
    pty.line("go");
    // The connection is over, and the output is not read yet.
    pty.shows("closed by the peer");
    pty.prompts("ends> ");
    pty.keys("late\r");
    pty.shows("ends> late");
    pty.prompts("ends> ");
    std::io::copy(&mut reader, &mut std::io::sink()).unwrap();
    pty.shows("1 message not sent: the session had ended");
    pty.exits(0);
}

#[test]
fn past_messages_are_found_and_saved() {
    let server = Server::websocket(echo);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("saved.ndjson");
    let mut pty = on_pty(&["connect", &server.url()]).spawn();
    for line in ["apple", "pear", "pineapple"] {
        pty.line(line);
    }
    pty.shows("← 6 pineapple");
    pty.line("/grep APPLE");
    pty.shows("4 messages");
    pty.line(&format!("/save {}", file.display()));
    pty.shows("saved 6 messages");
    pty.line(&format!("/save {}", file.display()));
    pty.shows("exists; not overwritten");
    pty.keys("\x03");
    pty.line("/stats");
    pty.shows("sent 3 messages, 18 bytes");
    pty.line("/quit");
    pty.exits(0);
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    let run = wstap(&["connect", "-q", "--from", file.to_str().unwrap()]).run();
    run.exits(0);
    assert_eq!(run.lines(), ["\"apple\"", "\"pear\"", "\"pineapple\""]);
}

#[test]
fn a_recording_can_be_started_and_ended() {
    let server = Server::websocket(echo);
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("part.ndjson");
    let mut pty = on_pty(&["connect", &server.url()]).spawn();
    pty.line("before");
    pty.shows("← 2 before");
    pty.line(&format!("/record {}", file.display()));
    pty.line("during");
    pty.shows("← 4 during");
    pty.line("/record off");
    pty.shows("stopped recording");
    pty.line("/record off");
    pty.shows("not recording");
    pty.line("after");
    pty.shows("← 6 after");
    pty.line("/quit");
    pty.exits(0);
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text.matches("during").count(), 2, "{text}");
    assert!(!text.contains("before") && !text.contains("after"), "{text}");
}

#[test]
fn a_loss_keeps_the_prompt_and_what_is_typed() {
    type End = (fn(&mut Peer), &'static str);
    let ends: [End; 4] = [
        (|_| {}, "connection lost: "),
        (|peer| peer.close_well(1001), "closed by the peer with 1001"),
        (|peer| peer.close_well(4004), "closed by the peer with 4004"),
        (|peer| peer.frame(3, b""), "protocol error"),
    ];
    for (end, what) in ends {
        let server = Server::scripts(vec![
            Box::new(move |mut peer: Peer| {
                peer.accept();
                peer.read_text();
                end(&mut peer);
            }),
            // Whoever wants to connect again may have to ask more than once.
            Box::new(|mut peer: Peer| {
                peer.request();
                peer.write("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
            }),
            Box::new(|mut peer: Peer| {
                peer.accept();
                assert_eq!(peer.read_text().as_deref(), Some("waits"));
                assert_eq!(peer.read_text().as_deref(), Some("half a thought"));
                assert_eq!(peer.read_close(), Some(1000));
                peer.close(1000, "");
            }),
        ]);
        let mut pty = on_pty(&["connect", &server.url(), "--no-compress"]).size(24, 160).spawn();
        pty.prompt();
        pty.keys("bye\rhalf a thought");
        pty.shows(what);
        pty.shows("/reconnect connects again, Ctrl-D quits");
        pty.types("lost> half a thought");
        // To the beginning of the line, and the line into the buffer of the editor.
        pty.keys("\x15waits\r");
        pty.shows("queued for the next connection");
        pty.keys("/reconnect\r");
        pty.shows("403 Forbidden");
        pty.prompts("lost> ");
        pty.shows("lost> /reconnect connects again");
        pty.keys("/reconnect\r");
        pty.shows("sending 1 queued message");
        pty.prompt();
        pty.keys("\x19\r");
        pty.shows("half a thought\n");
        pty.prompt();
        pty.line("/quit");
        pty.exits(0);
        server.join();
    }
    // Without a connection there was nothing to lose.
    let closed = format!("ws://127.0.0.1:{}/", super::harness::keep_closed(0));
    on_pty(&["connect", &closed]).spawn().exits(11);
}

#[test]
fn the_peers_end_is_the_end_of_the_prompt() {
    let server = Server::websocket(|peer| {
        peer.read_text();
        peer.close_well(1000);
    });
    let mut pty = on_pty(&["connect", &server.url()]).spawn();
    pty.prompt();
    pty.keys("bye\rhalf a thought");
    pty.shows("closed by the peer with 1000");
    assert!(!pty.contents().contains("open>   "), "{}", pty.contents());
    // What was switched on is switched off again: the brackets around what is pasted.
    let bytes = pty.all_bytes();
    assert!(bytes.rfind("\x1b[?2004l") > bytes.rfind("\x1b[?2004h"), "{bytes:?}");
    pty.exits(0);
}

#[test]
fn a_line_that_was_never_sent_is_not_lost() {
    let (close, closing) = std::sync::mpsc::channel();
    let server = Server::websocket(move |peer| {
        closing.recv().unwrap();
        peer.close_well(1000);
    });
    let mut pty = on_pty(&["connect", &server.url()]).spawn();
    pty.prompt();
    pty.keys("half a thought");
    pty.types("open> half a thought");
    close.send(()).unwrap();
    pty.shows("not sent: half a thought");
    pty.exits(0);
}

#[test]
fn of_a_long_line_that_was_never_sent_the_beginning_is_shown() {
    let (close, closing) = std::sync::mpsc::channel();
    let server = Server::websocket(move |peer| {
        closing.recv().unwrap();
        peer.close_well(1000);
    });
    let mut pty = on_pty(&["connect", &server.url()]).size(100, 100).spawn();
    pty.prompt();
    pty.keys(&format!("\x1b[200~{}the end\x1b[201~", "é".repeat(2500)));
    pty.shows("the end");
    close.send(()).unwrap();
    pty.shows("… 5,007 B");
    pty.exits(0);
}

#[test]
fn the_status_line_tells_how_the_session_stands() {
    let server = Server::scripts(vec![Box::new(|mut peer: Peer| {
        peer.accept();
        while let Some(frame) = peer.read_frame() {
            match frame.first & 15 {
                9 => peer.frame(10, frame.payload),
                1 => return peer.close_well(1011),
                _ => {}
            }
        }
    })]);
    let options = ["--reconnect", "--reconnect-delay", "1h", "--reconnect-max-delay", "1h"];
    let mut pty = on_pty(&[&["connect", &server.url()], &options[..]].concat()).spawn();
    pty.shows("open> 0/s");
    pty.line("/ping");
    pty.shows("\npong after");
    pty.shows("0/s · pong ");
    pty.line("/pause");
    pty.shows(" · paused");
    pty.line("bye");
    pty.prompts("lost> ");
    pty.shows("lost> retry in ");
    pty.keys("later\r");
    pty.shows(" · 1 queued");
    pty.keys("\x04");
    pty.shows("1 queued message not sent");
    pty.exits(0);
}

#[test]
fn files_and_bytes_are_sent_as_they_are() {
    let server = Server::websocket(|peer| {
        let mut frame = || peer.read_frame().map(|frame| (frame.first & 15, frame.payload)).unwrap();
        assert_eq!(frame(), (1, b"from a file\n".to_vec()));
        assert_eq!(frame(), (2, b"from a file\n".to_vec()));
        assert_eq!(frame(), (2, vec![0, 255]));
        peer.text("all came");
        echo(peer);
    });
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), "from a file\n").unwrap();
    let mut pty = on_pty(&["connect", &server.url()]).spawn();
    pty.line(&format!("/send @{}", file.path().display()));
    pty.line(&format!("/binary @{}", file.path().display()));
    pty.line("/binary 00 ff");
    pty.shows("all came");
    pty.shows("→ 2 <binary, 12 B> 66726f6d");
    pty.line("/send @/nowhere");
    pty.shows("/send: /nowhere: No such file");
    pty.keys("\x03");
    pty.line("/quit");
    pty.exits(0);
    server.join();
}

#[test]
fn a_terminal_that_cannot_move_its_cursor_has_no_prompt() {
    let server = Server::websocket(echo);
    let mut pty = on_pty(&["connect", &server.url()]).env("TERM", "dumb").spawn();
    pty.shows("connected");
    pty.keys("hello\r");
    pty.shows("\"hello\"");
    assert!(!pty.bytes().contains('\x1b') && !pty.contents().contains("> "), "{}", pty.contents());
    // The end of the input, on a line of its own.
    pty.keys("\x04");
    pty.exits(0);
}

#[test]
fn a_command_line_that_says_when_to_end_is_a_script() {
    let server = Server::websocket(|peer| {
        peer.text("one");
        echo(peer);
    });
    let pty = on_pty(&["connect", &server.url(), "--count", "1"]).spawn();
    pty.shows("\"one\"");
    assert!(!pty.contents().contains("> "), "{}", pty.contents());
    pty.exits(0);
}

#[test]
fn help_lists_what_there_is_within_the_width() {
    let server = Server::websocket(echo);
    let mut pty = on_pty(&["connect", &server.url()]).size(60, 72).spawn();
    pty.line("/help");
    pty.shows("Ctrl-R");
    let contents = pty.contents();
    assert!(!contents.contains("/subscribe") && contents.contains("/close [CODE [REASON]]"), "{contents}");
    assert!(contents.lines().all(|row| row.chars().count() < 72), "{contents}");
    pty.line("/help filter");
    pty.shows("If the program does not compile, the old filter stays.");
    pty.line("/quit");
    pty.exits(0);
}

#[test]
fn every_profile_remembers_its_own_lines() {
    let server = Server::websocket(echo);
    let pty = on_pty(&["connect", "@prod"]);
    let config = pty.at_home().join(".config/wstap");
    fs::create_dir_all(&config).unwrap();
    fs::write(config.join("config.toml"), format!("[profile.prod]\nurl = {:?}\n", server.url())).unwrap();
    let mut pty = pty.spawn();
    pty.line("to production");
    pty.line("/quit");
    let (_, home) = pty.ends();
    let history = home.path().join(".local/state/wstap/history");
    assert!(fs::read_to_string(history.join("prod")).unwrap().contains("to production"));
    assert!(!history.join("default").exists());
}

#[test]
fn what_is_typed_ahead_is_neither_lost_nor_shown_twice() {
    let server = Server::websocket(echo);
    let mut pty = on_pty(&["connect", &server.url()]).spawn();
    pty.prompt();
    pty.keys("one\rtwo\r/topics\rthree\r");
    pty.shows("← 6 three");
    pty.prompt();
    let contents = pty.contents();
    for line in ["one", "two", "/topics", "three"] {
        let typed = contents.lines().filter(|row| *row == format!("open> {line}")).count();
        assert_eq!(typed, 1, "{line}\n{contents}");
    }
    pty.keys("/quit\r");
    pty.exits(0);
}

#[test]
fn what_is_typed_after_control_c_is_not_lost() {
    let server = Server::websocket(echo);
    let mut pty = on_pty(&["connect", &server.url()]).spawn();
    pty.prompt();
    pty.keys("away\x03one\r\x03two\r");
    pty.shows("← 4 two");
    pty.prompt();
    let contents = pty.contents();
    // The answer to the first comes before the second is sent, or after it.
    assert!(["← 2 one", "← 3 one"].iter().any(|one| contents.contains(one)), "{contents}");
    assert!(contents.contains("press Ctrl-C again"), "{contents}");
    assert!(!contents.contains("away"), "{contents}");
    pty.keys("back\x03\x19\r");
    pty.shows("← 6 back");
    pty.line("/quit");
    pty.exits(0);
}

#[test]
fn a_filter_that_never_ends_can_be_taken_away_or_left() {
    let (close, closing) = std::sync::mpsc::channel();
    let server = Server::websocket(move |peer| {
        for _ in 0..2 {
            let text = peer.read_text().unwrap();
            peer.text(&text);
        }
        closing.recv().unwrap();
        peer.text("press Ctrl-C again");
        peer.close_well(1000);
    });
    let mut pty = on_pty(&["connect", &server.url()]).spawn();
    pty.line("/filter repeat(7)");
    pty.line("one");
    pty.shows("/s); /show N");
    pty.line("/filter .");
    pty.line("two");
    pty.shows("← 4 two");
    pty.line("/filter repeat(8)");
    pty.prompt();
    close.send(()).unwrap();
    pty.shows("closed by the peer with 1000");
    pty.prompts("ends> ");
    pty.keys("too late\r");
    pty.prompts("ends> ");
    pty.keys("\x04");
    pty.exits(130);
}

#[test]
fn a_signal_ends_the_prompt_and_leaves_the_terminal_as_it_was() {
    for (signal, status) in [("TERM", 143), ("INT", 130)] {
        let server = Server::websocket(echo);
        let mut pty = on_pty(&["connect", &server.url()]).spawn();
        pty.prompt();
        pty.keys("half a line");
        pty.types("open> half a line");
        assert!(!pty.echoes());
        pty.signal(signal);
        pty.shows("not sent: half a line");
        pty.exits(status);
    }
}

#[test]
fn notices_stand_where_they_belong_among_the_messages() {
    // The connection is lost right after the answer, which comes by way of the pipeline; the notice does not.
    for _ in 0..5 {
        let mut pty = on_pty(&["connect", "--mock=--fault close=1011:boom@1"]).spawn();
        pty.shows("connected to");
        pty.line("hello");
        pty.shows("boom");
        pty.shows("← 2");
        let screen = pty.contents();
        let at = |text: &str| screen.find(text).unwrap_or_else(|| panic!("{text} in {screen}"));
        assert!(at("→ 1") < at("← 2") && at("← 2") < at("boom"), "{screen}");
        pty.keys("/exit\r");
        pty.ends();
    }
}
