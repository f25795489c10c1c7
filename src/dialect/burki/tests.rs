//! Both halves, against the documents' examples and against each other over real sockets.

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::progress::BurkiCampaigns;
use super::*;
use crate::campaign::{CampaignStatus, Reading, Said};
use crate::dialect::testing::{control, try_control};
use crate::mock::Mock;
use crate::mock::tests::{Socket, connect, exchange, mock, next, raw, request, say, text, texts};

/// The documents' examples.
const ACK: &str = r#"{"type":"connection_ack","campaign_id":42,"timestamp":1767225600.123}"#;
const INITIAL: &str = r#"{"type":"initial_progress","data":{"campaign_id":42,"status":"running","progress":{"total_contacts":200,"completed":120,"failed":10,"processing":4,"pending":66,"progress_percentage":65.0,"success_rate":92.31},"started_at":"2026-01-01T09:00:00Z","completed_at":null,"recent_activity":[]}}"#;
const UPDATE: &str = r#"{"type":"progress_update","data":{"campaign_id":42,"status":"running","progress":{"total_contacts":200,"completed":121,"failed":10,"processing":3,"pending":66,"progress_percentage":65.5,"success_rate":92.37},"started_at":"2026-01-01T09:00:00Z","completed_at":null}}"#;

fn client(url: Option<&str>) -> Box<dyn Client> {
    let url = url.map(|url| WsUrl::parse(url).unwrap());
    Burki.client(&ClientSetup { url: url.as_ref(), ..ClientSetup::default() }).unwrap()
}

