//! JSON text without a tree: checked, put on one line, laid out for people.
//!
//! Whatever passes through unfiltered is never parsed: it is checked in one pass and copied, so numbers keep
//! their spelling and objects their order. The same walk, with another visitor, builds the values that jq
//! programs see, so the two can never disagree on what JSON is.

use std::fmt;

use wide::u8x16;

/// How deep arrays and objects may nest. jq stops at the same depth. Nothing here recurses; the limit
/// protects what comes after, where comparing, printing and dropping a value do.
pub const MAX_DEPTH: usize = 10_000;

/// What one pass over a JSON text found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Scan {
    /// A line feed or carriage return stands between two tokens, so the text is not one line as it is.
    pub line_break: bool,
    /// How deep arrays and objects nest; 0 for a scalar.
    pub depth: usize,
}

/// Why a text is not JSON, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error {
    /// What is wrong, such as `unexpected character`.
    pub what: &'static str,
    /// The byte offset.
    pub at: usize,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.what, self.at)
    }
}

impl std::error::Error for Error {}

/// What came of a check.
pub type Checked = Result<Scan, Error>;

/// Checks that the bytes are one JSON value (RFC 8259) in UTF-8, with space around it allowed.
///
/// Escaped lone surrogates (`"\ud800"`) are within the grammar and pass; a byte order mark does not.
pub fn scan(bytes: &[u8]) -> Checked {
    match std::str::from_utf8(bytes) {
        Ok(text) => scan_str(text),
        Err(e) => Err(Error { what: "invalid UTF-8", at: e.valid_up_to() }),
    }
}

/// [`scan`] for what is known to be UTF-8, such as a text message.
pub fn scan_str(text: &str) -> Checked {
    let (scan, end) = walk(text, 0, &mut Nothing)?;
    end_of_text(text, end)?;
    Ok(scan)
}

/// Appends `text`, which is JSON, without the space between its tokens.
pub fn compact_into(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let end = match byte {
            b' ' | b'\t' | b'\n' | b'\r' => {
                at += 1;
                continue;
            }
            b'"' => string_end(bytes, at),
            _ => token_end(bytes, at),
        };
        out.extend_from_slice(&bytes[at..end]);
        at = end;
    }
}

/// A text as JSON.
#[must_use]
pub fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Appends `text` as a JSON string with its quotes.
pub fn write_string(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bytes = text.as_bytes();
    out.push(b'"');
    let (mut at, mut breaks) = (0, Breaks::new());
    loop {
        let end = breaks.next(bytes, at);
        out.extend_from_slice(&bytes[at..end]);
        let Some(&byte) = bytes.get(end) else { break };
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            _ => {
                out.extend_from_slice(b"\\u00");
                out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
            }
        }
        at = end + 1;
    }
    out.push(b'"');
}

/// Appends `text`, which is JSON, over several lines as `jq` lays it out, with numbers and key order as they
/// are and `indent` once for each level; `color` adds jq's default colours. No line break at the end.
pub fn pretty_into(text: &str, out: &mut Vec<u8>, indent: &str, color: bool) {
    lay_out(text, Page { out, color, indent: Some(indent), depth: 0 });
}

/// Appends `text`, which is JSON, on one line and in jq's colours.
pub fn color_into(text: &str, out: &mut Vec<u8>) {
    lay_out(text, Page { out, color: true, indent: None, depth: 0 });
}

fn lay_out(text: &str, mut page: Page<'_>) {
    let bytes = text.as_bytes();
    let mut at = space_end(bytes, 0);
    while let Some(&byte) = bytes.get(at) {
        let mut end = at + 1;
        match byte {
            b'{' | b'[' => {
                let next = space_end(bytes, end);
                if matches!(bytes.get(next), Some(b'}' | b']')) {
                    page.paint(PUNCTUATION, &[byte, bytes[next]]);
                    end = next + 1;
                } else {
                    page.paint(PUNCTUATION, &[byte]);
                    page.depth += 1;
                    page.line();
                }
            }
            b'}' | b']' => {
                page.depth = page.depth.saturating_sub(1);
                page.line();
                page.paint(PUNCTUATION, &[byte]);
            }
            b',' => {
                page.paint(PUNCTUATION, b",");
                page.line();
            }
            b':' => page.paint(PUNCTUATION, b":"),
            b'"' => {
                end = string_end(bytes, at);
                let is_key = bytes.get(space_end(bytes, end)) == Some(&b':');
                page.paint(if is_key { KEY } else { STRING }, &bytes[at..end]);
            }
            _ => {
                end = token_end(bytes, at);
                page.paint(if byte == b'n' { NULL } else { SCALAR }, &bytes[at..end]);
            }
        }
        if byte == b':' && page.indent.is_some() {
            page.out.push(b' ');
        }
        at = space_end(bytes, end);
    }
}

