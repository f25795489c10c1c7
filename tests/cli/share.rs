//! Shared work: processes divide topics among themselves, and take over from those that are killed, stand still, or are cut
//! off from NATS.

use std::collections::HashMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::net::{RecvFlags, recv};
use serde_json::{Value, json};

use crate::brokers::{BrokerServer, Stream};
use crate::clients::until;
use crate::harness::{HUNG, Peer, Running, frame, wstap};
use crate::kafka::python;
use crate::relay::Relay;

/// The time between two events of a topic.
const PACE: Duration = Duration::from_millis(10);

/// A dialect with a cursor for each topic.
const DIALECT: &str = r#"
name = "replaying"
subscribe.send = '{"topic":"{topic}"}'
subscribe.resume = '{"topic":"{topic}","after":"{cursor}"}'
event.id = "/id"
event.cursor = "/cursor"
"#;

/// A provider that replays: each topic has numbered events, and a connection gets those after its cursor.
struct Replaying {
    port: u16,
    /// How many events each topic has.
    events: u64,
    seen: Arc<Mutex<HashMap<String, Readers>>>,
}

/// Who reads a topic.
#[derive(Default)]
struct Readers {
    open: Vec<TcpStream>,
    subscriptions: usize,
    /// Subscriptions that came while another reader was connected.
    overlaps: usize,
}

impl Readers {
    /// Forgets those that have hung up.
    fn refresh(&mut self) {
        self.open.retain(|stream| {
            let mut buffer = [0; 1 << 10];
            loop {
                match recv(stream, &mut buffer[..], RecvFlags::DONTWAIT) {
                    Ok((0, _)) => return false,
                    // Pongs, and the close frame of a session that ends.
                    Ok(_) => {}
                    Err(error) => return error == rustix::io::Errno::AGAIN,
                }
            }
        });
    }
}

impl Replaying {
    fn new(events: u64) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Mutex<HashMap<String, Readers>>>::default();
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, stream) = (Arc::clone(&shared), stream.unwrap());
                stream.set_read_timeout(Some(HUNG)).unwrap();
                thread::spawn(move || serve(Peer { stream }, events, &seen));
            }
        });
        Self { port, events, seen }
    }

    fn sum(&self, of: impl Fn(&mut Readers) -> usize) -> usize {
        self.seen.lock().unwrap().values_mut().map(of).sum()
    }

    /// How many connections there are.
    fn connected(&self) -> usize {
        self.sum(|readers| {
            readers.refresh();
            readers.open.len()
        })
    }
}

/// Sends the events of one topic until the client leaves.
fn serve(mut peer: Peer, events: u64, seen: &Mutex<HashMap<String, Readers>>) {
    peer.accept();
    let Some(text) = peer.read_text() else { return };
    let request: Value = serde_json::from_str(&text).unwrap();
    let topic = request["topic"].as_str().unwrap().to_owned();
    let after = request["after"].as_str().map_or(0, |after| after.parse().unwrap());
    let mut topics = seen.lock().unwrap();
    let readers = topics.entry(topic.clone()).or_default();
    readers.refresh();
    readers.subscriptions += 1;
    readers.overlaps += usize::from(!readers.open.is_empty());
    readers.open.push(peer.stream.try_clone().unwrap());
    drop(topics);
    peer.stream.set_read_timeout(Some(PACE)).unwrap();
    for number in after + 1.. {
        let event = json!({"topic": topic, "id": format!("{topic}-{number}"), "cursor": number.to_string()});
        let event = frame(0x81, event.to_string().as_bytes());
        if number <= events && peer.stream.write_all(&event).is_err() {
            break;
        }
        // A client that leaves says so, or is gone.
        match peer.stream.read(&mut [0; 1 << 10]) {
            Ok(0) => break,
            Ok(_) if number > events => break,
            _ => {}
        }
    }
    let _ = peer.stream.shutdown(std::net::Shutdown::Both);
}

