//! Which thread runs the pipeline.
//!
//! A message that comes alone is handled where it arrives, as long as that takes no waiting: it reaches the
//! pipe without a change of thread. Everything else goes to one worker thread in batches: jq programs that may run
//! for ever, and messages that nest deep, because programs then need a deep stack; bursts, because two cores are faster
//! than one; and output that its reader does not take at once, because the session must stay able to answer pings and
//! signals.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::Instant;

use super::backlog::{Backlog, Limits};
use super::filter::{self, Value};
use super::output::ATOMIC;
use super::receipt::Receipt;
use super::{Pipeline, Progress, Stop, Totals};
use crate::event::{Event, Kind};
use crate::limits;
use crate::waiting::{if_any, until};

/// Batches on their way at most: one being worked on, the others so that the worker never waits.
const QUEUE: usize = 3;

/// Bytes of events after which a batch is full. Each batch wakes the worker, and its end the session: batches a quarter as
/// large, with reads of 64 KiB, cost an eighth more CPU time (`cargo bench --bench throughput -- lines`).
pub const BATCH_BYTES: usize = 1024 * 1024;

/// Events after which a batch is full.
pub const BATCH_EVENTS: usize = 2048;

/// Events wait in memory once the worker has got nothing done for this long: a shorter delay only makes the peer wait,
/// which costs nothing.
const STALLED: Duration = Duration::from_millis(100);

/// Also start buffering when the worker has been busy this long without catching up: that is not a burst, and the
/// server may drop a slow client.
const BEHIND: Duration = Duration::from_secs(2);

/// How deep a message may nest that is handled on the session's thread, whose stack may be small.
const MOST_NESTED: usize = 256;

/// The worker's stack when it runs no jq programs.
const PLAIN_STACK: usize = 256 * 1024;

type Batch = Vec<Event>;

/// Runs a pipeline beside the session, with the queue before it.
pub struct OutputWorker {
    pipeline: Arc<Mutex<Pipeline>>,
    /// Short messages are handled where they arrive: no program runs, or their work is bounded.
    inline: bool,
    /// Programs run on messages, which takes a stack as deep as the messages nest.
    runs_programs: bool,
    may_record: bool,
    /// The worker while it has nothing to do yet: many a session is over before it would.
    resting: Option<PipelineThread>,
    queue: Option<SyncSender<Batch>>,
    progress: UnboundedReceiver<(Progress, Option<Batch>)>,
    /// The batches that are on their way, in order: the bytes that each takes.
    in_flight: VecDeque<usize>,
    /// Their sum.
    in_flight_bytes: usize,
    spare: Vec<Batch>,
    /// What waits behind the batches that are on their way.
    waiting: Backlog,
    /// Since when the worker has had as much as it may have, and got nothing done.
    full_since: Option<Instant>,
    /// Since when it has had something to do.
    busy_since: Option<Instant>,
    closing: bool,
    /// The worker has ended.
    ended: bool,
    /// The account of an output that tells later what has arrived.
    receipt: Option<Receipt>,
    /// What the worker told last.
    last: (Totals, u64),
}

impl OutputWorker {
    /// Gets ready, and starts the worker if it is sure to be needed.
    ///
    /// # Errors
    /// If the system has no thread to give.
    pub fn start(pipeline: Pipeline) -> std::io::Result<Self> {
        let (runs_programs, receipt) = (pipeline.needs_thread(), pipeline.receipt());
        let inline = !runs_programs || pipeline.is_bounded();
        let may_record = pipeline.may_record();
        let pipeline = Arc::new(Mutex::new(pipeline));
        let (queue, batches) = sync_channel(QUEUE);
        let (tell, progress) = unbounded_channel();
        let thread = PipelineThread {
            pipeline: Arc::clone(&pipeline),
            batches: Mutex::new(batches),
            tell,
            rest: Mutex::default(),
            ended: AtomicBool::new(false),
        };
        let mut worker = Self {
            pipeline,
            inline,
            runs_programs,
            may_record,
            resting: Some(thread),
            queue: Some(queue),
            progress,
            in_flight: VecDeque::new(),
            in_flight_bytes: 0,
            spare: Vec::new(),
            waiting: Backlog::new(Limits::default()),
            full_since: None,
            busy_since: None,
            closing: false,
            ended: false,
            receipt,
            last: Default::default(),
        };
        if !inline {
            worker.wake()?;
        }
        Ok(worker)
    }

