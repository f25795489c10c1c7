//! The mock over real sockets: what a client sees, byte by byte where it matters.

use std::collections::HashSet;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::*;
use crate::cli::MockArgs;
use crate::dialect::{self, ClientSetup, Meaning};
use crate::frames::DeflateFlow;
use crate::frames::deflate::Deflater;
use crate::message::Message;
use crate::provider::matches_glob;

const CUSTOMER: &str = "customer_id:12345678-1234-1234-1234-123456789012";

pub(crate) type Socket = WebSocketStream<TcpStream>;

fn settings(words: &str) -> MockSettings {
    MockArgs::from_words(words).unwrap().settings()
}

pub(crate) async fn mock(words: &str) -> Mock {
    start_all(settings(words)).await.unwrap()
}

/// A mock that may serve every dialect.
pub(crate) async fn start_all(settings: MockSettings) -> Result<Mock> {
    start(settings, &dialect::providers()).await
}

/// The request for an upgrade, with more headers.
pub(crate) fn upgrade(target: &str, headers: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
    )
}

pub(crate) fn request(target: &str) -> String {
    upgrade(target, "")
}

/// Sends bytes and gives back the whole answer, up to the end of the connection.
pub(crate) async fn exchange(mock: &Mock, bytes: &[u8]) -> String {
    let stream = TcpStream::connect(mock.local_addr()).await.unwrap();
    String::from_utf8(answer_to(stream, bytes).await).unwrap()
}

/// Sends bytes, and gives back what comes up to the end of the connection.
async fn answer_to(mut stream: TcpStream, bytes: &[u8]) -> Vec<u8> {
    stream.write_all(bytes).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    answer
}

/// A connection that has been upgraded, for raw frames.
pub(crate) async fn raw(mock: &Mock, target: &str) -> TcpStream {
    upgraded(mock, &request(target)).await.0
}

