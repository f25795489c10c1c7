//! Compression with other implementations: Python's `websockets` and npm's `ws`, as servers and as clients, with every
//! combination of parameters. Where they are not installed, the tests say so and check nothing; `.ci/run` installs them.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::json;

use crate::clients::serve;
use crate::harness::wstap;

/// An implementation with its interpreter and what the names of its scripts end with.
pub(crate) struct Library {
    pub(crate) name: &'static str,
    interpreter: String,
    find: [&'static str; 2],
    ending: &'static str,
}

pub(crate) fn libraries() -> [Library; 2] {
    // A virtual environment has an interpreter of its own; NODE_PATH says where the packages of npm are.
    let python = std::env::var("WSTAP_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    [
        Library {
            name: "websockets",
            interpreter: python,
            find: ["-c", "import websockets.sync"],
            ending: "py",
        },
        Library { name: "ws", interpreter: "node".to_owned(), find: ["-e", "require('ws')"], ending: "js" },
    ]
}

impl Library {
    pub(crate) fn is_here(&self) -> bool {
        works(
            Command::new(&self.interpreter).args(self.find),
            &format!("{} for {}", self.name, self.interpreter),
        )
    }

    pub(crate) fn command(&self, script: &str) -> Command {
        let path = format!("{}/tests/interop/{script}.{}", env!("CARGO_MANIFEST_DIR"), self.ending);
        let mut command = Command::new(&self.interpreter);
        command.arg(path);
        command
    }
}

/// Does the command that looks for something succeed? Otherwise a test that needs it is skipped, and says so.
#[expect(clippy::print_stderr, reason = "a test that is skipped has to say so")]
pub(crate) fn works(find: &mut Command, what: &str) -> bool {
    let found = find.stdout(Stdio::null()).stderr(Stdio::null()).status();
    let here = found.is_ok_and(|status| status.success());
    if !here {
        eprintln!("skipped: {what} is not installed");
    }
    here
}

/// Every combination of the parameters, as `--compress` takes them.
fn combinations() -> impl Iterator<Item = String> {
    let parameters = [
        "server_no_context_takeover",
        "client_no_context_takeover",
        "server_max_window_bits=9",
        "client_max_window_bits=10",
    ];
    (0..1 << parameters.len()).map(move |set| {
        let chosen = parameters.iter().enumerate().filter(|(at, _)| set & (1 << at) != 0);
        chosen.map(|(_, parameter)| *parameter).collect::<Vec<_>>().join(",")
    })
}

/// A server that prints its port, and then what it saw.
pub(crate) struct Peer {
    child: Child,
    lines: BufReader<ChildStdout>,
}

impl Peer {
    fn new(library: &Library) -> Self {
        Self::start(&mut library.command("echo_server"))
    }

    /// One for messages of any length.
    pub(crate) fn any_length(library: &Library) -> Self {
        let mut command = library.command("echo_server");
        command.arg("any-length");
        Self::start(&mut command)
    }

    pub(crate) fn start(command: &mut Command) -> Self {
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { child, lines }
    }

    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        assert_ne!(self.lines.read_line(&mut line).unwrap(), 0, "the peer has ended");
        line.trim_end().to_owned()
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn servers_and_this_client_agree_on_every_combination_of_parameters() {
    for library in libraries().iter().filter(|library| library.is_here()) {
        let mut peer = Peer::new(library);
        let url = format!("ws://127.0.0.1:{}/", peer.line());
        let long = json!("a message of some length, ".repeat(5000)).to_string();
        for parameters in combinations().chain(["none".to_owned()]) {
            let options =
                if parameters == "none" { vec!["--no-compress"] } else { vec!["--compress", &parameters] };
            let args = ["-x", "[1]", "-x", &long, "-x", "[1]", "-x", &long, "--count", "4", "--envelope"];
            let out = wstap(&["connect", &url]).args(&args).args(&options).run();
            let answer = peer.line();
            let name = format!("{} with {parameters:?}: {answer}", library.name);
            assert_eq!(out.code, Some(0), "{name}: {}", out.stderr);
            let echoes: Vec<String> = out
                .records("message")
                .iter()
                .filter(|record| record["dir"] == "in")
                .map(|record| record["data"].to_string())
                .collect();
            assert!(echoes == ["[1]", &long, "[1]", &long], "{name}");
            let agreed = out.records("open")[0]["compression"].as_str().unwrap_or("None").to_owned();
            assert_eq!(agreed == "None", parameters == "none", "{name}");
            assert_eq!(out.summary()["wire_in"].as_u64() < Some(10_000), parameters != "none", "{name}");
        }
    }
}

#[test]
fn clients_and_the_mock_agree_on_every_combination_of_parameters() {
    for library in libraries().iter().filter(|library| library.is_here()) {
        for parameters in combinations() {
            let (_mock, port) = serve(&["plain", "--compress", &parameters]);
            let url = format!("ws://127.0.0.1:{port}/echo");
            let out = library.command("echo_client").arg(&url).output().unwrap();
            let name = format!("{} with {parameters:?}", library.name);
            assert!(out.status.success(), "{name}: {}", String::from_utf8_lossy(&out.stderr));
            let agreed = String::from_utf8(out.stdout).unwrap();
            assert!(agreed.starts_with("permessage-deflate"), "{name}: {agreed}");
            for parameter in parameters.split(',') {
                assert!(agreed.contains(parameter), "{name}: {agreed}");
            }
        }
    }
}

#[test]
fn payloads_of_other_implementations_are_read_and_written() {
    let [mut python, _] = libraries();
    python.find = ["-c", "import cbor2, msgpack, websockets.sync"];
    if !python.is_here() {
        return;
    }
    let mut peer = Peer::start(&mut python.command("payload_server"));
    let url = format!("ws://127.0.0.1:{}", peer.line());
    let value = r#"{"id":9223372036854775808,"price":1.5,"raw":{"$binary":"AP8="},"at":{"$timestamp":"2026-01-01T12:00:00Z"},"$7":["ü",null,true,-1]}"#;
    for step in ["msgpack", "cbor"] {
        let args = ["--decode", step, "--encode", step, "--reply", ".", "--linger", "forever"];
        let out = wstap(&["connect", &format!("{url}/{step}")]).args(&args).run();
        assert_eq!(out.stdout.trim_end(), value, "{step}: {}", out.stderr);
        assert_eq!(peer.line(), "same", "{step}");
    }
    let args = ["--decode", "gzip", "--reply", "select(.ping) | {pong: .ping}", "--count", "2"];
    let out = wstap(&["connect", &format!("{url}/gzip")]).args(&args).run();
    assert_eq!(out.stdout, "{\"ping\":18212558000}\n{\"tick\":1}\n", "{}", out.stderr);
    assert_eq!(peer.line(), r#"{"pong":18212558000}"#);
}
