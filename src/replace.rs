//! Files that are replaced as a whole: a reader finds the old content or the new one, and never half of it.
//!
//! The new content goes to a file beside the old one. Nobody can know its name in advance, and the system makes it only
//! if the name is free (`O_EXCL`), so no other file is written to and no symbolic link followed. It then takes the name.
//! A path that does not lead to a regular file, such as `/dev/stdout`, a FIFO or a device, is written to like any stream.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::thread;

use tempfile::NamedTempFile;

use crate::file;
use crate::sys;

/// Who may read a file after it was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Its owner alone (mode 0600).
    Owner,
    /// Everybody who could before. The umask decides about a new file.
    Kept,
}

/// Replaces a file by what `write` writes, or writes it to whatever else the path leads to. A FIFO is written to once
/// somebody reads it, on a thread of its own.
///
/// # Errors
/// Whatever the system or `write` says. A regular file is as it was then.
pub(crate) fn replace(
    path: &Path,
    access: Access,
    write: impl FnOnce(&mut File) -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    match Destination::of(path)? {
        Destination::Regular(file) => file.replace(access, write),
        Destination::Stream(mut stream) => write(&mut stream),
        Destination::Unread => {
            let path = path.to_owned();
            // Nobody is left to report an error to: the reader has gone again.
            let wait = move || File::options().write(true).open(path).and_then(|mut fifo| write(&mut fifo));
            thread::Builder::new().name("fifo".into()).spawn(wait)?;
            Ok(())
        }
    }
}

/// A regular file that can be replaced again and again, or a place for one.
#[derive(Clone, Debug)]
pub(crate) struct Regular {
    /// Behind the symbolic links that were there at first: they stay, and later ones are replaced.
    path: PathBuf,
    /// The mode of the file that is there.
    mode: Option<u32>,
}

impl Regular {
    /// What the path leads to, if that can be replaced.
    ///
    /// # Errors
    /// Whatever the system says, or that it is something else.
    pub(crate) fn at(path: &Path) -> io::Result<Self> {
        match Destination::of(path)? {
            Destination::Regular(file) => {
                file.create(Access::Owner)?;
                Ok(file)
            }
            Destination::Stream(_) | Destination::Unread => Err(io::Error::other("not a regular file")),
        }
    }

    /// Where it is.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces it by what `write` writes.
    ///
    /// # Errors
    /// Whatever the system or `write` says. The file is as it was then.
    pub(crate) fn replace(
        &self,
        access: Access,
        write: impl FnOnce(&mut File) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut new = self.create(access)?;
        write(new.as_file_mut())?;
        if let (Access::Kept, Some(mode)) = (access, self.mode) {
            sys::set_mode(new.as_file(), mode)?;
        }
        new.persist(&self.path).map_err(|error| error.error)?;
        Ok(())
    }

    fn create(&self, access: Access) -> io::Result<NamedTempFile> {
        if self.path.file_name().is_none() {
            return Err(io::ErrorKind::InvalidFilename.into());
        }
        let mode = if access == Access::Kept && self.mode.is_none() { 0o666 } else { 0o600 };
        let prefix = format!("{PREFIX}{}-", std::process::id());
        let mut builder = tempfile::Builder::new();
        builder.prefix(OsStr::new(&prefix)).rand_bytes(RANDOM);
        sys::with_mode(&mut builder, mode).tempfile_in(file::folder_of(&self.path))
    }
}

/// Removes what processes that were killed have left in the folder of this file.
pub(crate) fn sweep(path: &Path) {
    // Best effort: it is only untidy.
    for entry in fs::read_dir(file::folder_of(path)).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let process = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split_once('-'));
        let process = process.filter(|(_, rest)| rest.len() == RANDOM && rest.bytes().all(is_random));
        let process = process.and_then(|(process, _)| process.parse().ok());
        if process.is_some_and(sys::is_gone) {
            let _ = fs::remove_file(entry.path());
        }
    }
}

/// The names of new files are this, the number of the process, a hyphen, and so many random characters.
const PREFIX: &str = ".wstap-";
const RANDOM: usize = 12;

