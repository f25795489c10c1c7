//! What must not be shown: which values are secret, where they travel, and how they are found in what is shown.
//!
//! [`Secrets`] owns what a run keeps secret. `names` says which names are those of credentials, `header` and
//! `subprotocol` take values apart, `spelling` undoes the ways in which servers repeat a text, `matcher` finds secrets,
//! `values` finds them in JSON, and `named` finds credentials that a text tells by what stands before them.

use std::borrow::Cow;
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
    fn a_secret_prints_as_its_mask() {
        let secret = Secret::new("s3cr3t");
        assert_eq!(format!("{secret} {secret:?}"), "*** ***");
        assert_eq!(secret.expose(), "s3cr3t");
    }
}
