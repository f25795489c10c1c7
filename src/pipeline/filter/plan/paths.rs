//! Operations on the paths of outputs: `path`, `del`, `pick`, `|=` and `=`.

use std::borrow::Cow;
use std::cell::RefCell;

use jaq_core::path::Opt;
use jaq_core::{Error as EngineError, Exn, ValT as _, ValX};

use super::super::paths::{Steps, get, remove_all, set, steps};
use super::super::value::{Error, Val};
use super::folds::{Quota, count, first};
use super::made::calculate;
use super::run::{Result, RunStop, With};
use super::steps::{Computed, computed};
use super::{Assignment, Node, Op, PathStep, StepKind};

/// Takes the path of an output and the value that is there.
type Emit<'e> = &'e mut dyn FnMut(&mut Steps, &Val) -> Result<()>;

impl Node {
    /// Can [`Node::each_path`] find the paths of its outputs? If not, the engine runs the operation.
    pub(super) fn has_paths(&self) -> bool {
        match &self.op {
            Op::Engine(_) | Op::Reduce(_) | Op::Foreach(..) | Op::Native(..) | Op::LastOrNull(_) => false,
            Op::Path(from, _) => from.has_paths(),
            Op::Bind(_, body) | Op::If(_, body, _) if !body.has_paths() => false,
            Op::If(_, _, otherwise) => otherwise.has_paths(),
            Op::Pipe(a, b) | Op::Comma(a, b) | Op::Alternative(a, b) => a.has_paths() && b.has_paths(),
            Op::Try(body, _)
            | Op::Label(_, body)
            | Op::First(body)
            | Op::Last(body)
            | Op::Limit(_, body)
            | Op::Skip(_, body) => body.has_paths(),
            _ => true,
        }
    }

    /// Emits the path and value of every output. `path` is the path of the input.
    fn each_path(&self, with: With<'_>, path: &mut Steps, emit: Emit<'_>) -> Result<()> {
        match &self.op {
            Op::Input => emit(path, with.input),
            Op::Path(from, steps) => from.each_path(with, path, &mut |path, value| {
                let computed = computed(steps, with)?;
                step_on(value, steps, computed.as_deref(), path, emit)
            }),
            Op::Pipe(left, right) => {
                left.each_path(with, path, &mut |path, value| right.each_path(with.input(value), path, emit))
            }
            Op::Bind(source, body) => {
                source.each(with, &mut |value| with.bind(&value, |with| body.each_path(with, path, emit)))
            }
            Op::Comma(left, right) => {
                left.each_path(with, path, emit)?;
                right.each_path(with, path, emit)
            }
            Op::Alternative(left, right) => {
                let mut any = false;
                let end = left.each(with, &mut |value| {
                    any |= value.as_bool();
                    if any { Err(RunStop::Enough) } else { Ok(()) }
                });
                let left_counts = any || end.is_err();
                if left_counts { left } else { right }.each_path(with, path, emit)
            }
            Op::If(condition, then, otherwise) => condition.each(with, &mut |value| {
                if value.as_bool() { then } else { otherwise }.each_path(with, path, emit)
            }),
            Op::Recurse => recurse(with.input, path, emit),
            Op::Empty => Ok(()),
            Op::Fail => Err(RunStop::Error(with.input.clone())),
            Op::Break(label) => Err(RunStop::Break(*label)),
            Op::Label(label, body) => match body.each_path(with, path, emit) {
                Err(RunStop::Break(at)) if at == *label => Ok(()),
                other => other,
            },
            Op::Try(body, handler) => self.try_paths(body, handler, with, path, emit),
            Op::GetPath(place) => place.each(with, &mut |place| {
                let more = steps(&place)?;
                let value = get(with.input.clone(), more)?;
                let length = path.len();
                path.extend(more.iter().cloned());
                let end = emit(path, &value);
                path.truncate(length);
                end
            }),
            Op::First(_) | Op::Last(_) | Op::Limit(..) | Op::Skip(..) => self.some_paths(with, path, emit),
            _ => {
                let what = EngineError::path_expr(with.input.clone()).into_val();
                Err(RunStop::Error(in_jqs_words(what)))
            }
        }
    }

    /// The paths of `try`. An output of the handler has no path, which is an error.
    fn try_paths(
        &self,
        body: &Self,
        handler: &Self,
        with: With<'_>,
        path: &mut Steps,
        emit: Emit<'_>,
    ) -> Result<()> {
        let mut next = false;
        let end =
            body.each_path(with, path, &mut |path, value| emit(path, value).inspect_err(|_| next = true));
        match end {
            Err(RunStop::Error(error)) if !next => match first(handler, with.input(&error))? {
                Some(output) => {
                    let what = EngineError::path_expr(output.into_owned()).into_val();
                    Err(RunStop::Error(in_jqs_words(what)))
                }
                None => Ok(()),
            },
            end => end,
        }
    }

