//! Programs that are run often with changing variables, such as the rules of dialects: the values of the variables are
//! kept from run to run, and messages are read with a bound on their depth.

use std::ops::ControlFlow;

use jaq_json::Num;

use super::object::Object;
use super::value::Val;
use super::vars::Vars;
use super::{Program, Reads, RunError, Stage, Value, read};
use crate::error::Result;

/// The values of variables, in the order of their names. Programs that were compiled with [`Globals::vars`] see them.
#[derive(Clone, Debug)]
pub struct Globals(Vec<Val>);

impl Globals {
    /// Null for each of these names.
    #[must_use]
    pub fn new(names: &[&str]) -> Self {
        Self(vec![Val::Null; names.len()])
    }

    /// What programs have to be compiled with.
    ///
    /// # Errors
    /// If a name cannot be the name of a variable.
    pub fn vars(names: &[&str]) -> Result<Vars> {
        let mut vars = Vars::default();
        for name in names {
            vars.argjson(name, "null")?;
        }
        Ok(vars)
    }

    /// Changes a value. A place beyond the last name is ignored.
    pub fn set(&mut self, at: usize, value: Value) {
        if let Some(place) = self.0.get_mut(at) {
            *place = value.0;
        }
    }
}

/// What [`Value::parse_within`] makes of a text.
#[derive(Debug, PartialEq)]
pub enum ParsedWithin {
    /// Its value.
    Value(Value),
    /// Its values are nested too deep.
    TooDeep,
    /// It is not JSON.
    NotJson,
}

impl Program {
    /// [`Program::run`] with these values of the variables.
    ///
    /// # Errors
    /// As [`Program::run`].
    pub fn run_globals(
        &self,
        globals: &Globals,
        input: &Value,
        emit: &mut dyn FnMut(Value) -> ControlFlow<()>,
    ) -> std::result::Result<(), RunError> {
        let stage = Stage::new(std::iter::empty(), &*self.0.sink);
        if self.0.globals.len() <= globals.0.len() {
            return self.play(&globals.0, &stage, &input.0, emit).map(drop);
        }
        // The program names other variables too, such as $ENV.
        let more = self.0.globals.iter().skip(globals.0.len());
        let all: Vec<Val> = globals.0.iter().chain(more).cloned().collect();
        self.play(&all, &stage, &input.0, emit).map(drop)
    }
}

impl Value {
    /// `null`.
    #[must_use]
    pub fn null() -> Self {
        Self(Val::Null)
    }

    /// `true` or `false`.
    #[must_use]
    pub fn bool(is: bool) -> Self {
        Self(Val::Bool(is))
    }

    /// A whole number.
    #[must_use]
    pub fn integer(number: u64) -> Self {
        Self(Val::Num(Num::from_integral(number)))
    }

    /// A number.
    #[must_use]
    pub fn float(number: f64) -> Self {
        Self(Val::Num(Num::Float(number)))
    }

    /// An array.
    #[must_use]
    pub fn array(items: impl IntoIterator<Item = Self>) -> Self {
        Self(items.into_iter().map(|item| item.0).collect())
    }

