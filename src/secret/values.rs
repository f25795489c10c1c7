//! Masks in JSON texts: in their values, never in their structure, so that JSON stays JSON.

use std::ops::Range;

use super::matcher::Matcher;
use crate::json::{self, Visit};

/// The least length of a secret that is masked where it is a whole number, or in the name of a field: filters go by
/// both, and a shorter secret may be an ordinary word or number.
const SHORTEST_IN_STRUCTURE: usize = 8;

/// A place to be masked, and what to put there.
pub(super) struct Place {
    pub(super) range: Range<usize>,
    pub(super) is_number: bool,
}

/// The places in a JSON text that hold secrets.
pub(super) fn find(text: &str, matcher: &Matcher) -> Vec<Place> {
    let mut visitor = Visitor { text, matcher, found: Vec::new() };
    // What is no JSON has been found out before.
    let _ = json::walk(text, 0, &mut visitor);
    visitor.found
}

struct Visitor<'t> {
    text: &'t str,
    matcher: &'t Matcher,
    found: Vec<Place>,
}

impl Visitor<'_> {
    fn string_at(&mut self, raw: &str, least: usize) {
        let start = raw.as_ptr().addr() - self.text.as_ptr().addr();
        let ranges = self.matcher.find_in_json(raw).into_iter().filter(|range| range.len() >= least);
        let places =
            ranges.map(|range| Place { range: start + range.start..start + range.end, is_number: false });
        self.found.extend(places);
    }
}

impl Visit for Visitor<'_> {
    fn open(&mut self, _: bool) {}
    fn close(&mut self, _: bool) {}
    fn word(&mut self, _: Option<bool>) {}

    fn key(&mut self, raw: &str, _: bool) -> Result<(), &'static str> {
        self.string_at(raw, SHORTEST_IN_STRUCTURE);
        Ok(())
    }

    fn string(&mut self, raw: &str, _: bool) -> Result<(), &'static str> {
        self.string_at(raw, 0);
        Ok(())
    }

    fn number(&mut self, raw: &str, _: bool) {
        let is_whole = |range: &Range<usize>| *range == (0..raw.len());
        if raw.len() >= SHORTEST_IN_STRUCTURE && self.matcher.find_in_text(raw).iter().any(is_whole) {
            let start = raw.as_ptr().addr() - self.text.as_ptr().addr();
            self.found.push(Place { range: start..start + raw.len(), is_number: true });
        }
    }
}
