//! The control API: HTTP beside the providers' paths, for tests that steer the server or ask what it saw. JSON in,
//! JSON out. `guard` decides who may use it.

use std::sync::atomic::Ordering;
use std::time::Duration;

use serde_json::json;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::journal::Select;
use super::matcher::{self, Found};
use super::server::Site;
use super::{Faults, metrics};
use crate::handshake::server::{Request, Response};
use crate::limits;
use crate::pipeline::filter::LimitedProgram;
use crate::provider::Say;
use crate::provider::budget::Share;

pub(crate) mod body;
mod guard;
mod settings;
#[cfg(test)]
mod tests;

pub(super) use guard::Guard;
pub use settings::ControlSettings;

use body::{Aim, CloseBody, CommandBody, Drain, NewFaults, Push, Wait};

/// What every path of the API begins with. No provider has it.
const PREFIX: &str = "/__wstap/";

/// The base of the API on a server's address.
pub(super) const BASE: &str = "/__wstap";

/// Bytes of a path in the list of clients. There may be thousands, and any client chooses its own.
const SHOWN_PATH: usize = 1024;

/// What the API can do, for whoever asks for something else.
const ROUTES: [&str; 15] = [
    "GET health",
    "GET clients",
    "GET journal",
    "GET metrics",
    "POST push",
    "POST close",
    "POST drop",
    "POST drain",
    "POST command",
    "POST pause",
    "POST resume",
    "POST wait",
    "GET faults",
    "PUT faults",
    "DELETE journal",
];

/// Does this path belong to the API?
pub(super) fn owns(path: &str) -> bool {
    path.starts_with(PREFIX) || path == BASE
}

/// Answers a request to the API.
/// What it keeps meanwhile counts in this share.
pub(super) async fn answer(site: &Site, guard: &Guard, request: &Request, share: &Share) -> Response {
    match route(site, guard, request, share).await {
        Ok(response) | Err(response) => response,
    }
}

async fn route(site: &Site, guard: &Guard, request: &Request, share: &Share) -> Result<Response, Response> {
    let name = request.path().strip_prefix(PREFIX).unwrap_or_default();
    guard.check(request, name == "health")?;
    let body = &request.body[..];
    if matches!(request.method(), "POST" | "PUT") && !is_json(request) {
        return Err(error(415, "the Content-Type must be application/json"));
    }
    match (request.method(), name) {
        ("GET", "health") => Ok(health(site)),
        ("GET", "clients") => Ok(clients(site)),
        ("GET", "metrics") => Ok(metrics::answer(&site.registry)),
        ("GET", "journal") => journal(site, request).await,
        ("DELETE", "journal") => Ok(ok(&json!({"forgotten": site.registry.journal.clear()}))),
        ("POST", "push") => push(site, &read(body)?),
        ("POST", "close") => close(site, read(body)?),
        ("POST", "drop") => Ok(dismiss(site, &read::<Aim>(body)?.to, &Say::Drop)),
        ("POST", "drain") => drain(site, &read(body)?),
        ("POST", "command") => command(site, &read(body)?),
        ("POST", "pause") => Ok(pause(site, true)),
        ("POST", "resume") => Ok(pause(site, false)),
        ("POST", "wait") => wait(site, &read(body)?, share).await,
        ("GET", "faults") => Ok(faults(site)),
        ("PUT", "faults") => set_faults(site, &read(body)?),
        (method, name) => Err(no_route(method, name)),
    }
}

fn health(site: &Site) -> Response {
    let clients = site.registry.clients().len();
    ok(&json!({"status": "ok", "version": env!("CARGO_PKG_VERSION"), "clients": clients}))
}

fn clients(site: &Site) -> Response {
    let clients: Vec<_> = site
        .registry
        .clients()
        .iter()
        .map(|conn| {
            json!({
                "id": conn.id,
                "path": &conn.path[..conn.path.floor_char_boundary(SHOWN_PATH)],
                "remote": conn.remote.to_string(),
                "since": format!("{:.6}", conn.since),
                "received": conn.received.load(Ordering::Relaxed),
                "sent": conn.sent.load(Ordering::Relaxed),
                "discarded": conn.discarded(),
            })
        })
        .collect();
    ok(&json!({"clients": clients, "paused": site.registry.gate.is_shut()}))
}

async fn journal(site: &Site, request: &Request) -> Result<Response, Response> {
    // As in a body: a misspelt condition would let every message through.
    const PARAMETERS: &[&str] = &["since", "path", "conn", "jq"];
    if let Some(stray) = request.query_names().find(|name| !PARAMETERS.contains(name)) {
        return Err(error(
            400,
            &format!("unknown parameter {stray} (known parameters: {})", PARAMETERS.join(", ")),
        ));
    }
    let select = Select {
        since: number(request, "since")?.unwrap_or(0),
        path: request.query("path").map(str::to_owned),
        conn: number(request, "conn")?,
    };
    let program = compile(request.query("jq")).await?;
    let search = matcher::search(&site.registry.journal, &select, program.as_ref());
    // Nobody said how long the program may take; a client that asks by GET will not wait for long.
    let found = timeout(Duration::from_secs(10), search).await;
    let found = found.map_err(|_| error(408, "the jq program ran too long"))?;
    if found.stopped {
        return Err(error(408, found.error.as_deref().unwrap_or_default()));
    }
    Ok(messages(200, &found, site.registry.journal.fill().discarded))
}

