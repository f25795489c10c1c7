//! The tool as its users meet it: every test here starts the binary and talks to real sockets on loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod campaigns;
mod dialects;
mod ending;
mod faults;
mod filter;
mod first_steps;
mod generated;
mod harness;
mod hostile;
mod kadoa;
mod mock;
mod mock_process;
mod options;
mod output;
mod providers;
mod proxies;
mod readme;
mod reconnect;
mod refusals;
mod replay;
mod scenario;
mod sending;
mod servers;
mod subscribe;
mod watch;
mod watch_screen;
