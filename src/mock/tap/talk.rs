//! One client's connection through a tap, from its upgrade to its end: what passes is noted, faults break it, and what
//! others on the server say is put in.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use super::collect::Collected;
use super::recorder::TapRecorder;
use super::relay::{Relay, RelayTurn};
use super::rules::{Item, RuleStage, StageNews};
use super::way::RelayEvent;
use crate::event::{Direction, Kind};
use crate::frames::deflate::Deflater;
use crate::frames::{BINARY, Head, PING, PeerClose, RSV1, TEXT};
use crate::message::Message;
use crate::mock::faults::Course;
use crate::mock::{ClientRegistry, stopped};
use crate::provider::conn::Parting;
use crate::provider::{Conn, Cut, Peer, Say};
use crate::waiting::{if_any, until};

/// How long a message that is on its way has to end when the server stops.
const CLOSING: Duration = Duration::from_secs(3);

/// How long the two ends have to leave once nothing more is to be said.
pub(super) const LEAVING: Duration = Duration::from_secs(10);

/// A tap at work.
pub(super) struct Talk {
    pub(super) relay: Relay,
    /// What stands between what is said to the client and the client.
    pub(super) course: Course,
    pub(super) conn: Arc<Conn>,
    pub(super) registry: Arc<ClientRegistry>,
    pub(super) recorder: Option<Arc<TapRecorder>>,
    /// A scenario that runs beside the traffic.
    pub(super) script: Option<Box<dyn Peer>>,
    /// The programs that a client's message goes through, in order.
    pub(super) up: Vec<RuleStage>,
    /// The same for a message of the upstream.
    pub(super) down: Vec<RuleStage>,
    /// Compress messages that were put together here, if that was agreed on.
    pub(super) deflate_up: Option<Deflater>,
    pub(super) deflate_down: Option<Deflater>,
    /// Pings are answered here.
    pub(super) own_pings: bool,
    /// The most bytes of a message that is put together.
    pub(super) limit: usize,
    pub(super) end: TalkEnd,
}

/// How the conversation comes to its end.
#[derive(Default)]
pub(super) struct TalkEnd {
    /// What is due and waits for a place between two messages.
    pending: VecDeque<Say>,
    /// Nothing more comes for the client.
    ends_client: bool,
    /// The server stops.
    is_stopping: bool,
    /// A close frame that somebody has asked for, for later.
    leaving: Option<Parting>,
    /// The first close frame, and who sent it: the client, if that is `Out`.
    pub(super) first: Option<(Direction, PeerClose)>,
    pub(super) is_answered: bool,
    /// All is over by then.
    pub(super) deadline: Option<Instant>,
    /// Why there was no close frame.
    pub(super) why: String,
}

/// What ends a conversation.
pub(super) enum Farewell {
    /// Both ends are through.
    Over,
    /// The client has to leave at once.
    Gone,
    /// The upstream has gone without a word.
    Reset,
    Close(Option<u16>, String),
    Cut(Cut),
}

enum TalkWake {
    Turn(RelayTurn),
    /// A program at this place of a direction has something.
    Stage(Direction, usize, StageNews),
    Post,
    Faults,
    Time,
    Stop,
    Greedy,
}

impl Talk {
    /// Passes on what the two say until it is over.
    pub(super) async fn hold(mut self, mut stop: watch::Receiver<bool>) {
        self.down_pings();
        let farewell = self.run(&mut stop).await;
        self.conn.shut();
        match farewell {
            Farewell::Over => self.part().await,
            Farewell::Gone => self.note_end(),
            Farewell::Reset => self.reset().await,
            Farewell::Close(code, reason) => self.close(code, reason).await,
            Farewell::Cut(cut) => self.cut(cut, &mut stop).await,
        }
    }

