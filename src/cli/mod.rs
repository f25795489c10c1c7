//! The command line: commands, options and their help. [`crate::config`] turns arguments into settings.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};

use clap::builder::{PossibleValue, PossibleValuesParser, StringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{ArgMatches, Args as _, FromArgMatches};

use crate::dialect::rules::library;
use crate::mock::{FAULTS_HELP, VARIABLES_HELP};
use crate::net::looks_like_url;
use crate::{dialect, exit};

pub mod generate;
pub mod manual;
pub mod mistakes;
pub mod mock;
pub mod options;
pub mod sparse;
pub mod values;

pub use mock::MockArgs;

use options::{ConnectArgs, GlobalArgs, ProbeArgs, SubscribeArgs, WatchArgs};

/// What the variables start with that `serve-mock --exec` sets for the command that it runs.
pub(crate) const MOCK_VARIABLES: &str = "WSTAP_MOCK_";

/// What was typed.
#[derive(Clone, Debug)]
pub struct Cli {
    /// What to do.
    pub command: Command,
    /// Options of every command.
    pub global: GlobalArgs,
    /// The arguments that were not typed but stand in a profile or a variable, for errors that may quote them.
    pub layered: Vec<String>,
}

/// The commands.
#[derive(Clone, Debug)]
pub enum Command {
    /// `connect`.
    Connect(Box<ConnectArgs>),
    /// `subscribe`.
    Subscribe(Box<SubscribeArgs>),
    /// `watch-campaign`.
    WatchCampaign(Box<WatchArgs>),
    /// `probe-handshake`.
    ProbeHandshake(Box<ProbeArgs>),
    /// `serve-mock`.
    ServeMock(Box<MockArgs>),
    /// `completions`.
    Completions(CompletionsArgs),
    /// `man`.
    Man(ManArgs),
}

/// A command for clap: name, help, and how to read its arguments.
struct Spec {
    name: &'static str,
    /// A shorter name, as other clients have it.
    alias: Option<&'static str>,
    about: &'static str,
    /// The options that `-h` lists, by their long names; none if it lists all.
    common: &'static str,
    arguments: fn(clap::Command) -> clap::Command,
    /// Adds the examples and other text after the options.
    more: fn(clap::Command) -> clap::Command,
    read: fn(&mut ArgMatches) -> Result<Command, clap::Error>,
}

/// The commands, in the order of the help.
const COMMANDS: &[Spec] = &[
    Spec {
        name: "connect",
        alias: None,
        about: "Connect to a WebSocket server: send lines, print messages",
        common: "send filter raw-output output record from decode count until max-time header bearer \
                 insecure reconnect mock",
        arguments: ConnectArgs::augment_args,
        more: |command| command.after_help(CONNECT_EXAMPLES),
        read: |matches| FromArgMatches::from_arg_matches_mut(matches).map(Command::Connect),
    },
    Spec {
        name: "subscribe",
        alias: Some("sub"),
        about: "Subscribe to topics and print their events",
        common: "dialect url topics-file cursor-file filter raw-output output record count until max-time \
                 token-env header insecure mock",
        arguments: SubscribeArgs::augment_args,
        more: |command| command.after_help(subscribe_help()),
        read: |matches| FromArgMatches::from_arg_matches_mut(matches).map(Command::Subscribe),
    },
    Spec {
        name: "watch-campaign",
        alias: Some("watch"),
        about: "Watch campaigns until they end; exit with their outcome",
        common: "dialect url all monitor exit-on progress ndjson output record from max-time token-env \
                 header insecure mock",
        arguments: WatchArgs::augment_args,
        more: |command| command.after_help(WATCH_EXAMPLES),
        read: |matches| FromArgMatches::from_arg_matches_mut(matches).map(Command::WatchCampaign),
    },
    Spec {
        name: "probe-handshake",
        alias: Some("probe"),
        about: "Check an endpoint: DNS, TLS, handshake, RFC 6455",
        common: "dialect format live repeat all-addresses auth-matrix expect expect-status min-cert-days \
                 max header bearer insecure connect-timeout mock",
        arguments: ProbeArgs::augment_args,
        more: |command| command.after_help(PROBE_EXAMPLES),
        read: |matches| FromArgMatches::from_arg_matches_mut(matches).map(Command::ProbeHandshake),
    },
    Spec {
        name: "serve-mock",
        alias: Some("mock"),
        about: "Run mock servers for all providers on one port",
        common: "port host rate events seed then fault on scenario replay tls token expect exec \
                 exit-after",
        arguments: MockArgs::augment_args,
        more: |command| command.after_help(MOCK_EXAMPLES).after_long_help(mock_help()),
        read: |matches| FromArgMatches::from_arg_matches_mut(matches).map(Command::ServeMock),
    },
    Spec {
        name: "completions",
        alias: None,
        about: "Print the completion script for a shell",
        common: "",
        arguments: CompletionsArgs::augment_args,
        more: |command| command,
        read: |matches| FromArgMatches::from_arg_matches_mut(matches).map(Command::Completions),
    },
    Spec {
        name: "man",
        alias: None,
        about: "Show a manual page",
        common: "",
        arguments: ManArgs::augment_args,
        more: |command| command,
        read: |matches| FromArgMatches::from_arg_matches_mut(matches).map(Command::Man),
    },
];

impl Cli {
    /// The whole command line, for clap.
    #[must_use]
    pub fn describe() -> clap::Command {
        describe(COMMANDS)
    }

    /// The command of this command line with all its options; all commands if its first word names none.
    #[must_use]
    pub fn describe_for(argv: &[OsString]) -> clap::Command {
        describe(command_of(argv).map_or(COMMANDS, std::slice::from_ref))
    }

    /// The command line with `connect` in front where it names no command but a URL or a profile, as curl and wscat
    /// take one.
    #[must_use]
    pub fn with_command(argv: &[OsString]) -> Cow<'_, [OsString]> {
        let words: Vec<&str> = argv.iter().skip(1).map(|word| word.to_str().unwrap_or_default()).collect();
        let is_place = |word: &str| looks_like_url(word) || is_profile(word);
        let connects = match words.get(global_options(&words)) {
            None | Some(&("-h" | "--help" | "-V" | "--version" | "--")) => false,
            // Options of `connect` may come first. A word that names a command stays one.
            Some(first) if first.starts_with('-') => {
                words.iter().any(|word| is_place(word))
                    && !words.iter().any(|word| *word == "help" || spec_of(word).is_some())
            }
            Some(first) => is_place(first),
        };
        if !connects {
            return Cow::Borrowed(argv);
        }
        let mut with = argv.to_vec();
        with.insert(1, "connect".into());
        Cow::Owned(with)
    }

    /// As much of it as it takes to parse this command line if nothing is wrong with it; see [`sparse`].
    #[must_use]
    pub fn describe_sparsely_for(argv: &[OsString]) -> Option<clap::Command> {
        let spec = command_of(argv)?;
        Some(sparse::described_for(argv, || {
            GlobalArgs::augment_args(clap::Command::new("wstap").subcommand(spec.described()))
        }))
    }

    /// What clap found.
    ///
    /// # Errors
    /// clap's own, for values that are not what an option takes.
    pub fn from_matches(mut matches: ArgMatches) -> Result<Self, clap::Error> {
        let global = GlobalArgs::from_arg_matches_mut(&mut matches)?;
        let missing = || clap::Error::new(ErrorKind::MissingSubcommand);
        let (name, mut matches) = matches.remove_subcommand().ok_or_else(missing)?;
        let spec = COMMANDS.iter().find(|spec| spec.name == name).ok_or_else(missing)?;
        // Values are moved out: clap's reading in place would first copy all that it found.
        Ok(Self { command: (spec.read)(&mut matches)?, global, layered: Vec::new() })
    }
}

