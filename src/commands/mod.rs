//! The commands: each joins parts and holds no loop of its own.

pub mod connect;
mod connections;
mod delivery;
mod describe;
mod explain;
pub mod generated;
mod interactive;
pub mod offline;
pub mod probe_handshake;
pub mod serve_mock;
#[cfg(feature = "brokers")]
mod share;
pub mod subscribe;
pub mod watch_campaign;

use std::path::Path;
use std::sync::Arc;

use crate::cli::MockArgs;
use crate::cli::options::{SendArgs, SessionArgs, SubscribeArgs};
use crate::cli::values::ColorChoice;
use crate::config::session::{Defaults, input_form, policy, waiting};
use crate::config::{self, World, coding, connection, output};
use crate::dialect::plain::Raw;
use crate::dialect::rules::library;
use crate::dialect::{self, Client, ClientSetup, Credential, CredentialPlace, Dialect, Var};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::har;
use crate::input::Source;
use crate::message::Message;
use crate::mock::{self, Mock};
use crate::net::{Options, ProxyRules, WsUrl};
use crate::pipeline::outfile::{OutFile, ToFile};
use crate::pipeline::output::{Discard, Output, write_failure};
use crate::pipeline::queue::OutputQueue;
use crate::pipeline::stdout::Stdout;
use crate::pipeline::worker::OutputWorker;
use crate::pipeline::{Config, Pipeline};
use crate::report::Report;
use crate::secret::{self, Secret, Secrets};
use crate::session::cursor::{CursorFile, CursorKeeper, SavedCursor, Sync};
#[cfg(feature = "brokers")]
use crate::session::policy::Outcome;
use crate::session::policy::Policy;
use crate::session::{self, Controller, Setup};
use crate::signals::Signals;
use crate::sys::{self, Wanted};

use delivery::{Sinks, Starting};
use offline::OfflineReader;

/// A credential for a mock that takes any.
const MOCK_KEY: &str = "mock-key";

/// What every command is given.
pub struct Context<'a> {
    /// Where notices go.
    pub report: &'a Report,
    /// The facts options are resolved against.
    pub world: &'a World<'a>,
    /// When to use colour.
    pub color: ColorChoice,
}

/// A session's parts that the commands decide.
#[derive(Clone)]
struct SessionParts<'a> {
    args: &'a SessionArgs,
    send: &'a SendArgs,
    url: Option<WsUrl>,
    dialect: &'static dyn Dialect,
    topics: Vec<String>,
    /// How to subscribe. A raw session does not: it shows everything as it comes, and the dialect only says how
    /// to get in.
    subscription: Option<&'a SubscribeArgs>,
    defaults: Defaults,
    read_stdin: bool,
}

