//! Messages on their way between frames and everybody who looks at them. This is the one place where they are decoded
//! and encoded: what is not as it came is only counted, and sent back by `--echo`.

use bytes::Bytes;

use super::{Now, SessionPhase, State};
use crate::codec::{Decoded, StepFailure};
use crate::dialect::{Client, MadeEvent, Meaning};
use crate::event::{Direction, EndReason, Gap, Kind, MessagePart, MissingNumbers, Role, Unreadable};
use crate::exit::Exit;
use crate::frames::close_frame;
use crate::message::Message;
use crate::report::Level;
use crate::session::policy::Outcome;
use crate::session::socket::End;

/// Takes out what the provider's messages must not show, as far as it can be seen in what could not be read.
pub fn redact(message: &mut Unreadable, dialect: &mut dyn Client) {
    let text = Message::text(String::from_utf8_lossy(&message.bytes).into_owned());
    if let Some(redacted) = dialect.redact(&text) {
        message.bytes = redacted.into_bytes();
    }
}

impl State {
    pub(super) fn received_message(&mut self, message: Message, now: Now) {
        if self.takes_as_they_are && matches!(message, Message::Text(_)) {
            return self.take_as_it_is(message, now);
        }
        let echo = self.policy.echo.then(|| message.clone());
        self.count(&message);
        if let Some(hint) = self.reader.hint(&message) {
            self.notice(Level::Notice, hint);
        }
        let decoded = self.reader.read(message);
        self.take_decoded(decoded, None, now);
        if let Some(message) = echo
            && self.phase == SessionPhase::Open
        {
            self.send_as(message.clone(), message, now);
        }
    }

    /// A text of which nothing is known, and from which nothing follows: most of the cost of a message was to ask.
    fn take_as_it_is(&mut self, message: Message, now: Now) {
        self.count(&message);
        self.last_received = now.mono;
        self.subscription.delivers();
        let (dir, seq, role) = (Direction::In, self.counts.received, Role::Data);
        self.emit(Kind::Message { dir, seq, message, role, part: None }, now);
    }

    /// A message came on the connection that was handed over. Nothing follows from it there.
    pub(super) fn received_old_message(&mut self, message: Message, now: Now) {
        self.count(&message);
        let Some(old) = &mut self.handover.old else { return };
        let (conn, decoded) = (old.conn, old.reader.read(message));
        self.take_decoded(decoded, Some(conn), now);
    }

    /// A text message that is not UTF-8 from byte `at` on. It breaks the protocol, unless that is to be passed over.
    pub fn received_not_utf8(&mut self, bytes: Bytes, at: usize, now: Now) {
        self.liveness.heard(now.mono);
        if let Some(end) = self.not_utf8(bytes, at, None, now) {
            self.closed(&end, now);
        }
    }

    /// The same on the connection that was handed over.
    pub fn old_not_utf8(&mut self, bytes: Bytes, at: usize, now: Now) {
        let Some(conn) = self.handover.old.as_ref().map(|old| old.conn) else { return };
        if let Some(end) = self.not_utf8(bytes, at, Some(conn), now) {
            self.closed_old(&end, now);
        }
    }

    /// Are texts that are not UTF-8 passed over?
    #[must_use]
    pub fn replaces_utf8(&self) -> bool {
        self.policy.coding.replace_utf8
    }

    /// What the connection ends with, if it does.
    fn not_utf8(&mut self, bytes: Bytes, at: usize, old: Option<u32>, now: Now) -> Option<End> {
        let text = format!("a text message is not UTF-8 (byte {at})");
        if self.policy.coding.replace_utf8 {
            self.counts.not_utf8 += 1;
            let level = if self.counts.not_utf8 == 1 { Level::Warning } else { Level::Verbose };
            self.notice(level, format!("{text}; replaced invalid bytes with U+FFFD"));
            let message = Message::text(String::from_utf8_lossy(&bytes).into_owned());
            match old {
                None => self.received_message(message, now),
                Some(_) => self.received_old_message(message, now),
            }
            return None;
        }
        self.counts.received += 1;
        self.counts.bytes_in += bytes.len() as u64;
        let (seq, what) = (self.counts.received, "not_utf8");
        let message = Unreadable { seq, what, text: text.clone(), at, opcode: "text", bytes };
        self.unreadable(message, old.unwrap_or(self.conn), now);
        Some(End::Violation { code: 1007, text })
    }

