//! Writes completion scripts and manual pages, from the same definition as the parser. `completions/` and `man/` in
//! the repository are generated here.

use std::fs;
use std::io;
use std::path::Path;

use clap::ValueEnum as _;
use clap_complete::Shell;

use super::{Cli, manual};

/// The completion script of a shell.
#[must_use]
pub fn completion(shell: Shell) -> Vec<u8> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::describe(), "wstap", &mut script);
    script
}

/// Writes the scripts of all shells, under the names that the shells look for.
///
/// # Errors
/// If the folder cannot be written.
pub fn write_completions(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for shell in Shell::value_variants() {
        clap_complete::generate_to(*shell, &mut Cli::describe(), "wstap", dir)?;
    }
    Ok(())
}

/// Writes the manual pages of the tool, of every command and of file formats.
///
/// # Errors
/// If the folder cannot be written.
pub fn write_man_pages(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    for page in manual::pages()? {
        fs::write(dir.join(page.file_name()), page.text)?;
    }
    Ok(())
}
