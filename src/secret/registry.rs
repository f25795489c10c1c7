//! What this run keeps secret, and where each part of it travels.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::matcher::{Matcher, whole_characters};
use super::{MASK, Secret, header, is_secret_name, masked, named, subprotocol, values};

/// How many tokens of connections that are over are still masked: servers name them late, and output may wait.
const PAST_TOKENS: usize = 16;

/// The header that lists subprotocols.
const SUBPROTOCOLS: &str = "Sec-WebSocket-Protocol";

/// Where a credential travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In the query of the URL.
    Query,
    /// As user name and password, in the URL or by an option.
    User,
    /// In a header of the upgrade.
    Header,
    /// Among the subprotocols.
    Subprotocol,
    /// In a message that is sent once the connection is open, such as a dialect's greeting.
    Message,
    /// In an HTTP call beside the connection.
    Call,
    Proxy,
    /// Nowhere that is known: it only stands in the arguments.
    Arguments,
}

/// What this run must keep secret, and where each part of it travels. Redirects, masks, histories and errors ask here.
/// Clones share what is known.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Mutex<Registry>>);

#[derive(Default)]
struct Registry {
    given: Vec<(Secret, Place)>,
    /// Where credentials travel that are not known yet.
    places: Vec<Place>,
    /// The tokens of connections that are being opened or open.
    lent: Vec<(u64, Secret)>,
    past: VecDeque<Secret>,
    next: u64,
    /// Finds all of them; `None` where they have changed since.
    matcher: Option<Arc<Matcher>>,
}

/// Keeps the tokens of a connection masked as long as it lives. The last `PAST_TOKENS` of connections that are over
/// stay masked, older ones are forgotten, so that a run with any number of connections knows a bounded number of tokens.
#[must_use]
pub struct Lease {
    secrets: Secrets,
    number: u64,
}

impl Drop for Lease {
    fn drop(&mut self) {
        let mut known = self.secrets.known();
        let number = self.number;
        let over: Vec<Secret> =
            known.lent.extract_if(.., |(lent, _)| *lent == number).map(|(_, secret)| secret).collect();
        known.past.extend(over);
        let old = known.past.len().saturating_sub(PAST_TOKENS);
        if old > 0 {
            known.past.drain(..old);
            known.matcher = None;
        }
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets")
    }
}

impl Secrets {
    /// Keeps this secret from now on.
    pub fn add(&self, secret: &Secret, place: Place) {
        let mut known = self.known();
        let entry = (secret.clone(), place);
        if !secret.expose().is_empty() && !known.given.contains(&entry) {
            known.given.push(entry);
            known.matcher = None;
        }
    }

    /// Keeps a header's value and its parts, if its name says that it is secret, or if it lists subprotocols.
    pub fn add_header(&self, name: &str, value: &Secret) {
        let (place, found) = Self::in_header(name, value);
        found.iter().for_each(|secret| self.add(secret, place));
    }

    /// The secrets of a header, and where they travel.
    #[must_use]
    pub fn in_header(name: &str, value: &Secret) -> (Place, Vec<Secret>) {
        let value = value.expose();
        if name.eq_ignore_ascii_case(SUBPROTOCOLS) {
            return (Place::Subprotocol, subprotocol::secrets(&value.split(',').collect::<Vec<_>>()));
        }
        let found = if is_secret_name(name) { header::parts(name, value) } else { shown(value) };
        (Place::Header, found.into_iter().map(Secret::new).collect())
    }

    /// What a text shows to be secret by its place in a URL, or by the name of a parameter.
    pub fn in_text(text: &str) -> impl Iterator<Item = Secret> {
        shown(text).into_iter().map(Secret::new)
    }

    /// The secrets of a user name and its password: the password, alone and as it goes over the wire, or the user name
    /// where that is the credential.
    pub fn in_user(user: &str, password: &Secret) -> impl Iterator<Item = Secret> {
        header::of_user(user, password.expose()).into_iter().map(Secret::new)
    }

    /// Notes that a credential will travel there, also if it is not known yet.
    pub fn note(&self, place: Place) {
        self.known().places.push(place);
    }

    /// Keeps the secrets of a user name and its password.
    pub fn add_user(&self, user: &str, password: &Secret, place: Place) {
        Self::in_user(user, password).for_each(|secret| self.add(&secret, place));
    }

    /// Keeps what a text shows to be secret by its place in a URL, or by the name of a parameter.
    pub fn add_shown(&self, text: &str, place: Place) {
        self.add_all(shown(text), place);
    }

    /// Keeps the credentials among subprotocols.
    pub fn add_subprotocols(&self, offered: &[&str]) {
        subprotocol::secrets(offered).iter().for_each(|secret| self.add(secret, Place::Subprotocol));
    }

    /// Notes that a message which will be sent holds secrets, if it does.
    pub fn add_message(&self, text: &str) {
        let found = self.matcher().find_in_text(text).into_iter().map(|range| text[range].to_owned());
        self.add_all(found, Place::Message);
    }

