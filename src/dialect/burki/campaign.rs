//! The mock's campaigns: contacts that are called one after the other until all were, or until the campaign
//! stops for another reason. A campaign is a pure function of the seed and its id, so that it tells the same
//! story to whoever watches it, and its numbers always add up.
//!
//! Its clock is its own: every change takes a few seconds of it, however fast changes are asked for.

use std::collections::VecDeque;

use fastrand::Rng;

use crate::campaign::CampaignStatus;
use crate::provider::CampaignOutcome;

/// When every campaign is scheduled to start, in milliseconds: 2026-01-01T09:00:00Z, the documents' `started_at`.
pub(super) const START: i64 = 1_767_258_000_000;

/// Contacts in `recent_activity`. The documents give no number.
const RECENT: usize = 10;

/// From one entry of the history to the next, in milliseconds.
const SAMPLE_EVERY: i64 = 60_000;

/// Entries that are kept: a day.
const SAMPLES: usize = 1440;

const ERRORS: [&str; 4] = ["No answer", "Busy", "Voicemail reached", "Call dropped"];

/// What a campaign is asked to be like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct CampaignPlan {
    pub(super) seed: u64,
    pub(super) contacts: u32,
    pub(super) outcome: CampaignOutcome,
}

/// How a campaign ends, or stops, that is to have this outcome ("Campaign Status Values").
fn status_after(outcome: CampaignOutcome) -> CampaignStatus {
    match outcome {
        CampaignOutcome::Completed => CampaignStatus::Completed,
        CampaignOutcome::Failed => CampaignStatus::Failed,
        CampaignOutcome::Cancelled => CampaignStatus::Cancelled,
        CampaignOutcome::Paused => CampaignStatus::Paused,
    }
}

/// Where the contacts of a campaign are: `completed + failed + processing + pending` is all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ContactCounts {
    pub(super) completed: u32,
    pub(super) failed: u32,
    pub(super) processing: u32,
    pub(super) pending: u32,
}

impl ContactCounts {
    pub(super) fn total(self) -> u32 {
        self.completed + self.failed + self.processing + self.pending
    }

    /// The part that is done, completed or failed, in percent with one decimal. The formula fits both examples
    /// of the documents.
    pub(super) fn progress_percentage(self) -> f64 {
        ratio(self.completed + self.failed, self.total(), 1000) / 10.0
    }

    /// The part of what is done that was completed, in percent with two decimals; 0 as long as nothing is.
    pub(super) fn success_rate(self) -> f64 {
        ratio(self.completed, self.completed + self.failed, 10_000) / 100.0
    }
}

/// `part / whole` in units of `1 / scale`, rounded to the nearest; 0 of nothing.
fn ratio(part: u32, whole: u32, scale: u64) -> f64 {
    let (part, whole) = (u64::from(part), u64::from(whole));
    let units = (2 * part * scale + whole).checked_div(2 * whole).unwrap_or(0);
    u32::try_from(units).map_or(0.0, f64::from)
}

/// Somebody who is called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MockContact {
    pub(super) id: u64,
    pub(super) phone: String,
    pub(super) call_sid: String,
    /// When the call began, in milliseconds.
    pub(super) since: i64,
}

/// A call that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FinishedCall {
    pub(super) contact: MockContact,
    /// When it ended, in milliseconds.
    pub(super) at: i64,
    /// Why the contact failed; none if it was completed.
    pub(super) error: Option<&'static str>,
}

/// What a step of a campaign was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum CampaignStep {
    /// Its status is another.
    Status,
    /// A contact is being called.
    Began(MockContact),
    /// A call is over.
    Ended(FinishedCall),
}

/// An entry of the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct HistoryEntry {
    pub(super) at: i64,
    pub(super) counts: ContactCounts,
}

