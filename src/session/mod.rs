//! A session: one task that owns a connection after another until its end is decided.
//!
//! [`state`] holds the rules and knows no I/O; this file is the one loop that waits, tells the state what
//! happened and does what it asks for.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message as Frame;

use crate::clock;
use crate::dialect::{Client, TopicCall};
use crate::error::{Failure, Result};
use crate::event::{EndReason, Event, Unreadable, WireBytes};
use crate::exit::Exit;
use crate::frames::{PeerClose, close_frame};
use crate::input::{Input, Source};
use crate::limits;
use crate::net::http::{self, HttpAnswer, HttpCall};
use crate::net::{self, Attempt, Renewed, WsUrl};
use crate::pipeline::backlog;
use crate::pipeline::queue::OutputQueue;
use crate::pipeline::worker::{BATCH_BYTES, BATCH_EVENTS};
use crate::pipeline::{Progress, Stop, stdout};
use crate::report::{Level, Report};
use crate::secret::{Lease, Secret};
use crate::text;
use crate::waiting::{if_any, until};

pub mod acks;
pub mod backoff;
pub mod control;
pub mod cursor;
pub mod delivery;
pub mod handover;
pub mod liveness;
mod pace;
pub mod policy;
pub mod socket;
pub mod state;
pub mod subscription;
pub mod topic_calls;
mod trace;

pub use control::{Controller, News, Order};

use acks::Acks;
use control::{next_order, next_signal};
use cursor::CursorKeeper;
use policy::{Asked, Outcome, Policy};
use socket::{Incoming, Socket};
use state::{Notice, Now, State, Todo};
use topic_calls::TopicCalls;

/// How long a last frame may take to leave, when nobody waits for its answer.
const LAST_FLUSH: Duration = Duration::from_millis(100);

/// How long output may take to be written after a signal or `--max-time` asked for the end, and a recording after the
/// output was lost.
const LAST_DRAIN: Duration = Duration::from_secs(1);

/// How long to wait, without a reader, for the news of what had been written before it went.
const LAST_NEWS: Duration = Duration::from_millis(200);

/// How long acknowledgements may still take when the session is over.
const LAST_ACKS: Duration = Duration::from_secs(2);

/// What a session is made of.
pub struct Setup {
    /// Where to connect to.
    pub url: WsUrl,
    /// How.
    pub connection: net::Options,
    /// The rules of the course.
    pub policy: Policy,
    /// What was asked of the output.
    pub asked: Asked,
    /// The provider's rules.
    pub dialect: Box<dyn Client>,
    /// Where messages to send come from.
    pub input: Option<Source>,
    /// Where events go.
    pub output: OutputQueue,
    /// Where orders come from, and news goes to.
    pub controller: Box<dyn Controller>,
    /// Where the cursor is kept.
    pub cursor_keeper: Option<CursorKeeper>,
    /// Are credentials shown in records?
    pub show_secrets: bool,
    /// Is standard output watched for its reader going away?
    pub watch_stdout: bool,
    /// Where notices go.
    pub report: Report,
}

/// Runs a session to its end.
pub async fn run(setup: Setup) -> Outcome {
    let mut driver = Driver::new(setup);
    while !driver.state.ended() {
        driver.act();
        if driver.state.ended() {
            break;
        }
        let happened = driver.wait().await;
        let now = now();
        driver.handle(happened, now);
        driver.tick(now).await;
    }
    driver.wind_up().await
}

/// Something to react to.
enum Happening {
    Opened(Box<Opened>),
    Incoming(Incoming),
    OldIncoming(Incoming),
    Progress(Option<Progress>),
    TopicCalled(Box<(TopicCall, Result<HttpAnswer>)>),
    Input(Option<Vec<Input>>),
    ReaderGone,
    Order(Order),
    Time,
}

type Opening = Pin<Box<dyn Future<Output = Opened>>>;

/// A step on the way to a connection that has been made.
enum Opened {
    /// What is read for it.
    Renewed(Box<Result<Renewed>>),
    /// The call before it.
    Called(Box<(HttpCall, Result<HttpAnswer>)>),
    /// The connection itself.
    Link(Box<(Attempt, Lease)>),
}

