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

/// Messages per second that `count` subscribers get together, and the size of one.
pub(crate) fn listen(url: &str, count: usize, counted: Duration) -> Result<(f64, usize)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let _guard = runtime.enter();
    let bytes = Arc::new(AtomicU64::new(0));
    let mut size = 0;
    for _ in 0..count {
        let mut stream = open(url, false)?;
        stream.write_all(&masked_text(SUBSCRIBE))?;
        if size == 0 {
            size = first_frame(&mut stream)?;
        }
        stream.set_nonblocking(true)?;
        let stream = tokio::net::TcpStream::from_std(stream)?;
        runtime.spawn(count_bytes(stream, Arc::clone(&bytes)));
    }
    let rate = runtime.block_on(async {
        tokio::time::sleep(counted / 2).await;
        let (begin, before) = (Instant::now(), bytes.load(Ordering::Relaxed));
        tokio::time::sleep(counted).await;
        (bytes.load(Ordering::Relaxed) - before) as f64 / begin.elapsed().as_secs_f64()
    });
    Ok((rate / size as f64, size))
}

async fn count_bytes(mut stream: tokio::net::TcpStream, bytes: Arc<AtomicU64>) {
    let mut buffer = vec![0; 64 * 1024];
    while stream.ready(Interest::READABLE).await.is_ok() {
        match stream.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => bytes.fetch_add(count as u64, Ordering::Relaxed),
        };
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

/// The size of the first data frame, header and all; control frames before it are passed over.
fn first_frame(stream: &mut TcpStream) -> Result<usize> {
    loop {
        let mut head = [0; 2];
        stream.read_exact(&mut head)?;
        let (length, extra) = match head[1] {
            126 => {
                let mut long = [0; 2];
                stream.read_exact(&mut long)?;
                (usize::from(u16::from_be_bytes(long)), 2)
            }
            short => (usize::from(short), 0),
        };
        stream.read_exact(&mut vec![0; length])?;
        if head[0] & 0x0f < 8 {
            return Ok(2 + extra + length);
        }
    }
}

/// A text frame with a mask of zeros.
fn masked_text(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 0x80 | text.len() as u8, 0, 0, 0, 0];
    frame.extend_from_slice(text.as_bytes());
    frame
}
