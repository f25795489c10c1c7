//! From the text of a program to something that runs, or to an explanation with a caret under the place.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use jaq_core::compile::Undefined;
use jaq_core::load::{self, Arena, File, Lexer, Loader, lex, parse};
use jaq_core::{Compiler, Filter};

use super::natives::{self, Kind};
use crate::did_you_mean::most_edits;
use crate::error::{Failure, Result};
use crate::exit::Exit;

/// Defined by the library in terms that do not hold here, so that natives take their place.
const REPLACED: &[&str] = &["nan", "infinite", "type", "keys", "halt_error"];

/// What a program consists of, as far as its surroundings have to know.
#[derive(Debug, Default)]
pub(super) struct Words {
    /// The variables it names, with the dollar sign.
    pub(super) variables: BTreeSet<String>,
    /// It is `.`.
    pub(super) identity: bool,
    /// It calls `input` or `inputs`.
    pub(super) inputs: bool,
    /// The line of the first `$__loc__`.
    pub(super) line: usize,
}

/// Compiles, with global variables of these names.
pub(super) fn compile(name: &str, source: &str, variables: &[&str]) -> Result<Arc<Filter<Kind>>> {
    let arena = Arena::default();
    let report = Report { name, source };
    let loader = Loader::new(definitions());
    let modules =
        loader.load(&arena, File { code: source, path: () }).map_err(|errors| report.load(first(errors)))?;
    let compiler = Compiler::default().with_funs(natives::all()).with_global_vars(variables.iter().copied());
    let filter = compiler.compile(modules).map_err(|errors| {
        let undefined = first(errors).and_then(|errors| errors.into_iter().next());
        report.undefined(undefined, variables)
    })?;
    Ok(Arc::new(filter))
}

/// Looks a program over without compiling it. What does not even lex is left for [`compile`] to explain.
pub(super) fn words(source: &str) -> Words {
    let mut words = Words::default();
    if let Ok(tokens) = Lexer::new(source).lex() {
        words.identity = matches!(&tokens[..], [lex::Token(".", _)]);
        words.look(source, &tokens);
    }
    words
}

/// `name/arity` of everything a program can call.
pub(super) fn known() -> &'static [String] {
    static KNOWN: OnceLock<Vec<String>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let defined = definitions().map(|def| format!("{}/{}", def.name, def.args.len()));
        let native = natives::all().map(|(name, args, _)| format!("{name}/{}", args.len()));
        // Helpers of the libraries' own definitions are nobody's business.
        let public = |name: &String| {
            !name.starts_with('_')
                && !name.starts_with('@')
                && !name.contains("_empty")
                && !name.contains("_/")
        };
        defined.chain(native).filter(public).collect::<BTreeSet<_>>().into_iter().collect()
    })
}

fn definitions() -> impl Iterator<Item = parse::Def<&'static str>> {
    let ours = load::parse(include_str!("prelude.jq"), |parser| parser.defs());
    debug_assert!(ours.is_some(), "the prelude has to parse");
    let theirs = jaq_core::defs().chain(jaq_std::defs());
    theirs.filter(|def| !REPLACED.contains(&def.name)).chain(ours.unwrap_or_default())
}

fn first<P, E>(errors: Vec<(File<&str, P>, E)>) -> Option<E> {
    errors.into_iter().next().map(|(_, error)| error)
}

impl Words {
    fn look(&mut self, source: &str, tokens: &[lex::Token<&str>]) {
        let mut before = "";
        for lex::Token(text, token) in tokens {
            match token {
                lex::Tok::Word => self.inputs |= before != "." && matches!(*text, "input" | "inputs"),
                lex::Tok::Var => {
                    if *text == "$__loc__" && self.line == 0 {
                        self.line = source[..load::span(source, text).start].matches('\n').count() + 1;
                    }
                    self.variables.insert((*text).to_owned());
                }
                lex::Tok::Block(inner) => self.look(source, inner),
                lex::Tok::Str(parts) => {
                    for part in parts {
                        if let lex::StrPart::Term(inner) = part {
                            self.look(source, std::slice::from_ref(inner));
                        }
                    }
                }
                _ => {}
            }
            before = text;
        }
    }
}

/// Turns what the engine says into a message.
struct Report<'a> {
    name: &'a str,
    source: &'a str,
}

