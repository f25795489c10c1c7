//! A record as people read it: a page with the phases as a waterfall.

use super::inflated::Savings;
use super::live::Live;
use super::page::{Ink, TextPage, bar};
use super::record::{Check, Http, ProbeRecord, Tls};
use super::repeat::Account;
use crate::text::shortened;

/// How many lines of a body are shown.
const BODY_LINES: usize = 12;

/// How much of a message is shown, in columns.
const SHOWN: usize = 200;

/// The record as a page, in colour or not, for a terminal of this width.
pub(super) fn page(record: &ProbeRecord, color: bool, width: usize) -> String {
    let mut page = TextPage::new(color, width);
    headline(record, &mut page);
    notes(record, &mut page);
    waterfall(record, &mut page);
    page.end();
    network(record, &mut page);
    if let Some(tls) = &record.tls {
        security(tls, &mut page);
    }
    http(record, &mut page);
    checks(&record.checks, &mut page);
    if let Some(live) = &record.live {
        session(live, &mut page);
    }
    for gate in &record.gates {
        let (ink, mark) = mark(gate.ok);
        page.row("gate", ink, &format!("{mark}{} ({})", gate.gate, gate.saw));
    }
    page.finish()
}

/// The title of a table of rows.
pub(super) fn title(url: &str) -> String {
    format!("{}\n", crate::report::escape_controls(url))
}

/// A row of a matrix, of which the longest name has `names` characters.
pub(super) fn row(record: &ProbeRecord, names: usize, color: bool, width: usize) -> String {
    // Room for the time and for a status.
    const OTHERS: usize = 37;
    let mark = if record.is_refusal() && !record.ok { (Ink::Dim, "– ") } else { mark(record.ok) };
    let names = names.min(width.saturating_sub(OTHERS));
    line(record, mark, &format!("{:<names$}", record.place().unwrap_or_default()), color, width)
}

/// A round of several.
pub(super) fn round(record: &ProbeRecord, of: u32, color: bool, width: usize) -> String {
    let of = of.to_string();
    let round = record.round.unwrap_or_default();
    let name = format!("{round:>digits$}/{of}", digits = of.len());
    line(record, mark(record.ok), &name, color, width)
}

/// A record in a line, and what is wrong with it below.
fn line(record: &ProbeRecord, mark: (Ink, &str), name: &str, color: bool, width: usize) -> String {
    let mut page = TextPage::new(color, width);
    let total = format!("{:>10}  ", time(record.phases.total.unwrap_or_default()));
    let mut used = mark.1.chars().count() + name.chars().count();
    page.put(mark.0, mark.1).put(Ink::Bold, name);
    if used + total.chars().count() > page.width {
        used = page.below();
    }
    page.put(Ink::Dim, &total);
    used += total.chars().count();
    let answer = match (&record.http, &record.failed) {
        (Some(http), _) => format!("{} {}", http.status, http.reason),
        (None, Some(failed)) => failed.what.clone(),
        (None, None) => String::new(),
    };
    page.rest(used, if record.ok { Ink::Plain } else { Ink::Yellow }, answer.trim_end());
    for check in record.checks.iter().filter(|check| matches!(check.verdict, "warn" | "fail")) {
        let ink = if check.verdict == "warn" { Ink::Yellow } else { Ink::Red };
        page.row("", ink, &format!("{}: expected {}; got {}", check.id, check.expected, check.got));
    }
    record.warnings.iter().for_each(|warning| page.row("warning", Ink::Yellow, &warning.text));
    page.finish()
}

/// The account of several rounds.
pub(super) fn account(account: &Account, color: bool, width: usize) -> String {
    let mut page = TextPage::new(color, width);
    let summary = account.summary();
    let failures: Vec<String> =
        summary.failures.iter().map(|(phase, count)| format!("{count} at {phase}")).collect();
    page.end();
    let ink = if summary.failed > 0 { Ink::Red } else { Ink::Green };
    let rounds = if summary.rounds == 1 { "round" } else { "rounds" };
    page.put(Ink::Bold, &format!("{} {rounds}, ", summary.rounds));
    page.put(ink, &format!("{} failed", summary.failed));
    let where_ = if failures.is_empty() { String::new() } else { format!(" ({})", failures.join(", ")) };
    page.put(Ink::Plain, &where_).end();
    page.label("").put(Ink::Dim, &format!("{:>10}{:>10}{:>10}", "min", "median", "p99")).end();
    for (name, spread) in account.spreads() {
        let times = [spread.min, spread.median, spread.p99].map(|ms| format!("{:>10}", time(ms)));
        page.label(name).put(Ink::Plain, &times.concat()).end();
    }
    page.finish()
}

