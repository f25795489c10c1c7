//! jq programs: compiled once, run on every message. Nothing else in the tool names the engine.
//!
//! The engine is jaq (`jaq-core`, which was called `jaq-interpret` until jaq 2.0), with values of our own
//! (see `value.rs`), a parser of our own (`syntax`), and builtins of our own, most of them native.

mod arithmetic;
mod arrays;
mod compile;
mod condition;
mod dates;
mod desugar;
mod entries;
mod formats;
mod globals;
mod modules;
mod natives;
mod numbers;
mod object;
mod paths;
mod pattern;
mod plan;
mod read;
mod regex;
mod signatures;
mod streams;
mod strings;
mod syntax;
mod value;
mod vars;
mod work;
mod write;

use std::borrow::Cow;
use std::cell::{Cell, RefCell};
use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::thread;

use jaq_core::Filter;
use jaq_json::Num;

pub use self::condition::FieldTest;
pub use self::globals::{Globals, ParsedWithin};
use self::modules::Library;
use self::natives::{EngineTypes, Scene};
pub use self::plan::Reads;
use self::plan::{FilterPlan, RunContext, RunStop};
use self::value::Val;
pub use self::vars::Vars;
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::text::without_middle;

/// The stack to give to a thread that runs programs. A program that recurses without end overflows any stack,
/// which cannot be caught; this much (only reserved, not used) lets every sane one through. Values as deep as
/// [`crate::json::MAX_DEPTH`] are also compared, written and dropped by recursion.
pub const STACK: usize = 1 << 30;

/// The longest program, in bytes. To compile it is to recurse as deep as it nests, which may be a level a byte.
pub const LONGEST: usize = 64 << 10;

/// A program of so many bytes, nested as deep as it may be, is compiled on any stack.
const SHALLOW: usize = 200;

/// Bytes of a value that costs little whatever is done with it.
const SHORT: usize = 256;

/// A JSON text on one line, with the fields of every object in the order of their names, as `jq -S` prints it; `None`
/// for a text that is not JSON.
pub(super) fn sorted(text: &str) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    write::value(&read::one(text).ok()?.sorted(), &mut out).ok()?;
    String::from_utf8(out).ok()
}

/// Receives what `debug` and `stderr` write, as `jq` would write it to stderr.
pub type Sink = dyn Fn(&str) + Send + Sync;

/// A compiled jq program. Clones share everything.
#[derive(Clone)]
pub struct Program(Arc<Compiled>);

struct Compiled {
    plan: Arc<FilterPlan>,
    /// For native filters that are called without the engine.
    nothing: Arc<Filter<EngineTypes>>,
    /// Values of the global variables, in the order they were compiled with.
    globals: Vec<Val>,
    identity: bool,
    inputs: bool,
    /// Where `modulemeta` looks for modules.
    library: Arc<Library>,
    sink: Arc<Sink>,
}

/// A program that someone else wrote, with a limit to its work. The engine runs it, since a plan does not count its
/// steps.
#[derive(Clone, Debug)]
pub struct LimitedProgram(Program);

/// What runs a program.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runner {
    /// A plan, which leaves to the engine the parts that it has no operation for.
    Plan,
    /// The engine alone.
    Engine,
}

/// A JSON value, cheap to clone: parsed once, it can be given to several programs.
///
/// Dropping a deeply nested one recurses, so it should end on a thread with [`STACK`].
#[derive(Clone, Debug, PartialEq)]
pub struct Value(Val);

/// How a program ended other than by running out of outputs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RunError {
    /// An error nobody caught; the message is what `jq` would print.
    Error(String),
    /// `halt` or `halt_error` was called: the run is over, with this status.
    Halt {
        /// The exit status asked for.
        code: i32,
        /// What `halt_error` wants printed, as it is.
        text: String,
    },
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Error(message) => f.write_str(&without_middle(message)),
            Self::Halt { code, .. } => write!(f, "halted with status {code}"),
        }
    }
}

impl std::error::Error for RunError {}

impl Program {
    /// Compiles a program. `name` is what the message calls it, such as `--filter`; `details` of the failure
    /// show the line with a caret under the place.
    pub fn compile(name: &str, source: &str, vars: &Vars) -> Result<Self> {
        Self::compile_by(Runner::Plan, name, source, vars)
    }

