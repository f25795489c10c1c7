//! Replaces each call by the definition, by an operation, or by a filter written in Rust.

use std::rc::Rc;

use jaq_core::{Bind, ops};

use super::super::desugar::{ASSIGN, LAST_OR_NULL, UPDATE};
use super::super::syntax::{Def, Term};
use super::super::value::Val;
use super::super::{compile, natives};
use super::build::PlanBuilder;
use super::nodes::{bound, choice, constant, empty, many, one, pipe};
use super::scope::{Means, PlanScope};
use super::terms::free;
use super::{By, EnginePart, Fold, Native, Node, Op, OutputCount, PathStep, StepKind};

impl<'t> PlanBuilder<'t> {
    pub(super) fn call(
        &mut self,
        name: &'t str,
        arguments: &'t [Term<'t>],
        scope: &PlanScope<'t>,
        depth: usize,
    ) -> Option<Node> {
        let arity = arguments.len();
        let mut names = scope.names.clone();
        while let Some(known) = names {
            match &known.means {
                Means::Argument(term, scope) if known.name == name && arity == 0 => {
                    return self.node(term, scope, depth);
                }
                Means::Definition(def) if known.name == name && def.args.len() == arity => {
                    let inner = PlanScope { names: Some(Rc::clone(&known)), end: scope.end };
                    return self.put_in(def, arguments, scope, &inner, depth);
                }
                _ => names = known.up.clone(),
            }
        }
        let defs = &self.defs[..scope.end];
        if let Some(at) = defs.iter().rposition(|def| def.name == name && def.args.len() == arity) {
            let inner = PlanScope { names: None, end: at + 1 };
            return self.put_in(&defs[at], arguments, scope, &inner, depth);
        }
        match self.native_operation(name, arguments, scope, depth) {
            Some(known) => known,
            None => self.native(name, arguments, scope, depth),
        }
    }

    /// Replaces a call by the body of its definition.
    fn put_in(
        &mut self,
        def: &'t Def<'t>,
        arguments: &'t [Term<'t>],
        scope: &PlanScope<'t>,
        inner: &PlanScope<'t>,
        depth: usize,
    ) -> Option<Node> {
        if self.active.contains(&std::ptr::from_ref(def)) {
            return None;
        }
        let (mut inner, mut level, mut values) = (inner.clone(), depth, Vec::new());
        for (name, argument) in def.args.iter().zip(arguments) {
            if !name.starts_with('$') {
                inner = inner.with(name, Means::Argument(argument, scope.clone()));
                continue;
            }
            let value = self.node(argument, scope, level)?;
            inner = match value.op {
                Op::Constant(value) => inner.with(name, Means::Constant(value)),
                op => {
                    values.push(Node { op, outputs: value.outputs });
                    level += 1;
                    inner.with(name, Means::Variable(level - 1))
                }
            };
        }
        self.active.push(def);
        let body = self.node(&def.body, &inner, level);
        self.active.pop();
        Some(values.into_iter().rev().fold(body?, |body, value| bound(value, body)))
    }

    /// The filters that are operations here.
    fn native_operation(
        &mut self,
        name: &str,
        arguments: &'t [Term<'t>],
        scope: &PlanScope<'t>,
        depth: usize,
    ) -> Option<Option<Node>> {
        let constants: Option<Node> = match (name, arguments.len()) {
            ("empty" | "!empty", 0) => Some(empty()),
            ("true", 0) => Some(constant(true)),
            ("false", 0) => Some(constant(false)),
            ("null", 0) => Some(constant(Val::Null)),
            ("not", 0) => Some(choice(one(Op::Input), constant(false), constant(true))),
            ("tostring" | "@text", 0) => Some(one(Op::ToString)),
            ("error" | "error_empty", 0) => Some(one(Op::Fail)),
            ("type", 0) => Some(one(Op::Type)),
            ("any", 0) => Some(one(Op::Any(Box::new(each_item()), true))),
            ("all", 0) => Some(one(Op::Any(Box::new(each_item()), false))),
            _ => None,
        };
        if constants.is_some() {
            return Some(constants);
        }
        if !OPERATIONS.contains(&(name, arguments.len())) {
            return None;
        }
        let values = self.values(arguments, scope, depth);
        Some(values.and_then(|values| operation(name, values)))
    }

    fn values(&mut self, terms: &'t [Term<'t>], scope: &PlanScope<'t>, depth: usize) -> Option<Vec<Node>> {
        terms.iter().map(|term| self.node(term, scope, depth)).collect()
    }

    fn native(
        &mut self,
        name: &'t str,
        arguments: &'t [Term<'t>],
        scope: &PlanScope<'t>,
        depth: usize,
    ) -> Option<Node> {
        let arity = arguments.len();
        let ours = natives::ours().iter().find(|(known, binds, _)| *known == name && binds.len() == arity);
        if let Some((_, binds, run)) = ours {
            if binds.contains(&Bind::Fun(())) {
                return None;
            }
            let values = self.values(arguments, scope, depth)?;
            let own = if natives::GENERATORS.contains(&name) { OutputCount::Many } else { OutputCount::One };
            let outputs = values.iter().map(|node| node.outputs).max().unwrap_or(own).max(own);
            let (pure, bounded) = (!natives::WORLDLY.contains(&name), natives::BOUNDED.contains(&name));
            let native = Native { run: *run, pure, bounded };
            return Some(Node { op: Op::Native(native, values.into()), outputs });
        }
        // The engine's own filter is compiled as a program that consists of one call.
        let (name, binds) = natives::another(name, arity)?;
        if binds.contains(&Bind::Fun(())) {
            return None;
        }
        let values = self.values(arguments, scope, depth)?;
        if values.iter().any(|value| value.outputs != OutputCount::One) {
            return None;
        }
        let variables: Vec<_> = ["$a", "$b", "$c"].into_iter().take(arity).collect();
        if variables.len() < arity {
            return None;
        }
        let call = Term::Call(name, variables.iter().map(|name| Term::Var(*name)).collect());
        let filter = compile::part(&[], call, &variables)?;
        let part = EnginePart { filter, variables: values.into() };
        Some(Node { op: Op::Engine(Box::new(part)), outputs: OutputCount::One })
    }

    /// A part of the program that has no operation.
    pub(super) fn engine(&mut self, term: &'t Term<'t>, scope: &PlanScope<'t>, depth: usize) -> Option<Node> {
        let (mut names, mut variables) = (Vec::new(), Vec::new());
        free(term, &mut |name| {
            if !names.contains(&name)
                && let Some(value) = self.variable(name, scope, depth)
            {
                names.push(name);
                variables.push(value);
            }
        });
        let Some(filter) = compile::part(self.defs, term.clone(), &names) else {
            self.wrong = true;
            return None;
        };
        let part = EnginePart { filter, variables: variables.into() };
        Some(many(Op::Engine(Box::new(part))))
    }
}