/// A time as people write it.
pub(super) fn time(ms: f64) -> String {
    match ms {
        ms if ms < 1.0 => format!("{:.0} µs", ms * 1e3),
        ms if ms < 100.0 => format!("{ms:.1} ms"),
        ms if ms < 10_000.0 => format!("{ms:.0} ms"),
        ms => format!("{:.1} s", ms / 1e3),
    }
}

fn mark(good: bool) -> (Ink, &'static str) {
    if good { (Ink::Green, "✔ ") } else { (Ink::Red, "✘ ") }
}

fn headline(record: &ProbeRecord, page: &mut TextPage) {
    let (ink, mark) = mark(record.ok);
    page.put(ink, mark).put(Ink::Bold, &record.url);
    let total = record.phases.total.unwrap_or_default();
    page.put(Ink::Plain, &format!("  {}", time(total))).end();
    if let Some(failed) = &record.failed {
        page.row("", Ink::Red, &failed.what);
        // Checks that fail have their own place.
        let told = record.checks.iter().any(|check| check.verdict == "fail");
        failed.details.iter().filter(|_| !told).for_each(|line| page.cut("", Ink::Plain, line));
    }
}

fn network(record: &ProbeRecord, page: &mut TextPage) {
    for url in &record.redirects {
        page.row("redirect", Ink::Plain, &format!("→ {url}"));
    }
    if let Some(dns) = &record.dns {
        page.row("dns", Ink::Plain, &format!("{} → {}", dns.host, dns.addresses.join(", ")));
    }
    if let Some(proxy) = &record.proxy {
        page.row("proxy", Ink::Plain, &proxy.via);
    }
    let Some(tcp) = &record.tcp else { return };
    match (&tcp.remote, &tcp.local) {
        (Some(remote), Some(local)) => page.row("tcp", Ink::Plain, &format!("{remote} from {local}")),
        (Some(remote), None) => page.row("tcp", Ink::Plain, remote),
        (None, _) => {}
    }
    for failed in tcp.tried.iter().filter(|tried| tried.error.is_some() && tcp.remote.is_some()) {
        let error = failed.error.as_deref().unwrap_or_default();
        page.row("", Ink::Yellow, &format!("{}: {error}", failed.address));
    }
}

fn security(tls: &Tls, page: &mut TextPage) {
    let or = |value: &Option<String>, instead: &str| value.clone().unwrap_or_else(|| instead.to_owned());
    if let Some(version) = &tls.version {
        let text = format!(
            "{version}, {}, {}, ALPN {}, SNI {}",
            or(&tls.cipher, "unknown cipher"),
            or(&tls.group, "unknown group"),
            or(&tls.alpn, "none"),
            or(&tls.sni, "none")
        );
        page.row("tls", Ink::Plain, &text);
    }
    match (tls.verified, &tls.verify_error) {
        (Some(true), _) => page.row("cert", Ink::Green, "trusted"),
        (Some(false), Some(error)) => page.row("cert", Ink::Red, error),
        _ => {}
    }
    for (index, certificate) in tls.chain.iter().enumerate() {
        let days = certificate.days_left.map_or(String::new(), remaining);
        let until = or(&certificate.not_after, "?");
        let text = format!("{index} {}, until {until}{days}", certificate.subject);
        let gone = certificate.days_left.is_some_and(|days| days < 0);
        page.row("", if gone { Ink::Red } else { Ink::Plain }, &text);
        page.row("", Ink::Dim, &format!("  by {}; {}", certificate.issuer, certificate.key));
    }
    let Some(leaf) = tls.chain.first() else { return };
    let ink = if tls.hostname_match == Some(false) { Ink::Red } else { Ink::Plain };
    page.row("names", ink, &leaf.sans.join(", "));
    page.row("pin", Ink::Plain, &leaf.pin);
}

fn remaining(days: i64) -> String {
    match days {
        ..=-1 => ", expired".to_owned(),
        0 => ", less than a day left".to_owned(),
        1 => ", 1 day left".to_owned(),
        2.. => format!(", {days} days left"),
    }
}

