//! From a dialect file to the rules of a client: every expression compiled, every mistake reported with its line.

use std::sync::Arc;
use std::time::Duration;

use super::expr::{Expr, ExprCompiler};
use super::schema::{CallTable, KeepaliveTable, RequestTable, RuleTable, RulesFile};
use super::vars::CLIENT_VARS;
use crate::dialect::CloseRule;
use crate::error::{Result, line_of};
use crate::pipeline::filter::Reads;

/// What a client of the dialect goes by.
#[derive(Debug)]
pub(super) struct ClientRules {
    pub(super) default_url: Option<String>,
    pub(super) topics_required: bool,
    pub(super) topics_in_url: bool,
    pub(super) per_message: usize,
    pub(super) per_connection: Option<usize>,
    pub(super) messages_per_second: Option<u32>,
    /// The number of each message.
    pub(super) sequence: Option<Expr>,
    pub(super) replace_after: Option<Duration>,
    pub(super) check: Option<Expr>,
    pub(super) url: Option<Expr>,
    pub(super) path: Option<Expr>,
    pub(super) query: Vec<(String, Expr)>,
    pub(super) before: Vec<CallRule>,
    pub(super) open: Option<Expr>,
    pub(super) subscribe: RequestRule,
    pub(super) unsubscribe: RequestRule,
    pub(super) rules: Vec<Rule>,
    /// The parts of a message that all rules read.
    pub(super) reads: Reads,
    pub(super) keepalive: Option<KeepaliveRule>,
    pub(super) heartbeats: bool,
    pub(super) waits: bool,
    pub(super) confirms: bool,
    pub(super) replays: bool,
    pub(super) dedupe: usize,
    pub(super) close: Vec<(u16, CloseRule)>,
}

/// A rule for messages that meet a condition.
#[derive(Debug)]
pub(super) struct Rule {
    /// Where it is, and how people know it.
    pub(super) place: String,
    pub(super) when: Option<Expr>,
    /// The parts of a message that are read if it meets this rule: those of the conditions before it are among them.
    pub(super) reads: Reads,
    pub(super) set: Option<Expr>,
    pub(super) keep: Option<Expr>,
    pub(super) send: Option<Expr>,
    pub(super) event: Option<EventRule>,
    pub(super) confirm: Option<Expr>,
    pub(super) confirm_unnamed: bool,
    pub(super) refuse: Option<Expr>,
    pub(super) refuse_as_it_came: bool,
    pub(super) drain: Option<Expr>,
    pub(super) heartbeat: bool,
    pub(super) pong: bool,
    pub(super) ready: bool,
}

/// What the events of a message are, and what there is to know about each.
#[derive(Debug)]
pub(super) struct EventRule {
    pub(super) event: Expr,
    pub(super) id: Option<Expr>,
    pub(super) cursor: Option<Expr>,
    pub(super) sequence: Option<Expr>,
    pub(super) ack: Option<Expr>,
    pub(super) ack_call: Option<CallRule>,
}

/// The messages of a subscription or of its end.
#[derive(Debug, Default)]
pub(super) struct RequestRule {
    pub(super) send: Option<Expr>,
    pub(super) each: Option<Expr>,
    pub(super) call: Option<CallRule>,
}

/// An HTTP call.
#[derive(Debug)]
pub(super) struct CallRule {
    pub(super) purpose: &'static str,
    pub(super) method: &'static str,
    pub(super) url: Expr,
    pub(super) headers: Vec<(String, Expr)>,
    pub(super) body: Option<Expr>,
    pub(super) keep: Option<Expr>,
    pub(super) secret: Option<Expr>,
}

/// What keeps a connection alive.
#[derive(Debug)]
pub(super) struct KeepaliveRule {
    pub(super) send: Option<Expr>,
    pub(super) every: Option<Duration>,
    pub(super) every_ms: Option<Expr>,
    pub(super) silence: Option<Duration>,
    pub(super) silence_ms: Option<Expr>,
    pub(super) answered: bool,
}

