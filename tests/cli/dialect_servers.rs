//! Dialect files with other implementations: real servers of npm, of Node.js itself and of Rails, brokers that run already,
//! and official clients against the mocks. If one is missing, the test says so and checks nothing. `.ci/run` installs the
//! packages. `WSTAP_TEST_STOMP`, `WSTAP_TEST_WAMP` and `WSTAP_TEST_NOSTR` are the URLs of a RabbitMQ, a Crossbar.io and a
//! nostr-relay, which `tests/interop/brokers.sh` starts.

use std::process::Command;

use serde_json::Value;

use crate::clients::serve;
use crate::harness::{Output, wstap};
use crate::interop::{Peer, works};

/// Is a package of npm there?
fn is_here(package: &str) -> bool {
    let mut command = Command::new("node");
    command.args(["-e", &format!("require('{package}')")]);
    works(&mut command, package)
}

/// The URL of a broker.
#[expect(clippy::print_stderr, reason = "a test that is skipped has to say so")]
fn broker(variable: &str) -> Option<String> {
    let url = std::env::var(variable).ok();
    if url.is_none() {
        eprintln!("skipped: {variable} is not set");
    }
    url.filter(|_| is_here("ws"))
}

fn script(name: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(format!("{}/tests/interop/{name}.js", env!("CARGO_MANIFEST_DIR")));
    command
}

/// A server that prints its port, and drops its first connection once.
struct DialectServer {
    port: u16,
    _peer: Peer,
}

impl DialectServer {
    /// `None` if its package is missing.
    fn start(package: &str) -> Option<Self> {
        is_here(package).then(|| Self::spawn(script("dialect_server").arg(package)))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut peer = Peer::start(command);
        // Puma prints a few lines first.
        let port_in = |line: String| line.rsplit(':').next().unwrap_or_default().parse().ok();
        let port = std::iter::repeat_with(|| port_in(peer.line())).find_map(|port| port).unwrap();
        Self { port, _peer: peer }
    }

    fn run(&self, dialect: &str, path: &str, args: &[&str]) -> Output {
        let url = format!("ws://127.0.0.1:{}{path}", self.port);
        wstap(&["subscribe", "-d", dialect, "--url", &url, "--reconnect-delay", "10ms", "--max-time", "60s"])
            .args(args)
            .env("STOMP_LOGIN", "guest")
            .env("STOMP_PASSCODE", "guest")
            .run()
    }