/// The operations whose arguments are filters.
const OPERATIONS: &[(&str, usize)] = &[
    ("error", 1),
    ("select", 1),
    ("map", 1),
    ("map_values", 1),
    ("walk", 1),
    ("add", 1),
    ("isempty", 1),
    ("any", 1),
    ("any", 2),
    ("all", 1),
    ("all", 2),
    ("first", 1),
    ("last", 1),
    ("limit", 2),
    ("skip", 2),
    ("range", 1),
    ("range", 2),
    ("range", 3),
    ("sort_by", 1),
    ("group_by", 1),
    ("unique_by", 1),
    ("min_by", 1),
    ("max_by", 1),
    ("getpath", 1),
    ("path", 1),
    ("del", 1),
    ("pick", 1),
    (UPDATE, 2),
    (ASSIGN, 2),
    (LAST_OR_NULL, 1),
];

/// `.[]`
fn each_item() -> Node {
    many(Op::Path(Box::new(one(Op::Input)), [PathStep { access: StepKind::Each, optional: false }].into()))
}

/// One of [`OPERATIONS`].
fn operation(name: &str, values: Vec<Node>) -> Option<Node> {
    let count = values.len();
    let mut values = values.into_iter().map(Box::new);
    let first = values.next()?;
    Some(match (name, values.next()) {
        ("error", _) => pipe(*first, one(Op::Fail)),
        ("select", _) => choice(*first, one(Op::Input), empty()),
        ("map", _) => one(Op::Array(Box::new(pipe(each_item(), *first)))),
        ("map_values", _) => one(Op::MapValues(first)),
        ("walk", _) => Node { outputs: first.outputs, op: Op::Walk(first) },
        ("add", _) => {
            let (left, right) = (Box::new(one(Op::Input)), Box::new(one(Op::Var(0))));
            let update = one(Op::Math(left, ops::Math::Add, right));
            one(Op::Reduce(Box::new(Fold { source: *first, init: constant(Val::Null), update })))
        }
        ("isempty", _) => one(Op::IsEmpty(first)),
        ("any" | "all", None) => one(Op::Any(Box::new(pipe(each_item(), *first)), name == "any")),
        ("any" | "all", Some(condition)) => one(Op::Any(Box::new(pipe(*first, *condition)), name == "any")),
        ("first", _) if first.outputs != OutputCount::Many => *first,
        ("first", _) => Node { op: Op::First(first), outputs: OutputCount::AtMostOne },
        ("last", _) => Node { op: Op::Last(first), outputs: OutputCount::AtMostOne },
        ("limit", Some(body)) => many(Op::Limit(first, body)),
        ("skip", Some(body)) => many(Op::Skip(first, body)),
        ("range", second) => {
            let (zero, by) = (constant(0_isize), constant(1_isize));
            let bounds = match (count, second, values.next()) {
                (2, Some(upto), _) => [*first, *upto, by],
                (3, Some(upto), Some(by)) => [*first, *upto, *by],
                _ => [zero, *first, by],
            };
            many(Op::Range(Box::new(bounds)))
        }
        ("sort_by", _) => one(Op::By(By::Sort, first)),
        ("group_by", _) => one(Op::By(By::Group, first)),
        ("unique_by", _) => one(Op::By(By::Unique, first)),
        ("min_by", _) => one(Op::By(By::Min, first)),
        ("max_by", _) => one(Op::By(By::Max, first)),
        ("getpath", _) => Node { outputs: first.outputs, op: Op::GetPath(first) },
        ("path", _) if first.has_paths() => many(Op::PathsOf(first)),
        ("del", _) if first.has_paths() => one(Op::Delete(first)),
        ("pick", _) if first.has_paths() => one(Op::Pick(first)),
        (UPDATE, Some(change)) if first.has_paths() => one(Op::Update(first, change)),
        (ASSIGN, Some(value)) if first.has_paths() => {
            Node { outputs: value.outputs, op: Op::Assign(first, value) }
        }
        (LAST_OR_NULL, _) if first.outputs == OutputCount::One => *first,
        (LAST_OR_NULL, _) => one(Op::LastOrNull(first)),
        _ => return None,
    })
}
