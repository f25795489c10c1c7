//! What a watch is asked to do.

use crate::campaign::CampaignStatus;
use crate::dialect::Campaigns;

/// What is to be watched, and how.
pub struct Plan {
    /// What the provider says of campaigns.
    pub campaigns: &'static dyn Campaigns,
    /// The campaigns, each once; empty for all that are shown.
    pub ids: Vec<u64>,
    /// One link shows all of them, and not each its own.
    pub monitor: bool,
    /// Statuses that end the watch besides the final ones.
    pub exit_on: Vec<CampaignStatus>,
    /// Hours of the past to ask for.
    pub history: Option<u32>,
    /// Records of progress take the place of messages.
    pub derive: bool,
    /// How many times as fast as in the documents the provider's time runs.
    pub time_scale: f64,
    /// What people are told in words.
    pub tell: Tell,
}

/// What people are told in words of the course of a campaign.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Tell {
    /// Nothing: it is drawn.
    Nothing,
    /// Every new status.
    Statuses,
    /// Also every tenth of the contacts, and the past: there is nothing else to be seen.
    Everything {
        /// May it be other than ASCII?
        unicode: bool,
    },
}

#[cfg(test)]
impl Plan {
    /// Each campaign over a link of its own, and nothing else asked for.
    pub(super) fn of(ids: &[u64], tell: Tell) -> Self {
        Self {
            campaigns: crate::dialect::ALL.iter().find_map(|dialect| dialect.campaigns()).unwrap(),
            ids: ids.to_vec(),
            monitor: false,
            exit_on: Vec::new(),
            history: None,
            derive: false,
            time_scale: 1.0,
            tell,
        }
    }
}
