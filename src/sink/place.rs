//! The URL of a broker: `SCHEME://[USER[:PASSWORD]@]HOST[:PORT][,…]/NAME[?OPTION=VALUE[&…]]`.

#![cfg_attr(not(feature = "brokers"), allow(dead_code, reason = "it only words an error then"))]

use crate::error::{Failure, Result};
use crate::net::WsUrl;
use crate::net::url::{decoded_userinfo, percent_decode};
use crate::secret::Secret;

/// A kind of broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokerKind {
    /// `redis://`, and `rediss://` with TLS.
    Redis,
    /// `nats://`, and `tls://` with TLS from the start of the connection.
    Nats,
    /// `kafka://`, and `kafkas://` with TLS.
    Kafka,
}

/// What is known about each scheme: its kind, whether it means TLS, the default port, and what the path names.
const SCHEMES: &[(&str, BrokerKind, bool, u16, &str)] = &[
    ("redis", BrokerKind::Redis, false, 6379, "STREAM"),
    ("rediss", BrokerKind::Redis, true, 6379, "STREAM"),
    ("nats", BrokerKind::Nats, false, 4222, "SUBJECT"),
    ("tls", BrokerKind::Nats, true, 4222, "SUBJECT"),
    ("kafka", BrokerKind::Kafka, false, 9092, "TOPIC"),
    ("kafkas", BrokerKind::Kafka, true, 9092, "TOPIC"),
];

/// Where lines are stored. `Display` shows it without user and password.
#[derive(Clone, Debug)]
pub struct BrokerUrl {
    /// The kind of broker.
    pub kind: BrokerKind,
    /// How to connect: scheme `wss` for TLS, else `ws`.
    pub server: WsUrl,
    /// Further hosts to ask if that one is away. Only Kafka has them.
    others: Vec<WsUrl>,
    /// The stream, subject or topic.
    pub name: String,
    /// User and password, as far as they were given.
    pub user: Option<(String, Secret)>,
    scheme: &'static str,
    options: Vec<(String, String)>,
}

impl BrokerUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// If it is not a URL of a broker that wstap knows.
    pub fn parse(text: &str) -> Result<Self> {
        let form = || {
            let known: Vec<String> =
                SCHEMES.iter().map(|(scheme, .., name)| format!("{scheme}://HOST/{name}")).collect();
            Failure::usage("--to: not the URL of a broker").hint(format!("use {}", known.join(", ")))
        };
        let (scheme, rest) = text.split_once("://").ok_or_else(form)?;
        let known = SCHEMES.iter().find(|(name, ..)| scheme.eq_ignore_ascii_case(name)).ok_or_else(form)?;
        let (scheme, kind, tls, port, what) = *known;
        let (authority, rest) = rest.split_once('/').unwrap_or((rest, ""));
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        let (user, host) = match authority.rsplit_once('@') {
            Some((user, host)) => (Some(decoded_userinfo(user).ok_or_else(form)?), host),
            None => (None, authority),
        };
        let mut hosts = host.split(',').map(|host| server(host, port, tls));
        let server = hosts.next().ok_or_else(form)??;
        let others: Vec<WsUrl> = hosts.collect::<Result<_>>()?;
        if kind != BrokerKind::Kafka && !others.is_empty() {
            return Err(Failure::usage(format!(
                "--to {scheme}://{host}: several hosts, which only Kafka has"
            ))
            .hint("name one host"));
        }
        let name = percent_decode(path).filter(|name| !name.is_empty()).ok_or_else(|| {
            Failure::usage(format!("--to {scheme}://{host}: no {} named", what.to_lowercase()))
                .hint(format!("add it as the path: {scheme}://{host}/{what}"))
        })?;
        let options = query.split('&').filter(|option| !option.is_empty()).map(|option| {
            let (name, value) = option.split_once('=').unwrap_or((option, ""));
            Some((percent_decode(name)?, percent_decode(value)?))
        });
        let options = options.collect::<Option<_>>().ok_or_else(form)?;
        Ok(Self { kind, server, others, name, user, scheme, options })
    }

    /// All hosts, in the order in which they are asked.
    #[must_use]
    pub fn servers(&self) -> Vec<WsUrl> {
        std::iter::once(&self.server).chain(&self.others).cloned().collect()
    }

    /// The value of an option.
    #[must_use]
    pub fn option(&self, name: &str) -> Option<&str> {
        self.options.iter().rev().find(|(known, _)| known == name).map(|(_, value)| &**value)
    }

    /// Refuses options that are not among these.
    ///
    /// # Errors
    /// A usage failure that names the first.
    pub fn takes(&self, known: &[&str]) -> Result<()> {
        match self.options.iter().find(|(name, _)| !known.contains(&&**name)) {
            None => Ok(()),
            Some((name, _)) => Err(Failure::usage(format!("--to {self}: unknown option '{name}'"))
                .hint(format!("use one of {}", known.join(", ")))),
        }
    }

    /// The value of an option that is a number.
    ///
    /// # Errors
    /// A usage failure if it is not a number.
    pub fn number(&self, name: &str) -> Result<Option<u64>> {
        let wrong = |value| Failure::usage(format!("--to {self}: {name}={value} is not a number"));
        self.option(name).map(|value| value.parse().map_err(|_| wrong(value))).transpose()
    }
}

