//! `--from`: messages that were received earlier, from a recording or from plain NDJSON.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use crate::error::{Failure, Result};
use crate::message::Message;
use crate::pipeline::record::{self, Line};

/// The received messages of a file, in order. A line that is a record of `wstap` yields the message that was
/// received with it, if any; any other line is itself a message. Empty lines are skipped.
pub struct Recording {
    lines: Box<dyn BufRead + Send>,
    name: String,
    number: u64,
}

impl Recording {
    /// Opens a file, or standard input for `-`.
    ///
    /// # Errors
    /// A usage failure that names the file.
    pub fn open(path: &Path) -> Result<Self> {
        let name = path.display().to_string();
        let lines: Box<dyn BufRead + Send> = if name == "-" {
            Box::new(BufReader::new(io::stdin()))
        } else {
            let file = File::open(path).map_err(|error| Failure::usage(format!("--from {name}: {error}")))?;
            Box::new(BufReader::with_capacity(64 * 1024, file))
        };
        Ok(Self { lines, name, number: 0 })
    }
}

impl Iterator for Recording {
    type Item = Result<Message>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let mut line = Vec::new();
            self.number += 1;
            match self.lines.read_until(b'\n', &mut line) {
                Ok(0) => return None,
                Ok(_) => {}
                Err(error) => return Some(Err(Failure::usage(format!("--from {}: {error}", self.name)))),
            }
            let Ok(line) = String::from_utf8(line) else {
                let text = format!("--from {}: line {} is not UTF-8", self.name, self.number);
                return Some(Err(Failure::usage(text)));
            };
            let line = line.trim_end_matches(['\n', '\r']);
            if line.is_empty() {
                continue;
            }
            match record::read(line) {
                Line::Received(message) => return Some(Ok(message)),
                Line::Other => {}
                Line::Foreign => return Some(Ok(Message::text(line.to_owned()))),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    #[test]
    fn records_and_plain_lines_mix() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let lines = [
            r#"{"v":1,"ts":"2026-01-01T00:00:00.000000Z","type":"open","conn":1}"#,
            r#"{"v":1,"ts":"2026-01-01T00:00:00.000000Z","type":"message","conn":1,"dir":"in","data":{"a":1.0}}"#,
            r#"{"v":1,"ts":"2026-01-01T00:00:00.000000Z","type":"message","conn":1,"dir":"out","text":"x"}"#,
            "",
            r#"{"plain":true}"#,
            "text",
        ];
        file.write_all(lines.join("\n").as_bytes()).unwrap();
        let messages: Vec<Message> = Recording::open(file.path()).unwrap().map(Result::unwrap).collect();
        assert_eq!(
            messages,
            [Message::text(r#"{"a":1.0}"#), Message::text(r#"{"plain":true}"#), Message::text("text")]
        );
    }
}
