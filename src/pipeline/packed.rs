//! Events as bytes, for the time that they wait. This is no format: nothing but the process that packed them reads
//! them again.

use std::io;

use bytes::{Buf as _, BufMut as _, Bytes};
use jiff::Timestamp;
use tokio_tungstenite::tungstenite::Utf8Bytes;

use crate::event::{Direction, Event, Kind, MessagePart, Role};
use crate::message::Message;

/// What stands before a payload: kind and flags, connection, time, number, length.
const HEAD: usize = 1 + 1 + 4 + 8 + 4 + 8 + 8;

const REST: u8 = 0;
const MESSAGE: u8 = 1;
const PING: u8 = 2;
const PONG: u8 = 3;
const DERIVED: u8 = 4;

const OUT: u8 = 1;
const TEXT: u8 = 2;
const BOOKKEEPING: u8 = 4;
const DUPLICATE: u8 = 8;
const PART: u8 = 16;
const LAST: u8 = 32;

/// What stands after the payload of a part: its number.
const PART_LENGTH: usize = 4;

/// Some events, in order. Whatever a peer can cause many of is bytes; the rest is kept as it is.
#[derive(Default)]
pub struct Packed {
    bytes: Vec<u8>,
    rest: Vec<Event>,
    rest_cost: usize,
    messages: u64,
    times: Option<(Timestamp, Timestamp)>,
}

impl Packed {
    /// None yet, with room for so many bytes of them.
    #[must_use]
    pub fn with_capacity(bytes: usize) -> Self {
        Self { bytes: Vec::with_capacity(bytes), ..Self::default() }
    }

    /// Bytes that it takes in memory, used or not.
    #[must_use]
    pub fn cost(&self) -> usize {
        self.bytes.capacity() + self.rest_cost
    }

    /// Bytes that its events take.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len() + self.rest_cost
    }

    /// How many of them are data: messages that came and are more than the provider's bookkeeping, or what is shown in
    /// their place.
    #[must_use]
    pub fn messages(&self) -> u64 {
        self.messages
    }

    /// When the first and the last of them happened.
    #[must_use]
    pub fn times(&self) -> Option<(Timestamp, Timestamp)> {
        self.times
    }

    /// What is to be kept elsewhere.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Moves the bytes out to the spill file, and returns their length.
    pub fn take_bytes(&mut self) -> usize {
        std::mem::take(&mut self.bytes).len()
    }

    /// Puts the bytes back.
    pub fn put_bytes(&mut self, bytes: Vec<u8>) {
        self.bytes = bytes;
    }

    /// The events that are not bytes.
    pub fn into_rest(self) -> impl Iterator<Item = Event> {
        self.rest.into_iter()
    }

    /// Adds an event.
    pub fn push(&mut self, event: Event) {
        self.times = Some((self.times.map_or(event.at, |(first, _)| first), event.at));
        match &event.kind {
            Kind::Message { dir, seq, message, role, part } => {
                let role_flag = match role {
                    Role::Data => 0,
                    Role::Bookkeeping => BOOKKEEPING,
                    Role::Duplicate => DUPLICATE,
                };
                let text_flag = if message.as_text().is_some() { TEXT } else { 0 };
                self.messages += u64::from(*dir == Direction::In && *role != Role::Bookkeeping);
                let part_flag = part.map_or(0, |part| PART | if part.last { LAST } else { 0 });
                let flags = way(*dir) | text_flag | role_flag | part_flag;
                self.pack(MESSAGE, flags, *seq, &event, message.as_bytes());
                if let Some(part) = part {
                    self.bytes.put_u32(part.number);
                }
            }
            Kind::Ping(dir, payload) => self.pack(PING, way(*dir), 0, &event, payload),
            Kind::Pong(payload, None) => self.pack(PONG, 0, 0, &event, payload),
            Kind::Derived(json) => {
                self.messages += 1;
                self.pack(DERIVED, 0, 0, &event, json.as_bytes());
            }
            _ => {
                self.pack(REST, 0, 0, &event, &[]);
                self.rest_cost += event.cost();
                self.rest.push(event);
            }
        }
    }

    fn pack(&mut self, kind: u8, flags: u8, seq: u64, event: &Event, payload: &[u8]) {
        let out = &mut self.bytes;
        // Twice the room would be wasted: what has no more is full.
        let part = if kind == MESSAGE && flags & PART != 0 { PART_LENGTH } else { 0 };
        out.reserve_exact(HEAD + payload.len() + part);
        out.put_u8(kind);
        out.put_u8(flags);
        out.put_u32(event.conn);
        out.put_i64(event.at.as_second());
        out.put_i32(event.at.subsec_nanosecond());
        out.put_u64(seq);
        out.put_u64(payload.len() as u64);
        out.put_slice(payload);
    }

    /// Appends all of them to a batch. Payloads share the memory that they were packed in.
    ///
    /// # Errors
    /// If the bytes are not those that were packed.
    pub fn unpack(self, batch: &mut Vec<Event>) -> io::Result<()> {
        let mut bytes = Bytes::from(self.bytes);
        let mut rest = self.rest.into_iter();
        while !bytes.is_empty() {
            let event = unpack_one(&mut bytes, &mut rest).ok_or(io::ErrorKind::InvalidData)?;
            batch.push(event);
        }
        Ok(())
    }
}

