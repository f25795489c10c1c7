//! `--from`: messages that were received earlier, from a recording, a HAR, or plain NDJSON.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read};
use std::path::Path;
use std::thread;

use jiff::Timestamp;
use tokio::sync::mpsc;

use super::Patient;
use super::values::Values;
use crate::error::{Failure, Result};
use crate::event::Direction;
use crate::file;
use crate::har;
use crate::json;
use crate::message::Message;
use crate::pipeline::record::{self, Moment, What};

/// What one read takes.
const CHUNK: usize = 64 * 1024;

/// The longest line, in bytes: the record of the largest message by default, each of its bytes as an escape of six.
const LONGEST_LINE: usize = 512 << 20;

/// What a line of a file holds, and when that was, if it says so.
#[derive(Debug, PartialEq)]
pub enum RecordedItem {
    /// A message that was received, and the number of its connection; 0 where none is known.
    Message(Message, Option<Timestamp>, u32),
    /// A record as it stands.
    Record(String, Option<Timestamp>),
    /// Something odd that was left out.
    Odd(String),
}

/// What [`Recording`] makes of records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Take {
    /// The messages that were received, and nothing of the other records.
    Received,
    /// All of them, as they stand.
    Records,
}

/// The content of a file, in order. A value that is a record of `wstap` yields what is taken of it; any other value, and
/// any line that is not JSON, is itself a message. A file that is a HAR is read as the records that it stands for.
pub struct Recording {
    lines: BufReader<Box<dyn Read + Send>>,
    values: Values,
    take: Take,
    name: String,
    number: u64,
    /// Nothing has been taken yet: what comes first may be a HAR.
    first: bool,
    /// Why nothing more can be read, until it is told.
    failed: Option<Failure>,
    ended: bool,
    /// The longest line that is taken.
    longest: usize,
}

impl Recording {
    /// Opens a file, or standard input for `-`. A HAR is read whole.
    ///
    /// # Errors
    /// A usage failure that names the file.
    pub fn open(path: &Path, take: Take) -> Result<(Self, Vec<String>)> {
        let name = path.display().to_string();
        let mut odd = Vec::new();
        let source: Box<dyn Read + Send> = if name == "-" {
            Box::new(Patient(io::stdin()))
        } else if har::is_har(path) {
            let har = har::read(path, &format!("--from {name}"))?;
            odd = har.odd;
            Box::new(io::Cursor::new(har.records))
        } else {
            let failed = |error| Failure::usage_of_system(format!("--from {name}"), &error);
            Box::new(File::open(path).map_err(failed)?)
        };
        Ok((Self::of(source, name, take), odd))
    }

    /// The content of something that is called `name`.
    pub(crate) fn of(source: Box<dyn Read + Send>, name: String, take: Take) -> Self {
        let lines = BufReader::with_capacity(CHUNK, source);
        let (values, longest) = (Values::default(), LONGEST_LINE);
        Self { lines, values, take, name, number: 0, first: true, failed: None, ended: false, longest }
    }

    /// Reads on a thread of its own. What comes is handed over as it comes, so a file that grows can be followed.
    ///
    /// # Errors
    /// If the system has no thread to give.
    pub fn spawn(mut self) -> io::Result<mpsc::Receiver<Result<Vec<RecordedItem>>>> {
        let (send, items) = mpsc::channel(2);
        thread::Builder::new().name("recording".into()).stack_size(256 * 1024).spawn(move || {
            while let Some(batch) = self.next_batch() {
                if send.blocking_send(batch).is_err() {
                    return;
                }
            }
        })?;
        Ok(items)
    }

    /// What the lines that are there hold, waiting for one at least; `None` at the end. What stands before a line
    /// that cannot be used comes before the failure.
    pub(crate) fn next_batch(&mut self) -> Option<Result<Vec<RecordedItem>>> {
        if let Some(failure) = self.failed.take() {
            return Some(Err(failure));
        }
        let (mut batch, mut values) = (Vec::new(), Vec::new());
        while !self.ended {
            match self.next_line() {
                Ok(Some(line)) => self.values.take(line, &mut values),
                Ok(None) => {
                    self.ended = true;
                    self.values.finish(&mut values);
                }
                Err(failure) => {
                    self.ended = true;
                    self.values.finish(&mut values);
                    self.failed = Some(failure);
                }
            }
            for value in values.drain(..) {
                self.put(&value, &mut batch);
            }
            if !batch.is_empty() && !self.lines.buffer().contains(&b'\n') {
                break;
            }
        }
        match self.failed.take_if(|_| batch.is_empty()) {
            Some(failure) => Some(Err(failure)),
            None => (!batch.is_empty()).then_some(Ok(batch)),
        }
    }

