//! Events that all connections of a provider share: one schedule for all of them, which begins when the first
//! one listens and then goes on whoever is there, as a real service does.

use std::sync::Arc;

use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::ClientRegistry;
use super::pace::Pace;
use crate::provider::{Rate, Say, Service, Settings, Stream, Then};

/// Events that are made at once, when the rate has no limit or the server is late: as many as leave a mailbox at a time,
/// and few enough that no bounded mailbox is flooded.
const HANDFUL: u64 = 32;

/// Runs the stream of a service, if it has one, to the end of its events.
pub(super) async fn run(service: Arc<dyn Service>, settings: Arc<Settings>, registry: Arc<ClientRegistry>) {
    let Some(stream) = service.stream() else { return };
    let mut pace = Pace::new(&settings).faster(stream.haste());
    loop {
        if registry.gate.is_shut() {
            pace.pause();
            registry.gate.open().await;
        }
        pace.forgive(Instant::now());
        let due = if stream.hub().is_empty() && !pace.begun() { 0 } else { pace.due(Instant::now()) };
        let made = stream.steps(due.min(HANDFUL));
        pace.sent(made);
        if made < due.min(1) {
            pace.pause();
        }
        if pace.finished(Instant::now()) {
            break;
        }
        wait(stream, &pace, settings.rate, &registry.taken).await;
    }
    if settings.then == Then::Close {
        stream.hub().publish_to_all(&Say::Close { code: Some(1000), reason: String::new() });
    }
}

/// Waits for the next event to be due. Without a limit to the rate, the fastest reader sets the pace.
async fn wait(stream: &dyn Stream, pace: &Pace, rate: Rate, taken: &Notify) {
    match pace.next_at() {
        None => stream.hub().joined().await,
        // There is only an end to wait for, and whoever joins may bring something to do before it.
        Some(end) if pace.is_paused() => tokio::select! {
            () = stream.hub().joined() => {}
            () = sleep_until(end) => {}
        },
        Some(_) if rate == Rate::Max && stream.hub().is_empty() => stream.hub().joined().await,
        Some(_) if rate == Rate::Max => loop {
            let emptied = taken.notified();
            if stream.hub().is_hungry() {
                // Who has just been told must get the chance to read it.
                return tokio::task::yield_now().await;
            }
            emptied.await;
        },
        // A server that is late catches up, but it is not the clients that are slow.
        Some(at) if at <= Instant::now() => tokio::task::yield_now().await,
        Some(at) => sleep_until(at).await,
    }
}
