//! What rules do with messages, without a connection.

use std::path::Path;

use super::expr::ExprCompiler;
use super::mock_rules::MOCK_VARS;
use super::*;
use crate::dialect::format::{CLIENT_VARIABLES, MOCK_VARIABLES, VERSION_2};
use crate::dialect::format_tests::assert_parser_takes;
use crate::dialect::{EventAck, Facts, Meaning};
use crate::message::Message;

fn dialect(text: &str) -> &'static RulesDialect {
    let text = format!("[dialect]\nversion = 2\nname = 'x'\n{text}");
    let parsed = RulesDialect::parse(&text, "x.toml", Path::new(""));
    Box::leak(Box::new(parsed.unwrap_or_else(|failure| panic!("{}", failure.what))))
}

fn client(text: &str) -> Box<dyn Client> {
    let setup = ClientSetup { credential: Some(Secret::new("k3y")), ..ClientSetup::default() };
    dialect(text).client(&setup).unwrap()
}

fn texts(messages: &[Message]) -> Vec<&str> {
    messages.iter().map(|message| message.as_text().unwrap()).collect()
}

fn topics(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn the_first_rule_that_a_message_meets_decides() {
    let mut client = client(
        r#"
        [[on]]
        when = '.type == "ping"'
        send = '{type: "pong", n: .n}'
        heartbeat = true
        [[on]]
        when = '. == "pong"'
        pong = true
        [[on]]
        when = '.[0] == "hb"'
        heartbeat = true
        [[on]]
        when = '.list'
        event = '.list[]'
        id = '.id'
        [[on]]
        when = '.type == "bye"'
        drain = '.ms'
        [[on]]
        when = '.error'
        refuse = '{topic: .for, code: 7, message: .error}'
        "#,
    );
    let mut meaning = |text: &str| client.understand(&Message::text(text));
    assert_eq!(meaning("pong"), Meaning::Pong);
    assert_eq!(meaning(r#"["hb",1]"#), Meaning::Heartbeat);
    assert_eq!(meaning(r#"{"type":"other"}"#), Meaning::EVENT);
    for text in ["", "7", "[]", "{", "null", r#"{"list":[]}"#] {
        assert!(matches!(meaning(text), Meaning::Event(_) | Meaning::Ignored), "{text}");
    }
    let Meaning::Events(events) = meaning(r#"{"list":[{"id":1},{"id":"b","x":1.10}]}"#) else { panic!() };
    let events: Vec<_> = events
        .iter()
        .map(|event| {
            (event.message.as_ref().and_then(Message::as_text).unwrap(), event.facts.id.as_deref().unwrap())
        })
        .collect();
    assert_eq!(events, [(r#"{"id":1}"#, "1"), (r#"{"id":"b","x":1.10}"#, "b")]);
    assert_eq!(
        meaning(r#"{"type":"bye","ms":250}"#),
        Meaning::Draining { after: std::time::Duration::from_millis(250) }
    );
    let refused = meaning(r#"{"error":"no","for":"a"}"#);
    assert!(
        matches!(refused, Meaning::Refused { topics, code, message, .. } if topics == ["a"] && code == "7" && message == "no")
    );
    assert_eq!(meaning(r#"{"type":"ping","n":5}"#), Meaning::Heartbeat);
    assert_eq!(texts(&client.answers()), [r#"{"type":"pong","n":5}"#]);
}

#[test]
fn state_lasts_for_a_connection_or_for_the_session() {
    let mut client = client(
        r#"
        [open]
        send = '"open \($s | tojson) \($token)"'
        [subscribe]
        send = '"sub \($topics | join(",")) \($n) \($s | tojson) \($cursor)"'
        [unsubscribe]
        each = '"un \($topic) \($n) \($sub) \($s.a)"'
        [[on]]
        when = '.hello'
        set = '{a: .hello}'
        keep = '{b: .hello}'
        ready = true
        [[on]]
        when = '.ok'
        confirm = '$sent[.ok|tostring]'
        [[on]]
        event = '.'
        cursor = '.c'
        "#,
    );
    let names = topics(&["p", "q"]);
    assert_eq!(texts(&client.subscribe(&names, None)), ["open {} k3y"]);
    assert!(client.subscribe_more(&topics(&["r"]), None).is_empty(), "it waits too");
    client.understand(&Message::text(r#"{"hello":1}"#));
    assert_eq!(texts(&client.answers()), [r#"sub p,q,r 1 {"a":1,"b":1} null"#]);
    let confirmed = client.understand(&Message::text(r#"{"ok":1}"#));
    assert!(matches!(confirmed, Meaning::Confirmed { topics, .. } if topics == ["p", "q", "r"]));
    let facts = Facts { id: None, cursor: Some("9".into()) };
    assert_eq!(client.understand(&Message::text(r#"{"c":9}"#)), Meaning::Event(facts));
    assert_eq!(texts(&client.unsubscribe(&topics(&["q"]))), ["un q 2 1 1"]);
    assert_eq!(texts(&client.subscribe(&names, Some("9"))), [r#"open {"b":1} k3y"#]);
    // The old connection has a state of its own, and nothing is answered there.
    client.understand_old(&Message::text(r#"{"hello":7}"#));
    assert!(client.answers().is_empty());
    client.understand(&Message::text(r#"{"hello":2}"#));
    assert_eq!(texts(&client.answers()), [r#"sub p,q 1 {"b":2,"a":2} 9"#]);
    assert!(client.replays());
}

#[test]
fn topics_are_asked_for_in_messages_of_a_size() {
    let mut client = client("[topics]\nper_message = 2\n[subscribe]\nsend = '{$n, $topics}'");
    let sent = client.subscribe(&topics(&["a", "b", "c"]), None);
    assert_eq!(texts(&sent), [r#"{"n":1,"topics":["a","b"]}"#, r#"{"n":2,"topics":["c"]}"#]);
    assert!(client.subscribe(&[], None).is_empty());
}

#[test]
fn urls_take_topics_and_cursors() {
    let text = "[topics]\nwhat = 'x'\n[connect]\npath = '/a/\\($topics | join(\" \"))'\nquery.c = '$cursor'\nquery.t = '$topics[]'";
    let mut client = client(text);
    let url = WsUrl::parse("ws://h/x").unwrap();
    let target = client.target(&url, &topics(&["p&", "q"]), Some("7=")).unwrap().unwrap();
    assert_eq!(target.target(), "/a/p%26%20q?c=7%3D&t=p%26&t=q");
    assert_eq!(client.target(&url, &[], None).unwrap().unwrap().target(), "/a/");
    let mut learned = self::client("[connect]\nurl = '$s.url'\n[[on]]\nkeep = '{url: .url}'");
    assert_eq!(learned.target(&url, &[], None).unwrap().unwrap().to_string(), "ws://h/x");
    learned.understand(&Message::text(r#"{"url":"wss://other/y?z=1"}"#));
    assert_eq!(learned.target(&url, &[], None).unwrap().unwrap().to_string(), "wss://other/y?z=1");
    learned.understand(&Message::text(r#"{"url":"nonsense"}"#));
    assert!(learned.target(&url, &[], None).is_err());
}

#[test]
fn keep_alives_are_made_when_they_are_due_and_times_learned() {
    let mut client = client(
        "[keepalive]\nsend = '{$n, a: $s.a}'\nevery = '30s'\nevery_ms = '$s.ms'\n[[on]]\nset = '{a: .a, ms: .ms}'",
    );
    let every = |client: &dyn Client| client.rhythm().beat.unwrap().every;
    assert_eq!(every(&*client), std::time::Duration::from_secs(30));
    assert_eq!(client.new_rhythm(), None);
    client.understand(&Message::text(r#"{"ms":1500,"a":7}"#));
    let rhythm = client.new_rhythm().unwrap();
    assert_eq!(rhythm.beat.unwrap().every, std::time::Duration::from_millis(1500));
    assert_eq!(client.new_rhythm(), None);
    assert_eq!(texts(&client.beat().unwrap()), [r#"{"n":1,"a":7}"#]);
    for ms in ["0", "-5", "1e300", "\"x\"", "null"] {
        client.understand(&Message::text(format!(r#"{{"ms":{ms}}}"#)));
        client.new_rhythm();
        assert_eq!(every(&*client), std::time::Duration::from_secs(30), "{ms}");
    }
}

#[test]
fn events_are_acknowledged_and_gaps_found() {
    let mut client = client("[[on]]\nevent = '.'\nack = '{id}'\nsequence = '.n'");
    let mut event = |text: &str| {
        let meaning = client.understand(&Message::text(text));
        let missing: Vec<_> = client.missing().iter().map(|missing| (missing.from, missing.to)).collect();
        (meaning, missing)
    };
    let Meaning::Events(mut events) = event(r#"{"id":1,"n":5}"#).0 else { panic!() };
    let first = events.pop().unwrap();
    let ack = EventAck::Message(Message::text(r#"{"id":1}"#));
    assert_eq!((first.message, first.ack), (None, Some(ack)));
    assert_eq!(event(r#"{"id":2,"n":8}"#).1, [(6, 7)]);
    assert!(event(r#"{"id":2}"#).1.is_empty() && event(r#"{"id":2,"n":9}"#).1.is_empty());
    // Or all messages of a connection have numbers.
    let mut client = self::client("[connect]\nsequence = '.n'\n[[on]]\nwhen = '.beat'\nheartbeat = true");
    for (text, missing) in
        [(r#"{"n":1}"#, 0), (r#"{"n":2,"beat":1}"#, 0), (r#"{"n":4,"beat":1}"#, 1), ("x", 0)]
    {
        client.understand(&Message::text(text));
        assert_eq!(client.missing().len(), missing, "{text}");
    }
}

#[test]
fn mistakes_at_work_are_reported_a_few_times() {
    let mut client = client("[[on]]\nsend = '.a.b'\nignore = true");
    let mut notices = Vec::new();
    for _ in 0..20 {
        assert_eq!(client.understand(&Message::text(r#"{"a":[]}"#)), Meaning::Ignored);
        notices.extend(client.notices());
    }
    assert_eq!(notices.len(), 5);
    assert!(notices[0].starts_with("x.toml:5: `send` of rule 1: jq: Cannot index array"), "{}", notices[0]);
    assert!(notices[4].contains("not shown"));
}

#[test]
fn deep_messages_meet_no_rule() {
    let mut client = client("[[on]]\nevent = '.a'");
    let deep = |depth: usize| format!(r#"{{"a":{}{}}}"#, "[".repeat(depth), "]".repeat(depth));
    assert!(matches!(client.understand(&Message::text(deep(100))), Meaning::Events(_)));
    assert_eq!(client.understand(&Message::text(deep(5000))), Meaning::EVENT);
    assert_eq!(
        client.understand(&Message::text(deep(100_000))),
        Meaning::Ignored,
        "a text, which has no fields"
    );
}

#[test]
fn mistakes_in_a_file_are_told_with_their_lines() {
    let head = "[dialect]\nversion = 2\nname = 'x'\n";
    for (text, line, word) in [
        ("[dialect]\nversion = 3\nname = 'x'".to_owned(), 2, "version 3"),
        ("[dialect]\nname = 'x'".to_owned(), 1, "version"),
        (format!("{head}urll = 'y'"), 4, "urll"),
        (format!("{head}url = 'ftp://h/'"), 4, "scheme"),
        (format!("{head}decode = 'nosuch'"), 4, "nosuch"),
        (format!("{head}\n[[on]]\nwhen = '.a =='"), 6, "`when` of rule 1 does not compile"),
        (format!("{head}\n[[on]]\nwhen = '.a'\nsend = 'nosuch(1)'"), 7, "unknown filter `nosuch/1`"),
        (format!("{head}\n[[on]]\nname = 'x'\nwhen = '$nosuch'"), 7, "unknown variable `$nosuch`"),
        (format!("{head}\n[[on]]\nwhen = '.a'\nid = '.b'"), 7, "needs an `event`"),
        (format!("{head}\n[[on]]\nwhen = '.a'\nevent = '.'\nignore = true"), 6, "several meanings"),
        (format!("{head}\n[topics]\nper_message = 0\n[subscribe]\nsend = '1'"), 6, "at least 1"),
        (format!("{head}\n[keepalive]\nevery = '1s'"), 5, "used together"),
        (format!("{head}\n[close]\n12 = {{ meaning = 'y' }}"), 6, "close code"),
        (format!("{head}\n[mock]\npath = '/'\nevent = '$cursor'"), 7, "$cursor"),
    ] {
        let failure = RulesDialect::parse(&text, "x.toml", Path::new("")).unwrap_err();
        let place = format!("x.toml:{line}: ");
        assert!(failure.what.starts_with(&place) && failure.what.contains(word), "{text}\n{}", failure.what);
    }
}

#[test]
fn the_tables_of_the_format_are_what_the_parser_takes() {
    let parse = |text: &str| {
        let file: RulesFile = toml::from_str(text).map_err(|error| error.message().to_owned())?;
        check(&file).map_err(|(_, why)| why)?;
        Ok(format!("{file:?}"))
    };
    assert_parser_takes(VERSION_2, "[dialect]\nversion = 2\nname = 'x'", &parse);
}

#[test]
fn the_expressions_of_the_format_compile() {
    for table in VERSION_2 {
        let is_mock = table.headers.iter().any(|header| header.contains("mock"));
        let names = if is_mock { MOCK_VARS } else { CLIENT_VARS };
        for key in table.keys.iter().filter(|key| ["expression", "template"].contains(&key.kind)) {
            let file: toml::Table = format!("x = {}", key.example).parse().unwrap();
            let source = toml::Spanned::new(0..0, file["x"].as_str().unwrap().to_owned());
            let compiler = ExprCompiler::new("x.toml", "", names).unwrap();
            let compiled = match key.kind {
                "template" => compiler.template(key.name, &source, true),
                _ => compiler.expr(key.name, &source),
            };
            assert!(compiled.is_ok(), "{} = {}: {compiled:?}", key.name, key.example);
        }
    }
}

#[test]
fn the_variables_of_the_format_are_those_of_expressions() {
    let names = |table: &[(&'static str, &str)]| table.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    assert_eq!(names(CLIENT_VARIABLES), CLIENT_VARS);
    assert_eq!(names(MOCK_VARIABLES), MOCK_VARS);
}