    async fn run(&mut self, stop: &mut watch::Receiver<bool>) -> Farewell {
        let said = self.script.as_mut().map(|script| script.opened(&self.conn));
        self.say(said.into_iter().flatten());
        loop {
            self.take_events();
            if let Some(farewell) = self.deliver() {
                return farewell;
            }
            match self.next(stop).await {
                TalkWake::Turn(turn) => {
                    if let Some(farewell) = self.turned(turn) {
                        return farewell;
                    }
                }
                TalkWake::Stage(direction, at, news) => self.made(direction, at, news),
                TalkWake::Post => self.read_post(),
                TalkWake::Faults => self.exchange_faults(),
                TalkWake::Time => {
                    let now = Instant::now();
                    if self.end.deadline.is_some_and(|at| at <= now) {
                        return Farewell::Over;
                    }
                    if let Some((_, code, reason)) = self.end.leaving.take_if(|(at, ..)| *at <= now) {
                        self.say([Say::close(code, reason)]);
                    }
                }
                TalkWake::Greedy => {
                    self.registry.tell_greedy(self.conn.id);
                    return Farewell::Gone;
                }
                TalkWake::Stop => {
                    self.end.is_stopping = true;
                    self.end.pending.push_back(Say::close(1001, "the mock server is shutting down"));
                    self.end.deadline = Some(Instant::now() + CLOSING);
                }
            }
        }
    }

    /// Waits for what happens next.
    async fn next(&mut self, stop: &mut watch::Receiver<bool>) -> TalkWake {
        let is_ready = self.relay.is_drained() && self.course.has_room();
        self.relay.up.is_paused = !self.up.iter().all(RuleStage::is_idle);
        self.relay.down.is_paused = !self.down.iter().all(RuleStage::is_idle) || !self.course.has_room();
        let leaving = self.end.leaving.map(|(at, ..)| at);
        let due = self.course.next_at().into_iter().chain(leaving).chain(self.end.deadline).min();
        tokio::select! {
            turn = self.relay.turn() => TalkWake::Turn(turn),
            (at, news) = first_of(&mut self.up) => TalkWake::Stage(Direction::Out, at, news),
            (at, news) = first_of(&mut self.down) => TalkWake::Stage(Direction::In, at, news),
            () = self.conn.has_post(!is_ready) => TalkWake::Post,
            () = until(due) => TalkWake::Time,
            () = self.course.exchanged() => TalkWake::Faults,
            () = self.conn.share.has_to_leave() => TalkWake::Greedy,
            () = stopped(stop), if !self.end.is_stopping => TalkWake::Stop,
        }
    }

    fn turned(&mut self, turn: RelayTurn) -> Option<Farewell> {
        match turn {
            RelayTurn::Events | RelayTurn::Between | RelayTurn::Drained => None,
            RelayTurn::Over => Some(Farewell::Over),
            RelayTurn::Lost(end, error) => {
                self.take_events();
                self.end.why = error.to_string();
                let is_sudden = end == Direction::In && !self.end.is_answered;
                Some(if is_sudden { Farewell::Reset } else { Farewell::Over })
            }
        }
    }

    fn exchange_faults(&mut self) {
        self.course.restart(Instant::now());
        self.relay.client().shape(self.course.shape());
        self.down_pings();
        if !self.course.is_plain() {
            self.relay.down.make_whole();
        }
    }

    /// Without heartbeats, the client gets no pings either; the upstream has its answers from here.
    fn down_pings(&mut self) {
        let withholds = self.course.withholds_heartbeat();
        self.relay.down.answers_pings = self.own_pings || withholds;
    }

    /// Of what was posted to a client that is behind with reading, only its end is taken.
    fn read_post(&mut self) {
        if let Some(parting) = self.conn.parting() {
            self.end.leaving.get_or_insert(parting);
        }
        let is_ready = self.relay.is_drained() && self.course.has_room();
        if self.conn.has_some(!is_ready) {
            let post = self.conn.take();
            self.say(post);
        }
    }

