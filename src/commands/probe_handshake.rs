//! `wstap probe-handshake`: what is true of an endpoint.

use super::{
    Context, Running, dialect_for, expected, in_this_process, no_thread, no_url, parse_url, start_mock,
    unwritten,
};
use crate::cli::options::{ProbeArgs, ReportFormat};
use crate::config::connection;
use crate::dialect::{Credential, Dialect};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::net::{Options, WsUrl};
use crate::pipeline::line::{Style, write_json};
use crate::pipeline::sink::{Sink as _, Stdout};
use crate::probe::gates::Gates;
use crate::probe::live::Plan;
use crate::probe::matrix::{Matrix, Origin};
use crate::probe::record::{Mask, Record};
use crate::probe::repeat::{Account, Rounds};
use crate::probe::{Target, probe, text};
use crate::report::Level;
use crate::signals::Signals;

/// Runs the command.
///
/// # Errors
/// Mistakes on the command line, and output that cannot be written. What is wrong with the endpoint is told on
/// standard output.
pub async fn run(args: &ProbeArgs, context: &Context<'_>) -> Result<Exit> {
    let url = args.url.as_deref().map(parse_url).transpose()?;
    let dialect = dialect_for(args.dialect.as_deref(), url.as_ref(), context.world)?;
    let gates = Gates::new(&args.expect, &args.expect_status, args.min_cert_days, &args.max)?;
    let mock = start_mock(args.mock.as_deref(), dialect, context.report).await?;
    let (url, options) = target(args, url, dialect, mock.as_ref(), context)?;
    let live = args.live.then(|| Plan { send: args.send.clone(), max_time: args.max_time });
    let target = Target { url, options, live, case: None };
    let mut teller = Teller::new(args, gates, context);
    let matrix = matrix(args);
    if matrix.any() {
        teller.text(&text::title(&target.url.to_string()))?;
        let mask = teller.mask.clone();
        matrix.run(&target, &mask, &mut |record, names| teller.row(record, names)).await?;
    } else if let Some(count) = args.repeat {
        let rounds = Rounds { count, interval: args.interval };
        if let Some(stopped) = repeated(&target, rounds, &mut teller).await? {
            return Ok(stopped);
        }
    } else {
        let record = probe(&target, &teller.mask).await?;
        teller.whole(record)?;
    }
    expected(mock.map(|running| running.mock), teller.exit(), context.report).await
}

/// A signal ends it with the account of the rounds so far, and is the exit status then.
async fn repeated(target: &Target, rounds: Rounds, teller: &mut Teller<'_>) -> Result<Option<Exit>> {
    let mut signals = Signals::listen().map_err(|error| no_thread(&error))?;
    let mask = teller.mask.clone();
    let mut account = Account::default();
    let mut tell = |record: Record| {
        account.add(&record);
        teller.round(record, rounds.count)
    };
    let stopped = tokio::select! {
        done = rounds.run(target, &mask, &mut tell) => done.map(|()| None),
        outcome = signals.next() => Ok(Some(outcome.exit)),
    };
    teller.account(&account)?;
    stopped
}

fn matrix(args: &ProbeArgs) -> Matrix {
    Matrix {
        origins: args.origins.iter().map(|text| Origin::parse(text)).collect(),
        auth: args.auth_matrix,
        version: args.version_check,
        addresses: args.all_addresses,
    }
}

/// Where to, and how.
fn target(
    args: &ProbeArgs,
    url: Option<WsUrl>,
    dialect: &dyn Dialect,
    mock: Option<&Running>,
    context: &Context<'_>,
) -> Result<(WsUrl, Options)> {
    let url = match (mock, url) {
        (Some(Running { mock, .. }), _) => {
            let own = mock.url(dialect.name());
            parse_url(&own.unwrap_or_else(|| format!("ws://{}/echo", mock.local_addr())))?
        }
        (None, Some(url)) => url,
        (None, None) => return Err(no_url(dialect)),
    };
    let known = dialect.credential().into_iter().chain(dialect.other_credentials().iter().copied());
    let credentials: Vec<Credential> = known.filter(|_| mock.is_none()).collect();
    let Context { report, world, .. } = context;
    let (mut options, for_calls) = connection::resolve(&args.connection, &url, &credentials, world, report)?;
    if for_calls.is_some() {
        report.notice("the credential is for a call before the upgrade, which a probe does not make");
    }
    if let Some(mock) = mock {
        options = in_this_process(options, &mock.mock);
    }
    if options.subprotocols.is_empty() {
        options.subprotocols = dialect.subprotocols();
    }
    options.tls.survey = true;
    options.tls.alpn.clone_from(&args.alpn);
    Ok((url, options))
}

