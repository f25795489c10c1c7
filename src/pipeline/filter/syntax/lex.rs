//! From characters to tokens. Brackets are matched here, so that the parser never has to look for an end.

use super::{Result, error, upto};

/// A token and the text it is.
#[derive(Debug)]
pub(super) struct Token<'s> {
    pub(super) text: &'s str,
    pub(super) kind: TokenKind<'s>,
}

#[derive(Debug, PartialEq)]
pub(super) enum TokenKind<'s> {
    /// A keyword or a name, perhaps with modules before it: `map`, `m::f`.
    Word,
    /// `.name`; the text is without the dot.
    Field,
    /// `$name`.
    Variable,
    /// `@name`.
    Format,
    Number,
    Text(Vec<StringPart<'s>>),
    /// An operator or a bracket.
    Symbol,
}

/// A part of a string.
#[derive(Debug, PartialEq)]
pub(super) enum StringPart<'s> {
    Text(&'s str),
    Char(char),
    /// What stands in `\(…)`.
    Code(Vec<Token<'s>>),
}

impl PartialEq for Token<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text && self.kind == other.kind
    }
}

const SYMBOLS: &[&str] = &[
    "?//", "//=", "!=", "==", "//", "|=", "+=", "-=", "*=", "/=", "%=", "<=", ">=", "..", ".", "?", "=", ";",
    ",", ":", "|", "+", "-", "*", "/", "%", "<", ">",
];

pub(super) fn tokens(source: &str) -> Result<'_, Vec<Token<'_>>> {
    Lexer { source, at: 0 }.tokens(None)
}

struct Lexer<'s> {
    source: &'s str,
    at: usize,
}

