//! `--to nats://HOST/SUBJECT`: a NATS subject, stored by JetStream.
//!
//! A line is stored when JetStream has acknowledged it. `Nats-Msg-Id` is the id of the event, so a line that is sent
//! again within the stream's duplicate window is stored once. With `--cursor-in-sink`, the provider's cursor is kept in
//! a key-value bucket.

use std::cell::Cell;
use std::collections::VecDeque;
use std::str::FromStr as _;
use std::sync::Arc;
use std::time::Duration;

use async_nats::jetstream::context::{Context, PublishAckFuture, PublishError, PublishErrorKind};
use async_nats::jetstream::{kv, stream};
use async_nats::{
    Client, ConnectError, ConnectErrorKind, ConnectOptions, Event, HeaderMap, HeaderName, HeaderValue,
};
use tokio::sync::watch;
use tokio::time::Instant;

use super::place::BrokerUrl;
use super::{LineStore, SinkLine, Stored, Trouble, Work};
use crate::error::{Failure, Result};
use crate::net::{Options, client_config};
use crate::text::hex;

/// How long JetStream may take to acknowledge a line.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lines that wait for their acknowledgment at a time.
const AT_ONCE: usize = 4000;

/// The least time from one write of the cursor to the next.
const CURSOR_PACE: Duration = Duration::from_millis(100);

/// The bucket of cursors, unless the URL names another.
const BUCKET: &str = "wstap";

/// How a connection is authenticated: what the environment has, by nats's own names.
#[derive(Clone, Debug, Default)]
pub struct NatsCredentials {
    /// `NATS_CREDS`: the path of a credentials file.
    pub file: Option<String>,
    /// `NATS_NKEY`: the path of a file with the seed of a key.
    pub nkey: Option<String>,
    /// `NATS_TOKEN`.
    pub token: Option<crate::secret::Secret>,
    /// `NATS_USER` and `NATS_PASSWORD`.
    pub user: Option<(String, crate::secret::Secret)>,
}

/// A subject, and the connection to its server while there is one.
pub struct NatsStore {
    url: BrokerUrl,
    options: Options,
    credentials: NatsCredentials,
    /// JetStream acknowledges lines.
    acknowledged: bool,
    /// The key is a part of the subject.
    with_key: bool,
    bucket: Option<String>,
    link: Option<NatsLink>,
    /// The cursor that is not stored yet.
    waiting_cursor: Option<String>,
}

struct NatsLink {
    client: Client,
    jetstream: Context,
    cursors: Option<kv::Store>,
    /// Counts lost connections.
    losses: watch::Receiver<u32>,
    cursor_stored: Option<Instant>,
}

impl NatsStore {
    /// A store for the subject of this URL.
    ///
    /// # Errors
    /// If the URL has options that are unknown or wrong, or the subject is not valid.
    pub fn new(
        url: BrokerUrl,
        options: Options,
        credentials: NatsCredentials,
        cursor: bool,
        with_key: bool,
    ) -> Result<Self> {
        url.takes(&["ack", "cacert", "cert", "cursor", "key"])?;
        let acknowledged = match url.option("ack") {
            None | Some("all") => true,
            Some("none") => false,
            Some(other) => {
                return Err(Failure::usage(format!("--to {url}: ack={other} is neither all nor none")));
            }
        };
        if !is_subject(&url.name) {
            return Err(Failure::usage(format!("--to {url}: '{}' is not a valid subject", url.name))
                .hint("write words with dots between them, without blanks, * and >"));
        }
        if cursor && !acknowledged {
            return Err(Failure::usage(
                "--cursor-in-sink needs acknowledgments, and ?ack=none switches them off",
            ));
        }
        let bucket = cursor.then(|| url.option("cursor").unwrap_or(BUCKET).to_owned());
        let (link, waiting_cursor) = (None, None);
        Ok(Self { url, options, credentials, acknowledged, with_key, bucket, link, waiting_cursor })
    }

