//! Where jq and the engine mean different things by a term, it is replaced by one that means to the engine what
//! jq means by it.
//!
//! - Updates collect the paths of their left side, as jq does, so that everything which has paths can be
//!   updated and removed; the engine's own way knows neither `first(f)` nor `try`, and makes what it removes.
//! - The right operand of an operator runs through its outputs in the outer loop.
//! - `reduce` and `foreach` go on with the last output of their update, or with null.
//!
//! Where there is but one output anyway, the engine's terms are kept, since they are faster.

use std::collections::BTreeSet;

use jaq_core::load::Arena;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern};
use jaq_core::ops::Math;
use jaq_core::path::{Opt, Part, Path};

use super::regex;
use super::syntax::{Def, SyntaxError, Term};

/// Natives that stand for what has no name in jq. No program can write them.
pub(super) const UPDATE: &str = "update!";
pub(super) const ASSIGN: &str = "assign!";
pub(super) const LAST_OR_NULL: &str = "last_or_null!";

/// The names that a source can use besides the builtins: what it imports and, in a module, what it defines.
#[derive(Default)]
pub(super) struct Scope<'s> {
    /// The name in the source, the number of arguments, the name in the compiled program. Later ones win.
    pub(super) functions: Vec<(&'s str, usize, &'s str)>,
    /// Variables of imported data, and the global variables that hold it.
    pub(super) data: Vec<(&'s str, &'s str)>,
}