struct Driver {
    state: State,
    url: WsUrl,
    connection: net::Options,
    /// Keeps what was read for the last connection masked.
    lease: Option<Lease>,
    asked: Asked,
    opening: Option<Opening>,
    socket: Option<Socket>,
    /// The connection that was handed over, until it ends.
    old: Option<Socket>,
    /// What went over connections that have ended.
    wire: WireBytes,
    input: Option<Source>,
    acks: Option<Acks>,
    /// What unsubscribes from topics with the end of the session.
    last_calls: Option<Acks>,
    topic_calls: TopicCalls,
    cursor_keeper: Option<CursorKeeper>,
    output: OutputQueue,
    controller: Box<dyn Controller>,
    /// Events that wait for room in the output.
    batch: Vec<Event>,
    drained_by: Option<Instant>,
    output_lost: bool,
    stdout: Option<stdout::StdoutWatch>,
    show_secrets: bool,
    report: Report,
}

impl Driver {
    fn new(setup: Setup) -> Self {
        let stdout = setup.watch_stdout.then(stdout::watch_stdout).flatten();
        Self {
            state: State::new(setup.policy, setup.dialect, fastrand::Rng::new(), now()),
            url: setup.url,
            connection: setup.connection,
            lease: None,
            asked: setup.asked,
            opening: None,
            socket: None,
            old: None,
            wire: WireBytes::default(),
            input: setup.input,
            acks: None,
            last_calls: None,
            topic_calls: TopicCalls::default(),
            cursor_keeper: setup.cursor_keeper,
            output: setup.output,
            controller: setup.controller,
            batch: Vec::new(),
            drained_by: None,
            output_lost: false,
            stdout,
            show_secrets: setup.show_secrets,
            report: setup.report,
        }
    }

    /// Does what the state asks for.
    fn act(&mut self) {
        // Events first: what the pipeline says to them may ask for frames, and those are not to wait.
        self.push_events();
        self.tell_standing();
        self.tell_people();
        self.send_frames();
        if mem::take(&mut self.state.todo.drop_old) {
            self.drop_old();
        }
        if mem::take(&mut self.state.todo.connect) {
            self.connect();
        }
        if mem::take(&mut self.state.todo.drop_link) && !self.state.ended() {
            self.drop_socket();
        }
        self.topic_calls.push(mem::take(&mut self.state.todo.topic_calls));
        self.hand_out();
        let backlog = self.socket.as_ref().is_some_and(Socket::has_backlog);
        self.state.set_backlog(backlog, now());
    }

    fn tell_people(&mut self) {
        let todo = &mut self.state.todo;
        todo.unreadable.drain(..).for_each(|message| show_bytes(&message, &self.report));
        todo.answers.drain(..).for_each(|text| self.controller.news(News::Answer(text)));
    }

    /// Starts on the way to a connection, with the credentials that hold for it.
    fn connect(&mut self) {
        if !self.connection.has_sources() {
            return self.call();
        }
        let options = self.connection.clone();
        self.opening = Some(Box::pin(async move { Opened::Renewed(Box::new(options.renewed().await)) }));
    }

    /// Makes the call before the connection, if there is one to make.
    fn call(&mut self) {
        match self.state.prepare() {
            Some(call) => self.make_call(call),
            None => self.open(&[]),
        }
    }

    fn make_call(&mut self, call: HttpCall) {
        let options = self.connection.clone();
        self.opening = Some(Box::pin(async move {
            let for_call =
                |failure: Failure| Failure { what: format!("{}: {}", call.purpose, failure.what), ..failure };
            let result = http::call(&call, &options).await.map_err(for_call);
            Opened::Called(Box::new((call, result)))
        }));
    }

    /// Opens the connection, with these query parameters.
    fn open(&mut self, tokens: &[(String, Secret)]) {
        let secrets = tokens.iter().map(|(_, token)| token.clone()).chain(self.state.secrets());
        let lease = self.report.secrets().lend(secrets);
        let url = match self.state.target(&self.url) {
            Ok(target) => target.unwrap_or_else(|| self.url.clone()),
            Err(failure) => return self.state.failed(failure, None, None, now()),
        };
        let url = tokens.iter().fold(url, |url, (name, value)| url.with_secret_param(name, value));
        let options = self.connection.clone();
        self.opening = Some(Box::pin(async move {
            let attempt = net::open(&url, &options).await;
            Opened::Link(Box::new((attempt, lease)))
        }));
    }

