//! Shared work: processes with the same topics divide them among themselves, and take over from those that die.
//!
//! A JetStream key-value bucket decides; nothing here votes. Topics are divided into slots. A slot is held by a lease: its
//! key names the holder and has the provider's cursor. Every write of it, a cursor's too, names the revision that the
//! holder knows, so a process that has lost a slot can write nothing more. A lease is over when its key has not changed
//! for the lease's time *by the clock of whoever looks*, and its holder stops earlier, by its own clock: clocks need not
//! agree. Which process should hold which slot follows from who is alive ([`crate::rendezvous`]).

pub mod bucket;
pub mod lease;
pub mod view;

/// What of its time a lease is used for, at most. The rest is for a process to stop in.
const USED: f64 = 0.75;

/// What of its time has passed when a session that has not stopped yet is dropped.
const DROPPED: f64 = 0.9;
