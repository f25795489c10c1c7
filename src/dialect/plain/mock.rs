//! `/echo`: every message comes back as it went. It is the plain dialect's mock.

use std::sync::Arc;

use crate::handshake::server::Request;
use crate::message::Message;
use crate::provider::{Answer, ConnLimits, Peer, Provider, Say, Service, Settings};

const PATH: &str = "/echo";

/// The longest message that is echoed, and how much may wait to be written before reading pauses. A client
/// that writes this much before it reads anything is still served; one that writes more has to read.
const MAX: usize = 64 << 20;

/// The echo.
pub(super) struct Echo;

impl Provider for Echo {
    fn paths(&self) -> &'static [&'static str] {
        &[PATH]
    }

    fn target(&self, _token: Option<&str>) -> String {
        PATH.to_owned()
    }

    fn about(&self) -> &'static str {
        "an echo: sends every message back"
    }

    fn is_always_served(&self) -> bool {
        true
    }

    fn service(&self, _settings: &Arc<Settings>) -> Arc<dyn Service> {
        Arc::new(EchoService)
    }
}

struct EchoService;

impl Service for EchoService {
    fn answer(&self, request: &Request) -> Option<Answer> {
        (request.path() == PATH).then(|| echo(request))
    }

    fn answer_bare(&self, request: &Request) -> Option<Answer> {
        Some(echo(request))
    }
}

/// Upgrades to an echo. The client's first subprotocol is chosen: a browser drops a connection on which it offered some
/// and got none, and an echo speaks all of them.
fn echo(request: &Request) -> Answer {
    let protocol = request.list("Sec-WebSocket-Protocol").next().map(str::to_owned);
    Answer::Upgrade { protocol, peer: Box::new(EchoPeer) }
}

struct EchoPeer;

impl Peer for EchoPeer {
    fn limits(&self) -> ConnLimits {
        ConnLimits { message: MAX, waiting: MAX, ..ConnLimits::default() }
    }

    fn received(&mut self, message: Message) -> Vec<Say> {
        vec![message.into()]
    }
}
