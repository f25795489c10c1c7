//! The way of a batch of lines: which of them are sent at once, what became of each, and what is left to do.

use std::collections::{HashSet, VecDeque};

use super::super::{Stored, Trouble};

/// Lines of one partition that are sent in one batch of records.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Parcel {
    pub(super) partition: i32,
    /// Their numbers in the plan.
    pub(super) lines: Vec<usize>,
}

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
enum LineState {
    Waits,
    Stored,
    Refused(String),
}

/// Lines that were given to the store at once.
///
/// A partition has one batch of records on its way at a time. If its answer is lost, the same lines are sent again as one
/// batch, so the broker can recognize it.
#[derive(Debug, Default)]
pub(super) struct DeliveryPlan {
    /// Those that were reported are gone from the front.
    lines: VecDeque<LineState>,
    /// How many were reported. The numbers of lines count from the first of all.
    reported: usize,
    /// What is not stored, in order.
    parcels: Vec<Parcel>,
}

impl DeliveryPlan {
    /// A plan for lines of these partitions and sizes. A parcel has at most so many bytes, or one line.
    pub(super) fn new(lines: impl Iterator<Item = (i32, usize)>, limit: usize) -> Self {
        let mut plan = Self::default();
        let mut open: Vec<(usize, usize)> = Vec::new();
        for (number, (partition, size)) in lines.enumerate() {
            plan.lines.push_back(LineState::Waits);
            let last = open.iter_mut().find(|(parcel, _)| plan.parcels[*parcel].partition == partition);
            match last {
                Some((parcel, bytes)) if *bytes + size <= limit => {
                    plan.parcels[*parcel].lines.push(number);
                    *bytes += size;
                    continue;
                }
                Some(last) => *last = (plan.parcels.len(), size),
                None => open.push((plan.parcels.len(), size)),
            }
            plan.parcels.push(Parcel { partition, lines: vec![number] });
        }
        plan
    }

    /// Is this the plan for what is left of so many lines?
    pub(super) fn is_for(&self, lines: usize) -> bool {
        !self.lines.is_empty() && self.lines.len() == lines
    }

    /// The place of a line among those that are left.
    pub(super) fn place(&self, line: usize) -> usize {
        line.saturating_sub(self.reported)
    }

    /// The first parcel of every partition.
    pub(super) fn next(&self) -> Vec<Parcel> {
        let mut partitions = HashSet::new();
        self.parcels.iter().filter(|parcel| partitions.insert(parcel.partition)).cloned().collect()
    }

    /// Is this the only parcel that is left?
    pub(super) fn is_last(&self, parcel: &Parcel) -> bool {
        self.parcels.len() == 1 && self.parcels.first() == Some(parcel)
    }

    /// A parcel is stored.
    pub(super) fn stored(&mut self, parcel: &Parcel) {
        self.settle(parcel, &LineState::Stored);
    }

    /// A parcel is refused. If it has several lines, each half is tried by itself.
    pub(super) fn refused(&mut self, parcel: &Parcel, words: &str) {
        if parcel.lines.len() < 2 {
            return self.settle(parcel, &LineState::Refused(words.to_owned()));
        }
        if let Some(at) = self.parcels.iter().position(|other| other == parcel) {
            let second = self.parcels[at].lines.split_off(parcel.lines.len() / 2);
            self.parcels.insert(at + 1, Parcel { partition: parcel.partition, lines: second });
        }
    }

    fn settle(&mut self, parcel: &Parcel, state: &LineState) {
        self.parcels.retain(|other| other != parcel);
        for line in &parcel.lines {
            let place = self.place(*line);
            if let Some(line) = self.lines.get_mut(place) {
                line.clone_from(state);
            }
        }
    }

    /// How many lines from the first on are stored.
    pub(super) fn stored_first(&self) -> usize {
        self.lines.iter().take_while(|line| **line == LineState::Stored).count()
    }

    /// What to report. What is reported is left out from now on.
    pub(super) fn report(&mut self, trouble: Option<Trouble>) -> Stored {
        let lines = self.stored_first();
        self.lines.drain(..lines);
        self.reported += lines;
        if trouble.is_none()
            && let Some(LineState::Refused(words)) = self.lines.front()
        {
            let trouble = Some(Trouble::Refused(words.clone()));
            self.lines.pop_front();
            self.reported += 1;
            return Stored { lines, trouble };
        }
        Stored { lines, trouble }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(partition: i32, lines: &[usize]) -> Parcel {
        Parcel { partition, lines: lines.to_vec() }
    }

    fn refused(lines: usize, words: &str) -> Stored {
        Stored { lines, trouble: Some(Trouble::Refused(words.to_owned())) }
    }

    fn is_same(a: &Stored, b: &Stored) -> bool {
        a.lines == b.lines && a.trouble == b.trouble
    }

    #[test]
    fn lines_are_sent_by_partition_and_reported_in_order() {
        let lines = [(0, 40), (1, 10), (0, 40), (0, 40), (1, 200), (1, 1)];
        let mut plan = DeliveryPlan::new(lines.into_iter(), 100);
        assert!(plan.is_for(6) && !plan.is_for(5));
        assert_eq!(plan.next(), [parcel(0, &[0, 2]), parcel(1, &[1])]);
        plan.stored(&parcel(0, &[0, 2]));
        assert_eq!((plan.stored_first(), plan.next()), (1, vec![parcel(1, &[1]), parcel(0, &[3])]));
        // The connection is lost: what was stored is not sent again.
        let report = plan.report(Some(Trouble::Away(String::new())));
        assert!(report.lines == 1 && plan.is_for(5));
        assert_eq!(plan.next(), [parcel(1, &[1]), parcel(0, &[3])]);
        plan.stored(&parcel(1, &[1]));
        plan.stored(&parcel(0, &[3]));
        assert!(!plan.is_last(&parcel(1, &[4])));
        plan.stored(&parcel(1, &[4]));
        assert!(plan.is_last(&parcel(1, &[5])));
        plan.stored(&parcel(1, &[5]));
        assert!(plan.next().is_empty());
        assert!(is_same(&plan.report(None), &Stored { lines: 5, trouble: None }) && !plan.is_for(0));
    }

    #[test]
    fn only_the_line_that_is_refused_is_reported_as_such() {
        let mut plan = DeliveryPlan::new([(0, 1); 5].into_iter(), 100);
        plan.refused(&parcel(0, &[0, 1, 2, 3, 4]), "large");
        assert_eq!(plan.next(), [parcel(0, &[0, 1])]);
        plan.stored(&parcel(0, &[0, 1]));
        plan.refused(&parcel(0, &[2, 3, 4]), "large");
        plan.refused(&parcel(0, &[2]), "large");
        assert_eq!(plan.next(), [parcel(0, &[3, 4])]);
        plan.stored(&parcel(0, &[3, 4]));
        assert!(is_same(&plan.report(None), &refused(2, "large")));
        assert!(plan.is_for(2) && plan.next().is_empty(), "what came behind it is stored");
        assert!(is_same(&plan.report(None), &Stored { lines: 2, trouble: None }));
    }
}