    fn put(&mut self, value: &str, batch: &mut Vec<RecordedItem>) {
        let first = std::mem::take(&mut self.first);
        match item(value, self.take) {
            Some(RecordedItem::Message(..)) if first && let Some(har) = har::har_in(value) => {
                batch.extend(har.odd.into_iter().map(RecordedItem::Odd));
                self.lines = BufReader::with_capacity(CHUNK, Box::new(io::Cursor::new(har.records)));
                self.ended = false;
            }
            item => batch.extend(item),
        }
    }

    fn next_line(&mut self) -> Result<Option<String>> {
        let mut line = Vec::new();
        self.number += 1;
        let longest = self.longest.saturating_sub(self.values.held());
        let most = longest as u64 + 1;
        let read = self.lines.by_ref().take(most).read_until(b'\n', &mut line);
        match read.map_err(|error| Failure::usage_of_system(format!("--from {}", self.name), &error))? {
            0 => Ok(None),
            _ if line.len() > longest => Err(Failure::usage(format!(
                "--from {}: line {} is longer than {} bytes",
                self.name, self.number, self.longest
            ))),
            _ if self.number == 1 && line.starts_with(file::MARK) => {
                line.drain(..file::MARK.len());
                self.text(line)
            }
            _ => self.text(line),
        }
    }

    fn text(&self, line: Vec<u8>) -> Result<Option<String>> {
        let not_text = || Failure::usage(format!("--from {}: line {} is not UTF-8", self.name, self.number));
        String::from_utf8(line).map(Some).map_err(|_| not_text())
    }
}

fn item(text: &str, take: Take) -> Option<RecordedItem> {
    let Some(Moment { at, conn, what }) = record::read_moment(text) else {
        return Some(RecordedItem::Message(Message::text(text.to_owned()), None, 0));
    };
    match (what, take) {
        (_, Take::Records) => Some(RecordedItem::Record(on_one_line(text), at)),
        (What::Message(Direction::In, message), Take::Received) => {
            Some(RecordedItem::Message(message, at, conn))
        }
        (_, Take::Received) => None,
    }
}

/// The last connection of a recording so far, by its number there. The first needs no beginning.
pub struct LastConn(u32);

impl LastConn {
    /// Nothing has come yet.
    #[must_use]
    pub fn new() -> Self {
        Self(1)
    }

    /// A message came on this connection, or on one that is not known (0). Did the connection begin with it?
    pub fn begins(&mut self, conn: u32) -> bool {
        let begins = conn > self.0;
        self.0 = self.0.max(conn);
        begins
    }

    /// Is it a connection before the last one?
    #[must_use]
    pub fn is_old(&self, conn: u32) -> bool {
        (1..self.0).contains(&conn)
    }
}

/// A record without what stands around it.
fn on_one_line(record: &str) -> String {
    let record = record.trim_ascii();
    if !record.contains('\n') {
        return record.to_owned();
    }
    let mut line = Vec::with_capacity(record.len());
    json::compact_into(record, &mut line);
    String::from_utf8(line).unwrap_or_default()
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
        let read = |take| {
            let (mut recording, _) = Recording::open(file.path(), take).unwrap();
            let batches = std::iter::from_fn(|| recording.next_batch());
            batches.flat_map(Result::unwrap).collect::<Vec<_>>()
        };
        let at = || "2026-01-01T00:00:00Z".parse().ok();
        let message = |text: &str| RecordedItem::Message(Message::text(text.to_owned()), None, 0);
        let plain = [message(r#"{"plain":true}"#), message("text")];
        assert_eq!(read(Take::Received)[0], RecordedItem::Message(Message::text(r#"{"a":1.0}"#), at(), 1));
        assert_eq!(read(Take::Received)[1..], plain);
        let records = read(Take::Records);
        assert_eq!(records[..3], [0, 1, 2].map(|i: usize| RecordedItem::Record(lines[i].to_owned(), at())));
        assert_eq!(records[3..], plain);
    }

    #[test]
    fn a_record_has_nothing_around_it() {
        for record in [" {\"v\":1}\t\r", "\n{\"v\":\n1} \n"] {
            assert_eq!(on_one_line(record), "{\"v\":1}");
        }
    }

    #[test]
    fn a_line_without_end_is_not_read_to_its_end() {
        let (mut recording, _) = Recording::open(Path::new("/dev/zero"), Take::Received).unwrap();
        recording.longest = 100_000;
        assert!(
            recording.next_batch().unwrap().unwrap_err().what.ends_with("line 1 is longer than 100000 bytes")
        );
        assert!(recording.next_batch().is_none());
    }

    #[test]
    fn what_stands_before_a_bad_line_is_not_lost() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"1\n2\n\xff\n3\n").unwrap();
        let (mut recording, _) = Recording::open(file.path(), Take::Received).unwrap();
        assert_eq!(recording.next_batch().unwrap().unwrap().len(), 2);
        assert!(recording.next_batch().unwrap().unwrap_err().what.contains("line 3"));
        assert!(recording.next_batch().is_none());
    }
}