impl ClientRules {
    /// Compiles the client's half of a file.
    pub(super) fn compile(file: &RulesFile, shown: &str, text: &str) -> Result<Arc<Self>> {
        let compiler = ExprCompiler::new(shown, text, CLIENT_VARS)?;
        let (c, head) = (&compiler, &file.dialect);
        let topics = file.topics.as_ref();
        let connect = file.connect.as_ref();
        let mut rules: Vec<Rule> =
            file.on.iter().zip(1..).map(|(table, number)| rule(c, table, number)).collect::<Result<_>>()?;
        let sequence = c.maybe("`sequence`", connect.and_then(|connect| connect.sequence.as_ref()))?;
        let reads = note_reads(&mut rules, sequence.as_ref());
        let subscribes = file.subscribe.is_some();
        Ok(Arc::new(Self {
            default_url: head.url.as_ref().map(|url| url.get_ref().clone()),
            topics_required: topics.map_or(subscribes, |topics| topics.required),
            topics_in_url: topics.is_some() && !subscribes,
            per_message: topics
                .and_then(|topics| topics.per_message.as_ref())
                .map_or(usize::MAX, |n| *n.get_ref()),
            per_connection: topics.and_then(|topics| topics.per_connection),
            messages_per_second: connect.and_then(|connect| connect.messages_per_second),
            replace_after: connect.and_then(|connect| connect.replace_after),
            sequence,
            check: c.maybe("`check`", topics.and_then(|topics| topics.check.as_ref()))?,
            url: c.maybe("`url`", connect.and_then(|connect| connect.url.as_ref()))?,
            path: connect
                .and_then(|connect| connect.path.as_ref())
                .map(|path| c.template("`path`", path, true))
                .transpose()?,
            query: connect
                .iter()
                .flat_map(|connect| &connect.query)
                .map(|(name, source)| Ok((name.clone(), c.expr(&format!("`query.{name}`"), source)?)))
                .collect::<Result<_>>()?,
            before: connect
                .iter()
                .flat_map(|connect| &connect.before)
                .map(|table| call(c, "before", table))
                .collect::<Result<_>>()?,
            open: c.maybe("`open.send`", file.open.as_ref().map(|open| &open.send))?,
            subscribe: request(c, "subscribe", file.subscribe.as_ref())?,
            unsubscribe: request(c, "unsubscribe", file.unsubscribe.as_ref())?,
            reads,
            keepalive: file.keepalive.as_ref().map(|table| keepalive(c, table)).transpose()?,
            heartbeats: rules.iter().any(|rule| rule.heartbeat)
                && !file.keepalive.as_ref().is_some_and(|table| table.any_frame),
            waits: rules.iter().any(|rule| rule.ready),
            confirms: rules.iter().any(|rule| rule.confirm.is_some() || rule.confirm_unnamed),
            replays: file.sources_of_requests().any(|source| source.contains("$cursor")),
            dedupe: head.dedupe.unwrap_or_else(|| {
                if rules.iter().any(|rule| rule.event.as_ref().is_some_and(|event| event.id.is_some())) {
                    1000
                } else {
                    0
                }
            }),
            close: close_rules(file),
            rules,
        }))
    }

    /// Can topics be subscribed to?
    pub(super) fn takes_topics(&self) -> bool {
        let subscribe = &self.subscribe;
        self.topics_in_url || subscribe.send.is_some() || subscribe.each.is_some() || subscribe.call.is_some()
    }
}

impl RulesFile {
    /// The expressions that can make a server go on from a cursor.
    fn sources_of_requests(&self) -> impl Iterator<Item = &str> {
        let connect = self.connect.iter();
        let query = connect.clone().flat_map(|connect| connect.query.values());
        let places = connect.flat_map(|connect| [&connect.url, &connect.path]).flatten();
        let requests = self.subscribe.iter().flat_map(|table| [&table.send, &table.each]).flatten();
        let rules = self.on.iter().filter_map(|rule| rule.send.as_ref());
        let open = self.open.iter().map(|open| &open.send);
        query.chain(places).chain(requests).chain(rules).chain(open).map(|source| source.get_ref().as_str())
    }
}

fn rule(c: &ExprCompiler<'_>, table: &RuleTable, number: usize) -> Result<Rule> {
    let name = if table.name.is_empty() {
        format!("rule {number}")
    } else {
        format!("rule {number} ({})", table.name)
    };
    let at = |field: &str| format!("`{field}` of {name}");
    let maybe = |field: &str, source: &Option<super::schema::Source>| c.maybe(&at(field), source.as_ref());
    let first = [&table.when, &table.event, &table.send, &table.set].into_iter().flatten().next();
    let start = first.map_or(0, |source| source.span().start);
    check_rule(c, table, &name, start)?;
    let event = match maybe("event", &table.event)? {
        None => None,
        Some(event) => Some(EventRule {
            event,
            id: maybe("id", &table.id)?,
            cursor: maybe("cursor", &table.cursor)?,
            sequence: maybe("sequence", &table.sequence)?,
            ack: maybe("ack", &table.ack)?,
            ack_call: table.ack_call.as_ref().map(|table| call(c, "ack_call", table)).transpose()?,
        }),
    };
    Ok(Rule {
        place: format!("{}:{} {name}", c.file, line_of(c.text, start)),
        when: c.condition(&at("when"), table.when.as_ref())?,
        reads: Reads::default(),
        set: maybe("set", &table.set)?,
        keep: maybe("keep", &table.keep)?,
        send: maybe("send", &table.send)?,
        event,
        confirm: maybe("confirm", &table.confirm)?,
        confirm_unnamed: table.confirm_unnamed,
        refuse: maybe("refuse", &table.refuse)?,
        refuse_as_it_came: table.refuse_as_it_came,
        drain: maybe("drain", &table.drain)?,
        heartbeat: table.heartbeat,
        pong: table.pong,
        ready: table.ready,
    })
}

