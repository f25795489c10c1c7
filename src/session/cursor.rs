//! The cursor in a file: where the next run goes on from.
//!
//! The file holds the cursor on one line and nothing else; of several connections, the cursor of each with its topics, as
//! JSON on one line. The new file is complete and on the disk before it replaces the old one, so a crash leaves either the
//! old cursor or the new one.

use std::cell::RefCell;
use std::io::{self, Write as _};
use std::path::Path;
use std::rc::Rc;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::file;
use crate::pipeline::output;
use crate::replace::{self, Access, Regular};
use crate::report::Report;

/// The least time from one write to the next. A write waits for the disk, and only the last cursor counts.
const PACE: Duration = Duration::from_millis(100);

/// The largest cursor that is kept, in bytes. Providers' cursors are a few dozen bytes.
const LARGEST: u64 = 64 << 10;

/// The largest file with the cursors of several connections, in bytes. Most of it are topics.
const LARGEST_FILE: u64 = 4 << 20;

/// How the file of several connections begins.
const SEVERAL: &str = "{\"connections\":";

/// Waits until the output is on the disk.
pub type Sync = Arc<dyn Fn() -> io::Result<()> + Send + std::marker::Sync>;

/// Where the cursor is kept.
pub enum CursorKeeper {
    /// In a file.
    File(CursorFile),
    /// In the file of several connections, under this number. Whoever opened it finishes it.
    Part(Rc<RefCell<CursorFile>>, usize),
    /// Somebody else keeps it.
    #[cfg_attr(not(feature = "brokers"), expect(dead_code, reason = "only shared sessions use it"))]
    Channel(tokio::sync::watch::Sender<Option<String>>),
}

impl CursorKeeper {
    /// Keeps a cursor, soon.
    pub fn put(&mut self, cursor: String, report: &Report) {
        match self {
            Self::File(file) => file.put(cursor, report),
            Self::Part(file, number) => file.borrow_mut().put_part(*number, cursor, report),
            Self::Channel(to) => drop(to.send_replace(Some(cursor))),
        }
    }

    /// Waits until the last cursor is written.
    ///
    /// # Errors
    /// If a cursor could not be written.
    pub fn finish(self) -> Result<()> {
        match self {
            Self::File(file) => file.finish(),
            Self::Part(..) | Self::Channel(_) => Ok(()),
        }
    }
}

/// What an earlier run has saved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum SavedCursor {
    /// Nothing.
    #[default]
    None,
    /// The cursor of all topics.
    One(String),
    /// A cursor for each part of the topics.
    Several(Vec<TopicCursor>),
}

/// The cursor of topics that share a connection.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct TopicCursor {
    /// The topics.
    pub topics: Vec<String>,
    /// Where to go on from.
    pub cursor: String,
}

/// The file of several connections.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TopicCursors<T> {
    connections: Vec<T>,
}

/// A [`TopicCursor`] to be written, whose topics are not copied.
#[derive(Serialize)]
struct KeptCursor<'a> {
    topics: &'a [String],
    cursor: String,
}

/// Was this file saved by several connections? One that cannot be read was not, and a pipe is not read: that would wait for
/// its writer.
#[must_use]
pub fn saved_by_several(path: &Path) -> bool {
    path.is_file() && file::text(path, LARGEST_FILE).is_ok_and(|text| text.starts_with(SEVERAL))
}

/// Writes cursors to a file, on a thread of its own.
pub struct CursorFile {
    place: Regular,
    /// The topics of each connection, if there are several.
    parts: Arc<[Vec<String>]>,
    shared: Arc<SharedSlot>,
    thread: Option<JoinHandle<io::Result<()>>>,
    refused: bool,
    output: Option<Sync>,
}

#[derive(Default)]
struct SharedSlot {
    slot: Mutex<Slot>,
    changed: Condvar,
}

/// What the thread is to write. A cursor takes the place of one that was not written yet.
#[derive(Default)]
struct Slot {
    /// The last cursor of each connection.
    cursors: Vec<Option<String>>,
    changed: bool,
    closed: bool,
}

