//! The file of `--output`: lines are put after those that it has, and it can be moved away while it is written to.
//!
//! A line belongs to the system as soon as it is written. It is made sure that the file is on the disk before a cursor
//! is kept that stands behind its lines, before it is let go of, and at the end.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::output::{Output, PartialWrite, write_all};
use super::record;
use crate::file;
use crate::json;
use crate::sys;

/// How far back the beginning of a last line is looked for.
const LONGEST_LINE: u64 = 64 << 20;

/// How much of a file is looked at at once.
const BLOCK: u64 = 64 << 10;

/// A file that lines are added to, shared by whoever writes, reopens and syncs it.
pub struct OutFile {
    path: PathBuf,
    files: Mutex<Files>,
}

struct Files {
    current: Arc<File>,
    /// Is it known to be found under its name after a power cut?
    named: bool,
    /// The one before; the last write to it may only just have ended.
    before: Option<Arc<File>>,
}

/// What was wrong with the end of a file, and has been put right.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repair {
    /// The beginning of a JSON text was removed, so many bytes of it.
    Cut(u64),
    /// The last line was ended.
    Ended,
}

impl OutFile {
    /// Opens the file, or makes one.
    ///
    /// # Errors
    /// Whatever the system says.
    pub fn open(path: &Path) -> io::Result<Self> {
        let files = Files { current: Arc::new(append(path)?), named: false, before: None };
        Ok(Self { path: path.to_owned(), files: Mutex::new(files) })
    }

    /// Opens the path anew: what comes from now on goes to the file that has the name now.
    ///
    /// # Errors
    /// If that cannot be opened, which leaves everything as it was; or if the old one is not known to be on the disk.
    pub fn reopen(&self) -> io::Result<()> {
        let file = Arc::new(append(&self.path)?);
        let mut files = self.files();
        let left = files.before.take();
        files.before = Some(std::mem::replace(&mut files.current, file));
        files.named = false;
        drop(files);
        left.map_or(Ok(()), |file| sync(&file)).and_then(|()| self.sync())
    }

    /// Waits until all that was written is on the disk.
    ///
    /// # Errors
    /// If it is not.
    pub fn sync(&self) -> io::Result<()> {
        let (current, named, before, idle) = {
            let mut files = self.files();
            let named = std::mem::replace(&mut files.named, true);
            let idle = files.before.as_ref().is_some_and(|file| Arc::strong_count(file) == 1);
            (Arc::clone(&files.current), named, files.before.clone(), idle)
        };
        if !named {
            self.sync_name();
        }
        if let Some(before) = before {
            sync(&before)?;
            if idle {
                self.let_go_of(&before);
            }
        }
        sync(&current)
    }

    /// Nobody writes to it any more, and it is on the disk: as long as it is open, removing it frees no space.
    fn let_go_of(&self, before: &Arc<File>) {
        let mut files = self.files();
        if files.before.as_ref().is_some_and(|file| Arc::ptr_eq(file, before)) {
            files.before = None;
        }
    }

    /// A file that is new has to be in its folder, too. Best effort: the folder may be one that can only be written.
    fn sync_name(&self) {
        if let Ok(folder) = File::open(file::folder_of(&self.path)) {
            let _ = folder.sync_all();
        }
    }

    /// What it is, for people.
    #[must_use]
    pub fn name(&self) -> String {
        format!("--output {}", self.path.display())
    }

    fn files(&self) -> MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The file as a destination of output.
pub struct ToFile(pub Arc<OutFile>);

impl Output for ToFile {
    fn name(&self) -> String {
        self.0.name()
    }

