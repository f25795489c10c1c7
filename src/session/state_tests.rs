//! The rules of the session with an explicit clock.

use super::*;
use crate::dialect::{self, ClientSetup};
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
        show_secrets: false,
    }
}

fn ending(end: EndPolicy) -> Policy {
    Policy { end, ..policy() }
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
        bench.state.opened(Open::default(), bench.now);
        bench
    }

    fn after(&mut self, time: Duration) -> &mut Self {
        self.now.mono += time;
        self.state.tick(self.now);
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
        self.state.todo.notices.drain(..).map(|(_, text)| text + "\n").collect()
    }

    /// The reason and the status of the end, where it is decided.
    fn end(&self) -> Option<(&'static str, Exit)> {
        self.state.outcome().map(|outcome| (outcome.reason, outcome.exit))
    }

    fn stop(&mut self, stop: Stop) {
        self.state.progress(Progress { stop: Some(stop), ..Progress::default() }, self.now);
    }
}

#[test]
fn the_deadline_of_a_ping_runs_from_the_first_unanswered_one() {
    let mut bench = Bench::open("plain", Policy { ping_interval: Some(15 * MS), ..policy() });
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
        let mut bench = Bench::open("plain", Policy { ping_interval: Some(15 * MS), ..policy() });
        bench.after(15 * MS);
        bench.state.received(sign, bench.now);
        assert_eq!(bench.after(14 * MS).after(MS).after(19 * MS).end(), None);
        assert_eq!(bench.after(MS).end(), Some(("silent", Exit::LinkSilent)));
    }
}

#[test]
fn a_peer_that_is_not_read_is_not_silent() {
    let mut bench = Bench::open("plain", Policy { ping_interval: Some(15 * MS), ..policy() });
    bench.after(15 * MS);
    bench.state.set_reading(false, bench.now);
    assert_eq!(bench.after(1000 * MS).end(), None);
    bench.state.set_reading(true, bench.now);
    assert_eq!(bench.after(19 * MS).end(), None);
    assert_eq!(bench.after(MS).end(), Some(("silent", Exit::LinkSilent)));
}

#[test]
fn a_ping_behind_a_large_message_has_time_as_long_as_the_message_moves() {
    let mut bench = Bench::open("plain", Policy { ping_interval: Some(15 * MS), ..policy() });
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
    let mut bench = Bench::open("plain", Policy { ping_interval: Some(15 * MS), ..policy() });
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
    let mut unfed = Bench::open("plain", ending(EndPolicy { linger, ..EndPolicy::default() }));
    unfed.state.input_ended(unfed.now);
    assert_eq!(unfed.after(1000 * MS).end(), None);
    let linger = Linger { fed: Some(10 * MS), unfed: Some(10 * MS) };
    let mut early = Bench::new("plain", ending(EndPolicy { linger, ..EndPolicy::default() }));
    early.state.input_ended(early.now);
    assert_eq!(early.after(1000 * MS).end(), None);
    early.state.opened(Open::default(), early.now);
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
    bench.state.opened(Open::default(), bench.now);
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
fn signals_outrank_every_other_end() {
    let interrupted = || Outcome::new("interrupted", Exit::Interrupted);
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
    bench.state.received(frame_close(1011), bench.now);
    bench.state.closed(&End::Clean, bench.now);
    assert_eq!(bench.end(), Some(("closed", Exit::ClosedAbnormally)));
    bench.stop(Stop::Until);
    assert_eq!(bench.end(), Some(("until", Exit::Ok)));
}

fn frame_close(code: u16) -> Frame {
    close_frame(Some(code), "")
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
        bench.state.opened(Open::default(), bench.now);
        bench.text(answer);
        bench.notices();
        assert_eq!(bench.after(ACK_WAIT - MS).notices(), "");
        assert_eq!(bench.after(MS).notices().contains("no acknowledgement"), missed);
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
    assert!(bench.notices().contains("trying again"));
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
    polite.state.received(frame_close(1000), polite.now);
    assert!(!hint(&mut polite));
}

fn reconnecting(retries: Option<u32>, first_too: bool) -> Policy {
    let limits = Limits { first: 10 * MS, most: 40 * MS };
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
        bench.state.opened(Open::default(), bench.now);
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
    let mut bench = Bench::new("plain", reconnecting(None, true));
    bench.state.failed(refused(), Some(503), Some(7000 * MS), bench.now);
    assert_eq!(bench.state.deadline(), Some(bench.now.mono + 7000 * MS), "the server said when");
}

#[test]
fn input_is_taken_while_it_is_sure_to_be_sent() {
    let mut bench = Bench::new("plain", reconnecting(None, false));
    assert!(!bench.state.wants_input());
    bench.state.opened(Open::default(), bench.now);
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
