//! Input that nobody who means well would send: one function for each reader of what comes from outside. It takes
//! bytes, whatever they are, and panics where something that must always hold does not. Fuzzing calls them (`fuzz/`),
//! and so do the cases in `cases`, which `cargo test` runs. What a reader keeps to itself has its part where it
//! stands, under the name `hostile`.

use std::time::{Duration, Instant};

use crate::handshake::checks::{Verdict, examine};
use crate::handshake::client::{self, Offered};
use crate::handshake::server::Request;
use crate::input::decode_hex;
use crate::message::Message;
use crate::mock::faults::Fault;
use crate::net::certificate::{self, Certificate};
use crate::net::{WsUrl, refusal, upgrade};
use crate::pipeline::filter::{self, Program, Vars};
use crate::repl::{history, render, sending};
use crate::report::{Report, escape_controls};
use crate::secret::{self, Place, Secret, Secrets};
use crate::text::hex;
use crate::{dialect, handshake, json, mock};

mod codecs;
mod deflate;
mod files;
pub(crate) mod frames;
mod messages;
mod plans;

pub use codecs::codecs;
pub use deflate::deflate;
pub use files::{config, dialect_file, har, recording, scenario};
pub use frames::frames;
pub use messages::{dialects, filter};
pub use plans::plans;
#[cfg(test)]
pub(crate) use plans::same;

/// Bodies by their names, and the cases that `cargo test` makes for each. A test holds the list of fuzz targets to
/// this one.
macro_rules! bodies {
    ($($name:ident,)+) => {
        /// The names of all bodies, which are those of the fuzz targets.
        pub const NAMES: &[&str] = &[$(stringify!($name)),+];

        #[cfg(test)]
        mod by_name {
            use super::cases::{self, inputs, regressions};

            proptest::proptest! {
                #![proptest_config(cases::config())]
                $(
                    #[test]
                    fn $name(bytes in inputs(stringify!($name))) {
                        super::$name(&bytes);
                    }
                )+
            }

            #[test]
            fn what_fuzzing_once_found_is_no_danger() {
                $(regressions(stringify!($name)).iter().for_each(|bytes| super::$name(bytes));)+
            }
        }
    };
}

bodies! {
    handshake_response,
    frames,
    codecs,
    deflate,
    dialects,
    filter,
    plans,
    program,
    json_text,
    recording,
    har,
    scenario,
    config,
    dialect_file,
    faults,
    control,
    mock_request,
    topics,
    prompt,
    urls,
    screen,
    certificates,
}

#[cfg(test)]
pub(crate) mod cases;
#[cfg(test)]
mod seeds;

/// What stands between two messages of an input: a byte that is in no UTF-8.
const BETWEEN: u8 = 0xff;

/// The messages of an input. What is UTF-8 is text.
fn split(bytes: &[u8]) -> impl Iterator<Item = Message> + '_ {
    bytes.split(|byte| *byte == BETWEEN).map(|piece| match std::str::from_utf8(piece) {
        Ok(text) => Message::text(text.to_owned()),
        Err(_) => Message::Binary(piece.to_vec().into()),
    })
}

/// Does it act on a terminal?
fn acts(c: char) -> bool {
    let reverses = matches!(u32::from(c), 0x61c | 0x200e | 0x200f | 0x202a..=0x202e | 0x2066..=0x2069);
    c.is_control() && c != '\t' || reverses || ['\u{2028}', '\u{2029}'].contains(&c)
}

/// The answer to an upgrade: head, judgement, refusal and the chunks of its body.
pub fn handshake_response(bytes: &[u8]) {
    let body = upgrade::dechunk(bytes).body;
    assert!(body.len() <= bytes.len());
    let Ok(Some((head, length))) = client::parse_head(bytes) else { return };
    assert!(length <= bytes.len().min(client::MAX_HEAD) && head.headers.len() <= client::MAX_HEADERS);
    // It ends where it ends, whatever follows.
    assert_eq!(client::parse_head(&bytes[..length]), Ok(Some((head.clone(), length))));
    assert_eq!(client::parse_head(&bytes[..length - 1]), Ok(None));
    let expectation = Offered {
        key: "dGhlIHNhbXBsZSBub25jZQ==".to_owned(),
        subprotocols: vec!["chat".to_owned()],
        extensions: "permessage-deflate; client_max_window_bits".to_owned(),
    };
    let findings = examine(&head, &expectation);
    assert_eq!(findings.len(), 8);
    let key = findings.iter().find(|finding| finding.id == "accept-key").map(|finding| finding.verdict);
    let accepts: Vec<&str> = head.values("sec-websocket-accept").collect();
    // RFC 6455 §1.3 has this example.
    assert_eq!(key == Some(Verdict::Ok), accepts == ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]);
    let refused =
        refusal::refusal("wss://h/", &head, &bytes[length..], &Secrets::default(), refusal::Sent::default());
    assert!(!refused.what.is_empty());
    drop(refusal::violations("wss://h/", &findings));
}

