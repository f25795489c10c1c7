//! Clients and mocks for an hour, with everything that happens to a session: does anything grow?
//!
//! ```text
//! cargo bench --bench soak                          an hour
//! cargo bench --bench soak -- time=120s every=1s    shorter, to see that it works
//! cargo bench --bench soak -- scale=60 wstap=PATH   providers' times a sixtieth as long; another build of wstap
//! ```
//!
//! `cast.rs` has who takes part: a mock for each provider, one of them with TLS, `subscribe` to each, `connect`, and
//! `watch-campaign` into a pipe and onto a terminal. At a time scale of 20 an hour is most of a day of pings,
//! heartbeats, tokens and campaigns. Every few seconds each mock does something wrong: connections are dropped, reset,
//! closed, refused, go silent or half open. Beside that (`rhythm.rs`) servers announce their end, output files are
//! rotated, readers of the output stand still, and visitors of the mocks leave in the middle of a request.
//!
//! What the system says of every process (`sample.rs`) is put together by quarters of the run (`table.rs`), after each
//! as far as it has come. The first quarter is for getting warm; if a process has more descriptors or more memory in the
//! last quarter than in the second, the run fails. CPU a message is printed and not judged, since others may use the
//! machine. The mock of a provider that can replay keeps the last 100,000 events and acknowledgements. It gets as many
//! in the first quarter; in runs of less than twenty minutes that is too many, and it does grow.

mod cast;
mod rhythm;
mod sample;
mod table;

use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};

use cast::Cast;
use rhythm::Rhythm;

/// What was asked for on the command line.
struct Asked {
    time: Duration,
    every: Duration,
    scale: u32,
    wstap: PathBuf,
}

impl Asked {
    fn parse(words: impl Iterator<Item = String>) -> Result<Self> {
        let mut asked = Self {
            time: Duration::from_secs(3600),
            every: Duration::from_secs(5),
            scale: 20,
            wstap: env!("CARGO_BIN_EXE_wstap").into(),
        };
        // cargo adds options of its own, such as `--bench`.
        for word in words.filter(|word| !word.starts_with("--")) {
            match word.split_once('=') {
                Some(("time", time)) => {
                    asked.time = wstap::testing::duration(time).map_err(anyhow::Error::msg)?;
                }
                Some(("every", time)) => {
                    asked.every = wstap::testing::duration(time).map_err(anyhow::Error::msg)?;
                }
                Some(("scale", number)) => asked.scale = number.parse()?,
                Some(("wstap", path)) => asked.wstap = path.into(),
                _ => bail!("{word} is none of time=, every=, scale= and wstap="),
            }
        }
        Ok(asked)
    }
}

fn main() -> Result<ExitCode> {
    let asked = Asked::parse(std::env::args().skip(1))?;
    say(&format!(
        "soak: {} at a time scale of {} with {}, a sample every {}",
        humantime::format_duration(asked.time),
        asked.scale,
        asked.wstap.display(),
        humantime::format_duration(asked.every),
    ));
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let mut cast = Cast::start(&asked, folder.path())?;
    let mut rhythm = Rhythm::default();
    let begin = Instant::now();
    let (mut next, mut quarters) = (begin, 0);
    while begin.elapsed() < asked.time {
        thread::sleep(next.saturating_duration_since(Instant::now()).min(Duration::from_secs(1)));
        rhythm.beat(begin.elapsed(), &cast)?;
        if next <= Instant::now() {
            next += asked.every;
            cast.sample(begin.elapsed())?;
        }
        if begin.elapsed() >= asked.time / 4 * (quarters + 1) {
            quarters += 1;
            table::print(&cast.records()?, asked.time);
        }
    }
    let records = cast.records()?;
    cast.end().context("at the end")?;
    let flat = table::print(&records, asked.time);
    say(if flat { "descriptors and memory are flat" } else { "something grows" });
    Ok(if flat { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One line of output.
#[allow(clippy::print_stdout, reason = "a table for the person who runs it")]
fn say(line: &str) {
    println!("{line}");
}
