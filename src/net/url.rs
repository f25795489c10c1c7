//! The URL forms that wstap takes.

/// A WebSocket URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WsUrl;
