//! Filters on numbers. The rarer functions of C's library come from the engine's.

use jaq_core::RunPtr;
use jaq_core::native::{Filter, bome, v};
use jaq_json::Num;

use super::natives::{EngineTypes, not_for};
use super::value::{Error, Val, float};

pub(super) fn filters() -> Box<[Filter<RunPtr<EngineTypes>>]> {
    Box::new([
        ("nan", v(0), |_| bome(Ok(Val::from(f64::NAN)))),
        ("infinite", v(0), |_| bome(Ok(Val::from(f64::INFINITY)))),
        ("isnan", v(0), |cv| bome(number(&cv.1).map(|n| Val::from(n.is_nan())))),
        ("isinfinite", v(0), |cv| bome(Ok(Val::from(cv.1.float().is_some_and(f64::is_infinite))))),
        ("isfinite", v(0), |cv| bome(Ok(Val::from(cv.1.float().is_some_and(|n| !n.is_infinite()))))),
        ("isnormal", v(0), |cv| bome(number(&cv.1).map(|n| Val::from(n.is_normal())))),
        ("abs", v(0), |cv| {
            bome(match &cv.1 {
                Val::Num(n) if float(n) < 0.0 => -cv.1,
                Val::Num(_) | Val::Str(_) | Val::Arr(_) | Val::Obj(_) => Ok(cv.1),
                other => Err(not_for(other, "cannot be negated")),
            })
        }),
        ("floor", v(0), |cv| bome(whole(cv.1, f64::floor))),
        ("ceil", v(0), |cv| bome(whole(cv.1, f64::ceil))),
        ("round", v(0), |cv| bome(whole(cv.1, f64::round))),
        ("trunc", v(0), |cv| bome(whole(cv.1, f64::trunc))),
        ("nearbyint", v(0), |cv| bome(whole(cv.1, f64::round_ties_even))),
        ("rint", v(0), |cv| bome(whole(cv.1, f64::round_ties_even))),
        ("sqrt", v(0), |cv| bome(number(&cv.1).map(|n| Val::from(n.sqrt())))),
        ("fabs", v(0), |cv| bome(number(&cv.1).map(|n| Val::from(n.abs())))),
        ("exp10", v(0), |cv| bome(number(&cv.1).map(|n| Val::from(10_f64.powf(n))))),
        ("pow", v(2), |mut cv| {
            let power = cv.0.pop_var();
            let base = cv.0.pop_var();
            bome(number(&base).and_then(|base| Ok(Val::from(base.powf(number(&power)?)))))
        }),
    ])
}

/// What jq computes with.
pub(super) fn number(val: &Val) -> Result<f64, Error> {
    val.float().ok_or_else(|| not_for(val, "number required"))
}

/// A number rounded in one way; whole ones stay exact.
fn whole(val: Val, round: fn(f64) -> f64) -> Result<Val, Error> {
    match &val {
        Val::Num(Num::Int(_) | Num::BigInt(_)) => Ok(val),
        _ => number(&val).map(|n| Val::from(round(n))),
    }
}
