//! What the threads of a prompt share: what waits to be shown, what was shown, and how the session stands.

use std::collections::VecDeque;
use std::io;
use std::mem;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::event::{Close, Direction, Event, Kind, Role};
use crate::limits;
use crate::report::escape_controls;
use crate::session::state::{LinkState, Standing};
use crate::sys::Modes;

use super::past_messages::PastMessages;
use super::render::grouped;

/// Messages that wait to be shown at most; of more, only the newest would be shown anyhow.
const MOST_WAITING: usize = 64;

/// Notes beside them at most: they are looked through for the messages among them.
const MOST_NOTES: usize = 10_000;

/// How long to hold back messages after a completion list, which they would push away.
const READING_TIME: Duration = Duration::from_secs(2);

/// How long a notice waits for the events before it, which come by way of the pipeline.
const ORDER_WAIT: Duration = Duration::from_millis(500);

/// Bytes of a line that was never sent that are shown at the end.
const LONGEST_UNSENT: usize = 4096;

/// The shared state. Clones are the same shared.
#[derive(Clone)]
pub(super) struct SharedState(Arc<Shared>);

struct Shared {
    inner: Mutex<PromptState>,
    wake: Condvar,
}

/// Something to show.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum ShownItem {
    /// Text for people, of one or more lines.
    Note(String),
    /// The message of this number.
    Message(u64),
    /// What a program made of the message of this number, or a record: JSON on one line.
    Output(Option<u64>, String),
}

impl ShownItem {
    /// Bytes that it takes while it waits. A message is kept elsewhere.
    fn cost(&self) -> usize {
        let text = if let Self::Note(text) | Self::Output(_, text) = self { text.len() } else { 0 };
        size_of::<Self>() + text
    }
}

/// Why nothing is shown for the moment.
#[derive(Default)]
pub(super) struct Hold {
    /// A list of completions is being read.
    pub(super) until: Option<Instant>,
    /// The line was accepted, and there is no prompt yet for the next.
    pub(super) accepted: bool,
    /// Another program has the terminal.
    pub(super) lent: bool,
    /// The line that is being edited fills the screen.
    pub(super) long: bool,
}

/// What is shared.
pub(super) struct PromptState {
    pub(super) past: PastMessages,
    waiting: VecDeque<ShownItem>,
    waiting_messages: usize,
    /// Bytes of the texts among them.
    waiting_bytes: usize,
    /// Events of the session so far, and how many of them the pipeline has passed on.
    events: u64,
    passed: u64,
    /// Notices with the number of events before them, until those have been passed on or the time is up.
    early: VecDeque<(u64, Instant, String)>,
    /// Messages that will not be shown one by one, since the last batch.
    skipped: u64,
    pub(super) hold: Hold,
    /// Messages are not shown until somebody wants them again.
    pub(super) paused: bool,
    pub(super) standing: Standing,
    pub(super) topics: Vec<String>,
    /// Topics that were there once.
    former_topics: Vec<String>,
    pub(super) stats: Stats,
    /// The session is over; what is left is to be shown.
    pub(super) closing: bool,
    /// The prompt is to be taken away.
    pub(super) away: bool,
    /// Everything is shown, and the terminal as it was.
    pub(super) over: bool,
    /// The editor has taken its prompt away and does nothing any more.
    pub(super) parked: bool,
    /// The editor is waiting for keys.
    pub(super) reading: bool,
    /// Is there nothing on the line that is edited? Then the status line is there.
    pub(super) line_empty: bool,
    /// Has Ctrl-C on an empty line been answered with a question, and nothing been typed since?
    pub(super) asked: bool,
    /// When another program last gave the terminal back.
    pub(super) returned: Option<Instant>,
    /// What is on that line, as far as it is worth showing.
    pub(super) line: String,
    /// How long it is.
    line_bytes: usize,
    /// The modes of the terminal while a line is edited.
    pub(super) editing_modes: Option<Modes>,
    /// The process was stopped, and others may have used the terminal meanwhile.
    pub(super) resumed: bool,
    changed: bool,
}

/// The account of a session, for `/stats`.
#[derive(Clone, Debug)]
pub(super) struct Stats {
    pub(super) started: Instant,
    pub(super) received: u64,
    pub(super) sent: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) largest: usize,
    pub(super) events: u64,
    pub(super) duplicates: u64,
    pub(super) reconnects: u32,
    pub(super) gaps: u32,
    pub(super) rtts: Rtts,
    pub(super) last_close: Option<Close>,
    /// Messages received in this second and in the one before.
    second: (u64, u64),
    second_from: Instant,
}

