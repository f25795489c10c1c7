//! The client half of a dialect: what it sends, and what it makes of what comes.

use std::time::Duration;

use crate::error::Result;
use crate::event::{Facts, MissingNumbers};
use crate::exit::Exit;
use crate::message::Message;
use crate::net::WsUrl;
use crate::net::http::{HttpAnswer, HttpCall};
use crate::secret::Secret;

/// The client half of a dialect: what to send, and what an incoming message means. It is told nothing but what
/// the provider sent, does nothing itself, and keeps neither time nor account: the session knows what was seen,
/// written and acknowledged.
pub trait Client: Send {
    /// The credential for the next connection, in the place of [`ClientSetup::credential`](super::ClientSetup::credential).
    fn renew(&mut self, _credential: Secret) {}

    /// The HTTP call to make before a connection, for a fresh token. Asked before every one of them.
    fn prepare(&mut self) -> Option<HttpCall> {
        None
    }

    /// What a call that succeeded (2xx) gave: query parameters for the upgrade, which are shown nowhere. Other
    /// answers are failures without asking.
    ///
    /// # Errors
    /// If the answer is not what it should be.
    fn prepared(&mut self, _answer: &HttpAnswer) -> Result<Vec<(String, Secret)>> {
        Ok(Vec::new())
    }

    /// The call to make after the one that [`Client::prepared`] was given the answer of.
    fn prepare_next(&mut self) -> Option<HttpCall> {
        None
    }

    /// What the answers of calls hold that must not be shown as long as the next connection lives.
    fn secrets(&mut self) -> Vec<Secret> {
        Vec::new()
    }

    /// Where the next connection goes if that is not this URL. Asked before every connection, after the calls.
    ///
    /// # Errors
    /// For what is not a URL.
    fn target(&mut self, _url: &WsUrl, _topics: &[String], _cursor: Option<&str>) -> Result<Option<WsUrl>> {
        Ok(None)
    }

    /// The messages that subscribe to these topics, of which there may be none; no messages where the URL is the
    /// subscription. Called on every connection; `cursor` is where a provider that replays is to go on from.
    fn subscribe(&mut self, _topics: &[String], _cursor: Option<&str>) -> Vec<Message> {
        Vec::new()
    }

    /// Another connection begins, of which only messages that were received earlier are known.
    fn begin(&mut self) {}

    /// The messages that subscribe to these topics on a connection on which [`Client::subscribe`] has been called.
    fn subscribe_more(&mut self, topics: &[String], cursor: Option<&str>) -> Vec<Message> {
        self.subscribe(topics, cursor)
    }

    /// The messages that end the subscription to these topics. Called before a graceful close.
    fn unsubscribe(&mut self, _topics: &[String]) -> Vec<Message> {
        Vec::new()
    }

    /// The messages of one of [`Dialect::commands`](super::Dialect::commands).
    ///
    /// # Errors
    /// Arguments that it does not take, in words for people.
    fn command(&mut self, _name: &str, _arguments: &[String]) -> std::result::Result<Vec<Message>, String> {
        Err("unknown command".to_owned())
    }

    /// Does the provider's document promise an answer to a subscription?
    fn expects_ack(&self) -> bool {
        false
    }

    /// Is nothing known of incoming messages, so that none of them is asked about?
    fn knows_nothing(&self) -> bool {
        false
    }

    /// What an incoming message means; an event where nothing else is known.
    fn understand(&mut self, _message: &Message) -> Meaning {
        Meaning::EVENT
    }

    /// The same of a message that came on the connection that was handed over. Nothing is answered there.
    fn understand_old(&mut self, message: &Message) -> Meaning {
        self.understand(message)
    }

    /// What is missing before the message that was understood last, in numbered streams.
    fn missing(&mut self) -> Vec<MissingNumbers> {
        Vec::new()
    }

    /// The HTTP calls that go with the last messages for topics; whether they succeed confirms or refuses each topic.
    fn topic_calls(&mut self) -> Vec<TopicCall> {
        Vec::new()
    }

    /// Messages that may be sent in a second, if the provider names a limit.
    fn messages_per_second(&self) -> Option<u32> {
        None
    }

    /// After which time another connection has to take over, because the provider ends every connection a little later.
    fn replace_after(&self) -> Option<Duration> {
        None
    }

    /// Which rule of a dialect file a message meets, for people.
    fn rule_of(&self, _message: &Message) -> Option<String> {
        None
    }

    /// What is sent at which occasion, for people.
    fn sends(&mut self, topics: &[String]) -> Vec<(String, Vec<Message>)> {
        vec![("subscribe".to_owned(), self.subscribe(topics, None))]
    }

