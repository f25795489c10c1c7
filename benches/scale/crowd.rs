//! Many clients that do next to nothing, so that the server is what is measured.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use tokio::io::{AsyncReadExt as _, Interest};

/// What a client says to be told: a provider's subscription, which the bare server takes for any message.
const SUBSCRIBE: &str = r#"{"action":"subscribe"}"#;

/// What a browser offers.
const OFFER: &str = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n";

/// Opens connections, says so, and holds them until it is killed. If they are `compressed`, the server has to agree.
pub(crate) fn hold(url: &str, count: usize, compressed: bool) -> Result<()> {
    let held = (0..count).map(|_| open(url, compressed)).collect::<Result<Vec<_>>>()?;
    // The server's side of the last ones may still be on its way.
    std::thread::sleep(Duration::from_millis(500));
    super::say(&format!("{} held", held.len()));
    std::io::stdin().read_to_end(&mut Vec::new())?;
    Ok(())
}

/// What all subscribers got together.
#[derive(Default)]
struct Received {
    messages: AtomicU64,
    bytes: AtomicU64,
    /// Subscribers whose connection has ended.
    lost: AtomicU64,
}

/// Messages per second that `count` subscribers get together, and the mean size of their frames.
///
/// # Errors
/// The server disconnected a subscriber: fewer of them are less work.
pub(crate) fn listen(url: &str, count: usize, counted: Duration) -> Result<(f64, f64)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _guard = runtime.enter();
    // Nobody reads while the connections are opened, and the mock disconnects clients that fall too far behind. So
    // they subscribe when all of them are open.
    let mut streams = (0..count).map(|_| open(url, false)).collect::<Result<Vec<_>>>()?;
    for stream in &mut streams {
        stream.write_all(&masked_text(SUBSCRIBE))?;
        stream.set_nonblocking(true)?;
    }
    let received = Arc::new(Received::default());
    for stream in streams {
        runtime.spawn(receive(tokio::net::TcpStream::from_std(stream)?, Arc::clone(&received)));
    }
    let (seconds, messages, bytes) = runtime.block_on(async {
        let totals = || (received.messages.load(Ordering::Relaxed), received.bytes.load(Ordering::Relaxed));
        tokio::time::sleep(counted / 2).await;
        let (begin, before) = (Instant::now(), totals());
        tokio::time::sleep(counted).await;
        let (seconds, after) = (begin.elapsed().as_secs_f64(), totals());
        (seconds, (after.0 - before.0) as f64, (after.1 - before.1) as f64)
    });
    match received.lost.load(Ordering::Relaxed) {
        0 => Ok((messages / seconds, bytes / messages)),
        lost => bail!("the server disconnected {lost} of {count} subscribers"),
    }
}

async fn receive(mut stream: tokio::net::TcpStream, received: Arc<Received>) {
    let (mut buffer, mut frames) = (vec![0; 64 * 1024], FrameCounter::default());
    while stream.ready(Interest::READABLE).await.is_ok() {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => break,
            Ok(count) => {
                received.messages.fetch_add(frames.count(&buffer[..count]), Ordering::Relaxed);
                received.bytes.fetch_add(count as u64, Ordering::Relaxed);
            }
        };
    }
    received.lost.fetch_add(1, Ordering::Relaxed);
}

/// Counts the frames that begin in a stream of bytes. A server does not mask them, and none is longer than 64 KiB.
#[derive(Default)]
struct FrameCounter {
    /// The head of a frame, as far as it has come.
    head: Vec<u8>,
    /// Bytes of a payload that are still to come.
    left: usize,
}

impl FrameCounter {
    fn count(&mut self, mut bytes: &[u8]) -> u64 {
        let mut frames = 0;
        while !bytes.is_empty() {
            let passed = self.left.min(bytes.len());
            (self.left, bytes) = (self.left - passed, &bytes[passed..]);
            while self.left == 0
                && let Some((byte, rest)) = bytes.split_first()
            {
                self.head.push(*byte);
                bytes = rest;
                let length = match self.head[..] {
                    [_, 126, high, low] => usize::from(u16::from_be_bytes([high, low])),
                    [_, short @ ..=125] => usize::from(short),
                    _ => continue,
                };
                (self.left, frames) = (length, frames + 1);
                self.head.clear();
            }
        }
        frames
    }
}

fn open(url: &str, compressed: bool) -> Result<TcpStream> {
    let rest = url.strip_prefix("ws://").context("a ws:// URL")?;
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let mut stream = TcpStream::connect(host)?;
    stream.set_nodelay(true)?;
    let offer = if compressed { OFFER } else { "" };
    let request = format!(
        "GET /{path} HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{offer}\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    let head = String::from_utf8_lossy(&head);
    if !head.starts_with("HTTP/1.1 101") || head.contains("permessage-deflate") != compressed {
        bail!("{head}");
    }
    Ok(stream)
}

/// A text frame with a mask of zeros.
fn masked_text(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    frame
}