/// Round trip times.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rtts {
    pub(super) count: u32,
    pub(super) least: Duration,
    pub(super) most: Duration,
    pub(super) sum: Duration,
}

impl SharedState {
    pub(super) fn new() -> Self {
        let standing = Standing { link: LinkState::Connecting, conn: 0, rtt: None, queued: 0 };
        let inner = PromptState {
            past: PastMessages::new(),
            waiting: VecDeque::new(),
            waiting_messages: 0,
            waiting_bytes: 0,
            events: 0,
            passed: 0,
            early: VecDeque::new(),
            skipped: 0,
            hold: Hold::default(),
            paused: false,
            standing,
            topics: Vec::new(),
            former_topics: Vec::new(),
            stats: Stats::new(Instant::now()),
            closing: false,
            away: false,
            over: false,
            parked: false,
            reading: false,
            line_empty: true,
            asked: false,
            returned: None,
            line: String::new(),
            line_bytes: 0,
            editing_modes: None,
            resumed: false,
            changed: false,
        };
        Self(Arc::new(Shared { inner: Mutex::new(inner), wake: Condvar::new() }))
    }

    /// All of it, for a moment.
    pub(super) fn lock(&self) -> MutexGuard<'_, PromptState> {
        self.0.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes something that others wait for.
    pub(super) fn change<T>(&self, change: impl FnOnce(&mut PromptState) -> T) -> T {
        let mut inner = self.lock();
        let result = change(&mut inner);
        inner.changed = true;
        drop(inner);
        self.0.wake.notify_all();
        result
    }

    /// Puts something there to be shown. Messages are many, and waking somebody who is awake costs as much as
    /// waking somebody who sleeps.
    pub(super) fn put<T>(&self, put: impl FnOnce(&mut PromptState) -> T) -> T {
        let mut inner = self.lock();
        let awake = mem::replace(&mut inner.changed, true);
        let result = put(&mut inner);
        drop(inner);
        if !awake {
            self.0.wake.notify_all();
        }
        result
    }

    /// Changes something that nobody waits for.
    pub(super) fn change_quietly<T>(&self, change: impl FnOnce(&mut PromptState) -> T) -> T {
        change(&mut self.lock())
    }

    /// Shows text to people.
    pub(super) fn note(&self, text: impl Into<String>) {
        self.change(|inner| inner.push_note(text.into()));
    }

    /// Waits until something has changed since the last call, or this time has passed.
    pub(super) fn wait(&self, patience: Duration) -> MutexGuard<'_, PromptState> {
        let inner = self.lock();
        let waited = self.0.wake.wait_timeout_while(inner, patience, |inner| !inner.changed);
        let (mut inner, _) = waited.unwrap_or_else(PoisonError::into_inner);
        inner.changed = false;
        inner
    }

    /// Waits until a condition holds; false if the time was up before.
    pub(super) fn wait_until(&self, patience: Duration, holds: impl Fn(&PromptState) -> bool) -> bool {
        let inner = self.lock();
        let waited = self.0.wake.wait_timeout_while(inner, patience, |inner| !holds(inner));
        !waited.unwrap_or_else(PoisonError::into_inner).1.timed_out()
    }

    /// The editor reads a line from now on, unless its prompt is to be taken away: then it would switch the terminal
    /// to its own modes after they have been put back.
    pub(super) fn start_reading(&self) {
        let away = self.change(|inner| {
            inner.reading = !inner.away;
            inner.hold.accepted = false;
            inner.away
        });
        if away {
            self.park();
        }
    }

    /// Has the editor start no more lines. Is it reading one?
    pub(super) fn end_reading(&self) -> bool {
        self.change(|inner| {
            inner.away = !inner.reading;
            inner.reading
        })
    }

    /// Does nothing any more, for good: the process is about to end.
    pub(super) fn park(&self) -> ! {
        self.change(|inner| inner.parked = true);
        loop {
            std::thread::park();
        }
    }
}

impl PromptState {
    /// So many events more are on their way to the screen.
    pub(super) fn expect_events(&mut self, count: usize) {
        self.events += count as u64;
    }

