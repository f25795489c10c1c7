//! RyzeAPI: what happens to a WhatsApp instance, one instance a connection. Written from the provider's page
//! "Connect via WebSocket" and its event catalogue; where live frames are known to differ, a comment says so.
//!
//! `redact` masks the credential in every frame, `mock` and `events` are the mock half.

use std::time::Duration;

use self::redact::Redactor;
use super::{
    Client, ClientSetup, CloseRule, Credential, CredentialPlace, Dialect, Rhythm, Sign, Silence, TopicCheck,
    Var,
};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::message::Message;
use crate::net::WsUrl;
use crate::provider::Provider;

mod events;
mod gate;
mod mock;
#[cfg(test)]
mod mock_tests;
mod redact;

/// The longest instance name. Characters and length are those that a consumer checks for: the document
/// only says "instance name".
const LONGEST_NAME: usize = 100;

/// The dialect of RyzeAPI's WebSocket.
pub struct Ryze;

impl Dialect for Ryze {
    fn name(&self) -> &'static str {
        "ryze"
    }

    fn summary(&self) -> &'static str {
        "RyzeAPI: events of one WhatsApp instance; topic: its name"
    }

    fn examples(&self) -> &'static [&'static str] {
        &["subscribe -d ryze INSTANCE -f '.event'", "subscribe --mock='--rate 50' -d ryze demo --count 3"]
    }

    fn default_url(&self, _var: Var<'_>) -> Option<String> {
        Some("wss://ryzeapi.cloud".to_owned())
    }

    /// Only the host tells: `/ws/<word>` is a path that anybody may have.
    fn owns(&self, host: &str, _path: &str) -> bool {
        let host = host.to_ascii_lowercase();
        host == "ryzeapi.cloud" || host.ends_with(".ryzeapi.cloud")
    }

    /// `/ws/:instance`. An instance that is named takes the place of one in the URL.
    fn address(&self, url: WsUrl, topics: &[String]) -> Result<(WsUrl, Vec<String>)> {
        let (base, there) = split_path(url.path());
        match (topics, there) {
            ([name], _) => {
                let path = format!("{base}/ws/{name}");
                Ok((url.with_path(&path), Vec::new()))
            }
            ([], Some(_)) => Ok((url, Vec::new())),
            ([], None) => Err(Failure::usage("no instance given")
                .hint("give the name of the instance as the topic, or a URL that ends in /ws/<instance>")),
            (more, _) => {
                Err(Failure::usage(format!("{} instances given, but a connection has only one", more.len()))
                    .hint("run one wstap for each instance"))
            }
        }
    }

    /// The first of the three places that the document lists (Authentication); `--token-in` chooses among
    /// them. The name of the variable is a guess.
    fn credential(&self) -> Option<Credential> {
        Some(Credential { place: CredentialPlace::Header("token"), variable: "RYZE_TOKEN" })
    }

    fn check_topic(&self, topic: &str) -> TopicCheck {
        check_name(topic)
    }

    /// A URL with the instance in it will do.
    /// A connection is about the one instance in its path.
    fn takes_topics(&self) -> bool {
        false
    }

    fn needs_topics(&self) -> bool {
        false
    }

    /// "The server does not consume messages sent by the client (only PONG and close)".
    fn pings(&self) -> bool {
        false
    }

    /// "Read frames without limits in the client" (Notes).
    fn bounds_messages(&self) -> bool {
        false
    }

    fn client(&self, setup: &ClientSetup<'_>) -> Result<Box<dyn Client>> {
        let path = setup.url.map(WsUrl::path);
        let instance = path.and_then(|path| split_path(path).1).map(str::to_owned);
        Ok(Box::new(RyzeClient { instance, redactor: Redactor::new() }))
    }

    fn provider(&self) -> Option<&'static dyn Provider> {
        Some(&mock::RyzeMock)
    }
}

