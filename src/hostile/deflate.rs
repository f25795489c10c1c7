//! Compressed messages, as client and mock read them below the frame layer, and what they send themselves.

use super::frames::messages;
use crate::frames::deflate::{Deflater, Inflater};
use crate::frames::{Compression, DeflateFlow};
use crate::handshake::client::list_items;
use crate::handshake::extensions::{Deflate, agreed};

/// The largest message that is let through.
const MOST: usize = 1000;

/// Frames of a server with which compression was agreed on; the same bytes as the payload of a message; and as a header.
pub fn deflate(bytes: &[u8]) {
    let flow = DeflateFlow { window_bits: 15, takeover: true };
    let compression = Some(Compression { server: flow, client: flow });
    let whole = messages((bytes, bytes.len()), Some(MOST), compression);
    assert!(whole.iter().all(|message| message.len() <= MOST));
    assert_eq!(whole, messages((bytes, 1), Some(MOST), compression));

    let at_once = inflated(bytes, bytes.len(), 1 << 20);
    assert_eq!(at_once, inflated(bytes, 1, 1 << 20));
    assert_eq!(at_once, inflated(bytes, bytes.len(), 7));
    for flow in [(15, true), (9, false)].map(|(window_bits, takeover)| DeflateFlow { window_bits, takeover })
    {
        let (mut deflater, mut inflater) = (Deflater::new(flow), Inflater::new(flow));
        for part in [bytes, &bytes[bytes.len() / 2..], bytes] {
            let Some(deflated) = deflater.deflate(part) else { continue };
            let mut out = Vec::new();
            assert_eq!(inflater.inflate(&mut &deflated[..], &mut out, usize::MAX), Ok(true));
            assert_eq!((inflater.finish(&mut out, usize::MAX), out.as_slice()), (Ok(true), part));
        }
    }

    let Ok(offered) = std::str::from_utf8(bytes) else { return };
    let own = offered.parse().unwrap_or_else(|_| Deflate::default());
    if let Some(agreement) = own.accept(list_items(offered)) {
        let understood = agreed(offered, &agreement.answer.to_string()).ok().flatten();
        assert_eq!(understood, Some(agreement), "what a mock accepts, the client understands");
    }
    drop(agreed("permessage-deflate; client_max_window_bits", offered));
}

/// What a payload inflates to, up to a mistake: read and made in pieces of these sizes. It may be large, but is kept
/// only as far as the largest message.
fn inflated(payload: &[u8], piece: usize, most: usize) -> (Vec<u8>, bool) {
    let mut inflater = Inflater::new(DeflateFlow { window_bits: 15, takeover: true });
    let (mut all, mut out) = (Vec::new(), Vec::new());
    for mut input in payload.chunks(piece.max(1)) {
        loop {
            let done = inflater.inflate(&mut input, &mut out, most);
            all.append(&mut out);
            match done {
                Ok(true) => break,
                Ok(false) => {}
                Err(_) => return (Vec::new(), false),
            }
        }
    }
    (all, true)
}