impl<'s> Lexer<'s> {
    fn rest(&self) -> &'s str {
        &self.source[self.at..]
    }

    /// Everything up to the end, or up to the `)` of an interpolation that begins with `open`.
    fn tokens(&mut self, open: Option<&'s str>) -> Result<'s, Vec<Token<'s>>> {
        let (mut tokens, mut opened) = (Vec::new(), Vec::new());
        loop {
            self.space();
            let rest = self.rest();
            let Some(first) = rest.chars().next() else {
                return match opened.pop().or(open) {
                    Some(open) => error(format!("`{open}` is never closed"), open),
                    None => Ok(tokens),
                };
            };
            match first {
                '(' | '[' | '{' => {
                    opened.push(&rest[..1]);
                    tokens.push(self.token(1, TokenKind::Symbol));
                }
                ')' | ']' | '}' => {
                    let open = match (opened.pop(), open) {
                        (Some(open), _) => open,
                        (None, Some(_)) if first == ')' => {
                            self.at += 1;
                            return Ok(tokens);
                        }
                        (None, Some(open)) => open,
                        (None, None) => return error(format!("unexpected character `{first}`"), &rest[..1]),
                    };
                    if !matches!((open, first), ("(", ')') | ("[", ']') | ("{", '}')) {
                        return error(format!("`{open}` is closed by `{first}`"), open);
                    }
                    tokens.push(self.token(1, TokenKind::Symbol));
                }
                '"' => tokens.push(self.string()?),
                _ => tokens.push(self.plain(first)?),
            }
        }
    }

    fn token(&mut self, length: usize, kind: TokenKind<'s>) -> Token<'s> {
        let text = &self.rest()[..length];
        self.at += length;
        Token { text, kind }
    }

    /// White space and comments. A comment goes on after a line that ends with an odd number of backslashes.
    fn space(&mut self) {
        loop {
            let rest = self.rest().trim_start_matches([' ', '\t', '\r', '\n']);
            self.at = self.source.len() - rest.len();
            if !rest.starts_with('#') {
                return;
            }
            loop {
                let rest = self.rest();
                let line = rest.find('\n').map_or(rest, |end| &rest[..end]);
                self.at += (line.len() + 1).min(rest.len());
                let line = line.strip_suffix('\r').unwrap_or(line);
                let slashes = line.len() - line.trim_end_matches('\\').len();
                if slashes.is_multiple_of(2) || self.at == self.source.len() {
                    break;
                }
            }
        }
    }

    fn plain(&mut self, first: char) -> Result<'s, Token<'s>> {
        let rest = self.rest();
        let field = rest.strip_prefix('.').map_or(0, name_length);
        if field > 0 {
            self.at += 1;
            return Ok(self.token(field, TokenKind::Field));
        }
        let number = number_length(rest);
        if number > 0 {
            return self.number(number);
        }
        let word = path_length(rest);
        if word > 0 {
            return Ok(self.token(word, TokenKind::Word));
        }
        if let '$' | '@' = first {
            let length = if first == '$' { path_length(&rest[1..]) } else { format_length(&rest[1..]) };
            if length == 0 {
                return error("expected a name", upto(&rest[1..], 1));
            }
            return Ok(
                self.token(1 + length, if first == '$' { TokenKind::Variable } else { TokenKind::Format })
            );
        }
        match SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol)) {
            Some(symbol) => Ok(self.token(symbol.len(), TokenKind::Symbol)),
            None => error(format!("unexpected character `{first}`"), upto(rest, 1)),
        }
    }

    fn number(&mut self, length: usize) -> Result<'s, Token<'s>> {
        let token = self.token(length, TokenKind::Number);
        // An exponent without digits is neither part of the number nor a name.
        let rest = self.rest();
        if rest.starts_with(['e', 'E']) {
            let digits = rest[1..].trim_start_matches(['+', '-']);
            return error("expected a digit", upto(digits, 1));
        }
        Ok(token)
    }

    fn string(&mut self) -> Result<'s, Token<'s>> {
        let start = self.at;
        let quote = &self.source[start..=start];
        self.at += 1;
        let mut parts = Vec::new();
        loop {
            let rest = self.rest();
            let Some(end) = rest.find(['"', '\\']) else {
                return error("this string has no closing quote", quote);
            };
            if end > 0 {
                parts.push(StringPart::Text(&rest[..end]));
            }
            self.at += end + 1;
            if rest[end..].starts_with('"') {
                break;
            }
            parts.push(self.escape(quote)?);
        }
        Ok(Token { text: &self.source[start..self.at], kind: TokenKind::Text(parts) })
    }

    /// What follows a backslash.
    fn escape(&mut self, quote: &'s str) -> Result<'s, StringPart<'s>> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else {
            return error("this string has no closing quote", quote);
        };
        self.at += first.len_utf8();
        Ok(StringPart::Char(match first {
            '"' | '\\' | '/' => first,
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unicode().map(StringPart::Char),
            '(' => return self.tokens(Some(&rest[..1])).map(StringPart::Code),
            _ => return error("unknown escape in a string", upto(rest, 1)),
        }))
    }

    /// A character by its UTF-16 units. Half of a surrogate pair is the replacement character, as in jq.
    fn unicode(&mut self) -> Result<'s, char> {
        let high = self.hex()?;
        if (0xd800..0xdc00).contains(&high) && self.rest().starts_with("\\u") {
            let back = self.at;
            self.at += 2;
            let low = self.hex()?;
            if (0xdc00..0xe000).contains(&low) {
                let point = 0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00);
                return Ok(char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            self.at = back;
        }
        Ok(char::from_u32(high).unwrap_or(char::REPLACEMENT_CHARACTER))
    }

    fn hex(&mut self) -> Result<'s, u32> {
        let rest = self.rest();
        let digits = rest.bytes().take(4).take_while(u8::is_ascii_hexdigit).count();
        if digits < 4 {
            return error("expected four hexadecimal digits of a character", upto(&rest[digits..], 4));
        }
        self.at += 4;
        Ok(u32::from_str_radix(&rest[..4], 16).unwrap_or(0))
    }
}

/// How many bytes of the text are a name.
fn name_length(text: &str) -> usize {
    if !text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_') {
        return 0;
    }
    format_length(text)
}

fn format_length(text: &str) -> usize {
    text.bytes().take_while(|c| c.is_ascii_alphanumeric() || *c == b'_').count()
}

/// A name with modules before it.
fn path_length(text: &str) -> usize {
    let mut length = name_length(text);
    while length > 0 && text[length..].starts_with("::") {
        let more = name_length(&text[length + 2..]);
        if more == 0 {
            break;
        }
        length += 2 + more;
    }
    length
}

/// `1`, `1.`, `.5`, `1.5e-3`.
fn number_length(text: &str) -> usize {
    let digits = |from: usize| text.as_bytes()[from..].iter().take_while(|c| c.is_ascii_digit()).count();
    let whole = digits(0);
    let mut length = whole;
    if text[length..].starts_with('.') {
        let fraction = digits(length + 1);
        if whole + fraction == 0 {
            return 0;
        }
        length += 1 + fraction;
    }
    if length > 0 && text[length..].starts_with(['e', 'E']) {
        let sign = usize::from(text[length + 1..].starts_with(['+', '-']));
        let exponent = digits(length + 1 + sign);
        if exponent > 0 {
            length += 1 + sign + exponent;
        }
    }
    length
}
