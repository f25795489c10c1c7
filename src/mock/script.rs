//! jq programs of the mock: their variables, and the thread that runs those of one connection. A program that
//! runs for ever holds up its own connection and no other; if it has no outputs either, nothing can end it, and its
//! thread stays until the process ends.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc as blocking;
use std::thread;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use fastrand::Rng;
use serde_json::json;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::faults::mix;
use crate::error::Result;
use crate::handshake::server::Request;
use crate::limits;
use crate::message::Message;
use crate::pipeline::filter::{self, Program, Value, Vars};
use crate::provider::budget::Use;
use crate::provider::{Conn, Say, Settings};
use crate::text;

/// Variables of the programs besides jq's own, in the order of their values.
const VARIABLES: [&str; 10] =
    ["n", "i", "now", "uuid", "msg", "conn", "path", "query", "headers", "subprotocols"];

/// Help text of the variables.
pub const VARIABLES_HELP: &str = "\
Variables of jq programs (--on, and jq and expect in scenarios):
  $n             number of the message, from 1: the client's with --on,
                 the scenario's in a scenario
  $i             round of the innermost repeat, from 0
  $msg           last message of the client, or null
  $now           seconds since 1970, by the mock's clock
  $uuid          a new UUID, generated from --seed
  $conn          number of the connection, from 1
  $path          path of the request
  $query         query parameters, decoded, as an object
  $headers       headers, as an object with lowercase names
  $subprotocols  subprotocols that the client offers, as an array";

/// What programs may know of a connection's request besides its path.
#[derive(Clone, Debug)]
pub(super) struct RequestFacts {
    query: serde_json::Value,
    headers: serde_json::Value,
    subprotocols: serde_json::Value,
}

impl RequestFacts {
    /// Of a parameter that is there twice the first counts; repeated headers are one list (RFC 9110 §5.3).
    pub(super) fn of(request: &Request) -> Self {
        let mut query = serde_json::Map::new();
        for (name, value) in request.query_pairs() {
            query.entry(name).or_insert_with(|| json!(value));
        }
        let mut headers: BTreeMap<String, Vec<&str>> = BTreeMap::new();
        for (name, value) in request.headers() {
            headers.entry(name.to_ascii_lowercase()).or_default().push(value);
        }
        let headers = headers.into_iter().map(|(name, values)| (name, json!(values.join(", "))));
        let subprotocols: Vec<&str> = request.list("Sec-WebSocket-Protocol").collect();
        Self { query: query.into(), headers: headers.collect(), subprotocols: json!(subprotocols) }
    }
}

/// Outputs that may wait for the connection to take them.
const OUTPUTS: usize = 32;

/// Compiles a program that may use the variables.
pub(super) fn compile(name: &str, source: &str) -> Result<Program> {
    let mut vars = Vars::default();
    for name in VARIABLES {
        vars.argjson(name, "null")?;
    }
    Program::compile(name, source, &vars)
}

/// One output of a program.
#[derive(Debug)]
pub(super) struct ProgramOutput {
    /// As it is sent: a string as it is, any other value as its JSON, like the outputs of `--reply`.
    pub(super) message: Message,
    /// Neither `null` nor `false`.
    pub(super) truthy: bool,
}

/// The mock's clock: it starts at the time of day and runs as fast as `--time-scale` says.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    start: SystemTime,
    since: Instant,
    scale: f64,
}

impl Clock {
    pub(super) fn new(scale: f64) -> Self {
        Self { start: SystemTime::now(), since: Instant::now(), scale }
    }

    fn now(&self) -> f64 {
        let start = self.start.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        start.as_secs_f64() + self.since.elapsed().as_secs_f64() * self.scale
    }
}

/// Runs the programs of one connection.
pub(super) struct Interpreter {
    conn: Arc<Conn>,
    clock: Clock,
    facts: RequestFacts,
    rng: Rng,
    /// The thread, once something had to be run.
    jobs: Option<blocking::Sender<Job>>,
}

