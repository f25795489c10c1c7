//! `wstap connect`: a raw session with any endpoint.

use std::path::Path;

use super::{Context, SessionParts, dialect_for, own_endpoint, parse_url};
use crate::cli::options::ConnectArgs;
use crate::config::session::Defaults;
use crate::error::{Failure, Result};
use crate::exit::Exit;

/// Runs the command.
///
/// # Errors
/// Whatever can be said before a connection is tried.
pub async fn run(args: &ConnectArgs, context: &Context<'_>) -> Result<Exit> {
    let url = args.url.as_deref().map(parse_url).transpose()?;
    if args.session.connection.token_file.as_deref() == Some(Path::new("-")) {
        return Err(Failure::usage("--token-file - and the messages cannot both use standard input")
            .hint("read the token with --token-env VAR or --token-file FILE"));
    }
    let liveness = &args.session.liveness;
    let has_delay = liveness.reconnect_delay.or(liveness.reconnect_max_delay).is_some();
    let reconnects = liveness.reconnect || liveness.no_reconnect || liveness.retries.is_some();
    if has_delay && !reconnects && !args.session.delivery.has_sinks() {
        context.report.warning(
            "--reconnect-delay and --reconnect-max-delay have no effect without --reconnect or --retries",
        );
    }
    let dialect = dialect_for(args.dialect.as_deref(), url.as_ref(), context.world)?;
    let session = SessionParts {
        args: &args.session,
        send: &args.send,
        url: url.map_or_else(|| own_endpoint(&args.session, dialect, context), |url| Ok(Some(url)))?,
        dialect,
        subscription: None,
        topics: Vec::new(),
        defaults: Defaults::CONNECT,
        read_stdin: true,
    };
    session.run(context).await
}
