//! Constructors for the nodes of a plan. They fold constants and join paths.

use jaq_core::ValT as _;

use super::super::value::Val;
use super::{Node, Op, OutputCount, PathStep, StepKind};

pub(super) fn one(op: Op) -> Node {
    Node { op, outputs: OutputCount::One }
}

pub(super) fn many(op: Op) -> Node {
    Node { op, outputs: OutputCount::Many }
}

pub(super) fn constant(value: impl Into<Val>) -> Node {
    one(Op::Constant(value.into()))
}

/// The number of outputs of two operations, one run on the outputs of the other.
pub(super) fn both(a: &Node, b: &Node) -> OutputCount {
    a.outputs.max(b.outputs)
}

impl PathStep {
    /// Its index or bounds are constants.
    pub(super) fn is_fixed(&self) -> bool {
        let fixed = |node: &Option<Node>| node.as_ref().is_none_or(|node| matches!(node.op, Op::Constant(_)));
        match &self.access {
            StepKind::Field(_) | StepKind::Each => true,
            StepKind::Index(node) => matches!(node.op, Op::Constant(_)),
            StepKind::Slice(start, end) => fixed(start) && fixed(end),
        }
    }
}

pub(super) fn access(key: Val) -> StepKind {
    match key {
        Val::Str(name) => StepKind::Field(name),
        key => StepKind::Index(constant(key)),
    }
}

pub(super) fn empty() -> Node {
    Node { op: Op::Empty, outputs: OutputCount::AtMostOne }
}

pub(super) fn bound(source: Node, body: Node) -> Node {
    Node { outputs: both(&source, &body), op: Op::Bind(Box::new(source), Box::new(body)) }
}

pub(super) fn pipe(left: Node, right: Node) -> Node {
    if let Op::Path(from, next) = &right.op
        && let (Op::Path(..), Op::Input) = (&left.op, &from.op)
        && next.iter().all(PathStep::is_fixed)
    {
        return one_path(left, right);
    }
    match (&left.op, &right.op) {
        (Op::Input, _) => return right,
        (_, Op::Input) => return left,
        (Op::Constant(Val::Str(_)), Op::ToString) => return left,
        _ => {}
    }
    Node { outputs: both(&left, &right), op: Op::Pipe(Box::new(left), Box::new(right)) }
}

/// Joins two paths.
pub(super) fn one_path(left: Node, right: Node) -> Node {
    let outputs = both(&left, &right);
    let op = match (left.op, right.op) {
        (Op::Path(from, steps), Op::Path(_, next)) => {
            Op::Path(from, steps.into_vec().into_iter().chain(next).collect())
        }
        (left_op, right_op) => {
            let left = Node { op: left_op, outputs: left.outputs };
            Op::Pipe(Box::new(left), Box::new(Node { op: right_op, outputs: right.outputs }))
        }
    };
    Node { op, outputs }
}

pub(super) fn choice(condition: Node, then: Node, otherwise: Node) -> Node {
    match &condition.op {
        Op::Constant(value) if value.as_bool() => then,
        Op::Constant(_) => otherwise,
        _ => {
            let outputs = condition.outputs.max(both(&then, &otherwise));
            Node { op: Op::If(Box::new(condition), Box::new(then), Box::new(otherwise)), outputs }
        }
    }
}

/// Computes an operation on constants, unless it fails.
pub(super) fn folded(node: Node) -> Node {
    let value = match &node.op {
        Op::Math(left, math, right) => match (&left.op, &right.op) {
            (Op::Constant(left), Op::Constant(right)) => math.run(left.clone(), right.clone()).ok(),
            _ => None,
        },
        Op::Compare(left, cmp, right) => match (&left.op, &right.op) {
            (Op::Constant(left), Op::Constant(right)) => Some(Val::Bool(cmp.run(left, right))),
            _ => None,
        },
        _ => None,
    };
    value.map_or(node, constant)
}
