//! Delivery as a part of commands: the sinks that options name, from their start to their end.

use std::sync::Arc;

use crate::cli::options::SessionArgs;
use crate::config::session::back_off;
use crate::dialect::{Client, Facts, Meaning};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::message::Message;
use crate::pipeline::Identify;
use crate::pipeline::output::Output;
use crate::report::Report;
use crate::sink::command::CommandStore;
use crate::sink::dead_letter::DeadLetters;
use crate::sink::several::Several;
use crate::sink::{self, LineStore, SinkHandle, SinkSetup};

/// The sinks of a run. There may be none.
#[derive(Default)]
pub(super) struct Sinks {
    outputs: Vec<Box<dyn Output>>,
    handles: Vec<SinkHandle>,
}

impl Sinks {
    /// Starts the sinks, and waits until all of them are connected.
    ///
    /// # Errors
    /// If one cannot be connected to, or the file of dead letters cannot be opened.
    pub(super) async fn start(args: &SessionArgs, report: &Report) -> Result<Self> {
        let delivery = &args.delivery;
        if !delivery.has_sinks() {
            return Ok(Self::default());
        }
        let letters = delivery.dead_letter.as_deref().map(|path| {
            let failed = |error| {
                Failure::new(Exit::OutputFailed, format!("--dead-letter {}: {error}", path.display()))
            };
            DeadLetters::open(path, report.clone()).map(Arc::new).map_err(failed)
        });
        let dead_letters = letters.transpose()?;
        let with_key = delivery.to_key.is_some();
        let stores = delivery.to_cmd.iter().map(|line| -> (String, Box<dyn LineStore>) {
            (format!("--to-cmd '{line}'"), Box::new(CommandStore::new(line, with_key, report.clone())))
        });
        let mut started = Self::default();
        for (name, store) in stores {
            let (reconnect, dead_letters) = (back_off(args), dead_letters.clone());
            let setup = SinkSetup { name, store, reconnect, dead_letters, report: report.clone() };
            let sink = sink::start(setup).await?;
            started.outputs.push(Box::new(sink.output));
            started.handles.push(sink.handle);
        }
        Ok(started)
    }

    /// What the pipeline writes to: the sinks, and `lines` beside them if both are wanted.
    pub(super) fn output(&mut self, lines: Option<Box<dyn Output>>) -> Box<dyn Output> {
        let mut outputs = std::mem::take(&mut self.outputs);
        outputs.extend(lines);
        match outputs.len() {
            1 => outputs.remove(0),
            _ => Box::new(Several::new(outputs)),
        }
    }

    /// Waits until the sinks have ended.
    pub(super) async fn finish(self) {
        for handle in self.handles {
            handle.finish().await;
        }
    }
}

/// Reads ids and cursors with a client of the dialect that has nothing else to do.
pub(super) fn identify(mut client: Box<dyn Client>) -> Identify {
    Box::new(move |message: &Message| match client.understand(&message.without_mark()) {
        Meaning::Event(facts) => facts,
        _ => Facts::default(),
    })
}
