//! The commonest programs, run without the engine.
//!
//! Most filters pick messages by a field, and fields by their names. Such a program has no effects and at most
//! one output, and going over its terms takes a tenth of the time that the engine needs for its iterators of
//! iterators. Whatever is not known here, be it a term or a value that a term does not apply to (how errors are
//! worded is the engine's business), is left to the engine from the start: this is a short cut, not a dialect.

use std::borrow::Cow;
use std::sync::Arc;

use jaq_core::ValT as _;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Term};
use jaq_core::ops::Cmp;
use jaq_core::path::{Opt, Part};

use super::object::Object;
use super::value::Val;

/// A program, or a part of one, with at most one output.
pub(super) enum Quick {
    Input,
    Constant(Val),
    Field(Box<Quick>, Arc<str>),
    Object(Vec<(Arc<str>, Quick)>),
    Select(Box<Quick>),
    Not,
    Pipe(Box<Quick>, Box<Quick>),
    Alternative(Box<Quick>, Box<Quick>),
    Compare(Box<Quick>, Cmp, Box<Quick>),
    /// `and`, `or`; the truth that settles it without a look at the second.
    Logic(Box<Quick>, bool, Box<Quick>),
}

/// A longer program, in bytes, is none of the simple ones, and this bounds how deep its parts are in each other.
pub(super) const LONGEST: usize = 4096;

/// This one is for the engine.
#[derive(Debug)]
pub(super) struct Unknown;

impl Quick {
    /// The program, if all of it is known. `globals` are its variables.
    pub(super) fn compile(term: &Term<&str>, globals: &[(String, Val)]) -> Option<Self> {
        Self::of(term, globals)
    }

    fn of(term: &Term<&str>, globals: &[(String, Val)]) -> Option<Self> {
        let part = |term: &Term<&str>| Self::of(term, globals);
        let boxed = |term: &Term<&str>| part(term).map(Box::new);
        Some(match term {
            Term::Id => Self::Input,
            Term::Num(digits) => Self::Constant(Val::from_num(digits).ok()?),
            Term::Str(..) => Self::Constant(Val::Str(literal(term)?)),
            Term::Var(name) => Self::Constant(globals.iter().find(|(known, _)| known == name)?.1.clone()),
            // A program that defines a name of its own is not known, so these are the ones everybody means.
            Term::Call(name, arguments) => match (*name, &arguments[..]) {
                ("null", []) => Self::Constant(Val::Null),
                ("true", []) => Self::Constant(Val::Bool(true)),
                ("false", []) => Self::Constant(Val::Bool(false)),
                ("not", []) => Self::Not,
                ("select", [condition]) => Self::Select(boxed(condition)?),
                _ => return None,
            },
            Term::Path(from, path) => path.0.iter().try_fold(part(from)?, |from, step| match step {
                (Part::Index(key), Opt::Essential) => Some(Self::Field(Box::new(from), literal(key)?)),
                _ => None,
            })?,
            Term::Obj(fields) => {
                let field = |(key, value): &(_, Option<_>)| {
                    let key = literal(key)?;
                    let value = match value {
                        Some(value) => part(value)?,
                        None => Self::Field(Box::new(Self::Input), Arc::clone(&key)),
                    };
                    Some((key, value))
                };
                Self::Object(fields.iter().map(field).collect::<Option<_>>()?)
            }
            Term::BinOp(left, operator, right) => match operator {
                BinaryOp::Pipe(None) => Self::Pipe(boxed(left)?, boxed(right)?),
                BinaryOp::Alt => Self::Alternative(boxed(left)?, boxed(right)?),
                BinaryOp::Cmp(cmp) => Self::Compare(boxed(left)?, *cmp, boxed(right)?),
                BinaryOp::And => Self::Logic(boxed(left)?, false, boxed(right)?),
                BinaryOp::Or => Self::Logic(boxed(left)?, true, boxed(right)?),
                _ => return None,
            },
            _ => return None,
        })
    }

    /// The output, if there is one.
    pub(super) fn run<'v>(&'v self, input: &'v Val) -> Result<Option<Cow<'v, Val>>, Unknown> {
        // Where a part has no output, neither has the whole; all of jq's operators agree on that.
        macro_rules! output {
            ($part:expr, $input:expr) => {
                match $part.run($input)? {
                    Some(output) => output,
                    None => return Ok(None),
                }
            };
        }
        let truth = |truth| Cow::Owned(Val::Bool(truth));
        Ok(Some(match self {
            Self::Input => Cow::Borrowed(input),
            Self::Constant(value) => Cow::Borrowed(value),
            Self::Field(from, key) => match output!(from, input) {
                Cow::Borrowed(value) => field(value, key)?,
                Cow::Owned(value) => Cow::Owned(field(&value, key)?.into_owned()),
            },
            Self::Object(fields) => {
                let mut object = Object::default();
                for (key, value) in fields {
                    object.insert(Arc::clone(key), output!(value, input).into_owned());
                }
                Cow::Owned(Val::object(object))
            }
            Self::Select(condition) => {
                if !output!(condition, input).as_bool() {
                    return Ok(None);
                }
                Cow::Borrowed(input)
            }
            Self::Not => truth(!input.as_bool()),
            Self::Pipe(left, right) => match output!(left, input) {
                Cow::Borrowed(value) => output!(right, value),
                Cow::Owned(value) => Cow::Owned(output!(right, &value).into_owned()),
            },
            // No output counts as false here.
            Self::Alternative(left, right) => match left.run(input)? {
                Some(value) if value.as_bool() => value,
                _ => output!(right, input),
            },
            Self::Compare(left, cmp, right) => {
                truth(cmp.run(&*output!(left, input), &*output!(right, input)))
            }
            Self::Logic(left, settled, right) => {
                let left = output!(left, input).as_bool();
                truth(if left == *settled { left } else { output!(right, input).as_bool() })
            }
        }))
    }
}

fn field<'v>(value: &'v Val, key: &str) -> Result<Cow<'v, Val>, Unknown> {
    match value {
        Val::Obj(fields) => Ok(fields.get(key).map_or(Cow::Owned(Val::Null), Cow::Borrowed)),
        Val::Null => Ok(Cow::Owned(Val::Null)),
        _ => Err(Unknown),
    }
}

/// A string without anything computed in it.
fn literal(term: &Term<&str>) -> Option<Arc<str>> {
    let Term::Str(None, parts) = term else { return None };
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
