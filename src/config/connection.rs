//! The connection options, resolved.

use std::net::IpAddr;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::{World, passphrase};
use crate::cli::options::ConnectionArgs;
use crate::cli::values::{CertType, TlsChoice};
use crate::dialect::{Credential, CredentialPlace};
use crate::error::{Failure, Result};
use crate::net::identity;
use crate::net::url::ascii_host;
use crate::net::{
    ConnectToEntry, HeaderSource, KeyPin, Options, ProxyRules, ResolveEntry, Sources, TlsOptions, TlsVersion,
    TokenPlace, TokenSource, WsUrl, choose_proxy, sources,
};
use crate::report::Report;
use crate::secret::{self, Secret};

/// How many redirects are followed where they are, unless an option says; so does the help.
pub(super) const MAX_REDIRECTS: u32 = 10;

/// Resolves how to connect to `url`, and tells the report what must never be shown. The second value is the
/// credential, where its place is not the upgrade but [`CredentialPlace::Call`] or [`CredentialPlace::Message`].
///
/// # Errors
/// A usage failure that names the option.
pub fn resolve(
    args: &ConnectionArgs,
    url: &WsUrl,
    credentials: &[Credential],
    world: &World<'_>,
    report: &Report,
) -> Result<(Options, Option<Secret>)> {
    let (headers, header_sources) = headers(args)?;
    let (basic, user_source) = basic(args)?;
    let (token, token_source) = token(args, url, credentials, world, report)?;
    let var = |name: &str| proxy_var(args, world, name);
    let proxy = choose_proxy(args.proxy.as_deref(), &var, url)?;
    let call_proxies = ProxyRules::new(args.proxy.as_deref(), &var);
    let secrets = report.secrets();
    headers.iter().for_each(|(name, value)| secrets.add_header(name, value));
    let proxies = call_proxies.proxies().filter_map(|proxy| proxy.auth);
    proxies.for_each(|(user, password)| secrets.add_user(&user, &password, secret::Place::Proxy));
    basic.iter().for_each(|(user, password)| secrets.add_user(user, password, secret::Place::User));
    token.iter().for_each(|(place, token)| {
        secrets.add(token, place.as_ref().map_or(secret::Place::Call, TokenPlace::of));
    });
    url.add_to(secrets);
    url.look_alike().iter().for_each(|warning| report.warning(warning));
    secrets.add_subprotocols(&args.subprotocol.iter().map(String::as_str).collect::<Vec<_>>());
    let tls = tls(args, world)?;
    tls.pass.iter().for_each(|pass| secrets.add(pass, secret::Place::Arguments));
    let (token, for_calls) = match token {
        Some((Some(place), token)) => (Some((place, token)), None),
        Some((None, token)) => (None, Some(token)),
        None => (None, None),
    };
    let options = Options {
        secrets: secrets.clone(),
        headers,
        origin: args.origin.clone(),
        subprotocols: args.subprotocol.clone(),
        compression: args.compress.or(Options::default().compression).filter(|_| !args.no_compress),
        basic,
        digest: args.digest,
        token,
        sources: Sources { headers: header_sources, user: user_source, token: token_source },
        tls,
        resolve: args.resolve.iter().map(|text| resolve_entry(text)).collect::<Result<_>>()?,
        connect_to: args.connect_to.iter().map(|text| connect_to_entry(text)).collect::<Result<_>>()?,
        unix_socket: args.unix_socket.clone(),
        only_ipv6: (args.ipv4 || args.ipv6).then_some(args.ipv6),
        proxy,
        call_proxies,
        max_redirects: if args.location { args.max_redirects.unwrap_or(MAX_REDIRECTS) } else { 0 },
        connect_timeout: args.connect_timeout.unwrap_or(Options::default().connect_timeout),
        max_message_size: args
            .max_message_size
            .map_or(Options::default().max_message_size, |size| (size > 0).then_some(size)),
    };
    Ok((options, for_calls))
}

/// `--noproxy` stands in for both spellings of the variable.
fn proxy_var(args: &ConnectionArgs, world: &World<'_>, name: &str) -> Option<String> {
    match (&args.noproxy, name) {
        (Some(hosts), "no_proxy" | "NO_PROXY") => Some(hosts.clone()),
        _ => (world.var)(name),
    }
}

