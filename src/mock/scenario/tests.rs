//! Scenario files: what is wrong with them, and what clients see.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::ledger::ExpectationTally;
use super::schema::parse;
use crate::cli::MockArgs;
use crate::exit::Exit;
use crate::mock::Mock;
use crate::mock::tests::{exchange, raw, request, start_all};

type Socket = WebSocketStream<TcpStream>;

#[test]
fn depth_in_a_file_is_a_mistake_like_any_other() {
    for text in [
        "a=".to_owned() + &"[".repeat(100_000),
        format!("[{}a]", "a.".repeat(100_000)),
        "a={b=".repeat(100_000),
    ] {
        assert!(parse("f", &text).is_err());
    }
}

/// A mock that follows a scenario.
async fn follow(text: &str, words: &str) -> Mock {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), text).unwrap();
    let mut settings = MockArgs::from_words(words).unwrap().settings();
    settings.scenario = Some(file.path().to_owned());
    start_all(settings).await.unwrap()
}

async fn connect(mock: &Mock, target: &str) -> Socket {
    WebSocketStream::from_raw_socket(raw(mock, target).await, Role::Client, None).await
}

async fn say(socket: &mut Socket, text: &str) {
    socket.send(Frame::text(text)).await.unwrap();
}

/// The next frame, as text; a close frame as its code and reason.
async fn next(socket: &mut Socket) -> String {
    match timeout(Duration::from_secs(60), socket.next()).await.unwrap().unwrap().unwrap() {
        Frame::Text(text) => text.to_string(),
        Frame::Binary(bytes) => format!("{bytes:?}"),
        Frame::Ping(_) => "ping".to_owned(),
        Frame::Close(Some(close)) => format!("{} {}", u16::from(close.code), close.reason),
        other => format!("{other:?}"),
    }
}

