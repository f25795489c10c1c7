//! The thread that writes on the terminal, above what is being typed.

use std::io;
use std::mem;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use rustyline::ExternalPrinter;
use unicode_width::UnicodeWidthStr as _;

use super::pace::{DisplayPace, Pacer};
use super::past_messages::PastMessage;
use super::render::{RenderStyle, grouped};
use super::shared_state::{PromptState, SharedState, ShownItem};
use super::status;
use super::terminal::PromptTerminal;
use crate::text::wrap;

/// The least time from one print to the next: each has the editor draw its line anew.
const GAP: Duration = Duration::from_millis(50);

/// How often it is looked whether the status line is still true.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// How long the editor may take to put its prompt away at the end.
const LAST_PROMPT: Duration = Duration::from_secs(1);

/// Has the editor draw its line anew and nothing else: a line up and down again. Only on the first row of the screen,
/// where nothing has been printed above, it would go down.
const NUDGE: &str = "\x1b[A\n";

/// Writes what waits on the shared state.
pub(super) struct PromptScreen<P> {
    pub(super) shared: SharedState,
    pub(super) look: RenderStyle,
    pub(super) terminal: Arc<PromptTerminal>,
    pub(super) printer: P,
}

impl<P: ExternalPrinter + Send + 'static> PromptScreen<P> {
    /// Starts the thread. It ends when the shared state is closing and nothing is left.
    ///
    /// # Errors
    /// If the system has no thread to give.
    pub(super) fn start(self) -> io::Result<()> {
        thread::Builder::new().name("screen".into()).spawn(move || self.run()).map(drop)
    }

    fn run(mut self) {
        let mut pacer = Pacer::new(Instant::now());
        let mut shown = Default::default();
        let mut last = Instant::now();
        loop {
            let patience = if pacer.is_fast() { GAP } else { STATUS_EVERY };
            if self.shared.wait(patience).closing {
                return self.finish();
            }
            self.take_back();
            thread::sleep(GAP.saturating_sub(last.elapsed()));
            last = Instant::now();
            let Some(text) = self.next_batch(&mut pacer, last) else {
                // Whatever holds it up, it is looked at again.
                self.shared.change(|_| ());
                continue;
            };
            let status = self.shared.change_quietly(status::shown);
            if !text.is_empty() {
                self.print(text);
                shown = status;
            } else if status != shown && self.shared.lock().reading {
                self.print(NUDGE.to_owned());
                shown = status;
            }
        }
    }

    /// After the process was stopped, which the editor may not have noticed in time: the signal stops it some time
    /// after it asked for it.
    fn take_back(&mut self) {
        let mut inner = self.shared.lock();
        if !mem::take(&mut inner.resumed) || !inner.reading {
            return;
        }
        let Some(modes) = inner.editing_modes.clone() else { return };
        drop(inner);
        self.terminal.edit_again(&modes);
        self.print(NUDGE.to_owned());
    }

    /// What is to be shown now, as text. `None` while nothing may be.
    fn next_batch(&self, pacer: &mut Pacer, now: Instant) -> Option<String> {
        let mut inner = self.shared.lock();
        if inner.is_held(now) {
            return None;
        }
        let pending = inner.pending();
        let pace =
            if pending == 0 && !pacer.is_fast() { DisplayPace::Later } else { pacer.decide(pending, now) };
        let (items, skipped) = inner.drain(pace != DisplayPace::Later);
        let items = with_past(items, &inner);
        drop(inner);
        Some(self.text(items, skipped, pace))
    }

    fn text(&self, items: Vec<(ShownItem, Option<PastMessage>)>, skipped: u64, pace: DisplayPace) -> String {
        let width = self.terminal.width();
        let messages = items.iter().filter(|(item, _)| !matches!(item, ShownItem::Note(_))).count();
        let (newest, rate) = match pace {
            DisplayPace::Newest(newest, rate) => (newest, rate),
            _ => (messages, None),
        };
        let mut hide = messages.saturating_sub(newest);
        let hidden = hide as u64 + skipped;
        let mut text = String::new();
        let mut told = hidden == 0;
        for (item, past) in items {
            let line = match (&item, past) {
                (ShownItem::Note(note), _) => fitted(note, width),
                _ if hide > 0 => {
                    hide -= 1;
                    continue;
                }
                (ShownItem::Message(_), Some(past)) => self.look.row(&past, width),
                (ShownItem::Message(number), None) => format!("message {number} is no longer available"),
                (ShownItem::Output(_, text), past) => self.look.output(past.as_ref(), text, width),
            };
            if !told && !matches!(item, ShownItem::Note(_)) {
                told = true;
                text.push_str(&self.rate_line(hidden, rate));
            }
            text.push_str(&line);
            text.push('\n');
        }
        if !told {
            text.push_str(&self.rate_line(hidden, rate));
        }
        text
    }

    fn rate_line(&self, hidden: u64, rate: Option<u64>) -> String {
        let rate = rate.map_or(String::new(), |rate| format!(" ({}/s)", grouped(rate)));
        let text = format!("… {} more{rate}; /show N, /filter EXPR or /pause", grouped(hidden));
        format!("{}\n", self.look.faint(&text))
    }

    fn print(&mut self, text: String) {
        // A terminal that has gone is told of by the editor, which reads it.
        let _ = self.printer.print(text);
    }

    /// The last words, and the terminal as it was.
    fn finish(mut self) {
        // An editor of somebody else's must not find itself without its terminal.
        while !self.shared.wait_until(LAST_PROMPT, |inner| !inner.hold.lent) {}
        self.shared.lock().hold = super::shared_state::Hold::default();
        let mut pacer = Pacer::new(Instant::now());
        let mut text = self.next_batch(&mut pacer, Instant::now()).unwrap_or_default();
        if let Some(line) = self.shared.lock().unsent_line() {
            text.push_str(&format!("{}\n", self.look.faint(&format!("not sent: {line}"))));
        }
        if !text.is_empty() {
            self.print(text);
        }
        self.take_prompt_away();
        self.terminal.wipe();
        self.terminal.as_before();
        self.shared.change(|inner| inner.over = true);
    }

    /// Has the editor stop where it would draw its line anew. What was printed before is on the screen then: the
    /// editor takes one text after the other, and the next one can only be handed over once it has taken the last.
    fn take_prompt_away(&mut self) {
        if !self.shared.end_reading() {
            return;
        }
        self.print(NUDGE.to_owned());
        self.shared.change(|inner| inner.away = true);
        let stopped = |inner: &PromptState| inner.parked || !inner.reading;
        if !self.shared.wait_until(GAP, stopped) {
            self.print(NUDGE.to_owned());
            self.shared.wait_until(LAST_PROMPT, stopped);
        }
    }
}

/// The items with the messages that they are about.
fn with_past(items: Vec<ShownItem>, inner: &PromptState) -> Vec<(ShownItem, Option<PastMessage>)> {
    let past = |item: &ShownItem| match item {
        ShownItem::Note(_) => None,
        ShownItem::Message(number) | ShownItem::Output(Some(number), _) => inner.past.get(*number).cloned(),
        ShownItem::Output(None, _) => None,
    };
    let with = |item: ShownItem| {
        let past = past(&item);
        (item, past)
    };
    items.into_iter().map(with).collect()
}

/// A note with its long lines broken between words. Indented lines are quotations and stay as they are.
fn fitted(note: &str, width: usize) -> String {
    let fit = |line: &str| match line {
        line if line.starts_with(' ') || line.width() <= width => line.to_owned(),
        line => wrap(line, width).join("\n"),
    };
    note.lines().map(fit).collect::<Vec<_>>().join("\n")
}
