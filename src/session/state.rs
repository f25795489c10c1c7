//! The session as a pure state machine: what happened goes in, what to do comes out. It knows no sockets and no
//! clock; every call is told the time.

use std::mem;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message as Frame;

use super::backoff::{Backoff, BackoffLimits};
use super::delivery::Delivery;
use super::handover::{Handover, InterruptedHandover, OLD_LIMIT};
use super::liveness::Liveness;
use super::pace::SendPace;
use super::policy::{Outcome, Policy, close_exit, close_meaning, close_retries, status_retries};
use super::socket::End;
use super::subscription::{ACK_WAIT, Subscription};
use crate::codec::{Chain, Reader};
use crate::dialect::{Client, CloseRule, EventAck, TopicCall};
use crate::error::{Failure, Result};
use crate::event::{
    Close, ConnectionInfo, Direction, EndReason, Event, Gap, Kind, Reconnect, Summary, Unreadable, WireBytes,
};
use crate::exit::Exit;
use crate::frames::{PeerClose, close_frame};
use crate::message::Message;
use crate::net::WsUrl;
use crate::net::http::{HttpAnswer, HttpCall};
use crate::pipeline::backlog::{DROPPING, full};
use crate::pipeline::{FactsLedger, Progress, Stop, Totals};
use crate::report::Level;
use crate::secret::Secret;
use crate::text::{counted, listed, short};

mod messages;
mod orders;

pub use messages::redact;
use orders::Ordered;
pub use orders::{LinkState, Standing};

/// How long the closing handshake may take, whoever started it.
pub const CLOSE_WAIT: Duration = Duration::from_secs(1);

/// One moment on both clocks.
#[derive(Clone, Copy, Debug)]
pub struct Now {
    /// For deadlines and durations.
    pub mono: Instant,
    /// For records.
    pub wall: Timestamp,
}

/// A notice for people, and its place among the events.
#[derive(Debug)]
pub struct Notice {
    pub level: Level,
    pub text: String,
    /// How many of [`Todo::events`] come before it.
    pub after: usize,
}

/// What the session wants done. The driver empties it after every step.
#[derive(Debug, Default)]
pub struct Todo {
    /// Start connecting.
    pub connect: bool,
    /// Frames to send, in order.
    pub frames: Vec<Frame>,
    /// Frames to send over the connection that was handed over, in order.
    pub old_frames: Vec<Frame>,
    /// Events for the pipeline, in order.
    pub events: Vec<Event>,
    /// Notices for people.
    pub notices: Vec<Notice>,
    /// Answers to orders.
    pub answers: Vec<String>,
    /// Let go of the connection.
    pub drop_link: bool,
    /// Let go of the connection that was handed over.
    pub drop_old: bool,
    /// Calls that acknowledge events, in order.
    pub acks: Vec<HttpCall>,
    /// Calls that subscribe to topics, in order.
    pub topic_calls: Vec<TopicCall>,
    /// Calls that unsubscribe from topics with the end of the session, in order.
    pub last_calls: Vec<HttpCall>,
    /// The cursor that is worth keeping from now on.
    pub cursor: Option<String>,
    /// Messages that could not be read, for people who want to see what they hold.
    pub unreadable: Vec<Unreadable>,
}

#[derive(Clone, Debug, PartialEq)]
enum SessionPhase {
    /// Until then nothing is tried.
    Waiting(Instant),
    Connecting,
    Open,
    /// The connection is lost, and somebody at the prompt may ask for another.
    Lost,
    /// Close frames are being exchanged; the deadline bounds it.
    Closing(Instant),
    Ended,
}

/// The state machine.
pub struct State {
    policy: Policy,
    dialect: Box<dyn Client>,
    /// What is to be done now.
    pub todo: Todo,
    phase: SessionPhase,
    outcome: Option<Outcome>,
    started: Instant,
    conn: u32,
    opened_at: Option<Instant>,
    /// Since when events may be missing in the output: when the last connection was lost, or an earlier session ended.
    lost_at: Option<Timestamp>,
    last_failure: Option<Exit>,
    close: Option<Close>,
    closing_by_us: bool,
    peer_close: Option<PeerClose>,
    compression: Option<String>,
    last_received: Instant,
    input: InputState,
    reading: bool,
    liveness: Liveness,
    backoff: Backoff,
    subscription: Subscription,
    delivery: Delivery,
    handover: Handover,
    /// When another connection has to take over.
    replace_at: Option<Instant>,
    pace: SendPace,
    ordered: Ordered,
    reader: Reader,
    /// Texts need no look: no dialect knows them, and nothing is done with them but to show them.
    takes_as_they_are: bool,
    writer: Chain,
    totals: Totals,
    counts: SessionCounts,
}

/// Standard input, as far as it decides about the end.
struct InputState {
    fed: bool,
    ended_at: Option<Instant>,
    backlog: bool,
    /// The backlog holds messages, and not only pings.
    sending: bool,
}

#[derive(Default)]
struct SessionCounts {
    received: u64,
    /// The received message up to which all are written.
    written: u64,
    sent: u64,
    bytes_in: u64,
    bytes_out: u64,
    /// Messages that could not be decoded.
    undecoded: u64,
    /// Texts that were not UTF-8.
    not_utf8: u64,
}