/// jq 1.8's default colours.
const NULL: &[u8] = b"\x1b[0;90m";
const SCALAR: &[u8] = b"\x1b[0;39m";
const STRING: &[u8] = b"\x1b[0;32m";
const PUNCTUATION: &[u8] = b"\x1b[1;39m";
const KEY: &[u8] = b"\x1b[34;1m";

/// Where the laid out text goes.
struct Page<'a> {
    out: &'a mut Vec<u8>,
    color: bool,
    /// What one level is indented by; `None` where all is one line.
    indent: Option<&'a str>,
    depth: usize,
}

impl Page<'_> {
    fn paint(&mut self, style: &[u8], text: &[u8]) {
        if self.color {
            self.out.extend_from_slice(style);
        }
        self.out.extend_from_slice(text);
        if self.color {
            self.out.extend_from_slice(b"\x1b[0m");
        }
    }

    fn line(&mut self) {
        let Some(indent) = self.indent else { return };
        self.out.push(b'\n');
        (0..self.depth).for_each(|_| self.out.extend_from_slice(indent.as_bytes()));
    }
}

/// What a walk meets, in the order of the text.
pub(crate) trait Visit {
    /// Goes over what jq takes for JSON too: control characters in strings, and other spellings of numbers.
    const LENIENT: bool = false;

    /// `{`, or `[`.
    fn open(&mut self, object: bool);
    /// `}`, or `]`.
    fn close(&mut self, object: bool);
    /// A key without its quotes; `escaped` says whether there are backslashes in it.
    fn key(&mut self, raw: &str, escaped: bool);
    /// A string value without its quotes.
    fn string(&mut self, raw: &str, escaped: bool);
    /// A number; `integer` if it has neither a fraction nor an exponent.
    fn number(&mut self, raw: &str, integer: bool);
    /// What might be another spelling of a number; false if it is none.
    fn odd_number(&mut self, _: &str) -> bool {
        false
    }
    /// `null`, `false` or `true`.
    fn word(&mut self, word: Option<bool>);
}

/// The visitor that leaves only the check.
struct Nothing;

impl Visit for Nothing {
    fn open(&mut self, _: bool) {}
    fn close(&mut self, _: bool) {}
    fn key(&mut self, _: &str, _: bool) {}
    fn string(&mut self, _: &str, _: bool) {}
    fn number(&mut self, _: &str, _: bool) {}
    fn word(&mut self, _: Option<bool>) {}
}

/// Walks over the one value that starts at `at` (space before it allowed) and returns what was found and
/// where the value ends. Stops there: several values can follow each other in a file.
pub(crate) fn walk<V: Visit>(text: &str, at: usize, visit: &mut V) -> Result<(Scan, usize), Error> {
    let (scan, nest, breaks) = (Scan::default(), Nest::default(), Breaks::new());
    let mut walk = Walk { text, bytes: text.as_bytes(), at, scan, nest, breaks };
    loop {
        walk.space();
        if walk.value(visit)? {
            continue;
        }
        loop {
            if walk.nest.depth == 0 {
                return Ok((walk.scan, walk.at));
            }
            walk.space();
            let object = walk.nest.in_object();
            match walk.bytes.get(walk.at) {
                Some(b',') => {
                    walk.at += 1;
                    if object {
                        walk.space();
                        walk.key(visit)?;
                    }
                    break;
                }
                Some(b'}') if object => walk.close(visit, true),
                Some(b']') if !object => walk.close(visit, false),
                _ if object => return Err(walk.unexpected("expected `,` or `}`")),
                _ => return Err(walk.unexpected("expected `,` or `]`")),
            }
        }
    }
}

/// Where the one value ends that starts at `at`, space before it allowed.
///
/// # Errors
/// What is wrong with it, and where; at the end of the text if more has to follow.
pub(crate) fn value_end(text: &str, at: usize) -> Result<usize, Error> {
    walk(text, at, &mut Nothing).map(|(_, end)| end)
}

