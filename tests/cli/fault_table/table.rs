//! The table: a row a fault, a column a command.
//!
//! | column | command |
//! | --- | --- |
//! | `session` | `connect`, which does not reconnect by itself, and `subscribe` with every dialect |
//! | `watch` | `watch-campaign`, over a link of the campaign's own and over the monitor's |
//! | `probe` | `probe-handshake`, which leaves after the upgrade |
//! | `live` | the same with `--live` |
//! | `but` | those that differ from their column: `connect`, a dialect, `link`, `monitor` |
//! | `after` | what follows where `subscribe` and `watch-campaign` may reconnect, and only the first connection has it |
//!
//! A session is compared by its messages as well: [`Flow`] says what becomes of those that come without the fault.

use super::terms::Flow::{Begins, First, Garbage, Nothing, Same, Swapped, Three, Twice};
use super::terms::*;

#[rustfmt::skip]
pub(super) const TABLE: &[Row] = &[
    Row {
        fault: "refuse=503:Retry-After=2;body=busy",
        session: AS_EVER.seen(ONCE, 14, "busy", REFUSED, Nothing),
        watch: AS_EVER.seen(ONCE, 14, "busy", REFUSED, Nothing),
        probe: BUSY, live: BUSY,
        but: &[], after: After::End, unlike: &[],
    },
    Row {
        fault: "refuse=401",
        session: AS_EVER.seen(ONCE, 16, "401", REFUSED, Nothing),
        watch: AS_EVER.seen(ONCE, 16, "401", REFUSED, Nothing),
        probe: KEPT_OUT, live: KEPT_OUT,
        but: &[], after: After::End, unlike: &[],
    },
    Row {
        fault: "refuse=404",
        session: AS_EVER.seen(ONCE, 17, "404", REFUSED, Nothing),
        watch: AS_EVER.seen(ONCE, 17, "404", REFUSED, Nothing),
        probe: NOT_THERE, live: NOT_THERE,
        but: &[], after: After::End, unlike: &[],
    },
    Row {
        fault: "never-answer",
        session: AS_EVER.seen(HURRY, 22, "no answer to the upgrade", REFUSED, Nothing),
        watch: AS_EVER.seen(HURRY, 22, "no answer to the upgrade", REFUSED, Nothing),
        probe: IGNORED, live: IGNORED,
        but: &[], after: After::End, unlike: &[],
    },
    Row {
        fault: "bad-accept",
        session: AS_EVER.seen(ONCE, 15, "accept-key", REFUSED, Nothing),
        watch: AS_EVER.seen(ONCE, 15, "accept-key", REFUSED, Nothing),
        probe: WRONG_KEY, live: WRONG_KEY,
        but: &[], after: After::End, unlike: &[],
    },
    Row {
        fault: "extension",
        session: AS_EVER.seen(ONCE, 15, "x-not-offered", REFUSED, Nothing),
        watch: AS_EVER.seen(ONCE, 15, "x-not-offered", REFUSED, Nothing),
        probe: UNASKED, live: UNASKED,
        but: &[], after: After::End, unlike: &[],
    },
    Row {
        fault: "fail-first=1",
        session: AS_EVER.seen(ONCE, 14, "503", REFUSED, Nothing),
        watch: AS_EVER.seen(ONCE, 14, "503", REFUSED, Nothing),
        probe: OUTAGE, live: OUTAGE,
        but: &[], after: After::Nothing, unlike: &[],
    },
    Row {
        fault: "fail-first=2",
        session: AS_EVER.seen(AGAIN, 0, "503", RETRIED, Same),
        watch: AS_EVER.seen(BACK, 0, "503", BACK_OVER, Same),
        probe: OUTAGE, live: OUTAGE,
        but: &[], after: After::Nothing, unlike: &[],
    },
    Row {
        fault: "delay=50ms±20ms",
        session: AS_EVER.seen(COUNT, 0, "connected", COUNTED, Same),
        watch: AS_EVER.seen(ONCE, 0, "campaign 42 completed", OVER, Same),
        probe: GONE, live: FINE,
        but: &[], after: After::Nothing, unlike: &[],
    },
    Row {
        fault: "latency=2ms±2ms",
        session: AS_EVER.seen(COUNT, 0, "connected", COUNTED, Same),
        watch: AS_EVER.seen(ONCE, 0, "campaign 42 completed", OVER, Same),
        probe: GONE, live: FINE,
        but: &[], after: After::Nothing, unlike: &[],
    },
    Row {
        fault: "bandwidth=100k",
        session: AS_EVER.seen(COUNT, 0, "connected", COUNTED, Same),
        watch: AS_EVER.seen(ONCE, 0, "campaign 42 completed", OVER, Same),
        probe: GONE, live: FINE,
        but: &[], after: After::Nothing, unlike: &[],
    },
    Row {
        fault: "fragment=2",
        session: AS_EVER.seen(COUNT, 0, "connected", COUNTED, Same),
        watch: AS_EVER.seen(ONCE, 0, "campaign 42 completed", OVER, Same),
        probe: GONE, live: FINE,
        but: &[], after: After::Nothing, unlike: &[],
    },
    Row {
        fault: "duplicate=1",
        session: AS_EVER.seen(COUNT, 0, "connected", COUNTED, Twice),
        watch: AS_EVER.seen(ONCE, 0, "campaign 42 completed", OVER, Twice),
        probe: GONE, live: FINE,
        but: &[], after: After::Nothing, unlike: &[],
    },
    Row {
        fault: "reorder=1",
        session: AS_EVER.seen(COUNT, 0, "connected", COUNTED, Swapped),
        watch: AS_EVER.seen(ONCE, 0, "campaign 42 completed", OVER, Swapped),
        probe: GONE, live: FINE,
        but: &[], after: After::Nothing, unlike: &[],
    },
    Row {
        fault: "malformed-json@3",
        session: AS_EVER.seen(COUNT, 0, "connected", COUNTED, Garbage),
        watch: AS_EVER.seen(ONCE, 0, "campaign 42 completed", OVER, Garbage),
        probe: GONE, live: FINE,
        but: &[], after: After::Nothing, unlike: &[],
    },
    Row {
        fault: "no-pong",
        session: QUIET.seen(PINGS, 22, "no answer to a ping", SILENT, First),
        watch: QUIET.seen(PINGS, 22, "no answer to a ping", SILENT, First),
        probe: GONE, live: hasty(SOON, 22, "ping-pong", DEAF),
        but: &[], after: After::Nothing, unlike: &[],
    },
    Row {
        fault: "no-heartbeat",
        session: QUIET_FAST.seen(IDLE_FAST, 0, "connected", BORED, First),
        watch: AS_EVER.seen(ONCE, 0, "campaign 42 completed", OVER, Same),
        probe: GONE, live: FINE,
        but: &[("kadoa", QUIET_FAST.seen(IDLE_FAST, 22, "no heartbeat for 300 ms", SILENT, Nothing)), ("ryze", QUIET_FAST.seen(IDLE_FAST, 22, "nothing for 600 ms", SILENT, Nothing))],
        after: After::Nothing, unlike: &[],
    },
    Row {
        fault: "stall@3",
        session: AS_EVER.seen(IDLE, 0, "connected", BORED, Begins),
        watch: AS_EVER.seen(IDLE, 1, UNFINISHED, BORED, Begins),
        probe: GONE, live: hasty(SOON, 0, "", SPEECHLESS),
        but: &[], after: After::Nothing, unlike: &[],
    },
    Row {
        fault: "half-open@3",
        session: AS_EVER.seen(PINGS, 22, "no answer to a ping", SILENT, Begins),
        watch: AS_EVER.seen(PINGS, 22, "no answer to a ping", SILENT, Begins),
        probe: GONE, live: hasty(SOON, 22, "ping-pong", DEAD),
        but: &[], after: After::Another, unlike: &[],
    },
    Row {
        fault: "close=1000@3",
        session: AS_EVER.seen(ONCE, 0, "1000 (normal closure)", BY_PEER, Three),
        watch: AS_EVER.seen(ONCE, 1, UNFINISHED, BY_PEER, Three),
        probe: GONE, live: report(0, "", LEFT_1000),
        but: &[], after: After::End, unlike: &[],
    },
    Row {
        fault: "close=1001@3",
        session: AS_EVER.seen(ONCE, 0, "1001 (going away)", BY_PEER, Three),
        watch: AS_EVER.seen(ONCE, 1, UNFINISHED, BY_PEER, Three),
        probe: GONE, live: report(0, "", LEFT_1001),
        but: &[], after: After::Another, unlike: &[],
    },
    Row {
        fault: "close@3",
        session: AS_EVER.seen(ONCE, 0, "1005 (no status)", CLOSED_1005, Three),
        watch: AS_EVER.seen(ONCE, 1, UNFINISHED, CLOSED_1005, Three),
        probe: GONE, live: report(0, "", LEFT_1005),
        but: &[("ryze", AS_EVER.seen(ONCE, 20, "1005 (dropped by the server", CLOSED_1005, Three))],
        after: After::End, unlike: &[("ryze", After::Another)],
    },
    Row {
        fault: "close=1008@3",
        session: AS_EVER.seen(ONCE, 16, "1008 (policy violation)", CLOSED_1008, Three),
        watch: AS_EVER.seen(ONCE, 16, "1008 (authentication failed)", CLOSED_1008, Three),
        probe: GONE, live: report(16, "1008", LEFT_1008),
        but: &[("burki", AS_EVER.seen(ONCE, 16, "1008 (authentication failed)", CLOSED_1008, Three))],
        after: After::End, unlike: &[],
    },
    Row {
        fault: "close=1011:so what@3",
        session: AS_EVER.seen(ONCE, 20, "so what", CLOSED_1011, Three),
        watch: AS_EVER.seen(ONCE, 20, "so what", CLOSED_1011, Three),
        probe: GONE, live: report(20, "so what", LEFT_1011),
        but: &[], after: After::Another, unlike: &[],
    },
    Row {
        fault: "close=4000@3",
        session: AS_EVER.seen(ONCE, 20, "4000 (private code)", BY_PEER, Three),
        watch: AS_EVER.seen(ONCE, 20, "4000 (internal server error)", BY_PEER, Three),
        probe: GONE, live: report(20, "4000", LEFT_4000),
        but: &[("burki", AS_EVER.seen(ONCE, 20, "4000 (internal server error)", BY_PEER, Three))],
        after: After::Another, unlike: &[],
    },
    Row {
        fault: "close=4004@3",
        session: AS_EVER.seen(ONCE, 17, "4004", BY_PEER, Three),
        watch: AS_EVER.seen(ONCE, 17, "4004", BY_PEER, Three),
        probe: GONE, live: report(17, "4004", LEFT_4004),
        but: &[], after: After::End, unlike: &[],
    },
    Row {
        fault: "close-no-handshake=1012:bye@3",
        session: AS_EVER.seen(ONCE, 20, "bye", CLOSED_1012, Three),
        watch: AS_EVER.seen(ONCE, 20, "bye", CLOSED_1012, Three),
        probe: GONE, live: report(20, "bye", LEFT_1012),
        but: &[], after: After::Another, unlike: &[],
    },
    Row {
        fault: "drop@3",
        session: AS_EVER.seen(ONCE, 20, "without a close frame", LOST, Three),
        watch: AS_EVER.seen(ONCE, 20, "without a close frame", LOST, Three),
        probe: GONE, live: report(20, "the end of the connection without one", CUT_OFF),
        but: &[], after: After::Another, unlike: &[],
    },
    Row {
        fault: "reset@3",
        session: AS_EVER.seen(ONCE, 20, "connection lost", LOST, Three),
        watch: AS_EVER.seen(ONCE, 20, "connection lost", LOST, Three),
        probe: GONE, live: report(20, "the end of the connection", CUT_OFF),
        but: &[], after: After::Another, unlike: &[],
    },
    Row {
        fault: "truncate@3",
        session: AS_EVER.seen(ONCE, 20, "without a close frame", LOST, Three),
        watch: AS_EVER.seen(ONCE, 20, "without a close frame", LOST, Three),
        probe: GONE, live: report(20, "in the middle of a frame", CUT_OFF),
        but: &[], after: After::Another, unlike: &[],
    },
    Row {
        fault: "invalid-utf8@3",
        session: AS_EVER.seen(ONCE, 21, "not UTF-8", NO_UTF8, Three),
        watch: AS_EVER.seen(ONCE, 21, "not UTF-8", NO_UTF8, Three),
        probe: GONE, live: report(21, "text-utf8", NO_TEXT),
        but: &[], after: After::End, unlike: &[],
    },
    Row {
        fault: "masked@3",
        session: AS_EVER.seen(ONCE, 21, "masked", NO_RULES, Three),
        watch: AS_EVER.seen(ONCE, 21, "masked", NO_RULES, Three),
        probe: GONE, live: report(21, "frames-unmasked", MASKED),
        but: &[], after: After::End, unlike: &[],
    },
    Row {
        fault: "rsv@3",
        session: AS_EVER.seen(ONCE, 21, "reserved bits", NO_RULES, Three),
        watch: AS_EVER.seen(ONCE, 21, "reserved bits", NO_RULES, Three),
        probe: GONE, live: report(21, "rsv-clear", BITS),
        but: &[], after: After::End, unlike: &[],
    },
    Row {
        fault: "bad-opcode@3",
        session: AS_EVER.seen(ONCE, 21, "opcode", NO_RULES, Three),
        watch: AS_EVER.seen(ONCE, 21, "opcode", NO_RULES, Three),
        probe: GONE, live: report(21, "rsv-clear", BITS),
        but: &[], after: After::End, unlike: &[],
    },
    Row {
        fault: "oversized-control@3",
        session: AS_EVER.seen(ONCE, 21, "control frame", NO_RULES, Three),
        watch: AS_EVER.seen(ONCE, 21, "control frame", NO_RULES, Three),
        probe: GONE, live: report(21, "control-frames", CONTROL),
        but: &[], after: After::End, unlike: &[],
    },
    Row {
        fault: "fragmented-control@3",
        session: AS_EVER.seen(ONCE, 21, "control frame", NO_RULES, Three),
        watch: AS_EVER.seen(ONCE, 21, "control frame", NO_RULES, Three),
        probe: GONE, live: report(21, "control-frames", CONTROL),
        but: &[], after: After::End, unlike: &[],
    },
];