    /// What people should know of the message that was understood last.
    fn notices(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// What is to be sent in answer to the message that was understood last.
    fn answers(&mut self) -> Vec<Message> {
        Vec::new()
    }

    /// The HTTP call that tells the provider that the event of this [`Facts::id`] has arrived. It is made once
    /// the event's line is written; only whether it succeeds matters.
    fn ack(&self, _id: &str) -> Option<HttpCall> {
        None
    }

    /// Does it acknowledge events?
    fn acknowledges(&self) -> bool {
        self.ack("").is_some()
    }

    /// What keeps the connection alive, and what shows that it is.
    fn rhythm(&self) -> Rhythm {
        Rhythm::default()
    }

    /// The rhythm, if the message that was understood last has changed it.
    fn new_rhythm(&mut self) -> Option<Rhythm> {
        None
    }

    /// The keep-alive messages that are due, in the place of [`Beat::message`].
    fn beat(&mut self) -> Option<Vec<Message>> {
        None
    }

    /// What the provider's document says of a close code, where it differs from what holds for all.
    fn close_rule(&self, _code: u16) -> Option<CloseRule> {
        None
    }

    /// Can a subscription go on from a cursor, so that what was missed comes again?
    fn replays(&self) -> bool {
        false
    }

    /// How many ids of events are remembered, to tell the ones that come twice. The provider delivers at least
    /// once, then.
    fn dedupe(&self) -> usize {
        0
    }

    /// For providers that replay nothing: what a person can do to catch up after a gap, such as the call that
    /// gives the history.
    fn catch_up(&self) -> Option<String> {
        None
    }

    /// The message with the credentials in it masked, if there are any. Asked for every message, so what finds
    /// none must cost next to nothing.
    fn redact(&mut self, _message: &Message) -> Option<Message> {
        None
    }

    /// Why a connection that dropped without a close frame just after subscribing probably did so.
    fn early_drop_hint(&self) -> Option<&'static str> {
        None
    }
}

/// What keeps a connection alive besides pings. The times are the provider's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rhythm {
    /// What the client sends.
    pub beat: Option<Beat>,
    /// What the server sends.
    pub silence: Option<Silence>,
}

impl Rhythm {
    /// The same, this many times as fast.
    #[must_use]
    pub fn faster(self, scale: f64) -> Self {
        Self {
            beat: self.beat.map(|beat| Beat { every: beat.every.div_f64(scale), ..beat }),
            silence: self.silence.map(|silence| Silence { limit: silence.limit.div_f64(scale), ..silence }),
        }
    }
}

/// A keep-alive message of the provider's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beat {
    /// From one to the next.
    pub every: Duration,
    pub message: Message,
    /// Like a ping, it is answered by anything that comes within the ping timeout.
    pub answered: bool,
}

/// When a connection on which the server should be heard is lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Silence {
    /// After this time without a sign.
    pub limit: Duration,
    /// What is a sign.
    pub counts: Sign,
}

/// What shows that the server is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sign {
    /// [`Meaning::Heartbeat`], and nothing else.
    Heartbeat,
    /// Any frame.
    Frame,
}

/// What a close code means to a provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CloseRule {
    /// For people.
    pub meaning: &'static str,
    /// Is another attempt worth it?
    pub retry: bool,
    /// The exit status, where there is none.
    pub exit: Exit,
}

/// What an incoming message means to the session. Only [`Meaning::Event`] is data for standard output; the
/// others are the provider's own bookkeeping and appear as notices and records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// Data, including everything that is not recognised.
    Event(Facts),
    /// One event or several that were made of the message.
    Events(Vec<MadeEvent>),
    /// Bookkeeping from which nothing follows.
    Ignored,
    /// The provider is there.
    Heartbeat,
    /// The answer to a [`Beat`].
    Pong,
    /// The server will close the connection; another one should be opened, but not before this time.
    Draining {
        /// From now.
        after: Duration,
    },
    /// The provider confirmed a subscription or its end.
    Confirmed {
        /// What was confirmed, in the provider's word: `subscribe` or `unsubscribe`.
        action: String,
        /// The topics it names.
        topics: Vec<String>,
    },
    /// The provider refused something.
    Refused {
        /// What was refused, in the provider's word.
        action: String,
        /// The topics it names.
        topics: Vec<String>,
        /// The provider's code.
        code: String,
        /// The provider's text.
        message: String,
        /// Asking again later may work.
        retry: bool,
    },
}

impl Meaning {
    /// An event about which there is nothing to know.
    pub const EVENT: Self = Self::Event(Facts { id: None, cursor: None });
}

/// An HTTP call that subscribes to a topic, or ends that.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicCall {
    /// `subscribe` or `unsubscribe`.
    pub action: &'static str,
    pub topic: String,
    pub call: HttpCall,
}

/// How an event is acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EventAck {
    /// By a message.
    Message(Message),
    /// By an HTTP call.
    Call(Box<HttpCall>),
}

impl EventAck {
    /// About the bytes that it takes in memory.
    #[must_use]
    pub fn cost(&self) -> usize {
        match self {
            Self::Message(message) => message.len(),
            Self::Call(call) => call.cost(),
        }
    }
}

/// An event that was made of a message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MadeEvent {
    /// What it says; `None` for the message as it came.
    pub message: Option<Message>,
    pub facts: Facts,
    /// What is done once its line is written.
    pub ack: Option<EventAck>,
}
