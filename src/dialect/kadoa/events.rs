//! The mock's world: a team's workflows, which watch web shops whose rows come, go and change their price. It runs
//! by a clock of its own and is a pure function of its seed.
//!
//! `workflow_data_change` is as documented. Of the other notifications, the fields of `workflow_failed` and
//! `workflow_recovered` are the provider's; the rest is known by name only, and its fields are a guess.

use fastrand::Rng;

use crate::dialect::made::{JsonObject, iso_millis, mix};
use crate::json::quoted;

/// The instant at which every world begins: 2026-01-01T00:00:00Z.
const EPOCH: i64 = 1_767_225_600_000;

/// Milliseconds from one event to the next.
const GAP: std::ops::Range<i64> = 500..30_000;

/// The rows that a workflow may have.
const ROWS: std::ops::Range<usize> = 2..8;

const TITLES: [&str; 6] = ["Espresso", "Café crème", "Flat \"white\"", "Mocha", "抹茶", "Ristretto"];

const NAMES: [&str; 3] = ["Prices", "New arrivals", "Stock"];

/// Notifications that are known by their names.
const OTHERS: [&str; 6] = [
    "workflow_started",
    "workflow_finished",
    "workflow_export_completed",
    "workflow_sample_finished",
    "workflow_validation_anomaly_change",
    "workflow_health_degraded",
];

/// What happens.
pub(super) struct KadoaEvent {
    pub(super) kind: &'static str,
    /// Milliseconds since 1970.
    pub(super) at: i64,
    /// JSON.
    pub(super) data: String,
}

/// The team's world.
pub(super) struct TeamWorld {
    rng: Rng,
    now: i64,
    workflows: Vec<Workflow>,
}

struct Workflow {
    id: String,
    name: &'static str,
    url: String,
    rows: Vec<ExtractedRow>,
    failed: bool,
}

#[derive(Clone)]
struct ExtractedRow {
    title: String,
    cents: u32,
}

impl TeamWorld {
    pub(super) fn new(seed: u64) -> Self {
        let mut rng = Rng::with_seed(mix(seed, "workflows"));
        let workflow = |(number, name): (usize, &&'static str)| Workflow {
            id: object_id(&mut rng),
            name,
            url: format!("https://shop{number}.example.com/list"),
            rows: (0..ROWS.start).map(|_| ExtractedRow::new(&mut rng)).collect(),
            failed: false,
        };
        let workflows = NAMES.iter().enumerate().map(workflow).collect();
        Self { workflows, rng, now: EPOCH }
    }

    /// The time of the last event.
    pub(super) fn now(&self) -> i64 {
        self.now
    }

    /// The next event.
    pub(super) fn next(&mut self) -> KadoaEvent {
        let workflow = self.rng.usize(0..self.workflows.len());
        let chance = self.rng.u8(0..16);
        let at = self.now;
        self.now += self.rng.i64(GAP);
        let failed = self.workflows[workflow].failed;
        let (kind, data) = match chance {
            0 => self.other(workflow),
            1 if at > EPOCH => self.failure(workflow),
            _ if failed => self.failure(workflow),
            _ => ("workflow_data_change", self.change(workflow, at)),
        };
        KadoaEvent { kind, at, data }
    }

    fn change(&mut self, workflow: usize, at: i64) -> String {
        let id = object_id(&mut self.rng);
        let differences = self.differences(workflow);
        let workflow = &self.workflows[workflow];
        let rows: Vec<String> = workflow.rows.iter().map(ExtractedRow::json).collect();
        JsonObject::default()
            .text("id", &id)
            .text("workflowId", &workflow.id)
            .array("data", &rows)
            .array("differences", &differences)
            .text("url", &workflow.url)
            .text("createdAt", &iso_millis(at))
            .end()
    }

    /// Changes one or two rows, and says how: `type` is one of `added`, `removed` and `changed`, and only the
    /// last has a `previousValue`.
    fn differences(&mut self, workflow: usize) -> Vec<String> {
        let Self { rng, workflows, .. } = self;
        let rows = &mut workflows[workflow].rows;
        (0..rng.usize(1..3))
            .map(|_| match rng.u8(0..4) {
                0 if rows.len() < ROWS.end => {
                    let row = ExtractedRow::new(rng);
                    let fields = row.fields();
                    rows.push(row);
                    difference("added", &fields)
                }
                1 if rows.len() > ROWS.start => {
                    difference("removed", &rows.remove(rng.usize(0..rows.len())).fields())
                }
                _ => {
                    let at = rng.usize(0..rows.len());
                    let row = &mut rows[at];
                    let before = row.price();
                    row.cents += rng.u32(1..500);
                    let field = field("price", &row.price()).text("previousValue", &before);
                    difference("changed", &[field.end()])
                }
            })
            .collect()
    }

