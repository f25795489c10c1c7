//! How fast `--to` stores lines in a broker, next to pipes into the clients that people use for it.
//!
//! ```text
//! cargo bench --all-features --bench brokers                     all brokers that are installed, some minutes
//! cargo bench --all-features --bench brokers -- redis kafka      some of: redis nats kafka
//! cargo bench --all-features --bench brokers -- rounds=9         more rounds than five
//! cargo bench --all-features --bench brokers -- blocks=1000      more messages, 860 a block
//! cargo bench --all-features --bench brokers -- against=PATH     another build of wstap in the same rounds
//! ```
//!
//! The source is a thread of this process that writes ready-made frames (see `throughput/blaster.rs`), much faster than any
//! broker stores them. A run begins with its first byte, and ends when the last process of the contender has ended, which
//! is when the broker has acknowledged every line. The broker is started anew for each run, and asked at its end whether it
//! has every line. wstap stores an id with each line; so do the peers, except for `kcat`, which cannot.
//!
//! - Redis: `redis-cli --pipe` behind an `awk` that writes the protocol. Redis logs commands, and syncs the log every second.
//! - NATS: nats.c and Python's `nats-py`, since the packages of Debian do not have the command `nats`. `each` waits for one
//!   acknowledgment after another, as `nats pub --jetstream` does; it and `nats-py` get a third of the messages.
//! - Kafka: `kcat -P`, which waits for all replicas, into the cluster of `tests/interop/kafka_cluster.py`.
//!
//! `libnats-dev` has nats.c. `WSTAP_TEST_PYTHON` names the Python that has `nats-py` and `confluent-kafka`. What is not
//! installed is named and left out.

#[allow(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../throughput/blaster.rs"]
mod blaster;
#[allow(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../throughput/contender.rs"]
mod contender;
mod servers;
#[allow(dead_code, reason = "the other benchmark uses all of it")]
#[path = "../throughput/stats.rs"]
mod stats;

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use blaster::{BLOCK, Blaster, End, Load, event, frame};
use contender::{Contender, exists, words};
use servers::{Broker, FEED, KafkaCluster, NatsServer, RedisServer};
use stats::{median, say};

/// Bytes of a message.
const LENGTH: usize = 318;

/// A command of the Redis protocol for each line, with the fields that wstap writes.
const AWK: &str = r#"{ id = "run-" NR; printf "*7\r\n$4\r\nXADD\r\n$4\r\nfeed\r\n$1\r\n*\r\n$2\r\nid\r\n$%d\r\n%s\r\n$4\r\ndata\r\n$%d\r\n%s\r\n", length(id), id, length($0), $0 }"#;

struct Asked {
    brokers: Vec<String>,
    rounds: usize,
    blocks: usize,
    against: Option<PathBuf>,
    python: String,
}

impl Asked {
    fn parse(words: impl Iterator<Item = String>) -> Result<Self> {
        let python = std::env::var("WSTAP_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
        let mut asked = Self { brokers: Vec::new(), rounds: 5, blocks: 350, against: None, python };
        // cargo adds options of its own, such as `--bench`.
        for word in words.filter(|word| !word.starts_with("--")) {
            match word.split_once('=') {
                Some(("rounds", number)) => asked.rounds = number.parse()?,
                Some(("blocks", number)) => asked.blocks = number.parse()?,
                Some(("against", path)) => asked.against = Some(path.into()),
                None if ["redis", "nats", "kafka"].contains(&&*word) => asked.brokers.push(word),
                _ => bail!("{word} is not an option"),
            }
        }
        if asked.brokers.is_empty() {
            asked.brokers = ["redis", "nats", "kafka"].map(Into::into).into();
        }
        Ok(asked)
    }

    /// Does this Python have this module?
    fn has_module(&self, module: &str, package: &str) -> bool {
        let import = format!("import {module}");
        let mut command = Command::new(&self.python);
        let found = command.args(["-c", &import]).stderr(Stdio::null()).status();
        has(found.is_ok_and(|status| status.success()), &format!("{package} for {}", self.python))
    }

    /// wstap alone, and a build to compare it with.
    fn wstaps(&self, to: &str) -> Vec<Contender> {
        let of = |name, path: &Path| Contender::wstap(name, path, &["--to", to]);
        let own = std::iter::once(of("wstap", wstap()));
        own.chain(self.against.iter().map(|path| of("against", path))).collect()
    }
}

fn wstap() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_wstap"))
}

