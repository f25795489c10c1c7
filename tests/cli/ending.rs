//! Every rule that ends a session, the word for it in the summary, and the exit status.

use std::sync::mpsc;

use serde_json::Value;

use crate::harness::{Output, Peer, Server, connect, frame, given_time, keep_closed, wstap};

/// Three messages in one packet, then the end of the server's patience or of the client.
fn three(peer: &mut Peer) {
    peer.write([frame(0x81, b"1"), frame(0x81, b"2"), frame(0x81, b"3")].concat());
    peer.read_close();
    peer.close(1000, "");
}

/// The same, and a close frame in the same packet.
fn three_and_close(peer: &mut Peer) {
    let close = frame(0x88, &1000_u16.to_be_bytes());
    peer.write([frame(0x81, b"1"), frame(0x81, b"2"), frame(0x81, b"3"), close].concat());
    peer.read_close();
}

/// Stands for a time in which three messages can come.
const LIMIT: &str = "LIMIT";

/// The messages among the records of a run with `--envelope`.
fn shown(out: &Output) -> Vec<Value> {
    out.records("message").into_iter().map(|message| message["data"].clone()).collect()
}

#[test]
fn each_rule_has_its_word_and_its_status() {
    let cases: &[(&[&str], &str, i32, usize)] = &[
        (&["--count", "2"], "count", 0, 2),
        (&["--until", ". == 2"], "until", 0, 2),
        (&["--fail-if", ". == 2"], "fail_if", 1, 2),
        // A message that matches both is a failure, and one that completes the count as well is a match.
        (&["--fail-if", ". == 2", "--until", ". == 2"], "fail_if", 1, 2),
        (&["--count", "2", "--until", ". == 2"], "until", 0, 2),
        (&["--count", "3", "--until", ". == 2"], "until", 0, 2),
        (&["--count", "1", "--until", ". == 2"], "count", 1, 1),
        (&["--max-time", LIMIT], "max_time", 0, 3),
        (&["--max-time", LIMIT, "--count", "4"], "max_time", 1, 3),
        (&["--max-time", LIMIT, "--until", ". == 4"], "max_time", 1, 3),
        (&["--idle-timeout", LIMIT], "idle_timeout", 0, 3),
        (&["--idle-timeout", LIMIT, "--max-time", "100s"], "idle_timeout", 0, 3),
        (&["--idle-timeout", LIMIT, "--count", "4"], "idle_timeout", 1, 3),
        (&["--idle-timeout", LIMIT, "--until", "false"], "idle_timeout", 1, 3),
    ];
    for (args, reason, status, messages) in cases {
        let recording = tempfile::NamedTempFile::new().expect("a file");
        let path = recording.path().to_str().expect("a path");
        let out = given_time(|limit| {
            let args: Vec<&str> = args.iter().map(|arg| if *arg == LIMIT { limit } else { *arg }).collect();
            // The time may be up before there is a connection.
            let server = Server::websocket(three);
            let out = wstap(&["connect", &server.url(), "--record", path]).args(&args).run();
            (out.lines().len() == *messages || !args.contains(&limit)).then_some(out)
        });
        out.exits(*status);
        assert_eq!(out.lines().len(), *messages, "{args:?}");
        let records = std::fs::read_to_string(path).expect("a recording");
        let summary: Value = serde_json::from_str(records.lines().last().expect("records")).expect("JSON");
        assert_eq!(summary["reason"], *reason, "{args:?}");
        assert_eq!(summary["exit"], *status, "{args:?}");
        assert_eq!(summary["clean"], true, "{args:?}: the server answered our close frame");
        assert_eq!(summary["lines"], *messages, "{args:?}");
    }
}

#[test]
fn what_comes_together_with_the_close_still_decides() {
    let cases: &[(&[&str], i32, usize)] = &[
        (&["--until", ". == 3"], 0, 3),
        (&["--until", ". == 4"], 1, 3),
        (&["--fail-if", ". == 3"], 1, 3),
        (&["--count", "3"], 0, 3),
        (&["--count", "1"], 0, 1),
        (&["--count", "4"], 1, 3),
        (&["-e"], 0, 3),
    ];
    for (args, status, lines) in cases {
        let out = connect(args, three_and_close);
        assert_eq!(out.exits(*status).lines().len(), *lines, "{args:?}");
    }
}

