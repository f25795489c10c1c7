//! Standard output, and its reader.

use std::io;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::FileType;
use rustix::time::Timespec;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use super::output::{Cut, Output, write_all};

/// Standard output.
#[derive(Default)]
pub struct Stdout;

impl Output for Stdout {
    fn name(&self) -> String {
        "standard output".to_owned()
    }

    /// Past the buffer of the standard library, which does not tell what of it was written.
    fn write(&mut self, lines: &[u8]) -> Result<(), Cut> {
        write_all(io::stdout(), lines)
    }

    fn ready(&self) -> bool {
        let stdout = io::stdout();
        let mut fds = [PollFd::new(&stdout, PollFlags::OUT)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&now)).is_ok_and(|ready| ready > 0)
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
