//! Decode, filter, record, write: what turns events into lines.
//!
//! A [`Pipeline`] is synchronous and owns everything that output depends on: the jq programs, the recording, the
//! count of lines, and whether an end condition has been met. [`worker`] decides which thread runs it.

use std::ops::ControlFlow;
use std::sync::Arc;

use crate::event::{Direction, Event, Kind, Role};
use crate::json::{self, Checked};
use crate::message::{Message, without_mark};
use crate::report::Report;
use crate::secret::Secrets;
use crate::text::without_middle;

pub mod backlog;
pub mod change;
mod channel;
pub mod filter;
mod labels;
pub mod line;
pub mod merge;
pub mod outfile;
pub mod output;
pub mod packed;
pub mod queue;
pub mod receipt;
pub mod record;
pub mod recorder;
pub mod spill;
pub mod stdout;
pub mod worker;

use change::{Change, Changes};
use channel::Channel;
use filter::{Program, Reads, RunError, Value};
use labels::Labeler;
use line::Style;
use output::{Output, OutputFailure};
use receipt::{Mark, Receipt};
use record::Line;
use recorder::RecordFile;

pub use labels::FactsLedger;

/// Output is handed over when this much has gathered, or when nothing more is waiting.
const CHUNK: usize = 64 * 1024;

/// How many run-time errors of jq programs are shown; the rest is only counted.
const SHOWN_ERRORS: u64 = 5;

/// What decides the output, resolved from the options.
#[derive(Default)]
pub struct Config {
    /// Print records instead of messages.
    pub envelope: bool,
    /// How lines look.
    pub style: Style,
    pub filter: Option<Program>,
    /// The filter runs once, over the whole stream as `inputs`.
    pub null_input: bool,
    /// Success once it yields a true value.
    pub until: Option<Program>,
    /// Failure once it yields a true value.
    pub fail_if: Option<Program>,
    /// Its outputs are sent back.
    pub reply: Option<Program>,
    /// Its output is the key of a line for a broker.
    pub key: Option<Program>,
    /// The ids and the cursors of events, if the output handles each line on its own.
    pub facts: Option<FactsLedger>,
    /// A run-time error of a program ends the session.
    pub errors_fail: bool,
    /// Stop after this many lines that count: those of data, and whatever a filter makes of anything.
    pub count: Option<u64>,
    /// Credentials are not masked in records.
    pub show_secrets: bool,
    /// Records of everything go here.
    pub recording: Option<RecordFile>,
    /// The screen of a prompt, which everything that happens and is shown goes to as well; changes may come from there.
    pub screen: Option<(Box<dyn Output>, Changes)>,
}

impl Config {
    /// Is there a jq program to run on every message, or may there be one later?
    #[must_use]
    pub fn needs_thread(&self) -> bool {
        // Sorting reads the whole of a value, which may nest deep.
        self.has_programs() || self.screen.is_some() || self.style.sort
    }

    /// Is there a jq program to run on every message?
    #[must_use]
    pub fn has_programs(&self) -> bool {
        self.programs().next().is_some()
    }

    fn programs(&self) -> impl Iterator<Item = &Program> {
        [&self.filter, &self.until, &self.fail_if, &self.reply, &self.key].into_iter().flatten()
    }

    /// Is the work for a short message little? A prompt may change the programs, `-n` runs one over the whole stream, and
    /// sorting reads whole values.
    fn is_bounded(&self) -> bool {
        let steady = self.screen.is_none() && !self.null_input;
        steady && !self.style.sort && self.programs().all(Program::is_bounded)
    }

    /// What the programs can see of a message.
    fn reads(&self) -> Reads {
        if self.null_input || self.envelope && self.reply.is_some() {
            return Reads::everything();
        }
        let mut reads = Reads::default();
        self.programs().for_each(|program| reads.add(&program.reads()));
        reads
    }
}