    /// [`Program::compile`] for the engine alone. Limited programs are run by it, and plans are compared with it.
    pub(crate) fn compile_for_engine(name: &str, source: &str, vars: &Vars) -> Result<Self> {
        Self::compile_by(Runner::Engine, name, source, vars)
    }

    fn compile_by(runner: Runner, name: &str, source: &str, vars: &Vars) -> Result<Self> {
        if source.len() <= SHALLOW {
            return Self::compile_here(runner, name, source, vars);
        }
        if source.len() > LONGEST {
            let what = format!("{name} does not compile: it is longer than {LONGEST} bytes");
            return Err(Failure::new(Exit::FilterCompile, what));
        }
        thread::scope(|scope| {
            let work = || Self::compile_here(runner, name, source, vars);
            let thread = thread::Builder::new().name("compile".into()).stack_size(STACK);
            let thread = thread.spawn_scoped(scope, work).map_err(|error| {
                Failure::new(
                    Exit::FilterCompile,
                    format!("cannot compile {name}: cannot start a thread: {error}"),
                )
            })?;
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        })
    }

    fn compile_here(runner: Runner, name: &str, source: &str, vars: &Vars) -> Result<Self> {
        let compile::CompiledProgram { plan, globals, identity, inputs } =
            compile::compile(runner, name, source, vars)?;
        let (plan, nothing, library) = (Arc::new(plan), Arc::default(), vars.library());
        let sink: Arc<Sink> = Arc::new(|_: &str| {});
        Ok(Self(Arc::new(Compiled { plan, nothing, globals, identity, inputs, library, sink })))
    }

    /// The same program with somewhere to send what `debug` and `stderr` write; without, it is lost.
    #[must_use]
    pub fn with_sink(self, sink: Arc<Sink>) -> Self {
        let Compiled { plan, nothing, globals, identity, inputs, library, .. } = &*self.0;
        let (plan, nothing, library) = (Arc::clone(plan), Arc::clone(nothing), Arc::clone(library));
        let (globals, identity, inputs) = (globals.clone(), *identity, *inputs);
        Self(Arc::new(Compiled { plan, nothing, globals, identity, inputs, library, sink }))
    }

    /// The program is `.`: its output is its input, byte for byte, without parsing it.
    #[must_use]
    pub fn is_identity(&self) -> bool {
        self.0.identity
    }

    /// The program calls `input` or `inputs`, so it has to be driven by [`Program::run_all`] rather than
    /// message by message.
    #[must_use]
    pub fn uses_inputs(&self) -> bool {
        self.0.inputs
    }

    /// Returns true only if the work for a short message is little, whatever is in it, so that it may be done where nothing
    /// must wait. Its variables are short then, and nest no deeper than the message.
    #[must_use]
    pub fn is_bounded(&self) -> bool {
        !self.0.inputs && self.0.globals.iter().all(is_short) && self.0.plan.is_bounded()
    }

    /// The parts of a message that the program can see.
    #[must_use]
    pub fn reads(&self) -> Reads {
        // Any part of the program may get any message from `input`.
        if self.0.inputs { Reads::everything() } else { self.0.plan.reads().clone() }
    }

    /// Returns true only if the program has neither an output nor an error for this message.
    ///
    /// A message without the literal that a leading `select` requires is ruled out by its bytes, without a check that it
    /// is valid JSON. Any other message is ruled out only if it is valid.
    #[must_use]
    pub fn rules_out(&self, text: &str) -> bool {
        let stage = Stage::new(std::iter::empty(), &*self.0.sink);
        self.0.plan.rules_out(&self.run_in(&self.0.globals, stage.scene(), &[]), text)
    }

    /// Runs the program on one value. `emit` gets each output when it is there and can end the run. `inputs`
    /// is empty.
    pub fn run(
        &self,
        input: &Value,
        emit: &mut dyn FnMut(Value) -> ControlFlow<()>,
    ) -> std::result::Result<(), RunError> {
        let stage = Stage::new(std::iter::empty(), &*self.0.sink);
        self.play(&self.0.globals, &stage, &input.0, emit).map(drop)
    }

