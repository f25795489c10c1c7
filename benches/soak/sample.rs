//! What the system says of a process.

use std::fs;
use std::time::Duration;

use anyhow::{Context as _, Result};

/// A process at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sample {
    /// Since the run began.
    pub(crate) at: Duration,
    /// Open descriptors.
    pub(crate) descriptors: usize,
    /// Resident memory in KiB.
    pub(crate) memory: u64,
    /// Processor time so far.
    pub(crate) cpu: Duration,
    /// Messages so far.
    pub(crate) messages: u64,
}

impl Sample {
    /// Looks at a process.
    pub(crate) fn take(pid: u32, at: Duration, messages: u64) -> Result<Self> {
        let status = fs::read_to_string(format!("/proc/{pid}/status"))?;
        let line = status.lines().find(|line| line.starts_with("VmRSS:")).context("no VmRSS")?;
        let memory = line.split_whitespace().nth(1).context("no number")?.parse()?;
        let descriptors = fs::read_dir(format!("/proc/{pid}/fd"))?.count();
        Ok(Self { at, descriptors, memory, cpu: cpu(pid)?, messages })
    }
}

/// In ticks of 10 ms, with those of threads that have ended (proc_pid_stat(5), fields 14 and 15).
fn cpu(pid: u32) -> Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_millis(10 * ticks))
}
