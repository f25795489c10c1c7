//! How a topic that is being typed can go on: by the grammar, and by the ids that have been seen.

use serde_json::Value;

use super::topic::{ResourceKind, SCOPES};
use crate::dialect::Known;

/// Whole topics, or up to the colon after the next part.
pub(super) fn complete(typed: &str, known: &Known<'_>) -> Vec<String> {
    let parts: Vec<&str> = typed.split(':').collect();
    let before = &typed[..typed.rfind(':').map_or(0, |at| at + 1)];
    let next: Vec<String> = match parts[..] {
        [_] => SCOPES.map(|scope| format!("{scope}:")).into(),
        [scope, _] => scope_ids(scope, known).into_iter().map(|id| format!("{id}:")).collect(),
        [_, _, _] => ResourceKind::ALL.map(|kind| format!("{}:", kind.name())).into(),
        [_, _, kind, _] => [vec!["*".to_owned()], resource_ids(kind, known)].concat(),
        _ => Vec::new(),
    };
    let whole = next.into_iter().map(|part| format!("{before}{part}"));
    whole.filter(|topic| topic.starts_with(typed)).collect()
}

/// The ids of customers or agents: in topics, and wherever a message names one.
fn scope_ids(scope: &str, known: &Known<'_>) -> Vec<String> {
    let of_topics = topics(known).into_iter().filter_map(|topic| {
        let mut parts = topic.split(':');
        (parts.next() == Some(scope)).then(|| parts.next().map(str::to_owned))?
    });
    let named = values(known).flat_map(|value| {
        let places = ["", "/data"].map(|place| format!("{place}/{scope}"));
        places.into_iter().filter_map(move |place| value.pointer(&place)?.as_str().map(str::to_owned))
    });
    once(of_topics.chain(named))
}

/// The ids of resources of a type: in topics, in the events about them, and wherever a message names one.
fn resource_ids(kind: &str, known: &Known<'_>) -> Vec<String> {
    let of_topics = topics(known).into_iter().filter_map(|topic| {
        let parts: Vec<&str> = topic.split(':').collect();
        (parts.len() == 4 && parts[2] == kind && parts[3] != "*").then(|| parts[3].to_owned())
    });
    let named = values(known).flat_map(|value| {
        let event = value.get("event_type").or(value.get("type")).and_then(Value::as_str).unwrap_or_default();
        let about = event.split(['.', '_']).next() == Some(kind);
        let id = value.pointer("/data/id").filter(|_| about).cloned();
        let other = value.pointer(&format!("/data/{kind}_id")).cloned();
        [id, other].into_iter().flatten().filter_map(|id| id.as_str().map(str::to_owned))
    });
    once(of_topics.chain(named))
}

/// Topics that were subscribed to, and those of events.
fn topics(known: &Known<'_>) -> Vec<String> {
    let of_events = values(known).filter_map(|value| value.get("topic")?.as_str().map(str::to_owned));
    known.topics.iter().cloned().chain(of_events).collect()
}

fn values<'a>(known: &Known<'a>) -> impl Iterator<Item = Value> + use<'a> {
    known.messages.iter().filter_map(|text| serde_json::from_str(text).ok())
}

/// Each of them once, in the order in which they were seen.
fn once(all: impl Iterator<Item = String>) -> Vec<String> {
    let mut seen = std::collections::HashSet::new();
    all.filter(|id| !id.is_empty() && seen.insert(id.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_is_completed_by_the_grammar_and_by_what_was_seen() {
        let topics = ["customer_id:c1:call:*".to_owned()];
        let messages = [
            r#"{"event_type":"call.status","topic":"customer_id:c2:call:k1","data":{"id":"k1","agent_id":"a1"}}"#,
            r#"{"type":"call_created","data":{"id":"k2","customer_id":"c3","queue_id":"q1"}}"#,
            "no JSON",
        ]
        .map(str::to_owned);
        let known = Known { topics: &topics, messages: &messages };
        let all = |typed: &str| complete(typed, &known);
        assert_eq!(all(""), ["customer_id:", "agent_id:"]);
        assert_eq!(all("ag"), ["agent_id:"]);
        assert_eq!(all("customer_id:"), ["customer_id:c1:", "customer_id:c2:", "customer_id:c3:"]);
        assert_eq!(all("agent_id:"), ["agent_id:a1:"]);
        assert_eq!(all("customer_id:c1:re"), ["customer_id:c1:recording:"]);
        assert_eq!(
            all("customer_id:c1:call:"),
            ["*", "k1", "k2"].map(|id| format!("customer_id:c1:call:{id}"))
        );
        assert_eq!(all("customer_id:c1:queue:q"), ["customer_id:c1:queue:q1"]);
        assert!(all("customer_id:c1:call:k1:").is_empty());
    }
}
