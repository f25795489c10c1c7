//! How a model looks on a terminal: lines of text, and nothing else. Pure, and told the time.
//!
//! A line a campaign, in columns. Where there is no room, the least important columns are left away, then campaigns;
//! nothing ever wraps. Widths depend on what can come, not on what is there, so that nothing jumps.

use std::time::Duration;

use colored::{Color, ColoredString, Colorize as _};
use tokio::time::Instant;
use unicode_width::UnicodeWidthStr as _;

use super::link::WatchLinkState;
use super::model::Model;
use super::row::{RowEnd, WatchedCampaign};
use crate::campaign::{CampaignStatus, Contact, Counts, Sample};
use crate::exit::Exit;
use crate::report::escape_controls;
use crate::text::cut;

/// The narrowest terminal that is drawn for; on one that is narrower, lines are cut off.
const NARROWEST: usize = 20;

/// The widest bar. A wider one would say nothing more.
const WIDEST_BAR: usize = 48;

const NARROWEST_BAR: usize = 8;

/// The narrowest bar beside columns that only say what the bar says, too.
const USUAL_BAR: usize = 16;

/// The rank of the first of these columns.
const EXTRA: u8 = 10;

/// From this width on there is room between the columns.
const WIDE: usize = 110;

/// From this width on there is room for whole sentences.
const WIDEST: usize = 150;

/// The last contacts that are shown.
const CONTACTS: usize = 3;

/// What the terminal is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    /// Columns.
    pub width: usize,
    /// Lines.
    pub height: usize,
    /// Can it show more than ASCII?
    pub unicode: bool,
    /// Are there keys to press?
    pub keys: bool,
}

/// The model as it stands.
#[must_use]
pub fn frame(model: &Model, now: Instant, look: &Look) -> Vec<String> {
    let shown: Vec<&WatchedCampaign> =
        model.rows.values().filter(|row| row.end != Some(RowEnd::Left)).collect();
    let contacts = last_contacts(&shown, look);
    // One line stays free: a terminal that is filled to the last one scrolls.
    let room = look.height.saturating_sub(3 + contacts.len()).max(1);
    let fitting = fitting(&shown, model, room);
    let several = shown.len() > 1;
    let Table { mut lines, left_out } = table(&fitting, model, now, look, true);
    if !several && look.height >= 6 {
        lines.extend(rest(&left_out, look));
    }
    lines.extend(contacts.iter().map(|(row, contact)| contact_line(row, contact, several, look)));
    lines.extend(footer(&shown, fitting.len(), model, look));
    lines
}

/// What stays on the screen: every campaign, as it stood at the end.
#[must_use]
pub fn last_frame(model: &Model, now: Instant, look: &Look) -> Vec<String> {
    let known = |row: &&WatchedCampaign| row.campaign.is_known() || model.links[row.link].failed.is_some();
    let known: Vec<&WatchedCampaign> = model.rows.values().filter(known).collect();
    if known.is_empty() { Vec::new() } else { table(&known, model, now, look, false).lines }
}

/// A line for people about something that the provider said of the past of a campaign: what was done, what failed, and
/// with how much success, over time.
#[must_use]
pub fn chart(campaign: u64, hours: u32, samples: &[Sample], look: &Look) -> Vec<String> {
    let from_to = |sample: Option<&Sample>| {
        sample.and_then(|sample| sample.at).map(|at| at.strftime("%F %H:%M").to_string())
    };
    let span = from_to(samples.first()).zip(from_to(samples.last()));
    let span = span.map_or_else(String::new, |(from, to)| format!(", {from} to {to} UTC"));
    let mut lines =
        vec![clip(&format!("campaign {campaign}, last {hours} h{span}"), look.width.max(NARROWEST) - 1)];
    #[expect(clippy::cast_precision_loss, reason = "2^53 contacts are enough")]
    let number = |value: Option<u64>| value.map(|value| value as f64);
    let completed: Vec<_> = samples.iter().map(|sample| number(sample.counts.completed)).collect();
    let failed: Vec<_> = samples.iter().map(|sample| number(sample.counts.failed)).collect();
    let success: Vec<_> = samples.iter().map(|sample| sample.counts.success_rate).collect();
    lines.extend(chart_line("completed", &completed, "", Color::Green, look));
    lines.extend(chart_line("failed", &failed, "", Color::Red, look));
    lines.extend(chart_line("success", &success, "%", Color::Cyan, look));
    lines
}

