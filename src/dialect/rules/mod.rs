//! Dialect files: what messages mean and what is sent is written in jq, the server's half included.
//!
//! `schema` is the file as it is written, `expr` its expressions, `compile` the rules made of them; `client` follows
//! them, with `guess`, `vars` and `sequence`. `mock` is the server's half. `library` has the files that are built in,
//! `files` finds those of users. `version_1` makes rules of files of the first version.

use std::path::Path;
use std::sync::{Arc, OnceLock};

use super::{Client, ClientSetup, Credential, Dialect, TopicCheck, Var};
use crate::codec;
use crate::error::{Failure, Result, line_of};
use crate::net::WsUrl;
use crate::pipeline::filter::{Globals, Value};
use crate::provider::Provider;
use crate::secret::Secret;

mod client;
mod compile;
mod expr;
pub mod files;
mod guess;
pub mod library;
mod mock;
mod mock_peer;
mod mock_rules;
mod schema;
mod sequence;
#[cfg(test)]
mod tests;
mod vars;
mod version_1;

use client::RulesClient;
use compile::ClientRules;
use mock::{MockFile, RulesMock};
use schema::RulesFile;
use vars::{CLIENT_VARS, ClientVar};
use version_1::MaskFile;

/// The version of the format.
const VERSION: u32 = 2;

/// A dialect from a file.
#[derive(Debug)]
pub struct RulesDialect {
    name: &'static str,
    summary: &'static str,
    examples: &'static [&'static str],
    file: RulesFile,
    /// The file, for people, and its text.
    shown: String,
    text: String,
    credential: Option<Credential>,
    rules: OnceLock<Arc<ClientRules>>,
    mock: Option<&'static RulesMock>,
}

/// Is this text a dialect file of version 2?
fn is_rules_file(text: &str) -> bool {
    text.lines().any(|line| line.trim_start().starts_with("[dialect]"))
}

/// A text that is needed to the end of the process, as what a dialect says of itself is.
fn kept(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

impl RulesDialect {
    /// Reads a file, its expressions as well.
    ///
    /// # Errors
    /// What is wrong, and in which line.
    #[cfg(any(test, fuzzing))]
    pub(crate) fn parse(text: &str, shown: &str, folder: &Path) -> Result<Self> {
        let dialect = Self::read(text, shown, folder)?;
        dialect.check_expressions()?;
        Ok(dialect)
    }

    /// Compiles all expressions, those of the mock as well.
    fn check_expressions(&self) -> Result<()> {
        self.rules()?;
        self.mock.map_or(Ok(()), |mock| mock.file.rules().map(drop))
    }

    /// Reads a file, without a look at its expressions.
    fn read(text: &str, shown: &str, folder: &Path) -> Result<Self> {
        let wrong = |at: usize, why: &str| Failure::usage(format!("{shown}:{}: {why}", line_of(text, at)));
        let not_toml = |error: toml::de::Error| {
            let why = error.message().lines().collect::<Vec<_>>().join("; ");
            wrong(error.span().map_or(0, |span| span.start), &why)
        };
        let mut file: RulesFile = if is_rules_file(text) {
            toml::from_str(text).map_err(not_toml)?
        } else {
            let file: MaskFile = toml::from_str(text).map_err(not_toml)?;
            file.check().map_err(|(at, why)| wrong(at.find_in(text), &why))?;
            file.into_rules(text)
        };
        check(&file).map_err(|(at, why)| wrong(at.find_in(text), &why))?;
        let head = &mut file.dialect;
        head.decode.iter_mut().chain(&mut head.encode).for_each(|step| codec::anchor(step, folder));
        let credential = file
            .credential
            .as_ref()
            .map(|credential| Credential { place: credential.place, variable: kept(&credential.env) });
        let mock = file.mock.take().map(|table| MockFile {
            table,
            summary: kept(&file.dialect.summary),
            place: credential.map(|credential: Credential| credential.place),
            subprotocols: file.dialect.subprotocols.clone(),
            decode: file.dialect.decode.clone(),
            encode: file.dialect.encode.clone(),
            needs_topics: file.topics.as_ref().map_or(file.subscribe.is_some(), |topics| topics.required),
            shown: shown.to_owned(),
            text: text.to_owned(),
            rules: OnceLock::new(),
        });
        let examples: Vec<&'static str> = file.dialect.examples.iter().map(|example| kept(example)).collect();
        Ok(Self {
            name: kept(&file.dialect.name),
            summary: kept(&file.dialect.summary),
            examples: Box::leak(examples.into_boxed_slice()),
            mock: mock.map(|mock| &*Box::leak(Box::new(RulesMock::new(mock)))),
            credential,
            rules: OnceLock::new(),
            shown: shown.to_owned(),
            text: text.to_owned(),
            file,
        })
    }

    /// The rules, compiled when they are first needed.
    fn rules(&self) -> Result<&Arc<ClientRules>> {
        if let Some(rules) = self.rules.get() {
            return Ok(rules);
        }
        let rules = ClientRules::compile(&self.file, &self.shown, &self.text)?;
        Ok(self.rules.get_or_init(|| rules))
    }

    fn keys(&self) -> Vec<(String, String)> {
        self.file.keys.iter().map(|(name, variable)| (name.clone(), variable.clone())).collect()
    }
}

/// Where a mistake is.
enum MistakeAt<'t> {
    /// At the first place of this text.
    Text(&'t str),
    /// At this byte.
    Byte(usize),
}

impl MistakeAt<'_> {
    fn find_in(&self, text: &str) -> usize {
        match self {
            Self::Text(near) => text.find(near).unwrap_or(0),
            Self::Byte(at) => *at,
        }
    }
}

