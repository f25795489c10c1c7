//! Acknowledgements, and calls that unsubscribe at the end: HTTP calls made in their order beside the session, which waits
//! for them only when it is over.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::policy::status_retries;
use crate::error::{Failure, Result};
use crate::limits;
use crate::net::Options;
use crate::net::http::{Caller, HttpAnswer, HttpCall};
use crate::report::Report;

/// How long to wait before the one other attempt.
const PAUSE: Duration = Duration::from_millis(250);

/// How many calls leave together at most.
const BATCH: usize = 64;

/// The statuses of what is not there, or not any more.
pub const GONE: [u16; 2] = [404, 410];

/// Makes the calls.
///
/// A service that takes so much longer to be told than to tell is not waited for: what does not fit into
/// [`limits::ACKS`] is not acknowledged, which a provider that delivers at least once has to live with anyway.
pub struct Acks {
    queue: mpsc::UnboundedSender<HttpCall>,
    /// Bytes of the calls that wait.
    waiting: Arc<AtomicUsize>,
    task: JoinHandle<()>,
    asked: u64,
    made: Arc<AtomicU64>,
}

impl Acks {
    /// Starts; calls go through the network with these options. A call succeeds by a status of 2xx, or one of `fine`.
    #[must_use]
    pub fn start(options: &Options, report: Report, fine: &'static [u16]) -> Self {
        let (queue, calls) = mpsc::unbounded_channel();
        let (waiting, made) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicU64::new(0)));
        let counts = (Arc::clone(&waiting), Arc::clone(&made));
        let task = tokio::spawn(make(calls, (Caller::new(options), fine), counts, report));
        Self { queue, waiting, task, asked: 0, made }
    }

    /// Asks for a call, after those that were asked for before.
    pub fn push(&mut self, call: HttpCall) {
        self.asked += 1;
        let cost = call.cost();
        // What is not made is counted at the end.
        if self.waiting.load(Ordering::Relaxed) + cost <= limits::ACKS {
            self.waiting.fetch_add(cost, Ordering::Relaxed);
            let _ = self.queue.send(call);
        }
    }

    /// Waits for the calls that are left, but not for ever. Returns how many were never made, or failed.
    pub async fn finish(self, patience: Duration) -> u64 {
        let Self { queue, mut task, asked, made, .. } = self;
        drop(queue);
        if tokio::time::timeout(patience, &mut task).await.is_err() {
            task.abort();
        }
        asked - made.load(Ordering::Relaxed)
    }
}

async fn make(
    mut calls: mpsc::UnboundedReceiver<HttpCall>,
    (mut caller, fine): (Caller, &'static [u16]),
    (waiting, made): (Arc<AtomicUsize>, Arc<AtomicU64>),
    report: Report,
) {
    let mut tally = CallTally { made, report, fine, told: false };
    let mut batch = Vec::with_capacity(BATCH);
    while calls.recv_many(&mut batch, BATCH).await > 0 {
        waiting.fetch_sub(batch.iter().map(HttpCall::cost).sum(), Ordering::Relaxed);
        let refused = make_all(&mut caller, &batch, &mut tally).await;
        batch.clear();
        if !refused.is_empty() {
            tokio::time::sleep(PAUSE).await;
            for call in &refused {
                let answer = caller.call(call).await;
                tally.settle(call, answer, true);
            }
        }
    }
}

/// Makes the calls. One without an answer is made once more after a pause. Returns those that were refused in a way that
/// may pass.
async fn make_all(caller: &mut Caller, calls: &[HttpCall], tally: &mut CallTally) -> Vec<HttpCall> {
    let (mut next, mut refused) = (0, Vec::new());
    while next < calls.len() {
        let mut unanswered = None;
        let rest = &calls[next..];
        let settle = |at: usize, answer: Result<HttpAnswer>| {
            let is_answered = answer.is_ok();
            match (tally.settle(&rest[at], answer, false), is_answered) {
                (true, true) => refused.push(rest[at].clone()),
                (true, false) => unanswered = Some(at),
                (false, _) => {}
            }
        };
        next += caller.call_all(rest, settle).await;
        if let Some(at) = unanswered {
            tokio::time::sleep(PAUSE).await;
            let answer = caller.call(&rest[at]).await;
            tally.settle(&rest[at], answer, true);
        }
    }
    refused
}

/// What became of calls.
struct CallTally {
    made: Arc<AtomicU64>,
    report: Report,
    fine: &'static [u16],
    /// A failure was told.
    told: bool,
}

impl CallTally {
    /// Counts a call that was made, and tells the first failure. `true`: it is worth another attempt, unless this was the
    /// last.
    fn settle(&mut self, call: &HttpCall, answer: Result<HttpAnswer>, is_last: bool) -> bool {
        match judge(answer, call, self.fine) {
            Ok(()) => drop(self.made.fetch_add(1, Ordering::Relaxed)),
            Err((_, true)) if !is_last => return true,
            Err((failure, _)) if !self.told => {
                self.told = true;
                let text = format!("{} (further failures are counted, not shown)", failure.what);
                self.report.warning(&text);
            }
            Err(_) => {}
        }
        false
    }
}

/// Was the call made? The failure comes with whether another attempt is worth it.
fn judge(answer: Result<HttpAnswer>, call: &HttpCall, fine: &[u16]) -> Result<(), (Failure, bool)> {
    let answer = answer.map_err(|failure| {
        let what = format!("{} failed: {}", call.purpose, failure.what);
        let again = failure.transient;
        (Failure { what, ..failure }, again)
    })?;
    if fine.contains(&answer.head.status) {
        return Ok(());
    }
    answer.failure(call).map_or(Ok(()), |failure| Err((failure, status_retries(answer.head.status))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::WsUrl;

    fn call(bytes: usize) -> HttpCall {
        let url = Arc::new(WsUrl::parse("http://127.0.0.1:9/ack").unwrap());
        HttpCall { purpose: "the ack", method: "POST", url, headers: [].into(), body: vec![b'i'; bytes] }
    }

    #[tokio::test]
    async fn what_waits_is_bounded_in_bytes() {
        let report = Report::silent();
        for size in [0, 1_000_000, limits::ACKS] {
            let mut acks = Acks::start(&Options::default(), report.clone(), &[]);
            // Nothing is made meanwhile: the task has no turn.
            let many = 2 * limits::ACKS / call(size).cost() + 2;
            (0..many).for_each(|_| acks.push(call(size)));
            let waiting = acks.waiting.load(Ordering::Relaxed);
            assert!(waiting <= limits::ACKS, "{waiting} bytes of calls of {size}");
            assert!(size == limits::ACKS || waiting > limits::ACKS / 2, "{waiting} bytes of calls of {size}");
            acks.task.abort();
            assert_eq!(acks.asked, many as u64);
        }
    }
}