/// A connection that this request has upgraded, and the head of the answer.
pub(crate) async fn upgraded(mock: &Mock, request: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(mock.local_addr()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    (stream, head)
}

pub(crate) async fn connect(mock: &Mock, dialect: &str) -> Socket {
    let url = mock.url(dialect).unwrap();
    let target = url.strip_prefix(&format!("ws://{}", mock.local_addr())).unwrap();
    WebSocketStream::from_raw_socket(raw(mock, target).await, Role::Client, None).await
}

pub(crate) async fn say(socket: &mut Socket, text: &str) {
    socket.send(Frame::text(text)).await.unwrap();
}

async fn subscribe(socket: &mut Socket, topics: &[&str]) {
    say(socket, &json!({"type": "subscribe", "topics": topics}).to_string()).await;
}

/// The next text message.
pub(crate) async fn text(socket: &mut Socket) -> String {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Frame::Text(text) => return text.to_string(),
            Frame::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

pub(crate) async fn next(socket: &mut Socket) -> Value {
    serde_json::from_str(&text(socket).await).unwrap()
}

pub(crate) async fn texts(socket: &mut Socket, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < count {
        all.push(text(socket).await);
    }
    all
}

/// A frame as a client sends it: masked, with a mask that changes nothing.
pub(crate) fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = vec![first];
    match payload.len() {
        length @ 0..=125 => bytes.push(0x80 | u8::try_from(length).unwrap()),
        length => {
            bytes.push(0x80 | 126);
            bytes.extend(u16::try_from(length).unwrap().to_be_bytes());
        }
    }
    bytes.extend([0; 4]);
    bytes.extend(payload);
    bytes
}

fn calls() -> String {
    format!("{CUSTOMER}:call:*")
}

#[tokio::test]
async fn a_subscription_is_confirmed_before_its_events() {
    let mock = mock("--rate max").await;
    let mut socket = connect(&mock, "voipbin").await;
    subscribe(&mut socket, &[&calls()]).await;
    let ack = r#"{"type":"ack","action":"subscribe","topics":["customer_id:12345678-1234-1234-1234-123456789012:call:*"],"status":"success"}"#;
    assert_eq!(text(&mut socket).await, ack);
    let event = next(&mut socket).await;
    assert_eq!(event["event_type"], "call.created");
    assert_eq!(event["data"]["status"], "ringing");
}

#[tokio::test]
async fn each_error_code_is_told_and_the_connection_goes_on() {
    let mock = mock("--deny '*:recording:*' --subscribe-limit 2").await;
    let mut socket = connect(&mock, "voipbin").await;
    say(&mut socket, "{").await;
    assert_eq!(next(&mut socket).await["code"], "INVALID_MESSAGE");
    subscribe(&mut socket, &["customer_id:a:calls:*"]).await;
    assert_eq!(next(&mut socket).await["code"], "INVALID_TOPIC");
    let recordings = format!("{CUSTOMER}:recording:*");
    subscribe(&mut socket, &[&recordings]).await;
    assert_eq!(
        next(&mut socket).await,
        json!({"type": "error", "action": "subscribe", "topics": [recordings], "code": "PERMISSION_DENIED",
            "message": "You do not have permission to subscribe to this topic"})
    );
    subscribe(&mut socket, &[&calls()]).await;
    let limited = next(&mut socket).await;
    assert_eq!((limited["code"].as_str(), &limited["topics"]), (Some("RATE_LIMITED"), &json!([calls()])));
}

#[tokio::test]
async fn both_halves_understand_each_other() {
    let mock = mock("--deny 'agent_id:*' --events 3").await;
    let dialect = dialect::by_name("voipbin").unwrap();
    let mut client = dialect.client(&ClientSetup::default()).unwrap();
    let mut socket = connect(&mock, "voipbin").await;
    for message in client.subscribe(&[calls(), "agent_id:a:queue:*".into()], None) {
        socket.send(message.into()).await.unwrap();
    }
    let mut meanings = Vec::new();
    for text in texts(&mut socket, 5).await {
        meanings.push(client.understand(&Message::text(text)));
    }
    assert_eq!(meanings[0], Meaning::Confirmed { action: "subscribe".into(), topics: vec![calls()] });
    assert!(
        matches!(&meanings[1], Meaning::Refused { code, retry: false, .. } if code == "PERMISSION_DENIED")
    );
    assert!(meanings[2..].iter().all(|meaning| *meaning == Meaning::EVENT));
    for message in client.unsubscribe(&[calls()]) {
        socket.send(message.into()).await.unwrap();
    }
    let end = client.understand(&Message::text(text(&mut socket).await));
    assert_eq!(end, Meaning::Confirmed { action: "unsubscribe".into(), topics: vec![calls()] });
}

#[tokio::test]
async fn nothing_follows_the_end_of_a_subscription() {
    let mock = mock("--rate max").await;
    let mut socket = connect(&mock, "voipbin").await;
    subscribe(&mut socket, &[&calls()]).await;
    texts(&mut socket, 100).await;
    say(&mut socket, &json!({"type": "unsubscribe", "topics": [calls()]}).to_string()).await;
    while next(&mut socket).await["action"] != "unsubscribe" {}
    say(&mut socket, "?").await;
    assert_eq!(next(&mut socket).await["code"], "INVALID_MESSAGE");
}

#[tokio::test]
async fn without_acks_the_first_message_is_an_event() {
    let mock = mock("--no-ack").await;
    let mut socket = connect(&mock, "voipbin").await;
    subscribe(&mut socket, &[&calls()]).await;
    assert_eq!(next(&mut socket).await["event_type"], "call.created");
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes_at_any_rate() {
    let mut runs = Vec::new();
    for words in ["--seed 7 --rate max", "--seed 7 --rate 3000", "--seed 8 --rate max"] {
        let mock = mock(words).await;
        let mut socket = connect(&mock, "voipbin").await;
        subscribe(&mut socket, &[&calls(), &format!("{CUSTOMER}:*:*"), "agent_id:a:queue:q"]).await;
        runs.push(texts(&mut socket, 300).await);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn one_call_and_one_agent() {
    let mock = mock("--rate max").await;
    let mut socket = connect(&mock, "voipbin").await;
    let topics = [&format!("{CUSTOMER}:call:a1b2c3d4-e5f6-7890-abcd-ef1234567890"), "agent_id:ag:queue:*"];
    subscribe(&mut socket, &topics).await;
    next(&mut socket).await;
    let mut seen = HashSet::new();
    for _ in 0..200 {
        let event = next(&mut socket).await;
        let topic = event["topic"].as_str().unwrap();
        assert!(topic == topics[0] || topic.starts_with("agent_id:ag:queue:"), "{topic}");
        if event["event_type"] == "queue.connected" {
            assert_eq!(event["data"]["agent_id"], "ag");
        }
        seen.insert(event["event_type"].as_str().unwrap().to_owned());
    }
    for name in ["call.created", "call.status", "call.ended", "queue.joined", "queue.connected", "queue.left"]
    {
        assert!(seen.contains(name), "{name}");
    }
}

#[tokio::test]
async fn the_number_of_events_is_exact() {
    let closing = mock("--rate max --events 1000 --then close").await;
    let mut socket = connect(&closing, "voipbin").await;
    subscribe(&mut socket, &[&calls()]).await;
    assert_eq!(texts(&mut socket, 1001).await.len(), 1001);
    match socket.next().await.unwrap().unwrap() {
        Frame::Close(Some(close)) => assert_eq!(u16::from(close.code), 1000),
        other => panic!("{other:?}"),
    }
    let staying = mock("--rate max --events 5").await;
    let mut socket = connect(&staying, "voipbin").await;
    subscribe(&mut socket, &[&calls()]).await;
    texts(&mut socket, 6).await;
    say(&mut socket, "?").await;
    assert_eq!(next(&mut socket).await["type"], "error");
}

#[tokio::test(start_paused = true)]
async fn the_rate_is_kept_in_events_per_second() {
    for (rate, count, low, high) in [("10", 21, 2000, 2010), ("50000", 5001, 100, 110)] {
        let mock = mock(&format!("--rate {rate}")).await;
        let mut socket = connect(&mock, "voipbin").await;
        subscribe(&mut socket, &[&calls()]).await;
        next(&mut socket).await;
        let start = Instant::now();
        texts(&mut socket, count).await;
        let took = start.elapsed().as_millis();
        assert!((low..=high).contains(&took), "{rate}: {took} ms");
    }
}

#[tokio::test]
async fn credentials() {
    let any = mock("").await;
    for (query, reason) in [
        ("", "AUTHENTICATION_REQUIRED"),
        ("?token=", "AUTHENTICATION_REQUIRED"),
        ("?token=invalid", "INVALID_CREDENTIALS"),
        ("?token=expired", "INVALID_CREDENTIALS"),
    ] {
        let answer = exchange(&any, request(&format!("/v1.0/ws{query}")).as_bytes()).await;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{head}");
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["error"]["status"], "UNAUTHENTICATED");
        assert_eq!(body["error"]["reason"], reason);
        let id = body["error"]["request_id"].as_str().unwrap();
        assert!(id.starts_with("req_") && id.len() == 30, "{id}");
        assert!(head.contains(&format!("X-Request-Id: {id}")));
    }
    let one = mock("--token 's3cr3t &'").await;
    assert!(exchange(&one, request("/v1.0/ws?token=other").as_bytes()).await.starts_with("HTTP/1.1 401 "));
    connect(&one, "voipbin").await;
    assert!(one.urls().iter().all(|(_, url)| !url.contains("s3cr3t")));
}

#[tokio::test]
async fn other_paths_are_told_which_there_are() {
    let mock = mock("voipbin").await;
    let answer = exchange(&mock, request("/nowhere").as_bytes()).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 404 Not Found\r\n"));
    let body: Value = serde_json::from_str(body).unwrap();
    assert_eq!(body["paths"], json!(["/v1.0/ws", "/echo"]));
}

#[tokio::test]
async fn requests_that_are_no_upgrade() {
    let mock = mock("").await;
    let good = request("/echo");
    for (from, to, status) in [
        ("GET", "POST", 405),
        ("Upgrade: websocket\r\n", "", 426),
        ("Connection: Upgrade", "Connection: close", 400),
        ("Version: 13", "Version: 12", 400),
    ] {
        let answer = exchange(&mock, good.replace(from, to).as_bytes()).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains("\r\nSec-WebSocket-Version: 13\r\n"));
    }
    assert!(exchange(&mock, b"\0\x01\x02garbage\r\n\r\n").await.starts_with("HTTP/1.1 400 "));
    let huge = format!("GET / HTTP/1.1\r\nA: {}", "x".repeat(20_000));
    assert!(exchange(&mock, huge.as_bytes()).await.starts_with("HTTP/1.1 431 "));
}

#[tokio::test]
async fn half_a_request_harms_nobody() {
    let mock = mock("").await;
    let mut stream = TcpStream::connect(mock.local_addr()).await.unwrap();
    stream.write_all(b"GET /echo HT").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(stream.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    connect(&mock, "plain").await;
}

#[tokio::test(start_paused = true)]
async fn a_request_that_never_ends_is_given_up() {
    let mock = mock("").await;
    let start = Instant::now();
    assert!(exchange(&mock, b"GET / HTTP/1.1\r\n").await.starts_with("HTTP/1.1 408 "));
    assert!(start.elapsed() >= Duration::from_secs(10));
}

/// Each answer would be kept for a client that does not read it.
#[tokio::test(start_paused = true)]
async fn a_client_that_leaves_the_answers_to_its_pings_unread_is_not_listened_to_for_a_while() {
    const PATIENCE: Duration = Duration::from_secs(1);
    let mock = mock("").await;
    let mut stream = raw(&mock, "/echo").await;
    let ping = frame(0x89, &[b'x'; 125]);
    let mut taken = 0;
    while timeout(PATIENCE, stream.write_all(&ping.repeat(1000))).await.is_ok() {
        taken += 1000;
        assert!(taken * ping.len() < 64 << 20, "all pings are taken");
    }
    let (mut answers, mut bytes) = (0, vec![0; 1 << 16]);
    while let Ok(read) = timeout(PATIENCE, stream.read(&mut bytes)).await {
        answers += read.unwrap();
    }
    // An answer has no mask.
    assert!(answers / (ping.len() - 4) >= taken, "{answers} bytes for {taken} pings");
}

#[tokio::test]
async fn broken_frames_are_answered_with_the_codes_of_the_rfc() {
    let mock = mock("").await;
    let mut unmasked = frame(0x81, b"hi");
    unmasked[1] &= 0x7f;
    let mut unmasked_only = unmasked[..2].to_vec();
    unmasked_only.extend(b"hi");
    let cases: [(&str, Vec<u8>, u16); 9] = [
        ("unmasked", unmasked_only, 1002),
        ("reserved bit", frame(0xc1, b"hi"), 1002),
        ("reserved opcode", frame(0x83, b"hi"), 1002),
        ("oversized ping", frame(0x89, &[0; 126]), 1002),
        ("fragmented ping", frame(0x09, b""), 1002),
        ("stray continuation", frame(0x80, b"x"), 1002),
        ("one byte of a close code", frame(0x88, b"\x03"), 1002),
        ("bad UTF-8", frame(0x81, b"\xce\xba\xff"), 1007),
        ("too big", vec![0x82, 0xff, 0, 0, 0, 0, 0x10, 0, 0, 0, 0, 0, 0, 0], 1009),
    ];
    for (name, bytes, code) in cases {
        let answer = answer_to(raw(&mock, "/echo").await, &bytes).await;
        let [high, low] = code.to_be_bytes();
        assert_eq!(answer, [0x88, 2, high, low], "{name}");
    }
    connect(&mock, "plain").await;
}

#[tokio::test]
async fn close_codes_come_back() {
    let mock = mock("").await;
    let cases: [(&[u8], &[u8]); 6] = [
        (b"", b"\x88\x00"),
        (b"\x03\xe8bye", b"\x88\x05\x03\xe8bye"),
        (b"\x0f\xa0", b"\x88\x02\x0f\xa0"),
        (b"\x03\xf6", b"\x88\x02\x03\xf6"),
        (b"\x03\xed", b"\x88\x02\x03\xea"),
        (b"\x03\xe8\xff", b"\x88\x02\x03\xef"),
    ];
    for (payload, expected) in cases {
        let answer = answer_to(raw(&mock, "/echo").await, &frame(0x88, payload)).await;
        assert_eq!(answer, expected);
    }
}

/// A connection on which compression was agreed on.
async fn compressed(mock: &Mock, target: &str) -> TcpStream {
    let offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n";
    upgraded(mock, &upgrade(target, offer)).await.0
}

const HELLO: &[u8] = b"\xf2\x48\xcd\xc9\xc9\x07\x00";

#[tokio::test]
async fn compressed_messages_are_echoed_compressed_whatever_their_masks() {
    let mock = mock("").await;
    let mut stream = compressed(&mock, "/echo").await;
    // A frame that is masked, its payload in two pieces; the second message takes its text from the first.
    let masked: Vec<u8> = HELLO.iter().zip(b"mask".iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    stream.write_all(&[&[0xc1, 0x87], &b"mask"[..], &masked[..3]].concat()).await.unwrap();
    stream.flush().await.unwrap();
    stream.write_all(&masked[3..]).await.unwrap();
    stream.write_all(&frame(0xc1, b"\xf2\x00\x11\x00\x00")).await.unwrap();
    let answer = answer_to(stream, &frame(0x88, b"")).await;
    let flow = DeflateFlow { window_bits: 15, takeover: true };
    let mut deflater = Deflater::new(flow);
    let hello = [b"Hello", b"Hello"].map(|text| deflater.deflate(text).unwrap());
    let frames = hello.map(|payload| [&[0xc1, u8::try_from(payload.len()).unwrap()], &payload[..]].concat());
    assert_eq!(answer, [frames.concat(), b"\x88\x00".to_vec()].concat());
}

#[tokio::test]
async fn clients_that_break_the_rules_of_compression_are_told_which() {
    let mock = mock("").await;
    let unmasked = [&[0xc1, 7], HELLO].concat();
    let continued = [frame(0x41, &HELLO[..3]), frame(0xc0, &HELLO[3..])].concat();
    for (what, bytes, code) in [
        ("broken data", frame(0xc1, b"\x07"), 1007_u16),
        ("RSV1 on a ping", frame(0xc9, b"x"), 1002),
        ("RSV1 on a continuation", continued, 1002),
        ("a compressed frame without a mask", unmasked, 1002),
    ] {
        let answer = answer_to(compressed(&mock, "/echo").await, &bytes).await;
        assert_eq!(answer, [&[0x88, 2][..], &code.to_be_bytes()].concat(), "{what}");
    }
    // Without an agreement.
    let answer = answer_to(raw(&mock, "/echo").await, &frame(0xc1, HELLO)).await;
    assert_eq!(answer, b"\x88\x02\x03\xea");
}

#[tokio::test]
async fn a_bomb_of_a_client_meets_the_limit() {
    let mock = mock("--on empty").await;
    let bomb = Deflater::new(DeflateFlow { window_bits: 15, takeover: true }).deflate(&vec![0; 32 << 20]);
    let answer = answer_to(compressed(&mock, "/any").await, &frame(0xc2, &bomb.unwrap())).await;
    assert_eq!(answer, b"\x88\x02\x03\xf1");
}

#[tokio::test]
async fn an_echo_is_what_was_sent() {
    let mock = mock("").await;
    let mut socket = connect(&mock, "plain").await;
    let megabyte: Vec<u8> = (0..1 << 20).map(|n: u32| n.to_be_bytes()[3]).collect();
    for message in [Frame::binary(megabyte), Frame::text("κόσμε"), Frame::text(""), Frame::binary(vec![])]
    {
        socket.send(message.clone()).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), message);
    }
}

#[tokio::test]
async fn a_ping_between_fragments_is_answered_first() {
    let mock = mock("").await;
    let mut stream = raw(&mock, "/echo").await;
    // The cut goes through a character.
    let parts = [frame(0x01, b"\xce"), frame(0x89, b"ping"), frame(0x80, b"\xba!")].concat();
    stream.write_all(&parts).await.unwrap();
    let mut answer = [0; 11];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"\x8a\x04ping\x81\x03\xce\xba!");
}

#[tokio::test]
async fn a_client_that_writes_before_it_reads_gets_everything_back() {
    let mock = mock("").await;
    let mut socket = connect(&mock, "plain").await;
    let message = Frame::binary(vec![7; 1 << 20]);
    for _ in 0..24 {
        socket.send(message.clone()).await.unwrap();
    }
    for _ in 0..24 {
        assert_eq!(socket.next().await.unwrap().unwrap().len(), 1 << 20);
    }
}

#[tokio::test]
async fn a_client_that_does_not_read_slows_nobody() {
    let mock = mock("--rate max").await;
    let mut stalled = connect(&mock, "voipbin").await;
    subscribe(&mut stalled, &[&calls()]).await;
    let mut quick = connect(&mock, "voipbin").await;
    subscribe(&mut quick, &[&calls()]).await;
    let received = texts(&mut quick, 20_000).await;
    // And the one that stalled finds what was kept for it, complete and in order.
    assert_eq!(texts(&mut stalled, 5000).await, received[..5000]);
}

#[tokio::test(start_paused = true)]
async fn the_server_pings_and_gives_up_without_a_pong() {
    let mock = mock("").await;
    let start = Instant::now();
    let mut stream = raw(&mock, "/v1.0/ws?token=t").await;
    let mut received = Vec::new();
    // The drop is a bare end of the stream: no close frame.
    stream.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, [0x89, 0].repeat(5));
    assert_eq!(start.elapsed().as_secs(), 60);
}

