//! What the rules of dialect files cost a message: `cargo bench --bench rules`, or with names of files after `--`.
//! A path such as `./mine.toml` is a file that is not built in, with its fixture beside it in `./mine.txt`.
//!
//! For each built-in file, the first event of its fixture is understood again and again, without a connection: it is read,
//! meets its rule, and gets its id and its number. `ten rules` is a made file, whose tenth rule is the one that is met. The
//! best of many short rounds is printed, in nanoseconds a message. `alternating` is the cost with a second kind of
//! message in between, if the fixture has one.

use std::hint::black_box;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context as _, Result};
use wstap::testing::{Client, ClientSetup, DIALECT_FILES, Dialect, Meaning, Message, find_dialect_file};

const ROUNDS: usize = 100;
const PER_ROUND: usize = 1_000;

/// Messages of about 300 bytes with a dozen fields.
const TEN_RULES: &str = r#"
[dialect]
version = 2
name = "ten"
[[on]]
when = '.type == "ping"'
heartbeat = true
[[on]]
when = '.type == "pong"'
pong = true
[[on]]
when = '.type == "welcome"'
ready = true
[[on]]
when = '.type == "subscribed"'
confirm = '.channels'
[[on]]
when = '.type == "error" and .code'
refuse = '{topic: .channel, code, message: .text}'
[[on]]
when = '.type == "closing"'
drain = '.in_ms'
[[on]]
when = '.type == "book"'
event = '.'
sequence = '[.channel, .first, .last]'
[[on]]
when = '.type == "candle"'
event = '.items[]'
[[on]]
when = '.type == "status"'
ignore = true
[[on]]
when = '.type == "trade"'
event = '.'
id = '"\(.channel)/\(.id)"'
sequence = '[.channel, .id]'
"#;

#[allow(clippy::print_stdout, reason = "a table for the person who runs it")]
fn main() -> Result<()> {
    let names: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with("--")).collect();
    let wanted = |name: &str| names.is_empty() || names.iter().any(|wanted| wanted == name);
    println!("{:>22} {:>8} {:>12} {:>12}", "", "bytes", "ns a message", "alternating");
    for file in DIALECT_FILES.iter().filter(|file| wanted(file.name)) {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/dialects");
        let fixture = std::fs::read_to_string(format!("{folder}/{}.txt", file.name))?;
        let dialect = file.dialect().map_err(|failure| anyhow::anyhow!(failure.what))?;
        row(file.name, dialect, &messages(&fixture))?;
    }
    for path in names.iter().filter(|name| name.ends_with(".toml")) {
        let fixture = std::fs::read_to_string(Path::new(path).with_extension("txt"))?;
        row(path, file(path)?, &messages(&fixture))?;
    }
    if wanted("ten") {
        let folder = tempfile::tempdir()?;
        let path = folder.path().join("ten.toml");
        std::fs::write(&path, TEN_RULES)?;
        let dialect = file(&path.display().to_string())?;
        let pad = "p".repeat(120);
        let message = |kind: &str| {
            format!(
                r#"{{"type":"{kind}","channel":"btc-usd","id":1,"time":1672304486868,"side":"buy","price":"16578.50","size":"0.001","maker":"a41b6c2e","taker":"9c3e2f7d","flags":["x","y"],"first":1,"last":1,"pad":"{pad}"}}"#
            )
        };
        row("ten rules", dialect, &[&message("trade"), &message("book")])?;
    }
    Ok(())
}

fn file(path: &str) -> Result<&'static dyn Dialect> {
    let found = find_dialect_file(path, None).map_err(|failure| anyhow::anyhow!(failure.what))?;
    found.with_context(|| format!("no file {path}"))
}

/// The messages of a fixture.
fn messages(fixture: &str) -> Vec<&str> {
    fixture.lines().filter_map(|line| line.strip_prefix("> ")).collect()
}

#[allow(clippy::print_stdout, reason = "a table for the person who runs it")]
fn row(name: &str, dialect: &dyn Dialect, messages: &[&str]) -> Result<()> {
    let mut client =
        dialect.client(&ClientSetup::default()).map_err(|failure| anyhow::anyhow!(failure.what))?;
    let mut is_event = |text: &str| {
        matches!(client.understand(&Message::text(text.to_owned())), Meaning::Event(_) | Meaning::Events(_))
    };
    let mut events =
        messages.iter().filter(|text| is_event(text)).map(|text| Message::text((*text).to_owned()));
    let first = events.next().with_context(|| format!("the fixture of {name} has no event"))?;
    let second = events.next();
    let alone = best(&mut *client, &[&first]);
    let alternating =
        second.map(|second| format!("{:.0}", best(&mut *client, &[&first, &second]))).unwrap_or_default();
    println!("{name:>22} {:>8} {alone:>12.0} {alternating:>12}", first.len());
    Ok(())
}

/// Nanoseconds for each of these messages.
fn best(client: &mut dyn Client, messages: &[&Message]) -> f64 {
    let round = || {
        let start = Instant::now();
        for message in messages.iter().cycle().take(PER_ROUND) {
            drop(black_box(client.understand(black_box(message))));
            client.missing();
        }
        start.elapsed().as_nanos() as f64 / PER_ROUND as f64
    };
    std::iter::repeat_with(round).take(ROUNDS).fold(f64::MAX, f64::min)
}