    /// Passes on what follows from lines being written.
    fn hand_out(&mut self) {
        for call in self.state.todo.acks.drain(..) {
            let start = || Acks::start(&self.connection, self.report.clone(), &[]);
            self.acks.get_or_insert_with(start).push(call);
        }
        for call in self.state.todo.last_calls.drain(..) {
            // What is unsubscribed from may have gone with an earlier connection.
            let start = || Acks::start(&self.connection, self.report.clone(), &acks::GONE);
            self.last_calls.get_or_insert_with(start).push(call);
        }
        if let (Some(keeper), Some(cursor)) = (&mut self.cursor_keeper, self.state.todo.cursor.take()) {
            keeper.put(cursor, &self.report);
        }
    }

    /// Lets go of the connection that was handed over. If it is still open, a close frame says so, without
    /// waiting for it to leave.
    fn drop_old(&mut self) {
        if let Some(mut old) = self.old.take() {
            old.send(close_frame(Some(1000), ""));
            drop(old.next_now());
            self.account(&old);
        }
    }

    /// Adds up what went over a connection that has ended.
    fn account(&mut self, socket: &Socket) {
        self.wire.bytes_in += socket.read();
        self.wire.bytes_out += socket.written();
    }

    /// Lets go of a connection that is over, and says what went down with it.
    fn drop_socket(&mut self) {
        self.topic_calls.clear();
        let Some(socket) = self.socket.take() else { return };
        self.account(&socket);
        let unsent = socket.unsent();
        if unsent > 0 {
            self.report.warning(&format!("{} not sent", text::counted(unsent, "queued message")));
        }
    }

    /// Queues the frames that the state asks for. Without a connection, there is nobody to send them to.
    fn send_frames(&mut self) {
        for frame in self.state.todo.old_frames.drain(..) {
            trace::frame(&self.report, '>', &frame);
            self.old.iter_mut().for_each(|old| old.send(frame.clone()));
        }
        let Some(socket) = &mut self.socket else { return self.state.todo.frames.clear() };
        if self.report.shows(Level::Verbose) {
            for frame in &self.state.todo.frames {
                trace::frame(&self.report, '>', frame);
            }
        }
        self.state.todo.frames.drain(..).for_each(|frame| socket.send(frame));
    }

    /// A frame came. A ping is answered by the frame layer.
    fn trace_incoming(&self, frame: &Frame) {
        trace::frame(&self.report, '<', frame);
        if let Frame::Ping(payload) = frame {
            trace::frame(&self.report, '>', &Frame::Pong(payload.clone()));
        }
    }

    /// The peer's close frame came, and is answered unless ours has been sent.
    fn trace_close(&self, close: &PeerClose) {
        if self.report.shows(Level::Verbose) {
            trace::close(&self.report, '<', close.code, &close.reason);
            if !self.state.is_closing() {
                let answer = close.answer().map_or(1005, |answer| u16::from(answer.code));
                trace::close(&self.report, '>', answer, "");
            }
        }
    }

    /// Takes the events there are, with the notices between them in their place: the prompt shows both.
    fn pass_on_events(&mut self) {
        let Todo { events, notices, .. } = &mut self.state.todo;
        let mut passed = 0;
        for Notice { level, text, after } in notices.drain(..) {
            let rest = events.split_off(after.saturating_sub(passed).min(events.len()));
            passed += events.len();
            self.controller.news(News::Events(events));
            self.batch.append(events);
            *events = rest;
            self.report.say(level, &text);
        }
        self.controller.news(News::Events(events));
        self.batch.append(events);
    }

    /// Hands events over, if that takes no waiting; a ping must not wait for the reader of the output.
    fn push_events(&mut self) {
        loop {
            self.pass_on_events();
            if self.batch.is_empty() || !self.output.has_room() {
                return;
            }
            if let Some(progress) = self.output.push(&mut self.batch) {
                self.state.progress(progress, now());
            }
        }
    }

