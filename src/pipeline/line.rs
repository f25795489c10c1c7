//! One message as the line that standard output shows (without a filter).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::json::{self, Checked};
use crate::message::Message;
use crate::pipeline::filter;
use crate::report::escape_controls;
use crate::text::acts_on_terminal;

/// What starts a JSON text in a sequence of them (RFC 7464 §2.2).
const RECORD_SEPARATOR: u8 = 0x1e;

/// How lines look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Strings without quotes.
    pub raw: bool,
    /// Nothing between outputs; implies `raw`.
    pub join: bool,
    /// What a level of JSON over several lines is indented by; `None` for JSON on one line.
    pub indent: Option<&'static str>,
    /// The fields of every object in the order of their names.
    pub sort: bool,
    /// Characters beyond ASCII as escapes; strings stay quoted then, as in jq.
    pub ascii: bool,
    /// The record separator before each JSON text (RFC 7464).
    pub seq: bool,
    /// Coloured.
    pub color: bool,
    /// The reader is a terminal, so control characters are escaped.
    pub terminal: bool,
    /// How binary messages are shown.
    pub binary: BinaryForm,
}

/// How a binary message becomes output.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum BinaryForm {
    /// Base64 (RFC 4648 §4); in quotes if the line is JSON
    #[default]
    Base64,
    /// Lowercase hexadecimal; in quotes if the line is JSON
    Hex,
    /// The bytes themselves, without newlines between messages
    Raw,
}

/// What the line of a message is without its end, where that is the text of the message itself. `checked`, if its text
/// was.
#[must_use]
pub fn own_text(message: &Message, style: Style, checked: Option<Checked>) -> Option<&str> {
    let text = message.as_text()?.trim_ascii();
    // A search for line feeds is quick, and spares what has some from being checked twice.
    let may_be = style == Style::default() && memchr::memchr(b'\n', text.as_bytes()).is_none();
    let is_line = |scan: json::Scan| !scan.line_break;
    (may_be && checked.unwrap_or_else(|| json::scan_str(text)).is_ok_and(is_line)).then_some(text)
}

/// Appends a message as output, terminator included. `checked`, if its text was.
pub fn write_message(message: &Message, checked: Option<Checked>, style: Style, out: &mut Vec<u8>) {
    match message {
        Message::Text(text) => write_text(text, checked, style, out),
        Message::Binary(bytes) if style.binary == BinaryForm::Raw => out.extend_from_slice(bytes),
        Message::Binary(bytes) => write_string(&binary_text(bytes, style.binary), style, out),
    }
}

/// A binary message as the text of the JSON string that stands for it.
#[must_use]
pub fn binary_text(bytes: &[u8], form: BinaryForm) -> String {
    match form {
        BinaryForm::Hex => bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            text.push(char::from(DIGITS[usize::from(byte >> 4)]));
            text.push(char::from(DIGITS[usize::from(byte & 15)]));
            text
        }),
        BinaryForm::Base64 | BinaryForm::Raw => STANDARD.encode(bytes),
    }
}

/// Appends a JSON text that is known to be valid, compact or not, as output.
pub fn write_json(text: &str, one_line: bool, style: Style, out: &mut Vec<u8>) {
    let sorted = if style.sort { filter::sorted(text) } else { None };
    let (text, one_line) = sorted.as_deref().map_or((text, one_line), |sorted| (sorted, true));
    if style.seq {
        out.push(RECORD_SEPARATOR);
    }
    let start = out.len();
    if style.indent.is_some() || style.color {
        write_decorated(text, style, out);
    } else if one_line {
        out.extend_from_slice(text.trim_ascii().as_bytes());
    } else {
        json::compact_into(text, out);
    }
    if style.ascii {
        escape_in_json(out, start, |c| !c.is_ascii());
    }
    if style.terminal {
        escape_in_json(out, start, |c| c > '\u{1f}' && acts_on_terminal(c));
    }
    terminate(style, out);
}

/// Appends a string as output: quoted, or as it is under `raw`.
pub fn write_string(text: &str, style: Style, out: &mut Vec<u8>) {
    if (style.raw || style.join) && !style.ascii {
        if style.terminal {
            // Line breaks are what a person expects of raw output; everything else that moves is escaped.
            let lines: Vec<String> = text.split('\n').map(escape_controls).collect();
            out.extend_from_slice(lines.join("\n").as_bytes());
        } else {
            out.extend_from_slice(text.as_bytes());
        }
        terminate(style, out);
    } else {
        let mut quoted = Vec::with_capacity(text.len() + 2);
        json::write_string(text, &mut quoted);
        // The writer only emits UTF-8.
        write_json(&String::from_utf8_lossy(&quoted), true, style, out);
    }
}

fn write_text(text: &str, checked: Option<Checked>, style: Style, out: &mut Vec<u8>) {
    match checked.unwrap_or_else(|| json::scan_str(text)) {
        Ok(scan) => {
            let trimmed = text.trim_ascii();
            if (style.raw || style.join)
                && trimmed.starts_with('"')
                && let Ok(string) = serde_json::from_str::<String>(trimmed)
            {
                write_string(&string, style, out);
            } else {
                write_json(text, !scan.line_break, style, out);
            }
        }
        Err(_) => write_string(text, style, out),
    }
}

