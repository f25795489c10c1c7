//! What a line can go on as.

use rustyline::completion::Pair;

use super::commands::Shell;

/// Where what is completed starts, and what it can become.
pub(super) fn complete(shell: &Shell, line: &str) -> (usize, Vec<Pair>) {
    let Some(rest) = line.strip_prefix('/') else { return (0, Vec::new()) };
    match rest.split_once(char::is_whitespace) {
        None => (0, names(shell, rest)),
        Some(_) => (line.len(), Vec::new()),
    }
}

fn names(shell: &Shell, typed: &str) -> Vec<Pair> {
    let mut names = shell.names();
    names.retain(|name| name.starts_with(typed));
    names
        .into_iter()
        .map(|name| Pair { display: format!("/{name}"), replacement: format!("/{name} ") })
        .collect()
}

/// Grey text for the end of a line, and how much of it the right arrow takes over.
pub(super) fn hint(shell: &Shell, line: &str) -> Option<(String, Option<String>)> {
    let (name, arguments) = line.strip_prefix('/')?.split_once(' ')?;
    if !arguments.is_empty() {
        return None;
    }
    let own = shell.dialect.commands().iter().map(|verb| (verb.name, verb.arguments));
    let all = shell.commands().map(|command| (command.name, command.arguments)).chain(own);
    let found = all.into_iter().find(|(known, _)| *known == name)?;
    Some((found.1.to_owned(), None))
}