    /// Waits for the next thing to happen. Every arm only waits, so those that lose are simply asked again.
    async fn wait(&mut self) -> Happening {
        let read = self.may_read();
        self.state.set_reading(self.takes_events(), now());
        let deadline = self.state.deadline();
        // What is sent makes events too, and they must not pile up behind a reader that has stalled.
        let take_input = self.state.wants_input() && self.batch.len() < BATCH_EVENTS;
        let Self { opening, socket, old, input, controller, output, stdout, topic_calls, connection, .. } =
            self;
        let calls = !topic_calls.is_idle();
        tokio::select! {
            opened = if_any(opening.as_mut()) => Happening::Opened(Box::new(opened)),
            incoming = if_any(socket.as_mut().map(|socket| socket.next(read))) => Happening::Incoming(incoming),
            incoming = if_any(old.as_mut().map(|old| old.next(read))) => Happening::OldIncoming(incoming),
            progress = output.progress() => Happening::Progress(progress),
            called = topic_calls.next(connection), if calls => Happening::TopicCalled(Box::new(called)),
            got = next_input(input), if take_input && input.is_some() => Happening::Input(got),
            () = stdout::reader_gone(stdout) => Happening::ReaderGone,
            order = next_order(&mut **controller) => Happening::Order(order),
            () = until(deadline) => Happening::Time,
        }
    }

    fn may_read(&self) -> bool {
        let backlog = self.socket.as_ref().map_or(0, Socket::backlog_bytes);
        self.takes_events() && backlog <= limits::UNSENT
    }

    /// Is there room for what the peer may send?
    fn takes_events(&self) -> bool {
        // A provider that gives events ids to acknowledge or cursors sends again what it could not send.
        self.output.has_room() && self.state.awaited_bytes() <= limits::UNWRITTEN
    }

    fn handle(&mut self, happened: Happening, now: Now) {
        match happened {
            Happening::Opened(opened) => self.made(*opened, now),
            Happening::Incoming(incoming) => self.incoming(incoming, now),
            Happening::OldIncoming(Incoming::Frame(frame)) => {
                self.trace_incoming(&frame);
                self.state.received_old(frame, now);
            }
            Happening::OldIncoming(Incoming::Closed(close)) => {
                let close = self.with_masked_reason(close);
                self.state.received_old_close(close);
            }
            Happening::OldIncoming(Incoming::Ended(end)) => self.state.closed_old(&end, now),
            Happening::OldIncoming(Incoming::NotUtf8(bytes, at)) => self.state.old_not_utf8(bytes, at, now),
            Happening::OldIncoming(Incoming::Flushed) => {}
            Happening::TopicCalled(called) => self.topic_called(&called.0, called.1, now),
            Happening::Progress(Some(progress)) => self.state.progress(progress, now),
            Happening::Progress(None) => self.pipeline_died(now),
            Happening::Input(Some(inputs)) => self.take_inputs(inputs, now),
            Happening::Input(None) => {
                self.input = None;
                self.state.input_ended(now);
            }
            Happening::ReaderGone => self.state.reader_gone(now),
            Happening::Order(order) => self.take_order(order, now),
            Happening::Time => {}
        }
        if let Some(socket) = &self.socket {
            self.state.set_written(socket.written(), now);
        }
    }

    /// Time has passed. Before a connection is given up as silent, what has come over it is read: it was perhaps this
    /// process that stood still.
    async fn tick(&mut self, now: Now) {
        let mut more = false;
        if self.state.gives_up(now) {
            // Until then it is not known what has come.
            tokio::task::yield_now().await;
            more = self.reads_on(now);
        }
        self.state.tick(now, more);
    }

    /// Takes one thing that has come, if there is room for it. `false`: nothing had, or there was none.
    fn reads_on(&mut self, now: Now) -> bool {
        let read = self.may_read();
        let incoming = self.socket.as_mut().filter(|_| read).and_then(Socket::next_now);
        let more = incoming.is_some();
        incoming.into_iter().for_each(|incoming| self.incoming(incoming, now));
        more
    }

    /// A step on the way to a connection has been made.
    fn made(&mut self, opened: Opened, now: Now) {
        self.opening = None;
        if !self.state.wants_link() {
            return;
        }
        match opened {
            Opened::Renewed(renewed) => self.renewed(*renewed, now),
            Opened::Called(called) => self.called(&called.0, called.1, now),
            Opened::Link(opened) => {
                let (attempt, lease) = *opened;
                self.attempted(attempt, lease, now);
            }
        }
    }

