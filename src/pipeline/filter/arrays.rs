//! Filters on arrays and objects.

use std::sync::Arc;

use jaq_core::box_iter::box_once;
use jaq_core::native::{Filter, bome, unary, v};
use jaq_core::{Bind, Cv, RunPtr, ValR, ValT as _, ValX};

use super::natives::{EngineTypes, not_for};
use super::object::Object;
use super::strings;
use super::value::{Error, Val, float, places_of};

pub(super) fn filters() -> Box<[Filter<RunPtr<EngineTypes>>]> {
    let mut all = Vec::from(lookups());
    all.extend(orders());
    all.extend(shapes());
    all.into_boxed_slice()
}

/// What is in an array or object, and where.
fn lookups() -> [Filter<RunPtr<EngineTypes>>; 10] {
    [
        ("length", v(0), |cv| bome(length(cv.1))),
        ("keys", v(0), |cv| bome(keys(&cv.1, true))),
        ("keys_unsorted", v(0), |cv| bome(keys(&cv.1, false))),
        ("has", v(1), |cv| unary(cv, |value, key| has(&value, &key).map(Val::from))),
        ("contains", v(1), |cv| unary(cv, |a, b| contains(&a, &b, 0).map(Val::from))),
        ("inside", v(1), |cv| unary(cv, |a, b| contains(&b, &a, 0).map(Val::from))),
        ("indices", v(1), |cv| unary(cv, |value, part| indices(&value, &part))),
        ("index", v(1), |cv| unary(cv, |value, part| place(&value, &part, false))),
        ("rindex", v(1), |cv| unary(cv, |value, part| place(&value, &part, true))),
        ("bsearch", v(1), |cv| {
            unary(cv, |value, x| match &value {
                Val::Arr(items) => Ok(Val::from(match items.binary_search(&x) {
                    Ok(at) => at as isize,
                    Err(at) => -1 - at as isize,
                })),
                other => Err(not_for(other, "cannot be searched from")),
            })
        }),
    ]
}

/// Sorting and grouping. The keys of an item are all outputs of the filter.
fn orders() -> [Filter<RunPtr<EngineTypes>>; 9] {
    let f = || [Bind::Fun(())].into();
    [
        ("sort", v(0), |cv| bome(sorted(cv.1, "cannot be sorted, as it is not an array"))),
        ("unique", v(0), |cv| {
            bome(sorted(cv.1, "cannot be sorted, as it is not an array").map(|sorted| {
                let Val::Arr(mut items) = sorted else { return sorted };
                Arc::make_mut(&mut items).dedup();
                Val::Arr(items)
            }))
        }),
        ("sort_by", f(), |cv| {
            let sort = |keyed: Vec<(Vec<Val>, Val)>| keyed.into_iter().map(|(_, item)| item).collect();
            box_once(keyed(cv, "cannot be sorted, as it is not an array").map(sort))
        }),
        ("group_by", f(), |cv| {
            let groups = keyed(cv, "cannot be grouped, as it is not an array").map(groups);
            box_once(groups.map(|groups| groups.into_iter().map(Val::from_iter).collect()))
        }),
        ("unique_by", f(), |cv| {
            let groups = keyed(cv, "cannot be grouped, as it is not an array").map(groups);
            box_once(
                groups
                    .map(|groups| groups.into_iter().filter_map(|group| group.into_iter().next()).collect()),
            )
        }),
        ("min", v(0), |cv| bome(extreme(&cv.1, false))),
        ("max", v(0), |cv| bome(extreme(&cv.1, true))),
        ("min_by", f(), |cv| {
            let first = |keyed: Vec<(Vec<Val>, Val)>| {
                keyed.into_iter().next().map(|(_, item)| item).unwrap_or_default()
            };
            box_once(keyed(cv, "cannot be iterated over").map(first))
        }),
        ("max_by", f(), |cv| {
            let last = |keyed: Vec<(Vec<Val>, Val)>| {
                keyed.into_iter().next_back().map(|(_, item)| item).unwrap_or_default()
            };
            box_once(keyed(cv, "cannot be iterated over").map(last))
        }),
    ]
}

