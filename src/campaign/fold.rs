//! What is known of one campaign after many messages: the fold. Told the time.

use std::collections::VecDeque;
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use super::rate::ContactRate;
use super::{CampaignRecord, CampaignStatus, Contact, Counts, Reading};

/// The window of the rate.
pub const WINDOW: Duration = Duration::from_secs(60);

/// Contacts that are remembered.
const CONTACTS: usize = 8;

/// Characters of a contact's texts that are remembered: more than a line shows.
const CONTACT_TEXT: usize = 200;

/// How far a percentage may be from what the counts make it, before it is said not to add up. Providers round.
const TOLERANCE: f64 = 1.0;

/// A campaign as it is known.
#[derive(Clone, Debug)]
pub struct Campaign {
    pub id: u64,
    /// Its status, once one was told.
    pub status: Option<CampaignStatus>,
    /// How many contacts are where.
    pub counts: Counts,
    /// The last contacts of which the provider said what became of them, the latest last, with a number that tells
    /// the order over all campaigns.
    pub contacts: VecDeque<(u64, Contact)>,
    rate: ContactRate,
    heard: bool,
    /// Already warned about inconsistent counts, and about invalid ones.
    noted: [bool; 2],
}

/// What a reading changed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CampaignChange {
    /// Is anything else than before?
    pub changed: bool,
    /// Why the numbers do not add up, or which of them is none; the first time of either.
    pub odd: Option<String>,
}

impl Campaign {
    /// A campaign of which nothing is known. `window` is that of the rate.
    #[must_use]
    pub fn new(id: u64, window: Duration) -> Self {
        Self {
            id,
            status: None,
            counts: Counts::default(),
            contacts: VecDeque::new(),
            rate: ContactRate::new(window),
            heard: false,
            noted: [false; 2],
        }
    }

    /// A message told this. What it does not say stays as it was, unless that cannot be any more.
    pub fn told(&mut self, reading: &Reading, now: Instant) -> CampaignChange {
        let before = (self.status.clone(), self.counts);
        let first = !std::mem::replace(&mut self.heard, true);
        self.status = reading.status.clone().or(self.status.take());
        let told = reading.counts;
        let kept = if reading.odd.is_some() { Counts::default() } else { before.1 };
        self.counts = Counts {
            total: told.total.or(kept.total),
            completed: told.completed.or(kept.completed),
            failed: told.failed.or(kept.failed),
            processing: told.processing.or(kept.processing),
            pending: told.pending.or(kept.pending),
            progress_percentage: told.progress_percentage,
            success_rate: told.success_rate,
        };
        if self.counts.done() != kept.done() {
            // Those that are done now were here or there, and nobody said where.
            (self.counts.processing, self.counts.pending) = (told.processing, told.pending);
        }
        complete(&mut self.counts);
        if let Some(done) = self.counts.done() {
            self.rate.note(done, now);
        }
        let changed = first || before != (self.status.clone(), self.counts);
        let sums = odd(&told).map(|odd| format!("inconsistent counts: {odd} (printed as received)"));
        let [noted_sums, noted_values] = &mut self.noted;
        let values = first_time(reading.odd.clone(), noted_values);
        CampaignChange { changed, odd: values.or_else(|| first_time(sums, noted_sums)) }
    }

    /// What became of a contact, the `number`th that was told of. `false`: that was known.
    pub fn contact(&mut self, contact: &Contact, number: u64) -> bool {
        let contact = &shortened(contact);
        let known = self.contacts.iter_mut().find(|(_, known)| known.key == contact.key);
        if let Some((_, known)) = known {
            let detail = contact.detail.clone().or(known.detail.take());
            let same = known.status == contact.status;
            *known = Contact { detail, ..contact.clone() };
            return !same;
        }
        if self.contacts.len() == CONTACTS {
            self.contacts.pop_front();
        }
        self.contacts.push_back((number, contact.clone()));
        true
    }

    /// Has it come to its end?
    #[must_use]
    pub fn is_final(&self) -> bool {
        self.status.as_ref().is_some_and(CampaignStatus::is_final)
    }

    /// Was anything told of it?
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.heard
    }

    /// Contacts done per minute, lately.
    #[must_use]
    pub fn per_minute(&self, now: Instant) -> Option<f64> {
        self.rate.per_minute(now)
    }

    /// The time to the end at the present rate. Unknown where nothing moves, or the campaign is not running.
    #[must_use]
    pub fn eta(&self, now: Instant) -> Option<Duration> {
        let runs = matches!(self.status, None | Some(CampaignStatus::Running | CampaignStatus::Other(_)));
        let rate = self.per_minute(now).filter(|rate| runs && *rate > 0.0)?;
        #[expect(clippy::cast_precision_loss, reason = "2^53 contacts are enough")]
        let left = self.counts.left()? as f64;
        Duration::try_from_secs_f64(left * 60.0 / rate).ok()
    }

    /// Contacts done in the last slots of time.
    #[must_use]
    pub fn slots(&self, most: usize, now: Instant) -> Vec<u64> {
        self.rate.slots(most, now)
    }

    /// The normalised record.
    #[must_use]
    pub fn record(&self, at: Timestamp, now: Instant) -> CampaignRecord {
        CampaignRecord {
            rate_per_min: self.per_minute(now).map(|rate| (rate * 100.0).round() / 100.0),
            eta_s: self.eta(now).map(|eta| eta.as_secs()),
            ..record(self.id, self.status.as_ref(), &self.counts, Some(at))
        }
    }
}

