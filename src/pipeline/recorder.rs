//! The file that records of everything go to.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use super::output::{Output, PartialWrite, write_all};
use crate::sys;

/// A recording that is being made.
pub struct RecordFile {
    file: File,
    path: String,
}

impl RecordFile {
    /// Makes the file, or empties it. What a recording holds is nobody else's business.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn create(path: &Path) -> io::Result<Self> {
        let file = sys::for_owner(OpenOptions::new().write(true).create(true).truncate(true)).open(path);
        file.map(|file| Self::new(file, path))
    }

    /// Records go to this file, which was opened by this name.
    #[must_use]
    pub fn new(file: File, path: &Path) -> Self {
        Self { file, path: path.display().to_string() }
    }
}

impl Output for RecordFile {
    fn name(&self) -> String {
        format!("--record {}", self.path)
    }

    fn write(&mut self, lines: &[u8]) -> Result<(), PartialWrite> {
        write_all(&self.file, lines)
    }
}
