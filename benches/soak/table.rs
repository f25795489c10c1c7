//! The run by quarters, and whether anything grew.

use std::time::Duration;

use super::sample::Sample;
use super::say;

/// How much a median may go up and count as the same: descriptors, since a reconnect or a file that waits may be under
/// way; and memory, whose pages an allocator does not give back at once.
const MORE_DESCRIPTORS: usize = 2;
const MORE_MEMORY_KIB: u64 = 1024;
const MORE_MEMORY_PERCENT: u64 = 5;

/// What is known of a process.
pub(crate) struct Record {
    pub(crate) name: String,
    /// How many it has had, if it is a server and that is known.
    pub(crate) connections: Option<u64>,
    pub(crate) samples: Vec<Sample>,
}

/// A quarter: medians, and the cost of a message.
struct Quarter {
    descriptors: usize,
    memory: u64,
    micros: f64,
}

/// Prints all processes. `false`: something grew.
pub(crate) fn print(records: &[Record], time: Duration) -> bool {
    say(&format!(
        "{:<26} {:>9} {:>11}   {:^19}   {:^27}   {:^27}",
        "", "messages", "connections", "descriptors", "memory, MiB", "CPU, µs a message"
    ));
    let mut flat = true;
    for record in records {
        let quarters: Vec<Quarter> = (0..4).map(|n| quarter(&record.samples, time / 4, n)).collect();
        let row = |of: &dyn Fn(&Quarter) -> String| quarters.iter().map(of).collect::<Vec<_>>().join(" ");
        let grown = grown(&quarters[1], &quarters[3]);
        flat &= grown.is_none();
        say(&format!(
            "{:<26} {:>9} {:>11}   {}   {}   {} {}",
            record.name,
            record.samples.last().map_or(0, |last| last.messages),
            record.connections.map_or(String::new(), |count| count.to_string()),
            row(&|quarter| format!("{:>4}", quarter.descriptors)),
            row(&|quarter| format!("{:>6.1}", quarter.memory as f64 / 1024.0)),
            row(&|quarter| format!("{:>6.1}", quarter.micros)),
            grown.unwrap_or_default(),
        ));
    }
    let last: Vec<&Sample> = records.iter().filter_map(|record| record.samples.last()).collect();
    let (at, cpu) =
        (last.first().map_or(time, |last| last.at), last.iter().map(|last| last.cpu).sum::<Duration>());
    say(&format!("all together used {:.1} % of a core", cpu.as_secs_f64() / at.as_secs_f64() * 100.0));
    flat
}

fn quarter(samples: &[Sample], length: Duration, n: u32) -> Quarter {
    let within = |sample: &&Sample| sample.at >= length * n && sample.at < length * (n + 1);
    let own: Vec<&Sample> = samples.iter().filter(within).collect();
    let micros = own.first().zip(own.last()).map_or(0.0, |(first, last)| {
        (last.cpu - first.cpu).as_secs_f64() * 1e6 / (last.messages - first.messages).max(1) as f64
    });
    let descriptors = median(own.iter().map(|sample| sample.descriptors as u64)) as usize;
    Quarter { descriptors, memory: median(own.iter().map(|sample| sample.memory)), micros }
}

fn grown(before: &Quarter, after: &Quarter) -> Option<&'static str> {
    if after.descriptors > before.descriptors + MORE_DESCRIPTORS {
        return Some("more descriptors");
    }
    let most = before.memory + (before.memory * MORE_MEMORY_PERCENT / 100).max(MORE_MEMORY_KIB);
    (after.memory > most).then_some("more memory")
}

fn median(values: impl Iterator<Item = u64>) -> u64 {
    let mut values: Vec<u64> = values.collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or_default()
}