    fn write(&mut self, lines: &[u8]) -> Result<(), PartialWrite> {
        // What is written at once are whole lines, so none begins in one file and ends in another.
        let file = Arc::clone(&self.0.files().current);
        write_all(&*file, lines)?;
        let left = !Arc::ptr_eq(&file, &self.0.files().current);
        drop(file);
        if left {
            // It was opened anew meanwhile, and kept for this write. What cannot be synced stays, for the next time.
            let _ = self.0.sync();
        }
        Ok(())
    }
}

/// When a file was last written to, if anything was ever written to it. Where its last lines are records (those of
/// `--envelope`, one a line), that is the time of the last one that shows a connection: a run that found none has written
/// records as well, and nothing came.
#[must_use]
pub fn last_written(path: &Path) -> Option<Timestamp> {
    let facts = std::fs::metadata(path).ok().filter(|facts| facts.is_file() && facts.len() > 0)?;
    // It may be one that can only be written.
    let told = File::open(path).and_then(|file| last_connected(&file, facts.len()));
    let written = || Timestamp::try_from(facts.modified().ok()?).ok();
    told.ok().flatten().or_else(written)
}

/// When the last record was made that shows a connection. If there is none as far as anybody looks, it was before the
/// first of the records that do not show one.
fn last_connected(file: &File, length: u64) -> io::Result<Option<Timestamp>> {
    let mut size = BLOCK;
    loop {
        let begin = length.saturating_sub(size);
        match connected_in(&read(file, begin, length)?) {
            Told::At(at) => return Ok(Some(at)),
            Told::Before(at) if begin == 0 || size >= LONGEST_LINE => return Ok(at),
            Told::Before(_) => size = LONGEST_LINE.min(size * 16),
            Told::Nothing => return Ok(None),
        }
    }
}

/// What the last lines of a file tell of the last connection.
enum Told {
    /// It was there then.
    At(Timestamp),
    /// Closed or unknown: look further back.
    Before(Option<Timestamp>),
    /// They are no records.
    Nothing,
}

fn connected_in(tail: &[u8]) -> Told {
    // What has no end was being written when it ended, and is no record.
    let whole = memchr::memrchr(b'\n', tail).map_or(&tail[..0], |end| &tail[..end]);
    let mut before = None;
    for (number, line) in whole.rsplit(|byte| *byte == b'\n').enumerate() {
        let record = std::str::from_utf8(line).ok().and_then(record::connected);
        match record {
            Some((at, true)) => return Told::At(at),
            Some((at, false)) => before = Some(at),
            // The first of the tail may have begun before it.
            None if number == 0 && whole.len() > line.len() => return Told::Nothing,
            None => break,
        }
    }
    Told::Before(before)
}

/// Puts the end of a file right that a crash or a full disk has left in the middle of a line. The beginning of a JSON
/// object or array is no use to anybody, and is removed; whatever else it is, it is ended. The file stays as old as it
/// was: nothing came.
///
/// # Errors
/// If the file can be written, but not read or changed.
pub fn repair(path: &Path, json_lines: bool) -> io::Result<Option<Repair>> {
    let file = match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => file,
        // It is made later, or it cannot be looked at.
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::PermissionDenied) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let facts = file.metadata()?;
    if !facts.is_file() {
        return Ok(None);
    }
    let start = last_line(&file, facts.len())?;
    if start == facts.len() {
        return Ok(None);
    }
    if json_lines && is_begun(&file, start, facts.len())? {
        file.set_len(start)?;
        keep_age(&file, &facts);
        return Ok(Some(Repair::Cut(facts.len() - start)));
    }
    sys::write_all_at(&file, b"\n", facts.len())?;
    keep_age(&file, &facts);
    Ok(Some(Repair::Ended))
}

/// Best effort: only its owner may.
fn keep_age(file: &File, facts: &Metadata) {
    if let Ok(modified) = facts.modified() {
        let _ = file.set_modified(modified);
    }
}

/// Where the line begins that has no end; the length of the file if all of them have one.
fn last_line(file: &File, length: u64) -> io::Result<u64> {
    let mut end = length;
    while end > 0 && length - end < LONGEST_LINE {
        let begin = end.saturating_sub(BLOCK);
        let block = read(file, begin, end)?;
        if let Some(found) = memchr::memrchr(b'\n', &block) {
            return Ok(begin + found as u64 + 1);
        }
        end = begin;
    }
    Ok(end)
}

/// Is this the beginning of a JSON text that does not end?
fn is_begun(file: &File, start: u64, end: u64) -> io::Result<bool> {
    if end - start > LONGEST_LINE {
        return Ok(false);
    }
    let text = read(file, start, end)?;
    Ok(matches!(text.first(), Some(b'{' | b'[')) && json::scan(&text).is_err())
}

