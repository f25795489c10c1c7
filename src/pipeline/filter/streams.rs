//! Filters that make streams of outputs, or look at one.

use jaq_core::box_iter::box_once;
use jaq_core::native::{Filter, v};
use jaq_core::{Bind, RunPtr, ValT as _, ValX};

use super::natives::{EngineTypes, not_for};
use super::value::Val;

pub(super) fn filters() -> Box<[Filter<RunPtr<EngineTypes>>]> {
    let f = || [Bind::Fun(())].into();
    let two = || [Bind::Fun(()), Bind::Fun(())].into();
    Box::new([
        ("range", v(1), |mut cv| {
            let upto = cv.0.pop_var();
            range(&Val::from(0_usize), &upto, &Val::from(1_usize))
        }),
        ("range", v(2), |mut cv| {
            let upto = cv.0.pop_var();
            let from = cv.0.pop_var();
            range(&from, &upto, &Val::from(1_usize))
        }),
        ("range", v(3), |mut cv| {
            let by = cv.0.pop_var();
            let upto = cv.0.pop_var();
            let from = cv.0.pop_var();
            range(&from, &upto, &by)
        }),
        ("isempty", f(), |mut cv| {
            let (f, fc) = cv.0.pop_fun();
            let empty = f.run((fc, cv.1)).next().transpose().map(|first| Val::from(first.is_none()));
            box_once(empty)
        }),
        ("any", v(0), |cv| box_once(found(cv.1.values().map(|item| Ok(item?.as_bool())), true))),
        ("all", v(0), |cv| box_once(found(cv.1.values().map(|item| Ok(item?.as_bool())), false))),
        ("any", f(), |mut cv| {
            let (f, fc) = cv.0.pop_fun();
            let truths = cv.1.values().flat_map(move |item| match item {
                Ok(item) => f.run((fc.clone(), item)),
                Err(error) => box_once(Err(error.into())),
            });
            box_once(found(truths.map(|truth| Ok(truth?.as_bool())), true))
        }),
        ("all", f(), |mut cv| {
            let (f, fc) = cv.0.pop_fun();
            let truths = cv.1.values().flat_map(move |item| match item {
                Ok(item) => f.run((fc.clone(), item)),
                Err(error) => box_once(Err(error.into())),
            });
            box_once(found(truths.map(|truth| Ok(truth?.as_bool())), false))
        }),
        ("any", two(), |mut cv| {
            let (f, fc) = cv.0.pop_fun();
            let (source, source_ctx) = cv.0.pop_fun();
            let truths = source.run((source_ctx, cv.1)).flat_map(move |item| match item {
                Ok(item) => f.run((fc.clone(), item)),
                Err(error) => box_once(Err(error)),
            });
            box_once(found(truths.map(|truth| Ok(truth?.as_bool())), true))
        }),
        ("all", two(), |mut cv| {
            let (f, fc) = cv.0.pop_fun();
            let (source, source_ctx) = cv.0.pop_fun();
            let truths = source.run((source_ctx, cv.1)).flat_map(move |item| match item {
                Ok(item) => f.run((fc.clone(), item)),
                Err(error) => box_once(Err(error)),
            });
            box_once(found(truths.map(|truth| Ok(truth?.as_bool())), false))
        }),
    ])
}

/// Whether one of the truths is this one, for `any`; or none is, for `all`.
fn found<'a>(mut truths: impl Iterator<Item = ValX<'a, bool, Val>>, wanted: bool) -> ValX<'a, Val> {
    let first = truths.find(|truth| !matches!(truth, Ok(truth) if *truth != wanted));
    Ok(Val::from(first.transpose()?.is_some() == wanted))
}

/// The numbers from one to below another, or above it if the step is negative.
fn range<'a>(from: &Val, upto: &Val, by: &Val) -> jaq_core::ValXs<'a, Val> {
    let (Some(start), Some(end), Some(step)) = (from.float(), upto.float(), by.float()) else {
        let wrong =
            [from, upto, by].into_iter().find(|val| val.float().is_none()).cloned().unwrap_or_default();
        return box_once(Err(not_for(&wrong, "cannot be a bound of range: number required").into()));
    };
    if step == 0.0 || step.is_nan() {
        return Box::new(std::iter::empty());
    }
    let mut at = from.clone();
    let mut place = start;
    let by = by.clone();
    Box::new(std::iter::from_fn(move || {
        if !(if step > 0.0 { place < end } else { place > end }) {
            return None;
        }
        place += step;
        // Whole numbers stay exact.
        let next = (at.clone() + by.clone()).unwrap_or_default();
        Some(Ok(std::mem::replace(&mut at, next)))
    }))
}