    /// Lets events wait within these limits, so that there is room while the reader of the output is slow.
    #[must_use]
    pub fn with_backlog(self, limits: Limits) -> Self {
        Self { waiting: Backlog::new(limits), ..self }
    }

    fn wake(&mut self) -> std::io::Result<()> {
        let Some(resting) = self.resting.take() else { return Ok(()) };
        thread::Builder::new()
            .name("pipeline".into())
            // Only address space: pages are taken as they are touched.
            .stack_size(if self.runs_programs { filter::STACK } else { PLAIN_STACK })
            .spawn(move || resting.work())
            .map(drop)
    }

    /// Can a batch be pushed without waiting?
    #[must_use]
    pub fn has_room(&self) -> bool {
        self.has_slot()
            || (self.patience().is_none_or(|end| end <= Instant::now()) && self.waiting.has_room())
    }

    /// Is work left for a recording even if the output is lost?
    #[must_use]
    pub fn may_record(&self) -> bool {
        self.may_record
    }

    /// Is everything that was pushed done with?
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.in_flight.is_empty() && self.waiting.is_empty() && self.is_settled()
    }

    /// Has everything that was written arrived, or never will?
    fn is_settled(&self) -> bool {
        self.receipt.as_ref().is_none_or(Receipt::is_settled)
    }

    /// Hands over a batch and leaves an empty one. Returns what was achieved where that is known at once.
    ///
    /// Call it only while [`OutputWorker::has_room`]: more would wait otherwise than may.
    pub fn push(&mut self, batch: &mut Batch) -> Option<Progress> {
        if self.inline
            && self.is_idle()
            && cost(batch) <= ATOMIC
            && !(self.runs_programs && nests_deep(batch))
        {
            return self.run_inline(batch);
        }
        if !self.has_slot() {
            self.waiting.put(batch);
            return self.overflowed();
        }
        let empty = self.spare.pop().unwrap_or_default();
        self.send(std::mem::replace(batch, empty));
        None
    }

    /// Waits until the worker has done something, or something that it wrote has arrived. `None`: no more will.
    pub async fn progress(&mut self) -> Option<Progress> {
        let patience = self.patience().filter(|end| *end > Instant::now());
        let (mut progress, batch) = loop {
            if self.ended && self.is_settled() {
                break (self.arrived()?, None);
            }
            tokio::select! {
                told = self.progress.recv(), if !self.ended => match told {
                    Some(told) => break told,
                    None => self.ended = true,
                },
                () = if_any(self.receipt.as_ref().map(Receipt::changed)) => {
                    if let Some(progress) = self.arrived() {
                        break (progress, None);
                    }
                }
                () = until(patience) => {
                    let (totals, written) = self.last;
                    return Some(Progress { totals, written, ..Progress::default() });
                }
            }
        };
        // The end of a program over the stream is told on its own, with no batch handled.
        if let Some(batch) = batch {
            self.in_flight_bytes -= self.in_flight.pop_front().unwrap_or_default();
            self.waiting.set_ahead(self.in_flight_bytes);
            self.full_since = None;
            if self.in_flight.is_empty() {
                self.busy_since = None;
            }
            if self.spare.len() < QUEUE {
                self.spare.push(batch);
            }
            self.feed();
        }
        progress.totals.dropped = self.waiting.dropped();
        progress.stop = progress.stop.or_else(|| self.waiting.stop());
        self.last = (progress.totals, progress.written);
        Some(progress)
    }

    /// What has arrived since this was last asked, or that no more will.
    fn arrived(&self) -> Option<Progress> {
        let receipt = self.receipt.as_ref()?;
        let (written, messages) = receipt.reached();
        let totals = Totals { messages, ..self.last.0 };
        let stop = receipt.take_failure().map(Stop::from);
        let is_news = stop.is_some() || (totals, written) != self.last;
        is_news.then(|| Progress { stop, totals, written, ..Progress::default() })
    }

    /// Tells the worker that nothing more will come.
    pub fn close(&mut self) {
        self.closing = true;
        self.feed();
    }

    /// Can a batch go to the worker, with nothing before it?
    fn has_slot(&self) -> bool {
        self.may_send() && self.waiting.is_empty()
    }

    /// May another batch be on its way? A message that is larger than all of them may be goes alone.
    fn may_send(&self) -> bool {
        self.in_flight.len() < QUEUE && self.in_flight_bytes < limits::ON_THE_WAY
    }

    /// When events begin to wait in memory if the worker gets nothing done until then; `None` if they do already, or
    /// it has room.
    fn patience(&self) -> Option<Instant> {
        let (full, busy) = (self.full_since?, self.busy_since?);
        self.waiting.is_empty().then(|| (full + STALLED).min(busy + BEHIND))
    }

    /// Hands on what waits.
    fn feed(&mut self) {
        while self.may_send() && !self.waiting.is_empty() {
            let mut batch = self.spare.pop().unwrap_or_default();
            self.waiting.take(&mut batch);
            self.send(batch);
        }
        if self.closing && self.waiting.is_empty() {
            self.queue = None;
            self.resting = None;
        }
    }

    /// What there is to tell if what waits does so no longer as it should.
    fn overflowed(&mut self) -> Option<Progress> {
        let (mut totals, written) = self.last;
        let stop = self.waiting.stop();
        let dropped = self.waiting.dropped() != totals.dropped;
        totals.dropped = self.waiting.dropped();
        self.last.0 = totals;
        (dropped || stop.is_some()).then(|| Progress { stop, totals, written, ..Progress::default() })
    }

    fn run_inline(&mut self, batch: &mut Batch) -> Option<Progress> {
        let mut pipeline = lock(&self.pipeline);
        pipeline.set_patient(false);
        for event in batch.drain(..) {
            pipeline.take(&event);
        }
        pipeline.set_patient(true);
        let flushed = pipeline.flush_if_ready();
        let mut progress = pipeline.progress();
        drop(pipeline);
        progress.totals.dropped = self.waiting.dropped();
        self.last = (progress.totals, progress.written);
        if !flushed {
            let empty = self.spare.pop().unwrap_or_default();
            self.send(empty);
        }
        Some(progress)
    }

    fn send(&mut self, batch: Batch) {
        // The worker ends only after the queue was closed, or by a panic, which `progress` tells as its end; so
        // does a worker that cannot be started.
        let (awake, bytes) = (self.wake().is_ok(), cost(&batch));
        if awake
            && let Some(queue) = &self.queue
            && queue.send(batch).is_ok()
        {
            self.in_flight.push_back(bytes);
            self.in_flight_bytes += bytes;
            self.waiting.set_ahead(self.in_flight_bytes);
            let now = Instant::now();
            self.busy_since.get_or_insert(now);
            if !self.may_send() {
                self.full_since = Some(now);
            }
        }
    }
}