/// What would be without effect.
fn check_rule(c: &ExprCompiler<'_>, table: &RuleTable, name: &str, start: usize) -> Result<()> {
    let of_event =
        [("id", &table.id), ("cursor", &table.cursor), ("sequence", &table.sequence), ("ack", &table.ack)];
    if table.event.is_none()
        && let Some((field, Some(source))) = of_event.into_iter().find(|(_, source)| source.is_some())
    {
        let why =
            format!("`{field}` of {name} needs an `event` (write event = '.' for the message as it is)");
        return Err(c.wrong(source.span().start, &why));
    }
    let meanings = [table.event.is_some(), table.heartbeat, table.pong, table.ignore];
    let others = [table.confirm.is_some(), table.refuse.is_some(), table.drain.is_some()];
    if meanings.iter().chain(&others).filter(|is| **is).count() > 1 {
        let why = format!(
            "{name} has several meanings (use one of event, heartbeat, pong, ignore, confirm, refuse and drain)"
        );
        return Err(c.wrong(start, &why));
    }
    Ok(())
}

fn request(c: &ExprCompiler<'_>, what: &str, table: Option<&RequestTable>) -> Result<RequestRule> {
    let Some(table) = table else { return Ok(RequestRule::default()) };
    Ok(RequestRule {
        send: c.maybe(&format!("`{what}.send`"), table.send.as_ref())?,
        each: c.maybe(&format!("`{what}.each`"), table.each.as_ref())?,
        call: table.call.as_ref().map(|table| call(c, &format!("{what}.call"), table)).transpose()?,
    })
}

fn call(c: &ExprCompiler<'_>, what: &str, table: &CallTable) -> Result<CallRule> {
    let headers = table.headers.iter();
    Ok(CallRule {
        purpose: super::kept(&table.purpose),
        method: super::kept(&table.method),
        url: c.template(&format!("`{what}.url`"), &table.url, true)?,
        headers: headers
            .map(|(name, source)| {
                Ok((name.clone(), c.template(&format!("`{what}.headers.{name}`"), source, false)?))
            })
            .collect::<Result<_>>()?,
        body: c.maybe(&format!("`{what}.body`"), table.body.as_ref())?,
        keep: c.maybe(&format!("`{what}.keep`"), table.keep.as_ref())?,
        secret: c.maybe(&format!("`{what}.secret`"), table.secret.as_ref())?,
    })
}

fn keepalive(c: &ExprCompiler<'_>, table: &KeepaliveTable) -> Result<KeepaliveRule> {
    let (send, every_ms) = (table.send.as_ref(), table.every_ms.as_ref());
    if send.is_some() != (table.every.is_some() || every_ms.is_some()) {
        let at = c.text.find("[keepalive]").unwrap_or(0);
        return Err(c.wrong(at, "`send` of [keepalive] must be used together with `every` or `every_ms`"));
    }
    Ok(KeepaliveRule {
        send: c.maybe("`keepalive.send`", send)?,
        every: table.every,
        every_ms: c.maybe("`keepalive.every_ms`", every_ms)?,
        silence: table.silence,
        silence_ms: c.maybe("`keepalive.silence_ms`", table.silence_ms.as_ref())?,
        answered: table.answered,
    })
}

fn close_rules(file: &RulesFile) -> Vec<(u16, CloseRule)> {
    let close = file.close.iter().filter_map(|(code, close)| Some((code.parse().ok()?, close)));
    close
        .map(|(code, close)| {
            let rule =
                CloseRule { meaning: super::kept(&close.meaning), retry: close.retry, exit: close.exit };
            (code, rule)
        })
        .collect()
}

/// Notes what each rule reads of a message, and returns what all of them read.
fn note_reads(rules: &mut [Rule], sequence: Option<&Expr>) -> Reads {
    let mut conditions = sequence.map(Expr::reads).unwrap_or_default();
    let mut all = conditions.clone();
    for rule in rules {
        rule.when.iter().for_each(|when| conditions.add(&when.reads()));
        let mut reads = conditions.clone();
        rule.note_reads(&mut reads);
        all.add(&reads);
        rule.reads = reads;
    }
    all
}

impl Rule {
    /// Adds what its expressions read of a message.
    fn note_reads(&self, reads: &mut Reads) {
        let on_message =
            [&self.when, &self.set, &self.keep, &self.send, &self.confirm, &self.refuse, &self.drain];
        on_message.into_iter().flatten().for_each(|expr| reads.add(&expr.reads()));
        let Some(event) = &self.event else { return };
        if !event.event.is_identity() {
            return reads.add(&event.event.reads());
        }
        // The message itself is the event, and passed on as it came.
        let call = event.ack_call.iter().flat_map(|call| {
            let headers = call.headers.iter().map(|(_, header)| header);
            headers.chain([&call.url]).chain(&call.body)
        });
        call.for_each(|expr| reads.add(&expr.reads()));
        let of_event = [&event.id, &event.cursor, &event.sequence, &event.ack];
        of_event.into_iter().flatten().for_each(|expr| reads.add(&expr.reads()));
    }
}
