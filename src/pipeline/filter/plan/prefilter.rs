//! Rules messages out before they are parsed as a whole.

use jaq_core::ValT as _;
use jaq_core::ops::Cmp;
use memchr::memmem::Finder;

use super::super::read;
use super::super::value::Val;
use super::parts::selects;
use super::{Node, Op, OutputCount, PathStep, Reads, RunContext, StepKind, reads};

/// The condition of a leading `select`, which a message has to meet before the rest of the program runs.
#[derive(Debug)]
pub(super) struct Prefilter {
    /// The fields that the condition reads.
    reads: Reads,
    /// True if reading these fields first pays, since the rest of the program reads the whole message.
    alone: bool,
    /// The condition cannot hold unless the message contains one of these texts, or a backslash.
    literals: Vec<Finder<'static>>,
}

impl Prefilter {
    pub(super) fn of(node: &Node, reads: &Reads) -> Option<Self> {
        let condition = leading(node)?;
        if condition.outputs == OutputCount::Many || !condition.is_pure() {
            return None;
        }
        let read = reads::of_condition(condition);
        let literals = literals(condition).unwrap_or_default();
        let alone = reads.is_everything() && !read.is_everything();
        (alone || !literals.is_empty()).then_some(Self { reads: read, alone, literals })
    }

    /// Returns true only if the program has neither an output nor an error for this message.
    pub(super) fn rules_out(&self, node: &Node, run: &RunContext<'_>, text: &str) -> bool {
        if self.cannot_hold(text) {
            return true;
        }
        if !self.alone {
            return false;
        }
        let (Some(condition), Ok(message)) = (leading(node), read::parts(text, &self.reads)) else {
            return false;
        };
        condition.first(run, &message).is_ok_and(|output| !output.is_some_and(|output| output.as_bool()))
    }

    /// An object that contains no literal, and no escape that could spell one, cannot meet the condition. The object is
    /// not checked to be valid JSON.
    fn cannot_hold(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        !self.literals.is_empty()
            && bytes.first() == Some(&b'{')
            && bytes.last() == Some(&b'}')
            && !self.literals.iter().any(|literal| literal.find(bytes).is_some())
            && memchr::memchr(b'\\', bytes).is_none()
    }
}

/// The condition of the `select` that a plan begins with.
fn leading(node: &Node) -> Option<&Node> {
    match &node.op {
        Op::Pipe(left, _) => leading(left),
        _ => selects(node),
    }
}

/// Texts of which an object has to contain one for the condition to be true; `None` if there are none, or if the
/// condition may fail.
fn literals(condition: &Node) -> Option<Vec<Finder<'static>>> {
    match &condition.op {
        Op::Compare(left, Cmp::Eq, right) => match (&left.op, &right.op) {
            (Op::Constant(Val::Str(literal)), other) | (other, Op::Constant(Val::Str(literal)))
                if is_field(other) =>
            {
                let mut quoted = Vec::new();
                crate::json::write_string(literal, &mut quoted);
                Some(vec![Finder::new(&quoted).into_owned()])
            }
            _ => None,
        },
        Op::Logic(left, true, right) => {
            let mut either = literals(left)?;
            either.extend(literals(right)?);
            Some(either)
        }
        // The right operand is evaluated only if the left one holds.
        Op::Logic(left, false, _) => literals(left),
        _ => None,
    }
}

/// A field of the message itself. Reading it from an object never fails.
fn is_field(op: &Op) -> bool {
    match op {
        Op::Path(from, steps) => {
            matches!(from.op, Op::Input) && matches!(&**steps, [PathStep { access: StepKind::Field(_), .. }])
        }
        _ => false,
    }
}
