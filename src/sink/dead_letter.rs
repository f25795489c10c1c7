//! `--dead-letter FILE`: lines that a store refuses.
//!
//! Each becomes a record of a received message, so that `--from FILE` reads the lines again. What the store said, the id
//! and the key are further fields.

use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

use super::SinkLine;
use crate::clock;
use crate::json;
use crate::message::Message;
use crate::pipeline::outfile::{OutFile, ToFile};
use crate::pipeline::output::Output as _;
use crate::pipeline::record;
use crate::report::Report;

/// The file, shared by all sinks.
pub struct DeadLetters {
    file: std::sync::Arc<OutFile>,
    name: String,
    lines: AtomicU64,
    report: Report,
}

impl DeadLetters {
    /// Opens the file, or makes one. Lines are added to those that it has.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn open(path: &Path, report: Report) -> io::Result<Self> {
        let (file, name) = (OutFile::open(path)?.into(), format!("--dead-letter {}", path.display()));
        Ok(Self { file, name, lines: AtomicU64::new(0), report })
    }

    /// What it is, for people.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Adds a line, which is on the disk then. `true`: it is the first.
    pub(super) fn put(&self, line: &SinkLine, sink: &str, why: &str) -> io::Result<bool> {
        let number = self.lines.fetch_add(1, Ordering::Relaxed) + 1;
        let secrets = self.report.secrets();
        let message = match std::str::from_utf8(&line.text) {
            Ok(text) => Message::text(text.to_owned()),
            Err(_) => Message::Binary(line.text.clone()),
        };
        let mut out = format!(
            r#"{{"v":{},"ts":"{:.6}","type":"message","conn":0,"dir":"in","seq":{number}"#,
            record::VERSION,
            clock::now()
        )
        .into_bytes();
        record::write_message(&message, secrets, &mut out);
        let fields =
            [("to", Some(sink)), ("refused", Some(why)), ("id", Some(&*line.id)), ("key", line.key())];
        for (name, value) in fields.into_iter().filter_map(|(name, value)| Some((name, value?))) {
            out.extend_from_slice(format!(r#","{name}":"#).as_bytes());
            json::write_string(&secrets.mask_text(value), &mut out);
        }
        out.extend_from_slice(b"}\n");
        ToFile(std::sync::Arc::clone(&self.file)).write(&out).map_err(|cut| cut.error)?;
        self.file.sync()?;
        Ok(number == 1)
    }
}
