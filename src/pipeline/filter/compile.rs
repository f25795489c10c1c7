//! From the text of a program to something that runs, or to an explanation with a caret under the place.
//!
//! The engine compiles a list of definitions, of which the program is the last. What comes before it is what
//! the program needs: its modules, and the builtins that are written in jq.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use jaq_core::compile::Undefined;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Filter};

use super::Runner;
use super::desugar::{Desugar, Scope};
use super::modules;
use super::natives::{self, EngineTypes};
use super::plan::FilterPlan;
use super::syntax::{self, Def, ParsedSource, SyntaxError, Term};
use super::value::Val;
use super::vars::Vars;
use crate::did_you_mean::most_edits;
use crate::error::{Failure, Result};
use crate::exit::Exit;

/// What the definition with the program is called. No program can call it.
const MAIN: &str = "@main";

/// A compiled program, and what its surroundings have to know about it.
pub(super) struct CompiledProgram {
    pub(super) plan: FilterPlan,
    /// Values of the global variables, in the order they were compiled with.
    pub(super) globals: Vec<Val>,
    /// It is `.`.
    pub(super) identity: bool,
    /// It calls `input` or `inputs`.
    pub(super) inputs: bool,
}

/// Compiles a program that may use these variables.
pub(super) fn compile(runner: Runner, name: &str, source: &str, vars: &Vars) -> Result<CompiledProgram> {
    let arena = Arena::default();
    let library = vars.library();
    let mut loader = modules::Loader::new(&arena, &library);
    let parts = Parts::read(source, &arena, &mut loader);
    let report = ErrorTexts { name, source, files: &loader.files };
    let parts = parts.map_err(|error| report.fail(&error.what, error.place))?;
    let mut globals = vars.globals(&parts.variables);
    globals.extend(loader.data.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    let names: Vec<&str> = globals.iter().map(|(name, _)| name.as_str()).collect();
    let planned = runner == Runner::Plan;
    let plan = match planned.then(|| FilterPlan::build(&parts.defs, &names)).flatten() {
        Some(plan) => plan,
        None => {
            let filter = engine(parts.defs, &names, &arena);
            let filter = filter.map_err(|undefined| report.undefined(undefined, &names))?;
            FilterPlan::engine(Arc::new(filter), names.len())
        }
    };
    Ok(CompiledProgram {
        plan,
        globals: globals.into_iter().map(|(_, value)| value).collect(),
        identity: parts.identity,
        inputs: parts.inputs,
    })
}

/// What a program consists of.
struct Parts<'s> {
    /// The program, and before it what it needs.
    defs: Vec<Def<'s>>,
    /// The variables that it names.
    variables: BTreeSet<&'s str>,
    identity: bool,
    inputs: bool,
}

impl<'s> Parts<'s> {
    fn read(
        source: &'s str,
        arena: &'s Arena,
        loader: &mut modules::Loader<'s, '_>,
    ) -> std::result::Result<Self, SyntaxError<'s>> {
        let ParsedSource { imports, defs, body, .. } = syntax::parse(source, "<top-level>", arena)?;
        let alone = imports.is_empty() && defs.is_empty();
        let body = body.unwrap_or_default();
        let identity = alone && matches!(body, Term::Id);
        let mut desugar = Desugar::new(arena, loader.main(imports)?);
        let term = if defs.is_empty() { body } else { Term::Def(defs, Box::new(body)) };
        let term = desugar.term(term);
        let body = desugar.with_data(term);
        if let Some(refused) = desugar.refused {
            return Err(refused);
        }
        let mut calls = desugar.calls;
        calls.extend(loader.calls.iter().copied());
        let mut variables = desugar.variables;
        variables.extend(loader.variables.iter().copied());
        let inputs = calls.contains(&("input", 0)) || calls.contains(&("inputs", 0));
        let mut defs = needed(&calls, arena);
        defs.append(&mut loader.defs);
        defs.push(Def { name: MAIN, args: Vec::new(), body });
        Ok(Self { defs, variables, identity, inputs })
    }
}

