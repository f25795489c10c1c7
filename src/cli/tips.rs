//! What clap says of a mistake, with tips that lead nowhere worse.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Options that switch a check off. A slip of a finger must not lead to one.
const UNSAFE: &[&str] = &["--insecure", "--no-check", "--show-secrets"];

/// The error as text.
#[must_use]
pub fn render(error: clap::Error) -> String {
    let error = without_unsafe_tip(error);
    let text = error.render().to_string();
    match unknown_short(&error) {
        Some(flag) => with_tip(&text, &short_tip(&flag)),
        None => text,
    }
}

fn without_unsafe_tip(mut error: clap::Error) -> clap::Error {
    let is_unsafe = |text: &str| UNSAFE.iter().any(|option| text.starts_with(option));
    let suggests = match error.get(ContextKind::SuggestedArg) {
        Some(ContextValue::String(text)) => is_unsafe(text),
        Some(ContextValue::Strings(texts)) => texts.iter().any(|text| is_unsafe(text)),
        _ => false,
    };
    if suggests {
        error.remove(ContextKind::SuggestedArg);
    }
    error
}

/// The short flag that is not known, such as `-z`.
fn unknown_short(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(flag)) = error.get(ContextKind::InvalidArg) else { return None };
    let is_short = flag.starts_with('-') && !flag.starts_with("--") && flag.chars().count() == 2;
    (error.kind() == ErrorKind::UnknownArgument && is_short).then(|| flag.clone())
}

/// What to do about it, for a flag of another client as well.
fn short_tip(flag: &str) -> String {
    let instead = match flag {
        "-t" => Some("remove it: messages are text unless --binary-in says otherwise"),
        "-1" => Some("use --count 1 to end after one message"),
        "-E" => Some("use --linger 0 to end with standard input"),
        "-X" => Some("use -x MSG to send a message"),
        "-m" => Some("use --max-time D to end after a time"),
        "-I" => Some("use the command probe-handshake to see the handshake"),
        "-P" | "-p" => Some("use --ping-interval D to send pings"),
        _ => None,
    };
    let instead = instead.map(|text| format!("{text}; ")).unwrap_or_default();
    format!(
        "{instead}to list all options, run the command with --help; to send '{flag}' as a message, use -x '{flag}'"
    )
}

/// The text with this tip in the place of clap's own.
fn with_tip(text: &str, tip: &str) -> String {
    let mut lines: Vec<String> =
        text.lines().filter(|line| !line.trim_start().starts_with("tip:")).map(str::to_owned).collect();
    let at = lines.iter().skip(1).position(|line| !line.trim().is_empty()).map_or(lines.len(), |at| at + 1);
    lines.splice(at..at, [format!("  tip: {tip}"), String::new()]);
    lines.join("\n") + "\n"
}