/// A request to the mock: head, upgrade and the answer, which the client half understands.
pub fn mock_request(bytes: &[u8]) {
    let (request, length) = match Request::parse(bytes) {
        Ok(Some(parsed)) => parsed,
        Ok(None) => return assert!(bytes.len() < handshake::server::MAX_HEAD),
        Err(refusal) => return assert!([400, 431].contains(&refusal.status)),
    };
    assert!(length <= bytes.len().min(handshake::server::MAX_HEAD));
    assert_eq!(Request::parse(&bytes[..length - 1]), Ok(None));
    match request.body_length() {
        Ok(length) => assert!(length <= handshake::server::MAX_BODY),
        Err(refusal) => assert!([400, 411, 413].contains(&refusal.status)),
    }
    let answer = match request.upgrade() {
        Ok(upgrade) => {
            assert!(upgrade.protocols.iter().all(|protocol| !protocol.is_empty()));
            upgrade.response(upgrade.protocols.first().map(String::as_str), None)
        }
        Err(refusal) => refusal,
    };
    // No header that a client sends makes another in the answer.
    let framing = if answer.status == 101 { 0 } else { 2 };
    let (head, _) = client::parse_head(&answer.to_bytes()).expect("HTTP").expect("whole");
    assert_eq!((head.status, head.headers.len()), (answer.status, answer.headers.len() + framing));
}

/// The text of a jq program: one that does not compile has a place where it does not.
pub fn program(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Err(failure) = Program::compile("--filter", text, &Vars::default()) {
        if text.len() > filter::LONGEST {
            return;
        }
        assert!(failure.what.contains("column "), "{failure}");
        assert_eq!(failure.details.len(), 2, "{failure}");
    }
}

/// JSON text, held against another reader of it.
pub fn json_text(bytes: &[u8]) {
    let scan = json::scan(bytes);
    let Ok(text) = std::str::from_utf8(bytes) else { return assert!(scan.is_err()) };
    match (&scan, serde_json::from_str::<serde::de::IgnoredAny>(text)) {
        (Ok(scan), Err(_)) => assert!(scan.depth >= 127, "only ours reads it"),
        (Err(error), Ok(_)) => panic!("only theirs reads it: {error}"),
        _ => {}
    }
    let mut quoted = Vec::new();
    json::write_string(text, &mut quoted);
    assert_eq!(serde_json::from_slice::<String>(&quoted).ok().as_deref(), Some(text));
    if let Err(error) = scan {
        return assert!(error.at <= text.len());
    }
    let compact = laid_out(text, json::compact_into);
    assert!(!json::scan_str(&compact).expect("still JSON").line_break && compact.len() <= text.len());
    assert_eq!(laid_out(&compact, json::compact_into), compact);
    let pretty = laid_out(text, |text, out| json::pretty_into(text, out, "  ", false));
    assert_eq!(laid_out(&pretty, json::compact_into), compact);
    for color in [
        laid_out(text, json::color_into),
        laid_out(text, |text, out| json::pretty_into(text, out, "  ", true)),
    ] {
        assert_eq!(laid_out(&without_color(&color), json::compact_into), compact);
    }
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    assert_eq!(value(&compact), value(text));
}

fn laid_out(text: &str, how: impl Fn(&str, &mut Vec<u8>)) -> String {
    let mut out = Vec::new();
    how(text, &mut out);
    String::from_utf8(out).expect("text")
}

/// Without the sequences that choose a colour.
fn without_color(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |plain, part| plain + part.split_once('m').map_or(part, |(_, rest)| rest))
}

/// How faults are written.
pub fn faults(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    match text.parse::<Fault>() {
        Ok(fault) => assert!(fault.to_string().parse::<Fault>().is_ok(), "{fault}"),
        Err(why) => assert!(!why.is_empty()),
    }
}

/// The body of a request to the mock's control API.
pub fn control(bytes: &[u8]) {
    mock::control::body::hostile(bytes);
}

