//! `zlib-stream`: one zlib stream over all messages of a connection, flushed at the end of each, as Discord sends it.

use std::mem;

use flate2::{Compress, Compression, Decompress, FlushCompress};

use super::inflate::{FLUSHED, inflate};
use super::{Step, StepError};
use crate::message::Message;

/// The step, of one connection.
pub(super) struct ZlibStream {
    incoming: Decompress,
    /// What has come of a message that is flushed later.
    begun: Vec<u8>,
    /// Why nothing more can be read: a stream has no second beginning.
    broken: Option<String>,
    outgoing: Option<Compress>,
}

impl ZlibStream {
    pub(super) fn new() -> Self {
        Self { incoming: Decompress::new(true), begun: Vec::new(), broken: None, outgoing: None }
    }
}

impl Step for ZlibStream {
    /// A message that is not flushed goes on in the next.
    fn decode(&mut self, message: Message, limit: usize, out: &mut Vec<Message>) -> Result<(), StepError> {
        let Message::Binary(bytes) = message else {
            out.push(message);
            return Ok(());
        };
        if let Some(why) = &self.broken {
            return Err(StepError::new(0, format!("stream failed in an earlier message: {why}")));
        }
        let ended = inflate(&mut self.incoming, &bytes, limit, &mut self.begun).map_err(|error| {
            self.broken = Some(error.why.clone());
            self.begun = Vec::new();
            StepError { ends_stream: true, ..error }
        })?;
        if ended {
            self.incoming.reset(true);
        }
        if ended || bytes.ends_with(FLUSHED) {
            out.push(Message::Binary(mem::take(&mut self.begun).into()));
        }
        Ok(())
    }

    fn encode(&mut self, message: Message) -> Result<Message, StepError> {
        let stream = self.outgoing.get_or_insert_with(|| Compress::new(Compression::default(), true));
        let (bytes, begun) = (message.as_bytes(), stream.total_in());
        let mut written = Vec::with_capacity(bytes.len() / 2 + 64);
        loop {
            let at = usize::try_from(stream.total_in() - begun).unwrap_or(bytes.len());
            let rest = bytes.get(at..).unwrap_or_default();
            stream
                .compress_vec(rest, &mut written, FlushCompress::Sync)
                .map_err(|error| StepError::new(at, error.to_string()))?;
            // With room left, all of it is out.
            if written.len() < written.capacity() {
                return Ok(Message::Binary(written.into()));
            }
            written.reserve(written.len().max(64));
        }
    }
}
