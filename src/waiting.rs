//! Futures that may be absent: an absent one never ends.

use tokio::time::{Instant, sleep_until};

/// Waits for a future, or for ever if there is none.
pub(crate) async fn if_any<F: Future>(future: Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// Waits until then, or for ever.
pub(crate) async fn until(deadline: Option<Instant>) {
    if_any(deadline.map(sleep_until)).await;
}
