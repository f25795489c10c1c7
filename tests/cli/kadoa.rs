//! A provider with a token to fetch, events to acknowledge, a cursor to go on from, and a server that drains.

use std::collections::HashMap;
use std::io::Read as _;
use std::net::TcpListener;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::harness::{HUNG, Peer, Wstap, header, upgrade, wstap};

const FAST: [&str; 4] = ["--reconnect-delay", "10ms", "--reconnect-max-delay", "20ms"];
const KEY: &str = "tk-s3cr3t";

/// What a test waits for at most.
const PATIENCE: Duration = HUNG;

type Script = Box<dyn FnOnce(&mut Peer, &Room) + Send>;

/// All of the provider on one port: the token exchange, the acknowledgements, and one script for each socket.
struct Service {
    port: u16,
    room: Arc<Room>,
}

/// What the service has seen.
struct Room {
    scripts: Mutex<Vec<Script>>,
    /// Statuses of the next answers to the token exchange, last first; 200 when there are no more.
    refusals: Mutex<Vec<u16>>,
    exchanges: Mutex<Vec<String>>,
    /// Statuses of the next answers to acknowledgements of an id, last first; 204 when there are no more.
    ack_refusals: Mutex<HashMap<String, Vec<u16>>>,
    tell_ack: mpsc::Sender<String>,
    acks: Mutex<mpsc::Receiver<String>>,
    done: mpsc::Sender<()>,
}

impl Room {
    /// The next acknowledgement, which has to come.
    fn ack(&self) -> String {
        self.acks.lock().unwrap().recv_timeout(PATIENCE).expect("an acknowledgment comes")
    }

    fn is_acked(&self) -> bool {
        self.acks.lock().unwrap().try_recv().is_ok()
    }
}

impl Service {
    fn new(scripts: Vec<Script>) -> (Self, mpsc::Receiver<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let port = listener.local_addr().expect("a listener has an address").port();
        let ((tell_ack, acks), (done, played)) = (mpsc::channel(), mpsc::channel());
        let room = Arc::new(Room {
            scripts: Mutex::new(scripts),
            refusals: Mutex::default(),
            exchanges: Mutex::default(),
            ack_refusals: Mutex::default(),
            tell_ack,
            acks: Mutex::new(acks),
            done,
        });
        let shared = room.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (room, mut peer) = (shared.clone(), Peer { stream: stream.expect("a client connects") });
                peer.stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
                thread::spawn(move || serve(&mut peer, &room));
            }
        });
        (Self { port, room }, played)
    }

    fn url(&self) -> String {
        format!("ws://127.0.0.1:{}/", self.port)
    }

    fn subscribe(&self, args: &[&str]) -> Wstap {
        wstap(&["subscribe", "-d", "kadoa", &self.url()]).args(args).env("KADOA_API_KEY", KEY)
    }
}

/// Plays the part of a connection that its first request asks for.
fn serve(peer: &mut Peer, room: &Room) {
    let Some(request) = read_request(peer) else { return };
    if request.starts_with("GET ") {
        let script = room.scripts.lock().unwrap().remove(0);
        let expected = format!("GET /?access_token=t%2F{}%20+ HTTP", room.exchanges.lock().unwrap().len());
        assert!(request.starts_with(&expected.replace('+', "%2B")), "{request}");
        peer.write(upgrade(&request, ""));
        script(peer, room);
        let _ = room.done.send(());
        return;
    }
    let mut next = Some(request);
    while let Some(call) = next.take() {
        let answer = if call.starts_with("POST /v4/oauth2/token ") {
            exchange(&call, room)
        } else {
            acked(&call, room)
        };
        peer.write(answer);
        next = read_request(peer);
    }
}

