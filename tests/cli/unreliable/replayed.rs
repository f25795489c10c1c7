//! A provider that replays: nothing is missing, and only who is killed writes anything twice.

use std::collections::BTreeMap;
use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tempfile::TempDir;

use super::lines::{Lines, Log};
use super::network::{FAULTS, Network};
use super::service::Service;
use super::{IMPATIENT, listens, rounds, tell, wait_for};
use crate::clients;
use crate::harness::Running;

/// Events in the log of a service.
const EVENTS: u64 = 8000;

/// What happens to a service and its clients.
struct Trouble {
    /// So often its server is killed.
    servers: u64,
    /// After so many events, each server tells its clients to come back.
    drain_after: u64,
    clients: &'static [Client],
}

/// What happens to one client after the other with the same files.
struct Client {
    /// So often the network fails.
    failures: u64,
    /// So often the client ends, in this way.
    ends: u64,
    ending: Ending,
}

/// How a client ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Ending {
    /// It is asked to.
    Asked,
    /// It is killed.
    Killed,
}

const CLIENTS: &[Client] = &[
    Client { failures: 150, ends: 0, ending: Ending::Asked },
    Client { failures: 150, ends: 0, ending: Ending::Asked },
    Client { failures: 60, ends: 60, ending: Ending::Asked },
    Client { failures: 60, ends: 250, ending: Ending::Killed },
    Client { failures: 60, ends: 250, ending: Ending::Killed },
    Client { failures: 60, ends: 250, ending: Ending::Killed },
];

const TROUBLE: &[Trouble] = &[
    Trouble { servers: 50, drain_after: EVENTS, clients: CLIENTS },
    Trouble { servers: 50, drain_after: 10, clients: CLIENTS },
];

/// When it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Moment {
    /// While it starts and connects.
    Early,
    /// Some time later.
    Late,
    /// Once it has written something.
    Writing,
    /// The same, and while it writes the cursor.
    Keeping,
}

const MOMENTS: &[Moment] = &[Moment::Early, Moment::Late, Moment::Writing, Moment::Keeping];

/// A moment that does not come is not waited for any longer.
const NO_MOMENT: Duration = Duration::from_millis(400);

#[test]
fn what_can_be_replayed_is_lost_nowhere_and_doubled_only_by_who_is_killed() {
    for round in rounds() {
        let told: Vec<String> = thread::scope(|scope| {
            let services: Vec<_> = (1..)
                .zip(TROUBLE)
                .map(|(number, trouble)| scope.spawn(move || trouble.run(round * 100 + number)))
                .collect();
            services.into_iter().map(|service| service.join().expect("it has come through")).collect()
        });
        let failures: u64 = TROUBLE.iter().map(Trouble::failures).sum();
        tell(&format!("{failures} failures\n{}", told.join("\n")));
    }
}

impl Trouble {
    /// All of them.
    fn failures(&self) -> u64 {
        self.servers + self.clients.iter().map(|client| client.failures + client.ends).sum::<u64>()
    }

    /// Returns the figures.
    fn run(&self, seed: u64) -> String {
        let (mut service, log) = (Service::start(seed, EVENTS, self.drain_after), logged(seed));
        let network = |(number, client): (u64, &Client)| {
            Network::new(service.port(), FAULTS, client.failures, seed * 100 + number)
        };
        let networks: Vec<Network> = (0..).zip(self.clients).map(network).collect();
        let mut lanes: Vec<Lane<'_>> = networks.iter().map(|network| Lane::new(&log, network)).collect();
        thread::scope(|scope| {
            for (lane, client) in lanes.iter_mut().zip(self.clients) {
                scope.spawn(|| lane.be_troubled(client));
            }
            let mut random = Rng::with_seed(seed);
            for _ in 0..self.servers {
                thread::sleep(Duration::from_millis(random.u64(20..400)));
                service.restart();
                networks.iter().for_each(|network| network.serve(service.port()));
            }
        });
        service.complete();
        networks.iter().for_each(|network| network.serve(service.port()));
        lanes.iter_mut().for_each(Lane::complete);
        self.tell(seed, &lanes)
    }

