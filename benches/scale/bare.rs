//! The least that tells many clients the same: tokio-tungstenite and one bounded queue a client, on one thread like
//! the mock, which leaves the other cores to the clients.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, anyhow};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Mutex, mpsc};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;
use wstap::testing::Request;

/// How many messages may wait for a client.
const QUEUE: usize = 32;

type Listeners = Arc<Mutex<Vec<mpsc::Sender<Message>>>>;

/// Tells everybody messages of `size` bytes, as fast as they are read.
pub(crate) fn run(size: usize) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        super::say(&format!("ws://{}/", listener.local_addr()?));
        let listeners = Listeners::default();
        tokio::spawn(tell(Arc::clone(&listeners), "x".repeat(size)));
        loop {
            let (mut stream, _) = listener.accept().await?;
            stream.set_nodelay(true)?;
            let listeners = Arc::clone(&listeners);
            tokio::spawn(async move {
                let tail = upgrade(&mut stream).await?;
                let mut socket = WebSocketStream::from_partially_read(stream, tail, Role::Server, None).await;
                // Whoever has said something listens.
                let _ = socket.next().await;
                let (queue, mut messages) = mpsc::channel(QUEUE);
                listeners.lock().await.push(queue);
                let mut several = Vec::new();
                while messages.recv_many(&mut several, QUEUE).await > 0 {
                    for message in several.drain(..) {
                        socket.feed(message).await?;
                    }
                    socket.flush().await?;
                }
                Ok::<(), anyhow::Error>(())
            });
        }
    })
}

/// Answers the opening handshake; what came after it comes back.
async fn upgrade(stream: &mut TcpStream) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        stream.read_buf(&mut bytes).await?;
        if let Ok(Some((request, length))) = Request::parse(&bytes) {
            let upgrade = request.upgrade().map_err(|refusal| anyhow!("refused with {}", refusal.status))?;
            stream.write_all(&upgrade.response(None, None).to_bytes()).await?;
            return Ok(bytes.split_off(length));
        }
    }
}

async fn tell(listeners: Listeners, text: String) {
    let message = Message::text(text);
    loop {
        let now = listeners.lock().await.clone();
        if now.is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        for listener in now {
            // As many at a time as its queue holds: one at a time is a write a message, which is no match.
            for _ in 0..QUEUE {
                // Whoever left is not told any more; nobody leaves in a round.
                let _ = listener.send(message.clone()).await;
            }
        }
    }
}
