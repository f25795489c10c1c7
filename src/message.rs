//! One WebSocket data message, as it came or as it is to be sent.

use std::borrow::Cow;

use bytes::Bytes;
use tokio_tungstenite::tungstenite::{self, Utf8Bytes};

use crate::json;
use crate::secret::Secrets;

/// The byte order mark, which Windows tools put before a text.
pub const MARK: char = '\u{feff}';

/// A text without a byte order mark in front.
#[must_use]
pub fn without_mark(text: &str) -> &str {
    text.strip_prefix(MARK).unwrap_or(text)
}

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

    /// The payload, for good.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Text(text) => text.into(),
            Self::Binary(bytes) => bytes,
        }
    }

    /// A text message of these bytes.
    ///
    /// # Errors
    /// The bytes, and where they are not UTF-8.
    pub fn from_utf8(bytes: Bytes) -> Result<Self, (Bytes, usize)> {
        Utf8Bytes::try_from(bytes.clone()).map(Self::Text).map_err(|error| (bytes, error.valid_up_to()))
    }

    /// Makes a binary message that reads as text a text message. UTF-8 alone does not show that: so are small numbers.
    pub fn turn_to_text(&mut self) {
        if let Self::Binary(bytes) = self
            && reads_as_text(bytes)
            && let Ok(text) = Self::from_utf8(std::mem::take(bytes))
        {
            *self = text;
        }
    }

    /// The message without a byte order mark in front, which is not part of what it says.
    #[must_use]
    pub fn without_mark(&self) -> Cow<'_, Self> {
        match self {
            Self::Text(text) if text.starts_with(MARK) => {
                Cow::Owned(Self::text(without_mark(text).to_owned()))
            }
            other => Cow::Borrowed(other),
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

/// Is it UTF-8 without controls but those of texts: line breaks, tabs, escapes, separators of records, and NULs at the
/// end?
fn reads_as_text(bytes: &[u8]) -> bool {
    let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let is_control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x1b | 0x1e);
    end > 0 && std::str::from_utf8(bytes).is_ok() && !bytes[..end].iter().any(is_control)
}

impl From<Message> for tungstenite::Message {
    fn from(message: Message) -> Self {
        match message {
            Message::Text(text) => Self::Text(text),
            Message::Binary(bytes) => Self::Binary(bytes),
        }
    }
}