/// What the types of the fields cannot say.
fn check(file: &RulesFile) -> std::result::Result<(), (MistakeAt<'_>, String)> {
    let head = &file.dialect;
    if *head.version.get_ref() != VERSION {
        let why = format!("unknown version {} of the format (expected {VERSION})", head.version.get_ref());
        return Err((MistakeAt::Byte(head.version.span().start), why));
    }
    if let Some(url) = &head.url
        && let Err(failure) = WsUrl::parse(url.get_ref())
    {
        return Err((MistakeAt::Byte(url.span().start), failure.what));
    }
    for (key, steps) in [("decode", &head.decode), ("encode", &head.encode)] {
        codec::check(steps).map_err(|why| (MistakeAt::Text(key), why))?;
    }
    if let Some(code) = file.close.keys().find(|code| !matches!(code.parse(), Ok(1000..=4999u16))) {
        return Err((MistakeAt::Text(code), format!("invalid close code {code:?} (expected 1000 to 4999)")));
    }
    if let Some(most) = file.topics.as_ref().and_then(|topics| topics.per_message.as_ref())
        && *most.get_ref() == 0
    {
        return Err((MistakeAt::Byte(most.span().start), "expected at least 1 topic".to_owned()));
    }
    Ok(())
}

impl Dialect for RulesDialect {
    fn name(&self) -> &'static str {
        self.name
    }

    fn summary(&self) -> &'static str {
        self.summary
    }

    fn examples(&self) -> &'static [&'static str] {
        self.examples
    }

    fn about(&self) -> Vec<(&'static str, String)> {
        let head = &self.file.dialect;
        let topics = self.file.topics.as_ref().map(|topics| topics.what.clone());
        let keys: Vec<String> = self.file.keys.values().map(|variable| format!("${variable}")).collect();
        let dated = if head.date.is_empty() { String::new() } else { format!(" (read {})", head.date) };
        vec![
            ("group", head.group.clone()),
            ("topics", topics.unwrap_or_default()),
            ("credentials", keys.join(", ")),
            ("notes", head.notes.clone()),
            ("written from", head.source.clone() + &dated),
        ]
    }

    fn default_url(&self, _var: Var<'_>) -> Option<String> {
        self.file.dialect.url.as_ref().map(|url| url.get_ref().clone())
    }

    fn owns(&self, host: &str, _path: &str) -> bool {
        files::is_host_of(host, &self.file.dialect.hosts)
    }

    fn subprotocols(&self) -> Vec<String> {
        self.file.dialect.subprotocols.clone()
    }

    fn credential(&self) -> Option<Credential> {
        self.credential
    }

    fn secrets(&self, var: Var<'_>) -> Vec<Secret> {
        client::keys(&self.keys(), var).into_iter().map(|(_, key)| key).collect()
    }

    fn check_topic(&self, topic: &str) -> TopicCheck {
        let Ok(rules) = self.rules() else { return TopicCheck::Fine };
        if !rules.takes_topics() {
            return TopicCheck::Wrong(format!("cannot subscribe to '{topic}': {} has no topics", self.name));
        }
        let Some(check) = &rules.check else { return TopicCheck::Fine };
        let mut globals = Globals::new(CLIENT_VARS);
        globals.set(ClientVar::Topic as usize, Value::string(topic));
        match check.first(&globals, &Value::string(topic)) {
            Ok(None) => TopicCheck::Fine,
            Ok(Some(why)) => TopicCheck::Wrong(format!("invalid topic '{topic}': {}", why.text())),
            Err(why) => TopicCheck::Wrong(why),
        }
    }

    fn most_topics(&self) -> Option<usize> {
        self.rules().ok()?.per_connection
    }

    fn needs_topics(&self) -> bool {
        self.rules().is_ok_and(|rules| rules.takes_topics() && rules.topics_required)
    }

    fn takes_topics(&self) -> bool {
        self.rules().is_ok_and(|rules| rules.takes_topics())
    }

    /// Who names a dialect wants what it says.
    fn rules_raw_sessions(&self) -> bool {
        true
    }

    fn pings(&self) -> bool {
        self.file.dialect.pings
    }

    fn speaks_json(&self) -> bool {
        self.file.dialect.json
    }

    fn decode(&self) -> &[String] {
        &self.file.dialect.decode
    }

    fn encode(&self) -> &[String] {
        &self.file.dialect.encode
    }

    fn client(&self, setup: &ClientSetup<'_>) -> Result<Box<dyn Client>> {
        let keys = client::keys(&self.keys(), setup.var);
        Ok(Box::new(RulesClient::new(self.rules()?, &keys, setup)))
    }

    fn provider(&self) -> Option<&'static dyn Provider> {
        self.mock.map(|mock| mock as &dyn Provider)
    }
}
