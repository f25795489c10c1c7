//! What can be typed. Nothing here acts; [`crate::config`] turns it into what the parts need.

use std::borrow::Cow;
use std::ffi::{OsStr, OsString};

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::error::ErrorKind;
use clap::{ArgMatches, Args as _, FromArgMatches};

use crate::mock::{FAULTS_HELP, VARIABLES_HELP};
use crate::net::looks_like_url;
use crate::{dialect, exit};

pub mod generate;
pub mod mock;
pub mod options;
pub mod sparse;
pub mod tips;

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

/// What clap is told of a command, and how its arguments are read.
struct Spec {
    name: &'static str,
    /// A shorter name, as other clients have it.
    alias: Option<&'static str>,
    about: &'static str,
    arguments: fn(clap::Command) -> clap::Command,
    /// What stands after the options in the help.
    more: fn(clap::Command) -> clap::Command,
    read: fn(&mut ArgMatches) -> Result<Command, clap::Error>,
}

/// The commands, in the order of the help.
const COMMANDS: &[Spec] = &[
    Spec {
        name: "connect",
        alias: None,
        about: "Talk to any WebSocket endpoint: lines of standard input go out, messages come in as lines",
        arguments: ConnectArgs::augment_args,
        more: |command| command.after_help(CONNECT_EXAMPLES),
        read: |matches| FromArgMatches::from_arg_matches_mut(matches).map(Command::Connect),
    },
    Spec {
        name: "subscribe",
        alias: Some("sub"),
        about: "Subscribe to topics of a provider and print its events",
        arguments: SubscribeArgs::augment_args,
        more: |command| command.after_help(subscribe_help()),
        read: |matches| FromArgMatches::from_arg_matches_mut(matches).map(Command::Subscribe),
    },
    Spec {
        name: "watch-campaign",
        alias: Some("watch"),
        about: "Watch the progress of campaigns; the exit status says what came of them",
        arguments: WatchArgs::augment_args,
        more: |command| command.after_help(WATCH_EXAMPLES),
        read: |matches| FromArgMatches::from_arg_matches_mut(matches).map(Command::WatchCampaign),
    },
    Spec {
        name: "probe-handshake",
        alias: Some("probe"),
        about: "Report on an endpoint: network, TLS, upgrade, every check; with gates for CI",
        arguments: ProbeArgs::augment_args,
        more: |command| command.after_help(PROBE_EXAMPLES),
        read: |matches| FromArgMatches::from_arg_matches_mut(matches).map(Command::ProbeHandshake),
    },
    Spec {
        name: "serve-mock",
        alias: Some("mock"),
        about: "Run a mock of the providers on a loopback port",
        arguments: MockArgs::augment_args,
        more: |command| command.after_help(MOCK_EXAMPLES).after_long_help(mock_help()),
        read: |matches| FromArgMatches::from_arg_matches_mut(matches).map(Command::ServeMock),
    },
    Spec {
        name: "completions",
        alias: None,
        about: "Print the completion script of a shell",
        arguments: CompletionsArgs::augment_args,
        more: |command| command,
        read: |matches| FromArgMatches::from_arg_matches_mut(matches).map(Command::Completions),
    },
    Spec {
        name: "man",
        alias: None,
        about: "Print the manual page",
        arguments: ManArgs::augment_args,
        more: |command| command,
        read: |matches| FromArgMatches::from_arg_matches_mut(matches).map(Command::Man),
    },
];