/// Resolves how to connect to a broker: TLS, addresses and times by the same options as the WebSocket. Files that the
/// broker's URL names take the place of those options.
///
/// # Errors
/// A usage failure that names the option.
#[cfg(feature = "brokers")]
pub fn broker(
    args: &ConnectionArgs,
    url: &crate::sink::place::BrokerUrl,
    world: &World<'_>,
) -> Result<Options> {
    let mut options = Options::default();
    options.connect_timeout = args.connect_timeout.unwrap_or(options.connect_timeout);
    options.resolve = args.resolve.iter().map(|text| resolve_entry(text)).collect::<Result<_>>()?;
    options.connect_to = args.connect_to.iter().map(|text| connect_to_entry(text)).collect::<Result<_>>()?;
    let [cacert, cert, key] =
        ["cacert", "cert", "key"].map(|name| url.option(name).map(std::path::PathBuf::from));
    options.tls = tls(args, world)?;
    if cacert.is_some() {
        options.tls = TlsOptions { cacert, insecure: false, pins: Vec::new(), ..options.tls };
    }
    if cert.is_some() {
        options.tls = TlsOptions { cert, key, pass: None, is_pkcs12: None, ..options.tls };
    }
    if !url.server.is_tls() {
        options.tls.pins.clear();
    }
    Ok(options)
}

fn tls(args: &ConnectionArgs, world: &World<'_>) -> Result<TlsOptions> {
    let version = |choice: TlsChoice| match choice {
        TlsChoice::V1_2 => TlsVersion::V1_2,
        TlsChoice::V1_3 => TlsVersion::V1_3,
    };
    let options = TlsOptions {
        cacert: args.cacert.clone(),
        cert: args.cert.clone(),
        key: args.key.clone(),
        pass: args.pass.as_deref().map(given_passphrase).transpose()?,
        is_pkcs12: args.cert_type.map(|kind| kind == CertType::P12),
        insecure: args.insecure,
        pins: args.pinnedpubkey.as_deref().map_or(Ok(Vec::new()), key_pins)?,
        min: args.tls_min.map(version),
        max: args.tls_max.map(version),
        keylog: if args.tls_keylog { Some(keylog(world)?) } else { None },
        ..TlsOptions::default()
    };
    if options.pass.is_none()
        && let Some(path) = identity::locked(&options)?
    {
        let pass = passphrase::ask(&format!("Passphrase of {}", path.display()))?;
        return Ok(TlsOptions { pass, ..options });
    }
    Ok(options)
}

fn given_passphrase(text: &str) -> Result<Secret> {
    match text.strip_prefix('@') {
        Some(file) => sources::first_line(Path::new(file), "--pass").map(Secret::new),
        None => Ok(Secret::new(text)),
    }
}

/// curl's `sha256//BASE64[;sha256//BASE64]`.
fn key_pins(text: &str) -> Result<Vec<KeyPin>> {
    text.split(';').map(str::trim).map(key_pin).collect::<Option<_>>().ok_or_else(|| {
        Failure::usage(format!("--pinnedpubkey: {text:?} is not sha256//BASE64[;sha256//BASE64]"))
            .hint("use the SHA-256 of the server's public key in base64; probe-handshake shows it as tls.pin")
    })
}

fn key_pin(text: &str) -> Option<KeyPin> {
    STANDARD.decode(text.strip_prefix("sha256//")?).ok()?.try_into().ok()
}

fn keylog(world: &World<'_>) -> Result<PathBuf> {
    let path = (world.var)("SSLKEYLOGFILE").filter(|path| !path.is_empty());
    path.map(PathBuf::from)
        .ok_or_else(|| Failure::usage("--tls-keylog: environment variable SSLKEYLOGFILE is not set"))
}

/// The name of a header or a user, and what belongs to it.
type Pair = (String, Secret);

/// The headers, and where they come from if that is to be read again.
fn headers(args: &ConnectionArgs) -> Result<(Vec<Pair>, Vec<HeaderSource>)> {
    let mut sources = Vec::new();
    for arg in &args.header {
        match arg.strip_prefix('@').map(Path::new) {
            None => sources.push(HeaderSource::Given(sources::header(arg)?)),
            Some(path) if sources::can_be_read_again(path) => {
                sources.push(HeaderSource::File(path.to_owned()));
            }
            Some(path) => {
                let headers = sources::read_headers(&[HeaderSource::File(path.to_owned())])?;
                sources.extend(headers.into_iter().map(HeaderSource::Given));
            }
        }
    }
    sources.extend(cookies(&args.cookie)?.map(HeaderSource::Given));
    let headers = sources::read_headers(&sources)?;
    let changes = sources.iter().any(|source| matches!(source, HeaderSource::File(_)));
    Ok((headers, if changes { sources } else { Vec::new() }))
}

