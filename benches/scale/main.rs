//! How many clients the mock can hold, how fast it tells them all, and what a subscription costs.
//!
//! ```text
//! cargo bench --bench scale                      everything, about a minute
//! cargo bench --bench scale -- idle broadcast    some of: idle broadcast topics
//! cargo bench --bench scale -- broadcast rounds=9
//! ```
//!
//! `idle` opens 10,000 connections that say nothing and reads how much memory that costs the mock, without compression
//! and with compression that is agreed on and not used. `broadcast` has
//! 1,000 subscribers told the same events as fast as they read them, by the mock and, in turns, by a bare
//! tokio-tungstenite server (`bare.rs`) with messages of the same size; the subscribers (`crowd.rs`) only count.
//! `topics` publishes to one subscriber among 100, 1,000, … 100,000 subscriptions.
//!
//! Server and clients are processes of their own. The server of a round and its clients share the machine, so the
//! ratio within a round is what counts.

mod bare;
mod crowd;
mod topics;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

/// How many clients wait in `idle`.
const IDLE: usize = 10_000;

/// How many are told in `broadcast`.
const LISTENERS: usize = 1000;

/// Bytes of the head of a frame of the size that the mock's events have.
const HEAD: usize = 4;

/// How long a round of `broadcast` counts.
const COUNTED: Duration = Duration::from_secs(2);

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    match words.first().map(String::as_str) {
        Some("bare") => return bare::run(words[1].parse()?),
        Some("hold") => {
            return crowd::hold(&words[1], IDLE, words.get(2).is_some_and(|word| word == "deflate"));
        }
        _ => {}
    }
    let rounds = words.iter().find_map(|word| word.strip_prefix("rounds=")?.parse().ok()).unwrap_or(5);
    let wanted: Vec<&str> =
        words.iter().map(String::as_str).filter(|word| !word.starts_with("rounds=")).collect();
    for scenario in if wanted.is_empty() { vec!["idle", "broadcast", "topics"] } else { wanted } {
        match scenario {
            "idle" => {
                idle("none")?;
                idle("deflate")?;
            }
            "broadcast" => broadcast(rounds)?,
            "topics" => topics::run(),
            other => bail!("there is no scenario {other}"),
        }
    }
    Ok(())
}

/// Memory of the mock for clients that offer this compression.
fn idle(compression: &str) -> Result<()> {
    let server = Server::mock(&["--no-control"])?;
    let before = server.resident()?;
    let mut holder = Command::new(std::env::current_exe()?)
        .args(["hold", &format!("{}/echo", server.url), compression])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    let stdout = holder.stdout.take().context("the holder has an output")?;
    BufReader::new(stdout).read_line(&mut line)?;
    let each = (server.resident()? - before) as f64 / IDLE as f64;
    say(&format!("idle        {IDLE} clients, compression {compression}: {each:.1} KiB each (most: 24)"));
    holder.kill()?;
    holder.wait()?;
    Ok(())
}

fn broadcast(rounds: usize) -> Result<()> {
    let mut ratios = Vec::new();
    for round in 0..rounds {
        let (mock, size) = {
            let server = Server::mock(&["kadoa", "--rate", "max", "--seed", "1", "--no-control"])?;
            crowd::listen(&format!("{}/?access_token=mock-token", server.url), LISTENERS, COUNTED)?
        };
        let server = Server::bare(size.round() as usize - HEAD)?;
        let (bare, _) = crowd::listen(&server.url, LISTENERS, COUNTED)?;
        ratios.push(mock / bare);
        say(&format!(
            "broadcast   round {}: mock {:.0} k/s, bare {:.0} k/s of {size:.0} bytes, ratio {:.2}",
            round + 1,
            mock / 1e3,
            bare / 1e3,
            mock / bare
        ));
    }
    ratios.sort_by(f64::total_cmp);
    let median = ratios.get(ratios.len() / 2).copied().unwrap_or_default();
    say(&format!("broadcast   to {LISTENERS} subscribers: median ratio {median:.2} (least: 1.0)"));
    Ok(())
}

/// A server in a process of its own, which ends with this value.
struct Server {
    child: Child,
    url: String,
    /// Kept open: a server whose reader has gone may take that for its end.
    _stdout: BufReader<ChildStdout>,
}

impl Server {
    fn mock(args: &[&str]) -> Result<Self> {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wstap"));
        command.args(["serve-mock", "-q", "--announce", "json"]).args(args);
        let mut server = Self::start(command)?;
        let announced: serde_json::Value = serde_json::from_str(&server.url)?;
        server.url = format!("ws://127.0.0.1:{}", announced["port"]);
        Ok(server)
    }

    fn bare(size: usize) -> Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bare", &size.to_string()]);
        Self::start(command)
    }

    fn start(mut command: Command) -> Result<Self> {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut stdout = BufReader::new(child.stdout.take().context("a server has an output")?);
        let mut url = String::new();
        stdout.read_line(&mut url)?;
        Ok(Self { child, url: url.trim().to_owned(), _stdout: stdout })
    }

    /// Its memory in KiB.
    fn resident(&self) -> Result<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS")).context("no VmRSS")?;
        Ok(line.split_whitespace().nth(1).context("no number")?.parse()?)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One line of output.
#[allow(clippy::print_stdout, reason = "a table for the person who runs it")]
fn say(line: &str) {
    println!("{line}");
}
