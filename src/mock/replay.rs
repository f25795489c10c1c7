//! `--replay`: a recorded session, played to clients from the server's side. What a recording holds of several
//! connections are several tapes.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

use crate::error::{Failure, Result};
use crate::event::Direction;
use crate::file;
use crate::handshake::server::Request;
use crate::har;
use crate::limits;
use crate::message::Message;
use crate::net::WsUrl;
use crate::pipeline::record::{self, Ended, Moment, What};
use crate::provider::{Answer, Conn, ConnLimits, Peer, Say, Then};

/// The most messages that are handed over at once. Between two batches the client is listened to.
const BATCH: usize = 256;

/// What is accepted of clients: what a recording holds of them, it holds whole.
const MAX: usize = 64 << 20;

/// What is played, and how.
#[derive(Clone, Debug, PartialEq)]
pub struct ReplaySettings {
    /// A recording, or a HAR with `_webSocketMessages`.
    pub file: PathBuf,
    /// How fast.
    pub speed: Speed,
    /// Where the recorded client had sent a message, wait for one.
    pub sync: bool,
}

/// How fast a recording is played.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Speed {
    /// This many times as fast as it was.
    Times(f64),
    /// As fast as the client reads.
    Max,
}

impl FromStr for Speed {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if text == "max" {
            return Ok(Self::Max);
        }
        match text.parse() {
            Ok(times) if (0.001..=1e6).contains(&times) => Ok(Self::Times(times)),
            _ => Err("expected a number from 0.001 to 1000000, or 'max'".to_owned()),
        }
    }
}

/// What is played on all paths that no provider owns.
#[derive(Debug)]
pub(super) struct Replay {
    tapes: Vec<Arc<Tape>>,
    /// The tapes that were recorded at a path, and how often one of them was asked for.
    by_path: BTreeMap<String, (Vec<usize>, AtomicUsize)>,
    played: AtomicUsize,
    settings: ReplaySettings,
}

/// One recorded connection.
#[derive(Debug, Default)]
struct Tape {
    path: Option<String>,
    subprotocol: Option<String>,
    cues: Vec<Cue>,
    end: Option<(Duration, Say)>,
    start: Option<Timestamp>,
}

/// What happens at a time, counted from the opening of the connection.
#[derive(Debug)]
struct Cue {
    at: Duration,
    /// What the server says; `None` where the client had its say.
    line: Option<Message>,
}

impl Replay {
    /// Reads a file whole.
    ///
    /// # Errors
    /// A file that cannot be read or holds nothing to play.
    pub(super) fn load(settings: &ReplaySettings, then: Then) -> Result<Self> {
        Self::of(&read(&settings.file)?, settings, then)
    }

    fn of(text: &str, settings: &ReplaySettings, then: Then) -> Result<Self> {
        let mut tapes: BTreeMap<u32, Tape> = BTreeMap::new();
        for line in text.lines().filter(|line| !line.trim().is_empty()) {
            match record::read_moment(line) {
                Some(moment) => tapes.entry(moment.conn).or_default().add(moment),
                None => tapes.entry(1).or_default().add_plain(line),
            }
        }
        let tapes: Vec<Tape> = tapes.into_values().filter(Tape::is_worth_playing).collect();
        if tapes.is_empty() {
            let what = format!("--replay {}: no messages found", settings.file.display());
            return Err(Failure::usage(what).hint(
                "use a recording of --record, a HAR with WebSocket messages, or a file with one message per line",
            ));
        }
        let tapes: Vec<Arc<Tape>> = tapes.into_iter().map(|tape| Arc::new(tape.ending(then))).collect();
        let mut by_path: BTreeMap<String, (Vec<usize>, AtomicUsize)> = BTreeMap::new();
        for (index, tape) in tapes.iter().enumerate() {
            if let Some(path) = &tape.path {
                by_path.entry(path.clone()).or_default().0.push(index);
            }
        }
        Ok(Self { tapes, by_path, played: AtomicUsize::new(0), settings: settings.clone() })
    }

    /// Plays the next tape: of those that were recorded at this path, if there are any. After the last comes the
    /// first again.
    pub(super) fn answer(&self, request: &Request) -> Answer {
        let tape = match self.by_path.get(request.path()) {
            Some((known, played)) => known[played.fetch_add(1, Ordering::Relaxed) % known.len()],
            None => self.played.fetch_add(1, Ordering::Relaxed) % self.tapes.len(),
        };
        let tape = Arc::clone(&self.tapes[tape]);
        let mut offered = request.list("Sec-WebSocket-Protocol");
        let protocol = tape.subprotocol.clone().filter(|chosen| offered.any(|offered| offered == chosen));
        Answer::Upgrade { protocol, peer: Box::new(Player::new(tape, &self.settings)) }
    }
}

