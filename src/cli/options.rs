//! The options, in groups that commands share.

use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::sparse::{Group, Sparse};
use super::values::{
    CertType, ColorChoice, Delimiter, FilterErrors, InvalidUtf8, LingerTime, LogFormat, OnError,
    OverflowChoice, ReportFormat, StepNames, TlsChoice, close_code, close_codes, close_reason, delimiter,
    limit, linger, shard, size, status_that_may_end_a_watch, steps, time_scale,
};
use crate::campaign::CampaignStatus;
use crate::handshake::extensions::Deflate;
use crate::pipeline::line::BinaryForm;
use crate::probe::gates::Limit;
use crate::rendezvous::Shard;
use crate::text::duration;

/// Options of every command.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Notices")]
pub struct GlobalArgs {
    /// Print only errors; warnings of -k and --tls-keylog still appear
    #[arg(short, long, global = true)]
    pub quiet: bool,
    /// Show connection steps, request and response headers, and close frames; -vv also shows every frame
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub verbose: u8,
    /// Print notices on stderr as text, or as one JSON object per line
    #[arg(long, global = true, value_name = "FORMAT", default_value = "text", hide_short_help = true)]
    pub log_format: LogFormat,
    /// When to use color
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto", hide_short_help = true)]
    pub color: ColorChoice,
}

/// Arguments of `connect`.
#[derive(Clone, Debug, Args)]
pub struct ConnectArgs {
    /// URL to connect to: ws://, wss://, http(s)://, host:port/path, :port/path, ws+unix:/socket:/path, or @profile
    pub url: Option<String>,
    /// Provider dialect to speak: a built-in name, or your own TOML file [default: guessed from the URL]
    #[arg(short, long, value_name = "NAME", value_parser = super::dialect_names(), hide_possible_values = true)]
    pub dialect: Option<String>,
    /// What is sent.
    #[command(flatten)]
    pub send: SendArgs,
    /// Shared by commands that hold a connection.
    #[command(flatten)]
    pub session: SessionArgs,
}

/// Arguments of `subscribe`.
#[derive(Clone, Debug, Args)]
pub struct SubscribeArgs {
    /// Topics to subscribe to; @- reads them from standard input, one per line. A URL or @profile may come first
    #[arg(value_name = "TOPIC")]
    pub topics: Vec<String>,
    /// URL to connect to [default: the provider's endpoint, if it has one]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Provider dialect to speak: a built-in name, or your own TOML file [default: guessed from the URL]
    #[arg(short, long, value_name = "NAME", value_parser = super::dialect_names(), hide_possible_values = true)]
    pub dialect: Option<String>,
    /// Print what the dialect does, its topics, credentials and examples, and exit
    #[arg(long)]
    pub describe: bool,
    /// Print what the dialect would send, and with --from what each message means to it; connect to nothing
    #[arg(long, conflicts_with = "describe")]
    pub check: bool,
    /// Read topics from FILE, one per line; skip empty lines and lines that start with #
    #[arg(long, value_name = "FILE")]
    pub topics_file: Vec<PathBuf>,
    /// Subscribe only to share I of N, from 0/N to N-1/N; processes with all shares have each topic once
    #[arg(long, value_name = "I/N", value_parser = shard)]
    pub shard: Option<Shard>,
    /// Divide the topics among all processes that name this group, nats://HOST/GROUP, and take over from those that die
    #[arg(long, value_name = "URL")]
    pub share: Option<String>,
    /// Continue when the provider refuses a topic
    #[arg(long)]
    pub keep_going: bool,
    /// Resume after the event with this cursor, if the provider can replay; overrides --cursor-file
    #[arg(long, value_name = "CURSOR", conflicts_with = "from")]
    pub from_cursor: Option<String>,
    /// Resume from the cursor in FILE, if it exists, and save the cursor of the last written line there
    #[arg(long, value_name = "FILE", conflicts_with = "from")]
    pub cursor_file: Option<PathBuf>,
    /// Keep the cursor in the broker of --to, in one step with the lines; resume from it
    #[arg(long, conflicts_with_all = ["from", "cursor_file"])]
    pub cursor_in_sink: bool,
    /// Print duplicate events too
    #[arg(long)]
    pub no_dedupe: bool,
    /// What is sent.
    #[command(flatten)]
    pub send: SendArgs,
    /// Shared by commands that hold a connection.
    #[command(flatten)]
    pub session: SessionArgs,
}

