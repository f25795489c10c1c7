//! Campaigns, whoever runs them: what a message may say of one, and what is known of one after many messages.
//! Pure, and told the time.

use serde::Serialize;

pub mod fold;
pub mod rate;

/// How a campaign stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CampaignStatus {
    /// Not yet started.
    Draft,
    /// Waits for its time.
    Scheduled,
    /// Contacts are being called.
    Running,
    /// It may go on.
    Paused,
    /// All contacts were processed.
    Completed,
    /// Stopped before that.
    Cancelled,
    /// It went wrong.
    Failed,
    /// A word that is not known.
    Other(String),
}

impl CampaignStatus {
    /// All that are known, in the order of a campaign's life.
    pub const KNOWN: [Self; 7] = [
        Self::Draft,
        Self::Scheduled,
        Self::Running,
        Self::Paused,
        Self::Completed,
        Self::Cancelled,
        Self::Failed,
    ];

    /// The status of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Self {
        let known = Self::KNOWN.into_iter().find(|status| status.name() == name);
        known.unwrap_or_else(|| Self::Other(name.to_owned()))
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Draft => "draft",
            Self::Scheduled => "scheduled",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Completed => "completed",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
            Self::Other(name) => name,
        }
    }

    /// Will nothing change any more?
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Completed | Self::Cancelled | Self::Failed)
    }
}

/// What a message says, as far as it is about campaigns.
#[derive(Clone, Debug, PartialEq)]
pub enum Said {
    /// How one campaign stands.
    Progress(Reading),
    /// How all campaigns stand; one that is not among them is gone.
    Overview(Vec<Reading>),
    /// What became of a contact.
    Contact(Contact),
    /// How a campaign stood at earlier times.
    History(History),
    /// A campaign cannot be watched.
    Refused {
        campaign: u64,
        /// Why, in the provider's words.
        why: String,
    },
}

impl Said {
    /// The campaigns that it is about.
    #[must_use]
    pub fn campaigns(&self) -> Vec<u64> {
        match self {
            Self::Progress(reading) => vec![reading.campaign],
            Self::Overview(all) => all.iter().map(|reading| reading.campaign).collect(),
            Self::Contact(contact) => vec![contact.campaign],
            Self::History(history) => vec![history.campaign],
            Self::Refused { campaign, .. } => vec![*campaign],
        }
    }
}

/// The state of a campaign as one message tells it. What a message does not say is not known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reading {
    pub campaign: u64,
    pub status: Option<CampaignStatus>,
    /// How many contacts are where.
    pub counts: Counts,
    /// What the provider says of the last contacts, the latest first.
    pub recent: Vec<Contact>,
    /// The first value that should be a count and is not.
    pub odd: Option<String>,
}

/// How many contacts are where, as far as that is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Counts {
    /// All contacts.
    pub total: Option<u64>,
    /// Contacts that were reached.
    pub completed: Option<u64>,
    /// Contacts that were not.
    pub failed: Option<u64>,
    /// Contacts that are being called.
    pub processing: Option<u64>,
    /// Contacts that are still to be called.
    pub pending: Option<u64>,
    /// Percent of the contacts that are done.
    pub progress_percentage: Option<f64>,
    /// Percent of those that were reached.
    pub success_rate: Option<f64>,
}

impl Counts {
    /// Contacts that are done: reached or not.
    #[must_use]
    pub fn done(&self) -> Option<u64> {
        self.completed?.checked_add(self.failed?)
    }

    /// Contacts that are not done.
    #[must_use]
    pub fn left(&self) -> Option<u64> {
        match (self.processing, self.pending) {
            (Some(processing), Some(pending)) => processing.checked_add(pending),
            _ => self.total?.checked_sub(self.done()?),
        }
    }
}

/// What became of a contact.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contact {
    pub campaign: u64,
    /// What tells it from other contacts: an id or a telephone number.
    pub key: String,
    /// For people.
    pub name: String,
    /// In the provider's word.
    pub status: String,
    /// Why it failed, or how long it took.
    pub detail: Option<String>,
}

/// How a campaign stood at earlier times.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    pub campaign: u64,
    /// The earliest first, if the provider sends them so.
    pub samples: Vec<Sample>,
}

/// How a campaign stood at one time.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sample {
    /// When.
    pub at: Option<jiff::Timestamp>,
    /// How many contacts were where.
    pub counts: Counts,
}

/// The normalised record of a campaign: the same whatever the provider's messages look like. Its fields, and `null`
/// for what is not known, are part of the public contract.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CampaignRecord {
    pub campaign_id: u64,
    /// The name of its status.
    pub status: Option<String>,
    /// How many contacts are where.
    #[serde(flatten)]
    pub counts: Counts,
    /// Contacts done per minute, lately.
    pub rate_per_min: Option<f64>,
    /// Seconds to the end at this rate.
    pub eta_s: Option<u64>,
    /// When the message came; of the past: when it was so.
    pub at: Option<String>,
}

impl CampaignRecord {
    /// As JSON text.
    #[must_use]
    pub fn to_json(&self) -> String {
        // Numbers and texts cannot fail to serialise.
        serde_json::to_string(self).unwrap_or_default()
    }
}
