//! The extension header: permessage-deflate as it is offered and accepted, and what a server may answer to an offer
//! (RFC 6455 §9.1, RFC 7692 §7.1).

use std::fmt;
use std::str::FromStr;

use super::client::list_items;
use crate::frames::{Compression, DeflateFlow};

/// The one extension that is spoken.
const DEFLATE: &str = "permessage-deflate";

/// The largest window, which is the default.
const MOST_BITS: u8 = 15;

/// The parameters of permessage-deflate in an offer or an answer (RFC 7692 §7.1).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deflate {
    /// The server compresses each message on its own.
    pub server_no_context_takeover: bool,
    /// The client compresses each message on its own.
    pub client_no_context_takeover: bool,
    /// The largest window of the server.
    pub server_max_window_bits: Option<u8>,
    /// The largest window of the client.
    pub client_max_window_bits: Option<ClientBits>,
}

/// The value of `client_max_window_bits`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientBits {
    /// None: the server may choose one. Only an offer may have that.
    Any,
    Most(u8),
}

impl ClientBits {
    fn most(self) -> u8 {
        match self {
            Self::Any => MOST_BITS,
            Self::Most(bits) => bits,
        }
    }
}

/// What both ends have agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// The parameters, as the server answered.
    pub answer: Deflate,
    /// What that means for both directions.
    pub compression: Compression,
}

impl fmt::Display for Deflate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(DEFLATE)?;
        if self.server_no_context_takeover {
            f.write_str("; server_no_context_takeover")?;
        }
        if self.client_no_context_takeover {
            f.write_str("; client_no_context_takeover")?;
        }
        if let Some(bits) = self.server_max_window_bits {
            write!(f, "; server_max_window_bits={bits}")?;
        }
        match self.client_max_window_bits {
            None => Ok(()),
            Some(ClientBits::Any) => f.write_str("; client_max_window_bits"),
            Some(ClientBits::Most(bits)) => write!(f, "; client_max_window_bits={bits}"),
        }
    }
}

/// Parameters as they are typed: separated by commas or semicolons.
impl FromStr for Deflate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parameters = text.split([',', ';']).map(str::trim).filter(|part| !part.is_empty());
        Self::of(parameters.map(parameter)).map_err(|wrong| format!("{wrong} ({PARAMETERS})"))
    }
}

const PARAMETERS: &str = "expected server_no_context_takeover, client_no_context_takeover, \
     server_max_window_bits=8..15 or client_max_window_bits[=8..15]";

impl Deflate {
    /// What is offered unless the command line says otherwise: what browsers offer.
    #[must_use]
    pub fn default_offer() -> Self {
        Self { client_max_window_bits: Some(ClientBits::Any), ..Self::default() }
    }

