//! What the end of a watch means.

use super::model::Model;
use super::row::{RowEnd, WatchedCampaign};
use crate::campaign::CampaignStatus;
use crate::event::EndReason;
use crate::exit::Exit;
use crate::pipeline::{Stop, Totals};
use crate::session::policy::{Asked, Outcome};

/// The end of everything, from the end of every link. What the pipeline or a signal decided stands; else the worst that
/// came of a campaign.
#[must_use]
pub fn verdict(
    model: &Model,
    outcomes: &[Outcome],
    stop: Option<&Stop>,
    asked: Asked,
    totals: &Totals,
) -> Outcome {
    if let Some(signal) = outcomes.iter().find(|outcome| outcome.is_signal()) {
        return signal.clone();
    }
    // A count that the record of a failure completed makes no success of it.
    let failed = || outcomes.iter().any(|outcome| outcome.exit != Exit::Ok);
    if let Some(stop) = stop.filter(|stop| **stop != Stop::CountAtEnd || !failed()) {
        return Outcome::from_stop(stop).settled(asked, totals);
    }
    let mut worst = Outcome::new(EndReason::CampaignsOver, Exit::Ok);
    for (number, outcome) in outcomes.iter().enumerate() {
        let of_link = of_link(model, number, outcome);
        if of_link.exit.code() > worst.exit.code()
            || of_link.reason != EndReason::CampaignsOver && worst.exit == Exit::Ok
        {
            worst = of_link;
        }
    }
    worst.settled(asked, totals)
}

/// Did the link end badly, before all that comes over it had come to its end?
#[must_use]
pub fn link_decided(model: &Model, link: usize, outcome: &Outcome) -> bool {
    let mut rows = model.rows_of(link).peekable();
    outcome.exit != Exit::Ok && (rows.peek().is_none() || rows.any(|row| row.end.is_none()))
}

fn of_link(model: &Model, link: usize, outcome: &Outcome) -> Outcome {
    let by_link = link_decided(model, link, outcome).then_some(outcome.exit);
    let by_row = |row: &WatchedCampaign| match &row.end {
        // The link says why.
        None if by_link.is_some() => Exit::Ok,
        None => Exit::Assertion,
        Some(RowEnd::Refused(_)) => Exit::SubscriptionRefused,
        Some(RowEnd::Asked | RowEnd::Before | RowEnd::Left) => Exit::Ok,
        Some(RowEnd::Final) => of_status(row),
    };
    let exits = model.rows_of(link).map(by_row).chain(by_link);
    let worst = exits.max_by_key(|exit| exit.code()).unwrap_or(Exit::Ok);
    Outcome::new(outcome.reason, worst)
}

fn of_status(row: &WatchedCampaign) -> Exit {
    if row.campaign.status == Some(CampaignStatus::Completed) { Exit::Ok } else { Exit::Assertion }
}