    /// Runs until 40 events have come, of two connections at least. Returns them.
    fn reconnects(&self, dialect: &str, path: &str, topics: &[&str]) -> Vec<Value> {
        let mut args = topics.to_vec();
        args.extend(["--count", "40"]);
        let out = self.run(dialect, path, &args);
        out.exits(0);
        let connected = out.stderr.matches("connected to ").count();
        assert!(connected > 1, "{dialect} did not reconnect: {}", out.stderr);
        assert!(!out.stderr.contains("jq:") && !out.stderr.contains("acknowledgment"), "{}", out.stderr);
        out.lines().iter().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

#[test]
fn socket_io() {
    let Some(server) = DialectServer::start("socket.io") else { return };
    let events = server.reconnects("socket.io", "/socket.io/", &["/", "/chat"]);
    for namespace in ["/", "/chat"] {
        assert!(events.iter().any(|event| event[0] == "news" && event[1]["from"] == namespace), "{events:?}");
    }
    assert_eq!(events[0][2], "more");
    server.run("socket.io", "/socket.io/", &["/closed"]).exits(24).says("not authorized (/closed)");
}

#[test]
fn graphql_ws() {
    let Some(server) = DialectServer::start("graphql-ws") else { return };
    let events = server.reconnects("graphql-transport-ws", "/", &["subscription { count }"]);
    let counts: Vec<u64> = events.iter().filter_map(|event| event["count"].as_u64()).collect();
    // Every connection begins at 0.
    assert!(
        counts[0] == 0 && counts.windows(2).all(|pair| pair[1] == pair[0] + 1 || pair[1] == 0),
        "{counts:?}"
    );
    let run = |args: &[&str]| server.run("graphql-transport-ws", "/", args);
    run(&["subscription { nope }"]).exits(24).says("Cannot query field \"nope\"");
}

#[test]
fn rpc_websockets() {
    let Some(server) = DialectServer::start("rpc-websockets") else { return };
    let events = server.reconnects("json-rpc", "/", &["rpc.on [\"price\"]"]);
    assert!(events[0]["notification"] == "price" && events[0]["params"]["n"].is_u64(), "{events:?}");
    server.run("json-rpc", "/", &["rpc.on [\"nope\"]"]).exits(24).says("provided event invalid");
    server.run("json-rpc", "/", &["nope"]).exits(24).says("-32601: Method not found (nope)");
}

#[test]
fn ganache() {
    let Some(server) = DialectServer::start("ganache") else { return };
    let topics = ["newHeads", "logs", "newPendingTransactions"];
    let events = server.reconnects("ethereum", "/", &topics);
    let first = |topic: &str| &events.iter().find(|event| event["topic"] == topic).unwrap()["result"];
    assert!(first("newHeads")["number"].as_str().unwrap().starts_with("0x"), "{events:?}");
    assert_eq!(first("logs")["data"], "0x", "{events:?}");
    assert_eq!(first("newPendingTransactions").as_str().unwrap().len(), 66, "{events:?}");
    server.run("ethereum", "/", &["nope"]).exits(24).says("no \"nope\" subscription in eth namespace");
}

#[test]
fn inspector_of_node() {
    let Some(server) = DialectServer::start("inspector") else { return };
    let events = server.reconnects("cdp", "", &["Runtime"]);
    let logged = events.iter().find(|event| event["method"] == "Runtime.consoleAPICalled").unwrap();
    assert_eq!(logged["params"]["args"][0]["value"], "n");
    server.run("cdp", "", &["Nope"]).exits(24).says("'Nope.enable' wasn't found");
}

#[test]
fn action_cable() {
    let mut ruby = Command::new("ruby");
    if !works(
        ruby.args(["-e", "require 'logger'; require 'action_cable'; require 'puma'"]),
        "Action Cable with puma",
    ) {
        return;
    }
    let rackup = format!("{}/tests/interop/action_cable.ru", env!("CARGO_MANIFEST_DIR"));
    let server =
        DialectServer::spawn(Command::new("puma").args(["-b", "tcp://127.0.0.1:0", "-t", "1:4", &rackup]));
    let events = server.reconnects("actioncable", "/cable", &["NewsChannel"]);
    assert!(events[0]["identifier"]["channel"] == "NewsChannel" && events[0]["message"]["n"].is_u64());
    let run = |path: &str, topic: &str| server.run("actioncable", path, &[topic]);
    run("/cable", "ClosedChannel").exits(24).says("the channel rejected the subscription (ClosedChannel)");
    run("/cable?token=wrong", "NewsChannel").exits(24).says("connect refused with unauthorized");
}

#[test]
fn stomp_broker() {
    let Some(url) = broker("WSTAP_TEST_STOMP") else { return };
    let queue = format!("/queue/wstap-{}", std::process::id());
    let server = DialectServer::spawn(script("dialect_server").args(["stomp", &url, &queue]));
    let events = server.reconnects("stomp", "/ws", &[&queue]);
    // Nothing is lost; what the dropped connection had not acknowledged is sent again.
    let number = |event: &Value| event["body"]["n"].as_u64().unwrap();
    let mut numbers: Vec<u64> = events.iter().map(number).collect();
    numbers.sort_unstable();
    numbers.dedup();
    let next = numbers.len() as u64;
    assert_eq!(numbers, (0..next).collect::<Vec<_>>());
    // What was acknowledged is not.
    let out = server.run("stomp", "/ws", &[&queue, "--count", "1"]);
    assert_eq!(number(&serde_json::from_str(out.lines()[0]).unwrap()), next);
    assert_eq!(events[0]["headers"]["note"], "a:b");
    server.run("stomp", "/ws", &["/nope/wstap"]).exits(24).says("Unknown destination");
}

#[test]
fn wamp_router() {
    let Some(url) = broker("WSTAP_TEST_WAMP") else { return };
    let server = DialectServer::spawn(script("dialect_server").args(["wamp", &url]));
    let events = server.reconnects("wamp", "/", &["prefix:com.example"]);
    assert!(events[0]["topic"] == "com.example.news" && events[0]["args"][0]["n"].is_u64(), "{events:?}");
    assert_eq!(events[0]["kwargs"]["more"], true);
}

#[test]
fn nostr_relay() {
    let Some(url) = broker("WSTAP_TEST_NOSTR") else { return };
    let server = DialectServer::spawn(script("dialect_server").args(["nostr", &url]));
    let events = server.reconnects("nostr", "/", &[r#"{"kinds": [1]}"#]);
    let ids: std::collections::BTreeSet<&str> =
        events.iter().map(|event| event["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), events.len());
    assert!(events[0]["content"].as_str().unwrap().starts_with("note "), "{events:?}");
}

#[test]
fn chromium() {
    if !works(Command::new("chromium").arg("--version"), "chromium") {
        return;
    }
    let server = DialectServer::spawn(script("dialect_server").arg("chromium"));
    let script = r#"Runtime.evaluate {"expression": "setInterval(() => console.log(\"tick\"), 20)"}"#;
    let events = server.reconnects("cdp", "", &["Runtime", script]);
    let logged = events.iter().find(|event| event["method"] == "Runtime.consoleAPICalled").unwrap();
    assert_eq!(logged["params"]["args"][0]["value"], "tick");
}

#[test]
fn official_clients_understand_the_mocks() {
    let clients = [
        ("pusher", "pusher-js", "prices"),
        ("centrifugo", "centrifuge", "news"),
        ("signalr", "@microsoft/signalr", "news"),
    ];
    for (dialect, package, topic) in clients.into_iter().filter(|(_, package, _)| is_here(package)) {
        let (_mock, port) = serve(&["-d", dialect, "--rate", "1000"]);
        let out = script("dialect_client").args([package, &port.to_string(), topic]).output().unwrap();
        let said = String::from_utf8_lossy(&out.stderr);
        assert!(out.status.success(), "{package}: {said}");
        assert_eq!(String::from_utf8(out.stdout).unwrap().lines().count(), 3, "{package}");
    }
}
