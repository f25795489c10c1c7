//! `wstap watch-campaign`: sessions side by side, and what comes of the campaigns that they tell of.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use super::delivery::{Sinks, Starting};
use super::offline::{self, OfflineReader};
use super::{
    Context, SessionParts, dialect_for, expected, finish_output, finish_recording, no_thread,
    no_url_beside_mock, own_endpoint, parse_url, reopen_on_hangup, start_mock,
};
use crate::campaign::CampaignStatus;
use crate::cli::options::{SendArgs, WatchArgs};
use crate::codec::Coding;
use crate::config::session::{Defaults, policy};
use crate::config::{World, coding, output};
use crate::dialect::{self, Campaigns, ClientSetup, Dialect};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::net::url::looks_like_url;
use crate::net::{Options, WsUrl};
use crate::pipeline::merge::{Branch, Merge};
use crate::pipeline::outfile::OutFile;
use crate::pipeline::queue::OutputQueue;
use crate::pipeline::stdout;
use crate::pipeline::{Config, Pipeline};
use crate::report::{Level, Report};
use crate::session::Setup;
use crate::session::policy::{Asked, Policy};
use crate::sessions::SessionGroup;
use crate::signals::Signals;
use crate::watch::model::Model;
use crate::watch::plan::{Plan, Tell};
use crate::watch::row::RowEnd;
use crate::watch::view::View;
use crate::watch::{RecordedLink, Shared, Watch, link_controller};

/// Runs the command.
///
/// # Errors
/// Whatever can be said before a connection is tried.
pub async fn run(args: &WatchArgs, context: &Context<'_>) -> Result<Exit> {
    let (url, words) = match (&args.url, args.ids.split_first()) {
        (None, Some((first, rest))) if looks_like_url(first) => (Some(first.as_str()), rest),
        (url, _) => (url.as_deref(), &args.ids[..]),
    };
    let url = url.map(parse_url).transpose()?;
    let (dialect, campaigns) = provider(args, url.as_ref(), context.world)?;
    let shown = url.as_ref().and_then(|url| campaigns.shown_at(url)).filter(|_| !args.all);
    let ids = ids(words, shown, args, campaigns)?;
    let send = SendArgs::default();
    let session = SessionParts {
        args: &args.session,
        send: &send,
        url: url.map_or_else(|| own_endpoint(&args.session, dialect, context), |url| Ok(Some(url)))?,
        dialect,
        topics: Vec::new(),
        subscription: None,
        defaults: Defaults::SUBSCRIBE,
        read_stdin: false,
    };
    output::distinct_files(&args.session, None)?;
    let output = output::open_output(&args.session.output, context.report)?;
    let lines = output.is_some() || prints_lines(args, context.world);
    let command = WatchCommand { args, session, campaigns, ids, lines, output };
    if args.session.from.is_some() { command.offline(context).await } else { command.live(context).await }
}

/// The command, checked.
struct WatchCommand<'a> {
    args: &'a WatchArgs,
    session: SessionParts<'a>,
    campaigns: &'static dyn Campaigns,
    ids: Vec<u64>,
    /// Are lines written?
    lines: bool,
    /// The file that they go to, if it is not standard output.
    output: Option<Arc<OutFile>>,
}

