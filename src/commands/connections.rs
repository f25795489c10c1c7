//! `subscribe` with more topics than a connection takes: several sessions, whose events are merged.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;

use super::delivery::Sinks;
use super::{
    Context, Running, SessionParts, destination, expected, finish_output, finish_recording, no_thread,
    no_url_beside_mock, provider_vars, reopen_on_hangup, start_mock,
};
use crate::config::output;
use crate::dialect::ClientSetup;
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::net::Options;
use crate::pipeline::merge::{Branch, Merge};
use crate::pipeline::queue::OutputQueue;
use crate::pipeline::{Pipeline, stdout};
use crate::secret::Secret;
use crate::session::Setup;
use crate::session::cursor::{CursorFile, CursorKeeper, SavedCursor};
use crate::session::policy::{Asked, EndPolicy, Policy};
use crate::sessions::SessionGroup;
use crate::sessions::topics::TopicSessions;
use crate::signals::Signals;
use crate::text::counted;

/// Connections at most. They are opened at once, and a provider that limits topics also limits new connections, such as
/// to 20 a minute.
const MOST: usize = 20;

/// Topics of one connection, and the cursor that they resume from.
type Part = (Vec<String>, Option<String>);

/// Subscribes to the topics, at most `most` on each connection.
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
    let client = session.client(&ClientSetup::default())?;
    let (file, saved) = session.cursor(client.as_ref(), output.as_ref())?;
    let parts = divide(&session.topics, most, &saved);
    if parts.len() > MOST {
        return Err(too_many(&session, most, parts.len()));
    }
    let file = file.map(|file| Rc::new(RefCell::new(file.of_parts(parts.clone()))));
    let mut delivery = Sinks::start(args, session.starting(), context).await?;
    let lines = session.writes_lines().then(|| destination(output.as_ref(), false));
    let pipeline = Pipeline::new(config, delivery.output(lines), report.clone());
    let (mut merge, mut branches) = Merge::new(session.worker(pipeline)?, parts.len(), report.clone());
    if client.acknowledges() || file.is_some() {
        merge.follow_lines(&mut branches);
    }
    let mut ledgers = facts.map(|ledger| merge.share_facts(ledger).into_iter());
    let mut group = TopicGroup {
        lead: TopicSessions::new(args.end.idle_timeout, report.clone()),
        mock: mock.as_ref(),
        connection,
        credential,
        context,
    };
    let mut setups = Vec::new();
    for (number, (branch, (topics, cursor))) in branches.into_iter().zip(parts).enumerate() {
        let setup = group.setup(&session, topics, branch)?;
        let facts = ledgers.as_mut().and_then(Iterator::next);
        let policy = Policy { facts, missed_since, cursor, ..setup.policy };
        let cursor_keeper = file.as_ref().map(|file| CursorKeeper::Part(Rc::clone(file), number));
        setups.push(Setup { policy, cursor_keeper, ..setup });
    }
    let watched = output.is_none() && session.writes_lines();
    let stdout = if watched { stdout::watch_stdout() } else { None };
    let sessions = SessionGroup { lead: group.lead, merge, asked, stdout, report: report.clone() };
    let hangups = reopen_on_hangup(output.as_ref(), report)?;
    let outcome = sessions.run(setups).await;
    drop(hangups);
    delivery.finish().await;
    // The sessions have ended, and let go of it.
    let file = file.and_then(|file| Rc::try_unwrap(file).ok());
    file.map_or(Ok(()), |file| CursorFile::finish(file.into_inner()))?;
    finish_output(output.as_ref())?;
    finish_recording(args.output.record.as_deref())?;
    expected(mock.map(|running| running.mock), outcome.exit, report).await
}

/// Divides topics. Those that shared a connection, and so a cursor, stay together: one cursor says nothing about the topics
/// of another connection. Topics without a cursor follow.
fn divide(topics: &[String], most: usize, saved: &SavedCursor) -> Vec<Part> {
    let of = |topics: &[String], cursor: Option<&str>| -> Vec<Part> {
        topics.chunks(most).map(|part| (part.to_vec(), cursor.map(str::to_owned))).collect()
    };
    match saved {
        SavedCursor::None => of(topics, None),
        SavedCursor::One(cursor) => of(topics, Some(cursor)),
        SavedCursor::Several(parts) => {
            let numbers: HashMap<&str, usize> = (0..)
                .zip(parts)
                .flat_map(|(number, part)| part.topics.iter().map(move |topic| (topic.as_str(), number)))
                .collect();
            let mut divided = vec![Vec::new(); parts.len() + 1];
            for topic in topics {
                divided[numbers.get(topic.as_str()).copied().unwrap_or(parts.len())].push(topic.clone());
            }
            let cursors = parts.iter().map(|part| Some(part.cursor.as_str())).chain([None]);
            divided.iter().zip(cursors).flat_map(|(topics, cursor)| of(topics, cursor)).collect()
        }
    }
}

/// So many topics need so many connections.
fn wrong(session: &SessionParts<'_>, most: usize, needed: usize, why: &str) -> Failure {
    let what = format!(
        "{} need {} of {}, which takes {most} on each: {why}",
        counted(session.topics.len(), "topic"),
        counted(needed, "connection"),
        session.dialect.name()
    );
    Failure::usage(what).hint("divide the topics among processes with --shard I/N")
}

fn too_many(session: &SessionParts<'_>, most: usize, needed: usize) -> Failure {
    wrong(session, most, needed, &format!("more than {MOST} connections"))
}

/// What several connections cannot do.
fn check(session: &SessionParts<'_>, most: usize) -> Result<()> {
    let needed = session.topics.len().div_ceil(most);
    if needed > MOST {
        return Err(too_many(session, most, needed));
    }
    let Some(args) = session.subscription else { return Ok(()) };
    let refused = [
        ("--share", args.share.is_some()),
        ("--cursor-in-sink", args.cursor_in_sink),
        ("--interactive", args.send.interactive),
        ("--reply", args.send.reply.is_some()),
        ("messages from standard input", session.read_stdin),
    ];
    if let Some((option, _)) = refused.into_iter().find(|(_, given)| *given) {
        return Err(wrong(session, most, needed, &format!("{option} is for one connection")));
    }
    Ok(())
}

/// What notices of a connection begin with: which topics it has, counted as they were given.
fn name(topics: &[String], all: &[String]) -> String {
    let first =
        topics.first().and_then(|first| all.iter().position(|topic| topic == first)).unwrap_or_default();
    let in_a_row = all[first..].starts_with(topics);
    match topics.len() {
        1 => format!("topic {}: ", first + 1),
        several if in_a_row => format!("topics {} to {}: ", first + 1, first + several),
        several => format!("topic {} and {}: ", first + 1, counted(several - 1, "other")),
    }
}

/// What all sessions have in common.
struct TopicGroup<'a> {
    lead: TopicSessions,
    mock: Option<&'a Running>,
    connection: Options,
    credential: Option<Secret>,
    context: &'a Context<'a>,
}

impl TopicGroup<'_> {
    /// The session of this part of the topics.
    fn setup(&mut self, all: &SessionParts<'_>, topics: Vec<String>, branch: Branch) -> Result<Setup> {
        let name = name(&topics, &all.topics);
        let session = SessionParts { topics, ..all.clone() };
        let (url, topics) = session.address(self.mock)?;
        let var = provider_vars(self.mock, self.context.world);
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
