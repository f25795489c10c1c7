//! `serve-mock` as a process among others: what it announces, what it runs, when it ends, TLS.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use crate::harness::{Output, wstap};
use crate::pty::on_pty;

const BINARY: &str = env!("CARGO_BIN_EXE_wstap");

fn mock(args: &[&str]) -> Output {
    wstap(&["serve-mock"]).args(args).run()
}

/// Runs a shell command with the URL in `$1`.
fn exec(args: &[&str], script: &str) -> Output {
    let shell = ["--exec", "sh", "-c", script, "sh", "{}"];
    wstap(&["serve-mock"]).args(args).args(&shell).env("WSTAP", BINARY).run()
}

#[test]
fn the_first_line_is_a_url_that_works() {
    let mut all = wstap(&["serve-mock"]).spawn();
    let line = all.line();
    let port = line.trim().strip_prefix("ws://127.0.0.1:").unwrap();
    assert!(port.parse::<u16>().is_ok(), "{line}");
    let mut one = wstap(&["serve-mock", "voipbin"]).spawn();
    let url = one.line();
    let topic = "customer_id:12345678-1234-1234-1234-123456789012:call:*";
    wstap(&["subscribe", url.trim(), topic, "--count", "1"]).run().exits(0);
}

#[test]
fn the_base_url_works_alone_and_says_what_is_there() {
    let mut all = wstap(&["serve-mock"]).spawn();
    let line = all.line();
    let url = line.trim();
    let out = wstap(&["connect", url, "-x", "hi", "--count", "1"]).run();
    assert_eq!(out.exits(0).stdout, "\"hi\"\n");
    // The provider that has this path still has it for its own clients.
    wstap(&["connect", &format!("{url}/?access_token=expired")]).run().exits(16);
    let mut stream = TcpStream::connect(url.trim_start_matches("ws://")).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n").unwrap();
    let mut page = String::new();
    stream.read_to_string(&mut page).unwrap();
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains(": a mock WebSocket server\n"), "{page}");
    for part in ["\nplain    /echo\n", "an echo", "\nvoipbin  /v1.0/ws?token=mock-token\n", "All paths: "] {
        assert!(page.contains(part), "{part} {page}");
    }
    // One provider alone answers as the provider does.
    let mut one = wstap(&["serve-mock", "kadoa"]).spawn();
    let url = one.line();
    let base = url.split("/?").next().unwrap();
    wstap(&["connect", base]).run().exits(16);
}

#[test]
fn on_a_terminal_every_url_is_listed_and_works() {
    let pty = on_pty(&["serve-mock"]).size(80, 200).spawn();
    pty.shows("listening on");
    let contents = pty.contents();
    let mut lines = contents.lines();
    assert!(lines.next().unwrap().starts_with("ws://127.0.0.1:"), "{contents}");
    let listed: Vec<(&str, &str)> =
        lines.filter_map(|line| line.split_once(" ws://")).map(|(name, rest)| (name.trim(), rest)).collect();
    let names: Vec<&str> = listed.iter().map(|(name, _)| *name).collect();
    let files = wstap::testing::DIALECT_FILES.iter().map(|file| file.name);
    let known: Vec<&str> = ["burki", "kadoa", "voipbin", "ryze", "plain"].into_iter().chain(files).collect();
    assert_eq!(names, known, "{contents}");
    for (_, url) in listed {
        wstap(&["probe-handshake", &format!("ws://{url}"), "--expect-status", "101"]).run().exits(0);
    }
    pty.signal("TERM");
    pty.exits(0);
    let few = on_pty(&["serve-mock", "plain"]).size(24, 200).spawn();
    few.shows("an echo: sends every message back");
    few.signal("TERM");
    few.exits(0);
    // A program gets one line.
    let piped = wstap(&["serve-mock", "--exit-after", "1ms"]).run();
    assert_eq!(piped.exits(0).lines().len(), 1);
}

