//! What a mock is like, as far as providers ask.

use std::str::FromStr;
use std::time::Duration;

use crate::secret::Secret;

/// The token in the URLs of a mock that accepts any. No word that messages have in them: a client masks it there.
pub const ANY_TOKEN: &str = "mock-token";

/// Tokens that are refused although any is accepted, so that a client's handling of it can be tried.
const REFUSED_TOKENS: [&str; 2] = ["invalid", "expired"];

/// What the mock of any provider is like.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The one token that is accepted. Without it, any is, but for the empty one, `invalid` and `expired`.
    pub token: Option<Secret>,
    /// Events per second and client.
    pub rate: Rate,
    /// Events per client, or of a stream that clients share, if not without end.
    pub events: Option<u64>,
    /// For how long there are events, from the first.
    pub duration: Option<Duration>,
    /// What follows the last event.
    pub then: Then,
    /// Decides on everything that is made up.
    pub seed: u64,
    /// Topics that nobody may subscribe to; `*` stands for any text.
    pub deny: Vec<String>,
    /// Subscribe messages that a connection may send in ten seconds.
    pub subscribe_limit: u32,
    /// Are subscriptions acknowledged?
    pub ack: bool,
    /// How many times as fast as documented the provider's own timers run: heartbeats, pings, patience.
    pub time_scale: f64,
    /// Whom to follow where documents and running services differ.
    pub behave: Behave,
    /// Pages whose requests are let in, besides those that the mock itself would have served. Only providers
    /// that look at `Origin` ask.
    pub allow_origin: Vec<String>,
    /// After how many events the clients are told to connect again, by providers that have a word for it.
    pub drain_after: Option<u64>,
    /// How many events there have been when the server starts, for providers that keep a log of them.
    pub history: u64,
    /// How a campaign ends.
    pub outcome: CampaignOutcome,
    /// Contacts in a campaign.
    pub contacts: u32,
    /// Programs of the user's answer where no provider does.
    pub answers_itself: bool,
}

/// Events per second.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rate {
    /// This many; the first at once.
    PerSecond(f64),
    /// As many as the client reads.
    Max,
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.parse() {
            Ok(rate) if (0.001..=1e6).contains(&rate) => Ok(Self::PerSecond(rate)),
            _ => Err("expected events per second from 0.001 to 1000000, or 'max' (to send no events, use --events 0)"
                .to_owned()),
        }
    }
}

/// The behavior that the mock imitates.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Behave {
    /// The provider's documentation
    #[default]
    Documented,
    /// The running service, as far as known
    Real,
}

/// How a campaign ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum CampaignOutcome {
    /// All contacts are called
    #[default]
    Completed,
    /// Fails halfway
    Failed,
    /// Is cancelled halfway
    Cancelled,
    /// Is paused halfway and never resumed
    Paused,
}

/// What a connection does after its last event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Then {
    /// Keep it open and silent
    #[default]
    Stay,
    Close,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            token: None,
            rate: Rate::PerSecond(10.0),
            events: None,
            duration: None,
            then: Then::Stay,
            seed: 0,
            deny: Vec::new(),
            subscribe_limit: 20,
            ack: true,
            time_scale: 1.0,
            behave: Behave::Documented,
            allow_origin: Vec::new(),
            drain_after: None,
            history: 0,
            outcome: CampaignOutcome::Completed,
            contacts: 200,
            answers_itself: false,
        }
    }
}

impl Settings {
    /// Is this credential good?
    #[must_use]
    pub fn accepts(&self, token: &str) -> bool {
        match &self.token {
            Some(good) => good.expose() == token,
            None => !token.is_empty() && !REFUSED_TOKENS.contains(&token),
        }
    }

    /// One of the provider's own times, as it is on this mock's clock.
    #[must_use]
    pub fn scaled(&self, time: Duration) -> Duration {
        // Not zero: a timer that is always due would leave no time for anything else.
        time.div_f64(self.time_scale).max(Duration::from_micros(100))
    }

    /// Is a subscription to this topic to be refused?
    #[must_use]
    pub fn denies(&self, topic: &str) -> bool {
        self.deny.iter().any(|pattern| matches_glob(pattern, topic))
    }
}

/// Does the text match a pattern in which `*` stands for any text?
#[must_use]
pub fn matches_glob(pattern: &str, text: &str) -> bool {
    let mut pieces = pattern.split('*');
    let first = pieces.next().unwrap_or_default();
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    let Some(last) = pieces.next_back() else { return rest.is_empty() };
    for piece in pieces {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}
