//! The status line, which stands in grey where nothing has been typed yet, and the word of the prompt.

use std::time::Instant;

use super::render::grouped;
use super::shared_state::PromptState;
use crate::session::state::LinkState;
use crate::text::short;

/// The prompt, as long as every one of them is.
pub(super) const PROMPT: &str = "open> ";

/// The prompt that tells how the connection stands.
pub(super) fn prompt(inner: &PromptState) -> &'static str {
    match inner.standing.link {
        LinkState::Connecting => "dial> ",
        LinkState::Open => PROMPT,
        LinkState::Waiting(_) | LinkState::Lost => "lost> ",
        LinkState::Ending => "ends> ",
    }
}

/// What the row of the prompt shows of the session at present.
pub(super) fn shown(inner: &mut PromptState) -> (&'static str, String) {
    let line = if inner.line_empty { line(inner, Instant::now()) } else { String::new() };
    (prompt(inner), line)
}

/// Reconnection, topics, rate, round trip time, and whatever else is out of the ordinary.
pub(super) fn line(inner: &mut PromptState, now: Instant) -> String {
    let mut parts: Vec<String> = link(inner, now).into_iter().collect();
    match inner.topics.len() {
        0 => {}
        1 => parts.push("1 topic".to_owned()),
        topics => parts.push(format!("{topics} topics")),
    }
    parts.push(format!("{}/s", grouped(inner.stats.rate(now))));
    if let Some(rtt) = inner.standing.rtt {
        parts.push(format!("pong {}", short(rtt)));
    }
    if inner.standing.queued > 0 {
        parts.push(format!("{} queued", inner.standing.queued));
    }
    if inner.paused {
        parts.push("paused".to_owned());
    }
    parts.join(" · ")
}

/// What the word of the prompt leaves open about the connection.
fn link(inner: &PromptState, now: Instant) -> Option<String> {
    match inner.standing.link {
        LinkState::Connecting | LinkState::Open | LinkState::Ending => None,
        LinkState::Waiting(until) => {
            let rest = until.into_std().saturating_duration_since(now);
            Some(format!("retry in {}", short(rest)))
        }
        LinkState::Lost => Some("/reconnect connects again".to_owned()),
    }
}