#[test]
fn a_command_finds_the_mock_and_its_status_is_that_of_the_run() {
    let script = r#"echo "$1"; echo "$WSTAP_MOCK_URL"; echo "$WSTAP_MOCK_URL_PLAIN $WSTAP_MOCK_PORT"; echo "$WSTAP_MOCK_CONTROL"; exit 7"#;
    let out = exec(&["plain"], script);
    let lines = out.exits(7).lines();
    let url = lines[0];
    let base = url.strip_suffix("/echo").unwrap();
    let port = base.rsplit(':').next().unwrap();
    assert_eq!(lines[1..3], [url, &format!("{url} {port}")]);
    assert_eq!(lines[3], format!("http://127.0.0.1:{port}/__wstap"));
    // The command's output is all there is, unless the announcement was asked for.
    assert_eq!(lines.len(), 4);
    let announced = exec(&["plain", "--announce", "url"], "echo $1");
    let lines = announced.exits(0).lines();
    assert_eq!((lines.len(), lines[0]), (2, lines[1]));
    mock(&["--", "sh", "-c", "kill -KILL $$"]).exits(137);
    mock(&["--exec", "/nonexistent/client"]).exits(2).says("/nonexistent/client");
}

#[test]
fn a_client_under_test_runs_against_it() {
    let client = ["--exec", BINARY, "connect", "-q", "{}", "-x", "{\"a\":{}}", "--count", "1"];
    let out = wstap(&["serve-mock", "plain"]).args(&client).run();
    assert_eq!(out.exits(0).stdout, "{\"a\":{}}\n");
}

#[test]
fn what_is_played_or_scripted_is_where_the_url_points() {
    let dir = tempfile::tempdir().unwrap();
    let tape = dir.path().join("tape.ndjson");
    let tape = tape.to_str().unwrap();
    wstap(&["connect", "--mock", "-x", "hi", "--count", "1", "--record", tape]).run().exits(0);
    let client = ["--exec", BINARY, "connect", "-q", "{}", "--count", "1"];
    let played = wstap(&["serve-mock", "plain", "--replay", tape]).args(&client).run();
    assert_eq!(played.exits(0).stdout, "\"hi\"\n");
    let client = [&client[..], &["-x", r#"{"op":"hello","id":7}"#]].concat();
    let on = r#"select(.op=="hello") | {reply:.id}"#;
    let scripted = wstap(&["serve-mock", "plain", "--on", on]).args(&client).run();
    assert_eq!(scripted.exits(0).stdout, "{\"reply\":7}\n");
}

#[test]
fn whoever_asks_is_told_what_clients_do() {
    let mut mock = wstap(&["serve-mock", "-vv", "--exit-after", "1"]).spawn();
    let url = mock.line();
    let url = url.trim();
    wstap(&["connect", &format!("{url}/nowhere?token=geheim")]).run().exits(17);
    wstap(&["connect", &format!("{url}/echo?token=geheim"), "-x", "hello", "--count", "1"]).run().exits(0);
    let told = mock.finish();
    told.exits(0)
        .says("GET /nowhere: 404 {")
        .says("client 1 connected to /echo from 127.0.0.1:")
        .says("client 1 sent hello");
    told.says("client 1 disconnected: received 1 messages, sent 1");
    assert!(!told.stderr.contains("geheim"), "{}", told.stderr);
}

#[test]
fn signals_are_passed_on() {
    for (signal, code) in [("INT", 42), ("TERM", 43)] {
        let script = "trap 'exit 42' INT; trap 'exit 43' TERM; echo ready; while :; do sleep 0.1; done";
        let mut running = wstap(&["serve-mock", "--", "sh", "-c", script]).spawn();
        assert_eq!(running.line(), "ready\n");
        running.signal(signal);
        running.finish().exits(code);
    }
}

#[test]
fn what_is_expected_decides_the_status() {
    let say = r#""$WSTAP" connect -q "$1" -x '{"n":1}' --count 1 >&2"#;
    exec(&["plain", "--expect", ".n == 1"], say).exits(0);
    exec(&["plain", "--expect", ".n == 1", "--expect", ".n == 2"], say).exits(1).says(".n == 2");
    exec(&["plain", "--expect", ".n == 2"], "exit 5").exits(5);
    mock(&["--expect", ".n =="]).exits(3).says("--expect");
    // In a client's own process too.
    let client = |expect: &str| {
        wstap(&["connect", &format!("--mock=--expect '{expect}'"), "-x", "{\"n\":1}", "--count", "1"]).run()
    };
    client(".n == 1").exits(0);
    client(".n == 2").exits(1).says(".n == 2");
}

#[test]
fn it_ends_by_itself() {
    let mut running = wstap(&["serve-mock", "plain", "--exit-after", "2"]).spawn();
    let url = running.line();
    for _ in 0..2 {
        wstap(&["connect", url.trim(), "-x", "1", "--count", "1"]).run().exits(0);
    }
    running.finish().exits(0);
    mock(&["--exit-after", "scenario"]).exits(2).says("--scenario");
    mock(&["--exit-after", "10ms"]).exits(0);
    mock(&["--exit-after", "10ms", "--expect", "."]).exits(1).says("no client sent");
    mock(&["--exit-after", "soon"]).exits(2);
    mock(&["--exit-after", "1s", "--exec", "true"]).exits(2);
}

#[test]
fn it_ends_with_its_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("scenario.toml").display().to_string();
    let scenario = "[[scenario]]\npath = \"/s\"\nsteps = [{ expect = '.n == 1', timeout = \"20s\" }, { close = 1000 }]\n";
    std::fs::write(&file, scenario).unwrap();
    for (message, code) in [("{\"n\":1}", 0), ("{\"n\":2}", 1)] {
        let mut running = wstap(&["serve-mock", "--scenario", &file, "--exit-after", "scenario"]).spawn();
        let url = format!("{}/s", running.line().trim());
        // The second never says what is expected, and leaves.
        wstap(&["connect", &url, "-x", message, "--no-reconnect", "--linger", "100ms"]).run();
        running.finish().exits(code);
    }
}

#[test]
fn a_throw_away_authority_is_trusted_by_its_file() {
    let script =
        r#""$WSTAP" connect -q --cacert "$WSTAP_MOCK_CA" "$1" -x '{"a":1}' --count 1; echo "$WSTAP_MOCK_CA""#;
    let out = exec(&["plain", "--tls"], script);
    let lines = out.exits(0).lines();
    assert_eq!(lines[0], "{\"a\":1}");
    assert!(!std::path::Path::new(lines[1]).exists(), "a temporary file goes with the mock");
    exec(&["plain", "--tls"], r#""$WSTAP" connect -q "$1" -x 1"#).exits(13).says("certificate");
    // A name for each way to this machine, and a file that stays.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem").display().to_string();
    let script = r#"for host in localhost 127.0.0.1; do
        "$WSTAP" connect -q --cacert "$WSTAP_MOCK_CA" "wss://$host:$WSTAP_MOCK_PORT/echo" -x 1 --count 1; done"#;
    let out = exec(&["--tls", "--ca-file", &file], script);
    assert_eq!(out.exits(0).stdout, "1\n1\n");
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("-----BEGIN CERTIFICATE-----"));
    // In this process it is trusted without a word.
    wstap(&["connect", "--mock=--tls", "-x", "1", "--count", "1"]).run().exits(0);
}

#[test]
fn plain_http_on_a_tls_port_gets_a_readable_answer() {
    let mut running = wstap(&["serve-mock", "plain", "--tls"]).spawn();
    let url = running.line();
    let port = url.trim().strip_suffix("/echo").unwrap().rsplit(':').next().unwrap().parse().unwrap();
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET /echo HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("wss://"), "{answer}");
}

