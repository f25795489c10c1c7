//! HTTP calls beside the WebSocket: what a provider wants called before it lets somebody in, or told after.

use crate::handshake::client::ResponseHead;
use crate::net::WsUrl;
use crate::secret::Secret;

/// An HTTP call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpCall {
    /// What it is for, as people call it: `the token`.
    pub purpose: &'static str,
    /// The method, such as `POST`.
    pub method: &'static str,
    /// Where to: an `http://` or `https://` URL, read by [`WsUrl::parse`] as every URL is.
    pub url: WsUrl,
    /// Headers besides `Host`, `User-Agent` and those that tell of the body's length.
    pub headers: Vec<(String, Secret)>,
    /// The body, which may be empty.
    pub body: Vec<u8>,
}

/// The answer to a call, whatever its status.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HttpAnswer {
    /// Status and headers.
    pub head: ResponseHead,
    /// The body, as far as it was read.
    pub body: Vec<u8>,
}
