//! `to_entries` and `from_entries`.

use std::sync::Arc;

use jaq_core::native::{Filter, bome, v};
use jaq_core::{RunPtr, ValR};

use super::natives::{EngineTypes, not_for};
use super::object::Object;
use super::strings::{raw, to_json};
use super::value::{Error, Val};
use super::work;

pub(super) fn filters() -> Box<[Filter<RunPtr<EngineTypes>>]> {
    Box::new([
        ("to_entries", v(0), |cv| bome(to_entries(&cv.1))),
        ("from_entries", v(0), |cv| bome(from_entries(&cv.1))),
    ])
}

fn to_entries(val: &Val) -> ValR<Val> {
    let (key_name, value_name): (Arc<str>, Arc<str>) = ("key".into(), "value".into());
    work::spend_values(4 * val.size());
    let entry = |key: Val, value: &Val| {
        let mut fields = Object::with_capacity(2);
        fields.insert(Arc::clone(&key_name), key);
        fields.insert(Arc::clone(&value_name), value.clone());
        Val::object(fields)
    };
    match val {
        Val::Arr(items) => {
            Ok(items.iter().enumerate().map(|(at, item)| entry(Val::from(at), item)).collect())
        }
        Val::Obj(fields) => {
            Ok(fields.iter().map(|(key, value)| entry(Val::Str(Arc::clone(key)), value)).collect())
        }
        other => Err(not_for(other, "has no keys")),
    }
}

fn from_entries(val: &Val) -> ValR<Val> {
    work::spend_values(2 * val.size());
    let mut object = Object::default();
    let mut add = |entry: &Val| {
        let key = key(entry)?;
        object.insert(key, value(entry)?);
        Ok::<_, Error>(())
    };
    match val {
        Val::Arr(items) => items.iter().try_for_each(&mut add)?,
        Val::Obj(fields) => fields.iter().try_for_each(|(_, entry)| add(entry))?,
        other => return Err(other.cannot_iterate()),
    }
    Ok(Val::object(object))
}

/// The key of an entry: the first of these fields that is not null.
fn key(entry: &Val) -> Result<Arc<str>, Error> {
    let mut found = Val::Null;
    for name in ["key", "k", "name", "Name", "Key", "K"] {
        found = entry.get(&Val::string(name))?;
        if !matches!(found, Val::Null) {
            break;
        }
    }
    match (&found, to_json(&found)?) {
        (Val::Str(key), _) => Ok(Arc::clone(key)),
        (Val::Null | Val::Bool(_) | Val::Num(_), Val::Str(text)) => Ok(text),
        (other, text) => {
            let what = format!("Cannot use {} ({}) as object key", other.kind(), raw(&text));
            Err(Error::str(what))
        }
    }
}

/// The value of an entry: the first of these fields that exists.
fn value(entry: &Val) -> Result<Val, Error> {
    let Val::Obj(fields) = entry else { return Ok(Val::Null) };
    let mut names = ["value", "v", "Value", "V"].into_iter();
    Ok(names.find_map(|name| fields.get(name)).cloned().unwrap_or_default())
}