#[tokio::test(start_paused = true)]
async fn a_client_that_answers_pings_stays() {
    let mock = mock("").await;
    let mut socket = connect(&mock, "voipbin").await;
    for _ in 0..20 {
        assert!(socket.next().await.unwrap().unwrap().is_ping());
    }
}

#[tokio::test]
async fn a_shutdown_says_goodbye_and_a_drop_does_not() {
    let polite = mock("").await;
    let mut socket = connect(&polite, "voipbin").await;
    let client = tokio::spawn(async move { socket.next().await.unwrap().unwrap() });
    polite.shutdown().await;
    match client.await.unwrap() {
        Frame::Close(Some(close)) => assert_eq!(u16::from(close.code), 1001),
        other => panic!("{other:?}"),
    }
    let rude = mock("").await;
    let address = rude.local_addr();
    let mut stream = raw(&rude, "/echo").await;
    drop(rude);
    assert_eq!(stream.read_to_end(&mut Vec::new()).await.unwrap(), 0);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn what_cannot_be_started() {
    let unknown = start_all(MockSettings { dialects: vec!["x".into()], ..MockSettings::default() }).await;
    assert_eq!(unknown.unwrap_err().exit, Exit::Usage);
    let first = mock("").await;
    let again = start_all(MockSettings { port: first.local_addr().port(), ..MockSettings::default() }).await;
    assert_eq!(again.unwrap_err().exit, Exit::Tcp);
}

#[test]
fn globs() {
    for (pattern, text, expected) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a*", "ab", true),
        ("*b", "ab", true),
        ("a*c*e", "abcde", true),
        ("a*a", "a", false),
        ("*", "", true),
        ("", "a", false),
        ("a*b*b", "ab", false),
    ] {
        assert_eq!(matches_glob(pattern, text), expected, "{pattern} {text}");
    }
}