impl SessionParts<'_> {
    /// Runs it, live or from a recording, to its exit status.
    async fn run(self, context: &Context<'_>) -> Result<Exit> {
        let Context { report, world, .. } = context;
        let mut config = self.pipeline_config(context)?;
        let asked = output::asked(self.args);
        let missed_since = self.subscription.and_then(|_| output::last_written(&self.args.output));
        let output = output::open_output(&self.args.output, report)?;
        if let Some(path) = &self.args.from {
            return self.offline(path, config, output.as_ref(), context).await;
        }
        no_url_beside_mock(self.args.mock.as_deref(), self.url.as_ref())?;
        let mock = start_mock(self.args.mock.as_deref(), self.dialect, report).await?;
        let (url, topics) = self.address(mock.as_ref())?;
        let (connection, key) = self.connection(&url, mock.as_ref(), context)?;
        let var = provider_vars(mock.as_ref(), world);
        let client = self.client(&ClientSetup { url: Some(&url), credential: key, var })?;
        let (cursor_file, cursor) = self.one_cursor(client.as_ref(), output.as_ref())?;
        let mut delivery = Sinks::start(self.args, self.starting(), context).await?;
        let (cursor, facts) = (cursor.or(delivery.cursor.take()), config.facts.clone());
        let policy =
            Policy { cursor, missed_since, facts, ..self.policy(topics, mock.as_ref(), report.secrets())? };
        let prompt = interactive::prompt(self.args, self.send, self.is_raw(), context);
        let silent = prompt.is_some_and(|prompt| prompt.stdout);
        let signals = Signals::listen().map_err(|e| no_thread(&e))?;
        let controller: Box<dyn Controller> = match prompt {
            None => Box::new(signals),
            Some(prompt) => {
                let of = (self.args, self.send, self.dialect, &policy.topics[..]);
                Box::new(interactive::open(prompt, of, signals, &mut config, context)?)
            }
        };
        let policy =
            Policy { keep_going: policy.keep_going || prompt.is_some(), prompt: prompt.is_some(), ..policy };
        let lines = self.writes_lines().then(|| destination(output.as_ref(), silent));
        let pipeline = Pipeline::new(config, delivery.output(lines), (*report).clone());
        let setup = Setup {
            url,
            connection,
            policy,
            asked,
            dialect: client,
            input: (self.read_stdin && prompt.is_none()).then(|| self.input()),
            output: OutputQueue::Own(Box::new(self.worker(pipeline)?)),
            controller,
            cursor_keeper: cursor_file.map(CursorKeeper::File),
            show_secrets: self.args.output.show_secrets,
            watch_stdout: output.is_none() && self.writes_lines(),
            report: (*report).clone(),
        };
        let hangups = reopen_on_hangup(output.as_ref(), report)?;
        let outcome = session::run(setup).await;
        drop(hangups);
        // Report the outcome before finishing files, so that their errors are added and do not replace it.
        let exit = outcome.report(report);
        delivery.finish().await;
        finish_output(output.as_ref())?;
        finish_recording(self.args.output.record.as_deref())?;
        expected(mock.map(|running| running.mock), exit, report).await
    }

    /// Runs it for a slot of topics that is shared with other processes. Only sinks get its output.
    #[cfg(feature = "brokers")]
    async fn run_seat(&self, mut seat: share::Seat, context: &Context<'_>) -> Result<Outcome> {
        let report = context.report;
        let config = self.pipeline_config(context)?;
        let (url, topics) = self.address(None)?;
        let (connection, credential) = self.connection(&url, None, context)?;
        let client = self.client(&ClientSetup { url: Some(&url), credential, var: context.world.var })?;
        // The process has other slots to be there for, and has to stop in time.
        let how = Starting { patient: true, ..Starting::default() };
        let mut delivery = tokio::select! {
            started = Sinks::start(self.args, how, context) => started?,
            outcome = seat.controller.ended() => return Ok(outcome),
        };
        let facts = config.facts.clone();
        let policy = Policy { facts, ..self.policy(topics, None, report.secrets())? };
        let pipeline = Pipeline::new(config, delivery.output(None), report.clone());
        let outcome = session::run(Setup {
            url,
            connection,
            policy: Policy {
                cursor: seat.cursor,
                missed_since: seat.missed_since,
                taken_over_from: seat.taken_over_from,
                ..policy
            },
            asked: output::asked(self.args),
            dialect: client,
            input: None,
            output: OutputQueue::Own(Box::new(self.worker(pipeline)?)),
            controller: Box::new(seat.controller),
            cursor_keeper: Some(CursorKeeper::Channel(seat.keeper)),
            show_secrets: self.args.output.show_secrets,
            watch_stdout: false,
            report: report.clone(),
        });
        let outcome = outcome.await;
        delivery.finish().await;
        Ok(outcome)
    }

    /// The worker of a pipeline, before which events wait as the options say.
    fn worker(&self, pipeline: Pipeline) -> Result<OutputWorker> {
        let worker = OutputWorker::start(pipeline).map_err(|e| no_thread(&e))?;
        Ok(worker.with_backlog(waiting(&self.args.output, self.defaults)))
    }

    /// Standard input, unless `-x @-` has read it.
    fn input(&self) -> Source {
        if coding::sends_stdin(&self.send.send) {
            return Source::ended();
        }
        Source::stdin(input_form(self.send))
    }

    /// The rules of the course. Credentials in messages of the user's are noted.
    fn policy(&self, topics: Vec<String>, mock: Option<&Running>, secrets: &Secrets) -> Result<Policy> {
        let defaults = Defaults { pings: self.dialect.pings(), ..self.defaults };
        let coding = coding::coding(self.args, self.send, self.dialect)?;
        let greeting = coding::greeting(&self.send.send, &coding.encode)?;
        greeting.iter().filter_map(Message::as_text).for_each(|text| secrets.add_message(text));
        Ok(Policy {
            greeting,
            coding,
            keep_going: self.subscription.is_some_and(|args| args.keep_going),
            dedupe: self.dedupe(),
            time_scale: self.time_scale(mock),
            ..policy(self.args, self.send, topics, defaults)
        })
    }

    async fn offline(
        &self,
        path: &Path,
        config: Config,
        output: Option<&Arc<OutFile>>,
        context: &Context<'_>,
    ) -> Result<Exit> {
        let report = context.report;
        let mut delivery = Sinks::start(self.args, Starting::default(), context).await?;
        let lines = self.writes_lines().then(|| destination(output, false));
        let facts = config.facts.clone();
        let pipeline = Pipeline::new(config, delivery.output(lines), report.clone());
        let client = self.client(&ClientSetup::default())?;
        let coding = coding::coding(self.args, self.send, self.dialect)?;
        let reader = OfflineReader::new(client, self.dedupe(), self.args.output.show_secrets, &coding)
            .with_facts(facts);
        let ended = offline::run(path, self.args, reader, pipeline, report).await;
        delivery.finish().await;
        finish_output(output)?;
        finish_recording(self.args.output.record.as_deref())?;
        ended
    }

    /// How sinks start: the first may keep the cursor.
    fn starting(&self) -> Starting {
        let keeps_cursor = self.subscription.is_some_and(|args| args.cursor_in_sink);
        Starting { keeps_cursor, ..Starting::default() }
    }

    /// Do lines go to standard output or the file of `-o`?
    fn writes_lines(&self) -> bool {
        self.args.delivery.writes_lines()
    }

    /// Does nothing subscribe, so that everything is up to whoever types?
    fn is_raw(&self) -> bool {
        self.read_stdin && self.subscription.is_none()
    }

    /// Where to connect to, and what is left to subscribe to there.
    fn address(&self, mock: Option<&Running>) -> Result<(WsUrl, Vec<String>)> {
        let url = match (mock, &self.url) {
            (Some(running), _) => running.url(self.dialect)?,
            (None, Some(url)) => url.clone(),
            (None, None) => return Err(no_url(self.dialect)),
        };
        // Where a call gives the credential for the upgrade, it is to be made.
        let url = if mock.is_some() && self.calls() { url.at(url.path()) } else { url };
        match self.subscription {
            Some(_) => self.dialect.address(url, &self.topics),
            None => Ok((url, Vec::new())),
        }
    }

    /// How to connect, and the credential for the dialect's own HTTP calls.
    fn connection(
        &self,
        url: &WsUrl,
        mock: Option<&Running>,
        context: &Context<'_>,
    ) -> Result<(Options, Option<Secret>)> {
        let Context { report, world, .. } = context;
        let args = &self.args.connection;
        // The mock takes any credential and needs none of the real ones, but whoever names one wants to see what
        // becomes of it.
        let credentials: Vec<Credential> =
            self.dialect.credentials().filter(|_| mock.is_none() || args.names_token()).collect();
        let (mut options, mut key) = connection::resolve(args, url, &credentials, world, report)?;
        if options.subprotocols.is_empty() {
            options.subprotocols = self.dialect.subprotocols();
        }
        if let Some(mock) = mock {
            options = in_this_process(options, &mock.mock);
            key = self.names_key().then(|| key.unwrap_or_else(|| mock.key.clone()));
        }
        if args.max_message_size.is_none() && !self.dialect.bounds_messages() {
            options.max_message_size = None;
        }
        self.keep_messages_secret(key.as_ref(), report.secrets());
        let var = provider_vars(mock, world);
        self.dialect.secrets(var).iter().for_each(|key| report.secrets().add(key, secret::Place::Message));
        Ok((options, key))
    }

    /// Notes the credential of a dialect's greeting, which travels in a message.
    fn keep_messages_secret(&self, key: Option<&Secret>, secrets: &Secrets) {
        let in_message = |credential: &Credential| credential.place == CredentialPlace::Message;
        let greets = self.follows_dialect() && self.dialect.credential().as_ref().is_some_and(in_message);
        key.filter(|_| greets).iter().for_each(|key| {
            secrets.add(key, secret::Place::Message);
            secrets.note(secret::Place::Message);
        });
    }

    /// Does the dialect decide what is sent and what messages mean?
    fn follows_dialect(&self) -> bool {
        self.subscription.is_some() || self.dialect.rules_raw_sessions()
    }

    /// Does the credential travel in a call or a message, so that the client half needs one?
    fn names_key(&self) -> bool {
        let place = self.dialect.credential().map(|credential| credential.place);
        matches!(place, Some(CredentialPlace::Call | CredentialPlace::Message))
    }

    /// Does a call before the upgrade give its credential?
    fn calls(&self) -> bool {
        self.dialect.credential().is_some_and(|credential| credential.place == CredentialPlace::Call)
    }

    fn pipeline_config(&self, context: &Context<'_>) -> Result<Config> {
        let Context { report, world, color } = context;
        output::distinct_files(self.args, self.subscription.and_then(|args| args.cursor_file.as_deref()))?;
        output::resolve(self.args, self.send.reply.as_deref(), *color, world, report)
    }

    fn client(&self, setup: &ClientSetup<'_>) -> Result<Box<dyn Client>> {
        let client = self.dialect.client(setup)?;
        Ok(if self.follows_dialect() { client } else { Box::new(Raw(client)) })
    }

    /// The file of the cursor, and what it holds, unless the command line overrides that.
    fn cursor(
        &self,
        client: &dyn Client,
        output: Option<&Arc<OutFile>>,
    ) -> Result<(Option<CursorFile>, SavedCursor)> {
        let Some(args) = self.subscription else { return Ok((None, SavedCursor::None)) };
        let option = match (&args.from_cursor, &args.cursor_file, args.cursor_in_sink) {
            (None, None, false) => return Ok((None, SavedCursor::None)),
            (Some(_), ..) => "--from-cursor",
            (None, Some(_), _) => "--cursor-file",
            (None, None, true) => "--cursor-in-sink",
        };
        if !client.replays() {
            let what = format!("{option}: events of {} have no cursors to resume from", self.dialect.name());
            return Err(Failure::usage(what));
        }
        let (file, kept) = args.cursor_file.as_deref().map(CursorFile::open).transpose()?.unzip();
        let sync = output.cloned().map(|output| -> Sync { Arc::new(move || output.sync()) });
        let file = file.map(|file| file.behind(sync));
        let asked = args.from_cursor.clone().map(SavedCursor::One);
        Ok((file, asked.or(kept).unwrap_or_default()))
    }

    /// [`SessionParts::cursor`] of one connection.
    fn one_cursor(
        &self,
        client: &dyn Client,
        output: Option<&Arc<OutFile>>,
    ) -> Result<(Option<CursorFile>, Option<String>)> {
        let (file, saved) = self.cursor(client, output)?;
        match saved {
            SavedCursor::None => Ok((file, None)),
            SavedCursor::One(cursor) => Ok((file, Some(cursor))),
            SavedCursor::Several(_) => {
                let what =
                    format!("--cursor-file: saved by several connections; {} uses one", self.dialect.name());
                Err(Failure::usage(what).hint("use another file"))
            }
        }
    }

    fn dedupe(&self) -> bool {
        self.subscription.map_or(self.follows_dialect(), |args| !args.no_dedupe)
    }

    fn time_scale(&self, mock: Option<&Running>) -> f64 {
        self.args.liveness.time_scale.or(mock.map(|mock| mock.time_scale)).unwrap_or(1.0)
    }
}

