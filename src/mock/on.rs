//! `--on`: jq programs that turn every message of a client into answers. They are the server wherever nobody else
//! is.

use std::sync::Arc;

use super::script::{self, Clock, Inbox, InboxSender, Interpreter, RequestFacts, reason};
use crate::error::Result;
use crate::handshake::server::Request;
use crate::message::Message;
use crate::pipeline::filter::Program;
use crate::provider::{Answer, Conn, Peer, Say, Service, Settings};

/// The programs of a server.
pub(super) struct OnService {
    programs: Arc<[Program]>,
    settings: Arc<Settings>,
    clock: Clock,
}

impl OnService {
    /// `None` if there are no programs.
    pub(super) fn new(on: &[String], settings: &Arc<Settings>, clock: Clock) -> Result<Option<Self>> {
        let programs: Arc<[Program]> =
            on.iter().map(|source| script::compile("--on", source)).collect::<Result<_>>()?;
        let settings = Arc::clone(settings);
        Ok((!programs.is_empty()).then_some(Self { programs, settings, clock }))
    }
}

impl Service for OnService {
    /// Matches any path, because it is the last service, but only WebSocket upgrades. Other requests get the list of
    /// paths.
    fn answer(&self, request: &Request) -> Option<Answer> {
        request.upgrade().ok()?;
        let peer = OnPeer {
            programs: Arc::clone(&self.programs),
            settings: Arc::clone(&self.settings),
            clock: self.clock,
            facts: RequestFacts::of(request),
            outbox: None,
        };
        let protocol = request.list("Sec-WebSocket-Protocol").next().map(str::to_owned);
        Some(Answer::Upgrade { protocol, peer: Box::new(peer) })
    }
}

struct OnPeer {
    programs: Arc<[Program]>,
    settings: Arc<Settings>,
    clock: Clock,
    facts: RequestFacts,
    outbox: Option<InboxSender>,
}

impl Peer for OnPeer {
    fn opened(&mut self, conn: &Arc<Conn>) -> Vec<Say> {
        let (outbox, inbox) = script::inbox(conn);
        self.outbox = Some(outbox);
        let interpreter = Interpreter::new(conn, self.clock, &self.settings, self.facts.clone());
        tokio::spawn(answer_all(Arc::clone(conn), inbox, interpreter, Arc::clone(&self.programs)));
        Vec::new()
    }

    fn received(&mut self, message: Message) -> Vec<Say> {
        self.outbox.as_ref().map_or_else(Vec::new, |outbox| outbox.put(message))
    }
}

/// Answers one message after the other until the client has gone, or a program fails: that closes with 1011 and
/// what jq says, because whoever wrote the program is looking at the client.
async fn answer_all(
    conn: Arc<Conn>,
    mut inbox: Inbox,
    mut interpreter: Interpreter,
    programs: Arc<[Program]>,
) {
    let mut n = 0;
    while let Some(message) = inbox.next().await {
        n += 1;
        for program in &*programs {
            if let Err(why) = answer(&conn, &mut interpreter, program, &message, n).await {
                conn.post(Say::close(1011, reason(&format!("--on: {why}"))));
                return;
            }
        }
    }
}

async fn answer(
    conn: &Conn,
    interpreter: &mut Interpreter,
    program: &Program,
    message: &Message,
    n: u64,
) -> Result<(), String> {
    let outputs = interpreter.run(program, Some(message), Some(message), (n, 0));
    let mut outputs = outputs.map_err(|error| format!("cannot start a thread: {error}"))?;
    while let Some(output) = outputs.recv().await {
        if !conn.post_in_turn(output?.message.into()).await {
            break;
        }
    }
    Ok(())
}
