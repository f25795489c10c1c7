//! Dialects that people describe themselves, in a TOML file: `-d FILE`, or `-d NAME` for `dialects/NAME.toml` in
//! the configuration folder. `schema` says what can stand there, `mask` how messages are recognised.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;

use super::rules::{self, RulesDialect};
use super::{
    Beat, Client, ClientSetup, CloseRule, Credential, CredentialPlace, Dialect, Facts, Meaning, Rhythm, Sign,
    Silence, TopicCheck, Var,
};
use crate::codec;
use crate::error::{Failure, Result, line_of};
use crate::file;
use crate::message::Message;
use crate::net::WsUrl;
use crate::provider::Provider;
use crate::secret::Secret;

mod mask;
pub(super) mod schema;

use mask::Mask;

/// A dialect from a file.
#[derive(Debug)]
pub struct Custom {
    name: &'static str,
    summary: &'static str,
    file: Arc<schema::File>,
    credential: Option<Credential>,
}

/// The dialect of a name that is none of the built-in ones: the path of a file, or the name of one in `folder`.
///
/// # Errors
/// A usage failure that says what is wrong in which line; `None` if there is no such file in the folder.
pub fn find(name: &str, folder: Option<&Path>) -> Result<Option<&'static dyn Dialect>> {
    if name.contains('/') || name.ends_with(".toml") {
        return read(Path::new(name)).map(Some);
    }
    let path = folder.map(|folder| folder.join(format!("{name}.toml"))).filter(|path| path.is_file());
    path.map(|path| read(&path)).transpose()
}

/// The first dialect in `folder`, by name, that a host belongs to. Files that cannot be used are somebody else's
/// problem: who names them is told.
#[must_use]
pub fn for_host(host: &str, folder: &Path) -> Option<&'static dyn Dialect> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    // A FIFO would never end.
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml") && path.is_file());
    files.sort();
    let mut dialects = files.iter().filter_map(|path| read(path).ok());
    dialects.find(|dialect| dialect.owns(host, ""))
}

/// Reads a file of either version. A process has one dialect and needs it to its end.
fn read(path: &Path) -> Result<&'static dyn Dialect> {
    let shown = path.display().to_string();
    let text = file::text(path, file::MAX_WRITTEN)
        .map_err(|error| Failure::usage_of_system(format!("dialect {shown}"), &error))?;
    let folder = file::folder_of(path);
    if rules::is_rules_file(&text) {
        return Ok(Box::leak(Box::new(RulesDialect::parse(&text, &shown, folder)?)));
    }
    let custom = Custom::parse_in(&text, folder)
        .map_err(|(line, why)| Failure::usage(format!("{shown}:{line}: {why}")))?;
    Ok(Box::leak(Box::new(custom)))
}

impl Custom {
    /// The error is a line, from 1, and what is wrong there.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn parse(text: &str) -> std::result::Result<Self, (usize, String)> {
        Self::parse_in(text, Path::new(""))
    }

    /// The same of a file in this folder.
    fn parse_in(text: &str, folder: &Path) -> std::result::Result<Self, (usize, String)> {
        let mut file: schema::File = toml::from_str(text).map_err(|error| {
            let at = error.span().map_or(0, |span| span.start);
            (line_of(text, at), error.message().lines().collect::<Vec<_>>().join("; "))
        })?;
        check(&file).map_err(|(near, why)| (line_of(text, text.find(&near).unwrap_or(0)), why))?;
        file.decode.iter_mut().chain(&mut file.encode).for_each(|step| codec::anchor(step, folder));
        let credential = file.credential.as_ref().map(|credential| Credential {
            place: match &credential.place {
                schema::PlaceOption::Query(name) => CredentialPlace::Query(kept(name)),
                schema::PlaceOption::Header(name) => CredentialPlace::Header(kept(name)),
                schema::PlaceOption::Bearer => CredentialPlace::Bearer,
                schema::PlaceOption::Message => CredentialPlace::Message,
            },
            variable: kept(&credential.env),
        });
        let (name, summary) = (kept(&file.name), kept(&file.summary));
        Ok(Self { name, summary, file: Arc::new(file), credential })
    }
}