impl Cli {
    /// All that can be typed, for clap.
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
    let described = |spec: &Spec| (spec.more)(spec.described().about(spec.about));
    let wstap = clap::Command::new("wstap").subcommands(commands.iter().map(described));
    GlobalArgs::augment_args(wstap)
        .about(
            "A tool for WebSocket event APIs: NDJSON on standard output, jq built in, honest exit statuses",
        )
        .version(env!("CARGO_PKG_VERSION"))
        .subcommand_required(true)
        .arg_required_else_help(true)
        .max_term_width(100)
        .after_help(EXAMPLES)
        .after_long_help(after_long_help())
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
  wstap wss://host/path                        talk to an endpoint (short for `wstap connect`)
  wstap connect --mock                         the same, with an echo in this process
  wstap watch-campaign 42 --mock               a campaign's progress, and what came of it as exit status
  wstap subscribe --help                       the providers that are known, with examples
  wstap probe-handshake wss://host/path        what is true of an endpoint
  wstap serve-mock                             all of them on one port, to test against

`wstap --help` shows the exit statuses, `wstap COMMAND --help` every option.";

const CONNECT_EXAMPLES: &str = "\
Examples:
  wstap connect wss://host/path                on a terminal, a prompt: what is typed is sent, /help lists commands
  printf 'a\\nb\\n' | wstap connect ws://127.0.0.1:8080/echo     send two lines, print the answers
  wstap connect wss://host/path -x '{\"subscribe\":\"ticks\"}' --count 10
  wstap connect wss://host/path -f 'select(.type==\"trade\") | .price' --until '.price > 100'
  wstap connect wss://host/path --reply 'select(.type==\"ping\") | {type:\"pong\"}'";

const WATCH_EXAMPLES: &str = "\
Examples:
  wstap watch-campaign 42 --mock                                  try it without an account
  wstap watch-campaign 42 && ./next-step                          status 0: completed; 1: failed or cancelled
  wstap watch-campaign 1 2 3 --monitor                            several over one connection
  wstap watch-campaign --all --history 24                         whatever there is, with its last day
  wstap watch-campaign 42 --progress --until '.completed >= 100' > progress.ndjson
  wstap watch-campaign 42 --progress --fail-if '.failed > 5' --max-time 1h

On a terminal: q quits with status 130, r refreshes, ? lists the keys. --max-time that passes before the end is status 1.";

const PROBE_EXAMPLES: &str = "\
Examples:
  wstap probe-handshake wss://host/path        a page on a terminal, else one JSON record
  wstap probe-handshake wss://host/path --expect '.tls.days_left > 14' --max tls=200ms,total=1s
  wstap probe-handshake wss://host/path --origins none,same,null,https://evil.example --auth-matrix --token-env T
  wstap probe-handshake wss://host/path --live --repeat 20 --interval 500ms
  wstap probe-handshake --mock --format text   the same for an echo in this process

Without gates, the exit status is that of the phase that failed. With gates, it is 0 if all hold, else 1.";

const MOCK_EXAMPLES: &str = "\
Examples:
  wstap serve-mock --rate 50 --seed 7          the URL is the first line of standard output
  wstap connect ws://127.0.0.1:PORT/echo       every mock also answers at /echo
  wstap serve-mock --fault fail-first=2 --fault close=1011@5     refuse two connections, close the others
  wstap serve-mock --on 'select(.op==\"hello\") | {reply:.id}'     a whole mock in one line
  wstap serve-mock plain --exec my-client {}   runs a client against it and ends with its status
  wstap serve-mock --replay session.ndjson     plays what `connect --record` recorded
  curl http://127.0.0.1:PORT/__wstap/clients   the control API

Control API (JSON in and out, under /__wstap; see the README):
  GET health, clients, journal?since=N&path=P&conn=N&jq=EXPR, metrics; DELETE journal
  POST push {data|text|base64|publish, to}, close {code, reason, to}, drop {to}, drain, pause, resume
  POST wait {jq, count, timeout, since}: 200 once that many messages have come, else 408; GET, PUT faults {faults}";

fn after_long_help() -> String {
    format!("{EXAMPLES}\n\nExit status:\n{}", exit::table_text())
}

fn mock_help() -> String {
    format!("{FAULTS_HELP}\n\n{VARIABLES_HELP}\n\n{MOCK_EXAMPLES}")
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

/// The words that `-d` is completed with; it takes others, for dialects of one's own.
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
        let known = dialect::ALL.iter();
        Some(Box::new(known.map(|dialect| PossibleValue::new(dialect.name()).help(dialect.summary()))))
    }
}

fn dialect_names() -> impl TypedValueParser<Value = String> {
    DialectParser
}