/// All cookies are one header (RFC 6265 §5.4).
fn cookies(args: &[String]) -> Result<Option<(String, Secret)>> {
    if args.iter().flat_map(|arg| arg.split(';')).any(|pair| !pair.trim().is_empty() && !pair.contains('=')) {
        // The text is not quoted back: it may be a credential that lost its name.
        return Err(Failure::usage("--cookie: missing `NAME=`")
            .hint("write -b 'NAME=VALUE; NAME=VALUE', or -H @FILE to read a Cookie header from a file"));
    }
    let given = args.iter().map(|arg| arg.trim().trim_end_matches(';')).filter(|arg| !arg.is_empty());
    let text = given.collect::<Vec<_>>().join("; ");
    Ok((!text.is_empty()).then(|| ("Cookie".to_owned(), Secret::new(text))))
}

/// User name and password, and the file that is to be read again.
fn basic(args: &ConnectionArgs) -> Result<(Option<Pair>, Option<PathBuf>)> {
    let Some(user) = &args.user else { return Ok((None, None)) };
    let Some(path) = user.strip_prefix('@').map(Path::new) else {
        return Ok((Some(sources::user(user)?), None));
    };
    let source = sources::can_be_read_again(path).then(|| path.to_owned());
    Ok((Some(sources::read_user(path)?), source))
}

/// A credential and its place, if it has one in the upgrade.
type Token<T> = Option<(Option<TokenPlace>, T)>;

/// The credential, and where it comes from if that is to be read again. What a command will print is not known yet.
fn token(
    args: &ConnectionArgs,
    url: &WsUrl,
    credentials: &[Credential],
    world: &World<'_>,
    report: &Report,
) -> Result<(Token<Secret>, Token<TokenSource>)> {
    if args.credential_typed {
        let option = if args.bearer.is_some() { "--bearer" } else { "--token" };
        report.verbose(&format!(
            "{option} is visible to other users in the process list; use --token-env or --token-file instead"
        ));
    }
    if let Some(bearer) = &args.bearer {
        return Ok((Some((Some(TokenPlace::Bearer), Secret::new(bearer))), None));
    }
    let credential = credentials.first().copied();
    let mut place = token_place(args, credential)?;
    let mut source = None;
    let value = if let Some(token) = &args.token {
        Some(token.clone())
    } else if let Some(file) = &args.token_file {
        if sources::can_be_read_again(file) {
            source = Some((place.clone(), TokenSource::File(file.clone())));
        }
        Some(sources::first_line(file, "--token-file")?)
    } else if let Some(command) = &args.token_command {
        source = Some((place.clone(), TokenSource::Command(command.clone())));
        Some(String::new())
    } else if let Some(name) = &args.token_env {
        Some((world.var)(name).ok_or_else(unset)?)
    } else {
        let written_out = matches!(&place, Some(TokenPlace::Query(name)) if url.has_query_param(name));
        let set = |known: &Credential| Some((*known, (world.var)(known.variable)?));
        let found = credentials.iter().filter(|_| !written_out).find_map(set);
        if let Some((credential, _)) = &found {
            place = token_place(args, Some(*credential))?;
        }
        found.map(|(_, value)| value)
    };
    Ok((value.map(|value| (place, Secret::new(value))), source))
}

/// Where in the upgrade the credential goes; `None`: nowhere in it.
fn token_place(args: &ConnectionArgs, credential: Option<Credential>) -> Result<Option<TokenPlace>> {
    let default = credential.map(|credential| credential.place);
    if args.accesskey {
        return Ok(Some(TokenPlace::Query("accesskey".to_owned())));
    }
    let Some(text) = &args.token_in else {
        return Ok(match default {
            Some(CredentialPlace::Query(name)) => Some(TokenPlace::Query(name.to_owned())),
            Some(CredentialPlace::Header(name)) => Some(TokenPlace::Header(name.to_owned())),
            Some(CredentialPlace::Bearer) | None => Some(TokenPlace::Bearer),
            Some(CredentialPlace::Call | CredentialPlace::Message) => None,
        });
    };
    let (kind, name) = text.split_once(':').map_or((text.as_str(), None), |(kind, name)| (kind, Some(name)));
    match (kind, name) {
        ("bearer", None) => Ok(Some(TokenPlace::Bearer)),
        ("query", name) => Ok(Some(TokenPlace::Query(name.unwrap_or("token").to_owned()))),
        ("header", name) => Ok(Some(TokenPlace::Header(name.unwrap_or("token").to_owned()))),
        // Nor is it quoted back: it may be the credential itself.
        _ => Err(Failure::usage("--token-in: invalid place")
            .hint("use query, query:NAME, header, header:NAME or bearer")),
    }
}

