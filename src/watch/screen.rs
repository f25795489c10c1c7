//! The part of the terminal that is drawn anew in place. `indicatif` keeps track of what stands there and lets notices
//! pass above it; what it asks for becomes one write a frame here, so that nothing flickers, and lines that the terminal
//! wrapped anew when its size changed are found again.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::Timespec;
use unicode_width::UnicodeWidthChar as _;

use crate::report::Report;

/// The size of a terminal that does not say.
const SIZE: (u16, u16) = (80, 24);

/// How long the end waits for a terminal that takes nothing.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// What is drawn.
pub struct Screen {
    bar: ProgressBar,
    terminal: Terminal,
    drawn: Vec<String>,
    report: Report,
    is_drawing: bool,
}

impl Screen {
    /// Takes over stderr: notices of this report pass above what is drawn from now on.
    #[must_use]
    pub fn new(report: &Report) -> Self {
        let terminal = Terminal::default();
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let style = ProgressStyle::with_template("{msg}").unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        let above = Above { bar: bar.clone(), line: Vec::new() };
        report.divert(Some(Box::new(above)));
        // From now on there always is a line that the next frame begins on.
        bar.set_message("connecting");
        Self { bar, terminal, drawn: Vec::new(), report: report.clone(), is_drawing: true }
    }

    /// Columns and lines of the terminal.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        size()
    }

    /// Draws these lines in the place of those before, if they are others. A terminal that takes nothing at the moment
    /// is not waited for: `false`.
    pub fn draw(&mut self, lines: Vec<String>) -> bool {
        if lines == self.drawn && self.terminal.fits() {
            return true;
        }
        if !is_ready(Duration::ZERO) {
            return false;
        }
        self.bar.set_message(lines.join("\n"));
        self.drawn = lines;
        true
    }

    /// Writes lines that stay, above what is drawn, unless nobody reads them.
    pub fn print(&self, lines: &[String]) {
        if is_ready(LAST_WAIT) {
            lines.iter().for_each(|line| self.bar.println(line));
        }
    }

    /// Leaves the terminal as it is, for somebody else to go on with.
    pub fn leave(&mut self) {
        write(b"\r\n");
        self.terminal.leave();
    }

    /// Whatever stands there now, the next frame begins below it.
    pub fn return_to(&mut self) {
        self.terminal.frame().last.clear();
        self.drawn.clear();
    }

    /// Takes away what is drawn, and gives stderr back.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.is_drawing) {
            self.terminal.frame().muted = !is_ready(LAST_WAIT);
            self.bar.finish_and_clear();
            self.terminal.leave();
            self.report.divert(None);
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        self.clear();
    }
}

/// Writes that become lines above what is drawn.
struct Above {
    bar: ProgressBar,
    line: Vec<u8>,
}

impl Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        while let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            self.bar.println(String::from_utf8_lossy(&line).trim_end_matches('\n'));
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Does the terminal take something within this time? One that was stopped (Ctrl-S) does not.
fn is_ready(patience: Duration) -> bool {
    let patience = Timespec::try_from(patience).ok();
    poll(&mut [PollFd::new(&io::stderr(), PollFlags::OUT)], patience.as_ref()).is_ok_and(|ready| ready > 0)
}

fn size() -> (u16, u16) {
    match rustix::termios::tcgetwinsize(io::stderr()) {
        Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col, size.ws_row),
        _ => SIZE,
    }
}

/// The terminal as `indicatif` sees it. It goes up to where the last frame began, clears every line, and writes lines,
/// each followed by blanks up to the edge. The clearing and the blanks are done by erasing instead.
#[derive(Clone, Debug, Default)]
struct Terminal(Arc<Mutex<Frame>>);

#[derive(Debug, Default)]
struct Frame {
    /// What this frame writes, once it is complete.
    out: String,
    begun: bool,
    /// Are the blanks after a line next?
    blanks: bool,
    /// The widths of the lines of this frame.
    widths: Vec<usize>,
    /// The same of the last frame.
    last: Vec<usize>,
    /// The width of the terminal when the last frame was drawn.
    columns: u16,
    /// Is the cursor hidden?
    hidden: bool,
    /// Nothing is written any more.
    muted: bool,
}

impl Terminal {
    /// Is the terminal as wide as it was when something was drawn?
    fn fits(&self) -> bool {
        self.frame().columns == size().0
    }

    /// Shows the cursor again.
    fn leave(&self) {
        let mut frame = self.frame();
        if std::mem::take(&mut frame.hidden) && !frame.muted {
            write(b"\x1b[?25h");
        }
    }

    fn frame(&self) -> MutexGuard<'_, Frame> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Frame {
    /// Goes `up` lines, to where the last frame began; when a terminal becomes narrower, it wraps them anew.
    fn begin(&mut self, up: usize) {
        if std::mem::replace(&mut self.begun, true) {
            return;
        }
        self.out.push_str("\x1b[?2026h");
        if !std::mem::replace(&mut self.hidden, true) {
            self.out.push_str("\x1b[?25l");
        }
        self.columns = size().0;
        let lines = self.last.iter().rev().take(up + 1);
        let up = lines.map(|width| self.rows(*width)).sum::<usize>().saturating_sub(1);
        self.out.push('\r');
        if up > 0 {
            self.out.push_str(&format!("\x1b[{up}A"));
        }
    }

    fn rows(&self, width: usize) -> usize {
        width.div_ceil(usize::from(self.columns)).max(1)
    }

    fn text(&mut self, text: &str) {
        self.begin(0);
        self.blanks = !self.blanks;
        if !self.blanks {
            return;
        }
        if !self.widths.is_empty() {
            self.out.push_str("\r\n");
        }
        self.out.push_str("\x1b[K");
        self.out.push_str(text);
        let width = width(text);
        // On a row that is full the cursor still stands on its last character.
        if !width.is_multiple_of(usize::from(self.columns)) {
            self.out.push_str("\x1b[K");
        }
        self.widths.push(width);
    }

    fn end(&mut self) -> String {
        self.begin(0);
        if self.widths.is_empty()
            || self.widths.last().is_some_and(|width| self.rows(*width) * usize::from(self.columns) != *width)
        {
            self.out.push_str("\x1b[J");
        }
        self.out.push_str("\x1b[?2026l");
        (self.begun, self.blanks) = (false, false);
        self.last = std::mem::take(&mut self.widths);
        std::mem::take(&mut self.out)
    }
}

impl TermLike for Terminal {
    fn width(&self) -> u16 {
        size().0
    }

    fn height(&self) -> u16 {
        size().1
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.frame().begin(n);
        Ok(())
    }

    fn move_cursor_down(&self, _n: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _n: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _n: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.frame().text(text);
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        let mut frame = self.frame();
        let out = frame.end();
        if !frame.muted {
            write(out.as_bytes());
        }
        Ok(())
    }
}

/// Nobody can be told that stderr is gone.
fn write(bytes: &[u8]) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(bytes).and_then(|()| stderr.flush());
}

/// Columns that a text takes; colours take none.
fn width(text: &str) -> usize {
    let mut escape = false;
    text.chars()
        .filter(|c| {
            let shown = !escape && *c != '\u{1b}';
            escape = *c == '\u{1b}' || (escape && *c != 'm');
            shown
        })
        .map(|c| c.width().unwrap_or(0))
        .sum()
}
