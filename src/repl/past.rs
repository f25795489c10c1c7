//! Commands that look back: past messages, and how the session stands.

use std::fmt::Write as _;
use std::io::{BufWriter, Write as _};
use std::time::{Duration, Instant};

use super::commands::{Shell, create};
use super::past_messages::PastMessage;
use super::render::grouped;
use super::shared_state::Rtts;
use super::status as standing;
use crate::message::Message;
use crate::pipeline::record;
use crate::report::escape_controls;
use crate::secret::Secrets;
use crate::text::{cut, short};

type Done = Result<Option<String>, String>;

/// Messages that `/last` shows without being told how many.
const LAST: usize = 10;

/// Rows that `/grep` and `/last` show at most.
const MOST_ROWS: usize = 1000;

/// Bytes of a message that such a row may need.
const LONGEST_QUEUED: usize = 4 * QUEUE_WIDTH;

/// Columns that a row of `/queue` takes.
const QUEUE_WIDTH: usize = 100;

/// `/show`.
pub(super) fn show(shell: &Shell, arguments: &str) -> Done {
    let inner = shell.shared.lock();
    let Some((first, last)) = inner.past.numbers() else {
        return Err("no messages yet".to_owned());
    };
    let number = match arguments.trim_start_matches('#') {
        "" => last,
        number => number.parse().map_err(|_| format!("invalid message number: {number}"))?,
    };
    let past = inner.past.get(number).cloned();
    drop(inner);
    let past = past.ok_or_else(|| format!("only messages {first} to {last} are available"))?;
    Ok(Some(shell.look.full(&past)))
}

/// `/last`.
pub(super) fn last(shell: &Shell, arguments: &str) -> Done {
    let count: usize = match arguments {
        "" => LAST,
        count => {
            let number = count.parse().ok().filter(|number| *number > 0);
            number.ok_or_else(|| format!("invalid number of messages: {count}"))?
        }
    };
    let inner = shell.shared.lock();
    let mut found: Vec<PastMessage> = inner.past.iter().rev().take(count.min(MOST_ROWS)).cloned().collect();
    drop(inner);
    found.reverse();
    Ok(Some(rows(shell, &found, "no messages yet")))
}

/// `/grep`.
pub(super) fn grep(shell: &Shell, text: &str) -> Done {
    if text.is_empty() {
        return Err("no text given".to_owned());
    }
    let wanted = text.to_lowercase();
    let inner = shell.shared.lock();
    // Cheap copies, so that the stream does not wait for the search.
    let all: Vec<PastMessage> = inner.past.iter().cloned().collect();
    drop(inner);
    let searched = all.len();
    let matches =
        |past: &PastMessage| past.message.as_text().is_some_and(|text| text.to_lowercase().contains(&wanted));
    let mut found: Vec<PastMessage> = all.into_iter().filter(matches).collect();
    let count = found.len();
    found.drain(..count.saturating_sub(MOST_ROWS));
    let none = format!("no match for {text:?} in {} messages", grouped(searched as u64));
    let mut shown = rows(shell, &found, &none);
    if count > 1 {
        let _ = write!(shown, "\n{}", shell.look.faint(&format!("{} messages", grouped(count as u64))));
    }
    Ok(Some(shown))
}

fn rows(shell: &Shell, past: &[PastMessage], none: &str) -> String {
    let width = shell.width();
    let rows: Vec<String> = past.iter().map(|past| shell.look.row(past, width)).collect();
    if rows.is_empty() { none.to_owned() } else { rows.join("\n") }
}

/// `/save`.
pub(super) fn save(shell: &Shell, arguments: &str) -> Done {
    if arguments.is_empty() {
        return Err("no file given".to_owned());
    }
    let all: Vec<PastMessage> = shell.shared.lock().past.iter().cloned().collect();
    let mut file = BufWriter::new(create(&shell.path(arguments))?);
    for past in &all {
        let text = record(past, &shell.look.secrets);
        writeln!(file, "{text}").map_err(|error| format!("{arguments}: {error}"))?;
    }
    file.flush().map_err(|error| format!("{arguments}: {error}"))?;
    Ok(Some(format!("saved {} messages to {arguments}", grouped(all.len() as u64))))
}

/// The record of a message.
pub(super) fn record(past: &PastMessage, secrets: &Secrets) -> String {
    let mut bytes = Vec::new();
    record::write(&past.event(), secrets, &mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// `/status`.
pub(super) fn status(shell: &Shell, _: &str) -> Done {
    let mut inner = shell.shared.lock();
    let mut text = standing::line(&mut inner, Instant::now());
    let _ = write!(text, "\nconnection {}", inner.standing.conn);
    if let Some((first, last)) = inner.past.numbers() {
        let _ = write!(text, ", messages {first} to {last}");
    }
    for topic in &inner.topics {
        let _ = write!(text, "\ntopic {topic}");
    }
    drop(inner);
    text.push_str(&shell.view_text());
    Ok(Some(text))
}

/// `/stats`.
pub(super) fn stats(shell: &Shell, _: &str) -> Done {
    let mut inner = shell.shared.lock();
    let rate = inner.stats.rate(Instant::now());
    let stats = inner.stats.clone();
    drop(inner);
    let time = stats.started.elapsed();
    let mut text = format!("running for {}\n", short(time));
    let _ = writeln!(
        text,
        "received {} messages, {} bytes, largest {}; {}/s now, {}/s on average",
        grouped(stats.received),
        grouped(stats.bytes_in),
        grouped(stats.largest as u64),
        grouped(rate),
        grouped(per_second(stats.received, time)),
    );
    if stats.events != stats.received {
        let _ =
            writeln!(text, "  {} events, {} duplicates", grouped(stats.events), grouped(stats.duplicates));
    }
    let _ = writeln!(text, "sent {} messages, {} bytes", grouped(stats.sent), grouped(stats.bytes_out));
    let _ = write!(text, "{}; {} reconnects, {} gaps", rtts(stats.rtts), stats.reconnects, stats.gaps);
    if let Some(close) = stats.last_close {
        let _ = write!(
            text,
            "\nlast connection closed by {} with {} {}",
            close.by,
            close.code,
            escape_controls(&close.reason)
        );
    }
    Ok(Some(text))
}

fn rtts(rtts: Rtts) -> String {
    match rtts.count {
        0 => "no pongs".to_owned(),
        count => format!(
            "{count} pongs: min {}, max {}, mean {}",
            short(rtts.least),
            short(rtts.most),
            short(rtts.sum / count)
        ),
    }
}

fn per_second(count: u64, time: Duration) -> u64 {
    let millis = u64::try_from(time.as_millis()).unwrap_or(u64::MAX).max(1);
    count.saturating_mul(1000) / millis
}

/// `/queue`, as the session answers it.
pub(super) fn queue(queue: &[&Message], secrets: &Secrets) -> String {
    let row = |message: &&Message| match message {
        Message::Text(text) => {
            let text = escape_controls(&secrets.beginning(text, LONGEST_QUEUED).0);
            cut(&text, QUEUE_WIDTH).0.to_owned()
        }
        Message::Binary(bytes) => format!("<binary, {} B>", grouped(bytes.len() as u64)),
    };
    let rows: Vec<String> = queue.iter().map(row).collect();
    if rows.is_empty() { "the queue is empty".to_owned() } else { rows.join("\n") }
}