impl std::fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let hosts: Vec<String> = self.servers().iter().map(WsUrl::host_header).collect();
        write!(f, "{}://{}/{}", self.scheme, hosts.join(","), self.name)
    }
}

/// One host, with the default port if it has none.
fn server(host: &str, port: u16, tls: bool) -> Result<WsUrl> {
    let has_port =
        host.rsplit_once(':').is_some_and(|(before, _)| !before.contains(':') || before.ends_with(']'));
    let host = if has_port { host.to_owned() } else { format!("{host}:{port}") };
    WsUrl::parse(&format!("{}://{host}/", if tls { "wss" } else { "ws" }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_where_lines_are_stored() {
        let url = BrokerUrl::parse("rediss://u:p%40w@Redis.example/my%20stream?maxlen=7&db=2").unwrap();
        assert_eq!((url.kind, url.server.is_tls(), url.server.port()), (BrokerKind::Redis, true, 6379));
        assert_eq!((url.name.as_str(), url.option("db")), ("my stream", Some("2")));
        assert_eq!(url.number("maxlen").unwrap(), Some(7));
        assert!(url.takes(&["db"]).is_err() && url.takes(&["db", "maxlen"]).is_ok());
        let (user, password) = url.user.as_ref().unwrap();
        assert_eq!((user.as_str(), password.expose()), ("u", "p@w"));
        assert!(!url.to_string().contains("p@w") && !url.to_string().contains('@'), "{url}");
        for (text, host, port) in [
            ("nats://h/a.b", "h", 4222),
            ("nats://h:1/a.b", "h", 1),
            ("nats://[::1]/a.b", "[::1]", 4222),
            ("nats://[::1]:5/a.b", "[::1]", 5),
        ] {
            let url = BrokerUrl::parse(text).unwrap();
            assert_eq!(url.server.port(), port, "{text}");
            assert!(url.to_string().starts_with(&format!("nats://{host}")), "{url}");
        }
        let url = BrokerUrl::parse("kafkas://a,b:1,[::1]/t").unwrap();
        assert_eq!(url.to_string(), "kafkas://a:9092,b:1,[::1]:9092/t");
        assert!(url.servers().iter().all(WsUrl::is_tls));
        for text in [
            "kafka://a,/t",
            "nats://a,b/t",
            "redis://h",
            "redis://h/",
            "h/x",
            "ftp://h/x",
            "nats://h:x/y",
            "redis:///x",
        ] {
            assert!(BrokerUrl::parse(text).is_err(), "{text}");
        }
    }
}
