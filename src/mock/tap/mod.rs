//! The tap: `--upstream`. Every client is connected on to a real endpoint, over a connection of its own, and frames pass
//! both ways unchanged.
//!
//! ```text
//! upstream    from the client's request to the connection to the upstream, or the refusal
//! way         one direction: frames pass, or are put together (collect) to be changed
//! relay       both directions on their sockets; outlet is what waits for one of them
//! talk        one connection: faults, posts, programs (rules), notes, farewell
//! recorder    --record
//! ```

use std::path::PathBuf;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;

use super::ClientRegistry;
use super::faults::{ConnFaults, Course};
use super::script::{Clock, Interpreter, RequestFacts};
use super::wire::Wire;
use crate::error::Result;
use crate::event::{Direction, Kind};
use crate::frames::DeflateFlow;
use crate::frames::deflate::Deflater;
use crate::handshake::server::{Request, Response, Upgrade};
use crate::net::{Options, WsUrl};
use crate::provider::{Conn, Peer, Settings};
use crate::report::Level;

mod collect;
mod farewell;
mod notes;
mod outlet;
mod recorder;
mod relay;
mod rules;
mod talk;
mod upstream;
mod way;

pub use recorder::TapRecorder;

use collect::{Collector, Keep};
use relay::Relay;
use rules::{RuleStage, Rules};
use talk::{Talk, TalkEnd};
use upstream::{NotOpened, UpstreamOpened};
use way::Way;

/// Where clients are connected on to, and what happens on the way.
#[derive(Clone, Debug)]
pub struct UpstreamSettings {
    pub url: WsUrl,
    /// How to connect there. Its headers replace those of clients.
    pub options: Options,
    /// Answer pings here, and pass none.
    pub own_pings: bool,
    /// A program whose outputs take the place of messages of the upstream.
    pub map_in: Option<String>,
    /// The same for messages of clients.
    pub map_out: Option<String>,
    /// Write everything that happens to this file.
    pub record: Option<PathBuf>,
    /// Memory for one connection, in bytes.
    pub buffer: usize,
}

/// The upstream of a server.
pub(super) struct TapService {
    settings: UpstreamSettings,
    rules: Rules,
    recorder: Option<Arc<TapRecorder>>,
    clock: Clock,
}

/// A client that is to be connected on.
pub(super) struct Tapped {
    opened: UpstreamOpened,
    facts: RequestFacts,
    script: Option<Box<dyn Peer>>,
}

impl TapService {
    /// Begins the recording, if there is to be one.
    ///
    /// # Errors
    /// A program that does not compile, a recording that cannot be written.
    pub(super) fn new(settings: UpstreamSettings, on: &[String], clock: Clock) -> Result<Self> {
        let rules = Rules::compile(on, settings.map_in.as_deref(), settings.map_out.as_deref())?;
        let record = settings.record.as_deref();
        let recorder =
            record.map(|path| TapRecorder::start(path, settings.options.secrets.clone())).transpose()?;
        let recorder = recorder.map(Arc::new);
        Ok(Self { settings, rules, recorder, clock })
    }

    pub(super) fn recorder(&self) -> Option<&Arc<TapRecorder>> {
        self.recorder.as_ref()
    }

    /// Connects a client on to the upstream: the answer for it, and what it takes to go on if that is an upgrade.
    pub(super) async fn open(
        &self,
        (request, upgrade): (&Request, &Upgrade),
        compresses: bool,
        script: Option<Box<dyn Peer>>,
        registry: &ClientRegistry,
    ) -> std::result::Result<(Response, Tapped), Response> {
        let UpstreamSettings { url, options, .. } = &self.settings;
        match upstream::open(url, options, (request, upgrade), compresses).await {
            Ok(mut opened) => {
                opened.report.cautions.iter().for_each(|caution| registry.caution(caution));
                let response = std::mem::replace(&mut opened.response, Response::new(101));
                Ok((response, Tapped { opened, facts: RequestFacts::of(request), script }))
            }
            Err(refusal) => {
                let NotOpened { what, response, leases } = *refusal;
                registry.tell(Level::Warning, || format!("{what} (the client got {})", response.status));
                drop(leases);
                Err(response)
            }
        }
    }