/// Waits until all clients take as much as this says.
async fn until_used(mock: &Mock, what: &str, is: impl Fn(usize) -> bool) {
    let all = async {
        while !is(mock.registry.budget.used()) {
            tokio::task::yield_now().await;
        }
    };
    let used = || mock.registry.budget.used();
    timeout(Duration::from_secs(60), all).await.unwrap_or_else(|_| panic!("{what}: {} bytes", used()));
}

/// A frame from a client, of zeros; its mask is zeros too.
fn zeros(first: u8, length: usize) -> Vec<u8> {
    let mut frame = vec![first, 0xff];
    frame.extend((length as u64).to_be_bytes());
    frame.resize(frame.len() + 4 + length, 0);
    frame
}

#[tokio::test]
async fn what_clients_send_and_leave_unread_is_counted_until_it_is_gone() {
    const MIB: usize = 1 << 20;
    let mock = mock("").await;
    let idle = |used: usize| used < 64 << 10;
    // A message in parts; a ping between them does not make it forgotten.
    let mut stream = raw(&mock, "/echo").await;
    for part in [zeros(0x02, MIB), vec![0x89, 0x80, 0, 0, 0, 0], zeros(0x00, MIB)] {
        stream.write_all(&part).await.unwrap();
    }
    until_used(&mock, "a message that is not whole", |used| used >= 2 * MIB).await;
    stream.write_all(&zeros(0x80, 8 * MIB)).await.unwrap();
    until_used(&mock, "an echo that is not read", |used| used >= 4 * MIB).await;
    let mut echo = vec![0; 2 + 10 + 10 * MIB];
    stream.read_exact(&mut echo).await.unwrap();
    until_used(&mock, "all is read", idle).await;
    drop(stream);
    // A request that does not end, nor says who it is.
    let mut stream = TcpStream::connect(mock.local_addr()).await.unwrap();
    stream.write_all(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 4000000\r\n\r\n").await.unwrap();
    stream.write_all(&vec![0; 2 * MIB]).await.unwrap();
    until_used(&mock, "a body that is not whole", |used| used >= 2 * MIB).await;
    drop(stream);
    until_used(&mock, "it has left", |used| used == 0).await;
    // Topics.
    let mut socket = connect(&mock, "voipbin").await;
    let topics: Vec<String> = (0..1000).map(|n| format!("{CUSTOMER}:call:{n}")).collect();
    say(&mut socket, &json!({"type": "subscribe", "topics": topics}).to_string()).await;
    until_used(&mock, "topics", |used| used >= 1000 * 2 * topics[0].len()).await;
    drop(socket);
    until_used(&mock, "it has left", |used| used == 0).await;
}
