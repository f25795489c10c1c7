//! Which names of headers, query parameters, fields and subprotocols say that their value is a credential.

use super::spelling::plain;

/// Words that name a credential wherever they stand in a name: `X-Session-Id`, `auth[token]`, `sig`.
const WORDS: &[&str] = &[
    "bearer",
    "cookie",
    "cookies",
    "credential",
    "credentials",
    "creds",
    "csrf",
    "hmac",
    "jwt",
    "oauth",
    "otp",
    "pass",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "psk",
    "pwd",
    "sessid",
    "sid",
    "sig",
    "signature",
    "ticket",
    "token",
    "totp",
    "xauth",
    "xsrf",
];

/// What names end with that are written without a separator: `accesstoken`, `userPassword`.
const ENDS: &[&str] = &[
    "token",
    "accesscode",
    "passphrase",
    "password",
    "passwd",
    "passcode",
    "secret",
    "sessid",
    "sessionid",
    "signature",
    "authorization",
    "cookie",
    "jwt",
];

/// Words that end with `key` and have nothing to do with one that opens something.
const OTHER_KEYS: &[&str] =
    &["donkey", "hockey", "hotkey", "jockey", "monkey", "publickey", "turkey", "whiskey"];

/// Last words of names that describe a credential and hold none: `token_type`, `session-ttl`.
const ABOUT: &[&str] = &[
    "count",
    "endpoint",
    "expires",
    "expiration",
    "expiry",
    "length",
    "limit",
    "name",
    "ttl",
    "type",
    "uri",
    "url",
];

/// Does a header, query parameter, field or subprotocol of this name hold a credential? The name is taken as servers
/// decode it, so `to%6ben` is `token`. Redirects, masks, histories and errors all ask here. A name too many costs a
/// mask in a notice; one too few, a credential.
#[must_use]
pub fn is_secret_name(name: &str) -> bool {
    let name = plain(name);
    let lower = name.to_ascii_lowercase();
    // The upgrade's nonce and version, the answers to CORS requests, and AWS's public half of a key.
    if lower.starts_with("sec-websocket-")
        || lower.starts_with("access-control-")
        || lower == "x-amz-credential"
    {
        return false;
    }
    let words = words(&name);
    if words.last().is_some_and(|last| ABOUT.contains(&last.as_str())) {
        return false;
    }
    let letters = words.concat();
    words.iter().any(|word| names_one(word)) || ENDS.iter().any(|end| letters.ends_with(end))
}

fn names_one(word: &str) -> bool {
    let word = word.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_key = word.ends_with("key") && !OTHER_KEYS.contains(&word);
    // `WWW-Authenticate` asks for a credential.
    let is_auth = word.starts_with("auth") && word != "authenticate" && !word.starts_with("author");
    WORDS.contains(&word)
        || is_key
        || is_auth
        || word == "authorization"
        || word.starts_with("session")
        || word.starts_with("secret") && !word.starts_with("secretar")
}

/// The words of a name in lower case: parted by what is neither letter nor digit, and by capitals (`accessToken`).
fn words(name: &str) -> Vec<String> {
    let chars: Vec<char> = name.chars().collect();
    let mut words = vec![String::new()];
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).map_or(' ', |before| chars[before]);
        let ends_acronym = before.is_uppercase() && chars.get(at + 1).is_some_and(|next| next.is_lowercase());
        if !c.is_alphanumeric() || c.is_uppercase() && (!before.is_uppercase() || ends_acronym) {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
    }
    words.retain(|word| !word.is_empty());
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_credentials_are_known_in_every_spelling() {
        let secret = "token access_token id-token X-Auth-Token X-Amz-Security-Token api_key API-Key x-api-key key sig \
                      jwt client_secret X-Amz-Signature Set-Cookie Proxy-Authorization userPassword auth.token \
                      X-Session-Id x-session-id X-Authentication X-Api-Key-V2 X-Api-Key-Id Cookie Authorization \
                      accessToken accesstoken APIKey apikey AWSAccessKeyId sessionID connect.sid PHPSESSID ticket \
                      to%6ben %74%6f%6b%65%6e to%256ben auth[token] auth%5Btoken%5D X-AppKey mykey oauth2 token2 \
                      Ocp-Apim-Subscription-Key X-Access-Code passphrase credentials";
        for name in secret.split_whitespace() {
            assert!(is_secret_name(name), "{name}");
        }
        let others = "monkey signal keys tokenize author authority passenger Sec-WebSocket-Key code X-Amz-Credential \
                      Host Origin X-Request-Id WWW-Authenticate Proxy-Authenticate token_type session-ttl \
                      Access-Control-Allow-Credentials keyword User-Agent topic id secretary";
        for name in others.split_whitespace() {
            assert!(!is_secret_name(name), "{name}");
        }
    }
}
