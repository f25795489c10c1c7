//! Expressions of a dialect file: compiled once, with their places in the file, and run with the dialect's variables.

use std::ops::ControlFlow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::schema::Source;
use crate::error::{Failure, Result, line_of};
use crate::message::Message;
use crate::pipeline::filter::{FieldTest, Globals, ParsedWithin, Program, Reads, RunError, Value, Vars};

/// How deep messages and states may be nested. Rules run on the stack of the session, and to compare or drop a value is
/// to recurse as deep as it nests. A message meets no rule that reads a deeper part of it.
pub(super) const DEPTH: usize = 200;

/// The most outputs of an expression for one message. More are a mistake in the file.
const MOST_OUTPUTS: usize = 100_000;

/// A compiled expression.
#[derive(Clone, Debug)]
pub(super) struct Expr {
    program: Program,
    /// Where it is, and what it is for.
    place: String,
    /// What a condition asks first.
    test: Option<FieldTest>,
}

/// Why an expression has no outputs: its place, and jq's message.
pub(super) type ExprError = String;

impl Expr {
    /// All outputs.
    pub(super) fn all(&self, globals: &Globals, input: &Value) -> std::result::Result<Vec<Value>, ExprError> {
        let mut outputs = Vec::new();
        let end = self.program.run_globals(globals, input, &mut |output| {
            outputs.push(output);
            if outputs.len() < MOST_OUTPUTS { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        end.map(|()| outputs).map_err(|error| self.failed(&error))
    }

    /// The first output.
    pub(super) fn first(
        &self,
        globals: &Globals,
        input: &Value,
    ) -> std::result::Result<Option<Value>, ExprError> {
        let mut first = None;
        let end = self.program.run_globals(globals, input, &mut |output| {
            first = Some(output);
            ControlFlow::Break(())
        });
        end.map(|()| first).map_err(|error| self.failed(&error))
    }

    /// Is its first output neither `null` nor `false`? An expression that fails does not hold.
    pub(super) fn holds(&self, globals: &Globals, input: &Value) -> bool {
        if let Some(decided) = self.test.as_ref().and_then(|test| test.decides(input)) {
            return decided;
        }
        let mut holds = false;
        let end = self.program.run_globals(globals, input, &mut |output| {
            holds = output.is_truthy();
            ControlFlow::Break(())
        });
        end.is_ok() && holds
    }

    /// The parts of its input that it can see.
    pub(super) fn reads(&self) -> Reads {
        self.program.reads()
    }

    /// It is `.`.
    pub(super) fn is_identity(&self) -> bool {
        self.program.is_identity()
    }

    /// Where it is, and what it is for.
    pub(super) fn place(&self) -> &str {
        &self.place
    }

    fn failed(&self, error: &RunError) -> ExprError {
        format!("{}: jq: {error}", self.place)
    }
}

/// Compiles the expressions of a file.
pub(super) struct ExprCompiler<'f> {
    /// The file, for people.
    pub(super) file: &'f str,
    /// Its text.
    pub(super) text: &'f str,
    /// The names of the variables.
    pub(super) names: &'f [&'f str],
    vars: Vars,
}

impl<'f> ExprCompiler<'f> {
    /// For expressions with these variables.
    pub(super) fn new(file: &'f str, text: &'f str, names: &'f [&'f str]) -> Result<Self> {
        Ok(Self { file, text, names, vars: Globals::vars(names)? })
    }

    /// An expression. `what` is what the file calls it.
    pub(super) fn expr(&self, what: &str, source: &Source) -> Result<Expr> {
        self.compile(what, source, source.get_ref())
    }

    /// An expression that may be missing.
    pub(super) fn maybe(&self, what: &str, source: Option<&Source>) -> Result<Option<Expr>> {
        source.map(|source| self.expr(what, source)).transpose()
    }

    /// A condition that may be missing.
    pub(super) fn condition(&self, what: &str, source: Option<&Source>) -> Result<Option<Expr>> {
        let Some(source) = source else { return Ok(None) };
        Ok(Some(Expr { test: FieldTest::of(source.get_ref()), ..self.expr(what, source)? }))
    }

    /// A template: text with `\(…)` for values. In a URL they are percent-encoded.
    pub(super) fn template(&self, what: &str, source: &Source, url: bool) -> Result<Expr> {
        let format = if url { "@uri " } else { "" };
        self.compile(what, source, &format!("{format}\"{}\"", source.get_ref()))
    }

    fn compile(&self, what: &str, source: &Source, program: &str) -> Result<Expr> {
        let line = line_of(self.text, source.span().start);
        let place = format!("{}:{line}: {what}", self.file);
        match Program::compile(&place, program, &self.vars) {
            Ok(compiled) => Ok(Expr { program: compiled, place, test: None }),
            Err(failure) if failure.hint.is_none() && failure.what.contains("unknown variable") => {
                let names: Vec<String> = self.names.iter().map(|name| format!("${name}")).collect();
                Err(failure.hint(format!("the variables here are {}", names.join(", "))))
            }
            Err(failure) => Err(failure),
        }
    }

    /// A mistake at a place in the file.
    pub(super) fn wrong(&self, at: usize, why: &str) -> Failure {
        Failure::usage(format!("{}:{}: {why}", self.file, line_of(self.text, at)))
    }
}

/// A message as expressions see it: JSON as its value, other text as a string, and bytes as base64. `None`: it is
/// nested deeper than [`DEPTH`].
pub(super) fn value_of(message: &Message, reads: &Reads) -> Option<Value> {
    match message {
        Message::Text(text) => match Value::parse_within(text, reads, DEPTH) {
            ParsedWithin::Value(value) => Some(value),
            ParsedWithin::TooDeep => None,
            ParsedWithin::NotJson => Some(Value::string(text)),
        },
        Message::Binary(bytes) => Some(Value::string(&STANDARD.encode(bytes))),
    }
}

/// The message that an output stands for: a string as it is, any other value as its JSON.
pub(super) fn message_of(value: &Value) -> std::result::Result<Message, String> {
    if let Some(text) = value.as_str() {
        return Ok(Message::text(text.to_owned()));
    }
    // Most are no longer. What a message is kept in has its length.
    let mut json = Vec::with_capacity(512);
    value.write(&mut json)?;
    let text = std::str::from_utf8(&json).map_err(|error| error.to_string())?;
    Ok(Message::text(text.to_owned()))
}