impl CursorFile {
    /// Reads the file, if there is one, and makes sure that it can be written.
    ///
    /// # Errors
    /// A usage failure if it can be neither read nor made, is no file, or holds something else than a cursor: it
    /// would be overwritten.
    pub fn open(path: &Path) -> Result<(Self, SavedCursor)> {
        let wrong =
            |error: &io::Error| Failure::usage_of_system(format!("--cursor-file {}", path.display()), error);
        let place = Regular::at(path).map_err(|error| wrong(&error))?;
        let saved = match file::text(place.path(), LARGEST_FILE) {
            Ok(text) => saved_in(&text).ok_or_else(|| no_cursor_in(path))?,
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound => SavedCursor::None,
                io::ErrorKind::FileTooLarge => return Err(no_cursor_in(path)),
                _ => return Err(wrong(&error)),
            },
        };
        replace::sweep(place.path());
        let shared = Arc::<SharedSlot>::default();
        lock(&shared.slot).cursors = vec![None];
        Ok((Self { place, parts: Arc::new([]), shared, thread: None, refused: false, output: None }, saved))
    }

    /// Keeps a cursor for each of these parts of the topics, which begin at these cursors.
    #[must_use]
    pub fn of_parts(self, parts: Vec<(Vec<String>, Option<String>)>) -> Self {
        let (topics, cursors): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
        lock(&self.shared.slot).cursors = cursors;
        Self { parts: topics.into(), ..self }
    }

    /// Syncs the output before each cursor is written, so that no cursor is ahead of the lines on the disk.
    #[must_use]
    pub fn behind(self, output: Option<Sync>) -> Self {
        Self { output, ..self }
    }

    /// Keeps a cursor, soon.
    pub fn put(&mut self, cursor: String, report: &Report) {
        self.put_part(0, cursor, report);
    }

    /// Keeps the cursor of a part of the topics, soon.
    fn put_part(&mut self, number: usize, cursor: String, report: &Report) {
        // What the next run would not read is not written. The old cursor is still right: what follows it comes again.
        let why = match cursor.len() as u64 {
            0 => Some("empty cursor"),
            length if length > LARGEST => Some("cursor of more than 64 KiB"),
            _ if cursor.contains(|c: char| c.is_control()) => Some("cursor with control characters"),
            _ => None,
        };
        if let Some(what) = why {
            if !std::mem::replace(&mut self.refused, true) {
                report.warning(&format!("{what} not saved"));
            }
            return;
        }
        let mut slot = lock(&self.shared.slot);
        slot.cursors[number] = Some(cursor);
        slot.changed = true;
        drop(slot);
        self.shared.changed.notify_one();
        let (place, parts, shared, output) = (&self.place, &self.parts, &self.shared, &self.output);
        self.thread.get_or_insert_with(|| {
            let (place, parts, shared) = (place.clone(), Arc::clone(parts), Arc::clone(shared));
            let (output, report) = (output.clone(), report.clone());
            thread::spawn(move || keep(&place, &parts, &shared, output.as_ref(), &report))
        });
    }

    /// Waits until the last cursor is written.
    ///
    /// # Errors
    /// If a cursor could not be written.
    pub fn finish(self) -> Result<()> {
        lock(&self.shared.slot).closed = true;
        self.shared.changed.notify_one();
        let Some(thread) = self.thread else { return Ok(()) };
        let result = thread.join().unwrap_or_else(|_| Err(io::Error::other("its thread ended unexpectedly")));
        result.map_err(|error| Failure::new(Exit::OutputFailed, unwritten(self.place.path(), &error)))
    }
}

/// What is saved in the text of a file, blanks at the ends of a cursor included; `None` if the text is something else.
fn saved_in(text: &str) -> Option<SavedCursor> {
    if text.starts_with(SEVERAL) {
        let saved: TopicCursors<TopicCursor> = serde_json::from_str(text).ok()?;
        return Some(SavedCursor::Several(saved.connections));
    }
    let line = text.trim_matches(['\r', '\n']);
    let is_one = line.len() as u64 <= LARGEST && !line.contains('\n');
    is_one.then(|| if line.is_empty() { SavedCursor::None } else { SavedCursor::One(line.to_owned()) })
}

/// The line of the file.
fn line_of(parts: &[Vec<String>], cursors: Vec<Option<String>>) -> io::Result<String> {
    if parts.is_empty() {
        return Ok(cursors.into_iter().flatten().next().unwrap_or_default());
    }
    let connections =
        parts.iter().zip(cursors).filter_map(|(topics, cursor)| Some(KeptCursor { topics, cursor: cursor? }));
    Ok(serde_json::to_string(&TopicCursors { connections: connections.collect() })?)
}

