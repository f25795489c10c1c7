//! Events that wait for the writer: what came while the reader of the output was slow.
//!
//! They wait packed, in the order in which they came: in memory up to a limit, and what happens beyond it is a
//! choice. Packed, they cost what they weigh, whatever buffers they were read into, and can go to a file as they are.

use std::collections::VecDeque;

use jiff::Timestamp;

use super::Stop;
use super::packed::Packed;
use super::spill::{Spill, SpillError};
use crate::clock;
use crate::event::{Event, Gap, Kind};
use crate::limits;

/// Bytes that a packet has room for; about one batch of the pipeline.
const PACKET: usize = 64 * 1024;

/// Bytes after which it is full and another is begun, so that most last ones still fit.
const FULL: usize = PACKET - 4096;

/// What is told when the first messages are dropped. How many it became is told at the end, and in the records.
pub const DROPPING: &str = "output is not being read fast enough: dropping the oldest messages";

/// What is told when no more can wait, for this reason: the end may be long in coming, since the rest waits for its
/// reader.
#[must_use]
pub fn full(text: &str) -> String {
    format!("{text}; the buffered output will still be written")
}

/// What is told of messages that were dropped at the end, if it came to that.
#[must_use]
pub fn dropped(messages: u64) -> Option<String> {
    let what = match messages {
        0 => return None,
        1 => "1 message".to_owned(),
        more => format!("{more} messages"),
    };
    Some(format!("{what} dropped because the output was read too slowly"))
}

/// What is told of messages that could not be written, if there were any.
#[must_use]
pub fn missing(messages: u64) -> Option<String> {
    match messages {
        0 => None,
        1 => Some("1 received message is missing from the output".to_owned()),
        more => Some(format!("{more} received messages are missing from the output")),
    }
}

/// What happens when no more may wait in memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overflow {
    /// The peer is not read until there is room.
    Block,
    /// What follows waits in a file.
    Spill,
    /// What came first is dropped, and counted.
    DropOldest,
    /// The session ends.
    Exit,
}

/// The limits of what waits.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes in memory.
    pub memory: usize,
    /// Bytes in the file.
    pub disk: u64,
    /// What happens when no more may wait in memory.
    pub overflow: Overflow,
}

impl Default for Limits {
    /// Nothing may wait.
    fn default() -> Self {
        Self { memory: 0, disk: 0, overflow: Overflow::Block }
    }
}

/// A queue of events.
pub struct Backlog {
    limits: Limits,
    packets: VecDeque<Packet>,
    /// Bytes that the packets take in memory.
    memory: usize,
    /// Bytes of events that were taken out and are not written yet.
    ahead: usize,
    spill: Spill,
    lost: Option<Lost>,
    dropped: u64,
    failed: bool,
    stop: Option<Stop>,
}

struct Packet {
    /// Its bytes are empty while they are in the file.
    packed: Packed,
    /// How many bytes of it are in the file.
    filed: usize,
}

impl Packet {
    fn cost(&self) -> usize {
        size_of::<Self>() + self.packed.cost()
    }
}

/// What was dropped since it was last told.
struct Lost {
    messages: u64,
    from: Timestamp,
    to: Timestamp,
    /// What is not dropped with the messages: records of connections, say.
    kept: Vec<Event>,
    /// Bytes of these.
    kept_bytes: usize,
}

impl Lost {
    fn keep(&mut self, events: impl Iterator<Item = Event>) {
        for event in events {
            if self.kept_bytes + event.cost() <= limits::KEPT_RECORDS {
                self.kept_bytes += event.cost();
                self.kept.push(event);
            }
        }
    }
}