/// One campaign.
#[derive(Clone, Debug)]
pub(super) struct MockCampaign {
    id: u32,
    rng: Rng,
    outcome: CampaignOutcome,
    /// Contacts that will be called.
    calls: u32,
    /// Calls at the same time.
    lines: usize,
    /// Contacts of a hundred that are completed.
    luck: u32,
    status: CampaignStatus,
    now: i64,
    ended_at: Option<i64>,
    counts: ContactCounts,
    called: u32,
    open: Vec<MockContact>,
    recent: VecDeque<FinishedCall>,
    history: VecDeque<HistoryEntry>,
}

impl MockCampaign {
    /// The campaign of this id before its start.
    pub(super) fn new(id: u32, plan: CampaignPlan) -> Self {
        let mut rng = Rng::with_seed(mix(plan.seed, id));
        let counts = ContactCounts { completed: 0, failed: 0, processing: 0, pending: plan.contacts };
        Self {
            id,
            outcome: plan.outcome,
            calls: calls(&mut rng, plan),
            lines: rng.usize(2..=5),
            luck: rng.u32(75..=98),
            status: CampaignStatus::Scheduled,
            now: START - rng.i64(1..30_000),
            ended_at: None,
            counts,
            called: 0,
            open: Vec::new(),
            recent: VecDeque::new(),
            history: VecDeque::new(),
            rng,
        }
    }

    pub(super) fn id(&self) -> u32 {
        self.id
    }

    pub(super) fn status(&self) -> &CampaignStatus {
        &self.status
    }

    pub(super) fn counts(&self) -> ContactCounts {
        self.counts
    }

    /// Its clock, in milliseconds.
    pub(super) fn now(&self) -> i64 {
        self.now
    }

    pub(super) fn started_at(&self) -> Option<i64> {
        (self.status != CampaignStatus::Scheduled).then_some(START)
    }

    /// When it came to a final status. The documents' field is called `completed_at`, with no word on whether
    /// other ends than completion set it; a guess.
    pub(super) fn ended_at(&self) -> Option<i64> {
        self.ended_at
    }

    /// Will nothing change any more? That is so of a paused one, too: there is nobody who could resume it.
    pub(super) fn is_at_rest(&self) -> bool {
        self.status.is_final() || self.status == CampaignStatus::Paused
    }

    /// The last calls, the latest first.
    pub(super) fn recent(&self) -> impl Iterator<Item = &FinishedCall> {
        self.recent.iter().rev()
    }

    /// The last hours, by the minute, up to now.
    pub(super) fn history(&self, hours: f64) -> Vec<HistoryEntry> {
        // What saturates is longer than any campaign.
        #[expect(clippy::cast_possible_truncation, reason = "saturates")]
        let since = self.now.saturating_sub((hours * 3_600_000.0) as i64);
        let current = HistoryEntry { at: self.now, counts: self.counts };
        let newer = self.history.back().is_none_or(|last| last.at < self.now);
        let kept = self.history.iter().copied().filter(|sample| sample.at >= since);
        kept.chain(newer.then_some(current)).collect()
    }

    /// Lets the next thing happen, if there is one.
    pub(super) fn step(&mut self) -> Option<CampaignStep> {
        if self.is_at_rest() {
            return None;
        }
        let change = if self.status == CampaignStatus::Scheduled { self.start() } else { self.go_on() };
        if self.history.back().is_none_or(|last| self.now - last.at >= SAMPLE_EVERY) {
            keep(&mut self.history, HistoryEntry { at: self.now, counts: self.counts }, SAMPLES);
        }
        Some(change)
    }

    fn start(&mut self) -> CampaignStep {
        self.now = START;
        self.status = CampaignStatus::Running;
        CampaignStep::Status
    }

    fn go_on(&mut self) -> CampaignStep {
        self.now += self.rng.i64(500..=5000);
        let may_begin = self.called < self.calls && self.open.len() < self.lines;
        if may_begin && (self.open.is_empty() || self.rng.bool()) {
            return CampaignStep::Began(self.begin());
        }
        match self.open.is_empty() {
            true => self.stop(),
            false => CampaignStep::Ended(self.end()),
        }
    }

