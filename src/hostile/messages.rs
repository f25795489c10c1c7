//! Messages of a server: what a dialect understands, and what the filter and the writer make of them.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::{BETWEEN, acts, in_no_time, laid_out, split, without_color};
use crate::campaign::fold::{Campaign, WINDOW};
use crate::campaign::{Reading, Said};
use crate::dialect::{self, Client, ClientSetup, Dialect, Meaning};
use crate::event::{Direction, Event, Kind, Role};
use crate::json;
use crate::message::Message;
use crate::pipeline::filter::{Program, Vars};
use crate::pipeline::line::{BinaryForm, Style};
use crate::pipeline::output::{Output, PartialWrite};
use crate::pipeline::record::{self, Moment, What};
use crate::pipeline::{Config, Pipeline};
use crate::report::{Level, Report};
use crate::secret::Secrets;

/// A longer sequence tells nothing new.
const MOST_MESSAGES: usize = 64;

/// Every dialect, and the examples of those that people describe in files.
pub(super) fn known() -> &'static [&'static dyn Dialect] {
    static KNOWN: OnceLock<Vec<&'static dyn Dialect>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let own = super::files::EXAMPLES.map(|text| {
            let custom = dialect::rules::RulesDialect::parse(text, "x", Path::new("")).expect("an example");
            &*Box::leak(Box::new(custom)) as &dyn Dialect
        });
        dialect::ALL.iter().copied().chain(own).collect()
    })
}

/// One session: the first byte chooses a dialect, the rest are messages with [`BETWEEN`] between them. Where nothing
/// stands between two, the connection ends and another begins.
pub fn dialects(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let dialect = known()[usize::from(*first) % known().len()];
    let begun = std::time::Instant::now();
    let mut session = Session::new(dialect);
    session.open();
    for message in split(rest).take(MOST_MESSAGES) {
        if message.is_empty() { session.open() } else { session.take(&message) }
    }
    session.end();
    in_no_time(begun, bytes);
}

struct Session {
    dialect: &'static dyn Dialect,
    client: Box<dyn Client>,
    cursor: Option<String>,
    campaigns: HashMap<u64, Campaign>,
    topics: Vec<String>,
}

impl Session {
    fn new(dialect: &'static dyn Dialect) -> Self {
        let client = dialect.client(&ClientSetup::default()).expect("a client for a file");
        let topics = vec!["a".to_owned(), "b\"\u{1b}".to_owned()];
        Self { dialect, client, cursor: None, campaigns: HashMap::new(), topics }
    }

    /// Another connection.
    fn open(&mut self) {
        let subscribed = self.client.subscribe(&self.topics, self.cursor.as_deref());
        self.sends(&subscribed);
    }

    fn end(&mut self) {
        let last = self.client.unsubscribe(&self.topics);
        self.sends(&last);
    }

    fn take(&mut self, message: &Message) {
        match self.client.understand(message) {
            Meaning::Event(facts) => {
                facts.id.iter().for_each(|id| drop(self.client.ack(id)));
                let more = self.client.subscribe_more(&self.topics[..1], facts.cursor.as_deref());
                self.sends(&more);
                self.cursor = facts.cursor.or(self.cursor.take());
            }
            Meaning::Events(_) | Meaning::Ignored => {}
            Meaning::Draining { after } => {
                assert!(Instant::now().checked_add(after).is_some(), "{after:?} is no time to wait");
            }
            Meaning::Heartbeat | Meaning::Pong | Meaning::Confirmed { .. } | Meaning::Refused { .. } => {}
        }
        let answers = self.client.answers();
        self.sends(&answers);
        assert!(self.client.answers().is_empty(), "an answer is given once");
        self.mask(message);
        for said in self.dialect.campaigns().map(|campaigns| campaigns.read(message)).unwrap_or_default() {
            self.fold(said);
        }
        assert!(message.shortened(&Secrets::default()).len() < 200);
    }

    /// Nothing that a server says makes a message that is none.
    fn sends(&self, messages: &[Message]) {
        for message in messages {
            assert!(!self.dialect.speaks_json() || json::scan(message.as_bytes()).is_ok(), "{message:?}");
        }
    }

    /// JSON that is masked is still JSON, and has nothing left to mask.
    fn mask(&mut self, message: &Message) {
        let Some(masked) = self.client.redact(message) else { return };
        let (Some(before), Some(after)) = (message.as_text(), masked.as_text()) else { return };
        assert!(json::scan_str(after).is_ok() || json::scan_str(before).is_err(), "{before}");
        assert!(self.client.redact(&masked).is_none_or(|again| again == masked), "{after}");
    }

