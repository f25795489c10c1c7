//! The commands: each joins parts and holds no loop of its own.

pub mod connect;
pub mod generated;
pub mod offline;
pub mod serve_mock;
pub mod subscribe;

use std::path::Path;

use crate::cli::options::{ColorChoice, SendArgs, SessionArgs};
use crate::config::session::{Defaults, input_form, policy};
use crate::config::{World, connection, output};
use crate::dialect::plain::PlainClient;
use crate::dialect::{self, Client, ClientSetup, Dialect, Place};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::har;
use crate::input::Source;
use crate::mock::MockArgs;
use crate::mock::{self, Mock};
use crate::net::{Options, WsUrl};
use crate::pipeline::Pipeline;
use crate::pipeline::sink::Stdout;
use crate::pipeline::stage::Stage;
use crate::report::Report;
use crate::secret::Secret;
use crate::session::{self, Setup};
use crate::signals::Signals;

/// A credential for a mock.
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
struct Session<'a> {
    args: &'a SessionArgs,
    send: &'a SendArgs,
    url: Option<WsUrl>,
    dialect: &'static dyn Dialect,
    topics: Vec<String>,
    keep_going: bool,
    defaults: Defaults,
    /// Everything is shown as it comes, and the dialect only says how to get in.
    raw: bool,
    read_stdin: bool,
}

impl Session<'_> {
    /// Runs it, live or from a recording, to its exit status.
    async fn run(self, context: &Context<'_>) -> Result<Exit> {
        let Context { report, world, color } = context;
        let config = output::resolve(self.args, self.send.reply.as_deref(), *color, world, report)?;
        let asked = output::asked(self.args);
        let pipeline = Pipeline::new(config, Box::new(Stdout), (*report).clone());
        if let Some(path) = &self.args.from {
            let client = self.client(&ClientSetup::default())?;
            let ended = offline::run(path, self.args, client, pipeline, report).await;
            finish_recording(self.args)?;
            return ended;
        }
        let mock = start_mock(self.args.mock.as_deref(), self.dialect, report).await?;
        let (url, topics) = self.address(mock.as_ref())?;
        // The mock takes any credential, and needs none of the real ones.
        let credential = if mock.is_some() { None } else { self.dialect.credential() };
        let (mut connection, mut key) =
            connection::resolve(&self.args.connection, &url, credential, world, report)?;
        if let Some(mock) = &mock {
            connection = in_this_process(connection, mock);
            key = self.mock_key();
        }
        if self.args.connection.max_message_size.is_none() && !self.dialect.bounds_messages() {
            connection.max_message_size = None;
        }
        let client = self.client(&ClientSetup { url: Some(&url), credential: key, var: world.var })?;
        let defaults = Defaults { pings: self.dialect.pings(), ..self.defaults };
        let form = input_form(self.send);
        let setup = Setup {
            url,
            connection,
            policy: policy(self.args, self.send, topics, self.keep_going, defaults),
            asked,
            dialect: client,
            input: self.read_stdin.then(|| Source::stdin(form)),
            stage: Stage::start(pipeline).map_err(|e| no_thread(&e))?,
            show_secrets: self.args.output.show_secrets,
            watch_stdout: true,
            report: (*report).clone(),
            signals: Signals::listen().map_err(|e| no_thread(&e))?,
        };
        let outcome = session::run(setup).await;
        finish_recording(self.args)?;
        let exit = tell(report, outcome);
        expected(mock, exit, report).await
    }

    /// Where to connect to, and what is left to subscribe to there.
    fn address(&self, mock: Option<&Mock>) -> Result<(WsUrl, Vec<String>)> {
        let url = match (mock, &self.url) {
            (Some(mock), _) => parse_url(
                &mock.url(self.dialect.name()).unwrap_or_else(|| format!("ws://{}/echo", mock.local_addr())),
            )?,
            (None, Some(url)) => url.clone(),
            (None, None) => return Err(no_url(self.dialect)),
        };
        if self.raw { Ok((url, Vec::new())) } else { self.dialect.address(url, &self.topics) }
    }

    fn client(&self, setup: &ClientSetup<'_>) -> Result<Box<dyn Client>> {
        if self.raw { Ok(Box::new(PlainClient)) } else { self.dialect.client(setup) }
    }

    /// The credential for HTTP calls to the mock, which takes any.
    fn mock_key(&self) -> Option<Secret> {
        let called = self.dialect.credential().is_some_and(|credential| credential.place == Place::Call);
        called.then(|| Secret::new(MOCK_KEY))
    }
}

