//! The terminal under a prompt: its size and its modes.

use std::fs::File;
use std::io::{self, Write as _};

use rustix::termios::{self, LocalModes, OptionalActions, Termios};

/// What the editor may have switched on: its paste brackets and synchronized output.
const SWITCH_OFF: &[u8] = b"\x1b[?2026l\x1b[?2004l\r\x1b[K";

/// The paste brackets.
const SWITCH_ON: &[u8] = b"\x1b[?2004h";

/// The terminal.
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

    /// What is typed while nobody edits waits for the editor: it is neither echoed nor a signal.
    pub(super) fn quiet(&self) {
        let mut modes = self.before.clone();
        let noisy = LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON | LocalModes::ISIG;
        modes.local_modes -= noisy | LocalModes::IEXTEN;
        self.set(&modes);
    }

    /// The modes that it had before the prompt.
    pub(super) fn as_before(&self) {
        self.set(&self.before);
    }

    /// Modes that it had while a line was edited.
    pub(super) fn edit_again(&self, modes: &Termios) {
        self.set(modes);
        self.write(SWITCH_ON);
    }

    /// Takes away what the editor has left on the row.
    pub(super) fn wipe(&self) {
        self.write(SWITCH_OFF);
    }

    /// A terminal that has gone has no modes.
    fn set(&self, modes: &Termios) {
        let _ = termios::tcsetattr(&self.device, OptionalActions::Drain, modes);
    }

    /// A terminal that has gone shows nothing.
    fn write(&self, bytes: &[u8]) {
        let _ = (&self.device).write_all(bytes);
    }
}
