//! The control API over real sockets.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::Role;

use crate::cli::MockArgs;
use crate::mock::{Mock, tests};

type Socket = WebSocketStream<TcpStream>;

async fn mock(words: &str) -> Mock {
    tests::start_all(MockArgs::from_words(words).unwrap().settings()).await.unwrap()
}

/// A client that is on the list: its first message has come back.
async fn client(mock: &Mock, path: &str) -> Socket {
    let stream = tests::raw(mock, path).await;
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Client, None).await;
    socket.send(Frame::text("{\"here\":true}")).await.unwrap();
    if path == "/echo" {
        assert_eq!(socket.next().await.unwrap().unwrap(), Frame::text("{\"here\":true}"));
    }
    socket
}

async fn raw(mock: &Mock, request: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(mock.local_addr()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    (head.split(' ').nth(1).unwrap().parse().unwrap(), body.to_owned())
}

async fn ask(mock: &Mock, method: &str, what: &str, body: &Value) -> (u16, Value) {
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let request = format!(
        "{method} /__wstap/{what} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    );
    let (status, answer) = raw(mock, &request).await;
    (status, serde_json::from_str(&answer).unwrap_or(Value::String(answer)))
}

async fn get(mock: &Mock, what: &str) -> Value {
    let (status, answer) = ask(mock, "GET", what, &Value::Null).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

async fn post(mock: &Mock, what: &str, body: Value) -> Value {
    let (status, answer) = ask(mock, "POST", what, &body).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

#[tokio::test]
async fn a_push_reaches_those_it_is_meant_for() {
    let mock = mock("").await;
    let (mut first, mut second) = (client(&mock, "/echo").await, client(&mock, "/echo").await);
    for (to, sent) in
        [(json!(2), 1), (json!([1, 2, 9]), 2), (json!("/echo"), 2), (json!("/x"), 0), (json!(null), 2)]
    {
        assert_eq!(
            post(&mock, "push", json!({"text": to.to_string(), "to": to})).await,
            json!({"sent": sent})
        );
    }
    let texts = async |socket: &mut Socket, count: usize| {
        let mut all = Vec::new();
        for _ in 0..count {
            all.push(socket.next().await.unwrap().unwrap().into_text().unwrap().to_string());
        }
        all
    };
    assert_eq!(texts(&mut first, 3).await, ["[1,2,9]", "\"/echo\"", "null"]);
    assert_eq!(texts(&mut second, 4).await, ["2", "[1,2,9]", "\"/echo\"", "null"]);
    post(&mock, "push", json!({"base64": "AP8="})).await;
    assert_eq!(first.next().await.unwrap().unwrap(), Frame::binary(vec![0, 255]));
    let (status, _) = ask(&mock, "POST", "push", &json!({"publish": {"a": 1}, "dialect": "plain"})).await;
    assert_eq!(status, 400, "an echo publishes nothing");
}

#[tokio::test]
async fn a_close_comes_after_what_was_pushed_and_a_drop_without_a_word() {
    let mock = mock("").await;
    let (mut closed, mut dropped) = (client(&mock, "/echo").await, client(&mock, "/echo").await);
    post(&mock, "push", json!({"text": "last", "to": 1})).await;
    let ended = post(&mock, "close", json!({"code": 4004, "reason": "gone", "to": 1})).await;
    assert_eq!(ended, json!({"ended": 1}));
    assert_eq!(closed.next().await.unwrap().unwrap(), Frame::text("last"));
    match closed.next().await.unwrap().unwrap() {
        Frame::Close(Some(close)) => assert_eq!((u16::from(close.code), &*close.reason), (4004, "gone")),
        other => panic!("{other:?}"),
    }
    assert_eq!(post(&mock, "drop", json!({"to": 2})).await, json!({"ended": 1}));
    assert!(dropped.next().await.unwrap().is_err());
    mock.gone(2).await;
    assert_eq!(get(&mock, "clients").await["clients"], json!([]));
}

#[tokio::test]
async fn a_client_that_does_not_read_can_be_dropped() {
    let mock = mock("").await;
    let mut stalled = client(&mock, "/echo").await;
    // More than fits between the two ends, and not too much for the journal.
    stalled.send(Frame::binary(vec![0; 12 << 20])).await.unwrap();
    post(&mock, "wait", json!({"count": 2, "timeout": "20s"})).await;
    assert_eq!(post(&mock, "drop", json!({"to": 1})).await, json!({"ended": 1}));
    mock.gone(1).await;
}

#[tokio::test]
async fn a_wait_sees_what_came_before_and_what_comes_later() {
    let mock = mock("").await;
    let mut socket = client(&mock, "/echo").await;
    for n in 1..=3 {
        socket.send(Frame::text(format!("{{\"n\":{n}}}"))).await.unwrap();
    }
    let found = post(&mock, "wait", json!({"jq": ".n > 0", "count": 2, "timeout": "20s"})).await;
    assert_eq!([&found["messages"][0]["data"]["n"], &found["messages"][1]["data"]["n"]], [1, 2]);
    assert_eq!(found["messages"].as_array().unwrap().len(), 2);
    // What follows is found from there, whether it has come or not.
    let since = found["next"].as_u64().unwrap();
    let body = json!({"jq": ".n", "since": since, "count": 2, "timeout": "20s"});
    let later = ask(&mock, "POST", "wait", &body);
    let (later, ()) = tokio::join!(later, async {
        socket.send(Frame::text("not JSON")).await.unwrap();
        socket.send(Frame::text("{\"n\":4}")).await.unwrap();
    });
    let (status, found) = later;
    assert_eq!((status, &found["messages"][1]["data"]["n"]), (200, &json!(4)));
    assert!(found["jq_error"].as_str().unwrap().contains("index"), "{found}");
}

#[tokio::test]
async fn a_wait_ends_when_its_time_is_up() {
    let mock = mock("").await;
    let _socket = client(&mock, "/echo").await;
    for (jq, found) in [(".here", 1), ("false", 0), ("last(range(infinite))", 0)] {
        let body = json!({"jq": jq, "count": 2, "timeout": "50ms"});
        let (status, answer) = ask(&mock, "POST", "wait", &body).await;
        assert_eq!(status, 408, "{jq}");
        assert!(answer["messages"].as_array().unwrap().len() <= found, "{answer}");
    }
    for body in
        [json!({"jq": ".["}), json!({"timeout": "long"}), json!({"timeout": "11m"}), json!({"cuont": 1})]
    {
        assert_eq!(ask(&mock, "POST", "wait", &body).await.0, 400, "{body}");
    }
}

/// Each for another reason: a call, a native loop, a caught error, a value that grows, one that is shared, texts.
const ENDLESS: [&str; 11] = [
    "def f: f; f",
    "last(range(infinite))",
    "def f: try error catch f; f",
    "def f: (1 + f)?, f; f",
    "[range(1e9)]",
    "last(repeat(1))",
    "reduce range(1e9) as $i (\"x\"; . + .)",
    "reduce range(60) as $i (\"x\"; [., .]) | tojson",
    "[limit(1e9; repeat(\"x\" * 1e6))]",
    "(reduce range(60) as $i (1; [., .])) as $x | $x < $x",
    "[1] | .[5e8] = 1",
];

#[tokio::test]
async fn programs_without_end_are_stopped_and_others_still_run() {
    let mock = mock("").await;
    let _socket = client(&mock, "/echo").await;
    let wait = |jq: &'static str| {
        let mock = &mock;
        async move { ask(mock, "POST", "wait", &json!({"jq": jq, "timeout": "60s"})).await }
    };
    for jq in ENDLESS {
        let query: String = jq.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let (status, answer) = ask(&mock, "GET", &format!("journal?jq={query}"), &Value::Null).await;
        let stopped = answer["error"].as_str().is_some_and(|error| error.contains("stopped"));
        assert!(status == 408 && stopped, "{jq}: {status} {answer}");
    }
    // More of them than there are threads, and somebody who comes after them all.
    let endless = futures_util::future::join_all(ENDLESS.map(wait));
    tokio::select! {
        _ = endless => panic!("they wait for what never comes"),
        (status, answer) = async { wait(".here").await } => assert_eq!((status, answer["messages"][0]["n"].clone()), (200, json!(1))),
    }
}

#[tokio::test]
async fn what_a_program_usually_does_is_within_its_limit() {
    let mock = mock("").await;
    let mut socket = client(&mock, "/echo").await;
    let items: Vec<Value> = (0..1000).map(|n| json!({"n": n, "text": "one of many".repeat(10)})).collect();
    socket.send(Frame::text(json!({"items": items}).to_string())).await.unwrap();
    post(&mock, "wait", json!({"count": 2, "timeout": "60s"})).await;
    for jq in [
        "[.items[] | select(.text | test(\"m.ny$\")) | .n + 1] | add == 500500",
        ".items | map(.n) | sort_by(-.) | .[0] == 999",
        "[.items[] | tojson] | join(\",\") | length > 100000",
        "any(.items[]; .n == 999)",
        "(.items | group_by(.n % 10) | length) == 10",
        "[.items[].text | sub(\"many\"; \"few\")] | length == 1000",
    ] {
        let query: String = jq.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let (_, answer) = ask(&mock, "GET", &format!("journal?since=1&jq={query}"), &Value::Null).await;
        assert!(
            answer["messages"].as_array().is_some_and(|all| all.len() == 1),
            "{jq}: {:.200}",
            answer.to_string()
        );
    }
}

#[tokio::test]
async fn an_answer_has_a_size_and_says_where_to_go_on() {
    let mock = mock("").await;
    let mut socket = client(&mock, "/echo").await;
    // As JSON, each is six times as long.
    let text = "\u{1}".repeat(1 << 20);
    for _ in 0..10 {
        socket.send(Frame::text(text.clone())).await.unwrap();
        socket.next().await.unwrap().unwrap();
    }
    let (mut since, mut numbers) = (json!(0), Vec::new());
    while numbers.len() < 11 {
        let answer = get(&mock, &format!("journal?since={since}")).await;
        let messages = answer["messages"].as_array().unwrap();
        assert!(!messages.is_empty() && messages.len() < 5, "{}", messages.len());
        numbers.extend(messages.iter().map(|message| message["n"].as_u64().unwrap()));
        since = answer["next"].clone();
    }
    assert_eq!(numbers, (1..=11).collect::<Vec<_>>());
    // What is waited for is more than an answer may hold.
    let body = json!({"count": 1000, "timeout": "60s"});
    let more = async {
        for _ in 0..10 {
            socket.send(Frame::text(text.clone())).await.unwrap();
            socket.next().await.unwrap().unwrap();
        }
    };
    let ((status, answer), ()) = tokio::join!(ask(&mock, "POST", "wait", &body), more);
    assert_eq!(status, 413);
    assert!(answer["next"].as_u64().unwrap() < 21, "{}", answer["next"]);
}

#[tokio::test]
async fn faults_have_a_size() {
    let mock = mock("").await;
    let put = async |count: usize| {
        let faults = vec!["latency=20ms"; count];
        ask(&mock, "PUT", "faults", &json!({"faults": faults})).await.0
    };
    assert_eq!((put(100).await, put(10_000).await), (200, 400));
}

#[tokio::test]
async fn the_journal_is_read_from_a_number_and_forgotten() {
    let mock = mock("").await;
    let mut socket = client(&mock, "/echo").await;
    socket.send(Frame::binary(vec![1])).await.unwrap();
    post(&mock, "wait", json!({"count": 2, "timeout": "20s"})).await;
    let all = get(&mock, "journal").await;
    assert_eq!(
        (&all["messages"][0]["data"], &all["messages"][1]["base64"]),
        (&json!({"here": true}), &json!("AQ=="))
    );
    assert_eq!(
        (&all["messages"][1]["n"], &all["messages"][1]["conn"], &all["next"]),
        (&json!(2), &json!(1), &json!(2))
    );
    assert_eq!(
        get(&mock, "journal?since=1&path=/echo&conn=1").await["messages"].as_array().unwrap().len(),
        1
    );
    assert_eq!(get(&mock, "journal?jq=.%3D%3D%22AQ%3D%3D%22").await["messages"][0]["n"], 2);
    assert_eq!(get(&mock, "journal?path=/x").await["messages"], json!([]));
    for wrong in ["since=x", "jql=.n"] {
        assert_eq!(ask(&mock, "GET", &format!("journal?{wrong}"), &Value::Null).await.0, 400, "{wrong}");
    }
    assert_eq!(ask(&mock, "DELETE", "journal", &Value::Null).await.1, json!({"forgotten": 2}));
    assert_eq!(get(&mock, "journal").await["messages"], json!([]));
}

#[tokio::test]
async fn while_it_is_paused_only_what_is_pushed_comes() {
    let mock = mock("voipbin --rate max").await;
    post(&mock, "pause", json!({})).await;
    let mut socket = tests::connect(&mock, "voipbin").await;
    let topic = "customer_id:12345678-1234-1234-1234-123456789012:call:*";
    socket.send(Frame::text(json!({"type": "subscribe", "topics": [topic]}).to_string())).await.unwrap();
    let mut next = async || -> Value {
        serde_json::from_str(socket.next().await.unwrap().unwrap().to_text().unwrap()).unwrap()
    };
    assert_eq!(next().await["type"], "ack");
    post(&mock, "push", json!({"data": 1})).await;
    assert_eq!(next().await, 1);
    post(&mock, "resume", json!({})).await;
    assert_eq!(next().await["event_type"], "call.created");
}

#[tokio::test]
async fn faults_are_swapped_while_clients_are_there() {
    let mock = mock("--fault refuse=503").await;
    assert_eq!(get(&mock, "faults").await, json!({"faults": ["refuse=503"]}));
    let put = async |faults: Value| ask(&mock, "PUT", "faults", &json!({"faults": faults})).await;
    assert_eq!(put(json!([])).await, (200, json!({"faults": []})));
    let mut socket = client(&mock, "/echo").await;
    assert_eq!(put(json!(["close=1011@1"])).await.0, 200);
    // The one that is open closes after its next message.
    socket.send(Frame::text("again")).await.unwrap();
    let closed = async {
        loop {
            if let Frame::Close(Some(close)) = socket.next().await.unwrap().unwrap() {
                return u16::from(close.code);
            }
        }
    };
    assert_eq!(closed.await, 1011);
    assert_eq!(put(json!(["nonsense=1"])).await.0, 400);
    assert_eq!(get(&mock, "faults").await, json!({"faults": ["close=1011@1"]}));
}

#[tokio::test]
async fn what_it_has_done_is_counted() {
    let mock = mock("").await;
    let _socket = client(&mock, "/echo").await;
    let metrics = get(&mock, "metrics").await;
    let text = metrics.as_str().unwrap();
    for line in
        ["wstap_mock_connections 1", "wstap_mock_messages_received_total 1", "wstap_mock_bytes_sent_total 13"]
    {
        assert!(text.lines().any(|known| known == line), "{line} is not in\n{text}");
    }
    assert!(text.lines().all(|line| line.starts_with("# ") || line.split(' ').count() == 2));
}

#[tokio::test]
async fn pages_cannot_use_it() {
    let mock = mock("").await;
    for (line, headers, status) in [
        ("GET /__wstap/clients", "Host: localhost\r\n", 200),
        ("GET /__wstap/clients", "Host: localhost\r\nOrigin: http://localhost\r\n", 403),
        ("GET /__wstap/clients", "Host: localhost\r\nSec-Fetch-Site: cross-site\r\n", 403),
        ("GET /__wstap/clients", "Host: rebound.example\r\n", 403),
        ("GET /__wstap/health", "Host: rebound.example\r\n", 403),
        ("GET http://rebound.example/__wstap/clients", "Host: rebound.example\r\n", 403),
        ("GET /%5F_wstap/clients", "Host: rebound.example\r\n", 403),
        ("POST /__wstap/drop", "Host: localhost\r\nContent-Type: text/plain\r\n", 415),
        ("POST /__wstap/drop", "Host: localhost\r\n", 415),
        ("OPTIONS /__wstap/drop", "Host: localhost\r\nOrigin: http://x\r\n", 403),
        ("OPTIONS /__wstap/drop", "Host: localhost\r\n", 405),
        ("GET /__wstap/nothing", "Host: localhost\r\n", 404),
        ("GET /__wstap", "Host: localhost\r\n", 404),
    ] {
        let request = format!("{line} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
        let (answered, body) = raw(&mock, &request).await;
        assert_eq!(answered, status, "{request}{body}");
        assert!(!body.contains("remote") || status == 200);
    }
}

#[tokio::test]
async fn it_can_be_off_or_ask_for_its_token() {
    let get = "GET /__wstap/clients HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n";
    for words in ["--no-control", "--host 0.0.0.0"] {
        let off = mock(words).await;
        assert_eq!(raw(&off, &format!("{get}\r\n")).await.0, 404, "{words}");
        assert_eq!(off.control_url(), None);
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    let guarded = mock(&format!("--host 0.0.0.0 --control-token-file '{}'", file.display())).await;
    let token = std::fs::read_to_string(&file).unwrap();
    assert_eq!(raw(&guarded, &format!("{get}\r\n")).await.0, 401);
    assert_eq!(raw(&guarded, &format!("{get}Authorization: Bearer {}\r\n\r\n", token.trim())).await.0, 200);
    assert_eq!(raw(&guarded, &format!("{}\r\n", get.replace("clients", "health"))).await.0, 200);
}
