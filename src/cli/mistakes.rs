//! Mistakes on the command line: clap finds them, and these are the words for them, like those of every other error.

use clap::error::{ContextKind, ContextValue, ErrorKind};

use super::{COMMANDS, Cli, spec_of};
use crate::did_you_mean::nearest;
use crate::error::Failure;

/// Options that switch a check off. A slip of a finger must not lead to one.
const UNSAFE: &[&str] = &["insecure", "no-check", "show-secrets"];

/// Options of curl, jq, wscat and websocat that wstap has under another name, and what to use.
const FOREIGN: &[(&str, &str)] = &[
    ("-1", "use --count 1 to end after one message"),
    ("-A", "use -H 'User-Agent: NAME'"),
    ("-E", "use --linger 0 to exit at the end of input"),
    ("-I", "use the command probe-handshake to see the handshake"),
    ("-P", "use --ping-interval D to send pings"),
    ("-X", "use -x MSG to send a message"),
    ("-l", "use the command serve-mock to run a server"),
    ("-m", "use --max-time D to set a time limit"),
    ("-p", "use --ping-interval D to send pings"),
    ("-t", "remove it: messages are text unless --binary-in is given"),
    ("--connect", "remove it: the URL is an argument"),
    ("--data", "use -x MSG to send a message"),
    ("--execute", "use -x MSG to send a message"),
    ("--include", "use -v to see the headers"),
    ("--listen", "use the command serve-mock to run a server"),
    ("--max-messages", "use --count N"),
    ("--message", "use -x MSG to send a message"),
    ("--oauth2-bearer", "use --bearer TOKEN"),
    ("--request", "use -x MSG to send a message"),
    ("--retry", "use --retries N"),
    ("--slurp", "use -n -f '[inputs]'"),
    ("--timeout", "use --max-time D for the session, or --connect-timeout D for the connection"),
    ("--user-agent", "use -H 'User-Agent: NAME'"),
];

/// Does this option, or whatever is derived from its name, switch a check off?
#[must_use]
pub fn is_unsafe(long: &str) -> bool {
    UNSAFE.iter().any(|known| long.starts_with(known))
}

/// The failure that a command line with this command ends with.
#[must_use]
pub fn failure(error: &clap::Error, command: Option<&str>) -> Failure {
    let text = error.render().to_string();
    let paragraph = text.split("\n\n").next().unwrap_or_default();
    let mut lines = paragraph.strip_prefix("error: ").unwrap_or(paragraph).lines().map(str::trim);
    let what = reworded(lines.next().unwrap_or_default());
    let (values, details): (Vec<&str>, Vec<&str>) =
        lines.filter(|line| !line.is_empty()).partition(|line| line.starts_with("[possible values: "));
    let values = values.first().map(|line| line.trim_matches(['[', ']']));
    let hint = values
        .and_then(|values| Some(format!("use one of: {}", values.strip_prefix("possible values: ")?)))
        .or_else(|| match error.kind() {
            ErrorKind::UnknownArgument => unknown_argument(error, command),
            ErrorKind::InvalidSubcommand => unknown_command(error),
            _ => None,
        });
    Failure {
        hint: Some(hint.unwrap_or_else(|| list_options(command))),
        details: details.into_iter().map(str::to_owned).collect(),
        ..Failure::usage(what)
    }
}

/// clap's and the standard library's words in plain English.
fn reworded(text: &str) -> String {
    if let Some(name) =
        text.strip_prefix("unexpected argument '").and_then(|rest| rest.strip_suffix("' found"))
    {
        let kind = if name.starts_with('-') { "unknown option" } else { "unexpected argument" };
        return format!("{kind} '{name}'");
    }
    if let Some((before, from)) = text.split_once(" is not in ").and_then(|(before, range)| {
        let least =
            range.strip_suffix("..18446744073709551615").or(range.strip_suffix("..=18446744073709551615"))?;
        Some((before, least))
    }) {
        return format!("{before} is less than {from}");
    }
    text.replace("unrecognized subcommand", "unknown command")
        .replace("invalid digit found in string", "expected a whole number")
        .replace("invalid float literal", "expected a number")
        .replace(" but none was supplied", "")
}

fn list_options(command: Option<&str>) -> String {
    match command {
        Some(command) => format!("run `wstap {command} --help` to list all options"),
        None => "run `wstap --help` to list commands and options".to_owned(),
    }
}

fn context(error: &clap::Error, kind: ContextKind) -> Option<&str> {
    match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text),
        _ => None,
    }
}

/// What to use in the place of an option that does not exist, or what to do with a word too many.
fn unknown_argument(error: &clap::Error, command: Option<&str>) -> Option<String> {
    let name = context(error, ContextKind::InvalidArg)?;
    let foreign =
        FOREIGN.iter().find(|(foreign, _)| *foreign == name).map(|(_, advice)| (*advice).to_owned());
    let sends = matches!(command, Some("connect" | "subscribe"));
    if sends && name.starts_with('-') && name.chars().count() == 2 {
        let advice = foreign.unwrap_or_else(|| list_options(command));
        return Some(format!("{advice}; to send '{name}', use -x '{name}'"));
    }
    foreign
        .or_else(|| nearest_option(name.strip_prefix("--")?, command).map(|option| format!("use --{option}")))
}

/// The option of this command that is meant by the name: one that it begins, or one that it misspells.
fn nearest_option(name: &str, command: Option<&str>) -> Option<String> {
    let wstap = Cli::describe();
    let described = command.and_then(|command| wstap.find_subcommand(command)).unwrap_or(&wstap);
    let options = described.get_arguments().chain(wstap.get_arguments());
    let known: Vec<&str> = options
        .filter(|arg| !arg.is_hide_set())
        .filter_map(clap::Arg::get_long)
        .filter(|long| !is_unsafe(long))
        .collect();
    let begun = known.iter().find(|long| long.strip_prefix(name).is_some_and(|rest| rest.starts_with('-')));
    begun.copied().or_else(|| nearest(name, known.iter().copied())).map(str::to_owned)
}

fn unknown_command(error: &clap::Error) -> Option<String> {
    let word = context(error, ContextKind::InvalidSubcommand)?;
    if word.contains('.') && !word.starts_with(['.', '/', '-']) {
        return Some(format!("write wss://{word} (with TLS) or ws://{word} (without) to connect to a host"));
    }
    let names = COMMANDS.iter().flat_map(|spec| std::iter::once(spec.name).chain(spec.alias));
    nearest(word, names).map(|name| format!("use `wstap {name}`"))
}

/// The name of the first command among these words, whatever comes before it.
#[must_use]
pub fn named_command(words: &[&str]) -> Option<&'static str> {
    words.iter().skip(1).find_map(|word| spec_of(word)).map(|spec| spec.name)
}
