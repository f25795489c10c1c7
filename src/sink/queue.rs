//! Lines between the pipeline and the thread of a sink.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::SinkLine;
use crate::limits;
use crate::pipeline::output::OutputFailure;
use crate::pipeline::receipt::Receipt;

/// What was written at once.
#[derive(Debug, Default)]
pub(super) struct Consignment {
    pub(super) lines: Vec<SinkLine>,
    /// The provider's cursor after the last line.
    pub(super) cursor: Option<String>,
    pub(super) bytes: usize,
}

/// A bounded queue. The pipeline waits in it for a slow store, so that what follows waits as `--overflow` says.
pub(super) struct LineQueue {
    /// Bytes that are taken at once.
    batch: usize,
    waiting: Mutex<WaitingLines>,
    /// There is room again.
    room: Condvar,
    /// There is something to take, or nothing more will come.
    filled: Notify,
}

#[derive(Default)]
struct WaitingLines {
    consignments: VecDeque<Consignment>,
    bytes: usize,
    /// Consignments that were taken and are not stored.
    taken: usize,
    closed: bool,
    /// Nothing more is taken.
    failed: bool,
    receipt: Option<Receipt>,
}

impl LineQueue {
    /// An empty queue, of which about so many bytes are taken at once.
    pub(super) fn new(batch: usize) -> Arc<Self> {
        Arc::new(Self { batch, waiting: Mutex::default(), room: Condvar::new(), filled: Notify::new() })
    }

    /// The account of what is stored.
    pub(super) fn report_to(&self, receipt: Receipt) {
        self.lock().receipt = Some(receipt);
    }

    /// Adds lines, and waits while there is no room. What comes after a failure is dropped.
    pub(super) fn put(&self, consignment: Consignment) {
        let full = |waiting: &mut WaitingLines| !waiting.has_room();
        let waiting = self.room.wait_while(self.lock(), full);
        let mut waiting = waiting.unwrap_or_else(PoisonError::into_inner);
        if !waiting.failed {
            waiting.bytes += consignment.bytes;
            waiting.consignments.push_back(consignment);
        }
        drop(waiting);
        self.filled.notify_one();
    }

    /// Can lines be added without waiting?
    pub(super) fn has_room(&self) -> bool {
        self.lock().has_room()
    }

    /// Takes what waits, up to the size of a batch. `None`: nothing more will come.
    pub(super) async fn take(&self) -> Option<Consignment> {
        loop {
            if let Some(batch) = self.take_now() {
                return Some(batch);
            }
            if self.lock().closed {
                return None;
            }
            self.filled.notified().await;
        }
    }

    fn take_now(&self) -> Option<Consignment> {
        let mut waiting = self.lock();
        let mut batch = waiting.consignments.pop_front()?;
        while let Some(next) =
            waiting.consignments.pop_front_if(|next| batch.bytes + next.bytes <= self.batch)
        {
            batch.bytes += next.bytes;
            batch.lines.extend(next.lines);
            batch.cursor = next.cursor.or(batch.cursor);
        }
        waiting.bytes -= batch.bytes;
        waiting.taken += 1;
        drop(waiting);
        self.room.notify_one();
        Some(batch)
    }

    /// Everything up to this byte is stored.
    pub(super) fn stored(&self, bytes: u64) {
        let receipt = self.lock().receipt.clone();
        receipt.iter().for_each(|receipt| receipt.arrived(bytes));
    }

    /// What was taken last is stored to its end.
    pub(super) fn delivered(&self) {
        self.lock().taken -= 1;
    }

    /// Nothing more will be stored.
    pub(super) fn fail(&self, failure: &OutputFailure) {
        let mut waiting = self.lock();
        waiting.failed = true;
        waiting.consignments.clear();
        waiting.bytes = 0;
        let receipt = waiting.receipt.clone();
        drop(waiting);
        self.room.notify_one();
        receipt.iter().for_each(|receipt| receipt.failed_as(failure.clone()));
    }

    /// Nobody waits for what is not stored.
    pub(super) fn abandon(&self) {
        let mut waiting = self.lock();
        (waiting.failed, waiting.closed, waiting.bytes) = (true, true, 0);
        waiting.consignments.clear();
        drop(waiting);
        self.room.notify_one();
        self.filled.notify_one();
    }

    /// Is nothing more to be stored?
    pub(super) fn is_abandoned(&self) -> bool {
        self.lock().failed
    }

    /// Nothing more will come.
    pub(super) fn close(&self) {
        self.lock().closed = true;
        self.filled.notify_one();
    }

    /// Is everything stored that has come, or about to be because only a cursor is left?
    pub(super) fn is_delivered(&self) -> bool {
        let waiting = self.lock();
        let lines = |consignment: &Consignment| consignment.lines.is_empty();
        !waiting.failed && waiting.consignments.iter().all(lines)
    }

    fn lock(&self) -> MutexGuard<'_, WaitingLines> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl WaitingLines {
    /// A write that is larger than all of them may be waits alone.
    fn has_room(&self) -> bool {
        self.failed || self.bytes < limits::SINK_QUEUE
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn consignment(bytes: usize) -> Consignment {
        let line = SinkLine { text: Bytes::new(), id: String::new(), address: None, end: 0 };
        Consignment { lines: vec![line], cursor: None, bytes }
    }

    #[tokio::test]
    async fn lines_wait_within_bounds() {
        let queue = LineQueue::new(limits::SINK_BATCH);
        let size = limits::SINK_QUEUE / 4;
        (0..4).for_each(|_| queue.put(consignment(size)));
        assert!(!queue.has_room());
        let other = Arc::clone(&queue);
        // It waits until there is room.
        let writer = std::thread::spawn(move || other.put(consignment(limits::SINK_BATCH * 2)));
        let mut taken = Vec::new();
        while taken.iter().sum::<usize>() < 4 * size + limits::SINK_BATCH * 2 {
            taken.push(queue.take().await.unwrap().bytes);
        }
        writer.join().unwrap();
        assert!(taken[0] <= limits::SINK_BATCH, "{taken:?}");
        assert_eq!(taken.last(), Some(&(limits::SINK_BATCH * 2)), "a large one goes alone");
        queue.close();
        assert!(queue.take().await.is_none() && queue.is_delivered());
    }
}