fn exchange(call: &str, room: &Room) -> String {
    assert_eq!(header(call, "content-length"), Some("0"), "{call}");
    if header(call, "x-api-key") != Some(KEY) {
        return answer(401, r#"{"error":"no such key"}"#);
    }
    let refusal = room.refusals.lock().unwrap().pop();
    if let Some(status) = refusal {
        return answer(status, "no");
    }
    let mut exchanges = room.exchanges.lock().unwrap();
    exchanges.push(call.to_owned());
    answer(200, &json!({"access_token": format!("t/{} +", exchanges.len()), "team_id": "team"}).to_string())
}

fn acked(call: &str, room: &Room) -> String {
    assert!(call.starts_with("POST /api/v1/events/ack "), "{call}");
    assert_eq!(header(call, "content-type"), Some("application/json"));
    assert!(header(call, "x-api-key").is_none() && header(call, "authorization").is_none(), "{call}");
    let body = call.split_once("\r\n\r\n").expect("a request has a body").1;
    let body: Value = serde_json::from_str(body).expect("the body is JSON");
    let id = body["id"].as_str().expect("it has an id");
    if let Some(status) = room.ack_refusals.lock().unwrap().get_mut(id).and_then(Vec::pop) {
        return answer(status, "");
    }
    let _ = room.tell_ack.send(id.to_owned());
    answer(204, "")
}

fn answer(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} Because\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A request with its body; `None` when the client has gone.
fn read_request(peer: &mut Peer) -> Option<String> {
    let mut bytes = Vec::new();
    while !bytes.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        peer.stream.read_exact(&mut byte).ok()?;
        bytes.extend(byte);
    }
    let head = String::from_utf8(bytes).expect("a request is text");
    let mut body =
        vec![0; header(&head, "content-length").map_or(0, |length| length.parse().expect("a number"))];
    peer.stream.read_exact(&mut body).ok()?;
    Some(head + &String::from_utf8(body).expect("a body is text"))
}

fn event(id: &str, cursor: &str) -> String {
    json!({"type": "workflow_data_change", "timestamp": 1, "id": id, "_cursor": cursor}).to_string()
}

/// Reads the subscription.
fn subscribed(peer: &mut Peer, cursor: Option<&str>) {
    let mut expected = json!({"action": "subscribe", "channel": "team"});
    if let Some(cursor) = cursor {
        expected["lastCursor"] = cursor.into();
    }
    let frame = peer.read_text().expect("a subscription comes");
    assert_eq!(serde_json::from_str::<Value>(&frame).expect("it is JSON"), expected);
}

fn script(play: impl FnOnce(&mut Peer, &Room) + Send + 'static) -> Script {
    Box::new(play)
}

fn ids(text: &str) -> Vec<String> {
    let id = |line: &str| serde_json::from_str::<Value>(line).unwrap()["id"].as_str().unwrap().to_owned();
    text.lines().map(id).collect()
}

