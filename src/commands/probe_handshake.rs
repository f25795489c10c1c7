//! `wstap probe-handshake`: what is true of an endpoint.

use super::{Context, Running, dialect_for, in_this_process, no_url, parse_url, start_mock};
use crate::cli::options::{ProbeArgs, ReportFormat};
use crate::config::connection;
use crate::dialect::{Credential, Dialect};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::net::{Options, WsUrl};
use crate::pipeline::line::{Style, write_json};
use crate::pipeline::sink::{Sink as _, Stdout};
use crate::probe::gates::Gates;
use crate::probe::record::{Mask, Record};
use crate::probe::{Target, probe, text};
use crate::report::Level;

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
    let teller = Teller::new(args, context);
    let mut record = probe(&Target { url, options, case: None }, &teller.mask).await?;
    record.gates = gates.judge(&record)?;
    teller.tell(&record)?;
    Ok(teller.exit(&gates, &record))
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

/// Tells what was found, on standard output and stderr.
struct Teller<'a> {
    context: &'a Context<'a>,
    mask: Mask,
    format: ReportFormat,
    color: bool,
}

impl<'a> Teller<'a> {
    fn new(args: &ProbeArgs, context: &'a Context<'a>) -> Self {
        let terminal = context.world.stdout_terminal;
        let default = if terminal { ReportFormat::Text } else { ReportFormat::Json };
        Self {
            context,
            mask: Mask(context.report.clone()),
            format: args.format.unwrap_or(default),
            color: context.world.color(context.color, terminal),
        }
    }

    fn tell(&self, record: &Record) -> Result<()> {
        match self.format {
            ReportFormat::Json => {
                self.json(&record.to_json())?;
                let failed = record.failed.iter();
                failed.for_each(|failed| self.context.report.say(Level::Error, &failed.what));
                Ok(())
            }
            ReportFormat::Text => self.text(&text::page(record, self.color, width())),
        }
    }

    fn json(&self, line: &str) -> Result<()> {
        let terminal = self.context.world.stdout_terminal;
        let style = Style { color: self.color, terminal, ..Style::default() };
        let mut bytes = Vec::with_capacity(line.len() + 1);
        write_json(line, true, style, &mut bytes);
        write(&bytes)
    }

    fn text(&self, page: &str) -> Result<()> {
        write(page.as_bytes())
    }

    /// The gates decide, where there are any; what does not hold is told in any case.
    fn exit(&self, gates: &Gates, record: &Record) -> Exit {
        let failed = record.gates.iter().filter(|gate| !gate.ok);
        for gate in failed.clone() {
            let text = self.mask.text(&format!("does not hold: {} ({})", gate.gate, gate.saw));
            self.context.report.say(Level::Error, &text);
        }
        match (gates.any(), failed.count()) {
            (true, 0) => Exit::Ok,
            (true, _) => Exit::Assertion,
            (false, _) => Exit::from_code(record.exit).unwrap_or(Exit::Assertion),
        }
    }
}

fn write(bytes: &[u8]) -> Result<()> {
    match Stdout.write(bytes) {
        // Whoever reads has seen enough; the exit status still tells.
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.map_err(|error| {
            Failure::new(Exit::OutputFailed, format!("standard output cannot be written: {error}"))
        }),
    }
}

/// How wide the terminal is, in characters.
fn width() -> usize {
    const DEFAULT: usize = 100;
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok();
    size.map(|size| usize::from(size.ws_col)).filter(|width| *width >= 40).unwrap_or(DEFAULT)
}