/// Is the host one of these? `*.example.com` is every host below that one.
pub(super) fn is_host_of(host: &str, hosts: &[String]) -> bool {
    let host = host.to_ascii_lowercase();
    hosts.iter().any(|known| match known.to_ascii_lowercase().strip_prefix("*.") {
        Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
        None => host == known.to_ascii_lowercase(),
    })
}

/// What the types of the fields cannot say. The error has a text that stands near the mistake.
fn check(file: &schema::File) -> std::result::Result<(), (String, String)> {
    if let Some(code) = file.close.keys().find(|code| !matches!(code.parse(), Ok(1000..=4999u16))) {
        return Err((code.clone(), format!("invalid close code {code:?} (expected 1000 to 4999)")));
    }
    if let Some(keepalive) = &file.keepalive
        && keepalive.send.is_some() != keepalive.every.is_some()
    {
        return Err(("[keepalive]".into(), "`send` and `every` must be used together".into()));
    }
    let pointers = [&file.recognise.refusal_code, &file.recognise.refusal_text];
    let of_event = file.event.iter().flat_map(|event| [&event.id, &event.cursor]);
    for pointer in pointers.into_iter().chain(of_event).flatten() {
        if !pointer.starts_with('/') {
            let why =
                format!("invalid JSON pointer {pointer:?} (expected a leading slash, as in \"/payload/id\")");
            return Err((pointer.clone(), why));
        }
    }
    check_sense(file)
}

/// What would be without effect, or fail at every use.
fn check_sense(file: &schema::File) -> std::result::Result<(), (String, String)> {
    for (key, steps) in [("decode", &file.decode), ("encode", &file.encode)] {
        codec::check(steps).map_err(|why| (key.to_owned(), why))?;
    }
    if let Some((url, Err(failure))) = file.url.as_ref().map(|url| (url, WsUrl::parse(url))) {
        return Err((url.clone(), failure.what));
    }
    let is_said =
        file.greeting.iter().flat_map(|greeting| &greeting.send).any(|text| text.contains("{token}"));
    if file.credential.as_ref().is_some_and(|credential| credential.place == schema::PlaceOption::Message)
        && !is_said
    {
        return Err((
            "[credential]".into(),
            "the credential goes in a message, but no [greeting] contains {token}".into(),
        ));
    }
    let resumes = file.subscribe.as_ref().is_some_and(|subscribe| subscribe.resume.is_some());
    if resumes && file.event.as_ref().is_none_or(|event| event.cursor.is_none()) {
        return Err(("resume".into(), "`resume` needs the `cursor` of an [event]".into()));
    }
    Ok(())
}

fn kept(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

impl Dialect for Custom {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn examples(&self) -> &'static [&'static str] {
        &[]
    }

    fn default_url(&self, _var: Var<'_>) -> Option<String> {
        self.file.url.clone()
    }

    fn owns(&self, host: &str, _path: &str) -> bool {
        is_host_of(host, &self.file.hosts)
    }

    fn subprotocols(&self) -> Vec<String> {
        self.file.subprotocols.clone()
    }

    fn credential(&self) -> Option<Credential> {
        self.credential
    }

    fn check_topic(&self, topic: &str) -> TopicCheck {
        if self.file.subscribe.is_some() {
            return TopicCheck::Fine;
        }
        let name = &self.file.name;
        TopicCheck::Wrong(format!("cannot subscribe to '{topic}': dialect {name} has no [subscribe]"))
    }

    fn needs_topics(&self) -> bool {
        self.file.subscribe.is_some()
    }

    fn takes_topics(&self) -> bool {
        self.file.subscribe.is_some()
    }

    /// Who wrote a file and names it wants what it says.
    fn rules_raw_sessions(&self) -> bool {
        true
    }

    fn pings(&self) -> bool {
        self.file.pings
    }

    fn decode(&self) -> &[String] {
        &self.file.decode
    }

    fn encode(&self) -> &[String] {
        &self.file.encode
    }

    fn client(&self, setup: &ClientSetup<'_>) -> Result<Box<dyn Client>> {
        Ok(Box::new(CustomClient {
            file: Arc::clone(&self.file),
            credential: setup.credential.clone(),
            numbers: HashMap::new(),
            next: 1,
            waiting: None,
            answers: Vec::new(),
        }))
    }

    fn provider(&self) -> Option<&'static dyn Provider> {
        None
    }
}

