//! What must not be shown: which values are secret, where they travel, and how they are found in what is shown.
//!
//! [`Secrets`] owns what a run keeps secret. `names` says which names are those of credentials, `header` and
//! `subprotocol` take values apart, `spelling` undoes the ways in which servers repeat a text, `matcher` finds secrets,
//! `values` finds them in JSON, and `named` finds credentials that a text tells by what stands before them.

use std::borrow::Cow;
use std::ffi::OsString;
use std::fmt;
use std::ops::Range;

mod header;
mod matcher;
mod named;
mod names;
mod registry;
mod spelling;
mod subprotocol;
mod values;

pub(crate) use matcher::merged;
pub(crate) use named::{mask_by_place, secret_parameters};
pub use names::is_secret_name;
pub use registry::{Lease, Place, Secrets};

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

/// The words of a command line that follow the bare name of a header for credentials: what a shell makes of
/// `-H Authorization: Bearer KEY` without quotes. Neither options nor URLs, nor a name of a scheme, which is no secret.
#[must_use]
pub fn words_after_header(argv: &[OsString]) -> Vec<Secret> {
    let mut found = Vec::new();
    let mut is_named = false;
    for word in argv.iter().filter_map(|word| word.to_str()) {
        if let Some(name) = word.strip_suffix(':') {
            is_named = is_secret_name(name);
        } else if word.starts_with('-') {
            is_named = false;
        } else if is_named && !word.contains("://") && !["bearer", "basic"].contains(&&*word.to_lowercase()) {
            found.push(Secret::new(word));
        }
    }
    found
}

/// The text with a mask in the place of each range. They are in order, apart from each other and of whole characters.
fn masked(text: &str, ranges: Vec<Range<usize>>) -> Cow<'_, str> {
    if ranges.is_empty() {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut taken = 0;
    for range in ranges {
        out.push_str(&text[taken..range.start]);
        out.push_str(MASK);
        taken = range.end;
    }
    out.push_str(&text[taken..]);
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