    fn renewed(&mut self, renewed: Result<Renewed>, now: Now) {
        match renewed {
            Ok(Renewed { options, elsewhere, lease }) => {
                self.connection = options;
                self.lease = Some(lease);
                elsewhere.into_iter().for_each(|credential| self.state.renew(credential));
                self.call();
            }
            Err(failure) => self.state.failed(failure, None, None, now),
        }
    }

    fn topic_called(&mut self, call: &TopicCall, result: Result<HttpAnswer>, now: Now) {
        self.trace_call(&call.call, &result);
        self.state.topic_called(call, result, now);
    }

    fn trace_call(&self, call: &HttpCall, result: &Result<HttpAnswer>) {
        if let Ok(answer) = result {
            let (url, status) = (call.url.shown_as_http(), answer.head.status_text());
            self.report.verbose(&format!("* {}: {} {url}: {status}", call.purpose, call.method));
        }
    }

    fn called(&mut self, call: &HttpCall, result: Result<HttpAnswer>, now: Now) {
        self.trace_call(call, &result);
        let seen = result.as_ref().ok().map(|answer| (answer.head.status, answer.retry_after()));
        let judged = result.and_then(|answer| match answer.failure(call) {
            Some(failure) => Err(failure),
            None => self.state.prepared(&answer),
        });
        match judged {
            Ok(tokens) => match self.state.prepare_next() {
                Some(call) => self.make_call(call),
                None => self.open(&tokens),
            },
            Err(failure) => {
                let (status, retry_after) =
                    seen.map_or((None, None), |(status, after)| (Some(status), after));
                self.state.failed(failure, status, retry_after, now);
            }
        }
    }

    fn attempted(&mut self, attempt: Attempt, lease: Lease, now: Now) {
        if self.report.shows(Level::Verbose) {
            attempt.report.trace(self.report.secrets()).iter().for_each(|line| self.report.verbose(line));
        }
        attempt.report.cautions.iter().for_each(|caution| self.report.caution(caution));
        for warning in &attempt.report.warnings {
            self.report.warning(warning);
        }
        match attempt.link {
            Ok(link) => {
                if self.state.hands_over() {
                    self.drop_old();
                    self.old = self.socket.take();
                }
                self.socket = Some(Socket::new(link, lease, self.state.replaces_utf8()));
                self.state.opened(attempt.report.facts(self.show_secrets), now);
            }
            Err(failure) => {
                let report = &attempt.report;
                self.state.failed(failure, report.status, report.retry_after, now);
            }
        }
    }

    /// Takes what came, and everything that is there already, as one batch: one hand-over for a burst.
    fn incoming(&mut self, first: Incoming, now: Now) {
        let (mut incoming, mut bytes) = (first, 0);
        loop {
            match incoming {
                Incoming::Frame(frame) => {
                    bytes += frame.len();
                    self.trace_incoming(&frame);
                    self.state.received(frame, now);
                }
                Incoming::Closed(close) => {
                    let close = self.with_masked_reason(close);
                    self.trace_close(&close);
                    self.state.received_close(close, now);
                }
                Incoming::NotUtf8(text, at) => {
                    bytes += text.len();
                    self.state.received_not_utf8(text, at, now);
                }
                // Whether more may be read is asked again before it is.
                Incoming::Flushed => return,
                Incoming::Ended(end) => return self.state.closed(&end, now),
            }
            if self.state.todo.drop_link {
                // What else has come over it is not read.
                return;
            }
            let full = bytes >= BATCH_BYTES || self.state.todo.events.len() >= BATCH_EVENTS;
            self.send_frames();
            match &mut self.socket {
                Some(socket) if !full => match socket.next_now() {
                    Some(next) => incoming = next,
                    None => return,
                },
                _ => return,
            }
        }
    }

    /// The reason of a close frame may have had room for the beginning of a secret only, which nobody recognises within
    /// a sentence.
    fn with_masked_reason(&self, close: PeerClose) -> PeerClose {
        if self.show_secrets {
            return close;
        }
        PeerClose { reason: self.report.secrets().mask_cut(&close.reason).into_owned(), ..close }
    }

