//! Campaigns: a provider whose clients watch the same events, and whose close codes say why.

use serde_json::json;

use crate::harness::{Output, Running, Server, wstap};

/// `subscribe -d burki` with the built-in mock.
fn mocked(mock: &str, args: &[&str]) -> Output {
    wstap(&["subscribe", "-d", "burki", &format!("--mock={mock}")]).args(args).run()
}

/// A mock of its own process, and where its campaigns are.
fn serve(args: &[&str]) -> (Running, String) {
    let mut running = wstap(&["serve-mock", "burki", "--announce", "json"]).args(args).spawn();
    let announcement: serde_json::Value = serde_json::from_str(&running.line()).unwrap();
    (running, format!("ws://127.0.0.1:{}/ws/campaigns", announcement["port"]))
}

#[test]
fn a_campaign_from_its_beginning_to_its_end() {
    for outcome in ["completed", "failed", "cancelled", "paused"] {
        let mock =
            format!("--time-scale 100 --rate max --contacts 40 --then close --outcome {outcome} --seed 7");
        let out = mocked(&mock, &["42"]);
        let told = out.exits(0).json();
        assert_eq!((&told[0]["type"], &told[1]["type"]), (&json!("connection_ack"), &json!("overview")));
        for update in &told[2..] {
            assert_eq!(
                (&update["type"], &update["data"]["campaign_id"]),
                (&json!("progress_update"), &json!(42))
            );
            let progress = &update["data"]["progress"];
            let parts = ["completed", "failed", "processing", "pending"].map(|name| progress[name].as_u64());
            assert_eq!(parts.iter().flatten().sum::<u64>(), 40, "{update}");
        }
        assert_eq!(told.last().unwrap()["data"]["status"], outcome);
        // The same seed gives the same bytes.
        assert_eq!(mocked(&mock, &["42"]).stdout, out.stdout);
    }
}

#[test]
fn a_gate_on_the_outcome() {
    let failed = ["7", "--fail-if", ".data.status == \"failed\"", "--until", ".data.status == \"completed\""];
    mocked("--rate max --contacts 10", &failed).exits(0);
    mocked("--rate max --contacts 10 --outcome failed", &failed).exits(1).says("--fail-if matched");
}

#[test]
fn several_campaigns_and_both_shapes() {
    // Of each its present state, and 22 changes.
    let ids = ["1", "2", "--count", "46", "-f", ".data.campaign_id // empty"];
    let out = mocked("--rate max --contacts 10", &ids);
    assert_eq!(out.exits(0).lines().iter().filter(|line| **line == "1").count(), 23);
    let out = mocked("--rate max --contacts 10 --then close --behave real", &["3", "-r", "-f", ".type"]);
    let kinds = out.exits(0).lines();
    assert_eq!((kinds.first(), kinds.last()), (Some(&"connection_ack"), Some(&"campaign_completed")));
    assert_eq!(kinds.iter().filter(|kind| **kind == "contact_update").count(), 20);
}

#[test]
fn close_codes_are_statuses_and_are_not_tried_again() {
    let (_mock, url) = serve(&[]);
    let watch = |path: &str| wstap(&["subscribe", &format!("{url}/{path}")]).run();
    watch("42/progress?token=expired").exits(16).says("1008").says("Authentication failed");
    watch("monitor").exits(16).says("1008");
    watch("420/progress?token=t").exits(17).says("4004").says("Campaign not found");
    watch("x/progress?token=t").exits(16).says("403");
    // The key comes from the provider's own variable.
    let monitor = format!("{url}/monitor");
    let run = wstap(&["subscribe", &monitor, "--count", "1"]).env("BURKI_API_KEY", "k").run();
    assert_eq!(run.exits(0).json()[0]["type"], "connection_ack");
}

