//! The frames of both halves. Shapes are those of the documents ("Server-to-Client Messages",
//! "Client-to-Server Messages"); the flat ones, which the provider's own SDK reads, are what `--behave real`
//! sends. Neither names all of what the other has.

use serde::Serialize;
use serde_json::{Number, Value};

use super::campaign::{CampaignStep, ContactCounts, FinishedCall, HistoryEntry, MockCampaign, MockContact};
use crate::campaign::CampaignStatus;
use crate::dialect::made::{iso_seconds, strftime};
use crate::message::Message;
use crate::provider::Behave;

/// What every pong has in it.
pub(super) const PONG_MARK: &[u8] = b"\"pong\"";

/// What a call costs in the mock, in hundredths.
const CENTS: u32 = 4;

/// "Send periodically to maintain connection."
pub(super) fn ping() -> Message {
    frame(&Bare { r#type: "ping" })
}

/// "Request current progress on demand."
pub(super) fn request_update() -> Message {
    frame(&Bare { r#type: "request_update" })
}

/// "Request historical metrics (last N hours)". The key `hours` is a guess.
pub(super) fn request_history(hours: u32) -> Message {
    frame(&Hours { r#type: "request_history", hours })
}

/// On the monitor: also watch this campaign, or do so no longer. The documents promise the "ability to subscribe
/// to specific campaigns" and show no message; a guess.
pub(super) fn watch(action: &'static str, campaign: u64) -> Message {
    frame(&WatchMessage { r#type: action, campaign_id: campaign })
}

/// Is this the answer to a ping? One with the time as a number, as text, or without is.
pub(super) fn is_pong(bytes: &[u8]) -> bool {
    let value = serde_json::from_slice::<Value>(bytes);
    value.is_ok_and(|value| value.get("type").and_then(Value::as_str) == Some("pong"))
}

/// What every refusal has in it.
pub(super) const ERROR_MARK: &[u8] = b"\"error\"";

/// The campaign that this says cannot be watched, and why. A guess, like [`Voice::error`].
pub(super) fn read_refusal(bytes: &[u8]) -> Option<(u64, String)> {
    let value = serde_json::from_slice::<Value>(bytes).ok().filter(|value| value["type"] == "error")?;
    let why = value["message"].as_str().or_else(|| value["error"].as_str()).unwrap_or_default();
    Some((value["campaign_id"].as_u64()?, why.to_owned()))
}

/// What a client may ask.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum BurkiRequest {
    /// Is the server there?
    Ping,
    /// See [`request_update`].
    Update,
    /// See [`request_history`]; 24 hours where none are named, a guess.
    History(Number),
    /// See [`watch`].
    Subscribe(u64),
    /// See [`watch`].
    Unsubscribe(u64),
}

/// What the server makes of a client's message; `None` if nothing.
pub(super) fn read_request(message: &Message) -> Option<BurkiRequest> {
    let value: Value = serde_json::from_str(message.as_text()?).ok()?;
    let campaign = value.get("campaign_id").and_then(Value::as_u64);
    match value.get("type")?.as_str()? {
        "ping" => Some(BurkiRequest::Ping),
        "request_update" => Some(BurkiRequest::Update),
        "request_history" => match value.get("hours") {
            None => Some(BurkiRequest::History(24.into())),
            Some(Value::Number(hours)) => Some(BurkiRequest::History(hours.clone())),
            Some(_) => None,
        },
        "subscribe" => campaign.map(BurkiRequest::Subscribe),
        "unsubscribe" => campaign.map(BurkiRequest::Unsubscribe),
        _ => None,
    }
}

/// What the mock says, in one of two ways.
#[derive(Clone, Copy, Debug)]
pub(super) struct Voice(pub(super) Behave);

impl Voice {
    /// "Sent immediately after connection is established". On the monitor it names no campaign; a guess.
    pub(super) fn ack(self, campaign: Option<u32>, now: i64) -> Message {
        frame(&Ack { r#type: "connection_ack", campaign_id: campaign, timestamp: self.stamp(now) })
    }

    /// "Current campaign state sent after connection."
    pub(super) fn initial(self, campaign: &MockCampaign) -> Vec<Message> {
        match self.0 {
            Behave::Documented => vec![nested("initial_progress", campaign, true)],
            Behave::Real => self.flat(campaign),
        }
    }

    /// The answer to `request_update`. The documents do not say which of the two progress messages it is.
    pub(super) fn current(self, campaign: &MockCampaign) -> Vec<Message> {
        match self.0 {
            Behave::Documented => vec![nested("progress_update", campaign, false)],
            Behave::Real => self.flat(campaign),
        }
    }

    /// "Sent whenever progress changes (contact completed, failed, etc.)".
    pub(super) fn change(self, campaign: &MockCampaign, change: &CampaignStep) -> Vec<Message> {
        match (self.0, Touched::of(change)) {
            (Behave::Documented, _) | (_, None) => self.current(campaign),
            (Behave::Real, Some(touched)) => {
                vec![self.progress(campaign, Some(&touched)), self.contact(campaign, &touched)]
            }
        }
    }

    /// What the monitor says first. Nothing is known of it but that it is "an overview of all campaigns"; a guess.
    pub(super) fn overview(self, campaigns: &[&MockCampaign]) -> Message {
        let data = Overview {
            campaigns: campaigns.iter().map(|campaign| CampaignData::of(campaign, false)).collect(),
        };
        frame(&Wrapped { r#type: "overview", data })
    }

    /// The answer to `request_history`: its example is lost, so the shape is a guess, with the names of the
    /// other messages.
    pub(super) fn history(self, campaign: &MockCampaign, hours: &Number) -> Message {
        let samples = campaign.history(hours.as_f64().unwrap_or(0.0).max(0.0));
        let metrics = samples.iter().map(Metric::of).collect();
        let data = HistoryData { campaign_id: campaign.id(), hours: hours.clone(), metrics };
        frame(&Wrapped { r#type: "metrics_history", data })
    }

    /// "Response to ping health check". Its example is lost; the time is that of the acknowledgment, a guess.
    pub(super) fn pong(self, now: i64) -> Message {
        frame(&Pong { r#type: "pong", timestamp: self.stamp(now) })
    }

    /// What the monitor answers to a campaign that cannot be watched: a guess, after the `error` of the same
    /// server's transcripts.
    pub(super) fn error(self, campaign: u64, now: i64, message: &str) -> Message {
        frame(&CampaignRefusal {
            r#type: "error",
            campaign_id: campaign,
            timestamp: self.stamp(now),
            message,
        })
    }

    /// Seconds as a number in the documents. The SDK takes text alone; without a zone, as the same server's
    /// transcripts have it and old Pythons need it.
    fn stamp(self, at: i64) -> Stamp {
        match self.0 {
            #[expect(clippy::cast_precision_loss, reason = "2^53 milliseconds are enough")]
            Behave::Documented => Stamp::Seconds(at as f64 / 1000.0),
            Behave::Real => Stamp::Text(strftime(at, "%Y-%m-%dT%H:%M:%S.%3f")),
        }
    }

    /// The state as the SDK reads it: progress, and that the campaign was completed if it was. It has no message
    /// for another end, nor a status in this one, so of those there is nothing but the last progress.
    fn flat(self, campaign: &MockCampaign) -> Vec<Message> {
        let completed = *campaign.status() == CampaignStatus::Completed;
        let end = completed.then(|| self.completed(campaign));
        std::iter::once(self.progress(campaign, None)).chain(end).collect()
    }

    fn progress(self, campaign: &MockCampaign, touched: Option<&Touched<'_>>) -> Message {
        let counts = campaign.counts();
        frame(&Flat {
            r#type: "progress",
            campaign_id: campaign.id(),
            timestamp: self.stamp(campaign.now()),
            total_contacts: counts.total(),
            completed_contacts: counts.completed,
            failed_contacts: counts.failed,
            pending_contacts: counts.pending,
            in_progress_contacts: counts.processing,
            completion_percentage: counts.progress_percentage(),
            contact_id: touched.map(|touched| touched.contact.id),
            contact_phone: touched.map(|touched| touched.contact.phone.as_str()),
            contact_status: touched.map(Touched::status),
            contact_error: touched.and_then(Touched::error),
        })
    }

    fn contact(self, campaign: &MockCampaign, touched: &Touched<'_>) -> Message {
        frame(&ContactUpdate {
            r#type: "contact_update",
            campaign_id: campaign.id(),
            timestamp: self.stamp(campaign.now()),
            contact_id: touched.contact.id,
            phone_number: &touched.contact.phone,
            status: touched.status(),
            call_sid: &touched.contact.call_sid,
            call_duration: touched.call.map(|call| (call.at - call.contact.since) / 1000),
            error_message: touched.error(),
        })
    }

    fn completed(self, campaign: &MockCampaign) -> Message {
        let (counts, now) = (campaign.counts(), campaign.now());
        frame(&Completed {
            r#type: "campaign_completed",
            campaign_id: campaign.id(),
            timestamp: self.stamp(now),
            total_contacts: counts.total(),
            completed_contacts: counts.completed,
            failed_contacts: counts.failed,
            success_rate: counts.success_rate(),
            total_duration: campaign.started_at().map_or(0, |start| (now - start) / 1000),
            total_cost: f64::from((counts.completed + counts.failed) * CENTS) / 100.0,
        })
    }
}

/// The contact that a change is about.
struct Touched<'a> {
    contact: &'a MockContact,
    /// How the call ended, if it has.
    call: Option<&'a FinishedCall>,
}

impl<'a> Touched<'a> {
    fn of(change: &'a CampaignStep) -> Option<Self> {
        match change {
            CampaignStep::Status => None,
            CampaignStep::Began(contact) => Some(Self { contact, call: None }),
            CampaignStep::Ended(call) => Some(Self { contact: &call.contact, call: Some(call) }),
        }
    }

    /// One of the SDK's pending, in_progress, completed, failed, skipped.
    fn status(&self) -> &'static str {
        self.call.map_or("in_progress", status)
    }

    fn error(&self) -> Option<&'static str> {
        self.call?.error
    }
}

fn status(call: &FinishedCall) -> &'static str {
    if call.error.is_some() { "failed" } else { "completed" }
}

fn nested(name: &'static str, campaign: &MockCampaign, activity: bool) -> Message {
    frame(&Wrapped { r#type: name, data: CampaignData::of(campaign, activity) })
}

#[derive(Serialize)]
struct Bare {
    r#type: &'static str,
}

#[derive(Serialize)]
struct Hours {
    r#type: &'static str,
    hours: u32,
}

#[derive(Serialize)]
struct WatchMessage {
    r#type: &'static str,
    campaign_id: u64,
}

#[derive(Serialize)]
struct Wrapped<T> {
    r#type: &'static str,
    data: T,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Stamp {
    Seconds(f64),
    Text(String),
}

#[derive(Serialize)]
struct Ack {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    campaign_id: Option<u32>,
    timestamp: Stamp,
}

#[derive(Serialize)]
struct Pong {
    r#type: &'static str,
    timestamp: Stamp,
}

#[derive(Serialize)]
struct CampaignRefusal<'a> {
    r#type: &'static str,
    campaign_id: u64,
    timestamp: Stamp,
    message: &'a str,
}

#[derive(Serialize)]
struct CampaignData<'a> {
    campaign_id: u32,
    status: &'a str,
    progress: ProgressData,
    started_at: Option<String>,
    completed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    recent_activity: Option<Vec<Activity>>,
}

impl<'a> CampaignData<'a> {
    /// `recent_activity` is only in `initial_progress`.
    fn of(campaign: &'a MockCampaign, activity: bool) -> Self {
        Self {
            campaign_id: campaign.id(),
            status: campaign.status().name(),
            progress: ProgressData::of(campaign.counts()),
            started_at: campaign.started_at().map(iso_seconds),
            completed_at: campaign.ended_at().map(iso_seconds),
            recent_activity: activity.then(|| campaign.recent().map(Activity::of).collect()),
        }
    }
}

#[derive(Serialize)]
struct ProgressData {
    total_contacts: u32,
    completed: u32,
    failed: u32,
    processing: u32,
    pending: u32,
    progress_percentage: f64,
    success_rate: f64,
}

impl ProgressData {
    fn of(counts: ContactCounts) -> Self {
        Self {
            total_contacts: counts.total(),
            completed: counts.completed,
            failed: counts.failed,
            processing: counts.processing,
            pending: counts.pending,
            progress_percentage: counts.progress_percentage(),
            success_rate: counts.success_rate(),
        }
    }
}

/// The fields are those of the provider's REST page on progress; that both ids are numbers is a guess.
#[derive(Serialize)]
struct Activity {
    execution_id: u64,
    contact_phone: String,
    status: &'static str,
    executed_at: String,
    call_id: u64,
}

impl Activity {
    fn of(call: &FinishedCall) -> Self {
        Self {
            execution_id: call.contact.id,
            contact_phone: call.contact.phone.clone(),
            status: status(call),
            executed_at: iso_seconds(call.at),
            call_id: 10_000_000_000 + call.contact.id,
        }
    }
}

#[derive(Serialize)]
struct Overview<'a> {
    campaigns: Vec<CampaignData<'a>>,
}

#[derive(Serialize)]
struct HistoryData {
    campaign_id: u32,
    hours: Number,
    metrics: Vec<Metric>,
}

#[derive(Serialize)]
struct Metric {
    timestamp: String,
    completed: u32,
    failed: u32,
    processing: u32,
    pending: u32,
    success_rate: f64,
}

impl Metric {
    fn of(sample: &HistoryEntry) -> Self {
        let counts = sample.counts;
        Self {
            timestamp: iso_seconds(sample.at),
            completed: counts.completed,
            failed: counts.failed,
            processing: counts.processing,
            pending: counts.pending,
            success_rate: counts.success_rate(),
        }
    }
}

#[derive(Serialize)]
struct Flat<'a> {
    r#type: &'static str,
    campaign_id: u32,
    timestamp: Stamp,
    total_contacts: u32,
    completed_contacts: u32,
    failed_contacts: u32,
    pending_contacts: u32,
    in_progress_contacts: u32,
    completion_percentage: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_phone: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    contact_error: Option<&'static str>,
}

#[derive(Serialize)]
struct ContactUpdate<'a> {
    r#type: &'static str,
    campaign_id: u32,
    timestamp: Stamp,
    contact_id: u64,
    phone_number: &'a str,
    status: &'static str,
    call_sid: &'a str,
    call_duration: Option<i64>,
    error_message: Option<&'static str>,
}

#[derive(Serialize)]
struct Completed {
    r#type: &'static str,
    campaign_id: u32,
    timestamp: Stamp,
    total_contacts: u32,
    completed_contacts: u32,
    failed_contacts: u32,
    success_rate: f64,
    total_duration: i64,
    total_cost: f64,
}

fn frame(value: &impl Serialize) -> Message {
    // Texts, numbers and arrays of such cannot fail to serialise.
    Message::text(serde_json::to_string(value).unwrap_or_default())
}
