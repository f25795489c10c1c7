//! The programs: what people write, and each kind of filter that jq has.

/// What a program is measured by.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    Any,
    /// Messages are picked by a literal, or fields by their names.
    Plain,
    /// One message in a hundred is picked, at most.
    Rare,
}

impl Class {
    /// How many times as many messages a second as the other it should take.
    pub(crate) fn goal(self, other: &str) -> f64 {
        match (self, other) {
            (Self::Rare, "jq") => 20.0,
            (Self::Plain, "jq") => 10.0,
            (_, "jq") => 3.0,
            (_, "against") => 0.9,
            _ => 1.5,
        }
    }

    /// The same for CPU time.
    pub(crate) fn cpu_goal(self, other: &str) -> f64 {
        Self::Any.goal(other)
    }
}

use Class::{Any, Plain, Rare};

pub(crate) const PROGRAMS: &[(Class, &str)] = &[
    (Plain, ".data.id"),
    (Plain, r#"select(.event_type == "call_hangup")"#),
    (Plain, r#"select(.event_type == "call_hangup") | {id: .data.id, status: .data.status}"#),
    (Plain, "{id: .data.id, status: .data.status}"),
    (Rare, r#"select(.timestamp == "2026-11-21T10:15:38.000007Z")"#),
    (Rare, r#"select(.topic == "another")"#),
    (Any, r#"select(.data.status == "hangup" or .data.note) | .data.duration"#),
    (Any, r#".data.note // .data.reason // "none""#),
    (Any, r#"if .event_type == "call_hangup" then .data.id elif .data.attempts > 3 then 1 else null end"#),
    (Any, r#""\(.event_type): \(.data.id) \(.data.duration)""#),
    (Any, "[.event_type, .data.id, .data.attempts]"),
    (Any, ".event_type, .data.id"),
    (Any, ".data.attempts + 1"),
    (Any, r#"select(.event_type | test("^call_h"))"#),
    (Any, r#"select(.event_type | startswith("call_h"))"#),
    (Any, r#"select(.event_type | IN("call_hangup", "call_created"))"#),
    (Any, "[.event_type, .data.id, .data.duration] | @csv"),
    (Any, "[.event_type, .data.id, .data.duration] | @tsv"),
    (Any, ".data | to_entries"),
    (Any, ".data | with_entries(select(.value != null))"),
    (Any, "[..]"),
    (Any, r#"reduce .data.tags[] as $tag (""; . + $tag)"#),
    (Any, r#"[foreach .data.tags[] as $tag (0; . + 1; [$tag, .])]"#),
    (Any, r#".topic | split(":") | join("/")"#),
    (Any, r#".topic | ltrimstr("customer_id:")"#),
    (Any, "del(.data.note, .timestamp)"),
    (Any, ".data.status |= ascii_upcase"),
    (Any, ".data.attempts += 1"),
    (Any, "[paths]"),
    (Any, ".data.tags | group_by(length)"),
    (Any, ".data.tags | sort_by(.)"),
    (Any, ".data.tags | unique_by(length)"),
    (Any, "@json"),
    (Any, r#"@sh "id \(.data.id)""#),
    (Any, ".event_type | ascii_downcase"),
    (Any, "tojson"),
    (Any, "tojson | fromjson"),
    (Any, "(.data.attempts + 1604000000) | todate"),
    (Any, r#"(.timestamp[:19] + "Z") | fromdate"#),
    (Any, "[limit(1; .data.tags[])]"),
    (Any, "first(.data.tags[])"),
    (Any, ".data as $data | {id: $data.id, type: .event_type}"),
    (Any, "def id: .data.id; id"),
    (Any, r#"has("data")"#),
    (Any, "keys"),
    (Any, ".data | map(.)"),
    (Any, ".data | map_values(tostring)"),
    (Any, r#"any(.data.tags[]; . == "answered")"#),
    (Any, r#".topic | gsub(":"; "/")"#),
    (Any, r#".topic | capture("customer_id:(?<id>[^:]+)")"#),
    (Any, r#"[.topic | splits(":")]"#),
    (Any, "[tostream]"),
    (Any, r#"getpath(["data", "id"])"#),
    (Any, "env.HOME"),
    (Any, "$__loc__"),
    (Any, "[.data[] | numbers] | add"),
    (Any, "[., input | .data.id]"),
];
