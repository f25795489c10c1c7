//! `wstap completions` and `wstap man`.

use std::io::Write as _;

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

/// Prints the manual page, or writes those of all commands.
///
/// # Errors
/// If the output cannot be written.
pub fn man(args: &ManArgs) -> Result<Exit> {
    match &args.dir {
        Some(dir) => {
            generate::write_man_pages(dir).map_err(|error| system(&dir.display().to_string(), &error))?;
        }
        None => print(&generate::man_page().map_err(|error| system("the manual page", &error))?)?,
    }
    Ok(Exit::Ok)
}

fn print(bytes: &[u8]) -> Result<()> {
    match std::io::stdout().lock().write_all(bytes) {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        result => result.map_err(|error| system("standard output", &error)),
    }
}