#[test]
fn the_endpoint_of_one_campaign_needs_no_subscription() {
    let server = Server::once(|mut peer| {
        let head = peer.accept();
        assert!(head.starts_with("GET /ws/campaigns/42/progress?token=k HTTP/1.1\r\n"), "{head}");
        peer.text(r#"{"type":"connection_ack","campaign_id":42,"timestamp":1767225600.123}"#);
        assert_eq!(peer.read_close(), Some(1000), "nothing but the close is sent");
    });
    let url = format!("{}ws/campaigns/42/progress", server.url());
    let run = wstap(&["subscribe", &url, "42", "--count", "1"]).env("BURKI_API_KEY", "k").run();
    // The number is spelled as it came.
    assert!(run.exits(0).stdout.contains("1767225600.123"));
    server.join();
    wstap(&["subscribe", &url, "43"]).run().exits(2).says("43").says("/ws/campaigns/monitor");
}

#[test]
fn ids_are_checked_before_anything_connects() {
    let out = mocked("", &["42", "0", "x", "4.2"]);
    out.exits(2).says("invalid campaign id '0'").says("'x'").says("'4.2'").says("such as 42");
    mocked("--contacts 0", &["42"]).exits(2).says("--contacts");
    mocked("--outcome lost", &["42"]).exits(2).says("--outcome").says("cancelled");
}

#[test]
fn whoever_comes_later_sees_the_same_campaign() {
    let (_mock, url) = serve(&["--rate", "max", "--contacts", "25"]);
    let watch = |until: &str| {
        let url = format!("{url}/42/progress?token=t");
        wstap(&["subscribe", &url, "--until", until, "--max-time", "100s"]).run()
    };
    let first = watch(".data.status == \"completed\"");
    let second = watch(".data.status == \"completed\"");
    let (first, second) = (first.exits(0).json(), second.exits(0).json());
    assert_eq!((first.len(), second.len()), (2 + 52, 2));
    assert_eq!(second[1]["data"]["progress"], first.last().unwrap()["data"]["progress"]);
    assert_eq!(second[1]["data"]["recent_activity"].as_array().unwrap().len(), 10);
}

#[test]
fn a_pong_is_no_data() {
    let (_mock, url) = serve(&["--events", "0"]);
    let url = format!("{url}/42/progress?token=t");
    let run = wstap(&["subscribe", &url, "-x", r#"{"type":"ping"}"#, "-x", r#"{"type":"request_update"}"#]);
    let out = run.args(&["--count", "3", "--max-time", "100s", "-r", "-f", ".type"]).run();
    assert_eq!(out.exits(0).lines(), ["connection_ack", "initial_progress", "progress_update"]);
}

#[test]
fn a_ping_in_json_wants_its_pong() {
    // The pings of the protocol are far apart, and those in JSON are 30 s by the documents.
    let hurry = ["42", "--no-reconnect", "--ping-interval", "1h", "--time-scale", "100"];
    let out = mocked("--events 0 --fault no-pong", &[&hurry[..], &["--ping-timeout", "500ms"]].concat());
    out.exits(22).says("no answer to a keep-alive message within 500 ms");
    // With it, all is well.
    let out = mocked("--events 0", &[&hurry[..], &["--max-time", "2s", "--envelope"]].concat());
    let pongs = out.exits(0).records("message");
    assert!(pongs.iter().any(|record| record["data"]["type"] == "pong"), "{pongs:?}");
}

/// A guess of both halves, since nothing is documented: but a watch that nothing will ever come of must end.
#[test]
fn a_campaign_that_the_monitor_does_not_know_is_refused() {
    let out = mocked("--rate max", &["999", "-q"]);
    out.exits(24).says("subscribe refused with Campaign not found (999)");
    let out = mocked(
        "--rate max --contacts 2 --then close",
        &["999", "42", "--keep-going", "-f", ".data.status // empty"],
    );
    assert!(out.exits(0).says("Campaign not found").stdout.ends_with("\"completed\"\n"), "{}", out.stdout);
}
