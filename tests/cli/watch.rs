//! `watch-campaign`: transcripts against the mock, for every status, outcome and close code. Faults: `fault_table`.

use serde_json::{Value, json};

use crate::harness::{Output, Peer, Running, Server, given_time, wstap};

/// `watch-campaign` with the built-in mock.
fn mocked(mock: &str, args: &[&str]) -> Output {
    wstap(&["watch-campaign", &format!("--mock={mock}"), "--max-time", "100s"]).args(args).run()
}

/// `watch-campaign` against servers that play these scripts, one a connection.
fn served(args: &[&str], scripts: Vec<Box<dyn FnOnce(Peer) + Send>>) -> Output {
    let server = Server::scripts(scripts);
    let url = format!("{}ws/campaigns/monitor?token=k", server.url());
    let run = wstap(&["watch-campaign", "--url", &url, "--max-time", "100s", "--reconnect-delay", "10ms"]);
    let out = run.args(args).run();
    server.join();
    out
}

/// A mock of its own process, and where its campaigns are.
pub(crate) fn serve(args: &[&str]) -> (Running, String) {
    let mut running = wstap(&["serve-mock", "burki", "--announce", "json"]).args(args).spawn();
    let announcement: Value = serde_json::from_str(&running.line()).unwrap();
    (running, format!("ws://127.0.0.1:{}/ws/campaigns/monitor?token=t", announcement["port"]))
}

/// A message in the documents' shape.
fn update(id: u64, status: &str, counts: [u64; 5]) -> String {
    let [total, completed, failed, processing, pending] = counts;
    json!({"type": "progress_update", "data": {"campaign_id": id, "status": status, "progress": {
        "total_contacts": total, "completed": completed, "failed": failed, "processing": processing,
        "pending": pending}}})
    .to_string()
}

fn accepted(script: impl FnOnce(&mut Peer) + Send + 'static) -> Box<dyn FnOnce(Peer) + Send> {
    Box::new(move |mut peer| {
        peer.accept();
        script(&mut peer);
    })
}

/// Closes as the client asks for it.
fn end(peer: &mut Peer) {
    if let Some(code) = peer.read_close() {
        peer.close(code, "");
    }
    peer.wait_for_end();
}

const COUNTS: [u64; 5] = [200, 120, 10, 4, 66];

#[test]
fn a_campaigns_end_is_the_exit_status() {
    for (outcome, status) in [("completed", 0), ("failed", 1), ("cancelled", 1)] {
        let mock = format!("--time-scale 100 --rate max --contacts 40 --outcome {outcome} --seed 7");
        let out = mocked(&mock, &["42"]);
        let told = out.exits(status).json();
        assert_eq!(told[0]["type"], "connection_ack");
        assert_eq!(told.last().unwrap()["data"]["status"], outcome);
        out.says(&format!("campaign 42 {}{outcome}", if outcome == "cancelled" { "was " } else { "" }));
        let quiet = mocked(&mock, &["42", "-q"]);
        assert_eq!(quiet.exits(status).stderr.is_empty(), status == 0, "{}", quiet.stderr);
    }
}

#[test]
fn paused_waits_unless_that_was_asked_for() {
    let mock = "--rate max --contacts 10 --outcome paused";
    mocked(mock, &["42", "--exit-on", "paused"]).exits(0);
    given_time(|limit| {
        let out = wstap(&["watch-campaign", &format!("--mock={mock}"), "42", "--max-time", limit]).run();
        let paused = out.stderr.contains("campaign 42 is paused");
        paused.then(|| out.exits(1).says("the watch ended first").code)
    });
    mocked("--rate 50", &["42", "--exit-on", "paused,running", "-q"]).exits(0);
    mocked("--rate 50", &["42", "--exit-on", "finished"]).exits(2).says("--exit-on");
}

#[test]
fn every_status_is_passed_on_as_the_provider_says_it() {
    let statuses = ["draft", "scheduled", "running", "paused", "archived", "completed"];
    let script = accepted(move |peer| {
        statuses.iter().for_each(|status| peer.text(&update(42, status, COUNTS)));
        end(peer);
    });
    let out = served(&["42", "--progress", "-r", "-f", ".status"], vec![script]);
    assert_eq!(out.exits(0).lines(), statuses);
}