/// Says what is missing.
fn has(found: bool, what: &str) -> bool {
    if !found {
        say(&format!("{what} is not installed, and is left out"));
    }
    found
}

/// A pipe from wstap into other programs.
fn pipe(name: &str, stages: &[&[&str]]) -> Contender {
    let source = words(wstap(), &["connect", "URL", "-q"]);
    let others = stages.iter().map(|stage| words(Path::new(stage[0]), &stage[1..]));
    Contender::new(name, std::iter::once(source).chain(others).collect())
}

/// The same with a third of the messages.
fn slow(mut contender: Contender) -> Contender {
    contender.slow = true;
    contender
}

/// What one run took.
struct Delivery {
    messages: f64,
    wall: Duration,
    cpu: Duration,
}

impl Delivery {
    fn rate(&self) -> f64 {
        self.messages / self.wall.as_secs_f64()
    }

    fn cpu_each(&self) -> f64 {
        self.cpu.as_secs_f64() / self.messages
    }
}

fn main() -> Result<()> {
    let asked = Asked::parse(std::env::args().skip(1))?;
    say(&format!("{} messages of {LENGTH} bytes, {} rounds", asked.blocks * BLOCK, asked.rounds));
    for broker in &asked.brokers {
        match broker.as_str() {
            "redis" => redis(&asked)?,
            "nats" => nats(&asked)?,
            _ => kafka(&asked)?,
        }
    }
    Ok(())
}

fn redis(asked: &Asked) -> Result<()> {
    if !has(exists(Path::new("redis-server")), "redis-server") {
        return Ok(());
    }
    let has_cli = has(exists(Path::new("redis-cli")), "redis-cli");
    let contenders = |address: &str| {
        let mut all = asked.wstaps(&format!("redis://{address}/{FEED}"));
        if has_cli {
            let cli = ["redis-cli", "-u", &format!("redis://{address}"), "--pipe"];
            all.push(pipe("redis-cli --pipe", &[&["awk", AWK], &cli]));
        }
        all
    };
    table("redis", asked, &contenders, &|| Ok(Box::new(RedisServer::start()?)))
}

fn nats(asked: &Asked) -> Result<()> {
    if !has(exists(Path::new("nats-server")), "nats-server") {
        return Ok(());
    }
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let in_c = compiled(folder.path())?;
    let has_python = asked.has_module("nats.js", "nats-py");
    let contenders = |address: &str| {
        let url = format!("nats://{address}");
        let mut all = asked.wstaps(&format!("{url}/{FEED}"));
        if let Some(program) = &in_c {
            all.push(pipe("nats.c", &[&[program, &url, FEED, "async"]]));
            all.push(slow(pipe("nats.c, each", &[&[program, &url, FEED, "each"]])));
        }
        if has_python {
            let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/brokers/peers/nats_publish.py");
            all.push(slow(pipe("nats-py", &[&[&asked.python, script, &url, FEED]])));
        }
        all
    };
    table("nats", asked, &contenders, &|| Ok(Box::new(NatsServer::start()?)))
}

/// The peer in C. `None`: there is no nats.c.
fn compiled(folder: &Path) -> Result<Option<String>> {
    let program = folder.join("nats_publish").into_os_string().into_string();
    let program = program.map_err(|path| anyhow::anyhow!("{path:?} is not UTF-8"))?;
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/brokers/peers/nats_publish.c");
    let mut compiler = Command::new("cc");
    compiler.args(["-O2", "-o", &program, source, "-lnats"]).stderr(Stdio::null());
    let made = compiler.status().is_ok_and(|status| status.success());
    Ok(has(made, "nats.c (libnats-dev)").then_some(program))
}

