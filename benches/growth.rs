//! What a record costs after many reconnects: `cargo bench --bench reconnects`.
//!
//! A server gives a new access token before each of 2,000 connections, sends some messages over it, and closes it. All
//! tokens are masked in records while they are used, and the cost of a record must not grow with their number: the last
//! hundred connections may take 1.2 times the processor time of the first hundred.

use std::fs;
use std::io::{BufReader, Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use wstap::testing::accept_key;

const CONNECTIONS: u32 = 2_000;
const PART: u32 = 100;
const MESSAGES: u32 = 500;
const LIMIT: f64 = 1.2;

#[allow(clippy::print_stdout, reason = "a table for the person who runs it")]
fn main() -> Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let url = format!("ws://{}/", listener.local_addr()?);
    let mut client = Command::new(env!("CARGO_BIN_EXE_wstap"))
        .args(["subscribe", "-d", "kadoa", "--url", &url, "-q", "--envelope", "--no-dedupe"])
        .args(["--reconnect-delay", "1ms", "--reconnect-max-delay", "1ms"])
        .env_clear()
        .env("KADOA_API_KEY", "the-key-of-the-benchmark")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()?;
    let mut server = Server { pid: client.id(), connections: 0, used: Vec::new() };
    let started = Instant::now();
    let served = server.run(&listener);
    client.kill()?;
    client.wait()?;
    served?;
    let part =
        |n: usize| (server.used[n + 1] - server.used[n]).as_secs_f64() * 1e6 / f64::from(PART * MESSAGES);
    let parts: Vec<f64> = (0..server.used.len() - 1).map(part).collect();
    println!(
        "{CONNECTIONS} connections, {MESSAGES} messages each, in {:.1} s",
        started.elapsed().as_secs_f64()
    );
    println!("connections      CPU a record");
    for (n, micros) in (0..).zip(&parts).filter(|(n, _)| n % 4 == 0 || *n == CONNECTIONS / PART - 1) {
        println!("{:>5} to {:>5}  {micros:>8.2} µs", n * PART + 1, (n + 1) * PART);
    }
    let (first, last) = (parts[0], parts[parts.len() - 1]);
    println!("the last {PART} over the first: {:.2} (at most {LIMIT})", last / first);
    ensure!(last <= LIMIT * first, "records become dearer with the number of reconnects");
    Ok(())
}

/// A provider that gives tokens and events, and closes each connection.
struct Server {
    pid: u32,
    connections: u32,
    /// The client's processor time when a part began.
    used: Vec<Duration>,
}

impl Server {
    fn run(&mut self, listener: &TcpListener) -> Result<()> {
        while self.connections < CONNECTIONS {
            let (stream, _) = listener.accept()?;
            stream.set_nodelay(true)?;
            stream.set_read_timeout(Some(Duration::from_secs(60)))?;
            self.serve(stream)?;
        }
        Ok(())
    }

    /// The call for a token, or the WebSocket.
    fn serve(&mut self, mut stream: TcpStream) -> Result<()> {
        let mut reader = BufReader::new(stream.try_clone()?);
        let head = head(&mut reader)?;
        if head.starts_with("POST") {
            let token: String = std::iter::repeat_with(fastrand::alphanumeric).take(400).collect();
            let body = format!(r#"{{"access_token":"{token}","team_id":"t"}}"#);
            write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
            return Ok(());
        }
        if self.connections == 0 {
            self.used.push(cpu(self.pid)?);
        }
        let key = head.lines().find_map(|line| line.strip_prefix("Sec-WebSocket-Key: ")).context("no key")?;
        write!(
            stream,
            "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Accept: {}\r\n\r\n",
            accept_key(key.trim())
        )?;
        stream.write_all(&frames())?;
        // The server closes the connection (RFC 6455 §7.1.1); the client waits for that.
        stream.shutdown(Shutdown::Write)?;
        let _ = reader.read_to_end(&mut Vec::new());
        self.connections += 1;
        if self.connections.is_multiple_of(PART) {
            self.used.push(cpu(self.pid)?);
        }
        Ok(())
    }
}

fn head(reader: &mut impl std::io::BufRead) -> Result<String> {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        ensure!(reader.read_line(&mut head)? > 0, "the client left");
    }
    Ok(head)
}

/// Messages with some escapes in them, and the close frame of a server that restarts.
fn frames() -> Vec<u8> {
    let mut bytes = Vec::new();
    for n in 0..MESSAGES {
        let text =
            format!(r#"{{"type":"x","n":{n},"note":"a \"quoted\" word","pad":"{}"}}"#, "p".repeat(200));
        bytes.extend([0x81, 126]);
        bytes.extend(u16::try_from(text.len()).unwrap_or_default().to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    bytes.extend([0x88, 2]);
    bytes.extend(1012_u16.to_be_bytes());
    bytes
}

/// In ticks of 10 ms (proc_pid_stat(5), fields 14 and 15).
fn cpu(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(10 * ticks))
}
