//! The values that jq programs compute with.
//!
//! The engine is generic over them. Its own JSON values (jaq-json) are a superset of JSON with byte strings
//! and keys of any type, refuse `.a.b = 1` where `.a` is missing, print `6/2` as `3.0` and word their errors
//! in their own way. These are JSON and behave as jq does; only the numbers, exact integers of any size and
//! decimals that keep their spelling, are jaq's.

use std::cmp::Ordering;
use std::fmt;
use std::sync::{Arc, LazyLock};

use jaq_core::val::Range;
use jaq_core::{Exn, ValR, ValX, box_iter, path};
use jaq_json::Num;

use super::object::Object;
use super::{work, write};

/// One JSON value. Cheap to clone: whatever is large is shared.
#[derive(Clone, Debug, Default)]
pub(super) enum Val {
    #[default]
    Null,
    Bool(bool),
    Num(Num),
    Str(Arc<str>),
    Arr(Arc<Vec<Val>>),
    Obj(Arc<Object>),
}

pub(super) type Error = jaq_core::Error<Val>;

/// What jq calls the kinds of values.
const KINDS: [&str; 6] = ["null", "boolean", "number", "string", "array", "object"];

/// jq's own limit; beyond it `.[1e9] = 0` would eat the memory.
const MAX_INDEX: usize = (1 << 29) - 1;

impl Val {
    /// The same with the fields of every object in the order of their names.
    pub(super) fn sorted(self) -> Self {
        match self {
            Val::Arr(items) => items.iter().cloned().map(Self::sorted).collect(),
            Val::Obj(object) => {
                let fields = object.iter().map(|(key, value)| (Arc::clone(key), value.clone().sorted()));
                let mut fields: Vec<(Arc<str>, Self)> = fields.collect();
                fields.sort_by(|(one, _), (other, _)| one.cmp(other));
                Val::object(fields.into_iter().collect())
            }
            other => other,
        }
    }

    pub(super) fn string(text: &str) -> Self {
        work::spend(text.len());
        Self::Str(text.into())
    }

    pub(super) fn object(fields: Object) -> Self {
        Self::Obj(Arc::new(fields))
    }

