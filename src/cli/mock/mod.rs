//! The options of `serve-mock`, which `--mock='…'` of the client commands takes as well.

use std::path::PathBuf;

use clap::{Args, Parser};

mod process;
mod upstream;

pub use process::{Announce, ExitAfter, ProcessArgs};
pub use upstream::UpstreamArgs;

use crate::dialect;
use crate::error::{Failure, Result};
use crate::handshake::extensions::Deflate;
use crate::mock::{ControlSettings, Fault, MockSettings, ReplaySettings, Speed, TlsSettings};
use crate::provider::{Behave, CampaignOutcome, Rate, Settings, Then};
use crate::secret::Secret;

/// Options of a mock server. Everything else follows the provider's documentation.
#[derive(Args, Clone, Debug)]
pub struct MockArgs {
    /// Dialects to serve [default: all]
    ///
    /// All dialects share one port and have different paths. /echo is always served: it sends every message back.
    #[arg(value_name = "DIALECT", value_parser = dialects())]
    pub dialects: Vec<String>,

    /// Address to listen on
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1")]
    pub host: String,

    /// Port to listen on; 0 picks a free one
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub port: u16,

    /// Accept only this token [default: any, except 'invalid', 'expired' and the empty one]
    #[arg(long, value_name = "TOKEN")]
    pub token: Option<String>,

    /// Events per second for each client; may be a fraction, or 'max' for as fast as the client reads
    #[arg(long, value_name = "N", default_value = "10")]
    pub rate: Rate,

    /// Stop after N events for each client [default: never]
    #[arg(long, value_name = "N")]
    pub events: Option<u64>,

    /// Stop this long after the first event [default: never]
    #[arg(long, value_name = "TIME", value_parser = crate::text::duration)]
    pub duration: Option<std::time::Duration>,

    /// What to do with a connection after its last event
    #[arg(long, value_name = "WHAT", value_enum, default_value_t = Then::Stay)]
    pub then: Then,

    /// Seed of all generated data: the same seed and subscriptions give the same bytes
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,

    /// Refuse subscriptions to topics that match PATTERN, where * matches any text; repeatable
    #[arg(long, value_name = "PATTERN")]
    pub deny: Vec<String>,

    /// Subscribe messages a connection may send in 10 seconds before the rate-limit error
    #[arg(long, value_name = "N", default_value_t = 20)]
    pub subscribe_limit: u32,

    /// Compression parameters to request from clients that offer compression, comma-separated [default: none]
    ///
    /// Parameters of permessage-deflate (RFC 7692): server_no_context_takeover, client_no_context_takeover,
    /// server_max_window_bits=N and client_max_window_bits=N, with N from 8 to 15.
    #[arg(long, value_name = "PARAMS", conflicts_with_all = ["no_compress", "upstream"])]
    pub compress: Option<Deflate>,

    /// Decline compression
    #[arg(long)]
    pub no_compress: bool,

    /// Never acknowledge a subscription, as some real servers do
    #[arg(long)]
    pub no_ack: bool,

    /// Run the provider's timers (heartbeats, pings, timeouts, campaign calls) N times as fast
    #[arg(long, value_name = "N", default_value_t = 1.0, value_parser = super::values::time_scale)]
    pub time_scale: f64,

    /// Which behavior to imitate where a provider's documentation and service differ
    #[arg(long, value_name = "WHICH", value_enum, default_value_t = Behave::Documented)]
    pub behave: Behave,

    /// Also accept requests with this Origin, if the provider checks it; repeatable
    ///
    /// Requests without an Origin and from the mock's own host are always accepted.
    #[arg(long, value_name = "ORIGIN")]
    pub allow_origin: Vec<String>,

    /// After N events, announce a shutdown and close all connections a little later
    ///
    /// Imitates a server restart. Only providers that announce shutdowns support it.
    #[arg(long, value_name = "N")]
    pub drain_after: Option<u64>,

    /// Start with N old events in the provider's log, to test catching up
    ///
    /// The same seed gives the same events. To imitate a restarted service, start the mock again with as many events
    /// as it had.
    #[arg(long, value_name = "N", default_value_t = 0, value_parser = clap::value_parser!(u64).range(..=100_000))]
    pub history: u64,

