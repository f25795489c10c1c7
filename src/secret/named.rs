//! Credentials that a text tells by what stands before them: the name of a parameter, or the place in a URL.

use std::borrow::Cow;
use std::ops::Range;

use super::is_secret_name;
use super::matcher::whole_characters;
use super::spelling::layers;

/// What may stand before a parameter.
const BEFORE: [char; 4] = ['?', '&', ';', '#'];

/// Parameters of a URL or of a text with URLs in it, whose names say that they are secret: where their values stand.
pub(crate) fn secret_parameters(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut rest = 0;
    while let Some(at) = text[rest..].find(BEFORE) {
        rest += at + 1;
        if let Some(name) = parameter_name(&text[rest..]).filter(|name| is_secret_name(name)) {
            let value = value_at(text, rest + name.len() + 1);
            rest = value.end;
            found.push(value);
        }
    }
    found
}

/// The value of a parameter that begins there. A semicolon ends it if another parameter follows.
fn value_at(text: &str, value: usize) -> Range<usize> {
    let is_end = |(at, c): &(usize, char)| match c {
        ';' => parameter_name(&text[value + at + 1..]).is_some(),
        c => c.is_whitespace() || "&#'\"<>".contains(*c),
    };
    let end = text[value..].char_indices().find(is_end).map_or(text.len(), |(at, _)| value + at);
    value..end
}

/// The name that a text begins with, if an equals sign follows.
fn parameter_name(text: &str) -> Option<&str> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.%[]".contains(c);
    let length = text.find(|c| !is_name(c))?;
    (length > 0 && text[length..].starts_with('=')).then(|| &text[..length])
}

/// The text with the credentials masked that show without being known.
pub(crate) fn mask_by_place(text: &str) -> Cow<'_, str> {
    super::masked(text, whole_characters(text, credentials(text)))
}

/// Where a text has credentials that show without being known: values of secret parameters, and what stands before the
/// `@` of a URL (RFC 3986 §3.2.1). URLs may be spelled within others.
pub(super) fn credentials(text: &str) -> Vec<Range<usize>> {
    if !text.contains(['=', '@', '%', '\\', '&']) {
        return Vec::new();
    }
    let mut found = Vec::new();
    layers(text.as_bytes(), &mut |layer, source| {
        // Only what is text has names.
        let Ok(layer) = std::str::from_utf8(layer) else { return };
        let ranges = secret_parameters(layer).into_iter().chain(userinfo(layer));
        found.extend(ranges.map(source));
    });
    found
}

/// What stands between `//` and `@` in an authority.
fn userinfo(text: &str) -> Vec<Range<usize>> {
    let authorities = text.match_indices("://").map(|(at, _)| at + 3);
    authorities
        .filter_map(|start| {
            let is_end = |c: char| c.is_whitespace() || "/?#'\"<>\\".contains(c);
            let end = text[start..].find(is_end).map_or(text.len(), |at| start + at);
            let at = start + text[start..end].rfind('@')?;
            (at > start).then_some(start..at)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        mask_by_place(text).into_owned()
    }

    #[test]
    fn urls_in_text_lose_their_secrets() {
        for (text, masked) in [
            (
                "no 'ws://h/?a=1&token=x=y&b=2' and wss://h?api_key=k?",
                "no 'ws://h/?a=1&token=***&b=2' and wss://h?api_key=***",
            ),
            ("why? token=x & more?", "why? token=x & more?"),
            ("ws://h/?to%6ben=x&b=2", "ws://h/?to%6ben=***&b=2"),
            ("/?next=%2Fws%3Ftoken%3Dx%26b%3D2", "/?next=%2Fws%3Ftoken%3D***%26b%3D2"),
            ("<a href='/?a=1&amp;token=x'>", "<a href='/?a=1&amp;token=***'>"),
            ("/?auth[token]=x&auth%5Btoken%5D=y", "/?auth[token]=***&auth%5Btoken%5D=***"),
            ("/ws;sid=x/a", "/ws;sid=***"),
            ("Location: wss://user:pass@host/p and ws://h/@x", "Location: wss://***@host/p and ws://h/@x"),
            (r#"{"url":"ws:\/\/u:p@h\/?sig=x"}"#, r#"{"url":"ws:\/\/***@h\/?sig=***"}"#),
            ("ws://h/#access_token=x&a=b", "ws://h/#access_token=***&a=b"),
        ] {
            assert_eq!(shown(text), masked);
            assert_eq!(shown(masked), masked, "once is enough");
        }
    }
}
