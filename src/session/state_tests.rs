//! The rules of the session with an explicit clock.

use super::*;
use crate::codec::{Coding, Steps};
use crate::dialect::{self, Beat, ClientSetup, Facts, Meaning, Rhythm, Sign, Silence};
use crate::event::Role;
use crate::frames::FrameFault;
use crate::pipeline::Stop;
use crate::session::policy::{EndPolicy, Linger, ReconnectPolicy};
use crate::session::subscription::EARLY_DROP;

const MS: Duration = Duration::from_millis(1);
const TOPIC: &str = "customer_id:12345678-1234-1234-1234-123456789012:call:*";

/// A state with a clock that stands still until it is told to go on.
struct Bench {
    state: State,
    now: Now,
}

fn policy() -> Policy {
    Policy {
        topics: Vec::new(),
        greeting: Vec::new(),
        echo: false,
        keep_going: false,
        end: EndPolicy::default(),
        ping_interval: None,
        ping_timeout: 20 * MS,
        reconnect: None,
        close: (1000, String::new()),
        time_scale: 1.0,
        dedupe: true,
        cursor: None,
        missed_since: None,
        taken_over_from: None,
        facts: None,
        show_secrets: false,
        prompt: false,
        coding: Coding::default(),
    }
}

fn ending(end: EndPolicy) -> Policy {
    Policy { end, ..policy() }
}

/// A plain connection that pings every 15 ms.
fn pinging() -> Bench {
    Bench::open("plain", Policy { ping_interval: Some(15 * MS), ..policy() })
}

impl Bench {
    /// Not connected yet.
    fn new(dialect: &str, policy: Policy) -> Self {
        Self::of(dialect::by_name(dialect).unwrap().client(&ClientSetup::default()).unwrap(), policy)
    }

    fn of(client: Box<dyn Client>, policy: Policy) -> Self {
        let now = Now { mono: Instant::now(), wall: "2026-01-02T03:04:05Z".parse().unwrap() };
        Self { state: State::new(policy, client, fastrand::Rng::with_seed(1), now), now }
    }

    /// Connected, with the bookkeeping of that out of the way.
    fn open(dialect: &str, policy: Policy) -> Self {
        let mut bench = Self::new(dialect, policy);
        bench.state.opened(ConnectionInfo::default(), bench.now);
        bench
    }

    fn after(&mut self, time: Duration) -> &mut Self {
        self.now.mono += time;
        self.state.tick(self.now, false);
        self
    }

    fn text(&mut self, text: &str) {
        self.state.received(Frame::text(text.to_owned()), self.now);
    }

    fn frames(&mut self) -> Vec<String> {
        let show = |frame: Frame| match frame {
            Frame::Close(close) => format!("close {}", close.map_or(1005, |close| u16::from(close.code))),
            Frame::Ping(payload) => format!("ping {}", String::from_utf8_lossy(&payload)),
            frame => frame.to_text().unwrap().to_owned(),
        };
        self.state.todo.frames.drain(..).map(show).collect()
    }

    fn notices(&mut self) -> String {
        self.state.todo.notices.drain(..).map(|notice| notice.text + "\n").collect()
    }

    /// The reason and the status of the end, where it is decided.
    fn end(&self) -> Option<(&'static str, Exit)> {
        self.state.outcome().map(|outcome| (outcome.reason.name(), outcome.exit))
    }

    fn stop(&mut self, stop: Stop) {
        self.state.progress(Progress { stop: Some(stop), ..Progress::default() }, self.now);
    }
}

#[test]
fn the_deadline_of_a_ping_runs_from_the_first_unanswered_one() {
    let mut bench = pinging();
    assert_eq!(bench.after(14 * MS).frames(), [""; 0]);
    assert_eq!(bench.after(MS).frames(), ["ping 1"]);
    // The second ping, 15 ms later, does not move the deadline of the first.
    assert_eq!(bench.after(15 * MS).frames(), ["ping 2"]);
    assert_eq!(bench.after(4 * MS).end(), None);
    assert_eq!(bench.state.deadline(), Some(bench.now.mono + MS));
    assert_eq!(bench.after(MS).end(), Some(("silent", Exit::LinkSilent)));
    assert!(bench.state.ended() && bench.state.todo.drop_link);
}

#[test]
fn anything_that_comes_is_a_sign_of_life() {
    for sign in [Frame::text("x"), Frame::Ping(Bytes::new()), Frame::Pong(Bytes::from_static(b"unasked"))] {
        let mut bench = pinging();
        bench.after(15 * MS);
        bench.state.received(sign, bench.now);
        assert_eq!(bench.after(14 * MS).after(MS).after(19 * MS).end(), None);
        assert_eq!(bench.after(MS).end(), Some(("silent", Exit::LinkSilent)));
    }
}

#[test]
fn a_peer_that_is_not_read_is_not_silent() {
    let mut bench = pinging();
    bench.after(15 * MS);
    bench.state.set_reading(false, bench.now);
    assert_eq!(bench.after(1000 * MS).end(), None);
    bench.state.set_reading(true, bench.now);
    assert_eq!(bench.after(19 * MS).end(), None);
    assert_eq!(bench.after(MS).end(), Some(("silent", Exit::LinkSilent)));
}

#[test]
fn a_ping_behind_a_large_message_has_time_as_long_as_the_message_moves() {
    let mut bench = pinging();
    bench.after(15 * MS);
    bench.state.set_backlog(true, bench.now);
    for written in 1..100 {
        bench.state.set_written(written, bench.now);
        assert_eq!(bench.after(19 * MS).end(), None);
    }
    assert_eq!(bench.after(MS).end(), Some(("silent", Exit::LinkSilent)));
}

#[test]
fn a_pong_has_a_round_trip_time_if_it_answers_our_last_ping() {
    let mut bench = pinging();
    bench.after(15 * MS).now.mono += 3 * MS;
    for (payload, time) in [("2", None), ("1", Some(3 * MS)), ("1", None)] {
        bench.state.todo.events.clear();
        bench.state.received(Frame::Pong(Bytes::from(payload)), bench.now);
        let event = &bench.state.todo.events[0].kind;
        assert!(matches!(event, Kind::Pong(_, rtt) if *rtt == time), "{event:?}");
    }
}