fn chart_line(name: &str, values: &[Option<f64>], unit: &str, color: Color, look: &Look) -> Option<String> {
    let known: Vec<f64> = values.iter().copied().flatten().collect();
    let (first, last) = (known.first()?, known.last()?);
    let lowest = known.iter().copied().fold(f64::INFINITY, f64::min);
    let highest = known.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let label = format!("  {name:<9} {:>8} ", format!("{}{unit}", trimmed(*first)));
    let width = look.width.max(NARROWEST) - 1;
    if values.len() == 1 {
        return Some(clip(label.trim_end(), width));
    }
    let end = format!(" {}{unit}", trimmed(*last));
    let room = look.width.saturating_sub(label.width() + end.width() + 1).clamp(1, 60);
    let drawn = spread(values, room).into_iter().map(|value| match value {
        None => ' ',
        Some(value) if highest > lowest => level((value - lowest) / (highest - lowest), look),
        Some(_) => level(0.5, look),
    });
    Some(clip(&format!("{label}{}{end}", drawn.collect::<String>().color(color)), width))
}

/// As many values as there is room for, evenly spread over the row.
fn spread(values: &[Option<f64>], room: usize) -> Vec<Option<f64>> {
    if values.len() <= room {
        return values.to_vec();
    }
    let last = values.len() - 1;
    (0..room).map(|at| values[at * last / (room - 1).max(1)]).collect()
}

fn trimmed(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// A part of one as a block, or as a character that is as dark.
fn level(part: f64, look: &Look) -> char {
    let levels: &[char] = if look.unicode {
        &['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█']
    } else {
        &['_', '.', ',', '-', '=', '+', '*', '#']
    };
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    let at = (part * (levels.len() - 1) as f64).round() as usize;
    levels[at.min(levels.len() - 1)]
}

/// Those that there is room for: what went wrong goes before what runs, and that before what is over. Links that come
/// and go change nothing, or the lines would, too.
fn fitting<'a>(rows: &[&'a WatchedCampaign], model: &Model, room: usize) -> Vec<&'a WatchedCampaign> {
    if rows.len() <= room {
        return rows.to_vec();
    }
    let mut ranked: Vec<&WatchedCampaign> = rows.to_vec();
    ranked.sort_by_key(|row| (importance(row, model), row.campaign.id));
    ranked.truncate(room);
    ranked.sort_by_key(|row| row.campaign.id);
    ranked
}

fn importance(row: &WatchedCampaign, model: &Model) -> u8 {
    match (&row.end, &row.campaign.status) {
        (None, _) if model.links[row.link].failed.is_some() => 1,
        (Some(RowEnd::Refused(_)), _) => 1,
        (Some(RowEnd::Final), Some(CampaignStatus::Failed | CampaignStatus::Cancelled)) => 1,
        (None, Some(CampaignStatus::Running)) => 2,
        (None, _) => 3,
        _ => 4,
    }
}

/// A column but for the bar.
struct Column {
    head: &'static str,
    left: bool,
    least: usize,
    /// The lower, the longer it stays when there is no room.
    rank: u8,
    cells: Vec<Cell>,
}

struct Cell {
    text: String,
    color: Option<Color>,
}

impl Column {
    fn width(&self) -> usize {
        let widest = self.cells.iter().map(|cell| cell.text.width()).max().unwrap_or_default();
        widest.max(self.head.width()).max(self.least)
    }

