//! The parts of a header's value that servers repeat alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Parameters of `Authorization` that are no secret (RFC 7616, RFC 8187, AWS Signature Version 4).
const PUBLIC_PARAMETERS: &[&str] =
    &["algorithm", "charset", "credential", "nc", "qop", "realm", "signedheaders", "uri", "username"];

/// Passwords that stand beside a key in the place of the user name.
const PLACEHOLDERS: &[&str] = &["api_token", "x-oauth-basic"];

/// The value of a secret header and its parts: the credentials without their scheme, their parameters without names
/// and quotes, user name and password, the values of cookies.
pub(super) fn parts(name: &str, value: &str) -> Vec<String> {
    let value = value.trim();
    let mut parts = vec![value.to_owned()];
    if name.to_ascii_lowercase().contains("cookie") {
        let pairs = value.split(';').filter_map(|cookie| cookie.split_once('='));
        parts.extend(pairs.map(|(_, value)| unquoted(value).to_owned()));
        return parts;
    }
    let (scheme, rest) = match value.split_once(char::is_whitespace) {
        Some((scheme, rest)) if !scheme.contains(['=', '"', ',', ';', '{']) => (scheme, rest.trim()),
        _ => ("", value),
    };
    parts.push(rest.to_owned());
    parts.extend(parameters(rest));
    // An identifier may stand before a key, as in `ApiKey ID:KEY`.
    parts
        .extend(rest.split_once(':').filter(|_| !rest.contains("://")).map(|(_, key)| key.trim().to_owned()));
    if scheme.eq_ignore_ascii_case("basic") {
        let pair = STANDARD.decode(rest).ok().and_then(|bytes| String::from_utf8(bytes).ok());
        if let Some((user, password)) = pair.as_deref().and_then(|pair| pair.split_once(':')) {
            parts.extend(of_user(user, password));
        }
    }
    if let Ok(value) = serde_json::from_str::<serde_json::Value>(rest) {
        strings(&value, &mut parts);
    }
    parts
}

/// What is secret of a user name and a password, alone and as they go over the wire. A user name without a password,
/// or with one that only fills the place, is the credential itself.
pub(super) fn of_user(user: &str, password: &str) -> Vec<String> {
    let is_key = password.len() < super::matcher::SHORTEST || PLACEHOLDERS.contains(&password);
    let secret = if is_key { user } else { password };
    vec![secret.to_owned(), STANDARD.encode(format!("{user}:{password}"))]
}

/// `name=value` and bare values, parted by commas, semicolons or blanks outside of quotes.
fn parameters(text: &str) -> Vec<String> {
    let mut is_quoted = false;
    let parted = text.split(|c: char| {
        is_quoted ^= c == '"';
        !is_quoted && (c == ',' || c == ';' || c.is_whitespace())
    });
    parted.filter_map(parameter).map(|value| unquoted(value).to_owned()).collect()
}

fn parameter(piece: &str) -> Option<&str> {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.*".contains(&b))
    };
    match piece.split_once('=') {
        // The end of a value in base64 looks like one without a value.
        Some((name, value)) if is_name(name) && !value.trim_matches('=').is_empty() => {
            let is_public = PUBLIC_PARAMETERS.contains(&name.to_ascii_lowercase().as_str());
            (!is_public).then_some(value)
        }
        _ => Some(piece),
    }
}

fn unquoted(value: &str) -> &str {
    value.trim().trim_matches('"')
}

/// The strings of a header that is JSON.
fn strings(value: &serde_json::Value, into: &mut Vec<String>) {
    match value {
        serde_json::Value::String(text) => into.push(text.clone()),
        serde_json::Value::Array(items) => items.iter().for_each(|item| strings(item, into)),
        serde_json::Value::Object(fields) => fields.values().for_each(|field| strings(field, into)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_credential_is_among_the_parts() {
        for (name, value) in [
            ("Authorization", "Bearer K3y="),
            ("Authorization", "Bearer   K3y= "),
            ("Authorization", "bearer\tK3y="),
            ("Authorization", "Token token=\"K3y=\", nonce=\"x\""),
            ("Authorization", "Token token=K3y="),
            ("Authorization", "K3y="),
            ("X-Authorization", "ApiKey user;K3y="),
            ("Authorization", "ApiKey user:K3y="),
            ("Authorization", "Digest username=\"u\", response=\"K3y=\", realm=\"a, b\""),
            ("X-Auth", "{\"a\":[{\"token\":\"K3y=\"}]}"),
            ("Cookie", "a=1; session=\"K3y=\"; b=2"),
            ("X-Api-Key", "\"K3y=\""),
            ("Authorization", "Basic SzN5PTo="),
            ("Authorization", "Basic dTpLM3k9PQ=="),
        ] {
            let parts = parts(name, value);
            let wanted = if value.contains("dTpL") { "K3y==" } else { "K3y=" };
            assert!(parts.iter().any(|part| part == wanted), "{value}: {parts:?}");
        }
        let digest = parts(
            "Authorization",
            "Digest username=\"user\", realm=\"realm\", uri=\"/chat\", response=\"r\"",
        );
        assert!(digest.iter().all(|part| !["user", "realm", "/chat"].contains(&part.as_str())), "{digest:?}");
    }

    #[test]
    fn a_user_without_a_password_is_the_credential() {
        assert_eq!(of_user("K3y", "")[0], "K3y");
        assert_eq!(of_user("K3y", "x")[0], "K3y");
        assert_eq!(of_user("K3y", "x-oauth-basic")[0], "K3y");
        assert_eq!(of_user("user", "pass")[0], "pass");
        assert_eq!(of_user("user", "pass")[1], "dXNlcjpwYXNz");
    }
}
