//! One campaign of a watch: what is known of it, and why there may be nothing more to wait for.

use std::time::Duration;

use tokio::time::Instant;

use super::plan::Plan;
use crate::campaign::fold::Campaign;
use crate::campaign::{CampaignStatus, History};
use crate::report::Level;

/// A campaign that is watched.
pub struct WatchedCampaign {
    /// What is known of it.
    pub campaign: Campaign,
    /// The link over which it is told.
    pub link: usize,
    /// Why there is nothing more to wait for.
    pub end: Option<RowEnd>,
    /// What is known of its past.
    pub past: Past,
    /// When it was first told of.
    pub since: Option<Instant>,
    /// When it came to its end.
    pub until: Option<Instant>,
}

/// Why there is nothing more to wait for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RowEnd {
    /// Its status is final.
    Final,
    /// Its status is one that was asked for.
    Asked,
    /// Already finished when first seen under `--all`. It does not affect the exit status.
    Before,
    /// The provider does not show it, for this reason.
    Refused(String),
    /// It is not shown any more.
    Left,
}

/// What is known of the past of a campaign.
#[derive(Clone, Debug, PartialEq)]
pub enum Past {
    /// It was not asked for.
    Unknown,
    /// It was asked for.
    Asked(Instant),
    /// It was told.
    Known(History),
    /// There is none, or no answer.
    Nothing,
}

impl WatchedCampaign {
    pub(super) fn new(id: u64, link: usize, window: Duration) -> Self {
        Self {
            campaign: Campaign::new(id, window),
            link,
            end: None,
            past: Past::Unknown,
            since: None,
            until: None,
        }
    }

    /// How long it was watched.
    #[must_use]
    pub fn took(&self, now: Instant) -> Option<Duration> {
        Some(self.until.unwrap_or(now).duration_since(self.since?))
    }

    pub(super) fn settle(&mut self, plan: &Plan, first: bool) {
        if matches!(self.end, Some(RowEnd::Refused(_) | RowEnd::Before)) {
            return;
        }
        let asked = self.campaign.status.as_ref().is_some_and(|status| plan.exit_on.contains(status));
        self.end = match self.campaign.is_final() {
            true if first && plan.ids.is_empty() => Some(RowEnd::Before),
            true => Some(RowEnd::Final),
            false => asked.then_some(RowEnd::Asked),
        };
    }

    /// Notice level for the current status. Failures that predate the watch are only notices.
    pub(super) fn level(&self) -> Level {
        match (&self.campaign.status, &self.end) {
            (_, Some(RowEnd::Before)) => Level::Notice,
            (Some(CampaignStatus::Failed | CampaignStatus::Cancelled), _) => Level::Error,
            _ => Level::Notice,
        }
    }

    /// Tenths of the contacts that are done.
    pub(super) fn tenth(&self) -> Option<u64> {
        let counts = &self.campaign.counts;
        counts.done()?.saturating_mul(10).checked_div(counts.total?)
    }

    /// How it stands, for people.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Campaign { id, status, counts, .. } = &self.campaign;
        let mut text = match status {
            None => format!("campaign {id} has not ended"),
            Some(status @ CampaignStatus::Cancelled) => format!("campaign {id} was {}", status.name()),
            Some(status) if status.is_final() => format!("campaign {id} {}", status.name()),
            Some(status) => format!("campaign {id} is {}", status.name()),
        };
        if let (Some(done), Some(total)) = (counts.done(), counts.total) {
            text.push_str(&format!(": {done} of {total} contacts done"));
        }
        if let Some(failed) = counts.failed.filter(|failed| *failed > 0) {
            text.push_str(&format!(", {failed} failed"));
        }
        text
    }
}
