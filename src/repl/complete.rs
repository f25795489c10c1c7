//! What a line can go on as.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use rustyline::completion::Pair;
use serde_json::Value;

use super::commands::Shell;
use crate::dialect::Known;
use crate::json;
use crate::report::escape_controls;
use crate::secret::Secrets;

/// Messages that are looked at for ids and for paths.
const LOOKED_AT: usize = 200;

/// Longer ones are not: every press of Tab would wait for them.
const LONGEST: usize = 64 * 1024;

/// Elements of an array that are looked at for paths.
const ELEMENTS: usize = 10;

/// Where what is completed starts, and what it can become.
pub(super) fn complete(shell: &Shell, line: &str) -> (usize, Vec<Pair>) {
    let (start, mut found) = candidates(shell, line);
    // Much of it came from the network, and the editor lists it and types it as it is.
    found.retain(|pair| escape_controls(&pair.replacement) == pair.replacement);
    (start, found)
}

fn candidates(shell: &Shell, line: &str) -> (usize, Vec<Pair>) {
    let Some(rest) = line.strip_prefix('/').filter(|rest| !rest.starts_with('/')) else {
        return (0, Vec::new());
    };
    let Some((name, arguments)) = rest.split_once(char::is_whitespace) else {
        return (0, names(shell, rest));
    };
    let word = arguments.rsplit(char::is_whitespace).next().unwrap_or_default();
    let start = line.len() - word.len();
    let words = |words: &[&str]| (start, among(word, words.iter().map(|word| (*word).to_owned())));
    match name {
        "help" => (start, among(word, shell.names().into_iter().map(str::to_owned))),
        "subscribe" => (start, topics(shell, word)),
        "unsubscribe" => (start, among(word, shell.shared.lock().topics.clone().into_iter())),
        "filter" => paths(shell, line),
        "envelope" => words(&["on", "off"]),
        "queue" => words(&["clear"]),
        "record" if "off".starts_with(word) && !word.is_empty() => words(&["off"]),
        "save" | "record" => (start, files(shell, word)),
        "send" | "binary" => match word.strip_prefix('@') {
            Some(path) => (start + 1, files(shell, path)),
            None => (start, Vec::new()),
        },
        _ => (line.len(), Vec::new()),
    }
}

/// Grey text for the end of a line, and how much of it the right arrow takes over.
pub(super) fn hint(shell: &Shell, line: &str) -> Option<(String, Option<String>)> {
    let rest = line.strip_prefix('/')?;
    let own = shell.dialect.commands().iter().map(|verb| (verb.name, verb.arguments));
    let mut all = shell.commands().map(|command| (command.name, command.arguments)).chain(own);
    if let Some((name, arguments)) = rest.split_once(' ') {
        let (_, usage) = all.find(|(known, _)| *known == name)?;
        return arguments.is_empty().then(|| (usage.to_owned(), None));
    }
    let mut meant = all.filter(|(name, _)| !rest.is_empty() && name.starts_with(rest));
    let (name, usage) = meant.next()?;
    if meant.next().is_some() {
        return None;
    }
    let end = &name[rest.len()..];
    Some((format!("{end} {usage}").trim_end().to_owned(), Some(format!("{end} "))))
        .filter(|(text, _)| !text.is_empty())
}

fn names(shell: &Shell, typed: &str) -> Vec<Pair> {
    let mut names = shell.names();
    names.retain(|name| name.starts_with(typed));
    names
        .into_iter()
        .map(|name| Pair { display: format!("/{name}"), replacement: format!("/{name} ") })
        .collect()
}

fn among(typed: &str, words: impl Iterator<Item = String>) -> Vec<Pair> {
    let fitting = words.filter(|word| word.starts_with(typed));
    fitting.map(|word| Pair { display: word.clone(), replacement: word }).collect()
}

fn topics(shell: &Shell, typed: &str) -> Vec<Pair> {
    let messages = recent(shell);
    let topics = shell.shared.lock().known_topics();
    let found = shell.dialect.complete_topic(typed, &Known { topics: &topics, messages: &messages });
    found.into_iter().map(|topic| Pair { display: topic.clone(), replacement: topic }).collect()
}

/// Recent messages that are text, newest first.
fn recent(shell: &Shell) -> Vec<String> {
    let inner = shell.shared.lock();
    let texts = inner.past.iter().rev().take(LOOKED_AT).filter_map(|past| past.message.as_text());
    texts.filter(|text| text.len() <= LONGEST).map(str::to_owned).collect()
}

/// The next part of the path that the program ends with, as far as messages have had such paths.
fn paths(shell: &Shell, line: &str) -> (usize, Vec<Pair>) {
    let Some((before, typed)) = last_path(line) else { return (line.len(), Vec::new()) };
    let mut next = BTreeSet::new();
    for text in seen(shell) {
        // What nests deeper than this reader goes has no paths that anybody would type.
        if let Ok(value) = serde_json::from_str::<Value>(&text) {
            steps(&value, before, &mut next);
        }
    }
    let fitting = next.into_iter().filter(|step| step.starts_with(typed));
    let pairs = fitting.map(|step| Pair { display: format!("{before}{step}"), replacement: step }).collect();
    (line.len() - typed.len(), pairs)
}

