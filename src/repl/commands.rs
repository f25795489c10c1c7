//! The commands: one table, and what each of them does.

use std::fs::OpenOptions;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::mpsc;

use super::render::{RenderStyle, grouped};
use super::shared_state::SharedState;
use super::terminal::PromptTerminal;
use super::{PromptSetup, past, sending};
use crate::dialect::{Dialect, TopicCheck};
use crate::did_you_mean::nearest;
use crate::file;
use crate::input::decode_hex;
use crate::message::Message;
use crate::pipeline::change::{Change, Changes};
use crate::pipeline::filter::{Program, Vars};
use crate::pipeline::recorder::RecordFile;
use crate::report::Report;
use crate::session::Order;
use crate::sys;
use crate::text::wrap;

/// Columns for a command and its arguments in the help.
const USAGE_WIDTH: usize = 24;

/// What the editor and the commands share.
pub(super) struct Shell {
    pub(super) shared: SharedState,
    pub(super) look: RenderStyle,
    pub(super) dialect: &'static dyn Dialect,
    pub(super) report: Report,
    /// `$VISUAL` or `$EDITOR`.
    pub(super) editor: Option<String>,
    home: Option<PathBuf>,
    orders: mpsc::Sender<Order>,
    changes: Changes,
    vars: Vars,
    filter_is_fixed: bool,
    view: Mutex<PromptView>,
    pub(super) terminal: Arc<PromptTerminal>,
}

/// What is shown at present.
struct PromptView {
    filter: Option<String>,
    envelope: bool,
    recording: Option<String>,
}

/// What follows a line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Flow {
    Next,
    /// This text, to go on with.
    Edit(String),
    /// The next one; this line was not taken, and is in the history.
    Rejected,
    /// Nothing: the session is to end.
    End,
}

/// What a command made of its arguments: text for people, if there is any to say.
type Done = Result<Option<String>, String>;

/// A command.
pub(super) struct PromptCommand {
    pub(super) name: &'static str,
    pub(super) arguments: &'static str,
    /// In one line.
    pub(super) help: &'static str,
    /// What else there is to know.
    more: &'static str,
    /// Only where the dialect has topics.
    topics: bool,
    run: fn(&Shell, &str) -> Done,
}

const fn command(
    name: &'static str,
    arguments: &'static str,
    help: &'static str,
    more: &'static str,
    run: fn(&Shell, &str) -> Done,
) -> PromptCommand {
    PromptCommand { name, arguments, help, more, topics: false, run }
}

const fn topical(
    name: &'static str,
    arguments: &'static str,
    help: &'static str,
    run: fn(&Shell, &str) -> Done,
) -> PromptCommand {
    PromptCommand { name, arguments, help, more: "", topics: true, run }
}

/// Every command that is not a dialect's own, in the order of the help.
#[rustfmt::skip]
const COMMANDS: &[PromptCommand] = &[
    command("help", "[COMMAND]", "list the commands, or describe one", "", Shell::help),
    topical("subscribe", "TOPIC…", "subscribe to topics, also after a reconnect", Shell::subscribe),
    topical("unsubscribe", "TOPIC…", "unsubscribe from topics", Shell::unsubscribe),
    topical("topics", "", "list the subscribed topics", Shell::topics),
    command("filter", "[EXPR|off]", "print the outputs of a jq program instead of messages; show the current one",
        "If the program does not compile, the old filter stays. `/filter off` prints whole messages again. Lines that \
         are already printed do not change; /last prints past messages.", Shell::filter),
    command("send", "@FILE | TEXT", "send a text or a text file unchanged", "", Shell::send),
    command("binary", "@FILE | HEX", "send a file or hexadecimal bytes as a binary message", "", Shell::binary),
    command("edit", "[TEXT]", "edit a message in $VISUAL or $EDITOR; it becomes the line to send", "", Shell::edit_outside),
    command("ping", "[TEXT]", "send a ping and print the round-trip time of its pong", "", Shell::ping),
    command("show", "[N]", "print message N (default: the last one) in full, indented", "", past::show),
    command("last", "[N]", "print the last N messages (default 10)", "", past::last),
    command("grep", "TEXT", "print past messages that contain TEXT (case-insensitive)",
        "The prompt keeps the last 10,000 messages, up to 64 MiB.", past::grep),
    command("save", "FILE", "save past messages to a new file, for --from and --replay", "", past::save),
    command("pause", "", "stop printing messages until /resume; they are still received", "", Shell::pause),
    command("resume", "", "print messages again", "", Shell::resume),
    command("envelope", "[on|off]", "print records of every event instead of messages", "", Shell::envelope),
    command("record", "FILE | off", "record every event to a new file, or stop recording", "", Shell::record),
    command("queue", "[clear]", "list or delete the messages queued for the next connection", "", Shell::queue),
    command("status", "", "print the connection status", "", past::status),
    command("stats", "", "print counts of sent and received messages", "", past::stats),
    command("reconnect", "", "close the connection and reconnect, or retry now", "", Shell::reconnect),
    command("close", "[CODE [REASON]]", "close with CODE (default 1000) and quit", "", Shell::close),
    command("quit", "", "quit, like Ctrl-D", "", Shell::quit),
    command("exit", "", "quit, like /quit", "", Shell::quit),
];

