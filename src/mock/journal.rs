//! What clients sent: a memory with two bounds, in which every message has a number. Who waits for messages finds
//! those that came before as well.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use tokio::sync::watch;

use crate::clock;
use crate::json;
use crate::limits;
use crate::message::Message;
use crate::pipeline::record;
use crate::provider::Conn;
use crate::ring::Ring;
use crate::secret::Secrets;

/// How much is kept. The oldest goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Bounds {
    pub(super) messages: usize,
    /// Bytes, with what it takes to hold them.
    pub(super) bytes: usize,
}

impl Bounds {
    /// Enough for a test, and little beside what a process has.
    const USUAL: Self = Self { messages: 10_000, bytes: limits::JOURNAL };
    const NOTHING: Self = Self { messages: 0, bytes: 0 };
}

/// The messages that clients sent.
#[derive(Debug)]
pub(super) struct Journal {
    bounds: Bounds,
    kept: Mutex<Kept>,
    /// The number of the last message.
    last: watch::Sender<u64>,
}

/// What is kept of them.
#[derive(Debug)]
struct Kept {
    entries: Ring<Arc<Entry>>,
    last: u64,
    discarded: u64,
}

/// One message.
#[derive(Debug)]
pub(super) struct Entry {
    /// Its number, from 1, over all connections.
    pub(super) number: u64,
    at: Timestamp,
    /// `None`: it was the body of a request of its own.
    conn: Option<u64>,
    path: String,
    pub(super) message: Message,
}

/// Which messages are meant.
#[derive(Clone, Debug, Default)]
pub(super) struct Select {
    /// Only those with a higher number.
    pub(super) since: u64,
    /// Only those from connections to this path.
    pub(super) path: Option<String>,
    /// Only those from this connection.
    pub(super) conn: Option<u64>,
}

/// How full it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fill {
    pub(super) messages: usize,
    pub(super) bytes: usize,
    /// Messages that had to make room, or found none.
    pub(super) discarded: u64,
}

impl Default for Journal {
    fn default() -> Self {
        Self::with(Bounds::USUAL)
    }
}

impl Journal {
    pub(super) fn with(bounds: Bounds) -> Self {
        let entries = Ring::holding(bounds.messages, bounds.bytes, |entry: &Arc<Entry>| entry.cost());
        let kept = Mutex::new(Kept { entries, last: 0, discarded: 0 });
        Self { bounds, kept, last: watch::Sender::new(0) }
    }

    /// One that keeps nothing, for a server that nobody will ask.
    pub(super) fn off() -> Self {
        Self::with(Bounds::NOTHING)
    }

    /// Is anything kept?
    pub(super) fn is_on(&self) -> bool {
        self.bounds.messages > 0
    }

    /// Notes a message.
    pub(super) fn note(&self, conn: &Conn, message: &Message) {
        self.add(Some(conn.id), &conn.path, message);
    }

    /// Notes the body of a request that was no upgrade: some clients acknowledge events in that way.
    pub(super) fn note_body(&self, path: &str, body: &[u8]) {
        match std::str::from_utf8(body) {
            Ok("") => {}
            Ok(text) => self.add(None, path, &Message::text(text.to_owned())),
            Err(_) => self.add(None, path, &Message::Binary(bytes::Bytes::copy_from_slice(body))),
        }
    }

    fn add(&self, conn: Option<u64>, path: &str, message: &Message) {
        if self.bounds.messages == 0 {
            return;
        }
        let mut kept = self.kept();
        kept.last += 1;
        let number = kept.last;
        if cost(path, message) > self.bounds.bytes {
            kept.discarded += 1;
        } else {
            let (path, message) = (path.to_owned(), message.unshared());
            let entry = Entry { number, at: clock::now(), conn, path, message };
            kept.discarded += kept.entries.push(Arc::new(entry));
        }
        drop(kept);
        self.last.send_replace(number);
    }

    /// The messages that are meant and still known, oldest first, and the number of the last of all.
    pub(super) fn select(&self, select: &Select) -> (Vec<Arc<Entry>>, u64) {
        let kept = self.kept();
        let entries = kept.entries.items();
        let first = entries.partition_point(|entry| entry.number <= select.since);
        let entries = entries.range(first..).filter(|entry| select.wants(entry)).cloned();
        (entries.collect(), kept.last)
    }