impl Backlog {
    /// An empty one.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            packets: VecDeque::new(),
            memory: 0,
            ahead: 0,
            spill: Spill::new(limits.disk),
            lost: None,
            dropped: 0,
            failed: false,
            stop: None,
        }
    }

    /// Does nothing wait?
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty() && self.lost.is_none()
    }

    /// May more come?
    #[must_use]
    pub fn has_room(&self) -> bool {
        let Limits { memory, overflow, .. } = self.limits;
        match overflow {
            _ if self.failed => false,
            Overflow::Block => self.memory + self.ahead < memory,
            Overflow::Spill => self.memory < memory.saturating_add(limits::SPILL_INDEX),
            Overflow::DropOldest | Overflow::Exit => true,
        }
    }

    /// So many bytes of events are on their way to the output, ahead of all that is in here. They count toward what
    /// may be in memory.
    pub fn set_ahead(&mut self, bytes: usize) {
        self.ahead = bytes;
    }

    /// Bytes that wait in memory.
    #[cfg(test)]
    pub(super) fn memory(&self) -> usize {
        self.memory
    }

    /// How many messages have been dropped.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.dropped
    }

    /// Why the session has to end. It is told once.
    pub fn stop(&mut self) -> Option<Stop> {
        self.stop.take()
    }

    /// Takes in events, all of them, whether there is room or not.
    pub fn put(&mut self, events: &mut Vec<Event>) {
        for event in events.drain(..) {
            let packet = match self.packets.pop_back() {
                Some(packet) if packet.filed == 0 && packet.packed.size() < FULL => {
                    self.memory -= packet.cost();
                    packet
                }
                full => {
                    self.packets.extend(full);
                    Packet { packed: Packed::with_capacity(PACKET), filed: 0 }
                }
            };
            self.append(packet, event);
        }
    }

    /// Takes out what came first, as one batch. `false`: there is nothing.
    pub fn take(&mut self, batch: &mut Vec<Event>) -> bool {
        if let Some(lost) = self.lost.take() {
            batch.extend(lost.kept);
            batch.extend(gap(lost.messages, lost.from, lost.to));
            return true;
        }
        let Some(mut packet) = self.packets.pop_front() else { return false };
        self.memory -= packet.cost();
        if packet.filed > 0 {
            match self.spill.read(packet.filed) {
                Ok(bytes) => packet.packed.put_bytes(bytes),
                Err(error) => self.fail(format!("cannot read the spill file: {error}")),
            }
        }
        if let Err(error) = packet.packed.unpack(batch) {
            self.fail(format!("cannot read the output buffer: {error}"));
        }
        true
    }

    fn append(&mut self, mut packet: Packet, event: Event) {
        packet.packed.push(event);
        self.memory += packet.cost();
        let full = packet.packed.size() >= FULL;
        self.packets.push_back(packet);
        if full {
            self.packet_full();
        }
    }

    fn packet_full(&mut self) {
        let over = self.is_over();
        match self.limits.overflow {
            _ if self.failed => {}
            Overflow::Spill if over || !self.spill.is_empty() => self.spill_last(),
            Overflow::DropOldest if over => self.drop_first(),
            Overflow::Exit if over => self.give_up(),
            _ => {}
        }
    }

    /// Is more in memory than may be?
    fn is_over(&self) -> bool {
        self.memory + self.ahead > self.limits.memory
    }

    fn spill_last(&mut self) {
        let Some(mut packet) = self.packets.pop_back() else { return };
        self.memory -= packet.cost();
        match self.spill.write(packet.packed.bytes()) {
            Ok(()) => packet.filed = packet.packed.take_bytes(),
            Err(error) => self.spill_failed(&error),
        }
        self.memory += packet.cost();
        self.packets.push_back(packet);
    }

    fn drop_first(&mut self) {
        while self.is_over() && self.packets.len() > 1 {
            let Some(packet) = self.packets.pop_front() else { return };
            self.memory -= packet.cost();
            let Some((from, to)) = packet.packed.times() else { continue };
            let none = || Lost { messages: 0, from, to, kept: Vec::new(), kept_bytes: 0 };
            let lost = self.lost.get_or_insert_with(none);
            lost.messages += packet.packed.messages();
            lost.to = to;
            self.dropped += packet.packed.messages();
            lost.keep(packet.packed.into_rest());
        }
    }

    fn give_up(&mut self) {
        let messages: u64 = self.packets.iter().map(|packet| packet.packed.messages()).sum();
        self.failed = true;
        let text = format!(
            "output is not being read and the {} buffer is full (--overflow exit): {messages} messages lost",
            human(self.limits.memory as u64)
        );
        self.stop = Some(Stop::OutputFailed(text, None));
    }

    fn spill_failed(&mut self, error: &SpillError) {
        let text = match error {
            SpillError::Full => {
                format!("the spill file has reached {} (--spill-limit)", human(self.limits.disk))
            }
            SpillError::Io(error) => format!("{}: {error}", Spill::folder().display()),
        };
        self.failed = true;
        let text = format!("output buffer full: {text}");
        self.stop = Some(Stop::Overflow { text, told: false });
    }

    fn fail(&mut self, text: String) {
        self.failed = true;
        self.stop.get_or_insert(Stop::OutputFailed(text, None));
    }
}

/// The record of messages that were dropped.
fn gap(messages: u64, from: Timestamp, to: Timestamp) -> Option<Event> {
    let gap = Gap { dropped: messages, ..Gap::between(from, to) };
    let event = Event { at: clock::now(), conn: 0, kind: Kind::Gap(Box::new(gap)) };
    (messages > 0).then_some(event)
}

fn human(bytes: u64) -> String {
    match bytes {
        bytes if bytes >= 1 << 30 && bytes.is_multiple_of(1 << 30) => format!("{} GiB", bytes >> 30),
        bytes if bytes >= 1 << 20 && bytes.is_multiple_of(1 << 20) => format!("{} MiB", bytes >> 20),
        bytes if bytes >= 1 << 10 && bytes.is_multiple_of(1 << 10) => format!("{} KiB", bytes >> 10),
        bytes => format!("{bytes} bytes"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_that_outlive_dropped_messages_are_bounded_in_bytes() {
        let limits = Limits { memory: 1 << 20, disk: 0, overflow: Overflow::DropOldest };
        let mut backlog = Backlog::new(limits);
        for _ in 0..100 {
            let text = "x".repeat(100_000);
            let event =
                Event { at: Timestamp::UNIX_EPOCH, conn: 1, kind: Kind::Error { what: "refused", text } };
            backlog.put(&mut vec![event]);
        }
        let lost = backlog.lost.as_ref().unwrap();
        assert!(lost.kept_bytes <= limits::KEPT_RECORDS && lost.kept.len() > 5, "{} bytes", lost.kept_bytes);
        assert!(backlog.memory <= limits.memory + 200_000, "{}", backlog.memory);
    }
}
