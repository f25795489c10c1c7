//! Takes terms apart.

use std::sync::Arc;

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern};
use jaq_core::path;

use super::super::syntax::Term;
use super::super::value::Val;

/// The path of each variable in a pattern; `None` if a path has to be computed.
pub(super) fn places<'t>(
    pattern: &'t Pattern<&'t str>,
    place: &mut Vec<Val>,
    found: &mut Vec<(Vec<Val>, &'t str)>,
) -> Option<()> {
    match pattern {
        Pattern::Var(name) => found.push((place.clone(), name)),
        Pattern::Arr(items) => {
            for (at, item) in items.iter().enumerate() {
                place.push(Val::from(at));
                places(item, place, found)?;
                place.pop();
            }
        }
        Pattern::Obj(fields) => {
            for (key, value) in fields {
                let Term::Str(None, parts) = key else { return None };
                place.push(Val::Str(plain(parts)?));
                places(value, place, found)?;
                place.pop();
            }
        }
    }
    Some(())
}

/// The text of a string without interpolation.
pub(in super::super) fn plain(parts: &[StrPart<&str, Term<'_>>]) -> Option<Arc<str>> {
    let mut text = String::new();
    for part in parts {
        match part {
            StrPart::Str(plain) => text.push_str(plain),
            StrPart::Char(c) => text.push(*c),
            StrPart::Term(_) => return None,
        }
    }
    Some(text.into())
}

/// Calls `f` with every direct part of a term.
fn parts<'t>(term: &'t Term<'t>, f: &mut dyn FnMut(&'t Term<'t>)) {
    match term {
        Term::Id | Term::Recurse | Term::Num(_) | Term::Break(_) | Term::Var(_) | Term::Arr(None) => {}
        Term::Str(_, parts) => {
            for part in parts {
                if let StrPart::Term(part) = part {
                    f(part);
                }
            }
        }
        Term::Arr(Some(part)) | Term::Neg(part) | Term::Label(_, part) => f(part),
        Term::Obj(fields) => fields.iter().for_each(|(key, value)| {
            f(key);
            value.iter().for_each(&mut *f);
        }),
        Term::BinOp(left, operator, right) => {
            f(left);
            if let BinaryOp::Pipe(Some(pattern)) = operator {
                pattern_parts(pattern, f);
            }
            f(right);
        }
        Term::Fold(_, source, pattern, rest) => {
            f(source);
            pattern_parts(pattern, f);
            rest.iter().for_each(f);
        }
        Term::TryCatch(body, handler) => {
            f(body);
            handler.iter().for_each(|part| f(part));
        }
        Term::IfThenElse(branches, otherwise) => {
            branches.iter().for_each(|(condition, then)| {
                f(condition);
                f(then);
            });
            otherwise.iter().for_each(|part| f(part));
        }
        Term::Def(defs, body) => {
            defs.iter().for_each(|def| f(&def.body));
            f(body);
        }
        Term::Call(_, arguments) => arguments.iter().for_each(f),
        Term::Path(from, path) => {
            f(from);
            for (part, _) in &path.0 {
                match part {
                    path::Part::Index(index) => f(index),
                    path::Part::Range(start, end) => start.iter().chain(end).for_each(&mut *f),
                }
            }
        }
    }
}

fn pattern_parts<'t>(pattern: &'t Pattern<&'t str>, f: &mut dyn FnMut(&'t Term<'t>)) {
    match pattern {
        Pattern::Var(_) => {}
        Pattern::Arr(items) => items.iter().for_each(|item| pattern_parts(item, f)),
        Pattern::Obj(fields) => fields.iter().for_each(|(key, value)| {
            f(key);
            pattern_parts(value, f);
        }),
    }
}

/// The variables that a term names.
pub(super) fn free<'t>(term: &'t Term<'t>, found: &mut dyn FnMut(&'t str)) {
    if let Term::Var(name) = term {
        found(name);
    }
    if let Term::Obj(fields) = term {
        for (key, _) in fields {
            if let Term::Var(name) = key {
                found(name);
            }
        }
    }
    parts(term, &mut |part| free(part, found));
}