fn is_random(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// What a path leads to.
enum Destination {
    /// A regular file, or none yet.
    Regular(Regular),
    /// Something that has no content to replace.
    Stream(File),
    /// A FIFO that nobody reads.
    Unread,
}

impl Destination {
    fn of(path: &Path) -> io::Result<Self> {
        let file = match sys::open_without_waiting(path) {
            Ok(Some(file)) => file,
            Ok(None) => return Ok(Self::Regular(Regular { path: file::destination(path), mode: None })),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Self::Unread),
            Err(error) => return Err(error),
        };
        let Some(facts) = sys::regular(&file)? else {
            sys::let_wait(&file)?;
            return Ok(Self::Stream(file));
        };
        Ok(match sys::own_stream(&facts) {
            Some(stream) => Self::Stream(stream),
            None if file::is_descriptor(path) => Self::Stream(file),
            None => Self::Regular(Regular { path: path.canonicalize()?, mode: Some(sys::mode_of(&facts)) }),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::io::{Read as _, Write as _};
    use std::os::unix::fs::{FileTypeExt as _, PermissionsExt as _, symlink};

    use super::*;

    fn write(path: &Path, access: Access, text: &'static str) -> io::Result<()> {
        replace(path, access, move |file| file.write_all(text.as_bytes()))
    }

    fn read(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn the_file_behind_links_is_replaced_and_the_links_stay() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("real"), "old").unwrap();
        symlink("real", at("link")).unwrap();
        symlink("link", at("link2")).unwrap();
        symlink("new", at("dangling")).unwrap();
        for (path, real) in [("real", "real"), ("link", "real"), ("link2", "real"), ("dangling", "new")] {
            write(&at(path), Access::Kept, path_text(path)).unwrap();
            assert_eq!(read(&at(real)), path);
        }
        for link in ["link", "link2", "dangling"] {
            assert!(at(link).is_symlink(), "{link}");
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
        symlink("loop", at("loop")).unwrap();
        assert!(write(&at("loop"), Access::Kept, "x").is_err());
        assert!(write(&at("nowhere/x"), Access::Kept, "x").is_err());
        assert!(write(folder.path(), Access::Kept, "x").is_err());
    }

    fn path_text(path: &str) -> &'static str {
        ["real", "link", "link2", "dangling"].into_iter().find(|known| *known == path).unwrap()
    }

    #[test]
    fn the_mode_is_kept_or_the_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, Access::Owner, "x").unwrap();
        assert_eq!(mode(&path), 0o600);
        for (access, before, after) in [(Access::Kept, 0o664, 0o664), (Access::Owner, 0o664, 0o600)] {
            fs::set_permissions(&path, Permissions::from_mode(before)).unwrap();
            write(&path, access, "x").unwrap();
            assert_eq!(mode(&path), after, "{access:?}");
        }
        let (usual, new) = (folder.path().join("usual"), folder.path().join("new"));
        fs::write(&usual, "").unwrap();
        write(&new, Access::Kept, "x").unwrap();
        assert_eq!(mode(&new), mode(&usual));
    }

    #[test]
    fn what_fails_leaves_everything_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        let half = |file: &mut File| file.write_all(b"ha").and(Err(io::Error::other("no more")));
        assert_eq!(replace(&path, Access::Kept, half).unwrap_err().to_string(), "no more");
        assert_eq!((read(&path).as_str(), fs::read_dir(folder.path()).unwrap().count()), ("old", 1));
    }

    #[test]
    fn streams_are_written_to_and_stay_what_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        // Before anybody reads it.
        write(&fifo, Access::Kept, "one\n").unwrap();
        let mut text = String::new();
        File::open(&fifo).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\n");
        assert!(fs::metadata(&fifo).unwrap().file_type().is_fifo());
        assert!(Regular::at(&fifo).is_err());
        write(Path::new("/dev/null"), Access::Kept, "x").unwrap();
        assert!(fs::metadata("/dev/null").unwrap().file_type().is_char_device());
        assert!(Regular::at(Path::new("/dev/null")).is_err());
    }

    #[test]
    fn what_killed_processes_have_left_is_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        let left = format!(".wstap-{}-aB3456789012", gone.id());
        let others = [
            format!(".wstap-{}-aB3456789012", std::os::unix::process::parent_id()),
            format!(".wstap-{}-notes.txt.in", gone.id()),
            format!(".wstap-{}", gone.id()),
            format!("file.{}.partial", gone.id()),
        ];
        for name in others.iter().chain([&left]) {
            fs::write(folder.path().join(name), "").unwrap();
        }
        sweep(&path);
        assert!(!folder.path().join(&left).exists());
        assert!(others.iter().all(|name| folder.path().join(name).exists()));
    }
}