    async fn connect(&mut self) -> std::result::Result<(), Trouble> {
        self.link = None;
        let (lost, losses) = watch::channel(0);
        let lost = Arc::new(lost);
        let options = connect_options(&self.url, &self.options, &self.credentials).await?;
        let options = options.event_callback(move |event| {
            let lost = Arc::clone(&lost);
            async move {
                if matches!(event, Event::Disconnected | Event::Closed) {
                    lost.send_modify(|count| *count += 1);
                }
            }
        });
        let address = address(&self.url);
        let client = options.connect(address).await.map_err(|error| refused_connection(&error))?;
        let mut jetstream = async_nats::jetstream::new(client.clone());
        jetstream.set_timeout(PATIENCE);
        if self.acknowledged && !self.with_key {
            self.find_stream(&jetstream, &self.url.name).await?;
        }
        let cursors = match &self.bucket {
            Some(bucket) => Some(open_bucket(&jetstream, bucket).await?),
            None => None,
        };
        self.link = Some(NatsLink { client, jetstream, cursors, losses, cursor_stored: None });
        Ok(())
    }

    /// Is there a stream that stores the subject?
    async fn find_stream(&self, jetstream: &Context, subject: &str) -> std::result::Result<(), Trouble> {
        use async_nats::jetstream::context::GetStreamByNameErrorKind as Kind;
        match jetstream.stream_by_subject(subject).await {
            Ok(_) => Ok(()),
            Err(error) if matches!(error.kind(), Kind::NotFound) => {
                let text = format!("no JetStream stream stores the subject '{subject}'");
                let hint = "create a stream with that subject, or add ?ack=none to publish without storing";
                Err(Trouble::Unusable(text, Some(hint)))
            }
            Err(error) => Err(Trouble::Away(format!("JetStream: {error}"))),
        }
    }

    async fn read_cursor(&mut self) -> std::result::Result<Option<String>, Trouble> {
        let Some(NatsLink { cursors: Some(cursors), .. }) = &self.link else { return Ok(None) };
        let key = cursor_key(&self.url.name);
        match cursors.get(key).await {
            Ok(cursor) => Ok(cursor.and_then(|cursor| String::from_utf8(cursor.to_vec()).ok())),
            Err(error) => Err(Trouble::Away(format!("cannot read the cursor: {error}"))),
        }
    }

    async fn publish(&mut self, lines: &[SinkLine], stored: &dyn Fn(usize)) -> Stored {
        let Some(link) = &mut self.link else { return Stored::not_connected(0) };
        let mut losses = link.losses.clone();
        losses.mark_unchanged();
        // What was acknowledged before a loss counts.
        let done = Cell::new(0);
        let publishing = async {
            match self.acknowledged {
                true => link.publish(lines, &self.url.name, &done, stored).await,
                false => link.publish_plain(lines, &self.url.name, &done).await,
            }
        };
        let trouble = tokio::select! {
            trouble = publishing => trouble,
            _ = losses.changed() => Some(Trouble::Away("connection lost".to_owned())),
        };
        let lines_done = done.get();
        let trouble = match trouble {
            Some(Trouble::Refused(text)) if text.is_empty() => {
                let subject = subject(&self.url.name, lines.get(lines_done).and_then(SinkLine::key));
                Some(self.explain_missing(&subject.unwrap_or_default()).await)
            }
            other => other,
        };
        if matches!(trouble, Some(Trouble::Away(_))) {
            self.link = None;
        }
        Stored { lines: lines_done, trouble }
    }

    /// Nobody has answered: there is no stream, or JetStream is not there at the moment.
    async fn explain_missing(&mut self, subject: &str) -> Trouble {
        let Some(link) = &self.link else { return Trouble::Away("not connected".to_owned()) };
        match self.find_stream(&link.jetstream, subject).await {
            Ok(()) => Trouble::Away("JetStream did not answer".to_owned()),
            Err(Trouble::Unusable(text, hint)) if !self.with_key => Trouble::Unusable(text, hint),
            Err(Trouble::Unusable(text, _)) => Trouble::Refused(text),
            Err(other) => other,
        }
    }