    /// Reads the parameters of an offer or an answer. The error names the first that is wrong.
    fn of<'a>(parameters: impl Iterator<Item = (&'a str, Option<&'a str>)>) -> Result<Self, String> {
        let mut all = Self::default();
        for (name, value) in parameters {
            let shown = || format!("{name}{}", value.map(|value| format!("={value}")).unwrap_or_default());
            let twice = match name {
                "server_no_context_takeover" if value.is_none() => {
                    std::mem::replace(&mut all.server_no_context_takeover, true)
                }
                "client_no_context_takeover" if value.is_none() => {
                    std::mem::replace(&mut all.client_no_context_takeover, true)
                }
                "server_max_window_bits" if window(value).is_some() => {
                    std::mem::replace(&mut all.server_max_window_bits, window(value)).is_some()
                }
                "client_max_window_bits" if value.is_none() || window(value).is_some() => {
                    let bits = window(value).map_or(ClientBits::Any, ClientBits::Most);
                    all.client_max_window_bits.replace(bits).is_some()
                }
                _ => return Err(format!("{} is not allowed", shown())),
            };
            if twice {
                return Err(format!("{} appears twice", shown()));
            }
        }
        Ok(all)
    }

    /// What is wrong with an answer to this offer (RFC 7692 §7.1.1, §7.1.2), if anything is.
    fn objection(&self, answer: &Self) -> Option<String> {
        let bits = |bits: u8| format!("server_max_window_bits={bits}");
        match (self.server_max_window_bits, answer.server_max_window_bits) {
            (Some(_), None) => return Some("server_max_window_bits was requested but is missing".to_owned()),
            (Some(most), Some(own)) if own > most => {
                return Some(format!("{} is more than the requested {most}", bits(own)));
            }
            _ => {}
        }
        match (self.client_max_window_bits, answer.client_max_window_bits) {
            (_, Some(ClientBits::Any)) => {
                Some("client_max_window_bits is not allowed without a value".to_owned())
            }
            (None, Some(ClientBits::Most(bits))) => {
                Some(format!("client_max_window_bits={bits} was not offered"))
            }
            _ if self.server_no_context_takeover && !answer.server_no_context_takeover => {
                Some("server_no_context_takeover was requested but is missing".to_owned())
            }
            _ => None,
        }
    }

    /// What holds once the server has given this answer to the offer. A client that has said how large its window is at
    /// most keeps to it, whatever the answer allows.
    fn agree(&self, answer: Self) -> Agreement {
        let most = |one: Option<ClientBits>| one.map_or(MOST_BITS, ClientBits::most);
        let client_bits = most(self.client_max_window_bits).min(most(answer.client_max_window_bits));
        let server_bits = answer.server_max_window_bits.unwrap_or(MOST_BITS);
        let compression = Compression {
            server: DeflateFlow { window_bits: server_bits, takeover: !answer.server_no_context_takeover },
            client: DeflateFlow { window_bits: client_bits, takeover: !answer.client_no_context_takeover },
        };
        Agreement { answer, compression }
    }

    /// The answer of a server that wants these parameters to an offer, if they go together.
    fn answer(&self, offer: &Self) -> Option<Self> {
        let least = |own: Option<u8>, theirs: Option<u8>| own.into_iter().chain(theirs).min();
        let client_max_window_bits = match (self.client_max_window_bits, offer.client_max_window_bits) {
            // Only a client that says that it can bound its window may be asked to.
            (Some(ClientBits::Most(_)), None) => return None,
            (Some(ClientBits::Most(own)), Some(theirs)) => Some(ClientBits::Most(own.min(theirs.most()))),
            (_, Some(ClientBits::Most(theirs))) => Some(ClientBits::Most(theirs)),
            _ => None,
        };
        Some(Self {
            server_no_context_takeover: self.server_no_context_takeover || offer.server_no_context_takeover,
            client_no_context_takeover: self.client_no_context_takeover || offer.client_no_context_takeover,
            server_max_window_bits: least(self.server_max_window_bits, offer.server_max_window_bits),
            client_max_window_bits,
        })
    }

    /// The first offer that a server with these parameters can accept; `offered` are the items of
    /// `Sec-WebSocket-Extensions` (RFC 7692 §5.1).
    pub fn accept<'a>(&self, offered: impl Iterator<Item = &'a str>) -> Option<Agreement> {
        offered.map(Extension::read).find_map(|extension| {
            let offer = extension.deflate()?.ok()?;
            self.answer(&offer).map(|answer| offer.agree(answer))
        })
    }
}

/// The value of a window: 8 to 15, without a leading zero.
fn window(value: Option<&str>) -> Option<u8> {
    let value = value.filter(|value| !value.starts_with(['0', '+']))?;
    value.parse().ok().filter(|bits| (8..=MOST_BITS).contains(bits))
}