/// Processes that share topics, and what they need.
struct ShareTeam {
    provider: Replaying,
    broker: BrokerServer,
    stream: Stream,
    folder: tempfile::TempDir,
    topics: Vec<String>,
    members: Vec<TeamMember>,
    /// The time of a lease in seconds.
    lease: u64,
}

/// A process of the group, which reaches NATS through a relay of its own.
struct TeamMember {
    running: Running,
    relay: Relay,
    log: PathBuf,
}

impl TeamMember {
    fn says(&self, text: &str) -> usize {
        fs::read_to_string(&self.log).unwrap().matches(text).count()
    }

    /// How many topics it holds.
    fn holds(&self) -> usize {
        self.says(": taken") - self.says(": given back") - self.says(": lost")
    }
}

impl ShareTeam {
    /// A team of so many, for so many topics of so many events. `None`: there is no server for it.
    fn start(members: usize, topics: usize, events: u64, lease: u64) -> Option<Self> {
        let broker = BrokerServer::nats()?;
        let stream = Stream::new(&broker, -1);
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("replaying.toml"), DIALECT).unwrap();
        let topics = (0..topics).map(|number| format!("t{number}")).collect();
        let provider = Replaying::new(events);
        let mut team = Self { provider, broker, stream, folder, topics, members: Vec::new(), lease };
        (0..members).for_each(|_| team.add());
        Some(team)
    }

    fn add(&mut self) {
        let relay = Relay::new(self.broker.to("").trim_start_matches("nats://").trim_end_matches('/'));
        let through = |rest: &str| format!("nats://127.0.0.1:{}/{rest}", relay.port);
        let url = format!("ws://127.0.0.1:{}/", self.provider.port);
        let path = |name: &str| self.folder.path().join(name).display().to_string();
        let log = self.folder.path().join(format!("log{}", self.members.len()));
        let topics: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        let running = wstap(&["subscribe", "-d", &path("replaying.toml"), "--url", &url])
            .args(&["--to", &through("feed"), "--share", &through(&format!("team?lease={}", self.lease))])
            .args(&["--reconnect-delay", "10ms", "--reconnect-max-delay", "50ms"])
            .args(&topics)
            .stderr(fs::File::create(&log).unwrap())
            .spawn();
        self.members.push(TeamMember { running, relay, log });
    }

    fn until_every_topic_is_read(&self) {
        until("every topic is read", || self.provider.connected() == self.topics.len());
    }

    /// Waits until the members have divided the topics.
    fn until_divided(&self) {
        self.until_every_topic_is_read();
        until("the topics are divided", || {
            self.members.iter().map(TeamMember::holds).sum::<usize>() == self.topics.len()
        });
        until("some are stored", || self.stored() > 500);
    }

    fn stored(&self) -> u64 {
        self.stream.len()
    }

    fn all(&self) -> u64 {
        self.provider.events * self.topics.len() as u64
    }

    /// Members that hold topics.
    fn holders(&self) -> Vec<usize> {
        (0..self.members.len()).filter(|member| self.members[*member].holds() > 0).collect()
    }

    fn kill(&mut self, member: usize) {
        let TeamMember { mut running, .. } = self.members.remove(member);
        running.child.kill().unwrap();
        running.child.wait().unwrap();
    }

    fn overlaps(&self) -> usize {
        self.provider.sum(|readers| readers.overlaps)
    }

    /// Every event of every topic is stored, once and in the order of its topic.
    #[track_caller]
    fn ends_with_everything(self) {
        until("everything is stored", || self.stored() == self.all());
        for member in &self.members {
            member.relay.restore();
            member.running.signal("CONT");
            member.running.signal("TERM");
        }
        for member in self.members {
            member.running.finish().exits(143);
        }
        let ids = self.stream.ids();
        for topic in &self.topics {
            let prefix = format!("{topic}-");
            let of_topic: Vec<&str> = ids.iter().filter_map(|id| id.strip_prefix(&prefix)).collect();
            let expected: Vec<String> = (1..=self.provider.events).map(|number| number.to_string()).collect();
            assert_eq!(of_topic, expected, "{topic}");
        }
        assert!(self.provider.sum(|readers| readers.subscriptions) > self.topics.len());
    }
}

