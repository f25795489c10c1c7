//! One client's connection from its upgrade to its end.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::faults::{self, Course};
use super::link::{Ending, Link, Turn};
use super::pace::Pace;
use super::wire::Wire;
use super::{ClientRegistry, stopped};
use crate::frames::Compression;
use crate::provider::conn::Parting;
use crate::provider::{Conn, Cut, Peer, Say, ServerPings, Settings, Then};
use crate::waiting::until;

/// How long a client has to answer a close frame.
const CLOSING: Duration = Duration::from_secs(3);

/// How long the server stays deaf to a client that has left: one that has only said its last may still be listening.
pub(super) const DEAF_TO_NOBODY: Duration = Duration::from_secs(10);

/// Speaks with a client until one of the two ends it, or the server stops.
pub(super) async fn converse(
    (wire, tail, compression): (Wire, Vec<u8>, Option<Compression>),
    peer: Box<dyn Peer>,
    (conn, registry, settings, entry): (Arc<Conn>, Arc<ClientRegistry>, Arc<Settings>, faults::ConnFaults),
    mut stop: watch::Receiver<bool>,
) {
    let limits = peer.limits();
    conn.set_bound(limits.unread);
    let course = Course::new(entry, Instant::now());
    let mut link = Link::new(wire, tail, limits, compression).await;
    link.shape(course.shape());
    let mut conversation = Conversation::new(link, course, peer, (Arc::clone(&conn), registry), &settings);
    let ending = conversation.run(&mut stop).await;
    conn.shut();
    conversation.link.leave(ending).await;
}

struct Conversation {
    link: Link,
    /// What stands between what is said and the link.
    course: Course,
    peer: Box<dyn Peer>,
    conn: Arc<Conn>,
    registry: Arc<ClientRegistry>,
    pace: Pace,
    then: Then,
    alive: Option<Alive>,
    heartbeat: Option<Heartbeat>,
    /// How the server ends the connection, once it has decided to.
    goodbye: Option<Goodbye>,
    /// The same, for a decision that is carried out later.
    leaving: Option<Parting>,
}

/// The keep-alive of a connection.
struct Alive {
    rule: ServerPings,
    next_ping: Instant,
    last_pong: Instant,
}

struct Heartbeat {
    every: Duration,
    next: Instant,
}

enum Goodbye {
    Close(Option<u16>, String),
    Drop,
    Cut(Cut),
}

enum Wake {
    Turn(Turn),
    Post,
    Faults,
    Time,
    Stop,
    Greedy,
}

impl Conversation {
    fn new(
        link: Link,
        course: Course,
        peer: Box<dyn Peer>,
        (conn, registry): (Arc<Conn>, Arc<ClientRegistry>),
        settings: &Settings,
    ) -> Self {
        let alive = peer.keepalive().map(|rule| Alive::new(rule, settings));
        let heartbeat = peer.heartbeat_every().map(|every| Heartbeat::new(settings.scaled(every)));
        let (pace, then) = (Pace::new(settings), settings.then);
        Self {
            link,
            course,
            peer,
            conn,
            registry,
            pace,
            then,
            alive,
            heartbeat,
            goodbye: None,
            leaving: None,
        }
    }

    async fn run(&mut self, stop: &mut watch::Receiver<bool>) -> Ending {
        let first = self.peer.opened(&self.conn);
        self.say(first);
        loop {
            let made = self.send_due();
            self.deliver();
            if made > 0 {
                // A provider that takes longer for an event than there is time has always one due. Others run on this
                // thread too: with --mock, the client itself.
                tokio::task::yield_now().await;
            }
            match self.goodbye.take() {
                Some(Goodbye::Close(code, reason)) => return self.say_goodbye(code, &reason).await,
                Some(Goodbye::Drop) => return self.fall_silent().await,
                Some(Goodbye::Cut(cut)) => return self.cut(cut, stop).await,
                None => {}
            }
            match self.next(stop).await {
                Wake::Turn(Turn::Ended(ending)) => return ending,
                Wake::Turn(turn) => self.heard(turn),
                Wake::Post => self.read_post(),
                Wake::Faults => {
                    self.course.restart(Instant::now());
                    self.link.shape(self.course.shape());
                }
                Wake::Time if self.lost() => return Ending::Gone,
                Wake::Time => self.beat(),
                Wake::Greedy => return self.send_away(),
                Wake::Stop => return self.say_goodbye(Some(1001), "the mock server is shutting down").await,
            }
        }
    }

