//! Client halves against mock halves, through the binary.

use serde_json::Value;

use crate::harness::{Output, wstap};

fn ryze(mock: &str, args: &[&str]) -> Output {
    wstap(&["subscribe", "-d", "ryze", &format!("--mock={mock}"), "--no-reconnect"]).args(args).run()
}

fn kadoa(mock: &str, args: &[&str]) -> Output {
    wstap(&["subscribe", "-d", "kadoa", &format!("--mock={mock}")]).args(args).run()
}

#[test]
fn the_instances_token_is_masked_in_lines_records_and_what_is_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let record = folder.path().join("r.ndjson");
    let record = record.to_str().unwrap();
    let shown = ryze("--rate max", &["demo", "--count", "1", "--show-secrets"]);
    let token =
        serde_json::from_str::<Value>(&shown.exits(0).stdout).unwrap()["instanceData"]["token"].clone();
    let token = token.as_str().unwrap().to_owned();
    let masked = ryze("--rate max", &["demo", "--count", "1", "--record", record]);
    assert_eq!(masked.exits(0).stdout, shown.stdout.replace(&token, "***"));
    let recorded = std::fs::read_to_string(record).unwrap();
    assert!(recorded.contains("instanceData") && !recorded.contains(&token), "{recorded}");
    // A recording that was made with secrets is masked as well when it is read.
    let clear = folder.path().join("clear.ndjson");
    std::fs::write(&clear, &shown.stdout).unwrap();
    let again = wstap(&["subscribe", "-d", "ryze", "--from", clear.to_str().unwrap()]).run();
    assert_eq!(again.exits(0).stdout, masked.stdout);
}

#[test]
fn refusals_are_told_in_the_services_words() {
    ryze("", &["idle"]).exits(14).says(
        "400 Bad Request from ",
    ).says("(WebSocket is not enabled for this instance. Configure it first using POST /api/events/websocket/idle)");
    ryze("", &["nobody"]).exits(17).says("(Instance not found)");
    ryze("--allow-origin https://a.test", &["demo", "--origin", "https://b.test"]).exits(16).says("--origin");
    ryze("", &["demo", "other"]).exits(2).says("instances given");
    ryze("", &["no name"]).exits(2).says("invalid instance name");
    wstap(&["subscribe", "-d", "ryze"]).run().exits(2).says("no instance given");
}

#[test]
fn nothing_is_sent() {
    let out = ryze("--rate max", &["demo", "--count", "100", "--envelope"]);
    out.exits(0);
    assert!(out.records("message").iter().all(|record| record["dir"] == "in"));
    assert_eq!(out.records("ping").len() + out.records("sent").len(), 0);
}

#[test]
fn the_three_places_of_the_credential() {
    let mut mock = wstap(&["serve-mock", "ryze", "--token", "s3cret", "--announce", "json"]).spawn();
    let port: Value = serde_json::from_str(&mock.line()).unwrap();
    let url = format!("ws://127.0.0.1:{}", port["port"]);
    let base = ["subscribe", "-q", "-d", "ryze", "--no-reconnect", "--url", &url, "demo", "--count", "1"];
    for place in [&[][..], &["--token-in", "bearer"], &["--token-in", "query:token"]] {
        wstap(&base).args(place).env("RYZE_TOKEN", "s3cret").run().exits(0);
    }
    let out = wstap(&base).env("RYZE_TOKEN", "wr0ng").run();
    out.exits(16).says("(Invalid token)");
    wstap(&base).run().exits(16).says("(Missing token in header");
}

#[test]
fn a_drain_is_a_hand_over_in_which_no_event_is_lost_or_doubled() {
    let out = kadoa(
        "--rate 1000 --events 300 --drain-after 50 --time-scale 50",
        &["--count", "300", "-r", "-f", ".id"],
    );
    let lines: Vec<&str> = out.exits(0).stdout.lines().collect();
    let unique: std::collections::HashSet<&&str> = lines.iter().collect();
    assert_eq!((lines.len(), unique.len()), (300, 300));
    out.says("takes over");
}

#[test]
fn the_running_services_shapes_are_events_too() {
    let out = kadoa("--behave real --rate max", &["--count", "1", "-f", ".message | has(\"differences\")"]);
    assert_eq!(out.exits(0).stdout, "true\n");
    let out =
        ryze("--behave real --rate max", &["demo", "--count", "1", "-f", ".data.message.content | type"]);
    assert_eq!(out.exits(0).stdout, "\"string\"\n");
}

/// What each dialect's mock says is what its client half takes for data, in the shapes of the documents and in those of
/// the running service: so many lines, all of this kind, and the same bytes for the same seed.
#[test]
fn every_dialect_takes_what_its_mock_says_in_every_shape() {
    #[rustfmt::skip]
    let kinds = [
        ("burki", r#".type | IN("connection_ack", "overview", "progress_update")"#,
            r#".type | IN("connection_ack", "overview", "progress", "contact_update", "campaign_completed")"#),
        ("kadoa", r#"(.type | startswith("workflow_")) and has("data") and .id and ._cursor"#, r#"has("message") and .id"#),
        ("voipbin", r#"(.event_type | startswith("call.")) and .topic and has("type") == false"#, r#".id and has("event_type") == false"#),
        ("ryze", r#"(.event | contains(".")) and .instanceData.token == "***""#, r#".event | contains(".")"#),
        ("plain", r#"type == "array""#, r#"type == "array""#),
    ];
    for client in crate::clients::all() {
        let (_, documented, real) = kinds.iter().find(|(name, ..)| *name == client.dialect).unwrap();
        for (behave, kind) in [("documented", documented), ("real", real)] {
            let run = || {
                let mock = [client.dialect, "--behave", behave, "--rate", "max", "--seed", "11"];
                let (_mock, port) = crate::clients::serve(&mock);
                let run = if behave == "real" { client.subscribe_real(port) } else { client.subscribe(port) };
                run.args(&["--count", "8", "--max-time", "100s", "--fail-if", &format!("({kind}) | not")])
                    .run()
            };
            let first = run();
            assert_eq!(first.exits(0).lines().len(), 8, "{} {behave}", client.dialect);
            assert_eq!(run().stdout, first.stdout, "{} {behave}", client.dialect);
        }
    }
}

/// The mock needs no credential, but a bad one that is typed is refused as the provider refuses it.
#[test]
fn a_mock_in_the_process_judges_a_credential_that_is_given() {
    let topic = "customer_id:12345678-1234-1234-1234-123456789012:call:*";
    for args in
        [&["-d", "voipbin", topic][..], &["-d", "kadoa"], &["-d", "burki", "42"], &["-d", "ryze", "demo"]]
    {
        let run = |token| wstap(&["subscribe", "--mock", "--count", "1", "--token", token]).args(args).run();
        run("fine").exits(0);
        run("invalid").exits(16);
    }
}