/// Arrays and objects made from others.
fn shapes() -> [Filter<RunPtr<EngineTypes>>; 10] {
    let f = || [Bind::Fun(())].into();
    [
        ("map", f(), |mut cv| {
            let (f, fc) = cv.0.pop_fun();
            let mut out = Vec::new();
            let mapped = cv.1.values().try_for_each(|item| {
                f.run((fc.clone(), item?)).try_for_each(|output| {
                    out.push(output?);
                    Ok(())
                })
            });
            box_once(mapped.map(|()| out.into_iter().collect()))
        }),
        ("map_values", f(), |mut cv| {
            let (f, fc) = cv.0.pop_fun();
            box_once(map_values(cv.1, |item| f.run((fc.clone(), item)).next().transpose()))
        }),
        ("walk", f(), |mut cv| {
            let (f, fc) = cv.0.pop_fun();
            let walked = walk(cv.1, &|value| f.run((fc.clone(), value)).collect());
            match walked {
                Ok(outputs) => Box::new(outputs.into_iter().map(Ok)),
                Err(error) => box_once(Err(error)),
            }
        }),
        ("add", v(0), |cv| bome(cv.1.values().try_fold(Val::Null, |sum, item| sum + item?))),
        ("add", f(), |mut cv| {
            let (f, fc) = cv.0.pop_fun();
            let sum = f.run((fc, cv.1)).try_fold(Val::Null, |sum, item| Ok((sum + item?)?));
            box_once(sum)
        }),
        ("reverse", v(0), |cv| bome(reverse(cv.1))),
        ("flatten", v(0), |cv| bome(flatten(&cv.1, f64::INFINITY))),
        ("flatten", v(1), |cv| {
            unary(cv, |value, depth| match depth.float() {
                Some(depth) if depth < 0.0 => Err(Error::str("flatten depth must not be negative")),
                Some(depth) => flatten(&value, depth),
                None => Err(Error::str("flatten depth must be a number")),
            })
        }),
        ("transpose", v(0), |cv| bome(transpose(&cv.1))),
        ("toarray", v(0), |cv| {
            bome(Ok(if matches!(cv.1, Val::Arr(_)) { cv.1 } else { std::iter::once(cv.1).collect() }))
        }),
    ]
}

fn length(val: Val) -> ValR<Val> {
    Ok(match val {
        Val::Null => Val::from(0_usize),
        Val::Bool(_) => return Err(not_for(&val, "has no length")),
        Val::Num(n) if float(&n) < 0.0 || float(&n).is_sign_negative() => Val::Num(-n),
        Val::Num(_) => val,
        Val::Str(text) => Val::from(text.chars().count()),
        Val::Arr(items) => Val::from(items.len()),
        Val::Obj(fields) => Val::from(fields.len()),
    })
}

/// Sorted for those who compare them, or in their order.
fn keys(val: &Val, sort: bool) -> ValR<Val> {
    match val {
        Val::Arr(items) => Ok((0..items.len()).map(Val::from).collect()),
        Val::Obj(fields) => {
            let mut keys: Vec<_> = fields.iter().map(|(key, _)| Val::Str(Arc::clone(key))).collect();
            if sort {
                keys.sort();
            }
            Ok(Val::Arr(Arc::new(keys)))
        }
        other => Err(not_for(other, "has no keys")),
    }
}

