//! Undoes the spellings in which servers repeat a text: percent-encoding (RFC 3986 §2.1), the escapes of JSON, C and
//! JavaScript, and the character references of HTML. A text may be spelled in several of them, one over the other.

use std::ops::Range;

/// How many spellings over each other are undone.
const MOST_LAYERS: usize = 5;

/// ASCII punctuation by the names that HTML has for it.
const ENTITIES: &[(&str, u8)] = &[
    ("amp", b'&'),
    ("apos", b'\''),
    ("ast", b'*'),
    ("bsol", b'\\'),
    ("colon", b':'),
    ("comma", b','),
    ("commat", b'@'),
    ("dollar", b'$'),
    ("equals", b'='),
    ("excl", b'!'),
    ("grave", b'`'),
    ("gt", b'>'),
    ("Hat", b'^'),
    ("lcub", b'{'),
    ("lowbar", b'_'),
    ("lpar", b'('),
    ("lsqb", b'['),
    ("lt", b'<'),
    ("num", b'#'),
    ("percnt", b'%'),
    ("period", b'.'),
    ("plus", b'+'),
    ("quest", b'?'),
    ("quot", b'"'),
    ("rcub", b'}'),
    ("rpar", b')'),
    ("rsqb", b']'),
    ("semi", b';'),
    ("sol", b'/'),
    ("verbar", b'|'),
];

/// Gives the place in a text for a place in what its spellings mean.
type Source<'a> = dyn Fn(Range<usize>) -> Range<usize> + 'a;

/// Calls `visit` with the text as it is, and again with each spelling undone. The second argument gives the place in
/// the text for a place in what is visited.
pub(super) fn layers(text: &[u8], visit: &mut dyn FnMut(&[u8], &Source<'_>)) {
    visit(text, &|range| range);
    let mut undone: Vec<Undone> = Vec::new();
    while undone.len() < MOST_LAYERS {
        let Some(next) = undo(undone.last().map_or(text, |last| &last.text)) else { return };
        undone.push(next);
        let all = &undone;
        let source = |range| all.iter().rev().fold(range, |range, layer| layer.source(range));
        visit(&all[all.len() - 1].text, &source);
    }
}

/// The text with all spellings undone.
pub(super) fn plain(text: &str) -> String {
    let mut last = Vec::new();
    layers(text.as_bytes(), &mut |layer, _| layer.clone_into(&mut last));
    String::from_utf8_lossy(&last).into_owned()
}

/// Where an escape begins that the end of the text may have cut off.
pub(super) fn open_escape(text: &[u8]) -> Option<usize> {
    let tail = text.len().saturating_sub(MOST_ESCAPE);
    let at = tail + memchr::memrchr3(b'\\', b'%', b'&', &text[tail..])?;
    escape(&text[at..]).is_none().then_some(at)
}

/// The longest escape: `&percnt;`, `\ud83d\ude00`.
pub(super) const MOST_ESCAPE: usize = 12;

/// A text with one layer of escapes undone.
struct Undone {
    text: Vec<u8>,
    escapes: Vec<Escape>,
}

/// An escape that was undone: where its text begins, and what stood for it.
struct Escape {
    at: usize,
    length: usize,
    source: Range<usize>,
}

impl Undone {
    /// The place before the escapes were undone. One that begins or ends within an escape has all of it.
    fn source(&self, range: Range<usize>) -> Range<usize> {
        let before = |at: usize| {
            let index = self.escapes.partition_point(|escape| escape.at <= at);
            index.checked_sub(1).map(|index| &self.escapes[index])
        };
        let start = match before(range.start) {
            None => range.start,
            Some(escape) if range.start < escape.at + escape.length => escape.source.start,
            Some(escape) => escape.source.end + (range.start - escape.at - escape.length),
        };
        let last = range.end.saturating_sub(1);
        let end = match before(last) {
            None => range.end,
            Some(escape) if last < escape.at + escape.length => escape.source.end,
            Some(escape) => escape.source.end + (range.end - escape.at - escape.length),
        };
        start..end
    }
}

/// One layer; `None` if there is no escape.
fn undo(text: &[u8]) -> Option<Undone> {
    let mut undone = Undone { text: Vec::new(), escapes: Vec::new() };
    let mut taken = 0;
    for at in memchr::memchr3_iter(b'\\', b'%', b'&', text) {
        let Some((piece, length)) = (at >= taken).then(|| escape(&text[at..])).flatten() else { continue };
        undone.text.extend_from_slice(&text[taken..at]);
        let start = undone.text.len();
        undone.text.extend_from_slice(piece.bytes());
        undone.escapes.push(Escape { at: start, length: piece.length, source: at..at + length });
        taken = at + length;
    }
    if undone.escapes.is_empty() {
        return None;
    }
    undone.text.extend_from_slice(&text[taken..]);
    Some(undone)
}

/// What an escape stands for.
struct Piece {
    bytes: [u8; 4],
    length: usize,
}

impl Piece {
    fn byte(byte: u8) -> Self {
        Self { bytes: [byte, 0, 0, 0], length: 1 }
    }

    fn char(code: u32) -> Option<Self> {
        let mut bytes = [0; 4];
        let length = char::from_u32(code)?.encode_utf8(&mut bytes).len();
        Some(Self { bytes, length })
    }

    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }
}