    /// The paths of `first`, `last`, `limit` and `skip`.
    fn some_paths(&self, with: With<'_>, path: &mut Steps, emit: Emit<'_>) -> Result<()> {
        let (n, body) = match &self.op {
            Op::Limit(n, body) | Op::Skip(n, body) => (Some(n), body),
            Op::First(body) | Op::Last(body) => (None, body),
            _ => return Ok(()),
        };
        let mut places: Vec<(Steps, Val)> = Vec::new();
        let Some(n) = n else {
            let only_first = matches!(self.op, Op::First(_));
            let end = body.each_path(with, path, &mut |path, value| {
                places.clear();
                places.push((path.clone(), value.clone()));
                if only_first { Err(RunStop::Enough) } else { Ok(()) }
            });
            match end {
                Err(RunStop::Enough) if only_first => {}
                end => end?,
            }
            return places.iter_mut().try_for_each(|(path, value)| emit(path, value));
        };
        n.each(with, &mut |n| {
            let count = count(&n)?;
            if matches!(self.op, Op::Skip(..)) {
                let mut left = count.unwrap_or_default();
                return body.each_path(with, path, &mut |path, value| {
                    left -= 1.0;
                    if left >= 0.0 { Ok(()) } else { emit(path, value) }
                });
            }
            let Some(mut quota) = count.map(Quota::new) else { return Ok(()) };
            let end = body.each_path(with, path, &mut |path, value| {
                emit(path, value)?;
                quota.take_one()
            });
            quota.settle(end)
        })
    }

    /// The paths of all its outputs.
    fn all_paths(&self, with: With<'_>) -> Result<Vec<Steps>> {
        let mut all = Vec::new();
        self.each_path(with, &mut Vec::new(), &mut |path, _| {
            all.push(path.clone());
            Ok(())
        })?;
        Ok(all)
    }
}

/// `path(f)`
pub(super) fn each_path(
    node: &Node,
    with: With<'_>,
    emit: &mut dyn FnMut(Cow<'_, Val>) -> Result<()>,
) -> Result<()> {
    node.each_path(with, &mut Vec::new(), &mut |path, _| emit(Cow::Owned(path.iter().cloned().collect())))
}

/// `del(f)`
pub(super) fn delete(node: &Node, with: With<'_>) -> Result<Val> {
    Ok(remove_all(with.input.clone(), node.all_paths(with)?)?)
}

/// `pick(f)`
pub(super) fn pick(node: &Node, with: With<'_>) -> Result<Val> {
    let mut picked = Val::Null;
    node.each_path(with, &mut Vec::new(), &mut |path, _| {
        let found = get(with.input.clone(), path)?;
        picked = set(std::mem::take(&mut picked), path, found)?;
        Ok(())
    })?;
    Ok(picked)
}

/// `f |= g`: replaces each value by the first output of `g`. If there is none, the value is removed after all others
/// are changed.
pub(super) fn update(places: &Node, change: &Node, with: With<'_>) -> Result<Val> {
    let paths = places.all_paths(with)?;
    let (mut value, mut removed) = (with.input.clone(), Vec::new());
    for path in paths {
        let old = get(value.clone(), &path)?;
        match first(change, with.input(&old))?.map(Cow::into_owned) {
            Some(new) => value = set(value, &path, new)?,
            None => removed.push(path),
        }
    }
    Ok(remove_all(value, removed)?)
}

/// `f = g`, for one output of `g`.
pub(super) fn assign(places: &Node, new: &Val, with: With<'_>) -> Result<Val> {
    let mut value = with.input.clone();
    for path in places.all_paths(with)? {
        value = set(value, &path, new.clone())?;
    }
    Ok(value)
}

impl Assignment {
    /// Changes the value at this path. `operand` is an output of the right side.
    pub(super) fn make(&self, places: &[PathStep], operand: Option<&Val>, with: With<'_>) -> Result<Val> {
        let stopped = RefCell::new(None);
        let change = |old: Val| -> Result<Option<Val>> {
            let operand = || operand.cloned().unwrap_or_default();
            Ok(Some(match self {
                Self::Update(node) => return Ok(first(node, with.input(&old))?.map(Cow::into_owned)),
                Self::Assign(_) => operand(),
                Self::Math(math, _) => calculate(Cow::Owned(old), *math, Cow::Owned(operand()))?,
                Self::Alternative(_) if old.as_bool() => old,
                Self::Alternative(_) => operand(),
            }))
        };
        // The engine's functions cannot return a `RunStop`, so it is kept aside.
        let change = |old: Val| match change(old) {
            Ok(new) => new.map(Ok),
            Err(stop) => {
                *stopped.borrow_mut() = Some(stop);
                Some(Err(Exn::from(Error::new(Val::Null))))
            }
        };
        changed(with.input.clone(), places, &change)
            .unwrap_or(Ok(Val::Null))
            .map_err(|exception| stopped.take().unwrap_or_else(|| exception.into()))
    }
}

/// Changes the value at this path; `None` if the value itself is to be removed.
fn changed<'a>(
    value: Val,
    places: &[PathStep],
    change: &dyn Fn(Val) -> Option<ValX<'a, Val>>,
) -> Option<ValX<'a, Val>> {
    let Some((step, rest)) = places.split_first() else { return change(value) };
    let opt = if step.optional { Opt::Optional } else { Opt::Essential };
    let inner = |value: Val| changed(value, rest, change).into_iter();
    Some(match &step.access {
        StepKind::Field(name) => value.map_index(&Val::Str(name.clone()), opt, inner),
        StepKind::Index(node) => value.map_index(&node.value().cloned().unwrap_or_default(), opt, inner),
        StepKind::Slice(start, end) => {
            let bound = |node: &Option<Node>| node.as_ref().and_then(Node::value).cloned();
            let (start, end) = (bound(start), bound(end));
            value.map_range(start.as_ref()..end.as_ref(), opt, inner)
        }
        StepKind::Each => value.map_values(opt, inner),
    })
}

