//! What the table is made of: how commands are given, and what they may show.

use Flow::Nothing;

/// A fault, and what is expected of each command.
pub(super) struct Row {
    pub(super) fault: &'static str,
    pub(super) session: Seen,
    pub(super) watch: Seen,
    pub(super) probe: Seen,
    pub(super) live: Seen,
    pub(super) but: &'static [(&'static str, Seen)],
    pub(super) after: After,
    /// Those for which something else follows.
    pub(super) unlike: &'static [(&'static str, After)],
}

impl Row {
    /// What is expected of this client, whose column is `column`.
    pub(super) fn seen_by(&self, client: &str, column: Seen) -> Seen {
        self.but.iter().find(|(name, _)| *name == client).map_or(column, |(_, seen)| *seen)
    }

    /// What follows with this client where there may be another connection.
    pub(super) fn after(&self, client: &str) -> After {
        self.unlike.iter().find(|(name, _)| *name == client).map_or(self.after, |(_, after)| *after)
    }
}

/// What a command shows of a fault.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    /// Options of the mock.
    pub(super) mock: &'static [&'static str],
    /// Options of the command.
    pub(super) client: &'static [&'static str],
    pub(super) exit: i32,
    /// On stderr.
    pub(super) says: &'static str,
    pub(super) told: Told,
    pub(super) flow: Flow,
}

/// The types of the records, or the checks of the report that found fault; and fields of one of the records, or of
/// the report.
#[derive(Clone, Copy)]
pub(super) struct Told(pub(super) &'static str, pub(super) &'static str);

/// What follows a fault where there may be another connection.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum After {
    /// There is another connection, and all is well.
    Another,
    /// It is the end, as it is without reconnecting.
    End,
    /// It does not come to that.
    Nothing,
}

/// What becomes of the messages, as against those of a mock without faults.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Flow {
    /// None comes.
    Nothing,
    /// They come as ever, all of them.
    Same,
    /// Up to three come, as ever.
    Begins,
    /// The first comes, if any does.
    First,
    /// The first three come.
    Three,
    /// Each comes twice.
    Twice,
    /// Each pair comes the other way round.
    Swapped,
    /// After the third comes something that is no JSON.
    Garbage,
}

/// The arguments of a mock.
pub(super) struct Mock(&'static [&'static str]);

/// One that does what it does by itself.
pub(super) const AS_EVER: Mock = Mock(&[]);

/// One that sends no events.
pub(super) const QUIET: Mock = Mock(&["--events", "0"]);

/// The same at a hundred times the speed.
pub(super) const QUIET_FAST: Mock = Mock(&["--events", "0", "--time-scale", "100"]);

/// The same at ten times the speed, for clients whose pings are answered just before their limit of silence.
pub(super) const QUIET_BRISK: Mock = Mock(&["--events", "0", "--time-scale", "10"]);

impl Mock {
    /// Of a session.
    pub(super) const fn seen(
        &self,
        client: &'static [&'static str],
        exit: i32,
        says: &'static str,
        told: Told,
        flow: Flow,
    ) -> Seen {
        Seen { mock: self.0, client, exit, says, told, flow }
    }
}

/// Of a probe.
pub(super) const fn report(exit: i32, says: &'static str, told: Told) -> Seen {
    hasty(&[], exit, says, told)
}

/// Of a probe that has these options.
pub(super) const fn hasty(client: &'static [&'static str], exit: i32, says: &'static str, told: Told) -> Seen {
    AS_EVER.seen(client, exit, says, told, Nothing)
}

pub(super) const ONCE: &[&str] = &["--no-reconnect"];
pub(super) const AGAIN: &[&str] = &["--reconnect", "--reconnect-delay", "10ms", "--count", "8"];
pub(super) const BACK: &[&str] = &["--reconnect", "--reconnect-delay", "10ms"];
pub(super) const SMALL: &[&str] = &["--no-reconnect", "--max-message-size", "1M"];
pub(super) const COUNT: &[&str] = &["--no-reconnect", "--count", "8"];
pub(super) const HURRY: &[&str] = &["--no-reconnect", "--connect-timeout", "1s"];
pub(super) const PINGS: &[&str] = &["--no-reconnect", "--ping-interval", "200ms", "--ping-timeout", "500ms"];
pub(super) const IDLE: &[&str] = &["--no-reconnect", "--idle-timeout", "1s"];
pub(super) const IDLE_FAST: &[&str] = &["--no-reconnect", "--idle-timeout", "1s", "--time-scale", "100"];
pub(super) const IDLE_BRISK: &[&str] = &["--no-reconnect", "--idle-timeout", "3s", "--time-scale", "10"];
pub(super) const SOON: &[&str] = &["--max-time", "3s"];

