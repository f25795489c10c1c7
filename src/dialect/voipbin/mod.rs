//! VoIPBIN: events of calls, messages, queues and so on, by topic. Written from the provider's WebSocket
//! documents (Overview, Structures, Tutorial); where the running service is known to differ, a comment says so.
//!
//! `wire` has the frames that both halves share, `topic` the grammar, `mock`, `real` and `world` the mock half.

use std::hash::Hasher as _;

use memchr::memmem::Finder;

use super::{
    Client, ClientSetup, Credential, CredentialPlace, Dialect, Facts, Known, Meaning, TopicCheck, Var,
};
use crate::error::Result;
use crate::message::Message;
use crate::provider::Provider;

mod complete;
mod lives;
mod mock;
mod real;
mod topic;
mod turns;
mod wire;
mod world;

/// The dialect of VoIPBIN's WebSocket.
pub struct Voipbin;

impl Dialect for Voipbin {
    fn name(&self) -> &'static str {
        "voipbin"
    }

    fn summary(&self) -> &'static str {
        "VoIPBIN: calls, messages; topic: SCOPE:ID:TYPE:RESOURCE_ID"
    }

    fn examples(&self) -> &'static [&'static str] {
        &[
            "subscribe -d voipbin 'customer_id:ID:call:*' -f .data.status",
            "subscribe --mock -d voipbin 'customer_id:ID:message:*' --count 3",
        ]
    }

    fn default_url(&self, _var: Var<'_>) -> Option<String> {
        Some("wss://api.voipbin.net/v1.0/ws".to_owned())
    }

    /// The second path is the service's own for agents; the documents name only the first.
    fn owns(&self, host: &str, path: &str) -> bool {
        let host = host.to_ascii_lowercase();
        host.ends_with(".voipbin.net") || path == mock::PATH || path == "/v1.0/service_agents/ws"
    }

    fn credential(&self) -> Option<Credential> {
        Some(Credential { place: CredentialPlace::Query("token"), variable: "VOIPBIN_TOKEN" })
    }

    /// "An access key works only as `accesskey`", whatever the documents say of `token`.
    fn other_credentials(&self) -> &'static [Credential] {
        &[Credential { place: CredentialPlace::Query("accesskey"), variable: "VOIPBIN_ACCESSKEY" }]
    }

    fn check_topic(&self, topic: &str) -> TopicCheck {
        topic::check(topic)
    }

    fn needs_topics(&self) -> bool {
        true
    }

    fn complete_topic(&self, typed: &str, known: &Known<'_>) -> Vec<String> {
        complete::complete(typed, known)
    }

    fn client(&self, _setup: &ClientSetup<'_>) -> Result<Box<dyn Client>> {
        let (ack, error) = (Finder::new(wire::ACK_MARK), Finder::new(wire::ERROR_MARK));
        Ok(Box::new(VoipbinClient { ack, error, doubled: false }))
    }

    fn provider(&self) -> Option<&'static dyn Provider> {
        Some(&mock::VoipbinMock)
    }
}

struct VoipbinClient {
    ack: Finder<'static>,
    error: Finder<'static>,
    /// A topic of fewer than four parts is subscribed to, which the service sends every event for twice.
    doubled: bool,
}

/// Hostile input to the grammar of topics.
#[cfg(any(test, fuzzing))]
pub(crate) fn hostile_topic(topic: &str) {
    topic::hostile(topic);
}

/// How many events are remembered to tell the second copy, which comes right after the first.
const COPIES: usize = 64;

impl Client for VoipbinClient {
    fn subscribe(&mut self, topics: &[String], _cursor: Option<&str>) -> Vec<Message> {
        self.doubled |= topics.iter().any(|topic| topic.split(':').count() < 4);
        wire::requests("subscribe", topics)
    }

    /// "Must match the exact topic patterns used during subscription" (Structures, Unsubscribe Message).
    fn unsubscribe(&mut self, topics: &[String]) -> Vec<Message> {
        wire::requests("unsubscribe", topics)
    }

    /// "Server may send acknowledgments" (Structures); the running service sends none at all.
    /// The documents show a confirmation; servers have been seen that send none, so its absence is only
    /// mentioned.
    fn expects_ack(&self) -> bool {
        true
    }

    /// Nearly every message is an event, in one of three shapes, and it must not be parsed here only to find
    /// that out. An answer spells its `type` as one of two quoted words, so a message without either is an
    /// event after two scans at memory speed. One with such a word, which an event may well have in its data,
    /// is parsed and judged by its fields. An answer that spells its type with `\u` escapes passes as an
    /// event: it is shown instead of understood, and no encoder writes that.
    fn understand(&mut self, message: &Message) -> Meaning {
        let bytes = message.as_bytes();
        if self.ack.find(bytes).is_none() && self.error.find(bytes).is_none() {
            return self.event(bytes);
        }
        wire::answer(bytes).unwrap_or_else(|| self.event(bytes))
    }

    fn dedupe(&self) -> usize {
        COPIES
    }

    fn early_drop_hint(&self) -> Option<&'static str> {
        Some(
            "VoIPBIN drops the connection if any topic is invalid or not permitted, and subscribes to none of them; \
             check the ids, and that the token belongs to that customer (admin or manager) or agent",
        )
    }
}

