//! Builds the plan of a program from its terms.

use std::sync::Arc;

use jaq_core::ValT as _;
use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Pattern};
use jaq_core::path::{self, Opt};

use super::super::syntax::{Def, Term};
use super::super::value::Val;
use super::nodes::{access, both, bound, choice, constant, empty, folded, many, one, pipe};
use super::scope::{Means, PlanScope};
use super::terms::{places, plain};
use super::{Assignment, Fold, Node, Op, OutputCount, PathStep, StepKind};

/// The most parts of a plan, with every call replaced by its definition. The engine runs a program that has more. This
/// also bounds the depth of a plan.
const MOST_NODES: usize = 4096;

/// Builds the plan of the last of these definitions, which is the program.
pub(super) fn build(defs: &[Def<'_>], globals: &[&str]) -> Option<Node> {
    let (main, before) = defs.split_last()?;
    let mut build =
        PlanBuilder { globals, defs: before, active: Vec::new(), nodes: 0, labels: 0, wrong: false };
    build.node(&main.body, &PlanScope { names: None, end: before.len() }, 0)
}

pub(super) struct PlanBuilder<'t> {
    globals: &'t [&'t str],
    /// The definitions before the program. Each one can call itself and the definitions before it.
    pub(super) defs: &'t [Def<'t>],
    /// The definitions whose calls are being replaced. The engine runs a definition that calls itself.
    pub(super) active: Vec<*const Def<'t>>,
    nodes: usize,
    labels: usize,
    /// The engine refused a part, so the program is wrong. The engine reports the place once it gets the whole program.
    pub(super) wrong: bool,
}

impl<'t> PlanBuilder<'t> {
    pub(super) fn node(&mut self, term: &'t Term<'t>, scope: &PlanScope<'t>, depth: usize) -> Option<Node> {
        self.nodes += 1;
        if self.wrong || self.nodes > MOST_NODES {
            return None;
        }
        match self.known(term, scope, depth) {
            None if scope.is_plain(self.defs) && !self.wrong => self.engine(term, scope, depth),
            known => known,
        }
    }

    pub(super) fn boxed(
        &mut self,
        term: &'t Term<'t>,
        scope: &PlanScope<'t>,
        depth: usize,
    ) -> Option<Box<Node>> {
        self.node(term, scope, depth).map(Box::new)
    }

    fn known(&mut self, term: &'t Term<'t>, scope: &PlanScope<'t>, depth: usize) -> Option<Node> {
        Some(match term {
            Term::Id => one(Op::Input),
            Term::Recurse => many(Op::Recurse),
            Term::Num(digits) => match digits.parse::<isize>() {
                Ok(n) => constant(n),
                Err(_) => constant(Val::from_num(digits).ok()?),
            },
            Term::Str(format, parts) => self.text(*format, parts, scope, depth)?,
            Term::Arr(None) => constant(Val::Arr(Arc::default())),
            Term::Arr(Some(part)) => one(Op::Array(self.boxed(part, scope, depth)?)),
            Term::Obj(fields) => self.object(fields, scope, depth)?,
            Term::Neg(part) => {
                let part = self.node(part, scope, depth)?;
                Node { outputs: part.outputs, op: Op::Negate(Box::new(part)) }
            }
            Term::BinOp(left, operator, right) => self.binary(left, operator, right, scope, depth)?,
            Term::Label(name, body) => self.label(name, body, scope, depth)?,
            Term::Break(name) => {
                let label = scope.iter().find_map(|known| match known.means {
                    Means::Label(label) if known.name == *name => Some(label),
                    _ => None,
                })?;
                one(Op::Break(label))
            }
            Term::Fold(name, source, pattern, rest) => {
                self.fold(name, source, pattern, rest, scope, depth)?
            }
            Term::TryCatch(body, handler) => {
                let body = self.boxed(body, scope, depth)?;
                let handler = match handler {
                    Some(handler) => self.boxed(handler, scope, depth)?,
                    None => Box::new(empty()),
                };
                let outputs =
                    if body.outputs == OutputCount::Many { OutputCount::Many } else { both(&body, &handler) };
                Node { op: Op::Try(body, handler), outputs }
            }
            Term::IfThenElse(branches, otherwise) => {
                let otherwise = match otherwise {
                    Some(otherwise) => self.node(otherwise, scope, depth)?,
                    None => one(Op::Input),
                };
                branches.iter().rev().try_fold(otherwise, |otherwise, (condition, then)| {
                    let then = self.node(then, scope, depth)?;
                    Some(choice(self.node(condition, scope, depth)?, then, otherwise))
                })?
            }
            Term::Def(defs, body) => {
                let scope = defs
                    .iter()
                    .fold(scope.clone(), |scope, def| scope.with(def.name, Means::Definition(def)));
                self.node(body, &scope, depth)?
            }
            Term::Call(name, arguments) => self.call(name, arguments, scope, depth)?,
            Term::Var(name) => self.variable(name, scope, depth)?,
            Term::Path(from, path) => self.path(from, path, scope, depth)?,
        })
    }

