//! The tool as its users meet it: every test here starts the binary and talks to real sockets on loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod ending;
mod first_steps;
mod generated;
#[allow(dead_code, reason = "a test takes what it needs")]
mod harness;
mod hostile;
mod output;
mod readme;
mod reconnect;
mod sending;