    fn pad(&self, text: &str, color: Option<Color>, width: usize) -> String {
        let blank = " ".repeat(width.saturating_sub(text.width()));
        let text = painted(text, color);
        if self.left { format!("{text}{blank}") } else { format!("{blank}{text}") }
    }
}

fn painted(text: &str, color: Option<Color>) -> String {
    color.map_or_else(|| text.to_owned(), |color| text.color(color).to_string())
}

/// The columns in their order; the bar stands after the second.
fn columns(rows: &[&WatchedCampaign], model: &Model, now: Instant, look: &Look, live: bool) -> Vec<Column> {
    let digits = rows.iter().filter_map(|row| row.campaign.counts.total).max().unwrap_or(0).to_string().len();
    let column =
        |head, left, least, rank, cell: &dyn Fn(&WatchedCampaign) -> (String, Option<Color>)| Column {
            head,
            left,
            least,
            rank,
            cells: rows.iter().map(|row| cell(row)).map(|(text, color)| Cell { text, color }).collect(),
        };
    let dash = if look.unicode { "–" } else { "-" };
    let or_dash = |text: Option<String>| text.unwrap_or_else(|| dash.to_owned());
    let count = |part: fn(&Counts) -> Option<u64>, color: Option<Color>| {
        move |row: &WatchedCampaign| {
            let value = part(&row.campaign.counts);
            (
                or_dash(value.map(|value| value.to_string())),
                color.filter(|_| value.is_some_and(|value| value > 0)),
            )
        }
    };
    let percent = |part: fn(&Counts) -> Option<f64>| {
        move |row: &WatchedCampaign| {
            (or_dash(part(&row.campaign.counts).map(|part| format!("{part:.1}%"))), None)
        }
    };
    let rate = |row: &WatchedCampaign| (or_dash(row.campaign.per_minute(now).map(per_minute)), None);
    // Nobody knows what happens while there is no link.
    let hears = |row: &WatchedCampaign| model.links[row.link].state == WatchLinkState::Live;
    let eta =
        |row: &WatchedCampaign| (or_dash(row.campaign.eta(now).filter(|_| hears(row)).map(lasting)), None);
    let spark = |row: &WatchedCampaign| (sparkline(row, now, look), Some(Color::Cyan));
    let took = |row: &WatchedCampaign| (or_dash(row.took(now).map(lasting)), None);
    let mut columns = vec![
        column("id", false, 2, 0, &|row| (row.campaign.id.to_string(), None)),
        column("status", true, 9, 1, &|row| status(row, model)),
        column("", false, 6, 2, &percent(|counts| counts.progress_percentage)),
        column("done", false, digits, 5, &count(|counts| counts.completed, Some(Color::Green))),
        column("failed", false, digits, 6, &count(|counts| counts.failed, Some(Color::Red))),
    ];
    if live {
        columns.push(column("busy", false, 2, 11, &count(|counts| counts.processing, Some(Color::Yellow))));
        columns.push(column("left", false, digits, 10, &count(|counts| counts.pending, None)));
    }
    columns.push(column("of", false, digits, if live { 12 } else { 7 }, &count(|counts| counts.total, None)));
    columns.push(column("success", false, 7, 9, &percent(|counts| counts.success_rate)));
    if live {
        columns.push(column("/min", false, 5, 8, &rate));
        columns.push(column("ETA", false, 7, 7, &eta));
        columns.push(column("lately", true, spark_length(look), 13, &spark));
        let length = if look.width >= WIDEST { 20 } else { 10 };
        columns.push(column("link", true, length, 4, &|row| link(row, model, now, look)));
    } else {
        columns.push(column("time", false, 7, 8, &took));
    }
    columns
}

/// Campaigns as lines, and the columns for which there was no room, the most important first.
struct Table {
    lines: Vec<String>,
    left_out: Vec<Column>,
}

