//! The thread of a sink: it takes lines from the queue, gives them to the store, and opens the store again when it was
//! away.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::queue::{Consignment, LineQueue};
use super::{SinkSetup, Stored, Trouble};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::pipeline::output::OutputFailure;
use crate::session::backoff::Backoff;
use crate::text::{counted, short};

/// The work of the thread.
pub(super) struct SinkTask {
    setup: SinkSetup,
    queue: Arc<LineQueue>,
    backoff: Backoff,
    open: bool,
    /// Was it reported that the store is away?
    away: bool,
}

impl SinkTask {
    pub(super) fn new(setup: SinkSetup, queue: Arc<LineQueue>) -> Self {
        let backoff = Backoff::new(setup.reconnect.limits, fastrand::Rng::new());
        Self { setup, queue, backoff, open: true, away: false }
    }

    /// Opens the store, which the sender is told, and works until nothing more comes. The result is that of closing
    /// the store.
    pub(super) fn work(
        mut self,
        opened: oneshot::Sender<Result<Option<String>>>,
    ) -> std::result::Result<(), String> {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => {
                let what = format!("cannot start an event loop: {error}");
                let _ = opened.send(Err(Failure::new(Exit::OutputFailed, what)));
                return Ok(());
            }
        };
        runtime.block_on(async move {
            let first = self.first_open(&opened).await;
            let works = first.is_ok();
            if opened.send(first).is_err() || !works {
                return Ok(());
            }
            while let Some(batch) = self.queue.take().await {
                if !self.deliver(batch).await {
                    return Ok(());
                }
                self.queue.delivered();
            }
            self.setup.store.close().await
        })
    }

    /// Opens the store for the first time. Nobody waits for that any more if the sender is closed.
    async fn first_open(
        &mut self,
        caller: &oneshot::Sender<Result<Option<String>>>,
    ) -> Result<Option<String>> {
        loop {
            let opened = match self.setup.store.open().await {
                Ok(()) => self.setup.store.cursor().await,
                Err(trouble) => Err(trouble),
            };
            match opened {
                Ok(cursor) => return Ok(cursor),
                Err(Trouble::Away(text)) if self.setup.reconnect.first_too && !caller.is_closed() => {
                    if !self.wait(&text, 0).await {
                        return Err(self.failure(Trouble::Away(text)));
                    }
                }
                Err(trouble) => return Err(self.failure(trouble)),
            }
        }
    }

    fn failure(&self, trouble: Trouble) -> Failure {
        let (text, hint) = match trouble {
            Trouble::Away(text) | Trouble::Refused(text) => (text, None),
            Trouble::Unusable(text, hint) => (text, hint),
        };
        let failure =
            Failure::new(Exit::OutputFailed, format!("cannot write to {}: {text}", self.setup.name));
        Failure { hint: hint.map(str::to_owned), ..failure }
    }

    /// Stores a batch, however long that takes. `false`: nothing more can be stored.
    async fn deliver(&mut self, batch: Consignment) -> bool {
        let mut from = 0;
        // A batch without lines has a cursor to store.
        while from < batch.lines.len() || (batch.lines.is_empty() && batch.cursor.is_some()) {
            if self.queue.is_abandoned() {
                return false;
            }
            if !self.open && !self.reopen(batch.lines.len() - from).await {
                return false;
            }
            let lines = &batch.lines[from..];
            let queue = &self.queue;
            let report = |stored: usize| {
                if let Some(line) = stored.checked_sub(1).and_then(|last| lines.get(last)) {
                    queue.stored(line.end);
                }
            };
            let Stored { lines: stored, trouble } =
                self.setup.store.store(lines, batch.cursor.as_deref(), &report).await;
            report(stored);
            from += stored;
            if stored > 0 || trouble.is_none() {
                self.worked();
            }
            match trouble {
                None => return true,
                Some(Trouble::Away(text)) => {
                    self.open = false;
                    if !self.wait(&text, batch.lines.len() - from).await {
                        return false;
                    }
                }
                Some(Trouble::Refused(text)) => {
                    if !self.refused(&batch, from, &text) {
                        return false;
                    }
                    from += 1;
                    queue_stored(&self.queue, &batch, from);
                }
                Some(Trouble::Unusable(text, hint)) => return self.give_up(&text, hint),
            }
        }
        true
    }

    /// Keeps a refused line in the file of dead letters. `false`: there is none, or it cannot be written.
    fn refused(&mut self, batch: &Consignment, at: usize, text: &str) -> bool {
        let Some(line) = batch.lines.get(at) else { return self.give_up(text, None) };
        let Some(dead_letters) = self.setup.dead_letters.clone() else {
            let hint = "to keep refused lines in a file and continue, use --dead-letter FILE";
            return self.give_up(text, Some(hint));
        };
        match dead_letters.put(line, &self.setup.name, text) {
            Ok(first) => {
                if first {
                    let name = dead_letters.name();
                    let text = format!("{} refused a line: {text}; kept in {name}", self.setup.name);
                    self.setup.report.warning(&format!("{text} (further ones are kept, not reported)"));
                }
                true
            }
            Err(error) => {
                self.give_up(&format!("{text}; cannot write {}: {error}", dead_letters.name()), None)
            }
        }
    }

    /// Something was stored.
    fn worked(&mut self) {
        self.backoff.reset();
        if std::mem::take(&mut self.away) {
            self.setup.report.notice(&format!("{}: works again", self.setup.name));
        }
    }

    /// Opens the store. `false`: it can never be.
    async fn reopen(&mut self, waiting: usize) -> bool {
        loop {
            match self.setup.store.open().await {
                Ok(()) => {
                    self.open = true;
                    return true;
                }
                Err(Trouble::Away(text) | Trouble::Refused(text)) => {
                    if !self.wait(&text, waiting).await {
                        return false;
                    }
                }
                Err(Trouble::Unusable(text, hint)) => return self.give_up(&text, hint),
            }
        }
    }

    /// Waits before the next attempt. `false`: there is to be none.
    async fn wait(&mut self, text: &str, waiting: usize) -> bool {
        if self.queue.is_abandoned() {
            return false;
        }
        let attempts = self.backoff.attempts();
        if self.setup.reconnect.retries.is_some_and(|most| attempts >= most) {
            let text = format!("{text}; gave up after {}", counted(attempts, "attempt"));
            return self.give_up(&text, None);
        }
        let delay = self.backoff.next(None);
        let lines = counted(waiting, "line");
        let text = format!("{}: {text}; retrying in {}, {lines} waiting", self.setup.name, short(delay));
        if std::mem::replace(&mut self.away, true) {
            self.setup.report.verbose(&text);
        } else {
            self.setup.report.warning(&text);
        }
        // The first attempt after a loss is the only one that may come at once, by the luck of the jitter.
        tokio::time::sleep(delay.max(Duration::from_millis(1))).await;
        true
    }

    fn give_up(&self, text: &str, remedy: Option<&'static str>) -> bool {
        let text = format!("cannot write to {}: {text}", self.setup.name);
        self.queue.fail(&OutputFailure { reader_gone: false, text, remedy });
        false
    }
}

/// The lines before this one are done with.
fn queue_stored(queue: &LineQueue, batch: &Consignment, lines: usize) {
    if let Some(line) = lines.checked_sub(1).and_then(|last| batch.lines.get(last)) {
        queue.stored(line.end);
    }
}