#[test]
fn lingering_starts_when_everything_is_sent_and_again_with_every_message() {
    let linger = Linger { fed: Some(10 * MS), unfed: None };
    let mut bench = Bench::open("plain", ending(EndPolicy { linger, ..EndPolicy::default() }));
    bench.state.input(Message::text("a"), bench.now);
    bench.state.set_backlog(true, bench.now);
    bench.state.input_ended(bench.now);
    assert_eq!(bench.after(1000 * MS).end(), None);
    bench.state.set_backlog(false, bench.now);
    assert_eq!(bench.after(9 * MS).end(), None);
    bench.text("answer");
    assert_eq!(bench.after(9 * MS).end(), None);
    assert_eq!(bench.after(MS).end(), Some(("input_ended", Exit::Ok)));
    assert_eq!(bench.frames(), ["a", "close 1000"]);
}

#[test]
fn lingering_is_about_an_open_connection_and_about_input_that_had_lines() {
    let linger = Linger { fed: Some(10 * MS), unfed: None };
    let mut misfed = Bench::open("plain", ending(EndPolicy { linger, ..EndPolicy::default() }));
    misfed.state.input_unusable();
    misfed.state.input_ended(misfed.now);
    assert_eq!(misfed.after(10 * MS).end(), Some(("input_ended", Exit::Ok)));
    let mut unfed = Bench::open("plain", ending(EndPolicy { linger, ..EndPolicy::default() }));
    unfed.state.input_ended(unfed.now);
    assert_eq!(unfed.after(1000 * MS).end(), None);
    let linger = Linger { fed: Some(10 * MS), unfed: Some(10 * MS) };
    let mut early = Bench::new("plain", ending(EndPolicy { linger, ..EndPolicy::default() }));
    early.state.input_ended(early.now);
    assert_eq!(early.after(1000 * MS).end(), None);
    early.state.opened(ConnectionInfo::default(), early.now);
    assert_eq!(early.after(9 * MS).end(), None);
    assert_eq!(early.after(MS).end(), Some(("input_ended", Exit::Ok)));
}

#[test]
fn the_first_time_to_be_up_wins_and_the_longest_rule_is_asked_first() {
    let both = |idle: u32, max: u32| EndPolicy {
        idle_timeout: Some(idle * MS),
        max_time: Some(max * MS),
        ..EndPolicy::default()
    };
    let end = |idle, max, wait: u32| Bench::open("plain", ending(both(idle, max))).after(wait * MS).end();
    assert_eq!(end(10, 20, 10), Some(("idle_timeout", Exit::Ok)));
    assert_eq!(end(20, 10, 10), Some(("max_time", Exit::Ok)));
    assert_eq!(end(10, 10, 10), Some(("max_time", Exit::Ok)));
    assert_eq!(end(10, 20, 9), None);
    // Time before the connection is open counts for one of them only.
    let mut bench = Bench::new("plain", ending(both(10, 30)));
    bench.after(20 * MS);
    bench.state.opened(ConnectionInfo::default(), bench.now);
    assert_eq!(bench.after(9 * MS).end(), None);
    assert_eq!(bench.after(MS).end(), Some(("max_time", Exit::Ok)));
}

#[test]
fn a_closing_handshake_is_waited_for_but_not_for_long() {
    let mut bench = Bench::open("plain", policy());
    bench.stop(Stop::Count);
    assert_eq!(bench.frames(), ["close 1000"]);
    assert!(!bench.after(CLOSE_WAIT - MS).state.ended());
    assert!(bench.after(MS).state.ended());
    assert_eq!(bench.end(), Some(("count", Exit::Ok)));
}

#[test]
fn what_could_not_be_written_is_told_beside_a_signal() {
    let interrupted = || Outcome::new(EndReason::Interrupted, Exit::Interrupted);
    let failed = || Stop::RecordingFailed("the disk is full".into(), None);
    let mut signal_first = Bench::open("plain", policy());
    signal_first.state.signal(interrupted(), signal_first.now);
    signal_first.stop(failed());
    let mut signal_last = Bench::open("plain", policy());
    signal_last.stop(failed());
    signal_last.state.signal(interrupted(), signal_last.now);
    for mut bench in [signal_first, signal_last] {
        assert_eq!(bench.end(), Some(("interrupted", Exit::Interrupted)));
        assert_eq!(bench.notices().matches("the disk is full").count(), 1);
    }
}

#[test]
fn signals_outrank_every_other_end() {
    let interrupted = || Outcome::new(EndReason::Interrupted, Exit::Interrupted);
    let mut bench = Bench::open("plain", policy());
    bench.stop(Stop::Count);
    bench.state.signal(interrupted(), bench.now);
    assert_eq!(bench.end(), Some(("interrupted", Exit::Interrupted)));
    assert!(!bench.state.ended());
    assert_eq!(bench.frames(), ["close 1000"], "one close frame is enough");
    bench.stop(Stop::Until);
    assert_eq!(bench.end(), Some(("interrupted", Exit::Interrupted)));
    bench.state.signal(interrupted(), bench.now);
    assert!(bench.state.ended());
}

#[test]
fn a_match_outranks_the_close_that_came_with_it() {
    let mut bench = Bench::open("plain", policy());
    bench.state.received_close(frame_close(1011), bench.now);
    bench.state.closed(&End::Clean, bench.now);
    assert_eq!(bench.end(), Some(("closed", Exit::ClosedAbnormally)));
    bench.stop(Stop::Until);
    assert_eq!(bench.end(), Some(("until", Exit::Ok)));
}

fn frame_close(code: u16) -> PeerClose {
    PeerClose { code, ..PeerClose::default() }
}

fn subscribed() -> Bench {
    let mut bench = Bench::open("voipbin", Policy { topics: vec![TOPIC.into()], ..policy() });
    assert_eq!(bench.frames().len(), 1, "one message subscribes");
    bench.notices();
    bench
}

