//! From tokens to terms. The grammar is jq's, with `def` and `label` allowed as operands as well.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::BinaryOp;
use jaq_core::load::{Arena, span};
use jaq_core::ops::{Cmp, Math};
use jaq_core::path::{Opt, Part, Path};

use super::bind::{bind, one_pattern};
use super::lex::{self, Token, TokenKind};
use super::{Def, Import, ParsedSource, Result, Term, error, upto};

/// What the parser makes names from.
#[derive(Clone, Copy)]
pub(super) struct Names<'s> {
    /// What `$__loc__` calls the source.
    pub(super) file: &'s str,
    pub(super) arena: &'s Arena,
}

pub(super) struct Parser<'s, 't> {
    source: &'s str,
    pub(super) tokens: &'t [Token<'s>],
    pub(super) at: usize,
    names: Names<'s>,
}

/// The names that begin or continue something, so that they cannot be called.
const KEYWORDS: &[&str] = &[
    "and", "as", "break", "catch", "def", "elif", "else", "end", "foreach", "if", "import", "include",
    "label", "module", "or", "reduce", "then", "try",
];

/// What a step of a path is written as.
type Step<'s> = (Part<Term<'s>>, Opt);

impl<'s, 't> Parser<'s, 't> {
    pub(super) fn new(source: &'s str, tokens: &'t [Token<'s>], names: Names<'s>) -> Self {
        Self { source, tokens, at: 0, names }
    }

    /// The whole text.
    pub(super) fn source(mut self) -> Result<'s, ParsedSource<'s>> {
        let mut source = ParsedSource::default();
        if self.skip("module") {
            source.meta = Some(self.metadata()?);
            self.expect(";")?;
        }
        while let Some(word @ ("import" | "include")) = self.peek() {
            self.at += 1;
            source.imports.push(self.import(word == "import")?);
        }
        while self.peek() == Some("def") {
            source.defs.push(self.def()?);
        }
        if self.at < self.tokens.len()
            || source.defs.is_empty() && source.imports.is_empty() && source.meta.is_none()
        {
            source.body = Some(self.query()?);
            self.end()?;
        }
        Ok(source)
    }

    /// Everything was read.
    fn end(&self) -> Result<'s, ()> {
        match self.tokens.get(self.at) {
            None => Ok(()),
            Some(token) => error(format!("unexpected `{}`", shown(token)), shown(token)),
        }
    }