/// Where lines go. A prompt on standard output shows them in its own way.
fn destination(file: Option<&Arc<OutFile>>, silent: bool) -> Box<dyn Output> {
    match file {
        Some(file) => Box::new(ToFile(Arc::clone(file))),
        None if silent => Box::new(Discard),
        None => Box::<Stdout>::default(),
    }
}

/// Whoever rotates the file of `--output` moves it away and sends SIGHUP. Without such a file, the signal ends the
/// process, as it does by itself.
fn reopen_on_hangup(output: Option<&Arc<OutFile>>, report: &Report) -> Result<Option<Hangups>> {
    let Some(output) = output.cloned() else { return Ok(None) };
    let mut hangups = sys::listen(Wanted::Reopen).map_err(|e| no_thread(&e))?;
    let (report, name) = (report.clone(), output.name());
    Ok(Some(Hangups(tokio::spawn(async move {
        loop {
            hangups.recv().await;
            let output = Arc::clone(&output);
            // It waits for the disk.
            match tokio::task::spawn_blocking(move || output.reopen()).await {
                Ok(Ok(())) => report.verbose(&format!("reopened {name}")),
                Ok(Err(error)) => report.warning(&format!("cannot reopen {name} after SIGHUP: {error}")),
                Err(_) => {}
            }
        }
    }))))
}