    pub(super) fn kind(&self) -> &'static str {
        KINDS[usize::from(self.rank())]
    }

    /// The kind as a value, which is made once: `type` asks for it for every value that it looks at.
    pub(super) fn kind_value(&self) -> &'static Self {
        static VALUES: LazyLock<[Val; 6]> = LazyLock::new(|| KINDS.map(|kind| Val::Str(kind.into())));
        &VALUES[usize::from(self.rank())]
    }

    /// The value as JSON text.
    pub(super) fn text(&self) -> String {
        match self {
            Self::Str(text) => {
                let mut out = Vec::with_capacity(text.len() + 2);
                crate::json::write_string(text, &mut out);
                String::from_utf8_lossy(&out).into_owned()
            }
            _ => write::lossy(self),
        }
    }

    /// Kind and abbreviated text, as in jq's error messages.
    pub(super) fn describe(&self) -> String {
        format!("{} ({})", self.kind(), self.abbreviated())
    }

    /// The text, cut to 29 bytes.
    pub(super) fn abbreviated(&self) -> String {
        let text = self.text();
        if text.len() <= 29 {
            return text;
        }
        let close = match self {
            Self::Str(_) => "\"",
            Self::Arr(_) => "]",
            Self::Obj(_) => "}",
            _ => "",
        };
        let end = text.floor_char_boundary(26 - close.len());
        format!("{}...{close}", &text[..end])
    }

    pub(super) fn float(&self) -> Option<f64> {
        match self {
            Self::Num(num) => Some(float(num)),
            _ => None,
        }
    }

    /// The place in an array of `len` that this number means; negative ones count from the end.
    pub(super) fn place(&self, len: usize) -> Option<usize> {
        usize::try_from(self.offset(len)?).ok()
    }

    /// The same, negative where it is before the first item.
    fn offset(&self, len: usize) -> Option<i64> {
        let at = match self {
            Self::Num(Num::Int(at)) => *at as i64,
            Self::Num(num) => {
                let at = float(num);
                if at.is_nan() {
                    return None;
                }
                at as i64
            }
            _ => return None,
        };
        Some(if at < 0 { at.saturating_add(len as i64) } else { at })
    }

    pub(super) fn get(&self, index: &Self) -> Result<Self, Error> {
        match (self, index) {
            (Self::Obj(fields), Self::Str(key)) => Ok(fields.get(key).cloned().unwrap_or_default()),
            (Self::Null, Self::Str(_) | Self::Num(_)) => Ok(Self::Null),
            (Self::Arr(items), Self::Num(_)) => {
                Ok(index.place(items.len()).and_then(|at| items.get(at)).cloned().unwrap_or_default())
            }
            (Self::Null | Self::Arr(_) | Self::Str(_), Self::Obj(range)) => {
                self.slice(range.get("start")..range.get("end"))
            }
            (Self::Arr(items), Self::Arr(part)) => {
                Ok(places_of(items, part).map(|at| Self::from(at as isize)).collect())
            }
            _ => Err(cannot_index(self, index)),
        }
    }

    /// The bounds of a slice, in items or characters.
    fn bounds(range: &Range<&Self>, len: usize) -> Result<(usize, usize), Error> {
        let bound = |at: Option<&Self>, default: usize, up: bool| match at {
            None | Some(Self::Null) => Ok(default),
            Some(Self::Num(num)) => {
                let at = float(num);
                if at.is_nan() {
                    return Ok(default);
                }
                let at = if up { at.ceil() } else { at.floor() };
                let at = if at < 0.0 { at + len as f64 } else { at };
                Ok(at.clamp(0.0, len as f64) as usize)
            }
            Some(_) => Err(Error::str("Array/string slice indices must be integers")),
        };
        let start = bound(range.start, 0, false)?;
        Ok((start, bound(range.end, len, true)?.max(start)))
    }

    pub(super) fn slice(&self, range: Range<&Self>) -> Result<Self, Error> {
        match self {
            Self::Null => Ok(Self::Null),
            Self::Arr(items) => {
                let (start, end) = Self::bounds(&range, items.len())?;
                Ok(items[start..end].iter().cloned().collect())
            }
            Self::Str(text) => {
                let (start, end) = Self::bounds(&range, text.chars().count())?;
                Ok(Self::string(&text.chars().skip(start).take(end - start).collect::<String>()))
            }
            _ => Err(cannot_index(self, &Self::from(range.start.cloned()..range.end.cloned()))),
        }
    }

    /// The value with another one at this place, which is made if it is missing.
    pub(super) fn with(self, index: &Self, now: Self) -> ValR<Self> {
        let fail = |what: &str| Err(Error::str(what));
        match (self, index) {
            (old @ (Self::Null | Self::Obj(_)), Self::Str(key)) => {
                let mut fields = if let Self::Obj(fields) = old { fields } else { Arc::default() };
                Arc::make_mut(&mut fields).insert(Arc::clone(key), now);
                Ok(Self::Obj(fields))
            }
            (old @ (Self::Null | Self::Arr(_)), Self::Num(_)) => {
                let mut items = if let Self::Arr(items) = old { items } else { Arc::default() };
                let place = match index.offset(items.len()).map(usize::try_from) {
                    Some(Ok(at)) if at <= MAX_INDEX => at,
                    Some(Ok(_)) => return fail("Array index too large"),
                    Some(Err(_)) => return fail("Out of bounds negative array index"),
                    None => return fail("Cannot set array element at NaN index"),
                };
                work::spend_values((place + 1).saturating_sub(items.len()));
                let list = Arc::make_mut(&mut items);
                if list.len() <= place {
                    list.resize(place + 1, Self::Null);
                }
                list[place] = now;
                Ok(Self::Arr(items))
            }
            (old @ (Self::Null | Self::Arr(_)), Self::Obj(range)) => {
                let mut items = if let Self::Arr(items) = old { items } else { Arc::default() };
                let (start, end) = Self::bounds(&(range.get("start")..range.get("end")), items.len())?;
                let Self::Arr(now) = now else {
                    return fail("A slice of an array can only be assigned another array");
                };
                Arc::make_mut(&mut items).splice(start..end, now.iter().cloned());
                Ok(Self::Arr(items))
            }
            (Self::Str(_), Self::Obj(_)) => fail("Cannot update string slices"),
            (old, _) => fail(&format!("Cannot update field at {} index of {}", index.kind(), old.kind())),
        }
    }

    /// The value without what is at these places. What is not there stays away.
    pub(super) fn without(self, places: &[&Self]) -> ValR<Self> {
        if places.is_empty() {
            return Ok(self);
        }
        match self {
            Self::Null => Ok(self),
            Self::Obj(mut fields) => {
                for place in places {
                    let Self::Str(key) = place else {
                        return Err(Error::str(format!("Cannot delete {} field of object", place.kind())));
                    };
                    if fields.contains_key(key) {
                        Arc::make_mut(&mut fields).remove(key);
                    }
                }
                Ok(Self::Obj(fields))
            }
            Self::Arr(mut items) => {
                let mut gone = vec![false; items.len()];
                for place in places {
                    match place {
                        Self::Num(_) => {
                            if let Some(at) = place.place(items.len()).and_then(|at| gone.get_mut(at)) {
                                *at = true;
                            }
                        }
                        Self::Obj(range) => {
                            let (start, end) =
                                Self::bounds(&(range.get("start")..range.get("end")), items.len())?;
                            gone[start..end].fill(true);
                        }
                        _ => {
                            return Err(Error::str(format!(
                                "Cannot delete {} element of array",
                                place.kind()
                            )));
                        }
                    }
                }
                let mut gone = gone.into_iter();
                Arc::make_mut(&mut items).retain(|_| !gone.next().unwrap_or(false));
                Ok(Self::Arr(items))
            }
            other => Err(Error::str(format!("Cannot delete fields from {}", other.kind()))),
        }
    }

    /// How many values have to be copied before it can be changed: those of a value that somebody else holds, too.
    pub(super) fn shared_size(&self) -> usize {
        let shared = match self {
            Self::Arr(items) => Arc::strong_count(items) > 1,
            Self::Obj(fields) => Arc::strong_count(fields) > 1,
            _ => false,
        };
        if shared { self.size() } else { 0 }
    }

    pub(super) fn cannot_iterate(&self) -> Error {
        Error::str(format!("Cannot iterate over {}", self.describe()))
    }

    /// How many values it holds.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Arr(items) => items.len(),
            Self::Obj(fields) => 2 * fields.len(),
            _ => 0,
        }
    }

    /// The place of its kind in [`KINDS`], and in jq's order of values.
    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Bool(_) => 1,
            Self::Num(_) => 2,
            Self::Str(_) => 3,
            Self::Arr(_) => 4,
            Self::Obj(_) => 5,
        }
    }
}