impl Spec {
    fn described(&self) -> clap::Command {
        let command = clap::Command::new(self.name).visible_aliases(self.alias);
        (self.arguments)(command).args_override_self(true)
    }

    /// The command with its help. A hundred options are a manual; `-h` is a reminder.
    fn explained(&self) -> clap::Command {
        let command = (self.more)(self.described().about(self.about));
        if self.common.is_empty() {
            return command;
        }
        let is_common = |arg: &clap::Arg| {
            arg.get_long().is_none_or(|long| self.common.split(' ').any(|common| common == long))
        };
        let command = command.mut_args(|arg| if is_common(&arg) { arg } else { arg.hide_short_help(true) });
        let examples = command.get_after_help().cloned().unwrap_or_default();
        let whole = command.get_after_long_help().cloned().unwrap_or_else(|| examples.clone());
        let pointer = format!("Run `wstap {} --help` to list all options.", self.name);
        command.after_help(format!("{examples}\n\n{pointer}")).after_long_help(whole)
    }
}

/// The command that is named, if that is the first word.
fn command_of(argv: &[OsString]) -> Option<&'static Spec> {
    spec_of(argv.get(1)?.to_str()?)
}

fn spec_of(word: &str) -> Option<&'static Spec> {
    COMMANDS.iter().find(|spec| word == spec.name || spec.alias == Some(word))
}

