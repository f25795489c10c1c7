//! The syntax of jq 1.8: from the text of a program or module to the engine's terms.
//!
//! The engine has a parser of its own, which differs from jq: it refuses `.5`, surrogate pairs, `?//` and
//! `{$name: pattern}`, and lets `//` bind tighter than `=`. Ours reads the language as jq's manual and grammar
//! have it and builds the engine's terms, so that only one of the two has to be right.

mod bind;
mod lex;
mod parse;

use jaq_core::load::{Arena, parse as jaq};

pub(super) use bind::OR_ELSE;

/// A term of a program whose names are slices of the source or of the arena.
pub(super) type Term<'s> = jaq::Term<&'s str>;
/// A definition: name, parameters, body.
pub(super) type Def<'s> = jaq::Def<&'s str>;

/// The text of a program or module, parsed.
#[derive(Default)]
pub(super) struct ParsedSource<'s> {
    /// What follows `module`.
    pub(super) meta: Option<Term<'s>>,
    /// `import` and `include`, in their order.
    pub(super) imports: Vec<Import<'s>>,
    /// The definitions at the top.
    pub(super) defs: Vec<Def<'s>>,
    /// What follows the definitions; a module has none.
    pub(super) body: Option<Term<'s>>,
}

/// One `import` or `include`.
pub(super) struct Import<'s> {
    /// The path as it is written, without escapes.
    pub(super) path: &'s str,
    /// Where the path is in the source.
    pub(super) place: &'s str,
    /// The name after `as`, with the dollar sign if it has one; an include has none.
    pub(super) alias: Option<&'s str>,
    /// The object after the name.
    pub(super) meta: Option<Term<'s>>,
}

/// Why a source is not a program, and the part of the source that shows it.
#[derive(Debug)]
pub(super) struct SyntaxError<'s> {
    pub(super) what: String,
    pub(super) place: &'s str,
}

type Result<'s, T> = std::result::Result<T, SyntaxError<'s>>;

/// Parses a program, or a module if it ends after its definitions. Text that has to be made up goes to the
/// arena. `file` is what `$__loc__` calls the source.
pub(super) fn parse<'s>(source: &'s str, file: &'s str, arena: &'s Arena) -> Result<'s, ParsedSource<'s>> {
    let tokens = lex::tokens(source)?;
    parse::Parser::new(source, &tokens, parse::Names { file, arena }).source()
}

fn error<T>(what: impl Into<String>, place: &str) -> Result<'_, T> {
    Err(SyntaxError { what: what.into(), place })
}

/// The first characters of a text.
fn upto(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(end, _)| &text[..end])
}
