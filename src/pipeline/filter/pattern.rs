//! Regular expressions in Oniguruma's syntax for Perl, which jq has, written as the engine takes them.
//!
//! The engine knows most of what Oniguruma does. The rest is spelled out here: `$` before a last line break,
//! POSIX classes for all of Unicode, braces that count nothing, `\Q…\E`, comments, and what is literal in a class.

use std::iter::Peekable;
use std::str::CharIndices;

/// A pattern for the engine.
pub(super) struct Translated {
    /// For texts that do not end with a line break: `$` is the end.
    pub(super) plain: String,
    /// For the others, if the pattern asks for the end: `$` is the end, or what comes before the line break.
    pub(super) before_break: Option<String>,
}

/// Translates a pattern; `extended` if white space and comments in it do not count.
pub(super) fn translate(pattern: &str, extended: bool) -> Result<Translated, String> {
    let mut translator = Translator {
        pattern,
        rest: pattern.char_indices().peekable(),
        out: String::with_capacity(pattern.len() + 8),
        ends: Vec::new(),
        options: vec![GroupOptions { extended, lines: false }],
    };
    translator.all()?;
    let Translator { out, ends, .. } = translator;
    let with = |end: &str| {
        let (mut text, mut from) = (String::new(), 0);
        for at in &ends {
            text.push_str(&out[from..*at]);
            text.push_str(end);
            from = *at;
        }
        text + &out[from..]
    };
    Ok(Translated { plain: with(r"\z"), before_break: (!ends.is_empty()).then(|| with(r"\Z")) })
}

/// What holds in a group.
#[derive(Clone, Copy)]
struct GroupOptions {
    extended: bool,
    /// `^` and `$` match at lines.
    lines: bool,
}

struct Translator<'p> {
    pattern: &'p str,
    rest: Peekable<CharIndices<'p>>,
    out: String,
    /// Where in the output a `$` has to go.
    ends: Vec<usize>,
    options: Vec<GroupOptions>,
}

