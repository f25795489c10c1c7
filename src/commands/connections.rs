//! `subscribe` with more topics than a connection takes: several sessions, whose events are merged.

use super::delivery::Sinks;
use super::{
    Context, Running, SessionParts, destination, expected, finish_output, finish_recording, no_thread,
    no_url_beside_mock, reopen_on_hangup, start_mock,
};
use crate::config::output;
use crate::config::session::waiting;
use crate::dialect::{ClientSetup, Var};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::net::Options;
use crate::pipeline::merge::{Branch, Merge};
use crate::pipeline::queue::OutputQueue;
use crate::pipeline::worker::OutputWorker;
use crate::pipeline::{Pipeline, stdout};
use crate::secret::Secret;
use crate::session::Setup;
use crate::session::policy::{Asked, EndPolicy, Policy};
use crate::sessions::SessionGroup;
use crate::sessions::topics::TopicSessions;
use crate::signals::Signals;
use crate::text::counted;

/// Connections at most. They are opened at once, and a provider that limits topics also limits new connections, such as
/// to 20 a minute.
const MOST: usize = 20;

/// Subscribes to the topics in the order in which they were given, `most` on each connection.
///
/// # Errors
/// Whatever can be said before a connection is tried.
pub(super) async fn run(session: SessionParts<'_>, most: usize, context: &Context<'_>) -> Result<Exit> {
    check(&session, most)?;
    let (args, report) = (session.args, context.report);
    let config = session.pipeline_config(context)?;
    let (asked, facts) = (output::asked(args), config.facts.clone());
    let missed_since = output::last_written(&args.output);
    let output = output::open_output(&args.output, report)?;
    no_url_beside_mock(args.mock.as_deref(), session.url.as_ref())?;
    let mock = start_mock(args.mock.as_deref(), session.dialect, report).await?;
    let (connection, credential) =
        session.connection(&session.address(mock.as_ref())?.0, mock.as_ref(), context)?;
    let mut delivery = Sinks::start(args, session.starting(), context).await?;
    let lines = session.writes_lines().then(|| destination(output.as_ref(), false));
    let pipeline = Pipeline::new(config, delivery.output(lines), report.clone());
    let worker = OutputWorker::start(pipeline).map_err(|e| no_thread(&e))?;
    let worker = worker.with_backlog(waiting(&args.output, session.defaults));
    let (mut merge, branches) = Merge::new(worker, session.topics.chunks(most).len(), report.clone());
    let mut ledgers = facts.map(|ledger| merge.share_facts(ledger).into_iter());
    let mut group = TopicGroup {
        lead: TopicSessions::new(args.end.idle_timeout, report.clone()),
        mock: mock.as_ref(),
        connection,
        credential,
        most,
        context,
    };
    let mut setups = Vec::new();
    for (number, branch) in branches.into_iter().enumerate() {
        let setup = group.setup(&session, number, branch)?;
        let facts = ledgers.as_mut().and_then(Iterator::next);
        setups.push(Setup { policy: Policy { facts, missed_since, ..setup.policy }, ..setup });
    }
    let watched = output.is_none() && session.writes_lines();
    let stdout = if watched { stdout::watch_stdout() } else { None };
    let sessions = SessionGroup { lead: group.lead, merge, asked, stdout, report: report.clone() };
    let hangups = reopen_on_hangup(output.as_ref(), report)?;
    let outcome = sessions.run(setups).await;
    drop(hangups);
    delivery.finish().await;
    finish_output(output.as_ref())?;
    finish_recording(args.output.record.as_deref())?;
    expected(mock.map(|running| running.mock), outcome.exit, report).await
}

/// What several connections cannot do.
fn check(session: &SessionParts<'_>, most: usize) -> Result<()> {
    let needed = session.topics.len().div_ceil(most);
    let what = format!(
        "{} topics need {} of {}, which takes {most} on each",
        session.topics.len(),
        counted(needed, "connection"),
        session.dialect.name()
    );
    let wrong = |why: &str| {
        Failure::usage(format!("{what}: {why}")).hint("divide the topics among processes with --shard I/N")
    };
    if needed > MOST {
        return Err(wrong(&format!("more than {MOST} connections")));
    }
    let Some(args) = session.subscription else { return Ok(()) };
    let refused = [
        ("--share", args.share.is_some()),
        ("--cursor-file", args.cursor_file.is_some()),
        ("--cursor-in-sink", args.cursor_in_sink),
        ("--from-cursor", args.from_cursor.is_some()),
        ("--interactive", args.send.interactive),
        ("--reply", args.send.reply.is_some()),
        ("messages from standard input", session.read_stdin),
    ];
    if let Some((option, _)) = refused.into_iter().find(|(_, given)| *given) {
        return Err(wrong(&format!("{option} is for one connection")));
    }
    if session.dialect.client(&ClientSetup::default()).is_ok_and(|client| client.acknowledges()) {
        return Err(wrong("its events are acknowledged, which is possible on one connection"));
    }
    Ok(())
}

/// What all sessions have in common.
struct TopicGroup<'a> {
    lead: TopicSessions,
    mock: Option<&'a Running>,
    connection: Options,
    credential: Option<Secret>,
    most: usize,
    context: &'a Context<'a>,
}

impl TopicGroup<'_> {
    /// The session of this part of the topics, counted from 0.
    fn setup(&mut self, all: &SessionParts<'_>, number: usize, branch: Branch) -> Result<Setup> {
        let first = number * self.most;
        let topics: Vec<String> = all.topics[first..].iter().take(self.most).cloned().collect();
        let name = match topics.len() {
            1 => format!("topic {}: ", first + 1),
            several => format!("topics {} to {}: ", first + 1, first + several),
        };
        let session = SessionParts { topics, ..all.clone() };
        let (url, topics) = session.address(self.mock)?;
        // Variables that move the provider's services do not move the mock's.
        let var: Var<'_> = if self.mock.is_some() { &|_| None } else { self.context.world.var };
        let credential = self.credential.clone();
        let client = session.client(&ClientSetup { url: Some(&url), credential, var })?;
        let policy = session.policy(topics, self.mock, self.context.report.secrets())?;
        let signals = Signals::listen().map_err(|e| no_thread(&e))?;
        let (controller, report) = self.lead.member(name, signals);
        Ok(Setup {
            url,
            connection: self.connection.clone(),
            // Whether nothing comes any more is to be seen from all of them.
            policy: Policy { end: EndPolicy { idle_timeout: None, ..policy.end }, ..policy },
            asked: Asked::default(),
            dialect: client,
            input: None,
            output: OutputQueue::Shared(branch),
            controller: Box::new(controller),
            cursor_keeper: None,
            show_secrets: session.args.output.show_secrets,
            watch_stdout: false,
            report,
        })
    }
}
