//! Runs a plan on an input.
//!
//! An operation with at most one output returns it (`maybe`). One with many calls a closure for each (`each`). Values
//! stay borrowed until they are changed. This file runs the syntax of jq; `filters.rs` runs its filters.

use std::borrow::Cow;

use jaq_core::{Exn, Lut, ValT as _};

use super::super::modules::Library;
use super::super::natives::{EngineTypes, Scene};
use super::super::object::Object;
use super::super::value::{Error, Val};
use super::items::recurse;
use super::made::{calculate, collect, compare, object, objects, pair, pairs, text, texts, to_string};
use super::steps::{go, walk};
use super::{Node, Op, OutputCount};

/// The output of a node. If it has none, the caller returns without an output, too.
macro_rules! output {
    ($node:expr, $with:expr) => {
        match $node.maybe($with)? {
            Some(output) => output,
            None => return Ok(None),
        }
    };
}
pub(super) use output;

/// Why a run ends early.
#[derive(Debug)]
pub(in super::super) enum RunStop {
    Error(Val),
    Break(usize),
    Halt(i32),
    /// The consumer needs no more outputs.
    Enough,
}

impl From<Error> for RunStop {
    fn from(error: Error) -> Self {
        Self::Error(error.into_val())
    }
}

impl From<Exn<'_, Val>> for RunStop {
    fn from(exception: Exn<'_, Val>) -> Self {
        match exception.get_err() {
            Ok(error) => error.into(),
            Err(other) => Self::Halt(other.get_halt().unwrap_or(5)),
        }
    }
}

pub(super) type Result<T, E = RunStop> = std::result::Result<T, E>;
pub(super) type Emit<'e> = &'e mut dyn FnMut(Cow<'_, Val>) -> Result<()>;

/// The surroundings of a run.
pub(in super::super) struct RunContext<'v> {
    /// The values of the global variables.
    pub(in super::super) globals: &'v [Val],
    pub(in super::super) scene: &'v dyn Scene,
    /// For native filters that are called without the engine.
    pub(in super::super) lut: &'v Lut<EngineTypes>,
    /// Where modules are looked for.
    pub(in super::super) library: &'v Library,
    /// The parts of the message that are kept apart.
    pub(in super::super) parts: &'v [Val],
}

/// The local variables, the last one first.
#[derive(Clone, Copy)]
struct Env<'v>(Option<&'v Bound<'v>>);

struct Bound<'v> {
    value: &'v Val,
    up: Env<'v>,
}

impl<'v> Env<'v> {
    fn get(self, up: usize) -> Option<&'v Val> {
        let mut at = self.0?;
        for _ in 0..up {
            at = at.up.0?;
        }
        Some(at.value)
    }
}

/// The context of one operation.
#[derive(Clone, Copy)]
pub(super) struct With<'v> {
    pub(super) run: &'v RunContext<'v>,
    env: Env<'v>,
    pub(super) input: &'v Val,
}

impl<'v> With<'v> {
    pub(super) fn input(self, input: &'v Val) -> Self {
        Self { input, ..self }
    }

    /// Runs `body` with one more variable.
    pub(super) fn bind<T>(self, value: &Val, body: impl FnOnce(With<'_>) -> T) -> T {
        body(self.env(&Bound { value, up: self.env }))
    }

    fn env(self, bound: &'v Bound<'v>) -> Self {
        Self { env: Env(Some(bound)), ..self }
    }
}

impl Node {
    /// Emits every output.
    pub(super) fn run(&self, run: &RunContext<'_>, input: &Val, emit: Emit<'_>) -> Result<()> {
        self.each(With { run, env: Env(None), input }, emit)
    }

    /// The output of an operation with at most one output, outside of any binding.
    pub(super) fn first(&self, run: &RunContext<'_>, input: &Val) -> Result<Option<Val>> {
        Ok(self.maybe(With { run, env: Env(None), input })?.map(Cow::into_owned))
    }