impl Translator<'_> {
    fn options(&mut self) -> GroupOptions {
        self.options.last().copied().unwrap_or(GroupOptions { extended: false, lines: false })
    }

    /// What has not been read.
    fn ahead(&mut self) -> &str {
        let at = self.rest.peek().map_or(self.pattern.len(), |(at, _)| *at);
        &self.pattern[at..]
    }

    fn skip(&mut self, chars: usize) {
        for _ in 0..chars {
            self.rest.next();
        }
    }

    fn literal(&mut self, c: char) {
        if c.is_ascii() && !c.is_ascii_alphanumeric() && c != '_' {
            self.out.push_str(&format!("\\x{{{:x}}}", u32::from(c)));
        } else {
            self.out.push(c);
        }
    }

    fn all(&mut self) -> Result<(), String> {
        while let Some((_, c)) = self.rest.next() {
            match c {
                '\\' => self.escape(false)?,
                '[' => self.class()?,
                '(' => self.group()?,
                ')' => {
                    if self.options.len() == 1 {
                        return Err("unmatched close parenthesis".to_owned());
                    }
                    self.options.pop();
                    self.out.push(')');
                }
                '{' => {
                    if is_counter(self.ahead()) {
                        self.out.push('{');
                    } else {
                        self.literal('{');
                    }
                }
                '}' if self.closes_counter() => self.out.push('}'),
                '}' | ']' => self.literal(c),
                '$' if !self.options().lines => self.ends.push(self.out.len()),
                '#' if self.options().extended => while self.rest.next_if(|(_, c)| *c != '\n').is_some() {},
                _ => self.out.push(c),
            }
        }
        if self.options.len() > 1 { Err("end pattern with unmatched parenthesis".to_owned()) } else { Ok(()) }
    }

    /// The brace just read ends a counter that was begun.
    fn closes_counter(&self) -> bool {
        let digits = self.out.trim_end_matches(|c: char| c.is_ascii_digit() || c == ',');
        digits.len() < self.out.len() && digits.ends_with('{') && !digits.ends_with("\\{")
    }

    fn group(&mut self) -> Result<(), String> {
        if self.ahead().starts_with("?#") {
            loop {
                match self.rest.next() {
                    Some((_, ')')) => return Ok(()),
                    Some((_, '\\')) => self.skip(1),
                    Some(_) => {}
                    None => return Err("end pattern in group".to_owned()),
                }
            }
        }
        let mut options = self.options();
        self.out.push('(');
        let ahead = self.ahead();
        let length = ahead
            .strip_prefix('?')
            .map_or(0, |ahead| ahead.len() - ahead.trim_start_matches(|c: char| "imsx-".contains(c)).len());
        if length == 0 {
            self.options.push(options);
            return Ok(());
        }
        let flags = ahead[1..=length].to_owned();
        let on = flags.split('-').next().unwrap_or_default();
        let off = &flags[on.len()..];
        options.extended = (options.extended || on.contains('x')) && !off.contains('x');
        options.lines = (options.lines || on.contains('m')) && !off.contains('m');
        self.skip(1 + length);
        self.out.push('?');
        self.out.push_str(&flags);
        if self.rest.next_if(|(_, c)| *c == ')').is_some() {
            // They hold to the end of the group that they are in.
            self.out.push(')');
            if let Some(current) = self.options.last_mut() {
                *current = options;
            }
        } else {
            self.options.push(options);
        }
        Ok(())
    }

    fn escape(&mut self, in_class: bool) -> Result<(), String> {
        let Some((_, c)) = self.rest.next() else { return Err("end pattern at escape".to_owned()) };
        match c {
            'Q' if !in_class => {
                while !self.ahead().is_empty() && !self.ahead().starts_with("\\E") {
                    if let Some((_, c)) = self.rest.next() {
                        self.literal(c);
                    }
                }
                self.skip(2);
            }
            'E' => {}
            'Z' if !in_class => self.ends.push(self.out.len()),
            '0'..='7' if in_class || c == '0' => self.octal(c),
            'p' | 'P' | 'x' => {
                self.out.extend(['\\', c]);
                if self.ahead().starts_with('{') && self.ahead().contains('}') {
                    for (_, c) in self.rest.by_ref() {
                        self.out.push(c);
                        if c == '}' {
                            break;
                        }
                    }
                }
            }
            'a' | 'b' | 'd' | 'D' | 'e' | 'f' | 'n' | 'r' | 's' | 'S' | 't' | 'w' | 'W' => {
                self.out.extend(['\\', c]);
            }
            'A' | 'B' | 'c' | 'C' | 'G' | 'g' | 'K' | 'k' | 'N' | 'O' | 'R' | 'X' | 'z' | '1'..='9'
                if !in_class =>
            {
                self.out.extend(['\\', c]);
            }
            _ => self.literal(c),
        }
        Ok(())
    }

    fn octal(&mut self, first: char) {
        let mut value = first.to_digit(8).unwrap_or(0);
        for _ in 0..2 {
            let Some((_, digit)) = self.rest.next_if(|(_, c)| c.is_digit(8)) else { break };
            value = value * 8 + digit.to_digit(8).unwrap_or(0);
        }
        self.out.push_str(&format!("\\x{{{value:x}}}"));
    }

    /// A class, whose bracket was read. Brackets, `&&` and the like are literal in it.
    fn class(&mut self) -> Result<(), String> {
        const OPEN: &str = "premature end of char-class";
        self.out.push('[');
        if self.rest.next_if(|(_, c)| *c == '^').is_some() {
            self.out.push('^');
        }
        let mut first = true;
        loop {
            let Some((_, c)) = self.rest.next() else { return Err(OPEN.to_owned()) };
            match c {
                ']' if !first => break,
                ']' if !self.ahead().contains(']') => return Err("empty char-class".to_owned()),
                '\\' => self.escape(true)?,
                '[' => match posix(self.ahead()) {
                    Some((class, length)) => {
                        self.out.push_str(&class);
                        self.skip(length);
                    }
                    None => self.literal('['),
                },
                // Between two characters it makes a range.
                '-' if !first && !self.ahead().starts_with([']', '-']) && !self.out.ends_with('-') => {
                    self.out.push('-');
                }
                c => self.literal(c),
            }
            first = false;
        }
        self.out.push(']');
        Ok(())
    }
}

/// Does a counter follow the opening brace: `2}`, `2,}`, `2,3}`?
fn is_counter(ahead: &str) -> bool {
    let Some((counts, _)) = ahead.split_once('}') else { return false };
    let (least, most) = counts.split_once(',').unwrap_or((counts, ""));
    !least.is_empty() && least.bytes().chain(most.bytes()).all(|byte| byte.is_ascii_digit())
}

/// The class `:name:]` or `:^name:]`, and how long it is.
fn posix(ahead: &str) -> Option<(String, usize)> {
    let inner = ahead.strip_prefix(':')?;
    let (name, _) = inner.split_once(":]")?;
    let (negated, bare) = name.strip_prefix('^').map_or((false, name), |bare| (true, bare));
    let members = match bare {
        "alnum" => r"\p{Alphabetic}\p{Nd}",
        "alpha" => r"\p{Alphabetic}",
        "ascii" => r"\x00-\x7F",
        "blank" => r"\t\p{Zs}",
        "cntrl" => r"\p{Cc}",
        "digit" => r"\p{Nd}",
        "graph" => r"^\s\p{Cc}\p{Cn}\p{Cs}",
        "lower" => r"\p{Lowercase}",
        "print" => r"^\p{Cc}\p{Cn}\p{Cs}",
        "punct" => r"\p{P}$+<=>\^`|~",
        "space" => r"\s",
        "upper" => r"\p{Uppercase}",
        "word" => r"\w",
        "xdigit" => r"0-9A-Fa-f",
        _ => return None,
    };
    let class = match (negated, members.strip_prefix('^')) {
        (true, Some(members)) => format!("[{members}]"),
        (true, None) => format!("[^{members}]"),
        (false, _) => format!("[{members}]"),
    };
    Some((class, name.len() + 3))
}
