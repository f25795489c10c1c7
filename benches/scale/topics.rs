//! What subscribing and publishing cost as the number of subscriptions grows, in steps of ten, and whether they are
//! many clients' or one's.

use std::sync::Arc;
use std::time::Instant;

use wstap::testing::{Conn, Hub, Message, Say};

/// Events published for each number.
const EVENTS: usize = 200_000;

pub(crate) fn run() {
    for (whose, clients) in [("of as many clients", None), ("of one client", Some(1))] {
        let mut first = None;
        for subscriptions in [100, 1000, 10_000, 100_000] {
            let (joining, event) = cost(subscriptions, clients.unwrap_or(subscriptions));
            let (first_joining, first_event) = *first.get_or_insert((joining, event));
            let ratios = (joining / first_joining, event / first_event);
            super::say(&format!(
                "topics      {subscriptions:>6} subscriptions {whose}: {joining:.0} ns to subscribe to each, {:.2} of \
                 100; {event:.0} ns an event, {:.2} of 100 (most: 2)",
                ratios.0, ratios.1
            ));
        }
    }
}

/// Nanoseconds for a subscription, and for an event that one of all subscriptions is about. The latter is the median
/// of five.
fn cost(subscriptions: usize, clients: usize) -> (f64, f64) {
    let hub = Arc::new(Hub::default());
    let keys: Vec<String> = (0..subscriptions).map(|n| format!("customer_id:{n}:call:*")).collect();
    let mut members: Vec<_> = (0..clients)
        .map(|id| Conn::new(id as u64, "/", ([127, 0, 0, 1], 1).into()))
        .map(|conn| hub.member(&Arc::new(conn)))
        .collect();
    let begin = Instant::now();
    for (n, key) in keys.iter().enumerate() {
        members[n % clients].join(key);
    }
    let joining = begin.elapsed().as_nanos() as f64 / subscriptions as f64;
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
    (joining, runs[2])
}
