//! `json-array`: an array whose items are messages.

use super::{MOST_PARTS, Step, StepError, json_of};
use crate::json;
use crate::message::Message;

/// The step.
pub(super) struct JsonArray;

impl Step for JsonArray {
    /// Items are spelled as they came. JSON that is not an array is one message.
    fn decode(&mut self, message: Message, _: usize, out: &mut Vec<Message>) -> Result<(), StepError> {
        let message = json_of(message)?;
        let text = message.as_text().unwrap_or_default();
        let trimmed = text.trim_ascii_start();
        let mut at = text.len() - trimmed.len() + 1;
        if !trimmed.starts_with('[') {
            out.push(message);
            return Ok(());
        }
        // It has just been looked at as a whole, so that every item is one and has an end.
        while let Ok(end) = json::value_end(text, at) {
            if out.len() == MOST_PARTS {
                return Err(StepError::new(at, format!("more than {MOST_PARTS} parts in one message")));
            }
            out.push(Message::text(text[at..end].trim_ascii().to_owned()));
            let rest = text[end..].trim_ascii_start();
            at = text.len() - rest.len() + 1;
            if !rest.starts_with(',') {
                break;
            }
        }
        Ok(())
    }

    fn encode(&mut self, message: Message) -> Result<Message, StepError> {
        let message = json_of(message)?;
        let text = message.as_text().unwrap_or_default();
        Ok(Message::text(format!("[{text}]")))
    }
}