impl Report<'_> {
    fn load(&self, error: Option<load::Error<&str>>) -> Failure {
        match error {
            Some(load::Error::Lex(errors)) => match errors.into_iter().next() {
                Some((expected, found)) => self.lexing(&expected, found),
                None => self.fail("it cannot be read", ""),
            },
            Some(load::Error::Parse(errors)) => match errors.into_iter().next() {
                Some((expected, found)) => self.parsing(&expected, found),
                None => self.fail("it cannot be read", ""),
            },
            Some(load::Error::Io(errors)) => {
                let path = errors.first().map_or("", |(path, _)| path);
                self.fail("modules cannot be loaded", path)
            }
            None => self.fail("it cannot be read", ""),
        }
    }

    fn lexing(&self, expected: &lex::Expect<&str>, found: &str) -> Failure {
        match expected {
            lex::Expect::Delim("\"") => {
                self.fail("this string has no closing quote", opening(expected, found))
            }
            lex::Expect::Delim(open) => match found.chars().next().filter(|c| ")]}".contains(*c)) {
                Some(close) => self.fail(&format!("`{open}` is closed by `{close}`"), open),
                None => self.fail(&format!("`{open}` is never closed"), open),
            },
            lex::Expect::Digit => self.fail("expected a digit", upto(found, 1)),
            lex::Expect::Ident => self.fail("expected a name", upto(found, 1)),
            lex::Expect::Escape => self.fail("unknown escape in a string", upto(found, 1)),
            lex::Expect::Unicode => {
                self.fail("expected four hexadecimal digits of a character", upto(found, 4))
            }
            _ => {
                let c = upto(found, 1);
                self.fail(&format!("unexpected character `{c}`"), c)
            }
        }
    }

    fn parsing(&self, expected: &parse::Expect<&str>, found: &str) -> Failure {
        let shown = found.lines().next().unwrap_or_default();
        // A bracket stands for all that is in it.
        let shown = if shown.starts_with(['(', '[', '{']) { upto(shown, 1) } else { upto(shown, 30) };
        let wanted = match expected {
            parse::Expect::Nothing => None,
            parse::Expect::Just("") => None,
            parse::Expect::Just(token) => Some(format!("`{token}`")),
            parse::Expect::Term => Some("an expression".to_owned()),
            parse::Expect::ElseOrEnd => Some("`else` or `end`".to_owned()),
            parse::Expect::CommaOrRBrack => Some("`,` or `]`".to_owned()),
            parse::Expect::CommaOrRBrace => Some("`,` or `}`".to_owned()),
            parse::Expect::SemicolonOrRParen => Some("`;` or `)`".to_owned()),
            other => Some(
                format!("a {}", other.as_str())
                    .replace("a argument", "an argument")
                    .replace("a identifier", "a name"),
            ),
        };
        match (wanted, shown) {
            (None, shown) => self.fail(&format!("unexpected `{shown}`"), shown),
            (Some(wanted), "") => self.fail(&format!("expected {wanted}, but the program ends here"), found),
            (Some(wanted), shown) => self.fail(&format!("expected {wanted} before `{shown}`"), shown),
        }
    }

    fn undefined(&self, error: Option<(&str, Undefined)>, variables: &[&str]) -> Failure {
        let Some((name, kind)) = error else { return self.fail("it cannot be compiled", "") };
        match kind {
            Undefined::Filter(arity) => {
                let failure = self.fail(&format!("there is no filter `{name}/{arity}`"), name);
                hint(failure, name, known().iter().map(String::as_str))
            }
            Undefined::Var => {
                let failure = self.fail(&format!("there is no variable `{name}`"), name);
                hint(failure, name, variables.iter().copied())
            }
            Undefined::Label => self.fail(&format!("`break {name}` is not within `label {name}`"), name),
            _ => self.fail(&format!("there is no {} `{name}`", kind.as_str()), name),
        }
    }

    /// `place` is a part of the source; its first line is underlined.
    fn fail(&self, what: &str, place: &str) -> Failure {
        let start = (place.as_ptr() as usize).wrapping_sub(self.source.as_ptr() as usize);
        let in_source =
            start.saturating_add(place.len()) <= self.source.len() && self.source.is_char_boundary(start);
        let start = if in_source { start } else { self.source.len() };
        let start = if place.is_empty() { self.source[..start].trim_end().len() } else { start };
        let line_start = self.source[..start].rfind('\n').map_or(0, |at| at + 1);
        let number = self.source[..start].matches('\n').count() + 1;
        let line = self.source[line_start..].lines().next().unwrap_or_default();
        let before = &self.source[line_start..start];
        let carets = place.lines().next().unwrap_or_default().chars().map(width).sum::<usize>().max(1);
        let pad: String = before.chars().map(|c| if c == '\t' { "\t" } else { &"  "[..width(c)] }).collect();
        let several = self.source.trim_end().contains('\n');
        let (gutter, blank) = if several {
            let gutter = format!("{number} | ");
            let blank = format!("{}| ", " ".repeat(gutter.len() - 2));
            (gutter, blank)
        } else {
            ("  ".to_owned(), "  ".to_owned())
        };
        let at = if several {
            format!("line {number}, column {}", before.chars().count() + 1)
        } else {
            format!("column {}", before.chars().count() + 1)
        };
        Failure::new(Exit::FilterCompile, format!("{} does not compile: {what} ({at})", self.name))
            .details(vec![format!("{gutter}{line}"), format!("{blank}{pad}{}", "^".repeat(carets))])
    }
}

/// Where the string that lacks its end begins.
fn opening<'a>(expected: &lex::Expect<&'a str>, found: &'a str) -> &'a str {
    match expected {
        lex::Expect::Delim(open) => open,
        _ => found,
    }
}

fn upto(text: &str, chars: usize) -> &str {
    text.char_indices().nth(chars).map_or(text, |(end, _)| &text[..end])
}

/// How many columns a terminal gives a character: near enough to put a caret under the right one.
fn width(c: char) -> usize {
    match u32::from(c) {
        0x300..=0x36f | 0x200b..=0x200f | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f => 2,
        0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Names that look like `name`: the same with another number of arguments, or with a slip or two.
fn hint<'a>(failure: Failure, name: &str, known: impl Iterator<Item = &'a str>) -> Failure {
    let bare = |known: &str| known.split('/').next().unwrap_or_default().to_owned();
    let mut near: Vec<(usize, &str)> = known
        .map(|known| (strsim::levenshtein(name, &bare(known)), known))
        .filter(|(far, _)| *far <= most_edits(name))
        .collect();
    near.sort_unstable();
    let nearest = near.first().map_or(0, |(far, _)| *far);
    let names: Vec<_> = near
        .iter()
        .filter(|(far, _)| *far == nearest)
        .take(4)
        .map(|(_, known)| format!("`{known}`"))
        .collect();
    if names.is_empty() { failure } else { failure.hint(format!("did you mean {}?", names.join(" or "))) }
}
