//! `--scenario FILE`: connections that follow a script, told apart by path and by number.
//!
//! ```toml
//! faults = ["latency=20ms"]            # as --fault takes them, for every connection to the mock
//!
//! [[scenario]]
//! path = "/stream/*?user=7"            # * stands for any text; a query names parameters that have to be there
//! connection = 1                       # of those to such a path; "2..4", "2.."; without, all of them
//! faults = ["drop@10"]                 # of these connections alone
//! steps = [
//!   { send = '{"type":"hello"}' },     # a text as it is; a table or an array is sent as JSON
//!   { expect = '.type == "subscribe"', timeout = "2s" },          # optional = true: go on without it
//!   { jq = '{type: "ack", id: $msg.id, at: $now}' },              # each output is a message
//!   { repeat = 3, steps = [{ jq = '{n: $n, i: $i}' }, { wait = "1s" }] },   # or "forever"
//!   { binary = "00 ff" },              # hexadecimal, or { base64 = "AP8=" }
//!   { raw = "8a 00" },                 # the same as bytes between frames
//!   { ping = true },
//!   { stall = true },                  # no more messages; half_open = true: nothing at all
//!   { close = 1011, reason = "done" }, # abort = true: RST; drop = true: FIN without a close frame
//! ]
//! ```
//!
//! With `--upstream`, the steps run beside what the upstream sends: `send` adds to it, `stall` holds it back, and `expect`
//! waits for a message that the upstream gets as well. With `upstream = false` in a scenario, the upstream is not asked.
//!
//! Of several scenarios for a connection the first in the file counts. A path that no scenario names for the
//! connection belongs to its provider. Times are divided by `--time-scale`. `expect` passes over messages that do
//! not match, for ten seconds if nothing else is said. What it does not find is recorded and the connection
//! closed with 1008; so is a client that leaves before the last `expect` that is not optional. After the last
//! step the connection stays open.
//!
//! `schema` reads files, `run` follows the steps, `ledger` keeps what became of them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::ClientRegistry;
use super::faults::Faults;
use super::script::{self, Clock, InboxSender, Interpreter, RequestFacts};
use crate::handshake::server::Request;
use crate::message::Message;
use crate::provider::{Answer, Conn, Peer, Say, Settings};

mod ledger;
mod run;
pub(crate) mod schema;
#[cfg(test)]
mod tests;

pub use ledger::Ledger;
pub(super) use schema::{Scenario, read};

/// The scenarios of one server.
pub(super) struct ScenarioService {
    scenarios: Vec<Arc<Scenario>>,
    settings: Arc<Settings>,
    registry: Arc<ClientRegistry>,
    clock: Clock,
    ledger: Arc<Ledger>,
    /// How many connections there were, by the pattern of their path.
    counts: Mutex<HashMap<String, u64>>,
}

impl ScenarioService {
    pub(super) fn new(
        scenarios: Vec<Scenario>,
        settings: &Arc<Settings>,
        registry: &Arc<ClientRegistry>,
        clock: Clock,
    ) -> Self {
        let wanted = scenarios.iter().map(Scenario::runs).collect();
        Self {
            scenarios: scenarios.into_iter().map(Arc::new).collect(),
            settings: Arc::clone(settings),
            registry: Arc::clone(registry),
            clock,
            ledger: Arc::new(Ledger::new(wanted)),
            counts: Mutex::default(),
        }
    }

    pub(super) fn ledger(&self) -> &Arc<Ledger> {
        &self.ledger
    }

    /// Counts a connection, and finds the scenario that it is to follow.
    fn choose(&self, request: &Request) -> Option<(usize, &Arc<Scenario>)> {
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let mut numbers: HashMap<&str, u64> = HashMap::new();
        for scenario in self.scenarios.iter().filter(|scenario| scenario.is_for(request)) {
            numbers.entry(&scenario.path).or_insert_with(|| {
                let count = counts.entry(scenario.path.clone()).or_default();
                *count += 1;
                *count
            });
        }
        self.scenarios.iter().enumerate().find(|(_, scenario)| {
            numbers.get(&*scenario.path).is_some_and(|number| scenario.follows(*number))
        })
    }

    /// Only upgrades are counted, and only they are answered: by the scenario, which has faults of its own, or by the
    /// upstream, if there is one and it may run beside that.
    pub(super) fn answer(&self, request: &Request) -> Option<(Answer, bool, Arc<Faults>)> {
        request.upgrade().ok()?;
        let (index, scenario) = self.choose(request)?;
        let peer = ScenarioPeer {
            index,
            scenario: Arc::clone(scenario),
            settings: Arc::clone(&self.settings),
            registry: Arc::clone(&self.registry),
            clock: self.clock,
            ledger: Arc::clone(&self.ledger),
            facts: RequestFacts::of(request),
            outbox: None,
        };
        let protocol = request.list("Sec-WebSocket-Protocol").next().map(str::to_owned);
        let answer = Answer::Upgrade { protocol, peer: Box::new(peer) };
        Some((answer, scenario.is_beside_upstream, Arc::clone(&scenario.faults)))
    }
}

struct ScenarioPeer {
    index: usize,
    scenario: Arc<Scenario>,
    settings: Arc<Settings>,
    registry: Arc<ClientRegistry>,
    clock: Clock,
    ledger: Arc<Ledger>,
    facts: RequestFacts,
    outbox: Option<InboxSender>,
}

impl Peer for ScenarioPeer {
    fn opened(&mut self, conn: &Arc<Conn>) -> Vec<Say> {
        let (outbox, inbox) = script::inbox(conn);
        self.outbox = Some(outbox);
        let interpreter = Interpreter::new(conn, self.clock, &self.settings, self.facts.clone());
        let of = (&self.settings, &self.registry, &self.ledger);
        let run = run::Run::new(conn, inbox, interpreter, of, self.index);
        tokio::spawn(run.follow(Arc::clone(&self.scenario)));
        Vec::new()
    }

    fn received(&mut self, message: Message) -> Vec<Say> {
        self.outbox.as_ref().map_or_else(Vec::new, |outbox| outbox.put(message))
    }
}

impl Drop for ScenarioPeer {
    /// A connection that a fault has refused has come to its end as well.
    fn drop(&mut self) {
        if self.outbox.is_none() {
            self.ledger.began();
            self.ledger.ended(self.index);
        }
    }
}
