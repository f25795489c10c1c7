//! WebSocket frames by the byte (RFC 6455 §5.2): their heads, the peer's close frame, and the stream that looks at both
//! before the frame layer does. Client, mock and probe share it.

pub mod close;
mod head;
pub(crate) mod reader;
pub mod stream;
mod texts;

pub use close::PeerClose;
pub use head::Head;
pub use stream::FrameStream;

/// Opcodes (RFC 6455 §11.8).
pub const CONTINUATION: u8 = 0;
/// A text message.
pub const TEXT: u8 = 1;
/// A binary message.
pub const BINARY: u8 = 2;
/// A close frame.
pub const CLOSE: u8 = 8;
/// A ping.
pub const PING: u8 = 9;
/// A pong.
pub const PONG: u8 = 10;