// Records of sessions.
pub(super) const REFUSED: Told = Told("error summary", r#"{"type":"summary","reason":"connect_failed","connections":0}"#);
pub(super) const COUNTED: Told = Told("open close summary", r#"{"type":"summary","reason":"count","closed_by":"us","code":1000}"#);
pub(super) const RETRIED: Told = Told("error reconnect error reconnect open close summary", r#"{"type":"summary","reason":"count","connections":1,"reconnects":0}"#);
pub(super) const SILENT: Told = Told("open close summary", r#"{"type":"summary","reason":"silent","code":1006,"clean":false}"#);
pub(super) const BORED: Told = Told("open close summary", r#"{"type":"summary","reason":"idle_timeout","closed_by":"us","code":1000}"#);
pub(super) const LOST: Told = Told("open close summary", r#"{"type":"close","by":"network","code":1006,"clean":false}"#);
pub(super) const CUT_STREAM: Told = Told("open error close summary", r#"{"type":"close","by":"network","code":1006,"clean":false}"#);
pub(super) const NO_RULES: Told = Told("open close summary", r#"{"type":"summary","reason":"peer_protocol","closed_by":"us","code":1002,"clean":false}"#);
pub(super) const NO_UTF8: Told = Told("open error close summary", r#"{"type":"summary","reason":"peer_protocol","closed_by":"us","code":1007,"clean":false}"#);
pub(super) const NO_DEFLATE: Told = Told("open close summary", r#"{"type":"summary","reason":"peer_protocol","closed_by":"us","code":1007,"clean":false}"#);
pub(super) const TOO_BIG: Told = Told("open close summary", r#"{"type":"summary","reason":"peer_protocol","closed_by":"us","code":1009,"clean":false}"#);
pub(super) const BY_PEER: Told = Told("open close summary", r#"{"type":"summary","reason":"closed","closed_by":"peer","clean":true}"#);
pub(super) const CLOSED_1005: Told = Told("open close summary", r#"{"type":"close","by":"peer","code":1005,"reason":"","clean":true}"#);
pub(super) const CLOSED_1008: Told = Told("open close summary", r#"{"type":"close","by":"peer","code":1008,"reason":"","clean":true}"#);
pub(super) const CLOSED_1011: Told = Told("open close summary", r#"{"type":"close","by":"peer","code":1011,"reason":"so what","clean":true}"#);
pub(super) const CLOSED_1012: Told = Told("open close summary", r#"{"type":"close","by":"peer","code":1012,"reason":"bye","clean":true}"#);
// Of a watch that sees the end of the campaign.
pub(super) const OVER: Told = Told("open close summary", r#"{"type":"summary","reason":"campaigns_over","closed_by":"us","code":1000}"#);
pub(super) const BACK_OVER: Told = Told("error reconnect error reconnect open close summary", r#"{"type":"summary","reason":"campaigns_over","connections":1,"reconnects":0}"#);
pub(super) const UNFINISHED: &str = "the watch ended first";

// Reports.
pub(super) const UPGRADED: Told = Told("", r#"{"ok":true,"failed":null,"http":{"status":101}}"#);
pub(super) const LIVELY: Told = Told("", r#"{"ok":true,"failed":null,"live":{"close":{"by":"us","code":1000,"tcp_by":"peer"}}}"#);
pub(super) const SPEECHLESS: Told = Told("", r#"{"ok":true,"live":{"message_count":0,"close":{"by":"us","code":1000}}}"#);
pub(super) const DEAF: Told = Told("ping-pong", r#"{"failed":{"phase":"live"},"live":{"pong":null,"close":{"by":"us","code":1000}}}"#);
pub(super) const DEAD: Told = Told("ping-pong close-handshake", r#"{"failed":{"phase":"live"},"live":{"pong":null,"close":{"code":null}}}"#);
pub(super) const CUT_OFF: Told = Told("close-handshake", r#"{"failed":{"phase":"live"},"live":{"message_count":0,"close":{"by":"network","code":null}}}"#);
pub(super) const LEFT_1000: Told = Told("close-handshake", r#"{"ok":true,"live":{"close":{"by":"peer","code":1000}}}"#);
pub(super) const LEFT_1001: Told = Told("close-handshake", r#"{"ok":true,"live":{"close":{"by":"peer","code":1001}}}"#);
pub(super) const LEFT_1005: Told = Told("close-handshake", r#"{"ok":true,"live":{"close":{"by":"peer","code":1005}}}"#);
pub(super) const LEFT_1008: Told = Told("close-handshake", r#"{"ok":false,"live":{"close":{"by":"peer","code":1008}}}"#);
pub(super) const LEFT_1011: Told = Told("close-handshake", r#"{"ok":false,"live":{"close":{"by":"peer","code":1011,"reason":"so what"}}}"#);
pub(super) const LEFT_1012: Told = Told("close-handshake", r#"{"ok":false,"live":{"close":{"by":"peer","code":1012,"reason":"bye"}}}"#);
pub(super) const LEFT_4000: Told = Told("close-handshake", r#"{"ok":false,"live":{"close":{"by":"peer","code":4000}}}"#);
pub(super) const LEFT_4004: Told = Told("close-handshake", r#"{"ok":false,"live":{"close":{"by":"peer","code":4004}}}"#);
pub(super) const MASKED: Told = Told("frames-unmasked", r#"{"failed":{"phase":"live"},"live":{"close":{"by":"us","code":1000}}}"#);
pub(super) const BITS: Told = Told("rsv-clear", r#"{"failed":{"phase":"live"},"live":{"close":{"by":"us","code":1000}}}"#);
pub(super) const CONTROL: Told = Told("control-frames", r#"{"failed":{"phase":"live"},"live":{"close":{"by":"us","code":1000}}}"#);
pub(super) const NO_TEXT: Told = Told("text-utf8", r#"{"failed":{"phase":"live"},"live":{"close":{"by":"us","code":1000}}}"#);
pub(super) const INFLATED: Told = Told("compressed-messages", r#"{"failed":{"phase":"live"},"compression":{"verdict":"agreed"},"live":{"close":{"by":"us","code":1000}}}"#);
pub(super) const BUSY: Seen = report(14, "try again in 2 s", Told("", r#"{"ok":false,"failed":{"phase":"upgrade"},"http":{"status":503,"retry_after":2,"body":{"text":"busy"}}}"#));
pub(super) const KEPT_OUT: Seen = report(16, "401", Told("", r#"{"ok":false,"failed":{"phase":"upgrade"},"http":{"status":401}}"#));
pub(super) const NOT_THERE: Seen = report(17, "404", Told("", r#"{"ok":false,"failed":{"phase":"upgrade"},"http":{"status":404}}"#));
pub(super) const IGNORED: Seen = hasty(&["--connect-timeout", "1s"], 22, "no answer to the upgrade", Told("", r#"{"ok":false,"failed":{"phase":"upgrade"},"http":null}"#));
pub(super) const WRONG_KEY: Seen = report(15, "accept-key", Told("accept-key", r#"{"ok":false,"failed":{"phase":"upgrade"},"http":{"status":101}}"#));
pub(super) const UNASKED: Seen = report(15, "breaks RFC 6455: extensions", Told("extensions", r#"{"ok":false,"failed":{"phase":"upgrade"},"http":{"status":101}}"#));
pub(super) const OUTAGE: Seen = report(14, "503", Told("", r#"{"ok":false,"failed":{"phase":"upgrade"},"http":{"status":503}}"#));
/// A probe has left by the time that anything goes wrong.
pub(super) const GONE: Seen = report(0, "", UPGRADED);
/// It bears it.
pub(super) const FINE: Seen = report(0, "", LIVELY);

