//! Messages put together from the frames of a lane: a copy of what passes, or what is to be changed on its way.

use bytes::Bytes;

use crate::frames::close::LONGEST;
use crate::frames::deflate::Inflater;
use crate::frames::lane::Passing;
use crate::frames::{CONTINUATION, DeflateFlow, Head, RSV1, TEXT};
use crate::message::Message;

/// How much is inflated at once where nothing of it is kept.
const SCRATCH: usize = 64 << 10;

/// What frames came to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Collected {
    Message(Message),
    /// A text message that is not UTF-8, and where it is not.
    NotText(Bytes, usize),
    /// A message with more bytes than are kept.
    TooLarge,
    /// The frames break the rules; nothing more can be made of them. Said once.
    Broken(String),
}

impl Collected {
    /// Bytes that are kept.
    pub(super) fn bytes(&self) -> usize {
        match self {
            Self::Message(message) => message.len(),
            Self::NotText(bytes, _) => bytes.len(),
            Self::TooLarge | Self::Broken(_) => 0,
        }
    }
}

/// What is wanted of the messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Keep {
    Messages,
    /// Nothing now, but perhaps later: compressed messages go on where the last one ended.
    Context,
    Nothing,
}

/// Puts messages together.
pub(super) struct Collector {
    inflater: Option<Inflater>,
    keep: Keep,
    /// The most bytes of a message.
    limit: usize,
    /// The message as far as it has come.
    payload: Vec<u8>,
    /// Compressed bytes of the present piece.
    input: Vec<u8>,
    opcode: Option<u8>,
    is_compressed: bool,
    is_too_large: bool,
    is_broken: bool,
}

impl Collector {
    pub(super) fn new(flow: Option<DeflateFlow>, keep: Keep, limit: usize) -> Self {
        Self {
            inflater: flow.map(Inflater::new),
            keep,
            limit,
            payload: Vec::new(),
            input: Vec::new(),
            opcode: None,
            is_compressed: false,
            is_too_large: false,
            is_broken: false,
        }
    }

    /// Wants more from the next message on, if there is a way: without the context, compressed messages cannot be read.
    pub(super) fn keep(&mut self, keep: Keep) {
        self.is_broken |= self.keep == Keep::Nothing && self.inflater.is_some();
        self.keep = keep;
    }

    /// The most bytes of a message.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Can nothing be made of what comes?
    pub(super) fn is_broken(&self) -> bool {
        self.is_broken
    }

    /// Bytes that are kept of a message that has not come whole.
    pub(super) fn bytes(&self) -> usize {
        self.payload.capacity() + self.input.capacity()
    }

    /// Takes in what passes, but for control frames.
    pub(super) fn take(&mut self, passing: &Passing<'_>) -> Option<Collected> {
        if self.is_broken || self.keep == Keep::Nothing {
            return None;
        }
        let (head, wrong) = match *passing {
            Passing::Control(..) => return None,
            Passing::Head(head, _) => (head, self.begin(&head)),
            Passing::Payload(head, bytes, offset) => (head, self.add(&head, bytes, offset)),
        };
        if let Err(what) = wrong {
            return Some(self.break_off(what));
        }
        (passing.ends_frame() && head.fin).then(|| self.end()).flatten()
    }

    fn begin(&mut self, head: &Head) -> Result<(), String> {
        let is_next = match head.opcode {
            CONTINUATION => self.opcode.is_some() && head.rsv == 0,
            opcode if head.starts_message() => {
                let is_compressed = head.rsv == RSV1 && self.inflater.is_some();
                let is_first = self.opcode.is_none() && (head.rsv == 0 || is_compressed);
                (self.opcode, self.is_compressed) = (Some(opcode), is_compressed);
                is_first
            }
            _ => false,
        };
        if is_next {
            return Ok(());
        }
        let what =
            if head.is_control() { format!("more than {LONGEST} bytes") } else { "out of place".to_owned() };
        Err(format!("a frame with opcode {} and reserved bits {:03b}: {what}", head.opcode, head.rsv))
    }

