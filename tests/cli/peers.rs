//! Servers that others have written: Python's `websockets` with `msgpack`, `cbor2` and `gzip`. Where Python has them not,
//! a notice says so and nothing is tested.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

use crate::harness::{Output, wstap};

/// A server whose connections are handled by `serve(ws)`, with `check(condition)` for what it expects.
const SERVER: &str = r#"
import asyncio, sys, websockets
BODY
def check(what, of):
    if not what: print("not as expected:", of, flush=True)
async def main():
    done = asyncio.Event()
    async def handle(ws):
        await serve(ws)
        await ws.close()
        done.set()
    async with websockets.serve(handle, "127.0.0.1", 0) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await done.wait()
    print("served", flush=True)
asyncio.run(main())
"#;

struct Python {
    process: Child,
    lines: std::io::Lines<BufReader<std::process::ChildStdout>>,
    url: String,
}

impl Python {
    /// Starts a server; `None` if a module is missing.
    #[expect(clippy::print_stderr, reason = "whoever runs the tests should know")]
    fn serve(modules: &str, body: &str) -> Option<Self> {
        let has = Command::new("python3").args(["-c", &format!("import websockets, {modules}")]).output();
        if !has.is_ok_and(|output| output.status.success()) {
            eprintln!("not tested: python3 with the modules websockets, {modules}");
            return None;
        }
        let script = SERVER.replace("BODY", body);
        let mut process =
            Command::new("python3").args(["-c", &script]).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let port = lines.next().unwrap().unwrap();
        Some(Self { process, lines, url: format!("ws://127.0.0.1:{port}/") })
    }

    /// Runs a client against it, and checks that it was what the server expected.
    fn run(mut self, args: &[&str]) -> Output {
        let out = wstap(&["connect", &self.url]).args(args).run();
        out.exits(0);
        assert_eq!(self.lines.next().unwrap().unwrap(), "served", "{out:?}");
        out
    }
}

impl Drop for Python {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Values of all kinds come, and what is sent back of them is what they were.
const VALUES: &str = r#"
from datetime import datetime, timezone
when = datetime(2026, 1, 2, 3, 4, 5, 500000, tzinfo=timezone.utc)
values = [{"n": 1, "f": 1.0, "s": "é", "none": None}, {"big": 2**64 - 1, "small": -2**63}, {1: "x", "$1": "y", b"\x00": 2},
    b"\x00\xff", [when], [1.5, float("inf"), [], {}]]
async def serve(ws):
    check(decode(await ws.recv()) == {"op": "hello"}, "hello")
    for value in values:
        await ws.send(encode(value))
        back = await ws.recv()
        check(type(back) is bytes and decode(back) == value, (value, back))
"#;

const SHOWN: &[&str] = &[
    r#"{"n":1,"f":1.0,"s":"é","none":null}"#,
    r#"{"big":18446744073709551615,"small":-9223372036854775808}"#,
    r#"{"$1":"x","$$1":"y","${\"$binary\":\"AA==\"}":2}"#,
    r#"{"$binary":"AP8="}"#,
];

#[test]
fn messagepack_of_python_comes_and_goes_back() {
    let codec = "import msgpack\n\
        encode = lambda value: msgpack.packb(value, datetime=True)\n\
        decode = lambda data: msgpack.unpackb(data, timestamp=3, strict_map_key=False)";
    let Some(python) = Python::serve("msgpack", &format!("{codec}{VALUES}")) else { return };
    let out = python.run(&[
        "--decode",
        "msgpack",
        "--encode",
        "msgpack",
        "--reply",
        ".",
        "-x",
        r#"{"op":"hello"}"#,
    ]);
    assert_eq!(out.lines()[..4], *SHOWN);
    assert_eq!(out.lines()[4], r#"[{"$timestamp":"2026-01-02T03:04:05.5Z"}]"#);
}

#[test]
fn cbor_of_python_comes_and_goes_back() {
    let codec = "import cbor2\nencode, decode = cbor2.dumps, cbor2.loads";
    let Some(python) = Python::serve("cbor2", &format!("{codec}{VALUES}")) else { return };
    let out =
        python.run(&["--decode", "cbor", "--encode", "cbor", "--reply", ".", "-x", r#"{"op":"hello"}"#]);
    assert_eq!(out.lines()[..4], *SHOWN);
    assert_eq!(out.lines()[4], r#"[{"$timestamp":"2026-01-02T03:04:05.500000Z"}]"#);
}

#[test]
fn a_feed_of_python_that_pings_inside_gzip_is_answered() {
    let body = r#"
import gzip, json
async def serve(ws):
    await ws.send(gzip.compress(b'{"ping":1}'))
    check(json.loads(await ws.recv()) == {"pong": 1}, "pong")
    await ws.send(gzip.compress(b'{"tick":2}'))
"#;
    let Some(python) = Python::serve("gzip", body) else { return };
    let out =
        python.run(&["--decode", "auto", "--reply", "select(.ping) | {pong: .ping}", "-f", ".tick // empty"]);
    assert_eq!(out.stdout, "2\n");
}
