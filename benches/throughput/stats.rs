//! Medians and tables.

/// The value in the middle; 0 of nothing.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    quantile(values, 0.5)
}

/// The value below which this part of all lies; 0 of nothing.
pub(crate) fn quantile(values: impl IntoIterator<Item = f64>, part: f64) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let at = (values.len() as f64 * part) as usize;
    values.get(at.min(values.len().saturating_sub(1))).copied().unwrap_or_default()
}

/// The least; 0 of nothing.
pub(crate) fn least(values: impl IntoIterator<Item = f64>) -> f64 {
    quantile(values, 0.0)
}

/// One line of output.
#[allow(clippy::print_stdout, reason = "a table for the person who runs it")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