fn read(file: &File, begin: u64, end: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(end - begin).map_err(io::Error::other)?;
    let mut bytes = vec![0; length];
    sys::read_exact_at(file, &mut bytes, begin)?;
    Ok(bytes)
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Devices and pipes have nothing to wait for.
fn sync(file: &File) -> io::Result<()> {
    if sys::regular(file)?.is_some() { file.sync_data() } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_line_that_is_not_whole_is_removed_or_ended() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        assert_eq!(repair(&path, true).unwrap(), None);
        assert!(!path.exists());
        let long = format!("1\n[\"{}", "x".repeat(3 * 65536));
        for (before, json, repaired, after) in [
            ("", true, None, ""),
            ("1\n{\"a\":2}\n", true, None, "1\n{\"a\":2}\n"),
            ("1\n{\"a\":", true, Some(Repair::Cut(5)), "1\n"),
            ("{\"a\":", true, Some(Repair::Cut(5)), ""),
            ("{\"a\":", false, Some(Repair::Ended), "{\"a\":\n"),
            ("1\n{\"a\":2}", true, Some(Repair::Ended), "1\n{\"a\":2}\n"),
            ("notes", true, Some(Repair::Ended), "notes\n"),
            (&long, true, Some(Repair::Cut(long.len() as u64 - 2)), "1\n"),
        ] {
            fs::write(&path, before).unwrap();
            assert_eq!(repair(&path, json).unwrap(), repaired, "{before:.20}");
            assert_eq!(fs::read_to_string(&path).unwrap(), after);
        }
    }

    #[test]
    fn a_repair_makes_no_file_younger() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let then = Timestamp::from_second(1_000_000_000).unwrap();
        for before in ["1\n{\"a\":", "1\n2"] {
            fs::write(&path, before).unwrap();
            File::options().append(true).open(&path).unwrap().set_modified(then.into()).unwrap();
            assert!(repair(&path, true).unwrap().is_some());
            assert_eq!(last_written(&path), Some(then));
        }
    }

    #[test]
    fn what_a_file_of_records_tells_ends_with_its_last_connection() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("lines");
        let then = Timestamp::from_second(1_000_000_000).unwrap();
        let record = |second: u32, rest: &str| {
            format!(r#"{{"v":1,"ts":"2026-01-02T03:04:{second:02}.000000Z","conn":1,{rest}}}"#) + "\n"
        };
        let (close, message) = (r#""type":"close""#, r#""type":"message","dir":"in","data":"#);
        let failed = record(20, r#""type":"reconnect""#)
            + &record(21, r#""type":"error""#)
            + &record(22, r#""type":"summary""#);
        let huge = record(5, &format!(r#"{message}"{}""#, "x".repeat(3 << 20)));
        for (text, expected) in [
            (record(5, close), Some(5)),
            (record(4, close) + &record(5, &format!("{message}1")) + &failed, Some(5)),
            (record(5, close) + &failed + "{\"v\":1,\"ts\":", Some(5)),
            (record(5, close) + &failed.repeat(2000), Some(5)),
            (huge + &failed, Some(5)),
            (failed.clone(), Some(20)),
            ("[1]\n".to_owned() + &failed, Some(20)),
            (record(5, close) + "[1]\n", None),
            ("[1]\n".to_owned(), None),
            ("[1]".to_owned(), None),
        ] {
            fs::write(&path, &text).unwrap();
            File::options().append(true).open(&path).unwrap().set_modified(then.into()).unwrap();
            let expected = expected.map(|second| format!("2026-01-02T03:04:{second:02}Z").parse().unwrap());
            assert_eq!(last_written(&path), Some(expected.unwrap_or(then)), "{text:.200}");
        }
    }

    #[test]
    fn a_file_that_was_moved_away_is_followed_by_another() {
        let folder = tempfile::tempdir().unwrap();
        let (path, moved) = (folder.path().join("lines"), folder.path().join("lines.1"));
        let file = Arc::new(OutFile::open(&path).unwrap());
        let mut output = ToFile(Arc::clone(&file));
        output.write(b"1\n").unwrap();
        fs::rename(&path, &moved).unwrap();
        output.write(b"2\n").unwrap();
        file.reopen().unwrap();
        output.write(b"3\n").unwrap();
        // The old one is let go of, so that removing it frees its space.
        assert!(file.files().before.is_none());
        let writing = Arc::clone(&file.files().current);
        file.reopen().unwrap();
        assert!(file.files().before.is_some(), "somebody is writing to it");
        drop(writing);
        file.sync().unwrap();
        assert!(file.files().before.is_none());
        assert_eq!(
            (fs::read_to_string(&moved).unwrap().as_str(), fs::read_to_string(&path).unwrap().as_str()),
            ("1\n2\n", "3\n")
        );
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(file.reopen().is_err());
        output.write(b"4\n").unwrap();
    }
}
