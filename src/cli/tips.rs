//! What clap says of a mistake, with tips that lead nowhere worse.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// Options that switch a check off. A slip of a finger must not lead to one.
const UNSAFE: &[&str] = &["--insecure", "--no-check", "--show-secrets"];

/// Does this option, or whatever is derived from its name, switch a check off?
#[must_use]
pub fn is_unsafe(option: &str) -> bool {
    UNSAFE.iter().any(|known| option.starts_with(known))
}

/// The error as text.
#[must_use]
pub fn render(error: clap::Error) -> String {
    let error = without_unsafe_tip(error);
    let text = error.render().to_string();
    let tip = unknown_short(&error).map(|flag| short_tip(&flag, &text)).or_else(|| host_tip(&error));
    // The usage that clap shows has the option that it would have suggested.
    let text = UNSAFE.iter().fold(text, |text, option| {
        let is_usage = |line: &str| line.starts_with("Usage:");
        let bare = |line: &str| {
            if is_usage(line) { line.replace(&format!(" {option}"), "") } else { line.to_owned() }
        };
        text.split('\n').map(bare).collect::<Vec<_>>().join("\n")
    });
    match tip {
        Some(tip) => with_tip(&text, &tip),
        None => text,
    }
}

fn without_unsafe_tip(mut error: clap::Error) -> clap::Error {
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
fn short_tip(flag: &str, text: &str) -> String {
    let instead = match flag {
        "-t" => Some("remove it: messages are text unless --binary-in is given"),
        "-1" => Some("use --count 1 to end after one message"),
        "-E" => Some("use --linger 0 to exit at the end of input"),
        "-X" => Some("use -x MSG to send a message"),
        "-m" => Some("use --max-time D to set a time limit"),
        "-I" => Some("use the command probe-handshake to see the handshake"),
        "-P" | "-p" => Some("use --ping-interval D to send pings"),
        _ => None,
    };
    let mut tips: Vec<String> = instead.map(str::to_owned).into_iter().collect();
    tips.push("to list all options, run the command with --help".to_owned());
    if ["connect", "subscribe"].iter().any(|command| text.contains(&format!("wstap {command}"))) {
        tips.push(format!("to send '{flag}' as a message, use -x '{flag}'"));
    }
    tips.join("; ")
}

/// What to do about a host without a scheme in the place of a command.
fn host_tip(error: &clap::Error) -> Option<String> {
    let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand) else { return None };
    let is_host = word.contains('.') && !word.starts_with(['.', '/', '-']);
    is_host.then(|| format!("to connect to a host, write wss://{word} (with TLS) or ws://{word} (without)"))
}

/// The text with this tip in the place of clap's own.
fn with_tip(text: &str, tip: &str) -> String {
    let blocks = text.split("\n\n").map(str::trim_end);
    let mut blocks: Vec<String> = blocks
        .filter(|block| !block.is_empty() && !block.trim_start().starts_with("tip:"))
        .map(str::to_owned)
        .collect();
    blocks.insert(1.min(blocks.len()), format!("  tip: {tip}"));
    blocks.join("\n\n") + "\n"
}
