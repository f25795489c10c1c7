//! The prompt of an interactive session.
//!
//! ```text
//!  keys ─► editor ─► commands ─► Order ────────────────► session
//!            ▲           │                                  │ standing, topics
//!            │           └──► notes ─► ┌───────┐ ◄──────────┘
//!         screen ◄──────────────────── │ state │ ◄── output ◄─── pipeline
//!                                      └───────┘
//! ```
//!
//! The editor and the screen are threads, since one waits for keys and the other for the terminal; neither ever
//! holds up the session. They meet at the shared state, which keeps the past messages and what waits to be shown.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::sync::mpsc;

use crate::dialect::Dialect;
use crate::event::{EndReason, Event};
use crate::exit::Exit;
use crate::pipeline::change::Changes;
use crate::pipeline::filter::Vars;
use crate::pipeline::line::BinaryForm;
use crate::pipeline::output::{Output, PartialWrite};
use crate::report::{Level, Report};
use crate::secret::Secrets;
use crate::session::policy::Outcome;
use crate::session::state::Standing;
use crate::session::{Controller, News, Order};
use crate::signals::Signals;
use crate::sys::{self, Listener, Wanted};

mod commands;
mod complete;
mod editor;
pub mod history;
mod pace;
mod past;
mod past_messages;
pub(crate) mod render;
mod screen;
pub(crate) mod sending;
mod shared_state;
mod status;
mod terminal;

use render::RenderStyle;
use screen::PromptScreen;
use shared_state::{Notices, PromptState, SharedState, ShownItem};
use terminal::PromptTerminal;

/// Orders that may wait for the session.
const ORDERS: usize = 64;

/// How long the last words may take on the screen. A terminal that takes nothing is not waited for.
const LAST_WORDS: Duration = Duration::from_secs(4);

/// How long after somebody's own editor has ended an interrupt may still be one that was meant for it.
const LATE_INTERRUPT: Duration = Duration::from_secs(1);

/// What a prompt is made of.
pub struct PromptSetup {
    /// The provider's rules.
    pub dialect: &'static dyn Dialect,
    /// The variables of jq programs.
    pub vars: Vars,
    /// The filter to begin with, as it was typed.
    pub filter: Option<String>,
    /// The filter runs over the whole stream, and cannot be changed.
    pub filter_is_fixed: bool,
    /// The file of records to begin with.
    pub recording: Option<String>,
    /// Records are shown to begin with.
    pub envelope: bool,
    /// Topics that are subscribed to already.
    pub topics: Vec<String>,
    /// In colour.
    pub color: bool,
    /// JSON is shown over several lines.
    pub pretty: bool,
    /// Strings that programs yield are shown without quotes.
    pub raw: bool,
    /// Credentials are shown.
    pub show_secrets: bool,
    /// How binary messages are shown.
    pub binary: BinaryForm,
    /// Is standard output the terminal? Else the prompt is on the terminal that the process belongs to.
    pub stdout: bool,
    /// Are notices meant for the same terminal?
    pub stderr: bool,
    /// Where lines are remembered, if they are.
    pub history: Option<PathBuf>,
    /// `$VISUAL` or `$EDITOR`.
    pub editor: Option<String>,
    /// `$HOME`, for paths that begin with a tilde.
    pub home: Option<PathBuf>,
    /// Where notices go.
    pub report: Report,
}

/// The session's end of a prompt, which controls it together with the signals.
pub struct Repl {
    shared: SharedState,
    /// Until the editor has ended.
    orders: Option<mpsc::Receiver<Order>>,
    signals: Signals,
    /// The process goes on after it was stopped.
    resumed: Listener,
    terminal: Arc<PromptTerminal>,
    report: Report,
    stderr: bool,
    last: Option<Standing>,
    /// Messages that were typed when nothing was sent any more.
    too_late: usize,
}

