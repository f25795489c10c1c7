//! The filters written in Rust: those that look at how values are made, and those that touch the world.

use std::sync::Arc;

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use jaq_core::box_iter::box_once;
use jaq_core::native::{Filter, Fun, bome, run, unary, v};
use jaq_core::{DataT, Exn, Lut, RunPtr, ValR, data};

use super::object::Object;
use super::value::{Error, Val, float, places_of};
use super::{compile, read, regex, write};

/// What the engine is told about: our values, and the surroundings of a run.
pub(super) struct Kind;

impl DataT for Kind {
    type V<'a> = Val;
    type Data<'a> = Data<'a>;
}

/// Handed to every filter of one run.
#[derive(Clone)]
pub(super) struct Data<'a> {
    pub(super) lut: &'a Lut<Kind>,
    pub(super) scene: &'a dyn Scene,
}

impl<'a> data::HasLut<'a, Kind> for Data<'a> {
    fn lut(&self) -> &'a Lut<Kind> {
        self.lut
    }
}

/// The surroundings of a run: where its inputs come from and where its asides go.
pub(super) trait Scene {
    /// The next input, pulled when a program asks for it.
    fn next_input(&self) -> Option<Result<Val, String>>;
    /// How many inputs were pulled.
    fn pulled(&self) -> usize;
    /// What `debug` and `stderr` write.
    fn aside(&self, text: &str);
    /// What `halt_error` leaves behind.
    fn last_words(&self, text: String);
}

/// The first of a name wins, so ours come before those of the library.
pub(super) fn all() -> impl Iterator<Item = Fun<Kind>> {
    let ours = [values(), containers(), formats(), regex::filters(), world()];
    let ours = ours.into_iter().flat_map(<[_]>::into_vec).map(run::<Kind>);
    ours.chain(jaq_core::funs()).chain(jaq_std::funs())
}

fn values() -> Box<[Filter<RunPtr<Kind>>]> {
    Box::new([
        ("type", v(0), |cv| bome(Ok(Val::string(cv.1.kind())))),
        ("nan", v(0), |_| bome(Ok(Val::from(f64::NAN)))),
        ("infinite", v(0), |_| bome(Ok(Val::from(f64::INFINITY)))),
        ("tojson", v(0), |cv| bome(to_json(&cv.1))),
        ("fromjson", v(0), |cv| bome(from_json(&cv.1))),
        ("tonumber", v(0), |cv| bome(to_number(cv.1))),
        ("length", v(0), |cv| bome(length(cv.1))),
    ])
}

fn containers() -> Box<[Filter<RunPtr<Kind>>]> {
    Box::new([
        ("keys", v(0), |cv| bome(keys(&cv.1))),
        ("contains", v(1), |cv| unary(cv, |a, b| contains(&a, &b).map(Val::from))),
        ("has", v(1), |cv| unary(cv, |value, key| has(&value, &key).map(Val::from))),
        ("indices", v(1), |cv| unary(cv, |value, part| indices(&value, &part))),
        ("bsearch", v(1), |cv| {
            unary(cv, |value, x| match &value {
                Val::Arr(items) => Ok(Val::from(match items.binary_search(&x) {
                    Ok(at) => at as isize,
                    Err(at) => -1 - at as isize,
                })),
                other => Err(Error::str(format!("{} cannot be searched from", other.describe()))),
            })
        }),
    ])
}

fn formats() -> Box<[Filter<RunPtr<Kind>>]> {
    Box::new([
        ("decode_base64", v(0), |cv| bome(decode_base64(&cv.1))),
        ("encode_base32", v(0), |cv| bome(text(&cv.1).map(|text| Val::from(base32(text.as_bytes()))))),
        ("decode_base32", v(0), |cv| bome(decode_base32(&cv.1))),
    ])
}