/// Why the pipeline wants the session to end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// `--count` lines have been written.
    Count,
    /// `--count` was reached by the final `close`, `error` or `summary` record. The exit status of that end is kept.
    CountAtEnd,
    /// `--until` has matched.
    Until,
    /// `--fail-if` has matched.
    FailIf,
    /// The filter has said all it will say: its `-n` program came to its end, or it halted.
    FilterDone,
    /// A jq program failed and that counts, or it called `halt_error`.
    FilterError(String),
    /// The reader of standard output has gone.
    ReaderGone,
    /// Lines could not be written; and what helps, where that is known.
    OutputFailed(String, Option<&'static str>),
    /// The recording could not be written. Standard output still can.
    RecordingFailed(String, Option<&'static str>),
    /// No more can wait for the output, but what waits can still be written.
    Overflow {
        /// Why not.
        text: String,
        /// Has it been said that what waits is still written?
        told: bool,
    },
}

impl Stop {
    /// Takes the place of an earlier reason, unless something could not be written: what was achieved since then does
    /// not make up for that. A recording that failed is not forgotten over another loss, but told.
    fn supersede(self, earlier: &mut Option<Self>, report: &Report) {
        match earlier {
            Some(earlier) if earlier.is_loss() && !self.is_loss() => return,
            Some(Self::RecordingFailed(text, _)) => report.warning(text),
            _ => {}
        }
        *earlier = Some(self);
    }

    fn is_loss(&self) -> bool {
        matches!(self, Self::OutputFailed(..) | Self::RecordingFailed(..) | Self::Overflow { .. })
    }
}

/// What has been achieved since it was last told.
#[derive(Debug, Default)]
pub struct Progress {
    /// Messages to send back.
    pub replies: Vec<Message>,
    /// Set when an end condition is met.
    pub stop: Option<Stop>,
    /// What has been done over the whole life.
    pub totals: Totals,
    /// The received message, by its number, up to which everything is written, or was not meant to be. What comes
    /// after an end condition was met is neither.
    pub written: u64,
}

/// What the pipeline has done over its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Outputs written to standard output.
    pub lines: u64,
    /// Those of them that `--count` counts.
    pub counted: u64,
    /// Received messages that are written, or were not meant to be.
    pub messages: u64,
    /// Messages that were dropped on the way to the pipeline.
    pub dropped: u64,
    /// Run-time errors of jq programs.
    pub filter_errors: u64,
    /// Was the last output something other than `false` and `null`? `None` before the first.
    pub last_output: Option<bool>,
}

/// What an event is to `--count`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Current {
    /// What is shown without `--envelope`, too.
    Data,
    /// A failure, or an end.
    End,
    /// Anything else that happens in a session.
    Session,
}

/// Turns events into output.
pub struct Pipeline {
    config: Config,
    /// What the programs can see of a message.
    reads: Reads,
    /// Where lines go.
    lines: Channel,
    /// What an output that handles each line on its own is told of them.
    labeler: Option<Labeler>,
    /// Where records of everything go.
    recording: Option<Channel>,
    /// What is masked in records.
    secrets: Secrets,
    report: Report,
    scratch: Vec<u8>,
    totals: Totals,
    stopped: Option<Stop>,
    progress: Progress,
    /// What is being worked on.
    current: Current,
    /// The received message that a program over the stream is working on.
    taken: u64,
    /// How many received messages were taken. Their numbers do not tell where several sessions share the pipeline.
    came: u64,
    /// The last received message that is done with, but perhaps still in the buffer, and how many there were by then.
    done: Mark,
    /// The thread that runs this may wait for the reader.
    patient: bool,
    /// Why the message that programs look at is not JSON.
    not_json: Option<String>,
    /// What came of checking the text that is being worked on, if it was recorded: twice would be too much.
    checked: Option<Checked>,
}

impl Pipeline {
    /// A pipeline that writes to `output` and tells `report` about failing programs.
    #[must_use]
    pub fn new(mut config: Config, output: Box<dyn Output>, report: Report) -> Self {
        let recording = config.recording.take().map(recording_channel);
        let labeler = config.facts.take().map(Labeler::new);
        let secrets = if config.show_secrets { Secrets::default() } else { report.secrets().clone() };
        Self {
            reads: config.reads(),
            config,
            lines: Channel::new(output),
            labeler,
            recording,
            secrets,
            report,
            scratch: Vec::new(),
            totals: Totals::default(),
            stopped: None,
            progress: Progress::default(),
            current: Current::Session,
            taken: 0,
            came: 0,
            done: (0, 0),
            patient: true,
            not_json: None,
            checked: None,
        }
    }