#[test]
fn close_codes_and_refusals_are_statuses() {
    for (code, status) in [(1000, 1), (1008, 16), (4004, 17), (3999, 20)] {
        let close = accepted(move |peer| peer.close_well(code));
        served(&["42"], vec![close]).exits(status);
    }
    // What the campaign came to counts, and not how the server leaves after that.
    for code in [1000, 1011, 4000] {
        let script = accepted(move |peer| {
            peer.text(&update(42, "completed", COUNTS));
            peer.close_well(code);
        });
        served(&["42"], vec![script]).exits(0);
    }
    let (_mock, url) = serve(&[]);
    let watch = |args: &[&str]| wstap(&["watch-campaign", "--url"]).args(args).run();
    watch(&[&url.replace("=t", "=expired"), "42"]).exits(16).says("1008");
    watch(&[&url, "420"]).exits(17).says("4004").says("Campaign not found");
    // The key comes from the provider's own variable, too.
    let bare = url.replace("?token=t", "");
    watch(&[&bare, "42"]).exits(16);
    let args = ["watch-campaign", "--url", &bare, "42", "--exit-on", "running,scheduled"];
    wstap(&args).env("BURKI_API_KEY", "k").run().exits(0);
}

#[test]
fn records_of_progress_are_the_same_from_both_shapes() {
    let records = |behave: &str| {
        let mock = format!("--rate max --contacts 30 --seed 3 --behave {behave}");
        let out = mocked(&mock, &["42", "--progress"]);
        let mut records = out.exits(0).json();
        for record in &mut records {
            let record = record.as_object_mut().unwrap();
            let names: Vec<&str> = record.keys().map(String::as_str).collect();
            assert_eq!(names.len(), 12, "{names:?}");
            record.remove("at").unwrap();
        }
        records
    };
    let (nested, flat) = (records("documented"), records("real"));
    // The flat shape has no status but the last, so that nothing changes when the campaign begins.
    assert_eq!((nested.len(), flat.len()), (63, 62));
    for name in ["total", "completed", "failed", "processing", "pending", "progress_percentage"] {
        let values =
            |records: &[Value]| records.iter().map(|record| record[name].clone()).collect::<Vec<_>>();
        assert_eq!(values(&nested[1..]), values(&flat), "{name}");
    }
    assert_eq!(nested.last(), flat.last());
    assert_eq!(flat[20]["status"], Value::Null);
}

#[test]
fn conditions_and_filters_work_on_records_of_progress() {
    let mock = "--rate max --contacts 40 --seed 7";
    let until = mocked(mock, &["42", "--progress", "--until", ".completed >= 10", "-f", ".completed"]);
    assert_eq!(until.exits(0).lines().last(), Some(&"10"));
    let fail = mocked(mock, &["42", "--progress", "--fail-if", ".failed > 0"]);
    assert_eq!(fail.exits(1).says("--fail-if matched").json().last().unwrap()["failed"], 1);
    mocked(mock, &["42", "--progress", "--until", ".completed > 1000"]).exits(1).says("never matched");
    let stream = mocked(mock, &["42", "--progress", "-n", "-f", "[inputs | .completed] | max"]);
    assert_eq!(stream.exits(0).lines().len(), 1);
    let count = mocked(mock, &["42", "--progress", "--count", "3"]);
    assert_eq!(count.exits(0).lines().len(), 3);
}

#[test]
fn numbers_that_do_not_add_up_are_passed_on_and_noted_once() {
    let script = accepted(|peer| {
        for completed in 120..130 {
            peer.text(&update(42, "running", [200, completed, 10, 4, 60]));
        }
        peer.text(&update(42, "completed", [200, 190, 10, 0, 3]));
        end(peer);
    });
    let out = served(&["42", "--progress", "-f", "[.completed, .pending]"], vec![script]);
    assert_eq!(out.exits(0).lines().last(), Some(&"[190,3]"));
    assert_eq!(out.stderr.matches("printed as received").count(), 1, "{}", out.stderr);
    out.says("120 completed + 10 failed + 4 processing + 60 pending = 194, but total is 200");
}

