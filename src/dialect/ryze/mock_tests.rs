//! The mock half over real sockets.

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::Instant;

use super::events;
use crate::clock;
use crate::dialect::testing::*;
use crate::mock::Mock;

const DEMO: &str = "/ws/demo?token=t";

async fn configure(mock: &Mock, instance: &str, body: &Value) -> Answered {
    let target = format!("/api/events/websocket/{instance}");
    call(mock, "POST", &target, "token: t\r\n", &body.to_string()).await
}

async fn read_back(mock: &Mock, instance: &str) -> Answered {
    let target = format!("/api/events/getWebsocket/{instance}");
    call(mock, "GET", &target, "token: t\r\n", "").await
}

#[tokio::test(start_paused = true)]
async fn a_server_that_was_held_up_drops_nobody_for_that() {
    let mock = mock("--rate 5000 --events 5000").await;
    let mut socket = connect(&mock, DEMO).await;
    let begin = Instant::now();
    next(&mut socket).await;
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    for _ in 1..5000 {
        next(&mut socket).await;
    }
    assert!(begin.elapsed().as_millis() >= 1900, "what it missed comes at the same rate");
}

#[tokio::test]
async fn the_refusals_are_the_documents() {
    let mock = mock("--token t").await;
    for (target, headers, status, message) in [
        ("/ws/demo", "", 401, "Missing token in header, Authorization header, or query parameter"),
        (
            "/ws/demo?token=",
            "token:\r\n",
            401,
            "Missing token in header, Authorization header, or query parameter",
        ),
        ("/ws/demo", "token: u\r\n", 401, "Invalid token"),
        ("/ws/nobody?token=u", "", 401, "Invalid token"),
        ("/ws/nobody", "Authorization: Bearer t\r\n", 404, "Instance not found"),
        (
            "/ws/idle",
            "token: t\r\n",
            400,
            "WebSocket is not enabled for this instance. Configure it first using POST /api/events/websocket/idle",
        ),
    ] {
        let answer = exchange(&mock, &upgrade(target, headers)).await;
        assert_eq!(answer.status, status, "{target}");
        let body = format!(r#"{{"success":false,"error":{{"message":"{message}"}}}}"#);
        assert_eq!(answer.body, body);
        assert_eq!(answer.header("X-RateLimit-Limit"), "100");
    }
    let foreign = exchange(&mock, &upgrade("/ws/demo?token=t", "Origin: https://evil.test\r\n")).await;
    assert_eq!((foreign.status, foreign.body.as_str()), (403, ""));
    let unknown = exchange(&mock, &upgrade("/ws/demo/more?token=t", "")).await;
    assert!(unknown.status == 404 && unknown.body.contains("unknown path"));
}

#[tokio::test]
async fn the_token_has_three_places() {
    let mock = mock("--token t").await;
    let own = format!("token: {}\r\n", events::token(0, "demo"));
    for (target, headers) in [
        ("/ws/demo", "token: t\r\n"),
        ("/ws/demo", "Authorization: bearer t\r\n"),
        ("/ws/demo?token=t", ""),
        ("/ws/demo?token=t", "Origin: http://h\r\n"),
        ("/ws/demo", own.as_str()),
    ] {
        let (_, head) = raw(&mock, target, headers).await;
        assert!(head.contains("\r\nX-RateLimit-Remaining: "), "{head}");
    }
    let other = format!("token: {}\r\n", events::token(0, "idle"));
    assert_eq!(exchange(&mock, &upgrade("/ws/demo", &other)).await.status, 401);
}

#[tokio::test]
async fn pages_are_let_in_by_name() {
    let mock = mock("--allow-origin https://a.test --allow-origin https://b.test").await;
    raw(&mock, DEMO, "").await;
    raw(&mock, DEMO, "Origin: https://b.test\r\n").await;
    for origin in ["https://c.test", "http://h"] {
        let answer = exchange(&mock, &upgrade(DEMO, &format!("Origin: {origin}\r\n"))).await;
        assert_eq!((answer.status, answer.body.as_str()), (403, ""));
    }
}

#[tokio::test(start_paused = true)]
async fn the_hundred_and_first_upgrade_in_a_minute_is_refused() {
    let mock = mock("").await;
    for left in (0..100).rev() {
        let (_, head) = raw(&mock, DEMO, "").await;
        assert!(head.contains(&format!("\r\nX-RateLimit-Remaining: {left}\r\n")), "{head}");
    }
    let answer = exchange(&mock, &upgrade(DEMO, "")).await;
    assert_eq!(answer.status, 429);
    assert_eq!(answer.json()["error"]["message"], "Rate limit exceeded. Try again later.");
    let reset: i64 = answer.header("X-RateLimit-Reset").parse().unwrap();
    assert!((0..=61).contains(&(reset - clock::now().as_second())));
    // Another token has a count of its own, and the configuration is not counted.
    raw(&mock, "/ws/demo?token=u", "").await;
    assert_eq!(read_back(&mock, "demo").await.status, 200);
    tokio::time::advance(std::time::Duration::from_secs(60)).await;
    raw(&mock, DEMO, "").await;
}

#[tokio::test]
async fn a_configuration_is_kept_and_read_back() {
    let mock = mock("").await;
    assert_eq!(read_back(&mock, "idle").await.status, 404);
    assert_eq!(read_back(&mock, "shop").await.json()["error"]["message"], "Instance not found");
    for (body, stored) in [
        (json!({"enabled": true}), json!({"enabled": true, "events": events::NAMES, "mediaBase64": false})),
        (
            json!({"enabled": true, "events": ["call.update"], "mediaBase64": true}),
            json!({"enabled": true, "events": ["call.update"], "mediaBase64": true}),
        ),
        (
            json!({"enabled": false, "events": ["call.update"], "mediaBase64": true}),
            json!({"enabled": false, "events": [], "mediaBase64": false}),
        ),
    ] {
        assert_eq!(configure(&mock, "shop", &body).await.status, 200);
        let answer = read_back(&mock, "shop").await;
        assert_eq!((answer.status, &answer.json()["websocket"]), (200, &stored));
        assert_eq!(answer.json()["success"], true);
    }
    for wrong in [json!({}), json!([]), json!({"enabled": "yes"}), json!({"enabled": true, "events": ["x"]})]
    {
        assert_eq!(configure(&mock, "shop", &wrong).await.status, 400, "{wrong}");
    }
    assert_eq!(configure(&mock, "no%20name", &json!({"enabled": true})).await.status, 400);
    assert_eq!(call(&mock, "POST", "/api/events/websocket/shop", "", "{}").await.status, 401);
    assert_eq!(call(&mock, "GET", "/api/events/websocket/shop", "token: t\r\n", "").await.status, 405);
}

#[tokio::test]
async fn instances_are_bounded_in_bytes() {
    let mock = mock("").await;
    let names = vec!["message.status"; 200_000];
    assert_eq!(configure(&mock, "i", &json!({"enabled": true, "events": names})).await.status, 200);
    let events = read_back(&mock, "i").await.json()["websocket"]["events"].clone();
    assert_eq!(events, json!(["message.status"]), "each name is kept once");
    let most = crate::limits::MOCK_INSTANCES / super::mock::INSTANCE;
    let mut made = 0_usize;
    while configure(&mock, &format!("many-{made}"), &json!({"enabled": true})).await.status == 200 {
        made += 1;
    }
    assert!(made.abs_diff(most) < 5, "{made} of {most}");
}

#[tokio::test]
async fn switching_off_keeps_who_is_there_and_refuses_who_comes() {
    let mock = mock("--rate 2000").await;
    let mut socket = connect(&mock, DEMO).await;
    text(&mut socket).await;
    configure(&mock, "demo", &json!({"enabled": false})).await;
    assert_eq!(exchange(&mock, &upgrade(DEMO, "")).await.status, 400);
    configure(&mock, "demo", &json!({"enabled": true, "events": ["label.update"]})).await;
    let mark = json!({"publish": {"event": "label.update", "data": {"mark": true}}});
    control(&mock, "push", &mark).await;
    // It is still there, and the new filter holds for it too: for all that comes after what waited already.
    while next(&mut socket).await["data"]["mark"] != true {}
    for _ in 0..20 {
        assert_eq!(next(&mut socket).await["event"], "label.update");
    }
}

#[tokio::test]
async fn all_clients_of_an_instance_get_the_same_and_others_do_not() {
    let mock = mock("--rate 500 --events 300").await;
    configure(&mock, "shop", &json!({"enabled": true})).await;
    let mut first = connect(&mock, DEMO).await;
    let mut second = connect(&mock, DEMO).await;
    let mut other = connect(&mock, "/ws/shop?token=t").await;
    let late = texts(&mut second, 50).await;
    let all = texts(&mut first, 300).await;
    let from = all.iter().position(|text| *text == late[0]).unwrap();
    assert_eq!(all[from..from + 50], late);
    for _ in 0..50 {
        assert_eq!(next(&mut other).await["instanceData"]["instance"], "shop");
    }
}

#[tokio::test]
async fn the_same_seed_gives_the_same_bytes_and_media_comes_with_them() {
    let mut runs = Vec::new();
    for words in ["--seed 7 --rate max", "--seed 7 --rate 2000", "--seed 8 --rate max"] {
        let mock = mock(words).await;
        configure(&mock, "demo", &json!({"enabled": true, "mediaBase64": true})).await;
        let mut socket = connect(&mock, DEMO).await;
        runs.push(texts(&mut socket, 60).await);
    }
    assert_eq!(runs[0], runs[1]);
    assert_ne!(runs[0], runs[2]);
    assert!(runs[0].iter().any(|text| text.len() > 100_000));
}

#[tokio::test]
async fn the_flat_form_is_the_running_services() {
    let mock = mock("--behave real --rate max").await;
    let mut socket = connect(&mock, DEMO).await;
    let first = next(&mut socket).await;
    assert_eq!(first["event"], "message.exchange");
    assert!(first["data"]["message"]["content"].is_string() && first["data"]["chat"]["jid"].is_string());
}

#[tokio::test]
async fn what_clients_say_has_no_effect_up_to_4096_bytes() {
    let mock = mock("--rate 1000").await;
    let mut socket = connect(&mock, DEMO).await;
    say(&mut socket, r#"{"action":"subscribe"}"#).await;
    say(&mut socket, &"x".repeat(4096)).await;
    texts(&mut socket, 20).await;
    say(&mut socket, &"x".repeat(4097)).await;
    assert_eq!(u16::from(closed(&mut socket).await.unwrap().code), 1009);
}

#[tokio::test]
async fn a_client_that_does_not_read_is_dropped() {
    let mock = mock("--rate max").await;
    configure(&mock, "demo", &json!({"enabled": true, "mediaBase64": true})).await;
    let mut slow = connect(&mock, DEMO).await;
    let mut quick = connect(&mock, DEMO).await;
    // More than the sockets' buffers hold, and 256 messages more.
    texts(&mut quick, 3000).await;
    let mut received = 0;
    // It finds the close frame, if it reads again before it is given up.
    let close = loop {
        match slow.next().await {
            Some(Ok(tokio_tungstenite::tungstenite::Message::Close(close))) => break close,
            Some(Ok(_)) => received += 1,
            _ => break None,
        }
    };
    assert!(close.is_none() && received < 2900, "{received}");
    texts(&mut quick, 100).await;
}

#[tokio::test(start_paused = true)]
async fn the_server_pings_every_54_s_and_drops_after_60() {
    let mock = mock("--events 0").await;
    let start = Instant::now();
    let (mut stream, _) = raw(&mock, DEMO, "").await;
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await.unwrap();
    assert_eq!((received, start.elapsed().as_secs()), (vec![0x89, 0], 60));
}

#[tokio::test]
async fn an_instance_that_is_deleted_takes_its_clients_along() {
    let mock = mock("").await;
    let mut socket = connect(&mock, DEMO).await;
    text(&mut socket).await;
    assert_eq!(mock.command("delete", "demo"), Some(json!({"deleted": "demo", "closed": 1})));
    assert_eq!(mock.command("delete", "demo"), None);
    assert_eq!(closed(&mut socket).await, None);
    assert_eq!(exchange(&mock, &upgrade(DEMO, "")).await.status, 404);
}

#[tokio::test]
async fn bytes_that_are_no_request_harm_nobody() {
    let mock = mock("").await;
    for body in ["", "{", "\u{0}", "[1", "{\"enabled\":true,\"events\":{}}"] {
        assert_eq!(call(&mock, "POST", "/api/events/websocket/demo", "token: t\r\n", body).await.status, 400);
    }
    let (mut stream, _) = raw(&mock, DEMO, "").await;
    stream.write_all(&[0xff; 64]).await.unwrap();
    stream.read_to_end(&mut Vec::new()).await.unwrap();
    connect(&mock, DEMO).await;
}

#[tokio::test]
async fn what_is_pushed_goes_to_those_whose_configuration_lets_it_pass() {
    let mock = mock("--events 0").await;
    configure(&mock, "shop", &json!({"enabled": true, "events": ["call.update"]})).await;
    configure(&mock, "off", &json!({"enabled": false})).await;
    let mut demo = connect(&mock, DEMO).await;
    let mut shop = connect(&mock, "/ws/shop?token=t").await;
    let push = async |event: Value| control(&mock, "push", &json!({"publish": event})).await["sent"].clone();
    // The answer to a close shows that who came before is on the list.
    for name in ["demo", "shop"] {
        let mut other = connect(&mock, &format!("/ws/{name}?token=t")).await;
        other.close(None).await.unwrap();
        while other.next().await.is_some_and(|frame| frame.is_ok()) {}
    }
    assert_eq!(push(json!({"event": "label.update", "data": {"type": "edit"}})).await, 1);
    assert_eq!(push(json!({"data": {"n": 1}, "event": "call.update"})).await, 2);
    let named = json!({"event": "call.update", "instanceData": {"instance": "shop", "token": "x"}});
    assert_eq!(push(named).await, 1);
    let expected = |name: &str, instance: &str, data: &str| {
        let token = events::token(0, instance);
        format!(
            r#"{{"event":"{name}","data":{data},"instanceData":{{"baseUrl":"https://api.example.com","instance":"{instance}","token":"{token}"}}}}"#
        )
    };
    assert_eq!(text(&mut demo).await, expected("label.update", "demo", r#"{"type":"edit"}"#));
    assert_eq!(text(&mut demo).await, expected("call.update", "demo", r#"{"n":1}"#));
    assert_eq!(text(&mut shop).await, expected("call.update", "shop", r#"{"n":1}"#));
    assert_eq!(text(&mut shop).await, expected("call.update", "shop", "{}"));
    for none in [json!({"event": "new.kind"}), json!({"data": {}}), json!("event")] {
        assert_eq!(try_control(&mock, "push", &json!({"publish": none})).await.status, 400, "{none}");
    }
    let delete = json!({"name": "delete", "argument": "shop"});
    let gone = control(&mock, "command", &delete).await;
    assert_eq!(gone, json!({"result": {"deleted": "shop", "closed": 1}}));
    assert_eq!(closed(&mut shop).await, None);
}
