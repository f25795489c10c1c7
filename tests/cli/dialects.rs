//! Dialects that people describe in files of their own.

use std::fs;

use crate::harness::{Server, header, wstap};

const GRAPHQL: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/dialects/graphql-transport-ws.toml");

#[test]
fn a_dialect_from_a_file_greets_waits_subscribes_and_answers() {
    let server = Server::once(|mut peer| {
        let request = peer.accept_with("Sec-WebSocket-Protocol: graphql-transport-ws\r\n");
        assert_eq!(header(&request, "Sec-WebSocket-Protocol"), Some("graphql-transport-ws"));
        assert_eq!(peer.read_text().as_deref(), Some(r#"{"type":"connection_init"}"#));
        peer.text(r#"{"type":"ping"}"#);
        assert_eq!(peer.read_text().as_deref(), Some(r#"{"type":"pong"}"#));
        peer.text(r#"{"type":"connection_ack"}"#);
        let subscribe = r#"{"id":"1","type":"subscribe","payload":{"query":"subscription { a }"}}"#;
        assert_eq!(peer.read_text().as_deref(), Some(subscribe));
        peer.text(r#"{"id":"1","type":"next","payload":{"data":{"a":"hi"}}}"#);
        assert_eq!(peer.read_text().as_deref(), Some(r#"{"id":"1","type":"complete"}"#));
        assert_eq!(peer.read_close(), Some(1000));
    });
    let out = wstap(&["subscribe", "-d", GRAPHQL, "--url", &server.url(), "subscription { a }"])
        .args(&["--count", "1", "-f", ".payload.data"])
        .run();
    assert_eq!(out.exits(0).stdout, "{\"a\":\"hi\"}\n");
    server.join();
}

#[test]
fn a_close_code_means_what_the_file_says() {
    let server = Server::websocket(|peer| {
        peer.read_text();
        peer.close(4401, "Unauthorized");
        peer.read_close();
    });
    let out = wstap(&["subscribe", "-d", GRAPHQL, "--url", &server.url(), "x"]).run();
    out.exits(16).says("unauthorized");
    server.join();
}

#[test]
fn dialects_in_the_configuration_folder_go_by_name_and_by_host() {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join("wstap/dialects");
    fs::create_dir_all(&folder).unwrap();
    let text = "name = 'mine'\nhosts = ['localhost']\n[subscribe]\nsend = 'want {topic}'";
    fs::write(folder.join("mine.toml"), text).unwrap();
    for named in [true, false] {
        let server = Server::websocket(|peer| {
            assert_eq!(peer.read_text().as_deref(), Some("want a"));
            peer.text("1");
            peer.read_close();
        });
        let url = format!("ws://localhost:{}/", server.port);
        let args: &[&str] = if named { &["-d", "mine"] } else { &[] };
        let run = wstap(&["subscribe", "-4", "--url", &url, "a", "--count", "1"]).args(args);
        run.env("XDG_CONFIG_HOME", &home.path().display().to_string()).run().exits(0);
        server.join();
    }
}

#[test]
fn mistakes_are_told_before_anything_connects() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("x.toml").display().to_string();
    fs::write(&file, "name = 'x'\n[close]\n12 = { meaning = 'y' }").unwrap();
    wstap(&["subscribe", "-d", &file, "a"]).run().exits(2).says("x.toml:3").says("1000 to 4999");
    wstap(&["subscribe", "-d", "/no/such.toml", "a"]).run().exits(2).says("/no/such.toml");
    wstap(&["subscribe", "-d", "nosuch", "a"])
        .run()
        .exits(2)
        .says("unknown dialect 'nosuch'")
        .says("voipbin");
}

#[test]
fn times_have_a_longest() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("x.toml").display().to_string();
    let dialect = |keepalive: &str| {
        fs::write(&file, format!("name = 'x'\n[keepalive]\n{keepalive}\n[subscribe]\nsend = '{{topic}}'"))
            .unwrap();
    };
    for time in ["584542046090y", "18446744073709551615s 1000ms", "3651d", "1e30s", "0s"] {
        for keepalive in [format!("send = 'p'\nevery = '{time}'"), format!("silence = '{time}'")] {
            dialect(&keepalive);
            wstap(&["subscribe", "-d", &file, "a"]).run().exits(2).says("x.toml:");
        }
    }
    // The longest is not too long for any clock.
    let longest = "3650d";
    for scale in ["0.001", "1", "1000000"] {
        dialect(&format!("send = 'p'\nevery = '{longest}'\nsilence = '{longest}'"));
        let server = Server::websocket(|peer| {
            assert_eq!(peer.read_text().as_deref(), Some("a"));
            peer.close_well(1000);
        });
        let run = wstap(&["subscribe", "-d", &file, "--url", &server.url(), "a", "--time-scale", scale]);
        let times = [
            "--ping-timeout",
            "--reconnect-delay",
            "--reconnect-max-delay",
            "--connect-timeout",
            "--max-time",
            "--idle-timeout",
            "--linger",
        ];
        let args: Vec<&str> = times.iter().flat_map(|name| [*name, longest]).collect();
        run.args(&args).run().exits(0);
        server.join();
    }
}