/// Arguments of `probe-handshake`.
#[derive(Clone, Debug, Args)]
pub struct ProbeArgs {
    /// URL to connect to: ws://, wss://, http(s)://, host:port/path, :port/path, ws+unix:/socket:/path, or @profile
    pub url: Option<String>,
    /// Dialect whose credentials and subprotocols to use [default: guessed from the URL]
    #[arg(short, long, value_name = "NAME", value_parser = super::dialect_names(), hide_possible_values = true)]
    pub dialect: Option<String>,
    /// Start a mock server in this process and probe it; --mock='ARGUMENTS' passes arguments of serve-mock
    #[arg(long, value_name = "SERVE-MOCK ARGUMENTS", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub mock: Option<String>,
    /// Format of the report [default: text on a terminal, else json]
    #[arg(long, value_name = "FORMAT")]
    pub format: Option<ReportFormat>,
    /// Probe once with each Origin: none, same, null, or any other; comma-separated
    #[arg(long, value_name = "ORIGINS", help_heading = "Several connections", value_delimiter = ',', action = clap::ArgAction::Append, conflicts_with = "origin", value_parser = clap::builder::NonEmptyStringValueParser::new())]
    pub origins: Vec<String>,
    /// Probe without a credential, then with a wrong and the right one as query parameter, header and bearer token
    #[arg(long, help_heading = "Several connections")]
    pub auth_matrix: bool,
    /// Request WebSocket version 99, which a server must refuse with 426 and a list of its versions
    #[arg(long, help_heading = "Several connections")]
    pub version_check: bool,
    /// Probe each address of the host
    #[arg(long, help_heading = "Several connections")]
    pub all_addresses: bool,
    /// Probe N times, then print a summary [default: 1]
    #[arg(long, value_name = "N", help_heading = "Several connections", conflicts_with_all = ["origins", "auth_matrix", "version_check", "all_addresses"], value_parser = clap::value_parser!(u32).range(1..))]
    pub repeat: Option<u32>,
    /// Time from the start of one probe to the start of the next, with --repeat
    #[arg(long, value_name = "D", help_heading = "Several connections", default_value = "1s", value_parser = duration)]
    pub interval: Duration,
    /// After the upgrade, wait for the first message, ping, check every frame, and close
    #[arg(long, help_heading = "After the upgrade")]
    pub live: bool,
    /// Send this message, or the content of @FILE, after the upgrade; repeatable
    #[arg(short = 'x', long, value_name = "MSG", help_heading = "After the upgrade", requires = "live", allow_hyphen_values = true, action = clap::ArgAction::Append)]
    pub send: Vec<String>,
    /// Time limit for --live; waits up to half of it for the first message
    #[arg(long, value_name = "D", help_heading = "After the upgrade", default_value = "5s", value_parser = duration)]
    pub max_time: Duration,
    /// Require this jq expression over the record to be true; repeatable
    #[arg(long, value_name = "EXPR", help_heading = "Gates", allow_hyphen_values = true, action = clap::ArgAction::Append)]
    pub expect: Vec<String>,
    /// Require one of these HTTP statuses; comma-separated
    #[arg(long, value_name = "STATUS", help_heading = "Gates", value_delimiter = ',', action = clap::ArgAction::Append, value_parser = clap::value_parser!(u16).range(100..1000))]
    pub expect_status: Vec<u16>,
    /// Require the server's certificate to be valid for at least N more days
    #[arg(long, value_name = "N", help_heading = "Gates")]
    pub min_cert_days: Option<i64>,
    /// Longest time a phase may take: dns, tcp, proxy, tls, upgrade, total; with --live also message, pong, close; comma-separated
    #[arg(long, value_name = "PHASE=D", help_heading = "Gates", value_delimiter = ',', action = clap::ArgAction::Append, value_parser = limit)]
    pub max: Vec<Limit>,
    /// How to connect.
    #[command(flatten)]
    pub connection: ConnectionArgs,
    /// ALPN protocols to offer, comma-separated [default: http/1.1]
    #[arg(long, value_name = "NAMES", help_heading = "Connection", value_delimiter = ',', action = clap::ArgAction::Append)]
    pub alpn: Vec<String>,
}