fn no_cursor_in(path: &Path) -> Failure {
    let what = format!("--cursor-file {}: not a cursor file", path.display());
    Failure::usage(what).hint("use another file, or empty this one; wstap would overwrite it")
}

/// Writes what comes until nothing more does. The result is that of the last write; the first of several failures in a
/// row is told at once, and that it is over, since the end may be days away.
fn keep(
    place: &Regular,
    parts: &[Vec<String>],
    shared: &SharedSlot,
    output: Option<&Sync>,
    report: &Report,
) -> io::Result<()> {
    let path = place.path();
    let mut result = Ok(());
    let mut slot = lock(&shared.slot);
    loop {
        if std::mem::take(&mut slot.changed) {
            let cursors = slot.cursors.clone();
            drop(slot);
            let failed = result.is_err();
            let synced = output.map_or(Ok(()), |sync| sync()).and_then(|()| line_of(parts, cursors));
            result = synced.and_then(|line| write(place, &line));
            match &result {
                Err(error) if !failed => {
                    let what = unwritten(path, error);
                    report.warning(&format!("{what}; will retry with the next cursor"));
                }
                Ok(()) if failed => {
                    report.notice(&format!("--cursor-file {}: writing works again", path.display()));
                }
                _ => {}
            }
            slot = lock(&shared.slot);
            let pace = shared.changed.wait_timeout_while(slot, PACE, |slot| !slot.closed);
            slot = pace.unwrap_or_else(PoisonError::into_inner).0;
        } else if slot.closed {
            return result;
        } else {
            slot = shared.changed.wait(slot).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// Whoever has the cursor can tell what was received, so it is the owner's alone.
fn write(place: &Regular, line: &str) -> io::Result<()> {
    place.replace(Access::Owner, |file| writeln!(file, "{line}").and_then(|()| file.sync_all()))
}

fn unwritten(path: &Path, error: &io::Error) -> String {
    output::unwritten(&format!("--cursor-file {}", path.display()), error)
}

fn lock(slot: &Mutex<Slot>) -> MutexGuard<'_, Slot> {
    slot.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::fs::{self, File};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;
    use crate::report::Level;

    fn one(cursor: &str) -> SavedCursor {
        SavedCursor::One(cursor.to_owned())
    }

    #[test]
    fn the_last_cursor_is_in_the_file_and_nothing_else_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor");
        let (mut file, cursor) = CursorFile::open(&path).unwrap();
        assert_eq!((cursor, path.exists()), (SavedCursor::None, false));
        for n in 0..1000 {
            file.put(format!("c{n}"), &Report::silent());
        }
        file.put("two\nlines".into(), &Report::silent());
        file.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "c999\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(CursorFile::open(&path).unwrap().1, one("c999"));
    }

    #[test]
    fn no_cursor_is_ahead_of_the_output_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor");
        let kept = |sync: Sync| {
            let (file, _) = CursorFile::open(&path).unwrap();
            let mut file = file.behind(Some(sync));
            file.put("c1".into(), &Report::silent());
            file.finish().map_err(|failure| failure.exit)
        };
        assert_eq!(kept(Arc::new(|| Err(io::ErrorKind::StorageFull.into()))), Err(Exit::OutputFailed));
        assert!(!path.exists(), "kept, and the lines before it may be lost");
        let place = path.clone();
        let written_before = move || if place.exists() { Err(io::Error::other("too late")) } else { Ok(()) };
        assert_eq!(kept(Arc::new(written_before)), Ok(()));
        assert_eq!(fs::read_to_string(&path).unwrap(), "c1\n");
    }

    #[test]
    fn the_file_behind_a_link_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (path, link) = (folder.path().join("cursor"), folder.path().join("link"));
        fs::write(&path, "old\n\n").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let (mut file, cursor) = CursorFile::open(&link).unwrap();
        assert_eq!(cursor, one("old"));
        file.put("new".into(), &Report::silent());
        file.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "new\n");
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    }

    #[test]
    fn a_cursor_is_read_as_it_was_written_or_not_written_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor");
        let longest = "x".repeat(64 << 10);
        let kept = [" a ", "\u{a0}", "  ", "\u{2028}x\u{feff}", "é", &longest];
        for cursor in kept {
            let (mut file, _) = CursorFile::open(&path).unwrap();
            file.put(cursor.into(), &Report::silent());
            file.put(format!("{longest}x"), &Report::silent());
            file.put("tab\t".into(), &Report::silent());
            file.put(String::new(), &Report::silent());
            file.finish().unwrap();
            assert_eq!(CursorFile::open(&path).unwrap().1, one(cursor));
        }
        for (text, cursor) in [("", ""), ("\n", ""), ("a", "a"), (" a \r\n", " a ")] {
            fs::write(&path, text).unwrap();
            let saved = if cursor.is_empty() { SavedCursor::None } else { one(cursor) };
            assert_eq!(CursorFile::open(&path).unwrap().1, saved, "{text:?}");
        }
    }

    #[test]
    fn several_connections_have_a_cursor_each() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor");
        fs::write(&path, "old").unwrap();
        let (file, _) = CursorFile::open(&path).unwrap();
        let topics = |names: &str| names.chars().map(String::from).collect::<Vec<_>>();
        let parts = vec![(topics("ab"), Some("old".to_owned())), (topics("c"), None), (topics("d"), None)];
        let file = Rc::new(RefCell::new(file.of_parts(parts)));
        let mut keeper = CursorKeeper::Part(Rc::clone(&file), 2);
        keeper.put("7".to_owned(), &Report::silent());
        keeper.finish().unwrap();
        Rc::try_unwrap(file).ok().unwrap().into_inner().finish().unwrap();
        assert!(saved_by_several(&path));
        let part = |names, cursor: &str| TopicCursor { topics: topics(names), cursor: cursor.to_owned() };
        let saved = SavedCursor::Several(vec![part("ab", "old"), part("d", "7")]);
        assert_eq!(CursorFile::open(&path).unwrap().1, saved);
    }

    #[test]
    fn a_link_that_is_laid_meanwhile_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, victim) = (folder.path().join("cursor"), folder.path().join("victim"));
        fs::write(&victim, "victim").unwrap();
        let (mut file, _) = CursorFile::open(&path).unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        file.put("c".into(), &Report::silent());
        file.finish().unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), path.is_symlink()), ("c\n", false));
        assert_eq!(fs::read_to_string(&victim).unwrap(), "victim");
    }

    #[test]
    fn a_file_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        for text in ["two\nlines\n", "\u{1b}[0m\nx", "{\"connections\":[1]}", &"x".repeat((64 << 10) + 1)] {
            fs::write(&path, text).unwrap();
            let failure = CursorFile::open(&path).err().unwrap();
            assert_eq!(failure.exit, Exit::Usage, "{failure}");
            assert_eq!(fs::read_to_string(&path).unwrap(), text);
        }
    }

    #[test]
    fn what_cannot_be_written_is_told_before_and_after() {
        let folder = tempfile::tempdir().unwrap();
        for path in [folder.path().join("no/cursor"), folder.path().to_owned(), "/dev/null".into()] {
            let failure = CursorFile::open(&path).err().unwrap();
            assert_eq!(failure.exit, Exit::Usage);
            assert!(failure.what.contains(&path.display().to_string()), "{failure}");
        }
        let path = folder.path().join("gone/cursor");
        fs::create_dir(folder.path().join("gone")).unwrap();
        let (mut file, _) = CursorFile::open(&path).unwrap();
        fs::remove_dir(folder.path().join("gone")).unwrap();
        file.put("c".into(), &Report::silent());
        assert_eq!(file.finish().unwrap_err().exit, Exit::OutputFailed);
    }

    #[test]
    fn what_cannot_be_written_for_a_while_is_told_when_it_begins_and_when_it_is_over() {
        let folder = tempfile::tempdir().unwrap();
        let (gone, notices) = (folder.path().join("gone"), folder.path().join("notices"));
        let report = Report::to(Box::new(File::create(&notices).unwrap()), Level::Notice, false, false);
        let told = |text: &str| {
            let deadline = std::time::Instant::now() + Duration::from_secs(20);
            while !fs::read_to_string(&notices).unwrap().contains(text) {
                assert!(std::time::Instant::now() < deadline, "{text}");
                thread::sleep(Duration::from_millis(10));
            }
        };
        fs::create_dir(&gone).unwrap();
        let (mut file, _) = CursorFile::open(&gone.join("cursor")).unwrap();
        fs::remove_dir(&gone).unwrap();
        file.put("c1".into(), &report);
        told("will retry with the next cursor");
        fs::create_dir(&gone).unwrap();
        file.put("c2".into(), &report);
        told("writing works again");
        file.finish().unwrap();
        assert_eq!(fs::read_to_string(gone.join("cursor")).unwrap(), "c2\n");
    }
}
