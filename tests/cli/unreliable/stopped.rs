//! A client that stood still for longer than it waits for an answer, as when a lid is closed: it is not the peer that
//! was silent.

use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use crate::harness::{Server, wstap};

const PING: u8 = 0x89;

/// How often it is tried: which of two things that have happened is seen first is up to chance.
const TIMES: usize = 8;

/// How long the client waits for an answer: long enough to stop it meanwhile, however busy the machine is.
const PATIENCE: Duration = Duration::from_secs(2);

#[test]
fn what_came_meanwhile_is_read_before_a_link_is_given_up() {
    thread::scope(|scope| {
        for _ in 0..TIMES {
            scope.spawn(stand_still);
        }
    });
}

fn stand_still() {
    let (asked, is_asked) = channel();
    let (go_on, goes_on) = channel::<()>();
    let server = Server::websocket(move |peer| {
        while peer.read_frame().is_some_and(|frame| frame.first != PING) {}
        asked.send(()).expect("the test waits");
        goes_on.recv().expect("the test goes on");
        (0..3).for_each(|n| peer.text(&n.to_string()));
        asked.send(()).expect("the test waits");
        peer.wait_for_end();
    });
    let patience = format!("{}s", PATIENCE.as_secs());
    let pings = ["--ping-interval", "40ms", "--ping-timeout", &patience];
    let client = wstap(&["connect", "-q", &server.url()]).args(&pings).spawn();
    is_asked.recv().expect("the client pings");
    client.signal("STOP");
    go_on.send(()).expect("the server waits");
    is_asked.recv().expect("the server has spoken");
    // Its time runs out.
    thread::sleep(PATIENCE);
    client.signal("CONT");
    assert_eq!(client.finish().exits(22).stdout, "0\n1\n2\n");
}
