//! An attempt to connect in lines, as curl's `-v` prints it: `*` is what happened, `>` what was sent, `<` what came.

use std::net::SocketAddr;
use std::time::Duration;

use super::certificate::Certificate;
use super::{OpenReport, TlsInfo, Tried};
use crate::clock;
use crate::event::ConnectionInfo;
use crate::secret::Secrets;
use crate::text::short;

impl OpenReport {
    /// What records say of the connection.
    #[must_use]
    pub fn facts(&self, show_secrets: bool) -> ConnectionInfo {
        let exposed = self.exposed_url.as_ref().filter(|_| show_secrets);
        let phases = [
            ("dns", self.dns),
            ("tcp", self.tcp),
            ("proxy", self.proxy),
            ("tls", self.tls),
            ("upgrade", self.upgrade),
        ];
        ConnectionInfo {
            url: exposed.map_or_else(|| self.url.clone(), |url| url.expose().to_owned()),
            remote: self.remote.map(|address| address.to_string()),
            subprotocol: self.subprotocol.clone(),
            compression: self.agreement.map(|agreement| agreement.answer.to_string()),
            tls: self.tls_info.as_ref().map(|info| info.version.clone()),
            phases: phases.into_iter().filter_map(|(name, time)| Some((name, time?))).collect(),
        }
    }

    /// The attempt in lines, with secrets masked.
    #[must_use]
    pub fn trace(&self, secrets: &Secrets) -> Vec<String> {
        let mut lines: Vec<String> =
            self.redirects.iter().map(|url| format!("* redirected to {url}")).collect();
        lines.extend(self.dns.map(|time| self.resolved(time)));
        lines.extend(self.tried.iter().map(|tried| attempted(tried, self.remote)));
        if let Some(time) = self.tcp {
            let from = self.local.map(|local| format!(" from {local}")).unwrap_or_default();
            match self.remote {
                Some(remote) => lines.push(format!("* connected to {remote}{from} in {}", short(time))),
                None => lines.push(format!("* connecting took {}", short(time))),
            }
        }
        if let (Some(via), Some(time)) = (&self.via, self.proxy) {
            lines.push(format!("* tunnel through proxy {via} in {}", short(time)));
        }
        if let Some(info) = &self.tls_info {
            lines.extend(secured(info, self.tls));
        }
        if let Some(request) = &self.request {
            lines.push(format!("> GET {} HTTP/1.1", request.target));
            lines.extend(request.headers.iter().map(|(name, value)| format!("> {name}: {value}")));
        }
        if let Some(status) = self.status {
            lines.push(format!("< HTTP/1.{} {status} {}", self.version_minor, self.reason));
            let header =
                |(name, value): &(String, String)| format!("< {name}: {}", secrets.mask_header(name, value));
            lines.extend(self.headers.iter().map(header));
        }
        let upgrade = self.upgrade.map(|time| format!("upgrade {}, ", short(time))).unwrap_or_default();
        lines.push(format!("* {upgrade}total {}", short(self.total)));
        lines
    }

    fn resolved(&self, time: Duration) -> String {
        let addresses: Vec<String> = self.addresses.iter().map(|address| address.ip().to_string()).collect();
        let to = if addresses.is_empty() { "no address".to_owned() } else { addresses.join(", ") };
        format!("* resolved {} to {to} in {}", self.host, short(time))
    }
}

/// An address that was tried.
fn attempted(tried: &Tried, remote: Option<SocketAddr>) -> String {
    let Tried { address, time, error } = tried;
    let after = time.map(|time| format!(" after {}", short(time))).unwrap_or_default();
    match error {
        Some(error) => format!("* tried {address}: {error}{after}"),
        None if remote == Some(*address) => format!("* tried {address}: connected{after}"),
        None => format!("* tried {address}: no answer yet"),
    }
}

/// The line of TLS and that of the server's certificate, as far as the handshake came.
fn secured(info: &TlsInfo, time: Option<Duration>) -> Vec<String> {
    let mut lines = Vec::new();
    if !info.version.is_empty() {
        let group = info.group.as_ref().map(|group| format!(", {group}")).unwrap_or_default();
        let alpn = info.alpn.as_ref().map(|alpn| format!(", ALPN {alpn}")).unwrap_or_default();
        let took = time.map(|time| format!(" in {}", short(time))).unwrap_or_default();
        lines.push(format!("* {}, {}{group}{alpn}{took}", info.version, info.cipher));
    }
    if let Some(leaf) = info.certificates.first().map(|der| Certificate::read(der, clock::now())) {
        let until = leaf.not_after.map(|until| format!(", valid until {until}")).unwrap_or_default();
        let trust = match &info.verify_error {
            None => "trusted".to_owned(),
            Some(error) => format!("not trusted: {error}"),
        };
        let names =
            if leaf.sans.is_empty() { String::new() } else { format!(", for {}", leaf.sans.join(", ")) };
        lines.push(format!(
            "* certificate {}{names}, issued by {}{until}, {trust}",
            leaf.subject, leaf.issuer
        ));
    }
    lines
}
