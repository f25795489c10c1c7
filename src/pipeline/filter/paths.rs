//! Paths: reading, setting and removing what they lead to, and the filters that work on them.
//!
//! An update collects the paths of its left side first and then changes one place after the other, as jq does.
//! Removal never makes anything: what a path does not lead to is not there to be removed.

use std::sync::Arc;

use jaq_core::box_iter::box_once;
use jaq_core::native::{Filter, Fun, bome, v};
use jaq_core::{Bind, Cv, Exn, Native, RunPtr, ValR, ValT as _, ValX};

use super::desugar::{ASSIGN, LAST_OR_NULL, UPDATE};
use super::natives::EngineTypes;
use super::syntax::OR_ELSE;
use super::value::{Error, Val};

/// jq's own limit on the length of a path.
const DEEPEST: usize = 10_000;

/// The steps of a path.
pub(super) type Steps = Vec<Val>;

/// The filters whose outputs have no paths.
pub(super) fn filters() -> Box<[Filter<RunPtr<EngineTypes>>]> {
    let f = || [Bind::Fun(())].into();
    Box::new([
        ("path", f(), |cv| Box::new(paths_of(cv).map(|path| Ok(path?.into_iter().collect())))),
        ("del", f(), |cv| {
            let value = cv.1.clone();
            let paths = paths_of(cv).collect::<Result<Vec<_>, _>>();
            box_once(paths.and_then(|paths| Ok(remove_all(value, paths)?)))
        }),
        ("delpaths", v(1), |mut cv| {
            let paths = cv.0.pop_var();
            bome(delpaths(cv.1, &paths))
        }),
        ("setpath", v(2), |mut cv| {
            let value = cv.0.pop_var();
            let path = cv.0.pop_var();
            bome(steps(&path).and_then(|steps| set(cv.1, steps, value)))
        }),
        ("pick", f(), |cv| {
            let value = cv.1.clone();
            box_once(paths_of(cv).try_fold(Val::Null, |picked, path| {
                let path = path?;
                let found = get(value.clone(), &path)?;
                Ok(set(picked, &path, found)?)
            }))
        }),
        (UPDATE, [Bind::Fun(()), Bind::Fun(())].into(), |cv| box_once(update(cv))),
        (ASSIGN, [Bind::Fun(()), Bind::Var(())].into(), |mut cv| {
            let value = cv.0.pop_var();
            let old = cv.1.clone();
            let paths = paths_of(cv).collect::<Result<Vec<_>, _>>();
            box_once(paths.and_then(|paths| {
                Ok(paths.into_iter().try_fold(old, |new, path| set(new, &path, value.clone()))?)
            }))
        }),
        ("tostream", v(0), |cv| {
            let mut events = Vec::new();
            stream(&cv.1, &mut Vec::new(), &mut events);
            Box::new(events.into_iter().map(Ok))
        }),
    ])
}

/// The outputs of one filter up to an error, and then those of another.
macro_rules! or_else {
    ($run:ident) => {
        |mut cv| {
            let (second, second_ctx) = cv.0.pop_fun();
            let (first, first_ctx) = cv.0.pop_fun();
            let mut tried = first.$run((first_ctx, cv.1.clone()));
            let mut rest = None;
            Box::new(std::iter::from_fn(move || {
                if rest.is_none() {
                    match tried.next()? {
                        Ok(output) => return Some(Ok(output)),
                        Err(error) => match error.get_err() {
                            Ok(_) => rest = Some(second.$run((second_ctx.clone(), cv.1.clone()))),
                            Err(other) => return Some(Err(other)),
                        },
                    }
                }
                rest.as_mut()?.next()
            }))
        }
    };
}

/// The last output of a filter; null if there is none.
macro_rules! last_or_null {
    ($run:ident, $null:expr) => {
        |mut cv| {
            let (f, fc) = cv.0.pop_fun();
            let null = $null(&cv.1);
            box_once(
                f.$run((fc, cv.1))
                    .try_fold(None, |_, output| output.map(Some))
                    .map(|last| last.unwrap_or(null)),
            )
        }
    };
}