impl WatchCommand<'_> {
    async fn offline(self, context: &Context<'_>) -> Result<Exit> {
        let Some(path) = &self.args.session.from else { return Ok(Exit::Ok) };
        let mut delivery = Sinks::start(&self.args.session, Starting::default(), context).await?;
        let pipeline = self.pipeline(&mut delivery, context)?;
        let client = self.session.dialect.client(&ClientSetup::default())?;
        let model = self.model(1.0, Tell::Statuses, context);
        let coding = coding::coding(&self.args.session, self.session.send, self.session.dialect)?;
        let mut recorded = RecordedLink::new(&model);
        let reader = OfflineReader::new(client, false, self.args.session.output.show_secrets, &coding)
            .with_observer(Box::new(move |events| recorded.look(events)));
        let exit = offline::run(path, &self.args.session, reader, pipeline, context.report).await;
        delivery.finish().await;
        finish_output(self.output.as_ref())?;
        finish_recording(self.args.session.output.record.as_deref())?;
        // A recording may stop anywhere; what it tells of an end is what counts, if nothing else was asked.
        let asked = self.args.session.end.until.is_some() || self.args.session.end.count.is_some();
        let ended_badly = model.borrow().rows.values().any(|row| {
            row.end == Some(RowEnd::Final) && row.campaign.status != Some(CampaignStatus::Completed)
        });
        let exit = exit?;
        if exit == Exit::Ok && !asked {
            model.borrow().tell_missing();
        }
        Ok(if exit == Exit::Ok && !asked && ended_badly { Exit::Assertion } else { exit })
    }

    async fn live(self, context: &Context<'_>) -> Result<Exit> {
        let args = &self.args.session;
        let mut delivery = Sinks::start(args, Starting::default(), context).await?;
        let pipeline = self.pipeline(&mut delivery, context)?;
        no_url_beside_mock(args.mock.as_deref(), self.session.url.as_ref())?;
        let mock = start_mock(args.mock.as_deref(), self.session.dialect, context.report).await?;
        let (url, _) = self.session.address(mock.as_ref())?;
        let (connection, _) = self.session.connection(&url, mock.as_ref(), context)?;
        let (drawn, unicode) = (self.draws(context), is_unicode(context.world));
        let tell = match (drawn, self.lines) {
            (true, _) => Tell::Nothing,
            (false, true) => Tell::Statuses,
            (false, false) => Tell::Everything { unicode },
        };
        let time_scale = self.session.time_scale(mock.as_ref());
        let model = self.model(time_scale, tell, context);
        let links = model.borrow().links.len();
        // Of what sessions warn of, losses are what matters here: the model tells of those, once for all links, and the
        // drawing shows the rest.
        let report = if drawn { context.report.calmer(Level::Error) } else { context.report.clone() };
        let coding = coding::coding(args, self.session.send, self.session.dialect)?;
        let common = Common { coding, url, connection, time_scale, model: Rc::clone(&model), report };
        let worker = self.session.worker(pipeline)?;
        let (merge, branches) = Merge::new(worker, links, context.report.clone());
        let setups = branches.into_iter().enumerate();
        let setups = setups.map(|(link, branch)| self.setup(link, branch, &common)).collect::<Result<_>>()?;
        let view = drawn.then(|| View::new(context.report, unicode));
        let sessions = SessionGroup {
            lead: Watch { model, view, report: context.report.clone() },
            merge,
            asked: output::asked(args),
            stdout: if self.output.is_none() && args.delivery.writes_lines() {
                stdout::watch_stdout()
            } else {
                None
            },
            report: context.report.clone(),
        };
        let hangups = reopen_on_hangup(self.output.as_ref(), context.report)?;
        let outcome = sessions.run(setups).await;
        drop(hangups);
        delivery.finish().await;
        finish_output(self.output.as_ref())?;
        finish_recording(args.output.record.as_deref())?;
        expected(mock.map(|running| running.mock), outcome.exit, context.report).await
    }

    fn pipeline(&self, delivery: &mut Sinks, context: &Context<'_>) -> Result<Pipeline> {
        let Context { report, world, color } = context;
        let args = &self.args.session;
        let config: Config = output::resolve(args, None, *color, world, report)?;
        let lines = || super::destination(self.output.as_ref(), !self.lines);
        let output = delivery.output(args.delivery.writes_lines().then(lines));
        Ok(Pipeline::new(config, output, (*report).clone()))
    }

    fn model(&self, time_scale: f64, tell: Tell, context: &Context<'_>) -> Shared {
        let plan = Plan {
            campaigns: self.campaigns,
            ids: self.ids.clone(),
            monitor: self.one_link(),
            exit_on: self.args.exit_on.clone(),
            history: self.args.history,
            derive: self.args.progress,
            time_scale,
            tell,
        };
        Rc::new(RefCell::new(Model::new(plan, context.report.clone())))
    }

    /// Is there a terminal to draw on, and nothing else that comes to it?
    fn draws(&self, context: &Context<'_>) -> bool {
        let World { stdout_terminal, stderr_terminal, var, .. } = context.world;
        let shares = self.lines && self.output.is_none() && (*stdout_terminal || stdout::is_pipe());
        let dumb = var("TERM").is_none_or(|term| term == "dumb");
        *stderr_terminal && !shares && !dumb && context.report.is_for_people()
    }

    fn one_link(&self) -> bool {
        self.args.monitor || self.args.all || self.args.session.from.is_some()
    }

    fn link_url(&self, url: &WsUrl, link: usize) -> Result<WsUrl> {
        if self.one_link() { self.campaigns.monitor(url) } else { self.campaigns.one(url, self.ids[link]) }
    }

    /// The session of a link.
    fn setup(&self, link: usize, branch: Branch, common: &Common) -> Result<Setup> {
        let args = &self.args.session;
        let url = self.link_url(&common.url, link)?;
        let client =
            self.session.dialect.client(&ClientSetup { url: Some(&url), ..ClientSetup::default() })?;
        let topics = if self.one_link() { self.ids.iter().map(u64::to_string).collect() } else { Vec::new() };
        let defaults = Defaults { pings: self.session.dialect.pings(), ..self.session.defaults };
        let policy = policy(args, self.session.send, topics, defaults);
        let signals = Signals::listen().map_err(|e| no_thread(&e))?;
        let name = common.model.borrow().link_name(link).unwrap_or_default();
        Ok(Setup {
            url,
            connection: common.connection.clone(),
            // A campaign that is refused is one of several, and for the model to judge.
            policy: Policy {
                time_scale: common.time_scale,
                keep_going: true,
                coding: common.coding.clone(),
                ..policy
            },
            // It is the end of all links that settles what was asked for.
            asked: Asked::default(),
            dialect: client,
            input: None,
            output: OutputQueue::Shared(branch),
            controller: Box::new(link_controller(&common.model, link, signals)),
            cursor_keeper: None,
            show_secrets: args.output.show_secrets,
            watch_stdout: false,
            report: common.report.prefixed(&name),
        })
    }
}