/// Fails unless only space follows.
pub(crate) fn end_of_text(text: &str, end: usize) -> Result<(), Error> {
    let at = space_end(text.as_bytes(), end);
    if at == text.len() { Ok(()) } else { Err(Error { what: "unexpected text after the value", at }) }
}

/// A walk under way. Its steps are inlined into one loop: called, they made checking a message a third slower.
struct Walk<'t> {
    text: &'t str,
    bytes: &'t [u8],
    at: usize,
    scan: Scan,
    nest: Nest,
    breaks: Breaks,
}

impl<'t> Walk<'t> {
    /// Goes over one value, or into it: true when a value has to follow.
    #[inline(always)]
    fn value<V: Visit>(&mut self, visit: &mut V) -> Result<bool, Error> {
        match self.bytes.get(self.at) {
            Some(b'"') => {
                let (raw, escaped) = self.string(V::LENIENT)?;
                visit.string(raw, escaped);
            }
            Some(b'{') => {
                self.open(visit, true)?;
                if self.bytes.get(self.at) == Some(&b'}') {
                    self.close(visit, true);
                } else {
                    self.key(visit)?;
                    return Ok(true);
                }
            }
            Some(b'[') => {
                self.open(visit, false)?;
                if self.bytes.get(self.at) != Some(&b']') {
                    return Ok(true);
                }
                self.close(visit, false);
            }
            Some(b'-' | b'0'..=b'9') => {
                let start = self.at;
                match self.number() {
                    Ok((raw, integer)) if !V::LENIENT || !self.in_token() => visit.number(raw, integer),
                    number => {
                        self.at = start;
                        self.odd_number(number.err(), visit)?;
                    }
                }
            }
            Some(b't') => self.word(b"true", Some(true), visit)?,
            Some(b'f') => self.word(b"false", Some(false), visit)?,
            Some(b'n') if !V::LENIENT || self.bytes.get(self.at + 1) == Some(&b'u') => {
                self.word(b"null", None, visit)?;
            }
            _ => self.odd_number(None, visit)?,
        }
        Ok(false)
    }

    /// A letter, a digit or what else can be in a number comes next.
    fn in_token(&self) -> bool {
        self.bytes.get(self.at).is_some_and(|byte| is_token(*byte))
    }

    /// Another spelling of a number, if the visitor takes it for one.
    #[cold]
    fn odd_number<V: Visit>(&mut self, error: Option<Error>, visit: &mut V) -> Result<(), Error> {
        let length =
            self.bytes[self.at.min(self.bytes.len())..].iter().take_while(|byte| is_token(**byte)).count();
        let raw = self.text.get(self.at..self.at + length).unwrap_or_default();
        if !V::LENIENT || raw.is_empty() || !visit.odd_number(raw) {
            return Err(error.unwrap_or_else(|| self.unexpected("expected a value")));
        }
        self.at += length;
        Ok(())
    }

    fn open<V: Visit>(&mut self, visit: &mut V, object: bool) -> Result<(), Error> {
        if self.nest.depth == MAX_DEPTH {
            return Err(Error { what: "nested deeper than 10000", at: self.at });
        }
        self.nest.push(object);
        self.scan.depth = self.scan.depth.max(self.nest.depth);
        visit.open(object);
        self.at += 1;
        self.space();
        Ok(())
    }

    fn close<V: Visit>(&mut self, visit: &mut V, object: bool) {
        self.nest.pop();
        visit.close(object);
        self.at += 1;
    }

    #[inline(always)]
    fn key<V: Visit>(&mut self, visit: &mut V) -> Result<(), Error> {
        if self.bytes.get(self.at) != Some(&b'"') {
            return Err(self.unexpected("expected a key in quotes"));
        }
        let (raw, escaped) = self.string(V::LENIENT)?;
        visit.key(raw, escaped);
        self.space();
        if self.bytes.get(self.at) != Some(&b':') {
            return Err(self.unexpected("expected `:`"));
        }
        self.at += 1;
        Ok(())
    }

    fn word<V: Visit>(&mut self, word: &[u8], means: Option<bool>, visit: &mut V) -> Result<(), Error> {
        if !self.bytes.get(self.at..).is_some_and(|rest| rest.starts_with(word)) {
            return Err(self.unexpected("expected a value"));
        }
        self.at += word.len();
        visit.word(means);
        Ok(())
    }