fn unpack_one(bytes: &mut Bytes, rest: &mut impl Iterator<Item = Event>) -> Option<Event> {
    let (kind, flags) = (bytes.try_get_u8().ok()?, bytes.try_get_u8().ok()?);
    let conn = bytes.try_get_u32().ok()?;
    let (second, nanosecond) = (bytes.try_get_i64().ok()?, bytes.try_get_i32().ok()?);
    let at = Timestamp::new(second, nanosecond).ok()?;
    let seq = bytes.try_get_u64().ok()?;
    let length = usize::try_from(bytes.try_get_u64().ok()?).ok()?;
    if length > bytes.len() {
        return None;
    }
    let payload = bytes.split_to(length);
    let dir = if flags & OUT == 0 { Direction::In } else { Direction::Out };
    let kind = match kind {
        MESSAGE => {
            let role = match flags & (BOOKKEEPING | DUPLICATE) {
                BOOKKEEPING => Role::Bookkeeping,
                DUPLICATE => Role::Duplicate,
                _ => Role::Data,
            };
            let is_text = flags & TEXT != 0;
            let message = if is_text {
                Message::Text(Utf8Bytes::try_from(payload).ok()?)
            } else {
                Message::Binary(payload)
            };
            let part = if flags & PART == 0 {
                None
            } else {
                Some(MessagePart { number: bytes.try_get_u32().ok()?, last: flags & LAST != 0 })
            };
            Kind::Message { dir, seq, message, role, part }
        }
        PING => Kind::Ping(dir, payload),
        PONG => Kind::Pong(payload, None),
        DERIVED => Kind::Derived(std::str::from_utf8(&payload).ok()?.to_owned()),
        REST => return rest.next(),
        _ => return None,
    };
    Some(Event { at, conn, kind })
}

fn way(dir: Direction) -> u8 {
    if dir == Direction::Out { OUT } else { 0 }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn kind(pick: u8, out: bool, text: String) -> Kind {
        let dir = if out { Direction::Out } else { Direction::In };
        let role = [Role::Data, Role::Bookkeeping, Role::Duplicate][usize::from(pick) % 3];
        let bytes = Bytes::from(text.clone().into_bytes());
        match pick % 7 {
            0 | 1 => {
                Kind::Message { dir, seq: u64::from(pick), message: Message::text(text), role, part: None }
            }
            2 => {
                let part = out.then_some(MessagePart { number: u32::from(pick), last: pick > 100 });
                Kind::Message { dir, seq: u64::MAX, message: Message::Binary(bytes), role, part }
            }
            3 => Kind::Ping(dir, bytes),
            4 => Kind::Pong(bytes, (pick > 100).then_some(Duration::from_millis(3))),
            5 => Kind::Derived(text),
            _ => Kind::Error { what: "refused", text },
        }
    }

    #[test]
    fn room_counts_whether_it_is_used_or_not_and_is_not_doubled() {
        let mut packed = Packed::with_capacity(1000);
        assert_eq!((packed.cost(), packed.size()), (1000, 0));
        for _ in 0..2 {
            let message = Message::text("x".repeat(700));
            let kind = Kind::Message { dir: Direction::In, seq: 1, message, role: Role::Data, part: None };
            packed.push(Event { at: Timestamp::UNIX_EPOCH, conn: 1, kind });
        }
        assert_eq!((packed.cost(), packed.size()), (2 * (HEAD + 700), 2 * (HEAD + 700)));
    }

    proptest! {
        #[test]
        fn what_is_packed_is_what_is_unpacked(
            picks in prop::collection::vec((any::<u8>(), any::<bool>(), ".{0,20}", any::<i32>()), 0..40),
        ) {
            let events: Vec<Event> = picks
                .into_iter()
                .map(|(pick, out, text, nanos)| Event {
                    at: Timestamp::from_nanosecond(i128::from(nanos) * 1_000_001).unwrap(),
                    conn: u32::from(pick),
                    kind: kind(pick, out, text),
                })
                .collect();
            let mut packed = Packed::default();
            events.iter().cloned().for_each(|event| packed.push(event));
            // To the file and back.
            let away = packed.bytes().to_vec();
            packed.take_bytes();
            packed.put_bytes(away);
            let mut back = Vec::new();
            packed.unpack(&mut back).unwrap();
            prop_assert_eq!(format!("{:?}", back), format!("{:?}", events));
        }

        #[test]
        fn other_bytes_are_an_error_and_no_panic(bytes in prop::collection::vec(any::<u8>(), 1..200)) {
            let mut packed = Packed::default();
            packed.put_bytes(bytes);
            let _ = packed.unpack(&mut Vec::new());
        }
    }
}
