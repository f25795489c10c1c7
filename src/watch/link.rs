//! One link of a watch: how it stands, and the way to its session.

use std::collections::BTreeSet;

use tokio::sync::mpsc::UnboundedSender;
use tokio::time::Instant;

use crate::event::Summary;
use crate::exit::Exit;
use crate::session::Order;

/// A connection after another to one place.
pub struct WatchLink {
    /// How it stands.
    pub state: WatchLinkState,
    /// Why it ended before the campaigns did.
    pub failed: Option<Exit>,
    /// When something was last heard.
    pub heard: Option<Instant>,
    /// Where its session takes orders.
    pub(super) orders: Option<UnboundedSender<Order>>,
    pub(super) connections: u32,
    /// On a link that shows all: campaigns whose changes were asked for on this connection.
    pub(super) followed: BTreeSet<u64>,
    /// It has been told to end.
    pub(super) ending: bool,
    /// The account of its session.
    pub(super) summary: Option<Summary>,
}

/// How a link stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WatchLinkState {
    /// A connection is being opened.
    Connecting,
    /// There is a connection.
    Live,
    /// The next attempt is made then.
    Waiting(Instant),
    /// Its session is over.
    Ended,
}

impl WatchLink {
    pub(super) fn new() -> Self {
        Self {
            state: WatchLinkState::Connecting,
            failed: None,
            heard: None,
            orders: None,
            connections: 0,
            followed: BTreeSet::new(),
            ending: false,
            summary: None,
        }
    }

    pub(super) fn order(&self, order: Order) {
        // A session that has ended takes no orders.
        if let Some(orders) = &self.orders {
            let _ = orders.send(order);
        }
    }
}
