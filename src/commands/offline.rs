//! `--from`: the pipeline of a session over messages that were received earlier.

use std::path::Path;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::{no_thread, tell};
use crate::dialect::{Client, Meaning};
use crate::error::Result;
use crate::event::{Direction, Event, Kind};
use crate::exit::Exit;
use crate::input::recording::Recording;
use crate::message::Message;
use crate::pipeline::stage::{BATCH_BYTES, BATCH_EVENTS, Stage};
use crate::pipeline::{Pipeline, Progress, Stop, Totals, sink};
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
    let mut messages = Recording::open(path)?.spawn().map_err(|e| no_thread(&e))?;
    let stage = Stage::start(pipeline).map_err(|e| no_thread(&e))?;
    let mut run = Run { stage, outcome: None, totals: Totals::default(), reader: sink::watch_stdout() };
    let mut seq = 0;
    while let Some(batch) = run.next(&mut messages).await {
        let (mut events, mut bytes) = (Vec::new(), 0);
        for message in batch? {
            seq += 1;
            bytes += message.len();
            events.push(event(message, seq, dialect.as_mut()));
            if events.len() >= BATCH_EVENTS || bytes >= BATCH_BYTES {
                bytes = 0;
                run.push(&mut events).await;
            }
        }
        run.push(&mut events).await;
    }
    run.stage.close();
    while run.outcome.as_ref().is_none_or(|outcome| outcome.reason != "reader_gone") && run.progress().await {
    }
    let outcome = run.outcome.unwrap_or_else(|| Outcome::new("input_ended", Exit::Ok));
    Ok(tell(report, outcome.settled(asked, &run.totals)))
}

struct Run {
    stage: Stage,
    outcome: Option<Outcome>,
    totals: Totals,
    reader: Option<sink::Watch>,
}

impl Run {
    /// The next messages; `None` when there are none or no more are wanted.
    async fn next(
        &mut self,
        messages: &mut mpsc::Receiver<Result<Vec<Message>>>,
    ) -> Option<Result<Vec<Message>>> {
        while self.outcome.is_none() {
            tokio::select! {
                batch = messages.recv() => return batch,
                progress = self.stage.progress() => self.note(&progress?),
                () = sink::reader_gone(&self.reader) => self.outcome = Some(Outcome::from_stop(&Stop::ReaderGone)),
            }
        }
        None
    }

    async fn push(&mut self, events: &mut Vec<Event>) {
        while !self.stage.has_room() {
            if !self.progress().await {
                return;
            }
        }
        if let Some(progress) = self.stage.push(events) {
            self.note(&progress);
        }
    }

    async fn progress(&mut self) -> bool {
        let progress = self.stage.progress().await;
        progress.is_some_and(|progress| {
            self.note(&progress);
            true
        })
    }

    fn note(&mut self, progress: &Progress) {
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
