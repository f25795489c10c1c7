//! jq predicates over what clients sent. Programs run on threads of their own, with the stack that they need. What they
//! may do is limited, so that none keeps its thread.

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};

use super::journal::{Entry, Journal, Select};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::limits;
use crate::pipeline::filter::{LimitedProgram, RunError, STACK, Value, Vars};
use crate::pipeline::line::BinaryForm;
use crate::pipeline::message_value;
use crate::provider::budget::{Share, Use};

/// Threads at a time.
static THREADS: Semaphore = Semaphore::const_new(2);

/// What a program may do for each byte of a message, besides [`limits::JQ_WORK`].
const WORK_A_BYTE: u64 = 128;

/// How many times [`limits::JQ_WORK`] a program may do over all the messages that it is asked about at once.
const SEARCH: u64 = 16;

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The messages, oldest first.
    pub(super) entries: Vec<Arc<Entry>>,
    /// The number of the last message that was looked at.
    pub(super) next: u64,
    /// The first error of the program. A message on which it fails does not match.
    pub(super) error: Option<String>,
    /// The program was stopped, and has not looked at all messages.
    pub(super) stopped: bool,
    /// More would match than [`limits::JOURNAL_ANSWER`] has room for: `next` is the last that has.
    pub(super) full: bool,
    /// Bytes of the messages.
    pub(super) bytes: usize,
}

impl Found {
    fn add(&mut self, more: Self) {
        (self.next, self.stopped) = (more.next, more.stopped);
        self.error = self.error.take().or(more.error);
        for entry in more.entries {
            if self.bytes + entry.cost() > limits::JOURNAL_ANSWER && !self.entries.is_empty() {
                self.full = true;
                self.next = entry.number - 1;
                return;
            }
            self.bytes += entry.cost();
            self.entries.push(entry);
        }
    }
}

/// Compiles a predicate. Its input is the message, as that of a filter.
///
/// # Errors
/// A program that does not compile, or calls for inputs.
pub(super) async fn compile(name: &str, source: &str) -> Result<LimitedProgram> {
    let (name, source) = (name.to_owned(), source.to_owned());
    let program = deep(move |_| LimitedProgram::compile(&name, &source, &Vars::default())).await;
    program.unwrap_or_else(|| Err(no_thread()))
}

/// The messages that are known now and that match.
pub(super) async fn search(journal: &Journal, select: &Select, program: Option<&LimitedProgram>) -> Found {
    let (entries, next) = journal.select(select);
    let Some(program) = program.filter(|_| !entries.is_empty()).cloned() else {
        return Found { entries, next, ..Found::default() };
    };
    let found = deep(move |asker| matching(&program, entries, asker)).await;
    let lost = || Found { error: Some("cannot start a thread".to_owned()), ..Found::default() };
    Found { next, ..found.unwrap_or_else(lost) }
}

/// Waits until this many messages match, those that are known already counted, and leaves what was found so far in
/// `found` when it is dropped. What it holds meanwhile counts for whoever waits.
pub(super) async fn wait(
    (journal, share): (&Journal, Option<&Share>),
    mut select: Select,
    program: Option<&LimitedProgram>,
    count: usize,
    found: &mut Found,
) {
    let mut news = journal.watch();
    loop {
        news.mark_unchanged();
        found.add(search(journal, &select, program).await);
        share.iter().for_each(|share| share.set(Use::Outgoing, found.bytes));
        if found.entries.len() >= count {
            // What comes after the last that was waited for has not been seen.
            found.entries.truncate(count);
            found.next = found.entries.last().map_or(found.next, |last| last.number);
            found.full = false;
            return;
        }
        if found.full {
            return;
        }
        select.since = found.next;
        if news.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

fn matching(program: &LimitedProgram, entries: Vec<Arc<Entry>>, asker: &dyn Fn() -> bool) -> Found {
    let (mut found, mut left) = (Found::default(), SEARCH * limits::JQ_WORK as u64);
    for entry in entries {
        if !asker() {
            break;
        }
        match matches(program, &entry, &mut left) {
            Ok(Some(true)) => found.entries.push(entry),
            Ok(Some(false)) => {}
            Ok(None) => {
                let error = format!("the program was stopped at message {}: it ran too long", entry.number);
                (found.error, found.stopped) = (Some(error), true);
                break;
            }
            Err(error) => found.error = found.error.or(Some(error)),
        }
    }
    found
}

/// `None`: the program was stopped.
fn matches(
    program: &LimitedProgram,
    entry: &Entry,
    left: &mut u64,
) -> std::result::Result<Option<bool>, String> {
    let value: Value = message_value(&entry.message, BinaryForm::default())?;
    let mut matched = false;
    let limit = limits::JQ_WORK as u64 + WORK_A_BYTE * entry.message.len() as u64;
    let (ended, spent) = program.run(limit.min(*left), &value, &mut |output| {
        matched |= output.is_truthy();
        if matched { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    *left -= spent;
    match ended {
        None => Ok(None),
        Some(Err(error @ RunError::Error(_))) if !matched => Err(error.to_string()),
        Some(_) => Ok(Some(matched)),
    }
}

/// Runs this on a thread with a deep stack; it is told whether somebody still waits for it. `None`: the system has
/// no thread to give.
async fn deep<T: Send + 'static>(work: impl FnOnce(&dyn Fn() -> bool) -> T + Send + 'static) -> Option<T> {
    let permit = THREADS.acquire().await.ok()?;
    let (send, receive) = oneshot::channel();
    let run = move || {
        let done = work(&|| !send.is_closed());
        drop(permit);
        let _ = send.send(done);
    };
    std::thread::Builder::new().name("predicate".into()).stack_size(STACK).spawn(run).ok()?;
    receive.await.ok()
}

fn no_thread() -> Failure {
    Failure::new(Exit::OutputFailed, "cannot start a thread")
}
