//! A page of text for people: labelled rows, colours, bars.

use crate::report::escape_controls;
use crate::text::{shortened, wrap};

/// Where values start.
const INDENT: usize = 9;

/// A colour, or its like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ink {
    Plain,
    Bold,
    Dim,
    Green,
    Yellow,
    Red,
    Cyan,
}

impl Ink {
    fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Green => "32",
            Self::Yellow => "33",
            Self::Red => "31",
            Self::Cyan => "36",
        }
    }
}

/// A page that is being written.
pub(super) struct TextPage {
    text: String,
    color: bool,
    /// How wide it may be, in characters.
    pub(super) width: usize,
}

impl TextPage {
    pub(super) fn new(color: bool, width: usize) -> Self {
        Self { text: String::new(), color, width }
    }

    pub(super) fn finish(self) -> String {
        self.text
    }

    /// Text that may come from the network, in this ink.
    pub(super) fn put(&mut self, ink: Ink, text: &str) -> &mut Self {
        let text = escape_controls(text);
        if self.color && ink != Ink::Plain && !text.trim().is_empty() {
            self.text.push_str(&format!("\x1b[{}m{text}\x1b[0m", ink.code()));
        } else {
            self.text.push_str(&text);
        }
        self
    }

    pub(super) fn end(&mut self) {
        self.text.push('\n');
    }

    /// A line below this one that goes on with it; where it starts.
    pub(super) fn below(&mut self) -> usize {
        self.end();
        self.label("");
        INDENT
    }

    /// The start of a row: its label, or the room for one.
    pub(super) fn label(&mut self, label: &str) -> &mut Self {
        self.put(Ink::Dim, &format!("{label:<INDENT$}"))
    }

    /// A row, broken between words where it would be too wide.
    pub(super) fn row(&mut self, label: &str, ink: Ink, text: &str) {
        for (index, line) in wrap(text, self.width.saturating_sub(INDENT)).iter().enumerate() {
            self.label(if index == 0 { label } else { "" }).put(ink, line).end();
        }
    }

    /// The rest of a line of which so many characters are written: broken between words, and all of it below where
    /// little room is left.
    pub(super) fn rest(&mut self, used: usize, ink: Ink, text: &str) {
        const LITTLE: usize = 20;
        let room = self.width.saturating_sub(used);
        if room < LITTLE {
            self.end();
            return self.row("", ink, text);
        }
        for (index, line) in wrap(text, room).iter().enumerate() {
            let indent = if index == 0 { 0 } else { used };
            self.put(Ink::Plain, &" ".repeat(indent)).put(ink, line).end();
        }
    }

    /// A row of items, as many in a line as there is room for.
    pub(super) fn items(&mut self, label: &str, items: &[(Ink, String)]) {
        let room = self.width.saturating_sub(INDENT);
        let mut used = 0;
        self.label(label);
        for (ink, item) in items {
            let length = item.chars().count();
            if used > 0 && used + 2 + length > room {
                self.end();
                self.label("");
                used = 0;
            }
            if used > 0 {
                self.put(Ink::Plain, "  ");
                used += 2;
            }
            self.put(*ink, item);
            used += length;
        }
        self.end();
    }

    /// A row that is cut where it would be too wide.
    pub(super) fn cut(&mut self, label: &str, ink: Ink, text: &str) {
        let room = self.width.saturating_sub(INDENT).max(20);
        let shown = shortened(&escape_controls(text), room);
        self.label(label).put(ink, &shown).end();
    }
}

/// A bar of `room` characters that is filled from `start` to `end` of `whole`. Something is always seen of it.
pub(super) fn bar(start: f64, end: f64, whole: f64, room: usize) -> String {
    const EIGHTHS: [char; 8] = [' ', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];
    #[expect(clippy::cast_precision_loss, reason = "a terminal is not that wide")]
    let scale = if whole > 0.0 { room as f64 / whole } else { 0.0 };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and bounded by the room"
    )]
    let eighths = |at: f64| ((at * scale * 8.0).round().max(0.0) as usize).min(room * 8);
    let from = (eighths(start) / 8).min(room.saturating_sub(1));
    let filled = eighths(end).saturating_sub(from * 8).max(1);
    let mut bar = " ".repeat(from);
    bar.push_str(&"█".repeat(filled / 8));
    if filled % 8 > 0 {
        bar.push(EIGHTHS[filled % 8]);
    }
    let used = bar.chars().count();
    bar + &" ".repeat(room.saturating_sub(used))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_fill_their_part_and_are_never_empty() {
        assert_eq!(bar(0.0, 10.0, 10.0, 4), "████");
        assert_eq!(bar(5.0, 10.0, 10.0, 4), "  ██");
        assert_eq!(bar(0.0, 1.25, 10.0, 4), "▌   ");
        assert_eq!(bar(10.0, 10.0, 10.0, 4), "   ▏".replace('▏', "█"));
        assert_eq!(bar(0.0, 0.0, 0.0, 4), "▏   ");
    }

    #[test]
    fn the_rest_of_a_line_is_broken_below_itself() {
        let mut page = TextPage::new(false, 30);
        page.put(Ink::Plain, "start ").rest(6, Ink::Red, "aaaaaaaaaaaaaaaaaa bbbbbb ccc");
        page.put(Ink::Plain, "too much already ").rest(17, Ink::Red, "aaa");
        let indent = " ".repeat(INDENT);
        let expected =
            format!("start aaaaaaaaaaaaaaaaaa\n      bbbbbb ccc\ntoo much already \n{indent}aaa\n");
        assert_eq!(page.finish(), expected);
    }

    #[test]
    fn items_go_on_in_the_next_line() {
        let mut page = TextPage::new(false, INDENT + 7);
        page.items("x", &["aa", "bbb", "c"].map(|item| (Ink::Green, item.to_owned())));
        assert_eq!(page.finish(), "x        aa  bbb\n         c\n");
    }

    #[test]
    fn nothing_from_the_network_moves_the_cursor() {
        let mut page = TextPage::new(true, 80);
        page.row("x", Ink::Red, "a\u{1b}[2Jb");
        assert!(page.finish().contains("a\\u{1b}[2Jb"));
    }
}
