//! Kadoa: changes of the data that workflows collect, as events of a team. Written from the provider's WebSocket
//! document, which gives the messages, and from its official clients, which show how to get them: an API key is
//! exchanged for an access token before every connection, one message subscribes to the team's channel, and
//! every event is acknowledged by an HTTP call.
//!
//! `wire` has what both halves share; `mock`, `log` and `events` are the mock half.

use std::sync::Arc;
use std::time::Duration;

use super::{
    Client, ClientSetup, Credential, CredentialPlace, Dialect, Meaning, Rhythm, Sign, Silence, TopicCheck,
    Var,
};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::message::Message;
use crate::net::WsUrl;
use crate::net::http::{HttpAnswer, HttpCall};
use crate::provider::Provider;
use crate::secret::Secret;

mod events;
mod log;
mod mock;
#[cfg(test)]
mod mock_tests;
mod wire;

/// The variable with the API key, as in the official clients.
const KEY: &str = "KADOA_API_KEY";

/// A service, with the variable of the official clients that moves it and the place it has otherwise.
struct Host {
    variable: &'static str,
    default: &'static str,
}

const PUBLIC: Host = Host { variable: "KADOA_PUBLIC_API_URI", default: "https://api.kadoa.com" };
const SOCKET: Host = Host { variable: "KADOA_WSS_API_URI", default: "wss://realtime.kadoa.com" };
const REALTIME: Host = Host { variable: "KADOA_REALTIME_API_URI", default: "https://realtime.kadoa.com" };

/// "If you don't receive a heartbeat after 30 seconds, consider the connection lost": it is heartbeats that
/// count, as in the official clients. The server sends one every 15 s.
const SILENCE: Silence = Silence { limit: Duration::from_secs(30), counts: Sign::Heartbeat };

/// How many ids of events the official clients remember.
const REMEMBERED: usize = 1000;

/// The dialect of Kadoa's WebSocket.
pub struct Kadoa;

impl Dialect for Kadoa {
    fn name(&self) -> &'static str {
        "kadoa"
    }

    fn summary(&self) -> &'static str {
        "Kadoa: workflow data of a team, with replay; no topics"
    }

    fn examples(&self) -> &'static [&'static str] {
        &["subscribe -d kadoa -f '.data?'", "subscribe -d kadoa --cursor-file ~/.kadoa.cursor"]
    }

    fn default_url(&self, var: Var<'_>) -> Option<String> {
        Some(var(SOCKET.variable).unwrap_or_else(|| SOCKET.default.to_owned()))
    }

    fn owns(&self, host: &str, _path: &str) -> bool {
        is_kadoas(host)
    }

    fn credential(&self) -> Option<Credential> {
        Some(Credential { place: CredentialPlace::Call, variable: KEY })
    }

    /// "Everything is broadcast to the team channel", and the token's answer names it. That a channel can be
    /// given is a guess from the `subscribe` message having a field for it.
    fn check_topic(&self, topic: &str) -> TopicCheck {
        TopicCheck::Odd(format!(
            "'{topic}' is used as a channel instead of the team's own, but Kadoa documents no other channel; to select \
             events, use a filter: -f 'select(.type == \"workflow_data_change\")'"
        ))
    }

    fn needs_topics(&self) -> bool {
        false
    }

    fn client(&self, setup: &ClientSetup<'_>) -> Result<Box<dyn Client>> {
        let Some(url) = setup.url else { return Ok(Box::new(KadoaClient::default())) };
        let key = match (&setup.credential, url.has_query_param(wire::TOKEN_PARAM)) {
            // An access token that is written out is used as long as it holds.
            (_, true) => None,
            (Some(key), false) => Some(key.clone()),
            (None, false) => {
                return Err(Failure::usage(
                    "kadoa needs an API key to get an access token, and none is given",
                )
                .hint(format!("set {KEY}, or use --token-env or --token-file")));
            }
        };
        let exchange = match key {
            Some(key) => Some((PUBLIC.url(url, setup.var)?, key)),
            None => None,
        };
        let ack = HttpCall {
            purpose: "an acknowledgment",
            method: "POST",
            url: Arc::new(below(&REALTIME.url(url, setup.var)?, wire::ACK_PATH)),
            headers: [json_header()].into(),
            body: Vec::new(),
        };
        Ok(Box::new(KadoaClient { exchange, ack: Some(ack), team: None }))
    }

    fn provider(&self) -> Option<&'static dyn Provider> {
        Some(&mock::KadoaMock)
    }
}

fn is_kadoas(host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    host == "kadoa.com" || host.ends_with(".kadoa.com")
}

impl Host {
    /// Where the service is: where the variable says; else where it is known to be, for the provider's own
    /// socket; else, as with a mock, on the same server as the socket.
    fn url(&self, socket: &WsUrl, var: Var<'_>) -> Result<WsUrl> {
        let Some(text) = var(self.variable) else {
            return if is_kadoas(socket.host()) { WsUrl::parse(self.default) } else { Ok(socket.at("/")) };
        };
        let http = ["http://", "https://"].iter().any(|scheme| text.to_ascii_lowercase().starts_with(scheme));
        let parsed =
            if http { WsUrl::parse(&text) } else { Err(Failure::usage("not an http:// or https:// URL")) };
        parsed.map_err(|failure| {
            Failure { what: format!("{}: {}", self.variable, failure.what), ..failure }
                .hint(format!("such as {}={}", self.variable, self.default))
        })
    }
}

