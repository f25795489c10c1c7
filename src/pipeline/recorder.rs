//! The file that records of everything go to.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::path::Path;

/// A recording that is being made.
pub struct Recorder {
    to: BufWriter<File>,
    path: String,
}

impl Recorder {
    /// Records go to this file, which was opened by this name.
    #[must_use]
    pub fn new(file: File, path: &Path) -> Self {
        Self { to: BufWriter::new(file), path: path.display().to_string() }
    }

    /// What it is, for people.
    #[must_use]
    pub fn name(&self) -> String {
        format!("--record {}", self.path)
    }

    /// Adds a line.
    ///
    /// # Errors
    /// Whatever the system says; the line may be there in part.
    pub fn line(&mut self, text: &str) -> io::Result<()> {
        self.to.write_all(text.as_bytes())?;
        self.to.write_all(b"\n")
    }

    /// Hands what has gathered to the system.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}
