//! Messages that are decoded.

use crate::codec::{Chain, Decoded, Steps};
use crate::json;
use crate::message::Message;

/// The steps, by the first byte of an input.
pub(super) const STEPS: &[&str] = &[
    "text",
    "gzip",
    "zlib",
    "deflate",
    "zstd",
    "brotli",
    "zlib-stream",
    "msgpack",
    "cbor",
    "lines",
    "rs",
    "nul",
    "json-array",
    "auto",
    "auto,msgpack",
    "lines,json-array",
    #[cfg(feature = "protobuf")]
    concat!("protobuf:", env!("CARGO_MANIFEST_DIR"), "/tests/codec/tick.binpb:demo.Tick"),
];

/// What a step may yield.
const LIMIT: usize = 64 << 10;

/// A step and a message, twice on one connection: what comes of it is within the limit, and what is JSON can be written
/// so that it is the same when it is read again.
pub fn codecs(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    let names = STEPS[usize::from(*first) % STEPS.len()];
    let mut chain = start(names);
    for _ in 0..2 {
        for message in decoded(&mut chain, rest) {
            assert!(message.len() <= LIMIT, "{names}: {} bytes", message.len());
            if ["msgpack", "cbor"].contains(&names) {
                comes_back(names, message);
            }
        }
    }
    if let Ok(text) = std::str::from_utf8(rest)
        && let Ok(sent) = start(names).encode(Message::text(text.to_owned()))
        && !names.starts_with("auto")
    {
        drop(decoded(&mut start(names), sent.as_bytes()));
    }
}

/// These steps, without what has come before.
pub(super) fn start(names: &str) -> Chain {
    let names: Vec<String> = names.split(',').map(str::to_owned).collect();
    Steps::new(&names).expect("steps").start(Some(LIMIT))
}

fn decoded(chain: &mut Chain, bytes: &[u8]) -> Vec<Message> {
    match chain.decode(Message::Binary(bytes.to_vec().into())) {
        Decoded::One(message) => vec![message],
        Decoded::Parts(messages) => messages,
        Decoded::Nothing(_) => Vec::new(),
        Decoded::Unread(unread, _) => {
            assert!(unread.error.at <= bytes.len().max(LIMIT), "{unread}");
            Vec::new()
        }
    }
}

fn comes_back(names: &str, message: Message) {
    let text = message.as_text().expect("JSON");
    let depth = json::scan_str(text).expect("JSON").depth;
    match start(names).encode(message.clone()) {
        Ok(sent) => assert_eq!(decoded(&mut start(names), sent.as_bytes()), [message]),
        // What is deeper can only be read.
        Err(unread) => assert!(depth > 200 || unread.error.why.contains("nested"), "{unread}: {text}"),
    }
}
