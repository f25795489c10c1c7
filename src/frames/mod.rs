//! WebSocket frames by the byte (RFC 6455 §5.2): their heads, the peer's close frame, compressed payloads (RFC 7692), the
//! stream that looks at them before the frame layer does, and what waits to be written. Client, mock and probe share it.

use std::fmt;

pub mod close;
pub mod deflate;
mod head;
pub(crate) mod lane;
mod messages;
pub mod outbox;
pub(crate) mod reader;
pub mod stream;

pub use close::{PeerClose, close_frame};
pub use deflate::{Compression, DeflateFlow};
pub use head::Head;
pub use outbox::{Outbox, Outgoing, RawWrite};
pub use stream::{FromPeer, ReadOptions, WebSocket, poll_receive, websocket};

/// Opcodes (RFC 6455 §11.8).
pub const CONTINUATION: u8 = 0;
/// A text message.
pub const TEXT: u8 = 1;
/// A binary message.
pub const BINARY: u8 = 2;
/// A close frame.
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// The first of the reserved bits, as [`Head::rsv`] has it: the message is compressed (RFC 7692 §6).
pub const RSV1: u8 = 4;

/// What is wrong with the frames of a peer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FrameFault {
    /// The close code that says so.
    pub code: u16,
    /// The same in words.
    pub text: String,
}

impl fmt::Display for FrameFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for FrameFault {}
