//! Events that are acknowledged by an HTTP call each, from a mock of Kadoa that is never short of them.

use std::io::{self, BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};

use crate::Asked;
use crate::contender::Running;
use crate::rate::wstap;
use crate::stats::{median, say};

/// Events of one run.
const EVENTS: u32 = 300_000;

/// What one run took.
struct Run {
    /// Microseconds of processor time of the client for each event.
    cpu: f64,
    /// Events a second.
    rate: f64,
    /// Events that were not acknowledged.
    lost: u64,
}

pub(crate) fn run(asked: &Asked) -> Result<()> {
    let mut contenders = Vec::new();
    for (name, path) in [("wstap", Some(wstap())), ("against", asked.against.as_deref())] {
        let Some(path) = path else { continue };
        contenders.push((name.to_owned(), path, None));
        contenders.push((format!("{name}, not compressed"), path, Some("--no-compress")));
    }
    let mut runs: Vec<Vec<Run>> = contenders.iter().map(|_| Vec::new()).collect();
    for _ in 0..asked.rounds.unwrap_or(5) {
        for ((_, path, option), own) in contenders.iter().zip(&mut runs) {
            own.push(once(path, *option)?);
        }
    }
    say(&format!("acks: {EVENTS} events of kadoa, each acknowledged by an HTTP call"));
    say(&format!("  {:<26} {:>9} {:>9} {:>18}", "", "µs CPU", "k/s", "not acknowledged"));
    for ((name, ..), own) in contenders.iter().zip(&runs) {
        let of = |value: fn(&Run) -> f64| median(own.iter().map(value));
        say(&format!(
            "  {name:<26} {:>9.2} {:>9.1} {:>18}",
            of(|run| run.cpu),
            of(|run| run.rate) / 1e3,
            of(|run| run.lost as f64),
        ));
    }
    say("");
    Ok(())
}

/// A new mock, and a client that leaves when it has all events.
fn once(path: &Path, option: Option<&str>) -> Result<Run> {
    let mut mock =
        start(wstap(), &["serve-mock", "kadoa", "--rate", "max", "--port", "0", "--no-control", "-q"])?;
    let mut url = String::new();
    BufReader::new(mock.stdout.take().context("no pipe")?).read_line(&mut url)?;
    let events = EVENTS.to_string();
    let args = ["subscribe", "-d", "kadoa", "--url", url.trim(), "--no-dedupe", "--count", &events];
    let began = Instant::now();
    let mut client = start(path, &[&args[..], option.as_slice()].concat())?;
    let mut notices = client.children[0].stderr.take().context("no pipe")?;
    io::copy(&mut client.stdout.take().context("no pipe")?, &mut io::sink())?;
    let rate = f64::from(EVENTS) / began.elapsed().as_secs_f64();
    let mut said = String::new();
    notices.read_to_string(&mut said)?;
    // It has ended and was not waited for, so its times are still there.
    let cpu = client.cpu().as_secs_f64() * 1e6 / f64::from(EVENTS);
    ensure!(client.children[0].wait()?.success(), "the client failed:\n{said}");
    let lost = said.lines().find_map(|line| line.strip_suffix(" events not acknowledged"));
    let lost = lost.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default();
    Ok(Run { cpu, rate, lost })
}

fn start(path: &Path, args: &[&str]) -> Result<Running> {
    let mut child = Command::new(path)
        .args(args)
        .env_clear()
        .env("KADOA_API_KEY", "the-key-of-the-benchmark")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("{} does not start", path.display()))?;
    let stdout = child.stdout.take();
    Ok(Running { children: vec![child], stdout })
}