    /// The output of an operation with at most one output.
    pub(super) fn maybe<'v>(&'v self, with: With<'v>) -> Result<Option<Cow<'v, Val>>> {
        Ok(Some(match &self.op {
            Op::Input => Cow::Borrowed(with.input),
            Op::Part(at) => return Ok(with.run.parts.get(*at).map(Cow::Borrowed)),
            Op::Constant(value) => Cow::Borrowed(value),
            Op::Var(up) => return Ok(with.env.get(*up).map(Cow::Borrowed)),
            Op::Global(at) => return Ok(with.run.globals.get(*at).map(Cow::Borrowed)),
            Op::Path(from, steps) => match output!(from, with) {
                Cow::Borrowed(value) => return go(value, steps, with),
                Cow::Owned(value) => return Ok(go(&value, steps, with)?.map(owned)),
            },
            Op::Pipe(left, right) => match output!(left, with) {
                Cow::Borrowed(value) => output!(right, with.input(value)),
                Cow::Owned(value) => owned(output!(right, with.input(&value))),
            },
            Op::Bind(source, body) => {
                let value = output!(source, with);
                let bound = Bound { value: &value, up: with.env };
                owned(output!(body, with.env(&bound)))
            }
            Op::Alternative(left, right) => match left.maybe(with)? {
                Some(value) if value.as_bool() => value,
                _ => output!(right, with),
            },
            Op::If(condition, then, otherwise) => {
                let next = if output!(condition, with).as_bool() { then } else { otherwise };
                output!(next, with)
            }
            Op::Logic(left, settled, right) => {
                let left = output!(left, with).as_bool();
                truth(if left == *settled { left } else { output!(right, with).as_bool() })
            }
            Op::Math(left, math, right) => match pair(left, right, with)? {
                Some((left, right)) => Cow::Owned(calculate(left, *math, right)?),
                None => return Ok(None),
            },
            Op::Compare(left, cmp, right) => match pair(left, right, with)? {
                Some((left, right)) => truth(compare(&left, *cmp, &right)),
                None => return Ok(None),
            },
            Op::Negate(part) => Cow::Owned((-output!(part, with).into_owned())?),
            Op::Array(part) => Cow::Owned(collect(part, with)?),
            Op::Object(fields) => return object(fields, with),
            Op::Text(parts) => return text(parts, with),
            Op::ToString => to_string(with.input),
            Op::Empty => return Ok(None),
            Op::Fail => return Err(RunStop::Error(with.input.clone())),
            Op::Try(body, handler) => match body.maybe(with) {
                Err(RunStop::Error(error)) => owned(output!(handler, with.input(&error))),
                other => return other,
            },
            Op::Break(label) => return Err(RunStop::Break(*label)),
            Op::Label(label, body) => match body.maybe(with) {
                Err(RunStop::Break(at)) if at == *label => return Ok(None),
                other => return other,
            },
            _ => return self.maybe_filter(with),
        }))
    }

    /// Emits the outputs of any operation.
    pub(super) fn each(&self, with: With<'_>, emit: Emit<'_>) -> Result<()> {
        if self.outputs != OutputCount::Many {
            return match self.maybe(with)? {
                Some(output) => emit(output),
                None => Ok(()),
            };
        }
        match &self.op {
            Op::Path(from, steps) => from.each(with, &mut |value| walk(&value, steps, with, emit)),
            Op::Pipe(left, right) => left.each(with, &mut |value| right.each(with.input(&value), emit)),
            Op::Bind(source, body) => source
                .each(with, &mut |value| body.each(with.env(&Bound { value: &value, up: with.env }), emit)),
            Op::Comma(left, right) => {
                left.each(with, emit)?;
                right.each(with, emit)
            }
            Op::Alternative(left, right) => {
                let mut any = false;
                left.each(with, &mut |value| {
                    if !value.as_bool() {
                        return Ok(());
                    }
                    any = true;
                    emit(value)
                })?;
                if any { Ok(()) } else { right.each(with, emit) }
            }
            Op::If(condition, then, otherwise) => condition
                .each(with, &mut |value| if value.as_bool() { then } else { otherwise }.each(with, emit)),
            Op::Logic(left, settled, right) => left.each(with, &mut |left| {
                if left.as_bool() == *settled {
                    return emit(truth(*settled));
                }
                right.each(with, &mut |right| emit(truth(right.as_bool())))
            }),
            Op::Math(left, math, right) => pairs(left, right, with, &mut |left, right| {
                emit(Cow::Owned(calculate(Cow::Borrowed(left), *math, right)?))
            }),
            Op::Compare(left, cmp, right) => {
                pairs(left, right, with, &mut |left, right| emit(truth(compare(left, *cmp, &right))))
            }
            Op::Negate(part) => part.each(with, &mut |value| emit(Cow::Owned((-value.into_owned())?))),
            Op::Object(fields) => objects(fields, &Object::default(), with, emit),
            Op::Text(parts) => texts(parts, "", with, emit),
            Op::Recurse => recurse(with.input, emit),
            Op::Try(body, handler) => match body.each_apart(with, emit) {
                Err((false, RunStop::Error(error))) => handler.each(with.input(&error), emit),
                other => other.map_err(|(_, stop)| stop),
            },
            Op::Label(label, body) => match body.each(with, emit) {
                Err(RunStop::Break(at)) if at == *label => Ok(()),
                other => other,
            },
            _ => self.each_filter(with, emit),
        }
    }

    /// [`Node::each`] that also returns who stopped the run: the next operation (true) or this one (false).
    pub(super) fn each_apart(&self, with: With<'_>, emit: Emit<'_>) -> Result<(), (bool, RunStop)> {
        let mut next = false;
        let end = self.each(with, &mut |value| emit(value).inspect_err(|_| next = true));
        end.map_err(|stop| (next, stop))
    }

    /// Returns true if there is an output or an error.
    pub(super) fn ends_in_something(&self, with: With<'_>) -> bool {
        if self.outputs == OutputCount::One {
            return true;
        }
        let mut any = false;
        let end = self.each(with, &mut |_| {
            any = true;
            Err(RunStop::Enough)
        });
        any || end.is_err()
    }
}

pub(super) fn owned(value: Cow<'_, Val>) -> Cow<'static, Val> {
    Cow::Owned(value.into_owned())
}

pub(super) fn truth(truth: bool) -> Cow<'static, Val> {
    Cow::Owned(Val::Bool(truth))
}