fn table(rows: &[&WatchedCampaign], model: &Model, now: Instant, look: &Look, live: bool) -> Table {
    let room = look.width.max(NARROWEST) - 1;
    let gap = if look.width >= WIDE { "  " } else { " " };
    let mut columns = columns(rows, model, now, look, live);
    let mut left_out = Vec::new();
    let taken = |columns: &[Column]| columns.iter().map(|column| column.width() + gap.len()).sum::<usize>();
    while columns.len() > 3 {
        let Some(last) = (0..columns.len()).max_by_key(|at| columns[*at].rank) else { break };
        let least = if columns[last].rank >= EXTRA { USUAL_BAR } else { NARROWEST_BAR };
        if taken(&columns) + least <= room {
            break;
        }
        left_out.insert(0, columns.remove(last));
    }
    let bar = room.saturating_sub(taken(&columns)).min(WIDEST_BAR);
    let cells = |cell: &dyn Fn(&Column) -> String, bar: String| {
        let mut line: Vec<String> = columns.iter().map(cell).collect();
        line.insert(2, bar);
        line.join(gap)
    };
    let head = cells(&|column| column.pad(column.head, None, column.width()), " ".repeat(bar));
    let mut lines = vec![clip(&head, room).trim_end().dimmed().to_string()];
    for (at, row) in rows.iter().enumerate() {
        let cell =
            |column: &Column| column.pad(&column.cells[at].text, column.cells[at].color, column.width());
        let line = cells(&cell, bar_of(&row.campaign.counts, bar, look));
        lines.push(clip(line.trim_end(), room));
    }
    Table { lines, left_out }
}

/// What there was no room for in the line of a campaign, where it is the only one.
fn rest(left_out: &[Column], look: &Look) -> Option<String> {
    let dot = if look.unicode { " · " } else { " | " };
    let room = look.width.max(NARROWEST) - 3;
    let mut line = String::new();
    for column in left_out {
        let Some(text) = column.cells.first().map(|cell| cell.text.trim()).filter(|text| !text.is_empty())
        else {
            continue;
        };
        let part = format!("{} {text}", column.head);
        let longer = if line.is_empty() { part } else { format!("{line}{dot}{part}") };
        if longer.width() > room {
            break;
        }
        line = longer;
    }
    (!line.is_empty()).then(|| format!("  {}", line.dimmed()))
}

fn status(row: &WatchedCampaign, model: &Model) -> (String, Option<Color>) {
    if let Some(RowEnd::Refused(_)) = row.end {
        return ("refused".to_owned(), Some(Color::Red));
    }
    if let (None, Some(exit)) = (&row.end, model.links[row.link].failed) {
        let what = match exit {
            Exit::NotFound => "not found",
            Exit::Credentials => "refused",
            _ => "disconnected",
        };
        return (what.to_owned(), Some(Color::Red));
    }
    let Some(status) = &row.campaign.status else { return (String::new(), None) };
    let color = match status {
        CampaignStatus::Running => Some(Color::Cyan),
        CampaignStatus::Completed => Some(Color::Green),
        CampaignStatus::Paused => Some(Color::Yellow),
        CampaignStatus::Cancelled => Some(Color::Magenta),
        CampaignStatus::Failed => Some(Color::Red),
        CampaignStatus::Draft | CampaignStatus::Scheduled | CampaignStatus::Other(_) => None,
    };
    let name: String = status.name().chars().take(12).collect();
    (clip(&escape_controls(&name), 12), color)
}

