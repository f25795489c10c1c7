//! The cursor in a file: where the next run goes on from.
//!
//! The file holds the cursor on one line and nothing else. The new file is complete and on the disk before it replaces
//! the old one, so a crash leaves either the old cursor or the new one.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

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

/// Waits until the output is on the disk.
pub type Sync = Arc<dyn Fn() -> io::Result<()> + Send + std::marker::Sync>;

/// Where the cursor is kept.
pub enum CursorKeeper {
    /// In a file.
    File(CursorFile),
    /// Somebody else keeps it.
    #[cfg_attr(not(feature = "brokers"), expect(dead_code, reason = "only shared sessions use it"))]
    Channel(tokio::sync::watch::Sender<Option<String>>),
}

impl CursorKeeper {
    /// Keeps a cursor, soon.
    pub fn put(&mut self, cursor: String, report: &Report) {
        match self {
            Self::File(file) => file.put(cursor, report),
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
            Self::Channel(_) => Ok(()),
        }
    }
}

/// Writes cursors to a file, on a thread of its own.
pub struct CursorFile {
    place: Regular,
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
    cursor: Option<String>,
    closed: bool,
}

impl CursorFile {
    /// Reads the file, if there is one, and makes sure that it can be written.
    ///
    /// # Errors
    /// A usage failure if it can be neither read nor made, is no file, or holds something else than a cursor: it
    /// would be overwritten.
    pub fn open(path: &Path) -> Result<(Self, Option<String>)> {
        let wrong =
            |error: &io::Error| Failure::usage_of_system(format!("--cursor-file {}", path.display()), error);
        let place = Regular::at(path).map_err(|error| wrong(&error))?;
        // A line feed follows the cursor.
        let cursor = match file::text(place.path(), LARGEST + 1) {
            Ok(text) => cursor_in(&text).ok_or_else(|| no_cursor_in(path))?,
            Err(error) => match error.kind() {
                io::ErrorKind::NotFound => None,
                io::ErrorKind::FileTooLarge => return Err(no_cursor_in(path)),
                _ => return Err(wrong(&error)),
            },
        };
        replace::sweep(place.path());
        Ok((Self { place, shared: Arc::default(), thread: None, refused: false, output: None }, cursor))
    }

    /// Syncs the output before each cursor is written, so that no cursor is ahead of the lines on the disk.
    #[must_use]
    pub fn behind(self, output: Option<Sync>) -> Self {
        Self { output, ..self }
    }

    /// Keeps a cursor, soon.
    pub fn put(&mut self, cursor: String, report: &Report) {
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
        lock(&self.shared.slot).cursor = Some(cursor);
        self.shared.changed.notify_one();
        let (place, shared, output) = (&self.place, &self.shared, &self.output);
        self.thread.get_or_insert_with(|| {
            let (place, shared, output, report) =
                (place.clone(), shared.clone(), output.clone(), report.clone());
            thread::spawn(move || keep(&place, &shared, output.as_ref(), &report))
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

/// The cursor in the text of a file, blanks at its ends included; `None` inside if there is none, outside if the text is
/// something else.
fn cursor_in(text: &str) -> Option<Option<String>> {
    let line = text.trim_matches(['\r', '\n']);
    let is_one = line.len() as u64 <= LARGEST && !line.contains('\n');
    is_one.then(|| Some(line).filter(|line| !line.is_empty()).map(str::to_owned))
}

fn no_cursor_in(path: &Path) -> Failure {
    let what = format!("--cursor-file {}: not a cursor file", path.display());
    Failure::usage(what).hint("use another file, or empty this one; wstap would overwrite it")
}

/// Writes what comes until nothing more does. The result is that of the last write; the first of several failures in a
/// row is told at once, and that it is over, since the end may be days away.
fn keep(place: &Regular, shared: &SharedSlot, output: Option<&Sync>, report: &Report) -> io::Result<()> {
    let path = place.path();
    let mut result = Ok(());
    let mut slot = lock(&shared.slot);
    loop {
        if let Some(cursor) = slot.cursor.take() {
            drop(slot);
            let failed = result.is_err();
            result = output.map_or(Ok(()), |sync| sync()).and_then(|()| write(place, &cursor));
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
fn write(place: &Regular, cursor: &str) -> io::Result<()> {
    place.replace(Access::Owner, |file| writeln!(file, "{cursor}").and_then(|()| file.sync_all()))
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

    fn report() -> Report {
        Report::to(Box::new(io::sink()), Level::Error, false, false)
    }

    #[test]
    fn the_last_cursor_is_in_the_file_and_nothing_else_in_the_folder() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor");
        let (mut file, cursor) = CursorFile::open(&path).unwrap();
        assert_eq!((cursor, path.exists()), (None, false));
        for n in 0..1000 {
            file.put(format!("c{n}"), &report());
        }
        file.put("two\nlines".into(), &report());
        file.finish().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "c999\n");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert_eq!(CursorFile::open(&path).unwrap().1.as_deref(), Some("c999"));
    }

    #[test]
    fn no_cursor_is_ahead_of_the_output_on_the_disk() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cursor");
        let kept = |sync: Sync| {
            let (file, _) = CursorFile::open(&path).unwrap();
            let mut file = file.behind(Some(sync));
            file.put("c1".into(), &report());
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
        assert_eq!(cursor.as_deref(), Some("old"));
        file.put("new".into(), &report());
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
            file.put(cursor.into(), &report());
            file.put(format!("{longest}x"), &report());
            file.put("tab\t".into(), &report());
            file.put(String::new(), &report());
            file.finish().unwrap();
            assert_eq!(CursorFile::open(&path).unwrap().1.as_deref(), Some(cursor));
        }
        for (text, cursor) in [("", None), ("\n", None), ("a", Some("a")), (" a \r\n", Some(" a "))] {
            fs::write(&path, text).unwrap();
            assert_eq!(CursorFile::open(&path).unwrap().1.as_deref(), cursor, "{text:?}");
        }
    }

    #[test]
    fn a_link_that_is_laid_meanwhile_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (path, victim) = (folder.path().join("cursor"), folder.path().join("victim"));
        fs::write(&victim, "victim").unwrap();
        let (mut file, _) = CursorFile::open(&path).unwrap();
        std::os::unix::fs::symlink(&victim, &path).unwrap();
        file.put("c".into(), &report());
        file.finish().unwrap();
        assert_eq!((fs::read_to_string(&path).unwrap().as_str(), path.is_symlink()), ("c\n", false));
        assert_eq!(fs::read_to_string(&victim).unwrap(), "victim");
    }

    #[test]
    fn a_file_of_something_else_is_left_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        for text in ["two\nlines\n", "\u{1b}[0m\nx", &"x".repeat((64 << 10) + 1)] {
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
        file.put("c".into(), &report());
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