    fn begin(&mut self) -> MockContact {
        self.called += 1;
        let id = u64::from(self.id) * 1_000_000 + u64::from(self.called);
        let phone = format!("+1555{:07}", self.rng.u32(0..10_000_000));
        let call_sid = format!("CA{:032x}", self.rng.u128(..));
        let contact = MockContact { id, phone, call_sid, since: self.now };
        self.counts.pending -= 1;
        self.counts.processing += 1;
        self.open.push(contact.clone());
        contact
    }

    fn end(&mut self) -> FinishedCall {
        let contact = self.open.remove(self.rng.usize(0..self.open.len()));
        let well = self.rng.u32(0..100) < self.luck;
        let error = (!well).then(|| ERRORS[self.rng.usize(0..ERRORS.len())]);
        self.counts.processing -= 1;
        *if well { &mut self.counts.completed } else { &mut self.counts.failed } += 1;
        let call = FinishedCall { contact, at: self.now, error };
        keep(&mut self.recent, call.clone(), RECENT);
        call
    }

    fn stop(&mut self) -> CampaignStep {
        self.status = status_after(self.outcome);
        self.ended_at = self.status.is_final().then_some(self.now);
        CampaignStep::Status
    }
}

/// How many contacts are called: all, or about half of them where it does not come to completion. Calls that
/// are under way when it stops are still finished, so that nothing is left in the middle.
fn calls(rng: &mut Rng, plan: CampaignPlan) -> u32 {
    let part = plan.contacts / 4 + rng.u32(0..=plan.contacts / 2);
    match plan.outcome {
        CampaignOutcome::Completed => plan.contacts,
        _ => part.min(plan.contacts.saturating_sub(1)),
    }
}

fn keep<T>(queue: &mut VecDeque<T>, item: T, most: usize) {
    if queue.len() == most {
        queue.pop_front();
    }
    queue.push_back(item);
}

