//! The options of `serve-mock --upstream`: the mock as a tap in front of a real endpoint.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use crate::cli::values::size;
use crate::text::duration;

/// How clients are connected on, and what happens on the way. Names are those of `connect` where it has one.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Upstream")]
pub struct UpstreamArgs {
    /// Connect every client on to this endpoint, and pass frames both ways unchanged
    ///
    /// The path and the query of a client's request are appended to the URL. --on and the named dialects answer first.
    /// --fault, scenarios and the control API act on the real traffic.
    #[arg(long, value_name = "URL")]
    pub upstream: Option<String>,

    /// Send this header to the upstream, instead of the client's own; repeatable. K: removes one, @FILE reads them
    #[arg(long, value_name = "K: V", action = clap::ArgAction::Append, requires = "upstream")]
    pub upstream_header: Vec<String>,

    /// Write records of all traffic to FILE, for --replay and --from; a name that ends in .har makes a HAR
    #[arg(long, value_name = "FILE", requires = "upstream")]
    pub record: Option<PathBuf>,

    /// Replace each text message from the upstream by the outputs of this jq program; no output drops it
    ///
    /// A message on which the program fails passes unchanged, with a warning.
    #[arg(long, value_name = "EXPR", requires = "upstream")]
    pub map_in: Option<String>,

    /// Replace each text message from a client by the outputs of this jq program; no output drops it
    #[arg(long, value_name = "EXPR", requires = "upstream")]
    pub map_out: Option<String>,

    /// Answer pings in the mock instead of passing pings and pongs
    #[arg(long, requires = "upstream")]
    pub own_pings: bool,

    /// Memory for one connection; a message of more than a quarter is neither recorded nor changed [default: 64M]
    #[arg(long, value_name = "SIZE", value_parser = size, requires = "upstream")]
    pub buffer: Option<usize>,

    /// Trust the certificates in this PEM file for the upstream, instead of the system's
    #[arg(long, value_name = "FILE", visible_alias = "ca", requires = "upstream")]
    pub cacert: Option<PathBuf>,

    /// Accept any certificate of the upstream
    #[arg(short = 'k', long, requires = "upstream")]
    pub insecure: bool,

    /// Accept only upstreams with one of these public keys: sha256//BASE64, separated by semicolons
    #[arg(long, value_name = "PINS", requires = "upstream")]
    pub pinnedpubkey: Option<String>,

    /// Client certificate for the upstream: a PEM chain, or a PKCS#12 file with certificate and key
    #[arg(long, value_name = "FILE", requires = "upstream")]
    pub upstream_cert: Option<PathBuf>,

    /// Private key of --upstream-cert (PEM), if it is not in the same file
    #[arg(long, value_name = "FILE", requires = "upstream_cert")]
    pub upstream_key: Option<PathBuf>,

    /// Use ADDR for HOST and PORT of the upstream instead of a DNS lookup; repeatable
    #[arg(long, value_name = "HOST:PORT:ADDR[,ADDR]", action = clap::ArgAction::Append, requires = "upstream")]
    pub resolve: Vec<String>,

    /// Connect to the upstream through this proxy: http://, socks5:// or socks5h://; '' disables proxies
    #[arg(long, value_name = "URL", requires = "upstream")]
    pub proxy: Option<String>,

    /// Time limit for connecting a client to the upstream [default: 10s]
    #[arg(long, value_name = "D", value_parser = duration, requires = "upstream")]
    pub connect_timeout: Option<Duration>,
}

impl UpstreamArgs {
    /// The option that was given, for a mock that is no process of its own.
    pub(super) fn given(&self) -> Option<&'static str> {
        self.upstream.as_ref().map(|_| "--upstream")
    }
}
