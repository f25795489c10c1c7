//! Makes values of the outputs of several parts.

use std::borrow::Cow;

use jaq_core::ValT;
use jaq_core::ops::{Cmp, Math};

use super::super::object::Object;
use super::super::value::Val;
use super::Node;
use super::run::{Emit, Result, RunStop, With};

/// Both operands. As in the engine, an error of the left one counts only if the right one has an output or an error.
pub(super) fn pair<'v>(
    left: &'v Node,
    right: &'v Node,
    with: With<'v>,
) -> Result<Option<(Cow<'v, Val>, Cow<'v, Val>)>> {
    match left.maybe(with) {
        Ok(Some(left)) => Ok(right.maybe(with)?.map(|right| (left, right))),
        Ok(None) => Ok(None),
        Err(stop) => {
            if right.ends_in_something(with) {
                Err(stop)
            } else {
                Ok(None)
            }
        }
    }
}

pub(super) fn pairs(
    left: &Node,
    right: &Node,
    with: With<'_>,
    emit: &mut dyn FnMut(&Val, Cow<'_, Val>) -> Result<()>,
) -> Result<()> {
    let mut each = |left: Cow<'_, Val>| right.each(with, &mut |right| emit(&left, right));
    match left.each_apart(with, &mut each) {
        Err((false, _)) if !right.ends_in_something(with) => Ok(()),
        end => end.map_err(|(_, stop)| stop),
    }
}

/// Emits every combination of outputs. The output of the last node changes fastest.
pub(super) fn products(
    nodes: &[Node],
    values: &mut Vec<Val>,
    with: With<'_>,
    emit: &mut dyn FnMut(&[Val]) -> Result<()>,
) -> Result<()> {
    let Some((node, rest)) = nodes.split_first() else { return emit(values) };
    node.each(with, &mut |value| {
        values.push(value.into_owned());
        let end = products(rest, values, with, emit);
        values.pop();
        end
    })
}

pub(super) fn calculate(left: Cow<'_, Val>, math: Math, right: Cow<'_, Val>) -> Result<Val> {
    Ok(math.run(left.into_owned(), right.into_owned())?)
}

pub(super) fn compare(left: &Val, cmp: Cmp, right: &Val) -> bool {
    cmp.run(left, right)
}

pub(super) fn collect(part: &Node, with: With<'_>) -> Result<Val> {
    let mut items = Vec::new();
    part.each(with, &mut |value| {
        items.push(value.into_owned());
        Ok(())
    })?;
    Ok(items.into_iter().collect())
}

pub(super) fn to_string(value: &Val) -> Cow<'_, Val> {
    match value {
        Val::Str(_) => Cow::Borrowed(value),
        other => Cow::Owned(other.clone().into_string()),
    }
}

/// The error of an object with this key.
pub(super) fn not_a_key(key: &Val) -> RunStop {
    <Val as ValT>::from_map([(key.clone(), Val::Null)]).err().map_or(RunStop::Enough, RunStop::from)
}

/// Fails, unless a later part has no output: then there is no output and no error.
pub(super) fn counts<T>(stop: RunStop, rest: &[Node], with: With<'_>) -> Result<Option<T>> {
    if rest.iter().all(|node| node.ends_in_something(with)) { Err(stop) } else { Ok(None) }
}

pub(super) fn object<'v>(fields: &'v [Node], with: With<'v>) -> Result<Option<Cow<'v, Val>>> {
    let mut made = Object::with_capacity(fields.len() / 2);
    for (at, field) in fields.chunks_exact(2).enumerate() {
        let rest = &fields[2 * at + 2..];
        let key = match field[0].maybe(with) {
            Ok(Some(key)) => key,
            Ok(None) => return Ok(None),
            Err(stop) => return counts(stop, &fields[2 * at + 1..], with),
        };
        let value = match field[1].maybe(with) {
            Ok(Some(value)) => value,
            Ok(None) => return Ok(None),
            Err(stop) => return counts(stop, rest, with),
        };
        match &*key {
            Val::Str(name) => made.insert(name.clone(), value.into_owned()),
            other => return counts(not_a_key(other), rest, with),
        }
    }
    Ok(Some(Cow::Owned(Val::object(made))))
}

pub(super) fn objects(fields: &[Node], made: &Object, with: With<'_>, emit: Emit<'_>) -> Result<()> {
    let [key, value, rest @ ..] = fields else { return emit(Cow::Owned(Val::object(made.clone()))) };
    let mut own = None;
    let end = key.each_apart(with, &mut |key| {
        let end = value.each_apart(with, &mut |value| match &*key {
            Val::Str(name) => {
                let mut made = made.clone();
                made.insert(name.clone(), value.into_owned());
                objects(rest, &made, with, emit)
            }
            other => {
                own = Some(());
                Err(not_a_key(other))
            }
        });
        end.map_err(|(next, stop)| {
            if !next {
                own = Some(());
            }
            stop
        })
    });
    match end {
        Err((false, stop)) => counts::<()>(stop, &fields[1..], with).map(drop),
        Err((true, stop)) if own.is_some() => counts::<()>(stop, rest, with).map(drop),
        end => end.map_err(|(_, stop)| stop),
    }
}

/// Two texts are one, and what is not text has been made text.
pub(super) fn text<'v>(parts: &'v [Node], with: With<'v>) -> Result<Option<Cow<'v, Val>>> {
    let mut made: Option<Val> = None;
    let mut text = String::new();
    for (at, part) in parts.iter().enumerate() {
        let value = match part.maybe(with) {
            Ok(Some(value)) => value,
            Ok(None) => return Ok(None),
            Err(stop) => return counts(stop, &parts[at + 1..], with),
        };
        match (&mut made, &*value) {
            (None, Val::Str(part)) => text.push_str(part),
            // A format of the program's own may give anything.
            (None, _) => made = Some((Val::string(&text) + value.into_owned())?),
            (Some(sum), _) => *sum = (std::mem::take(sum) + value.into_owned())?,
        }
    }
    Ok(Some(Cow::Owned(made.unwrap_or_else(|| Val::from(text)))))
}

pub(super) fn texts(parts: &[Node], text: &str, with: With<'_>, emit: Emit<'_>) -> Result<()> {
    let Some((part, rest)) = parts.split_first() else { return emit(Cow::Owned(Val::string(text))) };
    let end = part.each_apart(with, &mut |value| {
        let value = to_string(&value);
        let Val::Str(part) = &*value else { return Ok(()) };
        texts(rest, &format!("{text}{part}"), with, emit)
    });
    match end {
        Err((false, stop)) => counts::<()>(stop, rest, with).map(drop),
        end => end.map_err(|(_, stop)| stop),
    }
}