/// The filters whose outputs have paths.
pub(super) fn path_filters() -> [Fun<EngineTypes>; 7] {
    let [empty, error, error_with, or_else, last_or_null] = simple_path_filters();
    [
        empty,
        error,
        error_with,
        or_else,
        last_or_null,
        (
            "select",
            [Bind::Fun(())].into(),
            Native::<EngineTypes>::new(|mut cv| {
                let (f, fc) = cv.0.pop_fun();
                let value = cv.1.clone();
                Box::new(f.run((fc, cv.1)).filter_map(move |truth| match truth {
                    Ok(truth) => truth.as_bool().then(|| Ok(value.clone())),
                    Err(error) => Some(Err(error)),
                }))
            })
            .with_paths(|mut cv| {
                let (f, fc) = cv.0.pop_fun();
                let place = cv.1;
                Box::new(f.run((fc, place.0.clone())).filter_map(move |truth| match truth {
                    Ok(truth) => truth.as_bool().then(|| Ok(place.clone())),
                    Err(error) => Some(Err(error)),
                }))
            }),
        ),
        (
            "getpath",
            v(1),
            Native::<EngineTypes>::new(|mut cv| {
                let path = cv.0.pop_var();
                bome(steps(&path).and_then(|path| get(cv.1, path)))
            })
            .with_paths(|mut cv| {
                let path = cv.0.pop_var();
                let (value, place) = cv.1;
                let found =
                    steps(&path).and_then(|path| Ok((get(value, path)?, place.extend(path.iter().cloned()))));
                box_once(found.map_err(Exn::from))
            }),
        ),
    ]
}

fn simple_path_filters() -> [Fun<EngineTypes>; 5] {
    [
        (
            "empty",
            v(0),
            Native::<EngineTypes>::new(|_| Box::new(std::iter::empty()))
                .with_paths(|_| Box::new(std::iter::empty())),
        ),
        (
            "error",
            v(0),
            Native::<EngineTypes>::new(|cv| bome(Err(Error::new(cv.1))))
                .with_paths(|cv| box_once(Err(Exn::from(Error::new(cv.1.0))))),
        ),
        (
            "error",
            v(1),
            Native::<EngineTypes>::new(|mut cv| bome(Err(Error::new(cv.0.pop_var()))))
                .with_paths(|mut cv| box_once(Err(Exn::from(Error::new(cv.0.pop_var()))))),
        ),
        (
            OR_ELSE,
            [Bind::Fun(()), Bind::Fun(())].into(),
            Native::<EngineTypes>::new(or_else!(run)).with_paths(or_else!(paths)),
        ),
        (
            LAST_OR_NULL,
            [Bind::Fun(())].into(),
            Native::<EngineTypes>::new(last_or_null!(run, |_: &Val| Val::Null))
                .with_paths(last_or_null!(paths, |place: &(Val, _)| (Val::Null, Clone::clone(&place.1)))),
        ),
    ]
}

/// The paths of the outputs of the filter that is the last argument.
fn paths_of<'a>(mut cv: Cv<'a, EngineTypes>) -> impl Iterator<Item = ValX<'a, Steps, Val>> + 'a {
    let (f, fc) = cv.0.pop_fun();
    f.paths((fc, (cv.1, Default::default()))).map(|place| {
        let (_, path) = place.map_err(in_jqs_words)?;
        let mut path: Steps = path.iter().cloned().collect();
        path.reverse();
        Ok(path)
    })
}

/// The engine's error for an output without a path begins differently.
fn in_jqs_words(error: Exn<'_, Val>) -> Exn<'_, Val> {
    match error.get_err() {
        Ok(error) => match error.into_val() {
            Val::Str(text) if text.starts_with("invalid path expression") => {
                Exn::from(Error::str(format!("I{}", &text[1..])))
            }
            value => Exn::from(Error::new(value)),
        },
        Err(other) => other,
    }
}

/// `paths |= change`: the first output of the change takes the place of the value, and where there is none, the
/// value is removed once all others are changed.
fn update<'a>(mut cv: Cv<'a, EngineTypes>) -> ValX<'a, Val> {
    let (change, change_ctx) = cv.0.pop_fun();
    let mut value = cv.1.clone();
    let paths = paths_of(cv).collect::<Result<Vec<_>, _>>()?;
    let mut removed = Vec::new();
    for path in paths {
        let old = get(value.clone(), &path)?;
        match change.run((change_ctx.clone(), old)).next().transpose()? {
            Some(new) => value = set(value, &path, new)?,
            None => removed.push(path),
        }
    }
    Ok(remove_all(value, removed)?)
}