struct PipelineThread {
    pipeline: Arc<Mutex<Pipeline>>,
    batches: Mutex<Receiver<Batch>>,
    tell: UnboundedSender<(Progress, Option<Batch>)>,
    /// What a program over the stream has not asked for yet of the batch it is in.
    rest: Mutex<Option<std::vec::IntoIter<Event>>>,
    /// Has such a program been told that the stream has ended?
    ended: AtomicBool,
}

impl PipelineThread {
    fn work(self) {
        let stream = lock(&self.pipeline).stream_filter();
        match stream {
            Some((program, null_input)) => Arc::new(self).run_stream(&program, null_input),
            None => self.run(),
        }
    }

    fn run(&self) {
        while let Some(mut batch) = self.wait() {
            self.take(batch.drain(..));
            self.tell(Some(batch));
        }
    }

    /// One program over the whole stream; what it does not ask for is taken all the same, for the recording.
    fn run_stream(self: Arc<Self>, program: &filter::Program, null_input: bool) {
        let inputs = Inputs(Arc::clone(&self));
        let result = if null_input {
            program.run_stream(inputs, &mut |output| lock(&self.pipeline).take_output(&output))
        } else {
            program.run_all(inputs, &mut |output| lock(&self.pipeline).take_result(output));
            Ok(())
        };
        let stream_ended = self.ended.load(Ordering::Relaxed);
        lock(&self.pipeline).stream_done(result, stream_ended);
        self.tell(None);
        if let Some(rest) = lock(&self.rest).take() {
            self.take(rest);
            self.tell(Some(Batch::new()));
        }
        self.run();
    }

