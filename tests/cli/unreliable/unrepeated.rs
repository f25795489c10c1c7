//! Providers that do not replay: every gap is told with its bounds, and what has come is in the output.

use std::fs;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use tempfile::TempDir;

use super::network::{Delivered, FAULTS, Fault, Network};
use super::{IMPATIENT, listens, rounds, tell, wait_for};
use crate::clients;
use crate::harness::Running;

const DIALECTS: [&str; 3] = ["burki", "ryze", "voipbin"];

/// So often the server of each is killed.
const SERVERS: u64 = 20;

/// How often the network of each client fails, and how often the client is killed.
const CLIENTS: [(u64, u64); 2] = [(120, 0), (20, 80)];

/// The clock of a file system may be so much behind.
const FILE_CLOCK: Duration = Duration::from_millis(100);

#[derive(Deserialize)]
struct Record<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
    ts: &'a str,
    conn: u64,
    dir: Option<&'a str>,
    seq: Option<u64>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    from: Option<&'a str>,
    to: Option<&'a str>,
    replayed: Option<bool>,
}

#[test]
fn what_cannot_be_replayed_is_announced_as_missing_and_nothing_that_came_is() {
    for round in rounds() {
        thread::scope(|scope| {
            for (number, dialect) in (1..).zip(DIALECTS) {
                scope.spawn(move || run(dialect, round * 100 + number));
            }
        });
    }
}

/// Runs the clients of a dialect.
fn run(dialect: &'static str, seed: u64) {
    let (mut server, port) = serve(dialect);
    // There is no call before a connection.
    let faults: Vec<Fault> = FAULTS.iter().copied().filter(|fault| *fault != Fault::Call).collect();
    let network = |(number, (failures, _)): (u64, &(u64, u64))| {
        Network::new(port, &faults, *failures, seed * 100 + number).keep()
    };
    let networks: Vec<Network> = (0..).zip(&CLIENTS).map(network).collect();
    thread::scope(|scope| {
        for (network, (_, kills)) in networks.iter().zip(&CLIENTS) {
            scope.spawn(|| Lane::new(dialect, network, *kills).run());
        }
        let mut random = Rng::with_seed(seed);
        for _ in 0..SERVERS {
            thread::sleep(Duration::from_millis(random.u64(20..400)));
            server.child.kill().expect("it can be killed");
            server.child.wait().expect("it ends");
            let port;
            (server, port) = serve(dialect);
            networks.iter().for_each(|network| network.serve(port));
        }
    });
    for (network, (failures, _)) in networks.iter().zip(&CLIENTS) {
        assert_eq!(network.failures(), *failures);
    }
}

/// A server with a lot to tell. With its minute that much faster, nobody connects too often for it.
fn serve(dialect: &str) -> (Running, u16) {
    clients::serve(&[
        dialect,
        "--rate",
        "2000",
        "--contacts",
        "100000",
        "--time-scale",
        "600",
        "--no-compress",
    ])
}

/// One client after the other, with the same file and the same network.
struct Lane<'a> {
    dialect: &'static str,
    folder: TempDir,
    network: &'a Network,
    kills: u64,
}

impl<'a> Lane<'a> {
    fn new(dialect: &'static str, network: &'a Network, kills: u64) -> Self {
        Self { dialect, folder: tempfile::tempdir().expect("a folder"), network, kills }
    }

    fn run(&self) {
        let mut random = self.network.random();
        for _ in 0..self.kills {
            let mut client = self.start();
            thread::sleep(Duration::from_millis(random.u64(..150)));
            client.child.kill().expect("it can be killed");
            client.child.wait().expect("it ends");
        }
        let client = self.start();
        wait_for("the network to fail", || {
            (self.network.is_done() && listens(&client), self.network.failures())
        });
        client.signal("TERM");
        client.finish().exits(143);
        let told = self.check();
        let done = self.network.done();
        tell(&format!("{}: network {done:?}, client killed {} times: {told}", self.dialect, self.kills));
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("records")
    }

    fn start(&self) -> Running {
        let file = self.file();
        let args = ["--envelope", "--show-secrets", "-o", file.to_str().expect("UTF-8")];
        clients::of(self.dialect).subscribe(self.network.port).args(IMPATIENT).args(&args).spawn()
    }

    /// Returns the figures.
    fn check(&self) -> String {
        let text = fs::read_to_string(self.file()).expect("there are records");
        let record = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let records: Vec<Record<'_>> = text.lines().map(record).collect();
        let gaps = check_gaps(&records);
        let (conns, mut links) = (messages(&records), self.network.links());
        for link in &mut links {
            link.perhaps |= self.kills > 0;
        }
        check_messages(&conns, &links);
        let [received, sure] = [conns.iter().map(Vec::len).sum(), sure(&links)];
        format!("{} connections, {gaps} gaps, {received} messages, {sure} at least", conns.len())
    }
}

/// After each `open` but the first of all there is a gap: from the end of the connection before or, where a client was
/// killed, from its last record of a connection. Returns how many there are.
fn check_gaps(records: &[Record<'_>]) -> usize {
    let opens: Vec<usize> = (0..records.len()).filter(|at| records[*at].kind == "open").collect();
    for pair in opens.windows(2) {
        let (before, [open, gap]) = (&records[pair[0]..pair[1]], [&records[pair[1]], &records[pair[1] + 1]]);
        assert_eq!((gap.kind, gap.replayed, gap.to), ("gap", Some(false), Some(open.ts)));
        let from = gap.from.expect("a gap has bounds");
        assert!(from <= open.ts, "{from} {}", open.ts);
        if open.conn > 1 {
            let close = before.iter().rfind(|record| record.kind == "close");
            assert_eq!(close.map(|close| close.ts), Some(from));
        } else {
            let written = before.iter().rfind(|record| record.kind == "message").map(|last| time(last.ts));
            assert!(written.is_none_or(|written| written <= time(from) + FILE_CLOCK));
        }
    }
    opens.len() - 1
}

fn time(text: &str) -> Timestamp {
    text.parse().expect("a time")
}

/// The messages of each connection. None is missing between two that were received.
fn messages<'a>(records: &[Record<'a>]) -> Vec<Vec<&'a str>> {
    let (mut conns, mut seq) = (Vec::new(), 0);
    for record in records {
        if record.kind == "open" {
            conns.push(Vec::new());
            seq = if record.conn == 1 { 0 } else { seq };
        } else if record.kind == "message" && record.dir == Some("in") {
            seq += 1;
            assert_eq!(record.seq, Some(seq));
            conns.last_mut().expect("a connection").push(record.data.expect("they are JSON").get());
        }
    }
    conns
}

/// What is in the output is what came: all of it, or its beginning where nobody can know how much was read.
fn check_messages(conns: &[Vec<&str>], links: &[Delivered]) {
    let mut conns = conns.iter().peekable();
    for link in links {
        let is_beginning = |conn: &&Vec<&str>| {
            link.texts.iter().map(String::as_str).zip(conn.iter().copied()).all(|(a, b)| a == b)
                && conn.len() <= link.texts.len()
        };
        let conn = conns.next_if(is_beginning);
        let length = conn.map_or(0, Vec::len);
        assert!(link.perhaps || length == link.texts.len(), "{length} of {}", link.texts.len());
    }
    assert_eq!(conns.count(), 0, "connections that never were");
}

/// So many messages were read for sure.
fn sure(links: &[Delivered]) -> usize {
    links.iter().filter(|link| !link.perhaps).map(|link| link.texts.len()).sum()
}
