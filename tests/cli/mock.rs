//! `serve-mock` as a process of its own.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use serde_json::Value;

use crate::clients::serve;
use crate::harness::{Peer, Running, wstap};
use crate::hostile_clients::{connected, request};

const CALLS: &str = "customer_id:12345678-1234-1234-1234-123456789012:call:*";

/// Starts a mock and reads its announcement.
fn mock(args: &[&str]) -> (Running, Value) {
    let mut running = wstap(&["serve-mock", "--announce", "json"]).args(args).spawn();
    let line = running.line();
    let announcement = serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line:?}"));
    (running, announcement)
}

fn url(announcement: &Value, dialect: &str) -> String {
    announcement["urls"][dialect].as_str().unwrap_or_else(|| panic!("{announcement}")).to_owned()
}

#[test]
fn it_announces_where_it_listens() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("port");
    let (mut mock, announcement) = mock(&["--port-file", &file.display().to_string()]);
    let port = announcement["port"].as_u64().unwrap();
    assert_eq!(announcement["listening"], format!("127.0.0.1:{port}"));
    assert!(url(&announcement, "voipbin").starts_with(&format!("ws://127.0.0.1:{port}/v1.0/ws?token=")));
    // The notice comes after the file.
    mock.notice("listening on");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("ws://127.0.0.1:{port}\n"));
    mock.signal("TERM");
    let out = mock.finish();
    assert_eq!(out.exits(0).stdout, "", "one line and no more");
}

#[test]
fn several_clients_get_the_same_stream_each() {
    let (_mock, announcement) = mock(&["voipbin", "--rate", "max", "--seed", "3"]);
    let url = url(&announcement, "voipbin");
    let client = || wstap(&["subscribe", &url, CALLS, "--count", "50"]).spawn();
    let (first, second) = (client(), client());
    let (first, second) = (first.finish(), second.finish());
    assert_eq!(first.exits(0).lines().len(), 50);
    assert_eq!(first.stdout, second.exits(0).stdout);
}

#[test]
fn an_idle_client_takes_little_memory_with_compression_agreed_on() {
    const CLIENTS: u64 = 400;
    const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n\r\n";
    let (mock, port) = serve(&["--no-control"]);
    let idle = || {
        let mut client = Peer { stream: connected(port) };
        client.write(request("/echo").replacen("\r\n\r\n", &format!("\r\n{OFFER}"), 1));
        assert!(client.request().contains("permessage-deflate"));
        client
    };
    let before = mock.resident();
    let clients: Vec<Peer> = (0..CLIENTS).map(|_| idle()).collect();
    let each = (mock.settled() - before) / CLIENTS;
    assert!(each <= 24, "{each} KiB");
    drop(clients);
}

#[test]
fn a_signal_ends_it_well_and_clients_are_told() {
    for signal in ["TERM", "INT"] {
        let (mock, announcement) = mock(&["voipbin"]);
        let mut client =
            wstap(&["subscribe", &url(&announcement, "voipbin"), CALLS, "--no-reconnect", "--envelope"])
                .spawn();
        client.notice("subscribe confirmed");
        mock.signal(signal);
        mock.finish().exits(0);
        let out = client.finish();
        let close = &out.exits(0).says("1001").records("close")[0];
        assert_eq!((close["code"].as_u64(), close["by"].as_str()), (Some(1001), Some("peer")));
    }
}

#[test]
fn it_refuses_what_it_cannot_do() {
    let (_mock, announcement) = mock(&[]);
    let port = announcement["port"].to_string();
    let out = wstap(&["serve-mock", "--port", &port]).run();
    out.exits(11).says(&port).says("in use");
    assert_eq!(out.stdout, "");
    wstap(&["serve-mock", "nosuch"]).run().exits(2).says("nosuch");
    wstap(&["serve-mock", "--port-file", "/nonexistent/port"]).run().exits(30).says("/nonexistent/port");
}

#[test]
fn a_token_is_asked_for_and_not_announced() {
    let (_mock, announcement) = mock(&["--token", "s3cr3t-token"]);
    assert!(!announcement.to_string().contains("s3cr3t-token"));
    let url = url(&announcement, "voipbin");
    let client =
        |token: &str| wstap(&["subscribe", &url, CALLS, "--count", "1"]).env("VOIPBIN_TOKEN", token).run();
    client("s3cr3t-token").exits(0);
    client("wrong-token").exits(16).says("INVALID_CREDENTIALS");
    wstap(&["subscribe", &url, CALLS]).run().exits(16).says("AUTHENTICATION_REQUIRED");
}

#[test]
fn events_end_when_they_were_counted() {
    let (_mock, announcement) = mock(&["voipbin", "--events", "3", "--then", "close", "--rate", "max"]);
    let out = wstap(&["subscribe", &url(&announcement, "voipbin"), CALLS, "--no-reconnect"]).run();
    assert_eq!(out.exits(0).says("1000").lines().len(), 3);
}

#[test]
fn the_echo_is_always_there() {
    let (_mock, announcement) = mock(&["voipbin"]);
    let echo = format!("ws://127.0.0.1:{}/echo", announcement["port"]);
    let out = wstap(&["connect", &echo, "--count", "2"]).stdin("{\"a\": 1.0}\nplain\n").run();
    assert_eq!(out.exits(0).stdout, "{\"a\": 1.0}\n\"plain\"\n");
}

#[test]
fn an_unknown_path_is_told_which_there_are() {
    let (_mock, announcement) = mock(&["voipbin"]);
    let nowhere = format!("ws://127.0.0.1:{}/nowhere", announcement["port"]);
    wstap(&["connect", &nowhere]).run().exits(17).says("/v1.0/ws").says("/echo");
    // Whoever comes without an upgrade gets an answer as well.
    let mut stream =
        TcpStream::connect(("127.0.0.1", u16::try_from(announcement["port"].as_u64().unwrap()).unwrap()))
            .unwrap();
    stream.write_all(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 426 ") || answer.starts_with("HTTP/1.1 400 "), "{answer}");
}