struct Job {
    program: Program,
    input: Option<Message>,
    /// The variables as JSON texts, but for `$msg`.
    variables: Vec<String>,
    msg: Option<Message>,
    outputs: mpsc::Sender<Result<ProgramOutput, String>>,
}

impl Interpreter {
    pub(super) fn new(conn: &Arc<Conn>, clock: Clock, settings: &Settings, facts: RequestFacts) -> Self {
        let rng = Rng::with_seed(mix(settings.seed, conn.id));
        Self { conn: Arc::clone(conn), clock, facts, rng, jobs: None }
    }

    /// Runs a program; its outputs come one by one, and an error is the last of them.
    ///
    /// # Errors
    /// If the system has no thread to give.
    pub(super) fn run(
        &mut self,
        program: &Program,
        input: Option<&Message>,
        msg: Option<&Message>,
        (n, i): (u64, u64),
    ) -> io::Result<mpsc::Receiver<Result<ProgramOutput, String>>> {
        let (outputs, taken) = mpsc::channel(OUTPUTS);
        let variables = [
            json!(n),
            json!(i),
            json!(self.clock.now()),
            json!(text::uuid(&mut self.rng)),
            json!(null),
            json!(self.conn.id),
            json!(self.conn.path),
            self.facts.query.clone(),
            self.facts.headers.clone(),
            self.facts.subprotocols.clone(),
        ];
        let job = Job {
            program: program.clone(),
            input: input.cloned(),
            variables: variables.iter().map(ToString::to_string).collect(),
            msg: msg.cloned(),
            outputs,
        };
        let jobs = match self.jobs.take() {
            Some(jobs) => jobs,
            None => start()?,
        };
        // A thread that has panicked drops the job, and with it the outputs: they end.
        let _ = jobs.send(job);
        self.jobs = Some(jobs);
        Ok(taken)
    }
}

fn start() -> io::Result<blocking::Sender<Job>> {
    let (jobs, waiting) = blocking::channel::<Job>();
    let work = move || {
        for job in waiting {
            job.run();
        }
    };
    thread::Builder::new().name("mock-jq".into()).stack_size(filter::STACK).spawn(work)?;
    Ok(jobs)
}

impl Job {
    fn run(self) {
        let result = self.variables().and_then(|variables| {
            let input = value(self.input.as_ref());
            self.program
                .run_with(variables, &input, &mut |output| match self.give(output_of(&output)) {
                    true => ControlFlow::Continue(()),
                    false => ControlFlow::Break(()),
                })
                .map_err(|error| error.to_string())
        });
        if let Err(error) = result {
            self.give(Err(error));
        }
    }

    fn variables(&self) -> Result<Vec<Value>, String> {
        let mut values = Vec::with_capacity(VARIABLES.len());
        for (name, text) in VARIABLES.iter().zip(&self.variables) {
            values.push(if *name == "msg" { value(self.msg.as_ref()) } else { Value::parse(text)? });
        }
        Ok(values)
    }

    /// `false`: nobody wants any more.
    fn give(&self, output: Result<ProgramOutput, String>) -> bool {
        let good = output.is_ok();
        self.outputs.blocking_send(output).is_ok() && good
    }
}

/// A message as programs see it: JSON as what it says, other text as a string, bytes as base64.
fn value(message: Option<&Message>) -> Value {
    match message {
        None => Value::parse("null").unwrap_or_else(|_| Value::string("")),
        Some(Message::Text(text)) => Value::parse(text).unwrap_or_else(|_| Value::string(text)),
        Some(Message::Binary(bytes)) => Value::string(&STANDARD.encode(bytes)),
    }
}