impl Shell {
    pub(super) fn new(
        setup: &PromptSetup,
        shared: SharedState,
        look: RenderStyle,
        orders: mpsc::Sender<Order>,
        changes: Changes,
        terminal: Arc<PromptTerminal>,
    ) -> Self {
        let recording = setup.recording.clone();
        let view = PromptView { filter: setup.filter.clone(), envelope: setup.envelope, recording };
        Self {
            shared,
            look,
            dialect: setup.dialect,
            report: setup.report.clone(),
            editor: setup.editor.clone(),
            home: setup.home.clone(),
            orders,
            changes,
            vars: setup.vars.clone(),
            filter_is_fixed: setup.filter_is_fixed,
            view: Mutex::new(view),
            terminal,
        }
    }

    /// Does what a line asks for.
    pub(super) fn run(&self, line: &str) -> Flow {
        match line.strip_prefix('/') {
            Some(rest) if !rest.starts_with('/') => self.run_command(&sending::joined(rest)),
            _ => match sending::message(line, self.dialect.speaks_json()) {
                Ok(None) => Flow::Next,
                Ok(Some(message)) => self.order(Order::Send(message)),
                Err(why) => {
                    self.shared.note(self.look.alarming(&why));
                    Flow::Rejected
                }
            },
        }
    }

    /// Asks the session. The end of the session is the end of the line.
    pub(super) fn order(&self, order: Order) -> Flow {
        match self.orders.blocking_send(order) {
            Ok(()) => Flow::Next,
            Err(_) => Flow::End,
        }
    }

    /// The commands that there are in this session.
    pub(super) fn commands(&self) -> impl Iterator<Item = &'static PromptCommand> + '_ {
        COMMANDS.iter().filter(|command| !command.topics || self.dialect.takes_topics())
    }

