//! A network, a client and a server that fail at moments that a seed decides: what reaches the output all the same.

use std::collections::HashSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use rustix::net::sockopt::set_socket_linger;
use serde_json::Value;

use crate::clients::{self, serve, until};
use crate::harness::Wstap;

/// How many connections fail. The services do not let anybody connect more than a hundred times a minute.
const FAILURES: u64 = 30;

/// Attempts follow at once, and a link is dead after half a second.
const IMPATIENT: &[&str] = &[
    "-q",
    "--reconnect-delay",
    "10ms",
    "--reconnect-max-delay",
    "50ms",
    "--ping-interval",
    "100ms",
    "--ping-timeout",
    "500ms",
];

/// A network between a client and a server, on a port of its own.
struct Network {
    port: u16,
    shared: Arc<Shared>,
}

struct Shared {
    server: u16,
    failures: AtomicU64,
    over: AtomicBool,
}

impl Network {
    /// One whose connections end after up to so many bytes from the server.
    fn new(server: u16, bytes: u64, seed: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("it has an address").port();
        let shared = Arc::new(Shared { server, failures: AtomicU64::new(0), over: AtomicBool::new(false) });
        let network = Self { port, shared: Arc::clone(&shared) };
        thread::spawn(move || {
            let mut random = Rng::with_seed(seed);
            for client in listener.incoming() {
                if shared.over.load(Ordering::Relaxed) {
                    return;
                }
                let (shared, random) = (Arc::clone(&shared), random.fork());
                thread::spawn(move || client.and_then(|client| shared.carry(&client, bytes, random)));
            }
        });
        network
    }

    fn failures(&self) -> u64 {
        self.shared.failures.load(Ordering::Relaxed).min(FAILURES)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        let _ = TcpStream::connect(("127.0.0.1", self.port));
    }
}

