//! Files that are read whole, up to a size: what was made to fill the memory fills none.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

/// The largest HAR or replayed recording, in bytes: they are held in memory.
pub(crate) const MAX_RECORDED: u64 = 1 << 30;

/// The largest file that a person writes, in bytes: a scenario, a configuration, a dialect, a jq program, a list of
/// headers, a token; and the largest file of certificates, bundles of a whole system among them.
pub(crate) const MAX_WRITTEN: u64 = 1 << 20;

/// The largest list of topics, in bytes: 100,000 of 160 bytes.
pub(crate) const MAX_TOPICS: u64 = 16 << 20;

/// The largest file that is sent as one message, in bytes, as of a message on standard input.
pub(crate) const MAX_SENT: u64 = 256 << 20;

/// The largest dictionary or set of descriptors that messages are decoded with, in bytes.
pub(crate) const MAX_SCHEMA: u64 = 64 << 20;

/// The text of a file of at most so many bytes, without a byte order mark in front. The size that the system tells is not relied upon: devices and
/// pipes have none.
///
/// # Errors
/// A file that cannot be read, is larger, or is not UTF-8.
pub(crate) fn text(path: &Path, most: u64) -> io::Result<String> {
    text_of(File::open(path)?, most)
}

/// The same, where `-` is standard input.
///
/// # Errors
/// As [`text`].
pub(crate) fn text_or_stdin(path: &Path, most: u64) -> io::Result<String> {
    if path == Path::new("-") { text_of(io::stdin(), most) } else { text(path, most) }
}

/// Bytes of a text without a byte order mark in front.
pub(crate) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(MARK).unwrap_or(bytes)
}

/// The bytes of a file of at most so many.
///
/// # Errors
/// A file that cannot be read or is larger.
pub(crate) fn bytes(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    bytes_of(File::open(path)?, most)
}

/// The byte order mark that Windows tools put before UTF-8.
pub(crate) const MARK: &[u8] = b"\xef\xbb\xbf";

/// How many symbolic links in a row are followed, as on Linux.
const MAX_LINKS: usize = 40;

/// The path, and what it leads to over one symbolic link after the other.
fn steps(path: &Path) -> impl Iterator<Item = PathBuf> {
    let next = |path: &PathBuf| Some(path.with_file_name("").join(path.read_link().ok()?));
    std::iter::successors(Some(path.to_owned()), next).take(MAX_LINKS + 1)
}

/// Where a file would be made that is not there yet: behind symbolic links, also those to nowhere, in the folder's own
/// spelling where there is one.
pub(crate) fn destination(path: &Path) -> PathBuf {
    let path = steps(path).last().unwrap_or_default();
    match (folder_of(&path).canonicalize().ok(), path.file_name()) {
        (Some(folder), Some(name)) => folder.join(name),
        _ => path,
    }
}

/// Does the path name an open file of a process, as `/dev/fd/3` does? On Linux, that is a link in `/proc`.
pub(crate) fn is_descriptor(path: &Path) -> bool {
    steps(path).any(|path| folder_of(&path).canonicalize().is_ok_and(|folder| folder.starts_with("/proc")))
}

/// The folder that a file is in, or would be.
pub(crate) fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn text_of(source: impl io::Read, most: u64) -> io::Result<String> {
    let mut bytes = bytes_of(source, most)?;
    if bytes.starts_with(MARK) {
        bytes.drain(..MARK.len());
    }
    let not_text = |at| io::Error::new(io::ErrorKind::InvalidData, format!("not UTF-8 (at byte {at})"));
    String::from_utf8(bytes).map_err(|error| not_text(error.utf8_error().valid_up_to()))
}

fn bytes_of(source: impl io::Read, most: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    source.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {most} bytes")));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_size_and_no_further() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "12345").unwrap();
        assert_eq!(text(file.path(), 5).unwrap(), "12345");
        assert_eq!(text(file.path(), 4).unwrap_err().to_string(), "larger than 4 bytes");
        std::fs::write(file.path(), "\u{feff}a\u{feff}").unwrap();
        assert_eq!(text(file.path(), 9).unwrap(), "a\u{feff}", "a byte order mark is in front");
        std::fs::write(file.path(), b"\xff").unwrap();
        assert_eq!(text(file.path(), 4).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_file_that_is_not_there_has_one_destination() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().canonicalize().unwrap().join("new");
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("./new", &link).unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        for same in ["new", "./new", "sub/../new", "link", "sub/../link"] {
            assert_eq!(destination(&folder.path().join(same)), real, "{same}");
        }
        assert_ne!(destination(&folder.path().join("sub/new")), real);
        std::os::unix::fs::symlink("loop", folder.path().join("loop")).unwrap();
        destination(&folder.path().join("loop"));
    }

    #[test]
    fn a_device_without_an_end_is_left() {
        assert_eq!(text(Path::new("/dev/zero"), 4096).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
