//! Clients that mean no good, byte by byte, against a mock that others use at the same time: it answers or hangs up,
//! never panics, keeps nothing of them, and the others notice nothing.

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::thread;
use std::time::Duration;

use serde_json::Value;

use crate::clients::{control, serve, until};
use crate::harness::{Peer, Running};

/// Every path with a WebSocket behind it.
const PATHS: [&str; 6] = [
    "/echo",
    "/v1.0/ws?token=t",
    "/ws/campaigns/monitor?token=t",
    "/ws/campaigns/7/progress?token=t",
    "/?access_token=mock-token",
    "/ws/demo?token=t",
];

/// A mock with somebody who uses it as it should be.
struct Scene {
    mock: Running,
    port: u16,
    guest: Peer,
    said: u32,
    files: usize,
}

impl Scene {
    fn new() -> Self {
        let (mock, port) = serve(&["--events", "0"]);
        let mut scene = Self { mock, port, guest: upgraded(port, "/echo"), said: 0, files: 0 };
        scene.guest_is_served();
        scene.files = scene.open_files();
        scene
    }

    /// The guest says something and gets it back, and nothing else.
    fn guest_is_served(&mut self) {
        self.said += 1;
        let text = format!("guest {}", self.said);
        self.guest.write(masked(0x81, text.as_bytes()));
        assert_eq!(self.guest.read_frame().expect("an answer").payload, text.as_bytes());
    }

    fn open_files(&self) -> usize {
        std::fs::read_dir(format!("/proc/{}/fd", self.mock.child.id())).expect("the mock runs").count()
    }

    /// Nobody but the guest is left, and the mock ends as it should.
    fn ends_well(mut self) {
        until("all others are forgotten", || {
            let clients = control(self.port, "clients", &Value::Null);
            clients["clients"].as_array().is_some_and(|all| all.len() == 1)
        });
        until("their files are closed", || self.open_files() <= self.files);
        self.guest_is_served();
        self.mock.signal("TERM");
        assert_eq!(self.guest.read_close(), Some(1001));
        drop(self.guest);
        let out = self.mock.finish();
        assert!(!out.exits(0).stderr.contains("panicked"), "{}", out.stderr);
    }
}

pub(crate) fn connected(port: u16) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", port)).expect("mock listening");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("a timeout can be set");
    stream
}

pub(crate) fn request(path: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    )
}

pub(crate) fn upgraded(port: u16, path: &str) -> Peer {
    let mut peer = Peer { stream: connected(port) };
    peer.write(request(path));
    let head = peer.request();
    assert!(head.starts_with("HTTP/1.1 101 "), "{path}: {head}");
    peer
}

/// A frame as a client has to send it.
pub(crate) fn masked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = crate::harness::frame(first, payload);
    let head = frame.len() - payload.len();
    frame[1] |= 0x80;
    frame.splice(head..head, [0; 4]);
    frame
}

/// What comes back for these bytes, up to the end of the connection.
fn answer(port: u16, bytes: &[u8]) -> String {
    let mut stream = connected(port);
    // It may have seen enough before the end.
    let _ = stream.write_all(bytes);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn requests_that_are_none() {
    let mut scene = Scene::new();
    let many: String = (0..10_000).map(|n| format!("X-{n}: y\r\n")).collect();
    let long = "x".repeat(1 << 20);
    let post = |length: &str| format!("POST /v4/oauth2/token HTTP/1.1\r\nHost: h\r\n{length}\r\n\r\n");
    let cases: Vec<(Vec<u8>, &[&str])> = vec![
        (format!("GET /echo HTTP/1.1\r\n{many}\r\n").into(), &["431"]),
        (format!("GET /echo HTTP/1.1\r\nA: {long}\r\n\r\n").into(), &["431"]),
        (format!("GET /{long} HTTP/1.1\r\n\r\n").into(), &["431"]),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03".repeat(40), &["400"]),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), &["400", "404"]),
        (b"\0".repeat(5000), &["400"]),
        (b"GET / HTTP/1.1\nHost: \xff\xfe\r\n\r\n".to_vec(), &["400", "200"]),
        (post("Content-Length: 99999999999999999999").into(), &["400", "413"]),
        (post("Content-Length: -1").into(), &["400", "413"]),
        (post("Content-Length: 1000000000000").into(), &["400", "413"]),
        (post("Content-Length: 1\r\nContent-Length: 2").into(), &["400"]),
        (post("Transfer-Encoding: chunked").into(), &["400", "411", "501"]),
        (request("/v1.0/ws?token=expired&%zz%&token&=&%00").into(), &["401"]),
        (request("/echo").replace("Version: 13", "Version: \u{7f}").into(), &["400"]),
        (request("/echo").replace("dGhlIHNhbXBsZSBub25jZQ==", "").into(), &["400"]),
    ];
    for (bytes, statuses) in cases {
        let shown = String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).into_owned();
        let told = answer(scene.port, &bytes);
        let known = statuses.iter().any(|status| told.starts_with(&format!("HTTP/1.1 {status} ")));
        assert!(known, "{shown:?}: {told}");
        scene.guest_is_served();
    }
    scene.ends_well();
}