#[test]
fn a_match_outranks_the_abnormal_end_that_follows_it() {
    let out = connect(&["--until", ". == 3"], |peer| {
        peer.write([frame(0x81, b"3"), frame(0x88, &1011_u16.to_be_bytes())].concat());
        peer.read_close();
    });
    out.exits(0);
    let out = connect(&["--until", ". == 4"], |peer| peer.close_well(1011));
    out.exits(20);
}

#[test]
fn a_count_is_of_lines_and_not_of_messages() {
    let out = connect(&["-f", "select(. > 1) | ., .", "--count", "3"], three);
    assert_eq!(out.exits(0).stdout, "2\n2\n3\n");
}

#[test]
fn records_come_on_top_of_the_messages_that_are_counted() {
    let out = connect(&["--envelope", "--count", "2", "-x", "hi"], three);
    let kinds: Vec<Value> = out.exits(0).json().iter().map(|record| record["type"].clone()).collect();
    assert_eq!(kinds, ["open", "message", "message", "message", "close", "summary"]);
    assert_eq!(shown(&out)[1..], [1, 2]);
    assert_eq!(out.summary()["reason"], "count");
    assert_eq!(out.summary()["clean"], true);
    let recording = out.stdout;
    let again = wstap(&["connect", "--from", "-", "--envelope", "--count", "2"]).stdin(recording).run();
    assert_eq!(again.exits(0).json().last().unwrap()["data"], 2);
    // What a filter makes of records is what was asked for.
    let filter = ["-r", "-f", ".type + (.dir // \"\")", "--envelope", "-x", "hi"];
    let out = connect(&[&filter[..], &["--count", "3"]].concat(), three);
    assert_eq!(out.exits(0).lines(), ["open", "messageout", "messagein"]);
    let out = given_time(|limit| {
        let server = Server::websocket(three);
        let args = ["--envelope", "--count", "4", "--max-time", limit];
        let out = wstap(&["connect", &server.url()]).args(&args).run();
        (out.records("message").len() == 3).then_some(out)
    });
    out.exits(1).says("time limit reached after 3 of 4 messages");
}

#[test]
fn a_count_makes_no_success_of_a_failure() {
    let nowhere = format!("ws://127.0.0.1:{}/", keep_closed(0));
    let filters: [&[&str]; 4] =
        [&[], &["-f", "."], &["-n", "-f", "inputs"], &["--until", ".type == 1", "-e"]];
    for filter in filters {
        for command in [&["connect", &nowhere][..], &["subscribe", "-d", "plain", "--url", &nowhere]] {
            let out = wstap(command).args(filter).args(&["--envelope", "--count", "1"]).run();
            assert_eq!(out.exits(11).json()[0]["type"], "error", "{filter:?}");
        }
        let watch = ["watch-campaign", "--no-reconnect", "--url", &nowhere, "1", "2"];
        wstap(&watch).args(filter).args(&["--envelope", "--count", "1"]).run().exits(11);
        let again = ["connect", &nowhere, "--reconnect", "--reconnect-delay", "10ms", "--envelope"];
        given_time(|limit| {
            let out = wstap(&again).args(filter).args(&["--count", "1", "--max-time", limit]).run();
            out.says("before a connection was open");
            // No attempt had failed by then.
            (out.code != Some(22)).then(|| out.exits(11).code)
        });
    }
    let filter = ["-r", "-f", ".type", "--envelope", "--count", "2"];
    for (code, status) in [(1011, 20), (1000, 0)] {
        let out = connect(&filter, move |peer| peer.close_well(code));
        assert_eq!(out.exits(status).lines(), ["open", "close"]);
        assert!(!out.stderr.contains(" of 2 "), "{}", out.stderr);
    }
}

