//! The thread that writes on the terminal, above what is being typed.

use std::fs::File;
use std::io::{self, Write as _};
use std::mem;
use std::thread;
use std::time::{Duration, Instant};

use rustix::termios::{self, OptionalActions, Termios};
use rustyline::ExternalPrinter;

use super::board::{Board, Inner, Item};
use super::pace::{Pace, Pacer};
use super::render::{Look, grouped};
use super::ring::Past;
use super::status;

/// The least time from one print to the next: each has the editor draw its line anew.
const GAP: Duration = Duration::from_millis(50);

/// How often it is looked whether the status line is still true.
const STATUS_EVERY: Duration = Duration::from_secs(1);

/// How long the editor may take to put its prompt away at the end.
const LAST_PROMPT: Duration = Duration::from_secs(1);

/// Has the editor draw its line anew and nothing else: a line up and down again.
const NUDGE: &str = "\x1b[A\n";

/// What the editor may have switched on: its paste brackets and synchronized output.
const SWITCH_OFF: &[u8] = b"\x1b[?2026l\x1b[?2004l\r\x1b[K";

/// The terminal under a prompt.
pub(super) struct Terminal {
    device: File,
    before: Termios,
}

impl Terminal {
    /// The terminal of standard output, or else the one that the process belongs to.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn open(stdout: bool) -> io::Result<Self> {
        let device = if stdout {
            File::from(rustix::io::dup(io::stdout())?)
        } else {
            File::options().read(true).write(true).open("/dev/tty")?
        };
        let before = termios::tcgetattr(&device)?;
        Ok(Self { device, before })
    }

    /// Columns of the screen; 80 where it has no size.
    pub(super) fn width(&self) -> usize {
        self.size().0
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> (usize, usize) {
        let size = termios::tcgetwinsize(&self.device).map_or((0, 0), |size| (size.ws_col, size.ws_row));
        let or = |size: u16, default| if size == 0 { default } else { usize::from(size) };
        (or(size.0, 80), or(size.1, 24))
    }

    /// The modes that it has now.
    pub(super) fn modes(&self) -> Option<Termios> {
        termios::tcgetattr(&self.device).ok()
    }

    /// Modes that it had, and the brackets around what is pasted.
    fn edit_again(&mut self, modes: &Termios) {
        // A terminal that has gone has no modes.
        let _ = termios::tcsetattr(&self.device, OptionalActions::Drain, modes);
        let _ = self.device.write_all(b"\x1b[?2004h");
    }

    /// Everything as it was before the prompt.
    fn restore(&mut self) {
        // A terminal that has gone has nothing to be restored.
        let _ = self.device.write_all(SWITCH_OFF);
        let _ = termios::tcsetattr(&self.device, OptionalActions::Drain, &self.before);
    }
}

/// Writes what waits on the board.
pub(super) struct Screen<P> {
    pub(super) board: Board,
    pub(super) look: Look,
    pub(super) terminal: Terminal,
    pub(super) printer: P,
}

impl<P: ExternalPrinter + Send + 'static> Screen<P> {
    /// Starts the thread. It ends when the board is closing and nothing is left.
    ///
    /// # Errors
    /// If the system has no thread to give.
    pub(super) fn start(self) -> io::Result<thread::JoinHandle<()>> {
        thread::Builder::new().name("screen".into()).spawn(move || self.run())
    }

    fn run(mut self) {
        let mut pacer = Pacer::new(Instant::now());
        let mut shown = (status::PROMPT, String::new());
        let mut last = Instant::now();
        loop {
            let patience = if pacer.is_fast() { GAP } else { STATUS_EVERY };
            if self.board.wait(patience).closing {
                return self.finish();
            }
            self.take_back();
            thread::sleep(GAP.saturating_sub(last.elapsed()));
            let Some(text) = self.next_batch(&mut pacer, Instant::now()) else {
                thread::sleep(GAP);
                self.board.change(|_| ());
                continue;
            };
            let status = self.board.change_quietly(status::shown);
            if !text.is_empty() {
                self.print(text);
                (shown, last) = (status, Instant::now());
            } else if status != shown && self.board.lock().reading {
                self.print(NUDGE.to_owned());
                (shown, last) = (status, Instant::now());
            }
        }
    }

    /// After the process was stopped, which the editor may not have noticed in time: the signal stops it some time
    /// after it asked for it.
    fn take_back(&mut self) {
        let mut inner = self.board.lock();
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
        let mut inner = self.board.lock();
        if inner.is_held(now) {
            return None;
        }
        let pending = inner.pending();
        let pace = if pending == 0 && !pacer.is_fast() { Pace::Later } else { pacer.decide(pending, now) };
        let (items, skipped) = inner.drain(pace != Pace::Later);
        let items = with_past(items, &inner);
        drop(inner);
        Some(self.text(items, skipped, pace))
    }

    fn text(&self, items: Vec<(Item, Option<Past>)>, skipped: u64, pace: Pace) -> String {
        let width = self.terminal.width();
        let messages = items.iter().filter(|(item, _)| !matches!(item, Item::Note(_))).count();
        let (newest, rate) = match pace {
            Pace::Newest(newest, rate) => (newest, rate),
            _ => (messages, None),
        };
        let mut hide = messages.saturating_sub(newest);
        let hidden = hide as u64 + skipped;
        let mut text = String::new();
        let mut told = hidden == 0;
        for (item, past) in items {
            let line = match (&item, past) {
                (Item::Note(note), _) => note.clone(),
                _ if hide > 0 => {
                    hide -= 1;
                    continue;
                }
                (Item::Message(_), Some(past)) => self.look.row(&past, width),
                (Item::Message(number), None) => format!("message {number} is too old to be shown"),
                (Item::Output(_, text), past) => self.look.output(past.as_ref(), text, width),
            };
            if !told && !matches!(item, Item::Note(_)) {
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
        let rate = rate.map_or(String::new(), |rate| format!(" ({} a second)", grouped(rate)));
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
        while !self.board.wait_until(LAST_PROMPT, |inner| !inner.hold.lent) {}
        self.board.lock().hold = super::board::Hold::default();
        let mut pacer = Pacer::new(Instant::now());
        let text = self.next_batch(&mut pacer, Instant::now()).unwrap_or_default();
        if self.board.lock().reading {
            self.print(if text.is_empty() { NUDGE.to_owned() } else { text });
            self.board.wait_until(LAST_PROMPT, |inner| inner.parked || !inner.reading);
        } else if !text.is_empty() {
            self.print(text);
        }
        self.terminal.restore();
    }
}

/// The items with the messages that they are about.
fn with_past(items: Vec<Item>, inner: &Inner) -> Vec<(Item, Option<Past>)> {
    let past = |item: &Item| match item {
        Item::Note(_) => None,
        Item::Message(number) | Item::Output(Some(number), _) => inner.past.get(*number).cloned(),
        Item::Output(None, _) => None,
    };
    let with = |item: Item| {
        let past = past(&item);
        (item, past)
    };
    items.into_iter().map(with).collect()
}
