//! `wstap serve-mock`: the mock server as a process.

use std::io::Write as _;

use super::{Context, no_thread};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::mock::{self, Ledger, Mock, MockArgs};
use crate::signals::Signals;

/// How long the runs of scenarios have to notice that their connections are over.
const SETTLING: std::time::Duration = std::time::Duration::from_secs(1);

/// Runs the command until a signal ends it.
///
/// # Errors
/// If it cannot listen, or cannot say where.
pub async fn run(args: &MockArgs, context: &Context<'_>) -> Result<Exit> {
    let mut signals = Signals::listen().map_err(|error| no_thread(&error))?;
    let mock = mock::start(args.settings()).await?;
    announce(&mock, args)?;
    context.report.notice(&format!("listening on {}; Ctrl-C ends it", mock.local_addr()));
    let ledger = mock.ledger();
    let first = signals.next().await;
    tokio::select! {
        () = mock.shutdown() => {}
        _ = signals.next() => {}
    }
    // Being told to stop is how a server ends well.
    context.report.verbose(first.reason);
    Ok(judge(ledger.as_deref(), context).await)
}

/// Tells which expectations of scenarios were not met.
async fn judge(ledger: Option<&Ledger>, context: &Context<'_>) -> Exit {
    let Some(ledger) = ledger else { return Exit::Ok };
    // The connections are over, and their runs end as soon as they notice.
    let _ = tokio::time::timeout(SETTLING, ledger.settled()).await;
    let verdict = ledger.verdict();
    context.report.verbose(&format!("expectations: {} met, {} not", verdict.held, verdict.failed));
    if verdict.failed == 0 {
        return Exit::Ok;
    }
    let unmet = verdict.unmet.iter();
    let lines = unmet.map(|unmet| format!("{}: connection {}: {}", unmet.place, unmet.connection, unmet.why));
    let what =
        format!("expectations that were not met: {} of {}", verdict.failed, verdict.failed + verdict.held);
    context.report.failure(&Failure::new(Exit::Assertion, what).details(lines.collect()));
    Exit::Assertion
}

/// One JSON line on standard output: where it listens, and the URL of every dialect. The port file is written
/// last, so that whoever waits for it finds everything ready.
fn announce(mock: &Mock, args: &MockArgs) -> Result<()> {
    let address = mock.local_addr();
    let urls: serde_json::Map<String, serde_json::Value> =
        mock.urls().into_iter().map(|(name, url)| (name.to_owned(), url.into())).collect();
    let line = serde_json::json!({"listening": address.to_string(), "port": address.port(), "urls": urls});
    let mut stdout = std::io::stdout().lock();
    writeln!(stdout, "{line}").and_then(|()| stdout.flush()).map_err(|error| {
        Failure::new(Exit::OutputFailed, format!("the announcement could not be written: {error}"))
    })?;
    if let Some(path) = &args.port_file {
        // Renamed into place: a reader that polls for it never sees half a number.
        let partial = path.with_extension("partial");
        std::fs::write(&partial, format!("{}\n", address.port()))
            .and_then(|()| std::fs::rename(&partial, path))
            .map_err(|error| {
                Failure::new(Exit::OutputFailed, format!("--port-file {}: {error}", path.display()))
            })?;
    }
    Ok(())
}
