//! A service whose log goes on growing while its server is killed and started again.

use std::time::Instant;

use crate::clients;
use crate::harness::Running;

/// Events a second.
const RATE: f64 = 200.0;

/// The service.
pub(super) struct Service {
    seed: u64,
    events: u64,
    drain_after: u64,
    history: f64,
    server: Running,
    port: u16,
    since: Instant,
}

impl Service {
    /// One whose log ends after so many events. Each server tells its clients to come back after a number of them.
    pub(super) fn start(seed: u64, events: u64, drain_after: u64) -> Self {
        let (server, port) = serve(seed, events, drain_after, 1);
        Self { seed, events, drain_after, history: 1.0, server, port, since: Instant::now() }
    }

    /// Where it is now.
    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// Kills the server and starts another, which has at least the events of the one before. It is on another port, so
    /// that no other test can get the port meanwhile.
    pub(super) fn restart(&mut self) {
        self.server.child.kill().expect("it can be killed");
        self.server.child.wait().expect("it ends");
        // The first of the new ones comes at once, each time.
        let most = self.since.elapsed().as_secs_f64() * RATE + 2.0;
        self.history = (self.history + most.ceil()).min(self.events as f64);
        self.since = Instant::now();
        (self.server, self.port) = serve(self.seed, self.events, self.drain_after, self.history as u64);
    }

    /// The same with a server that has all events.
    pub(super) fn complete(&mut self) {
        self.history = self.events as f64;
        self.restart();
    }
}

fn serve(seed: u64, events: u64, drain_after: u64, history: u64) -> (Running, u16) {
    let (rate, rest) = (RATE.to_string(), events - history);
    let [seed, rest, drain, history] = [seed, rest, drain_after, history].map(|number| number.to_string());
    #[rustfmt::skip]
    let args = [
        "kadoa", "--seed", &seed, "--rate", &rate, "--history", &history, "--events", &rest, "--drain-after", &drain,
        "--time-scale", "50", "--no-compress",
    ];
    clients::serve(&args)
}