/// Neighbouring seeds and ids must not give neighbouring campaigns.
fn mix(seed: u64, id: u32) -> u64 {
    (seed ^ u64::from(id).wrapping_mul(0x9e37_79b9_7f4a_7c15)).wrapping_mul(0xff51_afd7_ed55_8ccd)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn outcomes() -> impl Strategy<Value = CampaignOutcome> {
        prop_oneof![
            Just(CampaignOutcome::Completed),
            Just(CampaignOutcome::Failed),
            Just(CampaignOutcome::Cancelled),
            Just(CampaignOutcome::Paused)
        ]
    }

    fn plans() -> impl Strategy<Value = CampaignPlan> {
        (any::<u64>(), 1..400_u32, outcomes()).prop_map(|(seed, contacts, outcome)| CampaignPlan {
            seed,
            contacts,
            outcome,
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(300))]

        /// Every change is a small one, and what was true before it stays true.
        #[test]
        fn numbers_add_up_from_the_first_to_the_last(plan in plans(), id in 1..=100_u32) {
            let mut campaign = MockCampaign::new(id, plan);
            prop_assert_eq!(campaign.status(), &CampaignStatus::Scheduled);
            prop_assert_eq!(campaign.started_at(), None);
            let (mut before, mut steps) = (campaign.clone(), 0);
            while let Some(change) = campaign.step() {
                let (then, now) = (before.counts(), campaign.counts());
                prop_assert_eq!(now.total(), plan.contacts);
                prop_assert!(campaign.now() > before.now());
                prop_assert_eq!(campaign.started_at(), Some(START));
                let expected = match &change {
                    CampaignStep::Status => then,
                    CampaignStep::Began(_) => {
                        ContactCounts { pending: then.pending - 1, processing: then.processing + 1, ..then }
                    }
                    CampaignStep::Ended(FinishedCall { error: None, .. }) => {
                        ContactCounts { processing: then.processing - 1, completed: then.completed + 1, ..then }
                    }
                    CampaignStep::Ended(_) => {
                        ContactCounts { processing: then.processing - 1, failed: then.failed + 1, ..then }
                    }
                };
                prop_assert_eq!(now, expected);
                prop_assert!(now.processing <= 5);
                prop_assert!((0.0..=100.0).contains(&now.progress_percentage()));
                prop_assert!((0.0..=100.0).contains(&now.success_rate()));
                prop_assert!(now.progress_percentage() >= then.progress_percentage());
                steps += 1;
                prop_assert!(steps <= 2 * plan.contacts + 2, "it ends");
                before = campaign.clone();
            }
            prop_assert_eq!(steps, 2 * campaign.called + 2);
        }

        #[test]
        fn each_comes_to_the_end_that_was_asked_for(plan in plans(), id in 1..=100_u32) {
            let mut campaign = MockCampaign::new(id, plan);
            while campaign.step().is_some() {}
            let counts = campaign.counts();
            prop_assert_eq!(campaign.status(), &status_after(plan.outcome));
            prop_assert_eq!(counts.processing, 0);
            prop_assert_eq!(counts.pending == 0, plan.outcome == CampaignOutcome::Completed);
            let ended = (plan.outcome != CampaignOutcome::Paused).then_some(campaign.now());
            prop_assert_eq!(campaign.ended_at(), ended);
            prop_assert!(campaign.is_at_rest() && campaign.step().is_none());
        }

        #[test]
        fn the_history_leads_up_to_now(plan in plans(), steps in 0..900_usize, hours in 0.0..0.5_f64) {
            let mut campaign = MockCampaign::new(1, plan);
            for _ in 0..steps {
                campaign.step();
            }
            let all = campaign.history(f64::INFINITY);
            prop_assert!(all.windows(2).all(|pair| pair[0].at < pair[1].at));
            prop_assert!(all.iter().all(|sample| sample.counts.total() == plan.contacts));
            prop_assert_eq!(all.last(), Some(&HistoryEntry { at: campaign.now(), counts: campaign.counts() }));
            let some = campaign.history(hours);
            prop_assert!(all.ends_with(&some) && !some.is_empty());
        }
    }

    #[test]
    fn the_documents_numbers() {
        let counts =
            |completed, failed, processing, pending| ContactCounts { completed, failed, processing, pending };
        let first = counts(120, 10, 4, 66);
        assert_eq!((first.total(), first.progress_percentage(), first.success_rate()), (200, 65.0, 92.31));
        let second = counts(121, 10, 3, 66);
        assert_eq!((second.progress_percentage(), second.success_rate()), (65.5, 92.37));
        assert_eq!((counts(0, 0, 1, 9).progress_percentage(), counts(0, 0, 1, 9).success_rate()), (0.0, 0.0));
        assert_eq!(counts(0, 0, 0, 0).progress_percentage(), 0.0);
        let most = counts(u32::MAX, 0, 0, 0);
        assert_eq!((most.progress_percentage(), most.success_rate()), (100.0, 100.0));
    }

    #[test]
    fn the_same_seed_and_id_give_the_same_story() {
        let story = |seed, id| {
            let plan = CampaignPlan { seed, contacts: 50, outcome: CampaignOutcome::Completed };
            let mut campaign = MockCampaign::new(id, plan);
            std::iter::from_fn(|| campaign.step()).collect::<Vec<_>>()
        };
        assert_eq!(story(7, 42), story(7, 42));
        assert_ne!(story(7, 42), story(8, 42));
        assert_ne!(story(7, 42), story(7, 43));
    }

    #[test]
    fn a_large_campaign_keeps_no_more_than_a_day() {
        let plan = CampaignPlan { seed: 1, contacts: 40_000, outcome: CampaignOutcome::Completed };
        let mut campaign = MockCampaign::new(1, plan);
        while campaign.step().is_some() {}
        assert_eq!((campaign.history.len(), campaign.recent.len()), (SAMPLES, RECENT));
        let latest: Vec<i64> = campaign.recent().map(|call| call.at).collect();
        assert!(latest.windows(2).all(|pair| pair[0] > pair[1]));
    }
}
