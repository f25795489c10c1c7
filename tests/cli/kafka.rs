//! Delivery into Kafka, with a cluster in memory that stands still and is cut off. Without the Python package
//! `confluent-kafka` the tests say so and check nothing; `.ci/run` installs it.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::brokers::{FAST, skipped};
use crate::clients::{self, control, serve, until};
use crate::delivery::logged;
use crate::harness::{Wstap, wstap};
use crate::relay::Relay;
use crate::servers::Authority;

/// A cluster in a process of its own.
pub(crate) struct KafkaCluster {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// The hosts with their ports, as in a URL.
    hosts: String,
}

impl KafkaCluster {
    /// A cluster with these topics. `None`: it is not installed.
    pub(crate) fn start(brokers: &str, topics: &[&str]) -> Option<Self> {
        let python = python("confluent_kafka")?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/kafka_cluster.py");
        let mut command = Command::new(python);
        command.args([script, brokers]).args(topics).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let questions = child.stdin.take().unwrap();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let mut hosts = String::new();
        answers.read_line(&mut hosts).unwrap();
        Some(Self { child, questions, answers, hosts: hosts.trim().to_owned() })
    }

    fn ask(&mut self, question: &str) -> Value {
        writeln!(self.questions, "{question}").unwrap();
        let mut answer = String::new();
        self.answers.read_line(&mut answer).unwrap();
        serde_json::from_str(&answer).unwrap_or_else(|error| panic!("{error}: {answer:?}"))
    }

    /// How many records the topic has.
    pub(crate) fn count(&mut self, topic: &str) -> u64 {
        self.ask(&format!("count {topic}")).as_u64().unwrap()
    }