    /// Keeps the tokens of a connection while the lease lives.
    pub fn lend(&self, tokens: impl IntoIterator<Item = Secret>) -> Lease {
        let mut known = self.known();
        let number = known.next;
        known.next += 1;
        known.lent.extend(tokens.into_iter().map(|token| (number, token)));
        known.matcher = None;
        Lease { secrets: self.clone(), number }
    }

    fn add_all(&self, secrets: impl IntoIterator<Item = String>, place: Place) {
        secrets.into_iter().for_each(|secret| self.add(&Secret::new(secret), place));
    }

    /// Does a credential travel there?
    #[must_use]
    pub fn travel_in(&self, place: Place) -> bool {
        let known = self.known();
        known.given.iter().map(|(_, known)| known).chain(&known.places).any(|known| *known == place)
    }

    /// Is one of them in this text, however it is spelled?
    #[must_use]
    pub fn are_in(&self, text: &str) -> bool {
        !self.matcher().find(text.as_bytes()).is_empty()
    }

    /// Is this header secret: by its name, or since one of them or a URL with a credential is in its value?
    #[must_use]
    pub fn is_header(&self, name: &str, value: &str) -> bool {
        is_secret_name(name) || self.mask_text(value) != value
    }

    /// The subprotocols without the credentials among them and the names that go before those.
    #[must_use]
    pub fn other_subprotocols(&self, offered: &[&str]) -> Vec<String> {
        let others = subprotocol::others(offered).into_iter();
        others.filter(|item| !self.are_in(item)).map(str::to_owned).collect()
    }

    /// A value with the secrets in it masked.
    #[must_use]
    pub fn mask<'t>(&self, value: &'t str) -> Cow<'t, str> {
        masked(value, self.matcher().find_in_text(value))
    }

    /// The same for a text of which the end may be cut off.
    #[must_use]
    pub fn mask_cut<'t>(&self, value: &'t str) -> Cow<'t, str> {
        masked(value, whole_characters(value, self.matcher().find_in_cut(value.as_bytes())))
    }

    /// Text for people, with the secrets in it masked, and what shows by its place in a URL to be one.
    #[must_use]
    pub fn mask_text<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let mut found = self.matcher().find(text.as_bytes());
        found.extend(named::credentials(text));
        masked(text, whole_characters(text, found))
    }

    /// The beginning of a text for people, masked before it is cut, with a sign if that is not all.
    #[must_use]
    pub fn mask_beginning(&self, text: &str, most: usize) -> String {
        let (beginning, is_all) = self.beginning(text, most);
        if is_all { beginning.into_owned() } else { format!("{beginning}…") }
    }

    /// The beginning of a text with the secrets in it masked, also those that go on behind it; and whether that is all.
    #[must_use]
    pub fn beginning<'t>(&self, text: &'t str, most: usize) -> (Cow<'t, str>, bool) {
        let matcher = self.matcher();
        let end = text.floor_char_boundary(most);
        let known = text.floor_char_boundary(most.saturating_add(matcher.reach()));
        let mut found = matcher.find_in_text(&text[..known]);
        found.retain(|range| range.start < end);
        let end = found.last().map_or(end, |last| last.end.max(end));
        (masked(&text[..end], found), end == text.len())
    }

    /// The bytes with asterisks in the place of every secret, as many as it has bytes; `None` if none is there.
    #[must_use]
    pub fn mask_bytes(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        with_asterisks(bytes, self.matcher().find(bytes))
    }

    /// The same for the payload of a control frame, which may have cut off the last secret.
    #[must_use]
    pub fn mask_payload(&self, bytes: &[u8]) -> Option<Vec<u8>> {
        with_asterisks(bytes, self.matcher().find_in_cut(bytes))
    }

    /// Masks the beginning of a secret that a text ends with because its rest was cut off.
    pub fn mask_end(&self, bytes: &mut Vec<u8>) {
        if let Some(last) = self.matcher().find_in_cut(bytes).pop().filter(|last| last.end == bytes.len()) {
            bytes.truncate(last.start);
            bytes.extend_from_slice(MASK.as_bytes());
        }
    }

    /// A JSON text with the secrets in its values masked. It stays JSON, whatever they are.
    #[must_use]
    pub fn mask_json<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let matcher = self.matcher();
        if matcher.find(text.as_bytes()).is_empty() {
            return Cow::Borrowed(text);
        }
        Cow::Owned(values::masked(text, &matcher))
    }

    /// The value of a header as it is shown.
    #[must_use]
    pub fn mask_header(&self, name: &str, value: &str) -> String {
        if is_secret_name(name) { MASK.to_owned() } else { self.mask_text(value).into_owned() }
    }

    /// What has been known stays known, should a thread have ended while it asked.
    fn known(&self) -> MutexGuard<'_, Registry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn matcher(&self) -> Arc<Matcher> {
        let mut known = self.known();
        if let Some(matcher) = &known.matcher {
            return Arc::clone(matcher);
        }
        let given = known.given.iter().map(|(secret, _)| secret);
        let tokens = known.lent.iter().map(|(_, secret)| secret).chain(&known.past);
        let matcher = Arc::new(Matcher::new(given.chain(tokens)));
        known.matcher = Some(Arc::clone(&matcher));
        matcher
    }
}