struct CustomClient {
    file: Arc<schema::File>,
    credential: Option<Secret>,
    /// The number that stood for `{n}` in each topic's subscription, for its end.
    numbers: HashMap<String, u64>,
    next: u64,
    /// What is to be subscribed to once the greeting has been answered.
    waiting: Option<(Vec<String>, Option<String>)>,
    answers: Vec<Message>,
}

impl Client for CustomClient {
    fn renew(&mut self, credential: Secret) {
        self.credential = Some(credential);
    }

    fn subscribe(&mut self, topics: &[String], cursor: Option<&str>) -> Vec<Message> {
        let file = Arc::clone(&self.file);
        let Some(greeting) = &file.greeting else { return self.requests(topics, cursor) };
        let token = self.credential.as_ref().map(Secret::expose).unwrap_or_default();
        let mut messages: Vec<Message> = greeting
            .send
            .iter()
            .map(|text| Message::text(text.replace("{token}", &escaped(token))))
            .collect();
        if greeting.wait_for.is_some() {
            self.waiting = Some((topics.to_vec(), cursor.map(str::to_owned)));
        } else {
            messages.extend(self.requests(topics, cursor));
        }
        messages
    }

    /// Without another greeting, and not before the first one has been answered.
    fn subscribe_more(&mut self, topics: &[String], cursor: Option<&str>) -> Vec<Message> {
        if let Some((waiting, _)) = &mut self.waiting {
            waiting.extend_from_slice(topics);
            return Vec::new();
        }
        self.requests(topics, cursor)
    }

    fn unsubscribe(&mut self, topics: &[String]) -> Vec<Message> {
        let file = Arc::clone(&self.file);
        let Some(request) = file.unsubscribe.as_ref().filter(|_| !topics.is_empty()) else {
            return Vec::new();
        };
        self.fill(&request.send, topics, None)
    }

    fn expects_ack(&self) -> bool {
        let waits = self.file.greeting.as_ref().is_some_and(|greeting| greeting.wait_for.is_some());
        waits || !self.file.recognise.ack.is_empty()
    }

    fn understand(&mut self, message: &Message) -> Meaning {
        match message.as_text().and_then(|text| serde_json::from_str(text).ok()) {
            Some(value @ Value::Object(_)) => {
                self.answer(&value);
                self.meaning(&value)
            }
            _ => Meaning::EVENT,
        }
    }

    fn answers(&mut self) -> Vec<Message> {
        std::mem::take(&mut self.answers)
    }

    fn rhythm(&self) -> Rhythm {
        let Some(keepalive) = &self.file.keepalive else { return Rhythm::default() };
        let heartbeats = !self.file.recognise.heartbeat.is_empty();
        let beat = keepalive.send.as_ref().zip(keepalive.every);
        Rhythm {
            beat: beat.map(|(text, every)| Beat {
                every,
                message: Message::text(text.as_str()),
                answered: true,
            }),
            silence: keepalive.silence.map(|limit| Silence {
                limit,
                counts: if heartbeats { Sign::Heartbeat } else { Sign::Frame },
            }),
        }
    }

    fn close_rule(&self, code: u16) -> Option<CloseRule> {
        let close = self.file.close.get(&code.to_string())?;
        Some(CloseRule { meaning: kept(&close.meaning), retry: close.retry, exit: close.exit })
    }

