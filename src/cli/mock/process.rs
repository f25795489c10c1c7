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
    /// Serve the mock of this dialect file as well, or of a dialect in the configuration folder; repeatable
    #[arg(short, long = "dialect", value_name = "FILE")]
    pub dialect_files: Vec<String>,

    /// Write the URL to FILE as soon as the server listens
    ///
    /// FILE gets the same line as standard output.
    #[arg(long, visible_alias = "url-file", value_name = "FILE")]
    pub port_file: Option<PathBuf>,

    /// What to print on standard output once the server listens [default: url; nothing with --exec]
    #[arg(long, value_name = "WHAT", value_enum)]
    pub announce: Option<Announce>,

    /// Exit after N connections have closed (3), after a time (30s), or when the scenario is done (scenario) [default:
    /// never]
    #[arg(long, value_name = "WHEN", conflicts_with_all = ["exec", "command"])]
    pub exit_after: Option<ExitAfter>,

    /// Run this command once the server listens, and exit with its status; takes all remaining arguments
    ///
    /// {} as an argument or after =, and {url} anywhere, are replaced by the URL. The command finds WSTAP_MOCK_URL,
    /// WSTAP_MOCK_PORT, WSTAP_MOCK_CONTROL and WSTAP_MOCK_CA in its environment, and the URL of each dialect in
    /// WSTAP_MOCK_URL_NAME, with the name in capitals.
    #[arg(long, value_name = "COMMAND", num_args = 1.., allow_hyphen_values = true)]
    pub exec: Vec<OsString>,

    /// Command to run, as with --exec
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
            (!self.dialect_files.is_empty(), "--dialect"),
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
    /// The URL of the dialect if one is named, else the base URL of all
    Url,
    /// URLs, port, control API and CA file, as JSON
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
            Ok(0) => return Err("expected at least 1 connection".to_owned()),
            Ok(connections) => return Ok(Self::Connections(connections)),
            Err(_) => {}
        }
        let time = duration(text).map(Self::Time);
        time.map_err(|_| "expected a number of connections (3), a time (30s) or the word scenario".to_owned())
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
