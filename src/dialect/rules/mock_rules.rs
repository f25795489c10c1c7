//! The server's half of a file, compiled.

use std::time::Duration;

use super::expr::{Expr, ExprCompiler};
use super::schema::{MockCallTable, MockRuleTable, MockTable};
use crate::error::Result;
use crate::pipeline::filter::{Globals, Value};

/// The variables of the mock's expressions.
pub(super) const MOCK_VARS: &[&str] =
    &["s", "topics", "topic", "n", "i", "now", "random", "uuid", "path", "query", "headers"];

/// Places in [`MOCK_VARS`].
#[derive(Clone, Copy)]
pub(super) enum MockVar {
    State,
    Topics,
    Topic,
    Number,
    Index,
    Now,
    Random,
    Uuid,
    Path,
    Query,
    Headers,
}

/// What the mock does.
#[derive(Debug)]
pub(super) struct MockRules {
    pub(super) token: Option<Expr>,
    pub(super) topics: Option<Expr>,
    pub(super) start: Option<Expr>,
    pub(super) set: Option<Expr>,
    pub(super) open: Option<Expr>,
    pub(super) event: Option<Expr>,
    pub(super) beat: Option<Expr>,
    pub(super) every: Option<Duration>,
    pub(super) drain: Option<Expr>,
    pub(super) session: Option<Expr>,
    pub(super) rules: Vec<MockRule>,
    pub(super) http: Vec<MockCallRule>,
}

/// What the mock does with a message.
#[derive(Debug)]
pub(super) struct MockRule {
    pub(super) when: Option<Expr>,
    pub(super) set: Option<Expr>,
    pub(super) send: Option<Expr>,
    pub(super) pong: Option<Expr>,
    pub(super) token: Option<Expr>,
    pub(super) subscribe: Option<Expr>,
    pub(super) unsubscribe: Option<Expr>,
    pub(super) ack: Option<Expr>,
    pub(super) refuse: Option<Expr>,
    pub(super) start: Option<Expr>,
    pub(super) close: Option<Expr>,
}

/// What the mock answers to an HTTP call.
#[derive(Debug)]
pub(super) struct MockCallRule {
    pub(super) path: String,
    pub(super) method: Option<String>,
    pub(super) token: Option<Expr>,
    pub(super) status: u16,
    pub(super) body: Option<Expr>,
    pub(super) subscribe: Option<Expr>,
    pub(super) session: Option<Expr>,
    pub(super) refuse: Option<Expr>,
}

impl MockRules {
    /// Compiles the expressions.
    pub(super) fn compile(table: &MockTable, shown: &str, text: &str) -> Result<Self> {
        let compiler = ExprCompiler::new(shown, text, MOCK_VARS)?;
        let c = &compiler;
        let maybe = |field: &str, source| c.maybe(&format!("`mock.{field}`"), source);
        Ok(Self {
            token: maybe("token", table.token.as_ref())?,
            topics: maybe("topics", table.topics.as_ref())?,
            start: maybe("start", table.start.as_ref())?,
            set: maybe("set", table.set.as_ref())?,
            open: maybe("open", table.open.as_ref())?,
            event: maybe("event", table.event.as_ref())?,
            beat: maybe("beat", table.beat.as_ref())?,
            every: table.every,
            drain: maybe("drain", table.drain.as_ref())?,
            session: maybe("session", table.session.as_ref())?,
            rules: table
                .on
                .iter()
                .zip(1..)
                .map(|(rule, number)| mock_rule(c, rule, number))
                .collect::<Result<_>>()?,
            http: table.http.iter().map(|call| mock_call(c, call)).collect::<Result<_>>()?,
        })
    }

    /// The first rule that a message meets.
    pub(super) fn rule_for(&self, globals: &Globals, input: &Value) -> Option<&MockRule> {
        self.rules.iter().find(|rule| rule.when.as_ref().is_none_or(|when| when.holds(globals, input)))
    }
}

fn mock_rule(c: &ExprCompiler<'_>, table: &MockRuleTable, number: usize) -> Result<MockRule> {
    let maybe = |field: &str, source| c.maybe(&format!("`{field}` of mock rule {number}"), source);
    Ok(MockRule {
        when: maybe("when", table.when.as_ref())?,
        set: maybe("set", table.set.as_ref())?,
        send: maybe("send", table.send.as_ref())?,
        pong: maybe("pong", table.pong.as_ref())?,
        token: maybe("token", table.token.as_ref())?,
        subscribe: maybe("subscribe", table.subscribe.as_ref())?,
        unsubscribe: maybe("unsubscribe", table.unsubscribe.as_ref())?,
        ack: maybe("ack", table.ack.as_ref())?,
        refuse: maybe("refuse", table.refuse.as_ref())?,
        start: maybe("start", table.start.as_ref())?,
        close: maybe("close", table.close.as_ref())?,
    })
}

fn mock_call(c: &ExprCompiler<'_>, table: &MockCallTable) -> Result<MockCallRule> {
    let maybe = |field: &str, source| c.maybe(&format!("`mock.http.{field}`"), source);
    Ok(MockCallRule {
        path: table.path.clone(),
        method: table.method.clone(),
        token: maybe("token", table.token.as_ref())?,
        status: table.status,
        body: maybe("body", table.body.as_ref())?,
        subscribe: maybe("subscribe", table.subscribe.as_ref())?,
        session: maybe("session", table.session.as_ref())?,
        refuse: maybe("refuse", table.refuse.as_ref())?,
    })
}
