//! `--to redis://HOST/STREAM`: a Redis stream.
//!
//! Each line is an entry with the fields `id`, `data`, `key` if there is one, and the headers. A batch is sent in pieces,
//! so that Redis works on one while the next is made.
//! With `--cursor-in-sink`, a batch is one transaction that also writes the provider's cursor, and how far this run has
//! come: after a lost connection, that tells whether the last transaction was done.

use std::collections::VecDeque;
use std::future::{Future as _, poll_fn};
use std::task::Poll;
use std::time::Duration;

use futures_util::future::maybe_done;
use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, ErrorKind, RedisConnectionInfo, RedisError, RedisResult, Value};
use tokio::task::{JoinHandle, unconstrained, yield_now};

use super::place::BrokerUrl;
use super::{LineStore, SinkLine, Stored, Trouble, Work};
use crate::error::Result;
use crate::limits;
use crate::net::{Options, open_bare};
use crate::secret::Secret;

/// How long Redis may take to answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Lines of a piece, which is one pipeline.
const PIECE: usize = 250;

/// Pieces on their way at a time. The connection has room for more.
const AT_ONCE: usize = 16;

/// Errors that pass: the command may be tried again (redis.io, "Redis protocol specification", error prefixes).
const TEMPORARY: [&str; 9] =
    ["OOM", "LOADING", "BUSY", "MASTERDOWN", "READONLY", "CLUSTERDOWN", "NOREPLICAS", "TRYAGAIN", "MISCONF"];

/// The fields of the hash beside the stream.
const CURSOR: &str = "cursor";
const RUN: &str = "run";
const STORED: &str = "stored";

/// A stream, and the connection to it while there is one.
pub struct RedisStore {
    url: BrokerUrl,
    options: Options,
    maxlen: Option<u64>,
    info: RedisConnectionInfo,
    /// Where the cursor is kept, if it is kept here.
    cursor_key: Option<String>,
    /// What tells the transactions of this run from others.
    run: String,
    link: Option<RedisLink>,
    /// What became of lines that were sent with one that was refused.
    outcomes: VecDeque<RedisResult<Value>>,
    /// Lines that end up to here are stored, by the account in Redis.
    stored: u64,
}

struct RedisLink {
    connection: MultiplexedConnection,
    driver: JoinHandle<()>,
}

impl Drop for RedisLink {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl RedisStore {
    /// A store for the stream of this URL.
    ///
    /// # Errors
    /// If the URL has options that are unknown or wrong.
    pub fn new(url: BrokerUrl, options: Options, cursor: bool, password: Option<Secret>) -> Result<Self> {
        url.takes(&["cacert", "cert", "cursor", "db", "key", "maxlen"])?;
        let (maxlen, db) = (url.number("maxlen")?, url.number("db")?);
        let mut info = RedisConnectionInfo::default();
        if let Some(db) = db {
            info = info.set_db(i64::try_from(db).unwrap_or(i64::MAX));
        }
        let (user, in_url) = url.user.clone().unzip();
        let password = in_url.filter(|password| !password.expose().is_empty()).or(password);
        if let Some(user) = user.filter(|user| !user.is_empty()) {
            info = info.set_username(user);
        }
        if let Some(password) = password {
            info = info.set_password(password.expose());
        }
        let cursor_key = cursor.then(|| match url.option("cursor") {
            Some(key) => key.to_owned(),
            None => format!("{}:cursor", url.name),
        });
        let run = format!("{:016x}", fastrand::u64(..));
        let (link, outcomes) = (None, VecDeque::new());
        Ok(Self { url, options, maxlen, info, cursor_key, run, link, outcomes, stored: 0 })
    }