/// The steps of a path that a program made.
pub(super) fn steps(path: &Val) -> Result<&[Val], Error> {
    match path {
        Val::Arr(steps) if steps.len() > DEEPEST => Err(Error::str("Path too deep")),
        Val::Arr(steps) => Ok(steps),
        _ => Err(Error::str("Path must be specified as an array")),
    }
}

/// What a path leads to; null where it ends early.
pub(super) fn get(value: Val, path: &[Val]) -> ValR<Val> {
    path.iter().try_fold(value, Val::index)
}

/// Sets what a path leads to, and makes what is missing on the way.
pub(super) fn set(root: Val, path: &[Val], value: Val) -> ValR<Val> {
    let Some((step, rest)) = path.split_first() else { return Ok(value) };
    match (root, step) {
        (Val::Obj(mut fields), Val::Str(key)) => {
            let object = Arc::make_mut(&mut fields);
            // The value is taken out meanwhile, so that it need not be copied to be changed.
            let old = object.get_mut(key).map(std::mem::take).unwrap_or_default();
            object.insert(Arc::clone(key), set(old, rest, value)?);
            Ok(Val::Obj(fields))
        }
        (Val::Arr(mut items), Val::Num(_)) if step.place(items.len()).is_some_and(|at| at < items.len()) => {
            let place = step.place(items.len()).unwrap_or_default();
            let item = &mut Arc::make_mut(&mut items)[place];
            *item = set(std::mem::take(item), rest, value)?;
            Ok(Val::Arr(items))
        }
        (root, _) => {
            let new = set(root.clone().index(step)?, rest, value)?;
            root.with(step, new)
        }
    }
}

fn delpaths(value: Val, paths: &Val) -> ValR<Val> {
    let Val::Arr(paths) = paths else { return Err(Error::str("Paths must be specified as an array")) };
    let path = |path: &Val| match path {
        Val::Arr(_) => Ok(steps(path)?.to_vec()),
        other => Err(Error::str(format!("Path must be specified as array, not {}", other.kind()))),
    };
    let paths = paths.iter().map(path).collect::<Result<_, _>>()?;
    remove_all(value, paths)
}

/// Removes what the paths lead to, all of it as it was before anything was removed.
pub(super) fn remove_all(value: Val, mut paths: Vec<Steps>) -> ValR<Val> {
    paths.sort();
    match paths.first() {
        None => Ok(value),
        Some(first) if first.is_empty() => Ok(Val::Null),
        Some(_) => remove(value, &paths, 0),
    }
}

/// The paths are sorted, and the same up to `depth`.
fn remove(mut value: Val, mut paths: &[Steps], depth: usize) -> ValR<Val> {
    let mut gone = Vec::new();
    while let Some(first) = paths.first() {
        let step = &first[depth];
        // NaN is not even the same as itself.
        let same = 1 + paths[1..].iter().take_while(|path| path[depth] == *step).count();
        let (group, rest) = paths.split_at(same);
        if first.len() == depth + 1 {
            gone.push(step);
        } else {
            let inner = value.clone().index(step)?;
            if !matches!(inner, Val::Null) {
                let inner = remove(inner, group, depth + 1)?;
                value = value.with(step, inner)?;
            }
        }
        paths = rest;
    }
    value.without(&gone)
}

/// The events of a value: each scalar with its path, and the end of each array and object.
fn stream(value: &Val, path: &mut Steps, events: &mut Vec<Val>) {
    let at = |path: &Steps| path.iter().cloned().collect::<Val>();
    let children: Vec<(Val, &Val)> = match value {
        Val::Arr(items) => items.iter().enumerate().map(|(n, item)| (Val::from(n), item)).collect(),
        Val::Obj(fields) => fields.iter().map(|(key, item)| (Val::Str(Arc::clone(key)), item)).collect(),
        _ => Vec::new(),
    };
    let Some((last, _)) = children.last().cloned() else {
        return events.push([at(path), value.clone()].into_iter().collect());
    };
    for (key, item) in children {
        path.push(key);
        stream(item, path, events);
        path.pop();
    }
    path.push(last);
    events.push([at(path)].into_iter().collect());
    path.pop();
}
