//! Where output bytes go.

use std::io;
use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::FileType;
use rustix::time::Timespec;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::error::Failure;
use crate::exit::Exit;

/// A destination of output.
pub trait Sink: Send {
    /// Writes all of it, waiting as long as the reader takes.
    ///
    /// # Errors
    /// Whatever the destination says, and how much it took before; [`io::ErrorKind::BrokenPipe`] means that the
    /// reader has gone.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Cut>;

    /// Would a write of up to [`ATOMIC`] bytes go through without waiting?
    fn ready(&self) -> bool;

    /// What it is, for people.
    fn name(&self) -> String {
        "standard output".to_owned()
    }
}

/// A write that was not finished.
#[derive(Debug)]
pub struct Cut {
    /// Bytes that were written.
    pub written: usize,
    /// Why no more were.
    pub error: io::Error,
}

/// How much a pipe that polls as writable takes at once (`PIPE_BUF`, pipe(7)).
pub const ATOMIC: usize = 4096;

/// That something could not be written, for people.
#[must_use]
pub fn unwritten(what: &str, error: &io::Error) -> String {
    format!("{what} could not be written: {error}")
}

/// The failure to write something, with what helps if that is known.
#[must_use]
pub fn write_failure(what: &str, error: &io::Error) -> Failure {
    let failure = Failure::new(Exit::OutputFailed, unwritten(what, error));
    Failure { hint: remedy(error).map(str::to_owned), ..failure }
}

/// What helps where a disk or a file is full, for people.
#[must_use]
pub fn remedy(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("free some space there, or write to another disk; what was written before is in place")
        }
        io::ErrorKind::FileTooLarge => Some(
            "the file is as large as `ulimit -f` or its disk allows: name another; what was written before is in place",
        ),
        _ => None,
    }
}

/// Standard output.
#[derive(Default)]
pub struct Stdout;

impl Sink for Stdout {
    /// Past the buffer of the standard library, which does not tell what of it was written.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Cut> {
        write_all(io::stdout(), bytes)
    }

    fn ready(&self) -> bool {
        let stdout = io::stdout();
        let mut fds = [PollFd::new(&stdout, PollFlags::OUT)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&now)).is_ok_and(|ready| ready > 0)
    }
}

/// No destination: what is written is only counted, and somebody else shows what there is to be seen.
#[derive(Default)]
pub struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, _bytes: &[u8]) -> Result<(), Cut> {
        Ok(())
    }

    fn ready(&self) -> bool {
        true
    }
}

/// Standard output as something whose reader may go away.
pub struct Watch(AsyncFd<io::Stdout>);

/// Is standard output read by another process?
#[must_use]
pub fn is_pipe() -> bool {
    let kind = rustix::fs::fstat(io::stdout()).map(|file| FileType::from_raw_mode(file.st_mode));
    matches!(kind, Ok(FileType::Fifo | FileType::Socket))
}

/// Watches standard output, if it is a pipe or a socket: others have no reader to lose.
#[must_use]
pub fn watch_stdout() -> Option<Watch> {
    if !is_pipe() {
        return None;
    }
    // A lost reader is told without being asked for, but something has to be asked for. This, unlike room for
    // output, does not change with every line that is read.
    #[expect(
        deprecated,
        reason = "it trusts that the descriptor stays open, as that of standard output does"
    )]
    let watch = AsyncFd::with_interest(io::stdout(), Interest::READABLE);
    watch.ok().map(Watch)
}

/// Waits until the reader of standard output has gone, without writing anything: a subscriber to a quiet stream
/// may have nothing to write for hours.
pub async fn reader_gone(watch: &Option<Watch>) {
    let Some(Watch(stdout)) = watch else { return std::future::pending().await };
    while let Ok(mut ready) = stdout.ready(Interest::READABLE | Interest::ERROR).await {
        // What was told may be about the other direction of a socket. poll(2) that asks for nothing reports a
        // lost reader and no more than that.
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        if poll(&mut [PollFd::new(stdout.get_ref(), PollFlags::empty())], Some(&now))
            .is_ok_and(|gone| gone > 0)
        {
            return;
        }
        ready.clear_ready();
    }
    // There is no event loop to tell any more.
    std::future::pending::<()>().await;
}

/// Waits where waiting helps; any other error is the end.
pub(super) fn write_all(to: impl AsFd, bytes: &[u8]) -> Result<(), Cut> {
    let mut written = 0;
    while written < bytes.len() {
        let result = match rustix::io::write(&to, &bytes[written..]).map_err(io::Error::from) {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            Ok(more) => {
                written += more;
                Ok(())
            }
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => Ok(()),
                // Somebody who shares the descriptor has made it non-blocking; that is not an error of ours.
                io::ErrorKind::WouldBlock => wait_until_writable(&to),
                _ => Err(error),
            },
        };
        result.map_err(|error| Cut { written, error })?;
    }
    Ok(())
}

fn wait_until_writable(to: &impl AsFd) -> io::Result<()> {
    match poll(&mut [PollFd::new(to, PollFlags::OUT)], None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