impl Shared {
    fn carry(&self, client: &TcpStream, most: u64, mut random: Rng) -> std::io::Result<()> {
        let server = TcpStream::connect(("127.0.0.1", self.server))?;
        client.set_nodelay(true)?;
        let (mut from, mut to) = (client.try_clone()?, server.try_clone()?);
        thread::spawn(move || {
            let _ = std::io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
        let mut left = random.u64(1..most);
        let mut bytes = [0; 4096];
        loop {
            let most = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            let read = (&server).read(&mut bytes[..most])?;
            let sent = (&*client).write_all(&bytes[..read]);
            if read == 0 || sent.is_err() {
                return client.shutdown(Shutdown::Both);
            }
            left -= read as u64;
            if left > 0 {
                continue;
            }
            left = random.u64(1..most as u64 + 1) + 10_000;
            if self.failures.fetch_add(1, Ordering::Relaxed) >= FAILURES {
                left = u64::MAX;
            } else if !fail(client, &server, &mut random)? {
                return Ok(());
            }
        }
    }
}

/// Lets a connection fail. `true`: it goes on after all.
fn fail(client: &TcpStream, server: &TcpStream, random: &mut Rng) -> std::io::Result<bool> {
    match random.u8(0..4) {
        // It ends, as when a process is killed.
        0 => {
            client.shutdown(Shutdown::Both)?;
            server.shutdown(Shutdown::Both)?;
        }
        // It is reset, in both directions, as soon as all who hold it let go.
        1 => {
            set_socket_linger(client, Some(Duration::ZERO))?;
            server.shutdown(Shutdown::Both)?;
            client.shutdown(Shutdown::Read)?;
        }
        // The server has gone, and nobody tells the client.
        2 => {
            server.shutdown(Shutdown::Both)?;
            let mut bytes = [0; 4096];
            while (&*client).read(&mut bytes)? > 0 {}
        }
        // It stands still for a while.
        _ => {
            thread::sleep(Duration::from_millis(random.u64(1..900)));
            return Ok(true);
        }
    }
    Ok(false)
}

fn subscribe(dialect: &str, port: u16, args: &[&str]) -> Wstap {
    clients::of(dialect).subscribe(port).args(IMPATIENT).args(args)
}

fn ids(text: &str) -> Vec<String> {
    let id = |line: &str| {
        let event: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        event["id"].as_str().expect("events have ids").to_owned()
    };
    text.lines().map(id).collect()
}

/// The first events of the log, over a network that works.
fn logged(port: u16, count: usize) -> Vec<String> {
    let out = subscribe("kadoa", port, &["--from-cursor", "", "--count", &count.to_string()]).run();
    ids(&out.exits(0).stdout)
}

#[test]
fn what_can_be_replayed_comes_exactly_once_whatever_the_network_does() {
    const EVENTS: usize = 2000;
    let (_mock, port) = serve(&["kadoa", "--rate", "1000", "--events", &EVENTS.to_string()]);
    let network = Network::new(port, 120_000, 7);
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (lines, cursor) = (path("lines"), path("cursor"));
    let args = ["--cursor-file", &cursor, "-o", &lines, "--from-cursor", "", "--count", &EVENTS.to_string()];
    subscribe("kadoa", network.port, &args).run().exits(0);
    assert!(network.failures() > 4, "{}", network.failures());
    assert!(ids(&fs::read_to_string(&lines).expect("lines were written")) == logged(port, EVENTS));
}

/// Half of the clients are killed, the others asked to end. Only killing may write an event twice.
#[test]
fn what_can_be_replayed_comes_at_least_once_whoever_is_killed() {
    const EVENTS: usize = 2000;
    const RUNS: usize = 12;
    let mock = ["kadoa", "--rate", "1000", "--events", &EVENTS.to_string()];
    let (_mock, port) = serve(&mock);
    let network = Network::new(port, 60_000, 11);
    let folder = tempfile::tempdir().expect("a folder");
    let path = |name: &str| folder.path().join(name).display().to_string();
    let (lines, cursor) = (path("lines"), path("cursor"));
    // Without a cursor, the first run would begin with what is new.
    fs::write(&cursor, logged_cursor(port)).expect("it can be written");
    let first = logged(port, 1);
    let text = || fs::read_to_string(&lines).unwrap_or_default();
    let run = |port| subscribe("kadoa", port, &["--cursor-file", &cursor, "-o", &lines]).spawn();
    let mut random = Rng::with_seed(13);
    let mut kills = 0;
    for _ in 0..RUNS {
        let mut run = run(network.port);
        // Whatever it has come to by then.
        thread::sleep(Duration::from_millis(random.u64(50..500)));
        if random.bool() {
            run.child.kill().expect("it can be killed");
            kills += 1;
        } else {
            run.signal("TERM");
        }
        run.finish();
    }
    let last = run(port);
    let whole = || {
        let text = text();
        ids(&text[..text.rfind('\n').map_or(0, |end| end + 1)])
    };
    let written = || whole().into_iter().chain(first.clone()).collect::<HashSet<_>>().len();
    until("every event is written", || written() == EVENTS);
    last.signal("TERM");
    last.finish().exits(143);
    assert!(kills > RUNS / 4);
    let mut seen = HashSet::new();
    let once: Vec<String> =
        first.into_iter().chain(ids(&text())).filter(|id| seen.insert(id.clone())).collect();
    assert!(once == logged(port, EVENTS), "in order, as they came first");
}

/// The cursor of the first event.
fn logged_cursor(port: u16) -> String {
    let out = subscribe("kadoa", port, &["--from-cursor", "", "--count", "1"]).run();
    let event: Value = serde_json::from_str(&out.exits(0).stdout).expect("an event");
    event["_cursor"].as_str().expect("events have cursors").to_owned()
}

#[test]
fn what_cannot_be_replayed_is_announced_as_missing() {
    let (_mock, port) = serve(&["ryze", "--rate", "1000"]);
    let network = Network::new(port, 60_000, 17);
    let run = subscribe("ryze", network.port, &["--envelope"]).spawn();
    until("the network has failed often enough", || network.failures() >= 20);
    run.signal("INT");
    let out = run.finish();
    let records = out.exits(130).json();
    let (opened, gaps) = (out.records("open"), out.records("gap"));
    assert!(opened.len() > 10, "{}", opened.len());
    assert_eq!(gaps.len(), opened.len() - 1, "one between two connections");
    let mut ended = Value::Null;
    let mut seq = 0;
    for record in records {
        match record["type"].as_str() {
            Some("close") => ended = record["ts"].clone(),
            Some("gap") => {
                assert!(record["from"].as_str() <= record["to"].as_str() && record["from"] == ended);
            }
            Some("message") => {
                seq += 1;
                assert_eq!(record["seq"], seq, "nothing that came is missing");
            }
            _ => {}
        }
    }
    assert_eq!(out.summary()["received"], seq);
}
