//! Compressed messages of a peer on their way to the frame layer (RFC 7692 §6.2): what goes up are the frames of the
//! same messages without compression. They are inflated piece by piece, so that a small message that becomes a large one
//! meets the limit of the frame layer while it does.

use bytes::{Buf as _, BytesMut};
use tokio::io::ReadBuf;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::deflate::{DeflateFlow, Inflater};
use super::{BINARY, CONTINUATION, FrameFault, Head, RSV1, TEXT};

/// The largest payload of a frame that goes up.
const MOST: usize = u16::MAX as usize;

/// Room for the head of such a frame, its mask included.
const ROOM: usize = 8;

/// The compressed messages of a peer.
pub(super) struct Compressed {
    inflater: Inflater,
    /// The mask of the frames that go up: clients have to have one.
    mask: Option<[u8; 4]>,
    /// The frame whose payload is being read.
    frame: Option<CompressedFrame>,
    /// A compressed message has begun: continuation frames belong to it.
    within: bool,
    /// The opcode of the next frame that goes up.
    opcode: u8,
    /// Payload that has not been inflated.
    input: BytesMut,
    /// What was inflated, behind the room for a head.
    piece: Vec<u8>,
    /// From here on, the piece is a frame that goes up.
    sealed: Option<usize>,
}

struct CompressedFrame {
    head: Head,
    /// Bytes of the payload that have come.
    read: u64,
}

impl Compressed {
    /// `role` is ours; the messages come from the other side.
    pub(super) fn new(flow: DeflateFlow, role: Role) -> Self {
        Self {
            inflater: Inflater::new(flow),
            mask: (role == Role::Server).then_some([0; 4]),
            frame: None,
            within: false,
            opcode: CONTINUATION,
            input: BytesMut::new(),
            piece: Vec::new(),
            sealed: None,
        }
    }

    /// Does a frame with this head belong to a compressed message? Whatever breaks the rules does not, so that the frame
    /// layer judges it.
    pub(super) fn takes(&self, head: &Head) -> bool {
        head.mask.is_some() == self.mask.is_some()
            && match head.opcode {
                TEXT | BINARY => head.rsv == RSV1,
                CONTINUATION => self.within && head.rsv == 0,
                _ => false,
            }
    }

    /// A frame begins whose head is taken.
    pub(super) fn begin(&mut self, head: Head) {
        if head.opcode != CONTINUATION {
            self.opcode = head.opcode;
        }
        self.within = true;
        self.frame = Some(CompressedFrame { head, read: 0 });
    }

    /// Is a frame being read?
    pub(super) fn is_within_frame(&self) -> bool {
        self.frame.is_some()
    }

    /// Goes on with the frame that is being read, whose payload is at the start of `raw`. `false`: that takes more bytes.
    /// What goes up has to be taken before the next step.
    pub(super) fn step(&mut self, raw: &mut BytesMut) -> Result<bool, FrameFault> {
        let Some(frame) = &mut self.frame else { return Ok(false) };
        if self.input.is_empty() && frame.read < frame.head.length {
            let left = usize::try_from(frame.head.length - frame.read).unwrap_or(usize::MAX);
            self.input = raw.split_to(left.min(raw.len()));
            if self.input.is_empty() {
                return Ok(false);
            }
            frame.head.mask_payload(&mut self.input, frame.read);
            frame.read += self.input.len() as u64;
        }
        self.piece.resize(self.piece.len().max(ROOM), 0);
        let mut input = &self.input[..];
        let inflated = self.inflater.inflate(&mut input, &mut self.piece, ROOM + MOST)?;
        let used = self.input.len() - input.len();
        self.input.advance(used);
        let is_all = inflated && frame.read == frame.head.length;
        if inflated && !is_all {
            return Ok(true);
        }
        let ends = is_all && (!frame.head.fin || self.inflater.finish(&mut self.piece, ROOM + MOST)?);
        let fin = ends && frame.head.fin;
        if ends {
            self.frame = None;
            self.within = !fin;
        }
        self.seal(fin);
        Ok(true)
    }

    /// Makes a frame of the piece, unless it would say nothing.
    fn seal(&mut self, fin: bool) {
        let length = self.piece.len() - ROOM;
        let opcode = std::mem::replace(&mut self.opcode, CONTINUATION);
        if length == 0 && opcode == CONTINUATION && !fin {
            return;
        }
        let mut head = Vec::with_capacity(ROOM);
        Head { fin, rsv: 0, opcode, mask: self.mask, length: length as u64 }.write(&mut head);
        let start = ROOM.saturating_sub(head.len());
        self.piece[start..ROOM].copy_from_slice(&head);
        self.sealed = Some(start);
    }

    /// Hands up as much of a frame as there is room for.
    pub(super) fn hand_up(&mut self, buffer: &mut ReadBuf<'_>) {
        let Some(start) = self.sealed else { return };
        let here = buffer.remaining().min(self.piece.len() - start);
        buffer.put_slice(&self.piece[start..start + here]);
        self.sealed = Some(start + here);
        if start + here == self.piece.len() {
            self.piece.clear();
            self.sealed = None;
        }
    }
}
