//! The tool as its users meet it: every test here starts the binary and talks to real sockets on loopback.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

#[cfg(all(unix, feature = "brokers"))]
mod brokers;
mod campaigns;
mod clients;
mod compression;
mod connections;
mod decode;
mod delivery;
mod dialect_servers;
mod dialects;
mod ending;
mod escapes;
mod fault_table;
mod faults;
mod files;
mod filter;
mod first_steps;
mod fixtures;
mod full_disk;
mod fuzz_targets;
mod generated;
mod habits;
mod harness;
mod hostile;
mod hostile_clients;
mod house;
mod instances;
mod interop;
mod kadoa;
#[cfg(all(unix, feature = "brokers"))]
mod kafka;
mod library;
mod limits;
mod linger;
mod mock;
mod mock_process;
mod options;
mod output;
mod output_file;
mod packaging;
mod peers;
mod plain_english;
mod probe;
mod probe_live;
mod probe_messages;
mod probe_rows;
mod probe_screen;
mod probe_tls;
mod providers;
mod proxies;
mod pty;
mod readme;
mod reconnect;
mod recorded;
mod recordings;
mod refusals;
#[cfg(all(unix, feature = "brokers"))]
mod relay;
mod renewed;
mod repl;
mod replay;
mod scenario;
mod schema;
mod secrets;
mod sending;
mod servers;
#[cfg(all(unix, feature = "brokers"))]
mod share;
mod shell;
mod slow_reader;
mod subscribe;
mod supply_chain;
mod tap;
mod tap_peers;
mod tap_upstream;
mod tls;
mod to_command;
mod transcripts;
mod unreliable;
mod verbose;
mod watch;
mod watch_screen;