    /// The next token, if it is a word or a symbol.
    pub(super) fn peek(&self) -> Option<&'s str> {
        let token = self.tokens.get(self.at)?;
        matches!(token.kind, TokenKind::Word | TokenKind::Symbol).then_some(token.text)
    }

    pub(super) fn skip(&mut self, text: &str) -> bool {
        let found = self.peek() == Some(text);
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect(&mut self, text: &str) -> Result<'s, ()> {
        if self.skip(text) { Ok(()) } else { self.wanted(&format!("`{text}`")) }
    }

    pub(super) fn wanted<T>(&self, what: &str) -> Result<'s, T> {
        match self.tokens.get(self.at) {
            Some(token) => error(format!("expected {what} before `{}`", shown(token)), shown(token)),
            None => {
                // Within an interpolation, the parenthesis that ends it comes next.
                let end = self.tokens.last().map_or(0, |last| span(self.source, last.text).end);
                let rest = self.source[end..].trim_start();
                match rest.starts_with(')') {
                    true => error(format!("expected {what} before `)`"), &rest[..1]),
                    false => error(
                        format!("expected {what}, but the program ends here"),
                        &self.source[self.source.len()..],
                    ),
                }
            }
        }
    }

    fn import(&mut self, named: bool) -> Result<'s, Import<'s>> {
        let Some(Token { text: place, kind: TokenKind::Text(parts) }) = self.tokens.get(self.at) else {
            return self.wanted("a string");
        };
        self.at += 1;
        let Some(path) = self.constant(parts) else {
            return error("the path of a module has to be constant", place);
        };
        let alias = if named {
            self.expect("as")?;
            match self.tokens.get(self.at) {
                Some(Token { text, kind: TokenKind::Word | TokenKind::Variable }) if !text.contains("::") => {
                    self.at += 1;
                    Some(*text)
                }
                _ => return self.wanted("a name"),
            }
        } else {
            None
        };
        let meta = if self.peek() == Some(";") { None } else { Some(self.metadata()?) };
        self.expect(";")?;
        Ok(Import { path, place, alias, meta })
    }

    /// A constant object.
    fn metadata(&mut self) -> Result<'s, Term<'s>> {
        let start = self.at;
        let term = self.query()?;
        let place = self.tokens.get(start).map_or(self.source, |token| token.text);
        match &term {
            Term::Obj(_) if is_constant(&term) => Ok(term),
            Term::Obj(_) => error("the metadata of a module has to be constant", place),
            _ => error("the metadata of a module has to be an object", place),
        }
    }

    /// The text of a string without anything computed in it.
    fn constant(&self, parts: &[lex::StringPart<'s>]) -> Option<&'s str> {
        let mut text = String::new();
        for part in parts {
            match part {
                lex::StringPart::Text(plain) if parts.len() == 1 => return Some(plain),
                lex::StringPart::Text(plain) => text.push_str(plain),
                lex::StringPart::Char(c) => text.push(*c),
                lex::StringPart::Code(_) => return None,
            }
        }
        Some(self.made(text))
    }

    fn made(&self, text: String) -> &'s str {
        self.names.arena.alloc(text)
    }

    /// What follows `def`, which is next.
    fn def(&mut self) -> Result<'s, Def<'s>> {
        self.expect("def")?;
        let name = match self.tokens.get(self.at) {
            Some(Token { text, kind: TokenKind::Word }) if is_name(text) => *text,
            _ => return self.wanted("a name"),
        };
        self.at += 1;
        let mut args = Vec::new();
        if self.skip("(") {
            loop {
                match self.tokens.get(self.at) {
                    Some(Token { text, kind: TokenKind::Word }) if is_name(text) => args.push(*text),
                    Some(Token { text, kind: TokenKind::Variable }) if !text.contains("::") => {
                        args.push(*text);
                    }
                    _ => return self.wanted("a parameter"),
                }
                self.at += 1;
                if !self.skip(";") {
                    break;
                }
            }
            self.expect(")")?;
        }
        self.expect(":")?;
        let body = self.query()?;
        self.expect(";")?;
        Ok(Def { name, args, body })
    }

    /// The loosest of all: pipes.
    fn query(&mut self) -> Result<'s, Term<'s>> {
        let mut left = self.item()?;
        while self.skip(",") {
            let right = self.item()?;
            left = binary(left, BinaryOp::Comma, right);
        }
        if self.skip("|") {
            let right = self.query()?;
            left = binary(left, BinaryOp::Pipe(None), right);
        }
        Ok(left)
    }

    /// What stands between commas.
    fn item(&mut self) -> Result<'s, Term<'s>> {
        let term = self.expression(0)?;
        if !self.skip("as") {
            return Ok(term);
        }
        let patterns = self.patterns()?;
        self.expect("|")?;
        let body = self.query()?;
        Ok(bind(term, patterns, body))
    }

    /// Operators that bind at least as tight as `floor`.
    fn expression(&mut self, floor: u8) -> Result<'s, Term<'s>> {
        let mut left = self.postfix()?;
        let mut ceiling = u8::MAX;
        while let Some((operator, level, group)) = self.peek().and_then(operator) {
            if level < floor {
                break;
            }
            if level > ceiling {
                // Neither `1 < 2 < 3` nor `.a = .b = 1` means anything.
                return self.end().and(Ok(left));
            }
            self.at += 1;
            let right = self.expression(if group == Associativity::Right { level } else { level + 1 })?;
            left = binary(left, operator, right);
            ceiling = if group == Associativity::None { level - 1 } else { level };
        }
        Ok(left)
    }

    /// A term and what is appended to it: fields, brackets, question marks.
    fn postfix(&mut self) -> Result<'s, Term<'s>> {
        if self.skip("-") {
            return Ok(Term::Neg(Box::new(self.postfix()?)));
        }
        let (mut term, mut steps) = self.atom()?;
        loop {
            if self.skip("?") {
                match steps.last_mut() {
                    Some((_, opt @ Opt::Essential)) => *opt = Opt::Optional,
                    _ => term = Term::TryCatch(Box::new(path(term, std::mem::take(&mut steps))), None),
                }
            } else if let Some(step) = self.step()? {
                steps.push((step, Opt::Essential));
            } else {
                return Ok(path(term, steps));
            }
        }
    }

    /// `.name`, `."name"`, `.[…]` or `[…]` after a term.
    fn step(&mut self) -> Result<'s, Option<Part<Term<'s>>>> {
        let next = |n: usize| self.tokens.get(self.at + n);
        match (next(0), next(1)) {
            (Some(Token { text, kind: TokenKind::Field }), _) => {
                let text = *text;
                self.at += 1;
                Ok(Some(Part::Index(string(text))))
            }
            (Some(Token { text: "[", kind: TokenKind::Symbol }), _) => self.bracket().map(Some),
            (Some(Token { text: ".", kind: TokenKind::Symbol }), Some(after)) => match &after.kind {
                TokenKind::Text(_) | TokenKind::Format => {
                    self.at += 1;
                    self.text().map(|key| Some(Part::Index(key)))
                }
                TokenKind::Symbol if after.text == "[" => {
                    self.at += 1;
                    self.bracket().map(Some)
                }
                _ => Ok(None),
            },
            _ => Ok(None),
        }
    }

    /// `[]`, `[i]`, `[i:j]`.
    fn bracket(&mut self) -> Result<'s, Part<Term<'s>>> {
        self.expect("[")?;
        if self.skip("]") {
            return Ok(Part::Range(None, None));
        }
        let from = if self.peek() == Some(":") { None } else { Some(self.query()?) };
        if from.is_some() && self.skip("]") {
            return Ok(Part::Index(from.unwrap_or_default()));
        }
        self.expect(":")?;
        let upto = if from.is_some() && self.peek() == Some("]") { None } else { Some(self.query()?) };
        self.expect("]")?;
        Ok(Part::Range(from, upto))
    }

    /// A string, perhaps with a format before it.
    fn text(&mut self) -> Result<'s, Term<'s>> {
        let mut format = None;
        if let Some(Token { text, kind: TokenKind::Format }) = self.tokens.get(self.at) {
            format = Some(*text);
            self.at += 1;
        }
        let Some(Token { kind: TokenKind::Text(parts), .. }) = self.tokens.get(self.at) else {
            return self.wanted("a string");
        };
        self.at += 1;
        let part = |part: &'t lex::StringPart<'s>| {
            Ok(match part {
                lex::StringPart::Text(text) => StrPart::Str(*text),
                lex::StringPart::Char(c) => StrPart::Char(*c),
                lex::StringPart::Code(tokens) => {
                    let mut inner = Parser::new(self.source, tokens, self.names);
                    let term = inner.query()?;
                    inner.end()?;
                    StrPart::Term(term)
                }
            })
        };
        Ok(Term::Str(format, parts.iter().map(part).collect::<Result<_>>()?))
    }

    /// The smallest of all, with the step that a leading dot makes.
    fn atom(&mut self) -> Result<'s, (Term<'s>, Vec<Step<'s>>)> {
        let Some(token) = self.tokens.get(self.at) else { return self.wanted("an expression") };
        let start = self.at;
        self.at += 1;
        let term = match (&token.kind, token.text) {
            (TokenKind::Field, name) => {
                return Ok((Term::Id, vec![(Part::Index(string(name)), Opt::Essential)]));
            }
            (TokenKind::Symbol, ".") => {
                self.at = start;
                let step = self.step()?;
                if step.is_none() {
                    self.at = start + 1;
                }
                return Ok((Term::Id, step.map(|step| (step, Opt::Essential)).into_iter().collect()));
            }
            (TokenKind::Symbol, "..") => Term::Recurse,
            (TokenKind::Number, digits) => Term::Num(digits),
            (TokenKind::Text(_), _) => {
                self.at = start;
                self.text()?
            }
            (TokenKind::Format, name) => match self.tokens.get(self.at) {
                Some(Token { kind: TokenKind::Text(_), .. }) => {
                    self.at = start;
                    self.text()?
                }
                _ => Term::Call(name, Vec::new()),
            },
            (TokenKind::Variable, "$__loc__") => self.location(token.text),
            (TokenKind::Variable, name) => Term::Var(name),
            (TokenKind::Symbol, "(") => {
                let term = self.query()?;
                self.expect(")")?;
                term
            }
            (TokenKind::Symbol, "[") => {
                if self.skip("]") {
                    Term::Arr(None)
                } else {
                    let items = self.query()?;
                    if !self.skip("]") {
                        return self.wanted("`,` or `]`");
                    }
                    Term::Arr(Some(Box::new(items)))
                }
            }
            (TokenKind::Symbol, "{") => self.object()?,
            (TokenKind::Word, word) => {
                self.at = start;
                self.word(word)?
            }
            _ => {
                self.at = start;
                return self.wanted("an expression");
            }
        };
        Ok((term, Vec::new()))
    }

    /// What begins with a word, which is next.
    fn word(&mut self, word: &'s str) -> Result<'s, Term<'s>> {
        if word == "def" {
            let mut defs = Vec::new();
            while self.peek() == Some("def") {
                defs.push(self.def()?);
            }
            return Ok(Term::Def(defs, Box::new(self.query()?)));
        }
        if KEYWORDS.contains(&word)
            && !matches!(word, "if" | "try" | "label" | "break" | "reduce" | "foreach")
        {
            return self.wanted("an expression");
        }
        self.at += 1;
        match word {
            "if" => self.condition(),
            "try" => {
                let body = self.postfix()?;
                let catch = if self.skip("catch") { Some(Box::new(self.postfix()?)) } else { None };
                Ok(Term::TryCatch(Box::new(body), catch))
            }
            "label" => {
                let name = self.variable()?;
                self.expect("|")?;
                Ok(Term::Label(name, Box::new(self.query()?)))
            }
            "break" => Ok(Term::Break(self.variable()?)),
            "reduce" | "foreach" => self.fold(word),
            name => {
                let mut args = Vec::new();
                if self.skip("(") {
                    args.push(self.query()?);
                    while self.skip(";") {
                        args.push(self.query()?);
                    }
                    if !self.skip(")") {
                        return self.wanted("`;` or `)`");
                    }
                }
                Ok(Term::Call(name, args))
            }
        }
    }

    fn condition(&mut self) -> Result<'s, Term<'s>> {
        let mut branches = Vec::new();
        loop {
            let condition = self.query()?;
            self.expect("then")?;
            branches.push((condition, self.query()?));
            if self.skip("elif") {
                continue;
            }
            if self.skip("end") {
                return Ok(Term::IfThenElse(branches, None));
            }
            if !self.skip("else") {
                return self.wanted("`else` or `end`");
            }
            let otherwise = self.query()?;
            self.expect("end")?;
            return Ok(Term::IfThenElse(branches, Some(Box::new(otherwise))));
        }
    }

    fn fold(&mut self, word: &'s str) -> Result<'s, Term<'s>> {
        let source = self.expression(0)?;
        self.expect("as")?;
        let (source, pattern) = one_pattern(source, self.patterns()?);
        self.expect("(")?;
        let mut args = vec![self.query()?];
        self.expect(";")?;
        args.push(self.query()?);
        if word == "foreach" && self.skip(";") {
            args.push(self.query()?);
        }
        self.expect(")")?;
        Ok(Term::Fold(word, Box::new(source), pattern, args))
    }

    fn variable(&mut self) -> Result<'s, &'s str> {
        match self.tokens.get(self.at) {
            Some(Token { text, kind: TokenKind::Variable }) => {
                self.at += 1;
                Ok(*text)
            }
            _ => self.wanted("a variable"),
        }
    }

    /// Where a token is, as an object.
    fn location(&self, place: &str) -> Term<'s> {
        let line = self.source[..span(self.source, place).start].matches('\n').count() + 1;
        let line = Term::Num(self.made(line.to_string()));
        Term::Obj(vec![(string("file"), Some(string(self.names.file))), (string("line"), Some(line))])
    }

    /// The entries of an object and the brace that ends it.
    fn object(&mut self) -> Result<'s, Term<'s>> {
        let mut entries = Vec::new();
        while !self.skip("}") {
            entries.push(self.entry()?);
            if !self.skip(",") {
                if self.skip("}") {
                    break;
                }
                return self.wanted("`,` or `}`");
            }
        }
        Ok(Term::Obj(entries))
    }

    fn entry(&mut self) -> Result<'s, (Term<'s>, Option<Term<'s>>)> {
        let Some(token) = self.tokens.get(self.at) else { return self.wanted("a key") };
        let key = match (&token.kind, token.text) {
            (TokenKind::Variable, "$__loc__") => {
                self.at += 1;
                return Ok((string("__loc__"), Some(self.location(token.text))));
            }
            (TokenKind::Variable, name) => {
                self.at += 1;
                Term::Var(name)
            }
            (TokenKind::Symbol, "(") => {
                let key = self.key_query()?;
                self.expect(":")?;
                return Ok((key, Some(self.value()?)));
            }
            _ => self.key()?,
        };
        let value = if self.skip(":") { Some(self.value()?) } else { None };
        Ok((key, value))
    }

    /// A key that is a name or a string.
    pub(super) fn key(&mut self) -> Result<'s, Term<'s>> {
        match self.tokens.get(self.at) {
            Some(Token { text, kind: TokenKind::Word }) if !text.contains("::") => {
                self.at += 1;
                Ok(string(text))
            }
            Some(Token { kind: TokenKind::Text(_) | TokenKind::Format, .. }) => self.text(),
            _ => self.wanted("a key"),
        }
    }

    /// A key in parentheses. One that can be no string is refused.
    pub(super) fn key_query(&mut self) -> Result<'s, Term<'s>> {
        self.expect("(")?;
        let place = self.tokens.get(self.at).map_or(self.source, |token| token.text);
        let key = self.query()?;
        let never = match &key {
            Term::Num(_) | Term::Arr(_) | Term::Obj(_) => true,
            Term::Call(name, args) => args.is_empty() && matches!(*name, "true" | "false" | "null"),
            _ => false,
        };
        if never {
            return error("an object key has to be a string", place);
        }
        self.expect(")")?;
        Ok(key)
    }

    /// A value in an object: no comma, since that ends it.
    fn value(&mut self) -> Result<'s, Term<'s>> {
        let term = self.expression(0)?;
        if self.skip("as") {
            let patterns = self.patterns()?;
            self.expect("|")?;
            let body = self.value()?;
            return Ok(bind(term, patterns, body));
        }
        if self.skip("|") {
            let right = self.value()?;
            return Ok(binary(term, BinaryOp::Pipe(None), right));
        }
        Ok(term)
    }
}