/// Something below a service's URL.
fn below(base: &WsUrl, path: &str) -> WsUrl {
    base.at(&format!("{}{path}", base.path().trim_end_matches('/')))
}

/// Without URLs, it only reads.
#[derive(Default)]
struct KadoaClient {
    /// Where the access token comes from, and the API key to get it with.
    exchange: Option<(WsUrl, Secret)>,
    /// What acknowledges an event, but for the body.
    ack: Option<HttpCall>,
    /// The team of the token, which is the name of its channel.
    team: Option<String>,
}

fn json_header() -> (String, Secret) {
    ("Content-Type".to_owned(), Secret::new("application/json"))
}

/// There is no message that unsubscribes.
impl Client for KadoaClient {
    fn renew(&mut self, credential: Secret) {
        self.exchange.iter_mut().for_each(|(_, key)| *key = credential.clone());
    }

    fn prepare(&mut self) -> Option<HttpCall> {
        let (base, key) = self.exchange.as_ref()?;
        Some(HttpCall {
            purpose: "the access token",
            method: "POST",
            url: Arc::new(below(base, wire::TOKEN_PATH)),
            headers: [json_header(), ("x-api-key".to_owned(), key.clone())].into(),
            body: Vec::new(),
        })
    }

    fn prepared(&mut self, answer: &HttpAnswer) -> Result<Vec<(String, Secret)>> {
        // The body is not shown: it may well hold a token.
        let wrong = |what: &str| Failure::new(Exit::Refused, format!("the response to the API key {what}"));
        let answer: wire::TokenAnswer =
            serde_json::from_slice(&answer.body).map_err(|_| wrong("is not in the documented form"))?;
        let token = answer.access_token.filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| wrong("has no access_token"))?;
        self.team = Some(answer.team_id.ok_or_else(|| wrong("has no team_id"))?);
        Ok(vec![(wire::TOKEN_PARAM.to_owned(), Secret::new(token))])
    }

    fn subscribe(&mut self, topics: &[String], cursor: Option<&str>) -> Vec<Message> {
        if topics.is_empty() {
            return vec![wire::subscribe(self.team.as_deref(), cursor)];
        }
        topics.iter().map(|topic| wire::subscribe(Some(topic), cursor)).collect()
    }

    fn understand(&mut self, message: &Message) -> Meaning {
        let text = message.as_text().or_else(|| std::str::from_utf8(message.as_bytes()).ok());
        text.map_or(Meaning::EVENT, wire::read)
    }

    fn ack(&self, id: &str) -> Option<HttpCall> {
        Some(HttpCall { body: wire::ack(id), ..self.ack.clone()? })
    }

    fn rhythm(&self) -> Rhythm {
        Rhythm { silence: Some(SILENCE), ..Rhythm::default() }
    }

    fn replays(&self) -> bool {
        true
    }

    fn dedupe(&self) -> usize {
        REMEMBERED
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Facts;
    use crate::handshake::client::ResponseHead;

    fn client(url: &str, vars: &[(&str, &str)]) -> Result<Box<dyn Client>> {
        let url = WsUrl::parse(url).unwrap();
        let var =
            |name: &str| vars.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned());
        let credential = var(KEY).map(Secret::new);
        Kadoa.client(&ClientSetup { url: Some(&url), credential, var: &var })
    }

    fn answer(body: &str) -> HttpAnswer {
        HttpAnswer { head: ResponseHead::default(), body: body.into() }
    }

    fn understand(text: &str) -> Meaning {
        KadoaClient::default().understand(&Message::text(text))
    }

    fn event(id: Option<&str>, cursor: Option<&str>) -> Meaning {
        Meaning::Event(Facts { id: id.map(str::to_owned), cursor: cursor.map(str::to_owned) })
    }

    #[test]
    fn services_are_where_the_socket_is_or_where_the_variables_say() {
        for (url, vars, token, ack) in [
            ("wss://realtime.kadoa.com", &[][..], "https://api.kadoa.com", "https://realtime.kadoa.com"),
            ("ws://127.0.0.1:7/x?y=z", &[], "http://127.0.0.1:7", "http://127.0.0.1:7"),
            (
                "wss://realtime.kadoa.com",
                &[("KADOA_PUBLIC_API_URI", "http://h:1/p/"), ("KADOA_REALTIME_API_URI", "HTTPS://r")],
                "http://h:1/p",
                "https://r",
            ),
        ] {
            let vars = [&[(KEY, "tk-1")][..], vars].concat();
            let mut client = client(url, &vars).unwrap();
            let call = client.prepare().unwrap();
            assert_eq!(call.url.shown_as_http(), format!("{token}/v4/oauth2/token"));
            assert_eq!((call.method, call.body.len()), ("POST", 0));
            assert!(call.headers.contains(&("x-api-key".into(), Secret::new("tk-1"))));
            assert!(call.headers.contains(&json_header()));
            let call = client.ack("a\"b").unwrap();
            assert_eq!(call.url.shown_as_http(), format!("{ack}/api/v1/events/ack"));
            assert_eq!(*call.headers, [json_header()], "no credential");
            assert_eq!(call.body, br#"{"id":"a\"b"}"#);
        }
        let wrong = client("wss://realtime.kadoa.com", &[(KEY, "k"), ("KADOA_PUBLIC_API_URI", "ws://h")]);
        assert!(wrong.err().unwrap().what.contains("KADOA_PUBLIC_API_URI"));
        assert_eq!(Kadoa.default_url(&|_| None).as_deref(), Some("wss://realtime.kadoa.com"));
        assert_eq!(Kadoa.default_url(&|name| Some(name.to_owned())).as_deref(), Some("KADOA_WSS_API_URI"));
        assert!(Kadoa.owns("Realtime.kadoa.com", "/") && !Kadoa.owns("notkadoa.com", "/"));
    }

    #[test]
    fn a_key_is_needed_unless_there_is_a_token() {
        let failure = client("ws://h:1/", &[]).err().unwrap();
        assert!(failure.hint.unwrap().contains(KEY));
        let mut client = client("ws://h:1/?access_token=t", &[(KEY, "k")]).unwrap();
        assert!(client.prepare().is_none());
        assert_eq!(client.subscribe(&[], None), [Message::text(r#"{"action":"subscribe"}"#)]);
        assert!(Kadoa.client(&ClientSetup::default()).unwrap().ack("a").is_none());
    }

    #[test]
    fn the_tokens_answer_gives_the_parameter_and_the_channel() {
        let mut client = client("ws://h:1/", &[(KEY, "k")]).unwrap();
        let params = client.prepared(&answer(r#"{"access_token":"a b+c","team_id":"t1","x":1}"#)).unwrap();
        assert_eq!(params, [("access_token".to_owned(), Secret::new("a b+c"))]);
        let frames = client.subscribe(&[], Some("c\"1"));
        let expected = r#"{"action":"subscribe","channel":"t1","lastCursor":"c\"1"}"#;
        assert_eq!(frames, [Message::text(expected)]);
        let frames = client.subscribe(&["a".into(), "b".into()], None);
        assert_eq!(frames[1], Message::text(r#"{"action":"subscribe","channel":"b"}"#));
        for wrong in ["", "[]", "{}", r#"{"access_token":"","team_id":"t"}"#, r#"{"access_token":"s3cr3t"}"#]
        {
            let failure = client.prepared(&answer(wrong)).unwrap_err();
            assert_eq!(failure.exit, Exit::Refused, "{wrong}");
            assert!(!format!("{failure:?}").contains("s3cr3t"));
        }
    }

    #[test]
    fn messages_of_every_edition_are_understood() {
        for heartbeat in
            [r#"{"type":"heartbeat","timestamp":1}"#, r#" {"eventType":"heartbeat","id":"x","_cursor":"c"}"#]
        {
            assert_eq!(understand(heartbeat), Meaning::Heartbeat);
        }
        for (text, id, cursor) in [
            (
                r#"{"type":"workflow_data_change","timestamp":1,"id":"e1","data":{"id":"d1"}}"#,
                Some("e1"),
                None,
            ),
            (r#"{"eventType":"x","message":{},"id":"e\u0031","_cursor":"c1"}"#, Some("e1"), Some("c1")),
            (r#"{"type":"heartbeats","id":"","_cursor":null}"#, None, None),
            (r#"{"data":{"type":"heartbeat"},"id":7,"_cursor":["c"]}"#, None, None),
            (r#"{"type":{"type":"heartbeat"}}"#, None, None),
            ("[1,2]", None, None),
            (r#"["heartbeat","heartbeat"]"#, None, None),
            ("7", None, None),
            ("null", None, None),
            ("not JSON", None, None),
            (r#"{"id":"e1""#, None, None),
            ("", None, None),
        ] {
            assert_eq!(understand(text), event(id, cursor), "{text}");
        }
        let binary = Message::Binary(bytes::Bytes::from_static(br#"{"type":"a","id":"e"}"#));
        assert_eq!(KadoaClient::default().understand(&binary), event(Some("e"), None));
        let deep = format!(r#"{{"id":"e","data":{}"#, "[".repeat(100_000));
        assert_eq!(understand(&deep), event(None, None));
    }

    #[test]
    fn a_server_that_drains_says_when_to_come_back() {
        for (value, ms) in [
            (r#","retryAfterMs":250"#, 250),
            ("", 1000),
            (r#","retryAfterMs":"250""#, 1000),
            (r#","retryAfterMs":null"#, 1000),
            (r#","retryAfterMs":-1"#, 0),
            (r#","retryAfterMs":1e9"#, 60_000),
        ] {
            let text = format!(r#"{{"type":"control.draining"{value}}}"#);
            assert_eq!(understand(&text), Meaning::Draining { after: Duration::from_millis(ms) }, "{text}");
        }
    }
}