    /// How campaigns end; each of the campaigns 1 to 100 starts when it is first watched
    #[arg(long, value_name = "HOW", value_enum, default_value_t = CampaignOutcome::Completed)]
    pub outcome: CampaignOutcome,

    /// Number of contacts in each campaign
    #[arg(long, value_name = "N", default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub contacts: u32,

    /// Inject this fault, such as close=1011@5 or latency=50ms±20ms; repeatable; `--help` lists all
    #[arg(long, value_name = "SPEC")]
    pub fault: Vec<Fault>,

    /// Run the scripts in this TOML file
    ///
    /// A script belongs to a path and a connection number. It sends, expects, waits and closes; docs/mock.md has an
    /// example. If an expectation is not met, the mock closes the connection with 1008 and exits with status 1.
    #[arg(long, value_name = "FILE")]
    pub scenario: Option<PathBuf>,

    /// Answer each message with the outputs of this jq program, on all paths without a provider; repeatable
    ///
    /// A string is sent as text, any other value as JSON. If the program fails, the connection is closed with 1011.
    /// With --upstream, messages without an output go to the upstream, and so do those on which the program fails.
    #[arg(long, value_name = "EXPR")]
    pub on: Vec<String>,

    /// Play this recording (or HAR) to every client, on all paths without a provider
    #[arg(long, value_name = "FILE", conflicts_with = "upstream")]
    pub replay: Option<PathBuf>,

    /// Speed of --replay: a factor, or 'max' for as fast as the client reads
    #[arg(long, value_name = "N", default_value = "1", requires = "replay")]
    pub speed: Speed,

    /// Wait for a message of the client wherever the recorded client sent one
    #[arg(long, requires = "replay")]
    pub sync: bool,

    /// Exit with status 1 unless some message of a client matches this jq program; repeatable
    #[arg(long, value_name = "EXPR")]
    pub expect: Vec<String>,

    /// Speak TLS, with a certificate from a temporary CA
    ///
    /// Each run creates a new CA and prints the path of its certificate, for `wstap connect --cacert FILE`.
    #[arg(long, conflicts_with = "cert")]
    pub tls: bool,

    /// Write the CA certificate to FILE instead of a temporary file
    #[arg(long, value_name = "FILE", requires = "tls")]
    pub ca_file: Option<PathBuf>,

    /// Speak TLS with this certificate chain (PEM)
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// Private key of --cert, if it is not in the same file
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,

    /// Disable the control API
    #[arg(long)]
    pub no_control: bool,

    /// Read the token of the control API from environment variable NAME
    ///
    /// On a non-loopback address, the control API is disabled unless it has a token.
    #[arg(long, value_name = "NAME")]
    pub control_token_env: Option<String>,

    /// Read the token of the control API from FILE; create FILE with a random token if it does not exist
    #[arg(long, value_name = "FILE", conflicts_with = "control_token_env")]
    pub control_token_file: Option<PathBuf>,

    /// Options of the upstream.
    #[command(flatten)]
    pub upstream: UpstreamArgs,

    /// Options of the process.
    #[command(flatten)]
    pub process: ProcessArgs,
}

/// The options alone, without a program name before them.
#[derive(Parser)]
#[command(name = "--mock", no_binary_name = true, disable_help_flag = true)]
struct Words {
    #[command(flatten)]
    args: MockArgs,
}

impl MockArgs {
    /// Reads the options from one text, split as a shell splits it, such as `--rate 50 --seed 7`.
    ///
    /// # Errors
    /// A quote that is not closed, or what the parser of `serve-mock` would refuse.
    pub fn from_words(text: &str) -> Result<Self> {
        let words = shlex::split(text).ok_or_else(|| {
            // Its text is not quoted back: it may have a token in it.
            Failure::usage("--mock: unterminated quote or backslash")
        })?;
        let parsed = Words::try_parse_from(words).map(|words| words.args).map_err(|error| {
            let text = error.render().to_string();
            let mut lines = text.lines().map(str::trim_end).filter(|line| !line.is_empty());
            let first = lines.next().unwrap_or_default();
            let what = first.strip_prefix("error: ").unwrap_or(first);
            Failure::usage(format!("--mock: {what}"))
                .details(lines.filter(|line| !line.contains("--help")).map(str::to_owned).collect())
                .hint("run wstap serve-mock --help for the options it accepts")
        });
        match parsed {
            // Who waits for the file could not reach the mock for long: it ends with this process.
            Ok(args) => match args.process.given().or(args.upstream.given()) {
                Some(option) => Err(Failure::usage(format!("--mock: {option} works only with serve-mock"))
                    .hint("to run a mock that other clients can connect to, use wstap serve-mock")),
                None => Ok(args),
            },
            failed => failed,
        }
    }

