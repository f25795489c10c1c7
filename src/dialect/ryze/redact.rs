//! `instanceData.token`: every frame carries the instance's own token, a credential that opens its REST
//! interface. It is masked where it stands, so that all other bytes stay as they came.

use std::borrow::Cow;
use std::ops::Range;

use memchr::memmem::Finder;

use crate::json::{space_end, string_end};
use crate::secret::MASK;

/// Finds and masks the tokens in frames.
pub(super) struct Redactor {
    name: Finder<'static>,
    escape: Finder<'static>,
}

impl Redactor {
    pub(super) fn new() -> Self {
        Self { name: Finder::new("instanceData"), escape: Finder::new(r"\u") }
    }

    /// The frame with its tokens masked; `None` if there are none. Most frames of other services are done
    /// with after two scans at memory speed: a name that is not there as it is can only be spelled with `\u`.
    pub(super) fn mask(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        if self.name.find(bytes).is_none() && self.escape.find(bytes).is_none() {
            return None;
        }
        let tokens = tokens(bytes);
        let mut rest = tokens.first()?.start;
        let mut masked = bytes[..rest].to_vec();
        for token in &tokens {
            masked.extend_from_slice(&bytes[rest..token.start]);
            masked.push(b'"');
            masked.extend_from_slice(MASK.as_bytes());
            masked.push(b'"');
            rest = token.end;
        }
        masked.extend_from_slice(&bytes[rest..]);
        Some(masked)
    }
}

/// Where the strings are that stand under `token` in the top-level `instanceData`, with their quotes. There is
/// one at most in what the service sends. A text that is not JSON is searched as far as it looks like it: what
/// was cut short may still hold a whole token.
fn tokens(bytes: &[u8]) -> Vec<Range<usize>> {
    let (mut found, mut at, mut depth) = (Vec::new(), space_end(bytes, 0), 0_usize);
    // The value that follows belongs to `instanceData`; the second level is inside of it.
    let (mut named, mut inside) = (false, false);
    if bytes.get(at) != Some(&b'{') {
        return found;
    }
    while let Some(&byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b'{' | b'[' => {
                depth += 1;
                if depth == 2 {
                    inside = named && byte == b'{';
                    named = false;
                }
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b'"' => {
                at = string_end(bytes, start);
                let colon = space_end(bytes, at);
                if depth > 2 || bytes.get(colon) != Some(&b':') {
                    continue;
                }
                let value = space_end(bytes, colon + 1);
                if depth == 1 {
                    named = is_name(&bytes[start..at], "instanceData") && bytes.get(value) == Some(&b'{');
                } else if inside && bytes.get(value) == Some(&b'"') && is_name(&bytes[start..at], "token") {
                    at = string_end(bytes, value);
                    found.push(value..at);
                    continue;
                }
                at = value;
            }
            _ => {}
        }
    }
    found
}

