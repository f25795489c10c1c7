//! Profiles and the environment: both are options that were not typed.
//!
//! A profile is a table of long option names in `config.toml`; a variable `WSTAP_CONNECT_TIMEOUT` is the option
//! `--connect-timeout`. Both are put before what was typed and parsed with it, so that every option can be set
//! there and is checked by the same rules. A layer gives up what a higher one sets, and what clap does not take beside
//! it. Options that take two values at a time have no variable, since that holds one.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches};

use super::World;
use super::arguments::in_arguments;
use crate::cli::{self, Cli, Command, is_profile, mistakes, names_command};
use crate::did_you_mean::nearest;
use crate::error::{Failure, Result, line_of};
use crate::file;
use crate::net::url::looks_like_url;
use crate::sys;

/// What the names of the variables of options start with.
pub(super) const PREFIX: &str = "WSTAP_";

/// Parses a command line with the layers below it.
///
/// # Errors
/// clap's own error for what was typed; a usage failure for a profile or a variable.
pub fn parse(argv: &[OsString], world: &World<'_>) -> Result<Cli, ParseError> {
    let (command, matches) = matches(argv, world)?;
    let Some((name, typed)) = matches.subcommand() else { return Ok(Cli::from_matches(matches)?) };
    let layers = Layers::gather(&command, name, typed, world)?;
    let credential_typed = is_credential_typed(typed);
    let profile = profile_name(typed).map(str::to_owned);
    let mut cli = if layers.settings.is_empty() {
        Cli::from_matches(matches)?
    } else {
        // Global options may stand before the command; none of them has a value that is a command's name.
        let is_command = |arg: &OsString| arg.to_str().is_some_and(|word| names_command(word, name));
        let at = argv.iter().position(is_command).map_or(argv.len(), |at| at + 1);
        Cli::try_parse_from_layers(argv, at, &layers)?
    };
    // Taking the description apart, option by option, would give back memory that the process hardly misses.
    std::mem::forget(command);
    layers.apply_positionals(&mut cli);
    let arguments = layers.settings.into_iter().flat_map(|setting| setting.arguments);
    cli.layered = arguments.collect();
    note_typed_credential(&mut cli, credential_typed);
    note_profile(&mut cli, profile);
    Ok(cli)
}

/// What clap finds, and the description that it used: of no more than was typed if that will do.
fn matches(argv: &[OsString], world: &World<'_>) -> Result<(clap::Command, ArgMatches), clap::Error> {
    // The layers may have any option.
    let is_layered = world.has_own_vars || argv.iter().any(|word| word.as_encoded_bytes().contains(&b'@'));
    if !is_layered
        && let Some(mut command) = Cli::describe_sparsely_for(argv)
        && let Ok(matches) = command.try_get_matches_from_mut(argv)
    {
        return Ok((command, matches));
    }
    let mut command = Cli::describe_for(argv);
    let matches = command.try_get_matches_from_mut(argv)?;
    Ok((command, matches))
}

/// What was typed stands in the process list; what a variable or a profile holds does not.
fn is_credential_typed(typed: &ArgMatches) -> bool {
    is_typed(typed, "token") || is_typed(typed, "bearer")
}

fn is_typed(typed: &ArgMatches, id: &str) -> bool {
    // Not every command has every option, and clap takes the question for a mistake, then.
    typed.try_contains_id(id).is_ok() && typed.value_source(id) == Some(ValueSource::CommandLine)
}

fn note_typed_credential(cli: &mut Cli, is_typed: bool) {
    match &mut cli.command {
        Command::Connect(args) => args.session.connection.credential_typed = is_typed,
        Command::Subscribe(args) => args.session.connection.credential_typed = is_typed,
        Command::WatchCampaign(args) => args.session.connection.credential_typed = is_typed,
        Command::ProbeHandshake(args) => args.connection.credential_typed = is_typed,
        _ => {}
    }
}

fn note_profile(cli: &mut Cli, profile: Option<String>) {
    match &mut cli.command {
        Command::Connect(args) => args.send.profile = profile,
        Command::Subscribe(args) => args.send.profile = profile,
        _ => {}
    }
}

