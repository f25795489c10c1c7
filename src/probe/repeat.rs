//! `--repeat`: the account of several probes of the same endpoint.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use super::record::{ProbeRecord, VERSION, to_json};

#[derive(Clone, Copy, Debug)]
pub(crate) struct Rounds {
    pub count: u32,
    /// From the start of one to the start of the next; one that takes longer is followed at once.
    pub interval: Duration,
}

/// What was seen over all rounds so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Account {
    url: String,
    rounds: u32,
    failures: BTreeMap<&'static str, u32>,
    times: Vec<(&'static str, Vec<f64>)>,
}

/// The account as a record, the last of a run.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct RepeatSummary {
    /// The version of the schema of probes.
    pub v: u8,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub url: String,
    /// How many rounds there were.
    pub rounds: u32,
    /// How many of them failed.
    pub failed: u32,
    /// The same by phase.
    pub failures: BTreeMap<&'static str, u32>,
    /// The times of each phase, in milliseconds, over the rounds that came through it.
    pub phases: BTreeMap<&'static str, Spread>,
}

/// How times are spread, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub count: usize,
    pub min: f64,
    /// The middle one; of two, the mean.
    pub median: f64,
    /// The one that 99 of 100 do not exceed.
    pub p99: f64,
    pub max: f64,
}

impl Account {
    /// Takes a round into account.
    pub(crate) fn add(&mut self, record: &ProbeRecord) {
        self.rounds += 1;
        self.url.clone_from(&record.url);
        let failed = record.failed.as_ref().map(|failed| failed.phase);
        if let Some(phase) = failed {
            *self.failures.entry(phase).or_default() += 1;
        }
        for (name, time) in record.times() {
            // A phase that failed took the time that it took to fail, which says nothing about it. That of a
            // refusal is as good as any.
            let counts = failed != Some(name) || record.http.is_some();
            if counts && (name != "total" || record.http.is_some()) {
                self.note(name, time);
            }
        }
    }

    fn note(&mut self, name: &'static str, time: f64) {
        match self.times.iter_mut().find(|(known, _)| *known == name) {
            Some((_, times)) => times.push(time),
            None => self.times.push((name, vec![time])),
        }
    }

    #[must_use]
    pub(crate) fn summary(&self) -> RepeatSummary {
        let spreads = self.spreads();
        RepeatSummary {
            v: VERSION,
            kind: "probe_summary",
            url: self.url.clone(),
            rounds: self.rounds,
            failed: self.failures.values().sum(),
            failures: self.failures.clone(),
            phases: spreads.into_iter().collect(),
        }
    }

    /// Phases in the order in which they come.
    #[must_use]
    pub(crate) fn spreads(&self) -> Vec<(&'static str, Spread)> {
        self.times.iter().filter_map(|(name, times)| Some((*name, Spread::of(times)?))).collect()
    }
}

impl RepeatSummary {
    /// One line of JSON, without the line break.
    #[must_use]
    pub(crate) fn to_json(&self) -> String {
        to_json(self)
    }
}

impl Spread {
    /// `None` of nothing.
    #[must_use]
    pub(crate) fn of(times: &[f64]) -> Option<Self> {
        let mut sorted = times.to_vec();
        sorted.sort_by(f64::total_cmp);
        let count = sorted.len();
        let (min, max) = (*sorted.first()?, *sorted.last()?);
        let (low, high) = (sorted[(count - 1) / 2], sorted[count / 2]);
        // By the nearest rank: the smallest time that at least 99 % are not above.
        let rank = (count * 99).div_ceil(100);
        Some(Self { count, min, median: f64::midpoint(low, high), p99: sorted[rank.max(1) - 1], max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_spread_is_by_rank() {
        let hundred: Vec<f64> = (1..=100).rev().map(f64::from).collect();
        let spread = Spread::of(&hundred).unwrap();
        assert_eq!((spread.min, spread.median, spread.p99, spread.max), (1.0, 50.5, 99.0, 100.0));
        assert_eq!(Spread::of(&[3.0, 1.0, 2.0]).unwrap().median, 2.0);
        assert_eq!(Spread::of(&[3.0]).unwrap().p99, 3.0);
        assert_eq!(Spread::of(&[]), None);
    }
}