    /// All records of the topic, those of each partition in order.
    fn records(&mut self, topic: &str) -> Vec<Value> {
        serde_json::from_value(self.ask(&format!("read {topic}"))).unwrap()
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    pub(crate) fn to(&self, rest: &str) -> String {
        format!("kafka://{}/{rest}", self.hosts)
    }
}

impl Drop for KafkaCluster {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Python with this package. `None`: there is none.
pub(crate) fn python(package: &str) -> Option<String> {
    let python = std::env::var("WSTAP_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let import = format!("import {package}");
    let found = Command::new(&python).args(["-c", &import]).stderr(Stdio::null()).status();
    if found.is_ok_and(|status| status.success()) {
        return Some(python);
    }
    skipped(&format!("{package} is not installed for {python}"));
    None
}

fn header<'a>(record: &'a Value, name: &str) -> Option<&'a str> {
    let headers = record["headers"].as_array().unwrap();
    headers.iter().rev().find(|header| header[0] == name).map(|header| header[1].as_str().unwrap())
}

fn ids(records: &[Value]) -> Vec<String> {
    records.iter().map(|record| header(record, "id").unwrap().to_owned()).collect()
}

fn subscribe(port: u16, to: &str, args: &[&str]) -> Wstap {
    clients::of("kadoa").subscribe(port).args(&["--to", to]).args(&FAST).args(args)
}

/// Each id once, in the order in which they came first.
fn first_times(ids: &[String]) -> Vec<String> {
    let mut seen = HashSet::new();
    ids.iter().filter(|id| seen.insert(*id)).cloned().collect()
}

#[test]
fn kafka_has_every_event_in_the_order_of_its_key() {
    let Some(mut cluster) = KafkaCluster::start("3", &["feed", "gzip", "zstd", "unkeyed"]) else { return };
    let key = "{key: .id[-1:], headers: {source: \"test\"}}";
    for (topic, to) in [
        ("feed", cluster.to("feed")),
        ("gzip", cluster.to("gzip?compression=gzip")),
        ("zstd", cluster.to("zstd?compression=zstd")),
    ] {
        let (_mock, port) = serve(&["kadoa", "--rate", "max"]);
        let run = subscribe(port, &to, &["--count", "700", "--to-key", key]).run();
        assert_eq!(run.exits(0).stdout, "");
        let (records, sent) = (cluster.records(topic), logged(port, 700));
        assert_eq!(records.len(), 700);
        let mut of_keys: HashMap<&str, Vec<&Value>> = HashMap::new();
        for record in &records {
            of_keys.entry(record["key"].as_str().unwrap()).or_default().push(record);
            assert_eq!(header(record, "source"), Some("test"));
            let event: Value = serde_json::from_str(record["text"].as_str().unwrap()).unwrap();
            assert_eq!(event["id"].as_str(), header(record, "id"));
        }
        assert!(of_keys.len() > 5, "{}", of_keys.len());
        for (key, records) in of_keys {
            assert!(records.iter().all(|record| record["partition"] == records[0]["partition"]), "{key}");
            let found: Vec<&str> = records.iter().map(|record| header(record, "id").unwrap()).collect();
            let expected: Vec<&str> =
                sent.iter().map(String::as_str).filter(|id| id.ends_with(key)).collect();
            assert_eq!(found, expected, "{key}");
        }
        let used = records.iter().map(|record| record["partition"].as_u64());
        assert!(used.collect::<HashSet<_>>().len() > 1, "{topic}");
    }
    let (_mock, port) = serve(&["kadoa", "--rate", "max"]);
    subscribe(port, &cluster.to("unkeyed?partition=2"), &["--count", "50"]).run().exits(0);
    let records = cluster.records("unkeyed");
    assert!(records.iter().all(|record| record["partition"] == 2 && record["key"].is_null()));
    assert_eq!(ids(&records), logged(port, 50));
}

/// A batch of records: its partition, the number of its first record, and how many there are.
type Batch = [u32; 3];

/// A relay to the only broker of a cluster, and each batch that was sent once. It answers requests of more bytes than the
/// limit with MESSAGE_TOO_LARGE.
fn relay_to(cluster: &KafkaCluster, limit: usize) -> (Relay, Arc<Mutex<HashSet<Batch>>>) {
    let batches = Arc::<Mutex<HashSet<Batch>>>::default();
    let seen = Arc::clone(&batches);
    let relay = Relay::reading(&cluster.hosts, move |client, broker| {
        pass_requests(client, broker, limit, &seen);
    });
    (relay, batches)
}

/// Whatever address the broker gives, the way leads through the relay.
fn through(relay: &Relay, cluster: &KafkaCluster) -> [String; 2] {
    ["--connect-to".to_owned(), format!("{}:127.0.0.1:{}", cluster.hosts, relay.port)]
}

/// Passes requests on. Batches that are too large are answered here.
fn pass_requests(
    mut client: TcpStream,
    mut broker: TcpStream,
    limit: usize,
    batches: &Mutex<HashSet<Batch>>,
) -> Option<()> {
    loop {
        let mut length = [0; 4];
        client.read_exact(&mut length).ok()?;
        let mut request = vec![0; u32::from_be_bytes(length) as usize];
        client.read_exact(&mut request).ok()?;
        let is_append = request[..2] == [0, 0];
        if is_append && request.len() > limit {
            client.write_all(&too_large(&request)).ok()?;
            continue;
        }
        if is_append {
            batches.lock().unwrap().extend(batches_of(&request));
        }
        broker.write_all(&length).and_then(|()| broker.write_all(&request)).ok()?;
    }
}

fn int(bytes: &[u8], at: usize) -> u32 {
    u32::from_be_bytes(bytes[at..at + 4].try_into().unwrap())
}

/// Where the topic's name begins in a request to append, and where it ends.
fn topic_of(request: &[u8]) -> (usize, usize) {
    let text = |at: usize| at + 2 + usize::from(u16::from_be_bytes([request[at], request[at + 1]]));
    // The client's name, then no transaction, acknowledgments, time and the number of topics.
    let topic = text(8) + 2 + 2 + 4 + 4;
    (topic, text(topic))
}

/// The batches of a request to append.
fn batches_of(request: &[u8]) -> Vec<Batch> {
    let (_, end) = topic_of(request);
    let mut at = end + 4;
    let batches = (0..int(request, end)).map(|_| {
        let batch = at + 8;
        let identity = [int(request, at), int(request, batch + 53), int(request, batch + 57)];
        at = batch + int(request, at + 4) as usize;
        identity
    });
    batches.collect()
}

/// The answer to a request of version 8 that appends one batch: MESSAGE_TOO_LARGE.
fn too_large(request: &[u8]) -> Vec<u8> {
    assert_eq!(request[2..4], [0, 8], "the version of the request");
    let (topic, end) = topic_of(request);
    let mut answer = request[4..8].to_vec();
    answer.extend(1_u32.to_be_bytes());
    answer.extend(&request[topic..end]);
    answer.extend(1_u32.to_be_bytes());
    answer.extend(&request[end + 4..end + 8]);
    answer.extend(10_u16.to_be_bytes());
    answer.extend([0xff; 24]);
    answer.extend(0_u32.to_be_bytes());
    let words = b"larger than this test allows";
    answer.extend(u16::try_from(words.len()).unwrap().to_be_bytes());
    answer.extend(words);
    answer.extend(0_u32.to_be_bytes());
    let mut framed = u32::try_from(answer.len()).unwrap().to_be_bytes().to_vec();
    framed.extend(answer);
    framed
}

/// The cluster stands still, and the network is cut, while events come.
#[test]
fn a_cluster_that_is_away_in_between_loses_nothing() {
    for cursor in [false, true] {
        let Some(mut cluster) = KafkaCluster::start("1", &["feed"]) else { return };
        let (relay, batches) = relay_to(&cluster, usize::MAX);
        let [option, value] = &through(&relay, &cluster);
        let (_mock, port) = serve(&["kadoa", "--rate", "3000"]);
        let mut args = vec![option.as_str(), value, "--count", "5000", "--to-key", ".id[-1:]"];
        args.extend(cursor.then_some("--cursor-in-sink"));
        let run = subscribe(port, &cluster.to("feed"), &args).spawn();
        let sent = || control(port, "clients", &Value::Null)["clients"][0]["sent"].as_u64().unwrap_or(0);
        for stored in [500, 1500, 2500] {
            until("some are stored", || cluster.count("feed") >= stored);
            relay.cut();
            let before = sent();
            until("more are sent", || sent() > before + 200);
            relay.restore();
            until("more are stored", || cluster.count("feed") >= stored + 300);
            cluster.signal("STOP");
            let before = sent();
            until("more are sent", || sent() > before + 200);
            cluster.signal("CONT");
        }
        run.finish().exits(0);
        let (records, sent) = (cluster.records("feed"), logged(port, 5000));
        let mut of_keys: HashMap<&str, Vec<String>> = HashMap::new();
        for record in &records {
            let id = header(record, "id").unwrap().to_owned();
            of_keys.entry(record["key"].as_str().unwrap()).or_default().push(id);
        }
        for (key, ids) in &of_keys {
            let expected: Vec<String> = sent.iter().filter(|id| id.ends_with(key)).cloned().collect();
            assert_eq!(first_times(ids), expected, "{key}");
        }
        assert_eq!(of_keys.values().map(|ids| first_times(ids).len()).sum::<usize>(), 5000);
        // A batch whose answer was lost is sent again as it was. Kafka stores it once; this cluster does not compare.
        let mut batches: Vec<Batch> = batches.lock().unwrap().iter().copied().collect();
        batches.sort_unstable();
        assert_eq!(batches.iter().map(|[.., count]| count).sum::<u32>(), 5000);
        for pair in batches.windows(2) {
            let [[partition, first, count], [next, after, _]] = [pair[0], pair[1]];
            assert_eq!(after, if partition == next { first + count } else { 0 }, "{pair:?}");
        }
    }
}

#[test]
fn a_killed_run_neither_loses_nor_doubles_an_event_with_the_cursor_in_kafka() {
    let Some(mut cluster) = KafkaCluster::start("1", &["feed"]) else { return };
    let (_mock, port) = serve(&["kadoa", "--rate", "2000"]);
    let to = cluster.to("feed?compression=zstd");
    for stored in [300, 900, 1500, 2100] {
        let mut run = subscribe(port, &to, &["--cursor-in-sink"]).spawn();
        until("some are stored", || cluster.count("feed") >= stored);
        run.child.kill().unwrap();
        run.child.wait().unwrap();
    }
    let records = cluster.records("feed");
    assert_eq!(ids(&records), logged(port, records.len()));
    let last = records.last().unwrap();
    let event: Value = serde_json::from_str(last["text"].as_str().unwrap()).unwrap();
    assert_eq!(header(last, "wstap-cursor"), event["_cursor"].as_str());
    assert!(records.iter().all(|record| record["partition"] == 0));
}

#[test]
fn what_kafka_refuses_is_reported_or_kept() {
    let Some(mut cluster) = KafkaCluster::start("1", &["feed"]) else { return };
    let (relay, _) = relay_to(&cluster, 700);
    let [option, value] = &through(&relay, &cluster);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let line = |n: u32, size: usize| format!("{{\"n\":{n},\"x\":\"{}\"}}\n", "y".repeat(size));
    let lines: String = (0..40).map(|n| line(n, if n == 20 { 900 } else { 5 })).collect();
    fs::write(path("from"), lines).unwrap();
    let deliver = |to: &str, args: &[&str]| {
        wstap(&["connect", "--from", &path("from"), "--to", to, option, value]).args(args).run()
    };
    let to = cluster.to("feed?partition=0");
    let run = deliver(&to, &["--dead-letter", &path("dead")]);
    run.exits(0).says("MESSAGE_TOO_LARGE: larger than this test allows");
    let dead: Value = serde_json::from_str(&fs::read_to_string(path("dead")).unwrap()).unwrap();
    assert_eq!(dead["json"]["n"].as_u64().or(dead["data"]["n"].as_u64()), Some(20), "{dead}");
    let numbers: Vec<u64> = cluster.records("feed").iter().map(number).collect();
    assert_eq!(numbers, (0..40).filter(|n| *n != 20).collect::<Vec<_>>());
    deliver(&to, &[]).exits(30).says("to keep refused lines in a file");
    deliver(&cluster.to("none"), &[]).exits(30).says("the broker has no topic 'none'");
    deliver(&cluster.to("feed?partition=99"), &[]).exits(30).says("has no partition 99");
    deliver(&cluster.to("feed?compression=lzma"), &[]).exits(2).says("use none, gzip or zstd");
    deliver(&cluster.to("feed?sasl=magic"), &[]).exits(2).says("use PLAIN, SCRAM-SHA-256, SCRAM-SHA-512");
    let run = deliver("kafka://127.0.0.1:9/feed", &[]);
    run.exits(30).says("cannot write to kafka://127.0.0.1:9/feed: ");
    let to = format!("kafka://127.0.0.1:9,{}/feed", cluster.hosts);
    deliver(&to, &["--dead-letter", &path("more")]).exits(0);
}

fn number(record: &Value) -> u64 {
    let event: Value = serde_json::from_str(record["text"].as_str().unwrap()).unwrap();
    event["n"].as_u64().unwrap()
}

/// A server that asks for a login, from other hands.
struct LoginServer {
    child: Child,
    port: String,
}

impl LoginServer {
    fn start(cluster: &KafkaCluster) -> Option<Self> {
        let python = python("scramp")?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/kafka_login.py");
        let mut command = Command::new(python);
        command.args([script, &cluster.hosts, "me,too", "p4ssw0rd"]).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut port = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut port).unwrap();
        Some(Self { child, port: port.trim().to_owned() })
    }
}

