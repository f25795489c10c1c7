//! The file that records of everything go to.

use std::fs::File;
use std::path::Path;

use super::output::{Cut, Output, write_all};

/// A recording that is being made.
pub struct RecordFile {
    file: File,
    path: String,
}

impl RecordFile {
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

    fn write(&mut self, lines: &[u8]) -> Result<(), Cut> {
        write_all(&self.file, lines)
    }
}
