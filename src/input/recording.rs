//! `--from`: messages that were received earlier, from a recording or from plain NDJSON.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;
use std::thread;

use tokio::sync::mpsc;

use crate::error::{Failure, Result};
use crate::message::Message;
use crate::pipeline::record::{self, Line};

/// What one read takes.
const CHUNK: usize = 64 * 1024;

/// The received messages of a file, in order. A line that is a record of `wstap` yields the message that was
/// received with it, if any; any other line is itself a message. Empty lines are skipped.
pub struct Recording {
    lines: BufReader<Box<dyn Read + Send>>,
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
        let source: Box<dyn Read + Send> = if name == "-" {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(path).map_err(|error| Failure::usage(format!("--from {name}: {error}")))?)
        };
        Ok(Self { lines: BufReader::with_capacity(CHUNK, source), name, number: 0 })
    }

    /// Reads on a thread of its own. What comes is handed over as it comes, so a file that grows can be followed.
    ///
    /// # Errors
    /// If the system has no thread to give.
    pub fn spawn(mut self) -> io::Result<mpsc::Receiver<Result<Vec<Message>>>> {
        let (send, messages) = mpsc::channel(2);
        thread::Builder::new().name("recording".into()).stack_size(256 * 1024).spawn(move || {
            while let Some(batch) = self.next_batch() {
                if send.blocking_send(batch).is_err() {
                    return;
                }
            }
        })?;
        Ok(messages)
    }

    /// The messages of the lines that are there, waiting for one at least; `None` at the end.
    fn next_batch(&mut self) -> Option<Result<Vec<Message>>> {
        let mut batch = Vec::new();
        loop {
            match self.next_line() {
                Ok(None) => return (!batch.is_empty()).then_some(Ok(batch)),
                Ok(Some(line)) => batch.extend(message(&line)),
                Err(failure) => return Some(Err(failure)),
            }
            if !batch.is_empty() && !self.lines.buffer().contains(&b'\n') {
                return Some(Ok(batch));
            }
        }
    }

    fn next_line(&mut self) -> Result<Option<String>> {
        let mut line = Vec::new();
        self.number += 1;
        let read = self.lines.read_until(b'\n', &mut line);
        match read.map_err(|error| Failure::usage(format!("--from {}: {error}", self.name)))? {
            0 => Ok(None),
            _ => String::from_utf8(line).map(Some).map_err(|_| {
                Failure::usage(format!("--from {}: line {} is not UTF-8", self.name, self.number))
            }),
        }
    }
}

fn message(line: &str) -> Option<Message> {
    let text = line.trim_end_matches(['\n', '\r']);
    if text.is_empty() {
        return None;
    }
    match record::read(text) {
        Line::Received(message) => Some(message),
        Line::Other => None,
        Line::Foreign => Some(Message::text(text.to_owned())),
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
        let mut recording = Recording::open(file.path()).unwrap();
        let batches = std::iter::from_fn(|| recording.next_batch());
        let messages: Vec<Message> = batches.flat_map(Result::unwrap).collect();
        assert_eq!(
            messages,
            [Message::text(r#"{"a":1.0}"#), Message::text(r#"{"plain":true}"#), Message::text("text")]
        );
    }
}