    /// The settings that these options stand for.
    #[must_use]
    pub fn settings(&self) -> MockSettings {
        MockSettings {
            common: Settings {
                token: self.token.as_deref().map(Secret::new),
                rate: self.rate,
                events: self.events,
                then: self.then,
                seed: self.seed,
                deny: self.deny.clone(),
                subscribe_limit: self.subscribe_limit,
                ack: !self.no_ack,
                duration: self.duration,
                time_scale: self.time_scale,
                behave: self.behave,
                allow_origin: self.allow_origin.clone(),
                drain_after: self.drain_after,
                history: self.history,
                outcome: self.outcome,
                contacts: self.contacts,
                answers_itself: !self.on.is_empty(),
            },
            dialects: self.dialects.clone(),
            host: self.host.clone(),
            port: self.port,
            compression: (!self.no_compress).then(|| self.compress.unwrap_or_default()),
            faults: self.fault.clone(),
            scenario: self.scenario.clone(),
            on: self.on.clone(),
            control: ControlSettings {
                off: self.no_control,
                token_env: self.control_token_env.clone(),
                token_file: self.control_token_file.clone(),
            },
            tls: TlsSettings {
                on: self.tls,
                ca_file: self.ca_file.clone(),
                cert: self.cert.clone(),
                key: self.key.clone(),
            },
            replay: self.replay.clone().map(|file| ReplaySettings {
                file,
                speed: self.speed,
                sync: self.sync,
            }),
            // It takes what the environment says, too: whoever runs the server resolves it.
            upstream: None,
            expect: self.expect.clone(),
        }
    }
}

fn dialects() -> clap::builder::PossibleValuesParser {
    dialect::mocked_names().collect::<Vec<_>>().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_by_a_shell() {
        let denied = |text: &str| MockArgs::from_words(text).map(|args| args.deny);
        assert_eq!(denied("  ").unwrap(), [""; 0]);
        let words = r#" --deny a --deny 'b c'"d" --deny \e\ f --deny '' --deny "\"\\\x" "#;
        assert_eq!(denied(words).unwrap(), ["a", "b cd", "e f", "", "\"\\\\x"]);
        for open in ["'a", "\"a", "a\\", "\"a\\"] {
            assert!(denied(open).unwrap_err().what.contains("unterminated quote"), "{open}");
        }
    }

    #[test]
    fn options_are_read_from_words() {
        let args = MockArgs::from_words(
            "voipbin --rate max --events 5 --then close --seed 7 --deny 'a b' --deny c --no-ack --token t",
        );
        let settings = args.unwrap().settings();
        assert_eq!(settings.dialects, ["voipbin"]);
        assert_eq!(
            (settings.common.rate, settings.common.events, settings.common.then),
            (Rate::Max, Some(5), Then::Close)
        );
        assert_eq!((settings.common.seed, settings.common.ack), (7, false));
        assert_eq!(settings.common.deny, ["a b", "c"]);
        assert!(settings.common.accepts("t") && !settings.common.accepts("u"));
    }

    #[test]
    fn the_defaults_are_those_of_the_settings() {
        let (from_words, defaults) = (MockArgs::from_words("").unwrap().settings(), MockSettings::default());
        assert_eq!(format!("{from_words:?}"), format!("{defaults:?}"));
    }

    #[test]
    fn mistakes_are_reported() {
        let told = |text: &str| MockArgs::from_words(text).unwrap_err().what;
        assert!(told("--rat 5").contains("--rat"));
        assert!(told("nosuch").contains("nosuch"));
        let only_there =
            ["-d f.toml", "--upstream ws://h", "--port-file f", "--exit-after 3", "--announce json"];
        for option in only_there.into_iter().chain(["--exec x", "-- x"]) {
            assert!(told(option).contains("works only with serve-mock"), "{option}");
        }
        assert!(told("--rate 0").contains("--events 0"));
        assert_eq!(told("--token 's3cr3t"), "--mock: unterminated quote or backslash");
    }
}