/// The number as jq computes with it.
pub(super) fn float(num: &Num) -> f64 {
    match num {
        Num::Int(n) => *n as f64,
        Num::Float(n) => *n,
        Num::BigInt(n) => n.to_string().parse().unwrap_or(f64::NAN),
        Num::Dec(n) => n.parse().unwrap_or(f64::NAN),
    }
}

/// Where `part` occurs within `items`.
pub(super) fn places_of<'a>(items: &'a [Val], part: &'a [Val]) -> impl Iterator<Item = usize> + 'a {
    let windows = (!part.is_empty()).then(|| items.windows(part.len()).enumerate());
    windows.into_iter().flatten().filter(move |(_, window)| *window == part).map(|(at, _)| at)
}

fn cannot_index(value: &Val, index: &Val) -> Error {
    Error::str(format!("Cannot index {} with {}", value.kind(), index.describe()))
}

fn unwrap_or_clone<T: Clone>(shared: Arc<T>) -> T {
    Arc::try_unwrap(shared).unwrap_or_else(|shared| (*shared).clone())
}

impl jaq_core::ValT for Val {
    fn from_num(text: &str) -> ValR<Self> {
        Ok(Self::Num(super::read::literal(text)))
    }

    fn from_map<I: IntoIterator<Item = (Self, Self)>>(fields: I) -> ValR<Self> {
        let field = |(key, value)| match key {
            Self::Str(key) => Ok((key, value)),
            key => Err(Error::str(format!("Cannot use {} as object key", key.describe()))),
        };
        let fields = fields.into_iter().inspect(|_| work::step());
        fields.map(field).collect::<Result<_, _>>().map(Self::object)
    }