    fn count(&mut self, message: &Message) {
        self.counts.received += 1;
        self.counts.bytes_in += message.len() as u64;
    }

    /// Takes what the message that was counted last holds. `old` is the connection, if it was handed over.
    fn take_decoded(&mut self, decoded: Decoded, old: Option<u32>, now: Now) {
        match decoded {
            Decoded::One(message) => self.take_message(message, None, old, now),
            Decoded::Parts(parts) => {
                for (part, message) in MessagePart::number(parts) {
                    self.take_message(message, Some(part), old, now);
                }
            }
            Decoded::Nothing(message) => {
                self.last_received = now.mono;
                let (seq, role) = (self.counts.received, Role::Bookkeeping);
                let kind = Kind::Message { dir: Direction::In, seq, message, role, part: None };
                self.emit_on(old.unwrap_or(self.conn), kind, now);
            }
            Decoded::Unread(unread, message) => self.unread(&unread, message, old, now),
        }
    }

    /// Takes a message, or a part of one, as what it is, and does what follows from it.
    fn take_message(&mut self, message: Message, part: Option<MessagePart>, old: Option<u32>, now: Now) {
        let seq = self.counts.received;
        let plain = message.without_mark();
        let meaning = match old {
            None => self.dialect.understand(&plain),
            Some(_) => self.dialect.understand_old(&plain),
        };
        drop(plain);
        for text in self.dialect.notices() {
            self.notice(Level::Warning, text);
        }
        let role = match &meaning {
            Meaning::Event(facts) if self.delivery.received(seq, facts) => Role::Duplicate,
            Meaning::Event(_) => Role::Data,
            _ => Role::Bookkeeping,
        };
        // A provider that only shows that it is there has nothing to say.
        if !matches!(meaning, Meaning::Heartbeat | Meaning::Pong) {
            self.last_received = now.mono;
        }
        let conn = old.unwrap_or(self.conn);
        for missing in self.dialect.missing() {
            self.tell_missing(missing, conn, now);
        }
        if let Meaning::Event(facts) = &meaning {
            self.policy.facts.iter().for_each(|ledger| ledger.put(seq, part, facts));
        }
        match meaning {
            Meaning::Events(events) => {
                self.take_events(events, &message, (conn, part), now);
                if old.is_none() {
                    self.follow(Meaning::EVENT, now);
                }
            }
            meaning => {
                self.take_as(message, role, (conn, part), now);
                if old.is_none() {
                    self.follow(meaning, now);
                }
            }
        }
    }

    /// Takes the events that were made of a message.
    fn take_events(
        &mut self,
        events: Vec<MadeEvent>,
        whole: &Message,
        (conn, part): (u32, Option<MessagePart>),
        now: Now,
    ) {
        let (seq, most) = (self.counts.received, events.len());
        for (event, number) in events.into_iter().zip(1..) {
            let MadeEvent { message, facts, ack } = event;
            let duplicate = self.delivery.received_with(seq, &facts, ack.map(|ack| (conn, ack)));
            let role = if duplicate { Role::Duplicate } else { Role::Data };
            let part = MessagePart::of_event(number, most, part);
            self.policy.facts.iter().for_each(|ledger| ledger.put(seq, part, &facts));
            self.take_as(message.unwrap_or_else(|| whole.clone()), role, (conn, part), now);
        }
    }

    fn take_as(&mut self, message: Message, role: Role, (conn, part): (u32, Option<MessagePart>), now: Now) {
        let redacted = if self.policy.show_secrets { None } else { self.dialect.redact(&message) };
        let (message, seq) = (redacted.unwrap_or(message), self.counts.received);
        self.emit_on(conn, Kind::Message { dir: Direction::In, seq, message, role, part }, now);
    }

