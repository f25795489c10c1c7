//! Compressed messages, as `--live` reads them: whether they can be inflated, and what that saves.

use serde::Serialize;

use crate::frames::deflate::Inflater;
use crate::frames::reader::RawFrame;
use crate::frames::{DeflateFlow, Head, RSV1};

/// How much is inflated at once.
const PIECE: usize = 64 * 1024;

/// What compression was worth.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Savings {
    /// Compressed messages that came.
    pub messages: u64,
    /// Bytes of their payloads as they came.
    pub wire: u64,
    /// Bytes of the same inflated.
    pub bytes: u64,
    /// How many times as much the second is as the first.
    pub ratio: Option<f64>,
}

/// Reads compressed messages.
pub(super) struct Inflated {
    inflater: Inflater,
    /// The largest message that is inflated.
    most: Option<usize>,
    /// The opcode of the message that is being read, and what has come of it.
    message: Option<(u8, u64)>,
    savings: Savings,
}

impl Inflated {
    pub(super) fn new(flow: DeflateFlow, most: Option<usize>) -> Self {
        Self { inflater: Inflater::new(flow), most, message: None, savings: Savings::default() }
    }

    /// Takes the next piece of a frame: what that is inflated, as pieces of a message without compression.
    ///
    /// # Errors
    /// Why it cannot be inflated.
    pub(super) fn takes(
        &mut self,
        frame: &RawFrame,
        mut use_piece: impl FnMut(&RawFrame),
    ) -> Result<(), String> {
        if frame.starts_message() {
            self.message = (frame.head.rsv == RSV1).then_some((frame.head.opcode, 0));
            self.savings.messages += u64::from(frame.head.rsv == RSV1);
        }
        let Some((opcode, mut length)) = self.message.filter(|_| !frame.head.is_control()) else {
            return Ok(());
        };
        self.savings.wire += frame.payload.len() as u64;
        let mut input = frame.payload.as_slice();
        loop {
            let mut out = Vec::new();
            let inflated = self.inflater.inflate(&mut input, &mut out, PIECE).map_err(|fault| fault.text)?;
            let last = inflated && frame.ends_message();
            let ends = last && self.inflater.finish(&mut out, PIECE).map_err(|fault| fault.text)?;
            self.savings.bytes += out.len() as u64;
            let offset = length;
            length += out.len() as u64;
            if let Some(most) = self.most.filter(|most| length > *most as u64) {
                return Err(format!("a compressed message is over the limit of {most} (--max-message-size)"));
            }
            let total = if ends { length } else { u64::MAX };
            let head = Head { length: total, ..Head::new(opcode, 0) };
            use_piece(&RawFrame { head, offset, payload: out });
            if ends || inflated && !last {
                break;
            }
        }
        self.message = (!frame.ends_message()).then_some((opcode, length));
        Ok(())
    }

    /// What compression was worth.
    pub(super) fn savings(&self) -> Savings {
        #[expect(clippy::cast_precision_loss, reason = "it is rounded")]
        let ratio = |wire: u64| (self.savings.bytes as f64 / wire as f64 * 100.0).round() / 100.0;
        Savings { ratio: (self.savings.wire > 0).then(|| ratio(self.savings.wire)), ..self.savings.clone() }
    }
}
