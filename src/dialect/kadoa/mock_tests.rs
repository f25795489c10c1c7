//! The mock half over real sockets.

use std::collections::HashSet;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::{Value, json};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::dialect::testing::*;
use crate::mock::Mock;

/// A token and the team's channel.
async fn exchange_key(mock: &Mock) -> (String, String) {
    let answer = call(mock, "POST", "/v4/oauth2/token", "x-api-key: k\r\n", "").await;
    assert_eq!(answer.status, 200);
    let body = answer.json();
    let field = |name: &str| body[name].as_str().unwrap().to_owned();
    (field("access_token"), field("team_id"))
}

/// A connection as the official clients make it.
async fn subscribed(mock: &Mock, cursor: Option<&str>) -> Socket {
    let (token, team) = exchange_key(mock).await;
    let mut socket = connect(mock, &format!("/?access_token={token}")).await;
    let mut frame = json!({"action": "subscribe", "channel": team});
    if let Some(cursor) = cursor {
        frame["lastCursor"] = cursor.into();
    }
    say(&mut socket, &frame.to_string()).await;
    socket
}

fn field(text: &str, name: &str) -> String {
    let value: Value = serde_json::from_str(text).unwrap();
    value[name].as_str().unwrap().to_owned()
}

/// The next messages that are no heartbeats.
async fn events(socket: &mut Socket, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < count {
        all.push(text(socket).await);
        all.retain(|text| !is_heartbeat(text));
    }
    all
}