/// Arguments of `watch-campaign`.
#[derive(Clone, Debug, Args)]
pub struct WatchArgs {
    /// IDs of the campaigns to watch, each over its own connection. A URL or @profile may come first
    #[arg(id = "topics", value_name = "ID")]
    pub ids: Vec<String>,
    /// URL of the provider's server or of a campaign endpoint [default: the provider's endpoint, if it has one]
    #[arg(long, value_name = "URL")]
    pub url: Option<String>,
    /// Name of the provider [default: guessed from the URL]
    #[arg(short, long, value_name = "NAME", value_parser = super::dialect_names(), hide_possible_values = true)]
    pub dialect: Option<String>,
    /// Watch the campaigns over one connection, to the provider's endpoint for all campaigns
    #[arg(long)]
    pub monitor: bool,
    /// Watch every campaign of that endpoint (implies --monitor)
    #[arg(long)]
    pub all: bool,
    /// Also end when every campaign has one of these statuses or a final one; repeatable or comma-separated
    #[arg(long, value_name = "STATUS", value_delimiter = ',', action = clap::ArgAction::Append, value_parser = status_that_may_end_a_watch())]
    pub exit_on: Vec<CampaignStatus>,
    /// Request HOURS of history before live updates
    #[arg(long, value_name = "HOURS", value_parser = clap::value_parser!(u32).range(1..))]
    pub history: Option<u32>,
    /// Print one normalized progress record per change instead of raw messages
    #[arg(long)]
    pub progress: bool,
    /// Print lines on a terminal too, instead of the live screen
    #[arg(long)]
    pub ndjson: bool,
    /// Shared by commands that hold a connection.
    #[command(flatten)]
    pub session: SessionArgs,
}

/// What is sent.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Sending")]
pub struct SendArgs {
    /// Send this message after each connect; repeatable, in order. @FILE sends a text file, @- standard input, @@ a
    /// literal @
    #[arg(short = 'x', long, value_name = "MSG", visible_alias = "execute", allow_hyphen_values = true, action = clap::ArgAction::Append, conflicts_with = "from")]
    pub send: Vec<String>,
    /// Run this jq program on each incoming message and send its outputs back
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true, conflicts_with = "from")]
    pub reply: Option<String>,
    /// Send each message back unchanged
    #[arg(long, conflicts_with = "from")]
    pub echo: bool,
    /// Send standard input as binary: one message per line of base64 or hex, or raw chunks
    #[arg(long, value_name = "FORM", conflicts_with = "from")]
    pub binary_in: Option<BinaryForm>,
    /// Split standard input into messages at this character. nul is the NUL byte, none sends all input as one message
    /// [default: \n]
    #[arg(long, value_name = "CHAR", value_parser = delimiter, allow_hyphen_values = true, conflicts_with = "from")]
    pub delimiter: Option<Delimiter>,
    /// Encode outgoing messages with these steps, in this order; see --decode [default: none]
    #[arg(long, value_name = "STEPS", value_parser = steps, conflicts_with = "from")]
    pub encode: Option<StepNames>,
    /// Open a prompt on the terminal [default for connect, unless an option sets the end of the session]
    #[arg(short, long, help_heading = "Prompt")]
    pub interactive: bool,
    /// Do not save the lines typed at the prompt
    #[arg(long, help_heading = "Prompt")]
    pub no_history: bool,
    /// The profile that was named
    #[arg(skip)]
    pub profile: Option<String>,
}

