//! `wstap subscribe`: a session that subscribes to a provider's topics.

use std::path::Path;

use super::describe::describe;
use super::explain::explain;
use super::{Context, SessionParts, connections, dialect_for, own_endpoint, parse_url};
use crate::cli::options::SubscribeArgs;
use crate::config::session::Defaults;
use crate::dialect::{Dialect, TopicCheck};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::file;
use crate::net::url::looks_like_url;
use crate::report::Report;
use crate::session::cursor;
use crate::text::counted;

/// Topics from standard input.
const STDIN: &str = "@-";

/// Runs the command.
///
/// # Errors
/// Whatever can be said before a connection is tried.
pub async fn run(args: &SubscribeArgs, context: &Context<'_>) -> Result<Exit> {
    let (url, topics) = match (&args.url, args.topics.split_first()) {
        (None, Some((first, rest))) if looks_like_url(first) => (Some(first.as_str()), rest),
        (url, _) => (url.as_deref(), &args.topics[..]),
    };
    let url = url.map(parse_url).transpose()?;
    let dialect = dialect_for(args.dialect.as_deref(), url.as_ref(), context.world)?;
    if args.describe {
        return describe(dialect);
    }
    let topics = gather(topics, args)?;
    check(&topics, dialect, context.report)?;
    if args.check {
        return explain(dialect, (url.as_ref(), &topics), args, context.report).await;
    }
    let topics = share(topics, args, context.report)?;
    let may_come = !args.send.send.is_empty() || args.send.interactive || args.session.from.is_some();
    if topics.is_empty() && dialect.needs_topics() && !may_come {
        return Err(Failure::usage(format!(
            "no topics given: {} only sends events for subscribed topics",
            dialect.name()
        ))
        .hint("give topics as arguments, with --topics-file, or on standard input with @-"));
    }
    let session = SessionParts {
        args: &args.session,
        send: &args.send,
        url: url.map_or_else(|| own_endpoint(&args.session, dialect, context), |url| Ok(Some(url)))?,
        dialect,
        subscription: Some(args),
        // Only when asked for: in a shell's `while read` loop, standard input is the loop's.
        read_stdin: !reads_topics(args)
            && (args.session.end.linger.is_some() || args.send.binary_in.is_some()),
        topics,
        defaults: Defaults::SUBSCRIBE,
    };
    let resumes_several = || args.cursor_file.as_deref().is_some_and(cursor::saved_by_several);
    let most = dialect.most_topics().filter(|most| session.topics.len() > *most || resumes_several());
    if let Some(most) = most.filter(|_| args.session.from.is_none()) {
        return connections::run(session, most, context).await;
    }
    match &args.share {
        Some(url) => shared(session, args, url, context).await,
        None => session.run(context).await,
    }
}

#[cfg(feature = "brokers")]
async fn shared(
    session: SessionParts<'_>,
    args: &SubscribeArgs,
    url: &str,
    context: &Context<'_>,
) -> Result<Exit> {
    super::share::run(session, args, url, context).await
}

#[cfg(not(feature = "brokers"))]
#[expect(clippy::unused_async, reason = "as in a build with brokers")]
async fn shared(_: SessionParts<'_>, _: &SubscribeArgs, _: &str, _: &Context<'_>) -> Result<Exit> {
    Err(Failure::usage("--share: this wstap was built without brokers")
        .hint("build it with `--features brokers`, or divide the topics with --shard I/N"))
}

fn reads_topics(args: &SubscribeArgs) -> bool {
    args.topics.iter().any(|topic| topic == STDIN)
        || args.topics_file.iter().any(|file| file == Path::new("-"))
}

/// All topics in the order in which they were given, each once.
fn gather(arguments: &[String], args: &SubscribeArgs) -> Result<Vec<String>> {
    let mut topics: Vec<String> = Vec::new();
    for argument in arguments {
        if argument == STDIN {
            topics.extend(lines(&read(Path::new("-"))?));
        } else {
            topics.push(argument.clone());
        }
    }
    for file in &args.topics_file {
        topics.extend(lines(&read(file)?));
    }
    let mut seen = std::collections::HashSet::new();
    topics.retain(|topic| seen.insert(topic.clone()));
    Ok(topics)
}

/// The topics that are left for this process.
fn share(mut topics: Vec<String>, args: &SubscribeArgs, report: &Report) -> Result<Vec<String>> {
    let Some(shard) = args.shard else { return Ok(topics) };
    let all = topics.len();
    if all == 0 {
        return Err(Failure::usage("--shard needs topics to divide"));
    }
    shard.keep(&mut topics);
    if topics.is_empty() {
        let what = format!("--shard {shard}: none of {} belongs to this shard", counted(all, "topic"));
        return Err(Failure::usage(what).hint("divide the topics into fewer shards"));
    }
    report.notice(&format!("shard {shard}: {} of {}", topics.len(), counted(all, "topic")));
    Ok(topics)
}

fn lines(text: &str) -> impl Iterator<Item = String> {
    let topic = |line: &str| !line.is_empty() && !line.starts_with('#');
    text.lines().map(str::trim).filter(move |line| topic(line)).map(str::to_owned)
}

fn read(path: &Path) -> Result<String> {
    file::text_or_stdin(path, file::MAX_TOPICS)
        .map_err(|error| Failure::usage_of_system(format!("topics from {}", path.display()), &error))
}

/// How many topics are shown that are wrong or odd.
const SHOWN: usize = 10;

/// All topics are looked at before anything connects, so that mistakes are shown at once.
fn check(topics: &[String], dialect: &dyn Dialect, report: &Report) -> Result<()> {
    let (mut odd, mut wrong) = (0, Vec::new());
    for topic in topics {
        match dialect.check_topic(topic) {
            TopicCheck::Fine => {}
            TopicCheck::Odd(why) => {
                if odd < SHOWN {
                    report.warning(&why);
                }
                odd += 1;
            }
            TopicCheck::Wrong(why) => wrong.push(why),
        }
    }
    if odd > SHOWN {
        report.warning(&format!("{} more with such a warning", counted(odd - SHOWN, "topic")));
    }
    let more = wrong.len().saturating_sub(SHOWN);
    wrong.truncate(SHOWN);
    if more > 0 {
        wrong.push(format!("{} more with such a mistake", counted(more, "topic")));
    }
    let mut wrong = wrong.into_iter();
    match wrong.next() {
        None => Ok(()),
        Some(first) => Err(Failure::usage(first).details(wrong.collect())),
    }
}
