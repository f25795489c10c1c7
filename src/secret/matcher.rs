//! Finds secrets in any spelling: one automaton for all of them, run over the text and over what its spellings mean.

use std::collections::BTreeSet;
use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::Secret;
use super::spelling::{MOST_ESCAPE, layers, open_escape};

/// The least length of a secret that is searched for, in bytes: a shorter one would turn ordinary words into masks
/// without hiding much.
pub(super) const SHORTEST: usize = 4;

/// The least length of a secret that is searched for in base64.
const SHORTEST_ENCODED: usize = 6;

/// A long text is searched piece by piece, so that what its spellings mean does not take many times its memory.
const PIECE: usize = 256 << 10;

/// Finds all secrets in one pass.
pub(super) struct Matcher {
    /// `None` if there is nothing to find.
    automaton: Option<AhoCorasick>,
    patterns: Vec<Vec<u8>>,
    /// The automaton could not be made: everything counts as secret.
    broken: bool,
    /// How many bytes the longest secret may take in a text.
    reach: usize,
}

impl Matcher {
    pub(super) fn new<'s>(secrets: impl Iterator<Item = &'s Secret>) -> Self {
        let patterns: BTreeSet<Vec<u8>> = secrets.flat_map(|secret| patterns(secret.expose())).collect();
        let patterns: Vec<Vec<u8>> = patterns.into_iter().collect();
        let reach = patterns.iter().map(Vec::len).max().unwrap_or_default() * MOST_ESCAPE;
        if patterns.is_empty() {
            return Self { automaton: None, patterns, broken: false, reach };
        }
        // A secret may be a part of another, so all matches count. A full table would take longer to make than it saves.
        let automaton = AhoCorasick::builder()
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(&patterns)
            .ok();
        Self { broken: automaton.is_none(), automaton, patterns, reach }
    }

    /// How many bytes behind a place have to be known to know whether a secret begins there.
    pub(super) fn reach(&self) -> usize {
        self.reach
    }

    /// Where secrets stand, in order and apart from each other.
    pub(super) fn find(&self, text: &[u8]) -> Vec<Range<usize>> {
        self.find_where(text, &|_| true)
    }

    /// The same without those that do not count.
    fn find_where(&self, text: &[u8], counts: &dyn Fn(&Range<usize>) -> bool) -> Vec<Range<usize>> {
        let whole = 0..text.len();
        if self.broken && !text.is_empty() {
            return Vec::from_iter([whole]);
        }
        let Some(automaton) = &self.automaton else { return Vec::new() };
        let (piece, mut start, mut found) = (PIECE.max(self.reach), 0, Vec::new());
        loop {
            let end = text.len().min(start + piece + self.reach);
            layers(&text[start..end], &mut |layer, source| {
                for hit in automaton.find_overlapping_iter(layer) {
                    let range = source(hit.range());
                    let range = start + range.start..start + range.end;
                    if counts(&range) {
                        push(&mut found, range);
                    }
                }
            });
            if end == text.len() {
                return merged(found);
            }
            start += piece;
        }
    }

    /// The same in a text, in whole characters.
    pub(super) fn find_in_text(&self, text: &str) -> Vec<Range<usize>> {
        whole_characters(text, self.find(text.as_bytes()))
    }

    /// The same in what stands between the quotes of a JSON string. What begins or ends within an escape is not part of
    /// what the string means.
    pub(super) fn find_in_json(&self, raw: &str) -> Vec<Range<usize>> {
        let bytes = raw.as_bytes();
        let counts =
            |range: &Range<usize>| !within_escape(bytes, range.start) && !within_escape(bytes, range.end);
        whole_characters(raw, self.find_where(bytes, &counts))
    }

    /// The same where the end was cut off: there may be the beginning of a secret.
    pub(super) fn find_in_cut(&self, text: &[u8]) -> Vec<Range<usize>> {
        let mut found = self.find(text);
        let tail = text.len().saturating_sub(self.reach);
        layers(&text[tail..], &mut |layer, source| {
            let ends = [Some(layer.len()), open_escape(layer)];
            for end in ends.into_iter().flatten() {
                if let Some(length) = self.longest_beginning(&layer[..end]) {
                    found.push(tail + source(end - length..layer.len()).start..text.len());
                }
            }
        });
        merged(found)
    }

    /// The length of the longest beginning of a secret that the text ends with.
    fn longest_beginning(&self, text: &[u8]) -> Option<usize> {
        let longest = |pattern: &Vec<u8>| {
            let most = text.len().min(pattern.len() - 1);
            (SHORTEST..=most).rev().find(|length| text.ends_with(&pattern[..*length]))
        };
        self.patterns.iter().filter_map(longest).max()
    }
}

