//! `--live`: what a connection does once it is open. Frames are read by the byte, so that a server's mistakes are
//! told one by one and not by the first error of a library.

use std::io;
use std::time::Duration;

use serde::Serialize;
use tokio::io::AsyncWriteExt as _;
use tokio::time::{Instant, timeout_at};

use super::inflated::{Inflated, Savings};
use super::messages::{Messages, Received};
use super::record::{Check, Failed, SecretMask, ms};
use super::utf8::Utf8;
use crate::dialect::{Client, ClientSetup, Dialect};
use crate::error::Result;
use crate::exit::Exit;
use crate::frames::close::may_be_sent;
use crate::frames::reader::{FrameReader, RawFrame, masked};
use crate::frames::{CLOSE, PING, PONG, RSV1, TEXT};
use crate::handshake::checks::Verdict;
use crate::handshake::extensions::Agreement;
use crate::net::Tap;

/// What to do on the open connection.
#[derive(Clone)]
pub(crate) struct LivePlan {
    /// Messages to send, so that a server has something to answer.
    pub send: Vec<String>,
    /// Says what the provider's messages must not show.
    pub dialect: &'static dyn Dialect,
    /// The time for everything. Half of it is for the first message and the pong, the rest for the close.
    pub max_time: Duration,
}

/// The number of checks of frames, behind which comes that of compressed messages.
const TEXT_CHECKS: usize = 4;

/// What was measured on the open connection. Times are milliseconds since the upgrade, unless said otherwise.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct Live {
    /// When the first data message came.
    pub message: Option<f64>,
    /// From our ping to its pong.
    pub pong: Option<f64>,
    pub frames: u64,
    /// Data messages that came.
    pub message_count: u64,
    /// The first of them.
    pub messages: Vec<Received>,
    /// What compression was worth, if it was agreed on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub compression: Option<Savings>,
    pub close: MeasuredClose,
}

/// How a connection was closed.
#[derive(Clone, Debug, Default, Serialize)]
pub(crate) struct MeasuredClose {
    /// Whose close frame came first: `us`, `peer`, or `network` where the connection ended without one.
    pub by: &'static str,
    /// The code in the peer's close frame; 1005 for an empty one.
    pub code: Option<u16>,
    pub reason: Option<String>,
    /// From our close frame to the peer's, where ours came first.
    pub ms: Option<f64>,
    /// Who ended the TCP connection: `peer`, as RFC 6455 §7.1.1 wants it, or `us` when it did not.
    pub tcp_by: Option<&'static str>,
}

/// What came of it all.
pub(super) struct LiveOutcome {
    pub(super) live: Live,
    pub(super) checks: Vec<Check>,
    pub(super) failed: Option<(Exit, Failed)>,
}

/// Tries what a connection is for, and closes it.
///
/// With what was agreed on about compression, and the largest message that is inflated.
pub(super) async fn run(
    stream: Tap,
    plan: &LivePlan,
    (agreement, most): (Option<Agreement>, Option<usize>),
    mask: &SecretMask,
) -> Result<LiveOutcome> {
    let mut client = plan.dialect.client(&ClientSetup::default())?;
    let inflated = agreement.map(|agreement| Inflated::new(agreement.compression.server, most));
    let start = Instant::now();
    let mut session = LiveSession {
        stream,
        frames: FrameReader::default(),
        seen: Observed { inflated, ..Observed::default() },
        start,
        payload: format!("wstap-{:08x}", fastrand::u32(..)).into_bytes(),
    };
    let (half, end) = (start + plan.max_time / 2, start + plan.max_time);
    // A peer that hangs up shows in what is read next.
    let _ = session.open(plan).await;
    session.listen(half).await;
    session.close(end).await;
    Ok(session.seen.outcome(plan, client.as_mut(), mask))
}

struct LiveSession {
    stream: Tap,
    frames: FrameReader,
    seen: Observed,
    start: Instant,
    payload: Vec<u8>,
}

/// What has been seen so far.
#[derive(Default)]
struct Observed {
    /// Compressed messages, if compression was agreed on.
    inflated: Option<Inflated>,
    message: Option<Duration>,
    pong: Option<Duration>,
    wrong_pong: Option<Vec<u8>>,
    frames: u64,
    message_count: u64,
    messages: Messages,
    /// The first of each kind of mistake.
    masked: Option<String>,
    rsv: Option<String>,
    control: Option<String>,
    text: Option<String>,
    deflate: Option<String>,
    utf8: Utf8,
    inflated_utf8: Utf8,
    close: Option<Vec<u8>>,
    closed_first: bool,
    close_time: Option<Duration>,
    /// Did the stream end?
    ended: bool,
    /// In the middle of a frame?
    within_frame: bool,
}