/// Is this quoted string that name, however it is escaped?
fn is_name(quoted: &[u8], name: &str) -> bool {
    let plain = quoted.get(1..quoted.len().saturating_sub(1)).unwrap_or_default();
    if !plain.contains(&b'\\') {
        return plain == name.as_bytes();
    }
    #[derive(serde::Deserialize)]
    struct Name<'a>(#[serde(borrow)] Cow<'a, str>);
    serde_json::from_slice::<Name<'_>>(quoted).is_ok_and(|Name(text)| text == name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn mask(text: &str) -> Option<String> {
        Redactor::new().mask(text.as_bytes()).map(|bytes| String::from_utf8(bytes).unwrap())
    }

    #[test]
    fn the_documents_envelope() {
        let envelope = r#"{"event":"e","data":{"token":"kept"},"instanceData":{"baseUrl":"https://api.example.test","instance":"i","token":"s3cret"}}"#;
        assert_eq!(mask(envelope).unwrap(), envelope.replace("s3cret", "***"));
    }

    #[test]
    fn any_order_white_space_and_escapes() {
        for (text, expected) in [
            (
                "{\"instanceData\" :\n{ \"token\" : \"a\\\"b\\\\\" , \"x\":1.50}}",
                "{\"instanceData\" :\n{ \"token\" : \"***\" , \"x\":1.50}}",
            ),
            (r#"{"instanceD\u0061ta":{"\u0074oken":"s"}}"#, r#"{"instanceD\u0061ta":{"\u0074oken":"***"}}"#),
            (
                r#"{"instanceData":{"a":{"token":"kept"},"token":"s","b":["token"]}}"#,
                r#"{"instanceData":{"a":{"token":"kept"},"token":"***","b":["token"]}}"#,
            ),
            (
                r#"{"instanceData":{"token":"s"},"instanceData":{"token":"t","token":"u"}}"#,
                r#"{"instanceData":{"token":"***"},"instanceData":{"token":"***","token":"***"}}"#,
            ),
            // Cut short, and yet a token in it.
            (r#"{"instanceData":{"token":"s","#, r#"{"instanceData":{"token":"***","#),
            (r#"{"instanceData":{"token":"s"#, r#"{"instanceData":{"token":"***""#),
        ] {
            assert_eq!(mask(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_is_no_token_stays() {
        for text in [
            "",
            "instanceData",
            "\"instanceData\"",
            r#"["instanceData",{"token":"s"}]"#,
            r#"[{"instanceData":{"token":"s"}}]"#,
            r#"{"data":{"instanceData":{"token":"s"}}}"#,
            r#"{"instanceData":{"token":5}}"#,
            r#"{"instanceData":[{"token":"s"}]}"#,
            r#"{"instanceData":["token","s"]}"#,
            r#"{"instanceData":{"a":{"token":"s"}}}"#,
            r#"{"instanceData":1,"data":{"token":"s"}}"#,
            r#"{"instanceData":"x","data":{"token":"s"}}"#,
            r#"{"x":"{\"instanceData\":{\"token\":\"s\"}}"}"#,
            "{\"instanceData",
            "{\"instanceData\\",
            "{\"instanceData\":",
            "{\"instanceData\\u00",
        ] {
            assert_eq!(mask(text), None, "{text}");
        }
    }

    fn value() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<i64>().prop_map(Value::from),
            "\\PC{0,6}".prop_map(Value::from),
            Just(Value::from("token")),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::vec((name(), inner), 0..4)
                    .prop_map(|all| Value::Object(all.into_iter().collect())),
            ]
        })
    }

    fn name() -> impl Strategy<Value = String> {
        prop_oneof![Just("token".to_owned()), Just("instanceData".to_owned()), "\\PC{0,4}"]
    }

    proptest! {
        /// The tree with the token replaced is the tree of the masked text, pretty or not; nothing else changed.
        #[test]
        fn only_the_token_changes(mut tree in prop::collection::vec((name(), value()), 0..4), token in "\\PC{1,12}", pretty: bool) {
            tree.push(("instanceData".to_owned(), json!({"a": {"token": "kept"}, "token": token, "z": ["token"]})));
            let mut tree = Value::Object(tree.into_iter().collect());
            let text = if pretty { serde_json::to_string_pretty(&tree) } else { serde_json::to_string(&tree) }.unwrap();
            let masked = mask(&text).unwrap();
            tree["instanceData"]["token"] = "***".into();
            let expected = if pretty { serde_json::to_string_pretty(&tree) } else { serde_json::to_string(&tree) }.unwrap();
            prop_assert_eq!(masked, expected);
        }

        #[test]
        fn nothing_panics(text in "[{}\\[\\]:,\"\\\\ a]{0,24}(\"instanceData\")?[{}\\[\\]:,\"\\\\ a]{0,24}") {
            let _ = mask(&text);
        }

        #[test]
        fn other_trees_stay(tree in prop::collection::vec(("[a-z]{0,6}", value()), 0..4)) {
            let tree = Value::Object(tree.into_iter().collect());
            prop_assert_eq!(mask(&tree.to_string()), None);
        }
    }
}