fn output_of(output: &Value) -> Result<ProgramOutput, String> {
    let truthy = output.is_truthy();
    if let Some(text) = output.as_str() {
        return Ok(ProgramOutput { message: Message::text(text.to_owned()), truthy });
    }
    let mut json = Vec::new();
    output.write(&mut json)?;
    let text = String::from_utf8(json).map_err(|error| error.to_string())?;
    Ok(ProgramOutput { message: Message::text(text), truthy })
}

/// The server's end of [`Inbox`]; dropping it tells that the client has gone.
pub(super) struct InboxSender {
    messages: mpsc::UnboundedSender<Message>,
    bytes: Arc<AtomicUsize>,
    conn: Arc<Conn>,
    _here: watch::Sender<()>,
}

/// What a client has sent and nobody has looked at yet.
pub(super) struct Inbox {
    messages: mpsc::UnboundedReceiver<Message>,
    bytes: Arc<AtomicUsize>,
    conn: Arc<Conn>,
    here: watch::Receiver<()>,
}

pub(super) fn inbox(conn: &Arc<Conn>) -> (InboxSender, Inbox) {
    let (messages, received) = mpsc::unbounded_channel();
    let (tell, here) = watch::channel(());
    let bytes = Arc::new(AtomicUsize::new(0));
    let outbox = InboxSender { messages, bytes: Arc::clone(&bytes), conn: Arc::clone(conn), _here: tell };
    (outbox, Inbox { messages: received, bytes, conn: Arc::clone(conn), here })
}

impl InboxSender {
    /// Hands a message on; what is to be said to a client of whom more is waiting than is kept.
    pub(super) fn put(&self, message: Message) -> Vec<Say> {
        let bytes = self.bytes.load(Ordering::Relaxed) + cost(&message);
        if bytes > limits::MOCK_INBOX {
            // A client that writes more at once, and a program that is slower, is likelier a mistake than a test.
            return vec![Say::close(1008, "too many unread messages")];
        }
        // Who does not want any more has said so to the client.
        if self.messages.send(message).is_ok() {
            self.bytes.store(bytes, Ordering::Relaxed);
            self.conn.share.set(Use::Inbox, bytes);
        }
        Vec::new()
    }
}

impl Inbox {
    /// The next message; `None` once the client has gone and all are read.
    pub(super) async fn next(&mut self) -> Option<Message> {
        let message = self.messages.recv().await?;
        let before = self.bytes.fetch_sub(cost(&message), Ordering::Relaxed);
        self.conn.share.set(Use::Inbox, before.saturating_sub(cost(&message)));
        Some(message)
    }

    /// Something to wait for the end of the client with.
    pub(super) fn client(&self) -> ClientPresence {
        ClientPresence(self.here.clone())
    }
}

/// Knows whether the client is still there.
pub(super) struct ClientPresence(watch::Receiver<()>);

impl ClientPresence {
    /// Waits until it has gone.
    pub(super) async fn gone(&mut self) {
        while self.0.changed().await.is_ok() {}
    }
}

fn cost(message: &Message) -> usize {
    message.len() + std::mem::size_of::<Message>()
}

/// As much of a text as a close frame has room for (RFC 6455 §5.5).
pub(super) fn reason(text: &str) -> String {
    text[..text.floor_char_boundary(123)].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::conn::tests::conn;

    #[tokio::test]
    async fn an_inbox_is_bounded_in_bytes() {
        for size in [0, 1000, 1 << 20, limits::MOCK_INBOX] {
            let (outbox, mut inbox) = inbox(&conn(1));
            let message = Message::text("x".repeat(size));
            let mut taken = 0;
            while outbox.put(message.clone()).is_empty() {
                taken += 1;
            }
            assert!(taken * cost(&message) <= limits::MOCK_INBOX, "{taken} of {size}");
            assert!((taken + 1) * cost(&message) > limits::MOCK_INBOX, "{taken} of {size}");
            for _ in 0..taken {
                inbox.next().await.unwrap();
            }
            assert_eq!(inbox.bytes.load(Ordering::Relaxed), 0);
        }
    }
}
