//! HTTP calls that subscribe to topics, for providers that are not asked over the connection. They are made one after the
//! other beside the session, which hears of each answer.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;

use crate::dialect::TopicCall;
use crate::error::Result;
use crate::net::Options;
use crate::net::http::{Caller, HttpAnswer};

/// A call on its way. It gives the caller back, which keeps its connection.
type Underway = Pin<Box<dyn Future<Output = (Caller, TopicCall, Result<HttpAnswer>)>>>;

/// The calls of the present connection.
#[derive(Default)]
pub struct TopicCalls {
    queue: VecDeque<TopicCall>,
    underway: Option<Underway>,
    caller: Option<Caller>,
}

impl TopicCalls {
    /// Asks for calls, after those that were asked for before. There is one for each topic.
    pub fn push(&mut self, calls: Vec<TopicCall>) {
        self.queue.extend(calls);
    }

    /// Is there none to wait for?
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.underway.is_none()
    }

    /// Drops what is left: the connection that it was for is gone.
    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Makes the next call. A wait that is given up loses nothing.
    pub async fn next(&mut self, options: &Options) -> (TopicCall, Result<HttpAnswer>) {
        if self.underway.is_none()
            && let Some(call) = self.queue.pop_front()
        {
            let mut caller = self.caller.take().unwrap_or_else(|| Caller::new(options));
            self.underway = Some(Box::pin(async move {
                let result = caller.call(&call.call).await;
                (caller, call, result)
            }));
        }
        let Some(underway) = &mut self.underway else { return std::future::pending().await };
        let (caller, call, result) = underway.await;
        self.underway = None;
        self.caller = Some(caller);
        (call, result)
    }
}