    /// A notice of the session, to be shown after the events before it.
    fn push_notice(&mut self, text: String) {
        self.early.push_back((self.events, Instant::now() + ORDER_WAIT, text));
        self.changed = true;
    }

    /// Lets those notices out whose turn it is.
    fn release_notices(&mut self) {
        let now = Instant::now();
        while let Some((_, _, text)) = self
            .early
            .pop_front_if(|(before, until, _)| *before <= self.passed || *until <= now || self.closing)
        {
            self.push_note(text);
        }
    }

    /// Takes what happened.
    pub(super) fn take(&mut self, event: &Event, shown: bool) -> Option<u64> {
        self.release_notices();
        self.passed += 1;
        self.stats.take(event, Instant::now());
        let number = self.past.push(event);
        if let (true, Some(number), Kind::Message { role: Role::Data, .. }) = (shown, number, &event.kind) {
            self.push(ShownItem::Message(number));
        }
        number
    }

    /// Something to show, which may be too much to be shown.
    pub(super) fn push(&mut self, item: ShownItem) {
        self.changed = true;
        self.waiting_bytes += item.cost();
        self.waiting.push_back(item);
        self.waiting_messages += 1;
        while self.waiting_messages > MOST_WAITING
            || (self.waiting_bytes > limits::UNSHOWN && self.waiting_messages > 0)
        {
            let oldest = self.waiting.iter().position(|item| !matches!(item, ShownItem::Note(_)));
            let gone = oldest.and_then(|at| self.waiting.remove(at));
            self.waiting_bytes -= gone.as_ref().map_or(0, ShownItem::cost);
            self.waiting_messages -= 1;
            self.skipped += 1;
        }
    }

    fn push_note(&mut self, text: String) {
        self.changed = true;
        let note = ShownItem::Note(text);
        if self.waiting.len() < MOST_NOTES && self.waiting_bytes + note.cost() <= limits::UNSHOWN {
            self.waiting_bytes += note.cost();
            self.waiting.push_back(note);
        }
    }

    /// This is on the line that is edited.
    pub(super) fn edits(&mut self, line: &str) {
        self.line_empty = line.is_empty();
        self.asked &= self.line_empty;
        self.line.clear();
        self.line.push_str(&line[..line.floor_char_boundary(LONGEST_UNSENT)]);
        self.line_bytes = line.len();
    }

    /// What was typed and will never be sent.
    pub(super) fn unsent_line(&self) -> Option<String> {
        let typed = self.line.trim();
        let rest = match self.line_bytes {
            bytes if bytes > self.line.len() => format!(" … {} B", grouped(bytes as u64)),
            _ => String::new(),
        };
        (self.reading && !typed.is_empty()).then(|| escape_controls(typed) + &rest)
    }

    /// These are the topics now.
    pub(super) fn set_topics(&mut self, topics: &[String]) {
        let gone = self.topics.drain(..).filter(|topic| !topics.contains(topic));
        let gone: Vec<String> = gone.filter(|topic| !self.former_topics.contains(topic)).collect();
        self.former_topics.extend(gone);
        self.topics = topics.to_vec();
    }

    /// Topics that are or were subscribed to.
    pub(super) fn known_topics(&self) -> Vec<String> {
        self.topics.iter().chain(&self.former_topics).cloned().collect()
    }

    /// May something be shown at this moment?
    pub(super) fn is_held(&self, now: Instant) -> bool {
        let Hold { until, accepted, lent, long } = &self.hold;
        until.is_some_and(|until| until > now) || *accepted || *lent || *long
    }

    /// A list of completions is on the screen.
    pub(super) fn hold_for_list(&mut self) {
        self.hold.until = Some(Instant::now() + READING_TIME);
    }

    /// How many messages wait, those included that will not be shown one by one.
    pub(super) fn pending(&self) -> u64 {
        if self.paused { 0 } else { self.waiting_messages as u64 + self.skipped }
    }

    /// Everything that waits, and how many messages are not among it. While paused, only the notes.
    pub(super) fn drain(&mut self, messages: bool) -> (Vec<ShownItem>, u64) {
        self.release_notices();
        if messages && !self.paused {
            (self.waiting_messages, self.waiting_bytes) = (0, 0);
            return (self.waiting.drain(..).collect(), mem::take(&mut self.skipped));
        }
        let all = self.waiting.drain(..);
        let (notes, rest): (Vec<ShownItem>, Vec<ShownItem>) =
            all.partition(|item| matches!(item, ShownItem::Note(_)));
        self.waiting = rest.into();
        self.waiting_bytes = self.waiting.iter().map(ShownItem::cost).sum();
        (notes, 0)
    }

