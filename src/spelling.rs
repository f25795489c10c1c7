//! Names that look alike: what somebody meant who made a slip.

/// The known name that is meant, if it is only a slip or two away.
#[must_use]
pub fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    known
        .into_iter()
        .map(|known| (distance(name, known), known))
        .filter(|(far, _)| *far <= slips(name))
        .min()
        .map(|(_, known)| known)
}

/// How many slips a name of this length may have and still be meant.
#[must_use]
pub fn slips(name: &str) -> usize {
    name.len().div_ceil(3).min(2)
}

/// How many letters have to be added, dropped or changed.
#[must_use]
pub fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (n, a) in a.chars().enumerate() {
        let mut corner = n;
        row[0] = n + 1;
        for (m, b) in b.iter().enumerate() {
            let change = corner + usize::from(a != *b);
            corner = row[m + 1];
            row[m + 1] = change.min(corner + 1).min(row[m] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
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
