//! Patterns, and what binds them: `as`, `?//`, `reduce` and `foreach`.

use jaq_core::load::parse::{BinaryOp, Pattern};

use super::lex::{Token, TokenKind};
use super::parse::{Parser, binary, string};
use super::{Def, Result, Term};

impl<'s> Parser<'s, '_> {
    pub(super) fn patterns(&mut self) -> Result<'s, Vec<Pattern<&'s str>>> {
        let mut patterns = vec![self.pattern()?];
        while self.skip("?//") {
            patterns.push(self.pattern()?);
        }
        Ok(patterns)
    }

    fn pattern(&mut self) -> Result<'s, Pattern<&'s str>> {
        let Some(token) = self.tokens.get(self.at) else { return self.wanted("a pattern") };
        match (&token.kind, token.text) {
            (TokenKind::Variable, name) if !name.contains("::") => {
                self.at += 1;
                Ok(Pattern::Var(name))
            }
            (TokenKind::Symbol, "[") => {
                self.at += 1;
                let mut items = vec![self.pattern()?];
                while self.skip(",") {
                    items.push(self.pattern()?);
                }
                if !self.skip("]") {
                    return self.wanted("`,` or `]`");
                }
                Ok(Pattern::Arr(items))
            }
            (TokenKind::Symbol, "{") => {
                self.at += 1;
                let mut entries = Vec::new();
                loop {
                    self.pattern_entry(&mut entries)?;
                    if !self.skip(",") {
                        break;
                    }
                }
                if !self.skip("}") {
                    return self.wanted("`,` or `}`");
                }
                Ok(Pattern::Obj(entries))
            }
            _ => self.wanted("a pattern"),
        }
    }

    /// `$name`, `$name: pattern`, `key: pattern`.
    fn pattern_entry(&mut self, entries: &mut Vec<(Term<'s>, Pattern<&'s str>)>) -> Result<'s, ()> {
        let key = match self.tokens.get(self.at) {
            Some(Token { text, kind: TokenKind::Variable }) => {
                self.at += 1;
                entries.push((string(&text[1..]), Pattern::Var(text)));
                if self.peek() != Some(":") {
                    return Ok(());
                }
                string(&text[1..])
            }
            Some(Token { text: "(", kind: TokenKind::Symbol }) => self.key_query()?,
            _ => self.key()?,
        };
        self.expect(":")?;
        entries.push((key, self.pattern()?));
        Ok(())
    }
}

/// The variables of a pattern, in the order in which they are bound.
fn variables<'s>(pattern: &Pattern<&'s str>, found: &mut Vec<&'s str>) {
    match pattern {
        Pattern::Var(name) if found.contains(name) => {}
        Pattern::Var(name) => found.push(name),
        Pattern::Arr(items) => items.iter().for_each(|item| variables(item, found)),
        Pattern::Obj(entries) => entries.iter().for_each(|(_, item)| variables(item, found)),
    }
}

/// The value that alternative patterns are tried on, what follows them, and the filter that tries the next.
/// No program can write these names.
const TRIED: &str = "$tried!";
const FOLLOWS: &str = "follows!";
pub(in super::super) const OR_ELSE: &str = "else!";

/// `term as patterns | body`. With several patterns, an error in one or in the body leads to the next, and
/// the variables of the others are null.
pub(super) fn bind<'s>(term: Term<'s>, mut patterns: Vec<Pattern<&'s str>>, body: Term<'s>) -> Term<'s> {
    if patterns.len() == 1
        && let Some(pattern) = patterns.pop()
    {
        return binary(term, BinaryOp::Pipe(Some(pattern)), body);
    }
    let mut names = Vec::new();
    patterns.iter().for_each(|pattern| variables(pattern, &mut names));
    let call = || Term::Call(FOLLOWS, names.iter().map(|name| Term::Var(name)).collect());
    let tries = patterns.into_iter().rev().map(|pattern| {
        let attempt = binary(Term::Var(TRIED), BinaryOp::Pipe(Some(pattern)), call());
        names.iter().fold(attempt, |attempt, name| {
            let null = Term::Call("null", Vec::new());
            binary(null, BinaryOp::Pipe(Some(Pattern::Var(*name))), attempt)
        })
    });
    let tries = tries.reduce(|later, attempt| Term::Call(OR_ELSE, vec![attempt, later])).unwrap_or_default();
    let def = Def { name: FOLLOWS, args: names.clone(), body };
    let tries = Term::Def(vec![def], Box::new(tries));
    binary(term, BinaryOp::Pipe(Some(Pattern::Var(TRIED))), tries)
}

/// The same for `reduce` and `foreach`, which take one pattern.
pub(super) fn one_pattern<'s>(
    source: Term<'s>,
    mut patterns: Vec<Pattern<&'s str>>,
) -> (Term<'s>, Pattern<&'s str>) {
    if patterns.len() == 1
        && let Some(pattern) = patterns.pop()
    {
        return (source, pattern);
    }
    let mut names = Vec::new();
    patterns.iter().for_each(|pattern| variables(pattern, &mut names));
    let values = names.iter().map(|name| Term::Var(name));
    let values = values.reduce(|left, right| binary(left, BinaryOp::Comma, right)).unwrap_or_default();
    let values = Term::Arr(Some(Box::new(values)));
    (bind(source, patterns, values), Pattern::Arr(names.into_iter().map(Pattern::Var).collect()))
}
