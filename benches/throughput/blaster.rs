//! The server: raw TCP, an upgrade, and frames that were encoded beforehand.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use wstap::testing::accept_key;

/// Bytes of a message.
pub(crate) const PAYLOAD: usize = 300;

/// Messages in a block: with their headers just under 256 KiB.
pub(crate) const BLOCK: usize = 860;

/// One message in so many passes the filter.
pub(crate) const MATCHING: usize = 4;

/// A close frame with status 1000.
const CLOSE: &[u8] = &[0x88, 2, 0x03, 0xe8];

/// What a flood is made of.
#[derive(Clone)]
pub(crate) struct Load {
    /// Frames that can be sent again and again.
    pub(crate) block: Vec<u8>,
    /// The messages in them.
    pub(crate) messages: usize,
    /// Lines of the answer to the upgrade.
    pub(crate) extensions: &'static str,
}

impl Default for Load {
    /// Small events.
    fn default() -> Self {
        Self { block: block(), messages: BLOCK, extensions: "" }
    }
}

impl Load {
    /// One message.
    pub(crate) fn one(text: &str) -> Self {
        Self { block: frame(text.as_bytes()), messages: 1, extensions: "" }
    }
}

/// A connection that was offered and not yet taken.
pub(crate) struct Blaster {
    listener: TcpListener,
    load: Load,
    /// What a client is to connect to.
    pub(crate) url: String,
}

/// What ends a flood.
pub(crate) enum End {
    /// So many blocks; then the connection stays open until the client goes.
    Hold(usize),
    /// So many blocks; then the connection is closed.
    Close(usize),
    /// This flag, or the client's leaving.
    Flag(Arc<AtomicBool>),
}

impl Blaster {
    pub(crate) fn new() -> Result<Self> {
        Self::with(Load::default())
    }

    /// One that floods its client with this.
    pub(crate) fn with(load: Load) -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let url = format!("ws://{}/", listener.local_addr()?);
        Ok(Self { listener, load, url })
    }

    /// Floods its one client; gives the moment of the first byte.
    pub(crate) fn flood(self, end: End) -> JoinHandle<Result<Instant>> {
        thread::spawn(move || {
            let block = self.load.block.clone();
            let mut client = self.accept()?;
            let start = Instant::now();
            match end {
                End::Hold(blocks) => {
                    (0..blocks).try_for_each(|_| client.write_all(&block))?;
                    thread::spawn(move || answer_close(&mut client));
                }
                End::Close(blocks) => {
                    (0..blocks).try_for_each(|_| client.write_all(&block))?;
                    client.write_all(CLOSE)?;
                    thread::spawn(move || answer_close(&mut client));
                }
                End::Flag(stop) => while !stop.load(Ordering::Relaxed) && client.write_all(&block).is_ok() {},
            }
            Ok(start)
        })
    }

    /// Sends one message and waits for the client to go.
    pub(crate) fn one(self) -> JoinHandle<Result<()>> {
        thread::spawn(move || {
            let mut client = self.accept()?;
            client.write_all(&frame(event(0).as_bytes()))?;
            answer_close(&mut client);
            Ok(())
        })
    }

    /// Sends messages that carry their time, in nanoseconds since `epoch`, at an even pace.
    pub(crate) fn paced(self, messages: u32, gap: Duration, epoch: Instant) -> JoinHandle<Result<()>> {
        thread::spawn(move || {
            let mut client = self.accept()?;
            // The first messages of a process meet cold code; they are as much part of it as the others.
            let start = Instant::now();
            for n in 0..messages {
                if let Some(early) = (gap * n).checked_sub(start.elapsed()) {
                    thread::sleep(early);
                }
                let text = format!(r#"{{"stamp":"{:020}","rest":""#, epoch.elapsed().as_nanos());
                let text = format!("{text:.<width$}\"}}", width = PAYLOAD - 2);
                client.write_all(&frame(text.as_bytes()))?;
            }
            client.write_all(CLOSE)?;
            answer_close(&mut client);
            Ok(())
        })
    }

    fn accept(self) -> Result<TcpStream> {
        let (mut client, _) = self.listener.accept()?;
        client.set_nodelay(true)?;
        let head = request_head(&mut client)?;
        client.write_all(acceptance(&head, self.load.extensions)?.as_bytes())?;
        Ok(client)
    }
}

/// The head of a request, and nothing of what follows it.
pub(crate) fn request_head(client: &mut impl Read) -> Result<String> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        client.read_exact(&mut byte)?;
        head.extend(byte);
    }
    Ok(String::from_utf8(head)?)
}

/// The answer that accepts this request as a WebSocket, with further lines of headers.
pub(crate) fn acceptance(head: &str, extensions: &str) -> Result<String> {
    let key = head
        .lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(name, _)| name.eq_ignore_ascii_case("sec-websocket-key"))
        .context("a request without a key")?;
    let accept = accept_key(key.1.trim());
    Ok(format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n{extensions}\r\n"
    ))
}

/// Waits until the client is gone or sends what can only be its close frame; then the server has to be the
/// first to let go (RFC 6455 §7.1.1).
fn answer_close(client: &mut TcpStream) {
    if let Ok(1..) = client.read(&mut [0; 256]) {
        // The client may have gone meanwhile.
        let _ = client.write_all(CLOSE);
    }
}

/// A message as VoIPBIN sends them, of [`PAYLOAD`] bytes.
pub(crate) fn event(n: usize) -> String {
    let kind = ["call_created", "call_ringing", "call_hangup", "call_progressing"][n % MATCHING];
    let status = ["dialing", "ringing", "hangup", "progressing"][n % MATCHING];
    let text = format!(
        r#"{{"event_type":"{kind}","timestamp":"2026-11-21T10:15:38.{n:06}Z","topic":"customer_id:7f1c:call:a41b","data":{{"id":"a41b6c2e-58d1-4f0a-9c3e-{n:012}","status":"{status}","duration":42.50,"source":"+15551230001","attempts":3,"tags":["campaign","answered"],"note":null,"name":""#
    );
    let text = format!("{text:.<width$}\"}}}}", width = PAYLOAD - 3);
    assert_eq!(text.len(), PAYLOAD);
    text
}

/// Bytes that the filter makes of a block.
pub(crate) fn filtered_bytes() -> usize {
    let line = |n| format!("{{\"id\":\"a41b6c2e-58d1-4f0a-9c3e-{n:012}\",\"status\":\"hangup\"}}\n").len();
    (0..BLOCK).filter(|n| n % MATCHING == 2).map(line).sum()
}

fn block() -> Vec<u8> {
    (0..BLOCK).flat_map(|n| frame(event(n).as_bytes())).collect()
}

/// A text frame from a server (RFC 6455 §5.2) with a payload of at least 126 bytes.
pub(crate) fn frame(payload: &[u8]) -> Vec<u8> {
    match u16::try_from(payload.len()) {
        Ok(length) => [&[0x81, 126], &length.to_be_bytes()[..], payload].concat(),
        Err(_) => [&[0x81, 127], &(payload.len() as u64).to_be_bytes()[..], payload].concat(),
    }
}