    fn fold(&mut self, said: Said) {
        let (now, at) = (Instant::now(), jiff::Timestamp::UNIX_EPOCH);
        let mut known = |id| self.campaigns.entry(id).or_insert_with(|| Campaign::new(id, WINDOW)).clone();
        let told = |mut campaign: Campaign, reading: &Reading| {
            campaign.told(reading, now);
            let record = campaign.record(at, now + Duration::from_secs(1)).to_json();
            assert!(json::scan_str(&record).is_ok_and(|scan| !scan.line_break), "{record}");
            campaign
        };
        match said {
            Said::Progress(reading) => {
                let campaign = told(known(reading.campaign), &reading);
                self.campaigns.insert(reading.campaign, campaign);
            }
            Said::Overview(readings) => {
                for reading in readings {
                    drop(told(known(reading.campaign), &reading));
                }
            }
            Said::Contact(contact) => {
                let mut campaign = known(contact.campaign);
                campaign.contact(&contact, 1);
                assert!(campaign.contacts.len() <= 8);
                self.campaigns.insert(contact.campaign, campaign);
            }
            Said::History(_) | Said::Refused { .. } => {}
        }
    }
}

/// The user's programs, which are trusted, over messages that are not. The patterns of some come from the message.
const PROGRAMS: &[&str] = &[
    ".",
    "select(true)",
    ".a",
    ".a.data?",
    "{a: ., b: [.]}",
    "[..] | length",
    "..",
    "[paths]",
    "tojson | fromjson",
    "keys?, length?, (.[]? | type)",
    "[.[]?] | sort | group_by(.) | unique",
    "tostring | test(\"^(a|b)*$\")",
    "[.. | strings | ascii_downcase, explode, @base64, @uri, @html, @sh, @json, @text]",
    "[.. | strings | try fromjson catch .]",
    "[.. | strings | try @base64d catch .]",
    "[.. | strings | try (tonumber, fromdate, strptime(\"%Y-%m-%d\")) catch .]",
    "[.. | numbers | ., -., . + 1, . * 2, . / 3, . % 7, floor, sqrt, tostring, (try todate catch .)]",
    "if type == \"array\" then .[0], .[-1], .[1:], .[:-1], first, last else . end",
    "if type == \"object\" then to_entries, with_entries(.value |= tostring), del(.a) else . end",
    "(.a? // .b? // \"none\"), (try error catch .)",
    "if type == \"array\" and length > 2 then .[0] as $t | .[1] as $p | try [$t | match($p; \"g\"), splits($p)] catch . else . end",
    "if type == \"array\" and length > 1 then .[0] as $t | try ($t | sub(.[1]?; \"x\")) catch . else . end",
    "[.. | strings] | join(\",\") | split(\",\") | @csv, @tsv",
    "try (ltrimstr(\"a\"), rtrimstr(\"b\"), startswith(\"a\"), ascii, implode) catch .",
    "[leaf_paths] | length",
    "tostream",
    "walk(if type == \"number\" then . + 1 else . end)",
    "min?, max?, add?, any?, all?, flatten?, reverse?, tojson",
    "getpath([\"a\", 0])?, (try setpath([\"a\"]; 1) catch .), (try delpaths([[\"a\"]]) catch .)",
    "limit(3; .[]?), (input_line_number | tostring), $__loc__",
];

/// One output: the first byte chooses the program, the second how lines look, the rest are messages with [`BETWEEN`]
/// between them.
pub fn filter(bytes: &[u8]) {
    let [program, look, rest @ ..] = bytes else { return };
    let source = PROGRAMS[usize::from(*program) % PROGRAMS.len()];
    let messages: Vec<Message> = split(rest).take(MOST_MESSAGES).collect();
    debug_assert!(!rest.contains(&BETWEEN) || messages.len() > 1);
    let begun = std::time::Instant::now();
    let plain = lines(Some(source), Style::default(), false, &messages);
    let records = lines(None, Style::default(), true, &messages);
    for line in plain.lines().chain(records.lines()) {
        assert!(json::scan_str(line).is_ok() && !line.contains(|c: char| c < ' '), "{line:?}");
    }
    come_back(&records, &messages);
    passes_through(&messages);
    if source == "select(true)" {
        same_values(&plain, &messages);
    }
    styled(source, *look, &messages, &plain);
    in_no_time(begun, bytes);
}

