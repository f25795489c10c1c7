//! Delivery into Redis and JetStream, with real servers that are killed, stopped and started again in the middle. Where a
//! server is not installed, its tests say so and check nothing; `.ci/run` installs them.

use std::collections::HashSet;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use redis::Commands as _;
use redis::streams::StreamRangeReply;
use serde_json::{Value, json};

use crate::clients::{self, control, serve, until};
use crate::delivery::logged;
use crate::harness::{Wstap, wstap};
use crate::kafka::KafkaCluster;
use crate::servers::Authority;

/// Waits between attempts are short, so that a test is.
pub(crate) const FAST: [&str; 4] = ["--reconnect-delay", "10ms", "--reconnect-max-delay", "50ms"];

/// A server that was started for a test.
pub(crate) struct BrokerServer {
    child: Child,
    port: u16,
    command: Vec<String>,
    _folder: tempfile::TempDir,
}

#[expect(clippy::print_stderr, reason = "a test that is skipped has to say so")]
pub(crate) fn skipped(why: &str) {
    eprintln!("skipped: {why}");
}

impl BrokerServer {
    /// A server on a free port of loopback. `{port}` and `{dir}` in its arguments are replaced. `None`: it is not
    /// installed.
    fn start(command: &[&str]) -> Option<Self> {
        let found =
            Command::new(command[0]).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        if found.is_err() {
            skipped(&format!("{} is not installed", command[0]));
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        // Another process may take the port before the server does.
        for _ in 0..10 {
            let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
            let fill = |word: &&str| {
                word.replace("{port}", &port.to_string())
                    .replace("{dir}", &folder.path().display().to_string())
            };
            let command: Vec<String> = command.iter().map(fill).collect();
            let mut child = spawn(&command);
            if listens(&mut child, port) {
                return Some(Self { child, port, command, _folder: folder });
            }
        }
        panic!("{} does not start", command[0]);
    }

    fn redis() -> Option<Self> {
        let server = Self::start(&[
            "redis-server",
            "--port",
            "{port}",
            "--bind",
            "127.0.0.1",
            "--dir",
            "{dir}",
            "--save",
            "",
            "--appendonly",
            "yes",
            "--appendfsync",
            "always",
        ])?;
        // It listens before it answers.
        until("redis answers", || server.redis_client().get_connection().is_ok());
        Some(server)
    }

    pub(crate) fn nats() -> Option<Self> {
        Self::start(&["nats-server", "-a", "127.0.0.1", "-p", "{port}", "-js", "-sd", "{dir}"])
    }

    fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &id]).status().unwrap().success());
    }

    /// Kills it without a warning, and starts it again with what it had stored.
    fn restart(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        until("the server is back", || {
            self.child = spawn(&self.command);
            listens(&mut self.child, self.port)
        });
    }

    fn redis_client(&self) -> redis::Client {
        redis::Client::open(format!("redis://127.0.0.1:{}/", self.port)).unwrap()
    }

    pub(crate) fn to(&self, rest: &str) -> String {
        let scheme = if self.command[0].starts_with("redis") { "redis" } else { "nats" };
        format!("{scheme}://127.0.0.1:{}/{rest}", self.port)
    }
}