#[derive(PartialEq)]
enum Associativity {
    Left,
    Right,
    None,
}

/// The operator, how tight it binds, and how it groups.
fn operator<'s>(text: &str) -> Option<(BinaryOp<&'s str>, u8, Associativity)> {
    use BinaryOp::{Alt, And, Assign, Or, Update, UpdateAlt, UpdateMath};
    Some(match text {
        "//" => (Alt, 1, Associativity::Right),
        "=" => (Assign, 2, Associativity::None),
        "|=" => (Update, 2, Associativity::None),
        "+=" => (UpdateMath(Math::Add), 2, Associativity::None),
        "-=" => (UpdateMath(Math::Sub), 2, Associativity::None),
        "*=" => (UpdateMath(Math::Mul), 2, Associativity::None),
        "/=" => (UpdateMath(Math::Div), 2, Associativity::None),
        "%=" => (UpdateMath(Math::Rem), 2, Associativity::None),
        "//=" => (UpdateAlt, 2, Associativity::None),
        "or" => (Or, 3, Associativity::Left),
        "and" => (And, 4, Associativity::Left),
        "<" => (BinaryOp::Cmp(Cmp::Lt), 5, Associativity::None),
        "<=" => (BinaryOp::Cmp(Cmp::Le), 5, Associativity::None),
        ">" => (BinaryOp::Cmp(Cmp::Gt), 5, Associativity::None),
        ">=" => (BinaryOp::Cmp(Cmp::Ge), 5, Associativity::None),
        "==" => (BinaryOp::Cmp(Cmp::Eq), 5, Associativity::None),
        "!=" => (BinaryOp::Cmp(Cmp::Ne), 5, Associativity::None),
        "+" => (BinaryOp::Math(Math::Add), 6, Associativity::Left),
        "-" => (BinaryOp::Math(Math::Sub), 6, Associativity::Left),
        "*" => (BinaryOp::Math(Math::Mul), 7, Associativity::Left),
        "/" => (BinaryOp::Math(Math::Div), 7, Associativity::Left),
        "%" => (BinaryOp::Math(Math::Rem), 7, Associativity::Left),
        _ => return None,
    })
}

