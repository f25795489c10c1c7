//! How things look on the screen of a prompt.

use jiff::Timestamp;
use jiff::tz::TimeZone;

use super::past_messages::PastMessage;
use crate::event::Direction;
use crate::json;
use crate::message::Message;
use crate::pipeline::line::{self, BinaryForm, Style};
use crate::secret::Secrets;
use crate::text::cut;

/// A message of which more is only looked at when somebody asks for it: a row shows less in any case.
const LONGEST_LOOK: usize = 16 * 1024;

/// Bytes of a binary message that a row shows.
const BINARY_BYTES: usize = 24;

/// Below this many columns there is no room for the time.
const NARROW: usize = 60;

/// Faint text, on dark and on light backgrounds.
const FAINT: &str = "2";
/// What comes in.
const IN: &str = "32";
/// What goes out.
const OUT: &str = "36";

/// How it is to look.
#[derive(Clone)]
pub(super) struct RenderStyle {
    pub(super) color: bool,
    pub(super) pretty: bool,
    /// What programs yield is shown without quotes, if it is a string.
    pub(super) raw: bool,
    pub(super) binary: BinaryForm,
    pub(super) zone: TimeZone,
    /// What is masked.
    pub(super) secrets: Secrets,
}

impl RenderStyle {
    /// A message on one row.
    pub(super) fn row(&self, past: &PastMessage, width: usize) -> String {
        let head = self.head(past, width);
        if self.pretty {
            return format!("{head}{}", self.whole(&past.message));
        }
        self.fit(&head, &self.brief(&past.message), past.message.len(), width)
    }

    /// What a program made of a message, on one row.
    pub(super) fn output(&self, past: Option<&PastMessage>, text: &str, width: usize) -> String {
        let head = past.map(|past| self.head(past, width)).unwrap_or_default();
        let text = self.secrets.mask_json(text);
        let string =
            Some(&text).filter(|_| self.raw).and_then(|text| serde_json::from_str::<String>(text).ok());
        match string {
            Some(string) if self.pretty => format!("{head}{}", plain(&string, true)),
            Some(string) => self.fit(&head, &plain(&string, false), string.len(), width),
            None if self.pretty => format!("{head}{}", self.json(&text, true)),
            None => self.fit(&head, &self.json(&text, false), text.len(), width),
        }
    }

    /// A message in full.
    pub(super) fn full(&self, past: &PastMessage) -> String {
        let PastMessage { number, at, conn, seq, message, .. } = past;
        let dir = match past.dir {
            Direction::In => "received",
            Direction::Out => "sent",
        };
        let head = format!(
            "message {number}: {dir} {} on connection {conn}, {}, {} bytes, number {seq} in this direction",
            at.to_zoned(self.zone.clone()).strftime("%F %T%.6f"),
            message.opcode(),
            grouped(message.len() as u64),
        );
        format!("{}\n{}", self.faint(&head), self.whole(message))
    }

    /// Text that is not in the way.
    pub(super) fn faint(&self, text: &str) -> String {
        self.painted(FAINT, text)
    }

    /// Something is wrong.
    pub(super) fn alarming(&self, text: &str) -> String {
        self.painted("31", text)
    }

    fn painted(&self, sgr: &str, text: &str) -> String {
        if self.color { format!("\x1b[{sgr}m{text}\x1b[0m") } else { text.to_owned() }
    }

    fn head(&self, past: &PastMessage, width: usize) -> String {
        let time = if width < NARROW { String::new() } else { format!("{} ", self.time(past.at)) };
        let (arrow, color) = match past.dir {
            Direction::In => ("←", IN),
            Direction::Out => ("→", OUT),
        };
        let number = self.faint(&past.number.to_string());
        format!("{}{} {number} ", self.faint(&time), self.painted(color, arrow))
    }

    fn time(&self, at: Timestamp) -> String {
        at.to_zoned(self.zone.clone()).strftime("%T%.3f").to_string()
    }