/// Options of every command that holds a connection.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Mock and offline")]
pub struct SessionArgs {
    /// Start a mock server in this process and connect to it; --mock='ARGUMENTS' passes arguments of serve-mock
    #[arg(long, value_name = "SERVE-MOCK ARGUMENTS", num_args = 0..=1, require_equals = true, default_missing_value = "")]
    pub mock: Option<String>,
    /// Read messages from a recording or NDJSON instead of a connection; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with = "mock")]
    pub from: Option<PathBuf>,
    /// Options of the filter and its variables.
    #[command(flatten)]
    pub filter: Sparse<FilterArgs>,
    /// How messages are read.
    #[command(flatten)]
    pub decode: Sparse<DecodeArgs>,
    /// How output looks.
    #[command(flatten)]
    pub output: Sparse<OutputArgs>,
    /// Where output goes besides a file.
    #[command(flatten)]
    pub delivery: Sparse<DeliveryArgs>,
    /// When it ends.
    #[command(flatten)]
    pub end: Sparse<EndArgs>,
    /// How to connect.
    #[command(flatten)]
    pub connection: Sparse<ConnectionArgs>,
    /// Keeping the connection.
    #[command(flatten)]
    pub liveness: Sparse<LivenessArgs>,
}

impl SessionArgs {
    /// Does an option say when the session ends: a count, an expression, a time, or a program that reads the whole stream?
    #[must_use]
    pub fn has_end_condition(&self) -> bool {
        let end = &self.end;
        end.count.is_some()
            || end.until.is_some()
            || end.fail_if.is_some()
            || end.max_time.is_some()
            || end.idle_timeout.is_some()
            || self.filter.null_input
    }
}

/// Options of the filter and its variables.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Filter (jq)")]
pub struct FilterArgs {
    /// Print the outputs of this jq program instead of the messages
    #[arg(short, long, value_name = "EXPR", visible_alias = "jq", allow_hyphen_values = true)]
    pub filter: Option<String>,
    /// Read the jq program from a file
    #[arg(long, value_name = "FILE", conflicts_with = "filter")]
    pub filter_file: Option<PathBuf>,
    /// Set $N to the string V in every jq program
    #[arg(long, num_args = 2, value_names = ["N", "V"], action = clap::ArgAction::Append, allow_hyphen_values = true)]
    pub arg: Vec<String>,
    /// Set $N to the JSON value V
    #[arg(long, num_args = 2, value_names = ["N", "V"], action = clap::ArgAction::Append, allow_hyphen_values = true)]
    pub argjson: Vec<String>,
    /// Set $N to an array of the JSON values in a file
    #[arg(long, num_args = 2, value_names = ["N", "FILE"], action = clap::ArgAction::Append)]
    pub slurpfile: Vec<String>,
    /// Set $N to the text of a file, as a string
    #[arg(long, num_args = 2, value_names = ["N", "FILE"], action = clap::ArgAction::Append)]
    pub rawfile: Vec<String>,
    /// Put the words up to the next option into $ARGS.positional as strings. Give the URL before this option
    #[arg(long, num_args = 0.., value_name = "V", action = clap::ArgAction::Append)]
    pub args: Vec<String>,
    /// Put the words up to the next option into $ARGS.positional as JSON values
    #[arg(long, num_args = 0.., value_name = "JSON", action = clap::ArgAction::Append)]
    pub jsonargs: Vec<String>,
    /// Search imported jq modules in DIR instead of ~/.jq (jq's -L)
    #[arg(long, value_name = "DIR", action = clap::ArgAction::Append)]
    pub library_path: Vec<PathBuf>,
    /// Run the filter once with null as input; input and inputs read the live stream
    #[arg(short, long)]
    pub null_input: bool,
    /// Set the exit status from the last output: 1 for false or null, 4 for no output
    #[arg(short, long)]
    pub exit_status: bool,
    /// If the filter fails on a message: warn and continue, or exit 5
    #[arg(long, value_name = "WHAT", default_value = "warn")]
    pub filter_errors: FilterErrors,
}

impl Group for FilterArgs {
    const NAMES: &'static str = "f filter jq filter-file arg argjson slurpfile rawfile args jsonargs library-path n \
        null-input e exit-status filter-errors";
}