/// Topics, as they are typed: whether they may be, what they can go on as, and what is sent for them.
pub fn topics(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    dialect::hostile_topic(text);
    let words: Vec<String> = text.split('\n').map(str::to_owned).collect();
    for dialect in messages::known() {
        drop(dialect.check_topic(text));
        let known = dialect::Known { topics: &words, messages: &words };
        for suggested in dialect.complete_topic(text, &known) {
            assert!(suggested.starts_with(text), "{suggested:?}");
        }
        // Where a topic goes into the URL, whoever checks topics has seen it.
        let wrong = |word: &String| matches!(dialect.check_topic(word), dialect::TopicCheck::Wrong(_));
        let url = WsUrl::parse("ws://h/").expect("a URL");
        if let Ok((url, _)) = dialect.address(url, &words) {
            assert!(is_target(url.target()) || words.iter().any(wrong), "{}", url.target());
        }
        let Ok(mut client) = dialect.client(&dialect::ClientSetup::default()) else { continue };
        let subscribed = client.subscribe(&words, Some(text)).into_iter();
        for message in subscribed.chain(client.unsubscribe(&words)) {
            assert!(!dialect.speaks_json() || json::scan(message.as_bytes()).is_ok(), "{message:?}");
        }
        for verb in dialect.commands() {
            for message in client.command(verb.name, &words).unwrap_or_default() {
                assert!(!dialect.speaks_json() || json::scan(message.as_bytes()).is_ok(), "{message:?}");
            }
        }
    }
}

/// A line at the prompt.
pub fn prompt(bytes: &[u8]) {
    let Ok(line) = std::str::from_utf8(bytes) else { return };
    match sending::message(line, true) {
        Ok(Some(message)) => {
            let unchecked = sending::joined(line).starts_with(['!', '/']);
            assert!(unchecked || json::scan(message.as_bytes()).is_ok(), "{message:?}");
        }
        Ok(None) => assert!(sending::joined(line).trim().is_empty()),
        Err(why) => {
            assert!(why.ends_with('^'), "{why}");
            assert!(!why.contains(|c: char| c.is_control() && c != '\n'), "{why:?}");
        }
    }
    assert!(sending::message(line, false).is_ok());
    if let Ok(Some((code, reason))) = sending::close(line) {
        assert!((1000..5000).contains(&code) && reason.len() <= 123);
    }
    if let Ok(bytes) = decode_hex(line.as_bytes()) {
        assert_eq!(decode_hex(hex(&bytes).as_bytes()), Ok(bytes));
    }
    // What is said to be harmless has none of the marks of a credential.
    if history::is_worth_it(line, &Report::silent()) {
        assert!(Secrets::default().mask_text(line) == line && !line.to_ascii_lowercase().contains("bearer "));
    }
}

/// URLs, and what is shown of them.
pub fn urls(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let secrets = Secrets::default();
    let masked = secrets.mask_text(text);
    assert!(masked.len() <= 4 * text.len() + 16);
    assert_eq!(secrets.mask_text(&masked), masked, "what is masked is masked once");
    let Ok(url) = WsUrl::parse(text) else { return };
    assert!(is_target(url.target()), "{}", url.target());
    let shown = format!("{url} {url:?} {}", url.shown_as_http());
    assert!(!shown.contains(acts), "{shown:?}");
    let masked = url.masked_target();
    let query = |target: &str| target.split_once('?').map(|(_, query)| query.to_owned()).unwrap_or_default();
    let (before, after) = (query(url.target()), query(&masked));
    assert_eq!(before.split('&').count(), after.split('&').count(), "{masked}");
    for (pair, shown) in before.split('&').zip(after.split('&')) {
        let (name, _) = pair.split_once('=').unwrap_or_default();
        let hidden = shown == format!("{name}={}", secret::MASK);
        // There may be parameters within a value, or parted by semicolons.
        let others = pair.contains([';', '?']) || shown == pair;
        assert!(if secret::is_secret_name(name) { hidden } else { others }, "{masked}");
    }
    let _ = (url.join(text), url.host_header());
}

/// Is it what may stand in the first line of a request?
fn is_target(target: &str) -> bool {
    !target.contains(|c: char| c.is_ascii_control() || c == ' ')
}

/// What people are shown: in notices, and on the screen of a prompt.
pub fn screen(bytes: &[u8]) {
    for message in split(bytes).take(8) {
        let text = String::from_utf8_lossy(message.as_bytes()).into_owned();
        assert!(!escape_controls(&text).contains(acts));
        let report = Report::silent();
        report.secrets().add(&Secret::new("s3cr3t-t0ken"), Place::Header);
        assert!(!report.secrets().mask_text(&text).contains("s3cr3t-t0ken"));
        render::hostile(&message, bytes.len());
    }
}

/// Certificates, which are read whether or not they are trusted.
pub fn certificates(bytes: &[u8]) {
    let read = Certificate::read(bytes, jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(read.sha256.len(), 64);
    assert!(serde_json::to_string(&read).is_ok());
    let _ = certificate::is_for(bytes, "example.test");
}

/// What takes no time must not take long: what is quadratic takes many times as long.
fn in_no_time(begun: Instant, bytes: &[u8]) {
    let took = begun.elapsed();
    assert!(took < Duration::from_secs(20), "{took:?} for {} bytes", bytes.len());
}
