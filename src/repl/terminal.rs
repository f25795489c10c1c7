//! The terminal under a prompt: its size and its modes.

use std::io;

use crate::sys::{Modes, Tty};

/// What the editor may have switched on: its paste brackets and synchronized output.
const SWITCH_OFF: &[u8] = b"\x1b[?2026l\x1b[?2004l\r\x1b[K";

/// The paste brackets.
const SWITCH_ON: &[u8] = b"\x1b[?2004h";

/// The terminal.
pub(super) struct PromptTerminal {
    device: Tty,
    before: Modes,
}

impl PromptTerminal {
    /// The terminal of standard output, or else the one that the process belongs to.
    ///
    /// # Errors
    /// If there is none.
    pub(super) fn open(stdout: bool) -> io::Result<Self> {
        let device = Tty::open(stdout)?;
        let before = device.modes()?;
        Ok(Self { device, before })
    }

    /// Columns of the screen; 80 where it has no size.
    pub(super) fn width(&self) -> usize {
        self.size().0
    }

    /// Columns and rows.
    pub(super) fn size(&self) -> (usize, usize) {
        let size = self.device.size().unwrap_or_default();
        let or = |size: u16, default| if size == 0 { default } else { usize::from(size) };
        (or(size.0, 80), or(size.1, 24))
    }

    /// The modes that it has now.
    pub(super) fn modes(&self) -> Option<Modes> {
        self.device.modes().ok()
    }

    /// What is typed while nobody edits waits for the editor: it is neither echoed nor a signal.
    pub(super) fn quiet(&self) {
        self.device.set(&self.before.quiet());
    }

    /// The modes that it had before the prompt.
    pub(super) fn as_before(&self) {
        self.device.set(&self.before);
    }

    /// Modes that it had while a line was edited.
    pub(super) fn edit_again(&self, modes: &Modes) {
        self.device.set(modes);
        self.device.write(SWITCH_ON);
    }

    /// Takes away what the editor has left on the row.
    pub(super) fn wipe(&self) {
        self.device.write(SWITCH_OFF);
    }
}
