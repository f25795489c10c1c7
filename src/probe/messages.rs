//! The first messages that come, as `--live` reports them.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;

use super::record::{SecretMask, embedded, ms};
use crate::dialect::Client;
use crate::frames::TEXT;
use crate::frames::reader::RawFrame;
use crate::limits;
use crate::message::Message;

/// How many messages are kept.
const MOST: usize = 10;

/// A message in the record.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Received {
    /// When it began, in milliseconds since the upgrade.
    pub ms: Option<f64>,
    /// `text` or `binary`.
    pub opcode: &'static str,
    /// The bytes that came.
    pub bytes: u64,
    /// Is only its beginning in the record?
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub cut: bool,
    /// A text that is JSON.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub data: Option<Box<RawValue>>,
    /// Any other text.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The bytes of a binary message.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base64: Option<String>,
}

/// The messages so far.
#[derive(Default)]
pub(super) struct Messages {
    kept: Vec<KeptMessage>,
    /// Bytes that are kept of all of them.
    bytes: usize,
    /// Is the present message one of them, and has it not ended?
    open: bool,
    /// Does the present message come compressed, so that its pieces come from the inflater?
    pub(super) compressed: bool,
}

struct KeptMessage {
    at: Duration,
    is_text: bool,
    length: u64,
    bytes: Vec<u8>,
    ended: bool,
}

impl Messages {
    /// A message begins.
    pub(super) fn begin(&mut self, at: Duration, frame: &RawFrame, compressed: bool) {
        self.compressed = compressed;
        self.open = self.kept.len() < MOST;
        if self.open {
            let is_text = frame.head.opcode == TEXT;
            self.kept.push(KeptMessage { at, is_text, length: 0, bytes: Vec::new(), ended: false });
        }
    }

    /// A piece of the present message, without compression.
    pub(super) fn take(&mut self, frame: &RawFrame) {
        let Some(last) = self.kept.last_mut().filter(|_| self.open) else { return };
        let room = limits::PROBED.saturating_sub(self.bytes).min(frame.payload.len());
        last.bytes.extend_from_slice(&frame.payload[..room]);
        last.length += frame.payload.len() as u64;
        self.bytes += room;
    }

    /// The present message has ended.
    pub(super) fn end(&mut self) {
        if std::mem::take(&mut self.open) {
            self.kept.iter_mut().for_each(|kept| kept.ended = true);
        }
    }

    /// The messages as they are shown.
    pub(super) fn shown(self, client: &mut dyn Client, mask: &SecretMask) -> Vec<Received> {
        self.kept.into_iter().map(|kept| kept.shown(client, mask)).collect()
    }
}

impl KeptMessage {
    fn shown(self, client: &mut dyn Client, mask: &SecretMask) -> Received {
        let secrets = mask.0.secrets();
        let cut = !self.ended || self.bytes.len() as u64 != self.length;
        let received = Received {
            ms: ms(Some(self.at)),
            opcode: if self.is_text { "text" } else { "binary" },
            bytes: self.length,
            cut,
            data: None,
            text: None,
            base64: None,
        };
        if !self.is_text {
            let masked = secrets.mask_payload(&self.bytes).unwrap_or(self.bytes);
            return Received { base64: Some(STANDARD.encode(masked)), ..received };
        }
        let text = Message::text(String::from_utf8_lossy(&self.bytes).into_owned());
        let text = client.redact(&text).unwrap_or(text);
        let text = text.as_text().unwrap_or_default();
        match embedded(text, secrets).filter(|_| !cut) {
            Some(data) => Received { data: Some(data), ..received },
            None => Received { text: Some(secrets.mask_cut(&mask.text(text)).into_owned()), ..received },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect::plain::Plain;
    use crate::dialect::{ClientSetup, Dialect as _};
    use crate::frames::{BINARY, Head};
    use crate::report::Report;
    use crate::secret::{Place, Secret};

    fn shown(messages: &[(u8, Vec<&[u8]>)]) -> Vec<serde_json::Value> {
        let report = Report::silent();
        report.secrets().add(&Secret::new("s3cr3t"), Place::Arguments);
        let mut all = Messages::default();
        for (opcode, pieces) in messages {
            let frame = |payload: &[u8]| RawFrame {
                head: Head::new(*opcode, payload.len()),
                offset: 0,
                payload: payload.to_vec(),
            };
            all.begin(Duration::from_millis(2), &frame(b""), false);
            pieces.iter().for_each(|piece| all.take(&frame(piece)));
            all.end();
        }
        let mut client = Plain.client(&ClientSetup::default()).unwrap();
        let shown = all.shown(client.as_mut(), &SecretMask(report));
        shown.iter().map(|message| serde_json::to_value(message).unwrap()).collect()
    }

    #[test]
    fn messages_are_shown_by_what_they_hold() {
        let shown = shown(&[
            (TEXT, vec![b"{\"a\": 1.0,", b"\"t\":\"s3cr3t\"}"]),
            (TEXT, vec![b"hi s3cr3t"]),
            (BINARY, vec![b"\xff\x00"]),
        ]);
        let text = |value: &serde_json::Value| value.to_string();
        assert_eq!(text(&shown[0]), r#"{"bytes":23,"data":{"a":1.0,"t":"***"},"ms":2.0,"opcode":"text"}"#);
        assert_eq!(text(&shown[1]), r#"{"bytes":9,"ms":2.0,"opcode":"text","text":"hi ***"}"#);
        assert_eq!(text(&shown[2]), r#"{"base64":"/wA=","bytes":2,"ms":2.0,"opcode":"binary"}"#);
    }

    #[test]
    fn messages_are_bounded_in_number_and_in_bytes() {
        let many = shown(&vec![(TEXT, vec![&b"1"[..]]); 2 * MOST]);
        assert_eq!(many.len(), MOST);
        let large = vec![b'x'; limits::PROBED / 2 + 1];
        let shown = shown(&vec![(TEXT, vec![&large[..], &large]); 3]);
        let kept: usize = shown.iter().map(|message| message["text"].as_str().unwrap().len()).sum();
        assert_eq!((kept, shown.len()), (limits::PROBED, 3));
        assert!(shown.iter().all(|message| message["cut"] == true && message["bytes"] == 2 * large.len()));
    }
}