impl State {
    /// A session that wants to connect at once.
    #[must_use]
    pub fn new(policy: Policy, dialect: Box<dyn Client>, random: fastrand::Rng, now: Now) -> Self {
        let limits = policy.reconnect.map_or_else(BackoffLimits::default, |reconnect| reconnect.limits);
        let mut random = random;
        let rhythm = dialect.rhythm().faster(policy.time_scale);
        let liveness = Liveness::new(policy.ping_interval, policy.ping_timeout, rhythm);
        let remember = if policy.dedupe { dialect.dedupe() } else { 0 };
        let delivery = Delivery::new(remember, policy.cursor.clone(), dialect.ack("").is_some());
        let lost_at = policy.missed_since;
        let reader = Reader::new(&policy.coding.decode, policy.coding.limit);
        let writer = policy.coding.encode.start(None);
        let takes_as_they_are = dialect.knows_nothing()
            && policy.coding.decode.is_empty()
            && !policy.echo
            && policy.facts.is_none();
        Self {
            policy,
            dialect,
            todo: Todo { connect: true, ..Todo::default() },
            phase: SessionPhase::Connecting,
            outcome: None,
            started: now.mono,
            conn: 0,
            opened_at: None,
            lost_at,
            last_failure: None,
            close: None,
            closing_by_us: false,
            peer_close: None,
            compression: None,
            last_received: now.mono,
            input: InputState { fed: false, ended_at: None, backlog: false, sending: false },
            reading: true,
            liveness,
            subscription: Subscription::new(random.fork()),
            delivery,
            handover: Handover::default(),
            replace_at: None,
            pace: SendPace::default(),
            ordered: Ordered::default(),
            reader,
            takes_as_they_are,
            writer,
            backoff: Backoff::new(limits, random),
            totals: Totals::default(),
            counts: SessionCounts::default(),
        }
    }

    /// Is the session over, so that nothing is left to wait for?
    #[must_use]
    pub fn ended(&self) -> bool {
        self.phase == SessionPhase::Ended
    }

    /// Why it ended, or is ending.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// What has been written so far.
    #[must_use]
    pub fn totals(&self) -> &Totals {
        &self.totals
    }

    /// Are close frames being exchanged?
    #[must_use]
    pub fn is_closing(&self) -> bool {
        matches!(self.phase, SessionPhase::Closing(_))
    }

    /// May the next message from standard input be taken? Only then is it sure to be sent.
    #[must_use]
    pub fn wants_input(&self) -> bool {
        self.phase == SessionPhase::Open && !self.input.backlog
    }

    /// The credential for the next connection.
    pub fn renew(&mut self, credential: Secret) {
        self.dialect.renew(credential);
    }

    /// The HTTP call to make before the next connection.
    pub fn prepare(&mut self) -> Option<HttpCall> {
        self.dialect.prepare()
    }

    /// That call has succeeded: the query parameters to connect with.
    ///
    /// # Errors
    /// If the answer is not what it should be.
    pub fn prepared(&mut self, answer: &HttpAnswer) -> Result<Vec<(String, Secret)>> {
        self.dialect.prepared(answer)
    }

    /// The call to make after that.
    pub fn prepare_next(&mut self) -> Option<HttpCall> {
        self.dialect.prepare_next()
    }

    /// What the answers of calls hold that must not be shown.
    pub fn secrets(&mut self) -> Vec<Secret> {
        self.dialect.secrets()
    }

    /// Where the next connection goes, if that is not this URL.
    ///
    /// # Errors
    /// For what is not a URL.
    pub fn target(&mut self, url: &WsUrl) -> Result<Option<WsUrl>> {
        self.dialect.target(url, &self.policy.topics, self.delivery.cursor())
    }

    /// Is a connection that is being opened still wanted?
    #[must_use]
    pub fn wants_link(&self) -> bool {
        self.outcome.is_none() && (self.phase == SessionPhase::Connecting || self.handover.is_opening())
    }

    /// Does something follow from lines that are not known to be written yet?
    #[must_use]
    pub fn awaits_lines(&self) -> bool {
        self.delivery.is_waiting()
    }

    /// Bytes of memory for what follows from lines that are not known to be written yet.
    #[must_use]
    pub fn awaited_bytes(&self) -> usize {
        self.delivery.waiting_bytes() + self.policy.facts.as_ref().map_or(0, FactsLedger::cost)
    }

    /// Will the next connection that opens take over from one that is there?
    #[must_use]
    pub fn hands_over(&self) -> bool {
        self.handover.is_opening()
    }

    /// A connection is open.
    pub fn opened(&mut self, open: ConnectionInfo, now: Now) {
        if self.handover.is_opening() {
            self.hand_over(now);
        } else {
            self.reader.renew();
        }
        self.writer = self.policy.coding.encode.start(None);
        self.conn += 1;
        self.phase = SessionPhase::Open;
        self.opened_at = Some(now.mono);
        self.closing_by_us = false;
        self.peer_close = None;
        self.compression.clone_from(&open.compression);
        self.liveness.opened(now.mono);
        if self.conn == 1 {
            // Idle time and lingering are about a peer that could have said something.
            self.last_received = now.mono;
        }
        let total: Duration = open.phases.iter().map(|(_, time)| *time).sum();
        self.notice(Level::Notice, format!("connected to {} in {}", open.url, short(total)));
        self.emit(Kind::Open(Box::new(open)), now);
        if let Some(from) = self.lost_at.take() {
            self.tell_gap(from, now);
        }
        self.pace.renew();
        self.replace_at =
            self.dialect.replace_after().map(|time| now.mono + time.div_f64(self.policy.time_scale));
        for message in self.policy.greeting.clone() {
            self.send(message, now);
        }
        self.subscribe(&self.policy.topics.clone(), now);
        self.send_queued(now);
    }

