//! `probe-handshake`: what is true of an endpoint. One probe is one connection and one [`ProbeRecord`]; the connection is
//! made as every other one is, by [`crate::net::open_stream`], and what is judged here is what that saw.

use crate::clock;
use crate::error::Result;
use crate::exit::Exit;
use crate::net::{Options, StreamAttempt, WsUrl, open_stream};

pub(crate) mod gates;
mod hints;
mod inflated;
pub(crate) mod live;
pub(crate) mod matrix;
mod messages;
pub(crate) mod monitor;
mod page;
pub(crate) mod record;
pub(crate) mod repeat;
pub(crate) mod run;
mod text;
mod utf8;

use matrix::Case;
use record::{ProbeRecord, SecretMask};

/// What to probe, and how.
#[derive(Clone)]
pub(crate) struct Target {
    pub url: WsUrl,
    pub options: Options,
    /// What to do on the open connection; without, it is dropped.
    pub live: Option<live::LivePlan>,
    /// Which row of a matrix it is.
    pub case: Option<Case>,
}

/// Makes one connection and reports on it.
///
/// # Errors
/// Only for mistakes of whoever asked, such as a file that cannot be read: what is wrong with the endpoint is what
/// the record is for.
pub(crate) async fn probe(target: &Target, mask: &SecretMask) -> Result<ProbeRecord> {
    let started = clock::now();
    let StreamAttempt { report, stream } = open_stream(&target.url, &target.options).await;
    report.trace(mask.0.secrets()).iter().for_each(|line| mask.0.verbose(line));
    let (stream, failure) = match stream {
        Err(failure) if failure.exit == Exit::Usage => return Err(failure),
        Err(failure) => (None, Some(failure)),
        Ok(stream) => (Some(stream), None),
    };
    let mut record = ProbeRecord::new(started, &report, failure.as_ref(), target, mask);
    record.hints = hints::hints(&record, failure.as_ref(), mask);
    matrix::judge(&mut record);
    if let (Some(stream), Some(plan)) = (stream, &target.live) {
        let outcome =
            live::run(stream, plan, (report.agreement, target.options.max_message_size), mask).await?;
        record.checks.extend(outcome.checks);
        record.live = Some(outcome.live);
        if let Some((exit, failed)) = outcome.failed {
            (record.ok, record.exit, record.failed) = (false, exit.code(), Some(failed));
        }
    }
    Ok(record)
}
