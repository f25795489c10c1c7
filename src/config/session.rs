//! The course of a session, resolved from the options.

use std::time::Duration;

use crate::cli::options::{OutputArgs, SendArgs, SessionArgs};
use crate::cli::values::{Delimiter, LingerTime, OverflowChoice};
use crate::codec::Coding;
use crate::input::{InputForm, InputKind, MessageEnd};
use crate::limits;
use crate::pipeline::backlog::{self, Overflow};
use crate::pipeline::line::BinaryForm;
use crate::pipeline::spill::DEFAULT_LIMIT;
use crate::session::backoff::BackoffLimits;
use crate::session::policy::{EndPolicy, Linger, Policy, ReconnectPolicy};

/// How often to ping, unless an option or the provider says.
const PING_INTERVAL: Duration = Duration::from_secs(25);

/// How long nothing may come after a ping, unless an option says. The help says so, as with all of these.
const PING_TIMEOUT: Duration = Duration::from_secs(20);

/// The bound of the first wait before an attempt, unless an option says.
const RECONNECT_DELAY: Duration = Duration::from_secs(1);

/// The bound of every wait, unless an option says.
const RECONNECT_MAX_DELAY: Duration = Duration::from_secs(30);

/// The code that a session closes with, unless an option says (RFC 6455 §7.4.1).
const NORMAL_CLOSURE: u16 = 1000;

/// What differs between the commands that hold a session.
#[derive(Clone, Copy, Debug)]
pub struct Defaults {
    /// How long to stay after standard input ended, unless `--linger` says.
    pub linger: Linger,
    /// Whether losses are followed by another attempt, unless an option says.
    pub reconnect: bool,
    /// Whether pings are sent, unless an option says.
    pub pings: bool,
    /// What happens when no more may wait in memory for the output, unless an option says.
    pub overflow: Overflow,
}

impl Defaults {
    /// A `connect` prints the answers to its input and ends; without input, it listens.
    pub const CONNECT: Self = Self {
        linger: Linger { fed: Some(Duration::from_secs(2)), unfed: None },
        reconnect: false,
        pings: true,
        overflow: Overflow::Block,
    };

    /// A `subscribe` listens.
    pub const SUBSCRIBE: Self = Self {
        linger: Linger { fed: None, unfed: None },
        reconnect: true,
        pings: true,
        overflow: Overflow::Spill,
    };
}

/// How much may wait for a reader of the output that is slow.
#[must_use]
pub fn waiting(args: &OutputArgs, defaults: Defaults) -> backlog::Limits {
    let overflow = match args.overflow {
        None => defaults.overflow,
        Some(OverflowChoice::Block) => Overflow::Block,
        Some(OverflowChoice::Spill) => Overflow::Spill,
        Some(OverflowChoice::DropOldest) => Overflow::DropOldest,
        Some(OverflowChoice::Exit) => Overflow::Exit,
    };
    let disk = args.spill_limit.map_or(DEFAULT_LIMIT, |limit| limit as u64);
    backlog::Limits { memory: args.buffer.unwrap_or(limits::BUFFER), disk, overflow }
}

/// The rules of the course, as far as they are the same for all commands.
#[must_use]
pub fn policy(args: &SessionArgs, send: &SendArgs, topics: Vec<String>, defaults: Defaults) -> Policy {
    Policy {
        topics,
        greeting: Vec::new(),
        coding: Coding::default(),
        echo: send.echo,
        keep_going: false,
        end: EndPolicy {
            idle_timeout: args.end.idle_timeout,
            max_time: args.end.max_time,
            linger: linger(args, send, defaults.linger),
            ok_close: args.end.ok_close.clone(),
            retry_close: args.liveness.retry_close.clone(),
        },
        ping_interval: ping_interval(args.liveness.ping_interval, defaults.pings),
        ping_timeout: args.liveness.ping_timeout.unwrap_or(PING_TIMEOUT),
        reconnect: reconnect(args, defaults.reconnect),
        close: (args.end.close_code.unwrap_or(NORMAL_CLOSURE), args.end.close_reason.clone()),
        time_scale: 1.0,
        dedupe: true,
        cursor: None,
        missed_since: None,
        taken_over_from: None,
        facts: None,
        prompt: false,
        show_secrets: args.output.show_secrets,
    }
}

