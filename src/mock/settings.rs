//! What a mock server is like.

use std::path::PathBuf;

use super::{ControlSettings, Fault, ReplaySettings, TlsSettings, UpstreamSettings};
use crate::handshake::extensions::Deflate;
use crate::provider::Settings;

/// What a mock server is like.
#[derive(Clone, Debug)]
pub struct MockSettings {
    /// What its providers are like.
    pub common: Settings,
    /// The dialects to serve; none named means all that have a mock. The echo is always there.
    pub dialects: Vec<String>,
    /// The address to listen on.
    pub host: String,
    /// The port to listen on; 0 takes a free one.
    pub port: u16,
    /// The compression that is accepted, if clients offer it.
    pub compression: Option<Deflate>,
    /// What it does wrong on purpose.
    pub faults: Vec<Fault>,
    /// A file of scenarios.
    pub scenario: Option<PathBuf>,
    /// jq programs that answer where nobody else does.
    pub on: Vec<String>,
    /// The control API.
    pub control: ControlSettings,
    /// TLS on the port.
    pub tls: TlsSettings,
    /// What is played to clients.
    pub replay: Option<ReplaySettings>,
    /// Where clients are connected on to.
    pub upstream: Option<UpstreamSettings>,
    /// jq programs, each of which is to match some message of a client before the server stops.
    pub expect: Vec<String>,
}

impl Default for MockSettings {
    fn default() -> Self {
        Self {
            common: Settings::default(),
            dialects: Vec::new(),
            host: "127.0.0.1".to_owned(),
            port: 0,
            compression: Some(Deflate::default()),
            faults: Vec::new(),
            scenario: None,
            on: Vec::new(),
            control: ControlSettings::default(),
            tls: TlsSettings::default(),
            replay: None,
            upstream: None,
            expect: Vec::new(),
        }
    }
}