/// The task that waits for SIGHUP, until it is dropped.
struct Hangups(tokio::task::JoinHandle<()>);

impl Drop for Hangups {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The lines are to be on the disk when the process has ended.
fn finish_output(output: Option<&Arc<OutFile>>) -> Result<()> {
    let Some(output) = output else { return Ok(()) };
    output.sync().map_err(|error| write_failure(&output.name(), &error))
}

/// The mock of this run.
struct Running {
    mock: Mock,
    /// A credential that it takes.
    key: Secret,
    time_scale: f64,
}

impl Running {
    /// Where it serves the dialect, or at least an echo.
    fn url(&self, dialect: &dyn Dialect) -> Result<WsUrl> {
        let own = self.mock.url(dialect.name());
        parse_url(&own.unwrap_or_else(|| format!("ws://{}/echo", self.mock.local_addr())))
    }
}

/// What the provider's client half sees of the environment: variables that move its services do not move the mock's.
fn provider_vars<'a>(mock: Option<&Running>, world: &World<'a>) -> Var<'a> {
    if mock.is_some() { &|_| None } else { world.var }
}

/// A recording that was asked for as a HAR becomes one once it is complete. Until then it is a recording under that
/// name, so that nothing is lost if the process is.
fn finish_recording(path: Option<&Path>) -> Result<()> {
    let Some(path) = path.filter(|path| har::is_har(path)) else { return Ok(()) };
    har::convert(path).map_err(|error| {
        let what = format!(
            "--record {}: cannot convert to HAR: {error} (the file is a wstap recording)",
            path.display()
        );
        Failure::new(Exit::OutputFailed, what)
    })
}

