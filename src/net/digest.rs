//! Digest authentication (RFC 7616): from a server's challenge to the `Authorization` that answers it.

use md5::Md5;
use sha2::{Digest as _, Sha256};

use crate::error::Result;
use crate::handshake::client::{ResponseHead, new_key};
use crate::secret::Secret;
use crate::text::hex;

/// A challenge to prove a password without sending it.
#[derive(Debug)]
pub(super) struct Challenge {
    realm: String,
    nonce: String,
    opaque: Option<String>,
    algorithm: Algorithm,
    /// The algorithm as the server spells it; none is MD5.
    spelled: Option<String>,
    /// Does the server take a count and a nonce of the client's (`qop=auth`)?
    counts: bool,
    /// Was the last answer right, but for a nonce that is no longer valid?
    pub(super) is_stale: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Hash {
    Md5,
    Sha256,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Algorithm {
    hash: Hash,
    /// The key is one of the session (`-sess`).
    of_session: bool,
}

impl Challenge {
    /// The strongest challenge that can be answered, of those in a 401.
    pub(super) fn of(head: &ResponseHead) -> Option<Self> {
        let all = head.values("WWW-Authenticate").flat_map(challenges);
        let digests = all.filter(|(scheme, _)| scheme.eq_ignore_ascii_case("Digest"));
        digests.filter_map(|(_, parameters)| Self::read(&parameters)).max_by_key(|known| known.algorithm)
    }

    fn read(parameters: &[(String, String)]) -> Option<Self> {
        let value = |name: &str| {
            let named = parameters.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
            named.map(|(_, value)| value.clone())
        };
        let spelled = value("algorithm");
        let algorithm = Algorithm::read(spelled.as_deref().unwrap_or("MD5"))?;
        let qop = value("qop");
        let counts = qop.as_deref().is_some_and(|qop| qop.split(',').any(|one| one.trim() == "auth"));
        if qop.is_some() && !counts {
            return None;
        }
        let is_stale = value("stale").is_some_and(|stale| stale.eq_ignore_ascii_case("true"));
        let (realm, nonce) = (value("realm").unwrap_or_default(), value("nonce")?);
        Some(Self { realm, nonce, opaque: value("opaque"), algorithm, spelled, counts, is_stale })
    }

    /// The `Authorization` for a GET of this target.
    ///
    /// # Errors
    /// If the system has no random bytes.
    pub(super) fn answer(&self, user: &str, password: &Secret, target: &str) -> Result<Secret> {
        Ok(Secret::new(self.answer_with(user, password.expose(), target, &new_key()?)))
    }

    fn answer_with(&self, user: &str, password: &str, target: &str, cnonce: &str) -> String {
        const COUNT: &str = "00000001";
        let hash = |text: String| self.algorithm.hash.of(&text);
        let nonce = &self.nonce;
        let mut key = hash(format!("{user}:{}:{password}", self.realm));
        if self.algorithm.of_session {
            key = hash(format!("{key}:{nonce}:{cnonce}"));
        }
        let request = hash(format!("GET:{target}"));
        let response = hash(if self.counts {
            format!("{key}:{nonce}:{COUNT}:{cnonce}:auth:{request}")
        } else {
            format!("{key}:{nonce}:{request}")
        });
        let mut text = format!(
            "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\"",
            quoted(user),
            quoted(&self.realm),
            quoted(nonce),
            quoted(target)
        );
        let algorithm = self.spelled.as_ref().map(|name| format!(", algorithm={name}"));
        let opaque = self.opaque.as_ref().map(|opaque| format!(", opaque={}", quoted(opaque)));
        let count = self.counts.then(|| format!(", qop=auth, nc={COUNT}, cnonce={}", quoted(cnonce)));
        let session =
            (self.algorithm.of_session && !self.counts).then(|| format!(", cnonce={}", quoted(cnonce)));
        text.extend([algorithm, opaque, count, session].into_iter().flatten());
        text
    }
}

impl Algorithm {
    fn read(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let (hash, of_session) = name.strip_suffix("-sess").map_or((&*name, false), |hash| (hash, true));
        let hash = match hash {
            "md5" => Hash::Md5,
            "sha-256" => Hash::Sha256,
            _ => return None,
        };
        Some(Self { hash, of_session })
    }
}

impl Hash {
    fn of(self, text: &str) -> String {
        match self {
            Self::Md5 => hex(&Md5::digest(text)),
            Self::Sha256 => hex(&Sha256::digest(text)),
        }
    }
}

/// The names of the schemes that a 401 asks for.
pub(super) fn schemes(head: &ResponseHead) -> Vec<String> {
    head.values("WWW-Authenticate").flat_map(challenges).map(|(scheme, _)| scheme).collect()
}

/// The challenges of one header, each a scheme with its parameters (RFC 9110 §11.6.1).
fn challenges(value: &str) -> Vec<(String, Vec<(String, String)>)> {
    let mut all: Vec<(String, Vec<(String, String)>)> = Vec::new();
    for item in items(value) {
        let (first, rest) =
            item.split_once(' ').map_or((item, ""), |(first, rest)| (first, rest.trim_start()));
        let is_scheme = !first.contains('=') && !rest.starts_with('=');
        let parameter = if is_scheme { rest } else { item };
        if is_scheme {
            all.push((first.to_owned(), Vec::new()));
        }
        if let (Some((name, value)), Some((_, parameters))) = (parameter.split_once('='), all.last_mut()) {
            parameters.push((name.trim().to_owned(), unquoted(value.trim())));
        }
    }
    all
}

/// The items of a list, whose strings in quotes may have commas in them.
fn items(value: &str) -> Vec<&str> {
    let (mut all, mut start) = (Vec::new(), 0);
    let (mut in_quotes, mut is_escaped) = (false, false);
    for (at, byte) in value.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' if in_quotes => is_escaped = true,
            b'"' => in_quotes = !in_quotes,
            b',' if !in_quotes => {
                all.push(value[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    all.push(value[start..].trim());
    all.retain(|item| !item.is_empty());
    all
}

fn unquoted(value: &str) -> String {
    let Some(inner) = value.strip_prefix('"') else { return value.to_owned() };
    let (mut text, mut is_escaped) = (String::new(), false);
    for c in inner.strip_suffix('"').unwrap_or(inner).chars() {
        if c == '\\' && !is_escaped {
            is_escaped = true;
        } else {
            is_escaped = false;
            text.push(c);
        }
    }
    text
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn challenge(values: &[&str]) -> Option<Challenge> {
        let headers = values.iter().map(|value| ("www-authenticate".to_owned(), (*value).to_owned()));
        Challenge::of(&ResponseHead { status: 401, headers: headers.collect(), ..ResponseHead::default() })
    }

    /// The examples of RFC 7616 §3.9.1.
    #[test]
    fn the_examples_of_the_rfc_come_out() {
        const CNONCE: &str = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ";
        let values = [
            "Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=MD5, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
            "Basic realm=\"x, y\", Digest realm=\"http-auth@example.org\", qop=\"auth, auth-int\", algorithm=SHA-256, \
             nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\"",
        ];
        let answer = |values: &[&str]| {
            challenge(values).unwrap().answer_with("Mufasa", "Circle of Life", "/dir/index.html", CNONCE)
        };
        let md5 = answer(&values[..1]);
        assert!(md5.contains("response=\"8ca523f5e9506fed4657c9700eebdbec\""), "{md5}");
        let sha = answer(&values);
        assert!(
            sha.contains("response=\"753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1\""),
            "{sha}"
        );
        assert!(sha.contains("qop=auth, nc=00000001") && sha.contains("algorithm=SHA-256"), "{sha}");
    }

    #[test]
    fn an_old_server_gets_an_old_answer() {
        let old = challenge(&["Digest realm=\"a\\\"b\", nonce=\"n\""]).unwrap();
        let text = old.answer_with("u", "p", "/", "c");
        assert!(
            !text.contains("qop") && !text.contains("algorithm") && text.contains("realm=\"a\\\"b\""),
            "{text}"
        );
    }

    #[test]
    fn what_cannot_be_answered_is_no_challenge() {
        for values in [
            &["Basic realm=\"Digest nonce=1\""][..],
            &["Digest realm=\"r\""],
            &["Digest realm=\"r\", nonce=\"n\", algorithm=SHA-512-256"],
            &["Digest realm=\"r\", nonce=\"n\", qop=\"auth-int\""],
            &["Digest"],
            &["\"", ",,", "=", "Digest nonce"],
            &[],
        ] {
            assert!(challenge(values).is_none(), "{values:?}");
        }
        assert!(challenge(&["digest NONCE = \"n\", stale=TRUE"]).unwrap().is_stale);
    }
}