    /// The string that starts here, without its quotes.
    #[inline(always)]
    fn string(&mut self, lenient: bool) -> Result<(&'t str, bool), Error> {
        let start = self.at + 1;
        let mut escaped = false;
        self.at = start;
        loop {
            self.at = self.breaks.next(self.bytes, self.at);
            match self.bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    escaped = true;
                    self.escape()?;
                }
                Some(_) if lenient => self.at += 1,
                Some(_) => return Err(Error { what: "control character in a string", at: self.at }),
                None => return Err(Error { what: "unterminated string", at: start - 1 }),
            }
        }
        self.at += 1;
        Ok((self.text.get(start..self.at - 1).unwrap_or_default(), escaped))
    }

    /// Out of line, like the making of errors, to keep the usual path short.
    #[cold]
    #[inline(never)]
    fn escape(&mut self) -> Result<(), Error> {
        let length = match self.bytes.get(self.at + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => 2,
            Some(b'u')
                if self
                    .bytes
                    .get(self.at + 2..self.at + 6)
                    .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit)) =>
            {
                6
            }
            _ => return Err(Error { what: "invalid escape in a string", at: self.at }),
        };
        self.at += length;
        Ok(())
    }

    #[inline(always)]
    fn number(&mut self) -> Result<(&'t str, bool), Error> {
        let start = self.at;
        self.at += usize::from(self.bytes.get(start) == Some(&b'-'));
        if self.bytes.get(self.at) == Some(&b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        let mut integer = true;
        if self.bytes.get(self.at) == Some(&b'.') {
            integer = false;
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.bytes.get(self.at) {
            integer = false;
            self.at += 1;
            self.at += usize::from(matches!(self.bytes.get(self.at), Some(b'+' | b'-')));
            self.digits()?;
        }
        if let Some(b'0'..=b'9') = self.bytes.get(self.at) {
            return Err(Error { what: "number with a leading zero", at: start });
        }
        Ok((self.text.get(start..self.at).unwrap_or_default(), integer))
    }

    fn digits(&mut self) -> Result<(), Error> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.bytes.get(self.at) {
            self.at += 1;
        }
        if self.at == start { Err(self.unexpected("expected a digit")) } else { Ok(()) }
    }

    #[inline(always)]
    fn space(&mut self) {
        // One comparison for the usual case that there is none.
        while let Some(byte) = self.bytes.get(self.at).filter(|byte| **byte <= b' ') {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return;
            }
            self.scan.line_break |= matches!(byte, b'\n' | b'\r');
            self.at += 1;
        }
    }

    #[cold]
    fn unexpected(&self, what: &'static str) -> Error {
        let what = if self.at >= self.bytes.len() { "unexpected end" } else { what };
        Error { what, at: self.at }
    }
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

/// Which of the open brackets are braces: one bit each, without an allocation up to 64 levels.
#[derive(Default)]
struct Nest {
    depth: usize,
    top: u64,
    below: Vec<u64>,
}

impl Nest {
    fn push(&mut self, object: bool) {
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.below.push(self.top);
        }
        self.top = self.top << 1 | u64::from(object);
        self.depth += 1;
    }

    fn pop(&mut self) {
        self.depth -= 1;
        self.top >>= 1;
        if self.depth > 0 && self.depth.is_multiple_of(64) {
            self.top = self.below.pop().unwrap_or_default();
        }
    }

    fn in_object(&self) -> bool {
        self.top & 1 == 1
    }
}

/// Where the bytes are that a string cannot hold as they are: quotes, backslashes and control characters. It looks at a
/// block of 64 at a time and remembers it: most strings are shorter than a block.
struct Breaks {
    block: usize,
    /// One bit for each byte of the block, the lowest for the first.
    mask: u64,
}

impl Breaks {
    const BLOCK: usize = 64;

    fn new() -> Self {
        Self { block: usize::MAX, mask: 0 }
    }

    /// The first such byte from `at` on, or the end. The bytes are the same in every call.
    #[inline(always)]
    fn next(&mut self, bytes: &[u8], mut at: usize) -> usize {
        while at < bytes.len() {
            let block = at / Self::BLOCK;
            if block != self.block {
                (self.block, self.mask) = (block, Self::first(&bytes[block * Self::BLOCK..]));
            }
            let rest = self.mask >> (at % Self::BLOCK);
            if rest != 0 {
                return at + rest.trailing_zeros() as usize;
            }
            at = (block + 1) * Self::BLOCK;
        }
        bytes.len()
    }