/// The name is not quoted: it may be the credential itself.
fn unset() -> Failure {
    Failure::usage("--token-env: the environment variable is not set")
        .hint("give the name of the variable that holds the credential, not the credential itself")
}

/// curl's `[+]HOST:PORT:ADDR[,ADDR]`.
fn resolve_entry(text: &str) -> Result<ResolveEntry> {
    let wrong = || {
        Failure::usage(format!("--resolve: {text:?} is not HOST:PORT:ADDR[,ADDR]"))
            .hint("write --resolve example.test:443:127.0.0.1 or --resolve 'example.test:443:[::1]'")
    };
    let (host, rest) = split_host(text.trim_start_matches('+')).ok_or_else(wrong)?;
    let (port, addresses) = rest.split_once(':').ok_or_else(wrong)?;
    let port = port.parse().map_err(|_| wrong())?;
    let addresses: Vec<IpAddr> = addresses
        .split(',')
        .map(|address| address.trim_matches(['[', ']']).parse().map_err(|_| wrong()))
        .collect::<Result<_>>()?;
    Ok(ResolveEntry { host: ascii_host(host).ok_or_else(wrong)?, port, addresses })
}

/// curl's `HOST1:PORT1:HOST2:PORT2`, each part possibly empty.
fn connect_to_entry(text: &str) -> Result<ConnectToEntry> {
    let wrong = || {
        Failure::usage(format!("--connect-to: {text:?} is not HOST1:PORT1:HOST2:PORT2")).hint(
            "write --connect-to example.test:443:127.0.0.1:8443; an empty part matches or keeps any value",
        )
    };
    let (from_host, rest) = split_host(text).ok_or_else(wrong)?;
    let (from_port, rest) = rest.split_once(':').ok_or_else(wrong)?;
    let (to_host, to_port) = split_host(rest).ok_or_else(wrong)?;
    let port =
        |text: &str| if text.is_empty() { Ok(None) } else { text.parse().map(Some).map_err(|_| wrong()) };
    let host = |text: &str| match text {
        "" => Ok(None),
        text if text.contains(':') => Ok(Some(text.replacen("%25", "%", 1))),
        text => ascii_host(text).map(Some).ok_or_else(wrong),
    };
    Ok(ConnectToEntry { from: (host(from_host)?, port(from_port)?), to: (host(to_host)?, port(to_port)?) })
}

/// A host, in brackets if it is an IPv6 address, and what follows its colon.
fn split_host(text: &str) -> Option<(&str, &str)> {
    match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:"),
        None => text.split_once(':'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resolve_entries_read_like_curls() {
        let entry = resolve_entry("+example.test:443:127.0.0.1,[::1]").unwrap();
        assert_eq!((entry.host.as_str(), entry.port), ("example.test", 443));
        assert_eq!(entry.addresses, ["127.0.0.1".parse::<IpAddr>().unwrap(), "::1".parse().unwrap()]);
        for wrong in ["", "a", "a:1", "a:x:127.0.0.1", "a:1:nope"] {
            assert!(resolve_entry(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn connect_to_entries_may_leave_parts_out() {
        let entry = connect_to_entry("a.test:443:[::1]:8443").unwrap();
        assert_eq!(entry.from, (Some("a.test".into()), Some(443)));
        assert_eq!(entry.to, (Some("::1".into()), Some(8443)));
        let entry = connect_to_entry("::127.0.0.1:").unwrap();
        assert_eq!((entry.from, entry.to), ((None, None), (Some("127.0.0.1".into()), None)));
        assert!(connect_to_entry("a:1").is_err());
    }

    #[test]
    fn pins_read_like_curls() {
        let pin = format!("sha256//{}", STANDARD.encode([7; 32]));
        assert_eq!(key_pins(&pin).unwrap(), [[7; 32]]);
        assert_eq!(key_pins(&format!("{pin}; {pin}")).unwrap().len(), 2);
        let short = format!("sha256//{}", STANDARD.encode([7; 31]));
        for wrong in
            ["", "key.pem", "sha256//", &pin[8..], &short, &format!("{pin};"), &format!("{pin}{pin}")]
        {
            assert!(key_pins(wrong).is_err(), "{wrong}");
        }
    }
}