impl Drop for LoginServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn every_way_to_log_in_to_kafka_works_and_a_wrong_password_does_not() {
    let Some(mut cluster) = KafkaCluster::start("1", &["feed"]) else { return };
    let Some(server) = LoginServer::start(&cluster) else { return };
    let way = format!("{}:127.0.0.1:{}", cluster.hosts, server.port);
    let login = |password: &str, mechanism: &str| {
        let to = cluster.to("feed");
        wstap(&["connect", "--from", "-", "--to", &to, "--connect-to", &way])
            .stdin("{\"n\":1}\n")
            .env("KAFKA_SASL_USERNAME", "me,too")
            .env("KAFKA_SASL_PASSWORD", password)
            .env("KAFKA_SASL_MECHANISM", mechanism)
            .run()
    };
    for mechanism in ["PLAIN", "SCRAM-SHA-256", "scram-sha-512"] {
        login("p4ssw0rd", mechanism).exits(0);
        let run = login("s3cr3t", mechanism);
        run.exits(30).says("SASL_AUTHENTICATION_FAILED: wrong user or password");
        run.says("check KAFKA_SASL_USERNAME");
        assert!(!run.stderr.contains("s3cr3t"), "{}", run.stderr);
    }
    let to = format!("kafka://me%2Ctoo:p4ssw0rd@{}/feed?sasl=plain", cluster.hosts);
    wstap(&["connect", "--from", "-", "--to", &to, "--connect-to", &way]).stdin("{}\n").run().exits(0);
    assert_eq!(cluster.count("feed"), 4);
}

#[test]
fn kafka_is_reached_over_tls() {
    let Some(mut cluster) = KafkaCluster::start("1", &["feed"]) else { return };
    let authority = Authority::new();
    let way = format!("{}:127.0.0.1:{}", cluster.hosts, authority.relay(&cluster.hosts));
    let deliver = |rest: &str, args: &[&str]| {
        let to = format!("kafkas://{}/feed{rest}", cluster.hosts);
        let run = wstap(&["connect", "--from", "-", "--to", &to, "--connect-to", &way]);
        run.args(args).stdin("{\"n\":1}\n").run()
    };
    deliver("", &[]).exits(30).says("certificate");
    deliver("", &["--cacert", &authority.file("ca.pem")]).exits(0);
    deliver(&format!("?cacert={}", authority.file("ca.pem")), &[]).exits(0);
    deliver("", &["-k"]).exits(0).says("certificate not verified (-k)");
    assert_eq!(cluster.count("feed"), 3);
}