impl LiveSession {
    async fn open(&mut self, plan: &LivePlan) -> io::Result<()> {
        let mut bytes = masked(PING, &self.payload);
        for message in &plan.send {
            bytes.extend(masked(TEXT, message.as_bytes()));
        }
        self.stream.write_all(&bytes).await?;
        self.stream.flush().await
    }

    /// Reads until the first message and the pong have come, or the time is up.
    async fn listen(&mut self, until: Instant) {
        while self.seen.message.is_none() || self.seen.pong.is_none() {
            if !self.step(until).await || self.seen.close.is_some() {
                return;
            }
        }
    }

    /// Closes, whoever began, and waits for the end of the stream.
    async fn close(&mut self, until: Instant) {
        if self.seen.ended {
            return;
        }
        self.seen.closed_first = self.seen.close.is_none();
        let payload = match &self.seen.close {
            Some(theirs) => theirs.get(..2).unwrap_or_default().to_vec(),
            None => 1000_u16.to_be_bytes().to_vec(),
        };
        let asked = Instant::now();
        let sent = async {
            self.stream.write_all(&masked(CLOSE, &payload)).await?;
            self.stream.flush().await
        };
        let _: io::Result<()> = timeout_at(until, sent).await.unwrap_or(Ok(()));
        while self.seen.close.is_none() {
            if !self.step(until).await {
                return;
            }
        }
        self.seen.close_time = self.seen.closed_first.then(|| asked.elapsed());
        while !self.seen.ended && self.step(until).await {}
    }

    /// Reads a frame. `false`: there are no more, or not in time.
    async fn step(&mut self, until: Instant) -> bool {
        // A flood always has a next frame.
        if Instant::now() >= until {
            return false;
        }
        let Ok(read) = timeout_at(until, self.frames.next(&mut self.stream)).await else { return false };
        let Ok(Some(frame)) = read else {
            self.seen.ended = true;
            self.seen.within_frame = self.frames.within_one();
            return false;
        };
        if frame.head.opcode == PING && frame.is_first() && self.seen.close.is_none() {
            let pong = masked(PONG, frame.payload.get(..125).unwrap_or(&frame.payload));
            let _ = timeout_at(until, self.stream.write_all(&pong)).await;
        }
        self.seen.note(&frame, self.start.elapsed(), &self.payload);
        true
    }
}

impl Observed {
    fn note(&mut self, frame: &RawFrame, at: Duration, payload: &[u8]) {
        let head = &frame.head;
        self.frames += u64::from(frame.is_first());
        let name = format!("frame {} (opcode {})", self.frames, head.opcode);
        if head.mask.is_some() {
            self.masked.get_or_insert(name.clone());
        }
        let may = if self.inflated.is_some() && head.starts_message() { RSV1 } else { 0 };
        if head.rsv & !may != 0 || !matches!(head.opcode, 0..=2 | CLOSE..=PONG) {
            self.rsv.get_or_insert(format!("{name} with reserved bits {:03b}", head.rsv));
        }
        if head.is_control() && (!head.fin || head.length > 125) {
            let what = if head.fin { format!("of {} bytes", head.length) } else { "in fragments".into() };
            self.control.get_or_insert(format!("{name} {what}"));
        }
        if !self.utf8.takes(frame) {
            self.text.get_or_insert(format!("{name} with invalid bytes"));
        }
        if frame.starts_message() {
            self.message_count += 1;
            self.message.get_or_insert(at);
            self.messages.begin(at, frame, self.inflated.is_some() && head.rsv == RSV1);
        }
        if !head.is_control() && !self.messages.compressed {
            self.messages.take(frame);
        }
        self.inflate(frame, &name);
        if frame.ends_message() {
            self.messages.end();
        }
        match head.opcode {
            _ if !frame.is_first() => {}
            PONG if frame.payload == payload => {
                self.pong.get_or_insert(at);
            }
            PONG => {
                self.wrong_pong.get_or_insert(frame.payload.clone());
            }
            CLOSE if self.close.is_none() => self.close = Some(frame.payload.clone()),
            _ => {}
        }
    }