    fn key_values(self) -> box_iter::BoxIter<'static, Result<(Self, Self), Error>> {
        match self {
            Self::Arr(items) => {
                work::spend_values(items.len());
                let items = unwrap_or_clone(items).into_iter().enumerate();
                Box::new(items.map(|(at, item)| Ok((Self::from(at as isize), item))))
            }
            Self::Obj(fields) => {
                work::spend_values(2 * fields.len());
                Box::new(unwrap_or_clone(fields).into_iter().map(|(key, value)| Ok((Self::Str(key), value))))
            }
            other => box_iter::box_once(Err(other.cannot_iterate())),
        }
    }

    fn values(self) -> Box<dyn Iterator<Item = ValR<Self>>> {
        work::spend_values(self.size());
        match self {
            Self::Arr(items) => Box::new(unwrap_or_clone(items).into_iter().map(Ok)),
            Self::Obj(fields) => Box::new(unwrap_or_clone(fields).into_iter().map(|(_, value)| Ok(value))),
            other => box_iter::box_once(Err(other.cannot_iterate())),
        }
    }

    fn index(self, index: &Self) -> ValR<Self> {
        self.get(index)
    }

    fn range(self, range: Range<&Self>) -> ValR<Self> {
        self.slice(range)
    }

    fn map_values<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        opt: path::Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        work::spend_values(self.size());
        match self {
            Self::Arr(items) => {
                let items = unwrap_or_clone(items).into_iter().filter_map(|item| f(item).next());
                Ok(Self::Arr(Arc::new(items.collect::<Result<_, _>>()?)))
            }
            Self::Obj(fields) => {
                let fields = unwrap_or_clone(fields).into_iter();
                let fields = fields.filter_map(|(key, value)| f(value).next().map(|value| Ok((key, value?))));
                Ok(Self::object(fields.collect::<Result<_, Exn<_>>>()?))
            }
            other => opt.fail(other, |other| Exn::from(other.cannot_iterate())),
        }
    }

    /// Like jq, makes the objects and arrays on the way: `null | .a[1] = 0` is `{"a":[null,0]}`. Only changes
    /// that keep what they change come here.
    fn map_index<'a, I: Iterator<Item = ValX<'a, Self>>>(
        mut self,
        index: &Self,
        opt: path::Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        if let (Self::Obj(fields), Self::Str(key)) = (&mut self, index)
            && let Some(value) = Arc::make_mut(fields).get_mut(key)
        {
            // It is taken out meanwhile, so that it need not be copied to be changed.
            if let Some(now) = f(std::mem::take(value)).next() {
                *value = now?;
            }
            return Ok(self);
        }
        let old = match self.get(index) {
            Ok(old) => old,
            Err(error) => return opt.fail(self, |_| Exn::from(error)),
        };
        match f(old).next().transpose()? {
            Some(now) => self.with(index, now).map_err(Exn::from),
            None => Ok(self),
        }
    }

    fn map_range<'a, I: Iterator<Item = ValX<'a, Self>>>(
        self,
        range: Range<&Self>,
        opt: path::Opt,
        f: impl Fn(Self) -> I,
    ) -> ValX<'a, Self> {
        let index = Self::from(range.start.cloned()..range.end.cloned());
        self.map_index(&index, opt, f)
    }

    fn as_bool(&self) -> bool {
        !matches!(self, Self::Null | Self::Bool(false))
    }

    fn into_string(self) -> Self {
        match self {
            Self::Str(_) => self,
            other => Self::from(other.text()),
        }
    }
}

impl jaq_std::ValT for Val {
    fn into_seq<S: FromIterator<Self>>(self) -> Result<S, Self> {
        match self {
            Self::Arr(items) => {
                work::spend_values(items.len());
                Ok(unwrap_or_clone(items).into_iter().collect())
            }
            other => Err(other),
        }
    }

    fn is_int(&self) -> bool {
        matches!(self, Self::Num(Num::Int(_) | Num::BigInt(_)))
    }