#[test]
fn a_count_that_is_not_reached_is_a_failure() {
    let one = |peer: &mut Peer| {
        peer.text("1");
        peer.close_well(1000);
    };
    let said = "wstap: error: connection closed after 1 of 5 messages";
    connect(&["--count", "5"], one).exits(1).says(said);
    connect(&["--count", "5", "-q"], one).exits(1).says(said);
    connect(&["--count", "5", "-e", "-f", ". == 1"], one).exits(1).says("closed after 1 of 5 lines");
    connect(&["--count", "1", "-f", "empty"], one).exits(1).says("closed after 0 of 1 line\n");
    connect(&["--count", "5", "--envelope"], one).exits(1).says(said);
    connect(&["--count", "5", "-n", "-f", "inputs"], one).exits(1).says("closed after 1 of 5 lines");
    connect(&["--count", "5", "-n", "-f", "first(inputs)"], one).exits(0);
    let stays = |peer: &mut Peer| {
        peer.text("1");
        peer.read_close();
    };
    connect(&["--count", "5", "--linger", "50ms"], stays).exits(1).says("input ended after");
    let from = ["connect", "--from", "-", "--count", "5"];
    wstap(&from).stdin("1\n2\n").run().exits(1).says("input ended after 2 of 5 messages");
    // Another end has its own status.
    connect(&["--count", "5"], |peer| peer.close_well(1011)).exits(20);
}

#[test]
fn the_last_output_can_decide() {
    let cases: &[(&[&str], i32)] = &[
        (&["-e", "-f", ". > 2"], 0),
        (&["-e", "-f", ". < 2"], 1),
        (&["-e", "-f", "null"], 1),
        (&["-e", "-f", "empty"], 4),
        (&["-f", "null"], 0),
        (&["-f", "empty"], 0),
    ];
    for (args, status) in cases {
        connect(args, three_and_close).exits(*status);
    }
    connect(&["-e"], |peer| {
        peer.text("false");
        peer.close_well(1000);
    })
    .exits(1);
    connect(&["-e"], |peer| peer.close_well(1000)).exits(4);
}

#[test]
fn errors_of_a_filter_count_only_when_asked() {
    let out = connect(&["-f", "if . == 2 then error(\"no\") else . end"], three_and_close);
    assert_eq!(out.exits(0).says("no").stdout, "1\n3\n");
    let fail = ["-f", "if . == 2 then error(\"no\") else . end", "--filter-errors", "fail"];
    assert_eq!(connect(&fail, three).exits(5).says("no").stdout, "1\n");
    assert_eq!(connect(&["-f", "if . == 2 then halt else . end"], three).exits(0).stdout, "1\n");
    let halt = ["-f", "if . == 2 then \"over\" | halt_error else . end"];
    assert_eq!(connect(&halt, three).exits(5).says("over").stdout, "1\n");
}

#[test]
fn a_program_over_the_stream_ends_it() {
    let out = connect(&["-n", "-f", "limit(2; inputs)"], three);
    assert_eq!(out.exits(0).stdout, "1\n2\n");
    let out = connect(&["-n", "-f", "[inputs] | add"], three_and_close);
    assert_eq!(out.exits(0).stdout, "6\n");
}

#[test]
fn nothing_on_standard_input_ends_no_session() {
    // `/dev/null`, a descriptor that is closed, and a pipe that is empty: the server has the last word.
    for command in ["connect", "subscribe"] {
        let server = || {
            Server::websocket(|peer| {
                peer.text("1");
                peer.close_well(1000);
            })
        };
        let null = server();
        assert_eq!(wstap(&[command, &null.url()]).run().exits(0).stdout, "1\n");
        let empty = server();
        assert_eq!(wstap(&[command, &empty.url()]).stdin("").run().exits(0).stdout, "1\n");
        let closed = server();
        let binary = env!("CARGO_BIN_EXE_wstap");
        let shell = std::process::Command::new("sh")
            .args(["-c", "exec \"$0\" \"$@\" <&-", binary, command, &closed.url()])
            .output()
            .expect("a shell");
        assert_eq!((shell.status.code(), shell.stdout.as_slice()), (Some(0), b"1\n".as_slice()));
    }
}

#[test]
fn what_is_fed_is_answered_even_when_the_answers_are_late() {
    let server = Server::websocket(|peer| {
        let lines = [peer.read_text(), peer.read_text()].map(|line| line.expect("two lines come"));
        for line in lines {
            std::thread::sleep(std::time::Duration::from_millis(300));
            peer.text(&line);
        }
        assert_eq!(peer.read_close(), Some(1000));
        peer.close(1000, "");
    });
    let out = wstap(&["connect", &server.url(), "-r"]).stdin("a\nb\n").run();
    assert_eq!(out.exits(0).stdout, "a\nb\n");
    server.join();
}

