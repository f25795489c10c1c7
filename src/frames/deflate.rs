//! The payloads of permessage-deflate (RFC 7692 §7.2): each direction of a connection is one DEFLATE stream, which every
//! message flushes. What the streams need is allocated when the first compressed message comes or goes.

use flate2::{Compress, Decompress, DecompressError, FlushCompress, FlushDecompress, Status};

use super::FrameFault;

/// What the sender removes from the end of each message and the receiver appends (RFC 7692 §7.2.1, §7.2.2).
pub const TAIL: [u8; 4] = [0, 0, 0xff, 0xff];

/// The smallest window of the DEFLATE library. RFC 7692 allows 8 bits.
const LEAST_BITS: u8 = 9;

/// How hard it is tried: half the time of the usual 6, for nine tenths of what that saves.
const LEVEL: u32 = 2;

/// The room for the first piece of a message.
const FIRST: usize = 4 * 1024;

/// One direction of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeflateFlow {
    /// The size of the window is a power of two; this is the exponent, 8 to 15.
    pub window_bits: u8,
    /// Does each message go on with the window of the last one?
    pub takeover: bool,
}

/// What both ends of a connection have agreed on about compression.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Compression {
    /// From the server to the client.
    pub server: DeflateFlow,
    /// From the client to the server.
    pub client: DeflateFlow,
}

/// Compresses messages.
pub struct Deflater {
    flow: DeflateFlow,
    stream: Option<Compress>,
}

impl Deflater {
    /// Compresses messages in this direction.
    #[must_use]
    pub fn new(flow: DeflateFlow) -> Self {
        Self { flow, stream: None }
    }

    /// The payload as it is sent in compressed form; `None` if it is better sent as it is. A sender may always do that
    /// (RFC 7692 §6): here with an empty message, and if the peer has so small a window that the library has none.
    pub fn deflate(&mut self, payload: &[u8]) -> Option<Vec<u8>> {
        let bits = self.flow.window_bits;
        if payload.is_empty() || bits < LEAST_BITS {
            return None;
        }
        let new = || Compress::new_with_window_bits(flate2::Compression::new(LEVEL), false, bits);
        let stream = self.stream.get_or_insert_with(new);
        let mut out = Vec::with_capacity(payload.len() / 2 + 64);
        let start = stream.total_in();
        loop {
            let taken = usize::try_from(stream.total_in() - start).ok()?;
            // The library fails only if it is called in the wrong order.
            stream.compress_vec(payload.get(taken..)?, &mut out, FlushCompress::Sync).ok()?;
            if out.len() < out.capacity() {
                break;
            }
            out.reserve(out.len());
        }
        if !self.flow.takeover {
            stream.reset();
        }
        out.truncate(out.len().checked_sub(TAIL.len())?);
        Some(out)
    }
}

/// Decompresses messages, piece by piece.
pub struct Inflater {
    flow: DeflateFlow,
    stream: Option<Decompress>,
    /// How much of [`TAIL`] has been appended to the present message.
    tail: usize,
    /// The last thing that was read is the end of a DEFLATE stream.
    ended: bool,
}

impl Inflater {
    /// Decompresses messages in this direction.
    #[must_use]
    pub fn new(flow: DeflateFlow) -> Self {
        Self { flow, stream: None, tail: 0, ended: false }
    }

