//! Standard output, and its reader.

use std::io;

use super::output::{ATOMIC, Output, PartialWrite, write_all};
use crate::sys::{self, StdoutReader};
use crate::waiting::if_any;

/// How many bytes a pipe should hold once many come at a time. With the usual 64 KiB, writer and reader wake each other
/// for every few messages of 16 KiB, which costs more than the messages do.
const PIPE: usize = 512 * 1024;

/// Standard output.
#[derive(Default)]
pub struct Stdout {
    /// The system has been asked for a larger pipe.
    is_enlarged: bool,
}

impl Stdout {
    fn expect(&mut self, bytes: usize) {
        if bytes > ATOMIC && !self.is_enlarged {
            self.is_enlarged = true;
            sys::enlarge_stdout_pipe(PIPE);
        }
    }
}

impl Output for Stdout {
    fn name(&self) -> String {
        "standard output".to_owned()
    }

    /// Past the buffer of the standard library, which does not tell what of it was written.
    fn write(&mut self, lines: &[u8]) -> Result<(), PartialWrite> {
        self.expect(lines.len());
        write_all(&io::stdout(), lines)
    }

    fn write_pieces(&mut self, pieces: [&[u8]; 3]) -> Result<(), PartialWrite> {
        self.expect(pieces.iter().map(|piece| piece.len()).sum());
        let mut before = 0;
        for piece in pieces {
            write_all(&io::stdout(), piece)
                .map_err(|cut| PartialWrite { written: before + cut.written, ..cut })?;
            before += piece.len();
        }
        Ok(())
    }

    fn ready(&self) -> bool {
        sys::stdout_is_ready()
    }
}

/// Standard output as something whose reader may go away.
pub struct StdoutWatch(StdoutReader);

/// Is standard output read by another process?
#[must_use]
pub fn is_pipe() -> bool {
    sys::stdout_is_pipe()
}

/// Watches standard output, if it is a pipe or a socket: others have no reader to lose.
#[must_use]
pub fn watch_stdout() -> Option<StdoutWatch> {
    StdoutReader::watch().map(StdoutWatch)
}

/// Waits until the reader of standard output has gone, without writing anything: a subscriber to a quiet stream
/// may have nothing to write for hours.
pub async fn reader_gone(watch: &Option<StdoutWatch>) {
    if_any(watch.as_ref().map(|StdoutWatch(reader)| reader.gone())).await;
}