    fn take_events(&mut self) {
        for event in self.relay.take_events() {
            match event {
                RelayEvent::Message { direction, message, whole } => self.heard(direction, message, whole),
                RelayEvent::Ping(direction, payload) => self.record(Kind::Ping(direction, payload)),
                RelayEvent::Pong(Direction::In, payload) => self.record(Kind::Pong(payload, None)),
                RelayEvent::Pong(Direction::Out, _) => {}
                RelayEvent::Close(direction, close, frame) => {
                    self.note_close(direction, close);
                    if self.is_whole(direction) {
                        self.feed(direction, 0, Item::Frame(frame));
                    }
                }
                RelayEvent::End(direction) => self.ended(direction),
            }
        }
    }

    fn is_whole(&self, direction: Direction) -> bool {
        match direction {
            Direction::In => self.relay.down.is_whole(),
            Direction::Out => self.relay.up.is_whole(),
        }
    }

    /// A message has come; it has passed, unless it is `whole`.
    fn heard(&mut self, direction: Direction, message: Collected, whole: bool) {
        match message {
            Collected::Message(message) => {
                match direction {
                    Direction::Out => self.note_sent_by_client(&message),
                    Direction::In if !whole => self.note_for_client(&message),
                    Direction::In => {}
                }
                if whole {
                    self.feed(direction, 0, Item::Message(message));
                }
            }
            Collected::NotText(bytes, at) => {
                let text = format!("a text message is not UTF-8 at byte {at}");
                if whole {
                    self.feed(direction, 0, Item::Frame(self.frame(direction, TEXT, 0, &bytes)));
                }
                self.note_unreadable(direction, text, at, bytes);
            }
            Collected::TooLarge => {
                let text = format!("a message is larger than {} bytes, a quarter of --buffer", self.limit);
                self.note_too_large(direction, &text);
                if whole {
                    self.say([Say::close(1009, "message too large for --buffer of the tap")]);
                }
            }
            Collected::Broken(what) => self.note_error(direction, "protocol", &what),
        }
    }

    /// Hands on what comes in this direction to the programs behind the first `at`, or to the other end.
    fn feed(&mut self, direction: Direction, at: usize, item: Item) {
        match (self.stages(direction).get_mut(at), direction) {
            (Some(stage), _) => stage.put(item),
            (None, Direction::Out) => self.tell_upstream(item),
            (None, Direction::In) => match item {
                Item::Message(message) => self.say([message.into()]),
                Item::Frame(frame) => self.say([Say::Raw(frame)]),
                Item::End => self.end.ends_client = true,
            },
        }
    }

    fn tell_upstream(&mut self, item: Item) {
        match item {
            Item::Message(message) => {
                let deflated =
                    self.deflate_up.as_mut().and_then(|deflate| deflate.deflate(message.as_bytes()));
                let rsv = if deflated.is_some() { RSV1 } else { 0 };
                let payload = deflated.as_deref().unwrap_or(message.as_bytes());
                let frame = self.frame(Direction::Out, opcode(&message), rsv, payload);
                self.relay.up.out.add_own(frame);
            }
            Item::Frame(frame) => self.relay.up.out.add_own(frame),
            Item::End => self.relay.up.out.end(),
        }
    }

    fn tell_client(&mut self, message: &Message) {
        // While frames pass as they came, their compression goes on from one to the next without this message.
        let deflate = self.deflate_down.as_mut().filter(|_| self.relay.down.is_whole());
        let deflated = deflate.and_then(|deflate| deflate.deflate(message.as_bytes()));
        let rsv = if deflated.is_some() { RSV1 } else { 0 };
        let payload = deflated.as_deref().unwrap_or(message.as_bytes());
        let frame = self.frame(Direction::In, opcode(message), rsv, payload);
        self.relay.down.out.add_own(frame);
    }

    /// A frame as it goes in this direction.
    fn frame(&self, direction: Direction, opcode: u8, rsv: u8, payload: &[u8]) -> Bytes {
        // The mask is against confused proxies, and needs no better chance than this (RFC 6455 §10.3).
        let mask = (direction == Direction::Out).then(|| fastrand::u32(..).to_be_bytes());
        Head { mask, rsv, ..Head::new(opcode, payload.len()) }.frame(payload).into()
    }

