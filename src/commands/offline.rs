//! `--from`: the pipeline of a session over messages that were received earlier.

use std::path::Path;

use jiff::Timestamp;

use super::{no_thread, tell};
use crate::dialect::{Client, Meaning};
use crate::error::Result;
use crate::event::{Direction, Event, Kind};
use crate::exit::Exit;
use crate::input::recording::Recording;
use crate::message::Message;
use crate::pipeline::stage::{BATCH_BYTES, BATCH_EVENTS, Stage};
use crate::pipeline::{Pipeline, Totals};
use crate::report::Report;
use crate::session::policy::{Asked, Outcome};

/// Runs the pipeline over a file.
///
/// # Errors
/// If the file cannot be read.
pub async fn run(
    path: &Path,
    mut dialect: Box<dyn Client>,
    pipeline: Pipeline,
    asked: Asked,
    report: &Report,
) -> Result<Exit> {
    let mut run = Run {
        stage: Stage::start(pipeline).map_err(|e| no_thread(&e))?,
        outcome: None,
        totals: Totals::default(),
    };
    let mut batch = Vec::new();
    let (mut seq, mut bytes) = (0, 0);
    for message in Recording::open(path)? {
        let message = message?;
        seq += 1;
        bytes += message.len();
        batch.push(event(message, seq, dialect.as_mut()));
        if batch.len() >= BATCH_EVENTS || bytes >= BATCH_BYTES {
            bytes = 0;
            run.push(&mut batch).await;
        }
        if run.outcome.is_some() {
            break;
        }
    }
    run.push(&mut batch).await;
    run.stage.close();
    while run.progress().await {}
    let outcome = run.outcome.unwrap_or_else(|| Outcome::new("input_ended", Exit::Ok));
    Ok(tell(report, outcome.settled(asked, &run.totals)))
}

struct Run {
    stage: Stage,
    outcome: Option<Outcome>,
    totals: Totals,
}

impl Run {
    async fn push(&mut self, batch: &mut Vec<Event>) {
        while !self.stage.has_room() {
            self.progress().await;
        }
        if let Some(progress) = self.stage.push(batch) {
            self.note(&progress);
        }
    }

    async fn progress(&mut self) -> bool {
        match self.stage.progress().await {
            Some(progress) => {
                self.note(&progress);
                true
            }
            None => false,
        }
    }

    fn note(&mut self, progress: &crate::pipeline::Progress) {
        self.totals = progress.totals;
        if let Some(stop) = &progress.stop {
            self.outcome = Some(Outcome::from_stop(stop));
        }
    }
}

fn event(message: Message, seq: u64, dialect: &mut dyn Client) -> Event {
    let data = dialect.understand(&message) == Meaning::Event;
    Event { at: Timestamp::now(), conn: 1, kind: Kind::Message { dir: Direction::In, seq, message, data } }
}
