//! Files that may come from somebody else: recordings, HARs, scenarios, configurations, dialects.

use std::ffi::OsString;
use std::io::Cursor;
use std::path::Path;

use super::messages::normal;
use super::{acts, in_no_time};
use crate::config::{World, profile};
use crate::dialect::rules::RulesDialect;
use crate::dialect::{ClientSetup, Dialect as _};
use crate::event::{Direction, Event, Kind, Role};
use crate::har as hars;
use crate::input::recording::{RecordedItem, Recording, Take};
use crate::message::Message;
use crate::mock;
use crate::pipeline::record::{self, Moment, What};

/// Dialects that people describe in files.
pub(super) const EXAMPLES: [&str; 2] = [
    include_str!("../../examples/dialects/graphql-transport-ws.toml"),
    include_str!("../../examples/dialects/rpc-websockets.toml"),
];

/// A recording: what `--from` reads of it, what `--replay` plays, and the HAR that is made of it.
pub fn recording(bytes: &[u8]) {
    let begun = std::time::Instant::now();
    let received = items(bytes, Take::Received);
    let records = items(bytes, Take::Records);
    assert!(received.len() <= records.len() && records.len() <= bytes.len());
    for item in &records {
        match item {
            RecordedItem::Record(line, _) => assert!(record::read_moment(line).is_some(), "{line}"),
            RecordedItem::Message(message, _, _) => drop(record::read(message.as_text().unwrap_or_default())),
            RecordedItem::Odd(_) => {}
        }
    }
    for item in received {
        match item {
            RecordedItem::Message(message, _, _) => comes_back(&message),
            RecordedItem::Record(..) => panic!("a record among messages"),
            RecordedItem::Odd(_) => {}
        }
    }
    if let Ok(text) = std::str::from_utf8(bytes) {
        mock::replay::hostile(text);
        let exported = exported(text);
        let again = hars::har_of(&exported).unwrap_or_else(|why| panic!("{why}: {exported}")).records;
        let known: Vec<Moment> = moments(text).into_iter().filter(|moment| moment.conn > 0).collect();
        assert_eq!(said(&known), said(&moments(&again)));
    }
    in_no_time(begun, bytes);
}

fn items(bytes: &[u8], take: Take) -> Vec<RecordedItem> {
    let mut recording = Recording::of(Box::new(Cursor::new(bytes.to_vec())), "file".to_owned(), take);
    let mut all = Vec::new();
    while let Some(batch) = recording.next_batch() {
        match batch {
            Ok(items) => all.extend(items),
            Err(failure) => assert!(failure.what.contains("line "), "{failure}"),
        }
    }
    all
}

fn comes_back(message: &Message) {
    let kind =
        Kind::Message { dir: Direction::In, seq: 1, message: message.clone(), role: Role::Data, part: None };
    let mut line = Vec::new();
    record::write(
        &Event { at: jiff::Timestamp::UNIX_EPOCH, conn: 1, kind },
        &crate::secret::Secrets::default(),
        &mut line,
    );
    let line = String::from_utf8(line).expect("text");
    let Some(Moment { what: What::Message(Direction::In, back), .. }) = record::read_moment(&line) else {
        panic!("no record: {line}");
    };
    assert_eq!(normal(&back), normal(message));
}

/// A HAR: its messages are records, and a HAR of those has the same messages.
pub fn har(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let Ok(hars::Har { records, .. }) = hars::har_of(text) else { return };
    assert!(records.lines().all(|line| record::read_moment(line).is_some()), "{records}");
    let again = hars::har_of(&exported(&records)).unwrap_or_else(|why| panic!("{why}: {records}")).records;
    assert_eq!(said(&moments(&records)), said(&moments(&again)));
    assert!(!records.contains("s3cr3t-t0ken") || !text.contains("?token=s3cr3t-t0ken"), "{records}");
}

fn exported(recording: &str) -> String {
    let mut out = Vec::new();
    hars::write_har(&mut Cursor::new(recording), &mut out).expect("memory");
    String::from_utf8(out).expect("text")
}

fn moments(records: &str) -> Vec<Moment> {
    records.lines().filter_map(record::read_moment).collect()
}

/// Connection by connection, the messages.
fn said(moments: &[Moment]) -> Vec<Vec<(Direction, Message)>> {
    let mut conns = std::collections::BTreeMap::<u32, Vec<_>>::new();
    for moment in moments.iter().filter(|moment| moment.what != What::Other) {
        let messages = conns.entry(moment.conn).or_default();
        if let What::Message(dir, message) = &moment.what {
            messages.push((*dir, normal(message)));
        }
    }
    conns.into_values().collect()
}

/// A scenario of the mock.
pub fn scenario(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let begun = std::time::Instant::now();
    mock::scenario::schema::hostile(text);
    in_no_time(begun, bytes);
}

/// A configuration: what is wrong with it is told, and in which file.
pub fn config(bytes: &[u8]) {
    thread_local! {
        static HOME: tempfile::TempDir = home();
    }
    let folder = HOME.with(|home| home.path().to_owned());
    std::fs::write(folder.join("wstap/config.toml"), bytes).expect("a file");
    let home = folder.display().to_string();
    let var = |name: &str| (name == "XDG_CONFIG_HOME").then(|| home.clone());
    let world = World { var: &var, has_own_vars: false, stdout_terminal: false, stderr_terminal: false };
    let argv = ["wstap", "connect", "@a"].map(OsString::from);
    if let Err(profile::ParseError::Failure(failure)) = profile::parse(&argv, &world) {
        assert!(failure.what.contains("config.toml"), "{failure}");
        let place = failure.what.split_once("config.toml:").map(|(_, rest)| rest.split(' ').next());
        if failure.what.contains("is not valid TOML") {
            let line: Option<usize> = place.flatten().and_then(|line| line.parse().ok());
            let lines = bytes.split(|byte| *byte == b'\n').count();
            assert!(line.is_some_and(|line| (1..=lines).contains(&line)), "{failure}");
        }
    }
}

fn home() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::create_dir(folder.path().join("wstap")).expect("a folder");
    folder
}

/// A dialect: a mistake is in a line that there is, and what is none can be used.
pub fn dialect_file(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match RulesDialect::parse(text, "x", Path::new("")) {
        Err(failure) => {
            let line = failure.what.split(':').nth(1).and_then(|line| line.parse().ok());
            let lines = text.split('\n').count();
            assert!(line.is_some_and(|line: usize| (1..=lines).contains(&line)), "{failure}");
        }
        Ok(custom) => {
            let mut client = custom.client(&ClientSetup::default()).expect("a client for a file");
            drop(client.subscribe(&["a".to_owned()], Some("c")));
            for message in [r#"{"type":"ping","id":1,"data":{}}"#, "[]", "x"] {
                drop(client.understand(&Message::text(message)));
                drop((client.answers(), client.close_rule(4000), client.rhythm()));
            }
            assert!(!custom.name().contains(acts) || text.contains('\\') || text.contains(acts));
        }
    }
}
