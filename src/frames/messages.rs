//! The data messages of a peer: fragments are joined (RFC 6455 §5.4), and compressed messages inflated (RFC 7692 §6.2).
//! A text that is not UTF-8 is handed up with its bytes, so that it can be reported, recorded or repaired.

use bytes::{Buf as _, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::protocol::Role;

use super::deflate::{DeflateFlow, Inflater};
use super::{BINARY, CONTINUATION, FrameFault, FromPeer, Head, RSV1, TEXT};
use crate::message::Message;

/// The most that is allocated for a message before any of it has come.
const MOST_AHEAD: usize = 64 * 1024;

/// Inflating is slow where less than a copy's length of the output (258 bytes) is left.
const ROOM_BEHIND: usize = 1024;

/// A message in pieces that is no longer is copied to memory that several share: allocating for each took a quarter of the
/// time of small ones.
const COPIED: usize = 4 * 1024;

/// How much memory they share.
const SHARED: usize = 4 * COPIED;

/// Reads the data messages of a peer from its frames.
pub(super) struct MessageReader {
    /// Are the frames of the peer masked?
    masked: bool,
    /// The most bytes of a message.
    most: usize,
    /// A text in several frames is read to its end, although it is not UTF-8.
    whole_texts: bool,
    /// Inflates compressed messages, if the two ends have agreed on compression.
    inflater: Option<Box<Inflater>>,
    /// The message of which a part has come.
    begun: Option<Begun>,
    /// The frame whose payload is being read, and how much of it has been.
    frame: Option<(Head, u64)>,
    /// Memory for the next message in pieces.
    spare: Vec<u8>,
    /// Memory for small ones that have ended.
    small: BytesMut,
    /// The length of the last message: what the next one will probably have.
    last: usize,
}

struct Begun {
    is_text: bool,
    is_compressed: bool,
    payload: Vec<u8>,
    /// So many bytes of it are known to be UTF-8.
    valid: usize,
}

impl MessageReader {
    /// Reads the messages that come to this side. `flow` is what they are compressed by, and `most` their bytes at most.
    pub(super) fn new(role: Role, flow: Option<DeflateFlow>, most: Option<usize>) -> Self {
        Self {
            masked: role == Role::Server,
            most: most.unwrap_or(usize::MAX),
            whole_texts: false,
            inflater: flow.map(|flow| Box::new(Inflater::new(flow))),
            begun: None,
            frame: None,
            spare: Vec::new(),
            small: BytesMut::new(),
            last: 0,
        }
    }

    /// From now on, a text in several frames is read to its end, although it is not UTF-8.
    pub(super) fn take_whole_texts(&mut self) {
        self.whole_texts = true;
    }

    /// Does a frame with this head belong to a message? Whatever breaks the rules does not, so that the frame layer judges
    /// it.
    pub(super) fn takes(&self, head: &Head) -> bool {
        head.mask.is_some() == self.masked
            && match head.opcode {
                TEXT | BINARY => head.rsv == 0 || (head.rsv == RSV1 && self.inflater.is_some()),
                CONTINUATION => head.rsv == 0 && self.begun.is_some(),
                _ => false,
            }
    }

    /// The length of the last message.
    pub(super) fn last(&self) -> usize {
        self.last
    }

    /// Is the payload of a frame being read?
    pub(super) fn is_within_frame(&self) -> bool {
        self.frame.is_some()
    }

    /// Reads a frame that [`MessageReader::takes`]. It is at the start of `raw`, and its head is `start` bytes long.
    ///
    /// # Errors
    /// What is wrong with the frame, or with what comes of it.
    pub(super) fn begin(
        &mut self,
        head: Head,
        start: usize,
        raw: &mut BytesMut,
    ) -> Result<Assembled, FrameFault> {
        let is_first = head.opcode != CONTINUATION;
        if is_first && self.begun.is_some() {
            let text = "a new message begins before the last one has ended (RFC 6455 §5.4)".to_owned();
            return Err(FrameFault { code: 1002, text });
        }
        let is_compressed = head.rsv == RSV1 || self.begun.as_ref().is_some_and(|begun| begun.is_compressed);
        if !is_compressed {
            let before = self.begun.as_ref().map_or(0, |begun| begun.payload.len() as u64);
            self.check_length(head.length.saturating_add(before))?;
        }
        if is_first && head.fin && !is_compressed {
            let assembled = whole(&head, start, raw);
            if let Assembled::Done(_) = &assembled {
                self.last = usize::try_from(head.length).unwrap_or(usize::MAX);
            }
            return Ok(assembled);
        }
        raw.advance(start);
        if is_first {
            let mut payload = std::mem::take(&mut self.spare);
            payload.reserve((self.last + ROOM_BEHIND).min(MOST_AHEAD));
            self.begun = Some(Begun { is_text: head.opcode == TEXT, is_compressed, payload, valid: 0 });
        }
        self.frame = Some((head, 0));
        self.go_on(raw)
    }

    /// Fails for a length that no message may have, and so no frame.
    pub(super) fn check_length(&self, length: u64) -> Result<(), FrameFault> {
        if length > self.most as u64 { Err(too_long(Some(length), self.most)) } else { Ok(()) }
    }

    /// Goes on with the frame that is being read: its payload is at the start of `raw`.
    ///
    /// # Errors
    /// As for [`MessageReader::begin`].
    pub(super) fn go_on(&mut self, raw: &mut BytesMut) -> Result<Assembled, FrameFault> {
        let Some((head, read)) = &mut self.frame else { return Ok(Assembled::NoMessage) };
        let left = usize::try_from(head.length - *read).unwrap_or(usize::MAX);
        let mut input = raw.split_to(left.min(raw.len()));
        head.mask_payload(&mut input, *read);
        *read += input.len() as u64;
        let ends = *read == head.length;
        let fin = ends && head.fin;
        let on = if ends { Assembled::NoMessage } else { Assembled::Needs(left - input.len()) };
        if ends {
            self.frame = None;
        }
        // What is left of a text that is not UTF-8 is passed over.
        let Some(begun) = &mut self.begun else { return Ok(on) };
        match &mut self.inflater {
            Some(inflater) if begun.is_compressed => {
                let (mut rest, most) = (&input[..], self.most.saturating_add(1));
                let all = inflater.inflate(&mut rest, &mut begun.payload, most)?
                    && (!fin || inflater.finish(&mut begun.payload, most)?);
                if !all || begun.payload.len() > self.most {
                    return Err(too_long(None, self.most));
                }
            }
            _ => begun.payload.extend_from_slice(&input),
        }
        if fin || !self.whole_texts && begun.is_broken_text() {
            return Ok(self.end());
        }
        Ok(on)
    }

    /// The message that was begun has ended, or cannot go on.
    fn end(&mut self) -> Assembled {
        let Some(mut begun) = self.begun.take() else { return Assembled::NoMessage };
        self.last = begun.payload.len();
        let payload = if begun.payload.len() <= COPIED {
            if self.small.capacity() < begun.payload.len() {
                self.small.reserve(SHARED);
            }
            self.small.extend_from_slice(&begun.payload);
            begun.payload.clear();
            self.spare = begun.payload;
            self.small.split().freeze()
        } else {
            begun.payload.into()
        };
        Assembled::Done(received(begun.is_text, payload))
    }
}

/// What came of bytes that were there.
#[derive(Debug)]
pub(super) enum Assembled {
    /// A message, or what makes it none.
    Done(FromPeer),
    /// A frame has ended, and its message has not.
    NoMessage,
    /// The frame takes so many bytes more.
    Needs(usize),
}

/// A message of one frame, in the memory that it was read to.
fn whole(head: &Head, start: usize, raw: &mut BytesMut) -> Assembled {
    let length = usize::try_from(head.length).unwrap_or(usize::MAX);
    let end = start.saturating_add(length);
    if raw.len() < end {
        return Assembled::Needs(end - raw.len());
    }
    raw.advance(start);
    let mut payload = raw.split_to(length);
    head.mask_payload(&mut payload, 0);
    Assembled::Done(received(head.opcode == TEXT, payload.freeze()))
}

impl Begun {
    /// Is it a text of which what has come is wrong, whatever follows?
    fn is_broken_text(&mut self) -> bool {
        if !self.is_text {
            return false;
        }
        let error = std::str::from_utf8(&self.payload[self.valid..]).err();
        self.valid = error.map_or(self.payload.len(), |error| self.valid + error.valid_up_to());
        // Without a length, the rest of a character may follow.
        error.is_some_and(|error| error.error_len().is_some())
    }
}

fn received(is_text: bool, payload: Bytes) -> FromPeer {
    if !is_text {
        return FromPeer::Message(Message::Binary(payload));
    }
    match Message::from_utf8(payload) {
        Ok(message) => FromPeer::Message(message),
        Err((bytes, at)) => FromPeer::NotUtf8(bytes, at),
    }
}

/// `length` is known before the message has come.
fn too_long(length: Option<u64>, most: usize) -> FrameFault {
    let message = length.map_or_else(|| "message".to_owned(), |length| format!("message of {length} bytes"));
    let text = format!("{message} exceeds the limit of {most} bytes (--max-message-size)");
    FrameFault { code: 1009, text }
}