#[test]
fn a_process_that_begins_after_one_that_was_killed_continues_where_it_was() {
    let Some(mut team) = ShareTeam::start(1, 12, 300, 2) else { return };
    team.until_divided();
    team.kill(0);
    team.add();
    team.until_every_topic_is_read();
    assert_eq!(team.overlaps(), 0);
    team.ends_with_everything();
}

/// With a consumer in Python that counts what comes through.
#[test]
fn of_three_processes_one_is_killed_and_the_consumer_has_every_event() {
    let Some(mut team) = ShareTeam::start(3, 12, 300, 2) else { return };
    let url = team.broker.to("");
    let count = team.all().to_string();
    let consumer = python("nats").map(|python| {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/interop/count_events.py");
        let mut consumer = Command::new(python);
        consumer.arg(script).args([&url, "feed", &count]).stdout(Stdio::piped()).spawn().unwrap()
    });
    team.until_divided();
    team.kill(team.holders()[0]);
    team.until_every_topic_is_read();
    assert_eq!(team.overlaps(), 0);
    team.ends_with_everything();
    if let Some(consumer) = consumer {
        let out = consumer.wait_with_output().unwrap();
        assert_eq!(String::from_utf8_lossy(&out.stdout), format!("{count} events, {count} ids\n"));
    }
}

#[test]
fn a_takeover_is_a_record() {
    let Some(mut team) = ShareTeam::start(1, 1, 300, 2) else { return };
    until("some are stored, and a cursor", || team.stored() > 100);
    let member = fs::read_to_string(&team.members[0].log).unwrap();
    let member = member.split_whitespace().nth(2).unwrap().to_owned();
    team.kill(0);
    let path = |name: &str| team.folder.path().join(name).display().to_string();
    let (url, share) = (format!("ws://127.0.0.1:{}/", team.provider.port), team.broker.to("team?lease=2"));
    let store =
        format!("n=0; while read -r line; do echo \"$line\" >> {}; echo $((n += 1)); done", path("lines"));
    let run = wstap(&["subscribe", "-d", &path("replaying.toml"), "--url", &url, "--share", &share, "t0"])
        .args(&["--to-cmd", &store, "--envelope"])
        .spawn();
    let lines = || fs::read_to_string(team.folder.path().join("lines")).unwrap_or_default();
    until("the takeover is stored", || lines().contains(r#""type":"gap""#));
    let records: Vec<Value> = lines().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let gap = records.iter().find(|record| record["type"] == "gap").unwrap();
    assert_eq!((&gap["taken_over_from"], &gap["replayed"]), (&json!(member), &json!(true)), "{gap}");
    run.signal("TERM");
    run.finish().exits(143);
}

/// One is killed, one loses NATS, and one stands still. The lease leaves a slow machine time to stop in.
#[test]
fn ten_processes_lose_three_of_them_and_no_event() {
    let Some(mut team) = ShareTeam::start(10, 20, 500, 3) else { return };
    team.until_divided();
    // The first may have taken all, and give some back to those that start later.
    until("three hold topics", || team.holders().len() > 2);
    let holders = team.holders();
    let (killed, cut, still) = (holders[2], holders[1], holders[0]);
    team.members[cut].relay.hold();
    team.kill(killed);
    until("it notices that NATS is away", || team.members[cut].says(": lost") > 0);
    team.until_every_topic_is_read();
    // Whoever was cut off had stopped before another began.
    assert_eq!(team.overlaps(), 0);
    team.members[still].running.signal("STOP");
    team.ends_with_everything();
}