    fn replays(&self) -> bool {
        self.file.subscribe.as_ref().is_some_and(|subscribe| subscribe.resume.is_some())
    }

    fn dedupe(&self) -> usize {
        self.file.event.as_ref().map_or(0, |event| event.dedupe)
    }
}

impl CustomClient {
    fn requests(&mut self, topics: &[String], cursor: Option<&str>) -> Vec<Message> {
        let file = Arc::clone(&self.file);
        let Some(request) = file.subscribe.as_ref().filter(|_| !topics.is_empty()) else { return Vec::new() };
        match (&request.resume, cursor) {
            (Some(resume), Some(cursor)) => self.fill(resume, topics, Some(cursor)),
            _ => self.fill(&request.send, topics, None),
        }
    }

    /// One message a topic, or one for all of them.
    fn fill(&mut self, template: &str, topics: &[String], cursor: Option<&str>) -> Vec<Message> {
        let template = template.replace("{cursor}", &escaped(cursor.unwrap_or_default()));
        if template.contains("{topics}") {
            let all = serde_json::Value::from(topics).to_string();
            let text = template.replace("{topics}", &all);
            return vec![Message::text(self.numbered(&text, ""))];
        }
        let one = |topic: &String| {
            let text = self.numbered(&template, topic);
            Message::text(text.replace("{topic}", &escaped(topic)))
        };
        topics.iter().map(one).collect()
    }

    /// The number is the topic's own from its first message on, so that its end can name it.
    fn numbered(&mut self, text: &str, topic: &str) -> String {
        if !text.contains("{n}") {
            return text.to_owned();
        }
        let next = &mut self.next;
        let number = *self.numbers.entry(topic.to_owned()).or_insert_with(|| {
            *next += 1;
            *next - 1
        });
        text.replace("{n}", &number.to_string())
    }

    fn answer(&mut self, value: &Value) {
        let file = Arc::clone(&self.file);
        let fitting = file.reply.iter().filter(|reply| reply.to.fits(value));
        self.answers.extend(fitting.map(|reply| Message::text(reply.send.as_str())));
        let greeted = file.greeting.as_ref().and_then(|greeting| greeting.wait_for.as_ref());
        if greeted.is_some_and(|mask| mask.fits(value))
            && let Some((topics, cursor)) = self.waiting.take()
        {
            let requests = self.requests(&topics, cursor.as_deref());
            self.answers.extend(requests);
        }
    }

    fn meaning(&self, value: &Value) -> Meaning {
        let rules = &self.file.recognise;
        let any = |masks: &[Mask]| masks.iter().any(|mask| mask.fits(value));
        let greeted = self.file.greeting.as_ref().and_then(|greeting| greeting.wait_for.as_ref());
        if any(&rules.pong) {
            Meaning::Pong
        } else if any(&rules.heartbeat)
            || any(&rules.ignore)
            || self.file.reply.iter().any(|r| r.to.fits(value))
        {
            Meaning::Heartbeat
        } else if greeted.is_some_and(|mask| mask.fits(value)) {
            Meaning::Confirmed { action: "greeting".into(), topics: Vec::new() }
        } else if any(&rules.ack) {
            Meaning::Confirmed { action: "subscribe".into(), topics: Vec::new() }
        } else if any(&rules.refusal) {
            let at = |pointer: &Option<String>| pointer.as_deref().and_then(|it| word(value, it));
            Meaning::Refused {
                action: "subscribe".into(),
                topics: Vec::new(),
                code: at(&rules.refusal_code).unwrap_or_else(|| "an error".into()),
                message: at(&rules.refusal_text).unwrap_or_else(|| value.to_string()),
                retry: false,
            }
        } else {
            Meaning::Event(self.facts(value))
        }
    }

