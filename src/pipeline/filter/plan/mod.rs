//! The plan of a program: compiled once, run on every message.
//!
//! A plan is a tree of operations. Each operation passes an output on by calling the next one, which is much faster
//! than the nested iterators of the engine. Every call is replaced by its definition. If a part has no operation, such
//! as a recursive definition, the engine runs that part, which may be the whole program. Outputs, errors and their order
//! are the same as in the engine.

mod build;
mod calls;
mod filters;
mod folds;
mod items;
mod made;
mod nodes;
mod parts;
mod paths;
mod prefilter;
mod reads;
mod run;
mod scope;
mod steps;
mod terms;
mod traits;

use std::borrow::Cow;
use std::sync::Arc;

use jaq_core::ops::{Cmp, Math};
use jaq_core::{Filter, RunPtr};

use super::natives::EngineTypes;
use super::syntax::Def;
use super::value::Val;

pub(super) use self::parts::PartsPlan;
use self::prefilter::Prefilter;
pub use self::reads::Reads;
pub(super) use self::run::{RunContext, RunStop};
pub(super) use self::terms::plain;

/// A compiled program.
#[derive(Debug)]
pub(super) struct FilterPlan {
    node: Node,
    reads: Reads,
    prefilter: Option<Prefilter>,
    on_parts: Option<PartsPlan>,
}