/// The escape that the text begins with, and its length.
fn escape(text: &[u8]) -> Option<(Piece, usize)> {
    match text.first()? {
        b'%' => match text.get(1)? {
            b'u' => Some((Piece::char(hex(text.get(2..6)?)?)?, 6)),
            _ => Some((Piece::byte(u8::try_from(hex(text.get(1..3)?)?).ok()?), 3)),
        },
        b'\\' => backslash(text),
        _ => reference(text),
    }
}

fn backslash(text: &[u8]) -> Option<(Piece, usize)> {
    let byte = match text.get(1)? {
        b'u' => return unicode(text),
        b'x' => return Some((Piece::byte(u8::try_from(hex(text.get(2..4)?)?).ok()?), 4)),
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 8,
        b'f' => 12,
        other if other.is_ascii_punctuation() => *other,
        _ => return None,
    };
    Some((Piece::byte(byte), 2))
}

/// `\u003d`, `\u{3d}`, and two of the first that are a surrogate pair.
fn unicode(text: &[u8]) -> Option<(Piece, usize)> {
    if text.get(2) == Some(&b'{') {
        let end = 3 + text[3..].iter().take(7).position(|byte| *byte == b'}')?;
        return Some((Piece::char(hex(&text[3..end])?)?, end + 1));
    }
    let first = hex(text.get(2..6)?)?;
    if let Some(piece) = Piece::char(first) {
        return Some((piece, 6));
    }
    let second = hex(text.get(6..12).filter(|rest| rest.starts_with(b"\\u"))?.get(2..)?)?;
    let (high, low) = (first.checked_sub(0xd800)?, second.checked_sub(0xdc00)?);
    (high < 0x400 && low < 0x400).then_some(())?;
    Some((Piece::char(0x10000 + (high << 10) + low)?, 12))
}

/// A character reference of HTML, by number or by name.
fn reference(text: &[u8]) -> Option<(Piece, usize)> {
    if text.get(1) == Some(&b'#') {
        let is_hex = matches!(text.get(2)?, b'x' | b'X');
        let start = if is_hex { 3 } else { 2 };
        let digit = |byte: &&u8| if is_hex { byte.is_ascii_hexdigit() } else { byte.is_ascii_digit() };
        let count = text[start..].iter().take(7).take_while(digit).count();
        let digits = std::str::from_utf8(&text[start..start + count]).ok()?;
        let code = u32::from_str_radix(digits, if is_hex { 16 } else { 10 }).ok()?;
        let end = start + count;
        return Some((Piece::char(code)?, end + usize::from(text.get(end) == Some(&b';'))));
    }
    let end = 1 + text[1..].iter().take(MOST_ESCAPE).position(|byte| *byte == b';')?;
    let (_, byte) = ENTITIES.iter().find(|(name, _)| name.as_bytes() == &text[1..end])?;
    Some((Piece::byte(*byte), end + 1))
}

/// Digits only: `from_str_radix` would take a sign.
fn hex(digits: &[u8]) -> Option<u32> {
    let digits =
        std::str::from_utf8(digits).ok().filter(|text| text.bytes().all(|b| b.is_ascii_hexdigit()))?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_is_undone() {
        for (spelled, text) in [
            ("a%3Db%3dc", "a=b=c"),
            ("a%253Db", "a=b"),
            (r"a\u003db\u002F", "a=b/"),
            (r"a\/b\x2bc\'", "a/b+c'"),
            (r"\ud83d\ude00 \u{3d} %u003d", "😀 = ="),
            (r#"\\u003d \\\"x\\\""#, "= \"x\""),
            ("&#x2F;&#61;&#X3d&amp;#61;&plus;&quot;", "/===+\""),
            ("%C3%A9", "é"),
            (r"%2 %zz \q \u12 \ud83d &x; &# &; %", r"%2 %zz \q \u12 \ud83d &x; &# &; %"),
            ("", ""),
        ] {
            assert_eq!(plain(spelled), text, "{spelled}");
        }
    }

    #[test]
    fn places_are_those_in_the_text() {
        let text = r"ab\u003dc%5Cu00e9d";
        let mut seen = Vec::new();
        layers(text.as_bytes(), &mut |layer, source| {
            for at in 0..layer.len() {
                seen.push((layer[at], text[source(at..at + 1)].to_owned()));
            }
        });
        for (byte, spelled) in [(b'=', r"\u003d"), (0xc3, "%5Cu00e9"), (0xa9, "%5Cu00e9"), (b'd', "d")] {
            assert!(seen.contains(&(byte, spelled.to_owned())), "{spelled}: {seen:?}");
        }
    }

    #[test]
    fn an_escape_that_is_cut_off_is_known() {
        for (text, at) in
            [("ab%2", Some(2)), (r"ab\u00", Some(2)), ("ab&#x3", None), ("ab%3d", None), ("ab", None)]
        {
            assert_eq!(open_escape(text.as_bytes()), at, "{text}");
        }
    }
}
