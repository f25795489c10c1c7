//! `--record` of a tap: what happens on its connections, written by a thread of its own. No message waits for it: what the
//! file does not take yet is kept in memory, and beyond [`limits::TAP_RECORDS`] in an unlinked file.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::clock;
use crate::error::{Failure, Result};
use crate::event::{Direction, Event, Kind, Role};
use crate::exit::Exit;
use crate::limits;
use crate::message::Message;
use crate::pipeline::Stop;
use crate::pipeline::backlog::{Backlog, Limits, Overflow};
use crate::pipeline::output::{Output, write_failure};
use crate::pipeline::record;
use crate::pipeline::recorder::RecordFile;
use crate::pipeline::spill::DEFAULT_LIMIT;
use crate::report::Report;
use crate::secret::{Lease, Secrets};

/// The room for lines that is kept for the next ones, in bytes.
const LINES: usize = 1 << 20;

/// A recording that is being made.
pub struct TapRecorder {
    path: PathBuf,
    shared: Arc<SharedRecording>,
    received: AtomicU64,
    sent: AtomicU64,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the connections and the thread share.
struct SharedRecording {
    queue: Mutex<RecordQueue>,
    news: Condvar,
    secrets: Secrets,
}

struct RecordQueue {
    waiting: Backlog,
    /// The credentials of connections of which something may still wait.
    leases: HashMap<u32, Vec<Lease>>,
    is_over: bool,
    failure: Option<Failure>,
    report: Option<Report>,
}

impl TapRecorder {
    /// Begins a recording.
    ///
    /// # Errors
    /// A file that cannot be written, or a system without a thread to give.
    pub(super) fn start(path: &Path, secrets: Secrets) -> Result<Self> {
        let what = format!("--record {}", path.display());
        let named = |error| Failure::system(Exit::OutputFailed, &what, &error);
        let file = RecordFile::create(path).map_err(named)?;
        Self::writing_to(Box::new(file), path, secrets).map_err(named)
    }

    fn writing_to(file: Box<dyn Output>, path: &Path, secrets: Secrets) -> std::io::Result<Self> {
        let limits = Limits { memory: limits::TAP_RECORDS, disk: DEFAULT_LIMIT, overflow: Overflow::Spill };
        let queue = RecordQueue {
            waiting: Backlog::new(limits),
            leases: HashMap::new(),
            is_over: false,
            failure: None,
            report: None,
        };
        let shared = Arc::new(SharedRecording { queue: Mutex::new(queue), news: Condvar::new(), secrets });
        let thread = thread::Builder::new().name("recorder".into());
        let thread = thread.spawn({
            let shared = Arc::clone(&shared);
            move || shared.write_to(file)
        })?;
        let (received, sent) = (AtomicU64::new(0), AtomicU64::new(0));
        Ok(Self { path: path.to_owned(), shared, received, sent, thread: Mutex::new(Some(thread)) })
    }

    /// From now on tells people if it fails.
    pub(in crate::mock) fn tell_to(&self, report: &Report) {
        self.shared.queue().report = Some(report.clone());
    }

    /// Where the recording is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A connection begins, whose credentials are masked in its records.
    pub(super) fn begin(&self, conn: u64, leases: Vec<Lease>) {
        self.shared.queue().leases.insert(number(conn), leases);
    }

    /// A message went this way, as the client sees it.
    pub(super) fn message(&self, conn: u64, dir: Direction, message: Message) {
        let seq = match dir {
            Direction::In => &self.received,
            Direction::Out => &self.sent,
        };
        let seq = seq.fetch_add(1, Ordering::Relaxed) + 1;
        self.event(conn, Kind::Message { dir, seq, message, role: Role::Data, part: None });
    }

    /// The number of a message from the upstream that no record can hold.
    pub(super) fn count_unreadable(&self) -> u64 {
        self.received.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Something happened.
    pub(super) fn event(&self, conn: u64, kind: Kind) {
        let mut queue = self.shared.queue();
        if queue.failure.is_some() {
            return;
        }
        let event = Event { at: clock::now(), conn: number(conn), kind };
        queue.waiting.put(&mut vec![event]);
        if let Some(stop) = queue.waiting.stop() {
            queue.fail(failure_of(stop));
        }
        drop(queue);
        self.shared.news.notify_one();
    }

    /// Waits until all is written.
    ///
    /// # Errors
    /// What could not be.
    pub fn finish(&self) -> Result<()> {
        self.shared.queue().is_over = true;
        self.shared.news.notify_one();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // A thread that has panicked has nothing to say.
        let _ = thread.map(JoinHandle::join);
        self.shared.queue().failure.clone().map_or(Ok(()), Err)
    }
}

impl Drop for TapRecorder {
    fn drop(&mut self) {
        // Whoever wants to know has asked before.
        let _ = self.finish();
    }
}

impl std::fmt::Debug for TapRecorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TapRecorder").field("path", &self.path).finish_non_exhaustive()
    }
}

