//! `subscribe --check`: what a dialect would send, and what recorded messages mean to it.

use std::path::Path;

use super::generated::print;
use super::no_thread;
use crate::cli::options::SubscribeArgs;
use crate::codec::{Decoded, Reader, Steps};
use crate::dialect::{Client, ClientSetup, Dialect, EventAck, Meaning};
use crate::error::Result;
use crate::exit::Exit;
use crate::input::recording::{LastConn, RecordedItem, Recording, Take};
use crate::message::Message;
use crate::net::WsUrl;
use crate::report::Report;
use crate::secret::Secret;
use crate::text::counted;

/// What stands for the credential.
const CREDENTIAL: &str = "CREDENTIAL";

/// Prints it.
///
/// # Errors
/// A mistake in the dialect, or a file that cannot be read.
pub async fn explain(
    dialect: &dyn Dialect,
    (url, topics): (Option<&WsUrl>, &[String]),
    args: &SubscribeArgs,
    report: &Report,
) -> Result<Exit> {
    let default = dialect.default_url(&|_| None).map(|url| WsUrl::parse(&url)).transpose()?;
    let url = url.cloned().or(default);
    let credential = dialect.credential().map(|_| Secret::new(CREDENTIAL));
    let setup = ClientSetup { url: url.as_ref(), credential, var: &|_| Some(CREDENTIAL.to_owned()) };
    let mut client = dialect.client(&setup)?;
    let most = dialect.most_topics().unwrap_or(usize::MAX);
    let parts = if topics.len() > most { topics.chunks(most).collect() } else { vec![topics] };
    for (part, number) in parts.iter().zip(1..) {
        if parts.len() > 1 {
            print(format!("connection {number}: {}\n", counted(part.len(), "topic")).as_bytes())?;
        }
        print(sends(&mut *client, url.as_ref(), part)?.as_bytes())?;
    }
    client.notices().iter().for_each(|notice| report.warning(notice));
    match &args.session.from {
        Some(path) => meanings(path, (dialect, topics), &mut *client, report).await.map(|()| Exit::Ok),
        None => Ok(Exit::Ok),
    }
}

fn sends(client: &mut dyn Client, url: Option<&WsUrl>, topics: &[String]) -> Result<String> {
    let mut text = String::new();
    if let Some(url) = url {
        let target = client.target(url, topics, None)?;
        text.push_str(&format!("connect to {}\n", target.as_ref().unwrap_or(url)));
    }
    for (when, messages) in client.sends(topics) {
        for message in messages {
            text.push_str(&format!("{when}, send {}\n", String::from_utf8_lossy(message.as_bytes())));
        }
    }
    Ok(text)
}

async fn meanings(
    path: &Path,
    (dialect, topics): (&dyn Dialect, &[String]),
    client: &mut dyn Client,
    report: &Report,
) -> Result<()> {
    let (recording, odd) = Recording::open(path, Take::Received)?;
    odd.iter().for_each(|what| report.warning(&format!("--from: {what}")));
    let mut items = recording.spawn().map_err(|error| no_thread(&error))?;
    let steps = Steps::new(dialect.decode())?;
    let (mut reader, mut number, mut last) = (Reader::new(&steps, None), 0, LastConn::new());
    while let Some(batch) = items.recv().await {
        for item in batch? {
            let RecordedItem::Message(message, _, conn) = item else { continue };
            number += 1;
            if last.begins(conn) {
                drop(client.sends(topics));
            }
            let messages = match reader.read(message) {
                Decoded::One(message) => vec![message],
                Decoded::Parts(parts) => parts,
                Decoded::Nothing(_) => Vec::new(),
                Decoded::Unread(unread, _) => {
                    print(format!("message {number}: cannot be decoded: {unread}\n").as_bytes())?;
                    continue;
                }
            };
            for message in messages {
                print(meaning(client, (&message, last.is_old(conn)), number, report).as_bytes())?;
            }
        }
    }
    Ok(())
}

/// What one message means, and what is sent in answer to it.
fn meaning(
    client: &mut dyn Client,
    (message, is_old): (&Message, bool),
    number: u64,
    report: &Report,
) -> String {
    let rule = client.rule_of(message).map(|rule| format!(" {rule}:")).unwrap_or_default();
    let meaning = if is_old { client.understand_old(message) } else { client.understand(message) };
    let mut acks = Vec::new();
    let meaning = match meaning {
        Meaning::Event(facts) => event(facts.id.as_deref(), facts.cursor.as_deref()),
        Meaning::Events(events) => {
            let all: Vec<String> = events
                .iter()
                .map(|made| event(made.facts.id.as_deref(), made.facts.cursor.as_deref()))
                .collect();
            acks = events.iter().filter_map(|made| made.ack.as_ref()).map(acknowledgment).collect();
            all.join(", ")
        }
        Meaning::Ignored => "ignored".to_owned(),
        Meaning::Heartbeat => "heartbeat".to_owned(),
        Meaning::Pong => "pong".to_owned(),
        Meaning::Draining { after } => format!("the server closes after {} ms", after.as_millis()),
        Meaning::Confirmed { action, topics } => format!("{action} confirmed{}", named(&topics)),
        Meaning::Refused { action, message, topics, code, retry } => {
            let again = if retry { ", and tried again" } else { "" };
            let code = if code.is_empty() { code } else { format!("{code}: ") };
            format!("{action} refused{}{again}: {code}{message}", named(&topics))
        }
    };
    let mut text = format!("message {number}:{rule} {meaning}: {}\n", message.shortened(report.secrets()));
    for answer in client.answers() {
        text.push_str(&format!("  send {}\n", String::from_utf8_lossy(answer.as_bytes())));
    }
    acks.iter().for_each(|ack| text.push_str(&format!("  once its line is written, {ack}\n")));
    client.missing().iter().for_each(|missing| text.push_str(&format!("  {}\n", missing.notice())));
    client.notices().iter().for_each(|notice| text.push_str(&format!("  {notice}\n")));
    text
}

fn acknowledgment(ack: &EventAck) -> String {
    match ack {
        EventAck::Message(message) => format!("send {}", String::from_utf8_lossy(message.as_bytes())),
        EventAck::Call(call) => format!("call {} {}", call.method, call.url.shown_as_http()),
    }
}

fn event(id: Option<&str>, cursor: Option<&str>) -> String {
    let id = id.map(|id| format!(" id={id}")).unwrap_or_default();
    format!("event{id}{}", cursor.map(|cursor| format!(" cursor={cursor}")).unwrap_or_default())
}

/// The topics after a word, if there are any.
fn named(topics: &[String]) -> String {
    topics.iter().map(|topic| format!(" {topic}")).collect()
}