    /// As much of the text as the row has room for, and how long it is if that is not all.
    fn fit(&self, head: &str, text: &str, bytes: usize, width: usize) -> String {
        // A row that is full to the last column would wrap on some terminals.
        let room = width.saturating_sub(columns(head) + 1);
        if columns(text) <= room {
            return format!("{head}{text}");
        }
        let rest = format!(" … {} B", grouped(bytes as u64));
        let (kept, _) = cut(text, room.saturating_sub(columns(&rest)));
        let reset = if self.color { "\x1b[0m" } else { "" };
        format!("{head}{kept}{reset}{}", self.faint(&rest))
    }

    /// A message as far as a row may need it.
    fn brief(&self, message: &Message) -> String {
        match message {
            Message::Text(text) if text.len() > LONGEST_LOOK => {
                plain(&self.secrets.beginning(text, LONGEST_LOOK).0, false)
            }
            Message::Text(_) => self.text(message, false),
            Message::Binary(bytes) => {
                let masked = self.secrets.mask_bytes(bytes);
                let bytes = masked.as_deref().unwrap_or(bytes);
                let some = &bytes[..bytes.len().min(BINARY_BYTES)];
                let digits = line::binary_text(some, BinaryForm::Hex);
                let more = if some.len() < bytes.len() { "…" } else { "" };
                format!("<binary, {} B> {digits}{more}", grouped(bytes.len() as u64))
            }
        }
    }

    fn whole(&self, message: &Message) -> String {
        match message {
            Message::Text(_) => self.text(message, true),
            Message::Binary(bytes) => {
                let form = if self.binary == BinaryForm::Raw { BinaryForm::Base64 } else { self.binary };
                line::binary_text(self.secrets.mask_bytes(bytes).as_deref().unwrap_or(bytes), form)
            }
        }
    }

    fn text(&self, message: &Message, lines: bool) -> String {
        let masked = message.masked(&self.secrets);
        let text = masked.as_ref().unwrap_or(message).as_text().unwrap_or_default();
        if json::scan_str(text).is_ok() { self.json(text, lines) } else { plain(text, lines) }
    }

    fn json(&self, text: &str, pretty: bool) -> String {
        let style =
            Style { color: self.color, terminal: true, indent: pretty.then_some("  "), ..Style::default() };
        let mut out = Vec::new();
        line::write_json(text, false, style, &mut out);
        String::from_utf8_lossy(&out).trim_end_matches('\n').to_owned()
    }
}

/// Hostile messages on the screen of a prompt: nothing in a row acts on the terminal, and no row wraps.
#[cfg(any(test, fuzzing))]
pub(crate) fn hostile(message: &Message, width: usize) {
    let (zone, binary) = (TimeZone::UTC, BinaryForm::default());
    let past = PastMessage {
        number: u64::MAX,
        at: Timestamp::UNIX_EPOCH,
        conn: 1,
        dir: Direction::In,
        seq: 1,
        role: crate::event::Role::Data,
        part: None,
        message: message.clone(),
    };
    let width = width.max(40);
    for (pretty, raw) in [(false, false), (false, true), (true, false), (true, true)] {
        let (zone, secrets) = (zone.clone(), Secrets::default());
        let look = RenderStyle { color: false, pretty, raw, binary, zone, secrets };
        let output = message.as_text().filter(|text| json::scan_str(text).is_ok());
        let output = output.map(|text| look.output(Some(&past), text, width));
        for shown in [look.row(&past, width), look.full(&past)].into_iter().chain(output) {
            assert!(!shown.contains(|c: char| c.is_control() && c != '\n' && c != '\t'), "{shown:?}");
        }
        assert!(pretty || columns(&look.row(&past, width)) < width);
    }
}

/// Text made harmless, with its line breaks or without.
fn plain(text: &str, lines: bool) -> String {
    if lines {
        let safe: Vec<String> = text.lines().map(crate::report::escape_controls).collect();
        return safe.join("\n");
    }
    crate::report::escape_controls(&text.replace("\r\n", "⏎").replace('\n', "⏎").replace('\t', " "))
}

