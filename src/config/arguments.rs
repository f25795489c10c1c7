//! Credentials among arguments, in their place or in a wrong one: errors quote arguments.

use crate::net::url::secret_ranges;
use crate::secret::{Place, Secret, Secrets, is_secret_name};

/// Options whose value is a credential, as far as their name begins with this.
const OPTIONS: [&str; 9] =
    ["cookie", "pass", "token", "bearer", "user", "header", "access", "api", "control-token"];

/// The longest that an option may have behind one of these, also if it is mistyped: `--header-file`.
const LONGEST_REST: usize = 8;

/// What `Authorization` names before the credential (RFC 9110 §11.1).
const SCHEMES: [&str; 8] = ["apikey", "basic", "bearer", "digest", "hmac", "negotiate", "ntlm", "token"];

/// What errors about these arguments must not quote.
#[must_use]
pub fn in_arguments(words: &[&str]) -> Secrets {
    let secrets = Secrets::default();
    let found = after_header(words).into_iter().chain(swapped(words)).chain(words.iter().flat_map(in_word));
    found.for_each(|secret| secrets.add(&Secret::new(secret), Place::Arguments));
    secrets
}

/// The words that follow the bare name of a header for credentials: what a shell makes of
/// `-H Authorization: Bearer KEY` without quotes. Options, URLs and names of schemes are not among them.
#[must_use]
pub fn words_after_header(words: &[&str]) -> Vec<Secret> {
    after_header(words).into_iter().map(Secret::new).collect()
}

fn after_header<'w>(words: &[&'w str]) -> Vec<&'w str> {
    let mut found = Vec::new();
    let (mut is_named, mut is_header) = (false, false);
    for word in words {
        let name = word.strip_suffix(':').or(is_header.then_some(*word));
        is_header = matches!(*word, "-H" | "--header");
        if let Some(name) = name.filter(|name| !name.contains(':')) {
            is_named = is_secret_name(name);
        } else if word.starts_with('-') {
            is_named = false;
        } else if is_named && !word.contains("://") && !SCHEMES.contains(&&*word.to_lowercase()) {
            found.push(*word);
        }
    }
    found
}

/// The words beside an option for a credential that has a URL for its value, as `--bearer URL KEY` has.
fn swapped<'w>(words: &[&'w str]) -> Vec<&'w str> {
    let is_option = |word: &&str| matches!(*word, "--token" | "--bearer" | "--user" | "-u");
    let is_url = |word: &str| word.contains("://");
    let is_swapped = words.windows(2).any(|pair| is_option(&pair[0]) && is_url(pair[1]))
        || words
            .iter()
            .any(|word| word.split_once('=').is_some_and(|(name, value)| is_option(&name) && is_url(value)));
    // The program and its command come first.
    let others = words.iter().skip(2).filter(|word| is_swapped && !word.starts_with('-') && !is_url(word));
    others.copied().collect()
}

/// What shows in a word alone to be a credential: parts of a URL, also of one that is wrong, and what an unknown option
/// has behind the name of one for credentials.
fn in_word<'w>(word: &&'w str) -> Vec<&'w str> {
    let value = match word.split_once('=') {
        Some((_, value)) if word.starts_with('-') => value,
        _ => word,
    };
    // Without slashes, it takes more to be meant as a URL: `user:KEY@host`, `host/#KEY`.
    let is_url = |text: &&str| {
        let names_user = text.split_once('@').is_some_and(|(user, _)| user.contains(':'));
        let is_one = !text.contains(char::is_whitespace) && (names_user || text.contains("/#"));
        text.contains("//") || is_one
    };
    let in_url = |text: &'w str| secret_ranges(text).into_iter().map(move |range| &text[range]);
    // The options of `--mock` are words in a word.
    let parts = std::iter::once(value).chain(value.split_whitespace());
    let mut found: Vec<&str> = parts.filter(is_url).flat_map(in_url).collect();
    if let Some(name) = word.strip_prefix("--").map(|name| name.split('=').next().unwrap_or(name)) {
        let option =
            OPTIONS.iter().filter(|option| name.starts_with(**option)).max_by_key(|option| option.len());
        let rest = option.map(|option| name[option.len()..].trim_start_matches(['-', '_', ':']));
        let is_plain =
            |rest: &&str| rest.len() <= LONGEST_REST && rest.bytes().all(|b| b.is_ascii_lowercase());
        found.extend(rest.filter(|rest| !is_plain(rest)));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &str) -> Vec<&str> {
        line.split(' ').collect()
    }

    #[test]
    fn a_header_without_quotes_has_its_credential_in_other_words() {
        let found = |line| after_header(&words(line)).join(" ");
        assert_eq!(found("wstap connect -H Authorization: Bearer K3y ws://h/ -q x"), "K3y");
        assert_eq!(found("wstap connect -H Authorization Bearer K3y ws://h/ -q x"), "K3y");
        assert_eq!(found("wstap connect -H authorization: token K3y"), "K3y");
        assert_eq!(found("wstap connect --header=X-Api-Key: K3y"), "K3y");
        assert_eq!(found("wstap connect -H X-Api-Key K3y"), "K3y");
        assert_eq!(found("wstap connect -H Origin: x localhost:8080"), "");
        assert_eq!(found("wstap connect -H Authorization:x localhost:8080"), "");
    }

    #[test]
    fn errors_quote_no_credential_that_an_argument_shows() {
        for line in [
            "wstap connect ws://h/ ws://u:K3y77@h/",
            "wstap connect ws://h/ ws://u:pa/K3y77@h/",
            "wstap connect ws://h/ //u:K3y77@h",
            "wstap connect --max-time=wss://h/#K3y77",
            "wstap connect ws://h/#K3y77",
            "wstap connect https://h/?token=K3y77",
            "wstap conect u:K3y77@h:80x/",
            "wstap connect --bearer ws://h/ K3y77",
            "wstap connect --token=ws://h/ K3y77",
            "wstap connect --token-K3y77 ws://h/",
            "wstap connect --bearerK3y77=x",
            "wstap connect --control-token_K3y77",
            "wstap connect --mock=--rate\u{a0}ws:u:K3y77@h/",
        ] {
            let shown = in_arguments(&words(line)).mask_text(line).into_owned();
            assert!(!shown.contains("K3y77"), "{shown}");
        }
        for line in [
            "wstap connect --token-fiel x localhost:8080",
            "wstap subscribe -d voipbin customer_id:12345678-1234-1234-1234-123456789012:call:*",
            "wstap connect @prod --header X-Request-Id: 77",
            "wstap connect --mock=--fault\u{a0}'close=1011:so\u{a0}what@2'",
            "wstap connect -x who@example.com ws://h/",
        ] {
            assert_eq!(in_arguments(&words(line)).mask_text(line), line);
        }
    }
}