/// Why a command line was not understood.
#[derive(Debug)]
pub enum ParseError {
    /// What clap says, which includes `--help` and `--version`.
    Clap(Box<clap::Error>),
    /// A profile or a variable is wrong.
    Failure(Failure),
}

impl From<clap::Error> for ParseError {
    fn from(error: clap::Error) -> Self {
        Self::Clap(Box::new(error))
    }
}

impl From<Failure> for ParseError {
    fn from(failure: Failure) -> Self {
        Self::Failure(failure)
    }
}

impl Cli {
    fn try_parse_from_layers(argv: &[OsString], at: usize, layers: &Layers) -> Result<Self, ParseError> {
        let argv_with = layers.spliced(argv, at, &layers.settings);
        let parsed = Self::describe_for(argv).try_get_matches_from(argv_with).and_then(Self::from_matches);
        // What was typed is known to be right, so it is the layers that are wrong.
        parsed.map_err(|error| layers.blame(argv, at, &error).into())
    }
}

/// An option that one of the layers sets.
struct Setting {
    arguments: Vec<String>,
    /// Which layer, for people.
    origin: String,
}

/// The options that a layer sets, by their ids.
type Settings = BTreeMap<String, Setting>;

/// What the layers below the command line add to it.
#[derive(Default)]
struct Layers {
    /// The lowest layer first.
    settings: Vec<Setting>,
    url: Option<String>,
    topics: Vec<String>,
    profile_named: bool,
    all_typed: bool,
    /// The profile, for people.
    origin: String,
}

impl Layers {
    fn gather(command: &clap::Command, name: &str, typed: &ArgMatches, world: &World<'_>) -> Result<Self> {
        let mut layers = Self { all_typed: is_typed(typed, "all"), ..Self::default() };
        let profile = profile_name(typed);
        // Parsing has completed the command that was named, global options included; building all of it again
        // would take as long as a connection on the loopback.
        let Some(command) = command.find_subcommand(name).filter(|_| profile.is_some() || world.has_own_vars)
        else {
            return Ok(layers);
        };
        let known = options_of(command);
        let mut from_profile = Settings::new();
        if let Some(name) = profile {
            let path = config_file(world.var)?;
            layers.origin = format!("profile @{name} in {}", path.display());
            layers.profile_named = true;
            from_profile = layers.read_profile(&path, name, &known)?;
        }
        let mut from_environment = layers.read_environment(&known, world.var)?;
        for (id, setting) in &from_environment {
            from_profile.remove(id);
            if !setting.arguments.is_empty() {
                drop_conflicts(&mut from_profile, id, command);
            }
        }
        for given in command.get_arguments().filter(|given| is_typed(typed, given.get_id().as_str())) {
            for layer in [&mut from_profile, &mut from_environment] {
                // Headers and the like add up.
                if !matches!(given.get_action(), ArgAction::Append) {
                    layer.remove(given.get_id().as_str());
                }
                drop_conflicts(layer, given.get_id().as_str(), command);
            }
        }
        for layer in [&mut from_profile, &mut from_environment] {
            drop_typed_headers(layer, typed);
        }
        let settings = from_profile.into_values().chain(from_environment.into_values());
        layers.settings = settings.filter(|setting| !setting.arguments.is_empty()).collect();
        Ok(layers)
    }

    /// The command line with these settings in it, before what was typed.
    fn spliced(&self, argv: &[OsString], at: usize, settings: &[Setting]) -> Vec<OsString> {
        let added = settings.iter().flat_map(|setting| &setting.arguments).map(OsString::from);
        argv[..at].iter().cloned().chain(added).chain(argv[at..].iter().cloned()).collect()
    }