fn kafka(asked: &Asked) -> Result<()> {
    if !asked.has_module("confluent_kafka", "confluent-kafka") {
        return Ok(());
    }
    let version = Command::new("kcat").arg("-V").stdout(Stdio::null()).stderr(Stdio::null()).status();
    let has_kcat = has(version.is_ok_and(|status| status.success()), "kcat");
    let contenders = |address: &str| {
        let mut all = asked.wstaps(&format!("kafka://{address}/{FEED}"));
        if has_kcat {
            all.push(pipe("kcat -P", &[&["kcat", "-P", "-b", address, "-t", FEED]]));
        }
        all
    };
    table("kafka", asked, &contenders, &|| Ok(Box::new(KafkaCluster::start(&asked.python)?)))
}

/// Runs the rounds and prints a table.
fn table(
    name: &str,
    asked: &Asked,
    contenders: &dyn Fn(&str) -> Vec<Contender>,
    start: &dyn Fn() -> Result<Box<dyn Broker>>,
) -> Result<()> {
    let names: Vec<String> = contenders("").into_iter().map(|contender| contender.name).collect();
    let mut runs: Vec<Vec<Delivery>> = names.iter().map(|_| Vec::new()).collect();
    for round in 0..asked.rounds {
        for turn in 0..names.len() {
            let at = (round + turn) % names.len();
            let mut broker = start()?;
            let contender = &contenders(broker.address())[at];
            let run = deliver(contender, asked.blocks, &mut *broker);
            runs[at].push(run.with_context(|| format!("{name}: {}", names[at]))?);
        }
    }
    say(&format!("  {name:<18} {:>8} {:>8} {:>9} {:>12}", "k/s", "best", "s CPU/M", "wstap is"));
    for (contender, own) in names.iter().zip(&runs) {
        let ratio = median(runs[0].iter().zip(own).map(|(wstap, own)| wstap.rate() / own.rate()));
        say(&format!(
            "  {:<18} {:>8.1} {:>8.1} {:>9.2} {:>10.2} x",
            contender,
            median(own.iter().map(Delivery::rate)) / 1e3,
            own.iter().map(Delivery::rate).fold(0.0, f64::max) / 1e3,
            median(own.iter().map(Delivery::cpu_each)) * 1e6,
            ratio,
        ));
    }
    say("");
    Ok(())
}

fn deliver(contender: &Contender, blocks: usize, broker: &mut dyn Broker) -> Result<Delivery> {
    let blocks = if contender.slow { blocks / 3 } else { blocks };
    let blaster = Blaster::with(load())?;
    let url = blaster.url.clone();
    let flood = blaster.flood(End::Close(blocks));
    let mut running = contender.start(&url)?;
    // It ends with the last process.
    running.stdout.take().context("no pipe")?.read_to_end(&mut Vec::new())?;
    let (end, cpu) = (Instant::now(), running.cpu());
    for child in &mut running.children {
        ensure!(child.wait()?.success(), "a process failed");
    }
    let start = flood.join().ok().context("the blaster failed")??;
    let messages = blocks * BLOCK;
    let stored = broker.stored()?;
    ensure!(stored == messages as u64, "{stored} of {messages} messages are stored");
    Ok(Delivery { messages: messages as f64, wall: end - start, cpu })
}

/// Events with blanks before their last brace.
fn load() -> Load {
    let message = |n| {
        let event = event(n);
        let inner = event.trim_end_matches('}');
        let braces = &event[inner.len()..];
        format!("{inner}{:width$}{braces}", "", width = LENGTH - event.len())
    };
    let block = (0..BLOCK).flat_map(|n| frame(message(n).as_bytes())).collect();
    Load { block, messages: BLOCK, extensions: "" }
}
