//! Programs against outputs.
