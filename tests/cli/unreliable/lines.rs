//! What a client has put into its files, compared with the log of the service.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

/// The log of a service.
pub(super) struct Log {
    ids: HashMap<String, usize>,
    cursors: HashMap<String, usize>,
    /// The cursor of the first event.
    pub(super) first: String,
}

#[derive(Deserialize)]
struct Event<'a> {
    id: &'a str,
    #[serde(rename = "_cursor")]
    cursor: &'a str,
}

impl Log {
    /// The log as lines of events.
    pub(super) fn read(text: &str) -> Self {
        let event = |line| serde_json::from_str::<Event<'_>>(line).expect("an event");
        let events: Vec<Event<'_>> = text.lines().map(event).collect();
        let ids = events.iter().enumerate().map(|(at, event)| (event.id.to_owned(), at)).collect();
        let cursors = events.iter().enumerate().map(|(at, event)| (event.cursor.to_owned(), at)).collect();
        Self { ids, cursors, first: events[0].cursor.to_owned() }
    }
}

/// The file of lines and the file of the cursor, of clients that run one after the other.
pub(super) struct Lines<'a> {
    log: &'a Log,
    folder: PathBuf,
    offset: u64,
    /// The event that the client writes next, counted from 0: it leaves nothing out and writes nothing twice.
    next: usize,
    /// So many of the first events are written.
    written: usize,
    /// So many were written again.
    pub(super) repeated: usize,
    /// So many lines were not whole when a client ended.
    pub(super) halves: usize,
    /// The last line has been looked at, and its end is still to come.
    open: bool,
}

impl<'a> Lines<'a> {
    /// Files in this folder, with a cursor behind the first event.
    pub(super) fn new(log: &'a Log, folder: &Path) -> Self {
        let lines = Self {
            log,
            folder: folder.to_owned(),
            offset: 0,
            next: 1,
            written: 1,
            repeated: 0,
            halves: 0,
            open: false,
        };
        fs::write(lines.cursor_file(), &log.first).expect("it can be written");
        fs::write(lines.file(), "").expect("it can be written");
        lines
    }

    pub(super) fn file(&self) -> PathBuf {
        self.folder.join("lines")
    }

    pub(super) fn cursor_file(&self) -> PathBuf {
        self.folder.join("cursor")
    }

    /// So many of the first events are written, without a hole.
    pub(super) fn written(&self) -> usize {
        self.written
    }

    /// Is the whole log written?
    pub(super) fn is_complete(&self) -> bool {
        self.written == self.log.ids.len()
    }

    /// Looks at what has come since: it goes on where it was. The cursor stands behind nothing that is not there.
    pub(super) fn look(&mut self) {
        // In this order: the cursor may move meanwhile, and the lines too.
        let cursor = self.cursor();
        self.read();
        assert!(cursor < self.written, "the cursor is at {cursor}, and {} are written", self.written);
    }

    /// A client has ended, and another one will go on.
    pub(super) fn ended(&mut self) {
        self.look();
        let tail = self.tail();
        self.halves += usize::from(!tail.is_empty());
        if serde_json::from_slice::<Value>(&tail).is_ok() {
            // Only its end is missing, which is added.
            self.take(&tail);
            self.offset += tail.len() as u64;
            self.open = true;
        }
        self.next = self.cursor() + 1;
    }

    fn cursor(&self) -> usize {
        let text = fs::read_to_string(self.cursor_file()).expect("there is always a cursor");
        let known = self.log.cursors.get(text.trim_end());
        *known.unwrap_or_else(|| panic!("no cursor: {text:?}"))
    }

    fn read(&mut self) {
        let mut bytes = self.tail();
        let whole = memchr::memrchr(b'\n', &bytes).map_or(0, |end| end + 1);
        bytes.truncate(whole);
        self.offset += whole as u64;
        for line in bytes.split_inclusive(|byte| *byte == b'\n') {
            if !(line == b"\n" && std::mem::take(&mut self.open)) {
                self.take(line);
            }
        }
    }

    /// What follows the lines that have been looked at.
    fn tail(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        let mut file = File::open(self.file()).expect("the file is there");
        file.seek(SeekFrom::Start(self.offset)).expect("it is a file");
        file.read_to_end(&mut bytes).expect("it can be read");
        bytes
    }

    fn take(&mut self, line: &[u8]) {
        let event: Event<'_> = serde_json::from_slice(line)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(line)));
        assert_eq!(self.log.ids.get(event.id), Some(&self.next), "in {}", self.folder.display());
        if self.next < self.written {
            self.repeated += 1;
        }
        self.next += 1;
        self.written = self.written.max(self.next);
    }
}