fn world() -> Box<[Filter<RunPtr<Kind>>]> {
    Box::new([
        ("env", v(0), |_| bome(Ok(environment()))),
        ("builtins", v(0), |_| bome(Ok(compile::known().iter().map(|name| Val::string(name)).collect()))),
        ("input_line_number", v(0), |cv| bome(Ok(Val::from(cv.0.data().scene.pulled())))),
        ("input", v(0), |cv| {
            let input = cv.0.data().scene.next_input();
            box_once(
                input
                    .unwrap_or_else(|| Err("No more inputs".to_owned()))
                    .map_err(|e| Exn::from(Error::str(e))),
            )
        }),
        ("inputs", v(0), |cv| {
            let scene = cv.0.data().scene;
            let next = move || scene.next_input().map(|input| input.map_err(|e| Exn::from(Error::str(e))));
            Box::new(std::iter::from_fn(next))
        }),
        ("debug_empty", v(0), |cv| {
            cv.0.data().scene.aside(&format!("[\"DEBUG:\",{}]\n", cv.1.text()));
            Box::new(std::iter::empty())
        }),
        ("stderr_empty", v(0), |cv| {
            cv.0.data().scene.aside(&raw(&cv.1));
            Box::new(std::iter::empty())
        }),
        ("halt_error", v(1), |mut cv| {
            let status = cv.0.pop_var();
            let Some(status) = status.float() else {
                return bome(Err(Error::str("halt_error/1: number required")));
            };
            // A string is printed as it is, anything else as a line of JSON.
            let newline = if matches!(cv.1, Val::Str(_)) { "" } else { "\n" };
            cv.0.data().scene.last_words(raw(&cv.1) + newline);
            box_once(Err(Exn::halt(status as i32)))
        }),
    ])
}

/// A string without its quotes, anything else as JSON.
pub(super) fn raw(val: &Val) -> String {
    match val {
        Val::Str(text) => text.to_string(),
        other => other.text(),
    }
}

pub(super) fn environment() -> Val {
    let text = |os: std::ffi::OsString| os.to_string_lossy().into_owned();
    let vars = std::env::vars_os().map(|(name, value)| (text(name).into(), Val::from(text(value))));
    Val::object(vars.collect::<Object>())
}

pub(super) fn text(val: &Val) -> Result<&Arc<str>, Error> {
    match val {
        Val::Str(text) => Ok(text),
        other => Err(Error::str(format!("{} is not a string", other.describe()))),
    }
}

fn to_json(val: &Val) -> ValR<Val> {
    let mut out = Vec::new();
    write::value(val, &mut out).map_err(Error::str)?;
    Ok(Val::from(String::from_utf8_lossy(&out).into_owned()))
}

fn from_json(val: &Val) -> ValR<Val> {
    let Val::Str(text) = val else {
        return Err(Error::str(format!("{} only strings can be parsed", val.describe())));
    };
    if &**text == "nan" {
        return Ok(Val::from(f64::NAN));
    }
    read::one(text).map_err(|e| Error::str(format!("{e} (while parsing '{text}')")))
}

fn to_number(val: Val) -> ValR<Val> {
    match &val {
        Val::Num(_) => return Ok(val),
        Val::Str(text) => {
            // jq also takes `.5`, `5.` and `+5`.
            let numeric = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '+' | '-');
            match read::one(text) {
                Ok(num @ Val::Num(_)) if text.starts_with(numeric) && text.ends_with(numeric) => {
                    return Ok(num);
                }
                _ if text.chars().all(numeric) => {
                    if let Ok(n) = text.parse::<f64>() {
                        return Ok(Val::from(n));
                    }
                }
                _ => {}
            }
        }
        _ => {}
    }
    Err(Error::str(format!("{} cannot be parsed as a number", val.describe())))
}

