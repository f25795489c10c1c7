//! Delivery: lines go to a command or a broker, and count as written when it says that it has stored them.
//!
//! [`ToSink`] is the [`Output`] that the pipeline writes to. It hands lines to a thread of its own ([`task`]), which
//! passes them on to a [`LineStore`] in order, connects again when the store is away, and reports what is stored to the
//! receipt. Each kind of store is one file.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::oneshot;

use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::limits;
use crate::pipeline::output::{Address, Labels, Output, PartialWrite};
use crate::pipeline::receipt::Receipt;
use crate::report::Report;
use crate::session::policy::ReconnectPolicy;

pub mod command;
pub mod dead_letter;
#[cfg(feature = "brokers")]
pub mod kafka;
#[cfg(feature = "brokers")]
pub mod nats;
pub mod place;
mod queue;
#[cfg(feature = "brokers")]
pub mod redis;
pub mod several;
mod task;

use dead_letter::DeadLetters;
use queue::{Consignment, LineQueue};
use task::SinkTask;

/// How long a store may take to finish when the session has ended and every line is stored.
const FINISH: Duration = Duration::from_secs(5);

/// A line on its way to a store.
#[derive(Clone, Debug)]
pub struct SinkLine {
    /// The line without its line feed.
    pub text: Bytes,
    /// The provider's id of the event. A line without one gets an id that no other line has.
    pub id: String,
    /// Key and headers, if there are any.
    pub address: Option<Arc<Address>>,
    /// Where it ends, in bytes since the first line.
    end: u64,
}

impl SinkLine {
    /// The key, if there is one.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        self.address.as_ref()?.key.as_deref()
    }
}

/// Why a store did not take a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// It is away. The lines can be stored when it is back.
    Away(String),
    /// It refuses the first line that is not stored, in these words.
    Refused(String),
    /// It takes no line at all; and what helps, where that is known.
    Unusable(String, Option<&'static str>),
}

/// What has become of lines.
#[derive(Debug, Default)]
pub struct Stored {
    /// So many of them, from the first on, are stored.
    pub lines: usize,
    /// Why no more are; `None`: all of them are.
    pub trouble: Option<Trouble>,
}

impl Stored {
    /// So many are stored, and the connection is gone.
    #[cfg(feature = "brokers")]
    fn not_connected(lines: usize) -> Self {
        Self { lines, trouble: Some(Trouble::Away("not connected".to_owned())) }
    }
}

/// What a store does, for the thread that waits for it.
pub type Work<'a, T> = Pin<Box<dyn Future<Output = T> + 'a>>;

/// Something that stores lines and says so.
pub trait LineStore: Send {
    /// Connects, or starts what there is to start. Called again after [`Trouble::Away`].
    fn open(&mut self) -> Work<'_, std::result::Result<(), Trouble>>;

    /// The provider's cursor that is stored beside the lines, if there is one. Asked once, after the first
    /// [`LineStore::open`].
    fn cursor(&mut self) -> Work<'_, std::result::Result<Option<String>, Trouble>> {
        Box::pin(async { Ok(None) })
    }

    /// Stores all of these in order, and the cursor after them. `stored` may be called with how many are stored so far.
    fn store<'a>(
        &'a mut self,
        lines: &'a [SinkLine],
        cursor: Option<&'a str>,
        stored: &'a dyn Fn(usize),
    ) -> Work<'a, Stored>;

    /// No more lines will come.
    fn close(&mut self) -> Work<'_, std::result::Result<(), String>> {
        Box::pin(async { Ok(()) })
    }

    /// Does it keep the cursor, in one step with the lines? Then all lines of a message are stored together.
    fn keeps_cursor(&self) -> bool {
        false
    }

    /// Bytes of lines that it is given at once, at most. A larger line is given alone.
    fn batch(&self) -> usize {
        limits::SINK_BATCH
    }
}

/// What a sink is made of.
pub struct SinkSetup {
    /// What it is, for people: an option with its value, or a URL without its password.
    pub name: String,
    /// Where lines are stored.
    pub store: Box<dyn LineStore>,
    /// How to connect again.
    pub reconnect: ReconnectPolicy,
    /// Where lines go that the store refuses.
    pub dead_letters: Option<Arc<DeadLetters>>,
    /// Where notices go.
    pub report: Report,
}

