//! What a server says to a client.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::EventBatch;
use crate::message::Message;

/// Something that the server says to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Say {
    Message(Message),
    /// Several messages that other clients get too.
    Batch(Arc<EventBatch>),
    /// A message, as the answer to a keep-alive message of the client's: it is withheld where pongs are.
    Pong(Message),
    /// A close frame, empty without a code, after which the closing handshake is waited for.
    Close {
        /// The close code.
        code: Option<u16>,
        /// The reason; only with a code.
        reason: String,
    },
    /// A close frame like that, but after a time in which the conversation goes on.
    CloseIn {
        /// On this mock's clock.
        after: Duration,
        /// The close code.
        code: u16,
        reason: &'static str,
    },
    /// Nothing: the TCP connection is ended without a close frame.
    Drop,
    /// A ping frame.
    Ping,
    /// These bytes between whole frames, whatever they are.
    Raw(Bytes),
    /// No more messages of the upstream, for this long or for good. What is said here still goes out: only a tap has
    /// something to hold back.
    Stall(Option<Duration>),
    /// The end of the conversation, in a way that the client cannot expect.
    Cut(Cut),
}

/// How a conversation breaks off. What was said before still goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// TCP ends in order (FIN), without a close frame; what the client still sends is read and ignored.
    Fin,
    /// TCP is reset (RST).
    Reset,
    /// TCP stays, and nothing is written or read any more.
    Silence,
}

impl Say {
    /// Is this the last that can be said?
    #[must_use]
    pub fn ends(&self) -> bool {
        matches!(self, Self::Close { .. } | Self::Drop | Self::Cut(_))
    }

    /// Bytes that it takes in memory.
    #[must_use]
    pub fn cost(&self) -> usize {
        let held = match self {
            Self::Message(message) | Self::Pong(message) => message.len(),
            Self::Batch(batch) => return batch.cost(),
            Self::Raw(bytes) => bytes.len(),
            Self::Close { reason, .. } => reason.len(),
            Self::CloseIn { .. } | Self::Drop | Self::Ping | Self::Stall(_) | Self::Cut(_) => 0,
        };
        size_of::<Self>() + held
    }

    /// How many it counts in a mailbox.
    #[must_use]
    pub fn count(&self) -> usize {
        if let Self::Batch(batch) = self { batch.messages().len() } else { 1 }
    }

    /// The messages of a batch one by one; everything else as it is.
    pub fn singly(self) -> impl Iterator<Item = Self> {
        let (batch, other) = match self {
            Self::Batch(batch) => (batch.messages().to_vec(), None),
            other => (Vec::new(), Some(other)),
        };
        batch.into_iter().map(Self::Message).chain(other)
    }

    /// Messages that several clients get. Making their frames pays off from two messages on.
    #[must_use]
    pub fn batch(mut messages: Vec<Message>) -> Self {
        match messages.len() {
            1 => Self::Message(messages.remove(0)),
            _ => Self::Batch(Arc::new(EventBatch::new(messages))),
        }
    }

    /// A close frame.
    pub fn close(code: u16, reason: impl Into<String>) -> Self {
        Self::Close { code: Some(code), reason: reason.into() }
    }
}

impl From<Message> for Say {
    fn from(message: Message) -> Self {
        Self::Message(message)
    }
}
