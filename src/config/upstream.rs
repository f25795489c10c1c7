//! The options of `serve-mock --upstream`, resolved.

use super::{World, connection, output};
use crate::cli::mock::UpstreamArgs;
use crate::cli::options::ConnectionArgs;
use crate::error::{Failure, Result};
use crate::limits;
use crate::mock::UpstreamSettings;
use crate::net::WsUrl;
use crate::report::Report;

/// Where clients are connected on to, if they are, and how. The report learns what must never be shown.
///
/// # Errors
/// A usage failure that names the option.
pub fn resolve(args: &UpstreamArgs, world: &World<'_>, report: &Report) -> Result<Option<UpstreamSettings>> {
    let Some(url) = &args.upstream else { return Ok(None) };
    let named = |failure: Failure| Failure { what: format!("--upstream: {}", failure.what), ..failure };
    let url = WsUrl::parse(url).map_err(named)?;
    args.record.as_deref().map_or(Ok(()), output::can_be_recorded_to)?;
    let connection = ConnectionArgs {
        header: args.upstream_header.clone(),
        cacert: args.cacert.clone(),
        cert: args.upstream_cert.clone(),
        key: args.upstream_key.clone(),
        insecure: args.insecure,
        pinnedpubkey: args.pinnedpubkey.clone(),
        resolve: args.resolve.clone(),
        proxy: args.proxy.clone(),
        connect_timeout: args.connect_timeout,
        // Only what clients offer is offered.
        no_compress: true,
        ..ConnectionArgs::default()
    };
    let (options, _) = connection::resolve(&connection, &url, &[], world, report)?;
    Ok(Some(UpstreamSettings {
        url,
        options,
        own_pings: args.own_pings,
        map_in: args.map_in.clone(),
        map_out: args.map_out.clone(),
        record: args.record.clone(),
        buffer: args.buffer.unwrap_or(limits::TAP_BUFFER),
    }))
}
