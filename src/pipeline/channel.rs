//! An output with the buffer before it.

use std::sync::Arc;

use super::CHUNK;
use super::output::{Address, Labels, LineLabel, Output, OutputFailure, PartialWrite};
use super::receipt::{Mark, Receipt};

/// An output, what is to be written to it, and the account of what has arrived there.
pub(super) struct Channel {
    output: Box<dyn Output>,
    pub(super) buffer: Vec<u8>,
    /// Where in the buffer the lines of messages end.
    marks: Vec<(usize, Mark)>,
    /// What an output that handles each line on its own needs to know; `None` for all others.
    labels: Option<Labels>,
    /// All lines of a message are written at once.
    whole_messages: bool,
    receipt: Receipt,
    /// The output tells later what has arrived.
    acknowledges: bool,
}

impl Channel {
    pub(super) fn new(mut output: Box<dyn Output>) -> Self {
        let receipt = Receipt::new(output.name());
        let acknowledges = output.acknowledges_by(&receipt);
        let labels = output.wants_labels().then(Labels::default);
        let whole_messages = output.wants_whole_messages();
        let buffer = Vec::with_capacity(CHUNK);
        Self { output, buffer, marks: Vec::new(), labels, whole_messages, receipt, acknowledges }
    }

    /// The lines of this message, if it has any, end here.
    pub(super) fn mark(&mut self, mark: Mark) {
        self.marks.push((self.buffer.len(), mark));
    }

    /// A line ends here. Its id and address matter only to an output that handles each line on its own.
    pub(super) fn line(&mut self, id: impl FnOnce() -> Option<String>, address: Option<&Arc<Address>>) {
        if let Some(labels) = &mut self.labels {
            labels.lines.push(LineLabel { end: self.buffer.len(), id: id(), address: address.cloned() });
        }
    }

    /// The message with this cursor has no further lines.
    pub(super) fn cursor(&mut self, cursor: String) {
        if let Some(labels) = &mut self.labels {
            labels.cursor = Some(cursor);
        }
    }

    /// Is it time to write what has gathered, although the message may have further lines?
    pub(super) fn is_full(&self) -> bool {
        self.buffer.len() >= CHUNK && !self.whole_messages
    }

    /// May lines go past the buffer?
    pub(super) fn may_pass(&self) -> bool {
        self.labels.is_none() && !self.whole_messages
    }

    /// Writes out what has gathered, waiting if need be. What comes after a failure is dropped.
    pub(super) fn flush(&mut self) -> Result<(), OutputFailure> {
        self.flush_with("")
    }

    /// The same with a line behind it, which comes without its end; no line is empty.
    pub(super) fn flush_with(&mut self, line: &str) -> Result<(), OutputFailure> {
        let end = if line.is_empty() { &[][..] } else { b"\n" };
        let length = self.buffer.len() + line.len() + end.len();
        if let Some(start) = self.receipt.give(length, self.marks.drain(..)) {
            match self.write([line.as_bytes(), end]) {
                Ok(()) if self.acknowledges => {}
                Ok(()) => self.receipt.all_arrived(),
                Err(cut) => self.receipt.cut(start + cut.written as u64, &cut.error),
            }
        }
        self.buffer.clear();
        if let Some(labels) = &mut self.labels {
            labels.lines.clear();
            labels.cursor = None;
        }
        // An emptied buffer that once held a huge message would keep its memory for the whole session.
        self.buffer.shrink_to(2 * CHUNK);
        self.receipt.take_failure().map_or(Ok(()), Err)
    }

    fn write(&mut self, [line, end]: [&[u8]; 2]) -> Result<(), PartialWrite> {
        match &self.labels {
            _ if !line.is_empty() => self.output.write_pieces([&self.buffer, line, end]),
            Some(labels) if !self.buffer.is_empty() || labels.cursor.is_some() => {
                self.output.write_labelled(&self.buffer, labels)
            }
            None if !self.buffer.is_empty() => self.output.write(&self.buffer),
            _ => Ok(()),
        }
    }

    /// Would what has gathered be written without waiting?
    pub(super) fn ready(&self) -> bool {
        self.buffer.is_empty() || (self.buffer.len() <= super::output::ATOMIC && self.output.ready())
    }

    /// The account, if there is more in it than what has been written.
    pub(super) fn receipt(&self) -> Option<Receipt> {
        self.acknowledges.then(|| self.receipt.clone())
    }

    /// The last message whose lines have arrived.
    pub(super) fn reached(&self) -> Mark {
        self.receipt.reached()
    }
}
