//! Bytes that are read from front to back.

use super::StepError;

/// What is read, and how far.
pub(super) struct ByteReader<'a> {
    bytes: &'a [u8],
    pub(super) at: usize,
}

impl<'a> ByteReader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    pub(super) fn is_at_end(&self) -> bool {
        self.at >= self.bytes.len()
    }

    /// The next byte, which stays the next.
    pub(super) fn peek(&self) -> Option<u8> {
        self.bytes.get(self.at).copied()
    }

    pub(super) fn byte(&mut self) -> Result<u8, StepError> {
        self.take(1).map(|byte| byte[0])
    }

    pub(super) fn take(&mut self, length: usize) -> Result<&'a [u8], StepError> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let Some(end) = end else {
            return Err(StepError::new(self.bytes.len(), "message ends in the middle of a value"));
        };
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    /// As many bytes as a length says that was read just now.
    pub(super) fn take_long(&mut self, length: u64) -> Result<&'a [u8], StepError> {
        self.take(usize::try_from(length).unwrap_or(usize::MAX))
    }

    /// An unsigned number of so many bytes, at most eight, the first of them the highest.
    pub(super) fn number(&mut self, length: usize) -> Result<u64, StepError> {
        Ok(self.take(length)?.iter().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }
}
