//! Operations on streams: `reduce`, `foreach`, `first`, `limit` and similar filters.

use std::borrow::Cow;

use jaq_core::ValT as _;

use super::super::natives::not_for;
use super::super::value::{Val, float};
use super::made::calculate;
use super::run::{Emit, Result, RunStop, With};
use super::{Fold, Node, Op, PathStep};

impl Fold {
    pub(super) fn reduce(&self, with: With<'_>) -> Result<Option<Val>> {
        let Some(start) = self.init.maybe(with)? else { return Ok(None) };
        let mut state = Some(start.into_owned());
        let mut enough = false;
        let end = self.source.each(with, &mut |item| {
            let Some(before) = state.take() else { return Ok(()) };
            state = with.bind(&item, |with| self.next(before, with))?;
            enough = state.is_none();
            if enough { Err(RunStop::Enough) } else { Ok(()) }
        });
        match end {
            Err(RunStop::Enough) if enough => Ok(None),
            end => end.map(|()| state),
        }
    }

    /// The state after an item. It takes the old state by value, so that an addition need not copy it.
    pub(super) fn next(&self, before: Val, with: With<'_>) -> Result<Option<Val>> {
        if let Op::Math(left, math, right) = &self.update.op
            && let Op::Input = left.op
            && right.ignores_input()
        {
            let null = Val::Null;
            let Some(right) = right.maybe(with.input(&null))? else { return Ok(None) };
            return Ok(Some(calculate(Cow::Owned(before), *math, right)?));
        }
        Ok(self.update.maybe(with.input(&before))?.map(Cow::into_owned))
    }

    pub(super) fn foreach(&self, project: Option<&Node>, with: With<'_>, emit: Emit<'_>) -> Result<()> {
        let Some(start) = self.init.maybe(with)? else { return Ok(()) };
        let mut state = start.into_owned();
        let mut enough = false;
        let end = self.source.each(with, &mut |item| {
            let before = std::mem::take(&mut state);
            match with.bind(&item, |with| self.next(before, with))? {
                Some(after) => state = after,
                None => {
                    enough = true;
                    return Err(RunStop::Enough);
                }
            }
            match project {
                Some(project) => with.bind(&item, |with| project.each(with.input(&state), emit)),
                None => emit(Cow::Borrowed(&state)),
            }
        });
        match end {
            Err(RunStop::Enough) if enough => Ok(()),
            end => end,
        }
    }
}

impl Node {
    pub(super) fn ignores_input(&self) -> bool {
        match &self.op {
            Op::Constant(_) | Op::Var(_) | Op::Global(_) => true,
            Op::Path(from, steps) => from.ignores_input() && steps.iter().all(PathStep::is_fixed),
            _ => false,
        }
    }
}

pub(super) fn first<'v>(part: &'v Node, with: With<'v>) -> Result<Option<Cow<'v, Val>>> {
    let mut found = None;
    let end = part.each(with, &mut |value| {
        found = Some(value.into_owned());
        Err(RunStop::Enough)
    });
    match end {
        Err(RunStop::Enough) if found.is_some() => {}
        end => end?,
    }
    Ok(found.map(Cow::Owned))
}

/// The result of `any` (`wanted` is true) or `all` (`wanted` is false) over the outputs.
pub(super) fn any(part: &Node, wanted: bool, with: With<'_>) -> Result<bool> {
    let mut found = false;
    let end = part.each(with, &mut |value| {
        found = value.as_bool() == wanted;
        if found { Err(RunStop::Enough) } else { Ok(()) }
    });
    match end {
        Err(RunStop::Enough) if found => {}
        end => end?,
    }
    Ok(found == wanted)
}

/// The last output.
pub(super) fn last(part: &Node, with: With<'_>) -> Result<Option<Val>> {
    let mut last = None;
    part.each(with, &mut |value| {
        last = Some(value.into_owned());
        Ok(())
    })?;
    Ok(last)
}

/// The argument of `limit` or `skip` as a number; `None` if it is 0 or less.
pub(super) fn count(n: &Val) -> Result<Option<f64>> {
    if *n <= Val::from(0_isize) {
        return Ok(None);
    }
    match n {
        Val::Num(n) => Ok(Some(float(n))),
        other => Err((other.clone() - Val::from(1_isize)).err().map_or(RunStop::Enough, RunStop::from)),
    }
}

pub(super) fn limit(n: &Val, part: &Node, with: With<'_>, emit: Emit<'_>) -> Result<()> {
    let Some(mut quota) = count(n)?.map(Quota::new) else { return Ok(()) };
    let end = part.each(with, &mut |value| {
        emit(value)?;
        quota.take_one()
    });
    quota.settle(end)
}

/// How many outputs `limit` still lets pass.
pub(super) struct Quota {
    left: f64,
    used_up: bool,
}

impl Quota {
    pub(super) fn new(left: f64) -> Self {
        Self { left, used_up: false }
    }

    /// An output has passed. The last one ends the run.
    pub(super) fn take_one(&mut self) -> Result<()> {
        self.left -= 1.0;
        self.used_up = self.left <= 0.0;
        if self.used_up { Err(RunStop::Enough) } else { Ok(()) }
    }

    /// The end of the run, which is no stop if it was ours.
    pub(super) fn settle(&self, end: Result<()>) -> Result<()> {
        match end {
            Err(RunStop::Enough) if self.used_up => Ok(()),
            end => end,
        }
    }
}

pub(super) fn skip(n: &Val, part: &Node, with: With<'_>, emit: Emit<'_>) -> Result<()> {
    let Some(mut left) = count(n)? else { return part.each(with, emit) };
    part.each(with, &mut |value| {
        if left > 0.0 {
            left -= 1.0;
            return Ok(());
        }
        emit(value)
    })
}

/// Emits the numbers from `from` to `to`, without `to` itself.
pub(super) fn range(from: &Val, to: &Val, by: &Val, emit: Emit<'_>) -> Result<()> {
    let (Some(mut place), Some(end), Some(step)) = (from.float(), to.float(), by.float()) else {
        let wrong = [from, to, by].into_iter().find(|value| value.float().is_none());
        return Err(not_for(wrong.unwrap_or(from), "cannot be a bound of range: number required").into());
    };
    let mut at = from.clone();
    while if step > 0.0 { place < end } else { step < 0.0 && place > end } {
        emit(Cow::Borrowed(&at))?;
        place += step;
        // Whole numbers stay exact.
        at = (at + by.clone()).unwrap_or_default();
    }
    Ok(())
}
