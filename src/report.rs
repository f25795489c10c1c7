//! Notices for people, on stderr. Nothing else in the crate writes there.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use colored::{Color, Colorize};

use crate::clock;
use crate::error::Failure;
use crate::secret::Secrets;
use crate::sys;
use crate::text::acts_on_terminal;

/// How much a notice matters, most first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The run fails because of it. Shown even with `-q`.
    Error,
    /// Something is not as it should be.
    Warning,
    /// What a person wants to know by default.
    Notice,
    /// Shown with `-v`.
    Verbose,
    /// Shown with `-vv`.
    Debug,
}

impl Level {
    fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
            Self::Verbose => "verbose",
            Self::Debug => "debug",
        }
    }

    fn color(self) -> Option<Color> {
        match self {
            Self::Error => Some(Color::Red),
            Self::Warning => Some(Color::Yellow),
            Self::Notice => None,
            Self::Verbose | Self::Debug => Some(Color::BrightBlack),
        }
    }
}

/// Where notices go and which are shown. Clones share the destination.
#[derive(Clone)]
pub struct Report {
    inner: Arc<Inner>,
    most: Level,
    /// Stands before every text, to say what it is about.
    prefix: Arc<str>,
    /// What errors and warnings must not quote of the arguments.
    arguments: Secrets,
}

impl std::fmt::Debug for Report {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Report").field("most", &self.most).finish_non_exhaustive()
    }
}

struct Inner {
    json: bool,
    color: bool,
    secrets: Secrets,
    out: Mutex<Out>,
}

struct Out {
    stream: Box<dyn std::io::Write + Send>,
    /// Waits up to this long until the stream takes something.
    ready: fn(Duration) -> bool,
    dropped: u64,
}

impl Report {
    /// Shows notices up to `most` on stderr, as JSON lines or as text, in colour or not.
    #[must_use]
    pub fn stderr(most: Level, json: bool, color: bool) -> Self {
        let out = Out { stream: Box::new(std::io::stderr()), ready: stderr_is_ready, dropped: 0 };
        Self::with(out, most, json, color)
    }

