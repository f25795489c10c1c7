//! jq predicates over what clients sent. Programs run on threads of their own, with the stack that they need, and
//! nobody waits for one longer than he said.

use std::ops::ControlFlow;
use std::sync::Arc;

use tokio::sync::{Semaphore, oneshot};

use super::journal::{Entry, Journal, Select};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::pipeline::filter::{Program, RunError, STACK, Value, Vars};
use crate::pipeline::line::BinaryForm;
use crate::pipeline::message_value;

/// Threads at a time. A program that never ends keeps its thread, since nothing can stop it.
static THREADS: Semaphore = Semaphore::const_new(8);

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// The messages, oldest first.
    pub(super) entries: Vec<Arc<Entry>>,
    /// The number of the last message that was looked at.
    pub(super) next: u64,
    /// The first error of the program. A message on which it fails does not match.
    pub(super) error: Option<String>,
}

impl Found {
    fn add(&mut self, more: Self) {
        self.entries.extend(more.entries);
        self.next = more.next;
        self.error = self.error.take().or(more.error);
    }
}

/// Compiles a predicate. Its input is the message, as that of a filter.
///
/// # Errors
/// A program that does not compile, or calls for inputs.
pub(super) async fn compile(name: &str, source: &str) -> Result<Program> {
    let (name, source) = (name.to_owned(), source.to_owned());
    let program = deep(move |_| Program::compile(&name, &source, &Vars::default())).await;
    program.unwrap_or_else(|| Err(no_thread()))
}

/// The messages that are known now and that match.
pub(super) async fn search(journal: &Journal, select: &Select, program: Option<&Program>) -> Found {
    let (entries, next) = journal.select(select);
    let Some(program) = program.filter(|_| !entries.is_empty()).cloned() else {
        return Found { entries, next, error: None };
    };
    let found = deep(move |asker| judge(&program, entries, asker)).await;
    let lost = || Found { error: Some("the system gives no thread".to_owned()), ..Found::default() };
    Found { next, ..found.unwrap_or_else(lost) }
}

/// Waits until this many messages match, those that are known already counted, and leaves what was found so far in
/// `found` when it is dropped.
pub(super) async fn wait(
    journal: &Journal,
    mut select: Select,
    program: Option<&Program>,
    count: usize,
    found: &mut Found,
) {
    let mut news = journal.watch();
    loop {
        news.mark_unchanged();
        found.add(search(journal, &select, program).await);
        if found.entries.len() >= count {
            // What comes after the last that was waited for has not been seen.
            found.entries.truncate(count);
            found.next = found.entries.last().map_or(found.next, |last| last.number);
            return;
        }
        select.since = found.next;
        if news.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

fn judge(program: &Program, entries: Vec<Arc<Entry>>, asker: &dyn Fn() -> bool) -> Found {
    let mut found = Found::default();
    for entry in entries {
        if !asker() {
            break;
        }
        match matches(program, &entry) {
            Ok(true) => found.entries.push(entry),
            Ok(false) => {}
            Err(error) => found.error = found.error.or(Some(error)),
        }
    }
    found
}

fn matches(program: &Program, entry: &Entry) -> std::result::Result<bool, String> {
    let value: Value = message_value(&entry.message, BinaryForm::default())?;
    let mut matched = false;
    let ended = program.run(&value, &mut |output| {
        matched |= output.is_truthy();
        if matched { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    match ended {
        Err(error @ RunError::Error(_)) if !matched => Err(error.to_string()),
        _ => Ok(matched),
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
    Failure::new(Exit::OutputFailed, "the system gives no thread")
}
