//! The providers' sample messages, from `tests/fixtures`, through the client: each is understood as what it is, and what
//! is data comes out byte for byte. So do variants of them that nobody has documented: nothing is ever an error.

use std::fs;

use serde_json::{Map, Value};
use wstap::testing::{Client, ClientSetup, DIALECTS, Dialect, Meaning, Message, Reading, Said};

use crate::harness::{Server, wstap};

/// A message, and what the client is to make of it.
struct Sample {
    means: String,
    text: String,
}

fn providers() -> impl Iterator<Item = &'static dyn Dialect> {
    DIALECTS.iter().copied().filter(|dialect| dialect.name() != "plain")
}

fn samples(dialect: &str) -> Vec<Sample> {
    let path = format!("{}/tests/fixtures/{dialect}.txt", env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    let mut all = Vec::new();
    while let (Some(means), Some(text)) = (lines.next(), lines.next()) {
        let means = means.strip_prefix("= ").expect("a meaning comes before its message");
        all.push(Sample { means: means.to_owned(), text: text.to_owned() });
    }
    all
}

fn client(dialect: &dyn Dialect) -> Box<dyn Client> {
    dialect.client(&ClientSetup::default()).expect("a client that only reads")
}

/// A meaning as the fixtures write it.
fn written(meaning: Meaning) -> String {
    match meaning {
        Meaning::Event(facts) => {
            let id = facts.id.map(|id| format!(" id={id}")).unwrap_or_default();
            format!("event{id}{}", facts.cursor.map(|cursor| format!(" cursor={cursor}")).unwrap_or_default())
        }
        Meaning::Events(events) => format!("{} events", events.len()),
        Meaning::Ignored => "ignored".to_owned(),
        Meaning::Heartbeat => "heartbeat".to_owned(),
        Meaning::Pong => "pong".to_owned(),
        Meaning::Draining { after } => format!("draining {}", after.as_millis()),
        Meaning::Confirmed { action, topics } => format!("confirmed {action} {}", topics.join(" ")),
        Meaning::Refused { code, retry, .. } => {
            format!("refused {code}{}", if retry { " again" } else { "" })
        }
    }
}

/// The sample as nobody has documented it: of other types, with fields that are missing, more, null or spelled
/// otherwise, inside an array, cut off.
fn variants(text: &str) -> Vec<String> {
    let object: Map<String, Value> = serde_json::from_str(text).expect("a sample is an object");
    let with = |change: &dyn Fn(&mut Map<String, Value>)| {
        let mut changed = object.clone();
        change(&mut changed);
        Value::Object(changed).to_string()
    };
    let mut all = vec![
        with(&|it| drop(it.insert("x_new".into(), serde_json::json!({"type": "ack", "n": [1.5, null]})))),
        format!("[{text}]"),
        text[..text.len() / 2].to_owned(),
        text.to_uppercase(),
        text.replacen(':', " :  ", 1),
    ];
    for key in object.keys() {
        all.push(with(&|it| drop(it.remove(key))));
        for value in
            [Value::Null, 7.into(), "unknown.kind".into(), serde_json::json!([]), serde_json::json!({})]
        {
            all.push(with(&|it| drop(it.insert(key.clone(), value.clone()))));
        }
        all.push(with(&|it| {
            let value = it.remove(key).unwrap_or_default();
            it.insert(key.to_uppercase(), value);
        }));
        let nested = object[key].as_object().into_iter().flat_map(Map::keys);
        for inner in nested {
            all.push(with(&|it| drop(it[key].as_object_mut().and_then(|object| object.remove(inner)))));
        }
    }
    all
}

#[test]
fn every_sample_means_what_it_is() {
    for dialect in providers() {
        let samples = samples(dialect.name());
        assert!(samples.len() >= 10, "{}", dialect.name());
        for sample in samples {
            let meaning = client(dialect).understand(&Message::text(sample.text.clone()));
            assert_eq!(written(meaning), sample.means, "{}: {}", dialect.name(), sample.text);
            // It is all the same in a binary message.
            let binary = Message::Binary(sample.text.clone().into_bytes().into());
            assert_eq!(written(client(dialect).understand(&binary)), sample.means, "{}", dialect.name());
        }
    }
}

#[test]
fn every_sample_and_every_variant_of_it_goes_through_byte_for_byte() {
    for dialect in providers() {
        let mut sent = Vec::new();
        for sample in samples(dialect.name()) {
            sent.extend(variants(&sample.text));
            sent.push(sample.text);
        }
        let mut client = client(dialect);
        let is_data =
            |text: &&String| matches!(client.understand(&Message::text((*text).clone())), Meaning::Event(_));
        let data: Vec<String> = sent.iter().filter(is_data).map(|text| line(text)).collect();
        assert!(data.len() * 2 > sent.len(), "{}: most variants are data", dialect.name());
        let lines = received(dialect.name(), sent);
        for (got, expected) in lines.iter().zip(&data) {
            assert_eq!(got, expected, "{}", dialect.name());
        }
        assert_eq!(lines.len(), data.len(), "{}", dialect.name());
    }
}

/// What a message is as a line: itself, or a string if it is no JSON.
fn line(text: &str) -> String {
    match serde_json::from_str::<Value>(text) {
        Ok(_) => text.to_owned(),
        Err(_) => Value::from(text).to_string(),
    }
}

/// What a client writes of these messages.
fn received(dialect: &str, messages: Vec<String>) -> Vec<String> {
    let server = Server::websocket(move |peer| {
        messages.iter().for_each(|message| peer.text(message));
        peer.close_well(1000);
    });
    let url = match dialect {
        "kadoa" => format!("{}?access_token=t", server.url()),
        "ryze" => format!("{}ws/demo", server.url()),
        _ => server.url(),
    };
    let topics: &[&str] = match dialect {
        "burki" => &["42"],
        "voipbin" => &["customer_id:12345678-1234-1234-1234-123456789012:call:*"],
        _ => &[],
    };
    let run =
        wstap(&["subscribe", "-d", dialect, "--url", &url, "--no-reconnect", "--keep-going"]).args(topics);
    let out = run.args(&["--show-secrets", "--no-dedupe"]).run();
    server.join();
    out.exits(0).lines().into_iter().map(str::to_owned).collect()
}

#[test]
fn what_the_samples_say_of_a_campaign_is_read_in_either_shape() {
    let campaigns = DIALECTS.iter().find(|dialect| dialect.name() == "burki").unwrap().campaigns().unwrap();
    let mut told = 0;
    for sample in samples("burki") {
        for said in campaigns.read(&Message::text(sample.text.clone())) {
            assert!(said.campaigns().iter().all(|id| *id == 42), "{}", sample.text);
            let Said::Progress(Reading { counts, .. }) = said else { continue };
            let parts = [counts.completed, counts.failed, counts.processing, counts.pending];
            if parts.iter().all(Option::is_some) {
                assert_eq!(parts.iter().flatten().sum::<u64>(), 200, "{}", sample.text);
                assert_eq!(counts.total, Some(200), "{}", sample.text);
                told += 1;
            }
        }
        for variant in variants(&sample.text) {
            // Whatever it says, to read it is no error.
            let _ = campaigns.read(&Message::text(variant));
        }
    }
    assert_eq!(told, 4, "three of the documents' and one of the SDK's");
}