/// Compiles a part of a program for the engine, with the definitions that it may call; `None` if a name in it is
/// undefined.
pub(super) fn part<'s>(
    defs: &[Def<'s>],
    body: Term<'s>,
    variables: &[&'s str],
) -> Option<Arc<Filter<EngineTypes>>> {
    let arena = Arena::default();
    let part = Def { name: MAIN, args: Vec::new(), body };
    engine(defs.iter().cloned().chain([part]).collect(), variables, &arena).ok().map(Arc::new)
}

/// Hands the definitions to the engine, as those that are known to every program.
fn engine<'s>(
    defs: Vec<Def<'s>>,
    variables: &[&'s str],
    arena: &'s Arena,
) -> std::result::Result<Filter<EngineTypes>, Option<(&'s str, Undefined)>> {
    let modules = Loader::new(defs).load(arena, File { code: MAIN, path: () }).map_err(|_| None)?;
    let compiler = Compiler::default().with_funs(natives::all()).with_global_vars(variables.iter().copied());
    compiler.compile(modules).map_err(|errors| errors.into_iter().flat_map(|(_, errors)| errors).next())
}

/// A builtin that is written in jq. It is parsed only for programs that call it: parsing all of them would take longer
/// than the rest of a start.
struct Builtin {
    name: &'static str,
    arity: usize,
    text: &'static str,
}

/// The builtins that are written in jq, those that others need first.
fn builtins() -> &'static [Builtin] {
    static BUILTINS: OnceLock<Vec<Builtin>> = OnceLock::new();
    BUILTINS.get_or_init(|| {
        const TEXT: &str = include_str!("prelude.jq");
        // Only definitions of builtins begin a line with `def`.
        let mut starts: Vec<usize> = TEXT.match_indices("\ndef ").map(|(at, _)| at + 1).collect();
        starts.push(TEXT.len());
        starts.windows(2).filter_map(|ends| Builtin::read(TEXT.get(ends[0]..ends[1])?)).collect()
    })
}

impl Builtin {
    fn read(text: &'static str) -> Option<Self> {
        let head = text.strip_prefix("def ")?;
        let end = head.find(['(', ':'])?;
        let (name, rest) = head.split_at(end);
        let arguments = rest.strip_prefix('(').and_then(|rest| rest.split_once(')'));
        let arity = arguments.map_or(0, |(arguments, _)| arguments.matches(';').count() + 1);
        Some(Self { name, arity, text })
    }

    /// The definition, and the functions that it calls.
    fn parse<'s>(&self, arena: &'s Arena) -> Option<(Def<'s>, BTreeSet<(&'s str, usize)>)> {
        let def = syntax::parse(self.text, "", arena).ok()?.defs.pop()?;
        debug_assert!(def.name == self.name && def.args.len() == self.arity, "{}", self.text);
        let mut desugar = Desugar::new(arena, Scope::default());
        let def = desugar.def(def);
        Some((def, desugar.calls))
    }
}

/// The builtins that are called, and those that they call.
fn needed<'s>(calls: &BTreeSet<(&'s str, usize)>, arena: &'s Arena) -> Vec<Def<'s>> {
    let mut calls = calls.clone();
    let mut needed = Vec::new();
    // A definition only sees those before it and itself.
    for builtin in builtins().iter().rev() {
        if !calls.contains(&(builtin.name, builtin.arity)) {
            continue;
        }
        let parsed = builtin.parse(arena);
        debug_assert!(parsed.is_some(), "the prelude has to parse: {}", builtin.text);
        if let Some((def, more)) = parsed {
            calls.extend(more);
            needed.push(def);
        }
    }
    needed.reverse();
    needed
}

