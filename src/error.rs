//! The one error type: what happened, where, what to try, and the exit status it leads to.

use std::fmt;
use std::io;

use crate::exit::Exit;

/// Why a run, or one attempt to connect, failed. Made at the place that knows the phase; nobody reads the
/// text back, decisions are taken on [`Failure::exit`] alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The exit status if nothing recovers from it.
    pub exit: Exit,
    /// What happened and where, without a full stop. URLs in it carry no secrets.
    pub what: String,
    /// What the person can try.
    pub hint: Option<String>,
    /// A stable word for that hint, for programs.
    pub hint_id: Option<&'static str>,
    /// Further lines worth showing, such as the headers and the body of a refusal. From the network, so
    /// whoever prints them escapes control characters.
    pub details: Vec<String>,
    /// The network failed, not an agreement with the peer: the same attempt may succeed later.
    pub transient: bool,
}

impl Failure {
    /// A failure without a hint.
    pub fn new(exit: Exit, what: impl Into<String>) -> Self {
        let transient = matches!(exit, Exit::Dns | Exit::Tcp | Exit::Proxy | Exit::LinkSilent);
        Self { exit, what: what.into(), hint: None, hint_id: None, details: Vec::new(), transient }
    }

    /// A mistake on the command line or in a configuration file.
    pub fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// Adds what the person can try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// What the system refused: `what`, then the system's words. The hint is there if one is known.
    pub fn system(exit: Exit, what: impl fmt::Display, error: &io::Error) -> Self {
        let failure = Self::new(exit, format!("{what}: {error}"));
        Self { hint: remedy(error).map(str::to_owned), ..failure }
    }

    /// The same for a file or a command that was named on the command line or in a configuration file.
    pub fn usage_of_system(what: impl fmt::Display, error: &io::Error) -> Self {
        Self::system(Exit::Usage, what, error)
    }

    /// The same failure, said to be about this.
    #[must_use]
    pub fn of(self, what: impl fmt::Display) -> Self {
        Self { what: format!("{what}: {}", self.what), ..self }
    }

    /// Adds what the person can try, with a stable word for it.
    #[must_use]
    pub fn known_hint(mut self, id: &'static str, hint: impl Into<String>) -> Self {
        self.hint_id = Some(id);
        self.hint(hint)
    }

    /// Says that the network failed, where the exit status does not say so.
    #[must_use]
    pub fn transient(mut self) -> Self {
        self.transient = true;
        self
    }

    /// Adds lines that explain the failure.
    #[must_use]
    pub fn details(mut self, details: Vec<String>) -> Self {
        self.details = details;
        self
    }
}

/// What helps if the system refuses a path, for people.
#[must_use]
pub fn remedy(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Some("check the path"),
        io::ErrorKind::PermissionDenied => Some("check the permissions of the file and its directory"),
        io::ErrorKind::IsADirectory => Some("name a file, not a directory"),
        _ => None,
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Failure {}

/// The result of everything that can fail in a way the user has to be told.
pub type Result<T, E = Failure> = std::result::Result<T, E>;

/// The line, from 1, that a place in a text is on, for mistakes in files.
#[must_use]
pub fn line_of(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}