fn length(val: Val) -> ValR<Val> {
    Ok(match val {
        Val::Null => Val::from(0_usize),
        Val::Bool(_) => return Err(Error::str(format!("{} has no length", val.describe()))),
        Val::Num(n) if float(&n) < 0.0 => Val::Num(-n),
        Val::Num(_) => val,
        Val::Str(text) => Val::from(text.chars().count()),
        Val::Arr(items) => Val::from(items.len()),
        Val::Obj(fields) => Val::from(fields.len()),
    })
}

fn keys(val: &Val) -> ValR<Val> {
    match val {
        Val::Arr(items) => Ok((0..items.len()).map(Val::from).collect()),
        Val::Obj(fields) => {
            let mut keys: Vec<_> = fields.iter().map(|(key, _)| Val::Str(Arc::clone(key))).collect();
            keys.sort();
            Ok(Val::Arr(Arc::new(keys)))
        }
        other => Err(Error::str(format!("{} has no keys", other.describe()))),
    }
}

fn contains(a: &Val, b: &Val) -> Result<bool, Error> {
    let all = |mut found: Box<dyn Iterator<Item = Result<bool, Error>> + '_>| {
        found.find(|found| !matches!(found, Ok(true))).unwrap_or(Ok(true))
    };
    match (a, b) {
        (Val::Obj(a), Val::Obj(b)) => {
            all(Box::new(b.iter().map(|(key, b)| a.get(key).map_or(Ok(false), |a| contains(a, b)))))
        }
        (Val::Arr(a), Val::Arr(b)) => all(Box::new(
            b.iter().map(|b| Ok(a.iter().any(|a| a.kind() == b.kind() && contains(a, b).unwrap_or(false)))),
        )),
        (Val::Str(a), Val::Str(b)) => Ok(a.contains(&**b)),
        _ if a.kind() == b.kind() => Ok(a == b),
        _ => Err(Error::str(format!(
            "{} and {} cannot have their containment checked",
            a.describe(),
            b.describe()
        ))),
    }
}

fn has(val: &Val, key: &Val) -> Result<bool, Error> {
    match (val, key) {
        (Val::Obj(fields), Val::Str(key)) => Ok(fields.contains_key(key)),
        (Val::Arr(items), Val::Num(at)) => Ok((0.0..items.len() as f64).contains(&float(at).floor())),
        _ => Err(Error::str(format!("Cannot check whether {} has a {} key", val.kind(), key.kind()))),
    }
}

fn indices(val: &Val, part: &Val) -> ValR<Val> {
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
        _ => Err(Error::str(format!("Cannot determine indices of {} in {}", part.kind(), val.kind()))),
    }
}

fn decode_base64(val: &Val) -> ValR<Val> {
    let config = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    let bytes = GeneralPurpose::new(&alphabet::STANDARD, config).decode(&**text(val)?);
    let bytes = bytes.map_err(|_| Error::str(format!("{} is not valid base64 data", val.describe())))?;
    Ok(Val::string(&String::from_utf8_lossy(&bytes)))
}

const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

fn base32(bytes: &[u8]) -> String {
    let mut out = String::new();
    for chunk in bytes.chunks(5) {
        let bits =
            chunk.iter().enumerate().fold(0_u64, |bits, (n, byte)| bits | u64::from(*byte) << (32 - 8 * n));
        for n in 0..8 {
            let used = n * 5 < chunk.len() * 8;
            out.push(if used { char::from(BASE32[(bits >> (35 - 5 * n)) as usize & 31]) } else { '=' });
        }
    }
    out
}

fn decode_base32(val: &Val) -> ValR<Val> {
    let (mut bytes, mut bits, mut count) = (Vec::new(), 0_u32, 0);
    for c in text(val)?.trim_end_matches('=').bytes() {
        let Some(digit) = BASE32.iter().position(|known| *known == c) else {
            return Err(Error::str(format!("{} is not valid base32 data", val.describe())));
        };
        bits = bits << 5 | digit as u32;
        count += 5;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count) as u8);
        }
    }
    Ok(Val::string(&String::from_utf8_lossy(&bytes)))
}