fn contains(a: &Val, b: &Val, depth: usize) -> Result<bool, Error> {
    if depth > crate::json::MAX_DEPTH {
        return Err(Error::str("Containment check too deep"));
    }
    match (a, b) {
        (Val::Obj(a), Val::Obj(b)) => b.iter().try_fold(true, |all, (key, b)| {
            Ok(all && a.get(key).map_or(Ok(false), |a| contains_inner(a, b, depth))?)
        }),
        (Val::Arr(a), Val::Arr(b)) => b.iter().try_fold(true, |all, b| {
            let any = |any: bool, a: &Val| Ok::<_, Error>(any || contains_inner(a, b, depth)?);
            Ok(all && a.iter().try_fold(false, any)?)
        }),
        (Val::Str(a), Val::Str(b)) => Ok(a.contains(&**b)),
        _ if a.kind() == b.kind() => Ok(a == b),
        _ => Err(Error::str(format!(
            "{} and {} cannot have their containment checked",
            a.describe(),
            b.describe()
        ))),
    }
}

/// What is in a container need not be of the same kind.
fn contains_inner(a: &Val, b: &Val, depth: usize) -> Result<bool, Error> {
    if a.kind() == b.kind() { contains(a, b, depth + 1) } else { Ok(false) }
}

fn has(val: &Val, key: &Val) -> Result<bool, Error> {
    match (val, key) {
        (Val::Null, _) => Ok(false),
        (Val::Obj(fields), Val::Str(key)) => Ok(fields.contains_key(key)),
        (Val::Arr(items), Val::Num(at)) => Ok((0.0..items.len() as f64).contains(&float(at).trunc())),
        _ => Err(Error::str(format!("Cannot check whether {} has a {} key", val.kind(), key.kind()))),
    }
}

pub(super) fn indices(val: &Val, part: &Val) -> ValR<Val> {
    let collect = |places: &mut dyn Iterator<Item = usize>| Ok(places.map(Val::from).collect());
    match (val, part) {
        (Val::Null, _) => Ok(Val::Null),
        (Val::Str(_), Val::Str(part)) if part.is_empty() => Ok(Val::Null),
        (Val::Str(text), Val::Str(part)) => {
            // Matches may overlap, and places count characters.
            let starts = text.char_indices().enumerate();
            collect(&mut starts.filter(|(_, (byte, _))| text[*byte..].starts_with(&**part)).map(|(at, _)| at))
        }
        (Val::Arr(items), Val::Arr(part)) => collect(&mut places_of(items, part)),
        (Val::Arr(items), item) => {
            collect(&mut items.iter().enumerate().filter(|(_, x)| *x == item).map(|(at, _)| at))
        }
        _ => val.clone().index(part),
    }
}

/// The first place or the last one; null if there is none.
fn place(val: &Val, part: &Val, last: bool) -> ValR<Val> {
    Ok(match indices(val, part)? {
        Val::Arr(places) => if last { places.last() } else { places.first() }.cloned().unwrap_or_default(),
        other => other,
    })
}

fn sorted(val: Val, why: &str) -> ValR<Val> {
    match val {
        Val::Arr(mut items) => {
            Arc::make_mut(&mut items).sort();
            Ok(Val::Arr(items))
        }
        other => Err(not_for(&other, why)),
    }
}

/// The items of the input with their keys, sorted by them.
fn keyed<'a>(mut cv: Cv<'a, EngineTypes>, why: &str) -> ValX<'a, Vec<(Vec<Val>, Val)>, Val> {
    let (f, fc) = cv.0.pop_fun();
    let Val::Arr(items) = &cv.1 else { return Err(not_for(&cv.1, why).into()) };
    let key = |item: &Val| Ok((f.run((fc.clone(), item.clone())).collect::<Result<_, _>>()?, item.clone()));
    let mut keyed = items.iter().map(key).collect::<ValX<'a, Vec<(Vec<Val>, Val)>, Val>>()?;
    keyed.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(keyed)
}

