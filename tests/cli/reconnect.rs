//! What is tried again, what is not, and what is told and sent again when it is.

use std::io::Write as _;
use std::sync::mpsc;

use serde_json::Value;

use crate::harness::{Output, Peer, Server, given_time, wstap};

const FAST: [&str; 4] = ["--reconnect-delay", "10ms", "--reconnect-max-delay", "20ms"];
const TOPIC: &str = "customer_id:12345678-1234-1234-1234-123456789012:call:*";

type Script = Box<dyn FnOnce(Peer) + Send>;

fn websocket(script: impl FnOnce(&mut Peer) + Send + 'static) -> Script {
    Box::new(move |mut peer| {
        peer.accept();
        script(&mut peer);
    })
}

/// Runs a command against a server whose first connection ends in some way, and whose second one ends well.
fn twice(command: &[&str], end: impl FnOnce(&mut Peer) + Send + 'static) -> Output {
    let second = |peer: &mut Peer| {
        peer.text("2");
        peer.close_well(1000);
    };
    let server = Server::scripts(vec![websocket(end), websocket(second)]);
    let out = wstap(&[command[0], &server.url(), "--envelope"]).args(&command[1..]).args(&FAST).run();
    server.join();
    out
}

/// The same, for an end that is not followed by another attempt.
fn once(command: &[&str], end: impl FnOnce(&mut Peer) + Send + 'static) -> Output {
    let server = Server::websocket(end);
    let out = wstap(&[command[0], &server.url(), "--envelope"]).args(&command[1..]).args(&FAST).run();
    server.join();
    out
}

#[test]
fn some_ends_are_tried_again() {
    for code in [1001, 1005, 1011, 1012, 1013, 1014, 4000] {
        let out = twice(&["connect", "--reconnect"], move |peer| peer.close_well(code));
        out.exits(0).says("retry 1");
        let summary = out.summary();
        assert_eq!((&summary["connections"], &summary["reconnects"]), (&2.into(), &1.into()), "{code}");
    }
    twice(&["connect", "--reconnect"], |_| {}).exits(0).says("connection lost");
}

#[test]
fn the_command_line_says_which_closes_are_a_loss() {
    for (codes, code) in [("1000", 1000), ("1000,1005,4000-4999", 4321), ("1008-1009", 1008)] {
        // It is enough to name them.
        let second = |peer: &mut Peer| peer.close_well(3000);
        let scripts = vec![websocket(move |peer| peer.close_well(code)), websocket(second)];
        let server = Server::scripts(scripts);
        let out = wstap(&["connect", &server.url(), "--envelope", "--retry-close", codes]).args(&FAST).run();
        assert_eq!(out.exits(20).says("retry 1").summary()["connections"], 2, "{codes}");
        server.join();
    }
    // An end that is asked for is an end, and a dialect's own rule stands behind what is typed.
    once(&["connect", "--reconnect", "--ok-close", "1005"], |peer| peer.close_well(1005)).exits(0);
    once(&["connect", "--reconnect", "--ok-close", "1012"], |peer| peer.close_well(1012)).exits(0);
    twice(&["connect", "--reconnect", "-d", "burki", "--retry-close", "1008"], |peer| peer.close_well(1008));
    once(&["connect"], |peer| peer.close_well(1005)).exits(0);
    once(&["connect", "--retry-close", "1000", "--no-reconnect"], |peer| peer.close_well(1000)).exits(0);
    let out = wstap(&["connect", ":9", "--retry-close", "4999-4000"]).run();
    out.exits(2).says("close codes are 1000 to 4999");
}

#[test]
fn a_close_that_must_not_be_is_tried_again_by_its_own_code() {
    let ends: [(&[u8], &str); 3] = [
        (b"\x88\x09\x03\xeerestart\x89\x00", "1006"),
        (b"\x88\x04\x03\xe9\xff\xff", "1001"),
        (b"\x88\x02\x03\xf6\x81\x01x", "1014"),
    ];
    for (bytes, code) in ends {
        let out = twice(&["connect", "--reconnect"], move |peer| {
            peer.write(bytes);
            peer.read_close();
        });
        out.exits(0).says(&format!("closed by the peer with {code}")).says("retry 1");
    }
    let out = once(&["connect", "--reconnect"], |peer| {
        peer.write(b"\x88\x02\x03\xe7");
        peer.read_close();
    });
    out.exits(21).says("999");
}

#[test]
fn some_ends_are_final() {
    for (code, status) in [(1000, 0), (1008, 16), (4004, 17), (1002, 20), (1003, 20), (1009, 20), (3000, 20)]
    {
        let out = once(&["connect", "--reconnect"], move |peer| peer.close_well(code));
        assert_eq!(out.exits(status).summary()["connections"], 1, "{code}");
    }
    let out = once(&["connect", "--reconnect"], |peer| {
        peer.frame(3, b"");
        peer.read_close();
    });
    out.exits(21);
}

