//! An output with the buffer before it.

use super::CHUNK;
use super::output::{Output, OutputFailure};
use super::receipt::{Mark, Receipt};

/// An output, what is to be written to it, and the account of what has arrived there.
pub(super) struct Channel {
    output: Box<dyn Output>,
    pub(super) buffer: Vec<u8>,
    /// Where in the buffer the lines of messages end.
    marks: Vec<(usize, Mark)>,
    receipt: Receipt,
    /// The output tells later what has arrived.
    acknowledges: bool,
}

impl Channel {
    pub(super) fn new(mut output: Box<dyn Output>) -> Self {
        let receipt = Receipt::new(output.name());
        let acknowledges = output.acknowledges_by(&receipt);
        Self { output, buffer: Vec::with_capacity(CHUNK), marks: Vec::new(), receipt, acknowledges }
    }

    /// The lines of this message, if it has any, end here.
    pub(super) fn mark(&mut self, mark: Mark) {
        self.marks.push((self.buffer.len(), mark));
    }

    /// Writes out what has gathered, waiting if need be. What comes after a failure is dropped.
    pub(super) fn flush(&mut self) -> Result<(), OutputFailure> {
        if let Some(start) = self.receipt.give(self.buffer.len(), self.marks.drain(..)) {
            let written = if self.buffer.is_empty() { Ok(()) } else { self.output.write(&self.buffer) };
            match written {
                Ok(()) if self.acknowledges => {}
                Ok(()) => self.receipt.all_arrived(),
                Err(cut) => self.receipt.cut(start + cut.written as u64, &cut.error),
            }
        }
        self.buffer.clear();
        // An emptied buffer that once held a huge message would keep its memory for the whole session.
        self.buffer.shrink_to(2 * CHUNK);
        self.receipt.take_failure().map_or(Ok(()), Err)
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