/// What an error shows of a token.
fn shown<'s>(token: &Token<'s>) -> &'s str {
    upto(token.text.lines().next().unwrap_or_default(), 30)
}

fn is_name(text: &str) -> bool {
    !text.contains("::") && !KEYWORDS.contains(&text)
}

pub(super) fn string(text: &str) -> Term<'_> {
    Term::Str(None, vec![StrPart::Str(text)])
}

pub(super) fn binary<'s>(left: Term<'s>, operator: BinaryOp<&'s str>, right: Term<'s>) -> Term<'s> {
    Term::BinOp(Box::new(left), operator, Box::new(right))
}

fn path<'s>(term: Term<'s>, steps: Vec<Step<'s>>) -> Term<'s> {
    if steps.is_empty() { term } else { Term::Path(Box::new(term), Path(steps)) }
}

fn is_constant(term: &Term<'_>) -> bool {
    match term {
        Term::Num(_) => true,
        Term::Neg(inner) => is_constant(inner),
        Term::Str(None, parts) => !parts.iter().any(|part| matches!(part, StrPart::Term(_))),
        Term::Arr(items) => items.as_deref().is_none_or(is_constant),
        Term::BinOp(left, BinaryOp::Comma, right) => is_constant(left) && is_constant(right),
        Term::Obj(entries) => {
            entries.iter().all(|(key, value)| is_constant(key) && value.as_ref().is_some_and(is_constant))
        }
        Term::Call(name, args) => args.is_empty() && matches!(*name, "true" | "false" | "null"),
        _ => false,
    }
}
