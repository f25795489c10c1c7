//! One WebSocket data message, as it came or as it is to be sent.

use std::borrow::Cow;

use bytes::Bytes;
use tokio_tungstenite::tungstenite::{self, Utf8Bytes};

use crate::json;
use crate::secret::Secrets;

/// A data message (RFC 6455 §5.6). Cloning it is cheap: the bytes are shared, usually with the read buffer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// A text message; its bytes are valid UTF-8.
    Text(Utf8Bytes),
    /// A binary message.
    Binary(Bytes),
}

impl Message {
    /// A text message.
    pub fn text(text: impl Into<Utf8Bytes>) -> Self {
        Self::Text(text.into())
    }

    /// The same message in memory of its own: as it came, it keeps the whole buffer that it was read into.
    pub(crate) fn unshared(&self) -> Self {
        match self {
            Self::Text(text) => Self::text(text.as_str().to_owned()),
            Self::Binary(bytes) => Self::Binary(Bytes::copy_from_slice(bytes)),
        }
    }

    /// The payload, whatever its kind.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Text(text) => text.as_bytes(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// The payload of a text message.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Binary(_) => None,
        }
    }

    /// As much of the payload as a notice has room for, masked before it is cut; what is not UTF-8 is replaced.
    #[must_use]
    pub fn shortened(&self, secrets: &Secrets) -> String {
        secrets.mask_beginning(&String::from_utf8_lossy(self.as_bytes()), 60)
    }

    /// The message with the secrets in it masked; `None` if there are none.
    #[must_use]
    pub fn masked(&self, secrets: &Secrets) -> Option<Self> {
        let masked = match self {
            Self::Binary(bytes) => return secrets.mask_bytes(bytes).map(|bytes| Self::Binary(bytes.into())),
            Self::Text(text) if json::scan_str(text).is_ok() => secrets.mask_json(text),
            Self::Text(text) => secrets.mask(text),
        };
        match masked {
            Cow::Borrowed(_) => None,
            Cow::Owned(text) => Some(Self::text(text)),
        }
    }

    /// The word that records use for the opcode.
    #[must_use]
    pub fn opcode(&self) -> &'static str {
        match self {
            Self::Text(_) => "text",
            Self::Binary(_) => "binary",
        }
    }

    /// Payload length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Is the payload empty?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }
}

/// What a queued frame costs in memory: its payload, and what holds it. Empty messages are not free.
#[must_use]
pub fn cost(frame: &tungstenite::Message) -> usize {
    frame.len() + std::mem::size_of::<tungstenite::Message>()
}

impl From<Message> for tungstenite::Message {
    fn from(message: Message) -> Self {
        match message {
            Message::Text(text) => Self::Text(text),
            Message::Binary(bytes) => Self::Binary(bytes),
        }
    }
}