/// What the mock in this process expected decides where nothing else went wrong.
async fn expected(mock: Option<Mock>, exit: Exit, report: &Report) -> Result<Exit> {
    let Some(mock) = mock.filter(|_| exit == Exit::Ok) else { return Ok(exit) };
    Ok(serve_mock::judge(&mock.failures().await, mock.ledger().as_deref(), report).await)
}

async fn start_mock(words: Option<&str>, dialect: &dyn Dialect, report: &Report) -> Result<Option<Running>> {
    let Some(words) = words else { return Ok(None) };
    let mut settings = MockArgs::from_words(words)?.settings();
    // Nobody else knows its port.
    settings.control.off = true;
    if settings.dialects.is_empty() && dialect.provider().is_some() {
        settings.dialects.push(dialect.name().to_owned());
    }
    // The echo is always there, and all that a raw session needs.
    let echo_will_do = dialect.name() == dialect::plain::Plain.name();
    if !echo_will_do && !settings.dialects.iter().any(|name| name == dialect.name()) {
        let what = format!("--mock does not serve the dialect {}", dialect.name());
        return Err(Failure::usage(what).hint(match dialect.provider() {
            Some(_) => "name the dialect in --mock too, or name none there",
            None => "this dialect has no mock; imitate its server with serve-mock --on or --scenario, and use --url",
        }));
    }
    let key = settings.common.token.clone().unwrap_or_else(|| Secret::new(MOCK_KEY));
    let time_scale = settings.common.time_scale;
    let providers = dialect::providers_for(&settings.dialects, dialect);
    let mock = mock::start(settings, &providers).await?;
    report.verbose(&format!("mock listening on {}", mock.local_addr()));
    Ok(Some(Running { mock, key, time_scale }))
}

