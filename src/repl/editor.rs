//! The thread that waits for keys.

use std::borrow::Cow;
use std::mem;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use rustyline::completion::{Completer, Pair};
use rustyline::config::{BellStyle, ColorMode, CompletionType};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::{Hint, Hinter};
use rustyline::history::{FileHistory, History as _, SearchDirection};
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{
    Behavior, Cmd, ConditionalEventHandler, Config, Context, Event, EventContext, EventHandler,
    ExternalPrinter, Helper, KeyEvent, Movement, RepeatCount,
};

use super::commands::{Flow, Shell};
use super::complete;
use super::history;
use super::shared_state::SharedState;
use super::{PromptSetup, status};
use crate::pipeline::filter;
use crate::session::Order;
use crate::session::policy::Outcome;
use crate::text::cut;

/// Candidates that are listed without asking first.
const LISTED: usize = 60;

/// Room that the status line leaves at the end of its row.
const MARGIN: usize = 2;

/// The editor, before its thread runs.
pub(super) struct Editor {
    line: rustyline::Editor<Assistant, FileHistory>,
    shell: Arc<Shell>,
    history: Option<PathBuf>,
}

impl Editor {
    /// An editor on the terminal, and what prints above it.
    ///
    /// # Errors
    /// If the terminal is none that can be edited on.
    pub(super) fn new(
        setup: &PromptSetup,
        shell: Shell,
    ) -> rustyline::Result<(Self, impl ExternalPrinter + Send + use<>)> {
        let behavior = if setup.stdout { Behavior::Stdio } else { Behavior::PreferTerm };
        let config = Config::builder()
            .behavior(behavior)
            // The assistant is asked for the prompt, and decides about colours itself.
            .color_mode(ColorMode::Forced)
            .bell_style(BellStyle::None)
            .completion_type(CompletionType::List)
            .completion_show_all_if_ambiguous(true)
            .completion_prompt_limit(LISTED)
            .max_history_size(history::MOST_LINES)?
            .history_ignore_dups(true)?
            .auto_add_history(false)
            .build();
        let mut line = rustyline::Editor::with_config(config)?;
        let shell = Arc::new(shell);
        line.set_helper(Some(Assistant { shell: Arc::clone(&shell), color: setup.color }));
        let control_c = ControlC(shell.shared.clone());
        line.bind_sequence(KeyEvent::ctrl('C'), EventHandler::Conditional(Box::new(control_c)));
        let printer = line.create_external_printer()?;
        Ok((Self { line, shell, history: setup.history.clone() }, printer))
    }

    /// Starts the thread.
    ///
    /// # Errors
    /// If the system has no thread to give.
    pub(super) fn start(self) -> std::io::Result<()> {
        let run = thread::Builder::new().name("editor".into());
        // jq programs are compiled here.
        run.stack_size(filter::STACK).spawn(move || self.run()).map(drop)
    }

    fn run(mut self) {
        self.load_history();
        self.serve();
        // From now on Ctrl-C is a signal again.
        self.shell.terminal.as_before();
    }

    fn serve(&mut self) {
        let mut text = String::new();
        loop {
            match self.read(&mem::take(&mut text)) {
                Ok(line) => {
                    self.shared().lock().asked = false;
                    let is_kept = self.remember(&line);
                    match self.shell.run(&line) {
                        Flow::Next => {}
                        // Whoever has typed on does so in a line of its own, unless this one would be lost.
                        Flow::Rejected => text = if is_kept { String::new() } else { line },
                        Flow::Edit(edited) => text = edited,
                        Flow::End => return,
                    }
                }
                Err(ReadlineError::Interrupted) => {
                    return drop(self.shell.order(Order::Signal(Outcome::interrupted())));
                }
                // Ctrl-D, or a terminal that has gone.
                Err(_) => return drop(self.shell.order(Order::Close(None))),
            }
        }
    }

    fn shared(&self) -> &SharedState {
        &self.shell.shared
    }

    /// Reads a line, with this text in it already.
    fn read(&mut self, text: &str) -> rustyline::Result<String> {
        self.shared().start_reading();
        let line = self.line.readline_with_initial(status::PROMPT, (text, ""));
        self.shared().change(|inner| {
            (inner.reading, inner.hold.accepted, inner.hold.long) = (false, false, false);
            (inner.hold.until, inner.line) = (None, String::new());
        });
        line
    }

    fn load_history(&mut self) {
        let Some(path) = &self.history else { return };
        // There is none the first time.
        if !path.exists() {
            return;
        }
        let private = history::check(path).map_err(ReadlineError::from);
        if let Err(error) = private.and_then(|()| self.line.load_history(path)) {
            self.forget(&error);
        }
    }

    /// Adds a line to the history. `false`: it is empty, or not worth it.
    fn remember(&mut self, line: &str) -> bool {
        if line.trim().is_empty() || !history::is_worth_it(line, &self.shell.report) {
            return false;
        }
        let added = self.line.add_history_entry(line);
        let is_new = added.is_ok_and(|added| added);
        let Some(path) = self.history.as_deref().filter(|_| is_new) else { return true };
        let made = history::make_folder(path).map_err(ReadlineError::from);
        if let Err(error) = made.and_then(|()| self.line.history_mut().append(path)) {
            self.forget(&error);
        }
        true
    }