/// How messages are read.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Decoding")]
pub struct DecodeArgs {
    #[allow(rustdoc::broken_intra_doc_links, reason = "the brackets are part of the help text")]
    /// Decode incoming messages with these steps, in this order: text, gzip, zlib, deflate, zstd or zstd:DICTIONARY,
    /// brotli, zlib-stream, msgpack, cbor, protobuf:DESCRIPTORS:MESSAGE, lines, rs, nul,
    /// json-array, auto [default: none]
    #[arg(long, value_name = "STEPS", value_parser = steps)]
    pub decode: Option<StepNames>,
    /// If a message cannot be decoded: warn and continue, or exit 21
    #[arg(long, value_name = "WHAT", default_value = "warn")]
    pub decode_errors: OnError,
    /// If a text message is not UTF-8: exit 21, or replace the invalid bytes with U+FFFD and continue
    #[arg(long, value_name = "WHAT", default_value = "fail")]
    pub invalid_utf8: InvalidUtf8,
}

impl Group for DecodeArgs {
    const NAMES: &'static str = "decode decode-errors invalid-utf8";
}

/// How output looks.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Print a record for every event (open, message, close, …). Filters get these records instead of messages
    #[arg(long)]
    pub envelope: bool,
    /// Print strings without quotes
    #[arg(short, long)]
    pub raw_output: bool,
    /// Like --raw-output, with nothing between outputs
    #[arg(short, long)]
    pub join_output: bool,
    /// Indent JSON by two spaces
    #[arg(long, overrides_with_all = ["compact_output", "tab", "indent"])]
    pub pretty: bool,
    /// Print JSON on one line (the default); the last of this, --pretty, --tab and --indent wins
    #[arg(short, long, overrides_with_all = ["pretty", "tab", "indent"])]
    pub compact_output: bool,
    /// Indent JSON with a tab for each level
    #[arg(long, overrides_with_all = ["pretty", "compact_output", "indent"])]
    pub tab: bool,
    /// Indent JSON by N spaces for each level, at most 7 [default: 0, one line]
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u8).range(..=7), overrides_with_all = ["pretty", "compact_output", "tab"])]
    pub indent: Option<u8>,
    /// Sort the fields of every object by name
    #[arg(short = 'S', long)]
    pub sort_keys: bool,
    /// Print non-ASCII characters as \uXXXX escapes
    #[arg(short, long)]
    pub ascii_output: bool,
    /// Start each JSON text with the record separator U+001E (RFC 7464)
    #[arg(long)]
    pub seq: bool,
    /// Write each line immediately. wstap always does; accepted because jq has it
    #[arg(long, hide_short_help = true)]
    pub unbuffered: bool,
    /// Print binary messages in this form
    #[arg(long, value_name = "FORM", default_value = "base64")]
    pub binary: BinaryForm,
    /// Append lines to FILE instead of writing to standard output (-); SIGHUP reopens it
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Write records of every event to FILE; FILE.har writes the HAR format
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Memory for output that is not read yet [default: 64M]
    #[arg(long, value_name = "SIZE", value_parser = size, conflicts_with = "from")]
    pub buffer: Option<usize>,
    /// What to do when --buffer is full [default: spill; block for connect]
    #[arg(long, value_name = "WHAT", conflicts_with = "from")]
    pub overflow: Option<OverflowChoice>,
    /// Exit with 30 when the spill file of --overflow exceeds SIZE [default: 4G]
    #[arg(long, value_name = "SIZE", value_parser = size, conflicts_with = "from")]
    pub spill_limit: Option<usize>,
    /// Do not redact credentials in records and in the provider's messages
    #[arg(long)]
    pub show_secrets: bool,
}

impl OutputArgs {
    /// Is there an option for how JSON is written?
    #[must_use]
    pub fn shapes_json(&self) -> bool {
        self.pretty
            || self.compact_output
            || self.tab
            || self.indent.is_some()
            || self.sort_keys
            || self.ascii_output
            || self.seq
    }
}

impl Group for OutputArgs {
    const NAMES: &'static str = "envelope r raw-output j join-output pretty c compact-output tab indent S sort-keys a \
        ascii-output seq unbuffered binary record buffer overflow spill-limit show-secrets o output";
}