impl FilterPlan {
    /// Builds the plan of the last of these definitions, which is the program. `None`: the engine has to compile all of
    /// it, and reports what is wrong with it.
    pub(super) fn build(defs: &[Def<'_>], globals: &[&str]) -> Option<Self> {
        let node = build::build(defs, globals)?;
        let reads = reads::of_outputs(&node);
        let prefilter = Prefilter::of(&node, &reads);
        let on_parts = PartsPlan::of(&node);
        Some(Self { node, reads, prefilter, on_parts })
    }

    /// The plan of a program that the engine runs, with this number of global variables.
    pub(super) fn engine(filter: Arc<Filter<EngineTypes>>, globals: usize) -> Self {
        let variables =
            (0..globals).map(|at| Node { op: Op::Global(at), outputs: OutputCount::One }).collect();
        let node =
            Node { op: Op::Engine(Box::new(EnginePart { filter, variables })), outputs: OutputCount::Many };
        Self { node, reads: Reads::everything(), prefilter: None, on_parts: None }
    }

    /// The parts of a message that the program can see.
    pub(super) fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Returns true only if the program has neither an output nor an error for this message. Searches the bytes first,
    /// then parses only the fields that the condition reads.
    pub(super) fn rules_out(&self, run: &RunContext<'_>, text: &str) -> bool {
        self.prefilter.as_ref().is_some_and(|prefilter| prefilter.rules_out(&self.node, run, text))
    }

    /// Its work for a message is at most a multiple of the message's length.
    pub(super) fn is_bounded(&self) -> bool {
        self.node.is_bounded()
    }

    /// The plan that runs on parts of a message, if the program needs nothing else of it.
    pub(super) fn on_parts(&self) -> Option<&PartsPlan> {
        self.on_parts.as_ref()
    }

    /// Emits every output.
    pub(super) fn run(
        &self,
        run: &RunContext<'_>,
        input: &Val,
        emit: &mut dyn FnMut(Cow<'_, Val>) -> Result<(), RunStop>,
    ) -> Result<(), RunStop> {
        self.node.run(run, input, emit)
    }
}

/// How many outputs an operation has for one input, unless it fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum OutputCount {
    One,
    AtMostOne,
    Many,
}

/// An operation and how many outputs it has.
#[derive(Clone, Debug)]
pub(super) struct Node {
    op: Op,
    outputs: OutputCount,
}

#[derive(Clone, Debug)]
enum Op {
    /// `.`
    Input,
    /// A part of the message that is kept apart.
    Part(usize),
    Constant(Val),
    /// A local variable, by the number of bindings since.
    Var(usize),
    /// A global variable, by its place.
    Global(usize),
    /// `f.a[1]?`
    Path(Box<Node>, Box<[PathStep]>),
    Pipe(Box<Node>, Box<Node>),
    /// `f as $x | g`
    Bind(Box<Node>, Box<Node>),
    Comma(Box<Node>, Box<Node>),
    Alternative(Box<Node>, Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
    /// `and`, `or`, and the value of the left operand that decides without the right one.
    Logic(Box<Node>, bool, Box<Node>),
    Math(Box<Node>, Math, Box<Node>),
    Compare(Box<Node>, Cmp, Box<Node>),
    Negate(Box<Node>),
    Array(Box<Node>),
    /// Alternating keys and values.
    Object(Box<[Node]>),
    /// Strings to be joined.
    Text(Box<[Node]>),
    ToString,
    Recurse,
    Empty,
    /// Fails with its input.
    Fail,
    Try(Box<Node>, Box<Node>),
    Label(usize, Box<Node>),
    Break(usize),
    Reduce(Box<Fold>),
    Foreach(Box<Fold>, Option<Box<Node>>),
    First(Box<Node>),
    Last(Box<Node>),
    Limit(Box<Node>, Box<Node>),
    Skip(Box<Node>, Box<Node>),
    Range(Box<[Node; 3]>),
    By(By, Box<Node>),
    IsEmpty(Box<Node>),
    /// `any` (true) and `all` (false) over the outputs.
    Any(Box<Node>, bool),
    /// The last output, or null.
    LastOrNull(Box<Node>),
    MapValues(Box<Node>),
    Walk(Box<Node>),
    Type,
    GetPath(Box<Node>),
    /// The paths of the outputs.
    PathsOf(Box<Node>),
    Delete(Box<Node>),
    Pick(Box<Node>),
    Update(Box<Node>, Box<Node>),
    Assign(Box<Node>, Box<Node>),
    /// An update at a fixed path.
    Change(Box<[PathStep]>, Assignment),
    Native(Native, Box<[Node]>),
    Engine(Box<EnginePart>),
}

#[derive(Clone, Debug)]
struct PathStep {
    access: StepKind,
    /// `?`
    optional: bool,
}

#[derive(Clone, Debug)]
enum StepKind {
    Field(Arc<str>),
    Index(Node),
    Slice(Option<Node>, Option<Node>),
    Each,
}

/// `reduce` and `foreach`.
#[derive(Clone, Debug)]
struct Fold {
    source: Node,
    init: Node,
    update: Node,
}

/// `sort_by` and the other filters with a key for each item.
#[derive(Clone, Copy, Debug)]
enum By {
    Sort,
    Group,
    Unique,
    Min,
    Max,
}

/// An assignment operator with its right side.
#[derive(Clone, Debug)]
enum Assignment {
    /// `|=`
    Update(Box<Node>),
    /// `=`
    Assign(Box<Node>),
    /// `+=`, `-=` and the like.
    Math(Math, Box<Node>),
    /// `//=`
    Alternative(Box<Node>),
}

impl Assignment {
    fn node(&self) -> &Node {
        match self {
            Self::Update(node) | Self::Assign(node) | Self::Math(_, node) | Self::Alternative(node) => node,
        }
    }
}

/// A filter written in Rust.
#[derive(Clone, Copy)]
struct Native {
    run: RunPtr<EngineTypes>,
    /// It has no side effect and depends on nothing but its input and arguments.
    pure: bool,
    /// Its work and its output are bounded by the length of its input and arguments.
    bounded: bool,
}

impl std::fmt::Debug for Native {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Native").field("pure", &self.pure).finish_non_exhaustive()
    }
}

/// A part that the engine runs.
#[derive(Clone)]
pub(super) struct EnginePart {
    pub(super) filter: Arc<Filter<EngineTypes>>,
    /// The values of its variables, in the order they were compiled with.
    variables: Box<[Node]>,
}

impl std::fmt::Debug for EnginePart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Engine").field(&self.variables).finish()
    }
}