#[test]
fn a_fed_connect_stays_until_nothing_has_come_for_a_while() {
    let server = Server::websocket(|peer| {
        peer.read_text();
        assert_eq!(peer.read_close(), Some(1000));
        peer.close(1000, "");
    });
    let out = wstap(&["connect", &server.url(), "--linger", "100ms", "--envelope"]).stdin("a\n").run();
    assert_eq!(out.exits(0).summary()["reason"], "input_ended");
    server.join();
}

#[test]
fn lingering_for_ever_leaves_the_end_to_the_server() {
    for (command, args) in
        [("connect", &["--linger", "forever"][..]), ("subscribe", &["--linger", "forever"])]
    {
        let server = Server::websocket(|peer| {
            peer.read_text();
            peer.close_well(1001);
        });
        let out =
            wstap(&[command, &server.url(), "--envelope", "--no-reconnect"]).args(args).stdin("a\n").run();
        assert_eq!(out.exits(0).summary()["reason"], "closed");
        server.join();
    }
}

#[test]
fn the_close_frame_says_what_it_is_told_to() {
    let close = |args: &[&str]| {
        let (tell, told) = mpsc::channel();
        connect(&[&["--count", "1"], args].concat(), move |peer| {
            peer.text("1");
            let frame = std::iter::from_fn(|| peer.read_frame()).find(|frame| frame.first == 0x88);
            tell.send(frame.expect("a close frame comes").payload).expect("the test listens");
            peer.close(1000, "");
        })
        .exits(0);
        told.recv().expect("a close frame was seen")
    };
    assert_eq!(close(&[]), [3, 232]);
    let said = close(&["--close-code", "4321", "--close-reason", "bye"]);
    assert_eq!(said, [&4321_u16.to_be_bytes()[..], b"bye"].concat());
}

#[test]
fn a_signal_closes_in_good_order() {
    for (signal, reason, status) in [("INT", "interrupted", 130), ("TERM", "terminated", 143)] {
        let server = Server::websocket(|peer| {
            peer.text("1");
            assert_eq!(peer.read_close(), Some(1000));
            peer.close(1000, "");
        });
        let mut run = wstap(&["connect", &server.url(), "--envelope"]).spawn();
        while !run.line().contains("\"message\"") {}
        run.signal(signal);
        let out = run.finish();
        out.exits(status);
        assert_eq!(out.summary()["reason"], reason);
        assert_eq!(out.summary()["clean"], true);
        server.join();
    }
}

#[test]
fn a_second_interrupt_waits_for_nobody() {
    let (tell, closing) = mpsc::channel();
    let server = Server::websocket(move |peer| {
        peer.read_close();
        tell.send(()).expect("the test listens");
        peer.wait_for_end();
    });
    let mut run = wstap(&["connect", &server.url(), "--envelope"]).spawn();
    run.notice("connected");
    run.signal("INT");
    closing.recv().expect("a close frame is sent");
    run.signal("INT");
    let out = run.finish();
    out.exits(130);
    // The wait for the answer would have ended with a record of its absence.
    assert!(out.records("close").is_empty(), "{}", out.stdout);
    server.join();
}

#[test]
fn a_signal_ends_an_attempt_to_connect() {
    let (tell, asked) = mpsc::channel();
    let server = Server::once(move |mut peer| {
        peer.request();
        tell.send(()).expect("the test listens");
        peer.wait_for_end();
    });
    let run = wstap(&["connect", &server.url()]).spawn();
    asked.recv().expect("the client asks");
    run.signal("INT");
    run.finish().exits(130);
    server.join();
}

#[test]
fn a_signal_ends_the_wait_for_the_next_attempt() {
    let server = Server::websocket(|_| {});
    let url = server.url();
    let mut run = wstap(&["connect", &url, "--reconnect", "--reconnect-delay", "1000s"]).spawn();
    run.notice("attempt 1");
    run.signal("TERM");
    run.finish().exits(143);
    server.join();
}