fn http(record: &ProbeRecord, page: &mut TextPage) {
    if let Some(request) = &record.request {
        page.cut("request", Ink::Plain, &format!("{} {} HTTP/1.1", request.method, request.target));
        for header in &request.headers {
            page.cut("", Ink::Dim, &format!("{}: {}", header.name, header.value));
        }
    }
    let Some(Http { version, status, reason, headers, body, .. }) = &record.http else { return };
    let ink = if *status == 101 { Ink::Green } else { Ink::Yellow };
    page.cut("answer", ink, &format!("HTTP/{version} {status} {reason}"));
    for header in headers {
        page.cut("", Ink::Plain, &format!("{}: {}", header.name, header.value));
    }
    if let Some(compression) = record.compression.as_ref().filter(|_| *status == 101) {
        let ink = if compression.verdict == "wrong" { Ink::Red } else { Ink::Plain };
        page.row("deflate", ink, compression.verdict);
    }
    let Some(body) = body else { return };
    let text = body.json.as_ref().map(|json| json.get()).or(body.text.as_deref()).unwrap_or_default();
    let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
    lines.iter().take(BODY_LINES).for_each(|line| page.cut("", Ink::Cyan, line));
    if lines.len() > BODY_LINES || body.cut {
        let more = if body.cut { "more was not read" } else { "more lines" };
        let count = lines.len().saturating_sub(BODY_LINES);
        page.row("", Ink::Dim, &if body.cut { format!("… {more}") } else { format!("… {count} {more}") });
    }
}

fn checks(checks: &[Check], page: &mut TextPage) {
    if checks.iter().all(|check| check.verdict == "skipped") {
        return;
    }
    let item = |check: &Check| match check.verdict {
        "ok" => (Ink::Green, format!("✔ {}", check.id)),
        "warn" => (Ink::Yellow, format!("! {}", check.id)),
        "fail" => (Ink::Red, format!("✘ {}", check.id)),
        _ => (Ink::Dim, format!("- {}", check.id)),
    };
    page.items("checks", &checks.iter().map(item).collect::<Vec<_>>());
    for check in checks.iter().filter(|check| matches!(check.verdict, "warn" | "fail")) {
        let ink = if check.verdict == "warn" { Ink::Yellow } else { Ink::Red };
        let Check { id, expected, got, clause, .. } = check;
        page.row("", ink, &format!("{id}: expected {expected}; got {got} ({clause})"));
    }
}

fn session(live: &Live, page: &mut TextPage) {
    let at = |ms: Option<f64>| ms.map_or("none".to_owned(), time);
    let text = format!(
        "first message {}, pong {}, frames {}, messages {}",
        at(live.message),
        at(live.pong),
        live.frames,
        live.message_count
    );
    page.row("live", Ink::Plain, &text);
    if let Some(savings) = live.compression.as_ref().filter(|savings| savings.messages > 0) {
        let ratio = savings.ratio.unwrap_or_default();
        let Savings { messages, wire, bytes, .. } = savings;
        let text = format!("{messages} compressed messages: {bytes} bytes as {wire} ({ratio} times smaller)");
        page.row("", Ink::Plain, &text);
    }
    if let Some(first) = live.messages.first() {
        let content = first.data.as_ref().map(|data| data.get()).or(first.text.as_deref());
        let content = content.or(first.base64.as_deref()).unwrap_or_default();
        page.row("message", Ink::Plain, &shortened(content, SHOWN));
    }
    let code = live.close.code.map_or("no code".to_owned(), |code| code.to_string());
    let reason = live.close.reason.as_deref().unwrap_or_default();
    let tcp = live.close.tcp_by.map_or(String::new(), |by| format!(", TCP ended by {by}"));
    page.row("close", Ink::Plain, &format!("by {}, {code} {reason}{tcp}", live.close.by).replace(" ,", ","));
}

fn notes(record: &ProbeRecord, page: &mut TextPage) {
    for warning in &record.warnings {
        page.row("warning", Ink::Yellow, &warning.text);
    }
    for hint in &record.hints {
        page.row("hint", Ink::Cyan, &hint.text);
    }
}

/// The phases one below the other, each where it was in the whole.
fn waterfall(record: &ProbeRecord, page: &mut TextPage) {
    let phases: Vec<(&str, f64)> =
        record.phases.in_order().into_iter().filter_map(|(name, ms)| Some((name, ms?))).collect();
    if phases.is_empty() {
        return;
    }
    let sum: f64 = phases.iter().map(|(_, ms)| ms).sum();
    let room = page.width.saturating_sub(24).clamp(16, 60);
    page.end();
    let mut start = 0.0;
    let failed = record.failed.as_ref().map(|failed| failed.phase);
    for (name, ms) in phases {
        let ink = match name {
            _ if failed == Some(name) => Ink::Red,
            "dns" | "tcp" => Ink::Cyan,
            "proxy" | "tls" => Ink::Yellow,
            _ => Ink::Green,
        };
        page.label(name).put(ink, &bar(start, start + ms, sum, room));
        page.put(Ink::Plain, &format!(" {:>9}", time(ms))).end();
        start += ms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_the_unit_that_suits_them() {
        assert_eq!([0.05, 1.25, 250.4, 12_340.0].map(time), ["50 µs", "1.2 ms", "250 ms", "12.3 s"]);
    }
}
