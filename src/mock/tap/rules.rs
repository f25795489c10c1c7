//! jq programs between a client and its upstream: those that answer instead of the upstream, and those that change
//! messages. One message after the other goes through them, so that their order stays.

use std::collections::VecDeque;
use std::future::pending;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::mpsc::Receiver;

use crate::error::Result;
use crate::message::Message;
use crate::mock::script::{self, Interpreter, ProgramOutput};
use crate::pipeline::filter::Program;

/// The programs of all connections.
#[derive(Clone, Default)]
pub(super) struct Rules {
    /// `--on`: their outputs are the answers to a message of the client.
    pub(super) on: Arc<[Program]>,
    /// `--map-in`: its outputs take the place of a message of the upstream.
    pub(super) map_in: Option<Program>,
    /// `--map-out`: the same for a message of the client.
    pub(super) map_out: Option<Program>,
}

impl Rules {
    pub(super) fn compile(on: &[String], map_in: Option<&str>, map_out: Option<&str>) -> Result<Self> {
        let map =
            |name: &str, source: Option<&str>| source.map(|source| script::compile(name, source)).transpose();
        Ok(Self {
            on: on.iter().map(|source| script::compile("--on", source)).collect::<Result<_>>()?,
            map_in: map("--map-in", map_in)?,
            map_out: map("--map-out", map_out)?,
        })
    }
}

/// What goes through a stage, in order.
#[derive(Debug)]
pub(super) enum Item {
    Message(Message),
    /// A frame that no program sees.
    Frame(Bytes),
    /// Nothing follows.
    End,
}

/// What comes out of a stage.
#[derive(Debug)]
pub(super) enum StageNews {
    /// An output of a program.
    Made(Message),
    /// It goes on as it is.
    Passes(Item),
    /// A message is through, and nothing more comes of it.
    Through,
    /// A program failed on a message. If nothing was made of it before, it goes on as it is.
    Failed(String),
}

/// Programs that one message after the other goes through.
pub(super) struct RuleStage {
    name: &'static str,
    programs: Arc<[Program]>,
    interpreter: Interpreter,
    waiting: VecDeque<Item>,
    running: Option<StageRun>,
    /// A message that goes on as it is.
    rest: Option<Message>,
    /// What a message leaves over goes on; otherwise it is gone if nothing was made of it.
    passes_rest: bool,
    number: u64,
}

/// A message that is in the programs.
struct StageRun {
    message: Message,
    program: usize,
    /// Or why there are none.
    outputs: std::result::Result<Receiver<std::result::Result<ProgramOutput, String>>, String>,
    has_made: bool,
}

impl RuleStage {
    /// Programs whose outputs are answers: a message without any goes on.
    pub(super) fn answering(programs: &Arc<[Program]>, interpreter: Interpreter) -> Self {
        Self::new("--on", Arc::clone(programs), interpreter, true)
    }

    /// A program whose outputs take the place of a message.
    pub(super) fn mapping(name: &'static str, program: &Program, interpreter: Interpreter) -> Self {
        Self::new(name, [program.clone()].into(), interpreter, false)
    }

    fn new(
        name: &'static str,
        programs: Arc<[Program]>,
        interpreter: Interpreter,
        passes_rest: bool,
    ) -> Self {
        Self {
            name,
            programs,
            interpreter,
            waiting: VecDeque::new(),
            running: None,
            rest: None,
            passes_rest,
            number: 0,
        }
    }

    pub(super) fn put(&mut self, item: Item) {
        self.waiting.push_back(item);
    }

    /// Are its outputs answers?
    pub(super) fn answers(&self) -> bool {
        self.passes_rest
    }

    /// Is nothing in it?
    pub(super) fn is_idle(&self) -> bool {
        self.running.is_none() && self.rest.is_none() && self.waiting.is_empty()
    }

    /// Waits for what comes out next. Dropping the future loses nothing.
    pub(super) async fn next(&mut self) -> StageNews {
        loop {
            if let Some(rest) = self.rest.take() {
                return StageNews::Passes(Item::Message(rest));
            }
            if self.running.is_none() {
                match self.waiting.pop_front() {
                    // A program could make only texts of bytes.
                    Some(Item::Message(message)) if self.passes_rest || message.as_text().is_some() => {
                        self.number += 1;
                        self.run(message, 0, false);
                    }
                    Some(item) => return StageNews::Passes(item),
                    None => return pending().await,
                }
            }
            if let Some(news) = self.output().await {
                return news;
            }
        }
    }

    fn run(&mut self, message: Message, program: usize, has_made: bool) {
        let of = (self.number, 0);
        let outputs = self.interpreter.run(&self.programs[program], Some(&message), Some(&message), of);
        let outputs = outputs.map_err(|error| format!("cannot start a thread: {error}"));
        self.running = Some(StageRun { message, program, outputs, has_made });
    }

    /// The next output of what is running; `None` if that has moved on.
    async fn output(&mut self) -> Option<StageNews> {
        let run = self.running.as_mut()?;
        let output = match &mut run.outputs {
            Ok(outputs) => outputs.recv().await,
            Err(why) => Some(Err(std::mem::take(why))),
        };
        if let Some(Ok(output)) = output {
            run.has_made = true;
            return Some(StageNews::Made(output.message));
        }
        let StageRun { message, program, has_made, .. } = self.running.take()?;
        if let Some(Err(why)) = output {
            self.rest = (!has_made).then_some(message);
            return Some(StageNews::Failed(format!("{}: {why}", self.name)));
        }
        if program + 1 < self.programs.len() {
            self.run(message, program + 1, has_made);
            return None;
        }
        if self.passes_rest && !has_made {
            return Some(StageNews::Passes(Item::Message(message)));
        }
        Some(StageNews::Through)
    }
}