    /// May the thread that runs this from now on wait for the reader of the output?
    pub fn set_patient(&mut self, patient: bool) {
        self.patient = patient;
    }

    /// Takes one event all the way into the output buffer, which is written out when it is full.
    pub fn take(&mut self, event: &Event) {
        let counts = !self.stopped();
        self.show(event);
        if counts && !self.failed() {
            self.came += u64::from(received(event).is_some());
            self.note_taken(received(event).unwrap_or(self.done.0));
        }
    }

    fn show(&mut self, event: &Event) {
        self.begin(event);
        if !self.wanted(event) {
            return;
        }
        self.note_current(event);
        if self.stopped() {
            // No program has a say any more.
            self.write_record(event);
            self.label_line();
            self.totals.lines += 1;
        } else if self.config.has_programs() {
            self.run_programs(event);
        } else {
            self.write_unfiltered(event);
        }
    }

    /// Does what is to be done with every event, shown or not.
    fn begin(&mut self, event: &Event) {
        self.checked = None;
        self.make_changes();
        self.record(event);
        self.watched(event);
        if let Some(labeler) = &mut self.labeler {
            labeler.begin(event);
        }
    }

    /// A line is complete.
    fn label_line(&mut self) {
        if let Some(labeler) = &mut self.labeler {
            let address = labeler.address.clone();
            self.lines.line(|| labeler.next_id(), address.as_ref());
        }
    }

    /// Writes an event as it came.
    fn write_unfiltered(&mut self, event: &Event) {
        if self.config.envelope {
            self.write_record(event);
            self.line_done(true);
        } else if let Kind::Message { message, .. } = &event.kind {
            self.write_message(message);
            // `-e` asks about the value, and looking is only worth it then; a literal is told by its text.
            self.line_done(!matches!(message.as_bytes().trim_ascii(), b"null" | b"false"));
        } else if let Kind::Derived(json) = &event.kind {
            line::write_json(json, true, self.config.style, &mut self.lines.buffer);
            self.line_done(true);
        }
    }

    /// Writes a message as its line. A large one is not copied.
    fn write_message(&mut self, message: &Message) {
        let style = self.config.style;
        // A byte order mark was left out of the check, and is none of JSON.
        let checked = self
            .checked
            .filter(|_| message.as_text().is_some_and(|text| without_mark(text).len() == text.len()));
        let passes = message.len() >= CHUNK && self.patient && self.lines.may_pass();
        match passes.then(|| line::own_text(message, style, checked)).flatten() {
            Some(text) => {
                self.flush_recording();
                if let Err(failure) = self.lines.flush_with(text) {
                    self.overrule(failure.into());
                }
            }
            None => line::write_message(message, checked, style, &mut self.lines.buffer),
        }
    }

    /// For filters that run over the stream: takes one event as far as the value that is the program's next
    /// input, if it is one.
    pub fn take_input(&mut self, event: &Event) -> Option<Result<Value, String>> {
        self.taken_done();
        if !self.stopped() {
            self.came += u64::from(received(event).is_some());
            self.taken = received(event).unwrap_or(self.taken);
        }
        self.begin(event);
        if !self.wanted(event) {
            return None;
        }
        self.note_current(event);
        let value = self.input(event)?;
        if let Ok(value) = &value {
            self.run_reply(event, value);
            self.run_key(value);
            let verdict = self.conditions(value);
            self.settle(verdict);
        }
        Some(value)
    }

    /// For filters that run over the stream: the program is done with every input that it took.
    pub fn taken_done(&mut self) {
        if !self.failed() {
            self.note_taken(self.done.0.max(self.taken));
        }
    }

    /// For filters that run over the stream: writes one output.
    pub fn take_output(&mut self, output: &Value) -> ControlFlow<()> {
        self.write_value(output);
        if self.output_closed() || self.changes_pending() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }

