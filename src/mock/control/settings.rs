//! Whether there is a control API, and its token.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use super::Guard;
use crate::error::{Failure, Result};
use crate::file;
use crate::secret::Secret;
use crate::sys;
use crate::text::hex;

/// The control API as it is wanted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControlSettings {
    /// There is none.
    pub off: bool,
    /// The name of the variable that holds its token.
    pub token_env: Option<String>,
    /// The file that holds it; one that is not there is written, with a token made up for it.
    pub token_file: Option<PathBuf>,
}

impl ControlSettings {
    /// Who may use it on a server that listens on this address. Whoever can reach more than loopback needs a token,
    /// so that without one there is no control API.
    pub(in crate::mock) fn guard(&self, address: IpAddr) -> Result<Option<Guard>> {
        let token = match (&self.token_env, &self.token_file) {
            _ if self.off => return Ok(None),
            (Some(name), _) => Some(token_from_env(name)?),
            (None, Some(path)) => Some(token_from_file(path)?),
            (None, None) => None,
        };
        let safe = token.is_some() || address.is_loopback();
        Ok(safe.then_some(Guard { token }))
    }
}

fn token_from_env(name: &str) -> Result<Secret> {
    match std::env::var(name) {
        Ok(token) if !token.trim().is_empty() => Ok(Secret::new(token.trim())),
        // The name is not quoted: it may be the token itself.
        _ => Err(Failure::usage("--control-token-env: the environment variable is not set or empty")
            .hint("give the name of the variable that holds the token, not the token itself")),
    }
}

fn token_from_file(path: &Path) -> Result<Secret> {
    // A path that is not there is not quoted: it may be the token itself.
    let shown = if path.exists() { format!(" {}", path.display()) } else { String::new() };
    let failed =
        |error: std::io::Error| Failure::usage_of_system(format!("--control-token-file{shown}"), &error);
    match file::text(path, file::MAX_WRITTEN) {
        Ok(text) if text.trim().is_empty() => {
            Err(Failure::usage(format!("--control-token-file {}: the file is empty", path.display())))
        }
        Ok(text) => Ok(Secret::new(text.trim())),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let token = random_token()?;
            let file = sys::for_owner(OpenOptions::new().write(true).create_new(true)).open(path);
            file.and_then(|mut file| writeln!(file, "{token}")).map_err(failed)?;
            Ok(Secret::new(token))
        }
        Err(error) => Err(failed(error)),
    }
}

/// 128 bits that nobody can guess.
fn random_token() -> Result<String> {
    let mut bytes = [0; 16];
    let random = rustls::crypto::ring::default_provider().secure_random;
    random
        .fill(&mut bytes)
        .map_err(|_| Failure::usage("cannot get random bytes for a token from the operating system"))?;
    Ok(hex(&bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beyond_loopback_there_is_no_control_without_a_token() {
        let (here, anywhere): (IpAddr, IpAddr) = ([127, 0, 0, 1].into(), [0, 0, 0, 0].into());
        let none = ControlSettings::default();
        assert!(none.guard(here).unwrap().is_some_and(|guard| guard.token.is_none()));
        assert!(none.guard(anywhere).unwrap().is_none());
        assert!(ControlSettings { off: true, ..none }.guard(here).unwrap().is_none());
    }

    #[test]
    fn a_token_is_read_or_made_up_and_never_empty() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let settings = ControlSettings { token_file: Some(path.clone()), ..ControlSettings::default() };
        let token = || settings.guard([0, 0, 0, 0].into()).unwrap().unwrap().token.unwrap();
        let made = token();
        assert_eq!(made.expose().len(), 32);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(token(), made);
        std::fs::write(&path, "\n").unwrap();
        assert!(settings.guard([127, 0, 0, 1].into()).is_err());
    }
}
