//! Finds the parts of a message that a program reads, from its paths.

use std::sync::Arc;

use super::super::value::Val;
use super::{Fold, Node, Op, PathStep, StepKind};

/// The parts of a value that a program can see. Only they are built.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reads {
    /// All of the value.
    all: bool,
    /// These fields of an object. A value of another type is built as a whole, for the error message.
    fields: Vec<(Arc<str>, Self)>,
    /// Its number among the parts that are kept apart, if it is one of them.
    part: Option<usize>,
}

impl Reads {
    /// The whole value.
    #[must_use]
    pub const fn everything() -> Self {
        Self { all: true, fields: Vec::new(), part: None }
    }

    pub(in super::super) fn is_everything(&self) -> bool {
        self.all
    }

    /// The number of fields, unless the whole value is read.
    pub(in super::super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The name of a field, and the parts of it that are read.
    pub(in super::super) fn field(&self, name: &str) -> Option<&(Arc<str>, Self)> {
        self.fields.iter().find(|(known, _)| **known == *name)
    }

    /// Adds what another program reads.
    pub fn add(&mut self, other: &Self) {
        self.all |= other.all;
        for (name, reads) in &other.fields {
            self.at(std::slice::from_ref(name)).add(reads);
        }
    }

    /// Makes the value at this path a part that is kept apart, as a whole or as far as it decides a condition. Returns
    /// its number; `count` is the number of parts.
    pub(super) fn keep_apart(&mut self, place: &[Arc<str>], whole: bool, count: &mut usize) -> usize {
        let reads = self.at(place);
        reads.all |= whole;
        *reads.part.get_or_insert_with(|| {
            *count += 1;
            *count - 1
        })
    }

    /// No part is read both as a whole and in parts.
    pub(super) fn is_apart(&self) -> bool {
        (!self.all || self.fields.is_empty()) && self.fields.iter().all(|(_, reads)| reads.is_apart())
    }

    pub(in super::super) fn part(&self) -> Option<usize> {
        self.part
    }

    /// Empties what was kept of this value and the parts of it.
    pub(in super::super) fn forget(&self, parts: &mut [Val]) {
        if let Some(kept) = self.part.and_then(|part| parts.get_mut(part)) {
            *kept = Val::Null;
        }
        self.fields.iter().for_each(|(_, reads)| reads.forget(parts));
    }

    /// The reads of the part at this path. A message with another value than an object on the way is run whole.
    pub(super) fn at(&mut self, place: &[Arc<str>]) -> &mut Self {
        let Some((name, rest)) = place.split_first() else { return self };
        let at = self.fields.iter().position(|(known, _)| known == name).unwrap_or_else(|| {
            self.fields.push((Arc::clone(name), Self::default()));
            self.fields.len() - 1
        });
        self.fields[at].1.at(rest)
    }
}

/// Where a value comes from, as far as a plan shows it.
#[derive(Clone, Debug, PartialEq)]
enum ValueOrigin {
    /// There is no such value.
    Never,
    /// It is the part of the message at this path.
    Part(Vec<Arc<str>>),
    /// It is a constant string, number, boolean or null.
    Scalar,
    /// It is computed from parts that are read as a whole.
    Made,
}

/// Walks over a plan and notes what it reads.
#[derive(Default)]
struct Survey {
    reads: Reads,
    variables: Vec<ValueOrigin>,
}

impl Survey {
    fn whole(&mut self, value: ValueOrigin) -> ValueOrigin {
        if let ValueOrigin::Part(place) = value {
            self.reads.at(&place).all = true;
        }
        ValueOrigin::Made
    }

    fn either(&mut self, a: ValueOrigin, b: ValueOrigin) -> ValueOrigin {
        match (a, b) {
            (ValueOrigin::Never, other) | (other, ValueOrigin::Never) => other,
            (a, b) if a == b => a,
            (a, b) => {
                self.whole(a);
                self.whole(b)
            }
        }
    }

    fn wholes(&mut self, nodes: &[Node], input: &ValueOrigin) {
        for node in nodes {
            let value = self.node(node, input);
            self.whole(value);
        }
    }

    fn node(&mut self, node: &Node, input: &ValueOrigin) -> ValueOrigin {
        match &node.op {
            Op::Input => input.clone(),
            Op::Constant(Val::Arr(_) | Val::Obj(_)) | Op::Global(_) => ValueOrigin::Made,
            Op::Constant(_) => ValueOrigin::Scalar,
            Op::Var(up) => {
                let at = self.variables.len().checked_sub(up + 1);
                at.and_then(|at| self.variables.get(at)).cloned().unwrap_or(ValueOrigin::Made)
            }
            Op::Path(from, steps) => {
                let from = self.node(from, input);
                self.path(from, steps, input)
            }
            Op::Pipe(left, right) => {
                let left = self.node(left, input);
                self.node(right, &left)
            }
            Op::Bind(source, body) => {
                let value = self.node(source, input);
                self.variables.push(value);
                let body = self.node(body, input);
                self.variables.pop();
                body
            }
            Op::Comma(left, right) | Op::Alternative(left, right) => {
                let (left, right) = (self.node(left, input), self.node(right, input));
                self.either(left, right)
            }
            // Truth does not depend on the items of a value.
            Op::If(condition, then, otherwise) => {
                self.node(condition, input);
                let (then, otherwise) = (self.node(then, input), self.node(otherwise, input));
                self.either(then, otherwise)
            }
            Op::Logic(left, _, right) => {
                self.node(left, input);
                self.node(right, input);
                ValueOrigin::Made
            }
            Op::Compare(left, _, right) => self.operands(left, right, true, input),
            Op::Math(left, _, right) => self.operands(left, right, false, input),
            Op::Negate(part) | Op::Array(part) => {
                let part = self.node(part, input);
                self.whole(part)
            }
            Op::Object(parts) | Op::Text(parts) => {
                self.wholes(parts, input);
                ValueOrigin::Made
            }
            Op::ToString | Op::Recurse | Op::Fail => self.whole(input.clone()),
            Op::Empty | Op::Break(_) => ValueOrigin::Never,
            Op::Try(body, handler) => {
                let (body, handler) = (self.node(body, input), self.node(handler, &ValueOrigin::Made));
                self.either(body, handler)
            }
            _ => self.filter(node, input),
        }
    }