    fn add(&mut self, head: &Head, bytes: &[u8], offset: u64) -> Result<(), String> {
        if self.is_compressed {
            self.input.extend_from_slice(bytes);
            head.mask_payload(&mut self.input, offset);
            return self.inflate(false);
        }
        if self.keep == Keep::Context || self.is_too_large {
            return Ok(());
        }
        if self.payload.len() + bytes.len() > self.limit {
            self.give_up();
            return Ok(());
        }
        let start = self.payload.len();
        self.payload.extend_from_slice(bytes);
        head.mask_payload(&mut self.payload[start..], offset);
        Ok(())
    }

    /// Inflates what has come; `ends` the message. What is not kept is inflated all the same, since the next message goes
    /// on from there.
    fn inflate(&mut self, ends: bool) -> Result<(), String> {
        let Some(mut inflater) = self.inflater.take() else { return Ok(()) };
        let mut input = &self.input[..];
        let (mut is_done, mut is_whole) = (false, true);
        while !is_done {
            let is_kept = self.keep == Keep::Messages && is_whole && !self.is_too_large;
            if !is_kept {
                self.payload.clear();
            }
            let most = if is_kept { self.limit.saturating_add(1) } else { SCRATCH };
            let inflated = inflater.inflate(&mut input, &mut self.payload, most);
            let inflated = match (inflated, ends) {
                (Ok(true), true) => inflater.finish(&mut self.payload, most),
                (inflated, _) => inflated,
            };
            is_done = inflated.map_err(|fault| fault.text)?;
            is_whole &= !is_kept || self.payload.len() <= self.limit;
        }
        self.inflater = Some(inflater);
        self.input.clear();
        if !is_whole {
            self.give_up();
        }
        Ok(())
    }

    fn give_up(&mut self) {
        self.is_too_large = true;
        self.payload = Vec::new();
    }

    fn end(&mut self) -> Option<Collected> {
        if self.is_compressed
            && let Err(what) = self.inflate(true)
        {
            return Some(self.break_off(what));
        }
        let opcode = self.opcode.take();
        let payload = std::mem::take(&mut self.payload);
        if self.input.capacity() > SCRATCH {
            self.input = Vec::new();
        }
        if std::mem::take(&mut self.is_too_large) {
            return Some(Collected::TooLarge);
        }
        if self.keep != Keep::Messages {
            return None;
        }
        let bytes = Bytes::from(payload);
        if opcode != Some(TEXT) {
            return Some(Collected::Message(Message::Binary(bytes)));
        }
        let text = Message::from_utf8(bytes);
        Some(text.map_or_else(|(bytes, at)| Collected::NotText(bytes, at), Collected::Message))
    }

