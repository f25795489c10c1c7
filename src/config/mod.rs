//! From what was typed to what the parts need: arguments, environment, profile and the facts about the terminal
//! become small values owned by the modules that use them. Later layers win: default, profile, environment, flag.

use std::io::IsTerminal as _;
use std::path::PathBuf;

use crate::cli::options::GlobalArgs;
use crate::cli::values::{ColorChoice, LogFormat};
use crate::report::{Level, Report};
use crate::sys;

pub mod arguments;
pub mod coding;
pub mod connection;
pub mod output;
mod passphrase;
pub mod profile;
pub mod session;
pub mod upstream;

/// The facts of the world that options are resolved against.
pub struct World<'a> {
    /// Looks up an environment variable; an empty one counts as unset.
    pub var: &'a dyn Fn(&str) -> Option<String>,
    /// Is any variable of an option set? Mostly none is, and asking for one after the other takes long.
    pub has_own_vars: bool,
    /// Is standard output a terminal?
    pub stdout_terminal: bool,
    /// Is standard error a terminal?
    pub stderr_terminal: bool,
}

impl World<'_> {
    /// The world of this process.
    #[must_use]
    pub fn of_process() -> World<'static> {
        World {
            var: &|name| std::env::var(name).ok().filter(|value| !value.is_empty()),
            has_own_vars: std::env::vars_os()
                .any(|(name, _)| name.as_encoded_bytes().starts_with(profile::PREFIX.as_bytes())),
            stdout_terminal: std::io::stdout().is_terminal(),
            stderr_terminal: std::io::stderr().is_terminal(),
        }
    }

    /// Is a stream to be coloured? The option decides, then `NO_COLOR`, `CLICOLOR_FORCE`, `CLICOLOR=0` and
    /// `TERM=dumb`, then whether it is a terminal (<https://no-color.org>, <https://bixense.com/clicolors>).
    #[must_use]
    pub fn color(&self, choice: ColorChoice, terminal: bool) -> bool {
        let is = |name, value: &str| (self.var)(name).as_deref() == Some(value);
        match choice {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto if (self.var)("NO_COLOR").is_some() => false,
            ColorChoice::Auto if (self.var)("CLICOLOR_FORCE").is_some_and(|value| value != "0") => true,
            ColorChoice::Auto => terminal && !is("CLICOLOR", "0") && !is("TERM", "dumb"),
        }
    }
}

/// The configuration folder (XDG Base Directory Specification), whether or not it exists.
#[must_use]
pub fn folder(var: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    sys::folder_in(sys::CONFIG_FOLDERS, var).map(|config| config.join("wstap"))
}

/// Where notices go.
#[must_use]
pub fn report(args: &GlobalArgs, world: &World<'_>) -> Report {
    let most = match (args.quiet, args.verbose) {
        (true, _) => Level::Error,
        (false, 0) => Level::Notice,
        (false, 1) => Level::Verbose,
        (false, _) => Level::Debug,
    };
    let color = world.color(args.color, world.stderr_terminal);
    // The library looks at standard output only; stderr is what is coloured here.
    colored::control::set_override(color);
    Report::stderr(most, args.log_format == LogFormat::Json, color)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn colored(vars: &[(&str, &str)], terminal: bool) -> bool {
        let var = |name: &str| {
            vars.iter().find(|(n, v)| *n == name && !v.is_empty()).map(|(_, value)| (*value).to_owned())
        };
        let world =
            World { var: &var, has_own_vars: false, stdout_terminal: terminal, stderr_terminal: terminal };
        world.color(ColorChoice::Auto, terminal)
    }

    #[test]
    fn colour_follows_the_conventions() {
        assert!(colored(&[], true));
        assert!(!colored(&[], false));
        assert!(!colored(&[("NO_COLOR", "1")], true));
        assert!(colored(&[("NO_COLOR", "")], true));
        assert!(colored(&[("CLICOLOR_FORCE", "1")], false));
        assert!(!colored(&[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], true));
        assert!(!colored(&[("CLICOLOR", "0")], true));
        assert!(!colored(&[("TERM", "dumb")], true));
    }
}