/// How many columns a text takes, colours aside.
pub(super) fn columns(text: &str) -> usize {
    cut(text, usize::MAX).1
}

/// A number with its thousands apart.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Role;
    use crate::secret::{Place, Secret};

    fn look(color: bool) -> RenderStyle {
        RenderStyle {
            color,
            pretty: false,
            raw: false,
            binary: BinaryForm::Base64,
            zone: TimeZone::UTC,
            secrets: Secrets::default(),
        }
    }

    fn past(message: Message) -> PastMessage {
        let (number, at, dir, role) = (7, Timestamp::UNIX_EPOCH, Direction::In, Role::Data);
        PastMessage { number, at, conn: 1, dir, seq: 3, role, part: None, message }
    }

    fn row(text: &str, width: usize) -> String {
        look(false).row(&past(Message::text(text.to_owned())), width)
    }

    #[test]
    fn a_row_has_time_direction_and_number() {
        assert_eq!(row("{ \"a\": 1.0 }", 80), "00:00:00.000 ← 7 {\"a\":1.0}");
        assert_eq!(row("hello\nyou", 40), "← 7 hello⏎you");
    }

    #[test]
    fn what_is_too_long_is_cut_at_the_width() {
        let text = format!("{{\"a\":\"{}\"}}", "é".repeat(500));
        for width in [20, 40, 80, 200] {
            let row = row(&text, width);
            assert!(columns(&row) < width && row.ends_with(" … 1,008 B"), "{row}");
            let colored = look(true).row(&past(Message::text(text.clone())), width);
            assert_eq!(columns(&colored), columns(&row), "{colored}");
        }
        assert!(columns(&row("漢字漢字漢字漢字漢字漢字漢字漢字漢字漢字", 30)) < 30);
        assert!(row(&"x".repeat(1 << 20), 80).ends_with("… 1,048,576 B"));
    }

    #[test]
    fn nothing_reaches_the_terminal_raw() {
        let mut look = look(true);
        look.color = false;
        look.secrets.add(&Secret::new("tok-123456"), Place::Header);
        for text in
            ["\u{1b}[2J\u{9b}x\u{202e}\r", "\"\u{9b}2J\u{202e}\"", "tok-123456", "{\"t\":\"tok-123456\"}"]
        {
            let past = past(Message::text(text.to_owned()));
            let output = look.output(None, &serde_json::to_string(text).unwrap(), 80);
            for shown in [look.row(&past, 80), look.full(&past), output] {
                let risky = |c: char| (c.is_control() && c != '\n') || c == '\u{202e}';
                assert!(!shown.contains(risky) && !shown.contains("tok-123456"), "{shown:?}");
            }
        }
    }

    proptest::proptest! {
        #[test]
        fn a_row_never_wraps(text in "\\PC*", width in 20usize..200, color: bool) {
            let row = look(color).row(&past(Message::text(text.clone())), width);
            proptest::prop_assert!(columns(&row) < width, "{}", row);
            let (kept, taken) = cut(&text, width);
            proptest::prop_assert!(taken <= width && text.starts_with(kept));
        }
    }

    #[test]
    fn binary_is_told_by_its_first_bytes() {
        let row = look(false).row(&past(Message::Binary(vec![0xff; 1500].into())), 100);
        assert!(row.contains("<binary, 1,500 B> ffff"), "{row}");
        assert!(look(false).full(&past(Message::Binary(vec![0xff; 3].into()))).ends_with("\n////"));
    }

    #[test]
    fn strings_may_be_shown_without_quotes() {
        let raw = RenderStyle { raw: true, ..look(false) };
        assert_eq!(raw.output(None, "\"a\\nb\"", 80), "a⏎b");
        assert_eq!(raw.output(None, "[\"a\"]", 80), "[\"a\"]");
        assert_eq!(look(false).output(None, "\"a\"", 80), "\"a\"");
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([1, 999, 1000, 1_234_567].map(grouped), ["1", "999", "1,000", "1,234,567"]);
    }
}
