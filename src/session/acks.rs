//! Acknowledgements: HTTP calls made one after the other beside the session, which never waits for them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::policy::status_retries;
use crate::error::Failure;
use crate::net::Options;
use crate::net::http::{Caller, HttpCall};
use crate::report::Report;

/// Calls that may wait. A service that takes so much longer to be told than to tell is not waited for: what does
/// not fit is not acknowledged, which a provider that delivers at least once has to live with anyway. At some
/// hundred bytes each, they take a few megabytes.
const QUEUE: usize = 10_000;

/// How long to wait before the one other attempt.
const PAUSE: Duration = Duration::from_millis(250);

/// Makes the calls.
pub struct Acks {
    queue: mpsc::Sender<HttpCall>,
    task: JoinHandle<()>,
    asked: u64,
    made: Arc<AtomicU64>,
}

impl Acks {
    /// Starts; calls go through the network with these options.
    #[must_use]
    pub fn start(options: &Options, report: Report) -> Self {
        let (queue, calls) = mpsc::channel(QUEUE);
        let made = Arc::new(AtomicU64::new(0));
        let task = tokio::spawn(make(calls, Caller::new(options), made.clone(), report));
        Self { queue, task, asked: 0, made }
    }

    /// Asks for a call, after those that were asked for before.
    pub fn push(&mut self, call: HttpCall) {
        self.asked += 1;
        // What is not made is counted at the end.
        let _ = self.queue.try_send(call);
    }

    /// Waits for the calls that are left, but not for ever. Returns how many were never made, or failed.
    pub async fn finish(self, patience: Duration) -> u64 {
        let Self { queue, mut task, asked, made } = self;
        drop(queue);
        if tokio::time::timeout(patience, &mut task).await.is_err() {
            task.abort();
        }
        asked - made.load(Ordering::Relaxed)
    }
}

async fn make(mut calls: mpsc::Receiver<HttpCall>, mut caller: Caller, made: Arc<AtomicU64>, report: Report) {
    let mut told = false;
    while let Some(call) = calls.recv().await {
        let mut result = attempt(&mut caller, &call).await;
        if let Err((_, true)) = result {
            tokio::time::sleep(PAUSE).await;
            result = attempt(&mut caller, &call).await;
        }
        match result {
            Ok(()) => drop(made.fetch_add(1, Ordering::Relaxed)),
            Err((failure, _)) if !told => {
                told = true;
                report.warning(&format!("{} (further failures are counted, not shown)", failure.what));
            }
            Err(_) => {}
        }
    }
}

/// Makes a call. The failure comes with whether another attempt is worth it.
async fn attempt(caller: &mut Caller, call: &HttpCall) -> Result<(), (Failure, bool)> {
    let answer = caller.call(call).await.map_err(|failure| {
        let what = format!("{} failed: {}", call.purpose, failure.what);
        let again = failure.transient;
        (Failure { what, ..failure }, again)
    })?;
    answer.failure(call).map_or(Ok(()), |failure| Err((failure, status_retries(answer.head.status))))
}
