//! Masks in JSON texts: in their values, never in their structure, so that JSON stays JSON.

use std::ops::Range;

use super::MASK;
use super::matcher::Matcher;
use crate::json::{self, Visit};

/// The least length of a secret that is masked where it is a whole number, or in the name of a field: filters go by
/// both, and a shorter secret may be an ordinary word or number.
const SHORTEST_IN_STRUCTURE: usize = 8;

/// The JSON text with the secrets in its values masked.
pub(super) fn masked(text: &str, matcher: &Matcher) -> String {
    let mut visitor = Masking { text, matcher, out: String::with_capacity(text.len()), taken: 0 };
    // What is not JSON has been found out before.
    let _ = json::walk(text, 0, &mut visitor);
    visitor.out + &text[visitor.taken..]
}

struct Masking<'t> {
    text: &'t str,
    matcher: &'t Matcher,
    out: String,
    /// So much of the text is in `out`.
    taken: usize,
}

impl Masking<'_> {
    fn mask(&mut self, place: Range<usize>, mask: &str) {
        self.out.push_str(&self.text[self.taken..place.start]);
        self.out.push_str(mask);
        self.taken = place.end;
    }

    fn mask_string(&mut self, raw: &str, least: usize) {
        let start = self.place_of(raw);
        for range in self.matcher.find_in_json(raw).into_iter().filter(|range| range.len() >= least) {
            self.mask(start + range.start..start + range.end, MASK);
        }
    }

    fn place_of(&self, part: &str) -> usize {
        part.as_ptr().addr() - self.text.as_ptr().addr()
    }
}

impl Visit for Masking<'_> {
    fn open(&mut self, _: bool) {}
    fn close(&mut self, _: bool) {}
    fn word(&mut self, _: Option<bool>) {}

    fn key(&mut self, raw: &str, _: bool) {
        self.mask_string(raw, SHORTEST_IN_STRUCTURE);
    }

    fn string(&mut self, raw: &str, _: bool) {
        self.mask_string(raw, 0);
    }

    fn number(&mut self, raw: &str, _: bool) {
        let is_whole = |range: &Range<usize>| *range == (0..raw.len());
        if raw.len() >= SHORTEST_IN_STRUCTURE && self.matcher.find_in_text(raw).iter().any(is_whole) {
            let start = self.place_of(raw);
            self.mask(start..start + raw.len(), &format!("\"{MASK}\""));
        }
    }
}