#[test]
fn subscribe_goes_on_by_itself_and_connect_does_not() {
    twice(&["subscribe"], |_| {}).exits(0);
    once(&["subscribe", "--no-reconnect"], |_| {}).exits(20);
    once(&["connect"], |_| {}).exits(20);
    once(&["connect", "--reconnect", "--no-reconnect"], |_| {}).exits(20);
    twice(&["subscribe", "--no-reconnect", "--reconnect"], |_| {}).exits(0);
}

#[test]
fn a_loss_is_told_with_its_gap() {
    let out = twice(&["connect", "--reconnect"], |peer| peer.text("1"));
    let kinds: Vec<Value> = out.exits(0).json().iter().map(|record| record["type"].clone()).collect();
    let expected = ["open", "message", "close", "reconnect", "open", "gap", "message", "close", "summary"];
    assert_eq!(kinds, expected);
    let reconnect = &out.records("reconnect")[0];
    assert_eq!((&reconnect["attempt"], &reconnect["conn"]), (&1.into(), &1.into()));
    assert!(reconnect["delay_ms"].as_u64().is_some_and(|delay| delay <= 10), "{reconnect}");
    let gap = &out.records("gap")[0];
    assert!(gap["from"].as_str() <= gap["to"].as_str() && gap["from"].is_string(), "{gap}");
    assert_eq!(gap["conn"], 2);
    out.says("gap of ").says("events sent in that time are lost");
    let messages = out.records("message");
    assert_eq!((&messages[0]["seq"], &messages[1]["seq"]), (&1.into(), &2.into()));
}

#[test]
fn messages_of_the_command_line_are_sent_on_every_connection() {
    let greet = |peer: &mut Peer| {
        assert_eq!(peer.read_text().as_deref(), Some("one"));
        assert_eq!(peer.read_text().as_deref(), Some("two"));
    };
    let second = move |peer: &mut Peer| {
        greet(peer);
        peer.close_well(1000);
    };
    let server = Server::scripts(vec![websocket(greet), websocket(second)]);
    wstap(&["connect", &server.url(), "--reconnect", "-x", "one", "-x", "two"]).args(&FAST).run().exits(0);
    server.join();
}

#[test]
fn topics_are_subscribed_to_on_every_connection() {
    let subscribed = |peer: &mut Peer| {
        let message = peer.read_text().expect("a subscription comes");
        assert!(message.contains("subscribe") && message.contains(TOPIC), "{message}");
    };
    let second = move |peer: &mut Peer| {
        subscribed(peer);
        peer.close_well(1000);
    };
    let server = Server::scripts(vec![websocket(subscribed), websocket(second)]);
    let out = wstap(&["subscribe", &server.url(), "-d", "voipbin", TOPIC]).args(&FAST).run();
    out.exits(0).says("not permitted");
    server.join();
}

#[test]
fn what_is_typed_without_a_connection_is_sent_on_the_next() {
    let (typed, wait) = mpsc::channel::<()>();
    let second: Script = Box::new(move |mut peer| {
        wait.recv().expect("the test has typed");
        peer.accept();
        assert_eq!(peer.read_text().as_deref(), Some("typed"));
        peer.close_well(1000);
    });
    let server = Server::scripts(vec![websocket(|_| {}), second]);
    let (mut run, mut stdin) = wstap(&["connect", &server.url(), "--reconnect"]).args(&FAST).spawn_fed();
    run.notice("connection lost");
    stdin.write_all(b"typed\n").expect("it takes input");
    typed.send(()).expect("the server waits");
    run.finish().exits(0);
    server.join();
}

#[test]
fn it_is_given_up_after_so_many_attempts_in_a_row() {
    let server = Server::scripts((0..4).map(|_| websocket(|_| {})).collect());
    // A link that was there for as long as the longest wait begins a new row.
    let patient = ["--reconnect-delay", "10ms", "--reconnect-max-delay", "1h"];
    let out = wstap(&["connect", &server.url(), "--reconnect", "--retries", "3", "--envelope"])
        .args(&patient)
        .run();
    out.exits(23).says("gave up after 3 attempts");
    assert_eq!(out.summary()["reason"], "gave_up");
    assert_eq!(out.records("reconnect").len(), 3);
    server.join();
}

#[test]
fn a_silent_link_is_replaced() {
    let args = ["connect", "--reconnect", "--ping-interval", "30ms", "--ping-timeout", "50ms"];
    let out = twice(&args, Peer::wait_for_end);
    out.exits(0).says("no answer to a ping");
    assert_eq!(out.summary()["connections"], 2);
}

#[test]
fn rules_of_the_end_span_connections() {
    let out = twice(
        &["connect", "--reconnect", "-f", "select(.type == \"message\").data", "--until", ".data == 2"],
        |peer| {
            peer.text("1");
        },
    );
    assert_eq!(out.exits(0).stdout, "1\n2\n");
    given_time(|limit| {
        let server = Server::websocket(|_| {});
        let args = ["--reconnect", "--reconnect-delay", "1000s", "--max-time", limit];
        let out = wstap(&["connect", &server.url()]).args(&args).run();
        out.stderr.contains("retry 1 in").then(|| out.exits(0).code)
    });
}
