//! A passphrase from the terminal, which does not show it.

use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::secret::Secret;
use crate::sys::{self, NotTyped};

/// The longest passphrase that is read, in bytes.
const LONGEST: usize = 1024;

/// Asks for a passphrase on the terminal that the process belongs to; `None` if it has none.
///
/// # Errors
/// Ctrl-C.
pub(super) fn ask(question: &str) -> Result<Option<Secret>> {
    match sys::ask_hidden(question, LONGEST) {
        Ok(typed) => Ok(Some(Secret::new(typed))),
        Err(NotTyped::NoTerminal) => Ok(None),
        Err(NotTyped::Interrupted) => Err(Failure::new(Exit::Interrupted, "interrupted")),
    }
}
