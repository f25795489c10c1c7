//! Follows paths through values.

use std::borrow::Cow;

use jaq_json::Num;

use super::super::value::{Error, Val};
use super::run::{Emit, Result, RunStop, With, owned};
use super::{Node, Op, PathStep, StepKind};

/// The computed index of a step, or the computed bounds of a slice.
#[derive(Default)]
pub(super) struct Computed<'v> {
    pub(super) index: Option<Cow<'v, Val>>,
    pub(super) end: Option<Cow<'v, Val>>,
}

/// Computes the indexes and bounds of a path. `None`: all are constants.
pub(super) fn computed<'v>(steps: &'v [PathStep], with: With<'v>) -> Result<Option<Vec<Computed<'v>>>> {
    if steps.iter().all(PathStep::is_fixed) {
        return Ok(None);
    }
    let value = |node: &'v Node| Ok::<_, RunStop>(node.maybe(with)?.unwrap_or_default());
    let compute = |step: &'v PathStep| {
        Ok(match &step.access {
            StepKind::Field(_) | StepKind::Each => Computed::default(),
            StepKind::Index(at) => Computed { index: Some(value(at)?), end: None },
            StepKind::Slice(start, end) => Computed {
                index: start.as_ref().map(value).transpose()?,
                end: end.as_ref().map(value).transpose()?,
            },
        })
    };
    steps.iter().map(compute).collect::<Result<_>>().map(Some)
}

/// The value at a path that leads to at most one place.
pub(super) fn go<'v>(value: &'v Val, steps: &'v [PathStep], with: With<'v>) -> Result<Option<Cow<'v, Val>>> {
    let computed = computed(steps, with)?;
    let mut at = Cow::Borrowed(value);
    for (n, step) in steps.iter().enumerate() {
        let computed = computed.as_ref().map(|all| &all[n]);
        let next = match at {
            Cow::Borrowed(value) => step.take(value, computed),
            Cow::Owned(value) => step.take(&value, computed).map(owned),
        };
        at = match next {
            Ok(next) => next,
            Err(_) if step.optional => return Ok(None),
            Err(error) => return Err(error.into()),
        };
    }
    Ok(Some(at))
}

/// Emits the value at every place that a path leads to.
pub(super) fn walk(value: &Val, steps: &[PathStep], with: With<'_>, emit: Emit<'_>) -> Result<()> {
    let computed = computed(steps, with)?;
    walk_on(value, steps, computed.as_deref(), emit)
}

pub(super) fn walk_on(
    value: &Val,
    steps: &[PathStep],
    computed: Option<&[Computed<'_>]>,
    emit: Emit<'_>,
) -> Result<()> {
    let Some((step, rest)) = steps.split_first() else { return emit(Cow::Borrowed(value)) };
    let (own, others) = match computed {
        Some([own, others @ ..]) => (Some(own), Some(others)),
        _ => (None, None),
    };
    if let StepKind::Each = step.access {
        return match value {
            Val::Arr(items) => items.iter().try_for_each(|item| walk_on(item, rest, others, emit)),
            Val::Obj(fields) => fields.iter().try_for_each(|(_, value)| walk_on(value, rest, others, emit)),
            _ if step.optional => Ok(()),
            other => Err(other.cannot_iterate().into()),
        };
    }
    match step.take(value, own) {
        Ok(next) => walk_on(&next, rest, others, emit),
        Err(_) if step.optional => Ok(()),
        Err(error) => Err(error.into()),
    }
}

impl PathStep {
    pub(super) fn take<'v>(
        &self,
        value: &'v Val,
        computed: Option<&Computed<'_>>,
    ) -> Result<Cow<'v, Val>, Error> {
        Ok(match (&self.access, value) {
            (StepKind::Field(name), Val::Obj(fields)) => {
                fields.get(name).map_or(Cow::Owned(Val::Null), Cow::Borrowed)
            }
            (StepKind::Field(name), value) => Cow::Owned(value.get(&Val::Str(name.clone()))?),
            (StepKind::Index(node), value) => {
                let index = computed.and_then(|computed| computed.index.as_deref()).or_else(|| node.value());
                match (value, index.unwrap_or(&Val::Null)) {
                    (Val::Arr(items), Val::Num(Num::Int(at))) if *at >= 0 => {
                        items.get(at.unsigned_abs()).map_or(Cow::Owned(Val::Null), Cow::Borrowed)
                    }
                    (value, index) => Cow::Owned(value.get(index)?),
                }
            }
            (StepKind::Slice(start, end), value) => {
                let known = |node: &'_ Option<Node>| node.as_ref().and_then(Node::value).cloned();
                let (start, end) = match computed {
                    Some(computed) => (computed.index.as_deref().cloned(), computed.end.as_deref().cloned()),
                    None => (known(start), known(end)),
                };
                Cow::Owned(value.slice(start.as_ref()..end.as_ref())?)
            }
            (StepKind::Each, _) => Cow::Owned(Val::Null),
        })
    }
}

impl Node {
    /// The value of a constant.
    pub(super) fn value(&self) -> Option<&Val> {
        if let Op::Constant(value) = &self.op { Some(value) } else { None }
    }
}