    /// [`Program::run`] on the message with this text, of which nothing is built but the parts that the program reads.
    /// `None` if that cannot be done with this program or message: nothing has been done then.
    pub fn run_on_parts(
        &self,
        text: &str,
        emit: &mut dyn FnMut(Value) -> ControlFlow<()>,
    ) -> Option<std::result::Result<(), RunError>> {
        let plan = self.0.plan.on_parts().filter(|_| !self.0.inputs)?;
        let parts = read::apart(text, plan)?;
        let stage = Stage::new(std::iter::empty(), &*self.0.sink);
        let run = self.run_in(&self.0.globals, stage.scene(), &parts);
        let end = plan.run(&run, &mut |output| emitted(output, emit));
        Some(ended(end, &stage).map(drop))
    }

    /// [`Program::run`] with other values for the first variables that it was compiled with, in their order.
    pub fn run_with(
        &self,
        values: Vec<Value>,
        input: &Value,
        emit: &mut dyn FnMut(Value) -> ControlFlow<()>,
    ) -> std::result::Result<(), RunError> {
        let stage = Stage::new(std::iter::empty(), &*self.0.sink);
        let rest = self.0.globals.iter().skip(values.len()).cloned();
        let globals: Vec<Val> = values.into_iter().map(|value| value.0).chain(rest).collect();
        self.play(&globals, &stage, &input.0, emit).map(drop)
    }

    /// Runs the program once with `null` as its input, as `jq -n` does. `input` and `inputs` pull from the
    /// iterator only when the program asks, so it may wait for messages to come. An `Err` item raises an
    /// error in the program.
    pub fn run_stream<I>(
        &self,
        inputs: I,
        emit: &mut dyn FnMut(Value) -> ControlFlow<()>,
    ) -> std::result::Result<(), RunError>
    where
        I: Iterator<Item = std::result::Result<Value, String>>,
    {
        self.play(&self.0.globals, &Stage::new(inputs, &*self.0.sink), &Val::Null, emit).map(drop)
    }

    /// Runs the program on every value of the iterator, as `jq` does: what `input` and `inputs` take is not
    /// seen again. `emit` gets the errors too and decides whether to go on; a halt is the last it gets.
    pub fn run_all<I>(
        &self,
        inputs: I,
        emit: &mut dyn FnMut(std::result::Result<Value, RunError>) -> ControlFlow<()>,
    ) where
        I: Iterator<Item = std::result::Result<Value, String>>,
    {
        let stage = Stage::new(inputs, &*self.0.sink);
        while let Some(input) = stage.next_input() {
            let end = match input {
                Ok(input) => self.play(&self.0.globals, &stage, &input, &mut |value| emit(Ok(value))),
                Err(message) => Err(RunError::Error(message)),
            };
            let flow = match end {
                Ok(flow) => flow,
                Err(error @ RunError::Halt { .. }) => {
                    let _ = emit(Err(error));
                    return;
                }
                Err(error) => emit(Err(error)),
            };
            if flow.is_break() {
                return;
            }
        }
    }

    fn play(
        &self,
        globals: &[Val],
        stage: &dyn Stages,
        input: &Val,
        emit: &mut dyn FnMut(Value) -> ControlFlow<()>,
    ) -> std::result::Result<ControlFlow<()>, RunError> {
        let run = self.run_in(globals, stage.scene(), &[]);
        ended(self.0.plan.run(&run, input, &mut |output| emitted(output, emit)), stage)
    }

    fn run_in<'v>(&'v self, globals: &'v [Val], scene: &'v dyn Scene, parts: &'v [Val]) -> RunContext<'v> {
        RunContext { globals, scene, lut: &self.0.nothing.lut, library: &self.0.library, parts }
    }
}

fn emitted(
    output: Cow<'_, Val>,
    emit: &mut dyn FnMut(Value) -> ControlFlow<()>,
) -> std::result::Result<(), RunStop> {
    match emit(Value(output.into_owned())) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(()) => Err(RunStop::Enough),
    }
}

/// How a run ended: its consumer wants more, or not.
fn ended(
    end: std::result::Result<(), RunStop>,
    stage: &dyn Stages,
) -> std::result::Result<ControlFlow<()>, RunError> {
    match end {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(RunStop::Enough) => Ok(ControlFlow::Break(())),
        Err(RunStop::Error(error)) => Err(RunError::Error(message(error))),
        Err(RunStop::Halt(code)) => Err(RunError::Halt { code, text: stage.take_last_words() }),
        Err(RunStop::Break(_)) => Err(RunError::Error("break".to_owned())),
    }
}