/// What comes out for these messages.
fn lines(source: Option<&str>, style: Style, envelope: bool, messages: &[Message]) -> String {
    let (out, told) = (Kept::default(), Kept::default());
    let report = Report::to(Box::new(told.clone()), Level::Notice, false, false);
    let config = Config { filter: source.map(compiled), style, envelope, ..Config::default() };
    let mut pipeline = Pipeline::new(config, Box::new(out.clone()), report);
    for (seq, message) in (1..).zip(messages) {
        let kind =
            Kind::Message { dir: Direction::In, seq, message: message.clone(), role: Role::Data, part: None };
        pipeline.take(&Event { at: jiff::Timestamp::UNIX_EPOCH, conn: 1, kind });
    }
    pipeline.flush();
    // What is told of a failing program has the message's words in it.
    assert!(!told.text().contains(|c| acts(c) && c != '\n'), "{:?}", told.text());
    out.text()
}

/// A program is compiled once.
fn compiled(source: &str) -> Program {
    thread_local! {
        static COMPILED: std::cell::RefCell<HashMap<String, Program>> = std::cell::RefCell::default();
    }
    COMPILED.with_borrow_mut(|all| {
        let compile = || Program::compile("--filter", source, &Vars::default()).expect("a program");
        all.entry(source.to_owned()).or_insert_with(compile).clone()
    })
}

/// A record holds its message.
fn come_back(records: &str, messages: &[Message]) {
    assert_eq!(records.lines().count(), messages.len());
    for (line, message) in records.lines().zip(messages) {
        let Some(Moment { what: What::Message(Direction::In, back), .. }) = record::read_moment(line) else {
            panic!("no record: {line}");
        };
        assert_eq!(normal(&back), normal(message));
    }
}

/// Of JSON, a record keeps all but the white space around it and its line breaks.
pub(super) fn normal(message: &Message) -> Message {
    let json = message.as_text().filter(|text| json::scan_str(text).is_ok());
    json.map_or(message.clone(), |text| Message::text(laid_out(text, json::compact_into)))
}

/// Without a filter, JSON comes out as it came, on one line.
fn passes_through(messages: &[Message]) {
    for message in messages {
        let out = lines(None, Style::default(), false, std::slice::from_ref(message));
        let line = out.strip_suffix('\n').expect("a line");
        let Some(text) = message.as_text().filter(|text| json::scan_str(text).is_ok()) else { continue };
        let kept = line == text.trim_ascii();
        assert!(kept || line == laid_out(text, json::compact_into) && text.contains(['\n', '\r']), "{line}");
    }
}

/// Through the engine, values are what they were.
fn same_values(plain: &str, messages: &[Message]) {
    let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
    let texts = messages.iter().map(|message| message.as_text());
    let known: Vec<_> = texts.map(|text| text.and_then(value)).collect();
    // Of a message that is refused, such as one with half a character, there is no line.
    if plain.lines().count() == messages.len() {
        for (line, known) in plain.lines().zip(known) {
            assert!(known.is_none() || value(line) == known, "{line}");
        }
    }
}

/// The same outputs in another look.
fn styled(source: &str, look: u8, messages: &[Message], plain: &str) {
    let has = |bit: u8| look & bit != 0;
    let binary = if has(32) { BinaryForm::Hex } else { BinaryForm::Base64 };
    let indent = has(4).then_some("  ");
    let (raw, join, color, terminal) = (has(1), has(2), has(8), has(16));
    let style = Style { raw, join, indent, color, terminal, binary, ..Style::default() };
    let out = lines(Some(source), style, false, messages);
    let bare = if style.color { without_color(&out) } else { out };
    if style.terminal {
        assert!(!bare.contains(|c| acts(c) && c != '\n'), "{bare:?}");
    }
    // Base64 and quotes are part of the value, an escape for the terminal is another spelling of it.
    if !style.raw && !style.join && !style.terminal && binary == BinaryForm::Base64 {
        assert_eq!(laid_out(&bare, json::compact_into), laid_out(plain, json::compact_into));
    }
}

/// Output that is kept.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    fn text(&self) -> String {
        let bytes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8(bytes.clone()).expect("text")
    }
}

impl Output for Kept {
    fn name(&self) -> String {
        "memory".to_owned()
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), PartialWrite> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(())
    }
}

impl std::io::Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