    /// Reads on in a compressed message, up to the first mistake.
    fn inflate(&mut self, frame: &RawFrame, name: &str) {
        let Some(inflated) = self.inflated.as_mut().filter(|_| self.deflate.is_none()) else { return };
        let (utf8, messages, mut is_text) = (&mut self.inflated_utf8, &mut self.messages, true);
        let takes = |piece: &RawFrame| {
            is_text &= utf8.takes(piece);
            messages.take(piece);
        };
        if let Err(why) = inflated.takes(frame, takes) {
            self.deflate = Some(format!("{name}: {why}"));
        }
        if !is_text {
            self.text.get_or_insert(format!("{name} with invalid bytes"));
        }
    }

    fn outcome(mut self, plan: &LivePlan, client: &mut dyn Client, mask: &SecretMask) -> LiveOutcome {
        let mut checks: Vec<(Exit, Check)> = vec![
            self.frame_check("frames-unmasked", "unmasked frames", &self.masked, "RFC 6455 §5.1"),
            self.frame_check("rsv-clear", "reserved bits and opcodes unused", &self.rsv, "RFC 6455 §5.2"),
            self.frame_check(
                "control-frames",
                "unfragmented control frames of at most 125 bytes",
                &self.control,
                "RFC 6455 §5.5",
            ),
            self.frame_check("text-utf8", "text in UTF-8", &self.text, "RFC 6455 §8.1"),
            (Exit::LinkSilent, self.ping_check(plan)),
            (Exit::Ok, self.message_check(plan)),
            (Exit::PeerProtocol, self.code_check()),
            (self.close_exit(), self.close_check(plan, mask)),
        ];
        if let Some(inflated) = &self.inflated {
            let check = self.deflate_check(&inflated.savings());
            checks.insert(TEXT_CHECKS, (Exit::PeerProtocol, check));
        }
        let broken = checks.iter().find(|(_, check)| check.verdict == Verdict::Fail.word());
        let failed = broken.map(|(exit, check)| {
            let what = format!("{}: expected {}; got {}", check.id, check.expected, check.got);
            let what = format!("the connection opened, but: {what} ({})", check.clause);
            (*exit, Failed { phase: "live", what, details: Vec::new() })
        });
        LiveOutcome {
            live: Live {
                messages: std::mem::take(&mut self.messages).shown(client, mask),
                ..self.measured(mask)
            },
            checks: checks.into_iter().map(|(_, check)| check).collect(),
            failed,
        }
    }

    fn measured(&self, mask: &SecretMask) -> Live {
        let by = match (&self.close, self.closed_first) {
            (Some(_), false) => "peer",
            (None, false) => "network",
            (_, true) => "us",
        };
        Live {
            message: ms(self.message),
            pong: ms(self.pong),
            frames: self.frames,
            message_count: self.message_count,
            messages: Vec::new(),
            compression: self.inflated.as_ref().map(Inflated::savings),
            close: MeasuredClose {
                by,
                code: self.code(),
                reason: self.reason().map(|reason| mask.reason(&reason)),
                ms: ms(self.close_time),
                tcp_by: self.close.as_ref().map(|_| if self.ended { "peer" } else { "us" }),
            },
        }
    }

    fn frame_check(
        &self,
        id: &'static str,
        expected: &str,
        wrong: &Option<String>,
        clause: &'static str,
    ) -> (Exit, Check) {
        let (verdict, got) = match wrong {
            _ if self.frames == 0 => (Verdict::Skipped, "no frame".to_owned()),
            None => (Verdict::Ok, format!("{} frames", self.frames)),
            Some(wrong) => (Verdict::Fail, wrong.clone()),
        };
        (Exit::PeerProtocol, check(id, verdict, expected, got, clause))
    }

    fn deflate_check(&self, savings: &Savings) -> Check {
        let (verdict, got) = match &self.deflate {
            Some(wrong) => (Verdict::Fail, wrong.clone()),
            None if savings.messages == 0 => (Verdict::Skipped, "no compressed message".to_owned()),
            None => (Verdict::Ok, format!("{} messages", savings.messages)),
        };
        check("compressed-messages", verdict, "valid compressed messages", got, "RFC 7692 §6.2")
    }