    /// Tells of every message that comes from now on.
    pub(super) fn watch(&self) -> watch::Receiver<u64> {
        self.last.subscribe()
    }

    /// Forgets all there is; the numbers go on. How many messages that was.
    pub(super) fn clear(&self) -> usize {
        self.kept().entries.clear()
    }

    pub(super) fn fill(&self) -> Fill {
        let kept = self.kept();
        let (messages, bytes) = (kept.entries.items().len(), kept.entries.bytes());
        Fill { messages, bytes, discarded: kept.discarded }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Select {
    fn wants(&self, entry: &Entry) -> bool {
        self.path.as_ref().is_none_or(|path| *path == entry.path)
            && self.conn.is_none_or(|conn| Some(conn) == entry.conn)
    }
}

impl Entry {
    /// Bytes that it takes in memory.
    pub(super) fn cost(&self) -> usize {
        cost(&self.path, &self.message)
    }

    /// Appends the entry as JSON. The message stands in it as in a record: `data`, `text` or `base64`.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let Self { number, at, conn, path, message } = self;
        let conn = conn.map_or_else(|| "null".to_owned(), |conn| conn.to_string());
        out.extend_from_slice(format!(r#"{{"n":{number},"ts":"{at:.6}","conn":{conn},"path":"#).as_bytes());
        json::write_string(path, out);
        record::write_message(message, &Secrets::default(), out);
        out.push(b'}');
    }
}

fn cost(path: &str, message: &Message) -> usize {
    message.len() + path.len() + size_of::<Entry>() + size_of::<Arc<Entry>>()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::conn::tests::conn;

    fn note(journal: &Journal, conn_id: u64, text: &str) {
        journal.note(&conn(conn_id), &Message::text(text.to_owned()));
    }

    fn texts(journal: &Journal, select: &Select) -> Vec<String> {
        let (entries, _) = journal.select(select);
        entries.iter().map(|entry| entry.message.as_text().unwrap().to_owned()).collect()
    }

    #[test]
    fn it_never_holds_more_than_its_bounds() {
        let one = cost("/", &Message::text("x"));
        let journal = Journal::with(Bounds { messages: 3, bytes: 4 * one });
        for text in ["1", "2", "3", "4"] {
            note(&journal, 1, text);
        }
        assert_eq!(texts(&journal, &Select::default()), ["2", "3", "4"]);
        // This one takes the room of two, and the next alone is too much.
        note(&journal, 1, &"x".repeat(one + 1));
        assert_eq!(journal.fill(), Fill { messages: 3, bytes: 4 * one, discarded: 2 });
        note(&journal, 1, &"x".repeat(4 * one));
        assert_eq!(journal.fill().discarded, 3);
        assert_eq!(journal.select(&Select::default()).1, 6, "what was not kept has a number too");
        assert_eq!(journal.clear(), 3);
        note(&journal, 1, "after");
        assert_eq!(texts(&journal, &Select { since: 6, ..Select::default() }), ["after"]);
    }

    #[test]
    fn messages_are_found_by_number_connection_and_path() {
        let journal = Journal::default();
        for (conn, text) in [(1, "a"), (2, "b"), (1, "c")] {
            note(&journal, conn, text);
        }
        assert_eq!(texts(&journal, &Select { since: 1, ..Select::default() }), ["b", "c"]);
        assert_eq!(texts(&journal, &Select { conn: Some(1), ..Select::default() }), ["a", "c"]);
        assert!(texts(&journal, &Select { path: Some("/x".into()), ..Select::default() }).is_empty());
        let none = Journal::off();
        note(&none, 1, "a");
        assert!(texts(&none, &Select::default()).is_empty());
    }

    #[test]
    fn an_entry_is_json_with_the_message_as_in_a_record() {
        let journal = Journal::default();
        note(&journal, 7, "{\"a\": 1.0}");
        let mut out = Vec::new();
        journal.select(&Select::default()).0[0].write(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(text.starts_with(r#"{"n":1,"ts":""#), "{text}");
        assert!(
            text.ends_with(r#""conn":7,"path":"/","opcode":"text","bytes":10,"data":{"a": 1.0}}"#),
            "{text}"
        );
    }
}