    /// A workflow that works fails, and one that has failed works again.
    fn failure(&mut self, workflow: usize) -> (&'static str, String) {
        let workflow = &mut self.workflows[workflow];
        workflow.failed = !workflow.failed;
        let data = JsonObject::default()
            .text("workflowId", &workflow.id)
            .text("workflowName", workflow.name)
            .text("source", "scheduler");
        if !workflow.failed {
            return ("workflow_recovered", data.end());
        }
        let data = data.text("reason", "The page could not be loaded").text("action", "retry");
        ("workflow_failed", data.text("sourceUrl", &workflow.url).end())
    }

    fn other(&mut self, workflow: usize) -> (&'static str, String) {
        let kind = OTHERS[self.rng.usize(0..OTHERS.len())];
        let workflow = &self.workflows[workflow];
        let data = JsonObject::default().text("workflowId", &workflow.id).text("workflowName", workflow.name);
        (kind, data.end())
    }
}

impl ExtractedRow {
    fn new(rng: &mut Rng) -> Self {
        let title = TITLES[rng.usize(0..TITLES.len())];
        Self { title: title.to_owned(), cents: rng.u32(100..10_000) }
    }

    fn price(&self) -> String {
        format!("{}.{:02}", self.cents / 100, self.cents % 100)
    }

    fn json(&self) -> String {
        JsonObject::default().text("title", &self.title).text("price", &self.price()).end()
    }

    fn fields(&self) -> [String; 2] {
        [field("title", &self.title).end(), field("price", &self.price()).end()]
    }
}

fn field(key: &str, value: &str) -> JsonObject {
    JsonObject::default().text("key", key).raw("value", &quoted(value))
}

fn difference(kind: &str, fields: &[String]) -> String {
    JsonObject::default().text("type", kind).array("fields", fields).end()
}

/// 24 hex digits, as the ids of workflows and changes have in the documents.
pub(super) fn object_id(rng: &mut Rng) -> String {
    format!("{:024x}", rng.u128(..) >> 32)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use serde_json::Value;

    use super::*;

    fn events(count: usize) -> Vec<(&'static str, i64, Value)> {
        let mut world = TeamWorld::new(3);
        let event = |event: KadoaEvent| (event.kind, event.at, serde_json::from_str(&event.data).unwrap());
        (0..count).map(|_| event(world.next())).collect()
    }

    #[test]
    fn a_change_has_the_documents_fields_and_its_snapshot_follows_from_its_differences() {
        let mut snapshots: BTreeMap<String, usize> = BTreeMap::new();
        for (kind, at, data) in events(1000) {
            if kind != "workflow_data_change" {
                continue;
            }
            let keys: Vec<&str> = data.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(keys, ["createdAt", "data", "differences", "id", "url", "workflowId"]);
            assert_eq!(data["createdAt"], iso_millis(at));
            let rows = data["data"].as_array().unwrap();
            let mut expected = snapshots.get(data["workflowId"].as_str().unwrap()).copied().unwrap_or(2);
            for difference in data["differences"].as_array().unwrap() {
                let fields = difference["fields"].as_array().unwrap();
                let changed = difference["type"] == "changed";
                match difference["type"].as_str().unwrap() {
                    "added" => expected += 1,
                    "removed" => expected -= 1,
                    _ => assert!(changed),
                }
                assert!(fields.iter().all(|field| field["value"].is_string()));
                assert!(fields.iter().all(|field| field.get("previousValue").is_some() == changed));
            }
            assert_eq!(rows.len(), expected);
            snapshots.insert(data["workflowId"].as_str().unwrap().to_owned(), expected);
        }
        assert_eq!(snapshots.len(), NAMES.len());
    }

    #[test]
    fn all_kinds_occur_and_what_recovers_has_failed() {
        let all = events(2000);
        let kinds: HashSet<&str> = all.iter().map(|(kind, ..)| *kind).collect();
        assert_eq!(kinds.len(), OTHERS.len() + 3);
        assert_eq!(all[0].0, "workflow_data_change");
        assert!(all.windows(2).all(|pair| pair[0].1 < pair[1].1));
        let changes = all.iter().filter(|(kind, ..)| *kind == "workflow_data_change").count();
        assert!(changes > 1500, "{changes}");
        let mut failed = HashSet::new();
        for (kind, _, data) in &all {
            let id = data["workflowId"].as_str().unwrap();
            match *kind {
                "workflow_failed" => assert!(failed.insert(id)),
                "workflow_recovered" => assert!(failed.remove(id)),
                _ => {}
            }
        }
    }
}