    /// Forgets the messages that wait, and says how many there were.
    pub(super) fn forget_waiting(&mut self) -> u64 {
        self.waiting.retain(|item| matches!(item, ShownItem::Note(_)));
        self.waiting_bytes = self.waiting.iter().map(ShownItem::cost).sum();
        let waiting = mem::take(&mut self.waiting_messages) as u64;
        waiting + mem::take(&mut self.skipped)
    }
}

impl Stats {
    fn new(now: Instant) -> Self {
        Self {
            started: now,
            received: 0,
            sent: 0,
            bytes_in: 0,
            bytes_out: 0,
            largest: 0,
            events: 0,
            duplicates: 0,
            reconnects: 0,
            gaps: 0,
            rtts: Rtts::default(),
            last_close: None,
            second: (0, 0),
            second_from: now,
        }
    }

    fn take(&mut self, event: &Event, now: Instant) {
        match &event.kind {
            Kind::Message { dir: Direction::In, message, role, .. } => {
                self.turn(now);
                self.second.0 += 1;
                self.received += 1;
                self.bytes_in += message.len() as u64;
                self.largest = self.largest.max(message.len());
                self.events += u64::from(*role == Role::Data);
                self.duplicates += u64::from(*role == Role::Duplicate);
            }
            Kind::Message { dir: Direction::Out, message, .. } => {
                self.sent += 1;
                self.bytes_out += message.len() as u64;
            }
            Kind::Pong(_, Some(rtt)) => self.rtts.add(*rtt),
            Kind::Reconnect(_) => self.reconnects += 1,
            Kind::Gap(_) => self.gaps += 1,
            Kind::Close(close) => self.last_close = Some((**close).clone()),
            _ => {}
        }
    }

    /// Messages received in the last whole second.
    pub(super) fn rate(&mut self, now: Instant) -> u64 {
        self.turn(now);
        self.second.1
    }

    fn turn(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.second_from);
        if passed >= Duration::from_secs(1) {
            let last = if passed < Duration::from_secs(2) { self.second.0 } else { 0 };
            self.second = (0, last);
            self.second_from = now;
        }
    }
}

impl Rtts {
    fn add(&mut self, rtt: Duration) {
        self.least = if self.count == 0 { rtt } else { self.least.min(rtt) };
        self.most = self.most.max(rtt);
        self.sum += rtt;
        self.count += 1;
    }
}

/// Notices of the session, as something to write to: every line becomes a note.
pub(super) struct Notices(pub(super) SharedState);

impl io::Write for Notices {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        self.0.change(|inner| inner.push_notice(text.trim_end_matches('\n').to_owned()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_read_once_the_prompt_is_taken_away() {
        let shared = SharedState::new();
        shared.start_reading();
        assert!(shared.end_reading() && !shared.lock().away);
        shared.change(|inner| inner.reading = false);
        assert!(!shared.end_reading());
        let editor = shared.clone();
        std::thread::spawn(move || editor.start_reading());
        assert!(shared.wait_until(Duration::from_secs(60), |inner| inner.parked));
        assert!(!shared.lock().reading);
    }

    #[test]
    fn what_waits_to_be_shown_is_bounded_in_bytes() {
        let shared = SharedState::new();
        for size in [0, 1000, 1 << 20, limits::UNSHOWN] {
            let mut inner = shared.lock();
            for n in 0..(100_000_000 / (size + 1)).min(2000) {
                let text = "x".repeat(size);
                if n % 2 == 0 {
                    inner.push_note(text);
                } else {
                    inner.push(ShownItem::Output(None, text));
                }
                assert!(
                    inner.waiting_bytes <= limits::UNSHOWN + size_of::<ShownItem>(),
                    "{}",
                    inner.waiting_bytes
                );
            }
            let (items, _) = inner.drain(true);
            assert!(size > limits::UNSHOWN / 2 || items.len() > 10, "{} of {size}", items.len());
            assert_eq!(inner.waiting_bytes, 0);
        }
    }
}
