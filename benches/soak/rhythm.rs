//! What happens beside the faults of the mocks: drains, rotated files, readers that stand still, rude visitors.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::Ordering;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};

use super::cast::{Cast, Client};

/// From one to the next.
const DRAIN: Duration = Duration::from_secs(20);
const ROTATE: Duration = Duration::from_secs(15);
const VISIT: Duration = Duration::from_secs(2);
const STALL: Duration = Duration::from_secs(45);

/// How long an answer may take, since others may use the machine as well.
const PATIENCE: Duration = Duration::from_secs(120);

/// How long a reader stands still.
const STALLED: Duration = Duration::from_secs(15);

/// When it is next time for what.
pub(crate) struct Rhythm {
    drain: Duration,
    rotate: Duration,
    visit: Duration,
}

impl Default for Rhythm {
    fn default() -> Self {
        Self { drain: DRAIN, rotate: ROTATE, visit: VISIT }
    }
}

impl Rhythm {
    /// Does what is due.
    pub(crate) fn beat(&mut self, at: Duration, cast: &Cast) -> Result<()> {
        if at >= self.drain {
            self.drain = at + DRAIN;
            for server in cast.servers.iter().filter(|server| server.drains) {
                ask(server.port, "POST", "drain", "{}")?;
            }
        }
        if at >= self.rotate {
            self.rotate = at + ROTATE;
            cast.clients.iter().try_for_each(rotate)?;
        }
        if at >= self.visit {
            self.visit = at + VISIT;
            cast.servers.iter().try_for_each(|server| visit(server.port))?;
        }
        let stands_still = at.as_millis() % STALL.as_millis() < STALLED.as_millis();
        for client in cast.clients.iter().filter(|client| client.slow) {
            client.stalled.store(stands_still, Ordering::Relaxed);
        }
        Ok(())
    }
}

/// Moves an output file away, as logrotate does; the one that was moved before is read and removed.
fn rotate(client: &Client) -> Result<()> {
    let Some(path) = &client.output else { return Ok(()) };
    let moved = path.with_extension("1");
    // There is none the first time.
    let written = fs::read(&moved).unwrap_or_default();
    client.lines.fetch_add(memchr::memchr_iter(b'\n', &written).count() as u64, Ordering::Relaxed);
    fs::rename(path, &moved)?;
    client.hang_up()
}

/// Leaves in the middle of a request.
fn visit(port: u16) -> Result<()> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: h\r\nUpgr")?;
    Ok(())
}

/// Asks a mock's control API.
pub(crate) fn ask(port: u16, method: &str, what: &str, body: &str) -> Result<String> {
    let mut stream = TcpStream::connect(("127.0.0.1", port))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    write!(
        stream,
        "{method} /__wstap/{what} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).with_context(|| format!("no answer to {what}"))?;
    ensure!(answer.starts_with("HTTP/1.1 200 "), "{what}: {answer}");
    Ok(answer)
}
