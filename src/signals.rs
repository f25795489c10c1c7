//! SIGINT and SIGTERM as things to wait for, and as the orders of a session that nobody else controls.

use std::future::poll_fn;
use std::task::{Context, Poll};

use crate::event::EndReason;
use crate::exit::Exit;
use crate::session::policy::Outcome;
use crate::session::{Controller, Order};
use crate::sys::{self, Listener, Wanted};

/// The signals that ask a session to end.
pub struct Signals {
    interrupt: Listener,
    terminate: Listener,
}

impl Signals {
    /// Starts listening; from now on the signals no longer end the process by themselves.
    ///
    /// # Errors
    /// If the system refuses.
    pub fn listen() -> std::io::Result<Self> {
        Ok(Self { interrupt: sys::listen(Wanted::Interrupt)?, terminate: sys::listen(Wanted::Terminate)? })
    }

    /// Waits for the next signal and gives the outcome it asks for.
    pub async fn next(&mut self) -> Outcome {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// The outcome that the next signal asks for.
    pub fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Outcome> {
        if self.interrupt.poll_recv(context).is_ready() {
            return Poll::Ready(Outcome::interrupted());
        }
        self.terminate.poll_recv(context).map(|()| Outcome::new(EndReason::Terminated, Exit::Terminated))
    }
}

impl Controller for Signals {
    fn poll_order(&mut self, context: &mut Context<'_>) -> Poll<Order> {
        self.poll_next(context).map(Order::Signal)
    }
}