/// Is this place within an escape of a JSON string (RFC 8259 §7)?
fn within_escape(raw: &[u8], at: usize) -> bool {
    let begins = |start: usize| {
        let before = raw[..start].iter().rev().take_while(|byte| **byte == b'\\').count();
        raw[start] == b'\\' && before.is_multiple_of(2)
    };
    let covers = |start: &usize| at < start + if raw.get(start + 1) == Some(&b'u') { 6 } else { 2 };
    (at.saturating_sub(5)..at).filter(covers).any(begins)
}

/// The same places, so that none begins or ends within a character.
pub(super) fn whole_characters(text: &str, found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    let whole =
        |range: Range<usize>| text.floor_char_boundary(range.start)..text.ceil_char_boundary(range.end);
    merged(found.into_iter().map(whole).collect())
}

/// Matches of one layer mostly come in order, and many may overlap: those are joined at once.
fn push(found: &mut Vec<Range<usize>>, range: Range<usize>) {
    match found.last_mut() {
        Some(last) if range.start <= last.end && last.start <= range.end => {
            *last = last.start.min(range.start)..last.end.max(range.end);
        }
        _ => found.push(range),
    }
}

/// The same places in order, those that overlap or touch as one.
pub(crate) fn merged(mut found: Vec<Range<usize>>) -> Vec<Range<usize>> {
    found.sort_unstable_by_key(|range| range.start);
    let mut merged: Vec<Range<usize>> = Vec::with_capacity(found.len());
    found.into_iter().for_each(|range| push(&mut merged, range));
    merged
}