    fn facts(&self, value: &Value) -> Facts {
        let Some(event) = &self.file.event else { return Facts::default() };
        let at = |pointer: &Option<String>| pointer.as_deref().and_then(|it| word(value, it));
        Facts { id: at(&event.id), cursor: at(&event.cursor) }
    }
}

/// What stands at a place, as text.
fn word(value: &Value, pointer: &str) -> Option<String> {
    match value.pointer(pointer)? {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

/// A text as it stands between the quotes of a JSON string.
fn escaped(text: &str) -> String {
    let quoted = Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

#[cfg(test)]
mod tests {
    use super::super::format::VERSION_1;
    use super::super::format_tests::assert_parser_takes;
    use super::*;
    use crate::exit::Exit;

    const GRAPHQL: &str = include_str!("../../../examples/dialects/graphql-transport-ws.toml");
    const RPC: &str = include_str!("../../../examples/dialects/rpc-websockets.toml");

    fn client(text: &str, token: Option<&str>) -> Box<dyn Client> {
        let custom = Custom::parse(text).unwrap();
        let setup = ClientSetup { credential: token.map(Secret::new), ..ClientSetup::default() };
        custom.client(&setup).unwrap()
    }

    fn texts(messages: &[Message]) -> Vec<&str> {
        messages.iter().map(|message| message.as_text().unwrap()).collect()
    }

    #[test]
    fn a_greeting_is_waited_for_before_anything_is_subscribed_to() {
        let mut client = client(GRAPHQL, None);
        let topics = ["subscription { \"a\" }".to_owned(), "b".to_owned()];
        assert_eq!(texts(&client.subscribe(&topics, None)), [r#"{"type":"connection_init"}"#]);
        let ack = Message::text(r#"{"type":"connection_ack","payload":{}}"#);
        assert!(matches!(client.understand(&ack), Meaning::Confirmed { action, .. } if action == "greeting"));
        assert_eq!(
            texts(&client.answers()),
            [
                r#"{"id":"1","type":"subscribe","payload":{"query":"subscription { \"a\" }"}}"#,
                r#"{"id":"2","type":"subscribe","payload":{"query":"b"}}"#
            ]
        );
        assert!(client.answers().is_empty());
        assert_eq!(texts(&client.unsubscribe(&topics)[1..]), [r#"{"id":"2","type":"complete"}"#]);
        // The greeting is not said again on the same connection, and what comes before its answer waits for it.
        let more = ["c".to_owned()];
        assert_eq!(texts(&client.subscribe_more(&more, None)).len(), 1);
        client.subscribe(&topics, None);
        assert!(client.subscribe_more(&more, None).is_empty());
        client.understand(&Message::text(r#"{"type":"connection_ack"}"#));
        assert_eq!(client.answers().len(), 3);
    }

    #[test]
    fn masks_decide_what_a_message_means() {
        let mut client = client(GRAPHQL, None);
        let mut meaning = |text: &str| client.understand(&Message::text(text));
        assert_eq!(meaning(r#"{"type":"ping"}"#), Meaning::Heartbeat);
        assert_eq!(meaning(r#"{"type":"pong"}"#), Meaning::Pong);
        assert_eq!(meaning(r#"{"id":"1","type":"next","payload":{"data":{}}}"#), Meaning::EVENT);
        for other in ["", "7", "[]", "{\"type\":7}", "{\"type\":"] {
            assert_eq!(meaning(other), Meaning::EVENT, "{other}");
        }
        let refused = meaning(r#"{"id":"1","type":"error","payload":[{"message":"no such field"}]}"#);
        assert!(matches!(refused, Meaning::Refused { message, .. } if message == "no such field"));
        assert_eq!(texts(&client.answers()), [r#"{"type":"pong"}"#]);
        let rule = client.close_rule(4401).unwrap();
        assert_eq!((rule.retry, rule.exit), (false, Exit::Credentials));
        assert_eq!(client.close_rule(4999), None);
    }

    #[test]
    fn one_message_for_all_topics_and_ids_of_events() {
        let mut client = client(RPC, None);
        let topics = ["a".to_owned(), "b".to_owned()];
        assert_eq!(
            texts(&client.subscribe(&topics, None)),
            [r#"{"jsonrpc":"2.0","method":"rpc.on","params":["a","b"],"id":1}"#]
        );
        let text =
            "name = 'x'\n[event]\nid = '/id'\ncursor = '/at/0'\n[subscribe]\nsend = 's'\nresume = '{cursor}'";
        let mut client = self::client(text, None);
        let facts = Facts { id: Some("7".into()), cursor: Some("c".into()) };
        assert_eq!(client.understand(&Message::text(r#"{"id":7,"at":["c"]}"#)), Meaning::Event(facts));
        assert_eq!(texts(&client.subscribe(&topics[..1], Some("c\"d"))), [r#"c\"d"#]);
        assert!(client.replays() && client.dedupe() == 1000);
    }

    #[test]
    fn a_credential_may_go_into_the_greeting() {
        let text =
            "name = 'x'\n[credential]\nin = 'message'\nenv = 'X'\n[greeting]\nsend = '{\"t\":\"{token}\"}'";
        assert_eq!(Custom::parse(text).unwrap().credential().unwrap().place, CredentialPlace::Message);
        assert_eq!(texts(&client(text, Some("a\"b")).subscribe(&[], None)), [r#"{"t":"a\"b"}"#]);
    }

    #[test]
    fn mistakes_are_told_with_their_lines() {
        let cases = [
            ("", 1, "name"),
            ("name = 'x'\nurll = 'y'", 2, "urll"),
            ("name = 'x'\n\n[keepalive]\nevery = 'soon'", 4, "30s"),
            ("name = 'x'\n[keepalive]\nevery = '1s'", 2, "used together"),
            ("name = 'x'\n[credential]\nin = 'cookie'\nenv = 'X'", 3, "query:NAME"),
            ("name = 'x'\n[recognise]\nack = [{}]", 3, "a table of fields"),
            ("name = 'x'\n[close]\n12 = { meaning = 'y' }", 3, "close code"),
            ("name = 'x'\n[event]\nid = 'id'", 3, "slash"),
            ("name = 'x'\nurl = 'ftp://h/'", 2, "scheme"),
            ("name = 'x'\n[credential]\nin = 'message'\nenv = 'X'", 2, "{token}"),
            ("name = 'x'\n[subscribe]\nsend = 's'\nresume = '{cursor}'", 4, "cursor"),
            ("name = ", 1, ""),
        ];
        for (text, line, word) in cases {
            let (at, why) = Custom::parse(text).unwrap_err();
            assert!(at == line && why.contains(word), "{text:?}: {at}: {why}");
        }
    }

    #[test]
    fn the_tables_of_the_format_are_what_the_parser_takes() {
        let parse = |text: &str| match toml::from_str::<schema::File>(text) {
            Ok(file) => Ok(format!("{file:?}")),
            Err(error) => Err(error.message().to_owned()),
        };
        assert_parser_takes(VERSION_1, "name = 'x'", &parse);
    }

    #[test]
    fn hosts_are_whole_names() {
        let custom = Custom::parse("name = 'x'\nhosts = ['a.test', '*.b.test']").unwrap();
        assert!(custom.owns("A.test", "/") && custom.owns("x.B.test", "/") && custom.owns("y.x.b.test", "/"));
        assert!(!custom.owns("b.test", "/") && !custom.owns("xb.test", "/") && !custom.owns("xa.test", "/"));
    }

    #[test]
    fn depth_in_a_file_is_a_mistake_like_any_other() {
        for opening in ["name=[", "[", "a.", "a={a="] {
            assert!(Custom::parse(&opening.repeat(100_000)).is_err());
        }
        assert!(Custom::parse(&format!("name={}", "[".repeat(100_000))).is_err());
    }
}
