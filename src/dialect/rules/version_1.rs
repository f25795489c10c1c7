//! Dialect files of version 1, whose masks and constant texts become rules: a mask is a condition, a pointer a path, and a
//! text with places to fill a jq string.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::{Map, Value};
use toml::Spanned;

use super::schema::{
    CloseTable, CredentialTable, DialectHead, KeepaliveTable, OpenTable, RequestTable, RuleTable, RulesFile,
    Source, one_or_many, positive,
};
use super::{MistakeAt, VERSION};
use crate::dialect::CredentialPlace;
use crate::json::quoted;

/// A file of version 1. Every field is optional but `name`; what is left out is as in the plain dialect.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MaskFile {
    name: String,
    #[serde(default)]
    summary: String,
    url: Option<Spanned<String>>,
    #[serde(default)]
    hosts: Vec<String>,
    #[serde(default)]
    subprotocols: Vec<String>,
    #[serde(default = "super::schema::yes")]
    pings: bool,
    #[serde(default)]
    decode: Vec<String>,
    #[serde(default)]
    encode: Vec<String>,
    credential: Option<CredentialTable>,
    greeting: Option<Greeting>,
    subscribe: Option<TextTable>,
    unsubscribe: Option<TextTable>,
    keepalive: Option<ConstantBeat>,
    #[serde(default)]
    reply: Vec<ConstantReply>,
    #[serde(default)]
    recognise: Recognise,
    event: Option<EventPointers>,
    #[serde(default)]
    close: BTreeMap<String, CloseTable>,
}

/// What is said first on every connection.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Greeting {
    /// Messages, with `{token}` for the credential.
    #[serde(deserialize_with = "one_or_many")]
    send: Vec<String>,
    /// Nothing is subscribed to before this has come.
    wait_for: Option<Mask>,
}

/// A message for every topic, or one for all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TextTable {
    /// With `{topics}` it is sent once; else once a topic, with `{topic}`. `{n}` is a number of its own for each.
    send: String,
    /// What is sent in its place once there is a cursor, as `{cursor}`.
    resume: Option<String>,
}

/// What keeps a connection alive.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConstantBeat {
    send: Option<String>,
    #[serde(default, deserialize_with = "positive")]
    every: Option<Duration>,
    #[serde(default, deserialize_with = "positive")]
    silence: Option<Duration>,
}

/// What is sent back whenever something comes.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConstantReply {
    to: Mask,
    send: String,
}

/// What messages mean that are not events. A message that fits several is the first of them.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Recognise {
    pong: Vec<Mask>,
    heartbeat: Vec<Mask>,
    ack: Vec<Mask>,
    refusal: Vec<Mask>,
    /// Where a refusal has its code and its text (JSON pointers, RFC 6901).
    refusal_code: Option<String>,
    refusal_text: Option<String>,
    /// Bookkeeping that is not worth a notice.
    ignore: Vec<Mask>,
}

/// What there is to know of an event (JSON pointers, RFC 6901).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventPointers {
    id: Option<String>,
    cursor: Option<String>,
    #[serde(default = "thousand")]
    dedupe: usize,
}

fn thousand() -> usize {
    1000
}

/// The fields that a message must have, with their values; `"*"` stands for any value, and objects may have more fields than
/// their masks.
#[derive(Debug)]
struct Mask(Map<String, Value>);

impl<'de> Deserialize<'de> for Mask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            // TOML has no null of its own.
            mask if has_null(&mask) => {
                Err(D::Error::custom("expected no inf or nan, which JSON does not have"))
            }
            Value::Object(fields) if !fields.is_empty() => Ok(Self(fields)),
            _ => Err(D::Error::custom("expected a table of fields, such as { type = \"ack\" }")),
        }
    }
}

fn has_null(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Array(items) => items.iter().any(has_null),
        Value::Object(fields) => fields.values().any(has_null),
        _ => false,
    }
}

/// The condition of a mask. It fails only on a message that is not an object, which fits no other mask either.
fn condition(mask: &Map<String, Value>) -> String {
    let fields = mask.iter().map(|(name, value)| {
        let name = literal(name);
        match value {
            Value::String(any) if any == "*" => format!("has({name})"),
            Value::Object(fields) if fields.is_empty() => format!("(.[{name}] | type == \"object\")"),
            Value::Object(fields) => format!("(.[{name}] | type == \"object\" and {})", condition(fields)),
            value => format!(".[{name}] == {}", without_variables(&value.to_string())),
        }
    });
    fields.collect::<Vec<_>>().join(" and ")
}