    /// Hands over the events that are due. Nothing is made while the client has yet to take what was made
    /// before, so a slow client costs a batch and no more. Returns how many were made.
    fn send_due(&mut self) -> u64 {
        if self.course.ending() || !self.ready() {
            return 0;
        }
        if self.registry.gate.is_shut() || self.course.silent() {
            self.pace.pause();
            return 0;
        }
        let now = Instant::now();
        let mut made = 0;
        for _ in 0..self.pace.due(now) {
            let Some(event) = self.peer.next_event() else {
                self.pace.pause();
                break;
            };
            self.send(event.into());
            made += 1;
        }
        self.pace.sent(made);
        if self.pace.finished(now) && self.then == Then::Close {
            self.send(Say::close(1000, ""));
        }
        made
    }

    /// Is the client to be given more than it has to read already?
    fn ready(&self) -> bool {
        self.link.drained() && self.course.has_room()
    }

    /// Waits for the client, the clock, or somebody else on the server. Events and post only matter once all is
    /// written.
    async fn next(&mut self, stop: &mut watch::Receiver<bool>) -> Wake {
        let drained = self.ready();
        self.link.set_backlog(self.course.bytes());
        let paused = self.registry.gate.is_shut();
        let silent = self.course.ending() || self.course.silent();
        let flows = |_: &Instant| drained && !paused && !silent;
        let event = self.pace.next_at().filter(flows);
        let own = self.peer.due_at().filter(flows);
        let ping = self.alive.as_ref().map(Alive::next_at);
        let beat = self.heartbeat.as_ref().map(|heartbeat| heartbeat.next);
        let leaving = self.leaving.map(|(at, ..)| at);
        let due = self.course.next_at();
        let wake = event.into_iter().chain(own).chain(ping).chain(beat).chain(leaving).chain(due).min();
        tokio::select! {
            turn = self.link.turn() => Wake::Turn(turn),
            () = self.conn.has_post(!drained) => Wake::Post,
            () = self.registry.gate.open(), if paused => Wake::Time,
            () = until(wake) => Wake::Time,
            () = self.course.exchanged() => Wake::Faults,
            () = self.conn.share.has_to_leave() => Wake::Greedy,
            () = stopped(stop) => Wake::Stop,
        }
    }

    /// Of what was posted to a client that is behind with reading, only its end is taken.
    fn read_post(&mut self) {
        if let Some(parting) = self.conn.parting() {
            self.leaving.get_or_insert(parting);
        }
        if self.conn.has_some(!self.ready()) {
            let post = self.conn.take();
            self.say(post);
        }
    }

    fn heard(&mut self, turn: Turn) {
        match turn {
            Turn::Data(message) => {
                self.registry.note_received(&self.conn, &message);
                let answers = self.peer.received(message);
                self.say(answers);
            }
            Turn::Pong => {
                if let Some(alive) = &mut self.alive {
                    alive.last_pong = Instant::now();
                }
            }
            Turn::Drained | Turn::Ended(_) => {}
        }
    }

    /// Says all of this, or as much as comes before a goodbye.
    fn say(&mut self, all: impl IntoIterator<Item = Say>) {
        for say in all {
            self.send(say);
        }
    }

    fn send(&mut self, say: Say) {
        if let Say::Batch(_) = say
            && !self.course.passes_batches()
        {
            return self.say(say.singly());
        }
        let say = match say {
            Say::Pong(_) if self.course.shape().no_pong => return,
            Say::Pong(message) => Say::Message(message),
            other => other,
        };
        if !self.course.ending() {
            match &say {
                Say::Message(message) => self.registry.count_sent(&self.conn, 1, message.len() as u64),
                Say::Batch(batch) => {
                    let (messages, bytes) = (batch.messages().len(), batch.payload());
                    self.registry.count_sent(&self.conn, messages as u64, bytes as u64);
                }
                _ => {}
            }
        }
        self.course.take(say, Instant::now());
    }

    /// Hands what is due to the link.
    fn deliver(&mut self) {
        let now = Instant::now();
        while let Some(say) = self.course.next(now) {
            match say {
                Say::Message(message) | Say::Pong(message) => self.link.send(message),
                Say::Batch(batch) => self.link.send_batch(&batch),
                Say::Ping => self.link.ping(),
                Say::Stall(_) => {}
                Say::Raw(bytes) => self.link.send_raw(bytes),
                Say::Close { code, reason } => self.goodbye = Some(Goodbye::Close(code, reason)),
                Say::CloseIn { after, code, reason } => {
                    self.leaving.get_or_insert((now + after, code, reason));
                }
                Say::Drop => self.goodbye = Some(Goodbye::Drop),
                Say::Cut(cut) => self.goodbye = Some(Goodbye::Cut(cut)),
            }
        }
    }

