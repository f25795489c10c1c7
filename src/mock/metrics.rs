//! What a server has done so far, in the text format of Prometheus (version 0.0.4). No label has a value that comes
//! from a client, so the number of series is fixed.

use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ClientRegistry;
use crate::handshake::server::Response;

/// The answer to a scrape.
pub(super) fn answer(registry: &ClientRegistry) -> Response {
    let mut response = Response::new(200).header("Content-Type", "text/plain; version=0.0.4; charset=utf-8");
    response.body = text(registry).into_bytes();
    response
}

fn text(registry: &ClientRegistry) -> String {
    let (clients, fill) = (registry.clients(), registry.journal.fill());
    let traffic = &registry.traffic;
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let held: u64 = clients.iter().map(|conn| conn.discarded()).sum();
    let rows = [
        ("connections", "gauge", "Open WebSocket connections.", clients.len() as u64),
        ("connections_total", "counter", "WebSocket connections since the start.", registry.opened()),
        ("messages_received_total", "counter", "Messages received from clients.", count(&traffic.received)),
        ("messages_sent_total", "counter", "Messages sent to clients.", count(&traffic.sent)),
        (
            "bytes_received_total",
            "counter",
            "Payload bytes received from clients.",
            count(&traffic.received_bytes),
        ),
        ("bytes_sent_total", "counter", "Payload bytes sent to clients.", count(&traffic.sent_bytes)),
        ("messages_unread", "gauge", "Messages dropped because the queue of a connection was full.", held),
        ("journal_messages", "gauge", "Messages in the journal.", fill.messages as u64),
        ("journal_bytes", "gauge", "Bytes in the journal.", fill.bytes as u64),
        (
            "journal_discarded_total",
            "counter",
            "Messages dropped from the journal because it was full.",
            fill.discarded,
        ),
        ("paused", "gauge", "1 while the mock is paused.", u64::from(registry.gate.is_shut())),
    ];
    let mut text = String::new();
    for (name, kind, help, value) in rows {
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "# HELP wstap_mock_{name} {help}\n# TYPE wstap_mock_{name} {kind}\nwstap_mock_{name} {value}\n"
        );
    }
    text
}