/// What is searched for: the secret as it is, what its own escapes mean to whoever undoes them, with blanks as forms
/// write them, without quotes around it, and in base64.
fn patterns(secret: &str) -> Vec<Vec<u8>> {
    let mut patterns = Vec::new();
    layers(secret.as_bytes(), &mut |layer, _| patterns.push(layer.to_vec()));
    patterns.push(secret.trim_matches(['"', '\'']).as_bytes().to_vec());
    for (from, to) in [(b'+', b' '), (b' ', b'+')] {
        let swapped: Vec<Vec<u8>> = patterns
            .iter()
            .filter(|pattern| pattern.contains(&from))
            .map(|pattern| pattern.iter().map(|byte| if *byte == from { to } else { *byte }).collect())
            .collect();
        patterns.extend(swapped);
    }
    if secret.len() >= SHORTEST_ENCODED {
        // The last digit depends on what follows.
        let digits = secret.len() * 8 / 6;
        for mut encoded in [STANDARD_NO_PAD.encode(secret), URL_SAFE_NO_PAD.encode(secret)] {
            encoded.truncate(digits);
            patterns.push(encoded.into_bytes());
        }
    }
    patterns.retain(|pattern| pattern.len() >= SHORTEST);
    patterns
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher(secrets: &[&str]) -> Matcher {
        let secrets: Vec<Secret> = secrets.iter().map(|secret| Secret::new(*secret)).collect();
        Matcher::new(secrets.iter())
    }

    fn found<'t>(secrets: &[&str], text: &'t str) -> Vec<&'t str> {
        matcher(secrets).find(text.as_bytes()).into_iter().map(|range| &text[range]).collect()
    }

    #[test]
    fn a_secret_is_found_in_every_spelling() {
        let secret = "s3cr3t+Tok/en==";
        for spelled in [
            "s3cr3t+Tok/en==",
            "s3cr3t%2BTok%2Fen%3D%3D",
            "s3cr3t%2bTok/en%3d=",
            "s3cr3t%252BTok%252Fen%253D%253D",
            "s3cr3t Tok/en==",
            r"s3cr3t\u002BTok\/en\u003d\u003D",
            r"s3cr3t\\u002BTok\\/en\\u003d=",
            "s3cr3t&#43;Tok&#x2F;en&#x3D;&equals;",
            "s3cr3t&amp;#43;Tok&sol;en==",
            r"s3cr3t\x2bTok/en==",
            "%73%33%63%72%33%74%2B%54%6F%6B%2F%65%6E%3D%3D",
            r"s\u0033cr3t+Tok/en%3D\u003d",
        ] {
            for text in [spelled.to_owned(), format!("a{spelled}b"), format!("\"{spelled}\",{spelled}")] {
                let found = found(&[secret], &text);
                assert!(
                    !found.is_empty() && found.iter().all(|found| *found == spelled),
                    "{text}: {found:?}"
                );
            }
        }
        assert_eq!(found(&["s3cr3t"], "x czNjcjN0 y"), ["czNjcjN0"]);
        assert_eq!(found(&["s3cr3t"], "s3cr3 S3CR3T s3cr%33"), [""; 0]);
    }

    #[test]
    fn secrets_with_escapes_of_their_own_are_found_as_they_are_and_as_they_are_read() {
        for text in ["a%41b%4", "aAb%4", r"a\u002541b%4"] {
            assert_eq!(found(&["a%41b%4"], text), [text]);
        }
        assert_eq!(found(&[r"C:\new"], r"in C:\new and C:\\new"), [r"C:\new", r"C:\\new"]);
        assert_eq!(found(&["\"quoted\""], "quoted"), ["quoted"]);
    }

    #[test]
    fn secrets_within_and_beside_each_other_are_all_found() {
        assert_eq!(
            found(&["abcd", "cdefgh", "abcdefghij"], "xabcdefgh abcdefghijabcd"),
            ["abcdefgh", "abcdefghijabcd"]
        );
        assert_eq!(found(&["abc"], "abc"), [""; 0], "too short");
        assert_eq!(found(&[], "abc"), [""; 0]);
    }

    #[test]
    fn the_end_of_a_text_that_was_cut_may_be_the_beginning_of_a_secret() {
        for (text, rest) in [
            ("bad s3cr3t-tok", "s3cr3t-tok"),
            ("bad s3cr3t%2Dto", "s3cr3t%2Dto"),
            ("bad s3cr3t%2", "s3cr3t%2"),
            (r"bad s3cr3t\u00", r"s3cr3t\u00"),
            ("bad s3c", ""),
            ("bad s3cr3t-token!", "s3cr3t-token"),
        ] {
            let found: Vec<&str> = matcher(&["s3cr3t-token"])
                .find_in_cut(text.as_bytes())
                .into_iter()
                .map(|range| &text[range])
                .collect();
            assert_eq!(found.concat(), rest, "{text}");
        }
    }

    #[test]
    fn a_long_text_is_searched_whole() {
        let matcher = matcher(&["s3cr3t=tok"]);
        for at in [0, 1, PIECE - 200, PIECE - 5, PIECE, PIECE + 5, 2 * PIECE - 1] {
            let spelled = r"s3cr3t\u003dtok";
            let text = format!("{}{spelled}{}", "x".repeat(at), "%20".repeat(PIECE / 3));
            let found: Vec<&str> =
                matcher.find_in_text(&text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, [spelled], "{at}");
        }
    }
}
