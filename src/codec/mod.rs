//! The steps between what a frame holds and what everybody reads: compression, binary formats, several values in one
//! message. `--decode` and `--encode` name them; [`Steps`] is a checked list of them and [`Chain`] is such a list at
//! work on one connection.
//!
//! One file holds one step. A step is pure: it knows neither sockets nor clocks, and what it yields is bounded.

use std::fmt;

use crate::json;
use crate::message::Message;

mod auto;
mod brotli;
mod byte_reader;
mod cbor;
mod chain;
mod gzip;
mod inflate;
mod json_array;
mod list;
mod msgpack;
#[cfg(feature = "protobuf")]
mod protobuf;
mod reader;
mod split;
#[cfg(test)]
mod tests;
mod text;
mod value;
mod zlib;
mod zlib_stream;
mod zstd;

pub use auto::recognized;
pub use chain::{Chain, Decoded, StepFailure};
pub use list::{Steps, anchor, check};
pub use reader::Reader;

/// Messages that one message may become. Each costs memory of its own, however short it is.
pub const MOST_PARTS: usize = 1 << 18;

/// How messages are read and written.
#[derive(Clone, Debug, Default)]
pub struct Coding {
    /// The steps that read.
    pub decode: Steps,
    /// The steps that write.
    pub encode: Steps,
    /// The longest message that a step may yield.
    pub limit: Option<usize>,
    /// A message that cannot be read ends the session.
    pub errors_fail: bool,
    /// In text messages that are not UTF-8, U+FFFD takes the place of what is not.
    pub replace_utf8: bool,
}

/// One step of reading or writing a message.
pub(crate) trait Step: Send {
    /// Appends what the message holds to `out`. Nothing that is appended is longer than `limit`.
    ///
    /// # Errors
    /// A message that the step cannot read.
    fn decode(&mut self, message: Message, limit: usize, out: &mut Vec<Message>) -> Result<(), StepError>;

    /// The message that [`Step::decode`] reads as this one.
    ///
    /// # Errors
    /// A message that cannot be written in this way.
    fn encode(&mut self, message: Message) -> Result<Message, StepError>;
}

/// Why a step cannot read or write a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepError {
    /// The byte where that shows.
    pub at: usize,
    /// What is wrong there.
    pub why: String,
    /// The message is in order but for what it takes.
    pub(crate) too_long: bool,
    /// No later message of the connection can be read either.
    pub(crate) ends_stream: bool,
}

impl StepError {
    pub(crate) fn new(at: usize, why: impl Into<String>) -> Self {
        Self { at, why: why.into(), too_long: false, ends_stream: false }
    }

    /// The result of a step is longer than it may be.
    pub(crate) fn too_long(at: usize, limit: usize) -> Self {
        let why = format!("more than {limit} bytes (--max-message-size)");
        Self { too_long: true, ..Self::new(at, why) }
    }
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.why, self.at)
    }
}

/// The text of a message, whatever its kind.
fn text_of(message: Message) -> Result<Message, StepError> {
    match message {
        Message::Binary(bytes) => {
            Message::from_utf8(bytes).map_err(|(_, at)| StepError::new(at, "not UTF-8"))
        }
        text => Ok(text),
    }
}

/// A message whose text is JSON.
fn json_of(message: Message) -> Result<Message, StepError> {
    let message = text_of(message)?;
    match json::scan_str(message.as_text().unwrap_or_default()) {
        Ok(_) => Ok(message),
        Err(error) => Err(StepError::new(error.at, format!("not JSON: {}", error.what))),
    }
}