/// `@name` names a profile; `@-` is standard input.
#[must_use]
pub fn is_profile(text: &str) -> bool {
    text.len() > 1 && text.starts_with('@') && text != "@-"
}

/// Is this a name of that command?
#[must_use]
pub fn names_command(word: &str, name: &str) -> bool {
    spec_of(word).is_some_and(|spec| spec.name == name)
}

/// How many words at the beginning are options of every command, and their values.
fn global_options(words: &[&str]) -> usize {
    let mut at = 0;
    while let Some(word) = words.get(at) {
        let is_flag = matches!(*word, "--quiet" | "--verbose")
            || word.starts_with("--log-format=")
            || word.starts_with("--color=")
            || word.len() > 1
                && word.strip_prefix('-').is_some_and(|rest| rest.chars().all(|c| "qv".contains(c)));
        at += match *word {
            "--log-format" | "--color" => 2,
            _ if is_flag => 1,
            _ => break,
        };
    }
    at
}

fn describe(commands: &[Spec]) -> clap::Command {
    let wstap = clap::Command::new("wstap").subcommands(commands.iter().map(Spec::explained));
    GlobalArgs::augment_args(wstap)
        .about("Client, prober and mock server for WebSocket event APIs, with jq built in")
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .max_term_width(80)
        .after_help(EXAMPLES)
        .after_long_help(after_long_help())
}

/// Arguments of `completions`.
#[derive(Clone, Debug, clap::Args)]
pub struct CompletionsArgs {
    /// Shell to print the script for; not needed with --dir
    #[arg(required_unless_present = "dir")]
    pub shell: Option<clap_complete::Shell>,
    /// Write the scripts for all shells to DIR instead
    #[arg(long, value_name = "DIR", conflicts_with = "shell")]
    pub dir: Option<std::path::PathBuf>,
}

/// Arguments of `man`.
#[derive(Clone, Debug, clap::Args)]
pub struct ManArgs {
    /// Command to show the page of, or `records` (format of --record and --envelope) or `dialect` (dialect files) [default: the page of wstap]
    #[arg(value_name = "COMMAND", value_parser = page_names(), hide_possible_values = true)]
    pub command: Option<String>,
    /// Write all pages to DIR instead
    #[arg(long, value_name = "DIR", conflicts_with = "command")]
    pub dir: Option<std::path::PathBuf>,
}

const EXAMPLES: &str = "\
Examples:
  wstap wss://host/path                   short for `wstap connect`
  wstap connect --mock                    connect to a built-in echo
  wstap watch-campaign 42 --mock          watch a mock campaign
  wstap subscribe --help                  list the providers
  wstap probe-handshake wss://host/path   check DNS, TLS and handshake
  wstap serve-mock                        run mock servers

Run `wstap --help` for exit statuses, `wstap COMMAND --help` for all options.";

const CONNECT_EXAMPLES: &str = "\
Examples:
  # Open a prompt: send the lines you type, print the answers
  wstap connect wss://host/path

  # Send two lines and print the answers
  printf 'a\\nb\\n' | wstap connect ws://127.0.0.1:8080/echo

  # Send one message and print the first 10 answers
  wstap connect wss://host/path -x '{\"subscribe\":\"ticks\"}' --count 10

  # Print prices of trades until one is above 100
  wstap connect wss://host/path -f 'select(.type==\"trade\") | .price' \\
    --until '.price > 100'

  # Answer pings of the application
  wstap connect wss://host/path \\
    --reply 'select(.type==\"ping\") | {type:\"pong\"}'";

const WATCH_EXAMPLES: &str = "\
Examples:
  # Try it without an account
  wstap watch-campaign 42 --mock

  # Run the next step only if the campaign completed (status 0)
  wstap watch-campaign 42 && ./next-step

  # Watch several campaigns over one connection
  wstap watch-campaign 1 2 3 --monitor

  # Watch all campaigns, with the last 24 hours of history
  wstap watch-campaign --all --history 24

  # Write progress records until all contacts are done
  wstap watch-campaign 42 --progress --until '.completed >= 100' > out

  # Fail on more than 5 failed contacts, or after an hour
  wstap watch-campaign 42 --progress --fail-if '.failed > 5' \\
    --max-time 1h

On a terminal, press q to quit (status 130), r to refresh, and ? to list the keys. Exit status: 0 if all campaigns completed, 1 if one failed, was cancelled, or had not ended by --max-time.";