fn check_name(name: &str) -> TopicCheck {
    let fine = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
    if (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(fine) {
        return TopicCheck::Fine;
    }
    TopicCheck::Wrong(format!(
        "invalid instance name '{name}' (expected 1 to {LONGEST_NAME} letters, digits, '_' and '-')"
    ))
}

/// A path as what stands before `/ws/<instance>`, and the instance, if there is one.
fn split_path(path: &str) -> (&str, Option<&str>) {
    let path = path.trim_end_matches('/');
    if let Some(base) = path.strip_suffix("/ws") {
        return (base, None);
    }
    match path.rsplit_once('/').map(|(folder, name)| (folder.strip_suffix("/ws"), name)) {
        Some((Some(base), name)) => (base, Some(name)),
        _ => (path, None),
    }
}

struct RyzeClient {
    /// As it stands in the URL.
    instance: Option<String>,
    redactor: Redactor,
}

/// "Sending JSON payloads from the client to the server has no effect": the URL is the subscription.
impl Client for RyzeClient {
    /// The server pings every 54 s, or about (Heartbeat); on this side the same patience of 60 s holds that it
    /// has with its clients.
    fn rhythm(&self) -> Rhythm {
        let silence = Silence { limit: Duration::from_secs(60), counts: Sign::Frame };
        Rhythm { beat: None, silence: Some(silence) }
    }

    /// The document names its reasons to end a connection and no code for them. These are the codes of the Go
    /// library that its numbers come from (inferred): a hub that drops a client says nothing in its close
    /// frame, and a message that is too long is answered with 1009.
    fn close_rule(&self, code: u16) -> Option<CloseRule> {
        match code {
            1005 => Some(CloseRule {
                meaning: "dropped by the server: read too slowly, or the instance was deleted",
                retry: true,
                exit: Exit::ClosedAbnormally,
            }),
            1009 => Some(CloseRule {
                meaning: "sent a message of more than 4096 bytes",
                retry: false,
                exit: Exit::ClosedAbnormally,
            }),
            _ => None,
        }
    }

    /// "Catch up via REST after reconnecting". The page of that call says `POST` where this one says `GET`.
    fn catch_up(&self) -> Option<String> {
        let instance = self.instance.as_deref().unwrap_or(":instance");
        Some(format!(
            "GET /api/chat/history/{instance} returns recent messages (documented as POST with \
             number, count, from and to)"
        ))
    }

    fn redact(&mut self, message: &Message) -> Option<Message> {
        let masked = self.redactor.mask(message.as_bytes())?;
        Some(match message {
            // What is cut out of a text at quotes leaves a text.
            Message::Text(_) => Message::text(String::from_utf8(masked).ok()?),
            Message::Binary(_) => Message::Binary(masked.into()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::Meaning;

    fn address(url: &str, topics: &[&str]) -> Result<String> {
        let topics: Vec<String> = topics.iter().map(|topic| (*topic).to_owned()).collect();
        let (url, left) = Ryze.address(WsUrl::parse(url)?, &topics)?;
        assert!(left.is_empty());
        Ok(url.exposed().expose().to_owned())
    }

    #[test]
    fn the_instance_goes_into_the_path() {
        for (url, topics, expected) in [
            ("wss://ryzeapi.cloud", &["shop"][..], "wss://ryzeapi.cloud/ws/shop"),
            ("ws://h/?token=t", &["shop"], "ws://h/ws/shop?token=t"),
            ("ws://h/ws", &["shop"], "ws://h/ws/shop"),
            ("ws://h/behind/ws/", &["shop"], "ws://h/behind/ws/shop"),
            ("ws://h/behind", &["shop"], "ws://h/behind/ws/shop"),
            ("ws://h/ws/demo?token=t", &["shop"], "ws://h/ws/shop?token=t"),
            ("ws://h/ws/demo?token=t", &[], "ws://h/ws/demo?token=t"),
        ] {
            assert_eq!(address(url, topics).unwrap(), expected, "{url}");
        }
        let with_password = Ryze.address(WsUrl::parse("ws://a:b@h/").unwrap(), &["shop".into()]).unwrap().0;
        assert!(with_password.userinfo().is_some());
    }

    #[test]
    fn one_instance_no_more_and_no_less() {
        assert_eq!(address("ws://h/", &[]).unwrap_err().exit, Exit::Usage);
        assert_eq!(address("ws://h/ws/", &[]).unwrap_err().exit, Exit::Usage);
        assert!(address("ws://h/", &["a", "b"]).unwrap_err().what.contains("2 instances given"));
        assert_eq!(Ryze.check_topic("My_inst-1"), TopicCheck::Fine);
        for wrong in ["", "a b", "a/b", "ü", "..", &"x".repeat(101)] {
            assert!(matches!(Ryze.check_topic(wrong), TopicCheck::Wrong(_)), "{wrong}");
        }
    }

    #[test]
    fn only_its_host_is_recognised() {
        assert!(Ryze.owns("RyzeAPI.cloud", "/ws/a") && Ryze.owns("eu.ryzeapi.cloud", "/"));
        assert!(!Ryze.owns("notryzeapi.cloud", "/ws/a") && !Ryze.owns("localhost", "/ws/a"));
    }

    #[test]
    fn nothing_is_sent_and_everything_is_an_event() {
        let url = WsUrl::parse("ws://h/ws/shop?token=t").unwrap();
        let mut client = Ryze.client(&ClientSetup { url: Some(&url), ..ClientSetup::default() }).unwrap();
        assert!(client.subscribe(&["shop".into()], None).is_empty() && client.unsubscribe(&[]).is_empty());
        assert!(client.catch_up().unwrap().contains("GET /api/chat/history/shop "));
        for text in
            ["", "[]", r#"{"event":"new.kind"}"#, r#"{"event":"call.update","data":{"type":"offer"}}"#]
        {
            assert_eq!(client.understand(&Message::text(text)), Meaning::EVENT);
        }
        assert!(!client.replays() && !Ryze.pings() && !Ryze.bounds_messages());
        assert!(client.close_rule(1005).unwrap().retry && !client.close_rule(1009).unwrap().retry);
    }

    #[test]
    fn text_stays_text_and_bytes_stay_bytes() {
        let mut client = Ryze.client(&ClientSetup::default()).unwrap();
        let (clear, masked) = (r#"{"instanceData":{"token":"ü"}}"#, r#"{"instanceData":{"token":"***"}}"#);
        assert_eq!(client.redact(&Message::text(clear)), Some(Message::text(masked)));
        let binary = |text: &'static str| Message::Binary(bytes::Bytes::from_static(text.as_bytes()));
        assert_eq!(client.redact(&binary(clear)), Some(binary(masked)));
        assert_eq!(client.redact(&Message::text("hello")), None);
    }
}