    /// An attempt to connect failed; `status` is the HTTP status of a refusal.
    pub fn failed(&mut self, failure: Failure, status: Option<u16>, retry_after: Option<Duration>, now: Now) {
        self.emit(Kind::Error { what: "connect", text: failure.what.clone() }, now);
        self.last_failure = Some(failure.exit);
        if self.outcome.is_some() {
            return self.end();
        }
        if self.handover.is_opening() {
            // The old connection is still there. If it ends first, that is a loss like any other.
            let wait = self.backoff.next(retry_after);
            self.handover.plan(wait, now.mono);
            let what = failure.what;
            let text = format!("second connection failed: {what}; retrying in {}", short(wait));
            return self.notice(Level::Warning, text);
        }
        // A file that was in order before is perhaps being replaced.
        let was_usable = failure.exit == Exit::Usage && self.conn > 0;
        let worth_it = failure.transient || was_usable || status.is_some_and(status_retries);
        let allowed = self.policy.reconnect.is_some_and(|policy| self.conn > 0 || policy.first_too);
        if worth_it && allowed {
            return self.retry(&failure.what, retry_after, now);
        }
        let outcome = Outcome {
            reason: EndReason::ConnectFailed,
            exit: failure.exit,
            text: Some(failure.what),
            hint: failure.hint,
            details: failure.details,
        };
        self.stay_or_end(outcome, now);
    }

    /// A frame came in.
    pub fn received(&mut self, frame: Frame, now: Now) {
        // Whatever it is, it shows that the peer is there.
        self.liveness.heard(now.mono);
        match frame {
            Frame::Text(text) => self.received_message(Message::Text(text), now),
            Frame::Binary(bytes) => self.received_message(Message::Binary(bytes), now),
            // The answer to a ping is the protocol layer's job.
            Frame::Ping(payload) => self.emit(Kind::Ping(Direction::In, payload), now),
            Frame::Pong(payload) => self.received_pong(payload, now),
            // The peer's close frame does not come through the frame layer.
            Frame::Close(_) | Frame::Frame(_) => {}
        }
    }

    /// The peer's close frame came, and is answered. The server ends the TCP connection first (RFC 6455 §7.1.1).
    pub fn received_close(&mut self, close: PeerClose, now: Now) {
        self.peer_close = Some(close);
        if !matches!(self.phase, SessionPhase::Closing(_)) {
            self.phase = SessionPhase::Closing(now.mono + CLOSE_WAIT);
        }
    }

    /// A frame came in on the connection that was handed over. Only events still matter there.
    pub fn received_old(&mut self, frame: Frame, now: Now) {
        let Some(old) = &self.handover.old else { return };
        let conn = old.conn;
        match frame {
            Frame::Text(text) => self.received_old_message(Message::Text(text), now),
            Frame::Binary(bytes) => self.received_old_message(Message::Binary(bytes), now),
            Frame::Ping(payload) => self.emit_on(conn, Kind::Ping(Direction::In, payload), now),
            Frame::Pong(payload) => self.emit_on(conn, Kind::Pong(payload, None), now),
            Frame::Close(_) | Frame::Frame(_) => {}
        }
    }

    /// The peer's close frame came on the connection that was handed over.
    pub fn received_old_close(&mut self, close: PeerClose) {
        if let Some(old) = &mut self.handover.old {
            old.close = Some(said(close, "peer"));
        }
    }

    /// The connection that was handed over has ended. Nothing is lost with it.
    pub fn closed_old(&mut self, end: &End, now: Now) {
        let Some(old) = self.handover.old.take() else { return };
        self.todo.drop_old = true;
        let close = old.close.unwrap_or_else(|| end_facts(end));
        self.notice(Level::Verbose, format!("old connection ended: {}", self.describe(&close)));
        self.emit_on(old.conn, Kind::Close(Box::new(close)), now);
    }

    /// The connection is over.
    pub fn closed(&mut self, end: &End, now: Now) {
        self.todo.drop_link = true;
        let close = self.close_facts(end);
        self.emit(Kind::Close(Box::new(close.clone())), now);
        self.close = Some(close.clone());
        if self.outcome.is_some() {
            return self.end();
        }
        if self.closed_to_reconnect(now) {
            return;
        }
        self.mention_early_drop(&close, now);
        if let End::Violation { code, text } = end {
            // The peer may still be reading; nobody waits for its answer.
            self.todo.frames.push(close_frame(Some(*code), ""));
            let text = format!("protocol error: {text}");
            return self.stay_or_end(Outcome::told(EndReason::PeerProtocol, Exit::PeerProtocol, text), now);
        }
        self.lost(&close, self.close_retries(close.code), now);
    }

    /// A message from standard input.
    pub fn input(&mut self, message: Message, now: Now) {
        self.input.fed = true;
        self.send(message, now);
    }

    /// Sends a message, if there is a connection to send it over.
    pub fn send_now(&mut self, message: Message, now: Now) {
        if self.phase == SessionPhase::Open {
            self.send(message, now);
        }
    }

    /// Whoever controls the session has what it came for.
    pub fn end_as(&mut self, outcome: Outcome, now: Now) {
        self.finish(outcome, now);
    }

    /// Something on standard input that was no message: it was fed all the same, and nothing waits for more.
    pub fn input_unusable(&mut self) {
        self.input.fed = true;
    }

    /// Standard input has come to its end.
    pub fn input_ended(&mut self, now: Now) {
        self.input.ended_at = Some(now.mono);
    }