/// Follows the steps and adds them to `path`.
fn step_on(
    value: &Val,
    steps: &[PathStep],
    computed: Option<&[Computed<'_>]>,
    path: &mut Steps,
    emit: Emit<'_>,
) -> Result<()> {
    let Some((step, rest)) = steps.split_first() else { return emit(path, value) };
    let (own, others) = match computed {
        Some([own, others @ ..]) => (Some(own), Some(others)),
        _ => (None, None),
    };
    if let StepKind::Each = step.access {
        let mut one = |key: Val, value: &Val| {
            path.push(key);
            let end = step_on(value, rest, others, path, emit);
            path.pop();
            end
        };
        return match value {
            Val::Arr(items) => items.iter().enumerate().try_for_each(|(at, item)| one(Val::from(at), item)),
            Val::Obj(fields) => fields.iter().try_for_each(|(key, value)| one(Val::Str(key.clone()), value)),
            _ if step.optional => Ok(()),
            other => Err(other.cannot_iterate().into()),
        };
    }
    match step.take(value, own) {
        Ok(next) => {
            path.push(step.key(own));
            let end = step_on(&next, rest, others, path, emit);
            path.pop();
            end
        }
        Err(_) if step.optional => Ok(()),
        Err(error) => Err(error.into()),
    }
}

fn recurse(value: &Val, path: &mut Steps, emit: Emit<'_>) -> Result<()> {
    emit(path, value)?;
    let mut one = |key: Val, value: &Val| {
        path.push(key);
        let end = recurse(value, path, emit);
        path.pop();
        end
    };
    match value {
        Val::Arr(items) => items.iter().enumerate().try_for_each(|(at, item)| one(Val::from(at), item)),
        Val::Obj(fields) => fields.iter().try_for_each(|(key, value)| one(Val::Str(key.clone()), value)),
        _ => Ok(()),
    }
}

impl PathStep {
    /// The step as it appears in a path value.
    fn key(&self, computed: Option<&Computed<'_>>) -> Val {
        let bound = |known: &Option<Node>| known.as_ref().and_then(Node::value).cloned();
        match (&self.access, computed) {
            (StepKind::Field(name), _) => Val::Str(name.clone()),
            (StepKind::Index(_), Some(computed)) => computed.index.as_deref().cloned().unwrap_or_default(),
            (StepKind::Index(node), None) => node.value().cloned().unwrap_or_default(),
            (StepKind::Slice(..), Some(computed)) => {
                Val::from(computed.index.as_deref().cloned()..computed.end.as_deref().cloned())
            }
            (StepKind::Slice(start, end), None) => Val::from(bound(start)..bound(end)),
            (StepKind::Each, _) => Val::Null,
        }
    }
}

/// The error for an output without a path, with the capital letter that jq writes.
fn in_jqs_words(error: Val) -> Val {
    match &error {
        Val::Str(text) if text.starts_with("invalid path expression") => {
            Val::from(format!("I{}", &text[1..]))
        }
        _ => error,
    }
}