    /// Goes on with the present message: takes bytes from `input`, and appends to `out` until that has `most` bytes.
    /// `true`: all of the input has been taken, and nothing more comes of it.
    ///
    /// # Errors
    /// Bytes that are not DEFLATE.
    pub fn inflate(&mut self, input: &mut &[u8], out: &mut Vec<u8>, most: usize) -> Result<bool, FrameFault> {
        let bits = self.flow.window_bits.max(LEAST_BITS);
        let stream = self.stream.get_or_insert_with(|| Decompress::new_with_window_bits(false, bits));
        while out.len() < most {
            if self.ended && !input.is_empty() {
                // What follows the end of a stream is another one.
                stream.reset(false);
                self.ended = false;
            }
            if out.len() == out.capacity() {
                out.reserve_exact(out.len().max(FIRST).min(most - out.len()));
            }
            let (total, length) = (stream.total_in(), out.len());
            let status =
                stream.decompress_vec(input, out, FlushDecompress::None).map_err(|error| broken(&error))?;
            let taken = usize::try_from(stream.total_in() - total).unwrap_or(usize::MAX);
            *input = input.get(taken..).unwrap_or_default();
            self.ended |= status == Status::StreamEnd;
            let all_out = self.ended || out.len() < out.capacity() || out.len() == length;
            if input.is_empty() && all_out {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Ends the present message, as [`Inflater::inflate`] goes on with it. `true`: it has ended.
    ///
    /// # Errors
    /// Bytes that are not DEFLATE.
    pub fn finish(&mut self, out: &mut Vec<u8>, most: usize) -> Result<bool, FrameFault> {
        // A sender that ends its stream with the message has nothing to flush.
        let mut rest = if self.ended { &[] } else { &TAIL[self.tail..] };
        let done = self.inflate(&mut rest, out, most)?;
        self.tail = TAIL.len() - rest.len();
        if !done {
            return Ok(false);
        }
        self.tail = 0;
        if !self.flow.takeover || self.ended {
            self.stream.iter_mut().for_each(|stream| stream.reset(false));
            self.ended = false;
        }
        Ok(true)
    }
}

fn broken(error: &DecompressError) -> FrameFault {
    let why = error.message().map(|message| format!(": {message}")).unwrap_or_default();
    FrameFault { code: 1007, text: format!("invalid compressed message{why}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOW: DeflateFlow = DeflateFlow { window_bits: 15, takeover: true };

    /// A message inflated in pieces of at most so many bytes, from input in pieces of that size.
    fn inflate(inflater: &mut Inflater, payload: &[u8], piece: usize) -> Result<Vec<u8>, FrameFault> {
        let (mut all, mut out) = (Vec::new(), Vec::new());
        for mut input in payload.chunks(piece) {
            while !inflater.inflate(&mut input, &mut out, piece)? {
                all.append(&mut out);
            }
        }
        while !inflater.finish(&mut out, piece)? {
            all.append(&mut out);
        }
        all.append(&mut out);
        Ok(all)
    }

    #[test]
    fn the_examples_of_the_rfc_are_inflated() {
        // RFC 7692 §7.2.3.1, §7.2.3.3, §7.2.3.4 and §7.2.3.5, and the end of a stream that nothing follows.
        let hello: [&[u8]; 5] = [
            b"\xf2\x48\xcd\xc9\xc9\x07\x00",
            b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00",
            b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00",
            b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00",
            b"\xf3\x48\xcd\xc9\xc9\x07\x00",
        ];
        for piece in [1, 2, 1000] {
            let mut inflater = Inflater::new(FLOW);
            for payload in hello.iter().chain(&hello) {
                assert_eq!(inflate(&mut inflater, payload, piece).unwrap(), b"Hello", "{payload:?}");
            }
            // §7.2.3.2: the second message goes on with the window of the first.
            let mut inflater = Inflater::new(FLOW);
            assert_eq!(inflate(&mut inflater, hello[0], piece).unwrap(), b"Hello");
            assert_eq!(inflate(&mut inflater, b"\xf2\x00\x11\x00\x00", piece).unwrap(), b"Hello");
            // §7.2.3.6: an empty message.
            assert_eq!(inflate(&mut inflater, b"\x00", piece).unwrap(), b"");
        }
    }

    #[test]
    fn what_is_deflated_is_inflated_again() {
        let text = "a message, and another message, ".repeat(10_000);
        let noise: Vec<u8> = (0..100_000).map(|_| fastrand::u8(..)).collect();
        for flow in (9..=15)
            .flat_map(|window_bits| [true, false].map(|takeover| DeflateFlow { window_bits, takeover }))
        {
            let (mut deflater, mut inflater) = (Deflater::new(flow), Inflater::new(flow));
            for payload in [text.as_bytes(), b"x", &noise, text.as_bytes(), &noise[..1000]] {
                let deflated = deflater.deflate(payload).unwrap();
                assert!(deflated.len() < payload.len() + payload.len() / 20 + 20, "{flow:?}");
                assert!(inflate(&mut inflater, &deflated, 1000).unwrap() == payload, "{flow:?}");
            }
        }
    }

    #[test]
    fn only_with_its_takeover_does_a_message_need_the_one_before() {
        for takeover in [true, false] {
            let mut deflater = Deflater::new(DeflateFlow { takeover, ..FLOW });
            let lengths =
                [0, 1].map(|_| deflater.deflate(&[b"abcdefghij".as_slice(); 9].concat()).unwrap().len());
            assert_eq!(lengths[0] == lengths[1], !takeover);
        }
    }

    #[test]
    fn what_cannot_be_compressed_well_is_sent_as_it_is() {
        assert_eq!(Deflater::new(FLOW).deflate(b""), None);
        assert_eq!(Deflater::new(DeflateFlow { window_bits: 8, takeover: true }).deflate(b"some text"), None);
    }

    #[test]
    fn broken_data_is_a_fault_and_nothing_is_allocated_for_a_connection_that_is_not_used() {
        let mut inflater = Inflater::new(FLOW);
        assert!(inflater.stream.is_none() && Deflater::new(FLOW).stream.is_none());
        let fault = inflate(&mut inflater, b"\x07\xff\xff", 10).unwrap_err();
        assert_eq!(fault.code, 1007);
        assert!(fault.text.contains("invalid compressed message"), "{}", fault.text);
    }

    #[test]
    fn a_bomb_comes_in_pieces() {
        let bomb = Deflater::new(FLOW).deflate(&vec![0; 64 << 20]).unwrap();
        let (mut inflater, mut out) = (Inflater::new(FLOW), Vec::new());
        let mut input = bomb.as_slice();
        assert_eq!(inflater.inflate(&mut input, &mut out, 65_535), Ok(false));
        assert!(out.len() == 65_535 && out.capacity() < 70_000);
    }
}