    fn take(&self, events: impl Iterator<Item = Event>) {
        let mut pipeline = lock(&self.pipeline);
        for event in events {
            pipeline.take(&event);
        }
        pipeline.flush();
    }

    fn next_input(&self) -> Option<Result<Value, String>> {
        loop {
            for event in lock(&self.rest).iter_mut().flatten() {
                if let Some(input) = lock(&self.pipeline).take_input(&event) {
                    return Some(input);
                }
            }
            if lock(&self.rest).take().is_some() {
                self.tell(Some(Batch::new()));
            }
            if lock(&self.pipeline).stopped() {
                return None;
            }
            let Some(batch) = self.next_batch() else {
                self.ended.store(true, Ordering::Relaxed);
                return None;
            };
            *lock(&self.rest) = Some(batch.into_iter());
        }
    }

    fn next_batch(&self) -> Option<Batch> {
        if let Ok(batch) = lock(&self.batches).try_recv() {
            return Some(batch);
        }
        let mut pipeline = lock(&self.pipeline);
        pipeline.taken_done();
        pipeline.flush();
        drop(pipeline);
        // What is written by now, or that the output failed just now, the session has no other way to know.
        self.tell(None);
        self.wait()
    }

    fn wait(&self) -> Option<Batch> {
        lock(&self.batches).recv().ok()
    }

    fn tell(&self, batch: Option<Batch>) {
        let progress = lock(&self.pipeline).progress();
        // A session that has gone needs no telling.
        let _ = self.tell.send((progress, batch));
    }
}

/// The stream as the values a program pulls, one at a time and no earlier than it asks.
struct Inputs(Arc<PipelineThread>);

impl Iterator for Inputs {
    type Item = Result<Value, String>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next_input()
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    // A panic in a jq program leaves counters behind that are still good enough to end the session with.
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

/// May a message in it nest deeper than [`MOST_NESTED`]? Brackets that open are counted, so a wide one counts as deep.
fn nests_deep(batch: &Batch) -> bool {
    let opens = |text: &[u8]| memchr::memchr2_iter(b'[', b'{', text).count();
    batch.iter().any(|event| match &event.kind {
        Kind::Message { message, .. } => opens(message.as_bytes()) > MOST_NESTED,
        Kind::Derived(text) | Kind::Recorded(text) => opens(text.as_bytes()) > MOST_NESTED,
        _ => false,
    })
}

fn cost(batch: &Batch) -> usize {
    batch.iter().map(Event::cost).sum()
}

#[cfg(test)]
mod tests {
    use std::sync::Condvar;

    use futures_util::FutureExt as _;
    use jiff::Timestamp;

    use super::*;
    use crate::event::{Direction, Role};
    use crate::message::Message;
    use crate::pipeline::Config;
    use crate::pipeline::backlog::Overflow;
    use crate::pipeline::filter::{Program, Vars};
    use crate::pipeline::output::{Output, PartialWrite};
    use crate::report::Report;

    /// A reader who reads when he is told to.
    #[derive(Clone, Default)]
    struct Reader(Arc<(Mutex<bool>, Condvar)>);

