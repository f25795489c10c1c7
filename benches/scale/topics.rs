//! What publishing costs as the number of subscriptions grows.

use std::sync::Arc;
use std::time::Instant;

use wstap::message::Message;
use wstap::mock::{Conn, Hub, Say};

/// Events published for each number.
const EVENTS: usize = 200_000;

pub(crate) fn run() {
    let mut first = None;
    for subscriptions in [100, 1000, 10_000, 100_000] {
        let nanos = cost(subscriptions);
        let ratio = nanos / *first.get_or_insert(nanos);
        super::say(&format!(
            "topics      {subscriptions:>6} subscriptions: {nanos:.0} ns an event, {ratio:.2} of 100 (most: 2)"
        ));
    }
}

/// Nanoseconds for an event that one of all subscriptions is about. Median of five.
fn cost(subscriptions: usize) -> f64 {
    let hub = Arc::new(Hub::default());
    let keys: Vec<String> = (0..subscriptions).map(|n| format!("customer_id:{n}:call:*")).collect();
    let mut members = Vec::new();
    for (id, key) in keys.iter().enumerate() {
        let conn = Arc::new(Conn::new(id as u64, "/", ([127, 0, 0, 1], 1).into(), Arc::default()));
        let mut member = hub.member(&conn);
        member.join(key);
        members.push(member);
    }
    let say = Say::from(Message::text("an event"));
    let mut runs: Vec<f64> = (0..5)
        .map(|_| {
            // A hundred are told, however many there are: nobody empties their mailboxes, which are soon full, and
            // what is left to measure is the way to them.
            let begin = Instant::now();
            for n in 0..EVENTS {
                let key = &keys[n * 7919 % keys.len().min(100)];
                hub.publish(["nobody", key.as_str(), "customer_id:nobody:*:*"], &say);
            }
            begin.elapsed().as_nanos() as f64 / EVENTS as f64
        })
        .collect();
    runs.sort_by(f64::total_cmp);
    runs[2]
}
