//! Clients and servers that are killed, and a network between them that fails, at moments that a seed decides: what
//! reaches the output all the same.
//!
//! `WSTAP_TEST_ROUNDS=10` does it ten times, at other moments each time.

mod carrier;
mod frames;
mod lines;
mod network;
mod replayed;
mod service;
mod stopped;
mod unrepeated;

use std::fmt::Debug;
use std::ops::Range;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use crate::harness::Running;

/// Attempts follow at once, and a link is dead after a moment.
const IMPATIENT: &[&str] = &[
    "-q",
    "--reconnect",
    "--reconnect-delay",
    "2ms",
    "--reconnect-max-delay",
    "20ms",
    "--ping-interval",
    "50ms",
    "--ping-timeout",
    "250ms",
];

/// How long nothing may change before a test gives up. When all is well, something changes all the time.
const PATIENCE: Duration = Duration::from_secs(60);

/// The numbers of the rounds that are asked for.
fn rounds() -> Range<u64> {
    0..env::var("WSTAP_TEST_ROUNDS").map_or(1, |rounds| rounds.parse().expect("a number"))
}

/// Tells the figures, to whoever runs the tests with `--nocapture`.
#[expect(clippy::print_stderr, reason = "the figures are what such a run is for")]
fn tell(figures: &str) {
    eprintln!("{figures}");
}

/// Does a client listen to SIGTERM by now?
fn listens(client: &Running) -> bool {
    const SIGTERM: u64 = 15;
    let status = fs::read_to_string(format!("/proc/{}/status", client.child.id())).expect("it is there");
    let caught =
        status.lines().find_map(|line| line.strip_prefix("SigCgt:")).expect("signals that are caught");
    u64::from_str_radix(caught.trim(), 16).expect("a mask") & 1 << (SIGTERM - 1) != 0
}

/// Waits until something is the case, as long as the measure of it keeps changing.
fn wait_for<M: PartialEq + Debug>(what: &str, mut look: impl FnMut() -> (bool, M)) {
    let (mut last, mut since) = (None, Instant::now());
    loop {
        let (is, measure) = look();
        if is {
            return;
        }
        if last.as_ref() != Some(&measure) {
            (last, since) = (Some(measure), Instant::now());
        }
        assert!(since.elapsed() < PATIENCE, "waited in vain for {what}, at {last:?}");
        thread::sleep(Duration::from_millis(5));
    }
}