    /// A report that nobody reads.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn silent() -> Self {
        Self::to(Box::new(std::io::sink()), Level::Error, false, false)
    }

    /// Shows notices elsewhere.
    #[cfg(test)]
    pub fn to(out: Box<dyn std::io::Write + Send>, most: Level, json: bool, color: bool) -> Self {
        Self::with(Out { stream: out, ready: |_| true, dropped: 0 }, most, json, color)
    }

    fn with(out: Out, most: Level, json: bool, color: bool) -> Self {
        let (secrets, out) = (Secrets::default(), Mutex::new(out));
        let inner = Arc::new(Inner { json, color, secrets, out });
        Self { inner, most, prefix: "".into(), arguments: Secrets::default() }
    }

    /// The same for a run whose arguments hold these secrets: errors and warnings may quote arguments.
    #[must_use]
    pub fn of_arguments(&self, arguments: Secrets) -> Self {
        Self { arguments, ..self.clone() }
    }

    /// The same with this text before each notice.
    #[must_use]
    pub fn prefixed(&self, prefix: &str) -> Self {
        Self { prefix: prefix.into(), ..self.clone() }
    }

    /// Sends notices elsewhere from now on, or to stderr again.
    pub fn divert(&self, to: Option<Box<dyn std::io::Write + Send>>) {
        let Ok(mut out) = self.inner.out.lock() else { return };
        match to {
            Some(stream) => (out.stream, out.ready) = (stream, |_| true),
            None => (out.stream, out.ready) = (Box::new(std::io::stderr()), stderr_is_ready),
        }
    }

    /// The same with nothing that matters less than `most`: it is shown in another way. With `-v` people want more.
    #[must_use]
    pub fn calmer(&self, most: Level) -> Self {
        let most = if self.most <= Level::Notice { self.most.min(most) } else { self.most };
        Self { most, ..self.clone() }
    }

    /// Are notices text for people, shown at all but for errors?
    #[must_use]
    pub fn is_for_people(&self) -> bool {
        !self.inner.json && self.shows(Level::Notice)
    }

    /// What this run keeps secret: it is masked in every notice, wherever it came from. Servers like to quote the
    /// credential they refuse.
    #[must_use]
    pub fn secrets(&self) -> &Secrets {
        &self.inner.secrets
    }

    /// Would a notice of this level be shown?
    #[must_use]
    pub fn shows(&self, level: Level) -> bool {
        level <= self.most
    }

    /// A failure with its details and its hint.
    pub fn failure(&self, failure: &Failure) {
        if self.inner.json {
            return self.write(Level::Error, |report| report.object(failure));
        }
        self.say(Level::Error, &failure.what);
        for line in &failure.details {
            self.say_unlabelled(Level::Error, line);
        }
        if let Some(hint) = &failure.hint {
            self.say_unlabelled(Level::Error, &format!("hint: {hint}"));
        }
    }

    /// Something is not as it should be.
    pub fn warning(&self, text: &str) {
        self.say(Level::Warning, text);
    }

    /// A warning that is shown even with `-q`: what is sent and received may not be private.
    pub fn caution(&self, text: &str) {
        let most = self.most.max(Level::Warning);
        Self { most, ..self.clone() }.warning(text);
    }

    /// What a person wants to know by default.
    pub fn notice(&self, text: &str) {
        self.say(Level::Notice, text);
    }

    /// Shown with `-v`.
    pub fn verbose(&self, text: &str) {
        self.say(Level::Verbose, text);
    }

    /// Shown with `-vv`.
    pub fn debug(&self, text: &str) {
        self.say(Level::Debug, text);
    }

    /// A notice of this level.
    pub fn say(&self, level: Level, text: &str) {
        let label = match level {
            Level::Error => "wstap: error: ",
            Level::Warning => "wstap: warning: ",
            _ => "wstap: ",
        };
        match &*self.prefix {
            "" => self.write(level, |report| report.line(level, label, text)),
            prefix => self.write(level, |report| report.line(level, label, &format!("{prefix}{text}"))),
        }
    }

    fn say_unlabelled(&self, level: Level, text: &str) {
        self.write(level, |report| report.line(level, "  ", text));
    }

    fn write(&self, level: Level, line: impl Fn(&Self) -> String) {
        if !self.shows(level) {
            return;
        }
        let Ok(mut out) = self.inner.out.lock() else { return };
        // Drop notices rather than block the session when nobody reads stderr.
        if !(out.ready)(if level == Level::Error { ERROR_WAIT } else { Duration::ZERO }) {
            out.dropped += 1;
            return;
        }
        let mut lines = match std::mem::take(&mut out.dropped) {
            0 => String::new(),
            dropped => self.line(
                Level::Warning,
                "wstap: ",
                &format!("{dropped} notices were lost because stderr was not read"),
            ),
        };
        lines.push_str(&line(self));
        // Nobody can be told that stderr is gone.
        let _ = out.stream.write_all(lines.as_bytes());
    }

    /// A failure as one JSON object. `hint` and `details` are there if it has them.
    fn object(&self, failure: &Failure) -> String {
        let shown = |text: &str| self.shown(Level::Error, text);
        let (at, text) = (clock::now(), shown(&format!("{}{}", self.prefix, failure.what)));
        let mut object = serde_json::json!({"ts": format!("{at:.6}"), "level": "error", "text": text});
        if !failure.details.is_empty() {
            object["details"] = failure.details.iter().map(|line| shown(line)).collect();
        }
        if let Some(hint) = &failure.hint {
            object["hint"] = shown(hint).into();
        }
        format!("{object}\n")
    }

    /// A text with its secrets masked and its control characters escaped.
    fn shown(&self, level: Level, text: &str) -> String {
        let text = self.inner.secrets.mask_text(text);
        let text =
            if level <= Level::Warning { self.arguments.mask_text(&text) } else { text.as_ref().into() };
        escape_controls(&without_error_numbers(&text))
    }

    fn line(&self, level: Level, label: &str, text: &str) -> String {
        let text = self.shown(level, text);
        if self.inner.json {
            let at = clock::now();
            return format!(
                "{}\n",
                serde_json::json!({"ts": format!("{at:.6}"), "level": level.word(), "text": text})
            );
        }
        match level.color() {
            Some(color) if self.inner.color => format!("{}{text}\n", label.color(color)),
            _ => format!("{label}{text}\n"),
        }
    }
}

/// A text without the ` (os error 2)` that the standard library puts behind the system's words.
fn without_error_numbers(text: &str) -> Cow<'_, str> {
    const START: &str = " (os error ";
    let Some((before, rest)) = text.split_once(START) else { return text.into() };
    match rest.split_once(')') {
        Some((number, after)) if number.bytes().all(|byte| byte.is_ascii_digit()) => {
            (before.to_owned() + &without_error_numbers(after)).into()
        }
        _ => text.into(),
    }
}

/// How long an error waits for stderr to be read. Other notices do not wait.
const ERROR_WAIT: Duration = Duration::from_secs(1);

fn stderr_is_ready(patience: Duration) -> bool {
    // If the system cannot tell, writing will.
    sys::stderr_is_ready(patience).unwrap_or(true)
}

/// Text from the network made harmless for a terminal: what [acts on one](acts_on_terminal) is written as `\u{..}`, so
/// that no peer can move the cursor, set the clipboard or reverse what is read.
#[must_use]
pub fn escape_controls(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if acts_on_terminal(c) {
            // Writing to a String cannot fail.
            let _ = write!(out, "{}", c.escape_unicode());
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::{Place, Secret};

    #[derive(Clone, Default)]
    struct Shared(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Shared {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn secrets_and_escapes_do_not_reach_the_terminal() {
        let out = Shared::default();
        let report = Report::to(Box::new(out.clone()), Level::Notice, false, false);
        report.secrets().add(&Secret::new("tok-123456"), Place::Header);
        report.notice("bad tok-123456 \u{1b}[2J\u{202e}\u{61c}\u{2028}x");
        report.verbose("not shown");
        let text = String::from_utf8(out.0.lock().unwrap().clone()).unwrap();
        assert_eq!(text, "wstap: bad *** \\u{1b}[2J\\u{202e}\\u{61c}\\u{2028}x\n");
    }
}
