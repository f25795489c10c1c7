//! A passphrase from the terminal, which does not show it.

use std::fs::File;
use std::io::{Read as _, Write as _};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::secret::Secret;

/// The longest passphrase that is read, in bytes.
const LONGEST: usize = 1024;

/// Asks for a passphrase on the terminal that the process belongs to; `None` if it has none.
///
/// # Errors
/// Ctrl-C.
pub(super) fn ask(question: &str) -> Result<Option<Secret>> {
    let Ok(mut terminal) = File::options().read(true).write(true).open("/dev/tty") else { return Ok(None) };
    let Some(hidden) = Hidden::start(&terminal) else { return Ok(None) };
    let _ = write!(terminal, "{question}: ");
    let typed = read(&mut terminal);
    drop(hidden);
    let _ = terminal.write_all(b"\n");
    typed.map(Some)
}

/// The terminal without echo, for as long as this lives.
struct Hidden {
    terminal: File,
    before: Termios,
}

impl Hidden {
    fn start(terminal: &File) -> Option<Self> {
        let terminal = terminal.try_clone().ok()?;
        let before = tcgetattr(&terminal).ok()?;
        let mut modes = before.clone();
        // An interrupt would end the process before the echo is back.
        modes.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG;
        tcsetattr(&terminal, OptionalActions::Flush, &modes).ok()?;
        Some(Self { terminal, before })
    }
}

impl Drop for Hidden {
    fn drop(&mut self) {
        // A terminal that has gone needs no restoring.
        let _ = tcsetattr(&self.terminal, OptionalActions::Now, &self.before);
    }
}

fn read(terminal: &mut File) -> Result<Secret> {
    let (mut typed, mut byte) = (Vec::new(), [0]);
    while terminal.read(&mut byte).unwrap_or(0) == 1 {
        match byte[0] {
            b'\r' | b'\n' | 4 => break,
            3 => return Err(Failure::new(Exit::Interrupted, "interrupted")),
            8 | 0x7f => drop(typed.pop()),
            byte if typed.len() < LONGEST => typed.push(byte),
            _ => {}
        }
    }
    Ok(Secret::new(String::from_utf8_lossy(&typed)))
}
