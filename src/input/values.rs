//! Which values the lines of a file hold: as jq reads them, one or several on a line, or one over several lines; with
//! the separators of JSON text sequences (RFC 7464); and text that is not JSON, line by line.

use std::mem;

use crate::json;

/// The separator of JSON text sequences.
const RS: char = '\u{1e}';

/// What a text holds.
#[derive(Debug, PartialEq, Eq)]
enum Content {
    /// Values, from here to there each.
    Values(Vec<(usize, usize)>),
    /// An array or object that goes on.
    Begun,
    /// Something that is not JSON.
    Other,
}

/// Puts lines together.
#[derive(Default)]
pub(super) struct Values {
    /// Lines of a value that goes on.
    begun: String,
    depth: usize,
    /// So much of it was JSON when it was last looked at as a whole.
    checked: usize,
}

impl Values {
    /// Bytes that are held.
    pub(super) fn held(&self) -> usize {
        self.begun.len()
    }

    /// Takes a line with its end, and appends what is complete with it.
    pub(super) fn take(&mut self, line: String, out: &mut Vec<String>) {
        if !line.contains(RS) {
            return self.take_part(line, out);
        }
        let mut parts = line.split(RS).map(str::to_owned);
        parts.next().into_iter().for_each(|rest| self.take_part(rest, out));
        for part in parts {
            // What was not complete before is cut off.
            self.finish(out);
            self.take_part(part, out);
        }
    }

    /// There are no more lines.
    pub(super) fn finish(&mut self, out: &mut Vec<String>) {
        for line in mem::take(&mut self.begun).lines() {
            match content(line) {
                Content::Values(values) => put_values(line, &values, out),
                Content::Begun | Content::Other => put(line, out),
            }
        }
        self.depth = 0;
    }

    fn take_part(&mut self, line: String, out: &mut Vec<String>) {
        if !self.begun.is_empty() {
            return self.go_on(&line, out);
        }
        match content(&line) {
            Content::Values(values) => put_values(&line, &values, out),
            Content::Other => put(&line, out),
            Content::Begun => {
                self.depth = depth_after(0, &line).unwrap_or_default();
                self.checked = line.len();
                self.begun = line;
            }
        }
    }

    /// A value goes on. Whether what has come of it is JSON is asked when it may be complete, and whenever there is twice
    /// as much of it, so that it takes time in proportion to its length.
    fn go_on(&mut self, line: &str, out: &mut Vec<String>) {
        self.begun.push_str(line);
        let depth = depth_after(self.depth, line);
        self.depth = depth.unwrap_or_default();
        if self.depth > 0 && self.begun.len() < 2 * self.checked {
            return;
        }
        self.checked = self.begun.len();
        match content(&self.begun) {
            Content::Values(values) => put_values(&mem::take(&mut self.begun), &values, out),
            Content::Begun if depth.is_some() => {}
            Content::Begun | Content::Other => self.finish(out),
        }
    }
}

fn put(line: &str, out: &mut Vec<String>) {
    let text = line.trim_end_matches(['\n', '\r']);
    if !text.is_empty() {
        out.push(text.to_owned());
    }
}

/// One value is its line as it stands; of several, each has its own place.
fn put_values(text: &str, values: &[(usize, usize)], out: &mut Vec<String>) {
    match values {
        [_] => put(text, out),
        several => out.extend(several.iter().map(|(start, end)| text[*start..*end].to_owned())),
    }
}

fn content(text: &str) -> Content {
    let (mut values, mut at) = (Vec::new(), 0);
    loop {
        let rest = text[at..].trim_ascii_start();
        let start = text.len() - rest.len();
        let Some(first) = rest.chars().next() else { return Content::Values(values) };
        let touches = start == at && at > 0 && !text[..at].ends_with(['}', ']', '"']);
        if touches && !matches!(first, '{' | '[' | '"') {
            return Content::Other;
        }
        match json::value_end(text, start) {
            Ok(end) => {
                values.push((start, end));
                at = end;
            }
            Err(error) if error.at >= text.len() && matches!(first, '{' | '[') => return Content::Begun,
            Err(_) => return Content::Other,
        }
    }
}

/// How many brackets are open after a line of JSON; `None` if a string is, which cannot go on in the next.
fn depth_after(mut depth: usize, line: &str) -> Option<usize> {
    let (mut in_string, mut escaped) = (false, false);
    for byte in line.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => depth += 1,
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    (!in_string).then_some(depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<String> {
        let (mut values, mut out) = (Values::default(), Vec::new());
        text.split_inclusive('\n').for_each(|line| values.take(line.to_owned(), &mut out));
        values.finish(&mut out);
        out
    }

    #[test]
    fn values_are_read_as_jq_reads_them() {
        assert_eq!(read("{\"a\":1}\n\n [2]\r\n\"x\"\n3"), ["{\"a\":1}", " [2]", "\"x\"", "3"]);
        assert_eq!(
            read("{\n  \"a\": \"}\\\"{\"\n}\n{\n  \"a\": 2\n}\n"),
            ["{\n  \"a\": \"}\\\"{\"\n}", "{\n  \"a\": 2\n}"]
        );
        assert_eq!(read("{\"a\":1}{\"a\":2} 3 null\n"), ["{\"a\":1}", "{\"a\":2}", "3", "null"]);
        assert_eq!(read("\u{1e}{\"a\":1}\n\u{1e}{\"a\":\n2}\n"), ["{\"a\":1}", "{\"a\":\n2}"]);
        assert_eq!(read("{\"a\":1} {\n\"b\":2}\n4"), ["{\"a\":1}", "{\n\"b\":2}", "4"]);
        assert_eq!(read("[1,\n2]"), ["[1,\n2]"]);
    }

    #[test]
    fn text_stays_text_line_by_line() {
        for lines in [
            &["hello world", "2026-01-02 03:04", "10-11-12", "[info] x", "nullify", "1.2.3"][..],
            &["{ not json", "{\"a\":1}", "[", "x"],
            &["{\"cut\": {", "  \"a\": 1,"],
            &["{\"cut\": \"off", "{\"a\":1}"],
        ] {
            assert_eq!(read(&lines.join("\n")), lines);
        }
        assert_eq!(read("\u{1e}{\"a\":1\n\u{1e}{\"a\":2}\n"), ["{\"a\":1", "{\"a\":2}"]);
    }

    #[test]
    fn many_lines_that_go_on_take_time_in_proportion() {
        let begun = std::time::Instant::now();
        let rows: String = (0..200_000).map(|row| format!("  {row},\n")).collect();
        assert_eq!(read(&format!("[\n{rows}1]\n")).len(), 1);
        assert_eq!(read(&"[\n".repeat(200_000)).len(), 200_000);
        assert_eq!(read(&"{\"a\":\n".repeat(50_000)).len(), 50_000);
        assert!(begun.elapsed() < std::time::Duration::from_secs(20));
    }
}