fn refusal(code: &str) -> String {
    format!(r#"{{"type":"error","action":"subscribe","code":"{code}","message":"no","topics":["{TOPIC}"]}}"#)
}

/// A provider whose document promises an answer.
struct Answering;

impl Client for Answering {
    fn subscribe(&mut self, topics: &[String], _cursor: Option<&str>) -> Vec<Message> {
        vec![Message::text(topics.join(" "))]
    }

    fn unsubscribe(&mut self, topics: &[String]) -> Vec<Message> {
        vec![Message::text(format!("no {}", topics.join(" ")))]
    }

    fn expects_ack(&self) -> bool {
        true
    }

    fn understand(&mut self, message: &Message) -> Meaning {
        match message.as_text() {
            Some("ok") => Meaning::Confirmed { action: "subscribe".into(), topics: vec!["a".into()] },
            _ => Meaning::EVENT,
        }
    }

    fn early_drop_hint(&self) -> Option<&'static str> {
        None
    }
}

#[test]
fn a_missing_acknowledgement_is_a_notice_and_no_more() {
    for (answer, missed) in [("ok", false), ("event", true)] {
        let mut bench = Bench::of(Box::new(Answering), Policy { topics: vec!["a".into()], ..policy() });
        bench.state.opened(ConnectionInfo::default(), bench.now);
        bench.text(answer);
        bench.notices();
        assert_eq!(bench.after(ACK_WAIT - MS).notices(), "");
        assert_eq!(bench.after(MS).notices().contains("no acknowledgment"), missed);
        assert_eq!((bench.after(ACK_WAIT).notices(), bench.end()), (String::new(), None));
        bench.stop(Stop::Count);
        assert_eq!(bench.frames(), ["a", "no a", "close 1000"], "it unsubscribes before it leaves");
    }
}

#[test]
fn a_refusal_ends_the_session_unless_it_may_pass() {
    let mut bench = subscribed();
    bench.text(&refusal("PERMISSION_DENIED"));
    assert_eq!(bench.end(), Some(("refused", Exit::SubscriptionRefused)));
    let mut bench = subscribed();
    bench.text(&refusal("RATE_LIMITED"));
    assert_eq!(bench.end(), None);
    assert!(bench.notices().contains("retrying"));
    let at = bench.state.deadline().expect("another try is planned");
    assert!(at >= bench.now.mono + 100 * MS, "not at once");
    let wait = at - bench.now.mono;
    assert_eq!(bench.after(wait - MS / 2).frames(), [""; 0]);
    assert!(bench.after(MS).frames()[0].contains(TOPIC));
}

#[test]
fn a_drop_just_after_subscribing_has_a_probable_cause() {
    let hint = |bench: &mut Bench| {
        bench.state.closed(&End::Dropped("cut".into()), bench.now);
        bench.notices().contains("not permitted")
    };
    assert!(hint(subscribed().after(EARLY_DROP)));
    assert!(!hint(subscribed().after(EARLY_DROP + MS)));
    let mut answered = subscribed();
    answered.text("{}");
    assert!(!hint(&mut answered));
    let mut polite = subscribed();
    polite.state.received_close(frame_close(1000), polite.now);
    assert!(!hint(&mut polite));
}

fn reconnecting(retries: Option<u32>, first_too: bool) -> Policy {
    let limits = BackoffLimits { first: 10 * MS, most: 40 * MS };
    Policy { reconnect: Some(ReconnectPolicy { limits, retries, first_too }), ..policy() }
}

#[test]
fn attempts_are_counted_in_a_row_until_the_link_was_stable() {
    let mut bench = Bench::open("plain", reconnecting(Some(2), false));
    for stable in [false, false, true, false, false] {
        bench.after(if stable { 40 * MS } else { 39 * MS });
        bench.state.closed(&End::Dropped("cut".into()), bench.now);
        if bench.state.ended() {
            break;
        }
        bench.after(40 * MS);
        assert!(std::mem::take(&mut bench.state.todo.connect));
        bench.state.opened(ConnectionInfo::default(), bench.now);
    }
    assert_eq!(bench.end(), Some(("gave_up", Exit::GaveUp)));
    assert_eq!(bench.state.conn, 5, "two before the stable link and two after");
}

#[test]
fn a_first_failure_is_final_unless_reconnecting_was_typed() {
    let refused = || Failure::new(Exit::Refused, "503");
    for (first_too, status, ends) in [(false, 503, true), (true, 503, false), (true, 403, true)] {
        let mut bench = Bench::new("plain", reconnecting(None, first_too));
        bench.state.failed(refused(), Some(status), None, bench.now);
        assert_eq!(bench.state.ended(), ends, "{first_too} {status}");
    }
    // A file of certificates that is being replaced was in order when the session began.
    let unreadable = || Failure::usage("--cacert: no such file");
    let mut first = Bench::new("plain", reconnecting(None, true));
    first.state.failed(unreadable(), None, None, first.now);
    let mut later = Bench::open("plain", reconnecting(None, false));
    later.state.closed(&End::Clean, later.now);
    later.state.failed(unreadable(), None, None, later.now);
    assert_eq!((first.state.ended(), later.state.ended()), (true, false));
    let mut bench = Bench::new("plain", reconnecting(None, true));
    bench.state.failed(refused(), Some(503), Some(7000 * MS), bench.now);
    assert_eq!(bench.state.deadline(), Some(bench.now.mono + 7000 * MS), "the server said when");
}

#[test]
fn input_is_taken_while_it_is_sure_to_be_sent() {
    let mut bench = Bench::new("plain", reconnecting(None, false));
    assert!(!bench.state.wants_input());
    bench.state.opened(ConnectionInfo::default(), bench.now);
    assert!(bench.state.wants_input());
    bench.state.set_backlog(true, bench.now);
    assert!(!bench.state.wants_input());
    bench.state.set_backlog(false, bench.now);
    bench.state.closed(&End::Dropped("cut".into()), bench.now);
    assert!(!bench.state.wants_input());
}

