//! Numbered streams: each number follows the one before, or messages are missing.

use std::collections::HashMap;

use crate::event::MissingNumbers;
use crate::key::BoundedKey;
use crate::limits;
use crate::pipeline::filter::Value;

/// Bytes that a stream takes besides its name.
const STREAM: usize = 64;

/// The last number of each stream of a connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Sequences {
    last: HashMap<BoundedKey, u64>,
    bytes: usize,
}

impl Sequences {
    /// Takes the output of a `sequence` expression: `N`, `[NAME, N]`, or `[NAME, FIRST, LAST]` of a message that stands
    /// for several numbers. Returns what is missing before it.
    ///
    /// # Errors
    /// For an output of another shape.
    pub(super) fn take(&mut self, output: &Value) -> Result<Option<MissingNumbers>, String> {
        let wrong =
            || format!("expected a number, [NAME, NUMBER] or [NAME, FIRST, LAST], got {}", output.text());
        let number_at = |at: usize| number(&output.item(at)).ok_or_else(wrong);
        let (name, first, last) = match output.count() {
            None => (Value::string(""), number(output).ok_or_else(wrong)?, None),
            Some(2) => (output.item(0), number_at(1)?, None),
            Some(3) => (output.item(0), number_at(1)?, Some(number_at(2)?)),
            Some(_) => return Err(wrong()),
        };
        let last = last.unwrap_or(first).max(first);
        let key = name.as_str().map_or_else(|| BoundedKey::of(&name.text()), BoundedKey::of);
        let Some(before) = self.last.get_mut(&key) else {
            self.bytes += key.cost() + STREAM;
            if self.bytes > limits::DIALECT_SEQUENCES {
                self.last.clear();
                self.bytes = key.cost() + STREAM;
            }
            self.last.insert(key, last);
            return Ok(None);
        };
        let expected = before.saturating_add(1);
        // A server that counts from the start again, or repeats itself, has left nothing out.
        *before = last;
        Ok((first > expected).then(|| MissingNumbers { stream: name.text(), from: expected, to: first - 1 }))
    }
}

fn number(value: &Value) -> Option<u64> {
    let number = match value.as_str() {
        Some(text) => return text.parse().ok(),
        None => value.as_f64()?,
    };
    (number >= 0.0 && number.fract() == 0.0 && number < 9e15).then_some(number as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn take(sequences: &mut Sequences, output: &str) -> Result<Option<(u64, u64)>, String> {
        let missed = sequences.take(&Value::parse(output).unwrap())?;
        Ok(missed.map(|missed| (missed.from, missed.to)))
    }

    #[test]
    fn a_number_that_is_left_out_is_missed() {
        let mut sequences = Sequences::default();
        for (output, missed) in [
            ("5", None),
            ("6", None),
            ("9", Some((7, 8))),
            ("9", None),
            ("3", None),
            ("4", None),
            (r#"["a",1]"#, None),
            (r#"["a","3"]"#, Some((2, 2))),
            (r#"["b",10,14]"#, None),
            (r#"["b",15,15]"#, None),
            (r#"["b",14,20]"#, None),
            (r#"["b",23,24]"#, Some((21, 22))),
        ] {
            assert_eq!(take(&mut sequences, output), Ok(missed), "{output}");
        }
        for wrong in ["null", "1.5", "-1", "[]", "[1]", r#"["a",null]"#, "[1,2,3,4]", r#""x""#] {
            assert!(take(&mut sequences, wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn names_of_streams_are_bounded_in_bytes() {
        let mut sequences = Sequences::default();
        for n in 0..100_000 {
            let name = Value::string(&format!("{n}{}", "x".repeat(100)));
            sequences.take(&Value::array([name, Value::integer(n)])).unwrap();
            assert!(sequences.bytes <= limits::DIALECT_SEQUENCES);
        }
        assert!(sequences.last.len() > 1000);
    }
}