/// A sink that has started.
pub struct StartedSink {
    /// What the pipeline writes to.
    pub output: ToSink,
    /// What waits for its end.
    pub handle: SinkHandle,
    /// The cursor that is stored there.
    pub cursor: Option<String>,
}

/// Starts a sink, and waits until it is connected.
///
/// # Errors
/// If it cannot be connected to. The first attempt is repeated only if that was asked for.
pub async fn start(setup: SinkSetup) -> Result<StartedSink> {
    let (name, report) = (setup.name.clone(), setup.report.clone());
    let whole_messages = setup.store.keeps_cursor();
    let queue = LineQueue::new(setup.store.batch());
    let ((opened, is_open), (ended, end)) = (oneshot::channel(), oneshot::channel());
    let task = SinkTask::new(setup, Arc::clone(&queue));
    let thread = thread::Builder::new().name("sink".into());
    thread.spawn(move || drop(ended.send(task.work(opened)))).map_err(|error| no_thread(&error))?;
    let gone = || Failure::new(Exit::OutputFailed, format!("cannot write to {name}: its thread ended"));
    let cursor = is_open.await.map_err(|_| gone())??;
    let handle = SinkHandle { name: name.clone(), queue: Arc::clone(&queue), end, report };
    let output = ToSink { name, queue, run: run_id(), given: 0, lines: 0, whole_messages };
    Ok(StartedSink { output, handle, cursor })
}

fn no_thread(error: &std::io::Error) -> Failure {
    Failure::new(Exit::OutputFailed, format!("cannot start a thread: {error}"))
}

/// An id of this run, for the lines of events that have no id.
fn run_id() -> String {
    format!("{:016x}", fastrand::u64(..))
}

/// The end of a sink.
pub struct SinkHandle {
    name: String,
    queue: Arc<LineQueue>,
    end: oneshot::Receiver<std::result::Result<(), String>>,
    report: Report,
}

impl SinkHandle {
    /// Waits until the store has finished, if it has stored every line, but not for ever.
    pub async fn finish(mut self) {
        self.queue.close();
        if !self.queue.is_delivered() {
            // The session has reported what is lost.
            return;
        }
        match tokio::time::timeout(FINISH, &mut self.end).await {
            Ok(Ok(Err(text))) => self.report.warning(&format!("{}: {text}", self.name)),
            Ok(_) => {}
            Err(_) => {
                self.report.warning(&format!(
                    "{}: still running {} s after its last line",
                    self.name,
                    FINISH.as_secs()
                ));
            }
        }
    }
}

/// A session that is over stores nothing more, even if the store comes back later.
impl Drop for SinkHandle {
    fn drop(&mut self) {
        self.queue.abandon();
    }
}

/// A sink as a destination of output.
pub struct ToSink {
    name: String,
    queue: Arc<LineQueue>,
    run: String,
    /// Bytes that were handed over, and lines.
    given: u64,
    lines: u64,
    whole_messages: bool,
}

impl Output for ToSink {
    fn name(&self) -> String {
        format!("to {}", self.name)
    }

    fn write(&mut self, lines: &[u8]) -> std::result::Result<(), PartialWrite> {
        self.write_labelled(lines, &Labels::default())
    }

    fn ready(&self) -> bool {
        self.queue.has_room()
    }

    fn acknowledges_by(&mut self, receipt: &Receipt) -> bool {
        self.queue.report_to(receipt.clone());
        true
    }

    fn wants_labels(&self) -> bool {
        true
    }

    fn wants_whole_messages(&self) -> bool {
        self.whole_messages
    }

    fn write_labelled(&mut self, bytes: &[u8], labels: &Labels) -> std::result::Result<(), PartialWrite> {
        let shared = Bytes::copy_from_slice(bytes);
        let mut start = 0;
        let mut lines = Vec::with_capacity(labels.lines.len());
        for label in &labels.lines {
            self.lines += 1;
            let end = label.end.min(bytes.len()).max(start);
            let text = shared.slice(start..end);
            let text = text.strip_suffix(b"\n").map_or(text.clone(), |line| text.slice_ref(line));
            let id = label.id.clone().unwrap_or_else(|| format!("{}-{}", self.run, self.lines));
            lines.push(SinkLine { text, id, address: label.address.clone(), end: self.given + end as u64 });
            start = end;
        }
        self.given += bytes.len() as u64;
        self.queue.put(Consignment { lines, cursor: labels.cursor.clone(), bytes: bytes.len() });
        Ok(())
    }
}
