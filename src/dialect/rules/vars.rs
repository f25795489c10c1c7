//! The variables of expressions, and the states behind them.

use std::collections::BTreeMap;

use super::expr::{DEPTH, Expr};
use crate::limits;
use crate::pipeline::filter::{Globals, ParsedWithin, Reads, Value};

/// The variables of the client's expressions.
pub(super) const CLIENT_VARS: &[&str] =
    &["s", "topics", "topic", "n", "sub", "sent", "cursor", "token", "keys", "url"];

/// Places in [`CLIENT_VARS`].
#[derive(Clone, Copy)]
pub(super) enum ClientVar {
    State,
    Topics,
    Topic,
    Number,
    Subscription,
    Sent,
    Cursor,
    Token,
    Keys,
    Url,
}

/// A state that expressions see as `$s`.
#[derive(Clone, Debug)]
pub(super) struct RulesState {
    value: Value,
    /// It is no larger than this, in bytes.
    most: usize,
}

/// Fields of so many bytes are nested no deeper than any stack allows.
const SHALLOW: usize = 4096;

impl RulesState {
    /// Without fields.
    pub(super) fn new() -> Self {
        Self { value: Value::object([]), most: 2 }
    }

    /// Takes over the fields of an object; a null removes a field.
    ///
    /// # Errors
    /// For what is not an object, or makes the state too large. The state stays as it was then.
    pub(super) fn change(&mut self, fields: &Value) -> Result<(), String> {
        if !fields.is_object() {
            return Err(format!("expected an object of fields to set, got {}", fields.text()));
        }
        let mut text = Vec::new();
        fields.write(&mut text)?;
        if text.len() > SHALLOW
            && let ParsedWithin::TooDeep =
                Value::parse_within(&String::from_utf8_lossy(&text), &Reads::everything(), DEPTH)
        {
            return Err(format!("the state would be nested deeper than {DEPTH}"));
        }
        let changed = self.value.clone().merged(fields);
        // Fields that are replaced count twice until all of it is measured.
        let mut most = self.most + text.len();
        if most > limits::DIALECT_STATE {
            text.clear();
            changed.write(&mut text)?;
            most = text.len();
        }
        if most > limits::DIALECT_STATE {
            return Err(format!("the state would be larger than {} bytes", limits::DIALECT_STATE));
        }
        *self = Self { value: changed, most };
        Ok(())
    }

    /// As a value.
    pub(super) fn value(&self) -> Value {
        self.value.clone()
    }
}

/// Changes a state by the outputs of an expression, and says what is wrong with them.
pub(super) fn change(
    states: &mut [&mut RulesState],
    expr: &Expr,
    (globals, input): (&Globals, &Value),
) -> Result<(), String> {
    for output in expr.all(globals, input)? {
        for state in &mut *states {
            state.change(&output).map_err(|why| format!("{}: {why}", expr.place()))?;
        }
    }
    Ok(())
}

/// The numbers of subscriptions: which was sent with which, for topics and the other way round.
#[derive(Clone, Debug, Default)]
pub(super) struct SentNumbers {
    last: u64,
    by_number: BTreeMap<u64, Vec<String>>,
    by_topic: BTreeMap<String, u64>,
}

impl SentNumbers {
    /// The next number.
    pub(super) fn next(&mut self) -> u64 {
        self.last += 1;
        self.last
    }

    /// Notes that these topics were sent with this number.
    pub(super) fn note(&mut self, number: u64, topics: &[String]) {
        self.by_number.insert(number, topics.to_vec());
        topics.iter().for_each(|topic| _ = self.by_topic.insert(topic.clone(), number));
    }

    /// The number of a topic's subscription.
    pub(super) fn of_topic(&self, topic: &str) -> Option<u64> {
        self.by_topic.get(topic).copied()
    }

    /// An object of the topics by number.
    pub(super) fn value(&self) -> Value {
        let keys: Vec<(String, Value)> =
            self.by_number.iter().map(|(number, topics)| (number.to_string(), texts(topics))).collect();
        Value::object(keys.iter().map(|(number, topics)| (number.as_str(), topics.clone())))
    }
}

/// An array of strings.
pub(super) fn texts(texts: &[String]) -> Value {
    Value::array(texts.iter().map(|text| Value::string(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn states_are_bounded_in_bytes_and_depth() {
        let value = |text: &str| Value::parse(text).unwrap();
        let mut state = RulesState::new();
        state.change(&value(r#"{"a":1,"b":{"c":2}}"#)).unwrap();
        state.change(&value(r#"{"a":null,"d":3}"#)).unwrap();
        assert_eq!(state.value().text(), r#"{"b":{"c":2},"d":3}"#);
        assert!(state.change(&value("7")).unwrap_err().contains("object"));
        let large = Value::object([("a", Value::string(&"x".repeat(limits::DIALECT_STATE)))]);
        assert!(state.change(&large).unwrap_err().contains("larger"));
        let mut deepest = 0;
        while state.change(&Value::object([("b", state.value()), ("n", Value::integer(deepest))])).is_ok() {
            deepest += 1;
        }
        assert!(deepest > DEPTH as u64 / 2, "{deepest}");
        assert_eq!(state.value().field("d").text(), "3");
    }

    #[test]
    fn numbers_name_topics_and_topics_numbers() {
        let mut sent = SentNumbers::default();
        let (first, second) = (sent.next(), sent.next());
        sent.note(first, &["a".into(), "b".into()]);
        sent.note(second, &["c".into()]);
        assert_eq!(sent.value().text(), r#"{"1":["a","b"],"2":["c"]}"#);
        assert_eq!((sent.of_topic("b"), sent.of_topic("c"), sent.of_topic("d")), (Some(1), Some(2), None));
    }
}
