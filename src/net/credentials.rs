//! What proves who we are in a request, and what is left of it for another origin.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::cookies::Jar;
use super::{Options, SentRequest, TlsOptions, TokenPlace, WsUrl};
use crate::error::{Failure, Result};
use crate::exit::Exit;
use crate::handshake::client::{Ask, UpgradeRequest, new_key};
use crate::secret::{MASK, Place, Secret};

const SUBPROTOCOLS: &str = "Sec-WebSocket-Protocol";

/// What earlier answers of the same attempt have added to a request.
pub(super) struct RequestState<'a> {
    /// The answer to a challenge.
    pub(super) answer: Option<&'a Secret>,
    /// The cookies that redirects have set.
    pub(super) jar: &'a Jar,
}

impl Options {
    /// Does a request to this URL carry something that proves who we are?
    pub(super) fn has_credentials(&self, url: &WsUrl) -> bool {
        self.basic.is_some()
            || self.token.is_some()
            || url.has_secret()
            || self.headers.iter().any(|(name, value)| self.secrets.is_header(name, value.expose()))
    }

    /// The same without anything that proves who we are, but for a client certificate.
    #[must_use]
    pub fn without_credentials(&self) -> Self {
        let headers = self.headers.iter().filter_map(|(name, value)| {
            if name.eq_ignore_ascii_case(SUBPROTOCOLS) && !value.expose().is_empty() {
                let others = self.other_subprotocols(value.expose().split(','));
                return (!others.is_empty()).then(|| (name.clone(), Secret::new(others.join(", "))));
            }
            (!self.secrets.is_header(name, value.expose())).then(|| (name.clone(), value.clone()))
        });
        Self {
            headers: headers.collect(),
            subprotocols: self.other_subprotocols(self.subprotocols.iter().map(String::as_str)),
            origin: self.origin.clone().filter(|origin| !self.secrets.are_in(origin)),
            basic: None,
            token: None,
            ..self.clone()
        }
    }

    /// For another origin: without credentials and client certificate, and without a header that names the first host.
    fn for_another_origin(&self) -> Self {
        let mut options = self.without_credentials();
        options.headers.retain(|(name, _)| !name.eq_ignore_ascii_case("Host"));
        options.tls = TlsOptions { cert: None, key: None, pass: None, ..options.tls };
        options
    }

    /// What [`Options::for_another_origin`] leaves out of a request to this URL, in words.
    fn credentials(&self, url: &WsUrl) -> Vec<String> {
        let rest = self.without_credentials();
        let is_left = |name: &str, value: &Secret| rest.headers.iter().any(|(n, v)| n == name && v == value);
        let header = |(name, value): &(String, Secret)| (!is_left(name, value)).then(|| name.clone());
        let token = self.token.as_ref().map(|(place, _)| match place {
            TokenPlace::Query(name) => format!("query parameter {name}"),
            TokenPlace::Header(name) => name.clone(),
            TokenPlace::Bearer => "Authorization".to_owned(),
        });
        let user = self.basic.as_ref().map(|_| "user name and password".to_owned());
        let others = [
            (url.has_secret() && !matches!(self.token, Some((TokenPlace::Query(_), _)))).then_some("query"),
            (rest.subprotocols.len() < self.subprotocols.len()).then_some("subprotocols"),
            self.tls.cert.as_ref().map(|_| "client certificate"),
        ];
        let headers = self.headers.iter().filter_map(header);
        let mut all: Vec<String> = token
            .into_iter()
            .chain(user)
            .chain(headers)
            .chain(others.into_iter().flatten().map(str::to_owned))
            .collect();
        all.dedup();
        all
    }

