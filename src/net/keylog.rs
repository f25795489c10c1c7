//! The keys of TLS sessions written to a file, for tools that decrypt captured traffic.

use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::path::Path;

use crate::error::{Failure, Result};
use crate::sys;
use crate::text::hex;

/// A file of keys in the format of NSS's key log (`SSLKEYLOGFILE`), appended to and readable by its owner alone.
#[derive(Debug)]
pub(super) struct KeyLogFile(File);

impl KeyLogFile {
    /// Opens the file, and makes it if need be.
    ///
    /// # Errors
    /// A usage failure if it cannot be written to.
    pub(super) fn open(path: &Path) -> Result<Self> {
        let file = sys::for_owner(OpenOptions::new().append(true).create(true)).open(path);
        file.map(Self)
            .map_err(|error| Failure::usage_of_system(format!("SSLKEYLOGFILE {}", path.display()), &error))
    }
}

impl rustls::KeyLog for KeyLogFile {
    fn log(&self, label: &str, client_random: &[u8], secret: &[u8]) {
        let line = format!("{label} {} {}\n", hex(client_random), hex(secret));
        // In one piece, since connections write at the same time. It is a help for debugging: if it cannot be
        // written, the connection is none the worse.
        let _ = (&self.0).write_all(line.as_bytes());
    }
}
