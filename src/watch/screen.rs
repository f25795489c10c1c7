//! The part of the terminal that is drawn anew in place, with room for notices above it. A frame is one write, so that
//! nothing flickers, and lines that the terminal wrapped anew when its size changed are found again.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use unicode_width::UnicodeWidthChar as _;

use crate::report::Report;
use crate::sys;

/// The size of a terminal that does not say.
const SIZE: (u16, u16) = (80, 24);

/// How long the end waits for a terminal that takes nothing.
const LAST_WAIT: Duration = Duration::from_millis(500);

/// What is drawn.
pub struct Screen {
    terminal: Terminal,
    report: Report,
    is_drawing: bool,
}

impl Screen {
    /// Takes over stderr: notices of this report pass above what is drawn from now on.
    #[must_use]
    pub fn new(report: &Report) -> Self {
        let terminal = Terminal::default();
        report.divert(Some(Box::new(Above { terminal: terminal.clone(), line: Vec::new() })));
        terminal.lock().draw(vec!["connecting".to_owned()]);
        Self { terminal, report: report.clone(), is_drawing: true }
    }

    /// Columns and lines of the terminal.
    #[must_use]
    pub fn size(&self) -> (u16, u16) {
        size()
    }

    /// Draws these lines in the place of those before, if they are others. A terminal that takes nothing at the moment
    /// is not waited for: `false`.
    pub fn draw(&mut self, lines: Vec<String>) -> bool {
        let mut rows = self.terminal.lock();
        if rows.stand(&lines) {
            return true;
        }
        if !is_ready(Duration::ZERO) {
            return false;
        }
        rows.draw(lines);
        true
    }

    /// Writes lines that stay, above what is drawn, unless nobody reads them or they stand there already.
    pub fn print(&self, lines: &[String]) {
        if self.terminal.lock().above != lines && is_ready(LAST_WAIT) {
            self.terminal.lock().frame(lines);
        }
    }

    /// Leaves the terminal as it is, for somebody else to go on with.
    pub fn leave(&mut self) {
        write("\r\n");
        self.terminal.lock().show_cursor();
    }

    /// Whatever stands there now, the next frame begins below it.
    pub fn return_to(&mut self) {
        let mut rows = self.terminal.lock();
        rows.widths.clear();
        rows.above.clear();
    }

    /// Takes away what is drawn, and gives stderr back.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.is_drawing) {
            if is_ready(LAST_WAIT) {
                let mut rows = self.terminal.lock();
                rows.draw(Vec::new());
                rows.show_cursor();
            }
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
    terminal: Terminal,
    line: Vec<u8>,
}

impl Write for Above {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.line.extend_from_slice(bytes);
        while let Some(end) = self.line.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = self.line.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line).trim_end_matches('\n').to_owned();
            self.terminal.lock().frame(&[line]);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Does the terminal take something within this time? One that was stopped (Ctrl-S) does not.
fn is_ready(patience: Duration) -> bool {
    sys::stderr_is_ready(patience).unwrap_or(false)
}

fn size() -> (u16, u16) {
    sys::stderr_size().filter(|(columns, rows)| *columns > 0 && *rows > 0).unwrap_or(SIZE)
}

/// The terminal that the screen and the notices share.
#[derive(Clone, Default)]
struct Terminal(Arc<Mutex<Rows>>);

impl Terminal {
    fn lock(&self) -> MutexGuard<'_, Rows> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What stands on the terminal.
#[derive(Default)]
struct Rows {
    /// The lines that are drawn anew.
    lines: Vec<String>,
    /// The lines that were written last above them.
    above: Vec<String>,
    /// The columns that each of them takes, as far as they stand there. The cursor is at the end of the last.
    widths: Vec<usize>,
    /// The width of the terminal when they were drawn.
    columns: u16,
    /// Is the cursor hidden?
    hidden: bool,
}

impl Rows {
    /// Do these lines stand there, on a terminal as wide as it was?
    fn stand(&self, lines: &[String]) -> bool {
        !self.widths.is_empty() && lines == self.lines && self.columns == size().0
    }

    fn draw(&mut self, lines: Vec<String>) {
        self.lines = lines;
        self.frame(&[]);
    }

    /// Draws the lines anew, below others that stay.
    fn frame(&mut self, above: &[String]) {
        let (columns, height) = size();
        self.columns = columns;
        if !above.is_empty() {
            self.above = above.to_vec();
        }
        let mut out = String::from("\x1b[?2026h");
        if !std::mem::replace(&mut self.hidden, true) {
            out.push_str("\x1b[?25l");
        }
        out.push('\r');
        // When a terminal becomes narrower, it wraps anew what stands there.
        let up = self.widths.iter().map(|width| self.rows(*width)).sum::<usize>().saturating_sub(1);
        if up > 0 {
            out.push_str(&format!("\x1b[{up}A"));
        }
        self.widths = self.fitting(usize::from(height));
        let drawn = &self.lines[..self.widths.len()];
        let lines: Vec<&String> = above.iter().chain(drawn).collect();
        for (at, line) in lines.iter().enumerate() {
            out.push_str("\x1b[K");
            out.push_str(line);
            // On a row that is full the cursor still stands on its last character.
            let is_full = self.is_full(width(line));
            if !is_full {
                out.push_str("\x1b[K");
            }
            if at + 1 < lines.len() || drawn.is_empty() {
                out.push_str("\r\n");
            } else if !is_full {
                out.push_str("\x1b[J");
            }
        }
        if drawn.is_empty() {
            out.push_str("\x1b[J");
        }
        out.push_str("\x1b[?2026l");
        write(&out);
    }

    /// The columns of each line, up to as many as the terminal has room for.
    fn fitting(&self, height: usize) -> Vec<usize> {
        let mut room = height;
        let widths = self.lines.iter().map(|line| width(line));
        widths
            .take_while(|width| {
                let rows = self.rows(*width);
                let fits = rows <= room;
                room = room.saturating_sub(rows);
                fits
            })
            .collect()
    }

    fn rows(&self, width: usize) -> usize {
        width.div_ceil(usize::from(self.columns)).max(1)
    }

    /// Does a line of this width end at the edge?
    fn is_full(&self, width: usize) -> bool {
        width > 0 && width.is_multiple_of(usize::from(self.columns))
    }

    fn show_cursor(&mut self) {
        if std::mem::take(&mut self.hidden) {
            write("\x1b[?25h");
        }
    }
}

/// Nobody can be told that stderr is gone.
fn write(text: &str) {
    let mut stderr = io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush());
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