#[test]
fn a_ping_does_not_prolong_the_lingering() {
    let linger = Linger { fed: Some(10 * MS), unfed: None };
    let end = EndPolicy { linger, ..EndPolicy::default() };
    let mut bench = Bench::open("plain", Policy { ping_interval: Some(6 * MS), ..ending(end) });
    bench.state.input(Message::text("a"), bench.now);
    bench.state.input_ended(bench.now);
    bench.after(6 * MS);
    bench.state.set_backlog(true, bench.now);
    bench.state.set_backlog(false, bench.now);
    // The message and the first ping went out together; the ping of 12 ms is alone.
    bench.after(6 * MS);
    bench.state.set_backlog(true, bench.now);
    bench.state.set_backlog(false, bench.now);
    assert_eq!(bench.after(4 * MS).end(), Some(("input_ended", Exit::Ok)));
}

#[test]
fn the_times_that_wait_for_the_peer_stand_still_while_it_is_not_read() {
    let linger = Linger { fed: Some(10 * MS), unfed: None };
    let end = EndPolicy { linger, idle_timeout: Some(10 * MS), ..EndPolicy::default() };
    let mut bench = Bench::open("plain", ending(end));
    bench.state.input(Message::text("a"), bench.now);
    bench.state.input_ended(bench.now);
    bench.state.set_reading(false, bench.now);
    assert_eq!(bench.after(1000 * MS).end(), None);
    bench.state.set_reading(true, bench.now);
    assert_eq!(bench.after(9 * MS).end(), None);
    assert!(bench.after(MS).end().is_some());
}

