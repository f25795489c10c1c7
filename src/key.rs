//! Names of a peer's choosing (ids of events, tokens) in memory of a known size.

use std::fmt;

use sha2::{Digest as _, Sha256};

use crate::limits;
use crate::text::hex;

/// A name to be recognized by: the name itself, or its SHA-256 where it is long.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BoundedKey {
    /// The name.
    Short(Box<str>),
    /// The hash of a longer one.
    Long([u8; 32]),
}

impl BoundedKey {
    /// The key of this name.
    #[must_use]
    pub fn of(name: &str) -> Self {
        if name.len() <= limits::KEY {
            Self::Short(name.into())
        } else {
            Self::Long(Sha256::digest(name).into())
        }
    }

    /// Bytes that it takes in memory.
    #[must_use]
    pub fn cost(&self) -> usize {
        let text = if let Self::Short(text) = self { text.len() } else { 0 };
        size_of::<Self>() + text
    }
}

impl fmt::Display for BoundedKey {
    /// The name, or `sha256:` and its hash.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Short(name) => f.write_str(name),
            Self::Long(hash) => write!(f, "sha256:{}", hex(hash)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_are_kept_by_their_hash() {
        let (short, long) = ("x".repeat(limits::KEY), "x".repeat(limits::KEY + 1));
        assert_eq!(BoundedKey::of(&short).to_string(), short);
        assert!(BoundedKey::of(&long).to_string().starts_with("sha256:"));
        assert!(
            BoundedKey::of(&long) == BoundedKey::of(&long)
                && BoundedKey::of(&long) != BoundedKey::of(&format!("{long}x"))
        );
        for name in [short, long.clone(), long.repeat(100_000)] {
            assert!(BoundedKey::of(&name).cost() <= limits::KEY + size_of::<BoundedKey>());
        }
    }
}