    /// The mask of the block that these bytes begin with.
    fn first(bytes: &[u8]) -> u64 {
        if let Some(block) = bytes.first_chunk() {
            return Self::mask(block);
        }
        let mut block = [b' '; Self::BLOCK];
        block[..bytes.len()].copy_from_slice(bytes);
        Self::mask(&block)
    }

    #[inline(always)]
    fn mask(block: &[u8; Self::BLOCK]) -> u64 {
        let (quarters, _) = block.as_chunks();
        quarters.iter().rev().fold(0, |mask, quarter| {
            let quarter = u8x16::new(*quarter);
            let is = |byte| quarter.simd_eq(u8x16::splat(byte));
            let control = quarter.min(u8x16::splat(0x1f)).simd_eq(quarter);
            mask << 16 | u64::from((is(b'"') | is(b'\\') | control).to_bitmask())
        })
    }
}

pub(crate) fn space_end(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

/// Just after the closing quote of the string that starts at `at`.
pub(crate) fn string_end(bytes: &[u8], at: usize) -> usize {
    let (mut end, mut breaks) = (at + 1, Breaks::new());
    loop {
        end = breaks.next(bytes, end);
        match bytes.get(end) {
            Some(b'\\') => end = (end + 2).min(bytes.len()),
            Some(b'"') => return end + 1,
            Some(_) => end += 1,
            None => return bytes.len(),
        }
    }
}

/// The end of a number, a word or one punctuation mark.
fn token_end(bytes: &[u8], at: usize) -> usize {
    let part = |byte: &&u8| matches!(byte, b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'+' | b'-' | b'.');
    at + bytes[at..].iter().take_while(part).count().max(1)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::de::IgnoredAny;

    use super::*;

    fn valid(text: &str) -> bool {
        scan(text.as_bytes()).is_ok()
    }

    fn compact(text: &str) -> String {
        let mut out = Vec::new();
        compact_into(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    fn pretty(text: &str, color: bool) -> String {
        let mut out = Vec::new();
        pretty_into(text, &mut out, "  ", color);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_jaq_takes_for_json_is_refused() {
        for text in [
            "NaN", "Infinity", "+1", "01", "-", "1.", ".5", "1e", "b\"a\"", "{1:2}", "# x\n1", "nul", "",
            " ", "1 2",
        ] {
            assert!(!valid(text), "{text}");
        }
        for text in
            ["[1,]", "[,1]", "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "[1}", "{]", "\"a", "\"\\x\"", "\"\u{1}\""]
        {
            assert!(!valid(text), "{text}");
        }
        assert!(!valid("\u{feff}1"));
    }

    #[test]
    fn a_lone_surrogate_is_within_the_grammar() {
        assert!(valid(r#""\ud800""#));
    }

    #[test]
    fn the_scan_tells_what_a_line_needs_to_know() {
        assert_eq!(scan(b" {\"a\":[1,{}]} ").unwrap(), Scan { line_break: false, depth: 3 });
        assert!(scan(b"{\"a\":\r1}").unwrap().line_break);
        assert!(scan(b"{\"a\":\n1}").unwrap().line_break);
        assert!(!scan(br#""\n""#).unwrap().line_break);
    }

    #[test]
    fn nesting_ends_at_the_limit() {
        let nested = |depth| {
            format!("{}{}", "[{\"a\":".repeat(depth / 2), "}]".repeat(depth / 2)).replace(":}", ":1}")
        };
        assert_eq!(scan_str(&nested(MAX_DEPTH)).unwrap().depth, MAX_DEPTH);
        assert_eq!(scan_str(&nested(MAX_DEPTH + 2)).unwrap_err().what, "nested deeper than 10000");
    }

    #[test]
    fn an_error_names_its_place() {
        assert_eq!(scan(b"[1,\n x]").unwrap_err().to_string(), "expected a value at byte 5");
        assert_eq!(scan(b"[1, 2").unwrap_err().to_string(), "unexpected end at byte 5");
        assert_eq!(scan(b"[\xff]").unwrap_err().to_string(), "invalid UTF-8 at byte 1");
    }

    #[test]
    fn the_layout_is_that_of_jq() {
        assert_eq!(
            pretty(r#"{"a":[1.0,{"b" : null}],"c":{ },"d":"x:y"}"#, false),
            "{\n  \"a\": [\n    1.0,\n    {\n      \"b\": null\n    }\n  ],\n  \"c\": {},\n  \"d\": \"x:y\"\n}"
        );
        assert_eq!(
            pretty(r#"{"a":1}"#, true),
            "\x1b[1;39m{\x1b[0m\n  \x1b[34;1m\"a\"\x1b[0m\x1b[1;39m:\x1b[0m \x1b[0;39m1\x1b[0m\n\x1b[1;39m}\x1b[0m"
        );
    }

    #[test]
    fn colour_alone_keeps_the_line() {
        let mut out = Vec::new();
        color_into("{\"a\": [1,\n2]}", &mut out);
        let shown = String::from_utf8(out).unwrap();
        let plain: String =
            shown.split('\x1b').map(|part| part.split_once('m').map_or(part, |(_, text)| text)).collect();
        assert_eq!(plain, "{\"a\":[1,2]}");
    }

    #[test]
    fn compacting_leaves_strings_and_numbers_alone() {
        assert_eq!(compact(" { \"a b\" :\n[ 1.0 , 1E5,\"\\\" \\\\\" ] } "), r#"{"a b":[1.0,1E5,"\" \\"]}"#);
    }

    /// JSON text with odd spacing, and now and then a byte changed.
    fn texts() -> impl Strategy<Value = String> {
        let scalar = prop_oneof![
            Just("null".to_owned()),
            Just("true".to_owned()),
            "-?(0|[1-9][0-9]{0,20})(\\.[0-9]{1,3})?([eE][+-]?[0-9]{1,2})?",
            any::<String>().prop_map(|s| serde_json::to_string(&s).unwrap()),
            "\"(a|\\\\u[0-9a-fA-F]{4}|\\\\[\"/bfnrt]|é|\\\\\\\\){0,12}\"",
        ];
        let space = prop_oneof![Just(""), Just(" "), Just("\n\t"), Just("\r")];
        scalar.prop_recursive(5, 40, 5, move |inner| {
            let item = (space.clone(), inner, space.clone()).prop_map(|(a, v, b)| format!("{a}{v}{b}"));
            prop_oneof![
                prop::collection::vec(item.clone(), 0..5).prop_map(|items| format!("[{}]", items.join(","))),
                prop::collection::vec((any::<String>(), item), 0..5).prop_map(|fields| {
                    let field =
                        |(k, v): &(String, String)| format!("{} :{v}", serde_json::to_string(k).unwrap());
                    format!("{{{}}}", fields.iter().map(field).collect::<Vec<_>>().join(","))
                }),
            ]
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn agrees_with_serde_on_noise(bytes in prop::collection::vec(prop::sample::select(b"{}[]\",:\\u0019.-+eEntrfals \n\xc3\xa9".to_vec()), 0..24)) {
            prop_assert_eq!(scan(&bytes).is_ok(), serde_json::from_slice::<IgnoredAny>(&bytes).is_ok() && std::str::from_utf8(&bytes).is_ok());
        }

        #[test]
        fn agrees_with_serde_on_json_gone_wrong(text in texts(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
            prop_assert!(scan(text.as_bytes()).is_ok());
            let mut bytes = text.into_bytes();
            let at = at.index(bytes.len());
            bytes[at] = byte;
            prop_assert_eq!(scan(&bytes).is_ok(), serde_json::from_slice::<IgnoredAny>(&bytes).is_ok() && std::str::from_utf8(&bytes).is_ok());
            bytes.truncate(at);
            prop_assert_eq!(scan(&bytes).is_ok(), serde_json::from_slice::<IgnoredAny>(&bytes).is_ok() && std::str::from_utf8(&bytes).is_ok());
        }

        #[test]
        fn compacting_and_laying_out_change_only_space(text in texts()) {
            let once = compact(&text);
            prop_assert_eq!(&compact(&once), &once);
            prop_assert!(!scan_str(&once).unwrap().line_break);
            prop_assert_eq!(&compact(&pretty(&text, false)), &once);
            let parse = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
            prop_assert_eq!(parse(&once), parse(&text));
        }

        #[test]
        fn strings_come_back(text in any::<String>()) {
            let mut out = Vec::new();
            write_string(&text, &mut out);
            prop_assert!(scan(&out).is_ok());
            prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
        }
    }
}
