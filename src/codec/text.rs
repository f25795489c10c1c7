//! `text`: a binary message that holds UTF-8.

use super::{Step, StepError, text_of};
use crate::message::Message;

/// The step.
pub(super) struct Utf8Text;

impl Step for Utf8Text {
    fn decode(&mut self, message: Message, _: usize, out: &mut Vec<Message>) -> Result<(), StepError> {
        out.push(text_of(message)?);
        Ok(())
    }

    fn encode(&mut self, message: Message) -> Result<Message, StepError> {
        Ok(Message::Binary(message.into_bytes()))
    }
}