    fn tell(&self, seed: u64, lanes: &[Lane<'_>]) -> String {
        let mut text = format!("{seed}: {EVENTS} events, server killed {} times", self.servers);
        for (lane, Client { failures, ends, ending }) in lanes.iter().zip(self.clients) {
            assert_eq!((lane.network.failures(), lane.ends.values().sum()), (*failures, *ends));
            assert!(*ending == Ending::Killed || lane.lines.repeated == 0);
            let Lines { repeated, halves, .. } = &lane.lines;
            text += &format!(
                "\n  network {:?}, client {ending:?} {:?}: {} written, {repeated} again, {halves} half lines",
                lane.network.done(),
                lane.ends,
                lane.lines.written(),
            );
        }
        text
    }
}

/// The log of a service, from one that does not fail.
fn logged(seed: u64) -> Log {
    let (seed, events) = (seed.to_string(), EVENTS.to_string());
    let mock = ["kadoa", "--seed", &seed, "--history", &events, "--events", "0"];
    let (_mock, port) = clients::serve(&mock);
    let args = ["-q", "--from-cursor", "", "--count", &events];
    Log::read(&clients::of("kadoa").subscribe(port).args(&args).run().exits(0).stdout)
}

/// One client after the other, with the same files and the same network.
struct Lane<'a> {
    folder: TempDir,
    lines: Lines<'a>,
    network: &'a Network,
    ends: BTreeMap<Moment, u64>,
    client: Option<Running>,
    random: Rng,
}

impl<'a> Lane<'a> {
    fn new(log: &'a Log, network: &'a Network) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let lines = Lines::new(log, folder.path());
        let random = network.random();
        Self { folder, lines, network, ends: BTreeMap::new(), client: None, random }
    }

    /// The client ends so many times, and then runs until its network has failed as often as planned.
    fn be_troubled(&mut self, plan: &Client) {
        for _ in 0..plan.ends {
            let moment = MOMENTS[self.random.usize(..MOMENTS.len())];
            let mut client = self.start();
            self.wait_for(moment, client.child.id());
            if plan.ending == Ending::Asked {
                client.signal("TERM");
                // Before it has started, nobody listens.
                let code = client.finish().code;
                assert!(matches!(code, Some(143) | None), "{code:?}");
            } else {
                client.child.kill().expect("it can be killed");
                client.child.wait().expect("it ends");
            }
            *self.ends.entry(moment).or_default() += 1;
            self.lines.ended();
        }
        self.client = Some(self.start());
        wait_for("the network to fail", || {
            self.look();
            let up = self.client.as_ref().is_some_and(listens);
            (up && self.network.is_done(), (self.network.failures(), self.lines.written()))
        });
    }

    /// The client ends, once it has everything.
    fn complete(&mut self) {
        wait_for("everything to be written", || {
            self.look();
            (self.lines.is_complete(), self.lines.written())
        });
        let client = self.client.take().expect("it runs");
        client.signal("TERM");
        client.finish().exits(143);
        self.lines.look();
        let names = fs::read_dir(self.folder.path()).expect("the folder is there");
        let names: Vec<_> = names.map(|entry| entry.expect("an entry").file_name()).collect();
        assert_eq!(names.len(), 2, "{names:?}");
    }

    fn start(&self) -> Running {
        let (lines, cursor) = (self.lines.file(), self.lines.cursor_file());
        let files = ["-o", lines.to_str().expect("UTF-8"), "--cursor-file", cursor.to_str().expect("UTF-8")];
        clients::of("kadoa").subscribe(self.network.port).args(IMPATIENT).args(&files).spawn()
    }

    fn look(&mut self) {
        self.lines.look();
        let client = self.client.as_mut().expect("it runs");
        if client.child.try_wait().expect("it can be waited for").is_some() {
            let left = self.client.take().map(Running::finish);
            panic!("it has ended: {left:#?}");
        }
    }

    fn wait_for(&mut self, moment: Moment, process: u32) {
        let millis = match moment {
            Moment::Early => Some(..25),
            Moment::Late => Some(..150),
            Moment::Writing | Moment::Keeping => None,
        };
        if let Some(millis) = millis {
            return thread::sleep(Duration::from_millis(self.random.u64(millis)));
        }
        let length = || fs::metadata(self.lines.file()).map_or(0, |file| file.len());
        let partial = self.folder.path().join(format!("cursor.{process}.partial"));
        let (before, started) = (length(), Instant::now());
        while started.elapsed() < NO_MOMENT {
            if length() > before && (moment == Moment::Writing || partial.exists()) {
                return;
            }
            thread::sleep(Duration::from_micros(300));
        }
    }
}