#[test]
fn refused_topics_are_tried_again_together() {
    let mut bench = Bench::open("voipbin", policy());
    let refusal = |topic: &str| {
        format!(
            r#"{{"type":"error","action":"subscribe","topics":["{topic}"],"code":"RATE_LIMITED","message":""}}"#
        )
    };
    bench.text(&refusal("a"));
    bench.text(&refusal("b"));
    bench.frames();
    assert_eq!(bench.after(30_000 * MS).frames(), [r#"{"type":"subscribe","topics":["a","b"]}"#]);
}

#[test]
fn a_time_that_is_up_before_there_was_a_connection_is_a_failure() {
    let end = EndPolicy { max_time: Some(10 * MS), ..EndPolicy::default() };
    let mut bench = Bench::new("plain", ending(end));
    assert_eq!(bench.after(10 * MS).end(), Some(("max_time", Exit::LinkSilent)));
}

/// A provider with rules of its own.
struct Strict {
    rhythm: Rhythm,
}

impl Client for Strict {
    fn subscribe(&mut self, _topics: &[String], cursor: Option<&str>) -> Vec<Message> {
        cursor.map(|cursor| Message::text(cursor.to_owned())).into_iter().collect()
    }

    fn unsubscribe(&mut self, _topics: &[String]) -> Vec<Message> {
        Vec::new()
    }

    fn expects_ack(&self) -> bool {
        false
    }

    /// A word is what it means, and `id` or `id@cursor` an event.
    fn understand(&mut self, message: &Message) -> Meaning {
        let text = message.as_text().unwrap_or_default();
        let (id, cursor) = text.split_once('@').map_or((text, None), |(id, cursor)| (id, Some(cursor)));
        match text {
            "heartbeat" => Meaning::Heartbeat,
            "pong" => Meaning::Pong,
            "draining" => Meaning::Draining { after: 10 * MS },
            "drain now" => Meaning::Draining { after: Duration::ZERO },
            _ => Meaning::Event(Facts { id: Some(id.to_owned()), cursor: cursor.map(str::to_owned) }),
        }
    }

    fn ack(&self, id: &str) -> Option<HttpCall> {
        let url = std::sync::Arc::new(crate::net::WsUrl::parse("http://h:1/").unwrap());
        Some(HttpCall { purpose: "", method: "POST", url, headers: [].into(), body: id.into() })
    }

    fn rhythm(&self) -> Rhythm {
        self.rhythm.clone()
    }

    fn close_rule(&self, code: u16) -> Option<CloseRule> {
        let rule = |meaning, retry, exit| Some(CloseRule { meaning, retry, exit });
        match code {
            1000 => rule("come back", true, Exit::Ok),
            1001 => rule("gone for good", false, Exit::NotFound),
            _ => None,
        }
    }

    fn replays(&self) -> bool {
        true
    }

    fn dedupe(&self) -> usize {
        3
    }

    fn redact(&mut self, message: &Message) -> Option<Message> {
        let text = message.as_text().filter(|text| text.contains("secret"))?;
        Some(Message::text(text.replace("secret", "***")))
    }

    fn early_drop_hint(&self) -> Option<&'static str> {
        None
    }
}

fn strict(rhythm: Rhythm, policy: Policy) -> Bench {
    let mut bench = Bench::of(Box::new(Strict { rhythm }), policy);
    assert!(mem::take(&mut bench.state.todo.connect));
    bench.state.opened(ConnectionInfo::default(), bench.now);
    bench.notices();
    bench
}

fn silence(limit: u32, counts: Sign) -> Rhythm {
    Rhythm { silence: Some(Silence { limit: limit * MS, counts }), ..Rhythm::default() }
}

impl Bench {
    /// The messages that came since the last time, each with its connection and its role.
    fn messages(&mut self) -> Vec<(u32, Role, String)> {
        let message = |event: Event| match event.kind {
            Kind::Message { dir: Direction::In, role, message, .. } => {
                Some((event.conn, role, message.as_text().unwrap().to_owned()))
            }
            _ => None,
        };
        self.state.todo.events.drain(..).filter_map(message).collect()
    }

    fn written(&mut self, seq: u64) -> (Vec<String>, Option<String>) {
        self.state.progress(Progress { written: seq, ..Progress::default() }, self.now);
        let acks = self.state.todo.acks.drain(..).map(|call| String::from_utf8(call.body).unwrap());
        (acks.collect(), self.state.todo.cursor.take())
    }

    fn kinds(&mut self) -> Vec<Kind> {
        self.state.todo.events.drain(..).map(|event| event.kind).collect()
    }
}

#[test]
fn only_heartbeats_count_where_the_provider_says_so() {
    let mut bench = strict(silence(30, Sign::Heartbeat), policy());
    bench.after(29 * MS).text("heartbeat");
    bench.after(29 * MS).text("event");
    bench.state.received(Frame::Ping(Bytes::new()), bench.now);
    assert_eq!(bench.state.deadline(), Some(bench.now.mono + MS));
    bench.now.mono += MS;
    assert!(bench.state.gives_up(bench.now));
    bench.state.tick(bench.now, true);
    assert_eq!(bench.end(), None, "a heartbeat may be the next to be read");
    assert_eq!(bench.after(Duration::ZERO).end(), Some(("silent", Exit::LinkSilent)));
    assert!(bench.state.outcome().unwrap().text.as_ref().unwrap().contains("no heartbeat for 30 ms"));
    assert!(bench.messages().contains(&(1, Role::Bookkeeping, "heartbeat".into())));
}

#[test]
fn any_frame_counts_where_the_provider_says_so() {
    for sign in [Frame::text("x"), Frame::Ping(Bytes::new()), Frame::Pong(Bytes::new())] {
        let mut bench = strict(silence(30, Sign::Frame), policy());
        bench.after(29 * MS);
        bench.state.received(sign, bench.now);
        assert_eq!(bench.after(29 * MS).end(), None);
        assert_eq!(bench.after(MS).end(), Some(("silent", Exit::LinkSilent)));
    }
}

#[test]
fn silence_is_counted_anew_after_the_socket_was_not_read_and_on_every_connection() {
    let mut bench = strict(silence(30, Sign::Heartbeat), reconnecting(None, false));
    bench.after(29 * MS);
    bench.state.set_reading(false, bench.now);
    assert_eq!(bench.after(1000 * MS).end(), None);
    bench.state.set_reading(true, bench.now);
    bench.after(29 * MS);
    assert!(!bench.state.todo.drop_link);
    bench.after(MS);
    assert!(mem::take(&mut bench.state.todo.drop_link), "a lost link is let go of");
    bench.after(40 * MS);
    assert!(mem::take(&mut bench.state.todo.connect));
    bench.state.opened(ConnectionInfo::default(), bench.now);
    bench.after(29 * MS);
    assert!(!bench.state.todo.drop_link);
}

#[test]
fn a_keep_alive_message_is_answered_by_anything() {
    let rhythm = Rhythm {
        beat: Some(Beat { every: 15 * MS, message: Message::text("ping"), answered: true }),
        silence: None,
    };
    for answer in ["pong", "event"] {
        let mut bench = strict(rhythm.clone(), policy());
        assert_eq!(bench.after(14 * MS).frames(), [""; 0]);
        assert_eq!(bench.after(MS).frames(), ["ping"]);
        bench.after(10 * MS).text(answer);
        assert_eq!(bench.after(5 * MS).frames(), ["ping"]);
        assert_eq!(bench.after(19 * MS).end(), None);
        assert_eq!(bench.after(MS).end(), Some(("silent", Exit::LinkSilent)));
        assert!(bench.state.outcome().unwrap().text.as_ref().unwrap().contains("keep-alive"));
    }
}

#[test]
fn the_providers_times_are_scaled_and_those_of_options_are_not() {
    let beat = Some(Beat { every: 1000 * MS, message: Message::text("beat"), answered: true });
    let rhythm = Rhythm { beat, ..silence(3000, Sign::Frame) };
    let fast =
        Policy { time_scale: 100.0, ping_interval: Some(15 * MS), ping_timeout: 1000 * MS, ..policy() };
    let mut bench = strict(rhythm, fast);
    assert_eq!(bench.after(10 * MS).frames(), ["beat"]);
    assert_eq!(bench.after(5 * MS).frames(), ["ping 1"]);
    assert_eq!(bench.after(14 * MS).end(), None);
    assert_eq!(bench.after(MS).end(), Some(("silent", Exit::LinkSilent)));
}

#[test]
fn heartbeats_are_no_messages_to_wait_for() {
    let end = EndPolicy { idle_timeout: Some(10 * MS), ..EndPolicy::default() };
    let mut bench = strict(Rhythm::default(), ending(end));
    bench.after(9 * MS).text("heartbeat");
    bench.text("pong");
    assert_eq!(bench.after(MS).end(), Some(("idle_timeout", Exit::Ok)));
}

#[test]
fn what_is_written_is_acknowledged_and_moves_the_cursor() {
    let mut bench = strict(Rhythm::default(), policy());
    for text in ["a@1", "heartbeat", "b@2", "a@1", "c"] {
        bench.text(text);
    }
    let none = (Vec::new(), None);
    assert_eq!(bench.written(0), none);
    assert_eq!(bench.written(2), (vec!["a".into()], Some("1".into())));
    assert_eq!(bench.written(2), none);
    assert_eq!(bench.written(5), (vec!["b".into(), "a".into(), "c".into()], Some("2".into())));
    let roles: Vec<Role> = bench.messages().into_iter().map(|(_, role, _)| role).collect();
    assert_eq!(roles, [Role::Data, Role::Bookkeeping, Role::Data, Role::Duplicate, Role::Data]);
}

#[test]
fn only_the_last_ids_are_remembered_if_any() {
    let roles = |dedupe, texts: &[&str]| {
        let mut bench = strict(Rhythm::default(), Policy { dedupe, ..policy() });
        texts.iter().for_each(|text| bench.text(text));
        let twice = bench.messages().into_iter().filter(|(_, role, _)| *role == Role::Duplicate);
        twice.map(|(_, _, text)| text).collect::<String>()
    };
    assert_eq!(roles(true, &["a", "b", "c", "a", "d", "a", "d"]), "ad");
    assert_eq!(roles(false, &["a", "a"]), "");
}

#[test]
fn a_new_connection_goes_on_from_what_was_received() {
    let cursor = Some("start".to_owned());
    let mut bench = strict(Rhythm::default(), Policy { cursor, ..reconnecting(None, false) });
    assert_eq!(bench.frames(), ["start"]);
    bench.text("a@1");
    bench.text("b");
    bench.state.closed(&End::Dropped("cut".into()), bench.now);
    bench.after(40 * MS).kinds();
    bench.state.opened(ConnectionInfo::default(), bench.now);
    assert_eq!(bench.frames(), ["1"]);
    let gap =
        bench.kinds().into_iter().find_map(|kind| if let Kind::Gap(gap) = kind { Some(gap) } else { None });
    assert!(!bench.notices().contains("gap of"));
    let gap = gap.unwrap();
    assert_eq!((gap.last_id.as_deref(), gap.replayed, gap.catch_up), (Some("b"), true, None));
}

#[test]
fn what_is_not_asked_for_again_is_told_with_its_bounds() {
    for (dialect, catch_up) in [("plain", false), ("voipbin", false), ("burki", true)] {
        let mut bench = Bench::open(dialect, reconnecting(None, false));
        bench.state.closed(&End::Dropped("cut".into()), bench.now);
        bench.notices();
        bench.now.wall += Duration::from_secs(4);
        bench.state.opened(ConnectionInfo::default(), bench.now);
        let told = bench.notices();
        let expected = "gap of 4.0 s (2026-01-02T03:04:05Z to 2026-01-02T03:04:09Z)";
        assert!(told.contains(expected), "{told}");
        assert_eq!(told.contains("; to catch up: "), catch_up, "{told}");
    }
    // Of an earlier run.
    let missed_since = Some("2026-01-01T03:04:05Z".parse().unwrap());
    let mut bench = Bench::open("voipbin", Policy { missed_since, ..policy() });
    assert!(bench.notices().contains("gap of 86400 s (2026-01-01T03:04:05Z to 2026-01-02T03:04:05Z)"));
}

#[test]
fn the_providers_word_on_a_close_code_goes_before_the_rfcs() {
    let mut bench = strict(Rhythm::default(), reconnecting(None, false));
    bench.state.received_close(frame_close(1000), bench.now);
    bench.state.closed(&End::Clean, bench.now);
    assert_eq!(bench.end(), None);
    assert!(bench.notices().contains("1000 (come back)"));
    let mut bench = strict(Rhythm::default(), reconnecting(None, false));
    bench.state.received_close(frame_close(1001), bench.now);
    bench.state.closed(&End::Clean, bench.now);
    assert_eq!(bench.end(), Some(("closed", Exit::NotFound)));
    let end = EndPolicy { ok_close: vec![1001], ..EndPolicy::default() };
    let mut bench = strict(Rhythm::default(), ending(end));
    bench.state.received_close(frame_close(1001), bench.now);
    bench.state.closed(&End::Clean, bench.now);
    assert_eq!(bench.end(), Some(("closed", Exit::Ok)), "the command line has the last word");
}

#[test]
fn credentials_in_messages_are_masked_unless_they_are_asked_for() {
    for (show_secrets, shown) in [(false, "a ***"), (true, "a secret")] {
        let mut bench = strict(Rhythm::default(), Policy { show_secrets, echo: true, ..policy() });
        bench.text("a secret");
        assert_eq!(bench.messages()[0].2, shown);
        assert_eq!(bench.frames(), ["a secret"], "what is sent back is what came");
    }
}

/// A server that drains, at the moment when the second connection is wanted.
fn draining() -> Bench {
    let mut bench = strict(Rhythm::default(), reconnecting(None, false));
    bench.text("a@1");
    bench.text("draining");
    bench.text("draining");
    assert!(!bench.after(9 * MS).state.todo.connect);
    assert!(mem::take(&mut bench.after(MS).state.todo.connect));
    assert!(bench.state.wants_link() && bench.state.hands_over());
    bench.kinds();
    bench
}

#[test]
fn the_second_connection_takes_over_while_the_first_is_read() {
    let mut bench = draining();
    bench.text("b@2");
    bench.state.opened(ConnectionInfo::default(), bench.now);
    assert!(!bench.state.hands_over() && !bench.state.todo.drop_link);
    assert_eq!(bench.frames(), ["2"], "it subscribes from the last cursor");
    assert!(bench.notices().contains("connection 2 takes over"));
    bench.state.received_old(Frame::text("c@3"), bench.now);
    bench.text("c@3");
    bench.text("d@4");
    let event = |conn, role, text: &str| (conn, role, text.to_owned());
    let expected = [
        event(1, Role::Data, "b@2"),
        event(1, Role::Data, "c@3"),
        event(2, Role::Duplicate, "c@3"),
        event(2, Role::Data, "d@4"),
    ];
    assert_eq!(bench.messages(), expected);
    bench.state.received_old_close(frame_close(1001));
    bench.state.closed_old(&End::Clean, bench.now);
    let kinds = bench.kinds();
    assert!(
        matches!(&kinds[..], [Kind::Close(close)] if close.code == 1001 && close.by == "peer"),
        "{kinds:?}"
    );
    assert!(bench.state.todo.drop_old && !bench.state.todo.drop_link);
    assert_eq!((bench.end(), bench.state.todo.connect), (None, false));
}

#[test]
fn an_old_connection_is_not_read_for_ever() {
    let mut bench = draining();
    bench.state.opened(ConnectionInfo::default(), bench.now);
    bench.after(OLD_LIMIT - MS).kinds();
    assert!(!bench.state.todo.drop_old);
    bench.after(MS);
    assert!(bench.state.todo.drop_old);
    assert!(matches!(&bench.kinds()[..], [Kind::Close(close)] if close.by == "us"));
    bench.state.closed_old(&End::Clean, bench.now);
    assert!(bench.kinds().is_empty(), "it is told once");
}

#[test]
fn a_second_connection_that_fails_is_tried_again_and_costs_nothing() {
    let mut bench = draining();
    for _ in 0..5 {
        bench.state.failed(Failure::new(Exit::Credentials, "401"), Some(401), None, bench.now);
        assert_eq!(bench.end(), None);
        assert!(bench.notices().contains("second connection failed: 401"));
        bench.text("more");
        assert!(mem::take(&mut bench.after(30_000 * MS).state.todo.connect));
    }
    bench.state.failed(Failure::new(Exit::Refused, "503"), Some(503), Some(90_000 * MS), bench.now);
    assert!(!bench.after(89_999 * MS).state.todo.connect, "the server said when");
    assert!(bench.after(MS).state.todo.connect);
}

#[test]
fn an_old_connection_that_ends_first_is_a_loss_but_the_attempt_goes_on() {
    let mut bench = draining();
    bench.state.received_close(frame_close(1001), bench.now);
    bench.state.closed(&End::Clean, bench.now);
    // By the rule of this provider 1001 is final, but the server has said that there will be another.
    assert_eq!(bench.end(), None);
    assert!(bench.state.wants_link() && !bench.state.hands_over() && !bench.state.todo.connect);
    assert!(matches!(&bench.kinds()[..], [Kind::Close(_), Kind::Reconnect(_)]));
    bench.state.opened(ConnectionInfo::default(), bench.now);
    assert!(matches!(&bench.kinds()[..], [Kind::Open(_), Kind::Gap(_), ..]));
    let mut early = strict(Rhythm::default(), reconnecting(None, false));
    early.text("draining");
    early.after(MS);
    early.state.closed(&End::Dropped("cut".into()), early.now);
    let at = early.state.deadline().unwrap();
    assert!(at >= early.now.mono + 9 * MS, "not before the server said");
    let mut leaving = draining();
    leaving.stop(Stop::Count);
    assert!(!leaving.state.wants_link(), "the end was decided");
}

/// In a bad rolling restart every server that is connected to drains at once.
#[test]
fn servers_that_all_drain_are_connected_to_as_rarely_as_servers_that_all_fail() {
    let limits = BackoffLimits::default();
    let reconnect = Some(ReconnectPolicy { limits, retries: None, first_too: false });
    for ends in [false, true] {
        let mut bench = strict(Rhythm::default(), Policy { reconnect, ..policy() });
        let (mut connections, end) = (1, bench.now.mono + Duration::from_secs(60));
        while bench.now.mono < end {
            bench.text("drain now");
            if ends {
                bench.state.received_close(frame_close(1001), bench.now);
                bench.state.closed(&End::Clean, bench.now);
            }
            let wait = bench.state.deadline().expect("another connection is planned") - bench.now.mono;
            assert!(mem::take(&mut bench.after(wait).state.todo.connect));
            bench.state.opened(ConnectionInfo::default(), bench.now);
            bench.state.closed_old(&End::Clean, bench.now);
            connections += 1;
        }
        assert!((3..20).contains(&connections), "{connections} connections in a minute");
        // One that was stable is left when its server says.
        bench.after(limits.most).text("drain now");
        assert!(bench.after(Duration::ZERO).state.todo.connect);
    }
}

#[test]
fn hand_overs_are_attempts_too() {
    let mut bench = strict(Rhythm::default(), reconnecting(Some(1), false));
    bench.text("drain now");
    assert!(mem::take(&mut bench.after(Duration::ZERO).state.todo.connect));
    bench.state.opened(ConnectionInfo::default(), bench.now);
    bench.text("drain now");
    assert!(!bench.after(30 * MS).state.todo.connect && bench.end().is_none());
    bench.state.closed(&End::Dropped("cut".into()), bench.now);
    assert_eq!(bench.end(), Some(("gave_up", Exit::GaveUp)));
}

#[test]
fn a_close_frame_that_is_wrong_is_told_as_it_came_and_retried_by_its_code() {
    let fault = Some(FrameFault { code: 1002, text: "code 1006 must not be sent".to_owned() });
    let close = PeerClose { code: 1006, reason: "upstream restarted".to_owned(), fault };
    let told = r#"closed by the peer with 1006 (abnormal closure, "upstream restarted"), but code 1006 must not be sent"#;
    let after = |policy, close: &PeerClose| {
        let mut bench = Bench::open("plain", policy);
        bench.kinds();
        bench.state.received_close(close.clone(), bench.now);
        bench.state.closed(&End::Clean, bench.now);
        bench
    };
    let mut bench = after(policy(), &close);
    assert_eq!(bench.end(), Some(("peer_protocol", Exit::PeerProtocol)));
    let text = bench.state.outcome().unwrap().text.clone().unwrap();
    assert_eq!(text, format!("protocol error: {told}"));
    let kinds = bench.kinds();
    let [Kind::Close(record)] = &kinds[..] else { panic!("{kinds:?}") };
    assert_eq!((record.by, record.code, record.clean), ("peer", 1006, false));
    assert_eq!(record.reason, "upstream restarted");
    let mut bench = after(reconnecting(None, false), &close);
    assert_eq!(bench.end(), None);
    assert!(bench.notices().contains(told));
    let final_code = PeerClose { code: 1000, ..close.clone() };
    let bench = after(reconnecting(None, false), &final_code);
    assert_eq!(bench.end(), Some(("peer_protocol", Exit::PeerProtocol)));
    let ok_close = EndPolicy { ok_close: vec![1006], ..EndPolicy::default() };
    assert_eq!(after(ending(ok_close), &close).end(), Some(("closed", Exit::Ok)));
}

#[test]
fn without_reconnecting_there_is_no_second_connection() {
    let mut bench = strict(Rhythm::default(), policy());
    bench.text("draining");
    assert!(bench.notices().contains("will close"));
    assert!(!bench.after(1000 * MS).state.todo.connect);
}

#[test]
fn orders_are_for_a_connection_that_is_there() {
    let mut bench = Bench::new("plain", policy());
    bench.state.send_now(Message::text("early"), bench.now);
    bench.state.opened(ConnectionInfo::default(), bench.now);
    bench.state.send_now(Message::text("now"), bench.now);
    assert_eq!(bench.frames(), ["now"]);
    bench.state.end_as(Outcome::new(EndReason::CampaignsOver, Exit::Ok), bench.now);
    bench.state.send_now(Message::text("late"), bench.now);
    assert_eq!(
        (bench.frames(), bench.end()),
        (vec!["close 1000".to_owned()], Some(("campaigns_over", Exit::Ok)))
    );
    // The first end stands.
    bench.state.end_as(Outcome::new(EndReason::Quit, Exit::Assertion), bench.now);
    assert_eq!(bench.end(), Some(("campaigns_over", Exit::Ok)));
}

#[test]
fn what_is_typed_without_a_connection_waits_within_bounds() {
    let mut bench = Bench::new("plain", policy());
    for n in 0..1001 {
        bench.state.send_or_queue(Message::text(n.to_string()), bench.now);
    }
    assert_eq!((bench.state.standing().queued, bench.state.queued().count()), (1000, 1000));
    assert!(bench.state.todo.answers.last().unwrap().ends_with("the queue is full (1000 messages)"));
    assert_eq!(bench.state.clear_queue(), 1000);
    bench.state.send_or_queue(Message::Binary(vec![0; (16 << 20) + 1].into()), bench.now);
    bench.state.send_or_queue(Message::text("small"), bench.now);
    bench.state.opened(ConnectionInfo::default(), bench.now);
    assert_eq!(bench.frames(), ["small"]);
    bench.state.send_or_queue(Message::text("at once"), bench.now);
    assert_eq!(bench.frames(), ["at once"]);
}

#[test]
fn topics_that_are_typed_are_subscribed_to_on_every_connection_from_then_on() {
    let reconnecting = reconnecting(None, true);
    let mut bench = Bench::open("voipbin", Policy { topics: vec![TOPIC.to_owned()], ..reconnecting });
    bench.frames();
    let other = TOPIC.replace("call", "queue");
    bench.state.order_subscribe(vec![TOPIC.to_owned(), other.clone()], bench.now);
    assert_eq!(bench.frames(), [format!(r#"{{"type":"subscribe","topics":["{other}"]}}"#)]);
    assert_eq!(bench.state.changed_topics().map(<[String]>::len), Some(2));
    bench.state.order_unsubscribe(&[TOPIC.to_owned()], bench.now);
    assert_eq!(bench.frames(), [format!(r#"{{"type":"unsubscribe","topics":["{TOPIC}"]}}"#)]);
    bench.state.closed(&End::Dropped(String::new()), bench.now);
    bench.state.opened(ConnectionInfo::default(), bench.now);
    assert_eq!(bench.frames(), [format!(r#"{{"type":"subscribe","topics":["{other}"]}}"#)]);
}

#[test]
fn a_connection_that_is_made_anew_is_closed_before_and_needs_no_permission() {
    let mut bench = Bench::open("plain", policy());
    bench.state.todo.connect = false;
    bench.state.order_reconnect(bench.now);
    assert_eq!(bench.frames(), ["close 1000"]);
    bench.state.received_close(frame_close(1000), bench.now);
    bench.state.closed(&End::Clean, bench.now);
    assert!(bench.after(Duration::ZERO).state.todo.connect && bench.end().is_none());
    bench.state.opened(ConnectionInfo::default(), bench.now);
    assert_eq!(bench.state.standing().link, LinkState::Open);
    bench.state.order_close(Some((4001, "enough".to_owned())), bench.now);
    assert_eq!((bench.frames(), bench.end()), (vec!["close 4001".to_owned()], Some(("quit", Exit::Ok))));
}

/// A provider with rules of its own, and with these steps before them.
fn decoding(names: &str, policy: Policy) -> Bench {
    let decode = Steps::new(&names.split(',').map(str::to_owned).collect::<Vec<_>>()).unwrap();
    strict(Rhythm::default(), Policy { coding: Coding { decode, ..policy.coding }, ..policy })
}

#[test]
fn parts_of_a_message_are_acknowledged_once_all_are_written() {
    let mut bench = decoding("lines", policy());
    bench.text("a@1\nb@2\na@1\n");
    bench.text("c@3");
    let roles: Vec<Role> = bench.messages().into_iter().map(|(_, role, _)| role).collect();
    assert_eq!(roles, [Role::Data, Role::Data, Role::Duplicate, Role::Data]);
    // The pipeline counts a message as written with its last part.
    bench.state.progress(Progress { written: 1, ..Progress::default() }, bench.now);
    let acks = mem::take(&mut bench.state.todo.acks);
    assert_eq!(acks.iter().map(|call| &*call.body).collect::<Vec<_>>(), [b"a", b"b", b"a"]);
    assert_eq!(bench.state.todo.cursor.take().as_deref(), Some("2"));
    bench.state.summary(&Outcome::new(EndReason::Closed, Exit::Ok), WireBytes::default(), bench.now);
    let kinds = bench.kinds();
    assert!(matches!(&kinds[..], [Kind::Summary(summary)] if summary.received == 2), "{kinds:?}");
}

#[test]
fn the_connection_that_is_handed_over_keeps_its_stream() {
    let mut bench = decoding("zlib-stream", reconnecting(None, false));
    let mut old = Steps::new(&["zlib-stream".to_owned()]).unwrap().start(None);
    let mut sent = |text: &str| Frame::from(old.encode(Message::text(text.to_owned())).unwrap());
    let first = sent("a@1");
    bench.state.received(first, bench.now);
    let drain = sent("draining");
    bench.state.received(drain, bench.now);
    bench.after(10 * MS);
    bench.state.opened(ConnectionInfo::default(), bench.now);
    let late = sent("b@2");
    bench.state.received_old(late, bench.now);
    let mut new = Steps::new(&["zlib-stream".to_owned()]).unwrap().start(None);
    bench.state.received(new.encode(Message::text("c@3")).unwrap().into(), bench.now);
    let texts: Vec<(u32, String)> =
        bench.messages().into_iter().map(|(conn, _, text)| (conn, text)).collect();
    let expected = [(1, "a@1"), (1, "draining"), (1, "b@2"), (2, "c@3")];
    assert_eq!(texts, expected.map(|(conn, text)| (conn, text.to_owned())));
}

#[test]
fn what_cannot_be_read_is_redacted_as_far_as_it_can_be_seen() {
    let mut bench = decoding("text", policy());
    bench.state.received(Frame::binary(&b"\xff secret"[..]), bench.now);
    let kinds = bench.kinds();
    assert!(
        matches!(&kinds[..], [_, Kind::Unreadable(message)] if !message.bytes.windows(6).any(|word| word == b"secret")),
        "{kinds:?}"
    );
}
