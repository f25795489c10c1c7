//! What tests of mock halves over real sockets have in common.

use futures_util::StreamExt as _;
use serde_json::Value;
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as Frame;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};

use crate::mock::Mock;
use crate::mock::tests;
pub(super) use crate::mock::tests::{Socket, mock, next, say, text, texts, upgrade};

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
    let text = tests::exchange(mock, request.as_bytes()).await;
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
    tests::upgraded(mock, &upgrade(target, headers)).await
}

pub(super) async fn connect(mock: &Mock, target: &str) -> Socket {
    let config = WebSocketConfig::default().max_message_size(None).max_frame_size(None);
    let (stream, _) = raw(mock, target, "").await;
    WebSocketStream::from_raw_socket(stream, Role::Client, Some(config)).await
}

/// Reads on to the close frame.
pub(super) async fn closed(socket: &mut Socket) -> Option<CloseFrame> {
    loop {
        if let Frame::Close(close) = socket.next().await.unwrap().unwrap() {
            return close;
        }
    }
}