impl Drop for BrokerServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn spawn(command: &[String]) -> Child {
    Command::new(&command[0]).args(&command[1..]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until the server listens. `false`: it has ended instead.
fn listens(child: &mut Child, port: u16) -> bool {
    let mut ended = false;
    until("a server listens", || {
        ended = child.try_wait().unwrap().is_some();
        ended || TcpStream::connect(("127.0.0.1", port)).is_ok()
    });
    !ended
}

fn subscribe(port: u16, to: &str, args: &[&str]) -> Wstap {
    clients::of("kadoa").subscribe(port).args(&["--to", to]).args(&FAST).args(args)
}

/// The ids in a Redis stream, in order. While the server is away, none.
fn redis_ids(server: &BrokerServer, stream: &str) -> Vec<String> {
    let Ok(mut connection) = server.redis_client().get_connection() else { return Vec::new() };
    let entries: redis::RedisResult<StreamRangeReply> = connection.xrange_all(stream);
    let entries = entries.map(|reply| reply.ids).unwrap_or_default();
    entries.iter().map(|entry| entry.get::<String>("id").unwrap()).collect()
}

/// Each id once, in the order in which they came first.
fn first_times(ids: &[String]) -> Vec<String> {
    let mut seen = HashSet::new();
    ids.iter().filter(|id| seen.insert(*id)).cloned().collect()
}

#[test]
fn redis_has_every_event_with_its_id_key_and_headers() {
    let Some(server) = BrokerServer::redis() else { return };
    let (_mock, port) = serve(&["kadoa", "--rate", "max"]);
    let key = "{key: .type, headers: {source: \"test\"}}";
    let run = subscribe(port, &server.to("feed"), &["--count", "700", "--to-key", key]).run();
    assert_eq!(run.exits(0).stdout, "");
    assert_eq!(redis_ids(&server, "feed"), logged(port, 700));
    let mut connection = server.redis_client().get_connection().unwrap();
    let first: StreamRangeReply = connection.xrange_count("feed", "-", "+", 1).unwrap();
    let (entry, event) = (&first.ids[0], first.ids[0].get::<String>("data").unwrap());
    let event: Value = serde_json::from_str(&event).unwrap();
    assert_eq!(entry.get::<String>("key").unwrap(), event["type"].as_str().unwrap_or("null"));
    assert_eq!(entry.get::<String>("source").unwrap(), "test");
    subscribe(port, &server.to("short?maxlen=100"), &["--count", "2000"]).run().exits(0);
    let length: usize = connection.xlen("short").unwrap();
    assert!((100..600).contains(&length), "trimmed in whole blocks: {length}");
}

/// A batch is sent in pieces of 250 lines, several at a time.
#[test]
fn redis_has_the_lines_of_large_batches_in_their_order() {
    let Some(server) = BrokerServer::redis() else { return };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("from").display().to_string();
    let lines: Vec<String> = (0..20_000).map(|n| format!(r#"{{"n":{n}}}"#)).collect();
    fs::write(&path, lines.join("\n") + "\n").unwrap();
    wstap(&["connect", "--from", &path, "--to", &server.to("feed")]).run().exits(0);
    let mut connection = server.redis_client().get_connection().unwrap();
    let entries: StreamRangeReply = connection.xrange_all("feed").unwrap();
    let stored: Vec<String> = entries.ids.iter().map(|entry| entry.get("data").unwrap()).collect();
    assert!(stored == lines, "{} lines", stored.len());
}

/// Without the cursor in Redis, a batch whose answer was lost is stored again; with it, exactly once.
#[test]
fn redis_that_dies_and_comes_back_loses_nothing() {
    for cursor in [false, true] {
        let Some(mut server) = BrokerServer::redis() else { return };
        let (_mock, port) = serve(&["kadoa", "--rate", "3000"]);
        let args: &[&str] = if cursor { &["--cursor-in-sink"] } else { &[] };
        let run = subscribe(port, &server.to("feed"), &["--count", "4000"]).args(args).spawn();
        for stored in [500, 1500, 2500] {
            until("some are stored", || redis_ids(&server, "feed").len() >= stored);
            server.restart();
        }
        let out = run.finish();
        out.exits(0);
        let (stored, sent) = (redis_ids(&server, "feed"), logged(port, 4000));
        assert_eq!(first_times(&stored), sent, "cursor: {cursor}");
        assert!(!cursor || stored.len() == 4000, "{} stored", stored.len());
    }
}

#[test]
fn a_killed_run_neither_loses_nor_doubles_an_event_with_the_cursor_in_redis() {
    let Some(server) = BrokerServer::redis() else { return };
    let (_mock, port) = serve(&["kadoa", "--rate", "2000"]);
    for stored in [300, 900, 1500, 2100] {
        let mut run = subscribe(port, &server.to("feed"), &["--cursor-in-sink"]).spawn();
        until("some are stored", || redis_ids(&server, "feed").len() >= stored);
        run.child.kill().unwrap();
        run.child.wait().unwrap();
    }
    let stored = redis_ids(&server, "feed");
    assert_eq!(stored, logged(port, stored.len()));
    let mut connection = server.redis_client().get_connection().unwrap();
    let cursor: String = connection.hget("feed:cursor", "cursor").unwrap();
    let last: StreamRangeReply = connection.xrevrange_count("feed", "+", "-", 1).unwrap();
    let last: Value = serde_json::from_str(&last.ids[0].get::<String>("data").unwrap()).unwrap();
    assert_eq!(last["_cursor"], json!(cursor));
}

#[test]
fn what_redis_says_is_what_the_user_is_told() {
    let Some(server) = BrokerServer::redis() else { return };
    let mut connection = server.redis_client().get_connection().unwrap();
    let _: () = connection.set("text", "x").unwrap();
    let (_mock, port) = serve(&["kadoa", "--rate", "max"]);
    let run = subscribe(port, &server.to("text"), &["--count", "1"]).run();
    run.exits(30).says("the key 'text' holds a string, not a stream");
    let url = format!("redis://:s3cr3t@127.0.0.1:{}/feed", server.port);
    let run = subscribe(port, &url, &["--count", "1"]).run();
    run.exits(30).says("REDISCLI_AUTH");
    assert!(!run.stderr.contains("s3cr3t"), "{}", run.stderr);
    let run = subscribe(port, "redis://127.0.0.1:9/feed", &["--count", "1"]).run();
    run.exits(30).says("cannot write to redis://127.0.0.1:9/feed: ");
    let run = subscribe(port, &server.to("feed?maxlne=1"), &["--count", "1"]).run();
    run.exits(2).says("unknown option 'maxlne'");
}

/// A JetStream stream, and a runtime to ask for it.
pub(crate) struct Stream {
    runtime: tokio::runtime::Runtime,
    url: String,
}

impl Stream {
    /// Makes the stream `EVENTS` for `feed` and all subjects below it.
    pub(crate) fn new(server: &BrokerServer, max_message_size: i32) -> Self {
        Self::of(server, "feed", max_message_size)
    }

    fn of(server: &BrokerServer, subject: &str, max_message_size: i32) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let stream = Self { runtime, url: format!("nats://127.0.0.1:{}", server.port) };
        let config = async_nats::jetstream::stream::Config {
            name: "EVENTS".to_owned(),
            subjects: vec![subject.to_owned(), format!("{subject}.>")],
            max_message_size,
            ..Default::default()
        };
        stream.runtime.block_on(async {
            let client = async_nats::connect(&stream.url).await.unwrap();
            async_nats::jetstream::new(client).create_stream(config).await.unwrap();
        });
        stream
    }

    /// How many messages it has; 0 while the server is away.
    pub(crate) fn len(&self) -> u64 {
        let ask = async {
            let client = async_nats::connect(&self.url).await.ok()?;
            let stream = async_nats::jetstream::new(client).get_stream("EVENTS").await.ok()?;
            Some(stream.cached_info().state.messages)
        };
        self.runtime.block_on(ask).unwrap_or(0)
    }

    /// Subject and id of all messages, in order.
    fn messages(&self) -> Vec<(String, String)> {
        self.runtime.block_on(async {
            let client = async_nats::connect(&self.url).await.unwrap();
            let stream = async_nats::jetstream::new(client).get_stream("EVENTS").await.unwrap();
            let mut messages = Vec::new();
            for sequence in 1..=stream.cached_info().state.last_sequence {
                let message = stream.get_raw_message(sequence).await.unwrap();
                let id = message.headers.get("Nats-Msg-Id").unwrap().to_string();
                messages.push((message.subject.to_string(), id));
            }
            messages
        })
    }

    pub(crate) fn ids(&self) -> Vec<String> {
        self.messages().into_iter().map(|(_, id)| id).collect()
    }
}

/// The broker dies, stands still and comes back; the client dies and comes back. By its id, each event is stored once.
#[test]
fn jetstream_has_every_event_exactly_once_whoever_dies() {
    let Some(mut server) = BrokerServer::nats() else { return };
    let stream = Stream::new(&server, -1);
    let (_mock, port) = serve(&["kadoa", "--rate", "2000"]);
    let mut run = subscribe(port, &server.to("feed"), &["--cursor-in-sink"]).spawn();
    until("some are stored", || stream.len() >= 400);
    server.restart();
    let more = || {
        // While the server is away, nothing is counted.
        let mut before = 0;
        until("the stream is there", || {
            before = stream.len();
            before > 0
        });
        until("more are stored", || stream.len() >= before + 500);
    };
    more();
    run.child.kill().unwrap();
    run.child.wait().unwrap();
    let mut run = subscribe(port, &server.to("feed"), &["--cursor-in-sink"]).spawn();
    more();
    server.signal("STOP");
    let sent = || control(port, "clients", &Value::Null)["clients"][0]["sent"].as_u64().unwrap_or(0);
    let before = sent();
    until("more are sent", || sent() > before + 500);
    server.signal("CONT");
    more();
    server.restart();
    run.child.kill().unwrap();
    run.child.wait().unwrap();
    // JetStream may take a moment longer than its server.
    let run = subscribe(port, &server.to("feed"), &["--cursor-in-sink", "--retries", "500"]).spawn();
    more();
    run.signal("INT");
    run.finish().exits(130);
    let ids = stream.ids();
    assert_eq!(ids, logged(port, ids.len()));
}

#[test]
fn keys_are_parts_of_subjects_and_refused_lines_can_be_kept() {
    let Some(server) = BrokerServer::nats() else { return };
    let stream = Stream::new(&server, 300);
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let lines = [
        r#"{"k":"a"}"#.to_owned(),
        r#"{"k":"b c"}"#.to_owned(),
        format!(r#"{{"k":"d","x":"{}"}}"#, "y".repeat(400)),
        r#"{"k":"e"}"#.to_owned(),
    ];
    fs::write(path("from"), lines.join("\n") + "\n").unwrap();
    let deliver = |args: &[&str]| {
        let to = server.to("feed");
        wstap(&["connect", "--from", &path("from"), "--to", &to, "--to-key", ".k"]).args(args).run()
    };
    let run = deliver(&["--dead-letter", &path("dead")]);
    run.exits(0).says("does not make a valid subject");
    let subjects: Vec<String> = stream.messages().into_iter().map(|(subject, _)| subject).collect();
    assert_eq!(subjects, ["feed.a", "feed.e"]);
    let dead = fs::read_to_string(path("dead")).unwrap();
    let dead: Vec<Value> = dead.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(dead.len(), 2);
    assert!(
        dead[1]["refused"].as_str().unwrap().contains("message size exceeds maximum allowed"),
        "{dead:?}"
    );
    deliver(&[]).exits(30).says("to keep refused lines in a file");
    let to = server.to("other");
    let run = wstap(&["connect", "--from", &path("from"), "--to", &to]).run();
    run.exits(30).says("no JetStream stream stores the subject 'other'");
    let to = server.to("other?ack=none");
    wstap(&["connect", "--from", &path("from"), "--to", &to]).run().exits(0);
    let run = wstap(&["connect", "--from", &path("from"), "--to", "nats://127.0.0.1:9/x"]).run();
    run.exits(30).says("cannot write to nats://127.0.0.1:9/x: ");
}

/// The commands of the page with a broker in them, with the addresses of real ones and the mock of the provider.
#[test]
fn the_commands_of_the_page_store_events() {
    let page = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/delivery.md")).unwrap();
    let commands: Vec<&str> = page.lines().filter(|line| line.starts_with("wstap ")).collect();
    let of = |scheme: &str| {
        let found: Vec<&str> = commands.iter().copied().filter(|line| line.contains(scheme)).collect();
        assert!(!found.is_empty(), "{scheme}");
        found
    };
    let (nats, redis, kafka) = (of(" nats://"), of("redis://"), of("kafka://"));
    if let Some(server) = BrokerServer::nats() {
        let stream = Stream::of(&server, "events", -1);
        for command in nats {
            let before = stream.len();
            run_command(command, "nats://127.0.0.1/", &server.to(""), &mut || stream.len() >= before + 200);
        }
    }
    if let Some(server) = BrokerServer::redis() {
        let stored = || redis_ids(&server, "events").len() == 200;
        redis
            .iter()
            .for_each(|command| run_command(command, "redis://127.0.0.1/", &server.to(""), &mut || stored()));
    }
    if let Some(mut cluster) = KafkaCluster::start("1", &["events"]) {
        for command in kafka {
            let to = cluster.to("");
            run_command(command, "kafka://127.0.0.1/", &to, &mut || cluster.count("events") == 200);
        }
    }
}

/// Runs a command in a folder of its own, with 200 events.
fn run_command(command: &str, from: &str, to: &str, stored: &mut dyn FnMut() -> bool) {
    let (dialect, path) = if command.contains("voipbin") { ("voipbin", "v1.0/ws") } else { ("kadoa", "") };
    let (_mock, port) = serve(&[dialect, "--rate", "max", "--events", "200"]);
    let folder = tempfile::tempdir().unwrap();
    let topics =
        ["call", "queue"].map(|of| format!("customer_id:12345678-1234-1234-1234-123456789012:{of}:*\n"));
    fs::write(folder.path().join("topics"), topics.concat()).unwrap();
    let words = shlex::split(&command.replace(from, to)).unwrap();
    let words: Vec<&str> = words.iter().map(String::as_str).skip(1).collect();
    let url = format!("ws://127.0.0.1:{port}/{path}");
    let enter = format!("cd {} && exec \"$0\" \"$@\"", folder.path().display());
    let run = wstap(&words)
        .args(&["--url", &url])
        .args(&FAST)
        .env("KADOA_API_KEY", "k3y")
        .env("VOIPBIN_TOKEN", "t0ken");
    let run = run.under(&["sh", "-c", &enter]).spawn();
    until("the events are stored", stored);
    run.signal("INT");
    run.finish().exits(130);
}

/// With the certificates of an authority of its own; Redis asks for that of the client as well.
#[test]
fn brokers_are_reached_over_tls() {
    let authority = Authority::new();
    authority.sign_server();
    authority.sign_client();
    let [ca, cert, key] = ["ca.pem", "server.pem", "server.key"].map(|name| authority.file(name));
    let own = ["--cert", &authority.file("me.pem"), "--key", &authority.file("me.key")];
    let deliver = |to: &str, args: &[&str]| {
        wstap(&["connect", "--from", "-", "--to", to]).args(args).stdin("{\"n\":1}\n").run()
    };
    let nats =
        ["nats-server", "-a", "127.0.0.1", "-p", "{port}", "--tls", "--tlscert", &cert, "--tlskey", &key];
    if let Some(server) = BrokerServer::start(&nats) {
        let to = format!("tls://127.0.0.1:{}/feed?ack=none", server.port);
        deliver(&to, &[]).exits(30).says("certificate");
        deliver(&to, &["--cacert", &ca]).exits(0);
        deliver(&format!("{to}&cacert={ca}"), &[]).exits(0);
    }
    let redis = ["redis-server", "--bind", "127.0.0.1", "--dir", "{dir}", "--save", "", "--port", "0"];
    let tls =
        ["--tls-port", "{port}", "--tls-cert-file", &cert, "--tls-key-file", &key, "--tls-ca-cert-file", &ca];
    if let Some(server) = BrokerServer::start(&[&redis[..], &tls[..]].concat()) {
        let to = format!("rediss://127.0.0.1:{}/feed", server.port);
        deliver(&to, &own).exits(30).says("certificate");
        deliver(&to, &["--cacert", &ca]).exits(30);
        deliver(&to, &[&["--cacert", &ca][..], &own].concat()).exits(0);
    }
}

/// What a user would do: a feed into JetStream, and a consumer in another language that counts.
#[test]
fn a_consumer_in_python_counts_what_came_through() {
    let Some(server) = BrokerServer::nats() else { return };
    let python = std::env::var("WSTAP_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import nats"]).stderr(Stdio::null()).status();
    if !found.is_ok_and(|status| status.success()) {
        return skipped(&format!("nats-py is not installed for {python}"));
    }
    let _stream = Stream::new(&server, -1);
    let (_mock, port) = serve(&["kadoa", "--rate", "max"]);
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/count_events.py");
    let consumer = Command::new(python)
        .args([script, &format!("nats://127.0.0.1:{}", server.port), "feed", "3000"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    subscribe(port, &server.to("feed"), &["--count", "3000"]).run().exits(0);
    let out = consumer.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&out.stdout), "3000 events, 3000 ids\n");
}