    /// Pings if it is time to; true if the client has not answered for too long.
    fn lost(&mut self) -> bool {
        let Some(alive) = &mut self.alive else { return false };
        let now = Instant::now();
        if self.course.withholds_heartbeat() {
            (alive.last_pong, alive.next_ping) = (now, now + alive.rule.every);
        }
        if now - alive.last_pong >= alive.rule.patience {
            return true;
        }
        if now >= alive.next_ping {
            alive.next_ping = now + alive.rule.every;
            self.link.ping();
        }
        false
    }

    fn beat(&mut self) {
        let now = Instant::now();
        let due = self.heartbeat.as_mut().is_some_and(|heartbeat| heartbeat.due(now));
        if due && !self.course.withholds_heartbeat() {
            let said = self.peer.heartbeat();
            self.say(said);
        }
        if let Some((at, code, reason)) = self.leaving
            && now >= at
        {
            self.say([Say::close(code, reason)]);
        }
        let timely = self.peer.due_at().is_some_and(|at| at <= now);
        if timely
            && self.ready()
            && !self.course.ending()
            && !self.course.silent()
            && !self.registry.gate.is_shut()
        {
            let said = self.peer.due();
            self.say(said);
        }
    }

    /// Ends the connection of a client that takes too much memory, without a word: whatever waits for it is what it
    /// is sent away for.
    fn send_away(&self) -> Ending {
        self.registry.tell_greedy(self.conn.id);
        Ending::Gone
    }

    async fn say_goodbye(&mut self, code: Option<u16>, reason: &str) -> Ending {
        self.link.close(code, reason);
        let link = &mut self.link;
        let closed = async {
            loop {
                if let Turn::Ended(ending) = link.turn().await {
                    break ending;
                }
            }
        };
        tokio::select! {
            closed = timeout(CLOSING, closed) => closed.unwrap_or(Ending::Gone),
            () = self.conn.share.has_to_leave() => Ending::Gone,
        }
    }

    /// Ends the connection without a word more, or stays on it deaf and dumb until somebody else ends it or the client
    /// has been gone for a while.
    async fn cut(&mut self, cut: Cut, stop: &mut watch::Receiver<bool>) -> Ending {
        self.fall_silent().await;
        match cut {
            Cut::Fin => Ending::Closed,
            Cut::Reset => Ending::Reset,
            Cut::Silence => {
                tokio::select! {
                    () = forgotten(&self.link) => {}
                    () = self.conn.share.has_to_leave() => {}
                    () = told_to_end(&self.conn) => {}
                    () = stopped(stop) => {}
                }
                Ending::Gone
            }
        }
    }

    /// Lets what was said go out, and then says nothing more.
    async fn fall_silent(&mut self) -> Ending {
        let written = async {
            while !self.link.drained() {
                if let Turn::Ended(_) = self.link.turn().await {
                    break;
                }
            }
        };
        let _ = timeout(CLOSING, written).await;
        Ending::Gone
    }
}

async fn forgotten(link: &Link) {
    link.left().await;
    sleep(DEAF_TO_NOBODY).await;
}

/// Throws away what is posted until it is an end, and waits for one that is due later.
pub(super) async fn told_to_end(conn: &Conn) {
    loop {
        conn.has_post(false).await;
        if let Some((at, ..)) = conn.parting() {
            return sleep_until(at).await;
        }
        if conn.take().iter().any(Say::ends) {
            return;
        }
    }
}

impl Alive {
    fn new(rule: ServerPings, settings: &Settings) -> Self {
        let now = Instant::now();
        let rule =
            ServerPings { every: settings.scaled(rule.every), patience: settings.scaled(rule.patience) };
        Self { rule, next_ping: now + rule.every, last_pong: now }
    }

    fn next_at(&self) -> Instant {
        self.next_ping.min(self.last_pong + self.rule.patience)
    }
}

impl Heartbeat {
    fn new(every: Duration) -> Self {
        Self { every, next: Instant::now() + every }
    }

    /// Is it time for one? True once for each.
    fn due(&mut self, now: Instant) -> bool {
        let due = now >= self.next;
        if due {
            self.next = now + self.every;
        }
        due
    }
}
