//! Which lines are remembered, and where.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::report::Report;
use crate::secret::is_secret_name;
use crate::sys;

/// Lines that are remembered.
pub(super) const MOST_LINES: usize = 1000;

/// Longer ones are not: a page that was pasted is not typed again.
const LONGEST: usize = 4096;

/// The largest file that is read: the lines, each of its bytes as an escape of two, and their line feeds.
const LARGEST: u64 = (MOST_LINES * (2 * LONGEST + 1)) as u64;

/// The file in the state folder (XDG Base Directory Specification) for this profile.
#[must_use]
pub fn file(var: &dyn Fn(&str) -> Option<String>, profile: Option<&str>) -> Option<PathBuf> {
    let state = sys::folder_in(sys::STATE_FOLDERS, var)?;
    let name: String = profile.unwrap_or("default").chars().map(harmless).collect();
    Some(state.join("wstap").join("history").join(name))
}

/// The name of a profile as the name of a file.
fn harmless(c: char) -> char {
    if c.is_alphanumeric() || "-_".contains(c) { c } else { '_' }
}

/// Makes the folder of the file, for its owner alone.
///
/// # Errors
/// If it cannot be made.
pub(super) fn make_folder(file: &Path) -> io::Result<()> {
    let folder = file.parent().unwrap_or(Path::new("."));
    sys::create_folder_for_owner(folder)
}

/// Makes sure that the file can be read to its end, and takes it from everybody but its owner.
///
/// # Errors
/// If it is not a regular file, is larger than a history can be, or is somebody else's.
pub(super) fn check(file: &Path) -> io::Result<()> {
    let facts = fs::metadata(file)?;
    if !facts.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    if facts.len() > LARGEST {
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, format!("larger than {LARGEST} bytes")));
    }
    sys::keep_for_owner(file, &facts)
}

/// May this line be remembered? Not if a credential stands in it.
pub(crate) fn is_worth_it(line: &str, report: &Report) -> bool {
    line.len() <= LONGEST
        && report.secrets().mask_text(line) == line
        && !names_a_secret(line)
        && !logs_in(line)
        && !names_one_in_words(line)
        && !holds_a_credential(line)
}

/// Does a word for a credential stand before a colon or an equals sign, as in `"token":"x"` and `Authorization: x`?
/// Or the word that goes before one?
fn names_a_secret(line: &str) -> bool {
    let word = |text: &str| {
        let text = text.trim_end_matches(|c: char| c.is_whitespace() || "\"'\\".contains(c));
        let start = text.rfind(|c: char| !c.is_ascii_alphanumeric() && !"_-".contains(c));
        text[start.map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8))..].to_owned()
    };
    let before = line.char_indices().filter(|(_, c)| matches!(c, ':' | '=')).map(|(at, _)| word(&line[..at]));
    before.into_iter().any(|word| is_secret_name(&word)) || line.to_ascii_lowercase().contains("bearer ")
}

/// Is it, or does it send, the request of a protocol that logs in: `AUTH x`, `{"op":"login","args":["x"]}`?
fn logs_in(line: &str) -> bool {
    const VERBS: &[&str] = &["auth", "authenticate", "authorize", "login", "logon", "pass"];
    let sent = match line.strip_prefix('/') {
        Some(command) => {
            command.strip_prefix("send ").or_else(|| command.strip_prefix("edit ")).unwrap_or_default()
        }
        None => line,
    };
    let is_verb = |word: &str| VERBS.iter().any(|verb| word.eq_ignore_ascii_case(verb));
    let mut words = sent.split_whitespace();
    words.next().is_some_and(is_verb) && words.next().is_some()
        || sent.split('"').skip(1).step_by(2).any(is_verb)
}

/// What tokens of services begin with that give them a form.
const FORMS: &[&str] = &[
    "AIza",
    "AKIA",
    "ASIA",
    "SG.",
    "dop_v1_",
    "gho_",
    "ghp_",
    "ghr_",
    "ghs_",
    "ghu_",
    "github_pat_",
    "glpat-",
    "hf_",
    "npm_",
    "pypi-",
    "rk_live_",
    "rk_test_",
    "sk-",
    "sk_live_",
    "sk_test_",
    "whsec_",
    "xapp-",
    "xoxa-",
    "xoxb-",
    "xoxp-",
    "xoxr-",
    "xoxs-",
    "ya29.",
];

/// The length from which a word with letters and digits may be a credential.
const LEAST: usize = 8;

/// Is it a word that nobody would choose? Those that follow the name of a credential are looked at.
fn looks_made_up(word: &str) -> bool {
    let has = |is: fn(&u8) -> bool| word.as_bytes().iter().any(is);
    word.len() >= LEAST && has(u8::is_ascii_digit) && has(u8::is_ascii_alphabetic)
}