    async fn connect(&mut self) -> std::result::Result<(), Trouble> {
        (self.link, self.outcomes) = (None, VecDeque::new());
        let stream = open_bare(&self.url.server, &self.options).await;
        let stream = stream.map_err(|failure| Trouble::Away(failure.what))?;
        let config =
            AsyncConnectionConfig::new().set_response_timeout(Some(PATIENCE)).set_connection_timeout(None);
        let opened = MultiplexedConnection::new_with_config(&self.info, stream, config);
        let (mut connection, driver) = opened.await.map_err(|error| trouble(&error))?;
        let driver = tokio::spawn(driver);
        let kind: RedisResult<String> =
            redis::cmd("TYPE").arg(&self.url.name).query_async(&mut connection).await;
        let kind = kind.map_err(|error| trouble(&error))?;
        if !matches!(&*kind, "stream" | "none") {
            let text = format!("the key '{}' holds a {kind}, not a stream", self.url.name);
            return Err(Trouble::Unusable(text, Some("name another stream, or delete that key")));
        }
        if let Some(key) = &self.cursor_key {
            let account: RedisResult<(Option<String>, Option<u64>)> =
                redis::cmd("HMGET").arg(key).arg(&[RUN, STORED]).query_async(&mut connection).await;
            let (run, stored) = account.map_err(|error| trouble(&error))?;
            self.stored = stored.filter(|_| run.as_ref() == Some(&self.run)).unwrap_or(self.stored);
        }
        self.link = Some(RedisLink { connection, driver });
        Ok(())
    }

    async fn read_cursor(&mut self) -> std::result::Result<Option<String>, Trouble> {
        let (Some(key), Some(link)) = (&self.cursor_key, &mut self.link) else { return Ok(None) };
        let cursor = redis::cmd("HGET").arg(key).arg(CURSOR).query_async(&mut link.connection).await;
        cursor.map_err(|error| trouble(&error))
    }

    fn add(&self, pipe: &mut redis::Pipeline, line: &SinkLine) {
        pipe.cmd("XADD").arg(&self.url.name);
        if let Some(most) = self.maxlen {
            pipe.arg("MAXLEN").arg("~").arg(most);
        }
        pipe.arg("*").arg("id").arg(&line.id).arg("data").arg(&line.text[..]);
        if let Some(key) = line.key() {
            pipe.arg("key").arg(key);
        }
        for (name, value) in line.address.iter().flat_map(|address| &address.headers) {
            pipe.arg(name).arg(value);
        }
    }

    /// Stores lines, and whatever comes of each, one by one.
    async fn store_each(&mut self, lines: &[SinkLine], stored: &dyn Fn(usize)) -> Stored {
        let mut lost = None;
        if self.outcomes.is_empty() {
            let Some(link) = &self.link else { return Stored::not_connected(0) };
            let (outcomes, error) = self.send(lines, &link.connection, stored).await;
            (self.outcomes, lost) = (outcomes, error);
        }
        for done in 0..lines.len() {
            match self.outcomes.pop_front() {
                Some(Ok(_)) => {}
                Some(Err(error)) => return self.failed(done, trouble(&error)),
                None => {
                    self.link = None;
                    let lost = lost.as_ref().map(trouble);
                    return lost.map_or_else(|| Stored::not_connected(done), |lost| self.failed(done, lost));
                }
            }
        }
        Stored { lines: lines.len(), trouble: None }
    }

    /// Sends lines in pieces, until the connection fails. Gives what became of each line.
    async fn send(
        &self,
        lines: &[SinkLine],
        connection: &MultiplexedConnection,
        stored: &dyn Fn(usize),
    ) -> (VecDeque<RedisResult<Value>>, Option<RedisError>) {
        let (mut outcomes, mut refused) = (VecDeque::with_capacity(lines.len()), false);
        let mut pieces = lines.chunks(PIECE);
        let mut sent = VecDeque::with_capacity(AT_ONCE);
        loop {
            while sent.len() < AT_ONCE
                && let Some(piece) = pieces.next()
            {
                let mut asked = Box::pin(maybe_done(unconstrained(self.ask(piece, connection.clone()))));
                // The first poll puts it behind the pieces before it, and the connection writes it before the next is made.
                let _ = poll_fn(|context| Poll::Ready(asked.as_mut().poll(context))).await;
                sent.push_back(asked);
                yield_now().await;
            }
            let Some(mut first) = sent.pop_front() else { return (outcomes, None) };
            first.as_mut().await;
            match first.as_mut().take_output() {
                Some(Ok(of_piece)) => {
                    refused |= of_piece.iter().any(Result::is_err);
                    outcomes.extend(of_piece);
                }
                Some(Err(error)) => return (outcomes, Some(error)),
                None => return (outcomes, None),
            }
            if !refused {
                stored(outcomes.len());
            }
        }
    }

