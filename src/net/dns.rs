//! From a host and a port to the addresses to try.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::Options;
use super::url::{bracketed, literal};
use crate::error::{Failure, Result};
use crate::exit::Exit;

/// The addresses of a host, in the order of trial (RFC 8305 §4: families alternate).
///
/// `--resolve` comes first, then addresses written as such, then `localhost`, which is the loopback by
/// RFC 6761 §6.3 and needs no asking; only then the system's resolver, which costs a thread.
pub(super) async fn resolve(host: &str, port: u16, options: &Options) -> Result<Vec<SocketAddr>> {
    let found = match known(host, port, options) {
        Some(addresses) => match zone_of(host) {
            Some(zone) => in_zone(host, zone, port).await?,
            None => addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect(),
        },
        None => look_up(host, port).await?,
    };
    let wanted: Vec<SocketAddr> = found.iter().copied().filter(|a| is_wanted(a, options)).collect();
    if wanted.is_empty() {
        let family = if options.only_ipv6 == Some(true) { "IPv6" } else { "IPv4" };
        let others = found.iter().map(|address| format!("has {}", address.ip())).collect();
        return Err(Failure::new(Exit::Dns, format!("{host} has no {family} address")).details(others));
    }
    Ok(interleave(wanted))
}

fn known(host: &str, port: u16, options: &Options) -> Option<Vec<IpAddr>> {
    // As in curl, the last entry for a host counts, and a named host goes before `*`.
    let entry = |matches: &dyn Fn(&str) -> bool| {
        options.resolve.iter().rev().find(|entry| entry.port == port && matches(&entry.host))
    };
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let overridden =
        entry(&|given| given.eq_ignore_ascii_case(name)).or_else(|| entry(&|given| given == "*"));
    if let Some(entry) = overridden {
        return Some(entry.addresses.clone());
    }
    if let Some(address) = literal(name) {
        return Some(vec![address]);
    }
    let lower = name.to_ascii_lowercase();
    let name = lower.trim_end_matches('.');
    (name == "localhost" || name.ends_with(".localhost"))
        .then(|| vec![Ipv6Addr::LOCALHOST.into(), Ipv4Addr::LOCALHOST.into()])
}

/// The zone of a link-local address, which is the name or number of a network interface (RFC 4007 §11). Other addresses
/// are the same in every zone.
fn zone_of(host: &str) -> Option<&str> {
    let (address, zone) = host.split_once('%')?;
    let address: Ipv6Addr = address.parse().ok()?;
    address.is_unicast_link_local().then_some(zone)
}

/// Such an address: the system knows its interfaces.
async fn in_zone(host: &str, zone: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let found = tokio::net::lookup_host((host, port)).await.map(Iterator::collect::<Vec<_>>);
    found.ok().filter(|found| !found.is_empty()).ok_or_else(|| {
        Failure::new(Exit::Dns, format!("cannot resolve {host}: unknown network interface {zone}"))
            .hint("use an interface of this machine after the %, such as eth0; `ip link` lists them")
    })
}

async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>> {
    let failed = |why: &str| {
        Failure::new(Exit::Dns, format!("cannot resolve {host}: {why}"))
            .hint("check the spelling, or skip name resolution with --resolve HOST:PORT:ADDRESS")
    };
    let found: Vec<SocketAddr> =
        tokio::net::lookup_host((host, port)).await.map_err(|error| failed(&plain(&error)))?.collect();
    if found.is_empty() { Err(failed("no address found")) } else { Ok(found) }
}

/// The resolver's own words, without the prefix that the standard library adds.
fn plain(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.strip_prefix("failed to lookup address information: ").unwrap_or(&text).to_owned()
}

fn is_wanted(address: &SocketAddr, options: &Options) -> bool {
    options.only_ipv6.is_none_or(|v6| address.is_ipv6() == v6)
}

/// Families in turn, starting with that of the first address; otherwise the order stays.
fn interleave(addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
    let first_is_v6 = addresses.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addresses.into_iter().partition(|a| a.is_ipv6() == first_is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut mixed = Vec::with_capacity(first.len() + second.len());
    loop {
        let before = mixed.len();
        mixed.extend(first.next());
        mixed.extend(second.next());
        if mixed.len() == before {
            return mixed;
        }
    }
}

/// `host:port` for messages and for proxies.
pub(super) fn authority(host: &str, port: u16) -> String {
    format!("{}:{port}", bracketed(host))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::ResolveEntry;

    fn entry(host: &str, port: u16, address: &str) -> ResolveEntry {
        ResolveEntry { host: host.into(), port, addresses: vec![address.parse().unwrap()] }
    }

    async fn ips(host: &str, options: &Options) -> Vec<String> {
        let found = resolve(host, 80, options).await.unwrap();
        found.iter().map(|address| address.ip().to_string()).collect()
    }

    #[tokio::test]
    async fn addresses_and_localhost_need_no_resolver() {
        let options = Options::default();
        assert_eq!(ips("192.0.2.1", &options).await, ["192.0.2.1"]);
        assert_eq!(ips("2001:db8::1", &options).await, ["2001:db8::1"]);
        assert_eq!(ips("LocalHost", &options).await, ["::1", "127.0.0.1"]);
        assert_eq!(ips("a.localhost", &options).await, ["::1", "127.0.0.1"]);
    }

    #[tokio::test]
    async fn resolve_entries_replace_the_resolver() {
        let resolve = vec![
            entry("*", 80, "192.0.2.1"),
            entry("Host.test", 80, "192.0.2.2"),
            entry("h.test", 81, "::1"),
        ];
        let options = Options { resolve, ..Options::default() };
        assert_eq!(ips("host.test", &options).await, ["192.0.2.2"]);
        assert_eq!(ips("h.test", &options).await, ["192.0.2.1"]);
        assert_eq!(ips("127.0.0.1", &options).await, ["192.0.2.1"]);
    }

    #[tokio::test]
    async fn one_family_only() {
        let mut options = Options { only_ipv6: Some(false), ..Options::default() };
        assert_eq!(ips("localhost", &options).await, ["127.0.0.1"]);
        options.only_ipv6 = Some(true);
        assert_eq!(ips("localhost", &options).await, ["::1"]);
        let failure = resolve("192.0.2.1", 80, &options).await.unwrap_err();
        assert_eq!((failure.exit, failure.what.as_str()), (Exit::Dns, "192.0.2.1 has no IPv6 address"));
    }

    #[tokio::test]
    async fn a_name_that_cannot_exist_is_a_dns_failure() {
        // A label of 64 characters is refused by any resolver without asking the network.
        let name = format!("{}.invalid", "x".repeat(64));
        assert_eq!(resolve(&name, 80, &Options::default()).await.unwrap_err().exit, Exit::Dns);
    }

    #[test]
    fn families_alternate() {
        let addresses = ["[::1]:1", "[::2]:1", "[::3]:1", "127.0.0.1:1"].map(|a| a.parse().unwrap()).to_vec();
        let mixed: Vec<String> = interleave(addresses).iter().map(|a| a.ip().to_string()).collect();
        assert_eq!(mixed, ["::1", "127.0.0.1", "::2", "::3"]);
    }
}