    /// The same for a program that is run again and again, and goes on after an error.
    pub fn take_result(&mut self, output: Result<Value, RunError>) -> ControlFlow<()> {
        match output {
            Ok(output) => return self.take_output(&output),
            Err(error) => self.note_run(Err(error)),
        }
        if self.output_closed() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// For filters that run over the stream: the program has ended, perhaps before the stream.
    pub fn stream_done(&mut self, result: Result<(), RunError>, stream_ended: bool) {
        match result {
            // There is no next message to go on with, as there is where a program runs for each.
            Err(RunError::Error(text)) => {
                self.totals.filter_errors += 1;
                let text = self.explained(text);
                self.stop(Stop::FilterError(self.line_of(&text)));
            }
            result => self.note_run(result),
        }
        self.taken_done();
        if !stream_ended {
            self.stop(Stop::FilterDone);
        }
        self.flush();
    }

    /// The filter, if it runs over the stream as a whole.
    #[must_use]
    pub fn stream_filter(&self) -> Option<(Program, bool)> {
        let filter = self.config.filter.as_ref()?;
        let streams = self.config.null_input || filter.uses_inputs();
        streams.then(|| (filter.clone(), self.config.null_input))
    }

    /// Is this work for a thread with a deep stack?
    #[must_use]
    pub fn needs_thread(&self) -> bool {
        self.config.needs_thread()
    }

    /// May a short message be handled where it arrives?
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        self.config.is_bounded()
    }

    /// Writes out what has gathered, waiting for the reader if need be.
    pub fn flush(&mut self) {
        self.flush_recording();
        if let Err(failure) = self.lines.flush() {
            self.overrule(failure.into());
        }
    }

    /// The same, but only if that takes no waiting. `false` if it would.
    pub fn flush_if_ready(&mut self) -> bool {
        let ready = self.lines.ready();
        if ready {
            self.flush();
        }
        ready
    }

    /// What has been achieved since the last call.
    pub fn progress(&mut self) -> Progress {
        let (written, messages) = self.lines.reached();
        let totals = Totals { messages, ..self.totals };
        Progress { totals, written, ..std::mem::take(&mut self.progress) }
    }

    /// The account of an output that tells later what has arrived.
    #[must_use]
    pub fn receipt(&self) -> Option<Receipt> {
        self.lines.receipt()
    }

    /// Is there a recording, or can one be started?
    #[must_use]
    pub fn may_record(&self) -> bool {
        self.recording.is_some() || self.config.screen.is_some()
    }

    /// Is it settled that no further message will be written?
    #[must_use]
    pub fn stopped(&self) -> bool {
        self.stopped.is_some()
    }

    /// The value that programs see for an event, or why there is none; `None` if the event is not shown.
    fn input(&mut self, event: &Event) -> Option<Result<Value, String>> {
        if self.config.envelope {
            return Some(Value::parse_parts(&self.record_text(event), &self.reads));
        }
        self.not_json = None;
        match &event.kind {
            Kind::Message { message: Message::Text(text), .. } => {
                // What is not JSON is a string, and the reason is for the error of a program that expects JSON.
                let value = Value::parse_parts(text, &self.reads).unwrap_or_else(|why| {
                    self.not_json = Some(why);
                    Value::string(text)
                });
                Some(Ok(value))
            }
            Kind::Message { message, .. } => Some(self.message_value(message)),
            Kind::Derived(json) => Some(Value::parse_parts(json, &self.reads)),
            _ => None,
        }
    }

    fn message_value(&self, message: &Message) -> Result<Value, String> {
        message_value(message, self.config.style.binary)
    }