/// Hostile recordings: they can be played, or the mistake is told.
#[cfg(any(test, fuzzing))]
pub(crate) fn hostile(text: &str) {
    let settings = ReplaySettings { file: PathBuf::new(), speed: Speed::Times(0.001), sync: true };
    for then in [Then::Stay, Then::Close] {
        let Ok(replay) = Replay::of(text, &settings, then) else { continue };
        for tape in &replay.tapes {
            let player = Player::new(Arc::clone(tape), &settings);
            for at in tape.cues.iter().map(|cue| cue.at).chain(tape.end.iter().map(|(at, _)| *at)) {
                assert!(player.begun.checked_add(player.scaled(at)).is_some(), "{at:?}");
            }
        }
    }
}

fn read(path: &Path) -> Result<String> {
    let what = format!("--replay {}", path.display());
    if har::is_har(path) {
        return har::read(path, &what).map(|har| har.records);
    }
    let text =
        file::text(path, file::MAX_RECORDED).map_err(|error| Failure::usage_of_system(what, &error))?;
    Ok(har::har_in(&text).map_or(text, |har| har.records))
}

impl Tape {
    fn add(&mut self, moment: Moment) {
        let at = self.time(moment.at);
        match moment.what {
            What::Open { url, subprotocol } => {
                let url = WsUrl::parse(&url).ok();
                self.path = url.map(|url| url.path().to_owned());
                self.subprotocol = subprotocol;
            }
            What::Message(Direction::In, message) => self.cues.push(Cue { at, line: Some(message) }),
            What::Message(Direction::Out, _) => self.cues.push(Cue { at, line: None }),
            What::Close(ended) => self.end = last_word(&ended).map(|say| (at, say)),
            What::Other => {}
        }
    }

    /// A line that is a message by itself has no time of its own.
    fn add_plain(&mut self, line: &str) {
        let at = self.cues.last().map_or(Duration::ZERO, |cue| cue.at);
        self.cues.push(Cue { at, line: Some(Message::text(line.to_owned())) });
    }

    fn time(&mut self, at: Option<Timestamp>) -> Duration {
        let Some(at) = at else { return Duration::ZERO };
        let start = *self.start.get_or_insert(at);
        Duration::try_from(at.duration_since(start)).unwrap_or_default()
    }

    fn is_worth_playing(&self) -> bool {
        !self.cues.is_empty() || self.end.is_some()
    }

    /// What follows where the recording does not say that the server ended it.
    fn ending(mut self, then: Then) -> Self {
        if self.end.is_none() && then == Then::Close {
            let at = self.cues.last().map_or(Duration::ZERO, |cue| cue.at);
            self.end = Some((at, Say::Close { code: Some(1000), reason: String::new() }));
        }
        self
    }
}

/// How the server ended the connection, if it was not the client that did.
fn last_word(ended: &Ended) -> Option<Say> {
    match (ended.by.as_str(), ended.code) {
        ("us", _) => None,
        ("network", _) | (_, 1006) => Some(Say::Drop),
        (_, 1005) => Some(Say::Close { code: None, reason: String::new() }),
        (_, code) => Some(Say::close(code, ended.reason.clone())),
    }
}

/// The server's end of one connection.
struct Player {
    tape: Arc<Tape>,
    speed: Speed,
    sync: bool,
    /// The cue that is next.
    at: usize,
    /// When the tape's time began, as if it had been played without a stop.
    begun: Instant,
    /// Messages of the client that no cue has taken.
    heard: usize,
    next: Option<Instant>,
    ended: bool,
}

impl Player {
    fn new(tape: Arc<Tape>, settings: &ReplaySettings) -> Self {
        let (speed, sync) = (settings.speed, settings.sync);
        Self { tape, speed, sync, at: 0, begun: Instant::now(), heard: 0, next: None, ended: false }
    }

    /// Finds what is to be said next, and when.
    fn look_ahead(&mut self) {
        self.next = None;
        while let Some(cue) = self.tape.cues.get(self.at) {
            if cue.line.is_some() {
                self.next = Some(self.begun + self.scaled(cue.at));
                return;
            }
            if self.sync && self.heard == 0 {
                return;
            }
            if self.sync {
                self.heard -= 1;
                let now = Instant::now();
                self.begun = now.checked_sub(self.scaled(cue.at)).unwrap_or(now);
            }
            self.at += 1;
        }
        if let Some((at, _)) = self.tape.end.as_ref().filter(|_| !self.ended) {
            self.next = Some(self.begun + self.scaled(*at));
        }
    }

    fn scaled(&self, time: Duration) -> Duration {
        // A century from now is as good as never, and can still be added to.
        let longest = Duration::from_secs(100 * 365 * 24 * 3600);
        match self.speed {
            Speed::Max => Duration::ZERO,
            Speed::Times(times) => {
                Duration::try_from_secs_f64(time.as_secs_f64() / times).unwrap_or(longest).min(longest)
            }
        }
    }
}