    /// Stores the cursor, if it is time to. What stays is stored with the next lines, or at the end.
    async fn keep_cursor(&mut self, now: bool) -> std::result::Result<(), Trouble> {
        let Some(NatsLink { cursors: Some(cursors), cursor_stored, .. }) = &mut self.link else {
            return Ok(());
        };
        let is_due = now || cursor_stored.is_none_or(|at| at.elapsed() >= CURSOR_PACE);
        let Some(cursor) = self.waiting_cursor.take_if(|_| is_due) else { return Ok(()) };
        match cursors.put(cursor_key(&self.url.name), cursor.clone().into()).await {
            Ok(_) => {
                *cursor_stored = Some(Instant::now());
                Ok(())
            }
            Err(error) => {
                self.waiting_cursor = Some(cursor);
                self.link = None;
                Err(Trouble::Away(format!("cannot store the cursor: {error}")))
            }
        }
    }
}

impl NatsLink {
    /// Publishes lines and counts their acknowledgments. A refusal without words means that nobody has answered.
    async fn publish(
        &self,
        lines: &[SinkLine],
        prefix: &str,
        done: &Cell<usize>,
        stored: &dyn Fn(usize),
    ) -> Option<Trouble> {
        let mut sent: VecDeque<PublishAckFuture> = VecDeque::with_capacity(AT_ONCE);
        let mut failed = None;
        let acknowledged = async |ack: PublishAckFuture| match ack.await {
            Ok(_) => {
                done.set(done.get() + 1);
                None
            }
            Err(error) => Some(trouble(&error)),
        };
        for line in lines {
            if sent.len() >= AT_ONCE
                && let Some(ack) = sent.pop_front()
                && let Some(trouble) = acknowledged(ack).await
            {
                return Some(trouble);
            }
            let published = match message(line, prefix) {
                Ok((subject, headers)) => {
                    let published = self.jetstream.publish_with_headers(subject, headers, line.text.clone());
                    published.await.map_err(|error| trouble(&error))
                }
                Err(text) => Err(Trouble::Refused(text)),
            };
            match published {
                Ok(ack) => sent.push_back(ack),
                Err(trouble) => {
                    failed = Some(trouble);
                    break;
                }
            }
        }
        for ack in sent {
            if let Some(trouble) = acknowledged(ack).await {
                return Some(trouble);
            }
        }
        stored(done.get());
        failed
    }

    /// Publishes lines. Nobody acknowledges them: they are done with when they are on their way.
    async fn publish_plain(&self, lines: &[SinkLine], prefix: &str, done: &Cell<usize>) -> Option<Trouble> {
        let (mut sent, mut failed) = (0, None);
        for line in lines {
            let published = match message(line, prefix) {
                Ok((subject, headers)) => {
                    let published = self.client.publish_with_headers(subject, headers, line.text.clone());
                    published.await.map_err(|error| Trouble::Refused(error.to_string()))
                }
                Err(text) => Err(Trouble::Refused(text)),
            };
            match published {
                Ok(()) => sent += 1,
                Err(trouble) => {
                    failed = Some(trouble);
                    break;
                }
            }
        }
        if let Err(error) = self.client.flush().await {
            return Some(Trouble::Away(error.to_string()));
        }
        done.set(sent);
        failed
    }
}

impl LineStore for NatsStore {
    fn open(&mut self) -> Work<'_, std::result::Result<(), Trouble>> {
        Box::pin(self.connect())
    }

    fn cursor(&mut self) -> Work<'_, std::result::Result<Option<String>, Trouble>> {
        Box::pin(self.read_cursor())
    }

    fn store<'a>(
        &'a mut self,
        lines: &'a [SinkLine],
        cursor: Option<&'a str>,
        stored: &'a dyn Fn(usize),
    ) -> Work<'a, Stored> {
        Box::pin(async move {
            let outcome =
                if lines.is_empty() { Stored::default() } else { self.publish(lines, stored).await };
            if outcome.trouble.is_some() || self.bucket.is_none() {
                return outcome;
            }
            if let Some(cursor) = cursor {
                self.waiting_cursor = Some(cursor.to_owned());
            }
            Stored { trouble: self.keep_cursor(false).await.err(), ..outcome }
        })
    }

    fn close(&mut self) -> Work<'_, std::result::Result<(), String>> {
        Box::pin(async move {
            match self.keep_cursor(true).await {
                Ok(()) => Ok(()),
                Err(Trouble::Away(text) | Trouble::Refused(text) | Trouble::Unusable(text, _)) => Err(text),
            }
        })
    }
}

