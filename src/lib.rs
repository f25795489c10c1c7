//! wstap: a command-line tool for WebSocket event APIs.
//!
//! ```text
//! argv, environment ─► cli ─► config ─► commands               (join parts, no loops)
//!                                          ▼
//!  input (stdin), repl ───► session ◄── net::open (dns ► tcp ► proxy ► tls ► upgrade)
//!                            │   ▲  decodes and encodes: codec (pure steps)
//!                            │   ▲  asks meaning: dialect (rules as data, pure functions)
//!                            ▼   │
//!                          event ─► pipeline: filter ► record ► line ► output ─► stdout
//!                                ▲                                               │
//!                                └──────────────── "done up to here" ◄───────────┘
//!  the session ends with an Outcome ─► its exit status; notices ─► report ─► stderr
//! ```

use std::ffi::OsString;
use std::process::ExitCode;

mod campaign;
mod cli;
mod clock;
mod codec;
mod commands;
mod config;
mod dialect;
mod did_you_mean;
mod error;
mod event;
mod exit;
mod file;
mod frames;
mod handshake;
mod har;
#[cfg(fuzzing)]
pub mod hostile;
#[cfg(all(test, not(fuzzing)))]
mod hostile;
mod input;
mod json;
mod key;
mod limits;
mod message;
mod mock;
mod net;
mod pem;
mod pipeline;
mod probe;
mod provider;
mod rendezvous;
mod repl;
mod replace;
mod report;
mod ring;
mod secret;
mod session;
mod sessions;
#[cfg(feature = "brokers")]
mod share;
mod signals;
mod sink;
mod sys;
#[doc(hidden)]
pub mod testing;
mod text;
mod waiting;
mod watch;

use cli::{Cli, Command};
use commands::Context;
use config::World;
use config::profile::ParseError;
use error::{Failure, Result};
use exit::{Exit, Status};
use report::{Level, Report};

/// Runs the command line of this process to its exit status.
#[must_use]
pub fn main() -> ExitCode {
    let argv: Vec<_> = std::env::args_os().collect();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            let what = format!("cannot start the event loop: {error}");
            Report::stderr(Level::Error, false, false).failure(&Failure::new(Exit::OutputFailed, what));
            return ExitCode::from(Exit::OutputFailed.code());
        }
    };
    let exit = runtime.block_on(run(&argv));
    // A name lookup that never returns must not keep the process.
    runtime.shutdown_background();
    ExitCode::from(exit.code())
}

/// Runs a command line to its exit status.
async fn run(argv: &[OsString]) -> Status {
    sys::prepare();
    let world = World::of_process();
    let argv = &*Cli::with_command(argv);
    let words: Vec<&str> = argv.iter().filter_map(|word| word.to_str()).collect();
    let cli = match config::profile::parse(argv, &world) {
        Ok(cli) => cli,
        Err(ParseError::Clap(error)) => return print_clap(&error, &words, &world),
        Err(ParseError::Failure(failure)) => return fail_early(&failure, &words, &world),
    };
    let layered = cli.layered.iter().map(String::as_str);
    let report = config::report(&cli.global, &world).of_arguments(config::arguments::in_arguments(
        &words.iter().copied().chain(layered).collect::<Vec<_>>(),
    ));
    config::arguments::words_after_header(&words)
        .iter()
        .for_each(|word| report.secrets().add(word, secret::Place::Arguments));
    if world.has_own_vars {
        let names: Vec<String> =
            std::env::vars_os().filter_map(|(name, _)| name.into_string().ok()).collect();
        config::profile::unknown_variables(names.iter().map(String::as_str))
            .iter()
            .for_each(|warning| report.warning(warning));
    }
    let context = Context { report: &report, world: &world, color: cli.global.color };
    match dispatch(&cli, &context).await {
        Ok(status) => status,
        Err(failure) => {
            report.failure(&failure);
            failure.exit.into()
        }
    }
}

async fn dispatch(cli: &Cli, context: &Context<'_>) -> Result<Status> {
    let exit = match &cli.command {
        Command::ServeMock(args) => return commands::serve_mock::run(args, context).await,
        Command::ProbeHandshake(args) => return commands::probe_handshake::run(args, context).await,
        Command::Connect(args) => commands::connect::run(args, context).await,
        Command::Subscribe(args) => commands::subscribe::run(args, context).await,
        Command::WatchCampaign(args) => commands::watch_campaign::run(args, context).await,
        Command::Completions(args) => commands::generated::completions(args),
        Command::Man(args) => commands::generated::man(args),
    };
    exit.map(Status::from)
}

/// Help and version go to standard output with status 0, mistakes to stderr with status 2.
fn print_clap(error: &clap::Error, words: &[&str], world: &World<'_>) -> Status {
    if error.use_stderr() {
        let failure = cli::mistakes::failure(error, cli::mistakes::named_command(words));
        return fail_early(&failure, words, world);
    }
    match error.print() {
        Ok(()) => Exit::Ok.into(),
        Err(gone) if gone.kind() == std::io::ErrorKind::BrokenPipe => Exit::Ok.into(),
        Err(error) => fail_early(&system("standard output", &error), words, world),
    }
}

/// Reports a failure before the options are known. The formats are looked for all the same, since programs read the output.
fn fail_early(failure: &Failure, words: &[&str], world: &World<'_>) -> Status {
    let color = world.color(cli::values::ColorChoice::Auto, world.stderr_terminal);
    let is_json = is_asked(words, "--log-format", "json", (world.var)("WSTAP_LOG_FORMAT").as_deref());
    let report =
        Report::stderr(Level::Error, is_json, color).of_arguments(config::arguments::in_arguments(words));
    if cli::mistakes::named_command(words) == Some("probe-handshake")
        && is_asked(words, "--format", "nagios", (world.var)("WSTAP_FORMAT").as_deref())
        && let Ok(status) = commands::probe_handshake::unknown(failure, &report)
    {
        return status;
    }
    report.failure(failure);
    failure.exit.into()
}

/// Do the words, or a variable, ask for this value of an option?
fn is_asked(words: &[&str], option: &str, value: &str, var: Option<&str>) -> bool {
    words.windows(2).any(|pair| pair == [option, value])
        || words.iter().any(|word| word.strip_prefix(option) == Some(&format!("={value}")))
        || var == Some(value)
}

/// A failure of something that only the system decides, with what helps where that is known.
fn system(what: &str, error: &std::io::Error) -> Failure {
    let failure = Failure::new(Exit::OutputFailed, format!("{what}: {error}"));
    Failure { hint: pipeline::output::remedy(error).map(str::to_owned), ..failure }
}