/// Tells what was found, on standard output and stderr, and what that makes of the exit status.
struct Teller<'a> {
    context: &'a Context<'a>,
    mask: Mask,
    gates: Gates,
    is_text: bool,
    color: bool,
    /// Does a gate not hold?
    broken: bool,
    /// The first failure.
    failed: Option<Exit>,
}

impl<'a> Teller<'a> {
    fn new(args: &ProbeArgs, gates: Gates, context: &'a Context<'a>) -> Self {
        let terminal = context.world.stdout_terminal;
        let default = if terminal { ReportFormat::Text } else { ReportFormat::Json };
        Self {
            context,
            mask: Mask(context.report.clone()),
            gates,
            is_text: args.format.unwrap_or(default) == ReportFormat::Text,
            color: context.world.color(context.color, terminal),
            broken: false,
            failed: None,
        }
    }

    /// The record of a run that has only one.
    fn whole(&mut self, record: Record) -> Result<()> {
        let record = self.judged(record)?;
        self.note(&record, record.ok);
        self.text(&text::page(&record, self.color, width()))?;
        if let Some(failed) = record.failed.iter().find(|_| !self.is_text) {
            let failure = Failure::new(Exit::Assertion, &failed.what);
            let hint = record.hints.first().map(|hint| hint.text.clone());
            self.context.report.failure(&Failure { hint, ..failure });
        }
        self.json(&record.to_json())
    }

    /// A row of a matrix. To be refused is a result there, and no failure, but among the addresses of one name.
    fn row(&mut self, record: Record, names: usize) -> Result<()> {
        let record = self.judged(record)?;
        let fine = record.ok || record.is_refusal() && !record.is_of_address();
        self.note(&record, fine);
        self.text(&text::row(&record, names, self.color, width()))?;
        self.json(&record.to_json())
    }

    fn round(&mut self, record: Record, of: u32) -> Result<()> {
        let record = self.judged(record)?;
        self.note(&record, record.ok);
        self.text(&text::round(&record, of, self.color, width()))?;
        if !self.is_text && self.context.world.stderr_terminal {
            let line = text::round(&record, of, false, usize::MAX);
            self.context.report.notice(line.lines().next().unwrap_or_default().trim_end());
        }
        self.json(&record.to_json())
    }

    fn account(&self, account: &Account) -> Result<()> {
        self.text(&text::account(account, self.color, width()))?;
        self.json(&account.summary().to_json())
    }

    fn judged(&self, mut record: Record) -> Result<Record> {
        record.gates = self.gates.judge(&record)?;
        Ok(record)
    }

    /// What the record means for the exit status. Gates that do not hold are told at once.
    fn note(&mut self, record: &Record, fine: bool) {
        if !fine {
            self.failed = self.failed.or(Exit::from_code(record.exit));
        }
        let place = record.place().map(|place| format!("{place}: ")).unwrap_or_default();
        // A page has them in it.
        for warning in record.warnings.iter().filter(|_| !self.is_text) {
            self.context.report.warning(&format!("{place}{}", warning.text));
        }
        for gate in record.gates.iter().filter(|gate| !gate.ok) {
            self.broken = true;
            let text = self.mask.text(&format!("{place}does not hold: {} ({})", gate.gate, gate.saw));
            self.context.report.say(Level::Error, &text);
        }
    }

    /// Where there are gates, they decide.
    fn exit(&self) -> Exit {
        match (self.gates.any(), self.broken) {
            (true, false) => Exit::Ok,
            (true, true) => Exit::Assertion,
            (false, _) => self.failed.unwrap_or(Exit::Ok),
        }
    }

    fn json(&self, line: &str) -> Result<()> {
        if self.is_text {
            return Ok(());
        }
        let terminal = self.context.world.stdout_terminal;
        let style = Style { color: self.color, terminal, ..Style::default() };
        let mut bytes = Vec::with_capacity(line.len() + 1);
        write_json(line, true, style, &mut bytes);
        write(&bytes)
    }

    fn text(&self, page: &str) -> Result<()> {
        if self.is_text { write(page.as_bytes()) } else { Ok(()) }
    }
}

fn write(bytes: &[u8]) -> Result<()> {
    match Stdout.write(bytes) {
        // Whoever reads has seen enough; the exit status still tells.
        Err(cut) if cut.error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|cut| unwritten("standard output", &cut.error)),
    }
}

/// How wide the terminal is, in characters.
fn width() -> usize {
    const DEFAULT: usize = 100;
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    size.map(|size| usize::from(size.ws_col)).filter(|width| *width >= 40).unwrap_or(DEFAULT)
}