    impl Reader {
        fn reads(&self) {
            *lock(&self.0.0) = true;
            self.0.1.notify_all();
        }
    }

    impl Output for Reader {
        fn name(&self) -> String {
            "a reader".to_owned()
        }

        fn write(&mut self, _bytes: &[u8]) -> Result<(), PartialWrite> {
            drop(self.0.1.wait_while(lock(&self.0.0), |reads| !*reads));
            Ok(())
        }

        fn ready(&self) -> bool {
            *lock(&self.0.0)
        }
    }

    fn message(size: usize) -> Batch {
        numbered(1, size)
    }

    fn numbered(seq: u64, size: usize) -> Batch {
        let message = Message::text("x".repeat(size));
        let kind = Kind::Message { dir: Direction::In, seq, message, role: Role::Data, part: None };
        vec![Event { at: Timestamp::UNIX_EPOCH, conn: 1, kind }]
    }

    /// Takes everything at once, and is told later what has arrived.
    #[derive(Clone, Default)]
    struct Broker(Arc<Mutex<Option<Receipt>>>);

    impl Broker {
        fn receipt(&self) -> Receipt {
            lock(&self.0).clone().unwrap()
        }
    }

    impl Output for Broker {
        fn name(&self) -> String {
            "a broker".to_owned()
        }

        fn write(&mut self, _lines: &[u8]) -> Result<(), PartialWrite> {
            Ok(())
        }

        fn acknowledges_by(&mut self, receipt: &Receipt) -> bool {
            *lock(&self.0) = Some(receipt.clone());
            true
        }
    }

    /// A worker with three messages of four bytes, in lines of seven, on their way to a broker.
    async fn with_broker() -> (OutputWorker, Receipt) {
        let broker = Broker::default();
        let report = Report::silent();
        let pipeline = Pipeline::new(Config::default(), Box::new(broker.clone()), report);
        let mut worker = OutputWorker::start(pipeline).unwrap();
        let first = worker.push(&mut numbered(1, 4)).unwrap();
        assert_eq!((first.written, first.totals.lines), (0, 1), "written, and not there");
        worker.push(&mut [numbered(2, 4), numbered(3, 4)].concat());
        let rest = worker.progress().await.unwrap();
        assert_eq!((rest.written, rest.totals.lines, worker.is_idle()), (0, 3, false));
        (worker, broker.receipt())
    }

    /// Is a message with this text handled where it arrives, by this program?
    fn is_handled_at_once(program: &str, text: &str) -> bool {
        let reader = Reader::default();
        reader.reads();
        let filter = Program::compile("--filter", program, &Vars::default()).unwrap();
        let report = Report::silent();
        let config = Config { filter: Some(filter), ..Config::default() };
        let mut worker = OutputWorker::start(Pipeline::new(config, Box::new(reader), report)).unwrap();
        let message = Message::text(text.to_owned());
        let kind = Kind::Message { dir: Direction::In, seq: 1, message, role: Role::Data, part: None };
        worker.push(&mut vec![Event { at: Timestamp::UNIX_EPOCH, conn: 1, kind }]).is_some()
    }

    #[test]
    fn a_short_message_is_handled_where_it_arrives_by_a_program_whose_work_is_bounded() {
        let message = r#"{"a":{"b":1},"c":"x"}"#;
        for program in
            ["select(.c == \"x\")", "{c, b: .a.b}", ".c | startswith(\"x\")", ".a.b + 1", "[.a, .c]"]
        {
            assert!(is_handled_at_once(program, message), "{program}");
        }
        for program in [
            "range(1e9)",
            ".c * 1e9",
            "[.[], .[]]",
            "repeat(.)",
            "input",
            ".c | test(\"x\")",
            "def f: f; f",
            "reduce .a.b as $x (0; . + $x)",
            ".|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)|(.,.)",
            r#""\(.)\(.)"|"\(.)\(.)"|"\(.)\(.)""#,
            ".c|.+.|.+.|.+.|.+.|.+.|.+.",
            "{a: (1, 2), b: (1, 2), c: (1, 2), d: (1, 2), e: (1, 2)}",
            "$ENV",
            ".[1e8] = 1",
        ] {
            assert!(!is_handled_at_once(program, message), "{program}");
        }
    }

