//! Faults on the bytes of a connection: how fast they go, and pongs that do not.

use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until};

use crate::frames::{Head, PONG};

/// A limited line hands bytes over this often.
const TICK: Duration = Duration::from_millis(20);

/// What is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::mock) struct Shape {
    /// Bytes per second.
    pub(in crate::mock) bandwidth: Option<u64>,
    pub(in crate::mock) no_pong: bool,
}

/// What may happen to the next bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mock) enum Part {
    /// So many may be written.
    Write(usize),
    /// So many are to be taken and not written.
    Skip(usize),
}

/// Shapes what one connection writes. It has to see every byte, to know where frames begin.
#[derive(Debug, Default)]
pub(in crate::mock) struct Shaper {
    shape: Shape,
    cursor: Cursor,
    /// The line is busy with what was written until then.
    busy_until: Option<Instant>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl Shaper {
    pub(in crate::mock) fn set(&mut self, shape: Shape) {
        self.shape = shape;
    }

    /// What to do with the next of these bytes, which are frames, or a piece of one that is to go on.
    pub(in crate::mock) fn poll_part(&mut self, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Part> {
        let mut length = bytes.len();
        if self.shape.no_pong {
            let (pong, run) = self.cursor.run(bytes);
            if pong {
                self.cursor.pass(&bytes[..run]);
                return Poll::Ready(Part::Skip(run));
            }
            length = run;
        }
        self.poll_line(context, length).map(Part::Write)
    }

    /// How many of so many bytes the line takes now.
    pub(in crate::mock) fn poll_line(&mut self, context: &mut Context<'_>, length: usize) -> Poll<usize> {
        let Some(rate) = self.shape.bandwidth else { return Poll::Ready(length) };
        if let Some(busy) = self.busy_until.filter(|busy| *busy > Instant::now()) {
            let sleep = self.sleep.insert(Box::pin(sleep_until(busy)));
            ready!(sleep.as_mut().poll(context));
        }
        let most = (rate as f64 * TICK.as_secs_f64()).max(1.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "saturates, and is positive"
        )]
        Poll::Ready(length.min(most as usize))
    }

    /// Frames, or a piece of them, have been written.
    pub(in crate::mock) fn wrote(&mut self, bytes: &[u8]) {
        self.cursor.pass(bytes);
        self.occupy(bytes.len());
    }

    /// So many bytes have been written that are not for the cursor: whole frames, or the last there is.
    pub(in crate::mock) fn occupy(&mut self, length: usize) {
        if let Some(rate) = self.shape.bandwidth {
            let time = Duration::from_secs_f64(length as f64 / rate as f64);
            let now = Instant::now();
            self.busy_until = Some(self.busy_until.map_or(now, |busy| busy.max(now)) + time);
        }
    }
}

/// Where in a stream of frames we are.
#[derive(Clone, Copy, Debug, Default)]
struct Cursor {
    /// The head of the frame we are in, as far as it has come.
    head: [u8; Head::LONGEST],
    seen: usize,
    /// Payload that is still to come, once the head has.
    left: u64,
}

impl Cursor {
    /// Is the frame that the next byte belongs to a pong, and how many of these bytes are in it or, if it is not,
    /// come before the next pong?
    fn run(&self, bytes: &[u8]) -> (bool, usize) {
        let Some(first) = bytes.first() else { return (false, 0) };
        let mut cursor = *self;
        let pong = cursor.is_pong(*first);
        let mut at = 0;
        while at < bytes.len() && cursor.is_pong(bytes[at]) == pong {
            at += cursor.step(&bytes[at..]);
            if pong && cursor.seen == 0 {
                break;
            }
        }
        (pong, at)
    }

    fn pass(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let step = self.step(bytes);
            bytes = &bytes[step..];
        }
    }

    fn is_pong(&self, next: u8) -> bool {
        let first = if self.seen == 0 { next } else { self.head[0] };
        first & 0x0f == PONG
    }

    /// Goes over one byte of a head, or over all of a payload that is there. How many bytes that is: at least
    /// one of a text that has any.
    fn step(&mut self, bytes: &[u8]) -> usize {
        let Some(byte) = bytes.first().copied() else { return 0 };
        if self.left > 0 {
            let here = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len());
            self.left -= here as u64;
            if self.left == 0 {
                *self = Self::default();
            }
            return here;
        }
        self.head[self.seen] = byte;
        self.seen += 1;
        if let Some((head, _)) = Head::read(&self.head[..self.seen]) {
            self.left = head.length;
            if head.length == 0 {
                *self = Self::default();
            }
        }
        1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes these bytes in pieces of a size, as a stream would take them.
    fn written(bytes: &[u8], piece: usize) -> Vec<u8> {
        let mut shaper = Shaper::default();
        shaper.set(Shape { no_pong: true, bandwidth: None });
        let (mut out, mut rest) = (Vec::new(), bytes);
        let mut context = Context::from_waker(std::task::Waker::noop());
        while !rest.is_empty() {
            let offered = &rest[..rest.len().min(piece)];
            let taken = match shaper.poll_part(&mut context, offered) {
                Poll::Ready(Part::Skip(taken)) => taken,
                Poll::Ready(Part::Write(taken)) => {
                    shaper.wrote(&offered[..taken]);
                    out.extend(&offered[..taken]);
                    taken
                }
                Poll::Pending => panic!("nothing to wait for"),
            };
            assert!(taken > 0);
            rest = &rest[taken..];
        }
        out
    }

    #[test]
    fn pongs_are_taken_out_wherever_the_pieces_end() {
        let mut long = vec![0x81, 126, 1, 4];
        long.extend([0x8a; 260]);
        let mut longer = vec![0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0];
        longer.extend([0x8a; 65536]);
        let pongs: [&[u8]; 2] = [b"\x8a\x00", b"\x8a\x03abc"];
        let kept: [&[u8]; 5] = [b"\x81\x02\x8a\x8a", &long, b"\x89\x00", &longer, b"\x81\x00"];
        let all: Vec<u8> =
            kept.iter().flat_map(|frame| [pongs[1], frame, pongs[0], pongs[1]].concat()).collect();
        for piece in [1, 2, 3, 7, 100, 1 << 20] {
            assert!(written(&all, piece) == kept.concat(), "in pieces of {piece}");
        }
    }
}
