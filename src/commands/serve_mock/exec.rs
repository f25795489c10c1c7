//! `--exec`: a command that runs for as long as the server does, and the other way round.

use std::ffi::{OsStr, OsString};
use std::process::ExitStatus;

use tokio::process::{Child, Command};

use crate::error::{Failure, Result};
use crate::exit::{Exit, Status};
use crate::mock::Mock;
use crate::signals::Signals;
use crate::sys::{self, Wanted};

/// Runs the command to its end. Signals are passed on to it.
pub(super) async fn run(words: &[OsString], mock: &Mock, signals: &mut Signals) -> Result<Status> {
    let Some((program, arguments)) = words.split_first() else { return Ok(Exit::Ok.into()) };
    let url = mock.main_url();
    let mut command = Command::new(filled(program, &url));
    command
        .args(arguments.iter().map(|word| filled(word, &url)))
        .envs(environment(mock, url))
        .kill_on_drop(true);
    let mut child = command
        .spawn()
        .map_err(|error| Failure::usage_of_system(format!("--exec {}", program.to_string_lossy()), &error))?;
    loop {
        tokio::select! {
            ended = child.wait() => {
                let ended = ended.map_err(|error| {
                    Failure::new(Exit::OutputFailed, format!("--exec: cannot wait for the command: {error}"))
                })?;
                return Ok(Status(code(ended)));
            }
            told = signals.next() => pass_on(&child, told.exit),
        }
    }
}

/// The URL in the places that were left for it. Braces are common in arguments of clients that send JSON, so the
/// empty pair counts only where no JSON could stand.
fn filled(word: &OsStr, url: &str) -> OsString {
    let Some(text) = word.to_str() else { return word.to_owned() };
    let text = text.replace("{url}", url);
    match text.strip_suffix("{}") {
        Some(before) if before.is_empty() || before.ends_with('=') => format!("{before}{url}").into(),
        _ => text.into(),
    }
}

fn environment(mock: &Mock, url: String) -> Vec<(String, OsString)> {
    let mut variables: Vec<(String, OsString)> =
        mock.urls().into_iter().map(|(name, url)| (variable(name), url.into())).collect();
    variables.push(("WSTAP_MOCK_URL".to_owned(), url.into()));
    variables.push(("WSTAP_MOCK_PORT".to_owned(), mock.local_addr().port().to_string().into()));
    variables.extend(mock.control_url().map(|url| ("WSTAP_MOCK_CONTROL".to_owned(), url.into())));
    variables.extend(mock.ca_file().map(|path| ("WSTAP_MOCK_CA".to_owned(), path.into())));
    variables
}

fn variable(dialect: &str) -> String {
    format!("WSTAP_MOCK_URL_{}", dialect.to_uppercase().replace(['-', '.'], "_"))
}

fn pass_on(child: &Child, exit: Exit) {
    let wanted = if exit == Exit::Interrupted { Wanted::Interrupt } else { Wanted::Terminate };
    child.id().into_iter().for_each(|id| sys::pass_on(id, wanted));
}

/// The status as a shell gives it.
fn code(status: ExitStatus) -> u8 {
    sys::exit_code(status).and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_goes_where_it_was_left_room() {
        for (word, expected) in [
            ("{}", "ws://h"),
            ("--url={}", "--url=ws://h"),
            ("{url}/echo?x={url}", "ws://h/echo?x=ws://h"),
            (r#"{"a":{}}"#, r#"{"a":{}}"#),
            ("x{}", "x{}"),
            ("", ""),
        ] {
            assert_eq!(filled(word.as_ref(), "ws://h"), expected, "{word}");
        }
    }
}