const PROBE_EXAMPLES: &str = "\
Examples:
  # Print a report: a page on a terminal, else one JSON record
  wstap probe-handshake wss://host/path

  # Fail if the certificate expires soon or the server is slow
  wstap probe-handshake wss://host/path --min-cert-days 14 \\
    --max tls=200ms,total=1s

  # Check which origins and credentials the server accepts
  wstap probe-handshake wss://host/path --auth-matrix --token-env TOKEN \\
    --origins none,same,null,https://evil.example

  # Measure 20 rounds, with a message and a ping in each
  wstap probe-handshake wss://host/path --live --repeat 20

  # Probe a built-in echo server
  wstap probe-handshake --mock --format text

Without conditions, the exit status is the status of the failed phase, or 0. With conditions, it is 0 if all of them hold, else 1.";

const MOCK_EXAMPLES: &str = "\
Examples:
  # Serve all providers; the first line of standard output is the URL
  wstap serve-mock --rate 50 --seed 7

  # Connect to the echo that every mock has at /echo
  wstap connect ws://127.0.0.1:PORT/echo

  # Refuse two connections, close the others after 5 messages
  wstap serve-mock --fault fail-first=2 --fault close=1011@5

  # Answer messages with a jq program
  wstap serve-mock --on 'select(.op==\"hello\") | {reply:.id}'

  # Run a client against the mock and exit with its status
  wstap serve-mock plain --exec my-client {}

  # Play what `connect --record` recorded
  wstap serve-mock --replay session.ndjson

  # Record your app against the real service
  wstap serve-mock --upstream wss://host --record session.ndjson

  # Use the control API
  curl http://127.0.0.1:PORT/__wstap/clients";

const CONTROL_API: &str = "\
Control API (JSON, under /__wstap; see docs/mock.md):
  GET health, clients, metrics
  GET journal?since=N&path=P&conn=N&jq=EXPR; DELETE journal
  GET faults; PUT faults {faults}
  POST push {data|text|base64|publish, to}
  POST close {code, reason, to}; POST drop {to}
  POST drain, pause, resume
  POST wait {jq, count, timeout, since}: 200 once count messages match,
       408 on timeout";

fn after_long_help() -> String {
    format!("{EXAMPLES}\n\nExit status:\n{}", exit::table_text())
}

fn mock_help() -> String {
    format!("{FAULTS_HELP}\n\n{VARIABLES_HELP}\n\n{MOCK_EXAMPLES}\n\n{CONTROL_API}")
}

/// The dialects and what they look like in use, from their own files.
fn subscribe_help() -> String {
    let mut text = String::from("Dialects:\n");
    for dialect in dialect::ALL {
        text.push_str(&format!("  {:<10} {}\n", dialect.name(), dialect.summary()));
    }
    text.push_str(&library_help());
    text.push_str("\nExamples:\n");
    let examples = dialect::ALL.iter().flat_map(|dialect| dialect.examples());
    text.push_str(&examples.map(|example| format!("  wstap {example}")).collect::<Vec<_>>().join("\n"));
    text
}

/// The dialects of built-in files below the headings of their groups.
fn library_help() -> String {
    let (mut text, mut group) = (String::new(), "");
    for file in library::FILES {
        if file.group() != group {
            group = file.group();
            text.push_str(&format!("\n{group}:\n"));
        }
        text.push_str(&format!("  {:<20} {}\n", file.name, file.summary()));
    }
    text
}

/// Completes `-d` with the built-in dialects; accepts other words, for user-defined dialects.
#[derive(Clone)]
struct DialectParser;

impl TypedValueParser for DialectParser {
    type Value = String;

    fn parse_ref(
        &self,
        command: &clap::Command,
        arg: Option<&clap::Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        let known = dialect::ALL.iter().map(|dialect| (dialect.name(), dialect.summary()));
        let files = library::FILES.iter().map(|file| (file.name, file.summary()));
        Some(Box::new(known.chain(files).map(|(name, summary)| PossibleValue::new(name).help(summary))))
    }
}

/// The commands and file formats, for `wstap man`.
fn page_names() -> PossibleValuesParser {
    let names = COMMANDS.iter().map(|spec| PossibleValue::new(spec.name).aliases(spec.alias));
    PossibleValuesParser::new(
        names.chain(manual::FORMATS.iter().map(|format| PossibleValue::new(format.name))),
    )
}

fn dialect_names() -> impl TypedValueParser<Value = String> {
    DialectParser
}
