//! The session at the prompt that docs/prompt.md shows. `UPDATE=1 cargo test --test cli recorded` records it anew.

use std::fs;

use super::pty::on_pty;

const START: &str = "<!-- recorded: a session at the prompt -->\n";
const END: &str = "<!-- end of the session -->";
const TOPIC: &str = "customer_id:12345678-1234-1234-1234-123456789012:call:*";

#[test]
fn the_session_in_the_docs_is_what_happens() {
    let recorded = record();
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/prompt.md");
    let page = fs::read_to_string(path).unwrap();
    let (before, rest) = page.split_once(START).unwrap();
    let (committed, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE").is_some() {
        fs::write(path, format!("{before}{START}{recorded}{END}{after}")).unwrap();
    } else {
        assert_eq!(committed, recorded, "stale: UPDATE=1 cargo test --test cli recorded");
    }
}

/// Plays the session and gives it as a block of the page.
fn record() -> String {
    // Without notices, which have times and ports in them.
    let args = ["subscribe", "-qi", "--mock=--rate max --events 4", "-d", "voipbin", TOPIC];
    let mut pty = on_pty(&args).size(60, 100).spawn();
    pty.shows("← 5 ");
    pty.line("/filter {id: .data.id[:8], status: .data.status}");
    pty.shows("filter: {id");
    pty.line("/reconnect");
    pty.shows("← 10 ");
    pty.line("/subscribe customer_id:12345678-1234-1234-1234-123456789012:cal:*");
    pty.shows("did you mean 'call'");
    pty.line("{\"type\": \"unsubscribe\" \"topics\": []}");
    pty.shows("send it anyway");
    pty.line("/show 3");
    pty.shows("\"previous_status\"");
    pty.line("/quit");
    pty.shows("open> /quit");
    let screen = pty.contents();
    pty.exits(0);
    let rows: Vec<String> = screen.lines().map(|row| steady(row.trim_end())).collect();
    let session = rows.join("\n");
    let session = session.split("open> /quit").next().unwrap_or_default();
    let command = format!("wstap subscribe -qi --mock='--rate max --events 4' -d voipbin '{TOPIC}'");
    format!("```text\n$ {command}\n{session}open> /quit\n```\n")
}

/// The row with what is different every time replaced: the date, and the times of the day.
fn steady(row: &str) -> String {
    let time = |word: &str| word.len() >= 12 && word.as_bytes()[2] == b':' && word.as_bytes()[8] == b'.';
    let date = |word: &str| word.len() == 10 && word.as_bytes()[4] == b'-' && word.as_bytes()[7] == b'-';
    let words = row.split(' ').map(|word| match word {
        word if time(word.trim_end_matches(',')) && !word.contains('"') => &"16:20:00.123456"[..word.len()],
        word if date(word) => "2026-03-04",
        word => word,
    });
    words.collect::<Vec<_>>().join(" ")
}