    /// Whole numbers count whatever their spelling: jq has one kind of number.
    fn as_isize(&self) -> Option<isize> {
        match self {
            Self::Num(Num::Int(n)) => Some(*n),
            Self::Num(num @ (Num::Float(_) | Num::Dec(_))) => {
                let n = float(num);
                (n.fract() == 0.0 && n.abs() < 9e15).then_some(n as isize)
            }
            _ => None,
        }
    }

    fn as_f64(&self) -> Option<f64> {
        self.float()
    }

    fn is_utf8_str(&self) -> bool {
        matches!(self, Self::Str(_))
    }

    fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Str(text) => Some(text.as_bytes()),
            _ => None,
        }
    }

    fn as_sub_str(&self, sub: &[u8]) -> Self {
        Self::from_utf8_bytes(sub.to_vec())
    }

    fn from_utf8_bytes(bytes: impl AsRef<[u8]> + Send + 'static) -> Self {
        Self::string(&String::from_utf8_lossy(bytes.as_ref()))
    }
}

impl From<bool> for Val {
    fn from(b: bool) -> Self {
        Self::Bool(b)
    }
}

impl From<isize> for Val {
    fn from(n: isize) -> Self {
        Self::Num(Num::Int(n))
    }
}

impl From<usize> for Val {
    fn from(n: usize) -> Self {
        Self::Num(Num::from_integral(n))
    }
}

impl From<f64> for Val {
    fn from(n: f64) -> Self {
        Self::Num(Num::Float(n))
    }
}

impl From<String> for Val {
    fn from(text: String) -> Self {
        work::spend(text.len());
        Self::Str(text.into())
    }
}

impl From<Range<Val>> for Val {
    fn from(range: Range<Val>) -> Self {
        let bound = |bound: Option<Val>| bound.unwrap_or_default();
        let fields = [("start".into(), bound(range.start)), ("end".into(), bound(range.end))];
        Self::object(fields.into_iter().collect())
    }
}

impl FromIterator<Val> for Val {
    fn from_iter<T: IntoIterator<Item = Val>>(items: T) -> Self {
        Self::Arr(Arc::new(items.into_iter().inspect(|_| work::spend_values(1)).collect()))
    }
}

impl fmt::Display for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text())
    }
}

impl PartialEq for Val {
    fn eq(&self, other: &Self) -> bool {
        work::spend_values(1);
        match (self, other) {
            (Self::Null, Self::Null) => true,
            (Self::Bool(a), Self::Bool(b)) => a == b,
            (Self::Num(a), Self::Num(b)) => a == b,
            (Self::Str(a), Self::Str(b)) => a == b,
            (Self::Arr(a), Self::Arr(b)) => a == b,
            (Self::Obj(a), Self::Obj(b)) => a == b,
            _ => false,
        }
    }
}

impl Eq for Val {}

/// Not [`Ord`] alone: `nan < nan` is true in jq, while sorting needs a total order (the standard library
/// panics without one).
#[expect(clippy::non_canonical_partial_ord_impl, reason = "NaN, see above")]
impl PartialOrd for Val {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(match (self, other) {
            (Self::Num(a), Self::Num(b)) => a.cmp(b),
            _ => self.cmp(other),
        })
    }
}

impl Ord for Val {
    fn cmp(&self, other: &Self) -> Ordering {
        work::spend_values(1 + self.size());
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Num(a), Self::Num(b)) if float(a).is_nan() && float(b).is_nan() => Ordering::Equal,
            (Self::Num(a), Self::Num(b)) => a.cmp(b),
            (Self::Str(a), Self::Str(b)) => a.cmp(b),
            (Self::Arr(a), Self::Arr(b)) => a.cmp(b),
            (Self::Obj(a), Self::Obj(b)) => {
                let sorted = |fields: &Object| {
                    let mut fields: Vec<_> = fields.iter().map(|(k, v)| (Arc::clone(k), v.clone())).collect();
                    fields.sort_by(|a, b| a.0.cmp(&b.0));
                    fields
                };
                let (a, b) = (sorted(a), sorted(b));
                let keys = a.iter().map(|field| &field.0).cmp(b.iter().map(|field| &field.0));
                keys.then_with(|| a.iter().map(|field| &field.1).cmp(b.iter().map(|field| &field.1)))
            }
            _ => self.rank().cmp(&other.rank()),
        }
    }
}