/// What a text shows to be secret by its place in a URL, or by the name of a parameter.
fn shown(text: &str) -> Vec<String> {
    named::credentials(text).into_iter().map(|range| text[range].to_owned()).collect()
}

fn with_asterisks(bytes: &[u8], found: Vec<Range<usize>>) -> Option<Vec<u8>> {
    if found.is_empty() {
        return None;
    }
    let mut masked = bytes.to_vec();
    found.into_iter().for_each(|range| masked[range].fill(b'*'));
    Some(masked)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secrets(all: &[&str]) -> Secrets {
        let secrets = Secrets::default();
        all.iter().for_each(|secret| secrets.add(&Secret::new(*secret), Place::Arguments));
        secrets
    }

    #[test]
    fn json_stays_json_whatever_the_secret_is() {
        let text = r#"{"type":"a","message":"a \" b\u0041","n":[1234,12345678,true,null,1.5e3,"\\n\u0001"],"data":{}}"#;
        let words = [
            "1234", "12345678", "true", "null", "type", "message", "\":\"", "\":1", "[1234", "{\"type",
            "n123", "u0041", "0041", "\\\\n\\", "a \" b", "1.5e3", "\",\"", "\"},", "\\u00", ":true",
            "e\":\"",
        ];
        for word in words {
            let secrets = secrets(&[word]);
            let masked = secrets.mask_json(text);
            let value: serde_json::Value =
                serde_json::from_str(&masked).unwrap_or_else(|e| panic!("{word}: {e}: {masked}"));
            assert_eq!(value.as_object().unwrap().len(), 4, "{word}: {masked}");
            assert_eq!(value["n"].as_array().unwrap().len(), 6, "{word}: {masked}");
        }
    }

    #[test]
    fn values_of_json_are_masked_and_names_and_numbers_only_by_long_secrets() {
        for (secret, text, masked) in [
            ("s3cr3t=", r#"{"a":"x s3cr3t\u003d y","b":["s3cr3t="]}"#, r#"{"a":"x *** y","b":["***"]}"#),
            ("data", r#"{"data":"data"}"#, r#"{"data":"***"}"#),
            ("s3cr3t-tok", r#"{"s3cr3t-tok":{"s3cr3t\u002dtok":1}}"#, r#"{"***":{"***":1}}"#),
            ("12345678", r"[12345678, 123456789, -12345678]", r#"["***", 123456789, -12345678]"#),
            ("1234", r#"[1234, "1234"]"#, r#"[1234, "***"]"#),
            ("s3cr3t", r#""s3cr\u0033t%33""#, r#""***%33""#),
        ] {
            assert_eq!(secrets(&[secret]).mask_json(text), masked);
        }
    }

    #[test]
    fn what_is_cut_is_masked_before() {
        let secrets = secrets(&["s3cr3t-token"]);
        for most in 0..20 {
            let shown = secrets.mask_beginning("bad s3cr3t-token!", most);
            assert!(!shown.contains("s3c"), "{most}: {shown}");
        }
        assert_eq!(secrets.mask_beginning("bad s3cr3t-token!", 6), "bad ***…");
        assert_eq!(secrets.mask_beginning("é bad", 20), "é bad");
        assert_eq!(secrets.mask_cut("bad s3cr3t-"), "bad ***");
        assert_eq!(secrets.mask_bytes(b"\xffs3cr3t-token\0").as_deref(), Some(&b"\xff************\0"[..]));
        assert_eq!(secrets.mask_bytes(b"tok"), None);
    }

    #[test]
    fn tokens_are_masked_while_they_are_used_and_some_after_that() {
        let secrets = secrets(&["given-for-ever"]);
        let token = |n: usize| Secret::new(format!("token-{n}."));
        let in_use = secrets.lend([token(0)]);
        for n in 1..1000 {
            let lease = secrets.lend([token(n)]);
            assert!(secrets.are_in(token(n).expose()));
            drop(lease);
            assert!(secrets.are_in(token(n).expose()));
        }
        for (n, is_known) in [(0, true), (1, false), (999 - PAST_TOKENS, false), (1000 - PAST_TOKENS, true)] {
            assert_eq!(secrets.are_in(token(n).expose()), is_known, "{n}");
        }
        drop(in_use);
        assert!(secrets.are_in("given-for-ever") && secrets.are_in(token(0).expose()));
        let known = secrets.known();
        assert_eq!((known.lent.len(), known.past.len()), (0, PAST_TOKENS));
    }

    #[test]
    fn headers_are_secret_by_name_or_by_value() {
        let secrets = secrets(&["s3cr3t"]);
        for (name, value) in
            [("X-Api-Key-V2", "x"), ("X-Any", "a s3cr%33t"), ("Referer", "https://h/?token=x")]
        {
            assert!(secrets.is_header(name, value), "{name}");
            assert!(secrets.mask_header(name, value).contains(MASK), "{name}");
        }
        assert!(!secrets.is_header("X-Any", "x"));
        assert_eq!(secrets.other_subprotocols(&["chat", "access_token", "x", "a-s3cr3t"]), ["chat"]);
    }
}
