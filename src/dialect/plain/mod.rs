//! Any endpoint: nothing is known of it, so everything it sends is an event.

mod mock;

use super::{Client, ClientSetup, Credential, Dialect, TopicCheck, Var};
use crate::error::Result;
use crate::message::Message;
use crate::net::http::{HttpAnswer, HttpCall};
use crate::provider::Provider;
use crate::secret::Secret;

/// The dialect for endpoints that no other dialect knows.
pub struct Plain;

impl Dialect for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn summary(&self) -> &'static str {
        "any WebSocket server; send its subscribe message with -x"
    }

    fn examples(&self) -> &'static [&'static str] {
        &["subscribe -d plain --url wss://host/feed -x '{\"op\":\"subscribe\"}'"]
    }

    fn default_url(&self, _var: Var<'_>) -> Option<String> {
        None
    }

    fn owns(&self, _host: &str, _path: &str) -> bool {
        false
    }

    fn credential(&self) -> Option<Credential> {
        None
    }

    fn check_topic(&self, topic: &str) -> TopicCheck {
        TopicCheck::Wrong(format!(
            "cannot subscribe to '{topic}': the provider is unknown; name it with -d, or send the subscribe message with -x"
        ))
    }

    fn needs_topics(&self) -> bool {
        false
    }

    fn speaks_json(&self) -> bool {
        false
    }

    fn takes_topics(&self) -> bool {
        false
    }

    fn client(&self, _setup: &ClientSetup<'_>) -> Result<Box<dyn Client>> {
        Ok(Box::new(PlainClient))
    }

    fn provider(&self) -> Option<&'static dyn Provider> {
        Some(&mock::Echo)
    }
}

struct PlainClient;

impl Client for PlainClient {
    fn knows_nothing(&self) -> bool {
        true
    }
}

/// The client half of a raw session with a provider: it gets in as the provider wants, and hides what must not be
/// shown. Everything else is up to whoever types.
pub struct Raw(pub Box<dyn Client>);

impl Client for Raw {
    fn renew(&mut self, credential: Secret) {
        self.0.renew(credential);
    }

    fn prepare(&mut self) -> Option<HttpCall> {
        self.0.prepare()
    }

    fn prepared(&mut self, answer: &HttpAnswer) -> Result<Vec<(String, Secret)>> {
        self.0.prepared(answer)
    }

    fn redact(&mut self, message: &Message) -> Option<Message> {
        self.0.redact(message)
    }

    fn knows_nothing(&self) -> bool {
        self.0.knows_nothing()
    }

    /// Only topics that were typed at a prompt: a raw session has none of its own.
    fn subscribe(&mut self, topics: &[String], cursor: Option<&str>) -> Vec<Message> {
        if topics.is_empty() { Vec::new() } else { self.0.subscribe(topics, cursor) }
    }

    fn subscribe_more(&mut self, topics: &[String], cursor: Option<&str>) -> Vec<Message> {
        self.0.subscribe_more(topics, cursor)
    }

    fn unsubscribe(&mut self, topics: &[String]) -> Vec<Message> {
        if topics.is_empty() { Vec::new() } else { self.0.unsubscribe(topics) }
    }

    fn command(&mut self, name: &str, arguments: &[String]) -> std::result::Result<Vec<Message>, String> {
        self.0.command(name, arguments)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Meaning;

    #[test]
    fn topics_are_not_known_and_everything_is_an_event() {
        assert!(matches!(Plain.check_topic("a"), TopicCheck::Wrong(why) if why.contains("-x")));
        let mut client = Plain.client(&ClientSetup::default()).unwrap();
        assert!(client.subscribe(&["a".into()], None).is_empty());
        assert!(client.unsubscribe(&["a".into()]).is_empty());
        assert_eq!(client.understand(&Message::text(r#"{"type":"error"}"#)), Meaning::EVENT);
    }
}
