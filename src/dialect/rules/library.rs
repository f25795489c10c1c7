//! The dialect files that are built in: `dialects/NAME.toml` in the repository.
//!
//! A file is only read when it is needed, since a start must not cost more for every provider that is known.

use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

use super::RulesDialect;
use super::files::is_host_of;
use crate::dialect::Dialect;
use crate::error::Result;

/// A file that is built in.
pub struct LibraryFile {
    /// The name that `-d` takes.
    pub name: &'static str,
    /// The file.
    pub text: &'static str,
}

macro_rules! library {
    ($($name:literal),+ $(,)?) => {
        &[$(LibraryFile { name: $name, text: include_str!(concat!("../../../dialects/", $name, ".toml")) }),+]
    };
}

/// All files, in the order of their groups in the help text, and by name within each.
pub const FILES: &[LibraryFile] = library![
    // Exchanges
    "binance",
    "bitfinex",
    "bybit",
    "coinbase",
    "deribit",
    "htx",
    "kraken",
    "kucoin",
    "okx",
    // Social and messaging
    "bluesky-jetstream",
    "discord",
    "mastodon",
    "mattermost",
    "nostr",
    "ntfy",
    "slack",
    "twitch",
    // Protocols
    "actioncable",
    "cdp",
    "centrifugo",
    "ethereum",
    "graphql-transport-ws",
    "home-assistant",
    "json-rpc",
    "kubernetes",
    "phoenix",
    "pusher",
    "signalr",
    "socket.io",
    "stomp",
    "wamp",
];

impl LibraryFile {
    /// One line about it. It is searched for in the text, because every start of `subscribe` makes the help text.
    #[must_use]
    pub fn summary(&self) -> &'static str {
        self.text_of("summary")
    }

    /// The heading of the help text that it stands below.
    #[must_use]
    pub fn group(&self) -> &'static str {
        self.text_of("group")
    }

    fn text_of(&self, key: &str) -> &'static str {
        let mut values =
            self.head().filter_map(|line| line.strip_prefix(key)?.strip_prefix(" = \"")?.strip_suffix('"'));
        values.next().unwrap_or_default()
    }

    /// The hosts that belong to it. They are searched for in the text, because every start asks whose host it is.
    fn hosts(&self) -> Vec<String> {
        let list = self.head().find_map(|line| line.strip_prefix("hosts = [")?.strip_suffix(']'));
        list.into_iter().flat_map(|list| list.split(", ")).map(|host| host.replace('"', "")).collect()
    }

    /// The lines of the table `[dialect]`.
    fn head(&self) -> impl Iterator<Item = &'static str> {
        let table = self.text.lines().skip_while(|line| *line != "[dialect]").skip(1);
        table.take_while(|line| !line.starts_with('['))
    }

    /// The dialect. A process that needs it needs it to its end.
    ///
    /// # Errors
    /// A mistake in the file.
    pub fn dialect(&self) -> Result<&'static dyn Dialect> {
        static READ: OnceLock<Mutex<Vec<(&'static str, &'static RulesDialect)>>> = OnceLock::new();
        let mut read = READ.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, dialect)) = read.iter().find(|(name, _)| *name == self.name) {
            return Ok(*dialect);
        }
        let shown = format!("dialects/{}.toml", self.name);
        let dialect: &'static RulesDialect =
            Box::leak(Box::new(RulesDialect::read(self.text, &shown, Path::new(""))?));
        read.push((self.name, dialect));
        Ok(dialect)
    }
}

/// The built-in dialect file of this name.
///
/// # Errors
/// A mistake in the file.
pub fn find(name: &str) -> Result<Option<&'static dyn Dialect>> {
    FILES.iter().find(|file| file.name == name).map(LibraryFile::dialect).transpose()
}

/// The built-in dialect file that a host belongs to.
#[must_use]
pub fn for_host(host: &str) -> Option<&'static dyn Dialect> {
    FILES.iter().find(|file| is_host_of(host, &file.hosts()))?.dialect().ok()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::dialect;

    #[test]
    fn every_file_can_be_used_and_says_where_it_is_from() {
        let mut groups = Vec::new();
        for file in FILES {
            let name = file.name;
            let parsed = RulesDialect::parse(file.text, name, Path::new(""))
                .unwrap_or_else(|failure| panic!("{}\n{}", failure.what, failure.details.join("\n")));
            let head = &parsed.file.dialect;
            assert_eq!((head.name.as_str(), file.text.starts_with("[dialect]")), (name, true));
            assert_eq!(
                (file.summary(), file.group()),
                (head.summary.as_str(), head.group.as_str()),
                "{name}"
            );
            assert!(head.source.starts_with("https://") && head.date.starts_with("20"), "{name}");
            assert!(head.summary.len() <= 54 && !head.summary.ends_with('.'), "{name}: {}", head.summary);
            let shows_mock = |example: &String| example.contains("--mock") && example.contains("--count");
            assert!(head.examples.iter().any(shows_mock), "{name}: no example with --mock and --count");
            assert!(parsed.mock.is_some(), "{name} has no mock");
            let topics = parsed.file.topics.as_ref();
            assert!(topics.is_none_or(|topics| !topics.what.is_empty()), "{name}: topics.what is empty");
            if groups.last() != Some(&file.group()) {
                assert!(!groups.contains(&file.group()), "{name}: keep the files of a group together");
                groups.push(file.group());
            }
        }
    }

    #[test]
    fn names_and_paths_are_known_once() {
        let names: Vec<&str> = dialect::names().collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len());
        let mut paths = BTreeSet::new();
        for (name, provider) in dialect::providers() {
            for path in provider.paths().iter().filter(|path| !FILES.is_empty() && **path != "/") {
                assert!(paths.insert(*path), "{name}: {path} is the path of another mock");
            }
        }
    }

    #[test]
    fn hosts_lead_to_their_files() {
        let name = |host: &str| for_host(host).map(Dialect::name);
        assert_eq!(name("stream.binance.com"), Some("binance"));
        assert_eq!(name("jetstream1.us-east.bsky.network"), Some("bluesky-jetstream"));
        assert_eq!(name("gateway-us-east1-b.discord.gg"), Some("discord"));
        assert_eq!(name("example.com"), None);
        for file in FILES {
            let hosts = file.hosts();
            assert_eq!(hosts.is_empty(), !file.text.contains("\nhosts ="), "{}", file.name);
            for host in hosts {
                assert_eq!(name(&host.replace('*', "x")), Some(file.name), "{host}");
            }
        }
        assert!(find("kraken").unwrap().is_some() && find("nosuch").unwrap().is_none());
    }
}
