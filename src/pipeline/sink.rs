//! Where output bytes go.

use std::io::{self, Write as _};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::FileType;
use rustix::time::Timespec;
use tokio::sync::oneshot;

/// A destination of output.
pub trait Sink: Send {
    /// Writes all of it, waiting as long as the reader takes.
    ///
    /// # Errors
    /// Whatever the destination says; [`io::ErrorKind::BrokenPipe`] means that the reader has gone.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Would a write of up to [`ATOMIC`] bytes go through without waiting?
    fn ready(&self) -> bool;
}

/// How much a pipe that polls as writable takes at once (`PIPE_BUF`, pipe(7)).
pub const ATOMIC: usize = 4096;

/// Standard output.
#[derive(Default)]
pub struct Stdout;

impl Sink for Stdout {
    fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        while !bytes.is_empty() {
            match stdout.write(bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => bytes = &bytes[written..],
                Err(error) => may_try_again(error)?,
            }
        }
        // Output without a newline at its end is still held by the standard library.
        while let Err(error) = stdout.flush() {
            may_try_again(error)?;
        }
        Ok(())
    }

    fn ready(&self) -> bool {
        let stdout = io::stdout();
        let mut fds = [PollFd::new(&stdout, PollFlags::OUT)];
        let now = Timespec { tv_sec: 0, tv_nsec: 0 };
        poll(&mut fds, Some(&now)).is_ok_and(|ready| ready > 0)
    }
}

/// Tells when the reader of standard output goes away, if it is a pipe or a socket: others have none to lose.
///
/// The thread sleeps in poll(2), which reports a lost reader without being asked for any event.
#[must_use]
pub fn watch_stdout() -> Option<oneshot::Receiver<()>> {
    let kind = FileType::from_raw_mode(rustix::fs::fstat(io::stdout()).ok()?.st_mode);
    if !matches!(kind, FileType::Fifo | FileType::Socket) {
        return None;
    }
    let (tell, gone) = oneshot::channel();
    let watch = move || {
        let stdout = io::stdout();
        loop {
            match poll(&mut [PollFd::new(&stdout, PollFlags::empty())], None) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => {
                    // A session that has ended by itself needs no telling.
                    let _ = tell.send(());
                    return;
                }
                Err(_) => return,
            }
        }
    };
    thread::Builder::new().name("stdout".into()).stack_size(64 * 1024).spawn(watch).ok()?;
    Some(gone)
}

/// Waits until the reader of standard output has gone, without writing anything: a subscriber to a quiet stream
/// may have nothing to write for hours.
pub async fn reader_gone(watch: &mut Option<oneshot::Receiver<()>>) {
    let Some(receiver) = watch else { return std::future::pending().await };
    if receiver.await.is_err() {
        // The watch ended without having seen anything, so there is nothing to see.
        *watch = None;
        std::future::pending::<()>().await;
    }
}

/// Waits where waiting helps; any other error is the end.
fn may_try_again(error: io::Error) -> io::Result<()> {
    match error.kind() {
        io::ErrorKind::Interrupted => Ok(()),
        // Somebody who shares the descriptor has made it non-blocking; that is not an error of ours.
        io::ErrorKind::WouldBlock => wait_until_writable(),
        _ => Err(error),
    }
}

fn wait_until_writable() -> io::Result<()> {
    let stdout = io::stdout();
    match poll(&mut [PollFd::new(&stdout, PollFlags::OUT)], None) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