    #[test]
    fn a_message_that_may_nest_deep_is_handled_on_a_stack_that_is_deep() {
        let nested = |levels| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
        assert!(is_handled_at_once(".", &nested(MOST_NESTED)));
        assert!(!is_handled_at_once(".", &nested(MOST_NESTED + 1)));
    }

    #[tokio::test]
    async fn what_arrives_later_is_done_then_and_waited_for_at_the_end() {
        let (mut worker, receipt) = with_broker().await;
        for (bytes, written) in [(7, Some(1)), (13, None), (14, Some(2))] {
            receipt.arrived(bytes);
            let progress = worker.progress().now_or_never().map(Option::unwrap);
            let of = progress.map(|progress| (progress.written, progress.totals.messages));
            assert_eq!(of, written.map(|written| (written, written)), "{bytes}");
        }
        worker.close();
        let broker = std::thread::spawn(move || receipt.arrived(21));
        let mut written = 2;
        while let Some(progress) = worker.progress().await {
            written = progress.written;
        }
        assert_eq!((written, worker.is_idle()), (3, true));
        broker.join().unwrap();
    }

    #[tokio::test]
    async fn what_fails_after_it_was_taken_is_told_once() {
        let (mut worker, receipt) = with_broker().await;
        receipt.arrived(7);
        receipt.failed(&std::io::Error::other("no quorum"));
        receipt.arrived(21);
        let failed = worker.progress().await.unwrap();
        let text = "cannot write a broker: no quorum".to_owned();
        assert_eq!((failed.written, failed.stop), (1, Some(Stop::OutputFailed(text, None))));
        worker.push(&mut numbered(4, 4));
        worker.close();
        while let Some(progress) = worker.progress().await {
            assert_eq!((progress.written, progress.stop), (1, None));
        }
    }

    fn start(overflow: Overflow) -> (OutputWorker, Reader) {
        let reader = Reader::default();
        let report = Report::silent();
        let pipeline = Pipeline::new(Config::default(), Box::new(reader.clone()), report);
        let limits = Limits { memory: 4 << 20, disk: 1 << 30, overflow };
        (OutputWorker::start(pipeline).unwrap().with_backlog(limits), reader)
    }

    #[tokio::test(start_paused = true)]
    async fn large_messages_on_their_way_count_toward_the_buffer() {
        for (overflow, more) in
            [(Overflow::Block, false), (Overflow::Spill, true), (Overflow::DropOldest, true)]
        {
            let (mut worker, reader) = start(overflow);
            assert!(worker.has_room());
            worker.push(&mut message(5 << 20));
            assert!(!worker.has_room(), "a large one goes alone");
            tokio::time::advance(BEHIND).await;
            assert_eq!(worker.has_room(), more, "{overflow:?}: what is on its way fills the buffer");
            for _ in 0..if more { 5 } else { 0 } {
                worker.push(&mut message(5 << 20));
            }
            let held = worker.in_flight_bytes + worker.waiting.memory();
            // The last of those that are dropped stays.
            let most = if overflow == Overflow::DropOldest { 11 << 20 } else { 6 << 20 };
            assert!(held < most, "{overflow:?}: {held}");
            reader.reads();
            while !worker.is_idle() {
                worker.progress().await;
            }
            assert_eq!(worker.in_flight_bytes, 0);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn small_ones_go_in_several_batches() {
        let (mut worker, reader) = start(Overflow::Block);
        for _ in 0..QUEUE {
            assert!(worker.has_room());
            worker.push(&mut message(BATCH_BYTES / 2));
        }
        assert!(!worker.has_room());
        reader.reads();
        while !worker.is_idle() {
            worker.progress().await;
        }
    }
}
