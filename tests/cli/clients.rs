//! One client for each dialect, and a mock for it: what tests that go over all dialects have in common.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::harness::{HUNG, Running, Wstap, wstap};

/// How to be a client of a dialect's mock.
pub(crate) struct Client {
    /// The dialect's name.
    pub(crate) dialect: &'static str,
    path: &'static str,
    args: &'static [&'static str],
    variable: &'static str,
    /// What to subscribe to as the running service wants it, where that is something else.
    real: Option<&'static [&'static str]>,
}

const CALLS: &str = "customer_id:12345678-1234-1234-1234-123456789012:call:*";
const PREFIX: &str = "customer_id:12345678-1234-1234-1234-123456789012:call";

/// A client that only hears what it said has to say enough.
#[rustfmt::skip]
pub(crate) const WORDS: &[&str] = &[
    "-x", "[1]", "-x", "[2]", "-x", "[3]", "-x", "[4]", "-x", "[5]", "-x", "[6]", "-x", "[7]", "-x", "[8]",
];

#[rustfmt::skip]
const CLIENTS: &[Client] = &[
    Client { dialect: "burki", path: "/ws/campaigns/monitor", args: &["42"], variable: "BURKI_API_KEY", real: None },
    Client { dialect: "kadoa", path: "/", args: &[], variable: "KADOA_API_KEY", real: None },
    Client { dialect: "voipbin", path: "/v1.0/ws", args: &[CALLS], variable: "VOIPBIN_TOKEN", real: Some(&[PREFIX]) },
    Client { dialect: "ryze", path: "/", args: &["demo"], variable: "RYZE_TOKEN", real: None },
    Client { dialect: "plain", path: "/echo", args: WORDS, variable: "UNUSED", real: None },
];

/// The clients of all dialects that have a mock.
pub(crate) fn all() -> impl Iterator<Item = &'static Client> {
    let mocked = wstap::testing::DIALECTS.iter().filter(|dialect| dialect.provider().is_some());
    mocked.map(|dialect| of(dialect.name()))
}

/// The client of this dialect.
#[track_caller]
pub(crate) fn of(dialect: &str) -> &'static Client {
    let client = CLIENTS.iter().find(|client| client.dialect == dialect);
    client.unwrap_or_else(|| panic!("add a client for {dialect}"))
}

impl Client {
    /// `subscribe` to the mock on this port.
    pub(crate) fn subscribe(&self, port: u16) -> Wstap {
        self.about(port, self.args)
    }

    /// The same for a mock that behaves as the running service.
    pub(crate) fn subscribe_real(&self, port: u16) -> Wstap {
        self.about(port, self.real.unwrap_or(self.args))
    }

    fn about(&self, port: u16, args: &[&str]) -> Wstap {
        let url = format!("ws://127.0.0.1:{port}{}", self.path);
        wstap(&["subscribe", "-d", self.dialect, "--url", &url]).args(args).env(self.variable, "k3y")
    }
}

/// `serve-mock` with these arguments, and its port.
pub(crate) fn serve(args: &[&str]) -> (Running, u16) {
    let mut mock = wstap(&["serve-mock", "--announce", "json"]).args(args).spawn();
    let line = mock.line();
    let announcement: Value = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    let port = announcement["port"].as_u64().and_then(|port| u16::try_from(port).ok());
    (mock, port.expect("a port is announced"))
}

/// Asks a mock's control API; the request has a body unless that is `null`.
#[track_caller]
pub(crate) fn control(port: u16, what: &str, body: &Value) -> Value {
    let (method, body) = if body.is_null() { ("GET", String::new()) } else { ("POST", body.to_string()) };
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("mock listening");
    let request = format!(
        "{method} /__wstap/{what} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.write_all(request.as_bytes()).expect("a request is taken");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer comes");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    assert!(head.starts_with("HTTP/1.1 200 "), "{answer}");
    serde_json::from_str(body).expect("an answer is JSON")
}

/// Asks a question until the answer is yes, as long as that is no hang.
#[track_caller]
pub(crate) fn until(what: &str, mut is: impl FnMut() -> bool) {
    let deadline = Instant::now() + HUNG;
    while !is() {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        thread::sleep(Duration::from_millis(20));
    }
}