fn address(url: &BrokerUrl) -> String {
    let scheme = if url.server.is_tls() { "tls" } else { "nats" };
    format!("{scheme}://{}", url.server.host_header())
}

async fn connect_options(
    url: &BrokerUrl,
    options: &Options,
    credentials: &NatsCredentials,
) -> std::result::Result<ConnectOptions, Trouble> {
    let unreadable =
        |what: &str, error: &dyn std::fmt::Display| Trouble::Unusable(format!("{what}: {error}"), None);
    let mut nats = ConnectOptions::new().name("wstap").connection_timeout(options.connect_timeout);
    let user = url.user.clone().or(credentials.user.clone());
    if let Some((user, password)) = user {
        // As other clients read it: a user alone is a token.
        nats = match password.expose() {
            "" => nats.token(user),
            password => nats.user_and_password(user, password.to_owned()),
        };
    } else if let Some(token) = &credentials.token {
        nats = nats.token(token.expose().to_owned());
    } else if let Some(path) = &credentials.file {
        nats = nats
            .credentials_file(path)
            .await
            .map_err(|error| unreadable(&format!("NATS_CREDS {path}"), &error))?;
    } else if let Some(path) = &credentials.nkey {
        let seed = crate::file::text(std::path::Path::new(path), crate::file::MAX_WRITTEN);
        let seed = seed.map_err(|error| unreadable(&format!("NATS_NKEY {path}"), &error))?;
        nats = nats.nkey(seed.trim().to_owned());
    }
    let tls = &options.tls;
    if url.server.is_tls()
        || tls.cacert.is_some()
        || tls.cert.is_some()
        || tls.insecure
        || !tls.pins.is_empty()
    {
        let config = client_config(tls).await.map_err(|failure| Trouble::Unusable(failure.what, None))?;
        nats = nats.tls_client_config(config).require_tls(url.server.is_tls());
    }
    Ok(nats)
}

/// Opens a key-value bucket, and makes it if there is none.
///
/// # Errors
/// What happened, and what helps where that is known.
pub async fn open_store(
    url: &BrokerUrl,
    options: &Options,
    credentials: &NatsCredentials,
    bucket: &str,
) -> std::result::Result<kv::Store, (String, Option<&'static str>)> {
    let open = async {
        let options = connect_options(url, options, credentials).await?;
        let client = options.connect(address(url)).await.map_err(|error| refused_connection(&error))?;
        open_bucket(&async_nats::jetstream::new(client), bucket).await
    };
    open.await.map_err(|trouble| match trouble {
        Trouble::Away(text) | Trouble::Refused(text) => (text, None),
        Trouble::Unusable(text, hint) => (text, hint),
    })
}

async fn open_bucket(jetstream: &Context, bucket: &str) -> std::result::Result<kv::Store, Trouble> {
    if let Ok(store) = jetstream.get_key_value(bucket).await {
        return Ok(store);
    }
    let failed = |error: &dyn std::fmt::Display| {
        Trouble::Away(format!("cannot create the key-value bucket '{bucket}': {error}"))
    };
    // `create_key_value` asks for the account first, and does not understand the answer of servers before 2.10. A bucket
    // is a stream of this form (NATS ADR-8).
    let config = stream::Config {
        name: format!("KV_{bucket}"),
        description: Some("cursors and leases of wstap".to_owned()),
        subjects: vec![format!("$KV.{bucket}.>")],
        max_messages_per_subject: 1,
        discard: stream::DiscardPolicy::New,
        allow_rollup: true,
        deny_delete: true,
        allow_direct: true,
        max_age: Duration::ZERO,
        num_replicas: 1,
        ..stream::Config::default()
    };
    if let Err(error) = jetstream.create_stream(config).await {
        // Another process may have made it meanwhile.
        return jetstream.get_key_value(bucket).await.map_err(|_| failed(&error));
    }
    jetstream.get_key_value(bucket).await.map_err(|error| failed(&error))
}

