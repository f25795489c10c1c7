//! `probe-handshake` with several connections: what each is asked, and that there is one a row.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::harness::{Output, Peer, Server, header, upgrade, wstap};

/// A server that gives each of so many requests the answer of `decide`, and keeps the requests. One connection more
/// would be refused.
fn serve(
    count: usize,
    decide: impl Fn(&str) -> &'static str + Send + Sync + 'static,
) -> (Server, Arc<Mutex<Vec<String>>>) {
    let requests = Arc::new(Mutex::new(Vec::new()));
    let decide = Arc::new(decide);
    let script = || {
        let (requests, decide) = (requests.clone(), decide.clone());
        Box::new(move |mut peer: Peer| {
            let request = peer.request();
            match decide(&request) {
                "101" => peer.write(upgrade(&request, "")),
                refusal => peer.write(format!("HTTP/1.1 {refusal}\r\nContent-Length: 0\r\n\r\n")),
            }
            requests.lock().unwrap().push(request);
        }) as Box<dyn FnOnce(Peer) + Send>
    };
    (Server::scripts((0..count).map(|_| script()).collect()), requests)
}

fn probe(server: Server, query: &str, args: &[&str]) -> Output {
    let out = wstap(&["probe-handshake", &format!("{}{query}", server.url())]).args(args).run();
    // Every script was played: there were as many connections as there are rows.
    server.join();
    out
}

fn warnings(record: &Value) -> Vec<&str> {
    record["warnings"].as_array().unwrap().iter().map(|note| note["id"].as_str().unwrap()).collect()
}

#[test]
fn origins_are_asked_one_by_one() {
    let decide = |request: &str| match header(request, "origin") {
        Some("https://evil.example") => "403 Forbidden",
        _ => "101",
    };
    let origins = ["--origins", "none,same,null,https://evil.example"];
    let (server, requests) = serve(4, decide);
    let port = server.port;
    let out = probe(server, "", &origins);
    out.exits(0);
    let records = out.json();
    let same = format!("http://127.0.0.1:{port}");
    let cases: Vec<&Value> = records.iter().map(|record| &record["case"]).collect();
    assert_eq!(cases[0], &json!({"origin": null, "foreign": false}));
    assert_eq!(cases[1], &json!({"origin": same, "foreign": false}));
    assert_eq!(cases[3], &json!({"origin": "https://evil.example", "foreign": true}));
    let statuses: Vec<&Value> = records.iter().map(|record| &record["http"]["status"]).collect();
    assert_eq!(statuses, [101, 101, 101, 403]);
    let sent: Vec<Option<String>> =
        requests.lock().unwrap().iter().map(|request| header(request, "origin").map(str::to_owned)).collect();
    assert_eq!(sent, [None, Some(same), Some("null".into()), Some("https://evil.example".into())]);
    assert!(records.iter().all(|record| warnings(record).is_empty()));

    // With a cookie, a foreign origin that is let in is a danger.
    let (server, _) = serve(4, decide);
    let out = probe(server, "", &[&origins[..], &["-H", "Cookie: session=1"]].concat());
    out.says("Origin: null: cross-site WebSocket hijacking: pages of files and sandboxes");
    let warned: Vec<Vec<String>> = out
        .json()
        .iter()
        .map(|record| warnings(record).iter().map(|id| (*id).to_owned()).collect())
        .collect();
    assert_eq!(warned, [vec![], vec![], vec!["cross-site-websocket-hijacking".to_owned()], vec![]]);
    // Gates look at every row.
    let (server, _) = serve(4, decide);
    let out =
        probe(server, "", &[&origins[..], &["--expect", ".case.foreign == (.http.status == 403)"]].concat());
    out.exits(1).says("Origin: null: check failed");
    let (server, _) = serve(4, decide);
    let out = probe(server, "", &[&origins[..], &["--format", "text"]].concat());
    out.exits(0);
    assert!(out.stdout.contains("✔ no Origin") && out.stdout.contains("403 Forbidden"), "{}", out.stdout);
}

