//! Burki: the progress of calling campaigns. Written from the provider's page on campaign progress; what that
//! leaves open is a guess and says so, and the provider's own SDK reads other messages than the page shows.
//!
//! `wire` has the frames of both halves, `progress` reads what a message says of campaigns, `mock` and `campaign`
//! are the mock half.

use std::time::Duration;

use memchr::memmem::Finder;

use super::{
    Beat, Campaigns, Client, ClientSetup, CloseRule, Credential, CredentialPlace, Dialect, Known, Meaning,
    Rhythm, TopicCheck, Var, Verb,
};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::message::Message;
use crate::net::WsUrl;
use crate::provider::Provider;

mod campaign;
mod mock;
mod progress;
#[cfg(test)]
mod tests;
mod wire;

/// The endpoint that shows all campaigns ("Multi-Campaign Monitoring").
const MONITOR: &str = "/ws/campaigns/monitor";

/// The hours that are asked for without a number.
const HISTORY_HOURS: u32 = 24;

/// "Send ping messages every 30 seconds to maintain the connection".
const PING_EVERY: Duration = Duration::from_secs(30);

/// The dialect of Burki's campaign endpoints.
pub struct Burki;

impl Dialect for Burki {
    fn name(&self) -> &'static str {
        "burki"
    }

    fn summary(&self) -> &'static str {
        "Burki: progress of calling campaigns; topic: campaign ID"
    }

    fn examples(&self) -> &'static [&'static str] {
        &[
            "subscribe -d burki 42 -f 'select(.type == \"progress_update\")'",
            "watch-campaign 42 --mock",
            "watch-campaign 7 --mock='--rate max --outcome failed'",
        ]
    }

    fn default_url(&self, _var: Var<'_>) -> Option<String> {
        Some(format!("wss://api.burki.dev{MONITOR}"))
    }

    fn owns(&self, host: &str, path: &str) -> bool {
        let host = host.to_ascii_lowercase();
        host.ends_with(".burki.dev") || path == MONITOR || campaign_in(path).is_some()
    }

    /// The endpoint of one campaign has nothing to subscribe to, and no other campaign.
    fn address(&self, url: WsUrl, topics: &[String]) -> Result<(WsUrl, Vec<String>)> {
        let Some(id) = campaign_of(&url) else { return Ok((url, topics.to_vec())) };
        if let Some(other) = topics.iter().find(|topic| **topic != id) {
            let what = format!("the URL shows only campaign {id}, not {other}");
            return Err(
                Failure::usage(what).hint(format!("to watch several campaigns, use the endpoint {MONITOR}"))
            );
        }
        Ok((url, Vec::new()))
    }

    fn credential(&self) -> Option<Credential> {
        Some(Credential { place: CredentialPlace::Query("token"), variable: "BURKI_API_KEY" })
    }

    fn check_topic(&self, topic: &str) -> TopicCheck {
        if campaign_number(topic).is_some() {
            return TopicCheck::Fine;
        }
        TopicCheck::Wrong(format!("invalid campaign id '{topic}' (expected a number such as 42)"))
    }

    /// The monitor shows an overview without being asked.
    fn needs_topics(&self) -> bool {
        false
    }

    /// "Client-to-Server Messages".
    fn commands(&self) -> &'static [Verb] {
        const UPDATE: &str = "request the current progress";
        const HISTORY: &str = "request the metrics of the last HOURS (default 24)";
        &[
            Verb { name: "update", arguments: "", help: UPDATE },
            Verb { name: "history", arguments: "[HOURS]", help: HISTORY },
        ]
    }

    /// The ids of campaigns that have been named.
    fn complete_topic(&self, typed: &str, known: &Known<'_>) -> Vec<String> {
        let said = known
            .messages
            .iter()
            .flat_map(|text| progress::BurkiCampaigns.read(&Message::text(text.as_str())));
        let named = said.flat_map(|said| said.campaigns()).map(|id| id.to_string());
        let ids = known.topics.iter().cloned().chain(named);
        let mut ids: Vec<String> = ids.filter(|id| id.starts_with(typed)).collect();
        ids.sort_by_key(|id| (id.len(), id.clone()));
        ids.dedup();
        ids
    }

    fn client(&self, setup: &ClientSetup<'_>) -> Result<Box<dyn Client>> {
        let one = setup.url.and_then(campaign_of).is_some();
        let (pong, error) = (Finder::new(wire::PONG_MARK), Finder::new(wire::ERROR_MARK));
        Ok(Box::new(BurkiClient { one, pong, error }))
    }

    fn provider(&self) -> Option<&'static dyn Provider> {
        Some(&mock::BurkiMock)
    }

    fn campaigns(&self) -> Option<&'static dyn Campaigns> {
        Some(&progress::BurkiCampaigns)
    }
}

