//! Shared work: processes divide topics among themselves, and take over from those that are killed or stand still.

use std::collections::HashMap;
use std::fs;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::brokers::{BrokerServer, Stream};
use crate::clients::until;
use crate::harness::{HUNG, Peer, Running, wstap};

/// Events of each topic.
const EVENTS: u64 = 600;

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
    seen: Arc<Mutex<HashMap<String, Readers>>>,
}

/// Who reads a topic.
#[derive(Default)]
struct Readers {
    now: usize,
    subscriptions: usize,
    sent: u64,
}

impl Replaying {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen = Arc::<Mutex<HashMap<String, Readers>>>::default();
        let shared = Arc::clone(&seen);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (seen, stream) = (Arc::clone(&shared), stream.unwrap());
                stream.set_read_timeout(Some(HUNG)).unwrap();
                thread::spawn(move || serve(Peer { stream }, &seen));
            }
        });
        Self { port, seen }
    }

    fn sum(&self, of: impl Fn(&Readers) -> usize) -> usize {
        self.seen.lock().unwrap().values().map(of).sum()
    }
}

/// Sends the events of one topic until the client leaves.
fn serve(mut peer: Peer, seen: &Mutex<HashMap<String, Readers>>) {
    use std::io::Write as _;
    peer.accept();
    let Some(text) = peer.read_text() else { return };
    let request: Value = serde_json::from_str(&text).unwrap();
    let topic = request["topic"].as_str().unwrap().to_owned();
    let after = request["after"].as_str().map_or(0, |after| after.parse().unwrap());
    let count =
        |change: &dyn Fn(&mut Readers)| change(seen.lock().unwrap().entry(topic.clone()).or_default());
    count(&|readers| {
        readers.now += 1;
        readers.subscriptions += 1;
    });
    for number in after + 1.. {
        // Once all events are sent, pings show when the client has gone.
        let frame = if number <= EVENTS {
            let event =
                json!({"topic": topic, "id": format!("{topic}-{number}"), "cursor": number.to_string()});
            crate::harness::frame(0x81, event.to_string().as_bytes())
        } else {
            crate::harness::frame(0x89, b"")
        };
        if peer.stream.write_all(&frame).is_err() {
            break;
        }
        count(&|readers| readers.sent += u64::from(number <= EVENTS));
        thread::sleep(Duration::from_millis(if number <= EVENTS { 5 } else { 50 }));
    }
    count(&|readers| readers.now -= 1);
}

fn topics(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("t{number}")).collect()
}

/// A process of the group.
fn member(provider: &Replaying, broker: &BrokerServer, dialect: &str, topics: &[String]) -> Running {
    let url = format!("ws://127.0.0.1:{}/", provider.port);
    let (to, share) = (broker.to("feed"), broker.to("team?lease=2"));
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    let delays = ["--reconnect-delay", "10ms", "--reconnect-max-delay", "50ms"];
    wstap(&["subscribe", "-d", dialect, "--url", &url, "--to", &to, "--share", &share])
        .args(&delays)
        .args(&topics)
        .stderr(std::process::Stdio::null())
        .spawn()
}

/// Every event of every topic, once, and in the order of its topic.
#[track_caller]
fn has_everything(stream: &Stream, topics: &[String]) {
    let ids = stream.ids();
    for topic in topics {
        let prefix = format!("{topic}-");
        let of_topic: Vec<&str> = ids.iter().filter_map(|id| id.strip_prefix(&prefix)).collect();
        let expected: Vec<String> = (1..=EVENTS).map(|number| number.to_string()).collect();
        assert_eq!(of_topic, expected, "{topic}");
    }
    assert_eq!(ids.len() as u64, EVENTS * topics.len() as u64);
}

#[test]
fn topics_are_taken_over_from_a_process_that_dies_and_from_one_that_stands_still() {
    let Some(broker) = BrokerServer::nats() else { return };
    let stream = Stream::new(&broker, -1);
    let folder = tempfile::tempdir().unwrap();
    let dialect = folder.path().join("replaying.toml");
    fs::write(&dialect, DIALECT).unwrap();
    let dialect = dialect.display().to_string();
    for count in [1, 3] {
        let provider = Replaying::new();
        let topics: Vec<String> = topics(12).into_iter().map(|topic| format!("{count}{topic}")).collect();
        let before = stream.len();
        let mut members: Vec<Running> =
            (0..count).map(|_| member(&provider, &broker, &dialect, &topics)).collect();
        let stored = || stream.len() - before;
        until("every topic is read", || provider.sum(|readers| readers.now) == topics.len());
        until("some are stored", || stored() > 600);
        members[0].child.kill().unwrap();
        members[0].child.wait().unwrap();
        if count == 1 {
            members.push(member(&provider, &broker, &dialect, &topics));
        } else {
            until("its topics are taken over", || provider.sum(|readers| readers.now) == topics.len());
            members[1].signal("STOP");
        }
        until("everything is stored", || stored() == EVENTS * topics.len() as u64);
        if count == 3 {
            members[1].signal("CONT");
        }
        for running in members.into_iter().skip(1) {
            running.signal("TERM");
            running.finish().exits(143);
        }
        let ids = stream.ids();
        let own: Vec<&String> = ids.iter().skip(usize::try_from(before).unwrap()).collect();
        assert_eq!(own.len() as u64, EVENTS * topics.len() as u64);
        assert!(provider.sum(|readers| readers.subscriptions) >= topics.len());
    }
    let all: Vec<String> = [1, 3]
        .iter()
        .flat_map(|count| topics(12).into_iter().map(move |topic| format!("{count}{topic}")))
        .collect();
    has_everything(&stream, &all);
}