    fn other_subprotocols<'t>(&self, offered: impl Iterator<Item = &'t str>) -> Vec<String> {
        self.secrets.other_subprotocols(&offered.collect::<Vec<_>>())
    }

    /// The request for this URL.
    ///
    /// # Errors
    /// Headers that cannot be sent.
    pub(super) fn request(&self, url: &WsUrl, state: &RequestState<'_>) -> Result<UpgradeRequest> {
        let mut headers = self.headers.clone();
        // `-u` goes before the URL's own user name, and a bearer token before both.
        let basic = self.basic.as_ref().filter(|_| !self.digest).map(|(user, password)| {
            let pair = STANDARD.encode(format!("{user}:{}", password.expose()));
            Secret::new(format!("Basic {pair}"))
        });
        let basic = state.answer.cloned().or(basic);
        let is_cookie = |name: &str| name.eq_ignore_ascii_case("Cookie");
        let given: Vec<&str> = self
            .headers
            .iter()
            .filter(|(name, _)| is_cookie(name))
            .map(|(_, value)| value.expose())
            .collect();
        if let Some(cookies) = state.jar.merged(&given, url) {
            headers.retain(|(name, _)| !is_cookie(name));
            headers.push(("Cookie".to_owned(), cookies));
        }
        let authorization = match &self.token {
            Some((TokenPlace::Bearer, token)) => Some(Secret::new(format!("Bearer {}", token.expose()))),
            Some((TokenPlace::Header(name), token)) => {
                headers.push((name.clone(), token.clone()));
                basic
            }
            _ => basic,
        };
        let ask = Ask {
            target: url.target(),
            host: url.host_header(),
            origin: self.origin.as_deref(),
            subprotocols: &self.subprotocols,
            compression: self.compression,
            authorization,
            headers: &headers,
        };
        UpgradeRequest::new(&ask, &new_key()?)
    }

    /// The URL with the token that goes into its query.
    pub(super) fn in_query(&self, url: WsUrl) -> WsUrl {
        match &self.token {
            Some((TokenPlace::Query(name), token)) => url.with_secret_param(name, token),
            _ => url,
        }
    }

    /// The same for where a redirect leads, which may have carried the token along already, or changed it.
    pub(super) fn in_query_after_redirect(&self, url: WsUrl) -> WsUrl {
        match &self.token {
            Some((TokenPlace::Query(name), _)) if url.has_query_param(name) => url,
            _ => self.in_query(url),
        }
    }

    /// The request without what is secret in it.
    pub(super) fn shown(&self, url: &WsUrl, request: &UpgradeRequest) -> SentRequest {
        let is_token = |name: &str| matches!(&self.token, Some((TokenPlace::Header(own), _)) if own.eq_ignore_ascii_case(name));
        let header = |(name, value): &(String, Secret)| {
            let value =
                if is_token(name) { MASK.to_owned() } else { self.secrets.mask_header(name, value.expose()) };
            (name.clone(), value)
        };
        let target = self.secrets.mask(&url.masked_target()).into_owned();
        SentRequest { target, headers: request.headers().iter().map(header).collect() }
    }
}

/// The options for the other origin that a redirect leads to, and what to say about what is left out.
///
/// # Errors
/// Where a credential would be sent there all the same, or without TLS where there was TLS.
pub(super) fn cross_origin(
    here: &WsUrl,
    next: &WsUrl,
    options: &Options,
) -> Result<(Options, Option<String>)> {
    let refused = |why: &str| {
        Failure::new(Exit::Refused, format!("{here} redirects to {next}, {why}"))
            .hint("if the second server should get the credential, connect to its URL directly")
    };
    if options.secrets.travel_in(Place::Message) {
        return Err(refused("another origin, and the first message contains the credential"));
    }
    if options.secrets.are_in(next.exposed().expose()) {
        return Err(refused("another origin, with the credential in the URL"));
    }
    let held = options.credentials(here);
    if here.is_tls() && !next.is_tls() && (!held.is_empty() || next.has_secret()) {
        return Err(refused("which would send credentials without TLS"));
    }
    let warning = (!held.is_empty())
        .then(|| format!("not sent to {next}, which is another origin: {}", held.join(", ")));
    Ok((options.for_another_origin(), warning))
}