#[test]
fn a_header_of_the_users_does_not_take_the_place_of_what_a_row_asks() {
    let (server, requests) = serve(3, |_| "101");
    let args = ["--origins", "none,same,https://evil.example", "-H", "Cookie: session=1"];
    let own = ["-H", "Origin: https://own.example", "-H", "Host: front.example"];
    let out = probe(server, "", &[&args[..], &own].concat());
    let sent: Vec<Option<String>> =
        requests.lock().unwrap().iter().map(|request| header(request, "origin").map(str::to_owned)).collect();
    let (same, evil) = ("http://front.example".to_owned(), "https://evil.example".to_owned());
    assert_eq!(sent, [None, Some(same.clone()), Some(evil)]);
    assert_eq!(out.json()[1]["case"], json!({"origin": same, "foreign": false}));
    assert_eq!(warnings(&out.json()[2]), ["cross-site-websocket-hijacking"]);

    let (server, requests) = serve(1, |_| "400 No");
    probe(server, "", &["--version-check", "-H", "sec-websocket-version: 13"]);
    let request = requests.lock().unwrap()[0].to_lowercase();
    assert_eq!(request.matches("sec-websocket-version").count(), 1, "{request}");
    assert!(request.contains("sec-websocket-version: 99"), "{request}");

    wstap(&["probe-handshake", "ws://127.0.0.1:9/", "--origins", "none,,same"]).run().exits(2);

    // What is masked as a credential is one: the row without any has to do without it.
    let (server, requests) = serve(4, |_| "401 No");
    probe(server, "", &["--auth-matrix", "-H", "X-Session-Id: s3cr3t"]);
    assert!(!requests.lock().unwrap()[0].contains("s3cr3t"));
}

#[test]
fn credentials_are_tried_in_every_place_and_shown_in_none() {
    let decide = |request: &str| {
        if request.contains("Authorization: Bearer right-one") { "101" } else { "401 Unauthorized" }
    };
    let (server, requests) = serve(7, decide);
    let args = ["--auth-matrix", "--token-env", "T", "--token-in", "query:key", "-H", "Cookie: a=b"];
    let out = wstap(&["probe-handshake", &server.url()]).args(&args).env("T", "right-one").run();
    server.join();
    out.exits(0);
    let records = out.json();
    let rows: Vec<String> = records
        .iter()
        .map(|r| format!("{} {} {}", r["case"]["credential"], r["case"]["place"], r["http"]["status"]))
        .collect();
    let expected = [
        r#""none" null 401"#,
        r#""wrong" "query" 401"#,
        r#""wrong" "header" 401"#,
        r#""wrong" "bearer" 401"#,
        r#""right" "query" 401"#,
        r#""right" "header" 401"#,
        r#""right" "bearer" 101"#,
    ];
    assert_eq!(rows, expected);
    assert!(!out.stdout.contains("right-one") && !out.stderr.contains("right-one"), "{}", out.stdout);
    let requests = requests.lock().unwrap();
    assert!(requests[0].starts_with("GET / HTTP/1.1") && !requests[0].contains("Cookie"), "{}", requests[0]);
    assert!(requests[4].starts_with("GET /?key=right-one HTTP/1.1"), "{}", requests[4]);
    assert_eq!(header(&requests[5], "token"), Some("right-one"));
    assert_eq!(records[4]["request"]["target"], "/?key=***");

    // A credential in the URL is the right one, and whoever lets all in is told.
    let (server, requests) = serve(7, |_| "101");
    let out = probe(server, "?token=right-one&x=1", &["--auth-matrix"]);
    out.exits(0);
    assert!(requests.lock().unwrap()[0].starts_with("GET /?x=1 HTTP/1.1"));
    assert_eq!(warnings(&out.json()[0]), ["no-credential-needed"]);
    assert_eq!(warnings(&out.json()[1]), ["wrong-credential-accepted"]);
    assert_eq!(warnings(&out.json()[4]), [""; 0]);
    // So is one in a header.
    for (given, sent) in [
        ("Authorization: Bearer right-one", "token: right-one"),
        ("X-Api-Key: right-one", "X-Api-Key: right-one"),
    ] {
        let (server, requests) = serve(7, |_| "401 No");
        let out = probe(server, "", &["--auth-matrix", "-H", given]);
        assert!(!out.stdout.contains("right-one"), "{}", out.stdout);
        let requests = requests.lock().unwrap();
        assert!(requests[..4].iter().all(|request| !request.contains("right-one")));
        assert!(requests[4].starts_with("GET /?token=right-one HTTP/1.1"), "{}", requests[4]);
        assert!(requests[5].contains(sent), "{}", requests[5]);
        assert_eq!(header(&requests[6], "authorization"), Some("Bearer right-one"));
    }
    // Without one, there is nothing right to try.
    let (server, _) = serve(4, |_| "401 No");
    assert_eq!(probe(server, "", &["--auth-matrix"]).json().len(), 4);
}

#[test]
fn a_version_that_does_not_exist_has_to_be_refused() {
    for (answer, exit, verdict) in [
        ("426 Upgrade Required\r\nSec-WebSocket-Version: 13, 8", 0, "ok"),
        ("426 Upgrade Required", 0, "warn"),
        ("400 Bad Request\r\nSec-WebSocket-Version: 13", 0, "warn"),
        ("101", 15, "fail"),
    ] {
        let (server, requests) = serve(1, move |_| answer);
        let out = probe(server, "", &["--version-check"]);
        out.exits(exit);
        assert_eq!(header(&requests.lock().unwrap()[0], "sec-websocket-version"), Some("99"));
        let record = out.json().remove(0);
        let check = record["checks"].as_array().unwrap().last().unwrap().clone();
        assert_eq!((&check["id"], &check["verdict"]), (&json!("version-negotiation"), &json!(verdict)));
        assert_eq!((&record["ok"], &record["case"]), (&json!(exit == 0), &json!({"version": 99})));
    }
}

