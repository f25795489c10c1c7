//! The tool as its users meet it: every test here starts the binary and talks to real sockets on loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod campaigns;
mod clients;
mod delivery;
mod dialects;
mod ending;
mod fault_table;
mod faults;
mod filter;
mod first_steps;
mod fixtures;
mod generated;
mod harness;
mod hostile;
mod hostile_clients;
mod instances;
mod kadoa;
mod mock;
mod mock_process;
mod options;
mod output;
mod output_file;
mod probe;
mod probe_live;
mod probe_rows;
mod probe_tls;
mod providers;
mod proxies;
mod pty;
mod readme;
mod reconnect;
mod recorded;
mod refusals;
mod repl;
mod replay;
mod scenario;
mod sending;
mod servers;
mod slow_reader;
mod subscribe;
mod unreliable;
mod watch;
mod watch_screen;