    /// Their names, with those of the dialect's own.
    pub(super) fn names(&self) -> Vec<&'static str> {
        let own = self.dialect.commands().iter().map(|verb| verb.name);
        self.commands().map(|command| command.name).chain(own).collect()
    }

    fn run_command(&self, rest: &str) -> Flow {
        let (name, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
        // What is sent is sent as it is.
        let arguments = if name == "send" { arguments } else { arguments.trim() };
        if let Some(verb) = self.dialect.commands().iter().find(|verb| verb.name == name) {
            let words = arguments.split_whitespace().map(str::to_owned).collect();
            return self.order(Order::Command(verb.name.to_owned(), words));
        }
        let Some(command) = self.commands().find(|command| command.name == name) else {
            self.shared.note(self.look.alarming(&self.unknown(name)));
            return Flow::Next;
        };
        match (command.run)(self, arguments) {
            Ok(Some(text)) if name == "edit" => return Flow::Edit(text),
            Ok(Some(text)) => self.shared.note(text),
            Ok(None) if matches!(name, "quit" | "exit" | "close") => return Flow::End,
            Ok(None) => {}
            Err(why) => {
                self.shared.note(self.look.alarming(&format!("/{name}: {why}")));
                return Flow::Rejected;
            }
        }
        if self.orders.is_closed() { Flow::End } else { Flow::Next }
    }

    fn unknown(&self, name: &str) -> String {
        let near = match nearest(name, self.names()) {
            Some(near) => format!("did you mean /{near}?"),
            None => "see /help".to_owned(),
        };
        format!("unknown command /{name}: {near} (to send a line that starts with a slash, write //)")
    }

    fn help(&self, name: &str) -> Done {
        let name = name.trim_start_matches('/');
        if !name.is_empty() {
            return self.help_on(name).map(Some);
        }
        let row = |name: &str, arguments: &str, help: &str| {
            let usage = format!("/{name} {arguments}");
            let help = wrapped(help, self.width().saturating_sub(USAGE_WIDTH + 4), USAGE_WIDTH + 3);
            format!("  {usage:<USAGE_WIDTH$} {}\n", self.look.faint(&help))
        };
        let mut text = String::new();
        for command in self.commands() {
            text.push_str(&row(command.name, command.arguments, command.help));
        }
        for verb in self.dialect.commands() {
            text.push_str(&row(verb.name, verb.arguments, verb.help));
        }
        let checked = if self.dialect.speaks_json() {
            "Other lines must be JSON and are sent as messages. Start a line with ! to send it unchecked."
        } else {
            "Other lines are sent as messages."
        };
        let last = format!(
            "{checked} Start a line with // to send a slash. End a line with \\ to continue it. Tab completes, Ctrl-R \
             searches the history, Ctrl-C clears the line, Ctrl-D quits."
        );
        text.push_str(&wrapped(&last, self.width().saturating_sub(1), 0));
        Ok(Some(text))
    }

    fn help_on(&self, name: &str) -> Result<String, String> {
        let page = |arguments: &str, texts: &[&str]| {
            let rows = texts.iter().filter(|text| !text.is_empty());
            let rows = rows.map(|text| format!("\n  {}", wrapped(text, self.width().saturating_sub(3), 2)));
            format!("/{name} {arguments}").trim_end().to_owned() + &rows.collect::<String>()
        };
        if let Some(verb) = self.dialect.commands().iter().find(|verb| verb.name == name) {
            return Ok(page(verb.arguments, &[verb.help]));
        }
        let command =
            self.commands().find(|command| command.name == name).ok_or_else(|| self.unknown(name))?;
        Ok(page(command.arguments, &[command.help, command.more]))
    }

    fn subscribe(&self, arguments: &str) -> Done {
        let topics = words(arguments)?;
        for topic in &topics {
            match self.dialect.check_topic(topic) {
                TopicCheck::Fine => {}
                TopicCheck::Odd(why) => self.shared.note(why),
                TopicCheck::Wrong(why) => return Err(why),
            }
        }
        self.order(Order::Subscribe(topics));
        Ok(None)
    }

    fn unsubscribe(&self, arguments: &str) -> Done {
        self.order(Order::Unsubscribe(words(arguments)?));
        Ok(None)
    }

    fn topics(&self, _: &str) -> Done {
        let topics = self.shared.lock().topics.clone();
        Ok(Some(if topics.is_empty() { "no topics".to_owned() } else { topics.join("\n") }))
    }

    fn filter(&self, source: &str) -> Done {
        let source = if source == "off" { "." } else { source };
        let mut view = self.view();
        if source.is_empty() {
            let none = "no filter".to_owned();
            return Ok(Some(view.filter.clone().map_or(none, |filter| format!("filter: {filter}"))));
        }
        if self.filter_is_fixed {
            return Err("cannot change the filter with --null-input".to_owned());
        }
        let program = Program::compile("the program", source, &self.vars).map_err(|failure| {
            let kept = if view.filter.is_some() { "the filter is unchanged" } else { "no filter is set" };
            format!("{}; {kept}\n{}", failure.what, failure.details.join("\n"))
        })?;
        if program.uses_inputs() {
            return Err("input and inputs need --null-input on the command line".to_owned());
        }
        let program = (!program.is_identity()).then_some(program);
        view.filter = program.is_some().then(|| source.to_owned());
        self.changes.push(Change::Filter(program));
        Ok(Some(view.filter.clone().map_or("filter off".to_owned(), |filter| format!("filter: {filter}"))))
    }

    fn send(&self, arguments: &str) -> Done {
        let text = match arguments.trim().strip_prefix('@') {
            Some(path) => self.read(path).and_then(|bytes| {
                String::from_utf8(bytes).map_err(|_| format!("{path} is not UTF-8; send it with /binary"))
            })?,
            None => arguments.strip_suffix('\n').unwrap_or(arguments).to_owned(),
        };
        self.order(Order::Send(Message::text(text)));
        Ok(None)
    }

    fn binary(&self, arguments: &str) -> Done {
        let bytes = match arguments.strip_prefix('@') {
            Some(path) => self.read(path)?,
            None => decode_hex(arguments.as_bytes())?,
        };
        self.order(Order::Send(Message::Binary(bytes.into())));
        Ok(None)
    }

    /// Lends the terminal to an editor.
    fn edit_outside(&self, text: &str) -> Done {
        self.shared.change(|inner| inner.hold.lent = true);
        self.terminal.as_before();
        let edited = sending::edit(self.editor.as_deref(), text);
        self.terminal.quiet();
        self.shared.change(|inner| (inner.hold.lent, inner.returned) = (false, Some(Instant::now())));
        edited.map(Some)
    }

    fn ping(&self, text: &str) -> Done {
        if text.len() > 125 {
            return Err("ping too long (at most 125 bytes)".to_owned());
        }
        let payload = (!text.is_empty()).then(|| Bytes::copy_from_slice(text.as_bytes()));
        self.order(Order::Ping(payload));
        Ok(None)
    }

    fn pause(&self, _: &str) -> Done {
        self.shared.change(|inner| inner.paused = true);
        Ok(Some("paused: /resume prints messages again, /last and /grep print received ones".to_owned()))
    }

    fn resume(&self, _: &str) -> Done {
        let waiting = self.shared.change(|inner| {
            inner.paused = false;
            inner.forget_waiting()
        });
        let text = format!("{} messages arrived while paused; print them with /last", grouped(waiting));
        Ok((waiting > 0).then_some(text))
    }

    fn envelope(&self, arguments: &str) -> Done {
        let mut view = self.view();
        view.envelope = match arguments {
            "" => !view.envelope,
            "on" => true,
            "off" => false,
            _ => return Err("expected on or off".to_owned()),
        };
        self.changes.push(Change::Envelope(view.envelope));
        let what = if view.envelope { "records; the filter sees them too" } else { "messages" };
        Ok(Some(format!("printing {what}")))
    }

    fn record(&self, arguments: &str) -> Done {
        let mut view = self.view();
        match arguments {
            "" => {
                let file = view.recording.as_deref().map(|file| format!("recording to {file}"));
                return Ok(Some(file.unwrap_or_else(|| "not recording".to_owned())));
            }
            "off" if view.recording.take().is_none() => return Ok(Some("not recording".to_owned())),
            "off" => {
                self.changes.push(Change::Record(None));
                return Ok(Some("stopped recording".to_owned()));
            }
            _ => {}
        }
        if crate::har::is_har(Path::new(arguments)) {
            return Err("cannot record a HAR here; use the option --record".to_owned());
        }
        let file = create(&self.path(arguments))?;
        self.changes.push(Change::Record(Some(RecordFile::new(file, Path::new(arguments)))));
        view.recording = Some(arguments.to_owned());
        Ok(Some(format!("recording to {arguments}; stop with /record off")))
    }

    fn queue(&self, arguments: &str) -> Done {
        let clear = match arguments {
            "" => false,
            "clear" => true,
            _ => return Err("expected clear or nothing".to_owned()),
        };
        self.order(Order::Queue { clear });
        Ok(None)
    }

    fn reconnect(&self, _: &str) -> Done {
        self.order(Order::Reconnect);
        Ok(None)
    }

    fn close(&self, arguments: &str) -> Done {
        let close = sending::close(arguments)?;
        self.order(Order::Close(close));
        Ok(None)
    }

    fn quit(&self, _: &str) -> Done {
        self.order(Order::Close(None));
        Ok(None)
    }

    /// Columns of the screen.
    pub(super) fn width(&self) -> usize {
        self.terminal.width()
    }

    /// What is shown at present, for `/status`.
    pub(super) fn view_text(&self) -> String {
        let view = self.view();
        let filter = view.filter.as_ref().map(|filter| format!("\nfilter {filter}"));
        let recording = view.recording.as_ref().map(|file| format!("\nrecording to {file}"));
        let records = view.envelope.then(|| "\nprinting records".to_owned());
        [filter, recording, records].into_iter().flatten().collect()
    }

    /// Does the filter see records?
    pub(super) fn shows_records(&self) -> bool {
        self.view().envelope
    }

    /// A path as it was typed, with the tilde that shells replace.
    pub(super) fn path(&self, typed: &str) -> PathBuf {
        match (typed.strip_prefix("~/"), &self.home) {
            (Some(rest), Some(home)) => home.join(rest),
            _ => PathBuf::from(typed),
        }
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, String> {
        file::bytes(&self.path(path), file::MAX_SENT).map_err(|error| format!("{path}: {error}"))
    }

    fn view(&self) -> MutexGuard<'_, PromptView> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The text in rows of so many columns, all but the first with so much space before them.
fn wrapped(text: &str, width: usize, indent: usize) -> String {
    wrap(text, width).join(&format!("\n{}", " ".repeat(indent)))
}

fn words(arguments: &str) -> Result<Vec<String>, String> {
    let words: Vec<String> = arguments.split_whitespace().map(str::to_owned).collect();
    if words.is_empty() { Err("no topic given".to_owned()) } else { Ok(words) }
}

/// A new file that nobody else may read: what is there already is not written over.
pub(super) fn create(path: &Path) -> Result<std::fs::File, String> {
    if path == Path::new("-") {
        return Err("`-` is not a file".to_owned());
    }
    let file = sys::for_owner(OpenOptions::new().write(true).create_new(true)).open(path);
    file.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => format!("{} exists; not overwritten", path.display()),
        _ => format!("{}: {error}", path.display()),
    })
}