fn ids(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

#[test]
fn a_campaign_is_watched_by_its_id() {
    for good in ["1", "42", "18446744073709551615"] {
        assert_eq!(Burki.check_topic(good), TopicCheck::Fine, "{good}");
    }
    for wrong in ["", "0", "042", "+42", "-1", "4.0", "x", "42 ", "18446744073709551616"] {
        let check = Burki.check_topic(wrong);
        assert!(matches!(check, TopicCheck::Wrong(why) if why.contains("invalid campaign id")), "{wrong}");
    }
    let mut monitor = client(Some("wss://api.burki.dev/ws/campaigns/monitor"));
    let expected = [r#"{"type":"subscribe","campaign_id":42}"#, r#"{"type":"subscribe","campaign_id":7}"#];
    assert_eq!(monitor.subscribe(&ids(&["42", "7"]), None), expected.map(Message::text));
    let expected = [Message::text(r#"{"type":"unsubscribe","campaign_id":42}"#)];
    assert_eq!(monitor.unsubscribe(&ids(&["42"])), expected);
    let mut one = client(Some("ws://127.0.0.1/ws/campaigns/42/progress?token=t"));
    assert!(one.subscribe(&ids(&["42"]), None).is_empty() && one.unsubscribe(&ids(&["42"])).is_empty());
}

#[test]
fn the_endpoint_of_a_campaign_shows_no_other() {
    let address = |url: &str, topics: &[&str]| Burki.address(WsUrl::parse(url).unwrap(), &ids(topics));
    let (one, monitor) = ("ws://h/ws/campaigns/42/progress?token=t", "ws://h/ws/campaigns/monitor");
    assert!(address(one, &[]).unwrap().1.is_empty());
    assert!(address(one, &["42"]).unwrap().1.is_empty());
    assert!(address(one, &["42", "43"]).unwrap_err().what.contains("43"));
    assert_eq!(address(monitor, &["42", "43"]).unwrap().1, ["42", "43"]);
}

#[test]
fn a_prompt_has_commands_for_the_present_state_and_the_past() {
    let mut client = client(None);
    let mut command = |name: &str, arguments: &[&str]| client.command(name, &ids(arguments));
    assert_eq!(command("update", &[]), Ok(vec![wire::request_update()]));
    assert_eq!(command("history", &[]), Ok(vec![wire::request_history(24)]));
    assert_eq!(command("history", &["3"]), Ok(vec![wire::request_history(3)]));
    assert!(command("history", &["x"]).is_err() && command("update", &["x"]).is_err());
    let messages = [
        UPDATE,
        r#"{"type":"overview","data":{"campaigns":[{"campaign_id":7,"progress":{}},{"campaign_id":43,"progress":{}}]}}"#,
    ];
    let (topics, messages) = (ids(&["42"]), ids(&messages));
    let known = Known { topics: &topics, messages: &messages };
    assert_eq!(Burki.complete_topic("", &known), ["7", "42", "43"]);
    assert_eq!(Burki.complete_topic("4", &known), ["42", "43"]);
}

#[test]
fn its_urls_are_recognised() {
    for (host, path, owned) in [
        ("API.burki.dev", "/", true),
        ("notburki.dev", "/", false),
        ("h", "/ws/campaigns/monitor", true),
        ("h", "/ws/campaigns/42/progress", true),
        ("h", "/ws/campaigns//progress", false),
        ("h", "/ws/campaigns/4/2/progress", false),
        ("h", "/ws/campaigns/42", false),
    ] {
        assert_eq!(Burki.owns(host, path), owned, "{host} {path}");
    }
}

#[test]
fn only_a_pong_is_no_data() {
    let mut client = client(None);
    let mut understand = |text: &str| client.understand(&Message::text(text));
    for pong in [
        r#"{"type":"pong","timestamp":1767225630.5}"#,
        r#"{"type": "pong", "timestamp": "2026-01-01T00:00:30"}"#,
        r#"{"type":"pong"}"#,
    ] {
        assert_eq!(understand(pong), Meaning::Pong, "{pong}");
    }
    let deep = format!("{}\"pong\"", "[".repeat(100_000));
    for event in [
        ACK,
        INITIAL,
        UPDATE,
        r#"{"type":"metrics_history","data":{"campaign_id":42,"hours":24,"metrics":[]}}"#,
        r#"{"type":"progress","campaign_id":42,"timestamp":"2026-01-01T00:00:00"}"#,
        r#"{"type":"contact_update","status":"pong"}"#,
        r#"{"type":"campaign_completed"}"#,
        r#"{"type":"overview","data":{"campaigns":[]}}"#,
        r#"{"Type":"pong"}"#,
        r#"{"type":["pong"]}"#,
        r#"{"type":"PONG"}"#,
        r#"["pong"]"#,
        "\"pong\"",
        "\"pong",
        "",
        &deep,
    ] {
        assert_eq!(understand(event), Meaning::EVENT, "{event}");
    }
}

#[test]
fn it_pings_as_documented_and_knows_the_close_codes() {
    let client = client(None);
    let beat = client.rhythm().beat.unwrap();
    assert_eq!((beat.every.as_secs(), beat.message), (30, Message::text(r#"{"type":"ping"}"#)));
    assert_eq!(client.rhythm().silence, None);
    for (code, meaning, retry, exit) in [
        (1000, "normal closure", false, Exit::Ok),
        (1001, "going away", true, Exit::Ok),
        (1008, "authentication failed", false, Exit::Credentials),
        (4000, "internal server error", true, Exit::ClosedAbnormally),
        (4004, "campaign not found", false, Exit::NotFound),
    ] {
        assert_eq!(client.close_rule(code), Some(CloseRule { meaning, retry, exit }));
    }
    assert_eq!(client.close_rule(1011), None);
}

/// A connection to the progress of a campaign.
async fn watch(mock: &Mock, campaign: &str) -> Socket {
    let stream = raw(mock, &format!("/ws/campaigns/{campaign}/progress?token=t")).await;
    WebSocketStream::from_raw_socket(stream, Role::Client, None).await
}

async fn close(socket: &mut Socket) -> (u16, String) {
    match socket.next().await.unwrap().unwrap() {
        Frame::Close(Some(close)) => (close.code.into(), close.reason.to_string()),
        other => panic!("{other:?}"),
    }
}

/// All messages up to the close.
async fn all(socket: &mut Socket) -> Vec<String> {
    let mut all = Vec::new();
    let reading = async {
        while let Some(Ok(Frame::Text(text))) = socket.next().await {
            all.push(text.to_string());
        }
    };
    tokio::time::timeout(Duration::from_secs(30), reading).await.expect("the server closes");
    all
}

fn value(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The keys of a message in the order in which they stand there.
fn keys(text: &str) -> Vec<&str> {
    let mut pieces = text.split('"').skip(1).peekable();
    let mut keys = Vec::new();
    while let (Some(word), Some(after)) = (pieces.next(), pieces.next()) {
        keys.extend(after.starts_with(':').then_some(word));
    }
    keys
}

/// Are both of the same kind, down to whether a number is a float? What may be null is a text otherwise.
fn alike(one: &Value, other: &Value) -> bool {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(key, value)| other.get(key).is_some_and(|other| alike(value, other)))
        }
        (Value::Number(one), Value::Number(other)) => one.is_f64() == other.is_f64(),
        (Value::String(_) | Value::Null, Value::String(_) | Value::Null) => true,
        (Value::Array(_), Value::Array(_)) => true,
        _ => false,
    }
}

#[tokio::test]
async fn the_messages_are_those_of_the_documents() {
    let mock = mock("--rate max --then close").await;
    let told = all(&mut watch(&mock, "42").await).await;
    assert_eq!(told.len(), 2 + 402);
    for (index, message) in told.iter().enumerate() {
        let example = [ACK, INITIAL, UPDATE][index.min(2)];
        assert_eq!(keys(message), keys(example));
        assert!(alike(&value(message), &value(example)), "{message}");
    }
    // Who comes later is told where it stands, and what happened last.
    let told = all(&mut watch(&mock, "42").await).await;
    let data = &value(&told[1])["data"];
    assert_eq!((told.len(), &data["status"]), (2, &json!("completed")));
    assert_eq!(data["started_at"], "2026-01-01T09:00:00Z");
    assert!(data["completed_at"].as_str().unwrap() > "2026-01-01T09:00:00Z");
    let latest = data["recent_activity"][0].as_object().unwrap();
    for name in ["execution_id", "contact_phone", "status", "executed_at", "call_id"] {
        assert!(latest.contains_key(name), "{name}");
    }
}

#[tokio::test]
async fn every_outcome_is_told_and_the_flat_shape_tells_completion_alone() {
    for outcome in ["completed", "failed", "cancelled", "paused"] {
        let words = format!("--rate max --then close --contacts 20 --outcome {outcome}");
        let documented = mock(&words).await;
        let last = value(all(&mut watch(&documented, "7").await).await.last().unwrap());
        assert_eq!(last["data"]["status"], outcome);
        assert_eq!(last["data"]["completed_at"].is_null(), outcome == "paused");
        let real = mock(&format!("{words} --behave real")).await;
        let told = all(&mut watch(&real, "7").await).await;
        assert!(value(&told[0])["timestamp"].as_str().unwrap().parse::<jiff::civil::DateTime>().is_ok());
        let end = value(told.last().unwrap());
        let kind = if outcome == "completed" { "campaign_completed" } else { "progress" };
        assert_eq!((&end["type"], &end["total_contacts"]), (&json!(kind), &json!(20)));
        // The story is the same one.
        assert_eq!(end["completed_contacts"], last["data"]["progress"]["completed"]);
        let known = ["connection_ack", "progress", "contact_update", "campaign_completed"];
        assert!(told.iter().all(|message| known.contains(&value(message)["type"].as_str().unwrap())));
    }
}

#[tokio::test]
async fn who_may_not_watch_is_told_by_a_close_code() {
    let any = mock("--deny 13").await;
    let refusal = async |mock: &Mock, path: &str| {
        let stream = raw(mock, &format!("/ws/campaigns/{path}")).await;
        close(&mut WebSocketStream::from_raw_socket(stream, Role::Client, None).await).await
    };
    for path in ["42/progress", "42/progress?token=", "420/progress?token=expired", "monitor?token=invalid"] {
        assert_eq!(refusal(&any, path).await, (1008, "Authentication failed".into()), "{path}");
    }
    for id in ["0", "101", "-1", "99999999999999999999999999"] {
        let path = format!("{id}/progress?token=t");
        assert_eq!(refusal(&any, &path).await, (4004, "Campaign not found".into()), "{path}");
    }
    assert_eq!(refusal(&any, "13/progress?token=t").await.0, 1008);
    for id in ["x", "4.2", "-", "42x"] {
        let answer =
            exchange(&any, request(&format!("/ws/campaigns/{id}/progress?token=t")).as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }
    let one = mock("--token s3cr3t").await;
    assert_eq!(refusal(&one, "42/progress?token=t").await.0, 1008);
    assert_eq!(next(&mut connect(&one, "burki").await).await["type"], "connection_ack");
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes_at_any_rate() {
    let mut runs = Vec::new();
    for words in ["--seed 7 --rate max", "--seed 7 --rate 20000", "--seed 8 --rate max"] {
        let mock = mock(&format!("{words} --then close")).await;
        runs.push(all(&mut watch(&mock, "42").await).await);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

#[tokio::test]
async fn all_watchers_are_told_the_same_story() {
    let mock = mock("--rate 2000 --then close --contacts 100").await;
    let mut first = watch(&mock, "42").await;
    let mut told = texts(&mut first, 60).await;
    let mut second = watch(&mock, "42").await;
    let late = all(&mut second).await;
    told.extend(all(&mut first).await);
    // It begins in the middle, with the state that the next update goes on from.
    let initial = value(&late[1]);
    let state = |data: &Value| (data["status"].clone(), data["progress"].clone());
    let begins = state(&initial["data"]);
    let at = told.iter().position(|message| state(&value(message)["data"]) == begins);
    let at = at.unwrap();
    assert!(at >= 2 && late[2..] == told[at + 1..], "{at}");
}

#[tokio::test]
async fn what_is_asked_for_comes_after_what_waits() {
    let mock = mock("--rate max --contacts 20000").await;
    let (mut slow, mut quick) = (watch(&mock, "42").await, watch(&mock, "42").await);
    while !text(&mut quick).await.contains(r#""status":"completed","progress""#) {}
    // Far more waits for it than the buffers of a socket hold.
    say(&mut slow, r#"{"type":"request_update"}"#).await;
    let (mut moved, mut completed) = (0, 0);
    while completed < 2 {
        let message = next(&mut slow).await;
        let Some(progress) = message["data"]["progress"].as_object() else { continue };
        let count = |name: &str| progress[name].as_u64().unwrap();
        let now = 2 * (count("completed") + count("failed")) + count("processing");
        assert!(now >= moved, "{message}");
        moved = now;
        completed += u32::from(message["data"]["status"] == "completed");
    }
    assert_eq!(moved, 40_000);
}

#[tokio::test]
async fn questions_are_answered_and_nonsense_is_not() {
    let mock = mock("--rate max --contacts 100 --then stay").await;
    let mut socket = watch(&mock, "42").await;
    while next(&mut socket).await["data"]["status"] != "completed" {}
    let nonsense = [
        "",
        "?",
        "[]",
        "{}",
        r#"{"type":"hello"}"#,
        r#"{"type":7}"#,
        r#"{"type":"request_history","hours":"2"}"#,
        r#"{"type":"subscribe","campaign_id":7}"#,
    ];
    for text in nonsense {
        say(&mut socket, text).await;
    }
    say(&mut socket, r#"{"type":"ping"}"#).await;
    let pong = next(&mut socket).await;
    assert!(pong["type"] == "pong" && pong["timestamp"].is_f64(), "{pong}");
    let mut client = client(None);
    assert_eq!(client.understand(&Message::text(pong.to_string())), Meaning::Pong);
    say(&mut socket, r#"{"type":"request_update"}"#).await;
    assert_eq!(next(&mut socket).await["data"]["status"], "completed");
    let mut entries = Vec::new();
    for hours in ["0", "0.05", "1", "24", "1e300", "-1"] {
        say(&mut socket, &format!(r#"{{"type":"request_history","hours":{hours}}}"#)).await;
        let history = next(&mut socket).await;
        assert_eq!(history["type"], "metrics_history");
        let metrics = history["data"]["metrics"].as_array().unwrap();
        assert_eq!(metrics.last().unwrap()["completed"].as_u64(), metrics.iter().map(done).max());
        entries.push(metrics.len());
    }
    assert!(entries[0] == 1 && entries[1] < entries[2] && entries[2..5].iter().all(|n| *n == entries[2]));
    say(&mut socket, r#"{"type":"request_history"}"#).await;
    assert_eq!(next(&mut socket).await["data"]["hours"], 24);
}

fn done(metric: &Value) -> u64 {
    metric["completed"].as_u64().unwrap()
}

#[tokio::test]
async fn the_monitor_shows_all_and_tells_of_some() {
    let mock = mock("--rate max --contacts 30 --deny 13").await;
    let mut socket = connect(&mock, "burki").await;
    let ack = next(&mut socket).await;
    assert!(ack["type"] == "connection_ack" && ack.get("campaign_id").is_none(), "{ack}");
    let overview = text(&mut socket).await;
    let readings = shown(&overview);
    assert_eq!(readings.iter().map(|reading| reading.campaign).collect::<Vec<_>>(), [1, 2, 3, 4, 5]);
    assert!(readings.iter().all(|reading| reading.status == Some(CampaignStatus::Scheduled)));
    // Nobody watches anything, so nothing happens.
    say(&mut socket, r#"{"type":"request_update"}"#).await;
    assert_eq!(text(&mut socket).await, overview);
    for id in [420, 13, 0] {
        say(&mut socket, &json!({"type": "subscribe", "campaign_id": id}).to_string()).await;
        let error = next(&mut socket).await;
        assert_eq!((&error["type"], &error["campaign_id"]), (&json!("error"), &json!(id)));
    }
    for message in client(None).subscribe(&ids(&["42"]), None) {
        say(&mut socket, message.as_text().unwrap()).await;
    }
    let mut told = vec![next(&mut socket).await];
    assert_eq!(told[0]["data"]["status"], "scheduled");
    while told.last().unwrap()["data"]["status"] != "completed" {
        told.push(next(&mut socket).await);
    }
    assert_eq!(told.len(), 1 + 62);
    assert!(told.iter().all(|message| message["data"]["campaign_id"] == 42));
    // What is no longer watched is not told of, and still there.
    say(&mut socket, r#"{"type":"unsubscribe","campaign_id":42}"#).await;
    say(&mut socket, r#"{"type":"request_update"}"#).await;
    let overview = shown(&text(&mut socket).await);
    let last = overview.last().unwrap();
    assert_eq!((last.campaign, &last.status), (42, &Some(CampaignStatus::Completed)));
}

fn shown(overview: &str) -> Vec<Reading> {
    match BurkiCampaigns.read(&Message::text(overview)).pop() {
        Some(Said::Overview(readings)) => readings,
        said => panic!("no overview: {said:?}"),
    }
}

#[tokio::test]
async fn the_end_of_a_subscription_is_at_once() {
    let mock = mock("--rate 500 --contacts 10000").await;
    let mut socket = connect(&mock, "burki").await;
    for id in [42, 43] {
        say(&mut socket, &json!({"type": "subscribe", "campaign_id": id}).to_string()).await;
    }
    let seen = async |socket: &mut Socket, id: u64| while next(socket).await["data"]["campaign_id"] != id {};
    seen(&mut socket, 42).await;
    seen(&mut socket, 43).await;
    say(&mut socket, r#"{"type":"unsubscribe","campaign_id":42}"#).await;
    say(&mut socket, r#"{"type":"ping"}"#).await;
    while next(&mut socket).await["type"] != "pong" {}
    // A handful may have left the mailbox before.
    let after = texts(&mut socket, 60).await;
    assert!(after[32..].iter().all(|message| value(message)["data"]["campaign_id"] == 43));
}

#[tokio::test]
async fn a_watcher_that_does_not_read_slows_nobody() {
    let mock = mock("--rate max --contacts 20000 --then close").await;
    let mut stalled = watch(&mock, "42").await;
    let told = all(&mut watch(&mock, "42").await).await;
    assert_eq!(value(told.last().unwrap())["data"]["status"], "completed");
    // And the one that stalled finds what was kept for it, complete and in order.
    let late = all(&mut stalled).await;
    assert!(late[2..].ends_with(&told[2..]) && late.len() == 2 + 40_002, "{}", late.len());
}

#[tokio::test(start_paused = true)]
async fn a_campaign_begins_although_the_one_before_is_over() {
    for rate in ["100", "max"] {
        let mock = mock(&format!("--rate {rate} --duration 60s --contacts 2")).await;
        for id in ["42", "43"] {
            let mut socket = watch(&mock, id).await;
            let completed = async { while next(&mut socket).await["data"]["status"] != "completed" {} };
            tokio::time::timeout(Duration::from_secs(30), completed).await.expect("it runs");
            // Long enough for the server to see that there is nothing to do.
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
    }
}

#[tokio::test]
async fn what_is_pushed_goes_to_those_who_watch_its_campaign() {
    let mock = mock("--events 0").await;
    let (mut one, mut other) = (watch(&mock, "42").await, watch(&mock, "43").await);
    let mut monitor = connect(&mock, "burki").await;
    for socket in [&mut one, &mut other, &mut monitor] {
        texts(socket, 2).await;
    }
    say(&mut monitor, r#"{"type":"subscribe","campaign_id":42}"#).await;
    texts(&mut monitor, 1).await;
    let push =
        async |event: Value| control(&mock, "push", &json!({"publish": event, "dialect": "burki"})).await;
    let told = json!({"data": {"campaign_id": 42, "status": "failed"}, "type": "progress_update"});
    assert_eq!(push(told.clone()).await, json!({"sent": 2}));
    assert_eq!([next(&mut one).await, next(&mut monitor).await], [told.clone(), told]);
    let flat = json!({"campaign_id": 43, "type": "progress"});
    assert_eq!(push(flat.clone()).await, json!({"sent": 1}));
    assert_eq!(next(&mut other).await, flat);
    assert_eq!(push(json!({"campaign_id": 44})).await, json!({"sent": 0}));
    for none in [json!({"type": "pong"}), json!({"campaign_id": "42"}), json!({"data": [42]}), json!(42)] {
        assert_eq!(
            try_control(&mock, "push", &json!({"publish": none, "dialect": "burki"})).await.status,
            400,
            "{none}"
        );
    }
}