    fn take_inputs(&mut self, inputs: Vec<Input>, now: Now) {
        for input in inputs {
            match input {
                Input::Message(message) => self.state.input(message, now),
                Input::Unusable(text) => {
                    self.report.warning(&text);
                    self.state.input_unusable();
                }
            }
        }
    }

    fn take_order(&mut self, order: Order, now: Now) {
        let state = &mut self.state;
        match order {
            Order::Send(message) => state.send_or_queue(message, now),
            Order::SendNow(message) => state.send_now(message, now),
            Order::Ping(payload) => state.order_ping(payload, now),
            Order::Subscribe(topics) => state.order_subscribe(topics, now),
            Order::Unsubscribe(topics) => state.order_unsubscribe(&topics, now),
            Order::Command(name, arguments) => state.order_command(&name, &arguments, now),
            Order::Reconnect => state.order_reconnect(now),
            Order::Queue { clear: true } => {
                let count = state.clear_queue();
                state.todo.answers.push(format!("deleted {}", text::counted(count, "queued message")));
            }
            Order::Queue { clear: false } => self.controller.news(News::Queue(state.queued().collect())),
            Order::Close(close) => state.order_close(close, now),
            Order::End(outcome) => state.end_as(outcome, now),
            Order::Signal(outcome) => {
                if state.outcome().is_some_and(Outcome::is_signal) {
                    // Whoever asks again does not want to wait any more.
                    self.drained_by = Some(now.mono);
                }
                state.signal(outcome, now);
            }
            Order::ReaderGone => state.reader_gone(now),
        }
    }

    /// Takes an order that comes while the rest of the output is written. `true`: that is not to be waited for.
    fn take_late_order(&mut self, order: Order) -> bool {
        let outcome = match order {
            Order::Signal(outcome) => outcome,
            // Whoever asks again does not want to wait any more.
            Order::Close(_) => Outcome::interrupted(),
            order => {
                self.controller.news(News::TooLate(&order));
                return false;
            }
        };
        self.state.signal(outcome, now());
        self.drained_by = Some(Instant::now());
        true
    }

    fn tell_standing(&mut self) {
        self.controller.news(News::Standing(self.state.standing()));
        if let Some(topics) = self.state.changed_topics() {
            self.controller.news(News::Topics(topics));
        }
    }

    fn pipeline_died(&mut self, now: Now) {
        let stop = Some(Stop::OutputFailed("the output thread ended unexpectedly".to_owned(), None));
        self.state.progress(Progress { stop, ..Progress::default() }, now);
    }

    /// The last frames, the last output, the summary; then the outcome.
    async fn wind_up(mut self) -> Outcome {
        self.last_frames().await;
        self.drop_socket();
        self.opening = None;
        if let Some(old) = self.old.take() {
            self.account(&old);
        }
        self.push_events();
        self.drain(OutputQueue::is_idle).await;
        if !self.batch.is_empty() {
            self.push_events();
            self.drain(OutputQueue::is_idle).await;
        }
        let outcome = self.outcome();
        self.state.summary(&outcome, self.wire, now());
        self.push_events();
        self.output.close();
        let dropped = backlog::dropped(self.state.totals().dropped);
        dropped.iter().for_each(|text| self.report.warning(text));
        // A program over the whole stream may only speak now that the stream has ended.
        self.drain(|_| false).await;
        self.last_words().await;
        let mut outcome = self.outcome();
        if outcome.reason == EndReason::OutputFailed {
            outcome.details.extend(backlog::missing(self.state.unwritten()));
        }
        outcome
    }

    /// What follows from the last lines being written, and from the end: acknowledgements and calls that unsubscribe, for
    /// a while, and the cursor.
    async fn last_words(&mut self) {
        self.hand_out();
        let calls =
            [(self.acks.take(), "event", "acknowledged"), (self.last_calls.take(), "topic", "unsubscribed")];
        for (calls, of, done) in calls {
            let Some(calls) = calls else { continue };
            let lost = tokio::select! {
                lost = calls.finish(LAST_ACKS) => lost,
                outcome = next_signal(&mut *self.controller) => return self.state.signal(outcome, now()),
            };
            if lost > 0 {
                self.report.notice(&format!("{} not {done}", text::counted(lost, of)));
            }
        }
        if let Some(Err(failure)) = self.cursor_keeper.take().map(CursorKeeper::finish) {
            let stop = Some(Stop::OutputFailed(failure.what, None));
            let totals = *self.state.totals();
            self.state.progress(Progress { stop, totals, ..Progress::default() }, now());
        }
    }

