//! The brokers: real ones, each started anew for every run and empty.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::runtime::Runtime;

use crate::contender::Running;

/// Where lines go: a stream, a subject or a topic.
pub(crate) const FEED: &str = "feed";

/// How long a broker may take to start.
const START: Duration = Duration::from_secs(20);

/// A broker that is up.
pub(crate) trait Broker {
    /// Its address, without a scheme.
    fn address(&self) -> &str;

    /// How many lines it has stored.
    fn stored(&mut self) -> Result<u64>;
}

/// A server, and the folder that it writes to.
struct Server {
    address: String,
    _process: Running,
    _folder: tempfile::TempDir,
}

/// A process that is killed at the end.
fn running(child: Child) -> Running {
    Running { children: vec![child], stdout: None }
}

/// Starts a server on a free port. `PORT` and `DIR` in its arguments are replaced.
fn start(program: &str, args: &[&str]) -> Result<Server> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let dir = folder.path().display().to_string();
    let fill = |word: &&str| word.replace("PORT", &address.port().to_string()).replace("DIR", &dir);
    let mut command = Command::new(program);
    command.args(args.iter().map(fill)).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let process = running(command.spawn().with_context(|| format!("cannot start {program}"))?);
    let end = Instant::now() + START;
    while TcpStream::connect(address).is_err() {
        if Instant::now() > end {
            bail!("{program} does not listen");
        }
        thread::sleep(Duration::from_millis(20));
    }
    Ok(Server { address: address.to_string(), _process: process, _folder: folder })
}

/// A Redis server with a log of commands. It is synced to the disk every second: with each answer, the disk alone would
/// decide how fast anybody is.
pub(crate) struct RedisServer(Server);

impl RedisServer {
    pub(crate) fn start() -> Result<Self> {
        let place = ["--port", "PORT", "--bind", "127.0.0.1", "--dir", "DIR"];
        // A rewrite of the log, or a snapshot, would fall into one run and not into another.
        let log = ["--appendonly", "yes", "--save", "", "--auto-aof-rewrite-percentage", "0"];
        start("redis-server", &[&place[..], &log].concat()).map(Self)
    }
}

impl Broker for RedisServer {
    fn address(&self) -> &str {
        &self.0.address
    }

    fn stored(&mut self) -> Result<u64> {
        let mut connection = redis::Client::open(format!("redis://{}/", self.0.address))?.get_connection()?;
        Ok(redis::cmd("XLEN").arg(FEED).query(&mut connection)?)
    }
}

/// A NATS server with a stream in a file.
pub(crate) struct NatsServer {
    server: Server,
    runtime: Runtime,
}

impl NatsServer {
    pub(crate) fn start() -> Result<Self> {
        let server = start("nats-server", &["-a", "127.0.0.1", "-p", "PORT", "-js", "-sd", "DIR"])?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let config = async_nats::jetstream::stream::Config {
            name: "EVENTS".to_owned(),
            subjects: vec![FEED.to_owned()],
            ..Default::default()
        };
        runtime.block_on(async {
            let client = async_nats::connect(&server.address).await?;
            async_nats::jetstream::new(client).create_stream(config).await?;
            anyhow::Ok(())
        })?;
        Ok(Self { server, runtime })
    }
}

impl Broker for NatsServer {
    fn address(&self) -> &str {
        &self.server.address
    }

    fn stored(&mut self) -> Result<u64> {
        self.runtime.block_on(async {
            let client = async_nats::connect(&self.server.address).await?;
            let stream = async_nats::jetstream::new(client).get_stream("EVENTS").await?;
            Ok(stream.cached_info().state.messages)
        })
    }
}

/// A Kafka cluster in memory, by librdkafka.
pub(crate) struct KafkaCluster {
    address: String,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    _process: Running,
}

impl KafkaCluster {
    pub(crate) fn start(python: &str) -> Result<Self> {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/interop/kafka_cluster.py");
        let mut command = Command::new(python);
        command.args([script, "1", FEED]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().with_context(|| format!("cannot start {python}"))?;
        let questions = child.stdin.take().context("no standard input")?;
        let mut answers = BufReader::new(child.stdout.take().context("no standard output")?);
        let process = running(child);
        let mut address = String::new();
        answers.read_line(&mut address)?;
        Ok(Self { address: address.trim().to_owned(), questions, answers, _process: process })
    }
}

impl Broker for KafkaCluster {
    fn address(&self) -> &str {
        &self.address
    }

    fn stored(&mut self) -> Result<u64> {
        writeln!(self.questions, "count {FEED}")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        Ok(answer.trim().parse()?)
    }
}