fn push(site: &Site, push: &Push<'_>) -> Result<Response, Response> {
    match push.message().map_err(|why| error(400, &why))? {
        Some(message) => {
            let clients = site.registry.clients().into_iter().filter(|conn| push.to.means(conn));
            let sent = clients.filter(|conn| conn.post(Say::Message(message.clone()))).count();
            Ok(ok(&json!({"sent": sent})))
        }
        None => {
            let what = push.publish.unwrap_or(RawValue::NULL);
            let mut services = site.services_of(push.dialect.as_deref());
            let sent = services.find_map(|service| service.push(what));
            sent.map(|sent| ok(&json!({"sent": sent})))
                .ok_or_else(|| error(400, "no provider of this server can publish this message"))
        }
    }
}

fn close(site: &Site, mut close: CloseBody) -> Result<Response, Response> {
    let to = std::mem::take(&mut close.to);
    let say = close.say().map_err(|why| error(400, &why))?;
    Ok(dismiss(site, &to, &say))
}

fn dismiss(site: &Site, to: &body::To, last: &Say) -> Response {
    let clients = site.registry.clients().into_iter().filter(|conn| to.means(conn));
    let count = clients.filter(|conn| conn.dismiss(last.clone())).count();
    ok(&json!({"ended": count}))
}

fn drain(site: &Site, drain: &Drain) -> Result<Response, Response> {
    let services = site.services_of(drain.dialect.as_deref());
    match services.filter(|service| service.drain()).count() {
        0 => Err(error(400, "no provider of this server supports drain")),
        drained => Ok(ok(&json!({"drained": drained}))),
    }
}

fn command(site: &Site, command: &CommandBody) -> Result<Response, Response> {
    let mut services = site.services_of(command.dialect.as_deref());
    let result = services.find_map(|service| service.command(&command.name, &command.argument));
    result
        .map(|result| ok(&json!({"result": result})))
        .ok_or_else(|| error(400, "unknown command or argument"))
}

fn pause(site: &Site, shut: bool) -> Response {
    site.registry.gate.set(shut);
    ok(&json!({"paused": shut}))
}

fn faults(site: &Site) -> Response {
    ok(&json!({"faults": site.faults.current().texts().collect::<Vec<_>>()}))
}

fn set_faults(site: &Site, new: &NewFaults) -> Result<Response, Response> {
    if new.faults.iter().map(String::len).sum::<usize>() > limits::MOCK_FAULTS {
        return Err(error(400, &format!("faults too large (at most {} bytes)", limits::MOCK_FAULTS)));
    }
    site.faults.set(Faults::parse(&new.faults).map_err(|why| error(400, &why))?);
    Ok(faults(site))
}

async fn wait(site: &Site, wait: &Wait, share: &Share) -> Result<Response, Response> {
    let patience = wait.timeout().map_err(|why| error(400, &why))?;
    let program = compile(wait.jq.as_deref()).await?;
    let select = Select { since: wait.since, path: wait.path.clone(), conn: wait.conn };
    let journal = &site.registry.journal;
    let mut found = Found::default();
    let count = wait.count.unwrap_or(1);
    let waiting = matcher::wait((journal, Some(share)), select, program.as_ref(), count, &mut found);
    let in_time = timeout(patience, waiting).await.is_ok();
    let status = match (in_time, found.full) {
        (_, true) => 413,
        (true, false) => 200,
        (false, false) => 408,
    };
    Ok(messages(status, &found, journal.fill().discarded))
}

async fn compile(source: Option<&str>) -> Result<Option<LimitedProgram>, Response> {
    let Some(source) = source else { return Ok(None) };
    match matcher::compile("jq", source).await {
        Ok(program) => Ok(Some(program)),
        Err(failure) => {
            let body = json!({"error": failure.what, "details": failure.details});
            Err(Response::json(400, body.to_string()))
        }
    }
}

/// What was found, as it goes out, as far as an answer has room. `next` is the `since` of a request for what comes
/// after.
fn messages(status: u16, found: &Found, discarded: u64) -> Response {
    let mut out = br#"{"messages":["#.to_vec();
    let mut next = found.next;
    for (at, entry) in found.entries.iter().enumerate() {
        let before = out.len();
        if at > 0 {
            out.push(b',');
        }
        entry.write(&mut out);
        if at > 0 && out.len() > limits::JOURNAL_ANSWER {
            out.truncate(before);
            next = entry.number - 1;
            break;
        }
    }
    let error = serde_json::Value::from(found.error.clone());
    out.extend(format!(r#"],"next":{next},"discarded":{discarded},"jq_error":{error}}}"#).into_bytes());
    let mut response = Response::json(status, String::new());
    response.body = out;
    response
}

fn number(request: &Request, name: &str) -> Result<Option<u64>, Response> {
    let number = request.query(name).map(str::parse).transpose();
    number.map_err(|_| error(400, &format!("{name} must be a number")))
}

fn read<'a, T: serde::Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, Response> {
    body::read(bytes).map_err(|why| error(400, &why))
}

/// A form of a page can send three content types to any server, and this is none of them.
fn is_json(request: &Request) -> bool {
    let kind = request.header("Content-Type").unwrap_or_default();
    kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case("application/json")
}

fn no_route(method: &str, name: &str) -> Response {
    let known = ROUTES.iter().filter_map(|route| route.split_once(' '));
    let allowed: Vec<&str> = known.filter(|(_, path)| *path == name).map(|(method, _)| method).collect();
    if !allowed.is_empty() {
        return error(405, &format!("{PREFIX}{name} does not support {method}"))
            .header("Allow", &allowed.join(", "));
    }
    let body = json!({"error": "unknown route", "base": PREFIX, "routes": ROUTES});
    Response::json(404, body.to_string())
}

fn ok(body: &serde_json::Value) -> Response {
    Response::json(200, body.to_string())
}

fn error(status: u16, why: &str) -> Response {
    Response::json(status, json!({"error": why}).to_string())
}