/// Items with the same keys, which follow each other.
fn groups(keyed: Vec<(Vec<Val>, Val)>) -> Vec<Vec<Val>> {
    let mut groups: Vec<(Vec<Val>, Vec<Val>)> = Vec::new();
    for (key, item) in keyed {
        match groups.last_mut() {
            Some((last, group)) if *last == key => group.push(item),
            _ => groups.push((key, vec![item])),
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

/// The least item, the first of several, or the greatest, the last of several.
fn extreme(val: &Val, greatest: bool) -> ValR<Val> {
    let Val::Arr(items) = val else { return Err(not_for(val, "cannot be iterated over")) };
    let found = if greatest { items.iter().max() } else { items.iter().min() };
    Ok(found.cloned().unwrap_or_default())
}

/// A value whose items are changed, or removed where there is no change.
fn map_values<'a>(val: Val, change: impl Fn(Val) -> ValX<'a, Option<Val>, Val>) -> ValX<'a, Val> {
    match val {
        Val::Arr(mut items) => {
            let mut left = Vec::with_capacity(items.len());
            for item in Arc::make_mut(&mut items).drain(..) {
                left.extend(change(item)?);
            }
            Ok(left.into_iter().collect())
        }
        Val::Obj(fields) => {
            let mut left = Object::default();
            for (key, item) in fields.iter() {
                if let Some(item) = change(item.clone())? {
                    left.insert(Arc::clone(key), item);
                }
            }
            Ok(Val::object(left))
        }
        other => Err(Error::str(format!("Cannot iterate over {}", other.describe())).into()),
    }
}

/// Changes a value after everything in it. Every output has a place in an array, the first one in an object.
fn walk<'a>(val: Val, change: &dyn Fn(Val) -> ValX<'a, Vec<Val>, Val>) -> ValX<'a, Vec<Val>, Val> {
    let val = match val {
        Val::Arr(items) => {
            let mut out = Vec::with_capacity(items.len());
            for item in items.iter() {
                out.append(&mut walk(item.clone(), change)?);
            }
            Val::Arr(Arc::new(out))
        }
        Val::Obj(_) => map_values(val, |item| Ok(walk(item, change)?.into_iter().next()))?,
        other => other,
    };
    change(val)
}

fn reverse(val: Val) -> ValR<Val> {
    match val {
        Val::Arr(mut items) => {
            Arc::make_mut(&mut items).reverse();
            Ok(Val::Arr(items))
        }
        Val::Null => Ok(Val::Arr(Arc::default())),
        Val::Str(text) => Ok(strings::reverse(&text)),
        other if other.float() == Some(0.0) => Ok(Val::Arr(Arc::default())),
        other => Err(not_for(&other, "cannot be reversed, as it is not an array")),
    }
}

fn flatten(val: &Val, depth: f64) -> ValR<Val> {
    fn into(items: &[Val], depth: f64, out: &mut Vec<Val>) {
        for item in items {
            match item {
                Val::Arr(inner) if depth > 0.0 => into(inner, depth - 1.0, out),
                other => out.push(other.clone()),
            }
        }
    }
    let mut out = Vec::new();
    match val {
        Val::Arr(items) => into(items, depth, &mut out),
        Val::Obj(fields) => {
            let items: Vec<_> = fields.iter().map(|(_, item)| item.clone()).collect();
            into(&items, depth, &mut out);
        }
        other => return Err(Error::str(format!("Cannot iterate over {}", other.describe()))),
    }
    Ok(out.into_iter().collect())
}

/// Rows become columns; short rows are filled up with null.
fn transpose(val: &Val) -> ValR<Val> {
    let rows = val.clone().values().collect::<Result<Vec<_>, _>>()?;
    let mut width = 0;
    for row in &rows {
        width = width.max(match row {
            Val::Arr(items) => items.len(),
            Val::Null => 0,
            other => return Err(Error::str(format!("Cannot index {} with number (0)", other.kind()))),
        });
    }
    let cell = |row: &Val, at: usize| match row {
        Val::Arr(items) => items.get(at).cloned().unwrap_or_default(),
        _ => Val::Null,
    };
    Ok((0..width).map(|at| rows.iter().map(|row| cell(row, at)).collect::<Val>()).collect())
}
