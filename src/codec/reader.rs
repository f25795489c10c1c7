//! What stands between a message as it came and everybody who looks at it.

use super::{Chain, Decoded, Steps, recognized};
use crate::message::Message;

/// The most that is looked into to find out what a message holds that nobody asked to decode.
const MOST_RECOGNIZED: usize = 1 << 20;

/// Reads the messages of one connection.
pub struct Reader {
    steps: Steps,
    limit: Option<usize>,
    chain: Chain,
    /// Is it still worth saying that messages could be decoded?
    hints: bool,
}

impl Reader {
    /// Reads with these steps. No message that one of them yields is longer than `limit`.
    #[must_use]
    pub fn new(steps: &Steps, limit: Option<usize>) -> Self {
        Self { steps: steps.clone(), limit, chain: steps.start(limit), hints: steps.is_empty() }
    }

    /// Gives its place to a reader for another connection, and returns what has read until now.
    pub fn renew(&mut self) -> Self {
        let hints = std::mem::take(&mut self.hints);
        let next =
            Self { steps: self.steps.clone(), limit: self.limit, chain: self.steps.start(self.limit), hints };
        std::mem::replace(self, next)
    }

    /// What the message is, or holds.
    pub fn read(&mut self, message: Message) -> Decoded {
        self.chain.decode(message)
    }

    /// That `--decode auto` would help, said of the first message of which it is true.
    pub fn hint(&mut self, message: &Message) -> Option<String> {
        if !self.hints || !matches!(message, Message::Binary(bytes) if bytes.len() <= MOST_RECOGNIZED) {
            return None;
        }
        let what = recognized(message, MOST_RECOGNIZED)?;
        self.hints = false;
        Some(format!("binary messages contain {what}; use `--decode auto` to decode them"))
    }
}