/// The mock listens here: no detour that was meant for the real server leads to it.
fn in_this_process(options: Options, mock: &Mock) -> Options {
    let mut tls = options.tls;
    tls.cacert = mock.ca_file().map(Path::to_owned).or(tls.cacert);
    tls.pins.clear();
    Options {
        proxy: None,
        call_proxies: ProxyRules::default(),
        unix_socket: None,
        resolve: Vec::new(),
        connect_to: Vec::new(),
        tls,
        ..options
    }
}

/// A mock and a URL are two servers.
fn no_url_beside_mock(mock: Option<&str>, url: Option<&WsUrl>) -> Result<()> {
    match mock.and(url) {
        None => Ok(()),
        Some(url) => Err(Failure::usage(format!("--mock connects to its own mock server, not to {url}"))
            .hint("remove the URL or --mock; use -d NAME to choose the provider to mock")),
    }
}

/// Where the provider is, unless a mock or a recording takes its place.
fn own_endpoint(args: &SessionArgs, dialect: &dyn Dialect, context: &Context<'_>) -> Result<Option<WsUrl>> {
    let elsewhere = args.mock.is_some() || args.from.is_some();
    let url = dialect.default_url(context.world.var).filter(|_| !elsewhere);
    let named = |failure: Failure| {
        let what = format!("the endpoint of {}: {}", dialect.name(), failure.what);
        Failure { what, ..failure }
    };
    url.map(|url| parse_url(&url).map_err(named)).transpose()
}

fn no_url(dialect: &dyn Dialect) -> Failure {
    let hint = "give a URL such as wss://host/path, or use --mock for the built-in test server";
    Failure::usage("no URL given").hint(if dialect.name() == dialect::plain::Plain.name() {
        hint.to_owned()
    } else {
        format!("{hint} (the {} dialect has no default URL)", dialect.name())
    })
}

fn no_thread(error: &std::io::Error) -> Failure {
    Failure::new(Exit::OutputFailed, format!("cannot start a thread or signal handler: {error}"))
}

/// The dialect that was named, or the one that the URL belongs to; people's own dialects come after the built-in
/// ones.
fn dialect_for(name: Option<&str>, url: Option<&WsUrl>, world: &World<'_>) -> Result<&'static dyn Dialect> {
    let folder = config::folder(world.var).map(|folder| folder.join("dialects"));
    match (name, url) {
        (Some(name), _) => match dialect::by_name(name) {
            Some(dialect) => Ok(dialect),
            None => {
                let own = dialect::rules::files::find(name, folder.as_deref())?;
                own.map_or_else(|| library::find(name), |own| Ok(Some(own)))?.ok_or_else(|| no_dialect(name))
            }
        },
        (None, Some(url)) => {
            let own = || dialect::rules::files::for_host(url.host(), folder.as_deref()?);
            let library = || library::for_host(url.host());
            let known = dialect::for_url(url.host(), url.path()).or_else(own).or_else(library);
            Ok(known.unwrap_or(&dialect::plain::Plain))
        }
        (None, None) => Ok(&dialect::plain::Plain),
    }
}

fn no_dialect(name: &str) -> Failure {
    let names: Vec<&str> = dialect::names().collect();
    Failure::usage(format!("unknown dialect '{name}'"))
        .hint(format!("use one of {}, or the path of your own dialect file", names.join(", ")))
}

fn parse_url(text: &str) -> Result<WsUrl> {
    WsUrl::parse(text)
}