impl VoipbinClient {
    /// The two copies of an event are the same to the last byte, and nothing else is: every change of a resource
    /// has its own time in it.
    fn event(&self, bytes: &[u8]) -> Meaning {
        let mut hasher = std::hash::DefaultHasher::new();
        let id = self.doubled.then(|| {
            hasher.write(bytes);
            format!("{:016x}", hasher.finish())
        });
        Meaning::Event(Facts { id, cursor: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn understand(text: &str) -> Meaning {
        client().understand(&Message::text(text))
    }

    fn client() -> Box<dyn Client> {
        Voipbin.client(&ClientSetup::default()).unwrap()
    }

    #[test]
    fn no_message_is_too_large_for_a_server_however_many_topics_there_are() {
        let topics: Vec<String> = (0..100_000).map(|n| format!("customer_id:{n:036}:call:*")).collect();
        let messages = client().subscribe(&topics, None);
        assert!((2..20).contains(&messages.len()) && messages.iter().all(|message| message.len() < 1 << 20));
        let sent = messages.iter().filter_map(|message| wire::read_request(message).1);
        assert_eq!(sent.flatten().collect::<Vec<_>>(), topics);
    }

    #[test]
    fn one_message_for_all_topics_and_the_same_patterns_back() {
        let topics = ["customer_id:c:call:*".to_owned(), "agent_id:a\"b:queue:*".to_owned()];
        let mut client = client();
        assert_eq!(
            client.subscribe(&topics, None),
            [Message::text(
                r#"{"type":"subscribe","topics":["customer_id:c:call:*","agent_id:a\"b:queue:*"]}"#
            )]
        );
        assert_eq!(
            client.unsubscribe(&topics[..1]),
            [Message::text(r#"{"type":"unsubscribe","topics":["customer_id:c:call:*"]}"#)]
        );
        assert!(client.subscribe(&[], None).is_empty());
    }

    #[test]
    fn the_documents_answers_are_understood() {
        assert_eq!(
            understand(
                "{\n\"type\": \"ack\",\n\"action\": \"subscribe\",\n\"topics\": [\n\"customer_id:abc123:call:*\"\n],\n\
                 \"status\": \"success\"\n}"
            ),
            Meaning::Confirmed {
                action: "subscribe".into(),
                topics: vec!["customer_id:abc123:call:*".into()]
            }
        );
        assert_eq!(
            understand(
                r#"{"type":"error","action":"subscribe","topics":["t"],"code":"PERMISSION_DENIED","message":"no"}"#
            ),
            Meaning::Refused {
                action: "subscribe".into(),
                topics: vec!["t".into()],
                code: "PERMISSION_DENIED".into(),
                message: "no".into(),
                retry: false
            }
        );
        let limited = understand(r#"{"type":"error","code":"RATE_LIMITED"}"#);
        assert!(matches!(limited, Meaning::Refused { retry: true, .. }), "{limited:?}");
        let lenient = understand(r#"{"type":"error","code":7,"topics":"t","message":null}"#);
        assert!(matches!(&lenient, Meaning::Refused { code, .. } if code == "7"), "{lenient:?}");
    }

    #[test]
    fn an_ack_that_did_not_succeed_is_a_refusal() {
        let meaning = understand(r#"{"type":"ack","action":"subscribe","topics":["t"],"status":"failed"}"#);
        assert!(matches!(meaning, Meaning::Refused { code, .. } if code == "failed"));
    }

    #[test]
    fn all_three_shapes_are_events() {
        for text in [
            r#"{"event_type":"call.status","topic":"t","data":{"status":"error"}}"#,
            r#"{"event_type":"x","type":"ack"}"#,
            r#"{"type":"call_created","data":{"id":"a"}}"#,
            r#"{"id":"a","type":"flow","status":"ringing"}"#,
            r#"{"id":"a","type":"flow","data":null}"#,
            "{}",
        ] {
            assert_eq!(understand(text), Meaning::EVENT, "{text}");
        }
    }

    #[test]
    fn nothing_panics_and_the_unknown_is_an_event() {
        for text in
            ["", "null", "[\"ack\"]", "\"error\"", "{\"type\":\"ack\"", "{\"type\":[\"ack\"]}", "\"ack\" {"]
        {
            assert_eq!(understand(text), Meaning::EVENT, "{text}");
        }
        let deep = format!("{}\"ack\"", "[".repeat(100_000));
        assert_eq!(understand(&deep), Meaning::EVENT);
        let binary = Message::Binary(bytes::Bytes::from_static(b"\xff\"ack\"\xff"));
        assert_eq!(client().understand(&binary), Meaning::EVENT);
    }

    #[test]
    fn the_copies_that_a_short_topic_brings_are_told_by_their_bytes() {
        let mut client = client();
        client.subscribe(&["customer_id:c:call:*".into()], None);
        assert_eq!(client.understand(&Message::text("{}")), Meaning::EVENT);
        client.subscribe(&["customer_id:c:call".into()], None);
        let ids = ["{}", "{}", "{ }"].map(|text| match client.understand(&Message::text(text)) {
            Meaning::Event(facts) => facts.id.unwrap(),
            other => panic!("{other:?}"),
        });
        assert!(ids[0] == ids[1] && ids[1] != ids[2]);
    }

    #[test]
    fn its_urls_are_recognised() {
        assert!(Voipbin.owns("API.voipbin.net", "/"));
        assert!(Voipbin.owns("127.0.0.1", "/v1.0/ws"));
        assert!(Voipbin.owns("127.0.0.1", "/v1.0/service_agents/ws"));
        assert!(!Voipbin.owns("notvoipbin.net", "/ws"));
    }
}
