//! Suggestions for a name that is misspelled.

use strsim::levenshtein;

/// The known name that is meant, if it is only an edit or two away.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|known| (levenshtein(name, known), known))
        .filter(|(far, _)| *far <= most_edits(name))
        .min()
        .map(|(_, known)| known)
}

/// How many edits a name of this length may have and still be meant.
pub(crate) fn most_edits(name: &str) -> usize {
    name.len().div_ceil(3).min(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_forgiven_and_another_word_is_not() {
        assert_eq!(nearest("expct", ["send", "expect"]), Some("expect"));
        assert_eq!(nearest("latancy", ["latency", "delay"]), Some("latency"));
        assert_eq!(nearest("banana", ["latency", "delay"]), None);
    }
}
