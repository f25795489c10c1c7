//! The ends of a tap's connection.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{sleep, timeout};

use super::relay::RelayTurn;
use super::talk::Talk;
use super::way::RelayEvent;
use crate::event::Direction;
use crate::frames::{CLOSE, Head, PeerClose};
use crate::mock::client::{DEAF_TO_NOBODY, told_to_end};
use crate::mock::stopped;
use crate::provider::Cut;

/// How long a client has to answer a close frame.
const CLOSING: Duration = Duration::from_secs(3);

impl Talk {
    /// Both ends are through with each other.
    pub(super) async fn part(self) {
        self.note_end();
        self.relay.part().await;
    }

    /// The upstream has gone without a word, and so does the client's connection.
    pub(super) async fn reset(mut self) {
        self.note_end();
        self.relay.drain().await;
        self.relay.reset();
    }

    /// Closes the client's connection; its answer goes to the upstream.
    pub(super) async fn close(mut self, code: Option<u16>, reason: String) {
        let mut payload = code.map(u16::to_be_bytes).map(Vec::from).unwrap_or_default();
        payload.extend_from_slice(reason.as_bytes());
        let frame = Head::new(CLOSE, payload.len()).frame(&payload);
        self.note_close(Direction::In, PeerClose { code: code.unwrap_or(1005), reason, fault: None });
        let relay = &mut self.relay;
        relay.down.out.add(&frame);
        // Nothing may follow a close frame (RFC 6455 §5.5.1).
        relay.down.is_muted = true;
        (relay.up.is_paused, relay.down.is_paused, relay.down.stops) = (false, false, false);
        let share = std::sync::Arc::clone(&self.conn.share);
        tokio::select! {
            _ = timeout(CLOSING, self.answered()) => {}
            () = share.has_to_leave() => {}
        }
        self.part().await;
    }

    /// Waits for the client's close frame, or its end.
    async fn answered(&mut self) {
        loop {
            let turn = self.relay.turn().await;
            for event in self.relay.take_events() {
                match event {
                    RelayEvent::Close(Direction::Out, close, frame) => {
                        self.note_close(Direction::Out, close);
                        if self.relay.up.is_whole() {
                            self.relay.up.out.add(&frame);
                        }
                        return;
                    }
                    RelayEvent::End(Direction::Out) => return,
                    _ => {}
                }
            }
            if matches!(turn, RelayTurn::Over | RelayTurn::Lost(..)) {
                return;
            }
        }
    }

    /// Ends the client's connection without a word, or stays on it deaf and dumb until somebody else ends it or the
    /// client has been gone for a while.
    pub(super) async fn cut(mut self, cut: Cut, stop: &mut watch::Receiver<bool>) {
        self.relay.drain().await;
        match cut {
            Cut::Fin => self.part().await,
            Cut::Reset => {
                self.note_end();
                self.relay.reset();
            }
            Cut::Silence => {
                tokio::select! {
                    () = async { self.relay.left().await; sleep(DEAF_TO_NOBODY).await; } => {}
                    () = self.conn.share.has_to_leave() => {}
                    () = told_to_end(&self.conn) => {}
                    () = stopped(stop) => {}
                }
                self.note_end();
            }
        }
    }
}
