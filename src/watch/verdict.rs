//! What the end of a watch means.

use super::board::{Board, End, Row};
use crate::campaign::Status;
use crate::exit::Exit;
use crate::pipeline::{Stop, Totals};
use crate::session::policy::{Asked, Outcome};

/// The end of everything, from the end of every link. What the pipeline or a signal decided stands; else the worst that
/// came of a campaign.
#[must_use]
pub fn verdict(
    board: &Board,
    outcomes: &[Outcome],
    stop: Option<&Stop>,
    asked: Asked,
    totals: &Totals,
) -> Outcome {
    if let Some(signal) = outcomes.iter().find(|outcome| outcome.is_signal()) {
        return signal.clone();
    }
    if let Some(stop) = stop {
        return Outcome::from_stop(stop).settled(asked, totals);
    }
    let mut worst = Outcome::new("campaigns_over", Exit::Ok);
    for (number, outcome) in outcomes.iter().enumerate() {
        let of_link = of_link(board, number, outcome);
        if of_link.exit.code() > worst.exit.code()
            || of_link.reason != "campaigns_over" && worst.exit == Exit::Ok
        {
            worst = of_link;
        }
    }
    worst.settled(asked, totals)
}

/// Did the link end badly, before all that comes over it had come to its end?
#[must_use]
pub fn link_decided(board: &Board, link: usize, outcome: &Outcome) -> bool {
    let mut rows = board.rows_of(link).peekable();
    outcome.exit != Exit::Ok && (rows.peek().is_none() || rows.any(|row| row.end.is_none()))
}

fn of_link(board: &Board, link: usize, outcome: &Outcome) -> Outcome {
    let mut worst = Outcome::new(outcome.reason, Exit::Ok);
    if link_decided(board, link, outcome) {
        worst.exit = outcome.exit;
    }
    for row in board.rows_of(link) {
        let exit = match (&row.end, outcome.reason) {
            (None, _) if outcome.exit != Exit::Ok => Exit::Ok,
            // Who was watching has seen enough.
            (None, "quit") => Exit::Ok,
            (None, _) => Exit::Assertion,
            (Some(End::Refused(_)), _) => Exit::SubscriptionRefused,
            (Some(End::Asked | End::Before | End::Left), _) => Exit::Ok,
            (Some(End::Final), _) => of_status(row),
        };
        worst.exit = if exit.code() > worst.exit.code() { exit } else { worst.exit };
    }
    worst
}

fn of_status(row: &Row) -> Exit {
    if row.campaign.status == Some(Status::Completed) { Exit::Ok } else { Exit::Assertion }
}
