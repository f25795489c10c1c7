//! One direction of a tap, without I/O: frames pass as they came, masks and compression included, unless messages are to
//! be changed. Then they are put together and go no further by themselves.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

use super::collect::{Collected, Collector, Keep};
use super::outlet::Outlet;
use crate::event::Direction;
use crate::frames::lane::{Lane, Passing};
use crate::frames::reader::masked;
use crate::frames::{CLOSE, Head, PING, PONG, PeerClose};
use crate::limits;

/// One direction.
pub(super) struct Way {
    direction: Direction,
    lane: Lane,
    collector: Collector,
    /// Messages are put together and do not pass; so is it wanted from the next one on.
    is_whole: bool,
    wants_whole: bool,
    /// What was read and is not to pass yet.
    unread: BytesMut,
    /// What waits for the other end.
    pub(super) out: Outlet,
    /// Nothing is read.
    pub(super) is_paused: bool,
    /// What is read goes nowhere.
    pub(super) is_muted: bool,
    /// Nothing passes the next place where a message may begin.
    pub(super) stops: bool,
    /// Pings are answered here.
    pub(super) answers_pings: bool,
    /// Pongs go no further.
    keeps_pongs: bool,
    /// Nothing more will come.
    pub(super) has_ended: bool,
    /// Messages that came since this was last taken, and the bytes of their payloads as they passed.
    tally: (u64, u64),
}

/// What happened in a direction.
#[derive(Debug)]
pub(super) enum RelayEvent {
    /// A message has passed; or, if it is `whole`, has not.
    Message {
        direction: Direction,
        message: Collected,
        whole: bool,
    },
    Ping(Direction, Bytes),
    Pong(Direction, Bytes),
    /// A close frame came: what it says, and the frame, which has passed unless messages are whole.
    Close(Direction, PeerClose, Bytes),
    /// Nothing more will come.
    End(Direction),
}

impl Way {
    pub(super) fn new(direction: Direction, collector: Collector, own_pings: bool) -> Self {
        Self {
            direction,
            lane: Lane::default(),
            collector,
            is_whole: false,
            wants_whole: false,
            unread: BytesMut::new(),
            out: Outlet::default(),
            is_paused: false,
            is_muted: false,
            stops: false,
            answers_pings: own_pings,
            keeps_pongs: own_pings,
            has_ended: false,
            tally: (0, 0),
        }
    }

    /// Wants whole messages from the next one on. There is no way back: the receiver of compressed messages would not
    /// have the context that they go on with.
    pub(super) fn make_whole(&mut self) {
        self.wants_whole = true;
        self.adjust();
    }

    /// Do messages go no further by themselves?
    pub(super) fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// May a message of somebody else's be put in here?
    pub(super) fn is_between_messages(&self) -> bool {
        self.is_whole || self.lane.is_between_messages()
    }

    /// Bytes that are kept.
    pub(super) fn bytes(&self) -> usize {
        self.collector.bytes() + self.unread.len() + self.out.bytes()
    }

    /// Messages and bytes that came since this was last asked.
    pub(super) fn take_tally(&mut self) -> (u64, u64) {
        std::mem::take(&mut self.tally)
    }

    /// Is nothing to be read now?
    pub(super) fn is_held(&self) -> bool {
        self.is_paused || self.has_ended || self.out.bytes() >= limits::TAP_PASSING
    }

    /// Has it come to the place where it is to stop?
    pub(super) fn has_stopped(&self) -> bool {
        self.stops && self.is_between_messages()
    }

    /// Lets what is left over pass. `false`: there is nothing, or it has to stop at once.
    pub(super) fn go_on(&mut self, back: &mut Outlet, told: &mut VecDeque<RelayEvent>) -> bool {
        if self.unread.is_empty() || self.has_stopped() {
            return false;
        }
        let mut bytes = std::mem::take(&mut self.unread);
        let passed = self.pass(&bytes, back, told);
        self.unread = bytes.split_off(passed);
        true
    }

    /// Lets bytes pass that have just been read. What comes behind a stop is kept.
    pub(super) fn read(&mut self, bytes: &[u8], back: &mut Outlet, told: &mut VecDeque<RelayEvent>) {
        let passed = if self.has_stopped() { 0 } else { self.pass(bytes, back, told) };
        self.unread.extend_from_slice(&bytes[passed..]);
    }