impl Repl {
    /// Opens the prompt. What it shows of the session comes through the output, what it changes of the pipeline
    /// through the changes.
    ///
    /// # Errors
    /// If there is no terminal that can be edited on, or the system has no threads to give.
    pub fn start(setup: &PromptSetup, signals: Signals) -> io::Result<(Self, Box<dyn Output>, Changes)> {
        let terminal = Arc::new(PromptTerminal::open(setup.stdout)?);
        let shared = SharedState::new();
        shared.lock().topics.clone_from(&setup.topics);
        let resumed = sys::listen(Wanted::Resume)?;
        let (send, orders) = mpsc::channel(ORDERS);
        let changes = Changes::default();
        let look = RenderStyle {
            color: setup.color,
            pretty: setup.pretty,
            raw: setup.raw,
            binary: setup.binary,
            zone: jiff::tz::TimeZone::system(),
            secrets: if setup.show_secrets { Secrets::default() } else { setup.report.secrets().clone() },
        };
        let greeting = look.faint("type /help for commands, Ctrl-D to quit");
        let (report, stderr) = (setup.report.clone(), setup.stderr);
        let shell = commands::Shell::new(
            setup,
            shared.clone(),
            look.clone(),
            send,
            changes.clone(),
            Arc::clone(&terminal),
        );
        terminal.quiet();
        let (editor, printer) = editor::Editor::new(setup, shell).map_err(io::Error::other)?;
        PromptScreen { shared: shared.clone(), look, terminal: Arc::clone(&terminal), printer }.start()?;
        if report.shows(Level::Notice) {
            shared.note(greeting);
        }
        if stderr {
            report.divert(Some(Box::new(Notices(shared.clone()))));
        }
        editor.start()?;
        let output = Box::new(ScreenOutput { shared: shared.clone(), number: None });
        Ok((
            Self {
                shared,
                orders: Some(orders),
                signals,
                resumed,
                terminal,
                report,
                stderr,
                last: None,
                too_late: 0,
            },
            output,
            changes,
        ))
    }

    /// Takes note of an order that comes when nothing is sent any more.
    fn refuse(&mut self, order: &Order) {
        self.too_late += usize::from(matches!(order, Order::Send(_) | Order::Command(..)));
    }

    /// Is an interrupt meant for somebody's own editor, which has the terminal or had it just now? Every process of
    /// the terminal's foreground gets it.
    fn leaves_interrupts(&self) -> bool {
        let inner = self.shared.lock();
        inner.hold.lent || inner.returned.is_some_and(|at| at.elapsed() < LATE_INTERRUPT)
    }

    /// Takes no more orders, and says what became of those that came too late.
    fn turn_away(&mut self) {
        if let Some(mut orders) = self.orders.take() {
            orders.close();
            while let Ok(order) = orders.try_recv() {
                self.refuse(&order);
            }
        }
        if self.too_late > 0 {
            let text =
                format!("{} not sent: the session had ended", crate::text::counted(self.too_late, "message"));
            self.report.warning(&text);
        }
    }
}

impl Controller for Repl {
    fn poll_order(&mut self, context: &mut Context<'_>) -> Poll<Order> {
        while let Poll::Ready(()) = self.resumed.poll_recv(context) {
            self.shared.change(|inner| inner.resumed = true);
        }
        while let Poll::Ready(outcome) = self.signals.poll_next(context) {
            if outcome.reason != EndReason::Interrupted || !self.leaves_interrupts() {
                return Poll::Ready(Order::Signal(outcome));
            }
        }
        let Some(orders) = &mut self.orders else { return Poll::Pending };
        let order = ready!(orders.poll_recv(context));
        Poll::Ready(order.unwrap_or_else(|| {
            self.orders = None;
            Order::End(Outcome::new(EndReason::Quit, Exit::Ok))
        }))
    }

    fn news(&mut self, news: News<'_>) {
        match news {
            News::Standing(standing) if self.last == Some(standing) => {}
            News::Standing(standing) => {
                self.last = Some(standing);
                self.shared.change(|inner| inner.standing = standing);
            }
            News::Topics(topics) => self.shared.change(|inner| inner.set_topics(topics)),
            News::Queue(queue) => self.shared.note(past::queue(&queue, self.report.secrets())),
            News::Answer(text) => self.shared.note(text),
            News::TooLate(order) => self.refuse(order),
            // The screen gets them from the pipeline, when it is their turn.
            News::Events(events) => self.shared.change_quietly(|inner| inner.expect_events(events.len())),
        }
    }
}

impl Drop for Repl {
    fn drop(&mut self) {
        self.turn_away();
        self.shared.change(|inner| inner.closing = true);
        // Somebody's own editor may have the terminal for as long as it takes.
        while !self.shared.wait_until(LAST_WORDS, |inner| inner.over) {
            if !self.shared.lock().hold.lent {
                self.terminal.wipe();
                self.terminal.as_before();
                break;
            }
        }
        if self.stderr {
            self.report.divert(None);
        }
    }
}

/// Puts on the shared state what the pipeline sees.
struct ScreenOutput {
    shared: SharedState,
    /// The message that is being worked on, if it is one.
    number: Option<u64>,
}

impl Output for ScreenOutput {
    fn name(&self) -> String {
        "the prompt".to_owned()
    }

    fn event(&mut self, event: &Event, shown: bool) {
        self.number = self.shared.put(|inner: &mut PromptState| inner.take(event, shown));
    }

    fn write(&mut self, lines: &[u8]) -> Result<(), PartialWrite> {
        for line in String::from_utf8_lossy(lines).lines() {
            self.shared.put(|inner| inner.push(ShownItem::Output(self.number, line.to_owned())));
        }
        Ok(())
    }
}