/// What a server has agreed to by its answer. `offered` and `accepted` are values of `Sec-WebSocket-Extensions`.
///
/// # Errors
/// What is wrong with the answer: an extension that was not offered, one that is there twice, or parameters of
/// `permessage-deflate` that are not allowed.
pub fn agreed(offered: &str, accepted: &str) -> Result<Option<Agreement>, String> {
    let offers: Vec<Extension<'_>> = list_items(offered).map(Extension::read).collect();
    let (mut names, mut agreement) = (Vec::new(), None);
    for extension in list_items(accepted).map(Extension::read) {
        let name = extension.name;
        if names.contains(&name) {
            return Err(format!("{name} appears twice"));
        }
        names.push(name);
        if !offers.iter().any(|offer| offer.name == name) {
            return Err(format!("{name} was not offered"));
        }
        let Some(answer) = extension.deflate() else { continue };
        let named = |wrong| format!("{DEFLATE}: {wrong}");
        let answer = answer.map_err(named)?;
        let offers: Vec<_> = offers.iter().filter_map(|offer| offer.deflate()?.ok()).collect();
        let fits = offers.iter().find(|offer| offer.objection(&answer).is_none());
        agreement = match (fits, offers.first()) {
            (Some(offer), _) => Some(offer.agree(answer)),
            (None, Some(offer)) => return Err(named(offer.objection(&answer).unwrap_or_default())),
            (None, None) => return Err(format!("{name} was offered with parameters that are not allowed")),
        };
    }
    Ok(agreement)
}

/// Is this item of the header the extension that is spoken?
#[must_use]
pub fn is_deflate(item: &str) -> bool {
    Extension::read(item).name == DEFLATE
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
        Self { name, parameters: parts.filter(|part| !part.is_empty()).map(parameter).collect() }
    }

    /// The parameters of `permessage-deflate`, if it is that.
    fn deflate(&self) -> Option<Result<Deflate, String>> {
        (self.name == DEFLATE).then(|| Deflate::of(self.parameters.iter().copied()))
    }
}

