//! Dialects that people describe themselves, in a TOML file: `-d FILE`, or `-d NAME` for `dialects/NAME.toml` in the
//! configuration folder.

use std::fs;
use std::path::{Path, PathBuf};

use super::RulesDialect;
use crate::dialect::Dialect;
use crate::error::{Failure, Result};
use crate::file;

/// The dialect of a name that is none of the built-in ones: the path of a file, or the name of one in `folder`.
///
/// # Errors
/// A usage failure that says what is wrong in which line; `None` if there is no such file in the folder.
pub fn find(name: &str, folder: Option<&Path>) -> Result<Option<&'static dyn Dialect>> {
    if name.contains('/') || name.ends_with(".toml") {
        return checked(Path::new(name)).map(Some);
    }
    let path = folder.map(|folder| folder.join(format!("{name}.toml"))).filter(|path| path.is_file());
    path.map(|path| checked(&path)).transpose()
}

/// The first dialect in `folder`, by name, that a host belongs to. Files with mistakes are skipped: to name one with `-d`
/// reports its mistake.
#[must_use]
pub fn for_host(host: &str, folder: &Path) -> Option<&'static dyn Dialect> {
    let mut files: Vec<PathBuf> = fs::read_dir(folder).ok()?.flatten().map(|entry| entry.path()).collect();
    // A FIFO would never end.
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml") && path.is_file());
    files.sort();
    let mut dialects =
        files.iter().filter_map(|path| read(path).ok()).filter(|dialect| dialect.owns(host, ""));
    dialects.find(|dialect| dialect.check_expressions().is_ok()).map(|dialect| dialect as _)
}

/// Reads a file, its expressions as well.
fn checked(path: &Path) -> Result<&'static dyn Dialect> {
    let dialect = read(path)?;
    dialect.check_expressions()?;
    Ok(dialect)
}

/// Reads a file, without a look at its expressions. A process has one dialect and needs it to its end.
fn read(path: &Path) -> Result<&'static RulesDialect> {
    let shown = path.display().to_string();
    let text = file::text(path, file::MAX_WRITTEN)
        .map_err(|error| Failure::usage_of_system(format!("dialect {shown}"), &error))?;
    Ok(Box::leak(Box::new(RulesDialect::read(&text, &shown, file::folder_of(path))?)))
}

/// Is the host one of these? `*.example.com` is every host below that one.
pub(super) fn is_host_of(host: &str, hosts: &[String]) -> bool {
    let host = host.to_ascii_lowercase();
    hosts.iter().any(|known| match known.to_ascii_lowercase().strip_prefix("*.") {
        Some(domain) => host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')),
        None => host == known.to_ascii_lowercase(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_whole_names() {
        let hosts = ["a.test".to_owned(), "*.b.test".to_owned()];
        for host in ["A.test", "x.B.test", "y.x.b.test"] {
            assert!(is_host_of(host, &hosts), "{host}");
        }
        for host in ["b.test", "xb.test", "xa.test"] {
            assert!(!is_host_of(host, &hosts), "{host}");
        }
    }
}