    fn ping_check(&self, plan: &LivePlan) -> Check {
        let (verdict, got) = match (self.pong, &self.wrong_pong) {
            (Some(time), _) => (Verdict::Ok, format!("received after {}", human(time))),
            (None, Some(_)) => (Verdict::Fail, "a pong with another payload".to_owned()),
            // Who closes need not answer, and who is gone cannot: that is for the check of the close to tell.
            (None, None) => match self.cut_short() {
                Some(end) => (Verdict::Skipped, end.to_owned()),
                None => (Verdict::Fail, format!("none within {}", human(plan.max_time / 2))),
            },
        };
        check("ping-pong", verdict, "a pong with the payload of our ping", got, "RFC 6455 §5.5.2, §5.5.3")
    }

    /// What ended the wait before its time.
    fn cut_short(&self) -> Option<&'static str> {
        match (&self.close, self.ended) {
            _ if self.closed_first => None,
            (Some(_), _) => Some("a close"),
            (None, true) => Some("the end of the connection"),
            (None, false) => None,
        }
    }

    /// No standard says that a server has to speak first.
    fn message_check(&self, plan: &LivePlan) -> Check {
        let (verdict, got) = match self.message {
            Some(time) => (Verdict::Ok, format!("received after {}", human(time))),
            None => {
                let within = || format!("none within {}", human(plan.max_time / 2));
                (Verdict::Skipped, self.cut_short().map_or_else(within, str::to_owned))
            }
        };
        check("first-message", verdict, "a message", got, "none")
    }

    fn close_check(&self, plan: &LivePlan, mask: &SecretMask) -> Check {
        let code = self.code().unwrap_or_default();
        let reason = mask.reason(&self.reason().unwrap_or_default());
        let (verdict, got) = match (&self.close, self.close_time) {
            (Some(_), Some(time)) => (Verdict::Ok, format!("{code} after {}", human(time))),
            (Some(_), None) if matches!(code, 1000 | 1001 | 1005) => {
                (Verdict::Warn, format!("{code} {reason} before ours").replace("  ", " "))
            }
            (Some(_), None) => (Verdict::Fail, format!("{code} {reason} before ours").replace("  ", " ")),
            (None, _) if self.within_frame => {
                (Verdict::Fail, "the end of the connection in the middle of a frame".to_owned())
            }
            (None, _) if self.ended => (Verdict::Fail, "the end of the connection without one".to_owned()),
            (None, _) => (Verdict::Fail, format!("none within {}", human(plan.max_time))),
        };
        check("close-handshake", verdict, "a close frame in answer to ours", got, "RFC 6455 §5.5.1, §7.1.2")
    }

    /// As a session takes such an end.
    fn close_exit(&self) -> Exit {
        match self.code() {
            Some(1008) => Exit::Credentials,
            Some(4004) => Exit::NotFound,
            _ => Exit::ClosedAbnormally,
        }
    }

    /// Codes that may stand in a frame (RFC 6455 §7.4, and the IANA registry).
    fn code_check(&self) -> Check {
        let (verdict, got) = match (&self.close, self.code()) {
            (None, _) => (Verdict::Skipped, "no close frame".to_owned()),
            (Some(payload), _) if payload.len() == 1 => (Verdict::Fail, "an incomplete code".to_owned()),
            (Some(payload), _) if payload.get(2..).is_some_and(|text| std::str::from_utf8(text).is_err()) => {
                (Verdict::Fail, "a reason that is not UTF-8".to_owned())
            }
            (Some(payload), _) if payload.is_empty() => (Verdict::Ok, "an empty frame".to_owned()),
            (_, Some(code)) if may_be_sent(code) => (Verdict::Ok, code.to_string()),
            (_, code) => (Verdict::Fail, code.unwrap_or_default().to_string()),
        };
        check("close-code", verdict, "a valid code and a reason in UTF-8", got, "RFC 6455 §7.4")
    }

    fn code(&self) -> Option<u16> {
        let payload = self.close.as_ref()?;
        Some(payload.first_chunk().map_or(1005, |code| u16::from_be_bytes(*code)))
    }

    fn reason(&self) -> Option<String> {
        let reason = self.close.as_ref()?.get(2..).filter(|reason| !reason.is_empty())?;
        Some(String::from_utf8_lossy(reason).into_owned())
    }
}

fn check(id: &'static str, verdict: Verdict, expected: &str, got: String, clause: &'static str) -> Check {
    Check { id, verdict: verdict.word(), expected: expected.to_owned(), got, clause }
}

fn human(time: Duration) -> String {
    super::text::time(ms(Some(time)).unwrap_or_default())
}
