//! The prompt: whether there is to be one, and what it is made of.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use super::Context;
use crate::cli::options::{SendArgs, SessionArgs};
use crate::config::output;
use crate::dialect::Dialect;
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::pipeline::Config;
use crate::pipeline::filter::Program;
use crate::repl::{self, Repl, history};
use crate::signals::Signals;
use crate::sys;

/// Where there is to be a prompt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Prompt {
    /// On the terminal that standard output is; else on the one that the process belongs to, and standard output
    /// has the lines.
    pub(super) stdout: bool,
}

/// Where a prompt is to be opened, if one is: where it is asked for, and for a raw session on a terminal that
/// nothing on the command line makes a script of.
pub(super) fn prompt(
    args: &SessionArgs,
    send: &SendArgs,
    raw: bool,
    context: &Context<'_>,
) -> Option<Prompt> {
    let world = context.world;
    let itself = raw && world.stdout_terminal && !is_scripted(args, send);
    if !itself && !send.interactive {
        return None;
    }
    let dumb = (world.var)("TERM").is_none_or(|term| term == "dumb");
    let (stdin, shown) = (std::io::stdin().is_terminal(), world.stdout_terminal || world.stderr_terminal);
    if stdin && shown && !dumb {
        return Some(Prompt { stdout: world.stdout_terminal });
    }
    if send.interactive {
        let why = match (stdin, dumb) {
            (false, _) => "standard input is not a terminal",
            (_, true) => "the terminal cannot move its cursor (TERM)",
            _ => "neither standard output nor stderr is a terminal",
        };
        context.report.warning(&format!("--interactive: cannot open a prompt: {why}"));
    }
    None
}

/// Does the command line say by itself what is sent and when it ends?
fn is_scripted(args: &SessionArgs, send: &SendArgs) -> bool {
    args.has_end_condition()
        || args.end.linger.is_some()
        || args.output.join_output
        || send.binary_in.is_some()
}

/// Opens the prompt, and lets it watch and change the pipeline.
pub(super) fn open(
    prompt: Prompt,
    (args, send, dialect, topics): (&SessionArgs, &SendArgs, &'static dyn Dialect, &[String]),
    signals: Signals,
    config: &mut Config,
    context: &Context<'_>,
) -> Result<Repl> {
    let var = context.world.var;
    let history = if send.no_history { None } else { history::file(var, send.profile.as_deref()) };
    let setup = repl::PromptSetup {
        dialect,
        vars: output::vars(&args.filter)?,
        filter: args.filter.filter.clone().filter(|_| config.filter.is_some()),
        filter_is_fixed: config.null_input || config.filter.as_ref().is_some_and(Program::uses_inputs),
        recording: args.output.record.as_ref().map(|path| path.display().to_string()),
        envelope: config.envelope,
        topics: topics.to_vec(),
        color: context.world.color(context.color, true),
        pretty: output::indent(&args.output).is_some(),
        raw: args.output.raw_output,
        show_secrets: args.output.show_secrets,
        binary: args.output.binary,
        stdout: prompt.stdout,
        stderr: context.world.stderr_terminal,
        history,
        editor: var("VISUAL").or_else(|| var("EDITOR")),
        home: var(sys::HOME).map(PathBuf::from),
        report: context.report.clone(),
    };
    let (repl, screen, changes) = Repl::start(&setup, signals)
        .map_err(|error| Failure::new(Exit::OutputFailed, format!("cannot open the prompt: {error}")))?;
    config.screen = Some((screen, changes));
    Ok(repl)
}