/// The condition that a message fits one of these masks, if there are any.
fn any_of<'m>(masks: impl IntoIterator<Item = &'m Mask>) -> Option<String> {
    let conditions: Vec<String> = masks.into_iter().map(|mask| format!("({})", condition(&mask.0))).collect();
    (!conditions.is_empty()).then(|| conditions.join(" or "))
}

/// What is at a JSON pointer: no output where it leads nowhere.
fn at_pointer(pointer: &str) -> String {
    let steps = pointer.split('/').skip(1).map(|step| {
        let name = literal(&step.replace("~1", "/").replace("~0", "~"));
        let is_index = step == "0" || !step.starts_with(['0', '+']) && step.parse::<u32>().is_ok();
        // A number is an index or the name of a field.
        if is_index { format!("(.[{step}]?, .[{name}]?)") } else { format!(".[{name}]?") }
    });
    steps.collect::<Vec<_>>().join(" | ")
}

/// A text in jq.
fn literal(text: &str) -> String {
    without_variables(&quoted(text))
}

/// Escapes the dollar signs within strings, so that no text looks as if it used a variable.
fn without_variables(json: &str) -> String {
    json.replace('$', "\\u0024")
}

/// Replaces placeholders, such as `{topic}`, by values that are escaped as between the quotes of a JSON string.
fn filled(text: &str, places: &[(&str, &str)]) -> String {
    places.iter().fold(literal(text), |text, (place, value)| text.replace(place, value))
}

