//! What can be typed. Nothing here acts; [`crate::config`] turns it into what the parts need.

use clap::builder::{PossibleValue, PossibleValuesParser};
use clap::{Parser, Subcommand};

use crate::{dialect, exit};

pub mod generate;
pub mod options;

use options::{ConnectArgs, GlobalArgs, SubscribeArgs};

/// A tool for WebSocket event APIs: NDJSON on standard output, jq built in, honest exit statuses.
#[derive(Clone, Debug, Parser)]
#[command(
    name = "wstap",
    version,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = EXAMPLES,
    after_long_help = after_long_help(),
)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
    /// Options of every command.
    #[command(flatten)]
    pub global: GlobalArgs,
}

/// The commands.
#[derive(Clone, Debug, Subcommand)]
pub enum Command {
    /// Talk to any WebSocket endpoint: lines of standard input go out, messages come in as lines
    #[command(args_override_self = true, after_help = CONNECT_EXAMPLES)]
    Connect(Box<ConnectArgs>),
    /// Subscribe to topics of a provider and print its events
    #[command(args_override_self = true, after_help = subscribe_help())]
    Subscribe(Box<SubscribeArgs>),
    /// Run a mock of the providers on a loopback port
    #[command(args_override_self = true, after_help = MOCK_EXAMPLES)]
    ServeMock(Box<crate::mock::MockArgs>),
    /// Print the completion script of a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man(ManArgs),
}

/// Arguments of `completions`.
#[derive(Clone, Debug, clap::Args)]
pub struct CompletionsArgs {
    /// The shell; without it, all are written to --dir
    #[arg(required_unless_present = "dir")]
    pub shell: Option<clap_complete::Shell>,
    /// Write the scripts of all shells into this folder instead
    #[arg(long, value_name = "DIR", conflicts_with = "shell")]
    pub dir: Option<std::path::PathBuf>,
}

/// Arguments of `man`.
#[derive(Clone, Debug, clap::Args)]
pub struct ManArgs {
    /// Write the pages of all commands into this folder instead
    #[arg(long, value_name = "DIR")]
    pub dir: Option<std::path::PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  wstap connect wss://host/path                talk to an endpoint
  wstap connect --mock                         the same, with an echo in this process
  wstap subscribe --help                       the providers that are known, with examples
  wstap serve-mock                             all of them on one port, to test against

`wstap --help` shows the exit statuses, `wstap COMMAND --help` every option.";

const CONNECT_EXAMPLES: &str = "\
Examples:
  printf 'a\\nb\\n' | wstap connect ws://127.0.0.1:8080/echo     send two lines, print the answers
  wstap connect wss://host/path -x '{\"subscribe\":\"ticks\"}' --count 10
  wstap connect wss://host/path -f 'select(.type==\"trade\") | .price' --until '.price > 100'
  wstap connect wss://host/path --reply 'select(.type==\"ping\") | {type:\"pong\"}'";

const MOCK_EXAMPLES: &str = "\
Examples:
  wstap serve-mock --rate 50 --seed 7          the URLs are the first line of standard output
  wstap connect ws://127.0.0.1:PORT/echo       every mock also answers at /echo";

fn after_long_help() -> String {
    format!("{EXAMPLES}\n\nExit status:\n{}", exit::table_text())
}

/// The dialects and what they look like in use, from their own files.
fn subscribe_help() -> String {
    let mut text = String::from("Dialects:\n");
    for dialect in dialect::ALL {
        text.push_str(&format!("  {:<10} {}\n", dialect.name(), dialect.summary()));
    }
    text.push_str("\nExamples:\n");
    let examples = dialect::ALL.iter().flat_map(|dialect| dialect.examples());
    text.push_str(&examples.map(|example| format!("  wstap {example}")).collect::<Vec<_>>().join("\n"));
    text
}

/// The words that `-d` takes.
fn dialect_names() -> PossibleValuesParser {
    dialect::ALL
        .iter()
        .map(|dialect| PossibleValue::new(dialect.name()).help(dialect.summary()))
        .collect::<Vec<_>>()
        .into()
}
