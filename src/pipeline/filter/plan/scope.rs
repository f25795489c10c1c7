//! The meaning of names while a plan is built.

use std::rc::Rc;

use super::super::syntax::{Def, Term};
use super::super::value::Val;

/// The names that a term can use.
#[derive(Clone)]
pub(super) struct PlanScope<'t> {
    pub(super) names: Option<Rc<ScopedName<'t>>>,
    /// The number of global definitions that the term can call.
    pub(super) end: usize,
}

pub(super) struct ScopedName<'t> {
    pub(super) name: &'t str,
    pub(super) means: Means<'t>,
    pub(super) up: Option<Rc<ScopedName<'t>>>,
}

pub(super) enum Means<'t> {
    /// A variable, by the number of variables that were bound before it.
    Variable(usize),
    Constant(Val),
    Label(usize),
    /// An argument that is a filter, with the names that it can use.
    Argument(&'t Term<'t>, PlanScope<'t>),
    Definition(&'t Def<'t>),
}

impl<'t> PlanScope<'t> {
    pub(super) fn with(&self, name: &'t str, means: Means<'t>) -> Self {
        Self { names: Some(Rc::new(ScopedName { name, means, up: self.names.clone() })), end: self.end }
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &ScopedName<'t>> {
        std::iter::successors(self.names.as_deref(), |name| name.up.as_deref())
    }

    /// Only variables and all global definitions have names here, so that the engine can compile a term on its own.
    pub(super) fn is_plain(&self, defs: &[Def<'_>]) -> bool {
        let plain = |name: &ScopedName<'_>| matches!(name.means, Means::Variable(_) | Means::Constant(_));
        self.end == defs.len() && self.iter().all(plain)
    }
}