/// Delivery to commands and brokers.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Delivery")]
pub struct DeliveryArgs {
    /// Store lines in a broker instead of printing them: redis://HOST/STREAM (rediss), nats://HOST/SUBJECT (tls), kafka://HOST/TOPIC (kafkas); repeatable
    #[arg(long, value_name = "URL", action = clap::ArgAction::Append)]
    pub to: Vec<String>,
    /// Write lines to a shell command, which prints how many it has stored, instead of standard output; repeatable
    #[arg(long, value_name = "CMD", action = clap::ArgAction::Append)]
    pub to_cmd: Vec<String>,
    /// With --to and --to-cmd, also write lines to standard output or to -o
    #[arg(long)]
    pub tee: bool,
    /// Set the key of each line with this jq program, which sees the message: the key, or {key, headers}
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub to_key: Option<String>,
    /// Append refused lines to FILE and continue, instead of exiting with status 30
    #[arg(long, value_name = "FILE")]
    pub dead_letter: Option<PathBuf>,
}

impl Group for DeliveryArgs {
    const NAMES: &'static str = "to to-cmd tee to-key dead-letter";
}

impl DeliveryArgs {
    /// Do lines go to a command or broker?
    #[must_use]
    pub fn has_sinks(&self) -> bool {
        !self.to_cmd.is_empty() || !self.to.is_empty()
    }

    /// Do lines go to standard output or the file of `-o`?
    #[must_use]
    pub fn writes_lines(&self) -> bool {
        self.tee || !self.has_sinks()
    }
}

/// When a session ends. Whatever applies first wins.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Ending")]
pub struct EndArgs {
    /// End after N output lines [default: no limit]. With --envelope and no filter, count received messages only
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// End with status 0 once this jq expression is true; print the matching message
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub until: Option<String>,
    /// End with status 1 as soon as this jq expression is true
    #[arg(long, value_name = "EXPR", allow_hyphen_values = true)]
    pub fail_if: Option<String>,
    /// End when no message has arrived for D [default: never]
    #[arg(long, value_name = "D", value_parser = duration)]
    pub idle_timeout: Option<Duration>,
    /// End after D [default: no limit]
    #[arg(long, value_name = "D", visible_alias = "timeout", value_parser = duration)]
    pub max_time: Option<Duration>,
    /// After input ends, wait for D of silence, then exit; forever keeps listening [default: forever; for connect, 2s if
    /// something was sent]
    #[arg(short = 'w', long, value_name = "D", visible_alias = "wait", value_parser = linger, conflicts_with = "from")]
    pub linger: Option<LingerTime>,
    /// Treat this close code as clean too, besides 1000, 1001 and 1005: exit with 0, do not reconnect; repeatable
    #[arg(long, value_name = "CODE", action = clap::ArgAction::Append, value_parser = clap::value_parser!(u16).range(1000..5000))]
    pub ok_close: Vec<u16>,
    /// Close code to send at the end of the session [default: 1000]
    #[arg(long, value_name = "CODE", value_parser = close_code)]
    pub close_code: Option<u16>,
    /// Close reason to send at the end of the session
    #[arg(long, value_name = "TEXT", default_value = "", value_parser = close_reason)]
    pub close_reason: String,
}

impl Group for EndArgs {
    const NAMES: &'static str = "count until fail-if idle-timeout max-time timeout w linger wait ok-close close-code \
        close-reason";
}

