//! Where output goes: what every destination has in common.

use std::io;
use std::sync::Arc;

use super::Stop;
use super::receipt::Receipt;
use crate::error::{self, Failure};
use crate::event::Event;
use crate::exit::Exit;
use crate::sys::Sink;

/// A destination of what a pipeline makes of events: standard output, a file, a recording, the screen of a prompt.
///
/// It is given whole lines, in order, by a thread that may wait. Usually they are in place when [`Output::write`]
/// returns. A destination that is told later, by whoever it passes them to, keeps the receipt that
/// [`Output::acknowledges_by`] offers: what follows from a line (an acknowledgement to the provider, the cursor) then
/// waits for that.
pub trait Output: Send {
    /// What it is, for people.
    fn name(&self) -> String;

    /// Takes all of these lines, waiting as long as the reader takes.
    ///
    /// # Errors
    /// Whatever the destination says, and how much it took before; [`io::ErrorKind::BrokenPipe`] means that the
    /// reader has gone.
    fn write(&mut self, lines: &[u8]) -> Result<(), PartialWrite>;

    /// Takes lines like [`Output::write`], in pieces that may end anywhere: a large one is not copied to stand behind
    /// those before it.
    ///
    /// # Errors
    /// As for [`Output::write`].
    fn write_pieces(&mut self, pieces: [&[u8]; 3]) -> Result<(), PartialWrite> {
        self.write(&pieces.concat())
    }

    /// Would a write of up to [`ATOMIC`] bytes go through without waiting?
    fn ready(&self) -> bool {
        true
    }

    /// Keeps the receipt, if what has been taken arrives later than [`Output::write`] returns; the receipt is told so
    /// then. `false`: it has arrived by then. Asked once, before anything is written.
    fn acknowledges_by(&mut self, receipt: &Receipt) -> bool {
        let _ = receipt;
        false
    }

    /// Does it handle each line on its own, with its label? Asked once, before anything is written.
    fn wants_labels(&self) -> bool {
        false
    }

    /// Must all lines of a message be in one write? Asked once, before anything is written.
    fn wants_whole_messages(&self) -> bool {
        false
    }

    /// Takes lines like [`Output::write`], each with its label. There may be no line and only a cursor.
    ///
    /// # Errors
    /// As for [`Output::write`].
    fn write_labelled(&mut self, lines: &[u8], labels: &Labels) -> Result<(), PartialWrite> {
        let _ = labels;
        if lines.is_empty() { Ok(()) } else { self.write(lines) }
    }

    /// Looks at an event before the lines that come of it are written, if any do. `shown` says that the event is shown
    /// as it is, and not what programs make of it.
    fn event(&mut self, event: &Event, shown: bool) {
        let _ = (event, shown);
    }
}

/// What an output that handles each line on its own needs to know about a write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Labels {
    /// One for each line.
    pub lines: Vec<LineLabel>,
    /// The provider's cursor after the last message whose lines are all in this write, or in earlier ones.
    pub cursor: Option<String>,
}

/// A line, or another output that takes the place of one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LineLabel {
    /// Where it ends in the bytes of the write, with its line feed.
    pub end: usize,
    /// The provider's id of the event. Further lines of one event have `/2`, `/3` and so on after it.
    pub id: Option<String>,
    /// Key and headers, if there are any.
    pub address: Option<Arc<Address>>,
}

/// Where a broker is to put a line, and the headers of it: the output of `--to-key`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Address {
    /// The key.
    pub key: Option<String>,
    /// Names and values, in the order in which they were given.
    pub headers: Vec<(String, String)>,
}

/// A write that was not finished.
#[derive(Debug)]
pub struct PartialWrite {
    /// Bytes that were written.
    pub written: usize,
    /// Why no more were.
    pub error: io::Error,
}

/// How much a pipe that polls as writable takes at once (`PIPE_BUF`, pipe(7)).
pub const ATOMIC: usize = 4096;

/// Why an output takes no more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFailure {
    /// Its reader has gone. That is an end, and no mistake.
    pub reader_gone: bool,
    /// What happened.
    pub text: String,
    /// What helps, where that is known.
    pub remedy: Option<&'static str>,
}

impl OutputFailure {
    /// The failure of the output of this name.
    #[must_use]
    pub fn new(name: &str, error: &io::Error) -> Self {
        Self {
            reader_gone: error.kind() == io::ErrorKind::BrokenPipe,
            text: unwritten(name, error),
            remedy: remedy(error),
        }
    }
}

impl From<OutputFailure> for Stop {
    fn from(failure: OutputFailure) -> Self {
        if failure.reader_gone { Self::ReaderGone } else { Self::OutputFailed(failure.text, failure.remedy) }
    }
}

/// That something could not be written, for people.
#[must_use]
pub fn unwritten(what: &str, error: &io::Error) -> String {
    format!("cannot write {what}: {error}")
}

/// The failure to write something, with what helps if that is known.
#[must_use]
pub fn write_failure(what: &str, error: &io::Error) -> Failure {
    let failure = Failure::new(Exit::OutputFailed, unwritten(what, error));
    Failure { hint: remedy(error).map(str::to_owned), ..failure }
}

/// What helps if something cannot be written, for people.
#[must_use]
pub fn remedy(error: &io::Error) -> Option<&'static str> {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
            Some("free some space, or write to another disk; the output so far is kept")
        }
        io::ErrorKind::FileTooLarge => {
            Some("raise `ulimit -f`, or write to another file; the output so far is kept")
        }
        _ => error::remedy(error),
    }
}

/// No destination: what is written is only counted, and somebody else shows what there is to be seen.
#[derive(Default)]
pub struct Discard;

impl Output for Discard {
    fn name(&self) -> String {
        "no output".to_owned()
    }

    fn write(&mut self, _lines: &[u8]) -> Result<(), PartialWrite> {
        Ok(())
    }
}

/// Waits where waiting helps; any other error is the end.
pub(super) fn write_all(to: &impl Sink, bytes: &[u8]) -> Result<(), PartialWrite> {
    let mut written = 0;
    while written < bytes.len() {
        let result = match to.write_some(&bytes[written..]) {
            Ok(0) => Err(io::ErrorKind::WriteZero.into()),
            Ok(more) => {
                written += more;
                Ok(())
            }
            Err(error) => match error.kind() {
                io::ErrorKind::Interrupted => Ok(()),
                // Somebody who shares the descriptor has made it non-blocking; that is not an error of ours.
                io::ErrorKind::WouldBlock => to.wait_until_writable(),
                _ => Err(error),
            },
        };
        result.map_err(|error| PartialWrite { written, error })?;
    }
    Ok(())
}
