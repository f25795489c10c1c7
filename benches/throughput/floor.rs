//! The floor: tokio-tungstenite, a loop and a buffer. It trusts the server, checks nothing and knows no options.

use std::io::{self, Write as _};

use anyhow::{Context as _, Result, ensure};
use futures_util::{FutureExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

/// Output is written when this much has gathered, or when nothing more is there.
const CHUNK: usize = 64 * 1024;

/// What the floor does after the first message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    /// It goes on.
    Receive,
    /// It is gone.
    Leave,
    /// It goes through the closing handshake, as RFC 6455 §7.1.2 wants it.
    Close,
}

/// Writes every message of the server as a line, or only the first.
pub(crate) fn run(url: &str, then: Then) -> Result<()> {
    tokio::runtime::Builder::new_current_thread().enable_io().build()?.block_on(receive(url, then))
}

async fn receive(url: &str, then: Then) -> Result<()> {
    let mut socket = connect(url).await?;
    let mut out = Vec::with_capacity(2 * CHUNK);
    // The lock of standard output is only taken for whole chunks, which it hands on without keeping them.
    while let Some(message) = socket.next().await {
        let mut message = message?;
        loop {
            if let Message::Text(text) = message {
                out.extend_from_slice(text.as_bytes());
                out.push(b'\n');
            } else if let Message::Close(_) = message {
                io::stdout().write_all(&out)?;
                return Ok(());
            }
            if out.len() >= CHUNK {
                io::stdout().write_all(&out)?;
                out.clear();
            }
            match socket.next().now_or_never() {
                Some(Some(next)) => message = next?,
                Some(None) | None => break,
            }
        }
        io::stdout().write_all(&out)?;
        out.clear();
        if then != Then::Receive {
            break;
        }
    }
    if then == Then::Close {
        socket.close(None).await?;
        while socket.next().await.is_some_and(|message| message.is_ok()) {}
    }
    Ok(())
}

async fn connect(url: &str) -> Result<WebSocketStream<TcpStream>> {
    let host = url.strip_prefix("ws://").and_then(|rest| rest.strip_suffix('/')).context("not our URL")?;
    let mut stream = TcpStream::connect(host).await?;
    stream.set_nodelay(true)?;
    let request = format!(
        "GET / HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut head = Vec::with_capacity(1024);
    let end = loop {
        ensure!(stream.read_buf(&mut head).await? > 0, "the server left");
        if let Some(at) = head.windows(4).position(|four| four == b"\r\n\r\n") {
            break at + 4;
        }
    };
    let config =
        WebSocketConfig::default().read_buffer_size(CHUNK).max_message_size(None).max_frame_size(None);
    Ok(WebSocketStream::from_partially_read(stream, head.split_off(end), Role::Client, Some(config)).await)
}
