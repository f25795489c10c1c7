//! What can be said of a plan without running it.

use jaq_core::ops::Math;

use super::super::SHORT;
use super::{Fold, Node, Op, PathStep, StepKind};

/// The most work that is done for a message where nothing may wait, in lengths of the message. It also bounds how deep the
/// program nests, since each operation counts.
const MOST_WORK: u64 = 64;

/// What an operation makes of its input at most; sizes and work are in lengths of the message.
#[derive(Clone, Copy)]
struct WorkBound {
    outputs: u64,
    /// The size of an output.
    size: u64,
    work: u64,
}

impl WorkBound {
    fn one(size: u64) -> Self {
        Self { outputs: 1, size, work: size.max(1) }
    }

    /// The next operation runs on every output.
    fn then(self, next: Self) -> Self {
        let work = self.work.saturating_add(self.outputs.saturating_mul(next.work));
        Self { outputs: self.outputs.saturating_mul(next.outputs), size: next.size, work }
    }

    /// The outputs of both.
    fn or(self, other: Self) -> Self {
        Self {
            outputs: self.outputs.saturating_add(other.outputs),
            size: self.size.max(other.size),
            work: self.work.saturating_add(other.work),
        }
    }

    /// Every output of one with every output of the other, as one value.
    fn and(self, other: Self) -> Self {
        let (outputs, size) =
            (self.outputs.saturating_mul(other.outputs), self.size.saturating_add(other.size));
        let work = self.work.saturating_add(self.outputs.saturating_mul(other.work));
        Self { outputs, size, work: work.saturating_add(outputs.saturating_mul(size)) }
    }

    /// All outputs as one value.
    fn as_one(self) -> Self {
        let size = self.outputs.saturating_mul(self.size);
        Self { outputs: 1, size, work: self.work.saturating_add(size) }
    }

    fn all(parts: &[Node], input: u64, variables: &mut Vec<u64>) -> Option<Self> {
        parts.iter().try_fold(Self::one(0), |all, part| Some(all.and(part.bound(input, variables)?)))
    }
}

impl PathStep {
    fn leads_to_one(&self) -> bool {
        self.is_fixed() && !matches!(self.access, StepKind::Each)
    }
}

impl Node {
    /// It has no side effect, so that it may run twice.
    pub(super) fn is_pure(&self) -> bool {
        let own = match &self.op {
            Op::Engine(_) => false,
            Op::Native(native, _) => native.pure,
            Op::Path(_, steps) => steps.iter().all(PathStep::is_fixed),
            _ => true,
        };
        own && self.children().into_iter().all(Self::is_pure)
    }

    /// Its work for a message is at most [`MOST_WORK`] times its length.
    pub(super) fn is_bounded(&self) -> bool {
        self.bound(1, &mut Vec::new()).is_some_and(|bound| bound.work <= MOST_WORK)
    }

    /// What it makes of an input of this size; `None` if there is no limit, or if it is not known.
    fn bound(&self, input: u64, variables: &mut Vec<u64>) -> Option<WorkBound> {
        Some(match &self.op {
            Op::Input | Op::Fail => WorkBound::one(input),
            Op::Constant(value) if value.text().len() > SHORT => return None,
            Op::Part(_) | Op::Constant(_) | Op::Global(_) | Op::Type | Op::Empty | Op::Break(_) => {
                WorkBound::one(1)
            }
            Op::Var(up) => WorkBound::one(*variables.iter().rev().nth(*up)?),
            // A quote becomes two characters, and a control character six.
            Op::ToString => WorkBound::one(input.saturating_mul(6)),
            Op::Path(from, steps) if steps.iter().all(PathStep::leads_to_one) => {
                from.bound(input, variables)?
            }
            Op::Pipe(a, b) => {
                let a = a.bound(input, variables)?;
                a.then(b.bound(a.size, variables)?)
            }
            Op::Bind(a, b) => {
                let a = a.bound(input, variables)?;
                variables.push(a.size);
                let b = b.bound(input, variables);
                variables.pop();
                a.then(b?)
            }
            Op::Comma(a, b) | Op::Alternative(a, b) => {
                a.bound(input, variables)?.or(b.bound(input, variables)?)
            }
            Op::Try(a, b) => {
                let a = a.bound(input, variables)?;
                a.or(b.bound(input.max(a.size), variables)?)
            }
            Op::If(a, b, c) => {
                let then = b.bound(input, variables)?.or(c.bound(input, variables)?);
                a.bound(input, variables)?.then(then)
            }
            Op::Logic(a, _, b) | Op::Compare(a, _, b) => {
                WorkBound { size: 1, ..a.bound(input, variables)?.and(b.bound(input, variables)?) }
            }
            // A string times a number is as long as the number says.
            Op::Math(a, math, b) if !matches!(math, Math::Mul) => {
                a.bound(input, variables)?.and(b.bound(input, variables)?)
            }
            Op::Negate(a) | Op::Label(_, a) | Op::First(a) => a.bound(input, variables)?,
            Op::Array(a) => a.bound(input, variables)?.as_one(),
            Op::IsEmpty(a) | Op::Any(a, _) => WorkBound { size: 1, ..a.bound(input, variables)?.as_one() },
            Op::Object(parts) | Op::Text(parts) => WorkBound::all(parts, input, variables)?,
            Op::Native(native, parts) if native.bounded => {
                WorkBound::one(input).and(WorkBound::all(parts, input, variables)?)
            }
            _ => return None,
        })
    }

    /// The operations that it consists of, but for those in the steps of paths.
    fn children(&self) -> Vec<&Self> {
        match &self.op {
            Op::Input
            | Op::Part(_)
            | Op::Constant(_)
            | Op::Var(_)
            | Op::Global(_)
            | Op::ToString
            | Op::Type
            | Op::Recurse
            | Op::Empty
            | Op::Fail
            | Op::Break(_) => Vec::new(),
            Op::Pipe(a, b)
            | Op::Bind(a, b)
            | Op::Comma(a, b)
            | Op::Alternative(a, b)
            | Op::Logic(a, _, b)
            | Op::Math(a, _, b)
            | Op::Compare(a, _, b)
            | Op::Try(a, b)
            | Op::Update(a, b)
            | Op::Assign(a, b)
            | Op::Limit(a, b)
            | Op::Skip(a, b) => vec![a, b],
            Op::If(a, b, c) => vec![a, b, c],
            Op::Path(a, _)
            | Op::Negate(a)
            | Op::Array(a)
            | Op::Label(_, a)
            | Op::First(a)
            | Op::Last(a)
            | Op::LastOrNull(a)
            | Op::By(_, a)
            | Op::IsEmpty(a)
            | Op::Any(a, _)
            | Op::MapValues(a)
            | Op::Walk(a)
            | Op::GetPath(a)
            | Op::PathsOf(a)
            | Op::Delete(a)
            | Op::Pick(a) => vec![a],
            Op::Change(_, change) => vec![change.node()],
            Op::Object(parts) | Op::Text(parts) | Op::Native(_, parts) => parts.iter().collect(),
            Op::Engine(part) => part.variables.iter().collect(),
            Op::Range(bounds) => bounds.iter().collect(),
            Op::Reduce(fold) => fold.children().collect(),
            Op::Foreach(fold, project) => fold.children().chain(project.as_deref()).collect(),
        }
    }
}

impl Fold {
    fn children(&self) -> impl Iterator<Item = &Node> {
        [&self.source, &self.init, &self.update].into_iter()
    }
}