    /// Is there something that the network has not taken yet? Lingering only starts when it has.
    pub fn set_backlog(&mut self, backlog: bool, now: Now) {
        if self.input.backlog && !backlog {
            self.liveness.flushed();
            if mem::take(&mut self.input.sending) {
                self.input.ended_at = self.input.ended_at.map(|_| now.mono);
            }
        }
        self.input.backlog = backlog;
    }

    /// Bytes that the network has taken so far.
    pub fn set_written(&mut self, written: u64, now: Now) {
        self.liveness.set_written(written, now.mono);
    }

    /// Is the socket being read? While it is not, because the reader of the output is slow, it is not the peer
    /// who is silent, so the times that wait for the peer stand still.
    pub fn set_reading(&mut self, reading: bool, now: Now) {
        if reading && !self.reading {
            self.last_received = now.mono;
        }
        self.reading = reading;
        self.liveness.set_reading(reading, now.mono);
    }

    /// The pipeline got something done.
    pub fn progress(&mut self, progress: Progress, now: Now) {
        self.note_dropped(progress.totals.dropped, now);
        self.totals = progress.totals;
        self.counts.written = self.counts.written.max(progress.written);
        let written = self.delivery.written(progress.written);
        self.todo.acks.extend(written.ids.iter().filter_map(|id| self.dialect.ack(id)));
        self.todo.cursor = written.cursor.or(self.todo.cursor.take());
        for (conn, ack) in written.acks {
            match ack {
                EventAck::Message(message) => self.send_on(conn, message, now),
                EventAck::Call(call) => self.todo.acks.push(*call),
            }
        }
        progress.replies.into_iter().for_each(|reply| self.send_now(reply, now));
        let Some(stop) = progress.stop else { return };
        let at_end = stop == Stop::CountAtEnd;
        let outcome = match self.last_failure.filter(|_| at_end && self.conn == 0) {
            Some(exit) => {
                Outcome::told(EndReason::Count, exit, "--count was reached before a connection was open")
            }
            None => Outcome::from_stop(&stop),
        };
        if let Some(earlier) = &self.outcome {
            // The deciding message was received before the session ended, so it overrides the earlier outcome.
            // Exceptions: the output had already failed, or only the end record completed the count.
            if earlier.is_signal() {
                return self.tell_loss(&outcome);
            }
            if !earlier.prevails_over(&outcome)
                && (!at_end || earlier.exit == Exit::Ok)
                && let Some(earlier) = self.outcome.replace(outcome)
            {
                self.tell_loss(&earlier);
            }
            return;
        }
        if let Stop::Overflow { text, told: false } = &stop {
            self.notice(Level::Warning, full(text));
        }
        match outcome.reason {
            EndReason::ReaderGone | EndReason::OutputFailed => self.leave(outcome, now),
            _ => self.finish(outcome, now),
        }
    }

    /// How many messages were received that are not known to be written.
    pub fn unwritten(&self) -> u64 {
        self.counts.received.saturating_sub(self.counts.written)
    }

    /// So many messages were dropped, in all.
    fn note_dropped(&mut self, dropped: u64, now: Now) {
        if self.totals.dropped == 0 && dropped > 0 {
            self.notice(Level::Warning, DROPPING.to_owned());
            self.emit(Kind::Error { what: "overflow", text: DROPPING.to_owned() }, now);
        }
    }

    /// The reader of standard output has gone.
    pub fn reader_gone(&mut self, now: Now) {
        self.leave(Outcome::new(EndReason::ReaderGone, Exit::Ok), now);
    }

    /// A signal asks for the end; the second one gets it at once.
    pub fn signal(&mut self, outcome: Outcome, now: Now) {
        if self.outcome.as_ref().is_some_and(Outcome::is_signal) {
            self.todo.drop_link = true;
            return self.end();
        }
        // It also outranks an end that is already on its way: the status tells the shell who ended it.
        if let Some(earlier) = self.outcome.take() {
            self.tell_loss(&earlier);
        }
        self.finish(outcome, now);
    }

    /// Tells what could not be written, where a signal takes the place of that end: the exit status tells of it alone.
    fn tell_loss(&mut self, outcome: &Outcome) {
        if outcome.exit == Exit::OutputFailed {
            outcome.text.clone().into_iter().for_each(|text| self.notice(Level::Warning, text));
        }
    }

    /// Time has passed. `more` says that something has just come, so that nothing is given up as silent yet, by
    /// whatever rule: what shows that it was not may come next.
    pub fn tick(&mut self, now: Now, more: bool) {
        let due = |at: Option<Instant>| at.is_some_and(|at| at <= now.mono);
        match self.phase {
            SessionPhase::Ended => return,
            SessionPhase::Waiting(until) if until <= now.mono => {
                self.phase = SessionPhase::Connecting;
                self.todo.connect = true;
            }
            SessionPhase::Closing(until) if until <= now.mono => {
                return self.closed(&End::Dropped("the peer did not answer the close frame".into()), now);
            }
            _ => {}
        }
        if due(self.max_time_at()) {
            return self.time_is_up(now);
        }
        if due(self.idle_at()) {
            return self.finish(Outcome::new(EndReason::IdleTimeout, Exit::Ok), now);
        }
        if due(self.linger_at()) {
            return self.input_is_over(now);
        }
        if due(self.dead_at())
            && !more
            && let Some(what) = self.liveness.dead(now.mono)
        {
            return self.silent(&what, now);
        }
        self.send_due(now);
        self.replace_due(now);
        if due(self.ping_at()) {
            self.send_ping(now);
        }
        if due(self.beat_at())
            && let Some(message) = self.liveness.beat(now.mono)
        {
            let messages = self.dialect.beat().unwrap_or_else(|| vec![message]);
            messages.into_iter().for_each(|message| self.send(message, now));
        }
        self.tick_subscription(now);
        self.tick_handover(now);
    }