#[test]
fn after_a_loss_the_present_state_is_asked_for() {
    let first = accepted(|peer| peer.text(&update(42, "running", COUNTS)));
    let second = accepted(|peer| {
        assert_eq!(peer.read_text().as_deref(), Some(r#"{"type":"request_update"}"#));
        peer.text(&update(42, "completed", [200, 190, 10, 0, 0]));
        end(peer);
    });
    let out = served(&["42", "--envelope"], vec![first, second]);
    let summary = out.exits(0).summary();
    assert_eq!((&summary["reason"], &summary["reconnects"]), (&json!("campaigns_over"), &json!(1)));
    assert_eq!(out.records("gap").len(), 1);
    assert_eq!(out.records("open").iter().map(|open| &open["conn"]).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn one_bad_id_does_not_end_the_others() {
    let mock = "--rate max --contacts 10";
    let out = mocked(mock, &["42", "420", "43", "--progress"]);
    let records = out.exits(17).json();
    for id in [42, 43] {
        let last = records.iter().rfind(|record| record["campaign_id"] == id).unwrap();
        assert_eq!(last["status"], "completed");
    }
    out.says("campaign 420: closed by the peer with 4004").says("campaign 42: connected");
    let out = mocked(mock, &["42", "420", "--monitor", "--progress", "-r", "-f", ".status"]);
    assert_eq!(out.exits(24).says("campaign 420: access refused").lines().last(), Some(&"completed"));
}

#[test]
fn one_link_for_several_and_for_all() {
    let mock = "--rate max --contacts 10";
    for args in [&["42", "43", "--monitor"][..], &["--all"]] {
        let out = mocked(mock, &[args, &["--envelope", "--progress"]].concat());
        out.exits(0);
        assert_eq!(out.records("open").len(), 1);
        let last = |id: u64| {
            let of = |record: &&Value| record["data"]["campaign_id"] == id;
            out.records("derived").iter().rfind(of).unwrap()["data"]["status"].clone()
        };
        let ids = if args[0] == "--all" { vec![1, 2, 3, 4, 5] } else { vec![42, 43] };
        ids.into_iter().for_each(|id| assert_eq!(last(id), "completed"));
    }
}

#[test]
fn the_account_of_several_links_is_one() {
    let out = mocked("--rate max --contacts 5", &["1", "2", "3", "--envelope"]);
    let summary = out.exits(0).summary();
    assert_eq!(
        (&summary["connections"], &summary["reconnects"], &summary["exit"]),
        (&json!(3), &json!(0), &json!(0))
    );
    assert_eq!(summary["received"], out.records("message").len());
    let mut conns: Vec<u64> = out.records("open").iter().map(|open| open["conn"].as_u64().unwrap()).collect();
    conns.sort_unstable();
    assert_eq!(conns, [1, 2, 3]);
    assert_eq!(out.records("summary").len(), 1);
}

#[test]
fn what_is_asked_for_is_checked_before_anything_connects() {
    mocked("", &["0", "x"]).exits(2).says("invalid campaign id '0'").says("'x'");
    wstap(&["watch-campaign"]).run().exits(2).says("no campaign given").says("--all");
    wstap(&["watch-campaign", "--all", "42"]).run().exits(2);
    wstap(&["watch-campaign", "-d", "voipbin", "42"]).run().exits(2).says("voipbin has no campaigns");
    mocked("", &["42", "--until", ".a ="]).exits(3);
}

#[test]
fn a_recording_is_watched_again() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("session.ndjson").display().to_string();
    let live =
        mocked("--rate max --contacts 10", &["42", "--record", &file, "--progress", "-f", ".completed"]);
    let again = wstap(&["watch-campaign", "--from", &file, "--progress", "-f", ".completed"]).run();
    assert_eq!(again.exits(0).stdout, live.exits(0).stdout);
}

#[test]
fn records_go_to_the_file_of_output() {
    let folder = tempfile::tempdir().unwrap();
    let [recorded, live, again] = ["r", "l", "a"].map(|name| folder.path().join(name).display().to_string());
    let run = |from: &[&str], file: &str| {
        let out =
            wstap(&["watch-campaign", "42", "--progress", "-f", ".completed", "-o", file]).args(from).run();
        assert_eq!(out.exits(0).stdout, "");
        std::fs::read_to_string(file).unwrap()
    };
    let told = run(&["--mock=--rate max --contacts 10", "--record", &recorded], &live);
    assert_eq!((told.lines().count(), run(&["--from", &recorded], &again)), (23, told));
    let full = mocked("--rate max --contacts 10", &["42", "-o", "/dev/full"]);
    full.exits(30).says("cannot write --output /dev/full");
}

#[test]
fn a_recording_has_the_times_and_the_rate_of_its_time() {
    let message = |second: u64, done: u64| {
        let data = update(42, "running", [200, done, 0, 0, 200 - done]);
        let ts = format!("2026-01-01T09:00:{second:02}.000000Z");
        format!(r#"{{"v":1,"ts":"{ts}","type":"message","conn":1,"seq":1,"dir":"in","data":{data}}}"#)
    };
    let lines = [message(0, 0), message(30, 50)].join("\n");
    for (args, record) in [(&[][..], "."), (&["--envelope"], "select(.type == \"derived\") | .data")] {
        let filter = format!("{record} | [.at, .rate_per_min, .eta_s]");
        let run = wstap(&["watch-campaign", "--from", "-", "--progress", "-f", &filter]).args(args);
        let told = run.stdin(&*lines).run().exits(0).json();
        let expected =
            json!([["2026-01-01T09:00:00.000000Z", null, null], ["2026-01-01T09:00:30.000000Z", 100.0, 90]]);
        assert_eq!(json!(told), expected, "{args:?}");
    }
}

#[test]
fn an_interrupt_ends_all_links() {
    let mut running = wstap(&["watch-campaign", "--mock=--rate 20", "1", "2", "--envelope"]).spawn();
    running.line();
    running.signal("INT");
    let summary = running.finish().exits(130).summary();
    assert_eq!((&summary["reason"], &summary["exit"]), (&json!("interrupted"), &json!(130)));
}

#[test]
fn what_the_output_decides_it_decides_for_all_links() {
    let links = ["watch-campaign", "--mock=--rate 100", "1", "2", "3"];
    let stream = wstap(&links).args(&["-n", "-f", "limit(3; inputs) | .type"]).run();
    assert_eq!(stream.exits(0).lines().len(), 3);
    let fail = wstap(&links).args(&["--progress", "--fail-if", ".campaign_id == 2 and .completed > 3"]).run();
    fail.exits(1);
    assert_eq!(fail.stderr.matches("--fail-if matched").count(), 1);
    let error =
        ["--progress", "-f", "if .completed > 3 then error(\"no\") else 1 end", "--filter-errors", "fail"];
    wstap(&links).args(&error).run().exits(5);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let out = wstap(&links).stdout(full).run();
    out.exits(30).says("cannot write");
    // Of all links, once.
    let missing = out.stderr.lines().filter_map(|line| line.split_once(" missing from the output"));
    let missing: Vec<&str> = missing.map(|(number, _)| number.trim()).collect();
    assert_eq!(missing.len(), 1, "{}", out.stderr);
    assert!(
        missing[0].ends_with(" received messages are") || missing[0] == "1 received message is",
        "{missing:?}"
    );
}

#[test]
fn a_reader_that_goes_ends_all_links() {
    let mut running = wstap(&["watch-campaign", "--mock=--events 0", "1", "2"]).spawn();
    running.line();
    drop(running.take_stdout());
    running.finish().exits(0);
}

#[test]
fn the_past_comes_first_as_records() {
    let mock = "--rate 2000 --contacts 200 --seed 5";
    let out = mocked(mock, &["42", "--history", "24", "--progress"]);
    let records = out.exits(0).json();
    let past: Vec<&Value> = records.iter().filter(|record| record["status"].is_null()).collect();
    assert!(!past.is_empty(), "{}", out.stdout);
    assert!(past.iter().all(|record| record["rate_per_min"].is_null() && record["completed"].is_number()));
    assert!(past[0]["at"].as_str().unwrap().starts_with("2026-01-01T"), "when it was so: {}", past[0]);
    // Without --progress the message itself comes.
    let out = mocked(mock, &["42", "--history", "24", "-r", "-f", ".type"]);
    assert!(out.exits(0).lines().contains(&"metrics_history"));
    // One link that shows all tells of all that were asked for.
    let out = mocked(mock, &["1", "2", "--monitor", "--history", "1", "-r", "-f", ".type"]);
    assert_eq!(out.exits(0).lines().iter().filter(|kind| **kind == "metrics_history").count(), 2);
}

#[test]
fn a_past_that_is_not_told_is_mentioned_and_waited_for_no_longer() {
    let asks = |answer: Option<&'static str>| {
        accepted(move |peer| {
            peer.text(&update(42, "completed", COUNTS));
            assert_eq!(peer.read_text().as_deref(), Some(r#"{"type":"request_history","hours":3}"#));
            answer.iter().for_each(|answer| peer.text(answer));
            end(peer);
        })
    };
    let args = ["42", "--history", "3", "--time-scale", "50"];
    served(&args, vec![asks(None)])
        .exits(0)
        .says("campaign 42: the server did not send its history within 200 ms");
    let none = r#"{"type":"metrics_history","data":{"campaign_id":42,"hours":3,"metrics":[]}}"#;
    served(&args, vec![asks(Some(none))]).exits(0).says("the server has no history");
}

#[test]
fn what_can_be_borne_changes_nothing_but_the_time() {
    for fault in [
        "fail-first=2",
        "latency=1ms±1ms",
        "fragment=7",
        "duplicate=0.5",
        "malformed-json@5",
        "drop@9",
        "close=4000@9",
        "close=1001@9",
        "reset@9",
    ] {
        let mock = format!("--rate 200 --contacts 50 --seed 9 --fault '{fault}'");
        let args =
            ["42", "--progress", "--reconnect", "--reconnect-delay", "5ms", "--reconnect-max-delay", "10ms"];
        let out = mocked(&mock, &args);
        let records = out.exits(0).json();
        assert_eq!(
            records.last().unwrap()["completed"].as_u64().unwrap()
                + records.last().unwrap()["failed"].as_u64().unwrap(),
            50,
            "{fault}"
        );
    }
}

#[test]
fn a_refused_key_of_one_does_not_touch_the_others() {
    let out = mocked("--rate 200 --contacts 20 --deny 43", &["42", "43", "--progress"]);
    let records = out.exits(16).says("campaign 43: closed by the peer with 1008").json();
    assert_eq!(records.last().unwrap()["status"], "completed");
    assert!(records.iter().all(|record| record["campaign_id"] == 42));
}

#[test]
fn the_url_of_one_campaign_names_it() {
    let (_mock, url) = serve(&["--rate", "max", "--contacts", "5"]);
    let one = url.replace("/monitor", "/7/progress");
    let ids = |args: &[&str]| {
        let out = wstap(&["watch-campaign", "--progress", "-f", ".campaign_id"]).args(args).run();
        out.exits(0).lines()[0].to_owned()
    };
    assert_eq!(ids(&[&one]), "7");
    assert_eq!(ids(&["--url", &one, "8"]), "8");
    wstap(&["watch-campaign", &url]).run().exits(2).says("--all");
}

/// Nobody reads for a while: the links wait with the output, and nothing is lost.
#[test]
fn a_reader_that_is_slow_slows_all_links_down() {
    let ids: Vec<String> = (1..=9).map(|id| id.to_string()).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let args =
        ["watch-campaign", "--mock=--rate max --contacts 300", "--progress", "-q", "--overflow", "block"];
    let running = wstap(&args).args(&ids).spawn();
    assert!(running.settled() < 120 * 1024, "it has not taken in what it could not hand on");
    let out = running.finish();
    let records = out.exits(0).lines().len();
    assert_eq!(records, 9 * 603);
}

/// A long campaign, as fast as it goes: what is known of it does not grow.
#[test]
fn the_memory_does_not_grow_with_the_campaign() {
    let mock = "--mock=--rate max --contacts 10000 --behave real";
    let mut running = wstap(&["watch-campaign", mock, "42", "--progress"]).spawn();
    let mut lines = std::io::BufRead::lines(std::io::BufReader::new(running.take_stdout()));
    let mut skip = |count| lines.by_ref().take(count).count();
    assert_eq!(skip(4000), 4000);
    let early = running.resident();
    assert_eq!(skip(15_000), 15_000);
    let late = running.resident();
    assert!(late < early + 4 * 1024, "{early} KiB, then {late} KiB");
    let rest = skip(usize::MAX);
    assert_eq!(rest, 1002, "every change has come");
    running.finish().exits(0);
}

#[test]
fn what_the_monitor_shows_comes_and_goes() {
    let overview = |states: &[(u64, &str)]| {
        let one = |(id, status): &(u64, &str)| {
            let message: Value = serde_json::from_str(&update(*id, status, COUNTS)).unwrap();
            message["data"].clone()
        };
        let campaigns: Vec<Value> = states.iter().map(one).collect();
        json!({"type": "overview", "data": {"campaigns": campaigns}}).to_string()
    };
    let script = accepted(move |peer| {
        let follow = |id: u64| Some(format!(r#"{{"type":"subscribe","campaign_id":{id}}}"#));
        peer.text(&overview(&[(1, "running"), (2, "running"), (9, "failed")]));
        assert_eq!((peer.read_text(), peer.read_text()), (follow(1), follow(2)));
        peer.text(&overview(&[(2, "running"), (3, "scheduled"), (9, "failed")]));
        assert_eq!(peer.read_text(), follow(3));
        peer.text(&update(2, "completed", COUNTS));
        peer.text(&update(3, "completed", COUNTS));
        end(peer);
    });
    // What had failed before anybody watched is nobody's failure now.
    served(&["--all"], vec![script]).exits(0).says("campaign 1 has left the list");
}

#[test]
fn the_providers_own_ping_goes_out_and_wants_an_answer() {
    let script = |answers: bool| {
        accepted(move |peer| {
            for _ in 0..3 {
                assert_eq!(peer.read_text().as_deref(), Some(r#"{"type":"ping"}"#));
                if !answers {
                    return peer.wait_for_end();
                }
                peer.text(r#"{"type":"pong","timestamp":1767225630.5}"#);
            }
            peer.text(&update(42, "completed", COUNTS));
            end(peer);
        })
    };
    // Every 30 seconds, a thousand times as fast.
    let args = ["42", "--time-scale", "1000", "--no-reconnect"];
    served(&args, vec![script(true)]).exits(0);
    let patience = ["--ping-timeout", "100ms"];
    served(&[&args[..], &patience].concat(), vec![script(false)]).exits(22).says("keep-alive");
}

#[test]
fn a_recording_tells_what_came_of_it() {
    let run = |status: &str, args: &[&str]| {
        let lines = [update(42, "running", COUNTS), update(42, status, COUNTS)].join("\n");
        wstap(&["watch-campaign", "--from", "-"]).args(args).stdin(lines).run()
    };
    run("completed", &[]).exits(0);
    run("running", &[]).exits(0);
    run("failed", &[]).exits(1).says("campaign 42 failed");
    run("failed", &["--until", ".data.status == \"failed\""]).exits(0);
    run("failed", &["7"]).exits(0).says("no updates received for campaign 7");
    assert_eq!(run("failed", &["--progress", "-r", "-f", ".status"]).exits(1).lines(), ["running", "failed"]);
}

#[test]
fn a_profile_may_stand_before_the_ids() {
    let (_mock, url) = serve(&["--rate", "max", "--contacts", "5"]);
    let home = tempfile::tempdir().unwrap();
    std::fs::create_dir(home.path().join("wstap")).unwrap();
    let config = format!("[profile.calls]\nurl = \"{url}\"\nprogress = true\n");
    std::fs::write(home.path().join("wstap/config.toml"), config).unwrap();
    let home = home.path().display().to_string();
    let run = |args: &[&str]| wstap(&["watch-campaign"]).args(args).env("XDG_CONFIG_HOME", &home).run();
    assert_eq!(run(&["@calls", "42"]).exits(0).json()[0]["campaign_id"], 42);
    assert_eq!(run(&["--url", "@calls", "42"]).exits(0).json()[0]["campaign_id"], 42);
    run(&[&url, "42"]).exits(0);
}

#[test]
fn the_key_is_not_shown() {
    let (_mock, url) = serve(&["--rate", "max", "--contacts", "5", "--token", "s3cr3t-key"]);
    let url = url.replace("?token=t", "");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    std::fs::write(&file, "s3cr3t-key\n").unwrap();
    let key = file.display().to_string();
    let args = ["watch-campaign", "--url", &url, "42", "43", "--token-file", &key, "--envelope", "-vv"];
    let out = wstap(&args).run();
    out.exits(0);
    assert!(!out.stdout.contains("s3cr3t") && !out.stderr.contains("s3cr3t"), "{}", out.stderr);
}