    fn label(
        &mut self,
        name: &'t str,
        body: &'t Term<'t>,
        scope: &PlanScope<'t>,
        depth: usize,
    ) -> Option<Node> {
        self.labels += 1;
        let label = self.labels;
        let body = self.boxed(body, &scope.with(name, Means::Label(label)), depth)?;
        Some(Node { outputs: body.outputs.max(OutputCount::AtMostOne), op: Op::Label(label, body) })
    }

    pub(super) fn variable(&mut self, name: &str, scope: &PlanScope<'t>, depth: usize) -> Option<Node> {
        let known = scope.iter().find_map(|known| match &known.means {
            Means::Variable(level) if known.name == name => Some(one(Op::Var(depth - 1 - level))),
            Means::Constant(value) if known.name == name => Some(constant(value.clone())),
            _ => None,
        });
        // As in the engine, a later variable hides an earlier one of the same name.
        known.or_else(|| Some(one(Op::Global(self.globals.iter().rposition(|known| *known == name)?))))
    }

    fn text(
        &mut self,
        format: Option<&'t str>,
        parts: &'t [StrPart<&'t str, Term<'t>>],
        scope: &PlanScope<'t>,
        depth: usize,
    ) -> Option<Node> {
        if let Some(text) = plain(parts) {
            return Some(constant(Val::Str(text)));
        }
        let mut nodes = Vec::new();
        for part in parts {
            nodes.push(match part {
                StrPart::Str(text) => constant(Val::string(text)),
                StrPart::Char(c) => constant(c.to_string()),
                StrPart::Term(term) => {
                    let value = self.node(term, scope, depth)?;
                    let shown = match format {
                        Some(format) => self.call(format, &[], scope, depth)?,
                        None => one(Op::ToString),
                    };
                    pipe(value, shown)
                }
            });
        }
        let outputs = nodes.iter().map(|node| node.outputs).max().unwrap_or(OutputCount::One);
        Some(Node { op: Op::Text(nodes.into()), outputs })
    }

    fn object(
        &mut self,
        fields: &'t [(Term<'t>, Option<Term<'t>>)],
        scope: &PlanScope<'t>,
        depth: usize,
    ) -> Option<Node> {
        let mut nodes = Vec::new();
        for field in fields {
            let (key, value) = match field {
                (Term::Var(name), None) => {
                    (constant(Val::string(&name[1..])), self.variable(name, scope, depth)?)
                }
                (key, None) => {
                    let key = self.node(key, scope, depth)?;
                    // Otherwise the key would be computed twice.
                    let Op::Constant(Val::Str(name)) = &key.op else { return None };
                    let access = StepKind::Field(Arc::clone(name));
                    let value =
                        Op::Path(Box::new(one(Op::Input)), [PathStep { access, optional: false }].into());
                    (key, one(value))
                }
                (key, Some(value)) => (self.node(key, scope, depth)?, self.node(value, scope, depth)?),
            };
            nodes.extend([key, value]);
        }
        let outputs = nodes.iter().map(|node| node.outputs).max().unwrap_or(OutputCount::One);
        Some(Node { op: Op::Object(nodes.into()), outputs })
    }