    /// Would [`State::tick`] give up the connection as dead?
    #[must_use]
    pub fn gives_up(&self, now: Now) -> bool {
        self.dead_at().is_some_and(|at| at <= now.mono)
    }

    /// When [`State::tick`] has something to do, unless something else happens before.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let phase = match self.phase {
            SessionPhase::Waiting(until) | SessionPhase::Closing(until) => Some(until),
            _ => None,
        };
        let open = self.phase == SessionPhase::Open;
        [
            phase,
            self.max_time_at(),
            self.idle_at(),
            self.linger_at(),
            self.dead_at(),
            self.ping_at(),
            self.beat_at(),
            self.pace.next_at().filter(|_| open),
            self.replace_at.filter(|_| open && self.handover.is_idle()),
            self.subscription.deadline().filter(|_| open),
            self.handover.start_at().filter(|_| open),
            self.handover.old_until(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// The account of the session so far, as its last event.
    pub fn summary(&mut self, outcome: &Outcome, wire: WireBytes, now: Now) {
        let summary = Summary {
            reason: outcome.reason,
            exit: outcome.exit.code(),
            close: self.close.clone(),
            connections: self.conn,
            reconnects: self.conn.saturating_sub(1),
            received: self.counts.received,
            sent: self.counts.sent,
            duplicates: self.delivery.duplicates(),
            dropped: self.totals.dropped,
            lines: self.totals.lines,
            bytes_in: self.counts.bytes_in,
            bytes_out: self.counts.bytes_out,
            compression: self.compression.clone(),
            wire,
            filter_errors: self.totals.filter_errors,
            decode_errors: self.counts.undecoded,
            duration: now.mono - self.started,
        };
        self.emit(Kind::Summary(Box::new(summary)), now);
    }

    /// `--max-time` has passed. That is an end as asked, unless there never was a connection.
    fn time_is_up(&mut self, now: Now) {
        let outcome = match self.conn {
            0 => {
                let exit = self.last_failure.unwrap_or(Exit::LinkSilent);
                Outcome::told(EndReason::MaxTime, exit, "time limit reached before a connection was open")
            }
            _ => Outcome::new(EndReason::MaxTime, Exit::Ok),
        };
        self.finish(outcome, now);
    }

    /// Nothing has come for so long since standard input ended.
    fn input_is_over(&mut self, now: Now) {
        let time = humantime::format_duration(self.linger().unwrap_or_default());
        let what = format!("standard input ended and no message arrived for {time}");
        self.notice(Level::Notice, format!("{what}; to keep listening, use --linger forever"));
        self.finish(Outcome::new(EndReason::InputEnded, Exit::Ok), now);
    }

    /// A call for a topic was answered, or could not be made.
    pub fn topic_called(&mut self, call: &TopicCall, result: Result<HttpAnswer>, now: Now) {
        if self.phase != SessionPhase::Open {
            return;
        }
        let (action, topics) = (call.action, vec![call.topic.clone()]);
        match result {
            Ok(answer) if answer.failure(&call.call).is_none() => {
                self.confirmed(action.to_owned(), topics, now);
            }
            Ok(answer) => {
                let (code, words) = (answer.head.status_text(), answer.words().unwrap_or_default());
                let retry = status_retries(answer.head.status);
                self.refused(action, topics, &code, &words, retry, now);
            }
            Err(failure) => self.refused(action, topics, "", &failure.what, failure.transient, now),
        }
    }

    fn confirmed(&mut self, action: String, topics: Vec<String>, now: Now) {
        self.subscription.confirmed();
        let named = if topics.is_empty() { String::new() } else { format!(": {}", listed(&topics)) };
        self.notice(Level::Notice, format!("{action} confirmed{named}"));
        self.emit(Kind::Subscribed { action, topics }, now);
    }

    fn refused(
        &mut self,
        action: &str,
        topics: Vec<String>,
        code: &str,
        message: &str,
        retry: bool,
        now: Now,
    ) {
        self.subscription.refused();
        let named = if topics.is_empty() { String::new() } else { format!(" ({})", listed(&topics)) };
        let said = [code, message].into_iter().filter(|said| !said.is_empty()).collect::<Vec<_>>().join(": ");
        let with = if said.is_empty() { String::new() } else { format!(" with {said}") };
        let text = format!("{action} refused{with}{named}");
        self.emit(Kind::Error { what: "refused", text: text.clone() }, now);
        if retry {
            // A refusal that names no topics is about the whole message.
            let topics = if topics.is_empty() { self.policy.topics.clone() } else { topics };
            let wait = self.subscription.retry(topics, now.mono);
            self.notice(Level::Warning, format!("{text}; retrying in {}", short(wait)));
        } else if self.policy.keep_going {
            self.forget_refused(&topics);
            self.notice(Level::Warning, text);
        } else {
            self.finish(Outcome::told(EndReason::Refused, Exit::SubscriptionRefused, text), now);
        }
    }

    /// Sends messages of the dialect, no more in a second than the provider allows.
    fn send_in_pace(&mut self, messages: Vec<Message>, now: Now) {
        self.todo.topic_calls.extend(self.dialect.topic_calls());
        let Some(most) = self.dialect.messages_per_second() else {
            return messages.into_iter().for_each(|message| self.send(message, now));
        };
        self.pace.put(messages, most);
        self.send_due(now);
    }

    fn send_due(&mut self, now: Now) {
        while self.phase == SessionPhase::Open
            && let Some(message) = self.pace.take(now.mono)
        {
            self.send(message, now);
        }
    }

    /// Another connection takes over before the provider ends this one.
    fn replace_due(&mut self, now: Now) {
        let due = self.phase == SessionPhase::Open && self.handover.is_idle() && self.outcome.is_none();
        if due && self.policy.reconnect.is_some() && self.replace_at.take_if(|at| *at <= now.mono).is_some() {
            let text = "the provider limits the time of a connection; opening a second one";
            self.notice(Level::Notice, text.to_owned());
            self.handover.plan(Duration::ZERO, now.mono);
        }
    }

    /// A replacement is opened only if there may be one.
    fn draining(&mut self, after: Duration, now: Now) {
        if !self.handover.is_idle() {
            return;
        }
        self.forgive_attempts(now);
        if self.policy.reconnect.is_none() || self.outcome.is_some() || self.gives_up_attempts() {
            return self.notice(Level::Notice, "the server will close the connection".to_owned());
        }
        let wait = self.backoff.announced(after.div_f64(self.policy.time_scale));
        self.handover.plan(wait, now.mono);
        let text = "the server will close the connection; opening a second one in";
        self.notice(Level::Notice, format!("{text} {}", short(wait)));
    }

    fn tick_handover(&mut self, now: Now) {
        if self.phase == SessionPhase::Open && self.handover.due(now.mono) {
            self.todo.connect = true;
        }
        if self.handover.old_until().is_some_and(|until| until <= now.mono) {
            let text = format!("the server did not close the old connection within {}", short(OLD_LIMIT));
            self.retire(text, now);
        }
    }

    /// The connection that is there becomes the old one.
    fn hand_over(&mut self, now: Now) {
        self.retire("replaced by a newer connection".to_owned(), now);
        let close = self.peer_close.take().map(|close| said(close, "peer"));
        let coding =
            (self.reader.renew(), mem::replace(&mut self.writer, self.policy.coding.encode.start(None)));
        self.handover.done(self.conn, close, coding, now.mono);
        let text = format!("connection {} takes over from connection {}", self.conn + 1, self.conn);
        self.notice(Level::Notice, text);
    }

    /// The old connection is not read any longer, if there is one.
    fn retire(&mut self, reason: String, now: Now) {
        if let Some(old) = self.handover.old.take() {
            self.todo.drop_old = true;
            let close = Close { by: "us", code: self.policy.close.0, reason, clean: false };
            self.emit_on(old.conn, Kind::Close(Box::new(close)), now);
        }
    }

    /// There was no connection since then. Only a provider that replays closes the gap.
    /// Raw sessions are told as well: a server may send to whoever connects, and only those who ask for it are connected
    /// again.
    fn tell_gap(&mut self, from: Timestamp, now: Now) {
        // The clocks of a file system and of this machine may differ.
        let from = from.min(now.wall);
        let replayed = self.dialect.replays() && self.delivery.cursor().is_some();
        let catch_up = self.dialect.catch_up().filter(|_| !replayed);
        if replayed {
            self.notice(Level::Verbose, "requesting missed events".to_owned());
        } else {
            let rest = catch_up.as_ref().map(|text| format!("; to catch up: {text}")).unwrap_or_default();
            let time = short(Duration::try_from(now.wall.duration_since(from)).unwrap_or_default());
            let what = format!("gap of {time} ({from:.0} to {:.0})", now.wall);
            self.notice(Level::Warning, format!("{what}: events sent in that time are lost{rest}"));
        }
        let last_id = self.delivery.last_id().or(self.delivery.cursor()).map(str::to_owned);
        let taken_over_from = self.policy.taken_over_from.take();
        let gap = Gap { last_id, replayed, catch_up, taken_over_from, ..Gap::between(from, now.wall) };
        self.emit(Kind::Gap(Box::new(gap)), now);
    }

    fn received_pong(&mut self, payload: Bytes, now: Now) {
        let rtt = self.liveness.pong(&payload, now.mono);
        self.note_pong(&payload, rtt);
        self.emit(Kind::Pong(payload, rtt), now);
    }

    fn close_facts(&self, end: &End) -> Close {
        if let Some(close) = &self.peer_close {
            return said(close.clone(), if self.closing_by_us { "us" } else { "peer" });
        }
        if self.closing_by_us {
            let reason = "the peer did not answer the close frame".to_owned();
            return Close { by: "us", code: self.policy.close.0, reason, clean: false };
        }
        end_facts(end)
    }

    /// The connection was lost without our asking: go on, or end with what the close code means.
    fn lost(&mut self, close: &Close, worth_it: bool, now: Now) {
        let fault = self.peer_close.as_ref().and_then(|close| close.fault.as_ref());
        let fault = fault.filter(|_| !self.policy.end.ok_close.contains(&close.code));
        let broken = fault.is_some();
        let but = fault.map(|fault| format!(", but {}", fault.text)).unwrap_or_default();
        let what = self.describe(close) + &but;
        let cut = self.handover.cut(now.mono);
        if (worth_it || cut != InterruptedHandover::None) && self.policy.reconnect.is_some() {
            self.lost_at = Some(now.wall);
            return match cut {
                InterruptedHandover::None => {
                    self.forgive_attempts(now);
                    self.retry(&what, None, now);
                }
                InterruptedHandover::Waiting(rest) => self.await_attempt(&what, rest, now),
                InterruptedHandover::Opening => self.await_second(&what, now),
            };
        }
        if broken {
            let text = format!("protocol error: {what}");
            return self.stay_or_end(Outcome::told(EndReason::PeerProtocol, Exit::PeerProtocol, text), now);
        }
        let exit = self.close_exit(close.code);
        if exit != Exit::Ok || worth_it && self.policy.prompt {
            return self.stay_or_end(Outcome::told(EndReason::Closed, exit, what), now);
        }
        self.notice(Level::Notice, what);
        self.outcome = Some(Outcome::new(EndReason::Closed, exit));
        self.end();
    }

    /// There is no other attempt: that is the end, unless there was a connection and somebody at the prompt may ask for
    /// another.
    fn stay_or_end(&mut self, outcome: Outcome, now: Now) {
        if !self.policy.prompt || self.conn == 0 {
            self.outcome = Some(outcome);
            return self.end();
        }
        self.lost_at.get_or_insert(now.wall);
        let what = outcome.text.unwrap_or_default();
        self.notice(Level::Warning, format!("{what}; /reconnect connects again, Ctrl-D quits"));
        self.phase = SessionPhase::Lost;
    }

    /// The connection that was to take over is being opened already.
    fn await_second(&mut self, cause: &str, now: Now) {
        self.notice(Level::Warning, format!("{cause}; switching to the second connection"));
        let (attempt, delay) = (self.backoff.attempts(), Duration::ZERO);
        self.emit(Kind::Reconnect(Box::new(Reconnect { attempt, delay, cause: cause.to_owned() })), now);
        self.phase = SessionPhase::Connecting;
    }

    fn retry(&mut self, cause: &str, retry_after: Option<Duration>, now: Now) {
        if self.gives_up_attempts() {
            let text = format!("gave up after {}: {cause}", counted(self.backoff.attempts(), "attempt"));
            return self.stay_or_end(Outcome::told(EndReason::GaveUp, Exit::GaveUp, text), now);
        }
        let delay = self.backoff.next(retry_after);
        self.await_attempt(cause, delay, now);
    }

    /// Another attempt is planned.
    fn await_attempt(&mut self, cause: &str, delay: Duration, now: Now) {
        let attempt = self.backoff.attempts();
        self.notice(Level::Warning, format!("{cause}; retry {attempt} in {}", short(delay)));
        self.emit(Kind::Reconnect(Box::new(Reconnect { attempt, delay, cause: cause.to_owned() })), now);
        self.phase = SessionPhase::Waiting(now.mono + delay);
    }

    /// Have as many attempts in a row been made as are allowed?
    fn gives_up_attempts(&self) -> bool {
        let retries = self.policy.reconnect.and_then(|policy| policy.retries);
        retries.is_some_and(|most| self.backoff.attempts() >= most)
    }

    /// After a connection that was stable, attempts are counted anew.
    fn forgive_attempts(&mut self, now: Now) {
        if self.opened_at.is_some_and(|at| now.mono - at >= self.backoff.stable_after()) {
            self.backoff.reset();
        }
    }

    /// Ends the session in good order: unsubscribe, close frame, wait for its answer.
    fn finish(&mut self, outcome: Outcome, now: Now) {
        if self.outcome.is_some() {
            return;
        }
        self.outcome = Some(outcome);
        match self.phase {
            SessionPhase::Open => {
                for message in self.dialect.unsubscribe(&self.policy.topics.clone()) {
                    self.send(message, now);
                }
                // What a call has made may outlive the connection.
                let calls = self.dialect.topic_calls().into_iter().map(|call| call.call);
                self.todo.last_calls.extend(calls);
                self.send_close(now);
            }
            SessionPhase::Closing(_) => {}
            SessionPhase::Waiting(_)
            | SessionPhase::Connecting
            | SessionPhase::Lost
            | SessionPhase::Ended => self.end(),
        }
    }

    /// Ends the session without waiting for anybody.
    fn leave(&mut self, outcome: Outcome, now: Now) {
        self.finish(outcome, now);
        if self.phase != SessionPhase::Ended {
            self.todo.drop_link = true;
            self.close.get_or_insert_with(|| Close {
                by: "us",
                code: self.policy.close.0,
                ..Close::default()
            });
            self.end();
        }
    }

    fn send_close(&mut self, now: Now) {
        let (code, reason) = self.policy.close.clone();
        self.todo.frames.push(close_frame(Some(code), &reason));
        self.closing_by_us = true;
        self.phase = SessionPhase::Closing(now.mono + CLOSE_WAIT);
    }

    fn end(&mut self) {
        self.phase = SessionPhase::Ended;
    }

    fn silent(&mut self, what: &str, now: Now) {
        let close = Close { by: "us", code: 1006, reason: what.to_owned(), clean: false };
        self.todo.drop_link = true;
        self.emit(Kind::Close(Box::new(close.clone())), now);
        self.close = Some(close.clone());
        if self.policy.reconnect.is_some() {
            return self.lost(&close, true, now);
        }
        let text = format!("connection timed out: {what}");
        self.stay_or_end(Outcome::told(EndReason::Silent, Exit::LinkSilent, text), now);
    }

    fn subscribe(&mut self, topics: &[String], now: Now) {
        let messages = self.dialect.subscribe(topics, self.delivery.cursor());
        self.send_subscription(messages, now);
    }

    fn subscribe_more(&mut self, topics: &[String], now: Now) {
        let messages = self.dialect.subscribe_more(topics, self.delivery.cursor());
        self.send_subscription(messages, now);
    }

    fn send_subscription(&mut self, messages: Vec<Message>, now: Now) {
        let calls = self.dialect.topic_calls();
        if messages.is_empty() && calls.is_empty() {
            return;
        }
        self.todo.topic_calls.extend(calls);
        self.subscription.sent(self.dialect.expects_ack(), now.mono);
        self.send_in_pace(messages, now);
    }

    fn tick_subscription(&mut self, now: Now) {
        if self.phase != SessionPhase::Open {
            return;
        }
        if self.subscription.ack_is_late(now.mono) {
            let text = format!("no acknowledgment within {}; waiting for events anyway", short(ACK_WAIT));
            self.notice(Level::Notice, text);
        }
        if let Some(topics) = self.subscription.due(now.mono) {
            self.subscribe_more(&topics, now);
        }
    }

    fn mention_early_drop(&mut self, close: &Close, now: Now) {
        if close.code == 1006
            && self.subscription.explains_drop(now.mono)
            && let Some(hint) = self.dialect.early_drop_hint()
        {
            self.notice(Level::Warning, hint.to_owned());
        }
    }

    fn send_ping(&mut self, now: Now) {
        let payload = self.liveness.ping(now.mono);
        self.todo.frames.push(Frame::Ping(payload.clone()));
        self.emit(Kind::Ping(Direction::Out, payload), now);
    }

    fn emit(&mut self, kind: Kind, now: Now) {
        self.emit_on(self.conn, kind, now);
    }

    fn emit_on(&mut self, conn: u32, kind: Kind, now: Now) {
        self.todo.events.push(Event { at: now.wall, conn, kind });
    }

    fn notice(&mut self, level: Level, text: String) {
        self.todo.notices.push(Notice { level, text, after: self.todo.events.len() });
    }

    /// A close, for people.
    fn describe(&self, close: &Close) -> String {
        let rule = self.dialect.close_rule(close.code);
        if close.code == 1006 && close.by != "peer" && rule.is_none() {
            return format!("connection lost: {}", close.reason);
        }
        let reason = if close.reason.is_empty() { String::new() } else { format!(", {:?}", close.reason) };
        let meaning = rule.map_or_else(|| close_meaning(close.code), |rule| rule.meaning);
        format!("closed by the peer with {} ({meaning}{reason})", close.code)
    }

    /// What a close code means for the exit status: what the command line says, then the provider, then the RFC.
    fn close_exit(&self, code: u16) -> Exit {
        match self.dialect.close_rule(code) {
            Some(CloseRule { exit, .. }) if !self.policy.end.ok_close.contains(&code) => exit,
            _ => close_exit(code, &self.policy.end.ok_close),
        }
    }

    /// Is this close a loss? The command line decides, then the provider, then what is usual.
    fn close_retries(&self, code: u16) -> bool {
        let end = &self.policy.end;
        let asked = end.retry_close.iter().any(|codes| codes.contains(&code));
        let known = || self.dialect.close_rule(code).map_or_else(|| close_retries(code), |rule| rule.retry);
        asked || !end.ok_close.contains(&code) && known()
    }

    fn max_time_at(&self) -> Option<Instant> {
        let running = self.outcome.is_none();
        self.policy.end.max_time.filter(|_| running).map(|time| self.started + time)
    }

    fn idle_at(&self) -> Option<Instant> {
        let running = self.outcome.is_none() && self.conn > 0 && self.reading;
        self.policy.end.idle_timeout.filter(|_| running).map(|time| self.last_received + time)
    }

    fn linger_at(&self) -> Option<Instant> {
        let ended_at = self.input.ended_at?;
        if self.phase != SessionPhase::Open || self.outcome.is_some() || self.input.backlog || !self.reading {
            return None;
        }
        let time = self.linger()?;
        let since = [Some(ended_at), Some(self.last_received), self.opened_at].into_iter().flatten().max()?;
        Some(since + time)
    }

    fn linger(&self) -> Option<Duration> {
        let linger = self.policy.end.linger;
        if self.input.fed { linger.fed } else { linger.unfed }
    }

    fn dead_at(&self) -> Option<Instant> {
        self.liveness.dead_at().filter(|_| self.phase == SessionPhase::Open)
    }

    fn beat_at(&self) -> Option<Instant> {
        self.liveness.beat_at().filter(|_| self.phase == SessionPhase::Open)
    }

    fn ping_at(&self) -> Option<Instant> {
        self.liveness.ping_at().filter(|_| self.phase == SessionPhase::Open)
    }
}

/// The end of a connection by the peer's close frame, whoever's came first.
fn said(close: PeerClose, by: &'static str) -> Close {
    Close { by, code: close.code, reason: close.reason, clean: close.fault.is_none() }
}

/// What is known of the end of a connection that had no close frame.
fn end_facts(end: &End) -> Close {
    let reason = match end {
        End::Violation { code, text } => {
            return Close { by: "us", code: *code, reason: text.clone(), clean: false };
        }
        End::Dropped(text) => text.clone(),
        End::Clean => "the connection ended without a close frame".to_owned(),
    };
    Close { by: "network", code: 1006, reason, clean: false }
}

#[cfg(test)]
#[path = "state_tests.rs"]
mod tests;