/// Does a made-up word follow the name of a credential or of a scheme closely: `api key is K3y`, `Basic dTpw`?
fn names_one_in_words(line: &str) -> bool {
    const SCHEMES: &[&str] = &["basic", "bearer", "digest", "apikey"];
    let words: Vec<&str> = line.split_whitespace().collect();
    words.iter().enumerate().any(|(at, word)| {
        let is_scheme = SCHEMES.iter().any(|scheme| word.eq_ignore_ascii_case(scheme));
        let after = words[at + 1..].iter().take(3);
        (is_scheme || is_secret_name(word)) && after.clone().any(|word| looks_made_up(word))
    })
}

/// Does a credential stand there that shows by its form: a JSON Web Token (RFC 7519), the token of a service, a user's
/// password in a URL (RFC 3986 §3.2.1)?
fn holds_a_credential(line: &str) -> bool {
    let is_apart = |c: char| c.is_whitespace() || "\"'`,;()[]{}<>".contains(c);
    line.split(is_apart).any(|word| {
        if FORMS.iter().any(|form| word.len() >= form.len() + LEAST && word.starts_with(form)) {
            return true;
        }
        let token = word.starts_with("eyJ") && word.matches('.').count() == 2;
        let authority =
            word.split_once("://").map(|(_, rest)| rest.split(['/', '?', '#']).next().unwrap_or_default());
        let user = authority.and_then(|authority| authority.rsplit_once('@'));
        token || user.is_some_and(|(user, _)| user.contains(':'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Place, Secret};

    #[test]
    fn lines_with_credentials_are_not_remembered() {
        let report = Report::silent();
        report.secrets().add(&Secret::new("s3cr3t"), Place::Header);
        for line in [
            "s3cr3t",
            r#"{"token":"x"}"#,
            r#"{"accessToken" : "x"}"#,
            r#"{"type":"connection_init","payload":{"Authorization":"x"}}"#,
            "Authorization: x",
            "bearer abc",
            "wss://h/?token=x",
            r#"{"password":1}"#,
            r#"{"bot_token":"x"}"#,
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
            "/send eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln",
            "see wss://me:pw@host/path",
            "AUTH x",
            "/send login me x",
            r#"{"op":"auth","args":["x"]}"#,
            r"CONNECT\nlogin:u\npasscode:x",
            r#"{"credentials":"x"}"#,
            r#"{"pwd": "x"}"#,
            "api key is An0therKEY99",
            "token An0therKEY99",
            "Basic dXNlcjpBbjB0aGVyS0VZOTk=",
            "Authorization Basic dXNlcjpBbjB0aGVyS0VZOTk=",
            "ghp_16C7e42F292c6912E7710c838347Ae178B4a",
            r#"{"a":"sk_live_51H8abcdefghijklmnopqrstuv"}"#,
            "xoxb-123456789012-abcdefghijklmnop",
            "AKIAIOSFODNN7EXAMPLE",
            "wss://h/#s3cr3t",
        ] {
            assert!(!is_worth_it(line, &report), "{line}");
        }
        for line in [
            "hello",
            r#"{"op":"subscribe","topics":["a:b"]}"#,
            "/filter .token",
            "token",
            "é: x",
            "wss://host:1/@",
            "auth",
            "/grep \"login\"",
            "the token is missing, see ticket",
            "basic things",
            r#"{"topics":["customer_id:12345678-1234-1234-1234-123456789012:call:*"]}"#,
            "sk-",
        ] {
            assert!(is_worth_it(line, &report), "{line}");
        }
        assert!(!is_worth_it(&"x".repeat(LONGEST + 1), &report));
    }

    #[test]
    fn a_history_without_an_end_is_not_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history");
        std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
        assert_eq!(check(&path).unwrap_err().to_string(), "not a regular file");
        fs::remove_file(&path).unwrap();
        let file = fs::File::create(&path).unwrap();
        for (length, fits) in [(LARGEST, true), (LARGEST + 1, false)] {
            file.set_len(length).unwrap();
            assert_eq!(check(&path).is_ok(), fits, "{length}");
        }
        assert_eq!(sys::mode_of(&fs::metadata(&path).unwrap()), 0o600);
    }

    #[test]
    fn every_profile_has_a_file() {
        let var = |name: &str| (name == "HOME").then(|| "/home/me".to_owned());
        let path = |profile| file(&var, profile).unwrap();
        assert_eq!(path(None), Path::new("/home/me/.local/state/wstap/history/default"));
        assert_eq!(path(Some("../x")), Path::new("/home/me/.local/state/wstap/history/___x"));
        assert_eq!(file(&|_| None, None), None);
    }
}