/// `name/arity` of everything a program can call.
pub(super) fn known() -> &'static [String] {
    static KNOWN: OnceLock<Vec<String>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let defined = builtins().iter().map(|builtin| (builtin.name, builtin.arity));
        let native = natives::all().map(|(name, args, _)| (name, args.len()));
        let public = |(name, _): &(&str, usize)| !name.starts_with(['_', '@']) && !name.ends_with('!');
        let name = |(name, arity)| format!("{name}/{arity}");
        defined.chain(native).filter(public).map(name).collect::<BTreeSet<_>>().into_iter().collect()
    })
}

/// Turns errors into messages.
struct ErrorTexts<'a> {
    name: &'a str,
    source: &'a str,
    /// Paths and texts of the modules.
    files: &'a [(PathBuf, &'a str)],
}

impl ErrorTexts<'_> {
    fn undefined(&self, error: Option<(&str, Undefined)>, variables: &[&str]) -> Failure {
        let Some((name, kind)) = error else { return self.fail("it cannot be compiled", "") };
        match kind {
            Undefined::Filter(_) if name.starts_with('@') => {
                self.fail(&format!("unknown format `{name}`"), name)
            }
            Undefined::Filter(arity) => {
                let failure = self.fail(&format!("unknown filter `{name}/{arity}`"), name);
                hint(failure, name, known().iter().map(String::as_str))
            }
            Undefined::Var => {
                let failure = self.fail(&format!("unknown variable `{name}`"), name);
                hint(failure, name, variables.iter().copied())
            }
            Undefined::Label => self.fail(&format!("`break {name}` is not within `label {name}`"), name),
            Undefined::Mod => {
                self.fail(&format!("unknown filter `{name}`: its module is not imported"), name)
            }
            _ => self.fail(&format!("unknown {} `{name}`", kind.as_str()), name),
        }
    }

    /// The text that a place is in, and where it begins there.
    fn locate(&self, place: &str) -> (Option<&PathBuf>, &str, usize) {
        let start_in = |text: &str| {
            let start = (place.as_ptr() as usize).wrapping_sub(text.as_ptr() as usize);
            let inside = start.saturating_add(place.len()) <= text.len() && text.is_char_boundary(start);
            inside.then_some(start)
        };
        if let Some(start) = start_in(self.source) {
            return (None, self.source, start);
        }
        let file = self.files.iter().find_map(|(path, text)| Some((Some(path), *text, start_in(text)?)));
        file.unwrap_or((None, self.source, self.source.len()))
    }

    /// `place` is a part of the source or of a module; its first line is underlined.
    fn fail(&self, what: &str, place: &str) -> Failure {
        let (file, source, start) = self.locate(place);
        let start = if place.is_empty() { source[..start].trim_end().len() } else { start };
        let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
        let number = source[..start].matches('\n').count() + 1;
        let line = source[line_start..].lines().next().unwrap_or_default();
        let before = &source[line_start..start];
        let carets = place.lines().next().unwrap_or_default().chars().map(width).sum::<usize>().max(1);
        let pad: String = before.chars().map(|c| if c == '\t' { "\t" } else { &"  "[..width(c)] }).collect();
        let several = source.trim_end().contains('\n');
        let (gutter, blank) = if several {
            let gutter = format!("{number} | ");
            let blank = format!("{}| ", " ".repeat(gutter.len() - 2));
            (gutter, blank)
        } else {
            ("  ".to_owned(), "  ".to_owned())
        };
        let column = before.chars().count() + 1;
        let at = if several { format!("line {number}, column {column}") } else { format!("column {column}") };
        let file = file.map(|file| format!("{}: ", file.display())).unwrap_or_default();
        let what = format!("{} does not compile: {file}{what} ({at})", self.name);
        Failure::new(Exit::FilterCompile, what)
            .details(vec![format!("{gutter}{line}"), format!("{blank}{pad}{}", "^".repeat(carets))])
    }
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
