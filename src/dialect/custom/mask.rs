//! Object masks: a message fits a mask if it has everything that the mask has.

use serde::Deserialize;
use serde::de::{Deserializer, Error as _};
use serde_json::Value;

/// The fields that a message must have, with their values; `"*"` stands for any value, and objects may have
/// more fields than their masks.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Mask(Value);

impl Mask {
    pub(super) fn fits(&self, message: &Value) -> bool {
        fits(&self.0, message)
    }
}

fn fits(mask: &Value, value: &Value) -> bool {
    match (mask, value) {
        (Value::String(any), _) if any == "*" => true,
        (Value::Object(mask), Value::Object(object)) => {
            mask.iter().all(|(name, mask)| object.get(name).is_some_and(|value| fits(mask, value)))
        }
        // A TOML file may well have 1.0 where JSON has 1.
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        _ => mask == value,
    }
}

impl<'de> Deserialize<'de> for Mask {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match Value::deserialize(deserializer)? {
            Value::Object(fields) if !fields.is_empty() => Ok(Self(Value::Object(fields))),
            _ => Err(D::Error::custom("expected a table of fields, such as { type = \"ack\" }")),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_message_has_everything_that_its_mask_has() {
        let mask: Mask =
            serde_json::from_value(json!({"type": "ack", "payload": {"n": 1.0, "id": "*"}})).unwrap();
        assert!(mask.fits(&json!({"type": "ack", "payload": {"n": 1, "id": null, "x": 1}, "y": 2})));
        for other in [
            json!({"type": "ack"}),
            json!({"type": "ack", "payload": {"n": 1}}),
            json!({"type": "ack", "payload": []}),
            json!({"type": "nack", "payload": {"n": 1, "id": 2}}),
            json!(["type"]),
            json!(null),
        ] {
            assert!(!mask.fits(&other), "{other}");
        }
    }
}
