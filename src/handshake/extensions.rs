//! What a server may answer to the extensions that were offered (RFC 6455 §9.1, RFC 7692 §7.1).

use super::client::list_items;

/// The one extension whose parameters are known here.
pub const DEFLATE: &str = "permessage-deflate";

/// What is wrong with the extensions of an answer, if anything is: one that was not offered, one that is there twice,
/// or parameters of `permessage-deflate` that are not allowed. `offered` and `accepted` are values of
/// `Sec-WebSocket-Extensions`.
#[must_use]
pub fn objection(offered: &str, accepted: &str) -> Option<String> {
    let offers: Vec<Extension<'_>> = list_items(offered).map(Extension::read).collect();
    let mut names = Vec::new();
    for extension in list_items(accepted).map(Extension::read) {
        let name = extension.name;
        if names.contains(&name) {
            return Some(format!("{name} is there twice"));
        }
        names.push(name);
        let mut same = offers.iter().filter(|offer| offer.name == name).peekable();
        if same.peek().is_none() {
            return Some(format!("{name} was not offered"));
        }
        let bits_offered = same.any(|offer| offer.has("client_max_window_bits"));
        let wrong = if name == DEFLATE { extension.wrong_parameter(bits_offered) } else { None };
        if wrong.is_some() {
            return wrong;
        }
    }
    None
}

/// An extension with its parameters.
struct Extension<'a> {
    name: &'a str,
    parameters: Vec<(&'a str, Option<&'a str>)>,
}

impl<'a> Extension<'a> {
    fn read(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let name = parts.next().unwrap_or_default();
        let parameter = |part: &'a str| match part.split_once('=') {
            Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
            None => (part, None),
        };
        Self { name, parameters: parts.filter(|part| !part.is_empty()).map(parameter).collect() }
    }

    fn has(&self, name: &str) -> bool {
        self.parameters.iter().any(|(known, _)| *known == name)
    }

    /// RFC 7692 §7.1.1 and §7.1.2. The server may bound its own window without being asked to, but that of the client
    /// only where the client says that it can do so.
    fn wrong_parameter(&self, bits_offered: bool) -> Option<String> {
        for (index, (name, value)) in self.parameters.iter().enumerate() {
            let is_window = |value: &Option<&str>| {
                value.is_some_and(|value| {
                    !value.starts_with('0') && value.parse().is_ok_and(|bits: u8| (8..=15).contains(&bits))
                })
            };
            let right = match *name {
                "server_no_context_takeover" | "client_no_context_takeover" => value.is_none(),
                "server_max_window_bits" => is_window(value),
                "client_max_window_bits" => bits_offered && is_window(value),
                _ => false,
            };
            let again = self.parameters[..index].iter().any(|(before, _)| before == name);
            if again || !right {
                let value = value.map(|value| format!("={value}")).unwrap_or_default();
                let what = if again { "is there twice" } else { "is not allowed here" };
                return Some(format!("{DEFLATE}: {name}{value} {what}"));
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_offered_may_be_accepted() {
        let offer = "permessage-deflate; client_max_window_bits, x-other";
        for accepted in [
            "",
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits=8; server_max_window_bits=\"15\"",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover, x-other; a=b",
        ] {
            assert_eq!(objection(offer, accepted), None, "{accepted}");
        }
    }

    #[test]
    fn everything_else_is_objected_to() {
        let offer = "permessage-deflate";
        for (accepted, say) in [
            ("x-webkit-deflate-frame", "was not offered"),
            ("permessage-deflate, permessage-deflate", "twice"),
            ("permessage-deflate; client_max_window_bits=10", "client_max_window_bits=10 is not allowed"),
            ("permessage-deflate; server_max_window_bits", "server_max_window_bits is not allowed"),
            ("permessage-deflate; server_max_window_bits=16", "=16 is not allowed"),
            ("permessage-deflate; server_max_window_bits=08", "=08 is not allowed"),
            ("permessage-deflate; server_no_context_takeover=1", "=1 is not allowed"),
            ("permessage-deflate; server_max_window_bits=9; server_max_window_bits=9", "twice"),
            ("permessage-deflate; odd", "odd is not allowed"),
        ] {
            let objection = objection(offer, accepted).unwrap_or_default();
            assert!(objection.contains(say), "{accepted}: {objection}");
        }
        assert!(objection("", "permessage-deflate").unwrap().contains("not offered"));
        let bits = objection(
            "permessage-deflate; client_max_window_bits",
            "permessage-deflate; client_max_window_bits",
        );
        assert!(bits.unwrap().contains("not allowed"));
    }
}
