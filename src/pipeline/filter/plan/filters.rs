//! Runs the filters that a plan knows by name.

use std::borrow::Cow;

use jaq_core::{Ctx, Exn, ValXs, Vars};

use super::super::natives::{Data, EngineTypes};
use super::super::paths as places;
use super::super::value::Val;
use super::folds::{any, first, last, limit, range, skip};
use super::items::{map_values, walk_up};
use super::made::products;
use super::run::{Emit, Result, With, output, truth};
use super::{Assignment, EnginePart, Native, Node, Op, paths};

impl Node {
    /// The output of a filter with at most one output.
    pub(super) fn maybe_filter<'v>(&'v self, with: With<'v>) -> Result<Option<Cow<'v, Val>>> {
        Ok(Some(match &self.op {
            Op::Reduce(fold) => return Ok(fold.reduce(with)?.map(Cow::Owned)),
            Op::First(part) => return first(part, with),
            Op::Last(part) => return Ok(last(part, with)?.map(Cow::Owned)),
            Op::By(by, key) => return by.run(key, with),
            Op::IsEmpty(part) => truth(first(part, with)?.is_none()),
            Op::Any(part, wanted) => truth(any(part, *wanted, with)?),
            Op::LastOrNull(part) => Cow::Owned(last(part, with)?.unwrap_or_default()),
            Op::MapValues(part) => Cow::Owned(map_values(with.input, &|item| {
                Ok(first(part, with.input(item))?.map(Cow::into_owned))
            })?),
            Op::Walk(part) => return Ok(walk_up(with.input, part, with)?.pop().map(Cow::Owned)),
            Op::Type => Cow::Borrowed(with.input.kind_value()),
            Op::GetPath(place) => {
                let place = output!(place, with);
                Cow::Owned(places::get(with.input.clone(), places::steps(&place)?)?)
            }
            Op::Delete(part) => Cow::Owned(paths::delete(part, with)?),
            Op::Pick(part) => Cow::Owned(paths::pick(part, with)?),
            Op::Update(places, change) => Cow::Owned(paths::update(places, change, with)?),
            Op::Assign(places, value) => Cow::Owned(paths::assign(places, &*output!(value, with), with)?),
            Op::Change(places, change) => match change {
                Assignment::Update(_) => Cow::Owned(change.make(places, None, with)?),
                _ => Cow::Owned(change.make(places, Some(&*output!(change.node(), with)), with)?),
            },
            Op::Native(native, arguments) => {
                let mut values = Vec::with_capacity(arguments.len());
                for argument in arguments {
                    values.push(output!(argument, with).into_owned());
                }
                return alone(native.outputs(values, with)).map(|value| value.map(Cow::Owned));
            }
            Op::Engine(part) => {
                let variables = part.variables(with)?;
                return alone(part.outputs(variables, with)).map(|value| value.map(Cow::Owned));
            }
            // All other operations may have many outputs, or are run by `maybe`.
            _ => {
                debug_assert!(false, "not a filter with one output");
                return first(self, with);
            }
        }))
    }

    /// Emits the outputs of a filter that may have many.
    pub(super) fn each_filter(&self, with: With<'_>, emit: Emit<'_>) -> Result<()> {
        match &self.op {
            Op::Foreach(fold, project) => fold.foreach(project.as_deref(), with, emit),
            Op::Limit(n, part) => n.each(with, &mut |n| limit(&n, part, with, emit)),
            Op::Skip(n, part) => n.each(with, &mut |n| skip(&n, part, with, emit)),
            Op::Range(bounds) => {
                let [from, to, by] = &**bounds;
                from.each(with, &mut |from| {
                    to.each(with, &mut |to| by.each(with, &mut |by| range(&from, &to, &by, emit)))
                })
            }
            Op::PathsOf(part) => paths::each_path(part, with, emit),
            Op::GetPath(place) => place.each(with, &mut |place| {
                let steps = places::steps(&place)?;
                emit(Cow::Owned(places::get(with.input.clone(), steps)?))
            }),
            Op::Walk(part) => {
                walk_up(with.input, part, with)?.into_iter().try_for_each(|value| emit(Cow::Owned(value)))
            }
            Op::Assign(places, value) => {
                value.each(with, &mut |value| emit(Cow::Owned(paths::assign(places, &value, with)?)))
            }
            Op::Change(places, change) => change
                .node()
                .each(with, &mut |value| emit(Cow::Owned(change.make(places, Some(&value), with)?))),
            Op::Native(native, arguments) => products(arguments, &mut Vec::new(), with, &mut |values| {
                native.outputs(values.to_vec(), with).try_for_each(|value| emit(Cow::Owned(value?)))
            }),
            Op::Engine(part) => {
                let variables = part.variables(with)?;
                part.outputs(variables, with).try_for_each(|value| emit(Cow::Owned(value?)))
            }
            // All other operations have at most one output, or are run by `each`.
            _ => {
                debug_assert!(false, "not a filter with many outputs");
                Ok(())
            }
        }
    }
}

/// The only output of a filter.
fn alone<'v>(mut outputs: impl Iterator<Item = Result<Val, Exn<'v, Val>>>) -> Result<Option<Val>> {
    let only = outputs.next().transpose()?;
    debug_assert!(outputs.next().is_none(), "two outputs where one is the most");
    Ok(only)
}

impl Native {
    fn outputs<'v>(self, values: Vec<Val>, with: With<'v>) -> ValXs<'v, Val> {
        let data = Data { lut: with.run.lut, scene: with.run.scene, library: with.run.library };
        let ctx = Ctx::<EngineTypes>::new(data, Vars::new(values));
        (self.run)((ctx, with.input.clone()))
    }
}

impl EnginePart {
    fn variables(&self, with: With<'_>) -> Result<Vec<Val>> {
        let value = |node: &Node| Ok(node.maybe(with)?.map(Cow::into_owned).unwrap_or_default());
        self.variables.iter().map(value).collect()
    }

    fn outputs<'v>(&'v self, variables: Vec<Val>, with: With<'v>) -> ValXs<'v, Val> {
        let data = Data { lut: &self.filter.lut, scene: with.run.scene, library: with.run.library };
        let ctx = Ctx::<EngineTypes>::new(data, Vars::new(variables));
        self.filter.id.run((ctx, with.input.clone()))
    }
}