#[test]
fn a_token_is_fetched_and_events_are_acknowledged_but_nothing_else() {
    let (service, played) = Service::new(vec![script(|peer, room| {
        subscribed(peer, None);
        peer.text(r#"{"type":"heartbeat","timestamp":1,"id":"h"}"#);
        peer.text(&event("a", "c1"));
        assert_eq!(room.ack(), "a");
        peer.text(&event("a", "c1"));
        assert_eq!(room.ack(), "a", "one that came twice is acknowledged twice");
        peer.text(&event("b", "c2"));
        peer.read_close();
        assert_eq!(room.ack(), "b", "the session waits for it");
        assert!(!room.is_acked());
    })]);
    let out = service.subscribe(&["--count", "2", "-vv"]).run();
    assert_eq!(ids(&out.exits(0).stdout), ["a", "b"]);
    assert!(![KEY, "t/1", "t%2F1"].iter().any(|secret| out.stderr.contains(secret)), "{}", out.stderr);
    played.recv_timeout(PATIENCE).expect("the script is played to its end");
    assert_eq!(service.room.exchanges.lock().unwrap().len(), 1);
}

#[test]
fn records_have_what_standard_output_has_not() {
    let (service, played) = Service::new(vec![script(|peer, _| {
        subscribed(peer, None);
        peer.text(r#"{"type":"heartbeat"}"#);
        peer.text(&event("a", "c1"));
        peer.text(&event("a", "c1"));
        peer.close_well(1000);
    })]);
    let out = service.subscribe(&["--envelope"]).run();
    let received: Vec<Value> =
        out.exits(0).records("message").into_iter().filter(|record| record["dir"] == "in").collect();
    assert_eq!(received.len(), 3);
    assert_eq!((&received[1]["duplicate"], &received[2]["duplicate"]), (&Value::Null, &true.into()));
    assert_eq!(out.summary()["duplicates"], 1);
    assert!(!out.stdout.contains("t%2F1") && !out.stdout.contains("t/1"), "{}", out.stdout);
    played.recv_timeout(PATIENCE).expect("the script is played to its end");
    let (service, _played) = Service::new(vec![script(|peer, _| {
        subscribed(peer, None);
        peer.text(&event("a", "c1"));
        peer.text(&event("a", "c1"));
        peer.close_well(1000);
    })]);
    assert_eq!(ids(&service.subscribe(&["--no-dedupe"]).run().exits(0).stdout), ["a", "a"]);
}

#[test]
fn what_is_not_written_is_not_acknowledged() {
    let padding = "x".repeat(1 << 20);
    let (large, small) = (json!({"id": "large", "padding": padding}).to_string(), event("small", "c"));
    let (checked, go_on) = mpsc::channel::<()>();
    let (service, played) = Service::new(vec![script(move |peer, room| {
        subscribed(peer, None);
        peer.text(&large);
        // Nobody reads standard output, and the line is longer than a pipe holds.
        thread::sleep(Duration::from_millis(300));
        assert!(!room.is_acked());
        checked.send(()).expect("the test waits");
        assert_eq!(room.ack(), "large");
        peer.text(&small);
        peer.text(&event("dropped", "c"));
        assert_eq!((room.ack(), room.ack()), ("small".into(), "dropped".into()), "a filter writes nothing");
        peer.close_well(1000);
    })]);
    let run = service.subscribe(&["-f", "select(.id != \"dropped\") | .id, .padding"]).spawn();
    go_on.recv_timeout(PATIENCE).expect("the script comes to this");
    let out = run.finish();
    assert_eq!(out.exits(0).lines()[0], "\"large\"");
    played.recv_timeout(PATIENCE).expect("the script is played to its end");
}

#[test]
fn what_comes_after_the_end_is_not_acknowledged() {
    let (service, played) = Service::new(vec![script(|peer, room| {
        subscribed(peer, None);
        ["a", "b", "c"].iter().for_each(|id| peer.text(&event(id, id)));
        peer.read_close();
        assert_eq!(room.ack(), "a");
        peer.wait_for_end();
        assert!(!room.is_acked());
    })]);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cursor");
    let args = ["--count", "1", "--cursor-file", &file.display().to_string()];
    assert_eq!(ids(&service.subscribe(&args).run().exits(0).stdout), ["a"]);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "a\n");
    played.recv_timeout(PATIENCE).expect("the script is played to its end");
}

#[test]
fn a_program_over_the_stream_acknowledges_what_it_took() {
    let (service, played) = Service::new(vec![script(|peer, room| {
        subscribed(peer, None);
        peer.text(&event("a", "c1"));
        assert_eq!(room.ack(), "a");
        peer.text(&event("b", "c2"));
        assert_eq!(room.ack(), "b");
        peer.close_well(1000);
    })]);
    let out = service.subscribe(&["-n", "-f", "[inputs.id]"]).run();
    assert_eq!(out.exits(0).stdout, "[\"a\",\"b\"]\n");
    played.recv_timeout(PATIENCE).expect("the script is played to its end");
}

#[test]
fn a_lost_connection_goes_on_from_the_cursor_with_a_fresh_token() {
    let (service, played) = Service::new(vec![
        script(|peer, _| {
            subscribed(peer, None);
            peer.text(&event("a", "c1"));
            peer.text(&event("b", "c2"));
        }),
        script(|peer, _| {
            subscribed(peer, Some("c2"));
            peer.text(&event("b", "c2"));
            peer.text(&event("c", "c3"));
            peer.close_well(1000);
        }),
    ]);
    let room = service.room.clone();
    let out = service.subscribe(&FAST).args(&["--envelope"]).run();
    let gap = &out.exits(0).records("gap")[0];
    assert_eq!((&gap["last_id"], &gap["replayed"]), (&"b".into(), &true.into()));
    let fresh = |record: &&Value| record["dir"] == "in" && record["duplicate"].is_null();
    let messages = out.records("message");
    let seen: Vec<&Value> = messages.iter().filter(fresh).map(|record| &record["data"]["id"]).collect();
    assert_eq!(seen, ["a", "b", "c"]);
    assert_eq!(room.exchanges.lock().unwrap().len(), 2);
    (0..2).for_each(|_| played.recv_timeout(PATIENCE).expect("the script is played to its end"));
}

#[test]
fn the_cursor_in_the_file_survives_the_run() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("cursor").display().to_string();
    for (typed, before, id, after) in [
        (None, None, "a", "c1"),
        (None, Some("c1"), "b", "c2"),
        (Some("typed"), Some("typed"), "c", "c3"),
        (None, Some("c3"), "d", "c4"),
    ] {
        let (service, played) = Service::new(vec![script(move |peer, _| {
            subscribed(peer, before);
            peer.text(&event(id, after));
            peer.close_well(1000);
        })]);
        let typed: Vec<&str> = typed.into_iter().flat_map(|cursor| ["--from-cursor", cursor]).collect();
        let out = service.subscribe(&["--cursor-file", &file]).args(&typed).run();
        assert_eq!(ids(&out.exits(0).stdout), [id]);
        assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("{after}\n"));
        played.recv_timeout(PATIENCE).expect("the script is played to its end");
    }
    let topic = "customer_id:12345678-1234-1234-1234-123456789012:call:*";
    wstap(&["subscribe", "-d", "voipbin", "ws://127.0.0.1:1/", topic, "--from-cursor", "c"])
        .run()
        .exits(2)
        .says("--from-cursor")
        .says("voipbin");
    let (service, _) = Service::new(Vec::new());
    service.subscribe(&["--cursor-file", "/nonexistent/c"]).run().exits(2).says("/nonexistent/c");
    assert!(service.room.exchanges.lock().unwrap().is_empty(), "nothing connects before that");
}