fn link(row: &WatchedCampaign, model: &Model, now: Instant, look: &Look) -> (String, Option<Color>) {
    let wide = look.width >= WIDEST;
    let link = &model.links[row.link];
    let quiet = link.heard.map(|at| now.saturating_duration_since(at)).filter(|time| *time >= model.quiet());
    let seconds = |time: Duration| time.as_secs_f64().ceil();
    match (&link.state, quiet) {
        (WatchLinkState::Ended, _) => (String::new(), None),
        (WatchLinkState::Connecting, _) => ("connecting".to_owned(), Some(Color::Yellow)),
        (WatchLinkState::Waiting(at), _) => {
            let rest = seconds(at.saturating_duration_since(now));
            let text = if wide { format!("reconnecting in {rest} s") } else { format!("retry {rest}s") };
            (text, Some(Color::Yellow))
        }
        (WatchLinkState::Live, Some(time)) => {
            let time = time.as_secs();
            let text = if wide { format!("silent for {time} s") } else { format!("silent {time}s") };
            (text, Some(Color::Yellow))
        }
        (WatchLinkState::Live, None) => ("live".to_owned(), Some(Color::Green)),
    }
}

/// All contacts as one bar: those that were reached, those that were not, those that are being called, and the rest.
fn bar_of(counts: &Counts, width: usize, look: &Look) -> String {
    let [full, bad, busy, empty] =
        if look.unicode { ['█', '▓', '▒', '░'] } else { ['#', 'x', '=', '.'] };
    let parts = [counts.completed, counts.failed, counts.processing].map(|part| part.unwrap_or(0));
    let sum = parts.iter().fold(0_u64, |sum, part| sum.saturating_add(*part));
    let cells = shares(parts, counts.total.unwrap_or(0).max(sum), width);
    let rest = width - cells.iter().sum::<usize>();
    let part = |glyph: char, count: usize, color| glyph.to_string().repeat(count).color(color);
    let drawn: [ColoredString; 4] = [
        part(full, cells[0], Color::Green),
        part(bad, cells[1], Color::Red),
        part(busy, cells[2], Color::Yellow),
        empty.to_string().repeat(rest).dimmed(),
    ];
    let drawn = drawn.iter().filter(|part| !part.is_empty());
    drawn.map(ColoredString::to_string).collect()
}

/// Cells of a bar for each part of a whole. What there is takes at least one, as long as there are any.
fn shares(parts: [u64; 3], whole: u64, width: usize) -> [usize; 3] {
    let mut cells = [0; 3];
    let (mut sum, mut used) = (0_u64, 0);
    for (cells, part) in cells.iter_mut().zip(parts).filter(|(_, part)| *part > 0 && whole > 0) {
        sum = sum.saturating_add(part);
        // Where the part ends, to the nearest cell; so they fill the bar together.
        let end = (u128::from(sum) * width as u128 * 2 + u128::from(whole)) / (2 * u128::from(whole));
        *cells = usize::try_from(end).unwrap_or(width).saturating_sub(used).max(1).min(width - used);
        used += *cells;
    }
    if used == width && sum < whole && width > 3 {
        // It looks complete only once it is.
        let largest = (0..3).max_by_key(|at| cells[*at]).unwrap_or(0);
        cells[largest] -= 1;
    }
    cells
}

fn spark_length(look: &Look) -> usize {
    if look.width >= 160 { 24 } else { 12 }
}

fn sparkline(row: &WatchedCampaign, now: Instant, look: &Look) -> String {
    let slots = row.campaign.slots(spark_length(look), now);
    let most = slots.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return String::new();
    }
    #[expect(clippy::cast_precision_loss, reason = "a drawing")]
    slots.iter().map(|slot| level(*slot as f64 / most as f64, look)).collect()
}

/// The last contacts of all campaigns, the latest last.
fn last_contacts<'a>(rows: &[&'a WatchedCampaign], look: &Look) -> Vec<(&'a WatchedCampaign, &'a Contact)> {
    let most = if look.height >= 8 { CONTACTS } else { 0 };
    let mut contacts: Vec<(u64, &WatchedCampaign, &Contact)> = rows
        .iter()
        .flat_map(|row| row.campaign.contacts.iter().map(|(at, contact)| (*at, *row, contact)))
        .collect();
    contacts.sort_by_key(|(at, ..)| *at);
    let skipped = contacts.len().saturating_sub(most);
    contacts.into_iter().skip(skipped).map(|(_, row, contact)| (row, contact)).collect()
}