    async fn ask(
        &self,
        lines: &[SinkLine],
        mut connection: MultiplexedConnection,
    ) -> RedisResult<Vec<RedisResult<Value>>> {
        let mut pipe = redis::Pipeline::with_capacity(lines.len());
        lines.iter().for_each(|line| self.add(&mut pipe, line));
        pipe.ignore_errors().query_async(&mut connection).await
    }

    /// Stores lines and the cursor after them in one transaction.
    async fn store_all(&mut self, lines: &[SinkLine], cursor: Option<&str>, key: &str) -> Stored {
        let done = lines.partition_point(|line| line.end <= self.stored);
        if done > 0 && done == lines.len() {
            return Stored { lines: done, trouble: None };
        }
        let lines = &lines[done..];
        let mut pipe = redis::Pipeline::with_capacity(lines.len() + 1);
        pipe.atomic();
        lines.iter().for_each(|line| self.add(&mut pipe, line));
        pipe.cmd("HSET").arg(key).arg(RUN).arg(&self.run);
        let last = lines.last().map_or(self.stored, |line| line.end);
        pipe.arg(STORED).arg(last);
        if let Some(cursor) = cursor {
            pipe.arg(CURSOR).arg(cursor);
        }
        let Some(link) = &mut self.link else { return Stored::not_connected(done) };
        match pipe.query_async::<Vec<Value>>(&mut link.connection).await {
            Ok(_) => {
                self.stored = last;
                Stored { lines: done + lines.len(), trouble: None }
            }
            Err(error) => {
                let trouble = match trouble(&error) {
                    // Which line it was is not known, and Redis may have done the rest.
                    Trouble::Refused(text) => Trouble::Unusable(text, None),
                    other => other,
                };
                self.failed(done, trouble)
            }
        }
    }

    fn failed(&mut self, lines: usize, trouble: Trouble) -> Stored {
        if matches!(trouble, Trouble::Away(_)) {
            self.link = None;
            self.outcomes.clear();
        }
        Stored { lines, trouble: Some(trouble) }
    }
}

impl LineStore for RedisStore {
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
            match self.cursor_key.clone() {
                Some(key) => self.store_all(lines, cursor, &key).await,
                None if lines.is_empty() => Stored::default(),
                None => self.store_each(lines, stored).await,
            }
        })
    }

    fn keeps_cursor(&self) -> bool {
        self.cursor_key.is_some()
    }

    fn batch(&self) -> usize {
        // A transaction keeps other clients of Redis waiting.
        if self.keeps_cursor() { limits::SINK_BATCH } else { limits::SINK_QUEUE }
    }
}

/// What an error means for the lines that wait.
fn trouble(error: &RedisError) -> Trouble {
    let words = match (error.code(), error.detail()) {
        (Some(code), Some(detail)) if !detail.starts_with(code) => format!("{code} {detail}"),
        (_, Some(detail)) => detail.to_owned(),
        _ => error.to_string(),
    };
    let is_temporary = error.code().is_some_and(|code| TEMPORARY.contains(&code));
    match error.kind() {
        _ if is_temporary => Trouble::Away(words),
        ErrorKind::AuthenticationFailed => {
            Trouble::Unusable(words, Some("check the password: in the URL, or REDISCLI_AUTH"))
        }
        _ if matches!(error.code(), Some("NOAUTH" | "WRONGPASS" | "NOPERM")) => {
            Trouble::Unusable(words, Some("check the password: in the URL, or REDISCLI_AUTH"))
        }
        _ if error.code().is_some() => Trouble::Refused(words),
        _ if error.is_timeout() => Trouble::Away(format!("no answer for {} s", PATIENCE.as_secs())),
        _ => Trouble::Away(words),
    }
}