#[test]
fn a_server_that_drains_is_left_without_a_gap() {
    let (open, is_open) = mpsc::channel::<()>();
    let (service, played) = Service::new(vec![
        script(move |peer, _| {
            subscribed(peer, None);
            peer.text(&event("a", "c1"));
            peer.text(r#"{"type":"control.draining","retryAfterMs":10}"#);
            is_open.recv().expect("the second connection opens");
            // The old connection has an event that the new one does not repeat, and one that it does.
            peer.text(&event("b", "c2"));
            peer.text(&event("c", "c3"));
            peer.close_well(1001);
        }),
        script(move |peer, room| {
            subscribed(peer, Some("c1"));
            open.send(()).expect("the first connection waits");
            assert_eq!([room.ack(), room.ack(), room.ack()], ["a", "b", "c"]);
            peer.text(&event("c", "c3"));
            peer.text(&event("d", "c4"));
            peer.close_well(1000);
        }),
    ]);
    let out = service.subscribe(&["--record", "/dev/stderr"]).run();
    assert_eq!(ids(&out.exits(0).says("takes over").stdout), ["a", "b", "c", "d"]);
    for kind in ["gap", "reconnect"] {
        assert!(!out.stderr.contains(&format!("\"type\":\"{kind}\"")), "{}", out.stderr);
    }
    assert!(!out.stderr.contains("connection lost"), "{}", out.stderr);
    (0..2).for_each(|_| played.recv_timeout(PATIENCE).expect("the script is played to its end"));
}

#[test]
fn a_server_that_drains_and_leaves_at_once_is_reconnected_to() {
    let (service, played) = Service::new(vec![
        script(|peer, _| {
            subscribed(peer, None);
            peer.text(&event("a", "c1"));
            peer.text(r#"{"type":"control.draining","retryAfterMs":50}"#);
            peer.close_well(1001);
        }),
        script(|peer, _| {
            subscribed(peer, Some("c1"));
            peer.text(&event("b", "c2"));
            peer.close_well(1000);
        }),
    ]);
    let out = service.subscribe(&FAST).args(&["--envelope"]).run();
    assert_eq!(out.exits(0).records("gap").len(), 1);
    assert_eq!(out.records("reconnect").len(), 1);
    (0..2).for_each(|_| played.recv_timeout(PATIENCE).expect("the script is played to its end"));
}

#[test]
fn servers_that_all_drain_are_given_up_like_servers_that_all_fail() {
    let drain = || {
        script(|peer, _| {
            subscribed(peer, None);
            peer.text(r#"{"type":"control.draining","retryAfterMs":0}"#);
            peer.wait_for_end();
        })
    };
    let last = script(|peer, _| {
        subscribed(peer, None);
        peer.text(r#"{"type":"control.draining","retryAfterMs":0}"#);
        peer.close_well(1001);
    });
    let (service, played) = Service::new(vec![drain(), drain(), last]);
    let out = service.subscribe(&["--retries", "2"]).args(&FAST).run();
    out.exits(23).says("gave up after 2 attempts");
    (0..3).for_each(|_| played.recv_timeout(PATIENCE).expect("the script is played to its end"));
}

#[test]
fn a_second_connection_that_fails_is_tried_again_beside_the_first() {
    let (service, played) = Service::new(vec![
        script(|peer, room| {
            subscribed(peer, None);
            room.refusals.lock().unwrap().push(503);
            peer.text(&event("a", "c1"));
            peer.text(r#"{"type":"control.draining","retryAfterMs":0}"#);
            peer.wait_for_end();
        }),
        script(|peer, _| {
            subscribed(peer, Some("c1"));
            peer.close_well(1000);
        }),
    ]);
    let out = service.subscribe(&[]).run();
    assert_eq!(ids(&out.exits(0).says("second connection failed").stdout), ["a"]);
    (0..2).for_each(|_| played.recv_timeout(PATIENCE).expect("the script is played to its end"));
}

#[test]
fn a_key_that_is_refused_is_16_and_one_that_is_missing_is_usage() {
    let (service, _) = Service::new(Vec::new());
    let run = wstap(&["subscribe", "-d", "kadoa", &service.url()]).env("KADOA_API_KEY", "wr0ng-key");
    let out = run.run();
    out.exits(16).says("401").says("no such key").says("/v4/oauth2/token");
    assert!(!out.stderr.contains("wr0ng"), "{}", out.stderr);
    wstap(&["subscribe", "-d", "kadoa", &service.url()]).run().exits(2).says("KADOA_API_KEY");
    service.room.refusals.lock().unwrap().push(500);
    service.subscribe(&[]).run().exits(14).says("500");
}

#[test]
fn a_token_endpoint_that_is_down_for_a_while_is_tried_again() {
    let (service, played) = Service::new(vec![script(|peer, _| {
        subscribed(peer, None);
        peer.close_well(1000);
    })]);
    service.room.refusals.lock().unwrap().extend([503, 429]);
    service.subscribe(&FAST).args(&["--reconnect"]).run().exits(0).says("503").says("429");
    played.recv_timeout(PATIENCE).expect("the script is played to its end");
}

#[test]
fn acknowledgements_that_fail_are_tried_once_more_and_told_once() {
    let (service, played) = Service::new(vec![script(|peer, room| {
        subscribed(peer, None);
        let refusals = [("a", vec![503, 503]), ("b", vec![503]), ("c", vec![400]), ("d", vec![400])];
        room.ack_refusals.lock().unwrap().extend(refusals.map(|(id, statuses)| (id.to_owned(), statuses)));
        for id in ["a", "b", "c", "d", "e"] {
            peer.text(&event(id, id));
        }
        // Both attempts fail for the first event, and one for the second. A status that will not change is
        // not asked for again.
        let mut acks = [room.ack(), room.ack()];
        acks.sort();
        assert_eq!(acks, ["b", "e"]);
        peer.close_well(1000);
    })]);
    let out = service.subscribe(&[]).run();
    assert_eq!(ids(&out.exits(0).says("3 events not acknowledged").stdout).len(), 5);
    assert_eq!(out.stderr.matches("an acknowledgment was refused: ").count(), 1, "{}", out.stderr);
    played.recv_timeout(PATIENCE).expect("the script is played to its end");
}

#[test]
fn a_server_without_heartbeats_is_silent_however_much_it_says() {
    let (service, played) = Service::new(vec![script(|peer, _| {
        subscribed(peer, None);
        // Events do not count. That these are many enough is up to the client: it goes when it has waited.
        while peer.stream.set_read_timeout(Some(Duration::from_millis(10))).is_ok() {
            peer.text(&event("a", "c"));
            let gone = |error: &std::io::Error| error.kind() != std::io::ErrorKind::WouldBlock;
            if peer.stream.read(&mut [0; 64]).as_ref().map_or_else(gone, |read| *read == 0) {
                break;
            }
        }
    })]);
    let out = service.subscribe(&["--time-scale", "100", "--no-reconnect"]).run();
    out.exits(22).says("no heartbeat for 300 ms");
    played.recv_timeout(PATIENCE).expect("the script is played to its end");
}

#[test]
fn a_raw_session_gets_in_and_leaves_the_rest_to_whoever_types() {
    let (service, played) = Service::new(vec![script(|peer, room| {
        assert_eq!(peer.read_text().as_deref(), Some("typed"));
        peer.text(r#"{"type":"heartbeat"}"#);
        peer.close_well(1000);
        assert!(!room.is_acked());
    })]);
    let run = wstap(&["connect", "-d", "kadoa", &service.url(), "-x", "typed"]).env("KADOA_API_KEY", KEY);
    assert_eq!(run.run().exits(0).stdout, "{\"type\":\"heartbeat\"}\n");
    played.recv_timeout(PATIENCE).expect("the script is played to its end");
}

/// Whoever tests a client wants to see that it acknowledged.
#[test]
fn acknowledgements_can_be_expected_of_a_client() {
    let mock = |expected: &str| {
        let exe = env!("CARGO_BIN_EXE_wstap");
        let client = format!(
            "base=$(echo $WSTAP_MOCK_URL | sed 's,/?.*,,'); http=http:${{base#ws:}}; KADOA_API_KEY=k \
             KADOA_WSS_API_URI=$base KADOA_PUBLIC_API_URI=$http KADOA_REALTIME_API_URI=$http \
             exec {exe} subscribe -q -d kadoa --count 2 -f .type"
        );
        let args = ["serve-mock", "-q", "kadoa", "--rate", "max", "--expect", expected];
        wstap(&args).args(&["--exec", "sh", "-c", &client]).run()
    };
    mock(".id == \"94f05057-d762-4297-8a18-f894eba9f37f\"").exits(0);
    mock(".id == \"nope\"").exits(1);
}

#[test]
fn a_wrong_endpoint_in_the_environment_is_told_as_that_and_does_not_bother_a_mock() {
    let run = |args: &[&str]| {
        wstap(&["subscribe", "-d", "kadoa", "--count", "1"]).args(args).env("KADOA_WSS_API_URI", "foo").run()
    };
    run(&[]).exits(2).says("the endpoint of kadoa");
    run(&["--mock"]).exits(0);
}

#[test]
fn what_a_failed_call_was_for_is_told() {
    let out = wstap(&["subscribe", "-d", "kadoa", "--no-reconnect"])
        .env("KADOA_API_KEY", "k")
        .env("KADOA_PUBLIC_API_URI", "http://127.0.0.1:1")
        .run();
    out.exits(11).says("the access token: cannot connect to 127.0.0.1:1");
}
