//! `wstap probe-handshake`: what is true of an endpoint.

use super::{
    Context, Running, dialect_for, expected, in_this_process, no_url, no_url_beside_mock, parse_url,
    start_mock,
};
use crate::cli::options::ProbeArgs;
use crate::cli::values::ReportFormat;
use crate::config::{coding, connection};
use crate::dialect::{Credential, Dialect};
use crate::error::{Failure, Result};
use crate::exit::{Exit, Status};
use crate::net::{Options, WsUrl};
use crate::pipeline::output::{Output as _, write_failure};
use crate::pipeline::stdout::Stdout;
use crate::probe::Target;
use crate::probe::gates::Gates;
use crate::probe::live::LivePlan;
use crate::probe::matrix::{Matrix, Origin};
use crate::probe::monitor::ServiceState;
use crate::probe::repeat::Rounds;
use crate::probe::run::{self, Connections, ReportForm, ReportKind};
use crate::report::Report;

/// Runs the command.
///
/// # Errors
/// Mistakes on the command line, and output that cannot be written. What is wrong with the endpoint is written to
/// standard output.
pub async fn run(args: &ProbeArgs, context: &Context<'_>) -> Result<Status> {
    match probed(args, context).await {
        Err(failure) if args.format == Some(ReportFormat::Nagios) => unknown(&failure, context.report),
        ended => ended,
    }
}

/// What a plugin reports that cannot do its work, as with a mistake on its command line.
///
/// # Errors
/// If it cannot be written.
pub fn unknown(failure: &Failure, report: &Report) -> Result<Status> {
    let line = ServiceState::Unknown.line(&report.secrets().mask_text(&failure.what));
    let written = Stdout::default().write(format!("{line}\n").as_bytes());
    written.map_err(|cut| write_failure("standard output", &cut.error))?;
    Ok(Status(ServiceState::Unknown.code()))
}

async fn probed(args: &ProbeArgs, context: &Context<'_>) -> Result<Status> {
    let form = form(args, context);
    let connections = connections(args);
    if matches!(form.output, ReportKind::Nagios | ReportKind::Prometheus)
        && !matches!(connections, Connections::Single)
    {
        return Err(Failure::usage("--format nagios and --format prometheus support only one connection")
            .hint("remove --repeat, --origins, --auth-matrix, --version-check and --all-addresses"));
    }
    let url = args.url.as_deref().map(parse_url).transpose()?;
    let dialect = dialect_for(args.dialect.as_deref(), url.as_ref(), context.world)?;
    let gates = Gates::new(&args.expect, &args.expect_status, args.min_cert_days, &args.max)?;
    no_url_beside_mock(args.mock.as_deref(), url.as_ref())?;
    let mock = start_mock(args.mock.as_deref(), dialect, context.report).await?;
    let (url, options) = target(args, url, dialect, mock.as_ref(), context)?;
    let live = if args.live {
        Some(LivePlan { send: coding::texts(&args.send)?, dialect, max_time: args.max_time })
    } else {
        None
    };
    let target = Target { url, options, live, case: None };
    let status = run::run(&target, &connections, gates, form, context.report).await?;
    match mock {
        Some(running) if status == Exit::Ok.into() => {
            expected(Some(running.mock), Exit::Ok, context.report).await.map(Status::from)
        }
        _ => Ok(status),
    }
}

fn form(args: &ProbeArgs, Context { world, color, .. }: &Context<'_>) -> ReportForm {
    let default = if world.stdout_terminal { ReportFormat::Text } else { ReportFormat::Json };
    ReportForm {
        output: match args.format.unwrap_or(default) {
            ReportFormat::Json => ReportKind::Json,
            ReportFormat::Text => ReportKind::Text,
            ReportFormat::Nagios => ReportKind::Nagios,
            ReportFormat::Prometheus => ReportKind::Prometheus,
        },
        color: world.color(*color, world.stdout_terminal),
        columns: (world.var)("COLUMNS").and_then(|columns| columns.parse().ok()),
        stdout_terminal: world.stdout_terminal,
        stderr_terminal: world.stderr_terminal,
    }
}

fn connections(args: &ProbeArgs) -> Connections {
    let matrix = Matrix {
        origins: args.origins.iter().map(|text| Origin::parse(text)).collect(),
        auth: args.auth_matrix,
        version: args.version_check,
        addresses: args.all_addresses,
    };
    match args.repeat {
        _ if matrix.any() => Connections::Matrix(matrix),
        Some(count) => Connections::Repeated(Rounds { count, interval: args.interval }),
        None => Connections::Single,
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
        (Some(running), _) => running.url(dialect)?,
        (None, Some(url)) => url,
        (None, None) => return Err(no_url(dialect)),
    };
    let credentials: Vec<Credential> = dialect.credentials().filter(|_| mock.is_none()).collect();
    let Context { report, world, .. } = context;
    let (mut options, for_calls) = connection::resolve(&args.connection, &url, &credentials, world, report)?;
    if for_calls.is_some() {
        report.notice("the credential is not sent: it belongs to an HTTP call before the upgrade, which a probe does not make");
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
