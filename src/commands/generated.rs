//! `wstap completions` and `wstap man`.

use std::io::{IsTerminal as _, Write as _};
use std::process::Command;

use crate::cli::manual::{self, ManualPage};
use crate::cli::{CompletionsArgs, ManArgs, generate};
use crate::error::Result;
use crate::exit::Exit;
use crate::system;

/// Prints the completion script of a shell, or writes all of them.
///
/// # Errors
/// If the output cannot be written.
pub fn completions(args: &CompletionsArgs) -> Result<Exit> {
    if let Some(dir) = &args.dir {
        generate::write_completions(dir).map_err(|error| system(&dir.display().to_string(), &error))?;
    } else if let Some(shell) = args.shell {
        print(&generate::completion(shell))?;
    }
    Ok(Exit::Ok)
}

/// Shows a manual page, or writes the pages of all commands. On a terminal `man` shows it, with the user's pager.
///
/// # Errors
/// If the output cannot be written.
pub fn man(args: &ManArgs) -> Result<Exit> {
    if let Some(dir) = &args.dir {
        generate::write_man_pages(dir).map_err(|error| system(&dir.display().to_string(), &error))?;
        return Ok(Exit::Ok);
    }
    let page = manual::page(args.command.as_deref()).map_err(|error| system("the manual page", &error))?;
    let Some(page) = page else { return Ok(Exit::Ok) };
    if !std::io::stdout().is_terminal() || !shown(&page) {
        print(&page.text)?;
    }
    Ok(Exit::Ok)
}

/// Shows the page with `man`, which takes a path. False if there is no `man`, or it failed.
fn shown(page: &ManualPage) -> bool {
    let Ok(dir) = tempfile::tempdir() else { return false };
    let file = dir.path().join(page.file_name());
    std::fs::write(&file, &page.text).is_ok()
        && Command::new("man").arg(&file).status().is_ok_and(|status| status.success())
}

/// Prints text of this program's own.
///
/// # Errors
/// If it cannot be written; that nobody reads it is none.
pub(super) fn print(bytes: &[u8]) -> Result<()> {
    match std::io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| system("standard output", &error)),
    }
}
