//! Bytes that wait in files without names: first in, first out. What was read is given back to the disk, and
//! whatever becomes of the process, nothing stays behind.

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::path::PathBuf;

use crate::sys;

/// Segment size: a full segment is deleted once it is read.
const SEGMENT: u64 = 64 << 20;

/// What waits on the disk at most, unless something else is asked for.
pub const DEFAULT_LIMIT: u64 = 4 << 30;

/// A queue of bytes on the disk.
pub struct Spill {
    limit: u64,
    segments: VecDeque<Segment>,
}

struct Segment {
    file: File,
    written: u64,
    read: u64,
}

/// Why nothing was taken.
#[derive(Debug)]
pub enum SpillError {
    /// The limit.
    Full,
    /// The disk.
    Io(io::Error),
}

impl Spill {
    /// An empty one, that takes so many bytes. There is no file before there is something for it.
    #[must_use]
    pub fn new(limit: u64) -> Self {
        Self { limit, segments: VecDeque::new() }
    }

    /// Where the files are: `TMPDIR`, else `/tmp`.
    #[must_use]
    pub fn folder() -> PathBuf {
        std::env::temp_dir()
    }

    /// Is there nothing?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.segments.is_empty()
    }

    /// Takes bytes in, or none of them.
    ///
    /// # Errors
    /// If the limit or the disk does not allow it.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), SpillError> {
        let used: u64 = self.segments.iter().map(|segment| segment.written).sum();
        if used.saturating_add(bytes.len() as u64) > self.limit {
            return Err(SpillError::Full);
        }
        if self.segments.back().is_none_or(|last| last.written >= SEGMENT) {
            let file = tempfile::tempfile_in(Self::folder()).map_err(SpillError::Io)?;
            self.segments.push_back(Segment { file, written: 0, read: 0 });
        }
        let Some(last) = self.segments.back_mut() else { return Err(SpillError::Full) };
        let result = sys::write_all_at(&last.file, bytes, last.written).map_err(SpillError::Io);
        if result.is_ok() {
            last.written += bytes.len() as u64;
        }
        self.tidy();
        result
    }

    /// Takes the first bytes out; as many as were put in at once.
    ///
    /// # Errors
    /// If the disk does not give them.
    pub fn read(&mut self, length: usize) -> io::Result<Vec<u8>> {
        let first = self.segments.front_mut().ok_or(io::ErrorKind::UnexpectedEof)?;
        let mut bytes = vec![0; length];
        sys::read_exact_at(&first.file, &mut bytes, first.read)?;
        first.read += length as u64;
        self.tidy();
        Ok(bytes)
    }

    fn tidy(&mut self) {
        while self.segments.pop_front_if(|first| first.read == first.written).is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_in_is_first_out_and_the_disk_is_given_back() {
        let mut spill = Spill::new(150 << 20);
        let block = |n: u8| vec![n; 10 << 20];
        for n in 0..15 {
            spill.write(&block(n)).unwrap();
        }
        assert_eq!(spill.segments.len(), 3);
        assert!(matches!(spill.write(&[1]), Err(SpillError::Full)));
        for n in 0..7 {
            assert!(spill.read(10 << 20).unwrap() == block(n));
        }
        spill.write(&block(15)).unwrap();
        for n in 7..16 {
            assert!(spill.read(10 << 20).unwrap() == block(n));
        }
        assert!(spill.is_empty());
    }
}