#[test]
fn who_does_not_come_to_the_point_is_given_up() {
    let mut scene = Scene::new();
    // One stops in the middle, one drips on, one never sends the body that it announced, one says nothing at all.
    let mut waiting = Vec::new();
    for half in [
        "GET /echo HTTP/1.1\r\nHo",
        "GET /",
        "POST /api/v1/events/ack HTTP/1.1\r\nContent-Length: 9\r\n\r\n{",
        "",
    ] {
        let mut stream = connected(scene.port);
        stream.write_all(half.as_bytes()).unwrap();
        if half == "GET /" {
            let mut dripping = stream.try_clone().unwrap();
            thread::spawn(move || {
                while dripping.write_all(b"a").is_ok() {
                    thread::sleep(Duration::from_millis(100));
                }
            });
        }
        waiting.push(stream);
    }
    // These leave, at once or half-way.
    for bytes in ["", "G", "GET /echo HTTP/1.1\r\nHo", &request("/echo")[..90]] {
        let mut stream = connected(scene.port);
        stream.write_all(bytes.as_bytes()).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
        assert_eq!(stream.read_to_end(&mut Vec::new()).unwrap_or(0), 0, "{bytes:?}");
    }
    scene.guest_is_served();
    for mut stream in waiting {
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.starts_with("HTTP/1.1 408 "), "{answer:?}");
    }
    scene.ends_well();
}

#[test]
fn frames_that_break_the_rules() {
    let mut scene = Scene::new();
    let unmasked = |first, payload: &[u8]| crate::harness::frame(first, payload);
    let huge = |length: u64| [&[0x82, 0xff][..], &length.to_be_bytes(), &[0; 4]].concat();
    let cases: Vec<(&str, Vec<u8>, &[u16])> = vec![
        ("unmasked", unmasked(0x81, b"hi"), &[1002]),
        ("unmasked ping", unmasked(0x89, b""), &[1002]),
        ("reserved bit", masked(0xc1, b"hi"), &[1002]),
        ("reserved opcode", masked(0x83, b"hi"), &[1002]),
        ("reserved control", masked(0x8b, b""), &[1002]),
        ("invalid UTF-8", masked(0x81, b"\xce\xba\xff"), &[1007]),
        ("invalid UTF-8 in pieces", [masked(0x01, b"\xce"), masked(0x80, b"\xff")].concat(), &[1007]),
        ("a fragmented ping", masked(0x09, b"a"), &[1002]),
        ("a fragmented close", masked(0x08, b"\x03\xe8"), &[1002]),
        ("a ping too long", masked(0x89, &[b'x'; 126]), &[1002]),
        ("nothing to continue", masked(0x80, b"a"), &[1002]),
        ("a message in a message", [masked(0x01, b"a"), masked(0x81, b"b")].concat(), &[1002]),
        ("half a close code", masked(0x88, b"\x03"), &[1002]),
        ("a reason that is no text", masked(0x88, b"\x03\xe8\xff"), &[1002, 1007]),
        ("a gigabyte announced", huge(1 << 30), &[1009]),
        ("as long as can be", huge(u64::MAX >> 1), &[1009, 1002]),
        ("longer than can be", huge(u64::MAX), &[1009, 1002]),
        (
            "fragments without end",
            masked(0x02, &[0; 4000]).into_iter().chain(masked(0x00, &[0; 4000]).repeat(300)).collect(),
            &[1009],
        ),
    ];
    for path in PATHS {
        for (name, bytes, codes) in &cases {
            let mut peer = upgraded(scene.port, path);
            peer.write(bytes);
            // The echo takes more than these fragments, and is not to wait for their end.
            peer.stream.shutdown(Shutdown::Write).unwrap();
            // What was unread when the mock hung up may have reset the connection under its last word.
            let code = peer.read_close();
            assert!(code.is_none_or(|code| codes.contains(&code)), "{path} {name}: {code:?}");
            assert!(code.is_some() || bytes.len() > 1000, "{path} {name}: no close frame");
            peer.wait_for_end();
        }
        scene.guest_is_served();
    }
    scene.ends_well();
}

