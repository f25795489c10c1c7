//! Credentials that may change while a run lasts: those from files and from a command are read for every connection.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _};
use tokio::process::Command;

use super::{Options, TokenPlace};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::file;
use crate::secret::{Lease, Secret, Secrets};
use crate::sys;

/// The longest output of `--token-command`, in bytes.
const MAX_OUTPUT: u64 = 64 << 10;

/// The longest message of a command that failed, in bytes.
const MAX_COMPLAINT: usize = 300;

/// A header's name and its value.
type Header = (String, Secret);

/// What is read for every connection. Nothing is, by default.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    /// All headers in order, if a file is among them.
    pub headers: Vec<HeaderSource>,
    /// The file with user name and password.
    pub user: Option<PathBuf>,
    /// The credential, and its place in the upgrade, if it has one there.
    pub token: Option<(Option<TokenPlace>, TokenSource)>,
}

/// Where a header comes from.
#[derive(Clone, Debug)]
pub enum HeaderSource {
    /// The command line.
    Given(Header),
    /// A file, one header a line.
    File(PathBuf),
}

/// Where a credential comes from.
#[derive(Clone, Debug)]
pub enum TokenSource {
    /// The first line of a file.
    File(PathBuf),
    /// The first line that a shell command prints.
    Command(String),
}

/// Options with what was read for one connection.
pub struct Renewed {
    /// The options.
    pub options: Options,
    /// The credential, if its place is not in the upgrade.
    pub elsewhere: Option<Secret>,
    /// Keeps what was read masked.
    pub lease: Lease,
}

impl Options {
    /// Is anything to be read for the next connection?
    #[must_use]
    pub fn has_sources(&self) -> bool {
        let Sources { headers, user, token } = &self.sources;
        !headers.is_empty() || user.is_some() || token.is_some()
    }

    /// Reads what may have changed since the last connection.
    ///
    /// # Errors
    /// A file that cannot be read any more, and a command that fails. Both may be in order the next time.
    pub async fn renewed(&self) -> Result<Renewed> {
        let mut options = self.clone();
        let mut elsewhere = None;
        let Sources { headers, user, token } = &self.sources;
        if !headers.is_empty() {
            options.headers = read_headers(headers).map_err(Failure::transient)?;
        }
        if let Some(path) = user {
            options.basic = Some(read_user(path).map_err(Failure::transient)?);
        }
        if let Some((place, source)) = token {
            let token = match source {
                TokenSource::File(path) => first_line(path, "--token-file").map_err(Failure::transient)?,
                TokenSource::Command(command) => output_of(command, self.connect_timeout).await?,
            };
            match place {
                Some(place) => options.token = Some((place.clone(), Secret::new(token))),
                None => elsewhere = Some(Secret::new(token)),
            }
        }
        let lease = options.secrets.lend(secrets(&options, elsewhere.as_ref()));
        Ok(Renewed { options, elsewhere, lease })
    }
}

/// All that may have been read.
fn secrets(options: &Options, elsewhere: Option<&Secret>) -> Vec<Secret> {
    let headers = options.headers.iter().flat_map(|(name, value)| Secrets::in_header(name, value).1);
    let users = options.basic.iter().flat_map(|(user, password)| Secrets::in_user(user, password));
    let tokens = options.token.iter().map(|(_, token)| token).chain(elsewhere).cloned();
    headers.chain(users).chain(tokens).collect()
}

/// Is there something else in the file when it is read again? A pipe, such as a shell's `<(command)`, is empty then.
pub(crate) fn can_be_read_again(path: &Path) -> bool {
    path.is_file()
}

/// The headers, with those of files in the places of the files.
pub(crate) fn read_headers(sources: &[HeaderSource]) -> Result<Vec<Header>> {
    let mut headers = Vec::new();
    for source in sources {
        match source {
            HeaderSource::Given(header) => headers.push(header.clone()),
            HeaderSource::File(path) => {
                let text = file::text(path, file::MAX_WRITTEN)
                    .map_err(|error| unreadable("--header", path, &error))?;
                for line in text.lines().filter(|line| !line.trim().is_empty()) {
                    headers.push(header(line)?);
                }
            }
        }
    }
    Ok(headers)
}

/// A header as it is written.
pub(crate) fn header(text: &str) -> Result<Header> {
    match text.split_once(':') {
        Some((name, value)) if !name.trim().is_empty() => {
            Ok((name.trim().to_owned(), Secret::new(value.trim())))
        }
        // The text is not quoted back: it may be a credential that lost its name.
        _ => Err(Failure::usage("--header: missing `Name:`")
            .hint("write -H 'Name: value', or -H @FILE to read headers from a file")),
    }
}

/// User name and password of a file.
pub(crate) fn read_user(path: &Path) -> Result<(String, Secret)> {
    user(&first_line(path, "--user")?)
}

