//! What a message costs a client as things grow, in steps of ten: `cargo bench --bench growth`.
//!
//! ```text
//! cargo bench --bench growth                       everything, about two minutes
//! cargo bench --bench growth -- topics rounds=5    some of: messages reconnects topics hours
//! ```
//!
//! `messages` is one connection with more and more messages. `reconnects` closes each connection after 500 messages, and
//! gives a new access token before each: all tokens are masked in records while they are used. `topics` subscribes to
//! more and more topics, and sends events about all of them. `hours` sends a ping and a message for every 30 seconds of so
//! many hours, without the waiting.
//!
//! Processor time is that of the client after its first line. Every round runs each step once; the medians are printed,
//! and nothing is judged: the last column should stay near 1.

#[allow(dead_code, reason = "the other benchmark uses all of it")]
#[path = "throughput/blaster.rs"]
mod blaster;
#[allow(dead_code, reason = "the other benchmark uses all of it")]
#[path = "throughput/contender.rs"]
mod contender;
#[allow(dead_code, reason = "the other benchmark uses all of it")]
#[path = "throughput/stats.rs"]
mod stats;

use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

use blaster::{acceptance, event, frame, request_head};
use contender::Running;
use stats::{median, say};

/// Messages of a connection that is closed after them.
const EACH: u64 = 500;

/// Messages about topics.
const ABOUT: u64 = 200_000;

/// Pings of an hour, one every 30 seconds.
const PINGS: u64 = 120;

/// A scenario: its name, its steps, and the microseconds for each message of a step.
type Scenario = (&'static str, &'static [u64], fn(u64) -> Result<f64>);

const SCENARIOS: [Scenario; 4] = [
    ("messages", &[10_000, 100_000, 1_000_000, 10_000_000], messages),
    ("reconnects", &[10, 100, 1_000], reconnects),
    ("topics", &[10, 100, 1_000, 10_000], topics),
    ("hours", &[10, 100, 1_000, 10_000], hours),
];

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let rounds = words.iter().find_map(|word| word.strip_prefix("rounds=")?.parse().ok()).unwrap_or(3);
    let names: Vec<&str> = words.iter().map(String::as_str).filter(|word| !word.contains('=')).collect();
    if let Some(other) = names.iter().find(|name| SCENARIOS.iter().all(|(known, ..)| known != *name)) {
        bail!("there is no scenario {other}");
    }
    let wanted = |(name, ..): &&Scenario| names.is_empty() || names.contains(name);
    SCENARIOS.iter().filter(wanted).try_for_each(|scenario| table(scenario, rounds))
}

fn table((name, steps, cost): &Scenario, rounds: usize) -> Result<()> {
    let mut costs = vec![Vec::new(); steps.len()];
    for _ in 0..rounds {
        for (step, costs) in steps.iter().zip(&mut costs) {
            costs.push(cost(*step)?);
        }
    }
    say(&format!("{name:>10}  CPU a message  of the first"));
    let first = median(costs[0].iter().copied());
    for (step, costs) in steps.iter().zip(costs) {
        let cost = median(costs);
        say(&format!("{step:>10} {cost:>11.3} µs {:>13.2}", cost / first));
    }
    Ok(())
}

fn messages(count: u64) -> Result<f64> {
    let block: Vec<u8> = (0..1_000).flat_map(|n| frame(event(n).as_bytes())).collect();
    flood(&["connect", "URL"], block, count / 1_000, count)
}

fn hours(count: u64) -> Result<f64> {
    let message = frame(event(0).as_bytes());
    let ping = [0x89, 4, b'p', b'i', b'n', b'g'];
    let block = [&ping[..], &message].concat().repeat(PINGS as usize);
    flood(&["connect", "URL"], block, count, count * PINGS)
}

fn topics(count: u64) -> Result<f64> {
    let topic = |n| format!("customer_id:7f1c58d1-4f0a-4c3e-9c3e-000000000000:call:{n:08}");
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("topics");
    std::fs::write(&file, (0..count).map(topic).collect::<Vec<_>>().join("\n"))?;
    let about = |n| event(n as usize).replace("customer_id:7f1c:call:a41b", &topic(n % count));
    let block = (0..count.max(1_000)).flat_map(|n| frame(about(n).as_bytes())).collect();
    let blocks = ABOUT / count.max(1_000);
    let file = file.display().to_string();
    flood(&["subscribe", "-d", "voipbin", "--url", "URL", "--topics-file", &file], block, blocks, ABOUT)
}

