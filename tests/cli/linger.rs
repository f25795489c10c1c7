//! How long a session stays after standard input has ended, and what it says then.

use std::sync::mpsc;

use crate::harness::{Peer, Running, Server, Wstap, connect, wstap};

/// What the end says.
const SAID: &str =
    "standard input ended and no message arrived for 2s; to keep listening, use --linger forever";

/// Standard input without a reader's luck: `/dev/null` (cron, systemd, `docker run`, most CI), none at all, and what
/// `nohup` leaves of a terminal, which cannot be read.
const NO_INPUT: [&str; 3] = ["</dev/null", "<&-", "0>/dev/null"];

/// A server that says nothing until the client leaves.
fn silent() -> Server {
    Server::websocket(|peer: &mut Peer| {
        if peer.read_close().is_some() {
            peer.close(1000, "");
        }
    })
}

/// A server that says nothing until the test does, and then ends the session.
fn lasting() -> (Server, mpsc::Sender<()>) {
    let (tell, told) = mpsc::channel();
    let server = Server::websocket(move |peer: &mut Peer| {
        told.recv().expect("the test says when");
        peer.close_well(1000);
    });
    (server, tell)
}

fn without_input(run: Wstap, redirect: &str) -> Wstap {
    run.under(&["sh", "-c", &format!("exec \"$@\" {redirect}"), "sh"])
}

fn started(run: Wstap) -> Running {
    let mut run = run.spawn();
    run.notice("connected");
    run
}

#[test]
fn the_end_of_the_input_ends_a_connect_that_had_something_to_send() {
    // What lasts starts first, so that it would have ended by the time that the others have.
    let lasts: [&[&str]; 11] = [
        &[],
        &["-x", "hi", "--linger", "forever"],
        &["-x", "hi", "--reconnect"],
        &["-x", "hi", "--retry-close", "4000"],
        &["-x", "hi", "--reply", "empty"],
        &["-x", "hi", "--echo"],
        &["-x", "hi", "--max-time", "1h"],
        &["-x", "hi", "--idle-timeout", "1h"],
        &["-x", "hi", "--until", "false", "--fail-if", "false"],
        &["-x", "hi", "--count", "9"],
        &["-x", "hi", "-n", "-f", "inputs"],
    ];
    let mut lasting: Vec<_> = lasts
        .iter()
        .map(|args| {
            let (server, tell) = lasting();
            (started(wstap(&["connect", &server.url()]).args(args)), server, tell)
        })
        .collect();
    // A pipe that somebody holds open is not at its end.
    let (server, tell) = self::lasting();
    let (mut open, stdin) = wstap(&["connect", &server.url(), "-x", "hi"]).spawn_fed();
    open.notice("connected");
    lasting.push((open, server, tell));

    let mut ending = Vec::new();
    for redirect in NO_INPUT {
        let server = silent();
        let run = wstap(&["connect", &server.url(), "-x", "hi", "--envelope"]);
        ending.push((started(without_input(run, redirect)), server));
    }
    for args in [&["-x", "@-"][..], &[]] {
        let server = silent();
        let run = wstap(&["connect", &server.url(), "--envelope"]).args(args).stdin("hi\n");
        ending.push((started(run), server));
    }
    for (run, server) in ending {
        let out = run.finish();
        assert_eq!(out.exits(0).summary()["reason"], "input_ended");
        assert_eq!(out.records("message").len(), 1);
        out.says(SAID);
        server.join();
    }
    for (run, server, tell) in lasting {
        tell.send(()).expect("the server waits");
        let out = run.finish();
        out.says("closed by the peer");
        assert!(!out.stderr.contains("standard input ended"), "{}", out.stderr);
        server.join();
    }
    drop(stdin);
}

#[test]
fn the_end_says_which_time_has_passed_unless_nobody_wants_to_know() {
    let args = ["--linger", "30ms"];
    let wait = |peer: &mut Peer| _ = peer.read_close();
    connect(&args, wait).exits(0).says("standard input ended and no message arrived for 30ms");
    assert_eq!(connect(&[&args[..], &["-q"]].concat(), wait).exits(0).stderr, "");
}
