//! The JSON Schemas in `docs/schema`. Every record that any test reads is checked against them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::harness::{Output, wstap};

/// The schema of records, and the one of probe reports.
static SCHEMAS: LazyLock<[Value; 2]> = LazyLock::new(|| {
    let parse = |text| serde_json::from_str(text).unwrap();
    [
        parse(include_str!("../../docs/schema/record.schema.json")),
        parse(include_str!("../../docs/schema/probe.schema.json")),
    ]
});

/// Checks a line of output against the schema of its type. Other lines pass.
#[track_caller]
pub(crate) fn check(line: &Value) {
    let is_record = ["v", "type"].iter().all(|name| line.get(name).is_some());
    let is_filtered = line.get("ts").is_none() && line["type"] != "probe_summary";
    if !is_record || is_filtered {
        return;
    }
    if let Err(wrong) = is_as_described(line) {
        panic!("not as in docs/schema: {wrong}\n{line}");
    }
}

fn is_as_described(line: &Value) -> Result<(), String> {
    let kind = line["type"].as_str().unwrap_or_default();
    let schema = &SCHEMAS[usize::from(kind.starts_with("probe"))];
    let of_type = schema["$defs"].get(kind).ok_or_else(|| format!("unknown type {kind}"))?;
    holds(of_type, line, kind)
}

/// Is the value as the schema says? Knows what our schemas use of JSON Schema, and refuses the rest. A library would add
/// 45 crates to each build of the tests.
fn holds(schema: &Value, value: &Value, place: &str) -> Result<(), String> {
    let any = |schemas: &Value| {
        schemas.as_array().unwrap().iter().filter(|one| holds(one, value, place).is_ok()).count()
    };
    for (keyword, rule) in schema.as_object().unwrap() {
        let right = match keyword.as_str() {
            "description" | "properties" => true,
            "type" => names(rule).any(|name| is_of_type(value, name)),
            "const" => value == rule,
            "enum" => rule.as_array().unwrap().contains(value),
            "minimum" => value.as_f64().is_none_or(|number| number >= rule.as_f64().unwrap()),
            "maximum" => value.as_f64().is_none_or(|number| number <= rule.as_f64().unwrap()),
            "format" => value.as_str().is_some_and(|text| text.parse::<jiff::Timestamp>().is_ok()),
            "required" => names(rule).all(|name| value.get(name).is_some()),
            "dependentRequired" => rule.as_object().unwrap().iter().all(|(name, needs)| {
                value.get(name).is_none() || names(needs).all(|name| value.get(name).is_some())
            }),
            "anyOf" => any(rule) > 0,
            "oneOf" => any(rule) == 1,
            "additionalProperties" => {
                for (name, value) in value.as_object().into_iter().flatten() {
                    let place = format!("{place}.{name}");
                    match schema["properties"].get(name) {
                        Some(known) => holds(known, value, &place)?,
                        None if rule.is_object() => holds(rule, value, &place)?,
                        None => return Err(format!("{place} is not described")),
                    }
                }
                true
            }
            "items" => {
                let mut items = value.as_array().into_iter().flatten().enumerate();
                items.try_for_each(|(at, item)| holds(rule, item, &format!("{place}[{at}]")))?;
                true
            }
            other => panic!("the test does not know the keyword {other}"),
        };
        if !right {
            return Err(format!("{place} breaks {keyword}: {rule}"));
        }
    }
    Ok(())
}

/// A text, or several.
fn names(rule: &Value) -> impl Iterator<Item = &str> {
    rule.as_array().map_or(std::slice::from_ref(rule), Vec::as_slice).iter().filter_map(Value::as_str)
}

fn is_of_type(value: &Value, name: &str) -> bool {
    match name {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        other => panic!("{other} is not a type of JSON Schema"),
    }
}

fn types(out: &Output) -> BTreeSet<String> {
    out.json().iter().filter_map(|record| record["type"].as_str().map(str::to_owned)).collect()
}

/// Between them, these print every type of record.
const RUNS: [&[&str]; 8] = [
    &["connect", "--mock", "-x", "[1]", "-x", "text", "-x", "[", "--encode", "text,gzip", "--decode", "gzip"],
    &["connect", "--mock", "-x", "[1]", "--encode", "text", "--decode", "gzip"],
    &[
        "connect",
        "--mock=--fault close=1011@1",
        "--reconnect",
        "--reconnect-delay",
        "1ms",
        "--max-retries",
        "1",
        "-x",
        "1",
    ],
    &["connect", "--mock", "--ping-interval", "10ms", "--until", r#".type == "pong""#],
    &[
        "subscribe",
        "--mock",
        "-d",
        "voipbin",
        "customer_id:12345678-1234-1234-1234-123456789012:call:*",
        "--count",
        "3",
    ],
    &["subscribe", "--mock=--fault drop@3", "-d", "ryze", "demo", "--reconnect-delay", "1ms", "--count", "9"],
    &["watch-campaign", "--mock=--rate max", "42", "--progress"],
    &["connect", "--mock=--fault ping=x@1", "-x", "1", "-x", "2"],
];

#[test]
fn every_type_of_record_is_described() {
    let defined: BTreeSet<String> =
        SCHEMAS.iter().flat_map(|schema| schema["$defs"].as_object().unwrap().keys().cloned()).collect();
    let mut seen = BTreeSet::new();
    for run in RUNS {
        let more: &[&str] =
            if run[0] == "connect" { &["--envelope", "--linger", "1s"] } else { &["--envelope"] };
        seen.extend(types(&wstap(run).args(more).run()));
    }
    for run in [&["--live"][..], &["--repeat", "2"], &["--expect-status", "200"], &["--auth-matrix"]] {
        seen.extend(types(&wstap(&["probe-handshake", "--mock"]).args(run).run()));
    }
    assert_eq!(seen, defined);
}

#[test]
fn a_record_with_another_field_is_not_as_described() {
    let record = json!({"v": 1, "ts": "2026-01-01T00:00:00.000000Z", "type": "ping", "conn": 1, "dir": "in", "text": ""});
    check(&record);
    let mut odd = record;
    odd["odd"] = json!(1);
    assert!(is_as_described(&odd).is_err());
}