const TOKEN: (&str, &str) = ("{token}", r#"\($token // "" | tojson | .[1:-1])"#);
const CURSOR: (&str, &str) = ("{cursor}", r"\($cursor | tojson | .[1:-1])");
const NO_CURSOR: (&str, &str) = ("{cursor}", "");
const TOPICS: (&str, &str) = ("{topics}", r"\($topics)");
const TOPIC: (&str, &str) = ("{topic}", r"\($topic | tojson | .[1:-1])");

/// The messages that subscribe, or end that with the `number` of what subscribed.
fn request(table: &TextTable, number: &str, at: usize) -> RequestTable {
    let places = |cursor| [cursor, TOPICS, TOPIC, ("{n}", number)];
    let messages = |for_all: bool| {
        let of = |text: &str, cursor| {
            let is_of_kind = text.contains(TOPICS.0) == for_all;
            if is_of_kind { filled(text, &places(cursor)) } else { "empty".to_owned() }
        };
        let first = of(&table.send, NO_CURSOR);
        let resumed = table.resume.as_ref().map_or_else(|| first.clone(), |resume| of(resume, CURSOR));
        let program = if first == resumed {
            first
        } else {
            format!("if $cursor == null then {first} else {resumed} end")
        };
        (program != "empty").then(|| source(at, program))
    };
    RequestTable { send: messages(true), each: messages(false), call: None }
}

fn source(at: usize, program: String) -> Source {
    Spanned::new(at..at, program)
}

impl MaskFile {
    /// What the types of the fields cannot say.
    pub(super) fn check(&self) -> Result<(), (MistakeAt<'_>, String)> {
        let wrong = |near, why: &str| Err((MistakeAt::Text(near), why.to_owned()));
        if self.keepalive.as_ref().is_some_and(|beat| beat.send.is_some() != beat.every.is_some()) {
            return wrong("[keepalive]", "`send` and `every` must be used together");
        }
        let pointers = [&self.recognise.refusal_code, &self.recognise.refusal_text];
        let of_event = self.event.iter().flat_map(|event| [&event.id, &event.cursor]);
        let mut pointers = pointers.into_iter().chain(of_event).flatten();
        if let Some(pointer) = pointers.find(|pointer| !pointer.starts_with('/')) {
            let why =
                format!("invalid JSON pointer {pointer:?} (expected a leading slash, as in \"/payload/id\")");
            return wrong(pointer, &why);
        }
        let mut said = self.greeting.iter().flat_map(|greeting| &greeting.send);
        if self.credential.as_ref().is_some_and(|credential| credential.place == CredentialPlace::Message)
            && !said.any(|text| text.contains(TOKEN.0))
        {
            return wrong(
                "[credential]",
                "the credential goes in a message, but no [greeting] contains {token}",
            );
        }
        if self.subscribe.as_ref().is_some_and(|subscribe| subscribe.resume.is_some())
            && self.event.as_ref().is_none_or(|event| event.cursor.is_none())
        {
            return wrong("resume", "`resume` needs the `cursor` of an [event]");
        }
        Ok(())
    }

    /// The same as rules. `text` is the file.
    pub(super) fn into_rules(self, text: &str) -> RulesFile {
        let at = |near: &str| text.find(near).unwrap_or(0);
        let send = self.greeting.as_ref().filter(|greeting| !greeting.send.is_empty()).map(|greeting| {
            let said: Vec<String> = greeting.send.iter().map(|text| filled(text, &[TOKEN])).collect();
            source(at("[greeting]"), said.join(", "))
        });
        RulesFile {
            on: self.rules(&at),
            open: send.map(|send| OpenTable { send }),
            subscribe: self.subscribe.map(|table| request(&table, r"\($n)", at("[subscribe]"))),
            unsubscribe: self.unsubscribe.map(|table| request(&table, r"\($sub)", at("[unsubscribe]"))),
            keepalive: self.keepalive.map(|beat| KeepaliveTable {
                send: beat.send.map(|text| source(at("[keepalive]"), literal(&text))),
                every: beat.every,
                silence: beat.silence,
                any_frame: self.recognise.heartbeat.is_empty(),
                every_ms: None,
                silence_ms: None,
                answered: true,
            }),
            dialect: DialectHead {
                version: Spanned::new(0..0, VERSION),
                name: self.name,
                summary: self.summary,
                url: self.url,
                hosts: self.hosts,
                subprotocols: self.subprotocols,
                pings: self.pings,
                json: true,
                dedupe: Some(self.event.map_or(0, |event| event.dedupe)),
                decode: self.decode,
                encode: self.encode,
                group: String::new(),
                source: String::new(),
                date: String::new(),
                notes: String::new(),
                examples: Vec::new(),
            },
            credential: self.credential,
            close: self.close,
            keys: BTreeMap::new(),
            topics: None,
            connect: None,
            mock: None,
        }
    }

    fn rules(&self, at: &dyn Fn(&str) -> usize) -> Vec<RuleTable> {
        let recognise = &self.recognise;
        let replies = self
            .reply
            .iter()
            .map(|reply| format!("(select({}) | {})", condition(&reply.to.0), literal(&reply.send)));
        let replies = Some(replies.collect::<Vec<_>>().join(", ")).filter(|replies| !replies.is_empty());
        let rule = |name: &str, near: &str, when: Option<String>| {
            when.map(|when| RuleTable {
                name: name.to_owned(),
                when: Some(source(at(near), when)),
                ..RuleTable::default()
            })
        };
        // What is answered or ignored does not keep an idle session running either.
        let beats = recognise.heartbeat.iter().chain(&recognise.ignore);
        let beats = any_of(beats.chain(self.reply.iter().map(|reply| &reply.to)));
        let greeted = any_of(self.greeting.iter().filter_map(|greeting| greeting.wait_for.as_ref()));
        let mut rules = Vec::new();
        for (name, when) in [("pong", any_of(&recognise.pong)), ("heartbeat", beats)] {
            let Some(when) = when else { continue };
            let both = greeted.as_ref().map(|greeted| format!("{greeted} and ({when})"));
            for (when, ready) in [(both, true), (Some(when), false)] {
                rules.extend(rule(name, "[recognise]", when).map(|rule| RuleTable {
                    ready,
                    pong: name == "pong",
                    heartbeat: name == "heartbeat",
                    send: replies.clone().map(|replies| source(at("[[reply]]"), replies)),
                    ..rule
                }));
            }
        }
        rules.extend(rule("greeting", "wait_for", greeted).map(|rule| RuleTable { ready: true, ..rule }));
        let ack = rule("ack", "[recognise]", any_of(&recognise.ack));
        rules.extend(ack.map(|rule| RuleTable { confirm_unnamed: true, ..rule }));
        let refusal = rule("refusal", "[recognise]", any_of(&recognise.refusal));
        let refuse = Some(source(at("[recognise]"), recognise.refusal()));
        rules.extend(refusal.map(|rule| RuleTable { refuse, refuse_as_it_came: true, ..rule }));
        let value = |pointer: &Option<String>| {
            pointer.as_ref().map(|pointer| source(at(pointer), at_pointer(pointer)))
        };
        let event = self.event.as_ref();
        rules.push(RuleTable {
            name: "event".to_owned(),
            when: Some(source(at("[event]"), "type == \"object\"".to_owned())),
            event: Some(source(at("[event]"), ".".to_owned())),
            id: event.and_then(|event| value(&event.id)),
            cursor: event.and_then(|event| value(&event.cursor)),
            ..RuleTable::default()
        });
        rules
    }
}

impl Recognise {
    /// The code and the text of a refusal.
    fn refusal(&self) -> String {
        let first = |pointer: &Option<String>, default: &str| match pointer {
            Some(pointer) => format!("first(({} | select(. != null)), {default})", at_pointer(pointer)),
            None => default.to_owned(),
        };
        let code = first(&self.refusal_code, "\"an error\"");
        format!("{{code: {code}, message: {}}}", first(&self.refusal_text, "null"))
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::*;
    use crate::dialect::format::VERSION_1;
    use crate::dialect::format_tests::assert_parser_takes;
    use crate::dialect::rules::RulesDialect;
    use crate::dialect::{Client, ClientSetup, Dialect as _, Facts, Meaning};
    use crate::error::Result;
    use crate::exit::Exit;
    use crate::message::Message;
    use crate::secret::Secret;

    const GRAPHQL: &str = include_str!("../../../examples/dialects/graphql-transport-ws.toml");
    const RPC: &str = include_str!("../../../examples/dialects/rpc-websockets.toml");

    fn parse(text: &str) -> Result<RulesDialect> {
        RulesDialect::parse(text, "x.toml", Path::new(""))
    }

    fn client(text: &str, token: Option<&str>) -> Box<dyn Client> {
        let setup = ClientSetup { credential: token.map(Secret::new), ..ClientSetup::default() };
        parse(text).unwrap().client(&setup).unwrap()
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
    fn a_mask_that_does_not_fit_leaves_the_others_and_the_replies_alone() {
        let text = "
            name = 'x'
            [[reply]]
            to = { ping = { id = '*' } }
            send = 'one'
            [[reply]]
            to = { ping = -1 }
            send = 'two'
            [recognise]
            refusal = [{ error = { code = '*' } }, { status = 'error' }]
            ack = [{ r = { x = { y = 1 } } }, { op = 'sub' }]
            pong = [{ p = { q = {} } }, { op = 'pong' }]
            ";
        let mut client = client(text, None);
        let mut meaning = |text: &str| (client.understand(&Message::text(text)), client.answers());
        let refused = meaning(r#"{"status":"error","error":"no such topic"}"#).0;
        assert!(matches!(refused, Meaning::Refused { .. }), "{refused:?}");
        let confirmed = meaning(r#"{"op":"sub","r":{"x":[]}}"#).0;
        assert!(matches!(confirmed, Meaning::Confirmed { .. }), "{confirmed:?}");
        assert_eq!(meaning(r#"{"op":"pong","p":"x","ping":"x"}"#), (Meaning::Pong, Vec::new()));
        assert_eq!(meaning(r#"{"ping":-1}"#), (Meaning::Heartbeat, vec![Message::text("two")]));
        assert_eq!(meaning(r#"{"ping":{"id":1}}"#), (Meaning::Heartbeat, vec![Message::text("one")]));
        assert_eq!(meaning("[1]").0, Meaning::EVENT);
    }

    #[test]
    fn a_mask_of_what_json_does_not_have_is_refused() {
        for mask in ["{ a = inf }", "{ a = { b = nan } }", "{ a = [-inf] }"] {
            let failure = parse(&format!("name = 'x'\n[recognise]\npong = [{mask}]")).err().unwrap();
            assert!(failure.to_string().contains("inf or nan"), "{failure}");
        }
    }

    #[test]
    fn a_message_has_everything_that_its_mask_has() {
        let text = "name = 'x'\n[recognise]\npong = [{ type = 'ack', payload = { n = 1.0, id = '*', o = {} }, '$a' = true }]";
        let mut client = client(text, None);
        let payload = json!({"n": 1, "id": null, "o": {"p": 1}, "x": 1});
        let fits = json!({"type": "ack", "payload": payload, "$a": true, "y": 2});
        let mut meaning = |message: &Value| client.understand(&Message::text(message.to_string()));
        assert_eq!(meaning(&fits), Meaning::Pong);
        for (pointer, other) in [
            ("", json!(["type"])),
            ("", json!(null)),
            ("/type", json!("nack")),
            ("/$a", json!(1)),
            ("/payload", json!([])),
            ("/payload", json!(null)),
            ("/payload", json!({"n": 1, "o": {}})),
            ("/payload", json!({"id": 1, "o": {}})),
            ("/payload/n", json!(2)),
            ("/payload/o", json!([])),
        ] {
            let mut message = fits.clone();
            *message.pointer_mut(pointer).unwrap() = other;
            assert_eq!(meaning(&message), Meaning::EVENT, "{message}");
        }
    }

    #[test]
    fn what_is_answered_may_have_another_meaning_as_well() {
        let text = "name = 'x'\n[greeting]\nsend = 'hello'\nwait_for = { op = 'welcome' }\n\
            [subscribe]\nsend = '{topic} {n} {cursor}'\nresume = 'all {topics} {n} {cursor}'\n\
            [[reply]]\nto = { op = '*' }\nsend = 'thanks $cursor {n} \\(1)'\n\
            [[reply]]\nto = { op = 'welcome' }\nsend = 'again'\n\
            [recognise]\npong = [{ op = 'welcome' }]\nack = [{ ok = true }]\n[event]\ncursor = '/a~1b/0'";
        let mut client = client(text, None);
        let topics = ["a\"".to_owned(), "{n}".to_owned()];
        assert_eq!(texts(&client.subscribe(&topics, None)), ["hello"]);
        assert_eq!(client.understand(&Message::text(r#"{"op":"welcome"}"#)), Meaning::Pong);
        let thanks = r"thanks $cursor {n} \(1)";
        assert_eq!(texts(&client.answers()), [thanks, "again", r#"a\" 2 "#, "{n} 3 "]);
        assert_eq!(client.understand(&Message::text(r#"{"op":null}"#)), Meaning::Heartbeat);
        assert_eq!(texts(&client.answers()), [thanks]);
        assert_eq!(client.rhythm(), crate::dialect::Rhythm::default());
        let named = Meaning::Confirmed { action: "subscribe".into(), topics: Vec::new() };
        assert_eq!(client.understand(&Message::text(r#"{"ok":true}"#)), named);
        for text in [r#"{"a/b":[7]}"#, r#"{"a/b":{"0":"7"}}"#] {
            let facts = Facts { id: None, cursor: Some("7".into()) };
            assert_eq!(client.understand(&Message::text(text)), Meaning::Event(facts), "{text}");
        }
        let resumed = client.subscribe_more(&topics[..1], Some("c"));
        assert!(texts(&resumed)[0].starts_with(r#"all ["a\""] "#) && resumed.len() == 1, "{resumed:?}");
    }

    #[test]
    fn a_refusal_without_code_or_text_is_the_message_itself() {
        let text =
            "name = 'x'\n[recognise]\nrefusal = [{ no = '*' }]\nrefusal_code = '/code'\nrefusal_text = '/no'";
        let mut client = client(text, None);
        let mut refused = |text: &str| match client.understand(&Message::text(text)) {
            Meaning::Refused { code, message, .. } => (code, message),
            meaning => panic!("{meaning:?}"),
        };
        assert_eq!(refused(r#"{"no":"way","code":7}"#), ("7".to_owned(), "way".to_owned()));
        assert_eq!(refused(r#"{"no":false,"code":null}"#), ("an error".to_owned(), "false".to_owned()));
        assert_eq!(refused(r#"{"no":null}"#), ("an error".to_owned(), r#"{"no":null}"#.to_owned()));
    }

    #[test]
    fn masks_decide_what_a_message_means() {
        let mut client = client(GRAPHQL, None);
        let mut meaning = |text: &str| client.understand(&Message::text(text));
        assert_eq!(meaning(r#"{"type":"pong"}"#), Meaning::Pong);
        assert_eq!(meaning(r#"{"id":"1","type":"next","payload":{"data":{}}}"#), Meaning::EVENT);
        for other in ["", "7", "[]", "{\"type\":7}", "{\"type\":"] {
            assert_eq!(meaning(other), Meaning::EVENT, "{other}");
        }
        let refused = meaning(r#"{"id":"1","type":"error","payload":[{"message":"no such field"}]}"#);
        assert!(matches!(refused, Meaning::Refused { message, .. } if message == "no such field"));
        assert_eq!(client.understand(&Message::text(r#"{"type":"ping"}"#)), Meaning::Heartbeat);
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
        assert_eq!(parse(text).unwrap().credential().unwrap().place, CredentialPlace::Message);
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
            let what = parse(text).unwrap_err().what;
            assert!(what.starts_with(&format!("x.toml:{line}: ")) && what.contains(word), "{text:?}: {what}");
        }
    }

    #[test]
    fn the_tables_of_the_format_are_what_the_parser_takes() {
        let parse = |text: &str| match toml::from_str::<MaskFile>(text) {
            Ok(file) => Ok(format!("{file:?}")),
            Err(error) => Err(error.message().to_owned()),
        };
        assert_parser_takes(VERSION_1, "name = 'x'", &parse);
    }

    #[test]
    fn depth_in_a_file_is_a_mistake_like_any_other() {
        for opening in ["name=[", "[", "a.", "a={a="] {
            assert!(parse(&opening.repeat(100_000)).is_err());
        }
        assert!(parse(&format!("name={}", "[".repeat(100_000))).is_err());
    }
}