    fn outcome(&self) -> Outcome {
        let outcome =
            self.state.outcome().cloned().unwrap_or_else(|| Outcome::new(EndReason::Closed, Exit::Ok));
        outcome.settled(self.asked, self.state.totals())
    }

    async fn last_frames(&mut self) {
        self.pass_on_events();
        self.tell_people();
        let queued = self.state.clear_queue();
        if queued > 0 {
            self.report.warning(&format!("{} not sent", text::counted(queued, "queued message")));
        }
        self.tell_standing();
        self.send_frames();
        let Some(socket) = &mut self.socket else { return };
        if socket.has_backlog() {
            // If the peer does not take it, it will not miss it.
            let _ = tokio::time::timeout(LAST_FLUSH, socket.next(false)).await;
        }
    }

    /// Waits until what was pushed is written, as long as its reader takes, or as long as the end allows. A
    /// signal always ends the wait.
    async fn drain(&mut self, done: impl Fn(&OutputQueue) -> bool) {
        let patience = match self.outcome().reason {
            // The recording gets what had arrived by then.
            EndReason::ReaderGone | EndReason::OutputFailed if self.output.may_record() => Some(LAST_DRAIN),
            // A write that cannot go on ends at once, and reports what of it was written.
            EndReason::ReaderGone if self.state.awaits_lines() => Some(LAST_NEWS),
            EndReason::ReaderGone | EndReason::OutputFailed => Some(Duration::ZERO),
            EndReason::Interrupted | EndReason::Terminated | EndReason::MaxTime => Some(LAST_DRAIN),
            _ => None,
        };
        if let Some(patience) = patience {
            self.drained_by.get_or_insert(Instant::now() + patience);
        }
        let deadline = self.drained_by;
        while !done(&self.output) {
            tokio::select! {
                biased;
                progress = self.output.progress() => match progress {
                    Some(progress) => self.state.progress(progress, now()),
                    None => return,
                },
                order = next_order(&mut *self.controller) => if self.take_late_order(order) { return },
                () = until(deadline) => return self.give_up_output(),
            }
        }
    }

    /// The reader of the output is too slow for the end that was asked for.
    fn give_up_output(&mut self) {
        let text = "output was not read in time: the remaining output is lost";
        // Whoever leads sessions that share an output says what becomes of it.
        let shared = matches!(self.output, OutputQueue::Shared(_));
        if shared || mem::replace(&mut self.output_lost, true) {
            return;
        }
        match self.outcome().reason {
            EndReason::MaxTime => self.state.progress(
                Progress {
                    stop: Some(Stop::OutputFailed(text.to_owned(), None)),
                    totals: *self.state.totals(),
                    ..Progress::default()
                },
                now(),
            ),
            EndReason::Interrupted | EndReason::Terminated => self.report.warning(text),
            _ => {}
        }
    }
}

/// The most bytes of a message that a notice shows.
const MOST_SHOWN: usize = 3 << 10;

/// Shows people who want to see more the bytes of a message that could not be read: all of them, or as many around the
/// place as a notice has room for.
pub fn show_bytes(message: &Unreadable, report: &Report) {
    if !report.shows(Level::Verbose) {
        return;
    }
    let masked = report.secrets().mask_bytes(&message.bytes);
    let bytes = masked.as_deref().unwrap_or(&message.bytes);
    let start = message.at.min(bytes.len()).saturating_sub(MOST_SHOWN / 2);
    let start = start.min(bytes.len().saturating_sub(MOST_SHOWN));
    let end = (start + MOST_SHOWN).min(bytes.len());
    let which = if end - start < bytes.len() { format!("bytes {start} to {end} of ") } else { String::new() };
    let shown = STANDARD.encode(&bytes[start..end]);
    report.verbose(&format!("message {}: {which}{} bytes in base64: {shown}", message.seq, bytes.len()));
}

/// The current moment on both clocks.
fn now() -> Now {
    Now { mono: Instant::now(), wall: clock::now() }
}

async fn next_input(input: &mut Option<Source>) -> Option<Vec<Input>> {
    input.as_mut()?.next().await
}
