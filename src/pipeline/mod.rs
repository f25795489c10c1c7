//! From what arrives to the bytes of a line.

pub mod filter;