fn parameter(text: &str) -> (&str, Option<&str>) {
    match text.split_once('=') {
        Some((name, value)) => (name.trim(), Some(value.trim().trim_matches('"'))),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn deflate(text: &str) -> Deflate {
        text.parse().unwrap()
    }

    #[test]
    fn what_was_offered_may_be_accepted() {
        let offer = "permessage-deflate; client_max_window_bits, x-other";
        for accepted in [
            "",
            "permessage-deflate",
            "permessage-deflate; client_max_window_bits=8; server_max_window_bits=\"15\"",
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover, x-other; a=b",
        ] {
            let agreement = agreed(offer, accepted).unwrap_or_else(|wrong| panic!("{accepted}: {wrong}"));
            assert_eq!(agreement.is_some(), !accepted.is_empty());
        }
    }

    #[test]
    fn everything_else_is_objected_to() {
        let bits = "permessage-deflate; client_max_window_bits";
        let strict = "permessage-deflate; server_max_window_bits=10; server_no_context_takeover";
        for (offer, accepted, say) in [
            ("permessage-deflate", "x-webkit-deflate-frame", "was not offered"),
            ("permessage-deflate", "permessage-deflate, permessage-deflate", "twice"),
            (
                "permessage-deflate",
                "permessage-deflate; client_max_window_bits=10",
                "_bits=10 was not offered",
            ),
            ("permessage-deflate", "permessage-deflate; server_max_window_bits", "_bits is not allowed"),
            ("permessage-deflate", "permessage-deflate; server_max_window_bits=16", "=16 is not allowed"),
            ("permessage-deflate", "permessage-deflate; server_max_window_bits=08", "=08 is not allowed"),
            ("permessage-deflate", "permessage-deflate; server_no_context_takeover=1", "=1 is not allowed"),
            (
                "permessage-deflate",
                "permessage-deflate; server_max_window_bits=9; server_max_window_bits=9",
                "server_max_window_bits=9 appears twice",
            ),
            ("permessage-deflate", "permessage-deflate; odd", "odd is not allowed"),
            ("", "permessage-deflate", "not offered"),
            (bits, bits, "client_max_window_bits is not allowed without a value"),
            (
                strict,
                "permessage-deflate; server_max_window_bits=10",
                "server_no_context_takeover was requested",
            ),
            (
                strict,
                "permessage-deflate; server_no_context_takeover",
                "server_max_window_bits was requested",
            ),
            (
                strict,
                "permessage-deflate; server_no_context_takeover; server_max_window_bits=11",
                "server_max_window_bits=11 is more than the requested 10",
            ),
            ("permessage-deflate; odd", "permessage-deflate", "offered with parameters"),
        ] {
            let objection = agreed(offer, accepted).unwrap_err();
            assert!(objection.contains(say), "{accepted}: {objection}");
        }
    }

    #[test]
    fn what_is_agreed_on_is_the_narrower_of_both() {
        let flows = |offered: &str, accepted: &str| {
            let Compression { server, client } = agreed(offered, accepted).unwrap().unwrap().compression;
            [server, client].map(|flow| (flow.window_bits, flow.takeover))
        };
        assert_eq!(flows("permessage-deflate", "permessage-deflate"), [(15, true), (15, true)]);
        let offer = "permessage-deflate; client_max_window_bits=10; server_max_window_bits=12";
        assert_eq!(flows(offer, "permessage-deflate; server_max_window_bits=9"), [(9, true), (10, true)]);
        let answer = "permessage-deflate; server_max_window_bits=12; client_max_window_bits=9; \
                      client_no_context_takeover";
        assert_eq!(flows(offer, answer), [(12, true), (9, false)]);
        // The answer fits the second offer.
        let two = "permessage-deflate; server_max_window_bits=10, permessage-deflate";
        assert_eq!(flows(two, "permessage-deflate; server_no_context_takeover"), [(15, false), (15, true)]);
    }

    #[test]
    fn a_server_accepts_the_first_offer_that_it_can() {
        let accept = |own: &str, offered: &str| {
            let agreement = deflate(own).accept(list_items(offered));
            agreement.map(|agreement| {
                let answer = agreement.answer.to_string();
                assert!(agreed(offered, &answer).is_ok(), "{answer}");
                answer
            })
        };
        let shown = |text: &str| Some(text.to_owned());
        assert_eq!(accept("", "permessage-deflate; client_max_window_bits"), shown("permessage-deflate"));
        assert_eq!(accept("", "x-other"), None);
        assert_eq!(accept("", "permessage-deflate; odd, permessage-deflate"), shown("permessage-deflate"));
        assert_eq!(
            accept("server_max_window_bits=12", "permessage-deflate; server_max_window_bits=10"),
            shown("permessage-deflate; server_max_window_bits=10")
        );
        let all = "server_no_context_takeover,client_no_context_takeover,server_max_window_bits=9,\
                   client_max_window_bits=10";
        assert_eq!(accept(all, "permessage-deflate"), None);
        assert_eq!(accept(all, "permessage-deflate; client_max_window_bits"), Some(deflate(all).to_string()));
        assert_eq!(
            accept("", "permessage-deflate; client_max_window_bits=9; client_no_context_takeover"),
            shown("permessage-deflate; client_no_context_takeover; client_max_window_bits=9")
        );
    }

    #[test]
    fn parameters_are_typed_with_commas_or_semicolons() {
        let typed = deflate("server_no_context_takeover; client_max_window_bits,server_max_window_bits=8");
        assert_eq!(
            typed.to_string(),
            "permessage-deflate; server_no_context_takeover; server_max_window_bits=8; client_max_window_bits"
        );
        assert_eq!(deflate(""), Deflate::default());
        let wrong = "server_max_window_bits=7".parse::<Deflate>().unwrap_err();
        assert!(wrong.starts_with("server_max_window_bits=7 is not allowed (expected"), "{wrong}");
    }
}
