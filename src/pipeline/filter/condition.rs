//! Decides simple conditions, such as `.a.b == "x"`, without running jq.
//!
//! Most conditions of dialects are of this kind, or begin like this. To look at the field costs a small part of running
//! the program.

use std::sync::Arc;

use jaq_core::ValT as _;
use jaq_core::load::Arena;
use jaq_core::load::parse::BinaryOp;
use jaq_core::ops::Cmp;
use jaq_core::path::{Opt, Part};

use super::syntax::{self, Term};
use super::value::Val;
use super::{SHALLOW, Value, plan, read};

/// What a condition asks first: of which kind a part of the message is, that it has a value, or that it is neither `null`
/// nor `false`.
#[derive(Clone, Debug)]
pub struct FieldTest {
    path: Vec<FieldStep>,
    expected: ExpectedValue,
    /// The condition asks for nothing else.
    decides_all: bool,
}

#[derive(Clone, Debug)]
enum FieldStep {
    Field(Arc<str>),
    Item(usize),
}

#[derive(Clone, Debug)]
enum ExpectedValue {
    Truth,
    Value(Val),
    Kind(String),
}

impl FieldTest {
    /// What the program asks first; `None` if its syntax does not show it.
    #[must_use]
    pub fn of(source: &str) -> Option<Self> {
        // To parse is to recurse as deep as a program nests.
        if source.len() > SHALLOW {
            return None;
        }
        let arena = Arena::default();
        let parsed = syntax::parse(source, "", &arena).ok()?;
        if !parsed.imports.is_empty() || !parsed.defs.is_empty() {
            return None;
        }
        Self::of_term(&parsed.body?)
    }

    fn of_term(term: &Term<'_>) -> Option<Self> {
        match term {
            Term::BinOp(left, BinaryOp::And, _) => Some(Self { decides_all: false, ..Self::of_term(left)? }),
            Term::BinOp(left, BinaryOp::Cmp(Cmp::Eq), right) => {
                let (path, expected) = match (&**left, constant(right)?) {
                    (Term::Call("type", arguments), Val::Str(kind)) if arguments.is_empty() => {
                        (Vec::new(), ExpectedValue::Kind((*kind).to_owned()))
                    }
                    (left, value) => (steps(left)?, ExpectedValue::Value(value)),
                };
                Some(Self { path, expected, decides_all: true })
            }
            term => Some(Self { path: steps(term)?, expected: ExpectedValue::Truth, decides_all: true }),
        }
    }

    /// Whether the condition holds for a message; `None` if what it asks first does not decide it.
    #[must_use]
    pub fn decides(&self, message: &Value) -> Option<bool> {
        let mut at = &message.0;
        for step in &self.path {
            at = match (at, step) {
                (Val::Obj(fields), FieldStep::Field(name)) => fields.get(name).unwrap_or(&Val::Null),
                (Val::Arr(items), FieldStep::Item(item)) => items.get(*item).unwrap_or(&Val::Null),
                // Nothing is in `null`, and to look into anything else is an error.
                (Val::Null, _) => at,
                _ => return None,
            }
        }
        let holds = match &self.expected {
            ExpectedValue::Truth => at.as_bool(),
            ExpectedValue::Value(expected) => at == expected,
            ExpectedValue::Kind(kind) => at.kind() == kind,
        };
        (self.decides_all || !holds).then_some(holds)
    }
}

/// The steps of `.a[0].b`.
fn steps(term: &Term<'_>) -> Option<Vec<FieldStep>> {
    let (from, path) = match term {
        Term::Id => return Some(Vec::new()),
        Term::Path(from, path) => (from, path),
        _ => return None,
    };
    let mut found = steps(from)?;
    for (part, opt) in &path.0 {
        found.push(match (part, opt) {
            (Part::Index(Term::Str(None, parts)), Opt::Essential) => FieldStep::Field(plan::plain(parts)?),
            (Part::Index(Term::Num(number)), Opt::Essential) => FieldStep::Item(number.parse().ok()?),
            _ => return None,
        });
    }
    Some(found)
}

/// A string or a number.
fn constant(term: &Term<'_>) -> Option<Val> {
    match term {
        Term::Str(None, parts) => Some(Val::Str(plan::plain(parts)?)),
        Term::Num(number) => Some(Val::Num(read::literal(number))),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;

    use super::super::{Program, Vars};
    use super::*;

    const MESSAGES: [&str; 17] = [
        "null",
        "1",
        "[]",
        r#"["x"]"#,
        "\"x\"",
        "{}",
        r#"{"a":"x"}"#,
        r#"{"a":"y"}"#,
        r#"{"a":null}"#,
        r#"{"a":false,"b":1}"#,
        r#"{"a":"x","b":1}"#,
        r#"{"a":7}"#,
        r#"{"a":7.0,"b":null}"#,
        r#"{"a":{"b":"x"}}"#,
        r#"{"a":{"b":false},"b":"x"}"#,
        r#"{"a":["x"]}"#,
        r#"{"a":"é\n\"","b":"x"}"#,
    ];

    #[test]
    fn a_field_decides_as_the_program_does() {
        let (mut decided, mut left) = (0, 0);
        for (source, known) in [
            (".a", true),
            (".a.b", true),
            (".a == \"x\"", true),
            (".a==7", true),
            (".\"a\" == \"x\"", true),
            (".a.b == \"x\"", true),
            (".a == \"\\u00e9\\n\\\"\"", true),
            ("(.a == \"x\") and .b", true),
            (".a and .b == 1 and .c", true),
            (".a == \"x\" and (.b or .c)", true),
            (".a == \"x\" or .b", false),
            (".a // .b", false),
            (".a == \"x\" | not", false),
            (".a == \"x\", .b", false),
            (".a?", false),
            (".[0] == \"x\"", true),
            (".a[0] == \"x\" and .b", true),
            (".[-1] == \"x\"", false),
            ("type == \"array\"", true),
            ("type == \"string\" and startswith(\"x\")", true),
            (".", true),
            (". == \"x\"", true),
            (".a | type == \"string\"", false),
            (".a == .b", false),
            (".a == \"\\(.b)\"", false),
            (".a != \"x\"", false),
            (".a = \"x\"", false),
            ("def f: .a; f", false),
        ] {
            let test = FieldTest::of(source);
            assert_eq!(test.is_some(), known, "{source}");
            let Some(test) = test else { continue };
            let program = Program::compile("x", source, &Vars::default()).unwrap();
            for message in MESSAGES {
                let value = Value::parse(message).unwrap();
                let mut holds = false;
                let end = program.run(&value, &mut |output| {
                    holds = output.is_truthy();
                    ControlFlow::Break(())
                });
                match test.decides(&value) {
                    Some(says) => {
                        assert_eq!(says, end.is_ok() && holds, "{source} of {message}");
                        decided += 1;
                    }
                    None => left += 1,
                }
            }
        }
        assert!(decided > left && left > 10, "{decided} {left}");
    }
}