    fn binary(
        &mut self,
        left: &'t Term<'t>,
        operator: &'t BinaryOp<&'t str>,
        right: &'t Term<'t>,
        scope: &PlanScope<'t>,
        depth: usize,
    ) -> Option<Node> {
        if let BinaryOp::Pipe(Some(pattern)) = operator {
            let source = self.node(left, scope, depth)?;
            return self.bind(source, pattern, scope, depth, &mut |build, scope, depth| {
                build.node(right, scope, depth)
            });
        }
        if let BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt = operator
        {
            return self.change(left, operator, right, scope, depth);
        }
        let left = self.boxed(left, scope, depth)?;
        let right = self.boxed(right, scope, depth)?;
        let outputs = both(&left, &right);
        Some(match operator {
            BinaryOp::Comma => many(Op::Comma(left, right)),
            BinaryOp::Alt => {
                let outputs =
                    if left.outputs == OutputCount::Many { OutputCount::Many } else { right.outputs };
                Node { op: Op::Alternative(left, right), outputs }
            }
            BinaryOp::And => Node { op: Op::Logic(left, false, right), outputs },
            BinaryOp::Or => Node { op: Op::Logic(left, true, right), outputs },
            BinaryOp::Math(math) => folded(Node { op: Op::Math(left, *math, right), outputs }),
            BinaryOp::Cmp(cmp) => folded(Node { op: Op::Compare(left, *cmp, right), outputs }),
            _ => pipe(*left, *right),
        })
    }

    /// An update at a fixed path.
    fn change(
        &mut self,
        left: &'t Term<'t>,
        operator: &BinaryOp<&'t str>,
        right: &'t Term<'t>,
        scope: &PlanScope<'t>,
        depth: usize,
    ) -> Option<Node> {
        let steps = self.places(left)?;
        let right = self.boxed(right, scope, depth)?;
        let right_outputs = right.outputs;
        let (change, outputs) = match operator {
            // Only the first output is used.
            BinaryOp::Update => (Assignment::Update(right), OutputCount::One),
            BinaryOp::Assign => (Assignment::Assign(right), right_outputs),
            BinaryOp::UpdateMath(math) => (Assignment::Math(*math, right), right_outputs),
            BinaryOp::UpdateAlt => (Assignment::Alternative(right), right_outputs),
            _ => return None,
        };
        Some(Node { op: Op::Change(steps.into(), change), outputs })
    }

    /// The steps of a term that is a fixed path from the input.
    fn places(&mut self, term: &'t Term<'t>) -> Option<Vec<PathStep>> {
        let node = self.node(term, &PlanScope { names: None, end: self.defs.len() }, 0)?;
        match node.op {
            Op::Input => Some(Vec::new()),
            Op::Path(from, steps) if matches!(from.op, Op::Input) && steps.iter().all(PathStep::is_fixed) => {
                Some(steps.into_vec())
            }
            _ => None,
        }
    }