fn shortened(contact: &Contact) -> Contact {
    let short = |text: &String| text.chars().take(CONTACT_TEXT).collect();
    Contact {
        campaign: contact.campaign,
        key: short(&contact.key),
        name: short(&contact.name),
        status: short(&contact.status),
        detail: contact.detail.as_ref().map(short),
    }
}

/// The record of a state without a rate.
#[must_use]
pub fn record(
    campaign: u64,
    status: Option<&CampaignStatus>,
    counts: &Counts,
    at: Option<Timestamp>,
) -> CampaignRecord {
    CampaignRecord {
        campaign_id: campaign,
        status: status.map(|status| status.name().to_owned()),
        counts: *counts,
        rate_per_min: None,
        eta_s: None,
        at: at.map(|at| format!("{at:.6}")),
    }
}

/// Percentages that were not told, from the counts that were: part of the contacts that are done, and part of those
/// that were reached, in percent with one and two decimals.
pub fn complete(counts: &mut Counts) {
    let (done, total, completed) = (counts.done(), counts.total, counts.completed);
    let percent = |part: Option<u64>, whole: Option<u64>, scale: f64| {
        #[expect(clippy::cast_precision_loss, reason = "2^53 contacts are enough")]
        let (part, whole) = (part? as f64, whole.filter(|whole| *whole > 0)? as f64);
        Some((100.0 * part / whole * scale).round() / scale)
    };
    counts.progress_percentage = counts.progress_percentage.or_else(|| percent(done, total, 10.0));
    counts.success_rate = counts.success_rate.or_else(|| percent(completed, done, 100.0));
}

fn first_time(odd: Option<String>, noted: &mut bool) -> Option<String> {
    let odd = odd.filter(|_| !*noted)?;
    *noted = true;
    Some(odd)
}

