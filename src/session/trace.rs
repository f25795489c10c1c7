//! Frames in lines, for `-v` and `-vv`: `>` was sent, `<` came.

use tokio_tungstenite::tungstenite::Message as Frame;

use super::policy::close_meaning;
use crate::report::{Level, Report};

/// A frame; close frames matter more than others. What messages hold is for the output.
pub(super) fn frame(report: &Report, mark: char, frame: &Frame) {
    if let Frame::Close(close) = frame {
        let (code, reason) = close.as_ref().map_or((1005, ""), |close| (close.code.into(), &*close.reason));
        return self::close(report, mark, code, reason);
    }
    if !report.shows(Level::Debug) {
        return;
    }
    let kind = match frame {
        Frame::Text(_) => "text",
        Frame::Ping(_) => "ping",
        Frame::Pong(_) => "pong",
        _ => "binary",
    };
    report.debug(&format!("{mark} {kind}, {} bytes", frame.len()));
}

/// A close frame.
pub(super) fn close(report: &Report, mark: char, code: u16, reason: &str) {
    let reason = if reason.is_empty() { String::new() } else { format!(", {reason:?}") };
    report.verbose(&format!("{mark} close {code} ({}{reason})", close_meaning(code)));
}