    /// Binds the variables of a pattern to each output of `source`, and runs `body` with them.
    fn bind(
        &mut self,
        source: Node,
        pattern: &'t Pattern<&'t str>,
        scope: &PlanScope<'t>,
        depth: usize,
        body: &mut dyn FnMut(&mut Self, &PlanScope<'t>, usize) -> Option<Node>,
    ) -> Option<Node> {
        match (pattern, source.op) {
            (Pattern::Var(name), Op::Constant(value)) => {
                body(self, &scope.with(name, Means::Constant(value)), depth)
            }
            (Pattern::Var(name), op) => {
                let source = Node { op, outputs: source.outputs };
                let body = body(self, &scope.with(name, Means::Variable(depth)), depth + 1)?;
                Some(bound(source, body))
            }
            (pattern, op) => {
                let source = Node { op, outputs: source.outputs };
                let mut fields = Vec::new();
                places(pattern, &mut Vec::new(), &mut fields)?;
                let body = self.bind_all(depth, &fields, scope, depth + 1, body)?;
                Some(bound(source, body))
            }
        }
    }

    /// Binds fields of the value that was bound at `level`, one after the other.
    fn bind_all(
        &mut self,
        level: usize,
        fields: &[(Vec<Val>, &'t str)],
        scope: &PlanScope<'t>,
        depth: usize,
        body: &mut dyn FnMut(&mut Self, &PlanScope<'t>, usize) -> Option<Node>,
    ) -> Option<Node> {
        let Some(((place, name), rest)) = fields.split_first() else { return body(self, scope, depth) };
        let steps = place.iter().map(|key| PathStep { access: access(key.clone()), optional: false });
        let value = Op::Path(Box::new(one(Op::Var(depth - 1 - level))), steps.collect());
        let scope = scope.with(name, Means::Variable(depth));
        let body = self.bind_all(level, rest, &scope, depth + 1, body)?;
        Some(bound(one(value), body))
    }

    fn fold(
        &mut self,
        name: &str,
        source: &'t Term<'t>,
        pattern: &'t Pattern<&'t str>,
        rest: &'t [Term<'t>],
        scope: &PlanScope<'t>,
        depth: usize,
    ) -> Option<Node> {
        let Pattern::Var(variable) = pattern else { return None };
        let source = self.node(source, scope, depth)?;
        let inner = scope.with(variable, Means::Variable(depth));
        let (init, update, project) = match rest {
            [init, update] => (init, update, None),
            [init, update, project] => (init, update, Some(project)),
            _ => return None,
        };
        let init = self.node(init, scope, depth)?;
        let update = self.node(update, &inner, depth + 1)?;
        // If there are several values, jq continues with each of them. Only the engine does that.
        if init.outputs == OutputCount::Many || update.outputs == OutputCount::Many {
            return None;
        }
        let outputs = both(&init, &update);
        let fold = Box::new(Fold { source, init, update });
        match (name, project) {
            ("reduce", None) => Some(Node { op: Op::Reduce(fold), outputs }),
            ("foreach", None) => Some(many(Op::Foreach(fold, None))),
            ("foreach", Some(project)) => {
                let project = self.boxed(project, &inner, depth + 1)?;
                Some(many(Op::Foreach(fold, Some(project))))
            }
            _ => None,
        }
    }

    fn path(
        &mut self,
        from: &'t Term<'t>,
        path: &'t path::Path<Term<'t>>,
        scope: &PlanScope<'t>,
        depth: usize,
    ) -> Option<Node> {
        let from = self.node(from, scope, depth)?;
        let mut outputs = from.outputs;
        let mut steps = Vec::new();
        for (part, opt) in &path.0 {
            let mut index = |term: &'t Term<'t>| {
                self.node(term, scope, depth).filter(|index| index.outputs == OutputCount::One)
            };
            let access = match part {
                path::Part::Index(term) => match index(term)? {
                    Node { op: Op::Constant(key), .. } => access(key),
                    index => StepKind::Index(index),
                },
                path::Part::Range(None, None) => {
                    outputs = OutputCount::Many;
                    StepKind::Each
                }
                path::Part::Range(start, end) => {
                    let mut bound = |term: &'t Option<_>| match term {
                        Some(term) => index(term).map(Some),
                        None => Some(None),
                    };
                    StepKind::Slice(bound(start)?, bound(end)?)
                }
            };
            let optional = matches!(opt, Opt::Optional);
            if optional {
                outputs = outputs.max(OutputCount::AtMostOne);
            }
            steps.push(PathStep { access, optional });
        }
        Some(match from.op {
            Op::Path(from, first) if steps.iter().all(PathStep::is_fixed) => {
                let steps = first.into_vec().into_iter().chain(steps).collect();
                Node { op: Op::Path(from, steps), outputs }
            }
            op => {
                let from = Box::new(Node { op, outputs: from.outputs });
                Node { op: Op::Path(from, steps.into()), outputs }
            }
        })
    }
}