/// The campaign in a path, as it stands there, if it is the path of one campaign's progress.
fn campaign_in(path: &str) -> Option<&str> {
    let id = path.strip_prefix("/ws/campaigns/")?.strip_suffix("/progress")?;
    (!id.is_empty() && !id.contains('/')).then_some(id)
}

fn campaign_of(url: &WsUrl) -> Option<String> {
    let path = url.path();
    campaign_in(path).map(str::to_owned)
}

fn campaign_number(topic: &str) -> Option<u64> {
    let digits = !topic.starts_with('0') && topic.bytes().all(|byte| byte.is_ascii_digit());
    topic.parse().ok().filter(|_| digits)
}

struct BurkiClient {
    /// Connected to the endpoint of one campaign.
    one: bool,
    pong: Finder<'static>,
    error: Finder<'static>,
}

impl BurkiClient {
    fn watch(&self, action: &'static str, topics: &[String]) -> Vec<Message> {
        if self.one {
            return Vec::new();
        }
        let ids = topics.iter().filter_map(|topic| campaign_number(topic));
        ids.map(|id| wire::watch(action, id)).collect()
    }
}

impl Client for BurkiClient {
    /// One message for each: a guess, like the message itself.
    fn subscribe(&mut self, topics: &[String], _cursor: Option<&str>) -> Vec<Message> {
        self.watch("subscribe", topics)
    }

    fn unsubscribe(&mut self, topics: &[String]) -> Vec<Message> {
        self.watch("unsubscribe", topics)
    }

    fn command(&mut self, name: &str, arguments: &[String]) -> std::result::Result<Vec<Message>, String> {
        match (name, arguments) {
            ("update", []) => Ok(vec![wire::request_update()]),
            ("history", []) => Ok(vec![wire::request_history(HISTORY_HOURS)]),
            ("history", [hours]) => match hours.parse() {
                Ok(hours) if hours > 0 => Ok(vec![wire::request_history(hours)]),
                _ => Err(format!("invalid number of hours: {hours}")),
            },
            _ => Err("too many arguments".to_owned()),
        }
    }

    /// Only the pong and the monitor's refusal of a campaign are no data. `connection_ack` is, since it is nobody's
    /// answer; and so are messages that are not known, which the documents and the SDK are to each other.
    fn understand(&mut self, message: &Message) -> Meaning {
        let bytes = message.as_bytes();
        if self.pong.find(bytes).is_some() && wire::is_pong(bytes) {
            return Meaning::Pong;
        }
        let refusal = || self.error.find(bytes).and_then(|_| wire::read_refusal(bytes));
        let Some((campaign, message)) = (!self.one).then(refusal).flatten() else { return Meaning::EVENT };
        Meaning::Refused {
            action: "subscribe".to_owned(),
            topics: vec![campaign.to_string()],
            code: String::new(),
            message,
            retry: false,
        }
    }

    fn rhythm(&self) -> Rhythm {
        Rhythm {
            beat: Some(Beat { every: PING_EVERY, message: wire::ping(), answered: true }),
            silence: None,
        }
    }

    /// "Close Codes". Which of them are worth another attempt follows from what they mean.
    fn close_rule(&self, code: u16) -> Option<CloseRule> {
        let (meaning, retry, exit) = match code {
            1000 => ("normal closure", false, Exit::Ok),
            1001 => ("going away", true, Exit::Ok),
            1008 => ("authentication failed", false, Exit::Credentials),
            4000 => ("internal server error", true, Exit::ClosedAbnormally),
            4004 => ("campaign not found", false, Exit::NotFound),
            _ => return None,
        };
        Some(CloseRule { meaning, retry, exit })
    }

    fn catch_up(&self) -> Option<String> {
        Some(
            "the server sends the current progress; to request the history, send \
             {\"type\":\"request_history\",\"hours\":1}"
                .to_owned(),
        )
    }
}