fn is_heartbeat(text: &str) -> bool {
    text.contains(r#""type":"heartbeat""#)
}

#[tokio::test]
async fn a_key_gets_a_fresh_token_and_only_tokens_get_in() {
    let mock = mock("--token k").await;
    let (first, team) = exchange_key(&mock).await;
    let (second, same_team) = exchange_key(&mock).await;
    assert!(first != second && team == same_team && team.len() == 24);
    let safe = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
    assert!(first.bytes().all(safe));
    for token in [&first, &second, &first, "k"] {
        connect(&mock, &format!("/?access_token={token}")).await;
    }
    for key in ["", "x-api-key: other\r\n", "Authorization: Bearer k\r\n"] {
        assert_eq!(call(&mock, "POST", "/v4/oauth2/token", key, "").await.status, 401);
    }
    assert_eq!(call(&mock, "GET", "/v4/oauth2/token", "x-api-key: k\r\n", "").await.status, 405);
    for target in ["/", "/?access_token=", "/?access_token=other", "/?access_token=undefined", "/?token=k"] {
        assert_eq!(exchange(&mock, &upgrade(target, "")).await.status, 401, "{target}");
    }
}

#[tokio::test]
async fn tokens_outlive_a_server() {
    let (token, _) = exchange_key(&mock("--seed 5").await).await;
    let target = format!("/?access_token={token}");
    connect(&mock("--seed 5").await, &target).await;
    assert_eq!(exchange(&mock("--seed 6").await, &upgrade(&target, "")).await.status, 401);
}

#[tokio::test]
async fn the_announced_url_works_as_it_is_and_made_up_tokens_do_not() {
    let mock = mock("").await;
    connect(&mock, "/?access_token=mock-token").await;
    assert!(mock.url("kadoa").unwrap().ends_with("/?access_token=mock-token"));
    assert_eq!(exchange(&mock, &upgrade("/?access_token=undefined", "")).await.status, 401);
}

#[tokio::test(start_paused = true)]
async fn nothing_but_heartbeats_before_a_subscription() {
    let mock = mock("").await;
    let start = Instant::now();
    let mut socket = connect(&mock, "/?access_token=mock-token").await;
    for frame in ["", "[]", "7", "{}", r#"{"action":"hello"}"#, r#"{"action":"subscribe","channel":"other"}"#]
    {
        say(&mut socket, frame).await;
    }
    socket.send(Frame::binary(&b"\xff\x00"[..])).await.unwrap();
    for n in 1..=4 {
        assert_eq!(next(&mut socket).await, json!({"type": "heartbeat", "timestamp": 1_767_225_600_000_i64}));
        assert_eq!(start.elapsed().as_secs(), 15 * n);
    }
    say(&mut socket, r#"{"action":"subscribe"}"#).await;
    assert_eq!(next(&mut socket).await["type"], "workflow_data_change");
}

#[tokio::test]
async fn whoever_comes_back_misses_nothing_and_gets_nothing_twice() {
    let mock = mock("--rate 3000").await;
    let mut steady = subscribed(&mock, None).await;
    let mut wobbly = subscribed(&mock, None).await;
    let mut seen = texts(&mut wobbly, 10).await;
    for _ in 0..8 {
        let cursor = field(seen.last().unwrap(), "_cursor");
        drop(wobbly);
        // Time goes by that the other client can tell of.
        texts(&mut steady, 100).await;
        wobbly = subscribed(&mock, Some(&cursor)).await;
        seen.extend(texts(&mut wobbly, 150).await);
    }
    // One that begins with the log tells what should have been.
    let mut whole = subscribed(&mock, Some("unknown")).await;
    let all = texts(&mut whole, 2000).await;
    let from = all.iter().position(|text| *text == seen[0]).unwrap();
    assert_eq!(seen, all[from..from + seen.len()]);
    let ids: HashSet<String> = all.iter().map(|text| field(text, "id")).collect();
    assert_eq!(ids.len(), all.len());
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes_at_any_rate() {
    let mut runs = Vec::new();
    for words in ["--seed 7 --rate max", "--seed 7 --rate 3000", "--seed 8 --rate max"] {
        let mock = mock(words).await;
        let mut socket = subscribed(&mock, None).await;
        runs.push(texts(&mut socket, 300).await);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
}

/// What clients get in batches is what they get one by one. Faults and shapes count messages, not batches.
#[tokio::test]
async fn batches_pass_the_faults_message_by_message() {
    let plain = mock("--seed 7 --rate max").await;
    let all = events(&mut subscribed(&plain, None).await, 300).await;
    for (fault, expected) in [
        ("duplicate=1", Vec::from_iter(all[..50].iter().flat_map(|text| [text, text]))),
        ("fragment=10", Vec::from_iter(&all[..100])),
        ("latency=20ms", Vec::from_iter(&all[..100])),
        ("bandwidth=1m", Vec::from_iter(&all)),
        ("no-pong", Vec::from_iter(&all)),
    ] {
        let mock = mock(&format!("--seed 7 --rate max --fault {fault}")).await;
        let events = events(&mut subscribed(&mock, None).await, expected.len()).await;
        assert_eq!(Vec::from_iter(&events), expected, "{fault}");
    }
    let mock = mock("--seed 7 --rate max --fault close=4000@21").await;
    let mut socket = subscribed(&mock, None).await;
    assert_eq!(texts(&mut socket, 21).await, all[..21]);
    assert_eq!(closed(&mut socket).await.map(|close| close.code.into()), Some(4000_u16));
}

#[tokio::test]
async fn without_a_limit_to_the_rate_nothing_happens_while_nobody_listens() {
    let mock = mock("--rate max").await;
    let mut first = subscribed(&mock, None).await;
    let last = texts(&mut first, 50).await.pop().unwrap();
    first.close(None).await.unwrap();
    while first.next().await.is_some_and(|frame| frame.is_ok()) {}
    // What was made for the first and not read any more is replayed, and is no more than its buffers hold.
    let mut second = subscribed(&mock, Some(&field(&last, "_cursor"))).await;
    let mut third = subscribed(&mock, Some("")).await;
    let (rest, whole) = (texts(&mut second, 50).await, texts(&mut third, 100).await);
    assert_eq!(whole[50..100], rest);
}

#[tokio::test]
async fn acknowledgements_are_kept_in_order() {
    let mock = mock("--events 0").await;
    let ack = |body: &'static str| call(&mock, "POST", "/api/v1/events/ack", "", body);
    assert_eq!(ack(r#"{"id":"a"}"#).await.status, 200);
    assert_eq!(ack(r#"{"id":"b","more":1}"#).await.status, 200);
    for wrong in ["", "{}", "[]", r#"{"id":7}"#, "{"] {
        assert_eq!(ack(wrong).await.status, 400, "{wrong}");
    }
    let mut socket = subscribed(&mock, None).await;
    say(&mut socket, r#"{"action":"ack","id":"c"}"#).await;
    say(&mut socket, r#"{"type":"ack","id":"a"}"#).await;
    // The answer to a close shows that what came before was read.
    socket.close(None).await.unwrap();
    while socket.next().await.is_some_and(|frame| frame.is_ok()) {}
    assert_eq!(mock.command("acks", ""), Some(json!(["a", "b", "c", "a"])));
    assert_eq!(call(&mock, "GET", "/api/v1/events/ack", "", "").await.status, 405);
}

#[tokio::test]
async fn acknowledged_ids_are_bounded_in_bytes() {
    let mock = mock("").await;
    let id = |n: usize| format!("{n:04}{}", "i".repeat(200_000));
    for n in 0..100 {
        let body = json!({"id": id(n)}).to_string();
        assert_eq!(call(&mock, "POST", "/api/v1/events/ack", "", &body).await.status, 200);
    }
    let acks = control(&mock, "command", &json!({"name": "acks"})).await["result"].clone();
    let acks: Vec<&str> = acks.as_array().unwrap().iter().map(|id| id.as_str().unwrap()).collect();
    let hashes: Vec<String> = (0..100).map(|n| crate::key::BoundedKey::of(&id(n)).to_string()).collect();
    assert_eq!(acks, hashes, "long ones are kept by their hash");
}

#[tokio::test]
async fn whoever_missed_much_gets_it_in_parts_and_then_what_happens() {
    let mock = mock("--history 2000 --rate 500 --events 20").await;
    let mut socket = subscribed(&mock, Some("unknown")).await;
    let all = events(&mut socket, 2020).await;
    let ids: HashSet<String> = all.iter().map(|text| field(text, "id")).collect();
    assert_eq!(ids.len(), 2020);
}

#[tokio::test(start_paused = true)]
async fn a_drain_leaves_time_for_a_new_connection_before_the_old_one_ends() {
    let mock = mock("--events 0").await;
    let mut old = subscribed(&mock, None).await;
    let mut silent = connect(&mock, "/?access_token=mock-token").await;
    // Both are there once they get their heartbeat.
    next(&mut old).await;
    next(&mut silent).await;
    assert_eq!(mock.command("drain", ""), Some(json!({"told": 2})));
    let start = Instant::now();
    for socket in [&mut old, &mut silent] {
        let frame = next(socket).await;
        assert_eq!(
            (frame["type"].as_str(), frame["retryAfterMs"].as_i64()),
            (Some("control.draining"), Some(1000))
        );
        assert!(frame["timestamp"].is_i64());
    }
    let mut new = subscribed(&mock, None).await;
    for socket in [&mut old, &mut silent] {
        let close = closed(socket).await.unwrap();
        assert_eq!((u16::from(close.code), close.reason.as_str()), (1001, "Server shutting down"));
    }
    assert_eq!(start.elapsed().as_secs(), 5);
    for _ in 0..5 {
        assert_eq!(next(&mut new).await["type"], "heartbeat");
    }
}

#[tokio::test(start_paused = true)]
async fn a_drain_also_ends_a_connection_that_is_half_open() {
    let mock = mock("--events 0 --fault half-open@1").await;
    let mut deaf = subscribed(&mock, None).await;
    next(&mut deaf).await;
    assert_eq!(mock.command("drain", ""), Some(json!({"told": 1})));
    let start = Instant::now();
    assert!(!matches!(deaf.next().await, Some(Ok(_))), "it is dumb, too");
    assert_eq!(start.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn a_hand_over_after_some_events_loses_none() {
    let mock = mock("--rate 500 --drain-after 20 --time-scale 50 --events 400").await;
    let mut old = subscribed(&mock, None).await;
    let mut seen = events(&mut old, 20).await;
    let drain: Value = serde_json::from_str(&events(&mut old, 1).await[0]).unwrap();
    assert_eq!((&drain["type"], &drain["retryAfterMs"]), (&json!("control.draining"), &json!(20)));
    let mut new = subscribed(&mock, Some(&field(&seen[19], "_cursor"))).await;
    let mut after = Vec::new();
    while let Some(Ok(frame)) = old.next().await {
        after.extend(frame.is_text().then(|| frame.into_text().unwrap().to_string()));
    }
    let replayed = events(&mut new, 380).await;
    // The old connection went on until it was closed, with the same events.
    after.retain(|text| !is_heartbeat(text));
    assert!(after.iter().zip(&replayed).all(|(old, new)| old == new));
    seen.extend(replayed);
    let ids: HashSet<String> = seen.iter().map(|text| field(text, "id")).collect();
    assert_eq!(ids.len(), 400);
}

#[tokio::test]
async fn the_running_service_says_message_where_the_document_says_data() {
    for (words, present, absent) in [("", "data", "message"), ("--behave real", "message", "data")] {
        let mock = mock(words).await;
        let mut socket = subscribed(&mock, None).await;
        let event = next(&mut socket).await;
        assert!(event[present]["differences"].is_array() && event.get(absent).is_none());
        assert!(event["timestamp"].is_i64());
    }
}

#[tokio::test]
async fn what_is_pushed_is_an_event_like_any_other() {
    let mock = mock("--events 0").await;
    let push = async |event: Value| control(&mock, "push", &json!({"publish": event})).await;
    assert_eq!(push(json!({"type": "nobody_is_there"})).await, json!({"sent": 0}));
    let mut socket = subscribed(&mock, Some("")).await;
    let first = next(&mut socket).await;
    assert_eq!(
        (&first["type"], &first["timestamp"]),
        (&json!("nobody_is_there"), &json!(1_767_225_600_000_i64))
    );
    assert!(first["id"].as_str().unwrap().len() == 36 && first["_cursor"].is_string());
    // Spelled as it was, with what it lacks.
    let body = r#"{"publish": {"type":"x", "n": 1.10, "id":"mine", "data":{} } , "dialect":"kadoa"}"#;
    let answer = call(&mock, "POST", "/__wstap/push", "Content-Type: application/json\r\n", body).await;
    assert_eq!(answer.status, 403, "a host name that is not the server's");
    let request = format!(
        "POST /__wstap/push HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    assert_eq!(exchange(&mock, &request).await.json(), json!({"sent": 1}));
    let second = text(&mut socket).await;
    assert!(second.starts_with(r#"{"type":"x", "n": 1.10, "id":"mine", "data":{},"timestamp":"#), "{second}");
    // It is in the log.
    let mut late = subscribed(&mock, first["_cursor"].as_str()).await;
    assert_eq!(text(&mut late).await, second);
    for none in
        [json!({"type": "heartbeat"}), json!({"type": "control.draining"}), json!({"a": 1}), json!(["type"])]
    {
        assert_eq!(try_control(&mock, "push", &json!({"publish": none})).await.status, 400, "{none}");
    }
}

#[tokio::test]
async fn what_is_pushed_changes_nothing_about_the_rest() {
    let ids = async |pushes: u32| {
        let mock = mock("--seed 3 --rate max --events 30 --drain-after 20 --time-scale 1000").await;
        for _ in 0..pushes {
            control(&mock, "push", &json!({"publish": {"eventType": "pushed"}})).await;
        }
        let mut socket = subscribed(&mock, Some("")).await;
        let mut all: Vec<Value> = Vec::new();
        while all
            .iter()
            .filter(|event| event["type"].as_str().unwrap_or_default().starts_with("workflow"))
            .count()
            < 30
        {
            all.push(next(&mut socket).await);
        }
        assert_eq!(all.iter().filter(|event| event["type"] == "control.draining").count(), 1);
        all.retain(|event| event["type"].as_str().unwrap_or_default().starts_with("workflow"));
        all.iter().map(|event| event["id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(ids(0).await, ids(3).await);
}

#[tokio::test]
async fn commands_are_reached_through_the_control_api() {
    let mock = mock("--events 0").await;
    assert_eq!(call(&mock, "POST", "/api/v1/events/ack", "", r#"{"id":"a"}"#).await.status, 200);
    let acks = json!({"name": "acks", "dialect": "kadoa"});
    assert_eq!(control(&mock, "command", &acks).await, json!({"result": ["a"]}));
    let unknown = try_control(&mock, "command", &json!({"name": "nosuch"})).await;
    assert_eq!(unknown.status, 400);
    assert!(unknown.body.contains("unknown command or argument"), "{}", unknown.body);
    let elsewhere = json!({"name": "acks", "dialect": "voipbin"});
    assert_eq!(try_control(&mock, "command", &elsewhere).await.status, 400);
    assert_eq!(try_control(&mock, "command", &json!({})).await.status, 400);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed_with_the_others() {
    let mock = mock("--rate max --time-scale 100").await;
    let mut stalled = subscribed(&mock, None).await;
    // It is stalled when there is no room for more, and nothing is made for it any more.
    let sent = async || mock_clients(&mock).await[0]["sent"].as_u64().unwrap();
    let mut before = 0;
    while before == 0 || before != sent().await {
        before = sent().await;
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    assert_eq!(control(&mock, "drain", &json!({"dialect": "kadoa"})).await, json!({"drained": 1}));
    // It is listed until it is gone: the grace, and what it has for its answer to the close.
    tokio::time::timeout(std::time::Duration::from_secs(20), mock.gone(1)).await.unwrap();
    let mut received = 0;
    while let Some(Ok(_)) = stalled.next().await {
        received += 1;
    }
    assert!(received > 0);
}

async fn mock_clients(mock: &Mock) -> Vec<Value> {
    let request = "GET /__wstap/clients HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    exchange(mock, request).await.json()["clients"].as_array().unwrap().clone()
}
