//! What can be said of a plan without running it.

use jaq_core::ops::Math;

use super::{Fold, Node, Op, PathStep, StepKind};

impl Node {
    /// It has no side effect, so that it may run twice.
    pub(super) fn is_pure(&self) -> bool {
        let own = match &self.op {
            Op::Engine(_) => false,
            Op::Native(native, _) => native.pure,
            Op::Path(_, steps) => steps.iter().all(PathStep::is_fixed),
            _ => true,
        };
        own && self.parts().into_iter().all(Self::is_pure)
    }

    /// Its work and its outputs are bounded by the length of the message: nothing is repeated, and nothing is multiplied.
    pub(super) fn is_bounded(&self) -> bool {
        let own = match &self.op {
            Op::Input
            | Op::Part(_)
            | Op::Constant(_)
            | Op::Var(_)
            | Op::Global(_)
            | Op::Pipe(..)
            | Op::Bind(..)
            | Op::Comma(..)
            | Op::Alternative(..)
            | Op::If(..)
            | Op::Logic(..)
            | Op::Compare(..)
            | Op::Negate(_)
            | Op::Array(_)
            | Op::Object(_)
            | Op::Text(_)
            | Op::ToString
            | Op::Empty
            | Op::Fail
            | Op::Try(..)
            | Op::Label(..)
            | Op::Break(_)
            | Op::First(_)
            | Op::IsEmpty(_)
            | Op::Any(..)
            | Op::Type => true,
            Op::Path(_, steps) => {
                steps.iter().all(|step| step.is_fixed() && !matches!(step.access, StepKind::Each))
            }
            // A string times a number is as long as the number says.
            Op::Math(_, math, _) => !matches!(math, Math::Mul),
            Op::Native(native, _) => native.bounded,
            _ => false,
        };
        own && self.parts().into_iter().all(Self::is_bounded)
    }

    /// The operations that it consists of, but for those in the steps of paths.
    fn parts(&self) -> Vec<&Self> {
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
            Op::Reduce(fold) => fold.parts().collect(),
            Op::Foreach(fold, project) => fold.parts().chain(project.as_deref()).collect(),
        }
    }
}

impl Fold {
    fn parts(&self) -> impl Iterator<Item = &Node> {
        [&self.source, &self.init, &self.update].into_iter()
    }
}
