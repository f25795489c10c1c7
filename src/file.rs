//! Files that are read whole, up to a size: what was made to fill the memory fills none.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// The largest HAR or replayed recording, in bytes: they are held in memory.
pub(crate) const MAX_RECORDED: u64 = 1 << 30;

/// The largest file that a person writes, in bytes: a scenario, a configuration, a dialect.
pub(crate) const MAX_WRITTEN: u64 = 1 << 20;

/// The text of a file of at most so many bytes. The size that the system tells is not relied upon: devices and
/// pipes have none.
///
/// # Errors
/// A file that cannot be read, is larger, or is not UTF-8.
pub(crate) fn text(path: &Path, most: u64) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(most + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {most} bytes")));
    }
    String::from_utf8(bytes).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error.utf8_error()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_size_and_no_further() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "12345").unwrap();
        assert_eq!(text(file.path(), 5).unwrap(), "12345");
        assert_eq!(text(file.path(), 4).unwrap_err().to_string(), "it is larger than 4 bytes");
        std::fs::write(file.path(), b"\xff").unwrap();
        assert_eq!(text(file.path(), 4).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[test]
    fn a_device_without_an_end_is_left() {
        assert_eq!(text(Path::new("/dev/zero"), 4096).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
    }
}
