//! Operations on all items of an array or object.

use std::borrow::Cow;

use super::super::natives::not_for;
use super::super::object::Object;
use super::super::value::Val;
use super::run::{Emit, Result, With};
use super::{By, Node};

pub(super) fn recurse(value: &Val, emit: Emit<'_>) -> Result<()> {
    emit(Cow::Borrowed(value))?;
    match value {
        Val::Arr(items) => items.iter().try_for_each(|item| recurse(item, emit)),
        Val::Obj(fields) => fields.iter().try_for_each(|(_, value)| recurse(value, emit)),
        _ => Ok(()),
    }
}

/// Replaces every item by its change, or removes it if there is none.
pub(super) fn map_values(value: &Val, change: &dyn Fn(&Val) -> Result<Option<Val>>) -> Result<Val> {
    match value {
        Val::Arr(items) => items.iter().filter_map(|item| change(item).transpose()).collect(),
        Val::Obj(fields) => {
            let mut left = Object::with_capacity(fields.len());
            for (key, item) in fields.iter() {
                if let Some(item) = change(item)? {
                    left.insert(key.clone(), item);
                }
            }
            Ok(Val::object(left))
        }
        other => Err(other.cannot_iterate().into()),
    }
}

/// Changes a value after the items in it. An array keeps all outputs for an item, an object the first.
pub(super) fn walk_up(value: &Val, change: &Node, with: With<'_>) -> Result<Vec<Val>> {
    let walked = match value {
        Val::Arr(items) => {
            let mut out = Vec::with_capacity(items.len());
            for item in items.iter() {
                out.append(&mut walk_up(item, change, with)?);
            }
            Cow::Owned(out.into_iter().collect())
        }
        Val::Obj(_) => {
            Cow::Owned(map_values(value, &|item| Ok(walk_up(item, change, with)?.into_iter().next()))?)
        }
        other => Cow::Borrowed(other),
    };
    let mut outputs = Vec::new();
    change.each(with.input(&walked), &mut |value| {
        outputs.push(value.into_owned());
        Ok(())
    })?;
    Ok(outputs)
}

impl By {
    pub(super) fn run<'v>(self, key: &'v Node, with: With<'v>) -> Result<Option<Cow<'v, Val>>> {
        let Val::Arr(items) = with.input else { return Err(not_for(with.input, self.refusal()).into()) };
        let mut keyed = Vec::with_capacity(items.len());
        for item in items.iter() {
            let mut keys = Vec::new();
            key.each(with.input(item), &mut |value| {
                keys.push(value.into_owned());
                Ok(())
            })?;
            keyed.push((keys, item));
        }
        keyed.sort_by(|a, b| a.0.cmp(&b.0));
        let mut groups = keyed.chunk_by(|a, b| a.0 == b.0);
        let all =
            |group: &[(Vec<Val>, &'v Val)]| group.iter().map(|(_, item)| (*item).clone()).collect::<Val>();
        Ok(Some(match self {
            Self::Sort => Cow::Owned(all(&keyed)),
            Self::Group => Cow::Owned(groups.map(all).collect()),
            Self::Unique => Cow::Owned(groups.filter_map(|group| Some(group.first()?.1.clone())).collect()),
            Self::Min => groups
                .next()
                .and_then(<[_]>::first)
                .map_or(Cow::Owned(Val::Null), |least| Cow::Borrowed(least.1)),
            Self::Max => keyed.last().map_or(Cow::Owned(Val::Null), |greatest| Cow::Borrowed(greatest.1)),
        }))
    }

    pub(super) fn refusal(self) -> &'static str {
        match self {
            Self::Sort => "cannot be sorted, as it is not an array",
            Self::Group | Self::Unique => "cannot be grouped, as it is not an array",
            Self::Min | Self::Max => "cannot be iterated over",
        }
    }
}
