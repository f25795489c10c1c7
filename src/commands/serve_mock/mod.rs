//! `wstap serve-mock`: the mock server as a process.

use super::{Context, dialect_for, no_thread};
use crate::cli::mock::{Announce, ExitAfter, MockArgs};
use crate::config;
use crate::dialect;
use crate::error::{Failure, Result};
use crate::exit::{Exit, Status};
use crate::mock::{self, Ledger, Mock, MockSettings, TapRecorder};
use crate::provider::Named;
use crate::report::Report;
use crate::secret::Place;
use crate::signals::Signals;
use crate::sys;
use crate::waiting::if_any;

mod announce;
mod exec;

/// How long the runs of scenarios have to notice that their connections are over.
const SETTLING: std::time::Duration = std::time::Duration::from_secs(1);

/// Runs the command until a signal, the command that it runs, or `--exit-after` ends it.
///
/// # Errors
/// If it cannot listen, or cannot say where.
pub async fn run(args: &MockArgs, context: &Context<'_>) -> Result<Status> {
    let report = context.report;
    raise_file_limit(report);
    let mut signals = Signals::listen().map_err(|error| no_thread(&error))?;
    let upstream = config::upstream::resolve(&args.upstream, context.world, report)?;
    let mut settings = MockSettings { upstream, ..args.settings() };
    let providers = providers(args, &mut settings, context)?;
    settings.common.token.iter().for_each(|token| report.secrets().add(token, Place::Query));
    let mock = mock::start(settings, &providers).await?;
    let process = &args.process;
    if process.exit_after == Some(ExitAfter::Scenario) && mock.ledger().is_none() {
        return Err(Failure::usage("--exit-after scenario: no scenario given").hint("add --scenario FILE"));
    }
    let form = process.announce.or(process.command().is_none().then_some(Announce::Url));
    mock.tell(report);
    let for_people = context.world.stdout_terminal && report.is_for_people();
    announce::announce(&mock, form, for_people, process.port_file.as_deref())?;
    announce::tell(&mock, args, report);
    let status = match process.command() {
        Some(command) => exec::run(command, &mock, &mut signals).await?,
        None => wait(&mock, process.exit_after, &mut signals, report).await,
    };
    let (failures, ledger, recorder) = (mock.failures().await, mock.ledger(), mock.recorder());
    tokio::select! {
        () = mock.shutdown() => {}
        _ = signals.next() => {}
    }
    let verdict = judge(&failures, ledger.as_deref(), report).await;
    recorder.map_or(Ok(()), |recorder| finish_recording(&recorder))?;
    Ok(if status == Exit::Ok.into() { verdict.into() } else { status })
}

/// The mocks that there are, those of dialect files that were named among them.
fn providers(args: &MockArgs, settings: &mut MockSettings, context: &Context<'_>) -> Result<Vec<Named>> {
    let mut providers = dialect::providers();
    for name in &args.process.dialect_files {
        let dialect = dialect_for(Some(name), None, context.world)?;
        let provider = dialect.provider().ok_or_else(|| {
            Failure::usage(format!("the dialect {name} has no mock")).hint("add a [mock] table to the file")
        })?;
        providers.retain(|(known, _)| *known != dialect.name());
        providers.push((dialect.name(), provider));
        settings.dialects.push(dialect.name().to_owned());
    }
    Ok(providers)
}

/// The recording is whole once all of it is written; a HAR is made of it then.
fn finish_recording(recorder: &TapRecorder) -> Result<()> {
    recorder.finish()?;
    super::finish_recording(Some(recorder.path()))
}

/// Tells which expectations were not met, those of scenarios too.
pub(super) async fn judge(failures: &[String], ledger: Option<&Ledger>, report: &Report) -> Exit {
    failures.iter().for_each(|what| report.failure(&Failure::new(Exit::Assertion, what)));
    let asked = if failures.is_empty() { Exit::Ok } else { Exit::Assertion };
    let Some(ledger) = ledger else { return asked };
    // The connections are over, and their runs end as soon as they notice.
    let _ = tokio::time::timeout(SETTLING, ledger.settled()).await;
    let verdict = ledger.verdict();
    report.verbose(&format!("expectations: {} met, {} not", verdict.held, verdict.failed));
    if verdict.failed == 0 {
        return asked;
    }
    let unmet = verdict.unmet.iter();
    let lines = unmet.map(|unmet| format!("{}: connection {}: {}", unmet.place, unmet.connection, unmet.why));
    let what = format!("{} of {} expectations were not met", verdict.failed, verdict.failed + verdict.held);
    report.failure(&Failure::new(Exit::Assertion, what).details(lines.collect()));
    Exit::Assertion
}

/// Waits for the end. Being told to stop is how a server ends well.
async fn wait(mock: &Mock, after: Option<ExitAfter>, signals: &mut Signals, report: &Report) -> Status {
    tokio::select! {
        told = signals.next() => report.verbose(told.reason.name()),
        () = by_itself(mock, after) => report.verbose("done"),
    }
    Exit::Ok.into()
}

async fn by_itself(mock: &Mock, after: Option<ExitAfter>) {
    match after {
        None => std::future::pending().await,
        Some(ExitAfter::Connections(connections)) => mock.gone(connections).await,
        Some(ExitAfter::Time(time)) => tokio::time::sleep(time).await,
        Some(ExitAfter::Scenario) => {
            if_any(mock.ledger().as_ref().map(|ledger| ledger.finished())).await;
        }
    }
}

/// Every client is a descriptor, and the usual soft limit is a tenth of what a test of many clients needs.
fn raise_file_limit(report: &Report) {
    if let Err(error) = sys::raise_file_limit() {
        report.verbose(&format!("cannot raise the limit of open files: {error}"));
    }
}
