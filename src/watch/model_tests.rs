//! The model with an explicit clock.

use serde_json::json;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

use super::*;
use crate::campaign::CampaignStatus;
use crate::message::Message;

/// A model whose orders are kept.
struct Bench {
    model: Model,
    orders: Vec<UnboundedReceiver<Order>>,
    now: Instant,
}

fn plan(ids: &[u64]) -> Plan {
    Plan::of(ids, Tell::Statuses)
}

impl Bench {
    fn new(plan: Plan) -> Self {
        let report = Report::silent();
        let mut model = Model::new(plan, report);
        let mut orders = Vec::new();
        for link in 0..model.links.len() {
            let (send, taken) = unbounded_channel();
            model.hold(link, send);
            orders.push(taken);
        }
        Self { model, orders, now: Instant::now() }
    }

    fn event(&mut self, link: usize, conn: u32, kind: Kind) -> Vec<Event> {
        let at = "2026-01-01T09:00:00Z".parse().unwrap();
        let mut events = vec![Event { at, conn, kind }];
        self.model.look(link, &mut events, self.now);
        events
    }

    fn open(&mut self, link: usize, conn: u32) {
        self.event(link, conn, Kind::Open(Box::default()));
    }

    fn told(&mut self, link: usize, message: &serde_json::Value) -> Vec<Event> {
        let message = Message::text(message.to_string());
        self.event(
            link,
            1,
            Kind::Message { dir: Direction::In, seq: 1, message, role: Role::Data, part: None },
        )
    }

    fn status(&mut self, link: usize, id: u64, status: &str) {
        let data = json!({"campaign_id": id, "status": status, "progress": {"total_contacts": 9}});
        self.told(link, &json!({"type": "progress_update", "data": data}));
    }

    /// The orders of a link, in few words.
    fn ordered(&mut self, link: usize) -> Vec<String> {
        let words = |order| match order {
            Order::SendNow(message) => message.as_text().unwrap().to_owned(),
            Order::End(outcome) => outcome.reason.name().to_owned(),
            Order::ReaderGone => "gone".to_owned(),
            other => panic!("{other:?}"),
        };
        std::iter::from_fn(|| self.orders[link].try_recv().ok()).map(words).collect()
    }
}

const UPDATE: &str = r#"{"type":"request_update"}"#;
const HISTORY: &str = r#"{"type":"request_history","hours":2}"#;
const OVER: &str = "campaigns_over";

#[test]
fn only_a_connection_that_replaces_another_asks_for_the_state() {
    let mut bench = Bench::new(plan(&[1, 2]));
    [(0, 1), (1, 1), (0, 2)].into_iter().for_each(|(link, conn)| bench.open(link, conn));
    assert_eq!((bench.ordered(0), bench.ordered(1)), (vec![UPDATE.to_owned()], vec![]));
    bench.model.refresh();
    assert_eq!((bench.ordered(0), bench.ordered(1)), (vec![UPDATE.to_owned()], vec![UPDATE.to_owned()]));
}

#[test]
fn a_link_ends_once_all_that_it_tells_of_is_over() {
    let mut bench = Bench::new(plan(&[1, 2]));
    bench.status(0, 1, "completed");
    bench.status(1, 2, "paused");
    assert_eq!((bench.ordered(0), bench.ordered(1)), (vec![OVER.to_owned()], vec![]));
    bench.status(0, 1, "completed");
    assert_eq!(bench.ordered(0), [""; 0], "it is told once");

    let exit_on = vec![CampaignStatus::Paused];
    let mut bench = Bench::new(Plan { monitor: true, exit_on, ..plan(&[1, 2]) });
    bench.status(0, 1, "paused");
    bench.status(0, 1, "running");
    bench.status(0, 2, "failed");
    assert_eq!(bench.ordered(0), [""; 0], "the first one goes on");
    bench.status(0, 1, "paused");
    assert_eq!(bench.ordered(0), [OVER]);
    assert_eq!(
        (&bench.model.rows[&1].end, &bench.model.rows[&2].end),
        (&Some(RowEnd::Asked), &Some(RowEnd::Final))
    );
}

#[test]
fn what_the_end_has_overtaken_does_not_undo_it() {
    let mut bench = Bench::new(Plan { monitor: true, ..plan(&[1, 2]) });
    bench.status(0, 1, "failed");
    bench.status(0, 1, "running");
    bench.status(0, 2, "completed");
    assert_eq!(bench.ordered(0), [OVER]);
    assert_eq!(bench.model.rows[&1].campaign.status, Some(CampaignStatus::Failed));
}

#[test]
fn the_past_is_asked_for_until_it_is_told_or_the_time_is_up() {
    let mut bench = Bench::new(Plan { history: Some(2), ..plan(&[1, 2]) });
    bench.open(0, 1);
    bench.open(1, 1);
    assert_eq!(bench.model.deadline(), Some(bench.now + HISTORY_WAIT));
    assert_eq!((bench.ordered(0), bench.ordered(1)), (vec![HISTORY.to_owned()], vec![HISTORY.to_owned()]));
    // The answer went down with the connection.
    bench.open(0, 2);
    assert_eq!(bench.ordered(0), [UPDATE, HISTORY]);
    bench.status(0, 1, "completed");
    bench.status(1, 2, "completed");
    assert_eq!((bench.ordered(0), bench.ordered(1)), (vec![], vec![]), "the past is waited for");
    let metrics = json!([{"timestamp": 1, "completed": 1, "failed": 1}]);
    bench.told(0, &json!({"type": "metrics_history", "data": {"campaign_id": 1, "metrics": metrics}}));
    assert_eq!(bench.ordered(0), [OVER]);
    let Past::Known(history) = &bench.model.rows[&1].past else { panic!("it is known") };
    assert_eq!(history.samples[0].counts.success_rate, Some(50.0));
    bench.now += HISTORY_WAIT;
    bench.model.tick(bench.now);
    assert_eq!((bench.ordered(1), bench.model.deadline()), (vec![OVER.to_owned()], None));
}

#[test]
fn records_take_the_place_of_messages_only_where_something_changed() {
    let mut bench = Bench::new(Plan { derive: true, ..plan(&[1]) });
    let data = json!({"campaign_id": 1, "status": "running", "progress": {"total_contacts": 9}});
    let message = json!({"type": "progress_update", "data": data});
    let kinds = |events: Vec<Event>| -> Vec<String> {
        let kind = |event: Event| match event.kind {
            Kind::Message { role, .. } => format!("{role:?}"),
            Kind::Derived(_) => "derived".to_owned(),
            kind => format!("{kind:?}"),
        };
        events.into_iter().map(kind).collect()
    };
    assert_eq!(kinds(bench.told(0, &message)), ["Bookkeeping", "derived"]);
    assert_eq!(kinds(bench.told(0, &message)), ["Bookkeeping"]);
    assert_eq!(kinds(bench.told(0, &json!({"type": "connection_ack", "campaign_id": 1}))), ["Bookkeeping"]);
    let other = json!({"type": "progress_update", "data": {"campaign_id": 7, "progress": {}}});
    assert_eq!(kinds(bench.told(0, &other)), ["Bookkeeping"], "nobody asked about that one");
}
