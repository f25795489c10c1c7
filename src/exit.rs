//! Exit statuses: the table behind `--help`, the man pages and the README.

/// The exit status of the process. The numbers are part of the public contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Exit {
    /// Ended as asked.
    Ok = 0,
    /// An assertion failed.
    Assertion = 1,
    /// The command line or the configuration is wrong.
    Usage = 2,
    /// A jq program does not compile.
    FilterCompile = 3,
    /// `--exit-status` was given and nothing was written.
    NoOutput = 4,
    /// A jq program failed on a message, and `--filter-errors fail` was given.
    FilterRuntime = 5,
    /// The host name could not be resolved.
    Dns = 10,
    /// No address accepted a TCP (or unix socket) connection.
    Tcp = 11,
    /// The proxy refused, or could not be understood.
    Proxy = 12,
    /// The TLS handshake failed.
    Tls = 13,
    /// The server answered the upgrade with another status than 101.
    Refused = 14,
    /// The server answered 101, but not as RFC 6455 demands.
    BadUpgrade = 15,
    /// The server does not accept the credentials.
    Credentials = 16,
    /// The server does not know what was asked for.
    NotFound = 17,
    /// The connection ended without a clean close.
    ClosedAbnormally = 20,
    /// The peer broke the WebSocket protocol, or sent a message that cannot be decoded.
    PeerProtocol = 21,
    /// Nothing came back in time.
    LinkSilent = 22,
    /// Reconnecting was given up.
    GaveUp = 23,
    /// The provider refused a subscription.
    SubscriptionRefused = 24,
    /// Standard output or a file could not be written.
    OutputFailed = 30,
    /// Interrupted by SIGINT.
    Interrupted = 130,
    /// Terminated by SIGTERM.
    Terminated = 143,
}

/// What the process ends with: one of the table, or the status of a command that it ran.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Status(pub u8);

impl Status {
    /// The number the process ends with.
    #[must_use]
    pub fn code(self) -> u8 {
        self.0
    }
}

impl From<Exit> for Status {
    fn from(exit: Exit) -> Self {
        Self(exit.code())
    }
}

/// Every status with its meaning, in the order in which it is printed.
pub const TABLE: &[(Exit, &str)] = &[
    (
        Exit::Ok,
        "success: clean close, --count reached, --until matched, or the time limit passed without such a condition",
    ),
    (
        Exit::Assertion,
        "a condition failed: --fail-if matched, --until, --count or --expect was not reached, last output false or null with -e, or a campaign failed, was cancelled or did not end",
    ),
    (Exit::Usage, "invalid command line or configuration"),
    (Exit::FilterCompile, "a jq program does not compile"),
    (Exit::NoOutput, "no output, with -e"),
    (Exit::FilterRuntime, "a jq program failed on a message, with --filter-errors fail"),
    (Exit::Dns, "name resolution failed"),
    (Exit::Tcp, "TCP or unix socket connection failed"),
    (Exit::Proxy, "proxy connection failed"),
    (Exit::Tls, "TLS handshake failed"),
    (Exit::Refused, "WebSocket handshake refused: HTTP status other than 101"),
    (Exit::BadUpgrade, "invalid handshake response: HTTP status 101, but not as RFC 6455 requires"),
    (Exit::Credentials, "credentials refused: HTTP 401 or 403, close 1008"),
    (Exit::NotFound, "not found: HTTP 404, close 4004"),
    (
        Exit::ClosedAbnormally,
        "closed abnormally, or with an unexpected code (expected: 1000, 1001, 1005 and --ok-close)",
    ),
    (
        Exit::PeerProtocol,
        "protocol error: invalid frame, or a message that could not be decoded, with --decode-errors fail",
    ),
    (Exit::LinkSilent, "connection timed out: no pong or no heartbeat"),
    (Exit::GaveUp, "gave up reconnecting (--retries)"),
    (Exit::SubscriptionRefused, "subscription refused"),
    (Exit::OutputFailed, "could not write output"),
    (Exit::Interrupted, "interrupted (SIGINT)"),
    (Exit::Terminated, "terminated (SIGTERM)"),
];

/// Columns of the table as text.
const WIDTH: usize = 80;

impl Exit {
    /// The number the process ends with.
    #[must_use]
    pub fn code(self) -> u8 {
        self as u8
    }

    /// The status of this number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        TABLE.iter().map(|(exit, _)| *exit).find(|exit| exit.code() == code)
    }
}

/// The table as aligned text, in 80 columns.
#[must_use]
pub fn table_text() -> String {
    let mut text = String::new();
    for (exit, meaning) in TABLE {
        let mut line = format!("  {:>3} ", exit.code());
        for word in meaning.split(' ') {
            if line.chars().count() + 1 + word.chars().count() > WIDTH {
                text.push_str(&line);
                line = format!("\n{:6}", "");
            }
            line.push(' ');
            line.push_str(word);
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_are_frozen() {
        let numbers: Vec<u8> = TABLE.iter().map(|(exit, _)| exit.code()).collect();
        let frozen = [0, 1, 2, 3, 4, 5, 10, 11, 12, 13, 14, 15, 16, 17, 20, 21, 22, 23, 24, 30, 130, 143];
        assert_eq!(numbers, frozen);
    }
}