    /// The filter and the text of the message, if nothing else looks at the message.
    fn alone<'t>(&self, event: &'t Event) -> Option<(&Program, &'t str)> {
        match (&self.config, &event.kind) {
            (
                Config {
                    filter: Some(filter), until: None, fail_if: None, reply: None, envelope: false, ..
                },
                Kind::Message { message: Message::Text(text), .. },
            ) => Some((filter, text)),
            _ => None,
        }
    }

    /// Is the filter all there is, and has it nothing to say about this one? If errors count, every message is looked at.
    fn ruled_out(&self, event: &Event) -> bool {
        !self.config.errors_fail && self.alone(event).is_some_and(|(filter, text)| filter.rules_out(text))
    }

    /// Runs the filter on what it reads of the message, if that is all there is to do.
    fn filtered_on_parts(&mut self, event: &Event) -> bool {
        let Some((filter, text)) = self.alone(event).filter(|_| self.config.key.is_none()) else {
            return false;
        };
        let filter = filter.clone();
        self.not_json = None;
        match filter.run_on_parts(text, &mut |output| self.take_output(&output)) {
            Some(result) => {
                self.note_run(result);
                true
            }
            None => false,
        }
    }

    fn run_programs(&mut self, event: &Event) {
        if self.ruled_out(event) || self.filtered_on_parts(event) {
            return;
        }
        let value = match self.input(event) {
            Some(Ok(value)) => value,
            Some(Err(error)) => {
                self.program_failed(&format!("cannot use the message: {error}"));
                if self.config.filter.is_none() {
                    self.write_unfiltered(event);
                }
                return;
            }
            None => return,
        };
        self.run_reply(event, &value);
        self.run_key(&value);
        let verdict = self.conditions(&value);
        match self.config.filter.clone() {
            Some(filter) => self.run_filter(&filter, &value),
            None => self.write_unfiltered(event),
        }
        self.settle(verdict);
    }

    fn run_filter(&mut self, filter: &Program, value: &Value) {
        let result = filter.run(value, &mut |output| self.take_output(&output));
        self.note_run(result);
    }

    /// `--fail-if` and `--until`, in this order, so that a message that matches both is a failure.
    fn conditions(&mut self, value: &Value) -> Option<Stop> {
        if let Some(program) = self.config.fail_if.clone()
            && self.matches(&program, value)
        {
            return Some(Stop::FailIf);
        }
        if let Some(program) = self.config.until.clone()
            && self.matches(&program, value)
        {
            return Some(Stop::Until);
        }
        None
    }

    /// What a message decided, now that it is written. It outranks a count that the same message completed.
    fn settle(&mut self, verdict: Option<Stop>) {
        let Some(verdict) = verdict else { return };
        if matches!(self.stopped, Some(Stop::Count | Stop::CountAtEnd)) {
            self.stopped = None;
        }
        self.stop(verdict);
    }

    fn run_reply(&mut self, event: &Event, value: &Value) {
        let Kind::Message { dir: Direction::In, message, .. } = &event.kind else { return };
        let Some(reply) = self.config.reply.clone() else { return };
        let value = match self.config.envelope.then(|| self.message_value(message)) {
            None => value.clone(),
            Some(Ok(value)) => value,
            Some(Err(error)) => return self.program_failed(&error),
        };
        let mut replies = Vec::new();
        let result = reply.run(&value, &mut |output| {
            replies.push(reply_message(&output));
            ControlFlow::Continue(())
        });
        self.note_run(result);
        for reply in replies {
            match reply {
                Ok(message) => self.progress.replies.push(message),
                Err(error) => self.program_failed(&error),
            }
        }
    }

    /// Computes the key of the lines that follow. Only the first output counts.
    fn run_key(&mut self, value: &Value) {
        let Some(program) = self.config.key.clone() else { return };
        let mut found = None;
        let result = program.run(value, &mut |output| {
            found = Some(labels::address(&output));
            ControlFlow::Break(())
        });
        self.note_run(result);
        match (found, &mut self.labeler) {
            (Some(Ok(address)), Some(labeler)) => labeler.address = Some(Arc::new(address)),
            (Some(Err(error)), _) => self.program_failed(&error),
            _ => {}
        }
    }

    fn matches(&mut self, program: &Program, value: &Value) -> bool {
        let mut matched = false;
        let result = program.run(value, &mut |output| {
            matched |= output.is_truthy();
            if matched { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        self.note_run(result);
        matched
    }

    fn write_value(&mut self, value: &Value) {
        if self.output_closed() {
            return;
        }
        // What cannot be written is told of where it is written.
        self.watched_output(|line| value.write(line).is_ok());
        let style = self.config.style;
        if let (true, Some(text)) = (style.raw || style.join, value.as_str()) {
            line::write_string(text, style, &mut self.lines.buffer);
            return self.line_done(true);
        }
        let mut text = std::mem::take(&mut self.scratch);
        text.clear();
        match value.write(&mut text) {
            Ok(()) if style == Style::default() => {
                self.lines.buffer.extend_from_slice(&text);
                self.lines.buffer.push(b'\n');
                self.line_done(value.is_truthy());
            }
            Ok(()) => {
                line::write_json(&String::from_utf8_lossy(&text), true, style, &mut self.lines.buffer);
                self.line_done(value.is_truthy());
            }
            Err(error) => self.program_failed(&error),
        }
        self.scratch = text;
    }

    fn line_done(&mut self, truthy: bool) {
        self.label_line();
        self.totals.lines += 1;
        self.totals.last_output = Some(truthy);
        if self.lines.is_full() && self.patient {
            self.flush();
        }
        // Where there is a filter, it says what matters; else records of the session only come along with the messages.
        if self.current != Current::Data && self.config.filter.is_none() {
            return;
        }
        self.totals.counted += 1;
        if self.config.count.is_some_and(|count| self.totals.counted >= count) {
            self.stop(if self.current == Current::End { Stop::CountAtEnd } else { Stop::Count });
        }
    }

    /// Looks at what the next lines will be about, if `--count` asks about it.
    fn note_current(&mut self, event: &Event) {
        self.current = match &event.kind {
            _ if self.config.count.is_none() => return,
            kind if is_data(kind) => Current::Data,
            Kind::Recorded(line) if matches!(record::read(line), (Line::Received(_), _)) => Current::Data,
            Kind::Unreadable(_) => Current::Session,
            Kind::Error { .. } | Kind::Close(_) | Kind::Summary(_) => Current::End,
            _ => Current::Session,
        };
    }

    /// Is the event to be shown at all?
    fn wanted(&self, event: &Event) -> bool {
        match &self.stopped {
            None => self.config.envelope || is_data(&event.kind),
            // The records that tell how a session ended come on top of what was asked for.
            Some(Stop::ReaderGone | Stop::OutputFailed(..) | Stop::FilterDone) => false,
            Some(_) => self.config.envelope && self.config.filter.is_none() && is_last_word(&event.kind),
        }
    }

    fn note_run(&mut self, result: Result<(), RunError>) {
        match result {
            Ok(()) => {}
            Err(RunError::Error(text)) => {
                let text = self.explained(text);
                self.program_failed(&text);
            }
            Err(RunError::Halt { code: 0, .. }) => self.stop(Stop::FilterDone),
            Err(RunError::Halt { text, .. }) => self.stop(Stop::FilterError(self.line_of(text.trim_end()))),
        }
    }

    /// The error of a program. One about a string tells what is wrong with the message, if it should have been JSON.
    fn explained(&self, text: String) -> String {
        match &self.not_json {
            Some(why)
                if text.starts_with("Cannot index string")
                    || text.starts_with("Cannot iterate over string") =>
            {
                format!("the message is not JSON: {why}; {text}")
            }
            _ => text,
        }
    }

    fn program_failed(&mut self, text: &str) {
        self.totals.filter_errors += 1;
        if !self.config.errors_fail && self.totals.filter_errors > SHOWN_ERRORS {
            return;
        }
        let text = self.line_of(text);
        if self.config.errors_fail {
            return self.stop(Stop::FilterError(text));
        }
        match self.totals.filter_errors {
            shown if shown < SHOWN_ERRORS => self.report.warning(&format!("jq: {text}")),
            _ => self.report.warning(&format!("jq: {text} (further errors are counted, not shown)")),
        }
    }

    /// As much of an error of a program as a line has room for: it may quote the whole message. A secret is masked
    /// before it could be cut.
    fn line_of(&self, text: &str) -> String {
        without_middle(&self.report.secrets().mask_text(text)).into_owned()
    }

    /// The first reason stands.
    fn stop(&mut self, stop: Stop) {
        if self.stopped.is_none() {
            self.stopped = Some(stop.clone());
            stop.supersede(&mut self.progress.stop, &self.report);
        }
    }

    fn make_changes(&mut self) {
        let Some((_, changes)) = &self.config.screen else { return };
        for change in changes.take() {
            match change {
                Change::Filter(filter) => {
                    self.config.filter = filter;
                    self.reads = self.config.reads();
                }
                Change::Envelope(envelope) => {
                    self.config.envelope = envelope;
                    self.reads = self.config.reads();
                }
                Change::Record(recording) => {
                    self.flush_recording();
                    self.recording = recording.map(recording_channel);
                }
            }
        }
    }

    fn changes_pending(&self) -> bool {
        self.config.screen.as_ref().is_some_and(|(_, changes)| changes.pending())
    }

    fn watched(&mut self, event: &Event) {
        let sent = matches!(event.kind, Kind::Message { dir: Direction::Out, .. });
        let shown = !self.config.envelope && (sent || self.config.filter.is_none());
        if let Some((screen, _)) = &mut self.config.screen {
            screen.event(event, shown);
        }
    }

    /// Shows what came out of a program, or the record of what happened last: JSON on one line.
    fn watched_output(&mut self, json: impl FnOnce(&mut Vec<u8>) -> bool) {
        let Some((screen, _)) = &mut self.config.screen else { return };
        let mut line = Vec::new();
        if json(&mut line) {
            line.push(b'\n');
            // It is shown as well as written. Whether it is written is what counts.
            let _ = screen.write(&line);
        }
    }

    fn record(&mut self, event: &Event) {
        if self.recording.is_none() || matches!(event.kind, Kind::Derived(_)) {
            return;
        }
        if let Kind::Message { message: Message::Text(text), .. } = &event.kind {
            self.checked = Some(json::scan_str(without_mark(text)));
        }
        let Some(recording) = &mut self.recording else { return };
        record::write_checked(event, self.checked, &self.secrets, &mut recording.buffer);
        recording.buffer.push(b'\n');
        if recording.buffer.len() >= CHUNK {
            self.flush_recording();
        }
    }

    fn note_taken(&mut self, message: u64) {
        let done = (message, self.came);
        if done != self.done {
            self.done = done;
            self.lines.mark(done);
            if let Some(cursor) = self.labeler.as_mut().and_then(Labeler::take_cursor) {
                self.lines.cursor(cursor);
            }
        }
    }

    /// This reason takes the place of an earlier one: whatever was achieved, not all of it has arrived.
    fn overrule(&mut self, stop: Stop) {
        self.stopped = Some(stop.clone());
        stop.supersede(&mut self.progress.stop, &self.report);
    }

    /// May nothing more be written? A program over the whole stream may still give its result once the stream
    /// has come to its end.
    fn output_closed(&self) -> bool {
        match self.stopped {
            None => false,
            Some(Stop::Until | Stop::FailIf) => self.stream_filter().is_none(),
            Some(_) => true,
        }
    }

    fn flush_recording(&mut self) {
        if let Some(Err(failure)) = self.recording.as_mut().map(Channel::flush) {
            self.recording_failed(failure);
        }
    }

    /// The record of an event as text, with what must not be shown masked in its values.
    fn record_text(&self, event: &Event) -> String {
        let mut text = Vec::new();
        record::write_checked(event, self.checked, &self.secrets, &mut text);
        String::from_utf8(text).unwrap_or_default()
    }

    fn write_record(&mut self, event: &Event) {
        if self.config.style == Style::default() && self.config.screen.is_none() {
            record::write_checked(event, self.checked, &self.secrets, &mut self.lines.buffer);
            return self.lines.buffer.push(b'\n');
        }
        let text = self.record_text(event);
        self.watched_output(|line| {
            line.extend_from_slice(text.as_bytes());
            true
        });
        line::write_json(&text, true, self.config.style, &mut self.lines.buffer);
    }

    fn recording_failed(&mut self, OutputFailure { text, remedy, .. }: OutputFailure) {
        self.recording = None;
        match self.stopped {
            Some(Stop::OutputFailed(..)) => self.report.warning(&text),
            // What has come is written all the same, as far as it would have been.
            _ => self.progress.stop = Some(Stop::RecordingFailed(text, remedy)),
        }
    }

    /// Has the message that is being worked on not had its output?
    fn failed(&self) -> bool {
        self.dead() || matches!(self.stopped, Some(Stop::FilterError(_)))
    }

    fn dead(&self) -> bool {
        matches!(self.stopped, Some(Stop::ReaderGone | Stop::OutputFailed(..)))
    }
}

fn recording_channel(file: RecordFile) -> Channel {
    Channel::new(Box::new(file))
}

/// The number of a received message that comes to its end with this event.
fn received(event: &Event) -> Option<u64> {
    match &event.kind {
        Kind::Message { dir: Direction::In, seq, part, .. } => {
            part.is_none_or(|part| part.last).then_some(*seq)
        }
        Kind::Unreadable(message) => Some(message.seq),
        _ => None,
    }
}

/// Is it what standard output is for?
fn is_data(kind: &Kind) -> bool {
    match kind {
        Kind::Message { dir, role, .. } => *role == Role::Data && *dir == Direction::In,
        Kind::Derived(_) => true,
        _ => false,
    }
}

fn is_last_word(kind: &Kind) -> bool {
    matches!(kind, Kind::Close(_) | Kind::Summary(_))
}

/// The value that programs see for a message: its JSON, or else a string.
///
/// # Errors
/// JSON that a jq value cannot hold.
pub fn message_value(message: &Message, binary: line::BinaryForm) -> Result<Value, String> {
    match message {
        Message::Text(text) => Ok(Value::parse(text).unwrap_or_else(|_| Value::string(text))),
        Message::Binary(bytes) => Ok(Value::string(&line::binary_text(bytes, binary))),
    }
}

/// What a `--reply` program yields is sent as text: a string as it is, any other value as its JSON.
fn reply_message(output: &Value) -> Result<Message, String> {
    if let Some(text) = output.as_str() {
        return Ok(Message::text(text.to_owned()));
    }
    let mut json = Vec::new();
    output.write(&mut json)?;
    String::from_utf8(json).map(Message::text).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use std::io;

    use jiff::Timestamp;

    use super::output::PartialWrite;
    use super::*;
    use crate::event::Role;

    /// A pipe whose reader leaves after so many bytes.
    struct Leaky(usize);

    impl Output for Leaky {
        fn name(&self) -> String {
            "a pipe".to_owned()
        }

        fn write(&mut self, bytes: &[u8]) -> Result<(), PartialWrite> {
            let written = bytes.len().min(self.0);
            self.0 -= written;
            let error = || PartialWrite { written, error: io::ErrorKind::BrokenPipe.into() };
            if written < bytes.len() { Err(error()) } else { Ok(()) }
        }
    }

    /// How far messages of four bytes, in lines of five, have been written when the reader leaves.
    fn written(room: usize, flush_every: u64) -> u64 {
        let report = Report::silent();
        let mut pipeline = Pipeline::new(Config::default(), Box::new(Leaky(room)), report);
        for seq in 1..=10 {
            let message = Message::text("1234");
            let kind = Kind::Message { dir: Direction::In, seq, message, role: Role::Data, part: None };
            pipeline.take(&Event { at: Timestamp::UNIX_EPOCH, conn: 1, kind });
            if seq % flush_every == 0 {
                pipeline.flush();
            }
        }
        let progress = pipeline.progress();
        assert_eq!(progress.stop.is_some(), room < 50);
        progress.written
    }

    #[test]
    fn what_was_written_before_the_reader_left_counts_line_by_line() {
        for flush_every in [1, 2, 5, 10] {
            for (room, messages) in [(0, 0), (4, 0), (5, 1), (9, 1), (10, 2), (27, 5), (49, 9), (50, 10)] {
                assert_eq!(written(room, flush_every), messages, "{room} bytes, by {flush_every}");
            }
        }
    }
}
