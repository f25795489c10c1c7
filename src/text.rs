//! Texts: durations, rows and columns for people, and ids.

use std::borrow::Cow;
use std::time::Duration;

use unicode_width::UnicodeWidthChar as _;

/// How many names a line lists.
const LISTED: usize = 10;

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

/// The longest duration that can be given. Clocks stand the sum of a few of them, also on a clock that runs a thousand
/// times slower (`--time-scale 0.001`).
pub const LONGEST_DURATION: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// Reads a duration as people write it, such as `500ms` or `1m 30s`, up to [`LONGEST_DURATION`]. A bare number is
/// seconds, as curl, wscat and `sleep` take it.
///
/// # Errors
/// What is wrong with it, and how durations are written.
pub fn duration(text: &str) -> Result<Duration, String> {
    let number = text.trim();
    let is_bare = number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        && number.bytes().any(|byte| byte.is_ascii_digit());
    let zero = if number.starts_with('.') { "0" } else { "" };
    let seconds = is_bare.then(|| format!("{zero}{number}s"));
    let text = seconds.as_deref().unwrap_or(text);
    let mut sum = Duration::ZERO;
    for term in terms(text) {
        #[expect(clippy::disallowed_methods, reason = "one term alone does not overflow")]
        let time = humantime::parse_duration(term)
            .map_err(|error| format!("{error} (write durations as 500ms, 30s or 5m)"))?;
        sum = sum.saturating_add(time);
    }
    if sum > LONGEST_DURATION { Err("duration too long (at most 3650d)".to_owned()) } else { Ok(sum) }
}

/// The parts of a duration, each a number with its unit. The library panics at some of their sums.
fn terms(text: &str) -> Vec<&str> {
    let (mut terms, mut rest, mut in_unit) = (Vec::new(), text, false);
    for (at, c) in text.char_indices() {
        if in_unit && c.is_ascii_digit() {
            let (term, after) = rest.split_at(at - (text.len() - rest.len()));
            terms.push(term);
            rest = after;
        }
        in_unit = if c.is_whitespace() { in_unit } else { !c.is_ascii_digit() && c != '.' };
    }
    terms.push(rest);
    terms
}

/// As much of a text as a line of a notice has room for: its beginning and its end, where errors say what they are about.
#[must_use]
pub fn without_middle(text: &str) -> Cow<'_, str> {
    let (head, tail) =
        (text.floor_char_boundary(200), text.ceil_char_boundary(text.len().saturating_sub(100)));
    if head >= tail {
        return text.into();
    }
    format!("{}…({} bytes)…{}", &text[..head], tail - head, &text[tail..]).into()
}

/// Names with blanks between them, no more than a person reads: `a b c and 9997 more`.
#[must_use]
pub fn listed(names: &[String]) -> String {
    let (shown, more) = names.split_at(names.len().min(LISTED));
    let more = if more.is_empty() { String::new() } else { format!(" and {} more", more.len()) };
    format!("{}{more}", shown.join(" "))
}

/// A count with its noun, such as `1 line` or `2 lines`.
#[must_use]
pub fn counted<N: std::fmt::Display>(count: N, noun: &str) -> String {
    let count = count.to_string();
    let ending = if count == "1" { "" } else { "s" };
    format!("{count} {noun}{ending}")
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
    fn a_line_lists_ten_names_and_counts_the_others() {
        let names: Vec<String> = (1..=10_000).map(|n| n.to_string()).collect();
        for (count, text) in
            [(0, ""), (1, "1"), (10, "1 2 3 4 5 6 7 8 9 10"), (11, "1 2 3 4 5 6 7 8 9 10 and 1 more")]
        {
            assert_eq!(listed(&names[..count]), text);
        }
        assert!(listed(&names).ends_with(" 10 and 9990 more"));
    }

    #[test]
    fn durations_are_read_and_bounded() {
        for (text, millis) in [
            ("0", 0),
            ("0s", 0),
            ("500ms", 500),
            ("1m 30s", 90_000),
            ("1m30s", 90_000),
            (" 1 m  30.5 s ", 90_500),
            ("1 000ms", 1000),
            ("1s 1s", 2000),
        ] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert_eq!(duration("3650d"), Ok(LONGEST_DURATION));
        assert_eq!(duration("3649d 24h"), Ok(LONGEST_DURATION));
        for (text, millis) in [("5", 5000), ("1.5", 1500), (".5", 500), (" 2 ", 2000), ("0.0", 0)] {
            assert_eq!(duration(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        for text in
            ["", " ", ".", "1.2.3", "1 2", "x", "s", "-1s", "1e3s", "nan", "inf", "1s x", "é", "1µ", "1s;2s"]
        {
            assert!(duration(text).unwrap_err().contains("30s"), "{text}");
        }
        for text in [
            "3651d",
            "315360001",
            "3650d 1ns",
            "584542046090y",
            "18446744073709551615s",
            // The sum is the largest number of seconds, and a whole second in parts.
            "18446744073709551615s 1000ms",
            "18446744073709551614s 999ms 1000ms 1ms",
            "584542046090y 19709615s 1000ms",
            "18446744073709551615ns 18446744073709551615s",
        ] {
            assert!(duration(text).unwrap_err().contains("3650d"), "{text}");
        }
        for text in ["99999999999999999999s", "18446744073709551615m", "0.00000000000000000001s"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_long_text_keeps_its_ends() {
        for text in ["", "short", &"é".repeat(150)] {
            assert_eq!(without_middle(text), text);
        }
        let long = format!("cannot index {} with \"a\"", "é".repeat(1 << 20));
        let short = without_middle(&long);
        assert!(short.starts_with("cannot index éé") && short.ends_with("éé with \"a\""), "{short}");
        assert!(short.contains("bytes") && short.len() < 350, "{short}");
    }

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