/// What all links have in common.
struct Common {
    coding: Coding,
    url: WsUrl,
    connection: Options,
    time_scale: f64,
    model: Shared,
    report: Report,
}

/// The provider: the one that was named or that the URL belongs to, or else the first that runs campaigns.
fn provider(
    args: &WatchArgs,
    url: Option<&WsUrl>,
    world: &World<'_>,
) -> Result<(&'static dyn Dialect, &'static dyn Campaigns)> {
    let known = |dialect: &'static dyn Dialect| Some((dialect, dialect.campaigns()?));
    let chosen = dialect_for(args.dialect.as_deref(), url, world)?;
    match known(chosen) {
        Some(found) => Ok(found),
        None if args.dialect.is_some() => Err(Failure::usage(format!("{} has no campaigns", chosen.name()))),
        None => dialect::ALL
            .iter()
            .copied()
            .find_map(known)
            .ok_or_else(|| Failure::usage("no dialect supports campaigns")),
    }
}

/// The campaigns to watch, each once and every mistake told; without any, the one that the URL shows.
fn ids(
    words: &[String],
    shown: Option<u64>,
    args: &WatchArgs,
    campaigns: &dyn Campaigns,
) -> Result<Vec<u64>> {
    if args.all && !words.is_empty() {
        return Err(Failure::usage("--all cannot be used with campaign ids"));
    }
    let mut ids: Vec<u64> = shown.filter(|_| words.is_empty()).into_iter().collect();
    let mut wrong = Vec::new();
    for word in words {
        match campaigns.id(word) {
            Some(id) if ids.contains(&id) => {}
            Some(id) => ids.push(id),
            None => wrong.push(format!("invalid campaign id '{word}' (expected a number such as 42)")),
        }
    }
    let mut wrong = wrong.into_iter();
    if let Some(first) = wrong.next() {
        return Err(Failure::usage(first).details(wrong.collect()));
    }
    if ids.is_empty() && !args.all && args.session.from.is_none() {
        return Err(Failure::usage("no campaign given")
            .hint("give campaign ids, such as `wstap watch-campaign 42 --mock`, or --all"));
    }
    Ok(ids)
}

/// Does the terminal show more than ASCII? The locale says so (`LC_ALL`, `LC_CTYPE`, `LANG`, in this order).
fn is_unicode(world: &World<'_>) -> bool {
    let locale = ["LC_ALL", "LC_CTYPE", "LANG"].into_iter().find_map(|name| (world.var)(name));
    let locale = locale.unwrap_or_default().to_ascii_lowercase();
    locale.contains("utf-8") || locale.contains("utf8")
}

/// On a terminal, lines are written only for whoever asks for something about them.
fn prints_lines(args: &WatchArgs, world: &World<'_>) -> bool {
    let (output, filter) = (&args.session.output, &args.session.filter);
    !world.stdout_terminal
        || args.ndjson
        || args.session.delivery.tee
        || output.envelope
        || output.raw_output
        || output.join_output
        || output.shapes_json()
        || output.output.is_some()
        || filter.filter.is_some()
        || filter.filter_file.is_some()
        || args.session.end.count.is_some()
}