    /// A numbered stream has left numbers out.
    fn tell_missing(&mut self, missing: MissingNumbers, conn: u32, now: Now) {
        self.notice(Level::Warning, missing.notice());
        let last_id = self.delivery.last_id().or(self.delivery.cursor()).map(str::to_owned);
        let gap = Gap { last_id, missing: Some(missing), ..Gap::between(now.wall, now.wall) };
        self.emit_on(conn, Kind::Gap(Box::new(gap)), now);
    }

    /// Does what follows from the message that was understood last.
    fn follow(&mut self, meaning: Meaning, now: Now) {
        let answers = self.dialect.answers();
        self.send_in_pace(answers, now);
        if let Some(rhythm) = self.dialect.new_rhythm() {
            self.liveness.set_rhythm(rhythm.faster(self.policy.time_scale), now.mono);
        }
        match meaning {
            Meaning::Event(_) | Meaning::Events(_) => self.subscription.delivers(),
            Meaning::Heartbeat => self.liveness.heartbeat(now.mono),
            Meaning::Pong | Meaning::Ignored => {}
            Meaning::Draining { after } => self.draining(after, now),
            Meaning::Confirmed { action, topics } => self.confirmed(action, topics, now),
            Meaning::Refused { action, topics, code, message, retry } => {
                self.refused(&action, topics, &code, &message, retry, now);
            }
        }
    }

    /// A message that a step could not read.
    fn unread(&mut self, unread: &StepFailure, message: Message, old: Option<u32>, now: Now) {
        self.last_received = now.mono;
        self.counts.undecoded += 1;
        let message = Unreadable::undecoded(self.counts.received, unread, message);
        let (text, notice) = (message.text.clone(), message.notice(self.counts.undecoded));
        self.unreadable(message, old.unwrap_or(self.conn), now);
        if self.policy.coding.errors_fail {
            self.finish(Outcome::told(EndReason::DecodeFailed, Exit::PeerProtocol, text), now);
            return;
        }
        if let Some(text) = notice {
            self.notice(Level::Warning, text);
        }
        if unread.error.ends_stream && old.is_none() {
            self.todo.frames.push(close_frame(Some(1007), ""));
            self.closed(&End::Dropped("the compressed stream cannot be read on".to_owned()), now);
        }
    }

    fn unreadable(&mut self, mut message: Unreadable, conn: u32, now: Now) {
        if !self.policy.show_secrets {
            redact(&mut message, &mut *self.dialect);
        }
        self.todo.unreadable.push(message.clone());
        self.emit_on(conn, Kind::Unreadable(Box::new(message)), now);
    }

    /// Sends a message, encoded.
    pub(super) fn send(&mut self, message: Message, now: Now) {
        let encoded = self.writer.encode(message.clone());
        if let Some(encoded) = self.encoded(encoded) {
            self.send_as(message, encoded, now);
        }
    }

    /// Sends a message over the connection that an event came on: what it is acknowledged by means nothing on another.
    /// If that connection is gone, the provider sends the event again.
    pub(super) fn send_on(&mut self, conn: u32, message: Message, now: Now) {
        if conn == self.conn {
            return self.send_now(message, now);
        }
        let Some(old) = self.handover.old.as_mut().filter(|old| old.conn == conn) else { return };
        let encoded = old.writer.encode(message.clone());
        if let Some(encoded) = self.encoded(encoded) {
            self.note_sent(conn, message, encoded.len(), now);
            self.todo.old_frames.push(encoded.into());
        }
    }

    /// Sends a message that is known to everybody as another.
    fn send_as(&mut self, message: Message, encoded: Message, now: Now) {
        self.input.sending = true;
        self.note_sent(self.conn, message, encoded.len(), now);
        self.todo.frames.push(encoded.into());
    }

    fn encoded(&mut self, result: Result<Message, StepFailure>) -> Option<Message> {
        let report = |why| self.notice(Level::Warning, format!("message not sent: {why}"));
        result.map_err(report).ok()
    }

    fn note_sent(&mut self, conn: u32, message: Message, bytes: usize, now: Now) {
        self.counts.sent += 1;
        self.counts.bytes_out += bytes as u64;
        let (dir, seq, role) = (Direction::Out, self.counts.sent, Role::Data);
        self.emit_on(conn, Kind::Message { dir, seq, message, role, part: None }, now);
    }
}