/// Why numbers that were told together do not add up.
fn odd(counts: &Counts) -> Option<String> {
    let Counts { total, completed, failed, processing, pending, .. } = *counts;
    if let (Some(total), Some(completed), Some(failed), Some(processing), Some(pending)) =
        (total, completed, failed, processing, pending)
    {
        let sum: u128 = [completed, failed, processing, pending].map(u128::from).iter().sum();
        if sum != u128::from(total) {
            return Some(format!(
                "{completed} completed + {failed} failed + {processing} processing + {pending} pending = {sum}, \
                 but total is {total}"
            ));
        }
    }
    let own = Counts { progress_percentage: None, success_rate: None, ..*counts };
    let mut computed = own;
    complete(&mut computed);
    let differ = |told: Option<f64>, computed: Option<f64>| {
        told.zip(computed).filter(|(told, computed)| (told - computed).abs() > TOLERANCE)
    };
    let progress = differ(counts.progress_percentage, computed.progress_percentage);
    let success = differ(counts.success_rate, computed.success_rate);
    let (name, (told, computed)) =
        progress.map(|pair| ("progress", pair)).or(success.map(|pair| ("success rate", pair)))?;
    Some(format!("{name} is {told} %, but the counts give {computed} %"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(parts: [u64; 5]) -> Counts {
        let [total, completed, failed, processing, pending] = parts.map(Some);
        Counts { total, completed, failed, processing, pending, ..Counts::default() }
    }

    fn reading(status: &str, parts: [u64; 5]) -> Reading {
        let status = Some(CampaignStatus::from_name(status));
        Reading { campaign: 42, status, counts: counts(parts), ..Reading::default() }
    }

    fn campaign() -> (Campaign, Instant) {
        (Campaign::new(42, WINDOW), Instant::now())
    }

    fn after(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn the_time_to_the_end_is_told_only_when_it_can_be_known() {
        let (mut campaign, start) = campaign();
        campaign.told(&reading("running", [200, 120, 10, 4, 66]), start);
        assert_eq!(campaign.eta(start), None);
        campaign.told(&reading("running", [200, 129, 11, 4, 56]), after(start, 30));
        assert_eq!(campaign.per_minute(after(start, 30)), Some(20.0));
        assert_eq!(campaign.eta(after(start, 30)), Some(Duration::from_secs(180)));
        assert_eq!(campaign.eta(after(start, 90)), None, "nothing has moved for a minute");
        campaign.told(&reading("running", [200, 130, 11, 4, 55]), after(start, 91));
        assert!(campaign.eta(after(start, 91)).is_some());
        campaign.told(&reading("paused", [200, 130, 11, 0, 59]), after(start, 92));
        assert_eq!(campaign.eta(after(start, 92)), None);
    }

    #[test]
    fn a_record_says_null_where_nothing_is_known() {
        let (mut campaign, now) = campaign();
        let at = "2026-01-01T09:00:00Z".parse().unwrap();
        campaign.told(&Reading { campaign: 42, ..Reading::default() }, now);
        assert_eq!(
            campaign.record(at, now).to_json(),
            r#"{"campaign_id":42,"status":null,"total":null,"completed":null,"failed":null,"processing":null,"pending":null,"progress_percentage":null,"success_rate":null,"rate_per_min":null,"eta_s":null,"at":"2026-01-01T09:00:00.000000Z"}"#
        );
        campaign.told(&reading("running", [200, 120, 10, 4, 66]), now);
        let record = campaign.record(at, now);
        assert_eq!(
            (record.counts.progress_percentage, record.counts.success_rate),
            (Some(65.0), Some(92.31))
        );
    }

    #[test]
    fn what_a_message_does_not_say_stays_and_only_a_change_is_a_change() {
        let (mut campaign, now) = campaign();
        let full = reading("running", [200, 120, 10, 4, 66]);
        assert!(campaign.told(&full, now).changed);
        assert!(!campaign.told(&full, now).changed);
        let partial = Reading {
            campaign: 42,
            counts: Counts { completed: Some(121), ..Counts::default() },
            ..Reading::default()
        };
        assert!(campaign.told(&partial, now).changed);
        assert_eq!((campaign.counts.completed, campaign.counts.failed), (Some(121), Some(10)));
        assert_eq!(campaign.status, Some(CampaignStatus::Running));
    }

    #[test]
    fn numbers_that_do_not_add_up_are_kept_and_noted_once() {
        let (mut campaign, now) = campaign();
        let mut told = reading("running", [200, 120, 10, 4, 67]);
        told.counts.progress_percentage = Some(12.5);
        let odd = campaign.told(&told, now).odd.unwrap();
        assert!(odd.contains("= 201, but total is 200"), "{odd}");
        assert_eq!((campaign.counts.pending, campaign.counts.progress_percentage), (Some(67), Some(12.5)));
        assert_eq!(campaign.told(&told, now).odd, None);
        let (mut campaign, now) = self::campaign();
        let mut told = reading("running", [200, 120, 10, 4, 66]);
        told.counts.progress_percentage = Some(64.5);
        assert_eq!(campaign.told(&told, now).odd, None, "rounded");
        told.counts.success_rate = Some(80.0);
        assert!(campaign.told(&told, now).odd.unwrap().contains("success rate"));
        let (mut campaign, now) = self::campaign();
        assert!(campaign.told(&reading("running", [u64::MAX; 5]), now).odd.is_some());
    }

    #[test]
    fn what_is_no_number_is_not_what_it_was_before() {
        let (mut campaign, now) = campaign();
        campaign.told(&reading("running", [200, 120, 10, 4, 66]), now);
        let mut told = reading("running", [200, 0, 10, 4, 66]);
        told.counts.completed = None;
        told.odd = Some("completed is -1".to_owned());
        let change = campaign.told(&told, now);
        assert_eq!((change.changed, change.odd), (true, told.odd.clone()));
        assert_eq!((campaign.counts.completed, campaign.counts.failed), (None, Some(10)));
        assert_eq!(campaign.counts.progress_percentage, None);
        assert_eq!(campaign.told(&told, now).odd, None);
        let sums = campaign.told(&reading("running", [200, 1, 1, 1, 1]), now).odd;
        assert!(sums.unwrap().ends_with("= 4, but total is 200 (printed as received)"));
    }

    #[test]
    fn numbers_of_two_messages_are_not_held_against_each_other() {
        let (mut campaign, now) = campaign();
        campaign.told(&reading("running", [10, 3, 1, 2, 4]), now);
        let mut end = reading("completed", [10, 9, 1, 0, 0]);
        (end.counts.processing, end.counts.pending) = (None, None);
        assert_eq!(campaign.told(&end, now).odd, None);
        assert_eq!((campaign.counts.processing, campaign.counts.pending), (None, None));
    }

    #[test]
    fn contacts_are_known_by_their_key_and_few_are_kept() {
        let (mut campaign, _) = campaign();
        let contact = |key: usize, status: &str| Contact {
            campaign: 42,
            key: key.to_string(),
            status: status.to_owned(),
            ..Contact::default()
        };
        assert!(campaign.contact(&contact(1, "failed"), 1) && campaign.contact(&contact(1, "completed"), 2));
        assert!(!campaign.contact(&contact(1, "completed"), 3));
        (2..99).for_each(|key| assert!(campaign.contact(&contact(key, "failed"), key as u64)));
        assert_eq!(campaign.contacts.len(), CONTACTS);
        assert_eq!(campaign.contacts.back().unwrap().1.key, "98");
        campaign.contact(&Contact { name: "é".repeat(9999), ..contact(99, "failed") }, 99);
        assert_eq!(campaign.contacts.back().unwrap().1.name, "é".repeat(CONTACT_TEXT));
    }
}