    /// Nothing more will come.
    pub(super) fn end(&mut self, told: &mut VecDeque<RelayEvent>) {
        self.has_ended = true;
        told.push_back(RelayEvent::End(self.direction));
    }

    /// Takes over what is wanted, if this is a place between two messages.
    fn adjust(&mut self) {
        if self.wants_whole && !self.is_whole && self.lane.is_between_messages() {
            self.collector.keep(Keep::Messages);
            self.is_whole = !self.collector.is_broken();
            self.wants_whole = self.is_whole;
        }
    }

    /// Lets bytes pass, up to a stop or as many as make up the messages that may be kept; how many. `back` leads to where
    /// they come from.
    fn pass(&mut self, bytes: &[u8], back: &mut Outlet, told: &mut VecDeque<RelayEvent>) -> usize {
        let mut input = bytes;
        // The bytes from here on pass, and wait for those behind them.
        let (mut from, mut kept) = (0, 0);
        loop {
            let before = bytes.len() - input.len();
            if self.lane.is_between_messages() {
                self.adjust();
                if self.stops && !self.is_whole {
                    self.out.add(&bytes[from..before]);
                    return before;
                }
            }
            let Some(passing) = self.lane.next(&mut input) else {
                self.out.add(&bytes[from..before]);
                return bytes.len();
            };
            let after = bytes.len() - input.len();
            let goes_on = match passing {
                Passing::Control(head, frame) => {
                    let answers = if head.opcode == PING { self.answers_pings } else { self.keeps_pongs };
                    control((&head, frame), (self.direction, answers, self.is_whole), back, told)
                }
                data => {
                    count(&data, &mut self.tally);
                    let collected = self.collector.take(&data);
                    // What breaks the rules passes as it is: those at the ends judge it.
                    self.is_whole &= !self.collector.is_broken();
                    let (direction, whole) = (self.direction, self.is_whole);
                    kept += collected.as_ref().map_or(0, Collected::bytes);
                    told.extend(collected.map(|message| RelayEvent::Message { direction, message, whole }));
                    !self.is_whole
                }
            };
            let goes_on = goes_on && !self.is_muted;
            let is_in_place = passing.bytes().len() == after - before;
            if !(goes_on && is_in_place) {
                self.out.add(&bytes[from..before]);
                from = after;
                if goes_on {
                    self.out.add(passing.bytes());
                }
            }
            // A few compressed bytes can be many messages.
            if kept >= self.collector.limit() {
                self.out.add(&bytes[from..after]);
                return after;
            }
        }
    }
}

fn count(data: &Passing<'_>, (messages, bytes): &mut (u64, u64)) {
    match data {
        Passing::Control(..) => return,
        Passing::Payload(_, piece, _) => *bytes += piece.len() as u64,
        Passing::Head(..) => {}
    }
    let (Passing::Head(head, _) | Passing::Payload(head, ..) | Passing::Control(head, _)) = data;
    *messages += u64::from(head.fin && !head.is_control() && data.ends_frame());
}

/// A control frame: does it go on?
fn control(
    (head, frame): (&Head, &[u8]),
    (direction, is_kept, is_whole): (Direction, bool, bool),
    back: &mut Outlet,
    told: &mut VecDeque<RelayEvent>,
) -> bool {
    let start = frame.len() - usize::try_from(head.length).unwrap_or_default();
    let mut payload = frame[start..].to_vec();
    head.mask_payload(&mut payload, 0);
    match head.opcode {
        PING => {
            if is_kept {
                match direction {
                    Direction::Out => back.add(&Head::new(PONG, payload.len()).frame(&payload)),
                    Direction::In => back.add(&masked(PONG, &payload)),
                }
            }
            told.push_back(RelayEvent::Ping(direction, payload.into()));
            !is_kept
        }
        PONG => {
            told.push_back(RelayEvent::Pong(direction, payload.into()));
            !is_kept
        }
        CLOSE => {
            let close = PeerClose::read(head, &payload, direction == Direction::Out);
            told.push_back(RelayEvent::Close(direction, close, Bytes::copy_from_slice(frame)));
            !is_whole
        }
        _ => true,
    }
}
