//! A client that stood still for longer than it waits for an answer, as when a lid is closed: it is not the peer that
//! was silent.

use std::sync::mpsc::channel;
use std::time::Instant;
use std::{fs, thread};

use jiff::SignedDuration;

use crate::clients::until;
use crate::harness::{Running, Server, given_time, wstap};

const PING: u8 = 0x89;

/// How often it is tried: which of two things that have happened is seen first is up to chance.
const TIMES: usize = 8;

#[test]
fn what_came_meanwhile_is_read_before_a_link_is_given_up() {
    for _ in 0..TIMES {
        given_time(stopped_within);
    }
}

/// `None`: perhaps the time was up before the client stood still.
fn stopped_within(timeout: &'static str) -> Option<()> {
    let (asked, is_asked) = channel();
    let (go_on, goes_on) = channel::<()>();
    let server = Server::websocket(move |peer| {
        while peer.read_frame().is_some_and(|frame| frame.first != PING) {}
        asked.send(()).expect("the test waits");
        // The test may have seen enough.
        let Ok(()) = goes_on.recv() else { return };
        (0..3).for_each(|n| peer.text(&n.to_string()));
        asked.send(()).expect("the test waits");
        peer.wait_for_end();
    });
    let begun = Instant::now();
    let pings = ["--ping-interval", "40ms", "--ping-timeout", timeout];
    let client = wstap(&["connect", "-q", &server.url()]).args(&pings).spawn();
    is_asked.recv().expect("the client pings");
    client.signal("STOP");
    // Or it has given up already.
    until("it stands still", || [") T ", ") Z "].iter().any(|state| stat(&client).contains(state)));
    let time: SignedDuration = timeout.parse().expect("a time");
    let time = time.unsigned_abs();
    if begun.elapsed() >= time {
        return None;
    }
    go_on.send(()).expect("the server waits");
    is_asked.recv().expect("the server has spoken");
    // Its time runs out.
    thread::sleep(time);
    client.signal("CONT");
    assert_eq!(client.finish().exits(22).stdout, "0\n1\n2\n");
    Some(())
}

fn stat(client: &Running) -> String {
    fs::read_to_string(format!("/proc/{}/stat", client.child.id())).expect("it is there")
}