    /// An object.
    #[must_use]
    pub fn object<'k>(fields: impl IntoIterator<Item = (&'k str, Self)>) -> Self {
        let fields: Object = fields.into_iter().map(|(key, value)| (key.into(), value.0)).collect();
        Self(Val::object(fields))
    }

    /// [`Value::parse_parts`] of a text whose values are nested no deeper than this. To compare, write or drop a value
    /// is to recurse as deep as it nests.
    #[must_use]
    pub fn parse_within(text: &str, reads: &Reads, depth: usize) -> ParsedWithin {
        match read::within(text, reads, depth) {
            Ok(Some(value)) => ParsedWithin::Value(Self(value)),
            Ok(None) => ParsedWithin::TooDeep,
            Err(_) => ParsedWithin::NotJson,
        }
    }

    /// The value in a field of an object; `null` if there is none.
    #[must_use]
    pub fn field(&self, name: &str) -> Self {
        match &self.0 {
            Val::Obj(fields) => Self(fields.get(name).cloned().unwrap_or_default()),
            _ => Self::null(),
        }
    }

    /// The items of an array.
    #[must_use]
    pub fn items(&self) -> Option<Vec<Self>> {
        match &self.0 {
            Val::Arr(items) => Some(items.iter().cloned().map(Self).collect()),
            _ => None,
        }
    }

    /// How many items an array has.
    #[must_use]
    pub fn count(&self) -> Option<usize> {
        match &self.0 {
            Val::Arr(items) => Some(items.len()),
            _ => None,
        }
    }

    /// An item of an array, from 0; `null` if there is none.
    #[must_use]
    pub fn item(&self, at: usize) -> Self {
        match &self.0 {
            Val::Arr(items) => Self(items.get(at).cloned().unwrap_or_default()),
            _ => Self::null(),
        }
    }

    /// The fields of an object.
    #[must_use]
    pub fn fields(&self) -> Option<Vec<(String, Self)>> {
        match &self.0 {
            Val::Obj(fields) => {
                Some(fields.iter().map(|(key, value)| ((**key).to_owned(), Self(value.clone()))).collect())
            }
            _ => None,
        }
    }

    /// Is it an object?
    #[must_use]
    pub fn is_object(&self) -> bool {
        matches!(self.0, Val::Obj(_))
    }

    /// Is it `null`?
    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(self.0, Val::Null)
    }

    /// The number, if it is one.
    #[must_use]
    pub fn as_f64(&self) -> Option<f64> {
        self.0.float()
    }

    /// A string as it is, and any other value as its JSON.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.0 {
            Val::Str(text) => (**text).to_owned(),
            other => other.text(),
        }
    }

    /// This object with the fields of the other one. A field that is null there is removed.
    #[must_use]
    pub fn merged(self, other: &Self) -> Self {
        let (Val::Obj(mut own), Val::Obj(others)) = (self.0.clone(), &other.0) else { return self };
        let fields = std::sync::Arc::make_mut(&mut own);
        for (key, value) in others.iter() {
            if matches!(value, Val::Null) {
                fields.remove(key);
            } else {
                fields.insert(std::sync::Arc::clone(key), value.clone());
            }
        }
        Self(Val::Obj(own))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 2] = ["s", "n"];

    fn run(program: &Program, globals: &Globals, input: &str) -> Vec<String> {
        let mut outputs = Vec::new();
        let input = Value::parse(input).unwrap();
        let end = program.run_globals(globals, &input, &mut |output| {
            outputs.push(output.text());
            ControlFlow::Continue(())
        });
        end.unwrap();
        outputs
    }

    #[test]
    fn variables_keep_their_values_from_run_to_run() {
        let program =
            Program::compile("x", "$s.a, $n + ., ($ENV|type)", &Globals::vars(&NAMES).unwrap()).unwrap();
        let mut globals = Globals::new(&NAMES);
        globals.set(0, Value::object([("a", Value::string("b"))]));
        globals.set(1, Value::integer(7));
        globals.set(2, Value::integer(8));
        assert_eq!(run(&program, &globals, "1"), ["b", "8", "object"]);
        globals.set(1, Value::integer(9));
        assert_eq!(run(&program, &globals, "1"), ["b", "10", "object"]);
    }

    #[test]
    fn objects_are_merged_and_depth_is_bounded() {
        let value = |text: &str| Value::parse(text).unwrap();
        let merged = value(r#"{"a":1,"b":2}"#).merged(&value(r#"{"b":null,"c":{"d":3}}"#));
        assert_eq!(merged.text(), r#"{"a":1,"c":{"d":3}}"#);
        assert_eq!(value("7").merged(&value("{}")).text(), "7");
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        let all = Reads::everything();
        let within = |text: &str, reads: &Reads| Value::parse_within(text, reads, 20);
        assert_eq!(within(&nested(20), &all), ParsedWithin::Value(value(&nested(20))));
        assert_eq!(within(&nested(21), &all), ParsedWithin::TooDeep);
        let deep = format!(r#"{{"a":1,"b":{}}}"#, nested(500));
        let some = Program::compile("x", ".a", &Vars::default()).unwrap().reads();
        assert_eq!(
            within(&deep, &some),
            ParsedWithin::Value(value(r#"{"a":1}"#)),
            "what is not built is not counted"
        );
        assert_eq!(within("{", &all), ParsedWithin::NotJson);
    }
}