    /// Names the setting that is wrong on its own, or else all the layers there are.
    fn blame(&self, argv: &[OsString], at: usize, error: &clap::Error) -> Failure {
        let words: Vec<&str> =
            self.settings.iter().flat_map(|setting| &setting.arguments).map(String::as_str).collect();
        let secrets = in_arguments(&words);
        let first_line = |error: &clap::Error| {
            let text = error.render().to_string();
            let line = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            secrets.mask_text(line).into_owned()
        };
        for setting in &self.settings {
            let alone = self.spliced(argv, at, std::slice::from_ref(setting));
            // Another kind of error comes of being alone, such as a key without its certificate.
            if let Err(alone) = Cli::describe_for(argv).try_get_matches_from(alone)
                && alone.kind() == error.kind()
            {
                return Failure::usage(format!("{}: {}", setting.origin, first_line(&alone)));
            }
        }
        let mut origins: Vec<&str> = self.settings.iter().map(|setting| setting.origin.as_str()).collect();
        origins.sort_unstable();
        origins.dedup();
        Failure::usage(format!("{}: {}", origins.join(", "), first_line(error)))
    }

    fn read_profile(
        &mut self,
        path: &std::path::Path,
        name: &str,
        known: &[KnownOption],
    ) -> Result<Settings> {
        let text = file::text(path, file::MAX_WRITTEN).map_err(|error| {
            Failure::usage_of_system(format!("profile @{name}: {}", path.display()), &error)
        })?;
        let config: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            // The line is not quoted: a quote that is missing may be that of a credential.
            let line = line_of(&text, error.span().map_or(0, |span| span.start));
            Failure::usage(format!("{}:{line} is not valid TOML: {}", path.display(), error.message()))
        })?;
        let profiles = config.get("profile").and_then(toml::Value::as_table);
        let Some(profile) = profiles.and_then(|profiles| profiles.get(name)).and_then(toml::Value::as_table)
        else {
            let names: Vec<&str> =
                profiles.map(|p| p.keys().map(String::as_str).collect()).unwrap_or_default();
            return Err(Failure::usage(format!("no [profile.{name}] in {}", path.display()))
                .hint(format!("use one of these profiles: {}", names.join(" "))));
        };
        let mut settings = Settings::new();
        for (key, value) in profile {
            match (key.as_str(), value) {
                ("url", toml::Value::String(url)) => self.url = Some(url.clone()),
                ("topics", toml::Value::Array(topics)) => {
                    self.topics =
                        topics.iter().filter_map(|topic| topic.as_str().map(str::to_owned)).collect();
                }
                _ => {
                    let option = known
                        .iter()
                        .find(|option| option.long == *key)
                        .ok_or_else(|| self.unknown(key, known))?;
                    let arguments = option
                        .arguments(value)
                        .map_err(|why| Failure::usage(format!("{}: {key}: {why}", self.origin)))?;
                    let origin = self.origin.clone();
                    settings.insert(option.id.clone(), Setting { arguments, origin });
                }
            }
        }
        Ok(settings)
    }

    fn unknown(&self, key: &str, known: &[KnownOption]) -> Failure {
        let longs: Vec<&str> = known.iter().map(|option| option.long.as_str()).collect();
        Failure::usage(format!("{}: unknown option {key:?}", self.origin))
            .hint(format!("use url, topics or a long option: {}", longs.join(" ")))
    }

    fn read_environment(
        &mut self,
        known: &[KnownOption],
        var: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Settings> {
        let mut settings = Settings::new();
        for option in known.iter().filter(|option| option.values <= 1) {
            let name = variable(&option.long);
            let Some(value) = var(&name) else { continue };
            let long = &option.long;
            let arguments = match (option.takes_value, value.to_ascii_lowercase().as_str()) {
                (true, _) => vec![format!("--{long}={value}")],
                (false, "1" | "true" | "yes" | "on") => vec![format!("--{long}")],
                // As if it had not been set, in a profile either.
                (false, "0" | "false" | "no" | "off") => Vec::new(),
                (false, _) => {
                    // The value is not quoted: it may be a credential.
                    let what = format!("environment variable {name} is not a boolean");
                    return Err(
                        Failure::usage(what).hint("set it to 1, true, yes or on, or to 0, false, no or off")
                    );
                }
            };
            let origin = format!("environment variable {name}");
            settings.insert(option.id.clone(), Setting { arguments, origin });
        }
        self.url = var("WSTAP_URL").or(self.url.take());
        Ok(settings)
    }

    /// A URL that was typed stays; one that names a profile is replaced by the profile's.
    fn apply_positionals(&self, cli: &mut Cli) {
        match &mut cli.command {
            Command::Connect(args) if self.profile_named || args.url.is_none() => {
                args.url = self.url_beside(args.session.mock.as_ref());
            }
            Command::ProbeHandshake(args) if self.profile_named || args.url.is_none() => {
                args.url = self.url_beside(args.mock.as_ref());
            }
            Command::Subscribe(args) => {
                let mock = args.session.mock.as_ref();
                self.apply_topics(&mut args.topics, &mut args.url, mock);
            }
            Command::WatchCampaign(args) => {
                let mock = args.session.mock.as_ref();
                let ids_typed = self.apply_topics(&mut args.ids, &mut args.url, mock);
                // clap cannot tell an id from a URL or a profile in its place, so it knows nothing of this conflict.
                match (self.all_typed, ids_typed) {
                    (true, false) => args.ids.clear(),
                    (false, true) => args.all &= args.ids.iter().all(|word| looks_like_url(word)),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    /// The URL of a layer. A mock takes its place: only a URL that is typed contradicts it.
    fn url_beside(&self, mock: Option<&String>) -> Option<String> {
        self.url.clone().filter(|_| mock.is_none())
    }

    /// Returns whether the topics were typed.
    fn apply_topics(
        &self,
        topics: &mut Vec<String>,
        url: &mut Option<String>,
        mock: Option<&String>,
    ) -> bool {
        if self.profile_named && topics.first().is_some_and(|topic| is_profile(topic)) {
            topics.remove(0);
        }
        let typed_first = topics.first().is_some_and(|topic| looks_like_url(topic));
        if url.as_deref().map_or(!typed_first, is_profile) {
            *url = self.url_beside(mock);
        }
        if !topics.is_empty() {
            return true;
        }
        topics.clone_from(&self.topics);
        false
    }
}

/// Warnings about variables with the prefix of options that no option of any command reads, such as one that is
/// misspelled.
pub fn unknown_variables<'n>(names: impl Iterator<Item = &'n str>) -> Vec<String> {
    let command = Cli::describe();
    let options = command.get_subcommands().flat_map(options_of).chain(options_of(&command));
    let (single, double): (Vec<KnownOption>, Vec<KnownOption>) =
        options.partition(|option| option.values <= 1);
    let variables = |options: &[KnownOption]| options.iter().map(|option| variable(&option.long)).collect();
    let (mut known, without): (Vec<String>, Vec<String>) = (variables(&single), variables(&double));
    known.push("WSTAP_URL".to_owned());
    let is_unsafe = |option: &&KnownOption| mistakes::is_unsafe(&option.long);
    let unsafe_variables: Vec<String> =
        single.iter().filter(is_unsafe).map(|option| variable(&option.long)).collect();
    let warning = |name: &str| {
        let ignored = format!("environment variable {name} is ignored");
        if without.iter().any(|other| other == name) {
            return format!("{ignored}: a variable cannot set an option with several values");
        }
        // A slip of a finger must not lead to an option that switches a check off.
        let safe = known.iter().filter(|known| !unsafe_variables.contains(known)).map(String::as_str);
        match nearest(name, safe) {
            Some(meant) => format!("{ignored}: unknown option (did you mean {meant}?)"),
            None => format!("{ignored}: unknown option"),
        }
    };
    let is_other =
        |name: &str| known.iter().any(|known| known == name) || name.starts_with(cli::MOCK_VARIABLES);
    names.filter(|name| name.starts_with(PREFIX) && !is_other(name)).map(warning).collect()
}

/// The variable of an option.
fn variable(long: &str) -> String {
    format!("{PREFIX}{}", long.to_ascii_uppercase().replace('-', "_"))
}

/// One long option of a command.
struct KnownOption {
    id: String,
    long: String,
    takes_value: bool,
    values: usize,
}

impl KnownOption {
    fn arguments(&self, value: &toml::Value) -> Result<Vec<String>, String> {
        match value {
            toml::Value::Boolean(on) if !self.takes_value => {
                Ok(if *on { vec![format!("--{}", self.long)] } else { Vec::new() })
            }
            toml::Value::Table(table) if self.values == 2 => {
                table.iter().try_fold(Vec::new(), |mut all, (name, value)| {
                    all.extend([format!("--{}", self.long), name.clone(), scalar(value)?]);
                    Ok(all)
                })
            }
            toml::Value::Array(values) if self.values == 1 => {
                values.iter().map(|value| Ok(format!("--{}={}", self.long, scalar(value)?))).collect()
            }
            value if self.takes_value && self.values == 1 => {
                Ok(vec![format!("--{}={}", self.long, scalar(value)?)])
            }
            _ if self.takes_value => Err("expected a table of names and values".to_owned()),
            _ => Err("expected true or false".to_owned()),
        }
    }
}

fn scalar(value: &toml::Value) -> Result<String, String> {
    match value {
        toml::Value::String(text) => Ok(text.clone()),
        toml::Value::Integer(number) => Ok(number.to_string()),
        toml::Value::Float(number) => Ok(number.to_string()),
        other => Err(format!("expected a string or a number, got {}", other.type_str())),
    }
}

fn options_of(command: &clap::Command) -> Vec<KnownOption> {
    command
        .get_arguments()
        .filter(|arg| !matches!(arg.get_id().as_str(), "help" | "version" | "url"))
        .filter_map(|arg| {
            let values = arg.get_num_args().map_or(0, |range| range.max_values());
            let takes_value = arg.get_action().takes_values();
            let (id, long) = (arg.get_id().to_string(), arg.get_long()?.to_owned());
            Some(KnownOption { id, long, takes_value, values })
        })
        .collect()
}

/// Takes from a layer what clap does not take beside this argument of a higher one.
fn drop_conflicts(lower: &mut Settings, given: &str, command: &clap::Command) {
    let find = |id: &str| command.get_arguments().find(|arg| arg.get_id() == id);
    let excludes = |one: &Arg, other: &Arg| command.get_arg_conflicts_with(one).contains(&other);
    let Some(given) = find(given) else { return };
    lower.retain(|id, _| find(id).is_none_or(|set| !excludes(given, set) && !excludes(set, given)));
}

/// A header that was typed takes the place of those of its name in the layers below; the others add up.
fn drop_typed_headers(options: &mut Settings, typed: &ArgMatches) {
    let Some(lower) = options.get_mut("header") else { return };
    let typed = typed.try_get_many::<String>("header").ok().flatten().unwrap_or_default();
    let name = |header: &str| header.split(':').next().unwrap_or_default().trim().to_ascii_lowercase();
    let names: Vec<String> = typed.map(|header| name(header)).collect();
    lower.arguments.retain(|argument| !names.contains(&name(argument.trim_start_matches("--header="))));
}

fn profile_name(typed: &ArgMatches) -> Option<&str> {
    let first = |id| typed.try_get_many::<String>(id).ok().flatten()?.next().map(String::as_str);
    let place = first("url").filter(|url| is_profile(url)).or_else(|| first("topics"))?;
    is_profile(place).then(|| &place[1..])
}

/// Relative folders are no folders of the user's, and are ignored (XDG Base Directory Specification).
fn config_file(var: &dyn Fn(&str) -> Option<String>) -> Result<PathBuf> {
    super::folder(var).map(|folder| folder.join("config.toml")).ok_or_else(|| {
        let names = sys::CONFIG_FOLDERS.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" nor ");
        Failure::usage(format!("cannot find the profile: neither {names} is an absolute path"))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::cli::options::ConnectArgs;

    fn connect(config: &str, env: &[(&str, &str)], typed: &[&str]) -> Result<ConnectArgs, String> {
        match parsed(config, env, &[&["wstap", "connect"], typed].concat()) {
            Ok(Cli { command: Command::Connect(args), .. }) => Ok(*args),
            Ok(_) => unreachable!("connect was typed"),
            Err(ParseError::Failure(failure)) => Err(failure.what),
            Err(ParseError::Clap(error)) => Err(error.to_string()),
        }
    }

    fn parsed(config: &str, env: &[(&str, &str)], argv: &[&str]) -> Result<Cli, ParseError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("wstap")).unwrap();
        std::fs::write(dir.path().join("wstap/config.toml"), config).unwrap();
        let home = dir.path().to_str().unwrap().to_owned();
        let var = |name: &str| match name {
            "XDG_CONFIG_HOME" => Some(home.clone()),
            _ => env.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned()),
        };
        let argv: Vec<OsString> = argv.iter().map(OsString::from).collect();
        let world = World { var: &var, has_own_vars: true, stdout_terminal: false, stderr_terminal: false };
        parse(&argv, &world)
    }

    const CONFIG: &str = r#"
        [profile.prod]
        url = "wss://example.test/ws"
        header = ["A: 1", "B: 2"]
        token-env = "PROD_TOKEN"
        connect-timeout = "3s"
        insecure = true
        arg = { who = "me" }
    "#;

    #[test]
    fn a_profile_gives_url_and_options() {
        let args = connect(CONFIG, &[], &["@prod"]).unwrap();
        assert_eq!(args.url.as_deref(), Some("wss://example.test/ws"));
        let connection = &args.session.connection;
        assert_eq!(connection.header, ["A: 1", "B: 2"]);
        assert_eq!(connection.token_env.as_deref(), Some("PROD_TOKEN"));
        assert!(connection.insecure);
        assert_eq!(args.session.filter.arg, ["who", "me"]);
    }

    #[test]
    fn a_flag_beats_the_environment_and_that_beats_the_profile() {
        let env = [("WSTAP_CONNECT_TIMEOUT", "4s")];
        let timeout = |env: &[_], typed: &[&str]| {
            connect(CONFIG, env, typed).unwrap().session.connection.connect_timeout
        };
        assert_eq!(timeout(&[], &["@prod"]), Some(Duration::from_secs(3)));
        assert_eq!(timeout(&env, &["@prod"]), Some(Duration::from_secs(4)));
        assert_eq!(timeout(&env, &["@prod", "--connect-timeout", "5s"]), Some(Duration::from_secs(5)));
        assert_eq!(timeout(&env, &["ws://x"]), Some(Duration::from_secs(4)));
    }

    #[test]
    fn a_typed_credential_takes_the_profiles_away() {
        let args = connect(CONFIG, &[], &["@prod", "--token-file", "f"]).unwrap();
        assert_eq!(args.session.connection.token_env, None);
        let args = connect(CONFIG, &[("WSTAP_TOKEN", "t")], &["@prod"]).unwrap();
        assert_eq!(args.session.connection.token_env, None);
        assert_eq!(args.session.connection.token.as_deref(), Some("t"));
    }

    /// clap's own conflicts decide, so every pair of them is tried, with each of the two as the typed one.
    #[test]
    fn what_is_typed_takes_away_all_that_clap_does_not_take_beside_it() {
        for name in ["connect", "subscribe", "watch-campaign", "probe-handshake", "serve-mock"] {
            let mut all = Cli::describe();
            all.build();
            let command = all.find_subcommand(name).unwrap();
            let options = || command.get_arguments().filter(|option| option.get_long().is_some());
            for one in options() {
                for other in command.get_arg_conflicts_with(one) {
                    for (typed, below) in [(one, other), (other, one)] {
                        check_layers(name, typed, below);
                    }
                }
            }
        }
    }

    fn check_layers(name: &str, typed: &Arg, below: &Arg) {
        let Some((long, variable)) = typed.get_long().zip(below.get_long()) else { return };
        let accepted = |option: &Arg, value: &str| {
            let argv = ["wstap", name, &format!("--{}={value}", option.get_long().unwrap())];
            Cli::describe().try_get_matches_from(argv).is_ok()
        };
        let value = |option: &Arg| {
            let mut words = option.get_possible_values();
            words.extend(
                ["5", "5s", "gzip", "server_max_window_bits=9"].map(clap::builder::PossibleValue::new),
            );
            let words = words.into_iter().map(|word| word.get_name().to_owned());
            let takes_one = option.get_action().takes_values();
            takes_one.then(|| words.into_iter().find(|word| accepted(option, word)).unwrap())
        };
        let typed_value = value(typed).map(|value| format!("={value}")).unwrap_or_default();
        let variable = format!("{PREFIX}{}", variable.to_uppercase().replace('-', "_"));
        let below_value = value(below).unwrap_or_else(|| "1".to_owned());
        let var = |name: &str| (name == variable).then(|| below_value.clone());
        let world = World { var: &var, has_own_vars: true, stdout_terminal: false, stderr_terminal: false };
        let argv = ["wstap", name, &format!("--{long}{typed_value}")].map(OsString::from);
        let parsed = parse(&argv, &world);
        assert!(parsed.is_ok(), "{variable}={below_value} {argv:?}: {parsed:?}");
    }

    #[test]
    fn a_conflict_within_a_layer_is_a_mistake() {
        let both = [("WSTAP_FROM", "f"), ("WSTAP_BUFFER", "1M")];
        let text = connect(CONFIG, &both, &[]).unwrap_err();
        assert!(text.contains("WSTAP_FROM") && text.contains("WSTAP_BUFFER"), "{text}");
    }

    #[test]
    fn an_option_before_the_command_beats_the_layers_too() {
        let var = |name: &str| (name == "WSTAP_LOG_FORMAT").then(|| "json".to_owned());
        let world = World { var: &var, has_own_vars: true, stdout_terminal: false, stderr_terminal: false };
        let argv = ["wstap", "--log-format", "text", "connect", "ws://x"].map(OsString::from);
        assert_eq!(parse(&argv, &world).unwrap().global.log_format, crate::cli::values::LogFormat::Text);
    }

    #[test]
    fn the_environment_beats_the_profile_where_the_last_one_wins() {
        let config = "[profile.p]\nipv6 = true\nreconnect = true";
        let env = [("WSTAP_IPV4", "1"), ("WSTAP_NO_RECONNECT", "1")];
        let args = connect(config, &env, &["@p"]).unwrap();
        assert!(args.session.connection.ipv4 && !args.session.connection.ipv6);
        assert!(args.session.liveness.no_reconnect && !args.session.liveness.reconnect);
        let args = connect(config, &env, &["@p", "-6", "--reconnect"]).unwrap();
        assert!(args.session.connection.ipv6 && args.session.liveness.reconnect);
    }

    #[test]
    fn typed_campaigns_and_all_take_each_other_from_the_layers() {
        let config = "[profile.all]\nall = true\n[profile.ids]\ntopics = ['42']";
        let watch = |env: &[(&str, &str)], typed: &[&str]| match parsed(
            config,
            env,
            &[&["wstap", "watch-campaign"], typed].concat(),
        )
        .unwrap()
        .command
        {
            Command::WatchCampaign(args) => (args.ids, args.all),
            _ => unreachable!("watch-campaign was typed"),
        };
        let ids = |all: &[&str]| all.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(watch(&[], &["@all"]), (vec![], true));
        assert_eq!(watch(&[], &["@all", "7"]), (ids(&["7"]), false));
        assert_eq!(watch(&[], &["@ids", "--all"]), (vec![], true));
        assert_eq!(watch(&[], &["@ids"]), (ids(&["42"]), false));
        assert_eq!(watch(&[("WSTAP_ALL", "1")], &["7"]), (ids(&["7"]), false));
        assert_eq!(watch(&[("WSTAP_ALL", "1")], &["ws://x"]), (ids(&["ws://x"]), true));
    }

    #[test]
    fn a_typed_header_takes_the_place_of_its_namesake() {
        let args = connect(CONFIG, &[], &["@prod", "-H", "a: 3"]).unwrap();
        assert_eq!(args.session.connection.header, ["B: 2", "a: 3"]);
    }

    #[test]
    fn the_current_folder_is_nobodys_home() {
        for vars in [&[][..], &[("HOME", ".")], &[("XDG_CONFIG_HOME", ".config")]] {
            let var =
                |name: &str| vars.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned());
            assert!(config_file(&var).is_err(), "{vars:?}");
        }
        let var = |name: &str| (name == "HOME").then(|| "/home/me".to_owned());
        assert_eq!(config_file(&var).unwrap(), PathBuf::from("/home/me/.config/wstap/config.toml"));
    }

    #[test]
    fn mistakes_name_the_profile() {
        assert!(connect(CONFIG, &[], &["@nope"]).unwrap_err().contains("[profile.nope]"));
        let wrong = "[profile.p]\nheadr = 1";
        assert!(connect(wrong, &[], &["@p"]).unwrap_err().contains("\"headr\""));
        let wrong = "[profile.p]\nconnect-timeout = \"5 parsecs\"";
        assert!(connect(wrong, &[], &["@p"]).unwrap_err().contains("profile @p"));
        let unclosed = connect("[profile.p]\ntoken = \"s3cr3t\n", &[], &["@p"]).unwrap_err();
        assert!(unclosed.contains(":2 is not valid TOML") && !unclosed.contains("s3cr3t"), "{unclosed}");
    }

    #[test]
    fn a_wrong_variable_is_named_and_not_the_profile() {
        let wrong = |env: &[_], typed: &[&str]| connect(CONFIG, env, typed).unwrap_err();
        let text = wrong(&[("WSTAP_PING_INTERVAL", "5 parsecs")], &["@prod"]);
        assert!(text.contains("WSTAP_PING_INTERVAL") && !text.contains("@prod"), "{text}");
        assert!(wrong(&[("WSTAP_INSECURE", "maybe")], &["@prod"]).contains("WSTAP_INSECURE"));
        let both = "[profile.p]\nmock = ''\nfrom = 'f'";
        assert!(connect(both, &[], &["@p"]).unwrap_err().contains("profile @p"));
    }

    #[test]
    fn variables_switch_on_and_off_and_hold_one_value() {
        let insecure = |value: &str, place: &str| {
            connect(CONFIG, &[("WSTAP_INSECURE", value)], &[place]).unwrap().session.connection.insecure
        };
        for on in ["1", "true", "YES", "on"] {
            assert!(insecure(on, "ws://x"), "{on}");
        }
        for off in ["0", "false", "No", "off"] {
            assert!(!insecure(off, "@prod"), "{off}");
        }
        let args = connect(CONFIG, &[("WSTAP_ARG", "x"), ("WSTAP_SLURPFILE", "y")], &["ws://x"]).unwrap();
        assert!(args.session.filter.arg.is_empty());
    }

    #[test]
    fn only_a_typed_credential_is_in_the_process_list() {
        let typed = |env: &[_], typed: &[&str]| {
            connect(CONFIG, env, typed).unwrap().session.connection.credential_typed
        };
        assert!(
            typed(&[], &["ws://x", "--token", "t"]) && typed(&[("WSTAP_TOKEN", "t")], &["--bearer", "b"])
        );
        assert!(!typed(&[("WSTAP_TOKEN", "t")], &["@prod"]));
    }

    #[test]
    fn header_files_are_no_profiles() {
        let args = connect(CONFIG, &[], &["ws://x", "-H", "@file"]).unwrap();
        assert_eq!(
            (args.url.as_deref(), &*args.session.connection.header),
            (Some("ws://x"), &["@file".to_owned()][..])
        );
    }

    #[test]
    fn depth_in_a_file_is_a_mistake_like_any_other() {
        assert!(connect(&format!("a={}", "[".repeat(100_000)), &[], &["@a", "ws://h/"]).is_err());
    }
}
