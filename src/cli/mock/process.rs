//! The options of `serve-mock` that are about the process, and not about what it serves.

use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use clap::Args;

use crate::text::duration;

/// How the process announces itself, and when it ends.
#[derive(Args, Clone, Debug, Default)]
pub struct ProcessArgs {
    /// Write the URL to this file as soon as the server listens
    ///
    /// It is the line that standard output gets.
    #[arg(long, visible_alias = "url-file", value_name = "FILE")]
    pub port_file: Option<PathBuf>,

    /// What the one line on standard output is
    ///
    /// Without it: the URL; nothing with --exec, where standard output is the command's.
    #[arg(long, value_name = "WHAT", value_enum)]
    pub announce: Option<Announce>,

    /// End by itself: after N connections have come and gone (`3`), after a time (`30s`), or once the scenario has
    /// been played (`scenario`)
    #[arg(long, value_name = "WHEN", conflicts_with_all = ["exec", "command"])]
    pub exit_after: Option<ExitAfter>,

    /// Start this command once the server listens, and end with its status; takes all that follows
    ///
    /// `{}` as an argument, or after `=`, and `{url}` anywhere become the URL. The environment has WSTAP_MOCK_URL, the
    /// same with _ and a dialect's name in capitals for each, WSTAP_MOCK_PORT, WSTAP_MOCK_CONTROL and WSTAP_MOCK_CA.
    /// What follows `--` is such a command as well.
    #[arg(long, value_name = "COMMAND", num_args = 1.., allow_hyphen_values = true)]
    pub exec: Vec<OsString>,

    /// The same as --exec
    #[arg(last = true, value_name = "COMMAND", conflicts_with = "exec")]
    pub command: Vec<OsString>,
}

impl ProcessArgs {
    /// The command to run, if there is one.
    #[must_use]
    pub fn command(&self) -> Option<&[OsString]> {
        [&self.exec, &self.command].into_iter().find(|words| !words.is_empty()).map(Vec::as_slice)
    }

    /// The first option that was given, for a mock that is no process.
    pub(super) fn given(&self) -> Option<&'static str> {
        let given = [
            (self.port_file.is_some(), "--port-file"),
            (self.announce.is_some(), "--announce"),
            (self.exit_after.is_some(), "--exit-after"),
            (!self.exec.is_empty(), "--exec"),
            (!self.command.is_empty(), "-- COMMAND"),
        ];
        given.into_iter().find(|(given, _)| *given).map(|(_, name)| name)
    }
}

/// The line on standard output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Announce {
    /// The URL: that of the dialect, if one is named, and else the base of all.
    Url,
    /// All that there is to know, as JSON.
    Json,
}

/// When the process ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitAfter {
    /// When this many connections have come and gone.
    Connections(u64),
    /// After this time.
    Time(Duration),
    /// When the scenario has been played.
    Scenario,
}

impl FromStr for ExitAfter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text == "scenario" {
            return Ok(Self::Scenario);
        }
        match text.strip_suffix('c').unwrap_or(text).parse() {
            Ok(0) => return Err("0 connections are over before they begin".to_owned()),
            Ok(connections) => return Ok(Self::Connections(connections)),
            Err(_) => {}
        }
        let time = duration(text).map(Self::Time);
        time.map_err(|_| "it is a number of connections (3), a time (30s) or the word scenario".to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_apart() {
        assert_eq!("3".parse(), Ok(ExitAfter::Connections(3)));
        assert_eq!("3c".parse(), Ok(ExitAfter::Connections(3)));
        assert_eq!("30s".parse(), Ok(ExitAfter::Time(Duration::from_secs(30))));
        assert_eq!("scenario".parse(), Ok(ExitAfter::Scenario));
        for wrong in ["", "0", "0c", "c", "-1", "soon", "3cc", "584542046090y"] {
            assert!(wrong.parse::<ExitAfter>().is_err(), "{wrong}");
        }
    }
}
