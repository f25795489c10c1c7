//! What differs between operating systems: signals, terminals, waiting for a stream, permissions, processes, folders.
//!
//! `unix.rs` and `windows.rs` define the same names. Nothing else in the crate depends on the system that it is built
//! for; a test walks the sources. If a system cannot do something, its function says so, or does the nearest safe thing,
//! as its comment explains.

use std::io;
use std::path::PathBuf;

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub(crate) use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub(crate) use windows::*;

/// What the system or a person may ask of the process. [`listen`] waits for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Ctrl-C, SIGINT.
    Interrupt,
    /// SIGTERM; on Windows, Ctrl-Break, or the console or the session ends.
    Terminate,
    /// SIGHUP: open files again. Windows has no such signal.
    Reopen,
    /// The terminal has another size. Windows has no such signal.
    Resize,
    /// Ctrl-Z, SIGTSTP. Windows has no such signal.
    Suspend,
    /// The process was stopped and continues. Windows has no such signal.
    Resume,
}

/// A destination that bytes can be written to past the buffers of the standard library.
pub(crate) trait Sink {
    /// Writes what fits, at least one byte.
    ///
    /// # Errors
    /// Whatever the system says; [`io::ErrorKind::WouldBlock`] if the stream is non-blocking and takes nothing.
    fn write_some(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Waits until [`Sink::write_some`] writes something.
    ///
    /// # Errors
    /// Whatever the system says.
    fn wait_until_writable(&self) -> io::Result<()>;
}

/// Why a text was not typed.
pub(crate) enum NotTyped {
    /// The process has no terminal.
    NoTerminal,
    /// Ctrl-C.
    Interrupted,
}

/// The first folder of a list that its variable names with an absolute path. `var` reads the environment.
pub(crate) fn folder_in(places: &[(&str, &str)], var: &dyn Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let folder = |(name, below): &(&str, &str)| {
        let path = var(name).map(PathBuf::from).filter(|path| path.is_absolute())?;
        Some(if below.is_empty() { path } else { path.join(below) })
    };
    places.iter().find_map(folder)
}