/// A recording that was asked for as a HAR becomes one once it is complete. Until then it is a recording under that
/// name, so that nothing is lost if the process is.
fn finish_recording(args: &SessionArgs) -> Result<()> {
    let Some(path) = args.output.record.as_deref().filter(|path| har::is_har(path)) else { return Ok(()) };
    har::convert(path).map_err(|error| {
        let what = format!("--record {}: {error}; what is there is a recording", path.display());
        Failure::new(Exit::OutputFailed, what)
    })
}

/// What the mock in this process expected decides where nothing else went wrong.
async fn expected(mock: Option<Mock>, exit: Exit, report: &Report) -> Result<Exit> {
    let Some(mock) = mock.filter(|_| exit == Exit::Ok) else { return Ok(exit) };
    Ok(serve_mock::judge(&mock.failures().await, mock.ledger().as_deref(), report).await)
}

/// Says what there is to say about an end, and gives its status.
fn tell(report: &Report, outcome: session::policy::Outcome) -> Exit {
    let exit = outcome.exit;
    if let (Some(what), Exit::Ok) = (&outcome.text, exit) {
        report.warning(what);
    } else if let Some(what) = outcome.text {
        report.failure(&Failure { hint: outcome.hint, details: outcome.details, ..Failure::new(exit, what) });
    }
    exit
}

async fn start_mock(words: Option<&str>, dialect: &dyn Dialect, report: &Report) -> Result<Option<Mock>> {
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
        let what = format!("--mock='{words}' does not serve the dialect {}", dialect.name());
        return Err(Failure::usage(what).hint("name it there as well, or no dialect at all"));
    }
    let mock = mock::start(settings).await?;
    report.verbose(&format!("the mock listens on {}", mock.local_addr()));
    Ok(Some(mock))
}

/// The mock listens here: no detour that was meant for the real server leads to it.
fn in_this_process(options: Options, mock: &Mock) -> Options {
    let mut tls = options.tls;
    tls.cacert = mock.ca_file().map(Path::to_owned).or(tls.cacert);
    Options { proxy: None, unix_socket: None, resolve: Vec::new(), connect_to: Vec::new(), tls, ..options }
}

fn no_url(dialect: &dyn Dialect) -> Failure {
    Failure::usage("there is no URL to connect to").hint(format!(
        "give one, such as wss://host/path; or --mock for the built-in mock; the {} dialect has no endpoint of its own",
        dialect.name()
    ))
}

fn no_thread(error: &std::io::Error) -> Failure {
    Failure::new(Exit::OutputFailed, format!("the system gives no thread or signal: {error}"))
}

/// The dialect that was named, or the one that the URL belongs to.
fn dialect_for(name: Option<&str>, url: Option<&WsUrl>) -> Result<&'static dyn Dialect> {
    match (name, url) {
        (Some(name), _) => dialect::by_name(name).ok_or_else(|| {
            let names: Vec<&str> = dialect::ALL.iter().map(|dialect| dialect.name()).collect();
            Failure::usage(format!("there is no dialect {name:?}"))
                .hint(format!("dialects are: {}", names.join(" ")))
        }),
        (None, Some(url)) => {
            Ok(dialect::for_url(url.host(), url.target().split('?').next().unwrap_or_default()))
        }
        (None, None) => Ok(&dialect::plain::Plain),
    }
}

fn parse_url(text: &str) -> Result<WsUrl> {
    WsUrl::parse(text)
}
