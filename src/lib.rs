//! wstap: a command-line tool for WebSocket event APIs.

pub mod dialect;
pub mod error;
pub mod exit;
pub mod handshake;
pub mod json;
pub mod message;
pub mod mock;
pub mod net;
pub mod pipeline;
pub mod report;
pub mod secret;
