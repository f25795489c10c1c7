//! The reader of the output stands still while a server sends on that drops who does not read: what each policy makes
//! of it.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use serde_json::Value;

use crate::Asked;
use crate::contender::Running;
use crate::rate::wstap;
use crate::stats::say;

/// Messages a second. The mock drops a client for which 256 wait, as the provider says it does.
const RATE: u64 = 5000;

/// From one look at the process to the next.
const EVERY: Duration = Duration::from_millis(250);

/// How long the last messages may take after the time of the first and the last.
const PATIENCE: Duration = Duration::from_secs(60);

#[rustfmt::skip]
const POLICIES: [(&str, &[&str]); 7] = [
    ("spill", &["--overflow", "spill"]),
    ("spill, 1 MiB", &["--overflow", "spill", "--buffer", "1M"]),
    ("spill, 16 MiB", &["--overflow", "spill", "--buffer", "16M"]),
    ("drop-oldest", &["--overflow", "drop-oldest"]),
    ("drop-oldest, 16 MiB", &["--overflow", "drop-oldest", "--buffer", "16M"]),
    ("block, 16 MiB", &["--overflow", "block", "--buffer", "16M"]),
    ("exit, 16 MiB", &["--overflow", "exit", "--buffer", "16M"]),
];

/// What became of a run.
#[derive(Default)]
struct Row {
    sent: u64,
    received: u64,
    dropped: u64,
    peak_kib: u64,
    spilled: u64,
    ended: String,
}

pub(crate) fn run(asked: &Asked) -> Result<()> {
    let (time, program) = (asked.stall, asked.against.as_deref().unwrap_or(wstap()));
    say(&format!(
        "slow: nobody reads the output for {} s, and {RATE} messages come a second",
        time.as_secs()
    ));
    say(&format!(
        "  {:<20} {:>8} {:>9} {:>8} {:>8} {:>9} {:>10}   {}",
        "", "sent", "written", "dropped", "lost", "peak MiB", "spill MiB", "how it ended"
    ));
    for (name, args) in POLICIES {
        let row = stalled(program, args, time).context(name)?;
        let lost = row.sent.saturating_sub(row.received + row.dropped);
        say(&format!(
            "  {name:<20} {:>8} {:>9} {:>8} {lost:>8} {:>9.1} {:>10.1}   {}",
            row.sent,
            row.received,
            row.dropped,
            row.peak_kib as f64 / 1024.0,
            row.spilled as f64 / f64::from(1 << 20),
            row.ended,
        ));
    }
    say("");
    Ok(())
}

fn stalled(program: &Path, args: &[&str], time: Duration) -> Result<Row> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let events = RATE * time.as_secs();
    let (_mock, port) = mock(program, events)?;
    let client = Command::new(program)
        .args(["subscribe", "-d", "ryze", "--url", &format!("ws://127.0.0.1:{port}/ws/demo?token=t"), "demo"])
        .args(["--no-reconnect", "--envelope", "-q"])
        .args(args)
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut running = Running { children: vec![client], stdout: None };
    let mut row = Row::default();
    let begin = Instant::now();
    while begin.elapsed() < time + PATIENCE && running.children[0].try_wait()?.is_none() {
        thread::sleep(EVERY);
        row.peak_kib = row.peak_kib.max(running.peak_rss());
        row.spilled = row.spilled.max(spilled(running.children[0].id()));
        let (sent, there) = sent(port)?;
        row.sent = sent;
        // All is said, or nobody is listening any more.
        if begin.elapsed() >= time && (sent >= events || !there) {
            break;
        }
    }
    read(&mut running.children[0], &mut row)?;
    Ok(row)
}

/// Reads on, to the end.
fn read(client: &mut Child, row: &mut Row) -> Result<()> {
    let stdout = client.stdout.take().context("there is an output")?;
    let mut expected = 1;
    for line in BufReader::new(stdout).lines() {
        let record: Value = serde_json::from_str(&line?)?;
        match record["type"].as_str() {
            Some("message") if record["dir"] == "in" => {
                ensure!(record["seq"] == expected, "{expected} is missing: {record:.100}");
                (row.received, expected) = (row.received + 1, expected + 1);
            }
            Some("gap") => {
                let dropped = record["dropped"].as_u64().unwrap_or_default();
                (row.dropped, expected) = (row.dropped + dropped, expected + dropped);
            }
            Some("summary") => row.ended = format!("{}, code {}", record["reason"], record["code"]),
            _ => {}
        }
    }
    let mut said = String::new();
    client.stderr.take().context("there are notices")?.read_to_string(&mut said)?;
    let status = client.wait()?.code().unwrap_or_default();
    let first = said.lines().next().unwrap_or_default();
    row.ended = format!("status {status}; {} {first}", row.ended);
    Ok(())
}

/// Bytes of the files without names that a process has.
fn spilled(pid: u32) -> u64 {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let facts = files.filter_map(|file| fs::metadata(file.path()).ok());
    facts.filter(|facts| facts.is_file() && facts.nlink() == 0).map(|facts| facts.len()).sum()
}

/// A mock that says so many things at this rate, to whoever is there, and closes.
fn mock(program: &Path, events: u64) -> Result<(Running, u16)> {
    let mut child = Command::new(program)
        .args(["serve-mock", "ryze", "-q", "--announce", "json", "--then", "close"])
        .args(["--rate", &RATE.to_string(), "--events", &events.to_string()])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut line = String::new();
    let mut stdout = BufReader::new(child.stdout.take().context("a server has an output")?);
    stdout.read_line(&mut line)?;
    let running = Running { children: vec![child], stdout: Some(stdout.into_inner()) };
    let announced: Value = serde_json::from_str(&line)?;
    Ok((running, u16::try_from(announced["port"].as_u64().context("a port is announced")?)?))
}

/// How many messages the mock has sent, and whether anybody is there.
fn sent(port: u16) -> Result<(u64, bool)> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(b"GET /__wstap/metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let number = |name: &str| -> Result<u64> {
        let name = format!("wstap_mock_{name} ");
        let found = answer.lines().find_map(|line| line.strip_prefix(&name)).context("no such number")?;
        Ok(found.parse()?)
    };
    Ok((number("messages_sent_total")?, number("connections")? > 0))
}