#[tokio::test]
async fn steps_follow_each_other() {
    let mock = follow(
        r#"
        [[scenario]]
        path = "/s/*"
        steps = [
          { send = "hello" },
          { send = { z = 1, a = [true, 1.50, "x\n"] } },
          { expect = '.op == "sub"' },
          { jq = '{n: $n, id: $msg.id, conn: $conn, path: $path}, "two"' },
          { repeat = 2, steps = [{ jq = '"\($n) \($i)"' }, { wait = "1ms" }] },
          { binary = "00 fF" },
          { ping = true },
          { expect = "true", timeout = "1ms", optional = true },
          { raw = { base64 = "gQJoaQ==" } },
          { close = 4000, reason = "done" },
        ]"#,
        "",
    )
    .await;
    let mut socket = connect(&mock, "/s/1").await;
    say(&mut socket, "not this").await;
    say(&mut socket, r#"{"op":"sub","id":7}"#).await;
    for expected in [
        "hello",
        r#"{"z":1,"a":[true,1.50,"x\n"]}"#,
        r#"{"n":3,"id":7,"conn":1,"path":"/s/1"}"#,
        "two",
        "4 0",
        "5 1",
        "b\"\\0\\xff\"",
        "ping",
        "hi",
        "4000 done",
    ] {
        assert_eq!(next(&mut socket).await, expected);
    }
    drop(socket);
    let ledger = mock.ledger().unwrap();
    ledger.finished().await;
    assert_eq!(ledger.verdict(), ExpectationTally { held: 1, failed: 0, unmet: vec![] });
}

#[tokio::test(start_paused = true)]
async fn an_expectation_that_is_not_met_is_recorded_and_told() {
    let scenario = "[[scenario]]\npath = \"/\"\nsteps = [\n  { expect = '.a == 1', timeout = \"20s\" },\n]";
    let mock = follow(scenario, "--time-scale 10").await;
    let mut socket = connect(&mock, "/").await;
    let start = Instant::now();
    say(&mut socket, r#"{"a":2}"#).await;
    let close = next(&mut socket).await;
    assert!(close.starts_with("1008 ") && close.contains(":4: no message matched"), "{close}");
    assert_eq!(start.elapsed().as_secs(), 2);
    // Who leaves early has not met it either.
    drop(connect(&mock, "/").await);
    let ledger = mock.ledger().unwrap();
    timeout(Duration::from_secs(60), ledger.settled()).await.unwrap();
    while ledger.verdict().failed < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let verdict = ledger.verdict();
    assert_eq!((verdict.held, verdict.failed), (0, 2));
    let why: Vec<&str> = verdict.unmet.iter().map(|unmet| &*unmet.why).collect();
    assert_eq!(why[0], "no message matched .a == 1 within 20s; the last was {\"a\":2}");
    assert_eq!(why[1], "the client disconnected first");
    assert_eq!((verdict.unmet[0].connection, verdict.unmet[1].connection), (1, 2));
}

#[tokio::test]
async fn who_leaves_where_nothing_is_expected_any_more_leaves_well() {
    let mock = follow(
        r#"
        [[scenario]]
        path = "/loop"
        steps = [{ repeat = "forever", steps = [{ expect = "true" }, { jq = "$msg" }] }]
        [[scenario]]
        path = "/end"
        steps = [{ repeat = 1, steps = [{ expect = "true" }, { send = "got it" }, { wait = "1h" }] }]
        "#,
        "",
    )
    .await;
    let mut echo = connect(&mock, "/loop").await;
    for text in ["1", "2", "3"] {
        say(&mut echo, text).await;
        assert_eq!(next(&mut echo).await, text);
    }
    let mut end = connect(&mock, "/end").await;
    say(&mut end, "1").await;
    assert_eq!(next(&mut end).await, "got it");
    drop((echo, end));
    let ledger = mock.ledger().unwrap();
    timeout(Duration::from_secs(60), ledger.finished()).await.unwrap();
    assert_eq!((ledger.verdict().held, ledger.verdict().failed), (4, 0));
}

#[tokio::test]
async fn connections_are_told_apart_by_path_and_number() {
    let mock = follow(
        r#"
        [[scenario]]
        path = "/echo"
        connection = 1
        steps = [{ send = "first" }, { abort = true }]
        [[scenario]]
        path = "/echo"
        connection = "2..3"
        steps = [{ send = "early" }, { drop = true }]
        [[scenario]]
        path = "/other"
        connection = 1
        faults = ["refuse=503"]
        steps = []
        [[scenario]]
        path = "/other"
        steps = [{ send = "in" }]
        "#,
        "",
    )
    .await;
    for (expected, reset) in [("first", true), ("early", false), ("early", false)] {
        let mut stream = raw(&mock, "/echo").await;
        let mut bytes = Vec::new();
        let end = stream.read_to_end(&mut bytes).await;
        assert_eq!((&bytes[2..], end.is_err()), (expected.as_bytes(), reset));
    }
    let mut socket = connect(&mock, "/echo").await;
    say(&mut socket, "the echo is back").await;
    assert_eq!(next(&mut socket).await, "the echo is back");
    assert!(exchange(&mock, request("/other").as_bytes()).await.starts_with("HTTP/1.1 503 "));
    assert_eq!(next(&mut connect(&mock, "/other").await).await, "in");
    mock.ledger().unwrap().finished().await;
}

#[tokio::test]
async fn a_program_that_never_ends_holds_up_nobody_else() {
    let mock = follow("[[scenario]]\npath = '/loop'\nsteps = [{ jq = 'last(repeat(1))' }]", "").await;
    let _stuck = connect(&mock, "/loop").await;
    let mut echo = connect(&mock, "/echo").await;
    say(&mut echo, "still here").await;
    assert_eq!(next(&mut echo).await, "still here");
    mock.shutdown().await;
}

#[tokio::test]
async fn programs_answer_where_nobody_else_does() {
    let words = r#"--on 'select(.op=="hello") | {reply: .id, n: $n}, "plain"' --on 'select(.op=="fail") | error("no")'"#;
    let mock = start_all(MockArgs::from_words(words).unwrap().settings()).await.unwrap();
    let mut socket = connect(&mock, "/any/where").await;
    say(&mut socket, "not json").await;
    let close = next(&mut socket).await;
    assert!(close.starts_with("1011 --on: Cannot index"), "{close}");
    let mut socket = connect(&mock, "/").await;
    for id in ["7", "8"] {
        say(&mut socket, &format!(r#"{{"op":"hello","id":{id}}}"#)).await;
    }
    for expected in [r#"{"reply":7,"n":1}"#, "plain", r#"{"reply":8,"n":2}"#, "plain"] {
        assert_eq!(next(&mut socket).await, expected);
    }
    say(&mut socket, r#"{"op":"fail"}"#).await;
    assert_eq!(next(&mut socket).await, "1011 --on: no");
    let mut echo = connect(&mock, "/echo").await;
    say(&mut echo, r#"{"op":"hello"}"#).await;
    assert_eq!(next(&mut echo).await, r#"{"op":"hello"}"#);
}

#[tokio::test]
async fn uuids_are_the_seeds_and_the_clock_is_the_mocks() {
    let mut seen = Vec::new();
    for seed in ["--seed 1", "--seed 1", "--seed 2"] {
        let words = format!("{seed} --on '$uuid, ($now > 1700000000)'");
        let mock = start_all(MockArgs::from_words(&words).unwrap().settings()).await.unwrap();
        let mut socket = connect(&mock, "/").await;
        say(&mut socket, "1").await;
        seen.push(next(&mut socket).await);
        assert_eq!(next(&mut socket).await, "true");
    }
    assert!(seen[0] == seen[1] && seen[0] != seen[2] && seen[0].len() == 36, "{seen:?}");
}

#[tokio::test]
async fn many_outputs_wait_for_the_client() {
    let words = "--on 'range(100000)'";
    let mock = start_all(MockArgs::from_words(words).unwrap().settings()).await.unwrap();
    let mut socket = connect(&mock, "/").await;
    say(&mut socket, "1").await;
    for number in 0..100_000 {
        assert_eq!(next(&mut socket).await, number.to_string());
    }
}

#[test]
fn mistakes_have_a_place() {
    let file = |steps: &str| format!("[[scenario]]\npath = \"/\"\nsteps = [\n{steps}\n]\n");
    let cases = [
        ("x".to_owned(), "f:1: "),
        ("a = 1\n".to_owned(), "f:1: the file: unknown key 'a' (known keys: faults, scenario"),
        ("\n[[scenarios]]\n".to_owned(), "f:2: the file: unknown key 'scenarios' (did you mean scenario?)"),
        ("faults = [\n'latancy=1s']\n".to_owned(), "f:2: unknown fault 'latancy' (did you mean latency?)"),
        (String::new(), "f:1: missing [[scenario]]"),
        ("[[scenario]]\nsteps = []".to_owned(), "f:1: [[scenario]] needs a path"),
        ("[[scenario]]\npath = \"/\"".to_owned(), "f:1: [[scenario]] needs steps"),
        ("[[scenario]]\npath = 1".to_owned(), "f:2: path must be a string, not integer"),
        ("[[scenario]]\npath = 'x'\nsteps = []".to_owned(), "f:2: path 'x' does not start with a slash"),
        (
            "[[scenario]]\npath = '/'\nconnection = 0\nsteps = []".to_owned(),
            "f:3: connection must be a number",
        ),
        (
            "[[scenario]]\npath = '/'\nconnection = '3..2'\nsteps = []".to_owned(),
            "f:3: connection must be a number",
        ),
        (file("{ sned = 'x' }"), "f:4: a step: unknown key 'sned' (did you mean send?)"),
        (file("{ send = 'x' },\n{ expct = '.' }"), "f:5: a step: unknown key 'expct' (did you mean expect?)"),
        (file("{}"), "f:4: a step must have one of send, jq"),
        (file("{ send = 'x', wait = '1s' }"), "f:4: a step must have one action, not send and wait"),
        (file("{ send = 'x', timeout = '1s' }"), "f:4: timeout works only with expect, not with send"),
        (file("{ send = 5 }"), "f:4: send must be a string"),
        (file("{ send = [\n[inf]] }"), "f:5: not a valid JSON number"),
        (file("{ wait = true }"), "f:4: wait must be a string, not boolean"),
        (file("{ wait = 'soon' }"), "f:4: wait must be a time"),
        (file("{ expect = 'true', timeout = 'x' }"), "f:4: timeout must be a time"),
        (file("{ expect = 'true', optional = 1 }"), "f:4: optional must be true or false, not integer"),
        (file("{ repeat = -1, steps = [{ ping = true }] }"), "f:4: repeat must be a number"),
        (file("{ repeat = 1 }"), "f:4: a step needs steps"),
        (file("{ repeat = 1, steps = [] }"), "f:4: steps is empty"),
        (
            file("{ repeat = 1, steps = [\n{ pong = true }] }"),
            "f:5: a step: unknown key 'pong' (did you mean ping?)",
        ),
        (file("{ ping = false }"), "f:4: ping must be true"),
        (file("{ close = 70000 }"), "f:4: close must be a code"),
        (file("{ close = true, reason = 'x' }"), "f:4: a reason needs a code"),
        (file("{ raw = '0' }"), "f:4: raw must be hexadecimal"),
        (file("{ raw = { base64 = '?' } }"), "f:4: raw must be hexadecimal"),
        (file("{ raw = { base46 = '' } }"), "f:4: raw: unknown key 'base46' (did you mean base64?)"),
    ];
    for (text, says) in cases {
        let failure = parse("f", &text).unwrap_err();
        assert!(failure.what.starts_with(says), "{text}\n{}\nexpected {says}", failure.what);
        assert_eq!(failure.exit, Exit::Usage);
    }
    let failure = parse("f", &file("{ jq = '.a |' }")).unwrap_err();
    assert!(failure.what.starts_with("f:4: ") && failure.exit == Exit::FilterCompile, "{failure:?}");
    let failure = parse("f", &file("{ expect = '$nn' }")).unwrap_err();
    assert!(failure.what.starts_with("f:4: ") && failure.what.contains("$nn"), "{failure:?}");
}