/// Rewrites terms and notes what they use.
pub(super) struct Desugar<'s> {
    arena: &'s Arena,
    pub(super) scope: Scope<'s>,
    /// Functions defined around the current term.
    local: Vec<(&'s str, usize)>,
    /// Every function that is called, and how many arguments it gets.
    pub(super) calls: BTreeSet<(&'s str, usize)>,
    /// Every variable that is named.
    pub(super) variables: BTreeSet<&'s str>,
    /// The first regular expression that is none.
    pub(super) refused: Option<SyntaxError<'s>>,
}

impl<'s> Desugar<'s> {
    pub(super) fn new(arena: &'s Arena, scope: Scope<'s>) -> Self {
        let (calls, variables) = (BTreeSet::new(), BTreeSet::new());
        Self { arena, scope, local: Vec::new(), calls, variables, refused: None }
    }

    /// A definition, whose own name is known to the caller.
    pub(super) fn def(&mut self, def: Def<'s>) -> Def<'s> {
        let visible = self.local.len();
        self.local.extend(def.args.iter().map(|arg| (arg.strip_prefix('$').unwrap_or(arg), 0)));
        let mut body = self.term(def.body);
        self.local.truncate(visible);
        // `def f($a): …` defines a filter `a` too.
        for arg in &def.args {
            if let Some(name) = arg.strip_prefix('$')
                && self.calls.contains(&(name, 0))
            {
                let alias = Def { name, args: Vec::new(), body: Term::Var(arg) };
                body = Term::Def(vec![alias], Box::new(body));
            }
        }
        Def { body, ..def }
    }

    fn boxed(&mut self, mut term: Box<Term<'s>>) -> Box<Term<'s>> {
        *term = self.term(std::mem::take(&mut *term));
        term
    }

    pub(super) fn term(&mut self, term: Term<'s>) -> Term<'s> {
        match term {
            Term::Id | Term::Recurse | Term::Break(_) | Term::Arr(None) => term,
            Term::Num(digits) => Term::Num(self.number(digits)),
            Term::Var(name) => {
                self.variables.insert(name);
                term
            }
            Term::Str(format, parts) => self.text(format, parts),
            Term::Arr(Some(items)) => Term::Arr(Some(self.boxed(items))),
            Term::Neg(inner) => Term::Neg(self.boxed(inner)),
            Term::Obj(entries) => {
                let entry = |(key, value): (_, Option<_>)| {
                    let key = self.term(key);
                    (key, value.map(|value| self.term(value)))
                };
                Term::Obj(entries.into_iter().map(entry).collect())
            }
            Term::BinOp(left, operator, right) => self.binary(left, operator, right),
            Term::Label(name, body) => Term::Label(name, self.boxed(body)),
            Term::Fold(name, source, pattern, args) => self.fold(name, source, pattern, args),
            Term::TryCatch(body, catch) => {
                Term::TryCatch(self.boxed(body), catch.map(|catch| self.boxed(catch)))
            }
            Term::IfThenElse(branches, otherwise) => {
                let branch = |(condition, then)| (self.term(condition), self.term(then));
                let branches = branches.into_iter().map(branch).collect();
                Term::IfThenElse(branches, otherwise.map(|term| self.boxed(term)))
            }
            Term::Def(defs, body) => {
                let visible = self.local.len();
                let mut done = Vec::with_capacity(defs.len());
                for def in defs {
                    self.local.push((def.name, def.args.len()));
                    done.push(self.def(def));
                }
                let body = self.boxed(body);
                self.local.truncate(visible);
                Term::Def(done, body)
            }
            Term::Call(name, args) => self.call(name, args),
            Term::Path(from, path) => self.path(*from, path.0),
        }
    }

    /// `.5` and `1.` are numbers in jq, but not in JSON.
    fn number(&self, digits: &'s str) -> &'s str {
        let (whole, rest) = digits.split_once('.').unwrap_or((digits, "0"));
        let fraction = rest.find(['e', 'E']).unwrap_or(rest.len());
        match (whole, fraction) {
            (_, 0) => self.arena.alloc(format!("{whole}{rest}")),
            ("", _) => self.arena.alloc(format!("0.{rest}")),
            _ => digits,
        }
    }

    /// Several computed parts of a string with several outputs each come in jq's order.
    fn text(&mut self, format: Option<&'s str>, parts: Vec<StrPart<&'s str, Term<'s>>>) -> Term<'s> {
        if let Some(format) = format {
            self.calls.insert((format, 0));
        }
        let mut many = 0;
        let part = |part| match part {
            StrPart::Term(term) => {
                let term = self.term(term);
                many += usize::from(!outputs(&term).at_most_one());
                StrPart::Term(term)
            }
            plain => plain,
        };
        let parts: Vec<_> = parts.into_iter().map(part).collect();
        if many < 2 {
            return Term::Str(format, parts);
        }
        let parts = parts.into_iter().map(|part| Term::Str(format, vec![part]));
        parts.reduce(|left, right| self.ordered(left, BinaryOp::Math(Math::Add), right)).unwrap_or_default()
    }

    fn binary(&mut self, left: Box<Term<'s>>, operator: BinaryOp<&'s str>, right: Box<Term<'s>>) -> Term<'s> {
        let left = self.boxed(left);
        if let BinaryOp::Pipe(Some(pattern)) = operator {
            let pattern = self.pattern(pattern);
            return Term::BinOp(left, BinaryOp::Pipe(Some(pattern)), self.boxed(right));
        }
        let right = self.boxed(right);
        match operator {
            BinaryOp::Math(_) | BinaryOp::Cmp(_) => self.ordered(*left, operator, *right),
            BinaryOp::Update => {
                if is_plain_path(&left) && outputs(&right) == Outputs::One {
                    return Term::BinOp(left, operator, right);
                }
                Term::Call(UPDATE, vec![*left, *right])
            }
            BinaryOp::Assign if !is_plain_path(&left) => Term::Call(ASSIGN, vec![*left, *right]),
            BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt if !is_plain_path(&left) => {
                let operator = if let BinaryOp::UpdateMath(math) = operator {
                    BinaryOp::Math(math)
                } else {
                    BinaryOp::Alt
                };
                let change = Term::BinOp(Box::new(Term::Id), operator, Box::new(Term::Var("$operand!")));
                bound(*right, "$operand!", Term::Call(UPDATE, vec![*left, change]))
            }
            _ => Term::BinOp(left, operator, right),
        }
    }

    /// An operator on two values. The right one runs in the outer loop.
    fn ordered(&self, left: Term<'s>, operator: BinaryOp<&'s str>, right: Term<'s>) -> Term<'s> {
        if outputs(&left).at_most_one() || outputs(&right).at_most_one() {
            return Term::BinOp(Box::new(left), operator, Box::new(right));
        }
        let term = Term::BinOp(Box::new(left), operator, Box::new(Term::Var("$right!")));
        bound(right, "$right!", term)
    }

    fn pattern(&mut self, pattern: Pattern<&'s str>) -> Pattern<&'s str> {
        match pattern {
            Pattern::Var(_) => pattern,
            Pattern::Arr(items) => Pattern::Arr(items.into_iter().map(|item| self.pattern(item)).collect()),
            Pattern::Obj(entries) => {
                let entry = |(key, value)| (self.term(key), self.pattern(value));
                Pattern::Obj(entries.into_iter().map(entry).collect())
            }
        }
    }

    fn fold(
        &mut self,
        name: &'s str,
        source: Box<Term<'s>>,
        pattern: Pattern<&'s str>,
        args: Vec<Term<'s>>,
    ) -> Term<'s> {
        let source = self.boxed(source);
        let pattern = self.pattern(pattern);
        let mut args: Vec<_> = args.into_iter().map(|arg| self.term(arg)).collect();
        if outputs(&args[1]) == Outputs::One {
            return Term::Fold(name, source, pattern, args);
        }
        if name == "reduce" {
            args[1] = Term::Call(LAST_OR_NULL, vec![std::mem::take(&mut args[1])]);
        } else if !breaks(&args[1]) {
            // The state is the list of what the update gave; the last of it goes on.
            let array = |term| Term::Arr(Some(Box::new(term)));
            let last = Term::Path(
                Box::new(Term::Id),
                Path(vec![(Part::Index(Term::Neg(Box::new(Term::Num("1")))), Opt::Essential)]),
            );
            let each = Term::Path(Box::new(Term::Id), Path(vec![(Part::Range(None, None), Opt::Essential)]));
            let project = args.get_mut(2).map(std::mem::take);
            let (init, update) = (std::mem::take(&mut args[0]), std::mem::take(&mut args[1]));
            let project = project.map_or(each.clone(), |project| pipe(each, project));
            args = vec![pipe(init, array(Term::Id)), pipe(last, array(update)), project];
        }
        Term::Fold(name, source, pattern, args)
    }

    fn call(&mut self, name: &'s str, args: Vec<Term<'s>>) -> Term<'s> {
        let arity = args.len();
        let local = self.local.contains(&(name, arity));
        let known = if local { None } else { self.imported(name, arity) };
        let name = known.unwrap_or(name);
        if !local && known.is_none() {
            self.check_pattern(name, &args);
        }
        self.calls.insert((name, arity));
        let args: Vec<_> = args.into_iter().map(|arg| self.term(arg)).collect();
        if !local && known.is_none() && LAST_FIRST.contains(&(name, arity)) {
            return self.last_first(name, args);
        }
        Term::Call(name, args)
    }

    fn imported(&self, name: &str, arity: usize) -> Option<&'s str> {
        let mut functions = self.scope.functions.iter().rev();
        functions.find(|(known, args, _)| *known == name && *args == arity).map(|(_, _, compiled)| *compiled)
    }

    /// Of a builtin that jq has in C, the last argument runs in the outer loop.
    fn last_first(&self, name: &'s str, mut args: Vec<Term<'s>>) -> Term<'s> {
        if args.iter().filter(|arg| !outputs(arg).at_most_one()).count() < 2 {
            return Term::Call(name, args);
        }
        let names = ["$argument!1", "$argument!2", "$argument!3"];
        let names = &names[..args.len().min(names.len())];
        let late: Vec<_> = args.drain(1..).collect();
        args.extend(names[1..].iter().map(|name| Term::Var(name)));
        let late = late.into_iter().zip(&names[1..]);
        late.fold(Term::Call(name, args), |term, (arg, name)| bound(arg, name, term))
    }

    /// An index with several outputs runs in the outer loop of what it is an index of.
    fn path(&mut self, from: Term<'s>, steps: Vec<(Part<Term<'s>>, Opt)>) -> Term<'s> {
        let mut from = self.term(from);
        let mut steps_done = Vec::with_capacity(steps.len());
        let mut single = outputs(&from).at_most_one();
        for (part, opt) in steps {
            match part {
                Part::Index(index) => {
                    let index = self.term(index);
                    let one = outputs(&index).at_most_one();
                    if single || one {
                        steps_done.push((Part::Index(index), opt));
                    } else {
                        let before = with_steps(from, std::mem::take(&mut steps_done));
                        let step = vec![(Part::Index(Term::Var("$index!")), opt)];
                        from = bound(index, "$index!", with_steps(before, step));
                    }
                    single &= one;
                }
                Part::Range(start, end) => {
                    let start = start.map(|start| self.term(start));
                    let end = end.map(|end| self.term(end));
                    let bounds = [&start, &end];
                    single &= bounds.iter().any(|bound| bound.is_some())
                        && bounds
                            .iter()
                            .all(|bound| bound.as_ref().is_none_or(|term| outputs(term).at_most_one()));
                    steps_done.push((Part::Range(start, end), opt));
                }
            }
        }
        with_steps(from, steps_done)
    }

    /// A regular expression that stands in the program is compiled with it, and stays compiled.
    fn check_pattern(&mut self, name: &str, args: &[Term<'s>]) {
        let (pattern, flags) = match (name, args) {
            ("test" | "match" | "capture" | "scan" | "splits", [pattern]) => match pattern {
                Term::Arr(Some(list)) => match &**list {
                    Term::BinOp(pattern, BinaryOp::Comma, flags) => (&**pattern, Some(&**flags)),
                    pattern => (pattern, None),
                },
                pattern => (pattern, None),
            },
            ("test" | "match" | "capture" | "scan" | "splits" | "split", [pattern, flags]) => {
                (pattern, Some(flags))
            }
            ("sub" | "gsub", [pattern, _]) => (pattern, None),
            ("sub" | "gsub", [pattern, _, flags]) => (pattern, Some(flags)),
            _ => return,
        };
        let null = |term: &Term<'_>| matches!(term, Term::Call("null", args) if args.is_empty());
        let flags = match flags {
            Some(flags) if !null(flags) => literal(flags),
            _ => Some((String::new(), "")),
        };
        let (Some((pattern, place)), Some((flags, _))) = (literal(pattern), flags) else { return };
        if let Err(what) = regex::compile(&pattern, &flags)
            && self.refused.is_none()
        {
            self.refused = Some(SyntaxError { what, place });
        }
    }
}

/// Builtins that jq has in C and that take several values.
const LAST_FIRST: &[(&str, usize)] = &[
    ("setpath", 2),
    ("pow", 2),
    ("atan2", 2),
    ("fmin", 2),
    ("fmax", 2),
    ("fmod", 2),
    ("fdim", 2),
    ("copysign", 2),
    ("drem", 2),
    ("ldexp", 2),
    ("scalb", 2),
    ("scalbln", 2),
    ("nextafter", 2),
    ("nexttoward", 2),
    ("fma", 3),
];

/// How many outputs a term can have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Outputs {
    /// One, or an error.
    One,
    /// One or none.
    Perhaps,
    Many,
}

impl Outputs {
    fn at_most_one(self) -> bool {
        self != Self::Many
    }
}

fn most<'a, 's: 'a>(terms: impl IntoIterator<Item = &'a Term<'s>>) -> Outputs {
    terms.into_iter().map(outputs).max().unwrap_or(Outputs::One)
}

fn outputs(term: &Term<'_>) -> Outputs {
    match term {
        Term::Id | Term::Num(_) | Term::Arr(_) | Term::Var(_) => Outputs::One,
        Term::Recurse | Term::Label(..) => Outputs::Many,
        Term::Break(_) => Outputs::Perhaps,
        Term::Str(_, parts) => most(parts.iter().filter_map(|part| match part {
            StrPart::Term(term) => Some(term),
            _ => None,
        })),
        Term::Obj(entries) => most(entries.iter().flat_map(|(key, value)| std::iter::once(key).chain(value))),
        Term::Neg(inner) => outputs(inner),
        Term::BinOp(left, operator, right) => match operator {
            BinaryOp::Comma => Outputs::Many,
            BinaryOp::Update => Outputs::One,
            BinaryOp::Assign | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt => outputs(right),
            BinaryOp::Alt if outputs(left).at_most_one() => outputs(right),
            _ => outputs(left).max(outputs(right)),
        },
        Term::Fold(name, _, _, args) if *name == "reduce" => outputs(&args[0]),
        Term::Fold(..) => Outputs::Many,
        Term::TryCatch(body, catch) => {
            let catch = catch.as_deref().map_or(Outputs::Perhaps, outputs);
            outputs(body).max(catch)
        }
        Term::IfThenElse(branches, otherwise) => {
            let branches = branches.iter().flat_map(|(condition, then)| [condition, then]);
            most(branches.chain(otherwise.as_deref()))
        }
        Term::Def(_, body) => outputs(body),
        Term::Call(name, args) => match (*name, &args[..]) {
            (UPDATE, _) => Outputs::One,
            (ASSIGN, [_, value]) => outputs(value),
            ("empty", []) => Outputs::Perhaps,
            ("select", [condition]) => outputs(condition).max(Outputs::Perhaps),
            (name, []) if SINGLE.contains(&name) || name.starts_with('@') => Outputs::One,
            (name, args) if SINGLE_WITH_VALUES.contains(&name) => most(args),
            (name, [_]) if SINGLE_WITH_FILTER.contains(&name) => Outputs::One,
            _ => Outputs::Many,
        },
        Term::Path(from, path) => {
            let step = |(part, opt): &(Part<Term<'_>>, Opt)| {
                let outputs = match part {
                    Part::Range(None, None) => Outputs::Many,
                    Part::Range(start, end) => most(start.iter().chain(end)),
                    Part::Index(index) => outputs(index),
                };
                if let Opt::Optional = opt { outputs.max(Outputs::Perhaps) } else { outputs }
            };
            path.0.iter().map(step).fold(outputs(from), Outputs::max)
        }
    }
}

/// Builtins without arguments that have one output. A program may define these names anew, so nothing may
/// depend on this but the order of outputs and how states go on.
const SINGLE: &[&str] = &[
    "abs",
    "add",
    "all",
    "any",
    "ascii_downcase",
    "ascii_upcase",
    "ceil",
    "error",
    "explode",
    "false",
    "first",
    "flatten",
    "floor",
    "from_entries",
    "fromjson",
    "implode",
    "keys",
    "keys_unsorted",
    "last",
    "length",
    "ltrim",
    "max",
    "min",
    "not",
    "now",
    "null",
    "reverse",
    "round",
    "rtrim",
    "sort",
    "sqrt",
    "to_entries",
    "tojson",
    "tonumber",
    "tostring",
    "transpose",
    "trim",
    "true",
    "type",
    "unique",
    "utf8bytelength",
];
/// Those whose arguments are values.
const SINGLE_WITH_VALUES: &[&str] = &[
    "contains",
    "endswith",
    "has",
    "index",
    "indices",
    "inside",
    "join",
    "ltrimstr",
    "pow",
    "rindex",
    "rtrimstr",
    "setpath",
    "split",
    "startswith",
    "test",
    "trimstr",
];
/// Those whose one argument may have any number of outputs.
const SINGLE_WITH_FILTER: &[&str] = &[
    "del",
    "group_by",
    "map",
    "map_values",
    "max_by",
    "min_by",
    "pick",
    "sort_by",
    "unique_by",
    "walk",
    "with_entries",
    "isempty",
    "add",
    "any",
    "all",
];

/// Steps from the input, each to one place or to all of them: what the engine can update in one go.
fn is_plain_path(term: &Term<'_>) -> bool {
    match term {
        Term::Id => true,
        Term::BinOp(left, BinaryOp::Pipe(None), right) => is_plain_path(left) && is_plain_path(right),
        Term::Path(from, path) => {
            is_plain_path(from)
                && path.0.iter().all(|(part, _)| match part {
                    Part::Range(None, None) => true,
                    Part::Index(index) => {
                        matches!(index, Term::Str(..) | Term::Num(_)) && outputs(index) == Outputs::One
                    }
                    Part::Range(..) => false,
                })
        }
        _ => false,
    }
}

/// Does a term break out to a label?
fn breaks(term: &Term<'_>) -> bool {
    match term {
        Term::Break(_) => true,
        Term::Id | Term::Recurse | Term::Num(_) | Term::Var(_) => false,
        Term::Str(_, parts) => {
            parts.iter().any(|part| if let StrPart::Term(term) = part { breaks(term) } else { false })
        }
        Term::Arr(items) => items.as_deref().is_some_and(breaks),
        Term::Obj(entries) => {
            entries.iter().any(|(key, value)| breaks(key) || value.as_ref().is_some_and(breaks))
        }
        Term::Neg(inner) | Term::Label(_, inner) => breaks(inner),
        Term::BinOp(left, _, right) => breaks(left) || breaks(right),
        Term::Fold(_, source, _, args) => breaks(source) || args.iter().any(breaks),
        Term::TryCatch(body, catch) => breaks(body) || catch.as_deref().is_some_and(breaks),
        Term::IfThenElse(branches, otherwise) => {
            branches.iter().any(|(condition, then)| breaks(condition) || breaks(then))
                || otherwise.as_deref().is_some_and(breaks)
        }
        Term::Def(defs, body) => defs.iter().any(|def| breaks(&def.body)) || breaks(body),
        Term::Call(_, args) => args.iter().any(breaks),
        Term::Path(from, _) => breaks(from),
    }
}

/// The text of a string without anything computed in it, and where it stands.
fn literal<'s>(term: &Term<'s>) -> Option<(String, &'s str)> {
    let Term::Str(None, parts) = term else { return None };
    let (mut text, mut place) = (String::new(), "");
    for part in parts {
        match part {
            StrPart::Str(plain) => {
                text.push_str(plain);
                place = if place.is_empty() { plain } else { place };
            }
            StrPart::Char(c) => text.push(*c),
            StrPart::Term(_) => return None,
        }
    }
    Some((text, place))
}

fn pipe<'s>(left: Term<'s>, right: Term<'s>) -> Term<'s> {
    Term::BinOp(Box::new(left), BinaryOp::Pipe(None), Box::new(right))
}

/// `value as $name | term`.
fn bound<'s>(value: Term<'s>, name: &'s str, term: Term<'s>) -> Term<'s> {
    Term::BinOp(Box::new(value), BinaryOp::Pipe(Some(Pattern::Var(name))), Box::new(term))
}

fn with_steps<'s>(from: Term<'s>, steps: Vec<(Part<Term<'s>>, Opt)>) -> Term<'s> {
    if steps.is_empty() { from } else { Term::Path(Box::new(from), Path(steps)) }
}
