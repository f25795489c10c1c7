//! What tests of mock halves over real sockets have in common.

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use crate::cli::MockArgs;
use crate::dialect::providers;
use crate::mock::{Mock, start};

pub(super) type Socket = WebSocketStream<TcpStream>;

/// A mock with these options.
pub(super) async fn mock(words: &str) -> Mock {
    start(MockArgs::from_words(words).unwrap().settings(), &providers()).await.unwrap()
}

/// The request for an upgrade, with more headers.
pub(super) fn upgrade(target: &str, headers: &str) -> String {
    format!(
        "GET {target} HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n{headers}\r\n"
    )
}

/// What came back for a request.
#[derive(Debug)]
pub(super) struct Answered {
    pub(super) status: u16,
    pub(super) head: String,
    pub(super) body: String,
}

impl Answered {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub(super) fn header(&self, name: &str) -> &str {
        let line = self.head.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_else(|| panic!("no {name} in {}", self.head))
    }
}

/// Sends a request whose answer ends the connection, or is asked to.
pub(super) async fn exchange(mock: &Mock, request: &str) -> Answered {
    let mut stream = TcpStream::connect(mock.local_addr()).await.unwrap();
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    let text = String::from_utf8(answer).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answered { status, head: head.to_owned(), body: body.to_owned() }
}

/// Makes a call with a body.
pub(super) async fn call(mock: &Mock, method: &str, target: &str, headers: &str, body: &str) -> Answered {
    let length = body.len();
    let head = format!("{method} {target} HTTP/1.1\r\nHost: h\r\nConnection: close\r\n{headers}");
    exchange(mock, &format!("{head}Content-Length: {length}\r\n\r\n{body}")).await
}

/// Asks the control API for something, which has to be well.
pub(super) async fn control(mock: &Mock, what: &str, body: &Value) -> Value {
    let answer = try_control(mock, what, body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    answer.json()
}

pub(super) async fn try_control(mock: &Mock, what: &str, body: &Value) -> Answered {
    let body = body.to_string();
    let request = format!(
        "POST /__wstap/{what} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    exchange(mock, &request).await
}

/// A connection that has been upgraded, and the head of the answer.
pub(super) async fn raw(mock: &Mock, target: &str, headers: &str) -> (TcpStream, String) {
    let mut stream = TcpStream::connect(mock.local_addr()).await.unwrap();
    stream.write_all(upgrade(target, headers).as_bytes()).await.unwrap();
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    let head = String::from_utf8(head).unwrap();
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    (stream, head)
}

pub(super) async fn connect(mock: &Mock, target: &str) -> Socket {
    let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
    let (stream, _) = raw(mock, target, "").await;
    WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await
}

pub(super) async fn say(socket: &mut Socket, text: &str) {
    socket.send(Frame::text(text)).await.unwrap();
}

/// The next message.
pub(super) async fn text(socket: &mut Socket) -> String {
    loop {
        match socket.next().await.unwrap().unwrap() {
            Frame::Text(text) => return text.to_string(),
            Frame::Ping(_) => {}
            other => panic!("{other:?}"),
        }
    }
}

pub(super) async fn next(socket: &mut Socket) -> Value {
    serde_json::from_str(&text(socket).await).unwrap()
}

pub(super) async fn texts(socket: &mut Socket, count: usize) -> Vec<String> {
    let mut all = Vec::new();
    while all.len() < count {
        all.push(text(socket).await);
    }
    all
}

/// Reads on to the close frame.
pub(super) async fn closed(socket: &mut Socket) -> Option<CloseFrame> {
    loop {
        if let Frame::Close(close) = socket.next().await.unwrap().unwrap() {
            return close;
        }
    }
}