#[test]
fn bytes_after_the_upgrade_and_ends_in_the_middle() {
    let mut scene = Scene::new();
    // Frames that came with the request are not lost, nor is what was asked before.
    let both = [request("/echo").as_bytes(), &masked(0x81, b"early"), &masked(0x88, b"\x03\xe8")].concat();
    assert!(answer(scene.port, &both).ends_with("\u{fffd}\u{5}early\u{fffd}\u{2}\u{3}\u{fffd}"));
    let ask = b"GET /__wstap/health HTTP/1.1\r\nHost: localhost\r\n\r\n";
    let told = answer(scene.port, &[ask, &both[..]].concat());
    assert!(
        told.contains("\"status\":\"ok\"") && told.contains("101 Switching") && told.contains("early"),
        "{told}"
    );
    for path in PATHS {
        // Whole frames and parts of one, and then nothing, or the end, or both ends.
        for cut in [1, 2, 5, 7, 100] {
            let bytes =
                [masked(0x81, br#"{"type":"ping"}"#), masked(0x81, &[b'['; 200])[..cut].to_vec()].concat();
            let mut peer = upgraded(scene.port, path);
            peer.write(&bytes);
            peer.stream.shutdown(Shutdown::Write).unwrap();
            peer.wait_for_end();
            upgraded(scene.port, path).write(&bytes);
        }
        // JSON that goes deep, and what nobody asked for.
        let deep = "[".repeat(4000);
        let topics = format!(r#"{{"type":"subscribe","topics":[{}"x"]}}"#, r#""a","#.repeat(900));
        for text in [deep.as_str(), &topics, "{\"type\":{}}", "{\"action\":[]}", "\u{0}", "", "7", "null"] {
            let mut peer = upgraded(scene.port, path);
            peer.write(
                [masked(0x81, text.as_bytes()), masked(0x82, text.as_bytes()), masked(0x88, b"")].concat(),
            );
            assert_eq!(peer.read_close(), Some(1005), "{path}: {text:.40}");
        }
        scene.guest_is_served();
    }
    scene.ends_well();
}

#[test]
fn bytes_without_any_sense() {
    let mut scene = Scene::new();
    let mut seed = 1_u64;
    let mut noise = |length: usize| -> Vec<u8> {
        let next = |_| {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 32) as u8
        };
        (0..length).map(next).collect()
    };
    for round in 0..40 {
        let bytes = noise(1 + round * 37);
        let mut stream = connected(scene.port);
        let _ = stream.write_all(&bytes).and_then(|()| stream.shutdown(Shutdown::Write));
        let _ = stream.read_to_end(&mut Vec::new());
        for path in PATHS {
            let mut peer = upgraded(scene.port, path);
            peer.write(&bytes);
            let _ = peer.stream.shutdown(Shutdown::Write);
            peer.wait_for_end();
        }
    }
    scene.guest_is_served();
    scene.ends_well();
}

/// More than all clients together may make the mock keep: some are sent away, and it is not those that take little.
#[test]
fn requests_that_do_not_end_take_no_memory_without_end() {
    let mut scene = Scene::new();
    let head = "POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 4194304\r\n\r\n";
    let body = vec![b'b'; 4_000_000];
    let mut streams: Vec<TcpStream> = Vec::new();
    for _ in 0..60 {
        let mut stream = connected(scene.port);
        // It may be sent away meanwhile.
        let _ = stream.write_all(head.as_bytes()).and_then(|()| stream.write_all(&body));
        streams.push(stream);
        scene.guest_is_served();
    }
    let resident = scene.mock.resident();
    assert!(resident < 220 << 10, "{resident} KiB for {} MB", 4 * streams.len());
    drop(streams);
    scene.ends_well();
}