/// How to connect. Names are curl's where curl has one.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Connection")]
pub struct ConnectionArgs {
    /// Send this header; repeatable. K: removes a header, @FILE reads one per line, again for every connection
    #[arg(short = 'H', long, value_name = "K: V", action = clap::ArgAction::Append, num_args = 1)]
    pub header: Vec<String>,
    /// Send these cookies, as NAME=VALUE[; NAME=VALUE]; repeatable
    #[arg(short = 'b', long, value_name = "COOKIES", action = clap::ArgAction::Append)]
    pub cookie: Vec<String>,
    /// Send this Origin
    #[arg(long, value_name = "ORIGIN")]
    pub origin: Option<String>,
    /// Offer this subprotocol; repeatable or comma-separated
    #[arg(short, long, value_name = "NAME", value_delimiter = ',', action = clap::ArgAction::Append)]
    pub subprotocol: Vec<String>,
    /// Compression parameters to offer, comma-separated [default: client_max_window_bits]
    ///
    /// Parameters of permessage-deflate (RFC 7692): server_no_context_takeover, client_no_context_takeover,
    /// server_max_window_bits=N and client_max_window_bits[=N], with N from 8 to 15.
    #[arg(long, value_name = "PARAMS", overrides_with = "no_compress")]
    pub compress: Option<Deflate>,
    /// Do not offer compression
    #[arg(long, overrides_with = "compress")]
    pub no_compress: bool,
    /// User and password for Basic authentication, or for Digest if the server requests it; @FILE reads them
    #[arg(short, long, value_name = "USER:PASSWORD", visible_alias = "auth")]
    pub user: Option<String>,
    /// Use only Digest authentication, which never sends the password itself
    #[arg(long, requires = "user")]
    pub digest: bool,
    /// Send this bearer token. To keep it out of the process list, use --token-env or --token-file
    #[arg(long, value_name = "TOKEN")]
    pub bearer: Option<String>,
    /// Read the credential from environment variable VAR
    #[arg(long, value_name = "VAR", conflicts_with_all = ["bearer", "token_file", "token"])]
    pub token_env: Option<String>,
    /// Read the credential from the first line of FILE, again on each connect; - is standard input
    #[arg(long, value_name = "FILE", conflicts_with_all = ["bearer", "token"])]
    pub token_file: Option<PathBuf>,
    /// Run this shell command on each connect and use the first line of its output as the credential. If it fails, wstap
    /// retries as after a network failure
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["bearer", "token", "token_file", "token_env"])]
    pub token_command: Option<String>,
    /// Use this credential; other users can see it in the process list
    #[arg(long, value_name = "TOKEN", conflicts_with = "bearer")]
    pub token: Option<String>,
    /// Was it, or `--bearer`, typed?
    #[arg(skip)]
    pub credential_typed: bool,
    /// Where to send the credential: query, query:NAME, header, header:NAME or bearer [default: depends on the dialect]
    #[arg(long, value_name = "PLACE")]
    pub token_in: Option<String>,
    /// Send the credential as query parameter accesskey (short for --token-in query:accesskey)
    #[arg(long, conflicts_with = "token_in")]
    pub accesskey: bool,
    /// Trust the certificates in this PEM file instead of the system's; also the server's own certificate
    #[arg(long, value_name = "FILE", visible_alias = "ca")]
    pub cacert: Option<PathBuf>,
    /// Client certificate chain (PEM), or PKCS#12 file with certificate and key
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// Format of the --cert file; by default, wstap detects it
    #[arg(long, value_name = "TYPE", value_enum, ignore_case = true, requires = "cert")]
    pub cert_type: Option<CertType>,
    /// Private key of the client certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<PathBuf>,
    /// Passphrase of the private key or PKCS#12 file; @FILE reads it. By default, wstap asks on the terminal
    #[arg(long, value_name = "PASSPHRASE", requires = "cert")]
    pub pass: Option<String>,
    /// Accept any server certificate
    #[arg(short = 'k', long, alias = "no-check")]
    pub insecure: bool,
    /// Accept only servers with one of these public keys: sha256//BASE64, separated by semicolons
    #[arg(long, value_name = "PINS")]
    pub pinnedpubkey: Option<String>,
    /// Oldest TLS version to allow [default: 1.2]
    #[arg(long, value_name = "VERSION", value_enum)]
    pub tls_min: Option<TlsChoice>,
    /// Newest TLS version to allow [default: 1.3]
    #[arg(long, value_name = "VERSION", value_enum)]
    pub tls_max: Option<TlsChoice>,
    /// Append TLS session keys to the file named by SSLKEYLOGFILE, to decrypt captured traffic
    #[arg(long, hide_short_help = true)]
    pub tls_keylog: bool,
    /// Use ADDR for HOST and PORT instead of a DNS lookup; repeatable
    #[arg(long, value_name = "HOST:PORT:ADDR[,ADDR]", action = clap::ArgAction::Append)]
    pub resolve: Vec<String>,
    /// Connect to HOST2:PORT2 instead of HOST1:PORT1, keeping Host and SNI; repeatable
    #[arg(long, value_name = "HOST1:PORT1:HOST2:PORT2", action = clap::ArgAction::Append)]
    pub connect_to: Vec<String>,
    /// Connect through this Unix socket
    #[arg(long, value_name = "PATH")]
    pub unix_socket: Option<PathBuf>,
    /// Use IPv4 addresses only
    #[arg(short = '4', long, overrides_with = "ipv6")]
    pub ipv4: bool,
    /// Use IPv6 addresses only
    #[arg(short = '6', long, overrides_with = "ipv4")]
    pub ipv6: bool,
    /// Use this proxy: http://, socks5:// (or socks://) or socks5h://, optionally with USER:PASSWORD@; '' disables
    /// proxies [default: HTTPS_PROXY, HTTP_PROXY or ALL_PROXY]
    #[arg(long, value_name = "URL")]
    pub proxy: Option<String>,
    /// Connect to these hosts without a proxy; comma-separated [default: NO_PROXY]
    #[arg(long, value_name = "HOSTS")]
    pub noproxy: Option<String>,
    /// Follow redirects
    #[arg(short = 'L', long)]
    pub location: bool,
    /// Most redirects to follow with -L [default: 10]
    #[arg(long, value_name = "N")]
    pub max_redirects: Option<u32>,
    /// Time limit from name resolution to the end of the upgrade [default: 10s]
    #[arg(long, value_name = "D", value_parser = duration)]
    pub connect_timeout: Option<Duration>,
    /// Largest incoming message, such as 16M; 0 disables the limit [default: 64M, or the dialect's own]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub max_message_size: Option<usize>,
}