/// Microseconds for each of these messages, which come in blocks over one connection.
fn flood(args: &[&str], block: Vec<u8>, blocks: u64, messages: u64) -> Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let mut client = start(args, &listener, Stdio::piped())?;
    let server: JoinHandle<Result<()>> = thread::spawn(move || {
        let (stream, _) = listener.accept()?;
        let mut stream = upgrade(stream)?;
        (0..blocks).try_for_each(|_| stream.write_all(&block))?;
        Ok(())
    });
    let mut stdout = client.stdout.take().context("no pipe")?;
    stdout.read_exact(&mut [0])?;
    let before = client.cpu();
    let (mut buffer, mut lines) = (vec![0; 256 * 1024], 0);
    while lines < messages {
        let read = stdout.read(&mut buffer)?;
        ensure!(read > 0, "{lines} lines instead of {messages}");
        lines += memchr::memchr_iter(b'\n', &buffer[..read]).count() as u64;
    }
    let used = client.cpu() - before;
    drop(client);
    server.join().ok().context("the server failed")??;
    Ok(micros(used, messages))
}

/// The same for messages of so many connections, one after the other.
fn reconnects(count: u64) -> Result<f64> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let args = ["subscribe", "-d", "kadoa", "--url", "URL", "--envelope", "--no-dedupe"];
    let delays = ["--reconnect-delay", "1ms", "--reconnect-max-delay", "1ms"];
    let client = start(&[&args[..], &delays].concat(), &listener, Stdio::null())?;
    let (mut served, mut before) = (0, Duration::ZERO);
    while served <= count {
        let (stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(Duration::from_secs(60)))?;
        served += u64::from(serve_once(stream)?);
        // The first connection has the start in it.
        if served <= 1 {
            before = client.cpu();
        }
    }
    Ok(micros(client.cpu() - before, count * EACH))
}

/// Answers the call for a token, or sends messages and closes: true in that case.
fn serve_once(mut stream: TcpStream) -> Result<bool> {
    let head = request_head(&mut stream)?;
    if head.starts_with("POST") {
        let token: String = std::iter::repeat_with(fastrand::alphanumeric).take(400).collect();
        let body = format!(r#"{{"access_token":"{token}","team_id":"t"}}"#);
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
        return Ok(false);
    }
    stream.write_all(acceptance(&head, "")?.as_bytes())?;
    let mut frames = Vec::new();
    for n in 0..EACH {
        let pad = "p".repeat(200);
        let text = format!(r#"{{"type":"x","n":{n},"note":"a \"quoted\" word","pad":"{pad}"}}"#);
        frames.extend(frame(text.as_bytes()));
    }
    // 1012 is what a server sends that restarts.
    frames.extend([0x88, 2, 0x03, 0xf4]);
    stream.write_all(&frames)?;
    // The server closes the connection (RFC 6455 §7.1.1); the client waits for that.
    stream.shutdown(Shutdown::Write)?;
    let _ = stream.read_to_end(&mut Vec::new());
    Ok(true)
}

/// A client with this server's address for `URL`.
fn start(args: &[&str], listener: &TcpListener, stdout: Stdio) -> Result<Running> {
    let url = format!("ws://{}/", listener.local_addr()?);
    let mut child: Child = Command::new(env!("CARGO_BIN_EXE_wstap"))
        .args(args.iter().map(|arg| if *arg == "URL" { url.as_str() } else { arg }))
        .arg("-q")
        .env_clear()
        .env("KADOA_API_KEY", "the-key-of-the-benchmark")
        .env("VOIPBIN_TOKEN", "the-key-of-the-benchmark")
        .stdin(Stdio::null())
        .stdout(stdout)
        .spawn()?;
    let stdout = child.stdout.take();
    Ok(Running { children: vec![child], stdout })
}

/// Accepts a WebSocket whose client may send what it likes.
fn upgrade(mut stream: TcpStream) -> Result<TcpStream> {
    stream.set_nodelay(true)?;
    let head = request_head(&mut stream)?;
    stream.write_all(acceptance(&head, "")?.as_bytes())?;
    let mut sent = stream.try_clone()?;
    thread::spawn(move || std::io::copy(&mut sent, &mut std::io::sink()));
    Ok(stream)
}

fn micros(used: Duration, messages: u64) -> f64 {
    used.as_secs_f64() * 1e6 / messages as f64
}