    /// The file is of no use.
    fn forget(&mut self, error: &ReadlineError) {
        if let Some(path) = self.history.take() {
            self.shared().note(format!("cannot save the history in {}: {error}", path.display()));
        }
    }
}

/// Ctrl-C clears the line; on an empty line it asks first, and then ends the session.
///
/// Only the final Ctrl-C becomes rustyline's `Interrupt`, which drops type-ahead.
struct ControlC(SharedState);

impl ConditionalEventHandler for ControlC {
    fn handle(&self, _: &Event, _: RepeatCount, _: bool, context: &EventContext<'_>) -> Option<Cmd> {
        if !context.line().is_empty() {
            return Some(Cmd::Kill(Movement::WholeBuffer));
        }
        if mem::replace(&mut self.0.lock().asked, true) {
            return None;
        }
        self.0.note("press Ctrl-C again or Ctrl-D to quit");
        Some(Cmd::Noop)
    }
}

/// What the editor asks while keys are typed.
struct Assistant {
    shell: Arc<Shell>,
    color: bool,
}

impl Helper for Assistant {}

impl Completer for Assistant {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<Pair>)> {
        let found = complete::complete(&self.shell, &line[..pos]);
        if found.1.len() > 1 {
            self.shell.shared.lock().hold_for_list();
        }
        Ok(found)
    }
}

/// Grey text after the cursor.
pub(super) struct Grey {
    text: String,
    /// How much of it the right arrow takes over.
    completion: Option<String>,
}

impl Hint for Grey {
    fn display(&self) -> &str {
        &self.text
    }

    fn completion(&self) -> Option<&str> {
        self.completion.as_deref()
    }
}

impl Hinter for Assistant {
    type Hint = Grey;

    /// Asked after every change of the line, so it also looks at what the line has become.
    fn hint(&self, line: &str, pos: usize, context: &Context<'_>) -> Option<Grey> {
        let (width, rows) = self.shell.terminal.size();
        let long = line.len() / width + line.matches('\n').count() + 2 > rows;
        let mut inner = self.shell.shared.lock();
        inner.edits(line);
        if inner.editing_modes.is_none() {
            inner.editing_modes = self.shell.terminal.modes();
        }
        inner.hold.long = long;
        if !line.is_empty() {
            drop(inner);
            // Without grey, what could be typed would look like what was.
            if pos < line.len() || long || !self.color {
                return None;
            }
            let (text, completion) =
                complete::hint(&self.shell, line).or_else(|| typed_before(line, context))?;
            return Some(Grey { text, completion });
        }
        let room = width.checked_sub(status::PROMPT.len() + MARGIN)?;
        Some(Grey { text: " ".repeat(room), completion: None })
    }
}

/// The rest of the last line that began like this one.
fn typed_before(line: &str, context: &Context<'_>) -> Option<(String, Option<String>)> {
    let last = context.history().len().checked_sub(1)?;
    let found = context.history().starts_with(line, last, SearchDirection::Reverse).ok()??;
    let rest = found.entry.get(line.len()..).filter(|rest| !rest.is_empty() && !rest.contains('\n'))?;
    Some((rest.to_owned(), Some(rest.to_owned())))
}

impl Highlighter for Assistant {
    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, default: bool) -> Cow<'b, str> {
        let inner = self.shell.shared.lock();
        if inner.away {
            drop(inner);
            // The prompt is off the screen at this moment, and is not to come back.
            self.shell.shared.park();
        }
        if !default {
            return Cow::Borrowed(prompt);
        }
        let word = status::prompt(&inner);
        if !self.color {
            return Cow::Borrowed(word);
        }
        let color = if word == status::PROMPT { "1;32" } else { "1;31" };
        Cow::Owned(format!("\x1b[{color}m{word}\x1b[0m"))
    }

    /// The status line is as wide as the row has room for, whatever it says: its text may change between two
    /// keys, its width may not.
    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        let status = !hint.is_empty() && hint.bytes().all(|byte| byte == b' ');
        let text = if status { self.status(hint.len()) } else { hint.to_owned() };
        if self.color { Cow::Owned(format!("\x1b[2m{text}\x1b[0m")) } else { Cow::Owned(text) }
    }

    fn highlight_char(&self, _: &str, _: usize, _: CmdKind) -> bool {
        false
    }
}

impl Assistant {
    fn status(&self, width: usize) -> String {
        let line = status::line(&mut self.shell.shared.lock(), Instant::now());
        let (kept, taken) = cut(&line, width);
        format!("{kept}{}", " ".repeat(width - taken))
    }
}

impl Validator for Assistant {
    /// A line that ends with a backslash goes on.
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        if context.input().ends_with('\\') {
            return Ok(ValidationResult::Incomplete);
        }
        // From now on the prompt is not there to print above.
        self.shell.shared.lock().hold.accepted = true;
        Ok(ValidationResult::Valid(None))
    }
}