fn contact_line(row: &WatchedCampaign, contact: &Contact, several: bool, look: &Look) -> String {
    let id = if several { format!("{} ", row.campaign.id) } else { String::new() };
    let name = escape_controls(&contact.name);
    let mark = match (contact.status.as_str(), look.unicode) {
        ("completed", true) => "✓".green(),
        ("completed", false) => "+".green(),
        ("failed", true) => "✗".red(),
        ("failed", false) => "x".red(),
        (_, true) => "·".normal(),
        (_, false) => "-".normal(),
    };
    let detail = contact.detail.as_deref().map(|detail| format!("  {}", escape_controls(detail)));
    let text = format!("{id}{name}  {}{}", escape_controls(&contact.status), detail.unwrap_or_default());
    format!("  {mark} {}", clip(&text, look.width.saturating_sub(5)).dimmed())
}

fn footer(rows: &[&WatchedCampaign], shown: usize, model: &Model, look: &Look) -> Option<String> {
    let mut parts = Vec::new();
    if rows.is_empty() {
        parts.push("no campaigns yet".to_owned());
    }
    if rows.len() > 1 {
        let mut counts: Vec<(String, usize)> = Vec::new();
        for name in rows.iter().map(|row| status(row, model).0).filter(|name| !name.is_empty()) {
            match counts.iter_mut().find(|(known, _)| *known == name) {
                Some((_, count)) => *count += 1,
                None => counts.push((name, 1)),
            }
        }
        let counts: Vec<String> = counts.iter().map(|(name, count)| format!("{count} {name}")).collect();
        let colon = if counts.is_empty() { "" } else { ": " };
        parts.push(format!("{} campaigns{colon}{}", rows.len(), counts.join(", ")));
    }
    let waiting = |row: &&&WatchedCampaign| matches!(model.links[row.link].state, WatchLinkState::Waiting(_));
    let reconnecting = rows.iter().filter(waiting).count();
    if rows.len() > 1 && reconnecting > 0 {
        parts.push(format!("{reconnecting} reconnecting"));
    }
    if shown < rows.len() {
        parts.push(format!("{} not shown", rows.len() - shown));
    }
    if look.keys {
        parts.push("q quit, r refresh, ? help".to_owned());
    }
    let dot = if look.unicode { " · " } else { " | " };
    let room = look.width.max(NARROWEST) - 1;
    while parts.len() > 1 && parts.join(dot).width() > room {
        parts.pop();
    }
    (!parts.is_empty()).then(|| clip(&parts.join(dot), room).dimmed().to_string())
}

fn per_minute(rate: f64) -> String {
    if rate >= 1000.0 { format!("{rate:.0}") } else { format!("{rate:.1}") }
}

/// A time in two units at most.
#[must_use]
pub fn lasting(time: Duration) -> String {
    let seconds = time.as_secs_f64().round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "saturates")]
    let seconds = seconds as u64;
    match (seconds / 86_400, seconds / 3600, seconds / 60) {
        (days @ 1.., hours, _) => format!("{days}d {:02}h", hours % 24),
        (0, hours @ 1.., minutes) => format!("{hours}h {:02}m", minutes % 60),
        (0, 0, minutes @ 1..) => format!("{minutes}m {:02}s", seconds % 60),
        _ => format!("{seconds}s"),
    }
}

/// The text as far as it fits. Colors end with it.
fn clip(text: &str, room: usize) -> String {
    let (start, _) = cut(text, room);
    let end = if start.len() < text.len() && text.contains('\u{1b}') { "\u{1b}[0m" } else { "" };
    format!("{start}{end}")
}

#[cfg(test)]
#[path = "draw_tests.rs"]
mod tests;