fn write_decorated(text: &str, style: Style, out: &mut Vec<u8>) {
    match style.indent {
        Some(indent) => json::pretty_into(text, out, indent, style.color),
        None => json::color_into(text, out),
    }
}

fn terminate(style: Style, out: &mut Vec<u8>) {
    if !style.join {
        out.push(b'\n');
    }
}

/// JSON escapes C0 in strings already, but lets other things through that [act on a terminal](acts_on_terminal); they
/// are written as `\u` escapes, which mean the same to every JSON reader.
/// So are those beyond ASCII where the reader wants none.
fn escape_in_json(out: &mut Vec<u8>, start: usize, risky: impl Fn(char) -> bool + Copy) {
    let Ok(text) = std::str::from_utf8(&out[start..]) else { return };
    if !text.contains(risky) {
        return;
    }
    let escaped = text.chars().fold(String::with_capacity(text.len() + 16), |mut escaped, c| {
        if risky(c) {
            c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| escaped.push_str(&format!("\\u{unit:04x}")));
        } else {
            escaped.push(c);
        }
        escaped
    });
    out.truncate(start);
    out.extend_from_slice(escaped.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(message: &Message, style: Style) -> String {
        let mut out = Vec::new();
        write_message(message, None, style, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn json_is_one_line_with_its_numbers_untouched() {
        let style = Style::default();
        assert_eq!(shown(&Message::text(r#"{"a":1.0}"#), style), "{\"a\":1.0}\n");
        assert_eq!(
            shown(&Message::text("{\n \"a\": 1.10,\r\n \"b\":\t[1e3 , -0.0]\n}"), style),
            "{\"a\":1.10,\"b\":[1e3,-0.0]}\n"
        );
    }

    #[test]
    fn the_text_of_a_message_is_its_line_where_nothing_is_changed() {
        let json = Message::text(" {\"a\":1.0}\n");
        assert_eq!(own_text(&json, Style::default(), None), Some("{\"a\":1.0}"));
        let ascii = Style { ascii: true, ..Style::default() };
        assert_eq!(own_text(&json, ascii, None), None);
        for other in
            [Message::text("{\n}"), Message::text("{\r}"), Message::text("a"), Message::Binary("{}".into())]
        {
            assert_eq!(own_text(&other, Style::default(), None), None);
        }
    }

    #[test]
    fn text_is_a_json_string_and_raw_takes_the_quotes_away() {
        let raw = Style { raw: true, ..Style::default() };
        assert_eq!(shown(&Message::text("a \"b\"\n"), Style::default()), "\"a \\\"b\\\"\\n\"\n");
        assert_eq!(shown(&Message::text("a b"), raw), "a b\n");
        assert_eq!(shown(&Message::text("\"a\\u0041\""), raw), "aA\n");
        let join = Style { join: true, ..Style::default() };
        assert_eq!(shown(&Message::text("a b"), join), "a b");
    }

    #[test]
    fn json_is_laid_out_as_jq_does() {
        let message = Message::text("{\"b\":[1.0,{}],\"a\":\"\u{e9}\u{1f600}\"}");
        let plain = Style::default();
        let sorted = shown(&message, Style { sort: true, ..plain });
        assert_eq!(sorted, "{\"a\":\"\u{e9}\u{1f600}\",\"b\":[1.0,{}]}\n");
        let ascii = shown(&message, Style { ascii: true, seq: true, ..plain });
        assert_eq!(ascii, "\u{1e}{\"b\":[1.0,{}],\"a\":\"\\u00e9\\ud83d\\ude00\"}\n");
        let tabs = shown(&message, Style { indent: Some("\t"), sort: true, ascii: true, ..plain });
        assert_eq!(tabs, "{\n\t\"a\": \"\\u00e9\\ud83d\\ude00\",\n\t\"b\": [\n\t\t1.0,\n\t\t{}\n\t]\n}\n");
        let raw = shown(&Message::text("\u{e9}"), Style { raw: true, ascii: true, ..plain });
        assert_eq!(raw, "\"\\u00e9\"\n");
        assert_eq!(shown(&Message::text("a"), Style { raw: true, seq: true, ..plain }), "a\n");
    }

    #[test]
    fn binary_has_three_forms() {
        let message = Message::Binary(vec![0xff, 0x0a].into());
        let form = |binary| Style { binary, ..Style::default() };
        assert_eq!(shown(&message, form(BinaryForm::Base64)), "\"/wo=\"\n");
        assert_eq!(shown(&message, form(BinaryForm::Hex)), "\"ff0a\"\n");
        let mut out = Vec::new();
        write_message(&message, None, form(BinaryForm::Raw), &mut out);
        assert_eq!(out, [0xff, 0x0a]);
    }

    #[test]
    fn a_terminal_gets_no_control_characters() {
        let style = Style { terminal: true, ..Style::default() };
        assert_eq!(
            shown(&Message::text("{\"a\":\"\u{9b}2J\u{202e}\u{2028}\"}"), style),
            "{\"a\":\"\\u009b2J\\u202e\\u2028\"}\n"
        );
        assert_eq!(shown(&Message::text("\u{1b}[2J"), style), "\"\\u001b[2J\"\n");
        let raw = Style { raw: true, ..style };
        assert_eq!(shown(&Message::text("a\n\u{1b}[2J"), raw), "a\n\\u{1b}[2J\n");
    }
}
