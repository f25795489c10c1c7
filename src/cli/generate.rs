//! Completion scripts and manual pages, from the same definition as the parser. The repository holds what is
//! generated here in `completions/` and `man/`.

use std::fs;
use std::io;
use std::path::Path;

use clap::ValueEnum as _;
use clap_complete::Shell;

use super::Cli;
use crate::exit;

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

/// The manual page of the whole tool.
///
/// # Errors
/// None in practice: it is written to memory.
pub fn man_page() -> io::Result<Vec<u8>> {
    let mut page = Vec::new();
    render(&Cli::describe(), &mut page)?;
    Ok(page)
}

/// Writes the manual pages of the tool and of every command.
///
/// # Errors
/// If the folder cannot be written.
pub fn write_man_pages(dir: &Path) -> io::Result<()> {
    fs::create_dir_all(dir)?;
    fs::write(dir.join("wstap.1"), man_page()?)?;
    let mut cli = Cli::describe();
    cli.build();
    for command in cli.get_subcommands().filter(|command| command.get_name() != "help") {
        let name = format!("wstap-{}", command.get_name());
        let mut page = Vec::new();
        // A page of its own is named as such: clap would print the name with a space.
        let command =
            command.clone().name(name.clone()).display_name(name.clone()).version(env!("CARGO_PKG_VERSION"));
        render(&command, &mut page)?;
        fs::write(dir.join(format!("{name}.1")), page)?;
    }
    Ok(())
}

fn render(command: &clap::Command, page: &mut Vec<u8>) -> io::Result<()> {
    let man = clap_mangen::Man::new(command.clone().after_help("").after_long_help(""));
    man.render(page)?;
    let mut more = String::from(".SH \"EXIT STATUS\"\n");
    for (exit, meaning) in exit::TABLE {
        more.push_str(&format!(".TP\n.B {}\n{}\n", exit.code(), roff_escape(meaning)));
    }
    page.extend_from_slice(more.as_bytes());
    if let Some(help) = command.get_after_help() {
        page.extend_from_slice(sections(&help.to_string()).as_bytes());
    }
    Ok(())
}

/// What stands after the options in the help text: a line that ends in a colon is a heading.
fn sections(help: &str) -> String {
    let mut page = String::new();
    for block in help.split("\n\n") {
        let Some((heading, body)) = block.split_once(":\n") else { continue };
        let body = body.lines().map(roff_escape).collect::<Vec<_>>().join("\n");
        page.push_str(&format!(".SH {:?}\n.nf\n{body}\n.fi\n", heading.to_uppercase()));
    }
    page
}

/// Text that roff prints as it is: hyphens stay hyphens, and a leading dot is no request.
fn roff_escape(text: impl AsRef<str>) -> String {
    let text = text.as_ref().replace('\\', "\\\\").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}