impl Peer for Player {
    fn limits(&self) -> ConnLimits {
        ConnLimits { message: MAX, ..ConnLimits::default() }
    }

    fn opened(&mut self, _conn: &Arc<Conn>) -> Vec<Say> {
        self.begun = Instant::now();
        self.look_ahead();
        Vec::new()
    }

    fn received(&mut self, _message: Message) -> Vec<Say> {
        self.heard = self.heard.saturating_add(1);
        if self.next.is_none() {
            self.look_ahead();
        }
        Vec::new()
    }

    fn due_at(&self) -> Option<Instant> {
        self.next
    }

    fn due(&mut self) -> Vec<Say> {
        let (mut said, mut bytes, now) = (Vec::new(), 0, Instant::now());
        while said.len() < BATCH && bytes < limits::MOCK_REPLAY && self.next.is_some_and(|next| next <= now) {
            match (self.tape.cues.get(self.at), &self.tape.end) {
                (Some(cue), _) => {
                    bytes += cue.line.as_ref().map_or(0, Message::len);
                    said.extend(cue.line.clone().map(Say::from));
                }
                (None, Some((_, end))) => {
                    said.push(end.clone());
                    self.ended = true;
                }
                (None, None) => {}
            }
            self.at += 1;
            self.look_ahead();
        }
        said
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn player(lines: &[String], speed: Speed, sync: bool) -> Player {
        let mut tape = Tape::default();
        for line in lines {
            tape.add(record::read_moment(line).unwrap());
        }
        let settings = ReplaySettings { file: PathBuf::new(), speed, sync };
        Player::new(Arc::new(tape.ending(Then::Stay)), &settings)
    }

    fn line(second: u32, rest: &str) -> String {
        format!(r#"{{"v":1,"ts":"2026-01-01T00:00:{second:02}.000000Z","conn":1,{rest}}}"#)
    }

    fn session() -> Vec<String> {
        vec![
            line(0, r#""type":"open","url":"ws://h/a?token=***""#),
            line(2, r#""type":"message","dir":"in","text":"hello""#),
            line(10, r#""type":"message","dir":"out","text":"more""#),
            line(11, r#""type":"message","dir":"in","text":"there""#),
            line(12, r#""type":"close","by":"peer","code":4001,"reason":"r","clean":true"#),
        ]
    }

    fn open(player: &mut Player) -> Instant {
        player.opened(&crate::provider::conn::tests::conn(1));
        Instant::now()
    }

    fn hello() -> Message {
        Message::text("hello")
    }

    #[tokio::test(start_paused = true)]
    async fn the_recorded_times_are_kept_or_divided() {
        for (speed, factor) in [(Speed::Times(1.0), 10), (Speed::Times(10.0), 1)] {
            let mut player = player(&session(), speed, false);
            let begun = open(&mut player);
            let tenths = |n: u64| Duration::from_millis(100 * n * factor);
            assert_eq!(player.due_at(), Some(begun + tenths(2)));
            assert_eq!(player.due(), []);
            tokio::time::advance(tenths(2)).await;
            assert_eq!(player.due(), [hello().into()]);
            assert_eq!(player.due_at(), Some(begun + tenths(11)));
            tokio::time::advance(tenths(10)).await;
            assert_eq!(player.due(), [Message::text("there").into(), Say::close(4001, "r")]);
            assert_eq!(player.due_at(), None);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_played_at_once_is_bounded_in_bytes() {
        let text = "x".repeat(limits::MOCK_REPLAY / 2);
        let line = |n| line(n, &format!(r#""type":"message","dir":"in","text":"{text}""#));
        let mut player = player(&[line(0), line(1), line(2), line(3), line(4)], Speed::Max, false);
        open(&mut player);
        assert_eq!([player.due().len(), player.due().len(), player.due().len()], [2, 2, 1]);
    }

    #[tokio::test(start_paused = true)]
    async fn in_step_with_the_client() {
        let mut player = player(&session(), Speed::Times(1.0), true);
        open(&mut player);
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(player.due(), [hello().into()]);
        assert_eq!(player.due_at(), None, "it waits for the client");
        player.received(hello());
        assert_eq!(player.due_at(), Some(Instant::now() + Duration::from_secs(1)));
        // A message that came before it was waited for counts as well.
        let mut early = self::player(&session(), Speed::Max, true);
        open(&mut early);
        early.received(hello());
        assert_eq!(early.due().len(), 3);
    }

    #[test]
    fn ends_are_those_that_the_server_made() {
        let end = |by: &str, code| last_word(&Ended { by: by.into(), code, ..Ended::default() });
        assert_eq!(end("us", 1000), None);
        assert_eq!(end("network", 1006), Some(Say::Drop));
        assert_eq!(end("peer", 1005), Some(Say::Close { code: None, reason: String::new() }));
        assert_eq!(end("peer", 1011), Some(Say::close(1011, "")));
    }
}