/// The path that a program ends with: the steps that are complete, and the one that is being typed.
fn last_path(line: &str) -> Option<(&str, &str)> {
    let part = |c: char| c.is_alphanumeric() || "._[]\"".contains(c);
    let path = &line[line
        .rfind(|c: char| !part(c))
        .map_or(0, |at| at + line[at..].chars().next().map_or(1, char::len_utf8))..];
    path.rfind('.').map(|dot| path.split_at(dot))
}

/// What the filter sees: recent messages, or their records.
fn seen(shell: &Shell) -> Vec<String> {
    if !shell.shows_records() {
        return recent(shell);
    }
    let inner = shell.shared.lock();
    let records = inner.past.iter().rev().take(LOOKED_AT).filter(|past| past.message.len() <= LONGEST);
    records.map(|past| super::past::record(past, &Secrets::default())).collect()
}

/// The keys below a path such as `.data[].call` as the steps that lead to them, such as `.status`.
fn steps(value: &Value, path: &str, into: &mut BTreeSet<String>) {
    let Some((step, rest)) = first_step(path) else {
        if let Value::Object(object) = value {
            into.extend(object.keys().map(|key| step_to(key)));
        }
        return;
    };
    match value {
        Value::Object(object) if !step.starts_with('[') => {
            let key = step.trim_start_matches('.').trim_matches('"');
            if let Some(value) = object.get(key) {
                steps(value, rest, into);
            }
        }
        Value::Array(elements) if step.starts_with('[') => {
            elements.iter().take(ELEMENTS).for_each(|value| steps(value, rest, into));
        }
        _ => {}
    }
}

/// The first step of a path, and the others.
fn first_step(path: &str) -> Option<(&str, &str)> {
    let path = if path.starts_with(".[") { &path[1..] } else { path };
    let end = match path.chars().next()? {
        '[' => path.find(']').map(|at| at + 1),
        _ => path.char_indices().skip(1).find(|(_, c)| matches!(c, '.' | '[')).map(|(at, _)| at),
    };
    Some(path.split_at(end.unwrap_or(path.len())))
}

/// A key as jq spells the step to it.
fn step_to(key: &str) -> String {
    let mut chars = key.chars();
    let begins = chars.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_');
    if begins && chars.all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return format!(".{key}");
    }
    let mut quoted = Vec::new();
    json::write_string(key, &mut quoted);
    format!(".{}", String::from_utf8_lossy(&quoted))
}

/// Files whose path begins like this. Folders end with a slash.
fn files(shell: &Shell, typed: &str) -> Vec<Pair> {
    let before = &typed[..typed.rfind('/').map_or(0, |at| at + 1)];
    let place = if before.is_empty() { PathBuf::from(".") } else { shell.path(before) };
    files_in(&place, before, &typed[before.len()..])
}

fn files_in(place: &Path, before: &str, begin: &str) -> Vec<Pair> {
    let Ok(entries) = std::fs::read_dir(place) else { return Vec::new() };
    let mut found: Vec<Pair> = entries
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let wanted = name.starts_with(begin) && (begin.starts_with('.') || !name.starts_with('.'));
            let slash = if entry.path().is_dir() { "/" } else { "" };
            wanted.then(|| Pair {
                display: format!("{name}{slash}"),
                replacement: format!("{before}{name}{slash}"),
            })
        })
        .collect();
    found.sort_by(|a, b| a.display.cmp(&b.display));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn below(path: &str) -> Vec<String> {
        let value =
            serde_json::json!({"data": {"status": 1, "a b": 2, "list": [{"x": {"y": 1}}, {"z": 1}]}, "é": 0});
        let mut found = BTreeSet::new();
        steps(&value, path, &mut found);
        found.into_iter().collect()
    }

    #[test]
    fn paths_are_known_one_step_at_a_time() {
        assert_eq!(below(""), [".\"é\"", ".data"]);
        assert_eq!(below(".data"), [".\"a b\"", ".list", ".status"]);
        assert_eq!(below(".data.list[]"), [".x", ".z"]);
        assert_eq!(below(".data.list[0].x"), [".y"]);
        assert_eq!(below(".data.list.[].x"), [".y"]);
        assert!(below(".data.status").is_empty() && below(".none").is_empty() && below("[]").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn nothing_that_is_typed_is_too_odd(line in "\\PC*", odd in "[.\\[\\]\"aé]{0,12}") {
            let value = serde_json::json!([{"a": [1], "é": {"é": 1}}]);
            for line in [&line, &odd] {
                let mut found = BTreeSet::new();
                if let Some((before, typed)) = last_path(line) {
                    let path = [before, typed].concat();
                    proptest::prop_assert!(line.ends_with(&path));
                    steps(&value, before, &mut found);
                }
                steps(&value, line, &mut found);
            }
        }
    }

    #[test]
    fn files_are_completed_in_their_folder() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("one.json"), "").unwrap();
        std::fs::create_dir(dir.path().join("other")).unwrap();
        let found = files_in(dir.path(), "~/", "o");
        let shown: Vec<&str> = found.iter().map(|pair| pair.display.as_str()).collect();
        assert_eq!(shown, ["one.json", "other/"]);
        assert_eq!(found[0].replacement, "~/one.json");
    }
}