#[test]
fn every_address_is_a_row() {
    let (server, requests) = serve(1, |_| "101");
    let port = server.port;
    // Nothing listens at the second one.
    let resolve = format!("host.test:{port}:127.0.0.1,127.0.0.9");
    let url = format!("ws://host.test:{port}/");
    let out = wstap(&["probe-handshake", &url, "--all-addresses", "--resolve", &resolve]).run();
    server.join();
    out.exits(11);
    let records = out.json();
    assert_eq!(records[0]["case"]["address"], format!("127.0.0.1:{port}"));
    assert_eq!((&records[0]["ok"], &records[1]["ok"]), (&json!(true), &json!(false)));
    assert_eq!(records[1]["failed"]["phase"], "tcp");
    assert_eq!(header(&requests.lock().unwrap()[0], "host"), Some(format!("host.test:{port}").as_str()));
    let out = wstap(&["probe-handshake", "ws://nonexistent.invalid/", "--all-addresses"]).run();
    out.exits(10);
    assert_eq!(out.json().len(), 1);
}

#[test]
fn rounds_come_to_an_account() {
    let served = AtomicUsize::new(0);
    let decide = move |_: &str| if served.fetch_add(1, Ordering::Relaxed) == 3 { "503 Busy" } else { "101" };
    let (server, _) = serve(4, decide);
    let out = probe(server, "", &["--repeat", "4", "--interval", "0s"]);
    out.exits(14);
    let records = out.json();
    let rounds: Vec<&Value> = records.iter().map(|record| &record["round"]).collect();
    assert_eq!(rounds, [&json!(1), &json!(2), &json!(3), &json!(4), &Value::Null]);
    let summary = &records[4];
    assert_eq!((&summary["type"], &summary["rounds"]), (&json!("probe_summary"), &json!(4)));
    assert_eq!((&summary["failed"], &summary["failures"]), (&json!(1), &json!({"upgrade": 1})));
    let total = &summary["phases"]["total"];
    assert_eq!(total["count"], 4);
    let time = |name: &str| total[name].as_f64().unwrap();
    assert!(time("min") <= time("median") && time("median") <= time("p99") && time("p99") <= time("max"));

    let (server, _) = serve(2, |_| "101");
    let out = probe(server, "", &["--repeat", "2", "--interval", "0s", "--format", "text"]);
    out.exits(0);
    for text in ["✔ 1/2", "2 rounds, 0 failed", "median", "p99"] {
        assert!(out.stdout.contains(text), "{text}\n{}", out.stdout);
    }
    wstap(&["probe-handshake", "ws://h/", "--repeat", "2", "--auth-matrix"]).run().exits(2);
}

#[test]
fn an_interrupt_ends_the_rounds_with_their_account() {
    let (server, _) = serve(1, |_| "101");
    let args = ["probe-handshake", &server.url(), "--repeat", "9", "--interval", "1h"];
    let mut run = wstap(&args).spawn();
    let first = run.line();
    assert!(first.contains("\"round\":1"), "{first}");
    run.signal("INT");
    let out = run.finish();
    out.exits(130);
    assert!(out.stdout.contains("probe_summary"), "{}", out.stdout);
    server.join();
}

#[test]
fn a_row_is_one_connection_and_no_more() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://127.0.0.1:{}/", listener.local_addr().unwrap().port());
    let accepted = Arc::new(AtomicUsize::new(0));
    let count = accepted.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            let mut peer = Peer { stream: stream.unwrap() };
            std::thread::spawn(move || {
                peer.accept();
                peer.text("hello");
                let ping = peer.read_frame().unwrap();
                peer.frame(10, ping.payload);
                peer.read_close();
                peer.close(1000, "");
            });
        }
    });
    for (args, rows) in [
        (&["--live"][..], 1),
        (&["--live", "--expect", ".ok", "--min-cert-days", "1"], 1),
        (&["--live", "--origins", "none,same,null", "--auth-matrix", "--version-check"], 8),
        (&["--live", "--all-addresses"], 1),
        (&["--live", "--repeat", "3", "--interval", "0s"], 3),
    ] {
        accepted.store(0, Ordering::SeqCst);
        let out = wstap(&["probe-handshake", &url]).args(args).run();
        let probes = out.json().iter().filter(|record| record["type"] == "probe").count();
        assert_eq!((probes, accepted.load(Ordering::SeqCst)), (rows, rows), "{args:?}");
    }
}