/// The key of a subject's cursor. Keys take fewer characters than subjects do.
fn cursor_key(subject: &str) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '/' | '=');
    match subject.chars().all(fits) {
        true => format!("cursor.{subject}"),
        false => format!("cursor.sha256.{}", digest(subject)),
    }
}

fn digest(text: &str) -> String {
    use sha2::Digest as _;
    hex(&sha2::Sha256::digest(text.as_bytes()))
}

/// The subject of a line: that of the URL, and the key behind it.
fn subject(prefix: &str, key: Option<&str>) -> Option<String> {
    let subject = match key {
        None => prefix.to_owned(),
        Some(key) => format!("{prefix}.{key}"),
    };
    is_subject(&subject).then_some(subject)
}

/// Is it a subject that can be published to?
fn is_subject(text: &str) -> bool {
    let is_word = |word: &str| !word.is_empty() && word != "*" && word != ">";
    let is_clean = |c: char| !c.is_whitespace() && !c.is_control();
    text.split('.').all(is_word) && text.chars().all(is_clean)
}

fn message(line: &SinkLine, prefix: &str) -> std::result::Result<(String, HeaderMap), String> {
    let subject = subject(prefix, line.key()).ok_or_else(|| {
        format!("the key '{}' does not make a valid subject", line.key().unwrap_or_default())
    })?;
    let mut headers = HeaderMap::new();
    let id = HeaderValue::from_str(&line.id).ok().filter(|_| !line.id.is_empty());
    let id = id.unwrap_or_else(|| HeaderValue::from(digest(&line.id)));
    headers.insert("Nats-Msg-Id", id);
    for (name, value) in line.address.iter().flat_map(|address| &address.headers) {
        let named = HeaderName::from_str(name).map_err(|error| format!("the header '{name}': {error}"))?;
        let value = HeaderValue::from_str(value).map_err(|error| format!("the header '{name}': {error}"))?;
        headers.append(named, value);
    }
    Ok((subject, headers))
}

/// What a failed connection means.
fn refused_connection(error: &ConnectError) -> Trouble {
    match error.kind() {
        ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
            let hint = "set NATS_CREDS, NATS_NKEY, NATS_TOKEN, or NATS_USER and NATS_PASSWORD";
            Trouble::Unusable(error.to_string(), Some(hint))
        }
        _ => Trouble::Away(error.to_string()),
    }
}

/// What a line that was not acknowledged means. A refusal without words: nobody has answered.
fn trouble(error: &PublishError) -> Trouble {
    use std::error::Error as _;
    let of_server = error.source().and_then(|source| source.downcast_ref::<async_nats::jetstream::Error>());
    match (error.kind(), of_server) {
        (PublishErrorKind::StreamNotFound, _) => Trouble::Refused(String::new()),
        (PublishErrorKind::MaxPayloadExceeded, _) => Trouble::Refused(error.to_string()),
        // A full stream, or one without a leader, may take the line later.
        (_, Some(refusal)) if refusal.code() == 503 => Trouble::Away(refusal.to_string()),
        (_, Some(refusal)) => Trouble::Refused(refusal.to_string()),
        _ => Trouble::Away(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_parts_of_subjects() {
        assert_eq!(subject("a", None).as_deref(), Some("a"));
        assert_eq!(subject("a", Some("b.c")).as_deref(), Some("a.b.c"));
        for key in ["", "x y", "*", "a..b", ">", "a\n"] {
            assert_eq!(subject("a", Some(key)), None, "{key:?}");
        }
        assert_eq!(cursor_key("a.b"), "cursor.a.b");
        assert!(cursor_key("a:b").starts_with("cursor.sha256."));
    }
}
