//! What the mocks put their made-up events together from: JSON objects whose fields stand in the documents'
//! order, ids, and times of day on a clock of their own.

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::json::quoted;

/// A JSON object that is written field by field.
#[derive(Default)]
pub(super) struct JsonObject(String);

impl JsonObject {
    /// A field with a text, escaped as needed.
    pub(super) fn text(self, name: &str, value: &str) -> Self {
        self.raw(name, &quoted(value))
    }

    /// A field with a whole number.
    pub(super) fn number(self, name: &str, value: i64) -> Self {
        self.raw(name, &value.to_string())
    }

    /// A field with true or false.
    pub(super) fn flag(self, name: &str, value: bool) -> Self {
        self.raw(name, if value { "true" } else { "false" })
    }

    /// A field with an object.
    pub(super) fn object(self, name: &str, value: Self) -> Self {
        self.raw(name, &value.end())
    }

    /// A field with an array of values that are JSON already.
    pub(super) fn array(self, name: &str, values: &[String]) -> Self {
        self.raw(name, &format!("[{}]", values.join(",")))
    }

    /// A field with a value that is JSON already.
    pub(super) fn raw(mut self, name: &str, json: &str) -> Self {
        self.0.push(if self.0.is_empty() { '{' } else { ',' });
        self.0.push('"');
        self.0.push_str(name);
        self.0.push_str("\":");
        self.0.push_str(json);
        self
    }

    /// These fields as well, if there is something to say.
    pub(super) fn with(self, fields: Option<impl FnOnce(Self) -> Self>) -> Self {
        match fields {
            Some(add) => add(self),
            None => self,
        }
    }

    /// The object's text.
    pub(super) fn end(mut self) -> String {
        self.0.push_str(if self.0.is_empty() { "{}" } else { "}" });
        self.0
    }
}

/// These fields of an object; `None` if it is none, or they are not as they should be.
pub(super) fn fields<'a, T: Deserialize<'a>>(object: &'a RawValue) -> Option<T> {
    // An array would be read as the fields in their order.
    object.get().starts_with('{').then(|| serde_json::from_str(object.get()).ok())?
}

/// Mixes a name into a seed (FNV-1a), so that two names do not live the same lives.
pub(super) fn mix(seed: u64, name: &str) -> u64 {
    name.bytes().fold(seed ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// `2026-01-01T10:00:00Z`, from milliseconds since 1970.
pub(super) fn iso_seconds(millis: i64) -> String {
    strftime(millis, "%Y-%m-%dT%H:%M:%SZ")
}

/// `2026-01-01T10:00:00.123Z`, from milliseconds since 1970.
pub(super) fn iso_millis(millis: i64) -> String {
    strftime(millis, "%Y-%m-%dT%H:%M:%S%.3fZ")
}

/// A time of day in this format, from milliseconds since 1970.
pub(super) fn strftime(millis: i64, format: &str) -> String {
    crate::clock::at_millisecond(millis).strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn objects_keep_their_order_and_times_their_digits() {
        let inner = JsonObject::default().flag("yes", true);
        let object = JsonObject::default().text("b", "\"\n").number("a", -1).object("o", inner);
        let text = object.array("l", &[quoted("x"), "2".into()]).object("e", JsonObject::default()).end();
        assert_eq!(text, r#"{"b":"\"\n","a":-1,"o":{"yes":true},"l":["x",2],"e":{}}"#);
        assert_eq!(iso_seconds(1_767_225_600_120), "2026-01-01T00:00:00Z");
        assert_eq!(iso_millis(1_767_225_600_120), "2026-01-01T00:00:00.120Z");
    }
}
