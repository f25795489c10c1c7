//! Texts: durations, rows and columns for people, and ids.

use std::time::Duration;

use unicode_width::UnicodeWidthChar as _;

/// A duration with three significant digits or so, for people.
#[must_use]
pub fn short(time: Duration) -> String {
    match time.as_secs_f64() {
        s if s >= 100.0 => format!("{s:.0} s"),
        s if s >= 1.0 => format!("{s:.1} s"),
        s if s >= 0.001 => format!("{:.0} ms", s * 1e3),
        s => format!("{:.0} µs", s * 1e6),
    }
}

/// Bytes as pairs of digits, in lower case.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A random UUID (RFC 9562 §5.4).
pub(crate) fn uuid(random: &mut fastrand::Rng) -> String {
    let bits = random.u128(..) & !(0xf << 76) & !(0x3 << 62) | (0x4 << 76) | (0x2 << 62);
    let hex = format!("{bits:032x}");
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}

/// The start of a text that takes at most so many columns of a terminal, and how many it takes. Colors take none.
pub(crate) fn cut(text: &str, most: usize) -> (&str, usize) {
    let (mut taken, mut escaped) = (0, false);
    for (at, c) in text.char_indices() {
        if escaped || c == '\x1b' {
            escaped = c != 'm';
            continue;
        }
        let width = c.width().unwrap_or(0);
        if taken + width > most {
            return (&text[..at], taken);
        }
        taken += width;
    }
    (text, taken)
}

/// The text in at most so many columns, with `…` at the end if it would take more. Escape what comes from the network
/// before.
pub(crate) fn shortened(text: &str, most: usize) -> String {
    let (whole, _) = cut(text, most);
    if whole.len() == text.len() {
        return text.to_owned();
    }
    format!("{}…", cut(text, most.saturating_sub(1)).0)
}

/// Lines of at most `width` characters, broken between words; a longer word stays whole.
#[must_use]
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last().map_or(0, |line| line.chars().count());
        if line > 0 && line + 1 + word.chars().count() > width {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}

/// May a terminal do something else with it than show it? Controls (C0 but for tabs, DEL, C1), what reverses the order
/// of reading (Unicode's `Bidi_Control`), and what ends a line.
#[must_use]
pub fn acts_on_terminal(c: char) -> bool {
    (c.is_control() && c != '\t')
        || matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_by_columns_and_colors_take_none() {
        assert_eq!(cut("\x1b[1mab\x1b[0mc", 2), ("\x1b[1mab\x1b[0m", 2));
        assert_eq!(cut("日本", 3), ("日", 2));
        assert_eq!([shortened("abc", 3), shortened("abcd", 3), shortened("日本", 3)], ["abc", "ab…", "日…"]);
    }

    #[test]
    fn uuids_are_of_version_4() {
        let id = uuid(&mut fastrand::Rng::with_seed(1));
        assert_eq!((id.len(), &id[14..15]), (36, "4"));
    }

    #[test]
    fn rows_are_broken_between_words() {
        assert_eq!(wrap("aa bb cc", 5), ["aa bb", "cc"]);
        assert_eq!(wrap("aaaaaaaa b", 5), ["aaaaaaaa", "b"]);
    }
}
