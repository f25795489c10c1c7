//! From what was typed to what is sent.

use std::io::Write as _;

use crate::file;
use crate::frames::close::{MAY_BE_SENT, may_be_sent};
use crate::json;
use crate::message::Message;
use crate::sys;

/// The message that a line stands for, if it stands for one.
///
/// # Errors
/// A line that should be JSON and is not, with the place.
pub(crate) fn message(line: &str, json: bool) -> Result<Option<Message>, String> {
    let text = joined(line);
    // The break at the end of what was pasted.
    let text = text.strip_suffix('\n').unwrap_or(&text).to_owned();
    if text.trim().is_empty() {
        return Ok(None);
    }
    // No JSON starts with a slash.
    if let Some(slashed) = text.strip_prefix('/').filter(|rest| rest.starts_with('/')) {
        return Ok(Some(Message::text(slashed.to_owned())));
    }
    if !json {
        return Ok(Some(Message::text(text)));
    }
    if let Some(unchecked) = text.strip_prefix('!') {
        return Ok(Some(Message::text(unchecked.to_owned())));
    }
    match json::scan_str(&text) {
        Ok(_) => Ok(Some(Message::text(text))),
        Err(error) => Err(not_json(&text, error)),
    }
}

/// Lines without the backslashes that they were continued with.
pub(crate) fn joined(line: &str) -> String {
    line.replace("\\\n", "\n")
}

/// The last place up to this one that is between two characters.
fn boundary(text: &str, at: usize) -> usize {
    (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// What is wrong, and where: the line with a mark under the place.
fn not_json(text: &str, error: json::Error) -> String {
    let at = boundary(text, error.at);
    let start = text[..at].rfind('\n').map_or(0, |before| before + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let column = text[start..at].chars().count();
    // As much around the place as a row has room for.
    let skipped = column.saturating_sub(50);
    let shown: String =
        line.chars().skip(skipped).take(70).map(|c| if c.is_control() { ' ' } else { c }).collect();
    let place = match text[..start].matches('\n').count() {
        0 => format!("column {}", column + 1),
        before => format!("line {}, column {}", before + 1, column + 1),
    };
    let what = error.what;
    format!(
        "not sent: not valid JSON ({what} at {place}). Press Up to edit it, or start the line with ! to send it anyway.\n  {shown}\n  {}^",
        " ".repeat(column - skipped)
    )
}

/// The code and reason of a close frame, if any are given.
///
/// # Errors
/// What a close frame may not carry (RFC 6455 §7.4, §5.5).
pub(crate) fn close(arguments: &str) -> Result<Option<(u16, String)>, String> {
    let arguments = arguments.trim();
    if arguments.is_empty() {
        return Ok(None);
    }
    let (code, reason) = arguments.split_once(char::is_whitespace).unwrap_or((arguments, ""));
    let reason = reason.trim_start();
    let code = match code.parse() {
        Ok(code) if may_be_sent(code) => code,
        _ => return Err(MAY_BE_SENT.to_owned()),
    };
    if reason.len() > 123 {
        return Err(format!("close reason too long: {} bytes (at most 123)", reason.len()));
    }
    Ok(Some((code, reason.to_owned())))
}

/// What somebody makes of a text in their editor, without the line break at its end.
///
/// # Errors
/// An editor that does not start or does not succeed.
pub(super) fn edit(editor: Option<&str>, text: &str) -> Result<String, String> {
    let editor = editor.unwrap_or(sys::EDITOR);
    let failed = |error: std::io::Error| format!("{editor}: {error}");
    let file = tempfile::Builder::new().prefix("wstap-").suffix(".json").tempfile().map_err(failed)?;
    file.as_file().write_all(text.as_bytes()).map_err(failed)?;
    run_editor(editor, file.path())?;
    // Read by its name: some editors write a new file in the place of the old one.
    let text = file::text(file.path(), file::MAX_SENT).map_err(failed)?;
    Ok(text.trim_end_matches(['\n', '\r']).to_owned())
}

/// The editor may be a command with options, as shells take it.
fn run_editor(editor: &str, path: &std::path::Path) -> Result<(), String> {
    match sys::edit(editor, path).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{editor} ended with {status}")),
        Err(error) => Err(format!("{editor}: {error}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &str, json: bool) -> Option<String> {
        message(line, json).unwrap().map(|message| message.as_text().unwrap().to_owned())
    }

    #[test]
    fn what_is_typed_is_what_is_sent() {
        assert_eq!(text("hello {x", false).as_deref(), Some("hello {x"));
        assert_eq!(text("!hello", false).as_deref(), Some("!hello"));
        assert_eq!(text("//help", false).as_deref(), Some("/help"));
        assert_eq!(text(" {\"a\": 1.0} ", true).as_deref(), Some(" {\"a\": 1.0} "));
        assert_eq!(text("a\\\nb", false).as_deref(), Some("a\nb"));
        assert_eq!(text("a\nb\n", false).as_deref(), Some("a\nb"));
        assert_eq!((text("", false), text("  ", true)), (None, None));
    }

    #[test]
    fn a_mistake_is_shown_where_it_is_and_sent_only_if_that_is_wanted() {
        let error = message("{\"a\": tru}", true).unwrap_err();
        let lines: Vec<&str> = error.lines().collect();
        assert_eq!(lines[1], "  {\"a\": tru}");
        assert_eq!(lines[2].find('^').map(|at| &lines[1][at..=at]), Some("t"), "{error}");
        let error = message("{\n  \"é\": 1,\n}", true).unwrap_err();
        assert!(error.contains("line 3, column 1"), "{error}");
        let far = message(&format!("[{} x]", "1,".repeat(500)), true).unwrap_err();
        assert!(far.lines().all(|line| line.chars().count() < 140), "{far}");
        assert_eq!(text("!{loose", true).as_deref(), Some("{loose"));
        assert_eq!(text("//x", true).as_deref(), Some("/x"));
    }

    proptest::proptest! {
        #[test]
        fn a_mistake_is_always_somewhere(line in "(\\PC|\n|\\\\)*", head in "[\\[{\"é,:\\\\\n]{0,9}") {
            for line in [&line, &head, &format!("{head}{line}")] {
                if let Err(text) = message(line, true) {
                    proptest::prop_assert!(text.ends_with('^'));
                }
            }
        }
    }

    #[test]
    fn depth_is_a_mistake_like_any_other() {
        let why = message(&"[".repeat(100_000), true).unwrap_err();
        assert!(why.contains("nested deeper than") && why.contains("at column 10001"), "{why}");
    }

    #[test]
    fn only_codes_that_may_be_sent_are_taken() {
        assert_eq!(close(""), Ok(None));
        assert_eq!(close("4001  good bye"), Ok(Some((4001, "good bye".to_owned()))));
        assert!(
            close("1005").is_err()
                && close("x").is_err()
                && close(&format!("1000 {}", "x".repeat(124))).is_err()
        );
    }

    #[test]
    fn an_editor_changes_the_text() {
        assert_eq!(edit(Some("sed -i s/a/b/"), "a").as_deref(), Ok("b"));
        assert!(edit(Some("false"), "a").is_err());
    }
}