impl LimitedProgram {
    /// Compiles a program as [`Program::compile`] does.
    pub fn compile(name: &str, source: &str, vars: &Vars) -> Result<Self> {
        Program::compile_for_engine(name, source, vars).map(Self)
    }

    /// [`Program::run`] that stops the program when its work exceeds `limit` bytes. Returns the result, `None` if the
    /// program was stopped, and how much work it did.
    pub fn run(
        &self,
        limit: u64,
        input: &Value,
        emit: &mut dyn FnMut(Value) -> ControlFlow<()>,
    ) -> (Option<std::result::Result<(), RunError>>, u64) {
        work::limited(limit, || self.0.run(input, emit))
    }
}

impl fmt::Debug for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Program").field("identity", &self.0.identity).field("inputs", &self.0.inputs).finish()
    }
}

fn is_short(value: &Val) -> bool {
    match value {
        Val::Null | Val::Bool(_) | Val::Num(Num::Int(_) | Num::Float(_)) => true,
        Val::Num(Num::Dec(text)) => text.len() <= SHORT,
        Val::Str(text) => text.len() <= SHORT,
        Val::Num(Num::BigInt(_)) | Val::Arr(_) | Val::Obj(_) => false,
    }
}

fn message(error: Val) -> String {
    match error {
        Val::Str(text) => text.to_string(),
        other => format!("(not a string): {}", other.text()),
    }
}

impl Value {
    /// The value of a JSON text, or of what jq takes for one: with a byte order mark before it, with `NaN`,
    /// `Infinity` and other spellings of numbers, with control characters and half of surrogate pairs in strings,
    /// which become U+FFFD.
    pub fn parse(text: &str) -> std::result::Result<Self, String> {
        read::one(text).map(Self).map_err(|error| read::explained(text, error))
    }

    /// [`Value::parse`] that builds only the parts in `reads`. The whole text is checked.
    pub fn parse_parts(text: &str, reads: &Reads) -> std::result::Result<Self, String> {
        read::parts(text, reads).map(Self).map_err(|error| read::explained(text, error))
    }

    /// A string, such as a message that is not JSON.
    #[must_use]
    pub fn string(text: &str) -> Self {
        Self(Val::string(text))
    }

    /// Neither `null` nor `false`.
    #[must_use]
    pub fn is_truthy(&self) -> bool {
        !matches!(self.0, Val::Null | Val::Bool(false))
    }

    /// The text of a string, for output without quotes.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match &self.0 {
            Val::Str(text) => Some(text),
            _ => None,
        }
    }

    /// Appends the value as JSON on one line, without a line break. On an error nothing is appended.
    pub fn write(&self, out: &mut Vec<u8>) -> std::result::Result<(), String> {
        let start = out.len();
        write::value(&self.0, out).inspect_err(|_| out.truncate(start))
    }
}

/// The surroundings of a run.
struct Stage<'a, I> {
    inputs: RefCell<I>,
    pulled: Cell<usize>,
    last_words: RefCell<String>,
    sink: &'a Sink,
}

impl<'a, I> Stage<'a, I> {
    fn new(inputs: I, sink: &'a Sink) -> Self {
        Self { inputs: RefCell::new(inputs), pulled: Cell::new(0), last_words: RefCell::default(), sink }
    }
}

impl<I: Iterator<Item = std::result::Result<Value, String>>> Scene for Stage<'_, I> {
    fn next_input(&self) -> Option<std::result::Result<Val, String>> {
        let input = self.inputs.borrow_mut().next()?;
        self.pulled.set(self.pulled.get() + 1);
        Some(input.map(|value| value.0))
    }

    fn pulled(&self) -> usize {
        self.pulled.get()
    }

    fn aside(&self, text: &str) {
        (self.sink)(text);
    }

    fn last_words(&self, text: String) {
        *self.last_words.borrow_mut() = text;
    }
}

/// What [`Program::play`] needs of a stage, whatever its inputs are.
trait Stages {
    fn scene(&self) -> &dyn Scene;
    fn take_last_words(&self) -> String;
}

impl<I: Iterator<Item = std::result::Result<Value, String>>> Stages for Stage<'_, I> {
    fn scene(&self) -> &dyn Scene {
        self
    }

    fn take_last_words(&self) -> String {
        self.last_words.take()
    }
}

#[cfg(test)]
mod suite;
#[cfg(test)]
mod tests;