impl ConnectionArgs {
    /// Does an option give the credential for the place where the provider wants it?
    #[must_use]
    pub fn names_token(&self) -> bool {
        self.token.is_some()
            || self.token_file.is_some()
            || self.token_command.is_some()
            || self.token_env.is_some()
    }
}

impl Group for ConnectionArgs {
    const NAMES: &'static str = "H header b cookie origin s subprotocol compress no-compress u user auth digest bearer \
        token-env token-file token-command token token-in accesskey cacert ca cert cert-type key \
        pass k insecure no-check pinnedpubkey tls-min tls-max tls-keylog resolve connect-to \
        unix-socket 4 ipv4 6 ipv6 proxy noproxy L location max-redirects connect-timeout \
        max-message-size";
}

/// Keeping the connection.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Keep-alive and reconnect")]
pub struct LivenessArgs {
    /// Interval between pings; 0s disables them [default: 25s, or the dialect's own]
    #[arg(long, value_name = "D", value_parser = duration)]
    pub ping_interval: Option<Duration>,
    /// Consider the connection dead if nothing arrives for D after a ping [default: 20s]
    #[arg(long, value_name = "D", value_parser = duration)]
    pub ping_timeout: Option<Duration>,
    /// Reconnect after a loss, and retry a failed first connection. By default, subscribe and watch-campaign reconnect after a loss
    #[arg(long, overrides_with = "no_reconnect")]
    pub reconnect: bool,
    /// Do not reconnect
    #[arg(long, overrides_with = "reconnect")]
    pub no_reconnect: bool,
    /// Give up after N failed attempts in a row; implies --reconnect [default: no limit]
    #[arg(long, value_name = "N")]
    pub retries: Option<u32>,
    /// Also reconnect after these close codes, such as 1000,4000-4999; implies --reconnect. Always retried: 1001, 1005,
    /// 1006, 1011-1014 and 4000, or the dialect's own codes
    #[arg(long, value_name = "CODES", value_delimiter = ',', action = clap::ArgAction::Append, value_parser = close_codes)]
    pub retry_close: Vec<RangeInclusive<u16>>,
    /// Longest delay before the first retry; doubles with every attempt [default: 1s]
    #[arg(long, value_name = "D", value_parser = duration)]
    pub reconnect_delay: Option<Duration>,
    /// Longest delay before any retry [default: 30s]
    #[arg(long, value_name = "D", value_parser = duration)]
    pub reconnect_max_delay: Option<Duration>,
    /// Run the dialect's timers N times as fast, for a mock with the same --time-scale [default: 1, or --mock's own]
    #[arg(long, value_name = "N", value_parser = time_scale, hide_short_help = true)]
    pub time_scale: Option<f64>,
}

impl Group for LivenessArgs {
    const NAMES: &'static str = "ping-interval ping-timeout reconnect no-reconnect retries retry-close reconnect-delay \
        reconnect-max-delay time-scale";
}