/// User name and password as they are written.
pub(crate) fn user(text: &str) -> Result<(String, Secret)> {
    match text.split_once(':') {
        Some((user, password)) => Ok((user.to_owned(), Secret::new(password))),
        None => Err(Failure::usage("--user: missing `:` between user and password")
            .hint("write -u USER:PASSWORD, or -u @FILE to keep the password out of the process list")),
    }
}

/// The first line of a file, without spaces around it.
pub(crate) fn first_line(path: &Path, option: &str) -> Result<String> {
    let text =
        file::text_or_stdin(path, file::MAX_WRITTEN).map_err(|error| unreadable(option, path, &error))?;
    first_of(&text)
        .ok_or_else(|| Failure::usage(format!("{option} {}: the first line is empty", path.display())))
}

fn first_of(text: &str) -> Option<String> {
    text.lines().next().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned)
}

/// The path of a file that is not there is not quoted: it may be the credential itself.
fn unreadable(option: &str, path: &Path, error: &std::io::Error) -> Failure {
    if path.exists() {
        return Failure::usage_of_system(format!("{option} {}", path.display()), error);
    }
    Failure::usage(format!("{option}: cannot read the file: {error}"))
        .hint("give the path of the file that holds the credential, not the credential itself")
}

/// The first line that a command prints. The command itself is not quoted: it may hold a credential.
async fn output_of(command: &str, limit: Duration) -> Result<String> {
    let failed = |what: String| {
        Failure::new(Exit::Credentials, format!("--token-command {what}"))
            .hint("check the command in a shell: it must print the credential and exit with 0")
            .transient()
    };
    let mut child = Command::from(sys::shell(command))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| failed(format!("cannot run: {error}")))?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async { tokio::join!(beginning(stdout), beginning(stderr), child.wait()) };
    let Ok((printed, complaint, ended)) = tokio::time::timeout(limit, work).await else {
        return Err(failed(format!("did not end within {}", humantime::format_duration(limit))));
    };
    let ended = ended.map_err(|error| failed(format!("cannot be awaited: {error}")))?;
    if !ended.success() {
        let complaint = complaint.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
        let complaint = &complaint[..complaint.floor_char_boundary(MAX_COMPLAINT)];
        let why = if complaint.is_empty() { String::new() } else { format!(": {complaint}") };
        return Err(failed(format!("failed with {ended}{why}")));
    }
    first_of(&printed).ok_or_else(|| failed("printed an empty first line".to_owned()))
}

/// The beginning of what comes; the rest is read as well, so that nobody waits to write it.
async fn beginning(stream: Option<impl AsyncRead + Unpin>) -> String {
    let Some(mut stream) = stream else { return String::new() };
    let mut bytes = Vec::new();
    // What has come until it broke off is all there is.
    let _ = (&mut stream).take(MAX_OUTPUT).read_to_end(&mut bytes).await;
    let _ = tokio::io::copy(&mut stream, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_in_the_place_of_a_path_is_not_quoted() {
        let error = std::io::Error::other("why");
        let what = |path: &str| unreadable("--token-file", Path::new(path), &error).what;
        assert_eq!(what("/eyJhbGciOi.s3cr3t"), "--token-file: cannot read the file: why");
        assert_eq!(what("/dev/null"), "--token-file /dev/null: why");
    }

    #[test]
    fn a_header_without_a_name_is_not_quoted_back() {
        let failure = header("Bearer s3cr3t").unwrap_err();
        assert!(!format!("{failure:?}").contains("s3cr3t"));
        assert_eq!(header("A:  b: c ").unwrap(), ("A".to_owned(), Secret::new("b: c")));
    }

    #[tokio::test]
    async fn a_command_prints_the_credential_or_says_why_not() {
        let run = |command: &'static str| output_of(command, Duration::from_secs(100));
        assert_eq!(run("echo ' t0k '; echo more").await.unwrap(), "t0k");
        assert_eq!(run("yes | head -c 1000000").await.unwrap(), "y");
        for (command, what) in [
            ("echo t0k; echo one >&2; echo two >&2; exit 3", "failed with exit status: 3: two"),
            ("kill -9 $$", "failed with signal: 9 (SIGKILL)"),
            ("true", "printed an empty first line"),
            ("yes t0k | head -c 1000000 >&2; exit 1", "failed with exit status: 1: t0k"),
        ] {
            let failure = run(command).await.unwrap_err();
            assert_eq!(failure.what, format!("--token-command {what}"));
            assert!(failure.transient && failure.exit == Exit::Credentials);
        }
        let late = output_of("exec sleep 1000", Duration::from_millis(20)).await.unwrap_err();
        assert_eq!(late.what, "--token-command did not end within 20ms");
    }
}