    fn break_off(&mut self, what: String) -> Collected {
        self.is_broken = true;
        (self.payload, self.input) = (Vec::new(), Vec::new());
        Collected::Broken(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::frames::deflate::Deflater;
    use crate::frames::lane::Lane;

    const FLOW: DeflateFlow = DeflateFlow { window_bits: 15, takeover: true };

    /// What comes of these bytes in pieces of a size.
    fn collected(collector: &mut Collector, bytes: &[u8], piece: usize) -> Vec<Collected> {
        let (mut lane, mut all) = (Lane::default(), Vec::new());
        for mut input in bytes.chunks(piece) {
            while let Some(passing) = lane.next(&mut input) {
                all.extend(collector.take(&passing));
            }
        }
        all
    }

    fn frame(fin: bool, rsv: u8, opcode: u8, payload: &[u8]) -> Vec<u8> {
        Head { fin, rsv, mask: Some(*b"mask"), ..Head::new(opcode, payload.len()) }.frame(payload)
    }

    fn text(text: &str) -> Collected {
        Collected::Message(Message::text(text.to_owned()))
    }

    #[test]
    fn fragments_and_compressed_messages_become_whole() {
        let mut deflater = Deflater::new(FLOW);
        let long = "a message, and another message, ".repeat(1000);
        let mut bytes = frame(false, 0, 1, b"a");
        bytes.extend(frame(true, 0, 9, b"ping"));
        bytes.extend(frame(true, 0, 0, "\u{fc}".as_bytes()));
        for message in [&long, "x", &long] {
            let deflated = deflater.deflate(message.as_bytes()).unwrap();
            let (first, rest) = deflated.split_at(deflated.len() / 2);
            bytes.extend(frame(false, RSV1, 1, first));
            bytes.extend(frame(true, 0, 0, rest));
        }
        bytes.extend(frame(true, 0, 2, b""));
        bytes.extend(frame(true, 0, 1, b"\xff"));
        let expected = [
            text("a\u{fc}"),
            text(&long),
            text("x"),
            text(&long),
            Collected::Message(Message::Binary(Bytes::new())),
            Collected::NotText(Bytes::from_static(b"\xff"), 0),
        ];
        for piece in [1, 7, 1 << 20] {
            let mut collector = Collector::new(Some(FLOW), Keep::Messages, 1 << 20);
            assert_eq!(collected(&mut collector, &bytes, piece), expected, "in pieces of {piece}");
            assert!(collector.bytes() <= SCRATCH);
        }
    }

    #[test]
    fn what_is_too_large_is_not_kept_and_the_next_message_is_read() {
        let (mut deflater, mut bytes) = (Deflater::new(FLOW), Vec::new());
        let large = vec![b'x'; 1 << 20];
        for message in [&large[..], b"xx"] {
            bytes.extend(frame(true, RSV1, 1, &deflater.deflate(message).unwrap()));
        }
        bytes.extend(frame(true, 0, 2, &large));
        bytes.extend(frame(true, 0, 1, b"y"));
        let mut collector = Collector::new(Some(FLOW), Keep::Messages, 1000);
        let all = collected(&mut collector, &bytes, 100);
        assert_eq!(all, [Collected::TooLarge, text("xx"), Collected::TooLarge, text("y")]);
        assert!(collector.bytes() < 2 * SCRATCH + 2000, "{}", collector.bytes());
    }

    #[test]
    fn messages_can_be_wanted_later_where_the_context_was_kept() {
        let mut deflater = Deflater::new(FLOW);
        let frames = [b"one and two", b"two and one"]
            .map(|message| frame(true, RSV1, 1, &deflater.deflate(message).unwrap()));
        for (keep, is_broken) in [(Keep::Context, false), (Keep::Nothing, true)] {
            let mut collector = Collector::new(Some(FLOW), keep, 1000);
            assert_eq!(collected(&mut collector, &frames[0], 100), []);
            collector.keep(Keep::Messages);
            assert_eq!(collector.is_broken(), is_broken);
            let expected = if is_broken { vec![] } else { vec![text("two and one")] };
            assert_eq!(collected(&mut collector, &frames[1], 100), expected);
        }
    }

    #[test]
    fn frames_against_the_rules_end_it_with_a_word() {
        for (bytes, say) in [
            (frame(true, 0, 0, b"x"), "opcode 0"),
            (frame(true, RSV1, 1, b"x"), "100"),
            (frame(true, 0, 3, b"x"), "opcode 3"),
            (frame(true, 0, 9, &[0; 126]), "more than 125"),
            ([frame(false, 0, 1, b"x"), frame(true, 0, 1, b"x")].concat(), "out of place"),
        ] {
            let mut collector = Collector::new(None, Keep::Messages, 1000);
            let all = collected(&mut collector, &[bytes, frame(true, 0, 1, b"x")].concat(), 100);
            let [Collected::Broken(what)] = &all[..] else { panic!("{all:?}") };
            assert!(what.contains(say), "{what}");
        }
    }
}