    /// Hands on what a program has made.
    fn made(&mut self, direction: Direction, at: usize, news: StageNews) {
        match news {
            StageNews::Made(message) if self.stages(direction)[at].answers() => self.say([message.into()]),
            StageNews::Made(message) => self.feed(direction, at + 1, Item::Message(message)),
            StageNews::Passes(item) => self.feed(direction, at + 1, item),
            StageNews::Through => {}
            StageNews::Failed(why) => self.note_failed(&why),
        }
    }

    fn stages(&mut self, direction: Direction) -> &mut [RuleStage] {
        match direction {
            Direction::Out => &mut self.up,
            Direction::In => &mut self.down,
        }
    }

    /// An end has said its last byte.
    fn ended(&mut self, direction: Direction) {
        if self.is_whole(direction) {
            self.feed(direction, 0, Item::End);
        } else if direction == Direction::In {
            self.end.ends_client = true;
        } else {
            self.relay.up.out.end();
        }
    }

    /// Says all of this to the client, or as much as comes before a goodbye.
    pub(super) fn say(&mut self, all: impl IntoIterator<Item = Say>) {
        for say in all.into_iter().flat_map(Say::singly) {
            let say = match say {
                Say::Pong(_) if self.course.shape().no_pong => continue,
                Say::Pong(message) => Say::Message(message),
                Say::Stall(time) => {
                    self.course.stall(time, Instant::now());
                    self.relay.down.make_whole();
                    continue;
                }
                other => other,
            };
            if let Say::Message(message) = &say
                && !self.course.ending()
            {
                self.registry.count_sent(&self.conn, 1, message.len() as u64);
                self.note_for_client(message);
            }
            self.course.take(say, Instant::now());
        }
    }

    /// Hands what is due to the relay, as far as there is a place for it.
    fn deliver(&mut self) -> Option<Farewell> {
        let now = Instant::now();
        while let Some(say) = self.course.next(now) {
            self.end.pending.push_back(say);
        }
        while let Some(say) = self.end.pending.pop_front() {
            let waits = !matches!(say, Say::Drop | Say::Cut(_) | Say::CloseIn { .. });
            if waits && !self.relay.down.is_between_messages() {
                self.end.pending.push_front(say);
                self.relay.down.stops = true;
                return None;
            }
            match say {
                Say::Message(message) | Say::Pong(message) => self.tell_client(&message),
                Say::Ping => self.relay.down.out.add(&Head::new(PING, 0).frame(b"")),
                Say::Raw(bytes) => self.relay.down.out.add_raw(bytes),
                Say::Close { code, reason } => return Some(Farewell::Close(code, reason)),
                Say::CloseIn { after, code, reason } => {
                    self.end.leaving.get_or_insert((now + after, code, reason));
                }
                Say::Drop => return Some(Farewell::Cut(Cut::Fin)),
                Say::Cut(cut) => return Some(Farewell::Cut(cut)),
                // A batch came in as its messages.
                Say::Stall(_) | Say::Batch(_) => {}
            }
        }
        self.relay.down.stops = false;
        if self.end.ends_client && self.course.bytes() == 0 {
            self.relay.down.out.end();
            self.end.deadline.get_or_insert(now + LEAVING);
        }
        None
    }
}

/// What comes first out of any of these; never, if there are none.
async fn first_of(stages: &mut [RuleStage]) -> (usize, StageNews) {
    match stages {
        [] => std::future::pending().await,
        [only] => (0, only.next().await),
        [first, rest @ ..] => tokio::select! {
            news = first.next() => (0, news),
            news = if_any(rest.first_mut().map(RuleStage::next)) => (1, news),
        },
    }
}

fn opcode(message: &Message) -> u8 {
    if message.as_text().is_some() { TEXT } else { BINARY }
}