    /// Passes on what the client and its upstream say until it is over.
    pub(super) async fn converse(
        &self,
        (wire, tail): (Wire, Vec<u8>),
        tapped: Tapped,
        (conn, registry, settings, entry): (Arc<Conn>, Arc<ClientRegistry>, Arc<Settings>, ConnFaults),
        stop: watch::Receiver<bool>,
    ) {
        let Tapped { opened: UpstreamOpened { stream, report, leases, .. }, facts, script } = tapped;
        registry.tell(Level::Verbose, || {
            let compression = report.agreement.map(|agreement| format!(", {}", agreement.answer));
            format!("client {}: connected to {}{}", conn.id, report.url, compression.unwrap_or_default())
        });
        let leases = match &self.recorder {
            Some(recorder) => {
                recorder.begin(conn.id, leases);
                recorder.event(conn.id, Kind::Open(Box::new(report.facts(false))));
                Vec::new()
            }
            None => leases,
        };
        let agreed = report.agreement.map(|agreement| agreement.compression);
        let (client, server) = (agreed.map(|both| both.client), agreed.map(|both| both.server));
        let course = Course::new(entry, Instant::now());
        let interpreter = || Interpreter::new(&conn, self.clock, &settings, facts.clone());
        let (up, down) = self.stages(&interpreter);
        let (whole_up, whole_down) = (!up.is_empty(), !(down.is_empty() && course.is_plain()));
        let copies = self.recorder.is_some() || registry.tells(Level::Verbose);
        let (is_scripted, is_steered) = (script.is_some(), registry.journal.is_on());
        let keep = |all: bool| match (all, is_steered || is_scripted) {
            (true, _) => Keep::Messages,
            // Faults can be set at any time, and need the context by then.
            (false, true) => Keep::Context,
            (false, false) => Keep::Nothing,
        };
        let ways = (
            self.way(Direction::Out, client, keep(copies || whole_up || is_scripted || is_steered)),
            self.way(Direction::In, server, keep(copies || whole_down)),
        );
        let mut relay = Relay::new((wire, stream), ways, (&conn, &registry));
        relay.client().shape(course.shape());
        if whole_up {
            relay.up.make_whole();
        }
        if whole_down {
            relay.down.make_whole();
        }
        relay.begin(&tail);
        let talk = Talk {
            relay,
            course,
            conn: Arc::clone(&conn),
            registry,
            recorder: self.recorder.clone(),
            script,
            up,
            down,
            deflate_up: client.map(Deflater::new),
            deflate_down: server.map(Deflater::new),
            own_pings: self.settings.own_pings,
            limit: self.limit(),
            end: TalkEnd::default(),
        };
        talk.hold(stop).await;
        drop(leases);
    }

    fn way(&self, direction: Direction, flow: Option<DeflateFlow>, keep: Keep) -> Way {
        Way::new(direction, Collector::new(flow, keep, self.limit()), self.settings.own_pings)
    }

    /// The most bytes of a message that is put together: it is there up to four times, as it came, as it is, as it goes
    /// out, and while its memory grows.
    fn limit(&self) -> usize {
        self.settings.buffer / 4
    }

    fn stages(&self, interpreter: &dyn Fn() -> Interpreter) -> (Vec<RuleStage>, Vec<RuleStage>) {
        let Rules { on, map_in, map_out } = &self.rules;
        let answering = (!on.is_empty()).then(|| RuleStage::answering(on, interpreter()));
        let map = |name, program: &Option<_>| {
            program.as_ref().map(|program| RuleStage::mapping(name, program, interpreter()))
        };
        let up = answering.into_iter().chain(map("--map-out", map_out)).collect();
        (up, map("--map-in", map_in).into_iter().collect())
    }
}
