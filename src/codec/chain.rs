//! A list of steps at work on one connection.

use std::fmt;

use super::{MOST_PARTS, Step, StepError};
use crate::message::Message;

/// The steps of one connection, with what those that span messages remember.
pub struct Chain {
    steps: Vec<(String, Box<dyn Step>)>,
    limit: usize,
}

/// What became of a message.
#[derive(Debug, PartialEq, Eq)]
pub enum Decoded {
    /// It is, or holds, this one message.
    One(Message),
    /// It holds several.
    Parts(Vec<Message>),
    /// It holds none, and is given back: it only shows that the peer is there, or goes on in the next.
    Nothing(Message),
    /// It cannot be read, and is given back.
    Unread(StepFailure, Message),
}

/// Why a message cannot be read or written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepFailure {
    /// The step that cannot, as it was named.
    pub step: String,
    /// Why not.
    pub error: StepError,
}

impl fmt::Display for StepFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.step, self.error)
    }
}

impl Chain {
    /// These steps, in this order. No message that one of them yields is longer than `limit`.
    pub(super) fn new(steps: Vec<(String, Box<dyn Step>)>, limit: usize) -> Self {
        Self { steps, limit }
    }

    /// Reads a message that came.
    pub fn decode(&mut self, message: Message) -> Decoded {
        if self.steps.is_empty() {
            return Decoded::One(message);
        }
        let mut messages = vec![message.clone()];
        for (name, step) in &mut self.steps {
            let mut next = Vec::new();
            for piece in messages {
                let read = step.decode(piece, self.limit, &mut next);
                let checked = read.and_then(|()| within_limits(&next, self.limit));
                if let Err(error) = checked {
                    return Decoded::Unread(StepFailure { step: name.clone(), error }, message);
                }
            }
            messages = next;
        }
        messages.iter_mut().for_each(Message::turn_to_text);
        match (messages.len(), messages.pop()) {
            (1, Some(only)) => Decoded::One(only),
            (_, None) => Decoded::Nothing(message),
            (_, Some(last)) => {
                messages.push(last);
                Decoded::Parts(messages)
            }
        }
    }

    /// Writes a message that is to be sent.
    ///
    /// # Errors
    /// The step that cannot write it, and why.
    pub fn encode(&mut self, message: Message) -> Result<Message, StepFailure> {
        self.steps.iter_mut().try_fold(message, |message, (name, step)| {
            step.encode(message).map_err(|error| StepFailure { step: name.clone(), error })
        })
    }
}

/// Steps bound what they make themselves; this holds where one forgets.
fn within_limits(messages: &[Message], limit: usize) -> Result<(), StepError> {
    if messages.len() > MOST_PARTS {
        return Err(StepError::new(0, format!("more than {MOST_PARTS} parts in one message")));
    }
    match messages.last() {
        Some(message) if message.len() > limit => Err(StepError::too_long(0, limit)),
        _ => Ok(()),
    }
}