/// How standard input becomes messages.
#[must_use]
pub fn input_form(send: &SendArgs) -> InputForm {
    let kind = match send.binary_in {
        None => InputKind::Text,
        Some(BinaryForm::Base64) => InputKind::Base64,
        Some(BinaryForm::Hex) => InputKind::Hex,
        Some(BinaryForm::Raw) => InputKind::Raw,
    };
    let end = match &send.delimiter {
        Some(Delimiter::End) => MessageEnd::Input,
        Some(Delimiter::Char('\n')) => MessageEnd::Line,
        Some(Delimiter::Char(c)) => MessageEnd::Bytes(c.to_string().into_bytes().into()),
        None if kind == InputKind::Raw => MessageEnd::Read,
        None => MessageEnd::Line,
    };
    InputForm { kind, end }
}

fn ping_interval(typed: Option<Duration>, default: bool) -> Option<Duration> {
    typed.or(default.then_some(PING_INTERVAL)).filter(|interval| !interval.is_zero())
}

fn linger(args: &SessionArgs, send: &SendArgs, default: Linger) -> Linger {
    match args.end.linger {
        // What --send sends is input too, where nothing else says how long the session lasts.
        None if !send.send.is_empty() && !lasts(args, send) => Linger { unfed: default.fed, ..default },
        None => default,
        Some(LingerTime::Forever) => Linger { fed: None, unfed: None },
        Some(LingerTime::For(time)) => Linger { fed: Some(time), unfed: Some(time) },
    }
}

/// Does an option say when the session ends, or that it goes on?
fn lasts(args: &SessionArgs, send: &SendArgs) -> bool {
    args.has_end_condition() || send.echo || send.reply.is_some() || reconnect(args, false).is_some()
}

/// How to connect again to a command or broker that is away.
#[must_use]
pub fn back_off(args: &SessionArgs) -> ReconnectPolicy {
    let liveness = &args.liveness;
    ReconnectPolicy {
        limits: BackoffLimits {
            first: liveness.reconnect_delay.unwrap_or(RECONNECT_DELAY),
            most: liveness.reconnect_max_delay.unwrap_or(RECONNECT_MAX_DELAY),
        },
        retries: liveness.retries,
        first_too: liveness.reconnect || liveness.retries.is_some(),
    }
}

fn reconnect(args: &SessionArgs, default: bool) -> Option<ReconnectPolicy> {
    let liveness = &args.liveness;
    // Who says when or how often to retry wants it.
    let default = default || liveness.retries.is_some() || !liveness.retry_close.is_empty();
    let wanted = liveness.reconnect || (default && !liveness.no_reconnect);
    wanted.then(|| back_off(args))
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;
    use crate::cli::options::SubscribeArgs;
    use crate::cli::{Cli, Command};
    use crate::config::connection::MAX_REDIRECTS;
    use crate::net::Options;

    fn subscribe(options: &[&str]) -> SubscribeArgs {
        let argv: Vec<OsString> = ["wstap", "subscribe"].iter().chain(options).map(OsString::from).collect();
        let matches = Cli::describe_for(&argv).try_get_matches_from(&argv).unwrap();
        match Cli::from_matches(matches).unwrap().command {
            Command::Subscribe(args) => *args,
            _ => unreachable!("subscribe was typed"),
        }
    }

    /// The help is where a default is promised, so the option is given what the help says, and must change nothing.
    #[test]
    fn the_defaults_are_those_that_the_help_names() {
        let command = Cli::describe();
        let command = command.find_subcommand("subscribe").unwrap();
        let mut promised = 0;
        for option in command.get_arguments().filter(|option| option.get_default_values().is_empty()) {
            let help = option.get_help().map(ToString::to_string).unwrap_or_default();
            let Some((_, default)) = help.split_once("[default: ") else { continue };
            let default = default.split([',', ';', ']']).next().unwrap();
            // These words stand for an option that is not given.
            if ["no limit", "never", "none"].contains(&default) {
                continue;
            }
            let typed = format!("--{}={default}", option.get_long().unwrap());
            let facts = |options: &[&str]| {
                let args = subscribe(options);
                let waiting = waiting(&args.session.output, Defaults::SUBSCRIBE);
                let policy = policy(&args.session, &args.send, Vec::new(), Defaults::SUBSCRIBE);
                let connection = &args.session.connection;
                let network = (
                    connection.max_redirects.unwrap_or(MAX_REDIRECTS),
                    connection.connect_timeout.unwrap_or(Options::default().connect_timeout),
                    connection.max_message_size.or(Options::default().max_message_size),
                );
                format!("{policy:?} {waiting:?} {network:?}")
            };
            assert_eq!(facts(&[&typed]), facts(&[]), "{typed}");
            promised += 1;
        }
        assert!(promised >= 10, "{promised}");
    }
}