    /// A filter that is an operation. Most read their whole input.
    fn filter(&mut self, node: &Node, input: &ValueOrigin) -> ValueOrigin {
        match &node.op {
            Op::Label(_, body) | Op::First(body) | Op::Last(body) => return self.node(body, input),
            Op::Limit(n, body) | Op::Skip(n, body) => {
                self.wholes(std::slice::from_ref(n), input);
                return self.node(body, input);
            }
            Op::Reduce(fold) => return self.fold(fold, None, input),
            Op::Foreach(fold, project) => return self.fold(fold, project.as_deref(), input),
            Op::Range(bounds) => {
                self.wholes(&**bounds, input);
                return ValueOrigin::Made;
            }
            Op::IsEmpty(part) | Op::Any(part, _) => {
                self.node(part, input);
                return ValueOrigin::Made;
            }
            // An object without some of its fields is still an object.
            Op::Type => return ValueOrigin::Made,
            Op::LastOrNull(part) => {
                let part = self.node(part, input);
                return self.whole(part);
            }
            Op::By(_, part) | Op::MapValues(part) | Op::Walk(part) => {
                self.wholes(std::slice::from_ref(part), &ValueOrigin::Made);
            }
            Op::GetPath(part) | Op::PathsOf(part) | Op::Delete(part) | Op::Pick(part) => {
                self.wholes(std::slice::from_ref(part), input);
            }
            Op::Update(a, b) | Op::Assign(a, b) => {
                self.wholes(std::slice::from_ref(a), input);
                self.wholes(std::slice::from_ref(b), input);
            }
            Op::Change(_, change) => self.wholes(std::slice::from_ref(change.node()), input),
            Op::Native(_, parts) => self.wholes(parts, input),
            Op::Engine(part) => self.wholes(&part.variables, input),
            _ => {}
        }
        self.whole(input.clone())
    }

    fn operands(&mut self, left: &Node, right: &Node, compared: bool, input: &ValueOrigin) -> ValueOrigin {
        match (self.node(left, input), self.node(right, input)) {
            // How an object compares with a scalar does not depend on its fields.
            (ValueOrigin::Scalar, _) | (_, ValueOrigin::Scalar) if compared => ValueOrigin::Made,
            (left, right) => {
                self.whole(left);
                self.whole(right)
            }
        }
    }

    fn path(&mut self, from: ValueOrigin, steps: &[PathStep], input: &ValueOrigin) -> ValueOrigin {
        let mut at = from;
        for step in steps {
            at = match (&step.access, at) {
                (StepKind::Field(name), ValueOrigin::Part(mut place)) => {
                    place.push(Arc::clone(name));
                    self.reads.at(&place);
                    ValueOrigin::Part(place)
                }
                (_, at) => self.whole(at),
            };
            let computed = match &step.access {
                StepKind::Index(node) => [Some(node), None],
                StepKind::Slice(start, end) => [start.as_ref(), end.as_ref()],
                StepKind::Field(_) | StepKind::Each => [None, None],
            };
            computed.into_iter().flatten().for_each(|node| self.wholes(std::slice::from_ref(node), input));
        }
        at
    }

    fn fold(&mut self, fold: &Fold, project: Option<&Node>, input: &ValueOrigin) -> ValueOrigin {
        let source = self.node(&fold.source, input);
        self.wholes(std::slice::from_ref(&fold.init), input);
        self.variables.push(source);
        self.wholes(std::slice::from_ref(&fold.update), &ValueOrigin::Made);
        let output = project.map_or(ValueOrigin::Made, |project| self.node(project, &ValueOrigin::Made));
        self.variables.pop();
        output
    }
}

/// The parts that are read to evaluate a condition.
pub(super) fn of_condition(node: &Node) -> Reads {
    let mut survey = Survey::default();
    survey.node(node, &ValueOrigin::Part(Vec::new()));
    survey.reads
}

/// The parts that a plan reads, with all of its outputs.
pub(super) fn of_outputs(node: &Node) -> Reads {
    let mut survey = Survey::default();
    let output = survey.node(node, &ValueOrigin::Part(Vec::new()));
    survey.whole(output);
    survey.reads
}