impl SharedRecording {
    fn queue(&self) -> MutexGuard<'_, RecordQueue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next events; `None` once there will be no more.
    fn next(&self, batch: &mut Vec<Event>) -> Option<()> {
        let mut queue = self.queue();
        while !queue.waiting.take(batch) {
            if queue.is_over || queue.failure.is_some() {
                return None;
            }
            queue = self.news.wait(queue).unwrap_or_else(PoisonError::into_inner);
        }
        match queue.waiting.stop() {
            Some(stop) => {
                queue.fail(failure_of(stop));
                None
            }
            None => Some(()),
        }
    }

    fn write_to(&self, mut file: Box<dyn Output>) {
        let (mut batch, mut lines) = (Vec::new(), Vec::new());
        while self.next(&mut batch).is_some() {
            for event in &batch {
                record::write_exact(event, &self.secrets, &mut lines);
                lines.push(b'\n');
            }
            if let Err(cut) = file.write(&lines) {
                return self.queue().fail(write_failure(&file.name(), &cut.error));
            }
            lines.clear();
            lines.shrink_to(LINES);
            let ended = batch.drain(..).filter(|event| matches!(event.kind, Kind::Close(_)));
            let ended: Vec<u32> = ended.map(|event| event.conn).collect();
            if !ended.is_empty() {
                let mut queue = self.queue();
                ended.iter().for_each(|conn| drop(queue.leases.remove(conn)));
            }
        }
    }
}

impl RecordQueue {
    fn fail(&mut self, failure: Failure) {
        if self.failure.is_none() {
            self.report
                .iter()
                .for_each(|report| report.warning(&format!("{}; recording stopped", failure.what)));
            self.failure = Some(failure);
        }
    }
}

fn failure_of(stop: Stop) -> Failure {
    let what = match stop {
        Stop::OutputFailed(text, _) | Stop::RecordingFailed(text, _) | Stop::Overflow { text, .. } => text,
        other => format!("{other:?}"),
    };
    Failure::new(Exit::OutputFailed, format!("--record: {what}"))
}

/// The number of a connection in records, which has room for four billion.
fn number(conn: u64) -> u32 {
    u32::try_from(conn).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;
    use crate::pipeline::output::PartialWrite;
    use crate::secret::{MASK, Secret};

    /// A file that takes one write for each permit.
    struct Slow(Receiver<()>, Arc<Mutex<Vec<u8>>>);

    impl Output for Slow {
        fn name(&self) -> String {
            "a slow file".to_owned()
        }

        fn write(&mut self, lines: &[u8]) -> std::result::Result<(), PartialWrite> {
            self.0.recv().map_err(|_| PartialWrite { written: 0, error: std::io::Error::other("gone") })?;
            self.1.lock().unwrap().extend_from_slice(lines);
            Ok(())
        }
    }

    fn recorder(secrets: &Secrets) -> (TapRecorder, Sender<()>, Arc<Mutex<Vec<u8>>>) {
        let ((permit, permits), written) = (channel(), Arc::default());
        let file = Box::new(Slow(permits, Arc::clone(&written)));
        let recorder = TapRecorder::writing_to(file, Path::new("r"), secrets.clone()).unwrap();
        (recorder, permit, written)
    }

    #[test]
    fn records_never_wait_for_the_file() {
        let (recorder, permit, written) = recorder(&Secrets::default());
        let text = "x".repeat(1 << 20);
        // More than may wait in memory, while nothing is written.
        for _ in 0..(limits::TAP_RECORDS >> 20) + 8 {
            recorder.message(1, Direction::In, Message::text(text.clone()));
        }
        for _ in 0..200 {
            permit.send(()).unwrap();
        }
        recorder.finish().unwrap();
        let written = written.lock().unwrap();
        assert_eq!(written.iter().filter(|byte| **byte == b'\n').count(), (limits::TAP_RECORDS >> 20) + 8);
    }

    #[test]
    fn credentials_of_connections_that_are_over_are_masked_in_what_waits() {
        let secrets = Secrets::default();
        let (recorder, permit, written) = recorder(&secrets);
        for conn in 1..=100 {
            let token = Secret::new(format!("t0ken-{conn}."));
            recorder.begin(conn, vec![secrets.lend([token.clone()])]);
            recorder.message(conn, Direction::Out, Message::text(format!("\"{}\"", token.expose())));
            recorder.event(conn, Kind::Close(Box::default()));
        }
        for _ in 0..200 {
            permit.send(()).unwrap();
        }
        recorder.finish().unwrap();
        let text = String::from_utf8(written.lock().unwrap().clone()).unwrap();
        assert!(!text.contains("t0ken-") && text.matches(MASK).count() == 100, "{text}");
    }

    #[test]
    fn a_file_that_fails_ends_the_recording_alone() {
        let (recorder, permit, _) = recorder(&Secrets::default());
        drop(permit);
        recorder.message(1, Direction::In, Message::text("a"));
        let failure = recorder.finish().unwrap_err();
        assert!(failure.what.contains("a slow file"), "{}", failure.what);
        recorder.message(1, Direction::In, Message::text("b"));
    }
}