#[test]
fn a_certificate_of_ones_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).display().to_string();
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate =
        rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    std::fs::write(path("cert.pem"), certificate.pem()).unwrap();
    std::fs::write(path("key.pem"), key.serialize_pem()).unwrap();
    let script =
        r#""$WSTAP" connect -q --cacert "$CERT" "wss://localhost:$WSTAP_MOCK_PORT/echo" -x 1 --count 1"#;
    let own = ["--cert", &path("cert.pem"), "--key", &path("key.pem")];
    let out = wstap(&["serve-mock"])
        .args(&own)
        .args(&["--exec", "sh", "-c", script])
        .env("WSTAP", BINARY)
        .env("CERT", &path("cert.pem"))
        .run();
    assert_eq!(out.exits(0).stdout, "1\n");
    mock(&["--cert", &path("cert.pem"), "--key", "/nonexistent/key"]).exits(2).says("/nonexistent/key");
}

#[test]
fn times_have_a_longest() {
    for time in ["584542046090y", "18446744073709551615s 1000ms", "3651d"] {
        for option in ["--duration", "--exit-after"] {
            mock(&[option, time]).exits(2).says(option);
        }
        let duration = format!("--duration '{time}'");
        let latency = format!("--fault 'latency={time}'");
        for options in [duration, latency] {
            wstap(&["connect", &format!("--mock={options}")]).run().exits(2).says("--mock");
        }
    }
    let longest = ["--duration", "3650d", "--time-scale", "0.001", "--fault", "latency=0s±365d"];
    mock(&[&longest[..], &["--exec", "true"]].concat()).exits(0);
}
