//! Values that must not be shown by accident.

use std::ffi::OsString;
use std::fmt;

/// What is printed in the place of a secret.
pub const MASK: &str = "***";

/// A token, password or other credential. `Debug` and `Display` print [`MASK`]; the text is only to be had
/// from [`Secret::expose`], so a search for that name finds every use.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Takes the text as it is.
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The text itself, for the wire.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Is a query parameter or header of this name a credential? The names are those of the four providers' documents
/// and of HTTP, and what other services make of them: `X-Auth-Token`, `client_secret`, `X-Amz-Signature`, `jwt`.
/// A name too many costs a mask in a notice; one too few, a credential.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    const NAMES: &[&str] = &["key", "auth", "xauth", "sig", "pwd", "pass"];
    const ENDS: &[&str] = &[
        "token",
        "accesskey",
        "apikey",
        "secretkey",
        "privatekey",
        "password",
        "passwd",
        "secret",
        "signature",
        "authorization",
        "cookie",
        "jwt",
    ];
    let letters = name.chars().filter(|c| !matches!(c, '-' | '_' | '.'));
    let name: String = letters.map(|c| c.to_ascii_lowercase()).collect();
    NAMES.contains(&&*name) || ENDS.iter().any(|end| name.ends_with(end))
}

/// Does the name of a header say that its value is a credential? That of an upgrade's nonce does not.
#[must_use]
pub fn is_secret_header(name: &str) -> bool {
    const PARTS: &[&str] = &["token", "key", "secret", "auth", "password", "cookie", "session", "signature"];
    let name = name.to_ascii_lowercase();
    is_secret_name(&name)
        || !name.starts_with("sec-websocket-") && PARTS.iter().any(|part| name.contains(part))
}

/// The path and query of a request target with the values of secret query parameters masked.
#[must_use]
pub fn mask_query(target: &str) -> String {
    let Some((path, query)) = target.split_once('?') else { return target.to_owned() };
    let pairs: Vec<String> = query
        .split('&')
        .map(|pair| match pair.split_once('=') {
            Some((name, _)) if is_secret_name(name) => format!("{name}={MASK}"),
            _ => pair.to_owned(),
        })
        .collect();
    format!("{path}?{}", pairs.join("&"))
}

/// The words of a command line that follow the bare name of a header for credentials: what a shell makes of
/// `-H Authorization: Bearer KEY` without quotes. Neither options nor URLs, nor a name of a scheme, which is no secret.
#[must_use]
pub fn words_after_header(argv: &[OsString]) -> Vec<Secret> {
    let mut found = Vec::new();
    let mut is_named = false;
    for word in argv.iter().filter_map(|word| word.to_str()) {
        if let Some(name) = word.strip_suffix(':') {
            is_named = is_secret_header(name);
        } else if word.starts_with('-') {
            is_named = false;
        } else if is_named && !word.contains("://") && !["bearer", "basic"].contains(&&*word.to_lowercase()) {
            found.push(Secret::new(word));
        }
    }
    found
}

/// Free text with the values of secret query parameters masked, wherever a URL stands in it.
#[must_use]
pub fn mask_in_text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['?', '&', '#']) {
        let (before, after) = rest.split_at(at + 1);
        out.push_str(before);
        rest = after;
        let name = after
            .split(|c: char| !c.is_ascii_alphanumeric() && !"_-.".contains(c))
            .next()
            .unwrap_or_default();
        if let Some(value) = after[name.len()..].strip_prefix('=')
            && is_secret_name(name)
        {
            let end = value.find(|c: char| c.is_whitespace() || "&'\"#<>".contains(c)).unwrap_or(value.len());
            out.push_str(&format!("{name}={MASK}"));
            rest = &value[end..];
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_in_text_lose_their_secrets() {
        assert_eq!(
            mask_in_text("no 'ws://h/?a=1&token=x=y&b=2' and wss://h?api_key=k?"),
            "no 'ws://h/?a=1&token=***&b=2' and wss://h?api_key=***"
        );
        assert_eq!(mask_in_text("why? token=x & more?"), "why? token=x & more?");
    }

    #[test]
    fn a_header_without_quotes_has_its_credential_in_other_words() {
        let found = |line: &str| {
            let argv: Vec<OsString> = line.split(' ').map(Into::into).collect();
            words_after_header(&argv).iter().map(|word| word.expose().to_owned()).collect::<Vec<_>>()
        };
        assert_eq!(found("wstap connect -H Authorization: Bearer K3y ws://h/ -q x"), ["K3y"]);
        assert_eq!(found("wstap connect --header=X-Api-Key: K3y"), ["K3y"]);
        assert_eq!(found("wstap connect -H Origin: x localhost:8080"), [""; 0]);
    }

    #[test]
    fn a_secret_prints_as_its_mask() {
        let secret = Secret::new("s3cr3t");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(secret.expose(), "s3cr3t");
    }

    #[test]
    fn headers_tell_by_their_names() {
        for name in ["Cookie", "X-Auth-Token", "x-session-id", "X-API-Key"] {
            assert!(is_secret_header(name), "{name}");
        }
        for name in ["Sec-WebSocket-Key", "Host", "Origin", "X-Request-Id"] {
            assert!(!is_secret_header(name), "{name}");
        }
    }

    #[test]
    fn names_of_credentials_are_known_in_every_spelling() {
        let secret = "token access_token id-token X-Auth-Token X-Amz-Security-Token api_key API-Key x-api-key key sig \
                      jwt client_secret X-Amz-Signature Set-Cookie Proxy-Authorization userPassword auth.token";
        for name in secret.split_whitespace() {
            assert!(is_secret_name(name), "{name}");
        }
        for name in
            "monkey signal keys tokenize author passenger Sec-WebSocket-Key code X-Amz-Credential".split(' ')
        {
            assert!(!is_secret_name(name), "{name}");
        }
    }

    #[test]
    fn only_secret_parameters_are_masked() {
        assert_eq!(mask_query("/ws?a=1&Token=x=y&b"), "/ws?a=1&Token=***&b");
        assert_eq!(mask_query("/ws"), "/ws");
    }
}
