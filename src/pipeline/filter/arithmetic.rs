//! What `+ - * / %` mean for each pair of kinds, and jq's words when they mean nothing.

use std::collections::BTreeSet;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};
use std::sync::Arc;

use jaq_core::ValR;
use jaq_json::Num;

use super::object::Object;
use super::value::{Error, Val, float};
use super::work;

/// How long a repeated string may get, in bytes: `"abc" * 1e9` is a slip, not a wish.
const MAX_REPEAT: f64 = 268_435_456.0;

fn fail(left: &Val, right: &Val, verb: &str) -> ValR<Val> {
    Err(Error::str(format!("{} and {} cannot be {verb}", left.describe(), right.describe())))
}

/// Integers are computed with exactly within 64 bits; beyond, as jq does.
fn exact(num: Num) -> Num {
    match num {
        Num::BigInt(_) => Num::Float(float(&num)),
        num => num,
    }
}

fn sum(a: Num, b: Num) -> Num {
    exact(exact(a) + exact(b))
}

impl Add for Val {
    type Output = ValR<Self>;

    fn add(self, other: Self) -> ValR<Self> {
        work::spend_values(1 + self.shared_size() + other.size());
        Ok(match (self, other) {
            (Self::Null, other) | (other, Self::Null) => other,
            (Self::Num(a), Self::Num(b)) => Self::Num(sum(a, b)),
            (Self::Str(a), Self::Str(b)) => {
                // What a text is joined to is usually gone afterwards: that takes time, and no memory.
                work::spend(a.len() / 4 + b.len());
                Self::from([&*a, &*b].concat())
            }
            (Self::Arr(mut a), Self::Arr(b)) => {
                Arc::make_mut(&mut a).extend(b.iter().cloned());
                Self::Arr(a)
            }
            (Self::Obj(mut a), Self::Obj(b)) => {
                Arc::make_mut(&mut a).extend(b.iter().map(|(k, v)| (Arc::clone(k), v.clone())));
                Self::Obj(a)
            }
            (a, b) => return fail(&a, &b, "added"),
        })
    }
}

impl Sub for Val {
    type Output = ValR<Self>;

    fn sub(self, other: Self) -> ValR<Self> {
        work::spend_values(1 + self.size() + other.size());
        Ok(match (self, other) {
            (Self::Num(a), Self::Num(b)) => Self::Num(sum(a, -b)),
            (Self::Arr(mut a), Self::Arr(b)) => {
                let gone: BTreeSet<_> = b.iter().collect();
                Arc::make_mut(&mut a).retain(|item| !gone.contains(item));
                Self::Arr(a)
            }
            (a, b) => return fail(&a, &b, "subtracted"),
        })
    }
}

impl Mul for Val {
    type Output = ValR<Self>;

    fn mul(self, other: Self) -> ValR<Self> {
        work::spend_values(1 + self.shared_size() + other.size());
        match (self, other) {
            (Self::Num(a), Self::Num(b)) => Ok(Self::Num(exact(exact(a) * exact(b)))),
            (Self::Str(text), Self::Num(n)) | (Self::Num(n), Self::Str(text)) => repeat(&text, float(&n)),
            (Self::Obj(mut a), Self::Obj(b)) => {
                merge(Arc::make_mut(&mut a), &b);
                Ok(Self::Obj(a))
            }
            (a, b) => fail(&a, &b, "multiplied"),
        }
    }
}

fn repeat(text: &str, times: f64) -> ValR<Val> {
    if times < 0.0 || times.is_nan() {
        return Ok(Val::Null);
    }
    if times * text.len() as f64 > MAX_REPEAT {
        return Err(Error::str("Repeat string result too long"));
    }
    work::spend((times * text.len() as f64) as usize);
    Ok(Val::from(text.repeat(times as usize)))
}

/// Objects within objects are merged too.
fn merge(into: &mut Object, from: &Object) {
    work::spend_values(into.len() + from.len());
    for (key, value) in from.iter() {
        match (into.get_mut(key), value) {
            (Some(Val::Obj(old)), Val::Obj(new)) => merge(Arc::make_mut(old), new),
            (Some(old), new) => *old = new.clone(),
            (None, new) => {
                into.insert(Arc::clone(key), new.clone());
            }
        }
    }
}

impl Div for Val {
    type Output = ValR<Self>;

    fn div(self, other: Self) -> ValR<Self> {
        match (&self, &other) {
            (Self::Num(_), Self::Num(b)) if float(b) == 0.0 => {
                fail(&self, &other, "divided because the divisor is zero")
            }
            (Self::Num(a), Self::Num(b)) => Ok(Self::Num(exact(a.clone()) / exact(b.clone()))),
            (Self::Str(text), Self::Str(_)) if text.is_empty() => Ok(Self::Arr(Arc::default())),
            (Self::Str(text), Self::Str(by)) if by.is_empty() => {
                Ok(text.chars().map(|c| Self::from(c.to_string())).collect())
            }
            (Self::Str(text), Self::Str(by)) => Ok(text.split(&**by).map(Self::string).collect()),
            _ => fail(&self, &other, "divided"),
        }
    }
}

impl Rem for Val {
    type Output = ValR<Self>;

    /// Fractions are cut off first, as jq does.
    fn rem(self, other: Self) -> ValR<Self> {
        let whole = |n: &Num| match n {
            Num::Int(_) => n.clone(),
            _ => Num::Int(float(n) as isize),
        };
        match (&self, &other) {
            (Self::Num(a), Self::Num(b)) if float(a).is_nan() || float(b).is_nan() => {
                Ok(Self::from(f64::NAN))
            }
            (Self::Num(a), Self::Num(b)) => {
                let (a, b) = (whole(a), whole(b));
                if b == Num::Int(0) {
                    return fail(&self, &other, "divided (remainder) because the divisor is zero");
                }
                Ok(Self::Num(a % b))
            }
            _ => fail(&self, &other, "divided (remainder)"),
        }
    }
}

impl Neg for Val {
    type Output = ValR<Self>;

    fn neg(self) -> ValR<Self> {
        match self {
            Self::Num(n) => Ok(Self::Num(-n)),
            other => Err(Error::str(format!("{} cannot be negated", other.describe()))),
        }
    }
}
