//! How a session is controlled: one kind of order comes in, and one kind of news goes out. Who is on the other side (a
//! prompt, a watch, or nobody but the signals of the process) is not the session's business.

use std::future::poll_fn;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::policy::Outcome;
use super::state::Standing;
use crate::event::Event;
use crate::message::Message;

/// Something that a session is to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Order {
    /// Send this, now or once there is a connection.
    Send(Message),
    /// Send this, if there is a connection.
    SendNow(Message),
    /// Send a ping, with this payload or any, and answer with its round trip time.
    Ping(Option<Bytes>),
    /// Subscribe to these topics as well.
    Subscribe(Vec<String>),
    /// Unsubscribe from these topics.
    Unsubscribe(Vec<String>),
    /// Send what this command of the dialect's own sends.
    Command(String, Vec<String>),
    /// Close the connection and open another, or open it now instead of later.
    Reconnect,
    /// Report the messages that wait for a connection, or drop them.
    Queue {
        /// Drop them.
        clear: bool,
    },
    /// End in good order, perhaps with this code and reason in the close frame.
    Close(Option<(u16, String)>),
    /// End in good order with this outcome.
    End(Outcome),
    /// End with the outcome of a signal. The second signal ends at once.
    Signal(Outcome),
    /// End at once: the reader of standard output has gone.
    ReaderGone,
}

/// Something that happened in a session.
#[derive(Debug)]
pub enum News<'a> {
    /// Events on their way to the output, in order. What is in the list afterwards goes there.
    Events(&'a mut Vec<Event>),
    /// How the session stands. It may be the same as before.
    Standing(Standing),
    /// The topics that are subscribed to have changed to these.
    Topics(&'a [String]),
    /// The messages that wait for a connection, as [`Order::Queue`] asks for.
    Queue(Vec<&'a Message>),
    /// The answer to an order, for people.
    Answer(String),
    /// This order came when nothing is sent any more.
    TooLate(&'a Order),
}

/// What controls a session.
pub trait Controller {
    /// The next order. Where no more will come, it is pending for ever.
    fn poll_order(&mut self, context: &mut Context<'_>) -> Poll<Order>;

    /// Takes note of what happened.
    fn news(&mut self, news: News<'_>) {
        let _ = news;
    }
}

/// Waits for the next order.
pub(super) async fn next_order(controller: &mut dyn Controller) -> Order {
    poll_fn(|context| controller.poll_order(context)).await
}

/// Waits for the next signal, when no other order is carried out any more.
pub(super) async fn next_signal(controller: &mut dyn Controller) -> Outcome {
    loop {
        match next_order(controller).await {
            Order::Signal(outcome) => return outcome,
            order => controller.news(News::TooLate(&order)),
        }
    }
}
